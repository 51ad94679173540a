// SPDX-License-Identifier: MIT OR Apache-2.0

#include <pthread.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/test.h"
#include "layout/notifier_shm.h"
#include "memory/region_internal.h"
#include "renoir.h"

// SECCOMP_MODE_STRICT of <linux/seccomp.h>, which musl does not bring along.
enum { STRICT_MODE = 1 };

static RenoirRegionHandle join_region(void)
{
    RenoirRegionConfig config = renoir_region_config_default();
    RenoirRegionHandle region = NULL;
    config.name = "events";
    config.size = 1 << 20;
    REQUIRE_OK(renoir_region_create(NULL, &config, &region));
    return region;
}

static RenoirNotifierHandle
open_batched(RenoirRegionHandle region, uint64_t every_count, uint64_t every_ns)
{
    RenoirNotifierOptions options = renoir_notifier_options_default();
    RenoirNotifierHandle notifier = NULL;
    options.every_count = every_count;
    options.every_ns = every_ns;
    REQUIRE_OK(renoir_notifier_open(region, "n", &options, &notifier));
    return notifier;
}

static void notify_times(RenoirNotifierHandle notifier, uint64_t times)
{
    for (uint64_t i = 0; i < times; ++i) {
        REQUIRE_OK(renoir_notifier_notify(notifier));
    }
}

// The bytes of the one object in the region.
static RnrNotifierShm *shm_in(RenoirRegionHandle region)
{
    const RnrEntryShm *const entry =
        (const RnrEntryShm *)(const void *)(region->base + RNR_REGION_ENTRIES_OFFSET);
    return (RnrNotifierShm *)(void *)(region->base + rnr_load_relaxed_u64(&entry->offset));
}

static RenoirNotifierStats stats_of(RenoirNotifierHandle notifier)
{
    RenoirNotifierStats stats;
    REQUIRE_OK(renoir_notifier_stats(notifier, &stats));
    return stats;
}

TEST(notifier, a_wait_gives_how_many_came_since_the_last_one, "R-121 sync_pattern")
{
    RenoirRegionHandle region = join_region();
    RenoirNotifierHandle notifier = open_batched(region, 0, 0);
    uint64_t count = 99;
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, renoir_notifier_wait(notifier, RENOIR_NO_WAIT, &count));
    CHECK_EQ_U64(0, count);
    notify_times(notifier, 5);
    CHECK_OK(renoir_notifier_wait(notifier, RENOIR_NO_WAIT, &count));
    CHECK_EQ_U64(5, count);
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, renoir_notifier_wait(notifier, RENOIR_NO_WAIT, &count));
    notify_times(notifier, 2);
    CHECK_OK(renoir_notifier_wait(notifier, RENOIR_WAIT_FOREVER, &count));
    CHECK_EQ_U64(2, count);
    CHECK_OK(renoir_region_verify(region, NULL, 0));
    renoir_notifier_close(notifier);
    renoir_region_close(region);
}

TEST(notifier, every_handle_gets_every_notification_from_its_opening_on, "R-121 sync_pattern")
{
    RenoirRegionHandle region = join_region();
    RenoirNotifierHandle early = open_batched(region, 0, 0);
    uint64_t count = 0;
    notify_times(early, 3);
    RenoirNotifierHandle late = open_batched(region, 0, 0);
    notify_times(late, 4);
    CHECK_OK(renoir_notifier_wait(early, RENOIR_NO_WAIT, &count));
    CHECK_EQ_U64(7, count);
    CHECK_OK(renoir_notifier_wait(late, RENOIR_NO_WAIT, &count));
    CHECK_EQ_U64(4, count);
    renoir_notifier_close(early);
    renoir_notifier_close(late);
    renoir_region_close(region);
}

TEST(notifier, a_wait_ends_with_its_time_and_is_counted, "R-121 T-012 T-083 real_time")
{
    RenoirRegionHandle region = join_region();
    RenoirNotifierHandle notifier = open_batched(region, 0, 0);
    uint64_t count = 99;
    const uint64_t begin = test_now_ns();
    CHECK_STATUS(RENOIR_TIMEOUT, renoir_notifier_wait(notifier, RENOIR_MILLISECONDS(30), &count));
    CHECK(test_now_ns() - begin >= RENOIR_MILLISECONDS(30));
    CHECK_EQ_U64(0, count);
    CHECK_EQ_U64(1, stats_of(notifier).timeouts);
    CHECK_EQ_U64(0, stats_of(notifier).wakes);
    renoir_notifier_close(notifier);
    renoir_region_close(region);
}

