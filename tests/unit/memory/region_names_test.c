// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Each name works or is refused with a reason, and none escapes the root.

#include <dirent.h>
#include <fcntl.h>

#include "unit/memory/region_fixture.h"

static RenoirErrorCode try_name(const char *name)
{
    RenoirRegionHandle region = NULL;
    const RenoirErrorCode status = fixture_make(name, 4096, 0, &region);
    const char *given = NULL;
    if (status == RENOIR_SUCCESS) {
        CHECK_OK(renoir_region_info(region, &given, NULL, NULL));
        CHECK_STR(name, given);
        CHECK_OK(fixture_try_open(name));
        CHECK_EQ_U64(1, fixture_count("regions"));
        renoir_region_close(region);
    } else {
        CHECK(region == NULL);
        CHECK(renoir_last_error_message()[0] != '\0');
        CHECK_STATUS(status, fixture_try_open(name));
        CHECK_STATUS(status, renoir_region_remove(NULL, name));
    }
    CHECK_EQ_U64(0, fixture_count("regions"));
    // the test's own board and root, and the folders that this library makes there
    CHECK_EQ_U64(2, test_count_entries(test_directory()));
    CHECK_EQ_U64(1, test_count_entries(test_root()));
    CHECK_EQ_U64(3, test_count_entries(test_root_path("renoir")));
    return status;
}

static const char *repeat(char c, size_t count)
{
    static char text[4096];
    memset(text, c, count);
    text[count] = '\0';
    return text;
}

TEST(region_names, those_that_look_like_paths_stay_below_the_root, "R-019 T-015 security_edge")
{
    static const char *const names[] = {
        "a/b",     "a//b",      "a/",        "..",        ".",    "...", "../x",
        "../../x", "a/../../b", ".hidden",   ".new-0000", "~",    "%",   "%2F",
        "%~",      "a%",        "-rf",       "a/../..",   "./a",  "con", "nodes/../../up",
        "a\\b",    "*",         "$(reboot)", "'",         "a\"b", " ",   " a b "};
    RenoirManagerHandle manager = renoir_manager_create();
    REQUIRE(manager != NULL);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; ++i) {
        CHECK_OK(try_name(names[i]));
    }
    CHECK_OK(renoir_manager_destroy(manager));
}

TEST(region_names, every_length_to_255_works_and_no_longer_one, "R-022 security_edge")
{
    static const size_t good[] = {1, 62, 63, 64, 199, 200, 201, 220, 221, 254, 255};
    static const size_t bad[] = {0, 256, 257, 1000, 4000};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; ++i) {
        CHECK_OK(try_name(repeat('n', good[i])));
        CHECK_OK(try_name(repeat('%', good[i])));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; ++i) {
        CHECK_STATUS(RENOIR_INVALID_PARAMETER, try_name(repeat('n', bad[i])));
        CHECK_STR_CONTAINS("is refused", renoir_last_error_message());
    }
}

TEST(region_names, slashes_alone_name_a_directory_and_are_refused, "T-015 security_edge")
{
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, try_name("/"));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, try_name("//"));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, try_name(repeat('/', 255)));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, try_name(repeat('/', 4000)));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, try_name("/.."));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, try_name("/tmp/."));
    CHECK_STR_CONTAINS("names a directory", renoir_last_error_message());
}

TEST(region_names, control_characters_are_refused, "R-022 security_edge")
{
    static const char *const names[] = {"\n",      "a\nb", "a\r",   "\t",       "a\x7f",
                                        "\x1b[0m", "\x01", "a\n\n", "\xc2\x80", "\xc2\x9f x"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; ++i) {
        CHECK_STATUS(RENOIR_INVALID_PARAMETER, try_name(names[i]));
        CHECK_STR_CONTAINS("control character", renoir_last_error_message());
    }
}

