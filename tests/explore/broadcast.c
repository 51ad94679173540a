// SPDX-License-Identifier: MIT OR Apache-2.0
//
// One producer that never waits, two consumers: each gets every element once, whole and in order,
// or is told exactly how many it has missed. Element i carries the number i, so a position says
// what must be there, and words of two producers at one position show as torn.

#include <string.h>

#include "explore.h"
#include "payload.h"
#include "renoir/library.h"
#include "renoir/ring.h"
#include "ring_names.h"

enum { ELEMENTS = 4, ROLES = 3, PRODUCER = 0 };

typedef enum Style { ONE_BY_ONE, BATCHES, IN_PLACE, LATEST } Style;

typedef struct Settings {
    unsigned capacity;
    Style style;
    bool is_waitable;
} Settings;

static struct {
    Settings is;
    uint64_t begun; // elements whose push has begun
    uint64_t pushed;
    uint64_t next[EXPLORE_PROCESSES_MAX]; // of each consumer
    RenoirBroadcast ends[ROLES];
} world;

static RenoirBroadcast open_end(uint32_t role)
{
    RenoirBroadcast end;
    RenoirRingOptions options = renoir_ring_options_default();
    options.capacity = world.is.capacity;
    options.element_size = sizeof(Payload);
    options.max_ends = 2;
    options.flags = world.is.is_waitable ? RENOIR_RING_WAITABLE : 0;
    options.spin_ns = RENOIR_SPIN_NEVER;
    EXPLORE_CHECK(renoir_broadcast_open(explore_region(), "ring", &options, role, &end) ==
                  RENOIR_SUCCESS);
    return end;
}

static void begin(Settings settings)
{
    memset(&world, 0, sizeof world);
    world.is = settings;
    for (unsigned i = 0; i < ROLES; ++i) {
        explore_act_as(i);
        world.ends[i] = open_end(i == PRODUCER ? RENOIR_PRODUCER : RENOIR_CONSUMER);
    }
    name_cells(&world.ends[PRODUCER].end, "slot");
}

// --- producer ------------------------------------------------------------------------------------

static size_t push_some(RenoirBroadcast *ring, uint64_t number)
{
    const Payload elements[2] = {payload_make(explore_self(), number),
                                 payload_make(explore_self(), number + 1)};
    const size_t count = world.is.style == BATCHES && number + 1 < ELEMENTS ? 2 : 1;

    world.begun = number + count;
    if (world.is.style == BATCHES) {
        renoir_broadcast_push_n(ring, elements, sizeof elements[0], count);
    } else if (world.is.style == IN_PLACE) {
        void *const place = renoir_broadcast_claim(ring);
        EXPLORE_CHECK(place != NULL);
        rnr_copy(place, elements, sizeof elements[0]);
        renoir_broadcast_publish(ring);
    } else {
        renoir_broadcast_push(ring, elements, sizeof elements[0]);
    }
    return count;
}

static void produce_to_the_end(RenoirBroadcast *ring)
{
    while (ring->end.position < ELEMENTS) {
        const uint64_t number = ring->end.position;
        world.pushed = number + push_some(ring, number);
        EXPLORE_CHECK(ring->end.position == world.pushed);
    }
    if (world.is.is_waitable) {
        renoir_ring_close(&ring->end);
    }
}

static void produce(unsigned unused)
{
    (void)unused;
    produce_to_the_end(&world.ends[PRODUCER]);
}

static void produce_after(unsigned unused)
{
    RenoirBroadcast ring = open_end(RENOIR_PRODUCER);
    (void)unused;
    EXPLORE_CHECK(ring.end.position >= world.pushed);
    EXPLORE_CHECK(ring.end.position <= world.begun);
    world.pushed = ring.end.position;
    produce_to_the_end(&ring);
}

// --- consumers -----------------------------------------------------------------------------------

static void take_note(const Payload *element, uint64_t lost)
{
    uint64_t *const next = &world.next[explore_self()];

    *next += lost;
    EXPLORE_CHECK(payload_is_whole(element->words, PAYLOAD_WORDS));
    EXPLORE_CHECK(payload_number(element->words) == *next);
    EXPLORE_CHECK(*next < world.begun);
    ++*next;
}

static void look_at_latest(RenoirBroadcast *ring)
{
    Payload element;
    uint64_t sequence = 0;
    const uint64_t pushed = world.pushed;
    const RenoirErrorCode status =
        renoir_broadcast_read_latest(ring, &element, sizeof element, &sequence);

    if (status == RENOIR_BUFFER_EMPTY) {
        EXPLORE_CHECK(!explore_is_sequential() || pushed == 0 || pushed != world.begun ||
                      explore_deaths() > 0);
        return;
    }
    EXPLORE_CHECK(status == RENOIR_SUCCESS);
    EXPLORE_CHECK(payload_is_whole(element.words, PAYLOAD_WORDS));
    EXPLORE_CHECK(payload_number(element.words) + 1 == sequence);
    EXPLORE_CHECK(!explore_is_sequential() || sequence >= pushed || explore_deaths() > 0);
    EXPLORE_CHECK(sequence > world.next[explore_self()] || ring->end.position == sequence);
}

// What was read in place is true only if consume says so.
static RenoirErrorCode pop_in_place(RenoirBroadcast *ring, Payload *element, uint64_t *lost)
{
    const void *place = NULL;
    const RenoirErrorCode status = renoir_broadcast_peek(ring, &place, lost);

    if (status != RENOIR_SUCCESS) {
        return status;
    }
    rnr_copy(element, place, sizeof *element);
    const RenoirErrorCode truth = renoir_broadcast_consume(ring);
    if (truth == RENOIR_OVERRUN) {
        world.next[explore_self()] += *lost;
    }
    return truth;
}

