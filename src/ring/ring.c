// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Joining and leaving a ring, and its roles.
//
// Picture            a ring in a region, both ends taken
//
//     region's file    lock on the object's byte       shared   by every process that has it open
//                      lock on the byte of role 0, 1   alone    by producer, consumer
//     ends[0], ends[1] who that is, for people and for the other end's waits
//
// Who writes what
//     ends[i]          the owner of role i, at open and close; without a region the presence word
//                      is the role itself, taken by compare-and-swap
//     sleepers         an owner clears its own bit at open: a dead predecessor may have left it
//     tail, head       nobody here, but for rnr_ring_reset, which has both roles
//
// Invariants
//     I1  head <= tail <= head + capacity, when a role is taken: it goes on at the shared index
//
// Edges
//     ring.made      creator: store magic, release  ──►  who opens: load magic, acquire
//     ring.role      owner: store presence, release  ──►  next owner: load presence, acquire
//                    carries what the end wrote last; in a region the kernel's lock carries it too
//     ring.publish, ring.reuse, ring.sleep   include/renoir/detail/ring_common.h
//
// Progress
//     No waits but for the directory's guard (100 ms at most), and for somebody who is formatting
//     memory without a region (100 ms at most).
//
// If a process dies
//     with a role in a region     the kernel drops the lock: the next one takes it over at the
//                                 shared index, whatever ends[i] says
//     with a role in memory       the role stays taken: nobody can tell
//     before ring.made            in a region nobody ever finds it; memory stays half-made, and
//                                 opening it is RENOIR_CONCURRENCY_ERROR
//
// Trust
//     Geometry is read once and checked against the room there is. Indices are checked when a role
//     is taken, and whenever they are looked at later.
//
// Proof
//     unit  tests/unit/ring/open_test.c     crash  tests/crash/ring_test.c

#include "ring/ring.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "base/error.h"
#include "base/memory.h"
#include "platform/barrier.h"
#include "platform/clock.h"
#include "platform/lock.h"
#include "renoir/detail/atomic.h"
#include "ring/kind.h"
#include "ring/stamped.h"
#include "ring/wait.h"
#include "sync/spin.h"

enum { DESCRIPTION_BYTES = 400 };

#define FORMAT_WAIT_NS RENOIR_MILLISECONDS(100)
#define FORMAT_NAP_NS RENOIR_MICROSECONDS(100)
#define HELPER_WAIT_NS RENOIR_MILLISECONDS(100)
#define HELPER_NAP_NS RENOIR_MICROSECONDS(20)

const char *rnr_ring_name(const RnrRing *ring)
{
    return ring->is_in_region ? ring->object.name : "(in memory)";
}

// --- finding and making --------------------------------------------------------------------------

typedef struct Request {
    const char *name;
    const RnrRingTerms *terms;
} Request;

static RenoirErrorCode format_object(void *memory, uint64_t size_bytes, const void *terms)
{
    const Request *const request = (const Request *)terms;
    (void)size_bytes;
    rnr_ring_format((RnrRingShm *)memory, request->terms);
    return RENOIR_SUCCESS;
}

static RenoirErrorCode match_object(const void *memory, uint64_t size_bytes, const void *terms)
{
    const Request *const request = (const Request *)terms;
    RnrRingTerms found;
    const RenoirErrorCode status =
        rnr_ring_read_terms((const RnrRingShm *)memory, size_bytes, request->name, &found);

    return status == RENOIR_SUCCESS ? rnr_ring_match_terms(request->name, request->terms, &found)
                                    : status;
}

static uint32_t object_kind(uint32_t ring_kind)
{
    return (uint32_t)RNR_OBJECT_SPSC + ring_kind - RENOIR_RING_SPSC;
}

static RenoirErrorCode
open_in_region(const RnrRingPlace *place, const RnrRingTerms *terms, RnrRing *ring)
{
    const Request request = {.name = place->name, .terms = terms};
    const RnrObjectSpec spec = {.name = place->name,
                                .kind = object_kind(terms->kind),
                                .alignment = RNR_CACHE_PAIR,
                                .size_bytes = terms->total_bytes,
                                .find_only = terms->capacity == 0,
                                .format = format_object,
                                .match = match_object,
                                .terms = &request};
    RenoirErrorCode status = rnr_object_open(place->region, &spec, &ring->object);

    if (status != RENOIR_SUCCESS) {
        return status;
    }
    ring->is_in_region = true;
    ring->shm = (RnrRingShm *)ring->object.memory;
    status =
        rnr_ring_read_terms(ring->shm, ring->object.size_bytes, ring->object.name, &ring->terms);
    if (status != RENOIR_SUCCESS) {
        rnr_object_close(&ring->object);
    }
    return status;
}

