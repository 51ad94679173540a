// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Allocators in a region that several processes use, and some of them die in.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"
#include "harness/test.h"
#include "renoir.h"

enum { BLOCK = 64, BLOCKS = 100, CAPACITY = 6 << 20 };

static const char REGION[] = "shared";

static RenoirRegionHandle join_region(void)
{
    RenoirRegionHandle region = NULL;
    RenoirRegionConfig config = renoir_region_config_default();
    config.name = REGION;
    config.size = 8 << 20;
    REQUIRE_OK(renoir_region_create(NULL, &config, &region));
    return region;
}

static RenoirAllocatorHandle join(RenoirRegionHandle region, uint32_t kind)
{
    RenoirAllocatorHandle allocator = NULL;
    RenoirAllocatorOptions options = renoir_allocator_options_default();
    options.kind = kind;
    options.name = kind == RENOIR_ALLOCATOR_BUMP ? "bump" : "pool";
    options.block_size = kind == RENOIR_ALLOCATOR_BUMP ? 0 : BLOCK;
    options.capacity_bytes = kind == RENOIR_ALLOCATOR_BUMP ? CAPACITY : BLOCK * BLOCKS;
    REQUIRE_OK(renoir_allocator_create_with(region, &options, &allocator));
    return allocator;
}

static size_t used_of(RenoirAllocatorHandle allocator)
{
    RenoirAllocatorStats stats;
    REQUIRE_OK(renoir_allocator_stats(allocator, &stats));
    return stats.used_size;
}

// Takes the region away, and what the dead process left of its membership.
static void leave_after_a_death(RenoirRegionHandle region)
{
    CHECK_OK(renoir_region_destroy(region));
    CHECK_OK(renoir_node_reap(NULL, NULL));
}

// Takes all that is left, gives it back, and says how many there were.
static unsigned count_free(RenoirAllocatorHandle pool)
{
    void *blocks[BLOCKS + 1];
    unsigned count = 0;
    while (count <= BLOCKS &&
           renoir_allocator_allocate(pool, BLOCK, 0, &blocks[count]) == RENOIR_SUCCESS) {
        ++count;
    }
    for (unsigned i = 0; i < count; ++i) {
        CHECK_OK(renoir_allocator_deallocate(pool, blocks[i], BLOCK, 0));
    }
    return count;
}

// --- what one process does, another one sees -----------------------------------------------------

PEER(frees_what_it_is_told)
{
    RenoirRegionHandle region = join_region();
    RenoirAllocatorHandle pool = join(region, RENOIR_ALLOCATOR_BLOCK);
    void *block = NULL;

    CHECK_EQ_U64(BLOCK, used_of(pool));
    REQUIRE_OK(renoir_region_pointer(region, peer_arg_u64(0), BLOCK, &block));
    CHECK_STR("from the parent", block);
    CHECK_OK(renoir_allocator_deallocate(pool, block, BLOCK, 0));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_allocator_deallocate(pool, block, BLOCK, 0));
    renoir_allocator_close(pool);
    renoir_region_close(region);
}

TEST(allocator_shared,
     a_block_may_be_freed_by_another_process,
     "R-043 R-047 shared_pool communication")
{
    RenoirRegionHandle region = join_region();
    RenoirAllocatorHandle pool = join(region, RENOIR_ALLOCATOR_BLOCK);
    void *block = NULL;
    uint64_t offset = 0;
    char text[32];
    REQUIRE_OK(renoir_allocator_allocate(pool, BLOCK, 0, &block));
    REQUIRE_OK(renoir_region_offset(region, block, &offset));
    strcpy(block, "from the parent");
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)offset);

    CHECK_EXITED(peer_start(frees_what_it_is_told, text), 0);

    CHECK_EQ_U64(0, used_of(pool));
    renoir_allocator_close(pool);
    CHECK_OK(renoir_region_destroy(region));
}

PEER(joins_and_keeps)
{
    RenoirRegionHandle region = join_region();
    RenoirAllocatorHandle pool = join(region, RENOIR_ALLOCATOR_BLOCK);
    RenoirAllocatorHandle bump = join(region, RENOIR_ALLOCATOR_BUMP);

    for (int i = 0; i < 5; ++i) {
        void *memory = NULL;
        CHECK_OK(renoir_allocator_allocate(pool, BLOCK, 0, &memory));
        CHECK_OK(renoir_allocator_allocate(bump, 1000, 8, &memory));
    }
    peer_say("done");
    peer_pause();
    renoir_allocator_close(bump);
    renoir_allocator_close(pool);
    renoir_region_close(region);
}

