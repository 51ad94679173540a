// SPDX-License-Identifier: MIT OR Apache-2.0
// Before the guard: whichever of the two comes first, ring.h declares and this file defines.
#include "renoir/ring.h"

#ifndef RENOIR_DETAIL_RING_MPMC_H
#define RENOIR_DETAIL_RING_MPMC_H

// Bounded queue of elements of one size, from many producers to many consumers, in different
// processes, each of which may stop or die between any two instructions.
//
// Picture            capacity 4; position p lies in slot p % 4 in lap p / 4 + 1
//
//     slot              0               1               2               3
//              ┌───────────────┬───────────────┬───────────────┬───────────────┐
//     claim    │ 2 writing  B  │ 2 writing  A  │ 1 reading  D  │ 1 writing  A  │  lap, what for,
//     who done     │ 2             │ 3             │ 1             │ 1             │ element  │ B
//     is filling  │ of position 5 │ D is reading  │ of position 3 │
//              └───────────────┴───────────────┴───────────────┴───────────────┘
//
//                     claim for writing    claim for reading
//     done is even    being filled         free
//     done is odd     holds an element     being read
//
// A slot has two words, so that claiming it is one compare-and-swap, and being done with it one
// plain store. Whoever finds a slot whose claimer does not go on can change the claim and does not
// race with the claimer's store.
//
// Who writes what
//     claim      whoever takes the slot, by compare-and-swap; whoever leaves it out or takes it
//     back
//                from the dead, by compare-and-swap
//     done       the claimer alone, by adding 1 once it has filled or emptied the slot
//     element    the claimer for writing, while done is even
//     tail, head anybody: hints where to begin to look
//     left       whoever leaves an unfinished slot out; rescan: whoever makes an element appear
//     where
//                consumers have passed already
//
// Invariants
//     I1  a claim's lap only grows
//     I2  a claim with lap l means: position p of that slot in each lap up to l is taken, or left
//     out.
//         Producers pass a position only where they find that. So a consumer that finds an older
//         lap finds the queue empty.
//     I3  done changes only while the slot is claimed, once per claim, and by the claimer: seeing
//     the
//         same claim before and after reading it proves that it belongs to this claim
//     I4  consumers pass an unfinished slot only if its claim says "left", and it says so only
//     after
//         its owner, when it is done at last, is bound to see that `left` has changed
//
// Edges
//     mpmc.claim    claimer: swap the claim, acq_rel  ──►  who meets it: load claim, acquire
//                   carries the parity of done that the claimer saw: no older one is seen any more
//     mpmc.done     claimer: store done, release  ──►  the next claimer: load done, acquire
//                   carries the element, or "I have finished reading it"
//     mpmc.behind   who adds to rescan, release  ──►  consumer: load rescan, acquire
//                   carries the slot's words as they are now
//     ring.sleep    detail/ring_common.h; and "Why seq_cst" here
//
// Why seq_cst                     both sides store, then load
//
//     claimer, late                        consumer that does not wait for it (src/ring/mpmc.c)
//     C1  store done + 1, release          L1  add 1 to left, seq_cst
//     C2  nothing but program order        L2  barrier in every registered process
//     C3  load left, relaxed               L3  load done
//     C4  if it has changed: add to rescan L4  if still unfinished: set "left" in the claim
//
//     The element is lost to consumers only if C3 misses L1 and L3 misses C1: impossible for the
//     reason given for ring.sleep in ring_common.h. A consumer passes only what says "left", so
//     after L4.
//
// Progress
//     Lock-free. No call waits for another end: an unfinished slot makes the queue look full or
//     empty until its claimer goes on, is found dead (after 100 µs), or has been waited for 5 ms.
//
// If a process dies
//     after its claim for writing    the slot is skipped: its claim becomes one for reading, and
//     the
//                                    slot is free
//     after its claim for reading    the claim becomes one for writing again: the element is
//                                    delivered to somebody else, who is called back for it
//     after mpmc.done                nothing to do
//     while leaving a slot out       left has changed for nothing
//
// Trust
//     All words are input: lap and index are only compared, slots are found by masking, and each
//     loop ends after as many steps as there are slots. A hostile end can lose elements and hold
//     the ring up; no more.
//
// Proof
//     explorer tests/explore/mpmc.c                 crash    tests/crash/mpmc_test.c
//     unit     tests/unit/ring/mpmc_test.c          torture  tests/torture/mpmc_torture.c
//     figures  renoir-bench ring
//
// Sources: one claim per slot is due to D. Vyukov's bounded queue (1024cores.net), whose claim on
// the tail names nobody.

