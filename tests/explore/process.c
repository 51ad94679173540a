// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Processes, as coroutines: who goes on, who waits, who dies.
//
// The usual way to go on is the same process. Going on with another one although this one could is
// a preemption, and counts against the budget; choosing among the others when this one waits, ends
// or dies is free, and all of them are tried.

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine.h"

enum { IDLE_ROUNDS_MAX = 12, FIRST_MOMENT_NS = 1000000000, A_WHILE_NS = 10000000 };

Engine engine;

static _Alignas(64) unsigned char stacks[EXPLORE_PROCESSES_MAX][STACK_BYTES];
static void (*runs[EXPLORE_PROCESSES_MAX])(unsigned);
static void *main_place;
static jmp_buf main_jump;

static Process *self(void)
{
    return &engine.processes[engine.running];
}

static const char *name_of(unsigned process)
{
    return engine.tried->roles[engine.processes[process].role].name;
}

// --- violations ----------------------------------------------------------------------------------

static void leave(void)
{
    if (engine.running < 0) {
        longjmp(main_jump, 1);
    }
    void *nowhere;
    explore_switch(&nowhere, main_place);
}

void explore_fail(const char *format, ...)
{
    va_list arguments;

    engine.has_failed = true;
    va_start(arguments, format);
    vsnprintf(engine.failure, sizeof engine.failure, format, arguments);
    va_end(arguments);
    TRACE("VIOLATION: %s", engine.failure);
    leave();
    __builtin_unreachable();
}

// --- who goes on ---------------------------------------------------------------------------------

static void go_on_with(unsigned process)
{
    void **const from = engine.running < 0 ? &main_place : &self()->stack_pointer;

    if ((int)process != engine.running) {
        engine.running = (int)process;
        explore_switch(from, engine.processes[process].stack_pointer);
    }
}

static unsigned count_ready(int but)
{
    unsigned count = 0;

    for (unsigned i = 0; i < engine.process_count; ++i) {
        count += (int)i != but && engine.processes[i].state == PROCESS_READY;
    }
    return count;
}

static unsigned nth_ready(unsigned nth, int but)
{
    for (unsigned i = 0; i < engine.process_count; ++i) {
        if ((int)i != but && engine.processes[i].state == PROCESS_READY && nth-- == 0) {
            return i;
        }
    }
    explore_fail("nobody is ready");
}

static bool any_in(ProcessState state)
{
    for (unsigned i = 0; i < engine.process_count; ++i) {
        if (engine.processes[i].state == state) {
            return true;
        }
    }
    return false;
}

static void fail_as_stuck(void)
{
    char who[256] = "";
    size_t used = 0;

    for (unsigned i = 0; i < engine.process_count && used < sizeof who; ++i) {
        const ProcessState state = engine.processes[i].state;
        if (state == PROCESS_WAITING || state == PROCESS_PARKED) {
            used += (size_t)snprintf(who + used, sizeof who - used, "%s%s (process %u) %s",
                                     used == 0 ? "" : ", ", name_of(i), i,
                                     state == PROCESS_PARKED ? "sleeps" : "waits");
        }
    }
    explore_fail("nobody can go on: %s", who);
}

// What was stored becomes visible in the end.
static void freshen(void)
{
    engine.has_freshened = true;
    for (unsigned i = 0; i < engine.process_count; ++i) {
        if (engine.processes[i].state == PROCESS_WAITING) {
            memory_see_newest(i);
            engine.processes[i].state = PROCESS_READY;
        }
    }
}

static void let_time_pass(void)
{
    uint64_t next_ns = any_in(PROCESS_WAITING) ? engine.now_ns + A_WHILE_NS : UINT64_MAX;

    for (unsigned i = 0; i < engine.process_count; ++i) {
        const Process *const process = &engine.processes[i];
        if (process->state == PROCESS_PARKED && process->wakes_at_ns < next_ns) {
            next_ns = process->wakes_at_ns;
        }
    }
    if (next_ns == UINT64_MAX || ++engine.idle_rounds > IDLE_ROUNDS_MAX) {
        fail_as_stuck();
    }
    engine.now_ns = engine.now_ns < next_ns ? next_ns : engine.now_ns;
    engine.has_freshened = false;
    for (unsigned i = 0; i < engine.process_count; ++i) {
        Process *const process = &engine.processes[i];
        if (process->state == PROCESS_WAITING ||
            (process->state == PROCESS_PARKED && process->wakes_at_ns <= engine.now_ns)) {
            memory_see_newest(i);
            process->state = PROCESS_READY;
        }
    }
}

