// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Joiners, leavers and reapers of nodes that are killed or stopped on their way.

#include "unit/memory/region_fixture.h"

static bool is_alive(uint64_t node_id)
{
    bool alive = false;
    CHECK_OK(renoir_node_is_alive(NULL, node_id, &alive));
    return alive;
}

static uint64_t own_id(void)
{
    RenoirNodeInfo info;
    REQUIRE_OK(renoir_node_self(NULL, &info));
    return info.node_id;
}

// Joins, with a fault armed: point, action, kind of file.
PEER(joiner)
{
    fixture_arm(peer_arg(0), peer_arg(1), 1);
    if (strcmp(peer_arg(2), "named temporary") == 0) {
        rnr_fault_arm_errno("open_unnamed", EOPNOTSUPP, 1);
    }
    peer_say("%llu", (unsigned long long)own_id());
    peer_pause();
}

TEST(node_crash, a_joiner_killed_at_any_point_leaves_nothing_for_long, "T-033 T-046 reliability")
{
    static const char *const points[] = {"file.created", "file.publish", "file.published"};
    static const char *const kinds[] = {"file", "named temporary"};
    (void)own_id();
    for (int kind = 0; kind < 2; ++kind) {
        for (int i = kind == 0 ? 1 : 0; i < 3; ++i) {
            CHECK_KILLED(peer_start(joiner, points[i], "kill", kinds[kind]));
            (void)fixture_reap();
            CHECK_EQ_U64(1, fixture_count("nodes"));
        }
    }
}

TEST(node_crash, a_slow_joiner_is_not_taken_for_dead, "T-033 T-046 reliability")
{
    static const char *const points[] = {"file.created", "file.publish", "file.published"};
    static const char *const kinds[] = {"file", "named temporary"};
    (void)own_id();
    for (int kind = 0; kind < 2; ++kind) {
        for (int i = kind == 0 ? 1 : 0; i < 3; ++i) {
            char line[64];
            const TestPeer peer = peer_start(joiner, points[i], "stop", kinds[kind]);
            fixture_await_stop(peer);
            const RenoirReapReport report = fixture_reap();
            CHECK_EQ_U64(0, report.node_count);
            peer_signal(peer, SIGCONT);
            REQUIRE(peer_read_line(peer, line, sizeof line));
            CHECK(is_alive(strtoull(line, NULL, 10)));
            CHECK_EQ_U64(2, fixture_count("nodes"));
            CHECK_EXITED(peer, 0);
            CHECK_EQ_U64(1, fixture_count("nodes"));
        }
    }
}

PEER(leaver)
{
    RenoirManagerHandle manager = renoir_manager_create();
    RenoirRegionConfig config = renoir_region_config_default();
    RenoirRegionHandle region = NULL;
    REQUIRE(manager != NULL);
    config.name = "r";
    config.size = 4096;
    REQUIRE_OK(renoir_region_create(manager, &config, &region));
    fixture_arm(peer_arg(0), peer_arg(1), peer_arg_u64(2));
    CHECK_OK(renoir_manager_destroy(manager));
}

TEST(node_crash, a_leaver_killed_at_any_point_leaves_nothing_for_long, "T-046 T-084 reliability")
{
    (void)own_id();
    static const struct {
        const char *point;
        const char *hit;
    } faults[] = {{"registry.remove", "1"}, {"file.unlink", "1"}, {"file.unlink", "2"}};
    for (int i = 0; i < 3; ++i) {
        CHECK_KILLED(peer_start(leaver, faults[i].point, "kill", faults[i].hit));
        (void)fixture_reap();
        CHECK_EQ_U64(1, fixture_count("nodes"));
        CHECK_EQ_U64(0, fixture_count("regions"));
    }
    CHECK_EXITED(peer_start(leaver, "", "", "1"), 0);
    CHECK_EQ_U64(1, fixture_count("nodes"));
    CHECK_EQ_U64(0, fixture_count("regions"));
}

PEER(reaper)
{
    (void)own_id();
    peer_say("ready");
    peer_pause();
    fixture_arm(peer_arg(0), peer_arg(1), peer_arg_u64(2));
    (void)fixture_reap();
}

PEER(owner)
{
    (void)fixture_region(peer_arg(0));
    (void)own_id();
    peer_say("open");
    peer_pause();
}

static TestPeer start_reaper(const char *point, const char *action, const char *hit)
{
    TestPeer owners[3];
    const TestPeer peer = peer_start(reaper, point, action, hit);
    REQUIRE(peer_expect(peer, "ready"));
    for (int i = 0; i < 3; ++i) {
        char name[8];
        snprintf(name, sizeof name, "r%d", i);
        owners[i] = peer_start(owner, name);
        REQUIRE(peer_expect(owners[i], "open"));
    }
    for (int i = 0; i < 3; ++i) {
        CHECK_KILLED(peer_kill(owners[i], SIGKILL));
    }
    peer_send_line(peer, "go");
    return peer;
}

TEST(node_crash, a_reaper_killed_at_any_step_leaves_the_rest_to_the_next, "R-037 T-046 reliability")
{
    (void)own_id();
    for (int hit = 1; hit <= 6; ++hit) { // three regions, then three nodes
        char number[8];
        snprintf(number, sizeof number, "%d", hit);
        CHECK_KILLED(start_reaper("registry.remove", "kill", number));
        (void)fixture_reap();
        CHECK_EQ_U64(0, fixture_count("regions"));
        CHECK_EQ_U64(1, fixture_count("nodes"));
    }
    CHECK_KILLED(start_reaper("reap.regions", "kill", "1"));
    CHECK_EQ_U64(0, fixture_count("regions"));
    CHECK(fixture_count("nodes") > 1); // they tell the next one that there is something to do
    (void)fixture_reap();
    CHECK_EQ_U64(1, fixture_count("nodes"));
}

TEST(node_crash,
     a_stopped_reaper_keeps_others_from_nothing_but_its_own_step,
     "R-037 T-046 reliability")
{
    (void)own_id();
    const TestPeer peer = start_reaper("registry.remove", "stop", "2");
    fixture_await_stop(peer);

    (void)fixture_reap();

    CHECK_EQ_U64(1, fixture_count("regions")); // the one that the stopped reaper holds
    CHECK_EQ_U64(2, fixture_count("nodes"));
    RenoirRegionHandle region = fixture_region("another");
    peer_signal(peer, SIGCONT);
    CHECK_EXITED(peer, 0);
    CHECK_EQ_U64(1, fixture_count("regions"));
    renoir_region_close(region);
}

TEST(node_crash, a_reaper_stopped_between_regions_and_nodes_harms_nobody, "R-037 T-046 reliability")
{
    (void)own_id();
    const TestPeer peer = start_reaper("reap.regions", "stop", "1");
    fixture_await_stop(peer);
    RenoirRegionHandle region = fixture_region("r0"); // a name that it has just taken away
    const TestPeer user = peer_start(owner, "r0");
    REQUIRE(peer_expect(user, "open"));
    peer_signal(peer, SIGCONT);
    CHECK_EXITED(peer, 0);
    CHECK_OK(fixture_try_open("r0"));
    CHECK_EXITED(user, 0);
    renoir_region_close(region);
    CHECK_EQ_U64(1, fixture_count("nodes"));
}
