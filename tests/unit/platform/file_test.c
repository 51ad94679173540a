// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Files that get their name when they are whole; the root and its folders.

#include "platform/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault.h"
#include "harness/test.h"
#include "renoir/status.h"

static int open_directory(const char *path)
{
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    REQUIRE(fd >= 0);
    return fd;
}

static RenoirErrorCode try_root(const char *root)
{
    RnrFileId id;
    int fd = -1;
    const RenoirErrorCode status = rnr_directory_open_root(root, &fd, &id);
    rnr_file_close(fd);
    return status;
}

static unsigned mode_of(const char *path)
{
    struct stat facts;
    REQUIRE(stat(path, &facts) == 0);
    return (unsigned)facts.st_mode & 07777u;
}

TEST(file, a_file_has_no_name_before_it_is_published, "T-033 reliability")
{
    RnrNewFile file;
    const int directory = open_directory(test_root());
    REQUIRE_OK(rnr_file_create(directory, 0640, &file));
    REQUIRE_OK(rnr_file_reserve(file.fd, 4096, "a file"));

    CHECK_EQ_U64(0, test_count_entries(test_root()));
    CHECK_OK(rnr_file_publish(directory, &file, "name"));
    CHECK_EQ_U64(1, test_count_entries(test_root()));
    CHECK_EQ_U64(0640, mode_of(test_root_path("name")));

    rnr_file_discard(directory, &file);
    CHECK_EQ_U64(1, test_count_entries(test_root()));
    unlink(test_root_path("name"));
    close(directory);
}

TEST(file, the_first_to_publish_a_name_wins, "T-033 reliability")
{
    static const int errors[] = {0, EOPNOTSUPP};
    const int directory = open_directory(test_root());
    for (size_t i = 0; i < 2; ++i) { // without a name at first, and with a temporary one
        RnrNewFile first;
        RnrNewFile second;
        rnr_fault_disarm_all();
        if (errors[i] != 0) {
            rnr_fault_arm_errno("open_unnamed", errors[i], 1);
        }
        REQUIRE_OK(rnr_file_create(directory, 0600, &first));
        REQUIRE_OK(rnr_file_create(directory, 0600, &second));
        CHECK(errors[i] == 0 ? first.temporary_name[0] == '\0' : first.temporary_name[0] == '.');
        CHECK_OK(rnr_file_publish(directory, &first, "name"));
        CHECK_STATUS(RENOIR_EXISTS, rnr_file_publish(directory, &second, "name"));
        rnr_file_discard(directory, &first);
        rnr_file_discard(directory, &second);
        CHECK_EQ_U64(1, test_count_entries(test_root()));
        unlink(test_root_path("name"));
    }
    close(directory);
}

TEST(file, a_mode_is_not_cut_by_the_umask, "R-022 security_edge")
{
    RnrNewFile file;
    const int directory = open_directory(test_root());
    const mode_t before = umask(0777);
    REQUIRE_OK(rnr_file_create(directory, 0644, &file));
    REQUIRE_OK(rnr_file_publish(directory, &file, "name"));
    (void)umask(before);
    CHECK_EQ_U64(0644, mode_of(test_root_path("name")));
    rnr_file_discard(directory, &file);
    unlink(test_root_path("name"));
    close(directory);
}

TEST(file, a_file_that_is_given_up_leaves_nothing, "T-082 reliability")
{
    static const int errors[] = {0, EOPNOTSUPP, EISDIR};
    const int directory = open_directory(test_root());
    const unsigned before = test_count_descriptors();
    for (size_t i = 0; i < 3; ++i) {
        RnrNewFile file;
        rnr_fault_disarm_all();
        if (errors[i] != 0) {
            rnr_fault_arm_errno("open_unnamed", errors[i], 1);
        }
        REQUIRE_OK(rnr_file_create(directory, 0600, &file));
        rnr_file_discard(directory, &file);
        rnr_file_discard(directory, &file);
        CHECK_EQ_U64(before, test_count_descriptors());
        CHECK_EQ_U64(0, test_count_entries(test_root()));
    }
    close(directory);
}