TEST(allocator_shared,
     eight_processes_that_join_at_once_join_the_same_one,
     "R-043 R-045 T-043 shared_pool")
{
    enum { PEERS = 8 };
    TestPeer peers[PEERS];
    for (int i = 0; i < PEERS; ++i) {
        peers[i] = peer_start(joins_and_keeps);
    }
    for (int i = 0; i < PEERS; ++i) {
        CHECK(peer_expect(peers[i], "done"));
    }

    RenoirRegionHandle region = join_region();
    RenoirAllocatorHandle pool = join(region, RENOIR_ALLOCATOR_BLOCK);
    RenoirAllocatorHandle bump = join(region, RENOIR_ALLOCATOR_BUMP);
    CHECK_EQ_U64(PEERS * 5 * BLOCK, used_of(pool));
    CHECK_EQ_U64(PEERS * 5 * 1000, used_of(bump));
    CHECK_EQ_U64(BLOCKS - PEERS * 5, count_free(pool));

    CHECK_STATUS(RENOIR_INVALID_STATE, renoir_allocator_destroy(bump));
    for (int i = 0; i < PEERS; ++i) {
        CHECK(peer_send_line(peers[i], "go"));
        CHECK_EXITED(peers[i], 0);
    }
    renoir_allocator_close(pool);
    CHECK_OK(renoir_region_destroy(region));
}

// --- many at once --------------------------------------------------------------------------------

// Fills what it has with a number of its own, and looks at it before it gives it back.
PEER(works_in_the_pool)
{
    enum { HELD = 30 };
    const uint64_t mine = peer_arg_u64(0);
    const uint64_t rounds = peer_arg_u64(1);
    RenoirRegionHandle region = join_region();
    RenoirAllocatorHandle pool = join(region, RENOIR_ALLOCATOR_BLOCK);
    uint64_t *held[HELD] = {NULL};

    peer_say("ready");
    for (uint64_t round = 0; round < rounds; ++round) {
        const uint64_t at = test_random_below(HELD);
        void *memory = NULL;
        if (held[at] != NULL) {
            for (int i = 0; i < BLOCK / 8; ++i) {
                REQUIRE_EQ_U64(mine << 32 | at, held[at][i]);
            }
            REQUIRE_OK(renoir_allocator_deallocate(pool, held[at], BLOCK, 0));
            held[at] = NULL;
        } else if (renoir_allocator_allocate(pool, BLOCK, 0, &memory) == RENOIR_SUCCESS) {
            held[at] = memory;
            for (int i = 0; i < BLOCK / 8; ++i) {
                held[at][i] = mine << 32 | at;
            }
        }
    }
    for (int at = 0; at < HELD; ++at) {
        if (held[at] != NULL) {
            CHECK_OK(renoir_allocator_deallocate(pool, held[at], BLOCK, 0));
        }
    }
    CHECK(rounds > 0);
    renoir_allocator_close(pool);
    renoir_region_close(region);
}

static TestPeer start_worker(unsigned number, uint64_t rounds)
{
    char mine[16];
    char text[32];
    (void)snprintf(mine, sizeof mine, "%u", number);
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)rounds);
    return peer_start(works_in_the_pool, mine, text);
}

// 4 processes want up to 120 of 100 blocks.
TEST_WITHIN(allocator_shared,
            four_processes_never_get_the_same_block,
            "R-047 T-042 shared_pool concurrent_stress",
            300)
{
    enum { PEERS = 4 };
    RenoirRegionHandle region = join_region();
    RenoirAllocatorHandle pool = join(region, RENOIR_ALLOCATOR_BLOCK);
    TestPeer peers[PEERS];

    for (unsigned i = 0; i < PEERS; ++i) {
        peers[i] = start_worker(i + 1, test_scaled(1000000));
    }
    for (int i = 0; i < PEERS; ++i) {
        CHECK(peer_expect(peers[i], "ready"));
        CHECK_EXITED(peers[i], 0);
    }

    CHECK_EQ_U64(0, used_of(pool));
    CHECK_EQ_U64(BLOCKS, count_free(pool));
    CHECK_OK(renoir_region_verify(region, NULL, 0));
    renoir_allocator_close(pool);
    CHECK_OK(renoir_region_destroy(region));
}

