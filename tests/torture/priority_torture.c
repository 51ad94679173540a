// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Priority rings between processes and threads, with ends that are killed.

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "ring/ring.h"
#include "unit/ring/fixture.h"

enum { LANES = 3, LENGTH_MAX = 60 };

static RenoirPriorityRing open_ring(const RenoirRingOptions *options, uint32_t role)
{
    RenoirPriorityRing ring;
    if (options->memory != NULL) {
        REQUIRE_OK(renoir_priority_ring_open(NULL, NULL, options, role, &ring));
        return ring;
    }
    RenoirRegionHandle region = join_region();
    REQUIRE_OK(renoir_priority_ring_open(region, "r", options, role, &ring));
    renoir_region_close(region);
    return ring;
}

static RenoirRingOptions options_of(uint32_t flags)
{
    RenoirRingOptions options = record_options(1024, 0);
    options.flags |= flags;
    return options;
}

static void wait_for(RenoirRingEnd *end)
{
    const RenoirErrorCode status = renoir_ring_wait(end, RENOIR_SECONDS(50));
    if (status != RENOIR_SUCCESS) {
        FAIL("a wait ended with %s", renoir_error_name(status));
    }
}

// The tag is the number within the lane; length and bytes follow from it.
static void produce(RenoirPriorityRing *ring, uint32_t next[LANES], uint64_t count)
{
    uint8_t bytes[LENGTH_MAX];
    for (uint64_t i = 0; i < count; ++i) {
        const uint32_t lane = (uint32_t)test_random_below(LANES);
        const uint32_t number = next[lane]++;
        const size_t length = number % (LENGTH_MAX + 1);
        void *room = NULL;
        if (number % 2 == 0) {
            pattern_fill(bytes, length, number * 3 + lane);
            while (renoir_priority_ring_try_push(ring, lane, bytes, length, number) !=
                   RENOIR_SUCCESS) {
                wait_for(&ring->end);
            }
            continue;
        }
        while (renoir_priority_ring_reserve(ring, lane, LENGTH_MAX, &room) != RENOIR_SUCCESS) {
            wait_for(&ring->end);
        }
        pattern_fill((uint8_t *)room, length, number * 3 + lane);
        renoir_priority_ring_commit(ring, length, number);
    }
}

static void take_one(RenoirPriorityRing *ring, uint32_t next[LANES])
{
    uint8_t bytes[LENGTH_MAX];
    size_t length = 0;
    uint32_t lane = LANES;
    uint32_t tag = 0;
    RenoirErrorCode status;
    while ((status = renoir_priority_ring_try_pop(ring, bytes, sizeof bytes, &length, &lane,
                                                  &tag)) == RENOIR_BUFFER_EMPTY) {
        wait_for(&ring->end);
    }
    REQUIRE_OK(status);
    REQUIRE(lane < LANES);
    REQUIRE_EQ_U64(next[lane], tag);
    REQUIRE_EQ_U64(tag % (LENGTH_MAX + 1), length);
    REQUIRE(pattern_holds(bytes, length, (uint32_t)(tag * 3 + lane)));
    next[lane] = tag + 1;
}

typedef struct Part {
    const RenoirRingOptions *options;
    uint64_t count;
} Part;

static void *run_producer(void *argument)
{
    const Part *const part = (const Part *)argument;
    RenoirPriorityRing ring = open_ring(part->options, RENOIR_PRODUCER);
    uint32_t next[LANES] = {0};
    produce(&ring, next, part->count);
    renoir_ring_close(&ring.end);
    return NULL;
}

static void between_threads(uint32_t flags, uint64_t count)
{
    const RenoirRingOptions options = in_memory(RENOIR_RING_PRIORITY, options_of(flags));
    Part part = {&options, count};
    pthread_t running;
    uint32_t next[LANES] = {0};
    RenoirPriorityRing ring = open_ring(&options, RENOIR_CONSUMER);
    REQUIRE(pthread_create(&running, NULL, run_producer, &part) == 0);
    for (uint64_t i = 0; i < count; ++i) {
        RenoirRingStats stats;
        take_one(&ring, next);
        if (i % 16 == 0) { // T-025: never negative, never more than there is room for
            for (unsigned lane = 0; lane < LANES; ++lane) {
                REQUIRE_OK(renoir_ring_stats(&ring.lanes[lane].end, &stats));
                REQUIRE(stats.size <= stats.capacity);
            }
        }
    }
    REQUIRE(pthread_join(running, NULL) == 0);
    CHECK_EQ_U64(count, (uint64_t)next[0] + next[1] + next[2]);
    CHECK_EQ_U64(0, renoir_ring_count(&ring.end));
    renoir_ring_close(&ring.end);
    free(options.memory);
}

TEST_WITHIN(priority_torture,
            records_come_in_order_by_lane,
            "M-005 T-025 concurrent_stress tsan",
            1800)
{
    between_threads(0, test_scaled(1000000));
}

TEST_WITHIN(priority_torture,
            records_come_in_order_by_lane_and_turn,
            "M-007 T-025 concurrent_stress tsan",
            1800)
{
    between_threads(RENOIR_RING_FAIR, test_scaled(1000000));
}

// Goes on where the last one stood: at the lanes' tails, of which it tells nobody.
PEER(mortal_producer)
{
    const RenoirRingOptions options = options_of(0);
    RenoirPriorityRing ring = open_ring(&options, RENOIR_PRODUCER);
    uint32_t next[LANES] = {0};
    (void)peer_say("ready");
    produce(&ring, next, UINT64_MAX);
}

// Producers are killed at any instruction: each one's records are whole and without a gap.
TEST_WITHIN(priority_torture,
            a_killed_producer_leaves_whole_records,
            "M-005 T-005 concurrent_stress",
            1800)
{
    const RenoirRingOptions options = options_of(0);
    RenoirPriorityRing ring = open_ring(&options, RENOIR_CONSUMER);
    for (uint64_t i = 0; i < test_scaled(2000); ++i) {
        const TestPeer producer = peer_start(mortal_producer);
        uint32_t next[LANES] = {0};
        REQUIRE(peer_expect(producer, "ready"));
        for (uint64_t k = test_random_below(3000); k > 0; --k) {
            take_one(&ring, next);
        }
        CHECK_KILLED(peer_kill(producer, SIGKILL));
        while (renoir_ring_wait(&ring.end, RENOIR_NO_WAIT) == RENOIR_SUCCESS) {
            take_one(&ring, next);
        }
        CHECK_STATUS(RENOIR_DISCONNECTED, renoir_ring_wait(&ring.end, RENOIR_WAIT_FOREVER));
    }
    CHECK_OK(rnr_ring_check(ring.end.shared, SIZE_MAX, "r"));
    renoir_ring_close(&ring.end);
    CHECK_OK(renoir_node_reap(NULL, NULL));
}
