// SPDX-License-Identifier: MIT OR Apache-2.0
//
// spsc rings with stamps. What both options promise is tried with both; the rest is the stamps'.

#include "renoir/detail/ring_stamped.h"

#include <pthread.h>

#include "ring/ring.h"
#include "unit/ring/fixture.h"

enum { CAPACITY = 4 };

static const uint32_t BOTH[] = {0, RENOIR_RING_STAMPED};

static void open_pair(SpscPair *pair, uint32_t element_size, uint64_t capacity, uint32_t flags)
{
    pair->options = element_options(element_size, capacity);
    pair->options.flags |= flags;
    pair->options = in_memory(RENOIR_RING_SPSC, pair->options);
    REQUIRE_OK(renoir_spsc_open(NULL, NULL, &pair->options, RENOIR_PRODUCER, &pair->producer));
    REQUIRE_OK(renoir_spsc_open(NULL, NULL, &pair->options, RENOIR_CONSUMER, &pair->consumer));
}

static void reopen(SpscPair *pair, uint32_t role)
{
    RenoirSpsc *const end = role == RENOIR_PRODUCER ? &pair->producer : &pair->consumer;
    renoir_ring_close(&end->end);
    REQUIRE_OK(renoir_spsc_open(NULL, NULL, &pair->options, role, end));
}

static void push_u64(SpscPair *pair, uint64_t first, size_t count)
{
    for (size_t i = 0; i < count; ++i) {
        const uint64_t value = first + i;
        REQUIRE_OK(renoir_spsc_try_push(&pair->producer, &value, sizeof value));
    }
}

static uint64_t pop_u64(SpscPair *pair)
{
    uint64_t value = 0;
    REQUIRE_OK(renoir_spsc_try_pop(&pair->consumer, &value, sizeof value));
    return value;
}

static RnrStampedSlotShm *slot_at(const SpscPair *pair, uint64_t position)
{
    return rnr_stamped_slot(&pair->producer.end, position, pair->options.element_size);
}

static void set_stamp(const SpscPair *pair, uint64_t position, uint64_t stamp)
{
    rnr_store_release_u64(&slot_at(pair, position)->stamp, stamp);
}

static void set_tail(const SpscPair *pair, uint64_t tail)
{
    rnr_store_release_u64(&shm_of(&pair->producer.end)->tail, tail);
}

static void set_head(const SpscPair *pair, uint64_t head)
{
    rnr_store_release_u64(&shm_of(&pair->producer.end)->head, head);
}

// --- what both promise ---------------------------------------------------------------------------

// A queue of numbers that cannot be wrong.
typedef struct Model {
    SpscPair pair;
    size_t size; // of an element
    uint64_t next_in;
    uint64_t next_out;
    uint64_t capacity;
    bool is_stamped;
} Model;

enum { MODEL_SIZE_MAX = 200, MODEL_BATCH = 20 };

static uint64_t room_of(const Model *model)
{
    return model->capacity - (model->next_in - model->next_out);
}

static uint64_t stock_of(const Model *model)
{
    return model->next_in - model->next_out;
}

static void step_push(Model *model)
{
    uint8_t element[MODEL_SIZE_MAX];
    const bool is_full = room_of(model) == 0;
    pattern_fill(element, model->size, model->next_in);
    REQUIRE_STATUS(is_full ? RENOIR_BUFFER_FULL : RENOIR_SUCCESS,
                   renoir_spsc_try_push(&model->pair.producer, element, model->size));
    model->next_in += is_full ? 0 : 1;
}

static void step_pop(Model *model)
{
    uint8_t element[MODEL_SIZE_MAX];
    const bool is_empty = stock_of(model) == 0;
    REQUIRE_STATUS(is_empty ? RENOIR_BUFFER_EMPTY : RENOIR_SUCCESS,
                   renoir_spsc_try_pop(&model->pair.consumer, element, model->size));
    if (!is_empty) {
        REQUIRE(pattern_holds(element, model->size, model->next_out));
        model->next_out += 1;
    }
}

