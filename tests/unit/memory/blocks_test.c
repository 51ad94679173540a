// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Blocks and bump in private memory: shapes, hints that are wrong, words that somebody damaged.

#include "memory/blocks.h"

#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/memory.h"
#include "harness/test.h"
#include "memory/allocator.h"
#include "memory/bump.h"

typedef struct Pool {
    void *memory;
    RnrBlocksShape shape;
    RnrBlocks blocks;
} Pool;

static Pool make(uint64_t block_size, uint64_t count)
{
    Pool pool;
    REQUIRE(rnr_blocks_shape(block_size, count, &pool.shape));
    pool.memory = rnr_allocate_aligned((size_t)pool.shape.total_bytes, 4096);
    REQUIRE(pool.memory != NULL);
    rnr_blocks_format(pool.memory, &pool.shape);
    REQUIRE_OK(rnr_blocks_attach(&pool.blocks, pool.memory, pool.shape.total_bytes, 12345));
    return pool;
}

static void take_all(Pool *pool)
{
    void *block = NULL;
    for (uint64_t i = rnr_blocks_used(&pool->blocks); i < pool->shape.block_count; ++i) {
        REQUIRE_OK(rnr_blocks_allocate(&pool->blocks, &block));
    }
    CHECK_STATUS(RENOIR_INSUFFICIENT_SPACE, rnr_blocks_allocate(&pool->blocks, &block));
    CHECK_EQ_U64(pool->shape.block_count, rnr_blocks_used(&pool->blocks));
}

static void *block_at(const Pool *pool, uint64_t index)
{
    return pool->blocks.data + index * pool->shape.block_size;
}

TEST(blocks_shape, everything_fits_and_nothing_overlaps, "R-047 T-044 T-045")
{
    static const uint64_t sizes[] = {8, 16, 24, 64, 104, 256, 4096, 8192, 12288};
    static const uint64_t counts[] = {1, 63, 64, 65, 4095, 4096, 4097, 100000};

    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; ++s) {
        for (size_t c = 0; c < sizeof counts / sizeof counts[0]; ++c) {
            RnrBlocksShape shape;
            CHECK(rnr_blocks_shape(sizes[s], counts[c], &shape));
            CHECK(shape.word_count * 64 >= counts[c] && (shape.word_count - 1) * 64 < counts[c]);
            CHECK(shape.summary_count * 64 >= shape.word_count);
            CHECK(shape.data_offset >= 256 + 8 * (shape.summary_count + shape.word_count));
            CHECK_EQ_U64(0, shape.data_offset % shape.alignment);
            CHECK_EQ_U64(0, sizes[s] % shape.alignment);
            CHECK_EQ_U64(shape.data_offset + sizes[s] * counts[c], shape.total_bytes);
        }
    }
}

TEST(blocks_shape, what_does_not_fit_64_bits_is_refused, "T-044")
{
    RnrBlocksShape shape;

    CHECK(!rnr_blocks_shape(0, 1, &shape));
    CHECK(!rnr_blocks_shape(8, 0, &shape));
    CHECK(!rnr_blocks_shape(12, 1, &shape));
    CHECK(!rnr_blocks_shape(8, UINT64_MAX, &shape));
    CHECK(!rnr_blocks_shape(8, UINT64_MAX / 8, &shape));
    CHECK(!rnr_blocks_shape(UINT64_MAX - 7, 1, &shape));
    CHECK(!rnr_blocks_shape(UINT64_C(1) << 63, 2, &shape));
    CHECK(rnr_blocks_shape(UINT64_C(1) << 62, 2, &shape));
}

TEST(blocks_shape, the_largest_shape_leaves_no_room_for_one_block_more, "R-047 T-045")
{
    RnrBlocksShape shape;

    for (uint64_t size = 0; size < 20000; size += 13) {
        if (rnr_blocks_largest_shape(24, size, &shape)) {
            CHECK(shape.total_bytes <= size);
            CHECK(rnr_blocks_shape(24, shape.block_count + 1, &shape) && shape.total_bytes > size);
        } else {
            CHECK(rnr_blocks_shape(24, 1, &shape) && shape.total_bytes > size);
        }
    }
    CHECK(rnr_blocks_largest_shape(8, UINT64_C(1) << 48, &shape));
    CHECK(shape.total_bytes <= UINT64_C(1) << 48);
    CHECK(!rnr_blocks_largest_shape(0, 4096, &shape));
}

