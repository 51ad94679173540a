// SPDX-License-Identifier: MIT OR Apache-2.0
//
// A death at each fault point of the sequenced ring: what was claimed is a gap, what was not
// consumed comes again, and nobody is held up for longer than it takes to ask the kernel.

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault.h"
#include "ring/ring.h"
#include "unit/ring/fixture.h"

enum { CAPACITY = 8, CLAIM = 3 };

static RenoirSequenced open_end(uint32_t flags, uint32_t role, uint32_t index, uint64_t after)
{
    RenoirRingOptions options = element_options(8, CAPACITY);
    RenoirSequenced ring;
    options.flags |= flags;
    options.max_ends = 4;
    options.spin_ns = RENOIR_SPIN_NEVER;
    // The handle goes with the last end of it.
    RenoirRegionHandle region = join_region();
    REQUIRE_OK(renoir_sequenced_open(region, "r", &options, role, index, after, &ring));
    renoir_region_close(region);
    return ring;
}

static RenoirSequenced open_producer(uint32_t flags)
{
    return open_end(flags, RENOIR_PRODUCER, 0, 0);
}

static RenoirSequenced open_consumer(uint32_t flags, uint32_t index, uint64_t after)
{
    return open_end(flags, RENOIR_CONSUMER, index, after);
}

static void close_and_reap(RenoirSequenced *const ends[], unsigned count)
{
    RenoirRegionHandle region = join_region();
    CHECK_OK(renoir_region_verify(region, NULL, 0));
    for (unsigned i = 0; i < count; ++i) {
        renoir_ring_close(&ends[i]->end);
    }
    leave_region_and_reap(region);
}

#define CLOSE_AND_REAP(...)                                                                        \
    close_and_reap((RenoirSequenced *const[]){__VA_ARGS__},                                        \
                   sizeof((RenoirSequenced *const[]){__VA_ARGS__}) / sizeof(RenoirSequenced *))

static uint64_t skipped(const RenoirSequenced *ring)
{
    RenoirRingStats stats;
    REQUIRE_OK(renoir_ring_stats(&ring->end, &stats));
    return stats.skipped;
}

// Until it succeeds: whoever is in the way is found dead meanwhile.
static void push(RenoirSequenced *ring, uint64_t value)
{
    RenoirErrorCode status;
    do {
        status = renoir_sequenced_try_push(ring, &value, sizeof value);
    } while (status == RENOIR_BUFFER_FULL);
    REQUIRE_OK(status);
}

static uint64_t pop(RenoirSequenced *ring, uint64_t *out_sequence)
{
    uint64_t value = 0;
    RenoirErrorCode status;
    do {
        status = renoir_sequenced_try_consume(ring, &value, sizeof value, out_sequence);
    } while (status == RENOIR_BUFFER_EMPTY);
    REQUIRE_OK(status);
    return value;
}

// --- one producer --------------------------------------------------------------------------------

// Pushes 1, 2, 3 … and dies at the point named, in the push of the number given.
PEER(dying_producer)
{
    RenoirSequenced ring = open_producer(0);
    rnr_fault_arm(peer_arg(0), RNR_FAULT_KILL, peer_arg_u64(1));
    for (uint64_t i = 1;; ++i) {
        push(&ring, i);
    }
}

static void a_producer_dies(const char *point, uint64_t last)
{
    RenoirSequenced consumer = open_consumer(0, 0, 0);
    uint64_t sequence = 0;
    CHECK_KILLED(peer_run(dying_producer, point, "4"));
    for (uint64_t i = 1; i <= last; ++i) {
        CHECK_EQ_U64(i, pop(&consumer, &sequence));
        CHECK_EQ_U64(i, sequence);
    }
    CHECK_STATUS(RENOIR_DISCONNECTED, renoir_ring_wait(&consumer.end, RENOIR_WAIT_FOREVER));
    RenoirSequenced producer = open_producer(0); // goes on where the dead one stood
    push(&producer, 77);
    CHECK_EQ_U64(77, pop(&consumer, &sequence));
    CHECK_EQ_U64(last + 1, sequence);
    CHECK_EQ_U64(0, skipped(&consumer));
    CLOSE_AND_REAP(&producer, &consumer);
}

