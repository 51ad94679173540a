// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Blocks of one size, handed out and freed one by one by any number of processes.
//
// Picture            130 blocks: three words of bits, one of summary
//
//     summary          0 1 0           all of word 1 is handed out
//                      │ │ │
//     bits   word 0 ───┘ │ └─── word 2: two blocks
//            1101…0      │      10
//                        └───── word 1: 1111…1
//
// Who writes what
//     geometry   creator, before the object can be found; every process keeps a copy
//     bits       whoever allocates or frees, one bit of one word by one swap
//     summary    whoever fills a word or frees the first block of a full one; a hint
//     a block    whoever was given it
//     hint, scan this process's own threads; hints
//
// Invariants
//     I1  a block is handed out if and only if its bit is 1: that bit is the whole truth, so there
//     is
//         no state between free and handed out that a death could leave behind
//     I2  bits beyond the last block are 0
//     I3  a summary bit is 1 only if its word is full, but for the moment in which it changes and
//         after a death in that moment
//
// Edges
//     blocks.bit       free: swap bits, acq_rel  ──►  allocate: load or swap bits, acquire
//                      reset: store bits, release  ──►  the same
//                      carries "whoever had the block is done with it"
//     blocks.summary   see below
//     blocks.full      who sets a summary bit: swap, acq_rel  ──►  who looks for room: load,
//     acquire
//                      carries nothing: a hint. Swaps exist in this order only.
//
// Why seq_cst                     both sides change a word, then look at the other one
//
//     fills a word                        frees the first block of a full word
//     F1  swap   bits: full               E1  swap   bits: no longer full
//     F2  swap   summary: 1               E2  fence  seq_cst
//     F3  fence  seq_cst                  E3  load   summary
//     F4  load   bits                     E4  swap   summary: 0, if it is 1
//     F5  swap   summary: 0, if not full
//
//     A free block is hidden for good only if the summary stays 1: F4 misses E1, and E3 misses F2.
//     F3 and E2 have one order: if F3 comes first, E3 sees F2; if E2 comes first, F4 sees E1. With
//     acquire and release instead, both may miss.
//
// Progress
//     Lock-free: a swap fails only if another one succeeded. Each word is tried SWAPS_MAX times at
//     most, each search looks at each word of summary once, and then at SCAN_WORDS words of bits.
//
// If a process dies
//     before its bit is swapped   nothing happened
//     after allocating            the block stays handed out: blocks have no owner
//     between F2 and F5, E1 and E4
//                                 a summary bit may hide free blocks. A search that finds nothing
//                                 looks at the bits themselves, SCAN_WORDS of them at a time, so
//                                 that up to 64 * SCAN_WORDS blocks an answer "all are handed out"
//                                 is always true, and of more it is after as many answers as there
//                                 are such pieces.
//
// Trust
//     Bits and summary are input. Whatever they say, what is handed out is one of the blocks; a
//     writer at random makes blocks be handed out twice or never, as one that writes into the
//     blocks themselves would.
//
// ABA
//     A swap puts the whole word, and the word is the whole state: that a block was freed and
//     handed out again in between harms nobody. No links lie in the blocks.
//
// Proof
//     unit     tests/unit/memory/allocator_test.c

#include "memory/blocks.h"

#include "base/bits.h"

enum {
    SWAPS_MAX = 256,          // more than this many others in a row get ahead only on purpose
    FREE_SWAPS_MAX = 1 << 20, // a block that is given back has no other word to go to
    SCAN_WORDS = 4096,        // 32 KiB: a few microseconds
    BITS = 64                 // of a word
};

// --- geometry ------------------------------------------------------------------------------------

static uint64_t words_for(uint64_t count)
{
    return count / BITS + (count % BITS != 0);
}

static uint64_t alignment_of(uint64_t block_size)
{
    const uint64_t largest = block_size & (~block_size + 1);
    return largest < RNR_BLOCK_ALIGNMENT_MAX ? largest : RNR_BLOCK_ALIGNMENT_MAX;
}

