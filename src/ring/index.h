// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_RING_INDEX_H
#define RNR_RING_INDEX_H

// What index rings share, also those that lie in another ring: lanes.

#include <stdint.h>

#include "ring/ring.h"

// The longest record: wanted, or a quarter of the capacity. INVALID_PARAMETER: more than half.
RenoirErrorCode
rnr_record_max(uint32_t kind, uint64_t capacity, uint32_t wanted, uint32_t *out_max_record);
// Bytes of the cells of a record ring.
uint64_t rnr_record_cells_bytes(const RnrRingTerms *terms);

// As the members of RnrRingKind.
RenoirErrorCode rnr_index_begin(const RnrRing *ring, RenoirRingEnd *end);
RenoirErrorCode rnr_record_look(const RenoirRingEnd *end);
RenoirErrorCode rnr_index_check(const RnrRingShm *shm, const RnrRingTerms *terms, const char *name);
void rnr_index_stats(const RnrRingShm *shm, uint64_t capacity, RenoirRingStats *out_stats);

#endif
