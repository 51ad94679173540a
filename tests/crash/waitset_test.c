// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Wait sets that die at each step, and what they leave; ringers that die on their way to them.

#include <errno.h>

#include "base/fault.h"
#include "sync/waitset_internal.h"
#include "unit/ring/fixture.h"

static unsigned count_bells(void)
{
    return test_count_entries(test_root_path("renoir/bells"));
}

static unsigned count_nodes(void)
{
    return test_count_entries(test_root_path("renoir/nodes"));
}

static RenoirSpsc open_spsc(RenoirRegionHandle region, uint32_t role)
{
    const RenoirRingOptions options = element_options(8, 16);
    RenoirSpsc ring;
    REQUIRE_OK(renoir_spsc_open(region, "r", &options, role, &ring));
    return ring;
}

static RenoirNotifierHandle open_notifier(RenoirRegionHandle region)
{
    RenoirNotifierHandle notifier = NULL;
    REQUIRE_OK(renoir_notifier_open(region, "n", NULL, &notifier));
    return notifier;
}

// --- sets that die -------------------------------------------------------------------------------

// Arguments: the point where it dies, if any; whether it leaves the ring to others.
PEER(dying_set)
{
    RenoirRegionHandle region = join_region();
    RenoirSpsc ring = {.end = {.internal = NULL}};
    RenoirNotifierHandle notifier = open_notifier(region);
    RenoirWaitsetHandle set = NULL;
    RenoirWaitEvent event;
    size_t count = 0;
    if (peer_arg(0)[0] != '\0') {
        rnr_fault_arm(peer_arg(0), RNR_FAULT_KILL, 1);
    }
    REQUIRE_OK(renoir_waitset_create(NULL, &set));
    if (peer_arg(1)[0] == '\0') {
        ring = open_spsc(region, RENOIR_CONSUMER);
        REQUIRE_OK(renoir_waitset_add(set, renoir_ring_waitable(&ring.end), NULL));
    }
    REQUIRE_OK(renoir_waitset_add(set, renoir_notifier_waitable(notifier), NULL));
    peer_say("made");
    (void)renoir_waitset_wait(set, RENOIR_WAIT_FOREVER, &event, 1, &count);
    CHECK_UNREACHABLE();
}

static void a_set_dies(const char *point)
{
    RenoirRegionHandle region = join_region();
    RenoirSpsc producer = open_spsc(region, RENOIR_PRODUCER);
    RenoirNotifierHandle notifier = open_notifier(region);
    RenoirReapReport report;
    uint64_t value = 1;
    CHECK_KILLED(peer_run(dying_set, point));
    CHECK_EQ_U64(1, count_bells());

    // Whoever rings it does not fail, does not wait, and rings it once.
    for (int i = 0; i < 3; ++i) {
        CHECK_OK(renoir_spsc_try_push(&producer, &value, sizeof value));
        CHECK_OK(renoir_notifier_notify(notifier));
    }
    CHECK_EQ_U64(0, rnr_load_relaxed_u32(&shm_of(&producer.end)->sleepers));
    RnrRingEndShm *const end = rnr_ring_end_shm(shm_of(&producer.end), 1);
    CHECK_EQ_U64(0, rnr_load_relaxed_u64(&end->post));

    CHECK_OK(renoir_node_reap(NULL, &report));
    CHECK_EQ_U64(1, report.node_count);
    CHECK_EQ_U64(1, report.object_count);
    CHECK_EQ_U64(0, count_bells());
    CHECK_EQ_U64(1, count_nodes());

    RenoirSpsc consumer = open_spsc(region, RENOIR_CONSUMER);
    for (int i = 0; i < 3; ++i) {
        CHECK_OK(renoir_spsc_try_pop(&consumer, &value, sizeof value));
    }
    renoir_ring_close(&consumer.end);
    renoir_ring_close(&producer.end);
    renoir_notifier_close(notifier);
    renoir_region_close(region);
}

TEST(waitset_crash, a_set_that_died_when_it_was_announced_is_in_nobodys_way, "R-124 T-061 T-046")
{
    a_set_dies("waitset.wait.announced");
}

TEST(waitset_crash, a_set_that_died_before_it_slept_is_in_nobodys_way, "R-124 T-061 T-046")
{
    a_set_dies("waitset.wait.barrier");
}

TEST(waitset_crash, a_set_that_died_asleep_is_in_nobodys_way, "R-124 T-061 T-046 reliability")
{
    a_set_dies("waitset.wait.sleep");
}

