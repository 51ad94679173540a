// SPDX-License-Identifier: MIT OR Apache-2.0
// Before the guard: whichever of the two comes first, ring.h declares and this file defines.
#include "renoir/ring.h"

#ifndef RENOIR_DETAIL_RING_BROADCAST_H
#define RENOIR_DETAIL_RING_BROADCAST_H

// Elements of one size, from one producer that never waits to any number of consumers, each of
// which sees every element or is told exactly how many it has missed.
//
// Picture            capacity 4, tail 9: position 9 is being written over position 5
//
//     slot of position  8      9      6      7
//              ┌──────┬──────┬──────┬──────┐
//     stamp    │  18  │  19  │  14  │  16  │       whole: 2 * position + 2
//              └──────┴──────┴──────┴──────┘       being written: 2 * position + 1
//
//     A consumer at 6 reads, one at 5 finds 19 instead of 12 and goes on at 6: it has lost one.
//     Where a position's slot lies: detail/ring_stamped.h.
//
// Who writes what
//     slots, tail        producer
//     nothing            consumers: an end of theirs is there to be woken
//
// Invariants
//     I1  the stamp of a slot of position p was never greater than 2 * p + 2 before p was written,
//         and goes 2 * p + 1, 2 * p + 2, 2 * (p + capacity) + 1 …
//     I2  tail <= T <= tail + 1, where T is the number of elements that are whole: a producer
//         stores the tail after each stamp
//     I3  no consumer is beyond T
//
// Edges
//     broadcast.publish  producer: store stamp, release  ──►  consumer: load stamp, acquire
//                        carries the element
//     broadcast.torn     producer: fence, release, after the stamp "being written" and before the
//                        bytes  ──►  consumer: fence, acquire, after the copy and before its second
//                        look at the stamp: whoever has copied one such byte sees that stamp
//     ring.publish, ring.sleep   detail/ring_common.h
//
// Progress
//     The producer is wait-free. A consumer's call ends after at most RNR_BROADCAST_TRIES copies,
//     each of which was overtaken.
//
// If a process dies
//     producer before broadcast.publish  the slot stays invalid, the element that it held is lost
//                                        to those who had not read it, and the next producer writes
//                                        it anew
//     producer before its tail           the next producer finds the stamp, and goes on after it
//     consumer                           nothing to do
//
// Trust
//     Stamps and tail are input: a stamp that I1 rules out, or a tail that I2 and I3 rule out, is
//     RENOIR_CORRUPTED. A hostile producer can feed its consumers rubbish; no more.
//
// Proof
//     unit     tests/unit/ring/broadcast_test.c     crash    tests/crash/broadcast_test.c
//     torture  tests/torture/broadcast_torture.c    figures  renoir-bench ring

#include <stddef.h>
#include <stdint.h>

#include "renoir/detail/atomic.h"
#include "renoir/detail/ring_common.h"
#include "renoir/detail/ring_shm.h"
#include "renoir/detail/ring_stamped.h"

