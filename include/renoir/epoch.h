// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RENOIR_EPOCH_H
#define RENOIR_EPOCH_H

#include <stddef.h>
#include <stdint.h>

#include "renoir/export.h"
#include "renoir/region.h"
#include "renoir/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @file
 * Frees shared things only when no live reader can still see them.
 *
 *     reader                              writer
 *     renoir_epoch_enter                  unlink the old thing, put the new one in its place
 *     follow the link, read the thing     renoir_epoch_retire(epoch, offset of the old thing)
 *     renoir_epoch_leave                  renoir_epoch_try_reclaim(epoch, free_it, ...)
 *
 * A token is 64 bits that mean something to whoever reclaims: an offset, an index. Between enter
 * and leave a reader may use whatever it finds by a link; the token of a thing that was unlinked
 * before it was retired is not handed to a reclaim function while a reader that may have found it
 * is inside. Epochs advance by themselves, in renoir_epoch_try_reclaim, as readers move.
 *
 * Lifetime   An epoch is an object of its region: it stays, with its pending tokens, until the
 *            object or the region is removed. Handles live until they are closed; closing an epoch
 *            closes the readers made of it.
 * Threads    Any thread may call any function on an epoch. A reader belongs to one thread at a
 *            time; a thread, or a process, may have several.
 * Fork       Handles do not survive fork(): each call returns RENOIR_INVALID_STATE, and
 *            renoir_epoch_enter and renoir_epoch_leave do nothing. Open the epoch again.
 * Trust      Tokens come from other processes: check one before you use it. A process that writes
 *            at random into the epoch can make a token be handed out too soon, twice or never; it
 *            cannot make a call here read or write outside the epoch, fail to return, or crash.
 * Death      A dead reader does not count. A stopped or slow one does, however slow. What a dead
 *            process had retired stays pending; what it had in hand while it reclaimed is handed
 *            out again. A process that dies before renoir_epoch_retire has returned may have
 *            retired its token or not.
 */

/** A process's hold on an epoch. */
typedef struct RenoirEpoch *RenoirEpochHandle;
/** One reader of an epoch. */
typedef struct RenoirEpochReader *RenoirEpochReaderHandle;

/** Readers that an epoch can have at most, in all processes. */
#define RENOIR_EPOCH_READERS_MAX 64
/** Handles of one epoch at most, in all processes. */
#define RENOIR_EPOCH_HANDLES_MAX 63
/** Tokens that can be pending in any case, in all processes together. */
#define RENOIR_EPOCH_PENDING 10240

/**
 * Frees what the token means. It is called at least once for each token: once, unless a process
 * died in the call; then with the same token again, in another process. So let it find out whether
 * it is done already, such as by a generation in the token that the thing carries, too. It may use
 * every function of this header on this epoch but renoir_epoch_close. It must return.
 */
typedef void (*RenoirReclaimFunction)(uint64_t token, void *user);

/** Counts of one moment. */
typedef struct RenoirEpochStats {
    uint64_t epoch;               /**< It begins with 1. */
    uint64_t oldest_reader_epoch; /**< Of the live readers that are inside; `epoch` if none is. */
    uint64_t reader_count;        /**< Live readers, inside or not. */
    uint64_t active_reader_count; /**< Those inside. */
    uint64_t pending_count;       /**< Tokens retired and not reclaimed. */
    uint64_t pending_oldest_ns;   /**< Time since the first retirement in the epoch in which the
                                       oldest pending token was retired; 0 if none is pending. */
    uint64_t reclaimed_count;     /**< Tokens handed out, by all processes, ever. */
    uint64_t reserved[2];         /**< 0. */
} RenoirEpochStats;

/** A live reader. */
typedef struct RenoirEpochReaderInfo {
    uint32_t index;       /**< 0 to max_readers - 1. */
    uint32_t is_active;   /**< 1 between enter and leave. */
    uint64_t node_id;     /**< Its process's node. */
    int64_t pid;          /**< Its process, as that sees itself; for people. */
    uint64_t epoch;       /**< In which it entered; 0 if it is not inside. */
    uint64_t since_ns;    /**< renoir_now_ns() from which on it has been holding reclamation back:
                               the time at which an epoch began while it was inside. 0: it is not
                               inside, or has not outlasted its epoch. */
    uint64_t reserved[2]; /**< 0. */
} RenoirEpochReaderInfo;

/**
 * Opens an epoch, or makes it: about 236 KiB in the region.
 *
 * @param      max_readers  1 to RENOIR_EPOCH_READERS_MAX; 0: as found, or RENOIR_EPOCH_READERS_MAX
 * @param[out] out_epoch    NULL unless the call succeeds
 *
 * @retval RENOIR_INVALID_PARAMETER   no region, no name, or a number out of range
 * @retval RENOIR_EXISTS              there for another number of readers, or of another kind
 * @retval RENOIR_LIMIT_REACHED       RENOIR_EPOCH_HANDLES_MAX live handles have it open, or the
 *                                    region has no room for another object's name
 * @retval RENOIR_INSUFFICIENT_SPACE  not so much is free in the region
 * @retval RENOIR_PERMISSION_DENIED   the region is open for reading only
 * @retval RENOIR_CONCURRENCY_ERROR   somebody is making or removing it and does not go on
 * @retval RENOIR_OUT_OF_MEMORY, RENOIR_PLATFORM_ERROR, RENOIR_INVALID_STATE, RENOIR_CORRUPTED
 *
 * Owner: you; give it back with renoir_epoch_close(). Keeps the region mapped until then.
 */
