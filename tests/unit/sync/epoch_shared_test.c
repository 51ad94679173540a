// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Epochs between threads, processes and forked children; where the barrier is refused; and words
// that somebody wrote over.

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/sync/epoch_fixture.h"

// --- fork ----------------------------------------------------------------------------------------

static int end_of_child(pid_t child)
{
    int status = -1;
    REQUIRE(waitpid(child, &status, 0) == child);
    return status;
}

TEST(epoch_shared, a_child_can_not_use_what_its_parent_opened, "R-119 sync_pattern")
{
    RenoirRegionHandle region = join_region();
    RenoirEpochHandle epoch = join_epoch(region);
    RenoirEpochReaderHandle reader = open_reader(epoch);
    RenoirEpochReaderHandle other = open_reader(epoch);
    renoir_epoch_enter(reader);
    CHECK_OK(renoir_epoch_retire(epoch, 1));
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        RenoirEpochReaderHandle mine = NULL;
        const bool is_refused =
            renoir_epoch_retire(epoch, 2) == RENOIR_INVALID_STATE &&
            renoir_epoch_try_reclaim(epoch, remember, &taken, NULL) == RENOIR_INVALID_STATE &&
            renoir_epoch_reader_open(epoch, &mine) == RENOIR_INVALID_STATE;
        renoir_epoch_leave(reader); // the parent's: nothing happens
        renoir_epoch_enter(other);
        renoir_epoch_reader_close(other);
        renoir_epoch_close(epoch);
        _exit(is_refused ? 0 : 1);
    }
    CHECK_EXITED(end_of_child(child), 0);

    CHECK_EQ_U64(0, reclaim_thrice(epoch));
    CHECK_EQ_U64(1, stats_of(epoch).active_reader_count);
    CHECK_EQ_U64(2, stats_of(epoch).reader_count);
    renoir_epoch_leave(reader);
    CHECK_EQ_U64(1, reclaim(epoch));
    renoir_epoch_close(epoch);
    renoir_region_close(region);
}

static void fork_once(uint64_t token, void *user)
{
    pid_t *const child = user;
    (void)token;
    if (*child == 0) {
        *child = fork();
        REQUIRE(*child >= 0);
        if (*child == 0) {
            *child = -1; // this is the child
        }
    }
}

TEST(epoch_shared, a_reclaim_function_that_forks_goes_on_in_the_parent_alone, "R-119 sync_pattern")
{
    RenoirRegionHandle region = join_region();
    RenoirEpochHandle epoch = join_epoch(region);
    size_t count = 0;
    pid_t child = 0;
    CHECK_OK(renoir_epoch_retire(epoch, 1));
    CHECK_OK(renoir_epoch_retire(epoch, 2));
    const RenoirErrorCode status = renoir_epoch_try_reclaim(epoch, fork_once, &child, &count);
    if (child == -1) {
        _exit(status == RENOIR_INVALID_STATE && count == 0 ? 0 : 1);
    }
    CHECK_STATUS(RENOIR_SUCCESS, status);
    CHECK_EXITED(end_of_child(child), 0);
    CHECK_EQ_U64(2, count);
    renoir_epoch_close(epoch);
    renoir_region_close(region);
}

// --- where the system refuses the barrier --------------------------------------------------------

PEER(fencing_reader)
{
    rnr_fault_arm_errno("membarrier", 1, 1); // refused as it registers
    RenoirRegionHandle region = join_region();
    RenoirEpochHandle epoch = join_epoch(region);
    REQUIRE(epoch->is_fencing);
    rnr_fault_arm_errno("membarrier", 1, 1);
    RenoirEpochReaderHandle reader = open_reader(epoch);
    REQUIRE(reader->is_fencing);
    renoir_epoch_enter(reader);
    REQUIRE_OK(renoir_epoch_retire(epoch, 9));
    CHECK(peer_say("inside"));
    peer_pause();
    renoir_epoch_leave(reader);
    CHECK(peer_say("outside"));
    peer_pause();
    // It can not reclaim while somebody counts on the barrier that it does not have.
    rnr_fault_arm_errno("membarrier", 1, 1);
    size_t count = 7;
    CHECK_STATUS(RENOIR_UNSUPPORTED, renoir_epoch_try_reclaim(epoch, remember, &taken, &count));
    CHECK_STR_CONTAINS("membarrier", renoir_last_error_message());
    CHECK_EQ_U64(0, count);
    CHECK(peer_say("refused"));
    peer_pause();
    rnr_fault_arm_errno("membarrier", 1, 1);
    CHECK_OK(renoir_epoch_try_reclaim(epoch, remember, &taken, &count)); // nobody does now
    CHECK_EQ_U64(1, count);
    renoir_epoch_close(epoch);
    renoir_region_close(region);
}

