// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The ring suite: one figure per workload, all contenders that this build has in each.
#include <stdio.h>
#include <string.h>

#include "suite.h"
#include "suites/limits.h"
#include "suites/renoir_region.h"
#include "suites/ring_loops.h"

static const BenchRingPeer *const peers[] = {
    &bench_ring_renoir,
#ifdef BENCH_HAVE_CK
    &bench_ring_ck,
#endif
#ifdef BENCH_HAVE_BOOST
    &bench_ring_boost,
#endif
#ifdef BENCH_HAVE_RTE
    &bench_ring_rte,
#endif
    &bench_ring_bare,
};

enum { PEER_COUNT = sizeof peers / sizeof peers[0], FIGURE_COUNT = 5, PAGE = 4096 };
enum { CASES_MAX = FIGURE_COUNT * PEER_COUNT + 2 };

typedef struct Workload {
    const char *figure;
    BenchUnit unit;
    uint64_t bytes;
    size_t sides; // their offset in BenchRingPeer
} Workload;

static const Workload workloads[FIGURE_COUNT] = {
    {"spsc_single_8B", BENCH_MILLION_PER_S, 8, offsetof(BenchRingPeer, single_8)},
    {"spsc_single_64B", BENCH_MILLION_PER_S, 64, offsetof(BenchRingPeer, single_64)},
    {"spsc_batch32_8B", BENCH_MILLION_PER_S, 8, offsetof(BenchRingPeer, batch_8)},
    {"spsc_batch32_64B", BENCH_MILLION_PER_S, 64, offsetof(BenchRingPeer, batch_64)},
    {"spsc_round_trip_8B", BENCH_NS_P50, 8, offsetof(BenchRingPeer, round_trip)},
};

static void add_peers(const Workload *workload, BenchCase *cases, size_t *count)
{
    for (size_t i = 0; i < PEER_COUNT; i++) {
        const BenchRingPeer *peer = peers[i];
        BenchCase item = {.figure = workload->figure,
                          .contender = peer->name,
                          .role = peer->role,
                          .unit = workload->unit,
                          .bytes = workload->bytes,
                          .memory_size = peer->memory_size,
                          .prepare = peer->prepare};
        memcpy(item.sides, (const uint8_t *)peer + workload->sides, sizeof item.sides);
        if (item.sides[BENCH_FIRST] != NULL) {
            cases[(*count)++] = item;
        }
    }
}

static void add_ping_pong(BenchCase *cases, size_t *count)
{
    const BenchCase tight = {.figure = "spsc_round_trip_8B",
                             .contender = "pingpong_tight",
                             .role = BENCH_LIMIT,
                             .unit = BENCH_NS_P50,
                             .sides = {limit_round_trip_first, limit_round_trip_second},
                             .bytes = 8,
                             .memory_size = PAGE};
    BenchCase polled = tight;
    polled.contender = "pingpong_rdtsc_in_poll";
    polled.sides[BENCH_FIRST] = limit_round_trip_rdtsc_first;
    polled.sides[BENCH_SECOND] = limit_round_trip_rdtsc_second;
    cases[(*count)++] = tight;
    cases[(*count)++] = polled;
}

static void name_absent_peers(void)
{
#ifndef BENCH_HAVE_CK
    printf("absent    ck_ring (libck-dev was not there when this was built)\n");
#endif
#ifndef BENCH_HAVE_BOOST
    printf("absent    boost_spsc_queue (libboost-dev or a C++ compiler was not there)\n");
#endif
#ifndef BENCH_HAVE_RTE
    printf("absent    rte_ring (libdpdk-dev was not there)\n");
#endif
}

BenchOutcome bench_ring_run(BenchRunner *runner, const BenchOptions *options, BenchResults *results)
{
    BenchCase cases[CASES_MAX];
    size_t count = 0;
    uint32_t left = 0;

    name_absent_peers();
    for (size_t i = 0; i < FIGURE_COUNT; i++) {
        add_peers(&workloads[i], cases, &count);
    }
    add_ping_pong(cases, &count);
    results->conditions =
        "One producer process, one consumer process, rings of 16384 elements in shared memory "
        "with\n"
        "4 KiB pages, both spin without pause. single: one element per call; batch32: up to 32 "
        "per\n"
        "call (rte_ring: bursts; ck_ring has no batches); round trip: two rings, one element in\n"
        "flight, each exchange timed alone (the clock's own read is part of it). bare_indices: "
        "two\n"
        "indices and cells, nothing else. Every element's number is checked; 64 B are copied "
        "whole.";
    if (!bench_root_make()) {
        return BENCH_FAILED;
    }
    const BenchOutcome outcome = bench_cases_run(runner, options, cases, count, results);
    bench_root_remove(&left);
    if (left > 0 && outcome == BENCH_MEASURED) {
        fprintf(stderr, "renoir-bench: the library left %u files behind\n", left);
        return BENCH_FAILED;
    }
    return outcome;
}
