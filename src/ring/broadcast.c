// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Broadcast rings: their shape, joining them, waiting at them, and their counts.
//
// Picture            include/renoir/detail/ring_broadcast.h
//
// Who writes what
//     tail       here: who has the producer's role and does not publish yet
//
// Invariants     I1 to I3 of include/renoir/detail/ring_broadcast.h
//
// Edges
//     broadcast.publish, ring.publish   include/renoir/detail/ring_broadcast.h
//
// Progress
//     No loops.
//
// If a process dies
//     while it moves the tail   the next one does it again
//
// Trust
//     Tail and stamps are input; those that cannot be are RENOIR_CORRUPTED.
//
// Proof
//     unit  tests/unit/ring/broadcast_test.c     crash  tests/crash/broadcast_test.c

#include <inttypes.h>

#include "base/error.h"
#include "renoir/detail/atomic.h"
#include "renoir/detail/ring_broadcast.h"
#include "ring/kind.h"
#include "ring/refuse.h"
#include "ring/ring.h"

enum { FIRST_CONSUMER = 1, CONSUMERS_MIN = 1, CONSUMERS_MAX = 64 };

// --- shape ---------------------------------------------------------------------------------------

static RenoirErrorCode broadcast_terms(const RenoirRingOptions *options, RnrRingTerms *terms)
{
    RenoirErrorCode status = rnr_ring_check_elements(RENOIR_RING_BROADCAST, options);

    if (status == RENOIR_SUCCESS) {
        status = rnr_ring_check_max_ends(options, RENOIR_RING_BROADCAST, CONSUMERS_MIN,
                                         CONSUMERS_MAX, &terms->max_ends);
    }
    if (status == RENOIR_SUCCESS) {
        terms->element_size = options->element_size;
        terms->stride = rnr_ring_slot_stride(sizeof(RnrStampedSlotShm), options->element_size);
        terms->end_count = FIRST_CONSUMER + terms->max_ends;
        terms->first_consumer = FIRST_CONSUMER;
    }
    return status;
}

// --- joining -------------------------------------------------------------------------------------

static uint64_t stamp_at(const RenoirRingEnd *end, uint64_t position)
{
    return rnr_broadcast_look(rnr_stamped_slot(end, position, end->element_size));
}

static uint64_t load_tail(const RenoirRingEnd *end)
{
    // [ring.publish: acquire] The stamps below this tail are not older than it.
    return rnr_load_acquire_u64(&((const RnrRingShm *)end->shared)->tail);
}

static RenoirErrorCode
corrupted(const RnrRing *ring, const char *what, uint64_t stamp, uint64_t position)
{
    return RNR_FAIL(RENOIR_CORRUPTED,
                    "ring '%s': the stamp %s is %" PRIu64 ", with %" PRIu64
                    " elements written (the producer is damaged: remove the ring)",
                    rnr_ring_name(ring), what, stamp, position);
}

// The slot that is written next is the oldest element's, or torn, or whole already (I1).
static RenoirErrorCode begin_as_producer(const RnrRing *ring, RenoirRingEnd *end)
{
    const uint64_t tail = load_tail(end);
    const uint64_t stamp = stamp_at(end, tail);

    end->position = tail;
    if (stamp == rnr_broadcast_whole(tail)) {
        end->position = tail + 1;
        // [ring.publish: release] On behalf of the dead producer.
        rnr_store_release_u64(&ring->shm->tail, tail + 1);
    } else if ((int64_t)(stamp - rnr_broadcast_whole(tail)) > 0 ||
               !rnr_broadcast_is_possible(end, tail, stamp)) {
        return corrupted(ring, "of the next slot", stamp, tail);
    }
    return RENOIR_SUCCESS;
}

