// SPDX-License-Identifier: MIT OR Apache-2.0
// memory/allocator.c: bump and blocks as objects of a region, with the messages to their statuses.

#include "memory/allocator.h"

#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "base/environment.h"
#include "base/error.h"
#include "base/memory.h"
#include "memory/blocks.h"
#include "memory/bump.h"
#include "memory/region.h"
#include "platform/map.h"

// What a handle begins with while it is one: "alloc", first letter first.
#define ALLOCATOR_MAGIC UINT64_C(0x636f6c6c61)

struct RenoirAllocator {
    uint64_t magic;
    uint64_t generation; // of forks
    uint32_t kind;       // RENOIR_ALLOCATOR_*
    RnrObject object;
    RnrBump bump;     // BUMP
    RnrBlocks blocks; // BLOCK
};

// For printf.
typedef unsigned long long Number;

static const char *title(const char *name)
{
    return name != NULL ? name : "(unnamed)";
}

static uint32_t object_kind(uint32_t kind)
{
    return kind == RENOIR_ALLOCATOR_BUMP ? RNR_OBJECT_BUMP : RNR_OBJECT_BLOCKS;
}

// --- laying out and recognising ------------------------------------------------------------------

static RenoirErrorCode
too_small(const RnrAllocatorTerms *terms, uint64_t needed, uint64_t free_bytes)
{
    return RNR_FAIL(
        RENOIR_INSUFFICIENT_SPACE,
        "cannot make allocator '%s': %llu bytes needed, %llu free in one piece (make the "
        "region larger, or remove objects)",
        title(terms->name), (Number)needed, (Number)free_bytes);
}

static RenoirErrorCode format_bump(void *memory, uint64_t size_bytes, const void *context)
{
    const RnrAllocatorTerms *terms = context;
    const RenoirErrorCode status = rnr_bump_format(memory, size_bytes, terms->capacity);

    return status == RENOIR_SUCCESS
               ? status
               : too_small(terms, sizeof(RnrBumpShm) + terms->capacity + (terms->capacity == 0),
                           size_bytes);
}

static bool
blocks_shape_of(const RnrAllocatorTerms *terms, uint64_t size, RnrBlocksShape *out_shape)
{
    return terms->capacity != 0
               ? rnr_blocks_shape(terms->block_size, terms->capacity / terms->block_size, out_shape)
               : rnr_blocks_largest_shape(terms->block_size, size, out_shape);
}

static RenoirErrorCode format_blocks(void *memory, uint64_t size_bytes, const void *context)
{
    const RnrAllocatorTerms *terms = context;
    RnrBlocksShape shape;

    if (!blocks_shape_of(terms, size_bytes, &shape) || shape.total_bytes > size_bytes) {
        (void)rnr_blocks_shape(terms->block_size, 1,
                               &shape); // checked before: one block fits 64 bits
        return too_small(terms, shape.total_bytes, size_bytes);
    }
    rnr_blocks_format(memory, &shape);
    return RENOIR_SUCCESS;
}

static RenoirErrorCode corrupted(const char *name)
{
    return RNR_FAIL(RENOIR_CORRUPTED,
                    "allocator '%s': its words contradict each other: somebody wrote over them "
                    "(reset it, or make it anew)",
                    title(name));
}

static RenoirErrorCode
other_terms(const RnrAllocatorTerms *terms, const char *what, uint64_t theirs, uint64_t ours)
{
    return RNR_FAIL(
        RENOIR_EXISTS,
        "allocator '%s' is there with a %s of %llu bytes, not %llu (use that, or another "
        "name)",
        title(terms->name), what, (Number)theirs, (Number)ours);
}

// The views below only read through the pointer until somebody allocates.
static void *without_const(const void *memory)
{
    return (void *)(uintptr_t)memory;
}

static RenoirErrorCode match_bump(const void *memory, uint64_t size_bytes, const void *context)
{
    const RnrAllocatorTerms *terms = context;
    RnrBump bump;

    if (rnr_bump_attach(&bump, without_const(memory), size_bytes) != RENOIR_SUCCESS) {
        return corrupted(terms->name);
    }
    if (terms->capacity != 0 && terms->capacity != bump.capacity) {
        return other_terms(terms, "capacity", bump.capacity, terms->capacity);
    }
    return RENOIR_SUCCESS;
}

