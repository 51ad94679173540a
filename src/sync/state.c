// SPDX-License-Identifier: MIT OR Apache-2.0
//
// A state in a region: its one writer, and waiting for it.
//
// Picture            the versions themselves: sync/versions.c
//
//     region's file      lock on the object's byte    shared   by every process that has it open
//                        lock on the byte of role 0   alone    by the writer
//     writer's words     who that is, for people and for the readers' waits
//
// Who writes what
//     versions, latest   the owner of role 0
//     writer's words     the owner of role 0, when it opens and closes
//     sleepers, bell     sync/bell.c; the bit is shared by all readers
//
// Invariants
//     I1  the writer counts as gone only if it came and its role's lock is free; and then `latest`
//     is
//         looked at once more, because it may have published before it went
//
// Edges
//     state.writer   owner: store presence, release  ──►  reader that waits: load presence, acquire
//                    carries what the writer published before it left; the kernel's lock does, too
//     ring.sleep     include/renoir/detail/ring_common.h: the writer is the ringer, `latest` is W1
//
// Progress
//     Reading and writing never wait. No sleep is longer than 50 ms; each round looks at `latest`,
//     the deadline, the writer's life and the region's file.
//
// If a process dies
//     writer   the kernel drops its lock: the next one goes on after `latest`; readers that wait
//     get
//              DISCONNECTED after at most one slice
//     reader   its bit in sleepers stays, and costs the writer one needless wake-up
//
// Trust
//     Presence, bits and bell are hints: false ones cost a slice. Whether the writer lives, the
//     kernel says.
//
// Proof
//     unit  tests/unit/sync/state_test.c     crash    tests/crash/state_test.c
//                                            torture  tests/torture/state_torture.c

#include "sync/state.h"

#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "platform/barrier.h"
#include "platform/clock.h"
#include "platform/lock.h"
#include "platform/park.h"
#include "renoir/detail/atomic.h"
#include "sync/spin.h"

enum { WRITER = 0, DESCRIPTION_BYTES = 400 };

static RnrStateShm *shm_of(const RnrState *state)
{
    return state->versions.shm;
}

// --- finding and making --------------------------------------------------------------------------

typedef struct Request {
    const char *name;
    RnrVersionsShape shape;
} Request;

static RenoirErrorCode format_object(void *memory, uint64_t size_bytes, const void *terms)
{
    const Request *const request = (const Request *)terms;
    (void)size_bytes;
    rnr_versions_format((RnrStateShm *)memory, &request->shape);
    return RENOIR_SUCCESS;
}

// In a function of its own, because an object's matching is given read-only memory; attaching only
// reads.
static RenoirErrorCode
attach(const void *memory, uint64_t size_bytes, const char *name, RnrVersions *out_versions)
{
    union {
        const void *given;
        RnrStateShm *shm;
    } address = {.given = memory};
    return rnr_versions_attach(address.shm, size_bytes, name, out_versions);
}

static RenoirErrorCode match_object(const void *memory, uint64_t size_bytes, const void *terms)
{
    const Request *const request = (const Request *)terms;
    RnrVersions found;
    const RenoirErrorCode status = attach(memory, size_bytes, request->name, &found);

    if (status == RENOIR_SUCCESS && request->shape.max_size != 0 &&
        request->shape.max_size != found.max_size) {
        return RNR_FAIL(RENOIR_EXISTS,
                        "state '%s': it is there with max_size %" PRIu64 ", asked for %" PRIu64
                        " (use that size, or take another name)",
                        request->name, found.max_size, request->shape.max_size);
    }
    return status;
}

// shape.max_size 0: only finds.
static RenoirErrorCode open_object(RnrRegion *region, const Request *request, RnrState *state)
{
    const RnrObjectSpec spec = {.name = request->name,
                                .kind = RNR_OBJECT_STATE,
                                .alignment = RNR_CACHE_PAIR,
                                .size_bytes = request->shape.total_bytes,
                                .find_only = request->shape.max_size == 0,
                                .format = format_object,
                                .match = match_object,
                                .terms = request};
    RenoirErrorCode status = rnr_object_open(region, &spec, &state->object);

    if (status != RENOIR_SUCCESS) {
        return status;
    }
    state->is_read_only = rnr_region_is_read_only(region);
    status = rnr_versions_attach((RnrStateShm *)state->object.memory, state->object.size_bytes,
                                 state->object.name, &state->versions);
    if (status != RENOIR_SUCCESS) {
        rnr_object_close(&state->object);
    }
    return status;
}

