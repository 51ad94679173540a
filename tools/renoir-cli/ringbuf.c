// SPDX-License-Identifier: MIT OR Apache-2.0
//
// ringbuf: a ring of 8-byte elements with its two ends in two processes (or threads), timed in two
// ways. Apart: the producer fills the ring while the consumer rests, then the consumer empties it
// while the producer rests. Together: both run, and wait on the ring's doorbell where they must.
//
// The ends take turns with single bytes over a pair of pipes, outside the timed parts.

#include "cli.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "json.h"
#include "text.h"

enum { CAPACITY_DEFAULT = 1024, OPERATIONS_DEFAULT = 10000, MESSAGE_MAX = 512 };

typedef struct Times {
    uint64_t push_ns;
    uint64_t pop_ns;
    uint64_t together_ns;
    uint64_t failed; // values that were not the expected ones
} Times;

typedef struct Trial {
    const Arguments *arguments;
    char region_name[64];
    uint64_t capacity;
    uint64_t operations;
    int to_consumer[2];
    int to_producer[2];
    Times times;
    char error[MESSAGE_MAX]; // of the producer's thread or process
} Trial;

static bool say(int fd, const void *data, size_t length)
{
    return write(fd, data, length) == (ssize_t)length;
}

static bool hear(int fd, void *data, size_t length)
{
    size_t got = 0;
    while (got < length) {
        const ssize_t part = read(fd, (char *)data + got, length - got);
        if (part == 0 || (part < 0 && errno != EINTR)) {
            return false;
        }
        got += part > 0 ? (size_t)part : 0;
    }
    return true;
}

typedef struct End {
    RenoirManagerHandle manager;
    RenoirRegionHandle region;
    RenoirSpsc ring;
} End;

static RenoirErrorCode open_end(const Trial *trial, uint32_t role, End *end)
{
    RenoirRingOptions options = renoir_ring_options_default();
    RenoirRegionConfig config = renoir_region_config_default();
    options.capacity = trial->capacity;
    options.element_size = sizeof(uint64_t);
    options.flags = RENOIR_RING_WAITABLE;
    memset(end, 0, sizeof *end);
    config.name = trial->region_name;
    config.size = renoir_ring_size(RENOIR_RING_SPSC, &options);
    if (config.size == 0) {
        return RENOIR_INVALID_PARAMETER;
    }
    RenoirErrorCode status = cli_join(trial->arguments, &end->manager);
    if (status == RENOIR_SUCCESS) {
        status = renoir_region_create(end->manager, &config, &end->region);
    }
    if (status == RENOIR_SUCCESS) {
        status = renoir_spsc_open(end->region, "ring", &options, role, &end->ring);
    }
    return status;
}

static void close_end(End *end)
{
    renoir_ring_close(&end->ring.end);
    renoir_region_close(end->region);
    renoir_manager_destroy(end->manager);
}

static RenoirErrorCode push_waiting(RenoirSpsc *ring, uint64_t value)
{
    for (;;) {
        RenoirErrorCode status = renoir_spsc_try_push(ring, &value, sizeof value);
        if (status != RENOIR_BUFFER_FULL) {
            return status;
        }
        status = renoir_ring_wait(&ring->end, RENOIR_WAIT_FOREVER);
        if (status != RENOIR_SUCCESS) {
            return status;
        }
    }
}

static RenoirErrorCode pop_waiting(RenoirSpsc *ring, uint64_t *out_value)
{
    for (;;) {
        RenoirErrorCode status = renoir_spsc_try_pop(ring, out_value, sizeof *out_value);
        if (status != RENOIR_BUFFER_EMPTY) {
            return status;
        }
        status = renoir_ring_wait(&ring->end, RENOIR_WAIT_FOREVER);
        if (status != RENOIR_SUCCESS) {
            return status;
        }
    }
}

static uint64_t batch_of(const Trial *trial, uint64_t done)
{
    const uint64_t left = trial->operations - done;
    return left < trial->capacity ? left : trial->capacity;
}

