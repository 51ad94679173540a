// SPDX-License-Identifier: MIT OR Apache-2.0
// api/seqlock_api.c: the error records of the inline calls, which write none themselves.

#include "renoir/seqlock.h"

#include <inttypes.h>

#include "base/error.h"

RenoirErrorCode renoir_detail_seqlock_gave_up(uint64_t sequence)
{
    return RNR_FAIL(RENOIR_CONCURRENCY_ERROR,
                    "seqlock: no whole value in %d tries, its sequence is %" PRIu64
                    " (%s: use renoir_state where a writer may die or never rests)",
                    RENOIR_SEQLOCK_TRIES, sequence,
                    (sequence & 1) != 0 ? "a writer is inside, or died there"
                                        : "the writer never rests");
}

RenoirErrorCode renoir_detail_seqlock_refuse(void)
{
    return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                    "cannot load from seqlock: lock, out_value or shared is NULL");
}
