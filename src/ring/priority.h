// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_RING_PRIORITY_H
#define RNR_RING_PRIORITY_H

// Three record rings in one: how the bytes are shared out, and an end's ends of the three.

#include <stdint.h>

#include "renoir/ring.h"
#include "renoir/status.h"

enum { RNR_PRIORITY_LANES = 3 };

// By renoir_priority_shares(): the first two rounded up, and the rest; before each is rounded up to
// a power of two.
void rnr_priority_split(uint64_t capacity, uint32_t shares, uint64_t out_lanes[RNR_PRIORITY_LANES]);

// The lanes' ends of an end that has just been opened. CORRUPTED, VERSION_MISMATCH.
RenoirErrorCode rnr_priority_open_lanes(const RenoirRingEnd *end,
                                        RenoirRecordRing lanes[RNR_PRIORITY_LANES]);

#endif