static void step_push_n(Model *model)
{
    uint8_t elements[MODEL_SIZE_MAX * MODEL_BATCH];
    size_t count = 0;
    const size_t wanted = (size_t)test_random_below(MODEL_BATCH) + 1;
    for (size_t i = 0; i < wanted; ++i) {
        pattern_fill(elements + model->size * i, model->size, model->next_in + i);
    }
    const uint64_t expected = wanted < room_of(model) ? wanted : room_of(model);
    REQUIRE_STATUS(
        expected == 0 ? RENOIR_BUFFER_FULL : RENOIR_SUCCESS,
        renoir_spsc_push_n(&model->pair.producer, elements, model->size, wanted, &count));
    REQUIRE_EQ_U64(expected, count);
    model->next_in += count;
}

static void step_pop_n(Model *model)
{
    uint8_t elements[MODEL_SIZE_MAX * MODEL_BATCH];
    size_t count = 0;
    const size_t wanted = (size_t)test_random_below(MODEL_BATCH) + 1;
    const uint64_t expected = wanted < stock_of(model) ? wanted : stock_of(model);
    REQUIRE_STATUS(expected == 0 ? RENOIR_BUFFER_EMPTY : RENOIR_SUCCESS,
                   renoir_spsc_pop_n(&model->pair.consumer, elements, model->size, wanted, &count));
    REQUIRE_EQ_U64(expected, count);
    for (size_t i = 0; i < count; ++i) {
        REQUIRE(pattern_holds(elements + model->size * i, model->size, model->next_out + i));
    }
    model->next_out += count;
}

static void step_claim(Model *model)
{
    void *room = NULL;
    size_t count = 0;
    const size_t wanted = (size_t)test_random_below(MODEL_BATCH) + 1;
    const bool is_full = room_of(model) == 0;
    REQUIRE_STATUS(is_full ? RENOIR_BUFFER_FULL : RENOIR_SUCCESS,
                   renoir_spsc_claim(&model->pair.producer, wanted, &room, &count));
    if (is_full) {
        return;
    }
    REQUIRE(count >= 1 && count <= wanted && count <= room_of(model));
    REQUIRE(!model->is_stamped || count == 1);
    for (size_t i = 0; i < count; ++i) {
        pattern_fill((uint8_t *)room + model->size * i, model->size, model->next_in + i);
    }
    const size_t kept = (size_t)test_random_below(count + 1);
    renoir_spsc_commit(&model->pair.producer, kept);
    model->next_in += kept;
}

static void step_peek(Model *model)
{
    const void *stock = NULL;
    size_t count = 0;
    const size_t wanted = (size_t)test_random_below(MODEL_BATCH) + 1;
    const bool is_empty = stock_of(model) == 0;
    REQUIRE_STATUS(is_empty ? RENOIR_BUFFER_EMPTY : RENOIR_SUCCESS,
                   renoir_spsc_peek(&model->pair.consumer, wanted, &stock, &count));
    if (is_empty) {
        return;
    }
    REQUIRE(count >= 1 && count <= wanted && count <= stock_of(model));
    REQUIRE(!model->is_stamped || count == 1);
    for (size_t i = 0; i < count; ++i) {
        REQUIRE(pattern_holds((const uint8_t *)stock + model->size * i, model->size,
                              model->next_out + i));
    }
    const size_t taken = (size_t)test_random_below(count + 1);
    renoir_spsc_consume(&model->pair.consumer, taken);
    model->next_out += taken;
}

