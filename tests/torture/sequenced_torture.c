// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Sequenced rings between processes and threads: pipelines, ends that come and go at full speed,
// and ends that are killed.

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "platform/park.h"
#include "ring/ring.h"
#include "sync/bell.h"
#include "unit/ring/fixture.h"

enum { CONSUMERS = 5, BATCH = 8, PRODUCERS = 4 };

// Tells a torn, an old and a doubled element from a good one.
typedef struct Element {
    uint64_t producer;
    uint64_t number; // 1, 2, 3 … of this producer
    uint64_t check;
} Element;

static Element make(uint64_t producer, uint64_t number)
{
    return (Element){producer, number, (producer << 48 ^ number) * 0x9e3779b97f4a7c15u};
}

static RenoirRingOptions options_of(uint64_t capacity, uint32_t flags)
{
    RenoirRingOptions options = element_options(sizeof(Element), capacity);
    options.flags |= flags;
    options.max_ends = CONSUMERS;
    return options;
}

static RenoirSequenced open_end(const RenoirRingOptions *options,
                                const char *name,
                                uint32_t role,
                                uint32_t index,
                                uint64_t after)
{
    RenoirSequenced ring;
    if (options->memory != NULL) {
        REQUIRE_OK(renoir_sequenced_open(NULL, NULL, options, role, index, after, &ring));
        return ring;
    }
    RenoirRegionHandle region = join_region();
    REQUIRE_OK(renoir_sequenced_open(region, name, options, role, index, after, &ring));
    renoir_region_close(region);
    return ring;
}

// --- both sides ----------------------------------------------------------------------------------

static void wait_for(RenoirSequenced *ring)
{
    const RenoirErrorCode status = renoir_ring_wait(&ring->end, RENOIR_SECONDS(50));
    if (status != RENOIR_SUCCESS) {
        FAIL("a wait ended with %s", renoir_error_name(status));
    }
}

// The first half goes ahead.
static void produce_in_place(RenoirSequenced *ring, uint64_t id, uint64_t number, size_t count)
{
    const size_t half = count / 2;
    uint64_t first = 0;
    while (renoir_sequenced_claim(ring, count, &first) != RENOIR_SUCCESS) {
        wait_for(ring);
    }
    for (size_t i = 0; i < count; ++i) {
        *(Element *)renoir_sequenced_slot(ring, first + i) = make(id, number + i);
    }
    renoir_sequenced_publish(ring, first, half);
    renoir_sequenced_publish(ring, first + half, count - half);
}

static void produce(RenoirSequenced *ring, uint64_t id, uint64_t from, uint64_t count)
{
    const uint64_t most = ring->end.mask + 1 < BATCH ? ring->end.mask + 1 : BATCH;
    for (uint64_t number = from; number < from + count;) {
        Element elements[BATCH];
        size_t batch = 1 + (size_t)test_random_below(most);
        batch = batch > from + count - number ? (size_t)(from + count - number) : batch;
        for (size_t i = 0; i < batch; ++i) {
            elements[i] = make(id, number + i);
        }
        if (batch % 2 == 0) {
            produce_in_place(ring, id, number, batch);
        } else {
            while (renoir_sequenced_try_push_n(ring, elements, sizeof elements[0], batch) !=
                   RENOIR_SUCCESS) {
                wait_for(ring);
            }
        }
        number += batch;
    }
}

// What a consumer has seen.
typedef struct Seen {
    uint64_t next[PRODUCERS]; // by producer; 0: none yet
    uint64_t sequence;
    uint64_t count;
    uint64_t hash; // of all elements in order: the same for all who have seen all
} Seen;

static void see(Seen *seen, const Element *element, uint64_t sequence)
{
    const Element copy = *element;
    const Element whole = make(copy.producer, copy.number);
    REQUIRE_EQ_U64(whole.check, copy.check);
    REQUIRE(copy.producer < PRODUCERS);
    if (seen->next[copy.producer] != 0) {
        REQUIRE_EQ_U64(seen->next[copy.producer], copy.number);
    }
    REQUIRE(sequence > seen->sequence);
    seen->next[copy.producer] = copy.number + 1;
    seen->sequence = sequence;
    seen->hash = (seen->hash ^ copy.check) * 0x100000001b3u;
    ++seen->count;
}

