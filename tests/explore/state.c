// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The newest value, from one writer that never waits: version i carries the number i. Readers get
// whole values, none older than one that they have seen, and no wait misses a newer one. Seqlocks
// too.

#include "sync/state.h"

#include <string.h>

#include "explore.h"
#include "payload.h"
#include "renoir/library.h"
#include "renoir/seqlock.h"

enum { WRITER = 0, READERS_MAX = 2, READS = 2, AROUND = RNR_STATE_VERSIONS + 1, A_FEW = 3 };

typedef enum Style { READ, PEEK, WAIT } Style;

typedef struct Settings {
    Style style;
    unsigned readers;
    uint64_t first;    // that is written before the others come
    uint64_t versions; // that the writer comes to
} Settings;

// A seqlock as users lay it out.
typedef struct Guarded {
    RenoirSeqlock lock;
    Payload value;
    RenoirSequence sequence;
} Guarded;

static struct {
    Settings is;
    uint64_t written; // the newest version whose write has returned
    uint64_t begun;
    uint64_t given[8]; // numbers of the shared counter
    Guarded *guarded;
    RnrState *writer;
    RnrState *readers[READERS_MAX];
} world;

// What api/state_api.c says; no exploration comes there.
RenoirErrorCode renoir_detail_seqlock_gave_up(uint64_t sequence)
{
    explore_fail("a load gave up at sequence %llu", (unsigned long long)sequence);
}

RenoirErrorCode renoir_detail_seqlock_refuse(void)
{
    explore_fail("a load was refused");
}

static RnrState *open_writer(void)
{
    RnrState *state = NULL;
    EXPLORE_CHECK(rnr_state_create(explore_region(), "state", sizeof(Payload), &state) ==
                  RENOIR_SUCCESS);
    return state;
}

static void name_state(const RnrVersions *versions)
{
    explore_name(versions->shm, "state");
    explore_name(&versions->shm->latest, "latest");
    explore_name(&versions->shm->sleepers, "sleepers");
    explore_name(&versions->shm->bell, "bell");
    explore_name(&versions->shm->presence, "presence");
    for (unsigned i = 0; i < RNR_STATE_VERSIONS; ++i) {
        unsigned char *const place = versions->cells + i * versions->stride;
        explore_name(place, "stamp %u", i);
        explore_name(place + 8, "length %u", i);
        explore_name(place + versions->data_offset, "data %u", i);
    }
}

// --- state ---------------------------------------------------------------------------------------

static void write_up_to(RnrState *state, uint64_t last)
{
    while (state->next <= last) {
        const uint64_t number = state->next;
        const Payload value = payload_make(explore_self(), number);
        world.begun = number;
        if (world.is.style == PEEK) {
            void *place = NULL;
            EXPLORE_CHECK(rnr_state_reserve(state, &place) == RENOIR_SUCCESS);
            rnr_copy(place, &value, sizeof value);
            EXPLORE_CHECK(rnr_state_commit(state, sizeof value) == RENOIR_SUCCESS);
        } else {
            EXPLORE_CHECK(rnr_state_write(state, &value, sizeof value) == RENOIR_SUCCESS);
        }
        world.written = number;
    }
}

static void begin(Settings settings)
{
    memset(&world, 0, sizeof world);
    world.is = settings;
    explore_act_as(WRITER);
    world.writer = open_writer();
    for (unsigned i = 0; i < settings.readers; ++i) {
        explore_act_as(1 + i);
        EXPLORE_CHECK(rnr_state_open(explore_region(), "state", &world.readers[i]) ==
                      RENOIR_SUCCESS);
    }
    name_state(&world.writer->versions);
    write_up_to(world.writer, settings.first);
}

static void write_all(unsigned unused)
{
    (void)unused;
    write_up_to(world.writer, world.is.versions);
}

static void write_after(unsigned unused)
{
    RnrState *const state = open_writer();
    (void)unused;
    EXPLORE_CHECK(state->next == world.written + 1 || state->next == world.begun + 1);
    world.written = state->next - 1;
    write_up_to(state, world.is.versions);
}

