// SPDX-License-Identifier: MIT OR Apache-2.0
#include "harness/rounds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "harness/random.h"

enum {
    TRIES = 3,            // of a sample whose probes disagree
    ROUNDS_PER_ASKED = 20 // a class that keeps flipping must not keep us here for ever
};

// The cases of one figure: [begin, end), and the whole rounds it has per class.
typedef struct Figure {
    const BenchCase *begin;
    size_t count;
    uint32_t complete[BENCH_CLASS_COUNT];
} Figure;

typedef struct Plan {
    BenchRunner *runner;
    BenchResults *results;
    const BenchSchedule *schedule;
    Figure *figures;
    size_t figure_count;
    uint64_t random;
    uint64_t deadline_ns;
    uint32_t round;
} Plan;

static bool needs_two_cpus(const Figure *figure)
{
    for (size_t i = 0; i < figure->count; i++) {
        if (figure->begin[i].sides[BENCH_SECOND] != NULL) {
            return true;
        }
    }
    return false;
}

static bool find_figures(Plan *plan, const BenchCase *cases, size_t case_count)
{
    plan->figures = calloc(case_count + 1, sizeof *plan->figures);
    if (plan->figures == NULL) {
        return false;
    }
    for (size_t i = 0; i < case_count;) {
        Figure *figure = &plan->figures[plan->figure_count];
        figure->begin = &cases[i];
        figure->count = 0;
        while (i < case_count && strcmp(cases[i].figure, figure->begin->figure) == 0) {
            figure->count++;
            i++;
        }
        if (plan->runner->cpu_count >= 2 || !needs_two_cpus(figure)) {
            plan->figure_count++;
        }
    }
    return true;
}

static void shuffle(uint64_t *random, size_t *order, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        order[i] = i;
    }
    for (size_t i = count; i > 1; i--) {
        const size_t other = bench_random_below(random, i);
        const size_t kept = order[i - 1];
        order[i - 1] = order[other];
        order[other] = kept;
    }
}

static uint32_t most_complete(const Figure *figure)
{
    uint32_t most = 0;
    for (int i = 0; i < BENCH_CLASS_COUNT; i++) {
        most = figure->complete[i] > most ? figure->complete[i] : most;
    }
    return most;
}

static bool is_late(const Plan *plan)
{
    return bench_now_ns() >= plan->deadline_ns;
}

static bool is_done(const Plan *plan, const Figure *figure)
{
    const uint32_t rounds = plan->schedule->rounds;
    return figure->complete[plan->results->wanted] >= rounds ||
           (is_late(plan) && most_complete(figure) >= rounds);
}

static bool run_case(Plan *plan, const BenchCase *item, BenchClass *out_class)
{
    for (int try = 0; try < TRIES; try++) {
        BenchSample sample;
        if (!bench_sample_run(plan->runner, item, &sample)) {
            return false;
        }
        sample.round = plan->round;
        if (!bench_results_add(plan->results, &sample)) {
            return false;
        }
        *out_class = sample.is_dropped ? BENCH_CLASS_COUNT : sample.class_seen;
        if (!sample.is_dropped) {
            break;
        }
    }
    return true;
}

static void count_round(Figure *figure, BenchClass class_seen)
{
    if (class_seen == BENCH_CLASS_ONE) {
        for (int i = 0; i < BENCH_CLASS_COUNT; i++) {
            figure->complete[i]++;
        }
    } else if (class_seen < BENCH_CLASS_COUNT) {
        figure->complete[class_seen]++;
    }
}

static bool run_figure(Plan *plan, Figure *figure)
{
    size_t order[64];
    const size_t count = figure->count < 64 ? figure->count : 64;
    BenchClass class_of_round = BENCH_CLASS_ONE;

    shuffle(&plan->random, order, count);
    for (size_t i = 0; i < count; i++) {
        BenchClass class_seen = BENCH_CLASS_COUNT;
        if (!run_case(plan, &figure->begin[order[i]], &class_seen)) {
            return false;
        }
        if (class_of_round == BENCH_CLASS_ONE) {
            class_of_round = class_seen;
        } else if (!bench_class_fits(class_seen, class_of_round)) {
            class_of_round = BENCH_CLASS_COUNT;
        }
    }
    count_round(figure, class_of_round);
    return true;
}

// One round over the figures that still need it; *out_ran: how many there were.
static bool run_round(Plan *plan, BenchClass class_now, size_t *out_ran)
{
    size_t *order = calloc(plan->figure_count + 1, sizeof *order);
    bool is_good = order != NULL;

    *out_ran = 0;
    if (is_good) {
        shuffle(&plan->random, order, plan->figure_count);
    }
    for (size_t i = 0; is_good && i < plan->figure_count; i++) {
        Figure *figure = &plan->figures[order[i]];
        // Enough of this class: only the wanted one, if it comes up, can add something.
        const bool is_enough = figure->complete[class_now] >= plan->schedule->rounds;
        if (is_done(plan, figure) || (is_enough && !is_late(plan))) {
            continue;
        }
        is_good = run_figure(plan, figure);
        ++*out_ran;
    }
    free(order);
    return is_good;
}

static bool all_done(const Plan *plan)
{
    for (size_t i = 0; i < plan->figure_count; i++) {
        if (!is_done(plan, &plan->figures[i])) {
            return false;
        }
    }
    return true;
}

static void show_progress(const Plan *plan, BenchClass class_now, size_t ran)
{
    if (plan->schedule->is_quiet) {
        return;
    }
    if (ran == 0) {
        fprintf(stderr, "\r%s: waiting for class %s (now %s)   ", plan->results->suite,
                bench_class_name(plan->results->wanted), bench_class_name(class_now));
    } else {
        fprintf(stderr, "\r%s: round %u, class %s          ", plan->results->suite, plan->round,
                bench_class_name(class_now));
    }
}

static bool run_all(Plan *plan)
{
    const struct timespec second = {.tv_sec = 1};
    uint32_t ran_rounds = 0;

    while (!bench_interrupted() && !all_done(plan) &&
           ran_rounds < plan->schedule->rounds * ROUNDS_PER_ASKED) {
        double round_trip_ns = 0.0;
        size_t ran = 0;
        const BenchClass class_now = bench_runner_probe(plan->runner, &round_trip_ns);
        plan->round++;
        if (!run_round(plan, class_now, &ran)) {
            return false;
        }
        show_progress(plan, class_now, ran);
        if (ran == 0) {
            nanosleep(&second, NULL);
        } else {
            ran_rounds++;
        }
    }
    return !bench_interrupted();
}

bool bench_rounds_run(BenchRunner *runner,
                      const BenchCase *cases,
                      size_t case_count,
                      const BenchSchedule *schedule,
                      BenchResults *results)
{
    Plan plan = {.runner = runner,
                 .results = results,
                 .schedule = schedule,
                 .random = results->seed,
                 .deadline_ns = bench_now_ns() + (uint64_t)(schedule->class_wait_s * 1e9)};

    if (!find_figures(&plan, cases, case_count)) {
        fprintf(stderr, "renoir-bench: no memory for the plan\n");
        return false;
    }
    const bool is_good = run_all(&plan);
    if (!schedule->is_quiet && plan.round > 0) {
        fprintf(stderr, "\r%60s\r", "");
    }
    free(plan.figures);
    return is_good;
}
