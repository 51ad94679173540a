// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef EXPLORE_EXPLORE_H
#define EXPLORE_EXPLORE_H

// What an exploration of a structure is written with. README.md says how, and how to read a report.
//
// A case is a few roles, each a function that a process of its own runs, over a structure in shared
// memory. The explorer runs the case again and again: with each order of the roles' shared
// accesses, each value that a load may return by the C11 memory model, and a death before each
// access, up to the bounds given. Private state of a case is plain memory, set anew by `begin`;
// only what goes through renoir/detail/atomic.h is explored.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EXPLORE_ROLES_MAX = 5, EXPLORE_PROCESSES_MAX = 8, EXPLORE_CHECKER = 8 };

typedef struct ExploreRole {
    const char *name;
    void (*run)(unsigned argument);
    unsigned argument;
    void (*successor)(unsigned argument); // a new process that runs when one in this role has died
    bool is_immortal;
    bool is_unreachable; // by the barrier: it must fence itself
} ExploreRole;

// How far an exploration departs from running each role without a pause on the newest values.
typedef struct ExploreBudget {
    unsigned preemptions; // switches away from a role that could go on
    unsigned stale;       // loads of an older value, stores that take effect before a newer one
    unsigned deaths;
    unsigned turns; // when one waits or ends: others than the first that can go on
} ExploreBudget;

// For cases beside the main ones: not every order in which many may go on.
#define EXPLORE_FEW_TURNS                                                                          \
    {                                                                                              \
        .preemptions = UINT32_MAX, .stale = UINT32_MAX, .deaths = UINT32_MAX, .turns = 4           \
    }

typedef struct ExploreCase {
    const char *name;
    void (*begin)(void); // makes everything anew; not explored
    void (*end)(void);   // after the last role has finished; not explored
    ExploreRole roles[EXPLORE_ROLES_MAX];
    bool payload_may_race;  // readers copy what is being written, and look at a stamp afterwards
    bool clock_runs;        // slices pass while everybody sleeps, even if nobody has died
    unsigned deaths;        // at most this many
    uint64_t clock_step_ns; // how much later each look at the clock is
    ExploreBudget most;     // of any search; all zero: no bound of its own
} ExploreCase;

// What an exploration's file defines.
typedef struct ExploreSuite {
    const char *name;
    const ExploreCase *cases;
    size_t case_count;
} ExploreSuite;

extern const ExploreSuite explore_suite;

// A violation: ends the execution, prints how it came about, and ends the program.
void explore_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
#define EXPLORE_CHECK(condition)                                                                   \
    ((condition) ? (void)0 : explore_fail("%s:%d: %s", __FILE__, __LINE__, #condition))

// To be called when a try failed and is to be repeated: this process goes on when another one has
// changed something since its last call (or its start).
void explore_wait(void);

// As joining a thread does: what processes that have finished or died wrote is seen from here on.
void explore_see_the_finished(void);

// Which process runs; in `begin`, whom it acts for: roles are taken in its name. In `end` it is one
// that lives, EXPLORE_CHECKER.
unsigned explore_self(void);
void explore_act_as(unsigned process);
// Whether the process has finished or died; by its index, which for roles is the role's.
bool explore_has_ended(unsigned process);
bool explore_has_died(unsigned process);
// Whether anybody in this role, successors included, may still come to act.
bool explore_role_has_ended(unsigned role);
unsigned explore_role_of(unsigned process);
// Time passes only while nobody can go on, and somebody has died or the case lets it.
uint64_t explore_time_ns(void);
// How many have died so far.
unsigned explore_deaths(void);
// Whether every load of this execution returned the newest value so far: then the operations took
// effect in the order in which they ran, and answers can be held to that.
bool explore_is_sequential(void);

// Zeroed shared memory, 128-byte aligned; only in `begin`.
void *explore_shared(size_t size);
// What a trace calls the word at this address.
void explore_name(const volatile void *address, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
// A line in the trace.
void explore_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

// The region that stands for all regions here: for calls that take one.
struct RenoirRegion;
struct RenoirRegion *explore_region(void);

#endif
