// SPDX-License-Identifier: MIT OR Apache-2.0
// memory/region.c
//
// A region in this process: attached, checked, left.
//
// Who writes what
//     header, geometry   the creator, before the file has a name
//     a place            its owner, which holds the place's byte
//     the name           see node/registry.c
//
// Invariants
//     I1  who has a region open holds its use byte, from before it looked whether the file still
//     has
//         a name until it leaves. So a file that somebody removed for being unused is unused.
//     I2  geometry is checked against the file's own length, copied, and not read again
//     I3  the mapping outlives every object opened in it
//
// Edges
//     region.count   a thread: drop a reference  ──►  the thread that drops the last one
//                    carries all that was done with the mapping before
//
// Progress
//     Attaching waits RNR_REGISTRY_PATIENCE_NS at most for somebody who is removing the file.
//
// If a process dies
//     anywhere   its locks go; the last one's region is removed by the next that sweeps
//
// Trust
//     All of the file is input. It may be cut short at any time by who may write it: every call
//     that is not a hot path looks at its length first; for the rest there is the SIGBUS guard.

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/memory.h"
#include "base/text.h"
#include "memory/region_internal.h"
#include "memory/region_open.h"
#include "node/registry.h"
#include "platform/clock.h"
#include "platform/map.h"
#include "platform/process.h"
#include "platform/sigbus.h"

void rnr_region_title(const RnrSite *site, char *text, size_t size)
{
    if (site->name[0] != '\0') {
        (void)snprintf(text, size, "region '%s'", site->name);
    } else {
        (void)snprintf(text, size, "the region at '%.290s'",
                       site->path[0] != '\0' ? site->path : site->entry);
    }
}

static RenoirErrorCode check_geometry(const RnrRegionGeometry *geometry, const char *what)
{
    uint64_t entries = 0;
    uint64_t directory_end = 0;
    const bool is_sound =
        rnr_multiply(geometry->max_objects, sizeof(RnrEntryShm), &entries) &&
        rnr_add(RNR_REGION_ENTRIES_OFFSET, entries, &directory_end) &&
        geometry->data_offset >= directory_end && geometry->size_bytes != 0 &&
        geometry->data_offset % RNR_OBJECT_ALIGNMENT == 0 &&
        rnr_range_is_within(geometry->data_offset, geometry->size_bytes, geometry->total_length) &&
        geometry->max_objects != 0 && geometry->max_objects <= 65536 &&
        geometry->backing_type <= RENOIR_BACKING_POSIX_SHM;
    if (!is_sound) {
        return RNR_FAIL(RENOIR_CORRUPTED,
                        "cannot use %s: its header contradicts itself (%llu bytes at %llu of %llu) "
                        "(remove it)",
                        what, (unsigned long long)geometry->size_bytes,
                        (unsigned long long)geometry->data_offset,
                        (unsigned long long)geometry->total_length);
    }
    return RENOIR_SUCCESS;
}

RenoirErrorCode rnr_region_read_geometry(int fd, const char *what, RnrRegionGeometry *out_geometry)
{
    RnrRegionShm shm;
    RnrFileFacts facts;
    RenoirErrorCode status = rnr_file_facts(fd, &facts);
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    memset(&shm, 0, sizeof shm);
    if (!facts.is_regular || !rnr_file_read(fd, 0, &shm, sizeof shm)) {
        return RNR_FAIL(RENOIR_CORRUPTED,
                        "cannot use %s: its file of %llu bytes is not a region (remove it, or use "
                        "another name)",
                        what, (unsigned long long)facts.size_bytes);
    }
    status = rnr_registry_check_header(&shm.header, RNR_FILE_REGION, facts.size_bytes, what);
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    out_geometry->file_id = shm.header.file_id;
    out_geometry->created_ns = shm.header.created_ns;
    out_geometry->total_length = shm.header.total_length;
    out_geometry->size_bytes = shm.size_bytes;
    out_geometry->data_offset = shm.data_offset;
    out_geometry->max_objects = shm.max_objects;
    out_geometry->backing_type = shm.backing_type;
    shm.name[sizeof shm.name - 1] = '\0';
    rnr_text_clean(shm.name);
    (void)rnr_text_copy(out_geometry->name, sizeof out_geometry->name, shm.name);
    return check_geometry(out_geometry, what);
}

