// SPDX-License-Identifier: MIT OR Apache-2.0

#include "harness/test.h"

#include <renoir.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "program.h"

TEST(cli_region, a_created_region_stays_when_the_command_has_ended, "R-217 R-218 R-036 functional")
{
    const Ended *ended = RUN("region", "create", "prices", "--size", "1MiB");
    CHECK_EQ_I64(0, ended->code);

    ended = RUN("region", "list", "--json");
    CHECK_STR_CONTAINS("\"name\": \"prices\"", ended->out);
    CHECK_STR_CONTAINS("\"size_bytes\": 1048576", ended->out);
    CHECK_STR_CONTAINS("\"process_count\": 0", ended->out);
    CHECK_STR_CONTAINS("\"free_bytes\": 1048576", ended->out);
    CHECK_STR_CONTAINS("\"persistent\": true", ended->out);

    CHECK_EQ_I64(0, RUN("region", "remove", "prices")->code);
    CHECK_STR_CONTAINS("no regions", RUN("region", "list")->out);
    CHECK_EQ_U64(0, files_below_root());
}

TEST(cli_region, the_published_form_with_name_and_size_works, "R-217 functional")
{
    const Ended *ended =
        RUN("region", "create", "--name", "test_region", "--size", "1048576", "--json");
    CHECK_EQ_I64(0, ended->code);
    CHECK_STR_CONTAINS("\"size_bytes\": 1048576", ended->out);
    CHECK_EQ_I64(0, RUN("region", "info", "-n", "test_region")->code);
    CHECK_EQ_I64(0, RUN("region", "remove", "-n", "test_region")->code);
}

TEST(cli_region, a_second_creation_fails_and_leaves_the_first_alone, "R-217 T-032 reliability")
{
    CHECK_EQ_I64(0, RUN("region", "create", "x", "-s", "64KiB")->code);
    const Ended *ended = RUN("region", "create", "x", "-s", "4KiB");
    CHECK_EQ_I64(1, ended->code);
    CHECK_STR_CONTAINS("'x'", ended->err);
    CHECK_STR_CONTAINS("\"size_bytes\": 65536", RUN("region", "info", "x", "--json")->out);
    CHECK_EQ_I64(0, RUN("region", "remove", "x")->code);
}

TEST(cli_region, a_file_holds_the_bytes_where_one_is_given, "R-217 R-027 functional")
{
    struct stat facts;
    const char *path = scratch("bytes.region");
    CHECK_EQ_I64(
        0, RUN("region", "create", "f", "-s", "8KiB", "--file", path, "--mode", "0640")->code);
    REQUIRE(stat(path, &facts) == 0);
    CHECK_EQ_U64(0640, facts.st_mode & 0777);
    CHECK_STR_CONTAINS(path, RUN("region", "info", "f")->out);
    CHECK_EQ_I64(0, RUN("region", "remove", "f")->code);
    CHECK_EQ_U64(0, files_below_root());
}

TEST(cli_region, a_file_given_from_here_is_found_from_anywhere, "R-217 R-027 functional")
{
    REQUIRE(chdir(test_directory()) == 0);
    CHECK_EQ_I64(0, RUN("region", "create", "f", "-s", "8KiB", "--file", "here.region")->code);
    REQUIRE(chdir("/") == 0);
    CHECK_STR_CONTAINS(scratch("here.region"), RUN("region", "info", "f")->out);
    CHECK_EQ_I64(0, RUN("region", "remove", "f")->code);
}

TEST(cli_region,
     posix_shared_memory_holds_the_bytes_where_it_is_asked_for,
     "R-217 R-029 functional")
{
    char name[64];
    snprintf(name, sizeof name, "cli.test.%ld", (long)getpid());
    CHECK_EQ_I64(0, RUN("region", "create", name, "-s", "8KiB", "--posix")->code);
    CHECK_STR_CONTAINS("\"backing\": \"posix\"", RUN("region", "info", name, "--json")->out);
    CHECK_EQ_I64(0, RUN("region", "remove", name)->code);
    CHECK_EQ_I64(1, RUN("region", "info", name)->code);
}

