// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The limits: what the machine itself can do, measured in the same run as what is compared with it.
#include "suite.h"
#include "suites/limits.h"
#include "suites/pipeline.h"

enum { LINES_256K = 4096, LINES_4M = 65536, FUTEX_MEMORY = 4096, PAGE = 4096 };

#define KIB UINT64_C(1024)
#define MIB (KIB * KIB)

// clang-format off
#define TWO(figure, contender, unit, first, second, memory, parameter)                        \
    {figure, contender, BENCH_LIMIT, unit, {first, second}, 0, parameter, memory, NULL, NULL, NULL}
#define ONE(figure, contender, function)                                                      \
    {figure, contender, BENCH_LIMIT, BENCH_NS_EACH, {function, NULL}, 0, 0, PAGE, NULL, NULL, NULL}
#define LINES(figure, contender, sides, lines)                                                \
    TWO(figure, contender, BENCH_MILLION_PER_S, sides##_first, sides##_second,                \
        BENCH_PAIR * 2 + (lines) * BENCH_LINE, lines)
#define COPY(figure, size)                                                                    \
    {figure, "copy_pipeline", BENCH_LIMIT, BENCH_GB_PER_S,                                    \
     {limit_pipeline_first, limit_pipeline_second}, size, BENCH_PIPELINE_SLOTS,               \
     BENCH_PIPELINE_MEMORY(BENCH_PIPELINE_SLOTS, size), NULL, NULL, NULL},                          \
    {figure, "memcpy_one_cpu", BENCH_LIMIT, BENCH_GB_PER_S, {limit_memcpy, NULL}, size, 0, 0, \
     NULL, NULL, NULL}

static const BenchCase cases[] = {
    TWO("line_round_trip", "pingpong_tight", BENCH_NS_P50, limit_round_trip_first,
        limit_round_trip_second, PAGE, 0),
    TWO("line_round_trip", "pingpong_rdtsc_in_poll", BENCH_NS_P50, limit_round_trip_rdtsc_first,
        limit_round_trip_rdtsc_second, PAGE, 0),

    LINES("lines_one_way_256K", "index_per_line", limit_lines_each, LINES_256K),
    LINES("lines_one_way_256K", "index_per_64", limit_lines_64, LINES_256K),
    LINES("lines_one_way_256K", "sequence_inside", limit_lines_stamped, LINES_256K),
    LINES("lines_one_way_4M", "index_per_line", limit_lines_each, LINES_4M),
    LINES("lines_one_way_4M", "index_per_1024", limit_lines_1024, LINES_4M),
    LINES("lines_one_way_4M", "sequence_inside", limit_lines_stamped, LINES_4M),

    COPY("copy_4K", 4 * KIB),
    COPY("copy_64K", 64 * KIB),
    COPY("copy_1M", MIB),
    COPY("copy_8M", 8 * MIB),
    {"copy_64M", "memcpy_one_cpu", BENCH_LIMIT, BENCH_GB_PER_S, {limit_memcpy, NULL}, 64 * MIB, 0,
     0, NULL, NULL, NULL},

    TWO("futex_wake", "one_way", BENCH_NS_P50, limit_futex_one_way_first,
        limit_futex_one_way_second, FUTEX_MEMORY, 0),
    TWO("futex_wake", "round_trip", BENCH_NS_P50, limit_futex_round_trip_first,
        limit_futex_round_trip_second, FUTEX_MEMORY, 0),
    TWO("futex_wake", "cost_to_waker", BENCH_NS_P50, limit_futex_cost_first,
        limit_futex_cost_second, FUTEX_MEMORY, 0),
    ONE("futex_wake", "nobody_waits", limit_futex_nobody),

    TWO("membarrier", "other_cpu_idle", BENCH_NS_P50, limit_membarrier_first,
        limit_membarrier_idle_second, PAGE, 0),
    TWO("membarrier", "other_cpu_busy", BENCH_NS_P50, limit_membarrier_first,
        limit_membarrier_busy_second, PAGE, 0),

    ONE("atomic_add", "alone", limit_add_alone),
    TWO("atomic_add", "contended", BENCH_NS_EACH, limit_add_contended_first,
        limit_add_contended_second, PAGE, 0),

    ONE("single_operations", "store_then_fence", limit_store_fence),
    ONE("single_operations", "clock_gettime", limit_clock_gettime),
    ONE("single_operations", BENCH_CLOCK_NAME "_ticks", limit_clock_ticks),

    ONE("first_touch_4K_page", "new_page", limit_touch_new_page),
    ONE("first_touch_4K_page", "page_of_another_mapping", limit_touch_shared_page),
};
// clang-format on

BenchOutcome
bench_limits_run(BenchRunner *runner, const BenchOptions *options, BenchResults *results)
{
    results->conditions =
        "Bare loops between two pinned processes (no library): lines of 64 bytes, all shared\n"
        "memory in 4 KiB pages. copy_*: producer copies into one of 4 slots, consumer copies out,\n"
        "source and buffer hot; memcpy_one_cpu: one process, source to buffer. futex: the sleeper\n"
        "sleeps at once, never spins. Every line, record and answer is checked.";
    return bench_cases_run(runner, options, cases, sizeof cases / sizeof cases[0], results);
}
