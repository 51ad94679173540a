// SPDX-License-Identifier: MIT OR Apache-2.0

#include "unit/ring/fixture.h"

enum { CAPACITY = 4 };

static void push_u64(RenoirSpsc *ring, uint64_t first, size_t count)
{
    for (size_t i = 0; i < count; ++i) {
        const uint64_t value = first + i;
        REQUIRE_OK(renoir_spsc_try_push(ring, &value, sizeof value));
    }
}

static uint64_t pop_u64(RenoirSpsc *ring)
{
    uint64_t value = 0;
    REQUIRE_OK(renoir_spsc_try_pop(ring, &value, sizeof value));
    return value;
}

TEST(spsc, elements_come_out_in_the_order_they_went_in, "R-071 topic_ring")
{
    SpscPair pair;
    spsc_pair_open(&pair, 8, CAPACITY);

    for (uint64_t lap = 0; lap < 10; ++lap) {
        push_u64(&pair.producer, lap * 3, 3);
        CHECK_EQ_U64(lap * 3, pop_u64(&pair.consumer));
        CHECK_EQ_U64(lap * 3 + 1, pop_u64(&pair.consumer));
        CHECK_EQ_U64(lap * 3 + 2, pop_u64(&pair.consumer));
    }

    spsc_pair_close(&pair);
}

TEST(spsc, bytes_are_elements_of_size_one, "R-077 topic_ring")
{
    static const char text[] = "byte by byte, or a span at a time";
    SpscPair pair;
    char found[sizeof text] = "";
    size_t count = 0;
    spsc_pair_open(&pair, 1, 64);

    CHECK_OK(renoir_spsc_try_push(&pair.producer, text, 1));
    CHECK_OK(renoir_spsc_push_n(&pair.producer, text + 1, 1, sizeof text - 1, &count));
    CHECK_EQ_U64(sizeof text - 1, count);
    CHECK_EQ_U64(sizeof text, renoir_ring_count(&pair.consumer.end));
    CHECK_OK(renoir_spsc_pop_n(&pair.consumer, found, 1, sizeof found - 1, &count));
    CHECK_OK(renoir_spsc_try_pop(&pair.consumer, found + count, 1));
    CHECK_STR(text, found);

    spsc_pair_close(&pair);
}

TEST(spsc, push_answers_full_exactly_when_every_cell_is_live, "R-071 R-082 T-011 topic_ring")
{
    SpscPair pair;
    uint64_t value = 99;
    spsc_pair_open(&pair, 8, CAPACITY);
    push_u64(&pair.producer, 0, CAPACITY);

    CHECK_STATUS(RENOIR_BUFFER_FULL, renoir_spsc_try_push(&pair.producer, &value, 8));
    CHECK_EQ_U64(0, pop_u64(&pair.consumer));
    CHECK_STATUS(RENOIR_SUCCESS, renoir_spsc_try_push(&pair.producer, &value, 8));
    CHECK_STATUS(RENOIR_BUFFER_FULL, renoir_spsc_try_push(&pair.producer, &value, 8));

    spsc_pair_close(&pair);
}

TEST(spsc, pop_answers_empty_and_leaves_the_callers_bytes_alone, "R-071 T-011 topic_ring")
{
    SpscPair pair;
    uint64_t value = 0x5555;
    spsc_pair_open(&pair, 8, CAPACITY);

    CHECK_STATUS(RENOIR_BUFFER_EMPTY, renoir_spsc_try_pop(&pair.consumer, &value, 8));
    CHECK_EQ_U64(0x5555, value);

    spsc_pair_close(&pair);
}

TEST(spsc, ordinary_answers_leave_no_error_record, "R-071 ffi")
{
    SpscPair pair;
    uint64_t value = 0;
    spsc_pair_open(&pair, 8, CAPACITY);
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_spsc_try_push(&pair.producer, &value, 4));
    char before[256];
    snprintf(before, sizeof before, "%s", renoir_last_error_message());

    CHECK_STATUS(RENOIR_BUFFER_EMPTY, renoir_spsc_try_pop(&pair.consumer, &value, 8));
    push_u64(&pair.producer, 0, CAPACITY);
    CHECK_STATUS(RENOIR_BUFFER_FULL, renoir_spsc_try_push(&pair.producer, &value, 8));
    CHECK_STATUS(RENOIR_BUFFER_FULL, renoir_ring_wait(&pair.producer.end, RENOIR_NO_WAIT));

    CHECK_STR(before, renoir_last_error_message());
    spsc_pair_close(&pair);
}

