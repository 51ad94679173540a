// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Ends of rings in a wait set, and a thousand of them.

#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ring/ring.h"
#include "ring/wait.h"
#include "sync/waitset_internal.h"
#include "unit/ring/fixture.h"

enum { EVENTS = 16 };

static RenoirWaitsetHandle make_set(void)
{
    RenoirWaitsetHandle set = NULL;
    REQUIRE_OK(renoir_waitset_create(NULL, &set));
    return set;
}

static RenoirSpsc open_spsc(RenoirRegionHandle region, const char *name, uint32_t role)
{
    const RenoirRingOptions options = element_options(8, 8);
    RenoirSpsc ring;
    REQUIRE_OK(renoir_spsc_open(region, name, &options, role, &ring));
    return ring;
}

static void add(RenoirWaitsetHandle set, RenoirRingEnd *end)
{
    REQUIRE_OK(renoir_waitset_add(set, renoir_ring_waitable(end), end));
}

static RenoirErrorCode look(RenoirWaitsetHandle set, RenoirWaitEvent *events, size_t *out_count)
{
    return renoir_waitset_wait(set, RENOIR_NO_WAIT, events, EVENTS, out_count);
}

// Waits for one event, and says what it is.
static uint32_t next_event(RenoirWaitsetHandle set, const void *user)
{
    RenoirWaitEvent event;
    size_t count = 0;
    REQUIRE_OK(renoir_waitset_wait(set, RENOIR_WAIT_FOREVER, &event, 1, &count));
    REQUIRE_EQ_U64(1, count);
    CHECK(event.user == user);
    return event.events;
}

TEST(waitset_ring, both_ends_are_reported_while_they_can_go_on, "R-072 R-124 sync_pattern")
{
    RenoirRegionHandle region = join_region();
    RenoirSpsc producer = open_spsc(region, "r", RENOIR_PRODUCER);
    RenoirSpsc consumer = open_spsc(region, "r", RENOIR_CONSUMER);
    RenoirWaitsetHandle set = make_set();
    RenoirWaitEvent events[EVENTS];
    size_t count = 0;
    uint64_t value = 7;
    add(set, &producer.end);
    add(set, &consumer.end);
    CHECK_EQ_U64(RENOIR_WAIT_READY, next_event(set, &producer.end));
    while (renoir_spsc_try_push(&producer, &value, sizeof value) == RENOIR_SUCCESS) {
    }
    CHECK_EQ_U64(RENOIR_WAIT_READY, next_event(set, &consumer.end));
    CHECK_OK(renoir_spsc_try_pop(&consumer, &value, sizeof value));
    CHECK_OK(look(set, events, &count));
    CHECK_EQ_U64(2, count);
    while (renoir_spsc_try_pop(&consumer, &value, sizeof value) == RENOIR_SUCCESS) {
    }
    CHECK_OK(renoir_waitset_remove(set, &producer.end));
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, look(set, events, &count));
    CHECK_STATUS(RENOIR_TIMEOUT, renoir_waitset_wait(set, 1, events, EVENTS, &count));
    CHECK_OK(renoir_spsc_try_push(&producer, &value, sizeof value));
    CHECK_OK(look(set, events, &count)); // the push has told it
    CHECK_EQ_U64(1, count);
    renoir_ring_close(&producer.end);
    renoir_ring_close(&consumer.end);
    CHECK_EQ_U64(0, set->member_count);
    renoir_waitset_close(set);
    renoir_region_close(region);
}

TEST(waitset_ring, an_end_that_cannot_be_waited_for_gives_no_waitable, "R-072 R-124 security_edge")
{
    RenoirRegionHandle region = join_region();
    RenoirRingOptions options = element_options(8, 8);
    RenoirSpsc ring;
    options.flags = 0;
    REQUIRE_OK(renoir_spsc_open(region, "quiet", &options, RENOIR_CONSUMER, &ring));
    CHECK(renoir_ring_waitable(&ring.end) == NULL);
    CHECK_STR_CONTAINS("RENOIR_RING_WAITABLE", renoir_last_error_message());
    CHECK(renoir_ring_waitable(NULL) == NULL);
    renoir_ring_close(&ring.end);
    CHECK(renoir_ring_waitable(&ring.end) == NULL); // closed
    CHECK(renoir_producer_waitable(NULL) == NULL);
    CHECK(renoir_consumer_waitable(NULL) == NULL);
    renoir_region_close(region);
}

// --- deaths and departures -----------------------------------------------------------------------

