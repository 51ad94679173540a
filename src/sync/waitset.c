// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Who is in a wait set. Waiting is in sync/waitset_wait.c.
//
// Picture            links_mutex  ─►  the set's mutex
//
//     Objects and sets close in any order, from any threads. That a waitable is in a set is known
//     at both ends, and changes under both mutexes.
//
// Who writes what
//     is_woken   rnr_waitset_wake sets it, the wait clears it; everything else is under a mutex
//
// Invariants
//     I1  RenoirWaitable.set and .member are set exactly while it is among set->members
//     I2  a member is in the queue, or announced at its object; a new one is in the queue
//
// Edges
//     waitset.wake   whoever wakes: set is_woken, call the poller  ──►  the wait: take is_woken
//                    carries what the waker wrote before
//
// Progress
//     The mutexes are held for moments and never during a sleep.
//
// If a process dies
//     anywhere   its mailboxes' names are left, which the next reap removes; addresses in objects
//                lead nowhere, and whoever sends there forgets them
//
// Trust
//     nothing here reads what others wrote
//
// Proof
//     unit     tests/unit/sync/waitset_test.c     crash  tests/crash/waitset_test.c
//     torture  tests/torture/waitset_torture.c

#include "sync/waitset.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "platform/clock.h"
#include "platform/file.h"
#include "platform/lock.h"
#include "sync/bell.h"
#include "sync/spin.h"
#include "sync/waitset_internal.h"

// What handles begin with while they are some.
#define SET_MAGIC UINT64_C(0x74657374696177)        // "waitset", first letter first
#define WAITABLE_MAGIC UINT64_C(0x656c626174696177) // "waitable", first letter first
#define INTERVAL_MAX_NS (UINT64_C(1) << 62)

static pthread_mutex_t links_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

static void lock_links(void)
{
    (void)pthread_mutex_lock(&links_mutex);
}

static void unlock_links(void)
{
    (void)pthread_mutex_unlock(&links_mutex);
}

static void watch_forks(void)
{
    // Handlers run in reverse order before a fork: those of the mutexes taken under this one first.
    rnr_node_watch_forks();
    (void)pthread_atfork(lock_links, unlock_links, unlock_links);
}

static bool is_of_this_process(const RnrWaitset *set)
{
    return set->generation == rnr_fork_generation();
}

// --- the queue of those to be looked at ----------------------------------------------------------

void rnr_waitset_enqueue(RnrWaitset *set, RnrMember *member)
{
    if (member->is_queued) {
        return;
    }
    member->is_queued = true;
    member->next = NULL;
    if (set->queue == NULL) {
        set->queue = member;
    } else {
        member->previous = set->queue->previous;
        member->previous->next = member;
    }
    set->queue->previous = member;
    set->queue_length += 1;
    set->announced_count -= 1;
}

void rnr_waitset_dequeue(RnrWaitset *set, RnrMember *member)
{
    if (!member->is_queued) {
        return;
    }
    RnrMember *const last = set->queue->previous;
    if (member == set->queue) {
        set->queue = member->next;
    } else {
        member->previous->next = member->next;
    }
    if (member->next != NULL) {
        member->next->previous = member->previous;
    }
    if (set->queue != NULL && member == last) {
        set->queue->previous = member->previous;
    } else if (set->queue != NULL) {
        set->queue->previous = last;
    }
    member->is_queued = false;
    member->next = NULL;
    member->previous = NULL;
    set->queue_length -= 1;
    set->announced_count += 1;
}

void rnr_waitset_stir(RnrWaitset *set)
{
    if (set->is_sleeping || set->has_fd) {
        rnr_poller_call(&set->poller);
    }
}

// --- making and closing --------------------------------------------------------------------------

bool rnr_waitset_is_handle(const RnrWaitset *set)
{
    return set->magic == SET_MAGIC;
}

RenoirErrorCode rnr_waitset_check(const RnrWaitset *set)
{
    if (set == NULL || set->magic != SET_MAGIC) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER, "wait set: the handle is %s",
                        set == NULL ? "NULL" : "not one, or was closed");
    }
    if (!is_of_this_process(set)) {
        return RNR_FAIL(RENOIR_INVALID_STATE, "wait set: it was made before a fork, by the parent "
                                              "process (make a new one in the child)");
    }
    return RENOIR_SUCCESS;
}

static RnrWaitset *set_of_child(RnrChild *child)
{
    return (RnrWaitset *)((unsigned char *)child - offsetof(struct RenoirWaitset, child));
}

static void close_child(RnrChild *child)
{
    rnr_waitset_close(set_of_child(child));
}