static RenoirErrorCode match_blocks(const void *memory, uint64_t size_bytes, const void *context)
{
    const RnrAllocatorTerms *terms = context;
    RnrBlocks blocks;

    if (rnr_blocks_attach(&blocks, without_const(memory), size_bytes, 0) != RENOIR_SUCCESS) {
        return corrupted(terms->name);
    }
    const RnrBlocksShape *shape = &blocks.shape;
    if (terms->block_size != 0 && terms->block_size != shape->block_size) {
        return other_terms(terms, "block size", shape->block_size, terms->block_size);
    }
    if (terms->capacity != 0 && terms->capacity / shape->block_size != shape->block_count) {
        return other_terms(terms, "capacity", shape->block_count * shape->block_size,
                           terms->capacity);
    }
    return RENOIR_SUCCESS;
}

// --- making and joining --------------------------------------------------------------------------

static RenoirErrorCode attach(RnrAllocator *allocator)
{
    RnrObject *object = &allocator->object;

    if (allocator->kind == RENOIR_ALLOCATOR_BUMP) {
        return rnr_bump_attach(&allocator->bump, object->memory, object->size_bytes);
    }
    return rnr_blocks_attach(&allocator->blocks, object->memory, object->size_bytes,
                             rnr_region_node_id(object->region));
}

static RenoirErrorCode open_object(RnrRegion *region,
                                   const RnrAllocatorTerms *terms,
                                   const RnrObjectSpec *spec,
                                   RnrAllocator **out_allocator)
{
    RnrAllocator *allocator = rnr_new(RnrAllocator);
    if (allocator == NULL) {
        return RNR_FAIL(RENOIR_OUT_OF_MEMORY, "cannot open allocator '%s': no memory",
                        title(terms->name));
    }

    allocator->kind = terms->kind;
    RenoirErrorCode status = rnr_object_open(region, spec, &allocator->object);
    if (status != RENOIR_SUCCESS) {
        goto free_allocator;
    }
    status = attach(allocator);
    if (status != RENOIR_SUCCESS) {
        status = corrupted(terms->name);
        goto close_object;
    }
    allocator->generation = rnr_fork_generation();
    allocator->magic = ALLOCATOR_MAGIC;
    *out_allocator = allocator;
    return RENOIR_SUCCESS;

close_object:
    rnr_object_close(&allocator->object);
free_allocator:
    rnr_free(allocator);
    return status;
}

// Bytes of the object that is to be made; 0: the largest extent.
static RenoirErrorCode object_size(const RnrAllocatorTerms *terms, uint64_t *out_size)
{
    RnrBlocksShape shape = {0};
    bool fits = true;

    *out_size = 0;
    if (terms->capacity == 0) {
        return RENOIR_SUCCESS;
    }
    if (terms->kind == RENOIR_ALLOCATOR_BUMP) {
        fits = rnr_bump_size(terms->capacity, out_size);
    } else {
        fits = rnr_blocks_shape(terms->block_size, terms->capacity / terms->block_size, &shape);
        *out_size = shape.total_bytes;
    }
    if (!fits) {
        return RNR_FAIL(RENOIR_INSUFFICIENT_SPACE,
                        "cannot make allocator '%s': no region holds %llu bytes (ask for less)",
                        title(terms->name), (Number)terms->capacity);
    }
    return RENOIR_SUCCESS;
}

static RenoirErrorCode check_block_size(const RnrAllocatorTerms *terms,
                                        RnrBlocksShape *out_one_block)
{
    if (!rnr_blocks_shape(terms->block_size, 1, out_one_block)) {
        return RNR_FAIL(
            RENOIR_INSUFFICIENT_SPACE,
            "cannot make allocator '%s': no region holds a block of %llu bytes (ask for "
            "less)",
            title(terms->name), (Number)terms->block_size);
    }
    if (terms->capacity != 0 && terms->capacity < terms->block_size) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                        "cannot make allocator '%s': its capacity of %llu bytes holds no block of "
                        "%llu bytes",
                        title(terms->name), (Number)terms->capacity, (Number)terms->block_size);
    }
    return RENOIR_SUCCESS;
}

