// SPDX-License-Identifier: MIT OR Apache-2.0

#include <pthread.h>
#include <sched.h>

#include "unit/ring/fixture.h"

enum { CAPACITY = 4 };

static RenoirMpmc open_end(const RenoirRingOptions *options, uint32_t role)
{
    RenoirMpmc end;
    REQUIRE_OK(renoir_mpmc_open(NULL, NULL, options, role, &end));
    return end;
}

static void push(RenoirMpmc *ring, uint64_t value)
{
    REQUIRE_OK(renoir_mpmc_try_push(ring, &value, sizeof value));
}

static uint64_t pop(RenoirMpmc *ring)
{
    uint64_t value = 0;
    REQUIRE_OK(renoir_mpmc_try_pop(ring, &value, sizeof value));
    return value;
}

TEST(mpmc, elements_come_out_in_the_order_they_went_in, "R-081 topic_ring")
{
    RenoirRingOptions options = in_memory(RENOIR_RING_MPMC, element_options(8, CAPACITY));
    RenoirMpmc a = open_end(&options, RENOIR_PRODUCER);
    RenoirMpmc b = open_end(&options, RENOIR_PRODUCER);
    RenoirMpmc c = open_end(&options, RENOIR_CONSUMER);
    RenoirMpmc d = open_end(&options, RENOIR_CONSUMER);

    for (uint64_t lap = 0; lap < 20; ++lap) {
        push(&a, lap * 3);
        push(&b, lap * 3 + 1);
        push(&b, lap * 3 + 2);
        CHECK_EQ_U64(lap * 3, pop(&d));
        CHECK_EQ_U64(lap * 3 + 1, pop(&c));
        CHECK_EQ_U64(lap * 3 + 2, pop(&d));
    }

    renoir_ring_close(&a.end);
    renoir_ring_close(&b.end);
    renoir_ring_close(&c.end);
    renoir_ring_close(&d.end);
    free(options.memory);
}

TEST(mpmc, full_and_empty_are_told_exactly, "R-081 R-082 T-011 T-025 topic_ring")
{
    RenoirRingOptions options = in_memory(RENOIR_RING_MPMC, element_options(8, CAPACITY));
    RenoirMpmc producer = open_end(&options, RENOIR_PRODUCER);
    RenoirMpmc consumer = open_end(&options, RENOIR_CONSUMER);
    uint64_t pushed = 0;
    uint64_t popped = 0;
    uint64_t value = 0;

    for (uint64_t i = 0; i < test_scaled(1000000); ++i) {
        RenoirRingStats stats;
        if (test_random_below(2) == 0) {
            const RenoirErrorCode expected =
                pushed - popped == CAPACITY ? RENOIR_BUFFER_FULL : RENOIR_SUCCESS;
            REQUIRE_STATUS(expected, renoir_mpmc_try_push(&producer, &pushed, sizeof pushed));
            pushed += expected == RENOIR_SUCCESS;
        } else {
            const RenoirErrorCode expected =
                pushed == popped ? RENOIR_BUFFER_EMPTY : RENOIR_SUCCESS;
            REQUIRE_STATUS(expected, renoir_mpmc_try_pop(&consumer, &value, sizeof value));
            if (expected == RENOIR_SUCCESS) {
                REQUIRE_EQ_U64(popped++, value);
            }
        }
        REQUIRE_OK(renoir_ring_stats(&consumer.end, &stats));
        REQUIRE_EQ_U64(pushed, stats.writes);
        REQUIRE_EQ_U64(popped, stats.reads);
        REQUIRE_EQ_U64(pushed - popped, stats.size);
    }

    renoir_ring_close(&producer.end);
    renoir_ring_close(&consumer.end);
    free(options.memory);
}

