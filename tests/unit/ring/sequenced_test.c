// SPDX-License-Identifier: MIT OR Apache-2.0

#include "ring/kind.h"
#include "ring/ring.h"
#include "unit/ring/fixture.h"

enum { CONSUMERS = 4 };

static RenoirRingOptions sequenced_options(uint64_t capacity, uint32_t flags)
{
    RenoirRingOptions options = element_options(8, capacity);
    options.flags |= flags;
    options.max_ends = CONSUMERS;
    return in_memory(RENOIR_RING_SEQUENCED, options);
}

static RenoirSequenced producer_of(const RenoirRingOptions *options)
{
    RenoirSequenced ring;
    REQUIRE_OK(renoir_sequenced_open(NULL, NULL, options, RENOIR_PRODUCER, 0, 0, &ring));
    return ring;
}

static RenoirSequenced consumer_of(const RenoirRingOptions *options, uint32_t index, uint64_t after)
{
    RenoirSequenced ring;
    REQUIRE_OK(renoir_sequenced_open(NULL, NULL, options, RENOIR_CONSUMER, index, after, &ring));
    return ring;
}

static void push(RenoirSequenced *ring, uint64_t value)
{
    REQUIRE_OK(renoir_sequenced_try_push(ring, &value, sizeof value));
}

static void expect(RenoirSequenced *ring, uint64_t sequence, uint64_t value)
{
    uint64_t found = 0;
    uint64_t number = 0;
    REQUIRE_OK(renoir_sequenced_try_consume(ring, &found, sizeof found, &number));
    CHECK_EQ_U64(sequence, number);
    CHECK_EQ_U64(value, found);
}

static RenoirErrorCode try_one(RenoirSequenced *ring)
{
    uint64_t value = 0;
    return ring->end.role == RENOIR_PRODUCER
               ? renoir_sequenced_try_push(ring, &value, sizeof value)
               : renoir_sequenced_try_consume(ring, &value, sizeof value, NULL);
}

static void check_ring(const RenoirRingOptions *options)
{
    CHECK_OK(rnr_ring_check(options->memory, options->memory_size, "r"));
}

// --- in sequence ---------------------------------------------------------------------------------

static void everyone_sees_everything(uint32_t flags)
{
    const RenoirRingOptions options = sequenced_options(8, flags);
    RenoirSequenced producer = producer_of(&options);
    RenoirSequenced a = consumer_of(&options, 0, 0);
    RenoirSequenced b = consumer_of(&options, 3, 0);
    for (uint64_t i = 1; i <= 100; ++i) {
        push(&producer, i * 7);
        expect(&a, i, i * 7);
        if (i % 5 == 0) {
            for (uint64_t k = i - 4; k <= i; ++k) {
                expect(&b, k, k * 7);
            }
            CHECK_STATUS(RENOIR_BUFFER_EMPTY, try_one(&b));
        }
    }
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, try_one(&a));
    check_ring(&options);
    renoir_ring_close(&a.end);
    renoir_ring_close(&b.end);
    renoir_ring_close(&producer.end);
    free(options.memory);
}

TEST(sequenced, numbers_begin_at_1_and_every_consumer_sees_each_element_once, "R-079 core")
{
    everyone_sees_everything(0);
}

TEST(sequenced, with_many_producers_too_every_consumer_sees_each_element, "R-079 core")
{
    everyone_sees_everything(RENOIR_RING_MULTI_PRODUCER);
}

static void the_slowest_holds_back(uint32_t flags)
{
    const RenoirRingOptions options = sequenced_options(4, flags);
    RenoirSequenced producer = producer_of(&options);
    for (uint64_t i = 1; i <= 4; ++i) { // nobody has come: nothing may get lost
        push(&producer, i);
    }
    CHECK_STATUS(RENOIR_BUFFER_FULL, try_one(&producer));
    CHECK_STATUS(RENOIR_BUFFER_FULL, renoir_ring_wait(&producer.end, RENOIR_NO_WAIT));
    RenoirSequenced fast = consumer_of(&options, 0, 0);
    RenoirSequenced slow = consumer_of(&options, 1, 0);
    for (uint64_t i = 1; i <= 4; ++i) {
        expect(&fast, i, i);
    }
    CHECK_STATUS(RENOIR_BUFFER_FULL, try_one(&producer));
    expect(&slow, 1, 1);
    CHECK_STATUS(RENOIR_SUCCESS, renoir_ring_wait(&producer.end, RENOIR_NO_WAIT));
    push(&producer, 5);
    CHECK_STATUS(RENOIR_BUFFER_FULL, try_one(&producer));
    CHECK_EQ_U64(1, renoir_ring_count(&fast.end));
    CHECK_EQ_U64(4, renoir_ring_count(&slow.end));
    CHECK_EQ_U64(4, renoir_ring_count(&producer.end));
    RenoirRingStats stats;
    REQUIRE_OK(renoir_ring_stats(&producer.end, &stats));
    CHECK_EQ_U64(5, stats.writes);
    CHECK_EQ_U64(1, stats.reads);
    CHECK_EQ_U64(4, stats.capacity);
    CHECK_EQ_U64(0, stats.skipped);
    check_ring(&options);
    renoir_ring_close(&fast.end);
    renoir_ring_close(&slow.end);
    renoir_ring_close(&producer.end);
    free(options.memory);
}

