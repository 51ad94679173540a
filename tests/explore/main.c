// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Runs a suite's cases: all schedules within bounds, then random ones; or one of them again.
//
//     explore_<suite> [--full] [--case NAME] [--random N] [--seed N] [--quiet]
//     explore_<suite> --case NAME --replay 'LIST'
//     explore_<suite> --budget 2,1,0,5 ...     preemptions, stale, deaths, turns of its one search
//
// Ends with 0 if nothing was found, 1 if there is a violation, 2 if it could not be run.

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine.h"

enum { PHASES_MAX = 4, LIST_BYTES = 16 * 1024 };

typedef struct Options {
    bool is_full;
    bool is_quiet;
    bool has_budget;
    ExploreBudget budget;
    const char *only;
    const char *replay;
    unsigned long random;
    unsigned long seed;
} Options;

typedef struct Counts {
    unsigned long schedules;
    unsigned long deaths; // executions with one
    unsigned long stale;  // executions in which an older value was read
    unsigned long random;
    unsigned longest;
    double seconds;
} Counts;

// What is tried grows with the power of the number of roles: more of them, less of each.
#define ANY UINT32_MAX
static const ExploreBudget short_phases[PHASES_MAX] = {
    {1, 1, 0, 2}, {2, 0, 0, 2}, {1, 0, 1, 1}, {0, 1, 1, 1}};
static const ExploreBudget short_phases_of_many[PHASES_MAX] = {
    {1, 0, 0, 1}, {0, 1, 0, 1}, {0, 0, 1, 1}, {1, 1, 0, 0}};
static const ExploreBudget full_phases[PHASES_MAX] = {
    {1, 2, 0, ANY}, {2, 1, 0, ANY}, {1, 1, 1, ANY}, {2, 0, 1, ANY}};
static const ExploreBudget full_phases_of_many[PHASES_MAX] = {
    {2, 0, 0, ANY}, {1, 1, 0, ANY}, {1, 0, 1, ANY}, {0, 1, 1, ANY}};
enum { MANY = 3 };
enum { SHORT_RANDOM = 2000, FULL_RANDOM = 100000, SEED = 1 };

static char list[LIST_BYTES];

static double now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

// Runs the execution just seen once more, and shows it.
static int show(const ExploreCase *tried)
{
    choice_print(list, sizeof list);
    printf("\nVIOLATION in %s, case '%s': %s\n\n", explore_suite.name, tried->name, engine.failure);
    fflush(stdout);
    choice_repeat();
    trace_is_on = true;
    (void)process_run(tried);
    printf("\nagain:  explore_%s --case '%s' --replay '%s'\n", explore_suite.name, tried->name,
           list);
    return 1;
}

static void count(Counts *counts)
{
    counts->deaths += engine.deaths > 0;
    counts->stale += engine.stale_loads > 0;
    if (engine.steps > counts->longest) {
        counts->longest = engine.steps;
    }
}

static bool search_all(const ExploreCase *tried, ExploreBudget budget, Counts *counts)
{
    choice_begin_search(budget);
    do {
        if (!process_run(tried)) {
            return false;
        }
        ++counts->schedules;
        count(counts);
    } while (choice_advance());
    return true;
}

