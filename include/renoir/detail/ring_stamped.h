// SPDX-License-Identifier: MIT OR Apache-2.0
// Before the guard: whichever of the two comes first, ring.h declares and this file defines.
#include "renoir/ring.h"

#ifndef RENOIR_DETAIL_RING_STAMPED_H
#define RENOIR_DETAIL_RING_STAMPED_H

// A queue from one to one whose elements carry their number: the consumer looks at the slot that it
// will read, and the line that tells it of an element brings the element along.
//
// Picture            capacity 8, head 9, tail 11; "10" is the stamp of position 9
//
//     slot of position  9     10     11     12     13     14     15     16
//              ┌──────┬──────┬──────┬──────┬──────┬──────┬──────┬──────┐
//     stamp    │  10  │  11  │   4  │   5  │   6  │   7  │   8  │   9  │
//              └──────┴──────┴──────┴──────┴──────┴──────┴──────┴──────┘
//                 ▲             ▲
//               head          tail           11 is written next: 4 becomes 12
//
//     Slots of 64 bytes and more do not lie in the order of their positions: that of position p has
//     the index 5 * p. A processor that sees every slot follow the one before fetches the next ones
//     too, on either side, out of the other side's hands. Measured near, round trip of 64 bytes
//     over two rings of 16384 elements, as a multiple of a bare ping-pong of two lines: 1.2 to 1.3
//     in order, 0.93 to 1.0 with factors 5, 33, 65, 97.
//
// Who writes what
//     slot of position p producer, while it has room for it: p < head + capacity
//     tail               producer, after the stamps below it; nobody polls it
//     head               consumer
//
// Invariants
//     I1  the stamp of p's slot is p + 1 when the element is there; until then p + 1 - capacity, or
//         0 in the first lap
//     I2  T, the first position from the tail on whose stamp is not p + 1: head <= T <= head +
//         capacity. T is the tail but for a producer between its stamps and its tail, or one that
//         died there
//
// Edges
//     stamped.publish  producer: store stamp, release  ──►  consumer: load stamp, acquire
//                      carries the element
//     ring.reuse       consumer: store head, release   ──►  producer: load head, acquire
//                      detail/ring_common.h; ring.publish, ring.sleep there, too
//
// Progress
//     Every call is wait-free: no loop but over the elements copied and a bounded pause.
//
// If a process dies
//     producer before stamped.publish   what it had copied in never happened
//     producer before its tail          the next producer finds the stamps, and goes on after them
//     consumer before ring.reuse        the next consumer gets the same elements again
//
// Trust
//     A stamp that breaks I1 and a head that breaks I2 are RENOIR_CORRUPTED.
//
// Proof
//     unit     tests/unit/ring/stamped_test.c       crash    tests/crash/stamped_test.c
//     figures  renoir-bench ring

#include <stddef.h>
#include <stdint.h>

#include "renoir/detail/atomic.h"
#include "renoir/detail/ring_common.h"
#include "renoir/detail/ring_shm.h"

