// SPDX-License-Identifier: MIT OR Apache-2.0
// memory/region_site.c: from a region's name to its file.
//
// A region below the root is its file: regions/<escaped name>. One that lies elsewhere (a path, a
// POSIX object, a memfd) has a reference there, published after the region and removed after it, so
// that a reference whose region is gone is stale, whoever died when.

#include "memory/region_site.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/fault.h"
#include "base/text.h"
#include "node/registry.h"
#include "platform/file.h"
#include "platform/process.h"
#include "renoir/library.h"
#include "renoir/region.h"

static void clear_site(RnrSite *site)
{
    memset(site, 0, sizeof *site);
    site->folder = -1;
    site->directory = -1;
}

void rnr_site_close(RnrSite *site)
{
    if (site->directory != site->folder) {
        rnr_file_close(site->directory);
    }
    rnr_file_close(site->folder);
    site->directory = -1;
    site->folder = -1;
}

RenoirErrorCode rnr_site_open(const RnrNode *node, RnrSite *site)
{
    const char *file = NULL;
    RenoirErrorCode status = RENOIR_SUCCESS;
    if (site->entry[0] != '\0') {
        status = rnr_node_open_folder(node, "regions", &site->folder);
    }
    if (status != RENOIR_SUCCESS || site->backing_type == RENOIR_BACKING_MEMFD) {
        return status;
    }
    if (site->entry[0] != '\0' && !site->is_referenced) {
        site->directory = site->folder;
        return RENOIR_SUCCESS;
    }
    return rnr_directory_open_parent(site->path, &site->directory, &file);
}

static RenoirErrorCode check_name(const char *name)
{
    const char *reason = NULL;
    if (name == NULL) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER, "region name is NULL (give it a name)");
    }
    if (!rnr_text_is_name(name, name[0] == '/' ? sizeof((RnrSite *)0)->path - 1 : RENOIR_NAME_MAX,
                          &reason)) {
        return RNR_FAIL(
            RENOIR_INVALID_PARAMETER,
            "region name of %zu bytes is refused: %s (use 1 to %d bytes of UTF-8 without "
            "control characters)",
            strlen(name), reason, RENOIR_NAME_MAX);
    }
    return RENOIR_SUCCESS;
}

static RenoirErrorCode use_path(RnrSite *site, const char *path)
{
    const char *file = NULL;
    if (strlen(path) >= sizeof site->path) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER, "path of %zu bytes is longer than %zu",
                        strlen(path), sizeof site->path - 1);
    }
    const RenoirErrorCode status = rnr_directory_open_parent(path, &site->directory, &file);
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    if (!rnr_text_copy(site->file, sizeof site->file, file)) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER, "path '%s' ends in a name of more than 255 bytes",
                        path);
    }
    (void)snprintf(site->path, sizeof site->path, "%s", path);
    return RENOIR_SUCCESS;
}

static RenoirErrorCode use_posix_shm(RnrSite *site)
{
    char path[300];
    (void)snprintf(path, sizeof path, "%s/renoir.%s", rnr_directory_posix_shm(), site->entry);
    return use_path(site, path);
}

// The name's place below the root, where its region or its reference is.
static RenoirErrorCode use_entry(const RnrNode *node, const char *name, RnrSite *site)
{
    (void)rnr_text_copy(site->name, sizeof site->name, name);
    if (!rnr_text_escape(name, site->entry, sizeof site->entry)) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER, "region name '%s' is too long", name);
    }
    return rnr_node_open_folder(node, "regions", &site->folder);
}

static void use_own_file(const RnrNode *node, RnrSite *site)
{
    site->directory = site->folder;
    (void)rnr_text_copy(site->file, sizeof site->file, site->entry);
    if (node != NULL) {
        (void)snprintf(site->path, sizeof site->path, "%.2000s/renoir/regions/%s",
                       rnr_node_root(node), site->entry);
    }
}

static RenoirErrorCode plan_parts(const RnrNode *node, const char *file_path, RnrSite *site)
{
    if (site->backing_type == RENOIR_BACKING_POSIX_SHM) {
        site->is_referenced = true;
        return use_posix_shm(site);
    }
    if (site->backing_type == RENOIR_BACKING_MEMFD) {
        site->is_referenced = true;
        return RENOIR_SUCCESS;
    }
    if (file_path != NULL) {
        site->is_referenced = true;
        return use_path(site, file_path);
    }
    use_own_file(node, site);
    return RENOIR_SUCCESS;
}

