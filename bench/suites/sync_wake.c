// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Waking a sleeper of another process, by each means: how long from just before the call until the
// sleeper runs, and what the call costs the waker. Nobody spins: the sleeper announces itself, and
// the waker waits SETTLE_NS, longer than any means spins, so that it surely sleeps.
#include <errno.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "suites/renoir_region.h"
#include "suites/sync.h"

enum { SETTLE_NS = 150 * 1000, REGION_SIZE = 1 << 20, CAPACITY = 64, MEASURE_DELAY, MEASURE_COST };

// In the sample's memory.
typedef struct WakeShared {
    BenchCell stamp;  // ticks just before the wake-up; 0: not timed
    BenchCell asleep; // how often the second went to sleep
    BenchCell word;   // the bare futex
} WakeShared;

typedef struct WakeEnd {
    BenchPair *pair;
    WakeShared *shared;
    BenchRegion region;
    RenoirSpsc ring;
    RenoirNotifierHandle notifier;
    RenoirStateHandle state;
    RenoirWaitsetHandle set;
    uint64_t seen; // the sleeper's: the number of the last wake-up
} WakeEnd;

// One way to wake. `take` returns the number of the wake-up that ended the sleep.
typedef struct WakeMeans {
    void (*open)(WakeEnd *end);
    void (*wake)(WakeEnd *end, uint64_t number);
    void (*sleep)(WakeEnd *end);
    uint64_t (*take)(WakeEnd *end);
    void (*close)(WakeEnd *end);
} WakeMeans;

// ---- the bare futex ----

static uint32_t *futex_word(WakeEnd *end)
{
    return (uint32_t *)(void *)&end->shared->word;
}

static void futex_open(WakeEnd *end)
{
    (void)end;
}

