// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Each test lets a process read a mapped file that somebody else cuts short.

#include "platform/sigbus.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault.h"
#include "harness/test.h"
#include "renoir/library.h"

enum { PAGES = 4 };

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

// Maps a new file of PAGES pages full of 'x'.
static unsigned char *map_file(const char *path, int protection)
{
    const size_t size = PAGES * page_size();
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    REQUIRE(fd >= 0);
    REQUIRE(ftruncate(fd, (off_t)size) == 0);
    unsigned char *filler = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    REQUIRE(filler != MAP_FAILED);
    memset(filler, 'x', size);
    munmap(filler, size);
    unsigned char *base = mmap(NULL, size, protection, MAP_SHARED, fd, 0);
    REQUIRE(base != MAP_FAILED);
    close(fd);
    return base;
}

static int wait_for(pid_t child)
{
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    return status;
}

// The process that does the cutting.
PEER(cuts_short)
{
    CHECK(truncate(peer_arg(0), (off_t)peer_arg_u64(1)) == 0);
}

static void cut_short(const char *path, const char *length)
{
    REQUIRE_EXITED(peer_start(cuts_short, path, length), 0);
}

TEST(sigbus, a_file_cut_short_reads_as_zeros_and_is_marked, "security_edge reliability")
{
    RnrAtomicU32 lost = {0};
    const char *path = test_root_path("file");
    CHECK(!rnr_sigbus_is_installed());
    CHECK_OK(renoir_sigbus_guard_install());
    CHECK(rnr_sigbus_is_installed());
    unsigned char *base = map_file(path, PROT_READ);
    rnr_sigbus_track(base, PAGES * page_size(), &lost);

    cut_short(path, "1");
    CHECK(!rnr_sigbus_is_lost(&lost));
    errno = 7;
    const unsigned char beyond = *(volatile unsigned char *)(base + page_size() + 5);

    CHECK_EQ_I64(7, errno);
    CHECK_EQ_U64(0, beyond);
    CHECK(rnr_sigbus_is_lost(&lost));
    CHECK_EQ_U64('x', base[0]); // what is still there stays what it was
    for (size_t i = page_size(); i < PAGES * page_size(); ++i) {
        CHECK(base[i] == 0);
    }
    rnr_sigbus_untrack(base);
    munmap(base, PAGES * page_size());
    unlink(path);
}

TEST(sigbus, a_store_beyond_the_end_of_a_cut_file_goes_nowhere, "security_edge reliability")
{
    RnrAtomicU32 lost = {0};
    const char *path = test_root_path("file");
    CHECK_OK(renoir_sigbus_guard_install());
    unsigned char *base = map_file(path, PROT_READ | PROT_WRITE);
    rnr_sigbus_track(base, PAGES * page_size(), &lost);

    cut_short(path, "0");
    memset(base, 'y', PAGES * page_size());

    CHECK(rnr_sigbus_is_lost(&lost));
    CHECK_EQ_U64('y', base[PAGES * page_size() - 1]);
    rnr_sigbus_untrack(base);
    munmap(base, PAGES * page_size());
    unlink(path);
}

TEST(sigbus, only_the_mapping_that_was_lost_is_marked, "security_edge reliability")
{
    RnrAtomicU32 lost[3] = {{0}, {0}, {0}};
    unsigned char *bases[3];
    const char *paths[3];
    CHECK_OK(renoir_sigbus_guard_install());
    for (int i = 0; i < 3; ++i) {
        paths[i] = test_root_path("file%d", i);
        bases[i] = map_file(paths[i], PROT_READ);
        rnr_sigbus_track(bases[i], PAGES * page_size(), &lost[i]);
    }

    cut_short(paths[1], "0");
    CHECK_EQ_U64(0, *(volatile unsigned char *)bases[1]);

    CHECK(!rnr_sigbus_is_lost(&lost[0]));
    CHECK(rnr_sigbus_is_lost(&lost[1]));
    CHECK(!rnr_sigbus_is_lost(&lost[2]));
    CHECK_EQ_U64('x', bases[0][PAGES * page_size() - 1]);
    CHECK_EQ_U64('x', bases[2][0]);
    for (int i = 0; i < 3; ++i) {
        rnr_sigbus_untrack(bases[i]);
        munmap(bases[i], PAGES * page_size());
        unlink(paths[i]);
    }
}

// How a child ends that reads the lost page of a mapping that nobody tracks.
static int read_untracked(void (*prepare)(void))
{
    const char *path = test_root_path("file");
    unsigned char *base = map_file(path, PROT_READ);
    REQUIRE(truncate(path, 0) == 0);

    const pid_t child = fork();
    if (child == 0) {
        prepare();
        REQUIRE_OK(renoir_sigbus_guard_install());
        const unsigned char byte = *(volatile unsigned char *)base;
        _exit(byte);
    }
    const int status = wait_for(child);
    munmap(base, PAGES * page_size());
    unlink(path);
    return status;
}

static void prepare_nothing(void)
{
    (void)signal(SIGBUS, SIG_DFL);
}

static void prepare_ignoring(void)
{
    (void)signal(SIGBUS, SIG_IGN);
}

static void exit_with_33(int signal_number)
{
    _exit(signal_number == SIGBUS ? 33 : 1);
}

static void prepare_old_handler(void)
{
    (void)signal(SIGBUS, exit_with_33);
}

static void exit_with_44(int signal_number, siginfo_t *info, void *context)
{
    const bool is_whole = signal_number == SIGBUS && info->si_addr != NULL && context != NULL;
    _exit(is_whole && info->si_code == BUS_ADRERR ? 44 : 1);
}

