// SPDX-License-Identifier: MIT OR Apache-2.0
//
// A death at each fault point of a broadcast ring's producer: what was not whole never was, the
// element that it was written over is lost and counted, and the next producer goes on.

#include <signal.h>
#include <unistd.h>

#include "base/fault.h"
#include "ring/ring.h"
#include "unit/ring/fixture.h"

enum { CAPACITY = 8, SIZE = 64, BEFORE = 21 };

static RenoirBroadcast open_end(RenoirRegionHandle region, uint32_t role)
{
    RenoirRingOptions options = element_options(SIZE, CAPACITY);
    RenoirBroadcast ring;
    options.max_ends = 2;
    REQUIRE_OK(renoir_broadcast_open(region, "b", &options, role, &ring));
    return ring;
}

static void push(RenoirBroadcast *ring, uint64_t number)
{
    uint8_t element[SIZE];
    pattern_fill(element, SIZE, number);
    renoir_broadcast_push(ring, element, SIZE);
}

static void expect(RenoirBroadcast *ring, uint64_t number, uint64_t lost)
{
    uint8_t element[SIZE];
    uint64_t missed = UINT64_MAX;
    REQUIRE_OK(renoir_broadcast_try_pop(ring, element, SIZE, &missed));
    CHECK_EQ_U64(lost, missed);
    CHECK(pattern_holds(element, SIZE, number));
}

static void check_ring(const RenoirRingEnd *end)
{
    CHECK_OK(rnr_ring_check(end->shared, 512 + 3 * 128 + CAPACITY * 128, "b"));
}

// 21 elements, of which the first consumer has read all, and the second those before the last lap.
static void warm_up(RenoirRegionHandle region, RenoirBroadcast consumers[2])
{
    RenoirBroadcast producer = open_end(region, RENOIR_PRODUCER);
    consumers[0] = open_end(region, RENOIR_CONSUMER);
    consumers[1] = open_end(region, RENOIR_CONSUMER);
    for (uint64_t i = 0; i < BEFORE; ++i) {
        push(&producer, i);
        expect(&consumers[0], i, 0);
        if (i < BEFORE - CAPACITY) {
            expect(&consumers[1], i, 0);
        }
    }
    renoir_ring_close(&producer.end);
}

// Argument 2: "n" for a batch, "c" for a claim, else one by one.
PEER(dying_producer)
{
    RenoirBroadcast ring = open_end(join_region(), RENOIR_PRODUCER);
    uint8_t elements[4 * SIZE];
    for (uint64_t i = 0; i < 4; ++i) {
        pattern_fill(elements + i * SIZE, SIZE, BEFORE + i);
    }
    rnr_fault_arm(peer_arg(0), RNR_FAULT_KILL, peer_arg_u64(1));
    if (peer_arg(2)[0] == 'n') {
        renoir_broadcast_push_n(&ring, elements, SIZE, 4);
    } else if (peer_arg(2)[0] == 'c') {
        memcpy(renoir_broadcast_claim(&ring), elements, SIZE);
        renoir_broadcast_publish(&ring);
    } else {
        for (uint64_t i = 0; i < 4; ++i) {
            renoir_broadcast_push(&ring, elements + i * SIZE, SIZE);
        }
    }
}

// `whole`: how many of the dead one's elements are whole; `is_torn`: whether one more was begun.
static void
a_producer_dies(const char *point, const char *hit, const char *how, uint64_t whole, bool is_torn)
{
    RenoirRegionHandle region = join_region();
    RenoirBroadcast consumers[2];
    warm_up(region, consumers);
    CHECK_KILLED(peer_run(dying_producer, point, hit, how));

    for (uint64_t i = 0; i < whole; ++i) {
        expect(&consumers[0], BEFORE + i, 0);
    }
    CHECK_STATUS(RENOIR_DISCONNECTED, renoir_ring_wait(&consumers[0].end, RENOIR_WAIT_FOREVER));
    const uint64_t lost = whole + (is_torn ? 1 : 0);
    expect(&consumers[1], BEFORE - CAPACITY + lost, lost);
    check_ring(&consumers[0].end);

    RenoirBroadcast producer = open_end(region, RENOIR_PRODUCER);
    CHECK_EQ_U64(BEFORE + whole, producer.end.position);
    push(&producer, BEFORE + whole);
    CHECK_OK(renoir_ring_wait(&consumers[0].end, RENOIR_WAIT_FOREVER));
    expect(&consumers[0], BEFORE + whole, 0);
    for (uint64_t i = BEFORE - CAPACITY + lost + 1; i <= BEFORE + whole; ++i) {
        expect(&consumers[1], i, 0);
    }
    check_ring(&producer.end);
    renoir_ring_close(&producer.end);
    renoir_ring_close(&consumers[0].end);
    renoir_ring_close(&consumers[1].end);
    leave_region_and_reap(region);
}

TEST(broadcast_crash, an_element_that_was_begun_takes_the_oldest_with_it, "R-115 T-005 reliability")
{
    a_producer_dies("broadcast.push.invalid", "1", "1", 0, true);
}

TEST(broadcast_crash, an_element_without_its_stamp_never_was, "R-115 T-005 reliability")
{
    a_producer_dies("broadcast.push.before", "2", "1", 1, true);
}

TEST(broadcast_crash,
     an_element_with_its_stamp_is_there_without_the_tail,
     "R-115 T-005 reliability")
{
    a_producer_dies("broadcast.push.stamped", "2", "1", 2, false);
}

TEST(broadcast_crash, an_element_with_stamp_and_tail_is_there, "R-115 T-005 reliability")
{
    a_producer_dies("broadcast.push.after", "2", "1", 2, false);
}

TEST(broadcast_crash, of_a_batch_the_whole_ones_are_there, "R-073 R-115 T-005 reliability")
{
    a_producer_dies("broadcast.push.invalid", "4", "n", 3, true);
}

TEST(broadcast_crash, of_a_batch_the_last_may_lack_the_tail, "R-073 R-115 T-005 reliability")
{
    a_producer_dies("broadcast.push.stamped", "3", "n", 3, false);
}

TEST(broadcast_crash, a_claim_dies_with_its_owner, "R-074 R-115 T-005 T-018 reliability")
{
    a_producer_dies("broadcast.push.before", "1", "c", 0, true);
}

TEST(broadcast_crash, a_claim_with_its_stamp_is_there, "R-074 R-115 T-005 reliability")
{
    a_producer_dies("broadcast.push.stamped", "1", "c", 1, false);
}

PEER(dying_consumer)
{
    RenoirBroadcast ring = open_end(join_region(), RENOIR_CONSUMER);
    uint8_t element[SIZE];
    REQUIRE_OK(renoir_broadcast_try_pop(&ring, element, SIZE, NULL));
    peer_say("%u", ring.end.index);
    (void)kill(getpid(), SIGKILL);
}

TEST(broadcast_crash, a_dead_consumer_leaves_its_end_to_the_next, "R-115 T-006 reliability")
{
    RenoirRegionHandle region = join_region();
    RenoirBroadcast producer = open_end(region, RENOIR_PRODUCER);
    RenoirBroadcast first = open_end(region, RENOIR_CONSUMER);
    push(&producer, 0);
    for (int i = 0; i < 3; ++i) {
        const TestPeer peer = peer_start(dying_consumer);
        CHECK(peer_expect(peer, "2")); // the second consumer's end, each time
        CHECK_KILLED(peer);
    }
    push(&producer, 1);
    expect(&first, 0, 0);
    expect(&first, 1, 0);
    renoir_ring_close(&producer.end);
    renoir_ring_close(&first.end);
    leave_region_and_reap(region);
}
