// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Epochs: calling for what no reader can see any more. Picture, invariants, edges and the argument
// are in epoch.c; here are C1 to C4 and A1 to A3 of it.
//
//     a window of chunks     C1       note the READY records, and the name of each chunk's filler
//                            A1       load the epoch
//                            C2, A2   barrier
//                            C3       look at the readers: the oldest epoch, and whether all that
//                                     are inside have seen this one
//                            A3       if they have, advance
//     each noted chunk       take it, unless a live process has it; if its filler's name is still
//                            the same, call for those of the noted records that are old enough
//
// The barrier costs microseconds, so one serves a whole window. A taker has one chunk at a time
// (and one more for each call within a call): so many tokens a stopped process keeps from others.
//
// Edges
//     epoch.done       taker: store a record DONE, release  ──►  the next taker: load it, acquire
//                      carries "its function has returned"
//     epoch.taker      taker: store 0, release  ──►  the next one: swap, acquire
//                      carries what it did to the records

#include <string.h>

#include "base/error.h"
#include "platform/barrier.h"
#include "platform/clock.h"
#include "sync/epoch_internal.h"

enum { WINDOW_CHUNKS = 64 };

// A chunk with READY records.
typedef struct Seen {
    uint64_t filler;
    uint64_t bits; // the records
    uint32_t chunk;
} Seen;

typedef struct Pass {
    RnrEpoch *epoch;
    RenoirReclaimFunction reclaim;
    void *user;
    uint64_t oldest; // of the live readers that are inside; UINT64_MAX: none is
    size_t count;
} Pass;

// --- looking at readers --------------------------------------------------------------------------

RnrEpochSight rnr_epoch_look(const RnrEpoch *epoch, uint32_t reader)
{
    const RnrEpochReaderShm *const slot = &epoch->shm->readers[reader];
    RnrEpochSight sight;

    // [epoch.inside: acquire] C3. What it read in earlier sections, it has read.
    const uint64_t state = rnr_load_acquire_u64(&slot->state);
    sight.is_active = (state & 1) != 0;
    sight.epoch = state >> 1;
    // [epoch.presence: acquire] After the state: so a state of a new owner comes with its presence.
    sight.presence = rnr_load_acquire_u64(&slot->presence);
    return sight;
}

bool rnr_epoch_reader_is_alive(RnrEpoch *epoch, uint32_t reader, uint64_t presence)
{
    // [hint: relaxed] A thread that does not see it yet asks the kernel.
    if (presence == 0 || rnr_load_relaxed_u64(&epoch->dead[reader]) == presence) {
        return false;
    }
    if (rnr_role_is_alive(&epoch->object, reader)) {
        return true;
    }
    // [hint: relaxed] Who once had this presence never comes back.
    rnr_store_relaxed_u64(&epoch->dead[reader], presence);
    return false;
}

// The oldest epoch that a live reader is inside of; UINT64_MAX if none is inside. One that has just
// taken its role, and not yet said that it is outside, counts with what its predecessor left.
static uint64_t find_oldest(RnrEpoch *epoch)
{
    uint64_t oldest = UINT64_MAX;

    for (uint32_t i = 0; i < epoch->shape.max_readers; ++i) {
        const RnrEpochSight sight = rnr_epoch_look(epoch, i);
        if (sight.is_active && sight.epoch < oldest &&
            rnr_epoch_reader_is_alive(epoch, i, sight.presence)) {
            oldest = sight.epoch;
        }
    }
    return oldest;
}

// --- where no barrier reaches others -------------------------------------------------------------

static RenoirErrorCode needs_barrier(const RnrEpoch *epoch)
{
    return RNR_FAIL(RENOIR_UNSUPPORTED,
                    "cannot reclaim in epoch '%s': the system refuses membarrier(2) to this "
                    "process, and another one that has the epoch open counts on it (allow it here, "
                    "or refuse it to all of them)",
                    epoch->object.name);
}

// Whether all that are alive have fences of their own.
static RenoirErrorCode check_all_fence(RnrEpoch *epoch)
{
    for (uint32_t i = 0; i < epoch->shape.max_readers; ++i) {
        const uint64_t presence = rnr_epoch_look(epoch, i).presence;
        if ((presence & 1) == 0 && rnr_epoch_reader_is_alive(epoch, i, presence)) {
            return needs_barrier(epoch);
        }
    }
    for (uint32_t i = 0; i < RNR_EPOCH_PARTICIPANTS; ++i) {
        // [epoch.presence: acquire] After this process's fence: who comes later has one, too.
        const uint64_t presence = rnr_load_acquire_u64(&epoch->shm->participants[i]);
        if (presence != 0 && (presence & 1) == 0 &&
            rnr_role_is_alive(&epoch->object, RNR_EPOCH_READERS_MAX + i)) {
            return needs_barrier(epoch);
        }
    }
    return RENOIR_SUCCESS;
}

// --- chunks --------------------------------------------------------------------------------------

