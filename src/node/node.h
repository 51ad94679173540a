// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_NODE_NODE_H
#define RNR_NODE_NODE_H

// This process's membership under a root, and questions about the others'.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "renoir/node.h"
#include "renoir/status.h"

typedef struct RnrNode RnrNode;

// Joins the root, or counts one more user of this process's membership there. `name` NULL: the
// program's. *out_has_dead: dead nodes were seen, so there may be something to take back.
RenoirErrorCode
rnr_node_join(const char *root, const char *name, RnrNode **out_node, bool *out_has_dead);
RnrNode *rnr_node_retain(RnrNode *node);
// The last user leaves: the node's file goes.
void rnr_node_release(RnrNode *node);

uint64_t rnr_node_id(const RnrNode *node);
const char *rnr_node_root(const RnrNode *node);
// INVALID_STATE: joined before a fork.
RenoirErrorCode rnr_node_check(const RnrNode *node);
// One more, or one fewer, region or ring end that this process has open.
void rnr_node_count_objects(RnrNode *node, int change);

// A folder of the root, open: "nodes", "regions", "bells". Close it with rnr_file_close.
RenoirErrorCode rnr_node_open_folder(const RnrNode *node, const char *folder, int *out_fd);

RenoirErrorCode rnr_node_read_self(const RnrNode *node, RenoirNodeInfo *out_info);
RenoirErrorCode rnr_node_visit(const RnrNode *node,
                               bool (*visit)(const RenoirNodeInfo *info, void *context),
                               void *context);
// Whether it lives. Where that cannot be known it does. A peer that was asked about once is known
// by its inode, whatever happens to its name.
bool rnr_node_is_alive(RnrNode *node, uint64_t node_id);
// What its file says. NOT_FOUND without a record.
RenoirErrorCode rnr_node_find(const RnrNode *node, uint64_t node_id, RenoirNodeInfo *out_info);
// "node 00f3… (pid 12, 'camera')", from its file if it is there.
void rnr_node_describe(const RnrNode *node, uint64_t node_id, char *text, size_t size);

// Removes the files of dead nodes, and of files that were never finished. What the dead left
// elsewhere must have been taken back before: their files are what tells that there is something.
RenoirErrorCode rnr_node_remove_dead(const RnrNode *node, RenoirReapReport *report);

// Registers what keeps a fork from happening in the middle of joining. Idempotent.
void rnr_node_watch_forks(void);

// Takes the files of all of this process's memberships away, at its normal end.
void rnr_node_leave_all(void);

#endif
