// SPDX-License-Identifier: MIT OR Apache-2.0
// Before the guard: whichever of the two comes first, ring.h declares and this file defines.
#include "renoir/ring.h"

#ifndef RENOIR_DETAIL_RING_SPSC_H
#define RENOIR_DETAIL_RING_SPSC_H

// Bounded queue of elements of one size, from one producer to one consumer, in different processes.
//
// Picture            capacity 8, tail 11, head 9
//
//     cell        0     1     2     3     4     5     6     7
//              ┌─────┬─────┬─────┬─────┬─────┬─────┬─────┬─────┐
//     position │  8  │  9  │ 10  │  3  │  4  │  5  │  6  │  7  │
//              └─────┴─────┴─────┴─────┴─────┴─────┴─────┴─────┘
//                       ▲           ▲
//                     head        tail              live: 9, 10     free: six cells
//
// Who writes what
//     tail               producer; end->position of the producer is its copy
//     head               consumer; end->position of the consumer is its copy
//     cell of position p producer, while tail <= p < head + capacity
//     geometry           creator, before anyone can find the ring; both ends keep a copy
//
// Invariants
//     I1  head <= tail <= head + capacity
//     I2  head and tail only grow; at a billion a second they last 584 years, so no wrap-around
//     I3  an end's `seen` is how far it may go by what it last saw of the other one: the producer
//     to
//         a head that was + capacity, the consumer to a tail that was. Looking again only finds
//         more.
//
// With RENOIR_RING_STAMPED the slots carry stamps: detail/ring_stamped.h. Such an end has a
// push_size and a pop_size of 0, so that the others pay nothing for it.
//
// Edges              ring.publish, ring.reuse, ring.sleep: detail/ring_common.h
//
// Progress
//     Every call is wait-free: no loop but over the elements copied and a bounded pause, at most
//     one load of the other side's line.
//
// If a process dies
//     producer before ring.publish   what it had copied in never happened
//     producer after                 nothing to do
//     consumer before ring.reuse     the next consumer gets the same elements again
//     consumer after                 the elements were the dead process's
//     The next owner of an end goes on at the shared index.
//
// Trust
//     The other side's index is input. If it breaks I1 the call returns RENOIR_CORRUPTED.
//
// Proof
//     unit     tests/unit/ring/spsc_test.c          crash    tests/crash/ring_test.c
//     torture  tests/torture/ring_test.c            figures  renoir-bench ring

#include <stddef.h>
#include <stdint.h>

#include "renoir/detail/atomic.h"
#include "renoir/detail/ring_common.h"
#include "renoir/detail/ring_shm.h"
#include "renoir/detail/ring_stamped.h"

