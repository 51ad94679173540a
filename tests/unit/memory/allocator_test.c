// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Allocators in one process, as a caller uses them.

#include "renoir/allocator.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/test.h"
#include "memory/allocator.h"

static RenoirRegionHandle make_region(const char *name, size_t size)
{
    RenoirRegionHandle region = NULL;
    RenoirRegionConfig config = renoir_region_config_default();
    config.name = name;
    config.size = size;
    REQUIRE_OK(renoir_region_create(NULL, &config, &region));
    return region;
}

static RenoirAllocatorHandle make_bump(RenoirRegionHandle region, const char *name, size_t capacity)
{
    RenoirAllocatorHandle allocator = NULL;
    RenoirAllocatorOptions options = renoir_allocator_options_default();
    options.kind = RENOIR_ALLOCATOR_BUMP;
    options.name = name;
    options.capacity_bytes = capacity;
    REQUIRE_OK(renoir_allocator_create_with(region, &options, &allocator));
    return allocator;
}

static RenoirAllocatorHandle
make_pool(RenoirRegionHandle region, const char *name, size_t block_size, size_t count)
{
    RenoirAllocatorHandle allocator = NULL;
    RenoirAllocatorOptions options = renoir_allocator_options_default();
    options.kind = RENOIR_ALLOCATOR_BLOCK;
    options.name = name;
    options.block_size = block_size;
    options.capacity_bytes = (block_size + 7) / 8 * 8 * count;
    REQUIRE_OK(renoir_allocator_create_with(region, &options, &allocator));
    return allocator;
}

static RenoirAllocatorStats stats_of(RenoirAllocatorHandle allocator)
{
    RenoirAllocatorStats stats;
    memset(&stats, 0xff, sizeof stats);
    CHECK_OK(renoir_allocator_stats(allocator, &stats));
    CHECK_EQ_U64(stats.total_size, stats.used_size + stats.available_size);
    return stats;
}

static unsigned char *allocate(RenoirAllocatorHandle allocator, size_t size, size_t alignment)
{
    void *memory = NULL;
    REQUIRE_OK(renoir_allocator_allocate(allocator, size, alignment, &memory));
    REQUIRE(memory != NULL);
    return memory;
}

// --- bump ----------------------------------------------------------------------------------------

TEST(bump, allocations_follow_each_other_and_are_counted, "R-043 R-044 R-045 T-048 T-083")
{
    RenoirAllocatorHandle bump = NULL;
    RenoirRegionHandle region = make_region("bump", 1 << 20);
    REQUIRE_OK(renoir_allocator_create_bump(region, &bump));
    const size_t total = stats_of(bump).total_size;

    unsigned char *first = allocate(bump, 256, 8);
    unsigned char *second = allocate(bump, 512, 16);
    memset(first, 1, 256);
    memset(second, 2, 512);

    CHECK(total > (1 << 20) - 4096 && total <= 1 << 20);
    CHECK_EQ_U64(0, (uintptr_t)first % 8);
    CHECK_EQ_U64(0, (uintptr_t)second % 16);
    CHECK(second >= first + 256);
    CHECK(first[255] == 1 && second[0] == 2);
    CHECK_EQ_U64(768, stats_of(bump).used_size);
    CHECK_EQ_U64(total - 768, stats_of(bump).available_size);
    renoir_allocator_close(bump);
    CHECK_OK(renoir_region_destroy(region));
}

TEST(bump, every_power_of_two_up_to_the_page_size_is_an_alignment, "R-045 R-049")
{
    RenoirRegionHandle region = make_region("bump", 1 << 20);
    RenoirAllocatorHandle bump = make_bump(region, NULL, 1 << 19);
    void *memory = &memory;

    for (size_t alignment = 1; alignment <= (size_t)getpagesize(); alignment *= 2) {
        (void)allocate(bump, 1, 1); // so that the next one does not lie right by chance
        CHECK_EQ_U64(0, (uintptr_t)allocate(bump, 3, alignment) % alignment);
    }

    const size_t used = stats_of(bump).used_size;
    static const size_t bad[] = {3, 48, 65, 1 << 20, SIZE_MAX, SIZE_MAX / 2 + 1};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; ++i) {
        CHECK_STATUS(RENOIR_ALIGNMENT_ERROR, renoir_allocator_allocate(bump, 8, bad[i], &memory));
        CHECK(memory == NULL);
    }
    CHECK_EQ_U64(used, stats_of(bump).used_size);
    renoir_allocator_close(bump);
    CHECK_OK(renoir_region_destroy(region));
}

