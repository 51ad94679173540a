// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The shape of a ring: from options, in shared memory, and back again, checked.
//
// Edges
//     ring.made    creator: store magic, release  ──►  who opens: load magic, acquire
//                  carries the geometry (partner in ring/ring.c for memory without a region; in a
//                  region the directory's entry carries it as well)
//     ring.publish, ring.reuse   include/renoir/detail/ring_common.h

#include "ring/kind.h"

#include <inttypes.h>
#include <string.h>

#include "base/bits.h"
#include "base/config.h"
#include "base/error.h"
#include "renoir/detail/atomic.h"

#define ELEMENT_SIZE_MAX (UINT32_C(1) << 20)
#define CAPACITY_MIN UINT64_C(2)
#define CAPACITY_MAX (UINT64_C(1) << 31)
#define MAX_ENDS_DEFAULT 64u

const RnrRingKind *rnr_ring_kind(uint32_t kind)
{
    static const RnrRingKind *const kinds[] = {
        [RENOIR_RING_SPSC] = &rnr_ring_kind_spsc,
        [RENOIR_RING_RECORD] = &rnr_ring_kind_record,
        [RENOIR_RING_MPMC] = &rnr_ring_kind_mpmc,
        [RENOIR_RING_SEQUENCED] = &rnr_ring_kind_sequenced,
        [RENOIR_RING_BROADCAST] = &rnr_ring_kind_broadcast,
        [RENOIR_RING_PRIORITY] = &rnr_ring_kind_priority,
    };
    return kind < sizeof kinds / sizeof kinds[0] ? kinds[kind] : NULL;
}

const char *rnr_ring_kind_name(uint32_t kind)
{
    const RnrRingKind *const found = rnr_ring_kind(kind);
    return found == NULL ? "unknown" : found->name;
}

RenoirErrorCode
rnr_ring_check_capacity(uint32_t kind, uint64_t capacity, uint64_t least, uint64_t most)
{
    if (rnr_is_power_of_two(capacity) && capacity >= least && capacity <= most) {
        return RENOIR_SUCCESS;
    }
    return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                    "%s ring: capacity is %" PRIu64 " (use a power of two from %" PRIu64
                    " to %" PRIu64 ")",
                    rnr_ring_kind_name(kind), capacity, least, most);
}

RenoirErrorCode rnr_ring_check_elements(uint32_t kind, const RenoirRingOptions *options)
{
    const RenoirErrorCode status =
        rnr_ring_check_capacity(kind, options->capacity, CAPACITY_MIN, CAPACITY_MAX);

    if (status == RENOIR_SUCCESS &&
        (options->element_size == 0 || options->element_size > ELEMENT_SIZE_MAX)) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                        "%s ring: element_size is %" PRIu32 " (use 1 to %" PRIu32 " bytes)",
                        rnr_ring_kind_name(kind), options->element_size, ELEMENT_SIZE_MAX);
    }
    return status;
}

RenoirErrorCode rnr_ring_check_max_ends(const RenoirRingOptions *options,
                                        uint32_t kind,
                                        uint32_t least,
                                        uint32_t most,
                                        uint32_t *out_max_ends)
{
    const uint32_t max_ends = options->max_ends == 0 ? MAX_ENDS_DEFAULT : options->max_ends;

    if (max_ends < least || max_ends > most) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                        "%s ring: max_ends is %" PRIu32 " (use %" PRIu32 " to %" PRIu32
                        ", or 0 for %u)",
                        rnr_ring_kind_name(kind), max_ends, least, most, MAX_ENDS_DEFAULT);
    }
    *out_max_ends = max_ends;
    return RENOIR_SUCCESS;
}

uint64_t rnr_ring_cells_bytes(const RnrRingTerms *terms)
{
    return terms->capacity * terms->stride;
}

uint32_t rnr_ring_slot_stride(uint32_t header_bytes, uint32_t element_size)
{
    const uint32_t bytes = header_bytes + element_size;
    uint32_t stride = header_bytes;

    if (bytes > 64) {
        return (bytes + 63u) & ~63u;
    }
    while (stride < bytes) {
        stride *= 2;
    }
    return stride;
}

