// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_LAYOUT_EPOCH_SHM_H
#define RNR_LAYOUT_EPOCH_SHM_H

// An epoch (RNR_OBJECT_EPOCH), as it lies in a region.
//
//     0          128         256         384            896
//     ┌──────────┬───────────┬───────────┬──────────────┬─────────────────────┬───────┬──────────
//     │ geometry │ epoch     │ counts    │ participants │ readers             │ heads │ chunks
//     │ creator  │ reclaimer │ everybody │ one word each│ a pair of lines each│       │ 1 KiB each
//     └──────────┴───────────┴───────────┴──────────────┴─────────────────────┴───────┴──────────
//
// The heads begin behind the last reader, the chunks at the next multiple of 128 behind the last
// head. A chunk has room for chunk_tokens tokens, which one process fills one after another.
//
// Who has what, by name. A name is {number, state, index}: the index is a participant's, and its
// role is a byte lock (RNR_EPOCH_READERS_MAX + index); all numbers come from one counter.
//
//     63                          10 9     8 7       0
//     ┌─────────────────────────────┬───────┬─────────┐
//     │ number, never used twice    │ state │ index   │
//     └─────────────────────────────┴───────┴─────────┘

#include <stdint.h>

#include "layout/layout.h"
#include "renoir/detail/atomic.h"

enum {
    RNR_EPOCH_READERS_MAX = 64,  // roles 0 to 63
    RNR_EPOCH_PARTICIPANTS = 63, // roles 64 to 126
    RNR_EPOCH_CHUNK_TOKENS = 64, // at most: bits of a word
    // So that RENOIR_EPOCH_PENDING tokens fit although each participant's last chunk is not full.
    RNR_EPOCH_CHUNKS = 160 + RNR_EPOCH_PARTICIPANTS,
    RNR_EPOCH_CHUNKS_MAX = 1 << 20
};

// States of a name.
enum {
    RNR_EPOCH_FILLING = 1,   // its process may put tokens into the chunk's records
    RNR_EPOCH_ABANDONED = 2, // no record will be filled any more
    RNR_EPOCH_CLEARING = 3   // its records are being emptied, for whoever comes next
};

// Kinds of a record's `state`, in its low two bits; above them is the epoch of a READY one.
enum { RNR_EPOCH_EMPTY = 0, RNR_EPOCH_READY = 1, RNR_EPOCH_DONE = 2 };

typedef struct RnrEpochReaderShm {
    RnrAtomicU64 state;    // epoch << 1 | 1 inside, 0 outside; the reader
    RnrAtomicU64 presence; // number << 1 | fences itself; the reader, when it opens
    RnrAtomicU64 node_id;  // of the last one that had the role; the reader, when it opens
    RnrAtomicU64 pid;      // for people; the reader, when it opens
    uint8_t pad[RNR_CACHE_PAIR - 32];
} RnrEpochReaderShm;

RNR_LAYOUT_FIELD(RnrEpochReaderShm, state, 0);
RNR_LAYOUT_FIELD(RnrEpochReaderShm, presence, 8);
RNR_LAYOUT_FIELD(RnrEpochReaderShm, node_id, 16);
RNR_LAYOUT_FIELD(RnrEpochReaderShm, pid, 24);
RNR_LAYOUT_SIZE(RnrEpochReaderShm, 128);

typedef struct RnrEpochHeadShm {
    RnrAtomicU64 filler; // name; 0: the chunk is free. Who fills it; who empties it
    RnrAtomicU64 taker;  // name, or 0; who calls for its tokens
} RnrEpochHeadShm;

RNR_LAYOUT_FIELD(RnrEpochHeadShm, filler, 0);
RNR_LAYOUT_FIELD(RnrEpochHeadShm, taker, 8);
RNR_LAYOUT_SIZE(RnrEpochHeadShm, 16);

typedef struct RnrEpochRecordShm {
    RnrAtomicU64 state; // epoch << 2 | kind; the filler: READY; the taker: the rest
    RnrAtomicU64 token; // the filler
} RnrEpochRecordShm;

RNR_LAYOUT_FIELD(RnrEpochRecordShm, state, 0);
RNR_LAYOUT_FIELD(RnrEpochRecordShm, token, 8);
RNR_LAYOUT_SIZE(RnrEpochRecordShm, 16);

typedef struct RnrEpochShm {
    uint32_t max_readers;  // the creator's, once
    uint32_t chunk_count;  // the creator's, once
    uint32_t chunk_tokens; // records in each; the creator's, once
    uint8_t pad_geometry[RNR_CACHE_PAIR - 12];
    RnrAtomicU64 epoch;       // from 1; whoever reclaims adds 1
    RnrAtomicU64 advanced_ns; // when; a hint, the same
    uint8_t pad_epoch[RNR_CACHE_PAIR - 16];
    RnrAtomicU64 numbers;        // given out; whoever takes a role or a chunk adds 1
    RnrAtomicU64 reclaimed;      // tokens; whoever reclaims
    RnrAtomicU64 first_ready[4]; // of epoch % 4: its low 16 bits << 48 | ns >> 10; hints, retirers
    uint8_t pad_counts[RNR_CACHE_PAIR - 48];
    RnrAtomicU64 participants[64]; // number << 1 | fences itself; each its own, when it opens
    RnrEpochReaderShm readers[];   // max_readers
} RnrEpochShm;

RNR_LAYOUT_FIELD(RnrEpochShm, max_readers, 0);
RNR_LAYOUT_FIELD(RnrEpochShm, chunk_count, 4);
RNR_LAYOUT_FIELD(RnrEpochShm, chunk_tokens, 8);
RNR_LAYOUT_FIELD(RnrEpochShm, epoch, 128);
RNR_LAYOUT_FIELD(RnrEpochShm, advanced_ns, 136);
RNR_LAYOUT_FIELD(RnrEpochShm, numbers, 256);
RNR_LAYOUT_FIELD(RnrEpochShm, reclaimed, 264);
RNR_LAYOUT_FIELD(RnrEpochShm, first_ready, 272);
RNR_LAYOUT_FIELD(RnrEpochShm, participants, 384);
RNR_LAYOUT_FIELD(RnrEpochShm, readers, 896);
RNR_LAYOUT_SIZE(RnrEpochShm, 896);

#endif
