// SPDX-License-Identifier: MIT OR Apache-2.0

#include "ring/priority.h"
#include "ring/ring.h"
#include "unit/ring/fixture.h"

enum { LANES = RNR_PRIORITY_LANES, LENGTH = 24 };

typedef struct PriorityPair {
    RenoirPriorityRing producer;
    RenoirPriorityRing consumer;
    RenoirRingOptions options;
} PriorityPair;

static RenoirErrorCode last_status(void)
{
    RenoirErrorInfo info;
    renoir_last_error(&info);
    return info.code;
}

static void pair_open(PriorityPair *pair, uint64_t capacity, uint32_t flags)
{
    RenoirRingOptions options = record_options(capacity, 0);
    options.flags |= flags;
    pair->options = in_memory(RENOIR_RING_PRIORITY, options);
    REQUIRE_OK(
        renoir_priority_ring_open(NULL, NULL, &pair->options, RENOIR_PRODUCER, &pair->producer));
    REQUIRE_OK(
        renoir_priority_ring_open(NULL, NULL, &pair->options, RENOIR_CONSUMER, &pair->consumer));
}

static void pair_close(PriorityPair *pair)
{
    CHECK_OK(rnr_ring_check(pair->options.memory, pair->options.memory_size, "r"));
    renoir_ring_close(&pair->producer.end);
    renoir_ring_close(&pair->consumer.end);
    free(pair->options.memory);
}

static RenoirErrorCode push(PriorityPair *pair, uint32_t priority, uint32_t number)
{
    uint8_t bytes[LENGTH];
    pattern_fill(bytes, sizeof bytes, number);
    return renoir_priority_ring_try_push(&pair->producer, priority, bytes, sizeof bytes, number);
}

static void expect(PriorityPair *pair, uint32_t priority, uint32_t number)
{
    uint8_t bytes[LENGTH];
    size_t length = 0;
    uint32_t lane = 77;
    uint32_t tag = 0;
    REQUIRE_OK(
        renoir_priority_ring_try_pop(&pair->consumer, bytes, sizeof bytes, &length, &lane, &tag));
    CHECK_EQ_U64(LENGTH, length);
    CHECK_EQ_U64(priority, lane);
    CHECK_EQ_U64(number, tag);
    CHECK(pattern_holds(bytes, sizeof bytes, number));
}

static RenoirErrorCode try_pop(PriorityPair *pair)
{
    uint8_t bytes[LENGTH];
    size_t length;
    return renoir_priority_ring_try_pop(&pair->consumer, bytes, sizeof bytes, &length, NULL, NULL);
}

// --- shape ---------------------------------------------------------------------------------------

static void check_split(uint64_t capacity, uint64_t critical, uint64_t high, uint64_t low)
{
    uint64_t lanes[LANES];
    rnr_priority_split(capacity, renoir_priority_shares(20, 50, 30), lanes);
    CHECK_EQ_U64(critical, lanes[RENOIR_PRIORITY_CRITICAL]);
    CHECK_EQ_U64(high, lanes[RENOIR_PRIORITY_HIGH]);
    CHECK_EQ_U64(low, lanes[RENOIR_PRIORITY_LOW]);
}

TEST(priority, the_lanes_share_20_50_and_30_per_cent, "M-003 M-004 M-005")
{
    check_split(100, 20, 50, 30);
    check_split(256, 52, 128, 76);
    check_split(512, 103, 256, 153);
    check_split(3, 1, 2, 0);
    check_split(UINT64_C(1) << 40, 219902325556, 549755813888, 329853488332);
    for (uint64_t capacity = 1; capacity < 2000; ++capacity) {
        uint64_t lanes[LANES];
        rnr_priority_split(capacity, renoir_priority_shares(20, 50, 30), lanes);
        CHECK_EQ_U64(capacity, lanes[0] + lanes[1] + lanes[2]);
        CHECK(lanes[0] * 100 >= capacity * 20 && lanes[1] * 100 >= capacity * 50);
    }
}

