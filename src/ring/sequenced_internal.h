// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_RING_SEQUENCED_INTERNAL_H
#define RNR_RING_SEQUENCED_INTERNAL_H

// What the two files of the sequenced ring share: sequenced_look.c finds out how far an end may go,
// sequenced.c is the kind's table.

#include <stdbool.h>
#include <stdint.h>

#include "renoir/detail/ring_shm.h"
#include "renoir/ring.h"
#include "ring/kind.h"

enum { RNR_SEQUENCED_CONSUMERS_MAX = 64 };

static inline int64_t rnr_sequenced_distance(uint64_t from, uint64_t to)
{
    return (int64_t)(to - from);
}

static inline uint32_t rnr_sequenced_lowest_bit(uint64_t mask)
{
    return (uint32_t)__builtin_ctzll(mask);
}

static inline uint32_t rnr_sequenced_first_consumer(const RenoirRingEnd *end)
{
    return rnr_sequenced_is_multi(end) ? RNR_SEQUENCED_PRODUCERS : 1;
}

static inline RnrRingEndShm *rnr_sequenced_consumer_shm(const RenoirRingEnd *end, uint32_t number)
{
    return rnr_ring_end_shm(rnr_ring_shared(end), rnr_sequenced_first_consumer(end) + number);
}

// Loads, with what they carry.
uint64_t rnr_sequenced_presence_of(const RnrRingEndShm *other);
uint64_t rnr_sequenced_cursor_of(const RnrRingEndShm *other);
uint64_t rnr_sequenced_after_mask_of(const RenoirRingEnd *end, uint32_t number);
uint64_t rnr_sequenced_limit(const RenoirRingEnd *end);
uint32_t rnr_sequenced_joined(const RenoirRingEnd *end);

// Consumers that are present; *out_has_any_come: or have been.
uint64_t rnr_sequenced_present_consumers(const RenoirRingEnd *end, bool *out_has_any_come);

// True: the end at that place was dead, and counts no longer.
bool rnr_sequenced_drop_dead_consumer(const RenoirRingEnd *end, uint32_t number);
bool rnr_sequenced_drop_dead_producer(const RenoirRingEnd *end, uint32_t index);
// Gives up what is left of the claim that this index noted.
void rnr_sequenced_skip_noted_claim(const RenoirRingEnd *end, uint32_t index);

// SUCCESS: there is room for so many, or an element to see. Asks for nobody's life.
RenoirErrorCode rnr_sequenced_look_as_producer(const RenoirRingEnd *end, uint64_t wanted);
RenoirErrorCode rnr_sequenced_look_as_consumer(const RenoirRingEnd *end);
// Whether there is an element beyond a consumer's place, which others hold back.
bool rnr_sequenced_has_more(const RenoirRingEnd *end);

#endif
