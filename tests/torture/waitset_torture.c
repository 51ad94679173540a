// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Wait sets of two processes that wake each other through rings and notifiers, pausing at random at
// every step; and producers that are killed at random. But for the latter the sets make no close
// looks: what they are not told is a hang.

#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include "base/fault.h"
#include "sync/waitset_internal.h"
#include "unit/ring/fixture.h"

enum { RINGS = 4, NOTIFIERS = 4, WAYS = RINGS + NOTIFIERS, PAUSE = 200 };

// One side: a set with the ends that are read from, and the ends that are written to.
typedef struct Side {
    RenoirRegionHandle region;
    RenoirWaitsetHandle set;
    RenoirSpsc in[RINGS];
    RenoirSpsc out[RINGS];
    RenoirNotifierHandle heard[NOTIFIERS];
    RenoirNotifierHandle said[NOTIFIERS];
    uint64_t pending[WAYS]; // asked for, not answered yet
    int fd;                 // -1: waits in the set itself
} Side;

static void name_way(char name[16], const char *direction, int number)
{
    snprintf(name, 16, "%s%d", direction, number);
}

static RenoirSpsc open_ring(const Side *side, const char *direction, int number, uint32_t role)
{
    const RenoirRingOptions options = element_options(8, 8);
    char name[16];
    RenoirSpsc ring;
    name_way(name, direction, number);
    REQUIRE_OK(renoir_spsc_open(side->region, name, &options, role, &ring));
    return ring;
}

static RenoirNotifierHandle open_notifier(const Side *side, const char *direction, int number)
{
    char name[16];
    RenoirNotifierHandle notifier = NULL;
    name_way(name, direction, 100 + number);
    REQUIRE_OK(renoir_notifier_open(side->region, name, NULL, &notifier));
    return notifier;
}

static void *way(int number)
{
    return (void *)(uintptr_t)number;
}

static void open_side(Side *side, const char *in, const char *out, bool uses_fd)
{
    memset(side, 0, sizeof *side);
    side->region = join_region();
    side->fd = -1;
    REQUIRE_OK(renoir_waitset_create(NULL, &side->set));
    for (int i = 0; i < RINGS; ++i) {
        side->in[i] = open_ring(side, in, i, RENOIR_CONSUMER);
        side->out[i] = open_ring(side, out, i, RENOIR_PRODUCER);
    }
    for (int i = 0; i < NOTIFIERS; ++i) {
        side->heard[i] = open_notifier(side, in, i);
        side->said[i] = open_notifier(side, out, i);
    }
    for (int i = 0; i < RINGS; ++i) { // now that they stay where they are
        REQUIRE_OK(renoir_waitset_add(side->set, renoir_ring_waitable(&side->in[i].end), way(i)));
    }
    for (int i = 0; i < NOTIFIERS; ++i) {
        REQUIRE_OK(renoir_waitset_add(side->set, renoir_notifier_waitable(side->heard[i]),
                                      way(RINGS + i)));
    }
    side->set->next_close_ns = UINT64_MAX; // no close looks
    side->set->spin_ns = 0;
    if (uses_fd) {
        REQUIRE_OK(renoir_waitset_fd(side->set, &side->fd));
    }
}

static void close_side(Side *side)
{
    renoir_waitset_close(side->set);
    for (int i = 0; i < RINGS; ++i) {
        renoir_ring_close(&side->in[i].end);
        renoir_ring_close(&side->out[i].end);
    }
    for (int i = 0; i < NOTIFIERS; ++i) {
        renoir_notifier_close(side->heard[i]);
        renoir_notifier_close(side->said[i]);
    }
    renoir_region_close(side->region);
}

static void say(Side *side, int number)
{
    const uint64_t value = (uint64_t)number;
    if (number < RINGS) {
        REQUIRE_OK(renoir_spsc_try_push(&side->out[number], &value, sizeof value));
    } else {
        REQUIRE_OK(renoir_notifier_notify(side->said[number - RINGS]));
    }
}