static void check_value(const RnrVersion *version, const Payload *value, uint64_t at_least)
{
    EXPLORE_CHECK(version->length == sizeof *value);
    EXPLORE_CHECK(payload_is_whole(value->words, PAYLOAD_WORDS));
    EXPLORE_CHECK(payload_number(value->words) == version->number);
    EXPLORE_CHECK(version->number >= at_least && version->number <= world.begun);
}

// 0: there is none yet, or it was overtaken while it looked.
static uint64_t read_once(RnrState *state, uint64_t known)
{
    const uint64_t written = world.written;
    RnrVersion version = {0};
    Payload value;
    RenoirErrorCode status;

    if (world.is.style == PEEK) {
        status = rnr_state_peek(state, &version);
        if (status == RENOIR_SUCCESS) {
            rnr_copy(&value, version.data, sizeof value);
            status = rnr_state_validate(state, version.number);
            if (status == RENOIR_OVERRUN) {
                return known;
            }
        }
    } else {
        status = rnr_state_read(state, &value, sizeof value, &version);
    }
    if (status == RENOIR_BUFFER_EMPTY) {
        EXPLORE_CHECK(known == 0 && (written == 0 || !explore_is_sequential()));
        return 0;
    }
    EXPLORE_CHECK(status == RENOIR_SUCCESS);
    check_value(&version, &value, explore_is_sequential() && known < written ? written : known);
    return version.number;
}

static void read_some(unsigned index)
{
    uint64_t known = 0;

    for (unsigned i = 0; i < READS; ++i) {
        known = read_once(world.readers[index], known);
    }
}

static void wait_for_all(unsigned index)
{
    RnrState *const state = world.readers[index];
    uint64_t known = 0;

    while (known < world.is.versions) {
        const RenoirErrorCode status = rnr_state_wait(state, known, RENOIR_WAIT_FOREVER);
        if (status == RENOIR_DISCONNECTED) {
            EXPLORE_CHECK(explore_deaths() > 0);
            explore_wait();
            continue;
        }
        EXPLORE_CHECK(status == RENOIR_SUCCESS);
        const uint64_t before = known;
        known = read_once(state, known);
        EXPLORE_CHECK(known > before);
    }
}

static void end(void)
{
    EXPLORE_CHECK(world.written == world.is.versions);
    EXPLORE_CHECK(rnr_versions_check(&world.writer->versions) == RENOIR_SUCCESS);
}

// --- seqlock and sequence ------------------------------------------------------------------------

static void begin_seqlock(void)
{
    memset(&world, 0, sizeof world);
    world.guarded = (Guarded *)explore_shared(sizeof(Guarded));
    payload_fill(world.guarded->value.words, PAYLOAD_WORDS, WRITER, 0);
    explore_name(&world.guarded->lock, "lock");
    explore_name(&world.guarded->value, "value");
    explore_name(&world.guarded->sequence, "sequence");
}

static void store_all(unsigned unused)
{
    (void)unused;
    while (world.written < A_FEW) {
        const Payload value = payload_make(explore_self(), world.written + 1);
        world.begun = world.written + 1;
        renoir_seqlock_store(&world.guarded->lock, &world.guarded->value, &value, sizeof value);
        world.written = world.begun;
    }
}

static void store_after(unsigned unused)
{
    explore_see_the_finished();
    store_all(unused);
}

static void load_some(unsigned unused)
{
    uint64_t known = 0;
    (void)unused;

    for (unsigned i = 0; i < READS; ++i) {
        const uint64_t written = world.written;
        Payload value;
        const RenoirErrorCode status =
            renoir_seqlock_load(&world.guarded->lock, &value, &world.guarded->value, sizeof value);
        EXPLORE_CHECK(status == RENOIR_SUCCESS);
        EXPLORE_CHECK(payload_is_whole(value.words, PAYLOAD_WORDS));
        const uint64_t number = payload_number(value.words);
        EXPLORE_CHECK(number >= known && number <= world.begun);
        EXPLORE_CHECK(number >= written || !explore_is_sequential());
        known = number;
    }
}

