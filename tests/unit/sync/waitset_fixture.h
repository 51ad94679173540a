// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RENOIR_TESTS_UNIT_SYNC_WAITSET_FIXTURE_H
#define RENOIR_TESTS_UNIT_SYNC_WAITSET_FIXTURE_H

// What the tests of wait sets over notifiers share.

#include "harness/test.h"
#include "renoir.h"
#include "sync/waitset_internal.h"

enum { EVENTS = 16 };

static inline RenoirRegionHandle join_region(void)
{
    RenoirRegionConfig config = renoir_region_config_default();
    RenoirRegionHandle region = NULL;
    config.name = "events";
    config.size = 4 << 20;
    REQUIRE_OK(renoir_region_create(NULL, &config, &region));
    return region;
}

static inline RenoirNotifierHandle open_notifier(RenoirRegionHandle region, const char *name)
{
    RenoirNotifierHandle notifier = NULL;
    REQUIRE_OK(renoir_notifier_open(region, name, NULL, &notifier));
    return notifier;
}

static inline RenoirWaitsetHandle make_set(void)
{
    RenoirWaitsetHandle set = NULL;
    REQUIRE_OK(renoir_waitset_create(NULL, &set));
    return set;
}

static inline void add(RenoirWaitsetHandle set, RenoirNotifierHandle notifier, void *user)
{
    REQUIRE_OK(renoir_waitset_add(set, renoir_notifier_waitable(notifier), user));
}

static inline void take_all(RenoirNotifierHandle notifier)
{
    uint64_t count = 0;
    (void)renoir_notifier_wait(notifier, RENOIR_NO_WAIT, &count);
}

// A set, and a notifier in it.
typedef struct Pair {
    RenoirRegionHandle region;
    RenoirNotifierHandle notifier;
    RenoirWaitsetHandle set;
} Pair;

static inline Pair open_pair(void)
{
    Pair pair = {.region = join_region()};
    pair.notifier = open_notifier(pair.region, "n");
    pair.set = make_set();
    add(pair.set, pair.notifier, pair.notifier);
    return pair;
}

static inline void close_pair(Pair *pair)
{
    renoir_waitset_close(pair->set);
    renoir_notifier_close(pair->notifier);
    renoir_region_close(pair->region);
}

static inline RenoirErrorCode
look(RenoirWaitsetHandle set, RenoirWaitEvent *events, size_t *out_count)
{
    return renoir_waitset_wait(set, RENOIR_NO_WAIT, events, EVENTS, out_count);
}

#endif
