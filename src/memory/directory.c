// SPDX-License-Identifier: MIT OR Apache-2.0
// memory/directory.c
//
// The directory of a region's objects.
//
// Picture
//
//     entry      0       1       2       3                       usable bytes
//             ┌───────┬───────┬───────┬───────┐      ┌─────────┬──────┬───────────────┐
//     state   │   1   │   0   │   7   │   0   │      │ object 1│ free │ object 7      │ free …
//             └───────┴───────┴───────┴───────┘      └─────────┴──────┴───────────────┘
//
// Who writes what
//     all of an entry, allocation_count, high_water    whoever holds the byte RNR_LOCK_CHANGE
//     changer_pid                                      the same; for people
//
// Invariants
//     I1  an entry whose state is not 0 is whole, and its extent lies within the usable bytes
//     I2  extents of such entries do not overlap
//     I3  numbers are used once: an entry that was changed and looks the same is the same object
//     I4  usable bytes above high_water were never handed out: they are zero
//
// Edges
//     directory.commit   changer: store state, release  ──►  reader: load state, acquire
//                        carries the entry's fields and the object's first bytes
//     directory.erase    changer: store state 0, fence, then a later object's fields  ──►  reader:
//                        load fields, fence, load state again
//                        carries "what you have read is not of one object"
//
// Progress
//     Reading waits for nobody: an entry that changes while it is read is skipped, or read again by
//     who looks for it. Changing waits RNR_REGISTRY_PATIENCE_NS at most.
//
// If a process dies
//     holding the lock, before directory.commit   the extent was never taken
//     after                                       the object is there, and nobody has it open
//
// Trust
//     Entries are input: each is copied, then its extent is checked against the geometry. Free
//     space is computed from the entries each time; damaged ones make a change fail, never overlap.

#include "memory/directory.h"

#include <string.h>

#include "base/bits.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/memory.h"
#include "base/text.h"
#include "node/registry.h"
#include "platform/process.h"

static RnrEntryShm *entry_at(const RnrRegion *region, uint32_t index)
{
    return (RnrEntryShm *)(void *)(region->base + RNR_REGION_ENTRIES_OFFSET) + index;
}

bool rnr_directory_read(const RnrRegion *region,
                        uint32_t index,
                        RnrEntry *out_entry,
                        RenoirErrorCode *out_status)
{
    const RnrEntryShm *shm = entry_at(region, index);
    *out_status = RENOIR_SUCCESS;
    // [directory.commit: acquire] The fields below are of this object, or of a later one.
    out_entry->number = rnr_load_acquire_u64(&shm->state);
    if (out_entry->number == 0) {
        return false;
    }
    // [hint: relaxed] Checked below, and taken only if the state is still the same after them.
    const uint64_t kind = rnr_load_relaxed_u64(&shm->kind);
    out_entry->offset = rnr_load_relaxed_u64(&shm->offset);
    out_entry->size_bytes = rnr_load_relaxed_u64(&shm->size);
    out_entry->made_ns = rnr_load_relaxed_u64(&shm->made_ns);
    rnr_copy(out_entry->name, shm->name, sizeof out_entry->name);
    // [directory.erase: acquire] If a field was of a later object, the state below is not the old
    // one.
    rnr_fence_seq_cst();
    // [hint: relaxed] ordered by the fence
    if (rnr_load_relaxed_u64(&shm->state) != out_entry->number) {
        return false;
    }
    out_entry->index = index;
    out_entry->kind = (uint32_t)kind;
    out_entry->is_temporary = (kind & RNR_ENTRY_TEMPORARY) != 0;
    out_entry->name[sizeof out_entry->name - 1] = '\0';
    rnr_text_clean(out_entry->name);
    const RnrRegionGeometry *geometry = &region->geometry;
    if (out_entry->offset < geometry->data_offset ||
        out_entry->offset % RNR_OBJECT_ALIGNMENT != 0 || out_entry->size_bytes == 0 ||
        !rnr_range_is_within(out_entry->offset - geometry->data_offset, out_entry->size_bytes,
                             geometry->size_bytes)) {
        *out_status = RNR_FAIL(
            RENOIR_CORRUPTED,
            "the directory of region '%s' is damaged: entry %u has %llu bytes at %llu (remove the "
            "region and make it anew)",
            rnr_region_name(region), index, (unsigned long long)out_entry->size_bytes,
            (unsigned long long)out_entry->offset);
        return false;
    }
    return true;
}

