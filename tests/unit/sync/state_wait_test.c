// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Waiting for a newer version; and what writing and reading do not do: enter the kernel, allocate.

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "unit/sync/state_fixture.h"

TEST(state_wait, the_answer_is_at_hand_when_there_is_a_newer_one, "R-115 V-009")
{
    RenoirRegionHandle region = join_states();
    RenoirStateHandle state = make_state(region, 64);
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, renoir_state_wait(state, 0, RENOIR_NO_WAIT));
    write_value(state, 8, 1);
    CHECK_OK(renoir_state_wait(state, 0, RENOIR_NO_WAIT));
    CHECK_OK(renoir_state_wait(state, 0, RENOIR_WAIT_FOREVER));
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, renoir_state_wait(state, 1, RENOIR_NO_WAIT));
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, renoir_state_wait(state, UINT64_MAX, RENOIR_NO_WAIT));
    CHECK_OK(renoir_state_wait(state, 0, RENOIR_NO_WAIT));
    renoir_state_close(state);
    renoir_region_close(region);
}

static void wait_for_nothing(RenoirStateHandle reader, unsigned milliseconds)
{
    const uint64_t begin = test_now_ns();
    CHECK_STATUS(RENOIR_TIMEOUT, renoir_state_wait(reader, 0, RENOIR_MILLISECONDS(milliseconds)));
    CHECK(test_now_ns() - begin >= RENOIR_MILLISECONDS(milliseconds));
}

static void ignore(int signal_number)
{
    (void)signal_number;
}

TEST(state_wait, a_timeout_never_comes_early_not_even_in_a_storm_of_signals, "V-009 T-012 T-060")
{
    const struct sigaction action = {.sa_handler = ignore};
    const struct itimerval storm = {.it_interval = {0, 100}, .it_value = {0, 100}};
    const struct itimerval calm = {.it_value = {0, 0}};
    RenoirRegionHandle region = join_states();
    RenoirStateHandle writer = make_state(region, 64);
    RenoirStateHandle reader = open_state(region);
    wait_for_nothing(reader, 1);
    wait_for_nothing(reader, 83);
    REQUIRE(sigaction(SIGALRM, &action, NULL) == 0);
    REQUIRE(setitimer(ITIMER_REAL, &storm, NULL) == 0);
    wait_for_nothing(reader, 300);
    REQUIRE(setitimer(ITIMER_REAL, &calm, NULL) == 0);
    renoir_state_close(reader);
    renoir_state_close(writer);
    renoir_region_close(region);
}

TEST(state_wait, an_idle_reader_sleeps_and_looks_a_few_times_a_second, "R-004 V-009 T-114")
{
    RenoirRegionHandle region = join_states();
    RenoirStateHandle writer = make_state(region, 64);
    RenoirStateHandle reader = open_state(region);
    struct rusage before;
    struct rusage after;
    REQUIRE(getrusage(RUSAGE_THREAD, &before) == 0);
    CHECK_STATUS(RENOIR_TIMEOUT, renoir_state_wait(reader, 0, RENOIR_SECONDS(1)));
    // slices of 5, 10, 20, 40, then 50 ms: 23 of them; twice that for what the system does unasked
    REQUIRE(getrusage(RUSAGE_THREAD, &after) == 0);
    CHECK(after.ru_nvcsw - before.ru_nvcsw <= 46);
    renoir_state_close(reader);
    renoir_state_close(writer);
    renoir_region_close(region);
}

// Does, when told, what the line says.
PEER(state_writer)
{
    char line[32];
    RenoirRegionHandle region = join_states();
    RenoirStateHandle state = make_state(region, 64);
    uint64_t number = 0;
    peer_say("ready");
    while (peer_hear(line, sizeof line) && strcmp(line, "close") != 0) {
        test_sleep_ms(10);
        write_value(state, 64, ++number);
    }
    renoir_state_close(state);
    renoir_region_close(region);
}

// Waits for each version, forever, and says what it got.
PEER(state_reader)
{
    RenoirRegionHandle region = join_states();
    RenoirRegionHandle mine = peer_arg_u64(0) != 0 ? join_states_read_only() : region;
    RenoirStateHandle state = open_state(mine);
    uint64_t version = 0;
    RenoirErrorCode status = RENOIR_SUCCESS;
    peer_say("ready");
    while (status == RENOIR_SUCCESS) {
        unsigned char bytes[64];
        size_t length = 0;
        status = renoir_state_wait(state, version, RENOIR_WAIT_FOREVER);
        if (status == RENOIR_SUCCESS) {
            REQUIRE_OK(renoir_state_read(state, bytes, sizeof bytes, &length, &version));
            REQUIRE(length == 64 && value_holds(bytes, length, version));
            peer_say("%llu", (unsigned long long)version);
        }
    }
    CHECK_STATUS(RENOIR_DISCONNECTED, status);
    CHECK_STR_CONTAINS("its writer is gone", renoir_last_error_message());
    peer_say("gone");
    renoir_state_close(state);
    if (mine != region) {
        renoir_region_close(mine);
    }
    renoir_region_close(region);
}

