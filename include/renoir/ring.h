// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RENOIR_RING_H
#define RENOIR_RING_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "renoir/detail/atomic.h"
#include "renoir/detail/ring_shm.h"
#include "renoir/export.h"
#include "renoir/library.h"
#include "renoir/region.h"
#include "renoir/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @file
 * Queues from one producer to one consumer, in a region (by name) or in any memory of yours:
 * elements of one size, or records of any length.
 *
 *     producer                                   consumer
 *     renoir_spsc_try_push()  ──►  [ ring ]  ──►  renoir_spsc_try_pop()
 *
 * Everything RENOIR_INLINE below is wait-free, allocates nothing, and makes no system call but for
 * one wake-up when the other end of a WAITABLE ring sleeps. In a stream at full speed a call that
 * has used up what it knew of pauses for at most some 3 microseconds before it looks at the other
 * end, which then has more to offer; "full" and "empty" are true at the moment of the look.
 *
 * Lifetime   A ring in a region is an object of it, and stays until the object or the region is
 *            removed; one in your memory lives as long as that does. An end belongs to you from
 *            open to renoir_ring_close(), keeps the region mapped, and must not be copied.
 * Threads    An end belongs to one thread at a time. The two ends run at the same time, in any
 *            processes.
 * Fork       An end does not survive fork(). Calls that are not inline return RENOIR_INVALID_STATE
 *            in the child; inline ones are not checked: do not make them there.
 * Trust      What the other process wrote is checked before it is used: a call then returns
 *            RENOIR_CORRUPTED. It cannot make a call read or write outside the ring. The bytes of
 *            elements and records are its own.
 *
 * Death      What a process had not published never happened; what it had not given back is
 *            delivered again to the next one that opens its end. The role of a dead process is free
 *            at once. In memory without a region nobody can tell that a process has died: its role
 *            stays taken.
 */

/** Flags of a ring. */
enum {
    RENOIR_RING_WAITABLE = 1 << 0 /**< renoir_ring_wait() works; costs one load of a quiet line per
                                       operation */
};

/** Kinds of rings. */
enum { RENOIR_RING_SPSC = 1, RENOIR_RING_RECORD = 2 };

/** What ring to make or join. Start from renoir_ring_options_default(). */
typedef struct RenoirRingOptions {
    uint32_t struct_size;  /**< Filled in by renoir_ring_options_default(). */
    uint32_t flags;        /**< RENOIR_RING_* */
    uint32_t element_size; /**< SPSC: bytes, 1 to 2^20. RECORD: not used. */
    uint32_t max_record;   /**< RECORD: the longest record in bytes, at most capacity / 2.
                                0: capacity / 4. SPSC: not used. */
    uint64_t capacity;     /**< A power of two. SPSC: elements, 2 to 2^31. RECORD: bytes, 64 to
                                2^40, the 8 that precede each record and its padding to 8 included. */
    uint32_t max_ends;     /**< Not used by these kinds. */
    uint32_t reserved;     /**< 0 */
    void *memory;          /**< If region is NULL: where the ring lies; 128-byte aligned, zeroed
                                before its first use, private or shared. */
    size_t memory_size;    /**< At least renoir_ring_size(). */
    uint64_t spin_ns;      /**< How long a wait of this end looks again and again before it sleeps;
                                or RENOIR_SPIN_NEVER, RENOIR_SPIN_ALWAYS. 0: 50 microseconds, and
                                nothing where the machine has only one CPU. */
} RenoirRingOptions;

/** One end of a ring. Private to one thread; look, do not touch. */
typedef struct RenoirRingEnd {
    void *shared;        /**< the ring */
    uint8_t *cells;      /**< its elements or records */
    uint64_t mask;       /**< capacity - 1 */
    uint64_t position;   /**< elements or bytes that this end has published or given back */
    uint64_t seen;       /**< how far this end can go before it looks at the other one again */
    uint64_t pending;    /**< elements claimed, bytes reserved, or bytes of the record peeked at */
    uint64_t lost_count; /**< 0 */
    uint64_t after_mask; /**< 0 */
    uint32_t element_size;
    uint32_t stride;
    uint32_t role;       /**< RENOIR_PRODUCER, RENOIR_CONSUMER; 0: closed */
    uint32_t index;      /**< 0 */
    uint32_t flags;      /**< RENOIR_RING_*, and bits of Renoir's own */
    uint32_t kind;       /**< RENOIR_RING_SPSC, RENOIR_RING_RECORD */
    uint32_t push_size;  /**< element_size of a producer, else 0 */
    uint32_t pop_size;   /**< element_size of a consumer, else 0 */
    uint32_t max_record; /**< RECORD: the longest record */
    uint32_t streak;     /**< steers how long to pause before looking at the other end */
    uint32_t patience;   /**< the most that streak may become */
    uint32_t reserved;   /**< 0 */
    uint64_t wanted;     /**< RECORD: the room that the last refused call asked for */
    void *internal;
} RenoirRingEnd;

