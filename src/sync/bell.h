// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_SYNC_BELL_H
#define RNR_SYNC_BELL_H

// A doorbell: one side sleeps, the other wakes it, and who rings pays nothing while nobody sleeps.
//
//     sleeper                                       ringer
//     rnr_bell_arm     bit set, barrier             change the condition
//     look                                          one look at the bit
//     rnr_bell_sleep   until rung, or a slice over  rnr_bell_ring, if it is set
//     look ...
//     rnr_bell_disarm
//
// The ringer's half before rnr_bell_ring is inline, and so is the argument why no wake-up is lost:
// include/renoir/detail/ring_common.h.

#include <stdbool.h>
#include <stdint.h>

#include "renoir/detail/atomic.h"
#include "renoir/status.h"

// Slices of a wait that must tell a death: first this long, doubling up to that long.
#define RNR_BELL_FIRST_SLICE_NS RENOIR_MILLISECONDS(5)
#define RNR_BELL_LAST_SLICE_NS RENOIR_MILLISECONDS(50)
// Slices of a sleeper that a ringer may miss: it cannot run the barrier, and the ringer has none.
#define RNR_BELL_UNSURE_SLICE_NS RENOIR_MILLISECONDS(1)

typedef struct RnrBell {
    RnrAtomicU32 *sleepers; // hints; one bit each
    RnrAtomicU32 *word;     // what this bell's sleeper sleeps on
    uint32_t bit;           // its bit in sleepers
} RnrBell;

// One wait, private to the sleeper.
typedef struct RnrNap {
    uint32_t value; // of the word before the look
    bool is_armed;
    bool is_covered; // the barrier reached every registered ringer
    uint64_t slice_ns;
} RnrNap;

// Wakes the sleeper if its bit is set.
void rnr_bell_ring(const RnrBell *bell);

// Announces the sleeper, once until it is rung; to be called before each look.
void rnr_bell_arm(const RnrBell *bell, RnrNap *nap);

// Sleeps for one slice at most, and not beyond the deadline. The slice is short if neither the
// barrier nor the ringer's own fence makes sure that the ringer sees the bit. CORRUPTED: the word's
// page is gone. Anything else: look again.
RenoirErrorCode
rnr_bell_sleep(const RnrBell *bell, RnrNap *nap, bool ringer_fences, uint64_t deadline_ns);

// Takes the announcement back.
void rnr_bell_disarm(const RnrBell *bell, RnrNap *nap);

#endif
