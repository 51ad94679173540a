// SPDX-License-Identifier: MIT OR Apache-2.0

#include "harness/test.h"

#include <renoir.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "program.h"

TEST(cli, unknown_commands_are_answered_with_the_nearest, "R-230 functional")
{
    const Ended *ended = RUN("sned", "x");
    CHECK_EQ_I64(2, ended->code);
    CHECK_STR_CONTAINS("did you mean 'send'?", ended->err);

    ended = RUN("region", "crate", "x");
    CHECK_EQ_I64(2, ended->code);
    CHECK_STR_CONTAINS("did you mean 'region create'?", ended->err);

    ended = RUN("region");
    CHECK_EQ_I64(2, ended->code);
    CHECK_STR_CONTAINS("create, list, info, remove", ended->err);
}

TEST(cli, unknown_options_are_answered_with_the_nearest, "R-230 functional")
{
    const Ended *ended = RUN("region", "create", "x", "--sise", "1M");
    CHECK_EQ_I64(2, ended->code);
    CHECK_STR_CONTAINS("did you mean --size?", ended->err);

    ended = RUN("send", "x", "--timout=3s");
    CHECK_EQ_I64(2, ended->code);
    CHECK_STR_CONTAINS("did you mean --timeout?", ended->err);

    ended = RUN("info", "-Q");
    CHECK_EQ_I64(2, ended->code);
    CHECK_STR_CONTAINS("-Q", ended->err);
    CHECK_EQ_U64(0, files_below_root());
}

TEST(cli, values_that_mean_nothing_are_wrong_use, "R-230 functional")
{
    static const char *const wrong[][6] = {
        {"region", "create", "x", "--size", "12parsecs", NULL},
        {"region", "create", "x", "--size", "99999999999999999999", NULL},
        {"region", "create", "x", "--size", "16777216TiB", NULL},
        {"region", "create", "x", "--size", "0", NULL},
        {"region", "create", "x", "--size", NULL},
        {"region", "create", "--size", "1M", NULL},
        {"region", "create", "x", NULL},
        {"send", "x", "--timeout", "soon", NULL},
        {"send", "x", "--ring-size", "1000", NULL},
        {"ringbuf", "--capacity", "1000", NULL},
        {"ringbuf", "--operations", "0", NULL},
        {"info", "surplus", NULL},
        {"clean", "--dry-run=yes", NULL},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const Ended *ended = program_run(NULL, NULL, wrong[i]);
        CHECK_EQ_I64(2, ended->code);
        CHECK_STR_CONTAINS("renoir-cli", ended->err);
        CHECK_STR("", ended->out);
    }
}

TEST(cli, options_may_stand_before_the_command_and_between_words, "R-230 functional")
{
    CHECK_EQ_I64(0, RUN("--json", "region", "create", "--size", "4096", "x")->code);
    const Ended *ended = RUN("region", "info", "--json", "x");
    CHECK_EQ_I64(0, ended->code);
    CHECK_STR_CONTAINS("\"size_bytes\": 4096", ended->out);
    CHECK_EQ_I64(0, RUN("region", "remove", "--", "x")->code);
}

TEST(cli, every_command_has_help_with_an_example, "R-230 functional")
{
    static const char *const commands[][3] = {{"send", NULL},
                                              {"recv", NULL},
                                              {"region", "create", NULL},
                                              {"region", "list", NULL},
                                              {"region", "info", NULL},
                                              {"region", "remove", NULL},
                                              {"node", "list", NULL},
                                              {"ringbuf", NULL},
                                              {"info", NULL},
                                              {"clean", NULL},
                                              {"doctor", NULL},
                                              {"bench", NULL},
                                              {"help", NULL}};
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        const char *arguments[4] = {commands[i][0], commands[i][1], NULL, NULL};
        arguments[commands[i][1] == NULL ? 1 : 2] = "--help";
        const Ended *ended = program_run(NULL, NULL, arguments);
        CHECK_EQ_I64(0, ended->code);
        CHECK_STR_CONTAINS("Usage: renoir-cli", ended->out);
        CHECK_STR_CONTAINS("Examples:", ended->out);
        CHECK_STR("", ended->err);
    }
}

