// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Private memory. Each block has its size in front, because no portable function tells it. The
// counters order nothing.
//
// Edges
//     memory.peak   raise_peak: swap, acq_rel  ──►  raise_peak: swap, acq_rel
//                   carries nothing; the swap exists in this order only

#include "base/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "renoir/detail/atomic.h"

typedef struct Header {
    void *start; // what calloc() gave
    size_t size; // what was asked for
} Header;

static RnrAtomicU64 allocated_bytes;
static RnrAtomicU64 peak_bytes;
static RnrAtomicU64 allocation_count;
static RnrAtomicU64 deallocation_count;
static RnrAtomicU64 mapped_bytes;

static void raise_peak(uint64_t bytes)
{
    // [hint: relaxed] The swap below looks again.
    uint64_t peak = rnr_load_relaxed_u64(&peak_bytes);

    // [memory.peak: acq_rel] Only grows. No data hangs on it; there is no weaker swap.
    while (bytes > peak && !rnr_cas_acq_rel_u64(&peak_bytes, &peak, bytes)) {
    }
}

static void count_allocation(size_t size)
{
    // [hint: relaxed] Statistics: a sum that each thread adds to.
    raise_peak(rnr_fetch_add_relaxed_u64(&allocated_bytes, size) + size);
    (void)rnr_fetch_add_relaxed_u64(&allocation_count, 1);
}

static void count_deallocation(size_t size)
{
    // [hint: relaxed] Statistics.
    (void)rnr_fetch_sub_relaxed_u64(&allocated_bytes, size);
    (void)rnr_fetch_add_relaxed_u64(&deallocation_count, 1);
}

void *rnr_allocate_aligned(size_t size, size_t alignment)
{
    const size_t step = alignment > _Alignof(max_align_t) ? alignment : _Alignof(max_align_t);
    const size_t extra = sizeof(Header) + step - 1;

    if (size > SIZE_MAX - extra || RNR_FAULT_SYSTEM_CALL("allocate") != 0) {
        return NULL;
    }
    char *start = calloc(1, size + extra);
    if (start == NULL) {
        return NULL;
    }

    const size_t least = (size_t)((uintptr_t)start + sizeof(Header));
    const size_t skip = (step - (least & (step - 1))) & (step - 1);
    char *memory = start + sizeof(Header) + skip;
    const Header header = {.start = start, .size = size};
    memcpy(memory - sizeof header, &header, sizeof header);
    count_allocation(size);
    return memory;
}

void *rnr_allocate(size_t size)
{
    return rnr_allocate_aligned(size, _Alignof(max_align_t));
}

void rnr_free(void *memory)
{
    if (memory != NULL) {
        Header header;
        memcpy(&header, (char *)memory - sizeof header, sizeof header);
        count_deallocation(header.size);
        free(header.start);
    }
}

char *rnr_duplicate(const char *text)
{
    const size_t size = strlen(text) + 1;
    char *copy = rnr_allocate(size);

    if (copy != NULL) {
        memcpy(copy, text, size);
    }
    return copy;
}

void rnr_memory_count_mapped(size_t size)
{
    // [hint: relaxed] Statistics.
    (void)rnr_fetch_add_relaxed_u64(&mapped_bytes, size);
}

void rnr_memory_count_unmapped(size_t size)
{
    // [hint: relaxed] Statistics.
    (void)rnr_fetch_sub_relaxed_u64(&mapped_bytes, size);
}

void rnr_memory_read_stats(RenoirMemoryStats *out_stats)
{
    memset(out_stats, 0, sizeof *out_stats);
    // [hint: relaxed] Statistics: the numbers may be of slightly different moments.
    out_stats->allocated_bytes = rnr_load_relaxed_u64(&allocated_bytes);
    out_stats->peak_bytes = rnr_load_relaxed_u64(&peak_bytes);
    out_stats->allocation_count = rnr_load_relaxed_u64(&allocation_count);
    out_stats->deallocation_count = rnr_load_relaxed_u64(&deallocation_count);
    out_stats->mapped_bytes = rnr_load_relaxed_u64(&mapped_bytes);
}