TEST(priority, the_lanes_may_share_otherwise, "M-008 M-005")
{
    RenoirRingOptions options = record_options(4096, 16);
    RenoirPriorityRing ring;
    RenoirRingStats stats;
    options.lane_shares = renoir_priority_shares(60, 39, 1);
    options = in_memory(RENOIR_RING_PRIORITY, options);
    REQUIRE_OK(renoir_priority_ring_open(NULL, NULL, &options, RENOIR_PRODUCER, &ring));
    static const uint64_t capacities[LANES] = {4096, 2048, 64}; // 2458, 1598, 40
    for (unsigned i = 0; i < LANES; ++i) {
        REQUIRE_OK(renoir_ring_stats(&ring.lanes[i].end, &stats));
        CHECK_EQ_U64(capacities[i], stats.capacity);
    }
    renoir_ring_close(&ring.end);
    options.lane_shares = 0;
    CHECK_STATUS(RENOIR_EXISTS,
                 renoir_priority_ring_open(NULL, NULL, &options, RENOIR_CONSUMER, &ring));
    CHECK_STR_CONTAINS("lane_shares", renoir_last_error_message());
    free(options.memory);
}

TEST(priority, shares_that_are_none_are_refused, "M-008 T-026 ffi")
{
    static const uint32_t wrong[][3] = {{50, 50, 0}, {50, 50, 1}, {33, 33, 33}, {100, 0, 0}};
    RenoirRingOptions options = record_options(4096, 0);

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; ++i) {
        options.lane_shares = renoir_priority_shares(wrong[i][0], wrong[i][1], wrong[i][2]);
        CHECK_EQ_U64(0, renoir_ring_size(RENOIR_RING_PRIORITY, &options));
        CHECK_STR_CONTAINS("100 in all", renoir_last_error_message());
    }
}

TEST(priority, each_lane_is_rounded_up_and_counted_by_itself, "M-005 M-006 T-025")
{
    PriorityPair pair;
    RenoirRingStats stats;
    pair_open(&pair, 4096, 0);
    static const uint64_t capacities[LANES] = {1024, 2048, 2048}; // 820, 2048, 1228
    for (unsigned i = 0; i < LANES; ++i) {
        REQUIRE_OK(renoir_ring_stats(&pair.producer.lanes[i].end, &stats));
        CHECK_EQ_U64(capacities[i], stats.capacity);
        CHECK_EQ_U64(0, stats.size);
    }
    REQUIRE_OK(push(&pair, RENOIR_PRIORITY_LOW, 1));
    REQUIRE_OK(push(&pair, RENOIR_PRIORITY_LOW, 2));
    REQUIRE_OK(push(&pair, RENOIR_PRIORITY_CRITICAL, 3));
    REQUIRE_OK(renoir_ring_stats(&pair.consumer.lanes[RENOIR_PRIORITY_LOW].end, &stats));
    CHECK_EQ_U64(2 * (8 + LENGTH), stats.size);
    REQUIRE_OK(renoir_ring_stats(&pair.consumer.lanes[RENOIR_PRIORITY_HIGH].end, &stats));
    CHECK_EQ_U64(0, stats.size);
    REQUIRE_OK(renoir_ring_stats(&pair.consumer.end, &stats));
    CHECK_EQ_U64(5120, stats.capacity);
    CHECK_EQ_U64(3 * (8 + LENGTH), stats.size);
    CHECK_EQ_U64(stats.size, stats.writes);
    CHECK_EQ_U64(stats.size, renoir_ring_count(&pair.producer.end));
    expect(&pair, RENOIR_PRIORITY_CRITICAL, 3);
    CHECK_EQ_U64(2 * (8 + LENGTH), renoir_ring_count(&pair.producer.end));
    CHECK_EQ_U64(256, pair.producer.end.max_record); // a quarter of the smallest lane
    pair_close(&pair);
}

