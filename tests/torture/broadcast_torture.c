// SPDX-License-Identifier: MIT OR Apache-2.0
//
// A producer at full speed, consumers that dawdle: every element whole, and received + lost =
// written, also while producers are killed at random moments.

#include <pthread.h>
#include <signal.h>

#include "renoir/detail/atomic.h"
#include "unit/ring/fixture.h"

enum { SIZE = 200, LITTLE = 64 };

static RenoirBroadcast open_end(RenoirRegionHandle region, uint32_t role, uint64_t capacity)
{
    RenoirRingOptions options = element_options(SIZE, capacity);
    RenoirBroadcast ring;
    REQUIRE_OK(renoir_broadcast_open(region, "b", &options, role, &ring));
    return ring;
}

// Words that follow from the number: quick to write, and wrong wherever two elements mix.
static void fill(uint64_t words[SIZE / 8], uint64_t number)
{
    for (uint64_t i = 0; i < SIZE / 8; ++i) {
        words[i] = (number + i) * 0x9e3779b97f4a7c15u;
    }
}

static void check(const uint64_t words[SIZE / 8], uint64_t number)
{
    uint64_t expected[SIZE / 8];
    fill(expected, number);
    REQUIRE(memcmp(expected, words, SIZE) == 0);
}

static void dawdle(uint64_t most)
{
    for (uint64_t i = test_random_below(most + 1); i > 0; --i) {
        rnr_relax();
    }
}

// Hears until `total` were written; now and then for a while nothing.
typedef struct Hearing {
    uint64_t next;
    uint64_t received;
    uint64_t lost;
    uint64_t laps; // how often something was lost
} Hearing;

static void take_some(RenoirBroadcast *ring, Hearing *hearing)
{
    uint64_t elements[4][SIZE / 8];
    const void *element = NULL;
    uint64_t lost = 0;
    size_t count = 1;
    RenoirErrorCode status;
    const uint64_t how = test_random_below(3);

    if (how == 0) {
        status = renoir_broadcast_try_pop(ring, elements[0], SIZE, &lost);
    } else if (how == 1) {
        status = renoir_broadcast_pop_n(ring, elements, SIZE, 4, &count, &lost);
    } else {
        status = renoir_broadcast_peek(ring, &element, &lost);
        if (status == RENOIR_SUCCESS) {
            rnr_copy(elements[0], element, SIZE);
            status = renoir_broadcast_consume(ring);
            count = status == RENOIR_SUCCESS ? 1 : 0;
            status = RENOIR_SUCCESS;
        }
    }
    if (status == RENOIR_BUFFER_EMPTY) {
        return;
    }
    REQUIRE_STATUS(RENOIR_SUCCESS, status);
    hearing->next += lost;
    hearing->lost += lost;
    hearing->laps += lost > 0 ? 1 : 0;
    for (size_t i = 0; i < count; ++i) {
        check(elements[i], hearing->next++);
    }
    hearing->received += count;
}

static void check_latest(RenoirBroadcast *ring, const Hearing *hearing)
{
    uint64_t element[SIZE / 8];
    uint64_t sequence = 0;
    if (renoir_broadcast_read_latest(ring, element, SIZE, &sequence) == RENOIR_SUCCESS) {
        REQUIRE(sequence >= hearing->next);
        check(element, sequence - 1);
    }
}

static void hear(RenoirBroadcast *ring, uint64_t total, Hearing *hearing)
{
    while (hearing->next < total) {
        take_some(ring, hearing);
        if (test_random_below(64) == 0) {
            check_latest(ring, hearing);
        }
        if (test_random_below(4096) == 0) {
            dawdle(1000);
        }
    }
    REQUIRE_EQ_U64(total, hearing->received + hearing->lost);
}

// --- full speed ----------------------------------------------------------------------------------

static uint64_t stream_length(void)
{
    return test_scaled(100000000);
}

PEER(torturer)
{
    RenoirRegionHandle region = join_region();
    RenoirBroadcast ring = open_end(region, RENOIR_PRODUCER, peer_arg_u64(0));
    const uint64_t total = peer_arg_u64(1);
    uint64_t batch[3][SIZE / 8];
    char line[16];
    REQUIRE(peer_hear(line, sizeof line));
    for (uint64_t i = 0; i < total;) {
        if (i % 4096 < 2048) { // half of it at a pace at which consumers keep up for a while
            dawdle(20);
        }
        if (i % 7 == 0 && i + 3 <= total) {
            fill(batch[0], i);
            fill(batch[1], i + 1);
            fill(batch[2], i + 2);
            renoir_broadcast_push_n(&ring, batch, SIZE, 3);
            i += 3;
        } else if (i % 7 == 4) {
            fill(renoir_broadcast_claim(&ring), i);
            renoir_broadcast_publish(&ring);
            ++i;
        } else {
            fill(batch[0], i);
            renoir_broadcast_push(&ring, batch[0], SIZE);
            ++i;
        }
    }
    renoir_ring_close(&ring.end);
    renoir_region_close(region);
}

