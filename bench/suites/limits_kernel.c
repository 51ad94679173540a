// SPDX-License-Identifier: MIT OR Apache-2.0
#include "suites/limits.h"

#include <errno.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
    BATCH = 256,           // operations between two looks at the clock
    SETTLE_NS = 60 * 1000, // after announcing it a sleeper surely sleeps
    NAP_NS = 200 * 1000,
    TOUCH_PAGES = 4096,
    PAGE = 4096
};

// ---- futex ----

typedef struct Futexes {
    uint32_t word[2][BENCH_PAIR / sizeof(uint32_t)]; // each on lines of its own
    BenchCell stamp;                                 // ticks at the wake-up
    BenchCell asleep;                                // how often the second went to sleep
} Futexes;

static long futex(const uint32_t *word, int operation, uint32_t value)
{
    return syscall(SYS_futex, word, operation, value, NULL, NULL, 0);
}

static void sleep_while(const uint32_t *word, uint32_t value)
{
    while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == value) {
        (void)futex(word, FUTEX_WAIT, value);
    }
}

static void spin_ns(uint64_t ns)
{
    const uint64_t until = bench_ticks() + bench_ticks_of_ns(ns);
    while (bench_ticks() < until) {
    }
}

// Wakes the second, again and again; returns when the sample is over. `latency`: of the call.
static void wake_again_and_again(BenchPair *pair, BenchHistogram *latency)
{
    Futexes *futexes = (Futexes *)(void *)pair->memory;
    BenchStopwatch watch = bench_stopwatch(pair);
    uint64_t wakes = 0;

    while (!bench_stopwatch_over(&watch, pair, wakes)) {
        while (bench_load(&futexes->asleep.value) != wakes + 1) {
        }
        spin_ns(SETTLE_NS);
        wakes++;
        const uint64_t begin = bench_ticks();
        bench_store(&futexes->stamp.value, bench_stopwatch_is_warm(&watch) ? begin : 0);
        __atomic_store_n(&futexes->word[0][0], (uint32_t)wakes, __ATOMIC_RELEASE);
        (void)futex(&futexes->word[0][0], FUTEX_WAKE, 1);
        if (latency != NULL && bench_stopwatch_is_warm(&watch)) {
            bench_histogram_record(latency, bench_ticks() - begin);
        }
    }
    bench_stop(pair);
    __atomic_add_fetch(&futexes->word[0][0], 1, __ATOMIC_RELEASE);
    (void)futex(&futexes->word[0][0], FUTEX_WAKE, 1);
}

static void sleep_again_and_again(BenchPair *pair, BenchHistogram *latency)
{
    Futexes *futexes = (Futexes *)(void *)pair->memory;
    for (uint32_t slept = 0;; slept++) {
        bench_store(&futexes->asleep.value, slept + 1);
        sleep_while(&futexes->word[0][0], slept);
        const uint64_t now = bench_ticks();
        if (bench_stopped(pair)) {
            return;
        }
        const uint64_t stamp = bench_load(&futexes->stamp.value);
        if (latency != NULL && stamp != 0) {
            bench_histogram_record(latency, now - stamp);
        }
        if (__atomic_load_n(&futexes->word[0][0], __ATOMIC_RELAXED) != slept + 1) {
            bench_fail(pair, "woken out of turn");
        }
    }
}

void limit_futex_one_way_first(BenchPair *pair)
{
    pair->control->has_latency = 1;
    wake_again_and_again(pair, NULL);
}

void limit_futex_one_way_second(BenchPair *pair)
{
    sleep_again_and_again(pair, &pair->control->latency);
}

void limit_futex_cost_first(BenchPair *pair)
{
    pair->control->has_latency = 1;
    wake_again_and_again(pair, &pair->control->latency);
}

void limit_futex_cost_second(BenchPair *pair)
{
    sleep_again_and_again(pair, NULL);
}

static void set_and_wake(uint32_t *word, uint32_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
    (void)futex(word, FUTEX_WAKE, 1);
}

void limit_futex_round_trip_first(BenchPair *pair)
{
    Futexes *futexes = (Futexes *)(void *)pair->memory;
    BenchStopwatch watch = bench_stopwatch(pair);
    uint32_t count = 0;

    pair->control->has_latency = 1;
    while (!bench_stopwatch_over(&watch, pair, count)) {
        const uint64_t begin = bench_ticks();
        count++;
        set_and_wake(&futexes->word[0][0], count);
        sleep_while(&futexes->word[1][0], count - 1);
        if (bench_stopwatch_is_warm(&watch)) {
            bench_histogram_record(&pair->control->latency, bench_ticks() - begin);
        }
        if (__atomic_load_n(&futexes->word[1][0], __ATOMIC_RELAXED) != count) {
            bench_fail(pair, "answered out of turn");
        }
    }
    bench_stop(pair);
    set_and_wake(&futexes->word[0][0], count + 1);
}

void limit_futex_round_trip_second(BenchPair *pair)
{
    Futexes *futexes = (Futexes *)(void *)pair->memory;
    for (uint32_t count = 0;; count++) {
        sleep_while(&futexes->word[0][0], count);
        if (bench_stopped(pair)) {
            return;
        }
        set_and_wake(&futexes->word[1][0], count + 1);
    }
}

// ---- one CPU: what single operations cost ----

BENCH_INLINE void time_operation(BenchPair *pair, void (*operation)(BenchPair *pair))
{
    BenchStopwatch watch = bench_stopwatch(pair);
    uint64_t count = 0;
    do {
        for (uint32_t i = 0; i < BATCH; i++) {
            operation(pair);
        }
        count += BATCH;
    } while (!bench_stopwatch_over(&watch, pair, count));
}

