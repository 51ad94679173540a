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
#include "renoir/waitset.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @file
 * Queues between processes, in a region (by name) or in any memory of yours.
 *
 *     kind        from    to          for
 *     SPSC        one     one         elements of one size: the fastest
 *     RECORD      one     one         records of any length
 *     MPMC        many    many        work: each element goes to one of the consumers
 *     SEQUENCED   one or  many        pipelines: every consumer sees every element, after those
 *                 many                that it is declared to come after; the slowest holds all back
 *     BROADCAST   one     many        news: the producer never waits, and a slow consumer is told
 *                                     exactly how much it missed
 *     PRIORITY    one     one         records in three lanes, the urgent first
 *
 * Everything RENOIR_INLINE below is lock-free (SPSC and RECORD: wait-free), allocates nothing, and
 * makes no system call but for a wake-up when somebody sleeps at a WAITABLE ring, and where it is
 * held up by an end that may be dead, at most every 100 microseconds. In a stream at full speed a
 * call that has used up what it knew of pauses for at most some 3 microseconds before it looks at
 * the other ends, which then have more to offer; "full" and "empty" are true at the moment of the
 * look.
 *
 * Lifetime   A ring in a region is an object of it, and stays until the object or the region is
 *            removed; one in your memory lives as long as that does. An end belongs to you from
 *            open to renoir_ring_close(), keeps the region mapped, and must not be copied.
 * Threads    An end belongs to one thread at a time. All ends run at the same time, in any threads
 *            and processes.
 * Fork       An end does not survive fork(). Calls that are not inline return RENOIR_INVALID_STATE
 *            in the child; inline ones are not checked: do not make them there.
 * Trust      What other processes wrote is checked before it is used: a call then returns
 *            RENOIR_CORRUPTED. It cannot make a call read or write outside the ring. The bytes of
 *            elements and records are their writer's own.
 *
 * Death      What a process had not published never happened, and its claim is skipped; what it had
 *            not given back is delivered again, to the next one that opens its end or, MPMC, to
 *            another consumer. The role of a dead process is free at once. In memory without a
 *            region nobody can tell that a process has died: its role stays taken.
 */

/** Flags of a ring. All who open it give the same. */
enum {
    RENOIR_RING_WAITABLE = 1 << 0,       /**< renoir_ring_wait() works; costs one load of a quiet
                                              line per operation */
    RENOIR_RING_MULTI_PRODUCER = 1 << 1, /**< SEQUENCED: up to 32 producers instead of one */
    RENOIR_RING_FAIR = 1 << 2,   /**< PRIORITY: serve critical, high and low by 20, 50 and 30 of a
                                      hundred records while all three wait, instead of strictly by
                                      priority; so that low never starves */
    RENOIR_RING_STAMPED = 1 << 3 /**< SPSC: element and stamp on one line, or, from 57 bytes on, on
                                      neighbouring ones: the shortest round trip, at more memory.
                                      claim and peek then give one element at a time */
};

/** Kinds of rings. */
enum {
    RENOIR_RING_SPSC = 1,
    RENOIR_RING_RECORD,
    RENOIR_RING_MPMC,
    RENOIR_RING_SEQUENCED,
    RENOIR_RING_BROADCAST,
    RENOIR_RING_PRIORITY
};

/** Lanes of a PRIORITY ring, the most urgent first: 20, 50 and 30 % of its bytes, each rounded up
 * to a power of two. */
enum {
    RENOIR_PRIORITY_CRITICAL = 0, /**< control that cannot wait */
    RENOIR_PRIORITY_HIGH = 1,     /**< the program's business */
    RENOIR_PRIORITY_LOW = 2       /**< what can wait: logs, background work */
};