static RenoirErrorCode open_state(RnrRegion *region, const Request *request, RnrState **out_state)
{
    RnrState *const state = rnr_new(RnrState);

    if (state == NULL) {
        return RNR_FAIL(RENOIR_OUT_OF_MEMORY, "state '%s': no memory for its handle",
                        request->name);
    }
    const RenoirErrorCode status = open_object(region, request, state);
    if (status != RENOIR_SUCCESS) {
        rnr_free(state);
        return status;
    }
    state->magic = RNR_STATE_HANDLE;
    state->fork_generation = rnr_fork_generation();
    state->spin_ns = rnr_spin_resolve(0);
    rnr_state_init_waitable(state);
    *out_state = state;
    return RENOIR_SUCCESS;
}

RenoirErrorCode rnr_state_open(RnrRegion *region, const char *name, RnrState **out_state)
{
    const Request request = {.name = name};
    return open_state(region, &request, out_state);
}

// --- the writer's role ---------------------------------------------------------------------------

static RenoirErrorCode is_taken(const RnrState *state)
{
    char who[DESCRIPTION_BYTES];

    // [hint: relaxed] For a message; a writer that has just come shows as its predecessor.
    rnr_region_describe_node(state->object.region, rnr_load_relaxed_u64(&shm_of(state)->node_id),
                             who, sizeof who);
    return RNR_FAIL(RENOIR_EXISTS, "state '%s': its one writer is %s (wait until it closes)",
                    state->object.name, who);
}

static void announce(const RnrState *state)
{
    RnrStateShm *const shm = shm_of(state);

    // [hint: relaxed] For messages, of which one may name a predecessor.
    rnr_store_relaxed_u64(&shm->node_id, rnr_region_node_id(state->object.region));
    // [hint: relaxed] For people.
    rnr_store_relaxed_u64(&shm->since_ns, rnr_clock_now_ns());
    RNR_FAULT_POINT("state.create.role");
    // [state.writer: release] From here on readers count with this one.
    rnr_store_release_u64(&shm->presence,
                          RNR_STATE_CAME | (state->is_fencing ? RNR_STATE_FENCES_ITSELF : 0));
    RNR_FAULT_POINT("state.create.presence");
}

static RenoirErrorCode become_writer(RnrState *state)
{
    RenoirErrorCode status = rnr_role_take(&state->object, WRITER, &state->role);

    if (status != RENOIR_SUCCESS) {
        return status == RENOIR_LIMIT_REACHED ? is_taken(state) : status;
    }
    status = rnr_versions_take_over(&state->versions, &state->next);
    if (status != RENOIR_SUCCESS) {
        rnr_role_release(&state->role);
        return status;
    }
    state->is_writer = true;
    state->is_fencing = !rnr_barrier_register();
    announce(state);
    return RENOIR_SUCCESS;
}

RenoirErrorCode
rnr_state_create(RnrRegion *region, const char *name, uint64_t max_size, RnrState **out_state)
{
    Request request = {.name = name};
    RnrState *state = NULL;
    RenoirErrorCode status = rnr_versions_shape(name, max_size, &request.shape);

    if (status == RENOIR_SUCCESS) {
        status = open_state(region, &request, &state);
    }
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    status = become_writer(state);
    if (status != RENOIR_SUCCESS) {
        rnr_state_close(state);
        return status;
    }
    *out_state = state;
    return RENOIR_SUCCESS;
}

static void wake_slow(const RnrState *state)
{
    const RnrBell bell = rnr_state_bell(state);

    if (rnr_bell_ring(&bell)) {
        const RnrAudience audience = rnr_state_audience(state);
        rnr_audience_tell(&audience);
    }
}

