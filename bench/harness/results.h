// SPDX-License-Identifier: MIT OR Apache-2.0
//
// All samples of one run, and what they say. Ratios are formed within one class and one round, and
// the median over the rounds is the answer.
#ifndef BENCH_RESULTS_H
#define BENCH_RESULTS_H

#include "harness/sample.h"

enum { BENCH_REFERENCES_MAX = 8 };

typedef struct BenchResults {
    const char *suite;
    const char *conditions; // what a reader must know of the suite, printed with it
    BenchClass wanted;
    uint64_t seed;
    uint32_t rounds;  // asked for
    BenchCase *cases; // owned; the samples point into it
    BenchSample *samples;
    size_t count;
    size_t capacity;
} BenchResults;

typedef struct BenchSummary {
    const BenchCase *item;
    uint32_t count;
    double median;
    double smallest;
    double largest;
    bool has_latency;
    double p50_ns; // medians over the samples, but for the maximum
    double p90_ns;
    double p99_ns;
    double p999_ns;
    double max_ns;
    double share;
} BenchSummary;

typedef enum BenchStatistic {
    BENCH_STATISTIC_VALUE, // what the case's unit says
    BENCH_STATISTIC_P99,
    BENCH_STATISTIC_SHARE // of misses
} BenchStatistic;

bool bench_results_add(BenchResults *self, const BenchSample *sample);
void bench_results_fini(BenchResults *self);

double bench_median(double *values, size_t count);
bool bench_class_fits(BenchClass seen, BenchClass asked);

BenchSummary
bench_results_summarize(const BenchResults *self, const BenchCase *item, BenchClass class_asked);

// Rounds in which every contender of the figure has a sample of this class.
uint32_t
bench_results_complete_rounds(const BenchResults *self, const char *figure, BenchClass class_asked);

// The class to report a figure in: the wanted one if it has all rounds, else that with the most.
BenchClass bench_results_class(const BenchResults *self, const char *figure);

// Median over the rounds of subject / best reference. 0 rounds: cannot be told.
double bench_results_ratio(const BenchResults *self,
                           const char *figure,
                           const char *subject,
                           const char *const *references,
                           size_t reference_count,
                           BenchClass class_asked,
                           uint32_t *out_rounds);

const BenchCase *
bench_results_case(const BenchResults *self, const char *figure, const char *contender);

void bench_results_print(const BenchResults *self);

#endif