TEST(waitset_crash, the_next_join_removes_what_a_killed_set_left, "R-124 T-046 reliability")
{
    for (int i = 0; i < 3; ++i) {
        const TestPeer peer = peer_start(dying_set, "");
        REQUIRE(peer_expect(peer, "made"));
        test_sleep_ms(5);
        CHECK_KILLED(peer_kill(peer, SIGKILL));
        CHECK_EQ_U64(1, count_bells());
        RenoirManagerHandle manager = renoir_manager_create();
        REQUIRE(manager != NULL);
        CHECK_EQ_U64(0, count_bells());
        CHECK_EQ_U64(1, count_nodes());
        CHECK_OK(renoir_manager_destroy(manager));
    }
}

TEST(waitset_crash, the_sets_of_the_living_are_spared, "R-124 T-046 T-051 reliability")
{
    RenoirRegionHandle region = join_region();
    RenoirNotifierHandle notifier = open_notifier(region);
    RenoirWaitsetHandle set = NULL;
    RenoirWaitEvent event;
    size_t count = 0;
    const TestPeer stopped = peer_start(dying_set, "");
    REQUIRE_OK(renoir_waitset_create(NULL, &set));
    REQUIRE_OK(renoir_waitset_add(set, renoir_notifier_waitable(notifier), NULL));
    REQUIRE(peer_expect(stopped, "made"));
    peer_signal(stopped, SIGSTOP);
    CHECK_KILLED(peer_run(dying_set, "waitset.wait.sleep", "no ring"));
    CHECK_EQ_U64(3, count_bells());
    CHECK_OK(renoir_node_reap(NULL, NULL));
    CHECK_EQ_U64(2, count_bells());
    CHECK_STATUS(RENOIR_TIMEOUT, renoir_waitset_wait(set, 1, &event, 1, &count));
    CHECK_OK(renoir_notifier_notify(notifier));
    CHECK_OK(renoir_waitset_wait(set, RENOIR_NO_WAIT, &event, 1, &count)); // it was told
    CHECK_KILLED(peer_kill(stopped, SIGKILL));
    renoir_waitset_close(set);
    renoir_notifier_close(notifier);
    leave_region_and_reap(region);
    CHECK_EQ_U64(0, count_bells());
}

PEER(dying_reaper)
{
    RenoirNodeInfo info;
    REQUIRE_OK(renoir_node_self(NULL, &info));
    peer_say("joined");
    peer_pause();
    rnr_fault_arm(peer_arg(0), RNR_FAULT_KILL, 1);
    (void)renoir_node_reap(NULL, NULL);
    CHECK_UNREACHABLE();
}

TEST(waitset_crash, a_reaper_that_dies_leaves_the_rest_to_the_next, "R-124 T-046 reliability")
{
    static const char *const points[] = {"reap.regions", "post.reap", "reap.bells"};
    for (size_t i = 0; i < sizeof points / sizeof points[0]; ++i) {
        const TestPeer reaper = peer_start(dying_reaper, points[i]);
        const TestPeer peer = peer_start(dying_set, "");
        REQUIRE(peer_expect(reaper, "joined"));
        REQUIRE(peer_expect(peer, "made"));
        CHECK_KILLED(peer_kill(peer, SIGKILL));
        REQUIRE(peer_send_line(reaper, "go"));
        CHECK_KILLED(reaper);
        CHECK_EQ_U64(i < 2 ? 1 : 0, count_bells());
        CHECK_OK(renoir_node_reap(NULL, NULL));
        CHECK_EQ_U64(0, count_bells());
        CHECK_EQ_U64(1, count_nodes());
    }
}

PEER(ending_without_closing)
{
    RenoirWaitsetHandle set = NULL;
    test_allow_heap_leaks();
    test_allow_open();
    REQUIRE_OK(renoir_waitset_create(NULL, &set));
    CHECK_EQ_U64(1, count_bells());
}

TEST(waitset_crash, a_process_that_ends_without_closing_takes_the_name_along, "R-124 T-046")
{
    CHECK_EXITED(peer_start(ending_without_closing), 0);
    CHECK_EQ_U64(0, count_bells());
    CHECK_EQ_U64(0, count_nodes());
}

// --- ringers that die ----------------------------------------------------------------------------

PEER(dying_ringer)
{
    RenoirSpsc ring = open_spsc(join_region(), RENOIR_PRODUCER);
    const uint64_t value = 9;
    peer_say("open");
    peer_pause();
    rnr_fault_arm(peer_arg(0), RNR_FAULT_KILL, 1);
    REQUIRE_OK(renoir_spsc_try_push(&ring, &value, sizeof value));
    CHECK_UNREACHABLE();
}

