// SPDX-License-Identifier: MIT OR Apache-2.0
//
// A counter that one can sleep on.
//
// Picture            every_count 4, an interval of 10 ms
//
//     notification   1  2  3  4          5        6                    7
//                    ├──┴──┴──┤          ├────────┴───┤ 10 ms          ├─ ...
//     a waiter       asleep   woken: 4   asleep       woken: 2         asleep
//                    FIRST BATCH         FIRST BATCH                   FIRST
//
//     With an interval, who sleeps and has nothing asks for the very next notification (FIRST):
//     then it knows when its time is over, and asks for a whole batch (BATCH) until then. Without
//     one it asks for a whole batch at once. So nobody wakes up only to look at the clock.
//
// Who writes what
//     count        whoever notifies, by adding 1
//     times[n]     whoever made notification n, after it counted
//     sleepers     sleepers set a bit, ringers clear it; bits are shared by all sleepers
//     announced, addresses   sync/audience.c
//
// Invariants
//     I1  count only grows; what a handle has seen of it too
//     I2  a batch ends at each multiple of every_count: its last notification rings BATCH
//
// Edges
//     notifier.count     who notifies: add to count  ──►  who waits: load count
//                        carries what the caller wrote before
//     notifier.time      who notifies: store its time  ──►  who waits: load it
//                        carries nothing else
//     notifier.sleep     see "Why seq_cst"
//     notifier.served    a thread: swap what the handle has seen  ──►  another: load it
//     bell.rung          sync/bell.c
//
// Why seq_cst                     both sides store, then load
//
//     who notifies                            sleeper
//     W1  add to count                        S1  set own bit in `sleepers` (sync/bell.c)
//     W2  load `sleepers`                     S2  load count
//     W3  clear the bit, bump the bell,       S3  park on the bell's value read before S2
//         wake; tell the wait sets
//
//     A wake-up is lost only if W2 misses S1 and S2 misses W1. All four are seq_cst and so have one
//     order: if W1 comes before S2, S2 sees it; else S1 comes before W2, which sees that. No
//     barrier: who notifies changes a word that others write too, and pays for an ordered exchange
//     anyway.
//
// Progress
//     Notifying has no loop but over the wait sets that sleep. A sleep ends after 250 ms.
//
// If a process dies
//     before W1               nothing happened
//     between W1 and W3       who sleeps looks again when its slice is over
//     asleep                  its bit costs one needless ring, its address one letter to nobody
//
// Trust
//     terms      read once, checked
//     count      one that went back is CORRUPTED
//     the rest   hints: a wrong time wakes early, or late by one interval at most
//
// Proof
//     unit     tests/unit/sync/notifier_test.c     crash  tests/crash/notifier_test.c
//     torture  tests/torture/wakeup_torture.c

#include "sync/notifier.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "layout/notifier_shm.h"
#include "memory/object.h"
#include "platform/clock.h"
#include "platform/lock.h"
#include "renoir/detail/atomic.h"
#include "sync/audience.h"
#include "sync/bell.h"
#include "sync/spin.h"

#define NOTIFIER_MAGIC UINT64_C(0x7265696669746f6e) // "notifier", first letter first

enum { TAG_MASK = 255, BATCH = 0, FIRST = 1 };

RNR_STATIC_ASSERT((int)RNR_NOTIFIER_ADDRESSES == (int)RNR_AUDIENCE_PLACES, "the layout has room");

struct RenoirNotifier {
    uint64_t magic;
    uint64_t generation; // of forks
    RnrObject object;
    RnrNotifierShm *shm;
    RnrNode *node;
    RnrNotifierTerms terms;
    RnrAtomicU64 seen; // of count, by this handle's last wait that succeeded; its threads
    RnrWaitable waitable;
    // As a member of a wait set; by that set.
    RnrNap nap;
    uint32_t bell; // that the nap is of
    RnrSeat seat;
    uint64_t first; // the oldest not served when due_ns was found; 0: none
    uint64_t due_ns;
};

// --- finding and making --------------------------------------------------------------------------

