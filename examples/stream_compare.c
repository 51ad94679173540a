// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Streams one file from process to process three ways, and prints the rates side by side:
//
//     stream_compare FILE [ROUNDS]
//
// The same work each time: the producer reads the file with read(2), 64 KiB at a time; the consumer
// adds up all bytes in 64-bit words and compares the sum with the file's. What differs is how the
// bytes get across:
//
//     Renoir        read(2) into a record reserved in the ring; the consumer adds up in place
//     pipe          read(2) into a buffer, write(2); the consumer's read(2) into a buffer
//     Unix socket   the same over a connected pair of stream sockets
//
// Ring, pipe and socket buffers have 1 MiB each. Before the first round the file is read once, so
// that it lies in the page cache. Rounds are interleaved; each process has a CPU of its own where
// there are two. The median counts.

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <renoir.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHUNK = 64 << 10, TRANSPORT_BUFFER = 1 << 20, ROUNDS_DEFAULT = 5, ROUNDS_MAX = 99 };
enum { DATA = 1, END = 2 }; // tags of records

typedef enum Way { WAY_RENOIR, WAY_PIPE, WAY_SOCKET, WAY_COUNT } Way;

static const char *const WAY_NAMES[WAY_COUNT] = {"Renoir", "pipe", "Unix socket"};

// What the two processes of a run report to the one that started them.
typedef struct Report {
    uint64_t begun_ns; // producer
    uint64_t ended_ns; // consumer
    uint64_t sum;      // consumer
} Report;

typedef struct Run {
    Way way;
    const char *path;
    int ends[2]; // pipe or sockets: [0] to read from, [1] to write to
    char region_name[64];
} Run;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void die_of_renoir(void)
{
    fprintf(stderr, "%s\n", renoir_last_error_message());
    exit(1);
}

// The file's length is no multiple of 8: the last word is filled up with zeros. Pieces that begin
// in the middle of a word (short reads) are shifted into place.
typedef struct Sum {
    uint64_t value;
    unsigned shift;
} Sum;

static void add_bytes(Sum *sum, const uint8_t *bytes, size_t length)
{
    while (length > 0 && (sum->shift != 0 || length < 8)) {
        sum->value += (uint64_t)*bytes << sum->shift;
        sum->shift = (sum->shift + 8) % 64;
        bytes++;
        length--;
        if (sum->shift == 0 && length >= 8) {
            break;
        }
    }
    uint64_t value = 0;
    size_t at = 0;
    for (; length - at >= 8; at += 8) {
        uint64_t word;
        memcpy(&word, bytes + at, sizeof word);
        value += word;
    }
    sum->value += value;
    if (at < length) {
        add_bytes(sum, bytes + at, length - at);
    }
}

// Each process on its own CPU, where there are two.
static void pin(unsigned index)
{
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0 || CPU_COUNT(&allowed) < 2) {
        return;
    }
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, &allowed) && index-- == 0) {
            cpu_set_t one;
            CPU_ZERO(&one);
            CPU_SET(cpu, &one);
            sched_setaffinity(0, sizeof one, &one);
            return;
        }
    }
}

static size_t read_some(int fd, void *buffer)
{
    for (;;) {
        const ssize_t got = read(fd, buffer, CHUNK);
        if (got >= 0) {
            return (size_t)got;
        }
        if (errno != EINTR) {
            die("read");
        }
    }
}

static void write_all(int fd, const uint8_t *bytes, size_t length)
{
    while (length > 0) {
        const ssize_t written = write(fd, bytes, length);
        if (written < 0 && errno != EINTR) {
            die("write");
        }
        bytes += written > 0 ? written : 0;
        length -= written > 0 ? (size_t)written : 0;
    }
}

static RenoirRegionHandle open_ring(const Run *run, uint32_t role, RenoirRecordRing *out_ring)
{
    RenoirRegionHandle region = NULL;
    RenoirRingOptions options = renoir_ring_options_default();
    RenoirRegionConfig config = renoir_region_config_default();
    RenoirRegionOptions prefaulted = renoir_region_options_default();
    options.capacity = TRANSPORT_BUFFER;
    options.flags = RENOIR_RING_WAITABLE;
    config.name = run->region_name;
    config.size = renoir_ring_size(RENOIR_RING_RECORD, &options);
    prefaulted.flags = RENOIR_REGION_PREFAULT;
    if (renoir_region_create_with(NULL, &config, &prefaulted, &region) != RENOIR_SUCCESS ||
        renoir_record_ring_open(region, "bytes", &options, role, out_ring) != RENOIR_SUCCESS) {
        die_of_renoir();
    }
    return region;
}

