// SPDX-License-Identifier: MIT OR Apache-2.0
//
// States under a writer that never pauses, and under one that is killed again and again: no reader
// ever sees a torn value, or an older one after a newer one. Readers dawdle over what they peek at,
// and are stopped at random, in the middle of their copies too, so that they are overtaken often.

#include <signal.h>

#include "unit/sync/state_fixture.h"

enum { MAX_SIZE = 65536, READERS = 2 };

// Goes on after the last whole value, without a pause: copied, or built in place piece by piece.
PEER(restless_writer)
{
    RenoirRegionHandle region = join_states();
    const size_t max_size = (size_t)peer_arg_u64(0);
    RenoirStateHandle state = make_state(region, max_size);
    uint64_t number = rnr_versions_latest(&state->versions) + 1;
    write_value(state, value_length(number, max_size), number);
    peer_say("writing");
    for (;;) {
        const size_t length = value_length(++number, max_size);
        void *room = NULL;
        size_t size = 0;
        if (number % 3 != 0) {
            write_value(state, length, number);
            continue;
        }
        REQUIRE_OK(renoir_state_reserve(state, &room, &size));
        value_fill(room, length, number);
        REQUIRE_OK(renoir_state_commit(state, length));
    }
}

typedef struct Seen {
    uint64_t version;
    uint64_t reads;
} Seen;

static void look_once(RenoirStateHandle state, size_t max_size, Seen *seen)
{
    static unsigned char bytes[MAX_SIZE];
    const void *data = bytes;
    size_t length = 0;
    uint64_t version = 0;
    RenoirErrorCode status;
    if (seen->reads % 2 == 0) {
        status = renoir_state_read(state, bytes, max_size, &length, &version);
    } else {
        status = renoir_state_peek(state, &data, &length, &version);
        for (uint64_t i = test_random_below(4) == 0 ? test_random_below(2000) : 0; i > 0; --i) {
            rnr_relax();
        }
    }
    ++seen->reads;
    if (status == RENOIR_CONCURRENCY_ERROR) {
        return; // this process was taken off its processor each time
    }
    REQUIRE_STATUS(RENOIR_SUCCESS, status);
    const bool is_whole =
        length == value_length(version, max_size) && value_holds(data, length, version);
    if (data != bytes && renoir_state_validate(state, version) == RENOIR_OVERRUN) {
        return;
    }
    REQUIRE(is_whole);
    REQUIRE(version >= seen->version);
    seen->version = version;
}

PEER(checking_reader)
{
    RenoirRegionHandle region = join_states();
    RenoirRegionHandle mine = peer_arg_u64(1) != 0 ? join_states_read_only() : region;
    RenoirStateHandle state = open_state(mine);
    Seen seen = {0};
    const uint64_t deadline = test_now_ns() + peer_arg_u64(2) * UINT64_C(1000000);
    REQUIRE_OK(renoir_state_wait(state, 0, RENOIR_SECONDS(50)));
    while (test_now_ns() < deadline || seen.reads < 1000) {
        look_once(state, (size_t)peer_arg_u64(0), &seen);
        if (seen.reads % 16 == 0) { // and asleep now and then
            const RenoirErrorCode status =
                renoir_state_wait(state, seen.version, RENOIR_MILLISECONDS(20));
            REQUIRE(status == RENOIR_SUCCESS || status == RENOIR_TIMEOUT ||
                    status == RENOIR_DISCONNECTED);
        }
    }
    CHECK(seen.version > 0);
    renoir_state_close(state);
    if (mine != region) {
        renoir_region_close(mine);
    }
    renoir_region_close(region);
}

static void torture(size_t max_size, bool kills)
{
    RenoirRegionHandle region = join_states();
    char size[16];
    char milliseconds[32];
    TestPeer readers[READERS];
    snprintf(size, sizeof size, "%zu", max_size);
    snprintf(milliseconds, sizeof milliseconds, "%llu", (unsigned long long)test_scaled(60000));
    TestPeer writer = peer_start(restless_writer, size);
    REQUIRE(peer_expect(writer, "writing"));
    for (int i = 0; i < READERS; ++i) {
        readers[i] = peer_start(checking_reader, size, i == 0 ? "0" : "1", milliseconds);
    }
    while (peer_is_running(readers[0]) || peer_is_running(readers[1])) {
        const TestPeer reader = readers[test_random_below(READERS)];
        peer_signal(reader, SIGSTOP);
        test_sleep_ms(1);
        peer_signal(reader, SIGCONT);
        if (kills && test_random_below(8) == 0) {
            CHECK_KILLED(peer_kill(writer, SIGKILL));
            CHECK_OK(renoir_region_verify(region, NULL, 0));
            writer = peer_start(restless_writer, size);
            REQUIRE(peer_expect(writer, "writing"));
        }
    }
    for (int i = 0; i < READERS; ++i) {
        CHECK_EXITED(readers[i], 0);
    }
    CHECK_KILLED(peer_kill(writer, SIGKILL));
    CHECK_OK(renoir_region_verify(region, NULL, 0));
    leave_states_and_reap(region);
}

TEST_WITHIN(state_torture,
            small_values_beside_a_writer_that_never_pauses,
            "R-115 T-053 T-110 concurrent_stress",
            300)
{
    torture(64, false);
}

TEST_WITHIN(state_torture,
            large_values_beside_a_writer_that_never_pauses,
            "R-115 T-053 T-110 concurrent_stress",
            300)
{
    torture(MAX_SIZE, false);
}

TEST_WITHIN(state_torture,
            small_values_of_writers_that_are_killed_again_and_again,
            "R-115 T-053 T-058 concurrent_stress reliability",
            300)
{
    torture(100, true);
}

TEST_WITHIN(state_torture,
            large_values_of_writers_that_are_killed_again_and_again,
            "R-115 T-053 T-058 concurrent_stress reliability",
            300)
{
    torture(MAX_SIZE, true);
}
