// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef EXPLORE_RING_NAMES_H
#define EXPLORE_RING_NAMES_H

// A ring's words by their names, for traces.

#include "explore.h"
#include "renoir/ring.h"

static inline void name_control(void *shared)
{
    RnrRingShm *const shm = (RnrRingShm *)shared;

    explore_name(shm, "ring");
    explore_name(&shm->tail, "tail");
    explore_name(&shm->head, "head");
    explore_name(&shm->sleepers, "sleepers");
    explore_name(&shm->bells[0], "bell of producers");
    explore_name(&shm->bells[1], "bell of consumers");
    explore_name(&shm->left, "left");
    explore_name(&shm->rescan, "rescan");
    explore_name(&shm->skipped, "skipped");
    for (uint32_t i = 0; i < shm->end_count && i < 40; ++i) {
        RnrRingEndShm *const end = rnr_ring_end_shm(shm, i);
        explore_name(end, "end %u", i);
        explore_name(&end->presence, "end %u.presence", i);
        explore_name(&end->cursor, "end %u.cursor", i);
        explore_name(&end->after_mask, "end %u.after_mask", i);
    }
}

static inline void name_cells(const RenoirRingEnd *end, const char *what)
{
    name_control(end->shared);
    for (uint64_t i = 0; i <= end->mask && i < 8; ++i) {
        explore_name(end->cells + i * end->stride, "%s %u", what, (unsigned)i);
    }
}

static inline void name_sequenced(const RenoirRingEnd *end)
{
    RnrRingShm *const shm = (RnrRingShm *)end->shared;

    name_cells(end, "cell");
    explore_name(&shm->limit, "limit");
    if ((end->flags & RENOIR_RING_MULTI_PRODUCER) != 0) {
        for (uint64_t i = 0; i <= end->mask; ++i) {
            explore_name(&rnr_sequenced_stamp(end, i)->value, "stamp %u", (unsigned)i);
        }
    }
}

static inline void name_mpmc(const RenoirRingEnd *end)
{
    name_control(end->shared);
    for (uint64_t i = 0; i <= end->mask; ++i) {
        RnrMpmcSlotShm *const slot = (RnrMpmcSlotShm *)(void *)(end->cells + i * end->stride);
        const unsigned number = (unsigned)i;
        explore_name(&slot->claim, "slot %u.claim", number);
        explore_name(&slot->done, "slot %u.done", number);
        explore_name(slot + 1, "slot %u.element", number);
    }
}

#endif
