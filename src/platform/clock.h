// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_PLATFORM_CLOCK_H
#define RNR_PLATFORM_CLOCK_H

// Time.

#include <stdint.h>

/** Nanoseconds of the monotonic clock; comparable between the processes of one machine. */
uint64_t rnr_clock_now_ns(void);

/** Nanoseconds since 1970, for people: it may be set back. */
uint64_t rnr_clock_wall_ns(void);

/** Sleeps at least that long, unless a signal comes. */
void rnr_clock_sleep_ns(uint64_t duration_ns);

/** now + timeout, and UINT64_MAX (for ever) where that does not fit or timeout is UINT64_MAX. */
static inline uint64_t rnr_clock_deadline(uint64_t now_ns, uint64_t timeout_ns)
{
    return timeout_ns > UINT64_MAX - now_ns ? UINT64_MAX : now_ns + timeout_ns;
}

#endif
