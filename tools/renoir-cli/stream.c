// SPDX-License-Identifier: MIT OR Apache-2.0

#include "stream.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "json.h"
#include "text.h"

static const char OBJECT_NAME[] = "stream";

enum {
    CAPACITY_DEFAULT = 1 << 20,
    CAPACITY_LEAST = 4096,
    // Makes the size of a stream's region one that nobody asks for by hand.
    SPARE_PAGES = 7
};

// Whoever leaves holds both roles for some microseconds: a role that stays taken for longer than
// this belongs to somebody who uses it.
#define ROLE_PATIENCE_NS RENOIR_MILLISECONDS(250)
// Between two looks while waiting: signals, progress, the region's name.
#define SLICE_NS RENOIR_MILLISECONDS(100)

static volatile sig_atomic_t interrupting_signal;

static void note_signal(int number)
{
    interrupting_signal = number;
}

bool stream_is_interrupted(void)
{
    return interrupting_signal != 0;
}

void stream_reraise(void)
{
    if (interrupting_signal != 0) {
        signal(interrupting_signal, SIG_DFL);
        raise(interrupting_signal);
    }
}

// SIGPIPE: a closed output is an error like another, after which we leave in good order.
static void catch_signals(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = note_signal;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
}

void stream_nap(uint64_t ns)
{
    const struct timespec time = {.tv_sec = (time_t)(ns / UINT64_C(1000000000)),
                                  .tv_nsec = (long)(ns % UINT64_C(1000000000))};
    nanosleep(&time, NULL);
}

static RenoirRingOptions ring_options(uint64_t capacity)
{
    RenoirRingOptions options = renoir_ring_options_default();
    options.capacity = capacity;
    options.flags = RENOIR_RING_WAITABLE;
    return options;
}

// Both sides know the ring's capacity from the region's size alone: a region of a stream is exactly
// as large as its ring and the spare pages.
static uint64_t region_size_for(uint64_t capacity)
{
    const RenoirRingOptions options = ring_options(capacity);
    const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    const uint64_t size = renoir_ring_size(RENOIR_RING_RECORD, &options);
    return (size + page - 1) / page * page + SPARE_PAGES * page;
}

static uint64_t capacity_of(uint64_t region_size)
{
    uint64_t capacity = CAPACITY_LEAST;
    while (capacity < region_size && region_size_for(capacity) < region_size) {
        capacity *= 2;
    }
    return region_size_for(capacity) == region_size ? capacity : 0;
}

static RenoirErrorCode make_region(Stream *stream, uint64_t capacity)
{
    RenoirRegionConfig config = renoir_region_config_default();
    RenoirRegionOptions options = renoir_region_options_default();
    config.name = stream->arguments->name;
    config.size = (size_t)region_size_for(capacity);
    options.flags = RENOIR_REGION_PERSISTENT | RENOIR_REGION_EXCLUSIVE | RENOIR_REGION_PREFAULT;
    options.max_objects = 1;
    return renoir_region_create_with(stream->manager, &config, &options, &stream->region);
}

static RenoirErrorCode find_or_make_region(Stream *stream, uint64_t capacity)
{
    for (;;) {
        RenoirErrorCode status =
            renoir_region_open(stream->manager, stream->arguments->name, NULL, &stream->region);
        if (status != RENOIR_REGION_NOT_FOUND) {
            return status;
        }
        status = make_region(stream, capacity);
        if (status != RENOIR_REGION_EXISTS) {
            return status;
        }
    }
}

static bool has_name(const Stream *stream)
{
    struct stat facts;
    return fstat(renoir_region_fd(stream->region), &facts) != 0 || facts.st_nlink > 0;
}

static RenoirErrorCode open_end(const Stream *stream, uint32_t role, RenoirRecordRing *out_end)
{
    const RenoirRingOptions options = ring_options(stream->capacity);
    return renoir_record_ring_open(stream->region, OBJECT_NAME, &options, role, out_end);
}

static void let_go(Stream *stream)
{
    renoir_ring_close(&stream->ring.end);
    renoir_region_close(stream->region);
    stream->region = NULL;
}

// Whether the record begins a stream that somebody may still want to receive.
static bool is_wanted_start(const Stream *stream, const void *data, size_t length, uint32_t tag)
{
    StreamStart start;
    if (tag != STREAM_TAG_START) {
        return false;
    }
    if (!stream->is_withdrawn || length != sizeof start) {
        return true;
    }
    memcpy(&start, data, sizeof start);
    return start.stream_id != stream->stream_id;
}