TEST(blocks_search, every_block_is_handed_out_once_whatever_the_count, "R-047 T-042")
{
    static const uint64_t counts[] = {1, 2, 63, 64, 65, 127, 4096, 4097, 8193, 20000};

    for (size_t c = 0; c < sizeof counts / sizeof counts[0]; ++c) {
        Pool pool = make(8, counts[c]);
        unsigned char *seen = calloc(1, (size_t)counts[c]);
        REQUIRE(seen != NULL);

        for (uint64_t i = 0; i < counts[c]; ++i) {
            void *block = NULL;
            REQUIRE_OK(rnr_blocks_allocate(&pool.blocks, &block));
            const size_t index = (size_t)((unsigned char *)block - pool.blocks.data) / 8;
            REQUIRE(index < counts[c]);
            CHECK_EQ_U64(0, seen[index]);
            seen[index] = 1;
        }
        take_all(&pool);
        CHECK_EQ_U64(pool.shape.word_count, rnr_blocks_find_stray_bit(&pool.blocks));
        free(seen);
        rnr_free(pool.memory);
    }
}

TEST(blocks_search, the_one_free_block_is_found_wherever_it_is, "R-047")
{
    Pool pool = make(8, 10000);
    take_all(&pool);

    for (uint64_t index = 0; index < 10000; index += 37) {
        void *block = NULL;
        CHECK_OK(rnr_blocks_free(&pool.blocks, block_at(&pool, index)));
        CHECK_OK(rnr_blocks_allocate(&pool.blocks, &block));
        CHECK(block == block_at(&pool, index));
    }
    rnr_free(pool.memory);
}

TEST(blocks_search, a_block_given_back_is_told_where_searches_look, "R-047")
{
    Pool pool = make(8, 10000);
    take_all(&pool);
    CHECK_EQ_U64(UINT64_MAX, rnr_load_relaxed_u64(&pool.blocks.summary[0]));

    CHECK_OK(rnr_blocks_free(&pool.blocks, block_at(&pool, 64 * 5 + 3)));

    CHECK_EQ_U64(UINT64_MAX & ~(UINT64_C(1) << 5), rnr_load_relaxed_u64(&pool.blocks.summary[0]));
    rnr_free(pool.memory);
}

TEST(blocks_search, a_block_given_back_is_the_next_one_handed_out, "R-047 memory_performance")
{
    Pool pool = make(64, 1000);
    void *block = NULL;
    void *again = NULL;

    CHECK_OK(rnr_blocks_allocate(&pool.blocks, &block));
    for (int i = 0; i < 100; ++i) {
        CHECK_OK(rnr_blocks_free(&pool.blocks, block));
        CHECK_OK(rnr_blocks_allocate(&pool.blocks, &again));
        CHECK(again == block);
    }
    rnr_free(pool.memory);
}

TEST(blocks_search, hints_that_hide_everything_hide_nothing_for_long, "R-047 reliability")
{
    Pool pool = make(8, 10000);
    void *block = NULL;

    for (uint64_t i = 0; i < pool.shape.summary_count;
         ++i) { // as after many deaths, or a scribbler
        rnr_store_relaxed_u64(&pool.blocks.summary[i], UINT64_MAX);
    }

    for (int i = 0; i < 10000; ++i) {
        REQUIRE_OK(rnr_blocks_allocate(&pool.blocks, &block));
    }
    CHECK_STATUS(RENOIR_INSUFFICIENT_SPACE, rnr_blocks_allocate(&pool.blocks, &block));
    rnr_free(pool.memory);
}

