// SPDX-License-Identifier: MIT OR Apache-2.0
//
// A death at each fault point of the epochs, and stops at some: what was retired is reclaimed by
// who is left, once, or once more if the death was in the call.

#include <sys/wait.h>
#include <unistd.h>

#include "unit/sync/epoch_fixture.h"

enum { TOKENS = 200 };

// What the dead one had done, in the region.
typedef struct Diary {
    RnrAtomicU32 retired; // calls that returned
    RnrAtomicU32 calls[TOKENS];
} Diary;

static Diary *open_diary(RenoirRegionHandle region)
{
    void *memory = NULL;
    REQUIRE_OK(renoir_region_block(region, "diary", sizeof(Diary), 0, &memory, NULL));
    return memory;
}

static void write_down(uint64_t token, void *user)
{
    Diary *const diary = user;
    REQUIRE(token < TOKENS);
    (void)rnr_fetch_add_relaxed_u32(&diary->calls[token], 1);
}

static uint32_t calls_of(const Diary *diary, uint32_t token)
{
    return rnr_load_relaxed_u32(&diary->calls[token]);
}

// One whole life in an epoch.
static void live(RenoirRegionHandle region, Diary *diary)
{
    RenoirEpochHandle epoch = join_epoch(region);
    RenoirEpochReaderHandle reader = open_reader(epoch);
    renoir_epoch_enter(reader);
    for (uint64_t i = 0; i < TOKENS; ++i) {
        REQUIRE_OK(renoir_epoch_retire(epoch, i));
        (void)rnr_fetch_add_relaxed_u32(&diary->retired, 1);
    }
    renoir_epoch_leave(reader);
    REQUIRE_OK(renoir_epoch_try_reclaim(epoch, write_down, diary, NULL));
    renoir_epoch_reader_close(reader);
    renoir_epoch_close(epoch);
}

PEER(dying_participant)
{
    RenoirRegionHandle region = join_region();
    Diary *const diary = open_diary(region);
    rnr_fault_arm(peer_arg(0), RNR_FAULT_KILL, peer_arg_u64(1));
    live(region, diary);
}

typedef struct Death {
    const char *point;
    const char *nth;
    uint32_t retired;    // calls of retire that had returned
    uint32_t ready;      // tokens that were retired all the same
    uint32_t repeatable; // tokens that may be called for twice
} Death;

// Everything that was retired is called for, once, but for as many as said.
static void check_calls(const Diary *diary, const Death *death)
{
    uint32_t repeated = 0;
    CHECK_EQ_U64(death->retired, rnr_load_relaxed_u32(&diary->retired));
    for (uint32_t i = 0; i < TOKENS; ++i) {
        const uint32_t calls = calls_of(diary, i);
        CHECK_EQ_U64(i<death->ready, calls> 0);
        REQUIRE(calls <= 2);
        repeated += calls == 2;
    }
    CHECK_EQ_U64(death->repeatable, repeated);
}

// Nothing is left of the dead one: no chunk, no reader, no place.
static void check_clean(RenoirRegionHandle region, RenoirEpochHandle epoch)
{
    RenoirEpochHandle heir = join_epoch(region); // gets its place
    CHECK_EQ_U64(0, reclaim(heir));
    CHECK_EQ_U64(RNR_EPOCH_CHUNKS, count_free_chunks(epoch));
    CHECK_EQ_U64(0, stats_of(epoch).pending_count);
    CHECK_EQ_U64(0, stats_of(epoch).reader_count);
    check_sound(epoch);
    renoir_epoch_close(heir);
    for (int i = 0; i < RENOIR_EPOCH_READERS_MAX; ++i) {
        renoir_epoch_enter(open_reader(epoch));
    }
    CHECK_EQ_U64(RENOIR_EPOCH_READERS_MAX, stats_of(epoch).active_reader_count);
}

static void dies(Death death)
{
    RenoirRegionHandle region = join_region();
    RenoirEpochHandle epoch = join_epoch(region);
    Diary *const diary = open_diary(region);

    CHECK_KILLED(peer_run(dying_participant, death.point, death.nth));

    CHECK_OK(renoir_epoch_try_reclaim(epoch, write_down, diary, NULL));
    check_calls(diary, &death);
    check_clean(region, epoch);
    renoir_epoch_close(epoch);
    leave_region_and_reap(region);
}

