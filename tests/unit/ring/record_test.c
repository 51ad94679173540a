// SPDX-License-Identifier: MIT OR Apache-2.0

#include <sys/mman.h>
#include <unistd.h>

#include "unit/ring/fixture.h"

enum { LONGEST = 4216 }; // with it, the ring of 16384 bytes ends on a 128-byte boundary

// A ring whose last byte is the last one before a page that nobody may touch.
typedef struct GuardedRing {
    RecordPair pair;
    uint8_t *map;
    size_t map_size;
} GuardedRing;

static void guarded_open(GuardedRing *ring, uint64_t capacity, uint32_t max_record)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    RenoirRingOptions options = record_options(capacity, max_record);
    const size_t size = renoir_ring_size(RENOIR_RING_RECORD, &options);
    REQUIRE(size > 0 && size % 128 == 0);
    const size_t pages = (size + page - 1) / page;

    ring->map_size = (pages + 2) * page;
    ring->map = mmap(NULL, ring->map_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(ring->map != MAP_FAILED);
    REQUIRE(mprotect(ring->map + page, pages * page, PROT_READ | PROT_WRITE) == 0);
    options.memory = ring->map + (pages + 1) * page - size;
    options.memory_size = size;
    ring->pair.options = options;
    REQUIRE_OK(
        renoir_record_ring_open(NULL, NULL, &options, RENOIR_PRODUCER, &ring->pair.producer));
    REQUIRE_OK(
        renoir_record_ring_open(NULL, NULL, &options, RENOIR_CONSUMER, &ring->pair.consumer));
}

static void guarded_close(GuardedRing *ring)
{
    renoir_ring_close(&ring->pair.producer.end);
    renoir_ring_close(&ring->pair.consumer.end);
    munmap(ring->map, ring->map_size);
}

static uint8_t bytes_in[65536];
static uint8_t bytes_out[65536];

static void push_pattern(RenoirRecordRing *ring, size_t length, uint64_t number)
{
    pattern_fill(bytes_in, length, number);
    REQUIRE_OK(renoir_record_ring_try_push(ring, bytes_in, length, (uint32_t)number));
}

static void pop_pattern(RenoirRecordRing *ring, size_t length, uint64_t number)
{
    size_t got = 0;
    uint32_t tag = 0;
    REQUIRE_OK(renoir_record_ring_try_pop(ring, bytes_out, sizeof bytes_out, &got, &tag));
    REQUIRE_EQ_U64(length, got);
    REQUIRE_EQ_U64((uint32_t)number, tag);
    REQUIRE(pattern_holds(bytes_out, got, number));
}

// Moves both ends of an empty ring to a multiple of 8 below the capacity.
static void move_to(RecordPair *pair, uint64_t target)
{
    for (;;) {
        const uint64_t distance = (target - pair->producer.end.position) & pair->producer.end.mask;
        if (distance == 0) {
            return;
        }
        const uint64_t most = pair->producer.end.max_record & ~7u;
        const uint64_t step = distance - 8 < most ? distance - 8 : most;
        push_pattern(&pair->producer, (size_t)step, step);
        pop_pattern(&pair->consumer, (size_t)step, step);
    }
}

TEST(record,
     every_length_at_every_kind_of_offset_arrives_whole,
     "R-078 T-002 T-003 T-004 topic_ring")
{
    GuardedRing ring;
    guarded_open(&ring, 16384, LONGEST);
    const uint64_t offsets = 16384 / 8;
    const uint64_t tries = test_scaled(offsets * 4098) / 4098 + 1;

    for (size_t length = 0; length <= 4097; ++length) {
        for (uint64_t i = 0; i < tries; ++i) {
            // The last ones begin so near the end that the record runs into the overhang.
            const uint64_t offset = tries >= offsets ? i
                                    : i % 2 == 0     ? offsets - 1 - test_random_below(520)
                                                     : test_random_below(offsets);
            move_to(&ring.pair, offset * 8);
            push_pattern(&ring.pair.producer, length, length + i);
            push_pattern(&ring.pair.producer, 5, i); // the next begins where it should
            pop_pattern(&ring.pair.consumer, length, length + i);
            pop_pattern(&ring.pair.consumer, 5, i);
        }
    }
    guarded_close(&ring);
}

TEST(record, ten_rings_full_go_through_without_being_stuck, "R-078 T-002 topic_ring")
{
    static const size_t lengths[] = {61, 64, 100, 1000, 4000};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; ++i) {
        RecordPair pair;
        record_pair_open(&pair, 16384, 0);
        uint64_t sent = 0;
        for (uint64_t number = 0; sent < 10 * 16384; ++number) {
            push_pattern(&pair.producer, lengths[i], number);
            pop_pattern(&pair.consumer, lengths[i], number);
            sent += lengths[i];
        }
        record_pair_close(&pair);
    }
}

