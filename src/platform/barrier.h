// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_PLATFORM_BARRIER_H
#define RNR_PLATFORM_BARRIER_H

// The asymmetric barrier: one side pays for both. Costs 0.5 to 10 microseconds.
//
//     Linux    membarrier, global expedited

#include <stdbool.h>

/**
 * Lets this process's threads be reached by other processes' rnr_barrier_run. False where the
 * system cannot: then this process must fence itself. Idempotent and cheap when done already; done
 * anew in a child.
 */
bool rnr_barrier_register(void);

/**
 * A full fence in this thread and, if it returns true, in every thread of each registered process.
 * False: a full fence in this thread only.
 */
bool rnr_barrier_run(void);

#endif
