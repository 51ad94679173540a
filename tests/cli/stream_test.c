// SPDX-License-Identifier: MIT OR Apache-2.0

#include "harness/test.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "program.h"

enum { MEBIBYTE = 1 << 20 };

static const char *original(size_t length)
{
    const char *path = scratch("original");
    write_file(path, 7 + length, length);
    return path;
}

// A sender in the middle of its stream: it has sent what `path` holds and waits for more.
static Program start_unfinished_sender(const char *name, const char *path)
{
    Program sender = START("|", NULL, "send", name, "--quiet");
    char buffer[4096];
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    REQUIRE(file >= 0);
    for (ssize_t got = 1; got > 0;) {
        got = read(file, buffer, sizeof buffer);
        REQUIRE(got == 0 || write(sender.input, buffer, (size_t)got) == got);
    }
    close(file);
    return sender;
}

TEST(cli_stream, the_same_bytes_arrive_whoever_comes_first, "R-232 R-001 integration")
{
    static const size_t lengths[] = {0, 1, 7, 4096, 65536, 65537, 3 * MEBIBYTE + 5};
    const char *copy = scratch("copy");
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        const char *path = original(lengths[i]);
        Program receiver = START(NULL, NULL, "recv", "s", copy);
        test_sleep_ms(20);
        CHECK_EQ_I64(0, RUN("send", "s", path)->code);
        CHECK_EQ_I64(0, program_wait(&receiver)->code);
        CHECK(files_are_equal(path, copy));

        Program sender = START(NULL, NULL, "send", "s", path);
        test_sleep_ms(20);
        CHECK_EQ_I64(0, RUN("recv", "s", copy)->code);
        CHECK_EQ_I64(0, program_wait(&sender)->code);
        CHECK(files_are_equal(path, copy));
        CHECK_EQ_U64(0, files_below_root());
    }
}

TEST(cli_stream, standard_input_and_output_work_in_a_pipeline, "R-232 integration")
{
    const char *path = original(2 * MEBIBYTE + 3);
    const char *copy = scratch("copy");
    Program receiver = START(NULL, copy, "recv", "s");
    const Ended *ended = RUN_WITH(path, NULL, "send", "s", "--json");
    CHECK_EQ_I64(0, ended->code);
    CHECK_STR_CONTAINS("\"whole\": true", ended->out);
    CHECK_STR_CONTAINS("\"bytes\": 2097155", ended->out);
    CHECK_EQ_I64(0, program_wait(&receiver)->code);
    CHECK(files_are_equal(path, copy));
}

TEST(cli_stream, record_and_ring_sizes_are_free_within_their_limits, "R-232 functional")
{
    const char *path = original(MEBIBYTE + 1);
    const char *copy = scratch("copy");
    Program receiver = START(NULL, NULL, "recv", "s", copy);
    test_sleep_ms(20);
    // The receiver has made a ring of 1 MiB: another size is refused, and it goes on waiting.
    CHECK_EQ_I64(1, RUN("send", "s", path, "--ring-size", "64KiB")->code);
    CHECK_EQ_I64(2, RUN("send", "s", path, "--record-size", "1MiB")->code);
    CHECK_EQ_I64(0, RUN("send", "s", path, "--record-size", "1000")->code);
    CHECK_EQ_I64(0, program_wait(&receiver)->code);
    CHECK(files_are_equal(path, copy));

    receiver = START(NULL, NULL, "recv", "s", copy, "--ring-size", "4KiB");
    test_sleep_ms(20);
    CHECK_EQ_I64(0, RUN("send", "s", path)->code);
    CHECK_EQ_I64(0, program_wait(&receiver)->code);
    CHECK(files_are_equal(path, copy));
    CHECK_EQ_U64(0, files_below_root());
}

TEST(cli_stream, senders_may_be_gone_before_the_receiver_comes, "R-232 functional")
{
    CHECK_EQ_I64(0, RUN_WITH(original(1000), NULL, "send", "s")->code);
    CHECK_EQ_I64(0, RUN_WITH(original(2000), NULL, "send", "s")->code);
    CHECK_EQ_I64(0, RUN("recv", "s", scratch("first"))->code);
    CHECK_EQ_I64(0, RUN("recv", "s", scratch("second"))->code);
    CHECK(files_are_equal(original(1000), scratch("first")));
    CHECK(files_are_equal(original(2000), scratch("second")));
    CHECK_EQ_U64(0, files_below_root());
}