static void all_wake(const char *is_read_only)
{
    enum { READERS = 3 };
    RenoirRegionHandle region = join_states();
    RenoirStateHandle state = make_state(region, 64);
    TestPeer peers[READERS];
    for (int i = 0; i < READERS; ++i) {
        peers[i] = peer_start(state_reader, is_read_only);
        REQUIRE(peer_expect(peers[i], "ready"));
    }
    for (uint64_t number = 1; number <= 5; ++number) {
        char line[32];
        snprintf(line, sizeof line, "%llu", (unsigned long long)number);
        test_sleep_ms(20); // they lie down
        write_value(state, 64, number);
        for (int i = 0; i < READERS; ++i) {
            CHECK(peer_expect(peers[i], line));
        }
    }
    renoir_state_close(state);
    for (int i = 0; i < READERS; ++i) {
        CHECK(peer_expect(peers[i], "gone"));
        CHECK_EXITED(peers[i], 0);
    }
    renoir_region_close(region);
}

TEST(state_wait, every_sleeping_reader_wakes_and_learns_that_the_writer_left, "V-009 T-061 R-115")
{
    all_wake("0");
}

TEST(state_wait, readers_that_may_only_read_wake_too, "V-009 T-061 R-115")
{
    all_wake("1");
}

TEST(state_wait, a_stopped_writer_is_alive_and_a_killed_one_is_gone, "V-009 reliability")
{
    RenoirRegionHandle region = join_states();
    const TestPeer peer = peer_start(state_writer);
    REQUIRE(peer_expect(peer, "ready"));
    RenoirStateHandle reader = open_state(region);
    peer_send_line(peer, "write");
    CHECK_OK(renoir_state_wait(reader, 0, RENOIR_WAIT_FOREVER));
    peer_signal(peer, SIGSTOP);
    CHECK_STATUS(RENOIR_TIMEOUT, renoir_state_wait(reader, 1, RENOIR_MILLISECONDS(150)));
    CHECK_KILLED(peer_kill(peer, SIGKILL));
    CHECK_STATUS(RENOIR_DISCONNECTED, renoir_state_wait(reader, 1, RENOIR_WAIT_FOREVER));
    CHECK_OK(renoir_state_wait(reader, 0, RENOIR_WAIT_FOREVER)); // what there is comes first
    check_value(reader, 64, 1);
    RenoirStateHandle writer = make_state(region, 64);
    CHECK_STATUS(RENOIR_TIMEOUT, renoir_state_wait(reader, 1, RENOIR_MILLISECONDS(5)));
    write_value(writer, 64, 2);
    CHECK_OK(renoir_state_wait(reader, 1, RENOIR_WAIT_FOREVER));
    renoir_state_close(writer);
    renoir_state_close(reader);
    leave_states_and_reap(region);
}

TEST(state_wait, a_state_whose_maker_has_not_become_its_writer_yet_is_waited_for, "V-009 V-007")
{
    RenoirRegionHandle region = join_states();
    RenoirStateHandle writer = make_state(region, 64);
    RenoirStateHandle reader = open_state(region);
    renoir_state_close(writer);
    // as between the two steps of a creation
    rnr_store_release_u64(&state_shm(reader)->presence, RNR_STATE_NEVER_CAME);
    CHECK_STATUS(RENOIR_TIMEOUT, renoir_state_wait(reader, 0, RENOIR_MILLISECONDS(20)));
    rnr_store_release_u64(&state_shm(reader)->presence, RNR_STATE_CAME);
    CHECK_STATUS(RENOIR_DISCONNECTED, renoir_state_wait(reader, 0, RENOIR_WAIT_FOREVER));
    renoir_state_close(reader);
    renoir_region_close(region);
}

// A writer that no barrier reaches; the point is armed before it opens.
PEER(fencing_writer)
{
    char line[32];
    rnr_fault_arm_errno("membarrier", 38, 1);
    RenoirRegionHandle region = join_states();
    RenoirStateHandle state = make_state(region, 64);
    CHECK(state->is_fencing);
    CHECK(rnr_state_writer_fences(state));
    peer_say("ready");
    REQUIRE(peer_hear(line, sizeof line));
    test_sleep_ms(30);
    write_value(state, 64, 1);
    peer_pause();
    renoir_state_close(state);
    renoir_region_close(region);
}

