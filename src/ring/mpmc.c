// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The cold half of the mpmc ring: slots of the dead are taken back, those of the stopped are left
// out, and elements that appear where consumers have passed are found again.
//
// Picture, Invariants, Edges (mpmc.claim, mpmc.done, mpmc.behind), Death, Trust:
// include/renoir/detail/ring_mpmc.h. L1 to L4 of "Why seq_cst" are leave_out() here.
//
// Edges
//     mpmc.behind   take_back, rnr_mpmc_call_back  ──►  rnr_mpmc_take_behind
//     ring.sleep    leave_out, by the argument of detail/ring_common.h  ──►  rnr_mpmc_finish_push

#include "ring/mpmc.h"

#include "base/bits.h"
#include "platform/barrier.h"
#include "platform/clock.h"
#include "renoir/detail/atomic.h"
#include "ring/kind.h"
#include "ring/wait.h"

// How long an end is held up by the same claim before it asks whether its owner lives, again and
// again; and before it goes on without one that does.
#define ASK_AFTER_NS RENOIR_MICROSECONDS(100)
#define LEAVE_AFTER_NS RENOIR_MILLISECONDS(5)

enum { ENDS_MIN = 2, ENDS_MAX = 126, PATIENCE_SHARE = 16 };

static RnrRingShm *shared(const RenoirRingEnd *end)
{
    return (RnrRingShm *)end->shared;
}

static RnrRingSession *session_of(const RenoirRingEnd *end)
{
    return (RnrRingSession *)end->internal;
}

static uint64_t claim_of(const RnrMpmcSlotShm *slot)
{
    // [mpmc.claim: acquire] done is not older than what the claimer saw.
    return rnr_load_acquire_u64(&slot->claim);
}

static bool is_done(const RnrMpmcSlotShm *slot, uint64_t claim)
{
    // [mpmc.done: acquire] As whoever claims the slot next.
    const bool is_odd = (rnr_load_acquire_u64(&slot->done) & 1) != 0;
    return is_odd == ((claim & RNR_MPMC_WRITING) != 0);
}

static bool swap_claim(RnrMpmcSlotShm *slot, uint64_t *claim, uint64_t desired)
{
    // [mpmc.claim: acq_rel] As whoever claims it; the claimer itself never changes it back.
    return rnr_cas_acq_rel_u64(&slot->claim, claim, desired) != 0;
}

static void look_behind(const RenoirRingEnd *end)
{
    // [mpmc.behind: release] Consumers that see it search all slots.
    (void)rnr_fetch_add_seq_cst_u32(&shared(end)->rescan, 1);
    rnr_ring_wake(end, RNR_RING_CONSUMER_SLEEPS | RNR_RING_PRODUCER_SLEEPS);
}

void rnr_mpmc_call_back(RenoirRingEnd *end)
{
    // [hint: relaxed] Whatever is left out from here on changes it again; an older value costs one
    // more call.
    end->left = rnr_load_relaxed_u32(&shared(end)->left);
    look_behind(end);
}

// --- the dead ------------------------------------------------------------------------------------

// The claim turned to the other purpose: what was being filled is free, what was being read is
// full.
static bool turn_claim(RnrMpmcSlotShm *slot, uint64_t claim, uint32_t index)
{
    while ((claim & RNR_MPMC_INDEX_MASK) == index && !is_done(slot, claim)) {
        const uint64_t turned =
            rnr_mpmc_make_claim(rnr_mpmc_claim_lap(claim),
                                (claim ^ RNR_MPMC_WRITING) & RNR_MPMC_WRITING, RNR_MPMC_NOBODY);
        if (swap_claim(slot, &claim, turned)) {
            return true;
        }
    }
    return false;
}

// All that the end at `index` has claimed and will never finish; it is dead, or this process's own,
// and nobody can take the index meanwhile.
static void take_back(const RenoirRingEnd *end, uint32_t index)
{
    for (uint64_t i = 0; i <= end->mask; ++i) {
        RnrMpmcSlotShm *const slot = rnr_mpmc_slot(end, i);
        const uint64_t claim = claim_of(slot);
        if (turn_claim(slot, claim, index) && (claim & RNR_MPMC_WRITING) != 0) {
            // [hint: relaxed] A count.
            (void)rnr_fetch_add_relaxed_u32(&shared(end)->skipped, 1);
        }
        RNR_FAULT_POINT("mpmc.take_back");
    }
    look_behind(end); // it may have died before it could call them back
}

static bool bury(const RenoirRingEnd *end, uint32_t index)
{
    const RnrRing *const ring = rnr_ring_of(end);
    RnrRole hold;

    if (index >= ring->terms.end_count || index == end->index ||
        !rnr_ring_hold_dead(ring, index, &hold)) {
        return false;
    }
    take_back(end, index);
    rnr_ring_release_dead(ring, index, &hold);
    return true;
}

