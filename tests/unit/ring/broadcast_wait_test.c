// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Consumers of a broadcast ring that sleep, with an end of their own or without one.

#include "unit/ring/fixture.h"

static RenoirBroadcast open_in(RenoirRegionHandle region, uint32_t role)
{
    RenoirRingOptions options = element_options(64, 1024);
    RenoirBroadcast ring;
    options.spin_ns = RENOIR_SPIN_NEVER;
    REQUIRE_OK(renoir_broadcast_open(region, "b", &options, role, &ring));
    return ring;
}

PEER(broadcaster)
{
    RenoirRegionHandle region = join_region();
    RenoirBroadcast ring = open_in(region, RENOIR_PRODUCER);
    uint8_t element[64];
    char line[16];
    REQUIRE(peer_hear(line, sizeof line));
    for (uint64_t i = 0; i < peer_arg_u64(0); ++i) {
        if (test_random_below(8) == 0) {
            test_sleep_ms(1);
        }
        pattern_fill(element, sizeof element, i);
        renoir_broadcast_push(&ring, element, sizeof element);
    }
    renoir_ring_close(&ring.end);
    renoir_region_close(region);
}

// Waits for each element; 1000 fit, so that none is lost.
static void hear_all(RenoirBroadcast *ring, uint64_t total)
{
    uint8_t element[64];
    uint64_t next = 0;
    RenoirErrorCode status = RENOIR_SUCCESS;
    while ((status = renoir_ring_wait(&ring->end, RENOIR_WAIT_FOREVER)) == RENOIR_SUCCESS) {
        uint64_t lost = 0;
        REQUIRE_OK(renoir_broadcast_try_pop(ring, element, sizeof element, &lost));
        REQUIRE_EQ_U64(0, lost);
        REQUIRE(pattern_holds(element, sizeof element, next));
        ++next;
    }
    CHECK_STATUS(RENOIR_DISCONNECTED, status);
    CHECK_EQ_U64(total, next);
}

PEER(listener)
{
    RenoirRegionHandle region = join_region();
    RenoirBroadcast ring = open_in(region, RENOIR_CONSUMER);
    peer_say("ready");
    hear_all(&ring, peer_arg_u64(0));
    renoir_ring_close(&ring.end);
    renoir_region_close(region);
}

// May only look, and takes no end.
PEER(onlooker)
{
    RenoirRegionOptions options = renoir_region_options_default();
    RenoirRegionHandle region = NULL;
    options.flags = RENOIR_REGION_READ_ONLY;
    REQUIRE_OK(renoir_region_open(NULL, "rings", &options, &region));
    RenoirBroadcast ring = open_in(region, RENOIR_CONSUMER);
    CHECK_EQ_U64(UINT32_MAX, ring.end.index);
    peer_say("ready");
    hear_all(&ring, peer_arg_u64(0));
    renoir_ring_close(&ring.end);
    renoir_region_close(region);
}

TEST(broadcast_wait, several_sleepers_wake_for_every_element, "R-115 R-072 T-001 communication")
{
    RenoirRegionHandle region = join_region();
    RenoirBroadcast ring = open_in(region, RENOIR_CONSUMER);
    const TestPeer source = peer_start(broadcaster, "500");
    const TestPeer others[2] = {peer_start(listener, "500"), peer_start(listener, "500")};
    CHECK_STATUS(RENOIR_TIMEOUT, renoir_ring_wait(&ring.end, 1000));
    REQUIRE(peer_expect(others[0], "ready"));
    REQUIRE(peer_expect(others[1], "ready"));
    peer_send_line(source, "go");
    hear_all(&ring, 500);
    CHECK_EXITED(source, 0);
    CHECK_EXITED(others[0], 0);
    CHECK_EXITED(others[1], 0);
    renoir_ring_close(&ring.end);
    renoir_region_close(region);
}

TEST(broadcast_wait,
     one_that_may_only_look_takes_no_end_and_misses_nothing,
     "R-115 R-006 communication")
{
    RenoirRegionHandle region = join_region();
    RenoirBroadcast ring = open_in(region, RENOIR_CONSUMER); // makes it
    const TestPeer source = peer_start(broadcaster, "500");
    const TestPeer others[2] = {peer_start(onlooker, "500"), peer_start(onlooker, "500")};
    REQUIRE(peer_expect(others[0], "ready"));
    REQUIRE(peer_expect(others[1], "ready"));
    peer_send_line(source, "go");
    hear_all(&ring, 500);
    CHECK_EXITED(source, 0);
    CHECK_EXITED(others[0], 0);
    CHECK_EXITED(others[1], 0);
    renoir_ring_close(&ring.end);
    renoir_region_close(region);
}
