// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Regions that lie elsewhere: memfds, POSIX shared memory, files at a path.

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "unit/memory/region_fixture.h"

static RenoirErrorCode
make_with(const char *name, uint32_t backing, const char *path, RenoirRegionHandle *out_region)
{
    RenoirRegionConfig config = renoir_region_config_default();
    config.name = name;
    config.size = FIXTURE_SIZE;
    config.backing_type = backing;
    config.file_path = path;
    return renoir_region_create(NULL, &config, out_region);
}

PEER(opens_and_writes)
{
    uint32_t backing = 9;
    RenoirRegionHandle region = fixture_open(peer_arg(0));
    CHECK_OK(renoir_region_info(region, NULL, NULL, &backing));
    CHECK_EQ_U64(peer_arg_u64(1), backing);
    CHECK(fixture_bytes(region)[0] == 'c');
    fixture_bytes(region)[1] = 'o';
    peer_say("written");
    peer_pause();
    CHECK(fixture_bytes(region)[0] == 'c');
    renoir_region_close(region);
}

TEST(region_backing, a_memfd_is_opened_through_its_creators_entry, "R-028 T-034 communication")
{
    TEST_NEEDS_MEMFD();
    RenoirRegionHandle region = NULL;
    REQUIRE_OK(make_with("anonymous", RENOIR_BACKING_MEMFD, NULL, &region));
    CHECK_STR("", renoir_region_path(region));
    fixture_bytes(region)[0] = 'c';
    const TestPeer peer = peer_start(opens_and_writes, "anonymous", "1");
    REQUIRE(peer_expect(peer, "written"));
    CHECK(fixture_bytes(region)[1] == 'o');
    CHECK(ftruncate(renoir_region_fd(region), 0) != 0); // sealed
    CHECK_OK(renoir_region_flush(region));

    renoir_region_close(region); // its entry goes, the other's memory stays

    CHECK_STATUS(RENOIR_REGION_NOT_FOUND, fixture_try_open("anonymous"));
    CHECK_EQ_U64(0, fixture_count("regions"));
    CHECK_EXITED(peer, 0);
}

PEER(makes_memfd)
{
    RenoirRegionHandle region = NULL;
    REQUIRE_OK(make_with("anonymous", RENOIR_BACKING_MEMFD, NULL, &region));
    fixture_bytes(region)[0] = 'c';
    peer_say("made");
    peer_pause();
    renoir_region_close(region);
}

TEST(region_backing, a_memfd_goes_with_its_killed_creator, "R-028 R-036 reliability")
{
    TEST_NEEDS_MEMFD();
    const TestPeer peer = peer_start(makes_memfd);
    REQUIRE(peer_expect(peer, "made"));
    RenoirRegionHandle region = fixture_open("anonymous");
    CHECK_EQ_U64(1, fixture_count("regions"));

    CHECK_KILLED(peer_kill(peer, SIGKILL));

    CHECK(fixture_bytes(region)[0] == 'c'); // what is open stays
    CHECK_STATUS(RENOIR_REGION_NOT_FOUND, fixture_try_open("anonymous"));
    CHECK_EQ_U64(0, fixture_count("regions")); // the stale reference went with the look
    RenoirRegionHandle anew = NULL;
    CHECK_OK(make_with("anonymous", RENOIR_BACKING_MEMFD, NULL, &anew));
    CHECK(fixture_bytes(anew)[0] == 0);
    renoir_region_close(anew);
    renoir_region_close(region);
    (void)fixture_reap();
}

