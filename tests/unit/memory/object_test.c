// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The directory of a region: blocks by name, found, made and removed by several processes.

#include <fcntl.h>
#include <unistd.h>

#include "memory/object.h"
#include "renoir/detail/atomic.h"
#include "unit/memory/region_fixture.h"

static void *block(RenoirRegionHandle region, const char *name, size_t size)
{
    return fixture_block(region, name, size, NULL);
}

static size_t count_objects(RenoirRegionHandle region)
{
    size_t count = 0;
    CHECK_OK(renoir_region_objects(region, NULL, 0, &count));
    return count;
}

static bool are_all(const unsigned char *bytes, unsigned char value, size_t size)
{
    for (size_t i = 0; i < size; ++i) {
        if (bytes[i] != value) {
            return false;
        }
    }
    return true;
}

TEST(object, a_block_is_zeroed_found_again_and_of_one_size, "R-038 reliability")
{
    RenoirRegionHandle region = fixture_region("r");
    void *again = NULL;
    bool is_created = false;
    void *memory = NULL;
    CHECK_OK(renoir_region_block(region, "b", 100, 0, &memory, &is_created));
    CHECK(is_created);
    CHECK(are_all(memory, 0, 100));
    CHECK_EQ_U64(0, (uintptr_t)memory % 64);
    CHECK_OK(renoir_region_block(region, "b", 100, 0, &again, &is_created));
    CHECK(!is_created && again == memory);
    CHECK_STATUS(RENOIR_EXISTS, renoir_region_block(region, "b", 101, 0, &again, &is_created));
    CHECK(again == NULL && !is_created);
    CHECK_STR_CONTAINS("100", renoir_last_error_message());
    CHECK_STR_CONTAINS("101", renoir_last_error_message());
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_region_block(region, "z", 0, 0, &again, NULL));
    renoir_region_close(region);
}

TEST(object, a_name_of_another_kind_is_refused, "R-038 reliability")
{
    RenoirRegionHandle region = fixture_region("r");
    RenoirAllocatorOptions options = renoir_allocator_options_default();
    RenoirAllocatorHandle allocator = NULL;
    void *memory = NULL;
    options.kind = RENOIR_ALLOCATOR_BUMP;
    options.name = "a";
    options.capacity_bytes = 4096;
    REQUIRE_OK(renoir_allocator_create_with(region, &options, &allocator));
    CHECK_STATUS(RENOIR_EXISTS, renoir_region_block(region, "a", 4096, 0, &memory, NULL));
    CHECK_STR_CONTAINS("'bump'", renoir_last_error_message());
    CHECK_STATUS(RENOIR_INVALID_STATE, renoir_region_remove_object(region, "a"));
    CHECK_OK(renoir_allocator_destroy(allocator));
    CHECK_OK(renoir_region_block(region, "a", 4096, 0, &memory, NULL));
    renoir_region_close(region);
}

TEST(object, alignments_are_powers_of_two_up_to_a_page, "R-038 T-044 security_edge")
{
    static const size_t good[] = {0, 1, 2, 64, 128, 256, 4096};
    static const size_t bad[] = {
        3, 65, 8192, SIZE_MAX, TEST_SIZE(UINT64_C(1) << 63), TEST_SIZE(UINT64_C(1) << 32)};
    RenoirRegionHandle region = fixture_region("r");
    void *memory = NULL;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; ++i) {
        char name[16];
        snprintf(name, sizeof name, "b%zu", good[i]);
        CHECK_OK(renoir_region_block(region, name, 10, good[i], &memory, NULL));
        CHECK_EQ_U64(0, (uintptr_t)memory % (good[i] == 0 ? 64 : good[i]));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; ++i) {
        CHECK_STATUS(RENOIR_ALIGNMENT_ERROR,
                     renoir_region_block(region, "bad", 10, bad[i], &memory, NULL));
        CHECK(memory == NULL);
    }
    renoir_region_close(region);
}

