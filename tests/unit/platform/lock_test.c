// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Locks for life, asked about from other processes.

#include "platform/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault.h"
#include "harness/test.h"

static const char *make_file(void)
{
    const char *path = test_root_path("file");
    const int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    REQUIRE(fd >= 0);
    REQUIRE(ftruncate(fd, 4096) == 0);
    close(fd);
    return path;
}

static int open_file(const char *path, int flags)
{
    const int fd = open(path, flags | O_CLOEXEC);
    REQUIRE(fd >= 0);
    return fd;
}

static RnrLock take(const char *path, uint64_t byte, bool is_exclusive)
{
    const int fd = open_file(path, O_RDWR);
    const RnrLockByte bytes = {.byte = byte, .is_exclusive = is_exclusive};
    RnrLock lock = {NULL, 0};
    REQUIRE_OK(rnr_lock_take(fd, &bytes, 1, &lock));
    close(fd);
    return lock;
}

static RenoirErrorCode try_take(const char *path, uint64_t byte)
{
    const int fd = open_file(path, O_RDWR);
    const RnrLockByte bytes = {.byte = byte, .is_exclusive = true};
    RnrLock lock = {NULL, 0};
    const RenoirErrorCode status = rnr_lock_take(fd, &bytes, 1, &lock);
    rnr_lock_release(&lock);
    close(fd);
    return status;
}

static bool is_held(const char *path, uint64_t byte)
{
    const int fd = open_file(path, O_RDONLY);
    const bool held = rnr_lock_is_held(fd, byte);
    close(fd);
    return held;
}

static int open_max(void)
{
    return (int)sysconf(_SC_OPEN_MAX) < 4096 ? (int)sysconf(_SC_OPEN_MAX) : 4096;
}

// Holds byte 7, and does with its descriptors what it is told.
PEER(holder)
{
    RnrLock lock = take(peer_arg(0), 7, peer_arg_u64(1) == 0);
    peer_say("held");
    char line[64];
    while (peer_hear(line, sizeof line)) {
        if (strcmp(line, "closefrom") == 0) {
            for (int fd = 3; fd < open_max(); ++fd) {
                (void)close(fd);
            }
        } else if (strcmp(line, "release") == 0) {
            rnr_lock_release(&lock);
        }
        peer_say("done");
    }
    rnr_lock_release(&lock);
}

// A holder with a child that outlives it.
PEER(holder_with_child)
{
    (void)take(peer_arg(0), 7, true);
    const pid_t child = fork();
    if (child == 0) {
        (void)dup2(open("/dev/null", O_RDWR), STDOUT_FILENO);
        for (;;) {
            pause();
        }
    }
    peer_say("%d", (int)child);
    peer_pause();
}

TEST(lock, a_lock_outlives_the_closing_of_every_descriptor, "R-036 T-046 reliability")
{
    const char *path = make_file();
    const TestPeer peer = peer_start(holder, path);
    REQUIRE(peer_expect(peer, "held"));

    peer_send_line(peer, "closefrom");
    REQUIRE(peer_expect(peer, "done"));

    CHECK(is_held(path, 7));
    CHECK_STATUS(RENOIR_CONCURRENCY_ERROR, try_take(path, 7));
    CHECK_KILLED(peer_kill(peer, SIGKILL));
    CHECK(!is_held(path, 7));
    CHECK_OK(try_take(path, 7));
    unlink(path);
}

TEST(lock, a_forked_child_does_not_keep_the_lock_of_its_dead_parent, "R-018 T-046 reliability")
{
    if (test_is_emulated()) {
        SKIP("the emulator ignores MADV_DONTFORK: a child keeps the lock");
    }
    char line[64];
    const char *path = make_file();
    const TestPeer peer = peer_start(holder_with_child, path);
    REQUIRE(peer_read_line(peer, line, sizeof line));
    const pid_t child = (pid_t)atoi(line);
    CHECK(is_held(path, 7));

    CHECK_KILLED(peer_kill(peer, SIGKILL));

    CHECK(kill(child, 0) == 0);
    CHECK(!is_held(path, 7));
    CHECK_OK(try_take(path, 7));
    kill(child, SIGKILL);
    while (kill(child, 0) == 0) { // until the runner has collected it
        test_sleep_ms(1);
    }
    unlink(path);
}

TEST(lock, the_death_of_a_forked_child_leaves_the_lock_to_its_parent, "R-018 reliability")
{
    const char *path = make_file();
    RnrLock lock = take(path, 7, true);

    const pid_t child = fork();
    if (child == 0) {
        rnr_lock_release(&lock); // of the parent: nothing to give back here
        _exit(lock.page == NULL ? 0 : 1);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);

    CHECK_EXITED(status, 0);
    CHECK(is_held(path, 7));
    rnr_lock_release(&lock);
    CHECK(!is_held(path, 7));
    unlink(path);
}

