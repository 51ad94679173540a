// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_SYNC_AUDIENCE_H
#define RNR_SYNC_AUDIENCE_H

// The wait sets among those who sleep behind one shared bit: each has a place with its address, and
// a bit that says it is to be told.
//
//     wait set                                       ringer
//     rnr_audience_join    a place, once
//     rnr_audience_arm     its bit
//     rnr_bell_announce    the shared bit, barrier   change the condition
//     look                                           one look at the shared bit
//     sleep                                          rnr_bell_ring, then rnr_audience_tell
//     rnr_audience_leave

#include <stdbool.h>
#include <stdint.h>

#include "node/node.h"
#include "renoir/detail/atomic.h"

enum { RNR_AUDIENCE_PLACES = 64 };

// Where an object keeps it.
typedef struct RnrAudience {
    RnrAtomicU64 *announced; // a bit for each place: hints
    RnrAtomicU64 *addresses; // RNR_AUDIENCE_PLACES of them; 0: free
    const RnrNode *node;     // under whose root the addresses are
} RnrAudience;

// A wait set's place, private to the set. All zero: none.
typedef struct RnrSeat {
    uint32_t number; // of the place, from 1
    uint64_t address;
} RnrSeat;

// Sends to each wait set that is announced, after the bell was rung.
void rnr_audience_tell(const RnrAudience *audience);

// False: all places are taken by wait sets that live.
bool rnr_audience_join(const RnrAudience *audience, RnrSeat *seat, uint64_t address);
// Announces the set to those who tell. True: it was not announced before.
bool rnr_audience_arm(const RnrAudience *audience, RnrSeat *seat);
void rnr_audience_leave(const RnrAudience *audience, RnrSeat *seat);

#endif
