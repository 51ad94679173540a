// SPDX-License-Identifier: MIT OR Apache-2.0
// api/waitset_api.c: wait sets at the border.

#include "renoir/waitset.h"

#include "api/handles.h"
#include "ring/ring.h"
#include "ring/waitable.h"
#include "sync/waitset.h"

RenoirErrorCode renoir_waitset_create(RenoirManagerHandle manager, RenoirWaitsetHandle *out_set)
{
    RnrManager *ours = NULL;
    RNR_REQUIRE(out_set);
    *out_set = NULL;
    const RenoirErrorCode status = rnr_api_manager(manager, &ours);
    return status == RENOIR_SUCCESS ? rnr_waitset_create(ours, out_set) : status;
}

void renoir_waitset_close(RenoirWaitsetHandle set)
{
    if (set != NULL && rnr_waitset_is_handle(set)) {
        rnr_waitset_close(set);
    }
}

RenoirErrorCode
renoir_waitset_add(RenoirWaitsetHandle set, RenoirWaitableHandle waitable, void *user)
{
    const RenoirErrorCode status = rnr_waitset_check(set);
    return status == RENOIR_SUCCESS ? rnr_waitset_add(set, NULL, waitable, user) : status;
}

RenoirErrorCode renoir_waitset_add_named(RenoirWaitsetHandle set,
                                         const char *name,
                                         RenoirWaitableHandle waitable,
                                         void *user)
{
    RNR_REQUIRE(name);
    const RenoirErrorCode status = rnr_waitset_check(set);
    return status == RENOIR_SUCCESS ? rnr_waitset_add(set, name, waitable, user) : status;
}

RenoirErrorCode renoir_waitset_add_timer(RenoirWaitsetHandle set, uint64_t interval_ns, void *user)
{
    const RenoirErrorCode status = rnr_waitset_check(set);
    return status == RENOIR_SUCCESS ? rnr_waitset_add_timer(set, interval_ns, user) : status;
}

RenoirErrorCode renoir_waitset_remove(RenoirWaitsetHandle set, void *user)
{
    const RenoirErrorCode status = rnr_waitset_check(set);
    return status == RENOIR_SUCCESS ? rnr_waitset_remove(set, user) : status;
}

RenoirErrorCode renoir_waitset_remove_named(RenoirWaitsetHandle set, const char *name)
{
    RNR_REQUIRE(name);
    const RenoirErrorCode status = rnr_waitset_check(set);
    return status == RENOIR_SUCCESS ? rnr_waitset_remove_named(set, name) : status;
}

RenoirErrorCode renoir_waitset_wait(RenoirWaitsetHandle set,
                                    uint64_t timeout_ns,
                                    RenoirWaitEvent *events,
                                    size_t capacity,
                                    size_t *out_count)
{
    RNR_REQUIRE(out_count);
    *out_count = 0;
    RNR_REQUIRE(events);
    if (capacity == 0) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER, "%s: capacity is 0 (give room for one event)",
                        __func__);
    }
    const RenoirErrorCode status = rnr_waitset_check(set);
    return status == RENOIR_SUCCESS ? rnr_waitset_wait(set, timeout_ns, events, capacity, out_count)
                                    : status;
}

RenoirErrorCode renoir_waitset_wake(RenoirWaitsetHandle set)
{
    const RenoirErrorCode status = rnr_waitset_check(set);
    if (status == RENOIR_SUCCESS) {
        rnr_waitset_wake(set);
    }
    return status;
}

RenoirErrorCode renoir_waitset_fd(RenoirWaitsetHandle set, int *out_fd)
{
    RNR_REQUIRE(out_fd);
    *out_fd = -1;
    const RenoirErrorCode status = rnr_waitset_check(set);
    if (status == RENOIR_SUCCESS) {
        *out_fd = rnr_waitset_fd(set);
    }
    return status;
}

RenoirWaitableHandle renoir_ring_waitable(RenoirRingEnd *end)
{
    if (rnr_ring_end_check(end) != RENOIR_SUCCESS) {
        return NULL;
    }
    if ((end->flags & RENOIR_RING_WAITABLE) == 0) {
        (void)RNR_FAIL(RENOIR_UNSUPPORTED, "ring '%s': it was not made with RENOIR_RING_WAITABLE",
                       rnr_ring_name(((const RnrRingSession *)end->internal)->ring));
        return NULL;
    }
    return rnr_ring_waitable(end);
}
