// SPDX-License-Identifier: MIT OR Apache-2.0
//
// boost::lockfree::spsc_queue of fixed capacity: its cells lie inside the object and it holds
// indices, no pointers, so that it works in memory that two processes share.
#include <boost/lockfree/spsc_queue.hpp>
#include <new>

#include "suites/ring_loops.h"

namespace
{

template <typename Element>
using Queue = boost::lockfree::spsc_queue<Element, boost::lockfree::capacity<BENCH_RING_CAPACITY>>;
using Queue8 = Queue<BenchElement8>;
using Queue64 = Queue<BenchElement64>;

void prepare(void *memory, const BenchCase *item)
{
    if (item->bytes == sizeof(BenchElement8)) {
        new (memory) Queue8;
        new (static_cast<Queue8 *>(memory) + 1) Queue8;
    } else {
        new (memory) Queue64;
    }
}

template <typename Element> BENCH_INLINE bool put(void *end, const void *element)
{
    return static_cast<Queue<Element> *>(end)->push(*static_cast<const Element *>(element));
}

template <typename Element> BENCH_INLINE bool take(void *end, void *out_element)
{
    return static_cast<Queue<Element> *>(end)->pop(*static_cast<Element *>(out_element));
}

template <typename Element> BENCH_INLINE size_t put_n(void *end, const void *elements, size_t count)
{
    return static_cast<Queue<Element> *>(end)->push(static_cast<const Element *>(elements), count);
}

template <typename Element> BENCH_INLINE size_t take_n(void *end, void *out_elements, size_t count)
{
    return static_cast<Queue<Element> *>(end)->pop(static_cast<Element *>(out_elements), count);
}

template <typename Element> constexpr size_t words = sizeof(Element) / sizeof(uint64_t);

template <typename Element> void produce(BenchPair *pair)
{
    bench_ring_produce(pair, pair->memory, words<Element>, put<Element>);
}

template <typename Element> void consume(BenchPair *pair)
{
    bench_ring_consume(pair, pair->memory, words<Element>, take<Element>);
}

template <typename Element> void produce_n(BenchPair *pair)
{
    bench_ring_produce_n(pair, pair->memory, words<Element>, put_n<Element>);
}

template <typename Element> void consume_n(BenchPair *pair)
{
    bench_ring_consume_n(pair, pair->memory, words<Element>, take_n<Element>);
}

void ask(BenchPair *pair)
{
    Queue8 *queues = reinterpret_cast<Queue8 *>(pair->memory);
    bench_ring_ask(pair, &queues[0], &queues[1], put<BenchElement8>, take<BenchElement8>);
}

void answer(BenchPair *pair)
{
    Queue8 *queues = reinterpret_cast<Queue8 *>(pair->memory);
    bench_ring_answer(pair, &queues[0], &queues[1], put<BenchElement8>, take<BenchElement8>);
}

} // namespace

extern "C" const BenchRingPeer bench_ring_boost = {
    "boost_spsc_queue",
    BENCH_PEER,
    2 * sizeof(Queue64),
    prepare,
    {produce<BenchElement8>, consume<BenchElement8>},
    {produce<BenchElement64>, consume<BenchElement64>},
    {produce_n<BenchElement8>, consume_n<BenchElement8>},
    {produce_n<BenchElement64>, consume_n<BenchElement64>},
    {ask, answer},
};