TEST(cli_stream, nobody_on_the_other_side_is_a_timeout, "R-232 functional")
{
    const Ended *ended = RUN("recv", "s", scratch("copy"), "--timeout", "50ms");
    CHECK_EQ_I64(3, ended->code);
    CHECK_STR_CONTAINS("no sender", ended->err);
    CHECK_EQ_U64(SIZE_MAX, file_size(scratch("copy")));
    CHECK_EQ_U64(SIZE_MAX, file_size(scratch("copy.part")));

    ended = RUN("send", "s", original(4 * MEBIBYTE), "--timeout", "50ms");
    CHECK_EQ_I64(3, ended->code);
    CHECK_STR_CONTAINS("no receiver", ended->err);
    CHECK_EQ_U64(0, files_below_root());
}

TEST(cli_stream, a_receiver_tells_a_dead_sender_from_the_end, "R-232 T-095 reliability")
{
    const char *path = original(3 * MEBIBYTE);
    const char *part = scratch("copy.part");
    Program receiver = START(NULL, NULL, "recv", "s", scratch("copy"), "--json");
    Program sender = start_unfinished_sender("s", path);
    REQUIRE(await_file_size(part, 3 * MEBIBYTE));
    program_kill(&sender, SIGKILL);

    const Ended *ended = program_wait(&receiver);
    CHECK_EQ_I64(4, ended->code);
    CHECK_STR_CONTAINS("3145728 bytes had arrived whole", ended->err);
    CHECK_STR_CONTAINS("\"whole\": false", ended->out);
    CHECK_STR_CONTAINS("\"exit_code\": 4", ended->out);
    CHECK_EQ_U64(SIZE_MAX, file_size(scratch("copy")));
    CHECK(files_are_equal(path, part));
    RUN("clean");
    CHECK_EQ_U64(0, files_below_root());
}