// Those that it comes after must have passed it.
static void check_order(const RenoirSequenced *ring, uint64_t sequence)
{
    const uint32_t first = (ring->end.flags & RENOIR_RING_MULTI_PRODUCER) != 0 ? 32 : 1;
    for (uint32_t i = 0; i < CONSUMERS; ++i) {
        if ((ring->end.after_mask >> i & 1) != 0) {
            // [sequenced.cursor: acquire] As the ring itself looks at it.
            REQUIRE(rnr_load_acquire_u64(
                        &rnr_ring_end_shm(shm_of(&ring->end), first + i)->cursor) >= sequence);
        }
    }
}

// Until it has seen so many, in each of the ways there are.
static void consume(RenoirSequenced *ring, Seen *seen, uint64_t count)
{
    while (seen->count < count) {
        Element elements[BATCH];
        uint64_t sequence = 0;
        size_t got = 0;
        RenoirErrorCode status;
        const uint64_t how = test_random_below(3);
        if (how == 0) {
            status = renoir_sequenced_try_consume(ring, elements, sizeof elements[0], &sequence);
            got = status == RENOIR_SUCCESS;
        } else if (how == 1) {
            const uint64_t left = count - seen->count;
            status =
                renoir_sequenced_consume_n(ring, elements, sizeof elements[0],
                                           left < BATCH ? (size_t)left : BATCH, &sequence, &got);
        } else {
            status = renoir_sequenced_peek(ring, &sequence, &got);
            got = got > count - seen->count ? (size_t)(count - seen->count) : got;
            for (size_t i = 0; i < got; ++i) {
                see(seen, (const Element *)renoir_sequenced_slot(ring, sequence + i), sequence + i);
            }
            check_order(ring, seen->sequence);
            renoir_sequenced_consume(ring, got);
            got = 0;
        }
        for (size_t i = 0; i < got; ++i) {
            see(seen, &elements[i], sequence + i);
            check_order(ring, sequence + i);
        }
        if (status == RENOIR_BUFFER_EMPTY) {
            wait_for(ring);
        } else {
            REQUIRE_OK(status);
        }
    }
}

// --- a pipeline ----------------------------------------------------------------------------------

PEER(stage)
{
    const RenoirRingOptions options = options_of(peer_arg_u64(0), (uint32_t)peer_arg_u64(1));
    RenoirSequenced ring =
        open_end(&options, "r", RENOIR_CONSUMER, (uint32_t)peer_arg_u64(2), peer_arg_u64(3));
    Seen seen = {0};
    (void)peer_say("ready");
    consume(&ring, &seen, peer_arg_u64(4));
    renoir_ring_close(&ring.end);
    (void)peer_say("%llu", (unsigned long long)seen.hash);
}

PEER(source)
{
    const RenoirRingOptions options = options_of(peer_arg_u64(0), (uint32_t)peer_arg_u64(1));
    RenoirSequenced ring = open_end(&options, "r", RENOIR_PRODUCER, 0, 0);
    (void)peer_say("ready");
    peer_pause(); // the stages would find all producers gone if one was done before the next came
    produce(&ring, peer_arg_u64(2), 1, peer_arg_u64(3));
    renoir_ring_close(&ring.end);
}

static const char *text_of(uint64_t value)
{
    static char texts[16][24];
    static unsigned next;
    char *const text = texts[next++ % 16];
    (void)snprintf(text, sizeof texts[0], "%llu", (unsigned long long)value);
    return text;
}

static void pipeline(uint64_t capacity, uint64_t producers, uint64_t count)
{
    static const char *const after[] = {"0", "1", "1", "6"}; // A, B and C after it, D after both
    const char *const flags = text_of(producers > 1 ? (uint64_t)RENOIR_RING_MULTI_PRODUCER : 0);
    const char *const size = text_of(capacity);
    TestPeer stages[4];
    TestPeer sources[PRODUCERS];
    char hash[4][32];
    for (unsigned i = 0; i < 4; ++i) {
        stages[i] =
            peer_start(stage, size, flags, text_of(i), after[i], text_of(count * producers));
        REQUIRE(peer_expect(stages[i], "ready"));
    }
    for (unsigned i = 0; i < producers; ++i) {
        sources[i] = peer_start(source, size, flags, text_of(i), text_of(count));
        REQUIRE(peer_expect(sources[i], "ready"));
    }
    for (unsigned i = 0; i < producers; ++i) {
        REQUIRE(peer_send_line(sources[i], "go"));
    }
    for (unsigned i = 0; i < 4; ++i) {
        REQUIRE(peer_read_line(stages[i], hash[i], sizeof hash[i]));
        CHECK_STR(hash[0], hash[i]); // all have seen the same
        CHECK_EXITED(stages[i], 0);
    }
    for (unsigned i = 0; i < producers; ++i) {
        CHECK_EXITED(sources[i], 0);
    }
    CHECK_OK(renoir_node_reap(NULL, NULL));
}

