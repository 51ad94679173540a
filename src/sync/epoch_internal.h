// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_SYNC_EPOCH_INTERNAL_H
#define RNR_SYNC_EPOCH_INTERNAL_H

// What the files epoch*.c share.

#include <pthread.h>

#include "layout/epoch_shm.h"
#include "memory/object.h"
#include "platform/lock.h"
#include "sync/epoch.h"

typedef struct RnrEpochShape {
    uint32_t max_readers;
    uint32_t chunk_count;
    uint32_t chunk_tokens;
    uint64_t heads_offset;
    uint64_t chunks_offset;
    uint64_t total_bytes;
} RnrEpochShape;

struct RenoirEpochReader {
    uint64_t magic;
    uint64_t generation;       // of forks
    const RnrAtomicU64 *forks; // = generation in this process alone
    RnrEpochReaderShm *slot;   // the reader's own
    const RnrAtomicU64 *now;   // the epoch's
    uint64_t depth;            // of enters
    bool is_fencing;
    RnrEpoch *epoch;
    RnrRole role;
    struct RenoirEpochReader *next, *previous; // of the same epoch's handle, under its mutex
};

struct RenoirEpoch {
    uint64_t magic;
    uint64_t generation;       // of forks
    const RnrAtomicU64 *forks; // = generation in this process alone
    RnrObject object;
    RnrEpochShape shape; // a checked copy
    RnrEpochShm *shm;
    RnrEpochHeadShm *heads;
    RnrEpochRecordShm *records; // chunk_tokens for each head
    uint32_t index;             // of the participant
    uint64_t number;            // since when it has it
    bool is_fencing;
    RnrRole role;
    pthread_mutex_t mutex;
    RnrEpochReader *readers; // under mutex
    // presence of a reader that was found dead: asked once. Any thread of this process.
    RnrAtomicU64 dead[RNR_EPOCH_READERS_MAX];
    uint8_t pad[RNR_CACHE_PAIR];
    // The chunk that this process fills, + 1, << 32 | records given out. Any thread of it.
    RnrAtomicU64 cursor;
};

// False: numbers out of range.
bool rnr_epoch_shape(uint32_t max_readers,
                     uint32_t chunk_count,
                     uint32_t chunk_tokens,
                     RnrEpochShape *out_shape);
// CORRUPTED without a record: the geometry contradicts itself or the size.
RenoirErrorCode
rnr_epoch_read_shape(const void *memory, uint64_t size_bytes, RnrEpochShape *out_shape);

static inline uint64_t rnr_epoch_name(uint64_t number, uint32_t state, uint32_t index)
{
    return number << 10 | (uint64_t)state << 8 | index;
}

static inline uint64_t rnr_epoch_name_number(uint64_t name)
{
    return name >> 10;
}

static inline uint32_t rnr_epoch_name_state(uint64_t name)
{
    return (uint32_t)(name >> 8) & 3;
}

static inline uint32_t rnr_epoch_name_index(uint64_t name)
{
    return (uint32_t)name & 0xff;
}

static inline RnrEpochRecordShm *rnr_epoch_records(const RnrEpoch *epoch, uint32_t chunk)
{
    return epoch->records + (size_t)chunk * epoch->shape.chunk_tokens;
}

// Not in a forked child.
static inline bool rnr_epoch_is_same_process(const RnrEpoch *epoch)
{
    // [own: relaxed] Changes only in a child's first moment, before it has a second thread.
    return rnr_load_relaxed_u64(epoch->forks) == epoch->generation;
}

// A number that was never used before.
uint64_t rnr_epoch_number(RnrEpoch *epoch);
// Whether the process of this name does nothing in this epoch any more. At most one system call.
bool rnr_epoch_is_gone(const RnrEpoch *epoch, uint64_t name);

// What a look at a reader's slot found.
typedef struct RnrEpochSight {
    bool is_active;
    uint64_t epoch;    // if it is active
    uint64_t presence; // 0: nobody ever had it
} RnrEpochSight;

RnrEpochSight rnr_epoch_look(const RnrEpoch *epoch, uint32_t reader);
// One system call, unless it is known to be dead.
bool rnr_epoch_reader_is_alive(RnrEpoch *epoch, uint32_t reader, uint64_t presence);

// Empties the chunk for the next one, if no token is left in it and none will come. asks: also
// whether its filler is dead.
void rnr_epoch_tidy(RnrEpoch *epoch, uint32_t chunk, bool asks);

#endif
