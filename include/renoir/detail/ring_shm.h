// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RENOIR_DETAIL_RING_SHM_H
#define RENOIR_DETAIL_RING_SHM_H

// Rings, as they lie in a region or in any other memory.
//
//     0            128          256          384          512                 cells_offset
//     ┌────────────┬────────────┬────────────┬────────────┬───────────────────┬──────────────────
//     │ geometry   │ tail       │ head       │ attention  │ ends[end_count]   │ cells
//     │ creator,   │ producers  │ consumers  │ who sleeps,│ 128 bytes each,   │
//     │ once       │            │            │ both sides │ by its owner      │
//     └────────────┴────────────┴────────────┴────────────┴───────────────────┴──────────────────
//
//     kind        ends                          cells
//     spsc        producer, consumer            capacity elements of `stride` bytes
//     stamped     producer, consumer            capacity slots {stamp, element}; in what order:
//                                               detail/ring_stamped.h
//     record      producer, consumer            capacity bytes, then an overhang of 8 + max_record
//                                               rounded up to 8 bytes, into which a record that
//                                               begins near the end of the capacity runs on
//     mpmc        any role each                 capacity slots {claim, done, element}
//     sequenced   1 or 32 producers, consumers  capacity elements; then, with many producers,
//                                               capacity stamps from the next 128 bytes on
//     broadcast   producer, consumers           capacity slots {stamp, element}, likewise
//     priority    producer, consumer            three record rings, each with such a header
//
// tail, head and each end have a pair of lines to themselves. The attention pair is quiet while
// nobody sleeps: all sides have it in their caches and only read it. An end's role is the lock on
// byte `index` of the object.
//
// 32-bit and 64-bit processes share this layout.

#include <stdint.h>

#include "renoir/detail/atomic.h"
#include "renoir/detail/layout.h"

// "rnrRing1" in the order of a little-endian machine: another byte order reads another number.
#define RNR_RING_MAGIC UINT64_C(0x31676e6952726e72)
// In `magic` while somebody formats private memory.
#define RNR_RING_IS_MADE UINT64_C(1)
#define RNR_RING_LAYOUT_VERSION 2u

// Bits of `sleepers`, and of RenoirRingEnd.flags beside RENOIR_RING_*.
#define RNR_RING_PRODUCER_SLEEPS (1u << 0)
#define RNR_RING_CONSUMER_SLEEPS (1u << 1)
// The index of a consumer that nobody knows of: it may not write.
#define RNR_RING_NO_INDEX UINT32_MAX
// This end fences itself after each publication: its process cannot be reached by the barrier.
#define RNR_RING_FENCES (1u << 31)

// Values of `presence`: the low byte, and a flag.
#define RNR_RING_NEVER_CAME UINT64_C(0)
#define RNR_RING_CAME UINT64_C(1)
#define RNR_RING_LEFT UINT64_C(2)
#define RNR_RING_PRESENCE_MASK UINT64_C(0xff)
#define RNR_RING_FENCES_ITSELF UINT64_C(0x100)

#define RNR_RING_ROLE_SHIFT 16 // RENOIR_PRODUCER or RENOIR_CONSUMER, where an end may be either

// How many producers a SEQUENCED ring with RENOIR_RING_MULTI_PRODUCER has at most.
#define RNR_SEQUENCED_PRODUCERS 32u

// One end, as its owner describes it. Hints: whether it lives, its role's lock says.
typedef struct RnrRingEndShm {
    RnrAtomicU64 node_id;    // the owner, at open; 0 without a region
    RnrAtomicU64 since_ns;   // the owner, at open
    RnrAtomicU64 presence;   // the owner, at open and close; without a region it is the role itself
    RnrAtomicU64 post;       // the owner: the wait set to be told as well as the bell; 0: none
    RnrAtomicU64 cursor;     // SEQUENCED, a consumer: elements it is done with; one of many
                             // producers: where its last claim begins
    RnrAtomicU64 after_mask; // SEQUENCED, a consumer: those that it comes after
    uint8_t pad[RNR_CACHE_PAIR - 48];
} RnrRingEndShm;

