// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Waiting in a wait set.
//
// Picture            a member goes round
//
//     queue ── look: nothing ── announce ── one barrier for all ── look: nothing ──► announced
//       ▲  ▲        │                                                 │                  │
//       │  └────────┴──── ready: reported, and to the queue's end ◄───┘                  │
//       └──── a number in the mailbox · its time has come · a close look found something ┘
//
//     Those that are announced cost nothing until they are told. Those in the queue are looked at
//     by each wait, in turn. Before a sleep the queue is empty.
//
// Who writes what    everything here is the set's own, under its mutex; shared words: the members'
//                    own files
//
// Invariants
//     I1  before a sleep every member is announced, and was looked at after the barrier
//     I2  whoever rings a member clears its announcement first, then sends. So a member whose
//         announcement no longer stands is told, or its ringer died, or the mailbox was full: then
//         so many numbers are in it that all members are looked at.
//     I3  every slice all members are looked at closely, or their peers asked for where nothing has
//         happened; every 250 ms the former: what I2 leaves out, and deaths
//     I4  once its descriptor was asked for, it is readable when a wait returns, unless I1 holds
//
// Edges
//     waitset.wake   sync/waitset.c
//     ring.sleep, bell.rung, notifier.sleep: the members' own
//
// Progress
//     No sleep is longer than 250 ms, or 50 with a member that has a peer; each round takes one
//     look at each member at most.
//
// If a process dies
//     a member's peer         an event, after a close look
//     a ringer on its way     the member is found by a close look
//
// Trust
//     Numbers in the mailbox are hints: a wrong one costs a look.
//
// Proof
//     unit  tests/unit/sync/waitset_test.c     torture  tests/torture/waitset_torture.c

#include <string.h>

#include "base/error.h"
#include "platform/barrier.h"
#include "platform/clock.h"
#include "sync/bell.h"
#include "sync/waitset_internal.h"

// What a wait has to report so far.
typedef struct Harvest {
    RenoirWaitEvent *events;
    size_t capacity;
    size_t count;
    RnrRoll roll;
    uint64_t now_ns;
} Harvest;

static bool has_room(const Harvest *harvest)
{
    return harvest->count < harvest->capacity;
}

static void report(Harvest *harvest, void *user, const char *name, uint32_t events)
{
    harvest->events[harvest->count++] =
        (RenoirWaitEvent){.user = user, .name = name, .events = events};
}

// --- looking -------------------------------------------------------------------------------------

static uint32_t look_closely(RnrMember *member, RnrRoll *roll)
{
    RnrWaitable *const waitable = member->waitable;
    const uint32_t events = waitable->kind->look_closely != NULL
                                ? waitable->kind->look_closely(waitable, roll)
                                : waitable->kind->look(waitable);
    member->needs_closely = (events & RENOIR_WAIT_DISCONNECTED) != 0;
    return events;
}

// Who was gone is asked for again: a successor may have come.
static uint32_t look_at(RnrMember *member, RnrRoll *roll)
{
    return member->needs_closely ? look_closely(member, roll)
                                 : member->waitable->kind->look(member->waitable);
}

// Each queued member once, while there is room. Those reported, and those with nothing, go to the
// queue's end.
static void look_at_queue(RnrWaitset *set, Harvest *harvest)
{
    for (uint32_t left = set->queue_length; left > 0 && has_room(harvest); --left) {
        RnrMember *const member = set->queue;
        rnr_waitset_dequeue(set, member);
        rnr_waitset_enqueue(set, member);
        const uint32_t events = look_at(member, &harvest->roll);
        if (events != 0) {
            report(harvest, member->user, member->name, events);
        }
    }
}

static void look_at_timers(RnrWaitset *set, Harvest *harvest)
{
    for (size_t i = 0; i < set->timer_count && has_room(harvest); ++i) {
        RnrTimer *const timer = &set->timers[(set->first_timer + i) % set->timer_count];
        if (harvest->now_ns < timer->next_ns) {
            continue;
        }
        const uint64_t missed = (harvest->now_ns - timer->next_ns) / timer->interval_ns;
        timer->next_ns += (missed + 1) * timer->interval_ns;
        report(harvest, timer->user, NULL, RENOIR_WAIT_READY);
        if (!has_room(harvest)) {
            set->first_timer = (set->first_timer + i + 1) % set->timer_count;
        }
    }
}

// Members and timers, those first that came second last time.
static void look_around(RnrWaitset *set, Harvest *harvest)
{
    const bool timers_first = set->is_timers_turn;
    if (set->timer_count != 0) {
        set->is_timers_turn = !timers_first;
    }
    if (timers_first) {
        look_at_timers(set, harvest);
    }
    look_at_queue(set, harvest);
    if (!timers_first) {
        look_at_timers(set, harvest);
    }
}

