// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Notifications of two processes, counted by who waits: each handle gets every one exactly once,
// with what was written before it, and nobody sleeps through the one that it waits for.

#include "sync/notifier.h"

#include <string.h>

#include "explore.h"
#include "layout/notifier_shm.h"
#include "renoir/library.h"

enum { EACH = 2, ROLES_MAX = 4 };

typedef struct Settings {
    unsigned notifiers; // the first roles
    unsigned waiters;
    uint64_t every_count;
    uint64_t every_ns;
} Settings;

static struct {
    Settings is;
    unsigned notified;
    bool is_notifying[EXPLORE_PROCESSES_MAX];
    RnrAtomicU64 *written; // a word for each notification, set before it
    RnrNotifier *handles[ROLES_MAX];
} world;

static RnrNotifier *open_handle(void)
{
    const RnrNotifierTerms terms = {.every_count = world.is.every_count,
                                    .every_ns = world.is.every_ns};
    RnrNotifier *handle = NULL;
    EXPLORE_CHECK(rnr_notifier_open(explore_region(), "notifier", &terms, &handle) ==
                  RENOIR_SUCCESS);
    return handle;
}

static void begin(Settings settings)
{
    memset(&world, 0, sizeof world);
    world.is = settings;
    world.written =
        (RnrAtomicU64 *)explore_shared(EXPLORE_PROCESSES_MAX * EACH * sizeof(RnrAtomicU64));
    explore_name(world.written, "written");
    for (unsigned i = 0; i < settings.notifiers + settings.waiters; ++i) {
        explore_act_as(i);
        world.handles[i] = open_handle();
    }
}

static void notify_with(RnrNotifier *handle)
{
    const unsigned me = explore_self();

    for (unsigned i = 0; i < EACH; ++i) {
        rnr_store_relaxed_u64(&world.written[me * EACH + i], 1);
        world.is_notifying[me] = true;
        rnr_notifier_notify(handle);
        world.is_notifying[me] = false;
        ++world.notified;
    }
}

static void notify(unsigned index)
{
    notify_with(world.handles[index]);
}

// Makes up for what the dead one may not have come to.
static void notify_after(unsigned index)
{
    (void)index;
    notify_with(open_handle());
}

static unsigned count_written(void)
{
    unsigned count = 0;

    for (unsigned i = 0; i < EXPLORE_PROCESSES_MAX * EACH; ++i) {
        count += rnr_load_relaxed_u64(&world.written[i]) != 0;
    }
    return count;
}

static void wait_for_all(unsigned index)
{
    const uint64_t all = world.is.notifiers * EACH;
    uint64_t total = 0;

    while (total < all) {
        uint64_t count = 0;
        const RenoirErrorCode status =
            rnr_notifier_wait(world.handles[index], RENOIR_WAIT_FOREVER, &count);
        EXPLORE_CHECK(status == RENOIR_SUCCESS && count > 0);
        total += count;
        EXPLORE_CHECK(total <= world.notified + world.is.notifiers + explore_deaths());
        if (world.is.every_ns == 0) {
            EXPLORE_CHECK(count_written() >= total);
        }
    }
}

static void end(void)
{
    RenoirNotifierStats stats;
    unsigned in_flight = 0;

    for (unsigned i = 0; i < EXPLORE_PROCESSES_MAX; ++i) {
        in_flight += world.is_notifying[i];
    }
    rnr_notifier_stats(world.handles[0], &stats);
    EXPLORE_CHECK(stats.notifications >= world.notified);
    EXPLORE_CHECK(stats.notifications <= world.notified + in_flight);
}

static void begin_one(void)
{
    begin((Settings){.notifiers = 1, .waiters = 1, .every_count = 1});
}

static void begin_two(void)
{
    begin((Settings){.notifiers = 2, .waiters = 2, .every_count = 1});
}

static void begin_batch(void)
{
    begin((Settings){.notifiers = 1, .waiters = 1, .every_count = EACH});
}

// The batch is never whole: what ends the wait is the interval.
static void begin_interval(void)
{
    begin((Settings){
        .notifiers = 1, .waiters = 1, .every_count = 16, .every_ns = RENOIR_MILLISECONDS(10)});
}

#define NOTIFIER(index)                                                                            \
    {                                                                                              \
        .name = "notifier", .run = notify, .argument = (index), .successor = notify_after          \
    }
#define WAITER(index)                                                                              \
    {                                                                                              \
        .name = "waiter", .run = wait_for_all, .argument = (index)                                 \
    }

static const ExploreCase cases[] = {
    {.name = "one to one",
     .begin = begin_one,
     .end = end,
     .roles = {NOTIFIER(0), WAITER(1)},
     .deaths = 1},
    {.name = "two to two",
     .begin = begin_two,
     .end = end,
     .roles = {NOTIFIER(0), NOTIFIER(1), WAITER(2), WAITER(3)},
     .deaths = 1},
    {.name = "a batch",
     .begin = begin_batch,
     .end = end,
     .roles = {NOTIFIER(0), WAITER(1)},
     .deaths = 1},
    {.name = "an interval",
     .begin = begin_interval,
     .end = end,
     .roles = {NOTIFIER(0), WAITER(1)},
     .clock_runs = true,
     .deaths = 1},
};

const ExploreSuite explore_suite = {
    .name = "notifier", .cases = cases, .case_count = sizeof cases / sizeof cases[0]};