static RenoirErrorCode format(void *memory, uint64_t size_bytes, const void *terms)
{
    const RnrNotifierTerms *const ours = (const RnrNotifierTerms *)terms;
    RnrNotifierShm *const shm = (RnrNotifierShm *)memory;
    (void)size_bytes;
    shm->every_count = ours->every_count;
    shm->every_ns = ours->every_ns;
    return RENOIR_SUCCESS;
}

RenoirErrorCode rnr_notifier_check(const void *memory, uint64_t size_bytes, const char *name)
{
    const RnrNotifierShm *const shm = (const RnrNotifierShm *)memory;

    if (size_bytes < sizeof *shm || shm->every_count == 0) {
        return RNR_FAIL(RENOIR_CORRUPTED,
                        "notifier '%s': it has %llu bytes and batches of %llu (somebody has "
                        "overwritten it: remove it)",
                        name, (unsigned long long)size_bytes,
                        (unsigned long long)(size_bytes < sizeof *shm ? 0 : shm->every_count));
    }
    return RENOIR_SUCCESS;
}

typedef struct Request {
    const char *name;
    const RnrNotifierTerms *terms;
} Request;

static RenoirErrorCode format_object(void *memory, uint64_t size_bytes, const void *terms)
{
    return format(memory, size_bytes, ((const Request *)terms)->terms);
}

static RenoirErrorCode match_object(const void *memory, uint64_t size_bytes, const void *terms)
{
    const Request *const request = (const Request *)terms;
    const RnrNotifierShm *const shm = (const RnrNotifierShm *)memory;
    const RenoirErrorCode status = rnr_notifier_check(memory, size_bytes, request->name);

    if (status != RENOIR_SUCCESS) {
        return status;
    }
    if (shm->every_count != request->terms->every_count ||
        shm->every_ns != request->terms->every_ns) {
        return RNR_FAIL(RENOIR_EXISTS,
                        "notifier '%s': it is there with batches of %llu and an interval of %llu "
                        "ns, asked for were %llu and %llu ns (use those, or another name)",
                        request->name, (unsigned long long)shm->every_count,
                        (unsigned long long)shm->every_ns,
                        (unsigned long long)request->terms->every_count,
                        (unsigned long long)request->terms->every_ns);
    }
    return RENOIR_SUCCESS;
}

static RenoirErrorCode open_object(RnrRegion *region, const Request *request, RnrNotifier *notifier)
{
    const RnrObjectSpec spec = {.name = request->name,
                                .kind = RNR_OBJECT_NOTIFIER,
                                .alignment = RNR_CACHE_PAIR,
                                .size_bytes = sizeof(RnrNotifierShm),
                                .format = format_object,
                                .match = match_object,
                                .terms = request};
    if (rnr_region_is_read_only(region)) {
        return RNR_FAIL(RENOIR_PERMISSION_DENIED,
                        "notifier '%s': region '%s' is open for reading only (who waits must write "
                        "that it sleeps)",
                        request->name, rnr_region_name(region));
    }
    return rnr_object_open(region, &spec, &notifier->object);
}

static const RnrWaitableKind WAITABLE_KIND;

RenoirErrorCode rnr_notifier_open(RnrRegion *region,
                                  const char *name,
                                  const RnrNotifierTerms *terms,
                                  RnrNotifier **out_notifier)
{
    const Request request = {.name = name, .terms = terms};
    RnrNotifier *const notifier = rnr_new(RnrNotifier);

    *out_notifier = NULL;
    if (notifier == NULL) {
        return RNR_FAIL(RENOIR_OUT_OF_MEMORY, "notifier '%s': no memory for its handle", name);
    }
    const RenoirErrorCode status = open_object(region, &request, notifier);
    if (status != RENOIR_SUCCESS) {
        rnr_free(notifier);
        return status;
    }
    notifier->magic = NOTIFIER_MAGIC;
    notifier->generation = rnr_fork_generation();
    notifier->shm = (RnrNotifierShm *)notifier->object.memory;
    notifier->node = rnr_region_node(region);
    notifier->terms = *terms; // as matched, whatever is there now
    // [notifier.count: acquire] What was notified before is not for this handle.
    const uint64_t count = rnr_load_acquire_u64(&notifier->shm->count);
    // [own: relaxed] Nobody else has the handle yet.
    rnr_store_relaxed_u64(&notifier->seen, count);
    rnr_waitable_init(&notifier->waitable, &WAITABLE_KIND, notifier->node);
    *out_notifier = notifier;
    return RENOIR_SUCCESS;
}