TEST(region_backing, a_descriptor_over_a_socket_opens_each_backing, "R-028 T-034 communication")
{
    for (uint32_t backing = 0; backing < 3; ++backing) {
        if (backing == RENOIR_BACKING_MEMFD && !TEST_HAS_MEMFD) {
            continue;
        }
        char name[40];
        int pair[2];
        RenoirRegionHandle region = NULL;
        RenoirRegionHandle received = NULL;
        snprintf(name, sizeof name, "sent %d", (int)getpid());
        REQUIRE_OK(make_with(name, backing, NULL, &region));
        REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
        CHECK_OK(renoir_region_send(region, pair[0]));

        REQUIRE_OK(renoir_region_receive(NULL, pair[1], NULL, &received));

        const char *given = NULL;
        CHECK_OK(renoir_region_info(received, &given, NULL, NULL));
        fixture_bytes(region)[100] = 's';
        CHECK(fixture_bytes(received)[100] == 's');
        if (backing != RENOIR_BACKING_MEMFD) {
            CHECK_STR(name, given);
        }
        renoir_region_close(region);
        CHECK(fixture_bytes(received)[100] == 's');
        renoir_region_close(received);
        CHECK_EQ_U64(0, fixture_count("regions"));
        close(pair[0]);
        CHECK_STATUS(RENOIR_DISCONNECTED, renoir_region_receive(NULL, pair[1], NULL, &received));
        CHECK(received == NULL);
        close(pair[1]);
    }
}

PEER(receives)
{
    RenoirRegionHandle region = NULL;
    REQUIRE_OK(renoir_region_receive(NULL, (int)peer_arg_u64(0), NULL, &region));
    memset(fixture_bytes(region), 'w', FIXTURE_SIZE);
    CHECK_OK(renoir_region_verify(region, NULL, 0));
    renoir_region_close(region);
}

TEST(region_backing, another_process_receives_a_memfd_and_writes_into_it, "R-028 communication")
{
    TEST_NEEDS_MEMFD();
    int pair[2];
    char number[16];
    RenoirRegionHandle region = NULL;
    REQUIRE_OK(make_with("anonymous", RENOIR_BACKING_MEMFD, NULL, &region));
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0); // inherited by the peer
    snprintf(number, sizeof number, "%d", pair[1]);
    const TestPeer peer = peer_start(receives, number);
    CHECK_OK(renoir_region_send(region, pair[0]));
    CHECK_EXITED(peer, 0);
    CHECK(fixture_bytes(region)[0] == 'w' && fixture_bytes(region)[FIXTURE_SIZE - 1] == 'w');
    renoir_region_close(region);
    close(pair[0]);
    close(pair[1]);
}

