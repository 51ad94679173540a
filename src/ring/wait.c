// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Waiting at one end of a ring, and telling the other end's death.
//
// Picture            look ─► spin ─► arm, look ─► alive? ─► sleep a slice ─┐
//                                     ▲                                    │
//                                     └────────────────────────────────────┘
//
// Who writes what    sleepers, bells: sync/bell.c. Everything else is only read here.
//
// Invariants
//     I1  the other ends count as gone only if some came and none has its role's lock, or all said
//         that they left; and then the data is looked at once more, because they may have published
//         before they went
//
// Edges
//     ring.publish, ring.reuse, ring.sleep   include/renoir/detail/ring_common.h
//     ring.role                              ring/ring.c
//
// Progress
//     No sleep is longer than 50 ms; each round looks at the data, the deadline, the other end's
//     life and the region's file.
//
// If a process dies
//     the other end   DISCONNECTED after at most one slice: no death wakes a sleeper
//     this end        its bit in sleepers stays, and costs the other end one needless wake-up
//
// Trust
//     Presence, bits and bells are hints: false ones cost a slice. Whether the other end lives, the
//     kernel says. Without a region its word must be believed.
//
// Proof
//     unit  tests/unit/ring/wait_test.c     crash    tests/crash/ring_test.c
//                                           torture  tests/torture/ring_test.c

#include "ring/wait.h"

#include <inttypes.h>

#include "base/error.h"
#include "memory/object.h"
#include "memory/region.h"
#include "platform/clock.h"
#include "renoir/detail/atomic.h"
#include "renoir/detail/ring_shm.h"
#include "ring/kind.h"
#include "sync/bell.h"
#include "sync/post.h"
#include "sync/spin.h"

// A ring end that never sleeps still looks this often whether the other one lives.
#define SPIN_ROUND_NS RENOIR_MILLISECONDS(5)

// A consumer that may not write cannot announce itself, and looks this often.
#define ONLOOKER_NAP_NS RENOIR_MILLISECONDS(1)

typedef struct Wait {
    const RenoirRingEnd *end;
    const RnrRing *ring;
    RnrBell bell;
    uint64_t deadline_ns;
} Wait;

RnrBell rnr_ring_bell_of(const RenoirRingEnd *end, uint32_t role)
{
    RnrRingShm *const shm = (RnrRingShm *)end->shared;
    uint32_t first;
    uint32_t last;

    rnr_ring_ends_of(&rnr_ring_of(end)->terms, role, &first, &last);
    return (RnrBell){.sleepers = &shm->sleepers,
                     .word = &shm->bells[role - RENOIR_PRODUCER],
                     .bit = rnr_ring_sleeper_bit(role),
                     .is_shared = last - first > 1};
}

static void tell_wait_sets(const RnrRing *ring, uint32_t role)
{
    const RnrNode *const node = ring->is_in_region ? rnr_region_node(ring->object.region) : NULL;
    uint32_t first;
    uint32_t last;

    rnr_ring_ends_of(&ring->terms, role, &first, &last);
    for (uint32_t i = first; i < last; ++i) {
        rnr_post_tell(node, &rnr_ring_end_shm(ring->shm, i)->post);
    }
}

static void wake_role(const RenoirRingEnd *end, uint32_t role)
{
    const RnrBell bell = rnr_ring_bell_of(end, role);

    if (rnr_bell_ring(&bell)) { // else whoever cleared the bit tells them
        tell_wait_sets(rnr_ring_of(end), role);
    }
}

void rnr_ring_wake(const RenoirRingEnd *end, uint32_t sleepers)
{
    if (end->index == RNR_RING_NO_INDEX) {
        return;
    }
    if ((sleepers & RNR_RING_PRODUCER_SLEEPS) != 0) {
        wake_role(end, RENOIR_PRODUCER);
    }
    if ((sleepers & RNR_RING_CONSUMER_SLEEPS) != 0) {
        wake_role(end, RENOIR_CONSUMER);
    }
}

