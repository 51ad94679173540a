// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The subject: renoir_broadcast_*.
//
//     stream   elements delivered and checked; the writer never waits, so a reader may be
//              overtaken: what it lost is counted, checked (the numbers go on exactly there), and
//              told as a share of what was written
//     idle     what the writer pays per element while readers of another process have the ring
//              open and do not run; at the end each reader must account for every element
#include <time.h>

#include "peers/renoir_ends.h"

BENCH_INLINE size_t put(void *end, const void *elements, size_t size, size_t count)
{
    if (__builtin_constant_p(count) && count == 1) {
        renoir_broadcast_push((RenoirBroadcast *)end, elements, size);
    } else {
        renoir_broadcast_push_n((RenoirBroadcast *)end, elements, size, count);
    }
    return count;
}

BENCH_INLINE size_t take(void *end, void *out_elements, size_t size, size_t count, uint64_t *lost)
{
    RenoirBroadcast *ring = (RenoirBroadcast *)end;
    uint64_t missed = 0;
    size_t done = 0;
    if (__builtin_constant_p(count) && count == 1) {
        if (renoir_broadcast_try_pop(ring, out_elements, size, &missed) != RENOIR_SUCCESS) {
            return 0;
        }
        *lost += missed;
        return 1;
    }
    if (renoir_broadcast_pop_n(ring, out_elements, size, count, &done, &missed) != RENOIR_SUCCESS) {
        return 0;
    }
    *lost += missed;
    return done;
}

BENCH_RENOIR_ENDS(broadcast, RenoirBroadcast, RENOIR_RING_BROADCAST, 0, renoir_broadcast_open)
BENCH_RING_SIDES(
    broadcast, broadcast_Ends, broadcast_find, broadcast_leave, &ends.there, &ends.back, put, take)

// ---- readers that do not run ----

enum { IDLE_SIZE = 64, READERS_MOST = 8, LOOK_NS = 1000 * 1000 };

static void write_alone(BenchPair *pair)
{
    uint64_t source[BENCH_RING_SOURCE * IDLE_SIZE / 8] __attribute__((aligned(64))) = {0};
    broadcast_Ends ends;
    broadcast_find(pair, &ends);
    bench_meet(pair);
    BenchStopwatch watch = bench_stopwatch(pair);
    uint64_t number = 0;
    for (uint64_t i = 0; i < BENCH_RING_AHEAD; i++) {
        bench_ring_mark(source + i * 8, IDLE_SIZE, i);
    }
    do {
        for (uint32_t i = 0; i < BENCH_RING_LOOK; i++) {
            const uint64_t ahead = number + BENCH_RING_AHEAD;
            bench_ring_mark(source + ahead % BENCH_RING_SOURCE * 8, IDLE_SIZE, ahead);
            (void)put(&ends.there, source + number++ % BENCH_RING_SOURCE * 8, IDLE_SIZE, 1);
        }
    } while (!bench_stopwatch_over(&watch, pair, number));
    bench_store(&pair->control->note.value, number);
    bench_stop(pair);
    broadcast_leave(pair, &ends);
}

static void account_for_all(BenchPair *pair, RenoirBroadcast *reader)
{
    const uint64_t written = bench_load(&pair->control->note.value);
    uint64_t element[IDLE_SIZE / 8] __attribute__((aligned(64)));
    uint64_t lost = 0;
    uint64_t received = 0;
    while (take(reader, element, IDLE_SIZE, 1, &lost) == 1) {
        bench_ring_check(pair, element, IDLE_SIZE, received + lost);
        received++;
    }
    if (received + lost != written) {
        bench_fail(pair, "%llu received, %llu lost, %llu written", (unsigned long long)received,
                   (unsigned long long)lost, (unsigned long long)written);
    }
}

static void stay_idle(BenchPair *pair, uint32_t readers)
{
    const struct timespec nap = {.tv_nsec = LOOK_NS};
    const RenoirRingOptions options = bench_ring_options(pair, RENOIR_RING_BROADCAST, 0);
    RenoirBroadcast others[READERS_MOST];
    broadcast_Ends ends;
    broadcast_find(pair, &ends);
    for (uint32_t i = 1; i < readers; i++) {
        bench_expect(pair,
                     renoir_broadcast_open(ends.region.region, "there", &options, RENOIR_CONSUMER,
                                           &others[i]),
                     "there, again");
    }
    bench_meet(pair);
    while (!bench_stopped(pair)) {
        nanosleep(&nap, NULL);
    }
    account_for_all(pair, &ends.there);
    for (uint32_t i = 1; i < readers; i++) {
        account_for_all(pair, &others[i]);
        renoir_ring_close(&others[i].end);
    }
    broadcast_leave(pair, &ends);
}

static void stay_idle_as_one(BenchPair *pair)
{
    stay_idle(pair, 1);
}

static void stay_idle_as_eight(BenchPair *pair)
{
    stay_idle(pair, READERS_MOST);
}

const BenchRingPeer bench_ring_broadcast = {
    .name = "renoir_broadcast",
    .role = BENCH_SUBJECT,
    .has_batches = true,
    .share = "lost",
    .stream = BENCH_RING_STREAM(broadcast),
    .round_trip = BENCH_RING_ROUND_TRIP(broadcast),
};

const BenchRingPeer bench_ring_broadcast_eight_idle = {
    .name = "eight_idle_readers",
    .role = BENCH_SUBJECT,
    .stream = {write_alone, stay_idle_as_eight},
};

const BenchRingPeer bench_ring_broadcast_one_idle = {
    .name = "one_idle_reader",
    .role = BENCH_SUBJECT,
    .stream = {write_alone, stay_idle_as_one},
};