RenoirErrorCode rnr_allocator_create(RnrRegion *region,
                                     const RnrAllocatorTerms *terms,
                                     RnrAllocator **out_allocator)
{
    const bool is_bump = terms->kind == RENOIR_ALLOCATOR_BUMP;
    RnrBlocksShape one_block = {.alignment = RNR_OBJECT_ALIGNMENT};
    RnrObjectSpec spec = {.name = terms->name,
                          .kind = object_kind(terms->kind),
                          .format = is_bump ? format_bump : format_blocks,
                          .match = is_bump ? match_bump : match_blocks,
                          .terms = terms};

    RenoirErrorCode status = is_bump ? RENOIR_SUCCESS : check_block_size(terms, &one_block);
    if (status == RENOIR_SUCCESS) {
        status = object_size(terms, &spec.size_bytes);
    }
    spec.alignment = (uint32_t)one_block.alignment;
    return status == RENOIR_SUCCESS ? open_object(region, terms, &spec, out_allocator) : status;
}

RenoirErrorCode
rnr_allocator_open(RnrRegion *region, const char *name, RnrAllocator **out_allocator)
{
    RnrAllocatorTerms terms = {.kind = RENOIR_ALLOCATOR_BUMP, .name = name};
    RnrObjectSpec spec = {.name = name,
                          .kind = RNR_OBJECT_BUMP,
                          .find_only = true,
                          .match = match_bump,
                          .terms = &terms};

    RenoirErrorCode status = open_object(region, &terms, &spec, out_allocator);
    if (status == RENOIR_EXISTS) { // of another kind
        terms.kind = RENOIR_ALLOCATOR_BLOCK;
        spec.kind = RNR_OBJECT_BLOCKS;
        spec.match = match_blocks;
        rnr_error_clear();
        status = open_object(region, &terms, &spec, out_allocator);
    }
    return status;
}

static void forget(RnrAllocator *allocator)
{
    allocator->magic = 0;
    rnr_free(allocator);
}

void rnr_allocator_close(RnrAllocator *allocator)
{
    rnr_object_close(&allocator->object);
    forget(allocator);
}

RenoirErrorCode rnr_allocator_destroy(RnrAllocator *allocator)
{
    const RenoirErrorCode status = rnr_object_destroy(&allocator->object);

    forget(allocator);
    return status;
}

// --- using ---------------------------------------------------------------------------------------

bool rnr_allocator_is_handle(const RnrAllocator *allocator)
{
    return allocator != NULL && allocator->magic == ALLOCATOR_MAGIC;
}

static RenoirErrorCode not_a_handle(void)
{
    return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                    "this is not an allocator's handle, or it was closed");
}

RenoirErrorCode rnr_allocator_check_handle(const RnrAllocator *allocator)
{
    return rnr_allocator_is_handle(allocator) ? rnr_region_check(allocator->object.region)
                                              : not_a_handle();
}

// The same, and that the region may be written. Without a system call, for the calls that may be
// made often: a file that is cut short between two of them is what the SIGBUS guard is for.
static RenoirErrorCode check_writer(const RnrAllocator *allocator)
{
    if (!rnr_allocator_is_handle(allocator)) {
        return not_a_handle();
    }
    const RnrRegion *region = allocator->object.region;
    if (allocator->generation != rnr_fork_generation() || rnr_region_is_lost(region)) {
        return rnr_region_check(region);
    }
    if (rnr_region_is_read_only(region)) {
        return RNR_FAIL(RENOIR_PERMISSION_DENIED,
                        "cannot change allocator '%s': region '%s' is open for reading only",
                        allocator->object.name, rnr_region_name(region));
    }
    return RENOIR_SUCCESS;
}

static RenoirErrorCode
refuse_alignment(const RnrAllocator *allocator, uint64_t alignment, uint64_t most)
{
    return RNR_FAIL(RENOIR_ALIGNMENT_ERROR,
                    "cannot allocate from '%s': alignment %llu is not a power of two up to %llu",
                    allocator->object.name, (Number)alignment, (Number)most);
}

static RenoirErrorCode refuse_size(const RnrAllocator *allocator, uint64_t size, uint64_t most)
{
    return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                    "allocator '%s': size %llu is outside 1 to %llu bytes", allocator->object.name,
                    (Number)size, (Number)most);
}