TEST(state_wait, a_writer_that_no_barrier_reaches_fences_itself, "V-009 T-061 sync_pattern")
{
    RenoirRegionHandle region = join_states();
    const TestPeer peer = peer_start(fencing_writer);
    REQUIRE(peer_expect(peer, "ready"));
    RenoirStateHandle reader = open_state(region);
    CHECK(rnr_state_writer_fences(reader));
    peer_send_line(peer, "go");
    CHECK_OK(renoir_state_wait(reader, 0, RENOIR_WAIT_FOREVER));
    check_value(reader, 64, 1);
    peer_send_line(peer, "end");
    CHECK_EXITED(peer, 0);
    renoir_state_close(reader);
    renoir_region_close(region);
}

TEST(state_wait, the_writer_rings_once_and_only_if_somebody_announced_itself, "V-009 sync_pattern")
{
    RenoirRegionHandle region = join_states();
    RenoirStateHandle state = make_state(region, 64);
    RnrStateShm *const shm = state_shm(state);
    const uint32_t before = rnr_load_acquire_u32(&shm->bell);
    write_value(state, 64, 1);
    CHECK_EQ_U64(before, rnr_load_acquire_u32(&shm->bell));
    (void)rnr_fetch_or_seq_cst_u32(&shm->sleepers, RNR_STATE_READER_SLEEPS);
    write_value(state, 64, 2);
    write_value(state, 64, 3);
    CHECK_EQ_U64(before + 1, rnr_load_acquire_u32(&shm->bell));
    CHECK_EQ_U64(0, rnr_load_acquire_u32(&shm->sleepers));
    renoir_state_close(state);
    renoir_region_close(region);
}

// --- the hot path --------------------------------------------------------------------------------

enum { STRICT_MODE = 1, LAPS = 100000 }; // SECCOMP_MODE_STRICT of <linux/seccomp.h>

// In strict mode the kernel kills a process at any system call but read, write and exit.
PEER(states_without_system_calls)
{
    RenoirRegionHandle region = join_states();
    RenoirStateHandle writer = make_state(region, 4096);
    RenoirStateHandle reader = open_state(region);
    static unsigned char bytes[4096];
    uint64_t count = 0;
    REQUIRE(prctl(PR_SET_SECCOMP, STRICT_MODE, 0, 0, 0) == 0);
    for (uint64_t lap = 1; lap <= LAPS; ++lap) {
        const void *data = NULL;
        size_t length = 0;
        uint64_t version = 0;
        const size_t wanted = (size_t)(lap % 4097);
        value_fill(bytes, wanted, lap);
        bool ok = renoir_state_write(writer, bytes, wanted) == RENOIR_SUCCESS;
        ok = ok && renoir_state_wait(reader, lap - 1, RENOIR_WAIT_FOREVER) == RENOIR_SUCCESS;
        ok = ok && renoir_state_wait(reader, lap, RENOIR_NO_WAIT) == RENOIR_BUFFER_EMPTY;
        ok = ok && renoir_state_peek(reader, &data, &length, &version) == RENOIR_SUCCESS;
        ok = ok && length == wanted && version == lap && value_holds(data, length, lap);
        ok = ok && renoir_state_validate(reader, version) == RENOIR_SUCCESS;
        ok = ok && renoir_state_read(reader, bytes, 4096, &length, NULL) == RENOIR_SUCCESS;
        count += ok;
    }
    const bool said = peer_say("%llu", (unsigned long long)count);
    for (;;) {
        (void)syscall(SYS_exit, said ? 0 : 1);
    }
}

TEST(state_wait, values_move_without_a_system_call, "R-002 R-115 V-006 V-008")
{
    if (test_is_emulated()) {
        SKIP("the emulator has no seccomp");
    }
#if defined(__SANITIZE_ADDRESS__) || RNR_TSAN
    SKIP("the sanitizer's runtime enters the kernel");
#endif
    char line[64];
    const TestPeer peer = peer_start(states_without_system_calls);
    CHECK(peer_read_line(peer, line, sizeof line));
    CHECK_EQ_U64(LAPS, strtoull(line, NULL, 10));
    CHECK_EXITED(peer, 0);
    CHECK_OK(renoir_node_reap(NULL, NULL));
}

TEST(state_wait, writing_and_reading_allocate_nothing, "R-002 R-115")
{
    RenoirRegionHandle region = join_states();
    RenoirStateHandle state = make_state(region, 64);
    RenoirMemoryStats before;
    RenoirMemoryStats after;
    REQUIRE_OK(renoir_memory_stats(&before));
    for (uint64_t i = 1; i <= 10000; ++i) {
        write_value(state, 64, i);
        check_value(state, 64, i);
    }
    REQUIRE_OK(renoir_memory_stats(&after));
    CHECK_EQ_U64(before.allocation_count, after.allocation_count);
    renoir_state_close(state);
    renoir_region_close(region);
}
