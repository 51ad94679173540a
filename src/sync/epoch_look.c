// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Epochs: counts, lists and checks. Changes nothing in shared memory. Picture, invariants and edges
// are in epoch.c, epoch_retire.c and epoch_reclaim.c.

#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "platform/clock.h"
#include "sync/epoch_internal.h"

// --- readers -------------------------------------------------------------------------------------

static void count_readers(RnrEpoch *epoch, RenoirEpochStats *stats)
{
    for (uint32_t i = 0; i < epoch->shape.max_readers; ++i) {
        const RnrEpochSight sight = rnr_epoch_look(epoch, i);
        if (!rnr_epoch_reader_is_alive(epoch, i, sight.presence)) {
            continue;
        }
        ++stats->reader_count;
        if (sight.is_active) {
            ++stats->active_reader_count;
            if (sight.epoch < stats->oldest_reader_epoch) {
                stats->oldest_reader_epoch = sight.epoch;
            }
        }
    }
}

static void
describe(const RnrEpoch *epoch, uint32_t index, RnrEpochSight sight, RenoirEpochReaderInfo *info)
{
    const RnrEpochReaderShm *const slot = &epoch->shm->readers[index];

    memset(info, 0, sizeof *info);
    info->index = index;
    // [hint: relaxed] For people; one that has just come shows as its predecessor.
    info->node_id = rnr_load_relaxed_u64(&slot->node_id);
    // [hint: relaxed] As above.
    info->pid = (int64_t)rnr_load_relaxed_u64(&slot->pid);
    if (sight.is_active) {
        info->is_active = 1;
        info->epoch = sight.epoch;
        // [epoch.advance: acquire] Before the time: that is of this advance, or of a later one.
        if (sight.epoch < rnr_load_acquire_u64(&epoch->shm->epoch)) {
            // [hint: relaxed] For people. All that were inside then had seen the epoch before.
            info->since_ns = rnr_load_relaxed_u64(&epoch->shm->advanced_ns);
        }
    }
}

size_t rnr_epoch_list(RnrEpoch *epoch, RenoirEpochReaderInfo *infos, size_t capacity)
{
    size_t count = 0;

    for (uint32_t i = 0; i < epoch->shape.max_readers; ++i) {
        const RnrEpochSight sight = rnr_epoch_look(epoch, i);
        if (!rnr_epoch_reader_is_alive(epoch, i, sight.presence)) {
            continue;
        }
        if (count < capacity) {
            describe(epoch, i, sight, &infos[count]);
        }
        ++count;
    }
    return count;
}

// --- tokens --------------------------------------------------------------------------------------

// Adds the READY records of a chunk; *oldest becomes the least of their epochs.
static uint64_t count_ready(const RnrEpoch *epoch, uint32_t chunk, uint64_t *oldest)
{
    const RnrEpochRecordShm *const records = rnr_epoch_records(epoch, chunk);
    uint64_t count = 0;

    for (uint32_t i = 0; i < epoch->shape.chunk_tokens; ++i) {
        // [hint: relaxed] A count of slightly different moments.
        const uint64_t state = rnr_load_relaxed_u64(&records[i].state);
        if ((state & 3) == RNR_EPOCH_READY) {
            ++count;
            if (state >> 2 < *oldest) {
                *oldest = state >> 2;
            }
        }
    }
    return count;
}

// How long ago this epoch's first token was retired, or that of the next ones, if that is
// forgotten.
static uint64_t age_of(const RnrEpoch *epoch, uint64_t oldest)
{
    const uint64_t now = rnr_clock_now_ns() >> 10 & UINT64_C(0xffffffffffff);

    for (uint64_t i = oldest; i < oldest + 4; ++i) {
        // [hint: relaxed] A statistic.
        const uint64_t first = rnr_load_relaxed_u64(&epoch->shm->first_ready[i & 3]);
        const uint64_t then = first & UINT64_C(0xffffffffffff);
        if (first >> 48 == (i & 0xffff) && then != 0 && then <= now) {
            return ((now - then) << 10) + 1; // what is pending is never 0 old
        }
    }
    return 1;
}

void rnr_epoch_stats(RnrEpoch *epoch, RenoirEpochStats *out_stats)
{
    uint64_t oldest = UINT64_MAX;

    memset(out_stats, 0, sizeof *out_stats);
    out_stats->oldest_reader_epoch = UINT64_MAX;
    count_readers(epoch, out_stats);
    for (uint32_t i = 0; i < epoch->shape.chunk_count; ++i) {
        // [hint: relaxed] A free chunk has none.
        if (rnr_load_relaxed_u64(&epoch->heads[i].filler) != 0) {
            out_stats->pending_count += count_ready(epoch, i, &oldest);
        }
    }
    if (out_stats->pending_count != 0) {
        out_stats->pending_oldest_ns = age_of(epoch, oldest);
    }
    // [hint: relaxed] A statistic.
    out_stats->reclaimed_count = rnr_load_relaxed_u64(&epoch->shm->reclaimed);
    // [epoch.advance: acquire] Last: no reader seen above is beyond it.
    out_stats->epoch = rnr_load_acquire_u64(&epoch->shm->epoch);
    if (out_stats->active_reader_count == 0) {
        out_stats->oldest_reader_epoch = out_stats->epoch;
    }
}

