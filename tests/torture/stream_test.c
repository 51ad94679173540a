// SPDX-License-Identifier: MIT OR Apache-2.0
//
// A stream of records whose writer or reader is killed at a random moment: the other side learns
// it, everything committed before is readable and whole, and the next owner of the end goes on.

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ring/ring.h"
#include "unit/ring/fixture.h"

enum { CAPACITY = 8192, LONGEST = 1500 };

static RenoirRecordRing open_stream(RenoirRegionHandle region, uint32_t role, uint64_t spin_ns)
{
    RenoirRingOptions options = record_options(CAPACITY, LONGEST);
    RenoirRecordRing ring;
    options.spin_ns = spin_ns;
    REQUIRE_OK(renoir_record_ring_open(region, "stream", &options, role, &ring));
    return ring;
}

static size_t length_of(uint64_t number)
{
    return (size_t)((number * 2654435761u) % (LONGEST + 1));
}

// Writes record `number`. The status of the wait for room, if there was none.
static RenoirErrorCode write_record(RenoirRecordRing *ring, uint64_t number)
{
    const size_t length = length_of(number);
    void *room = NULL;
    RenoirErrorCode status = renoir_record_ring_reserve(ring, length, &room);
    while (status == RENOIR_BUFFER_FULL) {
        status = renoir_ring_wait(&ring->end, RENOIR_WAIT_FOREVER);
        if (status != RENOIR_SUCCESS) {
            return status;
        }
        status = renoir_record_ring_reserve(ring, length, &room);
    }
    REQUIRE_STATUS(RENOIR_SUCCESS, status);
    pattern_fill(room, length, number);
    renoir_record_ring_commit(ring, length, (uint32_t)number);
    return RENOIR_SUCCESS;
}

// Reads record `number` and checks every byte. The status of the wait, if there was none.
static RenoirErrorCode read_record(RenoirRecordRing *ring, uint64_t number)
{
    const void *data = NULL;
    size_t length = 0;
    uint32_t tag = 0;
    RenoirErrorCode status = renoir_record_ring_peek(ring, &data, &length, &tag);
    while (status == RENOIR_BUFFER_EMPTY) {
        status = renoir_ring_wait(&ring->end, RENOIR_WAIT_FOREVER);
        if (status != RENOIR_SUCCESS) {
            return status;
        }
        status = renoir_record_ring_peek(ring, &data, &length, &tag);
    }
    REQUIRE_STATUS(RENOIR_SUCCESS, status);
    REQUIRE_EQ_U64((uint32_t)number, tag);
    REQUIRE_EQ_U64(length_of(number), length);
    REQUIRE(pattern_holds(data, length, number));
    renoir_record_ring_consume(ring);
    return RENOIR_SUCCESS;
}

PEER(writer)
{
    RenoirRegionHandle region = join_region();
    RenoirRecordRing ring = open_stream(region, RENOIR_PRODUCER, peer_arg_u64(0));
    peer_say("ready");
    for (uint64_t number = peer_arg_u64(1);; ++number) {
        if (write_record(&ring, number) != RENOIR_SUCCESS) {
            break;
        }
    }
    renoir_ring_close(&ring.end);
    renoir_region_close(region);
}

PEER(reader)
{
    RenoirRegionHandle region = join_region();
    RenoirRecordRing ring = open_stream(region, RENOIR_CONSUMER, peer_arg_u64(0));
    peer_say("ready");
    for (uint64_t number = peer_arg_u64(1);; ++number) {
        if (read_record(&ring, number) != RENOIR_SUCCESS) {
            break;
        }
    }
    renoir_ring_close(&ring.end);
    renoir_region_close(region);
}

// A third of the rounds each: sleep at once, spin a little, never sleep.
static const char *spin_of(uint64_t round)
{
    static const char *const spins[] = {"1", "0", "18446744073709551615"};
    return spins[round % 3];
}

static pid_t start_killer(TestPeer peer)
{
    // A random moment: half of the kills in the first millisecond, all within 10 ms.
    const uint64_t delay_us =
        test_random_below(2) == 0 ? test_random_below(1000) : test_random_below(10000);
    const pid_t killer = fork();
    REQUIRE(killer >= 0);
    if (killer == 0) {
        usleep((useconds_t)delay_us);
        (void)kill(peer_pid(peer), SIGKILL);
        _exit(0);
    }
    return killer;
}

