// SPDX-License-Identifier: MIT OR Apache-2.0
// Before the guard: whichever of the two comes first, ring.h declares and this file defines.
#include "renoir/ring.h"

#ifndef RENOIR_DETAIL_RING_SEQUENCED_H
#define RENOIR_DETAIL_RING_SEQUENCED_H

// Bounded queue of elements of one size, all of which every consumer sees, in order, after those
// consumers that it is declared to come after. From one producer or from many.
//
// Picture            capacity 8, consumers A, and B after A; many producers: stamps beside the
// cells
//
//     position       9     10     11     12     13     14     15     16
//                ┌──────┬──────┬──────┬──────┬──────┬──────┬──────┬──────┐
//     lap, state │ FULL │ FULL │ FULL │ FULL │ CLAIMED by 1│ FULL │ old  │
//                └──────┴──────┴──────┴──────┴──────┴──────┴──────┴──────┘
//                   ▲             ▲             ▲                    ▲
//                 cursor B      cursor A      A waits here         the next claim
//                   └ gate: nobody writes position 9 + 8 = 17 yet
//
//     With one producer there are no stamps: `tail` says how far it has come, as in an spsc ring.
//     The sequence number of an element is its position + 1.
//
//     A stamp, from the lowest bit: state (2), index of the claimer (5), slots that follow in the
//     same claim (as many bits as the capacity has), lap + 1 (the rest). Lap and rest have 57 bits
//     together, so that a stamp comes again only after 2^57 elements. Zero means: done with in the
//     lap before the first.
//
// Who writes what
//     tail           one producer: its position. Many: anybody, a hint where claims begin
//     limit          producers: no position from here on is written yet. Only grows
//     cursor         a consumer: what it is done with. A producer (many): where its claim begins
//     after_mask     a consumer, at open
//     stamp          a claimer takes the first slot of its claim by compare-and-swap and marks the
//                    others; publishes each. Of a dead claimer: whoever holds its index (SKIPPED)
//     rescan         a consumer that joins, by adding 1
//     left           1 once a consumer has come that comes after another
//     element        producer or claimer, from its claim to its publication
//
// Invariants
//     I1  cursor <= tail <= limit <= smallest cursor that gates + capacity (many: cursor <= limit)
//     I2  cursors and limit only grow; an index goes on at its predecessor's cursor, or beyond
//     I3  claims follow one another without a gap: each begins where another one ends, because
//         producers pass a slot only by what a claim of this lap says about its length
//     I4  of a claim, the first slot is taken first and given up last: as long as another slot may
//         be unmarked, the first says CLAIMED, and names who answers for all
//     I5  a producer has one claim at a time, and notes where before it takes it: so whoever takes
//         back what a dead one left finds it all
//
// Edges
//     ring.publish       one producer: store tail, release  ──►  consumer: load tail, acquire
//                        carries the cells below it
//     sequenced.stamp    claimer: store or swap, release  ──►  consumer, producer: load, acquire
//                        carries the cell, and the marks of the claim's other slots
//     sequenced.cursor   consumer: store cursor, release  ──►  producer, later consumer: load,
//                        acquire: carries "done with those below it"
//     sequenced.limit    producer: store limit, release  ──►  joining consumer: load, acquire
//     sequenced.join     see "Why seq_cst"
//     ring.role, ring.sleep   ring/ring.c, detail/ring_common.h
//
// Why seq_cst                     both sides store, then load
//
//     producer that wants more room           consumer that joins (src/ring/sequenced.c)
//     P1  store  limit = gate + capacity      C1  add 1 to `rescan` (present; its old cursor holds)
//     P2  fence  seq_cst                      C2  fence  seq_cst
//     P3  load   `rescan`                     C3  load   limit
//     P4  changed: again, with the new one.   C4  cursor := what it was, or limit - capacity
//         Else write below limit                  if that is more
//
//     Elements are lost to the consumer only if P3 misses C1 and C3 misses P1. P2 and C2 have one
//     order: if P2 comes first, C3 sees P1 and the consumer begins above what is overwritten; if C2
//     comes first, P3 sees C1 and the producer counts with its cursor. Until C4 that is the old
//     one, which is not greater than any that C4 stores: it holds back at most too much.
//
// Progress
//     One producer, and consumers: wait-free but for the search among those that come before (at
//     most as many steps as there are consumers). Many producers: lock-free; a claim that fails has
//     been passed by another. What waits for a live end, its declaration says: a producer for the
//     slowest consumer, a consumer for those before it and for the next element of the sequence.
//
// If a process dies
//     one producer before ring.publish   its claim never happened; the next one goes on at tail
//     claimer before its swap            nothing has happened
//     claimer before it published all    the rest of its claim is SKIPPED, by whoever is held up by
//                                        it for 100 µs, by a wait, or by the index's next owner
//     whoever skips, in between          the first slot still says CLAIMED: another one goes on
//     consumer                           found dead after 100 µs: holds nobody back from then on;
//                                        those after it count it as being where those before it are
//
// Trust
//     All words are input. A cursor beyond the limit, a position that is a capacity away from where
//     it can be, and a stamp of a lap that cannot be are RENOIR_CORRUPTED; slots are found by
//     masking, and each loop ends after as many steps as there are slots. A cursor set back holds
//     producers back, no more.
//
// Proof
//     explorer tests/explore/sequenced.c            crash    tests/crash/sequenced_test.c
//     unit     tests/unit/ring/sequenced_test.c     torture  tests/torture/sequenced_torture.c
//     figures  renoir-bench ring

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "renoir/detail/atomic.h"
#include "renoir/detail/ring_common.h"
#include "renoir/detail/ring_shm.h"

