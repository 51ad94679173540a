// SPDX-License-Identifier: MIT OR Apache-2.0

#include "harness/test.h"

#include <stdlib.h>
#include <unistd.h>

#include "program.h"

enum { MEBIBYTE = 1 << 20 };

static const char *const NO_ARGUMENTS[] = {NULL};

TEST(example, stream_bytes_moves_a_file_whoever_comes_first, "R-232 T-087 integration")
{
    write_file(scratch("original"), 5, MEBIBYTE + 77);
    program_use(RENOIR_STREAM_BYTES);

    Program receiver = program_start(NULL, scratch("copy"), NO_ARGUMENTS);
    test_sleep_ms(50);
    CHECK_EQ_I64(0, RUN_WITH(scratch("original"), NULL, "send")->code);
    CHECK_EQ_I64(0, program_wait(&receiver)->code);
    CHECK(files_are_equal(scratch("original"), scratch("copy")));

    Program sender = START(scratch("original"), NULL, "send");
    test_sleep_ms(50);
    CHECK_EQ_I64(0, program_run(NULL, scratch("copy"), NO_ARGUMENTS)->code);
    CHECK_EQ_I64(0, program_wait(&sender)->code);
    CHECK(files_are_equal(scratch("original"), scratch("copy")));
    CHECK_EQ_U64(0, files_below_root());
}

TEST(example, stream_bytes_does_not_take_a_crash_for_the_end, "R-232 T-087 reliability")
{
    program_use(RENOIR_STREAM_BYTES);
    Program receiver = program_start(NULL, scratch("copy"), NO_ARGUMENTS);
    Program sender = START("|", NULL, "send");
    REQUIRE(write(sender.input, "some", 4) == 4);
    REQUIRE(await_input_read(&sender)); // so it has come
    test_sleep_ms(100);
    program_kill(&sender, SIGKILL);
    CHECK_EQ_I64(1, program_wait(&receiver)->code);
    program_use(RENOIR_CLI_PROGRAM);
    RUN("clean");
    CHECK_EQ_U64(0, files_below_root());
}

TEST(example, stream_compare_finds_the_same_bytes_on_all_three_ways, "R-232 integration")
{
    write_file(scratch("original"), 6, 2 * MEBIBYTE + 3);
    program_use(RENOIR_STREAM_COMPARE);
    const Ended *ended = RUN(scratch("original"), "2");
    CHECK_EQ_I64(0, ended->code);
    CHECK_STR_CONTAINS("Renoir", ended->out);
    CHECK_STR_CONTAINS("Unix socket", ended->out);
    CHECK_EQ_U64(0, files_below_root());
}

TEST(example, market_data_loses_no_tick_to_fail_and_retry, "R-083 R-082 integration")
{
    program_use(RENOIR_MARKET_DATA);
    const Ended *ended = RUN("100000");
    CHECK_EQ_I64(0, ended->code);
    CHECK_STR_CONTAINS("strategy: 100000 ticks, none lost", ended->out);

    Program strategy = START(NULL, NULL, "strategy");
    test_sleep_ms(20);
    write_text(scratch("ticks"), "ABC,10.5,100\nDEF,2.25,7\nABC,10.75,50\n");
    CHECK_EQ_I64(0, RUN("feed", scratch("ticks"))->code);
    ended = program_wait(&strategy);
    CHECK_EQ_I64(0, ended->code);
    CHECK_STR_CONTAINS("3 ticks, none lost, 1 crossings in 2 symbols", ended->out);
    CHECK_EQ_U64(0, files_below_root());
}

TEST(example, market_data_does_not_take_a_broken_feed_for_the_end, "R-083 reliability")
{
    program_use(RENOIR_MARKET_DATA);
    write_text(scratch("ticks"), "ABC,10.5,100\nno tick\n");
    const Ended *ended = RUN(scratch("ticks"));
    CHECK_EQ_I64(1, ended->code);
    CHECK_STR_CONTAINS("line 2 is no", ended->err);
    program_use(RENOIR_CLI_PROGRAM);
    RUN("clean");
    CHECK_EQ_U64(0, files_below_root());
}
