// SPDX-License-Identifier: MIT OR Apache-2.0

#include "renoir/detail/ring_broadcast.h"

#include "ring/ring.h"
#include "unit/ring/fixture.h"

enum { CAPACITY = 4, SIZE_MAX_TRIED = 1 << 20 };

typedef struct News {
    RenoirBroadcast producer;
    RenoirBroadcast consumer;
    RenoirRingOptions options;
} News;

static void open_news(News *news, uint32_t element_size, uint64_t capacity)
{
    RenoirRingOptions options = element_options(element_size, capacity);
    options.max_ends = 3;
    news->options = in_memory(RENOIR_RING_BROADCAST, options);
    REQUIRE_OK(renoir_broadcast_open(NULL, NULL, &news->options, RENOIR_PRODUCER, &news->producer));
    REQUIRE_OK(renoir_broadcast_open(NULL, NULL, &news->options, RENOIR_CONSUMER, &news->consumer));
}

static void close_news(News *news)
{
    renoir_ring_close(&news->producer.end);
    renoir_ring_close(&news->consumer.end);
    free(news->options.memory);
}

static void reopen(News *news, uint32_t role)
{
    RenoirBroadcast *const end = role == RENOIR_PRODUCER ? &news->producer : &news->consumer;
    renoir_ring_close(&end->end);
    REQUIRE_OK(renoir_broadcast_open(NULL, NULL, &news->options, role, end));
}

static void push_u64(RenoirBroadcast *ring, uint64_t first, size_t count)
{
    for (size_t i = 0; i < count; ++i) {
        const uint64_t value = first + i;
        renoir_broadcast_push(ring, &value, sizeof value);
    }
}

// The next element, after `lost`.
static uint64_t pop_u64(RenoirBroadcast *ring, uint64_t lost)
{
    uint64_t value = 0;
    uint64_t missed = UINT64_MAX;
    REQUIRE_OK(renoir_broadcast_try_pop(ring, &value, sizeof value, &missed));
    CHECK_EQ_U64(lost, missed);
    return value;
}

static bool is_empty(RenoirBroadcast *ring)
{
    uint64_t value = 0;
    uint64_t lost = UINT64_MAX;
    return renoir_broadcast_try_pop(ring, &value, sizeof value, &lost) == RENOIR_BUFFER_EMPTY &&
           lost == 0;
}

static RnrStampedSlotShm *slot_at(const News *news, uint64_t position)
{
    return rnr_stamped_slot(&news->producer.end, position, news->options.element_size);
}

static void set_stamp(const News *news, uint64_t position, uint64_t stamp)
{
    rnr_store_release_u64(&slot_at(news, position)->stamp, stamp);
}

static void set_tail(const News *news, uint64_t tail)
{
    rnr_store_release_u64(&shm_of(&news->producer.end)->tail, tail);
}

// --- reading and losing --------------------------------------------------------------------------

TEST(broadcast, every_consumer_gets_every_element_in_order, "R-115 topic_ring")
{
    News news;
    RenoirBroadcast second;
    open_news(&news, 8, CAPACITY);
    REQUIRE_OK(renoir_broadcast_open(NULL, NULL, &news.options, RENOIR_CONSUMER, &second));

    for (uint64_t lap = 0; lap < 10; ++lap) {
        push_u64(&news.producer, lap * 3, 3);
        for (uint64_t i = 0; i < 3; ++i) {
            CHECK_EQ_U64(lap * 3 + i, pop_u64(&news.consumer, 0));
            CHECK_EQ_U64(lap * 3 + i, pop_u64(&second, 0));
        }
        CHECK(is_empty(&news.consumer));
        CHECK(is_empty(&second));
    }
    renoir_ring_close(&second.end);
    close_news(&news);
}

TEST(broadcast,
     a_lapped_consumer_goes_on_at_the_oldest_and_knows_its_loss,
     "R-116 T-028 topic_ring")
{
    for (uint64_t written = 1; written <= 5 * CAPACITY; ++written) {
        News news;
        open_news(&news, 8, CAPACITY);
        push_u64(&news.producer, 0, (size_t)written);
        const uint64_t lost = written > CAPACITY ? written - CAPACITY : 0;

        CHECK_EQ_U64(lost, pop_u64(&news.consumer, lost));
        for (uint64_t i = lost + 1; i < written; ++i) {
            CHECK_EQ_U64(i, pop_u64(&news.consumer, 0));
        }
        CHECK(is_empty(&news.consumer));
        CHECK_EQ_U64(lost, news.consumer.end.lost_count);
        close_news(&news);
    }
}

