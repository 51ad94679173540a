// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Sleepers and ringers that pause at random at every step of the doorbell. They sleep without
// slices: a wake-up that is lost is a hang.

#include <pthread.h>

#include "base/fault.h"
#include "layout/notifier_shm.h"
#include "memory/region_internal.h"
#include "platform/park.h"
#include "ring/wait.h"
#include "sync/bell.h"
#include "unit/ring/fixture.h"

enum { PAUSE = 200 }; // turns: about as long as the steps themselves take

static void pause_at_every_step(void)
{
    rnr_fault_dawdle(PAUSE);
}

// As the waits of the library, without slices. `look`: whether the sleep is over.
static void
sleep_until(const RnrBell *bell, bool has_barrier, bool (*look)(void *context), void *context)
{
    RnrNap nap = {0};
    for (;;) {
        if (has_barrier) {
            rnr_bell_arm(bell, &nap);
        } else if (!rnr_bell_is_armed(bell, &nap)) {
            rnr_bell_announce(bell, &nap);
        }
        RNR_FAULT_POINT("torture.armed");
        if (look(context)) {
            break;
        }
        RNR_FAULT_POINT("torture.looked");
        (void)rnr_park_wait(bell->word, nap.value, UINT64_MAX);
        RNR_FAULT_POINT("torture.woken");
    }
    rnr_bell_disarm(bell, &nap);
}

// --- one ringer, one sleeper ---------------------------------------------------------------------

static RenoirSpsc open_spsc(RenoirRegionHandle region, const char *name, uint32_t role)
{
    const RenoirRingOptions options = element_options(8, 8);
    RenoirSpsc ring;
    REQUIRE_OK(renoir_spsc_open(region, name, &options, role, &ring));
    return ring;
}

static bool has_element(void *context)
{
    return rnr_ring_look((const RenoirRingEnd *)context) == RENOIR_SUCCESS;
}

static void pop(RenoirSpsc *ring, uint64_t expected)
{
    uint64_t value = 0;
    const RnrBell bell = rnr_ring_bell_of(&ring->end, RENOIR_CONSUMER);
    sleep_until(&bell, true, has_element, &ring->end);
    REQUIRE_OK(renoir_spsc_try_pop(ring, &value, sizeof value));
    REQUIRE_EQ_U64(expected, value);
}

PEER(bouncer)
{
    RenoirRegionHandle region = join_region();
    RenoirSpsc from = open_spsc(region, "there", RENOIR_CONSUMER);
    RenoirSpsc to = open_spsc(region, "back", RENOIR_PRODUCER);
    pause_at_every_step();
    for (uint64_t i = 0; i < peer_arg_u64(0); ++i) {
        pop(&from, i);
        REQUIRE_OK(renoir_spsc_try_push(&to, &i, sizeof i));
    }
    peer_pause();
    renoir_ring_close(&from.end);
    renoir_ring_close(&to.end);
    renoir_region_close(region);
}

TEST_WITHIN(wakeup_torture,
            no_wake_is_lost_with_pauses_at_every_step,
            "R-072 T-061 T-090 concurrent_stress",
            3600)
{
    char text[32];
    const uint64_t rounds = test_scaled(5000000); // two sleeps each
    RenoirRegionHandle region = join_region();
    RenoirSpsc to = open_spsc(region, "there", RENOIR_PRODUCER);
    RenoirSpsc from = open_spsc(region, "back", RENOIR_CONSUMER);
    snprintf(text, sizeof text, "%llu", (unsigned long long)rounds);
    const TestPeer peer = peer_start(bouncer, text);
    pause_at_every_step();
    for (uint64_t i = 0; i < rounds; ++i) {
        REQUIRE_OK(renoir_spsc_try_push(&to, &i, sizeof i));
        pop(&from, i);
    }
    peer_send_line(peer, "done");
    CHECK_EXITED(peer, 0);
    renoir_ring_close(&to.end);
    renoir_ring_close(&from.end);
    renoir_region_close(region);
}

// --- several of both behind one bit --------------------------------------------------------------

enum { CONSUMERS = 3, POISON = -1 };

static RenoirMpmc open_mpmc(RenoirRegionHandle region, const char *name, uint32_t role)
{
    const RenoirRingOptions options = element_options(8, 16);
    RenoirMpmc ring;
    REQUIRE_OK(renoir_mpmc_open(region, name, &options, role, &ring));
    return ring;
}

// Another consumer may take what was seen: looks again.
static uint64_t pop_one_of_many(RenoirMpmc *ring)
{
    uint64_t value = 0;
    const RnrBell bell = rnr_ring_bell_of(&ring->end, RENOIR_CONSUMER);
    REQUIRE(bell.is_shared);
    while (renoir_mpmc_try_pop(ring, &value, sizeof value) != RENOIR_SUCCESS) {
        sleep_until(&bell, true, has_element, &ring->end);
    }
    return value;
}

PEER(sharing_consumer)
{
    RenoirRegionHandle region = join_region();
    RenoirMpmc from = open_mpmc(region, "work", RENOIR_CONSUMER);
    RenoirMpmc to = open_mpmc(region, "done", RENOIR_PRODUCER);
    pause_at_every_step();
    peer_say("open");
    for (;;) {
        const uint64_t value = pop_one_of_many(&from);
        if (value == (uint64_t)POISON) {
            break;
        }
        REQUIRE_OK(renoir_mpmc_try_push(&to, &value, sizeof value));
    }
    renoir_ring_close(&from.end);
    renoir_ring_close(&to.end);
    renoir_region_close(region);
}