RENOIR_API RENOIR_NODISCARD RenoirErrorCode renoir_epoch_open(RenoirRegionHandle region,
                                                              const char *name,
                                                              uint32_t max_readers,
                                                              RenoirEpochHandle *out_epoch);

/**
 * Closes the epoch and the readers made of it. What is pending passes to the next process that
 * reclaims: before the last one leaves it may call renoir_epoch_try_reclaim() until nothing is
 * pending. NULL is ignored.
 */
RENOIR_API void renoir_epoch_close(RenoirEpochHandle epoch);

/**
 * Takes one of the epoch's readers.
 *
 * @retval RENOIR_LIMIT_REACHED  max_readers live readers are open
 * @retval RENOIR_INVALID_PARAMETER, RENOIR_INVALID_STATE, RENOIR_OUT_OF_MEMORY,
 *         RENOIR_PLATFORM_ERROR, RENOIR_CORRUPTED
 *
 * Owner: you; give it back with renoir_epoch_reader_close().
 */
RENOIR_API RENOIR_NODISCARD RenoirErrorCode
renoir_epoch_reader_open(RenoirEpochHandle epoch, RenoirEpochReaderHandle *out_reader);

/** Gives the reader back; leaves first, if it is inside. NULL is ignored. */
RENOIR_API void renoir_epoch_reader_close(RenoirEpochReaderHandle reader);

/**
 * From here on what this reader finds by a link is not reclaimed. Nests: as many calls of leave end
 * it. Never fails, never waits, makes no system call. NULL is ignored.
 */
RENOIR_API void renoir_epoch_enter(RenoirEpochReaderHandle reader);

/** The end of what enter began: pointers found since then are not to be used any more. Never fails,
 *  never waits. NULL, and a call without its enter, is ignored. */
RENOIR_API void renoir_epoch_leave(RenoirEpochReaderHandle reader);

/**
 * Hands over the token of a thing that no link leads to any more. Lock-free, in any process.
 *
 * @retval RENOIR_LIMIT_REACHED  RENOIR_EPOCH_PENDING tokens or more are pending: reclaim first. The
 *                               token is not retired.
 * @retval RENOIR_INVALID_PARAMETER, RENOIR_INVALID_STATE, RENOIR_CORRUPTED
 */
RENOIR_API RenoirErrorCode renoir_epoch_retire(RenoirEpochHandle epoch, uint64_t token);

/**
 * Calls `reclaim` for each token that is safe now, in no particular order, on this thread; and
 * advances the epoch if all live readers that are inside have seen it. If no reader is inside, that
 * is all that was retired before the call; if some are, it may take up to three calls, between
 * which each of them has left once. Several processes and threads may reclaim at the same time:
 * each token goes to one of them, and a process that is stopped while it reclaims keeps at most 64
 * of them from the others. Waits for nobody.
 *
 * @param[out] out_count  how many calls there were, also after a failure; may be NULL
 *
 * @retval RENOIR_UNSUPPORTED    the system refuses membarrier(2) to this process and not to others
 * @retval RENOIR_INVALID_STATE  after a fork; also in the child if `reclaim` itself forked
 * @retval RENOIR_INVALID_PARAMETER, RENOIR_CORRUPTED
 */
RENOIR_API RenoirErrorCode renoir_epoch_try_reclaim(RenoirEpochHandle epoch,
                                                    RenoirReclaimFunction reclaim,
                                                    void *user,
                                                    size_t *out_count);

/** Counts of one moment, which others change meanwhile. One system call per reader that is open.
 *  RENOIR_INVALID_PARAMETER, RENOIR_INVALID_STATE, RENOIR_CORRUPTED: all are 0. */
RENOIR_API RenoirErrorCode renoir_epoch_stats(RenoirEpochHandle epoch, RenoirEpochStats *out_stats);

/**
 * The live readers by index: who holds reclamation back is inside, and has a since_ns.
 *
 * @param[out] infos      the first `capacity` of them; NULL with capacity 0
 * @param[out] out_count  how many there are
 *
 * @retval RENOIR_INVALID_PARAMETER, RENOIR_INVALID_STATE, RENOIR_CORRUPTED
 */
RENOIR_API RenoirErrorCode renoir_epoch_readers(RenoirEpochHandle epoch,
                                                RenoirEpochReaderInfo *infos,
                                                size_t capacity,
                                                size_t *out_count);

#ifdef __cplusplus
}
#endif

#endif
