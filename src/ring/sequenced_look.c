// SPDX-License-Identifier: MIT OR Apache-2.0
//
// How far an end of a sequenced ring may go by what the others have done, and what the dead leave.
//
// Picture, Who writes what, Invariants, Progress, Death, Trust, Proof:
// include/renoir/detail/ring_sequenced.h. P1 to P4 of "Why seq_cst" are advance() here.
//
// Edges
//     sequenced.limit    raise_limit  ──►  join in ring/sequenced.c
//     sequenced.join     advance  ──►  join in ring/sequenced.c, and back
//     sequenced.stamp, sequenced.cursor, ring.publish, ring.role, ring.sleep   as there

#include "ring/sequenced_internal.h"

#include "platform/clock.h"
#include "renoir/detail/atomic.h"
#include "ring/refuse.h"
#include "ring/sequenced.h"

// How long an end is held up at the same place before it asks who of the others lives, again and
// again.
#define ASK_AFTER_NS RENOIR_MICROSECONDS(100)
// Where nobody holds a producer back, it takes this part of the ring at a time: a consumer that
// comes finds the rest.
#define FREE_STEP_SHARE 4
// How often a look begins again because consumers come meanwhile.
#define ADVANCE_ROUNDS 8
// Slots that a consumer looks ahead.
#define RUN_MAX UINT64_C(64)

static RnrRingShm *shared(const RenoirRingEnd *end)
{
    return (RnrRingShm *)end->shared;
}

// --- the others ----------------------------------------------------------------------------------

static uint32_t consumer_count(const RenoirRingEnd *end)
{
    return rnr_ring_of(end)->terms.max_ends;
}

uint64_t rnr_sequenced_presence_of(const RnrRingEndShm *other)
{
    // [ring.role: acquire] With it come the cursor and the mask that it has begun with.
    return rnr_load_acquire_u64(&other->presence) & RNR_RING_PRESENCE_MASK;
}

uint64_t rnr_sequenced_cursor_of(const RnrRingEndShm *other)
{
    // [sequenced.cursor: acquire] It is done with those below.
    return rnr_load_acquire_u64(&other->cursor);
}

uint64_t rnr_sequenced_after_mask_of(const RenoirRingEnd *end, uint32_t number)
{
    const uint32_t count = consumer_count(end);
    const uint64_t known =
        count == RNR_SEQUENCED_CONSUMERS_MAX ? UINT64_MAX : (UINT64_C(1) << count) - 1;
    // [ring.role: acquire] Written before it came.
    return rnr_load_acquire_u64(&rnr_sequenced_consumer_shm(end, number)->after_mask) & known;
}

uint64_t rnr_sequenced_limit(const RenoirRingEnd *end)
{
    // [sequenced.limit: acquire] Nothing from here on is written yet.
    return rnr_load_acquire_u64(&shared(end)->limit);
}

// Consumers that are present; *out_has_any_come: or have been.
uint64_t rnr_sequenced_present_consumers(const RenoirRingEnd *end, bool *out_has_any_come)
{
    const uint32_t count = consumer_count(end);
    uint64_t mask = 0;

    *out_has_any_come = false;
    for (uint32_t i = 0; i < count; ++i) {
        const uint64_t presence = rnr_sequenced_presence_of(rnr_sequenced_consumer_shm(end, i));
        *out_has_any_come |= presence != RNR_RING_NEVER_CAME;
        if (presence == RNR_RING_CAME) {
            mask |= UINT64_C(1) << i;
        }
    }
    return mask;
}

// --- the dead ------------------------------------------------------------------------------------

// Whether the end has been held up at this place for as long as it takes to ask.
static bool is_time_to_ask(RenoirRingEnd *end, uint64_t place)
{
    const uint64_t now = rnr_clock_now_ns();

    if (end->blocked_at != place) {
        end->blocked_at = place;
        end->blocked_ns = now;
        return false;
    }
    if (now - end->blocked_ns < ASK_AFTER_NS) {
        return false;
    }
    end->blocked_ns = now;
    return true;
}