static void bury_all(const RenoirRingEnd *end)
{
    for (uint32_t i = 0; i < rnr_ring_of(end)->terms.end_count; ++i) {
        (void)bury(end, i);
    }
}

// --- the stopped ---------------------------------------------------------------------------------

// Goes on without an unfinished slot until its owner does. `lap`: of the position to be passed. An
// owner that reads needs no notice: nobody waits for an empty slot.
static bool leave_out(const RenoirRingEnd *end, RnrMpmcSlotShm *slot, uint64_t claim, uint64_t lap)
{
    const uint64_t left =
        rnr_mpmc_make_claim(lap, claim & RNR_MPMC_WRITING, claim & RNR_MPMC_INDEX_MASK) |
        RNR_MPMC_LEFT;

    if ((claim & RNR_MPMC_LEFT) == 0 && (claim & RNR_MPMC_WRITING) != 0) {
        // [ring.sleep: seq_cst] L1, L2: by the same argument.
        (void)rnr_fetch_add_seq_cst_u32(&shared(end)->left, 1);
        (void)rnr_barrier_run();
        RNR_FAULT_POINT("mpmc.leave_out");
    }
    return !is_done(slot, claim) && swap_claim(slot, &claim, left); // L3, L4
}

// A producer behind an element that consumers have passed: they are called back once in a while, in
// case that whoever was to call them has died.
static bool is_behind(const RenoirRingEnd *end)
{
    // [hint: relaxed] Only whether to call.
    return rnr_load_relaxed_u64(&shared(end)->head) > end->position - end->mask - 1;
}

// True: the same claim has held this end up for long enough to ask.
static bool is_time(const RenoirRingEnd *end, uint64_t claim, uint64_t *out_since_ns)
{
    RnrRingSession *const session = session_of(end);
    const uint64_t now = rnr_clock_now_ns();

    if (session->held_up_by != claim || session->held_up_at != end->position) {
        session->held_up_by = claim;
        session->held_up_at = end->position;
        session->held_up_ns = now;
        session->asked_ns = now;
    }
    if (now - session->asked_ns < ASK_AFTER_NS) {
        return false;
    }
    session->asked_ns = now;
    *out_since_ns = now - session->held_up_ns;
    return true;
}

static bool go_on(const RenoirRingEnd *end, uint64_t claim, uint64_t since_ns)
{
    RnrMpmcSlotShm *const slot = rnr_mpmc_slot(end, end->position);

    if (is_done(slot, claim)) { // a full slot, before a producer
        if (since_ns >= LEAVE_AFTER_NS && is_behind(end)) {
            look_behind(end);
        }
        bury_all(end);
        return false;
    }
    if (bury(end, (uint32_t)(claim & RNR_MPMC_INDEX_MASK))) {
        return true;
    }
    return since_ns >= LEAVE_AFTER_NS &&
           leave_out(end, slot, claim, rnr_mpmc_lap(end, end->position));
}

int rnr_mpmc_held_up(const RenoirRingEnd *end, uint64_t claim)
{
    uint64_t since_ns = 0;

    // Left out already, a lap ago: not waited for again.
    if ((claim & RNR_MPMC_LEFT) != 0) {
        RnrMpmcSlotShm *const slot = rnr_mpmc_slot(end, end->position);
        if (!is_done(slot, claim)) {
            return leave_out(end, slot, claim, rnr_mpmc_lap(end, end->position));
        }
    }
    return is_time(end, claim, &since_ns) && go_on(end, claim, since_ns);
}

// --- the late ------------------------------------------------------------------------------------

static bool take_at(RenoirRingEnd *end, uint32_t cell, uint64_t *out_position)
{
    RnrMpmcSlotShm *const slot = rnr_mpmc_slot(end, cell);
    uint64_t claim = claim_of(slot);

    while ((claim & RNR_MPMC_WRITING) != 0 && is_done(slot, claim)) {
        const uint64_t lap = rnr_mpmc_claim_lap(claim);
        if (rnr_mpmc_position(end, cell, lap) >= end->position) {
            return false; // its turn comes
        }
        if (swap_claim(slot, &claim, rnr_mpmc_make_claim(lap, 0, end->index))) {
            *out_position = cell;
            return true;
        }
    }
    return false;
}