TEST(bump, an_alignment_of_0_is_64, "R-049")
{
    unsetenv("RENOIR_DEFAULT_ALIGN");
    RenoirRegionHandle region = make_region("bump", 1 << 20);
    RenoirAllocatorHandle bump = make_bump(region, NULL, 1000);

    (void)allocate(bump, 1, 1);
    CHECK_EQ_U64(0, (uintptr_t)allocate(bump, 1, 0) % 64);

    CHECK_EQ_U64(65, stats_of(bump).used_size);
    renoir_allocator_close(bump);
    CHECK_OK(renoir_region_destroy(region));
}

TEST(bump, an_alignment_of_0_is_what_the_environment_says, "R-049 R-213")
{
    setenv("RENOIR_DEFAULT_ALIGN", "512", 1);
    RenoirRegionHandle region = make_region("bump", 1 << 20);
    RenoirAllocatorHandle bump = make_bump(region, NULL, 4000);

    (void)allocate(bump, 1, 1);
    CHECK_EQ_U64(0, (uintptr_t)allocate(bump, 1, 0) % 512);
    renoir_allocator_close(bump);
    CHECK_OK(renoir_region_destroy(region));
}

TEST(bump, a_bad_default_alignment_is_told_by_the_call_that_needs_it, "R-049 R-213")
{
    setenv("RENOIR_DEFAULT_ALIGN", "63", 1);
    RenoirRegionHandle region = make_region("bump", 1 << 20);
    RenoirAllocatorHandle bump = make_bump(region, NULL, 4000);
    void *memory = NULL;

    (void)allocate(bump, 1, 8);
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_allocator_allocate(bump, 1, 0, &memory));
    CHECK_STR_CONTAINS("RENOIR_DEFAULT_ALIGN: '63'", renoir_last_error_message());
    renoir_allocator_close(bump);
    CHECK_OK(renoir_region_destroy(region));
}

TEST(bump, the_last_byte_is_given_out_and_not_one_more, "R-045 T-044")
{
    RenoirRegionHandle region = make_region("bump", 1 << 20);
    RenoirAllocatorHandle bump = make_bump(region, NULL, 1000);
    void *memory = NULL;

    (void)allocate(bump, 990, 1);
    CHECK_STATUS(RENOIR_INSUFFICIENT_SPACE, renoir_allocator_allocate(bump, 11, 1, &memory));
    CHECK(memory == NULL);
    CHECK_STR_CONTAINS("11 bytes needed", renoir_last_error_message());
    CHECK_STR_CONTAINS("10 free of 1000", renoir_last_error_message());
    CHECK_STATUS(RENOIR_INSUFFICIENT_SPACE, renoir_allocator_allocate(bump, 10, 64, &memory));
    (void)allocate(bump, 10, 1);
    CHECK_STATUS(RENOIR_INSUFFICIENT_SPACE, renoir_allocator_allocate(bump, 1, 1, &memory));

    CHECK_EQ_U64(1000, stats_of(bump).used_size);
    CHECK_EQ_U64(0, stats_of(bump).available_size);
    renoir_allocator_close(bump);
    CHECK_OK(renoir_region_destroy(region));
}

TEST(bump, sizes_that_would_wrap_around_are_refused, "R-045 T-044 security_edge")
{
    RenoirRegionHandle region = make_region("bump", 1 << 20);
    RenoirAllocatorHandle bump = make_bump(region, NULL, 1000);
    void *memory = NULL;
    static const size_t sizes[] = {1001,         INT32_MAX,    (size_t)INT32_MAX + 1, UINT32_MAX,
                                   SIZE_MAX / 2, SIZE_MAX - 1, SIZE_MAX - 7,          SIZE_MAX};

    (void)allocate(bump, 7, 1);
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_allocator_allocate(bump, 0, 8, &memory));
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; ++i) {
        CHECK_STATUS(RENOIR_INSUFFICIENT_SPACE,
                     renoir_allocator_allocate(bump, sizes[i], 4096, &memory));
    }

    CHECK_EQ_U64(7, stats_of(bump).used_size);
    renoir_allocator_close(bump);
    CHECK_OK(renoir_region_destroy(region));
}