TEST(sequenced_crash,
     a_push_that_died_before_it_published_never_happened,
     "R-079 T-005 reliability")
{
    a_producer_dies("sequenced.publish.before", 3);
}

TEST(sequenced_crash, a_push_that_died_after_it_published_is_seen, "R-079 T-005 reliability")
{
    a_producer_dies("sequenced.publish.after", 4);
}

// Wants more room, and dies before it uses any.
TEST(sequenced_crash, room_that_a_dead_producer_had_found_is_found_again, "R-079 reliability")
{
    RenoirSequenced consumer = open_consumer(0, 0, 0);
    CHECK_KILLED(peer_run(dying_producer, "sequenced.limit.raised", "1"));
    RenoirSequenced producer = open_producer(0);
    for (uint64_t i = 1; i <= 100; ++i) {
        push(&producer, i);
        CHECK_EQ_U64(i, pop(&consumer, NULL));
    }
    CLOSE_AND_REAP(&producer, &consumer);
}

// --- claims --------------------------------------------------------------------------------------

// Claims three, publishes them one by one, and dies at the point named, at its hit of the number
// given.
PEER(dying_claimer)
{
    RenoirSequenced ring = open_producer(RENOIR_RING_MULTI_PRODUCER);
    uint64_t sequence = 0;
    rnr_fault_arm(peer_arg(0), RNR_FAULT_KILL, peer_arg_u64(1));
    while (renoir_sequenced_claim(&ring, CLAIM, &sequence) == RENOIR_BUFFER_FULL) {
    }
    for (uint64_t i = 0; i < CLAIM; ++i) {
        *(uint64_t *)renoir_sequenced_slot(&ring, sequence + i) = sequence + i;
        renoir_sequenced_publish(&ring, sequence + i, 1);
    }
    CHECK_UNREACHABLE();
}

// Twelve deaths in more than ten laps. `published`: of the claim, before it died; `claimed`: how
// many numbers it takes away.
static void claimers_die(const char *point, const char *nth, uint64_t claimed, uint64_t published)
{
    RenoirSequenced producer = open_producer(RENOIR_RING_MULTI_PRODUCER);
    RenoirSequenced consumer = open_consumer(RENOIR_RING_MULTI_PRODUCER, 0, 0);
    RenoirSequenced after = open_consumer(RENOIR_RING_MULTI_PRODUCER, 1, 0x1);
    const uint64_t deaths = 12;
    uint64_t next = 1;
    for (uint64_t i = 0; i < deaths; ++i) {
        uint64_t sequence = 0;
        CHECK_KILLED(peer_run(dying_claimer, point, nth));
        for (uint64_t k = 0; k < CAPACITY - claimed; ++k) {
            push(&producer, next + claimed + k);
        }
        for (uint64_t k = 0; k < CAPACITY - claimed + published; ++k) {
            const uint64_t expected = k < published ? next + k : next + claimed + k - published;
            CHECK_EQ_U64(expected, pop(&consumer, &sequence));
            CHECK_EQ_U64(expected, sequence);
            CHECK_EQ_U64(expected, pop(&after, &sequence));
            CHECK_EQ_U64(expected, sequence);
        }
        next += CAPACITY;
        CHECK_EQ_U64((i + 1) * (claimed - published), skipped(&consumer));
    }
    CLOSE_AND_REAP(&producer, &consumer, &after);
}

TEST(sequenced_crash, a_claim_that_died_before_it_was_one_leaves_no_gap, "R-079 T-020 reliability")
{
    claimers_die("sequenced.claim.noted", "1", 0, 0);
}

TEST(sequenced_crash, a_claim_that_died_before_it_was_marked_is_skipped, "R-080 T-020 reliability")
{
    claimers_die("sequenced.claim.first", "1", CLAIM, 0);
}

TEST(sequenced_crash, a_claim_that_died_half_marked_is_skipped, "R-080 T-020 reliability")
{
    claimers_die("sequenced.claim.marked", "1", CLAIM, 0);
    claimers_die("sequenced.claim.marked", "2", CLAIM, 0);
}

