// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_LAYOUT_NOTIFIER_SHM_H
#define RNR_LAYOUT_NOTIFIER_SHM_H

// A notifier (RNR_OBJECT_NOTIFIER), as it lies in a region.
//
//     0          128            256            384          512            1024         1280
//     ┌──────────┬──────────────┬──────────────┬────────────┬──────────────┬────────────┐
//     │ terms    │ count        │ attention    │ statistics │ addresses    │ times      │
//     │ creator  │ whoever      │ who sleeps,  │ cold       │ wait sets    │ whoever    │
//     │          │ notifies     │ on or off    │            │              │ notifies   │
//     └──────────┴──────────────┴──────────────┴────────────┴──────────────┴────────────┘
//
// The attention pair is quiet while nobody sleeps. Times are kept only where there is an interval.

#include <stdint.h>

#include "layout/layout.h"
#include "renoir/detail/atomic.h"

#define RNR_NOTIFIER_BATCH_SLEEPS (1u << 0) // bits of `sleepers`: until the next whole batch
#define RNR_NOTIFIER_FIRST_SLEEPS (1u << 1) // until the next notification

enum { RNR_NOTIFIER_ADDRESSES = 64, RNR_NOTIFIER_TIMES = 32 };

typedef struct RnrNotifierShm {
    uint64_t every_count; // creator; at least 1
    uint64_t every_ns;    // creator; 0: no interval
    uint8_t pad_terms[RNR_CACHE_PAIR - 16];

    RnrAtomicU64 count; // whoever notifies, by adding 1: notifications since it was made
    uint8_t pad_count[RNR_CACHE_PAIR - 8];

    RnrAtomicU32 sleepers;    // sleepers set their bit, ringers clear it; a hint
    RnrAtomicU32 bells[2];    // ringers, by adding 1; [0] batch, [1] first
    RnrAtomicU32 is_disabled; // whoever enables and disables
    RnrAtomicU64 announced;   // sync/audience.c; hints
    uint8_t pad_attention[RNR_CACHE_PAIR - 24];

    RnrAtomicU64 wakes;      // ringers: how often somebody was woken
    RnrAtomicU64 timeouts;   // waiters
    RnrAtomicU64 suppressed; // whoever notified while it was disabled
    uint8_t pad_statistics[RNR_CACHE_PAIR - 24];

    RnrAtomicU64 addresses[RNR_NOTIFIER_ADDRESSES]; // sync/audience.c
    // Of notification n at n % 32, by whoever made it: its time but for the lowest 8 bits, which
    // are those of n / 32.
    RnrAtomicU64 times[RNR_NOTIFIER_TIMES];
} RnrNotifierShm;

RNR_LAYOUT_FIELD(RnrNotifierShm, every_count, 0);
RNR_LAYOUT_FIELD(RnrNotifierShm, every_ns, 8);
RNR_LAYOUT_FIELD(RnrNotifierShm, count, 128);
RNR_LAYOUT_FIELD(RnrNotifierShm, sleepers, 256);
RNR_LAYOUT_FIELD(RnrNotifierShm, bells, 260);
RNR_LAYOUT_FIELD(RnrNotifierShm, is_disabled, 268);
RNR_LAYOUT_FIELD(RnrNotifierShm, announced, 272);
RNR_LAYOUT_FIELD(RnrNotifierShm, wakes, 384);
RNR_LAYOUT_FIELD(RnrNotifierShm, timeouts, 392);
RNR_LAYOUT_FIELD(RnrNotifierShm, suppressed, 400);
RNR_LAYOUT_FIELD(RnrNotifierShm, addresses, 512);
RNR_LAYOUT_FIELD(RnrNotifierShm, times, 1024);
RNR_LAYOUT_SIZE(RnrNotifierShm, 1280);

#endif