// In a set in which nothing happens, only deaths are news: then most slices ask for the peers that
// lived, each process once, instead of looking at a thousand members that are not in the cache.
static bool may_ask_for_peers_only(const RnrWaitset *set)
{
    return !set->is_disturbed && set->peers.count < RNR_ROLL_MAX &&
           set->quiet_slices * RNR_BELL_LAST_SLICE_NS < RNR_BELL_IDLE_SLICE_NS;
}

static bool all_peers_live(const RnrWaitset *set)
{
    for (size_t i = 0; i < set->peers.count; ++i) {
        if (!rnr_node_is_alive(set->peers.entry[i].asker, set->peers.entry[i].node_id)) {
            return false;
        }
    }
    return true;
}

static void remember_peers(RnrWaitset *set, const RnrRoll *roll)
{
    set->peers.count = 0;
    for (size_t i = 0; i < roll->count; ++i) {
        if (roll->entry[i].is_alive) {
            set->peers.entry[set->peers.count++] = roll->entry[i];
        }
    }
    if (roll->count == RNR_ROLL_MAX) {
        set->peers.count = RNR_ROLL_MAX; // not all of them were noted
    }
    set->quiet_slices = 0;
}

// I3. What has something, or must be announced anew, goes to the queue. True: there was some.
static bool look_at_all_closely(RnrWaitset *set, Harvest *harvest)
{
    bool is_any = false;
    rnr_roll_clear(&harvest->roll);
    set->longest_ns = RNR_BELL_IDLE_SLICE_NS;
    for (uint32_t i = 0; i < set->member_end; ++i) {
        RnrMember *const member = set->members[i];
        if (member == NULL) {
            continue;
        }
        const RnrWaitableKind *const kind = member->waitable->kind;
        if (kind->slice_ns < set->longest_ns) {
            set->longest_ns = kind->slice_ns;
        }
        bool is_due = look_closely(member, &harvest->roll) != 0;
        if (!is_due && !member->is_queued && kind->arm(member->waitable, member->address)) {
            set->owes_barrier = set->owes_barrier || kind->needs_barrier;
            is_due = true;
        }
        if (is_due) {
            rnr_waitset_enqueue(set, member);
            is_any = true;
        }
    }
    remember_peers(set, &harvest->roll);
    set->is_disturbed = is_any; // the peers of those that are ready were not asked for
    return is_any;
}

static bool end_slice(RnrWaitset *set, Harvest *harvest)
{
    bool is_any = false;
    set->quiet_slices += 1;
    if (!may_ask_for_peers_only(set) || !all_peers_live(set)) {
        is_any = look_at_all_closely(set, harvest);
    }
    const uint64_t longest = set->is_uncovered ? RNR_BELL_UNSURE_SLICE_NS : set->longest_ns;
    set->slice_ns = set->slice_ns > longest / 2 ? longest : 2 * set->slice_ns;
    set->next_close_ns = rnr_clock_deadline(harvest->now_ns, set->slice_ns);
    return is_any;
}

static bool enqueue_due(RnrWaitset *set, uint64_t now_ns)
{
    bool is_any = false;
    set->next_due_ns = UINT64_MAX;
    for (uint32_t i = 0; i < set->member_end; ++i) {
        RnrMember *const member = set->members[i];
        if (member == NULL || member->is_queued) {
            continue;
        }
        if (member->due_ns <= now_ns) {
            rnr_waitset_enqueue(set, member);
            is_any = true;
        } else if (member->due_ns < set->next_due_ns) {
            set->next_due_ns = member->due_ns;
        }
    }
    return is_any;
}

// --- being told ----------------------------------------------------------------------------------

static void enqueue_all(RnrWaitset *set)
{
    for (uint32_t i = 0; i < set->member_end; ++i) {
        if (set->members[i] != NULL) {
            rnr_waitset_enqueue(set, set->members[i]);
        }
    }
}

static void empty_mailbox(RnrWaitset *set, const RnrPost *post)
{
    uint32_t number = 0;
    uint32_t count = 0;
    // Bounded: what is sent meanwhile by whoever never stops is the next round's.
    while (count < RNR_POST_HINTS && rnr_mailbox_receive(post->fd, &number)) {
        count += 1;
        for (uint64_t i = number; i < set->member_end; i += RNR_POST_HINTS) {
            if (set->members[i] != NULL) {
                set->members[i]->was_told = true;
                rnr_waitset_enqueue(set, set->members[i]);
            }
        }
    }
    set->is_disturbed = set->is_disturbed || count != 0;
    if (count >= post->capacity) {
        enqueue_all(set); // others may have found it full (I2)
    }
}

