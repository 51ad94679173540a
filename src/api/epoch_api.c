// SPDX-License-Identifier: MIT OR Apache-2.0

#include "renoir/epoch.h"

#include <string.h>

#include "api/handles.h"
#include "memory/region.h"
#include "sync/epoch.h"

RenoirErrorCode renoir_epoch_open(RenoirRegionHandle region,
                                  const char *name,
                                  uint32_t max_readers,
                                  RenoirEpochHandle *out_epoch)
{
    const RnrEpochTerms terms = {.name = name, .max_readers = max_readers};

    RNR_REQUIRE(out_epoch);
    *out_epoch = NULL;
    RNR_REQUIRE(name);
    const RenoirErrorCode status = rnr_region_check(region);
    return status == RENOIR_SUCCESS ? rnr_epoch_open(region, &terms, out_epoch) : status;
}

void renoir_epoch_close(RenoirEpochHandle epoch)
{
    if (epoch != NULL) {
        rnr_epoch_close(epoch);
    }
}

RenoirErrorCode renoir_epoch_reader_open(RenoirEpochHandle epoch,
                                         RenoirEpochReaderHandle *out_reader)
{
    RNR_REQUIRE(out_reader);
    *out_reader = NULL;
    const RenoirErrorCode status = rnr_epoch_check_handle(epoch);
    return status == RENOIR_SUCCESS ? rnr_epoch_reader_open(epoch, out_reader) : status;
}

void renoir_epoch_reader_close(RenoirEpochReaderHandle reader)
{
    if (reader != NULL) {
        rnr_epoch_reader_close(reader);
    }
}

void renoir_epoch_enter(RenoirEpochReaderHandle reader)
{
    rnr_epoch_enter(reader);
}

void renoir_epoch_leave(RenoirEpochReaderHandle reader)
{
    rnr_epoch_leave(reader);
}

RenoirErrorCode renoir_epoch_retire(RenoirEpochHandle epoch, uint64_t token)
{
    const RenoirErrorCode status = rnr_epoch_check_handle(epoch);
    return status == RENOIR_SUCCESS ? rnr_epoch_retire(epoch, token) : status;
}

RenoirErrorCode renoir_epoch_try_reclaim(RenoirEpochHandle epoch,
                                         RenoirReclaimFunction reclaim,
                                         void *user,
                                         size_t *out_count)
{
    size_t count = 0;

    if (out_count == NULL) {
        out_count = &count;
    }
    *out_count = 0;
    RNR_REQUIRE(reclaim);
    const RenoirErrorCode status = rnr_epoch_check_handle(epoch);
    return status == RENOIR_SUCCESS ? rnr_epoch_try_reclaim(epoch, reclaim, user, out_count)
                                    : status;
}

RenoirErrorCode renoir_epoch_stats(RenoirEpochHandle epoch, RenoirEpochStats *out_stats)
{
    RNR_REQUIRE(out_stats);
    memset(out_stats, 0, sizeof *out_stats);
    const RenoirErrorCode status = rnr_epoch_check_handle(epoch);
    if (status == RENOIR_SUCCESS) {
        rnr_epoch_stats(epoch, out_stats);
    }
    return status;
}

RenoirErrorCode renoir_epoch_readers(RenoirEpochHandle epoch,
                                     RenoirEpochReaderInfo *infos,
                                     size_t capacity,
                                     size_t *out_count)
{
    RNR_REQUIRE(out_count);
    *out_count = 0;
    if (capacity != 0) {
        RNR_REQUIRE(infos);
    }
    const RenoirErrorCode status = rnr_epoch_check_handle(epoch);
    if (status == RENOIR_SUCCESS) {
        *out_count = rnr_epoch_list(epoch, infos, capacity);
    }
    return status;
}