TEST_WITHIN(sequenced_torture,
            a_pipeline_of_processes_sees_all_in_order,
            "R-079 R-080 concurrent_stress",
            1800)
{
    pipeline(64, 1, test_scaled(2000000));
}

TEST_WITHIN(sequenced_torture,
            a_pipeline_behind_three_processes_sees_all_in_order,
            "R-079 R-080 concurrent_stress",
            1800)
{
    pipeline(32, 3, test_scaled(500000));
}

TEST_WITHIN(sequenced_torture,
            a_pipeline_in_the_smallest_ring,
            "R-079 R-080 concurrent_stress",
            1800)
{
    pipeline(2, 2, test_scaled(100000));
}

// --- threads -------------------------------------------------------------------------------------

typedef struct Part {
    const RenoirRingOptions *options;
    uint32_t role;
    uint64_t id; // of the producer, or of the consumer
    uint64_t after;
    uint64_t count;
    uint64_t hash;
    RnrAtomicU32 *came;
    uint32_t expected; // to come
    RnrAtomicU32 *stop;
} Part;

static void meet(const Part *part)
{
    // [hint: relaxed] A counter.
    (void)rnr_fetch_add_relaxed_u32(part->came, 1);
    // [hint: relaxed] As above.
    while (rnr_load_relaxed_u32(part->came) < part->expected) {
        test_sleep_ms(1);
    }
}

static void *run_producer(void *argument)
{
    const Part *const part = (const Part *)argument;
    RenoirSequenced ring = open_end(part->options, NULL, RENOIR_PRODUCER, 0, 0);
    meet(part);
    produce(&ring, part->id, 1, part->count);
    renoir_ring_close(&ring.end);
    return NULL;
}

// Comes and goes while the others run: what it finds from its first element on is whole and without
// a gap, whoever was about to overwrite it when it came.
static void *run_visitor(void *argument)
{
    const Part *const part = (const Part *)argument;
    // [hint: relaxed] Seen a round later, at worst.
    while (rnr_load_relaxed_u32(part->stop) == 0) {
        RenoirSequenced ring =
            open_end(part->options, NULL, RENOIR_CONSUMER, (uint32_t)part->id, part->after);
        Seen seen = {0};
        const uint64_t most = test_random_below(40);
        for (unsigned i = 0; i < 1000 && seen.count < most; ++i) {
            Element element;
            uint64_t sequence = 0;
            if (renoir_sequenced_try_consume(&ring, &element, sizeof element, &sequence) ==
                RENOIR_SUCCESS) {
                see(&seen, &element, sequence);
                check_order(&ring, sequence);
            }
        }
        renoir_ring_close(&ring.end);
    }
    return NULL;
}

static void *run_consumer(void *argument)
{
    Part *const part = (Part *)argument;
    RenoirSequenced ring =
        open_end(part->options, NULL, RENOIR_CONSUMER, (uint32_t)part->id, part->after);
    Seen seen = {0};
    meet(part);
    consume(&ring, &seen, part->count);
    part->hash = seen.hash;
    renoir_ring_close(&ring.end);
    return NULL;
}

static void threads(uint64_t capacity, uint32_t producers, uint64_t count)
{
    const RenoirRingOptions options =
        in_memory(RENOIR_RING_SEQUENCED,
                  options_of(capacity, producers > 1 ? (uint32_t)RENOIR_RING_MULTI_PRODUCER : 0));
    RnrAtomicU32 came = {0};
    RnrAtomicU32 stop = {0};
    Part consumers[2];
    Part visitors[2];
    Part sources[PRODUCERS];
    pthread_t running[4 + PRODUCERS];
    // Holds until all have come, so that the two consumers see all.
    RenoirSequenced holder = open_end(&options, NULL, RENOIR_CONSUMER, 4, 0);
    for (unsigned i = 0; i < 2; ++i) {
        consumers[i] = (Part){.options = &options,
                              .role = RENOIR_CONSUMER,
                              .id = i,
                              .after = i,
                              .count = count * producers,
                              .came = &came,
                              .expected = 2 + producers};
        REQUIRE(pthread_create(&running[i], NULL, run_consumer, &consumers[i]) == 0);
        visitors[i] = (Part){
            .options = &options, .role = RENOIR_CONSUMER, .id = 2 + i, .after = i, .stop = &stop};
        REQUIRE(pthread_create(&running[2 + i], NULL, run_visitor, &visitors[i]) == 0);
    }
    for (unsigned i = 0; i < producers; ++i) {
        sources[i] = (Part){.options = &options,
                            .role = RENOIR_PRODUCER,
                            .id = i,
                            .count = count,
                            .came = &came,
                            .expected = 2 + producers};
        REQUIRE(pthread_create(&running[4 + i], NULL, run_producer, &sources[i]) == 0);
    }
    // [hint: relaxed] As above.
    while (rnr_load_relaxed_u32(&came) < 2 + producers) {
        test_sleep_ms(1);
    }
    test_sleep_ms(5); // for visitors to meet a ring that is full
    renoir_ring_close(&holder.end);
    for (unsigned i = 0; i < 2; ++i) {
        REQUIRE(pthread_join(running[i], NULL) == 0);
    }
    // [hint: relaxed] As above.
    rnr_store_relaxed_u32(&stop, 1);
    for (unsigned i = 2; i < 4 + producers; ++i) {
        REQUIRE(pthread_join(running[i], NULL) == 0);
    }
    CHECK_EQ_U64(consumers[0].hash, consumers[1].hash);
    CHECK_OK(rnr_ring_check(options.memory, options.memory_size, "r"));
    free(options.memory);
}