#include <stddef.h>
#include <stdint.h>

#include "renoir/detail/atomic.h"
#include "renoir/detail/ring_common.h"
#include "renoir/detail/ring_shm.h"

#ifdef __cplusplus
extern "C" {
#endif

// A claim, from the lowest bit: index 0 to 6, for writing 7, left out 8, lap from 9 on.
#define RNR_MPMC_INDEX_MASK UINT64_C(0x7f)
#define RNR_MPMC_NOBODY UINT64_C(0x7f)
#define RNR_MPMC_WRITING (UINT64_C(1) << 7)
#define RNR_MPMC_LEFT (UINT64_C(1) << 8)
#define RNR_MPMC_LAP_SHIFT 9

// Slots ahead whose lines are fetched; and how often the hints are brought up to date.
#define RNR_MPMC_AHEAD 8u
#define RNR_MPMC_HINT_MASK UINT64_C(7)

static inline RnrMpmcSlotShm *rnr_mpmc_slot(const RenoirRingEnd *end, uint64_t position)
{
    return (RnrMpmcSlotShm *)(void *)(end->cells + (size_t)(position & end->mask) * end->stride);
}

static inline void *rnr_mpmc_element(const RenoirRingEnd *end, uint64_t position)
{
    return rnr_mpmc_slot(end, position) + 1;
}

static inline uint64_t rnr_mpmc_lap(const RenoirRingEnd *end, uint64_t position)
{
    return (position >> end->shift) + 1;
}

static inline uint64_t rnr_mpmc_claim_lap(uint64_t claim)
{
    return claim >> RNR_MPMC_LAP_SHIFT;
}

static inline uint64_t rnr_mpmc_make_claim(uint64_t lap, uint64_t purpose, uint64_t index)
{
    return lap << RNR_MPMC_LAP_SHIFT | purpose | index;
}

// The position of a slot in a lap.
static inline uint64_t rnr_mpmc_position(const RenoirRingEnd *end, uint64_t position, uint64_t lap)
{
    return ((lap - 1) << end->shift) + (position & end->mask);
}

static inline uint64_t rnr_mpmc_later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

// Where to look after a position that is taken in `lap`: all before that lap's are taken too (I2).
static inline uint64_t
rnr_mpmc_after_taken(const RenoirRingEnd *end, uint64_t position, uint64_t lap)
{
    return rnr_mpmc_later(position, rnr_mpmc_position(end, position, lap)) + 1;
}

// Where a consumer looks next: a slot claimed for a lap has been emptied, or passed, in that
// before, but those behind it need not be.
static inline uint64_t
rnr_mpmc_after_emptied(const RenoirRingEnd *end, uint64_t position, uint64_t lap)
{
    return lap < 2 ? position + 1
                   : rnr_mpmc_later(position, rnr_mpmc_position(end, position, lap - 1)) + 1;
}

// As in ring_common.h: an end that has used up what it knew of lets the others run ahead, if it has
// been finding something, and then looks how far they have come. By hints only: `seen` says how far
// this end is likely to find slots that the others are done with. So two ends at full speed do not
// meet in each slot, where they would take its lines from one another.
static inline void rnr_mpmc_look_ahead(RenoirRingEnd *end, const RnrAtomicU64 *hint, uint64_t more)
{
    rnr_ring_let_run_ahead(end);
    // [hint: relaxed] Each slot is looked at itself before it is used.
    const uint64_t seen = rnr_load_relaxed_u64(hint) + more;
    rnr_ring_remember(end, seen > end->position ? seen - end->position : 0);
    end->seen = seen;
}

// The same where the hint says nothing, because the others are only a few slots ahead: nothing is
// left after some were found. As long as that is one in some 100 ns, the pause grows from run to
// run until the hint tells. `wanted` counts the run. True: look again.
#define RNR_MPMC_PAUSES_PER_ELEMENT 4u

static inline int rnr_mpmc_let_them_get_away(RenoirRingEnd *end)
{
    const uint64_t pauses = end->wanted * RNR_MPMC_PAUSES_PER_ELEMENT;

    end->streak = pauses < end->patience ? (uint32_t)pauses : end->patience;
    end->wanted = 0;
    rnr_ring_let_run_ahead(end);
    return end->streak > 0;
}

// Fetches the lines of a slot that this end will come to.
static inline void rnr_mpmc_fetch_ahead(RenoirRingEnd *end, uint64_t position)
{
    ++end->wanted;
    if (position + RNR_MPMC_AHEAD < end->seen) {
        uint8_t *const slot = (uint8_t *)rnr_mpmc_slot(end, position + RNR_MPMC_AHEAD);
        rnr_prefetch_write(slot);
        if (end->stride > 64) {
            rnr_prefetch_write(slot + 64);
        }
    }
}

// Steps after which a search gives up: once around, and some for others' progress meanwhile.
static inline uint64_t rnr_mpmc_steps(const RenoirRingEnd *end)
{
    return 2 * end->mask + 16;
}

static inline void rnr_mpmc_hint(RenoirRingEnd *end, RnrAtomicU64 *hint, uint64_t position)
{
    end->position = position + 1;
    if ((position & RNR_MPMC_HINT_MASK) == RNR_MPMC_HINT_MASK) {
        // [hint: relaxed] Where to begin to look; an older one costs a longer search.
        rnr_store_relaxed_u64(hint, position + 1);
    }
}

static inline uint64_t rnr_mpmc_from_hint(const RnrAtomicU64 *hint, uint64_t position)
{
    // [hint: relaxed] All before it was taken when it was written, which stays so.
    return rnr_mpmc_later(position, rnr_load_relaxed_u64(hint));
}

// A producer's slot: claimed for writing at *out_position. BUFFER_FULL.
static inline RenoirErrorCode rnr_mpmc_take_free(RenoirRingEnd *end, uint64_t *out_position)
{
    RnrAtomicU64 *const tail = &rnr_ring_shared(end)->tail;

    if (end->position >= end->seen) {
        rnr_mpmc_look_ahead(end, &rnr_ring_shared(end)->head, end->mask + 1);
    }
    for (uint64_t steps = rnr_mpmc_steps(end); steps > 0; --steps) {
        const uint64_t position = end->position;
        const uint64_t lap = rnr_mpmc_lap(end, position);
        RnrMpmcSlotShm *const slot = rnr_mpmc_slot(end, position);
        // [mpmc.claim: acquire] done is not older than what its claimer saw.
        uint64_t claim = rnr_load_acquire_u64(&slot->claim);

        if (rnr_mpmc_claim_lap(claim) >= lap) {
            // Another producer was there: one step, and with many of them, or after a long time, to
            // where the hint says.
            end->position =
                rnr_mpmc_claim_lap(claim) == lap && (steps & RNR_MPMC_HINT_MASK) != 0
                    ? position + 1
                    : rnr_mpmc_from_hint(
                          tail, rnr_mpmc_after_taken(end, position, rnr_mpmc_claim_lap(claim)));
            continue;
        }
        // [mpmc.done: acquire] The last reader has finished.
        const uint64_t done = rnr_load_acquire_u64(&slot->done);
        if (RNR_LIKELY(((claim & RNR_MPMC_WRITING) | (done & 1)) == 0)) {
            // [mpmc.claim: acq_rel] The slot is this end's, if nobody was faster.
            if (RNR_LIKELY(
                    rnr_cas_acq_rel_u64(&slot->claim, &claim,
                                        rnr_mpmc_make_claim(lap, RNR_MPMC_WRITING, end->index)))) {
                RNR_FAULT_POINT("mpmc.push.claimed");
                rnr_mpmc_hint(end, tail, position);
                *out_position = position;
                return RENOIR_SUCCESS;
            }
            continue;
        }
        // [mpmc.claim: acquire] Another producer may have filled it between the two looks: not
        // full.
        if (rnr_load_acquire_u64(&slot->claim) != claim) {
            continue;
        }
        if (!rnr_mpmc_let_them_get_away(end) && !renoir_detail_mpmc_held_up(end, claim)) {
            return RENOIR_BUFFER_FULL;
        }
    }
    return RENOIR_BUFFER_FULL;
}

// The element is there: mpmc.done, and whoever sleeps or has passed it is told.
static inline void rnr_mpmc_finish_push(RenoirRingEnd *end, uint64_t position)
{
    RnrMpmcSlotShm *const slot = rnr_mpmc_slot(end, position);
    // [own: relaxed] Only the claimer changes it.
    const uint64_t done = rnr_load_relaxed_u64(&slot->done);

    RNR_FAULT_POINT("mpmc.push.before");
    // [mpmc.done: release] C1. Whoever sees it odd also sees the element.
    rnr_store_release_u64(&slot->done, done + 1);
    RNR_FAULT_POINT("mpmc.push.after");
    rnr_ring_fence(end);
    // [hint: relaxed] C3, C4: the barrier L2 does the rest.
    if (RNR_UNLIKELY(rnr_load_relaxed_u32(&rnr_ring_shared(end)->left) != end->left)) {
        renoir_detail_mpmc_call_back(end);
    }
    rnr_ring_wake_sleepers(end, RNR_RING_CONSUMER_SLEEPS);
}

// Whether a slot that is being filled, or was passed by its consumers, ends the search.
static inline int rnr_mpmc_must_wait(RenoirRingEnd *end, uint64_t claim)
{
    return (claim & RNR_MPMC_LEFT) == 0 && !rnr_mpmc_let_them_get_away(end) &&
           !renoir_detail_mpmc_held_up(end, claim);
}

// Whether an element may be behind this consumer. Asked after seeing another element, and before
// taking it: a producer's late element comes before those that it has published since.
static inline int rnr_mpmc_is_called_back(const RenoirRingEnd *end)
{
    // [hint: relaxed] A late element's producer changed it before mpmc.done of its next ones. The
    // search loads it with acquire.
    const uint32_t rescan = rnr_load_relaxed_u32(&rnr_ring_shared(end)->rescan);
    return rescan != end->rescan || end->scan != end->scan_end;
}

// A consumer's slot: claimed for reading at *out_position. BUFFER_EMPTY.
static inline RenoirErrorCode rnr_mpmc_take_full(RenoirRingEnd *end, uint64_t *out_position)
{
    RnrAtomicU64 *const head = &rnr_ring_shared(end)->head;

    if (end->position >= end->seen) {
        rnr_mpmc_look_ahead(end, &rnr_ring_shared(end)->tail, 0);
    }
    for (uint64_t steps = rnr_mpmc_steps(end); steps > 0; --steps) {
        const uint64_t position = end->position;
        const uint64_t lap = rnr_mpmc_lap(end, position);
        RnrMpmcSlotShm *const slot = rnr_mpmc_slot(end, position);
        // [mpmc.claim: acquire] As for a producer.
        uint64_t claim = rnr_load_acquire_u64(&slot->claim);

        if (rnr_mpmc_claim_lap(claim) < lap) {
            if (RNR_UNLIKELY(rnr_mpmc_is_called_back(end)) &&
                renoir_detail_mpmc_take_behind(end, out_position)) {
                return RENOIR_SUCCESS;
            }
            if (rnr_mpmc_let_them_get_away(end)) {
                continue;
            }
            return RENOIR_BUFFER_EMPTY;
        }
        if (RNR_LIKELY(rnr_mpmc_claim_lap(claim) == lap && (claim & RNR_MPMC_WRITING) != 0)) {
            // [mpmc.done: acquire] The element has been written.
            const uint64_t done = rnr_load_acquire_u64(&slot->done);
            if (RNR_LIKELY((done & 1) != 0)) {
                if (RNR_UNLIKELY(rnr_mpmc_is_called_back(end)) &&
                    renoir_detail_mpmc_take_behind(end, out_position)) {
                    return RENOIR_SUCCESS;
                }
                // [mpmc.claim: acq_rel] The element is this end's, if nobody was faster.
                if (RNR_LIKELY(rnr_cas_acq_rel_u64(&slot->claim, &claim,
                                                   rnr_mpmc_make_claim(lap, 0, end->index)))) {
                    RNR_FAULT_POINT("mpmc.pop.claimed");
                    rnr_mpmc_hint(end, head, position);
                    *out_position = position;
                    return RENOIR_SUCCESS;
                }
                continue;
            }
            // [mpmc.claim: acquire] Another consumer may have emptied it between the two looks.
            if (rnr_load_acquire_u64(&slot->claim) != claim) {
                continue;
            }
            if (rnr_mpmc_must_wait(end, claim)) {
                return RENOIR_BUFFER_EMPTY;
            }
            if ((claim & RNR_MPMC_LEFT) == 0) {
                continue; // held up no longer, for one reason or another
            }
        }
        end->position = rnr_mpmc_from_hint(
            head, rnr_mpmc_after_emptied(end, position, rnr_mpmc_claim_lap(claim)));
    }
    return RENOIR_BUFFER_EMPTY;
}

// The slot is empty: mpmc.done, and whoever sleeps for room is told.
static inline void rnr_mpmc_finish_pop(RenoirRingEnd *end, uint64_t position)
{
    RnrMpmcSlotShm *const slot = rnr_mpmc_slot(end, position);
    // [own: relaxed] Only the claimer changes it.
    const uint64_t done = rnr_load_relaxed_u64(&slot->done);

    RNR_FAULT_POINT("mpmc.pop.before");
    // [mpmc.done: release] Whoever sees it even may overwrite the element.
    rnr_store_release_u64(&slot->done, done + 1);
    RNR_FAULT_POINT("mpmc.pop.after");
    rnr_ring_notify(end, RNR_RING_PRODUCER_SLEEPS);
}

static inline RenoirErrorCode
rnr_mpmc_refuse(const RenoirMpmc *ring, uint32_t role, size_t element_size)
{
    return renoir_detail_ring_refuse(ring == NULL ? NULL : &ring->end, RENOIR_RING_MPMC, role,
                                     element_size);
}

static inline RenoirErrorCode
rnr_mpmc_push(RenoirRingEnd *end, const void *element, size_t element_size)
{
    uint64_t position = 0;
    const RenoirErrorCode status = rnr_mpmc_take_free(end, &position);

    if (RNR_LIKELY(status == RENOIR_SUCCESS)) {
        rnr_mpmc_fetch_ahead(end, position);
        rnr_copy_fresh(rnr_mpmc_element(end, position), element, element_size);
        rnr_mpmc_finish_push(end, position);
    }
    return status;
}

static inline RenoirErrorCode
rnr_mpmc_pop(RenoirRingEnd *end, void *out_element, size_t element_size)
{
    uint64_t position = 0;
    const RenoirErrorCode status = rnr_mpmc_take_full(end, &position);

    if (RNR_LIKELY(status == RENOIR_SUCCESS)) {
        rnr_mpmc_fetch_ahead(end, position);
        rnr_copy(out_element, rnr_mpmc_element(end, position), element_size);
        rnr_mpmc_finish_pop(end, position);
    }
    return status;
}

RENOIR_INLINE RenoirErrorCode renoir_mpmc_open(RenoirRegionHandle region,
                                               const char *name,
                                               const RenoirRingOptions *options,
                                               uint32_t role,
                                               RenoirMpmc *out_end)
{
    const RenoirDetailRingEntry entry = {
        RENOIR_DETAIL_RING_END_ABI, RENOIR_RING_MPMC, role, 0, 0, NULL};
    return renoir_detail_ring_open(region, name, options, &entry,
                                   out_end == NULL ? NULL : &out_end->end);
}

RENOIR_INLINE RenoirErrorCode renoir_mpmc_try_push(RenoirMpmc *ring,
                                                   const void *element,
                                                   size_t element_size)
{
    // push_size is role, size and "open" in one.
    if (RNR_UNLIKELY(ring == NULL || element == NULL || element_size == 0 ||
                     ring->end.push_size != element_size)) {
        return rnr_mpmc_refuse(ring, RENOIR_PRODUCER, element_size);
    }
    return rnr_mpmc_push(&ring->end, element, element_size);
}

RENOIR_INLINE RenoirErrorCode renoir_mpmc_try_pop(RenoirMpmc *ring,
                                                  void *out_element,
                                                  size_t element_size)
{
    if (RNR_UNLIKELY(ring == NULL || out_element == NULL || element_size == 0 ||
                     ring->end.pop_size != element_size)) {
        return rnr_mpmc_refuse(ring, RENOIR_CONSUMER, element_size);
    }
    return rnr_mpmc_pop(&ring->end, out_element, element_size);
}

RENOIR_INLINE RenoirErrorCode renoir_mpmc_push_n(
    RenoirMpmc *ring, const void *elements, size_t element_size, size_t count, size_t *out_count)
{
    if (RNR_UNLIKELY(ring == NULL || elements == NULL || out_count == NULL || element_size == 0 ||
                     ring->end.push_size != element_size)) {
        return rnr_mpmc_refuse(ring, RENOIR_PRODUCER, element_size);
    }
    const uint8_t *const from = (const uint8_t *)elements;
    RenoirErrorCode status = RENOIR_SUCCESS;
    size_t total = 0;

    while (total < count && status == RENOIR_SUCCESS) {
        status = rnr_mpmc_push(&ring->end, from + total * element_size, element_size);
        total += status == RENOIR_SUCCESS;
    }
    *out_count = total;
    return total > 0 ? RENOIR_SUCCESS : status;
}

RENOIR_INLINE RenoirErrorCode renoir_mpmc_pop_n(
    RenoirMpmc *ring, void *out_elements, size_t element_size, size_t count, size_t *out_count)
{
    if (RNR_UNLIKELY(ring == NULL || out_elements == NULL || out_count == NULL ||
                     element_size == 0 || ring->end.pop_size != element_size)) {
        return rnr_mpmc_refuse(ring, RENOIR_CONSUMER, element_size);
    }
    uint8_t *const to = (uint8_t *)out_elements;
    RenoirErrorCode status = RENOIR_SUCCESS;
    size_t total = 0;

    while (total < count && status == RENOIR_SUCCESS) {
        status = rnr_mpmc_pop(&ring->end, to + total * element_size, element_size);
        total += status == RENOIR_SUCCESS;
    }
    *out_count = total;
    return total > 0 ? RENOIR_SUCCESS : status;
}

RENOIR_INLINE RenoirErrorCode renoir_mpmc_claim(RenoirMpmc *ring, void **out_element)
{
    if (RNR_UNLIKELY(ring == NULL || out_element == NULL || ring->end.push_size == 0)) {
        return rnr_mpmc_refuse(ring, RENOIR_PRODUCER, 0);
    }
    RenoirRingEnd *const end = &ring->end;
    *out_element = NULL;
    if (RNR_UNLIKELY(end->pending != 0)) {
        return renoir_detail_ring_has_claim(end);
    }
    const RenoirErrorCode status = rnr_mpmc_take_free(end, &end->claimed);
    if (RNR_LIKELY(status == RENOIR_SUCCESS)) {
        end->pending = 1;
        *out_element = rnr_mpmc_element(end, end->claimed);
    }
    return status;
}

RENOIR_INLINE void renoir_mpmc_commit(RenoirMpmc *ring)
{
    if (ring != NULL && ring->end.push_size != 0 && ring->end.pending != 0) {
        ring->end.pending = 0;
        rnr_mpmc_finish_push(&ring->end, ring->end.claimed);
    }
}

RENOIR_INLINE void renoir_mpmc_abort(RenoirMpmc *ring)
{
    if (ring != NULL && ring->end.push_size != 0 && ring->end.pending != 0) {
        renoir_detail_mpmc_give_up(&ring->end);
    }
}

RENOIR_INLINE RenoirErrorCode renoir_mpmc_peek(RenoirMpmc *ring, const void **out_element)
{
    if (RNR_UNLIKELY(ring == NULL || out_element == NULL || ring->end.pop_size == 0)) {
        return rnr_mpmc_refuse(ring, RENOIR_CONSUMER, 0);
    }
    RenoirRingEnd *const end = &ring->end;
    *out_element = NULL;
    if (end->pending == 0) {
        const RenoirErrorCode status = rnr_mpmc_take_full(end, &end->claimed);
        if (status != RENOIR_SUCCESS) {
            return status;
        }
        end->pending = 1;
    }
    *out_element = rnr_mpmc_element(end, end->claimed);
    return RENOIR_SUCCESS;
}

RENOIR_INLINE void renoir_mpmc_consume(RenoirMpmc *ring)
{
    if (ring != NULL && ring->end.pop_size != 0 && ring->end.pending != 0) {
        ring->end.pending = 0;
        rnr_mpmc_finish_pop(&ring->end, ring->end.claimed);
    }
}

#ifdef __cplusplus
}
#endif

#endif
