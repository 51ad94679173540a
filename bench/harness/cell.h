// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Words that two processes touch, for the limits and for the harness itself. The benches measure
// the machine below the library, so they do not go through the library's access header. Valid as
// C11 and as C++17: the peers written in C++ use it too.
#ifndef BENCH_CELL_H
#define BENCH_CELL_H

#include <stdint.h>

#define BENCH_INLINE static inline __attribute__((always_inline))
#define BENCH_NOINLINE __attribute__((noinline))

// Two lines: x86 fetches lines in pairs, so a lone word needs both to be alone.
enum { BENCH_LINE = 64, BENCH_PAIR = 128 };

typedef struct BenchCell {
    uint64_t value;
    uint8_t pad[BENCH_PAIR - 8];
} BenchCell;

BENCH_INLINE uint64_t bench_load(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

BENCH_INLINE void bench_store(uint64_t *word, uint64_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

BENCH_INLINE uint64_t bench_add(uint64_t *word, uint64_t amount)
{
    return __atomic_fetch_add(word, amount, __ATOMIC_ACQ_REL);
}

// The bytes at `memory` are needed: the compiler may not drop the copy that made them.
BENCH_INLINE void bench_keep(const void *memory)
{
    __asm__ volatile("" : : "r"(memory) : "memory");
}

#endif