TEST(broadcast, one_that_is_lapped_again_goes_on_farther_ahead_and_counts_exactly, "R-116 T-028")
{
    News news;
    open_news(&news, 8, 16);
    push_u64(&news.producer, 0, 20);
    CHECK_EQ_U64(4, pop_u64(&news.consumer, 4));
    push_u64(&news.producer, 20, 20); // 40 written, 24 is the oldest

    CHECK_EQ_U64(28, pop_u64(&news.consumer, 23)); // 5 … 27

    for (uint64_t i = 29; i < 40; ++i) {
        CHECK_EQ_U64(i, pop_u64(&news.consumer, 0));
    }
    push_u64(&news.producer, 40, 20);
    CHECK_EQ_U64(48, pop_u64(&news.consumer, 8)); // 60 written; since 28 it had read only 12
    for (uint64_t i = 49; i < 80; ++i) {
        if (i >= 60) {
            push_u64(&news.producer, i, 1);
        }
        CHECK_EQ_U64(i, pop_u64(&news.consumer, 0));
    }
    push_u64(&news.producer, 80, 20); // a lap later it begins at the oldest again
    CHECK_EQ_U64(84, pop_u64(&news.consumer, 4));
    CHECK_EQ_U64(4 + 23 + 8 + 4, news.consumer.end.lost_count);
    close_news(&news);
}

TEST(broadcast, a_slot_that_is_being_written_is_no_longer_the_oldest, "R-116 T-028 topic_ring")
{
    News news;
    open_news(&news, 8, CAPACITY);
    push_u64(&news.producer, 0, 2 * CAPACITY); // 4 … 7 are left
    REQUIRE(renoir_broadcast_claim(&news.producer) != NULL);

    CHECK_EQ_U64(CAPACITY + 1, pop_u64(&news.consumer, CAPACITY + 1));

    RenoirBroadcast late;
    REQUIRE_OK(renoir_broadcast_open(NULL, NULL, &news.options, RENOIR_CONSUMER, &late));
    CHECK_EQ_U64(CAPACITY + 1, pop_u64(&late, 0));
    renoir_ring_close(&late.end);
    close_news(&news);
}

TEST(broadcast, a_consumer_starts_at_the_oldest_element_left, "R-115 topic_ring")
{
    for (uint64_t written = 0; written <= 3 * CAPACITY; ++written) {
        News news;
        open_news(&news, 8, CAPACITY);
        push_u64(&news.producer, 0, (size_t)written);
        reopen(&news, RENOIR_CONSUMER);
        for (uint64_t i = written > CAPACITY ? written - CAPACITY : 0; i < written; ++i) {
            CHECK_EQ_U64(i, pop_u64(&news.consumer, 0));
        }
        CHECK(is_empty(&news.consumer));
        close_news(&news);
    }
}

// --- batches -------------------------------------------------------------------------------------

TEST(broadcast, a_batch_has_no_gap_and_tells_the_loss_before_it, "R-073 R-116 topic_ring")
{
    News news;
    uint64_t in[10];
    uint64_t out[10] = {0};
    size_t count = 99;
    uint64_t lost = 99;
    open_news(&news, 8, CAPACITY);
    for (uint64_t i = 0; i < 10; ++i) {
        in[i] = i;
    }
    CHECK_STATUS(RENOIR_BUFFER_EMPTY,
                 renoir_broadcast_pop_n(&news.consumer, out, 8, 10, &count, &lost));
    CHECK_EQ_U64(0, count);
    CHECK_EQ_U64(0, lost);

    renoir_broadcast_push_n(&news.producer, in, 8, 10);
    CHECK_OK(renoir_broadcast_pop_n(&news.consumer, out, 8, 3, &count, &lost));
    CHECK_EQ_U64(3, count);
    CHECK_EQ_U64(6, lost);
    CHECK_BYTES(in + 6, out, 3 * sizeof *in);
    CHECK_OK(renoir_broadcast_pop_n(&news.consumer, out, 8, 10, &count, NULL));
    CHECK_EQ_U64(1, count);
    CHECK_EQ_U64(9, out[0]);
    CHECK_OK(renoir_broadcast_pop_n(&news.consumer, out, 8, 0, &count, &lost));
    CHECK_EQ_U64(0, count);
    renoir_broadcast_push_n(&news.producer, in, 8, 0);
    CHECK(is_empty(&news.consumer));
    close_news(&news);
}