static void check_counts(const Model *model, uint64_t origin)
{
    RenoirRingStats stats;
    REQUIRE_EQ_U64(stock_of(model), renoir_ring_count(&model->pair.producer.end));
    REQUIRE_OK(renoir_ring_stats(&model->pair.consumer.end, &stats));
    REQUIRE_EQ_U64(model->capacity, stats.capacity);
    REQUIRE_EQ_U64(stock_of(model), stats.size);
    REQUIRE_EQ_U64(origin + model->next_in, stats.writes);
    REQUIRE_EQ_U64(origin + model->next_out, stats.reads);
    REQUIRE_STATUS(room_of(model) == 0 ? RENOIR_BUFFER_FULL : RENOIR_SUCCESS,
                   renoir_ring_wait(&model->pair.producer.end, RENOIR_NO_WAIT));
    REQUIRE_STATUS(stock_of(model) == 0 ? RENOIR_BUFFER_EMPTY : RENOIR_SUCCESS,
                   renoir_ring_wait(&model->pair.consumer.end, RENOIR_NO_WAIT));
}

static void step(Model *model)
{
    static void (*const steps[])(Model *) = {step_push,  step_pop,   step_push_n,
                                             step_pop_n, step_claim, step_peek};
    const uint64_t which = test_random_below(13);
    if (which < 12) {
        steps[which / 2](model);
    } else {
        reopen(&model->pair, test_random_below(2) == 0 ? RENOIR_PRODUCER : RENOIR_CONSUMER);
    }
}

static void run_model(uint32_t size, uint64_t capacity, uint32_t flags, uint64_t origin)
{
    Model model = {.size = size, .capacity = capacity, .is_stamped = flags != 0};
    const uint64_t steps = test_scaled(1000000) / 10 + 500;
    open_pair(&model.pair, size, capacity, flags);
    set_tail(&model.pair, origin);
    set_head(&model.pair, origin);
    reopen(&model.pair, RENOIR_PRODUCER);
    reopen(&model.pair, RENOIR_CONSUMER);
    for (uint64_t i = 0; i < steps; ++i) {
        step(&model);
        check_counts(&model, origin);
    }
    spsc_pair_close(&model.pair);
}

TEST(stamped,
     both_options_agree_with_a_model_over_random_operations,
     "R-071 R-073 R-074 R-076 T-011 topic_ring")
{
    static const uint32_t sizes[] = {8, 24, 61, 64, 200};
    for (size_t i = 0; i < 2 * sizeof sizes / sizeof sizes[0]; ++i) {
        for (uint64_t capacity = 2; capacity <= 64; capacity *= 4) {
            run_model(sizes[i / 2], capacity, BOTH[i % 2], 0);
        }
    }
}

TEST(stamped, positions_near_two_to_the_32_and_64_change_nothing, "T-027 topic_ring")
{
    for (size_t i = 0; i < 2; ++i) {
        run_model(24, 16, BOTH[i], (UINT64_C(1) << 32) - 100);
        run_model(64, 16, BOTH[i], UINT64_MAX - 100);
    }
}

TEST(stamped, every_element_size_up_to_its_limit_round_trips, "R-071 topic_ring")
{
    static const uint32_t sizes[] = {1,  2,  3,  7,  8,  9,   13,  24,  25,  48,   55,      56,
                                     57, 63, 64, 65, 72, 120, 121, 127, 128, 4096, 1u << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; ++i) {
        SpscPair pair;
        uint8_t *const in = malloc(sizes[i]);
        uint8_t *const out = malloc(sizes[i]);
        REQUIRE(in != NULL && out != NULL);
        open_pair(&pair, sizes[i], 2, RENOIR_RING_STAMPED);
        CHECK_EQ_U64(pair.producer.end.stride, rnr_stamped_stride(sizes[i]));
        for (uint64_t lap = 0; lap < 5; ++lap) {
            pattern_fill(in, sizes[i], lap);
            REQUIRE_OK(renoir_spsc_try_push(&pair.producer, in, sizes[i]));
            memset(out, 0, sizes[i]);
            REQUIRE_OK(renoir_spsc_try_pop(&pair.consumer, out, sizes[i]));
            CHECK_BYTES(in, out, sizes[i]);
        }
        spsc_pair_close(&pair);
        free(in);
        free(out);
    }
}

