// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Counts of values, each known to better than 1 %: every power of two is cut into 128 equal parts
// (the scheme of HdrHistogram). Values above BENCH_HISTOGRAM_LIMIT are counted as the limit; the
// largest value itself is kept exactly.
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

#include "harness/cell.h"

enum {
    BENCH_HISTOGRAM_SUB_BITS = 7,
    BENCH_HISTOGRAM_SUB_COUNT = 1 << BENCH_HISTOGRAM_SUB_BITS,
    BENCH_HISTOGRAM_TOP_BIT = 40,
    BENCH_HISTOGRAM_BUCKETS =
        (BENCH_HISTOGRAM_TOP_BIT - BENCH_HISTOGRAM_SUB_BITS + 1) * BENCH_HISTOGRAM_SUB_COUNT
};

#define BENCH_HISTOGRAM_LIMIT ((UINT64_C(1) << BENCH_HISTOGRAM_TOP_BIT) - 1)

typedef struct BenchHistogram {
    uint64_t count;
    uint64_t largest;
    uint64_t buckets[BENCH_HISTOGRAM_BUCKETS];
} BenchHistogram;

BENCH_INLINE uint32_t bench_histogram_bucket(uint64_t value)
{
    if (value < BENCH_HISTOGRAM_SUB_COUNT) {
        return (uint32_t)value;
    }
    const uint32_t top = 63u - (uint32_t)__builtin_clzll(value);
    const uint32_t shift = top - BENCH_HISTOGRAM_SUB_BITS;
    return ((shift + 1) << BENCH_HISTOGRAM_SUB_BITS) +
           ((uint32_t)(value >> shift) & (BENCH_HISTOGRAM_SUB_COUNT - 1));
}

BENCH_INLINE void bench_histogram_record(BenchHistogram *self, uint64_t value)
{
    if (value > self->largest) {
        self->largest = value;
    }
    self->count++;
    self->buckets[bench_histogram_bucket(value < BENCH_HISTOGRAM_LIMIT ? value
                                                                       : BENCH_HISTOGRAM_LIMIT)]++;
}

#ifdef __cplusplus
extern "C" {
#endif

// The value below or at which `share` (0 to 1) of all values lie; the middle of its bucket.
double bench_histogram_quantile(const BenchHistogram *self, double share);

#ifdef __cplusplus
}
#endif

#endif
