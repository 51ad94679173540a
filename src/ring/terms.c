// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The shape of a ring: from options, in shared memory, and back again, checked.
//
// Edges
//     ring.made    creator: store magic, release  ──►  who opens: load magic, acquire
//                  carries the geometry (partner in ring/ring.c for memory without a region; in a
//                  region the directory's entry carries it as well)
//     ring.publish, ring.reuse   include/renoir/detail/ring_common.h

#include "ring/ring.h"

#include <inttypes.h>
#include <string.h>

#include "base/bits.h"
#include "base/config.h"
#include "base/error.h"
#include "memory/object.h"
#include "renoir/detail/atomic.h"

#define SPSC_ELEMENT_SIZE_MAX (UINT32_C(1) << 20)
#define SPSC_CAPACITY_MIN UINT64_C(2)
#define SPSC_CAPACITY_MAX (UINT64_C(1) << 31)
#define RECORD_CAPACITY_MIN UINT64_C(64)
#define RECORD_CAPACITY_MAX (UINT64_C(1) << 40)
#define RECORD_HEADER_BYTES UINT64_C(8)
#define MAX_RECORD_MAX (UINT32_C(1) << 31)

const char *rnr_ring_kind_name(uint32_t kind)
{
    return kind == RENOIR_RING_SPSC ? "spsc" : kind == RENOIR_RING_RECORD ? "record" : "unknown";
}

static RenoirErrorCode
check_capacity(uint32_t kind, uint64_t capacity, uint64_t least, uint64_t most)
{
    if (rnr_is_power_of_two(capacity) && capacity >= least && capacity <= most) {
        return RENOIR_SUCCESS;
    }
    return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                    "%s ring: capacity is %" PRIu64 " (use a power of two from %" PRIu64
                    " to %" PRIu64 ")",
                    rnr_ring_kind_name(kind), capacity, least, most);
}

static RenoirErrorCode spsc_terms(const RenoirRingOptions *options, RnrRingTerms *terms)
{
    const RenoirErrorCode status =
        check_capacity(RENOIR_RING_SPSC, options->capacity, SPSC_CAPACITY_MIN, SPSC_CAPACITY_MAX);
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    if (options->element_size == 0 || options->element_size > SPSC_ELEMENT_SIZE_MAX) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                        "spsc ring: element_size is %" PRIu32 " (use 1 to %" PRIu32 " bytes)",
                        options->element_size, SPSC_ELEMENT_SIZE_MAX);
    }
    terms->element_size = options->element_size;
    terms->stride = options->element_size;
    return RENOIR_SUCCESS;
}

static RenoirErrorCode record_terms(const RenoirRingOptions *options, RnrRingTerms *terms)
{
    const RenoirErrorCode status = check_capacity(RENOIR_RING_RECORD, options->capacity,
                                                  RECORD_CAPACITY_MIN, RECORD_CAPACITY_MAX);
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    const uint64_t half = options->capacity / 2;
    const uint64_t quarter = options->capacity / 4;
    const uint32_t most = half < MAX_RECORD_MAX ? (uint32_t)half : MAX_RECORD_MAX;

    if (options->max_record > most) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                        "record ring: max_record is %" PRIu32 " and capacity %" PRIu64
                        " (use at most %" PRIu32 ", or a greater capacity)",
                        options->max_record, options->capacity, most);
    }
    terms->max_record = options->max_record;
    if (terms->max_record == 0) {
        terms->max_record = quarter < MAX_RECORD_MAX ? (uint32_t)quarter : MAX_RECORD_MAX;
    }
    terms->stride = (uint32_t)RECORD_HEADER_BYTES;
    return RENOIR_SUCCESS;
}

// Bytes of all of it. Cannot overflow: the greatest are 2^51 (elements) and 2^40 + 2^31 (records).
static uint64_t total_bytes(const RnrRingTerms *terms)
{
    uint64_t cells = terms->capacity * terms->stride;

    if (terms->kind == RENOIR_RING_RECORD) {
        const uint64_t overhang =
            RECORD_HEADER_BYTES + (((uint64_t)terms->max_record + 7) & ~UINT64_C(7));
        cells = terms->capacity + overhang;
    }
    return RNR_RING_CELLS_OFFSET + cells;
}

