// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Publishes elements to a ring on whose other end nobody sleeps, and takes each out again:
//
//     publisher <kind> <count> [noisy]
//
// `noisy` makes one system call for each thousand elements, so that who counts them can be tested.

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "renoir.h"

enum { CAPACITY = 1024, RECORD_BYTES = 1 << 20 };

typedef struct Ends {
    RenoirSpsc spsc[2];
    RenoirRecordRing record[2];
    RenoirMpmc mpmc[2];
    RenoirSequenced sequenced[2];
    RenoirBroadcast broadcast[2];
    RenoirPriorityRing priority[2];
} Ends;

typedef struct Kind {
    const char *name;
    uint32_t flags;
    bool holds_records;
    RenoirErrorCode (*open)(RenoirRegionHandle region,
                            const RenoirRingOptions *options,
                            Ends *ends);
    // One element in, and the same one out again.
    bool (*pass)(Ends *ends, uint64_t value);
} Kind;

static RenoirErrorCode either(RenoirErrorCode first, RenoirErrorCode second)
{
    return first != RENOIR_SUCCESS ? first : second;
}

static RenoirErrorCode
open_spsc(RenoirRegionHandle region, const RenoirRingOptions *options, Ends *ends)
{
    return either(renoir_spsc_open(region, "r", options, RENOIR_PRODUCER, &ends->spsc[0]),
                  renoir_spsc_open(region, "r", options, RENOIR_CONSUMER, &ends->spsc[1]));
}

static bool pass_spsc(Ends *ends, uint64_t value)
{
    uint64_t out = 0;
    return renoir_spsc_try_push(&ends->spsc[0], &value, sizeof value) == RENOIR_SUCCESS &&
           renoir_spsc_try_pop(&ends->spsc[1], &out, sizeof out) == RENOIR_SUCCESS && out == value;
}

static RenoirErrorCode
open_record(RenoirRegionHandle region, const RenoirRingOptions *options, Ends *ends)
{
    return either(renoir_record_ring_open(region, "r", options, RENOIR_PRODUCER, &ends->record[0]),
                  renoir_record_ring_open(region, "r", options, RENOIR_CONSUMER, &ends->record[1]));
}

static bool pass_record(Ends *ends, uint64_t value)
{
    uint64_t out = 0;
    size_t length = 0;
    uint32_t tag = 0;
    return renoir_record_ring_try_push(&ends->record[0], &value, sizeof value, 0) ==
               RENOIR_SUCCESS &&
           renoir_record_ring_try_pop(&ends->record[1], &out, sizeof out, &length, &tag) ==
               RENOIR_SUCCESS &&
           out == value;
}

static RenoirErrorCode
open_mpmc(RenoirRegionHandle region, const RenoirRingOptions *options, Ends *ends)
{
    return either(renoir_mpmc_open(region, "r", options, RENOIR_PRODUCER, &ends->mpmc[0]),
                  renoir_mpmc_open(region, "r", options, RENOIR_CONSUMER, &ends->mpmc[1]));
}

static bool pass_mpmc(Ends *ends, uint64_t value)
{
    uint64_t out = 0;
    return renoir_mpmc_try_push(&ends->mpmc[0], &value, sizeof value) == RENOIR_SUCCESS &&
           renoir_mpmc_try_pop(&ends->mpmc[1], &out, sizeof out) == RENOIR_SUCCESS && out == value;
}

static RenoirErrorCode
open_sequenced(RenoirRegionHandle region, const RenoirRingOptions *options, Ends *ends)
{
    RenoirSequenced *const all = ends->sequenced;
    return either(renoir_sequenced_open(region, "r", options, RENOIR_PRODUCER, 0, 0, &all[0]),
                  renoir_sequenced_open(region, "r", options, RENOIR_CONSUMER, 0, 0, &all[1]));
}

static bool pass_sequenced(Ends *ends, uint64_t value)
{
    uint64_t out = 0;
    return renoir_sequenced_try_push(&ends->sequenced[0], &value, sizeof value) == RENOIR_SUCCESS &&
           renoir_sequenced_try_consume(&ends->sequenced[1], &out, sizeof out, NULL) ==
               RENOIR_SUCCESS &&
           out == value;
}