TEST(sequenced, the_slowest_consumer_holds_the_producer_back, "R-079 R-080 T-030 core")
{
    the_slowest_holds_back(0);
}

TEST(sequenced, the_slowest_consumer_holds_many_producers_back, "R-079 R-080 T-030 core")
{
    the_slowest_holds_back(RENOIR_RING_MULTI_PRODUCER);
}

static void a_pipeline(uint32_t flags)
{
    const RenoirRingOptions options = sequenced_options(8, flags);
    RenoirSequenced producer = producer_of(&options);
    RenoirSequenced d = consumer_of(&options, 3, 0x6); // the order of coming does not matter
    RenoirSequenced b = consumer_of(&options, 1, 0x1);
    RenoirSequenced c = consumer_of(&options, 2, 0x1);
    push(&producer, 10);
    push(&producer, 20);
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, try_one(&b)); // A has not come yet
    RenoirSequenced a = consumer_of(&options, 0, 0);
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, try_one(&b));
    expect(&a, 1, 10);
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, try_one(&d));
    expect(&b, 1, 10);
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, try_one(&b));
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, try_one(&d)); // after C as well
    expect(&c, 1, 10);
    expect(&d, 1, 10);
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, try_one(&d));
    for (uint64_t i = 3; i <= 9; ++i) {
        push(&producer, i * 10);
    }
    CHECK_STATUS(RENOIR_BUFFER_FULL, try_one(&producer));
    for (uint64_t i = 2; i <= 9; ++i) { // D holds back, even if it is the only one
        expect(&a, i, i * 10);
        expect(&b, i, i * 10);
        expect(&c, i, i * 10);
    }
    CHECK_STATUS(RENOIR_BUFFER_FULL, try_one(&producer));
    expect(&d, 2, 20);
    push(&producer, 100);
    check_ring(&options);
    renoir_ring_close(&a.end);
    renoir_ring_close(&b.end);
    renoir_ring_close(&c.end);
    renoir_ring_close(&d.end);
    renoir_ring_close(&producer.end);
    free(options.memory);
}

TEST(sequenced, a_pipeline_sees_each_element_stage_by_stage, "R-080 core")
{
    a_pipeline(0);
}

TEST(sequenced, a_pipeline_behind_many_producers_sees_each_element_stage_by_stage, "R-080 core")
{
    a_pipeline(RENOIR_RING_MULTI_PRODUCER);
}