PEER(producing)
{
    RenoirRegionHandle region = join_region();
    RenoirSpsc ring = open_spsc(region, "r", RENOIR_PRODUCER);
    const uint64_t value = 3;
    REQUIRE_OK(renoir_spsc_try_push(&ring, &value, sizeof value));
    peer_say("pushed");
    peer_pause();
    renoir_ring_close(&ring.end);
    renoir_region_close(region);
}

static void a_producer_goes(bool is_killed)
{
    RenoirRegionHandle region = join_region();
    RenoirSpsc consumer = open_spsc(region, "r", RENOIR_CONSUMER);
    RenoirWaitsetHandle set = make_set();
    RenoirWaitEvent events[EVENTS];
    size_t count = 0;
    uint64_t value = 0;
    add(set, &consumer.end);
    CHECK_STATUS(RENOIR_TIMEOUT, // one that never came is waited for
                 renoir_waitset_wait(set, RENOIR_MILLISECONDS(70), events, EVENTS, &count));
    const TestPeer peer = peer_start(producing);
    REQUIRE(peer_expect(peer, "pushed"));
    CHECK_EQ_U64(RENOIR_WAIT_READY, next_event(set, &consumer.end));
    if (is_killed) {
        CHECK_KILLED(peer_kill(peer, SIGKILL));
    } else {
        REQUIRE(peer_send_line(peer, "go"));
        CHECK_EXITED(peer, 0);
    }
    CHECK_EQ_U64(RENOIR_WAIT_READY, next_event(set, &consumer.end)); // what is left comes first
    CHECK_OK(renoir_spsc_try_pop(&consumer, &value, sizeof value));
    CHECK_EQ_U64(3, value);
    CHECK_EQ_U64(RENOIR_WAIT_DISCONNECTED, next_event(set, &consumer.end));
    CHECK_EQ_U64(RENOIR_WAIT_DISCONNECTED, next_event(set, &consumer.end)); // still
    RenoirSpsc producer = open_spsc(region, "r", RENOIR_PRODUCER);          // a successor
    CHECK_STATUS(RENOIR_TIMEOUT,
                 renoir_waitset_wait(set, RENOIR_MILLISECONDS(70), events, EVENTS, &count));
    CHECK_OK(renoir_spsc_try_push(&producer, &value, sizeof value));
    CHECK_EQ_U64(RENOIR_WAIT_READY, next_event(set, &consumer.end));
    renoir_ring_close(&producer.end);
    renoir_ring_close(&consumer.end);
    renoir_waitset_close(set);
    leave_region_and_reap(region);
}

TEST(waitset_ring, the_death_of_a_peer_is_an_event, "R-072 R-124 T-095 reliability")
{
    a_producer_goes(true);
}

TEST(waitset_ring, a_peer_that_closes_is_an_event, "R-072 R-124 reliability")
{
    a_producer_goes(false);
}

TEST(waitset_ring, a_stopped_peer_is_no_death, "R-124 T-094 reliability")
{
    RenoirRegionHandle region = join_region();
    RenoirSpsc consumer = open_spsc(region, "r", RENOIR_CONSUMER);
    RenoirWaitsetHandle set = make_set();
    RenoirWaitEvent events[EVENTS];
    size_t count = 0;
    uint64_t value = 0;
    const TestPeer peer = peer_start(producing);
    add(set, &consumer.end);
    REQUIRE(peer_expect(peer, "pushed"));
    CHECK_OK(renoir_spsc_try_pop(&consumer, &value, sizeof value));
    peer_signal(peer, SIGSTOP);
    CHECK_STATUS(RENOIR_TIMEOUT,
                 renoir_waitset_wait(set, RENOIR_MILLISECONDS(250), events, EVENTS, &count));
    peer_signal(peer, SIGCONT);
    REQUIRE(peer_send_line(peer, "go"));
    CHECK_EQ_U64(RENOIR_WAIT_DISCONNECTED, next_event(set, &consumer.end));
    CHECK_EXITED(peer, 0);
    renoir_ring_close(&consumer.end);
    renoir_waitset_close(set);
    renoir_region_close(region);
}

// --- beside other waits --------------------------------------------------------------------------

static void *push_later(void *argument)
{
    const uint64_t value = 1;
    test_sleep_ms(10);
    (void)renoir_spsc_try_push((RenoirSpsc *)argument, &value, sizeof value);
    return NULL;
}