TEST(object, sizes_that_do_not_fit_say_how_much_there_is, "T-044 T-047 security_edge")
{
    static const size_t bad[] = {FIXTURE_SIZE + 1,
                                 (size_t)1 << 31,
                                 TEST_SIZE(UINT64_C(1) << 32),
                                 TEST_SIZE(UINT64_C(1) << 63),
                                 SIZE_MAX,
                                 SIZE_MAX - 127,
                                 TEST_SIZE((UINT64_C(1) << 48) - 1)};
    RenoirRegionHandle region = fixture_region("r");
    void *memory = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; ++i) {
        CHECK_STATUS(RENOIR_INSUFFICIENT_SPACE,
                     renoir_region_block(region, "large", bad[i], 0, &memory, NULL));
        CHECK(memory == NULL);
        CHECK_STR_CONTAINS("65536 free in one piece", renoir_last_error_message());
    }
    CHECK_EQ_U64(0, count_objects(region));
    CHECK_OK(renoir_region_block(region, "all", FIXTURE_SIZE, 0, &memory, NULL));
    CHECK_STATUS(RENOIR_INSUFFICIENT_SPACE,
                 renoir_region_block(region, "more", 1, 0, &memory, NULL));
    renoir_region_close(region);
}

TEST(object, objects_never_overlap, "R-038 T-035 integration")
{
    RenoirRegionHandle region = NULL;
    RenoirAllocatorOptions options = renoir_allocator_options_default();
    RenoirAllocatorHandle bump = NULL;
    RenoirAllocatorHandle blocks = NULL;
    RenoirRecordRing ring;
    RenoirRingOptions ring_options = renoir_ring_options_default();
    unsigned char *one;
    unsigned char *two;
    void *from_bump = NULL;
    void *from_blocks = NULL;
    REQUIRE_OK(fixture_make("r", 1 << 20, 0, &region));
    one = block(region, "one", 10000);
    ring_options.capacity = 65536;
    REQUIRE_OK(renoir_record_ring_open(region, "ring", &ring_options, RENOIR_PRODUCER, &ring));
    options.kind = RENOIR_ALLOCATOR_BUMP;
    options.name = "bump";
    options.capacity_bytes = 20000;
    REQUIRE_OK(renoir_allocator_create_with(region, &options, &bump));
    two = block(region, "two", 4097);
    options.kind = RENOIR_ALLOCATOR_BLOCK;
    options.name = "blocks";
    options.block_size = 256;
    REQUIRE_OK(renoir_allocator_create_with(region, &options, &blocks));
    REQUIRE_OK(renoir_allocator_allocate(bump, 12000, 8, &from_bump));
    REQUIRE_OK(renoir_allocator_allocate(blocks, 256, 8, &from_blocks));

    memset(one, 1, 10000);
    memset(two, 2, 4097);
    memset(from_bump, 3, 12000);
    memset(from_blocks, 4, 256);
    void *room = NULL;
    REQUIRE_OK(renoir_record_ring_reserve(&ring, 12000, &room));
    memset(room, 5, 12000);
    renoir_record_ring_commit(&ring, 12000, 1);

    CHECK(are_all(one, 1, 10000) && are_all(two, 2, 4097));
    CHECK(are_all(from_bump, 3, 12000) && are_all(from_blocks, 4, 256));
    CHECK_OK(renoir_region_verify(region, NULL, 0));
    RenoirObjectInfo infos[8];
    size_t count = 0;
    CHECK_OK(renoir_region_objects(region, infos, 8, &count));
    CHECK_EQ_U64(5, count);
    for (size_t i = 0; i < count; ++i) {
        for (size_t j = i + 1; j < count; ++j) {
            CHECK(infos[i].offset + infos[i].size_bytes <= infos[j].offset ||
                  infos[j].offset + infos[j].size_bytes <= infos[i].offset);
        }
        CHECK(infos[i].offset + infos[i].size_bytes <= 1 << 20);
    }
    CHECK_STR("block", infos[0].kind);
    CHECK_STR("record", infos[1].kind);
    CHECK_STR("bump", infos[2].kind);
    renoir_ring_close(&ring.end);
    renoir_allocator_close(bump);
    renoir_allocator_close(blocks);
    renoir_region_close(region);
}