TEST_WITHIN(sequenced_torture,
            consumers_that_come_and_go_at_full_speed_find_all_from_their_first_on,
            "R-079 R-080 concurrent_stress tsan",
            1800)
{
    threads(16, 1, test_scaled(1000000));
}

TEST_WITHIN(sequenced_torture,
            consumers_that_come_and_go_among_many_producers_find_all_from_their_first_on,
            "R-079 R-080 concurrent_stress tsan",
            1800)
{
    threads(8, 2, test_scaled(400000));
}

// --- sleeping ------------------------------------------------------------------------------------

// As renoir_ring_wait, but without slices: a wake-up that is lost is a hang.
static void sleep_until_ready(RenoirSequenced *ring)
{
    RnrRingShm *const shm = shm_of(&ring->end);
    const RnrBell bell = {.sleepers = &shm->sleepers,
                          .word = &shm->bells[ring->end.role - RENOIR_PRODUCER],
                          .bit = rnr_ring_sleeper_bit(ring->end.role),
                          .is_shared = true};
    RnrNap nap = {0};
    for (;;) {
        rnr_bell_arm(&bell, &nap);
        if (renoir_ring_wait(&ring->end, RENOIR_NO_WAIT) == RENOIR_SUCCESS) {
            break;
        }
        (void)rnr_park_wait(bell.word, nap.value, UINT64_MAX);
    }
    rnr_bell_disarm(&bell, &nap);
}

static void *run_sleeper(void *argument)
{
    const Part *const part = (const Part *)argument;
    RenoirSequenced ring =
        open_end(part->options, NULL, part->role, (uint32_t)part->id, part->after);
    Seen seen = {0};
    meet(part);
    for (uint64_t i = 1; i <= part->count; ++i) {
        Element element = make(0, i);
        uint64_t sequence = 0;
        sleep_until_ready(&ring);
        if (part->role == RENOIR_PRODUCER) {
            REQUIRE_OK(renoir_sequenced_try_push(&ring, &element, sizeof element));
        } else {
            REQUIRE_OK(renoir_sequenced_try_consume(&ring, &element, sizeof element, &sequence));
            see(&seen, &element, sequence);
        }
        for (uint64_t k = test_random_below(100); k > 0; --k) {
            rnr_relax();
        }
    }
    renoir_ring_close(&ring.end);
    return NULL;
}

static void sleepers(uint32_t flags, uint64_t count)
{
    const RenoirRingOptions options = in_memory(RENOIR_RING_SEQUENCED, options_of(2, flags));
    RnrAtomicU32 came = {0};
    Part parts[3];
    pthread_t running[3];
    for (unsigned i = 0; i < 3; ++i) { // a producer, A, and B after it
        parts[i] = (Part){.options = &options,
                          .role = i == 0 ? RENOIR_PRODUCER : RENOIR_CONSUMER,
                          .id = i == 2,
                          .after = i == 2,
                          .count = count,
                          .came = &came,
                          .expected = 3};
        REQUIRE(pthread_create(&running[i], NULL, run_sleeper, &parts[i]) == 0);
    }
    for (unsigned i = 0; i < 3; ++i) {
        REQUIRE(pthread_join(running[i], NULL) == 0);
    }
    CHECK_OK(rnr_ring_check(options.memory, options.memory_size, "r"));
    free(options.memory);
}

