// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Files in the place of regions that are none, that are damaged, cut short, or somebody else's.

#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

#include "layout/region_shm.h"
#include "unit/memory/region_fixture.h"

static const char *region_path(void)
{
    return test_root_path("renoir/regions/r");
}

static void join(void)
{
    RenoirNodeInfo info;
    REQUIRE_OK(renoir_node_self(NULL, &info));
}

// A region that is kept, with nobody in it.
static void make_kept(void)
{
    RenoirRegionHandle region = NULL;
    void *memory = NULL;
    REQUIRE_OK(fixture_make("r", FIXTURE_SIZE, RENOIR_REGION_PERSISTENT, &region));
    REQUIRE_OK(renoir_region_block(region, "b", 100, 0, &memory, NULL));
    renoir_region_close(region);
}

static void put(size_t offset, const void *bytes, size_t length)
{
    const int fd = open(region_path(), O_RDWR | O_CLOEXEC);
    REQUIRE(fd >= 0);
    REQUIRE(pwrite(fd, bytes, length, (off_t)offset) == (ssize_t)length);
    close(fd);
}

static void check_refused(RenoirErrorCode expected)
{
    RenoirRegionHandle region = NULL;
    size_t count = 0;
    RenoirRegionInfo infos[2];
    CHECK_STATUS(expected, fixture_try_open("r"));
    CHECK_STR_CONTAINS("'r'", renoir_last_error_message());
    CHECK_STATUS(expected, fixture_make("r", FIXTURE_SIZE, 0, &region));
    CHECK(region == NULL);
    CHECK_OK(renoir_region_list(NULL, infos, 2, &count));
    CHECK_EQ_U64(0, count);
    (void)fixture_reap();
    CHECK_EQ_U64(1, fixture_count("regions")); // left as it is
}

TEST(hostile_file, each_field_of_a_header_that_is_wrong_is_noticed, "T-050 R-017 security_edge")
{
    static const struct {
        size_t offset;
        uint64_t value;
        size_t length;
        RenoirErrorCode expected;
    } wrong[] = {{offsetof(RnrFileHeaderShm, magic), 0, 8, RENOIR_CORRUPTED},
                 {offsetof(RnrFileHeaderShm, magic), UINT64_MAX, 8, RENOIR_CORRUPTED},
                 {offsetof(RnrFileHeaderShm, layout_version), 0, 4, RENOIR_VERSION_MISMATCH},
                 {offsetof(RnrFileHeaderShm, layout_version), 99, 4, RENOIR_VERSION_MISMATCH},
                 {offsetof(RnrFileHeaderShm, fingerprint), 1, 4, RENOIR_VERSION_MISMATCH},
                 {offsetof(RnrFileHeaderShm, byte_order), 0x04030201, 4, RENOIR_VERSION_MISMATCH},
                 {offsetof(RnrFileHeaderShm, kind), RNR_FILE_NODE, 4, RENOIR_CORRUPTED},
                 {offsetof(RnrFileHeaderShm, kind), 77, 4, RENOIR_CORRUPTED},
                 {offsetof(RnrFileHeaderShm, total_length), UINT64_MAX, 8, RENOIR_CORRUPTED},
                 {offsetof(RnrFileHeaderShm, total_length), (uint64_t)1 << 48, 8, RENOIR_CORRUPTED},
                 {offsetof(RnrFileHeaderShm, total_length), 0, 8, RENOIR_CORRUPTED},
                 {offsetof(RnrFileHeaderShm, total_length), 4096, 8, RENOIR_CORRUPTED},
                 {offsetof(RnrRegionShm, size_bytes), 0, 8, RENOIR_CORRUPTED},
                 {offsetof(RnrRegionShm, size_bytes), UINT64_MAX, 8, RENOIR_CORRUPTED},
                 {offsetof(RnrRegionShm, size_bytes), FIXTURE_SIZE + 1, 8, RENOIR_CORRUPTED},
                 {offsetof(RnrRegionShm, data_offset), 0, 8, RENOIR_CORRUPTED},
                 {offsetof(RnrRegionShm, data_offset), UINT64_MAX - 4095, 8, RENOIR_CORRUPTED},
                 {offsetof(RnrRegionShm, data_offset), 12288, 8, RENOIR_CORRUPTED},
                 {offsetof(RnrRegionShm, max_objects), 0, 4, RENOIR_CORRUPTED},
                 {offsetof(RnrRegionShm, max_objects), UINT32_MAX, 4, RENOIR_CORRUPTED},
                 {offsetof(RnrRegionShm, max_objects), 65537, 4, RENOIR_CORRUPTED},
                 {offsetof(RnrRegionShm, backing_type), 3, 4, RENOIR_CORRUPTED}};
    join();
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; ++i) {
        make_kept();
        put(wrong[i].offset, &wrong[i].value, wrong[i].length);
        check_refused(wrong[i].expected);
        REQUIRE(unlink(region_path()) == 0);
    }
}

