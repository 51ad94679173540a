// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_SYNC_WAITSET_H
#define RNR_SYNC_WAITSET_H

// Many waitables, one sleep.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/manager.h"
#include "renoir/waitset.h"
#include "sync/waitable.h"

typedef struct RenoirWaitset RnrWaitset;

RenoirErrorCode rnr_waitset_create(RnrManager *manager, RnrWaitset **out_set);
// NULL, closed, or from before a fork: INVALID_PARAMETER, INVALID_STATE.
RenoirErrorCode rnr_waitset_check(const RnrWaitset *set);
bool rnr_waitset_is_handle(const RnrWaitset *set);
void rnr_waitset_close(RnrWaitset *set);

// name NULL: none.
RenoirErrorCode
rnr_waitset_add(RnrWaitset *set, const char *name, RnrWaitable *waitable, void *user);
RenoirErrorCode rnr_waitset_add_timer(RnrWaitset *set, uint64_t interval_ns, void *user);
RenoirErrorCode rnr_waitset_remove(RnrWaitset *set, const void *user);
RenoirErrorCode rnr_waitset_remove_named(RnrWaitset *set, const char *name);

RenoirErrorCode rnr_waitset_wait(RnrWaitset *set,
                                 uint64_t timeout_ns,
                                 RenoirWaitEvent *events,
                                 size_t capacity,
                                 size_t *out_count);
// Safe in a signal handler.
void rnr_waitset_wake(RnrWaitset *set);
int rnr_waitset_fd(RnrWaitset *set);

#endif
