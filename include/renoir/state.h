// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RENOIR_STATE_H
#define RENOIR_STATE_H

#include <stddef.h>
#include <stdint.h>

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
 * The latest whole value of something: one writer, who never waits and may die anywhere, and any
 * number of readers, who almost never have to look twice.
 *
 *     writer                    16 versions                          readers
 *     renoir_state_write() ──►  │ 33 │ 34 │ 35 │ … │ 48 │  ──latest──►  renoir_state_read()
 *
 * The writer fills the oldest version while readers copy the newest, so that a reader is overtaken
 * only if 15 versions are written while it copies one. Then it takes the newest again.
 *
 * Lifetime   A state is an object of its region: its value stays until the object or the region is
 *            removed, whoever closes or dies. A handle keeps the region mapped.
 * Threads    Writing calls (write, reserve, commit) on one handle: one thread at a time. Reading
 *            calls: any number of threads, also while another one writes. Closing must be the last
 *            use of the handle.
 * Fork       A handle does not survive fork(): calls return RENOIR_INVALID_STATE in the child.
 * Trust      Words in shared memory are checked before they are used: a call then returns
 *            RENOIR_CORRUPTED, and never touches anything outside the state. The bytes of a value
 *            are the writer's: one that does not keep to these calls can hand out anything.
 * Death      A writer's death at any instruction leaves the last whole value readable, and its
 * place free for the next one, who goes on from there. What was not committed never happened.
 */

/** This process's hold on a state, as its writer or as a reader. */
typedef struct RenoirState *RenoirStateHandle;

/** The greatest max_size of a state, in bytes. */
#define RENOIR_STATE_SIZE_MAX ((size_t)1 << 30)

/**
 * Makes a state, or joins one of that name and max_size whose writer has closed it or died, as its
 * writer. Its last value stays.
 *
 * @param name      1 to 63 bytes. Copied.
 * @param max_size  the longest value, 1 to RENOIR_STATE_SIZE_MAX bytes. The region needs 16 times
 *                  that, and at most 4096 bytes more.
 *
 * @retval RENOIR_EXISTS              a live writer has it (the message says who); or something of
 *                                    that name is there on other terms
 * @retval RENOIR_INSUFFICIENT_SPACE  the region has no such extent free
 * @retval RENOIR_LIMIT_REACHED       the region's directory is full
 * @retval RENOIR_PERMISSION_DENIED   the region is open for reading only
 * @retval RENOIR_VERSION_MISMATCH    another layout version
 * @retval RENOIR_CORRUPTED           what is there contradicts itself (remove it)
 * @retval RENOIR_INVALID_PARAMETER, RENOIR_INVALID_STATE, RENOIR_OUT_OF_MEMORY,
 *         RENOIR_CONCURRENCY_ERROR, RENOIR_PLATFORM_ERROR
 *
 * Does not wait for readers. Owner: you; give it back with renoir_state_close().
 */
RENOIR_API RENOIR_NODISCARD RenoirErrorCode renoir_state_create(RenoirRegionHandle region,
                                                                const char *name,
                                                                size_t max_size,
                                                                RenoirStateHandle *out_state);

/**
 * Opens a state as a reader; also in a region that is open for reading only.
 *
 * @retval RENOIR_NOT_FOUND         there is none of that name
 * @retval RENOIR_EXISTS            what has that name is no state
 * @retval RENOIR_VERSION_MISMATCH  another layout version
 * @retval RENOIR_CORRUPTED         what is there contradicts itself (remove it)
 * @retval RENOIR_INVALID_PARAMETER, RENOIR_INVALID_STATE, RENOIR_OUT_OF_MEMORY,
 *         RENOIR_CONCURRENCY_ERROR, RENOIR_PLATFORM_ERROR
 *
 * Owner: you; give it back with renoir_state_close().
 */
RENOIR_API RENOIR_NODISCARD RenoirErrorCode renoir_state_open(RenoirRegionHandle region,
                                                              const char *name,
                                                              RenoirStateHandle *out_state);

/** Leaves the state. The writer's place is free then; the value stays. NULL is ignored. */
RENOIR_API void renoir_state_close(RenoirStateHandle state);

/**
 * Makes `length` bytes the newest version. Never waits; no system call unless a reader sleeps.
 * Gives up what was reserved and not committed.
 *
 * @param data    copied; NULL only if length is 0
 * @param length  0 to max_size
 *
 * @retval RENOIR_MESSAGE_TOO_LARGE  length is above max_size
 * @retval RENOIR_PERMISSION_DENIED  this handle is a reader's
 * @retval RENOIR_INVALID_STATE      opened before a fork
 * @retval RENOIR_INVALID_PARAMETER  data is NULL; or no handle
 * @retval RENOIR_CORRUPTED          the region's file was cut short
 */
RENOIR_API RenoirErrorCode renoir_state_write(RenoirStateHandle state,
                                              const void *data,
                                              size_t length);

