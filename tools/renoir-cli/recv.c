// SPDX-License-Identifier: MIT OR Apache-2.0
//
// recv: write(2) takes the bytes straight out of the ring. What the ring holds is input: each
// control record is copied, then checked.

#include "cli.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "output.h"
#include "stream.h"
#include "text.h"

enum { MESSAGE_MAX = OUTPUT_PATH_MAX + 512 };

typedef struct Receiver {
    Stream stream;
    Output output;
    const char *output_name;
    bool has_ended;
    char error[MESSAGE_MAX];
} Receiver;

static CliExit ring_failure(Receiver *receiver, RenoirErrorCode status)
{
    const Stream *stream = &receiver->stream;
    const char *name = stream->arguments->name;
    switch (status) {
    case RENOIR_TIMEOUT:
        snprintf(receiver->error, sizeof receiver->error,
                 stream->has_met ? "the sender of '%s' sent nothing for the time allowed: %" PRIu64
                                   " bytes have come"
                                 : "no sender of '%s' came in the time allowed",
                 name, stream->bytes);
        return CLI_TIMEOUT;
    case RENOIR_DISCONNECTED:
        snprintf(receiver->error, sizeof receiver->error,
                 "the sender of '%s' is gone before its end record: %" PRIu64
                 " bytes had arrived whole",
                 name, stream->bytes);
        return CLI_PEER_DIED;
    case RENOIR_REGION_NOT_FOUND:
        snprintf(receiver->error, sizeof receiver->error,
                 "the region of '%s' was removed by somebody while waiting", name);
        return CLI_FAILED;
    default:
        snprintf(receiver->error, sizeof receiver->error, "%s",
                 stream_is_interrupted() ? "interrupted" : renoir_last_error_message());
        return CLI_FAILED;
    }
}

static CliExit damaged(Receiver *receiver, const char *what)
{
    snprintf(receiver->error, sizeof receiver->error,
             "the stream '%s' is damaged: %s, after %" PRIu64 " bytes",
             receiver->stream.arguments->name, what, receiver->stream.bytes);
    return CLI_FAILED;
}

// The next record, in place.
static CliExit
next_record(Receiver *receiver, const void **out_data, size_t *out_length, uint32_t *out_tag)
{
    Stream *stream = &receiver->stream;
    for (;;) {
        RenoirErrorCode status =
            renoir_record_ring_peek(&stream->ring, out_data, out_length, out_tag);
        if (status == RENOIR_SUCCESS) {
            return CLI_DONE;
        }
        if (status == RENOIR_BUFFER_EMPTY) {
            status = stream_wait(stream);
        }
        if (status != RENOIR_SUCCESS) {
            return ring_failure(receiver, status);
        }
    }
}

static CliExit take_start(Receiver *receiver)
{
    Stream *stream = &receiver->stream;
    const void *data = NULL;
    size_t length = 0;
    uint32_t tag = 0;
    StreamStart start;
    const CliExit exit = next_record(receiver, &data, &length, &tag);
    if (exit != CLI_DONE) {
        return exit;
    }
    if (tag == STREAM_TAG_DATA || tag == STREAM_TAG_END || tag == STREAM_TAG_FAILED) {
        snprintf(receiver->error, sizeof receiver->error,
                 "'%s' is in the middle of a stream: its beginning went to a receiver that is gone "
                 "(send it again)",
                 stream->arguments->name);
        return CLI_PEER_DIED;
    }
    if (tag != STREAM_TAG_START || length != sizeof start) {
        return damaged(receiver, "it does not begin with a start record");
    }
    memcpy(&start, data, sizeof start);
    renoir_record_ring_consume(&stream->ring);
    stream->has_met = true;
    stream->stream_id = start.stream_id;
    progress_start(&stream->progress, start.total_length);
    return CLI_DONE;
}

static CliExit take_data(Receiver *receiver, const void *data, size_t length)
{
    Stream *stream = &receiver->stream;
    if (!output_write(&receiver->output, data, length)) {
        // The kernel found no memory behind the record: somebody cut the region's file short.
        if (errno == EFAULT) {
            return damaged(receiver, "its shared memory was cut short");
        }
        snprintf(receiver->error, sizeof receiver->error, "cannot write %s: %s",
                 receiver->output_name, strerror(errno));
        return CLI_FAILED;
    }
    checksum_add(&stream->checksum, data, length);
    renoir_record_ring_consume(&stream->ring);
    stream->bytes += length;
    stream->records++;
    progress_update(&stream->progress, stream->bytes);
    return CLI_DONE;
}