static void leave_role(RnrState *state)
{
    // [state.writer: release] The writer has published its last.
    rnr_store_release_u64(&shm_of(state)->presence, RNR_STATE_LEFT);
    RNR_FAULT_POINT("state.close.left");
    rnr_role_release(&state->role);
    wake_slow(state);
}

void rnr_state_close(RnrState *state)
{
    if (state->is_writer && state->fork_generation == rnr_fork_generation()) {
        leave_role(state);
    }
    rnr_waitable_leave(&state->waitable);
    state->magic = 0;
    rnr_object_close(&state->object);
    rnr_free(state);
}

RenoirErrorCode rnr_state_check_handle(const RnrState *state)
{
    if (state == NULL || state->magic != RNR_STATE_HANDLE) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER, "this is not a state's handle, or it was closed");
    }
    if (state->fork_generation != rnr_fork_generation()) {
        return RNR_FAIL(RENOIR_INVALID_STATE,
                        "state '%s' was opened before a fork, by the parent process (open it again "
                        "in the child)",
                        state->object.name);
    }
    return RENOIR_SUCCESS;
}

// --- writing -------------------------------------------------------------------------------------

static RenoirErrorCode file_is_cut(const RnrState *state)
{
    return RNR_FAIL(RENOIR_CORRUPTED,
                    "state '%s': the file of its region has been cut short (make the region anew)",
                    state->object.name);
}

static RenoirErrorCode check_writer(const RnrState *state)
{
    if (!state->is_writer) {
        return RNR_FAIL(RENOIR_PERMISSION_DENIED,
                        "state '%s': this handle is a reader's (renoir_state_create makes a "
                        "writer)",
                        state->object.name);
    }
    return rnr_region_is_lost(state->object.region) ? file_is_cut(state) : RENOIR_SUCCESS;
}

static RenoirErrorCode check_length(const RnrState *state, uint64_t length)
{
    if (length > state->versions.max_size) {
        return RNR_FAIL(RENOIR_MESSAGE_TOO_LARGE,
                        "state '%s': a value of %" PRIu64 " bytes, max_size is %" PRIu64
                        " (make the state with a greater max_size)",
                        state->object.name, length, state->versions.max_size);
    }
    return RENOIR_SUCCESS;
}

// After a version was published: one load of a quiet line, unless somebody sleeps.
static void notify(const RnrState *state)
{
    if (RNR_UNLIKELY(state->is_fencing)) {
        // [ring.sleep: seq_cst] W2, where no barrier reaches this process.
        rnr_fence_seq_cst();
    } else {
        // [ring.sleep: seq_cst] W2: the compiler keeps W1 before W3, the barrier does the rest.
        rnr_fence_compiler();
    }
    // [hint: relaxed] W3. A wrong value costs a needless wake-up, or a late one by one slice.
    if (RNR_UNLIKELY(rnr_load_relaxed_u32(&shm_of(state)->sleepers) != 0)) {
        wake_slow(state);
    }
}

static void publish(RnrState *state, uint64_t length)
{
    rnr_versions_commit(&state->versions, state->next, length);
    ++state->next;
    state->is_reserved = false;
    notify(state);
}

RenoirErrorCode rnr_state_write(RnrState *state, const void *data, uint64_t length)
{
    RenoirErrorCode status = check_writer(state);

    if (RNR_LIKELY(status == RENOIR_SUCCESS)) {
        status = check_length(state, length);
    }
    if (RNR_UNLIKELY(status != RENOIR_SUCCESS)) {
        return status;
    }
    void *const room = rnr_versions_reserve(&state->versions, state->next);
    if (length != 0) {
        rnr_copy(room, data, (size_t)length);
    }
    publish(state, length);
    return RENOIR_SUCCESS;
}

RenoirErrorCode rnr_state_reserve(RnrState *state, void **out_data)
{
    const RenoirErrorCode status = check_writer(state);

    if (status == RENOIR_SUCCESS) {
        *out_data = rnr_versions_reserve(&state->versions, state->next);
        state->is_reserved = true;
    }
    return status;
}

