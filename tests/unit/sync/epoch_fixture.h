// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RENOIR_TESTS_UNIT_SYNC_EPOCH_FIXTURE_H
#define RENOIR_TESTS_UNIT_SYNC_EPOCH_FIXTURE_H

// What the tests of epochs share: a region by name, an epoch in it, and a reclaim function that
// remembers what it was called with.

#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "harness/test.h"
#include "renoir.h"
#include "sync/epoch_internal.h"

enum { TAKEN_MAX = 32768 };

// Tokens in the order in which they came, and how often each of the small ones did.
typedef struct Taken {
    size_t count;
    uint64_t tokens[TAKEN_MAX];
    unsigned times[TAKEN_MAX];
} Taken;

static Taken taken;

static inline void remember(uint64_t token, void *user)
{
    Taken *const to = user;
    REQUIRE(to->count < TAKEN_MAX && token < TAKEN_MAX);
    to->tokens[to->count++] = token;
    ++to->times[token];
}

// The region "epochs" of this test's root, made by whoever comes first.
static inline RenoirRegionHandle join_region(void)
{
    RenoirRegionConfig config = renoir_region_config_default();
    RenoirRegionHandle region = NULL;
    config.name = "epochs";
    config.size = 4 << 20;
    REQUIRE_OK(renoir_region_create(NULL, &config, &region));
    return region;
}

static inline RenoirEpochHandle join_epoch(RenoirRegionHandle region)
{
    RenoirEpochHandle epoch = NULL;
    REQUIRE_OK(renoir_epoch_open(region, "e", 0, &epoch));
    return epoch;
}

// An epoch with room for few tokens.
static inline RenoirEpochHandle join_small_epoch(RenoirRegionHandle region, uint32_t chunks)
{
    const RnrEpochTerms terms = {.name = "e", .chunk_count = chunks};
    RenoirEpochHandle epoch = NULL;
    REQUIRE_OK(rnr_epoch_open(region, &terms, &epoch));
    return epoch;
}

static inline RenoirEpochReaderHandle open_reader(RenoirEpochHandle epoch)
{
    RenoirEpochReaderHandle reader = NULL;
    REQUIRE_OK(renoir_epoch_reader_open(epoch, &reader));
    return reader;
}

// How many tokens one call takes.
static inline size_t reclaim(RenoirEpochHandle epoch)
{
    size_t count = 77;
    REQUIRE_OK(renoir_epoch_try_reclaim(epoch, remember, &taken, &count));
    return count;
}

// How many several calls take, as many as it takes for readers that leave in between.
static inline size_t reclaim_thrice(RenoirEpochHandle epoch)
{
    return reclaim(epoch) + reclaim(epoch) + reclaim(epoch);
}

static inline RenoirEpochStats stats_of(RenoirEpochHandle epoch)
{
    RenoirEpochStats stats;
    memset(&stats, 0xff, sizeof stats);
    REQUIRE_OK(renoir_epoch_stats(epoch, &stats));
    return stats;
}

static inline void check_sound(RenoirEpochHandle epoch)
{
    CHECK_OK(rnr_epoch_check(epoch->shm, epoch->object.size_bytes, "e"));
}

// Chunks that nobody fills.
static inline uint32_t count_free_chunks(RenoirEpochHandle epoch)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < epoch->shape.chunk_count; ++i) {
        count += rnr_load_acquire_u64(&epoch->heads[i].filler) == 0;
    }
    return count;
}

// After a death: takes back what the dead process left, as the next start of any does.
static inline void leave_region_and_reap(RenoirRegionHandle region)
{
    renoir_region_close(region);
    CHECK_OK(renoir_node_reap(NULL, NULL));
}

#endif
