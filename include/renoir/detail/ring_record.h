// SPDX-License-Identifier: MIT OR Apache-2.0
// Before the guard: whichever of the two comes first, ring.h declares and this file defines.
#include "renoir/ring.h"

#ifndef RENOIR_DETAIL_RING_RECORD_H
#define RENOIR_DETAIL_RING_RECORD_H

// Bounded queue of records of any length, from one producer to one consumer, in different
// processes.
//
// Picture            capacity 64, max_record 16: an overhang of 24 bytes follows the capacity
//
//     byte        0        16       32       48       64       80  88
//              ┌────────┬────────┬────────┬────────┬────────┬────┐
//              │  free  │   B    │        C        │     D      │ free
//              └────────┴────────┴────────┴────────┴────────┴────┘
//                 ▲                           D begins at 56 and runs on into the overhang;
//                 └ the next record begins here, at (56 + 24) & 63 = 16, once B is gone:
//                   bytes 0 to 15 stand for nothing in this lap
//
//     A record of position p lies contiguous from cells + (p & mask): length and tag, then the
//     bytes, padded to 8. It may run past the capacity by at most the overhang. Nothing is shared:
//     a byte of the overhang belongs to the record that crosses the end in this lap, and two such
//     records lie a whole capacity apart, so the second is written only after the first is gone.
//     There is no marker at the wrap, no room is lost before it, and every length up to max_record
//     fits into an empty ring wherever its position stands (docs/adr/0002-record-ring-overhang.md).
//
// Who writes what
//     tail, head, geometry   as in detail/ring_spsc.h, in bytes, multiples of 8
//     record of position p   producer, while tail <= p and its last byte < head + capacity
//
// Invariants
//     I1  head <= tail <= head + capacity
//     I2  head and tail only grow
//     I3  head and tail are the positions of records, both multiples of 8
//     I4  every record between them has a length of at most max_record and ends at or before tail
//
// Edges              ring.publish, ring.reuse, ring.sleep: detail/ring_common.h
//
// Progress
//     Every call is wait-free: no loop but over the bytes copied and a bounded pause.
//
// If a process dies
//     producer before ring.publish   the record never happened
//     producer after                 nothing to do
//     consumer before ring.reuse     the next consumer gets the same record again
//     consumer after                 the record was the dead process's
//
// Trust
//     The other side's index is input, and so is a record's length: it is read once, and checked
//     against max_record and against the tail before any byte behind it is touched. If it breaks
//     I1, I3 or I4 the call returns RENOIR_CORRUPTED. Whatever they say, `position & mask` lies
//     below the capacity and a length of at most max_record ends within the overhang.
//
// Proof
//     unit     tests/unit/ring/record_test.c        crash    tests/crash/ring_test.c
//     torture  tests/torture/stream_test.c          figures  renoir-bench stream

#include <stddef.h>
#include <stdint.h>

#include "renoir/detail/atomic.h"
#include "renoir/detail/ring_common.h"
#include "renoir/detail/ring_shm.h"