int rnr_mpmc_take_behind(RenoirRingEnd *end, uint64_t *out_position)
{
    // [mpmc.behind: acquire] The slots as they were when it was changed, or newer.
    const uint32_t rescan = rnr_load_acquire_u32(&shared(end)->rescan);

    if (rescan != end->rescan) {
        end->rescan = rescan;
        end->scan = 0;
        end->scan_end = (uint32_t)(end->mask + 1);
    }
    while (end->scan != end->scan_end) {
        if (take_at(end, end->scan++, out_position)) {
            RNR_FAULT_POINT("mpmc.pop.claimed");
            return 1;
        }
    }
    return 0;
}

void rnr_mpmc_give_up(RenoirRingEnd *end)
{
    RnrMpmcSlotShm *const slot = rnr_mpmc_slot(end, end->claimed);
    const uint64_t claim = claim_of(slot);

    end->pending = 0;
    (void)turn_claim(slot, claim, end->index);
    if (end->role == RENOIR_CONSUMER) {
        look_behind(end);
    } else {
        rnr_ring_wake(end, RNR_RING_PRODUCER_SLEEPS);
    }
}

// --- as a kind of ring ---------------------------------------------------------------------------

static RenoirErrorCode terms(const RenoirRingOptions *options, RnrRingTerms *out_terms)
{
    RenoirErrorCode status = rnr_ring_check_elements(RENOIR_RING_MPMC, options);

    if (status == RENOIR_SUCCESS) {
        status = rnr_ring_check_max_ends(options, RENOIR_RING_MPMC, ENDS_MIN, ENDS_MAX,
                                         &out_terms->max_ends);
    }
    out_terms->element_size = options->element_size;
    // Neighbours do not share a line: each may have another owner.
    out_terms->stride = ((uint32_t)sizeof(RnrMpmcSlotShm) + options->element_size + 63u) & ~63u;
    out_terms->end_count = out_terms->max_ends;
    out_terms->first_consumer = 0;
    return status;
}

static RenoirErrorCode begin(const RnrRing *ring, RenoirRingEnd *end)
{
    RnrRingShm *const shm = ring->shm;
    // [ring.role: acquire] What the last owner of the index left.
    const uint64_t presence = rnr_load_acquire_u64(&rnr_ring_end_shm(shm, end->index)->presence);

    if (ring->is_in_region && (presence & RNR_RING_PRESENCE_MASK) == RNR_RING_CAME) {
        take_back(end, end->index);
    }
    // [hint: relaxed] What is left out from here on changes it.
    end->left = rnr_load_relaxed_u32(&shm->left);
    // A slot takes some 10 ns and a pause some 25: a sixth of the ring at most.
    end->patience = (uint32_t)(end->mask + 1) / PATIENCE_SHARE;
    if (end->patience > RNR_RING_PATIENCE_MAX) {
        end->patience = RNR_RING_PATIENCE_MAX;
    }
    end->rescan = 0; // if anything ever was behind, it is looked for once
    // [hint: relaxed] Where to begin to look.
    end->position = rnr_load_relaxed_u64(end->role == RENOIR_PRODUCER ? &shm->tail : &shm->head);
    return RENOIR_SUCCESS;
}

static void leave(const RnrRing *ring, RenoirRingEnd *end)
{
    (void)ring;
    if (end->pending != 0) {
        rnr_mpmc_give_up(end);
    }
}

// Walk as the next call would, from *position on, and change nothing but that: it ends where the
// call would go on or be held up.
static RenoirErrorCode look_as_producer(const RenoirRingEnd *end, uint64_t *position)
{
    for (uint64_t steps = rnr_mpmc_steps(end); steps > 0; --steps) {
        const RnrMpmcSlotShm *const slot = rnr_mpmc_slot(end, *position);
        const uint64_t claim = claim_of(slot);
        if (rnr_mpmc_claim_lap(claim) < rnr_mpmc_lap(end, *position)) {
            if ((claim & RNR_MPMC_WRITING) == 0 && is_done(slot, claim)) {
                return RENOIR_SUCCESS;
            }
            if (claim_of(slot) != claim) {
                continue; // another producer has filled it between the two looks
            }
            return RENOIR_BUFFER_FULL;
        }
        *position = rnr_mpmc_from_hint(
            &shared(end)->tail, rnr_mpmc_after_taken(end, *position, rnr_mpmc_claim_lap(claim)));
    }
    return RENOIR_BUFFER_FULL;
}

