// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Two producers, two consumers: every element whose push returned comes out once, whole, by one of
// them; in the order of each producer while nobody dies or is left out. A consumer that dies in a
// call may have taken one element with it; a producer that does may have left one more.

#include <string.h>

#include "explore.h"
#include "payload.h"
#include "renoir/library.h"
#include "renoir/ring.h"
#include "ring_names.h"

enum { EACH = 2, ENDS = 4, PRODUCERS = 2 };

typedef enum PushState { NOT_YET, PUSHING, PUSHED } PushState;

typedef struct Settings {
    unsigned capacity;
    bool is_waitable; // consumers wait until the producers have closed
    bool has_share;   // each consumer takes as many as each producer makes, and nobody closes
    bool in_place;
    bool aborts;  // a producer gives up one claim, a consumer one look
    bool is_slow; // time passes: slots are left out, so order is lost
} Settings;

static struct {
    Settings is;
    PushState state[EXPLORE_PROCESSES_MAX][EACH];
    unsigned popped[EXPLORE_PROCESSES_MAX][EACH];
    unsigned pushes_begun;
    unsigned pushes_done;
    unsigned pops_begun;
    unsigned pops_done;
    bool is_popping[EXPLORE_PROCESSES_MAX];
    uint64_t last_seen[EXPLORE_PROCESSES_MAX][EXPLORE_PROCESSES_MAX]; // by consumer, of producer
    RenoirMpmc ends[ENDS];
} world;

static bool try_open(uint32_t role, RenoirMpmc *end)
{
    RenoirRingOptions options = renoir_ring_options_default();
    options.capacity = world.is.capacity;
    options.element_size = sizeof(Payload);
    options.max_ends = ENDS;
    options.flags = world.is.is_waitable ? RENOIR_RING_WAITABLE : 0;
    options.spin_ns = RENOIR_SPIN_NEVER;
    const RenoirErrorCode status = renoir_mpmc_open(explore_region(), "ring", &options, role, end);
    // All indices may be held: by the living, and by who takes back what the dead one left.
    EXPLORE_CHECK(status == RENOIR_SUCCESS || status == RENOIR_LIMIT_REACHED);
    return status == RENOIR_SUCCESS;
}

static RenoirMpmc open_end(uint32_t role)
{
    RenoirMpmc end;
    while (!try_open(role, &end)) {
        EXPLORE_CHECK(explore_deaths() > 0);
        explore_wait();
    }
    return end;
}

static void begin(Settings settings)
{
    memset(&world, 0, sizeof world);
    world.is = settings;
    for (unsigned i = 0; i < ENDS; ++i) {
        explore_act_as(i);
        world.ends[i] = open_end(i < PRODUCERS ? RENOIR_PRODUCER : RENOIR_CONSUMER);
    }
    name_mpmc(&world.ends[0].end);
}

// --- producers -----------------------------------------------------------------------------------

static RenoirErrorCode push_one(RenoirMpmc *ring, const Payload *element)
{
    void *place = NULL;

    if (!world.is.in_place) {
        return renoir_mpmc_try_push(ring, element, sizeof *element);
    }
    const RenoirErrorCode status = renoir_mpmc_claim(ring, &place);
    if (status == RENOIR_SUCCESS) {
        rnr_copy(place, element, sizeof *element);
        renoir_mpmc_commit(ring);
    }
    return status;
}

static void pause_at(RenoirMpmc *ring)
{
    if (!world.is.is_waitable) {
        explore_wait();
        return;
    }
    const RenoirErrorCode status = renoir_ring_wait(&ring->end, RENOIR_WAIT_FOREVER);
    EXPLORE_CHECK(status == RENOIR_SUCCESS || status == RENOIR_DISCONNECTED);
    if (status == RENOIR_DISCONNECTED) {
        EXPLORE_CHECK(explore_deaths() > 0);
        explore_wait(); // for a successor
    }
}

// "Full" is true: so many elements are there, if nobody else was in the middle of anything.
static void check_full(unsigned pops_begun, unsigned pops_done)
{
    if (explore_is_sequential() && explore_deaths() == 0 && pops_begun == pops_done &&
        pops_begun == world.pops_begun && !world.is.is_slow && !world.is.aborts) {
        EXPLORE_CHECK(world.pushes_begun - 1 - pops_done >= world.is.capacity);
    }
}

