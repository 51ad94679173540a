// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_RING_WAIT_H
#define RNR_RING_WAIT_H

// Waiting until an end can go on, and waking the one that waits.

#include <stdbool.h>
#include <stdint.h>

#include "renoir/ring.h"
#include "renoir/status.h"
#include "sync/bell.h"

// As renoir_ring_wait; the end has been checked.
RenoirErrorCode rnr_ring_wait(const RenoirRingEnd *end, uint64_t timeout_ns);

// SUCCESS: this end can go on. BUFFER_FULL, BUFFER_EMPTY: not yet. CORRUPTED.
RenoirErrorCode rnr_ring_look(const RenoirRingEnd *end);

// Whether the ends opposite to this one were there, and all are gone. As many system calls as there
// are dead ones, and one more.
bool rnr_ring_peer_is_gone(const RenoirRingEnd *end);

// What the ends of a role sleep on. Several share a bit and a bell.
RnrBell rnr_ring_bell_of(const RenoirRingEnd *end, uint32_t role);

// Rings for those who sleep: bits of RnrRingShm.sleepers.
void rnr_ring_wake(const RenoirRingEnd *end, uint32_t sleepers);

#endif
