// SPDX-License-Identifier: MIT OR Apache-2.0
#include "harness/topology.h"

#include <stdlib.h>

enum { PROBE_NS = 5 * 1000 * 1000, CHUNK = 64, CHUNKS_MAX = 2048 };

#define PROBE_OVER UINT64_MAX
#define SMT_BELOW_NS 75.0
#define NEAR_BELOW_NS 280.0

const char *bench_class_name(BenchClass class_seen)
{
    static const char *const names[BENCH_CLASS_COUNT] = {"one", "smt", "near", "far"};
    return class_seen < BENCH_CLASS_COUNT ? names[class_seen] : "?";
}

BenchClass bench_class_of_round_trip(double ns)
{
    if (ns < SMT_BELOW_NS) {
        return BENCH_CLASS_SMT;
    }
    return ns < NEAR_BELOW_NS ? BENCH_CLASS_NEAR : BENCH_CLASS_FAR;
}

static int compare_ticks(const void *left, const void *right)
{
    const uint64_t a = *(const uint64_t *)left;
    const uint64_t b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static uint64_t chunk_of_round_trips(BenchControl *control, uint64_t *sequence)
{
    const uint64_t begin = bench_ticks();
    for (uint32_t i = 0; i < CHUNK; i++) {
        const uint64_t next = ++*sequence;
        bench_store(&control->ping.value, next);
        while (bench_load(&control->pong.value) != next) {
        }
    }
    return bench_ticks() - begin;
}

static double probe_first(BenchControl *control)
{
    uint64_t chunks[CHUNKS_MAX];
    size_t count = 0;
    uint64_t sequence = 0;
    const uint64_t deadline = bench_ticks() + bench_ticks_of_ns(PROBE_NS);

    while (count < CHUNKS_MAX && bench_ticks() < deadline) {
        chunks[count++] = chunk_of_round_trips(control, &sequence);
    }
    bench_store(&control->ping.value, PROBE_OVER);
    if (count == 0) {
        return 0.0;
    }
    // The median: a chunk in which one side lost its CPU is long, and says nothing.
    qsort(chunks, count, sizeof chunks[0], compare_ticks);
    return (double)chunks[count / 2] * bench_ns_per_tick() / CHUNK;
}

static void probe_second(BenchControl *control)
{
    uint64_t seen = 0;
    for (;;) {
        const uint64_t now = bench_load(&control->ping.value);
        if (now == PROBE_OVER) {
            return;
        }
        if (now != seen) {
            seen = now;
            bench_store(&control->pong.value, now);
        }
    }
}

double bench_probe(BenchPair *pair)
{
    BenchControl *control = pair->control;
    double round_trip_ns = 0.0;

    bench_meet(pair);
    if (pair->side == BENCH_FIRST) {
        round_trip_ns = probe_first(control);
    } else {
        probe_second(control);
    }
    bench_meet(pair);
    if (pair->side == BENCH_FIRST) {
        bench_store(&control->ping.value, 0);
        bench_store(&control->pong.value, 0);
    }
    bench_meet(pair);
    return round_trip_ns;
}