bool rnr_notifier_is_handle(const RnrNotifier *notifier)
{
    return notifier->magic == NOTIFIER_MAGIC;
}

RenoirErrorCode rnr_notifier_check_handle(const RnrNotifier *notifier)
{
    if (notifier == NULL || notifier->magic != NOTIFIER_MAGIC) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER, "notifier: the handle is %s",
                        notifier == NULL ? "NULL" : "not one, or was closed");
    }
    if (notifier->generation != rnr_fork_generation()) {
        return RNR_FAIL(RENOIR_INVALID_STATE,
                        "notifier '%s': the handle was made before a fork (open it again here)",
                        notifier->object.name);
    }
    return RENOIR_SUCCESS;
}

void rnr_notifier_close(RnrNotifier *notifier)
{
    rnr_waitable_leave(&notifier->waitable);
    notifier->magic = 0;
    rnr_object_close(&notifier->object);
    rnr_free(notifier);
}

// --- notifying -----------------------------------------------------------------------------------

static RnrBell bell_of(const RnrNotifier *notifier, uint32_t which)
{
    RnrNotifierShm *const shm = notifier->shm;
    return (RnrBell){.sleepers = &shm->sleepers,
                     .word = &shm->bells[which],
                     .bit = which == BATCH ? RNR_NOTIFIER_BATCH_SLEEPS : RNR_NOTIFIER_FIRST_SLEEPS,
                     .is_shared = true};
}

static RnrAudience audience_of(const RnrNotifier *notifier)
{
    return (RnrAudience){.announced = &notifier->shm->announced,
                         .addresses = notifier->shm->addresses,
                         .node = notifier->node};
}

static void ring(const RnrNotifier *notifier, uint32_t which)
{
    const RnrBell bell = bell_of(notifier, which);

    if (rnr_bell_ring(&bell)) {
        // [hint: relaxed] Statistics.
        (void)rnr_fetch_add_relaxed_u64(&notifier->shm->wakes, 1);
        const RnrAudience audience = audience_of(notifier);
        rnr_audience_tell(&audience);
    }
}

static void ring_slow(const RnrNotifier *notifier, uint64_t number, uint32_t sleepers)
{
    if ((sleepers & RNR_NOTIFIER_FIRST_SLEEPS) != 0) {
        ring(notifier, FIRST);
    }
    if ((sleepers & RNR_NOTIFIER_BATCH_SLEEPS) != 0 && number % notifier->terms.every_count == 0) {
        ring(notifier, BATCH); // I2
    }
}

static uint64_t tag_of(uint64_t number)
{
    return (number / RNR_NOTIFIER_TIMES) & TAG_MASK;
}

void rnr_notifier_notify(RnrNotifier *notifier)
{
    RnrNotifierShm *const shm = notifier->shm;

    // [hint: relaxed] Whoever turns it off says so by other means where it matters.
    if (RNR_UNLIKELY(rnr_load_relaxed_u32(&shm->is_disabled) != 0)) {
        // [hint: relaxed] Statistics.
        (void)rnr_fetch_add_relaxed_u64(&shm->suppressed, 1);
        return;
    }
    // [notifier.sleep: seq_cst] W1. [notifier.count: release] too: what the caller wrote before.
    const uint64_t number = rnr_fetch_add_seq_cst_u64(&shm->count, 1) + 1;
    RNR_FAULT_POINT("notifier.notify.counted");
    if (notifier->terms.every_ns != 0) {
        const uint64_t now = rnr_clock_now_ns() & ~(uint64_t)TAG_MASK;
        // [notifier.time: release] Of this notification, by its tag.
        rnr_store_release_u64(&shm->times[number % RNR_NOTIFIER_TIMES], now | tag_of(number));
    }
    // [notifier.sleep: seq_cst] W2.
    const uint32_t sleepers = rnr_load_seq_cst_u32(&shm->sleepers);
    if (RNR_UNLIKELY(sleepers != 0)) {
        ring_slow(notifier, number, sleepers);
    }
}

