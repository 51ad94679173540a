// SPDX-License-Identifier: MIT OR Apache-2.0

#include <sys/wait.h>
#include <unistd.h>

#include "unit/ring/fixture.h"

static RenoirRingBufferHandle queue_in(RenoirRegionHandle region, size_t capacity, size_t size)
{
    RenoirRingbufferOptions options = renoir_ringbuffer_options_default();
    RenoirRingBufferHandle ring = NULL;
    options.region = region;
    options.name = region == NULL ? NULL : "q";
    REQUIRE_OK(renoir_ringbuffer_create_with(capacity, size, &options, &ring));
    return ring;
}

TEST(ringbuffer, a_queue_in_this_process_moves_elements_in_order, "R-071 R-075 R-076 topic_ring")
{
    RenoirRingBufferHandle ring = NULL;
    RenoirProducerHandle producer = NULL;
    RenoirConsumerHandle consumer = NULL;
    RenoirRingStats stats;
    size_t capacity = 0;
    size_t length = 0;
    bool is_empty = false;
    bool is_full = false;
    REQUIRE_OK(renoir_ringbuffer_create(1024, 8, &ring));
    REQUIRE_OK(renoir_ringbuffer_producer(ring, &producer));
    REQUIRE_OK(renoir_ringbuffer_consumer(ring, &consumer));

    CHECK_OK(renoir_ringbuffer_info(ring, &capacity, &length, &is_empty, &is_full));
    CHECK(capacity == 1024 && length == 0 && is_empty && !is_full);
    for (uint64_t i = 0; i < 1024; ++i) {
        REQUIRE_OK(renoir_producer_try_push(producer, &i, sizeof i));
    }
    uint64_t value = 0;
    CHECK_STATUS(RENOIR_BUFFER_FULL, renoir_producer_try_push(producer, &value, sizeof value));
    CHECK_OK(renoir_ringbuffer_info(ring, NULL, &length, &is_empty, &is_full));
    CHECK(length == 1024 && !is_empty && is_full);
    for (uint64_t i = 0; i < 1024; ++i) {
        REQUIRE_OK(renoir_consumer_pop(consumer, &value, sizeof value));
        CHECK_EQ_U64(i, value);
    }
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, renoir_consumer_try_pop(consumer, &value, sizeof value));
    CHECK_OK(renoir_ringbuffer_stats(ring, &stats));
    CHECK(stats.writes == 1024 && stats.reads == 1024 && stats.size == 0 && stats.overwrites == 0);
    CHECK_OK(renoir_ringbuffer_destroy(ring)); // and with it its producer and consumer
}

TEST(ringbuffer, bad_arguments_and_stale_handles_are_refused, "R-071 T-026 ffi")
{
    RenoirRingBufferHandle ring = NULL;
    RenoirProducerHandle producer = NULL;
    RenoirProducerHandle second = NULL;
    RenoirRingBufferHandle none = (RenoirRingBufferHandle)&producer;
    uint64_t value = 0;
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_ringbuffer_create(1000, 8, &none));
    CHECK(none == NULL);
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_ringbuffer_create(0, 8, &none));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_ringbuffer_create(16, 0, &none));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_ringbuffer_create(16, SIZE_MAX, &none));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_ringbuffer_create(16, 8, NULL));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_ringbuffer_producer(NULL, &producer));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_producer_push(NULL, &value, 8));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_consumer_pop(NULL, &value, 8));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_ringbuffer_reset(NULL));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_ringbuffer_info(NULL, NULL, NULL, NULL, NULL));
    CHECK_OK(renoir_ringbuffer_destroy(NULL));
    renoir_ringbuffer_close(NULL);
    renoir_producer_close(NULL);
    renoir_consumer_close(NULL);

    REQUIRE_OK(renoir_ringbuffer_create(16, 8, &ring));
    REQUIRE_OK(renoir_ringbuffer_producer(ring, &producer));
    CHECK_STATUS(RENOIR_LIMIT_REACHED, renoir_ringbuffer_producer(ring, &second));
    CHECK(second == NULL);
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_producer_push(producer, &value, 4));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_producer_push(producer, NULL, 8));
    // A handle of another kind is told apart by the word it begins with.
    CHECK_STATUS(RENOIR_INVALID_PARAMETER,
                 renoir_consumer_try_pop((RenoirConsumerHandle)(void *)producer, &value, 8));
    renoir_producer_close(producer);
    REQUIRE_OK(renoir_ringbuffer_producer(ring, &producer));
    renoir_ringbuffer_close(ring);
}

