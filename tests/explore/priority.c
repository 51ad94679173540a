// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Three lanes of records from one producer to one consumer. Records of a lane have one length, so a
// lane's position says which of them comes next; the producer puts them in by a plan, and what its
// predecessor published of it is known by the lanes' positions.

#include <string.h>

#include "explore.h"
#include "payload.h"
#include "renoir/library.h"
#include "renoir/ring.h"
#include "ring_names.h"

enum { RECORDS = 5, LANES = 3, PRODUCER = 0, CONSUMER = 1, CAPACITY = 512, WORDS_MAX = 7 };

// Three of them overfill the lane of the critical ones, which has 128 bytes.
static const uint32_t plan[RECORDS] = {RENOIR_PRIORITY_LOW, RENOIR_PRIORITY_CRITICAL,
                                       RENOIR_PRIORITY_CRITICAL, RENOIR_PRIORITY_HIGH,
                                       RENOIR_PRIORITY_CRITICAL};
static const size_t words_of[LANES] = {WORDS_MAX, 2, 1};

static struct {
    uint32_t flags;
    bool in_place;
    unsigned pushed[LANES]; // records whose push has returned
    unsigned popped[LANES];
    bool is_pushing;
    bool is_popping;
    RenoirPriorityRing ends[2];
} world;

static unsigned number_at(const RenoirPriorityRing *ring, unsigned lane)
{
    const uint64_t bytes = RNR_RECORD_HEADER + words_of[lane] * 8;
    const uint64_t position = ring->lanes[lane].end.position;

    EXPLORE_CHECK(position % bytes == 0);
    return (unsigned)(position / bytes);
}

static unsigned total_at(const RenoirPriorityRing *ring)
{
    unsigned total = 0;
    for (unsigned lane = 0; lane < LANES; ++lane) {
        total += number_at(ring, lane);
    }
    return total;
}

static RenoirPriorityRing open_end(uint32_t role)
{
    RenoirPriorityRing end;
    RenoirRingOptions options = renoir_ring_options_default();
    options.capacity = CAPACITY;
    options.max_record = WORDS_MAX * 8;
    options.flags = world.flags;
    options.spin_ns = RENOIR_SPIN_NEVER;
    EXPLORE_CHECK(renoir_priority_ring_open(explore_region(), "ring", &options, role, &end) ==
                  RENOIR_SUCCESS);
    return end;
}

static void begin(uint32_t flags, bool in_place)
{
    static const char *const names[LANES] = {"critical", "high", "low"};

    memset(&world, 0, sizeof world);
    world.flags = flags;
    world.in_place = in_place;
    explore_act_as(PRODUCER);
    world.ends[PRODUCER] = open_end(RENOIR_PRODUCER);
    explore_act_as(CONSUMER);
    world.ends[CONSUMER] = open_end(RENOIR_CONSUMER);
    name_control(world.ends[PRODUCER].end.shared);
    for (unsigned lane = 0; lane < LANES; ++lane) {
        const RenoirRingEnd *const end = &world.ends[PRODUCER].lanes[lane].end;
        RnrRingShm *const shm = (RnrRingShm *)end->shared;
        explore_name(&shm->tail, "%s.tail", names[lane]);
        explore_name(&shm->head, "%s.head", names[lane]);
        explore_name(end->cells, "%s.bytes", names[lane]);
    }
}

static void pause_at(const RenoirRingEnd *end)
{
    if ((world.flags & RENOIR_RING_WAITABLE) == 0) {
        explore_wait();
        return;
    }
    const RenoirErrorCode status = renoir_ring_wait(end, RENOIR_WAIT_FOREVER);
    if (status == RENOIR_DISCONNECTED) {
        EXPLORE_CHECK(explore_deaths() > 0);
        explore_wait();
    } else {
        EXPLORE_CHECK(status == RENOIR_SUCCESS);
    }
}

// --- producer ------------------------------------------------------------------------------------

static RenoirErrorCode push_one(RenoirPriorityRing *ring, unsigned lane, unsigned number)
{
    uint64_t words[WORDS_MAX];
    void *place = NULL;
    const size_t length = words_of[lane] * 8;

    payload_fill(words, words_of[lane], lane, number);
    if (!world.in_place) {
        return renoir_priority_ring_try_push(ring, lane, words, length, number);
    }
    const RenoirErrorCode status = renoir_priority_ring_reserve(ring, lane, length, &place);
    if (status == RENOIR_SUCCESS) {
        rnr_copy(place, words, length);
        renoir_priority_ring_commit(ring, length, number);
    }
    return status;
}

static void produce_to_the_end(RenoirPriorityRing *ring)
{
    for (unsigned total = total_at(ring); total < RECORDS;) {
        const unsigned lane = plan[total];
        world.is_pushing = true;
        const RenoirErrorCode status = push_one(ring, lane, number_at(ring, lane));
        world.is_pushing = false;
        if (status == RENOIR_SUCCESS) {
            world.pushed[lane] = number_at(ring, lane);
            ++total;
        } else {
            EXPLORE_CHECK(status == RENOIR_BUFFER_FULL && lane == RENOIR_PRIORITY_CRITICAL);
            pause_at(&ring->end);
        }
    }
}