TEST(bump, marks_nest, "R-046")
{
    RenoirRegionHandle region = make_region("bump", 1 << 20);
    RenoirAllocatorHandle bump = make_bump(region, NULL, 1000);
    uint64_t outer = 0;
    uint64_t inner = 0;

    (void)allocate(bump, 100, 1);
    CHECK_OK(renoir_allocator_mark(bump, &outer));
    unsigned char *first = allocate(bump, 100, 1);
    CHECK_OK(renoir_allocator_mark(bump, &inner));
    unsigned char *second = allocate(bump, 100, 1);

    CHECK_OK(renoir_allocator_rewind(bump, inner));
    CHECK(allocate(bump, 50, 1) == second);
    CHECK_OK(renoir_allocator_rewind(bump, outer));
    CHECK_EQ_U64(100, stats_of(bump).used_size);
    CHECK(allocate(bump, 1, 1) == first);

    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_allocator_rewind(bump, inner));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_allocator_rewind(bump, UINT64_MAX));
    CHECK_EQ_U64(101, stats_of(bump).used_size);
    renoir_allocator_close(bump);
    CHECK_OK(renoir_region_destroy(region));
}

TEST(bump, a_reset_frees_everything, "R-043 R-045")
{
    RenoirRegionHandle region = make_region("bump", 1 << 20);
    RenoirAllocatorHandle bump = make_bump(region, NULL, 1000);

    unsigned char *first = allocate(bump, 600, 1);
    CHECK_OK(renoir_allocator_reset(bump));

    CHECK_EQ_U64(0, stats_of(bump).used_size);
    CHECK(allocate(bump, 1000, 1) == first);
    renoir_allocator_close(bump);
    CHECK_OK(renoir_region_destroy(region));
}

TEST(bump, one_allocation_cannot_be_given_back, "R-043")
{
    RenoirRegionHandle region = make_region("bump", 1 << 20);
    RenoirAllocatorHandle bump = make_bump(region, NULL, 1000);
    void *memory = allocate(bump, 10, 1);

    CHECK_STATUS(RENOIR_UNSUPPORTED, renoir_allocator_deallocate(bump, memory, 10, 1));

    CHECK_EQ_U64(10, stats_of(bump).used_size);
    renoir_allocator_close(bump);
    CHECK_OK(renoir_region_destroy(region));
}

// --- blocks --------------------------------------------------------------------------------------

TEST(blocks, a_region_of_64_kib_holds_254_blocks_of_256_bytes, "R-043 R-044 R-047 T-048 T-083")
{
    enum { EXPECTED = 254 }; // 256 less the header of 256 bytes, 40 bytes of bits, rounded up
    RenoirAllocatorHandle pool = NULL;
    RenoirRegionHandle region = make_region("pool", 64 << 10);
    unsigned char *blocks[256];
    void *none = &none;
    REQUIRE_OK(renoir_allocator_create_pool(region, 256, &pool));

    CHECK_EQ_U64(EXPECTED * 256, stats_of(pool).total_size);
    for (int i = 0; i < EXPECTED; ++i) {
        blocks[i] = allocate(pool, 256, 256);
        CHECK_EQ_U64(0, (uintptr_t)blocks[i] % 256);
        memset(blocks[i], i, 256);
        CHECK_EQ_U64((size_t)(i + 1) * 256, stats_of(pool).used_size);
    }
    CHECK_STATUS(RENOIR_INSUFFICIENT_SPACE, renoir_allocator_allocate(pool, 1, 0, &none));
    CHECK(none == NULL);
    CHECK_STR_CONTAINS("254 blocks of 256 bytes", renoir_last_error_message());

    for (int i = 0; i < EXPECTED; ++i) {
        CHECK(blocks[i][0] == (unsigned char)i && blocks[i][255] == (unsigned char)i);
        CHECK_OK(renoir_allocator_deallocate(pool, blocks[i], 256, 256));
    }
    CHECK_EQ_U64(0, stats_of(pool).used_size);
    renoir_allocator_close(pool);
    CHECK_OK(renoir_region_destroy(region));
}

