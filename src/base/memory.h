// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_BASE_MEMORY_H
#define RNR_BASE_MEMORY_H

// Private memory, counted for renoir_memory_stats().

#include <stddef.h>

#include "renoir/library.h"

// Zeroed; NULL when there is none. Alignment: that of max_align_t.
void *rnr_allocate(size_t size);
// Zeroed and aligned to a power of two.
void *rnr_allocate_aligned(size_t size, size_t alignment);
void rnr_free(void *memory);
// A copy of a string; NULL when there is no memory.
char *rnr_duplicate(const char *text);

#define rnr_new(type) ((type *)rnr_allocate(sizeof(type)))

// Shared memory mapped and unmapped.
void rnr_memory_count_mapped(size_t size);
void rnr_memory_count_unmapped(size_t size);
void rnr_memory_read_stats(RenoirMemoryStats *out_stats);

#endif
