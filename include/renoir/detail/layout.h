// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RENOIR_DETAIL_LAYOUT_H
#define RENOIR_DETAIL_LAYOUT_H

// Bytes that cross a process boundary: every offset is asserted where the type is declared, and
// scripts/check_layout compares these lines with what was released.

#include <stddef.h>

#include "renoir/detail/atomic.h"

// One writer per pair of 64-byte lines: x86 prefetches lines in pairs, and some processors have
// lines of 128 bytes. Part of the layout: it must not follow the machine.
#define RNR_CACHE_PAIR 128

#define RNR_LAYOUT_FIELD(type, field, bytes)                                                       \
    RNR_STATIC_ASSERT(offsetof(type, field) == (bytes), #type "." #field " has moved")
#define RNR_LAYOUT_SIZE(type, bytes)                                                               \
    RNR_STATIC_ASSERT(sizeof(type) == (bytes), #type " has another size")

#endif
