// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The record ring as a program uses it that streams: WAITABLE, so that an idle side sleeps; the
// record's number travels in the tag.
#include <stdlib.h>
#include <string.h>

#include "suites/renoir_region.h"
#include "suites/stream.h"

enum { REGION_SPARE = 4 << 20, RECORDS_LEAST = 4 };

typedef struct End {
    BenchRegion region;
    RenoirRecordRing ring;
} End;

static End open_end(BenchPair *pair, uint32_t role)
{
    const size_t record = pair->item->bytes;
    size_t capacity = BENCH_STREAM_RING;
    while (capacity < RECORDS_LEAST * record) {
        capacity *= 2;
    }
    End end = {.region = bench_region_open(pair, capacity * 2 + REGION_SPARE)};
    RenoirRingOptions options = renoir_ring_options_default();
    options.capacity = capacity;
    options.max_record = (uint32_t)record;
    options.flags = RENOIR_RING_WAITABLE;
    bench_expect(pair,
                 renoir_record_ring_open(end.region.region, "bytes", &options, role, &end.ring),
                 "record ring");
    return end;
}

static void close_end(End *end)
{
    renoir_ring_close(&end->ring.end);
    bench_region_close(&end->region);
}

// After FULL or EMPTY: sleeps until the other side has done something. Other answers are wrong.
static void wait_after(BenchPair *pair, const End *end, RenoirErrorCode status)
{
    if (status != RENOIR_BUFFER_FULL && status != RENOIR_BUFFER_EMPTY) {
        bench_expect(pair, status, "record ring");
    }
    bench_expect(pair, renoir_ring_wait(&end->ring.end, RENOIR_WAIT_FOREVER), "wait");
}

static void send_in_place(BenchPair *pair, End *end, const uint8_t *record, size_t size, uint32_t n)
{
    void *room = NULL;
    RenoirErrorCode status = renoir_record_ring_reserve(&end->ring, size, &room);
    while (status != RENOIR_SUCCESS) {
        wait_after(pair, end, status);
        status = renoir_record_ring_reserve(&end->ring, size, &room);
    }
    memcpy(room, record, size);
    renoir_record_ring_commit(&end->ring, size, n);
}

static void send_copying(BenchPair *pair, End *end, const uint8_t *record, size_t size, uint32_t n)
{
    RenoirErrorCode status = renoir_record_ring_try_push(&end->ring, record, size, n);
    while (status != RENOIR_SUCCESS) {
        wait_after(pair, end, status);
        status = renoir_record_ring_try_push(&end->ring, record, size, n);
    }
}

static uint32_t receive_in_place(BenchPair *pair, End *end, uint8_t *buffer, size_t size)
{
    const void *data = NULL;
    size_t length = 0;
    uint32_t tag = 0;
    RenoirErrorCode status = renoir_record_ring_peek(&end->ring, &data, &length, &tag);
    while (status != RENOIR_SUCCESS) {
        wait_after(pair, end, status);
        status = renoir_record_ring_peek(&end->ring, &data, &length, &tag);
    }
    if (length != size) {
        bench_fail(pair, "a record of %zu bytes instead of %zu", length, size);
    }
    memcpy(buffer, data, length);
    renoir_record_ring_consume(&end->ring);
    return tag;
}

static uint32_t receive_copying(BenchPair *pair, End *end, uint8_t *buffer, size_t size)
{
    size_t length = 0;
    uint32_t tag = 0;
    RenoirErrorCode status = renoir_record_ring_try_pop(&end->ring, buffer, size, &length, &tag);
    while (status != RENOIR_SUCCESS) {
        wait_after(pair, end, status);
        status = renoir_record_ring_try_pop(&end->ring, buffer, size, &length, &tag);
    }
    if (length != size) {
        bench_fail(pair, "a record of %zu bytes instead of %zu", length, size);
    }
    return tag;
}

typedef void (*Send)(BenchPair *, End *, const uint8_t *, size_t, uint32_t);
typedef uint32_t (*Receive)(BenchPair *, End *, uint8_t *, size_t);

BENCH_INLINE void produce(BenchPair *pair, Send send)
{
    BenchSource source = bench_stream_source(pair);
    End end = open_end(pair, RENOIR_PRODUCER);
    bench_meet(pair);
    while (!bench_stopped(pair)) {
        const uint32_t number = (uint32_t)source.sequence;
        send(pair, &end, bench_source_next(&source), source.record, number);
    }
    bench_store(&pair->control->note.value, 1);
    bench_meet(pair);
    close_end(&end);
}

// The producer may wait for room when the time is over: take on until it says it is done.
static void drain(BenchPair *pair, End *end)
{
    while (bench_load(&pair->control->note.value) == 0) {
        const void *data = NULL;
        size_t length = 0;
        if (renoir_record_ring_peek(&end->ring, &data, &length, NULL) == RENOIR_SUCCESS) {
            renoir_record_ring_consume(&end->ring);
        }
    }
}

BENCH_INLINE void consume(BenchPair *pair, Receive receive)
{
    BenchSource expected = bench_stream_expected(pair);
    uint8_t *buffer = bench_buffer(pair, expected.record);
    End end = open_end(pair, RENOIR_CONSUMER);
    bench_meet(pair);
    BenchStopwatch watch = bench_stopwatch(pair);

    while (!bench_stopwatch_over(&watch, pair, expected.sequence)) {
        const uint32_t tag = receive(pair, &end, buffer, expected.record);
        if (tag != (uint32_t)expected.sequence) {
            bench_fail(pair, "record %u instead of %u", tag, (uint32_t)expected.sequence);
        }
        bench_source_check(&expected, pair, buffer);
    }
    bench_stop(pair);
    drain(pair, &end);
    bench_meet(pair);
    close_end(&end);
    free(buffer);
}

void bench_stream_renoir_first(BenchPair *pair)
{
    produce(pair, send_in_place);
}

void bench_stream_renoir_second(BenchPair *pair)
{
    consume(pair, receive_in_place);
}

void bench_stream_copying_first(BenchPair *pair)
{
    produce(pair, send_copying);
}

void bench_stream_copying_second(BenchPair *pair)
{
    consume(pair, receive_copying);
}