// Whoever has a number sees what was written before smaller ones were taken.
static void take_numbers(unsigned index)
{
    for (unsigned i = 0; i < READS; ++i) {
        RnrAtomicU64 *const mine = (RnrAtomicU64 *)(void *)&world.guarded->value.words[index];
        rnr_store_relaxed_u64(mine, i + 1);
        const uint64_t number = renoir_sequence_next(&world.guarded->sequence);
        EXPLORE_CHECK(number >= 1 && number <= 2 * READS && world.given[number] == 0);
        world.given[number] = index * READS + i + 1;
        for (uint64_t less = 1; less < number; ++less) {
            const uint64_t other = (world.given[less] - 1) / READS;
            const uint64_t count = (world.given[less] - 1) % READS + 1;
            EXPLORE_CHECK(world.given[less] != 0);
            EXPLORE_CHECK(rnr_load_relaxed_u64(
                              (RnrAtomicU64 *)(void *)&world.guarded->value.words[other]) >= count);
        }
    }
}

// --- cases ---------------------------------------------------------------------------------------

static void begin_reads(void)
{
    begin((Settings){.style = READ, .readers = 1, .first = 1, .versions = AROUND});
}

static void begin_peeks(void)
{
    begin((Settings){.style = PEEK, .readers = 1, .first = 1, .versions = AROUND});
}

static void begin_few(void)
{
    begin((Settings){.style = READ, .readers = 2, .versions = A_FEW});
}

static void begin_waits(void)
{
    begin((Settings){.style = WAIT, .readers = 1, .versions = A_FEW});
}

static void begin_two_wait(void)
{
    begin((Settings){.style = WAIT, .readers = 2, .versions = 2});
}

#define THE_WRITER                                                                                 \
    {                                                                                              \
        .name = "writer", .run = write_all, .successor = write_after                               \
    }
#define READER(index)                                                                              \
    {                                                                                              \
        .name = "reader", .run = read_some, .argument = (index)                                    \
    }
#define WAITER(index)                                                                              \
    {                                                                                              \
        .name = "waiter", .run = wait_for_all, .argument = (index)                                 \
    }

static const ExploreCase cases[] = {
    {.name = "all versions around",
     .begin = begin_reads,
     .end = end,
     .roles = {THE_WRITER, READER(0)},
     .payload_may_race = true,
     .deaths = 1},
    {.name = "in place",
     .begin = begin_peeks,
     .end = end,
     .roles = {THE_WRITER, READER(0)},
     .payload_may_race = true,
     .deaths = 1},
    {.name = "two readers",
     .begin = begin_few,
     .end = end,
     .roles = {THE_WRITER, READER(0), READER(1)},
     .payload_may_race = true,
     .deaths = 1},
    {.name = "waiting",
     .begin = begin_waits,
     .end = end,
     .roles = {THE_WRITER, WAITER(0)},
     .payload_may_race = true,
     .deaths = 1},
    {.name = "two wait",
     .begin = begin_two_wait,
     .end = end,
     .roles = {THE_WRITER, WAITER(0), WAITER(1)},
     .payload_may_race = true,
     .deaths = 1},
    {.name = "seqlock",
     .begin = begin_seqlock,
     .roles = {{.name = "writer", .run = store_all, .successor = store_after},
               {.name = "reader", .run = load_some},
               {.name = "reader", .run = load_some}},
     .payload_may_race = true,
     .deaths = 1},
    {.name = "sequence",
     .begin = begin_seqlock,
     .roles = {{.name = "taker", .run = take_numbers, .argument = 0},
               {.name = "taker", .run = take_numbers, .argument = 1}},
     .payload_may_race = true},
};

const ExploreSuite explore_suite = {
    .name = "state", .cases = cases, .case_count = sizeof cases / sizeof cases[0]};
