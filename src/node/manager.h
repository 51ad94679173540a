// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_NODE_MANAGER_H
#define RNR_NODE_MANAGER_H

// A manager: a membership, and what was made under it.

#include <stdbool.h>

#include "node/node.h"
#include "renoir/manager.h"

typedef struct RenoirManager RnrManager;

// What a manager closes when it is destroyed. Embedded in the thing itself.
typedef struct RnrChild {
    struct RnrChild *next, *previous;
    void (*close)(struct RnrChild *child);
    // At the process's normal end: gives names away, frees nothing.
    void (*leave)(struct RnrChild *child);
} RnrChild;

RenoirErrorCode
rnr_manager_create(const char *root, const char *node_name, RnrManager **out_manager);
RenoirErrorCode rnr_manager_destroy(RnrManager *manager);

// The manager that a caller means: NULL is the default one, made on first use. INVALID_PARAMETER,
// INVALID_STATE with a record.
RenoirErrorCode rnr_manager_of(RenoirManagerHandle handle, RnrManager **out_manager);

RnrNode *rnr_manager_node(const RnrManager *manager);
void rnr_manager_adopt(RnrManager *manager, RnrChild *child);
// Does nothing for one that is not adopted.
void rnr_manager_drop(RnrManager *manager, RnrChild *child);

// Set by the layer that knows what the dead leave: called when a join saw dead nodes.
typedef void (*RnrManagerSweep)(RnrNode *node);
void rnr_manager_set_sweep(RnrManagerSweep sweep);

#endif