static RenoirErrorCode
open_broadcast(RenoirRegionHandle region, const RenoirRingOptions *options, Ends *ends)
{
    RenoirBroadcast *const all = ends->broadcast;
    return either(renoir_broadcast_open(region, "r", options, RENOIR_PRODUCER, &all[0]),
                  renoir_broadcast_open(region, "r", options, RENOIR_CONSUMER, &all[1]));
}

static bool pass_broadcast(Ends *ends, uint64_t value)
{
    uint64_t out = 0;
    renoir_broadcast_push(&ends->broadcast[0], &value, sizeof value);
    return renoir_broadcast_try_pop(&ends->broadcast[1], &out, sizeof out, NULL) ==
               RENOIR_SUCCESS &&
           out == value;
}

static RenoirErrorCode
open_priority(RenoirRegionHandle region, const RenoirRingOptions *options, Ends *ends)
{
    RenoirPriorityRing *const all = ends->priority;
    return either(renoir_priority_ring_open(region, "r", options, RENOIR_PRODUCER, &all[0]),
                  renoir_priority_ring_open(region, "r", options, RENOIR_CONSUMER, &all[1]));
}

static bool pass_priority(Ends *ends, uint64_t value)
{
    uint64_t out = 0;
    size_t length = 0;
    return renoir_priority_ring_try_push(&ends->priority[0], (uint32_t)value % 3, &value,
                                         sizeof value, 0) == RENOIR_SUCCESS &&
           renoir_priority_ring_try_pop(&ends->priority[1], &out, sizeof out, &length, NULL,
                                        NULL) == RENOIR_SUCCESS &&
           out == value;
}

static const Kind kinds[] = {
    {"spsc", 0, false, open_spsc, pass_spsc},
    {"stamped", RENOIR_RING_STAMPED, false, open_spsc, pass_spsc},
    {"record", 0, true, open_record, pass_record},
    {"mpmc", 0, false, open_mpmc, pass_mpmc},
    {"sequenced", 0, false, open_sequenced, pass_sequenced},
    {"broadcast", 0, false, open_broadcast, pass_broadcast},
    {"priority", 0, true, open_priority, pass_priority},
};

static const Kind *find_kind(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; ++i) {
        if (strcmp(kinds[i].name, name) == 0) {
            return &kinds[i];
        }
    }
    return NULL;
}

// Those that were never opened are all zero, and ignored.
static void close_all(Ends *ends)
{
    for (int i = 0; i < 2; ++i) {
        renoir_ring_close(&ends->spsc[i].end);
        renoir_ring_close(&ends->record[i].end);
        renoir_ring_close(&ends->mpmc[i].end);
        renoir_ring_close(&ends->sequenced[i].end);
        renoir_ring_close(&ends->broadcast[i].end);
        renoir_ring_close(&ends->priority[i].end);
    }
}

static int fail(const char *what)
{
    fprintf(stderr, "publisher: %s: %s\n", what, renoir_last_error_message());
    return 1;
}

static int publish(const Kind *kind, Ends *ends, uint64_t count, bool is_noisy)
{
    for (uint64_t i = 0; i < count; ++i) {
        if (!kind->pass(ends, i)) {
            return fail("an element did not come out as it went in");
        }
        if (is_noisy && i % 1000 == 0) {
            (void)syscall(SYS_getppid);
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    static Ends ends;
    const Kind *kind = argc >= 3 ? find_kind(argv[1]) : NULL;
    RenoirRegionConfig config = renoir_region_config_default();
    RenoirRingOptions options = renoir_ring_options_default();
    RenoirRegionHandle region = NULL;

    if (kind == NULL) {
        fprintf(stderr, "usage: publisher <kind> <count> [noisy]\n");
        return 2;
    }
    config.name = "published";
    config.size = 8 << 20;
    options.flags = RENOIR_RING_WAITABLE | kind->flags;
    options.element_size = kind->holds_records ? 0 : sizeof(uint64_t);
    options.capacity = kind->holds_records ? RECORD_BYTES : CAPACITY;
    if (renoir_region_create(NULL, &config, &region) != RENOIR_SUCCESS ||
        kind->open(region, &options, &ends) != RENOIR_SUCCESS) {
        return fail("cannot open the ring");
    }
    const int code = publish(kind, &ends, strtoull(argv[2], NULL, 10), argc > 3);
    close_all(&ends);
    renoir_region_close(region);
    return code;
}
