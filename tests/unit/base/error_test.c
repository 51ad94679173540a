// SPDX-License-Identifier: MIT OR Apache-2.0

#include "base/error.h"

#include <errno.h>
#include <locale.h>
#include <pthread.h>
#include <string.h>

#include "base/text.h"
#include "harness/test.h"
#include "renoir/library.h"

TEST(error, a_thread_that_has_not_failed_has_an_empty_record, "R-010 ffi")
{
    RenoirErrorInfo info = {.code = RENOIR_UNKNOWN_ERROR};

    renoir_last_error(&info);

    CHECK_STATUS(RENOIR_SUCCESS, info.code);
    CHECK_STR("", info.message);
    CHECK_STR("", info.source_file);
    CHECK_EQ_U64(0, info.source_line);
    CHECK_STR("", renoir_last_error_message());
}

TEST(error, a_failure_keeps_its_status_text_file_and_line, "R-010 T-080 ffi")
{
    RenoirErrorInfo info;

    const uint32_t line = __LINE__ + 1;
    const RenoirErrorCode status = RNR_FAIL(RENOIR_LIMIT_REACHED, "cannot open '%s': %d", "x", 7);

    renoir_last_error(&info);
    CHECK_STATUS(RENOIR_LIMIT_REACHED, status);
    CHECK_STATUS(RENOIR_LIMIT_REACHED, info.code);
    CHECK_STR("cannot open 'x': 7", info.message);
    CHECK_STR_CONTAINS("error_test.c", info.source_file);
    CHECK_EQ_U64(line, info.source_line);
}

TEST(error, files_of_the_library_are_named_below_its_source_folder, "R-010")
{
    RenoirErrorInfo info;

    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_memory_stats(NULL));

    renoir_last_error(&info);
    CHECK_STR("api/library_api.c", info.source_file);
    CHECK(info.source_line > 1);
}

TEST(error, a_refusal_of_the_system_is_told_with_its_text_and_number, "R-010 T-082")
{
    errno = 99;

    const RenoirErrorCode status =
        RNR_FAIL_SYSTEM(RENOIR_PERMISSION_DENIED, EACCES, "cannot open '%s'", "x");

    CHECK_STATUS(RENOIR_PERMISSION_DENIED, status);
    CHECK_STR("cannot open 'x': Permission denied [errno 13]", renoir_last_error_message());
    CHECK_EQ_I64(99, errno);
}

TEST(error, messages_are_english_in_every_locale, "R-010")
{
    (void)setlocale(LC_ALL, "");
    test_allow_open(); // the C library maps a table of character sets

    (void)RNR_FAIL_SYSTEM(RENOIR_NOT_FOUND, ENOENT, "cannot open 'x'");

    CHECK_STR("cannot open 'x': No such file or directory [errno 2]", renoir_last_error_message());
}

TEST(error, a_message_that_is_too_long_is_cut_between_characters, "R-010 T-079")
{
    char name[1200] = "";
    for (size_t i = 0; i + 1 < sizeof name - 1; i += 2) {
        memcpy(name + i, "\xc3\xa9", 3);
    }

    (void)RNR_FAIL(RENOIR_NOT_FOUND, "%s", name);
    CHECK_EQ_U64(510, strlen(renoir_last_error_message()));
    CHECK(rnr_text_is_name(renoir_last_error_message(), 511, NULL));

    (void)RNR_FAIL(RENOIR_NOT_FOUND, "x%s", name);
    CHECK_EQ_U64(511, strlen(renoir_last_error_message()));
    CHECK(rnr_text_is_name(renoir_last_error_message(), 511, NULL));
}

TEST(error, control_characters_of_foreign_text_are_replaced, "R-010 security_edge")
{
    (void)RNR_FAIL(RENOIR_CORRUPTED, "node '%s'", "\x1b[2Jevil\n\xff!");

    CHECK_STR("node '?[2Jevil?"
              "?!'",
              renoir_last_error_message());
}

TEST(error, a_message_may_quote_the_one_before, "R-010")
{
    (void)RNR_FAIL(RENOIR_IO_ERROR, "the cause");

    (void)RNR_FAIL(RENOIR_IO_ERROR, "what failed: %s", renoir_last_error_message());

    CHECK_STR("what failed: the cause", renoir_last_error_message());
}