// Another user can cut a file short while it is mapped; memfds that are sealed cannot be.
static RenoirErrorCode check_owner(int fd, const char *what)
{
    RnrFileFacts facts;
    const RenoirErrorCode status = rnr_file_facts(fd, &facts);
    if (status != RENOIR_SUCCESS || !facts.is_foreign || rnr_memfd_is_sealed(fd) ||
        rnr_sigbus_is_installed()) {
        return status;
    }
    return RNR_FAIL(
        RENOIR_PERMISSION_DENIED,
        "cannot map %s: its file belongs to user %u, who could cut it short and end this "
        "process by SIGBUS (call renoir_sigbus_guard_install() first)",
        what, facts.owner);
}

static int find_free_place(int fd, int after)
{
    for (int place = after + 1; place < RNR_PLACE_COUNT; ++place) {
        if (!rnr_lock_is_held(fd, (uint64_t)(RNR_LOCK_PLACES + place))) {
            return place;
        }
    }
    return -1;
}

// The use byte, and with it a place where one is free and the file is ours to write.
static RenoirErrorCode take_place(RnrRegion *region)
{
    RnrLockByte bytes[2] = {{.byte = RNR_LOCK_USE, .is_exclusive = false},
                            {.byte = 0, .is_exclusive = true}};
    for (int place = find_free_place(region->fd, -1); place >= 0;
         place = find_free_place(region->fd, place)) {
        bytes[1].byte = (uint64_t)(RNR_LOCK_PLACES + place);
        const RenoirErrorCode status = rnr_lock_take(region->fd, bytes, 2, &region->use);
        if (status == RENOIR_SUCCESS) {
            region->place = place;
            return status;
        }
        if (status != RENOIR_CONCURRENCY_ERROR) {
            break; // read-only to us: users without a place are not counted
        }
    }
    region->place = -1;
    return rnr_lock_take(region->fd, bytes, 1, &region->use);
}

static RenoirErrorCode lock_use(RnrRegion *region, const char *what)
{
    const uint64_t deadline = rnr_clock_deadline(rnr_clock_now_ns(), RNR_REGISTRY_PATIENCE_NS);
    for (;;) {
        const RenoirErrorCode status = take_place(region);
        if (status != RENOIR_CONCURRENCY_ERROR) {
            return status;
        }
        if (rnr_clock_now_ns() >= deadline) {
            return RNR_FAIL(
                RENOIR_CONCURRENCY_ERROR,
                "cannot open %s: a process is in the middle of removing it and does not "
                "go on (look for one that is stopped)",
                what);
        }
        rnr_clock_sleep_ns(100000);
    }
}

// Through the mapping; a read-only user writes through another descriptor, if its mode allows it.
static void write_place(const RnrRegion *region, uint64_t node_id)
{
    RnrPlaceShm place;
    int fd = -1;
    const uint64_t offset =
        RNR_REGION_PLACES_OFFSET + (uint64_t)(unsigned)region->place * sizeof place;
    if (region->place < 0 || !rnr_region_is_whole(region)) {
        return;
    }
    memset(&place, 0, sizeof place);
    // [own: relaxed] a private copy
    rnr_store_relaxed_u64(&place.node_id, node_id);
    place.since_ns = rnr_clock_wall_ns();
    place.pid = (uint64_t)rnr_process_id();
    if (!region->is_read_only) {
        memcpy(region->base + offset, &place, sizeof place);
    } else if (rnr_file_reopen(region->fd, true, &fd) == RENOIR_SUCCESS) {
        (void)rnr_file_write(fd, offset, &place, sizeof place);
        rnr_file_close(fd);
    }
}

