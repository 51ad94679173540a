// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_LAYOUT_STATE_SHM_H
#define RNR_LAYOUT_STATE_SHM_H

// A state (RNR_OBJECT_STATE), as it lies in a region.
//
//     0            128          256            384          512           1024
//     ┌────────────┬────────────┬──────────────┬────────────┬─────────────┬───────────────────────
//     │ geometry   │ latest     │ attention    │ writer     │ addresses   │ 16 versions of
//     │ creator,   │ writer     │ readers and  │ writer     │ wait sets   │ `stride` bytes
//     │ once       │            │ writer       │            │             │ writer
//     └────────────┴────────────┴──────────────┴────────────┴─────────────┴───────────────────────
//
//     a version     0        8        data_offset
//                   ┌────────┬────────┬─────────────────
//                   │ stamp  │ length │ data[max_size]         version n lies in place n mod 16
//                   └────────┴────────┴─────────────────
//
// A value of up to 48 bytes shares the line of its stamp, one of up to 112 the pair of lines, which
// is all that is moved for it. Longer values begin on a line of their own, so that copying them
// does not straddle two lines with each of its steps.
//
// The attention pair is quiet while nobody sleeps: the writer has it in its cache and only reads
// it.

#include <stdint.h>

#include "layout/layout.h"
#include "renoir/detail/atomic.h"

// "rnrStat1" in the order of a little-endian machine.
#define RNR_STATE_MAGIC UINT64_C(0x3174617453726e72)
#define RNR_STATE_LAYOUT_VERSION 1u

enum {
    RNR_STATE_VERSIONS = 16,
    RNR_STATE_ADDRESSES = 64,
    RNR_STATE_DATA_OFFSET_SMALL = 16, // of a version whose data fits the pair of its stamp
    RNR_STATE_DATA_OFFSET = 64
};

// The one bit of `sleepers`, shared by all readers.
#define RNR_STATE_READER_SLEEPS (1u << 0)

// Values of `presence`: the low byte, and a flag.
#define RNR_STATE_NEVER_CAME UINT64_C(0)
#define RNR_STATE_CAME UINT64_C(1)
#define RNR_STATE_LEFT UINT64_C(2)
#define RNR_STATE_PRESENCE_MASK UINT64_C(0xff)
#define RNR_STATE_FENCES_ITSELF UINT64_C(0x100)

typedef struct RnrStateShm {
    RnrAtomicU64 magic;       // creator, last
    uint32_t layout_version;  // creator
    uint32_t version_count;   // creator; RNR_STATE_VERSIONS
    uint64_t max_size;        // creator; bytes of the longest value
    uint64_t stride;          // creator; bytes from one version to the next
    uint64_t data_offset;     // creator; of a version's data from its stamp
    uint64_t versions_offset; // creator; of the first one
    uint64_t total_bytes;     // creator; all of it
    uint8_t pad_geometry[RNR_CACHE_PAIR - 56];

    RnrAtomicU64 latest; // writer; the newest whole version, 0 at first
    uint8_t pad_latest[RNR_CACHE_PAIR - 8];

    RnrAtomicU32 sleepers;  // readers set the bit, the writer clears it; a hint
    RnrAtomicU32 bell;      // writer; readers sleep on it
    RnrAtomicU64 announced; // wait sets set the bit of their place, the writer clears all; a hint
    uint8_t pad_attention[RNR_CACHE_PAIR - 16];

    // Hints: whether it lives, its role's lock says.
    RnrAtomicU64 node_id;  // writer, when it opens
    RnrAtomicU64 since_ns; // writer, when it opens
    RnrAtomicU64 presence; // writer, when it opens and closes
    uint8_t pad_writer[RNR_CACHE_PAIR - 24];

    RnrAtomicU64 addresses[RNR_STATE_ADDRESSES]; // a wait set each, by swap; 0: free
} RnrStateShm;                                   // the versions follow

RNR_LAYOUT_FIELD(RnrStateShm, magic, 0);
RNR_LAYOUT_FIELD(RnrStateShm, layout_version, 8);
RNR_LAYOUT_FIELD(RnrStateShm, version_count, 12);
RNR_LAYOUT_FIELD(RnrStateShm, max_size, 16);
RNR_LAYOUT_FIELD(RnrStateShm, stride, 24);
RNR_LAYOUT_FIELD(RnrStateShm, data_offset, 32);
RNR_LAYOUT_FIELD(RnrStateShm, versions_offset, 40);
RNR_LAYOUT_FIELD(RnrStateShm, total_bytes, 48);
RNR_LAYOUT_FIELD(RnrStateShm, latest, 128);
RNR_LAYOUT_FIELD(RnrStateShm, sleepers, 256);
RNR_LAYOUT_FIELD(RnrStateShm, bell, 260);
RNR_LAYOUT_FIELD(RnrStateShm, announced, 264);
RNR_LAYOUT_FIELD(RnrStateShm, node_id, 384);
RNR_LAYOUT_FIELD(RnrStateShm, since_ns, 392);
RNR_LAYOUT_FIELD(RnrStateShm, presence, 400);
RNR_LAYOUT_FIELD(RnrStateShm, addresses, 512);
RNR_LAYOUT_SIZE(RnrStateShm, 1024);

// What precedes a version's data.
typedef struct RnrVersionShm {
    RnrAtomicU64 stamp;  // writer; the version's number, 0 while it is being written
    RnrAtomicU64 length; // writer; bytes of data
} RnrVersionShm;

RNR_LAYOUT_FIELD(RnrVersionShm, stamp, 0);
RNR_LAYOUT_FIELD(RnrVersionShm, length, 8);
RNR_LAYOUT_SIZE(RnrVersionShm, 16);

#endif
