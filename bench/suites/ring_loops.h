// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The loops of the ring suite, one text for all contenders and all sizes: each contender hands in
// its put and its take, which are inlined with the size as a constant. Valid as C11 and as C++17.
//
//     single   one element per call (the item's parameter is 1); with BENCH_RING_RESTS in it, a
//              consumer that finds nothing rests before it looks again
//     batch    up to so many elements per call
//     round    ping-pong over two rings, one element in flight
//
// A contender defines two functions and what its ends are, and gets its sides from
// BENCH_RING_SIDES (or BENCH_RING_MEMORY_SIDES, where the rings simply lie in the sample's memory).
//
// Elements carry their number in the first and the last word; those of the first lap in every word,
// and all of them are checked. A producer writes an element some calls before it hands it in, as
// one that has something to send does: a store that is still on its way could not be forwarded to
// the wide loads of a copy.
#ifndef BENCH_RING_LOOPS_H
#define BENCH_RING_LOOPS_H

#include "harness/case.h"

enum {
    BENCH_RING_ROOM = 16 * 4096, // bytes: a batch, or the source of singles
    BENCH_RING_AHEAD = 8,
    BENCH_RING_SOURCE = 16, // elements that a producer of singles rotates through
    BENCH_RING_LOOK = 1024, // elements between two looks at the clock
    BENCH_RING_REST = 256,  // pauses; some microseconds
    BENCH_RING_RESTS = 1 << 16
};

// The sizes of elements, in bytes.
#define BENCH_RING_SIZES(X) X(8) X(64) X(256) X(1024) X(4096)

// Elements in a ring, for all contenders: of large ones, 4 MiB.
#define BENCH_RING_CAPACITY(size) ((size) > 256 ? (4u << 20) / (size) : 16384u)
// Elements that are written and checked in every word.
#define BENCH_RING_WHOLE(size) (BENCH_RING_CAPACITY(size) + 1000)

#define BENCH_RING_ELEMENT(size)                                                                   \
    typedef struct BenchElement##size {                                                            \
        uint64_t words[(size) / 8];                                                                \
    } BenchElement##size;
BENCH_RING_SIZES(BENCH_RING_ELEMENT)

// How many of `count` elements of `size` bytes went in or out. `lost` grows by what a ring let go
// that overtakes its readers.
typedef size_t (*BenchPut)(void *end, const void *elements, size_t size, size_t count);
typedef size_t (*BenchTake)(
    void *end, void *out_elements, size_t size, size_t count, uint64_t *lost);

BENCH_NOINLINE static void bench_ring_mark_whole(uint64_t *words, size_t size, uint64_t number)
{
    for (size_t i = 1; i + 1 < size / 8; i++) {
        words[i] = number + i;
    }
}

BENCH_NOINLINE static void
bench_ring_check_whole(BenchPair *pair, const uint64_t *words, size_t size, uint64_t number)
{
    for (size_t i = 1; i + 1 < size / 8; i++) {
        if (words[i] != number + i) {
            bench_fail(pair, "element %llu is torn at word %zu: %llu", (unsigned long long)number,
                       i, (unsigned long long)words[i]);
        }
    }
}

BENCH_INLINE void bench_ring_mark(uint64_t *words, size_t size, uint64_t number)
{
    words[0] = number;
    words[size / 8 - 1] = number;
    if (size > 16 && number < BENCH_RING_WHOLE(size)) {
        bench_ring_mark_whole(words, size, number);
    }
}

BENCH_INLINE void
bench_ring_check(BenchPair *pair, const uint64_t *words, size_t size, uint64_t number)
{
    const size_t last = size / 8 - 1;
    if (size > 8) {
        bench_keep(words); // the whole element is wanted, not only what is checked
    }
    if (words[0] != number || words[last] != number) {
        bench_fail(pair, "element %llu carries %llu and %llu", (unsigned long long)number,
                   (unsigned long long)words[0], (unsigned long long)words[last]);
    }
    if (size > 16 && number < BENCH_RING_WHOLE(size)) {
        bench_ring_check_whole(pair, words, size, number);
    }
}

// The end of a timed side: `delivered` and, where readers are overtaken, `lost` elements in all.
BENCH_INLINE void bench_ring_over(BenchPair *pair, uint64_t delivered, uint64_t lost)
{
    if (pair->item->share != NULL) {
        pair->control->tries = delivered + lost;
        pair->control->misses = lost;
    }
    bench_stop(pair);
}

