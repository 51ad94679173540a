// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RENOIR_NODE_H
#define RENOIR_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "renoir/export.h"
#include "renoir/library.h"
#include "renoir/manager.h"
#include "renoir/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @file
 * A node is one process under one root. It is alive exactly as long as the kernel holds its lock.
 *
 * No time-out ever decides that: a process that a debugger stopped is alive, and nothing is taken
 * from it. A PID is shown to people and decides nothing.
 *
 * Lifetime   Lists are snapshots, never locks.
 * Threads    Any thread may call any function.
 * Fork       As for managers.
 * Trust      Names and PIDs are what the node itself says of itself. Whether it lives, the kernel
 *            says.
 */

/** One process under one root. */
typedef struct RenoirNodeInfo {
    uint64_t node_id; /**< Random; never used again under one root. */
    int64_t pid;      /**< For people only: other PID namespaces number differently. */
    uint64_t joined_ns;
    uint32_t is_alive;
    uint32_t object_count; /**< Regions and ring ends it has open. */
    char name[RENOIR_NAME_MAX + 1];
    uint64_t reserved[4];
} RenoirNodeInfo;

/** One thing that one node holds. */
typedef struct RenoirHoldInfo {
    uint64_t node_id;
    uint64_t since_ns;
    uint64_t sequence_or_token; /**< 0 for a region or a ring's role. */
    uint64_t size_bytes;
    char object[RENOIR_NAME_MAX + 1]; /**< The region. */
    uint64_t reserved[2];
} RenoirHoldInfo;

/** What renoir_node_reap() took back. */
typedef struct RenoirReapReport {
    uint64_t node_count;   /**< dead nodes removed */
    uint64_t object_count; /**< regions and unfinished files removed */
    uint64_t hold_count;   /**< holds of dead nodes dropped */
    uint64_t bytes;        /**< memory given back to the root */
    uint64_t reserved[4];
} RenoirReapReport;

/** This process under the manager's root. */
RENOIR_API RenoirErrorCode renoir_node_self(RenoirManagerHandle manager, RenoirNodeInfo *out_info);

/**
 * All nodes of the root, the dead that nobody has removed yet among them. Writes at most `capacity`
 * entries and sets *out_count to how many there are; infos may be NULL with capacity 0.
 */
RENOIR_API RenoirErrorCode renoir_node_list(RenoirManagerHandle manager,
                                            RenoirNodeInfo *infos,
                                            size_t capacity,
                                            size_t *out_count);

/** What a node holds (node_id 0: every node): one entry for each region it has open. */
RENOIR_API RenoirErrorCode renoir_node_holds(RenoirManagerHandle manager,
                                             uint64_t node_id,
                                             RenoirHoldInfo *infos,
                                             size_t capacity,
                                             size_t *out_count);

/**
 * Whether a node lives. A node that never was, or that has left, is not alive; where the kernel
 * cannot be asked, it counts as alive.
 */
RENOIR_API RenoirErrorCode renoir_node_is_alive(RenoirManagerHandle manager,
                                                uint64_t node_id,
                                                bool *out_alive);

/**
 * Takes back all that the dead left under this root. Idempotent; any number of processes may do it
 * at once; never touches what a living process uses, however long it is silent. out_report may be
 * NULL.
 */
RENOIR_API RenoirErrorCode renoir_node_reap(RenoirManagerHandle manager,
                                            RenoirReapReport *out_report);

#ifdef __cplusplus
}
#endif

#endif
