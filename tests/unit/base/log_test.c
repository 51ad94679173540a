// SPDX-License-Identifier: MIT OR Apache-2.0

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "harness/test.h"
#include "renoir/detail/atomic.h"

static char heard[4096];
static uint32_t heard_level;
static uint32_t heard_count;

static void listen(uint32_t level, const char *line, void *user)
{
    heard_level = level;
    ++heard_count;
    (void)snprintf(heard, sizeof heard, "%s%s", (const char *)user, line);
}

// What `say` writes to stderr.
static const char *stderr_of(void (*say)(void))
{
    static char text[4096];
    int ends[2];
    const int kept = dup(STDERR_FILENO);
    REQUIRE(pipe(ends) == 0);

    REQUIRE(dup2(ends[1], STDERR_FILENO) >= 0);
    say();
    REQUIRE(dup2(kept, STDERR_FILENO) >= 0);

    close(kept);
    close(ends[1]);
    const ssize_t length = read(ends[0], text, sizeof text - 1);
    close(ends[0]);
    text[length > 0 ? length : 0] = '\0';
    return text;
}

static void fail(void)
{
    (void)RNR_FAIL(RENOIR_NOT_FOUND, "cannot find 'x'");
}

static void warn(void)
{
    rnr_log(RENOIR_LOG_WARNING, "one %d", 1);
}

static void say_all(void)
{
    rnr_log(RENOIR_LOG_ERROR, "error line");
    rnr_log(RENOIR_LOG_WARNING, "warning line");
    rnr_log(RENOIR_LOG_INFO, "info line");
    rnr_log(RENOIR_LOG_DEBUG, "debug line");
}

TEST(log, the_library_is_silent_unless_asked, "R-013")
{
    unsetenv("RENOIR_LOG");
    setenv("RUST_LOG", "trace", 1);

    CHECK_STR("", stderr_of(say_all));
}

TEST(log, every_failure_is_a_line_for_who_listens_to_everything, "R-013 R-010")
{
    renoir_set_log(RENOIR_LOG_DEBUG, listen, "> ");

    (void)RNR_FAIL(RENOIR_NOT_FOUND, "cannot find 'x'");

    CHECK_EQ_U64(RENOIR_LOG_DEBUG, heard_level);
    CHECK_STR_CONTAINS("> RENOIR_NOT_FOUND: cannot find 'x' (", heard);
    CHECK_STR_CONTAINS("log_test.c:", heard);
}

TEST(log, a_listener_hears_its_level_and_those_above, "R-013")
{
    renoir_set_log(RENOIR_LOG_WARNING, listen, "");

    say_all();

    CHECK_EQ_U64(2, heard_count);
    CHECK_STR("warning line", heard);
}

TEST(log, without_a_listener_it_is_silent_again, "R-013")
{
    unsetenv("RENOIR_LOG");
    renoir_set_log(RENOIR_LOG_DEBUG, listen, "");
    renoir_set_log(RENOIR_LOG_DEBUG, NULL, NULL);

    CHECK_STR("", stderr_of(say_all));
    CHECK_EQ_U64(0, heard_count);
}

static void check_stderr_at(const char *renoir_log, const char *rust_log, const char *last_level)
{
    setenv("RENOIR_LOG", renoir_log, 1);
    setenv("RUST_LOG", rust_log, 1);

    const char *text = stderr_of(say_all);

    static const char *const levels[] = {"error", "warning", "info", "debug"};
    bool is_expected = *last_level != '\0';
    for (size_t i = 0; i < 4; ++i) {
        char line[64];
        (void)snprintf(line, sizeof line, "renoir[%ld] %s: %s line\n", (long)getpid(), levels[i],
                       levels[i]);
        CHECK((strstr(text, line) != NULL) == is_expected);
        is_expected = is_expected && strcmp(levels[i], last_level) != 0;
    }
}

TEST(log, renoir_log_sends_its_level_to_stderr, "R-013 R-213")
{
    check_stderr_at("warning", "debug", "warning");
}

TEST(log, renoir_log_may_name_the_program, "R-013 R-213")
{
    check_stderr_at("error,renoir=info,other=debug", "", "info");
}

TEST(log, an_empty_renoir_log_takes_the_level_of_rust_log, "R-013 R-213")
{
    check_stderr_at("", "error,renoir=debug,some::module", "debug");
}

TEST(log, an_empty_renoir_log_alone_is_silence, "R-013 R-213")
{
    check_stderr_at("", "", "");
}

TEST(log, a_bad_renoir_log_is_silence_until_somebody_asks, "R-013 R-213")
{
    check_stderr_at("loud", "debug", "");

    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_init());
    CHECK_STR_CONTAINS("RENOIR_LOG: 'loud'", renoir_last_error_message());
}

TEST(log, a_listener_comes_before_the_environment, "R-013")
{
    setenv("RENOIR_LOG", "debug", 1);
    renoir_set_log(RENOIR_LOG_DEBUG, listen, "");

    CHECK_STR("", stderr_of(warn));
    CHECK_STR("one 1", heard);
}

TEST(log, a_closed_stderr_harms_nobody, "R-013")
{
    setenv("RENOIR_LOG", "debug", 1);
    const int kept = dup(STDERR_FILENO);
    close(STDERR_FILENO);

    errno = 7;
    rnr_log(RENOIR_LOG_ERROR, "into the void");
    const int after = errno;

    REQUIRE(dup2(kept, STDERR_FILENO) >= 0);
    close(kept);
    CHECK_EQ_I64(7, after);
}

TEST(log, a_line_is_one_line_and_ends_between_characters, "R-013 security_edge")
{
    char name[3000];
    renoir_set_log(RENOIR_LOG_DEBUG, listen, "");

    rnr_log(RENOIR_LOG_INFO, "two\nlines\x1b");
    CHECK_STR("two?lines?", heard);

    memset(name, 'x', sizeof name);
    for (size_t i = 0; i + 1 < sizeof name - 1; i += 2) {
        memcpy(name + i, "\xc3\xa9", 3);
    }
    rnr_log(RENOIR_LOG_INFO, "%s", name);
    CHECK_EQ_U64(1022, strlen(heard));
}

TEST(log, a_failure_goes_to_stderr_at_debug_level_only, "R-013")
{
    setenv("RENOIR_LOG", "info", 1);

    CHECK_STR("", stderr_of(fail));
    CHECK_STR("cannot find 'x'", renoir_last_error_message());
}

static RnrAtomicU64 lines_heard;

static void count(uint32_t level, const char *line, void *user)
{
    (void)level;
    (void)line;
    (void)rnr_fetch_add_relaxed_u64(user, 1);
}

static void *switch_log(void *unused)
{
    (void)unused;
    for (int i = 0; i < 2000; ++i) {
        renoir_set_log(RENOIR_LOG_INFO + (uint32_t)(i & 1), count, &lines_heard);
        rnr_log(RENOIR_LOG_INFO, "line %d", i);
    }
    return NULL;
}

TEST(log, threads_may_change_the_listener_while_others_log, "R-013 T-049 concurrent_stress tsan")
{
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    renoir_set_log(RENOIR_LOG_INFO, count, &lines_heard);

    for (int i = 0; i < THREADS; ++i) {
        REQUIRE(pthread_create(&threads[i], NULL, switch_log, NULL) == 0);
    }
    for (int i = 0; i < THREADS; ++i) {
        REQUIRE(pthread_join(threads[i], NULL) == 0);
    }

    CHECK_EQ_U64(THREADS * 2000, rnr_load_relaxed_u64(&lines_heard));
}
