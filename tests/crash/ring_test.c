// SPDX-License-Identifier: MIT OR Apache-2.0
//
// A death at each fault point of the index rings: the other side goes on, and the next owner of the
// end finds whole elements and records at the place where the dead one stood.

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault.h"
#include "ring/ring.h"
#include "unit/ring/fixture.h"

#define SPSC_BYTES(cells) (sizeof(RnrRingShm) + 2 * sizeof(RnrRingEndShm) + (cells))

enum { LENGTH = 20 };

static RenoirSpsc open_spsc(RenoirRegionHandle region, uint32_t role)
{
    RenoirRingOptions options = element_options(8, 16);
    RenoirSpsc ring;
    REQUIRE_OK(renoir_spsc_open(region, "r", &options, role, &ring));
    return ring;
}

static RenoirRecordRing open_record(RenoirRegionHandle region, uint32_t role)
{
    RenoirRingOptions options = record_options(256, 0);
    RenoirRecordRing ring;
    REQUIRE_OK(renoir_record_ring_open(region, "r", &options, role, &ring));
    return ring;
}

static void check_ring(const RenoirRingEnd *end, uint64_t size_bytes)
{
    CHECK_OK(rnr_ring_check(end->shared, size_bytes, "r"));
}

// --- elements ------------------------------------------------------------------------------------

// Pushes 0, 1, 2 … and dies at the point named, in the push of the number given.
PEER(dying_pusher)
{
    RenoirSpsc ring = open_spsc(join_region(), RENOIR_PRODUCER);
    rnr_fault_arm(peer_arg(0), RNR_FAULT_KILL, peer_arg_u64(1) + 1);
    for (uint64_t i = 0;; ++i) {
        REQUIRE_OK(renoir_spsc_try_push(&ring, &i, sizeof i));
    }
}

static void a_pusher_dies(const char *point, uint64_t expected)
{
    RenoirRegionHandle region = join_region();
    RenoirSpsc consumer = open_spsc(region, RENOIR_CONSUMER);
    uint64_t value = 0;
    CHECK_KILLED(peer_run(dying_pusher, point, "5"));

    for (uint64_t i = 0; i < expected; ++i) {
        REQUIRE_OK(renoir_spsc_try_pop(&consumer, &value, sizeof value));
        CHECK_EQ_U64(i, value);
    }
    CHECK_STATUS(RENOIR_DISCONNECTED, renoir_ring_wait(&consumer.end, RENOIR_WAIT_FOREVER));

    RenoirSpsc producer = open_spsc(region, RENOIR_PRODUCER); // goes on where the dead one stood
    value = 77;
    CHECK_OK(renoir_spsc_try_push(&producer, &value, sizeof value));
    value = 0;
    CHECK_OK(renoir_ring_wait(&consumer.end, RENOIR_WAIT_FOREVER));
    CHECK_OK(renoir_spsc_try_pop(&consumer, &value, sizeof value));
    CHECK_EQ_U64(77, value);
    check_ring(&consumer.end, SPSC_BYTES(16 * 8));
    renoir_ring_close(&producer.end);
    renoir_ring_close(&consumer.end);
    leave_region_and_reap(region);
}

TEST(ring_crash, a_push_that_died_before_it_published_never_happened, "R-071 T-005 reliability")
{
    a_pusher_dies("spsc.push.before", 5);
}

TEST(ring_crash, a_push_that_died_after_it_published_is_delivered, "R-071 T-005 reliability")
{
    a_pusher_dies("spsc.push.after", 6);
}

// Pops what is there and dies at the point named, in its third pop.
PEER(dying_popper)
{
    RenoirSpsc ring = open_spsc(join_region(), RENOIR_CONSUMER);
    rnr_fault_arm(peer_arg(0), RNR_FAULT_KILL, 3);
    for (;;) {
        uint64_t value;
        REQUIRE_OK(renoir_spsc_try_pop(&ring, &value, sizeof value));
    }
}

static void a_popper_dies(const char *point, uint64_t next)
{
    RenoirRegionHandle region = join_region();
    RenoirSpsc producer = open_spsc(region, RENOIR_PRODUCER);
    uint64_t value = 0;
    for (uint64_t i = 0; i < 10; ++i) {
        REQUIRE_OK(renoir_spsc_try_push(&producer, &i, sizeof i));
    }
    CHECK_KILLED(peer_run(dying_popper, point));

    RenoirSpsc consumer = open_spsc(region, RENOIR_CONSUMER);
    for (uint64_t i = next; i < 10; ++i) {
        REQUIRE_OK(renoir_spsc_try_pop(&consumer, &value, sizeof value));
        CHECK_EQ_U64(i, value);
    }
    renoir_ring_close(&consumer.end);
    renoir_ring_close(&producer.end);
    leave_region_and_reap(region);
}