#define DIES(name, ...)                                                                            \
    TEST(epoch_crash, name, "R-119 T-056 reliability")                                             \
    {                                                                                              \
        dies((Death){__VA_ARGS__});                                                                \
    }

DIES(a_death_in_opening_leaves_nothing, .point = "epoch.open.role", .nth = "1")
DIES(a_death_in_opening_a_reader_leaves_nothing, .point = "epoch.reader_open.role", .nth = "1")
DIES(a_death_before_entering_leaves_nothing, .point = "epoch.enter.before", .nth = "1")
DIES(a_death_inside_holds_nothing_back, .point = "epoch.enter.inside", .nth = "1")
DIES(a_chunk_claimed_by_the_dead_is_free_again, .point = "epoch.retire.claimed", .nth = "1")
DIES(a_second_chunk_claimed_by_the_dead_is_free_again,
     .point = "epoch.retire.claimed",
     .nth = "2",
     .retired = 64,
     .ready = 64)
DIES(a_token_that_was_not_ready_was_not_retired,
     .point = "epoch.retire.token",
     .nth = "101",
     .retired = 100,
     .ready = 100)
DIES(a_token_that_was_ready_is_reclaimed,
     .point = "epoch.retire.ready",
     .nth = "101",
     .retired = 100,
     .ready = 101)
DIES(a_reclaimer_that_dies_with_a_plan_has_done_nothing,
     .point = "epoch.reclaim.collected",
     .nth = "1",
     .retired = TOKENS,
     .ready = TOKENS)
DIES(a_reclaimer_that_dies_before_it_advances_has_done_nothing,
     .point = "epoch.reclaim.advance",
     .nth = "1",
     .retired = TOKENS,
     .ready = TOKENS)
DIES(a_chunk_taken_by_the_dead_is_taken_over,
     .point = "epoch.reclaim.taken",
     .nth = "2",
     .retired = TOKENS,
     .ready = TOKENS)
DIES(a_token_in_the_hands_of_the_dead_is_called_for,
     .point = "epoch.reclaim.before",
     .nth = "70",
     .retired = TOKENS,
     .ready = TOKENS)
DIES(a_token_whose_reclaimer_died_in_the_call_is_called_for_again,
     .point = "epoch.reclaim.called",
     .nth = "70",
     .retired = TOKENS,
     .ready = TOKENS,
     .repeatable = 1)
DIES(a_token_that_is_done_is_not_called_for_again,
     .point = "epoch.reclaim.done",
     .nth = "70",
     .retired = TOKENS,
     .ready = TOKENS)
DIES(the_last_token_of_a_chunk_that_is_done_frees_it,
     .point = "epoch.reclaim.done",
     .nth = "64",
     .retired = TOKENS,
     .ready = TOKENS)
DIES(a_chunk_that_the_dead_began_to_empty_is_emptied,
     .point = "epoch.clear.marked",
     .nth = "1",
     .retired = TOKENS,
     .ready = TOKENS)
DIES(a_chunk_that_the_dead_had_half_emptied_is_emptied,
     .point = "epoch.clear.emptied",
     .nth = "30",
     .retired = TOKENS,
     .ready = TOKENS)
DIES(a_chunk_that_the_dead_had_freed_can_be_used,
     .point = "epoch.clear.freed",
     .nth = "1",
     .retired = TOKENS,
     .ready = TOKENS)
DIES(a_reader_that_died_closing_leaves_its_place,
     .point = "epoch.reader_close.outside",
     .nth = "1",
     .retired = TOKENS,
     .ready = TOKENS)
DIES(a_participant_that_died_closing_leaves_its_place,
     .point = "epoch.close.abandoned",
     .nth = "1",
     .retired = TOKENS,
     .ready = TOKENS)

// --- deaths in a row -----------------------------------------------------------------------------

TEST(epoch_crash, the_dead_in_a_small_epoch_leave_room_for_the_living, "R-119 reliability")
{
    RenoirRegionHandle region = join_region();
    RenoirEpochHandle epoch = join_small_epoch(region, 6);
    Diary *const diary = open_diary(region);
    for (int i = 0; i < 20; ++i) { // each dies with one token in its second chunk
        CHECK_KILLED(peer_run(dying_participant, "epoch.retire.ready", "65"));
        CHECK_OK(renoir_epoch_try_reclaim(epoch, write_down, diary, NULL));
    }
    CHECK_EQ_U64(20, calls_of(diary, 0));
    CHECK_EQ_U64(20, calls_of(diary, 64));
    for (uint64_t i = 0; i < 5 * 64; ++i) {
        REQUIRE_OK(renoir_epoch_retire(epoch, i));
    }
    check_sound(epoch);
    renoir_epoch_close(epoch);
    leave_region_and_reap(region);
}

