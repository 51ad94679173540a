// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_MEMORY_REGION_INTERNAL_H
#define RNR_MEMORY_REGION_INTERNAL_H

// What the files region*.c and object*.c of this folder share.

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "layout/region_shm.h"
#include "memory/object.h"
#include "memory/region.h"
#include "memory/region_site.h"
#include "node/manager.h"
#include "platform/file.h"
#include "platform/lock.h"
#include "renoir/detail/atomic.h"

// A region's shape, copied from its header once and checked: the header is never trusted again.
typedef struct RnrRegionGeometry {
    uint64_t file_id;
    uint64_t created_ns;
    uint64_t total_length;
    uint64_t size_bytes;
    uint64_t data_offset;
    uint32_t max_objects;
    uint32_t backing_type;
    char name[256];
} RnrRegionGeometry;

// A named block that was handed out: it counts as open until the region is closed.
typedef struct RnrBlock {
    struct RnrBlock *next;
    RnrObject object;
} RnrBlock;

struct RenoirRegion {
    uint64_t magic;
    RnrChild child; // of the manager
    RnrManager *manager;
    RnrNode *node;
    RnrAtomicU32 references; // the handle's and each object's
    uint64_t generation;     // of forks
    int fd;
    RnrAtomicU64 fd_checked_ns; // when it was last found to be this file's; a hint
    RnrFileId file;
    RnrRegionGeometry geometry;
    unsigned char *base;
    RnrRegionShm *shm; // = base
    uint32_t flags;    // in force for this mapping
    bool is_read_only;
    bool is_creator;
    bool is_closed; // the handle is; objects may keep the mapping
    RnrLock use;    // the use byte, and a place if there was one
    int place;      // -1: none
    RnrAtomicU32 is_lost;
    RnrSite site;
    pthread_mutex_t blocks_mutex;
    RnrBlock *blocks;
};

#define RNR_REGION_MAGIC UINT64_C(0x6e6f69676572) // "region", first letter first

// Options of a mapping, imported and checked.
typedef struct RnrRegionTerms {
    uint32_t flags;
    uint32_t numa_policy;
    uint64_t numa_nodes;
    uint32_t max_objects;
} RnrRegionTerms;

// Reads and checks a region's header. `what` names it in messages.
RenoirErrorCode rnr_region_read_geometry(int fd, const char *what, RnrRegionGeometry *out_geometry);
// A region from an open file, which it takes over (site and fd) on success. Locks the use byte
// first. NOT_FOUND without a record: the file lost its name meanwhile, look again. is_new: it has
// none yet.
RenoirErrorCode rnr_region_attach(RnrManager *manager,
                                  const RnrRegionTerms *terms,
                                  bool is_new,
                                  const RnrSite *site,
                                  int fd,
                                  RnrRegion **out_region);
// Undoes attaching without touching names; fd and site go back to the caller.
void rnr_region_detach(RnrRegion *region);
// The region's descriptor, or another one for the same file if somebody closed it. -1 with a
// record.
int rnr_region_descriptor(RnrRegion *region);

// Live processes among the users of the file behind fd: read, not mapped.
uint32_t rnr_region_count_users(int fd);
// Calls visit for each live place. Node 0: it does not say.
void rnr_region_visit_users(int fd,
                            void (*visit)(uint64_t node_id, uint64_t since_ns, void *context),
                            void *context);

// Objects in a directory that is read, not mapped.
uint32_t rnr_region_count_objects(int fd, const RnrRegionGeometry *geometry);

// "region 'x'", or "the region at '/tmp/x'".
void rnr_region_title(const RnrSite *site, char *text, size_t size);

#endif
