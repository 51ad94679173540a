// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Tests that the runner must not let pass. Only harness_test.c runs them.

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/test.h"

static noreturn void sleep_for_ever(void)
{
    for (;;) {
        test_sleep_ms(1000);
    }
}

static void *sleep_in_a_thread(void *unused)
{
    (void)unused;
    sleep_for_ever();
}

PEER(wrong)
{
    CHECK(peer_arg_count() == 77);
}

PEER(wrong_and_killed)
{
    CHECK(peer_arg_count() == 77);
    raise(SIGKILL);
}

PEER(sleeper)
{
    sleep_for_ever();
}

TEST(failing, a_check_does_not_hold, "harness")
{
    CHECK_EQ_U64(3, strlen("four"));
}

TEST(failing, no_check_is_reached, "harness")
{
    test_sleep_ms(1);
}

TEST(failing, it_ends_at_a_requirement, "harness")
{
    REQUIRE(test_root() == NULL);
    FAIL("went on");
}

TEST(failing, a_descriptor_stays_open, "harness")
{
    CHECK(open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0);
}

TEST(failing, a_mapping_stays, "harness")
{
    const int descriptor = open(test_root_path("mapped"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    REQUIRE(ftruncate(descriptor, 4096) == 0);
    CHECK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, descriptor, 0) != MAP_FAILED);
    REQUIRE(unlink(test_root_path("mapped")) == 0);
    close(descriptor);
}

TEST(failing, a_file_stays_in_the_root, "harness")
{
    REQUIRE(mkdir(test_root_path("folder"), 0700) == 0);
    const int descriptor = open(test_root_path("folder/file"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK(close(descriptor) == 0);
}

TEST(failing, a_thread_stays, "harness")
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, sleep_in_a_thread, NULL) == 0);
}

TEST(failing, a_child_is_not_waited_for, "harness")
{
    const pid_t pid = fork();
    if (pid == 0) {
        _exit(0);
    }
    CHECK(pid > 0);
    siginfo_t info;
    REQUIRE(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0);
}

TEST(failing, a_process_outlives_it, "harness")
{
    const pid_t pid = fork();
    if (pid == 0) {
        setsid();
        if (fork() == 0) {
            sleep_for_ever();
        }
        _exit(0);
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid);
}

TEST(failing, a_check_of_its_peer_does_not_hold, "harness")
{
    (void)peer_run(wrong);
}

TEST(failing, a_check_of_a_peer_that_is_killed_then_does_not_hold, "harness")
{
    CHECK_KILLED(peer_run(wrong_and_killed));
}

TEST(failing, a_peer_is_killed_instead_of_ending, "harness")
{
    const TestPeer peer = peer_start(sleeper);
    (void)peer_kill(peer, SIGKILL);
    CHECK_EXITED(peer, 0);
}

TEST(failing, it_aborts, "harness")
{
    CHECK(true);
    abort();
}

TEST_WITHIN(failing, it_never_ends, "harness", 1)
{
    const TestPeer peer = peer_start(sleeper);
    CHECK(peer_is_running(peer));
    sleep_for_ever();
}

TEST(failing, it_is_skipped, "harness")
{
    SKIP("there is nothing to test");
}

TEST(failing, it_allows_what_it_leaves, "harness")
{
    test_allow_leftovers();
    test_allow_open();
    CHECK(open(test_root_path("file"), O_RDWR | O_CREAT | O_CLOEXEC, 0600) >= 0);
}