TEST(hostile_file, a_file_of_the_other_byte_order_is_refused_as_such, "T-050 R-017 security_edge")
{
    join();
    make_kept();
    RnrFileHeaderShm header;
    const int fd = open(region_path(), O_RDWR | O_CLOEXEC);
    REQUIRE(fd >= 0 && pread(fd, &header, sizeof header, 0) == sizeof header);
    header.magic = __builtin_bswap64(header.magic);
    header.layout_version = __builtin_bswap32(header.layout_version);
    header.kind = __builtin_bswap32(header.kind);
    header.byte_order = __builtin_bswap32(header.byte_order);
    header.total_length = __builtin_bswap64(header.total_length);
    REQUIRE(pwrite(fd, &header, sizeof header, 0) == sizeof header);
    close(fd);
    check_refused(RENOIR_VERSION_MISMATCH);
    CHECK_STR_CONTAINS("byte order", (fixture_try_open("r"), renoir_last_error_message()));
    unlink(region_path());
}

TEST(hostile_file,
     a_file_that_is_too_short_is_refused_and_one_that_grew_works,
     "T-050 security_edge")
{
    static const off_t lengths[] = {0, 1, 63, 64, 4095, 4096, 12288, 65536};
    join();
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; ++i) {
        make_kept();
        REQUIRE(truncate(region_path(), lengths[i]) == 0);
        check_refused(RENOIR_CORRUPTED);
        CHECK_OK(renoir_region_remove(NULL, "r"));
    }
    make_kept();
    REQUIRE(truncate(region_path(), 1 << 20) == 0);
    RenoirRegionHandle region = fixture_open("r");
    size_t size = 0;
    CHECK_OK(renoir_region_info(region, NULL, &size, NULL));
    CHECK_EQ_U64(FIXTURE_SIZE, size);
    CHECK_OK(renoir_region_destroy(region));
}