TEST(mpmc, batches_take_as_many_as_there_are, "R-073 R-081 topic_ring")
{
    RenoirRingOptions options = in_memory(RENOIR_RING_MPMC, element_options(8, 8));
    RenoirMpmc producer = open_end(&options, RENOIR_PRODUCER);
    RenoirMpmc consumer = open_end(&options, RENOIR_CONSUMER);
    uint64_t values[16];
    size_t count = 0;
    for (uint64_t i = 0; i < 16; ++i) {
        values[i] = 100 + i;
    }

    CHECK_OK(renoir_mpmc_push_n(&producer, values, 8, 16, &count));
    CHECK_EQ_U64(8, count);
    CHECK_STATUS(RENOIR_BUFFER_FULL, renoir_mpmc_push_n(&producer, values, 8, 1, &count));
    CHECK_EQ_U64(0, count);
    memset(values, 0, sizeof values);
    CHECK_OK(renoir_mpmc_pop_n(&consumer, values, 8, 3, &count));
    CHECK_EQ_U64(3, count);
    CHECK_EQ_U64(102, values[2]);
    CHECK_OK(renoir_mpmc_pop_n(&consumer, values, 8, 16, &count));
    CHECK_EQ_U64(5, count);
    CHECK_EQ_U64(107, values[4]);
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, renoir_mpmc_pop_n(&consumer, values, 8, 16, &count));
    CHECK_OK(renoir_mpmc_pop_n(&consumer, values, 8, 0, &count));

    renoir_ring_close(&producer.end);
    renoir_ring_close(&consumer.end);
    free(options.memory);
}

TEST(mpmc, claims_are_seen_once_committed_and_never_when_given_back, "R-074 R-081 T-018 topic_ring")
{
    RenoirRingOptions options = in_memory(RENOIR_RING_MPMC, element_options(64, CAPACITY));
    RenoirMpmc producer = open_end(&options, RENOIR_PRODUCER);
    RenoirMpmc consumer = open_end(&options, RENOIR_CONSUMER);
    void *room = NULL;
    const void *found = NULL;

    REQUIRE_OK(renoir_mpmc_claim(&producer, &room));
    CHECK_EQ_U64(0, (uintptr_t)room % 16);
    pattern_fill(room, 64, 1);
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, renoir_mpmc_peek(&consumer, &found));
    CHECK_STATUS(RENOIR_INVALID_STATE, renoir_mpmc_claim(&producer, &room));
    renoir_mpmc_commit(&producer);
    renoir_mpmc_commit(&producer);
    for (int i = 0; i < 2; ++i) {
        REQUIRE_OK(renoir_mpmc_peek(&consumer, &found));
        CHECK(pattern_holds(found, 64, 1));
    }
    renoir_mpmc_consume(&consumer);
    renoir_mpmc_consume(&consumer);

    for (uint64_t i = 0; i < 3 * CAPACITY; ++i) {
        REQUIRE_OK(renoir_mpmc_claim(&producer, &room));
        renoir_mpmc_abort(&producer);
        CHECK_STATUS(RENOIR_BUFFER_EMPTY, renoir_mpmc_peek(&consumer, &found));
    }
    for (uint64_t i = 0; i < CAPACITY; ++i) {
        REQUIRE_OK(renoir_mpmc_claim(&producer, &room));
        renoir_mpmc_commit(&producer);
    }
    CHECK_STATUS(RENOIR_BUFFER_FULL, renoir_mpmc_claim(&producer, &room));

    renoir_ring_close(&producer.end);
    renoir_ring_close(&consumer.end);
    free(options.memory);
}

TEST(mpmc, what_a_consumer_looked_at_and_left_goes_to_another, "R-081 T-006 topic_ring")
{
    RenoirRingOptions options = in_memory(RENOIR_RING_MPMC, element_options(8, CAPACITY));
    RenoirMpmc producer = open_end(&options, RENOIR_PRODUCER);
    RenoirMpmc leaver = open_end(&options, RENOIR_CONSUMER);
    RenoirMpmc stayer = open_end(&options, RENOIR_CONSUMER);
    const void *found = NULL;
    uint64_t value = 0;

    push(&producer, 1);
    push(&producer, 2);
    REQUIRE_OK(renoir_mpmc_peek(&leaver, &found));
    CHECK_EQ_U64(2, pop(&stayer));
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, renoir_mpmc_try_pop(&stayer, &value, sizeof value));
    renoir_ring_close(&leaver.end);
    CHECK_EQ_U64(1, pop(&stayer));
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, renoir_mpmc_try_pop(&stayer, &value, sizeof value));
    for (uint64_t i = 0; i < CAPACITY; ++i) {
        push(&producer, i);
    }

    renoir_ring_close(&producer.end);
    renoir_ring_close(&stayer.end);
    free(options.memory);
}

// Pops until something comes. The ring's own patience ends after 5 ms of looking.
static uint64_t pop_in_the_end(RenoirMpmc *ring)
{
    uint64_t value = 0;
    while (renoir_mpmc_try_pop(ring, &value, sizeof value) != RENOIR_SUCCESS) {
        (void)sched_yield();
    }
    return value;
}

