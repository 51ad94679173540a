// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The subject: renoir_sequenced_*, one producer; one consumer, or a second one behind the first,
// which the same thread runs in turn (on two CPUs a third process would measure the scheduler).
//
//     stream   elements that have gone through all consumers
//     cost     what the producer alone pays per element: bursts of half the ring into room that is
//              surely there, while the consumers do nothing; between them, untimed, they take all
#include "peers/renoir_ends.h"

BENCH_INLINE size_t put(void *end, const void *elements, size_t size, size_t count)
{
    RenoirSequenced *ring = (RenoirSequenced *)end;
    if (__builtin_constant_p(count) && count == 1) {
        return renoir_sequenced_try_push(ring, elements, size) == RENOIR_SUCCESS ? 1 : 0;
    }
    return renoir_sequenced_try_push_n(ring, elements, size, count) == RENOIR_SUCCESS ? count : 0;
}

BENCH_INLINE size_t take(void *end, void *out_elements, size_t size, size_t count, uint64_t *lost)
{
    RenoirSequenced *ring = (RenoirSequenced *)end;
    size_t done = 0;
    (void)lost;
    if (__builtin_constant_p(count) && count == 1) {
        return renoir_sequenced_try_consume(ring, out_elements, size, NULL) == RENOIR_SUCCESS ? 1
                                                                                              : 0;
    }
    (void)renoir_sequenced_consume_n(ring, out_elements, size, count, NULL, &done);
    return done;
}

static RenoirErrorCode open_one(RenoirRegionHandle region,
                                const char *name,
                                const RenoirRingOptions *options,
                                uint32_t role,
                                RenoirSequenced *out_end)
{
    return renoir_sequenced_open(region, name, options, role, 0, 0, out_end);
}

BENCH_RENOIR_ENDS(sequenced, RenoirSequenced, RENOIR_RING_SEQUENCED, 0, open_one)
BENCH_RING_SIDES(
    sequenced, sequenced_Ends, sequenced_find, sequenced_leave, &ends.there, &ends.back, put, take)

typedef struct TwoConsumers {
    RenoirSequenced *first;
    RenoirSequenced *second;
    uint64_t refused; // elements that the second did not get although the first was done with them
} TwoConsumers;

// What the first took, the second takes right behind it; the second's copy is what is checked.
BENCH_INLINE size_t
take_in_turn(void *end, void *out_elements, size_t size, size_t count, uint64_t *lost)
{
    TwoConsumers *self = (TwoConsumers *)end;
    const size_t done = take(self->first, out_elements, size, count, lost);
    for (size_t second = 0; second < done;) {
        uint8_t *out = (uint8_t *)out_elements + second * size;
        const size_t more = take(self->second, out, size, count == 1 ? 1 : done - second, lost);
        self->refused += more == 0 ? 1 : 0;
        second += more;
    }
    return done;
}

static void open_second(BenchPair *pair, const sequenced_Ends *ends, RenoirSequenced *out_end)
{
    const RenoirRingOptions options = bench_ring_options(pair, RENOIR_RING_SEQUENCED, 0);
    bench_expect(pair,
                 renoir_sequenced_open(ends->region.region, "there", &options, RENOIR_CONSUMER, 1,
                                       UINT64_C(1) << 0, out_end),
                 "there, behind the first");
}

static void consume_by_two(BenchPair *pair)
{
    sequenced_Ends ends;
    RenoirSequenced behind;
    sequenced_find(pair, &ends);
    open_second(pair, &ends, &behind);
    TwoConsumers two = {.first = &ends.there, .second = &behind};
    bench_ring_consume(pair, &two, take_in_turn);
    if (two.refused > 0) {
        bench_fail(pair, "the second consumer was refused %llu elements of the first's",
                   (unsigned long long)two.refused);
    }
    renoir_ring_close(&behind.end);
    sequenced_leave(pair, &ends);
}

// ---- the producer's cost ----

enum { COST_SIZE = 64, BURST = BENCH_RING_CAPACITY(COST_SIZE) / 2 };

// In the sample's memory: elements pushed, and those that the consumers are done with.
typedef struct Bursts {
    BenchCell pushed;
    BenchCell taken;
} Bursts;

static size_t bursts_size(uint64_t bytes)
{
    (void)bytes;
    return sizeof(Bursts);
}