PEER(hearer)
{
    Hearing hearing = {0};
    RenoirRegionHandle region = join_region();
    RenoirBroadcast ring = open_end(region, RENOIR_CONSUMER, peer_arg_u64(0));
    peer_say("ready");
    hear(&ring, peer_arg_u64(1), &hearing);
    renoir_ring_close(&ring.end);
    renoir_region_close(region);
}

static void torture(uint64_t capacity)
{
    char as_text[2][32];
    Hearing hearing = {0};
    RenoirRegionHandle region = join_region();
    RenoirBroadcast ring = open_end(region, RENOIR_CONSUMER, capacity);
    snprintf(as_text[0], sizeof as_text[0], "%llu", (unsigned long long)capacity);
    snprintf(as_text[1], sizeof as_text[1], "%llu", (unsigned long long)stream_length());
    const TestPeer other = peer_start(hearer, as_text[0], as_text[1]);
    const TestPeer source = peer_start(torturer, as_text[0], as_text[1]);
    REQUIRE(peer_expect(other, "ready"));
    peer_send_line(source, "go");
    hear(&ring, stream_length(), &hearing);
    CHECK(hearing.received > 0);
    CHECK_EXITED(source, 0);
    CHECK_EXITED(other, 0);
    renoir_ring_close(&ring.end);
    renoir_region_close(region);
}

TEST_WITHIN(broadcast_torture,
            a_lapped_consumer_of_two_slots_counts_exactly_and_reads_nothing_torn,
            "R-115 R-116 T-028 concurrent_stress",
            600)
{
    torture(2);
}

TEST_WITHIN(broadcast_torture,
            so_does_one_of_a_longer_ring,
            "R-115 R-116 T-028 concurrent_stress",
            600)
{
    torture(256);
}

// --- producers that die --------------------------------------------------------------------------

// Goes on where the last one stood, until it is killed.
PEER(mortal)
{
    RenoirBroadcast ring = open_end(join_region(), RENOIR_PRODUCER, LITTLE);
    uint64_t element[SIZE / 8];
    peer_say("ready");
    for (;;) {
        if (test_random_below(2) == 0) {
            fill(renoir_broadcast_claim(&ring), ring.end.position);
            renoir_broadcast_publish(&ring);
        } else {
            fill(element, ring.end.position);
            renoir_broadcast_push(&ring, element, SIZE);
        }
    }
}

TEST_WITHIN(broadcast_torture,
            producers_killed_at_random_lose_and_double_nothing_that_was_whole,
            "R-115 R-116 T-005 T-028 reliability concurrent_stress",
            600)
{
    Hearing hearing = {0};
    RenoirRegionHandle region = join_region();
    RenoirBroadcast ring = open_end(region, RENOIR_CONSUMER, LITTLE);
    const uint64_t deaths = test_scaled(10000);
    for (uint64_t i = 0; i < deaths; ++i) {
        const TestPeer peer = peer_start(mortal);
        REQUIRE(peer_expect(peer, "ready"));
        const uint64_t until = test_now_ns() + test_random_below(300000);
        while (test_now_ns() < until) {
            take_some(&ring, &hearing);
            check_latest(&ring, &hearing);
        }
        CHECK_KILLED(peer_kill(peer, SIGKILL));
    }
    while (renoir_ring_wait(&ring.end, RENOIR_NO_WAIT) == RENOIR_SUCCESS) {
        take_some(&ring, &hearing);
    }
    REQUIRE_EQ_U64(hearing.next, hearing.received + hearing.lost);
    RenoirBroadcast producer = open_end(region, RENOIR_PRODUCER, LITTLE);
    CHECK_EQ_U64(hearing.next, producer.end.position);
    CHECK(hearing.received > 0);
    renoir_ring_close(&producer.end);
    renoir_ring_close(&ring.end);
    leave_region_and_reap(region);
}

// --- threads, for the thread sanitizer -----------------------------------------------------------

static void *write_many(void *argument)
{
    RenoirBroadcast *const ring = argument;
    uint64_t element[SIZE / 8];
    for (uint64_t i = 0; i < test_scaled(5000000); ++i) {
        fill(element, i);
        renoir_broadcast_push(ring, element, SIZE);
    }
    return NULL;
}

TEST(broadcast_torture, threads_race_for_nothing, "R-115 T-028 T-029 concurrent_stress tsan")
{
    RenoirRingOptions options = in_memory(RENOIR_RING_BROADCAST, element_options(SIZE, LITTLE));
    RenoirBroadcast producer;
    RenoirBroadcast consumer;
    Hearing hearing = {0};
    pthread_t thread;
    REQUIRE_OK(renoir_broadcast_open(NULL, NULL, &options, RENOIR_PRODUCER, &producer));
    REQUIRE_OK(renoir_broadcast_open(NULL, NULL, &options, RENOIR_CONSUMER, &consumer));
    REQUIRE(pthread_create(&thread, NULL, write_many, &producer) == 0);
    hear(&consumer, test_scaled(5000000), &hearing);
    REQUIRE(pthread_join(thread, NULL) == 0);
    renoir_ring_close(&producer.end);
    renoir_ring_close(&consumer.end);
    free(options.memory);
}
