// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The limit beside the rings: two indices on pairs of lines and the cells, each side with private
// copies of both indices; nothing is checked, named, taken over or waited for.
#include <string.h>

#include "suites/ring_loops.h"

typedef struct BareRing {
    BenchCell tail;
    BenchCell head;
    uint8_t cells[BENCH_RING_CAPACITY * 64];
} BareRing;

typedef struct BareEnd {
    BareRing *ring;
    uint64_t position;
    uint64_t seen; // the other side's index
} BareEnd;

BENCH_INLINE size_t put_some(void *end, const void *elements, size_t size, size_t count)
{
    BareEnd *self = end;
    size_t room = BENCH_RING_CAPACITY - (self->position - self->seen);
    if (room < count) {
        self->seen = bench_load(&self->ring->head.value);
        room = BENCH_RING_CAPACITY - (self->position - self->seen);
    }
    const size_t done = room < count ? room : count;
    for (size_t i = 0; i < done; i++) {
        const size_t cell = (self->position + i) % BENCH_RING_CAPACITY;
        memcpy(self->ring->cells + cell * size, (const uint8_t *)elements + i * size, size);
    }
    if (done > 0) {
        self->position += done;
        bench_store(&self->ring->tail.value, self->position);
    }
    return done;
}

BENCH_INLINE size_t take_some(void *end, void *out_elements, size_t size, size_t count)
{
    BareEnd *self = end;
    size_t waiting = self->seen - self->position;
    if (waiting < count) {
        self->seen = bench_load(&self->ring->tail.value);
        waiting = self->seen - self->position;
    }
    const size_t done = waiting < count ? waiting : count;
    for (size_t i = 0; i < done; i++) {
        const size_t cell = (self->position + i) % BENCH_RING_CAPACITY;
        memcpy((uint8_t *)out_elements + i * size, self->ring->cells + cell * size, size);
    }
    if (done > 0) {
        self->position += done;
        bench_store(&self->ring->head.value, self->position);
    }
    return done;
}

BENCH_INLINE bool put_8(void *end, const void *element)
{
    return put_some(end, element, 8, 1) == 1;
}

BENCH_INLINE bool take_8(void *end, void *out_element)
{
    return take_some(end, out_element, 8, 1) == 1;
}

BENCH_INLINE bool put_64(void *end, const void *element)
{
    return put_some(end, element, 64, 1) == 1;
}

BENCH_INLINE bool take_64(void *end, void *out_element)
{
    return take_some(end, out_element, 64, 1) == 1;
}

BENCH_INLINE size_t put_n_8(void *end, const void *elements, size_t count)
{
    return put_some(end, elements, 8, count);
}

BENCH_INLINE size_t take_n_8(void *end, void *out_elements, size_t count)
{
    return take_some(end, out_elements, 8, count);
}

BENCH_INLINE size_t put_n_64(void *end, const void *elements, size_t count)
{
    return put_some(end, elements, 64, count);
}

BENCH_INLINE size_t take_n_64(void *end, void *out_elements, size_t count)
{
    return take_some(end, out_elements, 64, count);
}

static BareEnd end_of(BenchPair *pair, size_t index)
{
    const BareEnd end = {.ring = (BareRing *)(void *)pair->memory + index};
    return end;
}

static void produce_8(BenchPair *pair)
{
    BareEnd end = end_of(pair, 0);
    bench_ring_produce(pair, &end, 1, put_8);
}

static void consume_8(BenchPair *pair)
{
    BareEnd end = end_of(pair, 0);
    bench_ring_consume(pair, &end, 1, take_8);
}

static void produce_64(BenchPair *pair)
{
    BareEnd end = end_of(pair, 0);
    bench_ring_produce(pair, &end, 8, put_64);
}

static void consume_64(BenchPair *pair)
{
    BareEnd end = end_of(pair, 0);
    bench_ring_consume(pair, &end, 8, take_64);
}

static void produce_n_8(BenchPair *pair)
{
    BareEnd end = end_of(pair, 0);
    bench_ring_produce_n(pair, &end, 1, put_n_8);
}

static void consume_n_8(BenchPair *pair)
{
    BareEnd end = end_of(pair, 0);
    bench_ring_consume_n(pair, &end, 1, take_n_8);
}

static void produce_n_64(BenchPair *pair)
{
    BareEnd end = end_of(pair, 0);
    bench_ring_produce_n(pair, &end, 8, put_n_64);
}

static void consume_n_64(BenchPair *pair)
{
    BareEnd end = end_of(pair, 0);
    bench_ring_consume_n(pair, &end, 8, take_n_64);
}

static void ask(BenchPair *pair)
{
    BareEnd there = end_of(pair, 0);
    BareEnd back = end_of(pair, 1);
    bench_ring_ask(pair, &there, &back, put_8, take_8);
}

static void answer(BenchPair *pair)
{
    BareEnd there = end_of(pair, 0);
    BareEnd back = end_of(pair, 1);
    bench_ring_answer(pair, &there, &back, put_8, take_8);
}

const BenchRingPeer bench_ring_bare = {
    .name = "bare_indices",
    .role = BENCH_LIMIT,
    .memory_size = 2 * sizeof(BareRing),
    .single_8 = {produce_8, consume_8},
    .single_64 = {produce_64, consume_64},
    .batch_8 = {produce_n_8, consume_n_8},
    .batch_64 = {produce_n_64, consume_n_64},
    .round_trip = {ask, answer},
};
