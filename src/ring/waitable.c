// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The end of a ring as a member of a wait set.
//
// Picture            as a wait at that end (ring/wait.c), but told through the end's `post`
//
// Who writes what
//     post              the end's owner, before it announces itself; whoever found its set dead, 0
//     sleepers, bells   sync/bell.c
//
// Invariants
//     I1  while the announcement stands, `post` is the set's address: whoever clears the bit sees
//     it
//
// Edges
//     ring.publish, ring.reuse, ring.sleep   include/renoir/detail/ring_common.h
//     ring.role                              ring/ring.c
//
//     `post` is written before the bit is set, by an exchange, and read after the bit was cleared,
//     by another one: the second comes after the first, or has not cleared what the first has set.
//
// Progress
//     A look is one look. A close look asks the kernel once for each process that has an end of the
//     ring, and only once for all members of the set; and once more where all seem to be gone.
//
// If a process dies
//     the other ends   DISCONNECTED, after a close look, when nothing is left to take
//     this end         its address leads nowhere: the next ringer clears it
//
// Trust
//     Presence and node of another end are its own words: they only delay. That it is gone the
//     kernel says.
//
// Proof
//     unit  tests/unit/sync/waitset_ring_test.c     crash  tests/crash/waitset_test.c
//                                                   torture  tests/torture/waitset_torture.c

#include "ring/waitable.h"

#include "platform/clock.h"
#include "renoir/detail/atomic.h"
#include "renoir/detail/ring_shm.h"
#include "ring/kind.h"
#include "ring/wait.h"
#include "sync/bell.h"

// One that may not write cannot announce itself: the set looks this often.
#define ONLOOKER_NAP_NS RENOIR_MILLISECONDS(1)

static RnrRingSession *session_of(const RnrWaitable *self)
{
    return (RnrRingSession *)(uintptr_t)((const unsigned char *)self -
                                         offsetof(RnrRingSession, waitable));
}

static RnrAtomicU64 *post_of(const RenoirRingEnd *end)
{
    return &rnr_ring_end_shm((RnrRingShm *)end->shared, end->index)->post;
}

static uint32_t look(RnrWaitable *self)
{
    const RenoirErrorCode status = rnr_ring_look(session_of(self)->end);
    // an error too: the call then tells
    return status == RENOIR_BUFFER_FULL || status == RENOIR_BUFFER_EMPTY ? 0 : RENOIR_WAIT_READY;
}

// Whether an opposite end's process lives, by its own word about which one it is.
static bool has_living_peer(const RenoirRingEnd *end, RnrNode *node, RnrRoll *roll)
{
    const RnrRing *const ring = rnr_ring_of(end);
    const uint32_t role = RENOIR_PRODUCER + RENOIR_CONSUMER - end->role;
    uint32_t first;
    uint32_t last;

    rnr_ring_ends_of(&ring->terms, role, &first, &last);
    for (uint32_t i = first; i < last; ++i) {
        const RnrRingEndShm *const peer = rnr_ring_end_shm(ring->shm, i);
        // [ring.role: acquire] What the end wrote before it left is seen by the look after this.
        const uint64_t presence = rnr_load_acquire_u64(&peer->presence);
        if ((presence & RNR_RING_PRESENCE_MASK) != RNR_RING_CAME ||
            (end->kind == RENOIR_RING_MPMC && presence >> RNR_RING_ROLE_SHIFT != role)) {
            continue;
        }
        // [hint: relaxed] A wrong one lets the kernel be asked about the role itself, or a living
        // process vouch for a dead one: then the call tells.
        if (rnr_roll_is_alive(roll, node, rnr_load_relaxed_u64(&peer->node_id))) {
            return true;
        }
    }
    return false;
}

static uint32_t look_closely(RnrWaitable *self, RnrRoll *roll)
{
    const RenoirRingEnd *const end = session_of(self)->end;
    const RnrRing *const ring = rnr_ring_of(end);
    const RnrRingKind *const kind = rnr_ring_kind(end->kind);

    if (ring->is_in_region && !rnr_roll_is_whole(roll, ring->object.region)) {
        return RENOIR_WAIT_READY; // the wait at the end says what is wrong
    }
    if (kind->sweep != NULL && ring->is_in_region) {
        kind->sweep(end);
    }
    const uint32_t events = look(self);
    if (events != 0 || (self->node != NULL && has_living_peer(end, self->node, roll)) ||
        !rnr_ring_peer_is_gone(end)) {
        return events;
    }
    const uint32_t rest = look(self); // what it published before it went
    return rest != 0 ? rest : RENOIR_WAIT_DISCONNECTED;
}

static bool arm(RnrWaitable *self, uint64_t address)
{
    RnrRingSession *const session = session_of(self);
    const RnrBell bell = rnr_ring_bell_of(session->end, session->end->role);
    RnrAtomicU64 *const post = post_of(session->end);

    // [own: relaxed] Ours, or cleared by somebody who could not reach the set.
    if (rnr_load_relaxed_u64(post) == address && rnr_bell_is_armed(&bell, &session->nap)) {
        return false;
    }
    // [own: relaxed] The exchange in rnr_bell_announce comes after it (I1).
    rnr_store_relaxed_u64(post, address);
    rnr_bell_announce(&bell, &session->nap);
    return true;
}

static void leave(RnrWaitable *self)
{
    RnrRingSession *const session = session_of(self);
    const RnrBell bell = rnr_ring_bell_of(session->end, session->end->role);

    // [own: relaxed] Who still sends there wakes the set without need.
    rnr_store_relaxed_u64(post_of(session->end), 0);
    rnr_bell_disarm(&bell, &session->nap);
}

static const RnrWaitableKind KIND = {.look = look,
                                     .look_closely = look_closely,
                                     .arm = arm,
                                     .leave = leave,
                                     .slice_ns = RNR_BELL_LAST_SLICE_NS,
                                     .needs_barrier = true};

// --- a consumer that nobody knows of -------------------------------------------------------------

static bool arm_nothing(RnrWaitable *self, uint64_t address)
{
    (void)self;
    (void)address;
    return false;
}

static uint64_t soon(const RnrWaitable *self)
{
    (void)self;
    return rnr_clock_deadline(rnr_clock_now_ns(), ONLOOKER_NAP_NS);
}

static const RnrWaitableKind ONLOOKER = {.look = look,
                                         .look_closely = look_closely,
                                         .arm = arm_nothing,
                                         .due_ns = soon,
                                         .slice_ns = RNR_BELL_LAST_SLICE_NS};

RnrWaitable *rnr_ring_waitable(RenoirRingEnd *end)
{
    RnrRingSession *const session = (RnrRingSession *)end->internal;
    const RnrRing *const ring = session->ring;

    if (session->end == NULL) {
        rnr_waitable_init(&session->waitable, end->index == RNR_RING_NO_INDEX ? &ONLOOKER : &KIND,
                          ring->is_in_region ? rnr_region_node(ring->object.region) : NULL);
    }
    session->end = end;
    return &session->waitable;
}