// A consumer leaves nothing; it only no longer counts.
bool rnr_sequenced_drop_dead_consumer(const RenoirRingEnd *end, uint32_t number)
{
    const RnrRing *const ring = rnr_ring_of(end);
    const uint32_t index = rnr_sequenced_first_consumer(end) + number;
    RnrRole hold;

    if (index == end->index || !rnr_ring_hold_dead(ring, index, &hold)) {
        return false;
    }
    rnr_ring_release_dead(ring, index, &hold);
    return true;
}

static void count_skipped(const RenoirRingEnd *end)
{
    // [hint: relaxed] A count, for people; a death between skipping and counting loses one.
    (void)rnr_fetch_add_relaxed_u32(&shared(end)->skipped, 1);
}

// Gives up one slot of a dead claimer, or of this end.
static void skip_slot(const RenoirRingEnd *end, uint64_t position, uint64_t index, uint64_t rest)
{
    const uint64_t skipped =
        rnr_sequenced_make_stamp(end, position, RNR_SEQUENCED_SKIPPED, index, rest);
    const uint64_t claimed = skipped | RNR_SEQUENCED_CLAIMED;
    uint64_t stamp = rnr_sequenced_load_stamp(end, position);

    // Claimed, or not marked yet.
    if (stamp != claimed && !rnr_sequenced_is_free(end, stamp, position)) {
        return;
    }
    // [sequenced.stamp: acq_rel] Other helpers do the same.
    if (rnr_cas_acq_rel_u64(rnr_sequenced_stamp(end, position), &stamp, skipped)) {
        count_skipped(end);
        RNR_FAULT_POINT("sequenced.skip.slot");
    }
}

// Gives up what is left of the claim of this index in which the position lies, if there is one. The
// last slot first, so that the first one answers for the others until all is done (I4).
static void skip_claim(const RenoirRingEnd *end, uint64_t position, uint64_t index)
{
    const uint64_t stamp = rnr_sequenced_load_stamp(end, position);
    const uint64_t rest = rnr_sequenced_rest(end, stamp);

    if (rnr_sequenced_ahead(end, stamp, position) != 0 ||
        ((stamp >> RNR_SEQUENCED_INDEX_SHIFT) & RNR_SEQUENCED_INDEX_MASK) != index) {
        return;
    }
    for (uint64_t i = rest + 1; i-- > 0;) {
        skip_slot(end, position + i, index, rest - i);
    }
}

// The claim that the index had: where it noted it (I5). What it published first may have been
// consumed and written over since, for producers get room up to the rest of it.
void rnr_sequenced_skip_noted_claim(const RenoirRingEnd *end, uint32_t index)
{
    uint64_t position = rnr_sequenced_cursor_of(rnr_ring_end_shm(shared(end), index));

    for (uint64_t i = 0; i < end->mask; ++i) {
        const uint64_t stamp = rnr_sequenced_load_stamp(end, position);
        if (rnr_sequenced_ahead(end, stamp, position) <= 0) {
            break;
        }
        ++position;
    }
    skip_claim(end, position, index);
}

bool rnr_sequenced_drop_dead_producer(const RenoirRingEnd *end, uint32_t index)
{
    const RnrRing *const ring = rnr_ring_of(end);
    RnrRole hold;

    if (index == end->index || !rnr_ring_hold_dead(ring, index, &hold)) {
        return false;
    }
    rnr_sequenced_skip_noted_claim(end, index);
    RNR_FAULT_POINT("sequenced.skip.all");
    rnr_ring_release_dead(ring, index, &hold);
    return true;
}

// The owner of an unfinished claim.
static bool drop_dead_claimer(const RenoirRingEnd *end, uint64_t stamp)
{
    return rnr_sequenced_state(stamp) == RNR_SEQUENCED_CLAIMED &&
           rnr_sequenced_drop_dead_producer(
               end, (uint32_t)(stamp >> RNR_SEQUENCED_INDEX_SHIFT & RNR_SEQUENCED_INDEX_MASK));
}

