// SPDX-License-Identifier: MIT OR Apache-2.0
//
// A death at each fault point of the priority ring: each lane goes on by itself, whole.

#include <signal.h>
#include <unistd.h>

#include "base/fault.h"
#include "ring/ring.h"
#include "unit/ring/fixture.h"

enum { LANES = 3, LENGTH = 20 };

static RenoirPriorityRing open_ring(RenoirRegionHandle region, uint32_t role)
{
    RenoirRingOptions options = record_options(1024, 0);
    RenoirPriorityRing ring;
    options.spin_ns = RENOIR_SPIN_NEVER;
    REQUIRE_OK(renoir_priority_ring_open(region, "r", &options, role, &ring));
    return ring;
}

static RenoirErrorCode push(RenoirPriorityRing *ring, uint32_t number)
{
    uint8_t bytes[LENGTH];
    pattern_fill(bytes, sizeof bytes, number);
    return renoir_priority_ring_try_push(ring, number % LANES, bytes, sizeof bytes, number);
}

static void expect(RenoirPriorityRing *ring, uint32_t number)
{
    uint8_t bytes[LENGTH];
    size_t length = 0;
    uint32_t tag = 0;
    uint32_t lane = 0;
    REQUIRE_OK(renoir_priority_ring_try_pop(ring, bytes, sizeof bytes, &length, &lane, &tag));
    CHECK_EQ_U64(number, tag);
    CHECK_EQ_U64(number % LANES, lane);
    CHECK(length == LENGTH && pattern_holds(bytes, LENGTH, number));
}

// Pushes 0, 1, 2 … in turn into the three lanes, and dies at the point named, at its sixth hit.
PEER(dying_pusher)
{
    RenoirPriorityRing ring = open_ring(join_region(), RENOIR_PRODUCER);
    rnr_fault_arm(peer_arg(0), RNR_FAULT_KILL, 6);
    for (uint32_t i = 0;; ++i) {
        REQUIRE_OK(push(&ring, i));
    }
}

static void a_pusher_dies(const char *point, bool has_last)
{
    RenoirRegionHandle region = join_region();
    RenoirPriorityRing consumer = open_ring(region, RENOIR_CONSUMER);
    CHECK_KILLED(peer_run(dying_pusher, point));
    CHECK_OK(renoir_ring_wait(&consumer.end, RENOIR_WAIT_FOREVER));
    expect(&consumer, 0);
    expect(&consumer, 3);
    expect(&consumer, 1);
    expect(&consumer, 4);
    expect(&consumer, 2);
    if (has_last) {
        expect(&consumer, 5);
    }
    CHECK_STATUS(RENOIR_DISCONNECTED, renoir_ring_wait(&consumer.end, RENOIR_WAIT_FOREVER));
    RenoirPriorityRing producer = open_ring(region, RENOIR_PRODUCER);
    for (uint32_t i = 30; i < 33; ++i) {
        REQUIRE_OK(push(&producer, i));
    }
    for (uint32_t i = 30; i < 33; ++i) {
        expect(&consumer, i);
    }
    CHECK_OK(renoir_region_verify(region, NULL, 0));
    renoir_ring_close(&producer.end);
    renoir_ring_close(&consumer.end);
    leave_region_and_reap(region);
}

TEST(priority_crash, a_record_that_died_before_it_was_published_never_happened, "M-005 T-005")
{
    a_pusher_dies("record.commit.before", false);
}

TEST(priority_crash, a_record_that_died_after_it_was_published_is_delivered, "M-005 T-005")
{
    a_pusher_dies("record.commit.after", true);
    a_pusher_dies("priority.push.ring", true);
}

// Takes what is there and dies at the point named, at its third hit.
PEER(dying_popper)
{
    RenoirPriorityRing ring = open_ring(join_region(), RENOIR_CONSUMER);
    rnr_fault_arm(peer_arg(0), RNR_FAULT_KILL, 3);
    for (;;) {
        uint8_t bytes[LENGTH];
        size_t length;
        REQUIRE_OK(renoir_priority_ring_try_pop(&ring, bytes, sizeof bytes, &length, NULL, NULL));
    }
}

