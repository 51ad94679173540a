// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_LAYOUT_LAYOUT_H
#define RNR_LAYOUT_LAYOUT_H

// What every layout in shared memory has in common. Files of unequal version or fingerprint refuse
// each other; a change of any offset below this folder raises the version.

#include <stdint.h>

#include "renoir/detail/atomic.h"
#include "renoir/detail/layout.h"

#define RNR_LAYOUT_VERSION 2

// Written as a number: who reads it otherwise has the other byte order.
#define RNR_LAYOUT_BYTE_ORDER UINT32_C(0x01020304)

// One step of FNV-1a over whole numbers.
#define RNR_LAYOUT_MIX(hash, number)                                                               \
    ((((uint64_t)(hash)) ^ (uint64_t)(number)) * UINT64_C(0x100000001b3))

// The constants that two builds must share, as one number; the same with 32 and with 64 bits.
#define RNR_LAYOUT_FINGERPRINT                                                                     \
    RNR_LAYOUT_MIX(RNR_LAYOUT_MIX(RNR_LAYOUT_MIX(RNR_LAYOUT_MIX(UINT64_C(0xcbf29ce484222325),      \
                                                                RNR_CACHE_PAIR),                   \
                                                 sizeof(RnrAtomicU64)),                            \
                                  _Alignof(RnrAtomicU64)),                                         \
                   sizeof(RnrAtomicU32))

RNR_STATIC_ASSERT(RNR_CACHE_PAIR == 128, "the distance of two writers is part of the layout");
RNR_STATIC_ASSERT(_Alignof(RnrAtomicU64) == 8, "cells lie at the same offsets on 32 bits");

#endif
