// SPDX-License-Identifier: MIT OR Apache-2.0
//
// States as members of wait sets.

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/sync/state_fixture.h"

static RenoirWaitsetHandle make_set(void)
{
    RenoirWaitsetHandle set = NULL;
    REQUIRE_OK(renoir_waitset_create(NULL, &set));
    return set;
}

// What the set says of its one member. 0: nothing in that time.
static uint32_t wait_in(RenoirWaitsetHandle set, uint64_t timeout_ns)
{
    RenoirWaitEvent events[4];
    size_t count = 0;
    const RenoirErrorCode status = renoir_waitset_wait(set, timeout_ns, events, 4, &count);
    if (status == RENOIR_TIMEOUT || status == RENOIR_BUFFER_EMPTY) {
        return 0;
    }
    REQUIRE_STATUS(RENOIR_SUCCESS, status);
    REQUIRE_EQ_U64(1, count);
    return events[0].events;
}

TEST(state_waitset, a_member_is_ready_until_its_newest_version_was_read, "R-115 R-124 V-009")
{
    RenoirRegionHandle region = join_states();
    RenoirStateHandle writer = make_state(region, 64);
    RenoirStateHandle reader = open_state(region);
    RenoirWaitsetHandle set = make_set();
    const void *data = NULL;
    size_t length = 0;
    uint64_t version = 0;
    REQUIRE_OK(renoir_waitset_add(set, renoir_state_waitable(reader), reader));
    CHECK_EQ_U64(0, wait_in(set, RENOIR_NO_WAIT));
    CHECK_EQ_U64(0, wait_in(set, RENOIR_MILLISECONDS(5)));
    for (uint64_t i = 1; i < 40; i += 2) {
        write_value(writer, 64, i);
        CHECK_EQ_U64(RENOIR_WAIT_READY, wait_in(set, RENOIR_WAIT_FOREVER));
        write_value(writer, 64, i + 1);
        CHECK_EQ_U64(RENOIR_WAIT_READY, wait_in(set, RENOIR_NO_WAIT));
        if (i % 4 == 1) {
            check_value(reader, 64, i + 1);
        } else {
            REQUIRE_OK(renoir_state_peek(reader, &data, &length, &version));
        }
        CHECK_EQ_U64(0, wait_in(set, RENOIR_NO_WAIT));
    }
    renoir_waitset_close(set);
    renoir_state_close(reader);
    renoir_state_close(writer);
    renoir_region_close(region);
}

// Sleeps for each version in a wait set of its own, and says what it got.
PEER(set_reader)
{
    RenoirRegionHandle region = join_states();
    RenoirRegionHandle mine = peer_arg_u64(0) != 0 ? join_states_read_only() : region;
    RenoirStateHandle state = open_state(mine);
    RenoirWaitsetHandle set = make_set();
    REQUIRE_OK(renoir_waitset_add(set, renoir_state_waitable(state), state));
    peer_say("ready");
    while (wait_in(set, RENOIR_WAIT_FOREVER) == RENOIR_WAIT_READY) {
        unsigned char bytes[64];
        size_t length = 0;
        uint64_t version = 0;
        REQUIRE_OK(renoir_state_read(state, bytes, sizeof bytes, &length, &version));
        REQUIRE(length == 64 && value_holds(bytes, length, version));
        peer_say("%llu", (unsigned long long)version);
    }
    CHECK_EQ_U64(RENOIR_WAIT_DISCONNECTED, wait_in(set, RENOIR_WAIT_FOREVER));
    peer_say("gone");
    renoir_waitset_close(set);
    renoir_state_close(state);
    if (mine != region) {
        renoir_region_close(mine);
    }
    renoir_region_close(region);
}

static void all_sets_wake(const char *is_read_only)
{
    enum { READERS = 3 };
    RenoirRegionHandle region = join_states();
    RenoirStateHandle state = make_state(region, 64);
    TestPeer peers[READERS];
    for (int i = 0; i < READERS; ++i) {
        peers[i] = peer_start(set_reader, is_read_only);
        REQUIRE(peer_expect(peers[i], "ready"));
    }
    for (uint64_t number = 1; number <= 5; ++number) {
        char line[32];
        snprintf(line, sizeof line, "%llu", (unsigned long long)number);
        test_sleep_ms(20); // they lie down
        write_value(state, 64, number);
        for (int i = 0; i < READERS; ++i) {
            CHECK(peer_expect(peers[i], line));
        }
    }
    renoir_state_close(state);
    for (int i = 0; i < READERS; ++i) {
        CHECK(peer_expect(peers[i], "gone"));
        CHECK_EXITED(peers[i], 0);
    }
    renoir_region_close(region);
}

