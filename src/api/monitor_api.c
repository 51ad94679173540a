// SPDX-License-Identifier: MIT OR Apache-2.0

#include "renoir/monitor.h"

#include "platform/cpu.h"

RenoirErrorCode
renoir_monitor_pin_thread(const uint32_t *cpus, size_t count, uint32_t realtime_priority)
{
    return rnr_cpu_pin_thread(cpus, count, realtime_priority);
}
