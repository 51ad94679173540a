// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The stream suite: records from a file in the page cache (or from one hot buffer) through the
// record ring, a pipe, a Unix socket and bare slots. All contenders do the same work: the source's
// bytes are copied into the transport, and out of it into a buffer whose words are then checked.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "suite.h"
#include "suites/renoir_region.h"
#include "suites/stream.h"

#define KIB ((size_t)1024)
#define MIB (KIB * KIB)
#define LARGE_FILE (256 * MIB)
// Fits the last-level cache of today's servers beside the ring.
#define SMALL_FILE (8 * MIB)

enum { PAGE = 4096, THOROUGH_MS = 500 };

static BenchStream large_stream;
static BenchStream small_stream;
static BenchStream hot_stream;

// ---- the source ----

static bool fill_file(int fd, size_t size)
{
    uint8_t *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (bytes == MAP_FAILED) {
        return false;
    }
    bench_source_fill(bytes, size);
    munmap(bytes, size);
    // Written back now, not while something is measured; it stays in the page cache.
    return fdatasync(fd) == 0;
}

// A file that has no name any more, mapped for reading.
static bool make_file(BenchStream *stream, size_t size)
{
    char path[512];
    const char *folder = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/renoir-bench.XXXXXX", folder != NULL ? folder : "/tmp");
    const int fd = mkstemp(path);
    bool is_good = fd >= 0;
    if (is_good) {
        unlink(path);
        is_good = posix_fallocate(fd, 0, (off_t)size) == 0 && fill_file(fd, size);
    }
    if (is_good) {
        stream->file = mmap(NULL, size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
        stream->file_size = size;
        is_good = stream->file != MAP_FAILED;
    }
    if (!is_good) {
        fprintf(stderr, "renoir-bench: a file of %zu bytes at '%s': %s\n", size, path,
                strerror(errno));
    }
    if (fd >= 0) {
        close(fd);
    }
    return is_good;
}

BenchSource bench_stream_source(BenchPair *pair)
{
    const BenchStream *stream = pair->item->context;
    const size_t record = pair->item->bytes;
    if (stream->file == NULL) {
        return bench_source_make(pair, record, record);
    }
    BenchSource source = bench_source_expected(stream->file_size, record, false);
    source.bytes = stream->file;
    // A forked process maps the page cache anew: not in the timed part.
    volatile uint8_t sum = 0;
    for (size_t offset = 0; offset < stream->file_size; offset += PAGE) {
        sum = (uint8_t)(sum + stream->file[offset]);
    }
    return source;
}

BenchSource bench_stream_expected(const BenchPair *pair)
{
    const BenchStream *stream = pair->item->context;
    const size_t record = pair->item->bytes;
    const bool is_hot = stream->file == NULL;
    BenchSource expected =
        bench_source_expected(is_hot ? record : stream->file_size, record, is_hot);
    expected.is_thorough = stream->is_thorough;
    return expected;
}

// ---- the bare contenders ----

static void pipeline_first(BenchPair *pair)
{
    BenchSource source = bench_stream_source(pair);
    bench_meet(pair);
    bench_pipeline_produce(pair, &source);
}

static void pipeline_second(BenchPair *pair)
{
    BenchSource expected = bench_stream_expected(pair);
    bench_meet(pair);
    bench_pipeline_consume(pair, &expected);
}

static void memcpy_alone(BenchPair *pair)
{
    BenchSource source = bench_stream_source(pair);
    BenchSource expected = bench_stream_expected(pair);
    uint8_t *buffer = bench_buffer(pair, source.record);
    BenchStopwatch watch = bench_stopwatch(pair);

    while (!bench_stopwatch_over(&watch, pair, source.sequence)) {
        memcpy(buffer, bench_source_next(&source), source.record);
        bench_source_check(&expected, pair, buffer);
    }
    free(buffer);
}

// ---- the figures ----

typedef struct Contender {
    const char *name;
    BenchRole role;
    BenchSide sides[2];
    void (*prepare)(void *memory, const BenchCase *item);
    size_t in_flight; // bytes of slots; 0: no shared memory of the sample's
} Contender;

static const Contender contenders[] = {
    {"renoir_record_ring",
     BENCH_SUBJECT,
     {bench_stream_renoir_first, bench_stream_renoir_second},
     NULL,
     0},
    {"renoir_push_pop",
     BENCH_SUBJECT,
     {bench_stream_copying_first, bench_stream_copying_second},
     NULL,
     0},
    {"pipe", BENCH_PEER, {bench_stream_write, bench_stream_read}, bench_stream_pipe, 0},
    {"unix_socket", BENCH_PEER, {bench_stream_write, bench_stream_read}, bench_stream_socket, 0},
    {"copy_pipeline", BENCH_LIMIT, {pipeline_first, pipeline_second}, NULL, 1},
    {"copy_pipeline_deep", BENCH_LIMIT, {pipeline_first, pipeline_second}, NULL, BENCH_STREAM_RING},
    {"memcpy_one_cpu", BENCH_LIMIT, {memcpy_alone, NULL}, NULL, 0},
};

enum { CONTENDERS = sizeof contenders / sizeof contenders[0], FIGURES = 7 };

typedef struct Figure {
    const char *name;
    size_t record;
    const BenchStream *stream;
} Figure;

static const Figure figures[FIGURES] = {
    {"stream_small_file_4K", 4 * KIB, &small_stream},
    {"stream_small_file_64K", 64 * KIB, &small_stream},
    {"stream_small_file_1M", MIB, &small_stream},
    {"stream_file_4K", 4 * KIB, &large_stream},
    {"stream_file_64K", 64 * KIB, &large_stream},
    {"stream_file_1M", MIB, &large_stream},
    {"stream_hot_64K", 64 * KIB, &hot_stream},
};

static BenchCase make_case(const Figure *figure, const Contender *contender)
{
    const size_t deep = contender->in_flight / figure->record;
    const size_t slots = deep > BENCH_PIPELINE_SLOTS ? deep : BENCH_PIPELINE_SLOTS;
    const BenchCase item = {
        .figure = figure->name,
        .contender = contender->name,
        .role = contender->role,
        .unit = BENCH_GB_PER_S,
        .sides = {contender->sides[BENCH_FIRST], contender->sides[BENCH_SECOND]},
        .bytes = figure->record,
        .parameter = slots,
        .memory_size = contender->in_flight > 0 ? BENCH_PIPELINE_MEMORY(slots, figure->record) : 0,
        .prepare = contender->prepare,
        .context = figure->stream};
    return item;
}

// The correctness run: each contender once, long enough for the whole file, every word checked.
static bool run_thorough(BenchRunner *runner, const BenchOptions *options, BenchCase *cases)
{
    const uint64_t sample_ns = runner->sample_ns;
    bool is_good = true;

    runner->sample_ns = (uint64_t)THOROUGH_MS * 1000000u;
    small_stream.is_thorough = true;
    large_stream.is_thorough = true;
    for (size_t i = 0; is_good && i < (size_t)FIGURES * CONTENDERS; i++) {
        BenchSample sample;
        if (cases[i].context != &hot_stream &&
            (options->only == NULL || strstr(cases[i].figure, options->only) != NULL)) {
            is_good = bench_sample_run(runner, &cases[i], &sample);
        }
    }
    small_stream.is_thorough = false;
    large_stream.is_thorough = false;
    runner->sample_ns = sample_ns;
    return is_good;
}

static BenchOutcome
run_cases(BenchRunner *runner, const BenchOptions *options, BenchResults *results)
{
    BenchCase cases[FIGURES * CONTENDERS];
    size_t count = 0;
    for (size_t figure = 0; figure < FIGURES; figure++) {
        for (size_t contender = 0; contender < CONTENDERS; contender++) {
            cases[count++] = make_case(&figures[figure], &contenders[contender]);
        }
    }
    if (!run_thorough(runner, options, cases)) {
        return BENCH_FAILED;
    }
    return bench_cases_run(runner, options, cases, count, results);
}

BenchOutcome
bench_stream_run(BenchRunner *runner, const BenchOptions *options, BenchResults *results)
{
    static char conditions[1200];
    uint32_t left = 0;

    if (runner->cpu_count < 2) {
        return BENCH_NOT_MEASURABLE;
    }
    if (!make_file(&small_stream, SMALL_FILE) || !make_file(&large_stream, LARGE_FILE) ||
        !bench_root_make()) {
        return BENCH_FAILED;
    }
    const BenchOutcome outcome = run_cases(runner, options, results);
    bench_root_remove(&left);
    munmap(small_stream.file, SMALL_FILE);
    munmap(large_stream.file, LARGE_FILE);
    snprintf(
        conditions, sizeof conditions,
        "stream_file: a file of 256 MiB in the page cache, mapped, sent round and round;\n"
        "stream_small_file: one of 8 MiB, which stays in the caches;\n"
        "stream_hot: one record's buffer. Each contender copies the source's bytes into the\n"
        "transport and out of it into a buffer. Record ring: WAITABLE, %zu KiB (or 4 records),\n"
        "spins 50 us, then sleeps; reserve and peek in place, one copy in, one out\n"
        "(renoir_push_pop: the copying calls). Pipe: %d KiB; Unix stream socket: %d and %d KiB\n"
        "of send and receive buffer, as the system counts. copy_pipeline: 4 bare slots, both\n"
        "sides spin; copy_pipeline_deep: as many as the ring has room for. The first and last\n"
        "word of every record are checked; before, an untimed run of %d ms per contender\n"
        "checked every word. No hashes in the timed part.",
        (size_t)BENCH_STREAM_RING / KIB, bench_stream_pipe_size() / 1024,
        bench_stream_send_size() / 1024, bench_stream_receive_size() / 1024, THOROUGH_MS);
    results->conditions = conditions;
    if (left > 0 && outcome == BENCH_MEASURED) {
        fprintf(stderr, "renoir-bench: the library left %u files behind\n", left);
        return BENCH_FAILED;
    }
    return outcome;
}
