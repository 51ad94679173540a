// SPDX-License-Identifier: MIT OR Apache-2.0

#include "platform/park.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness/test.h"
#include "platform/clock.h"

// A page with words, shared by name between the test and its peers. The mapping is the caller's.
static RnrAtomicU32 *map_words(const char *path, int protection)
{
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    REQUIRE(fd >= 0);
    REQUIRE(ftruncate(fd, 4096) == 0);
    void *page = mmap(NULL, 4096, protection, MAP_SHARED, fd, 0);
    REQUIRE(page != MAP_FAILED);
    close(fd);
    return page;
}

static void unmap_words(RnrAtomicU32 *words, const char *path)
{
    munmap(words, 4096);
    unlink(path);
}

// Word 0: what is waited for. Word 1: the sleeper has come this far.
PEER(sleeper_that_only_reads)
{
    const RnrAtomicU32 *words = map_words(peer_arg(0), PROT_READ);

    peer_say("ready");
    while (rnr_load_acquire_u32(&words[0]) == 0) {
        CHECK_OK(rnr_park_wait(&words[0], 0, UINT64_MAX));
    }
    CHECK_EQ_U64(1, rnr_load_acquire_u32(&words[0]));
}

TEST(park, a_word_that_has_changed_does_not_put_to_sleep, "R-236 sync_pattern")
{
    const char *path = test_root_path("words");
    RnrAtomicU32 *words = map_words(path, PROT_READ | PROT_WRITE);

    CHECK_OK(rnr_park_wait(&words[0], 1, UINT64_MAX));

    unmap_words(words, path);
}

TEST(park, a_deadline_ends_the_sleep_and_not_before, "R-236 sync_pattern real_time")
{
    const char *path = test_root_path("words");
    RnrAtomicU32 *words = map_words(path, PROT_READ | PROT_WRITE);
    const uint64_t deadline = rnr_clock_now_ns() + 30000000;

    RenoirErrorCode status = RENOIR_SUCCESS;
    while (status == RENOIR_SUCCESS) { // it may return early for no reason
        status = rnr_park_wait(&words[0], 0, deadline);
    }

    CHECK_STATUS(RENOIR_TIMEOUT, status);
    CHECK(rnr_clock_now_ns() >= deadline);
    CHECK_STATUS(RENOIR_TIMEOUT, rnr_park_wait(&words[0], 0, 0));
    CHECK_STATUS(RENOIR_TIMEOUT, rnr_park_wait(&words[0], 0, 1));
    unmap_words(words, path);
}

TEST(park,
     another_process_wakes_a_sleeper_whose_mapping_is_read_only,
     "R-236 sync_pattern communication")
{
    const char *path = test_root_path("words");
    RnrAtomicU32 *words = map_words(path, PROT_READ | PROT_WRITE);
    const TestPeer peer = peer_start(sleeper_that_only_reads, path);
    CHECK(peer_expect(peer, "ready"));
    test_sleep_ms(20); // so that it sleeps, as a rule; awake it ends too

    rnr_store_release_u32(&words[0], 1);
    rnr_park_wake(&words[0], 1);

    CHECK_EXITED(peer, 0);
    unmap_words(words, path);
}

TEST(park, all_sleepers_are_woken_at_once, "R-236 sync_pattern communication")
{
    enum { SLEEPERS = 4 };
    const char *path = test_root_path("words");
    RnrAtomicU32 *words = map_words(path, PROT_READ | PROT_WRITE);
    TestPeer peers[SLEEPERS];
    for (int i = 0; i < SLEEPERS; ++i) {
        peers[i] = peer_start(sleeper_that_only_reads, path);
        CHECK(peer_expect(peers[i], "ready"));
    }
    test_sleep_ms(20);

    rnr_store_release_u32(&words[0], 1);
    rnr_park_wake(&words[0], UINT32_MAX);

    for (int i = 0; i < SLEEPERS; ++i) {
        CHECK_EXITED(peers[i], 0);
    }
    unmap_words(words, path);
}

TEST(park, waking_nobody_does_nothing, "R-236 sync_pattern")
{
    const char *path = test_root_path("words");
    RnrAtomicU32 *words = map_words(path, PROT_READ);

    rnr_park_wake(&words[0], UINT32_MAX);
    rnr_park_wake(&words[0], 0);

    CHECK_EQ_U64(0, rnr_load_relaxed_u32(&words[0]));
    unmap_words(words, path);
}

TEST(park, a_word_whose_page_is_gone_is_corrupted, "R-236 security_edge")
{
    const char *path = test_root_path("words");
    RnrAtomicU32 *words = map_words(path, PROT_READ | PROT_WRITE);
    REQUIRE(truncate(path, 0) == 0);

    CHECK_STATUS(RENOIR_CORRUPTED, rnr_park_wait(&words[0], 0, UINT64_MAX));
    rnr_park_wake(&words[0], 1);

    unmap_words(words, path);
}

static volatile sig_atomic_t alarms;

static void on_alarm(int signal_number)
{
    (void)signal_number;
    ++alarms;
}

TEST(park, a_signal_at_most_ends_a_sleep_early, "R-236 sync_pattern")
{
    const char *path = test_root_path("words");
    RnrAtomicU32 *words = map_words(path, PROT_READ | PROT_WRITE);
    REQUIRE(signal(SIGALRM, on_alarm) != SIG_ERR);
    const uint64_t deadline = rnr_clock_now_ns() + 10000000000u;

    ualarm(20000, 0);
    while (alarms == 0) {
        CHECK_OK(rnr_park_wait(&words[0], 0, deadline));
    }

    CHECK_EQ_I64(1, alarms);
    unmap_words(words, path);
}
