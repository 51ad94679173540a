// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_PLATFORM_PROCESS_H
#define RNR_PLATFORM_PROCESS_H

// This process.

#include <stddef.h>
#include <stdint.h>

#include "renoir/status.h"

/** Its number, for people. */
int64_t rnr_process_id(void);
/** Its program's name, cut to size. */
void rnr_process_name(char *name, size_t size);
/** Bytes that nobody can foretell. */
RenoirErrorCode rnr_process_random(void *bytes, size_t length);

#endif
