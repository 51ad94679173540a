// SPDX-License-Identifier: MIT OR Apache-2.0
// api/region_api.c: regions at the border.

#include <string.h>

#include "api/handles.h"
#include "base/bits.h"
#include "base/config.h"
#include "base/memory.h"
#include "base/text.h"
#include "memory/directory.h"
#include "memory/object.h"
#include "memory/region_internal.h"
#include "memory/region_open.h"
#include "memory/region_view.h"
#include "platform/map.h"
#include "renoir/region.h"

enum { OBJECTS_MAX = 65536, BLOCK_ALIGNMENT = 64, PATH_SIZE = 3328 };

static const uint32_t KNOWN_FLAGS = RENOIR_REGION_EXCLUSIVE | RENOIR_REGION_PERSISTENT |
                                    RENOIR_REGION_READ_ONLY | RENOIR_REGION_HUGE_PAGES |
                                    RENOIR_REGION_PREFAULT | RENOIR_REGION_LOCKED;

static RenoirErrorCode import_options(const RenoirRegionOptions *options, RnrRegionTerms *out_terms)
{
    RenoirRegionOptions ours;
    RenoirErrorCode status =
        rnr_config_import(&ours, sizeof ours, sizeof ours, options, "RenoirRegionOptions");
    if (status == RENOIR_SUCCESS) {
        status = rnr_config_check_flags(ours.flags, KNOWN_FLAGS, "RenoirRegionOptions.flags");
    }
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    if (ours.numa_policy > RENOIR_NUMA_INTERLEAVE) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                        "RenoirRegionOptions.numa_policy %u is none (use RENOIR_NUMA_*)",
                        ours.numa_policy);
    }
    if (ours.max_objects > OBJECTS_MAX) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                        "RenoirRegionOptions.max_objects %u is more than %d", ours.max_objects,
                        OBJECTS_MAX);
    }
    memset(out_terms, 0, sizeof *out_terms);
    out_terms->flags = ours.flags;
    out_terms->numa_policy = ours.numa_policy;
    out_terms->numa_nodes = ours.numa_nodes;
    out_terms->max_objects = ours.max_objects;
    return RENOIR_SUCCESS;
}

// What every call that joins begins with.
static RenoirErrorCode begin(RenoirManagerHandle manager,
                             const RenoirRegionOptions *options,
                             RnrManager **out_manager,
                             RnrRegionTerms *out_terms)
{
    rnr_error_clear(); // a note may follow a success
    const RenoirErrorCode status = import_options(options, out_terms);
    return status == RENOIR_SUCCESS ? rnr_api_manager(manager, out_manager) : status;
}

RenoirErrorCode renoir_region_create(RenoirManagerHandle manager,
                                     const RenoirRegionConfig *config,
                                     RenoirRegionHandle *out_region)
{
    return renoir_region_create_with(manager, config, NULL, out_region);
}

RenoirErrorCode renoir_region_create_with(RenoirManagerHandle manager,
                                          const RenoirRegionConfig *config,
                                          const RenoirRegionOptions *options,
                                          RenoirRegionHandle *out_region)
{
    RnrManager *ours = NULL;
    RnrRegionTerms terms;
    char path[PATH_SIZE];
    RNR_REQUIRE(out_region);
    *out_region = NULL;
    RNR_REQUIRE(config);
    RNR_REQUIRE(config->name);
    RenoirRegionConfig wanted = *config;
    RenoirErrorCode status = begin(manager, options, &ours, &terms);
    if (status == RENOIR_SUCCESS && config->file_path != NULL) {
        status = rnr_path_make_absolute(config->file_path, path, sizeof path);
        wanted.file_path = path;
    }
    return status == RENOIR_SUCCESS ? rnr_region_create(ours, &wanted, &terms, out_region) : status;
}

RenoirErrorCode renoir_region_open(RenoirManagerHandle manager,
                                   const char *name,
                                   const RenoirRegionOptions *options,
                                   RenoirRegionHandle *out_region)
{
    RnrManager *ours = NULL;
    RnrRegionTerms terms;
    RNR_REQUIRE(out_region);
    *out_region = NULL;
    RNR_REQUIRE(name);
    const RenoirErrorCode status = begin(manager, options, &ours, &terms);
    return status == RENOIR_SUCCESS ? rnr_region_open(ours, name, &terms, out_region) : status;
}