static void claims_in_place(uint32_t flags)
{
    const RenoirRingOptions options = sequenced_options(8, flags);
    RenoirSequenced producer = producer_of(&options);
    RenoirSequenced consumer = consumer_of(&options, 0, 0);
    uint64_t next = 1;
    for (unsigned round = 0; round < 50; ++round) {
        uint64_t first = 0;
        REQUIRE_OK(renoir_sequenced_claim(&producer, 5, &first));
        CHECK_EQ_U64(next, first);
        CHECK(renoir_sequenced_slot(&producer, first - 1) == NULL);
        CHECK(renoir_sequenced_slot(&producer, first + 5) == NULL);
        for (uint64_t i = 0; i < 5; ++i) { // wraps in most rounds
            uint64_t *const slot = (uint64_t *)renoir_sequenced_slot(&producer, first + i);
            REQUIRE(slot != NULL);
            *slot = (first + i) * 3;
        }
        CHECK_STATUS(RENOIR_BUFFER_EMPTY, try_one(&consumer));
        renoir_sequenced_publish(&producer, first + 1, 2); // not the next
        CHECK_STATUS(RENOIR_BUFFER_EMPTY, try_one(&consumer));
        renoir_sequenced_publish(&producer, first, 2);
        CHECK(renoir_sequenced_slot(&producer, first + 1) == NULL); // given away
        expect(&consumer, first, first * 3);
        expect(&consumer, first + 1, (first + 1) * 3);
        CHECK_STATUS(RENOIR_BUFFER_EMPTY, try_one(&consumer));
        renoir_sequenced_publish(&producer, first + 2, 4); // more than is left
        CHECK_STATUS(RENOIR_BUFFER_EMPTY, try_one(&consumer));
        renoir_sequenced_publish(&producer, first + 2, 3);
        uint64_t sequence = 0;
        size_t count = 0;
        REQUIRE_OK(renoir_sequenced_peek(&consumer, &sequence, &count));
        CHECK_EQ_U64(first + 2, sequence);
        REQUIRE_EQ_U64(3, count);
        CHECK(renoir_sequenced_slot(&consumer, sequence + 3) == NULL);
        CHECK_EQ_U64((sequence + 2) * 3,
                     *(uint64_t *)renoir_sequenced_slot(&consumer, sequence + 2));
        renoir_sequenced_consume(&consumer, 1);
        CHECK(renoir_sequenced_slot(&consumer, sequence) == NULL);
        renoir_sequenced_consume(&consumer, 100); // at most what was peeked at
        next += 5;
    }
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, try_one(&consumer));
    renoir_ring_close(&consumer.end);
    renoir_ring_close(&producer.end);
    free(options.memory);
}

TEST(sequenced, a_claim_of_many_is_written_in_place_and_published_in_parts, "R-079 R-080 core")
{
    claims_in_place(0);
}

TEST(sequenced, a_claim_among_many_is_written_in_place_and_published_in_parts, "R-079 R-080 core")
{
    claims_in_place(RENOIR_RING_MULTI_PRODUCER);
}

static void batches(uint32_t flags)
{
    const RenoirRingOptions options = sequenced_options(16, flags);
    RenoirSequenced producer = producer_of(&options);
    RenoirSequenced consumer = consumer_of(&options, 0, 0);
    uint64_t values[16];
    uint64_t written = 0;
    uint64_t read = 0;
    for (unsigned round = 0; round < 400; ++round) {
        const size_t count = 1 + (size_t)test_random_below(16);
        for (size_t i = 0; i < count; ++i) {
            values[i] = written + 1 + i;
        }
        const RenoirErrorCode status =
            renoir_sequenced_try_push_n(&producer, values, sizeof values[0], count);
        CHECK_STATUS(written + count - read <= 16 ? RENOIR_SUCCESS : RENOIR_BUFFER_FULL, status);
        written += status == RENOIR_SUCCESS ? count : 0; // all or none
        uint64_t first = 0;
        size_t got = 0;
        if (renoir_sequenced_consume_n(&consumer, values, sizeof values[0],
                                       1 + (size_t)test_random_below(16), &first,
                                       &got) == RENOIR_SUCCESS) {
            CHECK_EQ_U64(read + 1, first);
            for (size_t i = 0; i < got; ++i) {
                CHECK_EQ_U64(first + i, values[i]);
            }
        }
        read += got;
    }
    CHECK(written > 1000);
    size_t none = 7;
    CHECK_OK(renoir_sequenced_try_push_n(&producer, values, sizeof values[0], 0));
    CHECK_OK(renoir_sequenced_consume_n(&consumer, values, sizeof values[0], 0, NULL, &none));
    CHECK_EQ_U64(0, none);
    renoir_ring_close(&consumer.end);
    renoir_ring_close(&producer.end);
    free(options.memory);
}

TEST(sequenced, batches_go_in_whole_and_come_out_in_order, "R-079 R-080 core")
{
    batches(0);
}

TEST(sequenced, batches_among_many_go_in_whole_and_come_out_in_order, "R-079 R-080 core")
{
    batches(RENOIR_RING_MULTI_PRODUCER);
}

// --- coming and going ----------------------------------------------------------------------------

