// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Creators, openers and removers that are killed or stopped at each fault point on their way.

#include "unit/memory/region_fixture.h"

static const char *const CREATION_POINTS[] = {"region.reserved", "region.publish", "file.publish",
                                              "file.published", "region.published"};
enum { CREATION_POINT_COUNT = sizeof CREATION_POINTS / sizeof CREATION_POINTS[0] };

static RenoirErrorCode make_of(const char *name, const char *kind, RenoirRegionHandle *out_region)
{
    char path[600];
    RenoirRegionConfig config = renoir_region_config_default();
    RenoirRegionOptions options = renoir_region_options_default();
    config.name = name;
    config.size = FIXTURE_SIZE;
    snprintf(path, sizeof path, "%s/at a path", test_directory());
    if (strcmp(kind, "memfd") == 0) {
        config.backing_type = RENOIR_BACKING_MEMFD;
    } else if (strcmp(kind, "posix") == 0) {
        config.backing_type = RENOIR_BACKING_POSIX_SHM;
    } else if (strcmp(kind, "path") == 0) {
        config.file_path = path;
    } else if (strcmp(kind, "named temporary") == 0) { // where there is no O_TMPFILE
        rnr_fault_arm_errno("open_unnamed", EOPNOTSUPP, 1);
    }
    return renoir_region_create_with(NULL, &config, &options, out_region);
}

// Creates, with a fault armed: point, action, hit, kind.
PEER(creator)
{
    RenoirRegionHandle region = NULL;
    RenoirNodeInfo info;
    char name[64];
    REQUIRE_OK(renoir_node_self(NULL, &info)); // so that the node's own file is past its points
    snprintf(name, sizeof name, "%s", peer_arg_count() > 4 ? peer_arg(4) : "r");
    fixture_arm(peer_arg(0), peer_arg(1), peer_arg_u64(2));
    REQUIRE_OK(make_of(name, peer_arg(3), &region));
    CHECK_OK(renoir_region_verify(region, NULL, 0));
    const bool is_first = fixture_bytes(region)[0] == 0;
    fixture_bytes(region)[0] = 'c';
    peer_say(is_first ? "made" : "joined");
    peer_pause();
    renoir_region_close(region);
}

static TestPeer start_creator(const char *point, const char *action, const char *kind)
{
    return peer_start(creator, point, action, "1", kind);
}

TEST(region_crash, a_creator_killed_at_any_point_is_in_nobodys_way, "T-033 T-051 reliability")
{
    static const char *const kinds[] = {"file", "named temporary"};
    for (int kind = 0; kind < 2; ++kind) {
        for (int i = 0; i < CREATION_POINT_COUNT; ++i) {
            CHECK_KILLED(start_creator(CREATION_POINTS[i], "kill", kinds[kind]));
            RenoirRegionHandle region = NULL;
            REQUIRE_OK(make_of("r", "file", &region));
            CHECK_OK(renoir_region_verify(region, NULL, 0));
            CHECK(fixture_bytes(region)[0] == 0);
            renoir_region_close(region);
            (void)fixture_reap();
            CHECK_EQ_U64(0, fixture_count("regions"));
            CHECK_EQ_U64(1, fixture_count("nodes"));
        }
    }
}

TEST(region_crash, the_next_join_removes_what_a_killed_creator_left, "T-033 R-037 reliability")
{
    static const char *const kinds[] = {"file", "named temporary", "memfd"};
    for (int kind = 0; kind < 2 + TEST_HAS_MEMFD; ++kind) {
        for (int i = 0; i < CREATION_POINT_COUNT; ++i) {
            const TestPeer peer = start_creator(CREATION_POINTS[i], "kill", kinds[kind]);
            const int status = peer_wait(peer);
            CHECK_KILLED(status);
            RenoirManagerHandle manager = renoir_manager_create();
            REQUIRE(manager != NULL);
            CHECK_EQ_U64(0, fixture_count("regions"));
            CHECK_EQ_U64(1, fixture_count("nodes"));
            CHECK_OK(renoir_manager_destroy(manager));
        }
    }
}