TEST(blocks, sizes_are_rounded_up_to_8_and_the_full_count_is_there, "R-047 T-045")
{
    static const size_t sizes[] = {1, 7, 8, 9, 63, 100, 4095};
    RenoirRegionHandle region = make_region("pool", 1 << 20);

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; ++i) {
        const size_t rounded = (sizes[i] + 7) / 8 * 8;
        RenoirAllocatorHandle pool = make_pool(region, NULL, sizes[i], 100);
        void *none = NULL;

        CHECK_EQ_U64(rounded * 100, stats_of(pool).total_size);
        for (int block = 0; block < 100; ++block) {
            CHECK_EQ_U64(0, (uintptr_t)allocate(pool, rounded, 8) % 8);
        }
        CHECK_STATUS(RENOIR_INSUFFICIENT_SPACE, renoir_allocator_allocate(pool, 1, 0, &none));
        renoir_allocator_close(pool);
    }
    CHECK_OK(renoir_region_destroy(region));
}

TEST(blocks, a_request_must_fit_a_block, "R-047 T-044")
{
    RenoirRegionHandle region = make_region("pool", 1 << 20);
    RenoirAllocatorHandle pool = make_pool(region, NULL, 96, 10);
    void *memory = NULL;

    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_allocator_allocate(pool, 0, 0, &memory));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_allocator_allocate(pool, 97, 0, &memory));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_allocator_allocate(pool, SIZE_MAX, 0, &memory));
    CHECK_STATUS(RENOIR_ALIGNMENT_ERROR, renoir_allocator_allocate(pool, 8, 64, &memory));
    CHECK_STATUS(RENOIR_ALIGNMENT_ERROR, renoir_allocator_allocate(pool, 8, 12, &memory));
    CHECK(memory == NULL);
    CHECK_EQ_U64(0, (uintptr_t)allocate(pool, 96, 32) % 32);

    CHECK_EQ_U64(96, stats_of(pool).used_size);
    renoir_allocator_close(pool);
    CHECK_OK(renoir_region_destroy(region));
}

TEST(blocks, what_is_no_block_or_is_free_cannot_be_given_back, "R-047 T-041 T-042 security_edge")
{
    RenoirRegionHandle region = make_region("pool", 1 << 20);
    RenoirAllocatorHandle pool = make_pool(region, NULL, 64, 10);
    RenoirAllocatorHandle other = make_pool(region, NULL, 64, 10);
    unsigned char *block = allocate(pool, 64, 0);
    unsigned char *free_one = allocate(pool, 64, 0);
    unsigned char *foreign = allocate(other, 64, 0);
    int local = 0;
    CHECK_OK(renoir_allocator_deallocate(pool, free_one, 64, 0));

    const struct {
        void *address;
        size_t size;
    } bad[] = {{NULL, 64},
               {&local, 64},
               {block + 1, 64},
               {block + 8, 64},
               {block - 64 * 20, 64},
               {free_one, 64},
               {foreign, 64},
               {block + 64 * 100, 64},
               {block, 65},
               {block, SIZE_MAX},
               {block, 0},
               {(void *)UINTPTR_MAX, 1}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; ++i) {
        CHECK_STATUS(RENOIR_INVALID_PARAMETER,
                     renoir_allocator_deallocate(pool, bad[i].address, bad[i].size, 0));
        CHECK_EQ_U64(64, stats_of(pool).used_size);
    }

    CHECK_OK(renoir_allocator_deallocate(pool, block, 64, 0));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_allocator_deallocate(pool, block, 64, 0));
    CHECK_EQ_U64(0, stats_of(pool).used_size);
    CHECK_EQ_U64(64, stats_of(other).used_size);
    renoir_allocator_close(pool);
    renoir_allocator_close(other);
    CHECK_OK(renoir_region_destroy(region));
}

TEST(blocks, what_users_write_into_blocks_harms_no_allocator, "T-042 security_edge")
{
    RenoirRegionHandle region = make_region("pool", 1 << 20);
    RenoirAllocatorHandle pool = make_pool(region, NULL, 64, 100);
    unsigned char *blocks[100];

    for (int i = 0; i < 100; ++i) {
        blocks[i] = allocate(pool, 64, 0);
    }
    for (int i = 0; i < 100; ++i) {
        CHECK_OK(renoir_allocator_deallocate(pool, blocks[i], 64, 0));
        memset(blocks[i], 0xff, 64); // freed, and written all the same
    }

    memset(blocks, 0, sizeof blocks);
    for (int i = 0; i < 100; ++i) {
        blocks[i] = allocate(pool, 64, 0);
        for (int other = 0; other < i; ++other) {
            CHECK(blocks[other] != blocks[i]);
        }
    }
    CHECK_OK(renoir_region_verify(region, NULL, 0));
    renoir_allocator_close(pool);
    CHECK_OK(renoir_region_destroy(region));
}

