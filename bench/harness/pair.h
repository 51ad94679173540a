// SPDX-License-Identifier: MIT OR Apache-2.0
//
// One sample: two processes, each pinned to its own CPU, run the two sides of a case between two
// topology probes.
//
//     parent   fork first, fork second, sleep ─────────────────────────────► collect
//     first    pin · touch · meet · probe · meet · side(first)  · meet · probe · exit
//     second   pin · touch · meet · probe · meet · side(second) · meet · probe · exit
//
// A case for one CPU has the first process alone and no probe. Each process has a deadline, dies
// with its parent, and ends the sample when it finds a wrong message (bench_fail). Valid as C11
// and as C++17.
#ifndef BENCH_PAIR_H
#define BENCH_PAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/cell.h"
#include "harness/clock.h"
#include "harness/histogram.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { BENCH_FIRST = 0, BENCH_SECOND = 1 };
enum { BENCH_FAILURE_SIZE = 400, BENCH_DEADLINE_SECONDS = 30 };

// What the processes of a sample share; made by the parent, zeroed before each sample.
typedef struct BenchControl {
    BenchCell ping;    // probe: first
    BenchCell pong;    // probe: second
    BenchCell arrived; // meetings: both add
    BenchCell stop;    // the timing side, when its time is over
    BenchCell note;    // for the case's own use

    uint64_t operations; // counted in the timed part by the side that times it
    uint64_t elapsed_ticks;
    uint64_t has_latency; // the histogram is filled (in ticks)
    uint64_t tries;       // of a case with a share: misses / tries
    uint64_t misses;
    double probe_before_ns;
    double probe_after_ns;
    char failure[BENCH_FAILURE_SIZE];
    BenchHistogram latency;
} BenchControl;

struct BenchCase;

typedef struct BenchPair {
    BenchControl *control;
    uint8_t *memory; // the case's shared bytes, zeroed, then prepared by the case
    size_t memory_size;
    const struct BenchCase *item;
    uint64_t warm_up_ticks;
    uint64_t sample_ticks;
    uint64_t meetings; // of this process; each side meets equally often
    uint32_t side;
    uint32_t sides;
    bool is_realtime; // other load cannot take the sides' CPUs
} BenchPair;

// Waits, spinning, until the other side is here too.
void bench_meet(BenchPair *pair);

// Ends this process and the sample. The text is printed, and the bench fails with it.
void bench_fail(BenchPair *pair, const char *format, ...)
    __attribute__((format(printf, 2, 3), noreturn));

BENCH_INLINE bool bench_stopped(const BenchPair *pair)
{
    return __atomic_load_n(&pair->control->stop.value, __ATOMIC_RELAXED) != 0;
}

BENCH_INLINE void bench_stop(BenchPair *pair)
{
    bench_store(&pair->control->stop.value, 1);
}

// Times the part between warm-up and the end. Call with the running count of operations now and
// then; true: the sample is over and its figures are stored.
typedef struct BenchStopwatch {
    uint64_t deadline;
    uint64_t begin;
    uint64_t count_at_begin;
    uint64_t warm;
} BenchStopwatch;

BenchStopwatch bench_stopwatch(const BenchPair *pair);
bool bench_stopwatch_slow(BenchStopwatch *watch, BenchPair *pair, uint64_t count, uint64_t now);

BENCH_INLINE bool bench_stopwatch_over(BenchStopwatch *watch, BenchPair *pair, uint64_t count)
{
    const uint64_t now = bench_ticks();
    return now >= watch->deadline && bench_stopwatch_slow(watch, pair, count, now);
}

BENCH_INLINE bool bench_stopwatch_is_warm(const BenchStopwatch *watch)
{
    return watch->warm != 0;
}

#ifdef __cplusplus
}
#endif

#endif
