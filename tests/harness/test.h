// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RENOIR_TESTS_HARNESS_TEST_H
#define RENOIR_TESTS_HARNESS_TEST_H

// The test runner: one process per test, libc alone.
//
//     TEST(spsc, push_answers_full_when_every_cell_is_live, "R-071 T-011 reliability")
//     {
//         ... given, when, then ...
//         CHECK_STATUS(RENOIR_BUFFER_FULL, renoir_spsc_try_push(...));
//     }
//
// The third argument holds the ctest labels, separated by blanks. The label "serial" keeps other
// tests from running beside this one, "tsan" asks for a run under the thread sanitizer.
//
// A test runs in a child process, with a root of its own (a fresh directory below
// ${RENOIR_TEST_TMP:-/dev/shm}, exported as RENOIR_SHM_PATH), and fails when
//
//     a CHECK fails, in the test or in one of its peers, or when no CHECK was reached at all;
//     it leaves behind a descriptor, a shared mapping, a child, or a file below the root;
//     it is still running after 60 s (TEST_WITHIN sets another limit): the whole process group is
//     killed, after a report where each process of it stood.
//
// A peer is another program: fork and exec of this executable, which then runs one PEER function.
//
//     PEER(reader)
//     {
//         open_the_ring(peer_arg(0));
//         peer_say("ready");
//         peer_hear(line, sizeof line);
//     }
//
//     const TestPeer peer = peer_start(reader, test_root());
//     REQUIRE(peer_read_line(peer, line, sizeof line));
//     CHECK_KILLED(peer_kill(peer, SIGKILL));
//
// A peer speaks to its test through its standard input and output, so that it may close all other
// descriptors; it prints to standard error only.
//
// Environment: RENOIR_TEST_TMP, RENOIR_TEST_SCALE (test_scaled), RENOIR_TEST_SEED (test_random),
// RENOIR_TEST_PATIENCE (factor on the time limits: sanitizers, emulation), RENOIR_TEST_EMULATOR
// (the command that runs programs of this build, where the kernel cannot).

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdnoreturn.h>
#include <string.h>
#include <sys/types.h>

#include "renoir/status.h"

// --- tests and peers -----------------------------------------------------------------------------

typedef struct TestCase {
    const char *suite;
    const char *name;
    const char *labels;
    unsigned seconds;
    void (*body)(void);
    struct TestCase *next;
} TestCase;

typedef struct TestPeerBody {
    const char *name;
    void (*body)(void);
    struct TestPeerBody *next;
} TestPeerBody;

// This process's handle of a peer. Copies mean the same peer.
typedef struct TestPeer {
    uint32_t slot;
    uint32_t serial;
} TestPeer;

enum { TEST_SECONDS_DEFAULT = 60 };

void test_register(TestCase *test);
void test_register_peer(TestPeerBody *peer);

#define TEST(suite, name, labels) TEST_WITHIN(suite, name, labels, TEST_SECONDS_DEFAULT)