TEST(waitset_ring, a_wait_at_the_end_itself_does_not_silence_the_set, "R-072 R-124 T-061 tsan")
{
    RenoirRegionHandle region = join_region();
    RenoirSpsc producer = open_spsc(region, "r", RENOIR_PRODUCER);
    RenoirSpsc consumer = open_spsc(region, "r", RENOIR_CONSUMER);
    RenoirWaitsetHandle set = make_set();
    RenoirWaitEvent events[EVENTS];
    size_t count = 0;
    uint64_t value = 0;
    add(set, &consumer.end);
    for (int round = 0; round < 10; ++round) {
        pthread_t thread;
        CHECK_STATUS(RENOIR_TIMEOUT, renoir_waitset_wait(set, 1, events, EVENTS, &count));
        if (round % 2 == 0) {
            REQUIRE(pthread_create(&thread, NULL, push_later, &producer) == 0);
            CHECK_OK(renoir_ring_wait(&consumer.end, RENOIR_WAIT_FOREVER));
            REQUIRE(pthread_join(thread, NULL) == 0);
            CHECK_OK(renoir_spsc_try_pop(&consumer, &value, sizeof value));
        } else {
            CHECK_STATUS(RENOIR_TIMEOUT, renoir_ring_wait(&consumer.end, RENOIR_MILLISECONDS(1)));
        }
        CHECK_OK(renoir_spsc_try_push(&producer, &value, sizeof value));
        if (round % 2 != 0) { // still announced: told by the push, without a close look
            CHECK_OK(look(set, events, &count));
        }
        CHECK_EQ_U64(RENOIR_WAIT_READY, next_event(set, &consumer.end));
        CHECK_OK(renoir_spsc_try_pop(&consumer, &value, sizeof value));
    }
    renoir_ring_close(&producer.end);
    renoir_ring_close(&consumer.end);
    renoir_waitset_close(set);
    renoir_region_close(region);
}

TEST(waitset_ring, queues_in_memory_wake_a_set_of_the_same_process, "R-072 R-124 tsan")
{
    RenoirRingBufferHandle queue = NULL;
    RenoirProducerHandle producer = NULL;
    RenoirConsumerHandle consumer = NULL;
    RenoirWaitsetHandle set = make_set();
    RenoirWaitEvent events[EVENTS];
    size_t count = 0;
    uint64_t value = 5;
    REQUIRE_OK(renoir_ringbuffer_create(16, sizeof value, &queue));
    REQUIRE_OK(renoir_ringbuffer_producer(queue, &producer));
    REQUIRE_OK(renoir_ringbuffer_consumer(queue, &consumer));
    REQUIRE_OK(renoir_waitset_add(set, renoir_consumer_waitable(consumer), consumer));
    CHECK_STATUS(RENOIR_TIMEOUT, renoir_waitset_wait(set, 1, events, EVENTS, &count));
    CHECK_OK(renoir_producer_push(producer, &value, sizeof value));
    CHECK_OK(look(set, events, &count)); // told by the push
    CHECK_EQ_U64(1, count);
    CHECK_OK(renoir_consumer_pop(consumer, &value, sizeof value));
    REQUIRE_OK(renoir_waitset_add(set, renoir_producer_waitable(producer), producer));
    CHECK_EQ_U64(RENOIR_WAIT_READY, next_event(set, producer));
    renoir_producer_close(producer);
    CHECK_EQ_U64(RENOIR_WAIT_DISCONNECTED, next_event(set, consumer));
    CHECK_OK(renoir_ringbuffer_destroy(queue));
    CHECK_EQ_U64(0, set->member_count);
    renoir_waitset_close(set);
}

PEER(pushing_on_demand)
{
    RenoirRegionHandle region = join_region();
    RenoirSpsc ring = open_spsc(region, "r", RENOIR_PRODUCER);
    char line[16];
    const uint64_t value = 4;
    peer_say("open");
    while (peer_hear(line, sizeof line)) {
        REQUIRE_OK(renoir_spsc_try_push(&ring, &value, sizeof value));
        peer_say("done");
    }
    renoir_ring_close(&ring.end);
    renoir_region_close(region);
}