static unsigned choose_next(void)
{
    const unsigned count = count_ready(-1);
    const unsigned turn =
        count == 1 || search.left.turns == 0 ? 0 : choice_take(CHOICE_NEXT, count);

    search.left.turns -= turn > 0;
    return nth_ready(turn, -1);
}

// This process can't go on. Comes back when it can; not at all if it never does.
static void go_on_with_another(void)
{
    while (count_ready(-1) == 0) {
        if (any_in(PROCESS_WAITING) && !engine.has_freshened) {
            freshen();
        } else if (!any_in(PROCESS_WAITING) && !any_in(PROCESS_PARKED)) {
            leave(); // all have finished
        } else if (engine.deaths > 0 || engine.tried->clock_runs) {
            let_time_pass();
        } else {
            fail_as_stuck();
        }
    }
    go_on_with(choose_next());
}

void process_changed(void)
{
    ++engine.changes;
    engine.has_freshened = false;
    engine.idle_rounds = 0;
    if (engine.running >= 0) {
        ++self()->own_changes;
    }
    for (unsigned i = 0; i < engine.process_count; ++i) {
        if ((int)i != engine.running && engine.processes[i].state == PROCESS_WAITING) {
            engine.processes[i].state = PROCESS_READY;
        }
    }
}

// --- lives ---------------------------------------------------------------------------------------

static void live(void)
{
    const unsigned me = (unsigned)engine.running;

    runs[me](engine.tried->roles[self()->role].argument);
    TRACE("has finished");
    engine.processes[me].state = PROCESS_ENDED;
    process_changed();
    go_on_with_another();
}

static void create(unsigned role, void (*run)(unsigned), bool is_successor)
{
    const unsigned index = engine.process_count;
    Process *const process = &engine.processes[index];

    if (index == EXPLORE_PROCESSES_MAX) {
        explore_fail("more than %d processes", EXPLORE_PROCESSES_MAX);
    }
    memset(process, 0, sizeof *process);
    process->role = role;
    process->is_successor = is_successor;
    process->state = PROCESS_READY;
    process->stack_pointer = explore_start(stacks[index], STACK_BYTES, live);
    runs[index] = run;
    ++engine.process_count;
}

static void die(void)
{
    const ExploreRole *const role = &engine.tried->roles[self()->role];

    TRACE("DIES");
    --search.left.deaths;
    ++engine.deaths;
    self()->state = PROCESS_DEAD;
    process_changed();
    if (role->successor != NULL) {
        create(self()->role, role->successor, true);
    }
    go_on_with_another();
}

static void take_a_step(void)
{
    if (++engine.steps > STEPS_MAX) {
        explore_fail("more than %d steps: somebody goes round in circles", STEPS_MAX);
    }
}

void process_point(const char *what)
{
    if (engine.running < 0) {
        return;
    }
    (void)what;
    take_a_step();
    const unsigned others = search.left.preemptions == 0 ? 0 : count_ready(engine.running);
    const bool may_die = search.left.deaths > 0 && !engine.tried->roles[self()->role].is_immortal;
    const unsigned ways = 1 + others + (may_die ? 1 : 0);
    const unsigned way = ways == 1 ? 0 : choice_take(CHOICE_SWITCH, ways);

    if (way == 0) {
        return;
    }
    if (way <= others) {
        --search.left.preemptions;
        go_on_with(nth_ready(way - 1, engine.running));
    } else {
        die();
    }
}

// --- waiting -------------------------------------------------------------------------------------

static uint64_t changes_by_others(void)
{
    return engine.changes - self()->own_changes;
}

void explore_wait(void)
{
    Process *const me = self();

    take_a_step();
    if (changes_by_others() == me->seen_changes) {
        me->state = PROCESS_WAITING;
        go_on_with_another();
    }
    me->seen_changes = changes_by_others();
}

