// SPDX-License-Identifier: MIT OR Apache-2.0

#include "renoir/ring.h"

#include <string.h>

#include "base/config.h"
#include "base/error.h"
#include "memory/region.h"
#include "ring/mpmc.h"
#include "ring/priority.h"
#include "ring/refuse.h"
#include "ring/ring.h"
#include "ring/sequenced.h"
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

static RenoirErrorCode check_entry(const RenoirDetailRingEntry *entry)
{
    if (entry->abi != RENOIR_DETAIL_RING_END_ABI) { // nothing of an end is where we would write it
        return RNR_FAIL(RENOIR_VERSION_MISMATCH,
                        "cannot open ring: this program was built with ring headers 0x%x, the "
                        "library with 0x%x (build the program again)",
                        entry->abi, RENOIR_DETAIL_RING_END_ABI);
    }
    if (entry->role != RENOIR_PRODUCER && entry->role != RENOIR_CONSUMER) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                        "cannot open ring: role is %u (use RENOIR_PRODUCER or RENOIR_CONSUMER)",
                        entry->role);
    }
    return RENOIR_SUCCESS;
}

static RenoirErrorCode open_end(RenoirRegionHandle region,
                                const char *name,
                                const RenoirRingOptions *options,
                                const RenoirDetailRingEntry *entry,
                                RenoirRingEnd *out_end)
{
    RenoirRingOptions ours;
    RnrRingTerms terms;
    RnrRing ring;

    RenoirErrorCode status = import_options(options, &ours);
    if (status == RENOIR_SUCCESS) {
        status = rnr_ring_terms(entry->kind, &ours, &terms);
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
    const RnrRingSeat seat = {.role = entry->role,
                              .index = entry->index,
                              .after_mask = entry->after_mask,
                              .spin_ns = ours.spin_ns};
    status = rnr_ring_take_own(&ring, &seat, out_end);
    if (status != RENOIR_SUCCESS) {
        rnr_ring_leave(&ring);
        return status;
    }
    if (entry->lanes != NULL) {
        status = rnr_priority_open_lanes(out_end, entry->lanes);
        if (status != RENOIR_SUCCESS) {
            rnr_ring_end_close(out_end);
        }
    }
    return status;
}

RenoirErrorCode renoir_detail_ring_open(RenoirRegionHandle region,
                                        const char *name,
                                        const RenoirRingOptions *options,
                                        const RenoirDetailRingEntry *entry,
                                        RenoirRingEnd *out_end)
{
    if (out_end == NULL) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER, "cannot open ring: out_end is NULL");
    }
    const RenoirErrorCode status = check_entry(entry);
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    memset(out_end, 0, sizeof *out_end);
    return open_end(region, name, options, entry, out_end);
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
        rnr_ring_stats(((const RnrRingSession *)end->internal)->ring, end, out_stats);
    }
    return status;
}

void renoir_ring_close(RenoirRingEnd *end)
{
    if (end != NULL && end->internal != NULL) {
        rnr_ring_end_close(end);
    }
}

void renoir_detail_ring_wake(const RenoirRingEnd *end, uint32_t sleepers)
{
    rnr_ring_wake(end, sleepers);
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

int renoir_detail_mpmc_held_up(RenoirRingEnd *end, uint64_t claim)
{
    return rnr_mpmc_held_up(end, claim);
}

void renoir_detail_mpmc_call_back(RenoirRingEnd *end)
{
    rnr_mpmc_call_back(end);
}

RenoirErrorCode
renoir_detail_sequenced_look_at_consumers(RenoirRingEnd *end, uint64_t wanted, uint64_t *out_left)
{
    return rnr_sequenced_look_at_consumers(end, wanted, out_left);
}

RenoirErrorCode renoir_detail_sequenced_look_back(RenoirRingEnd *end, uint64_t *out_left)
{
    return rnr_sequenced_look_back(end, out_left);
}

int renoir_detail_mpmc_take_behind(RenoirRingEnd *end, uint64_t *out_position)
{
    return rnr_mpmc_take_behind(end, out_position);
}

void renoir_detail_mpmc_give_up(RenoirRingEnd *end)
{
    rnr_mpmc_give_up(end);
}

RenoirErrorCode renoir_detail_ring_has_claim(const RenoirRingEnd *end)
{
    return rnr_ring_has_claim(end);
}

RenoirErrorCode renoir_detail_ring_has_none(const RenoirRingEnd *end)
{
    return rnr_ring_has_none(end);
}
