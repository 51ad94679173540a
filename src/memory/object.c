// SPDX-License-Identifier: MIT OR Apache-2.0
// memory/object.c
//
// Objects of a region: found or made, open, removed; and roles in them.
//
// Who writes what
//     entries    see directory.c
//     bytes      the object's own writers; before it is committed, whoever makes it
//
// Invariants
//     I1  who has an object open holds the byte of its first byte, shared, from before it saw its
//         entry for the last time. Who removes it holds the byte exclusively. So nobody uses what
//         was removed.
//     I2  an object's bytes are zero before it is formatted, and formatted before it is committed
//
// Edges
//     none of its own: directory.commit carries objects
//
// Progress
//     Finding waits for nobody but, RNR_REGISTRY_PATIENCE_NS at most, somebody removing the same
//     object.
//
// If a process dies
//     anywhere   its bytes are free; an unnamed object of its is removed when space is short
//
// Trust
//     An entry's kind and size are compared with what the caller means before anything is used.

#include "memory/object.h"

#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/text.h"
#include "memory/directory.h"
#include "node/registry.h"
#include "platform/clock.h"
#include "platform/map.h"

// In this file alone: what was seen changed under us.
static const RenoirErrorCode LOOK_AGAIN = RENOIR_OVERRUN;

const char *rnr_object_kind_name(uint32_t kind)
{
    switch (kind) {
    case RNR_OBJECT_BLOCK:
        return "block";
    case RNR_OBJECT_BUMP:
        return "bump";
    case RNR_OBJECT_BLOCKS:
        return "blocks";
    case RNR_OBJECT_SPSC:
        return "spsc";
    case RNR_OBJECT_RECORD:
        return "record";
    case RNR_OBJECT_MPMC:
        return "mpmc";
    case RNR_OBJECT_SEQUENCED:
        return "sequenced";
    case RNR_OBJECT_BROADCAST:
        return "broadcast";
    case RNR_OBJECT_PRIORITY:
        return "priority";
    case RNR_OBJECT_STATE:
        return "state";
    case RNR_OBJECT_EPOCH:
        return "epoch";
    case RNR_OBJECT_NOTIFIER:
        return "notifier";
    default:
        return "unknown";
    }
}

static RenoirErrorCode check_name(const RnrRegion *region, const char *name)
{
    const char *reason = NULL;
    if (!rnr_text_is_name(name, RENOIR_OBJECT_NAME_MAX, &reason)) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                        "object name in region '%s' is refused: %s (use 1 to %d bytes of UTF-8 "
                        "without control characters)",
                        rnr_region_name(region), reason, RENOIR_OBJECT_NAME_MAX);
    }
    return RENOIR_SUCCESS;
}

static RenoirErrorCode
check_terms(const RnrRegion *region, const RnrObjectSpec *spec, const RnrEntry *entry)
{
    if (entry->kind != spec->kind) {
        return RNR_FAIL(RENOIR_EXISTS,
                        "'%s' in region '%s' is of kind '%s', not '%s' (use another name)",
                        entry->name, rnr_region_name(region), rnr_object_kind_name(entry->kind),
                        rnr_object_kind_name(spec->kind));
    }
    if (spec->match != NULL) {
        return spec->match(region->base + entry->offset, entry->size_bytes, spec->terms);
    }
    if (spec->size_bytes != 0 && entry->size_bytes != spec->size_bytes) {
        return RNR_FAIL(
            RENOIR_EXISTS,
            "'%s' in region '%s' has %llu bytes, asked for were %llu (use that size, or "
            "another name)",
            entry->name, rnr_region_name(region), (unsigned long long)entry->size_bytes,
            (unsigned long long)spec->size_bytes);
    }
    return RENOIR_SUCCESS;
}

static void fill_object(RnrRegion *region, const RnrEntry *entry, RnrObject *object)
{
    object->region = rnr_region_retain(region);
    object->memory = region->base + entry->offset;
    object->offset = entry->offset;
    object->size_bytes = entry->size_bytes;
    object->is_temporary = entry->is_temporary;
    object->number = entry->number;
    (void)rnr_text_copy(object->name, sizeof object->name, entry->name);
}

static RenoirErrorCode lock_use(RnrRegion *region, uint64_t offset, RnrLock *out_lock)
{
    const RnrLockByte use = {.byte = offset, .is_exclusive = false};
    const int fd = rnr_region_descriptor(region);
    return fd < 0 ? RENOIR_INVALID_STATE : rnr_lock_take(fd, &use, 1, out_lock);
}