typedef struct RnrRingShm {
    RnrAtomicU64 magic;      // creator, last
    uint32_t layout_version; // creator
    uint32_t kind;           // creator; RENOIR_RING_*
    uint32_t flags;          // creator; RENOIR_RING_*
    uint32_t element_size;   // creator; 0 for records
    uint32_t stride;         // creator; bytes from one cell to the next; 8 for records
    uint32_t max_record;     // creator; 0 for elements
    uint64_t capacity;       // creator; elements, or bytes of records; a power of two
    uint64_t cells_offset;   // creator; a multiple of 128
    uint64_t total_bytes;    // creator; all of it
    uint32_t end_count;      // creator
    uint32_t max_ends;       // creator; as given in the options; 0 where the kind has no use for it
    uint32_t lane_shares;    // creator; PRIORITY: per cent, a byte each; else 0
    uint32_t reserved;       // zero
    uint8_t pad_geometry[RNR_CACHE_PAIR - 72];

    RnrAtomicU64 tail;  // producers; elements or bytes published since creation. MPMC: a hint
    RnrAtomicU64 limit; // SEQUENCED: how far the producers believe that they may go
    uint8_t pad_tail[RNR_CACHE_PAIR - 16];

    RnrAtomicU64 head; // consumer; elements or bytes given back since creation. MPMC: a hint
    uint8_t pad_head[RNR_CACHE_PAIR - 8];

    RnrAtomicU32 sleepers; // sleepers set their bit, ringers clear it; a hint
    RnrAtomicU32 bells[2]; // ringers; [0] producers sleep on, [1] consumers
    RnrAtomicU32 left;     // MPMC: goes up when an unfinished slot is left out. SEQUENCED: 1 once
                           // a consumer has come that comes after another
    RnrAtomicU32 rescan;   // MPMC: goes up when an element waits where consumers have passed.
                           // SEQUENCED: goes up when a consumer joins
    RnrAtomicU32 skipped;  // slots of dead claimers that were skipped
    uint8_t pad_attention[RNR_CACHE_PAIR - 24];
} RnrRingShm; // then the ends: rnr_ring_end_shm()

RNR_LAYOUT_FIELD(RnrRingEndShm, node_id, 0);
RNR_LAYOUT_FIELD(RnrRingEndShm, since_ns, 8);
RNR_LAYOUT_FIELD(RnrRingEndShm, presence, 16);
RNR_LAYOUT_FIELD(RnrRingEndShm, post, 24);
RNR_LAYOUT_FIELD(RnrRingEndShm, cursor, 32);
RNR_LAYOUT_FIELD(RnrRingEndShm, after_mask, 40);
RNR_LAYOUT_SIZE(RnrRingEndShm, 128);

RNR_LAYOUT_FIELD(RnrRingShm, magic, 0);
RNR_LAYOUT_FIELD(RnrRingShm, layout_version, 8);
RNR_LAYOUT_FIELD(RnrRingShm, kind, 12);
RNR_LAYOUT_FIELD(RnrRingShm, flags, 16);
RNR_LAYOUT_FIELD(RnrRingShm, element_size, 20);
RNR_LAYOUT_FIELD(RnrRingShm, stride, 24);
RNR_LAYOUT_FIELD(RnrRingShm, max_record, 28);
RNR_LAYOUT_FIELD(RnrRingShm, capacity, 32);
RNR_LAYOUT_FIELD(RnrRingShm, cells_offset, 40);
RNR_LAYOUT_FIELD(RnrRingShm, total_bytes, 48);
RNR_LAYOUT_FIELD(RnrRingShm, end_count, 56);
RNR_LAYOUT_FIELD(RnrRingShm, max_ends, 60);
RNR_LAYOUT_FIELD(RnrRingShm, lane_shares, 64);
RNR_LAYOUT_FIELD(RnrRingShm, tail, 128);
RNR_LAYOUT_FIELD(RnrRingShm, limit, 136);
RNR_LAYOUT_FIELD(RnrRingShm, head, 256);
RNR_LAYOUT_FIELD(RnrRingShm, sleepers, 384);
RNR_LAYOUT_FIELD(RnrRingShm, bells, 388);
RNR_LAYOUT_FIELD(RnrRingShm, left, 396);
RNR_LAYOUT_FIELD(RnrRingShm, rescan, 400);
RNR_LAYOUT_FIELD(RnrRingShm, skipped, 404);
RNR_LAYOUT_SIZE(RnrRingShm, 512);

// SPSC, RECORD, PRIORITY: 0 is the producer, 1 the consumer.
static inline RnrRingEndShm *rnr_ring_end_shm(RnrRingShm *shm, uint32_t index)
{
    return (RnrRingEndShm *)(void *)(shm + 1) + index;
}

// A slot of a stamped spsc or a broadcast ring; the element follows. What the stamp says: the
// kind's header.
typedef struct RnrStampedSlotShm {
    RnrAtomicU64 stamp;
} RnrStampedSlotShm;

RNR_LAYOUT_FIELD(RnrStampedSlotShm, stamp, 0);
RNR_LAYOUT_SIZE(RnrStampedSlotShm, 8);

// A slot of an mpmc ring; the element follows.
typedef struct RnrMpmcSlotShm {
    RnrAtomicU64 claim; // whoever claims it, by compare-and-swap: lap, what for, who
    RnrAtomicU64 done; // the claimer: how often it was filled and emptied; odd: it holds an element
} RnrMpmcSlotShm;

RNR_LAYOUT_FIELD(RnrMpmcSlotShm, claim, 0);
RNR_LAYOUT_FIELD(RnrMpmcSlotShm, done, 8);
RNR_LAYOUT_SIZE(RnrMpmcSlotShm, 16);

// What precedes each record, at a multiple of 8.
typedef struct RnrRecordShm {
    uint32_t length; // producer; bytes that follow, without the padding to 8
    uint32_t tag;    // producer; the user's
} RnrRecordShm;

RNR_LAYOUT_FIELD(RnrRecordShm, length, 0);
RNR_LAYOUT_FIELD(RnrRecordShm, tag, 4);
RNR_LAYOUT_SIZE(RnrRecordShm, 8);

#endif
