// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The subject: renoir_spsc_* of renoir/ring.h, in a region that each process opens by name.
#include "suites/renoir_region.h"
#include "suites/ring_loops.h"

// Two rings of 64-byte elements with their headers, and the region's directory.
enum { REGION_SIZE = 2 * BENCH_RING_CAPACITY * 64 + (1 << 20) };

BENCH_INLINE bool put_8(void *end, const void *element)
{
    return renoir_spsc_try_push(end, element, 8) == RENOIR_SUCCESS;
}

BENCH_INLINE bool take_8(void *end, void *out_element)
{
    return renoir_spsc_try_pop(end, out_element, 8) == RENOIR_SUCCESS;
}

BENCH_INLINE bool put_64(void *end, const void *element)
{
    return renoir_spsc_try_push(end, element, 64) == RENOIR_SUCCESS;
}

BENCH_INLINE bool take_64(void *end, void *out_element)
{
    return renoir_spsc_try_pop(end, out_element, 64) == RENOIR_SUCCESS;
}

BENCH_INLINE size_t put_n_8(void *end, const void *elements, size_t count)
{
    size_t done = 0;
    (void)renoir_spsc_push_n(end, elements, 8, count, &done);
    return done;
}

BENCH_INLINE size_t take_n_8(void *end, void *out_elements, size_t count)
{
    size_t done = 0;
    (void)renoir_spsc_pop_n(end, out_elements, 8, count, &done);
    return done;
}

BENCH_INLINE size_t put_n_64(void *end, const void *elements, size_t count)
{
    size_t done = 0;
    (void)renoir_spsc_push_n(end, elements, 64, count, &done);
    return done;
}

BENCH_INLINE size_t take_n_64(void *end, void *out_elements, size_t count)
{
    size_t done = 0;
    (void)renoir_spsc_pop_n(end, out_elements, 64, count, &done);
    return done;
}

typedef struct Ends {
    BenchRegion region;
    RenoirSpsc there; // what the first pushes and the second pops
    RenoirSpsc back;
} Ends;

static RenoirSpsc open_end(BenchPair *pair, const Ends *ends, const char *name, uint32_t role)
{
    RenoirSpsc end;
    RenoirRingOptions options = renoir_ring_options_default();
    options.capacity = BENCH_RING_CAPACITY;
    options.element_size = (uint32_t)pair->item->bytes;
    bench_expect(pair, renoir_spsc_open(ends->region.region, name, &options, role, &end), name);
    return end;
}

static Ends open_ends(BenchPair *pair)
{
    const bool is_first = pair->side == BENCH_FIRST;
    Ends ends = {.region = bench_region_open(pair, REGION_SIZE)};
    ends.there = open_end(pair, &ends, "there", is_first ? RENOIR_PRODUCER : RENOIR_CONSUMER);
    ends.back = open_end(pair, &ends, "back", is_first ? RENOIR_CONSUMER : RENOIR_PRODUCER);
    bench_meet(pair);
    return ends;
}

// A ring that turned corrupt would look empty or full for ever: said here, not by the watchdog.
static void close_ends(BenchPair *pair, Ends *ends)
{
    RenoirRingStats stats;
    bench_expect(pair, renoir_ring_stats(&ends->there.end, &stats), "stats");
    if (stats.writes < pair->control->operations) {
        bench_fail(pair, "the ring tells of %llu writes", (unsigned long long)stats.writes);
    }
    renoir_ring_close(&ends->there.end);
    renoir_ring_close(&ends->back.end);
    bench_region_close(&ends->region);
}

static void produce_8(BenchPair *pair)
{
    Ends ends = open_ends(pair);
    bench_ring_produce(pair, &ends.there, 1, put_8);
    close_ends(pair, &ends);
}

static void consume_8(BenchPair *pair)
{
    Ends ends = open_ends(pair);
    bench_ring_consume(pair, &ends.there, 1, take_8);
    close_ends(pair, &ends);
}

static void produce_64(BenchPair *pair)
{
    Ends ends = open_ends(pair);
    bench_ring_produce(pair, &ends.there, 8, put_64);
    close_ends(pair, &ends);
}

static void consume_64(BenchPair *pair)
{
    Ends ends = open_ends(pair);
    bench_ring_consume(pair, &ends.there, 8, take_64);
    close_ends(pair, &ends);
}

static void produce_n_8(BenchPair *pair)
{
    Ends ends = open_ends(pair);
    bench_ring_produce_n(pair, &ends.there, 1, put_n_8);
    close_ends(pair, &ends);
}

static void consume_n_8(BenchPair *pair)
{
    Ends ends = open_ends(pair);
    bench_ring_consume_n(pair, &ends.there, 1, take_n_8);
    close_ends(pair, &ends);
}

static void produce_n_64(BenchPair *pair)
{
    Ends ends = open_ends(pair);
    bench_ring_produce_n(pair, &ends.there, 8, put_n_64);
    close_ends(pair, &ends);
}

static void consume_n_64(BenchPair *pair)
{
    Ends ends = open_ends(pair);
    bench_ring_consume_n(pair, &ends.there, 8, take_n_64);
    close_ends(pair, &ends);
}

static void ask(BenchPair *pair)
{
    Ends ends = open_ends(pair);
    bench_ring_ask(pair, &ends.there, &ends.back, put_8, take_8);
    close_ends(pair, &ends);
}

static void answer(BenchPair *pair)
{
    Ends ends = open_ends(pair);
    bench_ring_answer(pair, &ends.there, &ends.back, put_8, take_8);
    close_ends(pair, &ends);
}

const BenchRingPeer bench_ring_renoir = {
    .name = "renoir_spsc",
    .role = BENCH_SUBJECT,
    .single_8 = {produce_8, consume_8},
    .single_64 = {produce_64, consume_64},
    .batch_8 = {produce_n_8, consume_n_8},
    .batch_64 = {produce_n_64, consume_n_64},
    .round_trip = {ask, answer},
};
