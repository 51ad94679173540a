// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The latest value: read while a writer of another process never pauses, and read or written alone.
#include <string.h>

#include "suites/limits.h"
#include "suites/renoir_region.h"
#include "suites/state_loops.h"
#include "suites/sync.h"

enum { PAGE = 4096, REGION_ROOM = 1 << 20, ALONE_SIZE = 64, BATCH = 256 };

typedef struct StateEnd {
    BenchRegion region;
    RenoirStateHandle state;
} StateEnd;

static size_t region_size(const BenchPair *pair)
{
    return 16 * ((size_t)pair->item->bytes + 256) + REGION_ROOM;
}

static StateEnd open_writer(BenchPair *pair)
{
    StateEnd end = {.region = bench_region_open(pair, region_size(pair))};
    bench_expect(pair,
                 renoir_state_create(end.region.region, "state", pair->item->bytes, &end.state),
                 "state");
    return end;
}

static StateEnd open_reader(BenchPair *pair)
{
    StateEnd end = {.region = bench_region_open(pair, region_size(pair))};
    bench_expect(pair, renoir_state_open(end.region.region, "state", &end.state), "state");
    return end;
}

static void close_end(StateEnd *end)
{
    renoir_state_close(end->state);
    bench_region_close(&end->region);
}

BENCH_INLINE void state_write(void *end, uint64_t number, size_t size)
{
    StateEnd *self = end;
    void *data = NULL;
    size_t room = 0;
    if (renoir_state_reserve(self->state, &data, &room) == RENOIR_SUCCESS && room >= size) {
        bench_state_fill(data, size, number);
        (void)renoir_state_commit(self->state, size);
    }
}

BENCH_INLINE bool state_read(void *end, uint64_t *out_value, size_t size)
{
    StateEnd *self = end;
    size_t length = 0;
    return renoir_state_read(self->state, out_value, size, &length, NULL) == RENOIR_SUCCESS &&
           length == size;
}

// As state_read, by steps, so that what had to be discarded is seen.
BENCH_INLINE bool state_peek(void *end, uint64_t *out_value, size_t size)
{
    StateEnd *self = end;
    const void *data = NULL;
    size_t length = 0;
    uint64_t version = 0;
    if (renoir_state_peek(self->state, &data, &length, &version) != RENOIR_SUCCESS ||
        length != size) {
        return false;
    }
    memcpy(out_value, data, size);
    return renoir_state_validate(self->state, version) == RENOIR_SUCCESS;
}

static void state_writer(BenchPair *pair)
{
    StateEnd end = open_writer(pair);
    bench_meet(pair);
    bench_state_write_item(pair, &end, state_write);
    close_end(&end);
}

static void state_reader(BenchPair *pair)
{
    bench_meet(pair);
    StateEnd end = open_reader(pair);
    bench_state_read_item(pair, &end, state_read);
    close_end(&end);
}

static void state_peeker(BenchPair *pair)
{
    bench_meet(pair);
    StateEnd end = open_reader(pair);
    bench_state_read_item(pair, &end, state_peek);
    close_end(&end);
}

// ---- a seqlock and the struct that it guards ----

typedef struct Guarded {
    RenoirSeqlock lock;
    uint64_t words[];
} Guarded;

BENCH_INLINE void seqlock_write(void *end, uint64_t number, size_t size)
{
    static uint64_t value[BENCH_STATE_MOST / 8];
    Guarded *self = end;
    bench_state_fill(value, size, number);
    renoir_seqlock_store(&self->lock, self->words, value, size);
}

BENCH_INLINE bool seqlock_read(void *end, uint64_t *out_value, size_t size)
{
    Guarded *self = end;
    return renoir_seqlock_load(&self->lock, out_value, self->words, size) == RENOIR_SUCCESS;
}

static void seqlock_writer(BenchPair *pair)
{
    bench_state_write_item(pair, pair->memory, seqlock_write);
}

static void seqlock_reader(BenchPair *pair)
{
    bench_state_read_item(pair, pair->memory, seqlock_read);
}

// ---- the floor: the same bytes, copied on one CPU ----

BENCH_INLINE bool copy_read(void *end, uint64_t *out_value, size_t size)
{
    memcpy(out_value, end, size);
    return true;
}

static void copy_alone(BenchPair *pair)
{
    bench_state_read_item(pair, pair->memory, copy_read);
}

// ---- alone: one process, no other side ----

typedef void (*Operation)(void *end, uint64_t number);

BENCH_INLINE void time_alone(BenchPair *pair, void *end, Operation operation)
{
    BenchStopwatch watch = bench_stopwatch(pair);
    uint64_t count = 0;
    do {
        for (uint32_t i = 0; i < BATCH; i++) {
            operation(end, ++count);
        }
    } while (!bench_stopwatch_over(&watch, pair, count));
}

