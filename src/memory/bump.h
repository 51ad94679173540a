// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_MEMORY_BUMP_H
#define RNR_MEMORY_BUMP_H

// Memory handed out from one end, freed all at once or back to a mark. No records: the caller words
// the message.

#include <stdbool.h>
#include <stdint.h>

#include "layout/allocator_shm.h"
#include "renoir/status.h"

// This process's view: a checked copy of the geometry.
typedef struct RnrBump {
    RnrBumpShm *shm;
    unsigned char *data;
    uint64_t capacity;
} RnrBump;

// Bytes that an allocator of that capacity takes; false if they do not fit 64 bits.
bool rnr_bump_size(uint64_t capacity, uint64_t *out_size);
// Lays one out in zeroed memory. capacity 0: what fits. INSUFFICIENT_SPACE.
RenoirErrorCode rnr_bump_format(void *memory, uint64_t size, uint64_t capacity);
// CORRUPTED if the geometry does not fit the memory.
RenoirErrorCode rnr_bump_attach(RnrBump *bump, void *memory, uint64_t size);

// INSUFFICIENT_SPACE, CORRUPTED. alignment: a power of two; the address is aligned.
RenoirErrorCode
rnr_bump_allocate(RnrBump *bump, uint64_t size, uint64_t alignment, void **out_memory);
// Bytes handed out. CORRUPTED.
RenoirErrorCode rnr_bump_used(const RnrBump *bump, uint64_t *out_used);
// INVALID_PARAMETER: the mark lies ahead. CORRUPTED.
RenoirErrorCode rnr_bump_rewind(RnrBump *bump, uint64_t mark);
void rnr_bump_reset(RnrBump *bump);

#endif
