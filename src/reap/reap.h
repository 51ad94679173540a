// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_REAP_REAP_H
#define RNR_REAP_REAP_H

// Takes back what the dead left, by calling each noun's own function. Idempotent; any number of
// processes may do it at once, and any may die in it.

#include "node/node.h"

RenoirErrorCode rnr_reap(RnrNode *node, RenoirReapReport *report);
// The same for whoever joins a root and sees dead nodes there. What fails is tried by the next.
void rnr_reap_quietly(RnrNode *node);

#endif
