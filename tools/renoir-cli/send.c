// SPDX-License-Identifier: MIT OR Apache-2.0
//
// send: read(2) puts the bytes straight into room that was reserved in the ring.

#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stream.h"

enum { RECORD_SIZE_DEFAULT = 64 << 10, MESSAGE_MAX = 512, INPUT_SLICE_MS = 250 };

typedef struct Sender {
    Stream stream;
    int input;
    const char *input_name;
    uint64_t record_size;
    uint64_t total_length;
    char error[MESSAGE_MAX];
} Sender;

// What could not be done with the ring, as text and exit code.
static CliExit ring_failure(Sender *sender, RenoirErrorCode status)
{
    const char *name = sender->stream.arguments->name;
    switch (status) {
    case RENOIR_TIMEOUT:
        snprintf(sender->error, sizeof sender->error,
                 sender->stream.has_met ? "the receiver of '%s' took nothing for the time allowed"
                                        : "no receiver of '%s' came in the time allowed",
                 name);
        return CLI_TIMEOUT;
    case RENOIR_DISCONNECTED:
        return CLI_PEER_DIED;
    case RENOIR_REGION_NOT_FOUND:
        snprintf(sender->error, sizeof sender->error,
                 "the region of '%s' was removed by somebody while waiting", name);
        return CLI_FAILED;
    default:
        snprintf(sender->error, sizeof sender->error, "%s",
                 stream_is_interrupted() ? "interrupted" : renoir_last_error_message());
        return CLI_FAILED;
    }
}

static CliExit reserve(Sender *sender, uint64_t length, void **out_room)
{
    Stream *stream = &sender->stream;
    for (;;) {
        RenoirErrorCode status =
            renoir_record_ring_reserve(&stream->ring, (size_t)length, out_room);
        if (status == RENOIR_SUCCESS) {
            return CLI_DONE;
        }
        if (status == RENOIR_BUFFER_FULL) {
            status = stream_wait(stream);
        }
        if (status != RENOIR_SUCCESS) {
            return ring_failure(sender, status);
        }
    }
}

static CliExit send_record(Sender *sender, const void *record, size_t length, uint32_t tag)
{
    void *room = NULL;
    const CliExit exit = reserve(sender, length, &room);
    if (exit == CLI_DONE) {
        memcpy(room, record, length);
        renoir_record_ring_commit(&sender->stream.ring, length, tag);
    }
    return exit;
}

static CliExit send_start(Sender *sender)
{
    Stream *stream = &sender->stream;
    RenoirRingStats stats;
    StreamStart start;
    memset(&start, 0, sizeof start);
    if (getrandom(&start.stream_id, sizeof start.stream_id, 0) != sizeof start.stream_id ||
        renoir_ring_stats(&stream->ring.end, &stats) != RENOIR_SUCCESS) {
        snprintf(sender->error, sizeof sender->error, "cannot begin: %s", strerror(errno));
        return CLI_FAILED;
    }
    start.total_length = sender->total_length;
    start.sender_pid = getpid();
    stream->stream_id = start.stream_id;
    stream->met_after = stats.writes;
    progress_start(&stream->progress, sender->total_length);
    return send_record(sender, &start, sizeof start, STREAM_TAG_START);
}

// Until there is something to read. A receiver that dies while the input is slow is noticed here.
static CliExit await_input(Sender *sender)
{
    struct pollfd input = {.fd = sender->input, .events = POLLIN};
    // A file of known length always has something to read.
    while (sender->total_length == STREAM_LENGTH_UNKNOWN && poll(&input, 1, INPUT_SLICE_MS) <= 0) {
        if (stream_is_interrupted()) {
            return ring_failure(sender, RENOIR_INVALID_STATE);
        }
        if (stream_peer_is_gone(&sender->stream)) {
            return ring_failure(sender, RENOIR_DISCONNECTED);
        }
        progress_update(&sender->stream.progress, sender->stream.bytes);
    }
    return CLI_DONE;
}

