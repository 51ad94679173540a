// SPDX-License-Identifier: MIT OR Apache-2.0

#include "ring/refuse.h"

#include <inttypes.h>

#include "base/error.h"
#include "ring/ring.h"

static const char *name_of(const RenoirRingEnd *end)
{
    return rnr_ring_name(((const RnrRingSession *)end->internal)->ring);
}

RenoirErrorCode
rnr_ring_refuse(const RenoirRingEnd *end, uint32_t kind, uint32_t role, size_t element_size)
{
    const RenoirErrorCode status = rnr_ring_end_check(end);

    if (status != RENOIR_SUCCESS) {
        return status;
    }
    if (end->kind != kind) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER, "ring '%s': it is of kind %s (use its functions)",
                        name_of(end), rnr_ring_kind_name(end->kind));
    }
    if (end->role != role) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER, "ring '%s': this end is its %s, not its %s",
                        name_of(end), rnr_ring_role_name(end->role), rnr_ring_role_name(role));
    }
    if (element_size != 0 && element_size != end->element_size) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                        "ring '%s': element_size %zu given, its elements have %" PRIu32 " bytes",
                        name_of(end), element_size, end->element_size);
    }
    if (kind == RENOIR_RING_PRIORITY) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                        "ring '%s': a pointer is NULL, or the priority is not one of "
                        "RENOIR_PRIORITY_*",
                        name_of(end));
    }
    if (kind == RENOIR_RING_SEQUENCED) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                        "ring '%s': a pointer is NULL, or a count is not from 1 to its capacity, "
                        "%" PRIu64,
                        name_of(end), end->mask + 1);
    }
    return RNR_FAIL(RENOIR_INVALID_PARAMETER, "ring '%s': a pointer is NULL, or a count is 0",
                    name_of(end));
}

RenoirErrorCode rnr_ring_bad_position(const RenoirRingEnd *end, uint64_t position)
{
    return RNR_FAIL(
        RENOIR_CORRUPTED,
        "ring '%s': its %s is said to be at %" PRIu64 ", this %s is at %" PRIu64
        " with capacity %" PRIu64 " (that side is damaged: remove the ring)",
        name_of(end),
        rnr_ring_role_name(end->role == RENOIR_PRODUCER ? RENOIR_CONSUMER : RENOIR_PRODUCER),
        position, rnr_ring_role_name(end->role), end->position, end->mask + 1);
}

RenoirErrorCode rnr_ring_bad_record(const RenoirRingEnd *end, uint64_t length)
{
    return RNR_FAIL(RENOIR_CORRUPTED,
                    "ring '%s': a record is said to have %" PRIu64
                    " bytes, with max_record %" PRIu32 " and %" PRIu64
                    " bytes written (the producer is damaged: remove the ring)",
                    name_of(end), length, end->max_record, end->seen - end->position);
}

RenoirErrorCode rnr_ring_too_large(const RenoirRingEnd *end, size_t length)
{
    return RNR_FAIL(RENOIR_MESSAGE_TOO_LARGE,
                    "ring '%s': a record of %zu bytes, max_record is %" PRIu32
                    " (make the ring with a greater max_record)",
                    name_of(end), length, end->max_record);
}

RenoirErrorCode rnr_ring_too_small(size_t size, size_t length)
{
    return RNR_FAIL(RENOIR_INSUFFICIENT_SPACE,
                    "ring: the record has %zu bytes, the buffer %zu (call again with more)", length,
                    size);
}

RenoirErrorCode rnr_ring_has_claim(const RenoirRingEnd *end)
{
    return RNR_FAIL(RENOIR_INVALID_STATE,
                    "ring '%s': this end has a claim already (publish it or give it up first)",
                    name_of(end));
}

RenoirErrorCode rnr_ring_has_none(const RenoirRingEnd *end)
{
    return RNR_FAIL(RENOIR_INVALID_STATE,
                    "ring '%s': this end has not looked at an element (peek at one first)",
                    name_of(end));
}
