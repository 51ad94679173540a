// SPDX-License-Identifier: MIT OR Apache-2.0

#include "renoir/ringbuffer.h"

#include <inttypes.h>
#include <string.h>

#include "base/config.h"
#include "base/error.h"
#include "base/memory.h"
#include "memory/region.h"
#include "ring/ring.h"
#include "ring/wait.h"

// What a handle begins with while it is one.
#define QUEUE_MAGIC UINT32_C(0x6266ac11)
#define PRODUCER_MAGIC UINT32_C(0x6266ac12)
#define CONSUMER_MAGIC UINT32_C(0x6266ac13)

struct RenoirProducer {
    uint32_t magic;
    RenoirSpsc spsc;
    RenoirRingBufferHandle queue;
};

struct RenoirConsumer {
    uint32_t magic;
    RenoirSpsc spsc;
    RenoirRingBufferHandle queue;
};

// Its ends are made with the roles: who has taken a role is the only one to write that pointer.
struct RenoirRingBuffer {
    uint32_t magic;
    RnrRing ring;
    uint64_t spin_ns;
    void *memory; // of a queue in this process
    RenoirProducerHandle producer;
    RenoirConsumerHandle consumer;
};

static RenoirErrorCode check_queue(RenoirRingBufferHandle queue)
{
    if (queue == NULL || queue->magic != QUEUE_MAGIC) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER, "ring buffer: the handle is %s",
                        queue == NULL ? "NULL" : "not one, or was closed");
    }
    if (queue->ring.fork_generation != rnr_fork_generation()) {
        return RNR_FAIL(RENOIR_INVALID_STATE,
                        "ring buffer '%s': the handle was made before a fork (open it again here)",
                        rnr_ring_name(&queue->ring));
    }
    return RENOIR_SUCCESS;
}

// --- making and joining --------------------------------------------------------------------------

static RenoirErrorCode make_terms(size_t capacity, size_t element_size, RnrRingTerms *out_terms)
{
    const RenoirRingOptions options = {
        .flags = RENOIR_RING_WAITABLE,
        .capacity = capacity,
        .element_size = element_size <= UINT32_MAX ? (uint32_t)element_size : UINT32_MAX};
    return rnr_ring_terms(RENOIR_RING_SPSC, &options, out_terms);
}

static RenoirErrorCode open_queue(const RnrRingPlace *place,
                                  const RnrRingTerms *terms,
                                  uint64_t spin_ns,
                                  RenoirRingBufferHandle *out_ring)
{
    RenoirRingBufferHandle queue = rnr_new(struct RenoirRingBuffer);
    RnrRingPlace where = *place;

    if (queue == NULL) {
        return RNR_FAIL(RENOIR_OUT_OF_MEMORY, "ring buffer: no memory for its handle");
    }
    if (where.region == NULL) {
        queue->memory = rnr_allocate_aligned((size_t)terms->total_bytes, RNR_CACHE_PAIR);
        where.memory = queue->memory;
        where.memory_size = (size_t)terms->total_bytes;
        if (queue->memory == NULL) {
            rnr_free(queue);
            return RNR_FAIL(RENOIR_OUT_OF_MEMORY,
                            "ring buffer: no memory for its %" PRIu64 " bytes", terms->total_bytes);
        }
    }
    const RenoirErrorCode status = rnr_ring_open(&where, terms, &queue->ring);
    if (status != RENOIR_SUCCESS) {
        rnr_free(queue->memory);
        rnr_free(queue);
        return status;
    }
    queue->magic = QUEUE_MAGIC;
    queue->spin_ns = spin_ns;
    *out_ring = queue;
    return RENOIR_SUCCESS;
}

RenoirErrorCode
renoir_ringbuffer_create(size_t capacity, size_t element_size, RenoirRingBufferHandle *out_ring)
{
    return renoir_ringbuffer_create_with(capacity, element_size, NULL, out_ring);
}

