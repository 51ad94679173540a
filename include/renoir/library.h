// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RENOIR_LIBRARY_H
#define RENOIR_LIBRARY_H

#include <stdint.h>

#include "renoir/export.h"
#include "renoir/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @file
 * The library as a whole: version, time, limits, logging, memory it uses.
 *
 * Lifetime   There is nothing to shut down.
 * Threads    Any thread may call any function at any time.
 * Fork       Everything here works in a child.
 * Trust      Nothing here reads what another process wrote.
 */

/** timeout_ns: do not wait, answer "full" or "empty". */
#define RENOIR_NO_WAIT UINT64_C(0)
/** timeout_ns: no limit. */
#define RENOIR_WAIT_FOREVER UINT64_MAX
/** spin_ns: go to sleep at once. */
#define RENOIR_SPIN_NEVER UINT64_C(1)
/** spin_ns: never sleep. */
#define RENOIR_SPIN_ALWAYS UINT64_MAX

/** Durations in nanoseconds. */
#define RENOIR_MICROSECONDS(n) ((uint64_t)(n)*UINT64_C(1000))
#define RENOIR_MILLISECONDS(n) ((uint64_t)(n)*UINT64_C(1000000))
#define RENOIR_SECONDS(n) ((uint64_t)(n)*UINT64_C(1000000000))

/** The longest name in bytes, without the final NUL: of what a manager keeps, and of an object in
 *  a region. */
enum { RENOIR_NAME_MAX = 255, RENOIR_OBJECT_NAME_MAX = 63 };

/** Roles, for every kind of ring. */
enum { RENOIR_PRODUCER = 1, RENOIR_CONSUMER = 2 };

/** Levels of the log. */
enum { RENOIR_LOG_ERROR = 1, RENOIR_LOG_WARNING = 2, RENOIR_LOG_INFO = 3, RENOIR_LOG_DEBUG = 4 };

/**
 * Reads the environment now, so that errors in it show. Optional, repeatable, from any thread:
 * every other call does it on demand, and there is nothing to undo.
 *
 * @retval RENOIR_INVALID_PARAMETER  a variable has a value it cannot have; the message names it
 */
RENOIR_API RenoirErrorCode renoir_init(void);

/** The version of the library that runs. */
RENOIR_API uint32_t renoir_version_major(void);
/** The version of the library that runs. */
RENOIR_API uint32_t renoir_version_minor(void);
/** The version of the library that runs. */
RENOIR_API uint32_t renoir_version_patch(void);
/** "0.1.0". Static: nothing to free. */
RENOIR_API const char *renoir_version_string(void);

/** Nanoseconds of the monotonic clock behind every timestamp and timeout; comparable between the
 *  processes of one machine. */
RENOIR_API uint64_t renoir_now_ns(void);

/**
 * Installs the one signal handler that Renoir ever installs, for SIGBUS; it passes on to the
 * handler that was there what is not Renoir's. A mapped file that somebody cuts short then reads
 * as zeros and its object answers RENOIR_CORRUPTED, instead of ending the process. Without it, a
 * file that another user owns is not mapped (RENOIR_PERMISSION_DENIED). Once is enough.
 *
 * @retval RENOIR_PLATFORM_ERROR  the system refused the handler
 */
RENOIR_API RenoirErrorCode renoir_sigbus_guard_install(void);

/** Receives one line of the log, without a newline, on the thread that logs. */
typedef void (*RenoirLogFunction)(uint32_t level, const char *line, void *user);

/**
 * Sends the log to `log`: lines of at most max_level (RENOIR_LOG_*). NULL, as at first, means
 * silence, or stderr if the environment variable RENOIR_LOG is set (error, warning, info, debug, or
 * renoir=debug; set but empty: the level of RUST_LOG). Nothing is ever logged from a hot path.
 */
RENOIR_API void renoir_set_log(uint32_t max_level, RenoirLogFunction log, void *user);

/** What the library has allocated from the C library, in this process. */
typedef struct RenoirMemoryStats {
    uint64_t allocated_bytes;  /**< in use now */
    uint64_t peak_bytes;       /**< the most that was in use at once */
    uint64_t allocation_count; /**< since the process began */
    uint64_t deallocation_count;
    uint64_t mapped_bytes; /**< shared memory mapped now */
    uint64_t reserved[3];
} RenoirMemoryStats;

/** What the library uses in this process. NULL is RENOIR_INVALID_PARAMETER. */
RENOIR_API RenoirErrorCode renoir_memory_stats(RenoirMemoryStats *out_stats);

#ifdef __cplusplus
}
#endif

#endif