TEST(error, a_note_is_a_text_without_a_failure, "R-010 R-030")
{
    RenoirErrorInfo info;
    (void)RNR_FAIL(RENOIR_IO_ERROR, "before");

    RNR_NOTE("ordinary pages: %d huge pages free", 0);

    renoir_last_error(&info);
    CHECK_STATUS(RENOIR_SUCCESS, info.code);
    CHECK_STR("ordinary pages: 0 huge pages free", info.message);

    rnr_error_clear();
    CHECK_STR("", renoir_last_error_message());
}

static void *fail_elsewhere(void *message)
{
    (void)RNR_FAIL(RENOIR_NOT_FOUND, "the other thread");
    strcpy(message, renoir_last_error_message());
    return NULL;
}

TEST(error, each_thread_has_its_own_record, "R-010 T-049 tsan")
{
    char other[64] = "";
    pthread_t thread;
    (void)RNR_FAIL(RENOIR_EXISTS, "this thread");

    REQUIRE(pthread_create(&thread, NULL, fail_elsewhere, other) == 0);
    REQUIRE(pthread_join(thread, NULL) == 0);

    CHECK_STR("the other thread", other);
    CHECK_STR("this thread", renoir_last_error_message());
}

TEST(error, a_missing_output_is_ignored, "R-010 T-086 ffi")
{
    (void)RNR_FAIL(RENOIR_EXISTS, "here");

    renoir_last_error(NULL);

    CHECK_STR("here", renoir_last_error_message());
}

TEST(error, every_status_has_the_number_name_and_text_of_the_table, "R-009 R-010 ffi")
{
#define CHECK_ONE(name, value, text)                                                               \
    CHECK_EQ_I64(value, RENOIR_##name);                                                            \
    CHECK_STR(text, renoir_error_string(RENOIR_##name));                                           \
    CHECK_STR("RENOIR_" #name, renoir_error_name(RENOIR_##name));
    RENOIR_STATUS_TABLE(CHECK_ONE)
#undef CHECK_ONE
}

TEST(error, a_number_that_is_no_status_has_a_name_and_a_text_too, "R-009 R-010 ffi")
{
    static const int numbers[] = {-1, 25, 98, 100, 2147483647};

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; ++i) {
        CHECK_STR("unknown error", renoir_error_string((RenoirErrorCode)numbers[i]));
        CHECK_STR("RENOIR_UNKNOWN_ERROR", renoir_error_name((RenoirErrorCode)numbers[i]));
    }
}

TEST(error, causes_keep_codes_of_their_own, "R-009 T-082")
{
    CHECK_STATUS(RENOIR_OUT_OF_MEMORY, rnr_error_from_errno(ENOMEM));
    CHECK_STATUS(RENOIR_INSUFFICIENT_SPACE, rnr_error_from_errno(ENOSPC));
    CHECK_STATUS(RENOIR_INSUFFICIENT_SPACE, rnr_error_from_errno(EDQUOT));
    CHECK_STATUS(RENOIR_PERMISSION_DENIED, rnr_error_from_errno(EACCES));
    CHECK_STATUS(RENOIR_PERMISSION_DENIED, rnr_error_from_errno(EPERM));
    CHECK_STATUS(RENOIR_PERMISSION_DENIED, rnr_error_from_errno(EROFS));
    CHECK_STATUS(RENOIR_NOT_FOUND, rnr_error_from_errno(ENOENT));
    CHECK_STATUS(RENOIR_EXISTS, rnr_error_from_errno(EEXIST));
    CHECK_STATUS(RENOIR_LIMIT_REACHED, rnr_error_from_errno(EMFILE));
    CHECK_STATUS(RENOIR_LIMIT_REACHED, rnr_error_from_errno(ENFILE));
    CHECK_STATUS(RENOIR_UNSUPPORTED, rnr_error_from_errno(ENOSYS));
    CHECK_STATUS(RENOIR_IO_ERROR, rnr_error_from_errno(EIO));
    CHECK_STATUS(RENOIR_PLATFORM_ERROR, rnr_error_from_errno(ESRCH));
}
