// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_MEMORY_REGION_OPEN_H
#define RNR_MEMORY_REGION_OPEN_H

// Making, joining and leaving regions, for the border.

#include "memory/region_internal.h"

RenoirErrorCode rnr_region_create(RnrManager *manager,
                                  const RenoirRegionConfig *config,
                                  const RnrRegionTerms *terms,
                                  RnrRegion **out_region);
RenoirErrorCode rnr_region_open(RnrManager *manager,
                                const char *name,
                                const RnrRegionTerms *terms,
                                RnrRegion **out_region);
// Duplicates fd.
RenoirErrorCode rnr_region_open_fd(RnrManager *manager,
                                   int fd,
                                   const RnrRegionTerms *terms,
                                   RnrRegion **out_region);

// The handle's end: what it holds is given back, its reference released.
void rnr_region_close(RnrRegion *region);
// The same, and the name goes, whoever has it open.
RenoirErrorCode rnr_region_destroy(RnrRegion *region);
RenoirErrorCode rnr_region_remove(RnrManager *manager, const char *name);

// Removes the regions, and unfinished files, below the root that nobody uses and nobody asked to
// keep.
RenoirErrorCode rnr_region_reap(RnrNode *node, RenoirReapReport *report);

#endif
