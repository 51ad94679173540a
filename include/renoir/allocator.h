// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RENOIR_ALLOCATOR_H
#define RENOIR_ALLOCATOR_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "renoir/export.h"
#include "renoir/region.h"
#include "renoir/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @file
 * Raw memory in a region, lock-free, for any number of processes.
 *
 *     BUMP    │ used │ used │ used │  free ─────────────►     all freed at once, or back to a mark
 *     BLOCK   │ used │ free │ used │ used │ free │ free │     one size, freed one by one
 *
 * Lifetime   A named allocator is an object of its region and stays until it is destroyed. An
 *            unnamed one is this process's and goes with its handle.
 * Threads    Any thread may call any function; closing must be the last use of the handle.
 * Fork       As for regions.
 * Trust      Blocks have no owner: what a dead process had allocated stays allocated until the
 *            allocator is reset. Damaged words make a call fail, never reach outside the allocator.
 */

/** This process's hold on an allocator. */
typedef struct RenoirAllocator *RenoirAllocatorHandle;

/** Kinds of allocator. */
enum { RENOIR_ALLOCATOR_BUMP = 1, RENOIR_ALLOCATOR_BLOCK = 2 };

/** How to make one. Start from renoir_allocator_options_default(). */
typedef struct RenoirAllocatorOptions {
    uint32_t struct_size;  /**< Filled in by renoir_allocator_options_default(). */
    uint32_t kind;         /**< RENOIR_ALLOCATOR_* */
    const char *name;      /**< 1 to 63 bytes. NULL: unnamed, for this process. */
    size_t capacity_bytes; /**< What it may hand out. 0: the largest extent free in the region. */
    size_t block_size;     /**< BLOCK: bytes; rounded up to a multiple of 8. */
} RenoirAllocatorOptions;

/** Bytes. Padding for alignment counts as used. */
typedef struct RenoirAllocatorStats {
    size_t total_size, used_size, available_size;
} RenoirAllocatorStats;

/** Every field at its default. */
RENOIR_INLINE RenoirAllocatorOptions renoir_allocator_options_default(void)
{
    RenoirAllocatorOptions options;
    memset(&options, 0, sizeof options);
    options.struct_size = (uint32_t)sizeof options;
    return options;
}

/** An unnamed bump allocator over the largest extent that is free in the region. */
RENOIR_API RENOIR_NODISCARD RenoirErrorCode
renoir_allocator_create_bump(RenoirRegionHandle region, RenoirAllocatorHandle *out_allocator);

/** An unnamed block allocator over the largest extent that is free in the region. */
RENOIR_API RENOIR_NODISCARD RenoirErrorCode renoir_allocator_create_pool(
    RenoirRegionHandle region, size_t block_size, RenoirAllocatorHandle *out_allocator);

/**
 * Makes an allocator, or joins a named one of the same kind and sizes.
 *
 * @retval RENOIR_EXISTS              one of that name is there on other terms
 * @retval RENOIR_INSUFFICIENT_SPACE  the region has no such extent free
 * @retval RENOIR_LIMIT_REACHED       the region's directory is full
 */
RENOIR_API RENOIR_NODISCARD RenoirErrorCode
renoir_allocator_create_with(RenoirRegionHandle region,
                             const RenoirAllocatorOptions *options,
                             RenoirAllocatorHandle *out_allocator);

/** Joins a named allocator. RENOIR_NOT_FOUND: there is none. */
RENOIR_API RENOIR_NODISCARD RenoirErrorCode renoir_allocator_open(
    RenoirRegionHandle region, const char *name, RenoirAllocatorHandle *out_allocator);

/** Leaves the allocator; an unnamed one's space goes back to the region. NULL is ignored. */
RENOIR_API void renoir_allocator_close(RenoirAllocatorHandle allocator);

/**
 * Leaves the allocator and gives its space back to the region. NULL does nothing and succeeds.
 *
 * @retval RENOIR_INVALID_STATE  another live process has it open; the handle is closed all the same
 */
RENOIR_API RenoirErrorCode renoir_allocator_destroy(RenoirAllocatorHandle allocator);

/**
 * Hands out `size` bytes, not zeroed. BLOCK: size and alignment must fit a block.
 *
 * @param alignment  a power of two up to the page size; 0: RENOIR_DEFAULT_ALIGN of the environment,
 *                   else 64 (BLOCK: that of its blocks)
 *
 * @retval RENOIR_INSUFFICIENT_SPACE  nothing that large is left
 * @retval RENOIR_ALIGNMENT_ERROR     not a power of two, above a page, or more than blocks have
 * @retval RENOIR_INVALID_PARAMETER   size is 0, or more than a block
 */
RENOIR_API RenoirErrorCode renoir_allocator_allocate(RenoirAllocatorHandle allocator,
                                                     size_t size,
                                                     size_t alignment,
                                                     void **out_ptr);

/**
 * Takes a block back. size and alignment are those it was allocated with.
 *
 * @retval RENOIR_INVALID_PARAMETER  not one of its blocks, or freed before; nothing is changed
 * @retval RENOIR_UNSUPPORTED        a bump allocator
 */
RENOIR_API RenoirErrorCode renoir_allocator_deallocate(RenoirAllocatorHandle allocator,
                                                       void *ptr,
                                                       size_t size,
                                                       size_t alignment);

/** How much is handed out. */
RENOIR_API RenoirErrorCode renoir_allocator_stats(RenoirAllocatorHandle allocator,
                                                  RenoirAllocatorStats *out_stats);

/** Everything is free again. That nobody uses it any more is for the caller to know. */
RENOIR_API RenoirErrorCode renoir_allocator_reset(RenoirAllocatorHandle allocator);

/** BUMP: how far it has handed out. RENOIR_UNSUPPORTED: a block allocator. */
RENOIR_API RenoirErrorCode renoir_allocator_mark(RenoirAllocatorHandle allocator,
                                                 uint64_t *out_mark);

/**
 * BUMP: frees what came after the mark.
 *
 * @retval RENOIR_INVALID_PARAMETER  the mark lies ahead of what is handed out
 * @retval RENOIR_UNSUPPORTED        a block allocator
 */
RENOIR_API RenoirErrorCode renoir_allocator_rewind(RenoirAllocatorHandle allocator, uint64_t mark);

#ifdef __cplusplus
}
#endif

#endif
