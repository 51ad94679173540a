// SPDX-License-Identifier: MIT OR Apache-2.0
// memory/region_open.c: making a region or joining the one that is there. Whoever loses a race
// joins the winner; whoever finds a file that was just removed looks again.

#include "memory/region_open.h"

#include <string.h>

#include "base/bits.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/text.h"
#include "node/registry.h"
#include "platform/map.h"

enum { ATTEMPTS = 64, MODE_DEFAULT = 0600, MODE_OTHERS_WRITE = 0022, OBJECTS_DEFAULT = 256 };

static const uint64_t SIZE_LIMIT = UINT64_C(1) << 48;

static RenoirErrorCode check_config(const RenoirRegionConfig *config, const RnrRegionTerms *terms)
{
    const char *name = config->name == NULL ? "" : config->name;
    if (config->backing_type > RENOIR_BACKING_POSIX_SHM) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                        "cannot create region '%s': backing_type %u is none (use RENOIR_BACKING_*)",
                        name, config->backing_type);
    }
    if (config->file_path != NULL && config->backing_type != RENOIR_BACKING_FILE) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                        "cannot create region '%s': file_path goes with RENOIR_BACKING_FILE only",
                        name);
    }
    if ((config->create && config->size == 0) || config->size > SIZE_LIMIT) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                        "cannot create region '%s': size %llu is not from 1 to 2^48 bytes", name,
                        (unsigned long long)config->size);
    }
    const uint32_t mode = config->permissions == 0 ? MODE_DEFAULT : config->permissions;
    if ((mode & ~0755u) != 0 || (mode & MODE_OTHERS_WRITE) != 0 ||
        (mode & MODE_DEFAULT) != MODE_DEFAULT) { // even its owner could not lock it to remove it
        return RNR_FAIL(
            RENOIR_INVALID_PARAMETER,
            "cannot create region '%s': permissions %04o (only the owner may write; use "
            "0600 or 0644)",
            name, config->permissions);
    }
    if (config->backing_type == RENOIR_BACKING_MEMFD &&
        (terms->flags & RENOIR_REGION_PERSISTENT) != 0) {
        return RNR_FAIL(RENOIR_UNSUPPORTED,
                        "cannot create region '%s': a memfd goes with its last user (use another "
                        "backing with RENOIR_REGION_PERSISTENT)",
                        name);
    }
    return RENOIR_SUCCESS;
}

// The header of a new region, and its file's length.
static RenoirErrorCode plan_header(const RnrManager *manager,
                                   const RenoirRegionConfig *config,
                                   const RnrRegionTerms *terms,
                                   const RnrSite *site,
                                   RnrRegionShm *shm)
{
    const bool is_kept = (terms->flags & RENOIR_REGION_PERSISTENT) != 0 ||
                         (site->backing_type == RENOIR_BACKING_FILE &&
                          (site->is_referenced || site->name[0] == '\0'));
    const bool is_huge = (terms->flags & RENOIR_REGION_HUGE_PAGES) != 0;
    const uint64_t unit = is_huge ? rnr_huge_page_size() : rnr_page_size();
    uint64_t total = 0;
    memset(shm, 0, sizeof *shm);
    shm->max_objects = terms->max_objects == 0 ? OBJECTS_DEFAULT : terms->max_objects;
    (void)rnr_round_up(RNR_REGION_ENTRIES_OFFSET + shm->max_objects * sizeof(RnrEntryShm),
                       rnr_page_size(), &shm->data_offset);
    (void)rnr_round_up(config->size, rnr_page_size(), &shm->size_bytes);
    (void)rnr_round_up(shm->data_offset + shm->size_bytes, unit, &total);
    if (total > SIZE_MAX) { // before any of it is taken from the file system
        return RNR_FAIL(
            RENOIR_UNSUPPORTED,
            "cannot create region '%s': %llu bytes are more than this processor can map",
            config->name == NULL ? "" : config->name, (unsigned long long)total);
    }
    shm->backing_type = site->backing_type;
    // [own: relaxed] The file has no name yet.
    rnr_store_relaxed_u32(&shm->flags, is_kept ? RENOIR_REGION_PERSISTENT : 0);
    (void)rnr_text_copy(shm->name, sizeof shm->name, site->name);
    return rnr_registry_make_header(&shm->header, RNR_FILE_REGION, total,
                                    rnr_node_id(rnr_manager_node(manager)));
}