RenoirErrorCode rnr_site_plan(const RnrNode *node,
                              const char *name,
                              uint32_t backing_type,
                              const char *file_path,
                              RnrSite *out_site)
{
    clear_site(out_site);
    out_site->backing_type = backing_type;
    RenoirErrorCode status = check_name(name);
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    if (name[0] == '/') {
        if (backing_type != RENOIR_BACKING_FILE || file_path != NULL) {
            return RNR_FAIL(
                RENOIR_INVALID_PARAMETER,
                "region name '%s' is a path: it takes no file_path and no other backing "
                "than a file",
                name);
        }
        return use_path(out_site, name);
    }
    status = use_entry(node, name, out_site);
    if (status == RENOIR_SUCCESS) {
        status = plan_parts(node, file_path, out_site);
    }
    if (status != RENOIR_SUCCESS) {
        rnr_site_close(out_site);
    }
    return status;
}

// True: a whole reference, with its strings ended.
static bool read_reference(int fd, RnrReferenceShm *reference)
{
    if (!rnr_file_read(fd, 0, reference, sizeof *reference) ||
        reference->header.kind != RNR_FILE_REFERENCE) {
        return false;
    }
    reference->name[sizeof reference->name - 1] = '\0';
    reference->path[sizeof reference->path - 1] = '\0';
    return true;
}

static RenoirErrorCode
open_target(const RnrReferenceShm *reference, bool is_writable, RnrSite *site, int *out_fd)
{
    if (reference->backing_type == RENOIR_BACKING_MEMFD) {
        return rnr_memfd_open_of(reference->pid, reference->descriptor, is_writable, out_fd);
    }
    const RenoirErrorCode status = use_path(site, reference->path);
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    return rnr_file_open(site->directory, site->file, is_writable, out_fd);
}

static bool is_target(int fd, uint64_t target_id)
{
    RnrFileHeaderShm header;
    return rnr_file_read(fd, 0, &header, sizeof header) && header.magic == RNR_FILE_MAGIC &&
           header.file_id == target_id;
}

// From a reference to its region. A stale one goes.
static RenoirErrorCode follow(int folder,
                              const RnrReferenceShm *reference,
                              int reference_fd,
                              bool is_writable,
                              RnrSite *site,
                              int *out_fd)
{
    site->is_referenced = true;
    site->backing_type = reference->backing_type;
    RenoirErrorCode status = open_target(reference, is_writable, site, out_fd);
    if (status == RENOIR_SUCCESS && !is_target(*out_fd, reference->target_id)) {
        rnr_file_close(*out_fd);
        *out_fd = -1;
        status = RENOIR_NOT_FOUND;
    }
    if (status == RENOIR_NOT_FOUND) {
        (void)rnr_registry_remove(folder, site->entry, reference_fd);
    }
    return status;
}

static RenoirErrorCode find_entry(const RnrNode *node, bool is_writable, RnrSite *site, int *out_fd)
{
    RnrFileHeaderShm header;
    RnrReferenceShm reference;
    int fd = -1;
    // for reading first: a reference is its maker's, whoever may write the region
    RenoirErrorCode status = rnr_file_open(site->folder, site->entry, false, &fd);
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    memset(&header, 0, sizeof header);
    (void)rnr_file_read(fd, 0, &header, sizeof header);
    if (header.magic == RNR_FILE_MAGIC && header.kind == RNR_FILE_REFERENCE &&
        read_reference(fd, &reference)) {
        if (site->name[0] == '\0') {
            (void)rnr_text_copy(site->name, sizeof site->name, reference.name);
        }
        status = follow(site->folder, &reference, fd, is_writable, site, out_fd);
        rnr_file_close(fd);
        return status;
    }
    use_own_file(node, site);
    if (is_writable) {
        rnr_file_close(fd);
        return rnr_file_open(site->folder, site->entry, true, out_fd);
    }
    *out_fd = fd; // what is wrong with it, if something is, whoever attaches says
    return RENOIR_SUCCESS;
}

RenoirErrorCode rnr_site_find(
    const RnrNode *node, const char *name, bool is_writable, RnrSite *out_site, int *out_fd)
{
    clear_site(out_site);
    *out_fd = -1;
    RenoirErrorCode status = check_name(name);
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    if (name[0] == '/') {
        status = use_path(out_site, name);
        if (status == RENOIR_SUCCESS) {
            status = rnr_file_open(out_site->directory, out_site->file, is_writable, out_fd);
        }
    } else {
        status = use_entry(node, name, out_site);
        if (status == RENOIR_SUCCESS) {
            status = find_entry(node, is_writable, out_site, out_fd);
        }
    }
    if (status != RENOIR_SUCCESS) {
        rnr_site_close(out_site);
    }
    return status;
}

RenoirErrorCode
rnr_site_find_entry(int folder, const char *entry, bool is_writable, RnrSite *out_site, int *out_fd)
{
    clear_site(out_site);
    *out_fd = -1;
    (void)rnr_text_copy(out_site->entry, sizeof out_site->entry, entry);
    RenoirErrorCode status = rnr_file_duplicate(folder, &out_site->folder);
    if (status == RENOIR_SUCCESS) {
        status = find_entry(NULL, is_writable, out_site, out_fd);
    }
    if (status != RENOIR_SUCCESS) {
        rnr_site_close(out_site);
    }
    return status;
}

