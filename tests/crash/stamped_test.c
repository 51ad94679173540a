// SPDX-License-Identifier: MIT OR Apache-2.0
//
// A death at each fault point of a stamped spsc ring: between the element and its stamp, between
// the stamp and the tail, in the middle of a batch, around giving back.

#include <signal.h>
#include <unistd.h>

#include "base/fault.h"
#include "ring/ring.h"
#include "unit/ring/fixture.h"

enum { CAPACITY = 16, SIZE = 64 };

static RenoirSpsc open_end(RenoirRegionHandle region, uint32_t role)
{
    RenoirRingOptions options = element_options(SIZE, CAPACITY);
    RenoirSpsc ring;
    options.flags |= RENOIR_RING_STAMPED;
    REQUIRE_OK(renoir_spsc_open(region, "s", &options, role, &ring));
    return ring;
}

static void push(RenoirSpsc *ring, uint64_t number)
{
    uint8_t element[SIZE];
    pattern_fill(element, SIZE, number);
    REQUIRE_OK(renoir_spsc_try_push(ring, element, SIZE));
}

static void expect(RenoirSpsc *ring, uint64_t number)
{
    uint8_t element[SIZE];
    REQUIRE_OK(renoir_spsc_try_pop(ring, element, SIZE));
    CHECK(pattern_holds(element, SIZE, number));
}

static void check_ring(const RenoirRingEnd *end)
{
    CHECK_OK(rnr_ring_check(end->shared, 768 + CAPACITY * 128, "s"));
}

// After 21 elements, of which 17 were consumed: 21 is the next.
static RenoirSpsc warmed_up(RenoirRegionHandle region)
{
    RenoirSpsc producer = open_end(region, RENOIR_PRODUCER);
    RenoirSpsc consumer = open_end(region, RENOIR_CONSUMER);
    for (uint64_t i = 0; i < 21; ++i) {
        push(&producer, i);
        if (i < 17) {
            expect(&consumer, i);
        }
    }
    renoir_ring_close(&producer.end);
    return consumer;
}

PEER(dying_pusher)
{
    RenoirSpsc ring = open_end(join_region(), RENOIR_PRODUCER);
    rnr_fault_arm(peer_arg(0), RNR_FAULT_KILL, peer_arg_u64(1));
    for (uint64_t i = 21;; ++i) {
        push(&ring, i);
    }
}

PEER(dying_batch_pusher)
{
    RenoirSpsc ring = open_end(join_region(), RENOIR_PRODUCER);
    uint8_t elements[8 * SIZE];
    size_t count = 0;
    for (uint64_t i = 0; i < 8; ++i) {
        pattern_fill(elements + i * SIZE, SIZE, 21 + i);
    }
    rnr_fault_arm(peer_arg(0), RNR_FAULT_KILL, peer_arg_u64(1));
    (void)renoir_spsc_push_n(&ring, elements, SIZE, 8, &count);
}

// `expected`: the first number that was not published.
static void check_after_death(RenoirRegionHandle region, RenoirSpsc *consumer, uint64_t expected)
{
    for (uint64_t i = 17; i < expected; ++i) {
        expect(consumer, i);
    }
    CHECK_STATUS(RENOIR_DISCONNECTED, renoir_ring_wait(&consumer->end, RENOIR_WAIT_FOREVER));
    CHECK_EQ_U64(0, renoir_ring_count(&consumer->end));
    check_ring(&consumer->end);

    RenoirSpsc producer = open_end(region, RENOIR_PRODUCER);
    CHECK_EQ_U64(expected, producer.end.position);
    for (uint64_t i = expected; i < expected + CAPACITY; ++i) {
        push(&producer, i);
    }
    CHECK_STATUS(RENOIR_BUFFER_FULL, renoir_ring_wait(&producer.end, RENOIR_NO_WAIT));
    for (uint64_t i = expected; i < expected + CAPACITY; ++i) {
        expect(consumer, i);
    }
    check_ring(&consumer->end);
    renoir_ring_close(&producer.end);
    renoir_ring_close(&consumer->end);
    leave_region_and_reap(region);
}

static void a_pusher_dies(const char *point, const char *hit, uint64_t expected)
{
    RenoirRegionHandle region = join_region();
    RenoirSpsc consumer = warmed_up(region);
    CHECK_KILLED(peer_run(dying_pusher, point, hit));
    check_after_death(region, &consumer, expected);
}