TEST(lock, a_read_lock_of_somebody_does_not_pass_for_life, "T-046 security_edge")
{
    const char *path = make_file();
    const TestPeer peer = peer_start(holder, path, "1");
    REQUIRE(peer_expect(peer, "held"));

    CHECK(!is_held(path, 7));
    peer_kill(peer, SIGKILL);
    unlink(path);
}

TEST(lock, a_question_that_cannot_be_asked_means_alive, "T-046 reliability")
{
    CHECK(rnr_lock_is_held(-1, 7));
    const char *path = make_file();
    const int fd = open_file(path, O_RDONLY);
    CHECK(!rnr_lock_is_held(fd, 7));
    close(fd);
    CHECK(rnr_lock_is_held(fd, 7));
    unlink(path);
}

TEST(lock, a_stopped_process_keeps_its_lock, "T-046 reliability")
{
    const char *path = make_file();
    const TestPeer peer = peer_start(holder, path);
    REQUIRE(peer_expect(peer, "held"));

    peer_signal(peer, SIGSTOP);
    test_sleep_ms(50);

    CHECK(is_held(path, 7));
    CHECK_STATUS(RENOIR_CONCURRENCY_ERROR, try_take(path, 7));
    peer_signal(peer, SIGCONT);
    peer_send_line(peer, "release");
    REQUIRE(peer_expect(peer, "done"));
    CHECK(!is_held(path, 7));
    peer_kill(peer, SIGKILL);
    unlink(path);
}

TEST(lock, an_index_is_refused_while_a_stopped_helper_holds_it, "T-046 reliability")
{
    const char *path = make_file();
    const TestPeer helper = peer_start(holder, path, "1");
    REQUIRE(peer_expect(helper, "held"));
    peer_signal(helper, SIGSTOP);

    CHECK_STATUS(RENOIR_CONCURRENCY_ERROR, try_take(path, 7));
    CHECK_OK(try_take(path, 8)); // another index is free

    CHECK_KILLED(peer_kill(helper, SIGKILL));
    CHECK_OK(try_take(path, 7));
    unlink(path);
}

TEST(lock, two_locks_of_one_process_exclude_each_other, "T-046 reliability")
{
    const char *path = make_file();
    RnrLock lock = take(path, 7, true);
    CHECK_STATUS(RENOIR_CONCURRENCY_ERROR, try_take(path, 7));
    CHECK(is_held(path, 7));
    rnr_lock_release(&lock);
    rnr_lock_release(&lock); // twice does no harm
    CHECK_OK(try_take(path, 7));
    unlink(path);
}

TEST(lock, taking_several_bytes_takes_all_or_none, "T-046 reliability")
{
    const char *path = make_file();
    const int fd = open_file(path, O_RDWR);
    RnrLock held = take(path, 9, true);
    const RnrLockByte bytes[] = {{.byte = 8, .is_exclusive = true},
                                 {.byte = 9, .is_exclusive = true}};
    RnrLock lock = {NULL, 0};

    CHECK_STATUS(RENOIR_CONCURRENCY_ERROR, rnr_lock_take(fd, bytes, 2, &lock));
    CHECK(lock.page == NULL);
    CHECK(!is_held(path, 8));
    rnr_lock_release(&held);
    CHECK_OK(rnr_lock_take(fd, bytes, 2, &lock));
    CHECK(is_held(path, 8) && is_held(path, 9));
    rnr_lock_release(&lock);
    close(fd);
    unlink(path);
}

TEST(lock, an_exclusive_lock_on_a_read_only_file_is_denied, "security_edge")
{
    const char *path = make_file();
    const RnrLockByte byte = {.byte = 7, .is_exclusive = true};
    RnrLock lock = {NULL, 0};
    const int fd = open_file(path, O_RDONLY);
    REQUIRE(chmod(path, 0400) == 0);
    if (geteuid() == 0) { // whom no mode stops
        rnr_fault_arm_errno("fcntl", EBADF, 1);
    }

    CHECK_STATUS(RENOIR_PERMISSION_DENIED, rnr_lock_take(fd, &byte, 1, &lock));

    CHECK(lock.page == NULL);
    close(fd);
    unlink(path);
}

