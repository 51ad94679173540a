// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_PLATFORM_CPU_H
#define RNR_PLATFORM_CPU_H

// Processors and how threads run on them.

#include <stddef.h>
#include <stdint.h>

#include "renoir/status.h"

/** CPUs that this process may use; at least 1. */
uint32_t rnr_cpu_count(void);

/** CPUs that some process may use; at least 1. Another process can run while this one does only if
 *  there are two. */
uint32_t rnr_cpu_online_count(void);

/** Pins the calling thread (count 0: leaves it) and sets its scheduling (0: ordinary). See
 *  renoir_monitor_pin_thread for the statuses. */
RenoirErrorCode rnr_cpu_pin_thread(const uint32_t *cpus, size_t count, uint32_t realtime_priority);

/** Tells the processor that this is a polling loop. */
static inline void rnr_cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
    __asm__ __volatile__("yield" ::: "memory");
#else
    __asm__ __volatile__("" ::: "memory");
#endif
}

#endif
