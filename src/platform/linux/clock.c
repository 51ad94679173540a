// SPDX-License-Identifier: MIT OR Apache-2.0
// platform/linux/clock.c: time.

#include "platform/clock.h"

#include <time.h>

static uint64_t read_clock(clockid_t clock)
{
    struct timespec now = {0, 0};

    (void)clock_gettime(clock, &now); // cannot fail: both clocks are always there
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t rnr_clock_now_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t rnr_clock_wall_ns(void)
{
    return read_clock(CLOCK_REALTIME);
}

void rnr_clock_sleep_ns(uint64_t duration_ns)
{
    const uint64_t seconds = duration_ns / 1000000000;
    const struct timespec duration = {
        .tv_sec = (time_t)(seconds > INT32_MAX ? INT32_MAX : seconds), // time_t may have 32 bits
        .tv_nsec = (long)(duration_ns % 1000000000)};

    (void)nanosleep(&duration, NULL);
}