bool rnr_blocks_shape(uint64_t block_size, uint64_t block_count, RnrBlocksShape *out_shape)
{
    if (block_size == 0 || block_size % 8 != 0 || block_count == 0) {
        return false;
    }
    out_shape->block_size = block_size;
    out_shape->block_count = block_count;
    out_shape->word_count = words_for(block_count);
    out_shape->summary_count = words_for(out_shape->word_count);
    out_shape->alignment = alignment_of(block_size);
    // At most 2^58 + 2^52 words: no overflow.
    const uint64_t words = out_shape->summary_count + out_shape->word_count;
    uint64_t bytes = 0;
    return rnr_round_up(sizeof(RnrBlocksShm) + words * sizeof(RnrAtomicU64), out_shape->alignment,
                        &out_shape->data_offset) &&
           rnr_multiply(block_count, block_size, &bytes) &&
           rnr_add(out_shape->data_offset, bytes, &out_shape->total_bytes);
}

bool rnr_blocks_largest_shape(uint64_t block_size, uint64_t size, RnrBlocksShape *out_shape)
{
    uint64_t fits = 0;                                            // so many do
    uint64_t fails = block_size == 0 ? 1 : size / block_size + 1; // so many do not

    while (fails - fits > 1) {
        const uint64_t middle = fits + (fails - fits) / 2;
        if (rnr_blocks_shape(block_size, middle, out_shape) && out_shape->total_bytes <= size) {
            fits = middle;
        } else {
            fails = middle;
        }
    }
    return rnr_blocks_shape(block_size, fits, out_shape);
}

void rnr_blocks_format(void *memory, const RnrBlocksShape *shape)
{
    RnrBlocksShm *shm = memory;

    shm->block_size = shape->block_size;
    shm->block_count = shape->block_count;
    shm->data_offset = shape->data_offset;
}

RenoirErrorCode rnr_blocks_attach(RnrBlocks *blocks, void *memory, uint64_t size, uint64_t seed)
{
    RnrBlocksShm *shm = memory;
    RnrBlocksShape *shape = &blocks->shape;

    if (size < sizeof *shm) {
        return RENOIR_CORRUPTED;
    }
    const uint64_t data_offset = shm->data_offset;
    if (!rnr_blocks_shape(shm->block_size, shm->block_count, shape) ||
        shape->data_offset != data_offset || shape->total_bytes > size) {
        return RENOIR_CORRUPTED;
    }
    blocks->summary = shm->words;
    blocks->bits = shm->words + shape->summary_count;
    blocks->data = (unsigned char *)memory + data_offset;
    if (((uintptr_t)blocks->data & (shape->alignment - 1)) != 0) {
        return RENOIR_CORRUPTED;
    }
    // [own: relaxed] Nobody else has it yet.
    rnr_store_relaxed_u64(&blocks->hint, seed % shape->word_count);
    rnr_store_relaxed_u64(&blocks->scan, 0);
    return RENOIR_SUCCESS;
}

// --- words ---------------------------------------------------------------------------------------

// The bits of a word of `count` things in all, of which this word has the next 64 from `first` on.
static uint64_t valid_bits(uint64_t count, uint64_t first)
{
    return count - first >= BITS ? UINT64_MAX : (UINT64_C(1) << (count - first)) - 1;
}

static uint64_t full_word(const RnrBlocks *blocks, uint64_t word)
{
    return valid_bits(blocks->shape.block_count, word * BITS);
}

// Sets or clears bits of a word of hints. Gives up where others keep changing it.
static void change_hint(RnrAtomicU64 *cell, uint64_t bit, bool is_set)
{
    // [blocks.full: acquire] The swap looks again.
    uint64_t value = rnr_load_acquire_u64(cell);

    for (int i = 0; i < SWAPS_MAX; ++i) {
        const uint64_t wanted = is_set ? value | bit : value & ~bit;
        // [blocks.full: acq_rel] A hint.
        if (wanted == value || rnr_cas_acq_rel_u64(cell, &value, wanted)) {
            return;
        }
    }
}