// --- checking ------------------------------------------------------------------------------------

typedef struct Checked {
    const char *name;
    const RnrEpochShm *shm;
    const RnrEpochHeadShm *heads;
    const RnrEpochRecordShm *records;
    RnrEpochShape shape;
} Checked;

static RenoirErrorCode broken(const Checked *checked, const char *what, uint64_t index)
{
    return RNR_FAIL(RENOIR_CORRUPTED,
                    "epoch '%s': %s %" PRIu64 " contradicts the others: somebody wrote over it "
                    "(remove it and make it anew)",
                    checked->name, what, index);
}

// [epoch.advance: acquire] After what is compared with it: I1 holds for what was read before.
static uint64_t current(const Checked *checked)
{
    return rnr_load_acquire_u64(&checked->shm->epoch);
}

static RenoirErrorCode check_readers(const Checked *checked)
{
    for (uint32_t i = 0; i < checked->shape.max_readers; ++i) {
        // [epoch.inside: acquire] I1
        const uint64_t state = rnr_load_acquire_u64(&checked->shm->readers[i].state);
        if (state >> 1 > current(checked) || ((state & 1) == 0 && state != 0)) {
            return broken(checked, "reader", i);
        }
    }
    return RENOIR_SUCCESS;
}

static bool is_name(uint64_t name)
{
    return rnr_epoch_name_index(name) < RNR_EPOCH_PARTICIPANTS && rnr_epoch_name_number(name) != 0;
}

static RenoirErrorCode check_records(const Checked *checked, uint32_t chunk, bool *out_is_empty)
{
    const RnrEpochRecordShm *const records =
        checked->records + (size_t)chunk * checked->shape.chunk_tokens;

    *out_is_empty = true;
    for (uint32_t i = 0; i < checked->shape.chunk_tokens; ++i) {
        // [epoch.ready: acquire] I1
        const uint64_t state = rnr_load_acquire_u64(&records[i].state);
        if (state != RNR_EPOCH_EMPTY) {
            *out_is_empty = false;
        }
        if ((state & 3) == 3 || ((state & 3) != RNR_EPOCH_READY && state > RNR_EPOCH_DONE) ||
            state >> 2 > current(checked)) {
            return broken(checked, "record", (uint64_t)chunk * checked->shape.chunk_tokens + i);
        }
    }
    return RENOIR_SUCCESS;
}

static RenoirErrorCode check_chunk(const Checked *checked, uint32_t chunk)
{
    const RnrEpochHeadShm *const head = &checked->heads[chunk];
    bool is_empty = false;
    // [hint: relaxed] Looked at again below: unchanged, no chunk was claimed meanwhile.
    const uint64_t numbers = rnr_load_relaxed_u64(&checked->shm->numbers);
    // [epoch.chunk: acquire] If it is free, I4 holds.
    const uint64_t filler = rnr_load_acquire_u64(&head->filler);
    // [epoch.taker: acquire] A name, or none.
    const uint64_t taker = rnr_load_acquire_u64(&head->taker);

    if ((filler != 0 && (!is_name(filler) || rnr_epoch_name_state(filler) == 0)) ||
        (taker != 0 && !is_name(taker))) {
        return broken(checked, "chunk", chunk);
    }
    const RenoirErrorCode status = check_records(checked, chunk, &is_empty);
    if (status != RENOIR_SUCCESS || is_empty || filler != 0) {
        return status;
    }
    // [epoch.chunk: acquire] Free before and after, and not claimed in between: then I4 is broken.
    const uint64_t still = rnr_load_acquire_u64(&head->filler);
    // [hint: relaxed] As above.
    return still == 0 && rnr_load_relaxed_u64(&checked->shm->numbers) == numbers
               ? broken(checked, "free chunk", chunk)
               : RENOIR_SUCCESS;
}

RenoirErrorCode rnr_epoch_check(const void *memory, uint64_t size_bytes, const char *name)
{
    Checked checked = {.name = name, .shm = memory};

    if (rnr_epoch_read_shape(memory, size_bytes, &checked.shape) != RENOIR_SUCCESS) {
        return broken(&checked, "geometry of", size_bytes);
    }
    const unsigned char *const bytes = memory;
    checked.heads = (const RnrEpochHeadShm *)(const void *)(bytes + checked.shape.heads_offset);
    checked.records =
        (const RnrEpochRecordShm *)(const void *)(bytes + checked.shape.chunks_offset);
    if (current(&checked) == 0) {
        return broken(&checked, "epoch", 0);
    }
    RenoirErrorCode status = check_readers(&checked);
    for (uint32_t i = 0; status == RENOIR_SUCCESS && i < checked.shape.chunk_count; ++i) {
        status = check_chunk(&checked, i);
    }
    return status;
}
