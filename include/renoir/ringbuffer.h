// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RENOIR_RINGBUFFER_H
#define RENOIR_RINGBUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "renoir/export.h"
#include "renoir/region.h"
#include "renoir/ring.h"
#include "renoir/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @file
 * The single-producer single-consumer queue of ring.h behind handles, for bindings and for those
 * who want to wait inside the call.
 *
 * Lifetime   A ring in a region is an object of it and stays until it is destroyed; one without a
 *            region is this process's. Producers and consumers live as long as their ring's handle.
 * Threads    A producer and a consumer belong to one thread each at a time; the ring's handle to
 *            any.
 * Fork       As for regions.
 * Trust      As for ring.h.
 */

typedef struct RenoirRingBuffer *RenoirRingBufferHandle; /**< A queue. */
typedef struct RenoirProducer *RenoirProducerHandle;     /**< Its one writing end. */
typedef struct RenoirConsumer *RenoirConsumerHandle;     /**< Its one reading end. */

/** Where a queue lies. Start from renoir_ringbuffer_options_default(). */
typedef struct RenoirRingbufferOptions {
    uint32_t struct_size;      /**< Filled in by renoir_ringbuffer_options_default(). */
    uint32_t flags;            /**< None exist yet: 0. */
    RenoirRegionHandle region; /**< NULL: in this process. */
    const char *name;          /**< In the region, 1 to 63 bytes. */
    uint64_t spin_ns;          /**< As in RenoirRingOptions. */
} RenoirRingbufferOptions;

/** Every field at its default. */
RENOIR_INLINE RenoirRingbufferOptions renoir_ringbuffer_options_default(void)
{
    RenoirRingbufferOptions options;
    memset(&options, 0, sizeof options);
    options.struct_size = (uint32_t)sizeof options;
    return options;
}

/**
 * A queue in this process.
 *
 * @param capacity      elements; a power of two from 2 to 2^31
 * @param element_size  bytes, 1 to 2^20
 */
RENOIR_API RENOIR_NODISCARD RenoirErrorCode
renoir_ringbuffer_create(size_t capacity, size_t element_size, RenoirRingBufferHandle *out_ring);

/** A queue in a region; joins one of the same terms. RENOIR_EXISTS: there on other terms. */
RENOIR_API RENOIR_NODISCARD RenoirErrorCode
renoir_ringbuffer_create_with(size_t capacity,
                              size_t element_size,
                              const RenoirRingbufferOptions *options,
                              RenoirRingBufferHandle *out_ring);

/** Joins a queue in a region. RENOIR_NOT_FOUND: there is none. */
RENOIR_API RENOIR_NODISCARD RenoirErrorCode renoir_ringbuffer_open(
    RenoirRegionHandle region, const char *name, RenoirRingBufferHandle *out_ring);

/** Leaves the queue with the ends made of this handle; it stays in its region. NULL is ignored. */
RENOIR_API void renoir_ringbuffer_close(RenoirRingBufferHandle ring);

/**
 * Leaves the queue and gives its space back. NULL does nothing and succeeds.
 *
 * @retval RENOIR_INVALID_STATE  another live process has it open; the handle is closed all the same
 */
RENOIR_API RenoirErrorCode renoir_ringbuffer_destroy(RenoirRingBufferHandle ring);

/** Takes the producer's role. RENOIR_LIMIT_REACHED: a live process has it; the message says who. */
RENOIR_API RENOIR_NODISCARD RenoirErrorCode
renoir_ringbuffer_producer(RenoirRingBufferHandle ring, RenoirProducerHandle *out_producer);

/** Takes the consumer's role. RENOIR_LIMIT_REACHED: a live process has it; the message says who. */
RENOIR_API RENOIR_NODISCARD RenoirErrorCode
renoir_ringbuffer_consumer(RenoirRingBufferHandle ring, RenoirConsumerHandle *out_consumer);

/** Gives the role back. NULL is ignored. */
RENOIR_API void renoir_producer_close(RenoirProducerHandle producer);
/** Gives the role back. NULL is ignored. */
RENOIR_API void renoir_consumer_close(RenoirConsumerHandle consumer);

/** Capacity and elements waiting; each out may be NULL. A snapshot. */
RENOIR_API RenoirErrorCode renoir_ringbuffer_info(RenoirRingBufferHandle ring,
                                                  size_t *out_capacity,
                                                  size_t *out_length,
                                                  bool *out_is_empty,
                                                  bool *out_is_full);

/** Counts since the queue was made, from its positions. */
RENOIR_API RenoirErrorCode renoir_ringbuffer_stats(RenoirRingBufferHandle ring,
                                                   RenoirRingStats *out_stats);

/** Empties the queue. RENOIR_INVALID_STATE: an end is taken. */
RENOIR_API RenoirErrorCode renoir_ringbuffer_reset(RenoirRingBufferHandle ring);

/** Copies one element in; waits for room. RENOIR_DISCONNECTED: the consumer was there and is gone.
 */
RENOIR_API RenoirErrorCode renoir_producer_push(RenoirProducerHandle producer,
                                                const void *data,
                                                size_t size);

/** The same, without waiting. RENOIR_BUFFER_FULL: no room. */
RENOIR_API RenoirErrorCode renoir_producer_try_push(RenoirProducerHandle producer,
                                                    const void *data,
                                                    size_t size);

/** The same, waiting at most timeout_ns. RENOIR_TIMEOUT, or RENOIR_BUFFER_FULL with NO_WAIT. */
RENOIR_API RenoirErrorCode renoir_producer_push_wait(RenoirProducerHandle producer,
                                                     const void *data,
                                                     size_t size,
                                                     uint64_t timeout_ns);

/** Copies one element out; waits for one. RENOIR_DISCONNECTED: nothing is left, the producer gone.
 */
RENOIR_API RenoirErrorCode renoir_consumer_pop(RenoirConsumerHandle consumer,
                                               void *data,
                                               size_t size);

/** The same, without waiting. RENOIR_BUFFER_EMPTY: nothing there. */
RENOIR_API RenoirErrorCode renoir_consumer_try_pop(RenoirConsumerHandle consumer,
                                                   void *data,
                                                   size_t size);

/** The same, waiting at most timeout_ns. RENOIR_TIMEOUT, or RENOIR_BUFFER_EMPTY with NO_WAIT. */
RENOIR_API RenoirErrorCode renoir_consumer_pop_wait(RenoirConsumerHandle consumer,
                                                    void *data,
                                                    size_t size,
                                                    uint64_t timeout_ns);

/** The producer as a member for a wait set: ready while there is room. NULL: no handle. */
RENOIR_API RenoirWaitableHandle renoir_producer_waitable(RenoirProducerHandle producer);
/** The consumer as a member for a wait set: ready while there is something. NULL: no handle. */
RENOIR_API RenoirWaitableHandle renoir_consumer_waitable(RenoirConsumerHandle consumer);

#ifdef __cplusplus
}
#endif

#endif
