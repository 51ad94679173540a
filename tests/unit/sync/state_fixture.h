// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RENOIR_TESTS_STATE_FIXTURE_H
#define RENOIR_TESTS_STATE_FIXTURE_H

// What the tests of states share: a region, values that show which one they are in each of their
// bytes, the shared words behind a handle.

#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "harness/test.h"
#include "renoir.h"
#include "sync/state.h"

enum { STATE_REGION_SIZE = 4 << 20 };

// The region "states" of this test's root, made by whoever comes first.
static inline RenoirRegionHandle join_states(void)
{
    RenoirRegionConfig config = renoir_region_config_default();
    RenoirRegionHandle region = NULL;
    RenoirErrorCode status;
    config.name = "states";
    config.size = STATE_REGION_SIZE;
    do { // others may be at it on a busy machine
        status = renoir_region_create(NULL, &config, &region);
    } while (status == RENOIR_CONCURRENCY_ERROR);
    REQUIRE_OK(status);
    return region;
}

static inline RenoirRegionHandle join_states_read_only(void)
{
    RenoirRegionOptions options = renoir_region_options_default();
    RenoirRegionHandle region = NULL;
    options.flags = RENOIR_REGION_READ_ONLY;
    REQUIRE_OK(renoir_region_open(NULL, "states", &options, &region));
    return region;
}

// After a death: takes back what the dead process left, as the next start of any does.
static inline void leave_states_and_reap(RenoirRegionHandle region)
{
    renoir_region_close(region);
    CHECK_OK(renoir_node_reap(NULL, NULL));
}

static inline RenoirStateHandle make_state(RenoirRegionHandle region, size_t max_size)
{
    RenoirStateHandle state = NULL;
    REQUIRE_OK(renoir_state_create(region, "s", max_size, &state));
    return state;
}

static inline RenoirStateHandle open_state(RenoirRegionHandle region)
{
    RenoirStateHandle state = NULL;
    REQUIRE_OK(renoir_state_open(region, "s", &state));
    return state;
}

static inline RnrStateShm *state_shm(RenoirStateHandle state)
{
    return state->versions.shm;
}

// The words of the place where a version lies.
static inline RnrVersionShm *state_place(RenoirStateHandle state, uint64_t version)
{
    unsigned char *const cells = state->versions.cells;
    const uint64_t index = version % RNR_STATE_VERSIONS;
    return (RnrVersionShm *)(void *)(cells + index * state->versions.stride);
}

// Words that all say which value it is; what is left over at the end says it, too.
static inline void value_fill(void *bytes, size_t length, uint64_t number)
{
    unsigned char *const target = bytes;
    const uint64_t word = (number + 1) * UINT64_C(0x9e3779b97f4a7c15);
    for (size_t i = 0; i < length; i += sizeof word) {
        memcpy(target + i, &word, length - i < sizeof word ? length - i : sizeof word);
    }
}

static inline bool value_holds(const void *bytes, size_t length, uint64_t number)
{
    const unsigned char *const source = bytes;
    const uint64_t word = (number + 1) * UINT64_C(0x9e3779b97f4a7c15);
    for (size_t i = 0; i < length; i += sizeof word) {
        if (memcmp(source + i, &word, length - i < sizeof word ? length - i : sizeof word) != 0) {
            return false;
        }
    }
    return true;
}

// Lengths that the tests of torn values use for one version after the other: all of them, and more.
static inline size_t value_length(uint64_t number, size_t max_size)
{
    static const size_t lengths[] = {0,  1,   7,   8,   9,    48,   63,  64,
                                     65, 100, 112, 113, 4095, 4096, 4097};
    const size_t count = sizeof lengths / sizeof lengths[0];
    const size_t index = (size_t)(number % (count + 1));
    return index == count || lengths[index] > max_size ? max_size : lengths[index];
}

static inline void write_value(RenoirStateHandle state, size_t length, uint64_t number)
{
    static unsigned char bytes[1 << 17];
    REQUIRE(length <= sizeof bytes);
    value_fill(bytes, length, number);
    REQUIRE_OK(renoir_state_write(state, bytes, length));
}

// The newest value is this one, whole.
static inline void check_value(RenoirStateHandle state, size_t length, uint64_t number)
{
    static unsigned char bytes[1 << 17];
    size_t found = 0;
    uint64_t version = 0;
    REQUIRE_OK(renoir_state_read(state, bytes, sizeof bytes, &found, &version));
    CHECK_EQ_U64(length, found);
    CHECK_EQ_U64(number, version);
    CHECK(value_holds(bytes, found, number));
}

#endif
