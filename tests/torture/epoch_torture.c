// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Processes that read, replace, retire and reclaim blocks of one region at full speed. A block that
// is reclaimed is overwritten: a reader that sees that has found what it should not.

#include <unistd.h>

#include "unit/sync/epoch_fixture.h"

enum { BLOCKS = 2048, LINKS = 16, WORDS = 8 };

#define POISON UINT64_C(0xdeaddeaddeaddead)

typedef struct Block {
    RnrAtomicU64 words[WORDS]; // all the same: POISON, or a number that is not
    RnrAtomicU64 state;        // generation << 1 | 1 in use
    RnrAtomicU64 reclaims;
} Block;

// In the region, under the name "arena".
typedef struct Arena {
    RnrAtomicU64 links[LINKS]; // tokens of blocks
    RnrAtomicU64 reads;
    RnrAtomicU64 replacements;
    RnrAtomicU64 is_over;
    Block blocks[BLOCKS];
} Arena;

// A token names a block and its generation, and is never 0: so one that is called for again, since
// whoever had it died in the call, does not free what the block is used for by then.
static uint64_t token_of(uint64_t index, uint64_t state)
{
    return state << 16 | index;
}

static Block *block_of(Arena *arena, uint64_t token)
{
    REQUIRE((token & 0xffff) < BLOCKS);
    return &arena->blocks[token & 0xffff];
}

static Arena *open_arena(RenoirRegionHandle region)
{
    void *memory = NULL;
    REQUIRE_OK(renoir_region_block(region, "arena", sizeof(Arena), 0, &memory, NULL));
    return memory;
}

static void poison_block(uint64_t token, void *user)
{
    Arena *const arena = user;
    Block *const block = block_of(arena, token);
    (void)rnr_fetch_add_relaxed_u64(&block->reclaims, 1);
    if (rnr_load_acquire_u64(&block->state) != token >> 16) {
        return;
    }
    for (int i = 0; i < WORDS; ++i) {
        rnr_store_relaxed_u64(&block->words[i], POISON);
    }
    rnr_store_release_u64(&block->state, (token >> 16) + 1);
}

static void read_some(Arena *arena, RenoirEpochReaderHandle reader)
{
    renoir_epoch_enter(reader);
    for (uint64_t i = test_random_below(4) + 1; i > 0; --i) {
        const uint64_t token = rnr_load_acquire_u64(&arena->links[test_random_below(LINKS)]);
        if (token == 0) {
            continue;
        }
        const Block *const block = block_of(arena, token);
        const uint64_t first = rnr_load_acquire_u64(&block->words[0]);
        for (uint64_t k = test_random_below(200); k > 0; --k) {
            rnr_relax();
        }
        for (int k = 0; k < WORDS; ++k) {
            const uint64_t word = rnr_load_acquire_u64(&block->words[k]);
            REQUIRE(word != POISON);
            REQUIRE_EQ_U64(first, word);
        }
    }
    renoir_epoch_leave(reader);
    (void)rnr_fetch_add_relaxed_u64(&arena->reads, 1);
}

// The token of a free block that is now in use and filled; 0: there is none.
static uint64_t make_block(Arena *arena)
{
    const uint64_t value = test_random_u64() | 1; // POISON is odd
    const uint64_t start = test_random_below(BLOCKS);
    for (uint64_t i = start; i < start + 64; ++i) {
        Block *const block = &arena->blocks[i % BLOCKS];
        uint64_t state = rnr_load_acquire_u64(&block->state);
        if ((state & 1) == 0 && rnr_cas_acq_rel_u64(&block->state, &state, state + 1)) {
            for (int k = 0; k < WORDS; ++k) {
                rnr_store_relaxed_u64(&block->words[k], value == POISON ? 3 : value);
            }
            return token_of(i % BLOCKS, state + 1);
        }
    }
    return 0;
}

static void replace_one(Arena *arena, RenoirEpochHandle epoch)
{
    const uint64_t block = make_block(arena);
    RnrAtomicU64 *const link = &arena->links[test_random_below(LINKS)];
    if (block == 0) {
        REQUIRE_OK(renoir_epoch_try_reclaim(epoch, poison_block, arena, NULL));
        return;
    }
    uint64_t old = rnr_load_acquire_u64(link);
    while (!rnr_cas_acq_rel_u64(link, &old, block)) {
    }
    (void)rnr_fetch_add_relaxed_u64(&arena->replacements, 1);
    while (old != 0 && renoir_epoch_retire(epoch, old) != RENOIR_SUCCESS) {
        REQUIRE_OK(renoir_epoch_try_reclaim(epoch, poison_block, arena, NULL));
    }
}

static void work(Arena *arena, RenoirEpochHandle epoch, RenoirEpochReaderHandle reader)
{
    const uint64_t what = test_random_below(100);
    if (what < 70) {
        read_some(arena, reader);
    } else if (what < 97) {
        replace_one(arena, epoch);
    } else {
        REQUIRE_OK(renoir_epoch_try_reclaim(epoch, poison_block, arena, NULL));
    }
}

