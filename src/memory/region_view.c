// SPDX-License-Identifier: MIT OR Apache-2.0
// memory/region_view.c: regions seen from outside, and what the dead left of them. Files are read,
// never mapped.

#include "memory/region_view.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "memory/region_open.h"
#include "node/registry.h"
#include "renoir/region.h"

void rnr_region_visit_users(int fd,
                            void (*visit)(uint64_t node_id, uint64_t since_ns, void *context),
                            void *context)
{
    for (unsigned i = 0; i < RNR_PLACE_COUNT; ++i) {
        RnrPlaceShm place;
        if (!rnr_lock_is_held(fd, RNR_LOCK_PLACES + i) ||
            !rnr_file_read(fd, RNR_REGION_PLACES_OFFSET + i * sizeof place, &place, sizeof place)) {
            continue;
        }
        // [hint: relaxed] a private copy; for people
        visit(rnr_load_relaxed_u64(&place.node_id), place.since_ns, context);
    }
}

typedef struct UserCount {
    uint64_t node_id[RNR_PLACE_COUNT];
    uint32_t count;
} UserCount;

static void count_user(uint64_t node_id, uint64_t since_ns, void *context)
{
    UserCount *users = context;
    (void)since_ns;
    for (uint32_t i = 0; node_id != 0 && i < users->count; ++i) {
        if (users->node_id[i] == node_id) {
            return; // a process that has it open twice
        }
    }
    users->node_id[users->count++] = node_id;
}

uint32_t rnr_region_count_users(int fd)
{
    UserCount users;
    memset(&users, 0, sizeof users);
    rnr_region_visit_users(fd, count_user, &users);
    return users.count;
}

uint32_t rnr_region_count_objects(int fd, const RnrRegionGeometry *geometry)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < geometry->max_objects; ++i) {
        RnrEntryShm entry;
        if (!rnr_file_read(fd, RNR_REGION_ENTRIES_OFFSET + i * sizeof entry, &entry,
                           sizeof entry)) {
            break;
        }
        // [hint: relaxed] a private copy; a snapshot
        count += rnr_load_relaxed_u64(&entry.state) != 0 ? 1 : 0;
    }
    return count;
}

RenoirErrorCode rnr_region_view(int fd, const RnrSite *site, RenoirRegionInfo *out_info)
{
    char what[320];
    RnrRegionGeometry geometry;
    memset(out_info, 0, sizeof *out_info);
    rnr_region_title(site, what, sizeof what);
    const RenoirErrorCode status = rnr_region_read_geometry(fd, what, &geometry);
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    (void)rnr_text_copy(out_info->name, sizeof out_info->name,
                        site->name[0] != '\0' ? site->name : geometry.name);
    out_info->size_bytes = geometry.size_bytes;
    out_info->created_ns = geometry.created_ns;
    out_info->backing_type = geometry.backing_type;
    out_info->flags = rnr_site_is_kept(fd) ? RENOIR_REGION_PERSISTENT : 0;
    out_info->object_count = rnr_region_count_objects(fd, &geometry);
    out_info->process_count = rnr_region_count_users(fd);
    return RENOIR_SUCCESS;
}

typedef struct RegionWalk {
    int folder;
    bool (*visit)(const RnrSite *site, int fd, const RenoirRegionInfo *info, void *context);
    void *context;
} RegionWalk;

static bool visit_entry(const char *name, void *context)
{
    const RegionWalk *walk = context;
    RenoirRegionInfo info;
    RnrSite site;
    int fd = -1;
    bool goes_on = true;
    if (name[0] == '.' ||
        rnr_site_find_entry(walk->folder, name, false, &site, &fd) != RENOIR_SUCCESS) {
        return true;
    }
    if (rnr_region_view(fd, &site, &info) == RENOIR_SUCCESS) {
        goes_on = walk->visit(&site, fd, &info, walk->context);
    }
    rnr_file_close(fd);
    rnr_site_close(&site);
    return goes_on;
}

