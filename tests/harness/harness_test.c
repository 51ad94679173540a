// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The runner catches what it promises to catch: each test here runs one of failing.c.

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/test.h"

static char output[65536];

// Runs one test of harness_failing, which lies beside this executable; its exit code.
static int run(const char *name)
{
    char path[1024];
    const ssize_t length = readlink("/proc/self/exe", path, sizeof path - 64);
    REQUIRE(length > 0);
    path[length] = '\0';
    strcpy(strrchr(path, '/'), "/harness_failing");

    int ends[2];
    REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    const pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDERR_FILENO);
        // Sanitizers report what the test does on purpose; only the runner's verdict counts here.
        setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
        test_exec(path, (const char *const[]){path, "--run", name, NULL});
        _exit(99);
    }
    close(ends[1]);
    size_t filled = 0;
    ssize_t got;
    while ((got = read(ends[0], output + filled, sizeof output - 1 - filled)) > 0) {
        filled += (size_t)got;
    }
    output[filled] = '\0';
    close(ends[0]);
    int status = 0;
    REQUIRE(waitpid(pid, &status, 0) == pid);
    REQUIRE(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void check_fails(const char *name, const char *reason)
{
    CHECK_EQ_I64(1, run(name));
    CHECK_STR_CONTAINS(reason, output);
}

TEST(harness, a_failed_check_fails_the_test_and_shows_both_values, "harness")
{
    check_fails("failing.a_check_does_not_hold", "strlen(\"four\") is 4, expected 3");
}

TEST(harness, a_test_without_a_check_fails, "harness")
{
    check_fails("failing.no_check_is_reached", "reached no check");
}

TEST(harness, a_failed_requirement_ends_the_test, "harness")
{
    check_fails("failing.it_ends_at_a_requirement", "test_root() == NULL");
    CHECK(strstr(output, "went on") == NULL);
}

TEST(harness, a_descriptor_left_open_fails_the_test, "harness")
{
    check_fails("failing.a_descriptor_stays_open", "an open descriptor: /dev/null");
}

TEST(harness, a_shared_mapping_left_fails_the_test, "harness")
{
    check_fails("failing.a_mapping_stays", "a shared mapping:");
}

TEST(harness, a_file_left_below_the_root_fails_the_test, "harness")
{
    check_fails("failing.a_file_stays_in_the_root", "a file below its root:");
}

TEST(harness, a_thread_left_fails_the_test, "harness")
{
    check_fails("failing.a_thread_stays", "threads: 1 more");
}

TEST(harness, a_child_that_nobody_waited_for_fails_the_test, "harness")
{
    check_fails("failing.a_child_is_not_waited_for", "nobody waited for it");
}

TEST(harness, a_process_that_outlives_the_test_fails_it_and_is_killed, "harness")
{
    if (test_is_emulated()) {
        SKIP("the emulator has no subreapers");
    }
    check_fails("failing.a_process_outlives_it", "a running process");
}

TEST(harness, a_failed_check_of_a_peer_fails_the_test, "harness")
{
    check_fails("failing.a_check_of_its_peer_does_not_hold", "wrong: expected:");
}

TEST(harness, a_failed_check_counts_even_if_the_peer_is_killed_afterwards, "harness")
{
    check_fails("failing.a_check_of_a_peer_that_is_killed_then_does_not_hold", "wrong_and_killed:");
}

TEST(harness, a_killed_peer_is_not_taken_for_one_that_ended, "harness")
{
    check_fails("failing.a_peer_is_killed_instead_of_ending", "was killed by signal 9");
}

TEST(harness, an_abort_fails_the_test_and_names_the_last_check, "harness")
{
    check_fails("failing.it_aborts", "killed by signal 6");
    CHECK_STR_CONTAINS("harness/failing.c:", output);
}

TEST(harness, the_watchdog_ends_a_test_and_says_where_its_processes_stood, "harness")
{
    check_fails("failing.it_never_ends", "still running after");
    CHECK_STR_CONTAINS("wchan", output);
}

TEST(harness, a_skipped_test_says_why, "harness")
{
    CHECK_EQ_I64(77, run("failing.it_is_skipped"));
    CHECK_STR_CONTAINS("there is nothing to test", output);
}

TEST(harness, what_a_test_allows_itself_to_leave_does_not_fail_it, "harness")
{
    CHECK_EQ_I64(0, run("failing.it_allows_what_it_leaves"));
}

TEST(harness, an_unknown_test_is_wrong_use, "harness")
{
    CHECK_EQ_I64(2, run("failing.there_is_no_such_test"));
}

PEER(echo)
{
    char line[64];
    peer_say("%s of %u", peer_arg(1), peer_arg_count());
    while (peer_hear(line, sizeof line)) {
        peer_say("%s", line);
    }
}

TEST(harness, a_peer_gets_its_arguments_and_answers_line_by_line, "harness")
{
    const TestPeer peer = peer_start(echo, "first", "second argument");

    CHECK(peer_expect(peer, "second argument of 2"));
    CHECK(peer_send_line(peer, "a"));
    CHECK(peer_send_line(peer, "b c"));
    CHECK(peer_expect(peer, "a"));
    CHECK(peer_expect(peer, "b c"));

    CHECK_EXITED(peer, 0);
}

TEST(harness, many_peers_run_at_once_and_each_slot_serves_again, "harness")
{
    for (unsigned round = 0; round < 3; ++round) {
        TestPeer peers[16];
        for (unsigned i = 0; i < 16; ++i) {
            peers[i] = peer_start(echo);
        }
        for (unsigned i = 0; i < 16; ++i) {
            CHECK(peer_expect(peers[i], " of 0"));
            CHECK_KILLED(peer_kill(peers[i], SIGKILL));
        }
    }
}