TEST(stamped, what_is_not_the_callers_is_refused_with_a_reason, "R-071 T-026 ffi")
{
    for (size_t i = 0; i < 2; ++i) {
        SpscPair pair;
        uint64_t value = 0;
        uint64_t wide[2] = {0, 0};
        size_t count = 7;
        void *room = NULL;
        const void *stock = NULL;
        open_pair(&pair, 8, CAPACITY, BOTH[i]);
        RenoirSpsc *const in = &pair.producer;
        RenoirSpsc *const out = &pair.consumer;

        CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_spsc_try_push(in, &value, 4));
        CHECK_STR_CONTAINS("element_size 4 given", renoir_last_error_message());
        CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_spsc_try_push(in, &value, 0));
        CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_spsc_try_push(out, &value, 8));
        CHECK_STR_CONTAINS("this end is its consumer", renoir_last_error_message());
        CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_spsc_try_pop(in, &value, 8));
        CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_spsc_try_pop(out, NULL, 8));
        CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_spsc_try_pop(out, wide, 16));
        CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_spsc_push_n(in, &value, 8, 1, NULL));
        CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_spsc_push_n(out, &value, 8, 1, &count));
        CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_spsc_pop_n(out, &value, 8, 1, NULL));
        CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_spsc_pop_n(in, &value, 8, 1, &count));
        CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_spsc_claim(out, 1, &room, &count));
        CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_spsc_claim(in, 0, &room, &count));
        CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_spsc_claim(in, 1, NULL, &count));
        CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_spsc_peek(in, 1, &stock, &count));
        CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_spsc_peek(out, 1, &stock, NULL));
        renoir_spsc_commit(out, 1);
        renoir_spsc_consume(in, 1);
        CHECK_EQ_U64(7, count);
        CHECK_OK(renoir_spsc_push_n(in, &value, 8, 0, &count));
        CHECK_EQ_U64(0, count);
        CHECK_OK(renoir_spsc_pop_n(out, &value, 8, 0, &count));

        spsc_pair_close(&pair);
        CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_spsc_try_push(in, &value, 8));
        CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_spsc_peek(out, 1, &stock, &count));
    }
}

TEST(stamped, a_ring_is_opened_with_stamps_or_without_by_all, "R-071 T-026")
{
    SpscPair pair;
    RenoirSpsc other;
    open_pair(&pair, 8, CAPACITY, RENOIR_RING_STAMPED);
    renoir_ring_close(&pair.consumer.end);
    RenoirRingOptions options = pair.options;
    options.flags &= ~(uint32_t)RENOIR_RING_STAMPED;

    CHECK_STATUS(RENOIR_EXISTS, renoir_spsc_open(NULL, NULL, &options, RENOIR_CONSUMER, &other));

    renoir_ring_close(&pair.producer.end);
    free(pair.options.memory);
}

// --- claims and peeks ----------------------------------------------------------------------------

