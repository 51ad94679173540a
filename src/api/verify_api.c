// SPDX-License-Identifier: MIT OR Apache-2.0
// api/verify_api.c: every object's invariants, checked by its own noun.

#include <stdio.h>
#include <string.h>

#include "api/handles.h"
#include "memory/allocator.h"
#include "memory/directory.h"
#include "memory/object.h"
#include "memory/region_internal.h"
#include "renoir/region.h"
#include "ring/ring.h"
#include "sync/epoch.h"
#include "sync/notifier.h"
#include "sync/state.h"

static RenoirErrorCode check_object(const RnrRegion *region, const RnrEntry *entry)
{
    const void *memory = region->base + entry->offset;
    switch (entry->kind) {
    case RNR_OBJECT_BUMP:
    case RNR_OBJECT_BLOCKS: {
        char report[256];
        const RenoirErrorCode status =
            rnr_allocator_check(entry->kind, memory, entry->size_bytes, report, sizeof report);
        return status == RENOIR_SUCCESS
                   ? status
                   : RNR_FAIL(status, "'%s' in region '%s' is damaged: %s (remove it)", entry->name,
                              rnr_region_name(region), report);
    }
    case RNR_OBJECT_SPSC:
    case RNR_OBJECT_RECORD:
    case RNR_OBJECT_MPMC:
    case RNR_OBJECT_SEQUENCED:
    case RNR_OBJECT_BROADCAST:
    case RNR_OBJECT_PRIORITY:
        return rnr_ring_check(memory, entry->size_bytes, entry->name);
    case RNR_OBJECT_STATE:
        return rnr_state_check(memory, entry->size_bytes, entry->name);
    case RNR_OBJECT_EPOCH:
        return rnr_epoch_check(memory, entry->size_bytes, entry->name);
    case RNR_OBJECT_NOTIFIER:
        return rnr_notifier_check(memory, entry->size_bytes, entry->name);
    default:
        return RENOIR_SUCCESS; // bytes without a meaning of ours
    }
}

// Objects may come and go meanwhile; two that are there at the same time never overlap.
static RenoirErrorCode check_overlap(const RnrRegion *region, const RnrEntry *entry)
{
    for (uint32_t i = entry->index + 1; i < region->geometry.max_objects; ++i) {
        RnrEntry other;
        RnrEntry again;
        RenoirErrorCode status;
        if (!rnr_directory_read(region, i, &other, &status) ||
            other.offset >= entry->offset + entry->size_bytes ||
            entry->offset >= other.offset + other.size_bytes) {
            continue;
        }
        if (rnr_directory_read(region, entry->index, &again, &status) &&
            again.number == entry->number) {
            return RNR_FAIL(
                RENOIR_CORRUPTED,
                "the directory of region '%s' is damaged: '%s' and '%s' overlap (remove "
                "the region and make it anew)",
                rnr_region_name(region), entry->name, other.name);
        }
    }
    return RENOIR_SUCCESS;
}

static RenoirErrorCode check_entry(const RnrRegion *region, uint32_t index)
{
    RnrEntry entry;
    RenoirErrorCode status;
    if (!rnr_directory_read(region, index, &entry, &status)) {
        return status;
    }
    status = check_overlap(region, &entry);
    return status == RENOIR_SUCCESS ? check_object(region, &entry) : status;
}

RenoirErrorCode renoir_region_verify(RenoirRegionHandle region, char *report, size_t report_size)
{
    if (report != NULL && report_size != 0) {
        report[0] = '\0';
    }
    RenoirErrorCode status = rnr_region_check(region);
    const uint32_t entries = status == RENOIR_SUCCESS ? region->geometry.max_objects : 0;
    for (uint32_t i = 0; status == RENOIR_SUCCESS && i < entries; ++i) {
        status = check_entry(region, i);
    }
    if (status != RENOIR_SUCCESS && report != NULL && report_size != 0) {
        (void)snprintf(report, report_size, "%s", renoir_last_error_message());
    }
    return status;
}
