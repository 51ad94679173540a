// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Every RENOIR_INLINE function once more, as an ordinary exported one, for bindings.

#include "renoir/export.h"

#undef RENOIR_INLINE
#define RENOIR_INLINE RENOIR_API

// Those that their header defines at once have no prototype before.
#pragma GCC diagnostic ignored "-Wmissing-prototypes"

#include "renoir.h"