// ---- one element per call ----

BENCH_INLINE void bench_ring_produce_single(BenchPair *pair, void *end, size_t size, BenchPut put)
{
    uint64_t source[BENCH_RING_ROOM / 8] __attribute__((aligned(64))) = {0};
    const size_t words = size / 8;
    uint64_t number = 0;

    for (uint64_t i = 0; i < BENCH_RING_AHEAD; i++) {
        bench_ring_mark(source + i * words, size, i);
    }
    while (!bench_stopped(pair)) {
        for (uint32_t i = 0; i < BENCH_RING_LOOK; i++) {
            const uint64_t ahead = number + BENCH_RING_AHEAD;
            bench_ring_mark(source + ahead % BENCH_RING_SOURCE * words, size, ahead);
            while (put(end, source + number % BENCH_RING_SOURCE * words, size, 1) == 0) {
                if (bench_stopped(pair)) {
                    return;
                }
            }
            number++;
        }
    }
}

BENCH_INLINE void bench_ring_rest(uint32_t pauses)
{
    for (uint32_t i = 0; i < pauses; i++) {
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        __asm__ volatile("isb" : : : "memory");
#else
        __asm__ volatile("" : : : "memory");
#endif
    }
}

BENCH_INLINE void bench_ring_consume_single(BenchPair *pair, void *end, size_t size, BenchTake take)
{
    const uint32_t rest = (pair->item->parameter & BENCH_RING_RESTS) != 0 ? BENCH_RING_REST : 0;
    uint64_t element[4096 / 8] __attribute__((aligned(64)));
    BenchStopwatch watch = bench_stopwatch(pair);
    uint64_t number = 0;
    uint64_t lost = 0;

    do {
        for (uint32_t i = 0; i < BENCH_RING_LOOK; i++) {
            while (take(end, element, size, 1, &lost) == 0) {
                bench_ring_rest(rest);
            }
            bench_ring_check(pair, element, size, number + lost);
            number++;
        }
    } while (!bench_stopwatch_over(&watch, pair, number));
    bench_ring_over(pair, number, lost);
}

// ---- up to `batch` elements per call ----

// false: the sample is over.
BENCH_INLINE bool bench_ring_put_all(
    BenchPair *pair, void *end, const uint64_t *source, size_t size, size_t batch, BenchPut put)
{
    for (size_t done = 0; done < batch;) {
        const size_t accepted = put(end, source + done * (size / 8), size, batch - done);
        done += accepted;
        if (accepted == 0 && bench_stopped(pair)) {
            return false;
        }
    }
    return true;
}

BENCH_INLINE void
bench_ring_produce_n(BenchPair *pair, void *end, size_t size, size_t batch, BenchPut put)
{
    uint64_t source[2][BENCH_RING_ROOM / 8] __attribute__((aligned(64))) = {{0}};
    uint64_t number = 0;

    for (uint64_t i = 0; i < batch; i++) {
        bench_ring_mark(source[0] + i * (size / 8), size, number + i);
    }
    for (uint32_t turn = 0; !bench_stopped(pair); turn ^= 1) {
        number += batch;
        for (uint64_t i = 0; i < batch; i++) {
            bench_ring_mark(source[turn ^ 1] + i * (size / 8), size, number + i);
        }
        if (!bench_ring_put_all(pair, end, source[turn], size, batch, put)) {
            return;
        }
    }
}

BENCH_INLINE void
bench_ring_consume_n(BenchPair *pair, void *end, size_t size, size_t batch, BenchTake take)
{
    uint64_t elements[BENCH_RING_ROOM / 8] __attribute__((aligned(64)));
    BenchStopwatch watch = bench_stopwatch(pair);
    uint64_t number = 0;
    uint64_t lost = 0;

    do {
        const uint64_t until = number + BENCH_RING_LOOK;
        while (number < until) {
            const size_t count = take(end, elements, size, batch, &lost);
            for (size_t i = 0; i < count; i++) {
                bench_ring_check(pair, elements + i * (size / 8), size, number + lost);
                number++;
            }
        }
    } while (!bench_stopwatch_over(&watch, pair, number));
    bench_ring_over(pair, number, lost);
}

// ---- there and back ----

