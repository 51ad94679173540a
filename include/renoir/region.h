// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RENOIR_REGION_H
#define RENOIR_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "renoir/export.h"
#include "renoir/library.h"
#include "renoir/manager.h"
#include "renoir/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @file
 * A region is a named block of memory that several processes map at the same time, with a directory
 * of named objects in it.
 *
 *     process A                            process B
 *     renoir_region_create("prices")  ──►  region  ◄──  renoir_region_open("prices")
 *
 * Lifetime   The bytes live until the region is destroyed or, unless it is persistent or has a
 *            file_path, until the last process closes it or dies. Destroying what others have open
 *            takes the name away at once; they keep the memory until they close.
 * Threads    Any thread may call any function; closing must be the last use of the handle.
 * Fork       A region does not survive fork(): calls in the child return RENOIR_INVALID_STATE, and
 *            closing there leaves shared state alone. The child opens the region again.
 * Trust      What another process wrote can make a call fail. It cannot make a call read or write
 *            outside the region. Who may write a file may also cut it short: reading it then raises
 *            SIGBUS, unless renoir_sigbus_guard_install() was called. A file of another user is
 *            therefore mapped only with that guard on.
 */

/** This process's hold on a region. NULL is never a valid handle. */
typedef struct RenoirRegion *RenoirRegionHandle;

/** Where the bytes are. */
enum {
    RENOIR_BACKING_FILE = 0,     /**< a file: file_path, or below the root */
    RENOIR_BACKING_MEMFD = 1,    /**< in no file system; sealed against shrinking */
    RENOIR_BACKING_POSIX_SHM = 2 /**< where shm_open() has it, as "renoir.<escaped name>" */
};

/** Flags of RenoirRegionOptions and RenoirRegionInfo. */
enum {
    RENOIR_REGION_EXCLUSIVE = 1 << 0,  /**< refuse to join one that is there: REGION_EXISTS */
    RENOIR_REGION_PERSISTENT = 1 << 1, /**< keep the bytes when the last process has gone */
    RENOIR_REGION_READ_ONLY = 1 << 2,  /**< map without write access */
    RENOIR_REGION_HUGE_PAGES = 1 << 3, /**< ordinary pages if there are none to give */
    RENOIR_REGION_PREFAULT = 1 << 4,   /**< touch all pages now */
    RENOIR_REGION_LOCKED = 1 << 5      /**< lock in RAM; PERMISSION_DENIED if the limit forbids */
};

/** NUMA policies. */
enum {
    RENOIR_NUMA_DEFAULT = 0,
    RENOIR_NUMA_LOCAL = 1,     /**< on the node of the thread that touches a page first */
    RENOIR_NUMA_BIND = 2,      /**< on numa_nodes only */
    RENOIR_NUMA_INTERLEAVE = 3 /**< page by page over numa_nodes */
};

/** What region to make or join. Start from renoir_region_config_default(). */
typedef struct RenoirRegionConfig {
    const char *name;      /**< 1 to 255 bytes of UTF-8 without control characters; '/' is allowed
                                and escaped; one that begins with '/' is a path, used as it is. */
    size_t size;           /**< Usable bytes; rounded up to pages. At most 2^48. */
    uint32_t backing_type; /**< RENOIR_BACKING_* */
    const char *file_path; /**< FILE only; made absolute. NULL: below the root. */
    bool create;           /**< true: make it, or join it if it is there with at least this size.
                                false: join only; size 0, or exactly its size. */
    uint32_t permissions;  /**< Mode of a new file, octal, at least 0600; 0: 0600. Write for others
                              is  refused. */
} RenoirRegionConfig;

/** How to map it. Start from renoir_region_options_default(). */
typedef struct RenoirRegionOptions {
    uint32_t struct_size; /**< Filled in by renoir_region_options_default(). */
    uint32_t flags;       /**< RENOIR_REGION_* */
    uint32_t numa_policy; /**< RENOIR_NUMA_* */
    uint32_t max_objects; /**< Room in a new region's directory, 1 to 65536. 0: 256. */
    uint64_t numa_nodes;  /**< Bit n: node n. */
} RenoirRegionOptions;

/** How a region's usable bytes are used. */
typedef struct RenoirRegionStats {
    size_t total_size, used_size, free_size; /**< bytes */
    double fragmentation_ratio; /**< 1 - largest free extent / free bytes; 0 when nothing is free */
    size_t topic_count;         /**< objects in the directory */
    uint64_t allocation_count;  /**< objects ever made in it */
} RenoirRegionStats;