// Opens an entry that was seen. LOOK_AGAIN: it is gone or going.
static RenoirErrorCode
enter(RnrRegion *region, const RnrObjectSpec *spec, const RnrEntry *entry, RnrObject *object)
{
    RnrEntry again;
    RenoirErrorCode status = lock_use(region, entry->offset, &object->use);
    if (status != RENOIR_SUCCESS) {
        return status == RENOIR_CONCURRENCY_ERROR ? LOOK_AGAIN : status;
    }
    const bool is_there = rnr_directory_read(region, entry->index, &again, &status);
    if (status == RENOIR_SUCCESS &&
        (!is_there || again.number != entry->number || again.offset != entry->offset)) {
        status = LOOK_AGAIN;
    }
    if (status == RENOIR_SUCCESS) {
        status = check_terms(region, spec, &again);
    }
    if (status != RENOIR_SUCCESS) {
        rnr_lock_release(&object->use);
        return status;
    }
    fill_object(region, &again, object);
    return RENOIR_SUCCESS;
}

// Above high_water the system's zeros are still there, and need not be touched.
static void zero_extent(const RnrRegion *region, uint64_t offset, uint64_t size_bytes)
{
    // [own: relaxed] It changes under the lock that we hold.
    uint64_t high_water = rnr_load_relaxed_u64(&region->shm->high_water);
    const uint64_t begin = offset - region->geometry.data_offset;
    if (high_water > region->geometry.size_bytes) {
        high_water = region->geometry.size_bytes;
    }
    if (high_water > begin) {
        const uint64_t used = high_water - begin;
        memset(region->base + offset, 0, (size_t)(used < size_bytes ? used : size_bytes));
    }
}

static RenoirErrorCode plan_entry(RnrRegion *region, const RnrObjectSpec *spec, RnrEntry *entry)
{
    const uint64_t alignment =
        spec->alignment > RNR_OBJECT_ALIGNMENT ? spec->alignment : RNR_OBJECT_ALIGNMENT;
    const char *title = spec->name == NULL ? "an unnamed object" : spec->name;
    memset(entry, 0, sizeof *entry);
    RenoirErrorCode status = rnr_directory_free_entry(region, &entry->index);
    if (status == RENOIR_SUCCESS) {
        status = rnr_directory_place(region, title, spec->size_bytes, alignment, &entry->offset,
                                     &entry->size_bytes);
    }
    entry->kind = spec->kind;
    entry->is_temporary = spec->name == NULL;
    entry->made_ns = rnr_clock_wall_ns();
    if (spec->name != NULL) {
        (void)rnr_text_copy(entry->name, sizeof entry->name, spec->name);
    } else {
        (void)snprintf(entry->name, sizeof entry->name, "unnamed of node %016llx at %llu",
                       (unsigned long long)rnr_region_node_id(region),
                       (unsigned long long)entry->offset);
    }
    return status;
}

// With the lock held: unnamed objects whose process is gone. True if there were some.
static bool remove_orphans(RnrRegion *region)
{
    bool is_any = false;
    for (uint32_t i = 0; i < region->geometry.max_objects; ++i) {
        RnrEntry entry;
        RenoirErrorCode status;
        RnrLock lock = {NULL, 0};
        if (!rnr_directory_read(region, i, &entry, &status) || !entry.is_temporary) {
            continue;
        }
        const RnrLockByte alone = {.byte = entry.offset, .is_exclusive = true};
        if (rnr_lock_take_guarded(region->fd, &alone, 1, &lock) == RENOIR_SUCCESS) {
            rnr_directory_erase(region, i);
            rnr_lock_release(&lock);
            is_any = true;
        }
    }
    return is_any;
}

// With the lock held.
static RenoirErrorCode make(RnrRegion *region, const RnrObjectSpec *spec, RnrObject *object)
{
    RnrEntry entry;
    RenoirErrorCode status = plan_entry(region, spec, &entry);
    if (status != RENOIR_SUCCESS && remove_orphans(region)) {
        status = plan_entry(region, spec, &entry);
    }
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    const RnrLockByte use = {.byte = entry.offset, .is_exclusive = false};
    zero_extent(region, entry.offset, entry.size_bytes);
    RNR_FAULT_POINT("object.format");
    if (spec->format != NULL) {
        status = spec->format(region->base + entry.offset, entry.size_bytes, spec->terms);
    }
    if (status == RENOIR_SUCCESS) {
        status = rnr_lock_take_guarded(region->fd, &use, 1, &object->use);
    }
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    entry.number = rnr_directory_commit(region, &entry);
    fill_object(region, &entry, object);
    object->is_created = true;
    return RENOIR_SUCCESS;
}

