// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_SYNC_WAITABLE_H
#define RNR_SYNC_WAITABLE_H

// What a wait set needs of an object: whether it is ready, and being told when it may have become
// so. Embedded in the object's handle, which fills it in with rnr_waitable_init and calls
// rnr_waitable_leave before it goes.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memory/region.h"
#include "node/node.h"
#include "renoir/status.h"
#include "renoir/waitset.h"

typedef struct RenoirWaitable RnrWaitable;

// What was asked of the kernel once and need not be again within one look at all members: which
// nodes live, and which regions' files are whole.
enum { RNR_ROLL_MAX = 64, RNR_ROLL_REGIONS = 16 };

typedef struct RnrRoll {
    struct {
        RnrNode *asker; // whose root the node is below
        uint64_t node_id;
        bool is_alive;
    } entry[RNR_ROLL_MAX];
    size_t count;
    struct {
        const RnrRegion *region;
        bool is_whole;
    } regions[RNR_ROLL_REGIONS];
    size_t region_count;
} RnrRoll;

static inline void rnr_roll_clear(RnrRoll *roll)
{
    roll->count = 0;
    roll->region_count = 0;
}

// As rnr_node_is_alive, asked once for each node.
bool rnr_roll_is_alive(RnrRoll *roll, RnrNode *node, uint64_t node_id);
// As rnr_region_is_whole, asked once for each region.
bool rnr_roll_is_whole(RnrRoll *roll, const RnrRegion *region);

// All but `look` and `arm` may be NULL. Called by one thread at a time.
typedef struct RnrWaitableKind {
    // RENOIR_WAIT_*: what is there now. No system call.
    uint32_t (*look)(RnrWaitable *self);
    // The same when a slice is over: takes back what the dead left, and tells a peer's death.
    uint32_t (*look_closely)(RnrWaitable *self, RnrRoll *roll);
    // It is in a set from now on. LIMIT_REACHED with a record.
    RenoirErrorCode (*join)(RnrWaitable *self, uint64_t address);
    // Announces the set as a sleeper, to be told at this address. False: it is announced, and
    // nobody has rung since. True: the set must run the barrier, if needs_barrier, and look again.
    bool (*arm)(RnrWaitable *self, uint64_t address);
    // It is in no set any more: takes the announcement back.
    void (*leave)(RnrWaitable *self);
    // When to look though nobody rings; UINT64_MAX: never. Asked after a look that found nothing.
    uint64_t (*due_ns)(const RnrWaitable *self);
    // The longest that a set sleeps without a close look.
    uint64_t slice_ns;
    // Ringers may not fence between publishing and looking for sleepers.
    bool needs_barrier;
} RnrWaitableKind;

struct RenoirWaitable {
    uint64_t magic;
    const RnrWaitableKind *kind;
    RnrNode *node; // under whose root ringers look for addresses; NULL: below none
    struct RenoirWaitset *set;
    struct RnrMember *member;
};

void rnr_waitable_init(RnrWaitable *self, const RnrWaitableKind *kind, RnrNode *node);
// The object closes: it leaves its set, if it is in one.
void rnr_waitable_leave(RnrWaitable *self);

#endif
