// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Epoch-based reclamation between processes: opening, and readers. Tokens come in epoch_retire.c
// and go in epoch_reclaim.c, questions are in epoch_look.c; the argument for all of them is here.
//
// Picture            epoch 7; reader 2 holds back what was retired in 5, 6 and 7
//
//     readers          0          1          2          3
//                 ┌──────────┬──────────┬──────────┬──────────┐
//     state       │ inside 7 │ outside  │ inside 6 │ outside  │
//                 └──────────┴──────────┴──────────┴──────────┘
//     chunks           filler        taker   records: READY in epoch n, DONE, EMPTY
//                 ┌──────────────┬────────┬────┬────┬────┬────┬────┬────┬──
//        0        │ participant 3│ part. 9│  D │  D │ R4 │ R5 │ R5 │ R6 │ …
//        1        │ participant 9│   –    │ R6 │ R7 │  E │  E │  E │  E │ …
//        2        │ free         │   –    │  E │  E │  E │  E │  E │  E │ …
//                 └──────────────┴────────┴────┴────┴────┴────┴────┴────┴──
//
// Who writes what
//     epoch           whoever reclaims, by a swap to the next number
//     reader's slot   the process that has the reader's role
//     participants    each word: the process that has the role
//     filler          0 → FILLING by a swap: who wants a chunk; FILLING → ABANDONED: the filler as
//                     it closes, or who gets the index of a dead one; → CLEARING → 0: the taker
//     taker           0 or a dead one's name → own name by a swap; own name → 0
//     record          EMPTY → READY: the filler; READY → DONE → EMPTY: the taker
//     cursor          this process's own threads; private
//
// Invariants
//     I1  a reader's epoch, a record's epoch: never beyond `epoch`, which only grows
//     I2  a name's number is used once. So a chunk that was seen with one name was not emptied in
//         between if it still has that number, and nobody mistakes the new owner of an index for
//         the dead one: the number in `participants` is beyond those of its predecessors.
//     I3  at most one live process has a chunk's taker word; only it calls for the chunk's tokens
//     I4  a free chunk's records are EMPTY
//
// Edges
//     epoch.advance    who advances: swap of `epoch`  ──►  enter, retire, reclaim: load it
//                      carries the unlinking of everything that was retired two epochs before
//     epoch.inside     reader: store state, release  ──►  reclaimer: load state, acquire
//                      carries "what I read in sections before this one, I have read"
//     epoch.presence   who takes an index: store its number, release  ──►  who looks for the dead
//                      carries nothing but that its predecessor is gone
//     epoch.chunk      taker: store filler 0, release  ──►  who wants a chunk: swap, acquire
//                      carries the emptied records. Filler: ABANDONED, release ──► taker: load,
//                      acquire: carries its last record
//     epoch.grace      see "Why seq_cst"
//     epoch.ready, epoch.cursor: see epoch_retire.c; epoch.done, epoch.taker: see epoch_reclaim.c
//
// Why seq_cst                     both sides store, then load
//
//     U is the store that unlinks the thing; a reader that loads the link after it does not find
//     the thing. Reclaimer and advancer run rnr_barrier_run, which acts as a full fence at some
//     point P in the program order of every thread of each process that it reaches. A process that
//     it does not reach (`presence` says so) has a fence of its own where the others have nothing
//     but program order; read its fence for P then.
//
//     First: a reader that the reclaimer does not see inside.
//
//     reader                                  reclaimer
//     R1  store  own slot: inside             C1  load  the record: READY, so U happened before
//     R2  nothing but program order           C2  barrier
//     R3  load   the link                     C3  load  each slot
//                                             C4  call for the token
//
//     The token is called for too soon only if C3 misses R1 and R3 misses U. If R1 comes before P,
//     C3 sees it; else R3 comes after P and sees U, which happened before C2. With release and
//     acquire instead, both may miss. (C1 is before C2: what became READY later waits for the next
//     call, whatever its epoch says.)
//
//     Second: a reader that is seen inside with epoch e, where e ≥ r + 2 and r is the record's.
//
//     retirer                       who advances from r + 1 to r + 2      reader
//     U   unlink                    A1  load  epoch: r + 1                R0  load epoch: e
//     T1  nothing but program order A2  barrier                           R1  store slot: e
//     T2  load  epoch: r            A3  swap  epoch to r + 2              R3  load the link
//     T3  store the record: READY r
//
//     T2 comes before P, else it would see A1's r + 1. So U comes before P too, A3 carries it, and
//     R0 reads from A3 or from a later swap: R3 sees U. With e = r + 1 that fails: U may still lie
//     in the retirer's store buffer while others swap from r to r + 1 and enter. Two epochs make up
//     for the fence that retire does not have.
//
//     A reader that was delayed between R0 and R1 has an old epoch, which holds back more, not
//     less.
//
// Progress
//     enter and leave: no loop, one store each. retire: lock-free; a swap fails only if another
//     thread succeeded; every 64th call looks for a free chunk, over all of them. try_reclaim:
//     bounded; waits for nobody.
//
// If a process dies
//     as a reader, anywhere          its byte lock tells: its slot is ignored, and reset by the
//     next
//                                    one that has the index
//     retiring, before READY         the token was not retired; the record stays EMPTY, as do those
//                                    behind it, until its chunk is tidied
//     retiring, after READY          the token was retired
//     reclaiming, before DONE        the token stays READY: another one takes the chunk over, and
//                                    calls for it again
//     emptying a chunk               CLEARING tells the next one, who begins again
//     before a word named it         nothing happened
//
// Trust
//     Every word is input. An index is compared with the number of participants, chunks are counted
//     by the checked copy of the geometry, loops are bounded by it. Words that contradict each
//     other make tokens be called for too soon, twice or never; a token means nothing here.
//
// Proof
//     unit     tests/unit/sync/epoch_test.c, epoch_shared_test.c
//     crash    tests/crash/epoch_test.c          torture  tests/torture/epoch_torture.c
//     explorer tests/explore/epoch.c             model    docs/design/epoch.pml

