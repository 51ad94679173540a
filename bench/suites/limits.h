// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The sides of the limits' cases. Each is one process of a sample (harness/pair.h).
#ifndef BENCH_LIMITS_H
#define BENCH_LIMITS_H

#include "harness/case.h"

// limits_line.c: cache lines between two CPUs
void limit_round_trip_first(BenchPair *pair);
void limit_round_trip_second(BenchPair *pair);
void limit_round_trip_rdtsc_first(BenchPair *pair);
void limit_round_trip_rdtsc_second(BenchPair *pair);

// One-way lines through a ring of `parameter` lines.
void limit_lines_each_first(BenchPair *pair);
void limit_lines_each_second(BenchPair *pair);
void limit_lines_64_first(BenchPair *pair);
void limit_lines_64_second(BenchPair *pair);
void limit_lines_1024_first(BenchPair *pair);
void limit_lines_1024_second(BenchPair *pair);
void limit_lines_stamped_first(BenchPair *pair);
void limit_lines_stamped_second(BenchPair *pair);

// limits_kernel.c: wake-ups, barriers, clocks, first touches
void limit_futex_one_way_first(BenchPair *pair);
void limit_futex_one_way_second(BenchPair *pair);
void limit_futex_cost_first(BenchPair *pair);
void limit_futex_cost_second(BenchPair *pair);
void limit_futex_round_trip_first(BenchPair *pair);
void limit_futex_round_trip_second(BenchPair *pair);
void limit_futex_nobody(BenchPair *pair);
void limit_membarrier_first(BenchPair *pair);
void limit_membarrier_busy_second(BenchPair *pair);
void limit_membarrier_idle_second(BenchPair *pair);
void limit_clock_gettime(BenchPair *pair);
void limit_clock_ticks(BenchPair *pair);
void limit_add_alone(BenchPair *pair);
void limit_add_contended_first(BenchPair *pair);
void limit_add_contended_second(BenchPair *pair);
void limit_store_fence(BenchPair *pair);
void limit_touch_new_page(BenchPair *pair);
void limit_touch_shared_page(BenchPair *pair);

#endif