#ifdef __cplusplus
extern "C" {
#endif

#define RNR_RECORD_HEADER UINT64_C(8)

// What a record takes up: header, bytes, padding.
static inline uint64_t rnr_record_bytes(uint64_t length)
{
    return RNR_RECORD_HEADER + ((length + 7) & ~UINT64_C(7));
}

static inline bool rnr_record_accepts(const RenoirRecordRing *ring, uint32_t role)
{
    return ring != NULL && ring->end.role == role && ring->end.kind == RENOIR_RING_RECORD;
}

static inline RenoirErrorCode rnr_record_refuse(const RenoirRecordRing *ring, uint32_t role)
{
    return renoir_detail_ring_refuse(ring == NULL ? NULL : &ring->end, RENOIR_RING_RECORD, role, 0);
}

static inline uint8_t *rnr_record_at(const RenoirRingEnd *end, uint64_t position)
{
    return end->cells + (size_t)(position & end->mask);
}

// Finds room for a record of `length` bytes at the end's position.
static inline RenoirErrorCode rnr_record_room(RenoirRingEnd *end, size_t length)
{
    if (RNR_UNLIKELY(length > end->max_record)) {
        return renoir_detail_ring_too_large(end, length);
    }
    const uint64_t need = rnr_record_bytes(length);
    uint64_t left = end->seen - end->position;

    if (RNR_UNLIKELY(left < need)) {
        const uint64_t before = end->seen;
        rnr_ring_let_run_ahead(end);
        const RenoirErrorCode status = rnr_ring_look_at_head(end, &left);
        if (status != RENOIR_SUCCESS) {
            return status;
        }
        rnr_ring_remember(end, (end->seen - before) / need);
        if (left < need) {
            end->wanted = need;
            return RENOIR_BUFFER_FULL;
        }
    }
    end->wanted = 0;
    return RENOIR_SUCCESS;
}

static inline void rnr_record_publish(RenoirRingEnd *end, size_t length, uint32_t tag)
{
    const RnrRecordShm header = {(uint32_t)length, tag};
    rnr_copy(rnr_record_at(end, end->position), &header, sizeof header);
    end->pending = 0;
    RNR_FAULT_POINT("record.commit.before");
    rnr_ring_publish_tail(end, end->position + rnr_record_bytes(length));
    RNR_FAULT_POINT("record.commit.after");
}

// The oldest record, checked; `pending` is then what it takes up.
static inline RenoirErrorCode rnr_record_oldest(RenoirRingEnd *end, RnrRecordShm *out_header)
{
    uint64_t live = end->seen - end->position;
    const bool looks = live == 0;

    if (looks) {
        rnr_ring_let_run_ahead(end);
        const RenoirErrorCode status = rnr_ring_look_at_tail(end, &live);
        if (RNR_UNLIKELY(status != RENOIR_SUCCESS)) {
            return status;
        }
        if (live == 0) {
            rnr_ring_remember(end, 0);
            return RENOIR_BUFFER_EMPTY;
        }
    }
    if (RNR_UNLIKELY(((end->position | live) & 7) != 0)) {
        return renoir_detail_ring_bad_position(end, end->seen);
    }
    rnr_copy(out_header, rnr_record_at(end, end->position), sizeof *out_header);
    const uint64_t bytes = rnr_record_bytes(out_header->length);
    if (RNR_UNLIKELY(out_header->length > end->max_record || bytes > live)) {
        return renoir_detail_ring_bad_record(end, out_header->length);
    }
    if (looks) {
        rnr_ring_remember(end, live / bytes);
    }
    end->pending = bytes;
    return RENOIR_SUCCESS;
}

RENOIR_INLINE RenoirErrorCode renoir_record_ring_open(RenoirRegionHandle region,
                                                      const char *name,
                                                      const RenoirRingOptions *options,
                                                      uint32_t role,
                                                      RenoirRecordRing *out_end)
{
    const RenoirDetailRingEntry entry = {
        RENOIR_DETAIL_RING_END_ABI, RENOIR_RING_RECORD, role, 0, 0, NULL};
    return renoir_detail_ring_open(region, name, options, &entry,
                                   out_end == NULL ? NULL : &out_end->end);
}

RENOIR_INLINE RenoirErrorCode renoir_record_ring_try_push(RenoirRecordRing *ring,
                                                          const void *data,
                                                          size_t length,
                                                          uint32_t tag)
{
    if (RNR_UNLIKELY(!rnr_record_accepts(ring, RENOIR_PRODUCER) || (data == NULL && length != 0))) {
        return rnr_record_refuse(ring, RENOIR_PRODUCER);
    }
    RenoirRingEnd *const end = &ring->end;
    const RenoirErrorCode status = rnr_record_room(end, length);
    if (RNR_UNLIKELY(status != RENOIR_SUCCESS)) {
        return status;
    }
    if (length != 0) {
        rnr_copy(rnr_record_at(end, end->position) + RNR_RECORD_HEADER, data, length);
    }
    rnr_record_publish(end, length, tag);
    return RENOIR_SUCCESS;
}

RENOIR_INLINE RenoirErrorCode renoir_record_ring_reserve(RenoirRecordRing *ring,
                                                         size_t length,
                                                         void **out_data)
{
    if (RNR_UNLIKELY(out_data == NULL || !rnr_record_accepts(ring, RENOIR_PRODUCER))) {
        return rnr_record_refuse(ring, RENOIR_PRODUCER);
    }
    RenoirRingEnd *const end = &ring->end;
    *out_data = NULL;
    end->pending = 0;
    const RenoirErrorCode status = rnr_record_room(end, length);
    if (RNR_UNLIKELY(status != RENOIR_SUCCESS)) {
        return status;
    }
    end->pending = RNR_RECORD_HEADER + length;
    *out_data = rnr_record_at(end, end->position) + RNR_RECORD_HEADER;
    return RENOIR_SUCCESS;
}

RENOIR_INLINE void renoir_record_ring_commit(RenoirRecordRing *ring, size_t length, uint32_t tag)
{
    if (RNR_UNLIKELY(!rnr_record_accepts(ring, RENOIR_PRODUCER) ||
                     ring->end.pending < RNR_RECORD_HEADER ||
                     length > ring->end.pending - RNR_RECORD_HEADER)) {
        return;
    }
    rnr_record_publish(&ring->end, length, tag);
}

RENOIR_INLINE void renoir_record_ring_abort(RenoirRecordRing *ring)
{
    if (rnr_record_accepts(ring, RENOIR_PRODUCER)) {
        ring->end.pending = 0;
    }
}

RENOIR_INLINE RenoirErrorCode renoir_record_ring_peek(RenoirRecordRing *ring,
                                                      const void **out_data,
                                                      size_t *out_length,
                                                      uint32_t *out_tag)
{
    if (RNR_UNLIKELY(out_data == NULL || out_length == NULL ||
                     !rnr_record_accepts(ring, RENOIR_CONSUMER))) {
        return rnr_record_refuse(ring, RENOIR_CONSUMER);
    }
    RenoirRingEnd *const end = &ring->end;
    RnrRecordShm header;
    *out_data = NULL;
    *out_length = 0;
    end->pending = 0;
    const RenoirErrorCode status = rnr_record_oldest(end, &header);
    if (RNR_UNLIKELY(status != RENOIR_SUCCESS)) {
        return status;
    }
    *out_data = rnr_record_at(end, end->position) + RNR_RECORD_HEADER;
    *out_length = header.length;
    if (out_tag != NULL) {
        *out_tag = header.tag;
    }
    return RENOIR_SUCCESS;
}

RENOIR_INLINE void renoir_record_ring_consume(RenoirRecordRing *ring)
{
    if (RNR_UNLIKELY(!rnr_record_accepts(ring, RENOIR_CONSUMER) || ring->end.pending == 0)) {
        return;
    }
    RenoirRingEnd *const end = &ring->end;
    const uint64_t bytes = end->pending;
    end->pending = 0;
    RNR_FAULT_POINT("record.consume.before");
    rnr_ring_publish_head(end, end->position + bytes);
    RNR_FAULT_POINT("record.consume.after");
}

RENOIR_INLINE RenoirErrorCode renoir_record_ring_try_pop(
    RenoirRecordRing *ring, void *buffer, size_t size, size_t *out_length, uint32_t *out_tag)
{
    const void *data = NULL;
    size_t length = 0;

    if (RNR_UNLIKELY(out_length == NULL || (buffer == NULL && size != 0))) {
        return rnr_record_refuse(ring, RENOIR_CONSUMER);
    }
    *out_length = 0;
    const RenoirErrorCode status = renoir_record_ring_peek(ring, &data, &length, out_tag);
    if (RNR_UNLIKELY(status != RENOIR_SUCCESS)) {
        return status;
    }
    *out_length = length;
    if (RNR_UNLIKELY(length > size)) {
        return renoir_detail_ring_too_small(size, length);
    }
    if (buffer != NULL && length != 0) {
        rnr_copy(buffer, data, length);
    }
    renoir_record_ring_consume(ring);
    return RENOIR_SUCCESS;
}

#ifdef __cplusplus
}
#endif

#endif