#include "sync/epoch.h"

#include <string.h>

#include "base/bits.h"
#include "base/error.h"
#include "base/memory.h"
#include "platform/barrier.h"
#include "platform/process.h"
#include "sync/epoch_internal.h"

// What a handle begins with while it is one: "epoch", "reader", first letter first.
#define EPOCH_MAGIC UINT64_C(0x68636f7065)
#define READER_MAGIC UINT64_C(0x726564616572)

// Reader i has role i, participant i the role behind all readers'.
RNR_STATIC_ASSERT(RNR_EPOCH_READERS_MAX + RNR_EPOCH_PARTICIPANTS == RNR_ROLE_INDEX_MAX + 1,
                  "all roles are given out");
RNR_STATIC_ASSERT(RENOIR_EPOCH_READERS_MAX == RNR_EPOCH_READERS_MAX &&
                      RENOIR_EPOCH_HANDLES_MAX == RNR_EPOCH_PARTICIPANTS,
                  "the header says so");
RNR_STATIC_ASSERT((RNR_EPOCH_CHUNKS - RNR_EPOCH_PARTICIPANTS) * RNR_EPOCH_CHUNK_TOKENS ==
                      RENOIR_EPOCH_PENDING,
                  "the header says so");

// --- shape ---------------------------------------------------------------------------------------

bool rnr_epoch_shape(uint32_t max_readers,
                     uint32_t chunk_count,
                     uint32_t chunk_tokens,
                     RnrEpochShape *out_shape)
{
    if (max_readers == 0 || max_readers > RNR_EPOCH_READERS_MAX || chunk_count == 0 ||
        chunk_count > RNR_EPOCH_CHUNKS_MAX || chunk_tokens == 0 ||
        chunk_tokens > RNR_EPOCH_CHUNK_TOKENS) {
        return false;
    }
    out_shape->max_readers = max_readers;
    out_shape->chunk_count = chunk_count;
    out_shape->chunk_tokens = chunk_tokens;
    out_shape->heads_offset = sizeof(RnrEpochShm) + max_readers * sizeof(RnrEpochReaderShm);
    // At most 2^20 chunks of 64 records: no overflow.
    const uint64_t heads_end =
        out_shape->heads_offset + (uint64_t)chunk_count * sizeof(RnrEpochHeadShm);
    (void)rnr_round_up(heads_end, RNR_CACHE_PAIR, &out_shape->chunks_offset);
    out_shape->total_bytes =
        out_shape->chunks_offset + (uint64_t)chunk_count * chunk_tokens * sizeof(RnrEpochRecordShm);
    return true;
}

