// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Notifiers whose users die at each step of notifying and sleeping.

#include "base/fault.h"
#include "harness/test.h"
#include "layout/notifier_shm.h"
#include "memory/region_internal.h"
#include "renoir.h"

static RenoirRegionHandle join_region(void)
{
    RenoirRegionConfig config = renoir_region_config_default();
    RenoirRegionHandle region = NULL;
    config.name = "events";
    config.size = 1 << 20;
    REQUIRE_OK(renoir_region_create(NULL, &config, &region));
    return region;
}

static RenoirNotifierHandle open_notifier(RenoirRegionHandle region)
{
    RenoirNotifierHandle notifier = NULL;
    REQUIRE_OK(renoir_notifier_open(region, "n", NULL, &notifier));
    return notifier;
}

static RnrNotifierShm *shm_in(RenoirRegionHandle region)
{
    const RnrEntryShm *const entry =
        (const RnrEntryShm *)(const void *)(region->base + RNR_REGION_ENTRIES_OFFSET);
    return (RnrNotifierShm *)(void *)(region->base + rnr_load_relaxed_u64(&entry->offset));
}

static void leave_and_reap(RenoirNotifierHandle notifier, RenoirRegionHandle region)
{
    renoir_notifier_close(notifier);
    renoir_region_close(region);
    CHECK_OK(renoir_node_reap(NULL, NULL));
}

// Notifies until it dies, which is when somebody sleeps.
PEER(dying_notifier)
{
    RenoirNotifierHandle notifier = open_notifier(join_region());
    rnr_fault_arm(peer_arg(0), RNR_FAULT_KILL, 1);
    peer_say("open");
    peer_pause();
    for (;;) {
        REQUIRE_OK(renoir_notifier_notify(notifier));
        test_sleep_ms(20);
    }
}

static void a_notifier_dies(const char *point)
{
    RenoirRegionHandle region = join_region();
    RenoirNotifierHandle notifier = open_notifier(region);
    const TestPeer peer = peer_start(dying_notifier, point);
    uint64_t total = 0;
    uint64_t count = 0;
    REQUIRE(peer_expect(peer, "open"));
    REQUIRE(peer_send_line(peer, "go"));
    // What it counted before it died is found, although nobody woke this sleeper; and no more.
    while (renoir_notifier_wait(notifier, RENOIR_MILLISECONDS(700), &count) == RENOIR_SUCCESS) {
        total += count;
    }
    CHECK(total > 0);
    CHECK_EQ_U64(total, rnr_load_relaxed_u64(&shm_in(region)->count));
    CHECK_KILLED(peer);
    CHECK_OK(renoir_notifier_notify(notifier));
    CHECK_OK(renoir_notifier_wait(notifier, RENOIR_NO_WAIT, &count));
    CHECK_EQ_U64(1, count);
    leave_and_reap(notifier, region);
}

TEST(notifier_crash, one_that_counted_and_died_has_notified, "R-121 T-061 reliability")
{
    a_notifier_dies("notifier.notify.counted");
}

TEST(notifier_crash, one_that_died_before_it_changed_the_bell_leaves_no_sleeper, "R-121 T-061")
{
    a_notifier_dies("bell.ring.cleared");
}

TEST(notifier_crash, one_that_died_before_it_woke_leaves_no_sleeper, "R-121 T-061 reliability")
{
    a_notifier_dies("bell.ring.changed");
}

TEST(notifier_crash, a_wait_set_that_was_not_told_finds_out_by_itself, "R-121 R-124 T-061")
{
    static const char *const points[] = {"notifier.notify.counted", "bell.ring.cleared",
                                         "bell.ring.changed", "audience.tell.taken"};
    for (size_t i = 0; i < sizeof points / sizeof points[0]; ++i) {
        RenoirRegionHandle region = join_region();
        RenoirNotifierHandle notifier = open_notifier(region);
        RenoirWaitsetHandle set = NULL;
        RenoirWaitEvent event;
        size_t events = 0;
        uint64_t count = 0;
        REQUIRE_OK(renoir_waitset_create(NULL, &set));
        REQUIRE_OK(renoir_waitset_add(set, renoir_notifier_waitable(notifier), NULL));
        CHECK_STATUS(RENOIR_TIMEOUT, renoir_waitset_wait(set, 1, &event, 1, &events));
        const TestPeer peer = peer_start(dying_notifier, points[i]);
        REQUIRE(peer_expect(peer, "open"));
        REQUIRE(peer_send_line(peer, "go"));
        CHECK_OK(renoir_waitset_wait(set, RENOIR_WAIT_FOREVER, &event, 1, &events));
        CHECK_EQ_U64(1, events);
        CHECK_KILLED(peer);
        CHECK_OK(renoir_notifier_wait(notifier, RENOIR_NO_WAIT, &count));
        CHECK_EQ_U64(1, count);
        CHECK_STATUS(RENOIR_TIMEOUT, renoir_waitset_wait(set, 1, &event, 1, &events));
        CHECK_OK(renoir_notifier_notify(notifier)); // announced anew: told at once
        CHECK_OK(renoir_waitset_wait(set, RENOIR_NO_WAIT, &event, 1, &events));
        renoir_waitset_close(set);
        leave_and_reap(notifier, region);
    }
}

PEER(dying_sleeper)
{
    RenoirNotifierHandle notifier = open_notifier(join_region());
    uint64_t count = 0;
    rnr_fault_arm("notifier.wait.announced", RNR_FAULT_KILL, 1);
    (void)renoir_notifier_wait(notifier, RENOIR_WAIT_FOREVER, &count);
    CHECK_UNREACHABLE();
}

TEST(notifier_crash, a_dead_sleeper_costs_one_needless_ring, "R-121 T-061 reliability")
{
    RenoirRegionHandle region = join_region();
    RenoirNotifierHandle notifier = open_notifier(region);
    RnrNotifierShm *const shm = shm_in(region);
    CHECK_KILLED(peer_run(dying_sleeper));
    CHECK_EQ_U64(RNR_NOTIFIER_BATCH_SLEEPS, rnr_load_relaxed_u32(&shm->sleepers));
    CHECK_OK(renoir_notifier_notify(notifier));
    CHECK_EQ_U64(0, rnr_load_relaxed_u32(&shm->sleepers));
    CHECK_EQ_U64(1, rnr_load_relaxed_u64(&shm->wakes));
    CHECK_OK(renoir_notifier_notify(notifier));
    CHECK_EQ_U64(1, rnr_load_relaxed_u64(&shm->wakes));
    leave_and_reap(notifier, region);
}