TEST(spsc, wrong_size_wrong_role_closed_end_and_null_are_refused_with_a_reason, "R-071 T-026 ffi")
{
    SpscPair pair;
    uint64_t value = 0;
    uint64_t values[2] = {0, 0};
    size_t count = 7;
    void *room = NULL;
    const void *stock = NULL;
    spsc_pair_open(&pair, 8, CAPACITY);

    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_spsc_try_push(&pair.producer, &value, 4));
    CHECK_STR_CONTAINS("element_size 4 given, its elements have 8", renoir_last_error_message());
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_spsc_try_push(&pair.consumer, &value, 8));
    CHECK_STR_CONTAINS("this end is its consumer, not its producer", renoir_last_error_message());
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_spsc_try_pop(&pair.producer, &value, 8));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_spsc_try_push(NULL, &value, 8));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_spsc_try_push(&pair.producer, NULL, 8));
    CHECK_STR_CONTAINS("NULL", renoir_last_error_message());
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_spsc_push_n(&pair.producer, values, 8, 2, NULL));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_spsc_pop_n(&pair.producer, values, 8, 2, &count));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_spsc_claim(&pair.consumer, 1, &room, &count));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_spsc_claim(&pair.producer, 0, &room, &count));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_spsc_peek(&pair.producer, 1, &stock, &count));

    spsc_pair_close(&pair);
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_spsc_try_push(&pair.producer, &value, 8));
    CHECK_STR_CONTAINS("closed", renoir_last_error_message());
    renoir_spsc_commit(&pair.producer, 1);
    renoir_spsc_consume(&pair.consumer, 1);
    renoir_ring_close(&pair.producer.end);
    CHECK_EQ_U64(0, renoir_ring_count(&pair.producer.end));
}

TEST(spsc, a_batch_moves_as_many_as_go_and_says_how_many, "R-073 topic_ring")
{
    SpscPair pair;
    const uint64_t in[6] = {1, 2, 3, 4, 5, 6};
    uint64_t out[6] = {0};
    size_t count = 0;
    spsc_pair_open(&pair, 8, CAPACITY);

    CHECK_OK(renoir_spsc_push_n(&pair.producer, in, 8, 6, &count));
    CHECK_EQ_U64(4, count);
    CHECK_STATUS(RENOIR_BUFFER_FULL, renoir_spsc_push_n(&pair.producer, in, 8, 1, &count));
    CHECK_EQ_U64(0, count);
    CHECK_OK(renoir_spsc_pop_n(&pair.consumer, out, 8, 3, &count));
    CHECK_EQ_U64(3, count);
    CHECK_OK(renoir_spsc_push_n(&pair.producer, in + 4, 8, 2, &count)); // over the end
    CHECK_EQ_U64(2, count);
    CHECK_OK(renoir_spsc_pop_n(&pair.consumer, out + 3, 8, 6, &count));
    CHECK_EQ_U64(3, count);
    CHECK_BYTES(in, out, sizeof in);
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, renoir_spsc_pop_n(&pair.consumer, out, 8, 1, &count));
    CHECK_EQ_U64(0, count);
    CHECK_OK(renoir_spsc_pop_n(&pair.consumer, out, 8, 0, &count));

    spsc_pair_close(&pair);
}

TEST(spsc, a_claim_is_contiguous_in_place_and_unseen_before_commit, "R-074 T-018 topic_ring")
{
    SpscPair pair;
    void *room = NULL;
    const void *stock = NULL;
    size_t count = 0;
    spsc_pair_open(&pair, 8, CAPACITY);
    push_u64(&pair.producer, 0, 3);
    (void)pop_u64(&pair.consumer);
    (void)pop_u64(&pair.consumer);

    REQUIRE_OK(renoir_spsc_claim(&pair.producer, 4, &room, &count));
    CHECK_EQ_U64(1, count); // one cell before the end
    CHECK(room == pair.producer.end.cells + 3 * 8);
    memcpy(room, &(uint64_t){30}, 8);
    CHECK_EQ_U64(1, renoir_ring_count(&pair.consumer.end));
    renoir_spsc_commit(&pair.producer, count);
    CHECK_EQ_U64(2, renoir_ring_count(&pair.consumer.end));

    REQUIRE_OK(renoir_spsc_peek(&pair.consumer, 4, &stock, &count));
    CHECK_EQ_U64(2, count);
    CHECK(stock == pair.consumer.end.cells + 2 * 8);
    renoir_spsc_consume(&pair.consumer, 1);
    CHECK_EQ_U64(30, pop_u64(&pair.consumer));

    spsc_pair_close(&pair);
}