// Records without their START are of no use to any receiver. Only for who holds both roles.
// Returns how many bytes of DATA went; *out_is_empty: nothing is left.
static uint64_t
discard_fragments(const Stream *stream, RenoirRecordRing *consumer, bool *out_is_empty)
{
    const void *data = NULL;
    size_t length = 0;
    uint32_t tag = 0;
    uint64_t discarded = 0;
    for (;;) {
        const RenoirErrorCode status = renoir_record_ring_peek(consumer, &data, &length, &tag);
        if (status != RENOIR_SUCCESS || is_wanted_start(stream, data, length, tag)) {
            *out_is_empty = status == RENOIR_BUFFER_EMPTY;
            return discarded;
        }
        discarded += tag == STREAM_TAG_DATA ? length : 0;
        renoir_record_ring_consume(consumer);
    }
}

// A sender that comes to a ring in which both sides died begins behind what they left.
static void tidy_before_sending(Stream *stream)
{
    RenoirRecordRing consumer;
    bool is_empty = false;
    if (renoir_ring_count(&stream->ring.end) == 0 ||
        open_end(stream, RENOIR_CONSUMER, &consumer) != RENOIR_SUCCESS) {
        return;
    }
    discard_fragments(stream, &consumer, &is_empty);
    renoir_ring_close(&consumer.end);
}

static CliExit choose_capacity(Stream *stream, uint64_t *out_capacity)
{
    const Arguments *arguments = stream->arguments;
    const uint64_t capacity = cli_number(arguments, OPTION_RING_SIZE, CAPACITY_DEFAULT);
    *out_capacity = capacity;
    if (capacity < CAPACITY_LEAST || (capacity & (capacity - 1)) != 0 ||
        capacity > UINT64_C(1) << 36) {
        return cli_fail(arguments, CLI_WRONG_USE,
                        "--ring-size %" PRIu64
                        ": a power of two from 4KiB to 64GiB is needed (try 1MiB)",
                        capacity);
    }
    return CLI_DONE;
}

static bool holds_only_a_stream(const Stream *stream)
{
    RenoirObjectInfo object;
    size_t count = 0;
    const RenoirErrorCode status = renoir_region_objects(stream->region, &object, 1, &count);
    return status == RENOIR_SUCCESS &&
           (count == 0 || (count == 1 && strcmp(object.name, OBJECT_NAME) == 0));
}

static CliExit check_region(Stream *stream)
{
    const Arguments *arguments = stream->arguments;
    size_t size = 0;
    renoir_region_info(stream->region, NULL, &size, NULL);
    stream->capacity = capacity_of(size);
    if (stream->capacity == 0 || !holds_only_a_stream(stream)) {
        return cli_fail(arguments, CLI_FAILED,
                        "'%s' is a region of %zu bytes that was not made for a stream (choose "
                        "another name)",
                        arguments->name, size);
    }
    if (cli_number(arguments, OPTION_RING_SIZE, stream->capacity) != stream->capacity) {
        return cli_fail(arguments, CLI_FAILED,
                        "the other side of '%s' made a ring of %" PRIu64
                        " bytes (leave --ring-size out, or give the same)",
                        arguments->name, stream->capacity);
    }
    return CLI_DONE;
}

// One try. *out_again: somebody was just leaving, or the role is taken for now.
static CliExit try_join(Stream *stream, uint64_t capacity, bool is_last, bool *out_again)
{
    *out_again = false;
    RenoirErrorCode status = find_or_make_region(stream, capacity);
    if (status != RENOIR_SUCCESS) {
        return cli_fail_status(stream->arguments, status);
    }
    const CliExit exit = check_region(stream);
    if (exit != CLI_DONE) {
        let_go(stream);
        return exit;
    }
    status = open_end(stream, stream->role, &stream->ring);
    if (status == RENOIR_SUCCESS && has_name(stream)) {
        return CLI_DONE;
    }
    *out_again = status == RENOIR_SUCCESS || (status == RENOIR_LIMIT_REACHED && !is_last);
    const CliExit failure = *out_again ? CLI_DONE : cli_fail_status(stream->arguments, status);
    let_go(stream);
    return failure;
}

