// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RENOIR_CLI_STREAM_H
#define RENOIR_CLI_STREAM_H

// What send and recv share: the records of a stream, coming and going, waiting.
//
//     ring of the region NAME      START DATA DATA … DATA END   START DATA …
//                                  └──── one whole stream ───┘  └─ the next
//
// The region is persistent, so that a sender may be done before the receiver comes. A stream begins
// with START and is whole only with its END, in which length and checksum must agree. FAILED says
// that the sender gave up, and why. Streams may lie in the ring one behind the other.
//
// Roles are the locks. Only one process is producer, one consumer; the kernel frees a dead one's
// role. Whoever leaves takes both roles if it can: then nobody else uses the ring, so it discards
// what no receiver could use (records whose START is gone) and, if nothing is left, takes the
// name away while it holds both. Whoever comes checks, with its role taken, that the region still
// has its name: else it was taken away just before, and one begins again.

#include <stdbool.h>
#include <stdint.h>

#include "checksum.h"
#include "cli.h"
#include "progress.h"

enum {
    STREAM_TAG_START = 0x72737401,
    STREAM_TAG_DATA = 0x72737402,
    STREAM_TAG_END = 0x72737403,
    STREAM_TAG_FAILED = 0x72737404
};

#define STREAM_LENGTH_UNKNOWN UINT64_MAX

typedef struct StreamStart {
    uint64_t stream_id;    // random
    uint64_t total_length; // bytes, or STREAM_LENGTH_UNKNOWN
    int64_t sender_pid;    // for people
    uint64_t reserved;     // zero
} StreamStart;

typedef struct StreamEnd {
    uint64_t stream_id;
    uint64_t length;
    uint64_t checksum;
    uint64_t reserved; // zero
} StreamEnd;

// FAILED carries this many bytes of text at most.
enum { STREAM_REASON_MAX = 256 };

typedef struct Stream {
    const Arguments *arguments;
    RenoirManagerHandle manager;
    RenoirRegionHandle region;
    RenoirRecordRing ring;
    uint32_t role;
    bool has_met;        // the other side of *this* stream has been seen at work
    uint64_t capacity;   // of the ring
    uint64_t timeout_ns; // how long nothing may move
    uint64_t met_after;  // sender: a receiver is at work once so many bytes were given back
    uint64_t bytes;      // of the stream, so far
    uint64_t records;    // DATA records, so far
    uint64_t stream_id;
    bool is_withdrawn;    // sender: gave up; what nobody has begun to receive is taken back
    uint64_t finished_ns; // when all was there; 0: not yet
    Checksum checksum;
    Progress progress;
} Stream;

// Finds or makes the region and the ring, and takes the role. Tells its failures.
CliExit stream_join(Stream *stream, const Arguments *arguments, uint32_t role);
// Leaves; removes what nobody can use any more, and a withdrawn stream. *out_discarded: bytes of
// DATA records that were discarded; UINT64_MAX if somebody else is there, who may still read them.
// NULL: not wanted.
void stream_leave(Stream *stream, uint64_t *out_discarded);

// Waits until this end can go on, the other side is gone (DISCONNECTED), nothing has moved for the
// time allowed (TIMEOUT), or a signal asks us to end (INVALID_STATE).
RenoirErrorCode stream_wait(Stream *stream);
// Whether the other side of this stream came and is gone. For a sender; asked seldom, since for a
// moment it takes the receiver's role.
bool stream_peer_is_gone(Stream *stream);
// True once SIGINT or SIGTERM came.
bool stream_is_interrupted(void);
// Ends this process by the signal that came, so that its parent sees it.
void stream_reraise(void);
void stream_nap(uint64_t ns);

// Sums up: for people on stderr, for machines as JSON on `json_out`. Returns `exit`. `error` is
// NULL if all went well.
CliExit stream_report(Stream *stream, CliExit exit, FILE *json_out, const char *error);

#endif