RenoirErrorCode rnr_directory_find(const RnrRegion *region, const char *name, RnrEntry *out_entry)
{
    for (uint32_t i = 0; i < region->geometry.max_objects; ++i) {
        RenoirErrorCode status;
        const bool is_there = rnr_directory_read(region, i, out_entry, &status);
        if (status != RENOIR_SUCCESS) {
            return status;
        }
        if (is_there && strcmp(out_entry->name, name) == 0) {
            return RENOIR_SUCCESS;
        }
    }
    return RENOIR_NOT_FOUND;
}

RenoirErrorCode rnr_directory_begin_change(RnrRegion *region, RnrGuard *out_guard)
{
    const int fd = rnr_region_descriptor(region);
    if (fd < 0) {
        return RENOIR_INVALID_STATE;
    }
    const RenoirErrorCode status =
        rnr_guard_begin(fd, RNR_LOCK_CHANGE, RNR_REGISTRY_PATIENCE_NS, out_guard);
    if (status == RENOIR_CONCURRENCY_ERROR) {
        // [hint: relaxed] for people
        const uint64_t pid = rnr_load_relaxed_u64(&region->shm->changer_pid);
        return RNR_FAIL(status,
                        "cannot change the directory of region '%s': process %llu is in the middle "
                        "of a change and does not go on (look whether it is stopped)",
                        rnr_region_name(region), (unsigned long long)pid);
    }
    if (status == RENOIR_SUCCESS) {
        // [hint: relaxed] for people
        rnr_store_relaxed_u64(&region->shm->changer_pid, (uint64_t)rnr_process_id());
        RNR_FAULT_POINT("directory.locked");
    }
    return status;
}

void rnr_directory_end_change(RnrRegion *region, RnrGuard *guard)
{
    // [hint: relaxed] for people
    rnr_store_relaxed_u64(&region->shm->changer_pid, 0);
    rnr_guard_end(guard);
}

typedef struct Extent {
    uint64_t begin, end; // in the file
} Extent;

// All extents in use, in order of their places, by insertion: directories are small and nearly
// sorted.
static RenoirErrorCode
list_extents(const RnrRegion *region, Extent **out_extents, uint32_t *out_count)
{
    uint32_t count = 0;
    Extent *extents = rnr_allocate(region->geometry.max_objects * sizeof *extents);
    *out_extents = NULL;
    *out_count = 0;
    if (extents == NULL) {
        return RNR_FAIL(RENOIR_OUT_OF_MEMORY, "cannot look for space in region '%s': no memory",
                        rnr_region_name(region));
    }
    for (uint32_t i = 0; i < region->geometry.max_objects; ++i) {
        RnrEntry entry;
        RenoirErrorCode status;
        if (!rnr_directory_read(region, i, &entry, &status)) {
            if (status != RENOIR_SUCCESS) {
                rnr_free(extents);
                return status;
            }
            continue;
        }
        uint32_t at = count++;
        for (; at > 0 && extents[at - 1].begin > entry.offset; --at) {
            extents[at] = extents[at - 1];
        }
        extents[at].begin = entry.offset;
        extents[at].end = entry.offset + entry.size_bytes;
    }
    *out_extents = extents;
    *out_count = count;
    return RENOIR_SUCCESS;
}

// What lies between two extents, for an object.
typedef struct Gap {
    uint64_t begin, end; // begin: aligned for the object
} Gap;

// The gap before extent `i` (count: after the last). False: nothing is free there.
static bool gap_before(const RnrRegion *region,
                       const Extent *extents,
                       uint32_t count,
                       uint32_t i,
                       uint64_t alignment,
                       Gap *out_gap)
{
    const uint64_t first = region->geometry.data_offset;
    const uint64_t last = first + region->geometry.size_bytes;
    const uint64_t begin = i == 0 ? first : extents[i - 1].end;
    out_gap->end = i == count ? last : extents[i].begin;
    return rnr_round_up(begin, alignment, &out_gap->begin) && out_gap->begin < out_gap->end;
}

RenoirErrorCode rnr_directory_place(RnrRegion *region,
                                    const char *name,
                                    uint64_t size_bytes,
                                    uint64_t alignment,
                                    uint64_t *out_offset,
                                    uint64_t *out_size)
{
    Extent *extents = NULL;
    uint32_t count = 0;
    uint64_t largest = 0;
    RenoirErrorCode status = list_extents(region, &extents, &count);
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    for (uint32_t i = 0; i <= count; ++i) {
        Gap gap;
        if (!gap_before(region, extents, count, i, alignment, &gap)) {
            continue;
        }
        const uint64_t room = gap.end - gap.begin;
        if (room > largest) {
            largest = room;
            *out_offset = gap.begin;
        }
        if (size_bytes != 0 && room >= size_bytes) {
            *out_offset = gap.begin;
            break;
        }
    }
    rnr_free(extents);
    *out_size = size_bytes == 0 ? largest : size_bytes;
    if (largest == 0 || largest < size_bytes) {
        return RNR_FAIL(
            RENOIR_INSUFFICIENT_SPACE,
            "cannot make '%s' in region '%s': %llu bytes needed, %llu free in one piece "
            "(make the region larger, or remove objects)",
            name, rnr_region_name(region), (unsigned long long)size_bytes,
            (unsigned long long)largest);
    }
    return RENOIR_SUCCESS;
}

