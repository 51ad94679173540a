// SPDX-License-Identifier: MIT OR Apache-2.0
//
// One or two producers, and consumers A and B, of which B comes after A: each sees every published
// element once, whole, in sequence; B none that A is not done with; and nothing is written over
// that one of them may still read (a data race). A claim that its owner did not live to publish is
// a gap.

#include <string.h>

#include "explore.h"
#include "payload.h"
#include "renoir/library.h"
#include "renoir/ring.h"
#include "ring_names.h"

enum { ELEMENTS_MAX = 16, ENDS_MAX = 4 };
#define HELD_UP_NS RENOIR_MILLISECONDS(25)

typedef enum Style { ONE_BY_ONE, CLAIMS, BATCHES } Style;
typedef enum State { UNKNOWN, CLAIMED, PUBLISHED } State;

typedef struct Settings {
    unsigned capacity;
    unsigned producers; // the first roles; then come the consumers
    unsigned consumers;
    unsigned each; // elements that a producer makes
    Style style;
    bool is_waitable;
    bool joins;       // the last consumer comes in the middle
    bool is_parallel; // B does not come after A
} Settings;

typedef struct Consumer {
    uint64_t first; // sequence number that it began with; 0: none yet
    uint64_t last;  // that it has got
    uint64_t done;  // that it may be done with: a call is under way
    uint64_t given; // that it has surely given back
    bool has_died;
} Consumer;

static struct {
    Settings is;
    State state[ELEMENTS_MAX];
    unsigned owner[ELEMENTS_MAX];
    unsigned claims; // under way
    uint64_t published;
    Consumer consumers[2];
    RenoirSequenced ends[ENDS_MAX];
} world;

static RenoirSequenced open_end(unsigned role)
{
    RenoirSequenced end;
    RenoirRingOptions options = renoir_ring_options_default();
    const bool is_producer = role < world.is.producers;
    const unsigned index = is_producer ? 0 : role - world.is.producers;
    RenoirErrorCode status;

    options.capacity = world.is.capacity;
    options.element_size = sizeof(Payload);
    options.max_ends = 2;
    options.flags = (world.is.is_waitable ? RENOIR_RING_WAITABLE : 0) |
                    (world.is.producers > 1 ? RENOIR_RING_MULTI_PRODUCER : 0);
    options.spin_ns = RENOIR_SPIN_NEVER;
    for (;;) {
        status = renoir_sequenced_open(explore_region(), "ring", &options,
                                       is_producer ? RENOIR_PRODUCER : RENOIR_CONSUMER, index,
                                       index == 1 && !world.is.is_parallel ? 1 : 0, &end);
        if (status != RENOIR_LIMIT_REACHED || explore_deaths() == 0) {
            break;
        }
        explore_wait(); // somebody takes back what the dead one left
    }
    EXPLORE_CHECK(status == RENOIR_SUCCESS);
    return end;
}

static void begin(Settings settings)
{
    const unsigned roles = settings.producers + settings.consumers;

    memset(&world, 0, sizeof world);
    world.is = settings;
    for (unsigned i = 0; i < roles - settings.joins; ++i) {
        explore_act_as(i);
        world.ends[i] = open_end(i);
    }
    name_sequenced(&world.ends[0].end);
}

// --- producers -----------------------------------------------------------------------------------

static void note_claim(uint64_t sequence, size_t count)
{
    for (uint64_t i = sequence; i < sequence + count; ++i) {
        // What the only producer had claimed and not published, its successor claims again.
        EXPLORE_CHECK(i < ELEMENTS_MAX);
        EXPLORE_CHECK(world.state[i] == UNKNOWN ||
                      (world.state[i] == CLAIMED && world.is.producers == 1 &&
                       explore_has_died(world.owner[i])));
        world.state[i] = CLAIMED;
        world.owner[i] = explore_self();
    }
}

static void note_published(uint64_t sequence, size_t count)
{
    for (uint64_t i = sequence; i < sequence + count; ++i) {
        world.state[i] = PUBLISHED;
        ++world.published;
    }
}