TEST(object, the_numbers_of_a_region_are_true, "R-034 T-048 reliability")
{
    RenoirRegionHandle region = fixture_region("r");
    RenoirRegionStats stats;
    CHECK_OK(renoir_region_stats(region, &stats));
    CHECK_EQ_U64(FIXTURE_SIZE, stats.total_size);
    CHECK_EQ_U64(FIXTURE_SIZE, stats.free_size);
    CHECK(stats.fragmentation_ratio == 0.0);
    (void)block(region, "a", 16384);
    (void)block(region, "b", 16384);
    (void)block(region, "c", 16384);
    CHECK_OK(renoir_region_remove_object(region, "b"));

    CHECK_OK(renoir_region_stats(region, &stats));

    CHECK_EQ_U64(32768, stats.used_size);
    CHECK_EQ_U64(32768, stats.free_size);
    CHECK(stats.fragmentation_ratio == 0.5); // two pieces of 16384 bytes
    CHECK_EQ_U64(2, stats.topic_count);
    CHECK_EQ_U64(3, stats.allocation_count);
    (void)block(region, "b2", 16384);
    (void)block(region, "d", 16384);
    CHECK_OK(renoir_region_stats(region, &stats));
    CHECK_EQ_U64(0, stats.free_size);
    CHECK(stats.fragmentation_ratio == 0.0);
    CHECK_EQ_U64(5, stats.allocation_count);
    renoir_region_close(region);
}

TEST(object, space_given_back_is_zeroed_when_it_is_used_again, "R-038 security_edge")
{
    RenoirRegionHandle region = fixture_region("r");
    for (size_t size = 100; size <= FIXTURE_SIZE; size = size * 3 + 1) {
        unsigned char *memory = block(region, "b", size);
        CHECK(are_all(memory, 0, size));
        memset(memory, 0xee, size);
        CHECK_OK(renoir_region_remove_object(region, "b"));
    }
    CHECK(are_all(block(region, "all", FIXTURE_SIZE), 0, FIXTURE_SIZE));
    renoir_region_close(region);
}

static void open_object(RenoirRegionHandle region, RnrObject *object)
{
    const RnrObjectSpec spec = {.name = "played", .kind = RNR_OBJECT_BLOCK, .size_bytes = 256};
    REQUIRE_OK(rnr_object_open(region, &spec, object));
}

PEER(player)
{
    RnrObject object;
    RnrRole role;
    RenoirRegionHandle region = fixture_open("r");
    open_object(region, &object);
    CHECK(!rnr_role_is_alive(&object, 3));
    REQUIRE_OK(rnr_role_take(&object, 3, &role));
    peer_say("playing");
    peer_pause();
    rnr_role_release(&role);
    rnr_object_close(&object);
    renoir_region_close(region);
}

TEST(object, a_role_has_one_player_until_it_leaves_or_dies, "R-038 T-046 communication")
{
    RnrObject object;
    RnrRole role;
    RenoirRegionHandle region = fixture_region("r");
    open_object(region, &object);
    TestPeer peer = peer_start(player);
    REQUIRE(peer_expect(peer, "playing"));
    CHECK(rnr_role_is_alive(&object, 3) && !rnr_role_is_alive(&object, 2));
    CHECK_STATUS(RENOIR_LIMIT_REACHED, rnr_role_take(&object, 3, &role));
    peer_signal(peer, SIGSTOP);
    CHECK_STATUS(RENOIR_LIMIT_REACHED, rnr_role_take(&object, 3, &role));
    CHECK_OK(rnr_role_take(&object, 2, &role)); // another one is free
    rnr_role_release(&role);
    peer_signal(peer, SIGCONT);
    CHECK_EXITED(peer, 0);
    CHECK(!rnr_role_is_alive(&object, 3));

    peer = peer_start(player);
    REQUIRE(peer_expect(peer, "playing"));
    CHECK_KILLED(peer_kill(peer, SIGKILL));

    CHECK(!rnr_role_is_alive(&object, 3));
    CHECK_OK(rnr_role_take(&object, 3, &role));
    CHECK(rnr_role_is_alive(&object, 3)); // our own counts too
    rnr_role_release(&role);
    rnr_object_close(&object);
    renoir_region_close(region);
    (void)fixture_reap();
}