TEST(record,
     a_length_that_is_accepted_fits_wherever_the_ring_stands,
     "R-078 T-002 T-008 topic_ring")
{
    static const uint32_t longest[] = {0, 1, 7, 8, 31, 32};
    for (size_t i = 0; i < sizeof longest / sizeof longest[0]; ++i) {
        RecordPair pair;
        record_pair_open(&pair, 64, longest[i]);
        const uint32_t most = pair.producer.end.max_record;
        CHECK_EQ_U64(longest[i] == 0 ? 16 : longest[i], most);
        for (uint64_t offset = 0; offset < 64; offset += 8) {
            move_to(&pair, offset);
            push_pattern(&pair.producer, most, offset);
            pop_pattern(&pair.consumer, most, offset);
        }
        CHECK_STATUS(RENOIR_MESSAGE_TOO_LARGE,
                     renoir_record_ring_try_push(&pair.producer, bytes_in, most + 1, 0));
        record_pair_close(&pair);
    }
}

TEST(record, max_record_above_half_the_capacity_is_refused_with_both_numbers, "R-078 T-008")
{
    RenoirRingOptions options = record_options(1024, 513);
    CHECK_EQ_U64(0, renoir_ring_size(RENOIR_RING_RECORD, &options));
    CHECK_STR_CONTAINS("513", renoir_last_error_message());
    CHECK_STR_CONTAINS("1024", renoir_last_error_message());
    options.max_record = 512;
    CHECK(renoir_ring_size(RENOIR_RING_RECORD, &options) > 1024 + 512);
}

TEST(record, a_record_too_long_names_both_lengths_and_leaves_the_ring_alone, "R-078 T-008")
{
    RecordPair pair;
    void *room = NULL;
    volatile size_t endless =
        SIZE_MAX; // so that the compiler does not refuse it before the ring does
    record_pair_open(&pair, 1024, 100);

    CHECK_STATUS(RENOIR_MESSAGE_TOO_LARGE, renoir_record_ring_reserve(&pair.producer, 101, &room));
    CHECK(room == NULL);
    CHECK_STR_CONTAINS("101", renoir_last_error_message());
    CHECK_STR_CONTAINS("100", renoir_last_error_message());
    CHECK_STATUS(RENOIR_MESSAGE_TOO_LARGE,
                 renoir_record_ring_try_push(&pair.producer, bytes_in, endless, 0));
    push_pattern(&pair.producer, 100, 1);
    pop_pattern(&pair.consumer, 100, 1);
    record_pair_close(&pair);
}

TEST(record, a_reservation_is_written_in_place_and_may_shrink_or_be_given_up, "R-078 T-018 R-074")
{
    RecordPair pair;
    void *room = NULL;
    const void *data = NULL;
    size_t length = 9;
    uint32_t tag = 9;
    record_pair_open(&pair, 1024, 0);

    REQUIRE_OK(renoir_record_ring_reserve(&pair.producer, 200, &room));
    CHECK(room == pair.producer.end.cells + 8);
    CHECK_STATUS(RENOIR_BUFFER_EMPTY,
                 renoir_record_ring_peek(&pair.consumer, &data, &length, &tag));
    renoir_record_ring_abort(&pair.producer);
    renoir_record_ring_commit(&pair.producer, 10, 1); // nothing is reserved
    CHECK_EQ_U64(0, renoir_ring_count(&pair.producer.end));

    REQUIRE_OK(renoir_record_ring_reserve(&pair.producer, 200, &room));
    renoir_record_ring_commit(&pair.producer, 201, 1); // more than reserved
    CHECK_EQ_U64(0, renoir_ring_count(&pair.producer.end));
    memcpy(room, "shrunk", 6);
    renoir_record_ring_commit(&pair.producer, 6, 77);
    CHECK_EQ_U64(16, renoir_ring_count(&pair.producer.end));

    REQUIRE_OK(renoir_record_ring_peek(&pair.consumer, &data, &length, &tag));
    CHECK(data == room);
    CHECK_EQ_U64(6, length);
    CHECK_EQ_U64(77, tag);
    CHECK_BYTES("shrunk", data, 6);
    REQUIRE_OK(renoir_record_ring_peek(&pair.consumer, &data, &length, NULL)); // the same again
    CHECK_EQ_U64(6, length);
    renoir_record_ring_consume(&pair.consumer);
    renoir_record_ring_consume(&pair.consumer); // nothing was looked at
    CHECK_EQ_U64(0, renoir_ring_count(&pair.producer.end));
    record_pair_close(&pair);
}