TEST(spsc, claims_given_back_and_counts_too_great_change_nothing, "R-074 T-018 topic_ring")
{
    SpscPair pair;
    void *room = NULL;
    const void *stock = NULL;
    size_t count = 0;
    spsc_pair_open(&pair, 8, CAPACITY);

    const uint64_t rounds = test_scaled(1000000);
    for (uint64_t i = 0; i < rounds; ++i) {
        REQUIRE_OK(renoir_spsc_claim(&pair.producer, 2, &room, &count));
        renoir_spsc_commit(&pair.producer, 0);
    }
    CHECK_EQ_U64(0, renoir_ring_count(&pair.producer.end));
    REQUIRE_OK(renoir_spsc_claim(&pair.producer, 2, &room, &count));
    memset(room, 0, 16);
    renoir_spsc_commit(&pair.producer, 3);
    renoir_spsc_commit(&pair.producer, 3); // nothing is claimed any more
    CHECK_EQ_U64(2, renoir_ring_count(&pair.producer.end));
    REQUIRE_OK(renoir_spsc_peek(&pair.consumer, 1, &stock, &count));
    renoir_spsc_consume(&pair.consumer, 2); // one was looked at
    renoir_spsc_consume(&pair.consumer, 2);
    CHECK_EQ_U64(1, renoir_ring_count(&pair.producer.end));

    spsc_pair_close(&pair);
}

// A queue of numbers that cannot be wrong.
typedef struct Model {
    uint64_t next_in;
    uint64_t next_out;
    uint64_t capacity;
} Model;

static uint64_t model_room(const Model *model)
{
    return model->capacity - (model->next_in - model->next_out);
}

static void step_push(SpscPair *pair, Model *model)
{
    uint8_t element[24];
    pattern_fill(element, sizeof element, model->next_in);
    const bool is_full = model_room(model) == 0;
    REQUIRE_STATUS(is_full ? RENOIR_BUFFER_FULL : RENOIR_SUCCESS,
                   renoir_spsc_try_push(&pair->producer, element, sizeof element));
    model->next_in += is_full ? 0 : 1;
}

static void step_pop(SpscPair *pair, Model *model)
{
    uint8_t element[24];
    const bool is_empty = model->next_in == model->next_out;
    REQUIRE_STATUS(is_empty ? RENOIR_BUFFER_EMPTY : RENOIR_SUCCESS,
                   renoir_spsc_try_pop(&pair->consumer, element, sizeof element));
    if (!is_empty) {
        REQUIRE(pattern_holds(element, sizeof element, model->next_out));
        model->next_out += 1;
    }
}

static void step_push_n(SpscPair *pair, Model *model)
{
    uint8_t elements[24 * 20];
    size_t count = 0;
    const size_t wanted = (size_t)test_random_below(20) + 1;
    for (size_t i = 0; i < wanted; ++i) {
        pattern_fill(elements + 24 * i, 24, model->next_in + i);
    }
    const uint64_t room = model_room(model);
    const uint64_t expected = wanted < room ? wanted : room;
    REQUIRE_STATUS(expected == 0 ? RENOIR_BUFFER_FULL : RENOIR_SUCCESS,
                   renoir_spsc_push_n(&pair->producer, elements, 24, wanted, &count));
    REQUIRE_EQ_U64(expected, count);
    model->next_in += count;
}

static void step_pop_n(SpscPair *pair, Model *model)
{
    uint8_t elements[24 * 20];
    size_t count = 0;
    const size_t wanted = (size_t)test_random_below(20) + 1;
    const uint64_t stock = model->next_in - model->next_out;
    const uint64_t expected = wanted < stock ? wanted : stock;
    REQUIRE_STATUS(expected == 0 ? RENOIR_BUFFER_EMPTY : RENOIR_SUCCESS,
                   renoir_spsc_pop_n(&pair->consumer, elements, 24, wanted, &count));
    REQUIRE_EQ_U64(expected, count);
    for (size_t i = 0; i < count; ++i) {
        REQUIRE(pattern_holds(elements + 24 * i, 24, model->next_out + i));
    }
    model->next_out += count;
}