RenoirErrorCode
rnr_epoch_read_shape(const void *memory, uint64_t size_bytes, RnrEpochShape *out_shape)
{
    const RnrEpochShm *const shm = memory;

    if (size_bytes < sizeof *shm ||
        !rnr_epoch_shape(shm->max_readers, shm->chunk_count, shm->chunk_tokens, out_shape) ||
        out_shape->total_bytes > size_bytes) {
        return RENOIR_CORRUPTED;
    }
    return RENOIR_SUCCESS;
}

// What the object's functions need to know.
typedef struct Request {
    const RnrEpochTerms *terms;
    RnrEpochShape shape; // to make it
} Request;

static RenoirErrorCode format_object(void *memory, uint64_t size_bytes, const void *context)
{
    const RnrEpochShape *const shape = &((const Request *)context)->shape;
    RnrEpochShm *const shm = memory;

    (void)size_bytes;
    shm->max_readers = shape->max_readers;
    shm->chunk_count = shape->chunk_count;
    shm->chunk_tokens = shape->chunk_tokens;
    // [own: relaxed] Nobody can find it yet.
    rnr_store_relaxed_u64(&shm->epoch, 1);
    return RENOIR_SUCCESS;
}

static RenoirErrorCode contradicts_itself(const char *name)
{
    return RNR_FAIL(RENOIR_CORRUPTED,
                    "epoch '%s': its geometry contradicts itself: somebody wrote over it (remove "
                    "it and make it anew)",
                    name);
}

static RenoirErrorCode match_object(const void *memory, uint64_t size_bytes, const void *context)
{
    const RnrEpochTerms *const terms = ((const Request *)context)->terms;
    RnrEpochShape found;

    if (rnr_epoch_read_shape(memory, size_bytes, &found) != RENOIR_SUCCESS) {
        return contradicts_itself(terms->name);
    }
    if (terms->max_readers != 0 && terms->max_readers != found.max_readers) {
        return RNR_FAIL(RENOIR_EXISTS,
                        "epoch '%s' is there for %u readers, not %u (use that number, or 0 for "
                        "any)",
                        terms->name, found.max_readers, terms->max_readers);
    }
    return RENOIR_SUCCESS;
}

// --- names ---------------------------------------------------------------------------------------

uint64_t rnr_epoch_number(RnrEpoch *epoch)
{
    // [hint: relaxed] Each gets another one; those of one index follow each other as its owners do.
    return rnr_fetch_add_relaxed_u64(&epoch->shm->numbers, 1) + 1;
}

bool rnr_epoch_is_gone(const RnrEpoch *epoch, uint64_t name)
{
    const uint32_t index = rnr_epoch_name_index(name);

    if (index >= RNR_EPOCH_PARTICIPANTS) {
        return true; // hostile: nobody has it
    }
    if (index == epoch->index) {
        return rnr_epoch_name_number(name) < epoch->number;
    }
    // [epoch.presence: acquire] Before the question about the lock: if that is free, so it was when
    // whoever wrote this number had gone.
    const uint64_t presence = rnr_load_acquire_u64(&epoch->shm->participants[index]);
    return presence >> 1 > rnr_epoch_name_number(name) ||
           !rnr_role_is_alive(&epoch->object, RNR_EPOCH_READERS_MAX + index);
}

// --- opening -------------------------------------------------------------------------------------

// Takes the first role from `first` on that nobody has.
static RenoirErrorCode take_any_role(
    const RnrObject *object, uint32_t first, uint32_t count, uint32_t *out_index, RnrRole *role)
{
    for (uint32_t i = 0; i < count; ++i) {
        if (rnr_role_is_alive(object, first + i)) {
            continue;
        }
        const RenoirErrorCode status = rnr_role_take(object, first + i, role);
        if (status != RENOIR_LIMIT_REACHED) {
            *out_index = i;
            return status;
        }
    }
    return RENOIR_LIMIT_REACHED;
}