static RenoirErrorCode apply_terms(RnrRegion *region, const RnrRegionTerms *terms)
{
    const uint64_t length = region->geometry.total_length;
    const uint32_t degrading = RENOIR_REGION_HUGE_PAGES | RENOIR_REGION_PREFAULT;
    region->flags = terms->flags & ~degrading;
    if (terms->numa_policy != RENOIR_NUMA_DEFAULT) {
        (void)rnr_map_set_numa(region->base, length, terms->numa_policy, terms->numa_nodes);
    }
    if ((terms->flags & RENOIR_REGION_HUGE_PAGES) != 0 &&
        rnr_map_use_huge_pages(region->base, length)) {
        region->flags |= RENOIR_REGION_HUGE_PAGES;
    }
    if ((terms->flags & RENOIR_REGION_PREFAULT) != 0 &&
        rnr_map_prefault(region->base, length, !region->is_read_only)) {
        region->flags |= RENOIR_REGION_PREFAULT;
    }
    if ((terms->flags & RENOIR_REGION_LOCKED) != 0) {
        return rnr_map_lock(region->base, length);
    }
    return RENOIR_SUCCESS;
}

static RenoirErrorCode map_region(RnrRegion *region, const RnrRegionTerms *terms)
{
    void *base = NULL;
    region->is_read_only = (terms->flags & RENOIR_REGION_READ_ONLY) != 0;
    RenoirErrorCode status = rnr_map(region->fd, region->geometry.total_length,
                                     !region->is_read_only, &region->is_lost, &base);
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    region->base = base;
    region->shm = base;
    status = apply_terms(region, terms);
    if (status != RENOIR_SUCCESS) {
        rnr_unmap(region->base, region->geometry.total_length);
        region->base = NULL;
    }
    return status;
}

// Locked, seen to have a name still, and mapped.
static RenoirErrorCode
enter(RnrRegion *region, const RnrRegionTerms *terms, bool is_new, const char *what)
{
    RnrFileFacts facts;
    RenoirErrorCode status = lock_use(region, what);
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    status = rnr_file_facts(region->fd, &facts);
    if (status == RENOIR_SUCCESS && !is_new && facts.link_count == 0 &&
        region->geometry.backing_type != RENOIR_BACKING_MEMFD) {
        status = RENOIR_NOT_FOUND;
    }
    if (status == RENOIR_SUCCESS) {
        region->file = facts.id;
        status = map_region(region, terms);
    }
    if (status != RENOIR_SUCCESS) {
        rnr_lock_release(&region->use);
    }
    return status;
}

static void leave_from_child(RnrChild *child);
static void close_from_manager(RnrChild *child);

static void register_region(RnrRegion *region, RnrManager *manager)
{
    region->magic = RNR_REGION_MAGIC;
    region->manager = manager;
    region->node = rnr_node_retain(rnr_manager_node(manager));
    region->generation = rnr_fork_generation();
    // [own: relaxed] nobody else has it yet
    rnr_store_relaxed_u32(&region->references, 1);
    (void)pthread_mutex_init(&region->blocks_mutex, NULL);
    region->child.close = close_from_manager;
    region->child.leave = leave_from_child;
    rnr_manager_adopt(manager, &region->child);
    rnr_node_count_objects(region->node, 1);
    write_place(region, rnr_node_id(region->node));
}

RenoirErrorCode rnr_region_attach(RnrManager *manager,
                                  const RnrRegionTerms *terms,
                                  bool is_new,
                                  const RnrSite *site,
                                  int fd,
                                  RnrRegion **out_region)
{
    char what[320];
    *out_region = NULL;
    rnr_region_title(site, what, sizeof what);
    RnrRegion *region = rnr_new(RnrRegion);
    if (region == NULL) {
        return RNR_FAIL(RENOIR_OUT_OF_MEMORY, "cannot open %s: no memory", what);
    }
    region->fd = fd;
    region->place = -1;
    RenoirErrorCode status = rnr_region_read_geometry(fd, what, &region->geometry);
    if (status == RENOIR_SUCCESS && site->name[0] != '\0' && !site->is_referenced &&
        strcmp(site->name, region->geometry.name) != 0) {
        status =
            RNR_FAIL(RENOIR_REGION_EXISTS,
                     "cannot use %s: its file holds a region of the name '%s' (use another name)",
                     what, region->geometry.name);
    }
    if (status == RENOIR_SUCCESS) {
        status = check_owner(fd, what);
    }
    if (status == RENOIR_SUCCESS) {
        status = enter(region, terms, is_new, what);
    }
    if (status != RENOIR_SUCCESS) {
        rnr_free(region);
        return status;
    }
    region->site = *site;
    region->site.folder = -1; // those of `site` stay its owner's
    region->site.directory = -1;
    register_region(region, manager);
    *out_region = region;
    return RENOIR_SUCCESS;
}

