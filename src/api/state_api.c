// SPDX-License-Identifier: MIT OR Apache-2.0
// api/state_api.c: the border of states.

#include "renoir/state.h"

#include "api/handles.h"
#include "memory/region.h"
#include "renoir/detail/atomic.h"
#include "sync/state.h"

static RenoirErrorCode check_place(RenoirRegionHandle region, const char *name)
{
    RNR_REQUIRE(name);
    return rnr_region_check(region);
}

RenoirErrorCode renoir_state_create(RenoirRegionHandle region,
                                    const char *name,
                                    size_t max_size,
                                    RenoirStateHandle *out_state)
{
    RNR_REQUIRE(out_state);
    *out_state = NULL;
    const RenoirErrorCode status = check_place(region, name);
    return status == RENOIR_SUCCESS ? rnr_state_create(region, name, max_size, out_state) : status;
}

RenoirErrorCode
renoir_state_open(RenoirRegionHandle region, const char *name, RenoirStateHandle *out_state)
{
    RNR_REQUIRE(out_state);
    *out_state = NULL;
    const RenoirErrorCode status = check_place(region, name);
    return status == RENOIR_SUCCESS ? rnr_state_open(region, name, out_state) : status;
}

void renoir_state_close(RenoirStateHandle state)
{
    if (state != NULL && state->magic == RNR_STATE_HANDLE) {
        rnr_state_close(state);
    }
}

RenoirErrorCode renoir_state_write(RenoirStateHandle state, const void *data, size_t length)
{
    const RenoirErrorCode status = rnr_state_check_handle(state);

    if (RNR_UNLIKELY(status != RENOIR_SUCCESS)) {
        return status;
    }
    if (length != 0) {
        RNR_REQUIRE(data);
    }
    return rnr_state_write(state, data, length);
}

RenoirErrorCode renoir_state_reserve(RenoirStateHandle state, void **out_data, size_t *out_size)
{
    if (out_data != NULL) {
        *out_data = NULL;
    }
    if (out_size != NULL) {
        *out_size = 0;
    }
    RNR_REQUIRE(out_data);
    RNR_REQUIRE(out_size);
    RenoirErrorCode status = rnr_state_check_handle(state);
    if (status == RENOIR_SUCCESS) {
        status = rnr_state_reserve(state, out_data);
    }
    if (status == RENOIR_SUCCESS) {
        *out_size = (size_t)state->versions.max_size;
    }
    return status;
}

RenoirErrorCode renoir_state_commit(RenoirStateHandle state, size_t length)
{
    const RenoirErrorCode status = rnr_state_check_handle(state);
    return status == RENOIR_SUCCESS ? rnr_state_commit(state, length) : status;
}

RenoirErrorCode renoir_state_read(
    RenoirStateHandle state, void *buffer, size_t size, size_t *out_length, uint64_t *out_version)
{
    RnrVersion version = {0};

    if (out_version != NULL) {
        *out_version = 0;
    }
    RNR_REQUIRE(out_length);
    *out_length = 0;
    RenoirErrorCode status = rnr_state_check_handle(state);
    if (RNR_UNLIKELY(status != RENOIR_SUCCESS)) {
        return status;
    }
    if (size != 0) {
        RNR_REQUIRE(buffer);
    }
    status = rnr_state_read(state, buffer, size, &version);
    if (RNR_LIKELY(status == RENOIR_SUCCESS || status == RENOIR_INSUFFICIENT_SPACE)) {
        *out_length = (size_t)version.length;
    }
    if (out_version != NULL && status == RENOIR_SUCCESS) {
        *out_version = version.number;
    }
    return status;
}

RenoirErrorCode renoir_state_peek(RenoirStateHandle state,
                                  const void **out_data,
                                  size_t *out_length,
                                  uint64_t *out_version)
{
    RnrVersion version = {0};

    RNR_REQUIRE(out_data);
    *out_data = NULL;
    RNR_REQUIRE(out_length);
    *out_length = 0;
    RNR_REQUIRE(out_version);
    *out_version = 0;
    RenoirErrorCode status = rnr_state_check_handle(state);
    if (status == RENOIR_SUCCESS) {
        status = rnr_state_peek(state, &version);
    }
    if (status == RENOIR_SUCCESS) {
        *out_data = version.data;
        *out_length = (size_t)version.length;
        *out_version = version.number;
    }
    return status;
}

RenoirErrorCode renoir_state_validate(RenoirStateHandle state, uint64_t version)
{
    const RenoirErrorCode status = rnr_state_check_handle(state);
    return status == RENOIR_SUCCESS ? rnr_state_validate(state, version) : status;
}

RenoirErrorCode
renoir_state_wait(RenoirStateHandle state, uint64_t known_version, uint64_t timeout_ns)
{
    const RenoirErrorCode status = rnr_state_check_handle(state);
    return status == RENOIR_SUCCESS ? rnr_state_wait(state, known_version, timeout_ns) : status;
}

RenoirWaitableHandle renoir_state_waitable(RenoirStateHandle state)
{
    return rnr_state_check_handle(state) == RENOIR_SUCCESS ? rnr_state_waitable(state) : NULL;
}
