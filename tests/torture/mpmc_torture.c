// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Producers and consumers of one mpmc ring, killed at random instructions and replaced. What a
// producer said that it had pushed arrives; nothing arrives that was never pushed; elements of
// consumers that died come again, and no others.

#include <signal.h>
#include <unistd.h>

#include "memory/object.h"
#include "unit/ring/fixture.h"

enum { SIDES = 2, CAPACITY = 32 };

// What all processes of one run keep in the region, beside the ring. Plain counters of their own.
typedef struct Ledger {
    RnrAtomicU64 pushed[SIDES]; // by producer: numbers below it are in the ring, or were
    RnrAtomicU64 stop;
} Ledger;

typedef struct Element {
    uint64_t producer;
    uint64_t number;
    uint64_t check;
} Element;

static RenoirMpmc open_end(RenoirRegionHandle region, uint32_t role)
{
    RenoirRingOptions options = element_options(sizeof(Element), CAPACITY);
    RenoirMpmc ring;
    options.max_ends = 32;
    REQUIRE_OK(renoir_mpmc_open(region, "q", &options, role, &ring));
    return ring;
}

static Ledger *ledger_of(RenoirRegionHandle region, RnrObject *object)
{
    const RnrObjectSpec spec = {
        .name = "ledger", .kind = RNR_OBJECT_BLOCK, .alignment = 128, .size_bytes = sizeof(Ledger)};
    REQUIRE_OK(rnr_object_open(region, &spec, object));
    return object->memory;
}

PEER(producer)
{
    RenoirRegionHandle region = join_region();
    RenoirMpmc ring = open_end(region, RENOIR_PRODUCER);
    RnrObject object;
    Ledger *const ledger = ledger_of(region, &object);
    const uint64_t me = peer_arg_u64(0);
    Element element = {.producer = me, .number = rnr_load_relaxed_u64(&ledger->pushed[me])};

    while (rnr_load_relaxed_u64(&ledger->stop) == 0) {
        element.check = element.producer ^ ~element.number;
        if (renoir_mpmc_try_push(&ring, &element, sizeof element) != RENOIR_SUCCESS) {
            (void)renoir_ring_wait(&ring.end, RENOIR_MILLISECONDS(5));
            continue;
        }
        rnr_store_release_u64(&ledger->pushed[me], ++element.number);
    }
    rnr_object_close(&object);
    renoir_ring_close(&ring.end);
    renoir_region_close(region);
}

PEER(popper)
{
    RenoirMpmc ring = open_end(join_region(), RENOIR_CONSUMER);
    for (;;) {
        const void *found = NULL;
        if (renoir_mpmc_peek(&ring, &found) != RENOIR_SUCCESS) {
            (void)renoir_ring_wait(&ring.end, RENOIR_MILLISECONDS(5));
            continue;
        }
        const Element *const element = found;
        REQUIRE(element->check == (element->producer ^ ~element->number));
        (void)kill(getpid(), SIGKILL); // with the element in its hands: somebody else gets it
    }
}

typedef struct Books {
    uint64_t next[SIDES]; // all numbers below have come
    uint64_t early[SIDES][4 * CAPACITY];
    size_t early_count[SIDES];
} Books;

static void settle(Books *books, uint64_t side)
{
    for (size_t i = 0; i < books->early_count[side];) {
        if (books->early[side][i] == books->next[side]) {
            ++books->next[side];
            books->early[side][i] = books->early[side][--books->early_count[side]];
            i = 0;
        } else {
            ++i;
        }
    }
}

// A number may come early, while an older one is in the hands of somebody who has died; a producer
// that was killed between its push and its word for it pushes the same number again.
static void book(Books *books, const Element *element)
{
    const uint64_t side = element->producer;
    REQUIRE(side < SIDES && element->check == (side ^ ~element->number));
    if (element->number < books->next[side]) {
        return;
    }
    for (size_t i = 0; i < books->early_count[side]; ++i) {
        if (books->early[side][i] == element->number) {
            return;
        }
    }
    REQUIRE(books->early_count[side] < 4 * CAPACITY);
    books->early[side][books->early_count[side]++] = element->number;
    settle(books, side);
}

static void drain(RenoirMpmc *ring, Books *books, uint64_t most)
{
    Element element;
    while (most-- > 0 && renoir_mpmc_try_pop(ring, &element, sizeof element) == RENOIR_SUCCESS) {
        book(books, &element);
    }
}

static TestPeer start_producer(uint64_t side)
{
    char argument[24];
    snprintf(argument, sizeof argument, "%llu", (unsigned long long)side);
    return peer_start(producer, argument);
}

TEST_WITHIN(mpmc_torture,
            nothing_is_lost_while_producers_and_consumers_are_killed,
            "R-081 T-005 T-006 T-020 concurrent_stress reliability",
            600)
{
    RenoirRegionHandle region = join_region();
    RenoirMpmc ring = open_end(region, RENOIR_CONSUMER);
    RnrObject object;
    Ledger *const ledger = ledger_of(region, &object);
    TestPeer producers[SIDES];
    Books books = {0};
    for (uint64_t i = 0; i < SIDES; ++i) {
        producers[i] = start_producer(i);
    }
    for (uint64_t round = 0; round < test_scaled(10000); ++round) {
        const uint64_t side = test_random_below(SIDES);
        const TestPeer victim = peer_start(popper);
        drain(&ring, &books, test_random_below(1000));
        CHECK_KILLED(victim);
        CHECK_KILLED(peer_kill(producers[side], SIGKILL));
        drain(&ring, &books, test_random_below(1000));
        producers[side] = start_producer(side);
    }
    rnr_store_release_u64(&ledger->stop, 1);
    for (uint64_t i = 0; i < SIDES; ++i) {
        while (books.next[i] < rnr_load_acquire_u64(&ledger->pushed[i])) {
            drain(&ring, &books, UINT64_MAX);
            (void)renoir_ring_wait(&ring.end, RENOIR_MILLISECONDS(5));
        }
    }
    for (uint64_t i = 0; i < SIDES; ++i) {
        CHECK_EXITED(producers[i], 0);
        CHECK_EQ_U64(rnr_load_acquire_u64(&ledger->pushed[i]), books.next[i]);
    }
    rnr_object_close(&object);
    renoir_ring_close(&ring.end);
    leave_region_and_reap(region);
}
