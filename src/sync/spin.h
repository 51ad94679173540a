// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_SYNC_SPIN_H
#define RNR_SYNC_SPIN_H

// How long a wait looks again and again before it sleeps.
//
// A futex wake-up takes 20 to 40 microseconds, so looking for about that long costs at most as much
// again and spares the kernel whenever the other side is busy. Where the machine has one CPU only,
// looking keeps the other side from running: then it sleeps at once. (This process being pinned to
// one CPU says nothing: the other side runs elsewhere.)

#include <stdbool.h>
#include <stdint.h>

#include "platform/clock.h"
#include "platform/cpu.h"
#include "renoir/library.h"

// Chosen by the wake-up times in the kernel of two machines; flat between 30 and 100.
#define RNR_SPIN_DEFAULT_NS RENOIR_MICROSECONDS(50)

// The caller's spin_ns, resolved: 0 becomes the default, RENOIR_SPIN_NEVER becomes 0.
static inline uint64_t rnr_spin_resolve(uint64_t spin_ns)
{
    if (spin_ns == RENOIR_SPIN_NEVER) {
        return 0;
    }
    if (spin_ns != 0) {
        return spin_ns;
    }
    return rnr_cpu_online_count() >= 2 ? RNR_SPIN_DEFAULT_NS : 0;
}

// Whether to look again before `until_ns`. Reading the clock between two looks leaves the other
// side's line alone for a moment, which shortens the round trip more than a pause does.
static inline bool rnr_spin_again(uint64_t until_ns)
{
    return rnr_clock_now_ns() < until_ns;
}

#endif