int rnr_region_descriptor(RnrRegion *region)
{
    RnrFileFacts facts;
    if (rnr_file_facts(region->fd, &facts) == RENOIR_SUCCESS &&
        rnr_file_is_same(&facts.id, &region->file)) {
        // [hint: relaxed] Another thread that does not see it checks once more.
        rnr_store_relaxed_u64(&region->fd_checked_ns, rnr_clock_now_ns());
        return region->fd;
    }
    // closed by somebody, with closefrom() say: the number is not ours any more
    int fd = -1;
    if (region->site.path[0] != '\0') {
        RnrSite site;
        const char *name = region->site.name[0] != '\0' ? region->site.name : region->site.path;
        if (rnr_site_find(region->node, name, !region->is_read_only, &site, &fd) ==
            RENOIR_SUCCESS) {
            rnr_site_close(&site);
        }
    }
    if (fd >= 0 && rnr_file_facts(fd, &facts) == RENOIR_SUCCESS &&
        rnr_file_is_same(&facts.id, &region->file)) {
        region->fd = fd;
        return fd;
    }
    rnr_file_close(fd);
    (void)RNR_FAIL(RENOIR_INVALID_STATE,
                   "the descriptor of region '%s' was closed by this program (open it again)",
                   rnr_region_name(region));
    return -1;
}

RnrRegion *rnr_region_retain(RnrRegion *region)
{
    // [own: relaxed] Counted by this process alone, which has a reference already.
    (void)rnr_fetch_add_relaxed_u32(&region->references, 1);
    return region;
}

static void clear_place(RnrRegion *region)
{
    write_place(region, 0);
    region->place = -1;
}

// If nobody else has it open, and nobody asked to keep it, its name goes.
static void remove_if_last(RnrRegion *region)
{
    RnrSite site = region->site;
    if (rnr_site_open(region->node, &site) == RENOIR_SUCCESS) {
        // a memfd's only name is its creator's: the others keep the memory
        if (region->geometry.backing_type != RENOIR_BACKING_MEMFD || region->is_creator) {
            (void)rnr_site_remove(&site, region->fd, region->geometry.file_id, true);
        }
    }
    rnr_site_close(&site);
}

static void leave_files(RnrRegion *region)
{
    if (rnr_region_descriptor(region) < 0) {
        rnr_lock_release(&region->use);
        return;
    }
    clear_place(region);
    rnr_lock_release(&region->use);
    remove_if_last(region);
}

void rnr_region_detach(RnrRegion *region)
{
    if (region->generation == rnr_fork_generation()) {
        clear_place(region);
        rnr_node_count_objects(region->node, -1);
        rnr_lock_release(&region->use);
    }
    rnr_manager_drop(region->manager, &region->child);
    rnr_unmap(region->base, region->geometry.total_length);
    rnr_node_release(region->node);
    (void)pthread_mutex_destroy(&region->blocks_mutex);
    region->magic = 0;
    rnr_free(region);
}

static void finish(RnrRegion *region)
{
    const int fd = region->fd;
    const bool is_own = region->generation == rnr_fork_generation();
    RnrFileFacts facts;
    const bool is_still_ours =
        rnr_file_facts(fd, &facts) == RENOIR_SUCCESS && rnr_file_is_same(&facts.id, &region->file);
    if (is_own) {
        leave_files(region);
    }
    rnr_region_detach(region);
    if (is_still_ours) {
        rnr_file_close(fd);
    }
}