RenoirErrorCode renoir_region_open_fd(RenoirManagerHandle manager,
                                      int fd,
                                      const RenoirRegionOptions *options,
                                      RenoirRegionHandle *out_region)
{
    RnrManager *ours = NULL;
    RnrRegionTerms terms;
    RNR_REQUIRE(out_region);
    *out_region = NULL;
    const RenoirErrorCode status = begin(manager, options, &ours, &terms);
    return status == RENOIR_SUCCESS ? rnr_region_open_fd(ours, fd, &terms, out_region) : status;
}

RenoirErrorCode renoir_region_send(RenoirRegionHandle region, int socket)
{
    const RenoirErrorCode status = rnr_region_check(region);
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    const int fd = rnr_region_descriptor(region);
    return fd < 0 ? RENOIR_INVALID_STATE : rnr_descriptor_send(socket, fd);
}

RenoirErrorCode renoir_region_receive(RenoirManagerHandle manager,
                                      int socket,
                                      const RenoirRegionOptions *options,
                                      RenoirRegionHandle *out_region)
{
    int fd = -1;
    RNR_REQUIRE(out_region);
    *out_region = NULL;
    RenoirErrorCode status = rnr_descriptor_receive(socket, &fd);
    if (status == RENOIR_SUCCESS) {
        status = renoir_region_open_fd(manager, fd, options, out_region);
        rnr_file_close(fd);
    }
    return status;
}

void renoir_region_close(RenoirRegionHandle region)
{
    if (region != NULL && region->magic == RNR_REGION_MAGIC) {
        rnr_region_close(region);
    }
}

RenoirErrorCode renoir_region_destroy(RenoirRegionHandle region)
{
    if (region == NULL) {
        return RENOIR_SUCCESS;
    }
    const RenoirErrorCode status = rnr_region_check(region);
    if (status != RENOIR_SUCCESS && status != RENOIR_CORRUPTED) {
        return status;
    }
    return rnr_region_destroy(region);
}

RenoirErrorCode renoir_region_remove(RenoirManagerHandle manager, const char *name)
{
    RnrManager *ours = NULL;
    RNR_REQUIRE(name);
    const RenoirErrorCode status = rnr_api_manager(manager, &ours);
    return status == RENOIR_SUCCESS ? rnr_region_remove(ours, name) : status;
}

int renoir_region_fd(RenoirRegionHandle region)
{
    return rnr_region_check(region) == RENOIR_SUCCESS ? rnr_region_descriptor(region) : -1;
}

RenoirErrorCode renoir_region_info(RenoirRegionHandle region,
                                   const char **out_name,
                                   size_t *out_size,
                                   uint32_t *out_backing_type)
{
    const RenoirErrorCode status = rnr_region_check(region);
    const bool is_known = status == RENOIR_SUCCESS;
    if (out_name != NULL) {
        *out_name = is_known ? rnr_region_name(region) : NULL;
    }
    if (out_size != NULL) {
        *out_size = is_known ? (size_t)region->geometry.size_bytes : 0;
    }
    if (out_backing_type != NULL) {
        *out_backing_type = is_known ? region->geometry.backing_type : 0;
    }
    return status;
}

RenoirErrorCode renoir_region_describe(RenoirRegionHandle region, RenoirRegionInfo *out_info)
{
    RNR_REQUIRE(out_info);
    memset(out_info, 0, sizeof *out_info);
    RenoirErrorCode status = rnr_region_check(region);
    const int fd = status == RENOIR_SUCCESS ? rnr_region_descriptor(region) : -1;
    if (status == RENOIR_SUCCESS) {
        status = fd < 0 ? RENOIR_INVALID_STATE : rnr_region_view(fd, &region->site, out_info);
    }
    if (status == RENOIR_SUCCESS) {
        out_info->flags |= region->flags & ~(uint32_t)RENOIR_REGION_EXCLUSIVE;
    }
    return status;
}

const char *renoir_region_path(RenoirRegionHandle region)
{
    return rnr_region_check(region) == RENOIR_SUCCESS ? region->site.path : NULL;
}

RenoirErrorCode renoir_region_get_ptr(RenoirRegionHandle region, void **out_ptr, size_t *out_size)
{
    const RenoirErrorCode status = rnr_region_check(region);
    const bool is_known = status == RENOIR_SUCCESS;
    if (out_ptr != NULL) {
        *out_ptr = is_known ? region->base + region->geometry.data_offset : NULL;
    }
    if (out_size != NULL) {
        *out_size = is_known ? (size_t)region->geometry.size_bytes : 0;
    }
    return status;
}

