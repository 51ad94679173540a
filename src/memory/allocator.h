// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_MEMORY_ALLOCATOR_H
#define RNR_MEMORY_ALLOCATOR_H

// Raw memory in a region. What the public functions of renoir/allocator.h do behind the border.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memory/object.h"
#include "memory/region.h"
#include "renoir/allocator.h"
#include "renoir/status.h"

typedef struct RenoirAllocator RnrAllocator;

// What to make or join, imported and checked by the border.
typedef struct RnrAllocatorTerms {
    uint32_t kind; // RENOIR_ALLOCATOR_*
    const char *name;
    uint64_t capacity; // bytes; 0: what there is
    uint64_t block_size;
} RnrAllocatorTerms;

RenoirErrorCode rnr_allocator_create(RnrRegion *region,
                                     const RnrAllocatorTerms *terms,
                                     RnrAllocator **out_allocator);
RenoirErrorCode
rnr_allocator_open(RnrRegion *region, const char *name, RnrAllocator **out_allocator);
void rnr_allocator_close(RnrAllocator *allocator);
RenoirErrorCode rnr_allocator_destroy(RnrAllocator *allocator);

bool rnr_allocator_is_handle(const RnrAllocator *allocator);
// INVALID_PARAMETER: no allocator. INVALID_STATE: opened before a fork. CORRUPTED: its region was
// cut short. Each with a record.
RenoirErrorCode rnr_allocator_check_handle(const RnrAllocator *allocator);

RenoirErrorCode rnr_allocator_allocate(RnrAllocator *allocator,
                                       uint64_t size,
                                       uint64_t alignment,
                                       void **out_memory);
RenoirErrorCode
rnr_allocator_free(RnrAllocator *allocator, const void *memory, uint64_t size, uint64_t alignment);
RenoirErrorCode rnr_allocator_stats(const RnrAllocator *allocator, RenoirAllocatorStats *out_stats);
RenoirErrorCode rnr_allocator_reset(RnrAllocator *allocator);
RenoirErrorCode rnr_allocator_mark(const RnrAllocator *allocator, uint64_t *out_mark);
RenoirErrorCode rnr_allocator_rewind(RnrAllocator *allocator, uint64_t mark);

// Tests the invariants of an object of kind RNR_OBJECT_BUMP or RNR_OBJECT_BLOCKS, beside live
// users. CORRUPTED, with a record: `report` (may be NULL) says which is broken, in text.
RenoirErrorCode rnr_allocator_check(
    uint32_t kind, const void *memory, uint64_t size_bytes, char *report, size_t report_size);

#endif