TEST(cli_region, a_memfd_region_lives_as_long_as_the_command_holds_it, "R-217 R-028 functional")
{
    TEST_NEEDS_MEMFD();
    const Ended *ended = RUN("region", "create", "m", "-s", "8KiB", "--memfd");
    CHECK_EQ_I64(2, ended->code);
    CHECK_STR_CONTAINS("--hold", ended->err);

    Program holder =
        START(NULL, scratch("holder"), "region", "create", "m", "-s", "8KiB", "--memfd", "--hold");
    REQUIRE(await_file_size(scratch("holder"), 1));
    CHECK_STR_CONTAINS("\"backing\": \"memfd\"", RUN("region", "info", "m", "--json")->out);
    CHECK(program_is_running(&holder));
    CHECK_EQ_I64(0, program_kill(&holder, SIGTERM)->code);
    CHECK_EQ_I64(1, RUN("region", "info", "m")->code);
    CHECK_EQ_U64(0, files_below_root());
}

TEST(cli_region, huge_pages_that_are_not_there_are_told_and_not_fatal, "R-217 R-030 functional")
{
    const Ended *ended = RUN("region", "create", "h", "-s", "2MiB", "--hugetlb", "--json");
    CHECK_EQ_I64(0, ended->code);
    if (strstr(ended->out, "\"huge_pages\": false") != NULL) {
        CHECK_STR_CONTAINS("ordinary pages", ended->err);
    }
    CHECK_EQ_I64(0, RUN("region", "remove", "h")->code);
}

TEST(cli_region, names_are_refused_or_stay_below_the_root, "R-217 security")
{
    static const char *const allowed[] = {"..", "a/b", "../../up", "with space", "\xc3\xa9", "%2F"};
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++) {
        CHECK_EQ_I64(0, RUN("region", "create", allowed[i], "-s", "4KiB")->code);
        CHECK_EQ_U64(1, files_below_root());
        CHECK_EQ_I64(0, RUN("region", "remove", allowed[i])->code);
        CHECK_EQ_U64(0, files_below_root());
    }
    CHECK_EQ_I64(2, RUN("region", "create", "", "-s", "4KiB")->code);
    CHECK_EQ_I64(2, RUN("region", "create", "new\nline", "-s", "4KiB")->code);
    CHECK_EQ_I64(2, RUN("region", "create", "\xff\xfe", "-s", "4KiB")->code);
}

TEST(cli_region, what_is_not_there_can_not_be_shown_or_removed, "R-218 functional")
{
    const Ended *ended = RUN("region", "info", "nobody's");
    CHECK_EQ_I64(1, ended->code);
    CHECK_STR_CONTAINS("nobody's", ended->err);
    CHECK_EQ_I64(1, RUN("region", "remove", "nobody's")->code);
}

PEER(user)
{
    RenoirRegionHandle region = NULL;
    void *block = NULL;
    REQUIRE_OK(renoir_region_open(NULL, peer_arg(0), NULL, &region));
    REQUIRE_OK(renoir_region_block(region, "table", 4096, 0, &block, NULL));
    peer_say("ready");
    peer_pause();
    renoir_region_close(region);
}

TEST(cli_region, info_shows_objects_and_who_holds_the_region, "R-218 functional")
{
    char pid[32];
    CHECK_EQ_I64(0, RUN("region", "create", "held", "-s", "64KiB")->code);
    const TestPeer peer = peer_start(user, "held");
    REQUIRE(peer_expect(peer, "ready"));
    snprintf(pid, sizeof pid, "\"pid\": %ld", (long)peer_pid(peer));

    const Ended *ended = RUN("region", "info", "held", "--json");
    CHECK_EQ_I64(0, ended->code);
    CHECK_STR_CONTAINS("\"name\": \"table\"", ended->out);
    CHECK_STR_CONTAINS("\"kind\": \"block\"", ended->out);
    CHECK_STR_CONTAINS(pid, ended->out);
    CHECK_STR_CONTAINS("\"process_count\": 1", RUN("region", "list", "--json")->out);

    CHECK(peer_send_line(peer, "go"));
    CHECK_EXITED(peer, 0);
    CHECK_EQ_I64(0, RUN("region", "remove", "held")->code);
}

TEST(cli_region, a_header_that_somebody_overwrote_is_an_error_and_no_crash, "R-218 T-050 security")
{
    CHECK_EQ_I64(0, RUN("region", "create", "x", "-s", "64KiB")->code);
    write_file(test_root_path("renoir/regions/x"), 1, 20000);
    const Ended *ended = RUN("region", "info", "x");
    CHECK_EQ_I64(1, ended->code);
    CHECK_EQ_I64(0, RUN("region", "list")->code);
    CHECK_EQ_I64(0, unlink(test_root_path("renoir/regions/x")));
}