static void produce_with(RenoirMpmc *ring)
{
    const unsigned me = explore_self();

    if (world.is.aborts) {
        void *place = NULL;
        if (renoir_mpmc_claim(ring, &place) == RENOIR_SUCCESS) {
            renoir_mpmc_abort(ring);
        }
    }
    for (unsigned number = 0; number < EACH;) {
        const Payload element = payload_make(me, number);
        const unsigned pops_begun = world.pops_begun;
        const unsigned pops_done = world.pops_done;
        world.state[me][number] = PUSHING;
        ++world.pushes_begun;
        const RenoirErrorCode status = push_one(ring, &element);
        if (status == RENOIR_SUCCESS) {
            world.state[me][number++] = PUSHED;
            ++world.pushes_done;
        } else {
            EXPLORE_CHECK(status == RENOIR_BUFFER_FULL);
            check_full(pops_begun, pops_done);
            --world.pushes_begun;
            world.state[me][number] = NOT_YET;
            pause_at(ring);
        }
    }
    if (!world.is.has_share) {
        renoir_ring_close(&ring->end);
    }
}

static void produce(unsigned index)
{
    produce_with(&world.ends[index]);
}

static void produce_after(unsigned index)
{
    RenoirMpmc ring = open_end(RENOIR_PRODUCER);
    (void)index;
    produce_with(&ring);
}

// --- consumers -----------------------------------------------------------------------------------

static void take_note(const Payload *element)
{
    const unsigned me = explore_self();

    EXPLORE_CHECK(payload_is_whole(element->words, PAYLOAD_WORDS));
    const unsigned producer = payload_producer(element->words);
    const uint64_t number = payload_number(element->words);
    EXPLORE_CHECK(producer < EXPLORE_PROCESSES_MAX && number < EACH);
    EXPLORE_CHECK(world.state[producer][number] != NOT_YET);
    EXPLORE_CHECK(world.popped[producer][number] == 0);
    ++world.popped[producer][number];
    if (explore_deaths() == 0 && !world.is.is_slow && !world.is.aborts) {
        EXPLORE_CHECK(number >= world.last_seen[me][producer]);
    }
    world.last_seen[me][producer] = number;
}

static RenoirErrorCode pop_one(RenoirMpmc *ring, Payload *element)
{
    const void *place = NULL;

    if (!world.is.in_place) {
        return renoir_mpmc_try_pop(ring, element, sizeof *element);
    }
    const RenoirErrorCode status = renoir_mpmc_peek(ring, &place);
    if (status == RENOIR_SUCCESS) {
        rnr_copy(element, place, sizeof *element);
        renoir_mpmc_consume(ring);
    }
    return status;
}

static bool pop_and_note(RenoirMpmc *ring)
{
    const unsigned me = explore_self();
    const unsigned pushes_begun = world.pushes_begun;
    const unsigned pushes_done = world.pushes_done;
    Payload element;

    world.is_popping[me] = true;
    ++world.pops_begun;
    const RenoirErrorCode status = pop_one(ring, &element);
    world.is_popping[me] = false;
    if (status == RENOIR_SUCCESS) {
        ++world.pops_done;
        take_note(&element);
        return true;
    }
    EXPLORE_CHECK(status == RENOIR_BUFFER_EMPTY);
    --world.pops_begun;
    // "Empty" is true, if no push was under way meanwhile.
    if (explore_is_sequential() && explore_deaths() == 0 && pushes_begun == pushes_done &&
        pushes_begun == world.pushes_begun && !world.is.is_slow && !world.is.aborts) {
        EXPLORE_CHECK(pushes_done <= world.pops_begun);
    }
    return false;
}

static bool producers_have_ended(void)
{
    return explore_role_has_ended(0) && explore_role_has_ended(1);
}

// Until the producers have ended and nothing is left.
static void consume_to_the_end(RenoirMpmc *ring)
{
    for (;;) {
        const bool is_last = producers_have_ended();
        if (is_last) {
            explore_see_the_finished();
        }
        if (pop_and_note(ring)) {
            continue;
        }
        if (is_last) {
            return;
        }
        explore_wait();
    }
}

