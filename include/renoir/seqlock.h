// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RENOIR_SEQLOCK_H
#define RENOIR_SEQLOCK_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "renoir/detail/atomic.h"
#include "renoir/export.h"
#include "renoir/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @file
 * A plain struct in shared memory that one process writes and any number read whole; and a counter
 * that gives each caller another number.
 *
 *     writer    renoir_seqlock_store(&shared->lock, &shared->pose, &pose, sizeof pose)
 *     reader    renoir_seqlock_load(&shared->lock, &pose, &shared->pose, sizeof pose)
 *
 * For what changes now and then: readers wait while the writer is inside, and give up after 1000
 * tries. Where the writer never rests, or may die, renoir/state.h keeps several versions.
 *
 * Lifetime   Both are plain words of yours: in a region or in any other memory, zero at first. They
 *            need no closing.
 * Threads    One writer at a time, which you see to; readers at any time. renoir_sequence_next() is
 *            for everyone.
 * Fork       They work on in the child, if the memory does.
 * Trust      A hostile writer can hand out any bytes, and make loads give up. It cannot make a call
 *            touch anything but the `size` bytes given.
 * Death      A writer that died inside leaves readers without a value until the next store.
 */

/** Beside the struct that it guards. Zero at first. */
typedef struct RenoirSeqlock {
    RNR_ALIGNED(8) uint64_t sequence; /**< odd while a store is under way */
} RenoirSeqlock;

/** A counter that any number of processes share. Zero at first. */
typedef struct RenoirSequence {
    RNR_ALIGNED(8) uint64_t next; /**< how many numbers were given */
} RenoirSequence;

/** How often renoir_seqlock_load() looks before it gives up. */
#define RENOIR_SEQLOCK_TRIES 1000

/** Records why a load gave up: CONCURRENCY_ERROR. Not called by users. */
RENOIR_API RenoirErrorCode renoir_detail_seqlock_gave_up(uint64_t sequence);
/** Records an argument that cannot be: INVALID_PARAMETER. Not called by users. */
RENOIR_API RenoirErrorCode renoir_detail_seqlock_refuse(void);

// Edges
//     seqlock.whole    writer: store `sequence` even, release  ──►  reader: load it, acquire
//                      carries the bytes of the struct
//     seqlock.changes  writer: fence after `sequence` odd  ──►  reader: fence before the second
//     look
//                      whoever copied one new byte does not find the old `sequence` again
//     sequence.next    whoever takes a number  ──►  whoever takes a greater one
//                      carries what was written before the smaller number was taken

/** The words as cells. Not called by users. */
static inline RnrAtomicU64 *rnr_seqlock_cell(RenoirSeqlock *lock)
{
    return (RnrAtomicU64 *)(void *)&lock->sequence;
}

/** The same for readers, whose memory may be read-only. Not called by users. */
static inline const RnrAtomicU64 *rnr_seqlock_cell_of_reader(const RenoirSeqlock *lock)
{
    return (const RnrAtomicU64 *)(const void *)&lock->sequence;
}

/**
 * Replaces the struct that the lock guards. Never waits; no system call.
 *
 * @param shared  `size` bytes beside the lock, which only its one writer writes
 * @param value   copied
 *
 * Does nothing if a pointer is NULL. After a writer's death in the middle the next one's store
 * makes the struct whole again.
 */
RENOIR_INLINE void
renoir_seqlock_store(RenoirSeqlock *lock, void *shared, const void *value, size_t size)
{
    if (RNR_UNLIKELY(lock == NULL || shared == NULL || value == NULL)) {
        return;
    }
    RnrAtomicU64 *const cell = rnr_seqlock_cell(lock);
    // [own: relaxed] Only the writer writes it. Odd if one died inside.
    const uint64_t begin = (rnr_load_relaxed_u64(cell) + 1) | 1;

    // [own: relaxed] The fence below orders it before the bytes.
    rnr_store_relaxed_u64(cell, begin);
    // [seqlock.changes: release] No byte is new for whoever sees the old number afterwards.
    rnr_fence_release();
    RNR_FAULT_POINT("seqlock.store.odd");
    rnr_copy(shared, value, size);
    RNR_FAULT_POINT("seqlock.store.copied");
    // [seqlock.whole: release] Whoever sees this number sees these bytes.
    rnr_store_release_u64(cell, begin + 1);
}

/**
 * Copies the struct out, whole: as one store left it. A struct that was never stored is zeros.
 *
 * @param[out] out_value  `size` bytes; zeros unless the call succeeds
 *
 * @retval RENOIR_SUCCESS
 * @retval RENOIR_CONCURRENCY_ERROR   no whole value in RENOIR_SEQLOCK_TRIES tries: the writer died
 *                                    inside, is stopped there, or never rests (use renoir/state.h)
 * @retval RENOIR_INVALID_PARAMETER   a pointer is NULL
 *
 * Does not wait otherwise; no system call.
 */
RENOIR_INLINE RenoirErrorCode renoir_seqlock_load(const RenoirSeqlock *lock,
                                                  void *out_value,
                                                  const void *shared,
                                                  size_t size)
{
    uint64_t before = 0;

    if (RNR_UNLIKELY(lock == NULL || out_value == NULL || shared == NULL)) {
        return renoir_detail_seqlock_refuse();
    }
    const RnrAtomicU64 *const cell = rnr_seqlock_cell_of_reader(lock);
    for (uint32_t i = 0; i < RENOIR_SEQLOCK_TRIES; ++i) {
        // [seqlock.whole: acquire] The bytes of that store, or newer ones.
        before = rnr_load_acquire_u64(cell);
        if (RNR_LIKELY((before & 1) == 0)) {
            rnr_copy(out_value, shared, size);
            // [seqlock.changes: acquire] Newer bytes make the look below find a newer number.
            rnr_fence_acquire();
            // [hint: relaxed] Ordered by the fence; a newer number costs another try.
            if (RNR_LIKELY(rnr_load_relaxed_u64(cell) == before)) {
                return RENOIR_SUCCESS;
            }
        }
        rnr_relax();
    }
    memset(out_value, 0, size);
    return renoir_detail_seqlock_gave_up(before);
}

/**
 * The next number, 1, 2, 3 …, each given once over all processes. Whoever has a number sees what
 * those with smaller ones had written before they took theirs. 0 if `sequence` is NULL.
 */
RENOIR_INLINE uint64_t renoir_sequence_next(RenoirSequence *sequence)
{
    if (RNR_UNLIKELY(sequence == NULL)) {
        return 0;
    }
    // [sequence.next: acq_rel] Both ends.
    return rnr_fetch_add_acq_rel_u64((RnrAtomicU64 *)(void *)&sequence->next, 1) + 1;
}

#ifdef __cplusplus
}
#endif

#endif