TEST(record, a_buffer_too_small_says_how_much_and_loses_nothing, "R-078 T-067")
{
    RecordPair pair;
    size_t length = 0;
    uint32_t tag = 0;
    record_pair_open(&pair, 1024, 0);
    push_pattern(&pair.producer, 100, 5);
    REQUIRE_OK(renoir_record_ring_try_push(&pair.producer, NULL, 0, 6));

    CHECK_STATUS(RENOIR_INSUFFICIENT_SPACE,
                 renoir_record_ring_try_pop(&pair.consumer, bytes_out, 99, &length, &tag));
    CHECK_EQ_U64(100, length);
    CHECK_STR_CONTAINS("100", renoir_last_error_message());
    pop_pattern(&pair.consumer, 100, 5);
    CHECK_OK(renoir_record_ring_try_pop(&pair.consumer, NULL, 0, &length, &tag));
    CHECK_EQ_U64(0, length);
    CHECK_EQ_U64(6, tag);
    CHECK_STATUS(RENOIR_BUFFER_EMPTY,
                 renoir_record_ring_try_pop(&pair.consumer, bytes_out, 99, &length, &tag));
    record_pair_close(&pair);
}

TEST(record, wrong_role_closed_end_and_null_are_refused, "R-078 T-026 ffi")
{
    RecordPair pair;
    void *room = NULL;
    const void *data = NULL;
    size_t length = 0;
    record_pair_open(&pair, 1024, 0);

    CHECK_STATUS(RENOIR_INVALID_PARAMETER,
                 renoir_record_ring_try_push(&pair.consumer, bytes_in, 1, 0));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_record_ring_try_push(NULL, bytes_in, 1, 0));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_record_ring_try_push(&pair.producer, NULL, 1, 0));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_record_ring_reserve(&pair.producer, 1, NULL));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_record_ring_reserve(&pair.consumer, 1, &room));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER,
                 renoir_record_ring_peek(&pair.producer, &data, &length, NULL));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER,
                 renoir_record_ring_peek(&pair.consumer, NULL, &length, NULL));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER,
                 renoir_record_ring_try_pop(&pair.consumer, NULL, 1, &length, NULL));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER,
                 renoir_record_ring_try_pop(NULL, bytes_out, 1, &length, NULL));
    record_pair_close(&pair);
    CHECK_STATUS(RENOIR_INVALID_PARAMETER,
                 renoir_record_ring_try_push(&pair.producer, bytes_in, 1, 0));
    renoir_record_ring_commit(&pair.producer, 0, 0);
    renoir_record_ring_abort(&pair.producer);
    renoir_record_ring_consume(&pair.consumer);
}

TEST(record, a_hostile_length_is_corrupted_and_nothing_beyond_is_read, "T-023 R-078 security_edge")
{
    static const uint32_t wild[] = {101, 4097, 1u << 31, UINT32_MAX, UINT32_MAX - 7};
    for (size_t i = 0; i < sizeof wild / sizeof wild[0]; ++i) {
        GuardedRing ring;
        const void *data = NULL;
        size_t length = 0;
        guarded_open(&ring, 16384, LONGEST);
        move_to(&ring.pair, 16384 - 8);
        push_pattern(&ring.pair.producer, 100, 1);
        memcpy(ring.pair.producer.end.cells + 16384 - 8, &wild[i], sizeof wild[i]);

        // 101 to 104 bytes take up as much as the 100 that were written: that is believed.
        const RenoirErrorCode expected = wild[i] <= 104 ? RENOIR_SUCCESS : RENOIR_CORRUPTED;
        CHECK_STATUS(expected, renoir_record_ring_peek(&ring.pair.consumer, &data, &length, NULL));
        CHECK_STATUS(expected, renoir_record_ring_try_pop(&ring.pair.consumer, bytes_out,
                                                          sizeof bytes_out, &length, NULL));
        guarded_close(&ring);
    }
}

TEST(record, a_hostile_length_of_zero_ends_in_corrupted_and_never_loops, "T-023 security_edge")
{
    RecordPair pair;
    size_t length = 0;
    record_pair_open(&pair, 1024, 0);
    memset(bytes_in, 0xff, 100);
    REQUIRE_OK(renoir_record_ring_try_push(&pair.producer, bytes_in, 100, 0));
    memset(pair.producer.end.cells, 0, 4);

    CHECK_OK(renoir_record_ring_try_pop(&pair.consumer, bytes_out, 100, &length, NULL));
    CHECK_EQ_U64(0, length);
    CHECK_STATUS(RENOIR_CORRUPTED,
                 renoir_record_ring_try_pop(&pair.consumer, bytes_out, 100, &length, NULL));
    record_pair_close(&pair);
}

