// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Regions by name: made, joined, looked at, taken away; from several processes.

#include "unit/memory/region_fixture.h"

#include <fcntl.h>
#include <setjmp.h>
#include <sys/mman.h>

PEER(user)
{
    char line[64];
    RenoirRegionHandle region = fixture_open(peer_arg(0));
    unsigned char *bytes = fixture_bytes(region);
    peer_say("open");
    while (peer_hear(line, sizeof line)) {
        if (strcmp(line, "write") == 0) {
            memset(bytes, 'p', FIXTURE_SIZE);
        } else if (strcmp(line, "close") == 0) {
            renoir_region_close(region);
            region = NULL;
        } else if (strcmp(line, "check") == 0) {
            CHECK_OK(renoir_region_verify(region, NULL, 0));
            CHECK(bytes[0] == 'p' && bytes[FIXTURE_SIZE - 1] == 'p');
        }
        peer_say("done");
    }
    renoir_region_close(region);
}

static void tell(TestPeer peer, const char *what)
{
    peer_send_line(peer, "%s", what);
    REQUIRE(peer_expect(peer, "done"));
}

static TestPeer start_user(const char *name)
{
    const TestPeer peer = peer_start(user, name);
    REQUIRE(peer_expect(peer, "open"));
    return peer;
}

TEST(region, what_one_process_writes_another_reads, "R-001 R-019 R-023 T-031 communication")
{
    RenoirRegionHandle region = fixture_region("shared");
    unsigned char *bytes = fixture_bytes(region);
    CHECK(bytes[0] == 0 && bytes[FIXTURE_SIZE - 1] == 0);
    const TestPeer peer = start_user("shared");

    tell(peer, "write");

    CHECK(bytes[0] == 'p' && bytes[FIXTURE_SIZE - 1] == 'p');
    CHECK_EXITED(peer, 0);
    renoir_region_close(region);
}

TEST(region, create_joins_what_is_there_with_at_least_its_size, "R-025 T-032 communication")
{
    RenoirRegionHandle region = fixture_region("shared");
    const TestPeer peer = start_user("shared");
    tell(peer, "write");
    static const size_t sizes[] = {1, 4096, FIXTURE_SIZE - 1, FIXTURE_SIZE};
    for (size_t i = 0; i < 4; ++i) { // smaller and equal
        RenoirRegionHandle again = NULL;
        size_t size = 0;
        REQUIRE_OK(fixture_make("shared", sizes[i], 0, &again));
        CHECK_OK(renoir_region_info(again, NULL, &size, NULL));
        CHECK_EQ_U64(FIXTURE_SIZE, size);
        CHECK(fixture_bytes(again)[FIXTURE_SIZE - 1] == 'p');
        renoir_region_close(again);
        tell(peer, "check");
    }
    RenoirRegionHandle larger = region;
    CHECK_STATUS(RENOIR_REGION_EXISTS, fixture_make("shared", FIXTURE_SIZE + 1, 0, &larger));
    CHECK(larger == NULL);
    CHECK_STR_CONTAINS("65536", renoir_last_error_message());
    CHECK_STR_CONTAINS("65537", renoir_last_error_message());
    tell(peer, "check");
    CHECK_EXITED(peer, 0);
    renoir_region_close(region);
}

static RenoirErrorCode join_only(const char *name, size_t size, RenoirRegionHandle *out_region)
{
    RenoirRegionConfig config = renoir_region_config_default();
    config.name = name;
    config.size = size;
    config.create = false;
    return renoir_region_create(NULL, &config, out_region);
}