static RenoirErrorCode fill_reference(const RnrNode *node,
                                      const RnrSite *site,
                                      uint64_t target_id,
                                      int memfd,
                                      RnrReferenceShm *reference)
{
    memset(reference, 0, sizeof *reference);
    const RenoirErrorCode status = rnr_registry_make_header(&reference->header, RNR_FILE_REFERENCE,
                                                            sizeof *reference, rnr_node_id(node));
    (void)rnr_text_copy(reference->name, sizeof reference->name, site->name);
    (void)snprintf(reference->path, sizeof reference->path, "%s", site->path);
    reference->backing_type = site->backing_type;
    reference->descriptor = memfd;
    reference->pid = rnr_process_id();
    reference->target_id = target_id;
    return status;
}

static RenoirErrorCode
publish_reference(const RnrNode *node, const RnrSite *site, uint64_t target_id, int memfd)
{
    RnrReferenceShm reference;
    RnrNewFile file;
    const uint32_t mode = rnr_directory_is_shared(site->folder) ? 0644 : 0600;
    RenoirErrorCode status = fill_reference(node, site, target_id, memfd, &reference);
    if (status == RENOIR_SUCCESS) {
        status = rnr_file_create(site->folder, mode, &file);
    }
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    status = rnr_file_reserve(file.fd, sizeof reference, "a region's reference");
    if (status == RENOIR_SUCCESS && !rnr_file_write(file.fd, 0, &reference, sizeof reference)) {
        status = RNR_FAIL(RENOIR_IO_ERROR, "cannot write the reference of region '%s'", site->name);
    }
    if (status == RENOIR_SUCCESS) {
        status = rnr_file_publish(site->folder, &file, site->entry);
    }
    rnr_file_discard(site->folder, &file);
    return status;
}

// What the name stands for now: SUCCESS if it is the region of that id, NOT_FOUND if nothing.
static RenoirErrorCode compare_reference(const RnrSite *site, uint64_t target_id)
{
    RnrSite found;
    RnrFileHeaderShm header;
    int fd = -1;
    const RenoirErrorCode status =
        rnr_site_find_entry(site->folder, site->entry, false, &found, &fd);
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    const bool is_read = rnr_file_read(fd, 0, &header, sizeof header);
    rnr_file_close(fd);
    const bool is_same = is_read && found.is_referenced && header.file_id == target_id;
    RenoirErrorCode result = RENOIR_SUCCESS;
    if (!is_same) {
        result = RNR_FAIL(RENOIR_REGION_EXISTS,
                          "cannot create region '%s': the name stands for another one, at '%s' "
                          "(remove it, or use another name)",
                          site->name, found.path);
    }
    rnr_site_close(&found);
    return result;
}

RenoirErrorCode
rnr_site_refer(const RnrNode *node, const RnrSite *site, uint64_t target_id, int memfd)
{
    enum { ATTEMPTS = 16 };
    RenoirErrorCode status = RENOIR_NOT_FOUND;
    for (int attempt = 0; status == RENOIR_NOT_FOUND && attempt < ATTEMPTS; ++attempt) {
        RNR_FAULT_POINT("region.refer");
        status = publish_reference(node, site, target_id, memfd);
        if (status == RENOIR_EXISTS) {
            status = compare_reference(site, target_id);
        }
    }
    return status;
}

static void remove_reference(const RnrSite *site, uint64_t target_id)
{
    RnrReferenceShm reference;
    int fd = -1;
    if (rnr_file_open(site->folder, site->entry, false, &fd) != RENOIR_SUCCESS) {
        return;
    }
    if (read_reference(fd, &reference) && reference.target_id == target_id) {
        (void)rnr_registry_remove(site->folder, site->entry, fd);
    }
    rnr_file_close(fd);
}

bool rnr_site_is_kept(int fd)
{
    RnrRegionShm shm;
    // [own: relaxed] a private copy
    return !rnr_file_read(fd, 0, &shm, sizeof shm) ||
           (rnr_load_relaxed_u32(&shm.flags) & RENOIR_REGION_PERSISTENT) != 0;
}

// Asked while nobody has the region open, so that nobody can ask to keep it meanwhile.
static bool is_not_kept(int fd)
{
    return !rnr_site_is_kept(fd);
}

bool rnr_site_remove(const RnrSite *site, int fd, uint64_t target_id, bool if_unused)
{
    if (site->directory >= 0) {
        const RnrRemoval removal =
            if_unused ? rnr_registry_remove_unused(site->directory, site->file, fd, is_not_kept)
                      : rnr_registry_remove(site->directory, site->file, fd);
        if (removal != RNR_REMOVED) {
            return false;
        }
    }
    if (site->is_referenced) {
        remove_reference(site, target_id);
    }
    return true;
}