TEST(blocks, a_reset_frees_all_of_them, "R-043")
{
    RenoirRegionHandle region = make_region("pool", 1 << 20);
    RenoirAllocatorHandle pool = make_pool(region, NULL, 64, 200);

    for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < 200; ++i) {
            (void)allocate(pool, 64, 0);
        }
        CHECK_EQ_U64(0, stats_of(pool).available_size);
        CHECK_OK(renoir_allocator_reset(pool));
        CHECK_EQ_U64(0, stats_of(pool).used_size);
    }
    renoir_allocator_close(pool);
    CHECK_OK(renoir_region_destroy(region));
}

TEST(blocks, marks_are_for_bump_allocators, "R-046")
{
    RenoirRegionHandle region = make_region("pool", 1 << 20);
    RenoirAllocatorHandle pool = make_pool(region, NULL, 64, 10);
    uint64_t mark = 7;

    CHECK_STATUS(RENOIR_UNSUPPORTED, renoir_allocator_mark(pool, &mark));
    CHECK_EQ_U64(0, mark);
    CHECK_STATUS(RENOIR_UNSUPPORTED, renoir_allocator_rewind(pool, 0));
    renoir_allocator_close(pool);
    CHECK_OK(renoir_region_destroy(region));
}

// --- making, joining, leaving --------------------------------------------------------------------

TEST(allocator, a_pool_and_a_bump_allocator_share_a_region, "R-038 T-035 T-085")
{
    RenoirRegionHandle region = make_region("both", 1 << 20);
    RenoirAllocatorHandle pool = make_pool(region, "pool", 256, 100);
    RenoirAllocatorHandle bump = make_bump(region, "bump", 10000);
    unsigned char *blocks[100];

    unsigned char *bytes = allocate(bump, 10000, 1);
    memset(bytes, 0xbb, 10000);
    for (int i = 0; i < 100; ++i) {
        blocks[i] = allocate(pool, 256, 0);
        memset(blocks[i], i, 256);
    }

    for (int i = 0; i < 10000; ++i) {
        CHECK(bytes[i] == 0xbb);
    }
    for (int i = 0; i < 100; ++i) {
        CHECK(blocks[i][0] == i && blocks[i][255] == i);
        CHECK_OK(renoir_allocator_deallocate(pool, blocks[i], 256, 0));
    }
    CHECK_OK(renoir_region_verify(region, NULL, 0));
    renoir_allocator_close(pool);
    renoir_allocator_close(bump);
    CHECK_OK(renoir_region_destroy(region));
}

TEST(allocator, a_named_one_is_joined_on_the_same_terms_only, "R-038 R-043 T-043")
{
    RenoirRegionHandle region = make_region("terms", 1 << 20);
    RenoirAllocatorHandle pool = make_pool(region, "pool", 100, 50);
    RenoirAllocatorHandle again = make_pool(region, "pool", 104, 50);
    RenoirAllocatorOptions options = renoir_allocator_options_default();
    RenoirAllocatorHandle none = (RenoirAllocatorHandle)&options;

    (void)allocate(pool, 100, 0);
    CHECK_EQ_U64(104, stats_of(again).used_size);

    options.name = "pool";
    options.kind = RENOIR_ALLOCATOR_BLOCK;
    options.block_size = 96;
    options.capacity_bytes = 104 * 50;
    CHECK_STATUS(RENOIR_EXISTS, renoir_allocator_create_with(region, &options, &none));
    CHECK(none == NULL);
    CHECK_STR_CONTAINS("block size of 104 bytes, not 96", renoir_last_error_message());
    options.block_size = 104;
    options.capacity_bytes = 104 * 51;
    CHECK_STATUS(RENOIR_EXISTS, renoir_allocator_create_with(region, &options, &none));
    CHECK_STR_CONTAINS("capacity of 5200 bytes, not 5304", renoir_last_error_message());
    options.kind = RENOIR_ALLOCATOR_BUMP;
    options.block_size = 0;
    CHECK_STATUS(RENOIR_EXISTS, renoir_allocator_create_with(region, &options, &none));
    CHECK_EQ_U64(104, stats_of(pool).used_size);
    renoir_allocator_close(again);
    renoir_allocator_close(pool);
    CHECK_OK(renoir_region_destroy(region));
}

