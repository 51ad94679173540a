// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Epochs: what is reclaimed when, who counts, what the numbers say, and what is refused.

#include <unistd.h>

#include "unit/sync/epoch_fixture.h"

// --- one process ---------------------------------------------------------------------------------

TEST(epoch, tokens_are_reclaimed_at_once_where_nobody_reads, "R-119 sync_pattern")
{
    RenoirRegionHandle region = join_region();
    RenoirEpochHandle epoch = join_epoch(region);
    CHECK_EQ_U64(0, reclaim(epoch));

    CHECK_OK(renoir_epoch_retire(epoch, 5));
    CHECK_OK(renoir_epoch_retire(epoch, 6));

    CHECK_EQ_U64(2, reclaim(epoch));
    CHECK(taken.times[5] == 1 && taken.times[6] == 1);
    CHECK_EQ_U64(0, reclaim(epoch));
    check_sound(epoch);
    renoir_epoch_close(epoch);
    renoir_region_close(region);
}

TEST(epoch,
     a_reader_inside_keeps_what_was_retired_since_it_entered,
     "R-119 R-120 T-055 sync_pattern")
{
    RenoirRegionHandle region = join_region();
    RenoirEpochHandle epoch = join_epoch(region);
    RenoirEpochReaderHandle reader = open_reader(epoch);
    renoir_epoch_enter(reader);

    CHECK_OK(renoir_epoch_retire(epoch, 5));
    for (int i = 0; i < 20; ++i) {
        CHECK_EQ_U64(0, reclaim(epoch));
    }
    CHECK_EQ_U64(1, stats_of(epoch).pending_count);

    renoir_epoch_leave(reader);
    CHECK_EQ_U64(1, reclaim(epoch));
    renoir_epoch_close(epoch);
    renoir_region_close(region);
}

TEST(epoch,
     a_reader_that_entered_before_the_retirement_was_seen_keeps_it,
     "R-119 T-055 sync_pattern")
{
    RenoirRegionHandle region = join_region();
    RenoirEpochHandle epoch = join_epoch(region);
    RenoirEpochReaderHandle reader = open_reader(epoch);
    CHECK_OK(renoir_epoch_retire(epoch, 5));

    // Nobody has advanced since: as far as anyone can tell it came before.
    renoir_epoch_enter(reader);

    CHECK_EQ_U64(0, reclaim_thrice(epoch));
    renoir_epoch_leave(reader);
    CHECK_EQ_U64(1, reclaim(epoch));
    renoir_epoch_close(epoch);
    renoir_region_close(region);
}

TEST(epoch, epochs_advance_by_themselves_as_readers_move, "R-119 T-057 sync_pattern")
{
    RenoirRegionHandle region = join_region();
    RenoirEpochHandle epoch = join_epoch(region);
    RenoirEpochReaderHandle a = open_reader(epoch);
    RenoirEpochReaderHandle b = open_reader(epoch);
    size_t count = 0;
    renoir_epoch_enter(a);
    CHECK_OK(renoir_epoch_retire(epoch, 5));

    // There is always one of them inside, but neither stays.
    for (int i = 0; i < 3; ++i) {
        CHECK_EQ_U64(0, count);
        count += reclaim(epoch);
        renoir_epoch_enter(b);
        renoir_epoch_leave(a);
        renoir_epoch_enter(a);
        renoir_epoch_leave(b);
    }

    CHECK_EQ_U64(1, count);
    CHECK_EQ_U64(1, taken.times[5]);
    CHECK(stats_of(epoch).epoch >= 3);
    renoir_epoch_close(epoch);
    renoir_region_close(region);
}

TEST(epoch, a_reader_that_stays_keeps_nothing_that_was_safe_when_it_came, "R-119 sync_pattern")
{
    RenoirRegionHandle region = join_region();
    RenoirEpochHandle epoch = join_epoch(region);
    RenoirEpochReaderHandle first = open_reader(epoch);
    RenoirEpochReaderHandle late = open_reader(epoch);
    renoir_epoch_enter(first);
    CHECK_OK(renoir_epoch_retire(epoch, 5));
    CHECK_EQ_U64(0, reclaim(epoch)); // to 2
    renoir_epoch_leave(first);
    renoir_epoch_enter(first);
    renoir_epoch_enter(first);
    CHECK_EQ_U64(0, reclaim(epoch)); // to 3

    renoir_epoch_enter(late); // and stays
    renoir_epoch_leave(first);
    renoir_epoch_leave(first);

    CHECK_EQ_U64(1, reclaim(epoch));
    renoir_epoch_leave(late);
    renoir_epoch_close(epoch);
    renoir_region_close(region);
}

