// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RENOIR_STATUS_H
#define RENOIR_STATUS_H

#include <stdint.h>

#include "renoir/export.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @file
 * One status for every call, and this thread's record of its last failure.
 *
 * Lifetime   Names and texts are static. The record lives until this thread's next failure.
 * Threads    Each thread has its own record.
 * Fork       A child starts with a copy of the forking thread's record.
 * Trust      Messages may quote what another process wrote; it is cut to a bounded length and
 *            control characters are replaced.
 */

/* clang-format off */
/** Every status: name, number, text. Zero is success; numbers are never reused. */
#define RENOIR_STATUS_TABLE(X)                                                        \
    X(SUCCESS, 0, "success")                                                          \
    X(INVALID_PARAMETER, 1, "an argument is outside its documented range")            \
    X(OUT_OF_MEMORY, 2, "this process has no memory left")                            \
    X(REGION_NOT_FOUND, 3, "no region of that name exists")                           \
    X(REGION_EXISTS, 4, "a region of that name exists")                               \
    X(INSUFFICIENT_SPACE, 5, "the room given is too small")                           \
    X(BUFFER_FULL, 6, "no room right now")                                            \
    X(BUFFER_EMPTY, 7, "nothing there right now")                                     \
    X(IO_ERROR, 8, "reading or writing a file failed")                                \
    X(SERIALIZATION_ERROR, 9, "the bytes are not what their format says")             \
    X(CONCURRENCY_ERROR, 10, "somebody else is doing that right now")                 \
    X(ALIGNMENT_ERROR, 11, "an address or alignment does not fit")                    \
    X(VERSION_MISMATCH, 12, "made by an incompatible version")                        \
    X(PLATFORM_ERROR, 13, "the operating system refused")                             \
    X(TIMEOUT, 14, "the time allowed has passed")                                     \
    X(DISCONNECTED, 15, "the other side is gone")                                     \
    X(MESSAGE_TOO_LARGE, 16, "larger than this channel ever carries")                 \
    X(INVALID_STATE, 17, "not possible in the state the object is in")                \
    X(UNSUPPORTED, 18, "this build or machine cannot do that")                        \
    X(CORRUPTED, 19, "shared memory contradicts itself")                              \
    X(NOT_FOUND, 20, "no object of that name exists")                                 \
    X(EXISTS, 21, "an object of that name exists")                                    \
    X(PERMISSION_DENIED, 22, "the owner does not allow that")                         \
    X(LIMIT_REACHED, 23, "an agreed limit is reached")                                \
    X(OVERRUN, 24, "the writer has overtaken this reader")                            \
    X(UNKNOWN_ERROR, 99, "unknown error")
/* clang-format on */

/** What every call returns. BUFFER_FULL, BUFFER_EMPTY, TIMEOUT and OVERRUN are ordinary answers:
 *  they leave no record. */
typedef enum RenoirErrorCode {
#define RENOIR_STATUS_ENUMERATOR(name, value, text) RENOIR_##name = value,
    RENOIR_STATUS_TABLE(RENOIR_STATUS_ENUMERATOR)
#undef RENOIR_STATUS_ENUMERATOR
} RenoirErrorCode;

/** The same under its other published name. */
typedef RenoirErrorCode renoir_result_t;

/** A thread's last failure. */
typedef struct RenoirErrorInfo {
    RenoirErrorCode code;    /**< RENOIR_SUCCESS if this thread has not failed yet. */
    const char *message;     /**< What failed: the facts (the remedy). "" if nothing did. */
    const char *source_file; /**< Where in the library it was found, below its source folder. */
    uint32_t source_line;
} RenoirErrorInfo;

/** The text of a status; "unknown error" for numbers that are none. Static. Safe in a signal
 *  handler. */
RENOIR_API const char *renoir_error_string(RenoirErrorCode code);

/** The name of a status, "RENOIR_TIMEOUT"; "RENOIR_UNKNOWN_ERROR" for numbers that are none.
 *  Static. */
RENOIR_API const char *renoir_error_name(RenoirErrorCode code);

/**
 * This thread's last failure as one line: what failed, the facts, the remedy. "" if there was none.
 * After a success it may hold a note about something that was asked for and could not be had, such
 * as huge pages. Valid until this thread's next failure.
 */
RENOIR_API const char *renoir_last_error_message(void);

/** This thread's whole record. Its strings live until this thread's next failure. NULL is ignored.
 */
RENOIR_API void renoir_last_error(RenoirErrorInfo *out_info);

#ifdef __cplusplus
}
#endif

#endif
