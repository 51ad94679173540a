// SPDX-License-Identifier: MIT OR Apache-2.0
#include "suites/pipeline.h"

#include <stdlib.h>
#include <string.h>

#include "harness/random.h"

enum { PAGE = 4096, WORD = 8 };

typedef struct Pipeline {
    BenchCell tail; // records published
    BenchCell head; // records given back
    uint8_t pad[BENCH_PIPELINE_HEADER - 2 * sizeof(BenchCell)];
    uint8_t slots[];
} Pipeline;

_Static_assert(sizeof(Pipeline) == BENCH_PIPELINE_HEADER, "slots begin on a page");

typedef struct Slot {
    uint64_t number;
    uint8_t pad[BENCH_PIPELINE_NUMBER - sizeof(uint64_t)];
    uint8_t record[];
} Slot;

static uint64_t word_at(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

void bench_source_fill(void *memory, size_t size)
{
    uint8_t *bytes = memory;
    for (size_t offset = 0; offset + WORD <= size; offset += WORD) {
        const uint64_t word = bench_mix(offset / WORD);
        memcpy(bytes + offset, &word, sizeof word);
    }
}

BenchSource bench_source_expected(size_t size, size_t record, bool is_stamped)
{
    const BenchSource source = {.size = size, .record = record, .is_stamped = is_stamped};
    return source;
}

uint8_t *bench_buffer(BenchPair *pair, size_t size)
{
    void *memory = NULL;
    if (posix_memalign(&memory, PAGE, size) != 0) {
        bench_fail(pair, "no memory for %zu bytes", size);
    }
    memset(memory, 0, size);
    return memory;
}

BenchSource bench_source_make(BenchPair *pair, size_t size, size_t record)
{
    BenchSource source = bench_source_expected(size, record, true);
    source.bytes = bench_buffer(pair, size);
    bench_source_fill(source.bytes, size);
    return source;
}

static void advance(BenchSource *self)
{
    self->sequence++;
    self->offset = self->offset + 2 * self->record <= self->size ? self->offset + self->record : 0;
}

const uint8_t *bench_source_next(BenchSource *self)
{
    uint8_t *record = self->bytes + self->offset;
    if (self->is_stamped) {
        memcpy(record, &self->sequence, sizeof self->sequence);
    }
    advance(self);
    return record;
}

static void check_every_word(const BenchSource *self, BenchPair *pair, const uint8_t *record)
{
    for (size_t at = self->is_stamped ? WORD : 0; at < self->record; at += WORD) {
        if (word_at(record + at) != bench_mix((self->offset + at) / WORD)) {
            bench_fail(pair, "record %llu is wrong at byte %zu", (unsigned long long)self->sequence,
                       at);
        }
    }
}

void bench_source_check(BenchSource *self, BenchPair *pair, const uint8_t *record)
{
    const uint64_t first = self->is_stamped ? self->sequence : bench_mix(self->offset / WORD);
    const uint64_t last = bench_mix((self->offset + self->record) / WORD - 1);

    if (word_at(record) != first || word_at(record + self->record - WORD) != last) {
        bench_fail(pair,
                   "record %llu begins with %#llx and ends with %#llx instead of %#llx and %#llx",
                   (unsigned long long)self->sequence, (unsigned long long)word_at(record),
                   (unsigned long long)word_at(record + self->record - WORD),
                   (unsigned long long)first, (unsigned long long)last);
    }
    if (self->is_thorough) {
        check_every_word(self, pair, record);
    }
    advance(self);
}

static Slot *slot_of(const BenchPair *pair, uint64_t number, size_t record)
{
    Pipeline *pipeline = (Pipeline *)(void *)pair->memory;
    const size_t index = number % pair->item->parameter;
    return (Slot *)(void *)(pipeline->slots + index * (sizeof(Slot) + record));
}

void bench_pipeline_produce(BenchPair *pair, BenchSource *source)
{
    Pipeline *pipeline = (Pipeline *)(void *)pair->memory;
    const uint64_t slots = pair->item->parameter;
    uint64_t seen_head = 0;

    for (uint64_t tail = 0;; tail++) {
        while (tail - seen_head == slots) {
            seen_head = bench_load(&pipeline->head.value);
            if (bench_stopped(pair)) {
                return;
            }
        }
        Slot *slot = slot_of(pair, tail, source->record);
        memcpy(slot->record, bench_source_next(source), source->record);
        slot->number = tail;
        bench_store(&pipeline->tail.value, tail + 1);
    }
}

void bench_pipeline_consume(BenchPair *pair, BenchSource *expected)
{
    Pipeline *pipeline = (Pipeline *)(void *)pair->memory;
    uint8_t *buffer = bench_buffer(pair, expected->record);
    BenchStopwatch watch = bench_stopwatch(pair);
    uint64_t seen_tail = 0;

    for (uint64_t head = 0; !bench_stopwatch_over(&watch, pair, head); head++) {
        while (seen_tail == head) {
            seen_tail = bench_load(&pipeline->tail.value);
        }
        const Slot *slot = slot_of(pair, head, expected->record);
        if (slot->number != head) {
            bench_fail(pair, "a slot is not record %llu", (unsigned long long)head);
        }
        memcpy(buffer, slot->record, expected->record);
        bench_store(&pipeline->head.value, head + 1);
        bench_source_check(expected, pair, buffer);
    }
    bench_stop(pair);
    free(buffer);
}

void limit_pipeline_first(BenchPair *pair)
{
    BenchSource source = bench_source_make(pair, pair->item->bytes, pair->item->bytes);
    bench_pipeline_produce(pair, &source);
    free(source.bytes);
}

void limit_pipeline_second(BenchPair *pair)
{
    BenchSource expected = bench_source_expected(pair->item->bytes, pair->item->bytes, true);
    bench_pipeline_consume(pair, &expected);
}

void limit_memcpy(BenchPair *pair)
{
    const size_t record = pair->item->bytes;
    BenchSource source = bench_source_make(pair, record, record);
    BenchSource expected = bench_source_expected(record, record, true);
    uint8_t *buffer = bench_buffer(pair, record);
    BenchStopwatch watch = bench_stopwatch(pair);

    while (!bench_stopwatch_over(&watch, pair, source.sequence)) {
        memcpy(buffer, bench_source_next(&source), record);
        bench_source_check(&expected, pair, buffer);
    }
    free(buffer);
    free(source.bytes);
}
