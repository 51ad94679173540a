// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RENOIR_MANAGER_H
#define RENOIR_MANAGER_H

#include <stdint.h>
#include <string.h>

#include "renoir/export.h"
#include "renoir/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @file
 * A manager is where named things live (a root directory), and this process's membership there.
 *
 *     <root>/renoir/nodes/      one file per process that takes part
 *     <root>/renoir/regions/    one file per named region
 *
 * There is no daemon. Independent managers of one root see the same names. Wherever a function
 * takes a manager, NULL means the process-wide default one, made on first use, never destroyed.
 *
 * Lifetime   What is made under a manager is closed with it.
 * Threads    Any thread may call any function; destroying must be the last use.
 * Fork       A manager does not survive fork(): calls in the child return RENOIR_INVALID_STATE. The
 *            default manager is made anew there.
 * Trust      A root or renoir/ folder that someone else could change under us is refused.
 */

/** NULL as an argument means the process-wide default. */
typedef struct RenoirManager *RenoirManagerHandle;

/** How to make a manager. Start from renoir_manager_options_default(). */
typedef struct RenoirManagerOptions {
    uint32_t struct_size; /**< Filled in by renoir_manager_options_default(). */
    uint32_t flags;       /**< None exist yet: 0. */
    const char *root; /**< 0: RENOIR_SHM_PATH of the environment, else /dev/shm. Must be there. */
    const char *node_name; /**< 0: the program's name. Shown to people. 1 to 255 bytes. */
} RenoirManagerOptions;

/** Every field at its default. */
RENOIR_INLINE RenoirManagerOptions renoir_manager_options_default(void)
{
    RenoirManagerOptions options;
    memset(&options, 0, sizeof options);
    options.struct_size = (uint32_t)sizeof options;
    return options;
}

/** Joins the default root as a node. NULL on failure: see renoir_last_error_message(). */
RENOIR_API RENOIR_NODISCARD RenoirManagerHandle renoir_manager_create(void);

/**
 * Joins a root as a node: one per process and root, however many managers. The folder
 * <root>/renoir/ is made by whoever comes first. Takes back what dead processes left there.
 *
 * @retval RENOIR_PERMISSION_DENIED   the folder is somebody else's, or open to others
 * @retval RENOIR_UNSUPPORTED         the root lies on NFS, 9p or FUSE, or an option is newer than
 *                                    this library
 * @retval RENOIR_NOT_FOUND           there is no such root
 * @retval RENOIR_INSUFFICIENT_SPACE  the root is full
 * @retval RENOIR_PLATFORM_ERROR      the system refused
 */
RENOIR_API RENOIR_NODISCARD RenoirErrorCode
renoir_manager_create_with(const RenoirManagerOptions *options, RenoirManagerHandle *out_manager);

/**
 * Closes all that was made under it and leaves the root. A named object goes if nobody else has it
 * open and it is not persistent. NULL does nothing and succeeds.
 */
RENOIR_API RenoirErrorCode renoir_manager_destroy(RenoirManagerHandle manager);

#ifdef __cplusplus
}
#endif

#endif