/** A region, as its users see it. */
typedef struct RenoirRegionInfo {
    char name[RENOIR_NAME_MAX + 1];
    uint64_t size_bytes;    /**< usable */
    uint64_t created_ns;    /**< wall clock, nanoseconds since 1970 */
    uint32_t backing_type;  /**< RENOIR_BACKING_* */
    uint32_t flags;         /**< RENOIR_REGION_* in force */
    uint32_t object_count;  /**< objects in its directory */
    uint32_t process_count; /**< live processes that have it open */
    uint64_t reserved[4];
} RenoirRegionInfo;

/** One object in a region's directory. */
typedef struct RenoirObjectInfo {
    char name[RENOIR_OBJECT_NAME_MAX + 1];
    char kind[16]; /**< "block", "spsc", "record", "bump", "blocks" */
    uint64_t offset, size_bytes;
    uint64_t reserved[2];
} RenoirObjectInfo;

/** `create` true, everything else at its default. */
RENOIR_INLINE RenoirRegionConfig renoir_region_config_default(void)
{
    RenoirRegionConfig config;
    memset(&config, 0, sizeof config);
    config.create = true;
    return config;
}

/** Every field at its default. */
RENOIR_INLINE RenoirRegionOptions renoir_region_options_default(void)
{
    RenoirRegionOptions options;
    memset(&options, 0, sizeof options);
    options.struct_size = (uint32_t)sizeof options;
    return options;
}

/**
 * Makes a region or joins it. Its space is reserved now, never later: too little is
 * RENOIR_INSUFFICIENT_SPACE, with both numbers. Nobody ever sees a half-made region, and joining
 * never cuts short, empties or formats what is there.
 *
 * @retval RENOIR_REGION_NOT_FOUND    create is false and there is none
 * @retval RENOIR_REGION_EXISTS       there is one, but smaller, of another backing, or elsewhere
 * @retval RENOIR_INVALID_PARAMETER   create is false and the size differs: the message names both
 * @retval RENOIR_INSUFFICIENT_SPACE  the root cannot hold it
 * @retval RENOIR_PERMISSION_DENIED   its owner does not let us
 * @retval RENOIR_VERSION_MISMATCH    made with another layout version or byte order
 * @retval RENOIR_CORRUPTED           a file of that name is there and is not a whole region
 * @retval RENOIR_CONCURRENCY_ERROR   a stopped process is in the middle of removing it
 * @retval RENOIR_PLATFORM_ERROR      the system refused
 *
 * Owner: you; give it back with renoir_region_close() or renoir_region_destroy().
 */
RENOIR_API RENOIR_NODISCARD RenoirErrorCode renoir_region_create(RenoirManagerHandle manager,
                                                                 const RenoirRegionConfig *config,
                                                                 RenoirRegionHandle *out_region);

/**
 * The same, with options (NULL: the defaults).
 *
 * HUGE_PAGES, PREFAULT and NUMA degrade: RenoirRegionInfo.flags tells what is in force, the log and
 * renoir_last_error_message() why. LOCKED does not degrade.
 *
 * @retval RENOIR_REGION_EXISTS  also: EXCLUSIVE, and there is one
 * @retval RENOIR_UNSUPPORTED    an unknown flag or option, or a size that this processor cannot map
 */
RENOIR_API RENOIR_NODISCARD RenoirErrorCode
renoir_region_create_with(RenoirManagerHandle manager,
                          const RenoirRegionConfig *config,
                          const RenoirRegionOptions *options,
                          RenoirRegionHandle *out_region);

/**
 * Joins a region by name, with its own size.
 *
 * @retval RENOIR_REGION_NOT_FOUND  there is none
 *
 * Other statuses as for renoir_region_create().
 */
RENOIR_API RENOIR_NODISCARD RenoirErrorCode renoir_region_open(RenoirManagerHandle manager,
                                                               const char *name,
                                                               const RenoirRegionOptions *options,
                                                               RenoirRegionHandle *out_region);

/**
 * Joins the region behind a descriptor that another process sent. The descriptor is duplicated:
 * close yours.
 *
 * @retval RENOIR_CORRUPTED  it is not a whole region
 */
RENOIR_API RENOIR_NODISCARD RenoirErrorCode
renoir_region_open_fd(RenoirManagerHandle manager,
                      int fd,
                      const RenoirRegionOptions *options,
                      RenoirRegionHandle *out_region);

/** Sends the region's descriptor over a connected Unix socket. Blocks as sendmsg() does. */
RENOIR_API RenoirErrorCode renoir_region_send(RenoirRegionHandle region, int socket);

/**
 * Receives a descriptor that renoir_region_send() sent, and joins that region. Blocks as recvmsg()
 * does.
 *
 * @retval RENOIR_DISCONNECTED         the other side closed the socket
 * @retval RENOIR_SERIALIZATION_ERROR  what came is not such a message
 */
