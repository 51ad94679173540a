// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Records of several lengths from one producer to one consumer, over the ring's end: record i has
// the tag i, and a length that follows from it.

#include <string.h>

#include "explore.h"
#include "payload.h"
#include "renoir/library.h"
#include "renoir/ring.h"
#include "ring_names.h"

enum { RECORDS = 5, PRODUCER = 0, CONSUMER = 1, CAPACITY = 64, LENGTH_MAX = 32 };

static struct {
    bool in_place;
    bool is_waitable;
    unsigned pushed; // records whose push has returned
    unsigned popped;
    bool is_pushing; // a call is under way
    bool is_popping;
    RenoirRecordRing ends[2];
} world;

static size_t length_of(unsigned number)
{
    static const size_t lengths[RECORDS] = {8, 32, 16, 0, 24};
    return lengths[number];
}

// Where record `number` begins.
static uint64_t position_of(unsigned number)
{
    uint64_t position = 0;
    for (unsigned i = 0; i < number; ++i) {
        position += RNR_RECORD_HEADER + length_of(i);
    }
    return position;
}

static unsigned number_at(uint64_t position)
{
    for (unsigned i = 0; i <= RECORDS; ++i) {
        if (position_of(i) == position) {
            return i;
        }
    }
    explore_fail("no record begins at %llu", (unsigned long long)position);
}

static RenoirRecordRing open_end(uint32_t role)
{
    RenoirRecordRing end;
    RenoirRingOptions options = renoir_ring_options_default();
    options.capacity = CAPACITY;
    options.max_record = LENGTH_MAX;
    options.flags = world.is_waitable ? RENOIR_RING_WAITABLE : 0;
    options.spin_ns = RENOIR_SPIN_NEVER;
    EXPLORE_CHECK(renoir_record_ring_open(explore_region(), "ring", &options, role, &end) ==
                  RENOIR_SUCCESS);
    return end;
}

static void begin(bool in_place, bool is_waitable)
{
    memset(&world, 0, sizeof world);
    world.in_place = in_place;
    world.is_waitable = is_waitable;
    explore_act_as(PRODUCER);
    world.ends[PRODUCER] = open_end(RENOIR_PRODUCER);
    explore_act_as(CONSUMER);
    world.ends[CONSUMER] = open_end(RENOIR_CONSUMER);
    name_cells(&world.ends[PRODUCER].end, "bytes");
}

static void pause_at(const RenoirRingEnd *end)
{
    if (!world.is_waitable) {
        explore_wait();
        return;
    }
    const RenoirErrorCode status = renoir_ring_wait(end, RENOIR_WAIT_FOREVER);
    if (status == RENOIR_DISCONNECTED) {
        EXPLORE_CHECK(explore_deaths() > 0 || explore_role_has_ended(PRODUCER) ||
                      explore_role_has_ended(CONSUMER));
        explore_wait();
    } else {
        EXPLORE_CHECK(status == RENOIR_SUCCESS);
    }
}

// --- producer ------------------------------------------------------------------------------------

static RenoirErrorCode push_one(RenoirRecordRing *ring, unsigned number)
{
    uint64_t words[LENGTH_MAX / 8];
    void *place = NULL;
    const size_t length = length_of(number);

    payload_fill(words, length / 8, PRODUCER, number);
    if (!world.in_place) {
        return renoir_record_ring_try_push(ring, words, length, number);
    }
    // More is reserved than is used.
    const RenoirErrorCode status =
        renoir_record_ring_reserve(ring, length + 8 <= LENGTH_MAX ? length + 8 : length, &place);
    if (status == RENOIR_SUCCESS) {
        rnr_copy(place, words, length);
        renoir_record_ring_commit(ring, length, number);
    }
    return status;
}

static void produce_to_the_end(RenoirRecordRing *ring)
{
    while (ring->end.position < position_of(RECORDS)) {
        const unsigned number = number_at(ring->end.position);
        const unsigned popped = world.popped;
        world.is_pushing = true;
        const RenoirErrorCode status = push_one(ring, number);
        world.is_pushing = false;
        if (status == RENOIR_SUCCESS) {
            world.pushed = number + 1;
            EXPLORE_CHECK(ring->end.position == position_of(world.pushed));
        } else {
            EXPLORE_CHECK(status == RENOIR_BUFFER_FULL);
            if (explore_is_sequential() && !world.in_place) {
                EXPLORE_CHECK(position_of(number + 1) - position_of(popped) > CAPACITY);
            }
            pause_at(&ring->end);
        }
    }
}

