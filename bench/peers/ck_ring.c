// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Concurrency Kit's ck_ring, its typed single-producer single-consumer form: elements are copied
// into a buffer beside the ring. It holds one element less than its size.
#include <ck_ring.h>

#include "suites/ring_loops.h"

typedef struct CkRing8 {
    ck_ring_t ring;
    BenchElement8 buffer[BENCH_RING_CAPACITY] __attribute__((aligned(BENCH_PAIR)));
} CkRing8;

typedef struct CkRing64 {
    ck_ring_t ring;
    BenchElement64 buffer[BENCH_RING_CAPACITY] __attribute__((aligned(BENCH_PAIR)));
} CkRing64;

CK_RING_PROTOTYPE(element8, BenchElement8)
CK_RING_PROTOTYPE(element64, BenchElement64)

static void prepare(void *memory, const BenchCase *item)
{
    if (item->bytes == sizeof(BenchElement8)) {
        CkRing8 *rings = memory;
        ck_ring_init(&rings[0].ring, BENCH_RING_CAPACITY);
        ck_ring_init(&rings[1].ring, BENCH_RING_CAPACITY);
    } else {
        CkRing64 *rings = memory;
        ck_ring_init(&rings[0].ring, BENCH_RING_CAPACITY);
    }
}

BENCH_INLINE bool put_8(void *end, const void *element)
{
    CkRing8 *ring = end;
    BenchElement8 copy;
    __builtin_memcpy(&copy, element, sizeof copy);
    return CK_RING_ENQUEUE_SPSC(element8, &ring->ring, ring->buffer, &copy);
}

BENCH_INLINE bool take_8(void *end, void *out_element)
{
    CkRing8 *ring = end;
    return CK_RING_DEQUEUE_SPSC(element8, &ring->ring, ring->buffer, (BenchElement8 *)out_element);
}

BENCH_INLINE bool put_64(void *end, const void *element)
{
    CkRing64 *ring = end;
    BenchElement64 *kept = (BenchElement64 *)(uintptr_t)element;
    return CK_RING_ENQUEUE_SPSC(element64, &ring->ring, ring->buffer, kept);
}

BENCH_INLINE bool take_64(void *end, void *out_element)
{
    CkRing64 *ring = end;
    return CK_RING_DEQUEUE_SPSC(element64, &ring->ring, ring->buffer,
                                (BenchElement64 *)out_element);
}

static void produce_8(BenchPair *pair)
{
    bench_ring_produce(pair, pair->memory, 1, put_8);
}

static void consume_8(BenchPair *pair)
{
    bench_ring_consume(pair, pair->memory, 1, take_8);
}

static void produce_64(BenchPair *pair)
{
    bench_ring_produce(pair, pair->memory, 8, put_64);
}

static void consume_64(BenchPair *pair)
{
    bench_ring_consume(pair, pair->memory, 8, take_64);
}

static void ask(BenchPair *pair)
{
    CkRing8 *rings = (CkRing8 *)(void *)pair->memory;
    bench_ring_ask(pair, &rings[0], &rings[1], put_8, take_8);
}

static void answer(BenchPair *pair)
{
    CkRing8 *rings = (CkRing8 *)(void *)pair->memory;
    bench_ring_answer(pair, &rings[0], &rings[1], put_8, take_8);
}

const BenchRingPeer bench_ring_ck = {
    .name = "ck_ring",
    .role = BENCH_PEER,
    .memory_size = 2 * sizeof(CkRing64),
    .prepare = prepare,
    .single_8 = {produce_8, consume_8},
    .single_64 = {produce_64, consume_64},
    .round_trip = {ask, answer},
};
