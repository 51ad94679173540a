// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Processes that are killed or stopped while they change a region's directory.

#include "unit/memory/region_fixture.h"

static const char *const POINTS[] = {"directory.locked", "object.format", "directory.commit",
                                     "directory.committed"};
enum { POINT_COUNT = sizeof POINTS / sizeof POINTS[0] };

PEER(maker)
{
    RenoirRegionHandle region = fixture_open("r");
    void *memory = NULL;
    fixture_arm(peer_arg(0), peer_arg(1), 1);
    REQUIRE_OK(renoir_region_block(region, "b", 1000, 0, &memory, NULL));
    memset(memory, 'm', 1000);
    peer_say("made");
    peer_pause();
    renoir_region_close(region);
}

PEER(remover)
{
    RenoirRegionHandle region = fixture_open("r");
    fixture_arm(peer_arg(0), peer_arg(1), 1);
    CHECK_OK(renoir_region_remove_object(region, "b"));
    peer_say("removed");
    renoir_region_close(region);
}

static size_t count_objects(RenoirRegionHandle region)
{
    size_t count = 0;
    CHECK_OK(renoir_region_objects(region, NULL, 0, &count));
    return count;
}

TEST(object_crash, a_maker_killed_at_any_point_is_in_nobodys_way, "R-038 T-033 reliability")
{
    for (int i = 0; i < POINT_COUNT; ++i) {
        RenoirRegionHandle region = fixture_region("r");
        void *memory = NULL;
        bool is_created = false;
        CHECK_KILLED(peer_start(maker, POINTS[i], "kill"));
        CHECK_EQ_U64(strcmp(POINTS[i], "directory.committed") == 0 ? 1 : 0, count_objects(region));

        CHECK_OK(renoir_region_block(region, "b", 1000, 0, &memory, &is_created));

        CHECK(is_created == (strcmp(POINTS[i], "directory.committed") != 0));
        CHECK(((unsigned char *)memory)[0] == 0 && ((unsigned char *)memory)[999] == 0);
        CHECK_EQ_U64(1, count_objects(region));
        CHECK_OK(renoir_region_block(region, "other", 1000, 0, &memory, NULL));
        CHECK_OK(renoir_region_verify(region, NULL, 0));
        CHECK_OK(renoir_region_remove_object(region, "b"));
        renoir_region_close(region);
        (void)fixture_reap();
    }
}

TEST(object_crash, what_a_killed_maker_wrote_is_zeroed_for_the_next, "R-038 security_edge")
{
    RenoirRegionHandle region = fixture_region("r");
    void *memory = NULL;
    const TestPeer peer = peer_start(maker, "", "");
    REQUIRE(peer_expect(peer, "made"));
    CHECK_KILLED(peer_kill(peer, SIGKILL));
    CHECK_OK(renoir_region_remove_object(region, "b"));
    CHECK_OK(renoir_region_block(region, "new", 1000, 0, &memory, NULL));
    CHECK(((unsigned char *)memory)[0] == 0 && ((unsigned char *)memory)[999] == 0);
    renoir_region_close(region);
    (void)fixture_reap();
}

TEST(object_crash,
     a_maker_stopped_in_a_change_is_named_and_reading_goes_on,
     "R-038 T-046 reliability")
{
    for (int i = 0; i < POINT_COUNT; ++i) {
        char pid[32];
        RenoirRegionHandle region = fixture_region("r");
        RenoirRegionStats stats;
        void *memory = NULL;
        CHECK_OK(renoir_region_block(region, "there", 100, 0, &memory, NULL));
        const TestPeer peer = peer_start(maker, POINTS[i], "stop");
        fixture_await_stop(peer);
        snprintf(pid, sizeof pid, "process %d ", (int)peer_pid(peer));

        CHECK_STATUS(RENOIR_CONCURRENCY_ERROR,
                     renoir_region_block(region, "new", 100, 0, &memory, NULL));
        CHECK(memory == NULL);
        CHECK_STR_CONTAINS(pid, renoir_last_error_message());
        CHECK_STATUS(RENOIR_CONCURRENCY_ERROR, renoir_region_remove_object(region, "there"));
        CHECK_STR_CONTAINS(pid, renoir_last_error_message());
        // what changes nothing waits for nobody
        CHECK_OK(renoir_region_block(region, "there", 100, 0, &memory, NULL));
        CHECK_OK(renoir_region_stats(region, &stats));
        CHECK_OK(renoir_region_verify(region, NULL, 0));

        peer_signal(peer, SIGCONT);
        REQUIRE(peer_expect(peer, "made"));
        CHECK_OK(renoir_region_block(region, "new", 100, 0, &memory, NULL));
        CHECK_EXITED(peer, 0);
        CHECK_EQ_U64(3, count_objects(region));
        renoir_region_close(region);
    }
}