TEST(allocator, opening_finds_either_kind_by_name, "R-043")
{
    RenoirRegionHandle region = make_region("open", 1 << 20);
    RenoirAllocatorHandle pool = make_pool(region, "pool", 64, 10);
    RenoirAllocatorHandle bump = make_bump(region, "bump", 1000);
    RenoirAllocatorHandle found = NULL;
    void *block = NULL;
    (void)allocate(pool, 64, 0);
    (void)allocate(bump, 10, 1);

    CHECK_OK(renoir_allocator_open(region, "pool", &found));
    CHECK_EQ_U64(64, stats_of(found).used_size);
    renoir_allocator_close(found);
    CHECK_OK(renoir_allocator_open(region, "bump", &found));
    CHECK_EQ_U64(10, stats_of(found).used_size);
    renoir_allocator_close(found);

    CHECK_STATUS(RENOIR_NOT_FOUND, renoir_allocator_open(region, "none", &found));
    CHECK(found == NULL);
    CHECK_OK(renoir_region_block(region, "block", 64, 0, &block, NULL));
    CHECK_STATUS(RENOIR_EXISTS, renoir_allocator_open(region, "block", &found));
    renoir_allocator_close(pool);
    renoir_allocator_close(bump);
    CHECK_OK(renoir_region_destroy(region));
}

TEST(allocator, the_space_of_an_unnamed_one_goes_back_with_its_handle, "R-036 R-043 T-048")
{
    RenoirRegionHandle region = make_region("space", 1 << 20);
    RenoirRegionStats before;
    RenoirRegionStats after;
    RenoirAllocatorHandle none = NULL;
    REQUIRE_OK(renoir_region_stats(region, &before));

    for (int i = 0; i < 10; ++i) {
        RenoirAllocatorHandle bump = NULL;
        REQUIRE_OK(renoir_allocator_create_bump(region, &bump));
        CHECK_STATUS(RENOIR_INSUFFICIENT_SPACE, renoir_allocator_create_bump(region, &none));
        CHECK(none == NULL);
        renoir_allocator_close(bump);
    }

    REQUIRE_OK(renoir_region_stats(region, &after));
    CHECK_EQ_U64(before.used_size, after.used_size);
    CHECK_OK(renoir_region_destroy(region));
}

TEST(allocator, a_destroyed_one_is_gone_and_a_closed_one_stays, "R-043")
{
    RenoirRegionHandle region = make_region("stay", 1 << 20);
    RenoirAllocatorHandle bump = make_bump(region, "bump", 1000);
    (void)allocate(bump, 10, 1);

    renoir_allocator_close(bump);
    REQUIRE_OK(renoir_allocator_open(region, "bump", &bump));
    CHECK_EQ_U64(10, stats_of(bump).used_size);

    CHECK_OK(renoir_allocator_destroy(bump));
    CHECK_STATUS(RENOIR_NOT_FOUND, renoir_allocator_open(region, "bump", &bump));
    bump = make_bump(region, "bump", 500); // other terms: it is a new one
    CHECK_EQ_U64(0, stats_of(bump).used_size);
    renoir_allocator_close(bump);
    CHECK_OK(renoir_region_destroy(region));
}

