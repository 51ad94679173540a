// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_PLATFORM_PARK_H
#define RNR_PLATFORM_PARK_H

// Sleep until a 32-bit word in shared memory changes, across processes.
//
//     Linux    futex, shared; works on read-only mappings
//
// For all functions: word is 4-byte aligned and lies in a mapping of a shared memory object.

#include <stdint.h>

#include "renoir/detail/atomic.h"
#include "renoir/status.h"

/**
 * Returns when the word is no longer `expected`, when somebody wakes it, or when the deadline (on
 * the clock of rnr_clock_now_ns) has passed; also for no reason at all. Callers look again.
 *
 * Atomic with rnr_park_wake: a wake that happens after the comparison is not lost.
 * Returns SUCCESS (look again) or TIMEOUT (the deadline has passed); CORRUPTED where the page
 * behind the word is gone. A signal ends it early at most.
 */
RenoirErrorCode rnr_park_wait(const RnrAtomicU32 *word, uint32_t expected, uint64_t deadline_ns);

/** Wakes at most `count` waiters; UINT32_MAX for everyone. Never blocks. Safe with no waiters. */
void rnr_park_wake(const RnrAtomicU32 *word, uint32_t count);

#endif
