// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The suites of renoir-bench, and what the command line says to all of them.
#ifndef BENCH_SUITE_H
#define BENCH_SUITE_H

#include "harness/results.h"

enum { BENCH_ROUNDS_LEAST = 7, BENCH_ROUNDS_DEFAULT = 9, BENCH_KILLS_DEFAULT = 1000 };

typedef struct BenchOptions {
    uint32_t rounds; // 0: the suite's default
    uint32_t kills;  // of the suite death
    double sample_s;
    BenchClass wanted;
    double class_wait_s;
    uint64_t seed;
    const char *only; // figures whose name contains it; NULL: all
    const char *json;
    const char *plot;
    const char *bars;
    bool is_full; // all sizes
    bool must_check;
    bool is_quiet;
    bool is_realtime;
} BenchOptions;

typedef enum BenchOutcome {
    BENCH_MEASURED,
    BENCH_FAILED,        // a wrong message, a dead side
    BENCH_NOT_MEASURABLE // nothing of the suite can be measured here
} BenchOutcome;

typedef struct BenchSuite {
    const char *name;
    const char *summary;
    BenchOutcome (*run)(BenchRunner *runner, const BenchOptions *options, BenchResults *results);
} BenchSuite;

BenchOutcome
bench_limits_run(BenchRunner *runner, const BenchOptions *options, BenchResults *results);
BenchOutcome
bench_ring_run(BenchRunner *runner, const BenchOptions *options, BenchResults *results);
BenchOutcome
bench_sync_run(BenchRunner *runner, const BenchOptions *options, BenchResults *results);
BenchOutcome
bench_stream_run(BenchRunner *runner, const BenchOptions *options, BenchResults *results);
BenchOutcome
bench_death_run(BenchRunner *runner, const BenchOptions *options, BenchResults *results);

// Runs a table of cases as the options say.
BenchOutcome bench_cases_run(BenchRunner *runner,
                             const BenchOptions *options,
                             const BenchCase *cases,
                             size_t case_count,
                             BenchResults *results);

// A plot of the results, `<folder>/<suite>.svg`. false: gnuplot is absent or failed (a message is
// on stderr).
bool bench_plot(const BenchResults *results, const char *folder, const char *machine);

#endif
