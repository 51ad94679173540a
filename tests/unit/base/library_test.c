// SPDX-License-Identifier: MIT OR Apache-2.0

#include "renoir/library.h"

#include <pthread.h>
#include <stdio.h>

#include "harness/test.h"

TEST(library, the_version_functions_equal_the_macros, "R-011 ffi")
{
    char text[32];
    (void)snprintf(text, sizeof text, "%d.%d.%d", RENOIR_VERSION_MAJOR, RENOIR_VERSION_MINOR,
                   RENOIR_VERSION_PATCH);

    CHECK_EQ_U64(RENOIR_VERSION_MAJOR, renoir_version_major());
    CHECK_EQ_U64(RENOIR_VERSION_MINOR, renoir_version_minor());
    CHECK_EQ_U64(RENOIR_VERSION_PATCH, renoir_version_patch());
    CHECK_STR(text, renoir_version_string());
    CHECK(renoir_version_string() == renoir_version_string());
}

TEST(library, the_clock_does_not_go_back, "R-253 real_time")
{
    uint64_t before = renoir_now_ns();

    for (int i = 0; i < 1000; ++i) {
        const uint64_t now = renoir_now_ns();
        CHECK(now >= before);
        before = now;
    }
}

static void *initialise(void *out_failures)
{
    for (int i = 0; i < 100; ++i) {
        *(unsigned *)out_failures += renoir_init() != RENOIR_SUCCESS;
    }
    return NULL;
}

TEST(library, initialising_from_64_threads_at_once_is_fine, "R-008 T-049 T-078 tsan")
{
    enum { THREADS = 64 };
    pthread_t threads[THREADS];
    unsigned failures[THREADS] = {0};

    for (int i = 0; i < THREADS; ++i) {
        REQUIRE(pthread_create(&threads[i], NULL, initialise, &failures[i]) == 0);
    }
    for (int i = 0; i < THREADS; ++i) {
        REQUIRE(pthread_join(threads[i], NULL) == 0);
        CHECK_EQ_U64(0, failures[i]);
    }
}