TEST(region_backing, descriptors_of_anything_else_are_refused, "R-028 T-050 security_edge")
{
    int ends[2];
    RenoirRegionHandle region = NULL;
    REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    const int file = open(test_directory(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    const int folder = open(test_directory(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const unsigned before = test_count_descriptors();
    CHECK_STATUS(RENOIR_CORRUPTED, renoir_region_open_fd(NULL, ends[0], NULL, &region));
    CHECK_STATUS(RENOIR_CORRUPTED, renoir_region_open_fd(NULL, file, NULL, &region));
    REQUIRE(ftruncate(file, 1 << 20) == 0);
    CHECK_STATUS(RENOIR_CORRUPTED, renoir_region_open_fd(NULL, file, NULL, &region));
    CHECK_STATUS(RENOIR_CORRUPTED, renoir_region_open_fd(NULL, folder, NULL, &region));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_region_open_fd(NULL, -1, NULL, &region));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_region_open_fd(NULL, 9999, NULL, &region));
    CHECK(region == NULL);
    CHECK_EQ_U64(before, test_count_descriptors());
    close(ends[0]);
    close(ends[1]);
    close(file);
    close(folder);
}

TEST(region_backing, a_read_only_descriptor_opens_for_reading_only, "R-032 T-031 security_edge")
{
    char path[64];
    RenoirRegionOptions options = renoir_region_options_default();
    RenoirRegionHandle region = fixture_region("shared");
    RenoirRegionHandle other = NULL;
    snprintf(path, sizeof path, "/proc/self/fd/%d", renoir_region_fd(region));
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    REQUIRE(fd >= 0);
    CHECK_STATUS(RENOIR_PERMISSION_DENIED, renoir_region_open_fd(NULL, fd, NULL, &other));
    options.flags = RENOIR_REGION_READ_ONLY;
    CHECK_OK(renoir_region_open_fd(NULL, fd, &options, &other));
    close(fd);
    renoir_region_close(other);
    CHECK_OK(fixture_try_open("shared"));
    renoir_region_close(region);
}

TEST(region_backing, posix_shared_memory_is_where_shm_open_looks, "R-029 communication")
{
    char name[64];
    char posix_name[80];
    RenoirRegionHandle region = NULL;
    snprintf(name, sizeof name, "posix/of %d", (int)getpid());
    snprintf(posix_name, sizeof posix_name, "/renoir.posix%%2Fof %d", (int)getpid());
    REQUIRE_OK(make_with(name, RENOIR_BACKING_POSIX_SHM, NULL, &region));
    fixture_bytes(region)[0] = 'c';

    const int fd = shm_open(posix_name, O_RDONLY, 0);
    CHECK(fd >= 0);
    close(fd);
    const TestPeer peer = peer_start(opens_and_writes, name, "2");
    REQUIRE(peer_expect(peer, "written"));
    CHECK(fixture_bytes(region)[1] == 'o');
    CHECK_EXITED(peer, 0);
    CHECK_STR_CONTAINS(posix_name + 1, renoir_region_path(region));
    renoir_region_close(region);
    CHECK(shm_open(posix_name, O_RDONLY, 0) < 0);
    CHECK_EQ_U64(0, fixture_count("regions"));
}

TEST(region_backing, a_file_path_is_used_as_given_and_kept, "R-022 R-027 communication")
{
    char path[600];
    RenoirRegionHandle region = NULL;
    snprintf(path, sizeof path, "%s/at a path", test_directory());
    REQUIRE_OK(make_with("known", RENOIR_BACKING_FILE, path, &region));
    CHECK_STR(path, renoir_region_path(region));
    fixture_bytes(region)[0] = 'c';
    const TestPeer peer = peer_start(opens_and_writes, "known", "0");
    REQUIRE(peer_expect(peer, "written"));
    CHECK_EXITED(peer, 0);
    RenoirRegionInfo info;
    CHECK_OK(renoir_region_describe(region, &info));
    CHECK_EQ_U64(RENOIR_REGION_PERSISTENT, info.flags);
    renoir_region_close(region);
    (void)fixture_reap();
    CHECK(access(path, F_OK) == 0);

    region = fixture_open("known");

    CHECK(fixture_bytes(region)[1] == 'o');
    CHECK_OK(renoir_region_destroy(region));
    CHECK(access(path, F_OK) != 0);
    CHECK_EQ_U64(0, fixture_count("regions"));
}

TEST(region_backing, a_reference_whose_file_is_gone_is_stale, "R-027 reliability")
{
    char path[600];
    RenoirRegionHandle region = NULL;
    snprintf(path, sizeof path, "%s/gone", test_directory());
    REQUIRE_OK(make_with("known", RENOIR_BACKING_FILE, path, &region));
    renoir_region_close(region);
    CHECK_EQ_U64(1, fixture_count("regions"));
    unlink(path);
    CHECK_STATUS(RENOIR_REGION_NOT_FOUND, fixture_try_open("known"));
    CHECK_EQ_U64(0, fixture_count("regions"));
    REQUIRE_OK(make_with("known", RENOIR_BACKING_FILE, path, &region));
    CHECK_OK(renoir_region_destroy(region));
}

TEST(region_backing, a_name_of_another_backing_or_path_is_refused, "R-025 reliability")
{
    char paths[2][600];
    RenoirRegionHandle region = NULL;
    RenoirRegionHandle other = NULL;
    snprintf(paths[0], sizeof paths[0], "%s/one", test_directory());
    snprintf(paths[1], sizeof paths[1], "%s/two", test_directory());
    for (uint32_t backing = 0; backing < 3; ++backing) {
        if (backing == RENOIR_BACKING_MEMFD && !TEST_HAS_MEMFD) {
            continue;
        }
        REQUIRE_OK(make_with("taken", backing, NULL, &region));
        for (uint32_t wanted = 0; wanted < 3; ++wanted) {
            if (wanted == RENOIR_BACKING_MEMFD && !TEST_HAS_MEMFD) {
                continue;
            }
            const RenoirErrorCode expected =
                wanted == backing ? RENOIR_SUCCESS : RENOIR_REGION_EXISTS;
            CHECK_STATUS(expected, make_with("taken", wanted, NULL, &other));
            renoir_region_close(other);
        }
        CHECK_STATUS(RENOIR_REGION_EXISTS,
                     make_with("taken", RENOIR_BACKING_FILE, paths[0], &other));
        renoir_region_close(region);
    }
    REQUIRE_OK(make_with("taken", RENOIR_BACKING_FILE, paths[0], &region));
    CHECK_STATUS(RENOIR_REGION_EXISTS, make_with("taken", RENOIR_BACKING_FILE, paths[1], &other));
    CHECK_STR_CONTAINS(paths[1], renoir_last_error_message());
    CHECK(access(paths[1], F_OK) != 0);
    // joined where it is, and refused where another name claims its file
    CHECK_OK(make_with("taken", RENOIR_BACKING_FILE, NULL, &other));
    renoir_region_close(other);
    CHECK_OK(renoir_region_destroy(region));
    CHECK_EQ_U64(0, fixture_count("regions"));
}

TEST(region_backing, a_file_known_under_another_root_is_joined, "R-027 communication")
{
    char path[600];
    char root[600];
    RenoirManagerOptions options = renoir_manager_options_default();
    RenoirManagerHandle manager = NULL;
    RenoirRegionConfig config = renoir_region_config_default();
    RenoirRegionHandle first = NULL;
    RenoirRegionHandle second = NULL;
    snprintf(path, sizeof path, "%s/shared file", test_directory());
    snprintf(root, sizeof root, "%s/other root", test_directory());
    REQUIRE(mkdir(root, 0700) == 0);
    options.root = root;
    REQUIRE_OK(renoir_manager_create_with(&options, &manager));
    REQUIRE_OK(make_with("known", RENOIR_BACKING_FILE, path, &first));
    config.name = "known";
    config.size = FIXTURE_SIZE;
    config.file_path = path;
    REQUIRE_OK(renoir_region_create(manager, &config, &second));
    fixture_bytes(first)[7] = 'b';
    CHECK(fixture_bytes(second)[7] == 'b');
    renoir_region_close(first);
    CHECK_OK(renoir_region_destroy(second));
    CHECK_STATUS(RENOIR_REGION_NOT_FOUND, renoir_region_remove(NULL, "known"));
    CHECK_OK(renoir_manager_destroy(manager));
}

TEST(region_backing, a_relative_path_is_found_again_from_another_directory, "R-022 R-027 T-081")
{
    char start[512];
    char elsewhere[512];
    RenoirRegionHandle made = NULL;
    RenoirRegionHandle found = NULL;
    RenoirRegionConfig config = renoir_region_config_default();
    REQUIRE(getcwd(start, sizeof start) != NULL);
    (void)snprintf(elsewhere, sizeof elsewhere, "%s", test_root());
    REQUIRE(chdir(elsewhere) == 0);
    config.name = "here";
    config.size = 4096;
    config.file_path = "relative.region";
    REQUIRE_OK(renoir_region_create(NULL, &config, &made));
    CHECK_STR_CONTAINS("/relative.region", renoir_region_path(made));

    REQUIRE(chdir("/") == 0);

    CHECK_OK(renoir_region_open(NULL, "here", NULL, &found));
    renoir_region_close(found);
    CHECK_OK(renoir_region_destroy(made));
    REQUIRE(chdir(start) == 0);
}