// --- batches -------------------------------------------------------------------------------------

TEST(notifier, a_batch_is_whole_at_each_so_many, "R-123 sync_pattern")
{
    RenoirRegionHandle region = join_region();
    RenoirNotifierHandle notifier = open_batched(region, 10, 0);
    uint64_t count = 0;
    notify_times(notifier, 9);
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, renoir_notifier_wait(notifier, RENOIR_NO_WAIT, &count));
    CHECK_STATUS(RENOIR_TIMEOUT, renoir_notifier_wait(notifier, RENOIR_MILLISECONDS(5), &count));
    CHECK_EQ_U64(9, stats_of(notifier).pending);
    notify_times(notifier, 1);
    CHECK_OK(renoir_notifier_wait(notifier, RENOIR_NO_WAIT, &count));
    CHECK_EQ_U64(10, count);
    notify_times(notifier, 25);
    CHECK_OK(renoir_notifier_wait(notifier, RENOIR_NO_WAIT, &count));
    CHECK_EQ_U64(25, count);
    notify_times(notifier, 4);
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, renoir_notifier_wait(notifier, RENOIR_NO_WAIT, &count));
    notify_times(notifier, 1); // the 40th
    CHECK_OK(renoir_notifier_wait(notifier, RENOIR_NO_WAIT, &count));
    CHECK_EQ_U64(5, count);
    renoir_notifier_close(notifier);
    renoir_region_close(region);
}

TEST(notifier, an_interval_ends_a_batch_without_further_traffic, "R-123 real_time")
{
    RenoirRegionHandle region = join_region();
    RenoirNotifierHandle notifier = open_batched(region, UINT64_MAX, RENOIR_MILLISECONDS(40));
    uint64_t count = 0;
    const uint64_t begin = test_now_ns();
    notify_times(notifier, 3);
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, renoir_notifier_wait(notifier, RENOIR_NO_WAIT, &count));
    CHECK_OK(renoir_notifier_wait(notifier, RENOIR_WAIT_FOREVER, &count));
    // times are kept in units of 256 ns
    CHECK(test_now_ns() - begin >= RENOIR_MILLISECONDS(40) - 256);
    CHECK_EQ_U64(3, count);
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, renoir_notifier_wait(notifier, RENOIR_NO_WAIT, &count));
    renoir_notifier_close(notifier);
    renoir_region_close(region);
}

TEST(notifier, the_interval_counts_from_the_first_that_was_not_served, "R-123 real_time")
{
    RenoirRegionHandle region = join_region();
    RenoirNotifierHandle notifier = open_batched(region, 1000, RENOIR_MILLISECONDS(30));
    uint64_t count = 0;
    notify_times(notifier, 2);
    test_sleep_ms(31);
    notify_times(notifier, 1);
    CHECK_OK(renoir_notifier_wait(notifier, RENOIR_NO_WAIT, &count));
    CHECK_EQ_U64(3, count);
    notify_times(notifier, 1); // a new one
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, renoir_notifier_wait(notifier, RENOIR_NO_WAIT, &count));
    renoir_notifier_close(notifier);
    renoir_region_close(region);
}

TEST(notifier, more_than_it_keeps_times_of_still_end_a_batch, "R-123 real_time")
{
    RenoirRegionHandle region = join_region();
    RenoirNotifierHandle notifier = open_batched(region, 1000, RENOIR_MILLISECONDS(20));
    uint64_t count = 0;
    notify_times(notifier, 500);
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, renoir_notifier_wait(notifier, RENOIR_NO_WAIT, &count));
    CHECK_OK(renoir_notifier_wait(notifier, RENOIR_WAIT_FOREVER, &count));
    CHECK_EQ_U64(500, count);
    renoir_notifier_close(notifier);
    renoir_region_close(region);
}

typedef struct Later {
    RenoirNotifierHandle notifier;
    unsigned milliseconds;
    uint64_t times;
} Later;