TEST(stamped, a_claim_is_one_element_and_unseen_before_commit, "R-074 T-018 topic_ring")
{
    SpscPair pair;
    void *room = NULL;
    const void *stock = NULL;
    size_t count = 0;
    open_pair(&pair, 64, CAPACITY, RENOIR_RING_STAMPED);

    REQUIRE_OK(renoir_spsc_claim(&pair.producer, 4, &room, &count));
    CHECK_EQ_U64(1, count);
    CHECK(room == slot_at(&pair, 0) + 1);
    pattern_fill(room, 64, 30);
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, renoir_spsc_peek(&pair.consumer, 4, &stock, &count));
    CHECK_EQ_U64(0, renoir_ring_count(&pair.consumer.end));
    renoir_spsc_commit(&pair.producer, 4);
    renoir_spsc_commit(&pair.producer, 1); // nothing is claimed any more
    CHECK_EQ_U64(1, renoir_ring_count(&pair.consumer.end));

    REQUIRE_OK(renoir_spsc_peek(&pair.consumer, 4, &stock, &count));
    CHECK_EQ_U64(1, count);
    CHECK(pattern_holds(stock, 64, 30));
    renoir_spsc_consume(&pair.consumer, 0);
    CHECK_EQ_U64(1, renoir_ring_count(&pair.consumer.end));
    renoir_spsc_consume(&pair.consumer, 1);
    renoir_spsc_consume(&pair.consumer, 1);
    CHECK_EQ_U64(0, renoir_ring_count(&pair.consumer.end));

    REQUIRE_OK(renoir_spsc_claim(&pair.producer, 1, &room, &count));
    renoir_spsc_commit(&pair.producer, 0); // gives it back
    CHECK_EQ_U64(0, renoir_ring_count(&pair.consumer.end));
    spsc_pair_close(&pair);
}

// --- the layout ----------------------------------------------------------------------------------

TEST(stamped, slots_lie_where_every_version_looks_for_them, "R-071 R-006 abi")
{
    static const struct {
        uint32_t element_size;
        uint32_t stride;
        uint64_t step;
    } shapes[] = {{1, 16, 1},  {8, 16, 1},   {9, 32, 1},   {24, 32, 1},  {25, 64, 5},
                  {56, 64, 5}, {57, 128, 5}, {64, 128, 5}, {121, 192, 5}};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; ++i) {
        SpscPair pair;
        uint8_t element[128];
        open_pair(&pair, shapes[i].element_size, 8, RENOIR_RING_STAMPED);
        uint8_t *const cells = pair.producer.end.cells;
        CHECK_EQ_U64(768, (uint64_t)(cells - (uint8_t *)pair.producer.end.shared));
        for (uint64_t position = 0; position < 8; ++position) {
            const uint64_t index = position * shapes[i].step % 8;
            const uint8_t *const slot = cells + index * shapes[i].stride;
            uint64_t stamp = 0;
            pattern_fill(element, shapes[i].element_size, position);
            REQUIRE_OK(renoir_spsc_try_push(&pair.producer, element, shapes[i].element_size));
            memcpy(&stamp, slot, sizeof stamp);
            CHECK_EQ_U64(position + 1, stamp);
            CHECK(pattern_holds(slot + 8, shapes[i].element_size, position));
        }
        spsc_pair_close(&pair);
    }
}

// --- taking over ---------------------------------------------------------------------------------

TEST(stamped, a_new_producer_goes_on_after_the_last_stamp, "R-071 T-005 reliability")
{
    for (uint64_t behind = 0; behind <= CAPACITY; ++behind) {
        SpscPair pair;
        open_pair(&pair, 8, CAPACITY, RENOIR_RING_STAMPED);
        push_u64(&pair, 0, CAPACITY);
        for (uint64_t i = 0; i < CAPACITY; ++i) {
            CHECK_EQ_U64(i, pop_u64(&pair));
        }
        push_u64(&pair, CAPACITY, CAPACITY);
        set_tail(&pair, 2 * CAPACITY - behind); // as if it had died before its tail

        reopen(&pair, RENOIR_PRODUCER);

        CHECK_EQ_U64(2 * CAPACITY, pair.producer.end.position);
        CHECK_EQ_U64(CAPACITY, renoir_ring_count(&pair.producer.end));
        CHECK_STATUS(RENOIR_BUFFER_FULL, renoir_ring_wait(&pair.producer.end, RENOIR_NO_WAIT));
        CHECK_EQ_U64(CAPACITY, pop_u64(&pair));
        push_u64(&pair, 2 * CAPACITY, 1);
        for (uint64_t i = CAPACITY + 1; i <= 2 * CAPACITY; ++i) {
            CHECK_EQ_U64(i, pop_u64(&pair));
        }
        spsc_pair_close(&pair);
    }
}

