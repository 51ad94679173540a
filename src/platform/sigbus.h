// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_PLATFORM_SIGBUS_H
#define RNR_PLATFORM_SIGBUS_H

// Mapped files that somebody cuts short while we read them.
//
//     Linux    a SIGBUS handler that maps zeros over the rest of the mapping

#include <stdbool.h>
#include <stddef.h>

#include "renoir/detail/atomic.h"
#include "renoir/status.h"

/**
 * Installs the handler for good; the one that was there before gets every fault that is not in a
 * tracked mapping. Idempotent, any thread. PLATFORM_ERROR if the system refuses.
 */
RenoirErrorCode rnr_sigbus_install(void);
bool rnr_sigbus_is_installed(void);

/**
 * From now on a fault in [base, base + length) puts zeros in place of the rest of the mapping and
 * makes *lost 1. The zeros are private and can be written: what a thread stores there after the
 * loss goes nowhere. `lost` must live until the mapping is untracked; base is the start of a page,
 * and no mapping is tracked there yet. A warning in the log says so where too many are tracked
 * already: such a mapping is not guarded.
 */
void rnr_sigbus_track(void *base, size_t length, RnrAtomicU32 *lost);

/** Whether that happened: what was read before this call may be zeros that nobody wrote. */
static inline bool rnr_sigbus_is_lost(const RnrAtomicU32 *lost)
{
    // [sigbus.lost: acquire] A zero from the replacement was read: then the mark is seen here.
    return rnr_load_acquire_u32(lost) != 0;
}

/** Before it is unmapped, when no thread uses it any more. Does nothing if it is not tracked. */
void rnr_sigbus_untrack(void *base);

#endif