// At the oldest element left. If it is overwritten meanwhile, the first pop finds out.
static RenoirErrorCode begin_as_consumer(const RnrRing *ring, RenoirRingEnd *end)
{
    const uint64_t capacity = end->mask + 1;
    const uint64_t tail = load_tail(end);
    const uint64_t oldest = tail < capacity ? 0 : tail - capacity;
    const uint64_t stamp = stamp_at(end, oldest);

    end->position = oldest;
    if (tail >= capacity && stamp != rnr_broadcast_whole(oldest)) {
        if ((int64_t)(stamp - rnr_broadcast_whole(oldest)) < 0) {
            return corrupted(ring, "of the oldest element", stamp, tail);
        }
        end->position = oldest + 1;
    }
    end->seen = end->position;
    return RENOIR_SUCCESS;
}

static RenoirErrorCode broadcast_begin(const RnrRing *ring, RenoirRingEnd *end)
{
    return end->role == RENOIR_PRODUCER ? begin_as_producer(ring, end)
                                        : begin_as_consumer(ring, end);
}

// --- waiting -------------------------------------------------------------------------------------

static RenoirErrorCode broadcast_look(const RenoirRingEnd *end)
{
    if (end->role == RENOIR_PRODUCER) {
        return RENOIR_SUCCESS;
    }
    const uint64_t stamp = stamp_at(end, end->position);
    uint64_t total = 0;

    if (stamp == rnr_broadcast_whole(end->position)) {
        return RENOIR_SUCCESS;
    }
    if (!rnr_broadcast_is_possible(end, end->position, stamp)) {
        return rnr_ring_bad_position(end, stamp / 2);
    }
    if ((int64_t)(stamp - rnr_broadcast_whole(end->position)) > 0) {
        return RENOIR_SUCCESS; // overtaken: the next pop goes on elsewhere
    }
    const RenoirErrorCode status = rnr_broadcast_total(end, &total);
    return status == RENOIR_SUCCESS ? RENOIR_BUFFER_EMPTY : status;
}

// --- counts --------------------------------------------------------------------------------------

static void
broadcast_stats(const RnrRing *ring, const RenoirRingEnd *end, RenoirRingStats *out_stats)
{
    const uint64_t capacity = ring->terms.capacity;
    // [hint: relaxed] A snapshot.
    const uint64_t tail = rnr_load_relaxed_u64(&ring->shm->tail);
    const uint64_t left = tail < capacity ? tail : capacity;

    out_stats->capacity = capacity;
    out_stats->size = left;
    out_stats->writes = tail;
    out_stats->overwrites = tail - left;
    if (end != NULL && end->role == RENOIR_CONSUMER) {
        const uint64_t behind = tail - end->position;
        out_stats->size = (int64_t)behind < 0 ? 0 : behind < left ? behind : left;
    }
}

// The newest element's slot, beside a producer that may be far ahead by now.
static RenoirErrorCode
broadcast_check(const RnrRingShm *shm, const RnrRingTerms *terms, const char *name)
{
    RenoirRingEnd end = {.shared = (void *)(uintptr_t)shm,
                         .cells = (uint8_t *)(uintptr_t)shm + terms->cells_offset,
                         .mask = terms->capacity - 1,
                         .element_size = terms->element_size};
    const uint64_t tail = load_tail(&end);

    if (tail == 0) {
        return RENOIR_SUCCESS;
    }
    const uint64_t stamp = stamp_at(&end, tail - 1);
    const uint64_t expected = rnr_broadcast_whole(tail - 1);
    if ((int64_t)(stamp - expected) < 0 ||
        !(stamp == expected || rnr_broadcast_is_possible(&end, tail - 1, stamp))) {
        return rnr_ring_corrupted(name, "newest stamp", stamp, expected);
    }
    return RENOIR_SUCCESS;
}

const RnrRingKind rnr_ring_kind_broadcast = {.name = "broadcast",
                                             .flags = RENOIR_RING_WAITABLE,
                                             .terms = broadcast_terms,
                                             .cells_bytes = rnr_ring_cells_bytes,
                                             .begin = broadcast_begin,
                                             .look = broadcast_look,
                                             .stats = broadcast_stats,
                                             .check = broadcast_check};
