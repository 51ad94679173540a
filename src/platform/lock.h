// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_PLATFORM_LOCK_H
#define RNR_PLATFORM_LOCK_H

// Byte locks that live exactly as long as this process's address space, and questions about those
// of others. The kernel drops them at any death, and their release proves that no instruction of
// that process can run any more.
//
//     Linux    F_OFD_SETLK on a file description of its own, one page of which is mapped with
//              MADV_DONTFORK before the descriptor is closed: it survives closefrom(), costs no
//              descriptor, and no forked child inherits it

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "renoir/detail/atomic.h"
#include "renoir/status.h"

/** Locks held for life, all on one file description. All zero: none. */
typedef struct RnrLock {
    void *page; // both private to the platform
    uint64_t generation;
} RnrLock;

/** One byte of a file. */
typedef struct RnrLockByte {
    uint64_t byte;
    bool is_exclusive; // F_WRLCK, which needs a writable file; else F_RDLCK
} RnrLockByte;

/**
 * Locks all the bytes, or none. fd: any descriptor of the file; a description of its own is opened.
 * Returns SUCCESS, CONCURRENCY_ERROR (another description holds one of them; no record is left), or
 * PERMISSION_DENIED, PLATFORM_ERROR.
 */
RenoirErrorCode rnr_lock_take(int fd, const RnrLockByte *bytes, size_t count, RnrLock *out_lock);

/** The same, for a thread that holds a guard. */
RenoirErrorCode
rnr_lock_take_guarded(int fd, const RnrLockByte *bytes, size_t count, RnrLock *out_lock);

/** Gives them back. Does nothing if none are held, and in a forked child. */
void rnr_lock_release(RnrLock *lock);

/**
 * Whether somebody, this process included, holds the byte exclusively. Read locks do not count: any
 * reader can take one. Errors count as held: "not known to be dead" is alive.
 */
bool rnr_lock_is_held(int fd, uint64_t byte);

/** A lock for a few instructions, on a description of its own. No fork happens while it is held. */
typedef struct RnrGuard {
    int fd;
} RnrGuard;

/**
 * Tries for at most wait_ns, then CONCURRENCY_ERROR (no record). Do not call anything that forks or
 * takes another lock or guard, but by rnr_lock_take_guarded, while one is held by this thread.
 */
RenoirErrorCode rnr_guard_begin(int fd, uint64_t byte, uint64_t wait_ns, RnrGuard *out_guard);
void rnr_guard_end(RnrGuard *guard);

/**
 * A number that is another one in every forked child: a handle made under another number does not
 * work here.
 */
uint64_t rnr_fork_generation(void);

/** Where that number is, for calls that have no time to ask: changes in a child's first moment
 *  alone. Static. */
const RnrAtomicU64 *rnr_fork_generation_cell(void);

#endif