TEST(priority, impossible_capacities_and_records_are_refused, "M-005 T-026 T-080")
{
    static const uint64_t impossible[] = {0, 3, 256, 513, 1000, UINT64_C(1) << 41};
    for (unsigned i = 0; i < sizeof impossible / sizeof impossible[0]; ++i) {
        const RenoirRingOptions options = record_options(impossible[i], 0);
        CHECK_EQ_U64(0, renoir_ring_size(RENOIR_RING_PRIORITY, &options));
        CHECK_STATUS(RENOIR_INVALID_PARAMETER, last_status());
    }
    RenoirRingOptions options = record_options(512, 65); // the smallest lane has 128
    CHECK_EQ_U64(0, renoir_ring_size(RENOIR_RING_PRIORITY, &options));
    CHECK_STR_CONTAINS("at most 64", renoir_last_error_message());
    options.max_record = 64;
    CHECK(renoir_ring_size(RENOIR_RING_PRIORITY, &options) != 0);
    options.flags |= RENOIR_RING_MULTI_PRODUCER;
    CHECK_EQ_U64(0, renoir_ring_size(RENOIR_RING_PRIORITY, &options));
    CHECK_STATUS(RENOIR_UNSUPPORTED, last_status());
}

// --- order ---------------------------------------------------------------------------------------

TEST(priority, the_most_urgent_comes_first_and_in_order_within_a_lane, "M-003 M-005 M-007")
{
    PriorityPair pair;
    pair_open(&pair, 4096, 0);
    for (uint32_t i = 0; i < 10; ++i) {
        for (uint32_t lane = LANES; lane-- > 0;) {
            REQUIRE_OK(push(&pair, lane, lane * 100 + i));
        }
    }
    for (uint32_t lane = 0; lane < LANES; ++lane) {
        for (uint32_t i = 0; i < 10; ++i) {
            expect(&pair, lane, lane * 100 + i);
        }
    }
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, try_pop(&pair));
    REQUIRE_OK(push(&pair, RENOIR_PRIORITY_LOW, 1));
    REQUIRE_OK(push(&pair, RENOIR_PRIORITY_LOW, 2));
    expect(&pair, RENOIR_PRIORITY_LOW, 1);
    REQUIRE_OK(push(&pair, RENOIR_PRIORITY_CRITICAL, 3));
    expect(&pair, RENOIR_PRIORITY_CRITICAL, 3); // came later, goes first
    expect(&pair, RENOIR_PRIORITY_LOW, 2);
    pair_close(&pair);
}

TEST(priority, a_full_lane_does_not_block_another, "M-005")
{
    PriorityPair pair;
    pair_open(&pair, 512, 0); // lanes of 128, 256 and 256 bytes; a record takes 32
    for (uint32_t i = 0; i < 4; ++i) {
        REQUIRE_OK(push(&pair, RENOIR_PRIORITY_CRITICAL, i));
    }
    CHECK_STATUS(RENOIR_BUFFER_FULL, push(&pair, RENOIR_PRIORITY_CRITICAL, 4));
    for (uint32_t i = 0; i < 8; ++i) {
        REQUIRE_OK(push(&pair, RENOIR_PRIORITY_HIGH, 100 + i));
        REQUIRE_OK(push(&pair, RENOIR_PRIORITY_LOW, 200 + i));
    }
    CHECK_STATUS(RENOIR_BUFFER_FULL, push(&pair, RENOIR_PRIORITY_HIGH, 108));
    CHECK_STATUS(RENOIR_BUFFER_FULL, push(&pair, RENOIR_PRIORITY_LOW, 208));
    // A wait is for the lane that refused last.
    CHECK_STATUS(RENOIR_BUFFER_FULL, renoir_ring_wait(&pair.producer.end, RENOIR_NO_WAIT));
    expect(&pair, RENOIR_PRIORITY_CRITICAL, 0);
    CHECK_STATUS(RENOIR_BUFFER_FULL, renoir_ring_wait(&pair.producer.end, RENOIR_NO_WAIT));
    CHECK_STATUS(RENOIR_BUFFER_FULL, push(&pair, RENOIR_PRIORITY_HIGH, 108));
    CHECK_OK(push(&pair, RENOIR_PRIORITY_CRITICAL, 4));
    for (uint32_t i = 1; i < 5; ++i) {
        expect(&pair, RENOIR_PRIORITY_CRITICAL, i);
    }
    CHECK_STATUS(RENOIR_BUFFER_FULL, push(&pair, RENOIR_PRIORITY_HIGH, 108));
    CHECK_STATUS(RENOIR_BUFFER_FULL, renoir_ring_wait(&pair.producer.end, RENOIR_NO_WAIT));
    expect(&pair, RENOIR_PRIORITY_HIGH, 100);
    CHECK_STATUS(RENOIR_SUCCESS, renoir_ring_wait(&pair.producer.end, RENOIR_NO_WAIT));
    CHECK_OK(push(&pair, RENOIR_PRIORITY_HIGH, 108));
    pair_close(&pair);
}

