// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The slow halves of the doorbell.
//
// Picture            ringers and sleepers over one word and one bit: sync/bell.h
//
// Who writes what
//     sleepers   a sleeper sets its bit; a ringer clears it, or the sleeper if the bit is its own
//     word       ringers, by adding 1
//
// Invariants
//     I1  the ringer clears the bit first, then changes the word, then wakes
//     I2  the sleeper parks on a value that it read before its last look
//     I3  an announcement stands while the word is as it was and the bit is set
//
// Edges
//     ring.sleep   see "Why seq_cst" in include/renoir/detail/ring_common.h; S1 and W4 are here
//     bell.rung    ringer: change the word  ──►  sleeper: load the word
//                  carries nothing that the index did not carry before
//
// Several sleepers behind one bit     one may find the bit set by another
//
//     A announced itself when the word was v. If it finds v and the bit set, either nobody has
//     cleared the bit since: then its announcement, barrier included, stands as it was. Or somebody
//     cleared it, has not changed the word yet, and B set the bit again: then that ringer is on its
//     way to change v and wake everybody on it, A too, who parks on v. What a second ringer has
//     published meanwhile, having seen the bit clear, A sees when it looks after that wake, since
//     it then announces itself anew, with a barrier. So nothing is lost that a ringer lives to
//     ring. With the bit alone (no look at the word) A could take B's announcement for its own
//     after the ring, which orders nothing between A and the ringers. And a sleeper that cleared a
//     shared bit because it is done would take back the announcement of another.
//
// Several ringers     one clears the bit, another finds it clear and goes on
//
//     The second has published before its exchange on `sleepers`, which came after the first one's.
//     A sleeper that the first one wakes announces itself again, by an exchange on the same word
//     after both, and so looks at what both have published.
//
// Progress
//     No loop. A sleep ends after one slice, whoever rings or dies.
//
// If a process dies
//     sleeper before or in its sleep   its bit stays: the ringer wakes nobody, once
//     ringer between bit and wake      the sleepers look again when their slice is over
//
// Trust
//     Bits and word are hints. A hostile writer causes needless looks, or wakes late by one slice.
//
// Proof
//     unit  tests/unit/sync/bell_test.c     torture  tests/torture/wakeup_torture.c
//                                           model    docs/design/doorbell.pml

#include "sync/bell.h"

#include "platform/barrier.h"
#include "platform/clock.h"
#include "platform/park.h"
#include "renoir/library.h"

bool rnr_bell_ring(const RnrBell *bell)
{
    // [ring.sleep: seq_cst] W4: the bit goes before the word changes (I1).
    const uint32_t before = rnr_fetch_and_seq_cst_u32(bell->sleepers, ~bell->bit);

    if ((before & bell->bit) == 0) {
        return false;
    }
    RNR_FAULT_POINT("bell.ring.cleared");
    // [bell.rung: release] A sleeper that sees the old value is woken by the next line.
    (void)rnr_fetch_add_seq_cst_u32(bell->word, 1);
    RNR_FAULT_POINT("bell.ring.changed");
    rnr_park_wake(bell->word, UINT32_MAX);
    return true;
}

bool rnr_bell_is_armed(const RnrBell *bell, const RnrNap *nap)
{
    // [bell.rung: acquire] Before the look that follows (I2, I3).
    return nap->is_armed && rnr_load_acquire_u32(bell->word) == nap->value &&
           // [hint: relaxed] Whoever cleared the bit rings on; not seeing that yet costs nothing,
           // for the word has changed or changes soon.
           (rnr_load_relaxed_u32(bell->sleepers) & bell->bit) != 0;
}

void rnr_bell_announce(const RnrBell *bell, RnrNap *nap)
{
    // [bell.rung: acquire] Before the look that follows (I2).
    nap->value = rnr_load_acquire_u32(bell->word);
    // [ring.sleep: seq_cst] S1.
    (void)rnr_fetch_or_seq_cst_u32(bell->sleepers, bell->bit);
    nap->is_armed = true;
}

void rnr_bell_arm(const RnrBell *bell, RnrNap *nap)
{
    if (!rnr_bell_is_armed(bell, nap)) {
        rnr_bell_announce(bell, nap);
        RNR_FAULT_POINT("bell.arm.announced");
        nap->is_covered = rnr_barrier_run(); // S2
    }
}

RenoirErrorCode
rnr_bell_sleep(const RnrBell *bell, RnrNap *nap, bool ringer_fences, uint64_t deadline_ns)
{
    const bool is_short = !ringer_fences && !nap->is_covered;
    const uint64_t longest = nap->longest_ns != 0 ? nap->longest_ns : RNR_BELL_LAST_SLICE_NS;
    const uint64_t now = rnr_clock_now_ns();

    if (nap->slice_ns == 0) {
        nap->slice_ns = RNR_BELL_FIRST_SLICE_NS;
    }
    uint64_t until = rnr_clock_deadline(now, is_short ? RNR_BELL_UNSURE_SLICE_NS : nap->slice_ns);
    if (until > deadline_ns) {
        until = deadline_ns;
    }
    nap->slice_ns *= 2;
    if (nap->slice_ns > longest) {
        nap->slice_ns = longest;
    }
    return rnr_park_wait(bell->word, nap->value, until);
}

void rnr_bell_disarm(const RnrBell *bell, RnrNap *nap)
{
    if (nap->is_armed && !bell->is_shared) {
        // [ring.sleep: seq_cst] Nobody sleeps any more: spares the ringer a system call.
        (void)rnr_fetch_and_seq_cst_u32(bell->sleepers, ~bell->bit);
    }
    nap->is_armed = false;
}
