// SPDX-License-Identifier: MIT OR Apache-2.0
//
// What the Renoir contenders of the ring suite share: rings of one kind in a region that each
// process opens by name, with the ends that a side needs.
#ifndef BENCH_RENOIR_ENDS_H
#define BENCH_RENOIR_ENDS_H

#include <string.h>

#include "suites/renoir_region.h"
#include "suites/ring_loops.h"

enum { BENCH_DIRECTORY_ROOM = 1 << 20 }; // of the region, beside the rings

static inline bool bench_is_round_trip(const BenchPair *pair)
{
    return pair->item->unit == BENCH_NS_P50;
}

// Capacities are those of all contenders. A ring of records has as many bytes as one of elements;
// 8 bytes precede each record, which small ones feel.
static inline RenoirRingOptions
bench_ring_options(const BenchPair *pair, uint32_t kind, uint32_t flags)
{
    const uint64_t bytes = pair->item->bytes;
    const bool is_records = kind == RENOIR_RING_RECORD || kind == RENOIR_RING_PRIORITY;
    RenoirRingOptions options = renoir_ring_options_default();
    options.flags = flags;
    options.capacity = BENCH_RING_CAPACITY(bytes);
    if (is_records) {
        options.capacity *= bytes < 16 ? 16 : bytes;
        options.max_record = (uint32_t)bytes;
    } else {
        options.element_size = (uint32_t)bytes;
    }
    return options;
}

static inline BenchRegion bench_ring_region(BenchPair *pair, uint32_t kind, uint32_t flags)
{
    const RenoirRingOptions options = bench_ring_options(pair, kind, flags);
    const size_t rings = bench_is_round_trip(pair) ? 2 : 1;
    const size_t size = renoir_ring_size(kind, &options);
    if (size == 0) {
        bench_expect(pair, RENOIR_INVALID_PARAMETER, "size of the ring");
    }
    return bench_region_open(pair, rings * size + BENCH_DIRECTORY_ROOM);
}

// A ring that turned corrupt would look empty or full for ever: said here, not by the watchdog.
static inline void bench_ring_expect_writes(BenchPair *pair, const RenoirRingEnd *end)
{
    RenoirRingStats stats;
    memset(&stats, 0, sizeof stats);
    bench_expect(pair, renoir_ring_stats(end, &stats), "stats");
    if (stats.writes < pair->control->operations) {
        bench_fail(pair, "the ring tells of %llu writes", (unsigned long long)stats.writes);
    }
}

// Ends of one kind: tag_Ends with `there` and, in a round trip, `back`; tag_find, tag_leave.
// open_one(region, name, options, role, out_end) opens one end.
#define BENCH_RENOIR_ENDS(tag, Ring, kind, flags, open_one)                                        \
    typedef struct tag##_Ends {                                                                    \
        BenchRegion region;                                                                        \
        Ring there;                                                                                \
        Ring back;                                                                                 \
    } tag##_Ends;                                                                                  \
    static void tag##_find(BenchPair *pair, tag##_Ends *ends)                                      \
    {                                                                                              \
        const RenoirRingOptions options = bench_ring_options(pair, kind, flags);                   \
        const bool is_first = pair->side == BENCH_FIRST;                                           \
        memset(ends, 0, sizeof *ends);                                                             \
        ends->region = bench_ring_region(pair, kind, flags);                                       \
        bench_expect(pair,                                                                         \
                     open_one(ends->region.region, "there", &options,                              \
                              is_first ? RENOIR_PRODUCER : RENOIR_CONSUMER, &ends->there),         \
                     "there");                                                                     \
        if (bench_is_round_trip(pair)) {                                                           \
            bench_expect(pair,                                                                     \
                         open_one(ends->region.region, "back", &options,                           \
                                  is_first ? RENOIR_CONSUMER : RENOIR_PRODUCER, &ends->back),      \
                         "back");                                                                  \
        }                                                                                          \
        bench_meet(pair);                                                                          \
    }                                                                                              \
    static void tag##_leave(BenchPair *pair, tag##_Ends *ends)                                     \
    {                                                                                              \
        bench_ring_expect_writes(pair, &ends->there.end);                                          \
        renoir_ring_close(&ends->there.end);                                                       \
        if (bench_is_round_trip(pair)) {                                                           \
            renoir_ring_close(&ends->back.end);                                                    \
        }                                                                                          \
        bench_region_close(&ends->region);                                                         \
    }

#endif
