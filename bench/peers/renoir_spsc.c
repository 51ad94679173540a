// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The subject: renoir_spsc_*, in both layouts: indices on lines of their own, or a stamp beside
// each element.
#include "peers/renoir_ends.h"

BENCH_INLINE size_t put(void *end, const void *elements, size_t size, size_t count)
{
    size_t done = 0;
    if (__builtin_constant_p(count) && count == 1) {
        return renoir_spsc_try_push((RenoirSpsc *)end, elements, size) == RENOIR_SUCCESS ? 1 : 0;
    }
    (void)renoir_spsc_push_n((RenoirSpsc *)end, elements, size, count, &done);
    return done;
}

BENCH_INLINE size_t take(void *end, void *out_elements, size_t size, size_t count, uint64_t *lost)
{
    size_t done = 0;
    (void)lost;
    if (__builtin_constant_p(count) && count == 1) {
        return renoir_spsc_try_pop((RenoirSpsc *)end, out_elements, size) == RENOIR_SUCCESS ? 1 : 0;
    }
    (void)renoir_spsc_pop_n((RenoirSpsc *)end, out_elements, size, count, &done);
    return done;
}

BENCH_RENOIR_ENDS(index, RenoirSpsc, RENOIR_RING_SPSC, 0, renoir_spsc_open)
BENCH_RENOIR_ENDS(stamped, RenoirSpsc, RENOIR_RING_SPSC, RENOIR_RING_STAMPED, renoir_spsc_open)
BENCH_RENOIR_ENDS(waitable, RenoirSpsc, RENOIR_RING_SPSC, RENOIR_RING_WAITABLE, renoir_spsc_open)

BENCH_RING_SIDES(index, index_Ends, index_find, index_leave, &ends.there, &ends.back, put, take)
BENCH_RING_SIDES(
    stamped, stamped_Ends, stamped_find, stamped_leave, &ends.there, &ends.back, put, take)
BENCH_RING_SIDES(
    waitable, waitable_Ends, waitable_find, waitable_leave, &ends.there, &ends.back, put, take)

const BenchRingPeer bench_ring_spsc = {
    .name = "renoir_spsc",
    .role = BENCH_SUBJECT,
    .has_batches = true,
    .stream = BENCH_RING_STREAM(index),
    .round_trip = BENCH_RING_ROUND_TRIP(index),
};

const BenchRingPeer bench_ring_spsc_stamped = {
    .name = "renoir_spsc_stamped",
    .role = BENCH_SUBJECT,
    .has_batches = true,
    .stream = BENCH_RING_STREAM(stamped),
    .round_trip = BENCH_RING_ROUND_TRIP(stamped),
};

const BenchRingPeer bench_ring_spsc_waitable = {
    .name = "renoir_spsc_waitable",
    .role = BENCH_SUBJECT,
    .has_batches = true,
    .stream = BENCH_RING_STREAM(waitable),
    .round_trip = BENCH_RING_ROUND_TRIP(waitable),
};
