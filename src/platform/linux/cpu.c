// SPDX-License-Identifier: MIT OR Apache-2.0
// platform/linux/cpu.c: affinity and scheduling of a thread.

#include "platform/cpu.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"

enum {
    CPU_MAX = 8192, // the most that a kernel is built for
    BITS_PER_WORD = sizeof(unsigned long) * CHAR_BIT,
    PRIORITY_MAX = 99
};

// A set of CPUs as the kernel has it; the C library's cpu_set_t ends at 1024.
typedef struct CpuSet {
    unsigned long words[CPU_MAX / BITS_PER_WORD];
} CpuSet;

// Scheduling of a thread. Called directly: musl refuses these calls, because POSIX wants them to
// mean a whole process.
typedef struct Scheduling {
    int policy;   // SCHED_*, with SCHED_RESET_ON_FORK where that is set
    int priority; // all that the kernel's sched_param has
} Scheduling;

static bool has_cpu(const CpuSet *set, uint32_t cpu)
{
    return (set->words[cpu / BITS_PER_WORD] >> (cpu % BITS_PER_WORD) & 1) != 0;
}

static bool read_affinity(CpuSet *out_set)
{
    memset(out_set, 0, sizeof *out_set);
    return syscall(SYS_sched_getaffinity, 0, sizeof *out_set, out_set) > 0;
}

static bool write_affinity(const CpuSet *set)
{
    return syscall(SYS_sched_setaffinity, 0, sizeof *set, set) == 0;
}

static bool read_scheduling(Scheduling *out_scheduling)
{
    out_scheduling->policy = (int)syscall(SYS_sched_getscheduler, 0);
    return out_scheduling->policy >= 0 &&
           syscall(SYS_sched_getparam, 0, &out_scheduling->priority) == 0;
}

static bool write_scheduling(const Scheduling *scheduling)
{
    return syscall(SYS_sched_setscheduler, 0, scheduling->policy, &scheduling->priority) == 0;
}

uint32_t rnr_cpu_count(void)
{
    CpuSet set;
    uint32_t count = 0;

    if (read_affinity(&set)) {
        for (uint32_t cpu = 0; cpu < CPU_MAX; ++cpu) {
            count += has_cpu(&set, cpu) ? 1 : 0;
        }
    }
    return count == 0 ? 1 : count;
}

uint32_t rnr_cpu_online_count(void)
{
    const long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count < 1 ? 1 : (uint32_t)count;
}

static RenoirErrorCode cpu_is_missing(uint32_t cpu)
{
    return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                    "cannot pin this thread: CPU %u is not there, or not for this process (see "
                    "lscpu and taskset -p)",
                    cpu);
}

static RenoirErrorCode pin(const uint32_t *cpus, size_t count, const CpuSet *before)
{
    CpuSet wanted = {{0}};
    CpuSet granted;

    for (size_t i = 0; i < count; ++i) {
        if (cpus[i] >= CPU_MAX) {
            return cpu_is_missing(cpus[i]);
        }
        wanted.words[cpus[i] / BITS_PER_WORD] |= 1ul << (cpus[i] % BITS_PER_WORD);
    }
    if (!write_affinity(&wanted)) {
        const int error = errno;
        if (error == EINVAL) { // none of them is there
            return cpu_is_missing(cpus[0]);
        }
        return RNR_FAIL_SYSTEM(rnr_error_from_errno(error), error, "cannot pin this thread");
    }

    // The kernel leaves out CPUs that are not there, without a word.
    const bool is_known = read_affinity(&granted);
    for (size_t i = 0; i < count; ++i) {
        if (!is_known || !has_cpu(&granted, cpus[i])) {
            (void)write_affinity(before);
            return cpu_is_missing(cpus[i]);
        }
    }
    return RENOIR_SUCCESS;
}

static RenoirErrorCode schedule(uint32_t realtime_priority)
{
    Scheduling scheduling;
    struct rlimit limit = {0, 0};

    if (!read_scheduling(&scheduling)) {
        return RNR_FAIL_SYSTEM(RENOIR_PLATFORM_ERROR, errno, "cannot read how this thread runs");
    }
    const int kept_flag = scheduling.policy & SCHED_RESET_ON_FORK;
    const int wanted = realtime_priority > 0 ? SCHED_FIFO : SCHED_OTHER;
    if (scheduling.policy == (wanted | kept_flag) &&
        scheduling.priority == (int)realtime_priority) {
        return RENOIR_SUCCESS;
    }

    scheduling.policy = wanted | kept_flag;
    scheduling.priority = (int)realtime_priority;
    if (write_scheduling(&scheduling)) {
        return RENOIR_SUCCESS;
    }
    const int error = errno;
    if (error != EPERM) {
        return RNR_FAIL_SYSTEM(rnr_error_from_errno(error), error,
                               "cannot change how this thread runs");
    }
    (void)getrlimit(RLIMIT_RTPRIO, &limit);
    return RNR_FAIL(
        RENOIR_PERMISSION_DENIED,
        "cannot schedule this thread with priority %u: %llu is the limit (raise it with "
        "ulimit -r, or give the program CAP_SYS_NICE)",
        realtime_priority, (unsigned long long)limit.rlim_cur);
}

RenoirErrorCode rnr_cpu_pin_thread(const uint32_t *cpus, size_t count, uint32_t realtime_priority)
{
    CpuSet before;

    if (cpus == NULL && count > 0) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER, "cannot pin this thread: cpus is NULL");
    }
    if (realtime_priority > PRIORITY_MAX) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                        "cannot schedule this thread: priority %u, at most %d expected",
                        realtime_priority, PRIORITY_MAX);
    }
    if (count == 0) {
        return schedule(realtime_priority);
    }
    if (!read_affinity(&before)) {
        return RNR_FAIL_SYSTEM(RENOIR_PLATFORM_ERROR, errno,
                               "cannot pin this thread: its CPUs are not known");
    }

    RenoirErrorCode status = pin(cpus, count, &before);
    if (status == RENOIR_SUCCESS) {
        status = schedule(realtime_priority);
        if (status != RENOIR_SUCCESS) {
            (void)write_affinity(&before);
        }
    }
    return status;
}
