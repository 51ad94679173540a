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
// Any number of ringers, and any number of sleepers behind one bit. Who sleeps elsewhere (in a wait
// set) announces itself with rnr_bell_announce, runs the barrier once for all its bells, looks, and
// is told by other means.
//
// The ringer's half before rnr_bell_ring is inline, and so is the argument why no wake-up is lost:
// include/renoir/detail/ring_common.h; what several sleepers behind one bit add to it is in bell.c.

#include <stdbool.h>
#include <stdint.h>

#include "renoir/detail/atomic.h"
#include "renoir/status.h"

// Slices of a wait that must tell a death: first this long, doubling up to that long.
#define RNR_BELL_FIRST_SLICE_NS RENOIR_MILLISECONDS(5)
#define RNR_BELL_LAST_SLICE_NS RENOIR_MILLISECONDS(50)
// The longest of a wait for something that nobody in particular must do.
#define RNR_BELL_IDLE_SLICE_NS RENOIR_MILLISECONDS(250)
// Slices of a sleeper that a ringer may miss: it cannot run the barrier, and the ringer has none.
#define RNR_BELL_UNSURE_SLICE_NS RENOIR_MILLISECONDS(1)

typedef struct RnrBell {
    RnrAtomicU32 *sleepers; // hints; one bit each
    RnrAtomicU32 *word;     // what this bell's sleeper sleeps on
    uint32_t bit;           // its bit in sleepers
    bool is_shared;         // others may sleep behind the same bit
} RnrBell;

// One wait, private to the sleeper. All zero: not armed.
typedef struct RnrNap {
    uint32_t value; // of the word when it was announced
    bool is_armed;
    bool is_covered;     // the barrier reached every registered ringer
    uint64_t slice_ns;   // the next one; 0: the first
    uint64_t longest_ns; // that it grows to; 0: RNR_BELL_LAST_SLICE_NS
} RnrNap;

// Wakes the sleepers if their bit is set, and says whether it was.
bool rnr_bell_ring(const RnrBell *bell);

// Announces the sleeper, once until it is rung; to be called before each look.
void rnr_bell_arm(const RnrBell *bell, RnrNap *nap);

// The two halves of it. Whether what was announced still stands: nobody has rung since, or whoever
// has is not done yet.
bool rnr_bell_is_armed(const RnrBell *bell, const RnrNap *nap);
// Announces, without the barrier, which must be run before the look.
void rnr_bell_announce(const RnrBell *bell, RnrNap *nap);

// Sleeps for one slice at most, and not beyond the deadline. The slice is short if neither the
// barrier nor the ringer's own fence makes sure that the ringer sees the bit. CORRUPTED: the word's
// page is gone. Anything else: look again.
RenoirErrorCode
rnr_bell_sleep(const RnrBell *bell, RnrNap *nap, bool ringer_fences, uint64_t deadline_ns);

// Takes the announcement back, unless the bit is shared: the next ringer does that.
void rnr_bell_disarm(const RnrBell *bell, RnrNap *nap);

#endif