static void leave_child(RnrChild *child)
{
    const RnrWaitset *set = set_of_child(child);
    for (size_t i = 0; i < set->post_count; ++i) {
        rnr_post_leave(set->posts[i]);
    }
}

static RenoirErrorCode open_post(RnrWaitset *set, RnrNode *node)
{
    if (set->post_count == RNR_WAITSET_POSTS) {
        return RNR_FAIL(RENOIR_LIMIT_REACHED,
                        "wait set: its members lie below %d roots (use another set for more)",
                        (int)RNR_WAITSET_POSTS);
    }
    RnrPost *post = NULL;
    RenoirErrorCode status = rnr_post_open(node, &post);
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    status = rnr_poller_watch(&set->poller, post->fd);
    if (status != RENOIR_SUCCESS) {
        rnr_post_close(post);
        return status;
    }
    set->posts[set->post_count++] = post;
    return RENOIR_SUCCESS;
}

RenoirErrorCode rnr_waitset_create(RnrManager *manager, RnrWaitset **out_set)
{
    *out_set = NULL;
    (void)pthread_once(&fork_once, watch_forks);
    RnrWaitset *set = rnr_new(RnrWaitset);
    if (set == NULL) {
        return RNR_FAIL(RENOIR_OUT_OF_MEMORY, "cannot make a wait set: no memory");
    }
    RenoirErrorCode status = rnr_poller_open(&set->poller);
    if (status != RENOIR_SUCCESS) {
        rnr_free(set);
        return status;
    }
    status = open_post(set, rnr_manager_node(manager));
    if (status != RENOIR_SUCCESS) {
        rnr_poller_close(&set->poller);
        rnr_free(set);
        return status;
    }
    set->magic = SET_MAGIC;
    set->generation = rnr_fork_generation();
    set->manager = manager;
    set->child = (RnrChild){.close = close_child, .leave = leave_child};
    set->next_due_ns = UINT64_MAX;
    set->alarm_ns = UINT64_MAX;
    set->slice_ns = RNR_BELL_FIRST_SLICE_NS;
    set->longest_ns = RNR_BELL_IDLE_SLICE_NS;
    set->spin_ns = rnr_spin_resolve(0);
    (void)pthread_mutex_init(&set->mutex, NULL);
    rnr_manager_adopt(manager, &set->child);
    *out_set = set;
    return RENOIR_SUCCESS;
}

// With both mutexes held.
static void let_go(RnrWaitset *set, RnrMember *member)
{
    RnrWaitable *const waitable = member->waitable;
    rnr_waitset_dequeue(set, member);
    set->announced_count -= 1;
    if (waitable->kind->leave != NULL && is_of_this_process(set)) {
        waitable->kind->leave(waitable);
    }
    waitable->set = NULL;
    waitable->member = NULL;
    set->members[member->index] = NULL;
    set->member_count -= 1;
    set->is_disturbed = true; // it may be the one whose node was asked
    while (set->member_end > 0 && set->members[set->member_end - 1] == NULL) {
        set->member_end -= 1;
    }
    rnr_free(member->name);
    rnr_free(member);
}

static void let_all_go(RnrWaitset *set)
{
    for (uint32_t i = set->member_end; i > 0; --i) {
        if (i <= set->member_end && set->members[i - 1] != NULL) {
            let_go(set, set->members[i - 1]);
        }
    }
}

void rnr_waitset_close(RnrWaitset *set)
{
    lock_links();
    if (!is_of_this_process(set)) {
        // another thread of the parent may have held it when it forked
        (void)pthread_mutex_init(&set->mutex, NULL);
    }
    rnr_waitset_lock(set);
    set->magic = 0;
    let_all_go(set);
    rnr_waitset_unlock(set);
    unlock_links();
    rnr_manager_drop(set->manager, &set->child);
    while (set->post_count > 0) {
        rnr_post_close(set->posts[--set->post_count]);
    }
    rnr_poller_close(&set->poller);
    (void)pthread_mutex_destroy(&set->mutex);
    rnr_free(set->members);
    rnr_free(set->timers);
    rnr_free(set);
}

// --- members -------------------------------------------------------------------------------------

void rnr_waitable_init(RnrWaitable *self, const RnrWaitableKind *kind, RnrNode *node)
{
    memset(self, 0, sizeof *self);
    self->magic = WAITABLE_MAGIC;
    self->kind = kind;
    self->node = node;
}

