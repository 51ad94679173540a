// SPDX-License-Identifier: MIT OR Apache-2.0
//
// One producer, one consumer: element i carries the number i, so a position says what must be
// there, also for the successor of one that has died.

#include <stdio.h>
#include <string.h>

#include "explore.h"
#include "payload.h"
#include "renoir/library.h"
#include "renoir/ring.h"
#include "ring_names.h"

enum { ELEMENTS = 5, PRODUCER = 0, CONSUMER = 1 };

typedef enum Style { ONE_BY_ONE, BATCHES, IN_PLACE } Style;

typedef struct Settings {
    unsigned capacity;
    Style style;
    uint32_t flags;
    bool counts;     // both ends ask for the ring's counts all the time
    bool is_closing; // else the last of an end is not followed by a wake-up for its close
} Settings;

static struct {
    Settings is;
    uint64_t pushed;  // elements whose push has returned
    uint64_t pushing; // and of those that the call under way may publish
    uint64_t popped;  // likewise
    uint64_t popping;
    RenoirSpsc ends[2];
} world;

static RenoirSpsc open_end(uint32_t role)
{
    RenoirSpsc end;
    RenoirRingOptions options = renoir_ring_options_default();
    options.capacity = world.is.capacity;
    options.element_size = sizeof(Payload);
    options.flags = world.is.flags;
    options.spin_ns = RENOIR_SPIN_NEVER;
    EXPLORE_CHECK(renoir_spsc_open(explore_region(), "ring", &options, role, &end) ==
                  RENOIR_SUCCESS);
    return end;
}

static bool is_waitable(void)
{
    return (world.is.flags & RENOIR_RING_WAITABLE) != 0;
}

static void begin(Settings settings)
{
    memset(&world, 0, sizeof world);
    world.is = settings;
    explore_act_as(PRODUCER);
    world.ends[PRODUCER] = open_end(RENOIR_PRODUCER);
    explore_act_as(CONSUMER);
    world.ends[CONSUMER] = open_end(RENOIR_CONSUMER);
    name_cells(&world.ends[PRODUCER].end,
               (settings.flags & RENOIR_RING_STAMPED) != 0 ? "stamp" : "cell");
}