// Memory without a directory: whoever swaps the magic away from zero formats it.
static RenoirErrorCode make_in_memory(RnrRingShm *shm, const RnrRingTerms *terms)
{
    const uint64_t deadline = rnr_clock_deadline(rnr_clock_now_ns(), FORMAT_WAIT_NS);
    uint64_t magic = 0;

    // [ring.made: acq_rel] Zeroed memory becomes this process's to format, or is made already.
    if (rnr_cas_acq_rel_u64(&shm->magic, &magic, RNR_RING_IS_MADE)) {
        rnr_ring_format(shm, terms);
        return RENOIR_SUCCESS;
    }
    while (magic == RNR_RING_IS_MADE) {
        if (rnr_clock_now_ns() >= deadline) {
            return RNR_FAIL(RENOIR_CONCURRENCY_ERROR,
                            "ring in memory: somebody has been making it for 100 ms (zero the "
                            "memory if that process is gone)");
        }
        rnr_clock_sleep_ns(FORMAT_NAP_NS);
        // [ring.made: acquire] The geometry was written before.
        magic = rnr_load_acquire_u64(&shm->magic);
    }
    return RENOIR_SUCCESS;
}

static RenoirErrorCode
open_in_memory(const RnrRingPlace *place, const RnrRingTerms *terms, RnrRing *ring)
{
    RnrRingShm *const shm = (RnrRingShm *)place->memory;

    if (((uintptr_t)place->memory & (RNR_CACHE_PAIR - 1)) != 0) {
        return RNR_FAIL(RENOIR_ALIGNMENT_ERROR,
                        "ring in memory: the address %p is not a multiple of %d", place->memory,
                        RNR_CACHE_PAIR);
    }
    if (place->memory_size < terms->total_bytes) {
        return RNR_FAIL(RENOIR_INSUFFICIENT_SPACE,
                        "ring in memory: %" PRIu64
                        " bytes needed, %zu given (ask renoir_ring_size)",
                        terms->total_bytes, place->memory_size);
    }
    RenoirErrorCode status = make_in_memory(shm, terms);
    if (status == RENOIR_SUCCESS) {
        ring->shm = shm;
        status = rnr_ring_read_terms(shm, place->memory_size, rnr_ring_name(ring), &ring->terms);
    }
    if (status == RENOIR_SUCCESS) {
        status = rnr_ring_match_terms(rnr_ring_name(ring), terms, &ring->terms);
    }
    return status;
}

RenoirErrorCode
rnr_ring_open(const RnrRingPlace *place, const RnrRingTerms *terms, RnrRing *out_ring)
{
    RnrRing ring;
    memset(&ring, 0, sizeof ring);
    ring.fork_generation = rnr_fork_generation();

    const RenoirErrorCode status = place->region != NULL ? open_in_region(place, terms, &ring)
                                                         : open_in_memory(place, terms, &ring);
    if (status == RENOIR_SUCCESS) {
        *out_ring = ring;
    }
    return status;
}

void rnr_ring_leave(RnrRing *ring)
{
    if (ring->is_in_region) {
        rnr_object_close(&ring->object);
    }
    memset(ring, 0, sizeof *ring);
}

RenoirErrorCode rnr_ring_destroy(RnrRing *ring)
{
    RenoirErrorCode status = RENOIR_SUCCESS;

    if (ring->is_in_region) {
        status = rnr_object_destroy(&ring->object);
    }
    memset(ring, 0, sizeof *ring);
    return status;
}

// --- roles ---------------------------------------------------------------------------------------

const char *rnr_ring_role_name(uint32_t role)
{
    return role == RENOIR_PRODUCER ? "producer" : "consumer";
}

void rnr_ring_ends_of(const RnrRingTerms *terms,
                      uint32_t role,
                      uint32_t *out_first,
                      uint32_t *out_end)
{
    const bool is_any = terms->kind == RENOIR_RING_MPMC;

    *out_first = is_any || role == RENOIR_PRODUCER ? 0 : terms->first_consumer;
    *out_end = is_any || role == RENOIR_CONSUMER ? terms->end_count : terms->first_consumer;
}

