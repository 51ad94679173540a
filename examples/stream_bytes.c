// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The same program on both sides, started in any order:
//
//     stream_bytes > copy & stream_bytes send < original
//
// Only the end record ends the stream: a crash is never taken for the end.

#include <renoir.h>
#include <stdio.h>
#include <unistd.h>

enum { DATA = 1, END = 2 }; // tags of our records

int main(int argc, char **argv)
{
    const bool sending = argc > 1 && strcmp(argv[1], "send") == 0;
    RenoirRegionHandle region;
    RenoirRecordRing ring;
    RenoirRegionConfig config = renoir_region_config_default(); // made, or joined if it is there
    RenoirRegionOptions kept = renoir_region_options_default();
    RenoirRingOptions options = renoir_ring_options_default();
    config.name = "pipe";
    config.size = 1 << 20;
    kept.flags = RENOIR_REGION_PERSISTENT; // a sender may be done before the receiver comes
    options.capacity = 65536;
    options.flags = RENOIR_RING_WAITABLE;

    if (renoir_region_create_with(NULL, &config, &kept, &region) != RENOIR_SUCCESS ||
        renoir_record_ring_open(region, "bytes", &options,
                                sending ? RENOIR_PRODUCER : RENOIR_CONSUMER,
                                &ring) != RENOIR_SUCCESS) {
        fprintf(stderr, "%s\n", renoir_last_error_message());
        return 1;
    }
    uint32_t tag = DATA;
    while (tag != END) { // both sides work in place: no byte is copied inside Renoir
        void *room = NULL;
        const void *bytes = NULL;
        size_t length = 0;
        const RenoirErrorCode status = sending
                                           ? renoir_record_ring_reserve(&ring, 4096, &room)
                                           : renoir_record_ring_peek(&ring, &bytes, &length, &tag);
        if (status == RENOIR_BUFFER_FULL || status == RENOIR_BUFFER_EMPTY) {
            if (renoir_ring_wait(&ring.end, RENOIR_WAIT_FOREVER) != RENOIR_SUCCESS) {
                break; // RENOIR_DISCONNECTED: the other side is gone, and what is here is not the
                       // whole stream
            }
        } else if (status != RENOIR_SUCCESS) {
            break;
        } else if (sending) {
            const ssize_t got = read(0, room, 4096);
            if (got < 0) {
                break;
            }
            tag = got > 0 ? DATA : END;
            renoir_record_ring_commit(&ring, (size_t)got, tag);
        } else {
            if (fwrite(bytes, 1, length, stdout) != length) {
                break;
            }
            renoir_record_ring_consume(&ring);
        }
    }
    renoir_ring_close(&ring.end);
    if (sending) {
        renoir_region_close(region);
    } else {
        renoir_region_destroy(region); // the receiver takes the name away
    }
    return tag == END && fflush(stdout) == 0 ? 0 : 1;
}