TEST(stamped, elements_beyond_the_tail_can_be_consumed_and_counted, "R-071 R-076 reliability")
{
    SpscPair pair;
    RenoirRingStats stats;
    open_pair(&pair, 8, CAPACITY, RENOIR_RING_STAMPED);
    push_u64(&pair, 0, 3);
    set_tail(&pair, 1);

    CHECK_EQ_U64(0, pop_u64(&pair));
    CHECK_EQ_U64(1, pop_u64(&pair));
    CHECK_EQ_U64(2, pop_u64(&pair)); // head 3, tail 1
    REQUIRE_OK(renoir_ring_stats(&pair.consumer.end, &stats));
    CHECK_EQ_U64(0, stats.size);
    CHECK_EQ_U64(3, stats.writes);
    CHECK_EQ_U64(3, stats.reads);
    CHECK_OK(rnr_ring_check(pair.producer.end.shared, pair.options.memory_size, "r"));
    reopen(&pair, RENOIR_CONSUMER);
    reopen(&pair, RENOIR_PRODUCER);
    push_u64(&pair, 3, CAPACITY);
    for (uint64_t i = 3; i < 3 + CAPACITY; ++i) {
        CHECK_EQ_U64(i, pop_u64(&pair));
    }
    spsc_pair_close(&pair);
}

// --- hostile words -------------------------------------------------------------------------------

TEST(stamped, a_stamp_that_cannot_be_is_corrupted_for_the_consumer, "R-071 T-030 security_edge")
{
    static const uint64_t wild[] = {4, 6, 7, 9, 10, 13, UINT64_C(1) << 63, UINT64_MAX};
    for (size_t i = 0; i < sizeof wild / sizeof wild[0]; ++i) {
        SpscPair pair;
        uint64_t value = 0;
        size_t count = 0;
        const void *stock = NULL;
        open_pair(&pair, 8, CAPACITY, RENOIR_RING_STAMPED);
        for (uint64_t n = 0; n < 7; ++n) {
            push_u64(&pair, n, 1);
            (void)pop_u64(&pair);
        }
        set_stamp(&pair, 7, wild[i]); // 8 is what will be, and 4 what was
        const bool is_wild = wild[i] != 4;
        const RenoirErrorCode answer = is_wild ? RENOIR_CORRUPTED : RENOIR_BUFFER_EMPTY;

        CHECK_STATUS(answer, renoir_spsc_try_pop(&pair.consumer, &value, 8));
        CHECK_STATUS(answer, renoir_spsc_pop_n(&pair.consumer, &value, 8, 1, &count));
        CHECK_STATUS(answer, renoir_spsc_peek(&pair.consumer, 1, &stock, &count));
        CHECK_STATUS(answer, renoir_ring_wait(&pair.consumer.end, RENOIR_NO_WAIT));
        CHECK(!is_wild || strstr(renoir_last_error_message(), "said to be at") != NULL);
        spsc_pair_close(&pair);
    }
}

TEST(stamped, an_index_that_cannot_be_is_corrupted_for_who_looks_at_it, "R-071 T-030 security_edge")
{
    SpscPair pair;
    uint64_t value = 0;
    void *room = NULL;
    size_t count = 0;
    open_pair(&pair, 8, CAPACITY, RENOIR_RING_STAMPED);
    push_u64(&pair, 0, CAPACITY);

    set_head(&pair, CAPACITY + 1);
    CHECK_STATUS(RENOIR_CORRUPTED, renoir_spsc_try_push(&pair.producer, &value, 8));
    CHECK_STATUS(RENOIR_CORRUPTED, renoir_spsc_push_n(&pair.producer, &value, 8, 1, &count));
    CHECK_STATUS(RENOIR_CORRUPTED, renoir_spsc_claim(&pair.producer, 1, &room, &count));
    CHECK_STATUS(RENOIR_CORRUPTED, renoir_ring_wait(&pair.producer.end, RENOIR_WAIT_FOREVER));

    renoir_ring_close(&pair.producer.end);
    CHECK_STATUS(RENOIR_CORRUPTED,
                 renoir_spsc_open(NULL, NULL, &pair.options, RENOIR_PRODUCER, &pair.producer));
    renoir_ring_close(&pair.consumer.end);
    free(pair.options.memory);
}

