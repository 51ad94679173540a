// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RENOIR_DETAIL_RING_SHM_H
#define RENOIR_DETAIL_RING_SHM_H

// The index layout of rings: spsc and record, as they lie in a region or in any other memory.
//
//     0            128          256          384          512          640
//     ┌────────────┬────────────┬────────────┬────────────┬────────────┬─────────────────────────
//     │ geometry   │ tail       │ head       │ attention  │ ends       │ cells
//     │ creator,   │ producer   │ consumer   │ who sleeps,│ each by    │ producer
//     │ once       │            │            │ both sides │ its owner  │
//     └────────────┴────────────┴────────────┴────────────┴────────────┴─────────────────────────
//
//     cells, spsc      capacity elements of `stride` bytes
//     cells, record    capacity bytes, then an overhang of 8 + max_record rounded up to 8 bytes,
//     into
//                      which a record that begins near the end of the capacity runs on
//
// tail and head each have a pair of lines to themselves. The attention pair is quiet while nobody
// sleeps: both sides have it in their caches and only read it.
//
// 32-bit and 64-bit processes share this layout.

#include <stdint.h>

#include "renoir/detail/atomic.h"
#include "renoir/detail/layout.h"

// "rnrRing1" in the order of a little-endian machine: another byte order reads another number.
#define RNR_RING_MAGIC UINT64_C(0x31676e6952726e72)
// In `magic` while somebody formats private memory.
#define RNR_RING_IS_MADE UINT64_C(1)
#define RNR_RING_LAYOUT_VERSION 1u
#define RNR_RING_CELLS_OFFSET 640u

// Bits of `sleepers`, and of RenoirRingEnd.flags beside RENOIR_RING_*.
#define RNR_RING_PRODUCER_SLEEPS (1u << 0)
#define RNR_RING_CONSUMER_SLEEPS (1u << 1)
// This end fences itself after each publication: its process cannot be reached by the barrier.
#define RNR_RING_FENCES (1u << 31)

// Values of `presence`: the low byte, and a flag.
#define RNR_RING_NEVER_CAME UINT64_C(0)
#define RNR_RING_CAME UINT64_C(1)
#define RNR_RING_LEFT UINT64_C(2)
#define RNR_RING_PRESENCE_MASK UINT64_C(0xff)
#define RNR_RING_FENCES_ITSELF UINT64_C(0x100)

// One end, as its owner describes it. Hints: whether it lives, its role's lock says.
typedef struct RnrRingEndShm {
    RnrAtomicU64 node_id;  // the owner, at open; 0 without a region
    RnrAtomicU64 since_ns; // the owner, at open
    RnrAtomicU64 presence; // the owner, at open and close; without a region it is the role itself
    uint64_t reserved;     // zero
} RnrRingEndShm;

typedef struct RnrRingShm {
    RnrAtomicU64 magic;      // creator, last
    uint32_t layout_version; // creator
    uint32_t kind;           // creator; RENOIR_RING_*
    uint32_t flags;          // creator; RENOIR_RING_WAITABLE
    uint32_t element_size;   // creator; 0 for records
    uint32_t stride;         // creator; bytes from one cell to the next; 8 for records
    uint32_t max_record;     // creator; 0 for elements
    uint64_t capacity;       // creator; elements, or bytes of records; a power of two
    uint64_t cells_offset;   // creator; RNR_RING_CELLS_OFFSET
    uint64_t total_bytes;    // creator; all of it
    uint8_t pad_geometry[RNR_CACHE_PAIR - 56];

    RnrAtomicU64 tail; // producer; elements or bytes published since creation
    uint8_t pad_tail[RNR_CACHE_PAIR - 8];

    RnrAtomicU64 head; // consumer; elements or bytes given back since creation
    uint8_t pad_head[RNR_CACHE_PAIR - 8];

    RnrAtomicU32 sleepers; // sleepers set their bit, ringers clear it; a hint
    RnrAtomicU32 bells[2]; // ringers; [0] the producer sleeps on, [1] the consumer
    uint8_t pad_attention[RNR_CACHE_PAIR - 12];

    RnrRingEndShm ends[2]; // each by the role's owner; [0] producer, [1] consumer
    uint8_t pad_ends[RNR_CACHE_PAIR - 64];
} RnrRingShm;

RNR_LAYOUT_FIELD(RnrRingEndShm, node_id, 0);
RNR_LAYOUT_FIELD(RnrRingEndShm, since_ns, 8);
RNR_LAYOUT_FIELD(RnrRingEndShm, presence, 16);
RNR_LAYOUT_FIELD(RnrRingEndShm, reserved, 24);
RNR_LAYOUT_SIZE(RnrRingEndShm, 32);

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
RNR_LAYOUT_FIELD(RnrRingShm, tail, 128);
RNR_LAYOUT_FIELD(RnrRingShm, head, 256);
RNR_LAYOUT_FIELD(RnrRingShm, sleepers, 384);
RNR_LAYOUT_FIELD(RnrRingShm, bells, 388);
RNR_LAYOUT_FIELD(RnrRingShm, ends, 512);
RNR_LAYOUT_SIZE(RnrRingShm, 640);

// What precedes each record, at a multiple of 8.
typedef struct RnrRecordShm {
    uint32_t length; // producer; bytes that follow, without the padding to 8
    uint32_t tag;    // producer; the user's
} RnrRecordShm;

RNR_LAYOUT_FIELD(RnrRecordShm, length, 0);
RNR_LAYOUT_FIELD(RnrRecordShm, tag, 4);
RNR_LAYOUT_SIZE(RnrRecordShm, 8);

#endif
