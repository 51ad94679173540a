// SPDX-License-Identifier: MIT OR Apache-2.0
// platform/linux/barrier.c: the asymmetric barrier, by membarrier(2).
//
// A registration belongs to the address space: all threads share it, fork() copies it with the rest
// (dup_mm copies mm->membarrier_state), exec() clears it. It is asked for again in a child all the
// same: once per process, it costs nothing, and other kernels may do otherwise.

#include "platform/barrier.h"

#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fault.h"
#include "platform/lock.h"
#include "renoir/detail/atomic.h"

// From linux/membarrier.h, which not every C library comes with.
enum {
    MEMBARRIER_CMD_GLOBAL_EXPEDITED = 1 << 1,
    MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED = 1 << 2
};

// The fork generation that is registered, + 1. Any thread, always the same value.
static RnrAtomicU64 registered;

static bool call(int command)
{
    return RNR_FAULT_SYSTEM_CALL("membarrier") == 0 && syscall(SYS_membarrier, command, 0, 0) == 0;
}

bool rnr_barrier_register(void)
{
    const uint64_t mark = rnr_fork_generation() + 1;

    // [hint: relaxed] A thread that sees an old value registers once more.
    if (rnr_load_relaxed_u64(&registered) == mark) {
        return true;
    }
    if (!call(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED)) {
        return false;
    }
    // [hint: relaxed] The kernel knows it, whoever reads this.
    rnr_store_relaxed_u64(&registered, mark);
    return true;
}

bool rnr_barrier_run(void)
{
    // [ring.sleep: seq_cst] S2, the caller's part: all there is where the system call is refused,
    // and all that tools see which do not know it.
    rnr_fence_seq_cst();
    return call(MEMBARRIER_CMD_GLOBAL_EXPEDITED);
}