// Claim, write, publish, in one piece or one element after the other.
static RenoirErrorCode push_claimed(RenoirSequenced *ring, size_t count)
{
    uint64_t sequence = 0;
    const RenoirErrorCode status = renoir_sequenced_claim(ring, count, &sequence);

    if (status != RENOIR_SUCCESS) {
        return status;
    }
    note_claim(sequence, count);
    for (size_t i = 0; i < count; ++i) {
        const Payload element = payload_make(explore_self(), sequence + i);
        void *const place = renoir_sequenced_slot(ring, sequence + i);
        EXPLORE_CHECK(place != NULL);
        rnr_copy(place, &element, sizeof element);
        if (world.is.style == CLAIMS) {
            renoir_sequenced_publish(ring, sequence + i, 1);
            note_published(sequence + i, 1);
        }
    }
    if (world.is.style != CLAIMS) {
        renoir_sequenced_publish(ring, sequence, count);
        note_published(sequence, count);
    }
    return status;
}

static uint64_t least_done(void)
{
    uint64_t least = UINT64_MAX;
    for (unsigned i = 0; i < world.is.consumers; ++i) {
        least = world.consumers[i].given < least ? world.consumers[i].given : least;
    }
    return least;
}

static void produce_with(RenoirSequenced *ring)
{
    const size_t count = world.is.style == ONE_BY_ONE ? 1 : 2;

    for (unsigned made = 0; made < world.is.each;) {
        const uint64_t done = least_done();
        const uint64_t published = world.published;
        const unsigned claims = world.claims++;
        const RenoirErrorCode status = push_claimed(ring, count);
        --world.claims;
        if (status == RENOIR_SUCCESS) {
            made += (unsigned)count;
            continue;
        }
        EXPLORE_CHECK(status == RENOIR_BUFFER_FULL);
        if (explore_is_sequential() && explore_deaths() == 0 && claims == 0 && world.claims == 0 &&
            published == world.published && !world.is.joins) {
            EXPLORE_CHECK(published + count > done + world.is.capacity);
        }
        if (!world.is.is_waitable) {
            explore_wait();
        } else if (renoir_ring_wait(&ring->end, RENOIR_WAIT_FOREVER) == RENOIR_DISCONNECTED) {
            EXPLORE_CHECK(explore_deaths() > 0);
            explore_wait();
        }
    }
    renoir_ring_close(&ring->end);
}

static void produce(unsigned role)
{
    produce_with(&world.ends[role]);
}

static void produce_after(unsigned role)
{
    RenoirSequenced ring = open_end(role);
    world.claims = 0;
    produce_with(&ring);
}

// --- consumers -----------------------------------------------------------------------------------

static bool is_gap(uint64_t sequence)
{
    return sequence < ELEMENTS_MAX &&
           (world.state[sequence] == UNKNOWN
                ? explore_deaths() > 0
                : world.state[sequence] == CLAIMED && explore_has_died(world.owner[sequence]));
}

static void take_note(unsigned number, uint64_t sequence, const Payload *element)
{
    Consumer *const me = &world.consumers[number];

    EXPLORE_CHECK(sequence > me->last && sequence < ELEMENTS_MAX);
    EXPLORE_CHECK(payload_is_whole(element->words, PAYLOAD_WORDS));
    EXPLORE_CHECK(payload_number(element->words) == sequence);
    EXPLORE_CHECK(world.state[sequence] != UNKNOWN);
    EXPLORE_CHECK(payload_producer(element->words) == world.owner[sequence]);
    for (uint64_t i = me->last + 1; i < sequence && me->first != 0; ++i) {
        EXPLORE_CHECK(is_gap(i) || me->has_died);
    }
    if (number == 1 && !world.is.is_parallel) {
        EXPLORE_CHECK(sequence <= world.consumers[0].done ||
                      explore_role_has_ended(world.is.producers) || explore_deaths() > 0);
    }
    me->first = me->first == 0 ? sequence : me->first;
    me->last = sequence;
}

static size_t pop_in_place(RenoirSequenced *ring, unsigned number)
{
    uint64_t sequence = 0;
    size_t count = 0;
    const RenoirErrorCode status = renoir_sequenced_peek(ring, &sequence, &count);

    if (status != RENOIR_SUCCESS) {
        EXPLORE_CHECK(status == RENOIR_BUFFER_EMPTY);
        return 0;
    }
    for (size_t i = 0; i < count; ++i) {
        Payload element;
        const void *const place = renoir_sequenced_slot(ring, sequence + i);
        EXPLORE_CHECK(place != NULL);
        rnr_copy(&element, place, sizeof element);
        take_note(number, sequence + i, &element);
    }
    world.consumers[number].done = sequence + count - 1;
    renoir_sequenced_consume(ring, count);
    return count;
}

