// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_MEMORY_BLOCKS_H
#define RNR_MEMORY_BLOCKS_H

// Blocks of one size, handed out and freed one by one. No records: the caller words the message.

#include <stdbool.h>
#include <stdint.h>

#include "layout/allocator_shm.h"
#include "renoir/status.h"

// Sizes and places, all from block_size and block_count.
typedef struct RnrBlocksShape {
    uint64_t block_size;
    uint64_t block_count;
    uint64_t summary_count; // words
    uint64_t word_count;    // words of bits
    uint64_t data_offset;
    uint64_t alignment;   // of each block
    uint64_t total_bytes; // of the object
} RnrBlocksShape;

// This process's view: a checked copy of the geometry.
typedef struct RnrBlocks {
    RnrBlocksShape shape;
    RnrAtomicU64 *summary;
    RnrAtomicU64 *bits;
    unsigned char *data;
    RnrAtomicU64 hint; // the bits word where this process looks first; any of its threads
    RnrAtomicU64 scan; // where the next scan for lost blocks goes on; any of its threads
} RnrBlocks;

// False: a count or size of 0, a size that is no multiple of 8, or it does not fit 64 bits.
bool rnr_blocks_shape(uint64_t block_size, uint64_t block_count, RnrBlocksShape *out_shape);
// The shape with the most blocks that fits `size` bytes. False: not even one block does.
bool rnr_blocks_largest_shape(uint64_t block_size, uint64_t size, RnrBlocksShape *out_shape);

// Lays them out in zeroed memory of at least shape->total_bytes.
void rnr_blocks_format(void *memory, const RnrBlocksShape *shape);
// CORRUPTED if the geometry contradicts itself or does not fit the memory. seed: any number,
// another one in each process, so that they begin to look in different places.
RenoirErrorCode rnr_blocks_attach(RnrBlocks *blocks, void *memory, uint64_t size, uint64_t seed);

// INSUFFICIENT_SPACE: all are handed out.
RenoirErrorCode rnr_blocks_allocate(RnrBlocks *blocks, void **out_block);
// INVALID_PARAMETER: not the start of a block, or the block is free already. CORRUPTED: somebody
// writes to the bits at random.
RenoirErrorCode rnr_blocks_free(RnrBlocks *blocks, const void *block);
void rnr_blocks_reset(RnrBlocks *blocks);
// Blocks handed out now.
uint64_t rnr_blocks_used(const RnrBlocks *blocks);
// The first bits word with a bit beyond the last block, or word_count.
uint64_t rnr_blocks_find_stray_bit(const RnrBlocks *blocks);

#endif
