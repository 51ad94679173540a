// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The slow halves of the doorbell.
//
// Picture            ringer and sleeper over one word and one bit: sync/bell.h
//
// Who writes what
//     sleepers   the sleeper sets its bit; the ringer, or the sleeper itself, clears it
//     word       the ringer, by adding 1
//
// Invariants
//     I1  the ringer clears the bit first, then changes the word, then wakes
//     I2  the sleeper parks on a value that it read before its last look
//
// Edges
//     ring.sleep   see "Why seq_cst" in include/renoir/detail/ring_common.h; S1 and W4 are here
//     bell.rung    ringer: change the word  ──►  sleeper: load the word
//                  carries nothing that the index did not carry before
//
// Progress
//     No loop. A sleep ends after one slice, whoever rings or dies.
//
// If a process dies
//     sleeper before or in its sleep   its bit stays: the ringer wakes nobody, once
//     ringer between bit and wake      the sleeper looks again when its slice is over
//
// Trust
//     Bits and word are hints. A hostile writer causes needless looks, or wakes late by one slice.
//
// Proof
//     unit  tests/unit/sync/bell_test.c     torture  tests/torture/ring_test.c

#include "sync/bell.h"

#include "platform/barrier.h"
#include "platform/clock.h"
#include "platform/park.h"
#include "renoir/library.h"

void rnr_bell_ring(const RnrBell *bell)
{
    // [ring.sleep: seq_cst] W4: the bit goes before the word changes (I1).
    const uint32_t before = rnr_fetch_and_seq_cst_u32(bell->sleepers, ~bell->bit);

    if ((before & bell->bit) == 0) {
        return;
    }
    RNR_FAULT_POINT("bell.ring.cleared");
    // [bell.rung: release] A sleeper that sees the old value is woken by the next line.
    (void)rnr_fetch_add_seq_cst_u32(bell->word, 1);
    RNR_FAULT_POINT("bell.ring.changed");
    rnr_park_wake(bell->word, UINT32_MAX);
}

void rnr_bell_arm(const RnrBell *bell, RnrNap *nap)
{
    // [bell.rung: acquire] Before the look that follows (I2).
    nap->value = rnr_load_acquire_u32(bell->word);
    if (nap->is_armed) {
        // [hint: relaxed] Whoever cleared the bit rings on; not seeing that yet costs nothing, for
        // the word has changed or changes soon.
        if ((rnr_load_relaxed_u32(bell->sleepers) & bell->bit) != 0) {
            return;
        }
    }
    // [ring.sleep: seq_cst] S1, then S2.
    (void)rnr_fetch_or_seq_cst_u32(bell->sleepers, bell->bit);
    nap->is_armed = true;
    nap->is_covered = rnr_barrier_run();
}

RenoirErrorCode
rnr_bell_sleep(const RnrBell *bell, RnrNap *nap, bool ringer_fences, uint64_t deadline_ns)
{
    const bool is_short = !ringer_fences && !nap->is_covered;
    const uint64_t now = rnr_clock_now_ns();

    if (nap->slice_ns == 0) {
        nap->slice_ns = RNR_BELL_FIRST_SLICE_NS;
    }
    uint64_t until = rnr_clock_deadline(now, is_short ? RNR_BELL_UNSURE_SLICE_NS : nap->slice_ns);
    if (until > deadline_ns) {
        until = deadline_ns;
    }
    nap->slice_ns *= 2;
    if (nap->slice_ns > RNR_BELL_LAST_SLICE_NS) {
        nap->slice_ns = RNR_BELL_LAST_SLICE_NS;
    }
    return rnr_park_wait(bell->word, nap->value, until);
}

void rnr_bell_disarm(const RnrBell *bell, RnrNap *nap)
{
    if (nap->is_armed) {
        // [ring.sleep: seq_cst] Nobody sleeps any more: spares the ringer a system call.
        (void)rnr_fetch_and_seq_cst_u32(bell->sleepers, ~bell->bit);
        nap->is_armed = false;
    }
}