void rnr_waitable_leave(RnrWaitable *self)
{
    if (self->magic != WAITABLE_MAGIC) {
        return; // nobody ever asked for it
    }
    lock_links();
    RnrWaitset *const set = self->set;
    if (set != NULL && is_of_this_process(set)) {
        rnr_waitset_lock(set);
        let_go(set, self->member);
        rnr_waitset_unlock(set);
    } else if (set != NULL) {
        let_go(set, self->member); // a child has no other thread that could be in it
    }
    self->magic = 0;
    unlock_links();
}

static RenoirErrorCode no_memory(void)
{
    return RNR_FAIL(RENOIR_OUT_OF_MEMORY, "wait set: no memory for another member");
}

// An array with twice the room, in place of `old`; NULL: no memory.
static void *grow(void *old, size_t count, size_t element_size, size_t *capacity)
{
    const size_t wanted = *capacity == 0 ? 16 : 2 * *capacity;
    void *array = wanted > SIZE_MAX / element_size ? NULL : rnr_allocate(wanted * element_size);
    if (array == NULL) {
        return NULL;
    }
    if (count != 0) {
        memcpy(array, old, count * element_size);
    }
    rnr_free(old);
    *capacity = wanted;
    return array;
}

static RenoirErrorCode find_place(RnrWaitset *set, uint32_t *out_index)
{
    for (uint32_t i = 0; set->member_count < set->member_end && i < set->member_end; ++i) {
        if (set->members[i] == NULL) {
            *out_index = i;
            return RENOIR_SUCCESS;
        }
    }
    if (set->member_end == set->member_capacity) {
        size_t capacity = set->member_capacity;
        RnrMember **members = capacity > UINT32_MAX / 4
                                  ? NULL
                                  : grow(set->members, set->member_end, sizeof(void *), &capacity);
        if (members == NULL) {
            return no_memory();
        }
        set->members = members;
        set->member_capacity = (uint32_t)capacity;
    }
    *out_index = set->member_end;
    return RENOIR_SUCCESS;
}

// The mailbox that the ringers of the waitable can find.
static RenoirErrorCode post_for(RnrWaitset *set, const RnrWaitable *waitable, RnrPost **out_post)
{
    for (size_t i = 0; i < set->post_count; ++i) {
        if (waitable->node == NULL || set->posts[i]->node == waitable->node) {
            *out_post = set->posts[i];
            return RENOIR_SUCCESS;
        }
    }
    const RenoirErrorCode status = open_post(set, waitable->node);
    if (status == RENOIR_SUCCESS) {
        *out_post = set->posts[set->post_count - 1];
    }
    return status;
}

static RnrMember *find_named(const RnrWaitset *set, const char *name)
{
    for (uint32_t i = 0; i < set->member_end; ++i) {
        RnrMember *const member = set->members[i];
        if (member != NULL && member->name != NULL && strcmp(member->name, name) == 0) {
            return member;
        }
    }
    return NULL;
}

static RenoirErrorCode
check_add(const RnrWaitset *set, const char *name, const RnrWaitable *waitable)
{
    const char *reason = NULL;
    if (waitable == NULL || waitable->magic != WAITABLE_MAGIC) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER, "wait set: the waitable is %s",
                        waitable == NULL ? "NULL" : "not one, or its object was closed");
    }
    if (waitable->set != NULL) {
        return RNR_FAIL(RENOIR_EXISTS,
                        "wait set: the waitable is in %s already (remove it there first)",
                        waitable->set == set ? "this set" : "another set");
    }
    if (name != NULL && !rnr_text_is_name(name, RENOIR_NAME_MAX, &reason)) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                        "wait set: the member's name is refused: %s (use 1 to %d bytes of UTF-8 "
                        "without control characters)",
                        reason, RENOIR_NAME_MAX);
    }
    if (name != NULL && find_named(set, name) != NULL) {
        return RNR_FAIL(RENOIR_EXISTS, "wait set: it has a member '%s' (use another name)", name);
    }
    return RENOIR_SUCCESS;
}

static RenoirErrorCode enter(RnrWaitset *set, RnrMember *member, RnrWaitable *waitable)
{
    RnrPost *post = NULL;
    RenoirErrorCode status = find_place(set, &member->index);
    if (status == RENOIR_SUCCESS) {
        status = post_for(set, waitable, &post);
    }
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    member->waitable = waitable;
    member->address = rnr_post_address(post, member->index);
    member->due_ns = UINT64_MAX;
    if (waitable->kind->join != NULL) {
        status = waitable->kind->join(waitable, member->address);
    }
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    set->members[member->index] = member;
    set->member_count += 1;
    if (member->index == set->member_end) {
        set->member_end += 1;
    }
    waitable->set = set;
    waitable->member = member;
    set->announced_count += 1;
    rnr_waitset_enqueue(set, member); // I2
    set->is_disturbed = true;
    if (waitable->kind->slice_ns < set->longest_ns) {
        set->longest_ns = waitable->kind->slice_ns;
    }
    set->slice_ns = RNR_BELL_FIRST_SLICE_NS;
    set->next_close_ns = rnr_clock_deadline(rnr_clock_now_ns(), set->slice_ns);
    rnr_waitset_stir(set);
    return RENOIR_SUCCESS;
}

