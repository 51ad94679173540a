// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Epochs: taking over tokens. Picture, invariants and the argument are in epoch.c; here are U, T1
// to T3 of it.
//
// A process fills one chunk at a time, whichever of its threads retires: `cursor`, which is
// private, gives out the chunk's records one by one, so threads of one process meet there, and
// processes meet once in 64 tokens, where they look for a free chunk.
//
// Edges
//     epoch.ready      filler: store a record READY, release  ──►  reclaimer: load it, acquire
//                      carries the token, and the unlinking of what it means
//     epoch.cursor     thread that installs a chunk  ──►  thread that takes a record of it
//                      carries the emptied records

#include "base/error.h"
#include "platform/clock.h"
#include "sync/epoch_internal.h"

// A free chunk becomes this process's.
static bool claim_chunk(RnrEpoch *epoch, uint32_t *out_chunk)
{
    uint64_t name = 0;

    for (uint32_t i = 0; i < epoch->shape.chunk_count; ++i) {
        // [epoch.chunk: acquire] Who emptied it is done.
        uint64_t filler = rnr_load_acquire_u64(&epoch->heads[i].filler);
        if (filler != 0) {
            continue;
        }
        if (name == 0) {
            name = rnr_epoch_name(rnr_epoch_number(epoch), RNR_EPOCH_FILLING, epoch->index);
        }
        // [epoch.chunk: acquire] From here on it has an owner, alive or not.
        if (rnr_cas_acq_rel_u64(&epoch->heads[i].filler, &filler, name)) {
            RNR_FAULT_POINT("epoch.retire.claimed");
            *out_chunk = i;
            return true;
        }
    }
    return false;
}

static bool find_chunk(RnrEpoch *epoch, uint32_t *out_chunk)
{
    if (claim_chunk(epoch, out_chunk)) {
        return true;
    }
    // Some may be left by the dead, with nothing in them.
    for (uint32_t i = 0; i < epoch->shape.chunk_count; ++i) {
        rnr_epoch_tidy(epoch, i, true);
    }
    return claim_chunk(epoch, out_chunk);
}

// Puts another chunk in place of the one that is full. False: there is none.
static bool next_chunk_slow(RnrEpoch *epoch, uint64_t cursor)
{
    uint32_t chunk = 0;

    if (!find_chunk(epoch, &chunk)) {
        // [epoch.cursor: acquire] Another thread may have found one.
        return rnr_load_acquire_u64(&epoch->cursor) != cursor;
    }
    // [epoch.cursor: release] Its records are empty.
    if (!rnr_cas_acq_rel_u64(&epoch->cursor, &cursor, ((uint64_t)chunk + 1) << 32)) {
        // [epoch.chunk: release] Another thread was first; nothing was put into this one.
        rnr_store_release_u64(&epoch->heads[chunk].filler, 0);
    }
    return true;
}

// A record that no other thread will fill. NULL: there is no room.
static RnrEpochRecordShm *claim_record(RnrEpoch *epoch)
{
    // [epoch.cursor: acquire] The chunk's records are empty.
    uint64_t cursor = rnr_load_acquire_u64(&epoch->cursor);

    for (;;) {
        const uint32_t used = (uint32_t)cursor;
        if (cursor == 0 || used == epoch->shape.chunk_tokens) {
            if (!next_chunk_slow(epoch, cursor)) {
                return NULL;
            }
            // [epoch.cursor: acquire] As above.
            cursor = rnr_load_acquire_u64(&epoch->cursor);
        } else if (rnr_cas_acq_rel_u64(&epoch->cursor, &cursor, cursor + 1)) {
            // [epoch.cursor: acquire] As above, of the swap.
            return rnr_epoch_records(epoch, (uint32_t)(cursor >> 32) - 1) + used;
        }
    }
}

// Remembers when the first token of this epoch came, to about a microsecond.
static void stamp_epoch(RnrEpochShm *shm, uint64_t epoch)
{
    RnrAtomicU64 *const first = &shm->first_ready[epoch & 3];

    // [hint: relaxed] For pending_oldest_ns alone. A quiet line after the first one.
    if (RNR_UNLIKELY(rnr_load_relaxed_u64(first) >> 48 != (epoch & 0xffff))) {
        // [hint: relaxed] As above.
        rnr_store_relaxed_u64(first,
                              epoch << 48 | (rnr_clock_now_ns() >> 10 & UINT64_C(0xffffffffffff)));
    }
}

RenoirErrorCode rnr_epoch_retire(RnrEpoch *epoch, uint64_t token)
{
    RnrEpochRecordShm *const record = claim_record(epoch);

    if (record == NULL) {
        return RNR_FAIL(RENOIR_LIMIT_REACHED,
                        "epoch '%s': no room for another token to be reclaimed (call "
                        "renoir_epoch_try_reclaim; renoir_epoch_readers tells who holds it back)",
                        epoch->object.name);
    }
    // [own: relaxed] READY carries it.
    rnr_store_relaxed_u64(&record->token, token);
    RNR_FAULT_POINT("epoch.retire.token");
    if (RNR_UNLIKELY(epoch->is_fencing)) {
        // [epoch.grace: seq_cst] T1, where no barrier reaches this process.
        rnr_fence_seq_cst();
    } else {
        // [epoch.grace: seq_cst] T1: the compiler keeps U before T2, the barrier does the rest.
        rnr_fence_compiler();
    }
    // [epoch.advance: acquire] T2
    const uint64_t now = rnr_load_acquire_u64(&epoch->shm->epoch);
    stamp_epoch(epoch->shm, now);
    // [epoch.ready: release] T3
    rnr_store_release_u64(&record->state, now << 2 | RNR_EPOCH_READY);
    RNR_FAULT_POINT("epoch.retire.ready");
    return RENOIR_SUCCESS;
}
