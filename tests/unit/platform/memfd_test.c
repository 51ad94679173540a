// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Memory in no file system, and descriptors over sockets.

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "harness/test.h"
#include "platform/file.h"
#include "platform/process.h"

enum { LENGTH = 65536 };

static int make(void)
{
    bool is_huge = false;
    int fd = -1;
    REQUIRE_OK(rnr_memfd_create("test", LENGTH, &is_huge, &fd));
    return fd;
}

TEST(memfd, a_sealed_one_keeps_its_size, "R-028 T-034 security_edge")
{
    TEST_NEEDS_MEMFD();
    const int fd = make();
    CHECK(!rnr_memfd_is_sealed(fd));
    CHECK_OK(rnr_memfd_seal(fd));
    CHECK(rnr_memfd_is_sealed(fd));

    CHECK(ftruncate(fd, 0) != 0 && errno == EPERM);
    CHECK(ftruncate(fd, LENGTH - 4096) != 0);
    CHECK(ftruncate(fd, LENGTH * 2) != 0);
    CHECK(fcntl(fd, 1033, 0) != 0); // no seal can be added or taken any more
    CHECK(rnr_memfd_seal(fd) != RENOIR_SUCCESS);
    close(fd);
    CHECK(!rnr_memfd_is_sealed(fd));
}

TEST(memfd, its_space_is_taken_at_once, "R-041 T-052 reliability")
{
    TEST_NEEDS_MEMFD();
    struct stat facts;
    const int fd = make();
    REQUIRE(fstat(fd, &facts) == 0);
    CHECK_EQ_U64(LENGTH, (uint64_t)facts.st_blocks * 512);
    CHECK_EQ_U64(0600, facts.st_mode & 07777u);
    close(fd);
}

TEST(memfd, more_than_the_machine_has_is_refused_before_it_is_taken, "R-041 T-044 reliability")
{
    TEST_NEEDS_MEMFD();
    static const uint64_t sizes[] = {UINT64_C(1) << 46, UINT64_C(1) << 48};
    for (size_t i = 0; i < 2; ++i) {
        bool is_huge = false;
        int fd = -1;
        CHECK_STATUS(RENOIR_INSUFFICIENT_SPACE, rnr_memfd_create("test", sizes[i], &is_huge, &fd));
        CHECK_EQ_I64(-1, fd);
        CHECK_STR_CONTAINS("bytes needed", renoir_last_error_message());
    }
}

TEST(memfd, errors_of_making_one_have_their_codes_and_leak_nothing, "T-082 reliability")
{
    TEST_NEEDS_MEMFD();
    static const struct {
        const char *call;
        int error;
        RenoirErrorCode code;
    } expected[] = {{"memfd_create", EMFILE, RENOIR_LIMIT_REACHED},
                    {"memfd_create", ENOMEM, RENOIR_OUT_OF_MEMORY},
                    {"memfd_create", ENOSYS, RENOIR_UNSUPPORTED},
                    {"fallocate", ENOSPC, RENOIR_INSUFFICIENT_SPACE}};
    const unsigned before = test_count_descriptors();
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; ++i) {
        bool is_huge = false;
        int fd = -1;
        rnr_fault_arm_errno(expected[i].call, expected[i].error, 1);
        CHECK_STATUS(expected[i].code, rnr_memfd_create("test", LENGTH, &is_huge, &fd));
        CHECK_EQ_I64(-1, fd);
        CHECK_EQ_U64(before, test_count_descriptors());
    }
}

TEST(memfd, huge_pages_that_are_not_there_degrade, "R-030 reliability")
{
    TEST_NEEDS_MEMFD();
    bool is_huge = true;
    int fd = -1;
    REQUIRE_OK(rnr_memfd_create("test", 2 << 20, &is_huge, &fd));
    struct stat facts;
    REQUIRE(fstat(fd, &facts) == 0);
    CHECK_EQ_U64(is_huge ? 2 << 20 : 4096, (uint64_t)facts.st_blksize);
    if (!is_huge) {
        CHECK_STR_CONTAINS("nr_hugepages", renoir_last_error_message());
    }
    close(fd);
}

