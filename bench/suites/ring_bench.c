// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The ring suite: families of figures, each for some sizes of elements, with all contenders that
// this build has in each.
#include <stdio.h>
#include <string.h>

#include "suite.h"
#include "suites/limits.h"
#include "suites/renoir_region.h"
#include "suites/ring_loops.h"

enum { PAGE = 4096, CASES_MAX = 512, FIGURES_MAX = 128, NAME_SIZE = 48, PEERS_MAX = 12 };

// Sizes, as bits: which a family is measured for by default, and which with --full.
enum {
    SIZE_8 = 1 << 0,
    SIZE_64 = 1 << 1,
    SIZE_256 = 1 << 2,
    SIZE_1K = 1 << 3,
    SIZE_4K = 1 << 4,
    SIZE_COUNT = 5,
    SIZES_ALL = (1 << SIZE_COUNT) - 1
};

static const struct {
    const char *name;
    uint64_t bytes;
} sizes[SIZE_COUNT] = {{"8B", 8}, {"64B", 64}, {"256B", 256}, {"1K", 1024}, {"4K", 4096}};

typedef enum Kind { STREAM, ROUND_TRIP, COST } Kind;

typedef struct Family {
    const char *name;
    Kind kind;
    uint32_t batch;
    uint32_t quick; // sizes
    uint32_t full;
    const BenchRingPeer *peers[PEERS_MAX];
} Family;

#ifdef BENCH_HAVE_CK
#define CK_SPSC &bench_ring_ck,
#define CK_MPMC &bench_ring_ck_mpmc,
#else
#define CK_SPSC
#define CK_MPMC
#endif
#ifdef BENCH_HAVE_BOOST
#define BOOST_SPSC &bench_ring_boost,
#define BOOST_MPMC &bench_ring_boost_mpmc,
#else
#define BOOST_SPSC
#define BOOST_MPMC
#endif
#ifdef BENCH_HAVE_RTE
#define RTE_SPSC &bench_ring_rte,
#define RTE_MPMC &bench_ring_rte_mpmc,
#else
#define RTE_SPSC
#define RTE_MPMC
#endif
#ifdef BENCH_HAVE_URCU
#define WFCQ &bench_ring_wfcq, &bench_ring_wfcq_large,
#else
#define WFCQ
#endif

// The first contender of a figure is the one whose ratios the table shows.
#define SPSC &bench_ring_spsc, &bench_ring_spsc_stamped
#define SPSC_ALL SPSC, CK_SPSC BOOST_SPSC RTE_SPSC &bench_ring_bare
#define MPMC_PEERS CK_MPMC BOOST_MPMC RTE_MPMC WFCQ