// Takes what one way has; returns how many.
static uint64_t hear(Side *side, int number)
{
    uint64_t count = 0;
    uint64_t value = 0;
    if (number >= RINGS) {
        (void)renoir_notifier_wait(side->heard[number - RINGS], RENOIR_NO_WAIT, &count);
        return count;
    }
    while (renoir_spsc_try_pop(&side->in[number], &value, sizeof value) == RENOIR_SUCCESS) {
        REQUIRE_EQ_U64((uint64_t)number, value);
        count += 1;
    }
    return count;
}

// One wait. Leaves now and then something for the next one.
static size_t wait_once(Side *side, RenoirWaitEvent *events, size_t capacity)
{
    size_t count = 0;
    if (side->fd < 0) {
        REQUIRE_OK(renoir_waitset_wait(side->set, RENOIR_WAIT_FOREVER, events, capacity, &count));
        return count;
    }
    struct pollfd one = {.fd = side->fd, .events = POLLIN};
    (void)poll(&one, 1, -1);
    const RenoirErrorCode status =
        renoir_waitset_wait(side->set, RENOIR_NO_WAIT, events, capacity, &count);
    REQUIRE(status == RENOIR_SUCCESS || status == RENOIR_BUFFER_EMPTY);
    return count;
}

PEER(echo)
{
    static Side side;
    open_side(&side, "there", "back", peer_arg_u64(1) != 0);
    rnr_fault_dawdle(PAUSE);
    peer_say("open");
    for (uint64_t left = peer_arg_u64(0); left > 0;) {
        RenoirWaitEvent events[3];
        const size_t count = wait_once(&side, events, 1 + (size_t)test_random_below(3));
        for (size_t i = 0; i < count; ++i) {
            const int number = (int)(uintptr_t)events[i].user;
            for (uint64_t heard = hear(&side, number); heard > 0; --heard) {
                say(&side, number);
                REQUIRE(left > 0);
                left -= 1;
            }
        }
    }
    peer_pause();
    close_side(&side);
}

static void ask_and_hear(Side *side, uint64_t burst)
{
    for (uint64_t i = 0; i < burst; ++i) {
        const int number = (int)test_random_below(WAYS);
        say(side, number);
        side->pending[number] += 1;
    }
    while (burst > 0) {
        RenoirWaitEvent events[WAYS];
        const size_t count = wait_once(side, events, 1 + (size_t)test_random_below(WAYS));
        for (size_t i = 0; i < count; ++i) {
            const int number = (int)(uintptr_t)events[i].user;
            const uint64_t heard = hear(side, number);
            REQUIRE(heard <= side->pending[number]);
            side->pending[number] -= heard;
            burst -= heard;
        }
    }
}

static void echo_all(bool uses_fd)
{
    static Side side;
    char text[32];
    uint64_t left = test_scaled(1000000);
    open_side(&side, "back", "there", uses_fd);
    snprintf(text, sizeof text, "%llu", (unsigned long long)left);
    const TestPeer peer = peer_start(echo, text, uses_fd ? "1" : "0");
    REQUIRE(peer_expect(peer, "open"));
    rnr_fault_dawdle(PAUSE);
    while (left > 0) {
        const uint64_t most = left < 6 ? left : 6;
        const uint64_t burst = 1 + test_random_below(most);
        ask_and_hear(&side, burst);
        left -= burst;
    }
    peer_send_line(peer, "done");
    CHECK_EXITED(peer, 0);
    close_side(&side);
}

TEST_WITHIN(waitset_torture,
            two_sets_that_wake_each_other_lose_nothing,
            "R-121 R-124 T-061 concurrent_stress",
            3600)
{
    echo_all(false);
}

TEST_WITHIN(waitset_torture,
            two_poll_loops_on_descriptors_lose_nothing,
            "R-102 R-124 T-013 T-061 concurrent_stress",
            3600)
{
    echo_all(true);
}

// --- the moment of lying down --------------------------------------------------------------------

static void dawdle(uint64_t most)
{
    for (uint64_t i = test_random_below(most + 1); i > 0; --i) {
        rnr_relax();
    }
}