static void step_claim(SpscPair *pair, Model *model)
{
    void *room = NULL;
    size_t count = 0;
    const size_t wanted = (size_t)test_random_below(20) + 1;
    const bool is_full = model_room(model) == 0;
    REQUIRE_STATUS(is_full ? RENOIR_BUFFER_FULL : RENOIR_SUCCESS,
                   renoir_spsc_claim(&pair->producer, wanted, &room, &count));
    if (is_full) {
        return;
    }
    REQUIRE(count >= 1 && count <= wanted && count <= model_room(model));
    for (size_t i = 0; i < count; ++i) {
        pattern_fill((uint8_t *)room + 24 * i, 24, model->next_in + i);
    }
    const size_t kept = (size_t)test_random_below(count + 1);
    renoir_spsc_commit(&pair->producer, kept);
    model->next_in += kept;
}

static void step_peek(SpscPair *pair, Model *model)
{
    const void *stock = NULL;
    size_t count = 0;
    const size_t wanted = (size_t)test_random_below(20) + 1;
    const bool is_empty = model->next_in == model->next_out;
    REQUIRE_STATUS(is_empty ? RENOIR_BUFFER_EMPTY : RENOIR_SUCCESS,
                   renoir_spsc_peek(&pair->consumer, wanted, &stock, &count));
    if (is_empty) {
        return;
    }
    REQUIRE(count >= 1 && count <= wanted && count <= model->next_in - model->next_out);
    for (size_t i = 0; i < count; ++i) {
        REQUIRE(pattern_holds((const uint8_t *)stock + 24 * i, 24, model->next_out + i));
    }
    const size_t taken = (size_t)test_random_below(count + 1);
    renoir_spsc_consume(&pair->consumer, taken);
    model->next_out += taken;
}

static void step_reopen(SpscPair *pair)
{
    RenoirSpsc *const end = test_random_below(2) == 0 ? &pair->producer : &pair->consumer;
    const uint32_t role = end->end.role;
    renoir_ring_close(&end->end);
    REQUIRE_OK(renoir_spsc_open(NULL, NULL, &pair->options, role, end));
}

static void check_counts(const SpscPair *pair, const Model *model, uint64_t origin)
{
    RenoirRingStats stats;
    REQUIRE_EQ_U64(model->next_in - model->next_out, renoir_ring_count(&pair->producer.end));
    REQUIRE_OK(renoir_ring_stats(&pair->consumer.end, &stats));
    REQUIRE_EQ_U64(model->capacity, stats.capacity);
    REQUIRE_EQ_U64(model->next_in - model->next_out, stats.size);
    REQUIRE_EQ_U64(origin + model->next_in, stats.writes);
    REQUIRE_EQ_U64(origin + model->next_out, stats.reads);
    REQUIRE_EQ_U64(0, stats.overwrites);
    REQUIRE_EQ_U64(0, stats.skipped);
}

static void run_model(uint64_t capacity, uint64_t origin, uint64_t steps)
{
    SpscPair pair;
    Model model = {.capacity = capacity};
    spsc_pair_open(&pair, 24, capacity);
    rnr_store_release_u64(&shm_of(&pair.producer.end)->tail, origin);
    rnr_store_release_u64(&shm_of(&pair.producer.end)->head, origin);
    step_reopen(&pair);
    renoir_ring_close(&pair.producer.end);
    renoir_ring_close(&pair.consumer.end);
    REQUIRE_OK(renoir_spsc_open(NULL, NULL, &pair.options, RENOIR_PRODUCER, &pair.producer));
    REQUIRE_OK(renoir_spsc_open(NULL, NULL, &pair.options, RENOIR_CONSUMER, &pair.consumer));

    for (uint64_t i = 0; i < steps; ++i) {
        switch (test_random_below(13)) {
        case 0:
        case 1:
            step_push(&pair, &model);
            break;
        case 2:
        case 3:
            step_pop(&pair, &model);
            break;
        case 4:
        case 5:
            step_push_n(&pair, &model);
            break;
        case 6:
        case 7:
            step_pop_n(&pair, &model);
            break;
        case 8:
        case 9:
            step_claim(&pair, &model);
            break;
        case 10:
        case 11:
            step_peek(&pair, &model);
            break;
        default:
            step_reopen(&pair);
            break;
        }
        check_counts(&pair, &model, origin);
    }
    spsc_pair_close(&pair);
}