static void produce_into_ring(RenoirRecordRing *ring, int file)
{
    size_t got = 1;
    while (got > 0) {
        void *room = NULL;
        RenoirErrorCode status = renoir_record_ring_reserve(ring, CHUNK, &room);
        if (status == RENOIR_BUFFER_FULL) {
            status = renoir_ring_wait(&ring->end, RENOIR_WAIT_FOREVER);
        } else if (status == RENOIR_SUCCESS) {
            got = read_some(file, room);
            renoir_record_ring_commit(ring, got, got > 0 ? DATA : END);
        }
        if (status != RENOIR_SUCCESS) {
            die_of_renoir();
        }
    }
}

static void consume_from_ring(RenoirRecordRing *ring, Sum *sum)
{
    uint32_t tag = DATA;
    while (tag != END) {
        const void *data = NULL;
        size_t length = 0;
        RenoirErrorCode status = renoir_record_ring_peek(ring, &data, &length, &tag);
        if (status == RENOIR_BUFFER_EMPTY) {
            status = renoir_ring_wait(&ring->end, RENOIR_WAIT_FOREVER);
        } else if (status == RENOIR_SUCCESS) {
            add_bytes(sum, data, length);
            renoir_record_ring_consume(ring);
        }
        if (status != RENOIR_SUCCESS) {
            die_of_renoir();
        }
    }
}

static void produce(const Run *run, int result, int go)
{
    static uint8_t buffer[CHUNK];
    RenoirRecordRing ring;
    RenoirRegionHandle region = NULL;
    char turn = 0;
    Report report = {.begun_ns = 0};
    pin(0);
    const int file = open(run->path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        die(run->path);
    }
    if (run->way == WAY_RENOIR) {
        region = open_ring(run, RENOIR_PRODUCER, &ring);
    }
    if (read(go, &turn, 1) != 1) {
        die("the consumer");
    }
    report.begun_ns = renoir_now_ns();
    if (run->way == WAY_RENOIR) {
        produce_into_ring(&ring, file);
        renoir_ring_close(&ring.end);
        renoir_region_close(region);
    } else {
        for (size_t got = read_some(file, buffer); got > 0; got = read_some(file, buffer)) {
            write_all(run->ends[1], buffer, got);
        }
    }
    write_all(result, (const uint8_t *)&report, sizeof report);
}

static void consume(const Run *run, int result, int go)
{
    static uint8_t buffer[CHUNK];
    RenoirRecordRing ring;
    RenoirRegionHandle region = NULL;
    Report report = {.begun_ns = 0};
    Sum sum = {.value = 0};
    pin(1);
    if (run->way == WAY_RENOIR) {
        region = open_ring(run, RENOIR_CONSUMER, &ring);
    }
    write_all(go, (const uint8_t *)"", 1);
    if (run->way == WAY_RENOIR) {
        consume_from_ring(&ring, &sum);
    } else {
        for (size_t got = read_some(run->ends[0], buffer); got > 0;
             got = read_some(run->ends[0], buffer)) {
            add_bytes(&sum, buffer, got);
        }
    }
    report.ended_ns = renoir_now_ns();
    report.sum = sum.value;
    if (run->way == WAY_RENOIR) {
        renoir_ring_close(&ring.end);
        renoir_region_close(region);
    }
    write_all(result, (const uint8_t *)&report, sizeof report);
}