static RenoirSpsc open_line(RenoirRegionHandle region, const char *name, uint32_t role)
{
    const RenoirRingOptions options = element_options(8, 8);
    RenoirSpsc ring;
    REQUIRE_OK(renoir_spsc_open(region, name, &options, role, &ring));
    return ring;
}

// Never sleeps, and answers at a random moment within the time that the set takes to announce
// itself, so that its look at the bit and the set's look at the index fall together.
PEER(quick_answerer)
{
    RenoirRegionHandle region = join_region();
    RenoirSpsc from = open_line(region, "asked", RENOIR_CONSUMER);
    RenoirSpsc to = open_line(region, "answered", RENOIR_PRODUCER);
    for (uint64_t left = peer_arg_u64(0); left > 0; --left) {
        uint64_t value = 0;
        while (renoir_spsc_try_pop(&from, &value, sizeof value) != RENOIR_SUCCESS) {
        }
        dawdle(30);
        REQUIRE_OK(renoir_spsc_try_push(&to, &value, sizeof value));
    }
    peer_pause();
    renoir_ring_close(&from.end);
    renoir_ring_close(&to.end);
    renoir_region_close(region);
}

TEST_WITHIN(waitset_torture,
            nothing_is_lost_at_the_moment_of_lying_down,
            "R-072 R-124 T-061 concurrent_stress",
            3600)
{
    char text[32];
    const uint64_t rounds = test_scaled(2000000);
    RenoirRegionHandle region = join_region();
    RenoirSpsc to = open_line(region, "asked", RENOIR_PRODUCER);
    RenoirSpsc from = open_line(region, "answered", RENOIR_CONSUMER);
    RenoirWaitsetHandle set = NULL;
    REQUIRE_OK(renoir_waitset_create(NULL, &set));
    REQUIRE_OK(renoir_waitset_add(set, renoir_ring_waitable(&from.end), NULL));
    set->next_close_ns = UINT64_MAX; // no close looks
    set->spin_ns = 0;
    snprintf(text, sizeof text, "%llu", (unsigned long long)rounds);
    const TestPeer peer = peer_start(quick_answerer, text);
    for (uint64_t i = 0; i < rounds; ++i) {
        RenoirWaitEvent event;
        size_t count = 0;
        uint64_t value = 0;
        REQUIRE_OK(renoir_spsc_try_push(&to, &i, sizeof i));
        dawdle(10);
        REQUIRE_OK(renoir_waitset_wait(set, RENOIR_WAIT_FOREVER, &event, 1, &count));
        REQUIRE_OK(renoir_spsc_try_pop(&from, &value, sizeof value));
        REQUIRE_EQ_U64(i, value);
    }
    peer_send_line(peer, "done");
    CHECK_EXITED(peer, 0);
    renoir_waitset_close(set);
    renoir_ring_close(&to.end);
    renoir_ring_close(&from.end);
    renoir_region_close(region);
}

// --- two threads, for the thread sanitizer -------------------------------------------------------

static void *echo_in_thread(void *argument)
{
    Side *const side = argument;
    for (uint64_t left = test_scaled(200000); left > 0;) {
        RenoirWaitEvent events[WAYS];
        const size_t count = wait_once(side, events, WAYS);
        for (size_t i = 0; i < count; ++i) {
            const int number = (int)(uintptr_t)events[i].user;
            for (uint64_t heard = hear(side, number); heard > 0; --heard, --left) {
                say(side, number);
            }
        }
    }
    return NULL;
}

TEST_WITHIN(waitset_torture,
            two_threads_race_for_nothing,
            "R-121 R-124 T-029 T-049 concurrent_stress tsan",
            600)
{
    static Side here;
    static Side there;
    pthread_t thread;
    open_side(&here, "back", "there", false);
    open_side(&there, "there", "back", false);
    REQUIRE(pthread_create(&thread, NULL, echo_in_thread, &there) == 0);
    for (uint64_t left = test_scaled(200000); left > 0;) {
        const uint64_t burst = 1 + test_random_below(left < 6 ? left : 6);
        ask_and_hear(&here, burst);
        left -= burst;
    }
    REQUIRE(pthread_join(thread, NULL) == 0);
    close_side(&there);
    close_side(&here);
}

