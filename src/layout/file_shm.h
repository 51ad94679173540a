// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_LAYOUT_FILE_SHM_H
#define RNR_LAYOUT_FILE_SHM_H

// What every file of Renoir begins with. All of it is the creator's, written before the file has a
// name.

#include <stdint.h>

#include "layout/layout.h"

// "RENOIR" and two zero bytes, as a little-endian number
#define RNR_FILE_MAGIC UINT64_C(0x000052494f4e4552)
// the layout's fingerprint, folded
#define RNR_FILE_FINGERPRINT ((uint32_t)(RNR_LAYOUT_FINGERPRINT ^ (RNR_LAYOUT_FINGERPRINT >> 32)))

typedef enum RnrFileKind {
    RNR_FILE_NODE = 1,
    RNR_FILE_REGION = 2,
    RNR_FILE_REFERENCE = 3 // to a region that lies elsewhere
} RnrFileKind;

// Bytes of a file that are locked. A region's objects lock the bytes of their own offsets.
enum {
    RNR_LOCK_USE = 0,     // shared: a user; exclusive: nobody uses it, and it is being removed
    RNR_LOCK_CHANGE = 1,  // exclusive: the directory of objects is being changed
    RNR_LOCK_REMOVE = 2,  // exclusive: the name is being taken away
    RNR_LOCK_ALIVE = 3,   // exclusive: the node lives
    RNR_LOCK_PLACES = 64, // exclusive, from here on: a user's place in the region's table
    RNR_PLACE_COUNT = 128
};

typedef struct RnrFileHeaderShm {
    uint64_t magic;
    uint32_t layout_version;
    uint32_t kind;         // RnrFileKind
    uint32_t byte_order;   // RNR_LAYOUT_BYTE_ORDER, as the creator writes it
    uint32_t fingerprint;  // of the layout's constants
    uint64_t total_length; // bytes of the file
    uint64_t created_ns;   // wall clock
    uint64_t file_id;      // random
    uint64_t creator_node;
    uint8_t pad[8];
} RnrFileHeaderShm;

RNR_LAYOUT_FIELD(RnrFileHeaderShm, magic, 0);
RNR_LAYOUT_FIELD(RnrFileHeaderShm, layout_version, 8);
RNR_LAYOUT_FIELD(RnrFileHeaderShm, kind, 12);
RNR_LAYOUT_FIELD(RnrFileHeaderShm, byte_order, 16);
RNR_LAYOUT_FIELD(RnrFileHeaderShm, fingerprint, 20);
RNR_LAYOUT_FIELD(RnrFileHeaderShm, total_length, 24);
RNR_LAYOUT_FIELD(RnrFileHeaderShm, created_ns, 32);
RNR_LAYOUT_FIELD(RnrFileHeaderShm, file_id, 40);
RNR_LAYOUT_FIELD(RnrFileHeaderShm, creator_node, 48);
RNR_LAYOUT_SIZE(RnrFileHeaderShm, 64);

#endif