TEST(region_crash, a_creator_of_a_region_elsewhere_killed_at_any_point, "T-033 R-027 reliability")
{
    static const char *const kinds[] = {"path", "posix", "memfd"};
    for (int kind = 0; kind < 2 + TEST_HAS_MEMFD; ++kind) {
        for (uint64_t hit = 1; hit <= 2; ++hit) { // of the file, and of its reference
            for (int i = 0; i <= CREATION_POINT_COUNT; ++i) {
                char number[8];
                char name[64];
                const char *point = i < CREATION_POINT_COUNT ? CREATION_POINTS[i] : "region.refer";
                RenoirRegionHandle region = NULL;
                snprintf(number, sizeof number, "%d", (int)hit);
                snprintf(name, sizeof name, "crash %d", (int)getpid());
                const TestPeer peer = peer_start(creator, point, "kill", number, kinds[kind], name);
                (void)peer_wait(peer); // killed, or not if the point has no second hit

                REQUIRE_OK(make_of(name, kinds[kind], &region));

                CHECK_OK(renoir_region_verify(region, NULL, 0));
                CHECK_OK(fixture_try_open(name));
                CHECK_OK(renoir_region_destroy(region));
                (void)fixture_reap();
                CHECK_EQ_U64(0, fixture_count("regions"));
            }
        }
    }
    CHECK_EQ_U64(2, test_count_entries(test_directory()));
}

TEST(region_crash, a_slow_creator_keeps_nobody_waiting_and_loses_nothing, "T-033 reliability")
{
    static const char *const before_publication[] = {"region.reserved", "region.publish",
                                                     "file.publish"};
    for (int i = 0; i < 3; ++i) {
        const TestPeer slow = start_creator(before_publication[i], "stop", "file");
        fixture_await_stop(slow);
        CHECK_STATUS(RENOIR_REGION_NOT_FOUND, fixture_try_open("r")); // nothing half-made
        CHECK_EQ_U64(0, fixture_count("regions"));

        const TestPeer quick = start_creator("", "", "file");
        REQUIRE(peer_expect(quick, "made"));
        CHECK_OK(fixture_try_open("r"));
        (void)fixture_reap();

        peer_signal(slow, SIGCONT);
        REQUIRE(peer_expect(slow, "joined")); // what the quick one made
        CHECK_EXITED(quick, 0);
        CHECK_OK(fixture_try_open("r"));
        CHECK_EXITED(slow, 0);
        CHECK_STATUS(RENOIR_REGION_NOT_FOUND, fixture_try_open("r"));
    }
}

TEST(region_crash, a_creator_stopped_after_publication_has_made_it, "T-033 reliability")
{
    static const char *const after_publication[] = {"file.published", "region.published"};
    for (int i = 0; i < 2; ++i) {
        const TestPeer slow = start_creator(after_publication[i], "stop", "file");
        fixture_await_stop(slow);
        const TestPeer quick = start_creator("", "", "file");
        REQUIRE(peer_expect(quick, "made")); // its byte was the first
        (void)fixture_reap();
        CHECK_OK(fixture_try_open("r"));
        CHECK_EXITED(quick, 0);
        CHECK_OK(fixture_try_open("r")); // the slow one has it open
        peer_signal(slow, SIGCONT);
        REQUIRE(peer_expect(slow, "joined"));
        CHECK_EXITED(slow, 0);
        CHECK_EQ_U64(0, fixture_count("regions"));
    }
}

TEST(region_crash, a_stopped_creator_with_a_temporary_name_is_not_swept, "T-033 T-046 reliability")
{
    static const char *const points[] = {"file.created", "region.reserved", "region.publish",
                                         "file.publish"};
    for (int i = 0; i < 4; ++i) {
        const TestPeer slow = start_creator(points[i], "stop", "named temporary");
        fixture_await_stop(slow);
        CHECK_EQ_U64(1, fixture_count("regions"));
        CHECK_EQ_U64(0, fixture_reap().object_count);
        CHECK_EQ_U64(1, fixture_count("regions"));
        peer_signal(slow, SIGCONT);
        REQUIRE(peer_expect(slow, "made"));
        CHECK_EQ_U64(1, fixture_count("regions"));
        CHECK_EXITED(slow, 0);
        CHECK_EQ_U64(0, fixture_count("regions"));
    }
}