static bool is_mine(const RnrEpoch *epoch, uint64_t name)
{
    return rnr_epoch_name_index(name) == epoch->index &&
           rnr_epoch_name_number(name) >= epoch->number;
}

// Says of this process's chunks, or of those of all others that had its index, that no record of
// them will be filled any more.
static void abandon(RnrEpoch *epoch, bool is_own)
{
    for (uint32_t i = 0; i < epoch->shape.chunk_count; ++i) {
        // [epoch.chunk: acquire] The swap looks again.
        uint64_t name = rnr_load_acquire_u64(&epoch->heads[i].filler);
        if (name != 0 && rnr_epoch_name_index(name) == epoch->index &&
            rnr_epoch_name_state(name) == RNR_EPOCH_FILLING && is_mine(epoch, name) == is_own) {
            // [epoch.chunk: release] After the last record; a failure says that somebody clears it.
            (void)rnr_cas_acq_rel_u64(
                &epoch->heads[i].filler, &name,
                rnr_epoch_name(rnr_epoch_name_number(name), RNR_EPOCH_ABANDONED, epoch->index));
        }
    }
}

static RenoirErrorCode take_part(RnrEpoch *epoch)
{
    const RenoirErrorCode status = take_any_role(
        &epoch->object, RNR_EPOCH_READERS_MAX, RNR_EPOCH_PARTICIPANTS, &epoch->index, &epoch->role);

    if (status == RENOIR_LIMIT_REACHED) {
        return RNR_FAIL(status,
                        "cannot open epoch '%s': %d live handles have it open (close one of them)",
                        epoch->object.name, RNR_EPOCH_PARTICIPANTS);
    }
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    RNR_FAULT_POINT("epoch.open.role");
    epoch->number = rnr_epoch_number(epoch);
    epoch->is_fencing = !rnr_barrier_register();
    // [epoch.presence: release] From here on what a dead predecessor left is known to be its.
    rnr_store_release_u64(&epoch->shm->participants[epoch->index],
                          epoch->number << 1 | (epoch->is_fencing ? 1 : 0));
    // [epoch.grace: seq_cst] Whoever cannot run the barrier sees that, or this process's first
    // token comes after its fence.
    rnr_fence_seq_cst();
    abandon(epoch, false);
    return RENOIR_SUCCESS;
}

static RenoirErrorCode open_object(RnrRegion *region, const RnrEpochTerms *terms, RnrObject *object)
{
    const uint32_t max_readers =
        terms->max_readers != 0 ? terms->max_readers : RNR_EPOCH_READERS_MAX;
    const uint32_t chunks = terms->chunk_count != 0 ? terms->chunk_count : RNR_EPOCH_CHUNKS;
    const uint32_t tokens = terms->chunk_tokens != 0 ? terms->chunk_tokens : RNR_EPOCH_CHUNK_TOKENS;
    Request request = {.terms = terms};

    if (!rnr_epoch_shape(max_readers, chunks, tokens, &request.shape)) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                        "cannot open epoch '%s': max_readers is %u (use 1 to %d, or 0)",
                        terms->name, terms->max_readers, RNR_EPOCH_READERS_MAX);
    }
    const RnrObjectSpec spec = {.name = terms->name,
                                .kind = RNR_OBJECT_EPOCH,
                                .alignment = RNR_CACHE_PAIR,
                                .size_bytes = request.shape.total_bytes,
                                .format = format_object,
                                .match = match_object,
                                .terms = &request};
    return rnr_object_open(region, &spec, object);
}

static RenoirErrorCode join(RnrRegion *region, const RnrEpochTerms *terms, RnrEpoch *epoch)
{
    RenoirErrorCode status = open_object(region, terms, &epoch->object);

    if (status != RENOIR_SUCCESS) {
        return status;
    }
    unsigned char *const memory = epoch->object.memory;
    status = rnr_epoch_read_shape(memory, epoch->object.size_bytes, &epoch->shape);
    if (status != RENOIR_SUCCESS) {
        status = contradicts_itself(terms->name);
    } else {
        epoch->shm = epoch->object.memory;
        epoch->heads = (RnrEpochHeadShm *)(void *)(memory + epoch->shape.heads_offset);
        epoch->records = (RnrEpochRecordShm *)(void *)(memory + epoch->shape.chunks_offset);
        status = take_part(epoch);
    }
    if (status != RENOIR_SUCCESS) {
        rnr_object_close(&epoch->object);
    }
    return status;
}