// --- looking -------------------------------------------------------------------------------------

// What a waiter finds. `first`: as in the handle, for one wait.
typedef struct Look {
    uint64_t seen;
    uint64_t count;
    uint64_t first;  // the oldest notification whose time due_ns is counted from; 0: none yet
    uint64_t due_ns; // UINT64_MAX: never
} Look;

// When notification `number` was made, as far as is known.
static uint64_t time_of(const RnrNotifierShm *shm, uint64_t number, uint64_t now_ns)
{
    // [notifier.time: acquire] Its tag says whether it is this one's.
    const uint64_t time = rnr_load_acquire_u64(&shm->times[number % RNR_NOTIFIER_TIMES]);
    const uint64_t time_ns = time & ~(uint64_t)TAG_MASK;
    return (time & TAG_MASK) == tag_of(number) && time_ns < now_ns ? time_ns : now_ns;
}

// When the oldest that was not served has waited long enough. Once found it stays: more
// notifications do not put it off.
static void find_due(const RnrNotifier *notifier, Look *look, uint64_t now_ns)
{
    const uint64_t first = look->seen + 1;
    if (look->first == first) {
        return;
    }
    const uint64_t pending = look->count - look->seen;
    const uint64_t known =
        pending > RNR_NOTIFIER_TIMES ? look->count - RNR_NOTIFIER_TIMES + 1 : first;
    look->first = first;
    look->due_ns =
        rnr_clock_deadline(time_of(notifier->shm, known, now_ns), notifier->terms.every_ns);
}

// SUCCESS: a batch is whole, or its time is over. BUFFER_EMPTY. CORRUPTED.
static RenoirErrorCode look_at(const RnrNotifier *notifier, Look *look)
{
    const uint64_t every = notifier->terms.every_count;
    // [notifier.served: acquire] Another thread may be served with this handle.
    look->seen = rnr_load_acquire_u64(&notifier->seen);
    // [notifier.sleep: seq_cst] S2. [notifier.count: acquire] too: what was written before W1.
    look->count = rnr_load_seq_cst_u64(&notifier->shm->count);
    const uint64_t pending = look->count - look->seen;

    if (pending > UINT64_MAX / 2) {
        return RENOIR_CORRUPTED; // I1
    }
    if (look->count / every != look->seen / every) {
        return RENOIR_SUCCESS;
    }
    if (pending == 0 || notifier->terms.every_ns == 0) {
        look->first = 0;
        look->due_ns = UINT64_MAX;
        return RENOIR_BUFFER_EMPTY;
    }
    const uint64_t now_ns = rnr_clock_now_ns();
    find_due(notifier, look, now_ns);
    return now_ns >= look->due_ns ? RENOIR_SUCCESS : RENOIR_BUFFER_EMPTY;
}

// Which bell a sleeper that found this must wait for.
static uint32_t bell_for(const RnrNotifier *notifier, const Look *look)
{
    return notifier->terms.every_ns != 0 && look->count == look->seen ? FIRST : BATCH;
}

// --- waiting -------------------------------------------------------------------------------------

static RenoirErrorCode went_back(const RnrNotifier *notifier, const Look *look)
{
    return RNR_FAIL(RENOIR_CORRUPTED,
                    "notifier '%s': its count is %llu, and was %llu (somebody has overwritten it: "
                    "remove it)",
                    notifier->object.name, (unsigned long long)look->count,
                    (unsigned long long)look->seen);
}