static void push_in_the_end(RenoirMpmc *ring, uint64_t value)
{
    while (renoir_mpmc_try_push(ring, &value, sizeof value) != RENOIR_SUCCESS) {
        (void)sched_yield();
    }
}

TEST(mpmc,
     a_producer_that_dawdles_holds_nobody_up_and_delivers_late,
     "R-081 T-005 T-020 topic_ring")
{
    RenoirRingOptions options = in_memory(RENOIR_RING_MPMC, element_options(8, CAPACITY));
    RenoirMpmc slow = open_end(&options, RENOIR_PRODUCER);
    RenoirMpmc quick = open_end(&options, RENOIR_PRODUCER);
    RenoirMpmc consumer = open_end(&options, RENOIR_CONSUMER);
    uint64_t value = 0;
    void *room = NULL;

    REQUIRE_OK(renoir_mpmc_claim(&slow, &room));
    for (uint64_t i = 0; i < 10 * CAPACITY; ++i) { // ten laps around it
        push_in_the_end(&quick, i);
        CHECK_EQ_U64(i, pop_in_the_end(&consumer));
    }
    *(uint64_t *)room = 4711;
    renoir_mpmc_commit(&slow);
    CHECK_EQ_U64(4711, pop(&consumer));
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, renoir_mpmc_try_pop(&consumer, &value, sizeof value));
    for (uint64_t i = 0; i < CAPACITY; ++i) { // its slot is everybody's again
        push(&quick, i);
    }
    for (uint64_t i = 0; i < CAPACITY; ++i) {
        CHECK_EQ_U64(i, pop(&consumer));
    }

    renoir_ring_close(&slow.end);
    renoir_ring_close(&quick.end);
    renoir_ring_close(&consumer.end);
    free(options.memory);
}

TEST(mpmc, a_late_element_comes_before_its_producers_next_ones, "R-081 T-005 topic_ring")
{
    RenoirRingOptions options = in_memory(RENOIR_RING_MPMC, element_options(8, CAPACITY));
    RenoirMpmc slow = open_end(&options, RENOIR_PRODUCER);
    RenoirMpmc quick = open_end(&options, RENOIR_PRODUCER);
    RenoirMpmc consumer = open_end(&options, RENOIR_CONSUMER);
    void *room = NULL;

    REQUIRE_OK(renoir_mpmc_claim(&slow, &room));
    push(&quick, 1);
    CHECK_EQ_U64(1, pop_in_the_end(&consumer));
    *(uint64_t *)room = 10;
    renoir_mpmc_commit(&slow);
    push(&slow, 11);
    push(&slow, 12);
    CHECK_EQ_U64(10, pop(&consumer));
    CHECK_EQ_U64(11, pop(&consumer));
    CHECK_EQ_U64(12, pop(&consumer));

    renoir_ring_close(&slow.end);
    renoir_ring_close(&quick.end);
    renoir_ring_close(&consumer.end);
    free(options.memory);
}

TEST(mpmc, a_consumer_that_dawdles_holds_nobody_up, "R-081 T-006 T-020 topic_ring")
{
    RenoirRingOptions options = in_memory(RENOIR_RING_MPMC, element_options(8, CAPACITY));
    RenoirMpmc producer = open_end(&options, RENOIR_PRODUCER);
    RenoirMpmc slow = open_end(&options, RENOIR_CONSUMER);
    RenoirMpmc quick = open_end(&options, RENOIR_CONSUMER);
    const void *found = NULL;

    push(&producer, 4711);
    REQUIRE_OK(renoir_mpmc_peek(&slow, &found));
    for (uint64_t i = 0; i < 10 * CAPACITY; ++i) {
        push_in_the_end(&producer, i);
        CHECK_EQ_U64(i, pop_in_the_end(&quick));
    }
    CHECK_EQ_U64(4711, *(const uint64_t *)found); // nobody wrote over it
    renoir_mpmc_consume(&slow);
    for (uint64_t i = 0; i < 3 * CAPACITY; ++i) {
        push_in_the_end(&producer, i);
        CHECK_EQ_U64(i, pop_in_the_end(&slow));
    }

    renoir_ring_close(&producer.end);
    renoir_ring_close(&slow.end);
    renoir_ring_close(&quick.end);
    free(options.memory);
}

