// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Wait sets that sleep for one object, and are told by letter.
//
// Picture            two sets have places, the second sleeps
//
//     announced      0  1  0  0  …           bit of place 1
//     addresses      A  B  0  0  …
//
// Who writes what
//     addresses      a wait set, by swap with 0; who finds it dead, back to 0
//     announced      a set sets its bit; who tells clears them all
//
// Invariants
//     I1  a set's address lies in its place before its bit is set
//     I2  a set whose bit was taken is sent to, or the one who took it has died
//
// Edges
//     audience.told      see "Why seq_cst"
//     audience.address   a set or a sender: swap it  ──►  the next one: the same; carries nothing
//
// Why seq_cst                     both sides change one word, then the other
//
//     ringer (sync/bell.c, then here)         wait set
//     W4  clear the shared bit                S0  set own bit in `announced`
//     W5  take all bits of `announced`        S1  set the shared bit (sync/bell.c), barrier, look
//
//     Whoever clears a shared bit that S1 has set comes after S0, and so takes the set's bit at W5,
//     or another one has taken it and sends. If W4 comes before S1, the set looks after it, and
//     sees what that ringer published. A set that finds its bit gone has a letter or gets one: it
//     announces itself anew.
//
// Progress
//     Telling sends one datagram to each set that sleeps. Joining tries each place twice.
//
// If a process dies
//     ringer between W4 and W5     the sets look again when their slice is over
//     wait set                     its place is taken back by whoever cannot reach it
//
// Trust
//     Bits and addresses are hints: a wrong one costs a letter, or a set that is told late by one
//     slice.
//
// Proof
//     unit  tests/unit/sync/state_waitset_test.c     crash  tests/crash/state_test.c

#include "sync/audience.h"

#include "sync/post.h"

void rnr_audience_tell(const RnrAudience *audience)
{
    // [audience.told: seq_cst] W5. The addresses were written before.
    uint64_t told = rnr_fetch_and_seq_cst_u64(audience->announced, 0);

    RNR_FAULT_POINT("audience.tell.taken");
    while (told != 0) {
        const int place = __builtin_ctzll(told);
        told &= told - 1;
        rnr_post_tell(audience->node, &audience->addresses[place]);
    }
}

static bool claim(const RnrAudience *audience, uint32_t place, uint64_t expected, uint64_t address)
{
    // [audience.address: acq_rel] One set gets a place.
    return rnr_cas_acq_rel_u64(&audience->addresses[place], &expected, address) != 0;
}

// A free place, else one whose set is dead. False: none.
static bool find_place(const RnrAudience *audience, RnrSeat *seat)
{
    for (uint32_t i = 0; i < RNR_AUDIENCE_PLACES; ++i) {
        if (claim(audience, i, 0, seat->address)) {
            seat->number = i + 1;
            return true;
        }
    }
    for (uint32_t i = 0; i < RNR_AUDIENCE_PLACES; ++i) {
        // [audience.address: acquire] Whoever has it is told without need, once.
        const uint64_t other = rnr_load_acquire_u64(&audience->addresses[i]);
        if (rnr_post_send(audience->node, other) == RNR_MAILBOX_GONE &&
            claim(audience, i, other, seat->address)) {
            seat->number = i + 1;
            return true;
        }
    }
    seat->number = 0;
    return false;
}

bool rnr_audience_join(const RnrAudience *audience, RnrSeat *seat, uint64_t address)
{
    seat->address = address;
    return find_place(audience, seat);
}

// Whoever could not reach the set has cleared its place.
static bool has_place(const RnrAudience *audience, const RnrSeat *seat)
{
    if (seat->number == 0) {
        return false;
    }
    const uint32_t place = seat->number - 1;
    // [audience.address: acquire] Our own, or what another set has put there.
    const uint64_t there = rnr_load_acquire_u64(&audience->addresses[place]);
    return there == seat->address || (there == 0 && claim(audience, place, 0, seat->address));
}

bool rnr_audience_arm(const RnrAudience *audience, RnrSeat *seat)
{
    const bool is_seated = has_place(audience, seat);

    if (!is_seated && !find_place(audience, seat)) {
        return false; // the set's slices remain
    }
    const uint64_t bit = UINT64_C(1) << (seat->number - 1);
    // [audience.told: acquire] Whoever took it has sent, or is about to.
    if (is_seated && (rnr_load_acquire_u64(audience->announced) & bit) != 0) {
        return false;
    }
    // [audience.told: seq_cst] S0 (I1).
    (void)rnr_fetch_or_seq_cst_u64(audience->announced, bit);
    return true;
}

void rnr_audience_leave(const RnrAudience *audience, RnrSeat *seat)
{
    if (seat->number == 0) {
        return;
    }
    // [audience.told: seq_cst] Nobody sleeps there any more.
    (void)rnr_fetch_and_seq_cst_u64(audience->announced, ~(UINT64_C(1) << (seat->number - 1)));
    // Unless somebody could not reach the set, and another one has the place now.
    (void)claim(audience, seat->number - 1, seat->address, 0);
    *seat = (RnrSeat){.number = 0};
}
