// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_MEMORY_DIRECTORY_H
#define RNR_MEMORY_DIRECTORY_H

// The directory of a region's objects: entries, read without a lock and changed under one.

#include "memory/region_internal.h"

// A private copy of an entry, checked against the region's geometry.
typedef struct RnrEntry {
    uint64_t number; // the object's
    uint32_t index;  // the entry's
    uint32_t kind;
    bool is_temporary;
    uint64_t offset; // in the file
    uint64_t size_bytes;
    uint64_t made_ns;
    char name[64];
} RnrEntry;

// Reads entry `index`: false if it is free or changing. CORRUPTED in *out_status: it lies outside.
bool rnr_directory_read(const RnrRegion *region,
                        uint32_t index,
                        RnrEntry *out_entry,
                        RenoirErrorCode *out_status);
// Finds an object by name. NOT_FOUND without a record.
RenoirErrorCode rnr_directory_find(const RnrRegion *region, const char *name, RnrEntry *out_entry);

// Changing. The guard is taken with its patience; its holder's pid is left for people.
RenoirErrorCode rnr_directory_begin_change(RnrRegion *region, RnrGuard *out_guard);
void rnr_directory_end_change(RnrRegion *region, RnrGuard *guard);

// With the guard held. An extent for an object: size 0 asks for the largest. INSUFFICIENT_SPACE.
RenoirErrorCode rnr_directory_place(RnrRegion *region,
                                    const char *name,
                                    uint64_t size_bytes,
                                    uint64_t alignment,
                                    uint64_t *out_offset,
                                    uint64_t *out_size);
// LIMIT_REACHED: no entry is free.
RenoirErrorCode rnr_directory_free_entry(const RnrRegion *region, uint32_t *out_index);
// Returns the object's number.
uint64_t rnr_directory_commit(RnrRegion *region, const RnrEntry *entry);
void rnr_directory_erase(RnrRegion *region, uint32_t index);

// Used and free bytes.
RenoirErrorCode rnr_directory_stats(const RnrRegion *region, RenoirRegionStats *out_stats);

#endif
