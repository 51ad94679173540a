// SPDX-License-Identifier: MIT OR Apache-2.0
//
// A death at each fault point of a state's writer and readers: the last whole value stays readable,
// and the next writer goes on from it.

#include <signal.h>
#include <unistd.h>

#include "unit/sync/state_fixture.h"

enum { SIZE = 5000 };

// Writes 1, 2, 3 …, and dies at the point named in the write of the number given.
PEER(dying_state_writer)
{
    RenoirRegionHandle region = join_states();
    rnr_fault_arm(peer_arg(0), RNR_FAULT_KILL, peer_arg_u64(1));
    RenoirStateHandle state = make_state(region, SIZE);
    for (uint64_t i = 1;; ++i) {
        write_value(state, value_length(i, SIZE), i);
    }
}

// What is there is whole, and a new writer goes on after it for more than a lap.
static void check_goes_on(RenoirRegionHandle region, uint64_t last)
{
    RenoirStateHandle reader = open_state(region);
    unsigned char bytes[SIZE];
    size_t length = 7;
    CHECK_OK(renoir_region_verify(region, NULL, 0));
    if (last == 0) {
        CHECK_STATUS(RENOIR_BUFFER_EMPTY, renoir_state_read(reader, bytes, SIZE, &length, NULL));
    } else {
        check_value(reader, value_length(last, SIZE), last);
        CHECK_OK(renoir_state_wait(reader, last - 1, RENOIR_WAIT_FOREVER));
    }
    CHECK_STATUS(RENOIR_DISCONNECTED, renoir_state_wait(reader, last, RENOIR_WAIT_FOREVER));

    RenoirStateHandle writer = make_state(region, SIZE);
    CHECK_OK(renoir_region_verify(region, NULL, 0));
    for (uint64_t i = last + 1; i < last + 40; ++i) {
        write_value(writer, value_length(i, SIZE), i);
        check_value(reader, value_length(i, SIZE), i);
    }
    CHECK_OK(renoir_region_verify(region, NULL, 0));
    renoir_state_close(writer);
    renoir_state_close(reader);
}

// In each write of more than a lap: in a place that was never used, and in one that has a version.
static void a_writer_dies(const char *point, bool counts)
{
    static const uint64_t numbers[] = {1, 2, 16, 17, 20};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; ++i) {
        RenoirRegionHandle region = join_states();
        char number[16];
        snprintf(number, sizeof number, "%d", (int)numbers[i]);
        CHECK_KILLED(peer_run(dying_state_writer, point, number));
        check_goes_on(region, counts ? numbers[i] : numbers[i] - 1);
        CHECK_OK(renoir_region_remove_object(region, "s"));
        leave_states_and_reap(region);
    }
}

TEST(state_crash, a_write_that_died_before_its_data_never_happened, "R-115 T-058 reliability")
{
    a_writer_dies("state.reserve.invalid", false);
}

TEST(state_crash, a_write_that_died_after_its_data_never_happened, "R-115 T-058 reliability")
{
    a_writer_dies("state.commit.data", false);
}

TEST(state_crash, a_version_that_nobody_was_told_of_is_written_again, "R-115 T-058 reliability")
{
    a_writer_dies("state.commit.stamp", false);
}

TEST(state_crash, a_write_that_died_after_it_was_published_counts, "R-115 T-058 reliability")
{
    a_writer_dies("state.commit.latest", true);
}

// Dies with half of the data in place, where versions have been before.
PEER(dying_builder)
{
    RenoirRegionHandle region = join_states();
    RenoirStateHandle state = make_state(region, SIZE);
    void *room = NULL;
    size_t size = 0;
    for (uint64_t i = 1; i <= 20; ++i) {
        write_value(state, value_length(i, SIZE), i);
    }
    REQUIRE_OK(renoir_state_reserve(state, &room, &size));
    memset(room, 0xee, size / 2);
    (void)kill(getpid(), SIGKILL);
}

TEST(state_crash, a_version_that_was_half_built_never_happened, "R-115 T-058 T-018 reliability")
{
    RenoirRegionHandle region = join_states();
    CHECK_KILLED(peer_run(dying_builder));
    check_goes_on(region, 20);
    leave_states_and_reap(region);
}

// --- coming and going ----------------------------------------------------------------------------

PEER(dying_comer)
{
    RenoirRegionHandle region = join_states();
    rnr_fault_arm(peer_arg(0), RNR_FAULT_KILL, 1);
    RenoirStateHandle state = make_state(region, SIZE);
    write_value(state, value_length(1, SIZE), 1);
    renoir_state_close(state);
    CHECK_UNREACHABLE();
}