static RenoirErrorCode
allocate_bump(RnrAllocator *allocator, uint64_t size, uint64_t alignment, void **out_memory)
{
    RnrBump *bump = &allocator->bump;
    uint64_t used = 0;
    uint32_t default_alignment = 0;

    if (alignment == 0) {
        const RenoirErrorCode status = rnr_environment_default_align(&default_alignment);
        if (status != RENOIR_SUCCESS) {
            return status;
        }
        alignment = default_alignment;
    }
    if (!rnr_is_power_of_two(alignment) || alignment > rnr_page_size()) {
        return refuse_alignment(allocator, alignment, rnr_page_size());
    }
    if (size == 0) {
        return refuse_size(allocator, size, bump->capacity);
    }
    const RenoirErrorCode status = rnr_bump_allocate(bump, size, alignment, out_memory);
    if (status == RENOIR_CORRUPTED) {
        return corrupted(allocator->object.name);
    }
    if (status == RENOIR_INSUFFICIENT_SPACE) {
        (void)rnr_bump_used(bump, &used);
        return RNR_FAIL(status,
                        "cannot allocate from '%s': %llu bytes needed, aligned to %llu, %llu free "
                        "of %llu (rewind or reset it, or make a larger one)",
                        allocator->object.name, (Number)size, (Number)alignment,
                        (Number)(used <= bump->capacity ? bump->capacity - used : 0),
                        (Number)bump->capacity);
    }
    return status;
}

static RenoirErrorCode
allocate_block(RnrAllocator *allocator, uint64_t size, uint64_t alignment, void **out_memory)
{
    RnrBlocks *blocks = &allocator->blocks;
    const RnrBlocksShape *shape = &blocks->shape;

    if (alignment != 0 && (!rnr_is_power_of_two(alignment) || alignment > shape->alignment)) {
        return refuse_alignment(allocator, alignment, shape->alignment);
    }
    if (size == 0 || size > shape->block_size) {
        return refuse_size(allocator, size, shape->block_size);
    }
    const RenoirErrorCode status = rnr_blocks_allocate(blocks, out_memory);
    if (status == RENOIR_INSUFFICIENT_SPACE) {
        return RNR_FAIL(
            status,
            "cannot allocate from '%s': all of its %llu blocks of %llu bytes are handed "
            "out (free some, or make a larger one)",
            allocator->object.name, (Number)shape->block_count, (Number)shape->block_size);
    }
    return status;
}

RenoirErrorCode rnr_allocator_allocate(RnrAllocator *allocator,
                                       uint64_t size,
                                       uint64_t alignment,
                                       void **out_memory)
{
    const RenoirErrorCode status = check_writer(allocator);
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    return allocator->kind == RENOIR_ALLOCATOR_BUMP
               ? allocate_bump(allocator, size, alignment, out_memory)
               : allocate_block(allocator, size, alignment, out_memory);
}

static RenoirErrorCode unsupported(const RnrAllocator *allocator, const char *what)
{
    return RNR_FAIL(RENOIR_UNSUPPORTED, "cannot %s allocator '%s': it is a %s allocator", what,
                    allocator->object.name,
                    allocator->kind == RENOIR_ALLOCATOR_BUMP ? "bump" : "block");
}

RenoirErrorCode
rnr_allocator_free(RnrAllocator *allocator, const void *memory, uint64_t size, uint64_t alignment)
{
    RenoirErrorCode status = check_writer(allocator);
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    if (allocator->kind == RENOIR_ALLOCATOR_BUMP) {
        return unsupported(allocator, "give one allocation back to");
    }
    const RnrBlocksShape *shape = &allocator->blocks.shape;
    if (size == 0 || size > shape->block_size || alignment > shape->alignment) {
        return refuse_size(allocator, size, shape->block_size);
    }
    status = rnr_blocks_free(&allocator->blocks, memory);
    if (status == RENOIR_INVALID_PARAMETER) {
        return RNR_FAIL(status,
                        "allocator '%s': the address given back is not one of its %llu blocks, or "
                        "that block is free already",
                        allocator->object.name, (Number)shape->block_count);
    }
    return status == RENOIR_CORRUPTED ? corrupted(allocator->object.name) : status;
}