TEST(epoch, enter_nests_and_ends_with_the_last_leave, "R-119 sync_pattern")
{
    RenoirRegionHandle region = join_region();
    RenoirEpochHandle epoch = join_epoch(region);
    RenoirEpochReaderHandle reader = open_reader(epoch);
    renoir_epoch_leave(reader); // without its enter: nothing
    renoir_epoch_enter(reader);
    renoir_epoch_enter(reader);
    CHECK_OK(renoir_epoch_retire(epoch, 5));

    renoir_epoch_leave(reader);
    CHECK_EQ_U64(0, reclaim_thrice(epoch));
    CHECK_EQ_U64(1, stats_of(epoch).active_reader_count);

    renoir_epoch_leave(reader);
    CHECK_EQ_U64(1, reclaim(epoch));
    CHECK_EQ_U64(0, stats_of(epoch).active_reader_count);
    renoir_epoch_enter(NULL);
    renoir_epoch_leave(NULL);
    renoir_epoch_reader_close(NULL);
    renoir_epoch_close(NULL);
    renoir_epoch_close(epoch);
    renoir_region_close(region);
}

TEST(epoch, closing_a_reader_leaves_first, "R-119 sync_pattern")
{
    RenoirRegionHandle region = join_region();
    RenoirEpochHandle epoch = join_epoch(region);
    RenoirEpochReaderHandle one = open_reader(epoch);
    RenoirEpochReaderHandle two = open_reader(epoch);
    RenoirEpochReaderHandle three = open_reader(epoch);
    renoir_epoch_enter(two);
    CHECK_OK(renoir_epoch_retire(epoch, 5));
    CHECK_EQ_U64(0, reclaim_thrice(epoch));

    renoir_epoch_reader_close(two);

    CHECK_EQ_U64(1, reclaim(epoch));
    renoir_epoch_reader_close(three);
    CHECK_EQ_U64(1, stats_of(epoch).reader_count);
    renoir_epoch_enter(one); // closing the epoch closes it
    renoir_epoch_close(epoch);
    renoir_region_close(region);
}

TEST(epoch,
     all_tokens_that_are_promised_fit_and_the_next_is_refused_with_a_remedy,
     "R-119 T-057 sync_pattern")
{
    RenoirRegionHandle region = join_region();
    RenoirEpochHandle epoch = join_epoch(region);
    uint64_t fit = 0;
    RenoirErrorCode status = RENOIR_SUCCESS;
    while (status == RENOIR_SUCCESS && fit < TAKEN_MAX) {
        status = renoir_epoch_retire(epoch, fit);
        fit += status == RENOIR_SUCCESS;
    }
    CHECK_STATUS(RENOIR_LIMIT_REACHED, status);
    CHECK_STR_CONTAINS("renoir_epoch_try_reclaim", renoir_last_error_message());
    CHECK(fit >= RENOIR_EPOCH_PENDING);
    CHECK_EQ_U64(fit, stats_of(epoch).pending_count);
    check_sound(epoch);

    CHECK_EQ_U64(fit, reclaim(epoch));

    for (uint64_t i = 0; i < fit; ++i) {
        REQUIRE_EQ_U64(1, taken.times[i]);
    }
    CHECK_OK(renoir_epoch_retire(epoch, 1));
    CHECK_EQ_U64(1, reclaim(epoch));
    check_sound(epoch);
    renoir_epoch_close(epoch);
    renoir_region_close(region);
}