// Through a mapping where write(2) is not there: on huge pages.
static RenoirErrorCode write_header(int fd, const RnrRegionShm *shm, const char *what)
{
    RnrAtomicU32 is_lost = {0};
    void *base = NULL;
    if (rnr_file_write(fd, 0, shm, sizeof *shm)) {
        return RENOIR_SUCCESS;
    }
    if (rnr_map(fd, shm->header.total_length, true, &is_lost, &base) != RENOIR_SUCCESS) {
        return RNR_FAIL(RENOIR_IO_ERROR, "cannot write the header of %s", what);
    }
    memcpy(base, shm, sizeof *shm);
    rnr_unmap(base, shm->header.total_length);
    return RENOIR_SUCCESS;
}

static RenoirErrorCode make_file(const RenoirRegionConfig *config,
                                 const RnrRegionTerms *terms,
                                 const RnrSite *site,
                                 RnrRegionShm *shm,
                                 RnrNewFile *file,
                                 bool *out_is_huge)
{
    char what[320];
    const uint32_t mode = config->permissions == 0 ? MODE_DEFAULT : config->permissions;
    RenoirErrorCode status;
    rnr_region_title(site, what, sizeof what);
    memset(file, 0, sizeof *file);
    file->fd = -1;
    if (site->backing_type == RENOIR_BACKING_MEMFD) {
        *out_is_huge = (terms->flags & RENOIR_REGION_HUGE_PAGES) != 0;
        status = rnr_memfd_create(site->name, shm->header.total_length, out_is_huge, &file->fd);
    } else {
        status = rnr_file_create(site->directory, mode, file);
        if (status == RENOIR_SUCCESS) {
            status = rnr_file_reserve(file->fd, shm->header.total_length, what);
        }
    }
    RNR_FAULT_POINT("region.reserved");
    if (status == RENOIR_SUCCESS) {
        status = write_header(file->fd, shm, what);
    }
    if (status == RENOIR_SUCCESS && site->backing_type == RENOIR_BACKING_MEMFD) {
        status = rnr_memfd_seal(file->fd);
    }
    return status;
}

// Gives a whole region its names. EXISTS without a record: somebody was first.
static RenoirErrorCode publish(RnrRegion *region, const RnrSite *site, RnrNewFile *file)
{
    RenoirErrorCode status = RENOIR_SUCCESS;
    RNR_FAULT_POINT("region.publish");
    if (site->directory >= 0) {
        status = rnr_file_publish(site->directory, file, site->file);
    }
    RNR_FAULT_POINT("region.published");
    if (status == RENOIR_SUCCESS && site->is_referenced) {
        status = rnr_site_refer(region->node, site, region->geometry.file_id, file->fd);
        if (status != RENOIR_SUCCESS && site->directory >= 0) {
            (void)rnr_registry_remove(site->directory, site->file, file->fd);
        }
        if (status == RENOIR_REGION_EXISTS && site->backing_type == RENOIR_BACKING_MEMFD) {
            status = RENOIR_EXISTS;
        }
    }
    return status;
}

// EXISTS without a record: somebody was first.
static RenoirErrorCode make_region(RnrManager *manager,
                                   const RenoirRegionConfig *config,
                                   const RnrRegionTerms *terms,
                                   const RnrSite *site,
                                   RnrRegion **out_region)
{
    RnrRegionShm shm;
    RnrNewFile file;
    RnrRegionTerms mapping = *terms;
    bool is_huge = false;
    RenoirErrorCode status = plan_header(manager, config, terms, site, &shm);
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    status = make_file(config, terms, site, &shm, &file, &is_huge);
    if (is_huge) { // its pages are huge already
        mapping.flags &= ~(uint32_t)RENOIR_REGION_HUGE_PAGES;
    }
    if (status == RENOIR_SUCCESS) {
        status = rnr_region_attach(manager, &mapping, true, site, file.fd, out_region);
        if (status == RENOIR_SUCCESS) {
            (*out_region)->is_creator = true;
            (*out_region)->flags |= is_huge ? RENOIR_REGION_HUGE_PAGES : 0;
            status = publish(*out_region, site, &file);
            if (status == RENOIR_SUCCESS) {
                return status; // the region has the descriptor
            }
            rnr_region_detach(*out_region);
            *out_region = NULL;
        }
    }
    rnr_file_discard(site->directory, &file);
    return status;
}

static RenoirErrorCode not_found(const char *name)
{
    return RNR_FAIL(RENOIR_REGION_NOT_FOUND,
                    "cannot open region '%s': there is none (create it, or look with renoir-cli "
                    "region list)",
                    name);
}

// A region goes with its last user. True: all who had this one open are dead, and it is gone now.
static bool remove_if_forsaken(const RnrSite *site, int fd)
{
    RnrFileHeaderShm header;
    return site->directory >= 0 && !rnr_site_is_kept(fd) &&
           rnr_file_read(fd, 0, &header, sizeof header) && header.magic == RNR_FILE_MAGIC &&
           header.kind == RNR_FILE_REGION && rnr_site_remove(site, fd, header.file_id, true);
}

