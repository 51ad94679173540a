// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_MEMORY_REGION_VIEW_H
#define RNR_MEMORY_REGION_VIEW_H

// Looking at regions without joining them, removing names, and what the dead left.

#include "memory/region_internal.h"

// What a region is, from its file alone: nothing is mapped, so nothing can hurt who looks.
RenoirErrorCode rnr_region_view(int fd, const RnrSite *site, RenoirRegionInfo *out_info);
RenoirErrorCode rnr_region_visit(
    const RnrNode *node,
    bool (*visit)(const RnrSite *site, int fd, const RenoirRegionInfo *info, void *context),
    void *context);

#endif