TEST(epoch, a_million_tokens_go_through_with_few_pending, "R-119 T-057 reliability")
{
    const uint64_t total = test_scaled(1000000);
    RenoirRegionHandle region = join_region();
    RenoirEpochHandle epoch = join_epoch(region);
    RenoirEpochReaderHandle reader = open_reader(epoch);
    uint64_t reclaimed = 0;
    for (uint64_t i = 0; i < total; ++i) {
        if (i % 50 == 0) {
            renoir_epoch_leave(reader);
            renoir_epoch_enter(reader);
        }
        REQUIRE_OK(renoir_epoch_retire(epoch, i % TAKEN_MAX));
        if (i % 100 == 99) {
            taken.count = 0;
            reclaimed += reclaim(epoch);
            REQUIRE(stats_of(epoch).pending_count <= 400);
        }
    }
    renoir_epoch_leave(reader);
    taken.count = 0;
    reclaimed += reclaim(epoch);
    CHECK_EQ_U64(total, reclaimed);
    CHECK_EQ_U64(total, stats_of(epoch).reclaimed_count);
    check_sound(epoch);
    renoir_epoch_close(epoch);
    renoir_region_close(region);
}

// --- what a reclaim function may do --------------------------------------------------------------

typedef struct Nest {
    RenoirEpochHandle epoch;
    RenoirEpochReaderHandle reader;
    size_t inner;
    unsigned times[200];
} Nest;

static void retire_again(uint64_t token, void *user)
{
    Nest *const nest = user;
    ++nest->times[token];
    renoir_epoch_enter(nest->reader);
    if (token < 100) {
        CHECK_OK(renoir_epoch_retire(nest->epoch, token + 100));
    }
    renoir_epoch_leave(nest->reader);
}

TEST(epoch, a_reclaim_function_may_retire_and_read, "R-119 sync_pattern")
{
    RenoirRegionHandle region = join_region();
    static Nest nest;
    nest.epoch = join_epoch(region);
    nest.reader = open_reader(nest.epoch);
    size_t count = 0;
    for (uint64_t i = 0; i < 100; ++i) {
        CHECK_OK(renoir_epoch_retire(nest.epoch, i));
    }
    CHECK_OK(renoir_epoch_try_reclaim(nest.epoch, retire_again, &nest, &count));
    CHECK_EQ_U64(100, count); // what came meanwhile waits for the next call
    CHECK_OK(renoir_epoch_try_reclaim(nest.epoch, retire_again, &nest, &count));
    CHECK_EQ_U64(100, count);
    for (int i = 0; i < 200; ++i) {
        CHECK_EQ_U64(1, nest.times[i]);
    }
    renoir_epoch_close(nest.epoch);
    renoir_region_close(region);
}

static void reclaim_again(uint64_t token, void *user)
{
    Nest *const nest = user;
    size_t count = 0;
    ++nest->times[token];
    CHECK_OK(renoir_epoch_try_reclaim(nest->epoch, reclaim_again, nest, &count));
    nest->inner += count;
}

TEST(epoch, a_reclaim_within_a_reclaim_takes_no_token_twice, "R-119 sync_pattern")
{
    RenoirRegionHandle region = join_region();
    static Nest nest;
    nest.epoch = join_epoch(region);
    size_t count = 0;
    for (uint64_t i = 0; i < 200; ++i) {
        CHECK_OK(renoir_epoch_retire(nest.epoch, i));
    }
    CHECK_OK(renoir_epoch_try_reclaim(nest.epoch, reclaim_again, &nest, &count));
    for (int i = 0; i < 200; ++i) {
        CHECK_EQ_U64(1, nest.times[i]);
    }
    CHECK(nest.inner > 0);
    check_sound(nest.epoch);
    renoir_epoch_close(nest.epoch);
    renoir_region_close(region);
}

// --- numbers -------------------------------------------------------------------------------------