TEST(waitset_ring, a_set_is_told_before_the_push_returns, "R-072 R-124 T-061 communication")
{
    RenoirRegionHandle region = join_region();
    RenoirSpsc consumer = open_spsc(region, "r", RENOIR_CONSUMER);
    RenoirWaitsetHandle set = make_set();
    RenoirWaitEvent events[EVENTS];
    size_t count = 0;
    uint64_t value = 0;
    const TestPeer peer = peer_start(pushing_on_demand);
    REQUIRE(peer_expect(peer, "open"));
    add(set, &consumer.end);
    for (int i = 0; i < 50; ++i) {
        CHECK_STATUS(RENOIR_TIMEOUT, renoir_waitset_wait(set, 1, events, EVENTS, &count));
        REQUIRE(peer_send_line(peer, "go"));
        REQUIRE(peer_expect(peer, "done"));
        CHECK_OK(look(set, events, &count));
        CHECK_EQ_U64(1, count);
        CHECK_OK(renoir_spsc_try_pop(&consumer, &value, sizeof value));
    }
    CHECK_KILLED(peer_kill(peer, SIGKILL));
    renoir_ring_close(&consumer.end);
    renoir_waitset_close(set);
    leave_region_and_reap(region);
}

// --- many ends of one ring -----------------------------------------------------------------------

static RenoirMpmc open_mpmc(RenoirRegionHandle region, uint32_t role)
{
    const RenoirRingOptions options = element_options(8, 8);
    RenoirMpmc ring;
    REQUIRE_OK(renoir_mpmc_open(region, "m", &options, role, &ring));
    return ring;
}

TEST(waitset_ring, consumers_that_share_a_bell_are_all_told, "R-072 R-124 T-061 sync_pattern")
{
    enum { CONSUMERS = 4 };
    RenoirRegionHandle region = join_region();
    RenoirMpmc producer = open_mpmc(region, RENOIR_PRODUCER);
    RenoirMpmc consumers[CONSUMERS];
    RenoirWaitsetHandle sets[CONSUMERS];
    RenoirWaitEvent events[EVENTS];
    size_t count = 0;
    uint64_t value = 0;
    for (int i = 0; i < CONSUMERS; ++i) {
        consumers[i] = open_mpmc(region, RENOIR_CONSUMER);
        sets[i] = make_set();
        add(sets[i], &consumers[i].end);
    }
    for (int round = 0; round < 10; ++round) {
        for (int i = 0; i < CONSUMERS; ++i) {
            CHECK_STATUS(RENOIR_TIMEOUT, renoir_waitset_wait(sets[i], 1, events, EVENTS, &count));
        }
        CHECK_OK(renoir_mpmc_try_push(&producer, &value, sizeof value));
        for (int i = 0; i < CONSUMERS; ++i) {
            CHECK_OK(look(sets[i], events, &count)); // none has taken it yet
        }
        CHECK_OK(renoir_mpmc_try_pop(&consumers[round % CONSUMERS], &value, sizeof value));
        for (int i = 0; i < CONSUMERS; ++i) {
            CHECK_STATUS(RENOIR_BUFFER_EMPTY, look(sets[i], events, &count));
        }
    }
    renoir_ring_close(&producer.end);
    for (int i = 0; i < CONSUMERS; ++i) {
        CHECK_EQ_U64(RENOIR_WAIT_DISCONNECTED, next_event(sets[i], &consumers[i].end));
        renoir_ring_close(&consumers[i].end);
        renoir_waitset_close(sets[i]);
    }
    renoir_region_close(region);
}

TEST(waitset_ring, one_living_producer_of_several_is_enough, "R-072 R-124 T-095 reliability")
{
    RenoirRegionHandle region = join_region();
    RenoirMpmc first = open_mpmc(region, RENOIR_PRODUCER);
    RenoirMpmc second = open_mpmc(region, RENOIR_PRODUCER);
    RenoirMpmc consumer = open_mpmc(region, RENOIR_CONSUMER);
    RenoirWaitsetHandle set = make_set();
    RenoirWaitEvent events[EVENTS];
    size_t count = 0;
    add(set, &consumer.end);
    renoir_ring_close(&first.end);
    CHECK_STATUS(RENOIR_TIMEOUT,
                 renoir_waitset_wait(set, RENOIR_MILLISECONDS(120), events, EVENTS, &count));
    renoir_ring_close(&second.end);
    CHECK_EQ_U64(RENOIR_WAIT_DISCONNECTED, next_event(set, &consumer.end));
    renoir_ring_close(&consumer.end);
    renoir_waitset_close(set);
    renoir_region_close(region);
}

// --- a thousand ----------------------------------------------------------------------------------

enum { THOUSAND = 1000, PEER_RINGS = 20 };