TEST(object_crash, a_stopped_maker_that_is_killed_makes_way, "R-038 T-046 reliability")
{
    for (int i = 0; i < POINT_COUNT; ++i) {
        RenoirRegionHandle region = fixture_region("r");
        void *memory = NULL;
        const TestPeer peer = peer_start(maker, POINTS[i], "stop");
        fixture_await_stop(peer);
        CHECK_KILLED(peer_kill(peer, SIGKILL));
        CHECK_OK(renoir_region_block(region, "new", 100, 0, &memory, NULL));
        CHECK_OK(renoir_region_verify(region, NULL, 0));
        renoir_region_close(region);
        (void)fixture_reap();
    }
}

TEST(object_crash,
     a_remover_killed_or_stopped_leaves_the_object_or_takes_it,
     "R-038 T-046 reliability")
{
    static const char *const points[] = {"directory.locked", "directory.erase"};
    for (int i = 0; i < 2; ++i) {
        RenoirRegionHandle region = fixture_region("r");
        RenoirRegionHandle other = fixture_open("r");
        void *memory = NULL;
        CHECK_OK(renoir_region_block(other, "b", 1000, 0, &memory, NULL));
        renoir_region_close(other);
        CHECK_KILLED(peer_start(remover, points[i], "kill"));
        CHECK_EQ_U64(1, count_objects(region));

        const TestPeer peer = peer_start(remover, points[i], "stop");
        fixture_await_stop(peer);
        const RenoirErrorCode status = renoir_region_block(region, "b", 1000, 0, &memory, NULL);
        // found while nobody has begun to take it; then waited for, and given up
        CHECK_STATUS(i == 0 ? RENOIR_SUCCESS : RENOIR_CONCURRENCY_ERROR, status);
        if (i == 0) {
            CHECK_KILLED(peer_kill(peer, SIGKILL)); // it would be refused
        } else {
            peer_signal(peer, SIGCONT);
            REQUIRE(peer_expect(peer, "removed"));
            CHECK_EXITED(peer, 0);
            bool is_created = false;
            CHECK_OK(renoir_region_block(region, "b", 1000, 0, &memory, &is_created));
            CHECK(is_created);
        }
        renoir_region_close(region);
        (void)fixture_reap();
    }
}

PEER(looping_maker)
{
    RenoirRegionHandle region = fixture_open("r");
    peer_say("go");
    for (;;) {
        char name[16];
        void *memory = NULL;
        snprintf(name, sizeof name, "b%d", (int)(test_random_u64() % 5));
        if (renoir_region_block(region, name, 64 + (size_t)test_random_below(4000), 0, &memory,
                                NULL) == RENOIR_SUCCESS) {
            *(unsigned char *)memory = 1;
        }
        (void)renoir_region_remove_object(region, name);
    }
}

TEST(object_crash, makers_killed_at_random_leave_a_sound_directory, "R-038 T-033 concurrent_stress")
{
    RenoirRegionHandle region = fixture_region("r");
    const uint64_t rounds = test_scaled(3000);
    for (uint64_t round = 0; round < rounds; ++round) {
        TestPeer peers[2];
        for (int i = 0; i < 2; ++i) {
            peers[i] = peer_start(looping_maker);
            REQUIRE(peer_expect(peers[i], "go"));
        }
        usleep((useconds_t)test_random_below(3000));
        CHECK_OK(renoir_region_verify(region, NULL, 0));
        for (int i = 0; i < 2; ++i) {
            CHECK_KILLED(peer_kill(peers[i], SIGKILL));
        }
        void *memory = NULL;
        CHECK_OK(renoir_region_verify(region, NULL, 0));
        CHECK_OK(renoir_region_block(region, "mine", 64, 0, &memory, NULL));
        CHECK_OK(renoir_region_remove_object(region, "mine"));
        (void)fixture_reap();
    }
    renoir_region_close(region);
}
