// SPDX-License-Identifier: MIT OR Apache-2.0

#include "base/memory.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "base/fault.h"
#include "harness/test.h"

static RenoirMemoryStats stats(void)
{
    RenoirMemoryStats now;
    memset(&now, 0xff, sizeof now);
    CHECK_OK(renoir_memory_stats(&now));
    return now;
}

TEST(memory, allocations_are_counted_in_bytes_and_calls, "R-042 T-083")
{
    const RenoirMemoryStats before = stats();

    void *one = rnr_allocate(100);
    void *other = rnr_allocate(28);
    const RenoirMemoryStats during = stats();
    rnr_free(one);
    rnr_free(other);
    const RenoirMemoryStats after = stats();

    CHECK_EQ_U64(before.allocated_bytes + 128, during.allocated_bytes);
    CHECK_EQ_U64(before.allocation_count + 2, during.allocation_count);
    CHECK_EQ_U64(before.deallocation_count, during.deallocation_count);
    CHECK_EQ_U64(before.allocated_bytes, after.allocated_bytes);
    CHECK_EQ_U64(before.deallocation_count + 2, after.deallocation_count);
    CHECK(after.peak_bytes >= before.allocated_bytes + 128);
    CHECK_EQ_U64(0, after.reserved[0] | after.reserved[1] | after.reserved[2]);
}

TEST(memory, the_peak_stays_when_memory_goes, "R-042 T-083")
{
    rnr_free(rnr_allocate(1 << 20));
    const uint64_t peak = stats().peak_bytes;

    rnr_free(rnr_allocate(1 << 10));

    CHECK(peak >= 1 << 20);
    CHECK_EQ_U64(peak, stats().peak_bytes);
}

TEST(memory, mapped_shared_memory_is_counted_apart, "R-042 T-083")
{
    const RenoirMemoryStats before = stats();

    rnr_memory_count_mapped(4096);
    CHECK_EQ_U64(before.mapped_bytes + 4096, stats().mapped_bytes);
    CHECK_EQ_U64(before.allocated_bytes, stats().allocated_bytes);
    rnr_memory_count_unmapped(4096);
    CHECK_EQ_U64(before.mapped_bytes, stats().mapped_bytes);
}

TEST(memory, blocks_are_zeroed_and_aligned, "R-042")
{
    for (size_t alignment = 1; alignment <= 4096; alignment *= 2) {
        unsigned char *block = rnr_allocate_aligned(200, alignment);
        REQUIRE(block != NULL);
        CHECK_EQ_U64(0, (uintptr_t)block % alignment);
        CHECK_EQ_U64(0, (uintptr_t)block % _Alignof(max_align_t));
        for (size_t i = 0; i < 200; ++i) {
            CHECK(block[i] == 0);
        }
        memset(block, 0xff, 200);
        rnr_free(block);
    }
}

TEST(memory, a_size_that_wraps_around_is_refused, "T-044")
{
    CHECK(rnr_allocate(SIZE_MAX) == NULL);
    CHECK(rnr_allocate(SIZE_MAX - 16) == NULL);
    CHECK(rnr_allocate_aligned(SIZE_MAX - 4096, 4096) == NULL);
}

TEST(memory, no_memory_is_an_answer, "T-082")
{
    const RenoirMemoryStats before = stats();
    rnr_fault_arm_errno("allocate", ENOMEM, 2);

    void *first = rnr_allocate(8);
    void *second = rnr_allocate(8);

    CHECK(first != NULL);
    CHECK(second == NULL);
    CHECK_EQ_U64(before.allocated_bytes + 8, stats().allocated_bytes);
    rnr_free(first);
}

TEST(memory, freeing_nothing_does_nothing, "R-042")
{
    const RenoirMemoryStats before = stats();

    rnr_free(NULL);

    CHECK_EQ_U64(before.deallocation_count, stats().deallocation_count);
}

TEST(memory, a_duplicate_is_a_copy, "R-042")
{
    char text[] = "text";

    char *copy = rnr_duplicate(text);
    text[0] = 'n';

    CHECK_STR("text", copy);
    rnr_free(copy);
}

static void *allocate_often(void *unused)
{
    (void)unused;
    for (int i = 0; i < 1000; ++i) {
        rnr_free(rnr_allocate(64));
    }
    return NULL;
}

TEST(memory, counts_of_many_threads_agree, "R-042 T-049 concurrent_stress tsan")
{
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    const RenoirMemoryStats before = stats();

    for (int i = 0; i < THREADS; ++i) {
        REQUIRE(pthread_create(&threads[i], NULL, allocate_often, NULL) == 0);
    }
    for (int i = 0; i < THREADS; ++i) {
        REQUIRE(pthread_join(threads[i], NULL) == 0);
    }

    const RenoirMemoryStats after = stats();
    CHECK_EQ_U64(before.allocated_bytes, after.allocated_bytes);
    CHECK_EQ_U64(before.allocation_count + THREADS * 1000, after.allocation_count);
    CHECK_EQ_U64(before.deallocation_count + THREADS * 1000, after.deallocation_count);
    CHECK(after.peak_bytes >= before.allocated_bytes + 64);
    CHECK(after.peak_bytes <= before.peak_bytes + THREADS * 64);
}