/**
 * The bytes of the next version, to be built in place. Nobody reads them until
 * renoir_state_commit(); they hold some older value or zeros. Reserving again gives the same bytes
 * again.
 *
 * @param[out] out_data  *out_size bytes until commit; aligned to 64, to 16 if max_size is at most
 * 112
 * @param[out] out_size  max_size
 *
 * @retval RENOIR_PERMISSION_DENIED  this handle is a reader's
 * @retval RENOIR_INVALID_STATE      opened before a fork
 * @retval RENOIR_INVALID_PARAMETER  NULL; or no handle
 * @retval RENOIR_CORRUPTED          the region's file was cut short
 */
RENOIR_API RENOIR_NODISCARD RenoirErrorCode renoir_state_reserve(RenoirStateHandle state,
                                                                 void **out_data,
                                                                 size_t *out_size);

/**
 * Makes the first `length` of the reserved bytes the newest version. Never waits; no system call
 * unless a reader sleeps. The bytes must not be written any more.
 *
 * @retval RENOIR_MESSAGE_TOO_LARGE  length is above max_size; the bytes stay reserved
 * @retval RENOIR_INVALID_STATE      nothing is reserved; or opened before a fork
 * @retval RENOIR_PERMISSION_DENIED  this handle is a reader's
 * @retval RENOIR_INVALID_PARAMETER  no handle
 * @retval RENOIR_CORRUPTED          the region's file was cut short
 */
RENOIR_API RenoirErrorCode renoir_state_commit(RenoirStateHandle state, size_t length);

/**
 * Copies the newest whole version.
 *
 * @param[out] buffer       `size` bytes; NULL only if size is 0. Of no use unless the call succeeds
 * @param[out] out_length   its length; with INSUFFICIENT_SPACE that which is needed; else 0
 * @param[out] out_version  its number: 1 for the first ever written, then each one more. May be
 * NULL
 *
 * @retval RENOIR_BUFFER_EMPTY        nothing was written yet
 * @retval RENOIR_INSUFFICIENT_SPACE  it is longer than `size`: call again with more
 * @retval RENOIR_CONCURRENCY_ERROR   the writer overtook each of 100 tries
 * @retval RENOIR_INVALID_STATE       opened before a fork
 * @retval RENOIR_INVALID_PARAMETER   NULL; or no handle
 * @retval RENOIR_CORRUPTED           the shared words contradict themselves, or the region's file
 * was cut short
 *
 * Does not wait; no system call.
 */
RENOIR_API RenoirErrorCode renoir_state_read(
    RenoirStateHandle state, void *buffer, size_t size, size_t *out_length, uint64_t *out_version);

/**
 * Shows the newest whole version in place. The writer may overwrite it while you look, once it has
 * written 15 more: use the bytes, then ask renoir_state_validate() whether they were whole, and
 * only then believe what you made of them.
 *
 * @param[out] out_data     *out_length bytes; valid memory until the handle is closed
 * @param[out] out_length   its length
 * @param[out] out_version  its number, for renoir_state_validate()
 *
 * Statuses as for renoir_state_read(), without INSUFFICIENT_SPACE. Does not wait; no system call.
 */
RENOIR_API RenoirErrorCode renoir_state_peek(RenoirStateHandle state,
                                             const void **out_data,
                                             size_t *out_length,
                                             uint64_t *out_version);

/**
 * Whether the version that was peeked at has been whole up to now.
 *
 * @retval RENOIR_SUCCESS
 * @retval RENOIR_OVERRUN            overwritten while you looked: discard what you read. No record
 * @retval RENOIR_INVALID_STATE      opened before a fork
 * @retval RENOIR_INVALID_PARAMETER  version is 0; or no handle
 *
 * Does not wait; no system call.
 */
RENOIR_API RenoirErrorCode renoir_state_validate(RenoirStateHandle state, uint64_t version);

/**
 * Waits until there is a version newer than known_version (0: any). Looks for a moment, then
 * sleeps; signals do not cut it short.
 *
 * @param timeout_ns  or RENOIR_NO_WAIT, RENOIR_WAIT_FOREVER
 *
 * @retval RENOIR_SUCCESS            there is a newer one
 * @retval RENOIR_BUFFER_EMPTY       there is none, with RENOIR_NO_WAIT
 * @retval RENOIR_TIMEOUT            there was none in that time
 * @retval RENOIR_DISCONNECTED       there is none, and the writer has closed the state or died
 * @retval RENOIR_INVALID_STATE      opened before a fork
 * @retval RENOIR_INVALID_PARAMETER  no handle
 * @retval RENOIR_CORRUPTED          the region's file was cut short
 */
RENOIR_API RenoirErrorCode renoir_state_wait(RenoirStateHandle state,
                                             uint64_t known_version,
                                             uint64_t timeout_ns);

/**
 * The state for a wait set (renoir/waitset.h): READY while there is a version newer than the last
 * one that was read or peeked at with this handle since this call, DISCONNECTED when there is none
 * and the writer is gone. In a region that is open for reading only the set looks every
 * millisecond.
 *
 * Borrowed: it belongs to the handle, and leaves its set when that is closed. NULL: no handle, or
 * from before a fork.
 */
RENOIR_API RenoirWaitableHandle renoir_state_waitable(RenoirStateHandle state);

#ifdef __cplusplus
}
#endif

#endif
