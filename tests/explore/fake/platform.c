// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The machine, as explorations see it: sleeping, time, the barrier.

#include "base/memory.h"
#include "engine.h"
#include "platform/barrier.h"
#include "platform/clock.h"
#include "platform/cpu.h"
#include "platform/lock.h"
#include "platform/park.h"
#include "platform/process.h"

// A futex compares and goes to sleep in one step, with the newest value; a process that has seen it
// there sees no older one later. Nothing else is promised, so nothing else is taken over.
RenoirErrorCode rnr_park_wait(const RnrAtomicU32 *word, uint32_t expected, uint64_t deadline_ns)
{
    process_point("park");
    const uint32_t now = memory_peek_u32(word);

    if (now != expected) {
        TRACE("does not sleep: %s is %u, not %u", memory_name(word), now, expected);
        return RENOIR_SUCCESS;
    }
    if (deadline_ns <= engine.now_ns) {
        return RENOIR_TIMEOUT;
    }
    TRACE("sleeps on %s", memory_name(word));
    process_park(word, deadline_ns);
    const bool was_woken = engine.processes[engine.running].was_woken;
    TRACE("%s", was_woken ? "is woken" : "wakes: its time is over");
    return was_woken ? RENOIR_SUCCESS : RENOIR_TIMEOUT;
}

void rnr_park_wake(const RnrAtomicU32 *word, uint32_t count)
{
    if (engine.running < 0) {
        return;
    }
    process_point("wake");
    const unsigned woken = process_wake(word, count);
    TRACE("wakes %u on %s", woken, memory_name(word));
}

uint64_t rnr_clock_now_ns(void)
{
    engine.now_ns += engine.tried->clock_step_ns;
    return engine.now_ns;
}

uint64_t rnr_clock_wall_ns(void)
{
    return engine.now_ns;
}

void rnr_clock_sleep_ns(uint64_t duration_ns)
{
    engine.now_ns += duration_ns;
    process_relax();
}

static bool is_reachable(unsigned process)
{
    return process == EXPLORE_CHECKER ||
           !engine.tried->roles[engine.processes[process].role].is_unreachable;
}

bool rnr_barrier_register(void)
{
    return is_reachable(explore_self());
}

// A fence here, one in each registered process at some moment of the call, and one here again.
// Those that have nothing more to do still are such processes; what the dead had stored is there.
bool rnr_barrier_run(void)
{
    if (engine.running < 0) {
        return true;
    }
    const unsigned me = (unsigned)engine.running;
    process_point("barrier");
    TRACE("barrier");
    memory_fence(me, __ATOMIC_SEQ_CST);
    for (unsigned i = 0; i < engine.process_count; ++i) {
        if (i == me || !(is_reachable(i) || explore_has_died(i))) {
            continue;
        }
        if (!explore_has_ended(i)) {
            process_point("barrier");
        }
        memory_fence(i, __ATOMIC_SEQ_CST);
    }
    memory_fence(me, __ATOMIC_SEQ_CST);
    return true;
}

uint32_t rnr_cpu_online_count(void)
{
    return 1;
}

uint32_t rnr_cpu_count(void)
{
    return 1;
}

uint64_t rnr_fork_generation(void)
{
    return 0;
}

const RnrAtomicU64 *rnr_fork_generation_cell(void)
{
    return rnr_new(RnrAtomicU64);
}

int64_t rnr_process_id(void)
{
    return (int64_t)explore_self() + 1;
}
