// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_LAYOUT_REGION_SHM_H
#define RNR_LAYOUT_REGION_SHM_H

// A region's file.
//
//     0        4096        12288                         data_offset
//     ┌────────┬───────────┬─────────────────────────────┬───────────────────────────────
//     │ header │ places    │ entries[max_objects]        │ usable bytes
//     │        │ 128 x 64  │ 128 bytes each              │
//     └────────┴───────────┴─────────────────────────────┴───────────────────────────────

#include <stdint.h>

#include "layout/file_shm.h"
#include "layout/layout.h"
#include "renoir/detail/atomic.h"

enum { RNR_REGION_PLACES_OFFSET = 4096, RNR_REGION_ENTRIES_OFFSET = 12288 };

// Geometry and name are the creator's, written before the file has a name.
typedef struct RnrRegionShm {
    RnrFileHeaderShm header;
    char name[256];           // NUL-terminated; "" for a path
    uint64_t size_bytes;      // usable
    uint64_t data_offset;     // a multiple of the creator's page size
    uint32_t max_objects;     //
    uint32_t backing_type;    // RENOIR_BACKING_*
    RnrAtomicU32 flags;       // RENOIR_REGION_* of the region itself; whoever holds the change lock
    uint32_t reserved;        //
    RnrAtomicU64 changer_pid; // whoever holds the change or remove lock, for people; hint
    RnrAtomicU64 allocation_count; // objects ever made; whoever holds the change lock
    RnrAtomicU64 high_water; // usable bytes above it are as the system gave them: zero; the same
    uint8_t pad[3720];
} RnrRegionShm;

RNR_LAYOUT_FIELD(RnrRegionShm, name, 64);
RNR_LAYOUT_FIELD(RnrRegionShm, size_bytes, 320);
RNR_LAYOUT_FIELD(RnrRegionShm, data_offset, 328);
RNR_LAYOUT_FIELD(RnrRegionShm, max_objects, 336);
RNR_LAYOUT_FIELD(RnrRegionShm, backing_type, 340);
RNR_LAYOUT_FIELD(RnrRegionShm, flags, 344);
RNR_LAYOUT_FIELD(RnrRegionShm, changer_pid, 352);
RNR_LAYOUT_FIELD(RnrRegionShm, allocation_count, 360);
RNR_LAYOUT_FIELD(RnrRegionShm, high_water, 368);
RNR_LAYOUT_SIZE(RnrRegionShm, 4096);

// Who has the region open. A place is its user's as long as its byte is locked.
typedef struct RnrPlaceShm {
    RnrAtomicU64 node_id; // the place's owner, for all fields
    uint64_t since_ns;
    uint64_t pid;
    uint8_t pad[40];
} RnrPlaceShm;

RNR_LAYOUT_FIELD(RnrPlaceShm, node_id, 0);
RNR_LAYOUT_FIELD(RnrPlaceShm, since_ns, 8);
RNR_LAYOUT_FIELD(RnrPlaceShm, pid, 16);
RNR_LAYOUT_SIZE(RnrPlaceShm, 64);

// One object. Written by whoever holds the change lock; `state` last.
typedef struct RnrEntryShm {
    RnrAtomicU64 state;   // 0: free; else the object's number (from 1, never used again)
    RnrAtomicU64 kind;    // RnrObjectKind, and RNR_ENTRY_TEMPORARY
    RnrAtomicU64 offset;  // in the file
    RnrAtomicU64 size;    // bytes
    RnrAtomicU64 made_ns; // wall clock
    RnrAtomicU64 reserved[3];
    char name[64]; // NUL-terminated
} RnrEntryShm;

// Goes with whoever has it open.
#define RNR_ENTRY_TEMPORARY (UINT64_C(1) << 32)

RNR_LAYOUT_FIELD(RnrEntryShm, state, 0);
RNR_LAYOUT_FIELD(RnrEntryShm, kind, 8);
RNR_LAYOUT_FIELD(RnrEntryShm, offset, 16);
RNR_LAYOUT_FIELD(RnrEntryShm, size, 24);
RNR_LAYOUT_FIELD(RnrEntryShm, made_ns, 32);
RNR_LAYOUT_FIELD(RnrEntryShm, name, 64);
RNR_LAYOUT_SIZE(RnrEntryShm, 128);

// A name below the root for a region that lies elsewhere. The creator's, once.
typedef struct RnrReferenceShm {
    RnrFileHeaderShm header;
    char name[256];        // the region's
    uint32_t backing_type; // RENOIR_BACKING_*
    int32_t descriptor;    // MEMFD: its number in the process `pid`
    int64_t pid;           // MEMFD: the creator's
    uint64_t target_id;    // file_id of the region
    uint8_t pad[424];
    char path[3328]; // FILE, POSIX_SHM: where it is; NUL-terminated
} RnrReferenceShm;

RNR_LAYOUT_FIELD(RnrReferenceShm, name, 64);
RNR_LAYOUT_FIELD(RnrReferenceShm, backing_type, 320);
RNR_LAYOUT_FIELD(RnrReferenceShm, descriptor, 324);
RNR_LAYOUT_FIELD(RnrReferenceShm, pid, 328);
RNR_LAYOUT_FIELD(RnrReferenceShm, target_id, 336);
RNR_LAYOUT_FIELD(RnrReferenceShm, path, 768);
RNR_LAYOUT_SIZE(RnrReferenceShm, 4096);

#endif
