// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_SYNC_VERSIONS_H
#define RNR_SYNC_VERSIONS_H

// The newest whole value, kept in 16 versions: the protocol alone, in any shared memory. Who may
// write, and waiting, is sync/state.h.

#include <stdbool.h>
#include <stdint.h>

#include "layout/state_shm.h"
#include "renoir/status.h"

#define RNR_VERSIONS_SIZE_MAX (UINT64_C(1) << 30)
// No number of a version ever gets there: a billion a second take 292 years.
#define RNR_VERSIONS_NUMBER_MAX (UINT64_C(1) << 63)
// How often a reader takes the newest version again before it gives up.
enum { RNR_VERSIONS_TRIES = 100 };

typedef struct RnrVersionsShape {
    uint64_t max_size;
    uint64_t stride;
    uint64_t data_offset;
    uint64_t total_bytes;
} RnrVersionsShape;

// This process's look at a state. Geometry is copied and checked once.
typedef struct RnrVersions {
    RnrStateShm *shm;
    unsigned char *cells; // the first version
    uint64_t max_size;
    uint64_t stride;
    uint64_t data_offset;
    const char *name; // for messages; borrowed
} RnrVersions;

// One version, as it was found.
typedef struct RnrVersion {
    uint64_t number;
    uint64_t length; // at most max_size
    const void *data;
} RnrVersion;

// INVALID_PARAMETER.
RenoirErrorCode
rnr_versions_shape(const char *name, uint64_t max_size, RnrVersionsShape *out_shape);

// Lays a state out in zeroed memory of shape->total_bytes.
void rnr_versions_format(RnrStateShm *shm, const RnrVersionsShape *shape);

// Reads the geometry once, and checks it against itself and the room there is. CORRUPTED,
// VERSION_MISMATCH.
RenoirErrorCode rnr_versions_attach(RnrStateShm *shm,
                                    uint64_t size_bytes,
                                    const char *name,
                                    RnrVersions *out_versions);

// --- the writer ----------------------------------------------------------------------------------

// The number that a writer who has just come goes on with. CORRUPTED.
RenoirErrorCode rnr_versions_take_over(const RnrVersions *versions, uint64_t *out_number);
// Takes the place of the oldest version for this one: max_size bytes. Idempotent.
void *rnr_versions_reserve(const RnrVersions *versions, uint64_t number);
// Makes it the newest.
void rnr_versions_commit(const RnrVersions *versions, uint64_t number, uint64_t length);

// --- readers -------------------------------------------------------------------------------------

uint64_t rnr_versions_latest(const RnrVersions *versions);
// Copies the newest. BUFFER_EMPTY, INSUFFICIENT_SPACE, CONCURRENCY_ERROR, CORRUPTED. Where it
// copied and yet fails, the buffer is zeros again.
RenoirErrorCode rnr_versions_read(const RnrVersions *versions,
                                  void *buffer,
                                  uint64_t size,
                                  RnrVersion *out_version);
// Finds the newest. BUFFER_EMPTY, CONCURRENCY_ERROR, CORRUPTED.
RenoirErrorCode rnr_versions_peek(const RnrVersions *versions, RnrVersion *out_version);
// Whether all that was read of the version before this call was its own.
bool rnr_versions_is_whole(const RnrVersions *versions, uint64_t number);

// I1 and I2, beside a live writer. CORRUPTED.
RenoirErrorCode rnr_versions_check(const RnrVersions *versions);

#endif
