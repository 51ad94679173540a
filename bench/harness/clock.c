// SPDX-License-Identifier: MIT OR Apache-2.0
#include "harness/clock.h"

#include <stdlib.h>
#include <time.h>

enum { CALIBRATION_NS = 50 * 1000 * 1000, STEP_PROBES = 4001 };

static double ns_per_tick = 1.0;
static double step_ns = 0.0;

uint64_t bench_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static int compare_ticks(const void *left, const void *right)
{
    const uint64_t a = *(const uint64_t *)left;
    const uint64_t b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static uint64_t usual_step(void)
{
    uint64_t steps[STEP_PROBES];
    uint64_t before = bench_ticks();
    for (int i = 0; i < STEP_PROBES; i++) {
        const uint64_t now = bench_ticks();
        steps[i] = now - before;
        before = now;
    }
    qsort(steps, STEP_PROBES, sizeof steps[0], compare_ticks);
    return steps[STEP_PROBES / 2];
}

void bench_clock_calibrate(void)
{
    const uint64_t ns_before = bench_now_ns();
    const uint64_t ticks_before = bench_ticks();
    while (bench_now_ns() - ns_before < CALIBRATION_NS) {
    }
    const uint64_t ns = bench_now_ns() - ns_before;
    const uint64_t ticks = bench_ticks() - ticks_before;

    ns_per_tick = ticks == 0 ? 1.0 : (double)ns / (double)ticks;
    step_ns = (double)usual_step() * ns_per_tick;
}

double bench_ns_per_tick(void)
{
    return ns_per_tick;
}

double bench_clock_step_ns(void)
{
    return step_ns;
}

uint64_t bench_ticks_of_ns(uint64_t ns)
{
    return (uint64_t)((double)ns / ns_per_tick);
}