// "Disconnected" is final only if no successor can have come while it was found out.
static void consume_until_told(RenoirMpmc *ring)
{
    for (;;) {
        const bool is_last = producers_have_ended();
        while (pop_and_note(ring)) {
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

// What this one's share is does not depend on the others: all of it must come.
static void consume_a_share(RenoirMpmc *ring)
{
    for (unsigned taken = 0; taken < EACH;) {
        if (pop_and_note(ring)) {
            ++taken;
        } else {
            EXPLORE_CHECK(renoir_ring_wait(&ring->end, RENOIR_WAIT_FOREVER) == RENOIR_SUCCESS);
        }
    }
}

static void consume_with(RenoirMpmc *ring)
{
    if (world.is.has_share) {
        consume_a_share(ring);
        return;
    }
    if (world.is.aborts) {
        const void *place = NULL;
        (void)renoir_mpmc_peek(ring, &place); // given up by closing the end
        renoir_ring_close(&ring->end);
        *ring = open_end(RENOIR_CONSUMER);
    }
    if (world.is.is_waitable) {
        consume_until_told(ring);
    } else {
        consume_to_the_end(ring);
    }
    renoir_ring_close(&ring->end);
}

static void consume(unsigned index)
{
    consume_with(&world.ends[index]);
}

static void consume_after(unsigned index)
{
    RenoirMpmc ring = open_end(RENOIR_CONSUMER);
    (void)index;
    consume_with(&ring);
}

// --- the end -------------------------------------------------------------------------------------

// What is left is taken out by ends that are opened anew, each of which takes back what the last
// owner of its index left.
static void take_the_rest(void)
{
    RenoirMpmc ends[ENDS];
    Payload element;
    unsigned count = 0;

    while (count < ENDS && try_open(RENOIR_CONSUMER, &ends[count])) {
        ++count;
    }
    for (unsigned i = 0; i < count; ++i) {
        while (renoir_mpmc_try_pop(&ends[i], &element, sizeof element) == RENOIR_SUCCESS) {
            take_note(&element);
        }
        renoir_ring_close(&ends[i].end);
    }
}

static void end(void)
{
    unsigned lost = 0;
    unsigned may_be_lost = 0;

    take_the_rest();
    for (unsigned i = 0; i < EXPLORE_PROCESSES_MAX; ++i) {
        may_be_lost += world.is_popping[i];
        for (unsigned number = 0; number < EACH; ++number) {
            lost += world.state[i][number] == PUSHED && world.popped[i][number] == 0;
        }
    }
    EXPLORE_CHECK(lost <= may_be_lost);
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

static void begin_in_place(void)
{
    begin((Settings){.capacity = 2, .in_place = true, .aborts = true});
}

static void begin_waiting(void)
{
    begin((Settings){.capacity = 2, .is_waitable = true});
}

static void begin_shares(void)
{
    begin((Settings){.capacity = 2, .is_waitable = true, .has_share = true});
}

static void begin_slow(void)
{
    begin((Settings){.capacity = 2, .is_slow = true});
}

#define PRODUCER(index)                                                                            \
    {                                                                                              \
        .name = "producer", .run = produce, .argument = (index), .successor = produce_after        \
    }
#define CONSUMER(index)                                                                            \
    {                                                                                              \
        .name = "consumer", .run = consume, .argument = (index), .successor = consume_after        \
    }
#define ALL_ROLES                                                                                  \
    {                                                                                              \
        PRODUCER(0), PRODUCER(1), CONSUMER(2), CONSUMER(3)                                         \
    }

static const ExploreCase cases[] = {
    {.name = "capacity 2", .begin = begin_two, .end = end, .roles = ALL_ROLES, .deaths = 1},
    {.name = "capacity 4", .begin = begin_four, .end = end, .roles = ALL_ROLES, .deaths = 1},
    {.name = "in place, given up",
     .begin = begin_in_place,
     .end = end,
     .roles = ALL_ROLES,
     .deaths = 1,
     .most = EXPLORE_FEW_TURNS},
    {.name = "waiting",
     .begin = begin_waiting,
     .end = end,
     .roles = ALL_ROLES,
     .deaths = 1,
     .most = EXPLORE_FEW_TURNS},
    {.name = "waiting for a share",
     .begin = begin_shares,
     .end = end,
     .roles = ALL_ROLES,
     .most = EXPLORE_FEW_TURNS},
    {.name = "unfinished ones left out",
     .begin = begin_slow,
     .end = end,
     .roles = ALL_ROLES,
     .deaths = 1,
     .most = EXPLORE_FEW_TURNS,
     .clock_step_ns = RENOIR_MILLISECONDS(3)},
};

const ExploreSuite explore_suite = {
    .name = "mpmc", .cases = cases, .case_count = sizeof cases / sizeof cases[0]};
