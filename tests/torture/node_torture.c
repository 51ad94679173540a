// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Nodes that come and go and are killed, while others say who is alive.

#include "unit/memory/region_fixture.h"

PEER(comes_and_goes)
{
    for (;;) {
        RenoirManagerHandle manager = renoir_manager_create();
        RenoirNodeInfo info;
        bool is_alive = false;
        REQUIRE(manager != NULL);
        CHECK_OK(renoir_node_self(manager, &info));
        CHECK_OK(renoir_node_is_alive(manager, info.node_id, &is_alive));
        CHECK(is_alive);
        if (test_random_below(3) == 0) {
            CHECK_OK(renoir_node_reap(manager, NULL));
        }
        CHECK_OK(renoir_manager_destroy(manager));
    }
}

PEER(stays)
{
    RenoirRegionHandle region = fixture_region("stays");
    RenoirNodeInfo info;
    REQUIRE_OK(renoir_node_self(NULL, &info));
    fixture_bytes(region)[0] = 's';
    peer_say("%llu", (unsigned long long)info.node_id);
    peer_pause();
    CHECK(fixture_bytes(region)[0] == 's');
    CHECK_OK(fixture_try_open("stays"));
    renoir_region_close(region);
}

TEST_WITHIN(node_torture, the_living_are_never_taken_for_dead, "T-046 R-037 concurrent_stress", 120)
{
    enum { PEERS = 4 };
    TestPeer peers[PEERS];
    char line[64];
    const uint64_t kills = test_scaled(10000);
    const TestPeer steady = peer_start(stays);
    REQUIRE(peer_read_line(steady, line, sizeof line));
    const uint64_t steady_id = strtoull(line, NULL, 10);
    for (int i = 0; i < PEERS; ++i) {
        peers[i] = peer_start(comes_and_goes);
    }
    for (uint64_t i = 0; i < kills; ++i) {
        RenoirNodeInfo infos[64];
        size_t count = 0;
        bool is_alive = false;
        const uint64_t which = test_random_below(PEERS);
        usleep((useconds_t)test_random_below(5000));
        CHECK_KILLED(peer_kill(peers[which], SIGKILL));
        CHECK_OK(renoir_node_list(NULL, infos, 64, &count));
        for (size_t k = 0; k < count && k < 64; ++k) {
            CHECK(infos[k].pid != peer_pid(peers[which]) || infos[k].is_alive == 0);
            CHECK(infos[k].node_id != steady_id || infos[k].is_alive == 1);
        }
        CHECK_OK(renoir_node_is_alive(NULL, steady_id, &is_alive));
        CHECK(is_alive);
        peers[which] = peer_start(comes_and_goes);
    }
    for (int i = 0; i < PEERS; ++i) {
        CHECK_KILLED(peer_kill(peers[i], SIGKILL));
    }
    CHECK_EXITED(steady, 0);
    (void)fixture_reap();
    CHECK_EQ_U64(1, fixture_count("nodes"));
    CHECK_EQ_U64(0, fixture_count("regions"));
}