// --- a producer's room ---------------------------------------------------------------------------

// The smallest cursor of those that hold producers back; false: nobody does. Those that have left
// are forgotten until somebody joins.
static RenoirErrorCode find_gate(RenoirRingEnd *end, uint64_t *out_gate, bool *out_is_any)
{
    *out_is_any = false;
    for (uint64_t mask = end->after_mask; mask != 0; mask &= mask - 1) {
        const uint32_t number = rnr_sequenced_lowest_bit(mask);
        const RnrRingEndShm *const consumer = rnr_sequenced_consumer_shm(end, number);
        const uint64_t presence = rnr_sequenced_presence_of(consumer);
        const uint64_t cursor = rnr_sequenced_cursor_of(consumer);
        if (presence != RNR_RING_CAME) {
            end->after_mask &= ~(UINT64_C(1) << number);
        } else if (!*out_is_any || rnr_sequenced_distance(*out_gate, cursor) < 0) {
            *out_gate = cursor;
            *out_is_any = true;
        }
        const uint64_t most =
            rnr_sequenced_is_multi(end) ? rnr_sequenced_limit(end) : end->position;
        if (presence == RNR_RING_CAME && rnr_sequenced_distance(most, cursor) > 0) {
            return rnr_ring_bad_position(end, cursor);
        }
    }
    return RENOIR_SUCCESS;
}

// How far producers may go by what the consumers have done.
static RenoirErrorCode find_limit(RenoirRingEnd *end, uint64_t wanted, uint64_t *out_limit)
{
    const uint64_t capacity = end->mask + 1;
    uint64_t gate = 0;
    bool is_any = false;

    RenoirErrorCode status = find_gate(end, &gate, &is_any);
    if (status == RENOIR_SUCCESS && !is_any) {
        bool has_any_come;
        end->after_mask = rnr_sequenced_present_consumers(end, &has_any_come);
        if (!has_any_come) { // the first one is to find all
            *out_limit = rnr_sequenced_limit(end);
            return RENOIR_SUCCESS;
        }
        status = find_gate(end, &gate, &is_any);
    }
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    const uint64_t step = capacity / FREE_STEP_SHARE > wanted ? capacity / FREE_STEP_SHARE : wanted;
    *out_limit = is_any ? gate + capacity : end->position + step;
    return RENOIR_SUCCESS;
}

// Says that producers may go to this limit. Whoever goes less far changes nothing.
static void raise_limit(const RenoirRingEnd *end, uint64_t limit)
{
    uint64_t before = rnr_sequenced_limit(end);

    while (rnr_sequenced_distance(before, limit) > 0) {
        // [sequenced.limit: acq_rel] P1.
        if (rnr_cas_acq_rel_u64(&shared(end)->limit, &before, limit)) {
            break;
        }
    }
}

uint32_t rnr_sequenced_joined(const RenoirRingEnd *end)
{
    // [sequenced.join: acquire] P3, after P2. Who has added to it is found by the search that
    // follows.
    return rnr_load_acquire_u32(&shared(end)->rescan);
}

// Moves end->seen as far as the consumers allow.
static RenoirErrorCode advance(RenoirRingEnd *end, uint64_t wanted)
{
    for (unsigned round = 0; round < ADVANCE_ROUNDS; ++round) {
        const uint32_t joins = rnr_sequenced_joined(end);
        uint64_t limit = end->seen;
        if (joins != end->rescan) {
            bool has_any_come;
            end->after_mask = rnr_sequenced_present_consumers(end, &has_any_come);
            end->rescan = joins;
        }
        const RenoirErrorCode status = find_limit(end, wanted, &limit);
        if (status != RENOIR_SUCCESS || rnr_sequenced_distance(end->seen, limit) <= 0) {
            return status;
        }
        if (!rnr_sequenced_is_multi(end) && limit - end->position > end->mask + 1) {
            return rnr_ring_bad_position(end, limit);
        }
        RNR_FAULT_POINT("sequenced.limit.found");
        raise_limit(end, limit);
        RNR_FAULT_POINT("sequenced.limit.raised");
        // [sequenced.join: seq_cst] P2.
        rnr_fence_seq_cst();
        if (rnr_sequenced_joined(end) == joins) {
            end->seen = limit;
            return RENOIR_SUCCESS;
        }
    }
    return RENOIR_SUCCESS;
}

