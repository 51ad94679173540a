// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_BASE_LOG_H
#define RNR_BASE_LOG_H

// The log. Nothing on a hot path logs; where nobody listens a call costs one load.

#include <stdbool.h>
#include <stdint.h>

#include "renoir/library.h"

// level: RENOIR_LOG_*. One line, without a newline; what is too long is cut. Keeps errno.
void rnr_log(uint32_t level, const char *format, ...) RENOIR_PRINTF(2, 3);

// Whether a line of this level goes anywhere.
bool rnr_log_is_on(uint32_t level);

// What renoir_set_log does. A reader that runs at the same time uses the old or the new one.
void rnr_log_set(uint32_t max_level, RenoirLogFunction log, void *user);

#endif