static RnrRingEndShm *end_shm(const RnrRing *ring, uint32_t index)
{
    return rnr_ring_end_shm(ring->shm, index);
}

static RenoirErrorCode role_is_taken(const RnrRing *ring, uint32_t role, uint32_t index)
{
    char who[DESCRIPTION_BYTES] = "an end that has not been closed";

    if (ring->is_in_region) {
        // [hint: relaxed] For a message; a holder that has just come shows as its predecessor.
        rnr_region_describe_node(ring->object.region,
                                 rnr_load_relaxed_u64(&end_shm(ring, index)->node_id), who,
                                 sizeof who);
    }
    return RNR_FAIL(RENOIR_LIMIT_REACHED,
                    "ring '%s': its one %s is %s (wait until it closes, or open the other end)",
                    rnr_ring_name(ring), rnr_ring_role_name(role), who);
}

static RenoirErrorCode take_role_in_memory(RnrRing *ring, uint32_t index)
{
    RnrAtomicU64 *const presence = &end_shm(ring, index)->presence;
    // [ring.role: acquire] What the last owner left.
    uint64_t before = rnr_load_acquire_u64(presence);

    while ((before & RNR_RING_PRESENCE_MASK) != RNR_RING_CAME) {
        // [ring.role: acq_rel] One of those that want it gets it.
        if (rnr_cas_acq_rel_u64(presence, &before, RNR_RING_CAME)) {
            return RENOIR_SUCCESS;
        }
    }
    return RENOIR_LIMIT_REACHED;
}

// LIMIT_REACHED without a record: it is taken.
static RenoirErrorCode take_index(RnrRing *ring, uint32_t index, RnrRole *role)
{
    return ring->is_in_region ? rnr_role_take(&ring->object, index, role)
                              : take_role_in_memory(ring, index);
}

// An end that there is no other one for. Whoever takes back what a dead owner left keeps the index
// meanwhile, for microseconds.
static RenoirErrorCode
take_only_one(RnrRing *ring, uint32_t role, uint32_t index, RnrRole *out_role)
{
    const uint64_t deadline = rnr_clock_deadline(rnr_clock_now_ns(), HELPER_WAIT_NS);
    RenoirErrorCode status = take_index(ring, index, out_role);

    while (status == RENOIR_LIMIT_REACHED) {
        if (!ring->is_in_region || rnr_role_is_alive(&ring->object, index)) {
            return role_is_taken(ring, role, index);
        }
        if (rnr_clock_now_ns() >= deadline) {
            return RNR_FAIL(RENOIR_CONCURRENCY_ERROR,
                            "ring '%s': somebody has been taking back what its dead %s left for "
                            "100 ms (try again)",
                            rnr_ring_name(ring), rnr_ring_role_name(role));
        }
        rnr_clock_sleep_ns(HELPER_NAP_NS);
        status = take_index(ring, index, out_role);
    }
    return status;
}

// The first that is free of the ends from `first` to before `end`.
static RenoirErrorCode take_one_of(RnrRing *ring,
                                   uint32_t role,
                                   uint32_t first,
                                   uint32_t end,
                                   uint32_t *out_index,
                                   RnrRole *out_role)
{
    if (end - first == 1) {
        *out_index = first;
        return take_only_one(ring, role, first, out_role);
    }
    for (uint32_t index = first; index < end; ++index) {
        const RenoirErrorCode status = take_index(ring, index, out_role);
        if (status != RENOIR_LIMIT_REACHED) {
            *out_index = index;
            return status;
        }
    }
    return RNR_FAIL(RENOIR_LIMIT_REACHED,
                    "ring '%s': all its %" PRIu32 " ends for a %s are taken (close one, or make it "
                    "with more)",
                    rnr_ring_name(ring), end - first, rnr_ring_role_name(role));
}