#define TEST_WITHIN(suite_, name_, labels_, seconds_)                                              \
    static void test_##suite_##_##name_(void);                                                     \
    __attribute__((constructor)) static void register_##suite_##_##name_(void)                     \
    {                                                                                              \
        static TestCase self = {.suite = #suite_,                                                  \
                                .name = #name_,                                                    \
                                .labels = labels_,                                                 \
                                .seconds = seconds_,                                               \
                                .body = test_##suite_##_##name_};                                  \
        test_register(&self);                                                                      \
    }                                                                                              \
    static void test_##suite_##_##name_(void)

#define PEER(name_)                                                                                \
    static void peer_body_##name_(void);                                                           \
    __attribute__((constructor)) static void register_peer_##name_(void)                           \
    {                                                                                              \
        static TestPeerBody self = {.name = #name_, .body = peer_body_##name_};                    \
        test_register_peer(&self);                                                                 \
    }                                                                                              \
    static void peer_body_##name_(void)

// --- checks --------------------------------------------------------------------------------------

typedef struct TestSite {
    const char *file;
    int line;
    bool ends_test; // REQUIRE: the test ends here when it fails
} TestSite;

bool test_check(TestSite site, bool ok, const char *text);
bool test_check_u64(TestSite site, uint64_t expected, uint64_t actual, const char *text);
bool test_check_i64(TestSite site, int64_t expected, int64_t actual, const char *text);
bool test_check_str(TestSite site, const char *expected, const char *actual, const char *text);
bool test_check_contains(TestSite site, const char *part, const char *actual, const char *text);
bool test_check_bytes(
    TestSite site, const void *expected, const void *actual, size_t length, const char *text);
bool test_check_status(TestSite site,
                       RenoirErrorCode expected,
                       RenoirErrorCode actual,
                       const char *text);
bool test_check_exited(TestSite site, int status, int code, const char *text);
bool test_check_killed(TestSite site, int status, const char *text);
noreturn void test_unreachable(TestSite site);
noreturn void test_skip(TestSite site, const char *reason);
noreturn void test_fail(TestSite site, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#define TEST_HERE ((TestSite){__FILE__, __LINE__, false})
#define TEST_END_HERE ((TestSite){__FILE__, __LINE__, true})

// Each gives true if it held; the test goes on and fails at its end. Expected comes first.
#define CHECK(condition) test_check(TEST_HERE, (condition), #condition)
#define CHECK_EQ_U64(expected, actual) test_check_u64(TEST_HERE, (expected), (actual), #actual)
#define CHECK_EQ_I64(expected, actual) test_check_i64(TEST_HERE, (expected), (actual), #actual)
#define CHECK_STR(expected, actual) test_check_str(TEST_HERE, (expected), (actual), #actual)
#define CHECK_STR_CONTAINS(part, actual) test_check_contains(TEST_HERE, (part), (actual), #actual)
#define CHECK_BYTES(expected, actual, length)                                                      \
    test_check_bytes(TEST_HERE, (expected), (actual), (length), #actual)
#define CHECK_STATUS(expected, actual) test_check_status(TEST_HERE, (expected), (actual), #actual)
#define CHECK_OK(call) test_check_status(TEST_HERE, RENOIR_SUCCESS, (call), #call)

// The same, but the test ends at once where it fails.
#define REQUIRE(condition) test_check(TEST_END_HERE, (condition), #condition)
#define REQUIRE_EQ_U64(expected, actual)                                                           \
    test_check_u64(TEST_END_HERE, (expected), (actual), #actual)
#define REQUIRE_EQ_I64(expected, actual)                                                           \
    test_check_i64(TEST_END_HERE, (expected), (actual), #actual)
#define REQUIRE_STR(expected, actual) test_check_str(TEST_END_HERE, (expected), (actual), #actual)
#define REQUIRE_STR_CONTAINS(part, actual)                                                         \
    test_check_contains(TEST_END_HERE, (part), (actual), #actual)
#define REQUIRE_BYTES(expected, actual, length)                                                    \
    test_check_bytes(TEST_END_HERE, (expected), (actual), (length), #actual)
#define REQUIRE_STATUS(expected, actual)                                                           \
    test_check_status(TEST_END_HERE, (expected), (actual), #actual)
#define REQUIRE_OK(call) test_check_status(TEST_END_HERE, RENOIR_SUCCESS, (call), #call)

// How a peer ended: takes a TestPeer (and waits for it) or the status that peer_wait gave.
#define CHECK_EXITED(peer, code) test_check_exited(TEST_HERE, TEST_PEER_STATUS(peer), (code), #peer)
#define CHECK_KILLED(peer) test_check_killed(TEST_HERE, TEST_PEER_STATUS(peer), #peer)
#define REQUIRE_EXITED(peer, code)                                                                 \
    test_check_exited(TEST_END_HERE, TEST_PEER_STATUS(peer), (code), #peer)
#define REQUIRE_KILLED(peer) test_check_killed(TEST_END_HERE, TEST_PEER_STATUS(peer), #peer)

#define TEST_PEER_STATUS(peer)                                                                     \
    _Generic((peer), TestPeer : peer_wait, default : test_same_status)(peer)

// Ends the test: as failed, or as skipped with its reason.
#define CHECK_UNREACHABLE() test_unreachable(TEST_END_HERE)
#define FAIL(...) test_fail(TEST_END_HERE, __VA_ARGS__)
#define SKIP(reason) test_skip(TEST_HERE, (reason))

// Skips the rest where the library was built without memfds (ENABLE_MEMFD=OFF).
#define TEST_NEEDS_MEMFD()                                                                         \
    if (!TEST_HAS_MEMFD) {                                                                         \
        SKIP("the library was built without memfds");                                              \
    }
#ifdef RENOIR_MEMFD_SUPPORT
enum { TEST_HAS_MEMFD = 1 };
#else
enum { TEST_HAS_MEMFD = 0 };
#endif

// --- what a test may ask -------------------------------------------------------------------------

// The root of this test (RENOIR_SHM_PATH), and a directory beside it for anything else.
const char *test_root(void);
const char *test_directory(void);

// "<root>/<text>" in one of 8 static buffers that are used in turn.
const char *test_root_path(const char *format, ...) __attribute__((format(printf, 1, 2)));

// n at RENOIR_TEST_SCALE=full, n * percent / 100 at RENOIR_TEST_SCALE=<percent>, else n / 100; at
// least 1.
uint64_t test_scaled(uint64_t n);

// A sequence that RENOIR_TEST_SEED repeats; the seed is printed when a test fails.
uint64_t test_random_u64(void);
uint64_t test_random_below(uint64_t bound);

// A size of so many bytes, or the largest where this processor has no such size.
#define TEST_SIZE(bytes) ((size_t)((bytes) < SIZE_MAX ? (bytes) : SIZE_MAX))

uint64_t test_now_ns(void);
void test_sleep_ms(unsigned milliseconds);

// Files below the root are left on purpose (the harness removes them all the same).
void test_allow_leftovers(void);

// Shared mappings and descriptors that this test leaves open are meant to be there.
void test_allow_open(void);

// From here on, memory that this process does not free is no leak to the address sanitizer: for a
// test or peer that ends with everything open. Call it before anything is opened.
void test_allow_heap_leaks(void);

// Another program of this build instead of this process, as execv does it, with the emulator that
// it needs. Comes back only if that fails.
void test_exec(const char *path, const char *const arguments[]);

// This process runs under RENOIR_TEST_EMULATOR: docs/cross.md says what that cannot show.
bool test_is_emulated(void);

// Open descriptors of this process, and its shared mappings of files below the root.
unsigned test_count_descriptors(void);
unsigned test_count_mappings(void);

// Entries in a directory other than "." and ".."; 0 if there is none.
unsigned test_count_entries(const char *path);

// --- peers, from the test's side -----------------------------------------------------------------

// peer_start(name, "argument", ...): at most 15 arguments, all strings.
#define peer_start(...) TEST_PEER_CALL(__VA_ARGS__, NULL)
#define TEST_PEER_CALL(name, ...) test_peer_start(#name, (const char *const[]){__VA_ARGS__})
// Starts it and waits for its end.
#define peer_run(...) peer_wait(peer_start(__VA_ARGS__))

enum { TEST_PEER_MAX = 128 };

TestPeer test_peer_start(const char *name, const char *const arguments[]);
int peer_wait(TestPeer peer);                    // the status of waitpid
void peer_wait_stopped(TestPeer peer);           // until a stop signal has stopped it
int peer_kill(TestPeer peer, int signal_number); // sends the signal, and waits if it is SIGKILL
void peer_signal(TestPeer peer, int signal_number);
bool peer_is_running(TestPeer peer);
pid_t peer_pid(TestPeer peer);
bool peer_send_line(TestPeer peer, const char *format, ...) __attribute__((format(printf, 2, 3)));
// A line without its end; false when the peer has closed its side (ended, as a rule).
bool peer_read_line(TestPeer peer, char *line, size_t size);
// Reads a line and checks that it is this one.
bool peer_expect(TestPeer peer, const char *line);
int test_same_status(int status);

// --- peers, from their own side ------------------------------------------------------------------

const char *peer_arg(unsigned index); // "" beyond the last
uint64_t peer_arg_u64(unsigned index);
unsigned peer_arg_count(void);
bool peer_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool peer_hear(char *line, size_t size);
// Waits until the test sends any line, or ends.
void peer_pause(void);

#endif