// Nothing to do for now. Only a death may end a wait with "disconnected".
static void pause_at(const RenoirRingEnd *end)
{
    if (!is_waitable()) {
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

// Counts come from positions: whatever is under way, they are between 0 and the capacity, and not
// older than what this end itself has done.
static void check_counts(const RenoirSpsc *ring)
{
    RenoirRingStats stats;

    if (!world.is.counts) {
        return;
    }
    EXPLORE_CHECK(renoir_ring_count(&ring->end) <= world.is.capacity);
    EXPLORE_CHECK(renoir_ring_stats(&ring->end, &stats) == RENOIR_SUCCESS);
    EXPLORE_CHECK(stats.capacity == world.is.capacity && stats.size <= stats.capacity);
    EXPLORE_CHECK(ring->end.position ==
                  (ring->end.role == RENOIR_PRODUCER ? stats.writes : stats.reads));
}

static void finish(RenoirSpsc *ring)
{
    if (world.is.is_closing) {
        renoir_ring_close(&ring->end);
    }
}

// --- producer ------------------------------------------------------------------------------------

static RenoirErrorCode push_some(RenoirSpsc *ring, uint64_t number, uint64_t count, size_t *done)
{
    Payload elements[ELEMENTS];
    void *place = NULL;

    for (uint64_t i = 0; i < count; ++i) {
        elements[i] = payload_make(PRODUCER, number + i);
    }
    *done = 1;
    switch (world.is.style) {
    case ONE_BY_ONE:
        return renoir_spsc_try_push(ring, elements, sizeof elements[0]);
    case BATCHES:
        return renoir_spsc_push_n(ring, elements, sizeof elements[0], count, done);
    default:
        break;
    }
    const RenoirErrorCode status = renoir_spsc_claim(ring, count, &place, done);
    if (status == RENOIR_SUCCESS) {
        rnr_copy(place, elements, *done * sizeof elements[0]);
        renoir_spsc_commit(ring, *done);
    }
    return status;
}

static void produce_to_the_end(RenoirSpsc *ring)
{
    while (ring->end.position < ELEMENTS) {
        const uint64_t number = ring->end.position;
        const uint64_t popped = world.popped;
        const uint64_t left = ELEMENTS - number;
        size_t done = 0;
        world.pushing = world.is.style == ONE_BY_ONE ? 1 : left < 3 ? left : 3;
        check_counts(ring);
        const RenoirErrorCode status = push_some(ring, number, world.pushing, &done);
        if (status == RENOIR_SUCCESS) {
            world.pushed = number + done;
            EXPLORE_CHECK(ring->end.position == world.pushed);
        } else {
            EXPLORE_CHECK(status == RENOIR_BUFFER_FULL);
            if (explore_is_sequential()) {
                EXPLORE_CHECK(number - popped >= world.is.capacity);
            }
            pause_at(&ring->end);
        }
    }
    finish(ring);
}

static void produce(unsigned unused)
{
    (void)unused;
    produce_to_the_end(&world.ends[PRODUCER]);
}

// Goes on where the shared tail is, which may count what the dead one was just publishing.
static void produce_after(unsigned unused)
{
    RenoirSpsc ring = open_end(RENOIR_PRODUCER);
    (void)unused;
    EXPLORE_CHECK(ring.end.position >= world.pushed);
    EXPLORE_CHECK(ring.end.position <= world.pushed + world.pushing);
    world.pushed = ring.end.position;
    produce_to_the_end(&ring);
}

// --- consumer ------------------------------------------------------------------------------------

static RenoirErrorCode pop_some(RenoirSpsc *ring, Payload *elements, size_t *count)
{
    const void *place = NULL;

    switch (world.is.style) {
    case ONE_BY_ONE:
        *count = 1;
        return renoir_spsc_try_pop(ring, elements, sizeof elements[0]);
    case BATCHES:
        return renoir_spsc_pop_n(ring, elements, sizeof elements[0], *count, count);
    default:
        break;
    }
    const RenoirErrorCode status = renoir_spsc_peek(ring, *count, &place, count);
    if (status == RENOIR_SUCCESS) {
        rnr_copy(elements, place, *count * sizeof elements[0]);
        renoir_spsc_consume(ring, *count);
    }
    return status;
}

static void consume_to_the_end(RenoirSpsc *ring)
{
    while (ring->end.position < ELEMENTS) {
        Payload elements[ELEMENTS];
        const uint64_t number = ring->end.position;
        const uint64_t pushed = world.pushed;
        size_t count = 2;
        world.popping = world.is.style == ONE_BY_ONE ? 1 : 2;
        check_counts(ring);
        const RenoirErrorCode status = pop_some(ring, elements, &count);
        if (status == RENOIR_SUCCESS) {
            for (size_t i = 0; i < count; ++i) {
                EXPLORE_CHECK(payload_is_whole(elements[i].words, PAYLOAD_WORDS));
                EXPLORE_CHECK(payload_number(elements[i].words) == number + i);
            }
            world.popped = number + count;
            EXPLORE_CHECK(ring->end.position == world.popped);
            EXPLORE_CHECK(world.popped <= world.pushed + world.pushing);
        } else {
            EXPLORE_CHECK(status == RENOIR_BUFFER_EMPTY);
            if (explore_is_sequential()) {
                EXPLORE_CHECK(pushed <= number);
            }
            pause_at(&ring->end);
        }
    }
    finish(ring);
}

static void consume(unsigned unused)
{
    (void)unused;
    consume_to_the_end(&world.ends[CONSUMER]);
}

// Without counting: until the producer has closed and nothing is left.
static void consume_until_told(unsigned unused)
{
    RenoirSpsc *const ring = &world.ends[CONSUMER];
    RenoirErrorCode status;
    (void)unused;
    do {
        Payload element;
        while (renoir_spsc_try_pop(ring, &element, sizeof element) == RENOIR_SUCCESS) {
            EXPLORE_CHECK(payload_is_whole(element.words, PAYLOAD_WORDS));
            EXPLORE_CHECK(payload_number(element.words) == world.popped);
            ++world.popped;
        }
        status = renoir_ring_wait(&ring->end, RENOIR_WAIT_FOREVER);
    } while (status == RENOIR_SUCCESS);
    EXPLORE_CHECK(status == RENOIR_DISCONNECTED);
    EXPLORE_CHECK(world.popped == ELEMENTS || explore_deaths() > 0);
    EXPLORE_CHECK(world.popped >= world.pushed);
    world.popped = ELEMENTS;
}

static void consume_after(unsigned unused)
{
    RenoirSpsc ring = open_end(RENOIR_CONSUMER);
    (void)unused;
    EXPLORE_CHECK(ring.end.position >= world.popped);
    EXPLORE_CHECK(ring.end.position <= world.popped + world.popping);
    world.popped = ring.end.position;
    consume_to_the_end(&ring);
}

static void end(void)
{
    EXPLORE_CHECK(world.popped == ELEMENTS);
}

// --- cases ---------------------------------------------------------------------------------------

static void begin_two(void)
{
    begin((Settings){.capacity = 2, .is_closing = true});
}

static void begin_four(void)
{
    begin((Settings){.capacity = 4, .is_closing = true});
}

static void begin_counting(void)
{
    begin((Settings){.capacity = 2, .counts = true, .is_closing = true});
}

static void begin_batches(void)
{
    begin((Settings){.capacity = 4, .style = BATCHES, .is_closing = true});
}

static void begin_in_place(void)
{
    begin((Settings){.capacity = 2, .style = IN_PLACE, .is_closing = true});
}

static void begin_waits(void)
{
    begin((Settings){.capacity = 2, .flags = RENOIR_RING_WAITABLE});
}

static void begin_closing(void)
{
    begin((Settings){.capacity = 4, .flags = RENOIR_RING_WAITABLE, .is_closing = true});
}

static void begin_stamped(void)
{
    begin((Settings){.capacity = 2, .flags = RENOIR_RING_STAMPED, .is_closing = true});
}

static void begin_stamped_four(void)
{
    begin((Settings){.capacity = 4, .flags = RENOIR_RING_STAMPED, .is_closing = true});
}

static void begin_stamped_batches(void)
{
    begin((Settings){
        .capacity = 4, .style = BATCHES, .flags = RENOIR_RING_STAMPED, .is_closing = true});
}

static void begin_stamped_in_place(void)
{
    begin((Settings){
        .capacity = 2, .style = IN_PLACE, .flags = RENOIR_RING_STAMPED, .is_closing = true});
}

static void begin_stamped_waits(void)
{
    begin((Settings){.capacity = 2, .flags = RENOIR_RING_STAMPED | RENOIR_RING_WAITABLE});
}

#define BOTH_ROLES                                                                                 \
    {                                                                                              \
        {.name = "producer", .run = produce, .successor = produce_after},                          \
        {                                                                                          \
            .name = "consumer", .run = consume, .successor = consume_after                         \
        }                                                                                          \
    }

static const ExploreCase cases[] = {
    {.name = "capacity 2", .begin = begin_two, .end = end, .roles = BOTH_ROLES, .deaths = 1},
    {.name = "capacity 4", .begin = begin_four, .end = end, .roles = BOTH_ROLES, .deaths = 1},
    {.name = "counts", .begin = begin_counting, .end = end, .roles = BOTH_ROLES, .deaths = 1},
    {.name = "batches", .begin = begin_batches, .end = end, .roles = BOTH_ROLES, .deaths = 1},
    {.name = "in place", .begin = begin_in_place, .end = end, .roles = BOTH_ROLES, .deaths = 1},
    {.name = "waiting", .begin = begin_waits, .end = end, .roles = BOTH_ROLES, .deaths = 1},
    {.name = "stamped, capacity 2",
     .begin = begin_stamped,
     .end = end,
     .roles = BOTH_ROLES,
     .deaths = 1},
    {.name = "stamped, capacity 4",
     .begin = begin_stamped_four,
     .end = end,
     .roles = BOTH_ROLES,
     .deaths = 1},
    {.name = "stamped, batches",
     .begin = begin_stamped_batches,
     .end = end,
     .roles = BOTH_ROLES,
     .deaths = 1},
    {.name = "stamped, in place",
     .begin = begin_stamped_in_place,
     .end = end,
     .roles = BOTH_ROLES,
     .deaths = 1},
    {.name = "stamped, waiting",
     .begin = begin_stamped_waits,
     .end = end,
     .roles = BOTH_ROLES,
     .deaths = 1},
    {.name = "waiting until it closes",
     .begin = begin_closing,
     .end = end,
     .roles = {{.name = "producer", .run = produce},
               {.name = "consumer", .run = consume_until_told, .is_immortal = true}},
     .deaths = 1},
    {.name = "waiting, fences itself",
     .begin = begin_waits,
     .end = end,
     .roles =
         {{.name = "producer", .run = produce, .successor = produce_after, .is_unreachable = true},
          {.name = "consumer", .run = consume, .successor = consume_after, .is_unreachable = true}},
     .deaths = 1},
};

const ExploreSuite explore_suite = {
    .name = "spsc", .cases = cases, .case_count = sizeof cases / sizeof cases[0]};