TEST(hostile_file, random_bytes_are_refused, "T-050 security_edge")
{
    static unsigned char bytes[1 << 20];
    join();
    const uint64_t rounds = test_scaled(10000);
    for (uint64_t i = 0; i < rounds; ++i) {
        const size_t length = (size_t)test_random_below(sizeof bytes);
        for (size_t at = 0; at + 8 <= length; at += 8) {
            const uint64_t word = test_random_u64();
            memcpy(bytes + at, &word, sizeof word);
        }
        if (i % 2 == 0 && length >= 24) { // as if it were one of ours
            const uint64_t magic = RNR_FILE_MAGIC;
            memcpy(bytes, &magic, sizeof magic);
        }
        const int fd = open(region_path(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        REQUIRE(fd >= 0 && write(fd, bytes, length) == (ssize_t)length);
        close(fd);
        const RenoirErrorCode status = fixture_try_open("r");
        CHECK(status == RENOIR_CORRUPTED || status == RENOIR_VERSION_MISMATCH);
        unlink(region_path());
    }
}

TEST(hostile_file, what_is_no_regular_file_is_refused, "T-050 security_edge")
{
    char elsewhere[600];
    RenoirRegionHandle region = NULL;
    join();
    snprintf(elsewhere, sizeof elsewhere, "%s/victim", test_directory());
    REQUIRE_OK(fixture_make(elsewhere, FIXTURE_SIZE, 0, &region));
    REQUIRE(symlink(elsewhere, region_path()) == 0);
    CHECK_STATUS(RENOIR_CORRUPTED, fixture_try_open("r"));
    CHECK_STATUS(RENOIR_CORRUPTED, renoir_region_remove(NULL, "r"));
    (void)fixture_reap();
    CHECK(access(elsewhere, F_OK) == 0);
    CHECK_OK(renoir_region_destroy(region));
    unlink(region_path());
    REQUIRE(mkfifo(region_path(), 0600) == 0);
    CHECK_STATUS(RENOIR_CORRUPTED, fixture_try_open("r")); // and does not wait for its other end
    CHECK_STATUS(RENOIR_CORRUPTED, fixture_make("r", FIXTURE_SIZE, 0, &region));
    unlink(region_path());
    REQUIRE(mkdir(region_path(), 0700) == 0);
    CHECK_STATUS(RENOIR_CORRUPTED, fixture_try_open("r"));
    CHECK_STATUS(RENOIR_CORRUPTED, fixture_make("r", FIXTURE_SIZE, 0, &region));
    rmdir(region_path());
}

TEST(hostile_file, a_region_under_another_name_is_refused, "T-050 security_edge")
{
    make_kept();
    REQUIRE(rename(region_path(), test_root_path("renoir/regions/other")) == 0);
    CHECK_STATUS(RENOIR_REGION_EXISTS, fixture_try_open("other"));
    CHECK_STR_CONTAINS("'r'", renoir_last_error_message());
    unlink(test_root_path("renoir/regions/other"));
}

// Every function that takes a region, once.
static void call_all(RenoirRegionHandle region, RenoirErrorCode expected)
{
    void *memory = NULL;
    const char *name = NULL;
    size_t size = 0;
    uint64_t offset = 0;
    uint32_t backing = 0;
    RenoirRegionInfo info;
    RenoirRegionStats stats;
    RenoirAllocatorHandle allocator = NULL;
    CHECK_STATUS(expected, renoir_region_info(region, &name, &size, &backing));
    CHECK_STATUS(expected, renoir_region_describe(region, &info));
    CHECK_STATUS(expected, renoir_region_get_ptr(region, &memory, &size));
    CHECK(memory == NULL && size == 0);
    CHECK_STATUS(expected, renoir_region_block(region, "b", 100, 0, &memory, NULL));
    CHECK_STATUS(expected, renoir_region_offset(region, &info, &offset));
    CHECK_STATUS(expected, renoir_region_pointer(region, 0, 1, &memory));
    CHECK_STATUS(expected, renoir_region_flush(region));
    CHECK_STATUS(expected, renoir_region_stats(region, &stats));
    CHECK_STATUS(expected, renoir_region_objects(region, NULL, 0, &size));
    CHECK_STATUS(expected, renoir_region_remove_object(region, "b"));
    CHECK_STATUS(expected, renoir_region_verify(region, NULL, 0));
    CHECK_STATUS(expected, renoir_allocator_create_bump(region, &allocator));
    CHECK_STATUS(expected, renoir_region_send(region, -1));
    CHECK(renoir_region_path(region) == NULL);
    CHECK_EQ_I64(-1, renoir_region_fd(region));
}

TEST(hostile_file,
     a_mapped_file_cut_short_is_an_error_on_the_next_call,
     "T-039 T-050 security_edge")
{
    static const off_t lengths[] = {0, 4096, FIXTURE_SIZE};
    for (size_t i = 0; i < 3; ++i) {
        RenoirRegionHandle region = fixture_region("r");
        REQUIRE(truncate(region_path(), lengths[i]) == 0);
        call_all(region, RENOIR_CORRUPTED);
        CHECK_STR_CONTAINS("cut short", renoir_last_error_message());
        CHECK_OK(renoir_region_destroy(region));
        CHECK_EQ_U64(0, fixture_count("regions"));
    }
}

TEST(hostile_file, with_the_guard_even_touching_it_is_no_crash, "T-039 security_edge")
{
    RenoirRegionHandle region = fixture_region("r");
    CHECK_OK(renoir_sigbus_guard_install());
    RenoirRegionHandle guarded = fixture_open("r");
    unsigned char *bytes = fixture_bytes(guarded);
    bytes[FIXTURE_SIZE - 1] = 'x';
    REQUIRE(truncate(region_path(), 4096) == 0);

    CHECK_EQ_U64(0, *(volatile unsigned char *)(bytes + FIXTURE_SIZE - 1));
    memset(bytes, 'y', FIXTURE_SIZE);

    // even if it gets its length back: what was there is lost
    REQUIRE(truncate(region_path(), 1 << 20) == 0);
    call_all(guarded, RENOIR_CORRUPTED);
    renoir_region_close(guarded);
    CHECK_OK(renoir_region_destroy(region));
    CHECK_EQ_U64(0, fixture_count("regions"));
}

// --- other users ---------------------------------------------------------------------------------

PEER(other_user)
{
    RenoirRegionConfig config = renoir_region_config_default();
    RenoirRegionHandle region = NULL;
    RenoirManagerHandle manager = NULL;
    REQUIRE(setgid(4242) == 0 && setuid(4242) == 0);
    manager = renoir_manager_create();
    if (manager == NULL) {
        FAIL("%s", renoir_last_error_message());
    }
    config.name = peer_arg(0);
    config.size = FIXTURE_SIZE;
    config.permissions = (uint32_t)peer_arg_u64(1);
    REQUIRE_OK(renoir_region_create(manager, &config, &region));
    fixture_bytes(region)[0] = 'o';
    peer_say("made");
    char line[16];
    while (peer_hear(line, sizeof line)) {
        if (strcmp(line, "cut") == 0) {
            CHECK(truncate(renoir_region_path(region), 0) == 0);
        }
        peer_say("done");
    }
    renoir_region_close(region);
    CHECK_OK(renoir_manager_destroy(manager));
}

// A root that all users share, made by root.
static void share_root(void)
{
    char board[600];
    if (!fixture_is_root()) {
        SKIP("only root can become another user");
    }
    snprintf(board, sizeof board, "%s/board", test_directory());
    REQUIRE(chmod(test_directory(), 0755) == 0 && chmod(test_root(), 0755) == 0);
    REQUIRE(chmod(board, 0666) == 0);
    join();
}

TEST(hostile_user, a_file_of_another_user_is_mapped_with_the_guard_only, "T-031 security_edge")
{
    share_root();
    RenoirRegionOptions options = renoir_region_options_default();
    RenoirRegionHandle region = NULL;
    const TestPeer peer = peer_start(other_user, "theirs", "0644");
    REQUIRE(peer_expect(peer, "made"));
    options.flags = RENOIR_REGION_READ_ONLY;

    CHECK_STATUS(RENOIR_PERMISSION_DENIED, renoir_region_open(NULL, "theirs", &options, &region));
    CHECK_STR_CONTAINS("user 4242", renoir_last_error_message());
    CHECK_STR_CONTAINS("renoir_sigbus_guard_install()", renoir_last_error_message());

    CHECK_OK(renoir_sigbus_guard_install());
    REQUIRE_OK(renoir_region_open(NULL, "theirs", &options, &region));
    CHECK_EQ_U64('o', fixture_bytes(region)[0]);
    const volatile unsigned char *bytes = fixture_bytes(region);
    peer_send_line(peer, "cut");
    REQUIRE(peer_expect(peer, "done"));
    CHECK_EQ_U64(0, bytes[0]);
    call_all(region, RENOIR_CORRUPTED);
    renoir_region_close(region);
    CHECK_EXITED(peer, 0);
    (void)fixture_reap();
    unlink(test_root_path("renoir/regions/theirs"));
}

PEER(second_user)
{
    RenoirRegionOptions options = renoir_region_options_default();
    RenoirRegionHandle region = NULL;
    size_t count = 0;
    REQUIRE(setgid(4343) == 0 && setuid(4343) == 0);
    CHECK_OK(renoir_sigbus_guard_install());
    options.flags = RENOIR_REGION_READ_ONLY;
    CHECK_OK(renoir_region_open(NULL, "open", &options, &region));
    if (region != NULL) {
        void *memory = NULL;
        CHECK_EQ_U64('o', fixture_bytes(region)[0]);
        CHECK_STATUS(RENOIR_PERMISSION_DENIED,
                     renoir_region_block(region, "b", 8, 0, &memory, NULL));
    }
    renoir_region_close(region);
    CHECK_STATUS(RENOIR_PERMISSION_DENIED, renoir_region_open(NULL, "open", NULL, &region));
    CHECK_STATUS(RENOIR_PERMISSION_DENIED, renoir_region_open(NULL, "closed", &options, &region));
    CHECK_STATUS(RENOIR_PERMISSION_DENIED, fixture_make("closed", 4096, 0, &region));
    CHECK_STATUS(RENOIR_PERMISSION_DENIED, renoir_region_remove(NULL, "open"));
    CHECK_STATUS(RENOIR_PERMISSION_DENIED, renoir_region_remove(NULL, "closed"));
    CHECK(region == NULL);
    CHECK_OK(renoir_region_list(NULL, NULL, 0, &count));
    CHECK_EQ_U64(1, count); // what it may not read is left out
    CHECK_OK(renoir_node_list(NULL, NULL, 0, &count));
    CHECK_EQ_U64(4, count); // but who is alive, it may know
    CHECK_OK(renoir_node_reap(NULL, NULL));
}

TEST(hostile_user,
     another_user_reads_what_the_mode_allows_and_harms_nothing,
     "T-031 T-046 security_edge")
{
    share_root();
    const TestPeer open_one = peer_start(other_user, "open", "0644");
    REQUIRE(peer_expect(open_one, "made"));
    const TestPeer closed_one = peer_start(other_user, "closed", "0600");
    REQUIRE(peer_expect(closed_one, "made"));

    CHECK_EXITED(peer_start(second_user), 0);

    CHECK_EQ_U64(2, fixture_count("regions"));
    CHECK_EQ_U64(3, fixture_count("nodes"));
    CHECK_EXITED(open_one, 0);
    CHECK_EXITED(closed_one, 0);
    CHECK_EQ_U64(0, fixture_count("regions"));
}

// --- a full root ---------------------------------------------------------------------------------

static void write_text(const char *path, const char *text)
{
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        (void)!write(fd, text, strlen(text));
        close(fd);
    }
}

// In a user namespace this user is root.
static bool enter_namespace(void)
{
    char map[64];
    const unsigned user = (unsigned)geteuid();
    const unsigned group = (unsigned)getegid();
    if (unshare(CLONE_NEWNS) == 0) {
        return true;
    }
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
        return false;
    }
    write_text("/proc/self/setgroups", "deny");
    snprintf(map, sizeof map, "0 %u 1", user);
    write_text("/proc/self/uid_map", map);
    snprintf(map, sizeof map, "0 %u 1", group);
    write_text("/proc/self/gid_map", map);
    return geteuid() == 0;
}

