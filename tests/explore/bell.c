// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The doorbell alone: ringers count up, each a word of its own, and ring; sleepers wait until all
// have come to 1, then to 2. A wake-up that is lost leaves a sleeper asleep for good, since no time
// passes here unless somebody has died.

#include "sync/bell.h"

#include <string.h>

#include "explore.h"
#include "renoir/library.h"

enum { ROUNDS = 2, RINGERS_MAX = 2, OWN_BIT = 1 };

typedef struct Words {
    RnrAtomicU32 sleepers;
    RnrAtomicU32 word;
    RnrAtomicU64 counts[RINGERS_MAX];
} Words;

static struct {
    Words *words;
    unsigned ringers;
    bool is_shared; // both sleepers behind one bit
    bool fences;    // the ringers
    unsigned awake; // sleepers that have come to the end
} world;

static void begin(unsigned ringers, bool is_shared, bool fences)
{
    memset(&world, 0, sizeof world);
    world.words = (Words *)explore_shared(sizeof(Words));
    world.ringers = ringers;
    world.is_shared = is_shared;
    world.fences = fences;
    explore_name(&world.words->sleepers, "sleepers");
    explore_name(&world.words->word, "word");
    explore_name(&world.words->counts[0], "count 0");
    explore_name(&world.words->counts[1], "count 1");
}

static RnrBell the_bell(void)
{
    return (RnrBell){.sleepers = &world.words->sleepers,
                     .word = &world.words->word,
                     .bit = OWN_BIT,
                     .is_shared = world.is_shared};
}

// What the inline half of a ring's notification does.
static void publish(unsigned ringer, uint64_t count)
{
    const RnrBell bell = the_bell();

    rnr_store_release_u64(&world.words->counts[ringer], count);
    if (world.fences) {
        rnr_fence_seq_cst();
    } else {
        rnr_fence_compiler();
    }
    if ((rnr_load_relaxed_u32(&world.words->sleepers) & OWN_BIT) != 0) {
        (void)rnr_bell_ring(&bell);
    }
}

// A successor has the dead one's role, so sees what that one did, and goes on.
static void ring(unsigned ringer)
{
    explore_see_the_finished();
    uint64_t count = rnr_load_relaxed_u64(&world.words->counts[ringer]);

    while (count < ROUNDS) {
        publish(ringer, ++count);
    }
}

static bool has_come(uint64_t round)
{
    for (unsigned i = 0; i < world.ringers; ++i) {
        if (rnr_load_acquire_u64(&world.words->counts[i]) < round) {
            return false;
        }
    }
    return true;
}

static void sleep_until(uint64_t round)
{
    const RnrBell bell = the_bell();
    RnrNap nap = {0};

    if (has_come(round)) {
        return;
    }
    for (;;) {
        rnr_bell_arm(&bell, &nap);
        if (has_come(round)) {
            break;
        }
        const RenoirErrorCode status = rnr_bell_sleep(&bell, &nap, world.fences, UINT64_MAX);
        EXPLORE_CHECK(status == RENOIR_SUCCESS || status == RENOIR_TIMEOUT);
        EXPLORE_CHECK(status == RENOIR_SUCCESS || explore_deaths() > 0);
    }
    rnr_bell_disarm(&bell, &nap);
}

static void sleep_twice(unsigned unused)
{
    (void)unused;
    for (uint64_t round = 1; round <= ROUNDS; ++round) {
        sleep_until(round);
    }
    ++world.awake;
}

static void begin_one(void)
{
    begin(1, false, false);
}

static void begin_one_shared(void)
{
    begin(1, true, false);
}

static void begin_two(void)
{
    begin(2, false, false);
}

static void begin_two_shared(void)
{
    begin(2, true, false);
}

static void begin_fencing(void)
{
    begin(2, true, true);
}

#define RINGER(number)                                                                             \
    {                                                                                              \
        .name = "ringer", .run = ring, .argument = (number), .successor = ring                     \
    }
#define SLEEPER                                                                                    \
    {                                                                                              \
        .name = "sleeper", .run = sleep_twice, .successor = sleep_twice                            \
    }

static const ExploreCase cases[] = {
    {.name = "one ringer, one sleeper",
     .begin = begin_one,
     .roles = {RINGER(0), SLEEPER},
     .deaths = 1},
    {.name = "one ringer, two sleepers",
     .begin = begin_one_shared,
     .roles = {RINGER(0), SLEEPER, SLEEPER},
     .deaths = 1},
    {.name = "two ringers, one sleeper",
     .begin = begin_two,
     .roles = {RINGER(0), RINGER(1), SLEEPER},
     .deaths = 1},
    {.name = "two ringers, two sleepers",
     .begin = begin_two_shared,
     .roles = {RINGER(0), RINGER(1), SLEEPER, SLEEPER},
     .deaths = 1},
    {.name = "ringers out of reach",
     .begin = begin_fencing,
     .roles =
         {{.name = "ringer", .run = ring, .argument = 0, .successor = ring, .is_unreachable = true},
          {.name = "ringer", .run = ring, .argument = 1, .successor = ring, .is_unreachable = true},
          SLEEPER},
     .deaths = 1},
};

const ExploreSuite explore_suite = {
    .name = "bell", .cases = cases, .case_count = sizeof cases / sizeof cases[0]};