TEST(object,
     a_descriptor_closed_and_used_anew_deceives_nobody_about_a_role,
     "T-046 T-082 reliability")
{
    char path[600];
    RnrObject object;
    RnrLock lock = {NULL, 0};
    RenoirRegionHandle region = fixture_region("r");
    const int fd = renoir_region_fd(region);
    open_object(region, &object);
    const TestPeer peer = peer_start(player);
    REQUIRE(peer_expect(peer, "playing"));
    snprintf(path, sizeof path, "%s/other", test_directory());
    const int other = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    REQUIRE(other >= 0 && ftruncate(other, 4096) == 0);

    // another file, whose byte is free
    CHECK(rnr_role_is_alive(&object, 3));
    REQUIRE(dup2(other, fd) == fd);
    CHECK(rnr_role_is_alive(&object, 3));

    // another file, whose byte is held for ever
    const RnrLockByte byte = {.byte = object.offset + 1 + 3, .is_exclusive = true};
    REQUIRE_OK(rnr_lock_take(other, &byte, 1, &lock));
    REQUIRE(dup2(other, renoir_region_fd(region)) >= 0);
    CHECK_KILLED(peer_kill(peer, SIGKILL));
    test_sleep_ms(10);
    CHECK(!rnr_role_is_alive(&object, 3));

    rnr_lock_release(&lock);
    rnr_object_close(&object);
    renoir_region_close(region);
    test_allow_open(); // the two numbers that were taken from the region serve `other`
    (void)fixture_reap();
}

PEER(helper)
{
    RnrObject object;
    RnrLock lock = {NULL, 0};
    RenoirRegionHandle region = fixture_open("r");
    open_object(region, &object);
    const RnrLockByte byte = {.byte = object.offset + 1 + 3, .is_exclusive = false};
    REQUIRE_OK(rnr_lock_take(renoir_region_fd(region), &byte, 1, &lock));
    peer_say("helping");
    peer_pause();
}

TEST(object, a_role_is_refused_while_a_stopped_helper_works_on_it, "R-038 T-046 reliability")
{
    RnrObject object;
    RnrRole role;
    RenoirRegionHandle region = fixture_region("r");
    open_object(region, &object);
    const TestPeer peer = peer_start(helper);
    REQUIRE(peer_expect(peer, "helping"));
    peer_signal(peer, SIGSTOP);
    CHECK(!rnr_role_is_alive(&object, 3)); // a helper plays no role
    CHECK_STATUS(RENOIR_LIMIT_REACHED, rnr_role_take(&object, 3, &role));
    CHECK_KILLED(peer_kill(peer, SIGKILL));
    CHECK_OK(rnr_role_take(&object, 3, &role));
    rnr_role_release(&role);
    rnr_object_close(&object);
    renoir_region_close(region);
    (void)fixture_reap();
}

TEST(object, a_full_directory_is_a_limit, "R-038 reliability")
{
    RenoirRegionConfig config = renoir_region_config_default();
    RenoirRegionOptions options = renoir_region_options_default();
    RenoirRegionHandle region = NULL;
    void *memory = NULL;
    config.name = "r";
    config.size = FIXTURE_SIZE;
    options.max_objects = 3;
    REQUIRE_OK(renoir_region_create_with(NULL, &config, &options, &region));
    (void)block(region, "a", 8);
    (void)block(region, "b", 8);
    (void)block(region, "c", 8);
    CHECK_STATUS(RENOIR_LIMIT_REACHED, renoir_region_block(region, "d", 8, 0, &memory, NULL));
    CHECK_STR_CONTAINS("3 objects", renoir_last_error_message());
    CHECK_OK(renoir_region_remove_object(region, "b"));
    CHECK_OK(renoir_region_block(region, "d", 8, 0, &memory, NULL));
    renoir_region_close(region);

    options.max_objects = 65536;
    config.size = 65536 * 128;
    REQUIRE_OK(renoir_region_create_with(NULL, &config, &options, &region));
    (void)block(region, "a", 8);
    CHECK_EQ_U64(1, count_objects(region));
    renoir_region_close(region);
}

PEER(opens_block)
{
    char line[64];
    RenoirRegionHandle region = fixture_open("r");
    unsigned char *memory = block(region, peer_arg(0), 1000);
    memset(memory, 'b', 1000);
    peer_say("open");
    while (peer_hear(line, sizeof line)) {
        if (strcmp(line, "close") == 0) {
            renoir_region_close(region);
            region = NULL;
        }
        peer_say("done");
    }
    renoir_region_close(region);
}

