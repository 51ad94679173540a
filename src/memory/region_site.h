// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_MEMORY_REGION_SITE_H
#define RNR_MEMORY_REGION_SITE_H

// Where a region lies, by its name: in a file of that name below the root, or elsewhere, with a
// reference of that name below the root.

#include <stdbool.h>
#include <stdint.h>

#include "layout/region_shm.h"
#include "node/node.h"
#include "renoir/status.h"

// The place of a name and of a file. Directories are open.
typedef struct RnrSite {
    uint32_t backing_type;
    int folder;         // <root>/renoir/regions; -1 for a path
    char entry[256];    // in it: the region's file or its reference
    bool is_referenced; // the region lies elsewhere
    int directory;      // where the region's file is; -1: in no directory
    char file[256];     // its name there
    char path[3328];    // of the region's file, for people and references; "" if it has none
    char name[256];     // the region's; "" for a path
} RnrSite;

// The site for a new region. Checks name and path.
RenoirErrorCode rnr_site_plan(const RnrNode *node,
                              const char *name,
                              uint32_t backing_type,
                              const char *file_path,
                              RnrSite *out_site);
// The site of a name that is there, and its file, open. NOT_FOUND without a record; a reference
// whose region is gone is removed.
RenoirErrorCode rnr_site_find(
    const RnrNode *node, const char *name, bool is_writable, RnrSite *out_site, int *out_fd);
// The same for an entry of the folder: takes the name from the file. `folder` stays the caller's.
RenoirErrorCode rnr_site_find_entry(
    int folder, const char *entry, bool is_writable, RnrSite *out_site, int *out_fd);
// Its directories: a region that is open keeps none of them. Closing twice does no harm.
RenoirErrorCode rnr_site_open(const RnrNode *node, RnrSite *site);
void rnr_site_close(RnrSite *site);

// Publishes a reference to the region of that id, or finds the one that is there. EXISTS, with a
// record: the name stands for another region.
RenoirErrorCode
rnr_site_refer(const RnrNode *node, const RnrSite *site, uint64_t target_id, int memfd);

// Whether somebody asked for the region behind fd to be kept, or its file does not say.
bool rnr_site_is_kept(int fd);
// Takes the region's file's name away, and the reference if it is to that region. fd: of the file.
// if_unused: only where nobody has it open and nobody asked to keep it. True: gone.
bool rnr_site_remove(const RnrSite *site, int fd, uint64_t target_id, bool if_unused);

#endif
