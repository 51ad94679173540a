// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_RING_SEQUENCED_H
#define RNR_RING_SEQUENCED_H

// The cold half of the sequenced ring: how far an end may go by what the others have done. As
// renoir_detail_sequenced_* in renoir/ring.h.

#include <stdint.h>

#include "renoir/ring.h"
#include "renoir/status.h"

RenoirErrorCode
rnr_sequenced_look_at_consumers(RenoirRingEnd *end, uint64_t wanted, uint64_t *out_left);
RenoirErrorCode rnr_sequenced_look_back(RenoirRingEnd *end, uint64_t *out_left);

#endif