#ifdef __cplusplus
extern "C" {
#endif

// States of a slot. Finished is what is not CLAIMED.
#define RNR_SEQUENCED_SKIPPED UINT64_C(0)
#define RNR_SEQUENCED_CLAIMED UINT64_C(1)
#define RNR_SEQUENCED_FULL UINT64_C(2)
#define RNR_SEQUENCED_STATE_MASK UINT64_C(3)
#define RNR_SEQUENCED_INDEX_SHIFT 2
#define RNR_SEQUENCED_INDEX_MASK UINT64_C(31)
#define RNR_SEQUENCED_REST_SHIFT 7

// How often a claim may find its slot taken and yet not taken, which no honest process causes.
#define RNR_SEQUENCED_TRIES 64u
// Claims that end beyond a multiple of this bring the hint `tail` up to date.
#define RNR_SEQUENCED_HINT_MASK UINT64_C(7)

// Kept out of the inline calls, which are as short as an spsc ring's then: a producer that is
// slower than its consumer hands over one line at a time.
#define RNR_SEQUENCED_APART __attribute__((noinline, unused)) static

static inline bool rnr_sequenced_is_multi(const RenoirRingEnd *end)
{
    return (end->flags & RENOIR_RING_MULTI_PRODUCER) != 0;
}

static inline uint8_t *
rnr_sequenced_cell(const RenoirRingEnd *end, uint64_t position, size_t element_size)
{
    return end->cells + (size_t)(position & end->mask) * element_size;
}

// --- stamps --------------------------------------------------------------------------------------

static inline RnrAtomicU64 *rnr_sequenced_stamp(const RenoirRingEnd *end, uint64_t position)
{
    const uint64_t bytes =
        ((end->mask + 1) * end->stride + RNR_CACHE_PAIR - 1) & ~(uint64_t)(RNR_CACHE_PAIR - 1);
    return (RnrAtomicU64 *)(void *)(end->cells + (size_t)bytes) + (size_t)(position & end->mask);
}

// The bit of a stamp that counts laps, and a position's lap at its place in a stamp.
static inline uint64_t rnr_sequenced_one_lap(const RenoirRingEnd *end)
{
    return UINT64_C(1) << (RNR_SEQUENCED_REST_SHIFT + end->shift);
}

static inline uint64_t rnr_sequenced_lap(const RenoirRingEnd *end, uint64_t position)
{
    return ((position >> end->shift) + 1) << (RNR_SEQUENCED_REST_SHIFT + end->shift);
}

// By how much a stamp's lap is ahead of a position's; a multiple of one_lap.
static inline int64_t
rnr_sequenced_ahead(const RenoirRingEnd *end, uint64_t stamp, uint64_t position)
{
    const uint64_t lap = stamp & ~(rnr_sequenced_one_lap(end) - 1);
    return (int64_t)(lap - rnr_sequenced_lap(end, position));
}

static inline uint64_t rnr_sequenced_state(uint64_t stamp)
{
    return stamp & RNR_SEQUENCED_STATE_MASK;
}

static inline uint64_t rnr_sequenced_rest(const RenoirRingEnd *end, uint64_t stamp)
{
    return (stamp >> RNR_SEQUENCED_REST_SHIFT) & end->mask;
}

static inline uint64_t rnr_sequenced_make_stamp(
    const RenoirRingEnd *end, uint64_t position, uint64_t state, uint64_t index, uint64_t rest)
{
    return rnr_sequenced_lap(end, position) | rest << RNR_SEQUENCED_REST_SHIFT |
           index << RNR_SEQUENCED_INDEX_SHIFT | state;
}

// Whether the slot was done with in the lap before this position's.
static inline bool
rnr_sequenced_is_free(const RenoirRingEnd *end, uint64_t stamp, uint64_t position)
{
    return rnr_sequenced_ahead(end, stamp, position) == -(int64_t)rnr_sequenced_one_lap(end) &&
           rnr_sequenced_state(stamp) != RNR_SEQUENCED_CLAIMED;
}

static inline uint64_t rnr_sequenced_load_stamp(const RenoirRingEnd *end, uint64_t position)
{
    // [sequenced.stamp: acquire] With FULL comes the cell; with a claim, its end.
    return rnr_load_acquire_u64(rnr_sequenced_stamp(end, position));
}

// Whether the `count` slots from this position on are. Where consumers gate they always are; where
// none is left, a claim of the lap before may be unfinished.
static inline bool
rnr_sequenced_are_free(const RenoirRingEnd *end, uint64_t position, uint64_t count)
{
    for (uint64_t i = 0; i < count; ++i) {
        if (!rnr_sequenced_is_free(end, rnr_sequenced_load_stamp(end, position + i),
                                   position + i)) {
            return false;
        }
    }
    return true;
}

// --- producers -----------------------------------------------------------------------------------

// Looks at the consumers because there is less room than wanted, or something in the way.
RNR_SEQUENCED_APART RenoirErrorCode rnr_sequenced_look_for_room(RenoirRingEnd *end, uint64_t count)
{
    const uint64_t before = end->seen;
    uint64_t left = 0;

    rnr_ring_let_run_ahead(end);
    const RenoirErrorCode status = renoir_detail_sequenced_look_at_consumers(end, count, &left);
    if (RNR_UNLIKELY(status != RENOIR_SUCCESS)) {
        return status;
    }
    rnr_ring_remember(end, end->seen - before);
    if (left < count) {
        end->wanted = count;
        return RENOIR_BUFFER_FULL;
    }
    end->wanted = 0;
    return RENOIR_SUCCESS;
}

// Moves end->position to where the next claim can begin, with room for `count`; *out_stamp is what
// lies there.
static inline RenoirErrorCode
rnr_sequenced_find_room(RenoirRingEnd *end, uint64_t count, uint64_t *out_stamp)
{
    // Each claim is passed once, and seldom one that has come meanwhile.
    const uint64_t steps = 2 * (end->mask + 1) + RNR_SEQUENCED_TRIES;
    bool is_held_up = false;

    for (uint64_t i = 0; i < steps; ++i) {
        if (is_held_up || (int64_t)(end->seen - end->position) < (int64_t)count) {
            const RenoirErrorCode status = rnr_sequenced_look_for_room(end, count);
            if (status != RENOIR_SUCCESS) {
                return status;
            }
            is_held_up = false;
        }
        const uint64_t stamp = rnr_sequenced_load_stamp(end, end->position);
        const int64_t ahead = rnr_sequenced_ahead(end, stamp, end->position);
        if (ahead >= 0) { // claimed in this lap or a later one: on to the end of that claim
            end->position +=
                ((uint64_t)ahead >> RNR_SEQUENCED_REST_SHIFT) + rnr_sequenced_rest(end, stamp) + 1;
            continue;
        }
        if (RNR_LIKELY(rnr_sequenced_is_free(end, stamp, end->position) &&
                       rnr_sequenced_are_free(end, end->position + 1, count - 1))) {
            *out_stamp = stamp;
            return RENOIR_SUCCESS;
        }
        is_held_up = true;
    }
    return renoir_detail_ring_bad_position(end, end->position);
}

static inline void rnr_sequenced_start_at_tail(RenoirRingEnd *end)
{
    // [hint: relaxed] Where to begin to search; an old one costs steps.
    const uint64_t tail = rnr_load_relaxed_u64(&rnr_ring_shared(end)->tail);
    if ((int64_t)(tail - end->position) > 0) {
        end->position = tail;
    }
}

static inline void rnr_sequenced_help_tail(const RenoirRingEnd *end, uint64_t begin)
{
    RnrAtomicU64 *const tail = &rnr_ring_shared(end)->tail;

    if (((begin ^ end->position) & ~RNR_SEQUENCED_HINT_MASK) == 0) {
        return;
    }
    // [hint: relaxed] Two that store at the same time may leave the smaller one.
    if ((int64_t)(end->position - rnr_load_relaxed_u64(tail)) > 0) {
        // [hint: relaxed] As above.
        rnr_store_relaxed_u64(tail, end->position);
    }
}

// Takes the next `count` slots. end->position is then the end of the claim.
RNR_SEQUENCED_APART RenoirErrorCode rnr_sequenced_claim_slots(RenoirRingEnd *end, uint64_t count)
{
    RnrAtomicU64 *const note = &rnr_ring_end_shm(rnr_ring_shared(end), end->index)->cursor;

    rnr_sequenced_start_at_tail(end);
    for (unsigned tries = 0; tries < RNR_SEQUENCED_TRIES; ++tries) {
        uint64_t stamp = 0;
        const RenoirErrorCode status = rnr_sequenced_find_room(end, count, &stamp);
        if (status != RENOIR_SUCCESS) {
            return status;
        }
        const uint64_t begin = end->position;
        const uint64_t claim =
            rnr_sequenced_make_stamp(end, begin, RNR_SEQUENCED_CLAIMED, end->index, count - 1);
        // [own: relaxed] Nobody reads it while this process lives.
        rnr_store_relaxed_u64(note, begin);
        RNR_FAULT_POINT("sequenced.claim.noted");
        // [sequenced.stamp: acq_rel] The slots are this end's, or another one has been faster.
        if (!rnr_cas_acq_rel_u64(rnr_sequenced_stamp(end, begin), &stamp, claim)) {
            continue;
        }
        RNR_FAULT_POINT("sequenced.claim.first");
        for (uint64_t i = 1; i < count; ++i) {
            // [sequenced.stamp: release] Each says where the claim ends (I4).
            rnr_store_release_u64(rnr_sequenced_stamp(end, begin + i),
                                  rnr_sequenced_make_stamp(end, begin + i, RNR_SEQUENCED_CLAIMED,
                                                           end->index, count - 1 - i));
            RNR_FAULT_POINT("sequenced.claim.marked");
        }
        end->claimed = begin;
        end->pending = count;
        end->position = begin + count;
        rnr_sequenced_help_tail(end, begin);
        RNR_FAULT_POINT("sequenced.claim.after");
        return RENOIR_SUCCESS;
    }
    return renoir_detail_ring_bad_position(end, end->position);
}

// The next `count` of this end's claim.
RNR_SEQUENCED_APART void rnr_sequenced_publish_slots(RenoirRingEnd *end, uint64_t count)
{
    for (uint64_t i = 0; i < count; ++i) {
        const uint64_t position = end->claimed;
        RNR_FAULT_POINT("sequenced.publish.before");
        // [sequenced.stamp: release] Whoever sees FULL also sees the cell.
        rnr_store_release_u64(rnr_sequenced_stamp(end, position),
                              rnr_sequenced_make_stamp(end, position, RNR_SEQUENCED_FULL,
                                                       end->index, end->position - 1 - position));
        end->claimed = position + 1;
        --end->pending;
        RNR_FAULT_POINT("sequenced.publish.after");
    }
    rnr_ring_notify(end, RNR_RING_CONSUMER_SLEEPS);
}

static inline RenoirErrorCode
rnr_sequenced_refuse(const RenoirSequenced *ring, uint32_t role, size_t element_size)
{
    return renoir_detail_ring_refuse(ring == NULL ? NULL : &ring->end, RENOIR_RING_SEQUENCED, role,
                                     element_size);
}

// Room for `count` elements, from *out_begin on; one claim at a time.
static inline RenoirErrorCode
rnr_sequenced_make_claim(RenoirRingEnd *end, uint64_t count, uint64_t *out_begin)
{
    if (RNR_UNLIKELY(end->pending != 0)) {
        return renoir_detail_ring_has_claim(end);
    }
    if (RNR_UNLIKELY(rnr_sequenced_is_multi(end))) {
        const RenoirErrorCode status = rnr_sequenced_claim_slots(end, count);
        *out_begin = end->claimed;
        return status;
    }
    *out_begin = end->position;
    return RNR_LIKELY(end->seen - end->position >= count) ? RENOIR_SUCCESS
                                                          : rnr_sequenced_look_for_room(end, count);
}

// Copies elements into the cells from this position on, which may wrap.
static inline void rnr_sequenced_copy_in(const RenoirRingEnd *end,
                                         uint64_t position,
                                         const void *elements,
                                         size_t element_size,
                                         size_t count)
{
    const uint64_t straight = end->mask + 1 - (position & end->mask);
    const size_t first = count < straight ? count : (size_t)straight;

    rnr_copy(rnr_sequenced_cell(end, position, element_size), elements, first * element_size);
    if (RNR_UNLIKELY(first < count)) {
        rnr_copy(end->cells, (const uint8_t *)elements + first * element_size,
                 (count - first) * element_size);
    }
}

RENOIR_INLINE RenoirErrorCode renoir_sequenced_open(RenoirRegionHandle region,
                                                    const char *name,
                                                    const RenoirRingOptions *options,
                                                    uint32_t role,
                                                    uint32_t index,
                                                    uint64_t after_mask,
                                                    RenoirSequenced *out_end)
{
    const RenoirDetailRingEntry entry = {
        RENOIR_DETAIL_RING_END_ABI, RENOIR_RING_SEQUENCED, role, index, after_mask, NULL};
    return renoir_detail_ring_open(region, name, options, &entry,
                                   out_end == NULL ? NULL : &out_end->end);
}

RENOIR_INLINE RenoirErrorCode renoir_sequenced_claim(RenoirSequenced *ring,
                                                     size_t count,
                                                     uint64_t *out_sequence)
{
    if (RNR_UNLIKELY(ring == NULL || out_sequence == NULL || ring->end.push_size == 0 ||
                     count == 0 || count - 1 > ring->end.mask)) {
        return rnr_sequenced_refuse(ring, RENOIR_PRODUCER, 0);
    }
    uint64_t begin = 0;
    *out_sequence = 0;
    const RenoirErrorCode status = rnr_sequenced_make_claim(&ring->end, count, &begin);
    if (RNR_UNLIKELY(status != RENOIR_SUCCESS)) {
        return status;
    }
    ring->end.pending = count;
    *out_sequence = begin + 1;
    return RENOIR_SUCCESS;
}

RENOIR_INLINE void *renoir_sequenced_slot(RenoirSequenced *ring, uint64_t sequence)
{
    if (RNR_UNLIKELY(ring == NULL || ring->end.role == 0)) {
        return NULL;
    }
    RenoirRingEnd *const end = &ring->end;
    const uint64_t position = sequence - 1;
    bool is_mine;
    if (end->role == RENOIR_CONSUMER) { // peeked at: up to end->claimed
        is_mine =
            (int64_t)(position - end->position) >= 0 && (int64_t)(end->claimed - position) > 0;
    } else {
        const uint64_t begin = rnr_sequenced_is_multi(end) ? end->claimed : end->position;
        is_mine = position - begin < end->pending;
    }
    return is_mine ? rnr_sequenced_cell(end, position, end->element_size) : NULL;
}

RENOIR_INLINE void renoir_sequenced_publish(RenoirSequenced *ring, uint64_t sequence, size_t count)
{
    if (RNR_UNLIKELY(ring == NULL || ring->end.push_size == 0 || count == 0 ||
                     count > ring->end.pending)) {
        return;
    }
    RenoirRingEnd *const end = &ring->end;
    if (rnr_sequenced_is_multi(end)) {
        if (sequence - 1 == end->claimed) {
            rnr_sequenced_publish_slots(end, count);
        }
        return;
    }
    if (sequence - 1 == end->position) {
        end->pending -= count;
        RNR_FAULT_POINT("sequenced.publish.before");
        rnr_ring_publish_tail(end, end->position + count);
        RNR_FAULT_POINT("sequenced.publish.after");
    }
}

RENOIR_INLINE RenoirErrorCode renoir_sequenced_try_push_n(RenoirSequenced *ring,
                                                          const void *elements,
                                                          size_t element_size,
                                                          size_t count)
{
    if (RNR_UNLIKELY(ring == NULL || elements == NULL || element_size == 0 ||
                     ring->end.push_size != element_size ||
                     (count != 0 && count - 1 > ring->end.mask))) {
        return rnr_sequenced_refuse(ring, RENOIR_PRODUCER, element_size);
    }
    RenoirRingEnd *const end = &ring->end;
    uint64_t begin = 0;
    if (count == 0) {
        return RENOIR_SUCCESS;
    }
    const RenoirErrorCode status = rnr_sequenced_make_claim(end, count, &begin);
    if (RNR_UNLIKELY(status != RENOIR_SUCCESS)) {
        return status;
    }
    rnr_sequenced_copy_in(end, begin, elements, element_size, count);
    if (rnr_sequenced_is_multi(end)) {
        rnr_sequenced_publish_slots(end, count);
        return RENOIR_SUCCESS;
    }
    RNR_FAULT_POINT("sequenced.publish.before");
    rnr_ring_publish_tail(end, begin + count);
    RNR_FAULT_POINT("sequenced.publish.after");
    return RENOIR_SUCCESS;
}

RENOIR_INLINE RenoirErrorCode renoir_sequenced_try_push(RenoirSequenced *ring,
                                                        const void *element,
                                                        size_t element_size)
{
    if (RNR_UNLIKELY(ring == NULL || element == NULL || element_size == 0 ||
                     ring->end.push_size != element_size)) {
        return rnr_sequenced_refuse(ring, RENOIR_PRODUCER, element_size);
    }
    RenoirRingEnd *const end = &ring->end;
    uint64_t begin = 0;
    const RenoirErrorCode status = rnr_sequenced_make_claim(end, 1, &begin);
    if (RNR_UNLIKELY(status != RENOIR_SUCCESS)) {
        return status;
    }
    rnr_copy_fresh(rnr_sequenced_cell(end, begin, element_size), element, element_size);
    if (rnr_sequenced_is_multi(end)) {
        rnr_sequenced_publish_slots(end, 1);
        return RENOIR_SUCCESS;
    }
    RNR_FAULT_POINT("sequenced.publish.before");
    rnr_ring_publish_tail(end, begin + 1);
    RNR_FAULT_POINT("sequenced.publish.after");
    return RENOIR_SUCCESS;
}

// --- consumers -----------------------------------------------------------------------------------

static inline void rnr_sequenced_publish_cursor(RenoirRingEnd *end, uint64_t cursor)
{
    RnrRingShm *const shm = rnr_ring_shared(end);

    RNR_FAULT_POINT("sequenced.consume.before");
    // [sequenced.cursor: release] Whoever sees it may overwrite those below it, or go on with them.
    rnr_store_release_u64(&rnr_ring_end_shm(shm, end->index)->cursor, cursor);
    end->position = cursor;
    RNR_FAULT_POINT("sequenced.consume.after");
    rnr_ring_fence(end);
    // [hint: relaxed] On the line that is looked at next. Set long before any such consumer sleeps.
    const bool is_followed = rnr_load_relaxed_u32(&shm->left) != 0;
    rnr_ring_wake_sleepers(end, is_followed ? RNR_RING_PRODUCER_SLEEPS | RNR_RING_CONSUMER_SLEEPS
                                            : RNR_RING_PRODUCER_SLEEPS);
}

// Looks because nothing is left that it knows of.
RNR_SEQUENCED_APART RenoirErrorCode rnr_sequenced_look_for_more(RenoirRingEnd *end,
                                                                uint64_t *out_count)
{
    const uint64_t before = end->seen;
    rnr_ring_let_run_ahead(end);
    const RenoirErrorCode status = end->after_mask == 0 && !rnr_sequenced_is_multi(end)
                                       ? rnr_ring_look_at_tail(end, out_count)
                                       : renoir_detail_sequenced_look_back(end, out_count);
    if (RNR_UNLIKELY(status != RENOIR_SUCCESS)) {
        return status;
    }
    rnr_ring_remember(end, end->seen - before);
    return *out_count == 0 ? RENOIR_BUFFER_EMPTY : RENOIR_SUCCESS;
}

// Elements that it may see; at least one with SUCCESS.
static inline RenoirErrorCode rnr_sequenced_available(RenoirRingEnd *end, uint64_t *out_count)
{
    *out_count = end->seen - end->position;
    return RNR_LIKELY(*out_count != 0) ? RENOIR_SUCCESS
                                       : rnr_sequenced_look_for_more(end, out_count);
}

RENOIR_INLINE RenoirErrorCode renoir_sequenced_peek(RenoirSequenced *ring,
                                                    uint64_t *out_sequence,
                                                    size_t *out_count)
{
    if (RNR_UNLIKELY(ring == NULL || out_sequence == NULL || out_count == NULL ||
                     ring->end.pop_size == 0)) {
        return rnr_sequenced_refuse(ring, RENOIR_CONSUMER, 0);
    }
    RenoirRingEnd *const end = &ring->end;
    uint64_t available = 0;
    *out_sequence = 0;
    *out_count = 0;
    const RenoirErrorCode status = rnr_sequenced_available(end, &available);
    end->claimed = end->position + available;
    if (RNR_UNLIKELY(status != RENOIR_SUCCESS)) {
        return status;
    }
    *out_sequence = end->position + 1;
    *out_count = (size_t)available;
    return RENOIR_SUCCESS;
}

RENOIR_INLINE void renoir_sequenced_consume(RenoirSequenced *ring, size_t count)
{
    if (RNR_UNLIKELY(ring == NULL || ring->end.pop_size == 0 || count == 0)) {
        return;
    }
    RenoirRingEnd *const end = &ring->end;
    const int64_t peeked = (int64_t)(end->claimed - end->position);
    if (peeked > 0) {
        const uint64_t total = count < (uint64_t)peeked ? count : (uint64_t)peeked;
        rnr_sequenced_publish_cursor(end, end->position + total);
    }
}

RENOIR_INLINE RenoirErrorCode renoir_sequenced_try_consume(RenoirSequenced *ring,
                                                           void *out_element,
                                                           size_t element_size,
                                                           uint64_t *out_sequence)
{
    if (RNR_UNLIKELY(ring == NULL || out_element == NULL || element_size == 0 ||
                     ring->end.pop_size != element_size)) {
        return rnr_sequenced_refuse(ring, RENOIR_CONSUMER, element_size);
    }
    RenoirRingEnd *const end = &ring->end;
    uint64_t available = 0;
    const RenoirErrorCode status = rnr_sequenced_available(end, &available);
    if (RNR_UNLIKELY(status != RENOIR_SUCCESS)) {
        return status;
    }
    rnr_copy(out_element, rnr_sequenced_cell(end, end->position, element_size), element_size);
    if (out_sequence != NULL) {
        *out_sequence = end->position + 1;
    }
    rnr_sequenced_publish_cursor(end, end->position + 1);
    return RENOIR_SUCCESS;
}

RENOIR_INLINE RenoirErrorCode renoir_sequenced_consume_n(RenoirSequenced *ring,
                                                         void *out_elements,
                                                         size_t element_size,
                                                         size_t count,
                                                         uint64_t *out_sequence,
                                                         size_t *out_count)
{
    if (RNR_UNLIKELY(ring == NULL || out_elements == NULL || out_count == NULL ||
                     element_size == 0 || ring->end.pop_size != element_size)) {
        return rnr_sequenced_refuse(ring, RENOIR_CONSUMER, element_size);
    }
    RenoirRingEnd *const end = &ring->end;
    uint64_t available = 0;
    *out_count = 0;
    if (count == 0) {
        return RENOIR_SUCCESS;
    }
    const RenoirErrorCode status = rnr_sequenced_available(end, &available);
    if (RNR_UNLIKELY(status != RENOIR_SUCCESS)) {
        return status;
    }
    const size_t total = count < available ? count : (size_t)available;
    const uint64_t straight = end->mask + 1 - (end->position & end->mask);
    const size_t first = total < straight ? total : (size_t)straight;
    rnr_copy(out_elements, rnr_sequenced_cell(end, end->position, element_size),
             first * element_size);
    if (RNR_UNLIKELY(first < total)) {
        rnr_copy((uint8_t *)out_elements + first * element_size, end->cells,
                 (total - first) * element_size);
    }
    if (out_sequence != NULL) {
        *out_sequence = end->position + 1;
    }
    *out_count = total;
    rnr_sequenced_publish_cursor(end, end->position + total);
    return RENOIR_SUCCESS;
}

#ifdef __cplusplus
}
#endif

#endif