TEST(stamped_crash, an_element_without_its_stamp_never_happened, "R-071 T-005 reliability")
{
    a_pusher_dies("stamped.push.before", "1", 21);
}

TEST(stamped_crash, an_element_with_its_stamp_is_there_without_the_tail, "R-071 T-005 reliability")
{
    a_pusher_dies("stamped.push.stamped", "3", 24);
}

TEST(stamped_crash, an_element_with_stamp_and_tail_is_there, "R-071 T-005 reliability")
{
    a_pusher_dies("stamped.push.after", "3", 24);
}

static void a_batch_pusher_dies(const char *point, const char *hit, uint64_t expected)
{
    RenoirRegionHandle region = join_region();
    RenoirSpsc consumer = warmed_up(region);
    CHECK_KILLED(peer_run(dying_batch_pusher, point, hit));
    check_after_death(region, &consumer, expected);
}

TEST(stamped_crash, of_a_batch_those_with_a_stamp_are_there, "R-073 T-005 reliability")
{
    a_batch_pusher_dies("stamped.push.before", "5", 25);
}

TEST(stamped_crash, of_a_batch_all_stamps_count_without_the_tail, "R-073 T-005 reliability")
{
    a_batch_pusher_dies("stamped.push.stamped", "8", 29);
}

TEST(stamped_crash,
     a_successor_that_comes_before_the_consumer_doubles_and_loses_nothing,
     "R-073 T-005 reliability")
{
    RenoirRegionHandle region = join_region();
    RenoirSpsc consumer = warmed_up(region);
    CHECK_KILLED(peer_run(dying_batch_pusher, "stamped.push.stamped", "8"));
    RenoirSpsc producer = open_end(region, RENOIR_PRODUCER);
    for (uint64_t i = 29; i < 33; ++i) {
        push(&producer, i);
    }
    CHECK_STATUS(RENOIR_BUFFER_FULL, renoir_ring_wait(&producer.end, RENOIR_NO_WAIT));
    for (uint64_t i = 17; i < 33; ++i) {
        expect(&consumer, i);
    }
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, renoir_ring_wait(&consumer.end, RENOIR_NO_WAIT));
    renoir_ring_close(&producer.end);
    renoir_ring_close(&consumer.end);
    leave_region_and_reap(region);
}

PEER(claimer)
{
    RenoirSpsc ring = open_end(join_region(), RENOIR_PRODUCER);
    void *room = NULL;
    size_t count = 0;
    REQUIRE_OK(renoir_spsc_claim(&ring, 1, &room, &count));
    memset(room, 0xee, SIZE);
    (void)kill(getpid(), SIGKILL);
}

TEST(stamped_crash, a_claim_that_died_with_its_owner_is_free_again, "R-074 T-018 reliability")
{
    RenoirRegionHandle region = join_region();
    RenoirSpsc consumer = warmed_up(region);
    CHECK_KILLED(peer_run(claimer));
    check_after_death(region, &consumer, 21);
}

// Pops what is there and dies at the point named, in its third pop.
PEER(dying_popper)
{
    RenoirSpsc ring = open_end(join_region(), RENOIR_CONSUMER);
    rnr_fault_arm(peer_arg(0), RNR_FAULT_KILL, 3);
    for (;;) {
        uint8_t element[SIZE];
        REQUIRE_OK(renoir_spsc_try_pop(&ring, element, SIZE));
    }
}

static void a_popper_dies(const char *point, uint64_t next)
{
    RenoirRegionHandle region = join_region();
    RenoirSpsc consumer = warmed_up(region);
    renoir_ring_close(&consumer.end);
    CHECK_KILLED(peer_run(dying_popper, point));
    consumer = open_end(region, RENOIR_CONSUMER);
    for (uint64_t i = next; i < 21; ++i) {
        expect(&consumer, i);
    }
    check_ring(&consumer.end);
    renoir_ring_close(&consumer.end);
    leave_region_and_reap(region);
}

TEST(stamped_crash,
     an_element_whose_reader_died_before_it_gave_it_back_comes_again,
     "R-071 T-006 reliability")
{
    a_popper_dies("stamped.pop.before", 19);
}

TEST(stamped_crash,
     an_element_whose_reader_died_after_it_gave_it_back_is_gone,
     "R-071 T-006 reliability")
{
    a_popper_dies("stamped.pop.after", 20);
}
