// SPDX-License-Identifier: MIT OR Apache-2.0
//
// What is particular to the sequenced ring, beside its inline calls and its looks: its shape, and
// consumers that come and go.
//
// Picture, Who writes what, Invariants, Progress, Death, Trust, Proof:
// include/renoir/detail/ring_sequenced.h. C1 to C4 of "Why seq_cst" are join() here.
//
// Edges
//     sequenced.limit, sequenced.join   ring/sequenced_look.c  ──►  join
//     sequenced.cursor, ring.publish, ring.role, ring.sleep   as there

#include "ring/sequenced_internal.h"

#include <inttypes.h>

#include "base/error.h"
#include "renoir/detail/atomic.h"

static RnrRingShm *shared(const RenoirRingEnd *end)
{
    return (RnrRingShm *)end->shared;
}

// --- shape ---------------------------------------------------------------------------------------

static RenoirErrorCode terms(const RenoirRingOptions *options, RnrRingTerms *out_terms)
{
    RenoirErrorCode status = rnr_ring_check_elements(RENOIR_RING_SEQUENCED, options);

    if (status == RENOIR_SUCCESS) {
        status = rnr_ring_check_max_ends(options, RENOIR_RING_SEQUENCED, 1,
                                         RNR_SEQUENCED_CONSUMERS_MAX, &out_terms->max_ends);
    }
    if (status == RENOIR_SUCCESS) {
        const bool is_multi = (options->flags & RENOIR_RING_MULTI_PRODUCER) != 0;
        out_terms->element_size = options->element_size;
        out_terms->stride = options->element_size;
        out_terms->first_consumer = is_multi ? RNR_SEQUENCED_PRODUCERS : 1;
        out_terms->end_count = out_terms->first_consumer + out_terms->max_ends;
    }
    return status;
}

static uint64_t cells_bytes(const RnrRingTerms *of)
{
    const uint64_t cells = rnr_ring_cells_bytes(of);

    if ((of->flags & RENOIR_RING_MULTI_PRODUCER) == 0) {
        return cells;
    }
    return ((cells + RNR_CACHE_PAIR - 1) & ~(uint64_t)(RNR_CACHE_PAIR - 1)) +
           of->capacity * sizeof(RnrAtomicU64);
}

static void format(RnrRingShm *shm, const RnrRingTerms *of)
{
    // [sequenced.limit: release] While nobody has come: as if a consumer stood at the beginning.
    rnr_store_release_u64(&shm->limit, of->capacity);
}

// --- coming and going ----------------------------------------------------------------------------

static RenoirErrorCode
is_damaged(const RnrRing *ring, const char *what, uint64_t position, uint64_t limit)
{
    return RNR_FAIL(RENOIR_CORRUPTED,
                    "ring '%s': its %s is %" PRIu64 ", its limit %" PRIu64 " with capacity %" PRIu64
                    " (an end has overwritten them: remove the ring)",
                    rnr_ring_name(ring), what, position, limit, ring->terms.capacity);
}

static RenoirErrorCode begin_producer(const RnrRing *ring, RenoirRingEnd *end)
{
    if (end->after_mask != 0) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                        "ring '%s': after_mask is 0x%" PRIx64 " for a producer (use 0)",
                        rnr_ring_name(ring), end->after_mask);
    }
    if (rnr_sequenced_is_multi(end)) {
        rnr_sequenced_skip_noted_claim(end, end->index);
    }
    // [ring.publish: acquire] Goes on there.
    const uint64_t tail = rnr_load_acquire_u64(&shared(end)->tail);
    const uint64_t limit = rnr_sequenced_limit(end);
    if (limit - tail > ring->terms.capacity && !rnr_sequenced_is_multi(end)) {
        return is_damaged(ring, "tail", tail, limit);
    }
    bool has_any_come;
    end->rescan = rnr_sequenced_joined(end);
    end->after_mask = rnr_sequenced_present_consumers(end, &has_any_come);
    end->position = tail;
    end->seen = tail;
    return RENOIR_SUCCESS;
}

static RenoirErrorCode check_after_mask(const RnrRing *ring, const RenoirRingEnd *end)
{
    const uint32_t count = ring->terms.max_ends;
    const uint32_t number = end->index - rnr_sequenced_first_consumer(end);

    if (count < RNR_SEQUENCED_CONSUMERS_MAX && end->after_mask >> count != 0) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                        "ring '%s': after_mask is 0x%" PRIx64 ", it has %" PRIu32
                        " consumers (name those only)",
                        rnr_ring_name(ring), end->after_mask, count);
    }
    uint64_t found = end->after_mask;
    uint64_t next = found;
    while (next != 0) {
        const uint32_t other = rnr_sequenced_lowest_bit(next);
        next &= next - 1;
        if (rnr_sequenced_presence_of(rnr_sequenced_consumer_shm(end, other)) !=
                RNR_RING_NEVER_CAME &&
            other != number) {
            const uint64_t more = rnr_sequenced_after_mask_of(end, other) & ~found;
            found |= more;
            next |= more;
        }
    }
    if ((found >> number & 1) != 0) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                        "ring '%s': consumer %" PRIu32 " with after_mask 0x%" PRIx64
                        " would wait for itself (declare the order without a circle)",
                        rnr_ring_name(ring), number, end->after_mask);
    }
    return RENOIR_SUCCESS;
}