RenoirErrorCode rnr_directory_free_entry(const RnrRegion *region, uint32_t *out_index)
{
    for (uint32_t i = 0; i < region->geometry.max_objects; ++i) {
        // [own: relaxed] Entries change under the lock that we hold.
        if (rnr_load_relaxed_u64(&entry_at(region, i)->state) == 0) {
            *out_index = i;
            return RENOIR_SUCCESS;
        }
    }
    return RNR_FAIL(RENOIR_LIMIT_REACHED,
                    "the directory of region '%s' is full: %u objects (create it with a larger "
                    "RenoirRegionOptions.max_objects)",
                    rnr_region_name(region), region->geometry.max_objects);
}

uint64_t rnr_directory_commit(RnrRegion *region, const RnrEntry *entry)
{
    RnrEntryShm *shm = entry_at(region, entry->index);
    const uint64_t kind = entry->kind | (entry->is_temporary ? RNR_ENTRY_TEMPORARY : 0);
    const uint64_t end = entry->offset + entry->size_bytes - region->geometry.data_offset;
    // [own: relaxed] All of these change under the lock that we hold.
    const uint64_t number = rnr_load_relaxed_u64(&region->shm->allocation_count) + 1;
    rnr_store_relaxed_u64(&shm->kind, kind);
    rnr_store_relaxed_u64(&shm->offset, entry->offset);
    rnr_store_relaxed_u64(&shm->size, entry->size_bytes);
    rnr_store_relaxed_u64(&shm->made_ns, entry->made_ns);
    rnr_copy(shm->name, entry->name, sizeof shm->name);
    // [own: relaxed] Before the commit, so that a death in between cannot leave used bytes above
    // it.
    if (rnr_load_relaxed_u64(&region->shm->high_water) < end) {
        rnr_store_relaxed_u64(&region->shm->high_water, end);
    }
    rnr_store_relaxed_u64(&region->shm->allocation_count, number);
    RNR_FAULT_POINT("directory.commit");
    // [directory.commit: release] Whoever sees the number sees the entry and the formatted object.
    rnr_store_release_u64(&shm->state, number);
    RNR_FAULT_POINT("directory.committed");
    return number;
}

void rnr_directory_erase(RnrRegion *region, uint32_t index)
{
    RNR_FAULT_POINT("directory.erase");
    // [directory.commit: release] Nobody finds it from here on; nobody has it open.
    rnr_store_release_u64(&entry_at(region, index)->state, 0);
    // [directory.erase: release] Before the fields of whatever is made in this entry next.
    rnr_fence_seq_cst();
}

RenoirErrorCode rnr_directory_stats(const RnrRegion *region, RenoirRegionStats *out_stats)
{
    Extent *extents = NULL;
    uint32_t count = 0;
    uint64_t used = 0;
    uint64_t largest = 0;
    memset(out_stats, 0, sizeof *out_stats);
    const RenoirErrorCode status = list_extents(region, &extents, &count);
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    for (uint32_t i = 0; i <= count; ++i) {
        Gap gap;
        if (gap_before(region, extents, count, i, 1, &gap) && gap.end - gap.begin > largest) {
            largest = gap.end - gap.begin;
        }
        used += i < count ? extents[i].end - extents[i].begin : 0;
    }
    rnr_free(extents);
    out_stats->total_size = (size_t)region->geometry.size_bytes;
    // A hostile peer may let extents overlap: never less than nothing is free.
    out_stats->used_size =
        (size_t)(used < region->geometry.size_bytes ? used : region->geometry.size_bytes);
    out_stats->free_size = out_stats->total_size - out_stats->used_size;
    out_stats->fragmentation_ratio =
        out_stats->free_size == 0 ? 0.0 : 1.0 - (double)largest / (double)out_stats->free_size;
    out_stats->topic_count = count;
    // [hint: relaxed] a snapshot
    out_stats->allocation_count = rnr_load_relaxed_u64(&region->shm->allocation_count);
    return RENOIR_SUCCESS;
}