// clang-format off
static const Family families[] = {
    {"spsc_single", STREAM, 1, SIZE_8 | SIZE_64 | SIZE_4K, SIZES_ALL, {SPSC_ALL}},
    {"spsc_batch16", STREAM, 16, SIZE_8 | SIZE_64, SIZES_ALL, {SPSC_ALL}},
    {"spsc_batch32", STREAM, 32, SIZE_8 | SIZE_64, SIZE_8 | SIZE_64,
     {SPSC_ALL, &bench_ring_bare_64}},
    {"spsc_round_trip", ROUND_TRIP, 1, SIZE_8 | SIZE_64, SIZE_8 | SIZE_64,
     {&bench_ring_spsc_stamped, &bench_ring_spsc, CK_SPSC BOOST_SPSC RTE_SPSC &bench_ring_bare}},

    {"spsc_resting", STREAM, 1 | BENCH_RING_RESTS, SIZE_64, SIZES_ALL, {SPSC_ALL}},

    {"mpmc_single", STREAM, 1, SIZE_8 | SIZE_64, SIZES_ALL, {&bench_ring_mpmc, MPMC_PEERS}},
    {"mpmc_batch16", STREAM, 16, SIZE_64, SIZES_ALL, {&bench_ring_mpmc, MPMC_PEERS}},
    {"mpmc_resting", STREAM, 1 | BENCH_RING_RESTS, SIZE_64, SIZES_ALL,
     {&bench_ring_mpmc, MPMC_PEERS}},
    {"mpmc_two_producers", STREAM, 1, SIZE_64, SIZE_64,
     {&bench_ring_mpmc_two_producers, &bench_ring_mpmc}},

    {"mpmc_2x2_processes", STREAM, 2, 0, SIZE_64, {&bench_ring_mpmc_crowd}},
    {"mpmc_4x4_processes", STREAM, 4, 0, SIZE_64, {&bench_ring_mpmc_crowd}},
    {"mpmc_8x8_processes", STREAM, 8, 0, SIZE_64, {&bench_ring_mpmc_crowd}},

    {"sequenced_single", STREAM, 1, SIZE_64, SIZES_ALL, {&bench_ring_sequenced, SPSC}},
    {"sequenced_batch16", STREAM, 16, SIZE_64, SIZES_ALL, {&bench_ring_sequenced, SPSC}},
    {"sequenced_two_consumers", STREAM, 1, SIZE_64, SIZE_64,
     {&bench_ring_sequenced_two_consumers, &bench_ring_sequenced}},
    {"sequenced_producer_cost", COST, 1, SIZE_64, SIZE_64,
     {&bench_ring_sequenced_cost_of_two, &bench_ring_sequenced_cost_of_one}},

    {"broadcast_single", STREAM, 1, SIZE_64, SIZES_ALL, {&bench_ring_broadcast, SPSC}},
    {"broadcast_batch16", STREAM, 16, SIZE_64, SIZES_ALL, {&bench_ring_broadcast, SPSC}},
    {"broadcast_writer_cost", COST, 1, SIZE_64, SIZE_64,
     {&bench_ring_broadcast_eight_idle, &bench_ring_broadcast_one_idle}},

    {"record_single", STREAM, 1, SIZE_64, SIZES_ALL,
     {&bench_ring_record, &bench_ring_priority, &bench_ring_spsc}},
    {"priority_mixed", STREAM, 1, SIZE_64, SIZE_64,
     {&bench_ring_priority_mixed, &bench_ring_priority, &bench_ring_record}},

    {"kinds_round_trip", ROUND_TRIP, 1, SIZE_64, SIZE_64,
     {&bench_ring_mpmc, &bench_ring_sequenced, &bench_ring_broadcast, &bench_ring_record,
      &bench_ring_priority, MPMC_PEERS}},
};
// clang-format on

typedef struct Plan {
    BenchCase cases[CASES_MAX];
    char names[FIGURES_MAX][NAME_SIZE];
    size_t case_count;
    size_t figure_count;
} Plan;

static size_t ring_room(const BenchRingPeer *peer, uint64_t bytes)
{
    return (peer->ring_size(bytes) + PAGE - 1) / PAGE * PAGE;
}

static void prepare_rings(void *memory, const BenchCase *item)
{
    const BenchRingPeer *peer = item->context;
    peer->prepare(memory, item);
    peer->prepare((uint8_t *)memory + item->memory_size / 2, item);
}

static void add_peer(
    Plan *plan, const Family *family, const char *figure, uint64_t bytes, const BenchRingPeer *peer)
{
    static const BenchUnit units[] = {BENCH_MILLION_PER_S, BENCH_NS_P50, BENCH_NS_EACH};
    const BenchSide *sides = family->kind == ROUND_TRIP ? peer->round_trip : peer->stream;
    if (sides[BENCH_FIRST] == NULL ||
        (family->batch > 1 && family->batch < BENCH_RING_RESTS && !peer->has_batches) ||
        plan->case_count == CASES_MAX) {
        return;
    }
    BenchCase *item = &plan->cases[plan->case_count++];
    item->figure = figure;
    item->contender = peer->name;
    item->role = peer->role;
    item->unit = units[family->kind];
    item->bytes = bytes;
    item->parameter = family->batch;
    item->context = peer;
    item->share = family->kind == STREAM ? peer->share : NULL;
    item->sides[BENCH_FIRST] = sides[BENCH_FIRST];
    item->sides[BENCH_SECOND] = sides[BENCH_SECOND];
    item->memory_size = peer->ring_size == NULL ? 0 : 2 * ring_room(peer, bytes);
    item->prepare = peer->prepare == NULL ? NULL : prepare_rings;
}