static void start_at(RenoirRingEnd *end, uint64_t position)
{
    // [sequenced.cursor: release] C4. Nobody counts on less.
    rnr_store_release_u64(&rnr_ring_end_shm(shared(end), end->index)->cursor, position);
    end->position = position;
    end->seen = position;
    end->claimed = position;
    end->wanted = position;
}

// The larger of the predecessor's place and the oldest element.
static RenoirErrorCode begin_consumer(const RnrRing *ring, RenoirRingEnd *end)
{
    RnrRingEndShm *const mine = rnr_ring_end_shm(shared(end), end->index);
    const RenoirErrorCode status = check_after_mask(ring, end);
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    const uint64_t before = rnr_sequenced_cursor_of(mine);
    const uint64_t limit = rnr_sequenced_limit(end);
    const uint64_t oldest = limit - ring->terms.capacity;
    const bool is_first = before == 0; // or its predecessors have consumed nothing
    if (!is_first && rnr_sequenced_distance(limit, before) > 0) {
        return is_damaged(ring, "cursor", before, limit);
    }
    // [ring.role: release] Before it is announced.
    rnr_store_release_u64(&mine->after_mask, end->after_mask);
    start_at(end, is_first || rnr_sequenced_distance(before, oldest) > 0 ? oldest : before);
    return RENOIR_SUCCESS;
}

static RenoirErrorCode begin(const RnrRing *ring, RenoirRingEnd *end)
{
    end->blocked_at = UINT64_MAX;
    return end->role == RENOIR_PRODUCER ? begin_producer(ring, end) : begin_consumer(ring, end);
}

static RenoirErrorCode join(const RnrRing *ring, RenoirRingEnd *end)
{
    RnrRingShm *const shm = shared(end);

    if (end->role == RENOIR_PRODUCER) {
        return RENOIR_SUCCESS;
    }
    if (end->after_mask != 0) {
        // [hint: relaxed] Consumers ring consumers from now on.
        rnr_store_relaxed_u32(&shm->left, 1);
    }
    // [sequenced.join: release] C1. With it comes the cursor that holds.
    (void)rnr_fetch_add_seq_cst_u32(&shm->rescan, 1);
    RNR_FAULT_POINT("sequenced.join.counted");
    // [sequenced.join: seq_cst] C2. It also shows the masks of all that join at the same time.
    rnr_fence_seq_cst();
    const RenoirErrorCode status = check_after_mask(ring, end);
    const uint64_t oldest = rnr_sequenced_limit(end) - ring->terms.capacity; // C3
    if (status == RENOIR_SUCCESS && rnr_sequenced_distance(end->position, oldest) > 0) {
        start_at(end, oldest);
        rnr_ring_notify(end, RNR_RING_PRODUCER_SLEEPS);
    }
    return status;
}

static void leave(const RnrRing *ring, RenoirRingEnd *end)
{
    (void)ring;
    if (end->role == RENOIR_PRODUCER && rnr_sequenced_is_multi(end) && end->pending != 0) {
        rnr_sequenced_skip_noted_claim(end, end->index);
        end->pending = 0;
    }
}

// --- waiting -------------------------------------------------------------------------------------

static RenoirErrorCode look(const RenoirRingEnd *end)
{
    return end->role == RENOIR_CONSUMER
               ? rnr_sequenced_look_as_consumer(end)
               : rnr_sequenced_look_as_producer(end, end->wanted != 0 ? end->wanted : 1);
}

static void sweep(const RenoirRingEnd *end)
{
    const RnrRingTerms *const of = &rnr_ring_of(end)->terms;

    for (uint32_t i = 0; i < of->max_ends; ++i) {
        (void)rnr_sequenced_drop_dead_consumer(end, i);
    }
    for (uint32_t i = 0; rnr_sequenced_is_multi(end) && i < of->first_consumer; ++i) {
        (void)rnr_sequenced_drop_dead_producer(end, i);
    }
}

// --- counts and checks ---------------------------------------------------------------------------

// Enough of an end to find cells and consumers by.
static RenoirRingEnd probe_of(const RnrRingShm *shm, const RnrRingTerms *of)
{
    return (RenoirRingEnd){.shared = (void *)(uintptr_t)shm,
                           .cells = (uint8_t *)(uintptr_t)shm + of->cells_offset,
                           .mask = of->capacity - 1,
                           .stride = of->stride,
                           .flags = of->flags,
                           .shift = rnr_sequenced_lowest_bit(of->capacity)};
}