// Where the cells begin, and how much it is in all. Cannot overflow: the greatest cells are 2^52.
static void lay_out(const RnrRingKind *kind, RnrRingTerms *terms)
{
    terms->cells_offset = sizeof(RnrRingShm) + (uint64_t)terms->end_count * sizeof(RnrRingEndShm);
    terms->total_bytes = terms->cells_offset + kind->cells_bytes(terms);
}

RenoirErrorCode
rnr_ring_terms(uint32_t kind, const RenoirRingOptions *options, RnrRingTerms *out_terms)
{
    RnrRingTerms terms = {.kind = kind, .flags = options->flags, .capacity = options->capacity};
    const RnrRingKind *const table = rnr_ring_kind(kind);

    if (table == NULL) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER, "ring: kind is %" PRIu32 " (use RENOIR_RING_*)",
                        kind);
    }
    RenoirErrorCode status =
        rnr_config_check_flags(options->flags, table->flags, "RenoirRingOptions");
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    if (options->lane_shares != 0 && kind != RENOIR_RING_PRIORITY) {
        return RNR_FAIL(RENOIR_UNSUPPORTED,
                        "%s ring: lane_shares are given (use 0: it has no lanes)", table->name);
    }
    status = table->terms(options, &terms);
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    lay_out(table, &terms);
    if (terms.total_bytes > SIZE_MAX) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                        "%s ring: %" PRIu64 " bytes needed, this process can address %zu",
                        table->name, terms.total_bytes, SIZE_MAX);
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
    shm->cells_offset = terms->cells_offset;
    shm->total_bytes = terms->total_bytes;
    shm->end_count = terms->end_count;
    shm->max_ends = terms->max_ends;
    shm->lane_shares = terms->lane_shares;
    if (rnr_ring_kind(terms->kind)->format != NULL) {
        rnr_ring_kind(terms->kind)->format(shm, terms);
    }
    RNR_FAULT_POINT("ring.format.magic");
    // [ring.made: release] Whoever sees the magic also sees the geometry.
    rnr_store_release_u64(&shm->magic, RNR_RING_MAGIC);
}

RenoirErrorCode
rnr_ring_corrupted(const char *name, const char *what, uint64_t found, uint64_t expected)
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
        return rnr_ring_corrupted(name, "room in bytes", size_bytes, sizeof *shm);
    }
    // [ring.made: acquire] The geometry was written before.
    const uint64_t magic = rnr_load_acquire_u64(&shm->magic);
    if (magic != RNR_RING_MAGIC) {
        return rnr_ring_corrupted(name, "magic", magic, RNR_RING_MAGIC);
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
                                          .max_ends = copy.max_ends,
                                          .lane_shares = copy.lane_shares,
                                          .capacity = copy.capacity};
    RnrRingTerms terms;
    if (rnr_ring_terms(copy.kind, &as_options, &terms) != RENOIR_SUCCESS) {
        return rnr_ring_corrupted(name, "shape of kind", copy.kind, RENOIR_RING_SPSC);
    }
    if (copy.max_record != terms.max_record || copy.element_size != terms.element_size) {
        return rnr_ring_corrupted(name, "max_record", copy.max_record, terms.max_record);
    }
    if (copy.lane_shares != terms.lane_shares) {
        return rnr_ring_corrupted(name, "lane_shares", copy.lane_shares, terms.lane_shares);
    }
    if (copy.max_ends != terms.max_ends || copy.end_count != terms.end_count) {
        return rnr_ring_corrupted(name, "end_count", copy.end_count, terms.end_count);
    }
    if (copy.stride != terms.stride) {
        return rnr_ring_corrupted(name, "stride", copy.stride, terms.stride);
    }
    if (copy.cells_offset != terms.cells_offset) {
        return rnr_ring_corrupted(name, "cells_offset", copy.cells_offset, terms.cells_offset);
    }
    if (copy.total_bytes != terms.total_bytes || terms.total_bytes > size_bytes) {
        return rnr_ring_corrupted(name, "total_bytes", copy.total_bytes,
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
    if (wanted->max_ends != found->max_ends) {
        return differs(name, "max_ends", found->max_ends, wanted->max_ends);
    }
    if (wanted->lane_shares != found->lane_shares) {
        return differs(name, "lane_shares", found->lane_shares, wanted->lane_shares);
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
    return rnr_ring_kind(terms.kind)->check(shm, &terms, name);
}