TEST(cli, manual_page_and_completion_come_from_the_same_table, "R-230 functional")
{
    const Ended *ended = RUN("help", "--man");
    CHECK_EQ_I64(0, ended->code);
    CHECK(strncmp(ended->out, ".TH RENOIR", 10) == 0);
    CHECK_STR_CONTAINS(".SS \"region create NAME", ended->out);
    CHECK_STR_CONTAINS("ring\\-size", ended->out);

    ended = RUN("help", "--completion", "bash");
    CHECK_EQ_I64(0, ended->code);
    CHECK_STR_CONTAINS("create list info remove", ended->out);
    CHECK_STR_CONTAINS("--ring-size", ended->out);

    CHECK_EQ_I64(2, RUN("help", "--completion", "fish")->code);
}

TEST(cli, every_answer_with_json_is_one_json_value, "R-230 functional")
{
    static const char name[] = "quote\" back\\slash \xc3\xbc/..";
    static const char *const commands[][6] = {
        {"region", "create", name, "--size=64KiB", "--json", NULL},
        {"region", "list", "--json", NULL},
        {"region", "info", name, "--json", NULL},
        {"region", "info", "nobody's", "--json", NULL},
        {"node", "list", "--json", NULL},
        {"ringbuf", "--operations=1000", "--json", NULL},
        {"ringbuf", "--threads", "--operations=1000", "--json", NULL},
        {"info", "--json", NULL},
        {"doctor", "--json", NULL},
        {"clean", "--json", NULL},
        {"clean", "--json", "--dry-run", NULL},
        {"send", "s", "--json", "-t", "1s", NULL},
        {"recv", "s", "/dev/null", "--json", NULL},
        {"recv", "s", "/dev/null", "--json", "--timeout=1ms", NULL},
        {"region", "remove", name, "--json", NULL},
        {"region", "remove", name, "--json", NULL},
        {"info", "--json", "--root=/nowhere/at/all", NULL},
    };
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        const Ended *ended = program_run(NULL, NULL, commands[i]);
        CHECK(is_json(ended->out));
    }
}

TEST(cli, json_check_itself_refuses_what_is_no_json, "R-230 functional")
{
    CHECK(is_json("{\"a\": [1, -2.5e3, \"\\u00e4\", null, true], \"b\": {}}\n"));
    CHECK(!is_json(""));
    CHECK(!is_json("{\"a\": }"));
    CHECK(!is_json("{\"a\": 1,}"));
    CHECK(!is_json("{\"a\": nan}"));
    CHECK(!is_json("{} {}"));
    CHECK(!is_json("\"\\x00\""));
}

TEST(cli, info_tells_version_kernel_and_root, "R-229 R-012 R-011 functional")
{
    const Ended *ended = RUN("info");
    CHECK_EQ_I64(0, ended->code);
    CHECK_STR_CONTAINS(renoir_version_string(), ended->out);
    CHECK_STR_CONTAINS("membarrier", ended->out);
    CHECK_STR_CONTAINS("futex", ended->out);
    CHECK_STR_CONTAINS(test_root(), ended->out);

    ended = RUN("info", "--root", "/nowhere/at/all");
    CHECK_EQ_I64(1, ended->code);
    CHECK_STR_CONTAINS("not usable", ended->out);
}

TEST(cli, doctor_names_a_file_that_is_no_whole_region, "R-231 T-050 reliability")
{
    CHECK_EQ_I64(0, RUN("doctor")->code);
    CHECK_EQ_I64(0, RUN("region", "create", "sound", "--size", "4096")->code);
    CHECK_EQ_I64(0, RUN("doctor")->code);

    write_text(test_root_path("renoir/regions/scribble"), "not a region");
    const Ended *ended = RUN("doctor");
    CHECK_EQ_I64(1, ended->code);
    CHECK_STR_CONTAINS("'scribble'", ended->out);
    CHECK_STR_CONTAINS("-> ", ended->out);

    CHECK_EQ_I64(0, unlink(test_root_path("renoir/regions/scribble")));
    CHECK_EQ_I64(0, RUN("region", "remove", "sound")->code);
}

PEER(owner)
{
    RenoirRegionHandle region = NULL;
    RenoirRegionConfig config = renoir_region_config_default();
    config.name = peer_arg(0);
    config.size = 64 << 10;
    REQUIRE_OK(renoir_region_create(NULL, &config, &region));
    peer_say("ready");
    peer_pause();
    renoir_region_close(region);
}