static bool search_at_random(const ExploreCase *tried, const Options *options, Counts *counts)
{
    choice_begin_random(options->seed, tried->deaths);
    for (unsigned long i = 0; i < options->random; ++i) {
        if (!process_run(tried)) {
            printf("random execution %lu of seed %lu\n", i, options->seed);
            return false;
        }
        ++counts->random;
        count(counts);
    }
    return true;
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static ExploreBudget within(const ExploreCase *tried, ExploreBudget budget)
{
    const ExploreBudget *const most = &tried->most;

    if (most->preemptions + most->stale + most->deaths + most->turns > 0) {
        budget.preemptions = least(budget.preemptions, most->preemptions);
        budget.stale = least(budget.stale, most->stale);
        budget.deaths = least(budget.deaths, most->deaths);
        budget.turns = least(budget.turns, most->turns);
    }
    budget.deaths = least(budget.deaths, tried->deaths);
    return budget;
}

static bool is_within(ExploreBudget a, ExploreBudget b)
{
    return a.preemptions <= b.preemptions && a.stale <= b.stale && a.deaths <= b.deaths &&
           a.turns <= b.turns;
}

// Phases that a later one contains, or an earlier one did, show nothing new.
static bool is_covered(const ExploreCase *tried, const ExploreBudget *phases, unsigned phase)
{
    const ExploreBudget budget = within(tried, phases[phase]);

    for (unsigned i = 0; i < PHASES_MAX; ++i) {
        const ExploreBudget other = within(tried, phases[i]);
        if (i != phase && is_within(budget, other) && (i < phase || !is_within(other, budget))) {
            return true;
        }
    }
    return false;
}

static const ExploreBudget *phases_for(const ExploreCase *tried, const Options *options)
{
    const bool is_many = tried->roles[MANY - 1].run != NULL;

    if (options->is_full) {
        return is_many ? full_phases_of_many : full_phases;
    }
    return is_many ? short_phases_of_many : short_phases;
}

static int explore(const ExploreCase *tried, const Options *options, Counts *total)
{
    const ExploreBudget *const phases = phases_for(tried, options);
    const double begin = now_seconds();
    Counts counts = {0};
    bool is_sound = true;

    if (options->has_budget) {
        is_sound = search_all(tried, within(tried, options->budget), &counts);
    }
    for (unsigned i = 0; i < PHASES_MAX && is_sound && !options->has_budget; ++i) {
        if (!is_covered(tried, phases, i)) {
            is_sound = search_all(tried, within(tried, phases[i]), &counts);
        }
    }
    if (is_sound) {
        is_sound = search_at_random(tried, options, &counts);
    }
    if (!is_sound) {
        return show(tried);
    }
    counts.seconds = now_seconds() - begin;
    if (!options->is_quiet) {
        printf("%-10s %-30s %10lu %10lu %10lu %8lu %8u %8.1f\n", explore_suite.name, tried->name,
               counts.schedules, counts.stale, counts.deaths, counts.random, counts.longest,
               counts.seconds);
        fflush(stdout);
    }
    total->schedules += counts.schedules;
    total->deaths += counts.deaths;
    total->stale += counts.stale;
    total->random += counts.random;
    total->longest = total->longest < counts.longest ? counts.longest : total->longest;
    total->seconds += counts.seconds;
    return 0;
}

// A crash of the code that is explored is a violation like others.
static void on_crash(int number)
{
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    explore_fail("signal %d (%s)", number, number == SIGSEGV ? "segmentation fault" : "crash");
}

static void catch_crashes(void)
{
    static unsigned char stack[64 * 1024];
    const stack_t own = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = on_crash;
    action.sa_flags = SA_ONSTACK | SA_NODEFER;
    sigaltstack(&own, NULL);
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    sigaction(SIGFPE, &action, NULL);
    sigaction(SIGILL, &action, NULL);
}

static bool parse(int argc, char **argv, Options *options)
{
    bool has_random = false;

    *options = (Options){.seed = SEED};
    for (int i = 1; i < argc; ++i) {
        const char *const value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--full") == 0) {
            options->is_full = true;
        } else if (strcmp(argv[i], "--quiet") == 0) {
            options->is_quiet = true;
        } else if (value == NULL) {
            return false;
        } else if (strcmp(argv[i], "--case") == 0) {
            options->only = argv[++i];
        } else if (strcmp(argv[i], "--replay") == 0) {
            options->replay = argv[++i];
        } else if (strcmp(argv[i], "--random") == 0) {
            options->random = strtoul(argv[++i], NULL, 10);
            has_random = true;
        } else if (strcmp(argv[i], "--budget") == 0) {
            ExploreBudget *const budget = &options->budget;
            options->has_budget = sscanf(argv[++i], "%u,%u,%u,%u", &budget->preemptions,
                                         &budget->stale, &budget->deaths, &budget->turns) == 4;
            if (!options->has_budget) {
                return false;
            }
        } else if (strcmp(argv[i], "--seed") == 0) {
            options->seed = strtoul(argv[++i], NULL, 10);
        } else {
            return false;
        }
    }
    if (!has_random) {
        options->random = options->is_full ? FULL_RANDOM : SHORT_RANDOM;
    }
    return true;
}

static int replay(const ExploreCase *tried, const char *choices)
{
    choice_begin_replay(choices);
    trace_is_on = true;
    const bool is_sound = process_run(tried);
    printf("%s\n", is_sound ? "no violation" : engine.failure);
    return is_sound ? 0 : 1;
}

int main(int argc, char **argv)
{
    Options options;
    Counts total = {0};
    unsigned tried = 0;

    if (!parse(argc, argv, &options)) {
        fprintf(stderr,
                "usage: %s [--full] [--case NAME] [--random N] [--seed N] [--budget P,S,D,T] "
                "[--quiet] [--replay LIST]\n",
                argv[0]);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    catch_crashes();
    if (!options.is_quiet && options.replay == NULL) {
        printf("%-10s %-30s %10s %10s %10s %8s %8s %8s\n", "suite", "case", "schedules", "stale",
               "deaths", "random", "longest", "seconds");
    }
    for (size_t i = 0; i < explore_suite.case_count; ++i) {
        const ExploreCase *const one = &explore_suite.cases[i];
        if (options.only != NULL && strcmp(options.only, one->name) != 0) {
            continue;
        }
        ++tried;
        const int result =
            options.replay != NULL ? replay(one, options.replay) : explore(one, &options, &total);
        if (result != 0) {
            return result;
        }
    }
    if (tried == 0) {
        fprintf(stderr, "%s: no case '%s'\n", argv[0], options.only);
        return 2;
    }
    if (options.replay == NULL) {
        printf("%-10s %-30s %10lu %10lu %10lu %8lu %8u %8.1f\n", explore_suite.name, "all",
               total.schedules, total.stale, total.deaths, total.random, total.longest,
               total.seconds);
    }
    return 0;
}