RenoirErrorCode
rnr_ring_terms(uint32_t kind, const RenoirRingOptions *options, RnrRingTerms *out_terms)
{
    RnrRingTerms terms = {.kind = kind, .flags = options->flags, .capacity = options->capacity};
    RenoirErrorCode status =
        rnr_config_check_flags(options->flags, RENOIR_RING_WAITABLE, "RenoirRingOptions");

    if (status != RENOIR_SUCCESS) {
        return status;
    }
    if (options->reserved != 0) {
        return RNR_FAIL(RENOIR_UNSUPPORTED, "RenoirRingOptions: reserved is %" PRIu32 " (use 0)",
                        options->reserved);
    }
    switch (kind) {
    case RENOIR_RING_SPSC:
        status = spsc_terms(options, &terms);
        break;
    case RENOIR_RING_RECORD:
        status = record_terms(options, &terms);
        break;
    default:
        return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                        "ring: kind is %" PRIu32 " (use RENOIR_RING_SPSC or RENOIR_RING_RECORD)",
                        kind);
    }
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    terms.total_bytes = total_bytes(&terms);
    if (terms.total_bytes > SIZE_MAX) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                        "%s ring: %" PRIu64 " bytes needed, this process can address %zu",
                        rnr_ring_kind_name(kind), terms.total_bytes, SIZE_MAX);
    }
    *out_terms = terms;
    return RENOIR_SUCCESS;
}

void rnr_ring_format(RnrRingShm *shm, const RnrRingTerms *terms)
{
    shm->layout_version = RNR_RING_LAYOUT_VERSION;
    shm->kind = terms->kind;
    shm->flags = terms->flags;
    shm->element_size = terms->element_size;
    shm->stride = terms->stride;
    shm->max_record = terms->max_record;
    shm->capacity = terms->capacity;
    shm->cells_offset = RNR_RING_CELLS_OFFSET;
    shm->total_bytes = terms->total_bytes;
    RNR_FAULT_POINT("ring.format.magic");
    // [ring.made: release] Whoever sees the magic also sees the geometry.
    rnr_store_release_u64(&shm->magic, RNR_RING_MAGIC);
}

static RenoirErrorCode
corrupted(const char *name, const char *what, uint64_t found, uint64_t expected)
{
    return RNR_FAIL(RENOIR_CORRUPTED,
                    "ring '%s': its header's %s is %" PRIu64 ", not %" PRIu64
                    " (another process has overwritten it: remove the ring)",
                    name, what, found, expected);
}