static void *notify_later(void *argument)
{
    const Later *const later = argument;
    test_sleep_ms(later->milliseconds);
    for (uint64_t i = 0; i < later->times; ++i) {
        (void)renoir_notifier_notify(later->notifier);
    }
    return NULL;
}

TEST(notifier, who_sleeps_in_an_interval_is_woken_for_its_end_and_no_more, "R-123 T-012 tsan")
{
    RenoirRegionHandle region = join_region();
    RenoirNotifierHandle notifier = open_batched(region, 1000, RENOIR_MILLISECONDS(50));
    Later later = {.notifier = notifier, .milliseconds = 20, .times = 7};
    pthread_t thread;
    uint64_t count = 0;
    const uint64_t begin = test_now_ns();
    REQUIRE(pthread_create(&thread, NULL, notify_later, &later) == 0);
    CHECK_OK(renoir_notifier_wait(notifier, RENOIR_WAIT_FOREVER, &count));
    CHECK(test_now_ns() - begin >= RENOIR_MILLISECONDS(70) - 256);
    CHECK_EQ_U64(7, count);
    CHECK(stats_of(notifier).wakes <= 1); // the first alone; none if it had not lain down yet
    REQUIRE(pthread_join(thread, NULL) == 0);
    renoir_notifier_close(notifier);
    renoir_region_close(region);
}

// --- on and off, between processes ---------------------------------------------------------------

PEER(notifying)
{
    RenoirRegionHandle region = join_region();
    RenoirNotifierHandle notifier = open_batched(region, 0, 0);
    char line[16];
    peer_say("open");
    while (peer_hear(line, sizeof line) && strcmp(line, "go") == 0) {
        REQUIRE_OK(renoir_notifier_notify(notifier));
        peer_say("done");
    }
    renoir_notifier_close(notifier);
    renoir_region_close(region);
}

TEST(notifier, another_process_wakes_the_sleeper, "R-121 T-061 communication")
{
    RenoirRegionHandle region = join_region();
    RenoirNotifierHandle notifier = open_batched(region, 0, 0);
    const TestPeer peer = peer_start(notifying);
    uint64_t count = 0;
    REQUIRE(peer_expect(peer, "open"));
    for (int i = 0; i < 20; ++i) {
        REQUIRE(peer_send_line(peer, "go"));
        CHECK_OK(renoir_notifier_wait(notifier, RENOIR_WAIT_FOREVER, &count));
        CHECK_EQ_U64(1, count);
        REQUIRE(peer_expect(peer, "done"));
    }
    REQUIRE(peer_send_line(peer, "end"));
    CHECK_EXITED(peer, 0);
    CHECK_EQ_U64(20, stats_of(notifier).notifications);
    renoir_notifier_close(notifier);
    renoir_region_close(region);
}

TEST(notifier, it_is_turned_off_and_on_for_everyone, "R-121 T-083 communication")
{
    RenoirRegionHandle region = join_region();
    RenoirNotifierHandle notifier = open_batched(region, 0, 0);
    const TestPeer peer = peer_start(notifying);
    uint64_t count = 0;
    REQUIRE(peer_expect(peer, "open"));
    CHECK_EQ_U64(1, stats_of(notifier).is_enabled);
    CHECK_OK(renoir_notifier_set_enabled(notifier, 0));
    REQUIRE(peer_send_line(peer, "go"));
    REQUIRE(peer_expect(peer, "done"));
    CHECK_STATUS(RENOIR_TIMEOUT, renoir_notifier_wait(notifier, RENOIR_MILLISECONDS(5), &count));
    CHECK_EQ_U64(0, stats_of(notifier).is_enabled);
    CHECK_EQ_U64(1, stats_of(notifier).suppressed);
    CHECK_EQ_U64(0, stats_of(notifier).notifications);
    CHECK_OK(renoir_notifier_set_enabled(notifier, 1));
    REQUIRE(peer_send_line(peer, "go"));
    CHECK_OK(renoir_notifier_wait(notifier, RENOIR_WAIT_FOREVER, &count));
    CHECK_EQ_U64(1, count);
    REQUIRE(peer_expect(peer, "done"));
    REQUIRE(peer_send_line(peer, "end"));
    CHECK_EXITED(peer, 0);
    renoir_notifier_close(notifier);
    renoir_region_close(region);
}

