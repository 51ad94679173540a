// SPDX-License-Identifier: MIT OR Apache-2.0

#include "renoir/allocator.h"

#include "api/handles.h"
#include "base/bits.h"
#include "base/config.h"
#include "base/error.h"
#include "memory/allocator.h"

// Checks what the options say against each other.
static RenoirErrorCode import(const RenoirAllocatorOptions *options, RnrAllocatorTerms *out_terms)
{
    uint64_t block_size = 0;

    if (options->kind != RENOIR_ALLOCATOR_BUMP && options->kind != RENOIR_ALLOCATOR_BLOCK) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                        "cannot make allocator: kind is %u (use RENOIR_ALLOCATOR_BUMP or "
                        "RENOIR_ALLOCATOR_BLOCK)",
                        options->kind);
    }
    if ((options->kind == RENOIR_ALLOCATOR_BLOCK) != (options->block_size != 0)) {
        return RNR_FAIL(
            RENOIR_INVALID_PARAMETER,
            "cannot make allocator: block_size is %zu (a block allocator needs one, and "
            "a bump allocator has none)",
            options->block_size);
    }
    if (!rnr_round_up(options->block_size, 8, &block_size)) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                        "cannot make allocator: block_size of %zu bytes is too large",
                        options->block_size);
    }
    *out_terms = (RnrAllocatorTerms){.kind = options->kind,
                                     .name = options->name,
                                     .capacity = options->capacity_bytes,
                                     .block_size = block_size};
    return RENOIR_SUCCESS;
}

static RenoirErrorCode create(RenoirRegionHandle region,
                              const RenoirAllocatorOptions *options,
                              RenoirAllocatorHandle *out_allocator)
{
    RnrAllocatorTerms terms;

    RenoirErrorCode status = rnr_region_check(region);
    if (status == RENOIR_SUCCESS) {
        status = import(options, &terms);
    }
    return status == RENOIR_SUCCESS ? rnr_allocator_create(region, &terms, out_allocator) : status;
}

RenoirErrorCode renoir_allocator_create_bump(RenoirRegionHandle region,
                                             RenoirAllocatorHandle *out_allocator)
{
    RenoirAllocatorOptions options = renoir_allocator_options_default();

    RNR_REQUIRE(out_allocator);
    *out_allocator = NULL;
    options.kind = RENOIR_ALLOCATOR_BUMP;
    return create(region, &options, out_allocator);
}

RenoirErrorCode renoir_allocator_create_pool(RenoirRegionHandle region,
                                             size_t block_size,
                                             RenoirAllocatorHandle *out_allocator)
{
    RenoirAllocatorOptions options = renoir_allocator_options_default();

    RNR_REQUIRE(out_allocator);
    *out_allocator = NULL;
    options.kind = RENOIR_ALLOCATOR_BLOCK;
    options.block_size = block_size;
    return create(region, &options, out_allocator);
}

RenoirErrorCode renoir_allocator_create_with(RenoirRegionHandle region,
                                             const RenoirAllocatorOptions *options,
                                             RenoirAllocatorHandle *out_allocator)
{
    RenoirAllocatorOptions ours;

    RNR_REQUIRE(out_allocator);
    *out_allocator = NULL;
    const RenoirErrorCode status =
        rnr_config_import(&ours, sizeof ours, sizeof ours, options, "RenoirAllocatorOptions");
    return status == RENOIR_SUCCESS ? create(region, &ours, out_allocator) : status;
}

RenoirErrorCode renoir_allocator_open(RenoirRegionHandle region,
                                      const char *name,
                                      RenoirAllocatorHandle *out_allocator)
{
    RNR_REQUIRE(out_allocator);
    *out_allocator = NULL;
    RNR_REQUIRE(name);
    const RenoirErrorCode status = rnr_region_check(region);
    return status == RENOIR_SUCCESS ? rnr_allocator_open(region, name, out_allocator) : status;
}

void renoir_allocator_close(RenoirAllocatorHandle allocator)
{
    if (allocator != NULL && rnr_allocator_is_handle(allocator)) {
        rnr_allocator_close(allocator);
    }
}

RenoirErrorCode renoir_allocator_destroy(RenoirAllocatorHandle allocator)
{
    if (allocator == NULL) {
        return RENOIR_SUCCESS;
    }
    return rnr_allocator_is_handle(allocator) ? rnr_allocator_destroy(allocator)
                                              : rnr_allocator_check_handle(allocator);
}

RenoirErrorCode renoir_allocator_allocate(RenoirAllocatorHandle allocator,
                                          size_t size,
                                          size_t alignment,
                                          void **out_ptr)
{
    RNR_REQUIRE(out_ptr);
    *out_ptr = NULL;
    return rnr_allocator_allocate(allocator, size, alignment, out_ptr);
}

RenoirErrorCode renoir_allocator_deallocate(RenoirAllocatorHandle allocator,
                                            void *ptr,
                                            size_t size,
                                            size_t alignment)
{
    return rnr_allocator_free(allocator, ptr, size, alignment);
}

RenoirErrorCode renoir_allocator_stats(RenoirAllocatorHandle allocator,
                                       RenoirAllocatorStats *out_stats)
{
    RNR_REQUIRE(out_stats);
    return rnr_allocator_stats(allocator, out_stats);
}

RenoirErrorCode renoir_allocator_reset(RenoirAllocatorHandle allocator)
{
    return rnr_allocator_reset(allocator);
}

RenoirErrorCode renoir_allocator_mark(RenoirAllocatorHandle allocator, uint64_t *out_mark)
{
    RNR_REQUIRE(out_mark);
    return rnr_allocator_mark(allocator, out_mark);
}

RenoirErrorCode renoir_allocator_rewind(RenoirAllocatorHandle allocator, uint64_t mark)
{
    return rnr_allocator_rewind(allocator, mark);
}