TEST(stamped, a_tail_that_cannot_be_lets_nobody_in, "R-071 T-030 security_edge")
{
    static const uint64_t wild[] = {CAPACITY + 1, 1u << 31, UINT64_C(1) << 63,
                                    UINT64_MAX - CAPACITY};
    SpscPair pair;
    RenoirSpsc end;
    open_pair(&pair, 8, CAPACITY, RENOIR_RING_STAMPED);
    RnrRingShm *const shm = shm_of(&pair.producer.end);
    renoir_ring_close(&pair.producer.end);
    renoir_ring_close(&pair.consumer.end);
    for (size_t i = 0; i < sizeof wild / sizeof wild[0]; ++i) {
        rnr_store_release_u64(&shm->tail, wild[i]);
        CHECK_STATUS(RENOIR_CORRUPTED,
                     renoir_spsc_open(NULL, NULL, &pair.options, RENOIR_PRODUCER, &end));
        CHECK_STATUS(RENOIR_CORRUPTED,
                     renoir_spsc_open(NULL, NULL, &pair.options, RENOIR_CONSUMER, &end));
        CHECK_STATUS(RENOIR_CORRUPTED, rnr_ring_check(shm, pair.options.memory_size, "r"));
    }
    free(pair.options.memory);
}

// --- waiting, between processes ------------------------------------------------------------------

static RenoirSpsc open_in(RenoirRegionHandle region, uint32_t role)
{
    RenoirRingOptions options = element_options(64, 4);
    RenoirSpsc ring;
    options.flags |= RENOIR_RING_STAMPED;
    options.spin_ns = RENOIR_SPIN_NEVER;
    REQUIRE_OK(renoir_spsc_open(region, "s", &options, role, &ring));
    return ring;
}

PEER(stamped_sender)
{
    RenoirRegionHandle region = join_region();
    RenoirSpsc ring = open_in(region, RENOIR_PRODUCER);
    uint8_t element[64];
    for (uint64_t i = 0; i < peer_arg_u64(0);) {
        if (test_random_below(16) == 0) {
            test_sleep_ms(1);
        }
        pattern_fill(element, sizeof element, i);
        const RenoirErrorCode status = renoir_spsc_try_push(&ring, element, sizeof element);
        if (status == RENOIR_BUFFER_FULL) {
            REQUIRE_OK(renoir_ring_wait(&ring.end, RENOIR_WAIT_FOREVER));
            continue;
        }
        REQUIRE_STATUS(RENOIR_SUCCESS, status);
        ++i;
    }
    renoir_ring_close(&ring.end);
    renoir_region_close(region);
}

TEST(stamped, both_ends_sleep_wake_and_learn_that_the_other_left, "R-072 T-001 T-012 communication")
{
    enum { COUNT = 2000 };
    RenoirRegionHandle region = join_region();
    RenoirSpsc ring = open_in(region, RENOIR_CONSUMER);
    CHECK_STATUS(RENOIR_TIMEOUT, renoir_ring_wait(&ring.end, 1000));
    const TestPeer peer = peer_start(stamped_sender, "2000");
    uint8_t element[64];
    uint64_t next = 0;
    RenoirErrorCode status = RENOIR_SUCCESS;
    while ((status = renoir_ring_wait(&ring.end, RENOIR_WAIT_FOREVER)) == RENOIR_SUCCESS) {
        REQUIRE_OK(renoir_spsc_try_pop(&ring, element, sizeof element));
        REQUIRE(pattern_holds(element, sizeof element, next));
        ++next;
        if (test_random_below(64) == 0) {
            test_sleep_ms(1);
        }
    }
    CHECK_STATUS(RENOIR_DISCONNECTED, status);
    CHECK_EQ_U64(COUNT, next);
    CHECK_EXITED(peer, 0);
    renoir_ring_close(&ring.end);
    renoir_region_close(region);
}