static void futex_wake(WakeEnd *end, uint64_t number)
{
    __atomic_store_n(futex_word(end), (uint32_t)number, __ATOMIC_RELEASE);
    (void)syscall(SYS_futex, futex_word(end), FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void futex_sleep(WakeEnd *end)
{
    while (__atomic_load_n(futex_word(end), __ATOMIC_ACQUIRE) == (uint32_t)end->seen) {
        (void)syscall(SYS_futex, futex_word(end), FUTEX_WAIT, (uint32_t)end->seen, NULL, NULL, 0);
    }
}

static uint64_t futex_take(WakeEnd *end)
{
    return __atomic_load_n(futex_word(end), __ATOMIC_RELAXED);
}

// ---- a ring ----

static void open_region(WakeEnd *end)
{
    end->region = bench_region_open(end->pair, REGION_SIZE);
}

static void close_region(WakeEnd *end)
{
    bench_region_close(&end->region);
}

static void ring_open(WakeEnd *end)
{
    RenoirRingOptions options = renoir_ring_options_default();
    options.flags = RENOIR_RING_WAITABLE;
    options.capacity = CAPACITY;
    options.element_size = 8;
    options.spin_ns = RENOIR_SPIN_NEVER;
    open_region(end);
    bench_expect(
        end->pair,
        renoir_spsc_open(end->region.region, "ring", &options,
                         end->pair->side == BENCH_FIRST ? RENOIR_PRODUCER : RENOIR_CONSUMER,
                         &end->ring),
        "ring");
}

static void ring_wake(WakeEnd *end, uint64_t number)
{
    bench_expect(end->pair, renoir_spsc_try_push(&end->ring, &number, sizeof number), "push");
}

static void ring_sleep(WakeEnd *end)
{
    bench_expect(end->pair, renoir_ring_wait(&end->ring.end, RENOIR_WAIT_FOREVER), "wait");
}

static uint64_t ring_take(WakeEnd *end)
{
    uint64_t number = 0;
    bench_expect(end->pair, renoir_spsc_try_pop(&end->ring, &number, sizeof number), "pop");
    return number;
}

static void ring_close(WakeEnd *end)
{
    renoir_ring_close(&end->ring.end);
    close_region(end);
}

// ---- a ring in a wait set ----

static void set_open(WakeEnd *end)
{
    ring_open(end);
    if (end->pair->side == BENCH_SECOND) {
        bench_expect(end->pair, renoir_waitset_create(end->region.manager, &end->set), "wait set");
        bench_expect(end->pair,
                     renoir_waitset_add(end->set, renoir_ring_waitable(&end->ring.end), &end->ring),
                     "add");
    }
}

static void set_sleep(WakeEnd *end)
{
    RenoirWaitEvent event = {.user = NULL};
    size_t count = 0;
    while (count == 0) {
        bench_expect(end->pair,
                     renoir_waitset_wait(end->set, RENOIR_WAIT_FOREVER, &event, 1, &count), "wait");
    }
    if (event.user != &end->ring || event.events != RENOIR_WAIT_READY) {
        bench_fail(end->pair, "the wait set tells of events %#x", event.events);
    }
}

static void set_close(WakeEnd *end)
{
    renoir_waitset_close(end->set);
    ring_close(end);
}

// ---- a notifier ----

static void notifier_open(WakeEnd *end)
{
    open_region(end);
    bench_expect(end->pair,
                 renoir_notifier_open(end->region.region, "notifier", NULL, &end->notifier),
                 "notifier");
}

static void notifier_wake(WakeEnd *end, uint64_t number)
{
    (void)number;
    bench_expect(end->pair, renoir_notifier_notify(end->notifier), "notify");
}

static void notifier_sleep(WakeEnd *end)
{
    uint64_t count = 0;
    bench_expect(end->pair, renoir_notifier_wait(end->notifier, RENOIR_WAIT_FOREVER, &count),
                 "wait");
    end->seen += count;
}

static uint64_t notifier_take(WakeEnd *end)
{
    return end->seen;
}

static void notifier_close(WakeEnd *end)
{
    renoir_notifier_close(end->notifier);
    close_region(end);
}

// ---- a state ----

static void state_open(WakeEnd *end)
{
    open_region(end);
    if (end->pair->side == BENCH_FIRST) {
        bench_expect(
            end->pair,
            renoir_state_create(end->region.region, "state", sizeof(uint64_t), &end->state),
            "state");
    }
    bench_meet(end->pair);
    if (end->pair->side == BENCH_SECOND) {
        bench_expect(end->pair, renoir_state_open(end->region.region, "state", &end->state),
                     "state");
    }
}

static void state_wake(WakeEnd *end, uint64_t number)
{
    bench_expect(end->pair, renoir_state_write(end->state, &number, sizeof number), "write");
}

// The writer is this region's first: its versions are numbered from 1, as the wake-ups are.
static void state_sleep(WakeEnd *end)
{
    bench_expect(end->pair, renoir_state_wait(end->state, end->seen, RENOIR_WAIT_FOREVER), "wait");
}

static uint64_t state_take(WakeEnd *end)
{
    uint64_t number = 0;
    size_t length = 0;
    bench_expect(end->pair,
                 renoir_state_read(end->state, &number, sizeof number, &length, &end->seen),
                 "read");
    return number;
}

static void state_close(WakeEnd *end)
{
    renoir_state_close(end->state);
    close_region(end);
}

// ---- the two sides ----

// In place: ends of rings must not be copied.
static void open_end(BenchPair *pair, WakeEnd *end)
{
    const WakeMeans *means = pair->item->context;
    memset(end, 0, sizeof *end);
    end->pair = pair;
    end->shared = (WakeShared *)(void *)pair->memory;
    means->open(end);
    bench_meet(pair);
}

static void wait_until_asleep(const WakeEnd *end, uint64_t times)
{
    while (bench_load(&end->shared->asleep.value) != times) {
    }
    const uint64_t until = bench_ticks() + bench_ticks_of_ns(SETTLE_NS);
    while (bench_ticks() < until) {
    }
}

static void waker(BenchPair *pair)
{
    const WakeMeans *means = pair->item->context;
    const bool is_cost = pair->item->parameter == MEASURE_COST;
    WakeEnd end;
    open_end(pair, &end);
    BenchStopwatch watch = bench_stopwatch(pair);
    uint64_t wakes = 0;

    pair->control->has_latency = 1;
    while (!bench_stopwatch_over(&watch, pair, wakes)) {
        wait_until_asleep(&end, ++wakes);
        const uint64_t begin = bench_ticks();
        bench_store(&end.shared->stamp.value, bench_stopwatch_is_warm(&watch) ? begin : 0);
        means->wake(&end, wakes);
        if (is_cost && bench_stopwatch_is_warm(&watch)) {
            bench_histogram_record(&pair->control->latency, bench_ticks() - begin);
        }
    }
    wait_until_asleep(&end, wakes + 1);
    bench_stop(pair);
    means->wake(&end, wakes + 1);
    bench_meet(pair);
    means->close(&end);
}

static void sleeper(BenchPair *pair)
{
    const WakeMeans *means = pair->item->context;
    const bool is_delay = pair->item->parameter == MEASURE_DELAY;
    WakeEnd end;

    open_end(pair, &end);
    for (uint64_t times = 1; !bench_stopped(pair); times++) {
        bench_store(&end.shared->asleep.value, times);
        means->sleep(&end);
        const uint64_t now = bench_ticks();
        const uint64_t stamp = bench_load(&end.shared->stamp.value);
        if (is_delay && stamp != 0 && !bench_stopped(pair)) {
            bench_histogram_record(&pair->control->latency, now - stamp);
        }
        end.seen = means->take(&end);
        if (end.seen != times) {
            bench_fail(pair, "sleep %llu was ended by wake-up %llu", (unsigned long long)times,
                       (unsigned long long)end.seen);
        }
    }
    bench_meet(pair);
    means->close(&end);
}

static const WakeMeans by_futex = {futex_open, futex_wake, futex_sleep, futex_take, futex_open};
static const WakeMeans by_ring = {ring_open, ring_wake, ring_sleep, ring_take, ring_close};
static const WakeMeans by_set = {set_open, ring_wake, set_sleep, ring_take, set_close};
static const WakeMeans by_notifier = {notifier_open, notifier_wake, notifier_sleep, notifier_take,
                                      notifier_close};
static const WakeMeans by_state = {state_open, state_wake, state_sleep, state_take, state_close};

// clang-format off
#define WAKE(figure_, measure, contender_, role_, means)                                          \
    {.figure = figure_, .contender = contender_, .role = role_, .unit = BENCH_NS_P50,             \
     .sides = {waker, sleeper}, .parameter = measure, .memory_size = sizeof(WakeShared),          \
     .context = &means}
#define WAKE_ALL(figure, measure)                                                                 \
    WAKE(figure, measure, "renoir_spsc", BENCH_SUBJECT, by_ring),                                 \
    WAKE(figure, measure, "renoir_notifier", BENCH_SUBJECT, by_notifier),                         \
    WAKE(figure, measure, "renoir_state", BENCH_SUBJECT, by_state),                               \
    WAKE(figure, measure, "renoir_waitset", BENCH_SUBJECT, by_set),                               \
    WAKE(figure, measure, "bare_futex", BENCH_LIMIT, by_futex)

static const BenchCase cases[] = {
    WAKE_ALL("wake_one_way", MEASURE_DELAY),
    WAKE_ALL("wake_cost_to_waker", MEASURE_COST),
};
// clang-format on

BenchCases bench_sync_wake_cases(void)
{
    const BenchCases all = {.cases = cases, .count = sizeof cases / sizeof cases[0]};
    return all;
}
