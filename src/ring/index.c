// SPDX-License-Identifier: MIT OR Apache-2.0
//
// What is particular to the index rings, spsc and record, beside their inline calls.
//
// Edges
//     ring.publish, ring.reuse   include/renoir/detail/ring_common.h
//
// Why, who and what if: include/renoir/detail/ring_spsc.h, ring_record.h

#include "ring/index.h"

#include <inttypes.h>

#include "base/error.h"
#include "renoir/detail/atomic.h"
#include "ring/kind.h"
#include "ring/refuse.h"
#include "ring/stamped.h"

#define RECORD_CAPACITY_MIN UINT64_C(64)
#define RECORD_CAPACITY_MAX (UINT64_C(1) << 40)
#define RECORD_HEADER_BYTES UINT64_C(8)
#define MAX_RECORD_MAX (UINT32_C(1) << 31)
#define STAMP_BYTES 8u

enum { END_COUNT = 2, FIRST_CONSUMER = 1 };

// --- shape ---------------------------------------------------------------------------------------

static RenoirErrorCode spsc_terms(const RenoirRingOptions *options, RnrRingTerms *terms)
{
    const RenoirErrorCode status = rnr_ring_check_elements(RENOIR_RING_SPSC, options);
    const bool is_stamped = (options->flags & RENOIR_RING_STAMPED) != 0;

    if (status == RENOIR_SUCCESS) {
        terms->element_size = options->element_size;
        terms->stride = is_stamped ? rnr_ring_slot_stride(STAMP_BYTES, options->element_size)
                                   : options->element_size;
        terms->end_count = END_COUNT;
        terms->first_consumer = FIRST_CONSUMER;
    }
    return status;
}

RenoirErrorCode
rnr_record_max(uint32_t kind, uint64_t capacity, uint32_t wanted, uint32_t *out_max_record)
{
    const uint64_t half = capacity / 2;
    const uint64_t quarter = capacity / 4;
    const uint32_t most = half < MAX_RECORD_MAX ? (uint32_t)half : MAX_RECORD_MAX;

    if (wanted > most) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                        "%s ring: max_record is %" PRIu32 " and capacity %" PRIu64
                        " (use at most %" PRIu32 ", or a greater capacity)",
                        rnr_ring_kind_name(kind), wanted, capacity, most);
    }
    *out_max_record = wanted;
    if (wanted == 0) {
        *out_max_record = quarter < MAX_RECORD_MAX ? (uint32_t)quarter : MAX_RECORD_MAX;
    }
    return RENOIR_SUCCESS;
}

static RenoirErrorCode record_terms(const RenoirRingOptions *options, RnrRingTerms *terms)
{
    const RenoirErrorCode status = rnr_ring_check_capacity(
        RENOIR_RING_RECORD, options->capacity, RECORD_CAPACITY_MIN, RECORD_CAPACITY_MAX);

    if (status != RENOIR_SUCCESS) {
        return status;
    }
    terms->stride = (uint32_t)RECORD_HEADER_BYTES;
    terms->end_count = END_COUNT;
    terms->first_consumer = FIRST_CONSUMER;
    return rnr_record_max(RENOIR_RING_RECORD, options->capacity, options->max_record,
                          &terms->max_record);
}

uint64_t rnr_record_cells_bytes(const RnrRingTerms *terms)
{
    return terms->capacity + RECORD_HEADER_BYTES +
           (((uint64_t)terms->max_record + 7) & ~UINT64_C(7));
}

// --- joining -------------------------------------------------------------------------------------

// Where the end goes on, if that can be (I1). Only the other end's index moves meanwhile, and it
// moves towards ours or away from it within I1.
RenoirErrorCode rnr_index_begin(const RnrRing *ring, RenoirRingEnd *end)
{
    const RnrRingShm *const shm = (const RnrRingShm *)end->shared;
    const uint64_t capacity = end->mask + 1;
    // [ring.reuse: acquire] As a producer that looks for room, or goes on as a consumer.
    const uint64_t head = rnr_load_acquire_u64(&shm->head);
    // [ring.publish: acquire] As a consumer that looks for cells, or goes on as a producer.
    const uint64_t tail = rnr_load_acquire_u64(&shm->tail);

    if (tail - head > capacity || (end->max_record != 0 && ((head | tail) & 7) != 0)) {
        return RNR_FAIL(RENOIR_CORRUPTED,
                        "ring '%s': head %" PRIu64 " and tail %" PRIu64 " with capacity %" PRIu64
                        " (an end has overwritten them: remove the ring)",
                        rnr_ring_name(ring), head, tail, capacity);
    }
    end->position = end->role == RENOIR_PRODUCER ? tail : head;
    end->seen = end->role == RENOIR_PRODUCER ? head + capacity : tail;
    return RENOIR_SUCCESS;
}

// --- waiting -------------------------------------------------------------------------------------