TEST(region, create_false_joins_with_size_0_or_exactly_its_size, "R-026 T-031 reliability")
{
    RenoirRegionHandle joined = NULL;
    CHECK_STATUS(RENOIR_REGION_NOT_FOUND, join_only("shared", 0, &joined));
    CHECK_STR_CONTAINS("'shared'", renoir_last_error_message());
    CHECK_EQ_U64(0, fixture_count("regions")); // none was made
    RenoirRegionHandle region = fixture_region("shared");
    static const size_t good[] = {0, FIXTURE_SIZE, FIXTURE_SIZE - 1};
    for (size_t i = 0; i < 3; ++i) {
        CHECK_OK(join_only("shared", good[i], &joined));
        renoir_region_close(joined);
    }
    static const size_t bad[] = {1, FIXTURE_SIZE - 4096, FIXTURE_SIZE + 1,
                                 TEST_SIZE(UINT64_C(1) << 40)};
    for (size_t i = 0; i < 4; ++i) {
        char number[32];
        snprintf(number, sizeof number, "%zu", bad[i]);
        CHECK_STATUS(RENOIR_INVALID_PARAMETER, join_only("shared", bad[i], &joined));
        CHECK(joined == NULL);
        CHECK_STR_CONTAINS(number, renoir_last_error_message());
        CHECK_STR_CONTAINS("65536", renoir_last_error_message());
    }
    renoir_region_close(region);
}

TEST(region, exclusive_refuses_to_join, "R-025 reliability")
{
    RenoirRegionHandle region = NULL;
    RenoirRegionHandle second = NULL;
    REQUIRE_OK(fixture_make("one", FIXTURE_SIZE, RENOIR_REGION_EXCLUSIVE, &region));
    fixture_bytes(region)[0] = 'x';
    CHECK_STATUS(RENOIR_REGION_EXISTS,
                 fixture_make("one", FIXTURE_SIZE, RENOIR_REGION_EXCLUSIVE, &second));
    CHECK(second == NULL);
    CHECK(fixture_bytes(region)[0] == 'x');
    CHECK_OK(fixture_try_open("one"));
    renoir_region_close(region);
}

PEER(exclusive)
{
    RenoirRegionHandle region = NULL;
    peer_pause();
    RenoirErrorCode status;
    do {
        status = fixture_make("race", FIXTURE_SIZE, RENOIR_REGION_EXCLUSIVE, &region);
    } while (status == RENOIR_CONCURRENCY_ERROR);
    CHECK(status == RENOIR_SUCCESS || status == RENOIR_REGION_EXISTS);
    peer_say("%s", status == RENOIR_SUCCESS ? "made" : "exists");
    peer_pause();
    renoir_region_close(region);
}

TEST(region, of_eight_exclusive_creators_one_wins, "R-025 T-051 concurrent_stress")
{
    for (int round = 0; round < 10; ++round) {
        TestPeer peers[8];
        int made = 0;
        for (int i = 0; i < 8; ++i) {
            peers[i] = peer_start(exclusive);
        }
        for (int i = 0; i < 8; ++i) {
            peer_send_line(peers[i], "go");
        }
        for (int i = 0; i < 8; ++i) {
            char line[16];
            REQUIRE(peer_read_line(peers[i], line, sizeof line));
            made += strcmp(line, "made") == 0;
        }
        CHECK_EQ_I64(1, made);
        for (int i = 0; i < 8; ++i) {
            CHECK_EXITED(peers[i], 0);
        }
        CHECK_EQ_U64(0, fixture_count("regions"));
    }
}

TEST(region, it_goes_with_its_last_user, "R-035 R-036 communication")
{
    RenoirRegionHandle region = fixture_region("shared");
    const TestPeer peer = start_user("shared");
    renoir_region_close(region);
    CHECK_OK(fixture_try_open("shared"));
    CHECK_EQ_U64(1, fixture_count("regions"));

    tell(peer, "close");

    CHECK_EQ_U64(0, fixture_count("regions"));
    CHECK_STATUS(RENOIR_REGION_NOT_FOUND, fixture_try_open("shared"));
    CHECK_EXITED(peer, 0);
}

PEER(closes_often)
{
    char line[16];
    while (peer_hear(line, sizeof line)) {
        RenoirRegionHandle region = fixture_region("shared");
        peer_say("open");
        peer_pause();
        renoir_region_close(region);
        peer_say("closed");
    }
}

TEST(region, of_four_that_close_it_at_once_the_last_takes_it_away, "R-036 concurrent_stress")
{
    enum { USERS = 4 };
    TestPeer peers[USERS];
    const uint64_t rounds = test_scaled(20000);
    for (int i = 0; i < USERS; ++i) {
        peers[i] = peer_start(closes_often);
    }
    for (uint64_t round = 0; round < rounds; ++round) {
        for (int i = 0; i < USERS; ++i) {
            peer_send_line(peers[i], "open");
            REQUIRE(peer_expect(peers[i], "open"));
        }
        for (int i = 0; i < USERS; ++i) {
            peer_send_line(peers[i], "close");
        }
        for (int i = 0; i < USERS; ++i) {
            REQUIRE(peer_expect(peers[i], "closed"));
        }
        REQUIRE_EQ_U64(0, fixture_count("regions"));
    }
    for (int i = 0; i < USERS; ++i) {
        CHECK_EXITED(peers[i], 0);
    }
}

