// SPDX-License-Identifier: MIT OR Apache-2.0
//
// What is paid where nobody sleeps and nothing is reclaimed: sending through a ring that could wake
// somebody, entering and leaving an epoch.
#include <string.h>

#include "suites/limits.h"
#include "suites/renoir_region.h"
#include "suites/ring_loops.h"
#include "suites/sync.h"

enum { PAGE = 4096, REGION_SIZE = 1 << 20, BATCH = 256, CASES_MAX = 16, BURST = 512, TOKEN = 77 };

// ---- a stream between two processes that both spin; the rings are those of the ring suite ----

static BenchCase publish_case(const char *figure, uint64_t bytes, const BenchRingPeer *peer)
{
    const BenchCase item = {.figure = figure,
                            .contender = peer->name,
                            .role = BENCH_SUBJECT,
                            .unit = BENCH_NS_EACH,
                            .sides = {peer->stream[BENCH_FIRST], peer->stream[BENCH_SECOND]},
                            .bytes = bytes,
                            .parameter = 1,
                            .context = peer};
    return item;
}

// ---- pushes alone: both ends in one process, bursts that are popped untimed ----

static void open_alone(BenchPair *pair, uint32_t role, RenoirSpsc *out_end)
{
    RenoirRingOptions options = renoir_ring_options_default();
    options.flags = (uint32_t)pair->item->parameter;
    options.capacity = 2 * BURST;
    options.element_size = 8;
    options.memory = pair->memory;
    options.memory_size = pair->memory_size;
    bench_expect(pair, renoir_spsc_open(NULL, NULL, &options, role, out_end), "ring");
}

static uint64_t push_burst(BenchPair *pair, RenoirSpsc *producer, uint64_t number)
{
    const uint64_t begin = bench_ticks();
    for (uint64_t i = number; i < number + BURST; i++) {
        if (renoir_spsc_try_push(producer, &i, sizeof i) != RENOIR_SUCCESS) {
            bench_fail(pair, "no room for element %llu", (unsigned long long)i);
        }
    }
    return bench_ticks() - begin;
}

static void push_alone(BenchPair *pair)
{
    RenoirSpsc producer;
    RenoirSpsc consumer;
    open_alone(pair, RENOIR_PRODUCER, &producer);
    open_alone(pair, RENOIR_CONSUMER, &consumer);
    const uint64_t warm = bench_ticks() + pair->warm_up_ticks;
    uint64_t number = 0;

    while (bench_ticks() < warm + pair->sample_ticks) {
        const bool is_warm = bench_ticks() >= warm;
        const uint64_t ticks = push_burst(pair, &producer, number);
        pair->control->elapsed_ticks += is_warm ? ticks : 0;
        pair->control->operations += is_warm ? BURST : 0;
        for (const uint64_t until = number + BURST; number < until; number++) {
            uint64_t element = 0;
            if (renoir_spsc_try_pop(&consumer, &element, sizeof element) != RENOIR_SUCCESS ||
                element != number) {
                bench_fail(pair, "element %llu carries %llu", (unsigned long long)number,
                           (unsigned long long)element);
            }
        }
    }
    renoir_ring_close(&producer.end);
    renoir_ring_close(&consumer.end);
}

static BenchCase alone_case(const char *contender, uint32_t flags)
{
    const BenchCase item = {.figure = "push_alone_8B",
                            .contender = contender,
                            .role = BENCH_SUBJECT,
                            .unit = BENCH_NS_EACH,
                            .sides = {push_alone, NULL},
                            .bytes = 8,
                            .parameter = flags,
                            .memory_size = 8 * PAGE};
    return item;
}

// ---- epochs ----

typedef struct EpochEnd {
    BenchRegion region;
    RenoirEpochHandle epoch;
    RenoirEpochReaderHandle reader;
} EpochEnd;

static void note_token(uint64_t token, void *user)
{
    *(uint64_t *)user = token;
}

// Tokens that one attempt hands out; twice, since the first may only move the epoch on.
static uint64_t reclaimed_token(BenchPair *pair, EpochEnd *end)
{
    uint64_t token = 0;
    for (int i = 0; i < 4; i++) {
        size_t count = 0;
        bench_expect(pair, renoir_epoch_try_reclaim(end->epoch, note_token, &token, &count),
                     "reclaim");
    }
    return token;
}

// What is retired while a reader is inside stays until it has left.
static void expect_protection(BenchPair *pair, EpochEnd *end)
{
    renoir_epoch_enter(end->reader);
    bench_expect(pair, renoir_epoch_retire(end->epoch, TOKEN), "retire");
    const uint64_t inside = reclaimed_token(pair, end);
    renoir_epoch_leave(end->reader);
    const uint64_t outside = reclaimed_token(pair, end);
    if (inside != 0 || outside != TOKEN) {
        bench_fail(pair, "token %llu while a reader was inside, %llu afterwards",
                   (unsigned long long)inside, (unsigned long long)outside);
    }
}

static void epoch_enter_leave(BenchPair *pair)
{
    EpochEnd end = {.region = bench_region_open(pair, REGION_SIZE)};
    bench_expect(pair, renoir_epoch_open(end.region.region, "epoch", 0, &end.epoch), "epoch");
    bench_expect(pair, renoir_epoch_reader_open(end.epoch, &end.reader), "reader");
    expect_protection(pair, &end);

    BenchStopwatch watch = bench_stopwatch(pair);
    uint64_t count = 0;
    do {
        for (uint32_t i = 0; i < BATCH; i++) {
            renoir_epoch_enter(end.reader);
            renoir_epoch_leave(end.reader);
        }
        count += BATCH;
    } while (!bench_stopwatch_over(&watch, pair, count));

    expect_protection(pair, &end);
    renoir_epoch_reader_close(end.reader);
    renoir_epoch_close(end.epoch);
    bench_region_close(&end.region);
}

BenchCases bench_sync_cost_cases(void)
{
    static BenchCase cases[CASES_MAX];
    const BenchCase epoch = {.figure = "epoch_enter_leave",
                             .contender = "renoir_epoch",
                             .role = BENCH_SUBJECT,
                             .unit = BENCH_NS_EACH,
                             .sides = {epoch_enter_leave, NULL}};
    const BenchCase add = {.figure = "epoch_enter_leave",
                           .contender = "atomic_add",
                           .role = BENCH_LIMIT,
                           .unit = BENCH_NS_EACH,
                           .sides = {limit_add_alone, NULL},
                           .memory_size = PAGE};
    size_t count = 0;
    cases[count++] = publish_case("publish_no_sleeper_8B", 8, &bench_ring_spsc_waitable);
    cases[count++] = publish_case("publish_no_sleeper_8B", 8, &bench_ring_spsc);
    cases[count++] = publish_case("publish_no_sleeper_64B", 64, &bench_ring_spsc_waitable);
    cases[count++] = publish_case("publish_no_sleeper_64B", 64, &bench_ring_spsc);
    cases[count++] = alone_case("renoir_spsc_waitable", RENOIR_RING_WAITABLE);
    cases[count++] = alone_case("renoir_spsc", 0);
    cases[count++] = epoch;
    cases[count++] = add;
    const BenchCases all = {.cases = cases, .count = count};
    return all;
}