#ifdef __cplusplus
extern "C" {
#endif

static inline uint8_t *
rnr_spsc_cell(const RenoirRingEnd *end, uint64_t position, size_t element_size)
{
    return end->cells + (size_t)(position & end->mask) * element_size;
}

// Looks at the other side because nothing is left, or fewer than wanted.
static inline RenoirErrorCode rnr_spsc_look(RenoirRingEnd *end, uint64_t *out_left)
{
    const uint64_t before = end->seen;
    rnr_ring_let_run_ahead(end);
    const RenoirErrorCode status = end->role == RENOIR_PRODUCER
                                       ? rnr_ring_look_at_head(end, out_left)
                                       : rnr_ring_look_at_tail(end, out_left);
    if (RNR_UNLIKELY(status != RENOIR_SUCCESS)) {
        return status;
    }
    rnr_ring_remember(end, end->seen - before);
    if (*out_left == 0) {
        return end->role == RENOIR_PRODUCER ? RENOIR_BUFFER_FULL : RENOIR_BUFFER_EMPTY;
    }
    return RENOIR_SUCCESS;
}

// Elements that may be written or read; looks at the other side only if they are fewer than
// `count`.
static inline RenoirErrorCode rnr_spsc_left(RenoirRingEnd *end, uint64_t count, uint64_t *out_left)
{
    *out_left = end->seen - end->position;
    return RNR_LIKELY(*out_left >= count) ? RENOIR_SUCCESS : rnr_spsc_look(end, out_left);
}

// How many of `count` elements lie before the end of the ring.
static inline uint64_t rnr_spsc_straight(const RenoirRingEnd *end, uint64_t count)
{
    const uint64_t straight = end->mask + 1 - (end->position & end->mask);
    return count < straight ? count : straight;
}

RENOIR_INLINE RenoirErrorCode renoir_spsc_open(RenoirRegionHandle region,
                                               const char *name,
                                               const RenoirRingOptions *options,
                                               uint32_t role,
                                               RenoirSpsc *out_end)
{
    const RenoirDetailRingEntry entry = {
        RENOIR_DETAIL_RING_END_ABI, RENOIR_RING_SPSC, role, 0, 0, NULL};
    return renoir_detail_ring_open(region, name, options, &entry,
                                   out_end == NULL ? NULL : &out_end->end);
}

RENOIR_INLINE RenoirErrorCode renoir_spsc_try_push(RenoirSpsc *ring,
                                                   const void *element,
                                                   size_t element_size)
{
    // push_size is role, size, "open" and "not stamped" in one.
    if (RNR_UNLIKELY(ring == NULL || element == NULL || element_size == 0 ||
                     ring->end.push_size != element_size)) {
        return rnr_stamped_try_push(ring, element, element_size);
    }
    RenoirRingEnd *const end = &ring->end;
    if (RNR_UNLIKELY(end->position == end->seen)) {
        uint64_t left = 0;
        const RenoirErrorCode status = rnr_spsc_look(end, &left);
        if (status != RENOIR_SUCCESS) {
            return status;
        }
    }
    rnr_copy_fresh(rnr_spsc_cell(end, end->position, element_size), element, element_size);
    RNR_FAULT_POINT("spsc.push.before");
    rnr_ring_publish_tail(end, end->position + 1);
    RNR_FAULT_POINT("spsc.push.after");
    return RENOIR_SUCCESS;
}

RENOIR_INLINE RenoirErrorCode renoir_spsc_try_pop(RenoirSpsc *ring,
                                                  void *out_element,
                                                  size_t element_size)
{
    if (RNR_UNLIKELY(ring == NULL || out_element == NULL || element_size == 0 ||
                     ring->end.pop_size != element_size)) {
        return rnr_stamped_try_pop(ring, out_element, element_size);
    }
    RenoirRingEnd *const end = &ring->end;
    if (RNR_UNLIKELY(end->position == end->seen)) {
        uint64_t left = 0;
        const RenoirErrorCode status = rnr_spsc_look(end, &left);
        if (status != RENOIR_SUCCESS) {
            return status;
        }
    }
    rnr_copy(out_element, rnr_spsc_cell(end, end->position, element_size), element_size);
    RNR_FAULT_POINT("spsc.pop.before");
    rnr_ring_publish_head(end, end->position + 1);
    RNR_FAULT_POINT("spsc.pop.after");
    return RENOIR_SUCCESS;
}

RENOIR_INLINE RenoirErrorCode renoir_spsc_push_n(
    RenoirSpsc *ring, const void *elements, size_t element_size, size_t count, size_t *out_count)
{
    if (RNR_UNLIKELY(ring == NULL || elements == NULL || out_count == NULL ||
                     ring->end.push_size != element_size || element_size == 0)) {
        return rnr_stamped_try_push_n(ring, elements, element_size, count, out_count);
    }
    *out_count = 0;
    if (count == 0) {
        return RENOIR_SUCCESS;
    }
    RenoirRingEnd *const end = &ring->end;
    uint64_t left = 0;
    const RenoirErrorCode status = rnr_spsc_left(end, count, &left);
    if (RNR_UNLIKELY(status != RENOIR_SUCCESS)) {
        return status;
    }
    const size_t total = count < left ? count : (size_t)left;
    const size_t first = (size_t)rnr_spsc_straight(end, total);
    rnr_copy(rnr_spsc_cell(end, end->position, element_size), elements, first * element_size);
    if (RNR_UNLIKELY(first < total)) {
        rnr_copy(end->cells, (const uint8_t *)elements + first * element_size,
                 (total - first) * element_size);
    }
    RNR_FAULT_POINT("spsc.push.before");
    rnr_ring_publish_tail(end, end->position + total);
    RNR_FAULT_POINT("spsc.push.after");
    *out_count = total;
    return RENOIR_SUCCESS;
}

RENOIR_INLINE RenoirErrorCode renoir_spsc_pop_n(
    RenoirSpsc *ring, void *out_elements, size_t element_size, size_t count, size_t *out_count)
{
    if (RNR_UNLIKELY(ring == NULL || out_elements == NULL || out_count == NULL ||
                     ring->end.pop_size != element_size || element_size == 0)) {
        return rnr_stamped_try_pop_n(ring, out_elements, element_size, count, out_count);
    }
    *out_count = 0;
    if (count == 0) {
        return RENOIR_SUCCESS;
    }
    RenoirRingEnd *const end = &ring->end;
    uint64_t left = 0;
    const RenoirErrorCode status = rnr_spsc_left(end, count, &left);
    if (RNR_UNLIKELY(status != RENOIR_SUCCESS)) {
        return status;
    }
    const size_t total = count < left ? count : (size_t)left;
    const size_t first = (size_t)rnr_spsc_straight(end, total);
    rnr_copy(out_elements, rnr_spsc_cell(end, end->position, element_size), first * element_size);
    if (RNR_UNLIKELY(first < total)) {
        rnr_copy((uint8_t *)out_elements + first * element_size, end->cells,
                 (total - first) * element_size);
    }
    RNR_FAULT_POINT("spsc.pop.before");
    rnr_ring_publish_head(end, end->position + total);
    RNR_FAULT_POINT("spsc.pop.after");
    *out_count = total;
    return RENOIR_SUCCESS;
}

RENOIR_INLINE RenoirErrorCode renoir_spsc_claim(RenoirSpsc *ring,
                                                size_t max_count,
                                                void **out_elements,
                                                size_t *out_count)
{
    if (RNR_UNLIKELY(ring == NULL || out_elements == NULL || out_count == NULL || max_count == 0 ||
                     ring->end.push_size == 0)) {
        return rnr_stamped_claim(ring, max_count, out_elements, out_count);
    }
    RenoirRingEnd *const end = &ring->end;
    uint64_t left = 0;
    *out_elements = NULL;
    *out_count = 0;
    end->pending = 0;
    const RenoirErrorCode status = rnr_spsc_left(end, max_count, &left);
    if (RNR_UNLIKELY(status != RENOIR_SUCCESS)) {
        return status;
    }
    end->pending = rnr_spsc_straight(end, max_count < left ? max_count : left);
    *out_elements = rnr_spsc_cell(end, end->position, end->element_size);
    *out_count = (size_t)end->pending;
    return RENOIR_SUCCESS;
}

RENOIR_INLINE void renoir_spsc_commit(RenoirSpsc *ring, size_t count)
{
    if (ring == NULL || ring->end.push_size == 0) {
        rnr_stamped_commit(ring, count);
        return;
    }
    RenoirRingEnd *const end = &ring->end;
    const uint64_t total = count < end->pending ? count : end->pending;
    end->pending = 0;
    if (total > 0) {
        RNR_FAULT_POINT("spsc.push.before");
        rnr_ring_publish_tail(end, end->position + total);
        RNR_FAULT_POINT("spsc.push.after");
    }
}

RENOIR_INLINE RenoirErrorCode renoir_spsc_peek(RenoirSpsc *ring,
                                               size_t max_count,
                                               const void **out_elements,
                                               size_t *out_count)
{
    if (RNR_UNLIKELY(ring == NULL || out_elements == NULL || out_count == NULL || max_count == 0 ||
                     ring->end.pop_size == 0)) {
        return rnr_stamped_peek(ring, max_count, out_elements, out_count);
    }
    RenoirRingEnd *const end = &ring->end;
    uint64_t left = 0;
    *out_elements = NULL;
    *out_count = 0;
    end->pending = 0;
    const RenoirErrorCode status = rnr_spsc_left(end, max_count, &left);
    if (RNR_UNLIKELY(status != RENOIR_SUCCESS)) {
        return status;
    }
    end->pending = rnr_spsc_straight(end, max_count < left ? max_count : left);
    *out_elements = rnr_spsc_cell(end, end->position, end->element_size);
    *out_count = (size_t)end->pending;
    return RENOIR_SUCCESS;
}

RENOIR_INLINE void renoir_spsc_consume(RenoirSpsc *ring, size_t count)
{
    if (ring == NULL || ring->end.pop_size == 0) {
        rnr_stamped_consume(ring, count);
        return;
    }
    RenoirRingEnd *const end = &ring->end;
    const uint64_t total = count < end->pending ? count : end->pending;
    end->pending -= total;
    if (total > 0) {
        RNR_FAULT_POINT("spsc.pop.before");
        rnr_ring_publish_head(end, end->position + total);
        RNR_FAULT_POINT("spsc.pop.after");
    }
}

#ifdef __cplusplus
}
#endif

#endif
