// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Time for the benches: the processor's own counter, which all CPUs share, converted with a factor
// that is measured once against CLOCK_MONOTONIC.
#ifndef BENCH_CLOCK_H
#define BENCH_CLOCK_H

#include <stdint.h>

#include "harness/cell.h"

#ifdef __cplusplus
extern "C" {
#endif

uint64_t bench_now_ns(void);

// Measures the factor (about 50 ms); before any fork, so that all processes share it.
void bench_clock_calibrate(void);
double bench_ns_per_tick(void);
uint64_t bench_ticks_of_ns(uint64_t ns);

// How far apart two reads in a row are, in ns (median): finer differences of single exchanges mean
// nothing.
double bench_clock_step_ns(void);

#if defined(__x86_64__) || defined(__i386__)
#define BENCH_CLOCK_NAME "rdtsc"
BENCH_INLINE uint64_t bench_ticks(void)
{
    return __builtin_ia32_rdtsc();
}
#elif defined(__aarch64__)
#define BENCH_CLOCK_NAME "cntvct_el0"
BENCH_INLINE uint64_t bench_ticks(void)
{
    uint64_t ticks;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
    return ticks;
}
#else
#define BENCH_CLOCK_NAME "clock_gettime"
BENCH_INLINE uint64_t bench_ticks(void)
{
    return bench_now_ns();
}
#endif

#ifdef __cplusplus
}
#endif

#endif