static void consumers_come_and_go(uint32_t flags)
{
    const RenoirRingOptions options = sequenced_options(16, flags);
    RenoirSequenced producer = producer_of(&options);
    RenoirSequenced a = consumer_of(&options, 0, 0);
    for (uint64_t i = 1; i <= 10; ++i) {
        push(&producer, i);
    }
    for (uint64_t i = 1; i <= 3; ++i) {
        expect(&a, i, i);
    }
    renoir_ring_close(&a.end);
    a = consumer_of(&options, 0, 0);
    expect(&a, 4, 4); // where its predecessor stood
    renoir_ring_close(&a.end);
    for (uint64_t i = 11; i <= 100; ++i) { // nobody is left to wait for
        push(&producer, i);
        CHECK_STATUS(RENOIR_SUCCESS, renoir_ring_wait(&producer.end, RENOIR_NO_WAIT));
    }
    RenoirSequenced b = consumer_of(&options, 1, 0); // new: at the oldest that is left
    a = consumer_of(&options, 0, 0);
    uint64_t first_a = 0;
    uint64_t first_b = 0;
    uint64_t value = 0;
    REQUIRE_OK(renoir_sequenced_try_consume(&a, &value, sizeof value, &first_a));
    CHECK_EQ_U64(first_a, value);
    REQUIRE_OK(renoir_sequenced_try_consume(&b, &value, sizeof value, &first_b));
    CHECK_EQ_U64(first_b, value);
    CHECK_EQ_U64(first_a, first_b);
    CHECK(first_a > 84 && first_a <= 89); // a quarter of the ring may be given up already
    for (uint64_t i = first_a + 1; i <= 100; ++i) {
        expect(&a, i, i);
    }
    for (uint64_t i = 101; i < first_b + 17; ++i) { // b holds again
        push(&producer, i);
    }
    CHECK_STATUS(RENOIR_BUFFER_FULL, try_one(&producer));
    check_ring(&options);
    renoir_ring_close(&b.end);
    CHECK_STATUS(RENOIR_SUCCESS, try_one(&producer)); // only a, which has read
    renoir_ring_close(&a.end);
    renoir_ring_close(&producer.end);
    free(options.memory);
}

TEST(sequenced, consumers_go_on_where_they_stood_or_at_the_oldest_left, "R-079 R-080 T-021 core")
{
    consumers_come_and_go(0);
}

TEST(sequenced,
     consumers_of_many_producers_go_on_where_they_stood_or_at_the_oldest_left,
     "R-079 R-080 core")
{
    consumers_come_and_go(RENOIR_RING_MULTI_PRODUCER);
}

TEST(sequenced, a_closed_stage_counts_as_done_with_all_it_could_see, "R-080 core")
{
    const RenoirRingOptions options = sequenced_options(8, 0);
    RenoirSequenced producer = producer_of(&options);
    RenoirSequenced a = consumer_of(&options, 0, 0);
    RenoirSequenced b = consumer_of(&options, 1, 0x1);
    RenoirSequenced c = consumer_of(&options, 2, 0x2);
    for (uint64_t i = 1; i <= 6; ++i) {
        push(&producer, i);
    }
    for (uint64_t i = 1; i <= 4; ++i) {
        expect(&a, i, i);
    }
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, try_one(&c));
    renoir_ring_close(&b.end);
    for (uint64_t i = 1; i <= 4; ++i) { // as far as A, whom B came after
        expect(&c, i, i);
    }
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, try_one(&c));
    b = consumer_of(&options, 1, 0x1); // behind C by now, which must not go back
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, try_one(&c));
    for (uint64_t i = 1; i <= 4; ++i) {
        expect(&b, i, i);
    }
    expect(&a, 5, 5);
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, try_one(&c));
    expect(&b, 5, 5);
    expect(&c, 5, 5);
    renoir_ring_close(&a.end);
    renoir_ring_close(&b.end);
    expect(&c, 6, 6);
    renoir_ring_close(&c.end);
    renoir_ring_close(&producer.end);
    free(options.memory);
}

// --- what is refused -----------------------------------------------------------------------------

static RenoirErrorCode
try_open(const RenoirRingOptions *options, uint32_t role, uint32_t index, uint64_t after)
{
    RenoirSequenced ring;
    const RenoirErrorCode status =
        renoir_sequenced_open(NULL, NULL, options, role, index, after, &ring);
    if (status == RENOIR_SUCCESS) {
        renoir_ring_close(&ring.end);
    }
    return status;
}

TEST(sequenced, an_order_that_leads_back_is_refused, "R-080 T-080")
{
    const RenoirRingOptions options = sequenced_options(8, 0);
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, try_open(&options, RENOIR_CONSUMER, 0, 0x1));
    CHECK_STR_CONTAINS("would wait for itself", renoir_last_error_message());
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, try_open(&options, RENOIR_CONSUMER, 0, 0x10));
    CHECK_STR_CONTAINS("it has 4 consumers", renoir_last_error_message());
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, try_open(&options, RENOIR_CONSUMER, 4, 0));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, try_open(&options, RENOIR_PRODUCER, 0, 0x1));
    RenoirSequenced a = consumer_of(&options, 0, 0x2);
    RenoirSequenced b = consumer_of(&options, 1, 0x4);
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, try_open(&options, RENOIR_CONSUMER, 2, 0x1));
    CHECK_OK(try_open(&options, RENOIR_CONSUMER, 2, 0));
    CHECK_STATUS(RENOIR_LIMIT_REACHED, try_open(&options, RENOIR_CONSUMER, 1, 0));
    renoir_ring_close(&a.end);
    renoir_ring_close(&b.end);
    free(options.memory);
}