void rnr_region_release(RnrRegion *region)
{
    // [region.count: acq_rel] The last one of this process's threads sees what the others did.
    if (rnr_fetch_add_seq_cst_u32(&region->references, UINT32_MAX) == 1) {
        finish(region);
    }
}

static void close_blocks(RnrRegion *region)
{
    while (region->blocks != NULL) {
        RnrBlock *block = region->blocks;
        region->blocks = block->next;
        (void)rnr_region_retain(region); // given back by closing
        rnr_object_close(&block->object);
        rnr_free(block);
    }
}

void rnr_region_close(RnrRegion *region)
{
    if (region->is_closed) {
        return;
    }
    region->is_closed = true;
    close_blocks(region);
    rnr_region_release(region);
}

// The name goes while we have it open: nobody can take it for unused meanwhile.
RenoirErrorCode rnr_region_destroy(RnrRegion *region)
{
    RnrSite site = region->site;
    RenoirErrorCode status = RENOIR_SUCCESS;
    const int fd = rnr_region_descriptor(region);
    if (fd < 0) {
        status = RENOIR_INVALID_STATE;
    } else {
        status = rnr_site_open(region->node, &site);
        if (status == RENOIR_SUCCESS &&
            !rnr_site_remove(&site, fd, region->geometry.file_id, false)) {
            status =
                RNR_FAIL(RENOIR_PERMISSION_DENIED,
                         "cannot take the name of region '%s' away: its file is another user's",
                         rnr_region_name(region));
        }
        rnr_site_close(&site);
    }
    rnr_region_close(region);
    return status;
}

static void close_from_manager(RnrChild *child)
{
    RnrRegion *region = (RnrRegion *)((unsigned char *)child - offsetof(RnrRegion, child));
    // Objects opened in it may still keep it: it leaves the manager's list here, whatever happens.
    rnr_manager_drop(region->manager, child);
    rnr_region_close(region);
}

// The process ends normally, but other threads may still run: locks and names go, memory stays.
static void leave_from_child(RnrChild *child)
{
    RnrRegion *region = (RnrRegion *)((unsigned char *)child - offsetof(RnrRegion, child));
    if (region->generation == rnr_fork_generation()) {
        leave_files(region);
    }
}

const char *rnr_region_name(const RnrRegion *region)
{
    return region->site.name[0] != '\0' ? region->site.name : region->site.path;
}

RnrNode *rnr_region_node(const RnrRegion *region)
{
    return region->node;
}

uint64_t rnr_region_node_id(const RnrRegion *region)
{
    return rnr_node_id(region->node);
}

void rnr_region_describe_node(const RnrRegion *region, uint64_t node_id, char *text, size_t size)
{
    rnr_node_describe(region->node, node_id, text, size);
}

bool rnr_region_is_read_only(const RnrRegion *region)
{
    return region->is_read_only;
}

bool rnr_region_is_lost(const RnrRegion *region)
{
    return rnr_sigbus_is_lost(&region->is_lost);
}

bool rnr_region_is_whole(const RnrRegion *region)
{
    RnrFileFacts facts;
    if (rnr_region_is_lost(region)) {
        return false;
    }
    return rnr_file_facts(region->fd, &facts) != RENOIR_SUCCESS ||
           !rnr_file_is_same(&facts.id, &region->file) ||
           facts.size_bytes >= region->geometry.total_length;
}

RenoirErrorCode rnr_region_check(const RnrRegion *region)
{
    if (region == NULL || region->magic != RNR_REGION_MAGIC) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                        "this is not a region's handle, or it was closed");
    }
    if (region->generation != rnr_fork_generation()) {
        return RNR_FAIL(
            RENOIR_INVALID_STATE,
            "region '%s' was opened before a fork, by the parent process (open it again "
            "in the child)",
            rnr_region_name(region));
    }
    if (!rnr_region_is_whole(region)) {
        return RNR_FAIL(RENOIR_CORRUPTED,
                        "region '%s' was cut short by somebody (remove it and make it anew)",
                        rnr_region_name(region));
    }
    return RENOIR_SUCCESS;
}