TEST(object, what_a_live_process_has_open_is_not_removed, "R-038 communication")
{
    RenoirRegionHandle region = fixture_region("r");
    const TestPeer peer = peer_start(opens_block, "b");
    REQUIRE(peer_expect(peer, "open"));
    CHECK_STATUS(RENOIR_INVALID_STATE, renoir_region_remove_object(region, "b"));
    CHECK_STR_CONTAINS("'b'", renoir_last_error_message());
    peer_signal(peer, SIGSTOP); // stopped is alive
    CHECK_STATUS(RENOIR_INVALID_STATE, renoir_region_remove_object(region, "b"));
    CHECK(((unsigned char *)block(region, "b", 1000))[999] == 'b');

    CHECK_KILLED(peer_kill(peer, SIGKILL));

    CHECK_OK(renoir_region_remove_object(region, "b"));
    CHECK_STATUS(RENOIR_NOT_FOUND, renoir_region_remove_object(region, "b"));
    CHECK(are_all(block(region, "b", 1000), 0, 1000));
    renoir_region_close(region);
    (void)fixture_reap();
}

TEST(object, a_removal_that_was_refused_leaves_our_own_block_in_use, "R-038 reliability")
{
    RenoirRegionHandle region = fixture_region("r");
    unsigned char *memory = block(region, "b", 1000);
    const TestPeer peer = peer_start(opens_block, "b");
    REQUIRE(peer_expect(peer, "open"));
    CHECK_STATUS(RENOIR_INVALID_STATE, renoir_region_remove_object(region, "b"));
    CHECK_EXITED(peer, 0);

    RenoirRegionHandle other = fixture_open("r");

    CHECK_STATUS(RENOIR_INVALID_STATE, renoir_region_remove_object(other, "b"));
    CHECK(are_all(memory, 'b', 1000));
    renoir_region_close(other);
    CHECK_OK(renoir_region_remove_object(region, "b"));
    renoir_region_close(region);
}

TEST(object, closing_a_region_gives_its_blocks_back, "R-038 reliability")
{
    RenoirRegionHandle region = fixture_region("r");
    RenoirRegionHandle other = fixture_open("r");
    (void)block(other, "b", 100);
    (void)block(other, "b", 100); // asked for twice, held once
    CHECK_STATUS(RENOIR_INVALID_STATE, renoir_region_remove_object(region, "b"));
    renoir_region_close(other);
    CHECK_OK(renoir_region_remove_object(region, "b"));
    renoir_region_close(region);
}

PEER(makes_unnamed)
{
    RenoirRegionHandle region = fixture_open("r");
    RenoirAllocatorHandle allocator = NULL;
    REQUIRE_OK(renoir_allocator_create_bump(region, &allocator)); // takes all that is free
    peer_say("made");
    peer_pause();
}

TEST(object, unnamed_objects_of_the_dead_make_room, "R-038 R-047 reliability")
{
    RenoirRegionHandle region = fixture_region("r");
    void *memory = NULL;
    const TestPeer peer = peer_start(makes_unnamed);
    REQUIRE(peer_expect(peer, "made"));
    CHECK_STATUS(RENOIR_INSUFFICIENT_SPACE,
                 renoir_region_block(region, "b", 4096, 0, &memory, NULL));
    peer_signal(peer, SIGSTOP);
    CHECK_STATUS(RENOIR_INSUFFICIENT_SPACE,
                 renoir_region_block(region, "b", 4096, 0, &memory, NULL));
    CHECK_KILLED(peer_kill(peer, SIGKILL));
    CHECK_OK(renoir_region_block(region, "b", 4096, 0, &memory, NULL));
    CHECK_EQ_U64(1, count_objects(region));
    renoir_region_close(region);
    (void)fixture_reap();
}

