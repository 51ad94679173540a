// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Streams of records: the source that all contenders copy from, the check that all consumers make,
// and the bare copy pipeline, the floor of them all:
//
//     producer   source ──copy──► one of 4 slots ──copy──► buffer   consumer
//
// A stamped source is private memory: the record's number is written over its first word before it
// is sent, so that a lost or doubled record shows even where all records are alike. A source that
// is a file is sent as it is: each of its words follows from its offset.
#ifndef BENCH_PIPELINE_H
#define BENCH_PIPELINE_H

#include "harness/case.h"

enum { BENCH_PIPELINE_SLOTS = 4, BENCH_PIPELINE_HEADER = 4096, BENCH_PIPELINE_NUMBER = 64 };

// Shared bytes of a pipeline: its indices, then slots that carry their number in a line of its own.
#define BENCH_PIPELINE_MEMORY(slots, record)                                                       \
    (BENCH_PIPELINE_HEADER + (slots) * (BENCH_PIPELINE_NUMBER + (record)))

typedef struct BenchSource {
    uint8_t *bytes;
    size_t size; // a multiple of record
    size_t record;
    size_t offset; // of the next record
    uint64_t sequence;
    bool is_stamped;
    bool is_thorough;
} BenchSource;

// Private pages, touched. Owner: the caller; free().
uint8_t *bench_buffer(BenchPair *pair, size_t size);

// Fills memory as the file is filled: word i is bench_mix(i).
void bench_source_fill(void *memory, size_t size);

// A stamped source of `size` bytes.
BenchSource bench_source_make(BenchPair *pair, size_t size, size_t record);

// The next record.
const uint8_t *bench_source_next(BenchSource *self);

// What a consumer expects; no bytes.
BenchSource bench_source_expected(size_t size, size_t record, bool is_stamped);

// Ends the sample unless these are the bytes of the next record: its first and last word, or, of a
// thorough source, every word.
void bench_source_check(BenchSource *self, BenchPair *pair, const uint8_t *record);

// The pipeline, in pair->memory, with pair->item->parameter slots.
void bench_pipeline_produce(BenchPair *pair, BenchSource *source);
void bench_pipeline_consume(BenchPair *pair, BenchSource *expected);

// The limits' cases: records of item->bytes, source and buffer of one record.
void limit_pipeline_first(BenchPair *pair);
void limit_pipeline_second(BenchPair *pair);
void limit_memcpy(BenchPair *pair);

#endif