TEST(record, hostile_indices_are_corrupted, "T-023 T-030 security_edge")
{
    static const uint64_t wild[] = {1, 4, 1032, 1u << 20, UINT64_C(1) << 63, UINT64_MAX};
    for (size_t i = 0; i < sizeof wild / sizeof wild[0]; ++i) {
        RecordPair pair;
        size_t length = 0;
        record_pair_open(&pair, 1024, 0);
        rnr_store_release_u64(&shm_of(&pair.producer.end)->tail, wild[i]);
        CHECK_STATUS(RENOIR_CORRUPTED,
                     renoir_record_ring_try_pop(&pair.consumer, bytes_out, 100, &length, NULL));
        record_pair_close(&pair);
    }
}

// --- against a model -----------------------------------------------------------------------------

enum { MODEL_SLOTS = 256 };

typedef struct Model {
    size_t lengths[MODEL_SLOTS];
    uint64_t next_in, next_out;
    uint64_t bytes; // waiting
} Model;

static uint64_t record_size(size_t length)
{
    return 8 + ((uint64_t)length + 7) / 8 * 8;
}

static bool model_add(const RecordPair *pair, Model *model, size_t length)
{
    if (model->bytes + record_size(length) > pair->producer.end.mask + 1) {
        return false;
    }
    model->lengths[model->next_in++ % MODEL_SLOTS] = length;
    model->bytes += record_size(length);
    return true;
}

static void step_write(RecordPair *pair, Model *model, bool is_in_place)
{
    const size_t length = (size_t)test_random_below(pair->producer.end.max_record + 1);
    const uint64_t number = model->next_in;
    void *room = NULL;
    const size_t reserved =
        length + (size_t)test_random_below(pair->producer.end.max_record + 1 - length);

    if (is_in_place) {
        const bool fits = model->bytes + record_size(reserved) <= pair->producer.end.mask + 1;
        REQUIRE_STATUS(fits ? RENOIR_SUCCESS : RENOIR_BUFFER_FULL,
                       renoir_record_ring_reserve(&pair->producer, reserved, &room));
        if (fits) {
            pattern_fill(room, length, number);
            renoir_record_ring_commit(&pair->producer, length, (uint32_t)number);
            REQUIRE(model_add(pair, model, length));
        }
        return;
    }
    pattern_fill(bytes_in, length, number);
    const RenoirErrorCode status =
        renoir_record_ring_try_push(&pair->producer, bytes_in, length, (uint32_t)number);
    REQUIRE_STATUS(model_add(pair, model, length) ? RENOIR_SUCCESS : RENOIR_BUFFER_FULL, status);
}

static void step_read(RecordPair *pair, Model *model)
{
    if (model->next_in == model->next_out) {
        size_t length;
        REQUIRE_STATUS(RENOIR_BUFFER_EMPTY,
                       renoir_record_ring_try_pop(&pair->consumer, bytes_out, sizeof bytes_out,
                                                  &length, NULL));
        return;
    }
    const size_t length = model->lengths[model->next_out % MODEL_SLOTS];
    pop_pattern(&pair->consumer, length, model->next_out);
    model->bytes -= record_size(length);
    model->next_out += 1;
}

static void run_model(uint64_t capacity, uint32_t max_record, uint64_t origin, uint64_t steps)
{
    RecordPair pair;
    Model model = {.bytes = 0};
    record_pair_open(&pair, capacity, max_record);
    renoir_ring_close(&pair.producer.end);
    renoir_ring_close(&pair.consumer.end);
    RnrRingShm *const shm = (RnrRingShm *)pair.options.memory;
    rnr_store_release_u64(&shm->tail, origin);
    rnr_store_release_u64(&shm->head, origin);
    REQUIRE_OK(renoir_record_ring_open(NULL, NULL, &pair.options, RENOIR_PRODUCER, &pair.producer));
    REQUIRE_OK(renoir_record_ring_open(NULL, NULL, &pair.options, RENOIR_CONSUMER, &pair.consumer));

    for (uint64_t i = 0; i < steps; ++i) {
        const uint64_t what = test_random_below(5);
        if (what < 2) {
            step_write(&pair, &model, what == 1);
        } else {
            step_read(&pair, &model);
        }
        REQUIRE_EQ_U64(model.bytes, renoir_ring_count(&pair.producer.end));
    }
    record_pair_close(&pair);
}

TEST(record, agrees_with_a_model_over_random_operations, "R-078 R-076 T-011 T-025 topic_ring")
{
    run_model(64, 32, 0, test_scaled(1000000) / 4 + 1);
    run_model(256, 0, 0, test_scaled(1000000) / 4 + 1);
    run_model(1024, 500, 0, test_scaled(1000000) / 4 + 1);
    run_model(2048, 1021, 0, test_scaled(1000000) / 4 + 1);
}

TEST(record, positions_near_two_to_the_32_and_64_change_nothing, "T-027 topic_ring")
{
    run_model(256, 100, (UINT64_C(1) << 32) - 512, test_scaled(1000000) / 10 + 1000);
    run_model(256, 100, UINT64_MAX - 511, test_scaled(1000000) / 10 + 1000);
}