static RenoirErrorCode
find(RnrRegion *region, const RnrObjectSpec *spec, RnrEntry *entry, RnrObject *object)
{
    RenoirErrorCode status = RENOIR_NOT_FOUND;
    if (spec->name != NULL) {
        status = rnr_directory_find(region, spec->name, entry);
    }
    return status == RENOIR_SUCCESS ? enter(region, spec, entry, object) : status;
}

// LOOK_AGAIN: somebody was first.
static RenoirErrorCode try_make(RnrRegion *region, const RnrObjectSpec *spec, RnrObject *object)
{
    RnrGuard guard;
    RnrEntry entry;
    RenoirErrorCode status = rnr_directory_begin_change(region, &guard);
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    status = spec->name == NULL ? RENOIR_NOT_FOUND : rnr_directory_find(region, spec->name, &entry);
    if (status == RENOIR_SUCCESS) {
        status = LOOK_AGAIN;
    } else if (status == RENOIR_NOT_FOUND) {
        status = make(region, spec, object);
    }
    rnr_directory_end_change(region, &guard);
    return status;
}

static RenoirErrorCode not_there(const RnrRegion *region, const RnrObjectSpec *spec)
{
    if (spec->find_only) {
        return RNR_FAIL(RENOIR_NOT_FOUND, "there is no '%s' in region '%s' (create it)", spec->name,
                        rnr_region_name(region));
    }
    return RNR_FAIL(RENOIR_PERMISSION_DENIED,
                    "cannot make '%s' in region '%s': it is open for reading only",
                    spec->name == NULL ? "an unnamed object" : spec->name, rnr_region_name(region));
}

RenoirErrorCode rnr_object_open(RnrRegion *region, const RnrObjectSpec *spec, RnrObject *out_object)
{
    const uint64_t deadline = rnr_clock_deadline(rnr_clock_now_ns(), RNR_REGISTRY_PATIENCE_NS);
    RnrEntry entry;
    memset(out_object, 0, sizeof *out_object);
    RenoirErrorCode status = rnr_region_check(region);
    if (status == RENOIR_SUCCESS && spec->name != NULL) {
        status = check_name(region, spec->name);
    }
    if (status == RENOIR_SUCCESS &&
        (spec->alignment > rnr_page_size() ||
         (spec->alignment != 0 && !rnr_is_power_of_two(spec->alignment)))) {
        status = RNR_FAIL(RENOIR_ALIGNMENT_ERROR,
                          "alignment %u is not a power of two up to %zu, the page size",
                          spec->alignment, rnr_page_size());
    }
    while (status == RENOIR_SUCCESS) {
        status = find(region, spec, &entry, out_object);
        if (status == RENOIR_NOT_FOUND && (spec->find_only || region->is_read_only)) {
            return not_there(region, spec);
        }
        if (status == RENOIR_NOT_FOUND) {
            status = try_make(region, spec, out_object);
        }
        if (status != LOOK_AGAIN) {
            break;
        }
        if (rnr_clock_now_ns() >= deadline) {
            return RNR_FAIL(
                RENOIR_CONCURRENCY_ERROR,
                "cannot open '%s' in region '%s': a process is in the middle of removing "
                "it and does not go on (look for one that is stopped)",
                spec->name, rnr_region_name(region));
        }
        rnr_clock_sleep_ns(50000);
        status = RENOIR_SUCCESS;
    }
    return status;
}

static RenoirErrorCode in_use(const RnrRegion *region, const char *name)
{
    return RNR_FAIL(RENOIR_INVALID_STATE,
                    "cannot remove '%s' from region '%s': a live process has it open (renoir-cli "
                    "region info says who)",
                    name, rnr_region_name(region));
}

// With the lock held. INVALID_STATE with a record: somebody has it open.
static RenoirErrorCode erase(RnrRegion *region, const RnrEntry *entry)
{
    const RnrLockByte alone = {.byte = entry->offset, .is_exclusive = true};
    RnrLock lock = {NULL, 0};
    const RenoirErrorCode status = rnr_lock_take_guarded(region->fd, &alone, 1, &lock);
    if (status == RENOIR_CONCURRENCY_ERROR) {
        return in_use(region, entry->name);
    }
    if (status == RENOIR_SUCCESS) {
        rnr_directory_erase(region, entry->index);
        rnr_lock_release(&lock);
    }
    return status;
}