BENCH_INLINE void operation_wake_nobody(BenchPair *pair)
{
    (void)futex((const uint32_t *)(const void *)pair->memory, FUTEX_WAKE, 1);
}

BENCH_INLINE void operation_clock_gettime(BenchPair *pair)
{
    struct timespec now;
    (void)pair;
    clock_gettime(CLOCK_MONOTONIC, &now);
    bench_keep(&now);
}

BENCH_INLINE void operation_ticks(BenchPair *pair)
{
    uint64_t now = bench_ticks();
    (void)pair;
    bench_keep(&now);
}

BENCH_INLINE void operation_add(BenchPair *pair)
{
    bench_add((uint64_t *)(void *)pair->memory, 1);
}

BENCH_INLINE void operation_store_fence(BenchPair *pair)
{
    __atomic_store_n((uint64_t *)(void *)pair->memory, 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void limit_futex_nobody(BenchPair *pair)
{
    time_operation(pair, operation_wake_nobody);
}

void limit_clock_gettime(BenchPair *pair)
{
    time_operation(pair, operation_clock_gettime);
}

void limit_clock_ticks(BenchPair *pair)
{
    time_operation(pair, operation_ticks);
}

void limit_store_fence(BenchPair *pair)
{
    time_operation(pair, operation_store_fence);
}

static void check_sum(BenchPair *pair, uint64_t at_least)
{
    const uint64_t sum = bench_load((const uint64_t *)(const void *)pair->memory);
    if (sum < at_least) {
        bench_fail(pair, "the sum is %llu after %llu additions", (unsigned long long)sum,
                   (unsigned long long)at_least);
    }
}

void limit_add_alone(BenchPair *pair)
{
    time_operation(pair, operation_add);
    check_sum(pair, pair->control->operations);
}

void limit_add_contended_first(BenchPair *pair)
{
    time_operation(pair, operation_add);
    bench_stop(pair);
    check_sum(pair, pair->control->operations);
}

void limit_add_contended_second(BenchPair *pair)
{
    while (!bench_stopped(pair)) {
        for (uint32_t i = 0; i < BATCH; i++) {
            operation_add(pair);
        }
    }
}

// ---- membarrier: the first calls it while the second, a registered process, spins or sleeps ----

static void membarrier(BenchPair *pair, int command)
{
    if (syscall(SYS_membarrier, command, 0, 0) != 0) {
        bench_fail(pair, "membarrier: %s", strerror(errno));
    }
}

void limit_membarrier_first(BenchPair *pair)
{
    BenchStopwatch watch = bench_stopwatch(pair);
    uint64_t count = 0;

    pair->control->has_latency = 1;
    while (!bench_stopwatch_over(&watch, pair, count)) {
        const uint64_t begin = bench_ticks();
        membarrier(pair, MEMBARRIER_CMD_GLOBAL_EXPEDITED);
        if (bench_stopwatch_is_warm(&watch)) {
            bench_histogram_record(&pair->control->latency, bench_ticks() - begin);
        }
        count++;
    }
    bench_stop(pair);
}

void limit_membarrier_busy_second(BenchPair *pair)
{
    membarrier(pair, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED);
    while (!bench_stopped(pair)) {
    }
}

void limit_membarrier_idle_second(BenchPair *pair)
{
    const struct timespec nap = {.tv_nsec = NAP_NS};
    membarrier(pair, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED);
    while (!bench_stopped(pair)) {
        nanosleep(&nap, NULL);
    }
}

// ---- first touches of a page of shared memory ----

static uint8_t *map_pages(BenchPair *pair, int fd)
{
    uint8_t *pages =
        mmap(NULL, (size_t)TOUCH_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (pages == MAP_FAILED) {
        bench_fail(pair, "mmap: %s", strerror(errno));
    }
    return pages;
}

static uint64_t touch_all(volatile uint8_t *pages)
{
    const uint64_t begin = bench_ticks();
    for (size_t page = 0; page < TOUCH_PAGES; page++) {
        pages[page * PAGE] = 1;
    }
    return bench_ticks() - begin;
}

// One file of new pages; returns the ticks of the first touches, or, with `again`, of the first
// touches through a second mapping.
static uint64_t touch_file(BenchPair *pair, bool again)
{
    const int fd = memfd_create("renoir-bench", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, (off_t)TOUCH_PAGES * PAGE) != 0) {
        bench_fail(pair, "memfd: %s", strerror(errno));
    }
    uint8_t *pages = map_pages(pair, fd);
    uint64_t ticks = touch_all(pages);
    if (again) {
        uint8_t *mapped_again = map_pages(pair, fd);
        ticks = touch_all(mapped_again);
        munmap(mapped_again, (size_t)TOUCH_PAGES * PAGE);
    }
    munmap(pages, (size_t)TOUCH_PAGES * PAGE);
    close(fd);
    return ticks;
}

static void touch_until_over(BenchPair *pair, bool again)
{
    const uint64_t until = bench_ticks() + pair->sample_ticks;
    (void)touch_file(pair, again);
    while (bench_ticks() < until) {
        pair->control->elapsed_ticks += touch_file(pair, again);
        pair->control->operations += TOUCH_PAGES;
    }
}

void limit_touch_new_page(BenchPair *pair)
{
    touch_until_over(pair, false);
}

void limit_touch_shared_page(BenchPair *pair)
{
    touch_until_over(pair, true);
}