// REGION_NOT_FOUND without a record: there is none.
static RenoirErrorCode find_region(RnrManager *manager,
                                   const char *name,
                                   const RnrRegionTerms *terms,
                                   RnrRegion **out_region)
{
    RnrSite site;
    int fd = -1;
    const bool is_writable = (terms->flags & RENOIR_REGION_READ_ONLY) == 0;
    for (int attempt = 0; attempt < ATTEMPTS; ++attempt) {
        RenoirErrorCode status =
            rnr_site_find(rnr_manager_node(manager), name, is_writable, &site, &fd);
        if (status == RENOIR_NOT_FOUND) {
            return RENOIR_REGION_NOT_FOUND;
        }
        if (status != RENOIR_SUCCESS) {
            return status;
        }
        status = remove_if_forsaken(&site, fd)
                     ? RENOIR_NOT_FOUND
                     : rnr_region_attach(manager, terms, false, &site, fd, out_region);
        rnr_site_close(&site);
        if (status == RENOIR_SUCCESS) {
            return status;
        }
        rnr_file_close(fd);
        if (status != RENOIR_NOT_FOUND) {
            return status;
        }
    }
    return RNR_FAIL(RENOIR_CONCURRENCY_ERROR,
                    "cannot open region '%s': it is made and removed all the time", name);
}

static RenoirErrorCode
check_joined(const RnrRegion *region, const RenoirRegionConfig *config, const RnrRegionTerms *terms)
{
    const RnrRegionGeometry *there = &region->geometry;
    if ((terms->flags & RENOIR_REGION_EXCLUSIVE) != 0) {
        return RNR_FAIL(RENOIR_REGION_EXISTS,
                        "cannot create region '%s': it exists (open it, or remove it)",
                        config->name);
    }
    if (there->backing_type != config->backing_type) {
        return RNR_FAIL(
            RENOIR_REGION_EXISTS,
            "cannot create region '%s': it exists with backing type %u, asked for was %u "
            "(use that one, or another name)",
            config->name, there->backing_type, config->backing_type);
    }
    if (config->file_path != NULL && strcmp(config->file_path, region->site.path) != 0) {
        return RNR_FAIL(RENOIR_REGION_EXISTS,
                        "cannot create region '%s' at '%s': it exists at '%s' (use that path, or "
                        "another name)",
                        config->name, config->file_path, region->site.path);
    }
    if (config->create && config->size > there->size_bytes) {
        return RNR_FAIL(RENOIR_REGION_EXISTS,
                        "cannot create region '%s': it exists with %llu bytes, asked for were %llu "
                        "(remove it, or ask for less)",
                        config->name, (unsigned long long)there->size_bytes,
                        (unsigned long long)config->size);
    }
    uint64_t rounded = 0;
    (void)rnr_round_up(config->size, rnr_page_size(), &rounded);
    if (!config->create && config->size != 0 && rounded != there->size_bytes) {
        return RNR_FAIL(
            RENOIR_INVALID_PARAMETER,
            "cannot open region '%s': it has %llu bytes, asked for were %llu (use size 0 "
            "for any)",
            config->name, (unsigned long long)there->size_bytes, (unsigned long long)config->size);
    }
    return RENOIR_SUCCESS;
}

// Who asks for a region to be kept gets it kept, whoever made it.
static void keep(RnrRegion *region, const RnrRegionTerms *terms)
{
    if ((terms->flags & RENOIR_REGION_PERSISTENT) != 0 && !region->is_read_only &&
        region->geometry.backing_type != RENOIR_BACKING_MEMFD) {
        // [own: relaxed] Before we give our use byte back: whoever then has it exclusively sees it,
        // by the kernel's lock.
        (void)rnr_fetch_or_relaxed_u32(&region->shm->flags, RENOIR_REGION_PERSISTENT);
    }
}

static RenoirErrorCode join(RnrManager *manager,
                            const RenoirRegionConfig *config,
                            const RnrRegionTerms *terms,
                            RnrRegion **out_region)
{
    RenoirErrorCode status = find_region(manager, config->name, terms, out_region);
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    status = check_joined(*out_region, config, terms);
    if (status != RENOIR_SUCCESS) {
        rnr_region_close(*out_region);
        *out_region = NULL;
        return status;
    }
    keep(*out_region, terms);
    return RENOIR_SUCCESS;
}

