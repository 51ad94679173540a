// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Joining and leaving an index ring, and its two roles.
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

#include "base/error.h"
#include "base/memory.h"
#include "platform/barrier.h"
#include "platform/clock.h"
#include "platform/lock.h"
#include "renoir/detail/atomic.h"
#include "ring/wait.h"
#include "sync/spin.h"

enum { DESCRIPTION_BYTES = 400 };

#define FORMAT_WAIT_NS RENOIR_MILLISECONDS(100)
#define FORMAT_NAP_NS RENOIR_MICROSECONDS(100)

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
    return ring_kind == RENOIR_RING_SPSC ? (uint32_t)RNR_OBJECT_SPSC : (uint32_t)RNR_OBJECT_RECORD;
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

static const char *role_name(uint32_t index)
{
    return index == RNR_RING_PRODUCER ? "producer" : "consumer";
}

static RenoirErrorCode role_is_taken(const RnrRing *ring, uint32_t index)
{
    const RnrRingEndShm *const end = &ring->shm->ends[index];
    char who[DESCRIPTION_BYTES] = "an end that has not been closed";

    if (ring->is_in_region) {
        // [hint: relaxed] For a message; a holder that has just come shows as its predecessor.
        rnr_region_describe_node(ring->object.region, rnr_load_relaxed_u64(&end->node_id), who,
                                 sizeof who);
    }
    return RNR_FAIL(RENOIR_LIMIT_REACHED,
                    "ring '%s': its one %s is %s (wait until it closes, or open the other end)",
                    rnr_ring_name(ring), role_name(index), who);
}

static RenoirErrorCode take_role_in_memory(RnrRing *ring, uint32_t index)
{
    RnrAtomicU64 *const presence = &ring->shm->ends[index].presence;
    // [ring.role: acquire] What the last owner left.
    uint64_t before = rnr_load_acquire_u64(presence);

    while ((before & RNR_RING_PRESENCE_MASK) != RNR_RING_CAME) {
        // [ring.role: acq_rel] One of those that want it gets it.
        if (rnr_cas_acq_rel_u64(presence, &before, RNR_RING_CAME)) {
            return RENOIR_SUCCESS;
        }
    }
    return role_is_taken(ring, index);
}

static RenoirErrorCode take_role(RnrRing *ring, uint32_t index, RnrRole *role)
{
    if (!ring->is_in_region) {
        return take_role_in_memory(ring, index);
    }
    const RenoirErrorCode status = rnr_role_take(&ring->object, index, role);
    return status == RENOIR_LIMIT_REACHED ? role_is_taken(ring, index) : status;
}

// After the last use of the end: what it wrote is seen by the next owner. `presence`: what the
// other end is to think of this one.
static void release_role(RnrRing *ring, uint32_t index, uint64_t presence, RnrRole *role)
{
    // [ring.role: release] The end has written its last.
    rnr_store_release_u64(&ring->shm->ends[index].presence, presence);
    RNR_FAULT_POINT("ring.close.left");
    if (ring->is_in_region) {
        rnr_role_release(role);
    }
}

// Where the end goes on, if that can be (I1). Only the other end's index moves meanwhile, and it
// moves towards ours or away from it within I1.
static RenoirErrorCode find_position(const RnrRing *ring, RenoirRingEnd *end)
{
    // [ring.reuse: acquire] As a producer that looks for room, or goes on as a consumer.
    const uint64_t head = rnr_load_acquire_u64(&ring->shm->head);
    // [ring.publish: acquire] As a consumer that looks for cells, or goes on as a producer.
    const uint64_t tail = rnr_load_acquire_u64(&ring->shm->tail);

    if (tail - head > ring->terms.capacity ||
        (ring->terms.kind == RENOIR_RING_RECORD && ((head | tail) & 7) != 0)) {
        return RNR_FAIL(RENOIR_CORRUPTED,
                        "ring '%s': head %" PRIu64 " and tail %" PRIu64 " with capacity %" PRIu64
                        " (an end has overwritten them: remove the ring)",
                        rnr_ring_name(ring), head, tail, ring->terms.capacity);
    }
    end->position = end->role == RENOIR_PRODUCER ? tail : head;
    end->seen = end->role == RENOIR_PRODUCER ? head + ring->terms.capacity : tail;
    return RENOIR_SUCCESS;
}

static uint32_t sleeper_bit(uint32_t index)
{
    return index == RNR_RING_PRODUCER ? RNR_RING_PRODUCER_SLEEPS : RNR_RING_CONSUMER_SLEEPS;
}

static void announce(const RnrRing *ring, uint32_t index, bool is_fencing)
{
    RnrRingEndShm *const end = &ring->shm->ends[index];
    const uint64_t node = ring->is_in_region ? rnr_region_node_id(ring->object.region) : 0;

    // [ring.sleep: seq_cst] A dead predecessor may have left its bit.
    (void)rnr_fetch_and_seq_cst_u32(&ring->shm->sleepers, ~sleeper_bit(index));
    // [hint: relaxed] For messages, of which one may name a predecessor.
    rnr_store_relaxed_u64(&end->node_id, node);
    // [hint: relaxed] For people.
    rnr_store_relaxed_u64(&end->since_ns, rnr_clock_now_ns());
    RNR_FAULT_POINT("ring.open.role");
    // [ring.role: release] From here on the other end counts with this one.
    rnr_store_release_u64(&end->presence,
                          RNR_RING_CAME | (is_fencing ? RNR_RING_FENCES_ITSELF : 0));
    RNR_FAULT_POINT("ring.open.presence");
}

