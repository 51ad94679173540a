// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_RING_RING_H
#define RNR_RING_RING_H

// Rings: finding, making, joining and leaving them. Moving elements and records is inline, in
// include/renoir/detail/ring_*.h; waiting is ring/wait.h; what differs by kind is ring/kind.h.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memory/object.h"
#include "memory/region.h"
#include "renoir/detail/ring_shm.h"
#include "renoir/ring.h"
#include "renoir/status.h"
#include "sync/bell.h"
#include "sync/waitable.h"

// A ring's shape, agreed by all who open it.
typedef struct RnrRingTerms {
    uint32_t kind; // RENOIR_RING_*
    uint32_t flags;
    uint32_t element_size; // 0 for records
    uint32_t stride;       // 8 for records
    uint32_t max_record;   // 0 for elements
    uint32_t max_ends;     // resolved; 0 where the kind has no use for it
    uint32_t lane_shares;  // resolved; 0 where the kind has no use for it
    uint32_t end_count;
    uint32_t first_consumer; // index of the first end that is for consumers; MPMC: 0
    uint64_t capacity;       // elements or bytes; 0: join whatever is there
    uint64_t cells_offset;
    uint64_t total_bytes;
} RnrRingTerms;

// Where a ring is: by name in a region, else in memory.
typedef struct RnrRingPlace {
    RnrRegion *region;
    const char *name;
    void *memory;
    size_t memory_size;
} RnrRingPlace;

// A ring that this process has open, in no role yet.
typedef struct RnrRing {
    RnrRingShm *shm;
    RnrRingTerms terms; // geometry, copied and checked once
    bool is_in_region;
    RnrObject object; // if it is
    uint64_t fork_generation;
} RnrRing;

// The ring's name for messages.
const char *rnr_ring_name(const RnrRing *ring);

// What an end keeps behind RenoirRingEnd.internal.
typedef struct RnrRingSession {
    RnrRing *ring;
    RnrRing own;      // what `ring` points to, unless a queue's handle owns it
    RnrRole role;     // in a region
    uint64_t spin_ns; // resolved
    // MPMC: which claim has held this end up, where, since when, and when its owner was asked for.
    uint64_t held_up_by;
    uint64_t held_up_at;
    uint64_t held_up_ns;
    uint64_t asked_ns;
    // As a member of a wait set (ring/waitable.h).
    RnrWaitable waitable;
    const RenoirRingEnd *end; // NULL: nobody has asked for the waitable
    RnrNap nap;
} RnrRingSession;

enum { RNR_RING_PRODUCER = 0, RNR_RING_CONSUMER = 1 }; // of SPSC and RECORD; and of bells

// Which end is asked for.
typedef struct RnrRingSeat {
    uint32_t role;  // RENOIR_PRODUCER, RENOIR_CONSUMER
    uint32_t index; // SEQUENCED, a consumer: its number
    uint64_t after_mask;
    uint64_t spin_ns; // as in RenoirRingOptions
} RnrRingSeat;

// "producer", "consumer".
const char *rnr_ring_role_name(uint32_t role);
// "spsc", "record" and so on.
const char *rnr_ring_kind_name(uint32_t kind);

// Options to terms. INVALID_PARAMETER, UNSUPPORTED.
RenoirErrorCode
rnr_ring_terms(uint32_t kind, const RenoirRingOptions *options, RnrRingTerms *out_terms);

// Lays a ring out in zeroed memory of terms->total_bytes.
void rnr_ring_format(RnrRingShm *shm, const RnrRingTerms *terms);

// Reads the geometry once, and checks it against itself and the room there is. CORRUPTED,
// VERSION_MISMATCH.
RenoirErrorCode rnr_ring_read_terms(const RnrRingShm *shm,
                                    uint64_t size_bytes,
                                    const char *name,
                                    RnrRingTerms *out_terms);

// EXISTS, with the field that differs.
RenoirErrorCode
rnr_ring_match_terms(const char *name, const RnrRingTerms *wanted, const RnrRingTerms *found);

// Geometry and I1, beside live users. CORRUPTED.
RenoirErrorCode rnr_ring_check(const void *memory, uint64_t size_bytes, const char *name);

// Finds or makes; only finds if terms->capacity is 0.
RenoirErrorCode
rnr_ring_open(const RnrRingPlace *place, const RnrRingTerms *terms, RnrRing *out_ring);
void rnr_ring_leave(RnrRing *ring);
// Leaves it, and gives its space back. INVALID_STATE: another live process has it open.
RenoirErrorCode rnr_ring_destroy(RnrRing *ring);

// The ends that may play a role: from *out_first to before *out_end.
void rnr_ring_ends_of(const RnrRingTerms *terms,
                      uint32_t role,
                      uint32_t *out_first,
                      uint32_t *out_end);

// Takes a role. LIMIT_REACHED names who has it. The ring must stay where it is until the end is
// closed.
RenoirErrorCode rnr_ring_take(RnrRing *ring, const RnrRingSeat *seat, RenoirRingEnd *out_end);
// The same for a ring that the end itself is to leave when it is closed: it is moved into the end.
RenoirErrorCode
rnr_ring_take_own(const RnrRing *ring, const RnrRingSeat *seat, RenoirRingEnd *out_end);
void rnr_ring_end_close(RenoirRingEnd *end);

// NULL end, closed end, or one from before a fork: INVALID_PARAMETER, INVALID_STATE.
RenoirErrorCode rnr_ring_end_check(const RenoirRingEnd *end);

// Drops what is waiting. INVALID_STATE: an end is taken.
RenoirErrorCode rnr_ring_reset(RnrRing *ring);

// end: NULL, or one whose own place `size` is to be counted from.
void rnr_ring_stats(const RnrRing *ring, const RenoirRingEnd *end, RenoirRingStats *out_stats);

#endif