BENCH_INLINE void
bench_ring_ask(BenchPair *pair, void *there, void *back, size_t size, BenchPut put, BenchTake take)
{
    BenchHistogram *latency = &pair->control->latency;
    BenchStopwatch watch = bench_stopwatch(pair);
    uint64_t questions[2][8] __attribute__((aligned(64))) = {{0}};
    uint64_t reply[8] __attribute__((aligned(64))) = {0};
    uint64_t number = 0;
    uint64_t lost = 0;

    pair->control->has_latency = 1;
    bench_ring_mark(questions[0], size, 0);
    do {
        for (uint32_t i = 0; i < 64; i++) {
            bench_ring_mark(questions[(number + 1) % 2], size, number + 1);
            const uint64_t begin = bench_ticks();
            while (put(there, questions[number % 2], size, 1) == 0) {
            }
            while (take(back, reply, size, 1, &lost) == 0) {
            }
            const uint64_t end = bench_ticks();
            bench_ring_check(pair, reply, size, number + lost);
            number++;
            if (bench_stopwatch_is_warm(&watch)) {
                bench_histogram_record(latency, end - begin);
            }
        }
    } while (!bench_stopwatch_over(&watch, pair, number));
    bench_stop(pair);
}

BENCH_INLINE void bench_ring_answer(
    BenchPair *pair, void *there, void *back, size_t size, BenchPut put, BenchTake take)
{
    uint64_t question[8] __attribute__((aligned(64))) = {0};
    uint64_t lost = 0;
    for (;;) {
        while (take(there, question, size, 1, &lost) == 0) {
            if (bench_stopped(pair)) {
                return;
            }
        }
        while (put(back, question, size, 1) == 0) {
        }
    }
}

// ---- by the item's size and batch ----

BENCH_INLINE size_t bench_ring_batch(BenchPair *pair)
{
    const size_t batch = (size_t)(pair->item->parameter & ~(uint64_t)BENCH_RING_RESTS);
    if (batch * pair->item->bytes > BENCH_RING_ROOM) {
        bench_fail(pair, "a batch of %zu does not fit the buffers", batch);
    }
    return batch;
}

BENCH_INLINE void bench_ring_produce(BenchPair *pair, void *end, BenchPut put)
{
    const size_t batch = bench_ring_batch(pair);
    switch (pair->item->bytes) {
#define BENCH_RING_PRODUCE(size)                                                                   \
    case size:                                                                                     \
        if (batch == 1) {                                                                          \
            bench_ring_produce_single(pair, end, size, put);                                       \
        } else {                                                                                   \
            bench_ring_produce_n(pair, end, size, batch, put);                                     \
        }                                                                                          \
        break;
        BENCH_RING_SIZES(BENCH_RING_PRODUCE)
    default:
        bench_fail(pair, "no loop for this size");
    }
}

BENCH_INLINE void bench_ring_consume(BenchPair *pair, void *end, BenchTake take)
{
    const size_t batch = bench_ring_batch(pair);
    switch (pair->item->bytes) {
#define BENCH_RING_CONSUME(size)                                                                   \
    case size:                                                                                     \
        if (batch == 1) {                                                                          \
            bench_ring_consume_single(pair, end, size, take);                                      \
        } else {                                                                                   \
            bench_ring_consume_n(pair, end, size, batch, take);                                    \
        }                                                                                          \
        break;
        BENCH_RING_SIZES(BENCH_RING_CONSUME)
    default:
        bench_fail(pair, "no loop for this size");
    }
}