// Values are 1, 2, 3 … in both parts.
static RenoirErrorCode produce(Trial *trial, RenoirSpsc *ring, Times *times)
{
    char turn = 0;
    for (uint64_t done = 0; done < trial->operations;) {
        const uint64_t batch = batch_of(trial, done);
        const uint64_t begun_ns = renoir_now_ns();
        for (uint64_t i = 1; i <= batch; i++) {
            const uint64_t value = done + i;
            const RenoirErrorCode status = renoir_spsc_try_push(ring, &value, sizeof value);
            if (status != RENOIR_SUCCESS) {
                return status;
            }
        }
        times->push_ns += renoir_now_ns() - begun_ns;
        done += batch;
        if (!say(trial->to_consumer[1], &turn, 1) || !hear(trial->to_producer[0], &turn, 1)) {
            return RENOIR_DISCONNECTED;
        }
    }
    for (uint64_t value = 1; value <= trial->operations; value++) {
        const RenoirErrorCode status = push_waiting(ring, value);
        if (status != RENOIR_SUCCESS) {
            return status;
        }
    }
    return RENOIR_SUCCESS;
}

static RenoirErrorCode consume_apart(Trial *trial, RenoirSpsc *ring)
{
    Times *times = &trial->times;
    char turn = 0;
    for (uint64_t done = 0; done < trial->operations;) {
        const uint64_t batch = batch_of(trial, done);
        if (!hear(trial->to_consumer[0], &turn, 1)) {
            return RENOIR_DISCONNECTED;
        }
        const uint64_t begun_ns = renoir_now_ns();
        for (uint64_t i = 1; i <= batch; i++) {
            uint64_t value = 0;
            const RenoirErrorCode status = renoir_spsc_try_pop(ring, &value, sizeof value);
            if (status != RENOIR_SUCCESS) {
                return status;
            }
            times->failed += value != done + i;
        }
        times->pop_ns += renoir_now_ns() - begun_ns;
        done += batch;
        if (!say(trial->to_producer[1], &turn, 1)) {
            return RENOIR_DISCONNECTED;
        }
    }
    return RENOIR_SUCCESS;
}

static RenoirErrorCode consume(Trial *trial, RenoirSpsc *ring)
{
    RenoirErrorCode status = consume_apart(trial, ring);
    const uint64_t begun_ns = renoir_now_ns();
    for (uint64_t expected = 1; expected <= trial->operations && status == RENOIR_SUCCESS;
         expected++) {
        uint64_t value = 0;
        status = pop_waiting(ring, &value);
        trial->times.failed += value != expected;
    }
    trial->times.together_ns = renoir_now_ns() - begun_ns;
    return status;
}

// The producer's side, from its first call to its last; what it measured goes over the pipe.
static RenoirErrorCode run_producer(Trial *trial)
{
    End end;
    Times times = {.push_ns = 0};
    RenoirErrorCode status = open_end(trial, RENOIR_PRODUCER, &end);
    if (status == RENOIR_SUCCESS) {
        status = produce(trial, &end.ring, &times);
    }
    if (status != RENOIR_SUCCESS) {
        snprintf(trial->error, sizeof trial->error, "%s", renoir_last_error_message());
    }
    // One byte for "come and gone", whatever happened, then the times.
    if (status == RENOIR_SUCCESS && !say(trial->to_consumer[1], &times, sizeof times)) {
        status = RENOIR_DISCONNECTED;
    }
    close_end(&end);
    return status;
}

static void *producer_thread(void *argument)
{
    Trial *trial = argument;
    run_producer(trial);
    close(trial->to_consumer[1]);
    return NULL;
}

// In the child: handles come into being after the fork, as they don't survive one.
static void producer_process(Trial *trial)
{
    close(trial->to_consumer[0]);
    close(trial->to_producer[1]);
    const RenoirErrorCode status = run_producer(trial);
    if (status != RENOIR_SUCCESS && trial->error[0] != '\0') {
        fprintf(stderr, "renoir-cli ringbuf: producer: %s\n", trial->error);
    }
    _exit(status == RENOIR_SUCCESS ? 0 : 1);
}

static CliExit consumer_side(Trial *trial)
{
    End end;
    Times others = {.push_ns = 0};
    CliExit exit = CLI_DONE;
    RenoirErrorCode status = open_end(trial, RENOIR_CONSUMER, &end);
    if (status == RENOIR_SUCCESS) {
        status = consume(trial, &end.ring);
    }
    if (status == RENOIR_SUCCESS && !hear(trial->to_consumer[0], &others, sizeof others)) {
        status = RENOIR_DISCONNECTED;
    }
    trial->times.push_ns = others.push_ns;
    if (status == RENOIR_DISCONNECTED) {
        exit = cli_fail(trial->arguments, CLI_PEER_DIED, "the producer is gone");
    } else if (status != RENOIR_SUCCESS) {
        exit = cli_fail_status(trial->arguments, status);
    } else if (trial->times.failed > 0) {
        exit = cli_fail(trial->arguments, CLI_FAILED,
                        "%" PRIu64 " values were not the expected ones", trial->times.failed);
    }
    close_end(&end);
    return exit;
}