TEST(ringbuffer, options_without_both_region_and_name_are_refused, "R-071 ffi")
{
    RenoirRegionHandle region = join_region();
    RenoirRingbufferOptions options = renoir_ringbuffer_options_default();
    RenoirRingBufferHandle ring = NULL;
    options.name = "q";
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_ringbuffer_create_with(16, 8, &options, &ring));
    options.name = NULL;
    options.region = region;
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_ringbuffer_create_with(16, 8, &options, &ring));
    options.name = "q";
    options.flags = 1;
    CHECK_STATUS(RENOIR_UNSUPPORTED, renoir_ringbuffer_create_with(16, 8, &options, &ring));
    CHECK_STATUS(RENOIR_NOT_FOUND, renoir_ringbuffer_open(region, "q", &ring));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_ringbuffer_open(NULL, "q", &ring));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_ringbuffer_open(region, NULL, &ring));
    renoir_region_close(region);
}

PEER(queue_reader)
{
    RenoirRegionHandle region = join_region();
    RenoirRingBufferHandle ring = NULL;
    RenoirConsumerHandle consumer = NULL;
    REQUIRE_OK(renoir_ringbuffer_open(region, "q", &ring));
    REQUIRE_OK(renoir_ringbuffer_consumer(ring, &consumer));
    const uint64_t count = peer_arg_u64(0);
    for (uint64_t i = 0; i < count; ++i) {
        uint64_t value = 0;
        REQUIRE_OK(renoir_consumer_pop(consumer, &value, sizeof value));
        REQUIRE_EQ_U64(i, value);
    }
    uint64_t value;
    CHECK_STATUS(RENOIR_DISCONNECTED, renoir_consumer_pop(consumer, &value, sizeof value));
    renoir_ringbuffer_close(ring);
    renoir_region_close(region);
}

TEST(ringbuffer,
     waiting_calls_move_everything_between_two_processes,
     "R-071 R-072 R-082 T-001 communication")
{
    RenoirRegionHandle region = join_region();
    RenoirRingBufferHandle ring = queue_in(region, 16, 8);
    RenoirProducerHandle producer = NULL;
    char count[32];
    const uint64_t total = test_scaled(1000000);
    snprintf(count, sizeof count, "%llu", (unsigned long long)total);
    REQUIRE_OK(renoir_ringbuffer_producer(ring, &producer));
    const TestPeer peer = peer_start(queue_reader, count);
    for (uint64_t i = 0; i < total; ++i) {
        REQUIRE_OK(renoir_producer_push(producer, &i, sizeof i));
    }
    renoir_producer_close(producer);
    CHECK_EXITED(peer, 0);
    CHECK_OK(renoir_ringbuffer_destroy(ring));
    renoir_region_close(region);
}

TEST(ringbuffer, a_wait_for_room_or_an_element_times_out, "R-072 real_time")
{
    RenoirRingBufferHandle ring = queue_in(NULL, 2, 8);
    RenoirProducerHandle producer = NULL;
    RenoirConsumerHandle consumer = NULL;
    uint64_t value = 1;
    REQUIRE_OK(renoir_ringbuffer_producer(ring, &producer));
    REQUIRE_OK(renoir_ringbuffer_consumer(ring, &consumer));
    const uint64_t begin = test_now_ns();
    CHECK_STATUS(RENOIR_TIMEOUT,
                 renoir_consumer_pop_wait(consumer, &value, 8, RENOIR_MILLISECONDS(20)));
    CHECK(test_now_ns() - begin >= RENOIR_MILLISECONDS(20));
    CHECK_STATUS(RENOIR_BUFFER_EMPTY,
                 renoir_consumer_pop_wait(consumer, &value, 8, RENOIR_NO_WAIT));
    CHECK_OK(renoir_producer_push(producer, &value, 8));
    CHECK_OK(renoir_producer_push(producer, &value, 8));
    CHECK_STATUS(RENOIR_TIMEOUT,
                 renoir_producer_push_wait(producer, &value, 8, RENOIR_MILLISECONDS(5)));
    CHECK_STATUS(RENOIR_BUFFER_FULL,
                 renoir_producer_push_wait(producer, &value, 8, RENOIR_NO_WAIT));
    renoir_consumer_close(consumer);
    CHECK_STATUS(RENOIR_DISCONNECTED, renoir_producer_push(producer, &value, 8));
    renoir_ringbuffer_close(ring);
}

