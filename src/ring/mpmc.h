// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_RING_MPMC_H
#define RNR_RING_MPMC_H

// The cold half of the mpmc ring: what the dead, the stopped and the late need. As
// renoir_detail_mpmc_* in renoir/ring.h.

#include <stdint.h>

#include "renoir/ring.h"

int rnr_mpmc_held_up(const RenoirRingEnd *end, uint64_t claim);
void rnr_mpmc_call_back(RenoirRingEnd *end);
int rnr_mpmc_take_behind(RenoirRingEnd *end, uint64_t *out_position);
void rnr_mpmc_give_up(RenoirRingEnd *end);

#endif
