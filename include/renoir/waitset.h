// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RENOIR_WAITSET_H
#define RENOIR_WAITSET_H

#include <stddef.h>
#include <stdint.h>

#include "renoir/export.h"
#include "renoir/manager.h"
#include "renoir/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @file
 * Waiting for many things at once. Everything that one can sleep for is a waitable: ends of rings,
 * notifiers, states and others each give theirs with renoir_<noun>_waitable(). A wait set sleeps
 * for all that were added to it, and for timers; one thread, one sleep, whatever their number.
 *
 *     renoir_waitset_add(set, renoir_ring_waitable(&ring.end), &ring);
 *     renoir_waitset_add_timer(set, RENOIR_SECONDS(1), &ticks);
 *     for (;;) {
 *         RenoirWaitEvent events[16];
 *         size_t count;
 *         renoir_waitset_wait(set, RENOIR_WAIT_FOREVER, events, 16, &count);
 *         ... each event says what is ready; take from it with its own calls ...
 *     }
 *
 * Its descriptor can be put into any poll or epoll loop instead. A set whose members have names is
 * a notification group.
 *
 * Nobody is ever asked to fetch: an event says that a call will probably succeed now. What is ready
 * is reported again and again until it is taken (level-triggered), all members in turn. A process
 * that publishes to a member makes a few system calls once for each time that the set fell asleep
 * with it, and none otherwise.
 *
 * Lifetime   A set goes with renoir_waitset_close() or its manager. A waitable belongs to the
 *            object that gave it, and leaves its set when that is closed.
 * Threads    Any thread may add, remove and wake at any time, also while another one waits; one
 *            thread at a time waits. The ends of rings in a set belong to the thread that waits.
 * Fork       In a child each call is RENOIR_INVALID_STATE; close frees the child's memory only.
 * Trust      What other processes write can make a set look without need, or late: by a quarter of
 *            a second at most.
 * Death      The death of a member's peer is an event (RENOIR_WAIT_DISCONNECTED), 50 milliseconds
 *            later at most, or a quarter of a second where nothing was ever heard of that peer. A
 *            set whose process dies leaves one name below the root, which the next
 *            renoir_node_reap() removes.
 */

/** A thing to sleep for. It belongs to the object that gave it. */
typedef struct RenoirWaitable *RenoirWaitableHandle;
/** This process's set of them. */
typedef struct RenoirWaitset *RenoirWaitsetHandle;

/** What an event says. */
enum {
    RENOIR_WAIT_READY = 1 << 0,        /**< its try_ call will (probably) not say full or empty; a
                                            timer has fired */
    RENOIR_WAIT_DEADLINE = 1 << 1,     /**< a topic's deadline passed without a message; a heartbeat
                                            is late */
    RENOIR_WAIT_DISCONNECTED = 1 << 2, /**< its peer was there and is gone, and nothing is left to
                                            take. Again and again: close it, or remove it. */
    RENOIR_WAIT_WATERMARK = 1 << 3 /**< a transport's backpressure rose past high_percent or fell
                                        below low_percent: once per crossing */
};

/** One thing that happened. */
typedef struct RenoirWaitEvent {
    void *user;       /**< as it was added */
    const char *name; /**< of renoir_waitset_add_named(), else NULL; borrowed until it is removed */
    uint32_t events;  /**< RENOIR_WAIT_* */
    uint32_t reserved;
} RenoirWaitEvent;

/**
 * Makes a set.
 *
 * @param      manager  NULL: the default one
 * @param[out] out_set  NULL unless the call succeeds
 *
 * @retval RENOIR_LIMIT_REACHED   this process has 4095, or no descriptor left: a set takes four
 * @retval RENOIR_PERMISSION_DENIED, RENOIR_PLATFORM_ERROR, RENOIR_OUT_OF_MEMORY
 * @retval RENOIR_NOT_FOUND       the root has no folder for sets: an older version made it
 * @retval RENOIR_INVALID_STATE   the manager was made before a fork
 *
 * Owner: you; give it back with renoir_waitset_close().
 */
RENOIR_API RENOIR_NODISCARD RenoirErrorCode renoir_waitset_create(RenoirManagerHandle manager,
                                                                  RenoirWaitsetHandle *out_set);