TEST(ring_crash,
     an_element_whose_reader_died_before_it_gave_it_back_comes_again,
     "R-071 T-006 reliability")
{
    a_popper_dies("spsc.pop.before", 2);
}

TEST(ring_crash,
     an_element_whose_reader_died_after_it_gave_it_back_is_gone,
     "R-071 T-006 reliability")
{
    a_popper_dies("spsc.pop.after", 3);
}

PEER(claimer)
{
    RenoirSpsc ring = open_spsc(join_region(), RENOIR_PRODUCER);
    void *room = NULL;
    size_t count = 0;
    REQUIRE_OK(renoir_spsc_claim(&ring, 4, &room, &count));
    memset(room, 0xee, count * 8);
    (void)kill(getpid(), SIGKILL);
}

TEST(ring_crash, a_claim_that_died_with_its_owner_is_free_again, "R-074 T-018 reliability")
{
    RenoirRegionHandle region = join_region();
    RenoirSpsc consumer = open_spsc(region, RENOIR_CONSUMER);
    uint64_t value = 0;
    CHECK_KILLED(peer_run(claimer));
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, renoir_spsc_try_pop(&consumer, &value, sizeof value));
    RenoirSpsc producer = open_spsc(region, RENOIR_PRODUCER);
    for (uint64_t i = 0; i < 16; ++i) {
        REQUIRE_OK(renoir_spsc_try_push(&producer, &i, sizeof i));
    }
    renoir_ring_close(&producer.end);
    renoir_ring_close(&consumer.end);
    leave_region_and_reap(region);
}

// --- records -------------------------------------------------------------------------------------

PEER(dying_writer)
{
    RenoirRecordRing ring = open_record(join_region(), RENOIR_PRODUCER);
    rnr_fault_arm(peer_arg(0), RNR_FAULT_KILL, peer_arg_u64(1) + 1);
    for (uint32_t i = 0;; ++i) {
        uint8_t bytes[LENGTH];
        pattern_fill(bytes, LENGTH, i);
        REQUIRE_OK(renoir_record_ring_try_push(&ring, bytes, LENGTH, i));
    }
}

static void read_record(RenoirRecordRing *ring, uint32_t number)
{
    const void *data = NULL;
    size_t length = 0;
    uint32_t tag = 0;
    REQUIRE_OK(renoir_record_ring_peek(ring, &data, &length, &tag));
    CHECK_EQ_U64(LENGTH, length);
    CHECK_EQ_U64(number, tag);
    CHECK(pattern_holds(data, length, number));
    renoir_record_ring_consume(ring);
}

static void a_writer_dies(const char *point, uint32_t expected)
{
    RenoirRegionHandle region = join_region();
    RenoirRecordRing consumer = open_record(region, RENOIR_CONSUMER);
    uint8_t bytes[LENGTH];
    CHECK_KILLED(peer_run(dying_writer, point, "5"));
    for (uint32_t i = 0; i < expected; ++i) {
        read_record(&consumer, i);
    }
    CHECK_STATUS(RENOIR_DISCONNECTED, renoir_ring_wait(&consumer.end, RENOIR_WAIT_FOREVER));
    RenoirRecordRing producer = open_record(region, RENOIR_PRODUCER);
    pattern_fill(bytes, LENGTH, 77);
    CHECK_OK(renoir_record_ring_try_push(&producer, bytes, LENGTH, 77));
    read_record(&consumer, 77);
    renoir_ring_close(&producer.end);
    renoir_ring_close(&consumer.end);
    leave_region_and_reap(region);
}

TEST(ring_crash, a_record_whose_writer_died_before_commit_never_happened, "R-078 T-005 reliability")
{
    a_writer_dies("record.commit.before", 5);
}

TEST(ring_crash, a_record_whose_writer_died_after_commit_is_delivered, "R-078 T-005 reliability")
{
    a_writer_dies("record.commit.after", 6);
}

PEER(dying_reader)
{
    RenoirRecordRing ring = open_record(join_region(), RENOIR_CONSUMER);
    rnr_fault_arm(peer_arg(0), RNR_FAULT_KILL, 3);
    for (uint32_t i = 0;; ++i) {
        read_record(&ring, i);
    }
}