RenoirErrorCode rnr_ring_look(const RenoirRingEnd *end)
{
    return rnr_ring_kind(end->kind)->look(end);
}

static bool must_wait(RenoirErrorCode status)
{
    return status == RENOIR_BUFFER_FULL || status == RENOIR_BUFFER_EMPTY;
}

static RenoirErrorCode spin(const Wait *wait, uint64_t until_ns)
{
    RenoirErrorCode status = rnr_ring_look(wait->end);

    while (must_wait(status) && rnr_spin_again(until_ns)) {
        status = rnr_ring_look(wait->end);
    }
    return status;
}

static uint64_t presence_of(const RnrRing *ring, uint32_t index)
{
    // [ring.role: acquire] What the end wrote before it left is seen by the look after this.
    return rnr_load_acquire_u64(&rnr_ring_end_shm(ring->shm, index)->presence);
}

static bool is_present(const RnrRing *ring, uint32_t index, uint64_t presence, bool is_only_one)
{
    if (!ring->is_in_region ||
        ((presence & RNR_RING_PRESENCE_MASK) == RNR_RING_LEFT && !is_only_one)) {
        return (presence & RNR_RING_PRESENCE_MASK) == RNR_RING_CAME;
    }
    return rnr_role_is_alive(&ring->object, index); // where it left, a successor may be on its way
}

bool rnr_ring_peer_is_gone(const RenoirRingEnd *end)
{
    const RnrRing *const ring = rnr_ring_of(end);
    const uint32_t peer = RENOIR_PRODUCER + RENOIR_CONSUMER - end->role;
    bool has_come = false;
    uint32_t first;
    uint32_t last;

    rnr_ring_ends_of(&ring->terms, peer, &first, &last);
    for (uint32_t i = first; i < last; ++i) {
        const uint64_t presence = presence_of(ring, i);
        if ((presence & RNR_RING_PRESENCE_MASK) == RNR_RING_NEVER_CAME ||
            (end->kind == RENOIR_RING_MPMC && presence >> RNR_RING_ROLE_SHIFT != peer)) {
            continue;
        }
        if (is_present(ring, i, presence, last - first == 1)) {
            return false;
        }
        has_come = true;
    }
    const RnrRingKind *const kind = rnr_ring_kind(end->kind);
    return has_come && (kind->has_more == NULL || !kind->has_more(end));
}

static RenoirErrorCode peer_has_gone(const Wait *wait)
{
    return RNR_FAIL(RENOIR_DISCONNECTED, "ring '%s': its %s is gone (open that end again)",
                    rnr_ring_name(wait->ring),
                    rnr_ring_role_name(RENOIR_PRODUCER + RENOIR_CONSUMER - wait->end->role));
}

static RenoirErrorCode file_is_cut(const Wait *wait)
{
    return RNR_FAIL(RENOIR_CORRUPTED,
                    "ring '%s': the file of its region has been cut short (make the region anew)",
                    rnr_ring_name(wait->ring));
}

static void sweep(const Wait *wait)
{
    const RnrRingKind *const kind = rnr_ring_kind(wait->end->kind);
    if (kind->sweep != NULL && wait->ring->is_in_region) {
        kind->sweep(wait->end);
    }
}

// What ends a wait beside the data. BUFFER_FULL, BUFFER_EMPTY: nothing does.
static RenoirErrorCode check_the_rest(const Wait *wait, RenoirErrorCode status)
{
    if (wait->ring->is_in_region && !rnr_region_is_whole(wait->ring->object.region)) {
        return file_is_cut(wait);
    }
    sweep(wait);
    if (rnr_ring_peer_is_gone(wait->end)) {
        status = rnr_ring_look(wait->end);
        return must_wait(status) ? peer_has_gone(wait) : status;
    }
    return rnr_clock_now_ns() >= wait->deadline_ns ? RENOIR_TIMEOUT : status;
}