static void absorb(RnrWaitset *set, uint32_t ready)
{
    if ((ready & RNR_POLL_CALL) != 0) {
        rnr_poller_take_calls(&set->poller);
    }
    if ((ready & RNR_POLL_ALARM) != 0) {
        set->alarm_ns = 0; // it stays readable until it is set again
    }
    for (size_t i = 0; (ready & RNR_POLL_MAILBOX) != 0 && i < set->post_count; ++i) {
        empty_mailbox(set, set->posts[i]);
    }
}

static RenoirErrorCode absorb_what_came(RnrWaitset *set)
{
    uint32_t ready = 0;
    const RenoirErrorCode status = rnr_poller_wait(&set->poller, false, &ready);
    absorb(set, ready);
    return status;
}

static bool take_wake(RnrWaitset *set)
{
    // [hint: relaxed] A wake that is not seen yet has made, or makes, the poller readable.
    return rnr_load_relaxed_u32(&set->is_woken) != 0 &&
           // [waitset.wake: acquire] What the waker wrote before is there.
           rnr_fetch_and_seq_cst_u32(&set->is_woken, 0) != 0;
}

// --- announcing and sleeping ---------------------------------------------------------------------

// I1: leaves in the queue only what is ready, which is reported while there is room.
static void announce_queue(RnrWaitset *set, Harvest *harvest)
{
    for (RnrMember *member = set->queue; member != NULL; member = member->next) {
        const RnrWaitableKind *const kind = member->waitable->kind;
        if (kind->arm(member->waitable, member->address)) {
            set->owes_barrier = set->owes_barrier || kind->needs_barrier;
        }
    }
    RNR_FAULT_POINT("waitset.wait.announced");
    if (set->owes_barrier) {
        set->is_uncovered = !rnr_barrier_run();
        set->owes_barrier = false;
    }
    RNR_FAULT_POINT("waitset.wait.barrier");
    for (uint32_t left = set->queue_length; left > 0; --left) {
        RnrMember *const member = set->queue;
        const RnrWaitableKind *const kind = member->waitable->kind;
        rnr_waitset_dequeue(set, member);
        uint32_t events = look_at(member, &harvest->roll);
        if (events == 0 && member->was_told) {
            // told of nothing to take: a peer that left, or something that the dead keep from us
            events = look_closely(member, &harvest->roll);
        }
        member->was_told = false;
        if (events != 0) {
            rnr_waitset_enqueue(set, member);
            if (has_room(harvest)) {
                report(harvest, member->user, member->name, events);
            }
            continue;
        }
        member->due_ns = kind->due_ns != NULL ? kind->due_ns(member->waitable) : UINT64_MAX;
        if (member->due_ns < set->next_due_ns) {
            set->next_due_ns = member->due_ns;
        }
    }
}

// When the set must look without being told.
static uint64_t next_look(const RnrWaitset *set)
{
    uint64_t moment = set->next_due_ns;
    if (set->member_count != 0 && set->next_close_ns < moment) {
        moment = set->next_close_ns;
    }
    for (size_t i = 0; i < set->timer_count; ++i) {
        if (set->timers[i].next_ns < moment) {
            moment = set->timers[i].next_ns;
        }
    }
    return moment;
}

// An alarm that is set for before the moment, but not passed, is left: it costs a look, setting it
// at each sleep would cost more.
static RenoirErrorCode set_alarm(RnrWaitset *set, uint64_t now_ns, uint64_t moment_ns)
{
    if (set->alarm_ns > now_ns && set->alarm_ns <= moment_ns) {
        return RENOIR_SUCCESS;
    }
    set->alarm_ns = moment_ns;
    return rnr_poller_set_alarm(&set->poller, moment_ns);
}

static RenoirErrorCode sleep_till(RnrWaitset *set, uint64_t now_ns, uint64_t deadline_ns)
{
    uint32_t ready = 0;
    const uint64_t moment = next_look(set);
    RenoirErrorCode status = set_alarm(set, now_ns, moment < deadline_ns ? moment : deadline_ns);
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    set->is_sleeping = true;
    rnr_waitset_unlock(set);
    RNR_FAULT_POINT("waitset.wait.sleep");
    status = rnr_poller_wait(&set->poller, true, &ready);
    rnr_waitset_lock(set);
    set->is_sleeping = false;
    absorb(set, ready);
    return status;
}

