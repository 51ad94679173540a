// SPDX-License-Identifier: MIT OR Apache-2.0
// Before the guard: whichever of the two comes first, ring.h declares and this file defines.
#include "renoir/ring.h"

#ifndef RENOIR_DETAIL_RING_PRIORITY_H
#define RENOIR_DETAIL_RING_PRIORITY_H

// Records in three lanes, from one producer to one consumer: the most urgent first, or by turns.
//
// Picture            one object with three record rings in it, each with a header of its own
//
//     ┌────────────┬──────────┬──────────────────┬──────────────────┬──────────────────┐
//     │ geometry,  │ producer │ critical   20 %  │ high       50 %  │ low        30 %  │
//     │ who sleeps │ consumer │ tail, head,      │ tail, head,      │ tail, head,      │
//     │            │          │ records          │ records          │ records          │
//     └────────────┴──────────┴──────────────────┴──────────────────┴──────────────────┘
//                                      each share rounded up to a power of two
//
//     Roles, sleepers and bells are the outer ring's; a lane has its indices and its records. A
//     full lane does not concern another, and how much waits in it follows from its two indices:
//     nothing is counted.
//
// Who writes what
//     a lane's tail, records   producer          a lane's head   consumer
//     ends, sleepers, bells    as in every ring, in the outer header only
//     geometry                 creator, of the outer header and of each lane's
//
// Invariants
//     I1  each lane is a record ring with the invariants of detail/ring_record.h
//     I2  strict: what is taken was in the most urgent lane that held anything when it was looked
//         at, from the most urgent on. FAIR: while all lanes hold something, ten turns in a row
//         take 2, 5 and 3
//
// Edges              ring.publish, ring.reuse, ring.sleep: detail/ring_common.h. After a lane's
//                    index has been stored, the outer ring's sleepers are looked at: the same
//                    argument, with the lane's index as W1
//
// Progress
//     Every call is wait-free: at most one look at each lane.
//
// If a process dies
//     in a lane                          as in a record ring, for this lane; the others are whole
//     between a lane's index and a bell  the sleeper finds it when its slice is over
//     The next owner of an end goes on in each lane where the dead one stood.
//
// Trust              as in a record ring, lane by lane
//
// Proof
//     unit     tests/unit/ring/priority_test.c      crash    tests/crash/priority_test.c
//     torture  tests/torture/priority_torture.c     figures  renoir-bench ring

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "renoir/detail/ring_common.h"
#include "renoir/detail/ring_record.h"
#include "renoir/detail/ring_shm.h"

