// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The stream suite's transports. Each side is one process of a sample (harness/pair.h).
#ifndef BENCH_STREAM_H
#define BENCH_STREAM_H

#include "suites/pipeline.h"

// Bytes of the record ring. Larger than a core's L2: the producer then runs ahead, and what the
// consumer reads has been written back to the shared cache, from where lines come several times as
// fast as from another core's L2.
enum { BENCH_STREAM_RING = 4 << 20, BENCH_STREAM_BUFFER = 1 << 20 };

// A case's context: where its bytes come from.
typedef struct BenchStream {
    uint8_t *file; // mapped; NULL: one hot record, stamped
    size_t file_size;
    bool is_thorough; // check every word
} BenchStream;

// The source and what the consumer expects of it, as the case says.
BenchSource bench_stream_source(BenchPair *pair);
BenchSource bench_stream_expected(const BenchPair *pair);

// stream_renoir.c
void bench_stream_renoir_first(BenchPair *pair);
void bench_stream_renoir_second(BenchPair *pair);
void bench_stream_copying_first(BenchPair *pair);
void bench_stream_copying_second(BenchPair *pair);

// stream_kernel.c: a pipe or a socket is made before each sample; both sides then use descriptors
void bench_stream_pipe(void *memory, const BenchCase *item);
void bench_stream_socket(void *memory, const BenchCase *item);
void bench_stream_write(BenchPair *pair);
void bench_stream_read(BenchPair *pair);

// Bytes that the system gave.
int bench_stream_pipe_size(void);
int bench_stream_send_size(void);
int bench_stream_receive_size(void);

#endif
