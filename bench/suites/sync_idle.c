// SPDX-License-Identifier: MIT OR Apache-2.0
//
// One thread asleep in a wait set of 1,000 rings whose producers live and send nothing: how much
// CPU it uses in 5 seconds. Then one of the producers sends, and the sleeper must be told which.
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

#include "suites/renoir_region.h"
#include "suites/sync.h"

enum {
    RINGS = 1000,
    SENDER = 617, // any one of them
    SECONDS = 5,
    CAPACITY = 64,
    REGION_SIZE = 16 << 20
};

typedef struct IdleEnds {
    BenchRegion region;
    RenoirSpsc rings[RINGS];
} IdleEnds;

static void open_rings(BenchPair *pair, IdleEnds *ends, uint32_t role)
{
    RenoirRingOptions options = renoir_ring_options_default();
    options.flags = RENOIR_RING_WAITABLE;
    options.capacity = CAPACITY;
    options.element_size = 8;
    ends->region = bench_region_open_for(pair, REGION_SIZE, RINGS + 1);
    for (uint32_t i = 0; i < RINGS; i++) {
        char name[16];
        snprintf(name, sizeof name, "ring %u", i);
        bench_expect(pair,
                     renoir_spsc_open(ends->region.region, name, &options, role, &ends->rings[i]),
                     name);
    }
    bench_meet(pair);
}

static void close_rings(IdleEnds *ends)
{
    for (uint32_t i = 0; i < RINGS; i++) {
        renoir_ring_close(&ends->rings[i].end);
    }
    bench_region_close(&ends->region);
}

static uint64_t cpu_ns(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    const int64_t us = ((int64_t)usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
                       usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
    return (uint64_t)us * 1000;
}

static void expect_sender(BenchPair *pair, IdleEnds *ends, const RenoirWaitEvent *event)
{
    uint64_t element = 0;
    if (event->user != &ends->rings[SENDER] || (event->events & RENOIR_WAIT_READY) == 0 ||
        renoir_spsc_try_pop(&ends->rings[SENDER], &element, sizeof element) != RENOIR_SUCCESS ||
        element != SENDER) {
        bench_fail(pair, "ring %u sent %u; the event is %#x of another", SENDER,
                   (unsigned int)element, event->events);
    }
}

static void sleeper(BenchPair *pair)
{
    static IdleEnds ends;
    RenoirWaitsetHandle set = NULL;
    RenoirWaitEvent event = {.user = NULL};
    size_t count = 0;

    open_rings(pair, &ends, RENOIR_CONSUMER);
    bench_expect(pair, renoir_waitset_create(ends.region.manager, &set), "wait set");
    for (uint32_t i = 0; i < RINGS; i++) {
        bench_expect(
            pair, renoir_waitset_add(set, renoir_ring_waitable(&ends.rings[i].end), &ends.rings[i]),
            "add");
    }
    bench_meet(pair);
    const uint64_t begin = cpu_ns();
    while (count == 0) {
        bench_expect(pair, renoir_waitset_wait(set, RENOIR_WAIT_FOREVER, &event, 1, &count),
                     "wait");
    }
    pair->control->elapsed_ticks = bench_ticks_of_ns(cpu_ns() - begin);
    pair->control->operations = SECONDS;
    expect_sender(pair, &ends, &event);
    renoir_waitset_close(set);
    bench_meet(pair);
    close_rings(&ends);
}

static void sender(BenchPair *pair)
{
    static IdleEnds ends;
    const struct timespec duration = {.tv_sec = SECONDS};
    const uint64_t element = SENDER;

    open_rings(pair, &ends, RENOIR_PRODUCER);
    bench_meet(pair);
    nanosleep(&duration, NULL);
    bench_expect(pair, renoir_spsc_try_push(&ends.rings[SENDER], &element, sizeof element), "push");
    bench_meet(pair);
    close_rings(&ends);
}

const BenchCase *bench_sync_idle_case(void)
{
    static const BenchCase item = {.figure = "idle_cpu_per_second",
                                   .contender = "renoir_waitset_of_1000",
                                   .role = BENCH_SUBJECT,
                                   .unit = BENCH_NS_EACH,
                                   .sides = {sleeper, sender}};
    return &item;
}