TEST(state_waitset, every_set_wakes_for_every_version, "R-124 V-009 T-061 communication")
{
    all_sets_wake("0");
}

TEST(state_waitset, sets_in_a_region_open_for_reading_only_wake_too, "R-124 V-009 T-061")
{
    all_sets_wake("1");
}

PEER(set_writer)
{
    RenoirRegionHandle region = join_states();
    RenoirStateHandle state = make_state(region, 64);
    write_value(state, 64, 1);
    peer_say("ready");
    peer_pause();
    rnr_fault_arm(peer_arg(0), RNR_FAULT_KILL, 1);
    write_value(state, 64, 2);
    peer_pause(); // the point may be one that is not hit
    renoir_state_close(state);
    renoir_region_close(region);
}

// The set sleeps when the writer dies at the point, in its second write.
static void the_writer_dies(const char *point, bool is_read_only)
{
    RenoirRegionHandle region = join_states();
    const TestPeer peer = peer_start(set_writer, point);
    REQUIRE(peer_expect(peer, "ready"));
    RenoirRegionHandle mine = is_read_only ? join_states_read_only() : region;
    RenoirStateHandle reader = open_state(mine);
    RenoirWaitsetHandle set = make_set();
    REQUIRE_OK(renoir_waitset_add(set, renoir_state_waitable(reader), reader));
    CHECK_EQ_U64(RENOIR_WAIT_READY, wait_in(set, RENOIR_WAIT_FOREVER));
    check_value(reader, 64, 1);
    CHECK_EQ_U64(0, wait_in(set, RENOIR_MILLISECONDS(30))); // announced, and alive
    peer_send_line(peer, "go");
    CHECK_KILLED(peer);
    CHECK_EQ_U64(RENOIR_WAIT_READY, wait_in(set, RENOIR_WAIT_FOREVER));
    check_value(reader, 64, 2);
    CHECK_EQ_U64(RENOIR_WAIT_DISCONNECTED, wait_in(set, RENOIR_WAIT_FOREVER));

    RenoirStateHandle writer = make_state(region, 64);
    CHECK_EQ_U64(0, wait_in(set, RENOIR_MILLISECONDS(5))); // somebody is there again
    write_value(writer, 64, 3);
    CHECK_EQ_U64(RENOIR_WAIT_READY, wait_in(set, RENOIR_WAIT_FOREVER));
    check_value(reader, 64, 3);
    renoir_state_close(writer);
    CHECK_EQ_U64(RENOIR_WAIT_DISCONNECTED, wait_in(set, RENOIR_WAIT_FOREVER));
    renoir_waitset_close(set);
    renoir_state_close(reader);
    if (is_read_only) {
        renoir_region_close(mine);
    }
    leave_states_and_reap(region);
}

TEST(state_waitset, a_dead_writer_is_told_after_what_it_wrote, "R-124 V-009 reliability")
{
    the_writer_dies("state.commit.latest", false);
    the_writer_dies("bell.ring.changed", false);
}

TEST(state_waitset, a_writer_that_died_with_the_letters_is_found_out, "R-124 T-061 reliability")
{
    the_writer_dies("audience.tell.taken", false);
}

TEST(state_waitset, a_dead_writer_is_told_in_a_region_open_for_reading_only, "R-124 reliability")
{
    the_writer_dies("state.commit.latest", true);
}

TEST(state_waitset, a_state_that_closes_leaves_its_set, "R-124 T-086")
{
    RenoirRegionHandle region = join_states();
    RenoirStateHandle writer = make_state(region, 64);
    RenoirStateHandle reader = open_state(region);
    RenoirWaitsetHandle set = make_set();
    REQUIRE_OK(renoir_waitset_add(set, renoir_state_waitable(reader), reader));
    CHECK_STATUS(RENOIR_EXISTS, renoir_waitset_add(set, renoir_state_waitable(reader), reader));
    CHECK_EQ_U64(0, wait_in(set, RENOIR_MILLISECONDS(1)));
    renoir_state_close(reader);
    for (size_t i = 0; i < RNR_STATE_ADDRESSES; ++i) {
        CHECK_EQ_U64(0, rnr_load_acquire_u64(&state_shm(writer)->addresses[i]));
    }
    write_value(writer, 64, 1);
    CHECK_EQ_U64(0, wait_in(set, RENOIR_MILLISECONDS(1)));
    renoir_waitset_close(set);
    renoir_state_close(writer);
    renoir_region_close(region);
}