enum { QUIET_LAPS = 100000 };

PEER(notifying_without_system_calls)
{
    RenoirRegionHandle region = join_region();
    RenoirNotifierHandle plain = open_batched(region, 0, 0);
    uint64_t laps = 0;
    uint64_t count = 0;
    REQUIRE(prctl(PR_SET_SECCOMP, STRICT_MODE, 0, 0, 0) == 0);
    for (int i = 0; i < QUIET_LAPS; ++i) {
        laps += renoir_notifier_notify(plain) == RENOIR_SUCCESS &&
                renoir_notifier_wait(plain, RENOIR_NO_WAIT, &count) == RENOIR_SUCCESS && count == 1;
    }
    const bool said = peer_say("%llu", (unsigned long long)laps);
    for (;;) {
        (void)syscall(SYS_exit, said ? 0 : 1);
    }
}

TEST(notifier, notifying_nobody_makes_no_system_call, "R-121 R-002 communication")
{
    if (test_is_emulated()) {
        SKIP("the emulator has no seccomp");
    }
#if defined(__SANITIZE_ADDRESS__) || RNR_TSAN
    SKIP("the sanitizer's runtime enters the kernel");
#endif
    char line[64];
    const TestPeer peer = peer_start(notifying_without_system_calls);
    CHECK(peer_read_line(peer, line, sizeof line));
    CHECK_EQ_U64(QUIET_LAPS, strtoull(line, NULL, 10));
    CHECK_EXITED(peer, 0);
    CHECK_OK(renoir_node_reap(NULL, NULL));
}

// --- threads and signals -------------------------------------------------------------------------

typedef struct Share {
    RenoirNotifierHandle notifier;
    uint64_t total;
} Share;

static void *take_until_quiet(void *argument)
{
    Share *const share = argument;
    uint64_t count = 0;
    while (renoir_notifier_wait(share->notifier, RENOIR_MILLISECONDS(300), &count) ==
           RENOIR_SUCCESS) {
        share->total += count;
    }
    return NULL;
}

TEST(notifier, threads_of_one_handle_share_each_notification, "R-121 T-049 concurrent_stress tsan")
{
    enum { THREADS = 4 };
    RenoirRegionHandle region = join_region();
    RenoirNotifierHandle notifier = open_batched(region, 0, 0);
    Share shares[THREADS];
    pthread_t threads[THREADS];
    uint64_t total = 0;
    for (int i = 0; i < THREADS; ++i) {
        shares[i] = (Share){.notifier = notifier};
        REQUIRE(pthread_create(&threads[i], NULL, take_until_quiet, &shares[i]) == 0);
    }
    for (int i = 0; i < 2000; ++i) {
        REQUIRE_OK(renoir_notifier_notify(notifier));
        if (i % 100 == 0) {
            test_sleep_ms(1); // they lie down
        }
    }
    for (int i = 0; i < THREADS; ++i) {
        REQUIRE(pthread_join(threads[i], NULL) == 0);
        total += shares[i].total;
    }
    CHECK_EQ_U64(2000, total);
    renoir_notifier_close(notifier);
    renoir_region_close(region);
}

static RenoirNotifierHandle in_handler;

static void notify_in_handler(int number)
{
    (void)number;
    (void)renoir_notifier_notify(in_handler);
}

TEST(notifier, a_signal_handler_may_notify, "R-121 reliability")
{
    struct sigaction action = {.sa_handler = notify_in_handler};
    struct itimerval timer = {.it_value = {.tv_usec = 20000}};
    RenoirRegionHandle region = join_region();
    uint64_t count = 0;
    in_handler = open_batched(region, 0, 0);
    REQUIRE(sigaction(SIGALRM, &action, NULL) == 0);
    REQUIRE(setitimer(ITIMER_REAL, &timer, NULL) == 0);
    CHECK_OK(renoir_notifier_wait(in_handler, RENOIR_WAIT_FOREVER, &count));
    CHECK_EQ_U64(1, count);
    renoir_notifier_close(in_handler);
    renoir_region_close(region);
}