static void add_ping_pong(Plan *plan, const char *figure)
{
    const BenchCase tight = {.figure = figure,
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
    if (plan->case_count + 2 <= CASES_MAX) {
        plan->cases[plan->case_count++] = tight;
        plan->cases[plan->case_count++] = polled;
    }
}

static void add_family(Plan *plan, const Family *family, bool is_full)
{
    const uint32_t wanted = is_full ? family->full : family->quick;
    for (uint32_t size = 0; size < SIZE_COUNT; size++) {
        if ((wanted & (1u << size)) == 0 || plan->figure_count == FIGURES_MAX) {
            continue;
        }
        char *figure = plan->names[plan->figure_count++];
        snprintf(figure, NAME_SIZE, "%s_%s", family->name, sizes[size].name);
        for (size_t i = 0; i < PEERS_MAX && family->peers[i] != NULL; i++) {
            add_peer(plan, family, figure, sizes[size].bytes, family->peers[i]);
        }
        if (family->kind == ROUND_TRIP) {
            add_ping_pong(plan, figure);
        }
    }
}

static void name_absent_peers(void)
{
#ifndef BENCH_HAVE_CK
    printf("absent    ck_ring (libck-dev was not there when this was built)\n");
#endif
#ifndef BENCH_HAVE_BOOST
    printf("absent    boost::lockfree (libboost-dev or a C++ compiler was not there)\n");
#endif
#ifndef BENCH_HAVE_RTE
    printf("absent    rte_ring (libdpdk-dev was not there)\n");
#endif
#ifndef BENCH_HAVE_URCU
    printf("absent    wfcqueue (liburcu-dev was not there)\n");
#endif
}

BenchOutcome bench_ring_run(BenchRunner *runner, const BenchOptions *options, BenchResults *results)
{
    // Names outlive the run: the results point at them.
    static Plan plan;
    uint32_t left = 0;

    memset(&plan, 0, sizeof plan);
    name_absent_peers();
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        add_family(&plan, &families[i], options->is_full);
    }
    results->conditions =
        "One producer process, one consumer process, rings in shared memory with 4 KiB pages, of\n"
        "16384 elements (of more than 256 bytes: of 4 MiB); both spin without pause. single: one\n"
        "element per call; resting: the same, but a consumer that finds nothing rests for 256\n"
        "pauses; batchN: up to N per call, for those that have such calls (rte_ring: bursts).\n"
        "round trip: two rings, one element in flight, each exchange timed alone (the\n"
        "clock's own read is part of it). bare_indices: two indices and cells, nothing else; \n"
        "bare_index_per_64: the same, published once per 64. mpmc two producers, and sequenced\n"
        "with two consumers (the second behind the first): ends driven in turn by one thread.\n"
        "sequenced_producer_cost: bursts of half the ring into room that is there.\n"
        "mpmc_NxN_processes: N producers on one CPU, N consumers on the other, who yield: nothing\n"
        "is lost, the rate is the scheduler's. broadcast: elements delivered, with the share lost\n"
        "because the writer never waits; writer_cost: the readers are another process's and do\n"
        "not run. wfcqueue: bench/peers/wfcqueue.c says how its nodes come back. Every element's\n"
        "number is checked, those of the first lap in every word; elements are copied whole.";
    if (!bench_root_make()) {
        return BENCH_FAILED;
    }
    const BenchOutcome outcome =
        bench_cases_run(runner, options, plan.cases, plan.case_count, results);
    bench_root_remove(&left);
    if (left > 0 && outcome == BENCH_MEASURED) {
        fprintf(stderr, "renoir-bench: the library left %u files behind\n", left);
        return BENCH_FAILED;
    }
    return outcome;
}
