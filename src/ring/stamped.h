// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_RING_STAMPED_H
#define RNR_RING_STAMPED_H

// What is particular to spsc rings with RENOIR_RING_STAMPED, beside their inline calls.

#include <stdbool.h>

#include "ring/ring.h"

static inline bool rnr_is_stamped(uint32_t ring_flags)
{
    return (ring_flags & RENOIR_RING_STAMPED) != 0;
}

// As the members of RnrRingKind.
RenoirErrorCode rnr_stamped_begin(const RnrRing *ring, RenoirRingEnd *end);
RenoirErrorCode rnr_stamped_ready(const RenoirRingEnd *end);
void rnr_stamped_stats(const RnrRing *ring, RenoirRingStats *out_stats);
RenoirErrorCode
rnr_stamped_check(const RnrRingShm *shm, const RnrRingTerms *terms, const char *name);

// Nobody has the producer's end: moves the tail beyond what a dead producer had stamped. CORRUPTED.
RenoirErrorCode rnr_stamped_settle(const RnrRing *ring, uint64_t *out_tail);

#endif
