// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The loops of the state figures, one text for all contenders: a writer that never pauses, and a
// reader that copies the newest value out. Each contender hands in how it writes and reads, which
// is inlined with the size as a constant.
//
// Every word of a value is its number. The reader checks first, middle and last word and that
// numbers never fall; until the timed part begins, every word.
#ifndef BENCH_STATE_LOOPS_H
#define BENCH_STATE_LOOPS_H

#include "harness/case.h"

enum { BENCH_STATE_MOST = 65536 };

#define BENCH_STATE_SIZES(X) X(64) X(4096) X(65536)

// Builds the next value, all of whose words are `number`.
typedef void (*BenchStateWrite)(void *end, uint64_t number, size_t size);
// Copies the newest value out. false: what was read is to be discarded, or nothing could be.
typedef bool (*BenchStateRead)(void *end, uint64_t *out_value, size_t size);

BENCH_INLINE void bench_state_fill(uint64_t *words, size_t size, uint64_t number)
{
    for (size_t i = 0; i < size / 8; i++) {
        words[i] = number;
    }
}

BENCH_INLINE void bench_state_write(BenchPair *pair, void *end, size_t size, BenchStateWrite write)
{
    uint64_t number = 0;
    while (!bench_stopped(pair)) {
        write(end, ++number, size);
    }
}

BENCH_INLINE uint64_t
bench_state_check(BenchPair *pair, const uint64_t *value, size_t size, uint64_t last, bool is_whole)
{
    const uint64_t number = value[0];
    const size_t words = size / 8;
    bench_keep(value);
    if (number < last || value[words / 2] != number || value[words - 1] != number) {
        bench_fail(pair, "after value %llu came one of %llu, %llu and %llu",
                   (unsigned long long)last, (unsigned long long)number,
                   (unsigned long long)value[words / 2], (unsigned long long)value[words - 1]);
    }
    for (size_t i = 0; is_whole && i < words; i++) {
        if (value[i] != number) {
            bench_fail(pair, "value %llu is torn at word %zu: %llu", (unsigned long long)number, i,
                       (unsigned long long)value[i]);
        }
    }
    return number;
}

BENCH_INLINE void bench_state_read(BenchPair *pair, void *end, size_t size, BenchStateRead read)
{
    uint64_t value[BENCH_STATE_MOST / 8] __attribute__((aligned(64))) = {0};
    const uint32_t look = size < 4096 ? 64 : 8;
    BenchStopwatch watch = bench_stopwatch(pair);
    uint64_t last = 0;
    uint64_t reads = 0;
    uint64_t timed = 0;
    uint64_t misses = 0;

    do {
        const bool is_whole = !bench_stopwatch_is_warm(&watch);
        for (uint32_t i = 0; i < look; i++) {
            if (read(end, value, size)) {
                last = bench_state_check(pair, value, size, last, is_whole);
                reads++;
                timed += is_whole ? 0 : 1;
            } else {
                misses += is_whole ? 0 : 1;
            }
        }
    } while (!bench_stopwatch_over(&watch, pair, reads));
    pair->control->tries = timed + misses;
    pair->control->misses = misses;
    bench_stop(pair);
}

#define BENCH_STATE_WRITE_SIZE(size)                                                               \
    case size:                                                                                     \
        bench_state_write(pair, end, size, write);                                                 \
        break;
#define BENCH_STATE_READ_SIZE(size)                                                                \
    case size:                                                                                     \
        bench_state_read(pair, end, size, read);                                                   \
        break;

BENCH_INLINE void bench_state_write_item(BenchPair *pair, void *end, BenchStateWrite write)
{
    switch (pair->item->bytes) {
        BENCH_STATE_SIZES(BENCH_STATE_WRITE_SIZE)
    default:
        bench_fail(pair, "no loop for this size");
    }
}

BENCH_INLINE void bench_state_read_item(BenchPair *pair, void *end, BenchStateRead read)
{
    switch (pair->item->bytes) {
        BENCH_STATE_SIZES(BENCH_STATE_READ_SIZE)
    default:
        bench_fail(pair, "no loop for this size");
    }
}

// peers/bare_versions.c: shared bytes for values of `size` bytes, and its sides.
#define BENCH_VERSIONS_MEMORY(size) (4096 + 16 * (128 + (size)))
void bare_versions_write(BenchPair *pair);
void bare_versions_read(BenchPair *pair);

#endif