TEST(sequenced, wrong_arguments_and_roles_are_refused, "R-079 T-080")
{
    const RenoirRingOptions options = sequenced_options(4, 0);
    RenoirSequenced producer = producer_of(&options);
    RenoirSequenced consumer = consumer_of(&options, 0, 0);
    uint64_t value = 0;
    uint64_t sequence = 0;
    size_t count = 0;
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_sequenced_claim(&producer, 0, &sequence));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_sequenced_claim(&producer, 5, &sequence));
    CHECK_STR_CONTAINS("from 1 to its capacity", renoir_last_error_message());
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_sequenced_claim(&producer, 1, NULL));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_sequenced_claim(&consumer, 1, &sequence));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_sequenced_claim(NULL, 1, &sequence));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_sequenced_try_push(&consumer, &value, 8));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_sequenced_try_push(&producer, &value, 4));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_sequenced_try_push_n(&producer, &value, 8, 5));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER,
                 renoir_sequenced_try_consume(&producer, &value, 8, NULL));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_sequenced_try_consume(&consumer, NULL, 8, NULL));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_sequenced_peek(&producer, &sequence, &count));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER,
                 renoir_sequenced_consume_n(&consumer, &value, 4, 1, NULL, &count));
    CHECK(renoir_sequenced_slot(NULL, 1) == NULL);
    CHECK(renoir_sequenced_slot(&producer, 1) == NULL);
    REQUIRE_OK(renoir_sequenced_claim(&producer, 2, &sequence));
    CHECK_STATUS(RENOIR_INVALID_STATE, renoir_sequenced_claim(&producer, 1, &sequence));
    CHECK_STATUS(RENOIR_INVALID_STATE, renoir_sequenced_try_push(&producer, &value, 8));
    renoir_sequenced_publish(&producer, 1, 2);
    CHECK_OK(renoir_sequenced_try_push(&producer, &value, 8));
    renoir_ring_close(&producer.end);
    renoir_ring_close(&consumer.end);
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_sequenced_try_push(&producer, &value, 8));
    CHECK(renoir_sequenced_slot(&producer, 1) == NULL);
    renoir_sequenced_publish(&producer, 1, 1);
    renoir_sequenced_consume(&consumer, 1);
    free(options.memory);
}

TEST(sequenced, a_second_producer_is_refused_unless_the_ring_has_many, "R-079 T-030")
{
    const RenoirRingOptions one = sequenced_options(4, 0);
    RenoirSequenced first = producer_of(&one);
    CHECK_STATUS(RENOIR_LIMIT_REACHED, try_open(&one, RENOIR_PRODUCER, 0, 0));
    renoir_ring_close(&first.end);
    free(one.memory);

    const RenoirRingOptions many = sequenced_options(4, RENOIR_RING_MULTI_PRODUCER);
    RenoirSequenced all[RNR_SEQUENCED_PRODUCERS];
    for (unsigned i = 0; i < RNR_SEQUENCED_PRODUCERS; ++i) {
        all[i] = producer_of(&many);
    }
    CHECK_STATUS(RENOIR_LIMIT_REACHED, try_open(&many, RENOIR_PRODUCER, 0, 0));
    for (unsigned i = 0; i < RNR_SEQUENCED_PRODUCERS; ++i) {
        renoir_ring_close(&all[i].end);
    }
    free(many.memory);
}

// --- many producers ------------------------------------------------------------------------------