#ifdef __cplusplus
extern "C" {
#endif

// A consumer that is overtaken in each of so many copies, of which each begins farther ahead, is
// not going to get one whole in this call.
#define RNR_BROADCAST_TRIES 64u

static inline uint64_t rnr_broadcast_whole(uint64_t position)
{
    return 2 * position + 2;
}

static inline uint64_t rnr_broadcast_look(const RnrStampedSlotShm *slot)
{
    // [broadcast.publish: acquire] If the stamp says "whole", so are the bytes as of now.
    return rnr_load_acquire_u64(&slot->stamp);
}

RENOIR_INLINE RenoirErrorCode renoir_broadcast_open(RenoirRegionHandle region,
                                                    const char *name,
                                                    const RenoirRingOptions *options,
                                                    uint32_t role,
                                                    RenoirBroadcast *out_end)
{
    const RenoirDetailRingEntry entry = {
        RENOIR_DETAIL_RING_END_ABI, RENOIR_RING_BROADCAST, role, 0, 0, NULL};
    return renoir_detail_ring_open(region, name, options, &entry,
                                   out_end == NULL ? NULL : &out_end->end);
}

static inline RenoirErrorCode
rnr_broadcast_refuse(const RenoirBroadcast *ring, uint32_t role, size_t element_size)
{
    return renoir_detail_ring_refuse(ring == NULL ? NULL : &ring->end, RENOIR_RING_BROADCAST, role,
                                     element_size);
}

// --- the producer --------------------------------------------------------------------------------

// The oldest element is gone from here on.
RNR_STAMPED_INLINE RnrStampedSlotShm *rnr_broadcast_invalidate(RenoirRingEnd *end,
                                                               size_t element_size)
{
    RnrStampedSlotShm *const slot = rnr_stamped_slot(end, end->position, element_size);
    // [broadcast.torn: relaxed] Being written.
    rnr_store_relaxed_u64(&slot->stamp, 2 * end->position + 1);
    // [broadcast.torn: release] Whoever has copied a byte that is written below sees this stamp.
    rnr_fence_release();
    RNR_FAULT_POINT("broadcast.push.invalid");
    return slot;
}

static inline void rnr_broadcast_complete(RenoirRingEnd *end, RnrStampedSlotShm *slot)
{
    RNR_FAULT_POINT("broadcast.push.before");
    // [broadcast.publish: release] Whoever sees this stamp also sees the element.
    rnr_store_release_u64(&slot->stamp, rnr_broadcast_whole(end->position));
    RNR_FAULT_POINT("broadcast.push.stamped");
    end->position += 1;
    // [ring.publish: release] Whoever sees this tail also sees the stamps below it.
    rnr_store_release_u64(&rnr_ring_shared(end)->tail, end->position);
    RNR_FAULT_POINT("broadcast.push.after");
}

RNR_STAMPED_INLINE void
rnr_broadcast_write(RenoirRingEnd *end, const void *element, size_t element_size)
{
    RnrStampedSlotShm *const slot = rnr_broadcast_invalidate(end, element_size);
    rnr_stamped_fill(slot, element, element_size);
    rnr_broadcast_complete(end, slot);
}

RENOIR_INLINE void
renoir_broadcast_push(RenoirBroadcast *ring, const void *element, size_t element_size)
{
    if (RNR_UNLIKELY(ring == NULL || element == NULL || element_size == 0 ||
                     ring->end.push_size != element_size)) {
        (void)rnr_broadcast_refuse(ring, RENOIR_PRODUCER, element_size);
        return;
    }
    ring->end.pending = 0;
    rnr_broadcast_write(&ring->end, element, element_size);
    rnr_ring_notify(&ring->end, RNR_RING_CONSUMER_SLEEPS);
}

RENOIR_INLINE void renoir_broadcast_push_n(RenoirBroadcast *ring,
                                           const void *elements,
                                           size_t element_size,
                                           size_t count)
{
    if (RNR_UNLIKELY(ring == NULL || elements == NULL || element_size == 0 ||
                     ring->end.push_size != element_size)) {
        (void)rnr_broadcast_refuse(ring, RENOIR_PRODUCER, element_size);
        return;
    }
    ring->end.pending = 0;
    for (size_t i = 0; i < count; ++i) {
        rnr_broadcast_write(&ring->end, (const uint8_t *)elements + i * element_size, element_size);
    }
    rnr_ring_notify(&ring->end, RNR_RING_CONSUMER_SLEEPS);
}

RENOIR_INLINE void *renoir_broadcast_claim(RenoirBroadcast *ring)
{
    if (RNR_UNLIKELY(ring == NULL || ring->end.push_size == 0)) {
        (void)rnr_broadcast_refuse(ring, RENOIR_PRODUCER, 0);
        return NULL;
    }
    ring->end.pending = 1;
    return rnr_stamped_element(rnr_broadcast_invalidate(&ring->end, ring->end.element_size));
}

RENOIR_INLINE void renoir_broadcast_publish(RenoirBroadcast *ring)
{
    if (ring == NULL || ring->end.push_size == 0 || ring->end.pending == 0) {
        return;
    }
    RenoirRingEnd *const end = &ring->end;
    end->pending = 0;
    rnr_broadcast_complete(end, rnr_stamped_slot(end, end->position, end->element_size));
    rnr_ring_notify(end, RNR_RING_CONSUMER_SLEEPS);
}

// --- a consumer ----------------------------------------------------------------------------------

// After the bytes were copied, or read in place: whether they were all of this position.
static inline int rnr_broadcast_is_still(const RnrStampedSlotShm *slot, uint64_t position)
{
    // [broadcast.torn: acquire] If a byte was of a later element, the stamp below is no longer
    // ours.
    rnr_fence_acquire();
    // [broadcast.torn: relaxed] Only compared.
    return rnr_load_relaxed_u64(&slot->stamp) == rnr_broadcast_whole(position);
}

// I1, for a stamp that is not the position's.
static inline int
rnr_broadcast_is_possible(const RenoirRingEnd *end, uint64_t position, uint64_t stamp)
{
    const uint64_t lap = 2 * (end->mask + 1);
    const uint64_t expected = rnr_broadcast_whole(position);

    if ((int64_t)(stamp - expected) > 0) { // a later lap's: whole, or being written
        const uint64_t beyond = (stamp - expected) & (lap - 1);
        return beyond == 0 || beyond == lap - 1;
    }
    return stamp == 0 || stamp == expected - 1 || stamp == expected - lap;
}

static inline RenoirErrorCode rnr_broadcast_bad_stamp(const RenoirRingEnd *end, uint64_t stamp)
{
    return renoir_detail_ring_bad_position(end, stamp / 2);
}

// The next stamp is not there, or was not a moment ago. OVERRUN: a later one is.
static inline RenoirErrorCode
rnr_broadcast_await(RenoirRingEnd *end, const RnrStampedSlotShm *slot, uint64_t stamp)
{
    const uint64_t expected = rnr_broadcast_whole(end->position);

    if ((int64_t)(stamp - expected) < 0 && rnr_stamped_let_run_ahead(end)) {
        stamp = rnr_broadcast_look(slot);
    }
    if (stamp == expected) {
        return RENOIR_SUCCESS;
    }
    if (RNR_UNLIKELY(!rnr_broadcast_is_possible(end, end->position, stamp))) {
        return rnr_broadcast_bad_stamp(end, stamp);
    }
    return (int64_t)(stamp - expected) < 0 ? RENOIR_BUFFER_EMPTY : RENOIR_OVERRUN;
}

// Where a consumer that was overtaken goes on: at the oldest element left; one that is overtaken
// again within a lap, a quarter of the ring ahead of that, because it would not get far; and with
// each copy that fails twice as far, up to the newest.
static inline uint64_t rnr_broadcast_slack(const RenoirRingEnd *end, uint32_t attempt)
{
    const uint64_t capacity = end->mask + 1;
    const int is_again = end->blocked_at != 0 && end->position - end->blocked_at < capacity;
    const uint64_t least = is_again ? capacity / 4 : 0;
    const uint64_t more = attempt == 0 ? 0 : UINT64_C(1) << (attempt < 32 ? attempt - 1 : 31);
    const uint64_t slack = least > more ? least : more;
    return slack < capacity ? slack : capacity - 1;
}

// One try to find it. BUFFER_EMPTY: try again.
static inline RenoirErrorCode
rnr_broadcast_find_oldest(const RenoirRingEnd *end, uint32_t attempt, uint64_t *out_position)
{
    const uint64_t capacity = end->mask + 1;
    // [broadcast.torn: acquire] The tail is not older than the stamp that said "overrun".
    rnr_fence_acquire();
    // [ring.publish: acquire] The stamps below this tail are not older than it.
    const uint64_t tail = rnr_load_acquire_u64(&rnr_ring_shared(end)->tail);
    const uint64_t ahead = tail - end->position;
    const uint64_t slack = rnr_broadcast_slack(end, attempt);

    // The producer is at position + capacity at least, and its tail one behind that at most (I2).
    if (RNR_UNLIKELY(ahead < capacity - 1 || ahead > INT64_MAX / 2)) {
        return renoir_detail_ring_bad_position(end, tail);
    }
    const uint64_t skipped = ahead - capacity + slack;
    *out_position = end->position + ((int64_t)skipped < 1 ? 1 : skipped);
    if (*out_position == tail) { // of two slots, one is being written and the other not known of
        return RENOIR_BUFFER_EMPTY;
    }
    const uint64_t stamp =
        rnr_broadcast_look(rnr_stamped_slot(end, *out_position, end->element_size));
    if (stamp == rnr_broadcast_whole(*out_position)) {
        return RENOIR_SUCCESS;
    }
    return (int64_t)(stamp - rnr_broadcast_whole(*out_position)) > 0 &&
                   rnr_broadcast_is_possible(end, *out_position, stamp)
               ? RENOIR_BUFFER_EMPTY
               : rnr_broadcast_bad_stamp(end, stamp);
}

// The element at the end's position is gone. Copies the oldest one left out, if out_element is not
// NULL, and moves the end onto it.
static inline RenoirErrorCode
rnr_broadcast_catch_up(RenoirRingEnd *end, void *out_element, uint64_t *out_lost)
{
    for (uint32_t attempt = 0; attempt < RNR_BROADCAST_TRIES; ++attempt) {
        uint64_t position = 0;
        const RenoirErrorCode status = rnr_broadcast_find_oldest(end, attempt, &position);
        if (status == RENOIR_BUFFER_EMPTY) {
            continue;
        }
        if (status != RENOIR_SUCCESS) {
            return status;
        }
        RnrStampedSlotShm *const slot = rnr_stamped_slot(end, position, end->element_size);
        if (out_element != NULL) {
            rnr_copy(out_element, rnr_stamped_element(slot), end->element_size);
            if (!rnr_broadcast_is_still(slot, position)) {
                continue;
            }
        }
        *out_lost = position - end->position;
        end->lost_count += *out_lost;
        end->position = position;
        end->blocked_at = position;
        end->seen = position;
        end->streak = 0;
        return RENOIR_SUCCESS;
    }
    return RENOIR_BUFFER_EMPTY;
}

static inline RenoirErrorCode
rnr_broadcast_pop(RenoirRingEnd *end, void *out_element, size_t element_size, uint64_t *out_lost)
{
    RnrStampedSlotShm *const slot = rnr_stamped_slot(end, end->position, element_size);
    const uint64_t stamp = rnr_broadcast_look(slot);
    RenoirErrorCode status = RENOIR_SUCCESS;

    *out_lost = 0;
    end->pending = 0;
    rnr_stamped_touch(slot, element_size);
    if (RNR_UNLIKELY(stamp != rnr_broadcast_whole(end->position))) {
        status = rnr_broadcast_await(end, slot, stamp);
    }
    if (RNR_LIKELY(status == RENOIR_SUCCESS)) {
        rnr_copy(out_element, rnr_stamped_element(slot), element_size);
        if (RNR_UNLIKELY(!rnr_broadcast_is_still(slot, end->position))) {
            status = RENOIR_OVERRUN;
        }
    }
    if (RNR_UNLIKELY(status == RENOIR_OVERRUN)) {
        status = rnr_broadcast_catch_up(end, out_element, out_lost);
    }
    end->position += status == RENOIR_SUCCESS;
    return status;
}

RENOIR_INLINE RenoirErrorCode renoir_broadcast_try_pop(RenoirBroadcast *ring,
                                                       void *out_element,
                                                       size_t element_size,
                                                       uint64_t *out_lost)
{
    uint64_t lost = 0;
    if (RNR_UNLIKELY(ring == NULL || out_element == NULL || element_size == 0 ||
                     ring->end.pop_size != element_size)) {
        return rnr_broadcast_refuse(ring, RENOIR_CONSUMER, element_size);
    }
    const RenoirErrorCode status = rnr_broadcast_pop(&ring->end, out_element, element_size, &lost);
    if (out_lost != NULL) {
        *out_lost = lost;
    }
    return status;
}

RENOIR_INLINE RenoirErrorCode renoir_broadcast_pop_n(RenoirBroadcast *ring,
                                                     void *out_elements,
                                                     size_t element_size,
                                                     size_t count,
                                                     size_t *out_count,
                                                     uint64_t *out_lost)
{
    uint64_t lost = 0;
    size_t done = 0;
    if (RNR_UNLIKELY(ring == NULL || out_elements == NULL || out_count == NULL ||
                     element_size == 0 || ring->end.pop_size != element_size)) {
        return rnr_broadcast_refuse(ring, RENOIR_CONSUMER, element_size);
    }
    RenoirRingEnd *const end = &ring->end;
    const RenoirErrorCode status =
        count == 0 ? RENOIR_SUCCESS : rnr_broadcast_pop(end, out_elements, element_size, &lost);
    if (count != 0 && status == RENOIR_SUCCESS) {
        for (done = 1; done < count; ++done) {
            RnrStampedSlotShm *const slot = rnr_stamped_slot(end, end->position, element_size);
            if (rnr_broadcast_look(slot) != rnr_broadcast_whole(end->position)) {
                break;
            }
            rnr_copy((uint8_t *)out_elements + done * element_size, rnr_stamped_element(slot),
                     element_size);
            if (!rnr_broadcast_is_still(slot, end->position)) {
                break;
            }
            end->position += 1;
        }
    }
    *out_count = done;
    if (out_lost != NULL) {
        *out_lost = lost;
    }
    return status;
}

RENOIR_INLINE RenoirErrorCode renoir_broadcast_peek(RenoirBroadcast *ring,
                                                    const void **out_element,
                                                    uint64_t *out_lost)
{
    uint64_t lost = 0;
    if (RNR_UNLIKELY(ring == NULL || out_element == NULL || ring->end.pop_size == 0)) {
        return rnr_broadcast_refuse(ring, RENOIR_CONSUMER, 0);
    }
    RenoirRingEnd *const end = &ring->end;
    const RnrStampedSlotShm *const slot = rnr_stamped_slot(end, end->position, end->element_size);
    RenoirErrorCode status = rnr_broadcast_await(end, slot, rnr_broadcast_look(slot));
    if (status == RENOIR_OVERRUN) {
        status = rnr_broadcast_catch_up(end, NULL, &lost);
    }
    end->pending = status == RENOIR_SUCCESS;
    *out_element = NULL;
    if (status == RENOIR_SUCCESS) {
        *out_element = rnr_stamped_element(rnr_stamped_slot(end, end->position, end->element_size));
    }
    if (out_lost != NULL) {
        *out_lost = lost;
    }
    return status;
}

RENOIR_INLINE RenoirErrorCode renoir_broadcast_consume(RenoirBroadcast *ring)
{
    if (RNR_UNLIKELY(ring == NULL || ring->end.pop_size == 0)) {
        return rnr_broadcast_refuse(ring, RENOIR_CONSUMER, 0);
    }
    RenoirRingEnd *const end = &ring->end;
    if (RNR_UNLIKELY(end->pending == 0)) {
        return renoir_detail_ring_has_none(end);
    }
    end->pending = 0;
    if (!rnr_broadcast_is_still(rnr_stamped_slot(end, end->position, end->element_size),
                                end->position)) {
        return RENOIR_OVERRUN;
    }
    end->position += 1;
    return RENOIR_SUCCESS;
}

// How many elements are whole, as far as this end knows. CORRUPTED: it has seen more (I3).
static inline RenoirErrorCode rnr_broadcast_total(const RenoirRingEnd *end, uint64_t *out_total)
{
    // [ring.publish: acquire] The stamps below this tail are not older than it.
    const uint64_t tail = rnr_load_acquire_u64(&rnr_ring_shared(end)->tail);
    const uint64_t beyond = end->position - tail;

    *out_total = beyond == 1 ? end->position : tail;
    return (int64_t)beyond > 1 ? renoir_detail_ring_bad_position(end, tail) : RENOIR_SUCCESS;
}

RENOIR_INLINE RenoirErrorCode renoir_broadcast_read_latest(RenoirBroadcast *ring,
                                                           void *out_element,
                                                           size_t element_size,
                                                           uint64_t *out_sequence)
{
    if (RNR_UNLIKELY(ring == NULL || out_element == NULL || element_size == 0 ||
                     ring->end.pop_size != element_size)) {
        return rnr_broadcast_refuse(ring, RENOIR_CONSUMER, element_size);
    }
    for (uint32_t attempt = 0; attempt < RNR_BROADCAST_TRIES; ++attempt) {
        uint64_t total = 0;
        const RenoirErrorCode status = rnr_broadcast_total(&ring->end, &total);
        if (status != RENOIR_SUCCESS || total == 0) {
            return status != RENOIR_SUCCESS ? status : RENOIR_BUFFER_EMPTY;
        }
        RnrStampedSlotShm *const slot = rnr_stamped_slot(&ring->end, total - 1, element_size);
        const uint64_t stamp = rnr_broadcast_look(slot);
        if (stamp == rnr_broadcast_whole(total - 1)) {
            rnr_copy(out_element, rnr_stamped_element(slot), element_size);
            if (rnr_broadcast_is_still(slot, total - 1)) {
                if (out_sequence != NULL) {
                    *out_sequence = total;
                }
                return RENOIR_SUCCESS;
            }
        } else if ((int64_t)(stamp - rnr_broadcast_whole(total - 1)) < 0 ||
                   !rnr_broadcast_is_possible(&ring->end, total - 1, stamp)) {
            return rnr_broadcast_bad_stamp(&ring->end, stamp);
        }
    }
    return RENOIR_OVERRUN;
}

RENOIR_INLINE uint64_t renoir_broadcast_skip_to_latest(RenoirBroadcast *ring)
{
    uint64_t total = 0;
    if (RNR_UNLIKELY(ring == NULL || ring->end.pop_size == 0)) {
        (void)rnr_broadcast_refuse(ring, RENOIR_CONSUMER, 0);
        return 0;
    }
    RenoirRingEnd *const end = &ring->end;
    end->pending = 0;
    if (rnr_broadcast_total(end, &total) != RENOIR_SUCCESS || total == end->position ||
        total == 0) {
        return 0;
    }
    const uint64_t passed = total - 1 - end->position;
    end->position = total - 1;
    end->seen = end->position;
    return passed;
}

#ifdef __cplusplus
}
#endif

#endif
