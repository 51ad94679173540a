// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_RING_WAITABLE_H
#define RNR_RING_WAITABLE_H

// The end of a ring as a member of a wait set.

#include "renoir/ring.h"
#include "sync/waitable.h"

// The end, which is WAITABLE and has been checked, must stay where it is while it is in a set.
RnrWaitable *rnr_ring_waitable(RenoirRingEnd *end);

#endif
