// SPDX-License-Identifier: MIT OR Apache-2.0
//
// DPDK's rte_ring, for one producer and one consumer and for many of each, in memory that we own:
// rte_ring_init needs no environment of DPDK's. It holds one element less than its count, as
// ck_ring does.
#include <rte_ring.h>
#include <rte_ring_elem.h>
#include <stdio.h>
#include <stdlib.h>

#include "suites/ring_loops.h"

enum { HEADER_ROOM = 4096 };

static size_t ring_size(uint64_t bytes)
{
    return (size_t)(BENCH_RING_CAPACITY(bytes) * bytes) + HEADER_ROOM;
}

static void init(void *ring, const BenchCase *item, unsigned int flags)
{
    const unsigned int capacity = (unsigned int)BENCH_RING_CAPACITY(item->bytes);
    const ssize_t needed = rte_ring_get_memsize_elem((unsigned int)item->bytes, capacity);
    if (needed < 0 || (size_t)needed > ring_size(item->bytes) ||
        rte_ring_init((struct rte_ring *)ring, "bench", capacity, flags) != 0) {
        fprintf(stderr, "renoir-bench: rte_ring refuses %u elements\n", capacity);
        exit(1);
    }
}

static void prepare_spsc(void *ring, const BenchCase *item)
{
    init(ring, item, RING_F_SP_ENQ | RING_F_SC_DEQ);
}

static void prepare_mpmc(void *ring, const BenchCase *item)
{
    init(ring, item, 0);
}

// The size of an element is a constant to each call; one of them is a call for one element.
BENCH_INLINE size_t put_spsc(void *end, const void *elements, size_t size, size_t count)
{
    struct rte_ring *ring = (struct rte_ring *)end;
    if (__builtin_constant_p(count) && count == 1) {
        return rte_ring_sp_enqueue_elem(ring, (void *)(uintptr_t)elements, (unsigned int)size) == 0
                   ? 1
                   : 0;
    }
    return rte_ring_sp_enqueue_burst_elem(ring, elements, (unsigned int)size, (unsigned int)count,
                                          NULL);
}

BENCH_INLINE size_t
take_spsc(void *end, void *out_elements, size_t size, size_t count, uint64_t *lost)
{
    struct rte_ring *ring = (struct rte_ring *)end;
    (void)lost;
    if (__builtin_constant_p(count) && count == 1) {
        return rte_ring_sc_dequeue_elem(ring, out_elements, (unsigned int)size) == 0 ? 1 : 0;
    }
    return rte_ring_sc_dequeue_burst_elem(ring, out_elements, (unsigned int)size,
                                          (unsigned int)count, NULL);
}

BENCH_INLINE size_t put_mpmc(void *end, const void *elements, size_t size, size_t count)
{
    struct rte_ring *ring = (struct rte_ring *)end;
    if (__builtin_constant_p(count) && count == 1) {
        return rte_ring_mp_enqueue_elem(ring, (void *)(uintptr_t)elements, (unsigned int)size) == 0
                   ? 1
                   : 0;
    }
    return rte_ring_mp_enqueue_burst_elem(ring, elements, (unsigned int)size, (unsigned int)count,
                                          NULL);
}

BENCH_INLINE size_t
take_mpmc(void *end, void *out_elements, size_t size, size_t count, uint64_t *lost)
{
    struct rte_ring *ring = (struct rte_ring *)end;
    (void)lost;
    if (__builtin_constant_p(count) && count == 1) {
        return rte_ring_mc_dequeue_elem(ring, out_elements, (unsigned int)size) == 0 ? 1 : 0;
    }
    return rte_ring_mc_dequeue_burst_elem(ring, out_elements, (unsigned int)size,
                                          (unsigned int)count, NULL);
}

BENCH_RING_MEMORY_SIDES(spsc, put_spsc, take_spsc)
BENCH_RING_MEMORY_SIDES(mpmc, put_mpmc, take_mpmc)

const BenchRingPeer bench_ring_rte = {
    .name = "rte_ring",
    .role = BENCH_PEER,
    .has_batches = true,
    .ring_size = ring_size,
    .prepare = prepare_spsc,
    .stream = BENCH_RING_STREAM(spsc),
    .round_trip = BENCH_RING_ROUND_TRIP(spsc),
};

const BenchRingPeer bench_ring_rte_mpmc = {
    .name = "rte_ring_mpmc",
    .role = BENCH_PEER,
    .has_batches = true,
    .ring_size = ring_size,
    .prepare = prepare_mpmc,
    .stream = BENCH_RING_STREAM(mpmc),
    .round_trip = BENCH_RING_ROUND_TRIP(mpmc),
};