TEST_WITHIN(allocator_shared,
            one_that_is_killed_takes_what_it_held_and_nothing_more,
            "R-047 T-042 shared_pool reliability",
            300)
{
    enum { PEERS = 3 };
    RenoirRegionHandle region = join_region();
    RenoirAllocatorHandle pool = join(region, RENOIR_ALLOCATOR_BLOCK);
    TestPeer peers[PEERS];
    const TestPeer victim = start_worker(PEERS + 1, UINT64_MAX);
    CHECK(peer_expect(victim, "ready"));

    for (unsigned i = 0; i < PEERS; ++i) {
        peers[i] = start_worker(i + 1, test_scaled(1000000));
    }
    test_sleep_ms(1 + (unsigned)test_random_below(20));
    CHECK_KILLED(peer_kill(victim, SIGKILL));
    for (int i = 0; i < PEERS; ++i) {
        CHECK(peer_expect(peers[i], "ready"));
        CHECK_EXITED(peers[i], 0);
    }

    const size_t lost = used_of(pool) / BLOCK;
    CHECK(lost <= 30);
    CHECK_EQ_U64(BLOCKS - lost, count_free(pool));
    CHECK_OK(renoir_region_verify(region, NULL, 0));
    CHECK_OK(renoir_allocator_reset(pool)); // blocks have no owner: this is how they come back
    CHECK_EQ_U64(BLOCKS, count_free(pool));
    renoir_allocator_close(pool);
    leave_after_a_death(region);
}

PEER(bumps_along)
{
    const uint64_t rounds = peer_arg_u64(1);
    RenoirRegionHandle region = join_region();
    RenoirAllocatorHandle bump = join(region, RENOIR_ALLOCATOR_BUMP);
    uint64_t **mine = calloc((size_t)rounds, sizeof *mine);
    REQUIRE(mine != NULL);

    peer_say("ready");
    peer_pause();
    for (uint64_t i = 0; i < rounds; ++i) {
        void *memory = NULL;
        REQUIRE_OK(renoir_allocator_allocate(bump, 24, 8, &memory));
        mine[i] = memory;
        mine[i][0] = mine[i][1] = mine[i][2] = peer_arg_u64(0) << 32 | i;
    }
    for (uint64_t i = 0; i < rounds; ++i) {
        REQUIRE_EQ_U64(peer_arg_u64(0) << 32 | i, mine[i][0]);
        REQUIRE_EQ_U64(mine[i][0], mine[i][1]);
        REQUIRE_EQ_U64(mine[i][0], mine[i][2]);
    }
    free(mine);
    renoir_allocator_close(bump);
    renoir_region_close(region);
}

TEST(allocator_shared, four_processes_bump_along_and_never_overlap, "R-045 T-035 concurrent_stress")
{
    enum { PEERS = 4, ROUNDS = CAPACITY / 24 / PEERS };
    RenoirRegionHandle region = join_region();
    RenoirAllocatorHandle bump = join(region, RENOIR_ALLOCATOR_BUMP);
    TestPeer peers[PEERS];
    char rounds[16];
    (void)snprintf(rounds, sizeof rounds, "%d", ROUNDS);

    for (int i = 0; i < PEERS; ++i) {
        const char digit[2] = {(char)('1' + i), '\0'};
        peers[i] = peer_start(bumps_along, digit, rounds);
        CHECK(peer_expect(peers[i], "ready"));
    }
    for (int i = 0; i < PEERS; ++i) {
        CHECK(peer_send_line(peers[i], "go"));
    }
    for (int i = 0; i < PEERS; ++i) {
        CHECK_EXITED(peers[i], 0);
    }

    CHECK_EQ_U64(PEERS * ROUNDS * 24, used_of(bump));
    renoir_allocator_close(bump);
    CHECK_OK(renoir_region_destroy(region));
}

// --- a death at each point -----------------------------------------------------------------------

// Fills word 0, and frees a block of it again. Dies at the point it is told.
PEER(dies_in_the_pool)
{
    RenoirRegionHandle region = join_region();
    RenoirAllocatorHandle pool = join(region, RENOIR_ALLOCATOR_BLOCK);
    void *blocks[BLOCKS];

    rnr_fault_arm(peer_arg(0), RNR_FAULT_KILL, peer_arg_u64(1));
    for (int i = 0; i < BLOCKS; ++i) {
        REQUIRE_OK(renoir_allocator_allocate(pool, BLOCK, 0, &blocks[i]));
    }
    for (int i = 0; i < BLOCKS; ++i) {
        REQUIRE_OK(renoir_allocator_deallocate(pool, blocks[i], BLOCK, 0));
    }
    CHECK_UNREACHABLE();
}

// How many blocks are handed out afterwards; all others can still be had.
static unsigned die_at(const char *point, unsigned nth)
{
    RenoirRegionHandle region = join_region();
    RenoirAllocatorHandle pool = join(region, RENOIR_ALLOCATOR_BLOCK);
    char text[16];
    (void)snprintf(text, sizeof text, "%u", nth);

    CHECK_KILLED(peer_run(dies_in_the_pool, point, text));

    const unsigned used = (unsigned)(used_of(pool) / BLOCK);
    CHECK_EQ_U64(BLOCKS - used, count_free(pool));
    CHECK_OK(renoir_region_verify(region, NULL, 0));
    CHECK_OK(renoir_allocator_destroy(pool));
    leave_after_a_death(region);
    return used;
}