TEST(allocator, a_region_that_is_too_small_is_told_with_both_numbers, "R-041 T-044 T-047")
{
    RenoirRegionHandle region = make_region("small", 4096);
    RenoirAllocatorHandle none = NULL;
    RenoirAllocatorOptions options = renoir_allocator_options_default();
    RenoirRegionStats stats;
    REQUIRE_OK(renoir_region_stats(region, &stats));
    static const size_t sizes[] = {8192,         INT32_MAX,    UINT32_MAX,
                                   SIZE_MAX / 2, SIZE_MAX - 7, SIZE_MAX};

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; ++i) {
        options.kind = RENOIR_ALLOCATOR_BUMP;
        options.block_size = 0;
        options.capacity_bytes = sizes[i];
        CHECK_STATUS(RENOIR_INSUFFICIENT_SPACE,
                     renoir_allocator_create_with(region, &options, &none));
        options.kind = RENOIR_ALLOCATOR_BLOCK;
        options.block_size = 8;
        CHECK_STATUS(RENOIR_INSUFFICIENT_SPACE,
                     renoir_allocator_create_with(region, &options, &none));
        options.block_size = sizes[i] / 8 * 8;
        options.capacity_bytes = 0;
        CHECK_STATUS(RENOIR_INSUFFICIENT_SPACE,
                     renoir_allocator_create_with(region, &options, &none));
    }
    CHECK_STATUS(RENOIR_INSUFFICIENT_SPACE, renoir_allocator_create_pool(region, 8192, &none));
    CHECK_STR_CONTAINS("bytes needed", renoir_last_error_message());
    CHECK_STR_CONTAINS("4096 free", renoir_last_error_message());

    RenoirRegionStats after;
    REQUIRE_OK(renoir_region_stats(region, &after));
    CHECK_EQ_U64(stats.used_size, after.used_size);
    CHECK_OK(renoir_region_destroy(region));
}

TEST(allocator, options_that_contradict_each_other_are_refused, "T-081 ffi")
{
    RenoirRegionHandle region = make_region("options", 1 << 20);
    RenoirAllocatorHandle none = NULL;
    const struct {
        uint32_t kind;
        size_t capacity;
        size_t block_size;
    } bad[] = {{0, 0, 0},
               {3, 0, 0},
               {RENOIR_ALLOCATOR_BUMP, 0, 8},
               {RENOIR_ALLOCATOR_BLOCK, 0, 0},
               {RENOIR_ALLOCATOR_BLOCK, 100, 104},
               {RENOIR_ALLOCATOR_BLOCK, 0, SIZE_MAX}};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; ++i) {
        RenoirAllocatorOptions options = renoir_allocator_options_default();
        options.kind = bad[i].kind;
        options.capacity_bytes = bad[i].capacity;
        options.block_size = bad[i].block_size;
        const RenoirErrorCode status = renoir_allocator_create_with(region, &options, &none);
        // Where 64 bits hold that size, no region does.
        CHECK(status == RENOIR_INVALID_PARAMETER ||
              (bad[i].block_size == SIZE_MAX && status == RENOIR_INSUFFICIENT_SPACE));
        CHECK(none == NULL);
    }
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_allocator_create_pool(region, 0, &none));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_allocator_create_with(region, NULL, &none));
    CHECK_OK(renoir_region_destroy(region));
}

TEST(allocator, null_and_what_is_no_handle_are_refused, "T-086 ffi")
{
    RenoirRegionHandle region = make_region("null", 1 << 20);
    RenoirAllocatorHandle bump = make_bump(region, NULL, 1000);
    RenoirAllocatorHandle none = NULL;
    RenoirAllocatorStats stats;
    uint64_t mark = 0;
    void *memory = NULL;
    uint64_t no_handle[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    RenoirAllocatorHandle wrong = (RenoirAllocatorHandle)(void *)no_handle;

    for (int i = 0; i < 2; ++i, none = wrong) {
        CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_allocator_allocate(none, 1, 0, &memory));
        CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_allocator_deallocate(none, &mark, 1, 0));
        CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_allocator_stats(none, &stats));
        CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_allocator_reset(none));
        CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_allocator_mark(none, &mark));
        CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_allocator_rewind(none, 0));
    }
    renoir_allocator_close(NULL);
    CHECK_OK(renoir_allocator_destroy(NULL));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_allocator_destroy(wrong));
    renoir_allocator_close(wrong);

    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_allocator_allocate(bump, 1, 0, NULL));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_allocator_stats(bump, NULL));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_allocator_mark(bump, NULL));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_allocator_create_bump(region, NULL));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_allocator_create_bump(NULL, &none));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_allocator_create_pool(NULL, 8, &none));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_allocator_open(region, NULL, &none));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_allocator_open(NULL, "x", &none));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_allocator_open(region, "x", NULL));
    renoir_allocator_close(bump);
    CHECK_OK(renoir_region_destroy(region));
}

