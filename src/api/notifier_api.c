// SPDX-License-Identifier: MIT OR Apache-2.0
// api/notifier_api.c: notifiers at the border.

#include "renoir/notifier.h"

#include <string.h>

#include "api/handles.h"
#include "base/config.h"
#include "memory/region.h"
#include "sync/notifier.h"

RenoirErrorCode renoir_notifier_open(RenoirRegionHandle region,
                                     const char *name,
                                     const RenoirNotifierOptions *options,
                                     RenoirNotifierHandle *out_notifier)
{
    RenoirNotifierOptions ours;

    RNR_REQUIRE(out_notifier);
    *out_notifier = NULL;
    RNR_REQUIRE(name);
    RenoirErrorCode status =
        rnr_config_import(&ours, sizeof ours, sizeof ours, options, "RenoirNotifierOptions");
    if (status == RENOIR_SUCCESS) {
        status = rnr_config_check_flags(ours.flags, 0, "RenoirNotifierOptions.flags");
    }
    if (status == RENOIR_SUCCESS) {
        status = rnr_region_check(region);
    }
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    const RnrNotifierTerms terms = {.every_count = ours.every_count == 0 ? 1 : ours.every_count,
                                    .every_ns = ours.every_ns};
    return rnr_notifier_open(region, name, &terms, out_notifier);
}

void renoir_notifier_close(RenoirNotifierHandle notifier)
{
    if (notifier != NULL && rnr_notifier_is_handle(notifier)) {
        rnr_notifier_close(notifier);
    }
}

RenoirErrorCode renoir_notifier_notify(RenoirNotifierHandle notifier)
{
    const RenoirErrorCode status = rnr_notifier_check_handle(notifier);
    if (status == RENOIR_SUCCESS) {
        rnr_notifier_notify(notifier);
    }
    return status;
}

RenoirErrorCode
renoir_notifier_wait(RenoirNotifierHandle notifier, uint64_t timeout_ns, uint64_t *out_count)
{
    RNR_REQUIRE(out_count);
    *out_count = 0;
    const RenoirErrorCode status = rnr_notifier_check_handle(notifier);
    return status == RENOIR_SUCCESS ? rnr_notifier_wait(notifier, timeout_ns, out_count) : status;
}

RenoirErrorCode renoir_notifier_set_enabled(RenoirNotifierHandle notifier, uint32_t is_enabled)
{
    const RenoirErrorCode status = rnr_notifier_check_handle(notifier);
    if (status == RENOIR_SUCCESS) {
        rnr_notifier_set_enabled(notifier, is_enabled != 0);
    }
    return status;
}

RenoirErrorCode renoir_notifier_stats(RenoirNotifierHandle notifier, RenoirNotifierStats *out_stats)
{
    RNR_REQUIRE(out_stats);
    memset(out_stats, 0, sizeof *out_stats);
    const RenoirErrorCode status = rnr_notifier_check_handle(notifier);
    if (status == RENOIR_SUCCESS) {
        rnr_notifier_stats(notifier, out_stats);
    }
    return status;
}

RenoirWaitableHandle renoir_notifier_waitable(RenoirNotifierHandle notifier)
{
    return rnr_notifier_check_handle(notifier) == RENOIR_SUCCESS ? rnr_notifier_waitable(notifier)
                                                                 : NULL;
}