TEST(allocator_shared, a_death_before_a_block_is_taken_takes_none, "R-047 T-042 reliability")
{
    CHECK_EQ_U64(0, die_at("blocks.allocate.before", 1));
    CHECK_EQ_U64(63, die_at("blocks.allocate.before", 64));
}

TEST(allocator_shared, a_death_after_a_block_is_taken_takes_that_block, "R-047 T-042 reliability")
{
    CHECK_EQ_U64(1, die_at("blocks.allocate.after", 1));
    CHECK_EQ_U64(64, die_at("blocks.allocate.after", 64));
    // The first word to be full is the one where that process began: of 64 blocks, or of 36.
    const unsigned used = die_at("blocks.allocate.told", 1);
    CHECK(used == 64 || used == BLOCKS - 64);
}

TEST(allocator_shared, a_death_before_a_block_is_freed_frees_none, "R-047 T-042 reliability")
{
    CHECK_EQ_U64(BLOCKS, die_at("blocks.free.before", 1));
    CHECK_EQ_U64(1, die_at("blocks.free.before", 100));
}

TEST(allocator_shared,
     a_death_after_a_block_is_freed_hides_it_from_nobody,
     "R-047 T-042 reliability")
{
    CHECK_EQ_U64(BLOCKS - 1, die_at("blocks.free.after", 1));
    CHECK_EQ_U64(BLOCKS - 65, die_at("blocks.free.after", 65));
}

PEER(dies_in_the_bump_allocator)
{
    RenoirRegionHandle region = join_region();
    RenoirAllocatorHandle bump = join(region, RENOIR_ALLOCATOR_BUMP);
    void *memory = NULL;

    rnr_fault_arm(peer_arg(0), RNR_FAULT_KILL, 2);
    REQUIRE_OK(renoir_allocator_allocate(bump, 100, 1, &memory));
    REQUIRE_OK(renoir_allocator_allocate(bump, 100, 1, &memory));
    CHECK_UNREACHABLE();
}

TEST(allocator_shared, a_death_around_a_bump_leaves_it_before_or_after, "R-045 reliability")
{
    RenoirRegionHandle region = join_region();
    RenoirAllocatorHandle bump = join(region, RENOIR_ALLOCATOR_BUMP);

    CHECK_KILLED(peer_run(dies_in_the_bump_allocator, "bump.allocate.before"));
    CHECK_EQ_U64(100, used_of(bump));
    CHECK_KILLED(peer_run(dies_in_the_bump_allocator, "bump.allocate.after"));
    CHECK_EQ_U64(300, used_of(bump));

    CHECK_OK(renoir_region_verify(region, NULL, 0));
    CHECK_OK(renoir_allocator_destroy(bump));
    leave_after_a_death(region);
}

// --- what a death leaves of the object itself
// -----------------------------------------------------

PEER(takes_all_and_dies)
{
    RenoirRegionHandle region = join_region();
    RenoirAllocatorHandle bump = NULL;
    REQUIRE_OK(renoir_allocator_create_bump(region, &bump));
    peer_say("taken");
    peer_pause();
    CHECK_UNREACHABLE();
}

TEST(allocator_shared, an_unnamed_one_goes_with_its_process, "R-036 R-043 reliability")
{
    RenoirRegionHandle region = join_region();
    RenoirAllocatorHandle bump = NULL;
    const TestPeer peer = peer_start(takes_all_and_dies);
    CHECK(peer_expect(peer, "taken"));
    CHECK_STATUS(RENOIR_INSUFFICIENT_SPACE, renoir_allocator_create_bump(region, &bump));

    CHECK_KILLED(peer_kill(peer, SIGKILL));

    CHECK_OK(renoir_allocator_create_bump(region, &bump));
    renoir_allocator_close(bump);
    leave_after_a_death(region);
}

PEER(dies_while_it_makes_one)
{
    RenoirRegionHandle region = join_region();
    rnr_fault_arm("object.format", RNR_FAULT_KILL, 1);
    (void)join(region, RENOIR_ALLOCATOR_BLOCK);
    CHECK_UNREACHABLE();
}

TEST(allocator_shared, a_maker_that_dies_half_way_leaves_nothing_behind, "R-043 reliability")
{
    RenoirRegionHandle region = join_region();
    RenoirAllocatorHandle pool = NULL;
    CHECK_KILLED(peer_run(dies_while_it_makes_one));

    CHECK_STATUS(RENOIR_NOT_FOUND, renoir_allocator_open(region, "pool", &pool));
    pool = join(region, RENOIR_ALLOCATOR_BLOCK);

    CHECK_EQ_U64(BLOCKS, count_free(pool));
    renoir_allocator_close(pool);
    leave_after_a_death(region);
}