TEST_WITHIN(sequenced_torture,
            no_wake_is_lost_along_a_pipeline_whose_ends_sleep_each_time,
            "R-080 T-061 concurrent_stress real_time",
            1800)
{
    sleepers(0, test_scaled(500000));
    sleepers(RENOIR_RING_MULTI_PRODUCER, test_scaled(500000));
}

// --- deaths --------------------------------------------------------------------------------------

// Until it is killed.
PEER(mortal_source)
{
    const RenoirRingOptions options = options_of(8, RENOIR_RING_MULTI_PRODUCER);
    RenoirSequenced ring = open_end(&options, "r", RENOIR_PRODUCER, 0, 0);
    (void)peer_say("ready");
    produce(&ring, peer_arg_u64(0), 1, UINT64_C(1) << 60);
}

PEER(mortal_stage)
{
    const RenoirRingOptions options = options_of(8, RENOIR_RING_MULTI_PRODUCER);
    RenoirSequenced ring =
        open_end(&options, "r", RENOIR_CONSUMER, (uint32_t)peer_arg_u64(0), peer_arg_u64(1));
    Seen seen = {0};
    (void)peer_say("ready");
    for (;;) { // a new producer of the same number begins at 1 again
        Element element;
        uint64_t sequence = 0;
        if (renoir_sequenced_try_consume(&ring, &element, sizeof element, &sequence) ==
            RENOIR_SUCCESS) {
            seen.next[element.producer % PRODUCERS] =
                element.number == 1 ? 0 : seen.next[element.producer % PRODUCERS];
            see(&seen, &element, sequence);
        } else {
            wait_for(&ring);
        }
    }
}

// Two producers and a middle stage are killed again and again; A and D must go on, and see nothing
// torn, doubled or lost but what a dead one had not published.
TEST_WITHIN(sequenced_torture,
            deaths_leave_gaps_and_stop_nobody,
            "R-079 R-080 T-020 concurrent_stress",
            1800)
{
    RenoirRegionHandle region = join_region(); // the ring outlives its ends
    const TestPeer first = peer_start(mortal_stage, "0", "0");
    REQUIRE(peer_expect(first, "ready"));
    const TestPeer last = peer_start(mortal_stage, "3", "3");
    REQUIRE(peer_expect(last, "ready"));
    TestPeer middle = peer_start(mortal_stage, "1", "1");
    REQUIRE(peer_expect(middle, "ready"));
    TestPeer sources[2] = {peer_start(mortal_source, "0"), peer_start(mortal_source, "1")};
    RenoirRingOptions options = options_of(8, RENOIR_RING_MULTI_PRODUCER);
    RenoirSequenced watcher = open_end(&options, "r", RENOIR_PRODUCER, 0, 0);
    RenoirRingStats before = {0};
    for (uint64_t i = 0; i < test_scaled(3000); ++i) {
        RenoirRingStats stats;
        unsigned waits = 0;
        test_sleep_ms((unsigned)test_random_below(4));
        const uint64_t whom = test_random_below(3);
        if (whom < 2) {
            REQUIRE(peer_expect(sources[whom], "ready"));
            CHECK_KILLED(peer_kill(sources[whom], SIGKILL));
            sources[whom] = peer_start(mortal_source, whom == 0 ? "0" : "1");
        } else {
            CHECK_KILLED(peer_kill(middle, SIGKILL));
            middle = peer_start(mortal_stage, "1", "1");
            REQUIRE(peer_expect(middle, "ready"));
        }
        do { // the last stage has made room: all before it have gone on
            REQUIRE(peer_is_running(first) && peer_is_running(last));
            REQUIRE_OK(renoir_ring_stats(&watcher.end, &stats));
            test_sleep_ms(1);
            REQUIRE(++waits < 30000);
        } while (stats.reads <= before.reads);
        before = stats;
    }
    CHECK(before.writes > 0);
    for (unsigned i = 0; i < 2; ++i) {
        CHECK_KILLED(peer_kill(sources[i], SIGKILL));
    }
    CHECK(peer_is_running(first) && peer_is_running(last) && peer_is_running(middle));
    CHECK_KILLED(peer_kill(first, SIGKILL));
    CHECK_KILLED(peer_kill(middle, SIGKILL));
    CHECK_KILLED(peer_kill(last, SIGKILL));
    CHECK_OK(renoir_region_verify(region, NULL, 0));
    renoir_ring_close(&watcher.end);
    leave_region_and_reap(region);
}