RenoirErrorCode renoir_ringbuffer_create_with(size_t capacity,
                                              size_t element_size,
                                              const RenoirRingbufferOptions *options,
                                              RenoirRingBufferHandle *out_ring)
{
    RenoirRingbufferOptions ours;
    RnrRingTerms terms;

    if (out_ring == NULL) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER, "cannot make ring buffer: out_ring is NULL");
    }
    *out_ring = NULL;
    RenoirErrorCode status = rnr_config_import(&ours, sizeof ours, sizeof(RenoirRingbufferOptions),
                                               options, "RenoirRingbufferOptions");
    if (status == RENOIR_SUCCESS) {
        status = rnr_config_check_flags(ours.flags, 0, "RenoirRingbufferOptions");
    }
    if (status == RENOIR_SUCCESS) {
        status = make_terms(capacity, element_size, &terms);
    }
    if (status == RENOIR_SUCCESS && ours.region != NULL) {
        status = rnr_region_check(ours.region);
    }
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    if ((ours.region == NULL) != (ours.name == NULL)) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                        "cannot make ring buffer: a %s is given without a %s (give both or none)",
                        ours.name == NULL ? "region" : "name",
                        ours.name == NULL ? "name" : "region");
    }
    const RnrRingPlace place = {.region = ours.region, .name = ours.name};
    return open_queue(&place, &terms, ours.spin_ns, out_ring);
}

RenoirErrorCode renoir_ringbuffer_open(RenoirRegionHandle region,
                                       const char *name,
                                       RenoirRingBufferHandle *out_ring)
{
    const RnrRingTerms as_found = {.kind = RENOIR_RING_SPSC};
    const RnrRingPlace place = {.region = region, .name = name};

    if (out_ring == NULL || name == NULL) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER, "cannot open ring buffer: %s is NULL",
                        out_ring == NULL ? "out_ring" : "name");
    }
    *out_ring = NULL;
    RenoirErrorCode status = rnr_region_check(region);
    if (status == RENOIR_SUCCESS) {
        status = open_queue(&place, &as_found, 0, out_ring);
    }
    if (status != RENOIR_SUCCESS || ((*out_ring)->ring.terms.flags & RENOIR_RING_WAITABLE) != 0) {
        return status;
    }
    renoir_ringbuffer_close(*out_ring);
    *out_ring = NULL;
    return RNR_FAIL(RENOIR_EXISTS,
                    "cannot open ring buffer '%s': that ring was not made with "
                    "RENOIR_RING_WAITABLE (open it with renoir_spsc_open)",
                    name);
}

// --- leaving -------------------------------------------------------------------------------------

void renoir_producer_close(RenoirProducerHandle producer)
{
    if (producer == NULL || producer->magic != PRODUCER_MAGIC) {
        return;
    }
    producer->magic = 0;
    producer->queue->producer = NULL;
    rnr_ring_end_close(&producer->spsc.end);
    rnr_free(producer);
}

void renoir_consumer_close(RenoirConsumerHandle consumer)
{
    if (consumer == NULL || consumer->magic != CONSUMER_MAGIC) {
        return;
    }
    consumer->magic = 0;
    consumer->queue->consumer = NULL;
    rnr_ring_end_close(&consumer->spsc.end);
    rnr_free(consumer);
}

static void free_queue(RenoirRingBufferHandle queue)
{
    queue->magic = 0;
    rnr_free(queue->memory);
    rnr_free(queue);
}

void renoir_ringbuffer_close(RenoirRingBufferHandle ring)
{
    if (ring == NULL || ring->magic != QUEUE_MAGIC) {
        return;
    }
    renoir_producer_close(ring->producer);
    renoir_consumer_close(ring->consumer);
    rnr_ring_leave(&ring->ring);
    free_queue(ring);
}

RenoirErrorCode renoir_ringbuffer_destroy(RenoirRingBufferHandle ring)
{
    if (ring == NULL) {
        return RENOIR_SUCCESS;
    }
    RenoirErrorCode status = check_queue(ring);
    if (status != RENOIR_SUCCESS) {
        renoir_ringbuffer_close(ring);
        return status;
    }
    renoir_producer_close(ring->producer);
    renoir_consumer_close(ring->consumer);
    status = rnr_ring_destroy(&ring->ring);
    free_queue(ring);
    return status;
}