// The end record is given back only when the output bears its name: the sender's success then means
// the receiver's.
static CliExit take_end(Receiver *receiver, const void *data, size_t length)
{
    Stream *stream = &receiver->stream;
    StreamEnd end;
    if (length != sizeof end) {
        return damaged(receiver, "its end record has another length");
    }
    memcpy(&end, data, sizeof end);
    if (end.stream_id != stream->stream_id) {
        return damaged(receiver, "its end record belongs to another stream");
    }
    if (end.length != stream->bytes) {
        return damaged(receiver, "its length is not the one in the end record");
    }
    if (end.checksum != checksum_value(&stream->checksum)) {
        return damaged(receiver, "its checksum is not the one in the end record");
    }
    stream->finished_ns = renoir_now_ns();
    if (!output_commit(&receiver->output)) {
        snprintf(receiver->error, sizeof receiver->error, "cannot finish %s: %s",
                 receiver->output_name, strerror(errno));
        return CLI_FAILED;
    }
    renoir_record_ring_consume(&stream->ring);
    receiver->has_ended = true;
    return CLI_DONE;
}

static CliExit take_failure(Receiver *receiver, const void *data, size_t length)
{
    char reason[STREAM_REASON_MAX + 1];
    char safe[4 * STREAM_REASON_MAX + 1];
    const size_t kept = length < STREAM_REASON_MAX ? length : STREAM_REASON_MAX;
    memcpy(reason, data, kept);
    reason[kept] = '\0';
    renoir_record_ring_consume(&receiver->stream.ring);
    snprintf(receiver->error, sizeof receiver->error,
             "the sender of '%s' gave up: %s; %" PRIu64 " bytes had arrived whole",
             receiver->stream.arguments->name, text_safe(reason, safe, sizeof safe),
             receiver->stream.bytes);
    return CLI_FAILED;
}

static CliExit take_record(Receiver *receiver)
{
    const void *data = NULL;
    size_t length = 0;
    uint32_t tag = 0;
    const CliExit exit = next_record(receiver, &data, &length, &tag);
    if (exit != CLI_DONE) {
        return exit;
    }
    if (stream_is_interrupted()) {
        return ring_failure(receiver, RENOIR_INVALID_STATE);
    }
    switch (tag) {
    case STREAM_TAG_DATA:
        return take_data(receiver, data, length);
    case STREAM_TAG_END:
        return take_end(receiver, data, length);
    case STREAM_TAG_FAILED:
        return take_failure(receiver, data, length);
    case STREAM_TAG_START:
        // Another sender took the dead one's place. Its stream stays for the next receiver.
        return ring_failure(receiver, RENOIR_DISCONNECTED);
    default:
        return damaged(receiver, "it holds a record of an unknown kind");
    }
}

static CliExit receive_all(Receiver *receiver)
{
    CliExit exit = take_start(receiver);
    while (exit == CLI_DONE && !receiver->has_ended) {
        exit = take_record(receiver);
    }
    return exit;
}

static void say_where_the_rest_is(Receiver *receiver)
{
    const size_t used = strlen(receiver->error);
    if (receiver->output.is_partial && receiver->stream.bytes > 0) {
        snprintf(receiver->error + used, sizeof receiver->error - used, " (kept in %s)",
                 receiver->output.part);
    } else if (receiver->output.is_partial) {
        unlink(receiver->output.part);
    }
}

CliExit cli_run_recv(const Arguments *arguments)
{
    static Receiver receiver;
    const char *path = arguments->word_count > 0 ? arguments->words[0] : NULL;
    receiver.output_name = path != NULL && strcmp(path, "-") != 0 ? path : "standard output";
    if (!output_open(&receiver.output, path)) {
        return cli_fail(arguments, CLI_FAILED, "cannot write %s: %s", receiver.output_name,
                        strerror(errno));
    }
    FILE *json_out = receiver.output.fd == STDOUT_FILENO ? stderr : stdout;
    CliExit exit = stream_join(&receiver.stream, arguments, RENOIR_CONSUMER);
    if (exit != CLI_DONE) {
        output_abandon(&receiver.output);
        say_where_the_rest_is(&receiver);
        return exit;
    }
    exit = receive_all(&receiver);
    if (exit != CLI_DONE) {
        output_abandon(&receiver.output);
        say_where_the_rest_is(&receiver);
    }
    stream_leave(&receiver.stream, NULL);
    stream_report(&receiver.stream, exit, json_out, exit == CLI_DONE ? NULL : receiver.error);
    stream_reraise();
    return exit;
}