static RenoirErrorCode
take_role(RnrRing *ring, const RnrRingSeat *seat, uint32_t *out_index, RnrRole *out_role)
{
    uint32_t first;
    uint32_t end;

    rnr_ring_ends_of(&ring->terms, seat->role, &first, &end);
    if (ring->terms.kind == RENOIR_RING_SEQUENCED && seat->role == RENOIR_CONSUMER) {
        if (seat->index >= end - first) {
            return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                            "ring '%s': consumer %" PRIu32 " asked for, it has %" PRIu32
                            " of them (use 0 to %" PRIu32 ", or make it with more)",
                            rnr_ring_name(ring), seat->index, end - first, end - first - 1);
        }
        first += seat->index;
        end = first + 1;
    }
    return take_one_of(ring, seat->role, first, end, out_index, out_role);
}

// After the last use of the end: what it wrote is seen by the next owner. `presence`: what the
// other ends are to think of this one.
static void release_role(RnrRing *ring, uint32_t index, uint64_t presence, RnrRole *role)
{
    // [hint: relaxed] No wait set waits here any more.
    rnr_store_relaxed_u64(&end_shm(ring, index)->post, 0);
    // [ring.role: release] The end has written its last.
    rnr_store_release_u64(&end_shm(ring, index)->presence, presence);
    RNR_FAULT_POINT("ring.close.left");
    if (ring->is_in_region) {
        rnr_role_release(role);
    }
}

static void announce(const RnrRing *ring, const RenoirRingEnd *end)
{
    RnrRingEndShm *const mine = end_shm(ring, end->index);
    const uint64_t node = ring->is_in_region ? rnr_region_node_id(ring->object.region) : 0;
    const uint64_t fences = (end->flags & RNR_RING_FENCES) != 0 ? RNR_RING_FENCES_ITSELF : 0;
    uint32_t first;
    uint32_t last;

    // [ring.role: release] What the last owner wrote goes along with all that this one writes.
    rnr_fence_release();
    rnr_ring_ends_of(&ring->terms, end->role, &first, &last);
    if (last - first == 1) { // else the bit is others' too
        // [ring.sleep: seq_cst] A dead predecessor may have left its bit.
        (void)rnr_fetch_and_seq_cst_u32(&ring->shm->sleepers, ~rnr_ring_sleeper_bit(end->role));
    }
    // [hint: relaxed] A predecessor's wait set.
    rnr_store_relaxed_u64(&mine->post, 0);
    // [hint: relaxed] For messages, of which one may name a predecessor.
    rnr_store_relaxed_u64(&mine->node_id, node);
    // [hint: relaxed] For people.
    rnr_store_relaxed_u64(&mine->since_ns, rnr_clock_now_ns());
    RNR_FAULT_POINT("ring.open.role");
    // [ring.role: release] From here on the other ends count with this one.
    rnr_store_release_u64(&mine->presence,
                          RNR_RING_CAME | fences | ((uint64_t)end->role << RNR_RING_ROLE_SHIFT));
    RNR_FAULT_POINT("ring.open.presence");
}

// How long the end may let the other one run ahead: a small part of the ring.
static uint32_t patience_of(const RnrRingTerms *terms)
{
    const uint64_t patience = terms->total_bytes / RNR_RING_BYTES_PER_PATIENCE;
    return patience < RNR_RING_PATIENCE_MAX ? (uint32_t)patience : RNR_RING_PATIENCE_MAX;
}

static void fill_end(const RnrRing *ring, const RnrRingSeat *seat, RenoirRingEnd *end)
{
    const RnrRingTerms *const terms = &ring->terms;

    end->shared = ring->shm;
    end->cells = (uint8_t *)ring->shm + terms->cells_offset;
    end->mask = terms->capacity - 1;
    end->shift = rnr_log2(terms->capacity);
    end->after_mask = seat->after_mask;
    end->element_size = terms->element_size;
    end->stride = terms->stride;
    end->role = seat->role;
    end->flags = terms->flags;
    end->kind = terms->kind;
    end->push_size = seat->role == RENOIR_PRODUCER ? terms->element_size : 0;
    end->pop_size = seat->role == RENOIR_CONSUMER ? terms->element_size : 0;
    end->max_record = terms->max_record;
    end->patience = patience_of(terms);
    const bool needs_barrier =
        (terms->flags & RENOIR_RING_WAITABLE) != 0 || rnr_ring_kind(terms->kind)->needs_barrier;
    if (needs_barrier && !rnr_barrier_register()) {
        end->flags |= RNR_RING_FENCES;
    }
}

