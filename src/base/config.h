// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_BASE_CONFIG_H
#define RNR_BASE_CONFIG_H

// Options structs that can grow: imported once, at the border, into today's full struct.

#include <stddef.h>
#include <stdint.h>

#include "renoir/status.h"

// Copies a caller's options (NULL: all zero) into `ours`. `theirs` begins with uint32_t
// struct_size. An older caller's missing tail is zero; a newer caller's unknown tail must be zero,
// else RENOIR_UNSUPPORTED. `what` names the struct in messages.
RenoirErrorCode rnr_config_import(
    void *ours, size_t our_size, size_t oldest_size, const void *theirs, const char *what);

// RENOIR_UNSUPPORTED if `flags` has a bit that is not in `known`.
RenoirErrorCode rnr_config_check_flags(uint32_t flags, uint32_t known, const char *what);

#endif
