// SPDX-License-Identifier: MIT OR Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "suites/stream.h"

enum { READ_END = 0, WRITE_END = 1 };

static int descriptors[2] = {-1, -1};
static int pipe_size;
static int send_size;
static int receive_size;

int bench_stream_pipe_size(void)
{
    return pipe_size;
}

int bench_stream_send_size(void)
{
    return send_size;
}

int bench_stream_receive_size(void)
{
    return receive_size;
}

static void close_last(void)
{
    for (int i = 0; i < 2; i++) {
        if (descriptors[i] >= 0) {
            close(descriptors[i]);
        }
        descriptors[i] = -1;
    }
}

static void refuse(const char *what)
{
    fprintf(stderr, "renoir-bench: %s: %s\n", what, strerror(errno));
    exit(1);
}

void bench_stream_pipe(void *memory, const BenchCase *item)
{
    (void)memory;
    (void)item;
    close_last();
    if (pipe2(descriptors, O_CLOEXEC) != 0) {
        refuse("pipe");
    }
    // More than /proc/sys/fs/pipe-max-size is refused to users: what there is, is then printed.
    (void)fcntl(descriptors[WRITE_END], F_SETPIPE_SZ, BENCH_STREAM_BUFFER);
    pipe_size = fcntl(descriptors[WRITE_END], F_GETPIPE_SZ);
}

static int set_buffer(int fd, int forced, int plain)
{
    const int wanted = BENCH_STREAM_BUFFER;
    int got = 0;
    socklen_t length = sizeof got;
    if (setsockopt(fd, SOL_SOCKET, forced, &wanted, sizeof wanted) != 0) {
        (void)setsockopt(fd, SOL_SOCKET, plain, &wanted, sizeof wanted);
    }
    (void)getsockopt(fd, SOL_SOCKET, plain, &got, &length);
    return got;
}

void bench_stream_socket(void *memory, const BenchCase *item)
{
    (void)memory;
    (void)item;
    close_last();
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, descriptors) != 0) {
        refuse("socketpair");
    }
    for (int i = 0; i < 2; i++) {
        send_size = set_buffer(descriptors[i], SO_SNDBUFFORCE, SO_SNDBUF);
        receive_size = set_buffer(descriptors[i], SO_RCVBUFFORCE, SO_RCVBUF);
    }
}

static void write_record(BenchPair *pair, const uint8_t *record, size_t size)
{
    for (size_t done = 0; done < size;) {
        const ssize_t wrote = write(descriptors[WRITE_END], record + done, size - done);
        if (wrote < 0 && errno != EINTR) {
            bench_fail(pair, "write: %s", strerror(errno));
        }
        done += wrote > 0 ? (size_t)wrote : 0;
    }
}

static void read_record(BenchPair *pair, uint8_t *buffer, size_t size)
{
    for (size_t done = 0; done < size;) {
        const ssize_t got = read(descriptors[READ_END], buffer + done, size - done);
        if (got == 0 || (got < 0 && errno != EINTR)) {
            bench_fail(pair, "read: %s", got == 0 ? "end of file" : strerror(errno));
        }
        done += got > 0 ? (size_t)got : 0;
    }
}

void bench_stream_write(BenchPair *pair)
{
    BenchSource source = bench_stream_source(pair);
    bench_meet(pair);
    while (!bench_stopped(pair)) {
        write_record(pair, bench_source_next(&source), source.record);
    }
    bench_store(&pair->control->note.value, 1);
}

// The writer may sleep in a full buffer when the time is over: read on until it says it is done.
static void drain(BenchPair *pair, uint8_t *buffer, size_t size)
{
    struct pollfd ready = {.fd = descriptors[READ_END], .events = POLLIN};
    while (bench_load(&pair->control->note.value) == 0) {
        if (poll(&ready, 1, 1) == 1 && read(descriptors[READ_END], buffer, size) < 0) {
            bench_fail(pair, "read: %s", strerror(errno));
        }
    }
}

void bench_stream_read(BenchPair *pair)
{
    BenchSource expected = bench_stream_expected(pair);
    uint8_t *buffer = bench_buffer(pair, expected.record);
    bench_meet(pair);
    BenchStopwatch watch = bench_stopwatch(pair);

    while (!bench_stopwatch_over(&watch, pair, expected.sequence)) {
        read_record(pair, buffer, expected.record);
        bench_source_check(&expected, pair, buffer);
    }
    bench_stop(pair);
    drain(pair, buffer, expected.record);
    free(buffer);
}