static void prepare_new_handler(void)
{
    struct sigaction action = {.sa_sigaction = exit_with_44, .sa_flags = SA_SIGINFO};
    (void)sigaction(SIGBUS, &action, NULL);
}

TEST(sigbus, a_fault_elsewhere_ends_the_process_as_before, "reliability")
{
    const int status = read_untracked(prepare_nothing);

    CHECK(WIFSIGNALED(status));
    CHECK_EQ_I64(SIGBUS, WTERMSIG(status));
}

TEST(sigbus, a_fault_elsewhere_is_not_ignored_for_ever, "reliability")
{
    const int status = read_untracked(prepare_ignoring);

    CHECK(WIFSIGNALED(status));
    CHECK_EQ_I64(SIGBUS, WTERMSIG(status));
}

TEST(sigbus, a_fault_elsewhere_goes_to_the_handler_that_was_there, "reliability")
{
    CHECK_EXITED(read_untracked(prepare_old_handler), 33);
    CHECK_EXITED(read_untracked(prepare_new_handler), 44);
}

TEST(sigbus, a_mapping_that_is_no_longer_tracked_is_not_ours, "reliability")
{
    RnrAtomicU32 lost = {0};
    const char *path = test_root_path("file");
    unsigned char *base = map_file(path, PROT_READ);
    prepare_nothing();
    CHECK_OK(renoir_sigbus_guard_install());
    rnr_sigbus_track(base, PAGES * page_size(), &lost);
    rnr_sigbus_untrack(base);
    REQUIRE(truncate(path, 0) == 0);

    const pid_t child = fork();
    if (child == 0) {
        _exit(*(volatile unsigned char *)base);
    }
    const int status = wait_for(child);

    CHECK(WIFSIGNALED(status));
    CHECK(!rnr_sigbus_is_lost(&lost));
    munmap(base, PAGES * page_size());
    unlink(path);
}

static void send_to_child(void (*prepare)(void), int *out_status)
{
    const pid_t child = fork();
    if (child == 0) {
        prepare();
        REQUIRE_OK(renoir_sigbus_guard_install());
        (void)raise(SIGBUS);
        _exit(5);
    }
    *out_status = wait_for(child);
}

TEST(sigbus, a_signal_that_somebody_sends_does_what_it_did_before, "reliability")
{
    int status = 0;

    send_to_child(prepare_nothing, &status);
    CHECK(WIFSIGNALED(status));
    CHECK_EQ_I64(SIGBUS, WTERMSIG(status));

    send_to_child(prepare_ignoring, &status);
    CHECK_EXITED(status, 5);

    send_to_child(prepare_old_handler, &status);
    CHECK_EXITED(status, 33);
}

TEST(sigbus, installing_twice_keeps_the_handler_that_was_there, "reliability")
{
    const pid_t child = fork();
    if (child == 0) {
        prepare_old_handler();
        REQUIRE_OK(renoir_sigbus_guard_install());
        REQUIRE_OK(renoir_sigbus_guard_install());
        (void)raise(SIGBUS);
        _exit(5);
    }

    CHECK_EXITED(wait_for(child), 33);
}

TEST(sigbus, a_refusal_of_the_system_is_an_answer_and_may_pass, "T-082")
{
    rnr_fault_arm_errno("sigaction", EPERM, 1);

    CHECK_STATUS(RENOIR_PLATFORM_ERROR, renoir_sigbus_guard_install());
    CHECK(!rnr_sigbus_is_installed());
    CHECK_STR_CONTAINS("[errno 1]", renoir_last_error_message());

    CHECK_OK(renoir_sigbus_guard_install());
}

static void *install(void *out_is_done)
{
    *(bool *)out_is_done =
        renoir_sigbus_guard_install() == RENOIR_SUCCESS && rnr_sigbus_is_installed();
    return NULL;
}

TEST(sigbus, threads_may_install_it_at_once, "T-049 tsan")
{
    enum { THREADS = 8 };
    pthread_t threads[THREADS];
    bool is_done[THREADS] = {false};

    for (int i = 0; i < THREADS; ++i) {
        REQUIRE(pthread_create(&threads[i], NULL, install, &is_done[i]) == 0);
    }
    for (int i = 0; i < THREADS; ++i) {
        REQUIRE(pthread_join(threads[i], NULL) == 0);
        CHECK(is_done[i]);
    }
}

static uint32_t warnings;

static void count_warnings(uint32_t level, const char *line, void *user)
{
    (void)user;
    warnings += level == RENOIR_LOG_WARNING && strstr(line, "not guarded") != NULL;
}

TEST(sigbus, more_mappings_than_can_be_tracked_are_told_in_the_log, "security_edge")
{
    static RnrAtomicU32 lost;
    unsigned char *base = (unsigned char *)(uintptr_t)(1 << 20);
    renoir_set_log(RENOIR_LOG_WARNING, count_warnings, NULL);

    for (size_t i = 0; i < 4096; ++i) {
        rnr_sigbus_track(base + i * page_size(), page_size(), &lost);
    }
    CHECK_EQ_U64(0, warnings);
    rnr_sigbus_track(base + 4096 * page_size(), page_size(), &lost);
    CHECK_EQ_U64(1, warnings);

    rnr_sigbus_untrack(base);
    rnr_sigbus_track(base + 4096 * page_size(), page_size(), &lost);
    CHECK_EQ_U64(1, warnings);
}