// Takes the chunk, unless a live process has it.
static bool take(RnrEpoch *epoch, RnrEpochHeadShm *head)
{
    const uint64_t mine = rnr_epoch_name(epoch->number, RNR_EPOCH_FILLING, epoch->index);
    // [epoch.taker: acquire] The swap looks again.
    uint64_t taker = rnr_load_acquire_u64(&head->taker);

    if (taker != 0 && !rnr_epoch_is_gone(epoch, taker)) {
        return false;
    }
    // [epoch.taker: acquire] What the last one did to the records.
    if (!rnr_cas_acq_rel_u64(&head->taker, &taker, mine)) {
        return false;
    }
    RNR_FAULT_POINT("epoch.reclaim.taken");
    return true;
}

static void give_back(RnrEpochHeadShm *head)
{
    // [epoch.taker: release] What this one did to the records.
    rnr_store_release_u64(&head->taker, 0);
}

static uint32_t kind_of(uint64_t state)
{
    return (uint32_t)state & 3;
}

// What its records are: bits of the READY ones; *out_is_full: none is EMPTY.
static uint64_t read_records(const RnrEpoch *epoch, uint32_t chunk, bool *out_is_full)
{
    const RnrEpochRecordShm *const records = rnr_epoch_records(epoch, chunk);
    uint64_t ready = 0;

    *out_is_full = true;
    for (uint32_t i = 0; i < epoch->shape.chunk_tokens; ++i) {
        // [epoch.ready: acquire] C1: what was unlinked before it was retired is unlinked.
        const uint32_t kind = kind_of(rnr_load_acquire_u64(&records[i].state));
        if (kind == RNR_EPOCH_READY) {
            ready |= UINT64_C(1) << i;
        } else if (kind == RNR_EPOCH_EMPTY) {
            *out_is_full = false;
        }
    }
    return ready;
}

// With the chunk taken.
static void clear(RnrEpoch *epoch, uint32_t chunk)
{
    RnrEpochRecordShm *const records = rnr_epoch_records(epoch, chunk);

    RNR_FAULT_POINT("epoch.clear.marked");
    for (uint32_t i = 0; i < epoch->shape.chunk_tokens; ++i) {
        // [own: relaxed] Nobody else writes it while it is CLEARING; the next line carries it.
        rnr_store_relaxed_u64(&records[i].state, RNR_EPOCH_EMPTY);
        RNR_FAULT_POINT("epoch.clear.emptied");
    }
    // [epoch.chunk: release] Free, before it is given back: who takes it next finds it so.
    rnr_store_release_u64(&epoch->heads[chunk].filler, 0);
    RNR_FAULT_POINT("epoch.clear.freed");
}

// With the chunk taken: frees it, if it has served.
static void clear_if_finished(RnrEpoch *epoch, uint32_t chunk, bool asks)
{
    RnrAtomicU64 *const filler = &epoch->heads[chunk].filler;
    bool is_full = false;

    // [epoch.chunk: acquire] After ABANDONED no record is filled; and so after a death.
    uint64_t name = rnr_load_acquire_u64(filler);
    if (name == 0) {
        return;
    }
    const uint32_t state = rnr_epoch_name_state(name);
    const bool is_final = state != RNR_EPOCH_FILLING || (asks && rnr_epoch_is_gone(epoch, name));
    if (read_records(epoch, chunk, &is_full) != 0 || (!is_full && !is_final)) {
        return;
    }
    const uint64_t clearing =
        rnr_epoch_name(rnr_epoch_name_number(name), RNR_EPOCH_CLEARING, rnr_epoch_name_index(name));
    // [epoch.chunk: acq_rel] A failure says that its filler abandons it: the next one frees it. It
    // may be CLEARING already, of one that died.
    if (rnr_cas_acq_rel_u64(filler, &name, clearing)) {
        clear(epoch, chunk);
    }
}

void rnr_epoch_tidy(RnrEpoch *epoch, uint32_t chunk, bool asks)
{
    RnrEpochHeadShm *const head = &epoch->heads[chunk];

    if (take(epoch, head)) {
        clear_if_finished(epoch, chunk, asks);
        give_back(head);
    }
}

// --- reclaiming ----------------------------------------------------------------------------------

// C1: the chunks of a window that have READY records. Frees those that have served.
static uint32_t collect(RnrEpoch *epoch, uint32_t first, Seen *seen)
{
    const uint32_t left = epoch->shape.chunk_count - first;
    const uint32_t end = first + (left < WINDOW_CHUNKS ? left : WINDOW_CHUNKS);
    uint32_t count = 0;

    for (uint32_t i = first; i < end; ++i) {
        bool is_full = false;
        // [epoch.chunk: acquire] Before its records: they are of this filler, or of a later one.
        const uint64_t filler = rnr_load_acquire_u64(&epoch->heads[i].filler);
        if (filler == 0) {
            continue;
        }
        const uint64_t ready = read_records(epoch, i, &is_full);
        if (ready != 0) {
            seen[count] = (Seen){.filler = filler, .bits = ready, .chunk = i};
            ++count;
        } else if (is_full || rnr_epoch_name_state(filler) != RNR_EPOCH_FILLING) {
            rnr_epoch_tidy(epoch, i, false);
        }
    }
    return count;
}

