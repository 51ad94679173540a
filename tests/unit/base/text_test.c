// SPDX-License-Identifier: MIT OR Apache-2.0

#include "base/text.h"

#include <string.h>

#include "harness/test.h"

static void check_refused(const char *name, size_t max, const char *expected_reason)
{
    const char *reason = NULL;

    CHECK(!rnr_text_is_name(name, max, &reason));
    CHECK_STR(expected_reason, reason);
}

static void check_escaped(const char *name, const char *expected)
{
    char file[RNR_TEXT_FILE_MAX + 1];

    CHECK(rnr_text_escape(name, file, sizeof file));
    CHECK_STR(expected, file);
}

TEST(text, a_name_of_any_script_with_spaces_dots_and_slashes_is_a_name, "R-022 security_edge")
{
    static const char *const names[] = {
        "a", "/camera/image raw", "..", ".", "%2F", "Größe", "画像", "🛰", "a\xcc\x88"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; ++i) {
        const char *reason = "not set";
        CHECK(rnr_text_is_name(names[i], 255, &reason));
        CHECK(reason == NULL);
    }
}

TEST(text, a_name_is_refused_with_the_reason, "R-022 security_edge")
{
    check_refused(NULL, 255, "it is NULL");
    check_refused("", 255, "it is empty");
    check_refused("abcd", 3, "it is too long");
    check_refused("line\nbreak", 255, "it has a control character");
    check_refused("\x1b[31mred", 255, "it has a control character");
    check_refused("del\x7f", 255, "it has a control character");
    check_refused("c1\xc2\x9b", 255, "it has a control character");
}

TEST(text, bytes_that_are_not_utf8_are_no_name, "R-022 security_edge")
{
    static const char *const names[] = {
        "\x80",             // continues nothing
        "a\xc3",            // ends in the middle
        "\xc0\xaf",         // '/' in two bytes
        "\xe0\x80\xaf",     // '/' in three
        "\xf0\x80\x80\xaf", // '/' in four
        "\xed\xa0\x80",     // a surrogate
        "\xf4\x90\x80\x80", // above U+10FFFF
        "\xff",
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; ++i) {
        check_refused(names[i], 255, "it is not UTF-8");
    }
}

TEST(text, the_longest_name_is_taken_and_one_byte_more_is_not, "R-022 R-114 security_edge")
{
    char name[257];
    memset(name, 'x', sizeof name);

    name[255] = '\0';
    CHECK(rnr_text_is_name(name, 255, NULL));

    name[255] = 'x';
    name[256] = '\0';
    check_refused(name, 255, "it is too long");
}

TEST(text, no_escaped_name_leaves_its_folder_or_hides, "R-022 security_edge")
{
    check_escaped("plain name", "plain name");
    check_escaped("/camera/image_raw", "%2Fcamera%2Fimage_raw");
    check_escaped("..", "%2E.");
    check_escaped(".", "%2E");
    check_escaped(".hidden", "%2Ehidden");
    check_escaped("a.b", "a.b");
    check_escaped("../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd");
    check_escaped("Größe", "Größe");
}

TEST(text, names_that_differ_have_files_that_differ, "R-022 security_edge")
{
    check_escaped("a/b", "a%2Fb");
    check_escaped("a%2Fb", "a%252Fb");
    check_escaped("a%252Fb", "a%25252Fb");
}

TEST(text, a_name_of_200_bytes_is_its_own_file_and_a_longer_one_is_hashed, "R-022 security_edge")
{
    char name[256];
    char expected[RNR_TEXT_FILE_MAX + 1];
    memset(name, 'x', sizeof name);

    name[200] = '\0';
    check_escaped(name, name);

    name[200] = 'x';
    name[255] = '\0';
    memset(expected, 'x', 150);
    strcpy(expected + 150, "%~a7762fe03530345147d75b9fac22abaf");
    check_escaped(name, expected);
}

TEST(text, the_cut_of_a_hashed_name_divides_neither_a_character_nor_an_escape, "R-022")
{
    char name[256] = "x"; // the cut would fall into the middle of what follows
    char file[RNR_TEXT_FILE_MAX + 1];

    for (size_t i = 1; i + 1 < 255; i += 2) {
        memcpy(name + i, "\xc3\xa9", 3);
    }
    CHECK(rnr_text_escape(name, file, sizeof file));
    CHECK_EQ_U64(149 + 34, strlen(file));
    CHECK(rnr_text_is_name(file, RNR_TEXT_FILE_MAX, NULL));

    memset(name, '/', 255);
    memcpy(name, "xx", 2);
    name[255] = '\0';
    CHECK(rnr_text_escape(name, file, sizeof file));
    CHECK_EQ_U64(149 + 34, strlen(file)); // 2 + 49 escapes
    CHECK_BYTES("%2F%~", file + 146, 5);
}

TEST(text, long_names_that_differ_at_their_end_have_files_that_differ, "R-022")
{
    char name[256];
    char one[RNR_TEXT_FILE_MAX + 1];
    char other[RNR_TEXT_FILE_MAX + 1];
    memset(name, 'x', 255);
    name[255] = '\0';

    CHECK(rnr_text_escape(name, one, sizeof one));
    name[254] = 'y';
    CHECK(rnr_text_escape(name, other, sizeof other));

    CHECK(strcmp(one, other) != 0);
    CHECK_BYTES(one, other, 152);
}

TEST(text, an_escaped_name_that_does_not_fit_is_refused_and_nothing_is_written, "R-022")
{
    char file[4] = "old";

    CHECK(!rnr_text_escape("a/b", file, 4));
    CHECK(!rnr_text_escape("abcd", file, 4));
    CHECK_STR("old", file);

    CHECK(rnr_text_escape("abc", file, 4));
    CHECK_STR("abc", file);
}

TEST(text, a_copy_is_cut_between_characters, "T-079 T-088")
{
    char text[5];

    CHECK(rnr_text_copy(text, sizeof text, "four"));
    CHECK_STR("four", text);
    CHECK(!rnr_text_copy(text, sizeof text, "fiver"));
    CHECK_STR("five", text);
    CHECK(!rnr_text_copy(text, sizeof text, "abc\xc3\xa9"));
    CHECK_STR("abc", text);
    CHECK(!rnr_text_copy(text, sizeof text, "ab\xe2\x82\xac"));
    CHECK_STR("ab", text);
    CHECK(rnr_text_copy(text, sizeof text, "\xf0\x9f\x9b\xb0"));
    CHECK_STR("\xf0\x9f\x9b\xb0", text);
    CHECK(!rnr_text_copy(text, 4, "\xf0\x9f\x9b\xb0"));
    CHECK_STR("", text);
    CHECK(!rnr_text_copy(text, 0, "x"));
}

TEST(text, cleaned_text_has_nothing_that_a_terminal_obeys, "security_edge")
{
    char text[] = "a\x1b[2J\x7f\xc2\x9b\xc3\xa9\xff\xc3";

    rnr_text_clean(text);

    CHECK_STR("a?[2J???\xc3\xa9??", text);
}

TEST(text, the_hash_is_the_published_one, "R-017")
{
    CHECK_EQ_U64(UINT64_C(0xcbf29ce484222325), rnr_text_hash64("", 0));
    CHECK_EQ_U64(UINT64_C(0xaf63dc4c8601ec8c), rnr_text_hash64("a", 1));
    CHECK_EQ_U64(UINT64_C(0x85944171f73967e8), rnr_text_hash64("foobar", 6));
}