// The next one round, so that all get their turn.
static unsigned next_ready(void)
{
    unsigned next = (unsigned)engine.running;

    do {
        next = (next + 1) % engine.process_count;
    } while (engine.processes[next].state != PROCESS_READY);
    return next;
}

// A pause in a loop of the library: another look makes sense when somebody has changed something.
void process_relax(void)
{
    if (engine.running < 0) {
        return;
    }
    Process *const me = self();
    take_a_step();
    if (changes_by_others() == me->seen_changes) {
        if (count_ready(engine.running) == 0) {
            memory_see_newest((unsigned)engine.running);
        } else {
            go_on_with(next_ready());
        }
    }
    me->seen_changes = changes_by_others();
}

void process_park(const void *word, uint64_t wakes_at_ns)
{
    Process *const me = self();

    me->state = PROCESS_PARKED;
    me->parked_on = word;
    me->wakes_at_ns = wakes_at_ns;
    me->was_woken = false;
    go_on_with_another();
}

unsigned process_wake(const void *word, unsigned count)
{
    unsigned woken = 0;

    for (unsigned i = 0; i < engine.process_count && woken < count; ++i) {
        Process *const process = &engine.processes[i];
        if (process->state == PROCESS_PARKED && process->parked_on == word) {
            process->state = PROCESS_READY;
            process->was_woken = true;
            ++woken;
        }
    }
    return woken;
}

// --- one execution -------------------------------------------------------------------------------

bool process_run(const ExploreCase *tried)
{
    memset(&engine, 0, offsetof(Engine, processes));
    memset(&engine.process_count, 0, sizeof engine - offsetof(Engine, process_count));
    engine.tried = tried;
    engine.running = -1;
    engine.now_ns = FIRST_MOMENT_NS;
    memory_begin();
    fake_begin();
    choice_begin_execution();
    if (setjmp(main_jump) != 0) {
        return false;
    }
    // Roles first: `begin` acts in their name.
    for (unsigned i = 0; i < EXPLORE_ROLES_MAX && tried->roles[i].run != NULL; ++i) {
        create(i, tried->roles[i].run, false);
    }
    tried->begin();
    go_on_with(choose_next());
    engine.running = -1;
    engine.acting = EXPLORE_CHECKER;
    if (!engine.has_failed && tried->end != NULL) {
        tried->end();
    }
    return !engine.has_failed;
}

// --- what cases ask ------------------------------------------------------------------------------

unsigned explore_self(void)
{
    return engine.running < 0 ? engine.acting : (unsigned)engine.running;
}

void explore_act_as(unsigned process)
{
    engine.acting = process;
}

bool explore_has_died(unsigned process)
{
    return process < engine.process_count && engine.processes[process].state == PROCESS_DEAD;
}

bool explore_has_ended(unsigned process)
{
    return process < engine.process_count && (engine.processes[process].state == PROCESS_DEAD ||
                                              engine.processes[process].state == PROCESS_ENDED);
}

bool explore_role_has_ended(unsigned role)
{
    for (unsigned i = 0; i < engine.process_count; ++i) {
        if (engine.processes[i].role == role && !explore_has_ended(i)) {
            return false;
        }
    }
    return true;
}

unsigned explore_role_of(unsigned process)
{
    return engine.processes[process].role;
}

uint64_t explore_time_ns(void)
{
    return engine.now_ns;
}

unsigned explore_deaths(void)
{
    return engine.deaths;
}

bool explore_is_sequential(void)
{
    return engine.stale_loads == 0;
}

void explore_see_the_finished(void)
{
    for (unsigned i = 0; i < engine.process_count; ++i) {
        if (explore_has_ended(i) && engine.running >= 0) {
            memory_see((unsigned)engine.running, &engine.processes[i].knows.now);
        }
    }
}

void explore_note(const char *format, ...)
{
    char text[256];
    va_list arguments;

    if (trace_is_on) {
        va_start(arguments, format);
        vsnprintf(text, sizeof text, format, arguments);
        va_end(arguments);
        trace_line("%s", text);
    }
}

void *explore_shared(size_t size)
{
    return memory_take(size);
}