static void a_ringer_dies(const char *point)
{
    RenoirRegionHandle region = join_region();
    RenoirSpsc consumer = open_spsc(region, RENOIR_CONSUMER);
    RenoirWaitsetHandle set = NULL;
    RenoirWaitEvent event;
    size_t count = 0;
    uint64_t value = 0;
    REQUIRE_OK(renoir_waitset_create(NULL, &set));
    REQUIRE_OK(renoir_waitset_add(set, renoir_ring_waitable(&consumer.end), NULL));
    const TestPeer peer = peer_start(dying_ringer, point);
    REQUIRE(peer_expect(peer, "open"));
    CHECK_STATUS(RENOIR_TIMEOUT, renoir_waitset_wait(set, 1, &event, 1, &count));
    REQUIRE(peer_send_line(peer, "go"));
    CHECK_OK(renoir_waitset_wait(set, RENOIR_WAIT_FOREVER, &event, 1, &count));
    CHECK_EQ_U64(RENOIR_WAIT_READY, event.events);
    CHECK_OK(renoir_spsc_try_pop(&consumer, &value, sizeof value));
    CHECK_EQ_U64(9, value);
    CHECK_KILLED(peer);
    CHECK_OK(renoir_waitset_wait(set, RENOIR_WAIT_FOREVER, &event, 1, &count));
    CHECK_EQ_U64(RENOIR_WAIT_DISCONNECTED, event.events);

    RenoirSpsc producer = open_spsc(region, RENOIR_PRODUCER);
    CHECK_STATUS(RENOIR_TIMEOUT, renoir_waitset_wait(set, 1, &event, 1, &count));
    CHECK_OK(renoir_spsc_try_push(&producer, &value, sizeof value));
    CHECK_OK(renoir_waitset_wait(set, RENOIR_NO_WAIT, &event, 1, &count)); // announced anew: told
    renoir_ring_close(&producer.end);
    renoir_waitset_close(set);
    renoir_ring_close(&consumer.end);
    leave_region_and_reap(region);
}

TEST(waitset_crash,
     a_ringer_that_died_before_it_changed_the_bell_leaves_no_set_asleep,
     "R-124 T-061")
{
    a_ringer_dies("bell.ring.cleared");
}

TEST(waitset_crash, a_ringer_that_died_before_it_told_the_set_leaves_it_not_asleep, "R-124 T-061")
{
    a_ringer_dies("bell.ring.changed");
}

// --- systems that refuse -------------------------------------------------------------------------

TEST(waitset_crash, each_refusal_of_the_system_is_reported_and_leaves_nothing, "R-124 T-082")
{
    static const char *const calls[] = {"epoll_create", "eventfd", "timerfd", "socket"};
    RenoirNodeInfo info;
    REQUIRE_OK(renoir_node_self(NULL, &info));
    const unsigned before = test_count_descriptors();
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; ++i) {
        RenoirWaitsetHandle set = NULL;
        rnr_fault_arm_errno(calls[i], EMFILE, 1);
        const RenoirErrorCode status = renoir_waitset_create(NULL, &set);
        CHECK_STATUS(RENOIR_LIMIT_REACHED, status);
        CHECK(set == NULL);
        CHECK_EQ_U64(before, test_count_descriptors());
        CHECK_EQ_U64(0, count_bells());
    }
}

TEST(waitset_crash, a_ringer_without_descriptors_leaves_no_set_asleep, "R-124 T-061 reliability")
{
    RenoirRegionHandle region = join_region();
    RenoirNotifierHandle notifier = open_notifier(region);
    RenoirWaitsetHandle set = NULL;
    RenoirWaitEvent event;
    size_t count = 0;
    REQUIRE_OK(renoir_waitset_create(NULL, &set));
    REQUIRE_OK(renoir_waitset_add(set, renoir_notifier_waitable(notifier), NULL));
    CHECK_STATUS(RENOIR_TIMEOUT, renoir_waitset_wait(set, 1, &event, 1, &count));
    rnr_fault_arm_errno("socket", EMFILE, 1);
    CHECK_OK(renoir_notifier_notify(notifier));
    CHECK_OK(renoir_waitset_wait(set, RENOIR_WAIT_FOREVER, &event, 1, &count)); // a close look
    CHECK_EQ_U64(1, count);
    renoir_waitset_close(set);
    renoir_notifier_close(notifier);
    renoir_region_close(region);
}