TEST(sequenced, claims_are_seen_in_their_order_whoever_publishes_first, "R-079 R-080 core")
{
    const RenoirRingOptions options = sequenced_options(8, RENOIR_RING_MULTI_PRODUCER);
    RenoirSequenced one = producer_of(&options);
    RenoirSequenced two = producer_of(&options);
    RenoirSequenced consumer = consumer_of(&options, 0, 0);
    for (uint64_t round = 0; round < 20; ++round) {
        uint64_t first = 0;
        uint64_t second = 0;
        REQUIRE_OK(renoir_sequenced_claim(&one, 3, &first));
        REQUIRE_OK(renoir_sequenced_claim(&two, 2, &second));
        CHECK_EQ_U64(round * 6 + 1, first);
        CHECK_EQ_U64(first + 3, second);
        for (uint64_t i = 0; i < 2; ++i) {
            *(uint64_t *)renoir_sequenced_slot(&two, second + i) = second + i;
        }
        renoir_sequenced_publish(&two, second, 2);
        CHECK_STATUS(RENOIR_BUFFER_EMPTY, try_one(&consumer)); // the first is not done
        CHECK_STATUS(RENOIR_BUFFER_EMPTY, renoir_ring_wait(&consumer.end, RENOIR_NO_WAIT));
        for (uint64_t i = 0; i < 3; ++i) {
            *(uint64_t *)renoir_sequenced_slot(&one, first + i) = first + i;
        }
        renoir_sequenced_publish(&one, first, 2);
        uint64_t sequence = 0;
        size_t count = 0;
        REQUIRE_OK(renoir_sequenced_peek(&consumer, &sequence, &count));
        CHECK_EQ_U64(2, count);
        renoir_sequenced_publish(&one, first + 2, 1);
        push(&two, first + 5);
        for (uint64_t i = 0; i < 6; ++i) {
            expect(&consumer, first + i, first + i);
        }
    }
    check_ring(&options);
    RenoirRingStats stats;
    REQUIRE_OK(renoir_ring_stats(&consumer.end, &stats));
    CHECK_EQ_U64(120, stats.writes);
    CHECK_EQ_U64(0, stats.size);
    renoir_ring_close(&one.end);
    renoir_ring_close(&two.end);
    renoir_ring_close(&consumer.end);
    free(options.memory);
}

TEST(sequenced, a_claim_given_up_is_a_gap_and_stops_nobody, "R-079 R-080 T-020 reliability")
{
    const RenoirRingOptions options = sequenced_options(4, RENOIR_RING_MULTI_PRODUCER);
    RenoirSequenced one = producer_of(&options);
    RenoirSequenced consumer = consumer_of(&options, 0, 0);
    RenoirSequenced after = consumer_of(&options, 1, 0x1);
    uint64_t expected = 1;
    for (uint64_t lap = 0; lap < 10; ++lap) {
        RenoirSequenced two = producer_of(&options);
        uint64_t sequence = 0;
        push(&one, expected);
        REQUIRE_OK(renoir_sequenced_claim(&two, 3, &sequence));
        renoir_sequenced_publish(&two, sequence, 1); // the other two never come
        renoir_ring_close(&two.end);
        uint64_t value = 0;
        expect(&consumer, expected, expected);
        REQUIRE_OK(renoir_sequenced_try_consume(&consumer, &value, sizeof value, &sequence));
        CHECK_EQ_U64(expected + 1, sequence);
        CHECK_STATUS(RENOIR_BUFFER_EMPTY, try_one(&consumer)); // and passes the gap
        REQUIRE_OK(renoir_sequenced_try_consume(&after, &value, sizeof value, &sequence));
        REQUIRE_OK(renoir_sequenced_try_consume(&after, &value, sizeof value, &sequence));
        CHECK_STATUS(RENOIR_BUFFER_EMPTY, try_one(&after));
        expected += 4;
    }
    RenoirRingStats stats;
    REQUIRE_OK(renoir_ring_stats(&consumer.end, &stats));
    CHECK_EQ_U64(20, stats.skipped);
    CHECK_EQ_U64(40, stats.writes);
    check_ring(&options);
    renoir_ring_close(&one.end);
    renoir_ring_close(&consumer.end);
    renoir_ring_close(&after.end);
    free(options.memory);
}

TEST(sequenced, where_nobody_listens_an_unfinished_claim_is_not_written_over, "R-079 R-080")
{
    const RenoirRingOptions options = sequenced_options(4, RENOIR_RING_MULTI_PRODUCER);
    RenoirSequenced one = producer_of(&options);
    RenoirSequenced two = producer_of(&options);
    RenoirSequenced consumer = consumer_of(&options, 0, 0);
    uint64_t sequence = 0;
    renoir_ring_close(&consumer.end);
    push(&one, 1);
    REQUIRE_OK(renoir_sequenced_claim(&two, 2, &sequence));
    CHECK_EQ_U64(2, sequence);
    push(&one, 4);
    push(&one, 5);
    CHECK_STATUS(RENOIR_BUFFER_FULL, try_one(&one)); // number 6 would lie where 2 is claimed
    CHECK_STATUS(RENOIR_BUFFER_FULL, renoir_ring_wait(&one.end, RENOIR_NO_WAIT));
    *(uint64_t *)renoir_sequenced_slot(&two, 2) = 2;
    renoir_sequenced_publish(&two, 2, 1);
    push(&one, 6);
    CHECK_STATUS(RENOIR_BUFFER_FULL, try_one(&one));
    renoir_sequenced_publish(&two, 3, 1);
    push(&one, 7);
    renoir_ring_close(&one.end);
    renoir_ring_close(&two.end);
    free(options.memory);
}