// --- in place ------------------------------------------------------------------------------------

TEST(broadcast, a_claim_is_unseen_before_publish_and_takes_the_oldest, "R-074 R-115 topic_ring")
{
    News news;
    open_news(&news, 8, 2);
    push_u64(&news.producer, 0, 2);

    uint64_t *const room = renoir_broadcast_claim(&news.producer);
    REQUIRE(room != NULL);
    CHECK(renoir_broadcast_claim(&news.producer) == room); // the same, as long as it is not out
    *room = 2;
    CHECK_EQ_U64(1, pop_u64(&news.consumer, 1));
    CHECK(is_empty(&news.consumer));
    renoir_broadcast_publish(&news.producer);
    renoir_broadcast_publish(&news.producer); // nothing is claimed any more
    CHECK_EQ_U64(2, pop_u64(&news.consumer, 0));
    CHECK(is_empty(&news.consumer));
    close_news(&news);
}

TEST(broadcast, what_was_peeked_at_is_true_only_if_consume_says_so, "R-074 R-116 topic_ring")
{
    News news;
    const void *element = NULL;
    uint64_t lost = 99;
    open_news(&news, 8, CAPACITY);
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, renoir_broadcast_peek(&news.consumer, &element, &lost));
    CHECK(element == NULL);
    CHECK_STATUS(RENOIR_INVALID_STATE, renoir_broadcast_consume(&news.consumer));
    CHECK_STR_CONTAINS("peek at one first", renoir_last_error_message());

    push_u64(&news.producer, 0, 6);
    CHECK_OK(renoir_broadcast_peek(&news.consumer, &element, &lost));
    CHECK_EQ_U64(2, lost);
    CHECK(element == slot_at(&news, 2) + 1);
    CHECK_OK(renoir_broadcast_peek(&news.consumer, &element, &lost)); // the same
    CHECK_EQ_U64(0, lost);
    CHECK_EQ_U64(2, *(const uint64_t *)element);
    CHECK_OK(renoir_broadcast_consume(&news.consumer));
    CHECK_STATUS(RENOIR_INVALID_STATE, renoir_broadcast_consume(&news.consumer));

    CHECK_OK(renoir_broadcast_peek(&news.consumer, &element, &lost)); // 3
    (void)renoir_broadcast_claim(&news.producer);                     // position 6, over 2
    CHECK_OK(renoir_broadcast_consume(&news.consumer));
    CHECK_OK(renoir_broadcast_peek(&news.consumer, &element, &lost)); // 4
    push_u64(&news.producer, 6, 2);                                   // over 2 and 3
    (void)renoir_broadcast_claim(&news.producer);                     // position 8, over 4
    CHECK_STATUS(RENOIR_OVERRUN, renoir_broadcast_consume(&news.consumer));
    CHECK_STATUS(RENOIR_INVALID_STATE, renoir_broadcast_consume(&news.consumer));
    uint64_t value = 0;
    CHECK_OK(renoir_broadcast_try_pop(&news.consumer, &value, 8, &lost));
    CHECK_EQ_U64(value - 4, lost); // 4 counts as lost
    close_news(&news);
}

// --- the newest ----------------------------------------------------------------------------------

TEST(broadcast, the_newest_is_read_without_going_there, "R-115 topic_ring")
{
    News news;
    uint64_t value = 0;
    uint64_t sequence = 0;
    open_news(&news, 8, CAPACITY);
    CHECK_STATUS(RENOIR_BUFFER_EMPTY,
                 renoir_broadcast_read_latest(&news.consumer, &value, 8, &sequence));
    for (uint64_t i = 0; i < 3 * CAPACITY; ++i) {
        push_u64(&news.producer, 100 + i, 1);
        CHECK_OK(renoir_broadcast_read_latest(&news.consumer, &value, 8, &sequence));
        CHECK_EQ_U64(100 + i, value);
        CHECK_EQ_U64(i + 1, sequence);
    }
    CHECK_OK(renoir_broadcast_read_latest(&news.consumer, &value, 8, NULL));
    CHECK_EQ_U64(100 + 2 * CAPACITY, pop_u64(&news.consumer, 2 * CAPACITY));
    (void)renoir_broadcast_claim(&news.producer); // the newest is still the last one published
    CHECK_OK(renoir_broadcast_read_latest(&news.consumer, &value, 8, &sequence));
    CHECK_EQ_U64(3 * CAPACITY, sequence);
    close_news(&news);
}