TEST(sequenced_crash, a_claim_that_died_unpublished_is_skipped_for_ten_laps, "T-020 reliability")
{
    claimers_die("sequenced.claim.after", "1", CLAIM, 0);
    claimers_die("sequenced.publish.before", "1", CLAIM, 0);
}

TEST(sequenced_crash, of_a_claim_that_died_half_published_the_rest_is_skipped, "T-020 reliability")
{
    claimers_die("sequenced.publish.after", "1", CLAIM, 1);
    claimers_die("sequenced.publish.before", "2", CLAIM, 1);
    claimers_die("sequenced.publish.after", "2", CLAIM, 2);
}

TEST(sequenced_crash,
     of_a_claim_whose_first_slot_has_been_written_over_the_rest_is_skipped,
     "T-020 reliability")
{
    RenoirSequenced producer = open_producer(RENOIR_RING_MULTI_PRODUCER);
    RenoirSequenced consumer = open_consumer(RENOIR_RING_MULTI_PRODUCER, 0, 0);
    uint64_t sequence = 0;
    CHECK_KILLED(peer_run(dying_claimer, "sequenced.publish.after", "1"));
    for (uint64_t i = CLAIM + 1; i <= CAPACITY; ++i) {
        push(&producer, i);
    }
    CHECK_EQ_U64(1, pop(&consumer, &sequence));
    push(&producer, CAPACITY + 1); // where number 1 was
    for (uint64_t i = CLAIM + 1; i <= CAPACITY + 1; ++i) {
        CHECK_EQ_U64(i, pop(&consumer, &sequence));
        CHECK_EQ_U64(i, sequence);
    }
    CHECK_EQ_U64(CLAIM - 1, skipped(&consumer));
    CLOSE_AND_REAP(&producer, &consumer);
}

TEST(sequenced_crash, a_claim_that_died_all_published_is_whole, "T-020 reliability")
{
    claimers_die("sequenced.publish.after", "3", CLAIM, CLAIM);
}

TEST(sequenced_crash, the_next_owner_of_an_index_gives_up_its_claim_first, "T-020 reliability")
{
    RenoirSequenced consumer = open_consumer(RENOIR_RING_MULTI_PRODUCER, 0, 0);
    CHECK_KILLED(peer_run(dying_claimer, "sequenced.claim.first", "1"));
    CHECK_EQ_U64(0, skipped(&consumer));
    RenoirSequenced producer = open_producer(RENOIR_RING_MULTI_PRODUCER);
    CHECK_EQ_U64(0, producer.end.index);
    CHECK_EQ_U64(CLAIM, skipped(&consumer));
    uint64_t sequence = 0;
    push(&producer, 5);
    CHECK_EQ_U64(5, pop(&consumer, &sequence));
    CHECK_EQ_U64(CLAIM + 1, sequence);
    CLOSE_AND_REAP(&producer, &consumer);
}

// Finds the dead claim, and dies while it gives it up.
PEER(dying_helper)
{
    RenoirSequenced ring = open_consumer(RENOIR_RING_MULTI_PRODUCER, 1, 0);
    rnr_fault_arm(peer_arg(0), RNR_FAULT_KILL, peer_arg_u64(1));
    (void)pop(&ring, NULL);
    CHECK_UNREACHABLE();
}

static void a_helper_dies(const char *point, const char *nth)
{
    RenoirSequenced producer = open_producer(RENOIR_RING_MULTI_PRODUCER);
    RenoirSequenced consumer = open_consumer(RENOIR_RING_MULTI_PRODUCER, 0, 0);
    uint64_t sequence = 0;
    CHECK_KILLED(peer_run(dying_claimer, "sequenced.claim.first", "1"));
    CHECK_KILLED(peer_run(dying_helper, point, nth));
    for (uint64_t i = 1; i <= 5 * CAPACITY; ++i) { // in several laps
        push(&producer, i);
        CHECK_EQ_U64(i, pop(&consumer, &sequence));
        CHECK_EQ_U64(i + CLAIM, sequence);
    }
    CHECK_EQ_U64(CLAIM, skipped(&consumer));
    CLOSE_AND_REAP(&producer, &consumer);
}