// The four sides of a contender: tag_produce, tag_consume, tag_ask, tag_answer. `open` fills an
// `Ends ends` in each side, `there` and `back` say in terms of it which end a put or take gets.
#define BENCH_RING_SIDES(tag, Ends, open, close, there, back, put, take)                           \
    static void tag##_produce(BenchPair *pair)                                                     \
    {                                                                                              \
        Ends ends;                                                                                 \
        open(pair, &ends);                                                                         \
        bench_ring_produce(pair, there, put);                                                      \
        close(pair, &ends);                                                                        \
    }                                                                                              \
    static void tag##_consume(BenchPair *pair)                                                     \
    {                                                                                              \
        Ends ends;                                                                                 \
        open(pair, &ends);                                                                         \
        bench_ring_consume(pair, there, take);                                                     \
        close(pair, &ends);                                                                        \
    }                                                                                              \
    static void tag##_ask(BenchPair *pair)                                                         \
    {                                                                                              \
        Ends ends;                                                                                 \
        open(pair, &ends);                                                                         \
        if (pair->item->bytes == 8) {                                                              \
            bench_ring_ask(pair, there, back, 8, put, take);                                       \
        } else {                                                                                   \
            bench_ring_ask(pair, there, back, 64, put, take);                                      \
        }                                                                                          \
        close(pair, &ends);                                                                        \
    }                                                                                              \
    static void tag##_answer(BenchPair *pair)                                                      \
    {                                                                                              \
        Ends ends;                                                                                 \
        open(pair, &ends);                                                                         \
        if (pair->item->bytes == 8) {                                                              \
            bench_ring_answer(pair, there, back, 8, put, take);                                    \
        } else {                                                                                   \
            bench_ring_answer(pair, there, back, 64, put, take);                                   \
        }                                                                                          \
        close(pair, &ends);                                                                        \
    }

// Rings that are all in the sample's memory, one in each half of it.
typedef struct BenchRingEnds {
    void *there;
    void *back;
} BenchRingEnds;

BENCH_INLINE void bench_ring_find(BenchPair *pair, BenchRingEnds *ends)
{
    ends->there = pair->memory;
    ends->back = pair->memory + pair->memory_size / 2;
}

BENCH_INLINE void bench_ring_leave(BenchPair *pair, BenchRingEnds *ends)
{
    (void)pair;
    (void)ends;
}

#define BENCH_RING_MEMORY_SIDES(tag, put, take)                                                    \
    BENCH_RING_SIDES(tag, BenchRingEnds, bench_ring_find, bench_ring_leave, ends.there, ends.back, \
                     put, take)

// A contender. `ring_size` and `prepare` are those of one ring in the sample's memory for elements
// of item->bytes; NULL: its rings lie elsewhere. A ring of memory begins on a line.
typedef struct BenchRingPeer {
    const char *name;
    BenchRole role;
    bool has_batches;
    const char *share; // as of BenchCase
    size_t (*ring_size)(uint64_t bytes);
    void (*prepare)(void *ring, const BenchCase *item);
    BenchSide stream[2];
    BenchSide round_trip[2]; // NULL: it has none
} BenchRingPeer;

#define BENCH_RING_STREAM(tag)                                                                     \
    {                                                                                              \
        tag##_produce, tag##_consume                                                               \
    }
#define BENCH_RING_ROUND_TRIP(tag)                                                                 \
    {                                                                                              \
        tag##_ask, tag##_answer                                                                    \
    }

#ifdef __cplusplus
extern "C" {
#endif

// Those that this build has; see peers/.
extern const BenchRingPeer bench_ring_spsc;
extern const BenchRingPeer bench_ring_spsc_stamped;
extern const BenchRingPeer bench_ring_spsc_waitable;
extern const BenchRingPeer bench_ring_record;
extern const BenchRingPeer bench_ring_priority;
extern const BenchRingPeer bench_ring_priority_mixed;
extern const BenchRingPeer bench_ring_mpmc;
extern const BenchRingPeer bench_ring_mpmc_two_producers;
extern const BenchRingPeer bench_ring_mpmc_crowd;
extern const BenchRingPeer bench_ring_sequenced;
extern const BenchRingPeer bench_ring_sequenced_two_consumers;
extern const BenchRingPeer bench_ring_sequenced_cost_of_one;
extern const BenchRingPeer bench_ring_sequenced_cost_of_two;
extern const BenchRingPeer bench_ring_broadcast;
extern const BenchRingPeer bench_ring_broadcast_one_idle;
extern const BenchRingPeer bench_ring_broadcast_eight_idle;
extern const BenchRingPeer bench_ring_bare;
extern const BenchRingPeer bench_ring_bare_64;
extern const BenchRingPeer bench_ring_ck;
extern const BenchRingPeer bench_ring_ck_mpmc;
extern const BenchRingPeer bench_ring_boost;
extern const BenchRingPeer bench_ring_boost_mpmc;
extern const BenchRingPeer bench_ring_rte;
extern const BenchRingPeer bench_ring_rte_mpmc;
extern const BenchRingPeer bench_ring_wfcq;
extern const BenchRingPeer bench_ring_wfcq_large;

#ifdef __cplusplus
}
#endif

#endif
