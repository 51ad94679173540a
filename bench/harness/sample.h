// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Runs samples: forks the processes of a case, waits for them, and turns what they counted into
// figures.
#ifndef BENCH_SAMPLE_H
#define BENCH_SAMPLE_H

#include "harness/case.h"
#include "harness/topology.h"

typedef struct BenchSample {
    const BenchCase *item;
    uint32_t round;
    BenchClass class_seen;
    bool is_dropped; // the two probes disagree
    bool has_latency;
    double value; // in the case's unit
    double share; // misses / tries, of a case that counts them
    double probe_before_ns;
    double probe_after_ns;
    uint64_t operations;
    double elapsed_s;
    double p50_ns;
    double p90_ns;
    double p99_ns;
    double p999_ns;
    double max_ns;
} BenchSample;

// Where and how long samples run, and the memory that all of them use.
typedef struct BenchRunner {
    BenchControl *control;
    int cpus[2];
    uint32_t cpu_count; // 1: cases for two CPUs cannot be measured
    uint64_t warm_up_ns;
    uint64_t sample_ns;
    bool is_realtime; // the sides run under SCHED_FIFO
} BenchRunner;

// Takes the CPUs that this process may use. `wanted` in class: of more than two CPUs the pair of
// that class, if there is one. false: no memory (a message is on stderr).
bool bench_runner_init(BenchRunner *self, BenchClass wanted);
void bench_runner_fini(BenchRunner *self);

// One sample. false: a side found a wrong message, or died (a message is on stderr).
bool bench_sample_run(BenchRunner *self, const BenchCase *item, BenchSample *out_sample);

// Somebody wants this to end (SIGINT, SIGTERM): samples fail from now on, so that the caller comes
// to its end in good order.
bool bench_interrupted(void);

// The probe alone.
BenchClass bench_runner_probe(BenchRunner *self, double *out_round_trip_ns);

// Fills percentiles and the value from what the control page says.
void bench_sample_from_control(const BenchControl *control, BenchSample *sample);

bool bench_pin(int cpu);

#endif
