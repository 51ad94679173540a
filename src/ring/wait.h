// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_RING_WAIT_H
#define RNR_RING_WAIT_H

// Waiting until an end can go on, and waking the one that waits.

#include <stdint.h>

#include "renoir/ring.h"
#include "renoir/status.h"

// As renoir_ring_wait; the end has been checked.
RenoirErrorCode rnr_ring_wait(const RenoirRingEnd *end, uint64_t timeout_ns);

// Wakes whoever waits at the other end.
void rnr_ring_wake(const RenoirRingEnd *end);

#endif
