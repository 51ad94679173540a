// SPDX-License-Identifier: MIT OR Apache-2.0
//
// What a figure cannot be read without: the machine, the kernel, the compiler, the commit.
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include <stdint.h>

enum { BENCH_TEXT = 160 };

typedef struct BenchMachine {
    char processor[BENCH_TEXT];
    char kernel[BENCH_TEXT];
    char compiler[BENCH_TEXT];
    char flags[BENCH_TEXT * 4];
    char governor[BENCH_TEXT];
    char isolated[BENCH_TEXT];
    char shared_huge_pages[BENCH_TEXT];
    char caches[BENCH_TEXT];
    char commit[BENCH_TEXT];
    char date[BENCH_TEXT];
    uint64_t memory_bytes;
    uint64_t page_bytes;
    uint32_t cpu_count;
} BenchMachine;

void bench_machine_describe(BenchMachine *out_machine);
void bench_machine_print(const BenchMachine *machine);

#endif