TEST(broadcast, the_newest_that_is_overwritten_in_every_try_is_an_overrun, "R-116 topic_ring")
{
    News news;
    uint64_t value = 7;
    uint64_t sequence = 0;
    open_news(&news, 8, 2);
    push_u64(&news.producer, 0, 4);
    set_stamp(&news, 3, 2 * 5 + 1); // as seen by one who is always too late
    set_tail(&news, 4);

    CHECK_STATUS(RENOIR_OVERRUN,
                 renoir_broadcast_read_latest(&news.consumer, &value, 8, &sequence));
    CHECK_EQ_U64(7, value);
    close_news(&news);
}

TEST(broadcast, one_that_is_overtaken_in_every_try_gets_nothing_and_loses_no_count, "R-116 T-028")
{
    News news;
    uint64_t value = 7;
    uint64_t lost = 99;
    open_news(&news, 8, 2);
    push_u64(&news.producer, 0, 4);
    set_stamp(&news, 2, 2 * 4 + 1);
    set_stamp(&news, 3, 2 * 5 + 1);

    CHECK_STATUS(RENOIR_BUFFER_EMPTY, renoir_broadcast_try_pop(&news.consumer, &value, 8, &lost));
    CHECK_EQ_U64(0, lost);
    CHECK_EQ_U64(7, value);
    set_stamp(&news, 3, 2 * 3 + 2);
    CHECK_EQ_U64(3, pop_u64(&news.consumer, 3));
    close_news(&news);
}

TEST(broadcast, skipping_goes_to_the_newest_and_counts_what_it_passes, "R-115 topic_ring")
{
    News news;
    open_news(&news, 8, CAPACITY);
    CHECK_EQ_U64(0, renoir_broadcast_skip_to_latest(&news.consumer));
    push_u64(&news.producer, 0, 1);
    CHECK_EQ_U64(0, renoir_broadcast_skip_to_latest(&news.consumer));
    CHECK_EQ_U64(0, pop_u64(&news.consumer, 0));
    CHECK_EQ_U64(0, renoir_broadcast_skip_to_latest(&news.consumer)); // none is new
    push_u64(&news.producer, 1, 10);
    CHECK_EQ_U64(9, renoir_broadcast_skip_to_latest(&news.consumer));
    CHECK_EQ_U64(0, renoir_broadcast_skip_to_latest(&news.consumer));
    CHECK_EQ_U64(10, pop_u64(&news.consumer, 0));
    CHECK(is_empty(&news.consumer));
    CHECK_EQ_U64(0, news.consumer.end.lost_count);
    close_news(&news);
}

// --- counts and answers --------------------------------------------------------------------------

TEST(broadcast, counts_follow_from_the_positions, "R-076 R-115")
{
    News news;
    RenoirRingStats stats;
    open_news(&news, 8, CAPACITY);
    for (uint64_t written = 0; written < 3 * CAPACITY; ++written) {
        const uint64_t left = written < CAPACITY ? written : CAPACITY;
        REQUIRE_OK(renoir_ring_stats(&news.producer.end, &stats));
        CHECK_EQ_U64(CAPACITY, stats.capacity);
        CHECK_EQ_U64(written, stats.writes);
        CHECK_EQ_U64(0, stats.reads);
        CHECK_EQ_U64(written - left, stats.overwrites);
        CHECK_EQ_U64(left, stats.size);
        CHECK_EQ_U64(left, renoir_ring_count(&news.consumer.end));
        push_u64(&news.producer, written, 1);
    }
    (void)pop_u64(&news.consumer, 2 * CAPACITY);
    CHECK_EQ_U64(CAPACITY - 1, renoir_ring_count(&news.consumer.end));
    CHECK_EQ_U64(CAPACITY, renoir_ring_count(&news.producer.end));
    CHECK_OK(rnr_ring_check(news.producer.end.shared, news.options.memory_size, "n"));
    close_news(&news);
}