TEST(region, a_persistent_one_outlives_its_users, "R-027 R-036 reliability")
{
    RenoirRegionHandle region = NULL;
    REQUIRE_OK(fixture_make("kept", FIXTURE_SIZE, RENOIR_REGION_PERSISTENT, &region));
    fixture_bytes(region)[5] = 'k';
    renoir_region_close(region);
    CHECK_EQ_U64(0, fixture_reap().object_count);
    const TestPeer peer = start_user("kept");
    CHECK_KILLED(peer_kill(peer, SIGKILL));
    (void)fixture_reap();

    region = fixture_open("kept");

    CHECK(fixture_bytes(region)[5] == 'k');
    CHECK_OK(renoir_region_destroy(region));
    CHECK_EQ_U64(0, fixture_count("regions"));
}

TEST(region, whoever_joins_may_ask_for_it_to_be_kept, "R-027 R-036 reliability")
{
    RenoirRegionHandle first = fixture_region("kept");
    RenoirRegionHandle second = NULL;
    REQUIRE_OK(fixture_make("kept", FIXTURE_SIZE, RENOIR_REGION_PERSISTENT, &second));
    renoir_region_close(second);
    renoir_region_close(first);
    CHECK_OK(fixture_try_open("kept"));
    CHECK_OK(renoir_region_remove(NULL, "kept"));
    CHECK_STATUS(RENOIR_REGION_NOT_FOUND, renoir_region_remove(NULL, "kept"));
}

TEST(region, users_keep_the_memory_when_the_name_is_taken_away, "R-035 communication")
{
    RenoirRegionHandle region = fixture_region("shared");
    const TestPeer peer = start_user("shared");
    CHECK_OK(renoir_region_destroy(region));
    CHECK_STATUS(RENOIR_REGION_NOT_FOUND, fixture_try_open("shared"));
    tell(peer, "write");
    tell(peer, "check");

    region = fixture_region("shared"); // another one of that name

    CHECK(fixture_bytes(region)[0] == 0);
    tell(peer, "check");
    tell(peer, "close"); // of the old one: the new one stays
    CHECK_OK(fixture_try_open("shared"));
    CHECK_EXITED(peer, 0);
    CHECK_OK(fixture_try_open("shared"));
    renoir_region_close(region);
}

static sigjmp_buf after_fault;

static void on_fault(int number)
{
    (void)number;
    siglongjmp(after_fault, 1);
}

// Whether storing there raises SIGSEGV.
static bool faults(volatile unsigned char *at)
{
    struct sigaction action;
    struct sigaction before;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_fault;
    sigaction(SIGSEGV, &action, &before);
    volatile bool is_fault = true;
    if (sigsetjmp(after_fault, 1) == 0) {
        *at = 1;
        is_fault = false;
    }
    sigaction(SIGSEGV, &before, NULL);
    return is_fault;
}