static void a_reader_dies(const char *point, uint32_t next)
{
    RenoirRegionHandle region = join_region();
    RenoirRecordRing producer = open_record(region, RENOIR_PRODUCER);
    for (uint32_t i = 0; i < 8; ++i) {
        uint8_t bytes[LENGTH];
        pattern_fill(bytes, LENGTH, i);
        REQUIRE_OK(renoir_record_ring_try_push(&producer, bytes, LENGTH, i));
    }
    CHECK_KILLED(peer_run(dying_reader, point));
    RenoirRecordRing consumer = open_record(region, RENOIR_CONSUMER);
    for (uint32_t i = next; i < 8; ++i) {
        read_record(&consumer, i);
    }
    CHECK_EQ_U64(0, renoir_ring_count(&consumer.end));
    renoir_ring_close(&consumer.end);
    renoir_ring_close(&producer.end);
    leave_region_and_reap(region);
}

TEST(ring_crash,
     a_record_whose_reader_died_before_it_gave_it_back_comes_again,
     "R-078 T-006 reliability")
{
    a_reader_dies("record.consume.before", 2);
}

TEST(ring_crash,
     a_record_whose_reader_died_after_it_gave_it_back_is_gone,
     "R-078 T-006 reliability")
{
    a_reader_dies("record.consume.after", 3);
}

// --- opening, closing, sleeping ------------------------------------------------------------------

PEER(dying_opener)
{
    RenoirRegionHandle region = join_region();
    rnr_fault_arm(peer_arg(0), RNR_FAULT_KILL, 1);
    RenoirSpsc ring = open_spsc(region, RENOIR_PRODUCER);
    renoir_ring_close(&ring.end);
    CHECK_UNREACHABLE();
}

static void an_opener_dies(const char *point, bool has_come)
{
    RenoirRegionHandle region = join_region();
    CHECK_KILLED(peer_run(dying_opener, point));
    RenoirSpsc consumer = open_spsc(region, RENOIR_CONSUMER);
    CHECK_STATUS(has_come ? RENOIR_DISCONNECTED : RENOIR_TIMEOUT,
                 renoir_ring_wait(&consumer.end, RENOIR_MILLISECONDS(30)));
    RenoirSpsc producer = open_spsc(region, RENOIR_PRODUCER);
    uint64_t value = 8;
    CHECK_OK(renoir_spsc_try_push(&producer, &value, sizeof value));
    CHECK_OK(renoir_ring_wait(&consumer.end, RENOIR_WAIT_FOREVER));
    CHECK_OK(renoir_spsc_try_pop(&consumer, &value, sizeof value));
    renoir_ring_close(&producer.end);
    renoir_ring_close(&consumer.end);
    leave_region_and_reap(region);
}

TEST(ring_crash, a_maker_that_died_half_way_leaves_nothing_to_find, "R-071 T-033 reliability")
{
    an_opener_dies("ring.format.magic", false);
}

TEST(ring_crash, an_opener_that_died_before_it_was_announced_never_came, "R-071 T-033 reliability")
{
    an_opener_dies("ring.open.role", false);
}

TEST(ring_crash, an_opener_that_died_after_it_was_announced_is_gone, "R-071 T-033 reliability")
{
    an_opener_dies("ring.open.presence", true);
}

TEST(ring_crash, an_end_that_died_while_it_closed_is_gone, "R-071 T-033 reliability")
{
    an_opener_dies("ring.close.left", true);
}

PEER(dying_sleeper)
{
    RenoirSpsc ring = open_spsc(join_region(), RENOIR_CONSUMER);
    rnr_fault_arm("ring.wait.armed", RNR_FAULT_KILL, 1);
    (void)renoir_ring_wait(&ring.end, RENOIR_WAIT_FOREVER);
    CHECK_UNREACHABLE();
}