/** One end of a queue of elements of one size. */
typedef struct RenoirSpsc {
    RenoirRingEnd end;
} RenoirSpsc;

/** One end of a queue of records of any length. */
typedef struct RenoirRecordRing {
    RenoirRingEnd end;
} RenoirRecordRing;

/** A ring's counts. RECORD: bytes, those that precede each record and the padding included. */
typedef struct RenoirRingStats {
    uint64_t capacity;
    uint64_t size;       /**< waiting now */
    uint64_t writes;     /**< published since the ring was made */
    uint64_t reads;      /**< given back since the ring was made */
    uint64_t overwrites; /**< 0: these kinds never overwrite */
    uint64_t skipped;    /**< 0: these kinds never skip */
    uint64_t reserved[2];
} RenoirRingStats;

/** Every field at its default. */
RENOIR_INLINE RenoirRingOptions renoir_ring_options_default(void)
{
    RenoirRingOptions options;
    memset(&options, 0, sizeof options);
    options.struct_size = (uint32_t)sizeof options;
    return options;
}

/* --- both kinds ---------------------------------------------------------------------------------
 */

/** Bytes that a ring of this kind needs. 0: impossible options; the message says which. */
RENOIR_API size_t renoir_ring_size(uint32_t kind, const RenoirRingOptions *options);

/**
 * Finds or makes a queue of elements, and takes one of its two roles.
 *
 * @param      region   where the ring is; NULL: in options->memory
 * @param      name     in the region, 1 to 63 bytes; not used without a region
 * @param      options  read during the call only
 * @param      role     RENOIR_PRODUCER or RENOIR_CONSUMER
 * @param[out] out_end  zero unless the call succeeds
 *
 * @retval RENOIR_EXISTS              the ring is there on other terms; the message names both
 * @retval RENOIR_LIMIT_REACHED       a live process has the role; the message says who. Or the
 *                                    region's directory is full.
 * @retval RENOIR_ALIGNMENT_ERROR     options->memory is not 128-byte aligned
 * @retval RENOIR_INSUFFICIENT_SPACE  the region or options->memory is too small
 * @retval RENOIR_UNSUPPORTED         an unknown flag or option
 * @retval RENOIR_PERMISSION_DENIED   the region is open for reading only
 * @retval RENOIR_INVALID_STATE       the region was opened before a fork
 * @retval RENOIR_VERSION_MISMATCH    made with another layout version
 * @retval RENOIR_CORRUPTED           what is there contradicts itself
 * @retval RENOIR_CONCURRENCY_ERROR   somebody stopped while making it
 * @retval RENOIR_OUT_OF_MEMORY
 *
 * A dead holder's end is taken over where it stood. Owner: you; give it back with
 * renoir_ring_close().
 */
RENOIR_INLINE RENOIR_NODISCARD RenoirErrorCode renoir_spsc_open(RenoirRegionHandle region,
                                                                const char *name,
                                                                const RenoirRingOptions *options,
                                                                uint32_t role,
                                                                RenoirSpsc *out_end);

/** The same for records. */
RENOIR_INLINE RENOIR_NODISCARD RenoirErrorCode
renoir_record_ring_open(RenoirRegionHandle region,
                        const char *name,
                        const RenoirRingOptions *options,
                        uint32_t role,
                        RenoirRecordRing *out_end);