TEST(epoch_shared,
     a_process_without_the_barrier_fences_itself_and_is_told_apart,
     "R-119 T-055 sync_pattern")
{
    RenoirRegionHandle region = join_region();
    RenoirEpochHandle epoch = join_epoch(region);
    const TestPeer peer = peer_start(fencing_reader);
    REQUIRE(peer_expect(peer, "inside"));
    CHECK_EQ_U64(0, reclaim_thrice(epoch));
    peer_send_line(peer, "leave");
    REQUIRE(peer_expect(peer, "outside"));
    CHECK_EQ_U64(1, reclaim(epoch));

    CHECK_OK(renoir_epoch_retire(epoch, 8));
    peer_send_line(peer, "reclaim");
    REQUIRE(peer_expect(peer, "refused"));
    renoir_epoch_close(epoch);
    peer_send_line(peer, "reclaim");
    CHECK_EXITED(peer, 0);
    renoir_region_close(region);
}

// --- several processes ---------------------------------------------------------------------------

PEER(slow_reader)
{
    RenoirRegionHandle region = join_region();
    RenoirEpochHandle epoch = join_epoch(region);
    RenoirEpochReaderHandle reader = open_reader(epoch);
    renoir_epoch_enter(reader);
    CHECK(peer_say("inside"));
    peer_pause();
    renoir_epoch_leave(reader);
    CHECK(peer_say("outside"));
    peer_pause();
    renoir_epoch_close(epoch);
    renoir_region_close(region);
}

TEST(epoch_shared,
     a_reader_in_another_process_keeps_tokens_however_long_it_is_stopped,
     "R-119 R-120 T-055 T-056 sync_pattern")
{
    RenoirRegionHandle region = join_region();
    RenoirEpochHandle epoch = join_epoch(region);
    RenoirEpochReaderInfo info;
    size_t count = 0;
    const TestPeer peer = peer_start(slow_reader);
    REQUIRE(peer_expect(peer, "inside"));
    CHECK_OK(renoir_epoch_retire(epoch, 5));
    CHECK_EQ_U64(0, reclaim_thrice(epoch));
    peer_signal(peer, SIGSTOP);
    test_sleep_ms(50);

    CHECK_EQ_U64(0, reclaim_thrice(epoch));
    CHECK_OK(renoir_epoch_readers(epoch, &info, 1, &count));
    CHECK_EQ_U64(1, count);
    CHECK(info.is_active == 1 && info.since_ns != 0);
    CHECK_EQ_I64(peer_pid(peer), info.pid);
    CHECK(stats_of(epoch).pending_oldest_ns >= RENOIR_MILLISECONDS(50));

    peer_signal(peer, SIGCONT);
    peer_send_line(peer, "leave");
    REQUIRE(peer_expect(peer, "outside"));
    CHECK_EQ_U64(1, reclaim(epoch));
    peer_send_line(peer, "end");
    CHECK_EXITED(peer, 0);
    renoir_epoch_close(epoch);
    renoir_region_close(region);
}

TEST(epoch_shared, a_killed_reader_stops_counting_at_once, "R-119 R-120 T-056 reliability")
{
    RenoirRegionHandle region = join_region();
    RenoirEpochHandle epoch = join_epoch(region);
    const TestPeer peer = peer_start(slow_reader);
    REQUIRE(peer_expect(peer, "inside"));
    CHECK_OK(renoir_epoch_retire(epoch, 5));
    CHECK_EQ_U64(0, reclaim_thrice(epoch));

    CHECK_KILLED(peer_kill(peer, SIGKILL));

    CHECK_EQ_U64(1, reclaim(epoch));
    CHECK_EQ_U64(0, stats_of(epoch).reader_count);
    CHECK_EQ_U64(0, stats_of(epoch).active_reader_count);

    // The next one in its place counts from its own first enter on, although its slot may look the
    // same.
    RenoirEpochReaderHandle reader = open_reader(epoch);
    CHECK_EQ_U64(0, stats_of(epoch).active_reader_count);
    CHECK_EQ_U64(1, stats_of(epoch).reader_count);
    renoir_epoch_enter(reader);
    CHECK_OK(renoir_epoch_retire(epoch, 6));
    CHECK_EQ_U64(0, reclaim_thrice(epoch));
    renoir_epoch_leave(reader);
    CHECK_EQ_U64(1, reclaim(epoch));
    renoir_epoch_close(epoch);
    leave_region_and_reap(region);
}

// --- threads -------------------------------------------------------------------------------------

