// SPDX-License-Identifier: MIT OR Apache-2.0
// sync/waitable.c: what all members of a set ask the kernel, asked once.

#include "sync/waitable.h"

bool rnr_roll_is_alive(RnrRoll *roll, RnrNode *node, uint64_t node_id)
{
    for (size_t i = 0; i < roll->count; ++i) {
        if (roll->entry[i].node_id == node_id && roll->entry[i].asker == node) {
            return roll->entry[i].is_alive;
        }
    }
    const bool is_alive = rnr_node_is_alive(node, node_id);
    if (roll->count < RNR_ROLL_MAX) {
        roll->entry[roll->count].asker = node;
        roll->entry[roll->count].node_id = node_id;
        roll->entry[roll->count].is_alive = is_alive;
        roll->count += 1;
    }
    return is_alive;
}

bool rnr_roll_is_whole(RnrRoll *roll, const RnrRegion *region)
{
    for (size_t i = 0; i < roll->region_count; ++i) {
        if (roll->regions[i].region == region) {
            return roll->regions[i].is_whole;
        }
    }
    const bool is_whole = rnr_region_is_whole(region);
    if (roll->region_count < RNR_ROLL_REGIONS) {
        roll->regions[roll->region_count].region = region;
        roll->regions[roll->region_count].is_whole = is_whole;
        roll->region_count += 1;
    }
    return is_whole;
}