TEST(broadcast, what_is_not_the_callers_is_refused_with_a_reason, "R-115 T-026 ffi")
{
    News news;
    uint64_t value = 0;
    uint64_t wide[2] = {0, 0};
    size_t count = 0;
    const void *element = NULL;
    open_news(&news, 8, CAPACITY);
    RenoirBroadcast *const in = &news.producer;
    RenoirBroadcast *const out = &news.consumer;

    renoir_broadcast_push(in, &value, 4);
    CHECK_STR_CONTAINS("element_size 4 given", renoir_last_error_message());
    renoir_broadcast_push(out, &value, 8);
    CHECK_STR_CONTAINS("this end is its consumer", renoir_last_error_message());
    renoir_broadcast_push(in, NULL, 8);
    renoir_broadcast_push(NULL, &value, 8);
    renoir_broadcast_push_n(in, wide, 16, 1);
    renoir_broadcast_push_n(in, NULL, 8, 1);
    CHECK(renoir_broadcast_claim(out) == NULL);
    CHECK(renoir_broadcast_claim(NULL) == NULL);
    renoir_broadcast_publish(out);
    renoir_broadcast_publish(NULL);
    CHECK(is_empty(out));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_broadcast_try_pop(out, wide, 16, NULL));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_broadcast_try_pop(in, &value, 8, NULL));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_broadcast_try_pop(out, NULL, 8, NULL));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_broadcast_pop_n(out, &value, 8, 1, NULL, NULL));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_broadcast_pop_n(in, &value, 8, 1, &count, NULL));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_broadcast_peek(in, &element, NULL));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_broadcast_peek(out, NULL, NULL));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_broadcast_consume(in));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_broadcast_read_latest(in, &value, 8, NULL));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_broadcast_read_latest(out, wide, 16, NULL));
    CHECK_EQ_U64(0, renoir_broadcast_skip_to_latest(in));
    CHECK_STATUS(RENOIR_SUCCESS, renoir_ring_wait(&in->end, RENOIR_NO_WAIT));

    close_news(&news);
    renoir_broadcast_push(in, &value, 8);
    CHECK_STR_CONTAINS("closed", renoir_last_error_message());
    CHECK(renoir_broadcast_claim(in) == NULL);
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_broadcast_try_pop(out, &value, 8, NULL));
}

TEST(broadcast, as_many_consumers_come_as_were_agreed, "R-115 T-026")
{
    News news;
    RenoirBroadcast more[3];
    open_news(&news, 8, CAPACITY); // max_ends is 3
    REQUIRE_OK(renoir_broadcast_open(NULL, NULL, &news.options, RENOIR_CONSUMER, &more[0]));
    REQUIRE_OK(renoir_broadcast_open(NULL, NULL, &news.options, RENOIR_CONSUMER, &more[1]));
    CHECK_STATUS(RENOIR_LIMIT_REACHED,
                 renoir_broadcast_open(NULL, NULL, &news.options, RENOIR_CONSUMER, &more[2]));
    CHECK_STATUS(RENOIR_LIMIT_REACHED,
                 renoir_broadcast_open(NULL, NULL, &news.options, RENOIR_PRODUCER, &more[2]));
    renoir_ring_close(&more[0].end);
    CHECK_OK(renoir_broadcast_open(NULL, NULL, &news.options, RENOIR_CONSUMER, &more[2]));
    CHECK_EQ_U64(more[2].end.index, 2);
    renoir_ring_close(&more[1].end);
    renoir_ring_close(&more[2].end);
    close_news(&news);

    RenoirRingOptions options = element_options(8, CAPACITY);
    options.max_ends = 65;
    CHECK_EQ_U64(0, renoir_ring_size(RENOIR_RING_BROADCAST, &options));
    options.max_ends = 64;
    const size_t most = renoir_ring_size(RENOIR_RING_BROADCAST, &options);
    CHECK_EQ_U64(512 + 65 * 128 + CAPACITY * 16, most);
    options.max_ends = 0;
    CHECK_EQ_U64(most, renoir_ring_size(RENOIR_RING_BROADCAST, &options));
    options.flags |= RENOIR_RING_STAMPED;
    CHECK_EQ_U64(0, renoir_ring_size(RENOIR_RING_BROADCAST, &options));
}