typedef struct Shared {
    RenoirEpochHandle epoch;
    RnrAtomicU64 link; // the index of the object that readers use
    struct {
        uint64_t words[8];
        RnrAtomicU32 is_used;
    } objects[4096];
    RnrAtomicU32 is_over;
} Shared;

static Shared shared;

static void poison(uint64_t token, void *user)
{
    Shared *const s = user;
    REQUIRE(token < 4096);
    memset(s->objects[token].words, 0xdd, sizeof s->objects[token].words);
    rnr_store_release_u32(&s->objects[token].is_used, 0);
}

static void *read_links(void *argument)
{
    RenoirEpochReaderHandle reader = open_reader(shared.epoch);
    (void)argument;
    while (rnr_load_acquire_u32(&shared.is_over) == 0) {
        renoir_epoch_enter(reader);
        const uint64_t index = rnr_load_acquire_u64(&shared.link);
        for (int i = 0; i < 8; ++i) {
            REQUIRE_EQ_U64(index, shared.objects[index].words[i]);
        }
        renoir_epoch_leave(reader);
    }
    renoir_epoch_reader_close(reader);
    return NULL;
}

static uint64_t make_object(void)
{
    static uint64_t next; // of the one thread that makes them
    for (;;) {
        const uint64_t index = next++ % 4096;
        if (rnr_load_acquire_u32(&shared.objects[index].is_used) == 0) {
            rnr_store_relaxed_u32(&shared.objects[index].is_used, 1);
            for (int i = 0; i < 8; ++i) {
                shared.objects[index].words[i] = index;
            }
            return index;
        }
        (void)renoir_epoch_try_reclaim(shared.epoch, poison, &shared, NULL);
    }
}

static void *reclaim_always(void *argument)
{
    (void)argument;
    while (rnr_load_acquire_u32(&shared.is_over) == 0) {
        REQUIRE_OK(renoir_epoch_try_reclaim(shared.epoch, poison, &shared, NULL));
    }
    return NULL;
}

TEST(epoch_shared,
     threads_read_retire_and_reclaim_at_the_same_time,
     "R-119 T-049 concurrent_stress tsan")
{
    RenoirRegionHandle region = join_region();
    pthread_t threads[3];
    shared.epoch = join_epoch(region);
    rnr_store_release_u64(&shared.link, make_object());
    REQUIRE(pthread_create(&threads[0], NULL, read_links, NULL) == 0);
    REQUIRE(pthread_create(&threads[1], NULL, read_links, NULL) == 0);
    REQUIRE(pthread_create(&threads[2], NULL, reclaim_always, NULL) == 0);
    for (uint64_t i = test_scaled(1000000); i > 0; --i) {
        const uint64_t old = rnr_load_acquire_u64(&shared.link);
        rnr_store_release_u64(&shared.link, make_object());
        while (renoir_epoch_retire(shared.epoch, old) != RENOIR_SUCCESS) {
            REQUIRE_OK(renoir_epoch_try_reclaim(shared.epoch, poison, &shared, NULL));
        }
    }
    rnr_store_release_u32(&shared.is_over, 1);
    for (int i = 0; i < 3; ++i) {
        REQUIRE(pthread_join(threads[i], NULL) == 0);
    }
    REQUIRE_OK(renoir_epoch_try_reclaim(shared.epoch, poison, &shared, NULL));
    CHECK_EQ_U64(0, stats_of(shared.epoch).pending_count);
    check_sound(shared.epoch);
    renoir_epoch_close(shared.epoch);
    renoir_region_close(region);
}

static RnrAtomicU64 next_token;

static void *retire_many(void *argument)
{
    RenoirEpochHandle epoch = argument;
    for (int i = 0; i < 2000; ++i) {
        REQUIRE_OK(renoir_epoch_retire(epoch, rnr_fetch_add_relaxed_u64(&next_token, 1)));
    }
    return NULL;
}

TEST(epoch_shared,
     threads_of_one_process_retire_without_losing_any,
     "R-119 T-049 concurrent_stress tsan")
{
    RenoirRegionHandle region = join_region();
    RenoirEpochHandle epoch = join_epoch(region);
    pthread_t threads[4];
    for (int i = 0; i < 4; ++i) {
        REQUIRE(pthread_create(&threads[i], NULL, retire_many, epoch) == 0);
    }
    for (int i = 0; i < 4; ++i) {
        REQUIRE(pthread_join(threads[i], NULL) == 0);
    }
    CHECK_EQ_U64(8000, stats_of(epoch).pending_count);
    // They were given out without gaps: the chunks are full but for the last one.
    CHECK_EQ_U64(RNR_EPOCH_CHUNKS - 8000 / 64, count_free_chunks(epoch));
    CHECK_EQ_U64(8000, reclaim(epoch));
    for (int i = 0; i < 8000; ++i) {
        REQUIRE_EQ_U64(1, taken.times[i]);
    }
    check_sound(epoch);
    renoir_epoch_close(epoch);
    renoir_region_close(region);
}

