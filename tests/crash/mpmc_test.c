// SPDX-License-Identifier: MIT OR Apache-2.0
//
// A death at each fault point of the mpmc ring: nobody waits for the dead, what was committed is
// delivered exactly once, and what was being read is delivered to somebody else.

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault.h"
#include "ring/ring.h"
#include "unit/ring/fixture.h"

enum { CAPACITY = 8 };

static RenoirMpmc open_end(RenoirRegionHandle region, uint32_t role)
{
    RenoirRingOptions options = element_options(8, CAPACITY);
    RenoirMpmc ring;
    options.spin_ns = RENOIR_SPIN_NEVER;
    REQUIRE_OK(renoir_mpmc_open(region, "q", &options, role, &ring));
    return ring;
}

static uint64_t pop_waiting(RenoirMpmc *ring)
{
    uint64_t value = 0;
    while (renoir_mpmc_try_pop(ring, &value, sizeof value) != RENOIR_SUCCESS) {
        REQUIRE_OK(renoir_ring_wait(&ring->end, RENOIR_WAIT_FOREVER));
    }
    return value;
}

static void push_waiting(RenoirMpmc *ring, uint64_t value)
{
    while (renoir_mpmc_try_push(ring, &value, sizeof value) != RENOIR_SUCCESS) {
        REQUIRE_OK(renoir_ring_wait(&ring->end, RENOIR_WAIT_FOREVER));
    }
}

PEER(dying_pusher)
{
    RenoirMpmc ring = open_end(join_region(), RENOIR_PRODUCER);
    rnr_fault_arm(peer_arg(0), RNR_FAULT_KILL, 3);
    for (uint64_t i = 0;; ++i) {
        push_waiting(&ring, 100 + i);
    }
}

static uint64_t skipped(const RenoirMpmc *ring)
{
    RenoirRingStats stats;
    REQUIRE_OK(renoir_ring_stats(&ring->end, &stats));
    return stats.skipped;
}

static void a_pusher_dies(const char *point, uint64_t delivered, uint64_t left_out)
{
    RenoirRegionHandle region = join_region();
    RenoirMpmc producer = open_end(region, RENOIR_PRODUCER);
    RenoirMpmc consumer = open_end(region, RENOIR_CONSUMER);
    CHECK_KILLED(peer_run(dying_pusher, point));
    REQUIRE_OK(renoir_mpmc_try_push(&producer, &(uint64_t){1}, 8)); // behind the dead one's slot

    for (uint64_t i = 0; i < delivered; ++i) {
        CHECK_EQ_U64(100 + i, pop_waiting(&consumer));
    }
    CHECK_EQ_U64(1, pop_waiting(&consumer));
    for (uint64_t i = 0; i < 10 * CAPACITY; ++i) { // ten laps, and each slot is used again
        push_waiting(&producer, i);
        CHECK_EQ_U64(i, pop_waiting(&consumer));
    }
    CHECK_EQ_U64(left_out, skipped(&consumer));

    renoir_ring_close(&producer.end);
    renoir_ring_close(&consumer.end);
    leave_region_and_reap(region);
}

TEST(mpmc_crash, a_claim_whose_producer_died_is_skipped, "R-081 T-005 T-020 reliability")
{
    a_pusher_dies("mpmc.push.claimed", 2, 1);
}

TEST(mpmc_crash,
     a_filled_slot_whose_producer_died_before_it_said_so_is_skipped,
     "R-081 T-005 reliability")
{
    a_pusher_dies("mpmc.push.before", 2, 1);
}

TEST(mpmc_crash, an_element_whose_producer_died_after_it_is_delivered, "R-081 T-005 reliability")
{
    a_pusher_dies("mpmc.push.after", 3, 0);
}

PEER(dying_popper)
{
    RenoirMpmc ring = open_end(join_region(), RENOIR_CONSUMER);
    rnr_fault_arm(peer_arg(0), RNR_FAULT_KILL, 2);
    for (;;) {
        (void)pop_waiting(&ring);
    }
}

// The dead consumer had given back the first element.
static void a_popper_dies(const char *point, bool comes_again)
{
    RenoirRegionHandle region = join_region();
    RenoirMpmc producer = open_end(region, RENOIR_PRODUCER);
    RenoirMpmc consumer = open_end(region, RENOIR_CONSUMER);
    bool was_seen[CAPACITY] = {false};
    for (uint64_t i = 0; i < CAPACITY; ++i) {
        REQUIRE_OK(renoir_mpmc_try_push(&producer, &i, sizeof i));
    }
    CHECK_KILLED(peer_run(dying_popper, point));

    const uint64_t expected = CAPACITY - (comes_again ? 1 : 2);
    for (uint64_t i = 0; i < expected; ++i) {
        const uint64_t value = pop_waiting(&consumer);
        REQUIRE(value < CAPACITY && !was_seen[value]);
        was_seen[value] = true;
    }
    CHECK(!was_seen[0]);
    CHECK(was_seen[1] == comes_again);
    for (uint64_t i = 0; i < 10 * CAPACITY; ++i) {
        push_waiting(&producer, i);
        CHECK_EQ_U64(i, pop_waiting(&consumer));
    }

    renoir_ring_close(&producer.end);
    renoir_ring_close(&consumer.end);
    leave_region_and_reap(region);
}

