// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The loops of the ring suite, one text for all contenders: each hands in its put and its take as
// constants, which the compiler inlines. Valid as C11 and as C++17.
//
//     single   one element per call                            put(end, element)
//     batch    up to 32 elements per call                      put_n(end, elements, count)
//     round    ping-pong over two rings, one element in flight
//
// Elements carry their number in the first and the last word. A producer writes an element some
// calls before it hands it in, as one that has something to send does: a store that is still on
// its way could not be forwarded to the wide loads of a copy.
#ifndef BENCH_RING_LOOPS_H
#define BENCH_RING_LOOPS_H

#include "harness/case.h"

enum {
    BENCH_RING_CAPACITY = 16384, // elements, for all contenders
    BENCH_RING_BATCH = 32,
    BENCH_RING_AHEAD = 8,
    BENCH_RING_SOURCE = 16, // elements that a producer of singles rotates through
    BENCH_RING_LOOK = 1024  // elements between two looks at the clock
};

typedef struct BenchElement8 {
    uint64_t words[1];
} BenchElement8;

typedef struct BenchElement64 {
    uint64_t words[8];
} BenchElement64;

// One end of one ring, as a contender sees it; `ends` of the round trip: there and back.
typedef bool (*BenchPut)(void *end, const void *element);
typedef bool (*BenchTake)(void *end, void *out_element);
typedef size_t (*BenchPutN)(void *end, const void *elements, size_t count);
typedef size_t (*BenchTakeN)(void *end, void *out_elements, size_t count);

BENCH_INLINE void bench_ring_mark(uint64_t *words, size_t word_count, uint64_t number)
{
    words[0] = number;
    words[word_count - 1] = number;
}

BENCH_INLINE void
bench_ring_check(BenchPair *pair, const uint64_t *words, size_t word_count, uint64_t number)
{
    if (word_count > 1) {
        bench_keep(words); // the whole element is wanted, not only what is checked
    }
    if (words[0] != number || words[word_count - 1] != number) {
        bench_fail(pair, "element %llu carries %llu and %llu", (unsigned long long)number,
                   (unsigned long long)words[0], (unsigned long long)words[word_count - 1]);
    }
}

BENCH_INLINE void bench_ring_produce(BenchPair *pair, void *end, size_t word_count, BenchPut put)
{
    uint64_t source[BENCH_RING_SOURCE * 8] __attribute__((aligned(64))) = {0};
    uint64_t number = 0;

    for (uint64_t i = 0; i < BENCH_RING_AHEAD; i++) {
        bench_ring_mark(source + i * word_count, word_count, i);
    }
    while (!bench_stopped(pair)) {
        for (uint32_t i = 0; i < BENCH_RING_LOOK; i++) {
            const uint64_t ahead = number + BENCH_RING_AHEAD;
            bench_ring_mark(source + ahead % BENCH_RING_SOURCE * word_count, word_count, ahead);
            while (!put(end, source + number % BENCH_RING_SOURCE * word_count)) {
                if (bench_stopped(pair)) {
                    return;
                }
            }
            number++;
        }
    }
}

BENCH_INLINE void bench_ring_consume(BenchPair *pair, void *end, size_t word_count, BenchTake take)
{
    uint64_t element[8] __attribute__((aligned(64)));
    BenchStopwatch watch = bench_stopwatch(pair);
    uint64_t number = 0;

    do {
        for (uint32_t i = 0; i < BENCH_RING_LOOK; i++) {
            while (!take(end, element)) {
            }
            bench_ring_check(pair, element, word_count, number);
            number++;
        }
    } while (!bench_stopwatch_over(&watch, pair, number));
    bench_stop(pair);
}

// false: the sample is over.
BENCH_INLINE bool bench_ring_put_all(
    BenchPair *pair, void *end, const uint64_t *source, size_t word_count, BenchPutN put)
{
    for (size_t done = 0; done < BENCH_RING_BATCH;) {
        const size_t accepted = put(end, source + done * word_count, BENCH_RING_BATCH - done);
        done += accepted;
        if (accepted == 0 && bench_stopped(pair)) {
            return false;
        }
    }
    return true;
}