static void produce(unsigned unused)
{
    (void)unused;
    produce_to_the_end(&world.ends[PRODUCER]);
}

static void check_takeover(const RenoirPriorityRing *ring, unsigned *counts, bool in_flight)
{
    unsigned more = 0;

    for (unsigned lane = 0; lane < LANES; ++lane) {
        const unsigned number = number_at(ring, lane);
        EXPLORE_CHECK(number >= counts[lane]);
        more += number - counts[lane];
        counts[lane] = number;
    }
    EXPLORE_CHECK(more <= (in_flight ? 1u : 0u));
}

static void produce_after(unsigned unused)
{
    const bool in_flight = world.is_pushing;
    RenoirPriorityRing ring = open_end(RENOIR_PRODUCER);
    (void)unused;
    check_takeover(&ring, world.pushed, in_flight);
    produce_to_the_end(&ring);
}

// --- consumer ------------------------------------------------------------------------------------

static RenoirErrorCode
pop_one(RenoirPriorityRing *ring, uint64_t *words, size_t *length, uint32_t *lane, uint32_t *tag)
{
    const void *place = NULL;

    if (!world.in_place) {
        return renoir_priority_ring_try_pop(ring, words, WORDS_MAX * 8, length, lane, tag);
    }
    const RenoirErrorCode status = renoir_priority_ring_peek(ring, &place, length, lane, tag);
    if (status == RENOIR_SUCCESS) {
        EXPLORE_CHECK(*length <= WORDS_MAX * 8);
        rnr_copy(words, place, *length);
        renoir_priority_ring_consume(ring);
    }
    return status;
}

// Nothing more urgent was waiting when the call began.
static void check_urgency(unsigned lane, const unsigned *pushed)
{
    for (unsigned i = 0; i < lane && explore_is_sequential(); ++i) {
        EXPLORE_CHECK(pushed[i] <= world.popped[i] || (world.flags & RENOIR_RING_FAIR) != 0);
    }
}

static void consume_to_the_end(RenoirPriorityRing *ring)
{
    while (total_at(ring) < RECORDS) {
        unsigned pushed[LANES];
        uint64_t words[WORDS_MAX] = {0};
        size_t length = 0;
        uint32_t lane = LANES;
        uint32_t tag = 0;
        memcpy(pushed, world.pushed, sizeof pushed);
        world.is_popping = true;
        const RenoirErrorCode status = pop_one(ring, words, &length, &lane, &tag);
        world.is_popping = false;
        if (status != RENOIR_SUCCESS) {
            EXPLORE_CHECK(status == RENOIR_BUFFER_EMPTY);
            check_urgency(LANES, pushed);
            pause_at(&ring->end);
            continue;
        }
        EXPLORE_CHECK(lane < LANES && tag == world.popped[lane]);
        EXPLORE_CHECK(length == words_of[lane] * 8 && payload_is_whole(words, words_of[lane]));
        EXPLORE_CHECK(payload_producer(words) == lane && payload_number(words) == tag);
        check_urgency(lane, pushed);
        ++world.popped[lane];
        EXPLORE_CHECK(number_at(ring, lane) == world.popped[lane]);
    }
}

static void consume(unsigned unused)
{
    (void)unused;
    consume_to_the_end(&world.ends[CONSUMER]);
}

static void consume_after(unsigned unused)
{
    const bool in_flight = world.is_popping;
    RenoirPriorityRing ring = open_end(RENOIR_CONSUMER);
    (void)unused;
    check_takeover(&ring, world.popped, in_flight);
    consume_to_the_end(&ring);
}

static void end(void)
{
    EXPLORE_CHECK(world.popped[0] + world.popped[1] + world.popped[2] == RECORDS);
}

// --- cases ---------------------------------------------------------------------------------------

static void begin_strict(void)
{
    begin(0, false);
}

static void begin_fair(void)
{
    begin(RENOIR_RING_FAIR, false);
}

static void begin_in_place(void)
{
    begin(0, true);
}

static void begin_waiting(void)
{
    begin(RENOIR_RING_WAITABLE, false);
}

#define BOTH_ROLES                                                                                 \
    {                                                                                              \
        {.name = "producer", .run = produce, .successor = produce_after},                          \
        {                                                                                          \
            .name = "consumer", .run = consume, .successor = consume_after                         \
        }                                                                                          \
    }

static const ExploreCase cases[] = {
    {.name = "strict", .begin = begin_strict, .end = end, .roles = BOTH_ROLES, .deaths = 1},
    {.name = "fair", .begin = begin_fair, .end = end, .roles = BOTH_ROLES, .deaths = 1},
    {.name = "in place", .begin = begin_in_place, .end = end, .roles = BOTH_ROLES, .deaths = 1},
    {.name = "waiting", .begin = begin_waiting, .end = end, .roles = BOTH_ROLES, .deaths = 1},
};

const ExploreSuite explore_suite = {
    .name = "priority", .cases = cases, .case_count = sizeof cases / sizeof cases[0]};