TEST(broadcast, every_element_size_up_to_its_limit_arrives_whole, "R-115 topic_ring")
{
    static const uint32_t sizes[] = {1,  3,  7,   8,   9,   24,   25,   56,
                                     57, 64, 120, 121, 128, 1000, 4096, SIZE_MAX_TRIED};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; ++i) {
        News news;
        uint8_t *const in = malloc(sizes[i]);
        uint8_t *const out = malloc(sizes[i]);
        REQUIRE(in != NULL && out != NULL);
        open_news(&news, sizes[i], 2);
        for (uint64_t lap = 0; lap < 5; ++lap) {
            pattern_fill(in, sizes[i], lap);
            renoir_broadcast_push(&news.producer, in, sizes[i]);
            memset(out, 0, sizes[i]);
            REQUIRE_OK(renoir_broadcast_try_pop(&news.consumer, out, sizes[i], NULL));
            CHECK_BYTES(in, out, sizes[i]);
        }
        close_news(&news);
        free(in);
        free(out);
    }
}

// --- a model over random operations --------------------------------------------------------------

typedef struct Model {
    News news;
    uint64_t capacity;
    uint64_t origin;
    uint64_t written;
    uint64_t position; // the consumer's
    uint64_t received;
    uint64_t lost;
    uint64_t passed;
} Model;

enum { MODEL_SIZE = 60, MODEL_BATCH = 12 };

static void write_one(Model *model)
{
    uint8_t element[MODEL_SIZE];
    pattern_fill(element, MODEL_SIZE, model->written);
    if (test_random_below(3) == 0) {
        void *const room = renoir_broadcast_claim(&model->news.producer);
        memcpy(room, element, MODEL_SIZE);
        renoir_broadcast_publish(&model->news.producer);
    } else {
        renoir_broadcast_push(&model->news.producer, element, MODEL_SIZE);
    }
    model->written += 1;
}

static void step_write(Model *model)
{
    for (uint64_t i = test_random_below(model->capacity * 2); i > 0; --i) {
        write_one(model);
    }
}

// What was got, after `lost`: in order, whole, and none before the oldest left.
static void account(Model *model, const uint8_t *elements, size_t count, uint64_t lost)
{
    const uint64_t oldest = model->written > model->capacity ? model->written - model->capacity : 0;
    model->lost += lost;
    model->position += lost;
    REQUIRE(model->position >= oldest);
    REQUIRE(lost == 0 || model->position < oldest + model->capacity);
    for (size_t i = 0; i < count; ++i) {
        REQUIRE(pattern_holds(elements + i * MODEL_SIZE, MODEL_SIZE, model->position + i));
    }
    model->position += count;
    model->received += count;
}

static void step_pop(Model *model)
{
    uint8_t elements[MODEL_SIZE * MODEL_BATCH];
    const bool is_new = model->position < model->written;
    uint64_t lost = 0;
    size_t count = 1;
    const size_t wanted = (size_t)test_random_below(MODEL_BATCH) + 1;
    const RenoirErrorCode status =
        wanted == 1 ? renoir_broadcast_try_pop(&model->news.consumer, elements, MODEL_SIZE, &lost)
                    : renoir_broadcast_pop_n(&model->news.consumer, elements, MODEL_SIZE, wanted,
                                             &count, &lost);
    REQUIRE_STATUS(is_new ? RENOIR_SUCCESS : RENOIR_BUFFER_EMPTY, status);
    if (is_new) {
        REQUIRE(count >= 1 && count <= wanted);
        account(model, elements, count, lost);
    }
}

static void step_peek(Model *model)
{
    const void *element = NULL;
    uint64_t lost = 0;
    const bool is_new = model->position < model->written;
    REQUIRE_STATUS(is_new ? RENOIR_SUCCESS : RENOIR_BUFFER_EMPTY,
                   renoir_broadcast_peek(&model->news.consumer, &element, &lost));
    if (!is_new) {
        return;
    }
    account(model, element, 0, lost);
    REQUIRE(pattern_holds(element, MODEL_SIZE, model->position));
    if (test_random_below(2) == 0) {
        step_write(model);
    }
    const bool is_over = model->written > model->position + model->capacity;
    REQUIRE_STATUS(is_over ? RENOIR_OVERRUN : RENOIR_SUCCESS,
                   renoir_broadcast_consume(&model->news.consumer));
    model->position += is_over ? 0 : 1;
    model->received += is_over ? 0 : 1;
}