/** What ring to make or join. Start from renoir_ring_options_default(). */
typedef struct RenoirRingOptions {
    uint32_t struct_size;  /**< Filled in by renoir_ring_options_default(). */
    uint32_t flags;        /**< RENOIR_RING_* */
    uint32_t element_size; /**< Bytes, 1 to 2^20. RECORD, PRIORITY: not used. */
    uint32_t max_record;   /**< RECORD: the longest record in bytes, at most capacity / 2.
                                0: capacity / 4. PRIORITY: the same of the smallest lane. Others:
                                not used. */
    uint64_t capacity;    /**< A power of two. Elements: 2 to 2^31. RECORD: bytes, 64 to 2^40, the 8
                               that precede each record and its padding to 8 included. PRIORITY:
                               bytes of the three lanes before they are rounded up, 512 to 2^40. */
    uint32_t max_ends;    /**< MPMC: ends, 2 to 126. SEQUENCED, BROADCAST: consumers, 1 to 64.
                               0: 64. Others: not used. */
    uint32_t lane_shares; /**< PRIORITY: renoir_priority_shares(). 0: 20, 50 and 30 per cent.
                             Others: 0. */
    void *memory;         /**< If region is NULL: where the ring lies; 128-byte aligned, zeroed
                               before its first use, private or shared. */
    size_t memory_size;   /**< At least renoir_ring_size(). */
    uint64_t spin_ns;     /**< How long a wait of this end looks again and again before it sleeps;
                               or RENOIR_SPIN_NEVER, RENOIR_SPIN_ALWAYS. 0: 50 microseconds, and
                               nothing where the machine has only one CPU. */
} RenoirRingOptions;

