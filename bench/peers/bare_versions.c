// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The limit beside the state: 16 versions, each a stamp with its value right behind it, and the
// number of the newest. No names, no lengths, no roles, nobody to wake.
//
//     writer   stamp := 0, fence, value, stamp := number, newest := number
//     reader   newest, its stamp, copy, fence, the stamp again
#include <string.h>

#include "suites/state_loops.h"

enum { VERSIONS = 16 };

typedef struct BareVersions {
    BenchCell newest;
    uint8_t versions[];
} BareVersions;

// A stamp, then the value.
BENCH_INLINE uint64_t *version_of(BareVersions *self, uint64_t number, size_t size)
{
    const size_t stride = (8 + size + BENCH_PAIR - 1) / BENCH_PAIR * BENCH_PAIR;
    return (uint64_t *)(void *)(self->versions + number % VERSIONS * stride);
}

BENCH_INLINE void write_one(void *end, uint64_t number, size_t size)
{
    BareVersions *self = end;
    uint64_t *version = version_of(self, number, size);
    __atomic_store_n(version, 0, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    bench_state_fill(version + 1, size, number);
    bench_store(version, number);
    bench_store(&self->newest.value, number);
}

BENCH_INLINE bool read_newest(void *end, uint64_t *out_value, size_t size)
{
    BareVersions *self = end;
    const uint64_t number = bench_load(&self->newest.value);
    const uint64_t *version = version_of(self, number, size);
    if (number == 0 || bench_load(version) != number) {
        return false;
    }
    memcpy(out_value, version + 1, size);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return __atomic_load_n(version, __ATOMIC_RELAXED) == number;
}

void bare_versions_write(BenchPair *pair)
{
    bench_state_write_item(pair, pair->memory, write_one);
}

void bare_versions_read(BenchPair *pair)
{
    bench_state_read_item(pair, pair->memory, read_newest);
}