TEST(state_waitset, a_child_that_closes_takes_nothing_from_its_parents_set, "R-018 R-124")
{
    RenoirRegionHandle region = join_states();
    RenoirStateHandle writer = make_state(region, 64);
    RenoirStateHandle reader = open_state(region);
    RenoirWaitsetHandle set = make_set();
    REQUIRE_OK(renoir_waitset_add(set, renoir_state_waitable(reader), reader));
    CHECK_EQ_U64(0, wait_in(set, RENOIR_MILLISECONDS(1)));
    const uint64_t address = rnr_load_acquire_u64(&state_shm(writer)->addresses[0]);
    const pid_t child = fork();
    if (child == 0) {
        const bool ok = renoir_state_waitable(writer) == NULL;
        renoir_state_close(reader);
        renoir_waitset_close(set);
        _exit(ok ? 0 : 1);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(address != 0);
    CHECK_EQ_U64(address, rnr_load_acquire_u64(&state_shm(writer)->addresses[0]));
    write_value(writer, 64, 1);
    CHECK_EQ_U64(RENOIR_WAIT_READY, wait_in(set, RENOIR_WAIT_FOREVER));
    renoir_waitset_close(set);
    renoir_state_close(reader);
    renoir_state_close(writer);
    renoir_region_close(region);
}

// --- places --------------------------------------------------------------------------------------

PEER(dying_member)
{
    RenoirRegionHandle region = join_states();
    RenoirWaitsetHandle set = make_set();
    for (int i = 0; i < RNR_STATE_ADDRESSES; ++i) {
        RenoirStateHandle reader = open_state(region);
        REQUIRE_OK(renoir_waitset_add(set, renoir_state_waitable(reader), reader));
    }
    CHECK_EQ_U64(0, wait_in(set, RENOIR_MILLISECONDS(1)));
    (void)kill(getpid(), SIGKILL);
}

TEST(state_waitset,
     places_of_the_dead_are_taken_back_and_those_of_the_living_are_not,
     "R-124 T-016")
{
    RenoirRegionHandle region = join_states();
    RenoirStateHandle writer = make_state(region, 64);
    RenoirWaitsetHandle set = make_set();
    RenoirStateHandle readers[RNR_STATE_ADDRESSES + 1];
    CHECK_KILLED(peer_run(dying_member)); // took all of them
    for (int i = 0; i <= RNR_STATE_ADDRESSES; ++i) {
        readers[i] = open_state(region);
    }
    for (int i = 0; i < RNR_STATE_ADDRESSES; ++i) {
        REQUIRE_OK(renoir_waitset_add(set, renoir_state_waitable(readers[i]), readers[i]));
    }
    RenoirStateHandle last = readers[RNR_STATE_ADDRESSES];
    CHECK_STATUS(RENOIR_LIMIT_REACHED, renoir_waitset_add(set, renoir_state_waitable(last), last));
    CHECK_STR_CONTAINS("64 wait sets have it", renoir_last_error_message());
    renoir_state_close(readers[7]);
    CHECK_OK(renoir_waitset_add(set, renoir_state_waitable(last), last));
    readers[7] = open_state(region);

    size_t total = 0; // all of them are told
    write_value(writer, 64, 1);
    while (total < RNR_STATE_ADDRESSES) {
        RenoirWaitEvent events[16];
        size_t count = 0;
        REQUIRE_OK(renoir_waitset_wait(set, RENOIR_WAIT_FOREVER, events, 16, &count));
        for (size_t i = 0; i < count; ++i) {
            check_value((RenoirStateHandle)events[i].user, 64, 1);
        }
        total += count;
    }
    CHECK_STATUS(RENOIR_BUFFER_EMPTY,
                 renoir_waitset_wait(set, RENOIR_NO_WAIT, (RenoirWaitEvent[1]){{0}}, 1, &total));
    for (int i = 0; i <= RNR_STATE_ADDRESSES; ++i) {
        renoir_state_close(readers[i]);
    }
    renoir_waitset_close(set);
    renoir_state_close(writer);
    leave_states_and_reap(region);
}