/** One end of a ring. Private to one thread; look, do not touch. */
typedef struct RenoirRingEnd {
    void *shared;        /**< the ring */
    uint8_t *cells;      /**< its elements, slots or records */
    uint64_t mask;       /**< capacity - 1 */
    uint64_t position;   /**< elements or bytes that this end has published or given back */
    uint64_t seen;       /**< how far this end can go before it looks at the others again */
    uint64_t pending;    /**< elements claimed, bytes reserved, or bytes of the record peeked at.
                              PRIORITY: the lane of that record, + 1 */
    uint64_t lost_count; /**< BROADCAST, a consumer: elements missed so far */
    uint64_t after_mask; /**< SEQUENCED, a consumer: those that it comes after; a producer: the
                              consumers that are present */
    uint32_t element_size;
    uint32_t stride;
    uint32_t role;       /**< RENOIR_PRODUCER, RENOIR_CONSUMER; 0: closed */
    uint32_t index;      /**< of this end's role in the ring */
    uint32_t flags;      /**< RENOIR_RING_*, and bits of Renoir's own */
    uint32_t kind;       /**< RENOIR_RING_SPSC and others */
    uint32_t push_size;  /**< element_size of a producer, else 0 */
    uint32_t pop_size;   /**< element_size of a consumer, else 0 */
    uint32_t max_record; /**< RECORD, PRIORITY: the longest record */
    uint32_t streak;     /**< steers how long to pause before looking at the other end */
    uint32_t patience;   /**< the most that streak may become */
    uint32_t shift;      /**< capacity = 1 << shift */
    uint64_t wanted;     /**< RECORD, PRIORITY: the room that the last refused call asked for.
                              SEQUENCED: the elements it asked for; a consumer: the tail it last saw */
    uint64_t
        claimed; /**< MPMC: the position of the slot claimed. SEQUENCED: of the next one of the
                      claim, or where what was peeked at ends. PRIORITY: the lane that refused */
    uint64_t blocked_at; /**< where this end was held up last */
    uint64_t blocked_ns; /**< since when */
    uint32_t left;       /**< MPMC: what it has seen of slots left out */
    uint32_t rescan;     /**< MPMC: what it has seen of elements left behind. SEQUENCED: of
                              consumers that have joined */
    uint32_t scan;       /**< MPMC: where looking for those goes on. PRIORITY: turns taken */
    uint32_t scan_end;   /**< MPMC: where it ends */
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

/** One end of a queue from many to many. */
typedef struct RenoirMpmc {
    RenoirRingEnd end;
} RenoirMpmc;

/** One end of a queue whose consumers all see every element. */
typedef struct RenoirSequenced {
    RenoirRingEnd end;
} RenoirSequenced;

/** One end of a queue whose producer never waits. */
typedef struct RenoirBroadcast {
    RenoirRingEnd end;
} RenoirBroadcast;

/** One end of three queues of records, and of each of them. */
typedef struct RenoirPriorityRing {
    RenoirRingEnd end;
    RenoirRecordRing lanes[3];
} RenoirPriorityRing;

/** A ring's counts, in elements. RECORD, PRIORITY: bytes, those that precede each record and the
 *  padding included; of the end of a PRIORITY ring the sum, of lanes[i].end one lane. */
typedef struct RenoirRingStats {
    uint64_t capacity;
    uint64_t size;       /**< waiting now; for the slowest consumer, where each has a place of its
                              own */
    uint64_t writes;     /**< published since the ring was made */
    uint64_t reads;      /**< given back since the ring was made; BROADCAST: 0 */
    uint64_t overwrites; /**< BROADCAST: those that nobody can read any more; others: 0 */
    uint64_t skipped;    /**< MPMC, SEQUENCED: slots of dead claimers */
    uint64_t reserved[2];
} RenoirRingStats;

/** How a PRIORITY ring's bytes are shared out among its lanes: per cent, at least 1 each, 100 in
 * all (else opening it is INVALID_PARAMETER). Each lane is then rounded up to a power of two. */
RENOIR_INLINE uint32_t renoir_priority_shares(uint32_t critical, uint32_t high, uint32_t low)
{
    return (critical & 0xffu) | (high & 0xffu) << 8 | (low & 0xffu) << 16;
}

/** Every field at its default. */
RENOIR_INLINE RenoirRingOptions renoir_ring_options_default(void)
{
    RenoirRingOptions options;
    memset(&options, 0, sizeof options);
    options.struct_size = (uint32_t)sizeof options;
    return options;
}

/* --- all kinds ----------------------------------------------------------------------------------
 */

/** Bytes that a ring of this kind needs. 0: impossible options; the message says which. */
RENOIR_API size_t renoir_ring_size(uint32_t kind, const RenoirRingOptions *options);

/**
 * Finds or makes a queue of elements from one to one, and takes one of its two roles.
 *
 * @param      region   where the ring is; NULL: in options->memory
 * @param      name     in the region, 1 to 63 bytes; not used without a region
 * @param      options  read during the call only
 * @param      role     RENOIR_PRODUCER or RENOIR_CONSUMER
 * @param[out] out_end  zero unless the call succeeds
 *
 * @retval RENOIR_EXISTS              the ring is there on other terms; the message names both
 * @retval RENOIR_LIMIT_REACHED       a live process has the role, or all ends are taken; the
 *                                    message says who. Or the region's directory is full.
 * @retval RENOIR_ALIGNMENT_ERROR     options->memory is not 128-byte aligned
 * @retval RENOIR_INSUFFICIENT_SPACE  the region or options->memory is too small
 * @retval RENOIR_UNSUPPORTED         an unknown flag or option
 * @retval RENOIR_PERMISSION_DENIED   the region is open for reading only
 * @retval RENOIR_INVALID_STATE       the region was opened before a fork
 * @retval RENOIR_VERSION_MISMATCH    made with another layout version
 * @retval RENOIR_CORRUPTED           what is there contradicts itself
 * @retval RENOIR_CONCURRENCY_ERROR   somebody stopped while making it, or while taking the end back
 *                                    from a dead process
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

/** The same for a queue from many to many; each open takes one of its max_ends ends. */
RENOIR_INLINE RENOIR_NODISCARD RenoirErrorCode renoir_mpmc_open(RenoirRegionHandle region,
                                                                const char *name,
                                                                const RenoirRingOptions *options,
                                                                uint32_t role,
                                                                RenoirMpmc *out_end);

/**
 * The same for a queue whose consumers all see every element.
 *
 * @param index       a consumer's number, 0 to max_ends - 1; a producer gives 0
 * @param after_mask  a consumer sees an element after the consumers of this mask (bit i: index i)
 *                    are done with it. 0: as soon as it is published. One that has not come yet is
 *                    waited for; one that has closed or died counts as done with all it could see.
 *                    A mask that leads back to the consumer itself is INVALID_PARAMETER.
 *
 * A consumer that comes anew starts at the oldest element left; one whose index has been used
 * before, where its predecessor stood if that is still there. While no consumer has come yet, the
 * producer stops when the ring is full; consumers that have closed or died hold nobody back.
 */
RENOIR_INLINE RENOIR_NODISCARD RenoirErrorCode
renoir_sequenced_open(RenoirRegionHandle region,
                      const char *name,
                      const RenoirRingOptions *options,
                      uint32_t role,
                      uint32_t index,
                      uint64_t after_mask,
                      RenoirSequenced *out_end);

/**
 * The same for a queue whose producer never waits. A consumer starts at the oldest element left. In
 * a region that is open for reading only, a consumer takes no end, and there may be any number.
 */
RENOIR_INLINE RENOIR_NODISCARD RenoirErrorCode
renoir_broadcast_open(RenoirRegionHandle region,
                      const char *name,
                      const RenoirRingOptions *options,
                      uint32_t role,
                      RenoirBroadcast *out_end);

/** The same for records in three lanes. */
RENOIR_INLINE RENOIR_NODISCARD RenoirErrorCode
renoir_priority_ring_open(RenoirRegionHandle region,
                          const char *name,
                          const RenoirRingOptions *options,
                          uint32_t role,
                          RenoirPriorityRing *out_end);

/**
 * Waits until this end can go on: a producer of elements has room for one, a producer of records or
 * of several elements for what it was last refused (else for the smallest), a consumer has
 * something to take. A BROADCAST producer can always go on.
 *
 * @retval RENOIR_SUCCESS       it can
 * @retval RENOIR_TIMEOUT       timeout_ns have passed; never earlier, and signals do not matter
 * @retval RENOIR_BUFFER_FULL   RENOIR_NO_WAIT, and a producer cannot go on
 * @retval RENOIR_BUFFER_EMPTY  RENOIR_NO_WAIT, and a consumer cannot
 * @retval RENOIR_DISCONNECTED  the opposite ends were there and all are gone, closed or dead, even
 *                              if they were gone before this end came; a consumer first gets what
 *                              is left. Where none has come yet, one is waited for. A SEQUENCED
 *                              producer whose consumers are all gone can go on.
 * @retval RENOIR_UNSUPPORTED   the ring is not WAITABLE
 * @retval RENOIR_INVALID_STATE the end was opened before a fork
 * @retval RENOIR_CORRUPTED     what the other side wrote contradicts itself, or the region's file
 *                              was cut short
 */
RENOIR_API RenoirErrorCode renoir_ring_wait(const RenoirRingEnd *end, uint64_t timeout_ns);

/**
 * This end as a member for a wait set: ready when renoir_ring_wait() would not wait; and an event
 * says when the opposite ends are gone. The end must stay where it is while it is in a set, whose
 * waits its thread makes. It leaves the set when it is closed. NULL: the ring is not WAITABLE, or
 * the end is closed or from before a fork; the record says which.
 */
RENOIR_API RenoirWaitableHandle renoir_ring_waitable(RenoirRingEnd *end);

/** Elements or bytes waiting, for this end if it is a consumer with a place of its own; a hint. 0
 * for a closed end. */
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

/* --- elements, from many to many ----------------------------------------------------------------
 *
 * Each element goes to one consumer; first in, first out. No end waits for another: a slot whose
 * claimer died is skipped (renoir_ring_stats() counts it) or its element delivered again, and one
 * whose claimer does not go on for 5 ms is left out until it does; its element is then delivered
 * late, and exactly once.
 */

/** Copies one element in. RENOIR_BUFFER_FULL. */
RENOIR_INLINE RenoirErrorCode renoir_mpmc_try_push(RenoirMpmc *ring,
                                                   const void *element,
                                                   size_t element_size);

/** Copies an element out. RENOIR_BUFFER_EMPTY. */
RENOIR_INLINE RenoirErrorCode renoir_mpmc_try_pop(RenoirMpmc *ring,
                                                  void *out_element,
                                                  size_t element_size);

/** Copies in as many of `count` as go; *out_count says how many. RENOIR_BUFFER_FULL: none. They
 * need not follow one another in the ring when other producers are at work. */
RENOIR_INLINE RenoirErrorCode renoir_mpmc_push_n(
    RenoirMpmc *ring, const void *elements, size_t element_size, size_t count, size_t *out_count);

/** Copies out as many as there are, at most `count`. RENOIR_BUFFER_EMPTY: none. */
RENOIR_INLINE RenoirErrorCode renoir_mpmc_pop_n(
    RenoirMpmc *ring, void *out_elements, size_t element_size, size_t count, size_t *out_count);

/**
 * Room for one element, to write in place, 16-byte aligned. Nobody sees it before
 * renoir_mpmc_commit(). RENOIR_BUFFER_FULL; RENOIR_INVALID_STATE: one is claimed already.
 */
RENOIR_INLINE RenoirErrorCode renoir_mpmc_claim(RenoirMpmc *ring, void **out_element);

/** Publishes the claimed element. Does nothing if none is claimed. */
RENOIR_INLINE void renoir_mpmc_commit(RenoirMpmc *ring);

/** Gives the claimed room back. */
RENOIR_INLINE void renoir_mpmc_abort(RenoirMpmc *ring);

/**
 * An element, to read in place; it is this end's alone and stays until renoir_mpmc_consume().
 * Looking again gives the same. RENOIR_BUFFER_EMPTY.
 */
RENOIR_INLINE RenoirErrorCode renoir_mpmc_peek(RenoirMpmc *ring, const void **out_element);

/** Gives the element back that was looked at. Does nothing if none was. */
RENOIR_INLINE void renoir_mpmc_consume(RenoirMpmc *ring);

/* --- elements, in sequence, for all consumers ----------------------------------------------------
 *
 * Sequence numbers are 1, 2, 3 … without a gap. With many producers a claim whose owner died is
 * skipped: consumers then see a gap.
 */

/**
 * Room for `count` elements, at most the capacity; *out_sequence is the number of the first, the
 * others follow. Nobody sees them before renoir_sequenced_publish(). One producer may have one
 * claim at a time (RENOIR_INVALID_STATE). RENOIR_BUFFER_FULL: the slowest consumer has not made
 * room.
 */
RENOIR_INLINE RenoirErrorCode renoir_sequenced_claim(RenoirSequenced *ring,
                                                     size_t count,
                                                     uint64_t *out_sequence);

/** Where the element of a claimed number is to be written, or of one peeked at to be read. NULL:
 * not claimed, or not peeked at, by this end. */
RENOIR_INLINE void *renoir_sequenced_slot(RenoirSequenced *ring, uint64_t sequence);

/** Publishes the `count` next elements of the claim, from its first one not yet published, which is
 *  `sequence`; anything else does nothing. */
RENOIR_INLINE void renoir_sequenced_publish(RenoirSequenced *ring, uint64_t sequence, size_t count);

/** Copies in all of `count` elements, or none (RENOIR_BUFFER_FULL): claim, write, publish. */
RENOIR_INLINE RenoirErrorCode renoir_sequenced_try_push_n(RenoirSequenced *ring,
                                                          const void *elements,
                                                          size_t element_size,
                                                          size_t count);

/** Copies in one element. RENOIR_BUFFER_FULL. */
RENOIR_INLINE RenoirErrorCode renoir_sequenced_try_push(RenoirSequenced *ring,
                                                        const void *element,
                                                        size_t element_size);

/**
 * The elements that this consumer may look at: *out_count of them from number *out_sequence on, by
 * renoir_sequenced_slot(). They stay until renoir_sequenced_consume(). RENOIR_BUFFER_EMPTY.
 */
RENOIR_INLINE RenoirErrorCode renoir_sequenced_peek(RenoirSequenced *ring,
                                                    uint64_t *out_sequence,
                                                    size_t *out_count);

/** Is done with the `count` oldest of those peeked at. */
RENOIR_INLINE void renoir_sequenced_consume(RenoirSequenced *ring, size_t count);

/** Copies the next element out, and is done with it. out_sequence may be NULL. RENOIR_BUFFER_EMPTY.
 */
RENOIR_INLINE RenoirErrorCode renoir_sequenced_try_consume(RenoirSequenced *ring,
                                                           void *out_element,
                                                           size_t element_size,
                                                           uint64_t *out_sequence);

/** Copies out as many as there are, at most `count`; *out_sequence, which may be NULL, is the
 * number of the first, and the others follow it without a gap. RENOIR_BUFFER_EMPTY: none. */
RENOIR_INLINE RenoirErrorCode renoir_sequenced_consume_n(RenoirSequenced *ring,
                                                         void *out_elements,
                                                         size_t element_size,
                                                         size_t count,
                                                         uint64_t *out_sequence,
                                                         size_t *out_count);

/* --- elements, from one that never waits ---------------------------------------------------------
 *
 * A consumer that was overtaken goes on at the oldest element left; if it is overtaken again while
 * it reads that, or before it has read as many as the ring holds, farther ahead, so that it gets
 * on. *out_lost, which may be NULL, is exactly how many it missed before the one it gets: received
 * + lost = written. One that was overtaken in each of 64 tries gets RENOIR_BUFFER_EMPTY.
 */

/** Copies one element in, over the oldest. Wrong arguments do nothing, but leave an error record.
 */
RENOIR_INLINE void
renoir_broadcast_push(RenoirBroadcast *ring, const void *element, size_t element_size);

/** Copies in `count` elements. */
RENOIR_INLINE void renoir_broadcast_push_n(RenoirBroadcast *ring,
                                           const void *elements,
                                           size_t element_size,
                                           size_t count);

/** Room for the next element, to write in place; never NULL for an open producer. The oldest
 * element is gone from here on. */
RENOIR_INLINE void *renoir_broadcast_claim(RenoirBroadcast *ring);

/** Publishes the claimed element. Does nothing if none is claimed. */
RENOIR_INLINE void renoir_broadcast_publish(RenoirBroadcast *ring);

/** Copies the next element out. RENOIR_BUFFER_EMPTY. */
RENOIR_INLINE RenoirErrorCode renoir_broadcast_try_pop(RenoirBroadcast *ring,
                                                       void *out_element,
                                                       size_t element_size,
                                                       uint64_t *out_lost);

/** Copies out as many as there are, at most `count`, without a gap between them; *out_lost were
 *  missed before the first. RENOIR_BUFFER_EMPTY: none. */
RENOIR_INLINE RenoirErrorCode renoir_broadcast_pop_n(RenoirBroadcast *ring,
                                                     void *out_elements,
                                                     size_t element_size,
                                                     size_t count,
                                                     size_t *out_count,
                                                     uint64_t *out_lost);

/** The next element, to read in place. The producer may overwrite it at any time: what was read is
 *  true only if renoir_broadcast_consume() says so. RENOIR_BUFFER_EMPTY. */
RENOIR_INLINE RenoirErrorCode renoir_broadcast_peek(RenoirBroadcast *ring,
                                                    const void **out_element,
                                                    uint64_t *out_lost);

/** Is done with the element peeked at. RENOIR_OVERRUN: it was overwritten meanwhile, discard it; it
 *  counts as lost with the next one. RENOIR_INVALID_STATE: none was peeked at. */
RENOIR_INLINE RenoirErrorCode renoir_broadcast_consume(RenoirBroadcast *ring);

/** Copies the newest element out, and leaves this end where it is. out_sequence, which may be NULL:
 *  its number, from 1. RENOIR_BUFFER_EMPTY: none yet. RENOIR_OVERRUN: the newest was overwritten
 *  in each of 64 tries; where a ring is small and its elements are large, ask again. */
RENOIR_INLINE RenoirErrorCode renoir_broadcast_read_latest(RenoirBroadcast *ring,
                                                           void *out_element,
                                                           size_t element_size,
                                                           uint64_t *out_sequence);

/** Goes to the newest element, which is next then. Returns how many were passed over; they count
 *  neither as read nor as lost. */
RENOIR_INLINE uint64_t renoir_broadcast_skip_to_latest(RenoirBroadcast *ring);

/* --- records in three lanes ----------------------------------------------------------------------
 *
 * As for RECORD, by lane. A full lane does not block another. In order within a lane.
 */

/** Copies one record into its lane. RENOIR_BUFFER_FULL: the lane is; RENOIR_MESSAGE_TOO_LARGE;
 *  RENOIR_INVALID_PARAMETER: priority is not RENOIR_PRIORITY_*. */
RENOIR_INLINE RenoirErrorCode renoir_priority_ring_try_push(
    RenoirPriorityRing *ring, uint32_t priority, const void *data, size_t length, uint32_t tag);

/** Room for a record in a lane, to write in place, as renoir_record_ring_reserve(). */
RENOIR_INLINE RenoirErrorCode renoir_priority_ring_reserve(RenoirPriorityRing *ring,
                                                           uint32_t priority,
                                                           size_t length,
                                                           void **out_data);

/** Publishes the record reserved last. */
RENOIR_INLINE void
renoir_priority_ring_commit(RenoirPriorityRing *ring, size_t length, uint32_t tag);

/** Gives the room back that was reserved last. */
RENOIR_INLINE void renoir_priority_ring_abort(RenoirPriorityRing *ring);

/** Copies the next record out. RENOIR_BUFFER_EMPTY; RENOIR_INSUFFICIENT_SPACE: `size` is too small,
 *  and the record stays. out_priority and out_tag may be NULL. */
RENOIR_INLINE RenoirErrorCode renoir_priority_ring_try_pop(RenoirPriorityRing *ring,
                                                           void *buffer,
                                                           size_t size,
                                                           size_t *out_length,
                                                           uint32_t *out_priority,
                                                           uint32_t *out_tag);

/** The next record, to read in place. It stays until renoir_priority_ring_consume(); looking again
 *  gives the same, even if a more urgent one has come. RENOIR_BUFFER_EMPTY. */
RENOIR_INLINE RenoirErrorCode renoir_priority_ring_peek(RenoirPriorityRing *ring,
                                                        const void **out_data,
                                                        size_t *out_length,
                                                        uint32_t *out_priority,
                                                        uint32_t *out_tag);

/** Gives the record back that was looked at. Does nothing if none was. */
RENOIR_INLINE void renoir_priority_ring_consume(RenoirPriorityRing *ring);

/* --- for the inline functions only ---------------------------------------------------------------
 */

/** What the inline calls and the library must agree on: what an end's fields mean, and its size. */
#define RENOIR_DETAIL_RING_END_ABI ((uint32_t)((2u << 16) | sizeof(RenoirRingEnd)))

/** Who asks for an end. */
typedef struct RenoirDetailRingEntry {
    uint32_t abi;  /**< of the headers that the caller was built with */
    uint32_t kind; /**< RENOIR_RING_* */
    uint32_t role; /**< RENOIR_PRODUCER, RENOIR_CONSUMER */
    uint32_t index;
    uint64_t after_mask;
    RenoirRecordRing *lanes; /**< PRIORITY: three, to be filled in too */
} RenoirDetailRingEntry;

/** What the open calls do. */
RENOIR_API RENOIR_NODISCARD RenoirErrorCode
renoir_detail_ring_open(RenoirRegionHandle region,
                        const char *name,
                        const RenoirRingOptions *options,
                        const RenoirDetailRingEntry *entry,
                        RenoirRingEnd *out_end);
/** Wakes who sleeps at these sides: bits of `sleepers`. */
RENOIR_API void renoir_detail_ring_wake(const RenoirRingEnd *end, uint32_t sleepers);
/** MPMC: this end is held up at end->position, by the slot's claim as it was seen. True: look
 * again. Finds the dead, and leaves the stopped out. */
RENOIR_API int renoir_detail_mpmc_held_up(RenoirRingEnd *end, uint64_t claim);
/** MPMC: an element of this end waits where consumers may have passed. */
RENOIR_API void renoir_detail_mpmc_call_back(RenoirRingEnd *end);
/** MPMC: claims an element behind this consumer, if there is one. */
RENOIR_API int renoir_detail_mpmc_take_behind(RenoirRingEnd *end, uint64_t *out_position);
/** MPMC: gives up what this end has claimed or peeked at. */
RENOIR_API void renoir_detail_mpmc_give_up(RenoirRingEnd *end);
/** Records that this end has a claim already: INVALID_STATE. */
RENOIR_API RenoirErrorCode renoir_detail_ring_has_claim(const RenoirRingEnd *end);
/** BROADCAST: records that this end has peeked at nothing: INVALID_STATE. */
RENOIR_API RenoirErrorCode renoir_detail_ring_has_none(const RenoirRingEnd *end);
/** SEQUENCED, a producer: looks at all consumers. *out_left: elements that it may claim. */
RENOIR_API RenoirErrorCode renoir_detail_sequenced_look_at_consumers(RenoirRingEnd *end,
                                                                     uint64_t wanted,
                                                                     uint64_t *out_left);
/** SEQUENCED, a consumer: looks at those before it. *out_left: elements that it may look at. */
RENOIR_API RenoirErrorCode renoir_detail_sequenced_look_back(RenoirRingEnd *end,
                                                             uint64_t *out_left);
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

#include "renoir/detail/ring_mpmc.h"

#include "renoir/detail/ring_sequenced.h"

#include "renoir/detail/ring_broadcast.h"

#include "renoir/detail/ring_priority.h"

#endif