// --- roles ---------------------------------------------------------------------------------------

RenoirErrorCode renoir_ringbuffer_producer(RenoirRingBufferHandle ring,
                                           RenoirProducerHandle *out_producer)
{
    if (out_producer == NULL) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER, "cannot make producer: out_producer is NULL");
    }
    *out_producer = NULL;
    RenoirErrorCode status = check_queue(ring);
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    RenoirProducerHandle producer = rnr_new(struct RenoirProducer);
    if (producer == NULL) {
        return RNR_FAIL(RENOIR_OUT_OF_MEMORY, "ring buffer: no memory for its producer");
    }
    const RnrRingSeat seat = {.role = RENOIR_PRODUCER, .spin_ns = ring->spin_ns};
    status = rnr_ring_take(&ring->ring, &seat, &producer->spsc.end);
    if (status != RENOIR_SUCCESS) {
        rnr_free(producer);
        return status;
    }
    producer->magic = PRODUCER_MAGIC;
    producer->queue = ring;
    ring->producer = producer;
    *out_producer = producer;
    return RENOIR_SUCCESS;
}

RenoirErrorCode renoir_ringbuffer_consumer(RenoirRingBufferHandle ring,
                                           RenoirConsumerHandle *out_consumer)
{
    if (out_consumer == NULL) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER, "cannot make consumer: out_consumer is NULL");
    }
    *out_consumer = NULL;
    RenoirErrorCode status = check_queue(ring);
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    RenoirConsumerHandle consumer = rnr_new(struct RenoirConsumer);
    if (consumer == NULL) {
        return RNR_FAIL(RENOIR_OUT_OF_MEMORY, "ring buffer: no memory for its consumer");
    }
    const RnrRingSeat seat = {.role = RENOIR_CONSUMER, .spin_ns = ring->spin_ns};
    status = rnr_ring_take(&ring->ring, &seat, &consumer->spsc.end);
    if (status != RENOIR_SUCCESS) {
        rnr_free(consumer);
        return status;
    }
    consumer->magic = CONSUMER_MAGIC;
    consumer->queue = ring;
    ring->consumer = consumer;
    *out_consumer = consumer;
    return RENOIR_SUCCESS;
}

// --- questions -----------------------------------------------------------------------------------

RenoirErrorCode renoir_ringbuffer_info(RenoirRingBufferHandle ring,
                                       size_t *out_capacity,
                                       size_t *out_length,
                                       bool *out_is_empty,
                                       bool *out_is_full)
{
    RenoirRingStats stats = {0};
    const RenoirErrorCode status = renoir_ringbuffer_stats(ring, &stats);

    if (out_capacity != NULL) {
        *out_capacity = (size_t)stats.capacity;
    }
    if (out_length != NULL) {
        *out_length = (size_t)stats.size;
    }
    if (out_is_empty != NULL) {
        *out_is_empty = status == RENOIR_SUCCESS && stats.size == 0;
    }
    if (out_is_full != NULL) {
        *out_is_full = status == RENOIR_SUCCESS && stats.size == stats.capacity;
    }
    return status;
}

RenoirErrorCode renoir_ringbuffer_stats(RenoirRingBufferHandle ring, RenoirRingStats *out_stats)
{
    if (out_stats == NULL) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER, "ring buffer: out_stats is NULL");
    }
    memset(out_stats, 0, sizeof *out_stats);
    const RenoirErrorCode status = check_queue(ring);
    if (status == RENOIR_SUCCESS) {
        rnr_ring_stats(&ring->ring, NULL, out_stats);
    }
    return status;
}

RenoirErrorCode renoir_ringbuffer_reset(RenoirRingBufferHandle ring)
{
    const RenoirErrorCode status = check_queue(ring);
    return status == RENOIR_SUCCESS ? rnr_ring_reset(&ring->ring) : status;
}

// --- moving elements -----------------------------------------------------------------------------