TEST(file, reserving_takes_the_space_now, "R-041 T-052 reliability")
{
    RnrNewFile file;
    struct stat facts;
    const int directory = open_directory(test_root());
    REQUIRE_OK(rnr_file_create(directory, 0600, &file));
    REQUIRE_OK(rnr_file_reserve(file.fd, 3 << 20, "a file"));
    REQUIRE(fstat(file.fd, &facts) == 0);
    CHECK_EQ_U64(3 << 20, (uint64_t)facts.st_size);
    CHECK_EQ_U64(3 << 20, (uint64_t)facts.st_blocks * 512);
    rnr_file_discard(directory, &file);
    close(directory);
}

TEST(file, a_file_system_that_is_too_small_says_both_numbers, "R-041 T-052 reliability")
{
    struct statfs space;
    char number[32];
    RnrNewFile file;
    const int directory = open_directory(test_root());
    REQUIRE(fstatfs(directory, &space) == 0);
    if (space.f_blocks == 0) {
        SKIP("the file system of the root does not tell its size");
    }
    const uint64_t size = ((uint64_t)space.f_blocks + 1) * (uint64_t)space.f_bsize;
    snprintf(number, sizeof number, "%llu bytes needed", (unsigned long long)size);
    REQUIRE_OK(rnr_file_create(directory, 0600, &file));

    CHECK_STATUS(RENOIR_INSUFFICIENT_SPACE, rnr_file_reserve(file.fd, size, "a thing"));

    CHECK_STR_CONTAINS("cannot create a thing", renoir_last_error_message());
    CHECK_STR_CONTAINS(number, renoir_last_error_message());
    CHECK_STR_CONTAINS(" free in its file system", renoir_last_error_message());
    rnr_file_discard(directory, &file);
    close(directory);
}

TEST(file, errors_of_reserving_have_their_codes, "T-082 reliability")
{
    static const struct {
        int error;
        RenoirErrorCode code;
    } expected[] = {{ENOSPC, RENOIR_INSUFFICIENT_SPACE},
                    {EDQUOT, RENOIR_INSUFFICIENT_SPACE},
                    {EFBIG, RENOIR_INSUFFICIENT_SPACE},
                    {ENOMEM, RENOIR_INSUFFICIENT_SPACE},
                    {EIO, RENOIR_IO_ERROR},
                    {EPERM, RENOIR_PERMISSION_DENIED},
                    {EINVAL, RENOIR_PLATFORM_ERROR},
                    {EOPNOTSUPP, RENOIR_SUCCESS}, // zeros are written instead
                    {ENOSYS, RENOIR_SUCCESS}};
    const int directory = open_directory(test_root());
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; ++i) {
        RnrNewFile file;
        struct stat facts;
        REQUIRE_OK(rnr_file_create(directory, 0600, &file));
        rnr_fault_arm_errno("fallocate", expected[i].error, 1);
        CHECK_STATUS(expected[i].code, rnr_file_reserve(file.fd, 100000, "a file"));
        if (expected[i].code == RENOIR_SUCCESS) {
            REQUIRE(fstat(file.fd, &facts) == 0);
            CHECK_EQ_U64(100000, (uint64_t)facts.st_size);
            CHECK((uint64_t)facts.st_blocks * 512 >= 100000);
        }
        rnr_file_discard(directory, &file);
    }
    close(directory);
}

