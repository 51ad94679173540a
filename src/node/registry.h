// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_NODE_REGISTRY_H
#define RNR_NODE_REGISTRY_H

// The file system as the registry: what a file begins with, and how its name is taken away.

#include <stdbool.h>
#include <stdint.h>

#include "layout/file_shm.h"
#include "renoir/status.h"

// How long a change that somebody else is in the middle of is waited for.
#define RNR_REGISTRY_PATIENCE_NS UINT64_C(100000000)

// Fills in a new file's header, its random id included.
RenoirErrorCode rnr_registry_make_header(RnrFileHeaderShm *header,
                                         RnrFileKind kind,
                                         uint64_t total_length,
                                         uint64_t node_id);

// Whether a file of that many bytes begins as one of Renoir's does. `kind` 0: any. CORRUPTED and
// VERSION_MISMATCH name the file as `what`.
RenoirErrorCode rnr_registry_check_header(const RnrFileHeaderShm *header,
                                          uint32_t kind,
                                          uint64_t file_bytes,
                                          const char *what);

typedef enum RnrRemoval {
    RNR_REMOVED, // the name is gone, by us or by somebody else
    RNR_IN_USE,  // somebody alive uses the file
    RNR_NOT_OURS // we may not
} RnrRemoval;

// Takes away the name of the file behind fd, if the name still stands for it. Any number of
// processes may try at once, and any may die in it.
RnrRemoval rnr_registry_remove(int directory, const char *name, int fd);
// The same, but only when nobody holds its use byte and, asked while nobody can, `may_go` (NULL:
// yes) says so.
RnrRemoval
rnr_registry_remove_unused(int directory, const char *name, int fd, bool (*may_go)(int fd));

#endif