BENCH_INLINE void bench_ring_produce_n(BenchPair *pair, void *end, size_t word_count, BenchPutN put)
{
    uint64_t source[2][BENCH_RING_BATCH * 8] __attribute__((aligned(64))) = {{0}};
    uint64_t number = 0;

    for (uint64_t i = 0; i < BENCH_RING_BATCH; i++) {
        bench_ring_mark(source[0] + i * word_count, word_count, number + i);
    }
    for (uint32_t turn = 0; !bench_stopped(pair); turn ^= 1) {
        number += BENCH_RING_BATCH;
        for (uint64_t i = 0; i < BENCH_RING_BATCH; i++) {
            bench_ring_mark(source[turn ^ 1] + i * word_count, word_count, number + i);
        }
        if (!bench_ring_put_all(pair, end, source[turn], word_count, put)) {
            return;
        }
    }
}

BENCH_INLINE void
bench_ring_consume_n(BenchPair *pair, void *end, size_t word_count, BenchTakeN take)
{
    uint64_t elements[BENCH_RING_BATCH * 8] __attribute__((aligned(64)));
    BenchStopwatch watch = bench_stopwatch(pair);
    uint64_t number = 0;

    do {
        const uint64_t until = number + BENCH_RING_LOOK;
        while (number < until) {
            const size_t count = take(end, elements, BENCH_RING_BATCH);
            for (size_t i = 0; i < count; i++) {
                bench_ring_check(pair, elements + i * word_count, word_count, number);
                number++;
            }
        }
    } while (!bench_stopwatch_over(&watch, pair, number));
    bench_stop(pair);
}

BENCH_INLINE void
bench_ring_ask(BenchPair *pair, void *there, void *back, BenchPut put, BenchTake take)
{
    BenchHistogram *latency = &pair->control->latency;
    BenchStopwatch watch = bench_stopwatch(pair);
    uint64_t number = 0;

    pair->control->has_latency = 1;
    do {
        for (uint32_t i = 0; i < 64; i++) {
            uint64_t answer = 0;
            const uint64_t begin = bench_ticks();
            while (!put(there, &number)) {
            }
            while (!take(back, &answer)) {
            }
            const uint64_t end = bench_ticks();
            bench_ring_check(pair, &answer, 1, number);
            number++;
            if (bench_stopwatch_is_warm(&watch)) {
                bench_histogram_record(latency, end - begin);
            }
        }
    } while (!bench_stopwatch_over(&watch, pair, number));
    bench_stop(pair);
}

BENCH_INLINE void
bench_ring_answer(BenchPair *pair, void *there, void *back, BenchPut put, BenchTake take)
{
    uint64_t question = 0;
    for (;;) {
        while (!take(there, &question)) {
            if (bench_stopped(pair)) {
                return;
            }
        }
        while (!put(back, &question)) {
        }
    }
}

// A contender: its sides for each figure, NULL where it has none. `prepare` makes `count` rings of
// elements of item->bytes in the sample's shared memory.
typedef struct BenchRingPeer {
    const char *name;
    BenchRole role;
    size_t memory_size; // enough for two rings of 64-byte elements
    void (*prepare)(void *memory, const BenchCase *item);
    BenchSide single_8[2];
    BenchSide single_64[2];
    BenchSide batch_8[2];
    BenchSide batch_64[2];
    BenchSide round_trip[2];
} BenchRingPeer;

#ifdef __cplusplus
extern "C" {
#endif

// Those that this build has; see peers/.
extern const BenchRingPeer bench_ring_renoir;
extern const BenchRingPeer bench_ring_bare;
extern const BenchRingPeer bench_ring_ck;
extern const BenchRingPeer bench_ring_boost;
extern const BenchRingPeer bench_ring_rte;

#ifdef __cplusplus
}
#endif

#endif