// Whether each of the others that may ring fences itself.
static bool ringers_fence(const Wait *wait)
{
    bool is_any = false;

    for (uint32_t i = 0; i < wait->ring->terms.end_count; ++i) {
        const uint64_t presence = presence_of(wait->ring, i);
        if (i == wait->end->index || (presence & RNR_RING_PRESENCE_MASK) != RNR_RING_CAME) {
            continue;
        }
        if ((presence & RNR_RING_FENCES_ITSELF) == 0) {
            return false;
        }
        is_any = true;
    }
    return is_any;
}

static RenoirErrorCode sleep_until_ready(const Wait *wait)
{
    RnrNap nap = {0};
    RenoirErrorCode status;

    for (;;) {
        rnr_bell_arm(&wait->bell, &nap);
        RNR_FAULT_POINT("ring.wait.armed");
        status = rnr_ring_look(wait->end);
        if (!must_wait(status)) {
            break;
        }
        RNR_FAULT_POINT("ring.wait.looked");
        status = check_the_rest(wait, status);
        if (!must_wait(status)) {
            break;
        }
        if (rnr_bell_sleep(&wait->bell, &nap, ringers_fence(wait), wait->deadline_ns) ==
            RENOIR_CORRUPTED) {
            status = file_is_cut(wait);
            break;
        }
        // Who was rung finds what it was rung for; arming anew first would cost a barrier.
        status = rnr_ring_look(wait->end);
        if (!must_wait(status)) {
            break;
        }
    }
    rnr_bell_disarm(&wait->bell, &nap);
    return status;
}

static RenoirErrorCode nap_until_ready(const Wait *wait)
{
    RenoirErrorCode status = rnr_ring_look(wait->end);

    while (must_wait(status)) {
        status = check_the_rest(wait, status);
        if (must_wait(status)) {
            const uint64_t left = wait->deadline_ns - rnr_clock_now_ns();
            rnr_clock_sleep_ns(left < ONLOOKER_NAP_NS ? left : ONLOOKER_NAP_NS);
            status = rnr_ring_look(wait->end);
        }
    }
    return status;
}

static RenoirErrorCode spin_until_ready(const Wait *wait)
{
    RenoirErrorCode status;

    do {
        const uint64_t round = rnr_clock_deadline(rnr_clock_now_ns(), SPIN_ROUND_NS);
        status = spin(wait, round < wait->deadline_ns ? round : wait->deadline_ns);
        if (must_wait(status)) {
            status = check_the_rest(wait, status);
        }
    } while (must_wait(status));
    return status;
}

RenoirErrorCode rnr_ring_wait(const RenoirRingEnd *end, uint64_t timeout_ns)
{
    const RnrRingSession *const session = (const RnrRingSession *)end->internal;
    Wait wait = {.end = end, .ring = session->ring, .bell = rnr_ring_bell_of(end, end->role)};
    RenoirErrorCode status = rnr_ring_look(end);

    if (!must_wait(status) || timeout_ns == RENOIR_NO_WAIT) {
        return status;
    }
    if (end->index != RNR_RING_NO_INDEX &&
        // [own: relaxed] The bit is also that of the wait set that this end is in.
        rnr_load_relaxed_u64(&rnr_ring_end_shm(session->ring->shm, end->index)->post) != 0) {
        wait.bell.is_shared = true;
    }
    const uint64_t now = rnr_clock_now_ns();
    wait.deadline_ns = rnr_clock_deadline(now, timeout_ns);
    if (session->spin_ns == RENOIR_SPIN_ALWAYS) {
        return spin_until_ready(&wait);
    }
    const uint64_t until = rnr_clock_deadline(now, session->spin_ns);
    status = spin(&wait, until < wait.deadline_ns ? until : wait.deadline_ns);
    if (!must_wait(status)) {
        return status;
    }
    return end->index == RNR_RING_NO_INDEX ? nap_until_ready(&wait) : sleep_until_ready(&wait);
}