TEST(blocks_search,
     of_very_many_blocks_a_hidden_one_is_found_after_some_answers,
     "R-047 reliability")
{
    enum { COUNT = 1 << 20, PIECES = COUNT / 64 / 4096 };
    Pool pool = make(8, COUNT);
    void *block = NULL;
    take_all(&pool);
    CHECK_OK(rnr_blocks_free(&pool.blocks, block_at(&pool, COUNT - 1)));
    for (uint64_t i = 0; i < pool.shape.summary_count; ++i) {
        rnr_store_relaxed_u64(&pool.blocks.summary[i], UINT64_MAX);
    }

    int answers = 1;
    while (answers <= PIECES && rnr_blocks_allocate(&pool.blocks, &block) != RENOIR_SUCCESS) {
        ++answers;
    }

    CHECK(answers <= PIECES);
    CHECK(block == block_at(&pool, COUNT - 1));
    rnr_free(pool.memory);
}

TEST(blocks_search, hints_that_promise_too_much_cost_a_look_and_no_more, "R-047 reliability")
{
    Pool pool = make(8, 10000);
    void *block = NULL;
    take_all(&pool);
    for (uint64_t i = 0; i < pool.shape.summary_count; ++i) {
        rnr_store_relaxed_u64(&pool.blocks.summary[i], 0);
    }

    CHECK_STATUS(RENOIR_INSUFFICIENT_SPACE, rnr_blocks_allocate(&pool.blocks, &block));

    CHECK_EQ_U64(UINT64_MAX, rnr_load_relaxed_u64(&pool.blocks.summary[0])); // mended on the way
    rnr_free(pool.memory);
}

TEST(blocks_damage, whatever_the_words_say_only_blocks_are_handed_out, "T-042 T-050 security_edge")
{
    Pool pool = make(8, 1000);

    for (int round = 0; round < 200; ++round) {
        for (uint64_t i = 0; i < pool.shape.word_count; ++i) {
            rnr_store_relaxed_u64(&pool.blocks.bits[i], test_random_u64());
        }
        rnr_store_relaxed_u64(&pool.blocks.summary[0], test_random_u64());
        for (int i = 0; i < 1001; ++i) {
            void *block = NULL;
            if (rnr_blocks_allocate(&pool.blocks, &block) != RENOIR_SUCCESS) {
                break;
            }
            const unsigned char *byte = block;
            REQUIRE(byte >= pool.blocks.data && byte <= (unsigned char *)block_at(&pool, 999));
            REQUIRE((size_t)(byte - pool.blocks.data) % 8 == 0);
        }
        CHECK(rnr_blocks_used(&pool.blocks) <= 1000);
    }
    rnr_blocks_reset(&pool.blocks);
    CHECK_EQ_U64(0, rnr_blocks_used(&pool.blocks));
    take_all(&pool);
    rnr_free(pool.memory);
}

TEST(blocks_damage, a_geometry_that_contradicts_itself_is_refused, "T-050 security_edge")
{
    Pool pool = make(64, 100);
    RnrBlocksShm *shm = pool.memory;
    const RnrBlocksShm sound = *shm;
    const uint64_t total = pool.shape.total_bytes;
    const uint64_t bad[] = {0, 1, 63, 72, 101, 1000, UINT32_MAX, UINT64_MAX - 7, UINT64_MAX};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; ++i) {
        shm->block_size = bad[i];
        CHECK_STATUS(RENOIR_CORRUPTED, rnr_blocks_attach(&pool.blocks, shm, total, 0));
        shm->block_size = sound.block_size;
        shm->block_count = bad[i];
        const RenoirErrorCode status = rnr_blocks_attach(&pool.blocks, shm, total, 0);
        CHECK(status == RENOIR_CORRUPTED || (bad[i] == 63 || bad[i] == 72 || bad[i] == 1));
        shm->block_count = sound.block_count;
        shm->data_offset = bad[i];
        CHECK_STATUS(RENOIR_CORRUPTED, rnr_blocks_attach(&pool.blocks, shm, total, 0));
        shm->data_offset = sound.data_offset;
    }
    CHECK_STATUS(RENOIR_CORRUPTED, rnr_blocks_attach(&pool.blocks, shm, total - 1, 0));
    CHECK_STATUS(RENOIR_CORRUPTED, rnr_blocks_attach(&pool.blocks, shm, 255, 0));
    CHECK_STATUS(RENOIR_CORRUPTED, rnr_blocks_attach(&pool.blocks, shm, 0, 0));
    CHECK_OK(rnr_blocks_attach(&pool.blocks, shm, total, 0));
    rnr_free(pool.memory);
}