TEST(epoch_crash, who_finds_no_room_takes_back_what_the_dead_left_empty, "R-119 reliability")
{
    RenoirRegionHandle region = join_region();
    RenoirEpochHandle epoch = join_small_epoch(region, 4);
    const TestPeer first = peer_start(dying_participant, "epoch.retire.token", "1");
    CHECK_KILLED(first);
    CHECK_EQ_U64(3, count_free_chunks(epoch)); // the dead one's looks as if it were being filled
    for (uint64_t i = 0; i < 4 * 64; ++i) {
        REQUIRE_OK(renoir_epoch_retire(epoch, i));
    }
    CHECK_STATUS(RENOIR_LIMIT_REACHED, renoir_epoch_retire(epoch, 0));
    CHECK_EQ_U64(256, reclaim(epoch));
    renoir_epoch_close(epoch);
    leave_region_and_reap(region);
}

TEST(epoch_crash, who_gets_the_place_of_a_dead_reclaimer_is_not_taken_for_it, "R-119 reliability")
{
    RenoirRegionHandle region = join_region();
    RenoirEpochHandle witness = join_epoch(region);
    Diary *const diary = open_diary(region);
    size_t count = 0;
    CHECK_KILLED(peer_run(dying_participant, "epoch.reclaim.before", "10"));

    RenoirEpochHandle heir =
        join_epoch(region); // alive, with the index of the one that has a chunk
    CHECK_OK(renoir_epoch_try_reclaim(witness, write_down, diary, &count));

    CHECK_EQ_U64(TOKENS - 9, count);
    renoir_epoch_close(heir);
    renoir_epoch_close(witness);
    leave_region_and_reap(region);
}

TEST(epoch_crash,
     who_gets_the_place_of_a_dead_reader_is_not_taken_for_it,
     "R-119 T-056 reliability")
{
    RenoirRegionHandle region = join_region();
    RenoirEpochHandle epoch = join_epoch(region);
    CHECK_KILLED(peer_run(dying_participant, "epoch.enter.inside", "1"));
    CHECK_OK(renoir_epoch_retire(epoch, 1));
    CHECK_EQ_U64(1, reclaim(epoch)); // finds it dead, and remembers that

    RenoirEpochReaderHandle heir = open_reader(epoch);
    renoir_epoch_enter(heir);
    CHECK_OK(renoir_epoch_retire(epoch, 2));

    CHECK_EQ_U64(0, reclaim_thrice(epoch));
    CHECK_EQ_U64(1, stats_of(epoch).active_reader_count);
    renoir_epoch_leave(heir);
    CHECK_EQ_U64(1, reclaim(epoch));
    renoir_epoch_close(epoch);
    leave_region_and_reap(region);
}

// --- stops ---------------------------------------------------------------------------------------

PEER(stopping_participant)
{
    RenoirRegionHandle region = join_region();
    Diary *const diary = open_diary(region);
    rnr_fault_arm(peer_arg(0), RNR_FAULT_STOP, peer_arg_u64(1));
    live(region, diary);
    renoir_region_close(region);
}

TEST(epoch_crash,
     a_stopped_reclaimer_keeps_one_chunk_and_no_token_is_called_for_twice,
     "R-119 reliability")
{
    RenoirRegionHandle region = join_region();
    RenoirEpochHandle epoch = join_epoch(region);
    Diary *const diary = open_diary(region);
    size_t count = 0;
    const TestPeer peer = peer_start(stopping_participant, "epoch.reclaim.called", "70");
    peer_wait_stopped(peer);

    // 64 done, 6 more called for, one of them not done yet; the rest of that chunk is the stopped
    // one's.
    CHECK_OK(renoir_epoch_try_reclaim(epoch, write_down, diary, &count));
    CHECK_EQ_U64(TOKENS - 2 * 64, count);
    CHECK_EQ_U64(64 - 5, stats_of(epoch).pending_count);
    CHECK_OK(renoir_epoch_retire(epoch, 0)); // nobody else waits for it
    CHECK_OK(renoir_epoch_try_reclaim(epoch, write_down, diary, &count));
    CHECK_EQ_U64(1, count);

    peer_signal(peer, SIGCONT);
    CHECK_EXITED(peer, 0);
    CHECK_EQ_U64(2, calls_of(diary, 0));
    for (uint32_t i = 1; i < TOKENS; ++i) {
        CHECK_EQ_U64(1, calls_of(diary, i));
    }
    CHECK_EQ_U64(0, stats_of(epoch).pending_count);
    check_sound(epoch);
    renoir_epoch_close(epoch);
    renoir_region_close(region);
}