TEST(epoch, the_statistics_tell_what_is_there, "R-119 R-120 T-083 sync_pattern")
{
    RenoirRegionHandle region = join_region();
    RenoirEpochHandle epoch = join_epoch(region);
    RenoirEpochReaderHandle reader = open_reader(epoch);
    (void)open_reader(epoch);
    RenoirEpochStats stats = stats_of(epoch);
    CHECK_EQ_U64(1, stats.epoch);
    CHECK_EQ_U64(1, stats.oldest_reader_epoch);
    CHECK_EQ_U64(2, stats.reader_count);
    CHECK(stats.active_reader_count == 0 && stats.pending_count == 0);
    CHECK(stats.pending_oldest_ns == 0 && stats.reclaimed_count == 0);

    CHECK_OK(renoir_epoch_retire(epoch, 1));
    test_sleep_ms(3);
    renoir_epoch_enter(reader);
    CHECK_OK(renoir_epoch_retire(epoch, 2));
    CHECK_EQ_U64(0, reclaim_thrice(epoch));
    stats = stats_of(epoch);
    CHECK_EQ_U64(2, stats.epoch); // and not beyond, while somebody stands in 1
    CHECK_EQ_U64(1, stats.oldest_reader_epoch);
    CHECK_EQ_U64(1, stats.active_reader_count);
    CHECK_EQ_U64(2, stats.pending_count);
    CHECK(stats.pending_oldest_ns >= RENOIR_MILLISECONDS(3));

    renoir_epoch_leave(reader);
    CHECK_EQ_U64(2, reclaim(epoch));
    stats = stats_of(epoch);
    CHECK_EQ_U64(3, stats.epoch);
    CHECK_EQ_U64(3, stats.oldest_reader_epoch);
    CHECK(stats.pending_count == 0 && stats.pending_oldest_ns == 0);
    CHECK_EQ_U64(2, stats.reclaimed_count);
    CHECK(stats.reserved[0] == 0 && stats.reserved[1] == 0);
    renoir_epoch_close(epoch);
    renoir_region_close(region);
}

TEST(epoch, the_list_of_readers_names_who_holds_reclamation_back, "R-120 sync_pattern")
{
    RenoirRegionHandle region = join_region();
    RenoirEpochHandle epoch = join_epoch(region);
    RenoirEpochReaderHandle idle = open_reader(epoch);
    RenoirEpochReaderHandle slow = open_reader(epoch);
    RenoirEpochReaderInfo infos[3];
    RenoirNodeInfo nodes[4];
    size_t count = 0;
    size_t node_count = 0;
    renoir_epoch_enter(slow);
    CHECK_OK(renoir_epoch_retire(epoch, 1));
    memset(infos, 0xff, sizeof infos);
    CHECK_OK(renoir_epoch_readers(epoch, infos, 3, &count));
    REQUIRE_EQ_U64(2, count);
    CHECK(infos[1].is_active == 1 && infos[1].epoch == 1);
    CHECK_EQ_U64(0, infos[1].since_ns); // it has not held anything back yet

    const uint64_t before = renoir_now_ns();
    CHECK_EQ_U64(0, reclaim(epoch));
    const uint64_t after = renoir_now_ns();
    CHECK_OK(renoir_epoch_readers(epoch, infos, 3, &count));

    REQUIRE_EQ_U64(2, count);
    CHECK(infos[0].index == 0 && infos[1].index == 1);
    CHECK(infos[0].is_active == 0 && infos[0].epoch == 0 && infos[0].since_ns == 0);
    CHECK(infos[1].since_ns >= before && infos[1].since_ns <= after);
    CHECK_EQ_I64(getpid(), infos[1].pid);
    CHECK_OK(renoir_node_list(NULL, nodes, 4, &node_count));
    REQUIRE_EQ_U64(1, node_count);
    CHECK_EQ_U64(nodes[0].node_id, infos[1].node_id);
    CHECK(infos[1].reserved[0] == 0 && infos[1].reserved[1] == 0);
    CHECK_OK(renoir_epoch_readers(epoch, NULL, 0, &count));
    CHECK_EQ_U64(2, count);
    renoir_epoch_reader_close(idle);
    CHECK_OK(renoir_epoch_readers(epoch, infos, 1, &count));
    CHECK_EQ_U64(1, count);
    CHECK_EQ_U64(1, infos[0].index);
    renoir_epoch_close(epoch);
    renoir_region_close(region);
}

// --- limits and refusals -------------------------------------------------------------------------