TEST(sequenced_crash, a_helper_that_dies_leaves_the_rest_to_the_next, "T-020 reliability")
{
    a_helper_dies("sequenced.skip.slot", "1");
    a_helper_dies("sequenced.skip.slot", "2");
    a_helper_dies("sequenced.skip.slot", "3");
    a_helper_dies("sequenced.skip.all", "1");
}

TEST(sequenced_crash, a_sleeping_consumer_finds_the_dead_claim_itself, "T-020 reliability")
{
    RenoirSequenced producer = open_producer(RENOIR_RING_MULTI_PRODUCER);
    RenoirSequenced consumer = open_consumer(RENOIR_RING_MULTI_PRODUCER, 0, 0);
    uint64_t value = 0;
    CHECK_KILLED(peer_run(dying_claimer, "sequenced.claim.after", "1"));
    push(&producer, 9);
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, renoir_ring_wait(&consumer.end, RENOIR_NO_WAIT));
    CHECK_OK(renoir_ring_wait(&consumer.end, RENOIR_WAIT_FOREVER));
    CHECK_OK(renoir_sequenced_try_consume(&consumer, &value, sizeof value, NULL));
    CHECK_EQ_U64(9, value);
    CLOSE_AND_REAP(&producer, &consumer);
}

TEST(sequenced_crash, where_nobody_listens_a_dead_claim_stops_no_producer, "T-020 reliability")
{
    RenoirSequenced producer = open_producer(RENOIR_RING_MULTI_PRODUCER);
    RenoirSequenced consumer = open_consumer(RENOIR_RING_MULTI_PRODUCER, 0, 0);
    renoir_ring_close(&consumer.end);
    CHECK_KILLED(peer_run(dying_claimer, "sequenced.claim.first", "1"));
    for (uint64_t i = 0; i < 10 * CAPACITY; ++i) {
        push(&producer, i);
    }
    CHECK_EQ_U64(CLAIM, skipped(&producer));
    CLOSE_AND_REAP(&producer);
}

// --- consumers -----------------------------------------------------------------------------------

// Consumes with the index and mask given, and dies at the point named, at its third hit.
PEER(dying_consumer)
{
    RenoirSequenced ring =
        open_consumer((uint32_t)peer_arg_u64(3), (uint32_t)peer_arg_u64(1), peer_arg_u64(2));
    rnr_fault_arm(peer_arg(0), RNR_FAULT_KILL, 3);
    for (;;) {
        (void)pop(&ring, NULL);
    }
}

static void a_consumer_dies(const char *point, uint64_t next)
{
    RenoirSequenced producer = open_producer(0);
    uint64_t sequence = 0;
    for (uint64_t i = 1; i <= 6; ++i) {
        push(&producer, i);
    }
    CHECK_KILLED(peer_run(dying_consumer, point, "0", "0", "0"));
    RenoirSequenced consumer = open_consumer(0, 0, 0);
    for (uint64_t i = next; i <= 6; ++i) {
        CHECK_EQ_U64(i, pop(&consumer, &sequence));
        CHECK_EQ_U64(i, sequence);
    }
    CLOSE_AND_REAP(&producer, &consumer);
}

TEST(sequenced_crash,
     an_element_whose_reader_died_before_it_was_done_comes_again,
     "R-079 T-006 reliability")
{
    a_consumer_dies("sequenced.consume.before", 3);
}

TEST(sequenced_crash,
     an_element_whose_reader_died_after_it_was_done_is_gone,
     "R-079 T-006 reliability")
{
    a_consumer_dies("sequenced.consume.after", 4);
}

static void a_dead_consumer_holds_nobody(uint32_t flags, const char *text)
{
    RenoirSequenced producer = open_producer(flags);
    RenoirSequenced live = open_consumer(flags, 1, 0);
    for (uint64_t i = 1; i <= CAPACITY; ++i) {
        push(&producer, i);
    }
    CHECK_KILLED(peer_run(dying_consumer, "sequenced.consume.after", "0", "0", text));
    for (uint64_t i = 1; i <= 100; ++i) {
        CHECK_EQ_U64(i, pop(&live, NULL));
        push(&producer, i + CAPACITY); // asks who lives, once
    }
    RenoirSequenced again = open_consumer(flags, 0, 0); // its place is gone: at the oldest
    uint64_t sequence = 0;
    const uint64_t value = pop(&again, &sequence);
    CHECK_EQ_U64(sequence, value);
    CHECK_EQ_U64(101, value);
    CLOSE_AND_REAP(&producer, &live, &again);
}

