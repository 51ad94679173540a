// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The subject: renoir_record_ring_* and renoir_priority_ring_*: copied in and out, all records in
// one lane, or in three: 20 % critical, 50 % high, 30 % low, served by strict priority.
#include "peers/renoir_ends.h"

BENCH_INLINE size_t put(void *end, const void *element, size_t size, size_t count)
{
    (void)count;
    return renoir_record_ring_try_push((RenoirRecordRing *)end, element, size, 0) == RENOIR_SUCCESS
               ? 1
               : 0;
}

BENCH_INLINE size_t take(void *end, void *out_element, size_t size, size_t count, uint64_t *lost)
{
    size_t length = 0;
    uint32_t tag = 0;
    (void)count;
    (void)lost;
    return renoir_record_ring_try_pop((RenoirRecordRing *)end, out_element, size, &length, &tag) ==
                       RENOIR_SUCCESS &&
                   length == size
               ? 1
               : 0;
}

BENCH_INLINE size_t put_high(void *end, const void *element, size_t size, size_t count)
{
    (void)count;
    return renoir_priority_ring_try_push((RenoirPriorityRing *)end, RENOIR_PRIORITY_HIGH, element,
                                         size, 0) == RENOIR_SUCCESS
               ? 1
               : 0;
}

BENCH_INLINE size_t
take_any(void *end, void *out_element, size_t size, size_t count, uint64_t *lost)
{
    size_t length = 0;
    (void)count;
    (void)lost;
    return renoir_priority_ring_try_pop((RenoirPriorityRing *)end, out_element, size, &length, NULL,
                                        NULL) == RENOIR_SUCCESS &&
                   length == size
               ? 1
               : 0;
}

BENCH_RENOIR_ENDS(record, RenoirRecordRing, RENOIR_RING_RECORD, 0, renoir_record_ring_open)
BENCH_RENOIR_ENDS(priority, RenoirPriorityRing, RENOIR_RING_PRIORITY, 0, renoir_priority_ring_open)
BENCH_RING_SIDES(record, record_Ends, record_find, record_leave, &ends.there, &ends.back, put, take)
BENCH_RING_SIDES(priority,
                 priority_Ends,
                 priority_find,
                 priority_leave,
                 &ends.there,
                 &ends.back,
                 put_high,
                 take_any)

// ---- three lanes: order holds within each ----

enum { LANES = 3, CYCLE = 10, LOOK = 1000 };

static const uint32_t lanes_of_cycle[CYCLE] = {
    RENOIR_PRIORITY_HIGH, RENOIR_PRIORITY_LOW, RENOIR_PRIORITY_HIGH, RENOIR_PRIORITY_CRITICAL,
    RENOIR_PRIORITY_HIGH, RENOIR_PRIORITY_LOW, RENOIR_PRIORITY_HIGH, RENOIR_PRIORITY_CRITICAL,
    RENOIR_PRIORITY_HIGH, RENOIR_PRIORITY_LOW,
};

BENCH_INLINE void produce_lanes(BenchPair *pair, RenoirPriorityRing *ring, size_t size)
{
    uint64_t source[BENCH_RING_SOURCE * 64 / 8] __attribute__((aligned(64))) = {0};
    uint64_t counts[LANES] = {0};

    for (uint32_t i = 0; !bench_stopped(pair); i++) {
        const uint32_t lane = lanes_of_cycle[i % CYCLE];
        uint64_t *element = source + i % BENCH_RING_SOURCE * (size / 8);
        bench_ring_mark(element, size, counts[lane]++);
        while (renoir_priority_ring_try_push(ring, lane, element, size, lane) != RENOIR_SUCCESS) {
            if (bench_stopped(pair)) {
                return;
            }
        }
    }
}

BENCH_INLINE void consume_lanes(BenchPair *pair, RenoirPriorityRing *ring, size_t size)
{
    uint64_t element[64 / 8] __attribute__((aligned(64)));
    uint64_t counts[LANES] = {0};
    BenchStopwatch watch = bench_stopwatch(pair);
    uint64_t number = 0;

    do {
        for (uint32_t i = 0; i < LOOK; i++) {
            size_t length = 0;
            uint32_t lane = 0;
            uint32_t tag = 0;
            while (renoir_priority_ring_try_pop(ring, element, size, &length, &lane, &tag) !=
                   RENOIR_SUCCESS) {
            }
            if (lane >= LANES || tag != lane || length != size) {
                bench_fail(pair, "lane %u, tag %u, %zu bytes", lane, tag, length);
            }
            bench_ring_check(pair, element, size, counts[lane]++);
        }
        number += LOOK;
    } while (!bench_stopwatch_over(&watch, pair, number));
    bench_stop(pair);
}

static void produce_mixed(BenchPair *pair)
{
    priority_Ends ends;
    priority_find(pair, &ends);
    produce_lanes(pair, &ends.there, 64);
    priority_leave(pair, &ends);
}

static void consume_mixed(BenchPair *pair)
{
    priority_Ends ends;
    priority_find(pair, &ends);
    consume_lanes(pair, &ends.there, 64);
    priority_leave(pair, &ends);
}

const BenchRingPeer bench_ring_record = {
    .name = "renoir_record_ring",
    .role = BENCH_SUBJECT,
    .stream = BENCH_RING_STREAM(record),
    .round_trip = BENCH_RING_ROUND_TRIP(record),
};

const BenchRingPeer bench_ring_priority = {
    .name = "renoir_priority_ring",
    .role = BENCH_SUBJECT,
    .stream = BENCH_RING_STREAM(priority),
    .round_trip = BENCH_RING_ROUND_TRIP(priority),
};

const BenchRingPeer bench_ring_priority_mixed = {
    .name = "renoir_priority_ring_mixed",
    .role = BENCH_SUBJECT,
    .stream = {produce_mixed, consume_mixed},
};