#ifdef __cplusplus
extern "C" {
#endif

#define RNR_PRIORITY_LANE_COUNT 3u
#define RNR_PRIORITY_TURNS 10u

static inline bool rnr_priority_accepts(const RenoirPriorityRing *ring, uint32_t role)
{
    return ring != NULL && ring->end.role == role && ring->end.kind == RENOIR_RING_PRIORITY;
}

static inline RenoirErrorCode rnr_priority_refuse(const RenoirPriorityRing *ring, uint32_t role)
{
    return renoir_detail_ring_refuse(ring == NULL ? NULL : &ring->end, RENOIR_RING_PRIORITY, role,
                                     0);
}

RENOIR_INLINE RenoirErrorCode renoir_priority_ring_open(RenoirRegionHandle region,
                                                        const char *name,
                                                        const RenoirRingOptions *options,
                                                        uint32_t role,
                                                        RenoirPriorityRing *out_end)
{
    RenoirDetailRingEntry entry = {
        RENOIR_DETAIL_RING_END_ABI, RENOIR_RING_PRIORITY, role, 0, 0, NULL};
    if (out_end != NULL) {
        memset(out_end, 0, sizeof *out_end);
        entry.lanes = out_end->lanes;
    }
    return renoir_detail_ring_open(region, name, options, &entry,
                                   out_end == NULL ? NULL : &out_end->end);
}

// --- producer ------------------------------------------------------------------------------------
//
// end.pending: the lane of the record reserved, + 1. end.wanted, end.claimed: what was refused
// last, and the lane.

// What a lane answered; a wait is for what it refused.
static inline RenoirErrorCode
rnr_priority_remember(RenoirPriorityRing *ring, uint32_t priority, RenoirErrorCode status)
{
    ring->end.wanted = ring->lanes[priority].end.wanted;
    ring->end.claimed = priority;
    return status;
}

RENOIR_INLINE RenoirErrorCode renoir_priority_ring_try_push(
    RenoirPriorityRing *ring, uint32_t priority, const void *data, size_t length, uint32_t tag)
{
    if (RNR_UNLIKELY(!rnr_priority_accepts(ring, RENOIR_PRODUCER) ||
                     priority >= RNR_PRIORITY_LANE_COUNT)) {
        return rnr_priority_refuse(ring, RENOIR_PRODUCER);
    }
    const RenoirErrorCode status =
        renoir_record_ring_try_push(&ring->lanes[priority], data, length, tag);
    if (RNR_UNLIKELY(status != RENOIR_SUCCESS)) {
        return rnr_priority_remember(ring, priority, status);
    }
    ring->end.wanted = 0;
    ring->end.pending = 0;
    RNR_FAULT_POINT("priority.push.ring");
    rnr_ring_notify(&ring->end, RNR_RING_CONSUMER_SLEEPS);
    return RENOIR_SUCCESS;
}

RENOIR_INLINE RenoirErrorCode renoir_priority_ring_reserve(RenoirPriorityRing *ring,
                                                           uint32_t priority,
                                                           size_t length,
                                                           void **out_data)
{
    if (RNR_UNLIKELY(out_data == NULL || !rnr_priority_accepts(ring, RENOIR_PRODUCER) ||
                     priority >= RNR_PRIORITY_LANE_COUNT)) {
        return rnr_priority_refuse(ring, RENOIR_PRODUCER);
    }
    ring->end.pending = 0;
    const RenoirErrorCode status =
        renoir_record_ring_reserve(&ring->lanes[priority], length, out_data);
    if (RNR_LIKELY(status == RENOIR_SUCCESS)) {
        ring->end.pending = priority + UINT64_C(1);
    }
    return rnr_priority_remember(ring, priority, status);
}

RENOIR_INLINE void
renoir_priority_ring_commit(RenoirPriorityRing *ring, size_t length, uint32_t tag)
{
    if (RNR_UNLIKELY(!rnr_priority_accepts(ring, RENOIR_PRODUCER) || ring->end.pending == 0)) {
        return;
    }
    RenoirRecordRing *const lane = &ring->lanes[ring->end.pending - 1];
    renoir_record_ring_commit(lane, length, tag);
    if (RNR_LIKELY(lane->end.pending == 0)) { // else it was too long, and is still reserved
        ring->end.pending = 0;
        RNR_FAULT_POINT("priority.commit.ring");
        rnr_ring_notify(&ring->end, RNR_RING_CONSUMER_SLEEPS);
    }
}

RENOIR_INLINE void renoir_priority_ring_abort(RenoirPriorityRing *ring)
{
    if (rnr_priority_accepts(ring, RENOIR_PRODUCER) && ring->end.pending != 0) {
        renoir_record_ring_abort(&ring->lanes[ring->end.pending - 1]);
        ring->end.pending = 0;
    }
}

// --- consumer ------------------------------------------------------------------------------------
//
// end.pending: the lane of the record peeked at, + 1. end.scan: turns taken, of ten.

// Whose turn it is: 2 critical, 5 high and 3 low in ten, as far apart as they go.
static inline uint32_t rnr_priority_turn(uint32_t taken)
{
    static const uint8_t turns[RNR_PRIORITY_TURNS] = {
        RENOIR_PRIORITY_HIGH, RENOIR_PRIORITY_CRITICAL, RENOIR_PRIORITY_HIGH,
        RENOIR_PRIORITY_LOW,  RENOIR_PRIORITY_HIGH,     RENOIR_PRIORITY_LOW,
        RENOIR_PRIORITY_HIGH, RENOIR_PRIORITY_CRITICAL, RENOIR_PRIORITY_HIGH,
        RENOIR_PRIORITY_LOW};
    return turns[taken % RNR_PRIORITY_TURNS];
}

static inline RenoirErrorCode rnr_priority_peek_lane(RenoirPriorityRing *ring,
                                                     uint32_t priority,
                                                     const void **out_data,
                                                     size_t *out_length,
                                                     uint32_t *out_tag)
{
    const RenoirErrorCode status =
        renoir_record_ring_peek(&ring->lanes[priority], out_data, out_length, out_tag);
    if (status == RENOIR_SUCCESS) {
        ring->end.pending = priority + UINT64_C(1);
    }
    return status;
}

RENOIR_INLINE RenoirErrorCode renoir_priority_ring_peek(RenoirPriorityRing *ring,
                                                        const void **out_data,
                                                        size_t *out_length,
                                                        uint32_t *out_priority,
                                                        uint32_t *out_tag)
{
    if (RNR_UNLIKELY(out_data == NULL || out_length == NULL ||
                     !rnr_priority_accepts(ring, RENOIR_CONSUMER))) {
        return rnr_priority_refuse(ring, RENOIR_CONSUMER);
    }
    RenoirErrorCode status = RENOIR_BUFFER_EMPTY;
    if (ring->end.pending != 0) {
        status = rnr_priority_peek_lane(ring, (uint32_t)(ring->end.pending - 1), out_data,
                                        out_length, out_tag);
    } else if ((ring->end.flags & RENOIR_RING_FAIR) != 0) {
        status = rnr_priority_peek_lane(ring, rnr_priority_turn(ring->end.scan), out_data,
                                        out_length, out_tag);
    }
    for (uint32_t i = 0; i < RNR_PRIORITY_LANE_COUNT && status == RENOIR_BUFFER_EMPTY; ++i) {
        status = rnr_priority_peek_lane(ring, i, out_data, out_length, out_tag);
    }
    if (status == RENOIR_SUCCESS && out_priority != NULL) {
        *out_priority = (uint32_t)(ring->end.pending - 1);
    }
    return status;
}

RENOIR_INLINE void renoir_priority_ring_consume(RenoirPriorityRing *ring)
{
    if (RNR_UNLIKELY(!rnr_priority_accepts(ring, RENOIR_CONSUMER) || ring->end.pending == 0)) {
        return;
    }
    RenoirRingEnd *const end = &ring->end;
    RenoirRecordRing *const lane = &ring->lanes[end->pending - 1];
    end->pending = 0;
    end->scan = (end->scan + 1) % RNR_PRIORITY_TURNS;
    renoir_record_ring_consume(lane);
    RNR_FAULT_POINT("priority.consume.ring");
    rnr_ring_notify(end, RNR_RING_PRODUCER_SLEEPS);
}

RENOIR_INLINE RenoirErrorCode renoir_priority_ring_try_pop(RenoirPriorityRing *ring,
                                                           void *buffer,
                                                           size_t size,
                                                           size_t *out_length,
                                                           uint32_t *out_priority,
                                                           uint32_t *out_tag)
{
    const void *data = NULL;
    size_t length = 0;

    if (RNR_UNLIKELY(out_length == NULL || (buffer == NULL && size != 0) ||
                     !rnr_priority_accepts(ring, RENOIR_CONSUMER))) {
        return rnr_priority_refuse(ring, RENOIR_CONSUMER);
    }
    *out_length = 0;
    const uint64_t before = ring->end.pending;
    const RenoirErrorCode status =
        renoir_priority_ring_peek(ring, &data, &length, out_priority, out_tag);
    if (RNR_UNLIKELY(status != RENOIR_SUCCESS)) {
        return status;
    }
    *out_length = length;
    if (RNR_UNLIKELY(length > size)) {
        ring->end.pending = before; // what comes meanwhile may be more urgent
        return renoir_detail_ring_too_small(size, length);
    }
    if (buffer != NULL && length != 0) {
        rnr_copy(buffer, data, length);
    }
    renoir_priority_ring_consume(ring);
    return RENOIR_SUCCESS;
}

#ifdef __cplusplus
}
#endif

#endif
