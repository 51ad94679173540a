// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Wait sets are told through sockets, and nobody has one here.

#include "sync/post.h"
#include "sync/state.h"
#include "sync/waitable.h"

void rnr_post_tell(const RnrNode *node, RnrAtomicU64 *word)
{
    (void)node;
    (void)word;
}

RnrDelivery rnr_post_send(const RnrNode *node, uint64_t address)
{
    (void)node;
    (void)address;
    return RNR_DELIVERED;
}

void rnr_waitable_init(RnrWaitable *self, const RnrWaitableKind *kind, RnrNode *node)
{
    (void)self;
    (void)kind;
    (void)node;
}

void rnr_waitable_leave(RnrWaitable *self)
{
    (void)self;
}

void rnr_state_init_waitable(RnrState *state)
{
    (void)state;
}