/**
 * Waits until this end can go on: a producer of elements has room for one, a producer of records
 * for what it was last refused (else for the smallest), a consumer has something to take.
 *
 * @retval RENOIR_SUCCESS       it can
 * @retval RENOIR_TIMEOUT       timeout_ns have passed; never earlier, and signals do not matter
 * @retval RENOIR_BUFFER_FULL   RENOIR_NO_WAIT, and a producer cannot go on
 * @retval RENOIR_BUFFER_EMPTY  RENOIR_NO_WAIT, and a consumer cannot
 * @retval RENOIR_DISCONNECTED  the opposite end was there and is gone, closed or dead, even if it
 *                              was gone before this end came; a consumer first gets what is left.
 *                              One that has not come yet is waited for.
 * @retval RENOIR_UNSUPPORTED   the ring is not WAITABLE
 * @retval RENOIR_INVALID_STATE the end was opened before a fork
 * @retval RENOIR_CORRUPTED     what the other side wrote contradicts itself, or the region's file
 *                              was cut short
 */
RENOIR_API RenoirErrorCode renoir_ring_wait(const RenoirRingEnd *end, uint64_t timeout_ns);

/** Elements or bytes waiting; a hint. 0 for a closed end. */
RENOIR_API uint64_t renoir_ring_count(const RenoirRingEnd *end);

/** The ring's counts, from its positions: nothing is counted on the hot path. */
RENOIR_API RenoirErrorCode renoir_ring_stats(const RenoirRingEnd *end, RenoirRingStats *out_stats);

/**
 * Gives the role back and leaves the ring. What was claimed or reserved is given up. NULL and a
 * closed end are ignored.
 */
RENOIR_API void renoir_ring_close(RenoirRingEnd *end);

/* --- elements of one size -----------------------------------------------------------------------
 *
 * element_size must be the ring's; where it is a constant, the copy is a plain load and store. An
 * end of the other role, a closed end, another element_size and NULL are RENOIR_INVALID_PARAMETER.
 */

/** Copies one element in. RENOIR_BUFFER_FULL: `capacity` elements wait. */
RENOIR_INLINE RenoirErrorCode renoir_spsc_try_push(RenoirSpsc *ring,
                                                   const void *element,
                                                   size_t element_size);

/** Copies the oldest element out. RENOIR_BUFFER_EMPTY: none waits. */
RENOIR_INLINE RenoirErrorCode renoir_spsc_try_pop(RenoirSpsc *ring,
                                                  void *out_element,
                                                  size_t element_size);

/**
 * Copies in as many of `count` elements as go, at least one, with one publication for all.
 * *out_count says how many. RENOIR_BUFFER_FULL: none. A count of 0 succeeds.
 */
RENOIR_INLINE RenoirErrorCode renoir_spsc_push_n(
    RenoirSpsc *ring, const void *elements, size_t element_size, size_t count, size_t *out_count);

/**
 * Copies out as many as there are, at least one and at most `count`. *out_count says how many.
 * RENOIR_BUFFER_EMPTY: none. A count of 0 succeeds.
 */
RENOIR_INLINE RenoirErrorCode renoir_spsc_pop_n(
    RenoirSpsc *ring, void *out_elements, size_t element_size, size_t count, size_t *out_count);

/**
 * Room for up to max_count elements, contiguous, to write in place; *out_count says how many (fewer
 * before the end of the ring). Nobody sees them before renoir_spsc_commit(). RENOIR_BUFFER_FULL.
 */
RENOIR_INLINE RenoirErrorCode renoir_spsc_claim(RenoirSpsc *ring,
                                                size_t max_count,
                                                void **out_elements,
                                                size_t *out_count);

/** Publishes the first `count` of those claimed, and gives the rest back. 0 gives all back. */
RENOIR_INLINE void renoir_spsc_commit(RenoirSpsc *ring, size_t count);

/**
 * Up to max_count of the oldest elements, contiguous, to read in place; *out_count says how many.
 * They stay until renoir_spsc_consume(). RENOIR_BUFFER_EMPTY.
 */
RENOIR_INLINE RenoirErrorCode renoir_spsc_peek(RenoirSpsc *ring,
                                               size_t max_count,
                                               const void **out_elements,
                                               size_t *out_count);

/** Gives the `count` oldest elements back; at most those that were looked at. */
RENOIR_INLINE void renoir_spsc_consume(RenoirSpsc *ring, size_t count);

/* --- records of any length ----------------------------------------------------------------------
 *
 * Up to max_record bytes, 8-byte aligned, contiguous; `tag` is yours. Every length that is accepted
 * fits into the ring once it is empty. An end of the other role, a closed end and NULL are
 * RENOIR_INVALID_PARAMETER; `data` may be NULL where `length` is 0.
 */

