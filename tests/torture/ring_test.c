// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Elements between processes, at full speed and asleep.

#include <pthread.h>

#include "platform/park.h"
#include "sync/bell.h"
#include "unit/ring/fixture.h"

static RenoirSpsc open_ring(RenoirRegionHandle region, const char *name, uint32_t role)
{
    RenoirRingOptions options = element_options(8, 8);
    RenoirSpsc ring;
    options.spin_ns = RENOIR_SPIN_NEVER;
    REQUIRE_OK(renoir_spsc_open(region, name, &options, role, &ring));
    return ring;
}

// As renoir_ring_wait, but without slices: a wake-up that is lost is a hang.
static void sleep_until_there_is_one(RenoirSpsc *ring)
{
    RnrRingShm *const shm = shm_of(&ring->end);
    const RnrBell bell = {
        .sleepers = &shm->sleepers, .word = &shm->bells[1], .bit = RNR_RING_CONSUMER_SLEEPS};
    RnrNap nap = {0};
    for (;;) {
        rnr_bell_arm(&bell, &nap);
        if (renoir_ring_wait(&ring->end, RENOIR_NO_WAIT) == RENOIR_SUCCESS) {
            break;
        }
        (void)rnr_park_wait(bell.word, nap.value, UINT64_MAX);
    }
    rnr_bell_disarm(&bell, &nap);
}

static void dawdle(uint64_t most)
{
    for (uint64_t i = test_random_below(most + 1); i > 0; --i) {
        rnr_relax();
    }
}

static void
bounce(RenoirSpsc *to, RenoirSpsc *from, uint64_t rounds, bool is_first, uint64_t pauses)
{
    uint64_t value = 0;
    for (uint64_t i = 0; i < rounds; ++i) {
        if (is_first) {
            REQUIRE_OK(renoir_spsc_try_push(to, &i, sizeof i));
        }
        dawdle(pauses);
        sleep_until_there_is_one(from);
        REQUIRE_OK(renoir_spsc_try_pop(from, &value, sizeof value));
        REQUIRE_EQ_U64(i, value);
        if (!is_first) {
            REQUIRE_OK(renoir_spsc_try_push(to, &value, sizeof value));
        }
    }
}

PEER(bouncer)
{
    RenoirRegionHandle region = join_region();
    RenoirSpsc from = open_ring(region, "there", RENOIR_CONSUMER);
    RenoirSpsc to = open_ring(region, "back", RENOIR_PRODUCER);
    bounce(&to, &from, peer_arg_u64(0), false, 0);
    peer_pause();
    renoir_ring_close(&from.end);
    renoir_ring_close(&to.end);
    renoir_region_close(region);
}

TEST_WITHIN(ring_torture,
            no_wake_is_ever_lost_between_two_that_sleep_each_time,
            "R-072 T-061 concurrent_stress real_time",
            600)
{
    char rounds[32];
    RenoirRegionHandle region = join_region();
    RenoirSpsc to = open_ring(region, "there", RENOIR_PRODUCER);
    RenoirSpsc from = open_ring(region, "back", RENOIR_CONSUMER);
    snprintf(rounds, sizeof rounds, "%llu", (unsigned long long)test_scaled(10000000));
    const TestPeer peer = peer_start(bouncer, rounds);
    bounce(&to, &from, test_scaled(10000000), true, 0);
    peer_send_line(peer, "done");
    CHECK_EXITED(peer, 0);
    renoir_ring_close(&from.end);
    renoir_ring_close(&to.end);
    renoir_region_close(region);
}

// --- the moment of lying down
// ---------------------------------------------------------------------

// Never sleeps, and answers at a random moment within the time that the other one takes to announce
// itself, so that its look at the bit and the other one's look at the index fall together.
PEER(quick_answerer)
{
    RenoirRegionHandle region = join_region();
    RenoirSpsc from = open_ring(region, "there", RENOIR_CONSUMER);
    RenoirSpsc to = open_ring(region, "back", RENOIR_PRODUCER);
    const uint64_t rounds = peer_arg_u64(0);
    for (uint64_t i = 0; i < rounds; ++i) {
        uint64_t value = 0;
        while (renoir_spsc_try_pop(&from, &value, sizeof value) != RENOIR_SUCCESS) {
        }
        dawdle(8);
        REQUIRE_OK(renoir_spsc_try_push(&to, &value, sizeof value));
    }
    peer_pause();
    renoir_ring_close(&from.end);
    renoir_ring_close(&to.end);
    renoir_region_close(region);
}