RenoirErrorCode rnr_ring_read_terms(const RnrRingShm *shm,
                                    uint64_t size_bytes,
                                    const char *name,
                                    RnrRingTerms *out_terms)
{
    if (size_bytes < sizeof *shm) {
        return corrupted(name, "room in bytes", size_bytes, sizeof *shm);
    }
    // [ring.made: acquire] The geometry was written before.
    const uint64_t magic = rnr_load_acquire_u64(&shm->magic);
    if (magic != RNR_RING_MAGIC) {
        return corrupted(name, "magic", magic, RNR_RING_MAGIC);
    }
    // Without the magic, which others may be looking at with a swap.
    RnrRingShm copy;
    const size_t begin = offsetof(RnrRingShm, layout_version);
    memcpy((uint8_t *)&copy + begin, (const uint8_t *)shm + begin,
           offsetof(RnrRingShm, tail) - begin);
    if (copy.layout_version != RNR_RING_LAYOUT_VERSION) {
        return RNR_FAIL(RENOIR_VERSION_MISMATCH,
                        "ring '%s': layout version %" PRIu32 " is there, this library has %u"
                        " (use the same version of Renoir on both sides)",
                        name, copy.layout_version, RNR_RING_LAYOUT_VERSION);
    }
    const RenoirRingOptions as_options = {.flags = copy.flags,
                                          .element_size = copy.element_size,
                                          .max_record = copy.max_record,
                                          .capacity = copy.capacity};
    RnrRingTerms terms;
    if (rnr_ring_terms(copy.kind, &as_options, &terms) != RENOIR_SUCCESS) {
        return corrupted(name, "shape of kind", copy.kind, RENOIR_RING_SPSC);
    }
    if (copy.max_record != terms.max_record || copy.element_size != terms.element_size) {
        return corrupted(name, "max_record", copy.max_record, terms.max_record);
    }
    if (copy.stride != terms.stride) {
        return corrupted(name, "stride", copy.stride, terms.stride);
    }
    if (copy.cells_offset != RNR_RING_CELLS_OFFSET) {
        return corrupted(name, "cells_offset", copy.cells_offset, RNR_RING_CELLS_OFFSET);
    }
    if (copy.total_bytes != terms.total_bytes || terms.total_bytes > size_bytes) {
        return corrupted(name, "total_bytes", copy.total_bytes,
                         terms.total_bytes > size_bytes ? size_bytes : terms.total_bytes);
    }
    *out_terms = terms;
    return RENOIR_SUCCESS;
}

static RenoirErrorCode differs(const char *name, const char *field, uint64_t found, uint64_t wanted)
{
    return RNR_FAIL(RENOIR_EXISTS,
                    "ring '%s': it is there with %s %" PRIu64 ", asked for %" PRIu64
                    " (open it on its own terms, or take another name)",
                    name, field, found, wanted);
}

RenoirErrorCode
rnr_ring_match_terms(const char *name, const RnrRingTerms *wanted, const RnrRingTerms *found)
{
    if (wanted->kind != found->kind) {
        return RNR_FAIL(RENOIR_EXISTS,
                        "ring '%s': it is there of kind %s, asked for %s (take another name)", name,
                        rnr_ring_kind_name(found->kind), rnr_ring_kind_name(wanted->kind));
    }
    if (wanted->capacity == 0) {
        return RENOIR_SUCCESS;
    }
    if (wanted->capacity != found->capacity) {
        return differs(name, "capacity", found->capacity, wanted->capacity);
    }
    if (wanted->element_size != found->element_size) {
        return differs(name, "element_size", found->element_size, wanted->element_size);
    }
    if (wanted->max_record != found->max_record) {
        return differs(name, "max_record", found->max_record, wanted->max_record);
    }
    if (wanted->flags != found->flags) {
        return differs(name, "flags", found->flags, wanted->flags);
    }
    return RENOIR_SUCCESS;
}

RenoirErrorCode rnr_ring_check(const void *memory, uint64_t size_bytes, const char *name)
{
    const RnrRingShm *const shm = (const RnrRingShm *)memory;
    RnrRingTerms terms;
    const RenoirErrorCode status = rnr_ring_read_terms(shm, size_bytes, name, &terms);

    if (status != RENOIR_SUCCESS) {
        return status;
    }
    // [ring.reuse: acquire] Head first, then tail: both only grow, so that a live pair of users can
    // make the difference greater than the capacity only by moving the head in between.
    const uint64_t head = rnr_load_acquire_u64(&shm->head);
    // [ring.publish: acquire] As above.
    const uint64_t tail = rnr_load_acquire_u64(&shm->tail);
    // [ring.reuse: acquire] Where the head is by now.
    const uint64_t head_now = rnr_load_acquire_u64(&shm->head);
    if (tail - head > terms.capacity + (head_now - head)) {
        return RNR_FAIL(RENOIR_CORRUPTED,
                        "ring '%s': head %" PRIu64 " and tail %" PRIu64 " with capacity %" PRIu64
                        " (I1: an end has overwritten them)",
                        name, head, tail, terms.capacity);
    }
    return RENOIR_SUCCESS;
}