// One record of what read(2) gives; *out_ended: there is no more.
static CliExit send_some(Sender *sender, bool *out_ended)
{
    Stream *stream = &sender->stream;
    void *room = NULL;
    CliExit exit = await_input(sender);
    if (exit == CLI_DONE) {
        exit = reserve(sender, sender->record_size, &room);
    }
    if (exit != CLI_DONE) {
        return exit;
    }
    const ssize_t got = read(sender->input, room, (size_t)sender->record_size);
    *out_ended = got == 0;
    if (got > 0) {
        checksum_add(&stream->checksum, room, (size_t)got);
        renoir_record_ring_commit(&stream->ring, (size_t)got, STREAM_TAG_DATA);
        stream->bytes += (uint64_t)got;
        stream->records++;
        progress_update(&stream->progress, stream->bytes);
        return CLI_DONE;
    }
    const int error = errno;
    renoir_record_ring_abort(&stream->ring);
    if (got == 0 || (error == EINTR && !stream_is_interrupted())) {
        return CLI_DONE;
    }
    if (stream_is_interrupted()) {
        return ring_failure(sender, RENOIR_INVALID_STATE);
    }
    // The kernel found no memory behind the reserved room: somebody cut the region's file short.
    snprintf(sender->error, sizeof sender->error, "cannot read %s: %s", sender->input_name,
             error == EFAULT ? "the shared memory was cut short" : strerror(error));
    return CLI_FAILED;
}

static CliExit send_end(Sender *sender)
{
    const StreamEnd end = {.stream_id = sender->stream.stream_id,
                           .length = sender->stream.bytes,
                           .checksum = checksum_value(&sender->stream.checksum)};
    return send_record(sender, &end, sizeof end, STREAM_TAG_END);
}

// With a receiver at work, "done" means that it has taken all. Without one, all lies in the ring
// for whoever comes.
static CliExit await_taken(Sender *sender)
{
    Stream *stream = &sender->stream;
    RenoirRingStats stats;
    uint64_t nap_ns = RENOIR_MICROSECONDS(100);
    uint64_t moved_ns = renoir_now_ns();
    uint64_t reads = 0;
    for (;;) {
        const RenoirErrorCode status = renoir_ring_stats(&stream->ring.end, &stats);
        if (status != RENOIR_SUCCESS) {
            return ring_failure(sender, status);
        }
        if (stats.reads >= stats.writes || stats.reads <= stream->met_after) {
            return CLI_DONE;
        }
        const uint64_t now_ns = renoir_now_ns();
        moved_ns = stats.reads != reads ? now_ns : moved_ns;
        reads = stats.reads;
        stream->has_met = true;
        if (stream_is_interrupted()) {
            return ring_failure(sender, RENOIR_INVALID_STATE);
        }
        if (now_ns - moved_ns >= stream->timeout_ns) {
            return ring_failure(sender, RENOIR_TIMEOUT);
        }
        if (now_ns - moved_ns > RENOIR_MILLISECONDS(50) && stream_peer_is_gone(stream)) {
            return ring_failure(sender, RENOIR_DISCONNECTED);
        }
        stream_nap(nap_ns);
        nap_ns = nap_ns < RENOIR_MILLISECONDS(5) ? nap_ns * 2 : nap_ns;
    }
}

// So that the receiver hears why, if there is room for it right now.
static void tell_failure(Sender *sender)
{
    const size_t length = strlen(sender->error);
    renoir_record_ring_try_push(&sender->stream.ring, sender->error,
                                length < STREAM_REASON_MAX ? length : STREAM_REASON_MAX,
                                STREAM_TAG_FAILED);
}

static CliExit send_all(Sender *sender)
{
    bool has_ended = false;
    CliExit exit = send_start(sender);
    while (exit == CLI_DONE && !has_ended) {
        exit = send_some(sender, &has_ended);
    }
    if (exit == CLI_DONE) {
        exit = send_end(sender);
    }
    if (exit == CLI_DONE) {
        exit = await_taken(sender);
    }
    sender->stream.finished_ns = renoir_now_ns();
    sender->stream.is_withdrawn = exit != CLI_DONE;
    if (exit == CLI_FAILED) {
        tell_failure(sender);
    }
    return exit;
}