static void step_latest(Model *model)
{
    uint8_t element[MODEL_SIZE];
    uint64_t sequence = 0;
    REQUIRE_STATUS(
        model->origin + model->written == 0 ? RENOIR_BUFFER_EMPTY : RENOIR_SUCCESS,
        renoir_broadcast_read_latest(&model->news.consumer, element, MODEL_SIZE, &sequence));
    if (model->written > 0) {
        REQUIRE_EQ_U64(model->origin + model->written, sequence);
        REQUIRE(pattern_holds(element, MODEL_SIZE, model->written - 1));
    }
}

static void step_skip(Model *model)
{
    const bool is_new = model->position < model->written;
    const uint64_t passed = renoir_broadcast_skip_to_latest(&model->news.consumer);
    REQUIRE_EQ_U64(is_new ? model->written - 1 - model->position : 0, passed);
    model->position += passed;
    model->passed += passed;
}

static void step(Model *model)
{
    static void (*const steps[])(Model *) = {step_write, step_write, step_pop,    step_pop,
                                             step_pop,   step_peek,  step_latest, step_skip};
    const uint64_t which = test_random_below(100);
    if (which == 0) {
        reopen(&model->news, RENOIR_PRODUCER);
    } else {
        steps[which < 3 ? 7 : which % 7](model);
    }
    REQUIRE_EQ_U64(model->position, model->received + model->lost + model->passed);
    REQUIRE_STATUS(model->position < model->written ? RENOIR_SUCCESS : RENOIR_BUFFER_EMPTY,
                   renoir_ring_wait(&model->news.consumer.end, RENOIR_NO_WAIT));
    REQUIRE_EQ_U64(model->lost, model->news.consumer.end.lost_count);
}

// As if `origin` elements had been written long ago.
static void age(Model *model)
{
    for (uint64_t i = 0; i < model->capacity && model->origin != 0; ++i) {
        const uint64_t position = model->origin - model->capacity + i;
        set_stamp(&model->news, position, 2 * position + 2);
    }
    set_tail(&model->news, model->origin);
    reopen(&model->news, RENOIR_PRODUCER);
    reopen(&model->news, RENOIR_CONSUMER);
    model->news.consumer.end.position = model->origin;
}

static void run_model(uint64_t capacity, uint64_t origin)
{
    Model model = {.capacity = capacity, .origin = origin};
    open_news(&model.news, MODEL_SIZE, capacity);
    age(&model);
    const uint64_t steps = test_scaled(1000000) / 5 + 5000;
    for (uint64_t i = 0; i < steps; ++i) {
        step(&model);
    }
    CHECK(model.received > 0 && model.lost > 0);
    close_news(&model.news);
}

TEST(broadcast,
     received_and_lost_are_written_over_random_operations,
     "R-115 R-116 T-028 topic_ring")
{
    for (uint64_t capacity = 2; capacity <= 64; capacity *= 2) {
        run_model(capacity, 0);
    }
}

TEST(broadcast, positions_near_two_to_the_32_63_and_64_change_nothing, "T-027 topic_ring")
{
    run_model(16, (UINT64_C(1) << 32) - 100);
    run_model(16, (UINT64_C(1) << 63) - 100);
    run_model(16, UINT64_MAX - 100);
}

// --- hostile words -------------------------------------------------------------------------------