static void a_popper_dies(const char *point, bool comes_again)
{
    RenoirRegionHandle region = join_region();
    RenoirPriorityRing producer = open_ring(region, RENOIR_PRODUCER);
    for (uint32_t i = 0; i < 6; ++i) { // taken as 0 3 1 4 2 5
        REQUIRE_OK(push(&producer, i));
    }
    CHECK_KILLED(peer_run(dying_popper, point));
    RenoirPriorityRing consumer = open_ring(region, RENOIR_CONSUMER);
    if (comes_again) {
        expect(&consumer, 1);
    }
    expect(&consumer, 4);
    expect(&consumer, 2);
    expect(&consumer, 5);
    CHECK_EQ_U64(0, renoir_ring_count(&producer.end));
    CHECK_OK(renoir_region_verify(region, NULL, 0));
    renoir_ring_close(&producer.end);
    renoir_ring_close(&consumer.end);
    leave_region_and_reap(region);
}

TEST(priority_crash, a_record_whose_reader_died_before_it_gave_it_back_comes_again, "M-005 T-006")
{
    a_popper_dies("record.consume.before", true);
}

TEST(priority_crash, a_record_whose_reader_died_after_it_gave_it_back_is_gone, "M-005 T-006")
{
    a_popper_dies("record.consume.after", false);
    a_popper_dies("priority.consume.ring", false);
}

// Reserves, commits, and dies before the bell.
PEER(dying_committer)
{
    RenoirPriorityRing ring = open_ring(join_region(), RENOIR_PRODUCER);
    void *room = NULL;
    REQUIRE_OK(renoir_priority_ring_reserve(&ring, 1, LENGTH, &room));
    pattern_fill((uint8_t *)room, LENGTH, 1);
    rnr_fault_arm("priority.commit.ring", RNR_FAULT_KILL, 1);
    (void)peer_say("ready");
    peer_pause();
    renoir_priority_ring_commit(&ring, LENGTH, 1);
}

TEST(priority_crash,
     a_sleeper_finds_what_a_dead_producer_had_not_rung_for,
     "M-005 T-012 reliability")
{
    RenoirRegionHandle region = join_region();
    RenoirPriorityRing consumer = open_ring(region, RENOIR_CONSUMER);
    const TestPeer peer = peer_start(dying_committer);
    REQUIRE(peer_expect(peer, "ready"));
    CHECK_STATUS(RENOIR_TIMEOUT, renoir_ring_wait(&consumer.end, RENOIR_MILLISECONDS(5)));
    REQUIRE(peer_send_line(peer, "go"));
    CHECK_OK(renoir_ring_wait(&consumer.end, RENOIR_WAIT_FOREVER));
    expect(&consumer, 1);
    CHECK_KILLED(peer);
    renoir_ring_close(&consumer.end);
    leave_region_and_reap(region);
}

PEER(dying_maker)
{
    RenoirRegionHandle region = join_region();
    rnr_fault_arm(peer_arg(0), RNR_FAULT_KILL, peer_arg_u64(1));
    (void)open_ring(region, RENOIR_PRODUCER);
    CHECK_UNREACHABLE();
}

TEST(priority_crash, a_ring_that_died_half_made_is_made_anew, "M-005 reliability")
{
    CHECK_KILLED(peer_run(dying_maker, "priority.format.lane", "2"));
    RenoirRegionHandle region = join_region();
    RenoirPriorityRing producer = open_ring(region, RENOIR_PRODUCER);
    RenoirPriorityRing consumer = open_ring(region, RENOIR_CONSUMER);
    REQUIRE_OK(push(&producer, 1));
    expect(&consumer, 1);
    renoir_ring_close(&producer.end);
    renoir_ring_close(&consumer.end);
    leave_region_and_reap(region);
}
