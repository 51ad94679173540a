// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The checks: each counts itself, says where it failed, and lets the test go on unless told.

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "harness/internal.h"

// All processes of a test run one executable, so a file's name is at the same distance from this
// one in each of them; with the line it fits into one word, whatever threads write it.
static const char anchor[] = "?";

static void remember(TestSite site)
{
    if (test_board == NULL) {
        fprintf(stderr, "%s:%d: a check outside of a test\n", site.file, site.line);
        abort();
    }
    (void)test_counter_add(&test_board->checks, 1);
    const int32_t distance = (int32_t)((intptr_t)site.file - (intptr_t)anchor);
    const uint64_t place = ((uint64_t)(uint32_t)distance << 32) | (uint32_t)site.line;
    __atomic_store_n(&test_board->last_site, place, __ATOMIC_RELAXED);
}

static const char *base_name(const char *path)
{
    const char *tests = strstr(path, "/tests/");
    return tests == NULL ? path : tests + 1;
}

const char *test_last_site(int *out_line)
{
    const uint64_t place = __atomic_load_n(&test_board->last_site, __ATOMIC_RELAXED);
    const int32_t distance = (int32_t)(uint32_t)(place >> 32);
    *out_line = (int)(uint32_t)place;
    return base_name((const char *)((intptr_t)anchor + distance));
}

// The first line of a failure; what was found follows indented.
static void failed_at(TestSite site, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void failed_at(TestSite site, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    (void)test_counter_add(&test_board->failures, 1);
    test_note("%s:%d: %s: %s", base_name(site.file), site.line, test_current, text);
}

static bool conclude(TestSite site, bool ok)
{
    if (!ok && site.ends_test) {
        test_leave(test_is_peer ? EXIT_PEER_CHECK : EXIT_FAILED);
    }
    return ok;
}

bool test_check(TestSite site, bool ok, const char *text)
{
    remember(site);
    if (!ok) {
        failed_at(site, "expected: %s", text);
    }
    return conclude(site, ok);
}

bool test_check_u64(TestSite site, uint64_t expected, uint64_t actual, const char *text)
{
    remember(site);
    if (expected != actual) {
        failed_at(site, "%s is %" PRIu64 ", expected %" PRIu64, text, actual, expected);
    }
    return conclude(site, expected == actual);
}

bool test_check_i64(TestSite site, int64_t expected, int64_t actual, const char *text)
{
    remember(site);
    if (expected != actual) {
        failed_at(site, "%s is %" PRId64 ", expected %" PRId64, text, actual, expected);
    }
    return conclude(site, expected == actual);
}

static const char *shown(const char *text)
{
    return text == NULL ? "(NULL)" : text;
}

bool test_check_str(TestSite site, const char *expected, const char *actual, const char *text)
{
    remember(site);
    const bool ok =
        expected == actual || (expected != NULL && actual != NULL && strcmp(expected, actual) == 0);
    if (!ok) {
        failed_at(site, "%s is\n    \"%s\", expected\n    \"%s\"", text, shown(actual),
                  shown(expected));
    }
    return conclude(site, ok);
}

bool test_check_contains(TestSite site, const char *part, const char *actual, const char *text)
{
    remember(site);
    const bool ok = actual != NULL && strstr(actual, part) != NULL;
    if (!ok) {
        failed_at(site, "%s is\n    \"%s\", expected somewhere in it\n    \"%s\"", text,
                  shown(actual), part);
    }
    return conclude(site, ok);
}

bool test_check_bytes(
    TestSite site, const void *expected, const void *actual, size_t length, const char *text)
{
    remember(site);
    const unsigned char *e = expected;
    const unsigned char *a = actual;
    size_t i = 0;
    while (i < length && e[i] == a[i]) {
        ++i;
    }
    if (i < length) {
        failed_at(site, "%s differs at byte %zu of %zu: 0x%02x, expected 0x%02x", text, i, length,
                  a[i], e[i]);
    }
    return conclude(site, i == length);
}

bool test_check_status(TestSite site,
                       RenoirErrorCode expected,
                       RenoirErrorCode actual,
                       const char *text)
{
    remember(site);
    if (expected != actual) {
        failed_at(site, "%s\n    is %s (%d), expected %s (%d); last error: %s", text,
                  renoir_error_name(actual), (int)actual, renoir_error_name(expected),
                  (int)expected, renoir_last_error_message());
    }
    return conclude(site, expected == actual);
}

static void describe(int status, char *text, size_t size)
{
    if (WIFEXITED(status)) {
        snprintf(text, size, "exited with %d", WEXITSTATUS(status));
    } else if (WIFSIGNALED(status)) {
        snprintf(text, size, "was killed by signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    } else {
        snprintf(text, size, "has status 0x%x", (unsigned)status);
    }
}

bool test_check_exited(TestSite site, int status, int code, const char *text)
{
    remember(site);
    const bool ok = WIFEXITED(status) && WEXITSTATUS(status) == code;
    if (!ok) {
        char how[128];
        describe(status, how, sizeof how);
        failed_at(site, "%s %s, expected exit with %d", text, how, code);
    }
    return conclude(site, ok);
}

bool test_check_killed(TestSite site, int status, const char *text)
{
    remember(site);
    const bool ok = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    if (!ok) {
        char how[128];
        describe(status, how, sizeof how);
        failed_at(site, "%s %s, expected death by SIGKILL", text, how);
    }
    return conclude(site, ok);
}

void test_unreachable(TestSite site)
{
    remember(site);
    failed_at(site, "this line was reached");
    test_leave(test_is_peer ? EXIT_PEER_CHECK : EXIT_FAILED);
}

void test_fail(TestSite site, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    remember(site);
    failed_at(site, "%s", text);
    test_leave(test_is_peer ? EXIT_PEER_CHECK : EXIT_FAILED);
}

void test_skip(TestSite site, const char *reason)
{
    test_note("%s:%d: %s: skipped: %s", base_name(site.file), site.line, test_current, reason);
    test_leave(EXIT_SKIPPED);
}

int test_same_status(int status)
{
    return status;
}