TEST(region, a_read_only_one_is_read_and_never_written, "R-032 T-031 security_edge")
{
    RenoirRegionHandle region = fixture_region("shared");
    RenoirRegionOptions options = renoir_region_options_default();
    RenoirRegionHandle reader = NULL;
    void *memory = NULL;
    bool is_created = true;
    REQUIRE_OK(renoir_region_block(region, "there", 100, 0, &memory, NULL));
    memset(memory, 'r', 100);
    options.flags = RENOIR_REGION_READ_ONLY;

    REQUIRE_OK(renoir_region_open(NULL, "shared", &options, &reader));

    CHECK(faults(fixture_bytes(reader)));
    CHECK_OK(renoir_region_block(reader, "there", 100, 0, &memory, &is_created));
    CHECK(!is_created);
    CHECK(*(unsigned char *)memory == 'r');
    CHECK_STATUS(RENOIR_PERMISSION_DENIED,
                 renoir_region_block(reader, "new", 100, 0, &memory, NULL));
    CHECK(memory == NULL);
    CHECK_STATUS(RENOIR_PERMISSION_DENIED, renoir_region_remove_object(reader, "there"));
    RenoirAllocatorHandle allocator = NULL;
    CHECK_STATUS(RENOIR_PERMISSION_DENIED, renoir_allocator_create_bump(reader, &allocator));
    RenoirRegionInfo info;
    CHECK_OK(renoir_region_describe(reader, &info));
    CHECK_EQ_U64(RENOIR_REGION_READ_ONLY, info.flags);
    CHECK_OK(renoir_region_verify(reader, NULL, 0));
    renoir_region_close(reader);
    CHECK_STATUS(RENOIR_PERMISSION_DENIED,
                 fixture_make("none", FIXTURE_SIZE, RENOIR_REGION_READ_ONLY, &reader));
    renoir_region_close(region);
}

TEST(region, permissions_are_as_asked_and_never_open_to_writers, "R-022 security_edge")
{
    static const unsigned good[] = {0, 0600, 0644, 0640, 0755};
    static const unsigned bad[] = {0400,  0444,  0200,  0666, 0622,  0660,
                                   01600, 02600, 04755, 0777, 010000};
    RenoirRegionConfig config = renoir_region_config_default();
    RenoirRegionHandle region = NULL;
    config.name = "mode";
    config.size = 4096;
    const mode_t before = umask(0777);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; ++i) {
        struct stat facts;
        config.permissions = good[i];
        REQUIRE_OK(renoir_region_create(NULL, &config, &region));
        REQUIRE(stat(renoir_region_path(region), &facts) == 0);
        CHECK_EQ_U64(good[i] == 0 ? 0600 : good[i], facts.st_mode & 07777u);
        CHECK_OK(renoir_region_destroy(region));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; ++i) {
        config.permissions = bad[i];
        CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_region_create(NULL, &config, &region));
        CHECK(region == NULL);
    }
    (void)umask(before);
}

TEST(region, sizes_that_cannot_be_are_refused, "R-022 T-044 security_edge")
{
    static const size_t bad[] = {0, TEST_SIZE((UINT64_C(1) << 48) + 1), SIZE_MAX, SIZE_MAX - 4095,
                                 TEST_SIZE(UINT64_C(1) << 63)};
    static const size_t huge[] = {TEST_SIZE(UINT64_C(1) << 48), TEST_SIZE((UINT64_C(1) << 48) - 1),
                                  TEST_SIZE(UINT64_C(1) << 47)};
    const bool is_small = SIZE_MAX == UINT32_MAX; // a processor that cannot map such sizes
    RenoirRegionHandle region = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; ++i) {
        CHECK_STATUS(is_small && bad[i] != 0 ? RENOIR_UNSUPPORTED : RENOIR_INVALID_PARAMETER,
                     fixture_make("sized", bad[i], 0, &region));
        CHECK(region == NULL);
    }
    for (size_t i = 0; i < 3; ++i) {
        CHECK_STATUS(is_small ? RENOIR_UNSUPPORTED : RENOIR_INSUFFICIENT_SPACE,
                     fixture_make("sized", huge[i], 0, &region));
        CHECK(region == NULL);
    }
    CHECK_EQ_U64(0, fixture_count("regions"));
    static const size_t odd[] = {1, 4095, 4096, 4097};
    for (size_t i = 0; i < 4; ++i) {
        size_t size = 0;
        REQUIRE_OK(fixture_make("sized", odd[i], 0, &region));
        CHECK_OK(renoir_region_info(region, NULL, &size, NULL));
        CHECK_EQ_U64((odd[i] + 4095) / 4096 * 4096, size);
        fixture_bytes(region)[size - 1] = 1;
        renoir_region_close(region);
    }
}