static RenoirErrorCode look_as_consumer(const RenoirRingEnd *end, uint64_t *position)
{
    // [mpmc.behind: acquire] Then the next call searches.
    if (rnr_load_acquire_u32(&shared(end)->rescan) != end->rescan || end->scan != end->scan_end) {
        return RENOIR_SUCCESS;
    }
    for (uint64_t steps = rnr_mpmc_steps(end); steps > 0; --steps) {
        const RnrMpmcSlotShm *const slot = rnr_mpmc_slot(end, *position);
        const uint64_t claim = claim_of(slot);
        const uint64_t lap = rnr_mpmc_claim_lap(claim);
        if (lap < rnr_mpmc_lap(end, *position)) {
            return RENOIR_BUFFER_EMPTY;
        }
        if (lap == rnr_mpmc_lap(end, *position) && (claim & RNR_MPMC_WRITING) != 0) {
            if (is_done(slot, claim)) {
                return RENOIR_SUCCESS;
            }
            if (claim_of(slot) != claim) {
                continue; // another consumer has emptied it between the two looks
            }
            if ((claim & RNR_MPMC_LEFT) == 0) {
                return RENOIR_BUFFER_EMPTY;
            }
        }
        *position =
            rnr_mpmc_from_hint(&shared(end)->head, rnr_mpmc_after_emptied(end, *position, lap));
    }
    return RENOIR_BUFFER_EMPTY;
}

static RenoirErrorCode look_from(const RenoirRingEnd *end, uint64_t *position)
{
    return end->role == RENOIR_PRODUCER ? look_as_producer(end, position)
                                        : look_as_consumer(end, position);
}

static RenoirErrorCode look(const RenoirRingEnd *end)
{
    uint64_t position = end->position;
    return look_from(end, &position);
}

// A wait does for the slot that holds it up what the next call would have done.
static void sweep(const RenoirRingEnd *end)
{
    RenoirRingEnd eye = *end;

    bury_all(end);
    if (look_from(end, &eye.position) != RENOIR_SUCCESS) {
        const uint64_t claim = claim_of(rnr_mpmc_slot(&eye, eye.position));
        if (rnr_mpmc_claim_lap(claim) != 0) {
            (void)rnr_mpmc_held_up(&eye, claim);
        }
    }
}

// How far a side has come, from its hint on.
static uint64_t walk(const RenoirRingEnd *end, const RnrAtomicU64 *hint, bool is_reading)
{
    uint64_t position = rnr_mpmc_from_hint(hint, 0);

    for (uint64_t steps = rnr_mpmc_steps(end); steps > 0; --steps) {
        const uint64_t claim = claim_of(rnr_mpmc_slot(end, position));
        const uint64_t lap = rnr_mpmc_lap(end, position);
        const bool is_passed =
            rnr_mpmc_claim_lap(claim) > lap ||
            (rnr_mpmc_claim_lap(claim) == lap &&
             (!is_reading || (claim & RNR_MPMC_WRITING) == 0 || (claim & RNR_MPMC_LEFT) != 0));
        if (!is_passed) {
            break;
        }
        ++position;
    }
    return position;
}

// An end that only looks.
static RenoirRingEnd onlooker(const RnrRing *ring)
{
    return (RenoirRingEnd){.shared = ring->shm,
                           .cells = (uint8_t *)ring->shm + ring->terms.cells_offset,
                           .mask = ring->terms.capacity - 1,
                           .shift = rnr_log2(ring->terms.capacity),
                           .stride = ring->terms.stride};
}

static void stats(const RnrRing *ring, const RenoirRingEnd *end, RenoirRingStats *out_stats)
{
    const RenoirRingEnd eye = onlooker(ring);
    (void)end;

    out_stats->reads = walk(&eye, &ring->shm->head, true);
    out_stats->writes = walk(&eye, &ring->shm->tail, false);
    if (out_stats->writes < out_stats->reads) {
        out_stats->writes = out_stats->reads;
    }
    out_stats->size = out_stats->writes - out_stats->reads;
    if (out_stats->size > out_stats->capacity) {
        out_stats->size = out_stats->capacity;
    }
}

static RenoirErrorCode check(const RnrRingShm *shm, const RnrRingTerms *of, const char *name)
{
    const uint8_t *const cells = (const uint8_t *)shm + of->cells_offset;

    for (uint64_t i = 0; i < of->capacity; ++i) {
        const RnrMpmcSlotShm *const slot =
            (const RnrMpmcSlotShm *)(const void *)(cells + i * of->stride);
        const uint64_t index = claim_of(slot) & RNR_MPMC_INDEX_MASK;
        if (index >= of->end_count && index != RNR_MPMC_NOBODY) {
            return rnr_ring_corrupted(name, "claimer", index, of->end_count - 1);
        }
    }
    return RENOIR_SUCCESS;
}

const RnrRingKind rnr_ring_kind_mpmc = {.name = "mpmc",
                                        .flags = RENOIR_RING_WAITABLE,
                                        .needs_barrier = true,
                                        .terms = terms,
                                        .cells_bytes = rnr_ring_cells_bytes,
                                        .begin = begin,
                                        .leave = leave,
                                        .look = look,
                                        .sweep = sweep,
                                        .stats = stats,
                                        .check = check};
