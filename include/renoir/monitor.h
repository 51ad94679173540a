// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RENOIR_MONITOR_H
#define RENOIR_MONITOR_H

#include <stddef.h>
#include <stdint.h>

#include "renoir/export.h"
#include "renoir/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @file
 * How a thread runs: on which CPUs, and with what scheduling.
 *
 * Lifetime   Settings last until they are changed or the thread ends.
 * Threads    Each call concerns the calling thread.
 * Fork       A child's thread inherits them.
 * Trust      Nothing here reads what another process wrote.
 */

/**
 * Pins this thread and chooses its scheduling.
 *
 * @param cpus               the CPUs it may run on, by number; NULL with count 0: leave as it is
 * @param realtime_priority  1 to 99: first in, first out (SCHED_FIFO); 0: ordinary scheduling
 *
 * @retval RENOIR_INVALID_PARAMETER  a CPU that is not there, or a priority above 99
 * @retval RENOIR_PERMISSION_DENIED  real-time scheduling needs CAP_SYS_NICE or a limit (ulimit -r);
 *                                   nothing is changed
 */
RENOIR_API RenoirErrorCode renoir_monitor_pin_thread(const uint32_t *cpus,
                                                     size_t count,
                                                     uint32_t realtime_priority);

#ifdef __cplusplus
}
#endif

#endif