TEST(region, sizes_beyond_32_bits_work, "R-022 T-044 reliability")
{
    RenoirRegionHandle region = NULL;
    const size_t size = TEST_SIZE(UINT64_C(5) << 30);
    if (SIZE_MAX == UINT32_MAX) {
        SKIP("this processor has no such sizes");
    }
    if (test_scaled(100) < 100) {
        SKIP("takes 5 GiB of memory: RENOIR_TEST_SCALE=full only");
    }
    const RenoirErrorCode status = fixture_make("large", size, 0, &region);
    if (status == RENOIR_INSUFFICIENT_SPACE) {
        SKIP("the root has no 5 GiB free");
    }
    REQUIRE_OK(status);
    uint64_t offset = 0;
    void *pointer = NULL;
    fixture_bytes(region)[size - 1] = 'e';
    CHECK_OK(renoir_region_offset(region, fixture_bytes(region) + size - 1, &offset));
    CHECK_EQ_U64(size - 1, offset);
    CHECK_OK(renoir_region_pointer(region, size - 1, 1, &pointer));
    CHECK(*(unsigned char *)pointer == 'e');
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_region_pointer(region, size - 1, 2, &pointer));
    renoir_region_close(region);
}

TEST(region, offsets_and_pointers_are_checked, "R-031 T-044 security_edge")
{
    RenoirRegionHandle region = fixture_region("shared");
    unsigned char *bytes = fixture_bytes(region);
    uint64_t offset = 7;
    void *pointer = bytes;
    CHECK_OK(renoir_region_offset(region, bytes, &offset));
    CHECK_EQ_U64(0, offset);
    CHECK_OK(renoir_region_offset(region, bytes + FIXTURE_SIZE - 1, &offset));
    CHECK_EQ_U64(FIXTURE_SIZE - 1, offset);
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_region_offset(region, bytes - 1, &offset));
    CHECK_EQ_U64(0, offset);
    CHECK_STATUS(RENOIR_INVALID_PARAMETER,
                 renoir_region_offset(region, bytes + FIXTURE_SIZE, &offset));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_region_offset(region, NULL, &offset));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_region_offset(region, &offset, &offset));

    CHECK_OK(renoir_region_pointer(region, 0, FIXTURE_SIZE, &pointer));
    CHECK(pointer == bytes);
    CHECK_OK(renoir_region_pointer(region, 10, 5, &pointer));
    CHECK(pointer == bytes + 10);
    static const struct {
        uint64_t offset;
        size_t length;
    } outside[] = {{0, FIXTURE_SIZE + 1},   {FIXTURE_SIZE, 1}, {UINT64_MAX, 1},
                   {UINT64_MAX, SIZE_MAX},  {1, SIZE_MAX},     {FIXTURE_SIZE + 1, 0},
                   {UINT64_MAX - 10, 4096}, {1, FIXTURE_SIZE}};
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; ++i) {
        CHECK_STATUS(RENOIR_INVALID_PARAMETER,
                     renoir_region_pointer(region, outside[i].offset, outside[i].length, &pointer));
        CHECK(pointer == NULL);
    }
    renoir_region_close(region);
}

TEST(region, accessors_tell_what_it_is, "R-031 R-036 communication")
{
    const char *name = NULL;
    size_t size = 0;
    uint32_t backing = 9;
    RenoirRegionInfo info;
    RenoirRegionHandle region = fixture_region("a/b");
    const TestPeer peer = start_user("a/b");
    CHECK_OK(renoir_region_info(region, &name, &size, &backing));
    CHECK_STR("a/b", name);
    CHECK_EQ_U64(FIXTURE_SIZE, size);
    CHECK_EQ_U64(RENOIR_BACKING_FILE, backing);
    CHECK_OK(renoir_region_info(region, NULL, NULL, NULL));
    CHECK_STR(test_root_path("renoir/regions/a%%2Fb"), renoir_region_path(region));
    CHECK(access(renoir_region_path(region), R_OK) == 0);
    CHECK(renoir_region_fd(region) >= 0);

    CHECK_OK(renoir_region_describe(region, &info));

    CHECK_STR("a/b", info.name);
    CHECK_EQ_U64(FIXTURE_SIZE, info.size_bytes);
    CHECK(info.created_ns > UINT64_C(1600000000000000000));
    CHECK_EQ_U64(0, info.object_count);
    CHECK_EQ_U64(2, info.process_count);
    CHECK_KILLED(peer_kill(peer, SIGKILL));
    CHECK_OK(renoir_region_describe(region, &info));
    CHECK_EQ_U64(1, info.process_count);
    CHECK_OK(renoir_region_flush(region));
    renoir_region_close(region);
    (void)fixture_reap();
}