// --- two threads, for the thread sanitizer too ---------------------------------------------------

enum { RACE_SIZE = 64, RACE_BATCH = 8 };

static uint64_t race_length(void)
{
    return test_scaled(5000000);
}

// One way or another, as long as there is room.
static size_t send_some(RenoirSpsc *ring, uint64_t next, size_t most)
{
    uint8_t elements[RACE_SIZE * RACE_BATCH];
    void *room = NULL;
    size_t count = 0;

    for (size_t i = 0; i < most; ++i) {
        pattern_fill(elements + i * RACE_SIZE, RACE_SIZE, next + i);
    }
    if (next % 3 == 0) {
        (void)renoir_spsc_push_n(ring, elements, RACE_SIZE, most, &count);
    } else if (next % 3 == 1) {
        count = renoir_spsc_try_push(ring, elements, RACE_SIZE) == RENOIR_SUCCESS ? 1 : 0;
    } else if (renoir_spsc_claim(ring, most, &room, &count) == RENOIR_SUCCESS) {
        pattern_fill(room, RACE_SIZE, next);
        renoir_spsc_commit(ring, 1);
    }
    return count;
}

static void *send_all(void *argument)
{
    RenoirSpsc *const ring = argument;
    for (uint64_t next = 0; next < race_length();) {
        const uint64_t left = race_length() - next;
        const size_t sent = send_some(ring, next, left < RACE_BATCH ? (size_t)left : RACE_BATCH);
        next += sent;
        if (sent == 0 && renoir_ring_wait(&ring->end, RENOIR_WAIT_FOREVER) != RENOIR_SUCCESS) {
            break;
        }
    }
    return NULL;
}

static size_t receive_some(RenoirSpsc *ring, uint64_t next)
{
    uint8_t elements[RACE_SIZE * RACE_BATCH];
    const void *stock = NULL;
    size_t count = 0;

    if (next % 5 == 0) {
        (void)renoir_spsc_pop_n(ring, elements, RACE_SIZE, RACE_BATCH, &count);
    } else if (next % 5 < 3) {
        count = renoir_spsc_try_pop(ring, elements, RACE_SIZE) == RENOIR_SUCCESS ? 1 : 0;
    } else if (renoir_spsc_peek(ring, RACE_BATCH, &stock, &count) == RENOIR_SUCCESS) {
        memcpy(elements, stock, RACE_SIZE);
        renoir_spsc_consume(ring, 1);
    }
    for (size_t i = 0; i < count; ++i) {
        REQUIRE(pattern_holds(elements + i * RACE_SIZE, RACE_SIZE, next + i));
    }
    return count;
}

TEST(stamped, two_threads_race_for_nothing, "R-071 R-073 R-074 T-029 concurrent_stress tsan")
{
    SpscPair pair;
    pthread_t thread;
    open_pair(&pair, RACE_SIZE, 16, RENOIR_RING_STAMPED);
    REQUIRE(pthread_create(&thread, NULL, send_all, &pair.producer) == 0);
    for (uint64_t next = 0; next < race_length();) {
        const size_t received = receive_some(&pair.consumer, next);
        next += received;
        if (received == 0) {
            REQUIRE_OK(renoir_ring_wait(&pair.consumer.end, RENOIR_WAIT_FOREVER));
        }
    }
    REQUIRE(pthread_join(thread, NULL) == 0);
    CHECK_EQ_U64(0, renoir_ring_count(&pair.consumer.end));
    spsc_pair_close(&pair);
}