// SUCCESS: taken. BUFFER_EMPTY: nothing to take.
static RenoirErrorCode take(RnrNotifier *notifier, Look *look, uint64_t *out_count)
{
    RenoirErrorCode status = look_at(notifier, look);

    while (status == RENOIR_SUCCESS) {
        uint64_t seen = look->seen;
        // [notifier.served: acq_rel] One thread gets each notification.
        if (rnr_cas_acq_rel_u64(&notifier->seen, &seen, look->count)) {
            *out_count = look->count - look->seen;
            return RENOIR_SUCCESS;
        }
        status = look_at(notifier, look);
    }
    return status == RENOIR_CORRUPTED ? went_back(notifier, look) : status;
}

static RenoirErrorCode
spin(RnrNotifier *notifier, Look *look, uint64_t until_ns, uint64_t *out_count)
{
    RenoirErrorCode status = take(notifier, look, out_count);

    while (status == RENOIR_BUFFER_EMPTY && rnr_spin_again(until_ns)) {
        status = take(notifier, look, out_count);
    }
    return status;
}

static RenoirErrorCode file_is_cut(const RnrNotifier *notifier)
{
    return RNR_FAIL(RENOIR_CORRUPTED,
                    "notifier '%s': the file of its region has been cut short (make the region "
                    "anew)",
                    notifier->object.name);
}

static RenoirErrorCode time_is_over(const RnrNotifier *notifier)
{
    // [hint: relaxed] Statistics.
    (void)rnr_fetch_add_relaxed_u64(&notifier->shm->timeouts, 1);
    return RENOIR_TIMEOUT;
}

static RenoirErrorCode
sleep_until_told(RnrNotifier *notifier, Look *look, uint64_t deadline_ns, uint64_t *out_count)
{
    RnrNap naps[2] = {{.longest_ns = RNR_BELL_IDLE_SLICE_NS},
                      {.longest_ns = RNR_BELL_IDLE_SLICE_NS}};

    for (;;) {
        RenoirErrorCode status = take(notifier, look, out_count);
        if (status != RENOIR_BUFFER_EMPTY) {
            return status;
        }
        const uint32_t which = bell_for(notifier, look);
        const RnrBell bell = bell_of(notifier, which);
        if (!rnr_bell_is_armed(&bell, &naps[which])) {
            rnr_bell_announce(&bell, &naps[which]); // S1
        }
        RNR_FAULT_POINT("notifier.wait.announced");
        status = take(notifier, look, out_count);
        if (status != RENOIR_BUFFER_EMPTY) {
            return status;
        }
        if (bell_for(notifier, look) != which) {
            continue; // the first of a batch came, or another thread has taken it
        }
        if (!rnr_region_is_whole(notifier->object.region)) {
            return file_is_cut(notifier);
        }
        if (rnr_clock_now_ns() >= deadline_ns) {
            return time_is_over(notifier);
        }
        const uint64_t until = look->due_ns < deadline_ns ? look->due_ns : deadline_ns;
        status = rnr_bell_sleep(&bell, &naps[which], true, until);
        if (status == RENOIR_CORRUPTED) {
            return file_is_cut(notifier);
        }
    }
}

RenoirErrorCode rnr_notifier_wait(RnrNotifier *notifier, uint64_t timeout_ns, uint64_t *out_count)
{
    Look look = {.first = 0, .due_ns = UINT64_MAX};
    RenoirErrorCode status = take(notifier, &look, out_count);

    if (status != RENOIR_BUFFER_EMPTY || timeout_ns == RENOIR_NO_WAIT) {
        return status;
    }
    const uint64_t now = rnr_clock_now_ns();
    const uint64_t deadline = rnr_clock_deadline(now, timeout_ns);
    const uint64_t spin_until = rnr_clock_deadline(now, rnr_spin_resolve(0));
    status = spin(notifier, &look, spin_until < deadline ? spin_until : deadline, out_count);
    return status == RENOIR_BUFFER_EMPTY ? sleep_until_told(notifier, &look, deadline, out_count)
                                         : status;
}

// --- as a member of a wait set -------------------------------------------------------------------

static RnrNotifier *notifier_of(const RnrWaitable *waitable)
{
    return (RnrNotifier *)(uintptr_t)((const unsigned char *)waitable -
                                      offsetof(struct RenoirNotifier, waitable));
}