// --- positions -----------------------------------------------------------------------------------

// As if so many elements had gone through it; nobody has come yet.
static void age(const RenoirRingOptions *options, uint64_t position)
{
    RenoirSequenced producer = producer_of(options);
    RnrRingShm *const shm = shm_of(&producer.end);
    const uint64_t capacity = options->capacity;
    // [own: relaxed] Nobody else is here.
    rnr_store_relaxed_u64(&shm->tail, position);
    rnr_store_relaxed_u64(&shm->limit, position + capacity);
    if ((options->flags & RENOIR_RING_MULTI_PRODUCER) != 0) {
        for (uint64_t p = position - capacity; p != position; ++p) {
            rnr_store_relaxed_u64(
                rnr_sequenced_stamp(&producer.end, p),
                rnr_sequenced_make_stamp(&producer.end, p, RNR_SEQUENCED_FULL, 0, 0));
        }
    }
    renoir_ring_close(&producer.end);
}

static void across(uint64_t position, uint32_t flags)
{
    const RenoirRingOptions options = sequenced_options(4, flags);
    age(&options, position);
    RenoirSequenced producer = producer_of(&options);
    RenoirSequenced a = consumer_of(&options, 0, 0);
    RenoirSequenced b = consumer_of(&options, 1, 0x1);
    for (uint64_t i = 1; i <= 4 * 1000; ++i) {
        push(&producer, i);
        if (i % 3 == 0) {
            for (uint64_t k = i - 2; k <= i; ++k) {
                expect(&a, position + k, k);
            }
            for (uint64_t k = i - 2; k <= i; ++k) {
                expect(&b, position + k, k);
            }
        }
    }
    renoir_ring_close(&a.end);
    a = consumer_of(&options, 0, 0);
    expect(&a, position + 4000, 4000);
    check_ring(&options);
    renoir_ring_close(&a.end);
    renoir_ring_close(&b.end);
    renoir_ring_close(&producer.end);
    free(options.memory);
}

TEST(sequenced, nothing_changes_where_positions_pass_2_to_the_32_or_64, "R-079 T-027")
{
    static const uint64_t positions[] = {UINT64_C(0x100000000) - 6,
                                         UINT64_C(0x8000000000000000) - 6, UINT64_C(0) - 2000,
                                         UINT64_C(0) - 4};
    for (unsigned i = 0; i < sizeof positions / sizeof positions[0]; ++i) {
        across(positions[i], 0);
        across(positions[i], RENOIR_RING_MULTI_PRODUCER);
    }
}

// --- hostile ends --------------------------------------------------------------------------------

static RnrRingEndShm *seat_of(RenoirSequenced *ring)
{
    return rnr_ring_end_shm(shm_of(&ring->end), ring->end.index);
}

TEST(sequenced, a_consumer_said_to_be_ahead_of_the_producer_is_corrupted, "R-079 T-030 security")
{
    for (uint32_t flags = 0; flags <= RENOIR_RING_MULTI_PRODUCER;
         flags += RENOIR_RING_MULTI_PRODUCER) {
        const RenoirRingOptions options = sequenced_options(4, flags);
        RenoirSequenced producer = producer_of(&options);
        RenoirSequenced consumer = consumer_of(&options, 0, 0);
        RenoirSequenced after = consumer_of(&options, 1, 0x1);
        push(&producer, 1);
        // [own: relaxed] A hostile consumer.
        rnr_store_relaxed_u64(&seat_of(&consumer)->cursor, 1000);
        rnr_store_relaxed_u64(&seat_of(&after)->cursor, 1000);
        CHECK_STATUS(RENOIR_CORRUPTED, rnr_ring_check(options.memory, options.memory_size, "r"));
        CHECK_STATUS(RENOIR_CORRUPTED, try_one(&after));
        for (unsigned i = 0; i < 3; ++i) {
            (void)try_one(&producer);
        }
        CHECK_STATUS(RENOIR_CORRUPTED, try_one(&producer));
        renoir_ring_close(&after.end);
        renoir_ring_close(&consumer.end);
        CHECK_STATUS(RENOIR_CORRUPTED, try_open(&options, RENOIR_CONSUMER, 0, 0));
        renoir_ring_close(&producer.end);
        free(options.memory);
    }
}

