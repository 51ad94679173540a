// SPDX-License-Identifier: MIT OR Apache-2.0
#include "harness/histogram.h"

static double bucket_middle(uint32_t bucket)
{
    if (bucket < BENCH_HISTOGRAM_SUB_COUNT) {
        return (double)bucket;
    }
    const uint32_t shift = (bucket >> BENCH_HISTOGRAM_SUB_BITS) - 1;
    const uint64_t part = bucket & (BENCH_HISTOGRAM_SUB_COUNT - 1);
    const uint64_t low = (BENCH_HISTOGRAM_SUB_COUNT + part) << shift;
    const uint64_t width = UINT64_C(1) << shift;
    return (double)low + (double)(width - 1) / 2.0;
}

double bench_histogram_quantile(const BenchHistogram *self, double share)
{
    const double wanted = share * (double)self->count;
    uint64_t seen = 0;

    for (uint32_t bucket = 0; bucket < BENCH_HISTOGRAM_BUCKETS; bucket++) {
        seen += self->buckets[bucket];
        if (seen > 0 && (double)seen >= wanted) {
            const double middle = bucket_middle(bucket);
            return middle < (double)self->largest ? middle : (double)self->largest;
        }
    }
    return (double)self->largest;
}