#ifdef __cplusplus
extern "C" {
#endif

#define RNR_LINE_BYTES 64u
#define RNR_STAMP_BYTES 8u
// Part of the layout.
#define RNR_STAMPED_STEP 5u

// Where element_size is a constant these are a few instructions each.
#define RNR_STAMPED_INLINE static inline __attribute__((always_inline))
// These are not inlined into renoir_spsc_*: those of rings without stamps would become too long to
// be inlined themselves. They tell the usual sizes apart instead.
#define RNR_STAMPED_APART __attribute__((noinline, unused)) static

// --- slots, of broadcast rings too ---------------------------------------------------------------

// As rnr_ring_slot_stride: folds to a constant where element_size is one.
RNR_STAMPED_INLINE size_t rnr_stamped_stride(size_t element_size)
{
    const size_t bytes = RNR_STAMP_BYTES + element_size;
    if (bytes > 32) {
        return (bytes + RNR_LINE_BYTES - 1) & ~(size_t)(RNR_LINE_BYTES - 1);
    }
    return bytes > 16 ? 32 : 16;
}

RNR_STAMPED_INLINE RnrStampedSlotShm *
rnr_stamped_slot(const RenoirRingEnd *end, uint64_t position, size_t element_size)
{
    const size_t stride = rnr_stamped_stride(element_size);
    // Slots smaller than a line follow each other.
    const size_t step = element_size <= 32 - RNR_STAMP_BYTES ? 1 : RNR_STAMPED_STEP;
    const size_t index = ((size_t)position * step) & (size_t)end->mask;
    return (RnrStampedSlotShm *)(void *)(end->cells + index * stride);
}

static inline uint8_t *rnr_stamped_element(RnrStampedSlotShm *slot)
{
    return (uint8_t *)(slot + 1);
}

// The stamp's line last: while the stores wait for the other line, a consumer that polls would take
// the stamp's line away again. And from the end, so that the store that reaches into both lines
// asks for them at once. Measured near, 64 bytes, the round trip as above and a stream: 0.92 and
// 164 million elements a second, against 1.09 and 102 from the beginning.
RNR_STAMPED_INLINE void
rnr_stamped_fill(RnrStampedSlotShm *slot, const void *element, size_t element_size)
{
    const size_t pair_bytes = 2 * RNR_LINE_BYTES - RNR_STAMP_BYTES;
    uint8_t *const to = rnr_stamped_element(slot);

    if (element_size > pair_bytes) {
        rnr_copy(to + pair_bytes, (const uint8_t *)element + pair_bytes, element_size - pair_bytes);
        rnr_copy_fresh_down(to, element, pair_bytes);
    } else {
        rnr_copy_fresh_down(to, element, element_size);
    }
}

// Asks for the second line with each look at the stamp: then both are on their way at once.
RNR_STAMPED_INLINE void rnr_stamped_touch(const RnrStampedSlotShm *slot, size_t element_size)
{
    if (element_size > RNR_LINE_BYTES - RNR_STAMP_BYTES) {
        __builtin_prefetch((const uint8_t *)slot + RNR_LINE_BYTES);
    }
}

// A consumer that has caught up in a stream lets the producer run ahead, in proportion to what it
// found since it caught up last (ring_common.h). True: it did; the stamp is worth a second look.
static inline int rnr_stamped_let_run_ahead(RenoirRingEnd *end)
{
    const uint64_t found = end->position - end->seen;

    end->seen = end->position;
    rnr_ring_remember(end, found);
    if (end->streak < 2) {
        return 0;
    }
    rnr_ring_let_run_ahead(end);
    return 1;
}

// --- of an spsc ring -----------------------------------------------------------------------------

static inline RenoirErrorCode
rnr_spsc_refuse(const RenoirSpsc *ring, uint32_t role, size_t element_size)
{
    return renoir_detail_ring_refuse(ring == NULL ? NULL : &ring->end, RENOIR_RING_SPSC, role,
                                     element_size);
}

static inline int rnr_stamped_has_role(const RenoirSpsc *ring, uint32_t role, const void *argument)
{
    return ring != NULL && argument != NULL && (ring->end.flags & RENOIR_RING_STAMPED) != 0 &&
           ring->end.role == role;
}

static inline int
rnr_stamped_is(const RenoirSpsc *ring, uint32_t role, const void *argument, size_t element_size)
{
    return rnr_stamped_has_role(ring, role, argument) && ring->end.element_size == element_size;
}

// --- the producer --------------------------------------------------------------------------------

// How many elements it may write: it looks at the head only if they are fewer than `count`.
static inline RenoirErrorCode
rnr_stamped_room(RenoirRingEnd *end, uint64_t count, uint64_t *out_left)
{
    *out_left = end->seen - end->position;
    if (RNR_LIKELY(*out_left >= count)) {
        return RENOIR_SUCCESS;
    }
    const uint64_t before = end->seen;
    rnr_ring_let_run_ahead(end);
    const RenoirErrorCode status = rnr_ring_look_at_head(end, out_left);
    if (RNR_UNLIKELY(status != RENOIR_SUCCESS)) {
        return status;
    }
    rnr_ring_remember(end, end->seen - before);
    return *out_left == 0 ? RENOIR_BUFFER_FULL : RENOIR_SUCCESS;
}

static inline void rnr_stamped_stamp(RnrStampedSlotShm *slot, uint64_t position)
{
    RNR_FAULT_POINT("stamped.push.before");
    // [stamped.publish: release] Whoever sees this stamp also sees the element.
    rnr_store_release_u64(&slot->stamp, position + 1);
    RNR_FAULT_POINT("stamped.push.stamped");
}

RNR_STAMPED_INLINE RenoirErrorCode rnr_stamped_push(RenoirRingEnd *end,
                                                    const void *element,
                                                    size_t element_size)
{
    uint64_t left = 0;
    const RenoirErrorCode status = rnr_stamped_room(end, 1, &left);
    if (RNR_UNLIKELY(status != RENOIR_SUCCESS)) {
        return status;
    }
    RnrStampedSlotShm *const slot = rnr_stamped_slot(end, end->position, element_size);
    rnr_stamped_fill(slot, element, element_size);
    rnr_stamped_stamp(slot, end->position);
    rnr_ring_publish_tail(end, end->position + 1);
    RNR_FAULT_POINT("stamped.push.after");
    return RENOIR_SUCCESS;
}

RNR_STAMPED_INLINE RenoirErrorCode rnr_stamped_push_n(
    RenoirRingEnd *end, const void *elements, size_t element_size, size_t count, size_t *out_count)
{
    uint64_t left = 0;
    *out_count = 0;
    if (count == 0) {
        return RENOIR_SUCCESS;
    }
    const RenoirErrorCode status = rnr_stamped_room(end, count, &left);
    if (RNR_UNLIKELY(status != RENOIR_SUCCESS)) {
        return status;
    }
    const size_t total = count < left ? count : (size_t)left;
    for (size_t i = 0; i < total; ++i) {
        RnrStampedSlotShm *const slot = rnr_stamped_slot(end, end->position + i, element_size);
        rnr_stamped_fill(slot, (const uint8_t *)elements + i * element_size, element_size);
        rnr_stamped_stamp(slot, end->position + i);
    }
    rnr_ring_publish_tail(end, end->position + total);
    RNR_FAULT_POINT("stamped.push.after");
    *out_count = total;
    return RENOIR_SUCCESS;
}

RNR_STAMPED_APART RenoirErrorCode rnr_stamped_claim(RenoirSpsc *ring,
                                                    size_t max_count,
                                                    void **out_element,
                                                    size_t *out_count)
{
    if (out_count == NULL || max_count == 0 ||
        !rnr_stamped_has_role(ring, RENOIR_PRODUCER, out_element)) {
        return rnr_spsc_refuse(ring, RENOIR_PRODUCER, 0);
    }
    RenoirRingEnd *const end = &ring->end;
    uint64_t left = 0;
    *out_element = NULL;
    *out_count = 0;
    end->pending = 0;
    const RenoirErrorCode status = rnr_stamped_room(end, 1, &left);
    if (RNR_UNLIKELY(status != RENOIR_SUCCESS)) {
        return status;
    }
    end->pending = 1;
    *out_element = rnr_stamped_element(rnr_stamped_slot(end, end->position, end->element_size));
    *out_count = 1;
    return RENOIR_SUCCESS;
}

RNR_STAMPED_APART void rnr_stamped_commit(RenoirSpsc *ring, size_t count)
{
    if (!rnr_stamped_has_role(ring, RENOIR_PRODUCER, ring)) {
        return;
    }
    RenoirRingEnd *const end = &ring->end;
    const int is_wanted = count > 0 && end->pending > 0;
    end->pending = 0;
    if (is_wanted) {
        rnr_stamped_stamp(rnr_stamped_slot(end, end->position, end->element_size), end->position);
        rnr_ring_publish_tail(end, end->position + 1);
        RNR_FAULT_POINT("stamped.push.after");
    }
}

// --- the consumer --------------------------------------------------------------------------------

static inline uint64_t rnr_stamped_look(const RnrStampedSlotShm *slot)
{
    // [stamped.publish: acquire] If this is the position's stamp, the element is there.
    return rnr_load_acquire_u64(&slot->stamp);
}

// The next element is not there, or was not a moment ago.
static inline RenoirErrorCode
rnr_stamped_await(RenoirRingEnd *end, const RnrStampedSlotShm *slot, uint64_t stamp)
{
    const uint64_t expected = end->position + 1;

    if (rnr_stamped_let_run_ahead(end)) {
        stamp = rnr_stamped_look(slot);
        if (stamp == expected) {
            return RENOIR_SUCCESS;
        }
    }
    if (RNR_UNLIKELY(stamp != 0 && stamp + end->mask + 1 != expected)) {
        return renoir_detail_ring_bad_position(end, stamp - 1);
    }
    return RENOIR_BUFFER_EMPTY;
}

RNR_STAMPED_INLINE RenoirErrorCode rnr_stamped_next(RenoirRingEnd *end,
                                                    RnrStampedSlotShm *slot,
                                                    size_t element_size)
{
    const uint64_t stamp = rnr_stamped_look(slot);
    rnr_stamped_touch(slot, element_size);
    return RNR_LIKELY(stamp == end->position + 1) ? RENOIR_SUCCESS
                                                  : rnr_stamped_await(end, slot, stamp);
}

static inline void rnr_stamped_give_back(RenoirRingEnd *end, uint64_t count)
{
    RNR_FAULT_POINT("stamped.pop.before");
    rnr_ring_publish_head(end, end->position + count);
    RNR_FAULT_POINT("stamped.pop.after");
}

RNR_STAMPED_INLINE RenoirErrorCode rnr_stamped_pop(RenoirRingEnd *end,
                                                   void *out_element,
                                                   size_t element_size)
{
    RnrStampedSlotShm *const slot = rnr_stamped_slot(end, end->position, element_size);
    const RenoirErrorCode status = rnr_stamped_next(end, slot, element_size);
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    rnr_copy(out_element, rnr_stamped_element(slot), element_size);
    rnr_stamped_give_back(end, 1);
    return RENOIR_SUCCESS;
}

RNR_STAMPED_INLINE RenoirErrorCode rnr_stamped_pop_n(
    RenoirRingEnd *end, void *out_elements, size_t element_size, size_t count, size_t *out_count)
{
    RnrStampedSlotShm *slot = rnr_stamped_slot(end, end->position, element_size);
    size_t done = 0;
    *out_count = 0;
    if (count == 0) {
        return RENOIR_SUCCESS;
    }
    const RenoirErrorCode status = rnr_stamped_next(end, slot, element_size);
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    do {
        rnr_copy((uint8_t *)out_elements + done * element_size, rnr_stamped_element(slot),
                 element_size);
        ++done;
        slot = rnr_stamped_slot(end, end->position + done, element_size);
    } while (done < count && rnr_stamped_look(slot) == end->position + done + 1);
    rnr_stamped_give_back(end, done);
    *out_count = done;
    return RENOIR_SUCCESS;
}

RNR_STAMPED_APART RenoirErrorCode rnr_stamped_peek(RenoirSpsc *ring,
                                                   size_t max_count,
                                                   const void **out_element,
                                                   size_t *out_count)
{
    if (out_count == NULL || max_count == 0 ||
        !rnr_stamped_has_role(ring, RENOIR_CONSUMER, out_element)) {
        return rnr_spsc_refuse(ring, RENOIR_CONSUMER, 0);
    }
    RenoirRingEnd *const end = &ring->end;
    RnrStampedSlotShm *const slot = rnr_stamped_slot(end, end->position, end->element_size);
    *out_element = NULL;
    *out_count = 0;
    end->pending = 0;
    const RenoirErrorCode status = rnr_stamped_next(end, slot, end->element_size);
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    end->pending = 1;
    *out_element = rnr_stamped_element(slot);
    *out_count = 1;
    return RENOIR_SUCCESS;
}

RNR_STAMPED_APART void rnr_stamped_consume(RenoirSpsc *ring, size_t count)
{
    if (!rnr_stamped_has_role(ring, RENOIR_CONSUMER, ring)) {
        return;
    }
    RenoirRingEnd *const end = &ring->end;
    if (count > 0 && end->pending > 0) {
        end->pending = 0;
        rnr_stamped_give_back(end, 1);
    }
}

// --- for renoir_spsc_*: the end is not one without stamps ----------------------------------------

RNR_STAMPED_APART RenoirErrorCode rnr_stamped_try_push(RenoirSpsc *ring,
                                                       const void *element,
                                                       size_t element_size)
{
    if (!rnr_stamped_is(ring, RENOIR_PRODUCER, element, element_size)) {
        return rnr_spsc_refuse(ring, RENOIR_PRODUCER, element_size);
    }
    switch (element_size) {
    case 8:
        return rnr_stamped_push(&ring->end, element, 8);
    case 32:
        return rnr_stamped_push(&ring->end, element, 32);
    case 64:
        return rnr_stamped_push(&ring->end, element, 64);
    default:
        return rnr_stamped_push(&ring->end, element, element_size);
    }
}

RNR_STAMPED_APART RenoirErrorCode rnr_stamped_try_pop(RenoirSpsc *ring,
                                                      void *out_element,
                                                      size_t element_size)
{
    if (!rnr_stamped_is(ring, RENOIR_CONSUMER, out_element, element_size)) {
        return rnr_spsc_refuse(ring, RENOIR_CONSUMER, element_size);
    }
    switch (element_size) {
    case 8:
        return rnr_stamped_pop(&ring->end, out_element, 8);
    case 32:
        return rnr_stamped_pop(&ring->end, out_element, 32);
    case 64:
        return rnr_stamped_pop(&ring->end, out_element, 64);
    default:
        return rnr_stamped_pop(&ring->end, out_element, element_size);
    }
}

RNR_STAMPED_APART RenoirErrorCode rnr_stamped_try_push_n(
    RenoirSpsc *ring, const void *elements, size_t element_size, size_t count, size_t *out_count)
{
    if (out_count == NULL || !rnr_stamped_is(ring, RENOIR_PRODUCER, elements, element_size)) {
        return rnr_spsc_refuse(ring, RENOIR_PRODUCER, element_size);
    }
    switch (element_size) {
    case 8:
        return rnr_stamped_push_n(&ring->end, elements, 8, count, out_count);
    case 64:
        return rnr_stamped_push_n(&ring->end, elements, 64, count, out_count);
    default:
        return rnr_stamped_push_n(&ring->end, elements, element_size, count, out_count);
    }
}

RNR_STAMPED_APART RenoirErrorCode rnr_stamped_try_pop_n(
    RenoirSpsc *ring, void *out_elements, size_t element_size, size_t count, size_t *out_count)
{
    if (out_count == NULL || !rnr_stamped_is(ring, RENOIR_CONSUMER, out_elements, element_size)) {
        return rnr_spsc_refuse(ring, RENOIR_CONSUMER, element_size);
    }
    switch (element_size) {
    case 8:
        return rnr_stamped_pop_n(&ring->end, out_elements, 8, count, out_count);
    case 64:
        return rnr_stamped_pop_n(&ring->end, out_elements, 64, count, out_count);
    default:
        return rnr_stamped_pop_n(&ring->end, out_elements, element_size, count, out_count);
    }
}

#ifdef __cplusplus
}
#endif

#endif