// --- hostile words -------------------------------------------------------------------------------

static void check_and_use(RenoirEpochHandle epoch)
{
    size_t count = 0;
    RenoirEpochStats stats;
    RenoirEpochReaderInfo infos[4];
    CHECK_STATUS(RENOIR_CORRUPTED, rnr_epoch_check(epoch->shm, epoch->object.size_bytes, "e"));
    CHECK_STR_CONTAINS("contradicts", renoir_last_error_message());
    // None of these may crash or hang; what they answer does not matter.
    (void)renoir_epoch_retire(epoch, 1);
    (void)renoir_epoch_try_reclaim(epoch, remember, &taken, &count);
    (void)renoir_epoch_stats(epoch, &stats);
    (void)renoir_epoch_readers(epoch, infos, 4, &count);
}

TEST(epoch_shared,
     words_that_contradict_each_other_are_found_and_survived,
     "R-119 T-050 security_edge")
{
    RenoirRegionHandle region = join_region();
    RenoirEpochHandle epoch = join_epoch(region);
    char report[256];
    CHECK_OK(renoir_epoch_retire(epoch, 7));
    check_sound(epoch);

    rnr_store_release_u64(&epoch->shm->readers[3].state, UINT64_MAX);
    check_and_use(epoch);
    CHECK_STATUS(RENOIR_CORRUPTED, renoir_region_verify(region, report, sizeof report));
    CHECK_STR_CONTAINS("reader 3", report);
    rnr_store_release_u64(&epoch->shm->readers[3].state, 0);

    rnr_store_release_u64(&epoch->heads[5].filler, UINT64_MAX);
    check_and_use(epoch);
    rnr_store_release_u64(&epoch->heads[5].filler, 0);

    rnr_store_release_u64(&epoch->heads[0].taker, 0xff);
    check_and_use(epoch);
    rnr_store_release_u64(&epoch->heads[0].taker, 0);

    rnr_store_release_u64(&rnr_epoch_records(epoch, 9)[63].state, UINT64_MAX);
    check_and_use(epoch);
    rnr_store_release_u64(&rnr_epoch_records(epoch, 9)[63].state, RNR_EPOCH_DONE);
    check_and_use(epoch); // in a free chunk
    CHECK_STR_CONTAINS("free chunk 9", renoir_last_error_message());
    rnr_store_release_u64(&rnr_epoch_records(epoch, 9)[63].state, 0);
    check_sound(epoch);

    rnr_store_release_u64(&epoch->shm->epoch, 0);
    check_and_use(epoch);
    renoir_epoch_close(epoch);
    renoir_region_close(region);
}

TEST(epoch_shared, a_geometry_that_lies_is_refused, "R-119 T-050 security_edge")
{
    RenoirRegionHandle region = join_region();
    RenoirEpochHandle epoch = join_epoch(region);
    RnrEpochShm *const shm = epoch->shm;
    RenoirEpochHandle other = NULL;
    static const uint32_t wrong[] = {0, RNR_EPOCH_CHUNKS + 1, 1u << 20, UINT32_MAX};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; ++i) {
        shm->chunk_count = wrong[i];
        CHECK_STATUS(RENOIR_CORRUPTED, renoir_epoch_open(region, "e", 0, &other));
        CHECK(other == NULL);
        CHECK_STATUS(RENOIR_CORRUPTED, rnr_epoch_check(shm, epoch->object.size_bytes, "e"));
        CHECK_OK(renoir_epoch_retire(epoch, 1)); // who has it open keeps its own copy
        CHECK_EQ_U64(1, reclaim(epoch));
    }
    shm->chunk_count = RNR_EPOCH_CHUNKS;
    shm->max_readers = 65;
    CHECK_STATUS(RENOIR_CORRUPTED, renoir_epoch_open(region, "e", 0, &other));
    shm->max_readers = 64;
    shm->chunk_tokens = 65;
    CHECK_STATUS(RENOIR_CORRUPTED, renoir_epoch_open(region, "e", 0, &other));
    shm->chunk_tokens = 64;
    CHECK_OK(renoir_epoch_open(region, "e", 64, &other));
    renoir_epoch_close(other);
    renoir_epoch_close(epoch);
    renoir_region_close(region);
}
