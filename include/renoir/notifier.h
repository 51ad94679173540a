// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RENOIR_NOTIFIER_H
#define RENOIR_NOTIFIER_H

#include <stdint.h>
#include <string.h>

#include "renoir/export.h"
#include "renoir/library.h"
#include "renoir/region.h"
#include "renoir/status.h"
#include "renoir/waitset.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @file
 * A named event between processes: "something has happened", and how often. Anyone notifies, any
 * number wait, and each one that waits gets them all.
 *
 *     process A                          process B
 *     renoir_notifier_notify(n)  ──►     renoir_notifier_wait(n, timeout, &count)
 *
 * Waiters can be woken in batches: at each so many notifications, or when the first that was not
 * served yet has waited so long, whichever comes first.
 *
 *     every_count   every_ns     waiters are woken
 *     0, 1          -            at each notification
 *     n             0            at each n-th
 *     n             t            at each n-th, and t after the first of fewer
 *     UINT64_MAX    t            t after the first, however many there are
 *
 * Lifetime   It lies in the region until renoir_region_remove_object(). A handle goes with
 *            renoir_notifier_close().
 * Threads    Any thread may call any function; closing must be the last use. Notifying is safe in a
 *            signal handler.
 * Fork       In a child each call is RENOIR_INVALID_STATE, and close frees the child's memory only.
 * Trust      Another process with the region can notify without reason, or hide notifications; it
 *            cannot make a call wait longer than it was told to.
 * Death      Nobody owns it: there is no RENOIR_DISCONNECTED. A process that dies while it notifies
 *            has notified or has not; waiters then find out within a quarter of a second.
 */

/** This process's hold on one. What it has been told, it alone has been told. */
typedef struct RenoirNotifier *RenoirNotifierHandle;

/** When waiters are woken. All who open it give the same. Start from
 *  renoir_notifier_options_default(). */
typedef struct RenoirNotifierOptions {
    uint32_t struct_size; /**< Filled in by renoir_notifier_options_default(). */
    uint32_t flags;       /**< None exist yet: 0. */
    uint64_t every_count; /**< At each so many notifications since it was made. 0: each one. */
    uint64_t every_ns; /**< When the first that was not served has waited so long, also if no more
                            come. With more than 32 that were not served it is counted from the
                            32nd last at the latest. 0: no such limit. */
} RenoirNotifierOptions;

/** Every field at its default. */
RENOIR_INLINE RenoirNotifierOptions renoir_notifier_options_default(void)
{
    RenoirNotifierOptions options;
    memset(&options, 0, sizeof options);
    options.struct_size = (uint32_t)sizeof options;
    return options;
}

/** What has happened since it was made, in all processes. */
typedef struct RenoirNotifierStats {
    uint64_t notifications; /**< those made while it was enabled */
    uint64_t suppressed;    /**< those made while it was disabled: they count nowhere else */
    uint64_t wakes;         /**< how often a notification woke somebody who slept */
    uint64_t timeouts;      /**< waits that ended with RENOIR_TIMEOUT */
    uint64_t pending;       /**< notifications since this handle's last wait */
    uint32_t is_enabled;
    uint32_t reserved_flags; /**< 0 */
    uint64_t reserved[2];
} RenoirNotifierStats;

/**
 * Finds or makes one.
 *
 * @param      region        open for reading and writing
 * @param      name          in the region, 1 to 63 bytes
 * @param      options       NULL: the defaults
 * @param[out] out_notifier  NULL unless the call succeeds
 *
 * @retval RENOIR_EXISTS              it is there on other terms; the message names both
 * @retval RENOIR_PERMISSION_DENIED   the region is open for reading only
 * @retval RENOIR_INSUFFICIENT_SPACE  the region has no room for its 1280 bytes
 * @retval RENOIR_LIMIT_REACHED       the region's directory is full
 * @retval RENOIR_UNSUPPORTED         an unknown flag or option
 * @retval RENOIR_INVALID_STATE       the region was opened before a fork
 * @retval RENOIR_CORRUPTED, RENOIR_CONCURRENCY_ERROR, RENOIR_OUT_OF_MEMORY
 *
 * The handle counts from now on: earlier notifications are not for it. Owner: you; give it back
 * with renoir_notifier_close().
 */
RENOIR_API RENOIR_NODISCARD RenoirErrorCode
renoir_notifier_open(RenoirRegionHandle region,
                     const char *name,
                     const RenoirNotifierOptions *options,
                     RenoirNotifierHandle *out_notifier);

/** Leaves it. NULL is ignored. Nobody may wait with this handle. */
RENOIR_API void renoir_notifier_close(RenoirNotifierHandle notifier);

/**
 * Counts one more, and wakes who waits for it. No system call while nobody sleeps, never waits, and
 * is safe in a signal handler. What the caller wrote before is seen by whoever is told of it.
 *
 * @retval RENOIR_INVALID_PARAMETER  NULL, or no handle
 * @retval RENOIR_INVALID_STATE      opened before a fork
 *
 * While it is disabled the call succeeds, and counts as suppressed only.
 */
RENOIR_API RenoirErrorCode renoir_notifier_notify(RenoirNotifierHandle notifier);

/**
 * Waits until a batch is whole or its time is over.
 *
 * @param[out] out_count  notifications since this handle's last wait that succeeded, those that do
 *                        not fill a batch included; 0 unless the call succeeds
 *
 * @retval RENOIR_TIMEOUT       timeout_ns have passed; never earlier, and signals do not matter.
 * What came but filled no batch stays.
 * @retval RENOIR_BUFFER_EMPTY  RENOIR_NO_WAIT, and no batch is whole
 * @retval RENOIR_INVALID_STATE opened before a fork
 * @retval RENOIR_CORRUPTED     its count went back, or the region's file was cut short
 *
 * Threads that wait with one handle share what it is told: each notification goes to one of them.
 */
RENOIR_API RenoirErrorCode renoir_notifier_wait(RenoirNotifierHandle notifier,
                                                uint64_t timeout_ns,
                                                uint64_t *out_count);

/**
 * Turns it off or on, for everyone. While it is off, notifications are dropped; those made before
 * stay. It is made on.
 *
 * @param is_enabled  0: off
 */
RENOIR_API RenoirErrorCode renoir_notifier_set_enabled(RenoirNotifierHandle notifier,
                                                       uint32_t is_enabled);

/** What has happened so far. */
RENOIR_API RenoirErrorCode renoir_notifier_stats(RenoirNotifierHandle notifier,
                                                 RenoirNotifierStats *out_stats);

/**
 * The handle as a member for a wait set: ready when renoir_notifier_wait() would not wait. NULL: no
 * handle. Up to 64 sets, in all processes, can have handles of one notifier as members.
 */
RENOIR_API RenoirWaitableHandle renoir_notifier_waitable(RenoirNotifierHandle notifier);

#ifdef __cplusplus
}
#endif

#endif