BENCH_INLINE void write_alone_once(void *end, uint64_t number)
{
    uint64_t value[ALONE_SIZE / 8];
    bench_state_fill(value, sizeof value, number);
    (void)renoir_state_write(((StateEnd *)end)->state, value, sizeof value);
}

BENCH_INLINE void read_alone_once(void *end, uint64_t number)
{
    uint64_t value[ALONE_SIZE / 8];
    (void)number;
    (void)state_read(end, value, sizeof value);
    bench_keep(value);
}

static void expect_value(BenchPair *pair, StateEnd *end, uint64_t at_least)
{
    uint64_t value[ALONE_SIZE / 8] = {0};
    if (!state_read(end, value, sizeof value) || value[0] < at_least || value[7] != value[0]) {
        bench_fail(pair, "the value is %llu and %llu after %llu writes",
                   (unsigned long long)value[0], (unsigned long long)value[7],
                   (unsigned long long)at_least);
    }
}

static void state_write_alone(BenchPair *pair)
{
    StateEnd end = open_writer(pair);
    time_alone(pair, &end, write_alone_once);
    expect_value(pair, &end, pair->control->operations);
    close_end(&end);
}

static void state_read_alone(BenchPair *pair)
{
    StateEnd end = open_writer(pair);
    write_alone_once(&end, 7);
    time_alone(pair, &end, read_alone_once);
    expect_value(pair, &end, 7);
    close_end(&end);
}

BENCH_INLINE void seqlock_write_once(void *end, uint64_t number)
{
    seqlock_write(end, number, ALONE_SIZE);
}

BENCH_INLINE void seqlock_read_once(void *end, uint64_t number)
{
    uint64_t value[ALONE_SIZE / 8];
    (void)number;
    (void)seqlock_read(end, value, sizeof value);
    bench_keep(value);
}

static void seqlock_write_alone(BenchPair *pair)
{
    time_alone(pair, pair->memory, seqlock_write_once);
}

static void seqlock_read_alone(BenchPair *pair)
{
    time_alone(pair, pair->memory, seqlock_read_once);
}

// clang-format off
#define UNDER_WRITER(figure_, unit_, size)                                                        \
    {.figure = figure_, .contender = "renoir_state", .unit = unit_, .bytes = size,                 \
     .sides = {state_writer, state_reader}},                                                      \
    {.figure = figure_, .contender = "renoir_state_peek", .unit = unit_, .bytes = size,            \
     .sides = {state_writer, state_peeker}, .share = "retried"},                                  \
    {.figure = figure_, .contender = "renoir_seqlock", .unit = unit_, .bytes = size,               \
     .sides = {seqlock_writer, seqlock_reader}, .memory_size = PAGE + (size),                     \
     .share = "given_up"},                                                                        \
    {.figure = figure_, .contender = "bare_16_versions", .role = BENCH_LIMIT, .unit = unit_,       \
     .bytes = size, .sides = {bare_versions_write, bare_versions_read},                           \
     .memory_size = BENCH_VERSIONS_MEMORY(size), .share = "retried"},                             \
    {.figure = figure_, .contender = "memcpy_one_cpu", .role = BENCH_LIMIT, .unit = unit_,         \
     .bytes = size, .sides = {copy_alone, NULL}, .memory_size = PAGE + (size)}
#define ALONE(figure_, contender_, role_, function)                                               \
    {.figure = figure_, .contender = contender_, .role = role_, .unit = BENCH_NS_EACH,            \
     .bytes = ALONE_SIZE, .sides = {function, NULL}, .memory_size = PAGE}

static const BenchCase cases[] = {
    UNDER_WRITER("state_read_64B", BENCH_MILLION_PER_S, 64),
    UNDER_WRITER("state_read_4K", BENCH_GB_PER_S, 4096),
    UNDER_WRITER("state_read_64K", BENCH_GB_PER_S, 65536),

    ALONE("state_read_alone_64B", "renoir_state", BENCH_SUBJECT, state_read_alone),
    ALONE("state_read_alone_64B", "renoir_seqlock", BENCH_SUBJECT, seqlock_read_alone),
    ALONE("state_read_alone_64B", "atomic_add", BENCH_LIMIT, limit_add_alone),
    ALONE("state_write_alone_64B", "renoir_state", BENCH_SUBJECT, state_write_alone),
    ALONE("state_write_alone_64B", "renoir_seqlock", BENCH_SUBJECT, seqlock_write_alone),
    ALONE("state_write_alone_64B", "atomic_add", BENCH_LIMIT, limit_add_alone),
};
// clang-format on

BenchCases bench_sync_state_cases(void)
{
    const BenchCases all = {.cases = cases, .count = sizeof cases / sizeof cases[0]};
    return all;
}
