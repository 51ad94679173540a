// SPDX-License-Identifier: MIT OR Apache-2.0
// platform/linux/park.c: sleeping on a word, by futex.

#include "platform/park.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "platform/clock.h"

// From linux/futex.h, which not every C library comes with. Not the private forms: the word is
// shared between processes.
enum { FUTEX_WAKE = 1, FUTEX_WAIT_BITSET = 9 };
#define FUTEX_BITSET_MATCH_ANY UINT32_MAX

// The kernel's own idea of a time; the C library's may have another width on 32 bits.
#ifdef SYS_futex
#define FUTEX_CALL SYS_futex
typedef struct KernelTime {
    long seconds;
    long nanoseconds;
} KernelTime;
enum { HAS_LONG_SECONDS = 1 };
#else
#define FUTEX_CALL SYS_futex_time64
typedef struct KernelTime {
    long long seconds;
    long long nanoseconds;
} KernelTime;
enum { HAS_LONG_SECONDS = 0 };
#endif

// Where the system refuses futexes, sleepers look again this often.
#define NAP_NS UINT64_C(1000000)

static KernelTime to_kernel_time(uint64_t time_ns)
{
    const uint64_t seconds = time_ns / 1000000000;
    KernelTime time = {.nanoseconds = (long)(time_ns % 1000000000)};

    if (HAS_LONG_SECONDS && seconds > LONG_MAX) {
        time.seconds = LONG_MAX;
    } else {
        time.seconds = (__typeof__(time.seconds))seconds;
    }
    return time;
}

RenoirErrorCode rnr_park_wait(const RnrAtomicU32 *word, uint32_t expected, uint64_t deadline_ns)
{
    const KernelTime deadline = to_kernel_time(deadline_ns);
    const KernelTime *limit = deadline_ns == UINT64_MAX ? NULL : &deadline;

    // FUTEX_WAIT_BITSET takes a moment of CLOCK_MONOTONIC, FUTEX_WAIT only a duration.
    if (syscall(FUTEX_CALL, word, FUTEX_WAIT_BITSET, expected, limit, NULL,
                FUTEX_BITSET_MATCH_ANY) == 0) {
        return RENOIR_SUCCESS;
    }
    switch (errno) {
    case EAGAIN: // it is not `expected`
    case EINTR:
        return RENOIR_SUCCESS;
    case ETIMEDOUT:
        return RENOIR_TIMEOUT;
    case EFAULT:
        return RNR_FAIL(RENOIR_CORRUPTED,
                        "cannot wait: the file behind the shared word was cut short (make the "
                        "object anew)");
    default:
        break;
    }
    if (rnr_clock_now_ns() >= deadline_ns) {
        return RENOIR_TIMEOUT;
    }
    rnr_clock_sleep_ns(NAP_NS);
    return RENOIR_SUCCESS;
}

void rnr_park_wake(const RnrAtomicU32 *word, uint32_t count)
{
    const uint32_t most = count > INT_MAX ? INT_MAX : count; // the kernel takes an int
    const int error = errno;                                 // wakers may be signal handlers

    (void)syscall(FUTEX_CALL, word, FUTEX_WAKE, most, NULL, NULL, 0);
    errno = error;
}