RenoirErrorCode
rnr_waitset_add(RnrWaitset *set, const char *name, RnrWaitable *waitable, void *user)
{
    lock_links();
    rnr_waitset_lock(set);
    RenoirErrorCode status = check_add(set, name, waitable);
    RnrMember *member = status == RENOIR_SUCCESS ? rnr_new(RnrMember) : NULL;
    if (member != NULL) {
        member->user = user;
        member->name = name == NULL ? NULL : rnr_duplicate(name);
        status = name != NULL && member->name == NULL ? no_memory() : enter(set, member, waitable);
    } else if (status == RENOIR_SUCCESS) {
        status = no_memory();
    }
    rnr_waitset_unlock(set);
    unlock_links();
    if (status != RENOIR_SUCCESS && member != NULL) {
        rnr_free(member->name);
        rnr_free(member);
    }
    return status;
}

RenoirErrorCode rnr_waitset_add_timer(RnrWaitset *set, uint64_t interval_ns, void *user)
{
    RenoirErrorCode status = RENOIR_SUCCESS;
    if (interval_ns == 0 || interval_ns > INTERVAL_MAX_NS) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                        "wait set: a timer's interval of %llu ns is not from 1 to 2^62",
                        (unsigned long long)interval_ns);
    }
    rnr_waitset_lock(set);
    if (set->timer_count == set->timer_capacity) {
        RnrTimer *timers =
            grow(set->timers, set->timer_count, sizeof *timers, &set->timer_capacity);
        if (timers == NULL) {
            status = no_memory();
        } else {
            set->timers = timers;
        }
    }
    if (status == RENOIR_SUCCESS) {
        set->timers[set->timer_count++] =
            (RnrTimer){.interval_ns = interval_ns,
                       .next_ns = rnr_clock_deadline(rnr_clock_now_ns(), interval_ns),
                       .user = user};
        rnr_waitset_stir(set);
    }
    rnr_waitset_unlock(set);
    return status;
}

static void remove_timers(RnrWaitset *set, const void *user)
{
    size_t kept = 0;
    for (size_t i = 0; i < set->timer_count; ++i) {
        if (set->timers[i].user != user) {
            set->timers[kept++] = set->timers[i];
        }
    }
    set->timer_count = kept;
    set->first_timer = 0;
}

RenoirErrorCode rnr_waitset_remove(RnrWaitset *set, const void *user)
{
    lock_links();
    rnr_waitset_lock(set);
    for (uint32_t i = set->member_end; i > 0; --i) {
        RnrMember *const member = i <= set->member_end ? set->members[i - 1] : NULL;
        if (member != NULL && member->user == user) {
            let_go(set, member);
        }
    }
    remove_timers(set, user);
    rnr_waitset_unlock(set);
    unlock_links();
    return RENOIR_SUCCESS;
}

RenoirErrorCode rnr_waitset_remove_named(RnrWaitset *set, const char *name)
{
    RenoirErrorCode status = RENOIR_SUCCESS;
    lock_links();
    rnr_waitset_lock(set);
    RnrMember *const member = find_named(set, name);
    if (member != NULL) {
        let_go(set, member);
    } else {
        status = RNR_FAIL(RENOIR_NOT_FOUND, "wait set: it has no member '%s'", name);
    }
    rnr_waitset_unlock(set);
    unlock_links();
    return status;
}

// --- from elsewhere ------------------------------------------------------------------------------

void rnr_waitset_wake(RnrWaitset *set)
{
    // [waitset.wake: release] What the waker wrote before is seen after the wait.
    (void)rnr_fetch_or_seq_cst_u32(&set->is_woken, 1);
    rnr_poller_call(&set->poller);
}

int rnr_waitset_fd(RnrWaitset *set)
{
    rnr_waitset_lock(set);
    if (!set->has_fd) {
        set->has_fd = true;
        rnr_waitset_stir(set);
    }
    rnr_waitset_unlock(set);
    return set->poller.fd;
}