TEST(cli,
     clean_says_and_removes_what_the_dead_left_and_nothing_else,
     "R-231 R-037 T-046 reliability")
{
    const TestPeer dead = peer_start(owner, "of the dead");
    const TestPeer living = peer_start(owner, "of the living");
    REQUIRE(peer_expect(dead, "ready"));
    REQUIRE(peer_expect(living, "ready"));
    CHECK_EQ_I64(0, RUN("region", "create", "kept", "--size", "4096")->code);
    CHECK_KILLED(peer_kill(dead, SIGKILL));
    const unsigned before = files_below_root();

    const Ended *ended = RUN("clean", "--dry-run");
    CHECK_EQ_I64(0, ended->code);
    CHECK_STR_CONTAINS("would remove region  of the dead", ended->out);
    CHECK(strstr(ended->out, "of the living") == NULL);
    CHECK(strstr(ended->out, "kept") == NULL);
    CHECK_EQ_U64(before, files_below_root());

    ended = RUN("clean");
    CHECK_EQ_I64(0, ended->code);
    CHECK_STR_CONTAINS("removed region  of the dead", ended->out);
    CHECK_EQ_U64(before - 2, files_below_root());
    CHECK_EQ_I64(0, RUN("region", "info", "of the living")->code);
    CHECK_EQ_I64(0, RUN("region", "info", "kept")->code);
    CHECK_STR_CONTAINS("nothing was left", RUN("clean")->out);

    CHECK_EQ_I64(0, RUN("region", "remove", "kept")->code);
    CHECK(peer_send_line(living, "go"));
    CHECK_EXITED(living, 0);
    CHECK_EQ_U64(0, files_below_root());
}

TEST(cli, node_list_shows_who_is_there, "R-230 functional")
{
    char pid[32];
    const TestPeer peer = peer_start(owner, "anything");
    REQUIRE(peer_expect(peer, "ready"));
    snprintf(pid, sizeof pid, "\"pid\": %ld", (long)peer_pid(peer));

    CHECK_STR_CONTAINS(pid, RUN("node", "list", "--json")->out);

    CHECK(peer_send_line(peer, "go"));
    CHECK_EXITED(peer, 0);
    CHECK(strstr(RUN("node", "list", "--json")->out, pid) == NULL);
}

TEST(cli, ringbuf_moves_every_value_between_two_processes, "R-221 R-071 functional")
{
    const Ended *ended = RUN("ringbuf", "--capacity", "64", "--operations", "100000", "--json");
    CHECK_EQ_I64(0, ended->code);
    CHECK_STR_CONTAINS("\"ends\": \"processes\"", ended->out);
    CHECK_STR_CONTAINS("\"wrong_values\": 0", ended->out);
    ended = RUN("ringbuf", "-c", "2", "-o", "1001", "--threads", "--json");
    CHECK_EQ_I64(0, ended->code);
    CHECK_STR_CONTAINS("\"ends\": \"threads\"", ended->out);
    CHECK_EQ_U64(0, files_below_root());
}

TEST(cli, output_that_can_not_be_written_is_a_failure, "R-230 reliability")
{
    const Ended *ended = RUN_WITH(NULL, "/dev/full", "info");
    CHECK_EQ_I64(1, ended->code);
}

TEST(cli, bench_without_its_program_is_not_measurable, "R-233 functional")
{
    // A copy has no renoir-bench beside it, and no PATH leads to one.
    program_copy(scratch("renoir-cli"));
    setenv("PATH", "/nowhere", 1);
    const Ended *ended = RUN("bench", "stream");
    CHECK_EQ_I64(6, ended->code);
    CHECK_STR_CONTAINS("cannot run renoir-bench", ended->err);
}

TEST(cli, bench_hands_its_arguments_to_the_program_beside_it, "R-233 functional")
{
    program_copy(scratch("renoir-cli"));
    write_text(scratch("renoir-bench"), "#!/bin/sh\necho \"got $*\"\nexit 7\n");
    CHECK_EQ_I64(0, chmod(scratch("renoir-bench"), 0700));
    const Ended *ended = RUN("bench", "stream", "--json", "-x");
    CHECK_EQ_I64(7, ended->code);
    CHECK_STR("got stream --json -x\n", ended->out);
}
