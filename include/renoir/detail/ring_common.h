// SPDX-License-Identifier: MIT OR Apache-2.0
// Before the guard: whichever of the two comes first, ring.h declares and this file defines.
#include "renoir/ring.h"

#ifndef RENOIR_DETAIL_RING_COMMON_H
#define RENOIR_DETAIL_RING_COMMON_H

// What the inline calls of all index rings share: publishing an index, and the one look whether the
// other end sleeps. Included by renoir/ring.h, which declares what is used here.
//
// Edges
//     ring.publish   producer: store tail, release  ──►  consumer: load tail, acquire
//                    carries the cells below it
//     ring.reuse     consumer: store head, release  ──►  producer: load head, acquire
//                    carries "I have finished reading the cells below it"
//     ring.sleep     see "Why seq_cst"
//
// Why seq_cst                     both sides store, then load
//
//     ringer (publishes)                      sleeper (src/ring/wait.c)
//     W1  store  the index, release           S1  set    own bit in `sleepers`, seq_cst
//     W2  nothing but program order           S2  barrier in every registered process
//     W3  load   `sleepers`, relaxed          S3  load   the index
//     W4  clear the bit, bump the bell, wake  S4  park on the bell's value read before S3
//
//     A wake-up is lost only if W3 misses S1 and S3 misses W1. The barrier S2 acts as a full fence
//     at some point P of the ringer's program order. If W1 comes before P, S3 sees it; else W3
//     comes after P too, and sees S1. So the ringer, who is in a hurry, pays for no fence. A ringer
//     that the barrier cannot reach (RNR_RING_FENCES) has a full fence as W2 instead, which the
//     sleeper reads from its end's `presence`. W4 clears the bit before it bumps the bell: a
//     sleeper that finds its bit clear finds a new bell or is woken.

#include <stddef.h>
#include <stdint.h>

#include "renoir/detail/atomic.h"
#include "renoir/detail/ring_shm.h"

#ifdef __cplusplus
extern "C" {
#endif

static inline RnrRingShm *rnr_ring_shared(const RenoirRingEnd *end)
{
    return (RnrRingShm *)end->shared;
}

static inline uint32_t rnr_ring_sleeper_bit(uint32_t role)
{
    return role == RENOIR_PRODUCER ? RNR_RING_PRODUCER_SLEEPS : RNR_RING_CONSUMER_SLEEPS;
}

// Between publishing something and looking at the quiet line: W2.
static inline void rnr_ring_fence(const RenoirRingEnd *end)
{
    if (RNR_UNLIKELY((end->flags & RNR_RING_FENCES) != 0)) {
        // [ring.sleep: seq_cst] W2, where no barrier reaches this process.
        rnr_fence_seq_cst();
    } else {
        // [ring.sleep: seq_cst] W2: the compiler keeps W1 before W3, the barrier does the rest.
        rnr_fence_compiler();
    }
}

static inline void rnr_ring_wake_sleepers(const RenoirRingEnd *end, uint32_t sleepers)
{
    // [hint: relaxed] W3. A wrong value costs a needless wake-up, or a late one by one slice.
    const uint32_t asleep = rnr_load_relaxed_u32(&rnr_ring_shared(end)->sleepers) & sleepers;
    if (RNR_UNLIKELY(asleep != 0)) {
        renoir_detail_ring_wake(end, asleep);
    }
}

// After an index was published: one load of a quiet line, unless one of these sleeps. In a ring
// that is not WAITABLE nobody does.
static inline void rnr_ring_notify(const RenoirRingEnd *end, uint32_t sleepers)
{
    rnr_ring_fence(end);
    rnr_ring_wake_sleepers(end, sleepers);
}

static inline void rnr_ring_publish_tail(RenoirRingEnd *end, uint64_t tail)
{
    // [ring.publish: release] Whoever sees this tail also sees the cells below it.
    rnr_store_release_u64(&rnr_ring_shared(end)->tail, tail);
    end->position = tail;
    rnr_ring_notify(end, RNR_RING_CONSUMER_SLEEPS);
}

static inline void rnr_ring_publish_head(RenoirRingEnd *end, uint64_t head)
{
    // [ring.reuse: release] Whoever sees this head may overwrite the cells below it.
    rnr_store_release_u64(&rnr_ring_shared(end)->head, head);
    end->position = head;
    rnr_ring_notify(end, RNR_RING_PRODUCER_SLEEPS);
}

// Two ends that run at full speed would hand over every few elements, each time waiting for lines
// that the other one is writing. So an end that keeps finding something waits, before it looks
// again, in proportion to what it found: then it finds more, and the lines stay where they are
// used. The first empty look ends that. A slow stream, a question and its answer, and one burst
// after another never wait: they find little, or nothing in between.
//
// One pause per new element: at more than some 40 million elements a second the wait grows from
// look to look, up to the end's patience, else it stays at a few. Measured near (two cores, one L3)
// with a capacity of 16384, without and with it: 160 and 205 million elements of 8 bytes a second,
// 40 and 90 of 64 bytes, 430 and 680 of 8 bytes in batches of 32. More than a small part of the
// ring would let either end run into the other's pause.
#define RNR_RING_PATIENCE_MAX 128u
#define RNR_RING_BYTES_PER_PATIENCE 8192u

static inline void rnr_ring_let_run_ahead(const RenoirRingEnd *end)
{
    for (uint32_t i = end->streak; i > 1; --i) {
        rnr_relax();
    }
}

// `found`: elements that are new, or about how many records.
static inline void rnr_ring_remember(RenoirRingEnd *end, uint64_t found)
{
    if (found == 0) {
        end->streak = 0;
    } else if (end->streak == 0) {
        end->streak = 1;
    } else {
        end->streak = found < end->patience ? (uint32_t)found : end->patience;
    }
}

// The producer's look at the other side. *out_left: elements or bytes that it may write.
static inline RenoirErrorCode rnr_ring_look_at_head(RenoirRingEnd *end, uint64_t *out_left)
{
    const uint64_t capacity = end->mask + 1;
    // [ring.reuse: acquire] The consumer has read every cell below this head.
    const uint64_t head = rnr_load_acquire_u64(&rnr_ring_shared(end)->head);
    const uint64_t live = end->position - head;

    if (RNR_UNLIKELY(live > capacity)) {
        return renoir_detail_ring_bad_position(end, head);
    }
    end->seen = head + capacity;
    *out_left = capacity - live;
    return RENOIR_SUCCESS;
}

// The consumer's look at the other side. *out_left: elements or bytes that it may read.
static inline RenoirErrorCode rnr_ring_look_at_tail(RenoirRingEnd *end, uint64_t *out_left)
{
    // [ring.publish: acquire] The producer has filled every cell below this tail.
    const uint64_t tail = rnr_load_acquire_u64(&rnr_ring_shared(end)->tail);
    const uint64_t live = tail - end->position;

    if (RNR_UNLIKELY(live > end->mask + 1)) {
        return renoir_detail_ring_bad_position(end, tail);
    }
    end->seen = tail;
    *out_left = live;
    return RENOIR_SUCCESS;
}

#ifdef __cplusplus
}
#endif

#endif