static RenoirErrorCode check_end(const RenoirRingEnd *end, const void *data, size_t size)
{
    const RenoirErrorCode status = rnr_ring_end_check(end);

    if (status != RENOIR_SUCCESS) {
        return status;
    }
    if (data == NULL || size != end->element_size) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                        "ring buffer '%s': %zu bytes at %p given, its elements have %" PRIu32
                        " bytes",
                        rnr_ring_name(((const RnrRingSession *)end->internal)->ring), size, data,
                        end->element_size);
    }
    return RENOIR_SUCCESS;
}

static RenoirErrorCode check_producer(RenoirProducerHandle producer, const void *data, size_t size)
{
    if (producer == NULL || producer->magic != PRODUCER_MAGIC) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER, "ring buffer: the producer is %s",
                        producer == NULL ? "NULL" : "not one, or was closed");
    }
    return check_end(&producer->spsc.end, data, size);
}

static RenoirErrorCode check_consumer(RenoirConsumerHandle consumer, const void *data, size_t size)
{
    if (consumer == NULL || consumer->magic != CONSUMER_MAGIC) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER, "ring buffer: the consumer is %s",
                        consumer == NULL ? "NULL" : "not one, or was closed");
    }
    return check_end(&consumer->spsc.end, data, size);
}

RenoirErrorCode renoir_producer_push(RenoirProducerHandle producer, const void *data, size_t size)
{
    return renoir_producer_push_wait(producer, data, size, RENOIR_WAIT_FOREVER);
}

RenoirErrorCode
renoir_producer_try_push(RenoirProducerHandle producer, const void *data, size_t size)
{
    return renoir_producer_push_wait(producer, data, size, RENOIR_NO_WAIT);
}

RenoirErrorCode renoir_producer_push_wait(RenoirProducerHandle producer,
                                          const void *data,
                                          size_t size,
                                          uint64_t timeout_ns)
{
    RenoirErrorCode status = check_producer(producer, data, size);

    if (status != RENOIR_SUCCESS) {
        return status;
    }
    status = renoir_spsc_try_push(&producer->spsc, data, size);
    if (status == RENOIR_BUFFER_FULL && timeout_ns != RENOIR_NO_WAIT) {
        // Room that is there once stays: nobody else writes.
        status = rnr_ring_wait(&producer->spsc.end, timeout_ns);
        if (status == RENOIR_SUCCESS) {
            status = renoir_spsc_try_push(&producer->spsc, data, size);
        }
    }
    return status;
}

RenoirErrorCode renoir_consumer_pop(RenoirConsumerHandle consumer, void *data, size_t size)
{
    return renoir_consumer_pop_wait(consumer, data, size, RENOIR_WAIT_FOREVER);
}

RenoirErrorCode renoir_consumer_try_pop(RenoirConsumerHandle consumer, void *data, size_t size)
{
    return renoir_consumer_pop_wait(consumer, data, size, RENOIR_NO_WAIT);
}

RenoirErrorCode renoir_consumer_pop_wait(RenoirConsumerHandle consumer,
                                         void *data,
                                         size_t size,
                                         uint64_t timeout_ns)
{
    RenoirErrorCode status = check_consumer(consumer, data, size);

    if (status != RENOIR_SUCCESS) {
        return status;
    }
    status = renoir_spsc_try_pop(&consumer->spsc, data, size);
    if (status == RENOIR_BUFFER_EMPTY && timeout_ns != RENOIR_NO_WAIT) {
        // What is there once stays: nobody else reads.
        status = rnr_ring_wait(&consumer->spsc.end, timeout_ns);
        if (status == RENOIR_SUCCESS) {
            status = renoir_spsc_try_pop(&consumer->spsc, data, size);
        }
    }
    return status;
}

// --- waiting for several -------------------------------------------------------------------------

RenoirWaitableHandle renoir_producer_waitable(RenoirProducerHandle producer)
{
    const bool is_handle = producer != NULL && producer->magic == PRODUCER_MAGIC;
    return is_handle ? renoir_ring_waitable(&producer->spsc.end) : NULL;
}

RenoirWaitableHandle renoir_consumer_waitable(RenoirConsumerHandle consumer)
{
    const bool is_handle = consumer != NULL && consumer->magic == CONSUMER_MAGIC;
    return is_handle ? renoir_ring_waitable(&consumer->spsc.end) : NULL;
}
