// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The cases of the sync suite, by what they measure.
#ifndef BENCH_SYNC_H
#define BENCH_SYNC_H

#include "harness/case.h"

typedef struct BenchCases {
    const BenchCase *cases;
    size_t count;
} BenchCases;

BenchCases bench_sync_state_cases(void); // sync_state.c
BenchCases bench_sync_wake_cases(void);  // sync_wake.c
BenchCases bench_sync_cost_cases(void);  // sync_cost.c
// sync_idle.c: not a matter of rounds; takes seconds.
const BenchCase *bench_sync_idle_case(void);

#endif
