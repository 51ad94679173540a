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
//     I1  the other end counts as gone only if it came and its role's lock is free, or if it said
//         that it left; and then the data is looked at once more, because it may have published
//         before it went
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
#include "ring/refuse.h"
#include "ring/ring.h"
#include "sync/bell.h"
#include "sync/spin.h"

// A ring end that never sleeps still looks this often whether the other one lives.
#define SPIN_ROUND_NS RENOIR_MILLISECONDS(5)

typedef struct Wait {
    const RenoirRingEnd *end;
    const RnrRingSession *session;
    RnrRingShm *shm;
    RnrBell bell;
    uint32_t peer; // index of the other end
    uint64_t deadline_ns;
} Wait;

static RnrBell bell_of(RnrRingShm *shm, uint32_t index)
{
    return (RnrBell){.sleepers = &shm->sleepers,
                     .word = &shm->bells[index],
                     .bit = index == RNR_RING_PRODUCER ? RNR_RING_PRODUCER_SLEEPS
                                                       : RNR_RING_CONSUMER_SLEEPS};
}

void rnr_ring_wake(const RenoirRingEnd *end)
{
    const uint32_t sleeper = end->role == RENOIR_PRODUCER ? RNR_RING_CONSUMER : RNR_RING_PRODUCER;
    const RnrBell bell = bell_of((RnrRingShm *)end->shared, sleeper);
    rnr_bell_ring(&bell);
}

// SUCCESS: the end can go on. BUFFER_FULL, BUFFER_EMPTY: not yet.
static RenoirErrorCode look_as_producer(const Wait *wait)
{
    const RenoirRingEnd *const end = wait->end;
    const uint64_t capacity = end->mask + 1;
    // [ring.reuse: acquire] The next push looks again itself; this only says that it will succeed.
    const uint64_t head = rnr_load_acquire_u64(&wait->shm->head);
    const uint64_t live = end->position - head;
    uint64_t wanted = 1;

    if (live > capacity) {
        return rnr_ring_bad_position(end, head);
    }
    if (end->kind == RENOIR_RING_RECORD) {
        wanted = end->wanted != 0 ? end->wanted : sizeof(RnrRecordShm);
    }
    return capacity - live >= wanted ? RENOIR_SUCCESS : RENOIR_BUFFER_FULL;
}

static RenoirErrorCode look_as_consumer(const Wait *wait)
{
    const RenoirRingEnd *const end = wait->end;
    // [ring.publish: acquire] As for the producer.
    const uint64_t tail = rnr_load_acquire_u64(&wait->shm->tail);
    const uint64_t live = tail - end->position;

    if (live > end->mask + 1) {
        return rnr_ring_bad_position(end, tail);
    }
    return live > 0 ? RENOIR_SUCCESS : RENOIR_BUFFER_EMPTY;
}

static RenoirErrorCode look(const Wait *wait)
{
    return wait->end->role == RENOIR_PRODUCER ? look_as_producer(wait) : look_as_consumer(wait);
}

static bool must_wait(RenoirErrorCode status)
{
    return status == RENOIR_BUFFER_FULL || status == RENOIR_BUFFER_EMPTY;
}

static RenoirErrorCode spin(const Wait *wait, uint64_t until_ns)
{
    RenoirErrorCode status = look(wait);

    while (must_wait(status) && rnr_spin_again(until_ns)) {
        status = look(wait);
    }
    return status;
}

static uint64_t peer_presence(const Wait *wait)
{
    // [ring.role: acquire] What the other end wrote before it left is seen by the look after this.
    return rnr_load_acquire_u64(&wait->shm->ends[wait->peer].presence);
}

static bool peer_is_gone(const Wait *wait)
{
    const uint64_t presence = peer_presence(wait) & RNR_RING_PRESENCE_MASK;

    if (presence == RNR_RING_NEVER_CAME) {
        return false;
    }
    if (!wait->session->ring->is_in_region) {
        return presence == RNR_RING_LEFT;
    }
    return !rnr_role_is_alive(&wait->session->ring->object, wait->peer);
}

static RenoirErrorCode peer_has_gone(const Wait *wait)
{
    const RnrRing *const ring = wait->session->ring;
    return RNR_FAIL(RENOIR_DISCONNECTED, "ring '%s': its %s is gone (open that end again)",
                    rnr_ring_name(ring), wait->peer == RNR_RING_PRODUCER ? "producer" : "consumer");
}

static RenoirErrorCode file_is_cut(const Wait *wait)
{
    return RNR_FAIL(RENOIR_CORRUPTED,
                    "ring '%s': the file of its region has been cut short (make the region anew)",
                    rnr_ring_name(wait->session->ring));
}

// What ends a wait beside the data. BUFFER_FULL, BUFFER_EMPTY: nothing does.
static RenoirErrorCode check_the_rest(const Wait *wait, RenoirErrorCode status)
{
    const RnrRing *const ring = wait->session->ring;

    if (ring->is_in_region && !rnr_region_is_whole(ring->object.region)) {
        return file_is_cut(wait);
    }
    if (peer_is_gone(wait)) {
        status = look(wait);
        return must_wait(status) ? peer_has_gone(wait) : status;
    }
    return rnr_clock_now_ns() >= wait->deadline_ns ? RENOIR_TIMEOUT : status;
}

static RenoirErrorCode sleep_until_ready(const Wait *wait)
{
    RnrNap nap = {0};
    RenoirErrorCode status;

    for (;;) {
        rnr_bell_arm(&wait->bell, &nap);
        RNR_FAULT_POINT("ring.wait.armed");
        status = look(wait);
        if (!must_wait(status)) {
            break;
        }
        RNR_FAULT_POINT("ring.wait.looked");
        status = check_the_rest(wait, status);
        if (!must_wait(status)) {
            break;
        }
        const bool fences = (peer_presence(wait) & RNR_RING_FENCES_ITSELF) != 0;
        if (rnr_bell_sleep(&wait->bell, &nap, fences, wait->deadline_ns) == RENOIR_CORRUPTED) {
            status = file_is_cut(wait);
            break;
        }
    }
    rnr_bell_disarm(&wait->bell, &nap);
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

static Wait begin(const RenoirRingEnd *end)
{
    RnrRingShm *const shm = (RnrRingShm *)end->shared;
    const uint32_t me = end->role - RENOIR_PRODUCER;

    return (Wait){.end = end,
                  .session = (const RnrRingSession *)end->internal,
                  .shm = shm,
                  .bell = bell_of(shm, me),
                  .peer = me ^ 1u};
}

RenoirErrorCode rnr_ring_wait(const RenoirRingEnd *end, uint64_t timeout_ns)
{
    Wait wait = begin(end);
    RenoirErrorCode status = look(&wait);

    if (!must_wait(status) || timeout_ns == RENOIR_NO_WAIT) {
        return status;
    }
    const uint64_t now = rnr_clock_now_ns();
    const uint64_t spin_ns = wait.session->spin_ns;
    wait.deadline_ns = rnr_clock_deadline(now, timeout_ns);
    if (spin_ns == RENOIR_SPIN_ALWAYS) {
        return spin_until_ready(&wait);
    }
    const uint64_t until = rnr_clock_deadline(now, spin_ns);
    status = spin(&wait, until < wait.deadline_ns ? until : wait.deadline_ns);
    return must_wait(status) ? sleep_until_ready(&wait) : status;
}
