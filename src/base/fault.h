// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_BASE_FAULT_H
#define RNR_BASE_FAULT_H

// Named places where a test may let this process die, stop or fail. In a release build there are
// none. RNR_FAULT_POINT itself is in renoir/detail/atomic.h, because inline functions have points
// too.

#include <stdint.h>

#include "renoir/detail/atomic.h"

#ifdef RENOIR_TESTING

enum {
    RNR_FAULT_KILL = 1, // SIGKILL to this process
    RNR_FAULT_STOP = 2, // SIGSTOP to this process, which goes on after SIGCONT
    RNR_FAULT_ERRNO = 3 // RNR_FAULT_SYSTEM_CALL answers the errno given
};

// Arms the point for its nth hit from now on (1: the next). One action per name; the environment
// variable RENOIR_FAULT="name:action:nth[:errno]" arms one in a process that is started.
void rnr_fault_arm(const char *name, int action, uint64_t nth);
void rnr_fault_arm_errno(const char *name, int error, uint64_t nth);
void rnr_fault_disarm_all(void);
// From now on each hit of any point pauses, for up to that many turns of rnr_relax and now and then
// for twenty times as long, at random. 0: not at all. For tests of what may happen in between.
void rnr_fault_dawdle(uint32_t most);
// How often a point was hit in this process.
uint64_t rnr_fault_hits(const char *name);
// errno to fail with now, or 0.
int rnr_fault_errno(const char *name);

#define RNR_FAULT_SYSTEM_CALL(name) rnr_fault_errno(name)
#else
#define RNR_FAULT_SYSTEM_CALL(name) 0
#endif

#endif