// C2, C3, A1 to A3. Fills in pass->oldest.
static RenoirErrorCode look_and_advance(Pass *pass)
{
    RnrEpoch *const epoch = pass->epoch;
    // [epoch.advance: acquire] A1
    uint64_t now = rnr_load_acquire_u64(&epoch->shm->epoch);

    // [epoch.grace: seq_cst] C2, A2
    if (!rnr_barrier_run()) {
        const RenoirErrorCode status = check_all_fence(epoch);
        if (status != RENOIR_SUCCESS) {
            return status;
        }
    }
    pass->oldest = find_oldest(epoch);
    if (pass->oldest >= now) {
        RNR_FAULT_POINT("epoch.reclaim.advance");
        // [epoch.advance: acq_rel] A3. If another one was first, it is advanced all the same.
        if (rnr_cas_acq_rel_u64(&epoch->shm->epoch, &now, now + 1)) {
            // [hint: relaxed] For people.
            rnr_store_relaxed_u64(&epoch->shm->advanced_ns, rnr_clock_now_ns());
        }
    }
    return RENOIR_SUCCESS;
}

// C4, with the chunk taken. False: the function forked, and this is the child.
static bool call_for(Pass *pass, const Seen *seen)
{
    RnrEpochRecordShm *const records = rnr_epoch_records(pass->epoch, seen->chunk);
    const size_t before = pass->count;

    for (uint64_t left = seen->bits; left != 0; left &= left - 1) {
        RnrEpochRecordShm *const record = &records[__builtin_ctzll(left)];
        // [epoch.done: acquire] Another one may have called for it since, or died in the call.
        const uint64_t state = rnr_load_acquire_u64(&record->state);
        const uint64_t retired = state >> 2;
        if (kind_of(state) != RNR_EPOCH_READY || pass->oldest < retired + 2) {
            continue;
        }
        // [own: relaxed] READY carried it.
        const uint64_t token = rnr_load_relaxed_u64(&record->token);
        RNR_FAULT_POINT("epoch.reclaim.before");
        pass->reclaim(token, pass->user);
        if (!rnr_epoch_is_same_process(pass->epoch)) {
            return false;
        }
        ++pass->count;
        RNR_FAULT_POINT("epoch.reclaim.called");
        // [epoch.done: release] The function has returned.
        rnr_store_release_u64(&record->state, RNR_EPOCH_DONE);
        RNR_FAULT_POINT("epoch.reclaim.done");
    }
    // [hint: relaxed] A statistic.
    (void)rnr_fetch_add_relaxed_u64(&pass->epoch->shm->reclaimed, pass->count - before);
    return true;
}

static bool reclaim_chunk(Pass *pass, const Seen *seen)
{
    RnrEpochHeadShm *const head = &pass->epoch->heads[seen->chunk];

    if (!take(pass->epoch, head)) {
        return true;
    }
    // [epoch.chunk: acquire] While the chunk is taken nobody else empties it.
    const uint64_t filler = rnr_load_acquire_u64(&head->filler);
    if (rnr_epoch_name_number(filler) == rnr_epoch_name_number(seen->filler)) {
        if (!call_for(pass, seen)) {
            return false;
        }
        clear_if_finished(pass->epoch, seen->chunk, false);
    }
    give_back(head);
    return true;
}

static RenoirErrorCode reclaim_window(Pass *pass, uint32_t first)
{
    Seen seen[WINDOW_CHUNKS];
    const uint32_t count = collect(pass->epoch, first, seen);

    if (count == 0) {
        return RENOIR_SUCCESS;
    }
    RNR_FAULT_POINT("epoch.reclaim.collected");
    const RenoirErrorCode status = look_and_advance(pass);
    for (uint32_t i = 0; status == RENOIR_SUCCESS && i < count; ++i) {
        if (!reclaim_chunk(pass, &seen[i])) {
            return RNR_FAIL(RENOIR_INVALID_STATE,
                            "epoch '%s': the reclaim function forked, and this is the child (open "
                            "the epoch again here)",
                            pass->epoch->object.name);
        }
    }
    return status;
}

RenoirErrorCode
rnr_epoch_try_reclaim(RnrEpoch *epoch, RenoirReclaimFunction reclaim, void *user, size_t *out_count)
{
    Pass pass = {.epoch = epoch, .reclaim = reclaim, .user = user};
    RenoirErrorCode status = rnr_region_check(epoch->object.region);

    for (uint32_t first = 0; status == RENOIR_SUCCESS && first < epoch->shape.chunk_count;
         first += WINDOW_CHUNKS) {
        status = reclaim_window(&pass, first);
    }
    *out_count = pass.count;
    return status;
}