RENOIR_API RENOIR_NODISCARD RenoirErrorCode
renoir_region_receive(RenoirManagerHandle manager,
                      int socket,
                      const RenoirRegionOptions *options,
                      RenoirRegionHandle *out_region);

/** Leaves the region. Never fails; NULL is ignored. Ring ends opened in it keep its memory. */
RENOIR_API void renoir_region_close(RenoirRegionHandle region);

/** Leaves the region and takes its name away. NULL does nothing and succeeds. */
RENOIR_API RenoirErrorCode renoir_region_destroy(RenoirRegionHandle region);

/** Takes a region's name away. RENOIR_REGION_NOT_FOUND: there is none. */
RENOIR_API RenoirErrorCode renoir_region_remove(RenoirManagerHandle manager, const char *name);

/** A descriptor to pass on; borrowed, valid until the region is closed. -1 on failure. */
RENOIR_API int renoir_region_fd(RenoirRegionHandle region);

/** Name, usable bytes and backing; each out may be NULL. The name lives as long as the handle. */
RENOIR_API RenoirErrorCode renoir_region_info(RenoirRegionHandle region,
                                              const char **out_name,
                                              size_t *out_size,
                                              uint32_t *out_backing_type);

/** All of it, flags in force included. */
RENOIR_API RenoirErrorCode renoir_region_describe(RenoirRegionHandle region,
                                                  RenoirRegionInfo *out_info);

/** Where its file is; "" for a region without one. Lives as long as the handle. NULL on failure. */
RENOIR_API const char *renoir_region_path(RenoirRegionHandle region);

/**
 * This process's mapping of the usable bytes; each out may be NULL. What the directory has not
 * given you is not yours to write.
 */
RENOIR_API RenoirErrorCode renoir_region_get_ptr(RenoirRegionHandle region,
                                                 void **out_ptr,
                                                 size_t *out_size);

/**
 * Finds or makes a named block of zeroed bytes. `alignment` is a power of two up to the page size;
 * 0: 64. out_created may be NULL.
 *
 * @retval RENOIR_EXISTS              it has another size or kind
 * @retval RENOIR_INSUFFICIENT_SPACE  the region has no such extent free; the message says how much
 * @retval RENOIR_LIMIT_REACHED       the directory is full
 * @retval RENOIR_PERMISSION_DENIED   it is not there, and the region is open for reading only
 */
RENOIR_API RenoirErrorCode renoir_region_block(RenoirRegionHandle region,
                                               const char *name,
                                               size_t size,
                                               size_t alignment,
                                               void **out_memory,
                                               bool *out_created);

/** Where a pointer lies, in bytes from the first usable one. RENOIR_INVALID_PARAMETER: outside. */
RENOIR_API RenoirErrorCode renoir_region_offset(RenoirRegionHandle region,
                                                const void *pointer,
                                                uint64_t *out_offset);

/** The pointer for an offset of which `length` bytes will be used. INVALID_PARAMETER: outside. */
RENOIR_API RenoirErrorCode renoir_region_pointer(RenoirRegionHandle region,
                                                 uint64_t offset,
                                                 size_t length,
                                                 void **out_pointer);

/** Writes a file region back and waits for the disk; succeeds at once for memory. */
RENOIR_API RenoirErrorCode renoir_region_flush(RenoirRegionHandle region);

/** How the usable bytes are used, from the directory. */
RENOIR_API RenoirErrorCode renoir_region_stats(RenoirRegionHandle region,
                                               RenoirRegionStats *out_stats);

/** The objects in the region: at most `capacity` are written, *out_count is how many there are. */
RENOIR_API RenoirErrorCode renoir_region_objects(RenoirRegionHandle region,
                                                 RenoirObjectInfo *infos,
                                                 size_t capacity,
                                                 size_t *out_count);

/** Gives an object's space back. NOT_FOUND; INVALID_STATE while a live process has it open. */
RENOIR_API RenoirErrorCode renoir_region_remove_object(RenoirRegionHandle region, const char *name);

/** The regions of the root: at most `capacity` are written, *out_count is how many there are. */
RENOIR_API RenoirErrorCode renoir_region_list(RenoirManagerHandle manager,
                                              RenoirRegionInfo *infos,
                                              size_t capacity,
                                              size_t *out_count);

/**
 * Checks the invariants of the region and of every object in it, beside live users.
 *
 * @retval RENOIR_CORRUPTED  report (of report_size bytes, may be NULL) says which, in text
 */
RENOIR_API RenoirErrorCode renoir_region_verify(RenoirRegionHandle region,
                                                char *report,
                                                size_t report_size);

#ifdef __cplusplus
}
#endif

#endif