TEST(sequenced_crash, a_dead_consumer_holds_no_producer_back, "R-080 T-021 reliability")
{
    a_dead_consumer_holds_nobody(0, "0");
}

TEST(sequenced_crash, a_dead_consumer_holds_none_of_many_producers_back, "R-080 T-021 reliability")
{
    a_dead_consumer_holds_nobody(RENOIR_RING_MULTI_PRODUCER, "2");
}

TEST(sequenced_crash, a_sleeping_producer_finds_the_dead_consumer_itself, "R-080 T-021 reliability")
{
    RenoirSequenced producer = open_producer(0);
    for (uint64_t i = 1; i <= CAPACITY; ++i) {
        push(&producer, i);
    }
    CHECK_KILLED(peer_run(dying_consumer, "sequenced.consume.before", "0", "0", "0"));
    for (uint64_t i = 0; i < 2; ++i) { // what it has made room for
        push(&producer, i);
    }
    CHECK_STATUS(RENOIR_BUFFER_FULL, renoir_ring_wait(&producer.end, RENOIR_NO_WAIT));
    CHECK_OK(renoir_ring_wait(&producer.end, RENOIR_WAIT_FOREVER));
    uint64_t value = 0;
    CHECK_OK(renoir_sequenced_try_push(&producer, &value, sizeof value));
    CLOSE_AND_REAP(&producer);
}

TEST(sequenced_crash, a_dead_stage_counts_as_passed, "R-080 reliability")
{
    RenoirSequenced producer = open_producer(0);
    RenoirSequenced a = open_consumer(0, 0, 0);
    for (uint64_t i = 1; i <= 6; ++i) {
        push(&producer, i);
    }
    for (uint64_t i = 1; i <= 5; ++i) {
        CHECK_EQ_U64(i, pop(&a, NULL));
    }
    CHECK_KILLED(peer_run(dying_consumer, "sequenced.consume.after", "1", "1", "0"));
    RenoirSequenced c = open_consumer(0, 2, 0x2);
    uint64_t value = 0;
    for (uint64_t i = 1; i <= 5; ++i) {
        CHECK_EQ_U64(i, pop(&c, NULL));
    }
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, renoir_sequenced_try_consume(&c, &value, sizeof value, NULL));
    CHECK_STATUS(RENOIR_TIMEOUT, renoir_ring_wait(&c.end, RENOIR_MILLISECONDS(20)));
    CHECK_EQ_U64(6, pop(&a, NULL)); // A still holds C back, whom the dead one came after
    CHECK_EQ_U64(6, pop(&c, NULL));
    CLOSE_AND_REAP(&producer, &a, &c);
}

PEER(dying_joiner)
{
    rnr_fault_arm(peer_arg(0), RNR_FAULT_KILL, peer_arg_u64(1));
    (void)open_consumer(0, 0, 0);
    CHECK_UNREACHABLE();
}

static void a_joiner_dies(const char *point)
{
    RenoirSequenced producer = open_producer(0);
    RenoirSequenced live = open_consumer(0, 1, 0);
    CHECK_KILLED(peer_run(dying_joiner, point, "1"));
    for (uint64_t i = 1; i <= 50; ++i) {
        push(&producer, i);
        CHECK_EQ_U64(i, pop(&live, NULL));
    }
    RenoirSequenced again = open_consumer(0, 0, 0);
    push(&producer, 51);
    CHECK(pop(&again, NULL) >= 51 - CAPACITY);
    CLOSE_AND_REAP(&producer, &live, &again);
}

TEST(sequenced_crash, a_consumer_that_died_while_it_came_holds_nobody_back, "R-080 reliability")
{
    a_joiner_dies("ring.open.role");
    a_joiner_dies("ring.open.presence");
    a_joiner_dies("sequenced.join.counted");
}

