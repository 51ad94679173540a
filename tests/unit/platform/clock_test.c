// SPDX-License-Identifier: MIT OR Apache-2.0

#include "platform/clock.h"

#include <time.h>

#include "harness/test.h"

TEST(clock, time_goes_on_and_never_back, "real_time")
{
    const uint64_t start = rnr_clock_now_ns();

    uint64_t before = start;
    for (int i = 0; i < 1000; ++i) {
        const uint64_t now = rnr_clock_now_ns();
        CHECK(now >= before);
        before = now;
    }
    CHECK(before > start);
}

TEST(clock, wall_time_is_that_of_the_calendar, "real_time")
{
    const uint64_t seconds = rnr_clock_wall_ns() / 1000000000;
    const uint64_t calendar = (uint64_t)time(NULL);

    CHECK(calendar >= seconds);
    CHECK(calendar - seconds <= 30); // far more than this test may be held up
}

TEST(clock, a_sleep_lasts_at_least_as_long_as_asked, "real_time")
{
    const uint64_t start = rnr_clock_now_ns();

    rnr_clock_sleep_ns(20000000);

    CHECK(rnr_clock_now_ns() - start >= 20000000);
}

TEST(clock, a_deadline_that_does_not_fit_is_for_ever, "T-044")
{
    CHECK_EQ_U64(30, rnr_clock_deadline(10, 20));
    CHECK_EQ_U64(UINT64_MAX, rnr_clock_deadline(10, UINT64_MAX));
    CHECK_EQ_U64(UINT64_MAX, rnr_clock_deadline(10, UINT64_MAX - 9));
    CHECK_EQ_U64(UINT64_MAX, rnr_clock_deadline(10, UINT64_MAX - 10));
    CHECK_EQ_U64(UINT64_MAX - 1, rnr_clock_deadline(10, UINT64_MAX - 11));
}
