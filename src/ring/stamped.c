// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Joining a stamped spsc ring, waiting at it, and its counts.
//
// Picture            a producer died after two stamps of a batch, before its tail
//
//     position   9     10     11     12
//     stamp     10     11      4      5         capacity 8
//                ▲             ▲
//              tail            T: where its successor goes on
//
// Who writes what
//     tail       here: who has the producer's role and does not publish yet
//
// Invariants     I1, I2 of include/renoir/detail/ring_stamped.h
//
// Edges
//     stamped.publish, ring.publish, ring.reuse   include/renoir/detail/ring_stamped.h
//
// Progress
//     Looking for T ends after at most the capacity.
//
// If a process dies
//     while it moves the tail   the next one finds the same T
//
// Trust
//     Head, tail and stamps are input. A head beyond T, or farther behind than the capacity, is
//     RENOIR_CORRUPTED.
//
// Proof
//     unit  tests/unit/ring/stamped_test.c     crash  tests/crash/stamped_test.c

#include "ring/stamped.h"

#include <inttypes.h>

#include "base/error.h"
#include "renoir/detail/atomic.h"
#include "renoir/detail/ring_stamped.h"
#include "ring/refuse.h"

static RenoirErrorCode
corrupted(const char *name, uint64_t head, uint64_t tail, uint64_t end, uint64_t capacity)
{
    return RNR_FAIL(RENOIR_CORRUPTED,
                    "ring '%s': head %" PRIu64 " and tail %" PRIu64 " with stamps up to %" PRIu64
                    " and capacity %" PRIu64 " (an end has overwritten them: remove the ring)",
                    name, head, tail, end, capacity);
}

static uint64_t stamp_at(const RenoirRingEnd *end, uint64_t position)
{
    return rnr_stamped_look(rnr_stamped_slot(end, position, end->element_size));
}

// An end that only looks at slots.
static RenoirRingEnd onlooker(const RnrRing *ring)
{
    RenoirRingEnd end = {.shared = ring->shm,
                         .cells = (uint8_t *)ring->shm + ring->terms.cells_offset,
                         .mask = ring->terms.capacity - 1,
                         .element_size = ring->terms.element_size};
    return end;
}

RenoirErrorCode rnr_stamped_settle(const RnrRing *ring, uint64_t *out_tail)
{
    const RenoirRingEnd end = onlooker(ring);
    const uint64_t capacity = ring->terms.capacity;
    // [ring.reuse: acquire] First: what has been consumed has been stamped.
    const uint64_t head = rnr_load_acquire_u64(&ring->shm->head);
    // [ring.publish: acquire] What the last producer said.
    const uint64_t tail = rnr_load_acquire_u64(&ring->shm->tail);
    uint64_t found = tail;

    if (tail - head > capacity && head - tail > capacity) {
        return corrupted(rnr_ring_name(ring), head, tail, tail, capacity);
    }
    while (found - head != capacity && found - tail != capacity &&
           stamp_at(&end, found) == found + 1) {
        ++found;
    }
    if (found - head > capacity) {
        return corrupted(rnr_ring_name(ring), head, tail, found, capacity);
    }
    if (found != tail) {
        // [ring.publish: release] On behalf of the dead producer.
        rnr_store_release_u64(&ring->shm->tail, found);
    }
    *out_tail = found;
    return RENOIR_SUCCESS;
}

RenoirErrorCode rnr_stamped_begin(const RnrRing *ring, RenoirRingEnd *end)
{
    const uint64_t capacity = end->mask + 1;
    // [ring.reuse: acquire] Where a consumer goes on, and how much room a producer has.
    const uint64_t head = rnr_load_acquire_u64(&ring->shm->head);
    // [ring.publish: acquire] Only to compare: a producer may be at work.
    const uint64_t tail = rnr_load_acquire_u64(&ring->shm->tail);

    end->push_size = 0;
    end->pop_size = 0;
    if (end->role == RENOIR_PRODUCER) {
        end->seen = head + capacity;
        return rnr_stamped_settle(ring, &end->position);
    }
    if (tail - head > capacity && head - tail > capacity) {
        return corrupted(rnr_ring_name(ring), head, tail, tail, capacity);
    }
    end->position = head;
    end->seen = head;
    return RENOIR_SUCCESS;
}

static RenoirErrorCode ready_to_push(const RenoirRingEnd *end)
{
    // [ring.reuse: acquire] The next push looks again itself; this only says that it will succeed.
    const uint64_t head = rnr_load_acquire_u64(&((const RnrRingShm *)end->shared)->head);
    const uint64_t live = end->position - head;

    if (live > end->mask + 1) {
        return rnr_ring_bad_position(end, head);
    }
    return live <= end->mask ? RENOIR_SUCCESS : RENOIR_BUFFER_FULL;
}

static RenoirErrorCode ready_to_pop(const RenoirRingEnd *end)
{
    const uint64_t stamp = stamp_at(end, end->position);
    const uint64_t expected = end->position + 1;

    if (stamp == expected) {
        return RENOIR_SUCCESS;
    }
    return stamp == 0 || stamp + end->mask + 1 == expected ? RENOIR_BUFFER_EMPTY
                                                           : rnr_ring_bad_position(end, stamp - 1);
}

RenoirErrorCode rnr_stamped_ready(const RenoirRingEnd *end)
{
    return end->role == RENOIR_PRODUCER ? ready_to_push(end) : ready_to_pop(end);
}

void rnr_stamped_stats(const RnrRing *ring, RenoirRingStats *out_stats)
{
    // [hint: relaxed] A snapshot. Head first: then the tail is seldom behind it.
    const uint64_t head = rnr_load_relaxed_u64(&ring->shm->head);
    // [hint: relaxed] As above.
    const uint64_t tail = rnr_load_relaxed_u64(&ring->shm->tail);
    const uint64_t capacity = ring->terms.capacity;
    const bool is_behind = head - tail <= capacity; // or level
    const uint64_t live = is_behind ? 0 : tail - head;

    out_stats->capacity = capacity;
    out_stats->size = live < capacity ? live : capacity;
    out_stats->writes = is_behind ? head : tail;
    out_stats->reads = head;
}

RenoirErrorCode
rnr_stamped_check(const RnrRingShm *shm, const RnrRingTerms *terms, const char *name)
{
    // [ring.reuse: acquire] Head first, as in rnr_index_check.
    const uint64_t head = rnr_load_acquire_u64(&shm->head);
    // [ring.publish: acquire] As above.
    const uint64_t tail = rnr_load_acquire_u64(&shm->tail);
    // [ring.reuse: acquire] Where the head is by now.
    const uint64_t head_now = rnr_load_acquire_u64(&shm->head);

    if (tail - head > terms->capacity + (head_now - head) && head - tail > terms->capacity) {
        return corrupted(name, head, tail, tail, terms->capacity);
    }
    return RENOIR_SUCCESS;
}