TEST(region, more_users_than_places_are_welcome, "R-036 reliability")
{
    enum { HANDLES = 140 }; // a region has 128 places
    RenoirRegionHandle handles[HANDLES];
    RenoirRegionInfo info;
    for (int i = 0; i < HANDLES; ++i) {
        handles[i] = fixture_region("crowded");
    }
    CHECK_OK(renoir_region_describe(handles[HANDLES - 1], &info));
    CHECK_EQ_U64(1, info.process_count);
    for (int i = 0; i < HANDLES; ++i) {
        CHECK_OK(renoir_region_verify(handles[i], NULL, 0));
        renoir_region_close(handles[i]);
    }
    CHECK_EQ_U64(0, fixture_count("regions"));
}

TEST(region, a_list_tells_how_many_there_are, "R-019 R-021 communication")
{
    RenoirRegionHandle regions[3];
    RenoirRegionInfo infos[3];
    size_t count = 9;
    CHECK_OK(renoir_region_list(NULL, NULL, 0, &count));
    CHECK_EQ_U64(0, count);
    for (int i = 0; i < 3; ++i) {
        char name[16];
        snprintf(name, sizeof name, "r%d", i);
        regions[i] = fixture_region(name);
    }
    const TestPeer peer = start_user("r1");
    memset(infos, 0xff, sizeof infos);
    CHECK_OK(renoir_region_list(NULL, infos, 1, &count));
    CHECK_EQ_U64(3, count);
    CHECK(infos[0].size_bytes == FIXTURE_SIZE && infos[1].size_bytes == UINT64_MAX);
    CHECK_OK(renoir_region_list(NULL, infos, 3, &count));
    for (int i = 0; i < 3; ++i) {
        CHECK_EQ_U64(strcmp(infos[i].name, "r1") == 0 ? 2 : 1, infos[i].process_count);
        renoir_region_close(regions[i]);
    }
    CHECK_EXITED(peer, 0);
    CHECK_OK(renoir_region_list(NULL, NULL, 0, &count));
    CHECK_EQ_U64(0, count);
}

TEST(region, its_options_are_in_force_or_a_reason_is_given, "R-030 R-039 R-040 real_time")
{
    RenoirRegionConfig config = renoir_region_config_default();
    RenoirRegionOptions options = renoir_region_options_default();
    RenoirRegionHandle region = NULL;
    RenoirRegionInfo info;
    config.name = "tuned";
    config.size = 4 << 20;
    options.flags = RENOIR_REGION_HUGE_PAGES | RENOIR_REGION_PREFAULT;
    REQUIRE_OK(renoir_region_create_with(NULL, &config, &options, &region));
    CHECK(renoir_region_describe(region, &info) == RENOIR_SUCCESS);
    CHECK((info.flags & RENOIR_REGION_PREFAULT) != 0);
    if ((info.flags & RENOIR_REGION_HUGE_PAGES) == 0) {
        CHECK_STR_CONTAINS("ordinary pages", renoir_last_error_message());
    }
    renoir_region_close(region);

    options.flags = 0;
    options.numa_policy = RENOIR_NUMA_BIND;
    options.numa_nodes = UINT64_C(1) << 62;
    REQUIRE_OK(renoir_region_create_with(NULL, &config, &options, &region));
    CHECK_STR_CONTAINS("NUMA policy 2", renoir_last_error_message());
    renoir_region_close(region);

    options = renoir_region_options_default();
    options.flags = RENOIR_REGION_LOCKED;
    rnr_fault_arm_errno("mlock", ENOMEM, 1);
    const unsigned before = test_count_descriptors();
    CHECK_STATUS(RENOIR_PERMISSION_DENIED,
                 renoir_region_create_with(NULL, &config, &options, &region));
    CHECK_STR_CONTAINS("the limit is", renoir_last_error_message());
    CHECK_EQ_U64(before, test_count_descriptors());
    CHECK_EQ_U64(0, fixture_count("regions"));
}