// --- random deaths -------------------------------------------------------------------------------

enum { VICTIMS = 4 };

static RenoirSpsc open_stream(RenoirRegionHandle region, int number, uint32_t role)
{
    const RenoirRingOptions options = element_options(8, 64);
    char name[16];
    RenoirSpsc ring;
    snprintf(name, sizeof name, "stream%d", number);
    REQUIRE_OK(renoir_spsc_open(region, name, &options, role, &ring));
    return ring;
}

// Goes on where its predecessor died: the ring's own count says where that is.
PEER(victim)
{
    RenoirRegionHandle region = join_region();
    RenoirSpsc ring = open_stream(region, (int)peer_arg_u64(0), RENOIR_PRODUCER);
    for (;;) {
        const uint64_t next = ring.end.position;
        const RenoirErrorCode status = renoir_spsc_try_push(&ring, &next, sizeof next);
        if (status == RENOIR_BUFFER_FULL) {
            REQUIRE_OK(renoir_ring_wait(&ring.end, RENOIR_WAIT_FOREVER));
        } else {
            REQUIRE_OK(status);
        }
        if (test_random_below(8) == 0) {
            usleep((useconds_t)test_random_below(300)); // so that the set falls asleep
        }
    }
}

typedef struct Stream {
    RenoirSpsc ring;
    TestPeer peer;
    uint64_t next;
    bool is_killed;
} Stream;

static TestPeer start_victim(int number)
{
    char text[16];
    snprintf(text, sizeof text, "%d", number);
    return peer_start(victim, text);
}

TEST_WITHIN(waitset_torture,
            producers_killed_at_random_moments_lose_no_element_and_are_missed,
            "R-072 R-124 T-001 T-061 T-095 reliability",
            3600)
{
    RenoirRegionHandle region = join_region();
    RenoirWaitsetHandle set = NULL;
    static Stream streams[VICTIMS];
    uint64_t deaths = 0;
    const uint64_t wanted = test_scaled(5000);
    REQUIRE_OK(renoir_waitset_create(NULL, &set));
    for (int i = 0; i < VICTIMS; ++i) {
        streams[i].ring = open_stream(region, i, RENOIR_CONSUMER);
        streams[i].peer = start_victim(i);
        REQUIRE_OK(
            renoir_waitset_add(set, renoir_ring_waitable(&streams[i].ring.end), &streams[i]));
    }
    REQUIRE_OK(renoir_waitset_add_timer(set, RENOIR_MILLISECONDS(3), NULL));
    while (deaths < wanted) {
        RenoirWaitEvent events[VICTIMS + 1];
        size_t count = 0;
        REQUIRE_OK(renoir_waitset_wait(set, RENOIR_WAIT_FOREVER, events, VICTIMS + 1, &count));
        for (size_t i = 0; i < count; ++i) {
            Stream *const stream = events[i].user;
            uint64_t value = 0;
            if (stream == NULL) { // the timer
                Stream *const next = &streams[test_random_below(VICTIMS)];
                if (!next->is_killed && next->next > 0) {
                    peer_signal(next->peer, SIGKILL);
                    next->is_killed = true;
                }
                continue;
            }
            // it is reported until the successor has come
            if ((events[i].events & RENOIR_WAIT_DISCONNECTED) != 0 && stream->is_killed) {
                CHECK_KILLED(stream->peer);
                stream->peer = start_victim((int)(stream - streams));
                stream->is_killed = false;
                deaths += 1;
            }
            while (renoir_spsc_try_pop(&stream->ring, &value, sizeof value) == RENOIR_SUCCESS) {
                REQUIRE_EQ_U64(stream->next, value);
                stream->next += 1;
            }
        }
    }
    for (int i = 0; i < VICTIMS; ++i) {
        peer_signal(streams[i].peer, SIGKILL);
        CHECK_KILLED(streams[i].peer);
        renoir_ring_close(&streams[i].ring.end);
    }
    renoir_waitset_close(set);
    leave_region_and_reap(region);
}
