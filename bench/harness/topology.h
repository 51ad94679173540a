// SPDX-License-Identifier: MIT OR Apache-2.0
//
// How two CPUs lie to each other. A guest's CPUs move while it runs, so the answer holds for
// moments only: the probe runs before and after every two-CPU sample.
//
//     class   two-line round trip     what it usually is
//     smt     up to 75 ns             two threads of one core
//     near    75 to 280 ns            two cores that share a cache
//     far     above 280 ns            two dies or sockets
//
// The bounds lie in the gaps between the round trips seen (47, 105 to 130, 480 to 550 ns). They
// hold for processors of some 2 to 5 GHz and are printed with each result.
#ifndef BENCH_TOPOLOGY_H
#define BENCH_TOPOLOGY_H

#include "harness/pair.h"

typedef enum BenchClass {
    BENCH_CLASS_ONE, // one CPU: agrees with every class
    BENCH_CLASS_SMT,
    BENCH_CLASS_NEAR,
    BENCH_CLASS_FAR,
    BENCH_CLASS_COUNT
} BenchClass;

const char *bench_class_name(BenchClass class_seen);
BenchClass bench_class_of_round_trip(double ns);

// Both sides call it; returns the median round trip in ns on the first side, 0 on the second.
double bench_probe(BenchPair *pair);

#endif