TEST(region_names, what_is_no_utf_8_is_refused_and_the_rest_works, "R-022 security_edge")
{
    static const char *const bad[] = {
        "\xff", "a\x80", "\xc3", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf5\x80\x80\x80"};
    static const char *const good[] = {"\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
                                       "\xe6\x97\xa5\xe6\x9c\xac"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; ++i) {
        CHECK_STATUS(RENOIR_INVALID_PARAMETER, try_name(bad[i]));
        CHECK_STR_CONTAINS("UTF-8", renoir_last_error_message());
    }
    for (size_t i = 0; i < sizeof good / sizeof good[0]; ++i) {
        CHECK_OK(try_name(good[i]));
    }
}

TEST(region_names, long_names_that_begin_alike_are_different_regions, "R-022 reliability")
{
    char names[3][256];
    RenoirRegionHandle regions[3];
    for (size_t i = 0; i < 3; ++i) {
        memset(names[i], 's', 255);
        names[i][255] = '\0';
        names[i][200] = (char)('a' + i);
        regions[i] = fixture_region(names[i]);
        fixture_bytes(regions[i])[0] = (unsigned char)('a' + i);
    }
    CHECK_EQ_U64(3, fixture_count("regions"));
    for (size_t i = 0; i < 3; ++i) {
        RenoirRegionHandle again = fixture_open(names[i]);
        CHECK_EQ_U64('a' + i, fixture_bytes(again)[0]);
        renoir_region_close(again);
        renoir_region_close(regions[i]);
    }
}

TEST(region_names, names_that_escape_alike_are_different_regions, "R-022 T-015 reliability")
{
    static const char *const names[] = {"a/b", "a%2Fb", "a%252Fb", "a_b", ".a", "%2Ea"};
    RenoirRegionHandle regions[6];
    for (size_t i = 0; i < 6; ++i) {
        regions[i] = fixture_region(names[i]);
    }
    CHECK_EQ_U64(6, fixture_count("regions"));
    for (size_t i = 0; i < 6; ++i) {
        renoir_region_close(regions[i]);
    }
}

TEST(region_names, a_name_that_begins_with_a_slash_is_a_path, "R-022 R-027 reliability")
{
    char path[600];
    const char *given = NULL;
    RenoirRegionHandle region = NULL;
    snprintf(path, sizeof path, "%s/my shm", test_directory());
    REQUIRE_OK(fixture_make(path, 4096, 0, &region));
    CHECK(access(path, R_OK | W_OK) == 0);
    CHECK_EQ_U64(0, fixture_count("regions"));
    CHECK_OK(renoir_region_info(region, &given, NULL, NULL));
    CHECK_STR(path, given);
    CHECK_STR(path, renoir_region_path(region));
    fixture_bytes(region)[9] = 'p';
    renoir_region_close(region);

    region = fixture_open(path); // always kept

    CHECK(fixture_bytes(region)[9] == 'p');
    CHECK_OK(renoir_region_destroy(region));
    CHECK(access(path, F_OK) != 0);
    CHECK_STATUS(RENOIR_REGION_NOT_FOUND, fixture_try_open(path));
}

TEST(region_names, a_link_as_the_last_part_of_a_path_is_refused, "security_edge")
{
    char path[600];
    char target[600];
    RenoirRegionHandle region = NULL;
    snprintf(path, sizeof path, "%s/link", test_directory());
    snprintf(target, sizeof target, "%s/target", test_directory());
    REQUIRE_OK(fixture_make(target, 4096, 0, &region));
    REQUIRE(symlink(target, path) == 0);

    RenoirRegionHandle other = NULL;
    CHECK_STATUS(RENOIR_CORRUPTED, fixture_try_open(path));
    CHECK_STATUS(RENOIR_CORRUPTED, fixture_make(path, 4096, 0, &other));
    CHECK(other == NULL);
    CHECK_STATUS(RENOIR_CORRUPTED, renoir_region_remove(NULL, path));

    CHECK(access(target, F_OK) == 0);
    unlink(path);
    CHECK_OK(renoir_region_destroy(region));
}

TEST(region_names, object_names_are_checked_too, "R-038 security_edge")
{
    RenoirRegionHandle region = fixture_region("objects");
    void *memory = NULL;
    static const char *const good[] = {"a", "a/b", "..", ".", " ", "/", "\xc3\xa4"};
    static const char *const bad[] = {"", "\n", "\xff"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; ++i) {
        CHECK_OK(renoir_region_block(region, good[i], 8, 0, &memory, NULL));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; ++i) {
        CHECK_STATUS(RENOIR_INVALID_PARAMETER,
                     renoir_region_block(region, bad[i], 8, 0, &memory, NULL));
        CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_region_remove_object(region, bad[i]));
    }
    CHECK_OK(renoir_region_block(region, repeat('n', 63), 8, 0, &memory, NULL));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER,
                 renoir_region_block(region, repeat('n', 64), 8, 0, &memory, NULL));
    CHECK(memory == NULL);
    renoir_region_close(region);
}