/** Lets all members go, and frees the set. NULL is ignored. Nobody may wait in it. */
RENOIR_API void renoir_waitset_close(RenoirWaitsetHandle set);

/**
 * Adds a waitable.
 *
 * @param user  comes back in its events, and names it to renoir_waitset_remove()
 *
 * @retval RENOIR_EXISTS             it is in a set already, this one or another
 * @retval RENOIR_INVALID_PARAMETER  no waitable: NULL, or its object was closed
 * @retval RENOIR_LIMIT_REACHED      the object has no place for another set; or more than 8 roots
 * @retval RENOIR_INVALID_STATE      the set was made before a fork
 * @retval RENOIR_OUT_OF_MEMORY
 */
RENOIR_API RenoirErrorCode renoir_waitset_add(RenoirWaitsetHandle set,
                                              RenoirWaitableHandle waitable,
                                              void *user);

/**
 * The same under a name, 1 to 255 bytes of UTF-8, which comes with its events.
 *
 * @retval RENOIR_EXISTS  also: the set has a member of that name
 */
RENOIR_API RenoirErrorCode renoir_waitset_add_named(RenoirWaitsetHandle set,
                                                    const char *name,
                                                    RenoirWaitableHandle waitable,
                                                    void *user);

/**
 * Adds a timer, which fires once in each interval from now on, without drift. Intervals that passed
 * while nobody waited are one event.
 *
 * @retval RENOIR_INVALID_PARAMETER  an interval of 0, or above 2^62
 * @retval RENOIR_OUT_OF_MEMORY
 * @retval RENOIR_INVALID_STATE      the set was made before a fork
 */
RENOIR_API RenoirErrorCode renoir_waitset_add_timer(RenoirWaitsetHandle set,
                                                    uint64_t interval_ns,
                                                    void *user);

/** Takes out all members and timers that were added with this pointer, if there are any. */
RENOIR_API RenoirErrorCode renoir_waitset_remove(RenoirWaitsetHandle set, void *user);

/** Takes out the member of that name. RENOIR_NOT_FOUND: there is none. */
RENOIR_API RenoirErrorCode renoir_waitset_remove_named(RenoirWaitsetHandle set, const char *name);

/**
 * Waits until something is ready, and says what. What is ready already is reported at once.
 *
 * @param[out] events     at most `capacity` of them; those that did not fit come first next time
 * @param      capacity   at least 1
 * @param[out] out_count  how many; 0 unless the call succeeds
 *
 * @retval RENOIR_SUCCESS         with 0 events: renoir_waitset_wake() was called
 * @retval RENOIR_TIMEOUT         timeout_ns have passed; never earlier, and signals do not matter
 * @retval RENOIR_BUFFER_EMPTY    RENOIR_NO_WAIT, and nothing is ready
 * @retval RENOIR_INVALID_STATE   another thread waits in it; or it was made before a fork
 * @retval RENOIR_PLATFORM_ERROR  somebody closed one of the set's descriptors
 */
RENOIR_API RenoirErrorCode renoir_waitset_wait(RenoirWaitsetHandle set,
                                               uint64_t timeout_ns,
                                               RenoirWaitEvent *events,
                                               size_t capacity,
                                               size_t *out_count);

/**
 * Ends the wait that is on, or the next one. From any thread and any signal handler. Several wakes
 * may end one wait.
 */
RENOIR_API RenoirErrorCode renoir_waitset_wake(RenoirWaitsetHandle set);

/**
 * A descriptor for poll and epoll: readable while something is ready, or somebody woke the set; now
 * and then also with nothing ready. Do not read it: when it is readable, call renoir_waitset_wait()
 * with RENOIR_NO_WAIT. That call also is what keeps it right: call it once after this one, and
 * whenever it is readable.
 *
 * @param[out] out_fd  borrowed: it stays the set's, and goes with it; -1 unless the call succeeds
 */
RENOIR_API RenoirErrorCode renoir_waitset_fd(RenoirWaitsetHandle set, int *out_fd);

#ifdef __cplusplus
}
#endif

#endif