// The region's file is there, but nothing refers to it: its maker died in between, or it is known
// under another root. Joined by its path, and referred to.
static RenoirErrorCode adopt_file(RnrManager *manager, const RnrSite *site)
{
    char what[320];
    RnrRegionGeometry geometry;
    int fd = -1;
    RenoirErrorCode status = rnr_file_open(site->directory, site->file, false, &fd);
    if (status != RENOIR_SUCCESS) {
        return status == RENOIR_NOT_FOUND ? RENOIR_SUCCESS : status; // gone again: look again
    }
    rnr_region_title(site, what, sizeof what);
    status = rnr_region_read_geometry(fd, what, &geometry);
    if (status == RENOIR_SUCCESS) {
        status = rnr_site_refer(rnr_manager_node(manager), site, geometry.file_id, -1);
    }
    rnr_file_close(fd);
    return status;
}

// One try to make it. EXISTS without a record: look again.
static RenoirErrorCode try_make(RnrManager *manager,
                                const RenoirRegionConfig *config,
                                const RnrRegionTerms *terms,
                                RnrRegion **out_region)
{
    RnrSite site;
    RenoirErrorCode status = rnr_site_plan(rnr_manager_node(manager), config->name,
                                           config->backing_type, config->file_path, &site);
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    status = make_region(manager, config, terms, &site, out_region);
    if (status == RENOIR_EXISTS && site.is_referenced && site.directory >= 0) {
        const RenoirErrorCode adopted = adopt_file(manager, &site);
        status = adopted == RENOIR_SUCCESS ? RENOIR_EXISTS : adopted;
    }
    rnr_site_close(&site);
    return status;
}

RenoirErrorCode rnr_region_create(RnrManager *manager,
                                  const RenoirRegionConfig *config,
                                  const RnrRegionTerms *terms,
                                  RnrRegion **out_region)
{
    RenoirErrorCode status = check_config(config, terms);
    for (int attempt = 0; status == RENOIR_SUCCESS && attempt < ATTEMPTS; ++attempt) {
        status = join(manager, config, terms, out_region);
        if (status != RENOIR_REGION_NOT_FOUND) {
            return status;
        }
        if (!config->create) {
            return not_found(config->name);
        }
        if ((terms->flags & RENOIR_REGION_READ_ONLY) != 0) {
            return RNR_FAIL(RENOIR_PERMISSION_DENIED,
                            "cannot create region '%s' for reading only: there is none to read",
                            config->name);
        }
        status = try_make(manager, config, terms, out_region);
        if (status != RENOIR_EXISTS) {
            return status;
        }
        status = RENOIR_SUCCESS;
    }
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    return RNR_FAIL(RENOIR_CONCURRENCY_ERROR,
                    "cannot create region '%s': it is made and removed all the time", config->name);
}

RenoirErrorCode rnr_region_open(RnrManager *manager,
                                const char *name,
                                const RnrRegionTerms *terms,
                                RnrRegion **out_region)
{
    const RenoirErrorCode status = find_region(manager, name, terms, out_region);
    if (status == RENOIR_REGION_NOT_FOUND) {
        return not_found(name);
    }
    if (status == RENOIR_SUCCESS) {
        keep(*out_region, terms);
    }
    return status;
}

// A name for the file behind a descriptor, if it is one of this root's.
static void name_site(const RnrManager *manager, int fd, RnrSite *site)
{
    RnrRegionGeometry geometry;
    RnrRegionGeometry named;
    int named_fd = -1;
    memset(site, 0, sizeof *site);
    site->folder = -1;
    site->directory = -1;
    site->backing_type = RENOIR_BACKING_MEMFD;
    (void)rnr_text_copy(site->path, sizeof site->path, "");
    if (rnr_region_read_geometry(fd, "the region received", &geometry) != RENOIR_SUCCESS ||
        geometry.name[0] == '\0' ||
        rnr_site_find(rnr_manager_node(manager), geometry.name, false, site, &named_fd) !=
            RENOIR_SUCCESS) {
        return;
    }
    const bool is_it =
        rnr_region_read_geometry(named_fd, "the region received", &named) == RENOIR_SUCCESS &&
        named.file_id == geometry.file_id;
    rnr_file_close(named_fd);
    rnr_site_close(site);
    if (!is_it) {
        memset(site, 0, sizeof *site);
        site->folder = -1;
        site->directory = -1;
        site->backing_type = RENOIR_BACKING_MEMFD; // in no directory that we know
    }
}

RenoirErrorCode
rnr_region_open_fd(RnrManager *manager, int fd, const RnrRegionTerms *terms, RnrRegion **out_region)
{
    RnrSite site;
    int own = -1;
    RenoirErrorCode status = rnr_file_duplicate(fd, &own);
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    name_site(manager, own, &site);
    status = rnr_region_attach(manager, terms, false, &site, own, out_region);
    if (status != RENOIR_SUCCESS) {
        rnr_file_close(own);
    }
    if (status == RENOIR_NOT_FOUND) {
        status = RNR_FAIL(RENOIR_REGION_NOT_FOUND,
                          "cannot open the region behind descriptor %d: it was removed", fd);
    }
    return status;
}