static bool mount_small(const char *path, const char *options)
{
    return enter_namespace() && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("small", path, "tmpfs", 0, options) == 0;
}

static uint64_t free_bytes(const char *path)
{
    struct statvfs facts;
    REQUIRE(statvfs(path, &facts) == 0);
    return (uint64_t)facts.f_bavail * facts.f_frsize;
}

PEER(fills_root)
{
    const char *root = test_root_path("small");
    RenoirManagerOptions options = renoir_manager_options_default();
    RenoirManagerHandle manager = NULL;
    RenoirRegionConfig config = renoir_region_config_default();
    RenoirRegionHandle region = NULL;
    RenoirRegionHandle second = NULL;
    if (!mount_small(root, "size=1m")) {
        peer_say("no mount");
        return;
    }
    peer_say("mounted");
    options.root = root;
    REQUIRE_OK(renoir_manager_create_with(&options, &manager));
    const uint64_t before = free_bytes(root);
    config.name = "too large";
    static const uint64_t sizes[] = {UINT64_C(1) << 20, UINT64_C(1) << 30, UINT64_C(1) << 40};
    for (size_t size = 0; size < 3 && sizes[size] <= SIZE_MAX; ++size) {
        config.size = (size_t)sizes[size];
        for (uint32_t i = 0; i < 2; ++i) {
            char needed[64];
            char there[64];
            const uint64_t total = config.size + 45056;
            snprintf(needed, sizeof needed, "%llu bytes needed", (unsigned long long)total);
            snprintf(there, sizeof there, "%llu free", (unsigned long long)before);
            CHECK_STATUS(RENOIR_INSUFFICIENT_SPACE,
                         renoir_region_create(manager, &config, &region));
            CHECK_STR_CONTAINS(needed, renoir_last_error_message());
            CHECK_STR_CONTAINS(there, renoir_last_error_message());
            CHECK(region == NULL);
            CHECK_EQ_U64(before, free_bytes(root));
        }
    }
    // what fits can be used to its last byte, with nothing left beside it
    config.name = "fits";
    config.size = (size_t)before - 45056;
    REQUIRE_OK(renoir_region_create(manager, &config, &region));
    CHECK_EQ_U64(0, free_bytes(root));
    memset(fixture_bytes(region), 'f', config.size);
    void *memory = NULL;
    CHECK_OK(renoir_region_block(region, "b", config.size, 0, &memory, NULL));
    config.name = "no more";
    config.size = 1;
    CHECK_STATUS(RENOIR_INSUFFICIENT_SPACE, renoir_region_create(manager, &config, &second));
    renoir_region_close(region);
    CHECK_EQ_U64(before, free_bytes(root));
    CHECK_OK(renoir_manager_destroy(manager));
}

