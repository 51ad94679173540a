// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The subject: renoir_mpmc_*, with one producer end, and with two that one thread drives in turn
// (on two CPUs a third process would measure the scheduler).
#include "peers/renoir_ends.h"

BENCH_INLINE size_t put(void *end, const void *elements, size_t size, size_t count)
{
    size_t done = 0;
    if (__builtin_constant_p(count) && count == 1) {
        return renoir_mpmc_try_push((RenoirMpmc *)end, elements, size) == RENOIR_SUCCESS ? 1 : 0;
    }
    (void)renoir_mpmc_push_n((RenoirMpmc *)end, elements, size, count, &done);
    return done;
}

BENCH_INLINE size_t take(void *end, void *out_elements, size_t size, size_t count, uint64_t *lost)
{
    size_t done = 0;
    (void)lost;
    if (__builtin_constant_p(count) && count == 1) {
        return renoir_mpmc_try_pop((RenoirMpmc *)end, out_elements, size) == RENOIR_SUCCESS ? 1 : 0;
    }
    (void)renoir_mpmc_pop_n((RenoirMpmc *)end, out_elements, size, count, &done);
    return done;
}

BENCH_RENOIR_ENDS(mpmc, RenoirMpmc, RENOIR_RING_MPMC, 0, renoir_mpmc_open)
BENCH_RING_SIDES(mpmc, mpmc_Ends, mpmc_find, mpmc_leave, &ends.there, &ends.back, put, take)

typedef struct TwoProducers {
    RenoirMpmc *ends[2];
    uint32_t turn;
} TwoProducers;

BENCH_INLINE size_t put_in_turn(void *end, const void *elements, size_t size, size_t count)
{
    TwoProducers *self = (TwoProducers *)end;
    const size_t done = put(self->ends[self->turn], elements, size, count);
    self->turn ^= done > 0 ? 1u : 0u;
    return done;
}

static void produce_by_two(BenchPair *pair)
{
    mpmc_Ends ends;
    RenoirMpmc other;
    const RenoirRingOptions options = bench_ring_options(pair, RENOIR_RING_MPMC, 0);
    mpmc_find(pair, &ends);
    bench_expect(pair,
                 renoir_mpmc_open(ends.region.region, "there", &options, RENOIR_PRODUCER, &other),
                 "there, again");
    TwoProducers two = {.ends = {&ends.there, &other}};
    bench_ring_produce(pair, &two, put_in_turn);
    renoir_ring_close(&other.end);
    mpmc_leave(pair, &ends);
}

const BenchRingPeer bench_ring_mpmc = {
    .name = "renoir_mpmc",
    .role = BENCH_SUBJECT,
    .has_batches = true,
    .stream = BENCH_RING_STREAM(mpmc),
    .round_trip = BENCH_RING_ROUND_TRIP(mpmc),
};

const BenchRingPeer bench_ring_mpmc_two_producers = {
    .name = "renoir_mpmc_2_producers",
    .role = BENCH_SUBJECT,
    .has_batches = true,
    .stream = {produce_by_two, mpmc_consume},
};