TEST_WITHIN(stream_torture,
            a_writer_killed_at_any_moment_leaves_whole_records_and_an_answer,
            "R-078 R-072 T-005 reliability concurrent_stress",
            1200)
{
    RenoirRegionHandle region = join_region();
    RenoirRecordRing ring = open_stream(region, RENOIR_CONSUMER, 0);
    uint64_t number = 0;
    const uint64_t rounds = test_scaled(5000);
    for (uint64_t round = 0; round < rounds; ++round) {
        char next[32];
        snprintf(next, sizeof next, "%llu", (unsigned long long)number);
        const TestPeer peer = peer_start(writer, spin_of(round), next);
        REQUIRE(peer_expect(peer, "ready"));
        const pid_t killer = start_killer(peer);
        RenoirErrorCode status = RENOIR_SUCCESS;
        while ((status = read_record(&ring, number)) == RENOIR_SUCCESS) {
            ++number;
        }
        REQUIRE_STATUS(RENOIR_DISCONNECTED, status);
        REQUIRE_KILLED(peer);
        REQUIRE(waitpid(killer, NULL, 0) == killer);
        // All that was committed was read.
        REQUIRE_EQ_U64(rnr_load_acquire_u64(&shm_of(&ring.end)->tail), ring.end.position);
        REQUIRE_OK(rnr_ring_check(ring.end.shared, UINT64_MAX, "stream"));
    }
    CHECK(number > 0);
    renoir_ring_close(&ring.end);
    leave_region_and_reap(region);
}

TEST_WITHIN(stream_torture,
            a_reader_killed_at_any_moment_is_followed_by_one_that_loses_nothing,
            "R-078 R-072 T-006 reliability concurrent_stress",
            1200)
{
    RenoirRegionHandle region = join_region();
    RenoirRecordRing ring = open_stream(region, RENOIR_PRODUCER, 0);
    uint64_t written = 0;
    uint64_t read = 0;
    const uint64_t rounds = test_scaled(5000);
    for (uint64_t round = 0; round < rounds; ++round) {
        char next[32];
        // The records between head and tail are the last ones written.
        snprintf(next, sizeof next, "%llu", (unsigned long long)read);
        const TestPeer peer = peer_start(reader, spin_of(round), next);
        REQUIRE(peer_expect(peer, "ready"));
        const pid_t killer = start_killer(peer);
        RenoirErrorCode status = RENOIR_SUCCESS;
        while ((status = write_record(&ring, written)) == RENOIR_SUCCESS) {
            ++written;
        }
        REQUIRE_STATUS(RENOIR_DISCONNECTED, status);
        REQUIRE_KILLED(peer);
        REQUIRE(waitpid(killer, NULL, 0) == killer);
        // Where the dead reader stood: as many records back as fill what is waiting.
        uint64_t waiting = renoir_ring_count(&ring.end);
        for (read = written; waiting > 0; --read) {
            const uint64_t bytes = 8 + ((uint64_t)length_of(read - 1) + 7) / 8 * 8;
            REQUIRE(bytes <= waiting);
            waiting -= bytes;
        }
    }
    CHECK(written > 0);
    // The rest is there for a reader that lives.
    RenoirRecordRing last = open_stream(region, RENOIR_CONSUMER, 0);
    for (; read < written; ++read) {
        REQUIRE_OK(read_record(&last, read));
    }
    CHECK_EQ_U64(0, renoir_ring_count(&last.end));
    renoir_ring_close(&last.end);
    renoir_ring_close(&ring.end);
    leave_region_and_reap(region);
}

TEST_WITHIN(stream_torture,
            a_stream_whose_ends_stop_and_go_on_loses_nothing,
            "R-078 T-006 reliability concurrent_stress",
            600)
{
    RenoirRegionHandle region = join_region();
    RenoirRecordRing ring = open_stream(region, RENOIR_CONSUMER, 0);
    const TestPeer peer = peer_start(writer, "0", "0");
    uint64_t number = 0;
    REQUIRE(peer_expect(peer, "ready"));
    for (uint64_t round = 0; round < test_scaled(2000); ++round) {
        peer_signal(peer, SIGSTOP);
        test_sleep_ms(1);
        while (renoir_ring_count(&ring.end) > 0) {
            REQUIRE_OK(read_record(&ring, number++));
        }
        CHECK_STATUS(RENOIR_TIMEOUT, renoir_ring_wait(&ring.end, RENOIR_MILLISECONDS(1)));
        peer_signal(peer, SIGCONT);
        for (int i = 0; i < 100; ++i) {
            REQUIRE_OK(read_record(&ring, number++));
        }
    }
    renoir_ring_close(&ring.end); // the writer, refused room, learns it and leaves
    CHECK_EXITED(peer, 0);
    renoir_region_close(region);
}