static CliExit run_in_threads(Trial *trial)
{
    pthread_t thread;
    const int error = pthread_create(&thread, NULL, producer_thread, trial);
    if (error != 0) {
        return cli_fail(trial->arguments, CLI_FAILED, "cannot start a thread: %s", strerror(error));
    }
    const CliExit exit = consumer_side(trial);
    close(trial->to_producer[1]);
    pthread_join(thread, NULL);
    return exit;
}

static CliExit run_in_processes(Trial *trial)
{
    fflush(stdout);
    const pid_t child = fork();
    if (child < 0) {
        return cli_fail(trial->arguments, CLI_FAILED, "cannot fork: %s", strerror(errno));
    }
    if (child == 0) {
        producer_process(trial);
    }
    close(trial->to_consumer[1]);
    close(trial->to_producer[0]);
    const CliExit exit = consumer_side(trial);
    close(trial->to_producer[1]);
    int state = 0;
    while (waitpid(child, &state, 0) < 0 && errno == EINTR) {
    }
    return exit;
}

static void show(const Trial *trial)
{
    const Times *times = &trial->times;
    const double count = (double)trial->operations;
    const double rate = times->together_ns > 0 ? count * 1e9 / (double)times->together_ns : 0;
    const bool is_threaded = cli_is_set(trial->arguments, OPTION_THREADS);
    if (cli_is_set(trial->arguments, OPTION_JSON)) {
        Json json;
        json_init(&json, stdout);
        json_object(&json, NULL);
        json_unsigned(&json, "capacity", trial->capacity);
        json_unsigned(&json, "operations", trial->operations);
        json_string(&json, "ends", is_threaded ? "threads" : "processes");
        json_unsigned(&json, "element_bytes", sizeof(uint64_t));
        json_double(&json, "push_ns", (double)times->push_ns / count);
        json_double(&json, "pop_ns", (double)times->pop_ns / count);
        json_double(&json, "together_per_second", rate);
        json_unsigned(&json, "wrong_values", times->failed);
        json_close(&json);
        return;
    }
    printf("ring of %" PRIu64 " elements of 8 bytes, two %s, %" PRIu64 " operations each way\n",
           trial->capacity, is_threaded ? "threads" : "processes", trial->operations);
    printf("  push alone     %8.1f ns each\n", (double)times->push_ns / count);
    printf("  pop alone      %8.1f ns each\n", (double)times->pop_ns / count);
    printf("  both at once   %8.2f million/s\n", rate / 1e6);
    printf("  every value arrived once, in order\n");
}

CliExit cli_run_ringbuf(const Arguments *arguments)
{
    static Trial trial;
    trial.arguments = arguments;
    trial.capacity = cli_number(arguments, OPTION_CAPACITY, CAPACITY_DEFAULT);
    trial.operations = cli_number(arguments, OPTION_OPERATIONS, OPERATIONS_DEFAULT);
    if (trial.capacity < 2 || (trial.capacity & (trial.capacity - 1)) != 0) {
        uint64_t near = 2;
        while (near < trial.capacity && near < UINT64_C(1) << 62) {
            near *= 2;
        }
        return cli_fail(arguments, CLI_WRONG_USE,
                        "--capacity %" PRIu64 " is not a power of two from 2 on (try %" PRIu64 ")",
                        trial.capacity, near);
    }
    snprintf(trial.region_name, sizeof trial.region_name, "renoir-cli.ringbuf.%ld.%" PRIu64,
             (long)getpid(), renoir_now_ns());
    signal(SIGPIPE, SIG_IGN);
    if (pipe(trial.to_consumer) != 0 || pipe(trial.to_producer) != 0) {
        return cli_fail(arguments, CLI_FAILED, "cannot make a pipe: %s", strerror(errno));
    }
    const CliExit exit =
        cli_is_set(arguments, OPTION_THREADS) ? run_in_threads(&trial) : run_in_processes(&trial);
    if (exit == CLI_DONE) {
        show(&trial);
    }
    return exit;
}