TEST(priority, by_turns_each_lane_gets_its_share_of_a_hundred, "M-007 T-026")
{
    PriorityPair pair;
    unsigned taken[LANES] = {0};
    pair_open(&pair, 8192, RENOIR_RING_FAIR);
    for (unsigned i = 0; i < 1000; ++i) {
        uint8_t bytes[LENGTH];
        size_t length;
        uint32_t lane = 0;
        for (uint32_t k = 0; k < LANES; ++k) { // endless traffic of all kinds
            while (push(&pair, k, k) == RENOIR_SUCCESS) {
            }
        }
        REQUIRE_OK(renoir_priority_ring_try_pop(&pair.consumer, bytes, sizeof bytes, &length, &lane,
                                                NULL));
        ++taken[lane];
        if (i % 100 == 99) {
            CHECK_EQ_U64(20, taken[RENOIR_PRIORITY_CRITICAL]);
            CHECK_EQ_U64(50, taken[RENOIR_PRIORITY_HIGH]);
            CHECK_EQ_U64(30, taken[RENOIR_PRIORITY_LOW]);
            memset(taken, 0, sizeof taken);
        }
    }
    pair_close(&pair);
}

TEST(priority, the_turn_of_an_empty_lane_goes_to_the_most_urgent_that_waits, "M-007")
{
    PriorityPair pair;
    pair_open(&pair, 4096, RENOIR_RING_FAIR);
    for (uint32_t i = 0; i < 20; ++i) {
        REQUIRE_OK(push(&pair, RENOIR_PRIORITY_LOW, i));
    }
    for (uint32_t i = 0; i < 10; ++i) {
        expect(&pair, RENOIR_PRIORITY_LOW, i);
    }
    for (uint32_t i = 0; i < 10; ++i) {
        REQUIRE_OK(push(&pair, RENOIR_PRIORITY_CRITICAL, 100 + i));
    }
    unsigned low = 0;
    for (unsigned i = 0; i < 10; ++i) { // high is empty: its five turns are for critical
        uint32_t lane = 0;
        uint8_t bytes[LENGTH];
        size_t length;
        REQUIRE_OK(renoir_priority_ring_try_pop(&pair.consumer, bytes, sizeof bytes, &length, &lane,
                                                NULL));
        low += lane == RENOIR_PRIORITY_LOW;
    }
    CHECK_EQ_U64(3, low);
    pair_close(&pair);
}

// --- in place ------------------------------------------------------------------------------------