// Elements that the end may claim; many producers: only whether `wanted` go.
static uint64_t room(const RenoirRingEnd *end, uint64_t wanted)
{
    const int64_t left = rnr_sequenced_distance(end->position, end->seen);

    if (left <= 0) {
        return 0;
    }
    if (rnr_sequenced_is_multi(end) && (uint64_t)left >= wanted) {
        for (uint64_t i = 0; i < wanted; ++i) {
            const uint64_t stamp = rnr_sequenced_load_stamp(end, end->position + i);
            // An unfinished claim of the lap before. Anything else is the caller's to find out.
            if (rnr_sequenced_ahead(end, stamp, end->position + i) < 0 &&
                !rnr_sequenced_is_free(end, stamp, end->position + i)) {
                return 0;
            }
        }
    }
    return (uint64_t)left;
}

// Whether somebody was in the way who has died.
static bool drop_the_dead_in_the_way(const RenoirRingEnd *end, uint64_t wanted)
{
    const uint64_t needed = end->position + wanted - (end->mask + 1);
    bool has_dropped = false;

    for (uint64_t mask = end->after_mask; mask != 0; mask &= mask - 1) {
        const uint32_t number = rnr_sequenced_lowest_bit(mask);
        if (rnr_sequenced_distance(rnr_sequenced_cursor_of(rnr_sequenced_consumer_shm(end, number)),
                                   needed) > 0) {
            has_dropped |= rnr_sequenced_drop_dead_consumer(end, number);
        }
    }
    if (rnr_sequenced_is_multi(end)) {
        for (uint64_t i = 0; i < wanted && !has_dropped; ++i) {
            const uint64_t stamp = rnr_sequenced_load_stamp(end, end->position + i);
            has_dropped |= rnr_sequenced_ahead(end, stamp, end->position + i) < 0 &&
                           drop_dead_claimer(end, stamp);
        }
    }
    return has_dropped;
}

RenoirErrorCode
rnr_sequenced_look_at_consumers(RenoirRingEnd *end, uint64_t wanted, uint64_t *out_left)
{
    RenoirErrorCode status = advance(end, wanted);

    *out_left = room(end, wanted);
    if (status == RENOIR_SUCCESS && *out_left < wanted && is_time_to_ask(end, end->seen) &&
        drop_the_dead_in_the_way(end, wanted)) {
        status = advance(end, wanted);
        *out_left = room(end, wanted);
    }
    return status;
}

// --- what a consumer may see ---------------------------------------------------------------------

// Those that hold a consumer back: those that it comes after; for one that has gone, those that
// that one came after.
typedef struct Before {
    uint64_t present; // mask
    bool is_awaited;  // one of them has never come
    bool is_circle;   // they lead back to it
} Before;

static Before find_those_before(const RenoirRingEnd *end, uint64_t after_mask)
{
    const uint64_t me = UINT64_C(1) << (end->index - rnr_sequenced_first_consumer(end));
    uint64_t found = 0;
    uint64_t next = after_mask;
    Before before = {0};

    while (next != 0) {
        const uint32_t number = rnr_sequenced_lowest_bit(next);
        const uint64_t presence =
            rnr_sequenced_presence_of(rnr_sequenced_consumer_shm(end, number));
        found |= UINT64_C(1) << number;
        if (presence == RNR_RING_CAME) {
            before.present |= UINT64_C(1) << number;
        } else if (presence == RNR_RING_LEFT) {
            next |= rnr_sequenced_after_mask_of(end, number);
        } else {
            before.is_awaited = true;
        }
        before.is_circle |= (found & me) != 0;
        next &= ~found;
    }
    return before;
}

