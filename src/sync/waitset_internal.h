// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_SYNC_WAITSET_INTERNAL_H
#define RNR_SYNC_WAITSET_INTERNAL_H

// What the files waitset*.c of this folder share.

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "platform/poller.h"
#include "renoir/detail/atomic.h"
#include "sync/post.h"
#include "sync/waitset.h"

enum { RNR_WAITSET_POSTS = 8 };

// One member. It is in the queue of those to be looked at, or announced at its object.
typedef struct RnrMember {
    struct RnrMember *next; // in the queue
    struct RnrMember *previous;
    RnrWaitable *waitable;
    void *user;
    char *name; // NULL: none
    uint64_t address;
    uint64_t due_ns; // when to look though nobody rings
    uint32_t index;  // in RenoirWaitset.members
    bool is_queued;
    bool was_told;      // a number came for it since it was announced
    bool needs_closely; // its peer was gone at the last close look
} RnrMember;

typedef struct RnrTimer {
    uint64_t interval_ns;
    uint64_t next_ns;
    void *user;
} RnrTimer;

struct RenoirWaitset {
    uint64_t magic;
    uint64_t generation; // of forks
    RnrChild child;      // of the manager
    RnrManager *manager;
    RnrPoller poller;
    RnrAtomicU32 is_woken; // by rnr_waitset_wake; taken by the wait
    pthread_mutex_t mutex; // for all below, but not during the sleep
    bool is_waiting;
    bool is_sleeping;
    bool has_fd;                       // its descriptor was asked for: keep it right
    RnrPost *posts[RNR_WAITSET_POSTS]; // one for each root; [0] for members below none, too
    size_t post_count;
    RnrMember **members; // NULL: free
    uint32_t member_count;
    uint32_t member_end; // of those in use
    uint32_t member_capacity;
    RnrMember *queue; // the first; its `previous` is the last
    uint32_t queue_length;
    uint32_t announced_count; // members that are not queued
    RnrTimer *timers;
    size_t timer_count;
    size_t timer_capacity;
    size_t first_timer;     // to be looked at
    bool is_timers_turn;    // before the members
    uint64_t next_due_ns;   // the least of the members' due_ns, or before it
    uint64_t slice_ns;      // between two close looks: grows
    uint64_t longest_ns;    // up to this: the least of the members'
    uint64_t next_close_ns; // when all are looked at closely, or their peers at least
    RnrRoll peers;          // who lived at the last close look
    uint32_t quiet_slices;  // since then
    bool is_disturbed;      // something has happened since: no short cut
    uint64_t alarm_ns;      // what the poller is set to; 0: passed
    uint64_t spin_ns;
    bool owes_barrier; // somebody was announced since the last one
    bool is_uncovered; // the last one did not reach the ringers
};

void rnr_waitset_enqueue(RnrWaitset *set, RnrMember *member);
void rnr_waitset_dequeue(RnrWaitset *set, RnrMember *member);
// With the mutex held: somebody must look soon.
void rnr_waitset_stir(RnrWaitset *set);

static inline void rnr_waitset_lock(RnrWaitset *set)
{
    (void)pthread_mutex_lock(&set->mutex);
}

static inline void rnr_waitset_unlock(RnrWaitset *set)
{
    (void)pthread_mutex_unlock(&set->mutex);
}

#endif