PEER(opens)
{
    char text[8] = "";
    int fd = -1;
    REQUIRE_OK(rnr_memfd_open_of((int64_t)peer_arg_u64(0), (int)peer_arg_u64(1), true, &fd));
    CHECK(rnr_file_read(fd, 0, text, 5));
    CHECK_STR("hello", text);
    CHECK(rnr_file_write(fd, 0, "again", 5));
    close(fd);
}

TEST(memfd, another_process_opens_it_through_this_ones_entry, "R-028 T-034 communication")
{
    TEST_NEEDS_MEMFD();
    char pid[32];
    char number[32];
    char text[8] = "";
    const int fd = make();
    CHECK(rnr_file_write(fd, 0, "hello", 5));
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    snprintf(number, sizeof number, "%d", fd);

    CHECK_EXITED(peer_start(opens, pid, number), 0);

    CHECK(rnr_file_read(fd, 0, text, 5));
    CHECK_STR("again", text);
    close(fd);
    int gone = -1;
    CHECK_STATUS(RENOIR_NOT_FOUND, rnr_memfd_open_of(getpid(), fd, true, &gone));
}

TEST(descriptor, it_travels_over_a_socket, "R-028 communication")
{
    int pair[2];
    int received = -1;
    char text[8] = "";
    const int fd = make();
    CHECK(rnr_file_write(fd, 0, "hello", 5));
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);

    CHECK_OK(rnr_descriptor_send(pair[0], fd));
    CHECK_OK(rnr_descriptor_receive(pair[1], &received));

    CHECK(received >= 0 && received != fd);
    CHECK((fcntl(received, F_GETFD) & FD_CLOEXEC) != 0);
    CHECK(rnr_file_read(received, 0, text, 5));
    CHECK_STR("hello", text);
    close(received);
    close(fd);
    close(pair[0]);
    CHECK_STATUS(RENOIR_DISCONNECTED, rnr_descriptor_receive(pair[1], &received));
    CHECK_STATUS(RENOIR_DISCONNECTED, rnr_descriptor_send(pair[1], pair[1]));
    close(pair[1]);
}

TEST(descriptor, a_socket_that_carries_something_else_is_noticed, "R-028 security_edge")
{
    int pair[2];
    int received = -1;
    const int fd = make();
    const unsigned before = test_count_descriptors();
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    REQUIRE(write(pair[0], "x", 1) == 1);
    CHECK_STATUS(RENOIR_SERIALIZATION_ERROR, rnr_descriptor_receive(pair[1], &received));
    REQUIRE(write(pair[0], "R", 1) == 1); // the mark, but nothing beside it
    CHECK_STATUS(RENOIR_SERIALIZATION_ERROR, rnr_descriptor_receive(pair[1], &received));
    CHECK_EQ_I64(-1, received);
    CHECK(rnr_descriptor_receive(fd, &received) != RENOIR_SUCCESS); // no socket at all
    CHECK(rnr_descriptor_send(-1, fd) != RENOIR_SUCCESS);
    close(pair[0]);
    close(pair[1]);
    CHECK_EQ_U64(before, test_count_descriptors());
    close(fd);
}

TEST(process, random_bytes_and_the_name_are_there, "reliability")
{
    uint64_t a = 0;
    uint64_t b = 0;
    char name[16];
    CHECK_OK(rnr_process_random(&a, sizeof a));
    CHECK_OK(rnr_process_random(&b, sizeof b));
    CHECK(a != b);
    rnr_process_name(name, sizeof name);
    CHECK_STR("test_platform_m", name); // cut to size
    CHECK_EQ_I64(getpid(), rnr_process_id());
}