static void open_ends(Run *run)
{
    int size = TRANSPORT_BUFFER;
    run->ends[0] = run->ends[1] = -1;
    if (run->way == WAY_PIPE) {
        // Without the right to a pipe as large as that, the kernel's default stays.
        if (pipe(run->ends) != 0) {
            die("pipe");
        }
        if (fcntl(run->ends[1], F_SETPIPE_SZ, size) < 0) {
            perror("stream_compare: pipe buffer stays at its default");
        }
    } else if (run->way == WAY_SOCKET) {
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, run->ends) != 0) {
            die("socketpair");
        }
        setsockopt(run->ends[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
        setsockopt(run->ends[0], SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    }
}

static void close_end(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}

static Report hear(int fd)
{
    Report report;
    size_t got = 0;
    while (got < sizeof report) {
        const ssize_t part = read(fd, (char *)&report + got, sizeof report - got);
        if (part <= 0) {
            fprintf(stderr, "stream_compare: a process ended before its time\n");
            exit(1);
        }
        got += (size_t)part;
    }
    return report;
}

// Handles do not survive a fork: each process opens its own.
static double run_once(Run *run, uint64_t file_bytes, uint64_t expected_sum)
{
    int results[2][2];
    int go[2];
    pid_t children[2];
    open_ends(run);
    if (pipe(results[0]) != 0 || pipe(results[1]) != 0 || pipe(go) != 0) {
        die("pipe");
    }
    for (int side = 0; side < 2; side++) {
        children[side] = fork();
        if (children[side] < 0) {
            die("fork");
        }
        if (children[side] == 0) {
            close_end(run->ends[side == 0 ? 0 : 1]);
            close(go[side == 0 ? 1 : 0]);
            if (side == 0) {
                produce(run, results[0][1], go[0]);
            } else {
                consume(run, results[1][1], go[1]);
            }
            exit(0);
        }
    }
    close_end(run->ends[0]);
    close_end(run->ends[1]);
    close(go[0]);
    close(go[1]);
    close(results[0][1]);
    close(results[1][1]);
    const Report produced = hear(results[0][0]);
    const Report consumed = hear(results[1][0]);
    close(results[0][0]);
    close(results[1][0]);
    waitpid(children[0], NULL, 0);
    waitpid(children[1], NULL, 0);
    if (consumed.sum != expected_sum) {
        fprintf(stderr, "stream_compare: %s: other bytes arrived\n", WAY_NAMES[run->way]);
        exit(1);
    }
    return (double)file_bytes / (double)(consumed.ended_ns - produced.begun_ns);
}

static int compare_doubles(const void *left, const void *right)
{
    const double a = *(const double *)left;
    const double b = *(const double *)right;
    return (a > b) - (a < b);
}

static void print_rates(double rates[WAY_COUNT][ROUNDS_MAX], unsigned rounds)
{
    double medians[WAY_COUNT];
    for (int way = 0; way < WAY_COUNT; way++) {
        qsort(rates[way], rounds, sizeof rates[way][0], compare_doubles);
        medians[way] = rates[way][rounds / 2];
    }
    printf("  %-12s %10s %10s %10s   %s\n", "", "median", "least", "most", "Renoir is");
    for (int way = 0; way < WAY_COUNT; way++) {
        printf("  %-12s %5.2f GB/s %5.2f GB/s %5.2f GB/s", WAY_NAMES[way], medians[way],
               rates[way][0], rates[way][rounds - 1]);
        if (way == WAY_RENOIR) {
            printf("\n");
        } else {
            printf("   %.1f times as fast\n", medians[WAY_RENOIR] / medians[way]);
        }
    }
}

// The sum that the consumers must find; reading brings the file into the page cache.
static uint64_t sum_of_file(const char *path, uint64_t *out_bytes)
{
    static uint8_t buffer[CHUNK];
    Sum sum = {.value = 0};
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        die(path);
    }
    for (size_t got = read_some(file, buffer); got > 0; got = read_some(file, buffer)) {
        add_bytes(&sum, buffer, got);
        *out_bytes += got;
    }
    close(file);
    return sum.value;
}

int main(int argc, char **argv)
{
    static double rates[WAY_COUNT][ROUNDS_MAX];
    const unsigned long wanted = argc > 2 ? strtoul(argv[2], NULL, 10) : ROUNDS_DEFAULT;
    if (argc < 2 || wanted < 1 || wanted > ROUNDS_MAX) {
        fprintf(stderr, "usage: stream_compare FILE [ROUNDS], 1 to %d rounds\n", ROUNDS_MAX);
        return 2;
    }
    uint64_t bytes = 0;
    const unsigned rounds = (unsigned)wanted;
    const uint64_t sum = sum_of_file(argv[1], &bytes);
    for (unsigned round = 0; round < rounds; round++) {
        for (int way = 0; way < WAY_COUNT; way++) {
            Run run = {.way = (Way)way, .path = argv[1]};
            snprintf(run.region_name, sizeof run.region_name, "compare.%ld", (long)getpid());
            rates[way][round] = run_once(&run, bytes, sum);
        }
    }
    print_rates(rates, rounds);
    return 0;
}