TEST(ring_crash,
     a_bit_that_a_dead_sleeper_left_costs_one_ring_and_goes_with_its_successor,
     "R-072 T-061 reliability")
{
    RenoirRegionHandle region = join_region();
    RenoirSpsc producer = open_spsc(region, RENOIR_PRODUCER);
    RnrRingShm *const shm = shm_of(&producer.end);
    uint64_t value = 1;
    CHECK_KILLED(peer_run(dying_sleeper));
    CHECK_EQ_U64(RNR_RING_CONSUMER_SLEEPS, rnr_load_relaxed_u32(&shm->sleepers));

    RenoirSpsc consumer = open_spsc(region, RENOIR_CONSUMER);
    CHECK_EQ_U64(0, rnr_load_relaxed_u32(&shm->sleepers));
    renoir_ring_close(&consumer.end);
    CHECK_KILLED(peer_run(dying_sleeper));
    const uint32_t bell = rnr_load_relaxed_u32(&shm->bells[1]);
    CHECK_OK(renoir_spsc_try_push(&producer, &value, sizeof value));
    CHECK_OK(renoir_spsc_try_push(&producer, &value, sizeof value));
    CHECK_EQ_U64(bell + 1, rnr_load_relaxed_u32(&shm->bells[1]));
    renoir_ring_close(&producer.end);
    leave_region_and_reap(region);
}

// Stops between its look, which found nothing, and the question whether the producer lives.
PEER(stopping_waiter)
{
    RenoirRegionHandle region = join_region();
    RenoirRingOptions options = element_options(8, 16);
    RenoirSpsc ring;
    uint64_t value = 0;
    options.spin_ns = RENOIR_SPIN_NEVER;
    REQUIRE_OK(renoir_spsc_open(region, "r", &options, RENOIR_CONSUMER, &ring));
    rnr_fault_arm("ring.wait.looked", RNR_FAULT_STOP, 1);
    CHECK_OK(renoir_ring_wait(&ring.end, RENOIR_WAIT_FOREVER));
    CHECK_OK(renoir_spsc_try_pop(&ring, &value, sizeof value));
    CHECK_EQ_U64(9, value);
    CHECK_STATUS(RENOIR_DISCONNECTED, renoir_ring_wait(&ring.end, RENOIR_WAIT_FOREVER));
    renoir_ring_close(&ring.end);
    renoir_region_close(region);
}

TEST(ring_crash,
     what_a_producer_published_right_before_it_went_is_delivered_first,
     "R-072 T-001 reliability")
{
    RenoirRegionHandle region = join_region();
    RenoirSpsc producer = open_spsc(region, RENOIR_PRODUCER);
    const uint64_t value = 9;
    const TestPeer peer = peer_start(stopping_waiter);
    peer_wait_stopped(peer);

    CHECK_OK(renoir_spsc_try_push(&producer, &value, sizeof value));
    renoir_ring_close(&producer.end);
    peer_signal(peer, SIGCONT);

    CHECK_EXITED(peer, 0);
    renoir_region_close(region);
}

PEER(dying_ringer)
{
    RenoirSpsc ring = open_spsc(join_region(), RENOIR_PRODUCER);
    const uint64_t value = 6;
    rnr_fault_arm(peer_arg(0), RNR_FAULT_KILL, 1);
    for (;;) { // until the other end sleeps, so that this rings
        const RenoirErrorCode status = renoir_spsc_try_push(&ring, &value, sizeof value);
        REQUIRE(status == RENOIR_SUCCESS || status == RENOIR_BUFFER_FULL);
        test_sleep_ms(2);
    }
}

static void a_ringer_dies(const char *point)
{
    RenoirRegionHandle region = join_region();
    RenoirRingOptions options = element_options(8, 16);
    RenoirSpsc consumer;
    uint64_t value = 0;
    options.spin_ns = RENOIR_SPIN_NEVER;
    REQUIRE_OK(renoir_spsc_open(region, "r", &options, RENOIR_CONSUMER, &consumer));
    const TestPeer peer = peer_start(dying_ringer, point);
    RenoirErrorCode status = RENOIR_SUCCESS;
    while (status == RENOIR_SUCCESS) { // none of it may hang, although the wake never came
        status = renoir_ring_wait(&consumer.end, RENOIR_WAIT_FOREVER);
        if (status == RENOIR_SUCCESS) {
            CHECK_OK(renoir_spsc_try_pop(&consumer, &value, sizeof value));
            CHECK_EQ_U64(6, value);
        }
    }
    CHECK_STATUS(RENOIR_DISCONNECTED, status);
    CHECK_KILLED(peer);
    renoir_ring_close(&consumer.end);
    leave_region_and_reap(region);
}

TEST(ring_crash,
     a_ringer_that_died_before_it_changed_the_bell_leaves_no_sleeper_behind,
     "R-072 T-061 reliability")
{
    a_ringer_dies("bell.ring.cleared");
}

TEST(ring_crash,
     a_ringer_that_died_before_it_woke_leaves_no_sleeper_behind,
     "R-072 T-061 reliability")
{
    a_ringer_dies("bell.ring.changed");
}