RenoirErrorCode rnr_state_commit(RnrState *state, uint64_t length)
{
    RenoirErrorCode status = check_writer(state);

    if (status == RENOIR_SUCCESS && !state->is_reserved) {
        status = RNR_FAIL(RENOIR_INVALID_STATE,
                          "state '%s': nothing is reserved (renoir_state_reserve comes first)",
                          state->object.name);
    }
    if (status == RENOIR_SUCCESS) {
        status = check_length(state, length);
    }
    if (status == RENOIR_SUCCESS) {
        publish(state, length);
    }
    return status;
}

// --- reading -------------------------------------------------------------------------------------

// A file that was cut short reads as zeros from there on: then nothing that was read counts.
static RenoirErrorCode
finish_reading(RnrState *state, const RnrVersion *version, RenoirErrorCode status)
{
    if (RNR_UNLIKELY(rnr_region_is_lost(state->object.region))) {
        return file_is_cut(state);
    }
    // [hint: relaxed] Not seeing it yet costs a wait set a look without need.
    if (RNR_UNLIKELY(rnr_load_relaxed_u32(&state->is_watched) != 0) && status == RENOIR_SUCCESS) {
        // [hint: relaxed] As above, if another thread has read a newer one meanwhile.
        rnr_store_relaxed_u64(&state->seen, version->number);
    }
    return status;
}

RenoirErrorCode
rnr_state_read(RnrState *state, void *buffer, uint64_t size, RnrVersion *out_version)
{
    const RenoirErrorCode status = rnr_versions_read(&state->versions, buffer, size, out_version);
    return finish_reading(state, out_version, status);
}

RenoirErrorCode rnr_state_peek(RnrState *state, RnrVersion *out_version)
{
    const RenoirErrorCode status = rnr_versions_peek(&state->versions, out_version);
    return finish_reading(state, out_version, status);
}

RenoirErrorCode rnr_state_validate(const RnrState *state, uint64_t version)
{
    if (version == 0) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                        "state '%s': version is 0 (use the one that renoir_state_peek gave)",
                        state->object.name);
    }
    return rnr_versions_is_whole(&state->versions, version) &&
                   !rnr_region_is_lost(state->object.region)
               ? RENOIR_SUCCESS
               : RENOIR_OVERRUN;
}

// --- waiting -------------------------------------------------------------------------------------

bool rnr_state_has_newer(const RnrState *state, uint64_t known_version)
{
    return rnr_versions_latest(&state->versions) > known_version;
}

RnrBell rnr_state_bell(const RnrState *state)
{
    return (RnrBell){.sleepers = &shm_of(state)->sleepers,
                     .word = &shm_of(state)->bell,
                     .bit = RNR_STATE_READER_SLEEPS,
                     .is_shared = true};
}

RnrAudience rnr_state_audience(const RnrState *state)
{
    return (RnrAudience){.announced = &shm_of(state)->announced,
                         .addresses = shm_of(state)->addresses,
                         .node = rnr_region_node(state->object.region)};
}

static uint64_t presence_of(const RnrState *state)
{
    // [state.writer: acquire] What the writer published before it left is seen by the next look.
    return rnr_load_acquire_u64(&shm_of(state)->presence);
}

bool rnr_state_writer_fences(const RnrState *state)
{
    return (presence_of(state) & RNR_STATE_FENCES_ITSELF) != 0;
}

bool rnr_state_writer_is_gone(const RnrState *state)
{
    return (presence_of(state) & RNR_STATE_PRESENCE_MASK) != RNR_STATE_NEVER_CAME &&
           !rnr_role_is_alive(&state->object, WRITER);
}

typedef struct Wait {
    const RnrState *state;
    uint64_t known_version;
    uint64_t deadline_ns;
} Wait;

// SUCCESS, or BUFFER_EMPTY: not yet.
static RenoirErrorCode look(const Wait *wait)
{
    return rnr_state_has_newer(wait->state, wait->known_version) ? RENOIR_SUCCESS
                                                                 : RENOIR_BUFFER_EMPTY;
}