TEST(broadcast, a_stamp_that_cannot_be_is_corrupted, "R-115 T-030 security_edge")
{
    static const uint64_t wild[] = {1,         2, 7, 9, 11, 13, 19, 21, (UINT64_C(1) << 62) + 3,
                                    UINT64_MAX};
    for (size_t i = 0; i < sizeof wild / sizeof wild[0]; ++i) {
        News news;
        uint64_t value = 0;
        size_t count = 0;
        const void *element = NULL;
        open_news(&news, 8, CAPACITY);
        for (uint64_t n = 0; n < 7; ++n) {
            push_u64(&news.producer, n, 1);
            (void)pop_u64(&news.consumer, 0);
        }
        // Position 7: 8 was, 15 and 16 will be, then 23, 24 …
        set_stamp(&news, 7, wild[i]);

        CHECK_STATUS(RENOIR_CORRUPTED, renoir_broadcast_try_pop(&news.consumer, &value, 8, NULL));
        CHECK_STATUS(RENOIR_CORRUPTED,
                     renoir_broadcast_pop_n(&news.consumer, &value, 8, 1, &count, NULL));
        CHECK_STATUS(RENOIR_CORRUPTED, renoir_broadcast_peek(&news.consumer, &element, NULL));
        CHECK_STATUS(RENOIR_CORRUPTED, renoir_ring_wait(&news.consumer.end, RENOIR_WAIT_FOREVER));
        close_news(&news);
    }
}

TEST(broadcast, a_tail_behind_a_consumer_is_corrupted, "R-115 T-030 security_edge")
{
    News news;
    uint64_t value = 0;
    open_news(&news, 8, CAPACITY);
    push_u64(&news.producer, 0, 3);
    for (uint64_t i = 0; i < 3; ++i) {
        (void)pop_u64(&news.consumer, 0);
    }
    set_tail(&news, 2); // between stamp and tail: possible
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, renoir_ring_wait(&news.consumer.end, RENOIR_NO_WAIT));
    CHECK_OK(renoir_broadcast_read_latest(&news.consumer, &value, 8, NULL));
    CHECK_EQ_U64(2, value);
    set_tail(&news, 1);
    CHECK_STATUS(RENOIR_CORRUPTED, renoir_ring_wait(&news.consumer.end, RENOIR_WAIT_FOREVER));
    CHECK_STATUS(RENOIR_CORRUPTED, renoir_broadcast_read_latest(&news.consumer, &value, 8, NULL));
    CHECK_EQ_U64(0, renoir_broadcast_skip_to_latest(&news.consumer));

    set_tail(&news, 3);
    push_u64(&news.producer, 3, 2 * CAPACITY); // it is overtaken
    static const uint64_t wild[] = {0, 2, 5, UINT64_C(1) << 63, UINT64_MAX};
    for (size_t i = 0; i < sizeof wild / sizeof wild[0]; ++i) {
        set_tail(&news, wild[i]);
        CHECK_STATUS(RENOIR_CORRUPTED, renoir_broadcast_try_pop(&news.consumer, &value, 8, NULL));
    }
    set_tail(&news, 100); // ahead of the stamps
    CHECK_STATUS(RENOIR_CORRUPTED, renoir_broadcast_try_pop(&news.consumer, &value, 8, NULL));
    CHECK_STATUS(RENOIR_CORRUPTED, renoir_broadcast_read_latest(&news.consumer, &value, 8, NULL));
    CHECK_STATUS(RENOIR_CORRUPTED,
                 rnr_ring_check(news.producer.end.shared, news.options.memory_size, "n"));
    close_news(&news);
}

TEST(broadcast, words_that_cannot_be_let_nobody_in, "R-115 T-030 security_edge")
{
    News news;
    RenoirBroadcast end;
    open_news(&news, 8, CAPACITY);
    push_u64(&news.producer, 0, 10);
    RnrRingShm *const shm = shm_of(&news.producer.end);
    const News before = news; // its slots can still be found
    renoir_ring_close(&news.producer.end);
    renoir_ring_close(&news.consumer.end);
    static const uint64_t tails[] = {5, 1000, UINT64_MAX};
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; ++i) {
        rnr_store_release_u64(&shm->tail, tails[i]);
        CHECK_STATUS(RENOIR_CORRUPTED,
                     renoir_broadcast_open(NULL, NULL, &news.options, RENOIR_PRODUCER, &end));
    }
    rnr_store_release_u64(&shm->tail, 1000);
    CHECK_STATUS(RENOIR_CORRUPTED,
                 renoir_broadcast_open(NULL, NULL, &news.options, RENOIR_CONSUMER, &end));
    rnr_store_release_u64(&shm->tail, 10);
    set_stamp(&before, 10, 12345);
    CHECK_STATUS(RENOIR_CORRUPTED,
                 renoir_broadcast_open(NULL, NULL, &news.options, RENOIR_PRODUCER, &end));
    free(news.options.memory);
}