// A consumer that may not write takes no end: nobody knows of it.
static bool is_onlooker(const RnrRing *ring, const RnrRingSeat *seat)
{
    return ring->terms.kind == RENOIR_RING_BROADCAST && seat->role == RENOIR_CONSUMER &&
           ring->is_in_region && rnr_region_is_read_only(ring->object.region);
}

static RenoirErrorCode
take(RnrRing *ring, const RnrRingSeat *seat, RnrRingSession *session, RenoirRingEnd *out_end)
{
    const RnrRingKind *const kind = rnr_ring_kind(ring->terms.kind);
    RenoirRingEnd end;
    RenoirErrorCode status;

    memset(&end, 0, sizeof end);
    fill_end(ring, seat, &end);
    end.internal = session;
    if (is_onlooker(ring, seat)) {
        end.index = RNR_RING_NO_INDEX;
        status = kind->begin(ring, &end);
    } else {
        status = take_role(ring, seat, &end.index, &session->role);
        if (status != RENOIR_SUCCESS) {
            return status;
        }
        status = kind->begin(ring, &end);
        if (status == RENOIR_SUCCESS) {
            announce(ring, &end);
            status = kind->join == NULL ? RENOIR_SUCCESS : kind->join(ring, &end);
        }
        if (status != RENOIR_SUCCESS) {
            release_role(ring, end.index, RNR_RING_LEFT, &session->role);
        }
    }
    if (status == RENOIR_SUCCESS) {
        *out_end = end;
    }
    return status;
}

RenoirErrorCode rnr_ring_take(RnrRing *ring, const RnrRingSeat *seat, RenoirRingEnd *out_end)
{
    if (seat->role != RENOIR_PRODUCER && seat->role != RENOIR_CONSUMER) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                        "ring '%s': role is %" PRIu32 " (use RENOIR_PRODUCER or RENOIR_CONSUMER)",
                        rnr_ring_name(ring), seat->role);
    }
    RnrRingSession *const session = rnr_new(RnrRingSession);
    if (session == NULL) {
        return RNR_FAIL(RENOIR_OUT_OF_MEMORY, "ring '%s': no memory for its %s",
                        rnr_ring_name(ring), rnr_ring_role_name(seat->role));
    }
    session->ring = ring;
    session->spin_ns = rnr_spin_resolve(seat->spin_ns);
    const RenoirErrorCode status = take(ring, seat, session, out_end);
    if (status != RENOIR_SUCCESS) {
        rnr_free(session);
    }
    return status;
}

RenoirErrorCode
rnr_ring_take_own(const RnrRing *ring, const RnrRingSeat *seat, RenoirRingEnd *out_end)
{
    RnrRing mine = *ring;
    const RenoirErrorCode status = rnr_ring_take(&mine, seat, out_end);

    if (status == RENOIR_SUCCESS) {
        RnrRingSession *const session = (RnrRingSession *)out_end->internal;
        session->own = mine;
        session->ring = &session->own;
    }
    return status;
}

static bool is_of_another_process(const RnrRing *ring)
{
    return ring->fork_generation != rnr_fork_generation();
}

static void leave_role(RnrRing *ring, RenoirRingEnd *end, RnrRingSession *session)
{
    const RnrRingKind *const kind = rnr_ring_kind(ring->terms.kind);

    if (end->index == RNR_RING_NO_INDEX) {
        return;
    }
    if (kind->leave != NULL) {
        kind->leave(ring, end);
    }
    release_role(ring, end->index, RNR_RING_LEFT | ((uint64_t)end->role << RNR_RING_ROLE_SHIFT),
                 &session->role);
    if ((end->flags & RENOIR_RING_WAITABLE) != 0) {
        rnr_ring_wake(end, RNR_RING_PRODUCER_SLEEPS | RNR_RING_CONSUMER_SLEEPS);
    }
}

void rnr_ring_end_close(RenoirRingEnd *end)
{
    RnrRingSession *const session = (RnrRingSession *)end->internal;
    RnrRing *const ring = session->ring;

    rnr_waitable_leave(&session->waitable);
    if (!is_of_another_process(ring)) {
        leave_role(ring, end, session);
    }
    if (ring == &session->own) {
        rnr_ring_leave(ring);
    }
    rnr_free(session);
    memset(end, 0, sizeof *end);
}

