// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Fault points. A table of names with a count each; a point that a test armed acts when its count
// gets there. Nothing of it is in a release build.
//
// Edges
//     fault.name   first hit or arm: swap name, acq_rel  ──►  later ones: load name, acquire
//                  carries the text of the name
//     fault.arm    rnr_fault_arm: store trigger, release  ──►  hit: load trigger, acquire
//                  carries the action and the errno value

#include "base/fault.h"

// Without it there is nothing here but this.
typedef int RnrFaultIsEmpty;

#ifdef RENOIR_TESTING

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

enum { POINT_COUNT = 512 }; // a power of two, several times the number of points there are

typedef struct Point {
    RnrAtomicU64 name;    // const char *, set once
    RnrAtomicU64 hits;    // any thread
    RnrAtomicU64 trigger; // the hit that acts; 0: none
    RnrAtomicU32 action;  // before trigger
    RnrAtomicU32 error;   // before trigger
} Point;

static Point points[POINT_COUNT];

static void give_up(const char *what, const char *name)
{
    (void)fprintf(stderr, "fault points: %s: '%s'\n", what, name);
    abort();
}

// The point of that name, made if there is none. A name given by a test is copied for good.
static Point *find_point(const char *name, bool is_literal)
{
    uint64_t fresh = 0;

    for (size_t i = 0; i < POINT_COUNT; ++i) {
        Point *point = &points[(rnr_text_hash64(name, strlen(name)) + i) % POINT_COUNT];
        // [fault.name: acquire] The text is there.
        uint64_t found = rnr_load_acquire_u64(&point->name);
        if (found == 0) {
            if (fresh == 0) {
                fresh = (uint64_t)(uintptr_t)(is_literal ? name : strdup(name));
            }
            // [fault.name: acq_rel] Whoever finds the name can read it.
            if (rnr_cas_acq_rel_u64(&point->name, &found, fresh)) {
                return point;
            }
        }
        if (strcmp((const char *)(uintptr_t)found, name) == 0) {
            return point;
        }
    }
    give_up("the table is full", name);
    return NULL;
}

static void arm(const char *name, int action, int error, uint64_t nth)
{
    Point *point = find_point(name, false);

    if (nth == 0 || action < RNR_FAULT_KILL || action > RNR_FAULT_ERRNO) {
        give_up("cannot arm", name);
    }
    // [own: relaxed] Published by the trigger below; one test thread arms.
    rnr_store_relaxed_u32(&point->action, (uint32_t)action);
    rnr_store_relaxed_u32(&point->error, (uint32_t)error);
    // [hint: relaxed] A hit at the same moment is before or after "from now on".
    const uint64_t hits = rnr_load_relaxed_u64(&point->hits);
    // [fault.arm: release] Whoever sees the trigger sees the action.
    rnr_store_release_u64(&point->trigger, hits + nth);
}

void rnr_fault_arm(const char *name, int action, uint64_t nth)
{
    arm(name, action, EIO, nth);
}

void rnr_fault_arm_errno(const char *name, int error, uint64_t nth)
{
    arm(name, RNR_FAULT_ERRNO, error, nth);
}

void rnr_fault_disarm_all(void)
{
    for (size_t i = 0; i < POINT_COUNT; ++i) {
        // [fault.arm: release] Nothing is carried; the cell has no other order.
        rnr_store_release_u64(&points[i].trigger, 0);
    }
}

uint64_t rnr_fault_hits(const char *name)
{
    // [hint: relaxed] A count.
    return rnr_load_relaxed_u64(&find_point(name, false)->hits);
}

static RnrAtomicU32 dawdle_most; // the test's
static RnrAtomicU64 dawdle_seed; // any thread

void rnr_fault_dawdle(uint32_t most)
{
    // [hint: relaxed] The hits that do not see it yet do not pause.
    rnr_store_relaxed_u32(&dawdle_most, most);
}

static void dawdle(void)
{
    // [hint: relaxed] As it was set last.
    const uint64_t most = rnr_load_relaxed_u32(&dawdle_most);
    if (most == 0) {
        return;
    }
    // [hint: relaxed] Each hit gets a number of its own, which splitmix64 then mixes.
    uint64_t mixed = rnr_fetch_add_relaxed_u64(&dawdle_seed, UINT64_C(0x9e3779b97f4a7c15));
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    mixed ^= mixed >> 31;
    uint64_t turns = (mixed >> 16) % (most + 1);
    if ((mixed & 127) == 0) {
        turns *= 20;
    }
    for (; turns > 0; --turns) {
        rnr_relax();
    }
}

// Counts a hit. Answers errno if the point is armed for that, acts if for something else.
static int hit(const char *name)
{
    Point *point = find_point(name, true);
    // [hint: relaxed] Each hit gets a number of its own; that is all.
    const uint64_t number = rnr_fetch_add_relaxed_u64(&point->hits, 1) + 1;

    dawdle();
    // [fault.arm: acquire] The action belongs to this trigger.
    if (rnr_load_acquire_u64(&point->trigger) != number) {
        return 0;
    }
    // [own: relaxed] Published by the trigger.
    const uint32_t action = rnr_load_relaxed_u32(&point->action);
    if (action == RNR_FAULT_ERRNO) {
        // [own: relaxed] Published by the trigger.
        return (int)rnr_load_relaxed_u32(&point->error);
    }
    if (action == RNR_FAULT_STOP) {
        (void)raise(SIGSTOP); // this thread first: it takes no step more
        return 0;
    }
    for (;;) {
        (void)kill(getpid(), SIGKILL);
    }
}

void rnr_fault_hit(const char *name)
{
    (void)hit(name);
}

int rnr_fault_errno(const char *name)
{
    return hit(name);
}

// "name:kill|stop|errno:nth[:errno]", several separated by ','.
static void arm_from_text(char *text)
{
    char *rest = NULL;

    for (char *one = strtok_r(text, ",", &rest); one != NULL; one = strtok_r(NULL, ",", &rest)) {
        char name[128] = "";
        char action[8] = "";
        unsigned long long nth = 0;
        int error = EIO;
        const int count = sscanf(one, "%127[^:]:%7[^:]:%llu:%d", name, action, &nth, &error);
        const bool is_kill = strcmp(action, "kill") == 0;
        const bool is_stop = strcmp(action, "stop") == 0;
        if (count < 3 || (!is_kill && !is_stop && strcmp(action, "errno") != 0)) {
            give_up("RENOIR_FAULT is not name:kill|stop|errno:nth[:errno]", one);
        }
        arm(name,
            is_kill   ? RNR_FAULT_KILL
            : is_stop ? RNR_FAULT_STOP
                      : RNR_FAULT_ERRNO,
            error, nth);
    }
}

// Before main(), so that no hit of this process is missed.
__attribute__((constructor)) static void arm_from_environment(void)
{
    const char *value = getenv("RENOIR_FAULT");

    if (value != NULL && *value != '\0') {
        char *copy = strdup(value);
        arm_from_text(copy);
        free(copy);
    }
}

#endif