// How far those before this end have come; *out_held_by: those that are no further than it.
static RenoirErrorCode
find_bound(const RenoirRingEnd *end, uint64_t *out_bound, uint64_t *out_held_by)
{
    const uint64_t capacity = end->mask + 1;
    const Before before = find_those_before(end, end->after_mask);
    uint64_t bound = end->position + capacity;

    *out_held_by = 0;
    if (before.is_awaited || before.is_circle) {
        *out_bound = end->position;
        return RENOIR_SUCCESS;
    }
    for (uint64_t mask = before.present; mask != 0; mask &= mask - 1) {
        const uint64_t cursor = rnr_sequenced_cursor_of(
            rnr_sequenced_consumer_shm(end, rnr_sequenced_lowest_bit(mask)));
        const int64_t ahead = rnr_sequenced_distance(end->position, cursor);
        if (ahead > (int64_t)capacity) {
            return rnr_ring_bad_position(end, cursor);
        }
        if (ahead <= 0) { // a predecessor's place, behind what this end has seen already
            *out_held_by |= mask & -mask;
            bound = end->position;
        } else if (rnr_sequenced_distance(cursor, bound) > 0) {
            bound = cursor;
        }
    }
    *out_bound = bound;
    return RENOIR_SUCCESS;
}

typedef struct Run {
    uint64_t begin;   // the first element that may be seen, past what was skipped
    uint64_t end;     // the first one after it that may not
    uint64_t held_by; // consumers that are no further than this end, if there is something to see
    uint64_t claim;   // the stamp that holds it up, if there is one
    uint64_t tail;    // one producer: as last seen
} Run;

// The tail is looked at only where those before this end have come beyond what it last saw of it:
// its line is the producer's.
static RenoirErrorCode find_run_by_tail(const RenoirRingEnd *end, uint64_t bound, Run *run)
{
    uint64_t tail = end->wanted;

    if (rnr_sequenced_distance(tail, bound) > 0 || tail == end->position) {
        // [ring.publish: acquire] The producer has filled every cell below; loaded after the
        // cursors.
        tail = rnr_load_acquire_u64(&shared(end)->tail);
    }
    const uint64_t live = tail - end->position;
    if (live > end->mask + 1) {
        return rnr_ring_bad_position(end, tail);
    }
    run->tail = tail;
    run->end = rnr_sequenced_distance(bound, tail) > 0 ? bound : tail;
    if (live == 0) {
        run->held_by = 0;
    }
    return RENOIR_SUCCESS;
}

static RenoirErrorCode find_run_by_stamps(const RenoirRingEnd *end, uint64_t bound, Run *run)
{
    uint64_t at = end->position;
    uint64_t stamp = rnr_sequenced_load_stamp(end, at);

    while (at != bound && rnr_sequenced_ahead(end, stamp, at) == 0 &&
           rnr_sequenced_state(stamp) == RNR_SEQUENCED_SKIPPED) {
        stamp = rnr_sequenced_load_stamp(end, ++at);
    }
    run->begin = at;
    run->end = at;
    if (rnr_sequenced_ahead(end, stamp, at) > 0) {
        return rnr_ring_bad_position(end, at);
    }
    if (rnr_sequenced_ahead(end, stamp, at) < 0) {
        run->held_by = 0; // nothing is there yet
        return RENOIR_SUCCESS;
    }
    run->claim = rnr_sequenced_state(stamp) == RNR_SEQUENCED_CLAIMED ? stamp : 0;
    while (at != bound && at - run->begin < RUN_MAX && rnr_sequenced_ahead(end, stamp, at) == 0 &&
           rnr_sequenced_state(stamp) == RNR_SEQUENCED_FULL) {
        stamp = rnr_sequenced_load_stamp(end, ++at);
    }
    run->end = at;
    return RENOIR_SUCCESS;
}

static RenoirErrorCode find_run(const RenoirRingEnd *end, Run *run)
{
    uint64_t bound = end->position;

    *run = (Run){.begin = end->position, .end = end->position};
    const RenoirErrorCode status = find_bound(end, &bound, &run->held_by);
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    return rnr_sequenced_is_multi(end) ? find_run_by_stamps(end, bound, run)
                                       : find_run_by_tail(end, bound, run);
}