// --- stops ---------------------------------------------------------------------------------------

static void wait_for_stop(TestPeer peer)
{
    int status = 0;
    REQUIRE(waitpid(peer_pid(peer), &status, WUNTRACED) == peer_pid(peer));
    REQUIRE(WIFSTOPPED(status));
}

// Pushes so many, and stops at the point named, at its hit of the number given.
PEER(stopping_producer)
{
    RenoirSequenced ring = open_producer(0);
    rnr_fault_arm(peer_arg(1), RNR_FAULT_STOP, peer_arg_u64(2));
    for (uint64_t i = 1; i <= peer_arg_u64(0); ++i) {
        push(&ring, i);
    }
    (void)peer_say("done");
    peer_pause();
    renoir_ring_close(&ring.end);
}

// The producer has found that it may write over the first elements; then somebody comes and begins
// there.
static void a_consumer_comes(const char *point)
{
    RenoirSequenced a = open_consumer(0, 0, 0);
    const TestPeer peer = peer_start(stopping_producer, "16", point, "2");
    for (uint64_t i = 1; i <= CAPACITY; ++i) {
        CHECK_EQ_U64(i, pop(&a, NULL));
    }
    wait_for_stop(peer);
    RenoirSequenced b = open_consumer(0, 1, 0);
    peer_signal(peer, SIGCONT);
    test_sleep_ms(20);
    uint64_t sequence = 0;
    for (uint64_t next = b.end.position + 1; next <= 16; ++next) {
        CHECK_EQ_U64(next, pop(&b, &sequence));
        CHECK_EQ_U64(next, sequence);
    }
    REQUIRE(peer_expect(peer, "done"));
    REQUIRE(peer_send_line(peer, "go"));
    CHECK_EXITED(peer, 0);
    CLOSE_AND_REAP(&a, &b);
}

TEST(sequenced_crash,
     what_a_consumer_begins_with_is_not_written_over_by_a_producer_that_was_stopped,
     "R-080 T-030 reliability")
{
    a_consumer_comes("sequenced.limit.found");
    a_consumer_comes("sequenced.limit.raised");
}

PEER(stopping_joiner)
{
    rnr_fault_arm(peer_arg(0), RNR_FAULT_STOP, 1);
    RenoirSequenced ring = open_consumer(0, 1, 0);
    (void)peer_say("ready");
    peer_pause();
    uint64_t sequence = 0;
    for (uint64_t next = ring.end.position + 1; next <= 100; ++next) {
        CHECK_EQ_U64(next, pop(&ring, &sequence));
        CHECK_EQ_U64(next, sequence);
    }
    renoir_ring_close(&ring.end);
}

// The ring goes on for several laps while a consumer is about to come: it begins with what is left.
static void a_joiner_stops(const char *point, uint64_t meanwhile)
{
    RenoirSequenced a = open_consumer(0, 0, 0);
    RenoirSequenced producer = open_producer(0);
    for (uint64_t i = 1; i <= CAPACITY; ++i) {
        push(&producer, i);
        CHECK_EQ_U64(i, pop(&a, NULL));
    }
    const TestPeer peer = peer_start(stopping_joiner, point);
    wait_for_stop(peer);
    for (uint64_t i = CAPACITY + 1; i <= meanwhile; ++i) {
        push(&producer, i);
        CHECK_EQ_U64(i, pop(&a, NULL));
    }
    peer_signal(peer, SIGCONT);
    REQUIRE(peer_expect(peer, "ready"));
    REQUIRE(peer_send_line(peer, "go"));
    for (uint64_t i = meanwhile + 1; i <= 100; ++i) {
        push(&producer, i);
        CHECK_EQ_U64(i, pop(&a, NULL));
    }
    CHECK_EXITED(peer, 0);
    CLOSE_AND_REAP(&a, &producer);
}

TEST(sequenced_crash,
     a_consumer_that_was_stopped_while_it_came_begins_with_what_is_left,
     "R-080 T-021 reliability")
{
    a_joiner_stops("ring.open.role", 50);
    a_joiner_stops("ring.open.presence", 50);
    a_joiner_stops("sequenced.join.counted", CAPACITY);
}
