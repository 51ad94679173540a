// SPDX-License-Identifier: MIT OR Apache-2.0
//
// splitmix64: small, repeatable from a seed that is printed. Also the content of the stream
// suite's file, where each word follows from its offset.
#ifndef BENCH_RANDOM_H
#define BENCH_RANDOM_H

#include <stddef.h>
#include <stdint.h>

static inline uint64_t bench_mix(uint64_t value)
{
    uint64_t z = value + UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static inline uint64_t bench_random(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    return bench_mix(*state);
}

static inline size_t bench_random_below(uint64_t *state, size_t bound)
{
    return bound == 0 ? 0 : (size_t)(bench_random(state) % bound);
}

#endif