TEST(sequenced, a_cursor_set_back_holds_back_and_does_no_more, "R-079 T-030 security")
{
    const RenoirRingOptions options = sequenced_options(4, 0);
    RenoirSequenced producer = producer_of(&options);
    RenoirSequenced consumer = consumer_of(&options, 0, 0);
    for (uint64_t i = 1; i <= 100; ++i) {
        push(&producer, i);
        expect(&consumer, i, i);
    }
    // [own: relaxed] A hostile consumer.
    rnr_store_relaxed_u64(&seat_of(&consumer)->cursor, 7);
    while (try_one(&producer) == RENOIR_SUCCESS) {
    }
    CHECK(producer.end.position <= 104);
    CHECK_STATUS(RENOIR_BUFFER_FULL, try_one(&producer));
    renoir_ring_close(&producer.end);
    renoir_ring_close(&consumer.end);
    free(options.memory);
}

TEST(sequenced, a_tail_that_cannot_be_is_corrupted, "R-079 T-030 security")
{
    const RenoirRingOptions options = sequenced_options(4, 0);
    RenoirSequenced producer = producer_of(&options);
    RenoirSequenced consumer = consumer_of(&options, 0, 0);
    push(&producer, 1);
    expect(&consumer, 1, 1);
    // [own: relaxed] A hostile producer.
    rnr_store_relaxed_u64(&shm_of(&producer.end)->tail, 6);
    CHECK_STATUS(RENOIR_CORRUPTED, try_one(&consumer));
    CHECK_STATUS(RENOIR_CORRUPTED, renoir_ring_wait(&consumer.end, RENOIR_NO_WAIT));
    rnr_store_relaxed_u64(&shm_of(&producer.end)->tail, 0);
    CHECK_STATUS(RENOIR_CORRUPTED, try_one(&consumer));
    renoir_ring_close(&producer.end);
    rnr_store_relaxed_u64(&shm_of(&consumer.end)->tail, 60);
    CHECK_STATUS(RENOIR_CORRUPTED, try_open(&options, RENOIR_PRODUCER, 0, 0));
    renoir_ring_close(&consumer.end);
    free(options.memory);
}

// Every shared word of the ring but its geometry may hold anything at any time.
static void scribble(RnrRingShm *shm, size_t size)
{
    const size_t words = (size - 128) / 8;
    for (unsigned i = 0; i < 3; ++i) {
        RnrAtomicU64 *const word =
            (RnrAtomicU64 *)(void *)((uint8_t *)shm + 128) + test_random_below(words);
        const uint64_t shift = test_random_below(64);
        // [own: relaxed] A hostile process.
        rnr_store_relaxed_u64(word, test_random_below(2) == 0 ? test_random_u64() >> shift
                                                              : UINT64_C(1) << shift);
    }
}

TEST(sequenced, whatever_its_words_hold_calls_end_and_stay_within_the_ring, "R-079 T-030 security")
{
    for (uint64_t round = 0; round < test_scaled(100000); ++round) {
        const uint32_t flags = round % 2 == 0 ? 0 : (uint32_t)RENOIR_RING_MULTI_PRODUCER;
        const RenoirRingOptions options = sequenced_options(4, flags);
        RenoirSequenced producer = producer_of(&options);
        RenoirSequenced a = consumer_of(&options, 0, 0);
        RenoirSequenced b = consumer_of(&options, 1, 0x1);
        for (unsigned i = 0; i < 30; ++i) {
            uint64_t values[4] = {0};
            size_t count;
            if (i % 3 == 2) {
                scribble(shm_of(&a.end), options.memory_size);
            }
            (void)try_one(&producer);
            (void)renoir_sequenced_try_push_n(&producer, values, 8,
                                              1 + (size_t)test_random_below(4));
            (void)try_one(&a);
            (void)renoir_sequenced_consume_n(&b, values, 8, 4, NULL, &count);
            (void)renoir_ring_wait(&producer.end, RENOIR_NO_WAIT);
            (void)renoir_ring_wait(&b.end, RENOIR_NO_WAIT);
            (void)renoir_ring_count(&a.end);
            (void)rnr_ring_check(options.memory, options.memory_size, "r");
        }
        renoir_ring_close(&a.end);
        renoir_ring_close(&b.end);
        renoir_ring_close(&producer.end);
        free(options.memory);
    }
    CHECK(true);
}
