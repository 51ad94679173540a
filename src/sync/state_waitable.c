// SPDX-License-Identifier: MIT OR Apache-2.0
//
// A state as a member of a wait set. What is announced where, and why nothing is lost: sync/bell.c
// and sync/audience.c; the barrier is the set's.
//
// Edges
//     state.writer   sync/state.c

#include "base/error.h"
#include "platform/clock.h"
#include "platform/lock.h"
#include "renoir/detail/atomic.h"
#include "renoir/waitset.h"
#include "sync/state.h"

static RnrState *state_of(const RnrWaitable *waitable)
{
    return (RnrState *)(uintptr_t)((const unsigned char *)waitable -
                                   offsetof(struct RenoirState, waitable));
}

static uint32_t look(RnrWaitable *self)
{
    const RnrState *const state = state_of(self);
    // [hint: relaxed] What another thread reads at this moment is ready without need, once.
    const uint64_t seen = rnr_load_relaxed_u64(&state->seen);

    return rnr_state_has_newer(state, seen) ? RENOIR_WAIT_READY : 0;
}

// No system call but one for each writer's process, however many states it has. The words are
// hints: whoever looks gone here is asked for with the kernel.
static bool may_be_gone(const RnrState *state, RnrRoll *roll)
{
    RnrStateShm *const shm = state->versions.shm;
    // [state.writer: acquire] What the writer published before it left is seen by the next look.
    const uint64_t presence = rnr_load_acquire_u64(&shm->presence) & RNR_STATE_PRESENCE_MASK;

    if (presence != RNR_STATE_CAME) {
        return presence != RNR_STATE_NEVER_CAME;
    }
    // [hint: relaxed] A predecessor's is dead: then the kernel is asked without need, once.
    const uint64_t node_id = rnr_load_relaxed_u64(&shm->node_id);
    return !rnr_roll_is_alive(roll, rnr_region_node(state->object.region), node_id);
}

static uint32_t look_closely(RnrWaitable *self, RnrRoll *roll)
{
    const RnrState *const state = state_of(self);

    if (look(self) != 0 || rnr_region_is_lost(state->object.region)) {
        return RENOIR_WAIT_READY; // or CORRUPTED, which reading tells
    }
    if (!may_be_gone(state, roll) || !rnr_state_writer_is_gone(state)) {
        return 0;
    }
    return look(self) != 0 ? RENOIR_WAIT_READY : RENOIR_WAIT_DISCONNECTED;
}

static RenoirErrorCode join(RnrWaitable *self, uint64_t address)
{
    RnrState *const state = state_of(self);
    const RnrAudience audience = rnr_state_audience(state);

    state->nap = (RnrNap){.is_armed = false};
    if (!rnr_audience_join(&audience, &state->seat, address)) {
        return RNR_FAIL(RENOIR_LIMIT_REACHED,
                        "state '%s': %d wait sets have it as a member (use one set for more)",
                        state->object.name, (int)RNR_AUDIENCE_PLACES);
    }
    return RENOIR_SUCCESS;
}

static bool arm(RnrWaitable *self, uint64_t address)
{
    RnrState *const state = state_of(self);
    const RnrBell bell = rnr_state_bell(state);
    const RnrAudience audience = rnr_state_audience(state);
    const bool is_new = rnr_audience_arm(&audience, &state->seat);

    (void)address; // as at joining
    if (!is_new && rnr_bell_is_armed(&bell, &state->nap)) {
        return false;
    }
    rnr_bell_announce(&bell, &state->nap);
    return true;
}

static void leave(RnrWaitable *self)
{
    RnrState *const state = state_of(self);

    if (state->fork_generation == rnr_fork_generation()) { // a child's seat is its parent's
        const RnrAudience audience = rnr_state_audience(state);
        rnr_audience_leave(&audience, &state->seat);
    }
}

static const RnrWaitableKind KIND = {.look = look,
                                     .look_closely = look_closely,
                                     .join = join,
                                     .arm = arm,
                                     .leave = leave,
                                     .slice_ns = RNR_BELL_LAST_SLICE_NS,
                                     .needs_barrier = true};

// --- where nothing can be announced --------------------------------------------------------------

static RenoirErrorCode join_read_only(RnrWaitable *self, uint64_t address)
{
    (void)self;
    (void)address;
    return RENOIR_SUCCESS;
}

static bool arm_read_only(RnrWaitable *self, uint64_t address)
{
    (void)self;
    (void)address;
    return false; // nobody rings: it is looked at when it is due
}

static void leave_read_only(RnrWaitable *self)
{
    (void)self;
}

static uint64_t due_ns(const RnrWaitable *self)
{
    (void)self;
    return rnr_clock_deadline(rnr_clock_now_ns(), RNR_BELL_UNSURE_SLICE_NS);
}

static const RnrWaitableKind READ_ONLY_KIND = {.look = look,
                                               .look_closely = look_closely,
                                               .join = join_read_only,
                                               .arm = arm_read_only,
                                               .leave = leave_read_only,
                                               .due_ns = due_ns,
                                               .slice_ns = RNR_BELL_LAST_SLICE_NS};

void rnr_state_init_waitable(RnrState *state)
{
    rnr_waitable_init(&state->waitable, state->is_read_only ? &READ_ONLY_KIND : &KIND,
                      rnr_region_node(state->object.region));
}

RnrWaitable *rnr_state_waitable(RnrState *state)
{
    // [hint: relaxed] Reads that do not see it yet make it ready without need, once.
    rnr_store_relaxed_u32(&state->is_watched, 1);
    return &state->waitable;
}