TEST(priority, a_record_is_written_and_read_in_place, "M-001 M-002 M-005")
{
    PriorityPair pair;
    void *room = NULL;
    const void *data = NULL;
    size_t length = 0;
    uint32_t lane = 77;
    uint32_t tag = 0;
    pair_open(&pair, 1024, 0);
    REQUIRE_OK(renoir_priority_ring_reserve(&pair.producer, RENOIR_PRIORITY_LOW, 40, &room));
    renoir_priority_ring_abort(&pair.producer);
    renoir_priority_ring_commit(&pair.producer, 40, 1); // nothing is reserved
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, try_pop(&pair));
    REQUIRE_OK(renoir_priority_ring_reserve(&pair.producer, RENOIR_PRIORITY_LOW, 40, &room));
    pattern_fill((uint8_t *)room, 30, 5);
    renoir_priority_ring_commit(&pair.producer, 41, 1); // more than reserved: still reserved
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, try_pop(&pair));
    renoir_priority_ring_commit(&pair.producer, 30, 5);
    REQUIRE_OK(renoir_priority_ring_peek(&pair.consumer, &data, &length, &lane, &tag));
    CHECK_EQ_U64(30, length);
    CHECK_EQ_U64(RENOIR_PRIORITY_LOW, lane);
    CHECK_EQ_U64(5, tag);
    CHECK(pattern_holds((const uint8_t *)data, 30, 5));
    REQUIRE_OK(push(&pair, RENOIR_PRIORITY_CRITICAL, 6));
    const void *again = NULL;
    REQUIRE_OK(renoir_priority_ring_peek(&pair.consumer, &again, &length, &lane, NULL));
    CHECK(again == data); // the same, though something more urgent has come
    renoir_priority_ring_consume(&pair.consumer);
    renoir_priority_ring_consume(&pair.consumer); // nothing is peeked at
    expect(&pair, RENOIR_PRIORITY_CRITICAL, 6);
    CHECK_STATUS(RENOIR_BUFFER_EMPTY,
                 renoir_priority_ring_peek(&pair.consumer, &data, &length, NULL, NULL));
    pair_close(&pair);
}

TEST(priority, a_buffer_that_is_too_small_leaves_the_record, "M-001 T-080")
{
    PriorityPair pair;
    uint8_t small[LENGTH - 1];
    size_t length = 0;
    pair_open(&pair, 1024, 0);
    REQUIRE_OK(push(&pair, RENOIR_PRIORITY_HIGH, 1));
    CHECK_STATUS(
        RENOIR_INSUFFICIENT_SPACE,
        renoir_priority_ring_try_pop(&pair.consumer, small, sizeof small, &length, NULL, NULL));
    CHECK_EQ_U64(LENGTH, length);
    REQUIRE_OK(push(&pair, RENOIR_PRIORITY_CRITICAL, 2));
    expect(&pair, RENOIR_PRIORITY_CRITICAL, 2);
    expect(&pair, RENOIR_PRIORITY_HIGH, 1);
    REQUIRE_OK(
        renoir_priority_ring_try_push(&pair.producer, RENOIR_PRIORITY_LOW, NULL, 0, 9)); // empty
    REQUIRE_OK(renoir_priority_ring_try_pop(&pair.consumer, NULL, 0, &length, NULL, NULL));
    CHECK_EQ_U64(0, length);
    pair_close(&pair);
}

// --- what is refused -----------------------------------------------------------------------------

