// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_SYNC_NOTIFIER_H
#define RNR_SYNC_NOTIFIER_H

// A named event between processes: it is counted, and whoever waits is woken at once or in batches.

#include <stdbool.h>
#include <stdint.h>

#include "memory/region.h"
#include "renoir/notifier.h"
#include "renoir/status.h"
#include "sync/waitable.h"

typedef struct RenoirNotifier RnrNotifier;

// When waiters are woken.
typedef struct RnrNotifierTerms {
    uint64_t every_count; // at least 1
    uint64_t every_ns;    // 0: no interval
} RnrNotifierTerms;

RenoirErrorCode rnr_notifier_open(RnrRegion *region,
                                  const char *name,
                                  const RnrNotifierTerms *terms,
                                  RnrNotifier **out_notifier);
bool rnr_notifier_is_handle(const RnrNotifier *notifier);
// NULL, closed, or from before a fork: INVALID_PARAMETER, INVALID_STATE.
RenoirErrorCode rnr_notifier_check_handle(const RnrNotifier *notifier);
void rnr_notifier_close(RnrNotifier *notifier);

// Safe in a signal handler.
void rnr_notifier_notify(RnrNotifier *notifier);
RenoirErrorCode rnr_notifier_wait(RnrNotifier *notifier, uint64_t timeout_ns, uint64_t *out_count);
void rnr_notifier_set_enabled(RnrNotifier *notifier, bool is_enabled);
void rnr_notifier_stats(const RnrNotifier *notifier, RenoirNotifierStats *out_stats);
RnrWaitable *rnr_notifier_waitable(RnrNotifier *notifier);

// Its terms, beside live users. CORRUPTED.
RenoirErrorCode rnr_notifier_check(const void *memory, uint64_t size_bytes, const char *name);

#endif