// How long the end may let the other one run ahead: a small part of the ring.
static uint32_t patience_of(const RnrRingTerms *terms)
{
    const uint64_t patience = terms->total_bytes / RNR_RING_BYTES_PER_PATIENCE;
    return patience < RNR_RING_PATIENCE_MAX ? (uint32_t)patience : RNR_RING_PATIENCE_MAX;
}

static RenoirErrorCode
take(RnrRing *ring, uint32_t role, RnrRingSession *session, RenoirRingEnd *out_end)
{
    const uint32_t index = role - RENOIR_PRODUCER;
    RenoirRingEnd end;
    RenoirErrorCode status = take_role(ring, index, &session->role);

    if (status != RENOIR_SUCCESS) {
        return status;
    }
    memset(&end, 0, sizeof end);
    end.role = role;
    status = find_position(ring, &end);
    if (status != RENOIR_SUCCESS) {
        release_role(ring, index, RNR_RING_LEFT, &session->role);
        return status;
    }
    end.shared = ring->shm;
    end.cells = (uint8_t *)ring->shm + RNR_RING_CELLS_OFFSET;
    end.mask = ring->terms.capacity - 1;
    end.element_size = ring->terms.element_size;
    end.stride = ring->terms.stride;
    end.flags = ring->terms.flags;
    end.kind = ring->terms.kind;
    end.push_size = role == RENOIR_PRODUCER ? ring->terms.element_size : 0;
    end.pop_size = role == RENOIR_CONSUMER ? ring->terms.element_size : 0;
    end.max_record = ring->terms.max_record;
    end.patience = patience_of(&ring->terms);
    end.internal = session;
    const bool is_fencing = (end.flags & RENOIR_RING_WAITABLE) != 0 && !rnr_barrier_register();
    if (is_fencing) {
        end.flags |= RNR_RING_FENCES;
    }
    announce(ring, index, is_fencing);
    *out_end = end;
    return RENOIR_SUCCESS;
}

RenoirErrorCode
rnr_ring_take(RnrRing *ring, uint32_t role, uint64_t spin_ns, RenoirRingEnd *out_end)
{
    if (role != RENOIR_PRODUCER && role != RENOIR_CONSUMER) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                        "ring '%s': role is %" PRIu32 " (use RENOIR_PRODUCER or RENOIR_CONSUMER)",
                        rnr_ring_name(ring), role);
    }
    RnrRingSession *const session = rnr_new(RnrRingSession);
    if (session == NULL) {
        return RNR_FAIL(RENOIR_OUT_OF_MEMORY, "ring '%s': no memory for its %s",
                        rnr_ring_name(ring), role_name(role - RENOIR_PRODUCER));
    }
    session->ring = ring;
    session->spin_ns = rnr_spin_resolve(spin_ns);
    const RenoirErrorCode status = take(ring, role, session, out_end);
    if (status != RENOIR_SUCCESS) {
        rnr_free(session);
    }
    return status;
}

RenoirErrorCode
rnr_ring_take_own(const RnrRing *ring, uint32_t role, uint64_t spin_ns, RenoirRingEnd *out_end)
{
    RnrRing mine = *ring;
    const RenoirErrorCode status = rnr_ring_take(&mine, role, spin_ns, out_end);

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

void rnr_ring_end_close(RenoirRingEnd *end)
{
    RnrRingSession *const session = (RnrRingSession *)end->internal;
    RnrRing *const ring = session->ring;

    if (!is_of_another_process(ring)) {
        release_role(ring, end->role - RENOIR_PRODUCER, RNR_RING_LEFT, &session->role);
        if ((end->flags & RENOIR_RING_WAITABLE) != 0) {
            rnr_ring_wake(end);
        }
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

// --- counts --------------------------------------------------------------------------------------

RenoirErrorCode rnr_ring_reset(RnrRing *ring)
{
    RnrRole producer = {0};
    RnrRole consumer = {0};

    if (take_role(ring, RNR_RING_PRODUCER, &producer) != RENOIR_SUCCESS) {
        return RNR_FAIL(RENOIR_INVALID_STATE,
                        "cannot reset ring '%s': its producer is open (close it first)",
                        rnr_ring_name(ring));
    }
    RenoirErrorCode status = take_role(ring, RNR_RING_CONSUMER, &consumer);
    if (status != RENOIR_SUCCESS) {
        status = RNR_FAIL(RENOIR_INVALID_STATE,
                          "cannot reset ring '%s': its consumer is open (close it first)",
                          rnr_ring_name(ring));
    } else {
        // [ring.publish: acquire] Nobody has an end: this is the last tail.
        const uint64_t tail = rnr_load_acquire_u64(&ring->shm->tail);
        // [ring.reuse: release] As a consumer that has read everything.
        rnr_store_release_u64(&ring->shm->head, tail);
        release_role(ring, RNR_RING_CONSUMER, RNR_RING_NEVER_CAME, &consumer);
    }
    release_role(ring, RNR_RING_PRODUCER, RNR_RING_NEVER_CAME, &producer);
    return status;
}

void rnr_ring_stats(const RnrRing *ring, RenoirRingStats *out_stats)
{
    // [hint: relaxed] A snapshot. Head first: then the tail is not behind it.
    const uint64_t head = rnr_load_relaxed_u64(&ring->shm->head);
    // [hint: relaxed] As above.
    const uint64_t tail = rnr_load_relaxed_u64(&ring->shm->tail);
    const uint64_t live = tail - head;

    memset(out_stats, 0, sizeof *out_stats);
    out_stats->capacity = ring->terms.capacity;
    out_stats->size = live < ring->terms.capacity ? live : ring->terms.capacity;
    out_stats->writes = tail;
    out_stats->reads = head;
}
