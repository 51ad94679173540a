// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The limits beside the rings: two indices on pairs of lines and the cells, each side with private
// copies of both indices; nothing is checked, named, taken over or waited for.
//
//     bare_indices        publishes its index once per call
//     bare_index_per_64   publishes its index once per 64 items, whatever the figure's batch
#include <string.h>

#include "suites/ring_loops.h"

enum { BARE_BATCH = 64 };

typedef struct BareRing {
    BenchCell tail;
    BenchCell head;
    uint8_t cells[];
} BareRing;

typedef struct BareEnd {
    BareRing *ring;
    uint64_t position;
    uint64_t seen; // the other side's index
} BareEnd;

typedef struct BareEnds {
    BareEnd there;
    BareEnd back;
} BareEnds;

static size_t ring_size(uint64_t bytes)
{
    return sizeof(BareRing) + (size_t)(BENCH_RING_CAPACITY(bytes) * bytes);
}

BENCH_INLINE size_t put(void *end, const void *elements, size_t size, size_t count)
{
    BareEnd *self = end;
    const uint64_t capacity = BENCH_RING_CAPACITY(size);
    size_t room = capacity - (self->position - self->seen);
    if (room < count) {
        self->seen = bench_load(&self->ring->head.value);
        room = capacity - (self->position - self->seen);
    }
    const size_t done = room < count ? room : count;
    for (size_t i = 0; i < done; i++) {
        const size_t cell = (self->position + i) % capacity;
        memcpy(self->ring->cells + cell * size, (const uint8_t *)elements + i * size, size);
    }
    if (done > 0) {
        self->position += done;
        bench_store(&self->ring->tail.value, self->position);
    }
    return done;
}

BENCH_INLINE size_t take(void *end, void *out_elements, size_t size, size_t count, uint64_t *lost)
{
    BareEnd *self = end;
    const uint64_t capacity = BENCH_RING_CAPACITY(size);
    size_t waiting = self->seen - self->position;
    (void)lost;
    if (waiting < count) {
        self->seen = bench_load(&self->ring->tail.value);
        waiting = self->seen - self->position;
    }
    const size_t done = waiting < count ? waiting : count;
    for (size_t i = 0; i < done; i++) {
        const size_t cell = (self->position + i) % capacity;
        memcpy((uint8_t *)out_elements + i * size, self->ring->cells + cell * size, size);
    }
    if (done > 0) {
        self->position += done;
        bench_store(&self->ring->head.value, self->position);
    }
    return done;
}

static void find_ends(BenchPair *pair, BareEnds *ends)
{
    memset(ends, 0, sizeof *ends);
    ends->there.ring = (BareRing *)(void *)pair->memory;
    ends->back.ring = (BareRing *)(void *)(pair->memory + pair->memory_size / 2);
}

static void leave_ends(BenchPair *pair, BareEnds *ends)
{
    (void)pair;
    (void)ends;
}

BENCH_RING_SIDES(bare, BareEnds, find_ends, leave_ends, &ends.there, &ends.back, put, take)

static void produce_64(BenchPair *pair)
{
    BareEnds ends;
    find_ends(pair, &ends);
    if (pair->item->bytes == 8) {
        bench_ring_produce_n(pair, &ends.there, 8, BARE_BATCH, put);
    } else {
        bench_ring_produce_n(pair, &ends.there, 64, BARE_BATCH, put);
    }
}

static void consume_64(BenchPair *pair)
{
    BareEnds ends;
    find_ends(pair, &ends);
    if (pair->item->bytes == 8) {
        bench_ring_consume_n(pair, &ends.there, 8, BARE_BATCH, take);
    } else {
        bench_ring_consume_n(pair, &ends.there, 64, BARE_BATCH, take);
    }
}

const BenchRingPeer bench_ring_bare = {
    .name = "bare_indices",
    .role = BENCH_LIMIT,
    .has_batches = true,
    .ring_size = ring_size,
    .stream = BENCH_RING_STREAM(bare),
    .round_trip = BENCH_RING_ROUND_TRIP(bare),
};

const BenchRingPeer bench_ring_bare_64 = {
    .name = "bare_index_per_64",
    .role = BENCH_LIMIT,
    .has_batches = true,
    .ring_size = ring_size,
    .stream = {produce_64, consume_64},
};