static size_t pop_copies(RenoirSequenced *ring, unsigned number)
{
    Payload elements[2];
    uint64_t sequence = 0;
    size_t count = 1;
    RenoirErrorCode status;

    world.consumers[number].done = UINT64_MAX; // not known before the call returns
    if (world.is.style == BATCHES) {
        status =
            renoir_sequenced_consume_n(ring, elements, sizeof elements[0], 2, &sequence, &count);
    } else {
        status = renoir_sequenced_try_consume(ring, elements, sizeof elements[0], &sequence);
    }
    world.consumers[number].done = world.consumers[number].last;
    if (status != RENOIR_SUCCESS) {
        EXPLORE_CHECK(status == RENOIR_BUFFER_EMPTY);
        return 0;
    }
    for (size_t i = 0; i < count; ++i) {
        take_note(number, sequence + i, &elements[i]);
    }
    world.consumers[number].done = world.consumers[number].last;
    return count;
}

static size_t pop_some(RenoirSequenced *ring, unsigned number)
{
    const uint64_t last = world.consumers[number].last;
    const uint64_t before =
        number == 0 || world.is.is_parallel ? world.published : world.consumers[0].given;
    const unsigned claims = world.claims;
    const size_t count =
        world.is.style == CLAIMS ? pop_in_place(ring, number) : pop_copies(ring, number);
    world.consumers[number].given = world.consumers[number].last;
    // "Empty" is true, if nothing was under way.
    if (count == 0 && explore_is_sequential() && explore_deaths() == 0 && claims == 0 &&
        world.claims == 0 && !world.is.joins) {
        EXPLORE_CHECK(before <= last);
    }
    return count;
}

// Whether nothing more can come: the producers have ended, and for B, A has.
static bool is_the_end(unsigned number)
{
    const unsigned roles = world.is.producers + (world.is.is_parallel ? 0 : number);

    for (unsigned i = 0; i < roles; ++i) {
        if (!explore_role_has_ended(i)) {
            return false;
        }
    }
    return true;
}

static void wait_for_more(RenoirSequenced *ring)
{
    if (!world.is.is_waitable) {
        explore_wait();
        return;
    }
    const RenoirErrorCode status = renoir_ring_wait(&ring->end, RENOIR_WAIT_FOREVER);
    EXPLORE_CHECK(status == RENOIR_SUCCESS || status == RENOIR_DISCONNECTED);
    if (status == RENOIR_DISCONNECTED) {
        explore_wait();
    }
}

static void consume_with(RenoirSequenced *ring, unsigned role)
{
    const unsigned number = role - world.is.producers;
    uint64_t last_ns = UINT64_MAX; // since when nothing more can come

    for (;;) {
        const bool is_last = is_the_end(number);
        if (is_last) {
            explore_see_the_finished();
        }
        if (pop_some(ring, number) > 0) {
            continue;
        }
        if (!is_last) {
            wait_for_more(ring);
            continue;
        }
        last_ns = last_ns == UINT64_MAX ? explore_time_ns() : last_ns;
        // A dead one holds what comes after it up until some time has passed.
        if (explore_deaths() == 0 || explore_time_ns() - last_ns > HELD_UP_NS) {
            break;
        }
        explore_wait();
    }
    renoir_ring_close(&ring->end);
}

static void consume(unsigned role)
{
    if (world.is.joins && role == world.is.producers + world.is.consumers - 1) {
        world.ends[role] = open_end(role);
    }
    consume_with(&world.ends[role], role);
}

static void consume_after(unsigned role)
{
    RenoirSequenced ring = open_end(role);
    Consumer *const me = &world.consumers[role - world.is.producers];
    // It goes on where the dead one was, which may have been done with what it was just getting, or
    // at the oldest element left.
    EXPLORE_CHECK(ring.end.position >= me->given);
    me->last = ring.end.position;
    me->has_died = true;
    consume_with(&ring, role);
}

static void end(void)
{
    for (unsigned i = 0; i < world.is.consumers; ++i) {
        const Consumer *const consumer = &world.consumers[i];
        for (uint64_t sequence = 1; sequence < ELEMENTS_MAX; ++sequence) {
            // Of its own past a joining one knows nothing; of what comes later it misses nothing.
            if (world.state[sequence] == PUBLISHED && sequence > consumer->last) {
                EXPLORE_CHECK(consumer->first == 0 && world.is.joins &&
                              i + 1 == world.is.consumers);
            }
        }
        if (!consumer->has_died && (!world.is.joins || i == 0)) {
            EXPLORE_CHECK(consumer->first == 1 || explore_deaths() > 0);
        }
    }
}