// What was skipped is consumed by passing it: producers would wait for it otherwise.
static void pass_skipped(const RenoirRingEnd *end, const Run *run)
{
    if (run->begin != end->position) {
        // [sequenced.cursor: release] Nothing was read.
        rnr_store_release_u64(&rnr_ring_end_shm(shared(end), end->index)->cursor, run->begin);
        rnr_ring_notify(end, RNR_RING_PRODUCER_SLEEPS | RNR_RING_CONSUMER_SLEEPS);
    }
}

static bool drop_the_dead_before(const RenoirRingEnd *end, const Run *run)
{
    bool has_dropped = run->claim != 0 && drop_dead_claimer(end, run->claim);

    for (uint64_t mask = run->held_by; mask != 0; mask &= mask - 1) {
        has_dropped |= rnr_sequenced_drop_dead_consumer(end, rnr_sequenced_lowest_bit(mask));
    }
    return has_dropped;
}

// What a wait's look has passed already.
static void catch_up(RenoirRingEnd *end)
{
    // [own: relaxed] This end's.
    const uint64_t cursor =
        rnr_load_relaxed_u64(&rnr_ring_end_shm(shared(end), end->index)->cursor);

    if (cursor - end->position <= end->mask + 1 && rnr_sequenced_is_multi(end)) {
        end->position = cursor;
        end->seen = cursor;
    }
}

RenoirErrorCode rnr_sequenced_look_back(RenoirRingEnd *end, uint64_t *out_left)
{
    Run run;

    catch_up(end);
    RenoirErrorCode status = find_run(end, &run);

    *out_left = 0;
    if (status == RENOIR_SUCCESS && run.begin == run.end && (run.claim != 0 || run.held_by != 0) &&
        is_time_to_ask(end, end->position) && drop_the_dead_before(end, &run)) {
        status = find_run(end, &run);
    }
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    pass_skipped(end, &run);
    end->position = run.begin;
    end->seen = run.end;
    end->wanted = run.tail;
    *out_left = run.end - run.begin;
    return RENOIR_SUCCESS;
}

// --- for a wait ----------------------------------------------------------------------------------

// On a copy: what it finds out is the next call's to find again.
RenoirErrorCode rnr_sequenced_look_as_producer(const RenoirRingEnd *end, uint64_t wanted)
{
    RenoirRingEnd copy = *end;
    uint64_t stamp;

    copy.streak = 0;
    if (rnr_sequenced_is_multi(end)) {
        rnr_sequenced_start_at_tail(&copy);
        return rnr_sequenced_find_room(&copy, wanted, &stamp);
    }
    const RenoirErrorCode status = advance(&copy, wanted);
    return status == RENOIR_SUCCESS && room(&copy, wanted) < wanted ? RENOIR_BUFFER_FULL : status;
}

RenoirErrorCode rnr_sequenced_look_as_consumer(const RenoirRingEnd *end)
{
    RenoirRingEnd copy = *end;
    Run run;

    if (end->seen != end->position) {
        return RENOIR_SUCCESS;
    }
    catch_up(&copy);
    const RenoirErrorCode status = find_run(&copy, &run);
    if (status == RENOIR_SUCCESS) {
        pass_skipped(&copy, &run);
    }
    return status == RENOIR_SUCCESS && run.begin == run.end ? RENOIR_BUFFER_EMPTY : status;
}

bool rnr_sequenced_has_more(const RenoirRingEnd *end)
{
    if (end->role == RENOIR_PRODUCER) {
        return false;
    }
    if (!rnr_sequenced_is_multi(end)) {
        // [ring.publish: acquire] Loaded after the producer was found gone.
        return rnr_load_acquire_u64(&shared(end)->tail) != end->position;
    }
    RenoirRingEnd copy = *end;
    catch_up(&copy);
    return rnr_sequenced_ahead(end, rnr_sequenced_load_stamp(end, copy.position), copy.position) ==
           0;
}