// With many producers `tail` may be a few claims behind.
static uint64_t exact_tail(const RenoirRingEnd *probe)
{
    // [ring.publish: acquire] For counting only.
    uint64_t tail = rnr_load_acquire_u64(&shared(probe)->tail);

    for (uint64_t i = 0; rnr_sequenced_is_multi(probe) && i <= probe->mask; ++i) {
        const uint64_t stamp = rnr_sequenced_load_stamp(probe, tail);
        const int64_t ahead = rnr_sequenced_ahead(probe, stamp, tail);
        if (ahead < 0) {
            break;
        }
        tail +=
            ((uint64_t)ahead >> RNR_SEQUENCED_REST_SHIFT) + rnr_sequenced_rest(probe, stamp) + 1;
    }
    return tail;
}

// The smallest cursor, or the oldest element where no consumer is present.
static uint64_t slowest(const RnrRing *ring, const RenoirRingEnd *probe)
{
    const uint64_t oldest = rnr_sequenced_limit(probe) - ring->terms.capacity;
    uint64_t found = 0;
    bool is_any = false;

    for (uint32_t i = 0; i < ring->terms.max_ends; ++i) {
        const RnrRingEndShm *const consumer = rnr_sequenced_consumer_shm(probe, i);
        if (rnr_sequenced_presence_of(consumer) == RNR_RING_CAME) {
            const uint64_t cursor = rnr_sequenced_cursor_of(consumer);
            found = !is_any || rnr_sequenced_distance(found, cursor) < 0 ? cursor : found;
            is_any = true;
        }
    }
    return is_any ? found : oldest;
}

static void stats(const RnrRing *ring, const RenoirRingEnd *end, RenoirRingStats *out_stats)
{
    const RenoirRingEnd probe = probe_of(ring->shm, &ring->terms);
    const uint64_t reads = slowest(ring, &probe);
    const uint64_t tail = exact_tail(&probe); // after the cursors: not behind them
    const bool is_own = end != NULL && end->role == RENOIR_CONSUMER;
    const int64_t live = rnr_sequenced_distance(is_own ? end->position : reads, tail);

    out_stats->reads = reads;
    out_stats->writes = tail;
    out_stats->size = live <= 0 ? 0 : (uint64_t)live;
    if (out_stats->size > ring->terms.capacity) {
        out_stats->size = ring->terms.capacity;
    }
}

static RenoirErrorCode
breaks_i1(const char *name, const char *what, uint64_t position, uint64_t limit, uint64_t capacity)
{
    return RNR_FAIL(RENOIR_CORRUPTED,
                    "ring '%s': %s %" PRIu64 " and limit %" PRIu64 " with capacity %" PRIu64
                    " (I1: an end has overwritten them)",
                    name, what, position, limit, capacity);
}

static RenoirErrorCode check(const RnrRingShm *shm, const RnrRingTerms *of, const char *name)
{
    const RenoirRingEnd probe = probe_of(shm, of);

    for (uint32_t i = 0; i < of->max_ends; ++i) {
        const RnrRingEndShm *const consumer = rnr_sequenced_consumer_shm(&probe, i);
        if (rnr_sequenced_presence_of(consumer) != RNR_RING_NEVER_CAME) {
            const uint64_t cursor = rnr_sequenced_cursor_of(consumer);
            const uint64_t limit = rnr_sequenced_limit(&probe);
            if (rnr_sequenced_distance(cursor, limit) < 0) {
                return breaks_i1(name, "cursor", cursor, limit, of->capacity);
            }
        }
    }
    if (!rnr_sequenced_is_multi(&probe)) {
        // [ring.publish: acquire] Before the limit, which does not lie behind it.
        const uint64_t tail = rnr_load_acquire_u64(&shm->tail);
        const uint64_t limit = rnr_sequenced_limit(&probe);
        // [ring.publish: acquire] Where the tail is by now.
        const uint64_t tail_now = rnr_load_acquire_u64(&shm->tail);
        if (rnr_sequenced_distance(tail, limit) < 0 ||
            rnr_sequenced_distance(tail_now, limit) > (int64_t)of->capacity) {
            return breaks_i1(name, "tail", tail, limit, of->capacity);
        }
    }
    return RENOIR_SUCCESS;
}

const RnrRingKind rnr_ring_kind_sequenced = {.name = "sequenced",
                                             .flags =
                                                 RENOIR_RING_WAITABLE | RENOIR_RING_MULTI_PRODUCER,
                                             .terms = terms,
                                             .cells_bytes = cells_bytes,
                                             .format = format,
                                             .begin = begin,
                                             .join = join,
                                             .leave = leave,
                                             .look = look,
                                             .has_more = rnr_sequenced_has_more,
                                             .sweep = sweep,
                                             .stats = stats,
                                             .check = check};