// How many it got; 0: nothing is there.
static size_t pop_some(RenoirBroadcast *ring)
{
    Payload elements[2];
    uint64_t lost = 0;
    size_t count = 1;
    RenoirErrorCode status;
    const uint64_t begun = world.begun;
    const uint64_t pushed = world.pushed;

    if (world.is.style == BATCHES) {
        status = renoir_broadcast_pop_n(ring, elements, sizeof elements[0], 2, &count, &lost);
    } else if (world.is.style == IN_PLACE) {
        status = pop_in_place(ring, elements, &lost);
        if (status == RENOIR_OVERRUN) {
            return 1;
        }
    } else {
        if (world.is.style == LATEST) {
            look_at_latest(ring);
        }
        status = renoir_broadcast_try_pop(ring, elements, sizeof elements[0], &lost);
    }
    if (status == RENOIR_BUFFER_EMPTY) {
        // True, if nothing was under way meanwhile.
        if (explore_is_sequential() && explore_deaths() == 0 && begun == pushed &&
            begun == world.begun) {
            EXPLORE_CHECK(ring->end.position == pushed);
        }
        return 0;
    }
    EXPLORE_CHECK(status == RENOIR_SUCCESS && count > 0);
    for (size_t i = 0; i < count; ++i) {
        take_note(&elements[i], i == 0 ? lost : 0);
    }
    EXPLORE_CHECK(ring->end.position == world.next[explore_self()]);
    return count;
}

static void consume_to_the_end(RenoirBroadcast *ring)
{
    for (;;) {
        const bool is_last = explore_role_has_ended(PRODUCER);
        if (is_last) {
            explore_see_the_finished();
        }
        if (pop_some(ring) > 0) {
            continue;
        }
        if (is_last) {
            break;
        }
        explore_wait();
    }
}

// "Disconnected" is final only if no successor can have come while it was found out.
static void consume_until_told(RenoirBroadcast *ring)
{
    for (;;) {
        const bool is_last = explore_role_has_ended(PRODUCER);
        while (pop_some(ring) > 0) {
        }
        const RenoirErrorCode status = renoir_ring_wait(&ring->end, RENOIR_WAIT_FOREVER);
        EXPLORE_CHECK(status == RENOIR_SUCCESS || status == RENOIR_DISCONNECTED);
        if (status == RENOIR_DISCONNECTED && is_last) {
            return;
        }
        if (status == RENOIR_DISCONNECTED) {
            explore_wait();
        }
    }
}

static void consume(unsigned index)
{
    RenoirBroadcast *const ring = &world.ends[index];

    if (world.is.is_waitable) {
        consume_until_told(ring);
    } else {
        consume_to_the_end(ring);
    }
    EXPLORE_CHECK(world.next[explore_self()] == world.pushed);
}

static void end(void)
{
    EXPLORE_CHECK(world.pushed == ELEMENTS);
}

// --- cases ---------------------------------------------------------------------------------------

static void begin_two(void)
{
    begin((Settings){.capacity = 2});
}

static void begin_four(void)
{
    begin((Settings){.capacity = 4});
}

static void begin_batches(void)
{
    begin((Settings){.capacity = 2, .style = BATCHES});
}

static void begin_in_place(void)
{
    begin((Settings){.capacity = 2, .style = IN_PLACE});
}

static void begin_latest(void)
{
    begin((Settings){.capacity = 2, .style = LATEST});
}

static void begin_waiting(void)
{
    begin((Settings){.capacity = 2, .is_waitable = true});
}

#define THE_PRODUCER                                                                               \
    {                                                                                              \
        .name = "producer", .run = produce, .successor = produce_after                             \
    }
#define CONSUMER(number)                                                                           \
    {                                                                                              \
        .name = "consumer", .run = consume, .argument = (number)                                   \
    }

static const ExploreCase cases[] = {
    {.name = "capacity 2",
     .begin = begin_two,
     .end = end,
     .roles = {THE_PRODUCER, CONSUMER(1), CONSUMER(2)},
     .payload_may_race = true,
     .deaths = 1},
    {.name = "capacity 4",
     .begin = begin_four,
     .end = end,
     .roles = {THE_PRODUCER, CONSUMER(1), CONSUMER(2)},
     .payload_may_race = true,
     .deaths = 1},
    {.name = "batches",
     .begin = begin_batches,
     .end = end,
     .roles = {THE_PRODUCER, CONSUMER(1)},
     .payload_may_race = true,
     .deaths = 1},
    {.name = "in place",
     .begin = begin_in_place,
     .end = end,
     .roles = {THE_PRODUCER, CONSUMER(1)},
     .payload_may_race = true,
     .deaths = 1},
    {.name = "the latest",
     .begin = begin_latest,
     .end = end,
     .roles = {THE_PRODUCER, CONSUMER(1)},
     .payload_may_race = true,
     .deaths = 1},
    {.name = "waiting",
     .begin = begin_waiting,
     .end = end,
     .roles = {THE_PRODUCER, CONSUMER(1), CONSUMER(2)},
     .payload_may_race = true,
     .deaths = 1,
     .most = EXPLORE_FEW_TURNS},
};

const ExploreSuite explore_suite = {
    .name = "broadcast", .cases = cases, .case_count = sizeof cases / sizeof cases[0]};
