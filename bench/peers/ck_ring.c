// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Concurrency Kit's ck_ring in its typed forms, for one producer and one consumer and for many of
// each: elements are copied into a buffer beside the ring. It holds one element less than its size.
#include <ck_ring.h>

#include "suites/ring_loops.h"

#define CK_TYPE(size)                                                                              \
    typedef struct CkRing##size {                                                                  \
        ck_ring_t ring;                                                                            \
        BenchElement##size buffer[BENCH_RING_CAPACITY(size)] __attribute__((aligned(BENCH_PAIR))); \
    } CkRing##size;                                                                                \
    CK_RING_PROTOTYPE(element##size, BenchElement##size)
BENCH_RING_SIZES(CK_TYPE)

static size_t ring_size(uint64_t bytes)
{
    switch (bytes) {
#define CK_SIZE(size)                                                                              \
    case size:                                                                                     \
        return sizeof(CkRing##size);
        BENCH_RING_SIZES(CK_SIZE)
    default:
        return 0;
    }
}

static void prepare(void *ring, const BenchCase *item)
{
    ck_ring_init((ck_ring_t *)ring, (unsigned int)BENCH_RING_CAPACITY(item->bytes));
}

// One function per form: the ring's type follows from the size, which is a constant.
#define CK_PUT(form, size)                                                                         \
    case size:                                                                                     \
        return CK_RING_ENQUEUE_##form(element##size, &((CkRing##size *)end)->ring,                 \
                                      ((CkRing##size *)end)->buffer,                               \
                                      (BenchElement##size *)(uintptr_t)element)                    \
                   ? 1                                                                             \
                   : 0;
#define CK_TAKE(form, size)                                                                        \
    case size:                                                                                     \
        return CK_RING_DEQUEUE_##form(element##size, &((CkRing##size *)end)->ring,                 \
                                      ((CkRing##size *)end)->buffer,                               \
                                      (BenchElement##size *)out_element)                           \
                   ? 1                                                                             \
                   : 0;
#define CK_PUT_SPSC(size) CK_PUT(SPSC, size)
#define CK_TAKE_SPSC(size) CK_TAKE(SPSC, size)
#define CK_PUT_MPMC(size) CK_PUT(MPMC, size)
#define CK_TAKE_MPMC(size) CK_TAKE(MPMC, size)

BENCH_INLINE size_t put_spsc(void *end, const void *element, size_t size, size_t count)
{
    (void)count;
    switch (size) {
        BENCH_RING_SIZES(CK_PUT_SPSC)
    default:
        return 0;
    }
}

BENCH_INLINE size_t
take_spsc(void *end, void *out_element, size_t size, size_t count, uint64_t *lost)
{
    (void)count;
    (void)lost;
    switch (size) {
        BENCH_RING_SIZES(CK_TAKE_SPSC)
    default:
        return 0;
    }
}

BENCH_INLINE size_t put_mpmc(void *end, const void *element, size_t size, size_t count)
{
    (void)count;
    switch (size) {
        BENCH_RING_SIZES(CK_PUT_MPMC)
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
        BENCH_RING_SIZES(CK_TAKE_MPMC)
    default:
        return 0;
    }
}

BENCH_RING_MEMORY_SIDES(spsc, put_spsc, take_spsc)
BENCH_RING_MEMORY_SIDES(mpmc, put_mpmc, take_mpmc)

const BenchRingPeer bench_ring_ck = {
    .name = "ck_ring",
    .role = BENCH_PEER,
    .ring_size = ring_size,
    .prepare = prepare,
    .stream = BENCH_RING_STREAM(spsc),
    .round_trip = BENCH_RING_ROUND_TRIP(spsc),
};

const BenchRingPeer bench_ring_ck_mpmc = {
    .name = "ck_ring_mpmc",
    .role = BENCH_PEER,
    .ring_size = ring_size,
    .prepare = prepare,
    .stream = BENCH_RING_STREAM(mpmc),
    .round_trip = BENCH_RING_ROUND_TRIP(mpmc),
};