static CliExit join_ring(Stream *stream)
{
    const uint64_t begun_ns = renoir_now_ns();
    uint64_t capacity = 0;
    CliExit exit = choose_capacity(stream, &capacity);
    bool again = exit == CLI_DONE;
    while (again && !stream_is_interrupted()) {
        const bool is_last = renoir_now_ns() - begun_ns > ROLE_PATIENCE_NS;
        exit = try_join(stream, capacity, is_last, &again);
        if (again) {
            stream_nap(RENOIR_MILLISECONDS(2));
        }
    }
    return stream_is_interrupted() && exit == CLI_DONE ? CLI_FAILED : exit;
}

CliExit stream_join(Stream *stream, const Arguments *arguments, uint32_t role)
{
    memset(stream, 0, sizeof *stream);
    stream->arguments = arguments;
    stream->role = role;
    stream->timeout_ns = cli_number(arguments, OPTION_TIMEOUT, RENOIR_WAIT_FOREVER);
    checksum_init(&stream->checksum);
    progress_init(&stream->progress, arguments);
    catch_signals();
    const RenoirErrorCode status = cli_join(arguments, &stream->manager);
    if (status != RENOIR_SUCCESS) {
        return cli_fail_status(arguments, status);
    }
    const CliExit exit = join_ring(stream);
    if (exit != CLI_DONE || stream->region == NULL) {
        renoir_manager_destroy(stream->manager);
        stream->manager = NULL;
        stream_reraise();
        return exit;
    }
    if (role == RENOIR_PRODUCER) {
        tidy_before_sending(stream);
    }
    return CLI_DONE;
}

// Producer first, then consumer: two who leave at once cannot each hold one and miss the other.
static bool take_both_roles(Stream *stream, RenoirRecordRing *producer, RenoirRecordRing *consumer)
{
    for (unsigned attempt = 0; attempt < 5; attempt++) {
        if (open_end(stream, RENOIR_PRODUCER, producer) == RENOIR_SUCCESS) {
            if (open_end(stream, RENOIR_CONSUMER, consumer) == RENOIR_SUCCESS) {
                return true;
            }
            renoir_ring_close(&producer->end);
        }
        stream_nap(RENOIR_MILLISECONDS(1));
    }
    return false;
}

void stream_leave(Stream *stream, uint64_t *out_discarded)
{
    RenoirRecordRing producer;
    RenoirRecordRing consumer;
    uint64_t discarded = UINT64_MAX;
    renoir_ring_close(&stream->ring.end);
    if (take_both_roles(stream, &producer, &consumer)) {
        bool is_empty = false;
        discarded = discard_fragments(stream, &consumer, &is_empty);
        if (is_empty && has_name(stream)) {
            renoir_region_remove(stream->manager, stream->arguments->name);
        }
        renoir_ring_close(&consumer.end);
        renoir_ring_close(&producer.end);
    }
    renoir_region_close(stream->region);
    stream->region = NULL;
    renoir_manager_destroy(stream->manager);
    stream->manager = NULL;
    if (out_discarded != NULL) {
        *out_discarded = discarded;
    }
}

// A sender has met its receiver once something of its own stream was given back: before that, who
// is or was there may have come for an earlier stream.
static void look_for_peer(Stream *stream)
{
    RenoirRingStats stats;
    if (stream->has_met || stream->role != RENOIR_PRODUCER) {
        return;
    }
    if (renoir_ring_stats(&stream->ring.end, &stats) == RENOIR_SUCCESS) {
        stream->has_met = stats.reads > stream->met_after;
    }
}

bool stream_peer_is_gone(Stream *stream)
{
    RenoirRecordRing consumer;
    look_for_peer(stream);
    if (!stream->has_met || open_end(stream, RENOIR_CONSUMER, &consumer) != RENOIR_SUCCESS) {
        return false;
    }
    renoir_ring_close(&consumer.end);
    return true;
}

// One slice. SUCCESS: this end can go on. TIMEOUT: look again.
static RenoirErrorCode wait_slice(Stream *stream, uint64_t slice_ns)
{
    const RenoirErrorCode status = renoir_ring_wait(&stream->ring.end, slice_ns);
    look_for_peer(stream);
    if (status == RENOIR_BUFFER_FULL || status == RENOIR_BUFFER_EMPTY) {
        return RENOIR_TIMEOUT;
    }
    if (status == RENOIR_DISCONNECTED && !stream->has_met) {
        // Somebody who came for an earlier stream. Ours has not come yet.
        stream_nap(slice_ns < RENOIR_MILLISECONDS(10) ? slice_ns : RENOIR_MILLISECONDS(10));
        return RENOIR_TIMEOUT;
    }
    return status;
}