TEST(hostile_root, a_full_root_is_an_error_with_both_numbers, "R-041 T-052 reliability")
{
    char line[32];
    REQUIRE(mkdir(test_root_path("small"), 0700) == 0);
    const TestPeer peer = peer_start(fills_root);
    REQUIRE(peer_read_line(peer, line, sizeof line));
    CHECK_EXITED(peer, 0);
    if (strcmp(line, "no mount") == 0) {
        SKIP("this user may not mount a file system of its own");
    }
}

PEER(joins_full_root)
{
    const char *root = test_root_path("small");
    RenoirManagerOptions options = renoir_manager_options_default();
    RenoirManagerHandle manager = NULL;
    char path[600];
    if (!mount_small(root, "size=16k")) {
        peer_say("no mount");
        return;
    }
    peer_say("mounted");
    options.root = root;
    snprintf(path, sizeof path, "%s/filler", root);
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    REQUIRE(fd >= 0);
    REQUIRE(fallocate(fd, 0, 0, 16384) == 0);
    CHECK_STATUS(RENOIR_INSUFFICIENT_SPACE, renoir_manager_create_with(&options, &manager));
    CHECK_STR_CONTAINS("4096 bytes needed, 0 free", renoir_last_error_message());
    CHECK(manager == NULL);
    close(fd);
    unlink(path);
    CHECK_OK(renoir_manager_create_with(&options, &manager));
    CHECK_OK(renoir_manager_destroy(manager));
}

TEST(hostile_root, joining_a_full_root_is_an_error, "R-041 T-052 reliability")
{
    char line[32];
    REQUIRE(mkdir(test_root_path("small"), 0700) == 0);
    const TestPeer peer = peer_start(joins_full_root);
    REQUIRE(peer_read_line(peer, line, sizeof line));
    CHECK_EXITED(peer, 0);
    if (strcmp(line, "no mount") == 0) {
        SKIP("this user may not mount a file system of its own");
    }
}
