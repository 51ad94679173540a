// SPDX-License-Identifier: MIT OR Apache-2.0
#include "suites/limits.h"

#define OVER UINT64_MAX

enum { LOOK_EVERY = 64, WORDS = 8 };

// ---- round trip: two lines, one message in flight, each exchange timed alone ----

typedef enum Poll { POLL_TIGHT, POLL_WITH_CLOCK } Poll;

BENCH_INLINE uint64_t await_change(const uint64_t *word, uint64_t old, Poll poll)
{
    uint64_t now = bench_load(word);
    while (now == old) {
        if (poll == POLL_WITH_CLOCK) {
            (void)bench_ticks();
        }
        now = bench_load(word);
    }
    return now;
}

BENCH_INLINE void round_trip_first(BenchPair *pair, Poll poll)
{
    BenchCell *lines = (BenchCell *)(void *)pair->memory;
    BenchHistogram *latency = &pair->control->latency;
    BenchStopwatch watch = bench_stopwatch(pair);
    uint64_t sequence = 0;
    bool is_over = false;

    while (!is_over) {
        for (uint32_t i = 0; i < LOOK_EVERY; i++) {
            const uint64_t begin = bench_ticks();
            bench_store(&lines[0].value, sequence + 1);
            const uint64_t answer = await_change(&lines[1].value, sequence, poll);
            const uint64_t end = bench_ticks();
            if (answer != ++sequence) {
                bench_fail(pair, "answer %llu to %llu", (unsigned long long)answer,
                           (unsigned long long)sequence);
            }
            if (bench_stopwatch_is_warm(&watch)) {
                bench_histogram_record(latency, end - begin);
            }
        }
        is_over = bench_stopwatch_over(&watch, pair, sequence);
    }
    pair->control->has_latency = 1;
    bench_store(&lines[0].value, OVER);
}

BENCH_INLINE void round_trip_second(BenchPair *pair, Poll poll)
{
    BenchCell *lines = (BenchCell *)(void *)pair->memory;
    uint64_t sequence = 0;
    while ((sequence = await_change(&lines[0].value, sequence, poll)) != OVER) {
        bench_store(&lines[1].value, sequence);
    }
}

void limit_round_trip_first(BenchPair *pair)
{
    round_trip_first(pair, POLL_TIGHT);
}

void limit_round_trip_second(BenchPair *pair)
{
    round_trip_second(pair, POLL_TIGHT);
}

void limit_round_trip_rdtsc_first(BenchPair *pair)
{
    round_trip_first(pair, POLL_WITH_CLOCK);
}

void limit_round_trip_rdtsc_second(BenchPair *pair)
{
    round_trip_second(pair, POLL_WITH_CLOCK);
}

// ---- lines one way ----
//
// The barest ring: tail and head on lines of their own, then the lines. The consumer publishes its
// head every HEAD_EVERY lines, which is often enough that the producer never waits for it alone.

typedef struct Line {
    uint64_t words[WORDS];
} Line;

typedef struct Lines {
    BenchCell tail;
    BenchCell head;
    Line lines[];
} Lines;

enum { HEAD_EVERY = 64 };

// false: the sample is over.
BENCH_INLINE bool
await_room(BenchPair *pair, const Lines *ring, uint64_t tail, uint64_t room, uint64_t *seen_head)
{
    const uint64_t capacity = pair->item->parameter;
    while (tail + room - *seen_head > capacity) {
        *seen_head = bench_load(&ring->head.value);
        if (bench_stopped(pair)) {
            return false;
        }
    }
    return true;
}

BENCH_INLINE void fill_line(Line *line, uint64_t sequence)
{
    for (uint32_t i = 0; i < WORDS; i++) {
        line->words[i] = sequence;
    }
}

BENCH_INLINE void check_line(BenchPair *pair, const Line *line, uint64_t sequence)
{
    if (line->words[0] != sequence || line->words[WORDS - 1] != sequence) {
        bench_fail(pair, "line %llu carries %llu and %llu", (unsigned long long)sequence,
                   (unsigned long long)line->words[0], (unsigned long long)line->words[WORDS - 1]);
    }
}

BENCH_INLINE void lines_first(BenchPair *pair, uint64_t batch)
{
    Lines *ring = (Lines *)(void *)pair->memory;
    const uint64_t mask = pair->item->parameter - 1;
    uint64_t tail = 0;
    uint64_t seen_head = 0;

    while (await_room(pair, ring, tail, batch, &seen_head)) {
        for (uint64_t i = 0; i < batch; i++) {
            fill_line(&ring->lines[(tail + i) & mask], tail + i);
        }
        tail += batch;
        bench_store(&ring->tail.value, tail);
    }
}

void limit_lines_each_second(BenchPair *pair)
{
    Lines *ring = (Lines *)(void *)pair->memory;
    const uint64_t mask = pair->item->parameter - 1;
    BenchStopwatch watch = bench_stopwatch(pair);
    uint64_t head = 0;
    uint64_t seen_tail = 0;

    while (!bench_stopwatch_over(&watch, pair, head)) {
        for (uint32_t i = 0; i < LOOK_EVERY; i++) {
            while (seen_tail == head) {
                seen_tail = bench_load(&ring->tail.value);
            }
            const uint64_t limit = seen_tail - head < HEAD_EVERY ? seen_tail : head + HEAD_EVERY;
            for (; head < limit; head++) {
                check_line(pair, &ring->lines[head & mask], head);
            }
            bench_store(&ring->head.value, head);
        }
    }
    bench_stop(pair);
}

void limit_lines_each_first(BenchPair *pair)
{
    lines_first(pair, 1);
}

void limit_lines_64_first(BenchPair *pair)
{
    lines_first(pair, 64);
}

void limit_lines_64_second(BenchPair *pair)
{
    limit_lines_each_second(pair);
}

void limit_lines_1024_first(BenchPair *pair)
{
    lines_first(pair, 1024);
}

void limit_lines_1024_second(BenchPair *pair)
{
    limit_lines_each_second(pair);
}

// The sequence is inside each line: 56 bytes of payload beside it, and no tail.
void limit_lines_stamped_first(BenchPair *pair)
{
    Lines *ring = (Lines *)(void *)pair->memory;
    const uint64_t mask = pair->item->parameter - 1;
    uint64_t seen_head = 0;

    for (uint64_t tail = 0; await_room(pair, ring, tail, 1, &seen_head); tail++) {
        Line *line = &ring->lines[tail & mask];
        for (uint32_t i = 1; i < WORDS; i++) {
            line->words[i] = tail + 1;
        }
        bench_store(&line->words[0], tail + 1);
    }
}

void limit_lines_stamped_second(BenchPair *pair)
{
    Lines *ring = (Lines *)(void *)pair->memory;
    const uint64_t mask = pair->item->parameter - 1;
    BenchStopwatch watch = bench_stopwatch(pair);
    uint64_t head = 0;

    while (!bench_stopwatch_over(&watch, pair, head)) {
        for (uint32_t i = 0; i < HEAD_EVERY * LOOK_EVERY; i++) {
            const Line *line = &ring->lines[head & mask];
            while (bench_load(&line->words[0]) != head + 1) {
            }
            check_line(pair, line, head + 1);
            head++;
            if (head % HEAD_EVERY == 0) {
                bench_store(&ring->head.value, head);
            }
        }
    }
    bench_stop(pair);
}