RenoirErrorCode stream_wait(Stream *stream)
{
    const uint64_t begun_ns = renoir_now_ns();
    const bool was_alone = !stream->has_met;
    RenoirErrorCode status = RENOIR_TIMEOUT;
    for (;;) {
        const uint64_t waited_ns = renoir_now_ns() - begun_ns;
        if (stream_is_interrupted()) {
            status = RENOIR_INVALID_STATE;
            break;
        }
        const uint64_t left_ns =
            stream->timeout_ns > waited_ns ? stream->timeout_ns - waited_ns : 0;
        status = wait_slice(stream, left_ns < SLICE_NS ? left_ns : SLICE_NS);
        if (status != RENOIR_TIMEOUT || renoir_now_ns() - begun_ns >= stream->timeout_ns) {
            break;
        }
        if (!stream->has_met && !has_name(stream)) {
            status = RENOIR_REGION_NOT_FOUND;
            break;
        }
        if (!stream->has_met) {
            progress_waiting(&stream->progress, stream->role == RENOIR_PRODUCER
                                                    ? "waiting for a receiver"
                                                    : "waiting for a sender");
        } else {
            progress_update(&stream->progress, stream->bytes);
        }
    }
    if (was_alone && stream->role == RENOIR_PRODUCER) {
        // Waiting for a receiver to come is no part of the time that the stream took.
        stream->progress.started_ns += renoir_now_ns() - begun_ns;
    }
    return status;
}

static void
report_json(const Stream *stream, CliExit exit, FILE *out, const char *error, uint64_t took_ns)
{
    Json json;
    char text[32];
    const bool is_whole = exit == CLI_DONE;
    json_init(&json, out);
    json_object(&json, NULL);
    json_string(&json, "command", stream->arguments->command->noun);
    json_string(&json, "name", stream->arguments->name);
    json_boolean(&json, "whole", is_whole);
    json_unsigned(&json, "exit_code", (uint64_t)exit);
    json_string(&json, "error", error);
    json_unsigned(&json, "bytes", stream->bytes);
    if (stream->progress.total_bytes == PROGRESS_TOTAL_UNKNOWN) {
        json_null(&json, "total_bytes");
    } else {
        json_unsigned(&json, "total_bytes", stream->progress.total_bytes);
    }
    json_unsigned(&json, "records", stream->records);
    json_double(&json, "seconds", (double)took_ns / 1e9);
    json_double(&json, "bytes_per_second",
                took_ns > 0 ? (double)stream->bytes * 1e9 / (double)took_ns : 0.0);
    snprintf(text, sizeof text, "%016" PRIx64, checksum_value(&stream->checksum));
    json_string(&json, "xxh64", text);
    snprintf(text, sizeof text, "%016" PRIx64, stream->stream_id);
    json_string(&json, "stream_id", text);
    json_unsigned(&json, "ring_bytes", stream->capacity);
    json_close(&json);
}

CliExit stream_report(Stream *stream, CliExit exit, FILE *json_out, const char *error)
{
    char bytes[TEXT_QUANTITY_MAX];
    char rate[TEXT_QUANTITY_MAX];
    char time[TEXT_QUANTITY_MAX];
    const uint64_t end_ns = stream->finished_ns != 0 ? stream->finished_ns : renoir_now_ns();
    const uint64_t took_ns =
        end_ns > stream->progress.started_ns ? end_ns - stream->progress.started_ns : 0;
    progress_finish(&stream->progress, stream->bytes);
    if (exit != CLI_DONE) {
        char safe[512];
        fprintf(stderr, "renoir-cli %s: %s\n", stream->arguments->command->noun,
                text_safe(error, safe, sizeof safe));
    } else if (!cli_is_set(stream->arguments, OPTION_JSON)) {
        cli_say(stream->arguments, "%s %s in %s (%s)",
                stream->role == RENOIR_PRODUCER ? "sent" : "received",
                text_bytes(stream->bytes, bytes), text_duration(took_ns, time),
                text_rate(took_ns > 0 ? (double)stream->bytes * 1e9 / (double)took_ns : 0, rate));
    }
    if (cli_is_set(stream->arguments, OPTION_JSON)) {
        report_json(stream, exit, json_out, error, took_ns);
    }
    return exit;
}
