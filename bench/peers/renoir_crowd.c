// SPDX-License-Identifier: MIT OR Apache-2.0
//
// renoir_mpmc_* with more processes than CPUs: N producers share one CPU, N consumers the other;
// who finds the ring full or empty yields. The rate is the scheduler's more than the ring's; what
// counts is that nothing is lost, doubled, or out of order per producer and consumer.
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "peers/renoir_ends.h"

enum { CROWD_MOST = 8, CROWD_SIZE = 64, WORDS = CROWD_SIZE / 8, TELL_EVERY = 64, FROM = 1 };

// In the sample's memory. Each process writes its own.
typedef struct CrowdCount {
    BenchCell elements;
    BenchCell sum; // of their numbers
} CrowdCount;

typedef struct Crowd {
    CrowdCount pushed[CROWD_MOST];
    CrowdCount popped[CROWD_MOST];
    BenchCell producers_done;
} Crowd;

static size_t ring_size(uint64_t bytes)
{
    (void)bytes;
    return sizeof(Crowd);
}

static Crowd *crowd_of(const BenchPair *pair)
{
    return (Crowd *)(void *)pair->memory;
}

typedef struct CrowdEnd {
    BenchRegion region;
    RenoirMpmc ring;
} CrowdEnd;

static void open_end(BenchPair *pair, uint32_t role, CrowdEnd *end)
{
    const RenoirRingOptions options = bench_ring_options(pair, RENOIR_RING_MPMC, 0);
    end->region = bench_ring_region(pair, RENOIR_RING_MPMC, 0);
    bench_expect(pair, renoir_mpmc_open(end->region.region, "crowd", &options, role, &end->ring),
                 "crowd");
}

static void close_end(CrowdEnd *end)
{
    renoir_ring_close(&end->ring.end);
    bench_region_close(&end->region);
}

static void tell(CrowdCount *count, uint64_t elements, uint64_t sum)
{
    bench_store(&count->sum.value, sum);
    bench_store(&count->elements.value, elements);
}

static void produce(BenchPair *pair, uint32_t index)
{
    uint64_t element[WORDS] __attribute__((aligned(64))) = {0};
    CrowdEnd end;
    uint64_t number = 0;
    uint64_t sum = 0;

    open_end(pair, RENOIR_PRODUCER, &end);
    while (!bench_stopped(pair)) {
        bench_ring_mark(element, CROWD_SIZE, number + 1);
        element[FROM] = index;
        if (renoir_mpmc_try_push(&end.ring, element, CROWD_SIZE) == RENOIR_SUCCESS) {
            sum += ++number;
        } else {
            sched_yield();
        }
    }
    tell(&crowd_of(pair)->pushed[index], number, sum);
    bench_add(&crowd_of(pair)->producers_done.value, 1);
    close_end(&end);
}

static void check_order(BenchPair *pair, const uint64_t *element, uint64_t *last)
{
    const uint64_t from = element[FROM];
    if (from >= CROWD_MOST || element[WORDS - 1] != element[0] || element[0] <= last[from]) {
        bench_fail(pair, "element %llu (%llu) of producer %llu after its %llu",
                   (unsigned long long)element[0], (unsigned long long)element[WORDS - 1],
                   (unsigned long long)from,
                   (unsigned long long)(from < CROWD_MOST ? last[from] : 0));
    }
    last[from] = element[0];
}

static void consume(BenchPair *pair, uint32_t index)
{
    const uint64_t producers = pair->item->parameter;
    uint64_t element[WORDS] __attribute__((aligned(64)));
    uint64_t last[CROWD_MOST] = {0};
    Crowd *crowd = crowd_of(pair);
    CrowdEnd end;
    uint64_t number = 0;
    uint64_t sum = 0;

    open_end(pair, RENOIR_CONSUMER, &end);
    for (;;) {
        const bool is_last = bench_load(&crowd->producers_done.value) == producers;
        if (renoir_mpmc_try_pop(&end.ring, element, CROWD_SIZE) == RENOIR_SUCCESS) {
            check_order(pair, element, last);
            sum += element[0];
            if (++number % TELL_EVERY == 0) {
                tell(&crowd->popped[index], number, sum);
            }
        } else if (is_last) {
            break;
        } else {
            sched_yield();
        }
    }
    tell(&crowd->popped[index], number, sum);
    close_end(&end);
}

static void start(BenchPair *pair, void (*work)(BenchPair *pair, uint32_t index), pid_t *children)
{
    for (uint32_t i = 0; i < pair->item->parameter; i++) {
        children[i] = fork();
        if (children[i] < 0) {
            bench_fail(pair, "cannot fork process %u of %llu", i,
                       (unsigned long long)pair->item->parameter);
        }
        if (children[i] == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            alarm(BENCH_DEADLINE_SECONDS);
            work(pair, i);
            _exit(0);
        }
    }
}

static void await(BenchPair *pair, const pid_t *children)
{
    for (uint32_t i = 0; i < pair->item->parameter; i++) {
        int status = 0;
        if (waitpid(children[i], &status, 0) != children[i] || status != 0) {
            if (pair->control->failure[0] != '\0') {
                _exit(1); // it has said why
            }
            bench_fail(pair, "process %u of the crowd ended with status %#x", i,
                       (unsigned int)status);
        }
    }
}

static void sum_up(const CrowdCount *counts, uint64_t *out_elements, uint64_t *out_sum)
{
    *out_elements = 0;
    *out_sum = 0;
    for (uint32_t i = 0; i < CROWD_MOST; i++) {
        *out_elements += bench_load(&counts[i].elements.value);
        *out_sum += bench_load(&counts[i].sum.value);
    }
}

static void nap_ticks(uint64_t ticks)
{
    const uint64_t ns = (uint64_t)((double)ticks * bench_ns_per_tick());
    const struct timespec nap = {.tv_sec = (time_t)(ns / 1000000000u),
                                 .tv_nsec = (long)(ns % 1000000000u)};
    nanosleep(&nap, NULL);
}

static void first(BenchPair *pair)
{
    Crowd *crowd = crowd_of(pair);
    pid_t children[CROWD_MOST];
    uint64_t before = 0;
    uint64_t pushed = 0;
    uint64_t pushed_sum = 0;
    uint64_t popped = 0;
    uint64_t popped_sum = 0;

    start(pair, produce, children);
    nap_ticks(pair->warm_up_ticks);
    sum_up(crowd->popped, &before, &popped_sum);
    const uint64_t begin = bench_ticks();
    nap_ticks(pair->sample_ticks);
    sum_up(crowd->popped, &popped, &popped_sum);
    pair->control->elapsed_ticks = bench_ticks() - begin;
    pair->control->operations = popped - before;
    bench_stop(pair);
    await(pair, children);
    bench_meet(pair);
    sum_up(crowd->pushed, &pushed, &pushed_sum);
    sum_up(crowd->popped, &popped, &popped_sum);
    if (pushed != popped || pushed_sum != popped_sum) {
        bench_fail(pair, "%llu pushed, %llu popped; the sums are %llu and %llu",
                   (unsigned long long)pushed, (unsigned long long)popped,
                   (unsigned long long)pushed_sum, (unsigned long long)popped_sum);
    }
}

static void second(BenchPair *pair)
{
    pid_t children[CROWD_MOST];
    start(pair, consume, children);
    await(pair, children);
    bench_meet(pair);
}

const BenchRingPeer bench_ring_mpmc_crowd = {
    .name = "renoir_mpmc",
    .role = BENCH_SUBJECT,
    .has_batches = true, // the family's batch is how many processes a side has
    .ring_size = ring_size,
    .stream = {first, second},
};