TEST_WITHIN(ring_torture,
            no_wake_is_lost_at_the_moment_of_lying_down,
            "R-072 T-061 concurrent_stress sync_pattern",
            600)
{
    char rounds[32];
    RenoirRegionHandle region = join_region();
    RenoirSpsc to = open_ring(region, "there", RENOIR_PRODUCER);
    RenoirSpsc from = open_ring(region, "back", RENOIR_CONSUMER);
    snprintf(rounds, sizeof rounds, "%llu", (unsigned long long)test_scaled(5000000));
    const TestPeer peer = peer_start(quick_answerer, rounds);
    bounce(&to, &from, test_scaled(5000000), true, 16);
    peer_send_line(peer, "done");
    CHECK_EXITED(peer, 0);
    renoir_ring_close(&from.end);
    renoir_ring_close(&to.end);
    renoir_region_close(region);
}

// --- at full speed, waiting only where it must
// ----------------------------------------------------

static uint64_t stream_length(void)
{
    return test_scaled(100000000);
}

PEER(streamer)
{
    RenoirRegionHandle region = join_region();
    RenoirRingOptions options = element_options(8, 1024);
    RenoirSpsc ring;
    REQUIRE_OK(renoir_spsc_open(region, "s", &options, RENOIR_PRODUCER, &ring));
    const uint64_t total = peer_arg_u64(0);
    for (uint64_t i = 0; i < total;) {
        uint64_t batch[40];
        size_t count = (size_t)test_random_below(40) + 1;
        count = count < total - i ? count : (size_t)(total - i);
        for (size_t k = 0; k < count; ++k) {
            batch[k] = i + k;
        }
        const RenoirErrorCode status = count == 1
                                           ? renoir_spsc_try_push(&ring, batch, 8)
                                           : renoir_spsc_push_n(&ring, batch, 8, count, &count);
        if (status == RENOIR_BUFFER_FULL) {
            REQUIRE_OK(renoir_ring_wait(&ring.end, RENOIR_WAIT_FOREVER));
            continue;
        }
        REQUIRE_STATUS(RENOIR_SUCCESS, status);
        i += count;
    }
    renoir_ring_close(&ring.end);
    renoir_region_close(region);
}

TEST_WITHIN(ring_torture,
            a_long_stream_of_mixed_batches_arrives_in_order,
            "R-071 R-072 R-073 T-001 T-029 concurrent_stress",
            600)
{
    char total[32];
    RenoirRegionHandle region = join_region();
    RenoirRingOptions options = element_options(8, 1024);
    RenoirSpsc ring;
    snprintf(total, sizeof total, "%llu", (unsigned long long)stream_length());
    REQUIRE_OK(renoir_spsc_open(region, "s", &options, RENOIR_CONSUMER, &ring));
    const TestPeer peer = peer_start(streamer, total);
    uint64_t next = 0;
    RenoirErrorCode status = RENOIR_SUCCESS;
    while (status == RENOIR_SUCCESS) {
        uint64_t batch[64];
        size_t count = 0;
        status = renoir_spsc_pop_n(&ring, batch, 8, (size_t)test_random_below(64) + 1, &count);
        for (size_t k = 0; k < count; ++k) {
            REQUIRE_EQ_U64(next + k, batch[k]);
        }
        next += count;
        if (status == RENOIR_BUFFER_EMPTY) {
            status = renoir_ring_wait(&ring.end, RENOIR_WAIT_FOREVER);
        }
    }
    CHECK_STATUS(RENOIR_DISCONNECTED, status);
    CHECK_EQ_U64(stream_length(), next);
    CHECK_EXITED(peer, 0);
    renoir_ring_close(&ring.end);
    renoir_region_close(region);
}

// --- two threads, for the thread sanitizer -------------------------------------------------------

static void *push_many(void *argument)
{
    SpscPair *const pair = argument;
    const uint64_t total = test_scaled(10000000);
    for (uint64_t i = 0; i < total;) {
        if (renoir_spsc_try_push(&pair->producer, &i, sizeof i) == RENOIR_SUCCESS) {
            ++i;
        } else if (renoir_ring_wait(&pair->producer.end, RENOIR_WAIT_FOREVER) != RENOIR_SUCCESS) {
            break;
        }
    }
    return NULL;
}

TEST(ring_torture, two_threads_race_for_nothing, "R-071 R-072 T-029 concurrent_stress tsan")
{
    SpscPair pair;
    pthread_t thread;
    spsc_pair_open(&pair, 8, 16);
    REQUIRE(pthread_create(&thread, NULL, push_many, &pair) == 0);
    for (uint64_t i = 0; i < test_scaled(10000000); ++i) {
        uint64_t value = 0;
        REQUIRE_OK(renoir_ring_wait(&pair.consumer.end, RENOIR_WAIT_FOREVER));
        REQUIRE_OK(renoir_spsc_try_pop(&pair.consumer, &value, sizeof value));
        REQUIRE_EQ_U64(i, value);
    }
    REQUIRE(pthread_join(thread, NULL) == 0);
    spsc_pair_close(&pair);
}
