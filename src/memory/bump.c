// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Memory handed out from one end by any number of processes.
//
// Picture            capacity 64, used 40
//
//     byte        0           16      24              40                          64
//              ┌────────────┬───────┬───────────────┬───────────────────────────┐
//              │ 16 bytes   │ (pad) │ 16 bytes      │ free                      │
//              └────────────┴───────┴───────────────┴───────────────────────────┘
//                                                   ▲
//                                                  used
//
// Who writes what
//     capacity   creator, before the object can be found; every process keeps a copy
//     used       whoever allocates, rewinds or resets, by one swap each
//     data       whoever was given it
//
// Invariants
//     I1  used <= capacity
//     I2  between two rewinds used only grows, so no two allocations overlap
//
// Edges
//     bump.used    allocate, rewind: swap used, acq_rel  ──►  allocate, rewind: load or swap,
//     acquire
//                  reset: store used, release            ──►  the same
//                  carries "whoever had the bytes beyond it is done with them", from who rewinds to
//                  who allocates next
//
// Progress
//     Lock-free: a swap fails only if another one succeeded. After SWAPS_MAX failures in a row,
//     which takes somebody who writes at random, the call fails.
//
// If a process dies
//     before the swap   nothing happened
//     after             its bytes stay handed out until somebody rewinds or resets
//
// Trust
//     used is input: copied once, checked against I1, else CORRUPTED. What is handed out lies
//     within the object whatever it says.
//
// ABA
//     The number is the whole state: that it changed and changed back in between harms nobody.
//
// Proof
//     unit     tests/unit/memory/allocator_test.c

#include "memory/bump.h"

#include "base/bits.h"

enum { SWAPS_MAX = 1 << 20 };

bool rnr_bump_size(uint64_t capacity, uint64_t *out_size)
{
    return rnr_add(sizeof(RnrBumpShm), capacity, out_size);
}

RenoirErrorCode rnr_bump_format(void *memory, uint64_t size, uint64_t capacity)
{
    RnrBumpShm *shm = memory;

    if (size <= sizeof *shm || capacity > size - sizeof *shm) {
        return RENOIR_INSUFFICIENT_SPACE;
    }
    shm->capacity = capacity != 0 ? capacity : size - sizeof *shm;
    return RENOIR_SUCCESS;
}

RenoirErrorCode rnr_bump_attach(RnrBump *bump, void *memory, uint64_t size)
{
    if (size <= sizeof(RnrBumpShm)) {
        return RENOIR_CORRUPTED;
    }
    bump->shm = memory;
    bump->capacity = bump->shm->capacity;
    if (bump->capacity == 0 || bump->capacity > size - sizeof(RnrBumpShm)) {
        return RENOIR_CORRUPTED;
    }
    bump->data = (unsigned char *)memory + sizeof(RnrBumpShm);
    return RENOIR_SUCCESS;
}

RenoirErrorCode rnr_bump_used(const RnrBump *bump, uint64_t *out_used)
{
    // [bump.used: acquire] Who rewound is done with the bytes beyond it.
    *out_used = rnr_load_acquire_u64(&bump->shm->used);
    return *out_used <= bump->capacity ? RENOIR_SUCCESS : RENOIR_CORRUPTED; // I1
}

// Where an allocation would lie that begins after `used` bytes. False: it does not fit.
static bool
place(const RnrBump *bump, uint64_t used, uint64_t size, uint64_t alignment, uint64_t *out_start)
{
    const uint64_t address = (uint64_t)(uintptr_t)bump->data + used;
    const uint64_t padding = (alignment - (address & (alignment - 1))) & (alignment - 1);

    if (padding > bump->capacity - used || size > bump->capacity - used - padding) {
        return false;
    }
    *out_start = used + padding;
    return true;
}

RenoirErrorCode
rnr_bump_allocate(RnrBump *bump, uint64_t size, uint64_t alignment, void **out_memory)
{
    // [bump.used: acquire] Who rewound is done with the bytes beyond it.
    uint64_t used = rnr_load_acquire_u64(&bump->shm->used);

    for (int i = 0; i < SWAPS_MAX; ++i) {
        uint64_t start = 0;
        if (used > bump->capacity) {
            return RENOIR_CORRUPTED; // I1
        }
        if (!place(bump, used, size, alignment, &start)) {
            return RENOIR_INSUFFICIENT_SPACE;
        }
        RNR_FAULT_POINT("bump.allocate.before");
        // [bump.used: acq_rel] Takes the bytes from used to start + size, and nobody else does.
        if (rnr_cas_acq_rel_u64(&bump->shm->used, &used, start + size)) {
            RNR_FAULT_POINT("bump.allocate.after");
            *out_memory = bump->data + start;
            return RENOIR_SUCCESS;
        }
    }
    return RENOIR_CORRUPTED;
}

RenoirErrorCode rnr_bump_rewind(RnrBump *bump, uint64_t mark)
{
    // [bump.used: acquire] As for allocating.
    uint64_t used = rnr_load_acquire_u64(&bump->shm->used);

    for (int i = 0; i < SWAPS_MAX; ++i) {
        if (used > bump->capacity) {
            return RENOIR_CORRUPTED; // I1
        }
        if (mark > used) {
            return RENOIR_INVALID_PARAMETER;
        }
        // [bump.used: acq_rel] The caller is done with the bytes beyond the mark.
        if (rnr_cas_acq_rel_u64(&bump->shm->used, &used, mark)) {
            return RENOIR_SUCCESS;
        }
    }
    return RENOIR_CORRUPTED;
}

void rnr_bump_reset(RnrBump *bump)
{
    // [bump.used: release] The caller is done with all bytes. Also mends a damaged word.
    rnr_store_release_u64(&bump->shm->used, 0);
}