/** Copies one record in. RENOIR_BUFFER_FULL; RENOIR_MESSAGE_TOO_LARGE: longer than max_record. */
RENOIR_INLINE RenoirErrorCode renoir_record_ring_try_push(RenoirRecordRing *ring,
                                                          const void *data,
                                                          size_t length,
                                                          uint32_t tag);

/**
 * Copies the oldest record out. RENOIR_BUFFER_EMPTY; RENOIR_INSUFFICIENT_SPACE: `size` is too
 * small, *out_length says how much is needed, and the record stays. out_tag may be NULL.
 */
RENOIR_INLINE RenoirErrorCode renoir_record_ring_try_pop(
    RenoirRecordRing *ring, void *buffer, size_t size, size_t *out_length, uint32_t *out_tag);

/**
 * Room for a record of up to `length` bytes, to write in place. Nobody sees it before
 * renoir_record_ring_commit(). A second call before that starts again. RENOIR_BUFFER_FULL;
 * RENOIR_MESSAGE_TOO_LARGE: longer than max_record.
 */
RENOIR_INLINE RenoirErrorCode renoir_record_ring_reserve(RenoirRecordRing *ring,
                                                         size_t length,
                                                         void **out_data);

/** Publishes the reserved record with its final length, at most the reserved one. Does nothing if
 *  none is reserved, or if length is more than was. */
RENOIR_INLINE void renoir_record_ring_commit(RenoirRecordRing *ring, size_t length, uint32_t tag);

/** Gives the reserved room back. */
RENOIR_INLINE void renoir_record_ring_abort(RenoirRecordRing *ring);

/**
 * The oldest record, to read in place. It stays until renoir_record_ring_consume(); looking again
 * gives the same. RENOIR_BUFFER_EMPTY; out_tag may be NULL.
 */
RENOIR_INLINE RenoirErrorCode renoir_record_ring_peek(RenoirRecordRing *ring,
                                                      const void **out_data,
                                                      size_t *out_length,
                                                      uint32_t *out_tag);

/** Gives the record back that was looked at. Does nothing if none was. */
RENOIR_INLINE void renoir_record_ring_consume(RenoirRecordRing *ring);

/* --- for the inline functions only ---------------------------------------------------------------
 */

/** What the inline calls and the library must agree on: what an end's fields mean, and its size. */
#define RENOIR_DETAIL_RING_END_ABI ((uint32_t)((1u << 16) | sizeof(RenoirRingEnd)))

/** What the two open calls do. `abi`: of the headers that the caller was built with. */
RENOIR_API RENOIR_NODISCARD RenoirErrorCode
renoir_detail_ring_open(uint32_t kind,
                        RenoirRegionHandle region,
                        const char *name,
                        const RenoirRingOptions *options,
                        uint32_t role,
                        uint32_t abi,
                        RenoirRingEnd *out_end);
/** Wakes the other end. */
RENOIR_API void renoir_detail_ring_wake(const RenoirRingEnd *end);
/** Records why a call was refused: INVALID_PARAMETER, or INVALID_STATE after a fork. */
RENOIR_API RenoirErrorCode renoir_detail_ring_refuse(const RenoirRingEnd *end,
                                                     uint32_t kind,
                                                     uint32_t role,
                                                     size_t element_size);
/** Records that the other end's position cannot be: CORRUPTED. */
RENOIR_API RenoirErrorCode renoir_detail_ring_bad_position(const RenoirRingEnd *end,
                                                           uint64_t position);
/** Records that a record's length cannot be: CORRUPTED. */
RENOIR_API RenoirErrorCode renoir_detail_ring_bad_record(const RenoirRingEnd *end, uint64_t length);
/** Records a record longer than the ring takes: MESSAGE_TOO_LARGE. */
RENOIR_API RenoirErrorCode renoir_detail_ring_too_large(const RenoirRingEnd *end, size_t length);
/** Records a buffer too small for a record: INSUFFICIENT_SPACE. */
RENOIR_API RenoirErrorCode renoir_detail_ring_too_small(size_t size, size_t length);

#ifdef __cplusplus
}
#endif

#include "renoir/detail/ring_spsc.h"

#include "renoir/detail/ring_record.h"

#endif