RenoirErrorCode rnr_epoch_open(RnrRegion *region, const RnrEpochTerms *terms, RnrEpoch **out_epoch)
{
    RnrEpoch *const epoch = rnr_new(RnrEpoch);

    if (epoch == NULL) {
        return RNR_FAIL(RENOIR_OUT_OF_MEMORY, "cannot open epoch '%s': no memory for its handle",
                        terms->name);
    }
    const RenoirErrorCode status = join(region, terms, epoch);
    if (status != RENOIR_SUCCESS) {
        rnr_free(epoch);
        return status;
    }
    (void)pthread_mutex_init(&epoch->mutex, NULL);
    epoch->forks = rnr_fork_generation_cell();
    epoch->generation = rnr_fork_generation();
    epoch->magic = EPOCH_MAGIC;
    *out_epoch = epoch;
    return RENOIR_SUCCESS;
}

void rnr_epoch_close(RnrEpoch *epoch)
{
    if (epoch->magic != EPOCH_MAGIC) {
        return;
    }
    while (epoch->readers != NULL) {
        rnr_epoch_reader_close(epoch->readers);
    }
    epoch->magic = 0;
    if (rnr_epoch_is_same_process(epoch)) {
        abandon(epoch, true);
        RNR_FAULT_POINT("epoch.close.abandoned");
        rnr_role_release(&epoch->role);
    }
    rnr_object_close(&epoch->object);
    (void)pthread_mutex_destroy(&epoch->mutex);
    rnr_free(epoch);
}

RenoirErrorCode rnr_epoch_check_handle(const RnrEpoch *epoch)
{
    if (epoch == NULL || epoch->magic != EPOCH_MAGIC) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                        "this is not an epoch's handle, or it was closed");
    }
    if (!rnr_epoch_is_same_process(epoch)) {
        return RNR_FAIL(RENOIR_INVALID_STATE,
                        "epoch '%s': the handle was made before a fork (open it again here)",
                        epoch->object.name);
    }
    if (rnr_region_is_lost(epoch->object.region)) {
        return rnr_region_check(epoch->object.region);
    }
    return RENOIR_SUCCESS;
}

// --- readers -------------------------------------------------------------------------------------

// The slot is this process's now: what a dead predecessor left there goes.
static void begin_reading(RnrEpoch *epoch, uint32_t index, RnrEpochReader *reader)
{
    RnrEpochReaderShm *const slot = &epoch->shm->readers[index];

    reader->is_fencing = !rnr_barrier_register();
    // [epoch.presence: release] Before the slot's first state of this owner, so that nobody who
    // sees that takes this owner for the dead one.
    rnr_store_release_u64(&slot->presence,
                          rnr_epoch_number(epoch) << 1 | (reader->is_fencing ? 1 : 0));
    // [hint: relaxed] For people, who may see the predecessor's for a moment.
    rnr_store_relaxed_u64(&slot->node_id, rnr_region_node_id(epoch->object.region));
    // [hint: relaxed] As above.
    rnr_store_relaxed_u64(&slot->pid, (uint64_t)rnr_process_id());
    // [epoch.inside: release] Outside.
    rnr_store_release_u64(&slot->state, 0);
    // [epoch.grace: seq_cst] Whoever cannot run the barrier sees the presence, or comes before this
    // reader's first section.
    rnr_fence_seq_cst();
    reader->slot = slot;
}

static void adopt(RnrEpoch *epoch, RnrEpochReader *reader)
{
    (void)pthread_mutex_lock(&epoch->mutex);
    reader->next = epoch->readers;
    if (reader->next != NULL) {
        reader->next->previous = reader;
    }
    epoch->readers = reader;
    (void)pthread_mutex_unlock(&epoch->mutex);
}