TEST(mpmc, a_wait_goes_on_without_a_producer_that_dawdles, "R-081 R-072 T-012 topic_ring")
{
    RenoirRingOptions options = in_memory(RENOIR_RING_MPMC, element_options(8, CAPACITY));
    RenoirMpmc slow = open_end(&options, RENOIR_PRODUCER);
    RenoirMpmc quick = open_end(&options, RENOIR_PRODUCER);
    RenoirMpmc consumer = open_end(&options, RENOIR_CONSUMER);
    void *room = NULL;

    REQUIRE_OK(renoir_mpmc_claim(&slow, &room));
    push(&quick, 5);
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, renoir_ring_wait(&consumer.end, RENOIR_NO_WAIT));
    renoir_mpmc_abort(&slow); // an abort is no dawdling
    CHECK_OK(renoir_ring_wait(&consumer.end, RENOIR_NO_WAIT));
    CHECK_EQ_U64(5, pop(&consumer));

    renoir_ring_close(&slow.end);
    renoir_ring_close(&quick.end);
    CHECK_STATUS(RENOIR_DISCONNECTED, renoir_ring_wait(&consumer.end, RENOIR_WAIT_FOREVER));
    renoir_ring_close(&consumer.end);
    free(options.memory);
}

TEST(mpmc, ends_are_counted_and_given_back, "R-081 T-016 T-022 topic_ring")
{
    RenoirRingOptions options = element_options(8, CAPACITY);
    RenoirMpmc ends[3];
    RenoirMpmc another;
    options.max_ends = 3;
    options = in_memory(RENOIR_RING_MPMC, options);
    for (int i = 0; i < 3; ++i) {
        ends[i] = open_end(&options, i == 0 ? RENOIR_PRODUCER : RENOIR_CONSUMER);
    }

    CHECK_STATUS(RENOIR_LIMIT_REACHED,
                 renoir_mpmc_open(NULL, NULL, &options, RENOIR_CONSUMER, &another));
    CHECK_STR_CONTAINS("all its 3 ends", renoir_last_error_message());
    renoir_ring_close(&ends[1].end);
    CHECK_OK(renoir_mpmc_open(NULL, NULL, &options, RENOIR_CONSUMER, &ends[1]));

    for (int i = 0; i < 3; ++i) {
        renoir_ring_close(&ends[i].end);
    }
    free(options.memory);
}

TEST(mpmc, wrong_use_is_refused_by_name, "R-081 T-022 ffi")
{
    RenoirRingOptions options = in_memory(RENOIR_RING_MPMC, element_options(8, CAPACITY));
    RenoirMpmc producer = open_end(&options, RENOIR_PRODUCER);
    RenoirMpmc consumer = open_end(&options, RENOIR_CONSUMER);
    uint64_t value = 0;
    size_t count = 0;
    void *room = NULL;

    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_mpmc_try_push(&consumer, &value, 8));
    CHECK_STR_CONTAINS("this end is its consumer", renoir_last_error_message());
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_mpmc_try_pop(&producer, &value, 8));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_mpmc_try_push(&producer, &value, 4));
    CHECK_STR_CONTAINS("element_size 4", renoir_last_error_message());
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_mpmc_try_push(&producer, NULL, 8));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_mpmc_push_n(&producer, &value, 8, 1, NULL));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_mpmc_pop_n(NULL, &value, 8, 1, &count));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_mpmc_claim(&consumer, &room));
    options.flags |= RENOIR_RING_FAIR;
    CHECK_EQ_U64(0, renoir_ring_size(RENOIR_RING_MPMC, &options));
    options.flags = 0;
    options.max_ends = 127;
    CHECK_EQ_U64(0, renoir_ring_size(RENOIR_RING_MPMC, &options));

    renoir_ring_close(&producer.end);
    renoir_ring_close(&consumer.end);
    renoir_mpmc_commit(&producer);
    renoir_mpmc_consume(&consumer);
    free(options.memory);
}