RenoirErrorCode rnr_ring_end_check(const RenoirRingEnd *end)
{
    if (end == NULL || end->internal == NULL) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER, "ring: the end is %s (open it first)",
                        end == NULL ? "NULL" : "closed");
    }
    const RnrRing *const ring = ((const RnrRingSession *)end->internal)->ring;
    if (is_of_another_process(ring)) {
        return RNR_FAIL(RENOIR_INVALID_STATE,
                        "ring '%s': the end was opened before a fork (open it again here)",
                        rnr_ring_name(ring));
    }
    return RENOIR_SUCCESS;
}

// --- who lives -----------------------------------------------------------------------------------

static bool has_come(const RnrRing *ring, uint32_t index)
{
    // [ring.role: acquire] What the end wrote before it left is seen by the look after this.
    const uint64_t presence = rnr_load_acquire_u64(&end_shm(ring, index)->presence);
    return (presence & RNR_RING_PRESENCE_MASK) == RNR_RING_CAME;
}

bool rnr_ring_is_alive(const RnrRing *ring, uint32_t index)
{
    if (!has_come(ring, index)) {
        return false;
    }
    return !ring->is_in_region || rnr_role_is_alive(&ring->object, index);
}

bool rnr_ring_hold_dead(const RnrRing *ring, uint32_t index, RnrRole *out_hold)
{
    // The living are the rule, and asking costs a fifth of trying to hold.
    if (!ring->is_in_region || !has_come(ring, index) || rnr_role_is_alive(&ring->object, index)) {
        return false;
    }
    return rnr_role_hold_off(&ring->object, index, out_hold) == RENOIR_SUCCESS;
}

void rnr_ring_release_dead(const RnrRing *ring, uint32_t index, RnrRole *hold)
{
    RnrAtomicU64 *const presence = &end_shm(ring, index)->presence;
    // [ring.role: acquire] As found.
    uint64_t before = rnr_load_acquire_u64(presence);

    if ((before & RNR_RING_PRESENCE_MASK) == RNR_RING_CAME) {
        // [ring.role: acq_rel] Nothing of it is left. Another helper may have been first; a new
        // owner cannot have come while the index is held.
        (void)rnr_cas_acq_rel_u64(presence, &before,
                                  (before & ~RNR_RING_PRESENCE_MASK) | RNR_RING_LEFT);
    }
    rnr_role_release(hold);
}

// --- counts --------------------------------------------------------------------------------------

RenoirErrorCode rnr_ring_reset(RnrRing *ring)
{
    RnrRole producer = {0};
    RnrRole consumer = {0};

    if (take_index(ring, RNR_RING_PRODUCER, &producer) != RENOIR_SUCCESS) {
        return RNR_FAIL(RENOIR_INVALID_STATE,
                        "cannot reset ring '%s': its producer is open (close it first)",
                        rnr_ring_name(ring));
    }
    RenoirErrorCode status = take_index(ring, RNR_RING_CONSUMER, &consumer);
    if (status != RENOIR_SUCCESS) {
        status = RNR_FAIL(RENOIR_INVALID_STATE,
                          "cannot reset ring '%s': its consumer is open (close it first)",
                          rnr_ring_name(ring));
    } else {
        // [ring.publish: acquire] Nobody has an end: this is the last tail.
        uint64_t tail = rnr_load_acquire_u64(&ring->shm->tail);
        if (rnr_is_stamped(ring->terms.flags)) {
            status = rnr_stamped_settle(ring, &tail);
        }
        if (status == RENOIR_SUCCESS) {
            // [ring.reuse: release] As a consumer that has read everything.
            rnr_store_release_u64(&ring->shm->head, tail);
        }
        release_role(ring, RNR_RING_CONSUMER, RNR_RING_NEVER_CAME, &consumer);
    }
    release_role(ring, RNR_RING_PRODUCER, RNR_RING_NEVER_CAME, &producer);
    return status;
}

void rnr_ring_stats(const RnrRing *ring, const RenoirRingEnd *end, RenoirRingStats *out_stats)
{
    memset(out_stats, 0, sizeof *out_stats);
    out_stats->capacity = ring->terms.capacity;
    // [hint: relaxed] A count.
    out_stats->skipped = rnr_load_relaxed_u32(&ring->shm->skipped);
    rnr_ring_kind(end == NULL ? ring->terms.kind : end->kind)->stats(ring, end, out_stats);
}