TEST(notifier, signals_do_not_cut_a_wait_short, "R-121 T-060 real_time")
{
    struct sigaction action = {.sa_handler = SIG_IGN};
    struct itimerval timer = {.it_value = {.tv_usec = 500}, .it_interval = {.tv_usec = 500}};
    RenoirRegionHandle region = join_region();
    RenoirNotifierHandle notifier = open_batched(region, 0, 0);
    uint64_t count = 0;
    action.sa_handler = notify_in_handler;
    in_handler = NULL; // refused: the handler does nothing but interrupt
    REQUIRE(sigaction(SIGALRM, &action, NULL) == 0);
    REQUIRE(setitimer(ITIMER_REAL, &timer, NULL) == 0);
    const uint64_t begin = test_now_ns();
    CHECK_STATUS(RENOIR_TIMEOUT, renoir_notifier_wait(notifier, RENOIR_MILLISECONDS(60), &count));
    CHECK(test_now_ns() - begin >= RENOIR_MILLISECONDS(60));
    memset(&timer, 0, sizeof timer);
    REQUIRE(setitimer(ITIMER_REAL, &timer, NULL) == 0);
    renoir_notifier_close(notifier);
    renoir_region_close(region);
}

// --- what is refused -----------------------------------------------------------------------------

TEST(notifier, other_terms_are_refused, "R-121 T-014 security_edge")
{
    RenoirRegionHandle region = join_region();
    RenoirNotifierHandle notifier = open_batched(region, 10, 5);
    RenoirNotifierOptions options = renoir_notifier_options_default();
    RenoirNotifierHandle other = (RenoirNotifierHandle)(void *)&options;
    options.every_count = 11;
    options.every_ns = 5;
    CHECK_STATUS(RENOIR_EXISTS, renoir_notifier_open(region, "n", &options, &other));
    CHECK(other == NULL);
    CHECK_STR_CONTAINS("11", renoir_last_error_message());
    options.every_count = 10;
    options.every_ns = 6;
    CHECK_STATUS(RENOIR_EXISTS, renoir_notifier_open(region, "n", &options, &other));
    options.flags = 1;
    CHECK_STATUS(RENOIR_UNSUPPORTED, renoir_notifier_open(region, "n", &options, &other));
    CHECK_STATUS(RENOIR_EXISTS, renoir_notifier_open(region, "n", NULL, &other));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_notifier_open(region, NULL, NULL, &other));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_notifier_open(NULL, "n", NULL, &other));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_notifier_open(region, "n", NULL, NULL));
    renoir_notifier_close(notifier);
    renoir_region_close(region);
}

TEST(notifier, wrong_handles_are_refused, "R-121 T-086 security_edge")
{
    uint64_t count = 99;
    uint64_t none[16] = {0};
    RenoirNotifierStats stats;
    RenoirNotifierHandle wrong = (RenoirNotifierHandle)(void *)none;
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_notifier_notify(NULL));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_notifier_notify(wrong));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_notifier_wait(wrong, RENOIR_NO_WAIT, &count));
    CHECK_EQ_U64(0, count);
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_notifier_wait(wrong, RENOIR_NO_WAIT, NULL));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_notifier_set_enabled(NULL, 1));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_notifier_stats(NULL, &stats));
    CHECK(renoir_notifier_waitable(NULL) == NULL);
    CHECK(renoir_notifier_waitable(wrong) == NULL);
    renoir_notifier_close(NULL);
    renoir_notifier_close(wrong);
}

TEST(notifier, a_region_for_reading_only_is_refused, "R-121 security_edge")
{
    RenoirRegionHandle region = join_region();
    RenoirRegionOptions options = renoir_region_options_default();
    RenoirRegionConfig config = renoir_region_config_default();
    RenoirRegionHandle reader = NULL;
    RenoirNotifierHandle notifier = NULL;
    config.name = "events";
    config.size = 1 << 20;
    options.flags = RENOIR_REGION_READ_ONLY;
    REQUIRE_OK(renoir_region_create_with(NULL, &config, &options, &reader));
    CHECK_STATUS(RENOIR_PERMISSION_DENIED, renoir_notifier_open(reader, "n", NULL, &notifier));
    renoir_region_close(reader);
    renoir_region_close(region);
}

