// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The schedule of a suite: round by round, figures in random order, contenders of a figure one
// after the other in random order, until every figure has the rounds asked for in the wanted class.
// Where that class does not come up in time, the class that was seen has to do.
#ifndef BENCH_ROUNDS_H
#define BENCH_ROUNDS_H

#include "harness/results.h"

typedef struct BenchSchedule {
    uint32_t rounds;
    double class_wait_s; // from the start; then the class seen will do
    bool is_quiet;       // no progress on stderr
} BenchSchedule;

// Cases of one figure lie side by side. false: a sample failed (a message is on stderr).
bool bench_rounds_run(BenchRunner *runner,
                      const BenchCase *cases,
                      size_t case_count,
                      const BenchSchedule *schedule,
                      BenchResults *results);

#endif
