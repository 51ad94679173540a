// SPDX-License-Identifier: MIT OR Apache-2.0
//
// A case is one contender of one figure. Contenders of a figure do the same work, are measured in
// the same round, and are the only things that are compared.
#ifndef BENCH_CASE_H
#define BENCH_CASE_H

#include "harness/pair.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum BenchRole { BENCH_SUBJECT, BENCH_PEER, BENCH_LIMIT } BenchRole;

typedef enum BenchUnit {
    BENCH_MILLION_PER_S, // operations
    BENCH_GB_PER_S,      // payload bytes, counted once, when delivered; 1 GB = 10^9 bytes
    BENCH_NS_EACH,       // mean of back-to-back operations
    BENCH_NS_P50         // median of a histogram
} BenchUnit;

typedef void (*BenchSide)(BenchPair *pair);

typedef struct BenchCase {
    const char *figure;
    const char *contender;
    BenchRole role;
    BenchUnit unit;
    BenchSide sides[2];                                          // [1] NULL: a case for one CPU
    uint64_t bytes;                                              // payload of one operation
    uint64_t parameter;                                          // the case's own
    size_t memory_size;                                          // shared bytes
    void (*prepare)(void *memory, const struct BenchCase *item); // may be NULL
    const void *context;                                         // the case's own
    const char *share; // what a miss is called ("lost"); NULL: the case counts none
} BenchCase;

const char *bench_unit_name(BenchUnit unit);
bool bench_unit_lower_is_better(BenchUnit unit);

#ifdef __cplusplus
}
#endif

#endif