TEST(mpmc, scribbled_words_never_hang_or_leave_the_ring, "R-081 T-030 hostile")
{
    RenoirRingOptions options = in_memory(RENOIR_RING_MPMC, element_options(8, 8));
    RenoirMpmc producer = open_end(&options, RENOIR_PRODUCER);
    RenoirMpmc consumer = open_end(&options, RENOIR_CONSUMER);
    RnrRingShm *const shm = shm_of(&producer.end);
    uint64_t *const words = (uint64_t *)(void *)(producer.end.cells);
    uint64_t value = 0;

    for (uint64_t i = 0; i < test_scaled(10000000); ++i) {
        words[test_random_below(8 * 8)] =
            test_random_below(2) == 0 ? test_random_u64() : test_random_below(1 << 14);
        rnr_store_relaxed_u64(test_random_below(2) == 0 ? &shm->head : &shm->tail,
                              test_random_u64() >> test_random_below(64));
        rnr_store_relaxed_u32(&shm->rescan, (uint32_t)test_random_below(3));
        (void)renoir_mpmc_try_push(&producer, &i, sizeof i);
        (void)renoir_mpmc_try_pop(&consumer, &value, sizeof value);
        (void)renoir_ring_count(&producer.end);
    }

    renoir_ring_close(&producer.end);
    renoir_ring_close(&consumer.end);
    free(options.memory);
}

// --- threads -------------------------------------------------------------------------------------

enum { SIDES = 2 };

typedef struct Crew {
    RenoirRingOptions options;
    uint64_t per_producer;
    uint64_t sums[SIDES];
    uint64_t counts[SIDES];
    RnrAtomicU64 popped;
} Crew;

typedef struct Hand {
    Crew *crew;
    uint64_t number;
} Hand;

static void *produce(void *argument)
{
    const Hand *const hand = argument;
    RenoirMpmc ring = open_end(&hand->crew->options, RENOIR_PRODUCER);
    for (uint64_t i = 0; i < hand->crew->per_producer; ++i) {
        const uint64_t element[2] = {hand->number << 56 | i, ~(hand->number << 56 | i)};
        while (renoir_mpmc_try_push(&ring, element, sizeof element) != RENOIR_SUCCESS) {
            (void)renoir_ring_wait(&ring.end, RENOIR_MILLISECONDS(50));
        }
    }
    renoir_ring_close(&ring.end);
    return NULL;
}

static void *consume(void *argument)
{
    const Hand *const hand = argument;
    Crew *const crew = hand->crew;
    RenoirMpmc ring = open_end(&crew->options, RENOIR_CONSUMER);
    const uint64_t total = SIDES * crew->per_producer;
    uint64_t next[SIDES] = {0};
    while (rnr_load_relaxed_u64(&crew->popped) < total) {
        uint64_t element[2];
        if (renoir_mpmc_try_pop(&ring, element, sizeof element) != RENOIR_SUCCESS) {
            (void)renoir_ring_wait(&ring.end, RENOIR_MILLISECONDS(1));
            continue;
        }
        const uint64_t producer = element[0] >> 56;
        const uint64_t number = element[0] & 0xffffffffffffff;
        REQUIRE(element[1] == ~element[0] && producer < SIDES && number >= next[producer]);
        next[producer] = number + 1;
        crew->sums[hand->number] += number;
        ++crew->counts[hand->number];
        (void)rnr_fetch_add_relaxed_u64(&crew->popped, 1);
    }
    renoir_ring_close(&ring.end);
    return NULL;
}

TEST_WITHIN(mpmc,
            two_to_two_lose_double_and_reorder_nothing,
            "R-081 T-005 T-006 T-029 concurrent_stress tsan",
            120)
{
    Crew crew = {.per_producer = test_scaled(5000000)};
    pthread_t threads[2 * SIDES];
    Hand hands[SIDES];
    crew.options = in_memory(RENOIR_RING_MPMC, element_options(16, 64));
    for (uint64_t i = 0; i < SIDES; ++i) {
        hands[i] = (Hand){.crew = &crew, .number = i};
        REQUIRE(pthread_create(&threads[i], NULL, produce, &hands[i]) == 0);
        REQUIRE(pthread_create(&threads[SIDES + i], NULL, consume, &hands[i]) == 0);
    }
    for (int i = 0; i < 2 * SIDES; ++i) {
        REQUIRE(pthread_join(threads[i], NULL) == 0);
    }
    const uint64_t n = crew.per_producer;
    CHECK_EQ_U64(SIDES * n, crew.counts[0] + crew.counts[1]);
    CHECK_EQ_U64(SIDES * (n * (n - 1) / 2), crew.sums[0] + crew.sums[1]);
    free(crew.options.memory);
}