static void unlink_reader(RnrEpoch *epoch, RnrEpochReader *reader)
{
    if (reader->previous != NULL) {
        reader->previous->next = reader->next;
    } else {
        epoch->readers = reader->next;
    }
    if (reader->next != NULL) {
        reader->next->previous = reader->previous;
    }
}

RenoirErrorCode rnr_epoch_reader_open(RnrEpoch *epoch, RnrEpochReader **out_reader)
{
    uint32_t index = 0;
    RnrEpochReader *const reader = rnr_new(RnrEpochReader);

    if (reader == NULL) {
        return RNR_FAIL(RENOIR_OUT_OF_MEMORY, "epoch '%s': no memory for a reader",
                        epoch->object.name);
    }
    RenoirErrorCode status =
        take_any_role(&epoch->object, 0, epoch->shape.max_readers, &index, &reader->role);
    if (status == RENOIR_LIMIT_REACHED) {
        status = RNR_FAIL(status, "epoch '%s': all its %u readers are open (close one of them)",
                          epoch->object.name, epoch->shape.max_readers);
    }
    if (status != RENOIR_SUCCESS) {
        rnr_free(reader);
        return status;
    }
    RNR_FAULT_POINT("epoch.reader_open.role");
    begin_reading(epoch, index, reader);
    reader->now = &epoch->shm->epoch;
    reader->epoch = epoch;
    reader->generation = epoch->generation;
    reader->forks = epoch->forks;
    reader->magic = READER_MAGIC;
    adopt(epoch, reader);
    *out_reader = reader;
    return RENOIR_SUCCESS;
}

void rnr_epoch_reader_close(RnrEpochReader *reader)
{
    if (reader->magic != READER_MAGIC) {
        return;
    }
    reader->magic = 0;
    if (rnr_epoch_is_same_process(reader->epoch)) {
        // [epoch.inside: release] Outside, for good.
        rnr_store_release_u64(&reader->slot->state, 0);
        RNR_FAULT_POINT("epoch.reader_close.outside");
        rnr_role_release(&reader->role);
        (void)pthread_mutex_lock(&reader->epoch->mutex);
        unlink_reader(reader->epoch, reader);
        (void)pthread_mutex_unlock(&reader->epoch->mutex);
    } else {
        // In a child the mutex may have been locked by a thread that is not there.
        unlink_reader(reader->epoch, reader);
    }
    rnr_free(reader);
}

static bool is_usable(const RnrEpochReader *reader)
{
    // [own: relaxed] Changes only in a child's first moment, before it has a second thread.
    return reader != NULL && reader->magic == READER_MAGIC &&
           reader->generation == rnr_load_relaxed_u64(reader->forks);
}

void rnr_epoch_enter(RnrEpochReader *reader)
{
    if (!is_usable(reader)) {
        return;
    }
    if (RNR_UNLIKELY(reader->depth != 0)) {
        ++reader->depth;
        return;
    }
    reader->depth = 1; // not + 1: a section need not wait for the end of the one before it
    // [epoch.advance: acquire] R0: what was unlinked two epochs before this one is not found.
    const uint64_t now = rnr_load_acquire_u64(reader->now);
    RNR_FAULT_POINT("epoch.enter.before");
    // [epoch.inside: release] R1. Also ends what earlier sections read, for who sees only this.
    rnr_store_release_u64(&reader->slot->state, now << 1 | 1);
    if (RNR_UNLIKELY(reader->is_fencing)) {
        // [epoch.grace: seq_cst] R2, where no barrier reaches this process.
        rnr_fence_seq_cst();
    } else {
        // [epoch.grace: seq_cst] R2: the compiler keeps R1 before R3, the barrier does the rest.
        rnr_fence_compiler();
    }
    RNR_FAULT_POINT("epoch.enter.inside");
}

void rnr_epoch_leave(RnrEpochReader *reader)
{
    if (!is_usable(reader)) {
        return;
    }
    if (RNR_UNLIKELY(reader->depth != 1)) {
        reader->depth -= reader->depth != 0;
        return;
    }
    reader->depth = 0;
    // [epoch.inside: release] This section has read all it will.
    rnr_store_release_u64(&reader->slot->state, 0);
}