TEST(epoch_crash,
     a_chunk_that_a_stopped_reclaimer_had_planned_may_be_used_anew,
     "R-119 reliability")
{
    RenoirRegionHandle region = join_region();
    RenoirEpochHandle epoch = join_epoch(region);
    RenoirEpochReaderHandle reader = open_reader(epoch);
    Diary *const diary = open_diary(region);
    const TestPeer peer = peer_start(stopping_participant, "epoch.reclaim.advance", "1");
    peer_wait_stopped(peer);
    CHECK_OK(renoir_epoch_try_reclaim(epoch, write_down, diary, NULL));

    // The same records, filled again; a reader is inside that the stopped one has not seen.
    renoir_epoch_enter(reader);
    for (uint64_t i = 0; i < TOKENS; ++i) {
        REQUIRE_OK(renoir_epoch_retire(epoch, i));
    }
    peer_signal(peer, SIGCONT);
    CHECK_EXITED(peer, 0);

    for (uint32_t i = 0; i < TOKENS; ++i) {
        CHECK_EQ_U64(1, calls_of(diary, i));
    }
    CHECK_EQ_U64(TOKENS, stats_of(epoch).pending_count);
    renoir_epoch_leave(reader);
    CHECK_EQ_U64(TOKENS, reclaim(epoch));
    renoir_epoch_close(epoch);
    renoir_region_close(region);
}

TEST(epoch_crash,
     a_reader_stopped_as_it_enters_holds_back_all_that_it_may_find,
     "R-119 T-055 T-056 reliability")
{
    RenoirRegionHandle region = join_region();
    RenoirEpochHandle epoch = join_epoch(region);
    Diary *const diary = open_diary(region);
    const TestPeer peer = peer_start(stopping_participant, "epoch.enter.before", "1");
    peer_wait_stopped(peer); // it has read the epoch, and not said so
    for (uint64_t i = 0; i < 10; ++i) {
        CHECK_OK(renoir_epoch_retire(epoch, 0));
        CHECK_EQ_U64(1, reclaim(epoch)); // it has not looked at anything yet
    }
    CHECK_EQ_U64(11, stats_of(epoch).epoch);
    rnr_store_relaxed_u32(&diary->retired, 0);
    peer_signal(peer, SIGCONT);
    CHECK_EXITED(peer, 0); // its epoch was old, and held everything back until it left
    for (uint32_t i = 0; i < TOKENS; ++i) {
        CHECK_EQ_U64(1, calls_of(diary, i));
    }
    renoir_epoch_close(epoch);
    renoir_region_close(region);
}

TEST(epoch_crash, nobody_waits_for_a_stopped_retirer, "R-119 reliability")
{
    RenoirRegionHandle region = join_region();
    RenoirEpochHandle epoch = join_epoch(region);
    RenoirEpochReaderHandle reader = open_reader(epoch);
    Diary *const diary = open_diary(region);
    const TestPeer peer = peer_start(stopping_participant, "epoch.retire.token", "10");
    peer_wait_stopped(peer); // inside, too
    for (uint64_t i = 0; i < 1000; ++i) {
        REQUIRE_OK(renoir_epoch_retire(epoch, 0));
    }
    CHECK_EQ_U64(0, reclaim_thrice(epoch));
    renoir_epoch_enter(reader); // so that what it retires is not reclaimed by itself
    peer_signal(peer, SIGCONT);
    CHECK_EXITED(peer, 0);
    CHECK_EQ_U64(1000 + TOKENS, stats_of(epoch).pending_count);
    renoir_epoch_leave(reader);
    CHECK_EQ_U64(1000 + TOKENS, reclaim(epoch));
    CHECK_EQ_U64(TOKENS, rnr_load_relaxed_u32(&diary->retired));
    renoir_epoch_close(epoch);
    renoir_region_close(region);
}