TEST(allocator, a_region_for_reading_only_can_be_looked_at_and_not_allocated_from, "R-032 R-043")
{
    RenoirRegionHandle region = make_region("read", 1 << 20);
    RenoirAllocatorHandle pool = make_pool(region, "pool", 64, 10);
    void *block = allocate(pool, 64, 0);
    RenoirRegionHandle reading = NULL;
    RenoirAllocatorHandle looking = NULL;
    RenoirRegionOptions options = renoir_region_options_default();
    void *memory = NULL;
    options.flags = RENOIR_REGION_READ_ONLY;
    REQUIRE_OK(renoir_region_open(NULL, "read", &options, &reading));

    CHECK_OK(renoir_allocator_open(reading, "pool", &looking));
    CHECK_EQ_U64(64, stats_of(looking).used_size);
    CHECK_STATUS(RENOIR_PERMISSION_DENIED, renoir_allocator_allocate(looking, 1, 0, &memory));
    CHECK_STATUS(RENOIR_PERMISSION_DENIED, renoir_allocator_deallocate(looking, block, 64, 0));
    CHECK_STATUS(RENOIR_PERMISSION_DENIED, renoir_allocator_reset(looking));

    renoir_allocator_close(looking);
    renoir_region_close(reading);
    renoir_allocator_close(pool);
    CHECK_OK(renoir_region_destroy(region));
}

TEST(allocator, a_child_of_fork_cannot_use_the_handle, "R-018")
{
    RenoirRegionHandle region = make_region("fork", 1 << 20);
    RenoirAllocatorHandle bump = make_bump(region, "bump", 1000);

    const pid_t child = fork();
    if (child == 0) {
        RenoirAllocatorStats stats;
        uint64_t mark = 0;
        void *memory = NULL;
        bool is_fine = renoir_allocator_allocate(bump, 1, 1, &memory) == RENOIR_INVALID_STATE;
        is_fine = renoir_allocator_stats(bump, &stats) == RENOIR_INVALID_STATE && is_fine;
        is_fine = renoir_allocator_reset(bump) == RENOIR_INVALID_STATE && is_fine;
        is_fine = renoir_allocator_mark(bump, &mark) == RENOIR_INVALID_STATE && is_fine;
        renoir_allocator_close(bump);
        _exit(is_fine ? 0 : 1);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_EXITED(status, 0);

    (void)allocate(bump, 1, 1);
    renoir_allocator_close(bump);
    CHECK_OK(renoir_region_destroy(region));
}

typedef struct Worker {
    RenoirAllocatorHandle pool;
    uint64_t rounds;
    bool is_fine;
} Worker;

static void *allocate_and_free(void *context)
{
    Worker *worker = context;
    worker->is_fine = true;
    for (uint64_t i = 0; i < worker->rounds; ++i) {
        void *block = NULL;
        if (renoir_allocator_allocate(worker->pool, 64, 0, &block) != RENOIR_SUCCESS) {
            continue; // all are with the other threads
        }
        memset(block, (int)(i & 0xff), 64);
        const unsigned char *bytes = block;
        for (int at = 0; at < 64; ++at) {
            worker->is_fine = worker->is_fine && bytes[at] == (i & 0xff);
        }
        worker->is_fine =
            renoir_allocator_deallocate(worker->pool, block, 64, 0) == RENOIR_SUCCESS &&
            worker->is_fine;
    }
    return NULL;
}

TEST(allocator, threads_share_one_handle, "R-043 T-042 T-049 concurrent_stress tsan")
{
    enum { THREADS = 4 };
    RenoirRegionHandle region = make_region("threads", 1 << 20);
    RenoirAllocatorHandle pool = make_pool(region, NULL, 64, 3);
    pthread_t threads[THREADS];
    Worker workers[THREADS];

    for (int i = 0; i < THREADS; ++i) {
        workers[i] = (Worker){.pool = pool, .rounds = test_scaled(1000000)};
        REQUIRE(pthread_create(&threads[i], NULL, allocate_and_free, &workers[i]) == 0);
    }
    for (int i = 0; i < THREADS; ++i) {
        REQUIRE(pthread_join(threads[i], NULL) == 0);
        CHECK(workers[i].is_fine);
    }

    CHECK_EQ_U64(0, stats_of(pool).used_size);
    renoir_allocator_close(pool);
    CHECK_OK(renoir_region_destroy(region));
}