TEST(region, wrong_options_are_refused, "R-022 ffi")
{
    RenoirRegionConfig config = renoir_region_config_default();
    RenoirRegionOptions options = renoir_region_options_default();
    RenoirRegionHandle region = NULL;
    config.name = "wrong";
    config.size = 4096;
    options.flags = 1u << 20;
    CHECK_STATUS(RENOIR_UNSUPPORTED, renoir_region_create_with(NULL, &config, &options, &region));
    options.flags = 0;
    options.numa_policy = 4;
    CHECK_STATUS(RENOIR_INVALID_PARAMETER,
                 renoir_region_create_with(NULL, &config, &options, &region));
    options.numa_policy = 0;
    options.max_objects = 65537;
    CHECK_STATUS(RENOIR_INVALID_PARAMETER,
                 renoir_region_create_with(NULL, &config, &options, &region));
    options = renoir_region_options_default();
    options.struct_size = 4;
    CHECK_STATUS(RENOIR_INVALID_PARAMETER,
                 renoir_region_create_with(NULL, &config, &options, &region));
    config.backing_type = 3;
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_region_create(NULL, &config, &region));
    config.backing_type = RENOIR_BACKING_POSIX_SHM;
    config.file_path = "/tmp/x";
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_region_create(NULL, &config, &region));
    config.backing_type = RENOIR_BACKING_MEMFD;
    config.file_path = NULL;
    options = renoir_region_options_default();
    options.flags = RENOIR_REGION_PERSISTENT;
    CHECK_STATUS(RENOIR_UNSUPPORTED, renoir_region_create_with(NULL, &config, &options, &region));
    CHECK(region == NULL);
    CHECK_EQ_U64(0, fixture_count("regions"));
}

TEST(region, a_process_that_closes_nothing_leaves_nothing, "R-036 reliability")
{
    const TestPeer peer = peer_start(exclusive);
    peer_send_line(peer, "go");
    REQUIRE(peer_expect(peer, "made"));
    CHECK_EXITED(peer, 0); // closes
    CHECK_EQ_U64(0, fixture_count("regions"));
    CHECK_EQ_U64(0, fixture_count("nodes"));
}

PEER(exits_with_everything_open)
{
    RenoirRegionConfig config = renoir_region_config_default();
    RenoirRegionHandle region = NULL;
    void *memory = NULL;
    config.size = 4096;
    for (uint32_t backing = 0; backing < 3; ++backing) {
        if (backing == RENOIR_BACKING_MEMFD && !TEST_HAS_MEMFD) {
            continue;
        }
        char name[40];
        snprintf(name, sizeof name, "open%u of %d", backing, (int)getpid());
        config.name = name;
        config.backing_type = backing;
        REQUIRE_OK(renoir_region_create(NULL, &config, &region));
        REQUIRE_OK(renoir_region_block(region, "block", 64, 0, &memory, NULL));
    }
    static RenoirAllocatorHandle allocator; // static: so that it counts as reachable at the end
    REQUIRE_OK(renoir_allocator_create_bump(region, &allocator));
    RenoirManagerHandle manager = renoir_manager_create();
    REQUIRE(manager != NULL);
    config.name = "under another manager";
    config.backing_type = RENOIR_BACKING_FILE;
    REQUIRE_OK(renoir_region_create(manager, &config, &region));
}

TEST(region, a_normal_exit_with_everything_open_leaves_nothing, "R-036 reliability")
{
    CHECK_EXITED(peer_start(exits_with_everything_open), 0);
    CHECK_EQ_U64(0, fixture_count("regions"));
    CHECK_EQ_U64(0, fixture_count("nodes"));
}

TEST(region, a_program_that_closes_all_descriptors_goes_on, "R-036 T-082 reliability")
{
    RenoirRegionHandle region = fixture_region("shared");
    RenoirRegionInfo info;
    void *memory = NULL;
    const int fd = renoir_region_fd(region);
    const int other = open(test_directory(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    REQUIRE(dup2(other, fd) == fd); // its number serves something else now

    CHECK_OK(renoir_region_block(region, "block", 64, 0, &memory, NULL));
    CHECK_OK(renoir_region_describe(region, &info));
    CHECK_EQ_U64(1, info.process_count);
    renoir_region_close(region);

    CHECK(fcntl(fd, F_GETFD) >= 0); // not ours to close
    close(fd);
    close(other);
    CHECK_EQ_U64(0, fixture_count("regions"));
}