RenoirErrorCode rnr_region_visit(
    const RnrNode *node,
    bool (*visit)(const RnrSite *site, int fd, const RenoirRegionInfo *info, void *context),
    void *context)
{
    RegionWalk walk = {.folder = -1, .visit = visit, .context = context};
    RenoirErrorCode status = rnr_node_open_folder(node, "regions", &walk.folder);
    if (status == RENOIR_SUCCESS) {
        status = rnr_directory_visit(walk.folder, visit_entry, &walk);
    }
    rnr_file_close(walk.folder);
    return status;
}

RenoirErrorCode rnr_region_remove(RnrManager *manager, const char *name)
{
    RnrSite site;
    RnrFileHeaderShm header;
    int fd = -1;
    RenoirErrorCode status = rnr_site_find(rnr_manager_node(manager), name, false, &site, &fd);
    if (status == RENOIR_NOT_FOUND) {
        return RNR_FAIL(RENOIR_REGION_NOT_FOUND, "cannot remove region '%s': there is none", name);
    }
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    memset(&header, 0, sizeof header);
    (void)rnr_file_read(fd, 0, &header, sizeof header);
    if (site.name[0] == '\0' &&
        (header.magic != RNR_FILE_MAGIC || header.kind != RNR_FILE_REGION)) {
        status =
            RNR_FAIL(RENOIR_CORRUPTED,
                     "cannot remove '%s': it is not a region's file (remove it yourself)", name);
    } else if (!rnr_site_remove(&site, fd, header.file_id, false)) {
        status =
            RNR_FAIL(RENOIR_PERMISSION_DENIED,
                     "cannot remove region '%s': its file is another user's, or somebody is in "
                     "the middle of removing it",
                     name);
    }
    rnr_file_close(fd);
    rnr_site_close(&site);
    return status;
}

typedef struct RegionSweep {
    int folder;
    RenoirReapReport *report;
} RegionSweep;

// A file that was never finished: its maker holds its use byte or is dead.
static void sweep_unfinished(const RegionSweep *sweep, const char *name)
{
    RnrFileFacts facts;
    int fd = -1;
    if (strncmp(name, RNR_TEMPORARY_PREFIX, strlen(RNR_TEMPORARY_PREFIX)) != 0 ||
        rnr_file_open(sweep->folder, name, false, &fd) != RENOIR_SUCCESS) {
        return;
    }
    if (rnr_file_facts(fd, &facts) == RENOIR_SUCCESS &&
        rnr_registry_remove_unused(sweep->folder, name, fd, NULL) == RNR_REMOVED) {
        sweep->report->object_count += 1;
        sweep->report->bytes += facts.size_bytes;
    }
    rnr_file_close(fd);
}

static bool sweep_entry(const char *name, void *context)
{
    const RegionSweep *sweep = context;
    RnrFileHeaderShm header;
    RnrFileFacts facts;
    RnrSite site;
    int fd = -1;
    if (name[0] == '.') {
        sweep_unfinished(sweep, name);
        return true;
    }
    if (rnr_site_find_entry(sweep->folder, name, false, &site, &fd) != RENOIR_SUCCESS) {
        return true;
    }
    const bool is_region = rnr_file_read(fd, 0, &header, sizeof header) &&
                           header.magic == RNR_FILE_MAGIC && header.kind == RNR_FILE_REGION;
    if (is_region && site.backing_type != RENOIR_BACKING_MEMFD &&
        rnr_file_facts(fd, &facts) == RENOIR_SUCCESS &&
        rnr_site_remove(&site, fd, header.file_id, true)) {
        rnr_log(RENOIR_LOG_INFO, "removed region '%s', which nobody used any more", site.name);
        sweep->report->object_count += 1;
        sweep->report->bytes += facts.size_bytes;
    }
    rnr_file_close(fd);
    rnr_site_close(&site);
    return true;
}

RenoirErrorCode rnr_region_reap(RnrNode *node, RenoirReapReport *report)
{
    RegionSweep sweep = {.folder = -1, .report = report};
    RenoirErrorCode status = rnr_node_open_folder(node, "regions", &sweep.folder);
    if (status == RENOIR_SUCCESS) {
        status = rnr_directory_visit(sweep.folder, sweep_entry, &sweep);
    }
    rnr_file_close(sweep.folder);
    return status;
}
