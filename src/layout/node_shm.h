// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_LAYOUT_NODE_SHM_H
#define RNR_LAYOUT_NODE_SHM_H

// A node's file: <root>/renoir/nodes/<16 hexadecimal digits>.

#include <stdint.h>

#include "layout/file_shm.h"
#include "layout/layout.h"
#include "renoir/detail/atomic.h"

typedef struct RnrNodeShm {
    RnrFileHeaderShm header;
    uint64_t node_id;          // creator, once
    int64_t pid;               // creator, once; for people
    uint64_t joined_ns;        // creator, once; wall clock
    RnrAtomicU32 object_count; // the node: regions and ring ends it has open
    uint32_t reserved;
    char name[256]; // creator, once; NUL-terminated
    uint8_t pad[3744];
} RnrNodeShm;

RNR_LAYOUT_FIELD(RnrNodeShm, node_id, 64);
RNR_LAYOUT_FIELD(RnrNodeShm, pid, 72);
RNR_LAYOUT_FIELD(RnrNodeShm, joined_ns, 80);
RNR_LAYOUT_FIELD(RnrNodeShm, object_count, 88);
RNR_LAYOUT_FIELD(RnrNodeShm, name, 96);
RNR_LAYOUT_SIZE(RnrNodeShm, 4096);

#endif