static void tell_full(RnrBlocks *blocks, uint64_t word)
{
    RnrAtomicU64 *cell = &blocks->summary[word / BITS];
    const uint64_t bit = UINT64_C(1) << (word % BITS);

    change_hint(cell, bit, true); // F2
    RNR_FAULT_POINT("blocks.allocate.told");
    // [blocks.summary: seq_cst] F3
    rnr_fence_seq_cst();
    // [blocks.bit: acquire] F4
    if (rnr_load_acquire_u64(&blocks->bits[word]) != full_word(blocks, word)) {
        change_hint(cell, bit, false); // F5
    }
}

static void tell_room(RnrBlocks *blocks, uint64_t word)
{
    RnrAtomicU64 *cell = &blocks->summary[word / BITS];
    const uint64_t bit = UINT64_C(1) << (word % BITS);

    // [blocks.summary: seq_cst] E2
    rnr_fence_seq_cst();
    // [blocks.full: acquire] E3
    if ((rnr_load_acquire_u64(cell) & bit) != 0) {
        change_hint(cell, bit, false); // E4
    }
}

// --- allocating ----------------------------------------------------------------------------------

// Takes a block of this word. False: all are handed out.
static bool take_from_word(RnrBlocks *blocks, uint64_t word, void **out_block)
{
    const uint64_t full = full_word(blocks, word);
    // [blocks.bit: acquire] The swap looks again.
    uint64_t bits = rnr_load_acquire_u64(&blocks->bits[word]);

    for (int i = 0; i < SWAPS_MAX && (bits & full) != full; ++i) {
        const uint64_t index = (uint64_t)__builtin_ctzll(~bits & full);
        const uint64_t taken = bits | UINT64_C(1) << index;
        RNR_FAULT_POINT("blocks.allocate.before");
        // [blocks.bit: acq_rel] Who had the block before is done with it.
        if (rnr_cas_acq_rel_u64(&blocks->bits[word], &bits, taken)) {
            RNR_FAULT_POINT("blocks.allocate.after");
            if ((taken & full) == full) {
                tell_full(blocks, word);
            }
            // [hint: relaxed] Only where the next search begins.
            rnr_store_relaxed_u64(&blocks->hint, word);
            *out_block = blocks->data + (word * BITS + index) * blocks->shape.block_size;
            return true;
        }
    }
    return false;
}

// Takes a block of one of the words that this summary word and `among` say have room.
static bool take_from_group(RnrBlocks *blocks, uint64_t group, uint64_t among, void **out_block)
{
    // [blocks.full: acquire] A hint: what it hides, the scan finds.
    const uint64_t full = rnr_load_acquire_u64(&blocks->summary[group]);
    uint64_t left = ~full & among & valid_bits(blocks->shape.word_count, group * BITS);

    while (left != 0) {
        const uint64_t word = group * BITS + (uint64_t)__builtin_ctzll(left);
        if (take_from_word(blocks, word, out_block)) {
            return true;
        }
        tell_full(blocks, word); // or it would be looked at again each time
        left &= left - 1;
    }
    return false;
}

// Looks at the bits themselves, for what a death left hidden.
static bool take_by_scan(RnrBlocks *blocks, void **out_block)
{
    const uint64_t count = blocks->shape.word_count;
    const uint64_t looks = count < SCAN_WORDS ? count : SCAN_WORDS;
    // [hint: relaxed] Two threads may look at the same words, or leave some for the next scan.
    uint64_t word = rnr_load_relaxed_u64(&blocks->scan);

    for (uint64_t i = 0; i < looks; ++i) {
        if (take_from_word(blocks, word, out_block)) {
            tell_room(blocks, word);
            return true;
        }
        word = word + 1 < count ? word + 1 : 0;
    }
    // [hint: relaxed] As above.
    rnr_store_relaxed_u64(&blocks->scan, word);
    return false;
}