// A block counts as open until its region is closed, however often it was asked for.
static RenoirErrorCode remember_block(RnrRegion *region, RnrBlock *block)
{
    (void)pthread_mutex_lock(&region->blocks_mutex);
    const RnrBlock *known = region->blocks;
    while (known != NULL && known->object.number != block->object.number) {
        known = known->next;
    }
    if (known == NULL) {
        block->next = region->blocks;
        region->blocks = block;
        // the region keeps the block, so the block must not keep the region
        rnr_region_release(region);
    }
    (void)pthread_mutex_unlock(&region->blocks_mutex);
    if (known != NULL) {
        rnr_object_close(&block->object);
        rnr_free(block);
    }
    return RENOIR_SUCCESS;
}

static RenoirErrorCode
open_block(RnrRegion *region, const RnrObjectSpec *spec, void **out_memory, bool *out_created)
{
    RnrBlock *block = rnr_new(RnrBlock);
    if (block == NULL) {
        return RNR_FAIL(RENOIR_OUT_OF_MEMORY, "cannot open block '%s': no memory", spec->name);
    }
    const RenoirErrorCode status = rnr_object_open(region, spec, &block->object);
    if (status != RENOIR_SUCCESS) {
        rnr_free(block);
        return status;
    }
    *out_memory = block->object.memory;
    if (out_created != NULL) {
        *out_created = block->object.is_created;
    }
    return remember_block(region, block);
}

RenoirErrorCode renoir_region_block(RenoirRegionHandle region,
                                    const char *name,
                                    size_t size,
                                    size_t alignment,
                                    void **out_memory,
                                    bool *out_created)
{
    RNR_REQUIRE(out_memory);
    *out_memory = NULL;
    if (out_created != NULL) {
        *out_created = false;
    }
    RNR_REQUIRE(name);
    const RenoirErrorCode status = rnr_region_check(region);
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    if (size == 0) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER, "block '%s' of 0 bytes (ask for at least 1)",
                        name);
    }
    if (alignment > rnr_page_size() || (alignment != 0 && !rnr_is_power_of_two(alignment))) {
        return RNR_FAIL(
            RENOIR_ALIGNMENT_ERROR,
            "alignment %zu of block '%s' is not a power of two up to %zu, the page size", alignment,
            name, rnr_page_size());
    }
    const RnrObjectSpec spec = {.name = name,
                                .kind = RNR_OBJECT_BLOCK,
                                .alignment = alignment == 0 ? BLOCK_ALIGNMENT : (uint32_t)alignment,
                                .size_bytes = size};
    return open_block(region, &spec, out_memory, out_created);
}

RenoirErrorCode
renoir_region_offset(RenoirRegionHandle region, const void *pointer, uint64_t *out_offset)
{
    RNR_REQUIRE(out_offset);
    *out_offset = 0;
    const RenoirErrorCode status = rnr_region_check(region);
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    const uintptr_t data = (uintptr_t)(region->base + region->geometry.data_offset);
    const uintptr_t address = (uintptr_t)pointer;
    if (address < data || address - data >= region->geometry.size_bytes) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER, "the pointer lies outside region '%s'",
                        rnr_region_name(region));
    }
    *out_offset = address - data;
    return RENOIR_SUCCESS;
}

RenoirErrorCode
renoir_region_pointer(RenoirRegionHandle region, uint64_t offset, size_t length, void **out_pointer)
{
    RNR_REQUIRE(out_pointer);
    *out_pointer = NULL;
    const RenoirErrorCode status = rnr_region_check(region);
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    if (!rnr_range_is_within(offset, length, region->geometry.size_bytes)) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                        "%zu bytes at offset %llu lie outside region '%s' of %llu bytes", length,
                        (unsigned long long)offset, rnr_region_name(region),
                        (unsigned long long)region->geometry.size_bytes);
    }
    *out_pointer = region->base + region->geometry.data_offset + offset;
    return RENOIR_SUCCESS;
}

RenoirErrorCode renoir_region_flush(RenoirRegionHandle region)
{
    const RenoirErrorCode status = rnr_region_check(region);
    if (status != RENOIR_SUCCESS || region->geometry.backing_type != RENOIR_BACKING_FILE) {
        return status;
    }
    return rnr_map_flush(region->base, region->geometry.total_length);
}

RenoirErrorCode renoir_region_stats(RenoirRegionHandle region, RenoirRegionStats *out_stats)
{
    RNR_REQUIRE(out_stats);
    memset(out_stats, 0, sizeof *out_stats);
    const RenoirErrorCode status = rnr_region_check(region);
    return status == RENOIR_SUCCESS ? rnr_directory_stats(region, out_stats) : status;
}