// Makes blocks: those named like everybody's, and its own. Fills its own, counts in the common
// ones.
PEER(makes_blocks)
{
    RenoirRegionHandle region = fixture_open("r");
    const unsigned self = (unsigned)peer_arg_u64(0);
    unsigned char *own[8];
    unsigned created = 0;
    peer_pause();
    for (unsigned i = 0; i < 8; ++i) {
        char name[32];
        bool is_created = false;
        snprintf(name, sizeof name, "common %u", i);
        void *common = fixture_block(region, name, 64, &is_created);
        created += is_created;
        (void)rnr_fetch_add_seq_cst_u32(common, 1);
        snprintf(name, sizeof name, "own %u of %u", i, self);
        own[i] = block(region, name, 500 + 100 * i);
        CHECK(are_all(own[i], 0, 500 + 100 * i));
        memset(own[i], (int)self + 1, 500 + 100 * i);
    }
    peer_say("%u", created);
    peer_pause();
    for (unsigned i = 0; i < 8; ++i) {
        CHECK(are_all(own[i], (unsigned char)(self + 1), 500 + 100 * i));
    }
    renoir_region_close(region);
}

TEST(object, eight_processes_make_the_same_and_different_blocks, "R-038 T-035 concurrent_stress")
{
    RenoirRegionHandle region = NULL;
    TestPeer peers[8];
    unsigned created = 0;
    REQUIRE_OK(fixture_make("r", 1 << 20, 0, &region));
    for (int i = 0; i < 8; ++i) {
        char number[8];
        snprintf(number, sizeof number, "%d", i);
        peers[i] = peer_start(makes_blocks, number);
    }
    for (int i = 0; i < 8; ++i) {
        peer_send_line(peers[i], "go");
    }
    for (int i = 0; i < 8; ++i) {
        char line[16];
        REQUIRE(peer_read_line(peers[i], line, sizeof line));
        created += (unsigned)atoi(line);
    }
    CHECK_EQ_U64(8, created); // each common one was made once
    CHECK_EQ_U64(8 + 64, count_objects(region));
    CHECK_OK(renoir_region_verify(region, NULL, 0));
    for (unsigned i = 0; i < 8; ++i) {
        char name[32];
        snprintf(name, sizeof name, "common %u", i);
        CHECK_EQ_U64(8, *(uint32_t *)block(region, name, 64));
    }
    for (int i = 0; i < 8; ++i) {
        CHECK_EXITED(peers[i], 0);
    }
    renoir_region_close(region);
}

PEER(changes_blocks)
{
    RenoirRegionHandle region = fixture_open("r");
    const uint64_t rounds = peer_arg_u64(0);
    uint64_t made = 0;
    for (uint64_t i = 0; i < rounds; ++i) {
        char name[32];
        void *memory = NULL;
        bool is_created = false;
        const size_t size = 64 + (size_t)test_random_below(3000);
        snprintf(name, sizeof name, "b%d", (int)test_random_below(6));
        const RenoirErrorCode status =
            renoir_region_block(region, name, size, 0, &memory, &is_created);
        CHECK(status == RENOIR_SUCCESS || status == RENOIR_EXISTS ||
              status == RENOIR_INSUFFICIENT_SPACE || status == RENOIR_CONCURRENCY_ERROR);
        if (is_created) {
            CHECK(are_all(memory, 0, size));
            memset(memory, 0x5a, size);
            made += 1;
        }
        const RenoirErrorCode removal = renoir_region_remove_object(region, name);
        CHECK(removal == RENOIR_SUCCESS || removal == RENOIR_NOT_FOUND ||
              removal == RENOIR_INVALID_STATE || removal == RENOIR_CONCURRENCY_ERROR);
    }
    CHECK(made > 0);
    renoir_region_close(region);
}

TEST(object, blocks_made_and_removed_at_random_never_overlap, "R-038 T-035 concurrent_stress")
{
    char rounds[32];
    RenoirRegionHandle region = fixture_region("r");
    TestPeer peers[4];
    snprintf(rounds, sizeof rounds, "%llu", (unsigned long long)test_scaled(20000));
    for (int i = 0; i < 4; ++i) {
        peers[i] = peer_start(changes_blocks, rounds);
    }
    for (int i = 0; i < 200; ++i) {
        CHECK_OK(renoir_region_verify(region, NULL, 0));
    }
    for (int i = 0; i < 4; ++i) {
        CHECK_EXITED(peers[i], 0);
    }
    CHECK_OK(renoir_region_verify(region, NULL, 0));
    renoir_region_close(region);
}
