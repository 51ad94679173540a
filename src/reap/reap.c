// SPDX-License-Identifier: MIT OR Apache-2.0
// reap/reap.c: taking back what the dead left. Nodes come last: their files are what tells the next
// one that there is something to take back, if this one dies in the middle.

#include "reap/reap.h"

#include <string.h>

#include "base/fault.h"
#include "base/log.h"
#include "memory/region_open.h"
#include "sync/post.h"

RenoirErrorCode rnr_reap(RnrNode *node, RenoirReapReport *report)
{
    memset(report, 0, sizeof *report);
    RenoirErrorCode status = rnr_region_reap(node, report);
    RNR_FAULT_POINT("reap.regions");
    if (status == RENOIR_SUCCESS) {
        status = rnr_post_reap(node, report);
    }
    RNR_FAULT_POINT("reap.bells");
    if (status == RENOIR_SUCCESS) {
        status = rnr_node_remove_dead(node, report);
    }
    return status;
}

void rnr_reap_quietly(RnrNode *node)
{
    RenoirReapReport report;
    if (rnr_reap(node, &report) == RENOIR_SUCCESS) {
        rnr_log(RENOIR_LOG_INFO, "took back %llu dead nodes and %llu objects of %llu bytes",
                (unsigned long long)report.node_count, (unsigned long long)report.object_count,
                (unsigned long long)report.bytes);
    }
}