TEST(file, what_is_no_regular_file_is_never_opened, "T-050 security_edge")
{
    int fd = -1;
    const int directory = open_directory(test_root());
    const int plain = open(test_root_path("plain"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    REQUIRE(plain >= 0);
    close(plain);
    REQUIRE(symlink("plain", test_root_path("link")) == 0);
    REQUIRE(symlink("nowhere", test_root_path("dangling")) == 0);
    REQUIRE(mkfifo(test_root_path("fifo"), 0600) == 0);
    REQUIRE(mkdir(test_root_path("folder"), 0700) == 0);

    static const char *const names[] = {"link", "dangling", "fifo", "folder"};
    for (size_t i = 0; i < 4; ++i) {
        CHECK_STATUS(RENOIR_CORRUPTED, rnr_file_open(directory, names[i], false, &fd));
        CHECK_EQ_I64(-1, fd);
        CHECK_STATUS(RENOIR_CORRUPTED, rnr_file_open(directory, names[i], true, &fd));
        CHECK_STR_CONTAINS(names[i], renoir_last_error_message());
    }
    CHECK_STATUS(RENOIR_NOT_FOUND, rnr_file_open(directory, "nothing", false, &fd));
    CHECK_OK(rnr_file_open(directory, "plain", true, &fd));
    rnr_file_close(fd);
    rnr_file_close(-1);
    unlink(test_root_path("link"));
    unlink(test_root_path("dangling"));
    unlink(test_root_path("fifo"));
    rmdir(test_root_path("folder"));
    unlink(test_root_path("plain"));
    close(directory);
}

TEST(file, reading_beyond_the_end_is_an_answer, "T-050 reliability")
{
    char bytes[8];
    RnrNewFile file;
    const int directory = open_directory(test_root());
    REQUIRE_OK(rnr_file_create(directory, 0600, &file));
    CHECK(rnr_file_write(file.fd, 4, "abcd", 4));
    CHECK(rnr_file_read(file.fd, 0, bytes, 8));
    CHECK_BYTES("\0\0\0\0abcd", bytes, 8);
    CHECK(!rnr_file_read(file.fd, 1, bytes, 8));
    CHECK(!rnr_file_read(-1, 0, bytes, 1));
    CHECK(!rnr_file_write(-1, 0, bytes, 1));
    rnr_file_discard(directory, &file);
    close(directory);
}

TEST(directory, the_renoir_folder_is_made_whole_and_with_the_right_mode, "R-019 security_edge")
{
    const unsigned mode = geteuid() == 0 ? 01777 : 0700;
    const mode_t before = umask(0777);
    CHECK_OK(try_root(test_root()));
    (void)umask(before);
    CHECK_EQ_U64(mode, mode_of(test_root_path("renoir")));
    CHECK_EQ_U64(mode, mode_of(test_root_path("renoir/nodes")));
    CHECK_EQ_U64(mode, mode_of(test_root_path("renoir/regions")));
    CHECK_EQ_U64(1, test_count_entries(test_root()));
    CHECK_OK(try_root(test_root()));
}

PEER(makes_root)
{
    peer_pause();
    CHECK_OK(try_root(peer_arg(0)));
}

TEST(directory, eight_processes_that_make_the_folder_at_once_make_one, "T-033 concurrent_stress")
{
    TestPeer peers[8];
    for (int i = 0; i < 8; ++i) {
        peers[i] = peer_start(makes_root, test_root());
    }
    for (int i = 0; i < 8; ++i) {
        peer_send_line(peers[i], "go");
    }
    for (int i = 0; i < 8; ++i) {
        CHECK_EXITED(peers[i], 0);
    }
    CHECK_EQ_U64(1, test_count_entries(test_root()));
    CHECK_EQ_U64(3, test_count_entries(test_root_path("renoir")));
}

TEST(directory, a_root_that_is_not_there_or_no_directory_is_refused, "security_edge")
{
    const int file = open(test_root_path("file"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    REQUIRE(file >= 0);
    close(file);
    CHECK_STATUS(RENOIR_NOT_FOUND, try_root(test_root_path("nothing")));
    CHECK_STR_CONTAINS("nothing", renoir_last_error_message());
    CHECK_STATUS(RENOIR_PERMISSION_DENIED, try_root(test_root_path("file")));
    CHECK_STATUS(RENOIR_NOT_FOUND, try_root(""));
    unlink(test_root_path("file"));
}

TEST(directory, a_folder_that_is_a_link_or_a_file_is_refused, "security_edge")
{
    char elsewhere[600];
    snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", test_directory());
    REQUIRE(mkdir(elsewhere, 0700) == 0);
    const char *path = test_root_path("renoir");

    REQUIRE(symlink(elsewhere, path) == 0);
    CHECK_STATUS(RENOIR_PERMISSION_DENIED, try_root(test_root()));
    CHECK_STR_CONTAINS("symbolic link", renoir_last_error_message());
    CHECK_EQ_U64(0, test_count_entries(elsewhere));
    unlink(path);

    const int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    REQUIRE(file >= 0);
    close(file);
    CHECK_STATUS(RENOIR_PERMISSION_DENIED, try_root(test_root()));
    unlink(path);
    rmdir(elsewhere);
}

TEST(directory, a_folder_that_others_may_change_is_refused, "security_edge")
{
    const char *path = test_root_path("renoir");
    CHECK_OK(try_root(test_root()));

    REQUIRE(chmod(path, 0777) == 0);
    CHECK_STATUS(RENOIR_PERMISSION_DENIED, try_root(test_root()));
    CHECK_STR_CONTAINS("mode 0777", renoir_last_error_message());
    CHECK_STR_CONTAINS("RENOIR_SHM_PATH", renoir_last_error_message());
    REQUIRE(chmod(path, 0770) == 0);
    CHECK_STATUS(RENOIR_PERMISSION_DENIED, try_root(test_root()));
    REQUIRE(chmod(path, 0755) == 0);
    CHECK_OK(try_root(test_root()));

    REQUIRE(chmod(test_root_path("renoir/nodes"), 0777) == 0);
    int root_fd = -1;
    int fd = -1;
    RnrFileId id;
    REQUIRE_OK(rnr_directory_open_root(test_root(), &root_fd, &id));
    CHECK_STATUS(RENOIR_PERMISSION_DENIED, rnr_directory_open_folder(root_fd, "nodes", &fd));
    CHECK_EQ_I64(-1, fd);
    rnr_file_close(root_fd);
}

TEST(directory, a_folder_of_another_user_is_refused, "security_edge")
{
    const char *path = test_root_path("renoir");
    if (geteuid() != 0) {
        SKIP("only root can give a folder to another user");
    }
    REQUIRE(mkdir(path, 0700) == 0);
    REQUIRE(chown(path, 4242, 4242) == 0);

    CHECK_STATUS(RENOIR_PERMISSION_DENIED, try_root(test_root()));

    CHECK_STR_CONTAINS("user 4242", renoir_last_error_message());
    CHECK_STR_CONTAINS("mode 0700", renoir_last_error_message());
    REQUIRE(chmod(path, 01777) == 0); // sticky, but not root's
    CHECK_STATUS(RENOIR_PERMISSION_DENIED, try_root(test_root()));
}

PEER(other_user)
{
    REQUIRE(setgid(4242) == 0 && setuid(4242) == 0);
    peer_say("%s", renoir_error_name(try_root(peer_arg(0))));
}

static void check_other_user(const char *answer)
{
    const TestPeer peer = peer_start(other_user, test_root());
    CHECK(peer_expect(peer, answer));
    CHECK_EXITED(peer, 0);
}

TEST(directory, a_folder_that_root_made_serves_all_users, "security_edge")
{
    if (geteuid() != 0) {
        SKIP("only root can become another user");
    }
    REQUIRE(chmod(test_directory(), 0755) == 0 && chmod(test_root(), 0755) == 0);
    char board[600];
    snprintf(board, sizeof board, "%s/board", test_directory());
    REQUIRE(chmod(board, 0666) == 0);
    CHECK_OK(try_root(test_root()));

    check_other_user("RENOIR_SUCCESS");
    REQUIRE(chmod(test_root_path("renoir"), 0777) == 0); // without the sticky bit
    check_other_user("RENOIR_PERMISSION_DENIED");
    REQUIRE(chmod(test_root_path("renoir"), 0755) == 0);
    check_other_user("RENOIR_SUCCESS");
    REQUIRE(chmod(test_root_path("renoir"), 0700) == 0);
    check_other_user("RENOIR_PERMISSION_DENIED");
}

TEST(directory, a_path_that_names_a_directory_is_refused, "security_edge")
{
    static const char *const paths[] = {"/", "//", "/tmp/", "/tmp/.", "/tmp/..", "/..", ""};
    const char *name = NULL;
    int fd = -1;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; ++i) {
        CHECK_STATUS(RENOIR_INVALID_PARAMETER, rnr_directory_open_parent(paths[i], &fd, &name));
        CHECK_EQ_I64(-1, fd);
    }
    REQUIRE_OK(rnr_directory_open_parent("/x", &fd, &name));
    CHECK_STR("x", name);
    rnr_file_close(fd);
    CHECK_STATUS(RENOIR_NOT_FOUND, rnr_directory_open_parent("/no such/x", &fd, &name));
}

static bool stop_at_second(const char *name, void *context)
{
    (void)name;
    return ++*(int *)context < 2;
}

TEST(directory, a_visit_ends_when_it_is_told, "reliability")
{
    int seen = 0;
    REQUIRE(mkdir(test_root_path("a"), 0700) == 0 && mkdir(test_root_path("b"), 0700) == 0);
    REQUIRE(mkdir(test_root_path("c"), 0700) == 0);
    const int fd = open_directory(test_root());
    CHECK_OK(rnr_directory_visit(fd, stop_at_second, &seen));
    CHECK_EQ_I64(2, seen);
    CHECK(rnr_directory_visit(-1, stop_at_second, &seen) != RENOIR_SUCCESS);
    close(fd);
}
