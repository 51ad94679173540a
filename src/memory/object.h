// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_MEMORY_OBJECT_H
#define RNR_MEMORY_OBJECT_H

// Named objects in a region: rings, allocators, blocks. The directory says where each lies; byte
// locks say who has it open and who plays which role in it.
//
//     byte of the region's file           held
//     object's file offset                shared, by each process that has the object open
//     object's file offset + 1 + index    exclusively, by the one process that has the role
//
// Objects are at least 128 bytes apart, so indices 0 to 126 are free for roles.

#include <stdbool.h>
#include <stdint.h>

#include "memory/region.h"
#include "platform/lock.h"
#include "renoir/status.h"

enum { RNR_ROLE_INDEX_MAX = 126, RNR_OBJECT_ALIGNMENT = 128 };

// What an object is. Part of the layout: numbers are never reused.
typedef enum RnrObjectKind {
    RNR_OBJECT_BLOCK = 1,
    RNR_OBJECT_BUMP = 2,
    RNR_OBJECT_BLOCKS = 3,
    RNR_OBJECT_SPSC = 17, // 16 + RENOIR_RING_*
    RNR_OBJECT_RECORD = 18,
    RNR_OBJECT_MPMC = 19,
    RNR_OBJECT_SEQUENCED = 20,
    RNR_OBJECT_BROADCAST = 21,
    RNR_OBJECT_PRIORITY = 22,
    RNR_OBJECT_STATE = 33,
    RNR_OBJECT_EPOCH = 34,
    RNR_OBJECT_NOTIFIER = 35
} RnrObjectKind;

// "spsc"; "unknown" for what this version does not know. Static.
const char *rnr_object_kind_name(uint32_t kind);

// What to find or make.
typedef struct RnrObjectSpec {
    const char *name;    // NULL: unnamed, this process's: goes when it is closed or its owner dies
    uint32_t kind;       // RnrObjectKind
    uint32_t alignment;  // power of two up to the page size; raised to RNR_OBJECT_ALIGNMENT
    uint64_t size_bytes; // to make it. 0: the largest extent free
    bool find_only;      // NOT_FOUND instead of making it
    // Lays the object out in zeroed memory, before anyone can find it. May fail. NULL: zeros do.
    RenoirErrorCode (*format)(void *memory, uint64_t size_bytes, const void *terms);
    // Whether one that is there is what the caller means, with a record if not (EXISTS, CORRUPTED).
    // NULL: its size must be size_bytes.
    RenoirErrorCode (*match)(const void *memory, uint64_t size_bytes, const void *terms);
    const void *terms; // for both
} RnrObjectSpec;

// An object that this process has open. Keeps the region mapped.
typedef struct RnrObject {
    RnrRegion *region;
    void *memory;
    uint64_t offset; // in the file
    uint64_t size_bytes;
    bool is_created; // by this call
    bool is_temporary;
    uint64_t number; // of all objects ever made in the region
    RnrLock use;
    char name[64];
} RnrObject;

// A role in an object that this process plays.
typedef struct RnrRole {
    RnrLock lock;
} RnrRole;

RenoirErrorCode
rnr_object_open(RnrRegion *region, const RnrObjectSpec *spec, RnrObject *out_object);
// Also removes it if it is unnamed.
void rnr_object_close(RnrObject *object);
// Closes it and gives its space back. INVALID_STATE (record left): another live process has it
// open; it is closed all the same.
RenoirErrorCode rnr_object_destroy(RnrObject *object);

// By name, whoever made it. NOT_FOUND, INVALID_STATE with records.
RenoirErrorCode rnr_object_remove(RnrRegion *region, const char *name);

// LIMIT_REACHED without a record: a live process has the role (the caller words the message);
// PERMISSION_DENIED: the region is read-only.
RenoirErrorCode rnr_role_take(const RnrObject *object, uint32_t index, RnrRole *out_role);
void rnr_role_release(RnrRole *role);
// SUCCESS: nobody has the role, and nobody can take it until rnr_role_release(). CONCURRENCY_ERROR
// without a record: somebody has it. For whoever takes back what a dead owner left: protocols 1.3.
RenoirErrorCode rnr_role_hold_off(const RnrObject *object, uint32_t index, RnrRole *out_hold);
// Whether a live process, this one included, has the role. One system call.
bool rnr_role_is_alive(const RnrObject *object, uint32_t index);

#endif