static RenoirErrorCode look_as_member(RnrNotifier *notifier, Look *look)
{
    *look = (Look){.first = notifier->first, .due_ns = notifier->due_ns};
    const RenoirErrorCode status = look_at(notifier, look);
    notifier->first = look->first;
    notifier->due_ns = look->due_ns;
    return status;
}

static uint32_t look_member(RnrWaitable *self)
{
    Look look;
    // CORRUPTED too: the call then tells
    return look_as_member(notifier_of(self), &look) == RENOIR_BUFFER_EMPTY ? 0 : RENOIR_WAIT_READY;
}

static uint64_t due_of_member(const RnrWaitable *self)
{
    return notifier_of(self)->due_ns;
}

static RenoirErrorCode join_set(RnrWaitable *self, uint64_t address)
{
    RnrNotifier *const notifier = notifier_of(self);
    const RnrAudience audience = audience_of(notifier);

    notifier->nap = (RnrNap){.is_armed = false};
    notifier->first = 0;
    notifier->due_ns = UINT64_MAX;
    if (!rnr_audience_join(&audience, &notifier->seat, address)) {
        return RNR_FAIL(RENOIR_LIMIT_REACHED,
                        "notifier '%s': %d wait sets have it as a member (use one set for more)",
                        notifier->object.name, (int)RNR_AUDIENCE_PLACES);
    }
    return RENOIR_SUCCESS;
}

static bool arm_member(RnrWaitable *self, uint64_t address)
{
    RnrNotifier *const notifier = notifier_of(self);
    const RnrAudience audience = audience_of(notifier);
    Look look;
    (void)look_as_member(notifier, &look);
    const uint32_t which = bell_for(notifier, &look);
    const RnrBell bell = bell_of(notifier, which);
    const bool is_new = rnr_audience_arm(&audience, &notifier->seat);

    (void)address; // as at joining
    if (!is_new && notifier->bell == which && rnr_bell_is_armed(&bell, &notifier->nap)) {
        return false;
    }
    rnr_bell_announce(&bell, &notifier->nap); // S1
    notifier->bell = which;
    return true;
}

static void leave_set(RnrWaitable *self)
{
    RnrNotifier *const notifier = notifier_of(self);
    const RnrAudience audience = audience_of(notifier);
    rnr_audience_leave(&audience, &notifier->seat);
}

static const RnrWaitableKind WAITABLE_KIND = {.look = look_member,
                                              .join = join_set,
                                              .arm = arm_member,
                                              .leave = leave_set,
                                              .due_ns = due_of_member,
                                              .slice_ns = RNR_BELL_IDLE_SLICE_NS};

RnrWaitable *rnr_notifier_waitable(RnrNotifier *notifier)
{
    return &notifier->waitable;
}

// --- for people ----------------------------------------------------------------------------------

void rnr_notifier_set_enabled(RnrNotifier *notifier, bool is_enabled)
{
    // [hint: relaxed] Who notifies at the same moment does so before or after.
    rnr_store_relaxed_u32(&notifier->shm->is_disabled, is_enabled ? 0 : 1);
}

void rnr_notifier_stats(const RnrNotifier *notifier, RenoirNotifierStats *out_stats)
{
    const RnrNotifierShm *const shm = notifier->shm;
    memset(out_stats, 0, sizeof *out_stats);
    // [notifier.served: acquire] Before the count, which so is not less.
    const uint64_t seen = rnr_load_acquire_u64(&notifier->seen);
    // [notifier.count: acquire] As a waiter.
    out_stats->notifications = rnr_load_acquire_u64(&shm->count);
    out_stats->pending = out_stats->notifications - seen;
    // [hint: relaxed] Statistics, all of them.
    out_stats->suppressed = rnr_load_relaxed_u64(&shm->suppressed);
    out_stats->wakes = rnr_load_relaxed_u64(&shm->wakes);
    out_stats->timeouts = rnr_load_relaxed_u64(&shm->timeouts);
    out_stats->is_enabled = rnr_load_relaxed_u32(&shm->is_disabled) == 0 ? 1 : 0;
}