TEST(priority, wrong_arguments_have_errors_of_their_own, "M-005 T-026 T-080")
{
    PriorityPair pair;
    uint8_t bytes[200] = {0};
    void *room;
    size_t length;
    pair_open(&pair, 1024, 0);
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, push(&pair, 3, 1));
    CHECK_STR_CONTAINS("RENOIR_PRIORITY_", renoir_last_error_message());
    CHECK_STATUS(RENOIR_INVALID_PARAMETER,
                 renoir_priority_ring_reserve(&pair.producer, 3, 1, &room));
    CHECK_STATUS(RENOIR_MESSAGE_TOO_LARGE,
                 renoir_priority_ring_try_push(&pair.producer, RENOIR_PRIORITY_HIGH, bytes, 65, 0));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER,
                 renoir_priority_ring_try_push(&pair.producer, 0, NULL, 1, 0));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER,
                 renoir_priority_ring_try_push(&pair.consumer, 0, bytes, 1, 0));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_priority_ring_try_push(NULL, 0, bytes, 1, 0));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER,
                 renoir_priority_ring_try_pop(&pair.producer, bytes, 1, &length, NULL, NULL));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER,
                 renoir_priority_ring_try_pop(&pair.consumer, bytes, 1, NULL, NULL, NULL));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER,
                 renoir_priority_ring_open(NULL, NULL, &pair.options, RENOIR_PRODUCER, NULL));
    RenoirPriorityRing second;
    CHECK_STATUS(RENOIR_LIMIT_REACHED,
                 renoir_priority_ring_open(NULL, NULL, &pair.options, RENOIR_PRODUCER, &second));
    CHECK(second.lanes[0].end.shared == NULL);
    renoir_ring_close(&pair.producer.end);
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, push(&pair, 0, 1)); // closed
    REQUIRE_OK(
        renoir_priority_ring_open(NULL, NULL, &pair.options, RENOIR_PRODUCER, &pair.producer));
    pair_close(&pair);
}

TEST(priority, an_end_goes_on_in_each_lane_where_the_last_one_stood, "M-005 T-005")
{
    PriorityPair pair;
    pair_open(&pair, 1024, 0);
    REQUIRE_OK(push(&pair, RENOIR_PRIORITY_LOW, 1));
    REQUIRE_OK(push(&pair, RENOIR_PRIORITY_HIGH, 2));
    REQUIRE_OK(push(&pair, RENOIR_PRIORITY_HIGH, 3));
    expect(&pair, RENOIR_PRIORITY_HIGH, 2);
    renoir_ring_close(&pair.producer.end);
    renoir_ring_close(&pair.consumer.end);
    REQUIRE_OK(
        renoir_priority_ring_open(NULL, NULL, &pair.options, RENOIR_PRODUCER, &pair.producer));
    REQUIRE_OK(
        renoir_priority_ring_open(NULL, NULL, &pair.options, RENOIR_CONSUMER, &pair.consumer));
    REQUIRE_OK(push(&pair, RENOIR_PRIORITY_HIGH, 4));
    expect(&pair, RENOIR_PRIORITY_HIGH, 3);
    expect(&pair, RENOIR_PRIORITY_HIGH, 4);
    expect(&pair, RENOIR_PRIORITY_LOW, 1);
    pair_close(&pair);
}

// --- hostile ends --------------------------------------------------------------------------------

TEST(priority, a_lane_whose_words_cannot_be_is_corrupted, "M-005 security")
{
    PriorityPair pair;
    pair_open(&pair, 1024, 0);
    RnrRingShm *const high = shm_of(&pair.consumer.lanes[RENOIR_PRIORITY_HIGH].end);
    // [own: relaxed] A hostile producer.
    rnr_store_relaxed_u64(&high->tail, 1 << 20);
    CHECK_STATUS(RENOIR_CORRUPTED, try_pop(&pair));
    CHECK_STATUS(RENOIR_CORRUPTED, renoir_ring_wait(&pair.consumer.end, RENOIR_NO_WAIT));
    CHECK_STATUS(RENOIR_CORRUPTED,
                 rnr_ring_check(pair.options.memory, pair.options.memory_size, "r"));
    rnr_store_relaxed_u64(&high->tail, 0);
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, try_pop(&pair));
    const uint64_t capacity = high->capacity;
    high->capacity = 4096; // its geometry is checked whenever an end is opened
    renoir_ring_close(&pair.producer.end);
    CHECK_STATUS(RENOIR_CORRUPTED, renoir_priority_ring_open(NULL, NULL, &pair.options,
                                                             RENOIR_PRODUCER, &pair.producer));
    high->capacity = capacity;
    REQUIRE_OK(
        renoir_priority_ring_open(NULL, NULL, &pair.options, RENOIR_PRODUCER, &pair.producer));
    pair_close(&pair);
}
