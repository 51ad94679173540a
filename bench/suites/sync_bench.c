// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The sync suite: latest values, wake-ups, what costs when nobody sleeps, and an idle sleeper.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"
#include "suites/renoir_region.h"
#include "suites/sync.h"

static BenchCase *all_cases(size_t *out_count)
{
    const BenchCases groups[] = {bench_sync_state_cases(), bench_sync_wake_cases(),
                                 bench_sync_cost_cases()};
    size_t count = 0;
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        count += groups[i].count;
    }
    BenchCase *cases = calloc(count, sizeof *cases);
    *out_count = 0;
    for (size_t i = 0; cases != NULL && i < sizeof groups / sizeof groups[0]; i++) {
        memcpy(cases + *out_count, groups[i].cases, groups[i].count * sizeof *cases);
        *out_count += groups[i].count;
    }
    return cases;
}

// Not a matter of rounds, nor of how the CPUs lie: they sleep.
static bool run_idle(BenchRunner *runner, const BenchOptions *options, BenchResults *results)
{
    const BenchCase *item = bench_sync_idle_case();
    BenchSample sample;
    if (runner->cpu_count < 2 ||
        (options->only != NULL && strstr(item->figure, options->only) == NULL)) {
        return true;
    }
    if (!bench_sample_run(runner, item, &sample)) {
        return false;
    }
    sample.round = results->count > 0 ? results->samples[results->count - 1].round : 1;
    sample.class_seen = BENCH_CLASS_ONE;
    sample.is_dropped = false;
    return bench_results_add(results, &sample);
}

BenchOutcome bench_sync_run(BenchRunner *runner, const BenchOptions *options, BenchResults *results)
{
    size_t count = 0;
    uint32_t left = 0;

    results->conditions =
        "state_read: one process builds values in place and never pauses, the other copies the\n"
        "newest out; renoir_state_peek does what renoir_state does by steps, so that values to be\n"
        "discarded are counted (retried). renoir_seqlock gives up after 1000 tries. A limit: 16\n"
        "versions without names, lengths or roles. wake_one_way: from just before the call until\n"
        "the sleeper runs; it has slept for 150 us and nobody spins. publish_no_sleeper: ns per\n"
        "element of a stream between two processes that spin, with a doorbell and without.\n"
        "push_alone: the same on one CPU. idle_cpu_per_second: ns of CPU per second of one thread\n"
        "asleep in a wait set of 1000 rings, once, over 5 s. Every value, wake-up and element is\n"
        "checked.";
    BenchCase *cases = all_cases(&count);
    if (cases == NULL || !bench_root_make()) {
        free(cases);
        return BENCH_FAILED;
    }
    BenchOutcome outcome = bench_cases_run(runner, options, cases, count, results);
    free(cases);
    if (outcome != BENCH_FAILED && !run_idle(runner, options, results)) {
        outcome = BENCH_FAILED;
    }
    if (outcome == BENCH_NOT_MEASURABLE && results->count > 0) {
        outcome = BENCH_MEASURED;
    }
    bench_root_remove(&left);
    if (left > 0 && outcome == BENCH_MEASURED) {
        fprintf(stderr, "renoir-bench: the library left %u files behind\n", left);
        return BENCH_FAILED;
    }
    return outcome;
}