TEST(notifier, a_count_that_went_back_is_found, "R-121 security_edge")
{
    RenoirRegionHandle region = join_region();
    RenoirNotifierHandle notifier = open_batched(region, 0, 0);
    RnrNotifierShm *const shm = shm_in(region);
    uint64_t count = 0;
    notify_times(notifier, 5);
    CHECK_OK(renoir_notifier_wait(notifier, RENOIR_NO_WAIT, &count));
    rnr_store_relaxed_u64(&shm->count, 3);
    CHECK_STATUS(RENOIR_CORRUPTED, renoir_notifier_wait(notifier, RENOIR_NO_WAIT, &count));
    CHECK_EQ_U64(0, count);
    CHECK_STATUS(RENOIR_CORRUPTED, renoir_notifier_wait(notifier, RENOIR_WAIT_FOREVER, &count));
    CHECK_STR_CONTAINS("overwritten", renoir_last_error_message());
    renoir_notifier_close(notifier);
    renoir_region_close(region);
}

TEST(notifier, scribbled_hints_delay_nobody_for_ever, "R-121 T-012 security_edge")
{
    RenoirRegionHandle region = join_region();
    RenoirNotifierHandle notifier = open_batched(region, 1000, RENOIR_MILLISECONDS(5));
    RnrNotifierShm *const shm = shm_in(region);
    uint64_t count = 0;
    for (int round = 0; round < 20; ++round) {
        notify_times(notifier, 3);
        for (unsigned i = 0; i < RNR_NOTIFIER_TIMES; ++i) {
            rnr_store_relaxed_u64(&shm->times[i], test_random_u64());
        }
        for (unsigned i = 0; i < RNR_NOTIFIER_ADDRESSES; ++i) {
            rnr_store_relaxed_u64(&shm->addresses[i], test_random_u64());
        }
        rnr_store_relaxed_u64(&shm->announced, test_random_u64());
        rnr_store_relaxed_u32(&shm->sleepers, (uint32_t)test_random_u64());
        rnr_store_relaxed_u32(&shm->bells[0], (uint32_t)test_random_u64());
        CHECK_OK(renoir_notifier_wait(notifier, RENOIR_WAIT_FOREVER, &count));
        CHECK_EQ_U64(3, count);
    }
    shm->every_count = 0; // its own terms were read once
    notify_times(notifier, 1);
    CHECK_OK(renoir_notifier_wait(notifier, RENOIR_WAIT_FOREVER, &count));
    RenoirNotifierHandle other = NULL;
    CHECK_STATUS(RENOIR_CORRUPTED, renoir_notifier_open(region, "n", NULL, &other));
    CHECK_STATUS(RENOIR_CORRUPTED, renoir_region_verify(region, NULL, 0));
    renoir_notifier_close(notifier);
    renoir_region_close(region);
}

TEST(notifier, a_handle_does_not_survive_fork, "R-121 reliability")
{
    RenoirRegionHandle region = join_region();
    RenoirNotifierHandle notifier = open_batched(region, 0, 0);
    uint64_t count = 0;
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        const bool ok =
            renoir_notifier_notify(notifier) == RENOIR_INVALID_STATE &&
            renoir_notifier_wait(notifier, RENOIR_NO_WAIT, &count) == RENOIR_INVALID_STATE &&
            renoir_notifier_waitable(notifier) == NULL;
        renoir_notifier_close(notifier);
        _exit(ok ? 0 : 1);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK_OK(renoir_notifier_notify(notifier));
    CHECK_OK(renoir_notifier_wait(notifier, RENOIR_NO_WAIT, &count));
    CHECK_EQ_U64(1, count);
    renoir_notifier_close(notifier);
    renoir_region_close(region);
}

TEST(notifier, it_goes_with_the_region_or_by_name, "R-121 reliability")
{
    RenoirRegionHandle region = join_region();
    RenoirNotifierHandle notifier = open_batched(region, 7, 0);
    CHECK_STATUS(RENOIR_INVALID_STATE, renoir_region_remove_object(region, "n"));
    renoir_notifier_close(notifier);
    CHECK_OK(renoir_region_remove_object(region, "n"));
    notifier = open_batched(region, 8, 0); // other terms: it is a new one
    CHECK_EQ_U64(0, stats_of(notifier).notifications);
    renoir_notifier_close(notifier);
    renoir_region_close(region);
}
