// SPDX-License-Identifier: MIT OR Apache-2.0
//
// DPDK's rte_ring, single producer and single consumer, in memory that we own: rte_ring_init
// needs no environment of DPDK's. It holds one element less than its count, as ck_ring does.
#include <rte_ring.h>
#include <rte_ring_elem.h>
#include <stdio.h>
#include <stdlib.h>

#include "suites/ring_loops.h"

// Two rings of 64-byte elements, each with room for rte_ring's own header.
enum { RING_SPACE = BENCH_RING_CAPACITY * 64 + 4096 };

static void prepare(void *memory, const BenchCase *item)
{
    for (uint32_t i = 0; i < 2; i++) {
        const ssize_t needed =
            rte_ring_get_memsize_elem((unsigned int)item->bytes, BENCH_RING_CAPACITY);
        struct rte_ring *ring =
            (struct rte_ring *)(void *)((uint8_t *)memory + (size_t)i * RING_SPACE);
        if (needed < 0 || needed > RING_SPACE ||
            rte_ring_init(ring, "bench", BENCH_RING_CAPACITY, RING_F_SP_ENQ | RING_F_SC_DEQ) != 0) {
            fprintf(stderr, "renoir-bench: rte_ring refuses %d elements\n", BENCH_RING_CAPACITY);
            exit(1);
        }
    }
}

BENCH_INLINE bool put_8(void *end, const void *element)
{
    return rte_ring_sp_enqueue_elem((struct rte_ring *)end, (void *)(uintptr_t)element,
                                    sizeof(BenchElement8)) == 0;
}

BENCH_INLINE bool take_8(void *end, void *out_element)
{
    return rte_ring_sc_dequeue_elem((struct rte_ring *)end, out_element, sizeof(BenchElement8)) ==
           0;
}

BENCH_INLINE bool put_64(void *end, const void *element)
{
    return rte_ring_sp_enqueue_elem((struct rte_ring *)end, (void *)(uintptr_t)element,
                                    sizeof(BenchElement64)) == 0;
}

BENCH_INLINE bool take_64(void *end, void *out_element)
{
    return rte_ring_sc_dequeue_elem((struct rte_ring *)end, out_element, sizeof(BenchElement64)) ==
           0;
}

BENCH_INLINE size_t put_n_8(void *end, const void *elements, size_t count)
{
    return rte_ring_sp_enqueue_burst_elem((struct rte_ring *)end, elements, sizeof(BenchElement8),
                                          (unsigned int)count, NULL);
}

BENCH_INLINE size_t take_n_8(void *end, void *out_elements, size_t count)
{
    return rte_ring_sc_dequeue_burst_elem((struct rte_ring *)end, out_elements,
                                          sizeof(BenchElement8), (unsigned int)count, NULL);
}

BENCH_INLINE size_t put_n_64(void *end, const void *elements, size_t count)
{
    return rte_ring_sp_enqueue_burst_elem((struct rte_ring *)end, elements, sizeof(BenchElement64),
                                          (unsigned int)count, NULL);
}

BENCH_INLINE size_t take_n_64(void *end, void *out_elements, size_t count)
{
    return rte_ring_sc_dequeue_burst_elem((struct rte_ring *)end, out_elements,
                                          sizeof(BenchElement64), (unsigned int)count, NULL);
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

static void produce_n_8(BenchPair *pair)
{
    bench_ring_produce_n(pair, pair->memory, 1, put_n_8);
}

static void consume_n_8(BenchPair *pair)
{
    bench_ring_consume_n(pair, pair->memory, 1, take_n_8);
}

static void produce_n_64(BenchPair *pair)
{
    bench_ring_produce_n(pair, pair->memory, 8, put_n_64);
}

static void consume_n_64(BenchPair *pair)
{
    bench_ring_consume_n(pair, pair->memory, 8, take_n_64);
}

static void ask(BenchPair *pair)
{
    bench_ring_ask(pair, pair->memory, pair->memory + RING_SPACE, put_8, take_8);
}

static void answer(BenchPair *pair)
{
    bench_ring_answer(pair, pair->memory, pair->memory + RING_SPACE, put_8, take_8);
}

const BenchRingPeer bench_ring_rte = {
    .name = "rte_ring",
    .role = BENCH_PEER,
    .memory_size = 2 * RING_SPACE,
    .prepare = prepare,
    .single_8 = {produce_8, consume_8},
    .single_64 = {produce_64, consume_64},
    .batch_8 = {produce_n_8, consume_n_8},
    .batch_64 = {produce_n_64, consume_n_64},
    .round_trip = {ask, answer},
};