TEST(ringbuffer, reset_empties_a_queue_that_nobody_uses_and_only_that, "R-075 T-025 topic_ring")
{
    RenoirRegionHandle region = join_region();
    RenoirRingBufferHandle ring = queue_in(region, 16, 8);
    RenoirProducerHandle producer = NULL;
    RenoirConsumerHandle consumer = NULL;
    RenoirRingStats stats;
    uint64_t value = 1;
    REQUIRE_OK(renoir_ringbuffer_producer(ring, &producer));
    REQUIRE_OK(renoir_producer_push(producer, &value, 8));
    CHECK_STATUS(RENOIR_INVALID_STATE, renoir_ringbuffer_reset(ring));
    CHECK_STR_CONTAINS("producer", renoir_last_error_message());
    renoir_producer_close(producer);
    REQUIRE_OK(renoir_ringbuffer_consumer(ring, &consumer));
    CHECK_STATUS(RENOIR_INVALID_STATE, renoir_ringbuffer_reset(ring));
    CHECK_STR_CONTAINS("consumer", renoir_last_error_message());
    renoir_consumer_close(consumer);

    CHECK_OK(renoir_ringbuffer_reset(ring));
    CHECK_OK(renoir_ringbuffer_stats(ring, &stats));
    CHECK_EQ_U64(0, stats.size);
    REQUIRE_OK(renoir_ringbuffer_consumer(ring, &consumer));
    // As in a new queue, the other end is waited for.
    CHECK_STATUS(RENOIR_TIMEOUT,
                 renoir_consumer_pop_wait(consumer, &value, 8, RENOIR_MILLISECONDS(5)));
    CHECK_OK(renoir_ringbuffer_destroy(ring));
    renoir_region_close(region);
}

PEER(queue_holder)
{
    RenoirRegionHandle region = join_region();
    RenoirRingBufferHandle ring = NULL;
    REQUIRE_OK(renoir_ringbuffer_open(region, "q", &ring));
    peer_say("ready");
    peer_pause();
    renoir_ringbuffer_close(ring);
    renoir_region_close(region);
}

TEST(ringbuffer, destroy_is_refused_while_another_process_has_it_open, "R-071 T-032 reliability")
{
    RenoirRegionHandle region = join_region();
    RenoirRingBufferHandle ring = queue_in(region, 16, 8);
    const TestPeer peer = peer_start(queue_holder);
    REQUIRE(peer_expect(peer, "ready"));
    CHECK_STATUS(RENOIR_INVALID_STATE, renoir_ringbuffer_destroy(ring));
    CHECK_KILLED(peer_kill(peer, SIGKILL));
    REQUIRE_OK(renoir_ringbuffer_open(region, "q", &ring));
    CHECK_OK(renoir_ringbuffer_destroy(ring));
    CHECK_STATUS(RENOIR_NOT_FOUND, renoir_ringbuffer_open(region, "q", &ring));
    leave_region_and_reap(region);
}

TEST(ringbuffer, handles_do_not_work_in_a_forked_child, "R-071 ffi reliability")
{
    RenoirRingBufferHandle ring = queue_in(NULL, 16, 8);
    RenoirProducerHandle producer = NULL;
    uint64_t value = 1;
    int status = 0;
    REQUIRE_OK(renoir_ringbuffer_producer(ring, &producer));
    const pid_t child = fork();
    if (child == 0) {
        int wrong = 0;
        RenoirConsumerHandle consumer;
        wrong += renoir_producer_push(producer, &value, 8) != RENOIR_INVALID_STATE;
        wrong += renoir_ringbuffer_consumer(ring, &consumer) != RENOIR_INVALID_STATE;
        wrong += renoir_ringbuffer_reset(ring) != RENOIR_INVALID_STATE;
        renoir_ringbuffer_close(ring);
        _exit(wrong);
    }
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK_EQ_I64(0, status);
    CHECK_OK(renoir_producer_push(producer, &value, 8));
    renoir_ringbuffer_close(ring);
}