TEST(spsc,
     agrees_with_a_model_over_random_operations,
     "R-071 R-073 R-074 R-076 T-011 T-025 topic_ring")
{
    for (uint64_t capacity = 2; capacity <= 64; capacity *= 2) {
        run_model(capacity, 0, test_scaled(1000000) / 6 + 1);
    }
}

TEST(spsc, positions_near_two_to_the_32_and_64_change_nothing, "T-027 topic_ring")
{
    run_model(16, (UINT64_C(1) << 32) - 100, test_scaled(1000000) / 10 + 1000);
    run_model(16, UINT64_MAX - 100, test_scaled(1000000) / 10 + 1000);
}

TEST(spsc, every_element_size_up_to_its_limit_round_trips, "R-071 topic_ring")
{
    static const uint32_t sizes[] = {1, 2, 3, 7, 8, 13, 64, 65, 4096, 1u << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; ++i) {
        SpscPair pair;
        uint8_t *const in = malloc(sizes[i]);
        uint8_t *const out = malloc(sizes[i]);
        REQUIRE(in != NULL && out != NULL);
        spsc_pair_open(&pair, sizes[i], 2);
        for (uint64_t lap = 0; lap < 5; ++lap) {
            pattern_fill(in, sizes[i], lap);
            REQUIRE_OK(renoir_spsc_try_push(&pair.producer, in, sizes[i]));
            REQUIRE_OK(renoir_spsc_try_pop(&pair.consumer, out, sizes[i]));
            CHECK_BYTES(in, out, sizes[i]);
        }
        spsc_pair_close(&pair);
        free(in);
        free(out);
    }
}

TEST(spsc, an_index_that_cannot_be_is_corrupted_for_the_other_side, "R-071 T-030 security_edge")
{
    static const uint64_t wild[] = {5, 6, 1u << 31, UINT64_C(1) << 63, UINT64_MAX};
    for (size_t i = 0; i < sizeof wild / sizeof wild[0]; ++i) {
        SpscPair pair;
        uint64_t value = 0;
        size_t count = 0;
        const void *stock = NULL;
        spsc_pair_open(&pair, 8, CAPACITY);

        rnr_store_release_u64(&shm_of(&pair.producer.end)->tail, wild[i]);
        CHECK_STATUS(RENOIR_CORRUPTED, renoir_spsc_try_pop(&pair.consumer, &value, 8));
        CHECK_STATUS(RENOIR_CORRUPTED, renoir_spsc_pop_n(&pair.consumer, &value, 8, 1, &count));
        CHECK_STATUS(RENOIR_CORRUPTED, renoir_spsc_peek(&pair.consumer, 1, &stock, &count));
        CHECK_STATUS(RENOIR_CORRUPTED, renoir_ring_wait(&pair.consumer.end, RENOIR_WAIT_FOREVER));
        CHECK_STR_CONTAINS("its producer is said to be at", renoir_last_error_message());
        spsc_pair_close(&pair);
    }
}

TEST(spsc, a_head_beyond_the_tail_is_corrupted_for_the_producer, "T-030 security_edge")
{
    SpscPair pair;
    uint64_t value = 0;
    void *room = NULL;
    size_t count = 0;
    spsc_pair_open(&pair, 8, CAPACITY);
    push_u64(&pair.producer, 0, CAPACITY);

    rnr_store_release_u64(&shm_of(&pair.producer.end)->head, CAPACITY + 1);

    CHECK_STATUS(RENOIR_CORRUPTED, renoir_spsc_try_push(&pair.producer, &value, 8));
    CHECK_STATUS(RENOIR_CORRUPTED, renoir_spsc_push_n(&pair.producer, &value, 8, 1, &count));
    CHECK_STATUS(RENOIR_CORRUPTED, renoir_spsc_claim(&pair.producer, 1, &room, &count));
    CHECK_STATUS(RENOIR_CORRUPTED, renoir_ring_wait(&pair.producer.end, RENOIR_WAIT_FOREVER));
    spsc_pair_close(&pair);
}