static void fill_object_info(const RnrRegion *region, const RnrEntry *entry, RenoirObjectInfo *info)
{
    memset(info, 0, sizeof *info);
    (void)rnr_text_copy(info->name, sizeof info->name, entry->name);
    (void)rnr_text_copy(info->kind, sizeof info->kind, rnr_object_kind_name(entry->kind));
    info->offset = entry->offset - region->geometry.data_offset;
    info->size_bytes = entry->size_bytes;
}

RenoirErrorCode renoir_region_objects(RenoirRegionHandle region,
                                      RenoirObjectInfo *infos,
                                      size_t capacity,
                                      size_t *out_count)
{
    size_t count = 0;
    RNR_REQUIRE(out_count);
    *out_count = 0;
    RenoirErrorCode status = rnr_region_check(region);
    const uint32_t entries = status == RENOIR_SUCCESS ? region->geometry.max_objects : 0;
    for (uint32_t i = 0; status == RENOIR_SUCCESS && i < entries; ++i) {
        RnrEntry entry;
        if (rnr_directory_read(region, i, &entry, &status)) {
            if (infos != NULL && count < capacity) {
                fill_object_info(region, &entry, &infos[count]);
            }
            count += 1;
        }
    }
    *out_count = status == RENOIR_SUCCESS ? count : 0;
    return status;
}

// This handle's block of that name, not in use by it any more; NULL if it has none.
static RnrBlock *take_block(RnrRegion *region, const char *name)
{
    RnrBlock *found = NULL;
    (void)pthread_mutex_lock(&region->blocks_mutex);
    for (RnrBlock **link = &region->blocks; *link != NULL; link = &(*link)->next) {
        if (strcmp((*link)->object.name, name) == 0) {
            found = *link;
            *link = found->next;
            break;
        }
    }
    (void)pthread_mutex_unlock(&region->blocks_mutex);
    if (found != NULL) {
        rnr_region_retain(region); // given back by closing
        rnr_object_close(&found->object);
    }
    return found;
}

// It was not removed: the caller's pointer to it stays good, so it counts as in use again.
static void put_block_back(RnrRegion *region, RnrBlock *block)
{
    const uint64_t number = block->object.number;
    const RnrObjectSpec spec = {.name = block->object.name,
                                .kind = RNR_OBJECT_BLOCK,
                                .size_bytes = block->object.size_bytes,
                                .find_only = true};
    RnrObject object;
    if (rnr_object_open(region, &spec, &object) != RENOIR_SUCCESS) {
        rnr_free(block); // somebody else removed it meanwhile, as the caller wished
        return;
    }
    if (object.number != number) {
        rnr_object_close(&object);
        rnr_free(block);
        return;
    }
    block->object = object;
    (void)remember_block(region, block);
}

RenoirErrorCode renoir_region_remove_object(RenoirRegionHandle region, const char *name)
{
    RNR_REQUIRE(name);
    RenoirErrorCode status = rnr_region_check(region);
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    RnrBlock *own = take_block(region, name); // what only this handle has open is not in use
    status = rnr_object_remove(region, name);
    if (own != NULL && (status == RENOIR_SUCCESS || status == RENOIR_NOT_FOUND)) {
        rnr_free(own);
    } else if (own != NULL) {
        put_block_back(region, own);
    }
    return status;
}

typedef struct RegionList {
    RenoirRegionInfo *infos;
    size_t capacity, count;
} RegionList;

static bool add_region(const RnrSite *site, int fd, const RenoirRegionInfo *info, void *context)
{
    RegionList *list = context;
    (void)site;
    (void)fd;
    if (list->count < list->capacity) {
        list->infos[list->count] = *info;
    }
    list->count += 1;
    return true;
}

RenoirErrorCode renoir_region_list(RenoirManagerHandle manager,
                                   RenoirRegionInfo *infos,
                                   size_t capacity,
                                   size_t *out_count)
{
    RnrManager *ours = NULL;
    RegionList list = {.infos = infos, .capacity = infos == NULL ? 0 : capacity};
    RNR_REQUIRE(out_count);
    *out_count = 0;
    RenoirErrorCode status = rnr_api_manager(manager, &ours);
    if (status == RENOIR_SUCCESS) {
        status = rnr_region_visit(rnr_manager_node(ours), add_region, &list);
    }
    *out_count = status == RENOIR_SUCCESS ? list.count : 0;
    return status;
}