RenoirErrorCode rnr_allocator_stats(const RnrAllocator *allocator, RenoirAllocatorStats *out_stats)
{
    RenoirErrorCode status = rnr_allocator_check_handle(allocator);
    uint64_t total = 0;
    uint64_t used = 0;

    memset(out_stats, 0, sizeof *out_stats);
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    if (allocator->kind == RENOIR_ALLOCATOR_BUMP) {
        total = allocator->bump.capacity;
        status = rnr_bump_used(&allocator->bump, &used);
    } else {
        total = allocator->blocks.shape.block_count * allocator->blocks.shape.block_size;
        used = rnr_blocks_used(&allocator->blocks) * allocator->blocks.shape.block_size;
    }
    if (status != RENOIR_SUCCESS) {
        return corrupted(allocator->object.name);
    }
    out_stats->total_size = (size_t)total; // it is mapped: it fits
    out_stats->used_size = (size_t)used;
    out_stats->available_size = (size_t)(total - used);
    return RENOIR_SUCCESS;
}

// Handle, writable, whole: for calls that are made now and then.
static RenoirErrorCode check_change(const RnrAllocator *allocator)
{
    const RenoirErrorCode status = rnr_allocator_check_handle(allocator);

    return status == RENOIR_SUCCESS ? check_writer(allocator) : status;
}

RenoirErrorCode rnr_allocator_reset(RnrAllocator *allocator)
{
    const RenoirErrorCode status = check_change(allocator);

    if (status == RENOIR_SUCCESS && allocator->kind == RENOIR_ALLOCATOR_BUMP) {
        rnr_bump_reset(&allocator->bump);
    } else if (status == RENOIR_SUCCESS) {
        rnr_blocks_reset(&allocator->blocks);
    }
    return status;
}

RenoirErrorCode rnr_allocator_mark(const RnrAllocator *allocator, uint64_t *out_mark)
{
    RenoirErrorCode status = rnr_allocator_check_handle(allocator);

    *out_mark = 0;
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    if (allocator->kind != RENOIR_ALLOCATOR_BUMP) {
        return unsupported(allocator, "mark");
    }
    status = rnr_bump_used(&allocator->bump, out_mark);
    if (status != RENOIR_SUCCESS) {
        *out_mark = 0;
        return corrupted(allocator->object.name);
    }
    return RENOIR_SUCCESS;
}

RenoirErrorCode rnr_allocator_rewind(RnrAllocator *allocator, uint64_t mark)
{
    RenoirErrorCode status = check_change(allocator);
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    if (allocator->kind != RENOIR_ALLOCATOR_BUMP) {
        return unsupported(allocator, "rewind");
    }
    status = rnr_bump_rewind(&allocator->bump, mark);
    if (status == RENOIR_INVALID_PARAMETER) {
        return RNR_FAIL(status,
                        "cannot rewind allocator '%s' to %llu: less is handed out (was it rewound "
                        "or reset since?)",
                        allocator->object.name, (Number)mark);
    }
    return status == RENOIR_CORRUPTED ? corrupted(allocator->object.name) : status;
}

// --- checking ------------------------------------------------------------------------------------

// What is broken, in words; NULL: nothing.
static const char *find_damage(uint32_t kind, const void *memory, uint64_t size_bytes)
{
    RnrBump bump;
    RnrBlocks blocks;
    uint64_t used = 0;

    if (kind == RNR_OBJECT_BUMP) {
        if (rnr_bump_attach(&bump, without_const(memory), size_bytes) != RENOIR_SUCCESS) {
            return "bump allocator: its capacity is larger than its object";
        }
        return rnr_bump_used(&bump, &used) == RENOIR_SUCCESS
                   ? NULL
                   : "bump allocator I1: more is handed out than there is";
    }
    if (rnr_blocks_attach(&blocks, without_const(memory), size_bytes, 0) != RENOIR_SUCCESS) {
        return "block allocator: its geometry contradicts itself";
    }
    return rnr_blocks_find_stray_bit(&blocks) == blocks.shape.word_count
               ? NULL
               : "block allocator I2: a block beyond the last is handed out";
}

RenoirErrorCode rnr_allocator_check(
    uint32_t kind, const void *memory, uint64_t size_bytes, char *report, size_t report_size)
{
    const char *damage = find_damage(kind, memory, size_bytes);

    if (report != NULL && report_size > 0) {
        (void)snprintf(report, report_size, "%s", damage != NULL ? damage : "");
    }
    if (damage != NULL) {
        return RNR_FAIL(RENOIR_CORRUPTED, "%s (remove the object and make it anew)", damage);
    }
    return RENOIR_SUCCESS;
}