static RenoirRegionHandle join_large_region(void)
{
    RenoirRegionConfig config = renoir_region_config_default();
    RenoirRegionOptions options = renoir_region_options_default();
    RenoirRegionHandle region = NULL;
    config.name = "thousand";
    config.size = 8 << 20;
    options.max_objects = 1100;
    REQUIRE_OK(renoir_region_create_with(NULL, &config, &options, &region));
    return region;
}

static void name_ring(char name[16], size_t number)
{
    snprintf(name, 16, "r%zu", number);
}

// Holds the other ends of the first rings, and pushes where it is told to.
PEER(producing_for_many)
{
    RenoirRegionHandle region = join_large_region();
    static RenoirSpsc rings[PEER_RINGS];
    char line[32];
    for (size_t i = 0; i < PEER_RINGS; ++i) {
        char name[16];
        name_ring(name, i * (THOUSAND / PEER_RINGS));
        rings[i] = open_spsc(region, name, RENOIR_PRODUCER);
    }
    peer_say("open");
    while (peer_hear(line, sizeof line)) {
        const uint64_t number = strtoull(line, NULL, 10);
        REQUIRE_OK(renoir_spsc_try_push(&rings[number], &number, sizeof number));
    }
    for (size_t i = 0; i < PEER_RINGS; ++i) {
        renoir_ring_close(&rings[i].end);
    }
    renoir_region_close(region);
}

static uint64_t cpu_time_ns(void)
{
    struct rusage usage;
    REQUIRE(getrusage(RUSAGE_SELF, &usage) == 0);
    return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000u +
           (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000u;
}

TEST_WITHIN(waitset_ring,
            a_thousand_members_sleep_as_one,
            "R-072 R-124 T-012 T-114 real_time serial",
            120)
{
    RenoirRegionHandle region = join_large_region();
    RenoirWaitsetHandle set = make_set();
    static RenoirSpsc consumers[THOUSAND];
    RenoirWaitEvent events[EVENTS];
    size_t count = 0;
    for (size_t i = 0; i < THOUSAND; ++i) {
        char name[16];
        name_ring(name, i);
        consumers[i] = open_spsc(region, name, RENOIR_CONSUMER);
        add(set, &consumers[i].end);
    }
    const TestPeer peer = peer_start(producing_for_many);
    REQUIRE(peer_expect(peer, "open"));
    CHECK_STATUS(RENOIR_TIMEOUT,
                 renoir_waitset_wait(set, RENOIR_MILLISECONDS(200), events, EVENTS, &count));

    const uint64_t before = cpu_time_ns();
    CHECK_STATUS(RENOIR_TIMEOUT,
                 renoir_waitset_wait(set, RENOIR_SECONDS(5), events, EVENTS, &count));
    const uint64_t used = cpu_time_ns() - before;
    printf("a thousand members, 5 s asleep: %llu microseconds of CPU\n",
           (unsigned long long)(used / 1000));
    // 1 %: more would be a wait that does not sleep. An emulator works ten times as long for a
    // look.
    CHECK(used < RENOIR_MILLISECONDS(50) * (test_is_emulated() ? 10 : 1));

    for (uint64_t i = 0; i < 200; ++i) {
        const uint64_t which = test_random_below(PEER_RINGS);
        RenoirSpsc *const ring = &consumers[which * (THOUSAND / PEER_RINGS)];
        uint64_t value = 0;
        REQUIRE(peer_send_line(peer, "%llu", (unsigned long long)which));
        CHECK_EQ_U64(RENOIR_WAIT_READY, next_event(set, &ring->end));
        CHECK_OK(renoir_spsc_try_pop(ring, &value, sizeof value));
        CHECK_EQ_U64(which, value);
    }
    CHECK_KILLED(peer_kill(peer, SIGKILL));
    for (size_t left = PEER_RINGS; left > 0;) {
        CHECK_OK(renoir_waitset_wait(set, RENOIR_WAIT_FOREVER, events, EVENTS, &count));
        for (size_t i = 0; i < count; ++i, --left) {
            CHECK_EQ_U64(RENOIR_WAIT_DISCONNECTED, events[i].events);
            CHECK_OK(renoir_waitset_remove(set, events[i].user));
        }
    }
    for (size_t i = 0; i < THOUSAND; ++i) {
        renoir_ring_close(&consumers[i].end);
    }
    renoir_waitset_close(set);
    CHECK_OK(renoir_region_destroy(region));
    CHECK_OK(renoir_node_reap(NULL, NULL));
}