PEER(user)
{
    RenoirRegionHandle region = fixture_open("r");
    peer_say("open");
    peer_pause();
    renoir_region_close(region);
}

PEER(sweeper)
{
    RenoirNodeInfo info;
    RenoirReapReport report;
    REQUIRE_OK(renoir_node_self(NULL, &info));
    peer_say("ready");
    peer_pause();
    fixture_arm(peer_arg(0), peer_arg(1), 1);
    CHECK_OK(renoir_node_reap(NULL, &report));
    peer_say("swept %llu", (unsigned long long)report.object_count);
}

// A region whose only user was killed, and a sweeper that is about to take it.
static TestPeer start_sweeper(const char *point, const char *action)
{
    const TestPeer peer = peer_start(sweeper, point, action);
    REQUIRE(peer_expect(peer, "ready"));
    const TestPeer dying = start_creator("", "", "file");
    REQUIRE(peer_expect(dying, "made"));
    CHECK_KILLED(peer_kill(dying, SIGKILL));
    peer_send_line(peer, "go");
    return peer;
}

TEST(region_crash,
     who_opens_what_a_stopped_sweeper_is_removing_gets_an_answer,
     "T-033 T-046 reliability")
{
    static const char *const points[] = {"registry.remove", "file.unlink"};
    RenoirNodeInfo info;
    REQUIRE_OK(renoir_node_self(NULL, &info));
    for (int i = 0; i < 2; ++i) {
        RenoirRegionHandle region = NULL;
        const TestPeer peer = start_sweeper(points[i], "stop");
        fixture_await_stop(peer);

        CHECK_STATUS(RENOIR_CONCURRENCY_ERROR, fixture_try_open("r"));
        CHECK_STR_CONTAINS("'r'", renoir_last_error_message());
        CHECK_STATUS(RENOIR_CONCURRENCY_ERROR, fixture_make("r", FIXTURE_SIZE, 0, &region));
        CHECK(region == NULL);

        peer_signal(peer, SIGCONT);
        REQUIRE(peer_expect(peer, "swept 1"));
        CHECK_EXITED(peer, 0);
        CHECK_STATUS(RENOIR_REGION_NOT_FOUND, fixture_try_open("r"));
        REQUIRE_OK(fixture_make("r", FIXTURE_SIZE, 0, &region));
        CHECK(fixture_bytes(region)[0] == 0);
        renoir_region_close(region);
        (void)fixture_reap();
    }
}

TEST(region_crash,
     a_sweeper_killed_at_any_point_leaves_the_rest_to_the_next,
     "T-046 R-037 reliability")
{
    static const char *const points[] = {"registry.remove", "file.unlink", "reap.regions"};
    RenoirNodeInfo info;
    REQUIRE_OK(renoir_node_self(NULL, &info));
    for (int i = 0; i < 3; ++i) {
        CHECK_KILLED(start_sweeper(points[i], "kill"));
        (void)fixture_reap();
        CHECK_EQ_U64(0, fixture_count("regions"));
        CHECK_EQ_U64(1, fixture_count("nodes"));
    }
}

TEST(region_crash,
     a_sweeper_that_comes_back_removes_no_region_but_the_one_it_meant,
     "T-046 T-051 reliability")
{
    RenoirNodeInfo info;
    REQUIRE_OK(renoir_node_self(NULL, &info));
    const TestPeer peer = start_sweeper("registry.remove", "stop");
    fixture_await_stop(peer);
    // the name comes to stand for another region meanwhile
    REQUIRE(unlink(test_root_path("renoir/regions/r")) == 0);
    RenoirRegionHandle region = fixture_region("r");

    peer_signal(peer, SIGCONT);
    CHECK_EXITED(peer, 0);

    CHECK_OK(fixture_try_open("r"));
    CHECK_EQ_U64(1, fixture_count("regions"));
    renoir_region_close(region);
}

PEER(remover)
{
    fixture_arm(peer_arg(0), peer_arg(1), 1);
    CHECK_OK(renoir_region_remove(NULL, "r"));
    peer_say("removed");
}

