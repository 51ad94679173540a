// SPDX-License-Identifier: MIT OR Apache-2.0

#include "renoir/ring.h"

#include <string.h>

#include "base/config.h"
#include "base/error.h"
#include "memory/region.h"
#include "ring/refuse.h"
#include "ring/ring.h"
#include "ring/wait.h"

static RenoirErrorCode import_options(const RenoirRingOptions *options, RenoirRingOptions *ours)
{
    return rnr_config_import(ours, sizeof *ours, sizeof(RenoirRingOptions), options,
                             "RenoirRingOptions");
}

size_t renoir_ring_size(uint32_t kind, const RenoirRingOptions *options)
{
    RenoirRingOptions ours;
    RnrRingTerms terms;

    if (import_options(options, &ours) != RENOIR_SUCCESS ||
        rnr_ring_terms(kind, &ours, &terms) != RENOIR_SUCCESS) {
        return 0;
    }
    return (size_t)terms.total_bytes;
}

static RenoirErrorCode
check_place(RenoirRegionHandle region, const char *name, const RenoirRingOptions *options)
{
    if (region == NULL) {
        return options->memory != NULL
                   ? RENOIR_SUCCESS
                   : RNR_FAIL(RENOIR_INVALID_PARAMETER,
                              "cannot open ring: neither a region nor options.memory is given");
    }
    if (options->memory != NULL) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                        "cannot open ring: a region and options.memory are given (use one)");
    }
    if (name == NULL) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER, "cannot open ring: its name is NULL");
    }
    return rnr_region_check(region);
}

static RenoirErrorCode open_end(uint32_t kind,
                                RenoirRegionHandle region,
                                const char *name,
                                const RenoirRingOptions *options,
                                uint32_t role,
                                RenoirRingEnd *out_end)
{
    RenoirRingOptions ours;
    RnrRingTerms terms;
    RnrRing ring;

    if (role != RENOIR_PRODUCER && role != RENOIR_CONSUMER) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                        "cannot open ring: role is %u (use RENOIR_PRODUCER or RENOIR_CONSUMER)",
                        role);
    }
    RenoirErrorCode status = import_options(options, &ours);
    if (status == RENOIR_SUCCESS) {
        status = rnr_ring_terms(kind, &ours, &terms);
    }
    if (status == RENOIR_SUCCESS) {
        status = check_place(region, name, &ours);
    }
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    const RnrRingPlace place = {
        .region = region, .name = name, .memory = ours.memory, .memory_size = ours.memory_size};
    status = rnr_ring_open(&place, &terms, &ring);
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    status = rnr_ring_take_own(&ring, role, ours.spin_ns, out_end);
    if (status != RENOIR_SUCCESS) {
        rnr_ring_leave(&ring);
    }
    return status;
}

RenoirErrorCode renoir_detail_ring_open(uint32_t kind,
                                        RenoirRegionHandle region,
                                        const char *name,
                                        const RenoirRingOptions *options,
                                        uint32_t role,
                                        uint32_t abi,
                                        RenoirRingEnd *out_end)
{
    if (out_end == NULL) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER, "cannot open ring: out_end is NULL");
    }
    if (abi != RENOIR_DETAIL_RING_END_ABI) { // nothing of out_end is where we would write it
        return RNR_FAIL(RENOIR_VERSION_MISMATCH,
                        "cannot open ring: this program was built with ring headers 0x%x, the "
                        "library with 0x%x (build the program again)",
                        abi, RENOIR_DETAIL_RING_END_ABI);
    }
    memset(out_end, 0, sizeof *out_end);
    return open_end(kind, region, name, options, role, out_end);
}

RenoirErrorCode renoir_ring_wait(const RenoirRingEnd *end, uint64_t timeout_ns)
{
    const RenoirErrorCode status = rnr_ring_end_check(end);

    if (status != RENOIR_SUCCESS) {
        return status;
    }
    if ((end->flags & RENOIR_RING_WAITABLE) == 0) {
        return RNR_FAIL(RENOIR_UNSUPPORTED, "ring '%s': it was not made with RENOIR_RING_WAITABLE",
                        rnr_ring_name(((const RnrRingSession *)end->internal)->ring));
    }
    return rnr_ring_wait(end, timeout_ns);
}

uint64_t renoir_ring_count(const RenoirRingEnd *end)
{
    RenoirRingStats stats;
    return renoir_ring_stats(end, &stats) == RENOIR_SUCCESS ? stats.size : 0;
}

RenoirErrorCode renoir_ring_stats(const RenoirRingEnd *end, RenoirRingStats *out_stats)
{
    if (out_stats == NULL) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER, "cannot read ring's counts: out_stats is NULL");
    }
    memset(out_stats, 0, sizeof *out_stats);
    const RenoirErrorCode status = rnr_ring_end_check(end);
    if (status == RENOIR_SUCCESS) {
        rnr_ring_stats(((const RnrRingSession *)end->internal)->ring, out_stats);
    }
    return status;
}

void renoir_ring_close(RenoirRingEnd *end)
{
    if (end != NULL && end->internal != NULL) {
        rnr_ring_end_close(end);
    }
}

void renoir_detail_ring_wake(const RenoirRingEnd *end)
{
    rnr_ring_wake(end);
}

RenoirErrorCode renoir_detail_ring_refuse(const RenoirRingEnd *end,
                                          uint32_t kind,
                                          uint32_t role,
                                          size_t element_size)
{
    return rnr_ring_refuse(end, kind, role, element_size);
}

RenoirErrorCode renoir_detail_ring_bad_position(const RenoirRingEnd *end, uint64_t position)
{
    return rnr_ring_bad_position(end, position);
}

RenoirErrorCode renoir_detail_ring_bad_record(const RenoirRingEnd *end, uint64_t length)
{
    return rnr_ring_bad_record(end, length);
}

RenoirErrorCode renoir_detail_ring_too_large(const RenoirRingEnd *end, size_t length)
{
    return rnr_ring_too_large(end, length);
}

RenoirErrorCode renoir_detail_ring_too_small(size_t size, size_t length)
{
    return rnr_ring_too_small(size, length);
}
