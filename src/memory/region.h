// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_MEMORY_REGION_H
#define RNR_MEMORY_REGION_H

// A region that this process has open: what the layers above need of it.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/node.h"
#include "renoir/region.h"
#include "renoir/status.h"

typedef struct RenoirRegion RnrRegion;

// The mapping and the directory stay until the last reference is released, even when the handle is
// closed before.
RnrRegion *rnr_region_retain(RnrRegion *region);
void rnr_region_release(RnrRegion *region);

const char *rnr_region_name(const RnrRegion *region);
// This process's node under the region's root.
RnrNode *rnr_region_node(const RnrRegion *region);
uint64_t rnr_region_node_id(const RnrRegion *region);
// For messages: "node 00f3… (pid 12, 'camera')" of a node of the same root, dead or alive.
void rnr_region_describe_node(const RnrRegion *region, uint64_t node_id, char *text, size_t size);
bool rnr_region_is_read_only(const RnrRegion *region);

// INVALID_PARAMETER: no region. INVALID_STATE: opened before a fork. CORRUPTED: the file behind it
// was cut short. Each with a record.
RenoirErrorCode rnr_region_check(const RnrRegion *region);
// Whether its mapping had to be replaced by zeros. No system call.
bool rnr_region_is_lost(const RnrRegion *region);
// Only the last two of rnr_region_check, without touching records: for loops that wait.
bool rnr_region_is_whole(const RnrRegion *region);

#endif