PEER(worker)
{
    RenoirRegionHandle region = join_region();
    Arena *const arena = open_arena(region);
    RenoirEpochHandle epoch = join_epoch(region);
    RenoirEpochReaderHandle reader = open_reader(epoch);
    const uint64_t rounds = peer_arg_u64(0);
    for (uint64_t i = 0; i < rounds; ++i) {
        work(arena, epoch, reader);
    }
    renoir_epoch_close(epoch);
    renoir_region_close(region);
}

static uint64_t rounds_in_all(void)
{
    return test_scaled(40000000);
}

// Blocks that no link leads to and that are not free.
static uint64_t count_lost(Arena *arena)
{
    uint64_t lost = 0;
    for (uint64_t i = 0; i < BLOCKS; ++i) {
        bool is_linked = false;
        for (int k = 0; k < LINKS; ++k) {
            const uint64_t token = rnr_load_acquire_u64(&arena->links[k]);
            is_linked = is_linked || (token != 0 && (token & 0xffff) == i);
        }
        lost += !is_linked && (rnr_load_acquire_u64(&arena->blocks[i].state) & 1) != 0;
    }
    return lost;
}

TEST_WITHIN(epoch_torture,
            no_reader_ever_sees_what_was_reclaimed,
            "R-119 T-055 T-057 concurrent_stress torture",
            600)
{
    char rounds[32];
    RenoirRegionHandle region = join_region();
    Arena *const arena = open_arena(region);
    RenoirEpochHandle epoch = join_epoch(region);
    TestPeer peers[4];
    snprintf(rounds, sizeof rounds, "%llu", (unsigned long long)rounds_in_all() / 4);
    for (int i = 0; i < 4; ++i) {
        peers[i] = peer_start(worker, rounds);
    }
    for (int i = 0; i < 4; ++i) {
        CHECK_EXITED(peers[i], 0);
    }
    REQUIRE_OK(renoir_epoch_try_reclaim(epoch, poison_block, arena, NULL));

    CHECK_EQ_U64(0, stats_of(epoch).pending_count);
    CHECK_EQ_U64(0, count_lost(arena));
    uint64_t reclaims = 0;
    for (int i = 0; i < BLOCKS; ++i) {
        reclaims += rnr_load_acquire_u64(&arena->blocks[i].reclaims);
    }
    // Each block that was put into a link was taken out and reclaimed once, but for those there.
    CHECK_EQ_U64(rnr_load_acquire_u64(&arena->replacements), reclaims + LINKS);
    CHECK_EQ_U64(reclaims, stats_of(epoch).reclaimed_count);
    check_sound(epoch);
    renoir_epoch_close(epoch);
    renoir_region_close(region);
}

PEER(mortal_worker)
{
    RenoirRegionHandle region = join_region();
    Arena *const arena = open_arena(region);
    RenoirEpochHandle epoch = join_epoch(region);
    RenoirEpochReaderHandle reader = open_reader(epoch);
    while (rnr_load_acquire_u64(&arena->is_over) == 0) {
        work(arena, epoch, reader);
    }
    renoir_epoch_close(epoch);
    renoir_region_close(region);
}

TEST_WITHIN(epoch_torture,
            processes_killed_at_random_hold_nothing_back,
            "R-119 T-055 T-056 reliability torture",
            600)
{
    const uint64_t deaths = test_scaled(5000);
    RenoirRegionHandle region = join_region();
    Arena *const arena = open_arena(region);
    RenoirEpochHandle epoch = join_epoch(region);
    TestPeer peers[4];
    for (int i = 0; i < 4; ++i) {
        peers[i] = peer_start(mortal_worker);
    }
    for (uint64_t i = 0; i < deaths; ++i) {
        const uint64_t victim = test_random_below(4);
        test_sleep_ms((unsigned)test_random_below(10));
        CHECK_KILLED(peer_kill(peers[victim], SIGKILL));
        check_sound(epoch); // whatever the others are about to do
        peers[victim] = peer_start(mortal_worker);
    }
    rnr_store_release_u64(&arena->is_over, 1);
    for (int i = 0; i < 4; ++i) {
        CHECK_EXITED(peers[i], 0);
    }
    REQUIRE_OK(renoir_epoch_try_reclaim(epoch, poison_block, arena, NULL));

    CHECK_EQ_U64(0, stats_of(epoch).pending_count);
    CHECK_EQ_U64(0, stats_of(epoch).reader_count);
    // A worker has at most one block in hand that it has neither linked nor retired, or one that it
    // reclaims.
    CHECK(count_lost(arena) <= deaths);
    CHECK(rnr_load_acquire_u64(&arena->reads) > 0);
    check_sound(epoch);
    renoir_epoch_close(epoch);
    leave_region_and_reap(region);
}
