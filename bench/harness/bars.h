// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The bars of bars.json: what the subject of a figure must reach beside its references.
//
//     {"suite": "ring", "figure": "spsc_single_8B", "subject": "renoir",
//      "reference": ["ck_ring", "boost"], "op": ">=", "ratio": 1.2}
//
// Of several references the best counts, in each round. Without a reference `ratio` is the figure
// itself, in ns; "statistic": "p99" compares the 99th percentile instead of the figure's value,
// "share" the share of misses (1 is all).
#ifndef BENCH_BARS_H
#define BENCH_BARS_H

#include "harness/json.h"

enum { BENCH_BARS_MAX = 256 };

typedef struct BenchBar {
    char suite[BENCH_JSON_TEXT];
    char figure[BENCH_JSON_TEXT];
    char subject[BENCH_JSON_TEXT];
    char references[BENCH_REFERENCES_MAX][BENCH_JSON_TEXT];
    size_t reference_count;
    BenchStatistic statistic;
    bool is_at_least;
    bool has_op;
    double ratio;
} BenchBar;

typedef struct BenchBars {
    BenchBar bars[BENCH_BARS_MAX];
    size_t count;
} BenchBars;

typedef struct BenchVerdict {
    uint32_t reached;
    uint32_t missed;
    uint32_t unmeasured;
} BenchVerdict;

// false: unreadable or not valid (a message with file and line is on stderr).
bool bench_bars_load(const char *path, BenchBars *out_bars);

// Prints each bar of the suite beside what was reached and in which class, and counts.
void bench_bars_check(const BenchBars *bars, const BenchResults *results, BenchVerdict *verdict);

#endif