TEST(lock, a_lock_costs_no_descriptor_and_leaves_none_when_it_fails, "T-082 reliability")
{
    const char *path = make_file();
    const int fd = open_file(path, O_RDWR);
    const RnrLockByte byte = {.byte = 7, .is_exclusive = true};
    RnrLock lock = {NULL, 0};
    const unsigned before = test_count_descriptors();
    const unsigned mapped = test_count_mappings();

    static const int errors[] = {ENOLCK, EINVAL, EINTR, ENOMEM};
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; ++i) {
        rnr_fault_arm_errno("fcntl", errors[i], 1);
        CHECK(rnr_lock_take(fd, &byte, 1, &lock) != RENOIR_SUCCESS);
        CHECK_EQ_U64(before, test_count_descriptors());
        CHECK_EQ_U64(mapped, test_count_mappings());
    }
    rnr_fault_disarm_all();
    CHECK_OK(rnr_lock_take(fd, &byte, 1, &lock));
    CHECK_EQ_U64(before, test_count_descriptors());
    CHECK_EQ_U64(mapped + 1, test_count_mappings());
    rnr_lock_release(&lock);
    CHECK_EQ_U64(mapped, test_count_mappings());
    close(fd);
    unlink(path);
}

PEER(guarding)
{
    RnrGuard guard;
    const int fd = open_file(peer_arg(0), O_RDWR);
    REQUIRE_OK(rnr_guard_begin(fd, 1, 0, &guard));
    peer_say("guarded");
    peer_pause();
    rnr_guard_end(&guard);
}

TEST(lock, a_guard_is_waited_for_as_long_as_told_and_no_longer, "reliability")
{
    const char *path = make_file();
    const int fd = open_file(path, O_RDWR);
    RnrGuard guard;
    const TestPeer peer = peer_start(guarding, path);
    REQUIRE(peer_expect(peer, "guarded"));

    const uint64_t begin = test_now_ns();
    CHECK_STATUS(RENOIR_CONCURRENCY_ERROR, rnr_guard_begin(fd, 1, UINT64_C(20000000), &guard));
    CHECK(test_now_ns() - begin >= UINT64_C(20000000));
    CHECK_EQ_I64(-1, guard.fd);
    peer_signal(peer, SIGSTOP);
    CHECK_STATUS(RENOIR_CONCURRENCY_ERROR, rnr_guard_begin(fd, 1, 0, &guard));

    peer_kill(peer, SIGKILL); // the kernel gives it back
    CHECK_OK(rnr_guard_begin(fd, 1, 0, &guard));
    rnr_guard_end(&guard);
    rnr_guard_end(&guard);
    close(fd);
    unlink(path);
}

enum { FORKS = 40 };

static void *take_and_release(void *path)
{
    for (int i = 0; i < FORKS * 5; ++i) {
        RnrLock lock = take(path, 20, false);
        rnr_lock_release(&lock);
    }
    return NULL;
}

TEST(lock, a_fork_while_others_lock_leaves_no_lock_in_the_child, "T-049 concurrent_stress tsan")
{
    if (test_is_emulated()) {
        SKIP("the emulator ignores MADV_DONTFORK: a child keeps the lock");
    }
    const char *path = make_file();
    char copy[512];
    pthread_t threads[3];
    snprintf(copy, sizeof copy, "%s", path);
    (void)rnr_fork_generation();
    for (int i = 0; i < 3; ++i) {
        REQUIRE(pthread_create(&threads[i], NULL, take_and_release, copy) == 0);
    }
    pid_t children[FORKS];
    for (int i = 0; i < FORKS; ++i) {
        children[i] = fork();
        if (children[i] == 0) {
            pause();
            _exit(0);
        }
    }
    for (int i = 0; i < 3; ++i) {
        pthread_join(threads[i], NULL);
    }
    // whatever the children hold would be in the way now
    CHECK_OK(try_take(copy, 20));
    for (int i = 0; i < FORKS; ++i) {
        kill(children[i], SIGKILL);
        REQUIRE(waitpid(children[i], NULL, 0) == children[i]);
    }
    unlink(copy);
}

TEST(lock, the_generation_differs_in_each_child, "R-018 reliability")
{
    const uint64_t here = rnr_fork_generation();
    const pid_t child = fork();
    if (child == 0) {
        const uint64_t there = rnr_fork_generation();
        const pid_t grandchild = fork();
        if (grandchild == 0) {
            const uint64_t below = rnr_fork_generation();
            _exit(below != there && below != here ? 0 : 1);
        }
        int inner = 1;
        (void)waitpid(grandchild, &inner, 0);
        _exit(there != here && WIFEXITED(inner) ? WEXITSTATUS(inner) : 1);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK_EXITED(status, 0);
    CHECK_EQ_U64(here, rnr_fork_generation());
}
