// SPDX-License-Identifier: MIT OR Apache-2.0
//
// liburcu's wfcqueue: a linked queue that many may add to, wait-free, and one at a time takes from.
// It links nodes of the user's and copies nothing, so what it costs is made comparable like this:
//
// - Nodes lie in one shared array, mapped at the same address in both processes (it links by
//   pointer): as many as the rings have elements (wfcqueue), or 32 MiB of them, beyond what the
//   caches of a core hold (wfcqueue_32M). A node is its link with the payload right behind it,
//   rounded up to lines.
// - put copies the element into the next node of the array and enqueues it; take dequeues a node
//   and copies the element out.
// - Nodes come back by the cheapest way there is: a queue is first in first out, so with one
//   consumer a count of nodes done with says it all. The consumer stores it every 64 nodes; the
//   producer reuses nodes in order and reads the count only when those it knows of are used up.
//   A pool for several producers and consumers would cost more.
// - There is one consumer, so it dequeues without the lock that several would have to take.
#define _LGPL_SOURCE // the inline forms
#include <string.h>
#include <urcu/wfcqueue.h>

#include "suites/ring_loops.h"

enum { GIVE_BACK_EVERY = 64, LARGE_BYTES = 32 << 20 };

typedef struct WfcqNode {
    struct cds_wfcq_node link;
    uint8_t payload[];
} WfcqNode;

// Head, tail and the way back each have a pair of lines to themselves.
typedef struct WfcqQueue {
    struct __cds_wfcq_head head;
    uint8_t pad_head[BENCH_PAIR - sizeof(struct __cds_wfcq_head)];
    struct cds_wfcq_tail tail;
    uint8_t pad_tail[BENCH_PAIR - sizeof(struct cds_wfcq_tail)];
    BenchCell given_back; // nodes that the consumer is done with
    uint8_t nodes[];
} WfcqQueue;

typedef struct WfcqEnd {
    WfcqQueue *queue;
    uint64_t position;
    uint64_t seen; // the producer's: nodes given back
    uint64_t next; // the producer's: bytes from the first node to the next one
    uint64_t nodes;
} WfcqEnd;

typedef struct WfcqEnds {
    WfcqEnd there;
    WfcqEnd back;
} WfcqEnds;

BENCH_INLINE size_t node_stride(size_t size)
{
    return (sizeof(WfcqNode) + size + BENCH_LINE - 1) / BENCH_LINE * BENCH_LINE;
}

static size_t ring_size(uint64_t bytes)
{
    return sizeof(WfcqQueue) + (size_t)BENCH_RING_CAPACITY(bytes) * node_stride((size_t)bytes);
}

static size_t large_size(uint64_t bytes)
{
    (void)bytes;
    return sizeof(WfcqQueue) + LARGE_BYTES;
}

static void prepare(void *ring, const BenchCase *item)
{
    WfcqQueue *queue = ring;
    (void)item;
    __cds_wfcq_init(&queue->head, &queue->tail);
}

BENCH_INLINE size_t put(void *end, const void *element, size_t size, size_t count)
{
    WfcqEnd *self = end;
    (void)count;
    if (self->position - self->seen == self->nodes) {
        self->seen = bench_load(&self->queue->given_back.value);
        if (self->position - self->seen == self->nodes) {
            return 0;
        }
    }
    WfcqNode *node = (WfcqNode *)(void *)(self->queue->nodes + self->next);
    self->next += node_stride(size);
    if (self->next == self->nodes * node_stride(size)) {
        self->next = 0;
    }
    self->position++;
    memcpy(node->payload, element, size);
    cds_wfcq_node_init(&node->link);
    (void)cds_wfcq_enqueue(&self->queue->head, &self->queue->tail, &node->link);
    return 1;
}

BENCH_INLINE size_t take(void *end, void *out_element, size_t size, size_t count, uint64_t *lost)
{
    WfcqEnd *self = end;
    (void)count;
    (void)lost;
    struct cds_wfcq_node *link =
        __cds_wfcq_dequeue_nonblocking(&self->queue->head, &self->queue->tail);
    if (link == NULL || link == CDS_WFCQ_WOULDBLOCK) {
        return 0;
    }
    memcpy(out_element, ((const WfcqNode *)(const void *)link)->payload, size);
    self->position++;
    if (self->position % GIVE_BACK_EVERY == 0) {
        bench_store(&self->queue->given_back.value, self->position);
    }
    return 1;
}

static void find_end(BenchPair *pair, WfcqEnd *end, size_t offset)
{
    const size_t room = pair->memory_size / 2 - sizeof(WfcqQueue);
    memset(end, 0, sizeof *end);
    end->queue = (WfcqQueue *)(void *)(pair->memory + offset);
    end->nodes = room / node_stride((size_t)pair->item->bytes);
}

static void find_ends(BenchPair *pair, WfcqEnds *ends)
{
    find_end(pair, &ends->there, 0);
    find_end(pair, &ends->back, pair->memory_size / 2);
}

static void leave_ends(BenchPair *pair, WfcqEnds *ends)
{
    (void)pair;
    (void)ends;
}

BENCH_RING_SIDES(wfcq, WfcqEnds, find_ends, leave_ends, &ends.there, &ends.back, put, take)

const BenchRingPeer bench_ring_wfcq = {
    .name = "wfcqueue",
    .role = BENCH_PEER,
    .ring_size = ring_size,
    .prepare = prepare,
    .stream = BENCH_RING_STREAM(wfcq),
    .round_trip = BENCH_RING_ROUND_TRIP(wfcq),
};

const BenchRingPeer bench_ring_wfcq_large = {
    .name = "wfcqueue_32M",
    .role = BENCH_PEER,
    .ring_size = large_size,
    .prepare = prepare,
    .stream = BENCH_RING_STREAM(wfcq),
};
