// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_RING_REFUSE_H
#define RNR_RING_REFUSE_H

// The error records of inline ring calls, which write none themselves. Statuses as in
// renoir/ring.h: renoir_detail_ring_*.

#include <stddef.h>
#include <stdint.h>

#include "renoir/ring.h"
#include "renoir/status.h"

RenoirErrorCode
rnr_ring_refuse(const RenoirRingEnd *end, uint32_t kind, uint32_t role, size_t element_size);
RenoirErrorCode rnr_ring_bad_position(const RenoirRingEnd *end, uint64_t position);
RenoirErrorCode rnr_ring_bad_record(const RenoirRingEnd *end, uint64_t length);
RenoirErrorCode rnr_ring_too_large(const RenoirRingEnd *end, size_t length);
RenoirErrorCode rnr_ring_too_small(size_t size, size_t length);
RenoirErrorCode rnr_ring_has_claim(const RenoirRingEnd *end);
RenoirErrorCode rnr_ring_has_none(const RenoirRingEnd *end);

#endif
