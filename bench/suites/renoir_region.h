// SPDX-License-Identifier: MIT OR Apache-2.0
//
// What the suites need of Renoir besides the rings: a root of their own, so that nothing of the
// user's is touched, and a region that both sides of a sample open.
#ifndef BENCH_RENOIR_REGION_H
#define BENCH_RENOIR_REGION_H

#include <renoir.h>

#include "harness/pair.h"

// Makes the root, a folder of its own in /dev/shm (RENOIR_SHM_PATH says otherwise), in the parent,
// before any sample. false: a message is on stderr.
bool bench_root_make(void);

// Takes it away with all that is in it. *out_left: files that Renoir had left there (folders
// apart).
void bench_root_remove(uint32_t *out_left);

// Joins the root: what dead processes left is taken back. For the parent's use between samples.
// false: a message is on stderr.
bool bench_root_visit(void);
uint32_t bench_root_count_files(void);

typedef struct BenchRegion {
    RenoirManagerHandle manager;
    RenoirRegionHandle region;
} BenchRegion;

// In a side: both call it at the same time. Ends the sample on an error.
BenchRegion bench_region_open(BenchPair *pair, size_t size);
// The same for so many objects.
BenchRegion bench_region_open_for(BenchPair *pair, size_t size, uint32_t max_objects);
void bench_region_close(BenchRegion *self);

// Ends the sample unless the status is SUCCESS.
void bench_expect(BenchPair *pair, RenoirErrorCode status, const char *what);

#endif