static void produce(unsigned unused)
{
    (void)unused;
    produce_to_the_end(&world.ends[PRODUCER]);
}

static void produce_after(unsigned unused)
{
    const unsigned in_flight = world.is_pushing ? 1 : 0;
    RenoirRecordRing ring = open_end(RENOIR_PRODUCER);
    (void)unused;
    const unsigned number = number_at(ring.end.position);
    EXPLORE_CHECK(number >= world.pushed && number <= world.pushed + in_flight);
    world.pushed = number;
    produce_to_the_end(&ring);
}

// --- consumer ------------------------------------------------------------------------------------

static RenoirErrorCode
pop_one(RenoirRecordRing *ring, uint64_t *words, size_t *length, uint32_t *tag)
{
    const void *place = NULL;

    if (!world.in_place) {
        return renoir_record_ring_try_pop(ring, words, LENGTH_MAX, length, tag);
    }
    const RenoirErrorCode status = renoir_record_ring_peek(ring, &place, length, tag);
    if (status == RENOIR_SUCCESS) {
        EXPLORE_CHECK(*length <= LENGTH_MAX);
        rnr_copy(words, place, *length);
        renoir_record_ring_consume(ring);
    }
    return status;
}

static void consume_to_the_end(RenoirRecordRing *ring)
{
    while (ring->end.position < position_of(RECORDS)) {
        const unsigned number = number_at(ring->end.position);
        const unsigned pushed = world.pushed;
        uint64_t words[LENGTH_MAX / 8] = {0};
        size_t length = 0;
        uint32_t tag = 0;
        world.is_popping = true;
        const RenoirErrorCode status = pop_one(ring, words, &length, &tag);
        world.is_popping = false;
        if (status == RENOIR_SUCCESS) {
            EXPLORE_CHECK(tag == number && length == length_of(number));
            EXPLORE_CHECK(payload_is_whole(words, length / 8));
            EXPLORE_CHECK(length == 0 || payload_number(words) == number);
            world.popped = number + 1;
        } else {
            EXPLORE_CHECK(status == RENOIR_BUFFER_EMPTY);
            if (explore_is_sequential()) {
                EXPLORE_CHECK(pushed <= number);
            }
            pause_at(&ring->end);
        }
    }
}

static void consume(unsigned unused)
{
    (void)unused;
    consume_to_the_end(&world.ends[CONSUMER]);
}

static void consume_after(unsigned unused)
{
    const unsigned in_flight = world.is_popping ? 1 : 0;
    RenoirRecordRing ring = open_end(RENOIR_CONSUMER);
    (void)unused;
    const unsigned number = number_at(ring.end.position);
    EXPLORE_CHECK(number >= world.popped && number <= world.popped + in_flight);
    world.popped = number;
    consume_to_the_end(&ring);
}

static void end(void)
{
    EXPLORE_CHECK(world.popped == RECORDS);
}

// --- cases ---------------------------------------------------------------------------------------

static void begin_copying(void)
{
    begin(false, false);
}

static void begin_in_place(void)
{
    begin(true, false);
}

static void begin_waiting(void)
{
    begin(false, true);
}

#define BOTH_ROLES                                                                                 \
    {                                                                                              \
        {.name = "producer", .run = produce, .successor = produce_after},                          \
        {                                                                                          \
            .name = "consumer", .run = consume, .successor = consume_after                         \
        }                                                                                          \
    }

static const ExploreCase cases[] = {
    {.name = "copying", .begin = begin_copying, .end = end, .roles = BOTH_ROLES, .deaths = 1},
    {.name = "in place", .begin = begin_in_place, .end = end, .roles = BOTH_ROLES, .deaths = 1},
    {.name = "waiting", .begin = begin_waiting, .end = end, .roles = BOTH_ROLES, .deaths = 1},
};

const ExploreSuite explore_suite = {
    .name = "record", .cases = cases, .case_count = sizeof cases / sizeof cases[0]};