RenoirErrorCode rnr_blocks_allocate(RnrBlocks *blocks, void **out_block)
{
    const uint64_t groups = blocks->shape.summary_count;
    // [hint: relaxed] Any word will do; it steers where the search begins.
    const uint64_t hint = rnr_load_relaxed_u64(&blocks->hint);
    const uint64_t first = hint / BITS;
    const uint64_t from_hint = UINT64_MAX << (hint % BITS);

    if (take_from_group(blocks, first, from_hint, out_block)) {
        return RENOIR_SUCCESS;
    }
    for (uint64_t i = 1; i < groups; ++i) {
        const uint64_t group = i < groups - first ? first + i : first + i - groups;
        if (take_from_group(blocks, group, UINT64_MAX, out_block)) {
            return RENOIR_SUCCESS;
        }
    }
    if (take_from_group(blocks, first, ~from_hint, out_block) || take_by_scan(blocks, out_block)) {
        return RENOIR_SUCCESS;
    }
    return RENOIR_INSUFFICIENT_SPACE;
}

// --- freeing -------------------------------------------------------------------------------------

// The number of the block that begins at this address; block_count if none does.
static uint64_t find_block(const RnrBlocks *blocks, const void *block)
{
    const uint64_t offset = (uint64_t)((uintptr_t)block - (uintptr_t)blocks->data);
    const uint64_t index = offset / blocks->shape.block_size;

    // An address before the first block wraps around to a number beyond the last.
    if ((uintptr_t)block < (uintptr_t)blocks->data || offset % blocks->shape.block_size != 0 ||
        index >= blocks->shape.block_count) {
        return blocks->shape.block_count;
    }
    return index;
}

RenoirErrorCode rnr_blocks_free(RnrBlocks *blocks, const void *block)
{
    const uint64_t index = find_block(blocks, block);
    if (index == blocks->shape.block_count) {
        return RENOIR_INVALID_PARAMETER;
    }

    const uint64_t word = index / BITS;
    const uint64_t bit = UINT64_C(1) << (index % BITS);
    const uint64_t full = full_word(blocks, word);
    // [blocks.bit: acquire] The swap looks again.
    uint64_t bits = rnr_load_acquire_u64(&blocks->bits[word]);
    for (int i = 0; (bits & bit) != 0; ++i) {
        if (i == FREE_SWAPS_MAX) {
            return RENOIR_CORRUPTED;
        }
        RNR_FAULT_POINT("blocks.free.before");
        // [blocks.bit: acq_rel] The caller is done with the block.
        if (!rnr_cas_acq_rel_u64(&blocks->bits[word], &bits, bits & ~bit)) {
            continue;
        }
        RNR_FAULT_POINT("blocks.free.after");
        if ((bits & full) == full) {
            tell_room(blocks, word);
        }
        // [hint: relaxed] The block is warm in this processor's cache: the next one gets it.
        rnr_store_relaxed_u64(&blocks->hint, word);
        return RENOIR_SUCCESS;
    }
    return RENOIR_INVALID_PARAMETER;
}

void rnr_blocks_reset(RnrBlocks *blocks)
{
    for (uint64_t i = 0; i < blocks->shape.word_count; ++i) {
        // [blocks.bit: release] The caller is done with all blocks. Also mends damaged words.
        rnr_store_release_u64(&blocks->bits[i], 0);
    }
    for (uint64_t i = 0; i < blocks->shape.summary_count; ++i) {
        // [blocks.full: release] A hint.
        rnr_store_release_u64(&blocks->summary[i], 0);
    }
}

// --- looking -------------------------------------------------------------------------------------

uint64_t rnr_blocks_used(const RnrBlocks *blocks)
{
    uint64_t used = 0;

    for (uint64_t i = 0; i < blocks->shape.word_count; ++i) {
        // [hint: relaxed] A count of slightly different moments.
        const uint64_t bits = rnr_load_relaxed_u64(&blocks->bits[i]);
        used += (uint64_t)__builtin_popcountll(bits & full_word(blocks, i));
    }
    return used;
}

uint64_t rnr_blocks_find_stray_bit(const RnrBlocks *blocks)
{
    uint64_t word = 0;

    // [hint: relaxed] Only the last word can have one, and nobody sound ever sets it.
    while (word < blocks->shape.word_count &&
           (rnr_load_relaxed_u64(&blocks->bits[word]) & ~full_word(blocks, word)) == 0) {
        ++word;
    }
    return word;
}
