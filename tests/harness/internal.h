// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RENOIR_TESTS_HARNESS_INTERNAL_H
#define RENOIR_TESTS_HARNESS_INTERNAL_H

// What the parts of the runner tell each other. Three kinds of processes:
//
//     supervisor    makes the root, starts the test, watches the time, judges, cleans up
//     test          the supervisor's child: runs one body, then looks for what it leaked
//     peer          a program of its own, started by the test
//
// They share one page, Board, in a file beside the root.

#include "harness/test.h"

enum {
    EXIT_PASSED = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_SKIPPED = 77,
    EXIT_PEER_CHECK = 98, // a check failed in a peer
    TEST_PATH_MAX = 512,
};

typedef struct Board {
    uint64_t checks;   // reached so far, in all processes of this test
    uint64_t failures; // failed so far, leaks included
    uint64_t seed;     // of test_random_u64
    uint32_t seed_used;
    uint32_t allow_leftovers;
    uint32_t allow_open;
    uint64_t last_site; // of the last check that was reached: see test_last_site
} Board;

extern Board *test_board;        // never NULL while a body runs
extern const char *test_current; // "suite.name", or the peer's name
extern bool test_is_peer;

// runner.c
void test_board_open(const char *directory, bool create);
void test_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
uint64_t test_counter_add(uint64_t *counter, uint64_t n);
uint64_t test_counter(const uint64_t *counter);
noreturn void test_leave(int code);
// Whether the library can leave its process-wide manager before a test's leak check.
bool test_leaves_default_manager(void);

// check.c
const char *test_last_site(int *out_line);

// peer.c
int test_peer_main(const char *name, int argument_count, char **arguments);

// leaks.c
typedef struct TestHoldings TestHoldings;
TestHoldings *test_holdings_take(void);
void test_holdings_compare(TestHoldings *before); // frees it
void test_leftovers_report(const char *root);
void test_remove_tree(const char *path);

// stuck.c
void test_stuck_report(pid_t group);
void test_kill_all(pid_t group);

#endif