TEST_WITHIN(wakeup_torture,
            no_wake_is_lost_among_sleepers_that_share_a_bit,
            "R-072 T-061 concurrent_stress",
            3600)
{
    RenoirRegionHandle region = join_region();
    RenoirMpmc to = open_mpmc(region, "work", RENOIR_PRODUCER);
    RenoirMpmc from = open_mpmc(region, "done", RENOIR_CONSUMER);
    TestPeer peers[CONSUMERS];
    for (int i = 0; i < CONSUMERS; ++i) {
        peers[i] = peer_start(sharing_consumer);
        REQUIRE(peer_expect(peers[i], "open"));
    }
    pause_at_every_step();
    for (uint64_t round = test_scaled(1000000); round > 0; --round) {
        const uint64_t burst = 1 + test_random_below(CONSUMERS);
        uint64_t sum = 0;
        for (uint64_t i = 0; i < burst; ++i) {
            REQUIRE_OK(renoir_mpmc_try_push(&to, &i, sizeof i));
            sum += i;
        }
        for (uint64_t i = 0; i < burst; ++i) {
            sum -= pop_one_of_many(&from);
        }
        REQUIRE_EQ_U64(0, sum);
    }
    for (int i = 0; i < CONSUMERS; ++i) {
        const uint64_t poison = (uint64_t)POISON;
        REQUIRE_OK(renoir_mpmc_try_push(&to, &poison, sizeof poison));
    }
    for (int i = 0; i < CONSUMERS; ++i) {
        CHECK_EXITED(peers[i], 0);
    }
    renoir_ring_close(&to.end);
    renoir_ring_close(&from.end);
    renoir_region_close(region);
}

// --- notifiers, which need no barrier ------------------------------------------------------------

typedef struct Listener {
    RenoirNotifierHandle notifier;
    RnrBell bell;
    uint64_t total;
} Listener;

static RnrNotifierShm *shm_of_notifier(RenoirRegionHandle region, const char *name)
{
    const RnrEntryShm *entry =
        (const RnrEntryShm *)(const void *)(region->base + RNR_REGION_ENTRIES_OFFSET);
    while (strcmp(entry->name, name) != 0) {
        ++entry;
    }
    return (RnrNotifierShm *)(void *)(region->base + rnr_load_relaxed_u64(&entry->offset));
}

static Listener listen(RenoirRegionHandle region, const char *name)
{
    Listener listener = {.total = 0};
    REQUIRE_OK(renoir_notifier_open(region, name, NULL, &listener.notifier));
    RnrNotifierShm *const shm = shm_of_notifier(region, name);
    listener.bell = (RnrBell){.sleepers = &shm->sleepers,
                              .word = &shm->bells[0],
                              .bit = RNR_NOTIFIER_BATCH_SLEEPS,
                              .is_shared = true};
    return listener;
}

static bool was_notified(void *context)
{
    Listener *const listener = context;
    uint64_t count = 0;
    if (renoir_notifier_wait(listener->notifier, RENOIR_NO_WAIT, &count) != RENOIR_SUCCESS) {
        return false;
    }
    listener->total += count;
    return true;
}

PEER(notified)
{
    RenoirRegionHandle region = join_region();
    Listener from = listen(region, "there");
    RenoirNotifierHandle to = NULL;
    REQUIRE_OK(renoir_notifier_open(region, "back", NULL, &to));
    pause_at_every_step();
    peer_say("open");
    const uint64_t rounds = peer_arg_u64(0);
    for (uint64_t i = 1; i <= rounds; ++i) {
        sleep_until(&from.bell, false, was_notified, &from);
        REQUIRE_EQ_U64(i, from.total);
        REQUIRE_OK(renoir_notifier_notify(to));
    }
    renoir_notifier_close(from.notifier);
    renoir_notifier_close(to);
    renoir_region_close(region);
}

TEST_WITHIN(wakeup_torture,
            no_notification_is_lost_with_pauses_at_every_step,
            "R-121 T-061 concurrent_stress",
            3600)
{
    enum { LISTENERS = 2 };
    char text[32];
    const uint64_t rounds = test_scaled(1000000);
    RenoirRegionHandle region = join_region();
    Listener from = listen(region, "back");
    RenoirNotifierHandle to = NULL;
    TestPeer peers[LISTENERS];
    REQUIRE_OK(renoir_notifier_open(region, "there", NULL, &to));
    snprintf(text, sizeof text, "%llu", (unsigned long long)rounds);
    for (int i = 0; i < LISTENERS; ++i) {
        peers[i] = peer_start(notified, text);
        REQUIRE(peer_expect(peers[i], "open"));
    }
    pause_at_every_step();
    for (uint64_t i = 1; i <= rounds; ++i) {
        REQUIRE_OK(renoir_notifier_notify(to));
        while (from.total < i * LISTENERS) { // each of them answers
            sleep_until(&from.bell, false, was_notified, &from);
        }
        REQUIRE_EQ_U64(i * LISTENERS, from.total);
    }
    for (int i = 0; i < LISTENERS; ++i) {
        CHECK_EXITED(peers[i], 0);
    }
    renoir_notifier_close(from.notifier);
    renoir_notifier_close(to);
    renoir_region_close(region);
}