TEST(mpmc_crash, an_element_whose_reader_died_goes_to_another, "R-081 T-006 reliability")
{
    a_popper_dies("mpmc.pop.claimed", true);
}

TEST(mpmc_crash,
     an_element_whose_reader_died_before_it_gave_it_back_goes_to_another,
     "R-081 T-006 reliability")
{
    a_popper_dies("mpmc.pop.before", true);
}

TEST(mpmc_crash,
     an_element_whose_reader_died_after_it_gave_it_back_is_gone,
     "R-081 T-006 reliability")
{
    a_popper_dies("mpmc.pop.after", false);
}

TEST(mpmc_crash, a_producer_goes_on_in_the_slot_of_a_dead_reader, "R-081 T-006 T-020 reliability")
{
    RenoirRegionHandle region = join_region();
    RenoirMpmc producer = open_end(region, RENOIR_PRODUCER);
    uint64_t n = 0;
    while (renoir_mpmc_try_push(&producer, &n, sizeof n) == RENOIR_SUCCESS) {
        ++n;
    }
    CHECK_KILLED(peer_run(dying_popper, "mpmc.pop.claimed"));

    push_waiting(&producer, n); // into the one slot that the dead one had given back
    RenoirMpmc consumer = open_end(region, RENOIR_CONSUMER);
    uint64_t sum = 0;
    for (uint64_t i = 0; i < CAPACITY; ++i) {
        sum += pop_waiting(&consumer);
    }
    CHECK_EQ_U64((uint64_t)CAPACITY * (CAPACITY + 1) / 2, sum);

    renoir_ring_close(&producer.end);
    renoir_ring_close(&consumer.end);
    leave_region_and_reap(region);
}

PEER(dying_undertaker)
{
    RenoirRegionHandle region = join_region();
    rnr_fault_arm("mpmc.take_back", RNR_FAULT_KILL, peer_arg_u64(0));
    RenoirMpmc ring = open_end(region, RENOIR_CONSUMER); // at the index of the dead ones
    (void)pop_waiting(&ring);
    CHECK_UNREACHABLE();
}

TEST(mpmc_crash, whoever_dies_while_taking_back_is_followed_by_another, "R-081 T-033 reliability")
{
    RenoirRegionHandle region = join_region();
    RenoirMpmc producer = open_end(region, RENOIR_PRODUCER);
    CHECK_KILLED(peer_run(dying_pusher, "mpmc.push.before"));
    CHECK_KILLED(peer_run(dying_popper, "mpmc.pop.before"));
    CHECK_KILLED(peer_run(dying_undertaker, "1"));
    CHECK_KILLED(peer_run(dying_undertaker, "3"));

    RenoirMpmc consumer = open_end(region, RENOIR_CONSUMER);
    CHECK_EQ_U64(101, pop_waiting(&consumer));
    for (uint64_t i = 0; i < 4 * CAPACITY; ++i) {
        push_waiting(&producer, i);
        CHECK_EQ_U64(i, pop_waiting(&consumer));
    }
    CHECK_EQ_U64(1, skipped(&consumer));

    renoir_ring_close(&producer.end);
    renoir_ring_close(&consumer.end);
    leave_region_and_reap(region);
}

// Stops with a slot, tells nobody, and goes on when it is told to.
PEER(stopping_pusher)
{
    RenoirMpmc ring = open_end(join_region(), RENOIR_PRODUCER);
    rnr_fault_arm("mpmc.push.before", RNR_FAULT_STOP, 1);
    push_waiting(&ring, 4711);
    renoir_ring_close(&ring.end);
}

TEST(mpmc_crash,
     a_stopped_producer_holds_nobody_up_and_nothing_is_taken_from_it,
     "R-081 T-005 reliability")
{
    RenoirRegionHandle region = join_region();
    RenoirMpmc producer = open_end(region, RENOIR_PRODUCER);
    RenoirMpmc consumer = open_end(region, RENOIR_CONSUMER);
    const TestPeer peer = peer_start(stopping_pusher);
    peer_wait_stopped(peer);

    for (uint64_t i = 0; i < 5 * CAPACITY; ++i) {
        push_waiting(&producer, i);
        CHECK_EQ_U64(i, pop_waiting(&consumer));
    }
    REQUIRE(kill(peer_pid(peer), SIGCONT) == 0);
    CHECK_EQ_U64(4711, pop_waiting(&consumer));
    CHECK_EXITED(peer, 0);
    CHECK_EQ_U64(0, skipped(&consumer));

    renoir_ring_close(&producer.end);
    renoir_ring_close(&consumer.end);
    renoir_region_close(region);
}