TEST(epoch, as_many_readers_as_agreed_can_be_open, "R-119 T-014 sync_pattern")
{
    RenoirRegionHandle region = join_region();
    RenoirEpochHandle epoch = NULL;
    RenoirEpochHandle other = NULL;
    RenoirEpochReaderHandle readers[3];
    REQUIRE_OK(renoir_epoch_open(region, "e", 3, &epoch));
    for (int i = 0; i < 3; ++i) {
        REQUIRE_OK(renoir_epoch_reader_open(epoch, &readers[i]));
    }
    RenoirEpochReaderHandle more = readers[0];
    CHECK_STATUS(RENOIR_LIMIT_REACHED, renoir_epoch_reader_open(epoch, &more));
    CHECK(more == NULL);
    CHECK_STR_CONTAINS("all its 3 readers are open", renoir_last_error_message());
    renoir_epoch_reader_close(readers[1]);
    CHECK_OK(renoir_epoch_reader_open(epoch, &more));

    CHECK_STATUS(RENOIR_EXISTS, renoir_epoch_open(region, "e", 4, &other));
    CHECK_STR_CONTAINS("for 3 readers, not 4", renoir_last_error_message());
    CHECK_OK(renoir_epoch_open(region, "e", 0, &other));
    CHECK_STATUS(RENOIR_LIMIT_REACHED, renoir_epoch_reader_open(other, &readers[1]));
    renoir_epoch_close(other);
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_epoch_open(region, "new", 65, &other));
    CHECK(other == NULL);
    renoir_epoch_close(epoch);
    renoir_region_close(region);
}

TEST(epoch, every_reader_of_the_most_there_can_be_counts, "R-119 sync_pattern")
{
    RenoirRegionHandle region = join_region();
    RenoirEpochHandle epoch = join_epoch(region);
    RenoirEpochReaderHandle readers[RENOIR_EPOCH_READERS_MAX];
    for (int i = 0; i < RENOIR_EPOCH_READERS_MAX; ++i) {
        readers[i] = open_reader(epoch);
        renoir_epoch_enter(readers[i]);
    }
    CHECK_OK(renoir_epoch_retire(epoch, 1));
    for (int i = 0; i < RENOIR_EPOCH_READERS_MAX; ++i) {
        CHECK_EQ_U64(0, reclaim(epoch));
        renoir_epoch_leave(readers[i]);
    }
    CHECK_EQ_U64(1, reclaim(epoch));
    renoir_epoch_close(epoch);
    renoir_region_close(region);
}

TEST(epoch, as_many_handles_as_there_are_places_can_be_open, "R-119 sync_pattern")
{
    RenoirRegionHandle region = join_region();
    RenoirEpochHandle handles[RENOIR_EPOCH_HANDLES_MAX];
    RenoirEpochHandle more = NULL;
    for (int i = 0; i < RENOIR_EPOCH_HANDLES_MAX; ++i) {
        handles[i] = join_epoch(region);
        REQUIRE_OK(renoir_epoch_retire(handles[i], (uint64_t)i));
    }
    CHECK_STATUS(RENOIR_LIMIT_REACHED, renoir_epoch_open(region, "e", 0, &more));
    CHECK(more == NULL);
    CHECK_STR_CONTAINS("63 live handles", renoir_last_error_message());
    CHECK_EQ_U64(RENOIR_EPOCH_HANDLES_MAX, reclaim(handles[7]));
    for (int i = 0; i < RENOIR_EPOCH_HANDLES_MAX; ++i) {
        renoir_epoch_close(handles[i]);
    }
    more = join_epoch(region);
    CHECK_EQ_U64(0, reclaim(more));
    CHECK_EQ_U64(RNR_EPOCH_CHUNKS, count_free_chunks(more)); // their last ones were not full
    renoir_epoch_close(more);
    renoir_region_close(region);
}

TEST(epoch, what_a_closed_handle_retired_passes_to_the_next, "R-119 sync_pattern")
{
    RenoirRegionHandle region = join_region();
    RenoirEpochHandle epoch = join_epoch(region);
    CHECK_OK(renoir_epoch_retire(epoch, 1));
    CHECK_OK(renoir_epoch_retire(epoch, 2));
    renoir_epoch_close(epoch); // now nobody has it

    epoch = join_epoch(region);
    CHECK_EQ_U64(2, stats_of(epoch).pending_count);
    CHECK_EQ_U64(2, reclaim(epoch));
    CHECK_EQ_U64(RNR_EPOCH_CHUNKS, count_free_chunks(epoch));
    renoir_epoch_close(epoch);
    renoir_region_close(region);
}

