// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_BASE_ERROR_H
#define RNR_BASE_ERROR_H

// This thread's record of its last failure. Written where a failure is discovered; callers pass the
// status on. A message is *what failed: the facts (the remedy)*. Ordinary answers (full, empty,
// time-out, overrun) and hot paths write none.

#include "renoir/status.h"

#define RNR_SOURCE_FILE (&__FILE__[RNR_SOURCE_PREFIX])
// Length of the path before "src/", given by the build; 0 keeps the whole path.
#ifndef RNR_SOURCE_PREFIX
#define RNR_SOURCE_PREFIX 0
#endif

// Records a failure and evaluates to its status.
#define RNR_FAIL(status, ...) rnr_error_set((status), RNR_SOURCE_FILE, __LINE__, __VA_ARGS__)

// The same for a refusal of the system: appends its text for `error` (an errno value).
#define RNR_FAIL_SYSTEM(status, error, ...)                                                        \
    rnr_error_set_system((status), (error), RNR_SOURCE_FILE, __LINE__, __VA_ARGS__)

// Leaves a text behind a success: something asked for that could not be had. Also logged.
#define RNR_NOTE(...) rnr_error_note(RNR_SOURCE_FILE, __LINE__, __VA_ARGS__)

RenoirErrorCode
rnr_error_set(RenoirErrorCode status, const char *file, int line, const char *format, ...)
    RENOIR_PRINTF(4, 5);
RenoirErrorCode rnr_error_set_system(
    RenoirErrorCode status, int error, const char *file, int line, const char *format, ...)
    RENOIR_PRINTF(5, 6);
void rnr_error_note(const char *file, int line, const char *format, ...) RENOIR_PRINTF(3, 4);
// Forgets what an earlier call left: a call that can leave a note starts with it.
void rnr_error_clear(void);

// What renoir_last_error() and renoir_last_error_message() show.
void rnr_error_read(RenoirErrorInfo *out_info);
const char *rnr_error_message(void);

// What renoir_error_string() and renoir_error_name() answer.
const char *rnr_error_text(RenoirErrorCode status);
const char *rnr_error_name(RenoirErrorCode status);

// The status that says what an errno value means, where the caller knows nothing better.
RenoirErrorCode rnr_error_from_errno(int error);

#endif