static CliExit open_input(Sender *sender, const Arguments *arguments)
{
    const char *path = arguments->word_count > 0 ? arguments->words[0] : "-";
    struct stat facts;
    sender->input = STDIN_FILENO;
    sender->input_name = "standard input";
    sender->total_length = STREAM_LENGTH_UNKNOWN;
    if (strcmp(path, "-") != 0) {
        sender->input_name = path;
        sender->input = open(path, O_RDONLY | O_CLOEXEC);
    }
    if (sender->input < 0 || fstat(sender->input, &facts) != 0) {
        return cli_fail(arguments, CLI_FAILED, "cannot open %s: %s", sender->input_name,
                        strerror(errno));
    }
    if (S_ISDIR(facts.st_mode)) {
        return cli_fail(arguments, CLI_FAILED,
                        "%s is a directory (tar c DIRECTORY | renoir-cli send NAME)",
                        sender->input_name);
    }
    const off_t at = S_ISREG(facts.st_mode) ? lseek(sender->input, 0, SEEK_CUR) : -1;
    // Files of /proc say 0 and are not empty: a length of 0 is no promise.
    if (at >= 0 && facts.st_size > at) {
        sender->total_length = (uint64_t)(facts.st_size - at);
    }
    return CLI_DONE;
}

static CliExit choose_record_size(Sender *sender)
{
    const Arguments *arguments = sender->stream.arguments;
    const uint64_t most = sender->stream.ring.end.max_record;
    sender->record_size = cli_number(arguments, OPTION_RECORD_SIZE, RECORD_SIZE_DEFAULT);
    if (!cli_is_set(arguments, OPTION_RECORD_SIZE) && sender->record_size > most) {
        sender->record_size = most;
    }
    if (sender->record_size == 0 || sender->record_size > most) {
        return cli_fail(arguments, CLI_WRONG_USE,
                        "--record-size %" PRIu64 ": a ring of %" PRIu64
                        " bytes takes records of 1 to %" PRIu64 " (raise --ring-size)",
                        sender->record_size, sender->stream.capacity, most);
    }
    return CLI_DONE;
}

// Leaving tells how much of what was sent nobody has taken.
static void describe_death(Sender *sender, uint64_t discarded)
{
    const Stream *stream = &sender->stream;
    if (discarded <= stream->bytes) {
        snprintf(sender->error, sizeof sender->error,
                 "the receiver of '%s' is gone: it had taken %" PRIu64 " of %" PRIu64 " bytes sent",
                 stream->arguments->name, stream->bytes - discarded, stream->bytes);
    } else {
        snprintf(sender->error, sizeof sender->error,
                 "the receiver of '%s' is gone: it had taken at most %" PRIu64 " bytes",
                 stream->arguments->name, stream->bytes);
    }
}

CliExit cli_run_send(const Arguments *arguments)
{
    static Sender sender;
    CliExit exit = open_input(&sender, arguments);
    if (exit != CLI_DONE) {
        return exit;
    }
    exit = stream_join(&sender.stream, arguments, RENOIR_PRODUCER);
    if (exit != CLI_DONE) {
        close(sender.input);
        return exit;
    }
    uint64_t discarded = 0;
    exit = choose_record_size(&sender);
    const bool has_begun = exit == CLI_DONE;
    if (has_begun) {
        exit = send_all(&sender);
    }
    close(sender.input);
    stream_leave(&sender.stream, &discarded);
    if (exit == CLI_PEER_DIED) {
        describe_death(&sender, discarded);
    }
    if (has_begun) {
        stream_report(&sender.stream, exit, stdout, exit == CLI_DONE ? NULL : sender.error);
    }
    stream_reraise();
    return exit;
}