TEST(epoch, wrong_arguments_are_refused, "R-119 T-086 ffi")
{
    static uint64_t no_handle[4096];
    RenoirRegionHandle region = join_region();
    RenoirEpochHandle epoch = join_epoch(region);
    RenoirEpochHandle none = epoch;
    RenoirEpochReaderHandle reader = (RenoirEpochReaderHandle)(void *)no_handle;
    RenoirEpochStats stats;
    RenoirEpochReaderInfo info;
    size_t count = 7;
    memset(&stats, 0xff, sizeof stats);
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_epoch_open(NULL, "e", 0, &none));
    CHECK(none == NULL);
    none = epoch;
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_epoch_open(region, NULL, 0, &none));
    CHECK(none == NULL);
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_epoch_open(region, "", 0, &none));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_epoch_open(region, "e", 0, NULL));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_epoch_reader_open(NULL, &reader));
    CHECK(reader == NULL);
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_epoch_reader_open(epoch, NULL));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_epoch_retire(NULL, 1));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_epoch_try_reclaim(epoch, NULL, NULL, &count));
    CHECK_EQ_U64(0, count);
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_epoch_try_reclaim(NULL, remember, NULL, NULL));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_epoch_stats(NULL, &stats));
    CHECK(stats.epoch == 0 && stats.pending_count == 0);
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_epoch_stats(epoch, NULL));
    count = 7;
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_epoch_readers(NULL, &info, 1, &count));
    CHECK_EQ_U64(0, count);
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_epoch_readers(epoch, NULL, 1, &count));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_epoch_readers(epoch, &info, 1, NULL));
    none = (RenoirEpochHandle)(void *)no_handle; // what is no handle
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_epoch_retire(none, 1));
    renoir_epoch_close(none);
    reader = (RenoirEpochReaderHandle)(void *)no_handle;
    renoir_epoch_enter(reader);
    renoir_epoch_leave(reader);
    renoir_epoch_reader_close(reader);
    CHECK_OK(renoir_epoch_try_reclaim(epoch, remember, &taken, NULL));
    renoir_epoch_close(epoch);
    renoir_region_close(region);
}

TEST(epoch, one_of_another_kind_or_in_too_small_a_region_is_refused, "R-119 T-047 sync_pattern")
{
    RenoirRegionHandle region = join_region();
    RenoirRegionHandle small = NULL;
    RenoirRegionConfig config = renoir_region_config_default();
    RenoirEpochHandle epoch = NULL;
    void *block = NULL;
    bool is_created = false;
    config.name = "small";
    config.size = 65536;
    REQUIRE_OK(renoir_region_create(NULL, &config, &small));
    REQUIRE_OK(renoir_region_block(region, "b", 64, 0, &block, &is_created));
    CHECK_STATUS(RENOIR_EXISTS, renoir_epoch_open(region, "b", 0, &epoch));
    CHECK_STR_CONTAINS("'epoch'", renoir_last_error_message());
    CHECK_STATUS(RENOIR_INSUFFICIENT_SPACE, renoir_epoch_open(small, "e", 0, &epoch));
    CHECK_STR_CONTAINS("241024 bytes needed", renoir_last_error_message());
    CHECK(epoch == NULL);
    renoir_region_close(small);
    renoir_region_close(region);
}

TEST(epoch, an_epoch_in_use_is_not_removed_and_keeps_its_region, "R-119 sync_pattern")
{
    RenoirRegionHandle region = join_region();
    RenoirEpochHandle epoch = join_epoch(region);
    CHECK_STATUS(RENOIR_INVALID_STATE, renoir_region_remove_object(region, "e"));
    renoir_region_close(region);

    CHECK_OK(renoir_epoch_retire(epoch, 3));
    CHECK_EQ_U64(1, reclaim(epoch));
    renoir_epoch_close(epoch);

    region = join_region();
    epoch = join_epoch(region);
    renoir_epoch_close(epoch);
    CHECK_OK(renoir_region_remove_object(region, "e"));
    renoir_region_close(region);
}