TEST(region_crash, a_stopped_remover_keeps_openers_out_of_nothing, "R-035 reliability")
{
    RenoirRegionHandle region = fixture_region("r");
    const TestPeer peer = peer_start(remover, "registry.remove", "stop");
    fixture_await_stop(peer);
    CHECK_OK(fixture_try_open("r")); // it still has its name
    CHECK_STATUS(RENOIR_PERMISSION_DENIED, renoir_region_remove(NULL, "r"));
    peer_signal(peer, SIGCONT);
    REQUIRE(peer_expect(peer, "removed"));
    CHECK_EXITED(peer, 0);
    CHECK_STATUS(RENOIR_REGION_NOT_FOUND, fixture_try_open("r"));
    renoir_region_close(region);
}

TEST(region_crash, a_killed_remover_leaves_the_name_or_takes_it, "R-035 reliability")
{
    static const char *const points[] = {"registry.remove", "file.unlink"};
    for (int i = 0; i < 2; ++i) {
        RenoirRegionHandle region = fixture_region("r");
        CHECK_KILLED(peer_start(remover, points[i], "kill"));
        CHECK_OK(fixture_try_open("r"));
        CHECK_OK(renoir_region_remove(NULL, "r"));
        renoir_region_close(region);
        (void)fixture_reap();
    }
}

TEST(region_crash, a_killed_user_takes_the_region_with_it, "R-036 reliability")
{
    RenoirRegionHandle region = fixture_region("r");
    const TestPeer peer = peer_start(user);
    REQUIRE(peer_expect(peer, "open"));
    renoir_region_close(region);
    CHECK_KILLED(peer_kill(peer, SIGKILL));
    const RenoirReapReport report = fixture_reap();
    CHECK_EQ_U64(1, report.object_count);
    CHECK_EQ_U64(0, fixture_count("regions"));
}

TEST(region_crash,
     the_bytes_of_the_dead_are_never_taken_for_a_new_region,
     "R-036 T-032 reliability")
{
    RenoirNodeInfo info;
    RenoirRegionHandle region = NULL;
    REQUIRE_OK(renoir_node_self(NULL, &info)); // joined before: nobody sweeps from here on
    const TestPeer peer = start_creator("", "", "file");
    REQUIRE(peer_expect(peer, "made"));
    CHECK_KILLED(peer_kill(peer, SIGKILL));

    REQUIRE_OK(fixture_make("r", FIXTURE_SIZE, RENOIR_REGION_EXCLUSIVE, &region));

    CHECK(fixture_bytes(region)[0] == 0);
    renoir_region_close(region);
    const TestPeer second = start_creator("", "", "file");
    REQUIRE(peer_expect(second, "made"));
    CHECK_KILLED(peer_kill(second, SIGKILL));
    CHECK_STATUS(RENOIR_REGION_NOT_FOUND, fixture_try_open("r"));
    (void)fixture_reap();
}

PEER(attacher)
{
    peer_pause();
    RenoirRegionHandle region = fixture_region("r");
    CHECK_OK(renoir_region_verify(region, NULL, 0));
    peer_say("in");
    peer_pause();
    renoir_region_close(region);
}

TEST(region_crash, attachers_and_a_dying_creator_start_together, "T-033 concurrent_stress")
{
    (void)signal(SIGPIPE, SIG_IGN);
    const uint64_t rounds = test_scaled(1000);
    for (uint64_t round = 0; round < rounds; ++round) {
        TestPeer peers[8];
        for (int i = 0; i < 8; ++i) {
            peers[i] = peer_start(attacher);
        }
        const char *point = CREATION_POINTS[round % CREATION_POINT_COUNT];
        const TestPeer dying = start_creator(point, "kill", "file");
        for (int i = 0; i < 8; ++i) {
            peer_send_line(peers[i], "go");
        }
        for (int i = 0; i < 8; ++i) {
            CHECK(peer_expect(peers[i], "in"));
        }
        (void)peer_wait(dying);
        for (int i = 0; i < 8; ++i) {
            CHECK_EXITED(peers[i], 0);
        }
        (void)fixture_reap();
        CHECK_EQ_U64(0, fixture_count("regions"));
    }
}