// --- the wait ------------------------------------------------------------------------------------

typedef struct Limits {
    bool may_sleep;
    uint64_t deadline_ns;
    uint64_t spin_until_ns;
} Limits;

// True: something is in the queue that is to be looked at first.
static bool look_by_time(RnrWaitset *set, Harvest *harvest)
{
    bool is_any = false;
    harvest->now_ns = rnr_clock_now_ns();
    if (set->member_count != 0 && harvest->now_ns >= set->next_close_ns) {
        is_any = end_slice(set, harvest);
    }
    if (harvest->now_ns >= set->next_due_ns) {
        is_any = enqueue_due(set, harvest->now_ns) || is_any;
    }
    return is_any;
}

// What ends the wait beside events. BUFFER_EMPTY: nothing yet, sleep.
static RenoirErrorCode before_sleep(RnrWaitset *set, Harvest *harvest, const Limits *limits)
{
    if (set->queue_length != 0 && (limits->may_sleep || set->has_fd)) {
        announce_queue(set, harvest);
        if (harvest->count != 0) {
            return RENOIR_SUCCESS;
        }
    }
    return limits->may_sleep && harvest->now_ns >= limits->deadline_ns ? RENOIR_TIMEOUT
                                                                       : RENOIR_BUFFER_EMPTY;
}

static RenoirErrorCode wait_for_events(RnrWaitset *set, Harvest *harvest, const Limits *limits)
{
    RenoirErrorCode status = RENOIR_SUCCESS;
    if (set->announced_count != 0 || set->has_fd) {
        status = absorb_what_came(set);
    }
    while (status == RENOIR_SUCCESS) {
        const bool is_woken = take_wake(set);
        look_around(set, harvest);
        if (harvest->count != 0 || is_woken) {
            return RENOIR_SUCCESS;
        }
        if (look_by_time(set, harvest)) {
            continue;
        }
        if (harvest->now_ns < limits->spin_until_ns) {
            status = set->announced_count != 0 ? absorb_what_came(set) : RENOIR_SUCCESS;
            continue;
        }
        status = before_sleep(set, harvest, limits);
        if (status != RENOIR_BUFFER_EMPTY || !limits->may_sleep) {
            break;
        }
        status = sleep_till(set, harvest->now_ns, limits->deadline_ns);
        harvest->now_ns = rnr_clock_now_ns();
    }
    return status;
}

static Limits limits_of(const RnrWaitset *set, uint64_t now_ns, uint64_t timeout_ns)
{
    Limits limits = {.may_sleep = timeout_ns != RENOIR_NO_WAIT,
                     .deadline_ns = rnr_clock_deadline(now_ns, timeout_ns)};
    // Those in the queue were busy lately. With none there is nothing to spin for.
    if (limits.may_sleep && set->queue_length != 0) {
        limits.spin_until_ns = rnr_clock_deadline(now_ns, set->spin_ns);
        if (limits.spin_until_ns > limits.deadline_ns) {
            limits.spin_until_ns = limits.deadline_ns;
        }
    }
    return limits;
}

// I4.
static RenoirErrorCode keep_descriptor_right(RnrWaitset *set)
{
    if (set->queue_length != 0) {
        rnr_poller_call(&set->poller);
    }
    return set_alarm(set, rnr_clock_now_ns(), next_look(set));
}

RenoirErrorCode rnr_waitset_wait(RnrWaitset *set,
                                 uint64_t timeout_ns,
                                 RenoirWaitEvent *events,
                                 size_t capacity,
                                 size_t *out_count)
{
    Harvest harvest;
    harvest.events = events;
    harvest.capacity = capacity;
    harvest.count = 0;
    rnr_roll_clear(&harvest.roll);
    harvest.now_ns = rnr_clock_now_ns();
    rnr_waitset_lock(set);
    if (set->is_waiting) {
        rnr_waitset_unlock(set);
        return RNR_FAIL(RENOIR_INVALID_STATE,
                        "wait set: another thread waits in it (one at a time; use two sets)");
    }
    set->is_waiting = true;
    const Limits limits = limits_of(set, harvest.now_ns, timeout_ns);
    RenoirErrorCode status = wait_for_events(set, &harvest, &limits);
    if (set->has_fd && status != RENOIR_PLATFORM_ERROR) {
        const RenoirErrorCode kept = keep_descriptor_right(set);
        status = kept == RENOIR_SUCCESS ? status : kept;
    }
    set->is_waiting = false;
    rnr_waitset_unlock(set);
    *out_count = status == RENOIR_SUCCESS ? harvest.count : 0;
    return status;
}