// number 0: whichever has the name.
static RenoirErrorCode remove_object(RnrRegion *region, const char *name, uint64_t number)
{
    RnrGuard guard;
    RnrEntry entry;
    RenoirErrorCode status = check_name(region, name);
    if (status == RENOIR_SUCCESS && region->is_read_only) {
        status = RNR_FAIL(RENOIR_PERMISSION_DENIED,
                          "cannot remove '%s' from region '%s': it is open for reading only", name,
                          rnr_region_name(region));
    }
    if (status == RENOIR_SUCCESS) {
        status = rnr_directory_begin_change(region, &guard);
    }
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    status = rnr_directory_find(region, name, &entry);
    if (status == RENOIR_SUCCESS && number != 0 && entry.number != number) {
        status = RENOIR_SUCCESS; // somebody else removed ours, and this one is new
    } else if (status == RENOIR_SUCCESS) {
        status = erase(region, &entry);
    } else if (status == RENOIR_NOT_FOUND) {
        status = RNR_FAIL(RENOIR_NOT_FOUND, "cannot remove '%s' from region '%s': there is none",
                          name, rnr_region_name(region));
    }
    rnr_directory_end_change(region, &guard);
    return status;
}

RenoirErrorCode rnr_object_remove(RnrRegion *region, const char *name)
{
    return remove_object(region, name, 0);
}

void rnr_object_close(RnrObject *object)
{
    if (object->region == NULL) {
        return;
    }
    if (object->is_temporary && object->region->generation == rnr_fork_generation()) {
        (void)rnr_object_destroy(object);
        return;
    }
    rnr_lock_release(&object->use);
    rnr_region_release(object->region);
    object->region = NULL;
}

RenoirErrorCode rnr_object_destroy(RnrObject *object)
{
    RnrRegion *region = object->region;
    RenoirErrorCode status = rnr_region_check(region);
    rnr_lock_release(&object->use);
    if (status == RENOIR_SUCCESS) {
        status = remove_object(region, object->name, object->number);
    }
    object->region = NULL;
    rnr_region_release(region);
    return status;
}

RenoirErrorCode rnr_role_take(const RnrObject *object, uint32_t index, RnrRole *out_role)
{
    const RnrLockByte role = {.byte = object->offset + 1 + index, .is_exclusive = true};
    const int fd = rnr_region_descriptor(object->region);
    out_role->lock.page = NULL;
    if (fd < 0) {
        return RENOIR_INVALID_STATE;
    }
    if (object->region->is_read_only) {
        return RNR_FAIL(RENOIR_PERMISSION_DENIED,
                        "cannot take part in '%s': region '%s' is open for reading only",
                        object->name, rnr_region_name(object->region));
    }
    const RenoirErrorCode status = rnr_lock_take(fd, &role, 1, &out_role->lock);
    return status == RENOIR_CONCURRENCY_ERROR ? RENOIR_LIMIT_REACHED : status;
}

RenoirErrorCode rnr_role_hold_off(const RnrObject *object, uint32_t index, RnrRole *out_hold)
{
    const RnrLockByte role = {.byte = object->offset + 1 + index, .is_exclusive = false};
    const int fd = rnr_region_descriptor(object->region);
    out_hold->lock.page = NULL;
    return fd < 0 ? RENOIR_INVALID_STATE : rnr_lock_take(fd, &role, 1, &out_hold->lock);
}

void rnr_role_release(RnrRole *role)
{
    rnr_lock_release(&role->lock);
}

// Checking the descriptor costs as much as the question itself. A number that somebody closed, and
// that serves another file by now, may answer for the wrong file: "free" is believed only right
// after a check, "held" for this long, so that a death is told so much later.
#define DESCRIPTOR_TRUST_NS RENOIR_MILLISECONDS(5)

bool rnr_role_is_alive(const RnrObject *object, uint32_t index)
{
    const uint64_t byte = object->offset + 1 + index;
    // [hint: relaxed] An old value makes it check.
    const uint64_t checked = rnr_load_relaxed_u64(&object->region->fd_checked_ns);

    if (rnr_clock_now_ns() - checked < DESCRIPTOR_TRUST_NS &&
        rnr_lock_is_held(object->region->fd, byte)) {
        return true;
    }
    const int fd = rnr_region_descriptor(object->region);
    return fd < 0 || rnr_lock_is_held(fd, byte);
}