static uint64_t push_burst(BenchPair *pair, RenoirSequenced *ring, uint64_t number)
{
    uint64_t source[BENCH_RING_SOURCE * COST_SIZE / 8] __attribute__((aligned(64))) = {0};
    for (uint64_t i = 0; i < BENCH_RING_AHEAD; i++) {
        bench_ring_mark(source + (number + i) % BENCH_RING_SOURCE * 8, COST_SIZE, number + i);
    }
    const uint64_t begin = bench_ticks();
    for (uint64_t i = number; i < number + BURST; i++) {
        const uint64_t ahead = i + BENCH_RING_AHEAD;
        bench_ring_mark(source + ahead % BENCH_RING_SOURCE * 8, COST_SIZE, ahead);
        if (put(ring, source + i % BENCH_RING_SOURCE * 8, COST_SIZE, 1) == 0) {
            bench_fail(pair, "no room for element %llu", (unsigned long long)i);
        }
    }
    return bench_ticks() - begin;
}

static void cost_first(BenchPair *pair)
{
    Bursts *bursts = (Bursts *)(void *)pair->memory;
    sequenced_Ends ends;
    sequenced_find(pair, &ends);
    bench_meet(pair);
    const uint64_t warm = bench_ticks() + pair->warm_up_ticks;
    const uint64_t over = warm + pair->sample_ticks;
    uint64_t number = 0;
    while (bench_ticks() < over) {
        const bool is_warm = bench_ticks() >= warm;
        const uint64_t ticks = push_burst(pair, &ends.there, number);
        number += BURST;
        pair->control->elapsed_ticks += is_warm ? ticks : 0;
        pair->control->operations += is_warm ? BURST : 0;
        bench_store(&bursts->pushed.value, number);
        while (bench_load(&bursts->taken.value) < number) {
        }
    }
    bench_stop(pair);
    sequenced_leave(pair, &ends);
}

BENCH_INLINE void take_bursts(BenchPair *pair, void *end, BenchTake take_one)
{
    Bursts *bursts = (Bursts *)(void *)pair->memory;
    uint64_t element[COST_SIZE / 8] __attribute__((aligned(64)));
    uint64_t number = 0;
    uint64_t lost = 0;
    while (!bench_stopped(pair)) {
        const uint64_t pushed = bench_load(&bursts->pushed.value);
        for (; number < pushed; number++) {
            if (take_one(end, element, COST_SIZE, 1, &lost) == 0) {
                bench_fail(pair, "element %llu is not there", (unsigned long long)number);
            }
            bench_ring_check(pair, element, COST_SIZE, number);
        }
        bench_store(&bursts->taken.value, number);
    }
}

static void cost_of_one_second(BenchPair *pair)
{
    sequenced_Ends ends;
    sequenced_find(pair, &ends);
    bench_meet(pair);
    take_bursts(pair, &ends.there, take);
    sequenced_leave(pair, &ends);
}

static void cost_of_two_second(BenchPair *pair)
{
    sequenced_Ends ends;
    RenoirSequenced behind;
    sequenced_find(pair, &ends);
    open_second(pair, &ends, &behind);
    bench_meet(pair);
    TwoConsumers two = {.first = &ends.there, .second = &behind};
    take_bursts(pair, &two, take_in_turn);
    renoir_ring_close(&behind.end);
    sequenced_leave(pair, &ends);
}

const BenchRingPeer bench_ring_sequenced = {
    .name = "renoir_sequenced",
    .role = BENCH_SUBJECT,
    .has_batches = true,
    .stream = BENCH_RING_STREAM(sequenced),
    .round_trip = BENCH_RING_ROUND_TRIP(sequenced),
};

const BenchRingPeer bench_ring_sequenced_two_consumers = {
    .name = "renoir_sequenced_2_consumers",
    .role = BENCH_SUBJECT,
    .has_batches = true,
    .stream = {sequenced_produce, consume_by_two},
};

const BenchRingPeer bench_ring_sequenced_cost_of_two = {
    .name = "two_consumers",
    .role = BENCH_SUBJECT,
    .ring_size = bursts_size,
    .stream = {cost_first, cost_of_two_second},
};

const BenchRingPeer bench_ring_sequenced_cost_of_one = {
    .name = "one_consumer",
    .role = BENCH_SUBJECT,
    .ring_size = bursts_size,
    .stream = {cost_first, cost_of_one_second},
};