TEST(cli_stream, a_sender_tells_a_dead_receiver, "R-232 reliability")
{
    const char *path = original(8 * MEBIBYTE);
    // Without a reader, its output soon blocks the receiver in the middle of the stream.
    const char *blocked = scratch("blocked");
    REQUIRE(mkfifo(blocked, 0600) == 0);
    const int reader = open(blocked, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    REQUIRE(reader >= 0);
    Program receiver = START(NULL, NULL, "recv", "s", blocked);
    Program sender = START(NULL, NULL, "send", "s", path);
    struct pollfd arrived = {.fd = reader, .events = POLLIN};
    REQUIRE(poll(&arrived, 1, 30000) == 1); // so the receiver has joined, and is in the middle
    CHECK(program_is_running(&sender));
    program_kill(&receiver, SIGKILL);

    const Ended *ended = program_wait(&sender);
    CHECK_EQ_I64(4, ended->code);
    CHECK_STR_CONTAINS("receiver of 's' is gone", ended->err);
    close(reader);
    RUN("clean");
    CHECK_EQ_U64(0, files_below_root());
}

TEST(cli_stream, a_sender_whose_input_is_slow_tells_a_dead_receiver_too, "R-232 reliability")
{
    Program receiver = START(NULL, NULL, "recv", "s", scratch("copy"));
    Program sender = start_unfinished_sender("s", original(5000));
    REQUIRE(await_file_size(scratch("copy.part"), 5000));
    program_kill(&receiver, SIGKILL);
    // Nothing more comes from its input: only looking tells.
    const int input = sender.input;
    sender.input = -1;
    const Ended *ended = program_wait(&sender);
    close(input);
    CHECK_EQ_I64(4, ended->code);
    CHECK_STR_CONTAINS("receiver of 's' is gone", ended->err);
    RUN("clean");
    CHECK_EQ_U64(0, files_below_root());
}

TEST(cli_stream, a_stopped_receiver_is_not_taken_for_dead, "R-232 T-046 reliability")
{
    const char *path = original(8 * MEBIBYTE);
    Program receiver = START(NULL, NULL, "recv", "s", scratch("copy"));
    test_sleep_ms(50);
    kill(receiver.pid, SIGSTOP);
    Program sender = START(NULL, NULL, "send", "s", path);
    test_sleep_ms(400);
    CHECK(program_is_running(&sender));
    kill(receiver.pid, SIGCONT);
    CHECK_EQ_I64(0, program_wait(&sender)->code);
    CHECK_EQ_I64(0, program_wait(&receiver)->code);
    CHECK(files_are_equal(path, scratch("copy")));
}

TEST(cli_stream, only_one_sender_and_one_receiver_at_once, "R-232 functional")
{
    char pid[32];
    Program sender = start_unfinished_sender("s", original(10));
    test_sleep_ms(50);
    const Ended *ended = RUN("send", "s", original(20));
    snprintf(pid, sizeof pid, "pid %ld", (long)sender.pid);
    CHECK_EQ_I64(1, ended->code);
    CHECK_STR_CONTAINS(pid, ended->err);

    Program receiver = START(NULL, NULL, "recv", "s", scratch("copy"));
    REQUIRE(await_file_size(scratch("copy.part"), 10));
    ended = RUN("recv", "s", scratch("other"));
    snprintf(pid, sizeof pid, "pid %ld", (long)receiver.pid);
    CHECK_EQ_I64(1, ended->code);
    CHECK_STR_CONTAINS(pid, ended->err);

    program_close_input(&sender);
    CHECK_EQ_I64(0, program_wait(&sender)->code);
    CHECK_EQ_I64(0, program_wait(&receiver)->code);
    CHECK_EQ_U64(0, files_below_root());
}

TEST(cli_stream,
     a_sender_that_takes_over_from_a_dead_one_begins_a_stream_of_its_own,
     "R-232 reliability")
{
    // Nobody has received anything of the first stream when its sender dies.
    Program dead = start_unfinished_sender("s", original(1000));
    REQUIRE(await_input_read(&dead));
    test_sleep_ms(100);
    program_kill(&dead, SIGKILL);
    CHECK_EQ_I64(0, RUN("send", "s", original(2000))->code);

    const Ended *ended = RUN("recv", "s", scratch("first"));
    CHECK_EQ_I64(4, ended->code);
    CHECK_STR_CONTAINS("1000 bytes had arrived whole", ended->err);
    CHECK_EQ_I64(0, RUN("recv", "s", scratch("second"))->code);
    CHECK(files_are_equal(original(2000), scratch("second")));
    CHECK_EQ_U64(0, files_below_root());
}

TEST(cli_stream, the_rest_of_a_stream_whose_beginning_is_gone_is_refused, "R-232 reliability")
{
    // Both sides die in the middle; what is left in the ring has no beginning.
    Program receiver = START(NULL, NULL, "recv", "s", scratch("copy"));
    Program sender = start_unfinished_sender("s", original(100000));
    REQUIRE(await_file_size(scratch("copy.part"), 100000));
    kill(receiver.pid, SIGSTOP);
    CHECK(write(sender.input, "more", 4) == 4);
    test_sleep_ms(100);
    program_kill(&receiver, SIGKILL);
    program_kill(&sender, SIGKILL);

    const Ended *ended = RUN("recv", "s", scratch("late"));
    CHECK_EQ_I64(4, ended->code);
    CHECK_STR_CONTAINS("middle of a stream", ended->err);
    CHECK_EQ_U64(SIZE_MAX, file_size(scratch("late")));
    // The next ones begin afresh.
    CHECK_EQ_I64(0, RUN("send", "s", original(30))->code);
    CHECK_EQ_I64(0, RUN("recv", "s", scratch("late"))->code);
    CHECK(files_are_equal(original(30), scratch("late")));
    CHECK_EQ_U64(0, files_below_root());
}

TEST(cli_stream, interrupted_sides_tell_the_other_and_leave_nothing, "R-232 reliability")
{
    Program alone = START(NULL, NULL, "recv", "s");
    test_sleep_ms(50);
    CHECK_EQ_I64(SIGINT, program_kill(&alone, SIGINT)->signal);
    CHECK_EQ_U64(0, files_below_root());

    Program receiver = START(NULL, NULL, "recv", "s", scratch("copy"));
    Program sender = start_unfinished_sender("s", original(5000));
    REQUIRE(await_file_size(scratch("copy.part"), 5000));
    CHECK_EQ_I64(SIGTERM, program_kill(&sender, SIGTERM)->signal);
    const Ended *ended = program_wait(&receiver);
    CHECK_EQ_I64(1, ended->code);
    CHECK_STR_CONTAINS("gave up: interrupted", ended->err);
    CHECK_EQ_U64(0, files_below_root());
}

TEST(cli_stream, an_output_that_fails_is_told_to_both_sides, "R-232 reliability")
{
    Program receiver = START(NULL, "/dev/full", "recv", "s");
    const Ended *ended = RUN("send", "s", original(8 * MEBIBYTE));
    CHECK_EQ_I64(4, ended->code);
    ended = program_wait(&receiver);
    CHECK_EQ_I64(1, ended->code);
    CHECK_STR_CONTAINS("cannot write standard output", ended->err);
    CHECK_EQ_U64(0, files_below_root());
}

TEST(cli_stream, inputs_that_can_not_be_read_are_failures, "R-232 functional")
{
    CHECK_EQ_I64(1, RUN("send", "s", scratch("missing"))->code);
    CHECK_EQ_I64(1, RUN("send", "s", test_directory())->code);
    CHECK_EQ_I64(1, RUN("recv", "s", scratch("no/such/folder/copy"))->code);
    CHECK_EQ_U64(0, files_below_root());
}

TEST(cli_stream,
     shared_memory_that_somebody_cuts_short_is_an_error_and_no_crash,
     "R-232 T-052 security")
{
    const char *path = test_root_path("renoir/regions/s");
    Program receiver = START(NULL, NULL, "recv", "s", scratch("copy"));
    Program sender = start_unfinished_sender("s", original(100000));
    REQUIRE(await_file_size(scratch("copy.part"), 100000));
    REQUIRE(truncate(path, 4096) == 0);
    // The next bytes find no memory.
    const ssize_t written = write(sender.input, "more", 4);
    CHECK(written == 4);
    program_close_input(&sender);

    const Ended *ended = program_wait(&sender);
    CHECK_EQ_I64(0, ended->signal);
    CHECK(ended->code != 0);
    ended = program_wait(&receiver);
    CHECK_EQ_I64(0, ended->signal);
    CHECK(ended->code != 0);
    CHECK_EQ_U64(SIZE_MAX, file_size(scratch("copy")));
    unlink(path);
    RUN("clean");
    CHECK_EQ_U64(0, files_below_root());
}

TEST(cli_stream, a_region_made_for_something_else_is_left_alone, "R-232 reliability")
{
    CHECK_EQ_I64(0, RUN("region", "create", "table", "-s", "12KiB")->code);
    CHECK_EQ_I64(1, RUN("send", "table", original(10))->code);
    CHECK_EQ_I64(1, RUN("recv", "table", scratch("copy"))->code);
    CHECK_EQ_I64(0, RUN("region", "info", "table")->code);
    CHECK_EQ_I64(0, RUN("region", "remove", "table")->code);
}

TEST(cli_stream, an_existing_file_is_replaced_only_by_a_whole_one, "R-232 reliability")
{
    const char *copy = scratch("copy");
    write_text(copy, "what was there before");
    Program receiver = START(NULL, NULL, "recv", "s", copy);
    Program sender = start_unfinished_sender("s", original(5000));
    REQUIRE(await_file_size(scratch("copy.part"), 5000));
    program_kill(&sender, SIGKILL);
    CHECK_EQ_I64(4, program_wait(&receiver)->code);
    CHECK_EQ_U64(strlen("what was there before"), file_size(copy));

    CHECK_EQ_I64(0, RUN("send", "s", original(5000))->code);
    CHECK_EQ_I64(0, RUN("recv", "s", copy)->code);
    CHECK(files_are_equal(original(5000), copy));
    CHECK_EQ_U64(SIZE_MAX, file_size(scratch("copy.part")));
}

// Either side is killed at some moment. The other must end by itself, and say how.
static void kill_one_at_random(const char *path)
{
    const char *copy = scratch("copy");
    const char *part = scratch("copy.part");
    unlink(copy);
    unlink(part);
    const bool kills_sender = test_random_below(2) == 0;
    Program receiver = START(NULL, NULL, "recv", "s", copy, "--timeout", "500ms");
    Program sender = START(NULL, NULL, "send", "s", path, "--timeout", "500ms");
    usleep((useconds_t)test_random_below(12000));
    if (kills_sender) {
        program_kill(&sender, SIGKILL);
        const Ended *ended = program_wait(&receiver);
        const int code = ended->code;
        // 3: the sender died before its stream began. 0: after it had ended.
        if (!CHECK(code == 4 || code == 3 || code == 0)) {
            FAIL("the receiver ended with %d: %s", code, ended->err);
        }
        CHECK((code == 0) == (file_size(copy) != SIZE_MAX));
        CHECK(file_begins_with(path, code == 0 ? copy : part) || file_size(part) == SIZE_MAX);
    } else {
        program_kill(&receiver, SIGKILL);
        const Ended *ended = program_wait(&sender);
        const int code = ended->code;
        if (!CHECK(code == 4 || code == 3 || code == 0)) {
            FAIL("the sender ended with %d: %s", code, ended->err);
        }
        if (file_size(copy) != SIZE_MAX) {
            CHECK(files_are_equal(path, copy));
        }
    }
}

TEST_WITHIN(cli_stream,
            a_side_killed_at_any_moment_leaves_the_other_to_end_and_nothing_else,
            "R-232 torture",
            300)
{
    const char *path = scratch("original");
    write_file(path, 3, 12 * MEBIBYTE);
    for (uint64_t round = test_scaled(1000); round > 0; round--) {
        kill_one_at_random(path);
        // A stream without a receiver may be left whole; a fragment may not.
        RUN("recv", "s", "/dev/null", "--timeout", "0s");
        RUN("clean");
        CHECK_EQ_U64(0, files_below_root());
    }
}
