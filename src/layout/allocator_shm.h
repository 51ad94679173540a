// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_LAYOUT_ALLOCATOR_SHM_H
#define RNR_LAYOUT_ALLOCATOR_SHM_H

// Allocators, as they lie in a region.
//
// Bump (RNR_OBJECT_BUMP)
//
//     0             128           256
//     ┌─────────────┬─────────────┬───────────────────────────────
//     │ geometry    │ used        │ data[capacity]
//     │ creator     │ everybody   │ whoever was given them
//     └─────────────┴─────────────┴───────────────────────────────
//
// Blocks (RNR_OBJECT_BLOCKS)
//
//     0             128                256 + 8 * summary words         data_offset
//     ┌─────────────┬────────┬─────────┬──────────────────────────┬────┬─────────────────────
//     │ geometry    │ spare  │ summary │ bits, one a block        │    │ block_count blocks
//     │ creator     │        │         │ everybody                │    │ whoever was given them
//     └─────────────┴────────┴─────────┴──────────────────────────┴────┴─────────────────────
//
// Bit b of bits word w: block 64 * w + b is handed out. Bit b of summary word s: all blocks of bits
// word 64 * s + b are, a hint.

#include <stdint.h>

#include "layout/layout.h"
#include "renoir/detail/atomic.h"

typedef struct RnrBumpShm {
    uint64_t capacity; // bytes of data; the creator's, once
    uint8_t pad_geometry[RNR_CACHE_PAIR - 8];
    RnrAtomicU64 used; // bytes handed out, padding included; whoever allocates or rewinds
    uint8_t pad_used[RNR_CACHE_PAIR - 8];
} RnrBumpShm;

RNR_LAYOUT_FIELD(RnrBumpShm, capacity, 0);
RNR_LAYOUT_FIELD(RnrBumpShm, used, 128);
RNR_LAYOUT_SIZE(RnrBumpShm, 256);

typedef struct RnrBlocksShm {
    uint64_t block_size;  // bytes, a multiple of 8; the creator's, once
    uint64_t block_count; // the creator's, once
    uint64_t data_offset; // of the first block, from here; the creator's, once
    uint8_t pad_geometry[2 * RNR_CACHE_PAIR - 24];
    RnrAtomicU64 words[]; // summary, then bits; whoever allocates or frees
} RnrBlocksShm;

RNR_LAYOUT_FIELD(RnrBlocksShm, block_size, 0);
RNR_LAYOUT_FIELD(RnrBlocksShm, block_count, 8);
RNR_LAYOUT_FIELD(RnrBlocksShm, data_offset, 16);
RNR_LAYOUT_FIELD(RnrBlocksShm, words, 256);
RNR_LAYOUT_SIZE(RnrBlocksShm, 256);

// Blocks are aligned to the largest power of two that divides their size, up to this: the smallest
// page of all processors, which every mapping is aligned to.
enum { RNR_BLOCK_ALIGNMENT_MAX = 4096 };

#endif
