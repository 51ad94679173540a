// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef EXPLORE_ENGINE_H
#define EXPLORE_ENGINE_H

// The explorer's parts to each other, and to the fakes.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "explore.h"

enum {
    LOCATIONS_MAX = 192,
    HISTORY_MAX = 6,
    LAG_MAX = 8,
    ARENA_BYTES = 64 * 1024,
    STEPS_MAX = 4000,
    CHOICES_MAX = 3 * STEPS_MAX
};

// --- memory (memory.c) ---------------------------------------------------------------------------

// Of messages at one location: greater is later in its modification order.
typedef int16_t Stamp;

// What somebody has seen: the oldest message that may still be read, per location; and the last
// step of each process that happened before, in the sense of C11 6.5.1.2.4.
typedef struct View {
    Stamp at[LOCATIONS_MAX];
    uint16_t clock[EXPLORE_PROCESSES_MAX];
} View;

// What a process knows, and what a fence would add.
typedef struct Knowledge {
    View now;
    View pending;                    // what an acquire fence would make `now`
    View released;                   // what relaxed stores carry: `now` at the last release fence
    Stamp lag[LOCATIONS_MAX];        // an older message that it goes on reading; 0: none
    uint8_t lag_left[LOCATIONS_MAX]; // so many times
} Knowledge;

typedef enum AccessKind { ACCESS_ATOMIC, ACCESS_PLAIN } AccessKind;

void memory_begin(void);
void memory_forget(void); // between executions
bool memory_is_shared(const void *address);
void *memory_take(size_t size);
uint64_t memory_load(const void *cell, size_t size, int order, AccessKind kind);
void memory_store(void *cell, size_t size, uint64_t value, int order, AccessKind kind);
uint64_t memory_update(void *cell, size_t size, int operation, uint64_t operand, int order);
bool memory_swap(
    void *cell, size_t size, uint64_t *expected, uint64_t desired, int order, int order_if_not);
void memory_fence(unsigned process, int order);
// The newest value, as the kernel sees it, which this process then has seen too.
uint32_t memory_peek_u32(const void *cell);
void memory_see(unsigned process, const View *view); // with what happened before
void memory_join(View *into, const View *from);
void memory_see_newest(unsigned process); // values only
const char *memory_name(const void *address);

// --- choices (choice.c) --------------------------------------------------------------------------

typedef enum ChoiceKind { CHOICE_SWITCH, CHOICE_NEXT, CHOICE_VALUE, CHOICE_PLACE } ChoiceKind;

typedef struct Search {
    ExploreBudget limit; // of this search
    ExploreBudget left;  // in this execution
    bool is_random;
    bool is_replay;
    uint64_t seed;
} Search;

extern Search search;

void choice_begin_search(ExploreBudget limit);
void choice_begin_random(uint64_t seed, unsigned deaths);
void choice_begin_replay(const char *list);
void choice_repeat(void); // the execution just seen once more
void choice_begin_execution(void);
bool choice_advance(void); // false: all have been tried
// One of `count` ways to go on, 0 being the usual one.
unsigned choice_take(ChoiceKind kind, unsigned count);
void choice_print(char *text, size_t size);

// --- processes (process.c) -----------------------------------------------------------------------

typedef enum ProcessState {
    PROCESS_ABSENT,
    PROCESS_READY,
    PROCESS_WAITING, // until somebody changes something
    PROCESS_PARKED,  // until woken
    PROCESS_ENDED,
    PROCESS_DEAD
} ProcessState;

typedef struct Process {
    ProcessState state;
    unsigned role;
    bool is_successor;
    void *stack_pointer;
    Knowledge knows;
    uint64_t own_changes;  // that this process made
    uint64_t seen_changes; // that others had made when its last try began
    const void *parked_on;
    uint64_t wakes_at_ns;
    bool was_woken;
} Process;

typedef struct Engine {
    const ExploreCase *tried;
    Process processes[EXPLORE_PROCESSES_MAX];
    unsigned process_count;
    int running; // -1: nobody, in begin and end
    unsigned acting;
    unsigned steps;
    uint64_t changes;
    unsigned deaths;
    unsigned stale_loads;
    unsigned idle_rounds; // everybody slept, and nothing has changed since
    bool has_freshened;
    uint64_t now_ns;
    bool has_failed;
    char failure[512];
} Engine;

extern Engine engine;

// Runs the case once, by the choices of `search`. False: a violation, described in engine.failure.
bool process_run(const ExploreCase *tried);
// Before each shared access: another process may go on first, or this one dies here.
void process_point(const char *what);
// Something shared has another value now, or another state.
void process_changed(void);
void process_relax(void);
void process_park(const void *word, uint64_t wakes_at_ns);
unsigned process_wake(const void *word, unsigned count);

// --- coroutines (switch.c) -----------------------------------------------------------------------

enum { STACK_BYTES = 64 * 1024 };
// Goes on where *to was left, and remembers this place in *from.
void explore_switch(void **from, void *to);
// A place from which `run` begins on an empty stack. It must not return.
void *explore_start(void *stack, size_t size, void (*run)(void));

// --- traces (trace.c) ----------------------------------------------------------------------------

extern bool trace_is_on;
void trace_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define TRACE(...) (trace_is_on ? trace_line(__VA_ARGS__) : (void)0)

// --- fakes ---------------------------------------------------------------------------------------

void fake_begin(void); // private memory, roles and objects of the last execution are gone

#endif