TEST(state_crash, a_state_whose_maker_died_before_it_was_whole_is_not_there, "R-115 T-109")
{
    RenoirRegionHandle region = join_states();
    RenoirStateHandle state = NULL;
    CHECK_KILLED(peer_run(dying_comer, "state.format.magic"));
    CHECK_STATUS(RENOIR_NOT_FOUND, renoir_state_open(region, "s", &state));
    state = make_state(region, SIZE);
    renoir_state_close(state);
    leave_states_and_reap(region);
}

// Between the making and the writer's first word, readers wait: somebody may be about to come.
TEST(state_crash,
     a_maker_that_died_before_it_became_the_writer_leaves_the_place_free,
     "R-115 T-016")
{
    RenoirRegionHandle region = join_states();
    CHECK_KILLED(peer_run(dying_comer, "state.create.role"));
    RenoirStateHandle reader = open_state(region);
    CHECK_STATUS(RENOIR_TIMEOUT, renoir_state_wait(reader, 0, RENOIR_MILLISECONDS(10)));
    RenoirStateHandle writer = make_state(region, SIZE);
    write_value(writer, value_length(1, SIZE), 1);
    check_value(reader, value_length(1, SIZE), 1);
    renoir_state_close(writer);
    renoir_state_close(reader);
    check_goes_on(region, 1);
    leave_states_and_reap(region);
}

TEST(state_crash, a_writer_that_died_before_its_first_value_is_gone, "R-115 T-016")
{
    RenoirRegionHandle region = join_states();
    CHECK_KILLED(peer_run(dying_comer, "state.create.presence"));
    check_goes_on(region, 0);
    leave_states_and_reap(region);
}

TEST(state_crash, a_writer_that_died_while_it_left_has_left, "R-115 T-016")
{
    RenoirRegionHandle region = join_states();
    CHECK_KILLED(peer_run(dying_comer, "state.close.left"));
    check_goes_on(region, 1);
    leave_states_and_reap(region);
}

// --- asleep --------------------------------------------------------------------------------------

PEER(dying_sleeper)
{
    RenoirRegionHandle region = join_states();
    RenoirStateHandle state = open_state(region);
    rnr_fault_arm(peer_arg(0), RNR_FAULT_KILL, 1);
    (void)renoir_state_wait(state, 0, RENOIR_WAIT_FOREVER);
    CHECK_UNREACHABLE();
}

static void a_sleeper_dies(const char *point)
{
    RenoirRegionHandle region = join_states();
    RenoirStateHandle writer = make_state(region, SIZE);
    RenoirStateHandle reader = open_state(region);
    CHECK_KILLED(peer_run(dying_sleeper, point));
    CHECK_STATUS(RENOIR_TIMEOUT, renoir_state_wait(reader, 0, RENOIR_MILLISECONDS(10)));
    for (uint64_t i = 1; i < 40; ++i) {
        write_value(writer, value_length(i, SIZE), i);
        check_value(reader, value_length(i, SIZE), i);
    }
    renoir_state_close(reader);
    renoir_state_close(writer);
    leave_states_and_reap(region);
}

TEST(state_crash, a_reader_that_died_before_it_slept_holds_up_nobody, "V-009 T-061 reliability")
{
    a_sleeper_dies("state.wait.armed");
    a_sleeper_dies("state.wait.looked");
}

PEER(sleeping_reader)
{
    RenoirRegionHandle region = join_states();
    RenoirStateHandle state = open_state(region);
    peer_say("ready");
    CHECK_OK(renoir_state_wait(state, 0, RENOIR_WAIT_FOREVER));
    renoir_state_close(state);
    renoir_region_close(region);
}

PEER(dying_ringer)
{
    RenoirRegionHandle region = join_states();
    RenoirStateHandle state = make_state(region, SIZE);
    peer_say("ready");
    peer_pause();
    while ((rnr_load_acquire_u32(&state_shm(state)->sleepers) & RNR_STATE_READER_SLEEPS) == 0) {
        test_sleep_ms(1);
    }
    rnr_fault_arm(peer_arg(0), RNR_FAULT_KILL, 1);
    write_value(state, value_length(1, SIZE), 1);
    CHECK_UNREACHABLE();
}

static void a_ringer_dies(const char *point)
{
    RenoirRegionHandle region = join_states();
    const TestPeer writer = peer_start(dying_ringer, point);
    REQUIRE(peer_expect(writer, "ready"));
    const TestPeer reader = peer_start(sleeping_reader);
    REQUIRE(peer_expect(reader, "ready"));
    peer_send_line(writer, "go");
    CHECK_KILLED(writer);
    CHECK_EXITED(reader, 0); // it looks again after its slice
    leave_states_and_reap(region);
}

TEST(state_crash, a_writer_that_died_before_it_woke_anybody_is_read_all_the_same, "V-009 T-061")
{
    a_ringer_dies("state.commit.latest");
    a_ringer_dies("bell.ring.cleared");
    a_ringer_dies("bell.ring.changed");
}