// --- cases ---------------------------------------------------------------------------------------

static void begin_one(void)
{
    begin((Settings){.capacity = 2, .producers = 1, .consumers = 2, .each = 4});
}

static void begin_four(void)
{
    begin((Settings){.capacity = 4, .producers = 1, .consumers = 2, .each = 6});
}

static void begin_claims(void)
{
    begin((Settings){.capacity = 4, .producers = 1, .consumers = 2, .each = 6, .style = CLAIMS});
}

static void begin_waiting(void)
{
    begin(
        (Settings){.capacity = 2, .producers = 1, .consumers = 2, .each = 4, .is_waitable = true});
}

static void begin_joining(void)
{
    begin((Settings){.capacity = 2, .producers = 1, .consumers = 1, .each = 4, .joins = true});
}

static void begin_joining_late(void)
{
    begin((Settings){.capacity = 2,
                     .producers = 1,
                     .consumers = 2,
                     .each = 4,
                     .joins = true,
                     .is_parallel = true});
}

static void begin_many(void)
{
    begin((Settings){.capacity = 2, .producers = 2, .consumers = 2, .each = 2});
}

static void begin_many_four(void)
{
    begin(
        (Settings){.capacity = 4, .producers = 2, .consumers = 2, .each = 2, .is_parallel = true});
}

static void begin_many_claims(void)
{
    begin((Settings){.capacity = 4, .producers = 2, .consumers = 1, .each = 4, .style = CLAIMS});
}

static void begin_many_batches(void)
{
    begin((Settings){.capacity = 2, .producers = 2, .consumers = 1, .each = 2, .style = BATCHES});
}

#define PRODUCER(role)                                                                             \
    {                                                                                              \
        .name = "producer", .run = produce, .argument = (role), .successor = produce_after         \
    }
#define CONSUMER(role, title)                                                                      \
    {                                                                                              \
        .name = (title), .run = consume, .argument = (role), .successor = consume_after            \
    }
#define ONE_TO_TWO                                                                                 \
    {                                                                                              \
        PRODUCER(0), CONSUMER(1, "consumer A"), CONSUMER(2, "consumer B")                          \
    }
#define TWO_TO_TWO                                                                                 \
    {                                                                                              \
        PRODUCER(0), PRODUCER(1), CONSUMER(2, "consumer A"), CONSUMER(3, "consumer B")             \
    }
#define TWO_TO_ONE                                                                                 \
    {                                                                                              \
        PRODUCER(0), PRODUCER(1), CONSUMER(2, "consumer A")                                        \
    }

static const ExploreCase cases[] = {
    {.name = "capacity 2", .begin = begin_one, .end = end, .roles = ONE_TO_TWO, .deaths = 1},
    {.name = "capacity 4", .begin = begin_four, .end = end, .roles = ONE_TO_TWO, .deaths = 1},
    {.name = "claims of two",
     .begin = begin_claims,
     .end = end,
     .roles = ONE_TO_TWO,
     .deaths = 1,
     .most = EXPLORE_FEW_TURNS},
    {.name = "waiting",
     .begin = begin_waiting,
     .end = end,
     .roles = ONE_TO_TWO,
     .deaths = 1,
     .most = EXPLORE_FEW_TURNS},
    {.name = "a consumer comes",
     .begin = begin_joining,
     .end = end,
     .roles = {PRODUCER(0), CONSUMER(1, "consumer A")}},
    {.name = "a second consumer comes",
     .begin = begin_joining_late,
     .end = end,
     .roles = ONE_TO_TWO,
     .deaths = 1,
     .most = EXPLORE_FEW_TURNS},
    {.name = "two producers, capacity 2",
     .begin = begin_many,
     .end = end,
     .roles = TWO_TO_TWO,
     .deaths = 1},
    {.name = "two producers, capacity 4",
     .begin = begin_many_four,
     .end = end,
     .roles = TWO_TO_TWO,
     .deaths = 1},
    {.name = "two producers, claims of two",
     .begin = begin_many_claims,
     .end = end,
     .roles = TWO_TO_ONE,
     .deaths = 1,
     .most = EXPLORE_FEW_TURNS},
    {.name = "two producers, batches",
     .begin = begin_many_batches,
     .end = end,
     .roles = TWO_TO_ONE,
     .deaths = 1,
     .most = EXPLORE_FEW_TURNS},
};

const ExploreSuite explore_suite = {
    .name = "sequenced", .cases = cases, .case_count = sizeof cases / sizeof cases[0]};
