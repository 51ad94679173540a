// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_SYNC_EPOCH_H
#define RNR_SYNC_EPOCH_H

// Epochs: shared things are freed when no live reader can still see them. The argument why is in
// sync/epoch.c.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memory/region.h"
#include "renoir/epoch.h"
#include "renoir/status.h"

typedef struct RenoirEpoch RnrEpoch;
typedef struct RenoirEpochReader RnrEpochReader;

// Chunks are for making it; what is found may have others.
typedef struct RnrEpochTerms {
    const char *name;
    uint32_t max_readers;  // 0: as found, or RENOIR_EPOCH_READERS_MAX
    uint32_t chunk_count;  // 0: RNR_EPOCH_CHUNKS
    uint32_t chunk_tokens; // 0: RNR_EPOCH_CHUNK_TOKENS
} RnrEpochTerms;

RenoirErrorCode rnr_epoch_open(RnrRegion *region, const RnrEpochTerms *terms, RnrEpoch **out_epoch);
void rnr_epoch_close(RnrEpoch *epoch);
// INVALID_PARAMETER: no handle. INVALID_STATE: of another process. CORRUPTED: its mapping is lost.
RenoirErrorCode rnr_epoch_check_handle(const RnrEpoch *epoch);

RenoirErrorCode rnr_epoch_reader_open(RnrEpoch *epoch, RnrEpochReader **out_reader);
void rnr_epoch_reader_close(RnrEpochReader *reader);
void rnr_epoch_enter(RnrEpochReader *reader);
void rnr_epoch_leave(RnrEpochReader *reader);

RenoirErrorCode rnr_epoch_retire(RnrEpoch *epoch, uint64_t token);
// *out_count counts from 0, also on failure.
RenoirErrorCode rnr_epoch_try_reclaim(RnrEpoch *epoch,
                                      RenoirReclaimFunction reclaim,
                                      void *user,
                                      size_t *out_count);

void rnr_epoch_stats(RnrEpoch *epoch, RenoirEpochStats *out_stats);
size_t rnr_epoch_list(RnrEpoch *epoch, RenoirEpochReaderInfo *infos, size_t capacity);

// The invariants of sync/epoch.c, beside live users. CORRUPTED with a record.
RenoirErrorCode rnr_epoch_check(const void *memory, uint64_t size_bytes, const char *name);

#endif
