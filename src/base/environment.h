// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_BASE_ENVIRONMENT_H
#define RNR_BASE_ENVIRONMENT_H

// Every environment variable that the library reads; nothing else calls getenv().
//
//     RENOIR_SHM_PATH        the root: an absolute path
//     RENOIR_DEFAULT_ALIGN   bytes, a power of two up to the page size
//     RENOIR_LOG             a level, or renoir=level; empty: RUST_LOG says it
//
// A value that a variable cannot have is RENOIR_INVALID_PARAMETER with a record that names it.

#include <stdint.h>

#include "renoir/status.h"

// All of them.
RenoirErrorCode rnr_environment_check(void);

// The root, "/dev/shm" where nobody says otherwise. Valid until the program changes its
// environment.
RenoirErrorCode rnr_environment_shm_path(const char **out_path);

// 64 where nobody says otherwise. Read once: the first good value holds for this process.
RenoirErrorCode rnr_environment_default_align(uint32_t *out_align);

// RENOIR_LOG_*, 0: silence. The second one leaves no record and takes a bad value for silence.
RenoirErrorCode rnr_environment_log_level(uint32_t *out_level);
uint32_t rnr_environment_log_level_or_silence(void);

#endif
