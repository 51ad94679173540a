// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_RING_KIND_H
#define RNR_RING_KIND_H

// What differs from one kind of ring to another, beside the inline calls: its shape, where an end
// begins, when it can go on, what it leaves behind. One file per kind fills one table.

#include <stdint.h>

#include "ring/ring.h"

typedef struct RnrRingKind {
    const char *name;   // "spsc"
    uint32_t flags;     // RENOIR_RING_* that it knows
    bool needs_barrier; // its calls count on it even where nobody sleeps
    // Options to capacity, sizes and end_count; cells_offset and kind are filled in. Both
    // directions use it: what is in shared memory must come out the same.
    RenoirErrorCode (*terms)(const RenoirRingOptions *options, RnrRingTerms *terms);
    // Bytes of the cells. Cannot overflow for terms that passed.
    uint64_t (*cells_bytes)(const RnrRingTerms *terms);
    // Lays the cells out in zeroed memory. NULL: zeros do.
    void (*format)(RnrRingShm *shm, const RnrRingTerms *terms);
    // The role has just been taken, nobody counts with the end yet: takes back what a dead
    // predecessor at this index left, and finds where the end goes on. CORRUPTED.
    RenoirErrorCode (*begin)(const RnrRing *ring, RenoirRingEnd *end);
    // The others count with the end now; what needs that. NULL: nothing.
    RenoirErrorCode (*join)(const RnrRing *ring, RenoirRingEnd *end);
    // The end closes: gives up what it has claimed. NULL: nothing to do.
    void (*leave)(const RnrRing *ring, RenoirRingEnd *end);
    // SUCCESS: the end's next call will go on. BUFFER_FULL, BUFFER_EMPTY: not yet. CORRUPTED.
    RenoirErrorCode (*look)(const RenoirRingEnd *end);
    // Whether the ring holds more for this end than look() shows, which comes without the opposite
    // ends. NULL: never.
    bool (*has_more)(const RenoirRingEnd *end);
    // A wait's slice is over: takes back what the dead left. NULL: nothing to do.
    void (*sweep)(const RenoirRingEnd *end);
    // writes, reads, size, overwrites; end may be NULL.
    void (*stats)(const RnrRing *ring, const RenoirRingEnd *end, RenoirRingStats *out_stats);
    // Its invariants, beside live users. CORRUPTED.
    RenoirErrorCode (*check)(const RnrRingShm *shm, const RnrRingTerms *terms, const char *name);
} RnrRingKind;

extern const RnrRingKind rnr_ring_kind_spsc;
extern const RnrRingKind rnr_ring_kind_record;
extern const RnrRingKind rnr_ring_kind_mpmc;
extern const RnrRingKind rnr_ring_kind_sequenced;
extern const RnrRingKind rnr_ring_kind_broadcast;
extern const RnrRingKind rnr_ring_kind_priority;

// NULL: no such kind.
const RnrRingKind *rnr_ring_kind(uint32_t kind);

// INVALID_PARAMETER unless it is a power of two from least to most.
RenoirErrorCode
rnr_ring_check_capacity(uint32_t kind, uint64_t capacity, uint64_t least, uint64_t most);
// Bytes of capacity cells of `stride`: as a member cells_bytes, where there is nothing else.
uint64_t rnr_ring_cells_bytes(const RnrRingTerms *terms);
// element_size from 1 to 2^20, capacity from 2 to 2^31.
RenoirErrorCode rnr_ring_check_elements(uint32_t kind, const RenoirRingOptions *options);
// Bytes of a slot with a header of that many bytes before the element: a power of two up to 64,
// else a multiple of 64.
uint32_t rnr_ring_slot_stride(uint32_t header_bytes, uint32_t element_size);
// max_ends, 0 replaced by its default. INVALID_PARAMETER.
RenoirErrorCode rnr_ring_check_max_ends(const RenoirRingOptions *options,
                                        uint32_t kind,
                                        uint32_t least,
                                        uint32_t most,
                                        uint32_t *out_max_ends);

// CORRUPTED, with what does not fit.
RenoirErrorCode
rnr_ring_corrupted(const char *name, const char *what, uint64_t found, uint64_t expected);

// Whether the end at this index has come and its process lives. One system call; without a region
// its presence is believed.
bool rnr_ring_is_alive(const RnrRing *ring, uint32_t index);
// If it came and is dead now: keeps anybody from taking the index (protocols 1.3) and returns true;
// then rnr_ring_release_dead. False: alive, never came, or closed.
bool rnr_ring_hold_dead(const RnrRing *ring, uint32_t index, RnrRole *out_hold);
void rnr_ring_release_dead(const RnrRing *ring, uint32_t index, RnrRole *hold);

// The ring of an end.
static inline const RnrRing *rnr_ring_of(const RenoirRingEnd *end)
{
    return ((const RnrRingSession *)end->internal)->ring;
}

#endif
