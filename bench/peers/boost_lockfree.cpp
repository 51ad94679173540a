// SPDX-License-Identifier: MIT OR Apache-2.0
//
// boost::lockfree::spsc_queue and boost::lockfree::queue (many producers, many consumers), both of
// fixed capacity: their cells and nodes lie inside the object and they hold indices, no pointers,
// so that they work in memory that two processes share.
#include <boost/lockfree/queue.hpp>
#include <boost/lockfree/spsc_queue.hpp>
#include <new>

#include "suites/ring_loops.h"

namespace
{

template <size_t size> struct Element {
    uint64_t words[size / 8];
};

template <size_t size>
using Spsc = boost::lockfree::spsc_queue<Element<size>,
                                         boost::lockfree::capacity<BENCH_RING_CAPACITY(size)>>;
template <size_t size>
using Mpmc =
    boost::lockfree::queue<Element<size>, boost::lockfree::capacity<BENCH_RING_CAPACITY(size)>>;

template <template <size_t> class Queue> size_t ring_size(uint64_t bytes)
{
    switch (bytes) {
#define BOOST_SIZE(size)                                                                           \
    case size:                                                                                     \
        return (sizeof(Queue<size>) + BENCH_PAIR - 1) / BENCH_PAIR * BENCH_PAIR;
        BENCH_RING_SIZES(BOOST_SIZE)
    default:
        return 0;
    }
}

template <template <size_t> class Queue> void prepare(void *ring, const BenchCase *item)
{
    switch (item->bytes) {
#define BOOST_NEW(size)                                                                            \
    case size:                                                                                     \
        new (ring) Queue<size>;                                                                    \
        break;
        BENCH_RING_SIZES(BOOST_NEW)
    default:
        break;
    }
}

template <size_t size> BENCH_INLINE size_t put_sized(void *end, const void *elements, size_t count)
{
    Spsc<size> *queue = static_cast<Spsc<size> *>(end);
    const Element<size> *first = static_cast<const Element<size> *>(elements);
    if (__builtin_constant_p(count) && count == 1) {
        return queue->push(*first) ? 1 : 0;
    }
    return queue->push(first, count);
}

template <size_t size> BENCH_INLINE size_t take_sized(void *end, void *out_elements, size_t count)
{
    Spsc<size> *queue = static_cast<Spsc<size> *>(end);
    Element<size> *first = static_cast<Element<size> *>(out_elements);
    if (__builtin_constant_p(count) && count == 1) {
        return queue->pop(*first) ? 1 : 0;
    }
    return queue->pop(first, count);
}

BENCH_INLINE size_t put_spsc(void *end, const void *elements, size_t size, size_t count)
{
    switch (size) {
#define BOOST_PUT(size)                                                                            \
    case size:                                                                                     \
        return put_sized<size>(end, elements, count);
        BENCH_RING_SIZES(BOOST_PUT)
    default:
        return 0;
    }
}

BENCH_INLINE size_t
take_spsc(void *end, void *out_elements, size_t size, size_t count, uint64_t *lost)
{
    (void)lost;
    switch (size) {
#define BOOST_TAKE(size)                                                                           \
    case size:                                                                                     \
        return take_sized<size>(end, out_elements, count);
        BENCH_RING_SIZES(BOOST_TAKE)
    default:
        return 0;
    }
}

// bounded_push: a push would ask the heap for more nodes, which a queue of fixed capacity has not.
BENCH_INLINE size_t put_mpmc(void *end, const void *element, size_t size, size_t count)
{
    (void)count;
    switch (size) {
#define BOOST_PUT_MPMC(size)                                                                       \
    case size:                                                                                     \
        return static_cast<Mpmc<size> *>(end)->bounded_push(                                       \
                   *static_cast<const Element<size> *>(element))                                   \
                   ? 1                                                                             \
                   : 0;
        BENCH_RING_SIZES(BOOST_PUT_MPMC)
    default:
        return 0;
    }
}

BENCH_INLINE size_t
take_mpmc(void *end, void *out_element, size_t size, size_t count, uint64_t *lost)
{
    (void)count;
    (void)lost;
    switch (size) {
#define BOOST_TAKE_MPMC(size)                                                                      \
    case size:                                                                                     \
        return static_cast<Mpmc<size> *>(end)->pop(*static_cast<Element<size> *>(out_element))     \
                   ? 1                                                                             \
                   : 0;
        BENCH_RING_SIZES(BOOST_TAKE_MPMC)
    default:
        return 0;
    }
}

BENCH_RING_MEMORY_SIDES(spsc, put_spsc, take_spsc)
BENCH_RING_MEMORY_SIDES(mpmc, put_mpmc, take_mpmc)

} // namespace

extern "C" const BenchRingPeer bench_ring_boost = {
    "boost_spsc_queue",
    BENCH_PEER,
    true,
    nullptr,
    ring_size<Spsc>,
    prepare<Spsc>,
    BENCH_RING_STREAM(spsc),
    BENCH_RING_ROUND_TRIP(spsc),
};

extern "C" const BenchRingPeer bench_ring_boost_mpmc = {
    "boost_queue",
    BENCH_PEER,
    false,
    nullptr,
    ring_size<Mpmc>,
    prepare<Mpmc>,
    BENCH_RING_STREAM(mpmc),
    BENCH_RING_ROUND_TRIP(mpmc),
};