TEST(blocks_damage, the_check_finds_a_bit_beyond_the_last_block, "T-050")
{
    Pool pool = make(64, 100);
    char report[128] = "old";
    CHECK_OK(rnr_allocator_check(RNR_OBJECT_BLOCKS, pool.memory, pool.shape.total_bytes, report,
                                 sizeof report));
    CHECK_STR("", report);

    rnr_store_relaxed_u64(&pool.blocks.bits[1], UINT64_C(1) << 36);

    CHECK_STATUS(RENOIR_CORRUPTED,
                 rnr_allocator_check(RNR_OBJECT_BLOCKS, pool.memory, pool.shape.total_bytes, report,
                                     sizeof report));
    CHECK_STR_CONTAINS("I2", report);
    CHECK_STATUS(RENOIR_CORRUPTED,
                 rnr_allocator_check(RNR_OBJECT_BLOCKS, pool.memory, 100, NULL, 0));
    rnr_free(pool.memory);
}

TEST(bump_damage, a_count_beyond_the_end_is_found_and_a_reset_mends_it, "T-050 security_edge")
{
    void *memory = rnr_allocate_aligned(256 + 1000, 128);
    RnrBump bump;
    char report[128];
    void *bytes = NULL;
    uint64_t used = 0;
    REQUIRE_OK(rnr_bump_format(memory, 1256, 1000));
    REQUIRE_OK(rnr_bump_attach(&bump, memory, 1256));
    CHECK_OK(rnr_allocator_check(RNR_OBJECT_BUMP, memory, 1256, report, sizeof report));

    static const uint64_t bad[] = {1001, UINT32_MAX, UINT64_MAX - 8, UINT64_MAX};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; ++i) {
        rnr_store_relaxed_u64(&bump.shm->used, bad[i]);
        CHECK_STATUS(RENOIR_CORRUPTED, rnr_bump_allocate(&bump, 8, 8, &bytes));
        CHECK_STATUS(RENOIR_CORRUPTED, rnr_bump_used(&bump, &used));
        CHECK_STATUS(RENOIR_CORRUPTED, rnr_bump_rewind(&bump, 0));
        CHECK_STATUS(RENOIR_CORRUPTED,
                     rnr_allocator_check(RNR_OBJECT_BUMP, memory, 1256, report, sizeof report));
        CHECK_STR_CONTAINS("I1", report);
    }

    rnr_bump_reset(&bump);
    CHECK_OK(rnr_bump_allocate(&bump, 8, 8, &bytes));
    rnr_free(memory);
}

TEST(bump_damage, a_capacity_beyond_the_object_is_refused, "T-047 T-050 security_edge")
{
    void *memory = rnr_allocate_aligned(256 + 1000, 128);
    RnrBumpShm *shm = memory;
    RnrBump bump;

    for (uint64_t size = 0; size <= 256; ++size) {
        CHECK_STATUS(RENOIR_INSUFFICIENT_SPACE, rnr_bump_format(memory, size, 0));
        CHECK_STATUS(RENOIR_CORRUPTED, rnr_bump_attach(&bump, memory, size));
    }
    CHECK_STATUS(RENOIR_INSUFFICIENT_SPACE, rnr_bump_format(memory, 1256, 1001));
    CHECK_STATUS(RENOIR_INSUFFICIENT_SPACE, rnr_bump_format(memory, 1256, UINT64_MAX));
    shm->capacity = 1001;
    CHECK_STATUS(RENOIR_CORRUPTED, rnr_bump_attach(&bump, memory, 1256));
    shm->capacity = 0;
    CHECK_STATUS(RENOIR_CORRUPTED, rnr_bump_attach(&bump, memory, 1256));
    shm->capacity = UINT64_MAX;
    CHECK_STATUS(RENOIR_CORRUPTED, rnr_bump_attach(&bump, memory, 1256));
    rnr_free(memory);
}