static RenoirErrorCode look_as_producer(const RenoirRingEnd *end, uint64_t wanted)
{
    const uint64_t capacity = end->mask + 1;
    // [ring.reuse: acquire] The next push looks again itself; this only says that it will succeed.
    const uint64_t head = rnr_load_acquire_u64(&((const RnrRingShm *)end->shared)->head);
    const uint64_t live = end->position - head;

    if (live > capacity) {
        return rnr_ring_bad_position(end, head);
    }
    return capacity - live >= wanted ? RENOIR_SUCCESS : RENOIR_BUFFER_FULL;
}

static RenoirErrorCode look_as_consumer(const RenoirRingEnd *end)
{
    // [ring.publish: acquire] As for the producer.
    const uint64_t tail = rnr_load_acquire_u64(&((const RnrRingShm *)end->shared)->tail);
    const uint64_t live = tail - end->position;

    if (live > end->mask + 1) {
        return rnr_ring_bad_position(end, tail);
    }
    return live > 0 ? RENOIR_SUCCESS : RENOIR_BUFFER_EMPTY;
}

static RenoirErrorCode spsc_look(const RenoirRingEnd *end)
{
    if (rnr_is_stamped(end->flags)) {
        return rnr_stamped_ready(end);
    }
    return end->role == RENOIR_PRODUCER ? look_as_producer(end, 1) : look_as_consumer(end);
}

RenoirErrorCode rnr_record_look(const RenoirRingEnd *end)
{
    const uint64_t wanted = end->wanted != 0 ? end->wanted : sizeof(RnrRecordShm);
    return end->role == RENOIR_PRODUCER ? look_as_producer(end, wanted) : look_as_consumer(end);
}

// --- counts --------------------------------------------------------------------------------------

void rnr_index_stats(const RnrRingShm *shm, uint64_t capacity, RenoirRingStats *out_stats)
{
    // [hint: relaxed] A snapshot. Head first: then the tail is not behind it.
    const uint64_t head = rnr_load_relaxed_u64(&shm->head);
    // [hint: relaxed] As above.
    const uint64_t tail = rnr_load_relaxed_u64(&shm->tail);
    const uint64_t live = tail - head;

    out_stats->capacity = capacity;
    out_stats->size = live < capacity ? live : capacity;
    out_stats->writes = tail;
    out_stats->reads = head;
}

static void stats(const RnrRing *ring, const RenoirRingEnd *end, RenoirRingStats *out_stats)
{
    // A lane's end is of a ring that lies in another one.
    const RnrRingShm *const shm = end == NULL ? ring->shm : (const RnrRingShm *)end->shared;
    const uint64_t capacity = end == NULL ? ring->terms.capacity : end->mask + 1;
    rnr_index_stats(shm, capacity, out_stats);
}

RenoirErrorCode rnr_index_check(const RnrRingShm *shm, const RnrRingTerms *terms, const char *name)
{
    // [ring.reuse: acquire] Head first, then tail: both only grow, so that a live pair of users can
    // make the difference greater than the capacity only by moving the head in between.
    const uint64_t head = rnr_load_acquire_u64(&shm->head);
    // [ring.publish: acquire] As above.
    const uint64_t tail = rnr_load_acquire_u64(&shm->tail);
    // [ring.reuse: acquire] Where the head is by now.
    const uint64_t head_now = rnr_load_acquire_u64(&shm->head);

    if (tail - head > terms->capacity + (head_now - head)) {
        return RNR_FAIL(RENOIR_CORRUPTED,
                        "ring '%s': head %" PRIu64 " and tail %" PRIu64 " with capacity %" PRIu64
                        " (I1: an end has overwritten them)",
                        name, head, tail, terms->capacity);
    }
    return RENOIR_SUCCESS;
}

static RenoirErrorCode spsc_begin(const RnrRing *ring, RenoirRingEnd *end)
{
    return rnr_is_stamped(end->flags) ? rnr_stamped_begin(ring, end) : rnr_index_begin(ring, end);
}

static void spsc_stats(const RnrRing *ring, const RenoirRingEnd *end, RenoirRingStats *out_stats)
{
    if (rnr_is_stamped(ring->terms.flags)) {
        rnr_stamped_stats(ring, out_stats);
    } else {
        stats(ring, end, out_stats);
    }
}

static RenoirErrorCode
spsc_check(const RnrRingShm *shm, const RnrRingTerms *terms, const char *name)
{
    return rnr_is_stamped(terms->flags) ? rnr_stamped_check(shm, terms, name)
                                        : rnr_index_check(shm, terms, name);
}

const RnrRingKind rnr_ring_kind_spsc = {.name = "spsc",
                                        .flags = RENOIR_RING_WAITABLE | RENOIR_RING_STAMPED,
                                        .terms = spsc_terms,
                                        .cells_bytes = rnr_ring_cells_bytes,
                                        .begin = spsc_begin,
                                        .look = spsc_look,
                                        .stats = spsc_stats,
                                        .check = spsc_check};

const RnrRingKind rnr_ring_kind_record = {.name = "record",
                                          .flags = RENOIR_RING_WAITABLE,
                                          .terms = record_terms,
                                          .cells_bytes = rnr_record_cells_bytes,
                                          .begin = rnr_index_begin,
                                          .look = rnr_record_look,
                                          .stats = stats,
                                          .check = rnr_index_check};