// What ends a wait beside a newer version. BUFFER_EMPTY: nothing does.
static RenoirErrorCode check_the_rest(const Wait *wait)
{
    if (!rnr_region_is_whole(wait->state->object.region)) {
        return file_is_cut(wait->state);
    }
    if (rnr_state_writer_is_gone(wait->state)) {
        return look(wait) == RENOIR_SUCCESS
                   ? RENOIR_SUCCESS
                   : RNR_FAIL(RENOIR_DISCONNECTED,
                              "state '%s': its writer is gone, and there is no version after "
                              "%" PRIu64 " (renoir_state_create makes a new writer)",
                              wait->state->object.name, wait->known_version);
    }
    return rnr_clock_now_ns() >= wait->deadline_ns ? RENOIR_TIMEOUT : RENOIR_BUFFER_EMPTY;
}

// A region open for reading only: no bit can be set, so nobody rings, or only for others.
static void arm(const Wait *wait, const RnrBell *bell, RnrNap *nap)
{
    if (!wait->state->is_read_only) {
        rnr_bell_arm(bell, nap);
        return;
    }
    // [bell.rung: acquire] Before the look that follows.
    nap->value = rnr_load_acquire_u32(bell->word);
}

static RenoirErrorCode sleep_a_slice(const Wait *wait, const RnrBell *bell, RnrNap *nap)
{
    if (!wait->state->is_read_only) {
        return rnr_bell_sleep(bell, nap, rnr_state_writer_fences(wait->state), wait->deadline_ns);
    }
    const uint64_t until = rnr_clock_deadline(rnr_clock_now_ns(), RNR_BELL_UNSURE_SLICE_NS);
    return rnr_park_wait(bell->word, nap->value,
                         until < wait->deadline_ns ? until : wait->deadline_ns);
}

static RenoirErrorCode sleep_until_newer(const Wait *wait)
{
    const RnrBell bell = rnr_state_bell(wait->state);
    RnrNap nap = {0};
    RenoirErrorCode status;

    for (;;) {
        arm(wait, &bell, &nap);
        RNR_FAULT_POINT("state.wait.armed");
        status = look(wait);
        if (status == RENOIR_SUCCESS) {
            break;
        }
        RNR_FAULT_POINT("state.wait.looked");
        status = check_the_rest(wait);
        if (status != RENOIR_BUFFER_EMPTY) {
            break;
        }
        if (sleep_a_slice(wait, &bell, &nap) == RENOIR_CORRUPTED) {
            status = file_is_cut(wait->state);
            break;
        }
        // Who was rung finds what it was rung for; arming anew first would cost a barrier.
        status = look(wait);
        if (status == RENOIR_SUCCESS) {
            break;
        }
    }
    rnr_bell_disarm(&bell, &nap);
    return status;
}

RenoirErrorCode rnr_state_wait(const RnrState *state, uint64_t known_version, uint64_t timeout_ns)
{
    Wait wait = {.state = state, .known_version = known_version};
    RenoirErrorCode status = look(&wait);

    if (status == RENOIR_SUCCESS || timeout_ns == RENOIR_NO_WAIT) {
        return status;
    }
    const uint64_t now = rnr_clock_now_ns();
    const uint64_t until = rnr_clock_deadline(now, state->spin_ns);
    wait.deadline_ns = rnr_clock_deadline(now, timeout_ns);
    while (status != RENOIR_SUCCESS &&
           rnr_spin_again(until < wait.deadline_ns ? until : wait.deadline_ns)) {
        status = look(&wait);
    }
    return status == RENOIR_SUCCESS ? status : sleep_until_newer(&wait);
}

// --- verifying -----------------------------------------------------------------------------------

RenoirErrorCode rnr_state_check(const void *memory, uint64_t size_bytes, const char *name)
{
    RnrVersions versions;
    const RenoirErrorCode status = attach(memory, size_bytes, name, &versions);

    return status == RENOIR_SUCCESS ? rnr_versions_check(&versions) : status;
}
