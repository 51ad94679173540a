// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Objects behind a link, replaced, retired and reclaimed while readers follow the link: none is
// called for while a live reader uses it, all are called for, once; once more, if a process died in
// the call. What a reader had read has happened before the call.

#include <string.h>

#include "explore.h"
#include "renoir/library.h"
#include "sync/epoch_internal.h"

enum { OBJECTS = 5, NOTHING = -1 };

#define WHOLE UINT64_C(0x600d)
#define POISON UINT64_C(0xdead)

typedef enum Fate { LINKED, RETIRING, RETIRED } Fate;

typedef struct Settings {
    unsigned readers;      // who come first
    unsigned participants; // readers included
    unsigned sections;     // of each reader
    unsigned replacements;
    unsigned reclaims; // calls, of each process that reclaims
    unsigned chunk_tokens;
} Settings;

static struct {
    Settings is;
    unsigned retired;       // calls that returned
    unsigned reclaim_calls; // the same
    bool is_inside;         // a reader that waits for others to act
    uint64_t *objects;      // shared; one payload word each
    RnrAtomicU64 *link;     // shared; index of an object
    RnrEpoch *epochs[EXPLORE_PROCESSES_MAX];
    RnrEpochReader *opened[EXPLORE_PROCESSES_MAX];
    int uses[EXPLORE_PROCESSES_MAX];  // the object that this reader found and has not left
    int calls[EXPLORE_PROCESSES_MAX]; // the object that this process is calling for
    Fate fate[OBJECTS];
    unsigned called[OBJECTS];
} world;

static RnrEpoch *open_epoch(void)
{
    const RnrEpochTerms terms = {.name = "epoch",
                                 .max_readers = world.is.readers != 0 ? world.is.readers : 1,
                                 .chunk_count = 2,
                                 .chunk_tokens = world.is.chunk_tokens};
    RnrEpoch *epoch = NULL;
    EXPLORE_CHECK(rnr_epoch_open(explore_region(), &terms, &epoch) == RENOIR_SUCCESS);
    return epoch;
}

static void name_words(const RnrEpoch *epoch)
{
    explore_name(&epoch->shm->epoch, "epoch");
    explore_name(&epoch->shm->advanced_ns, "advanced");
    explore_name(&epoch->shm->numbers, "numbers");
    explore_name(&epoch->shm->reclaimed, "reclaimed");
    explore_name(&epoch->shm->first_ready, "first_ready");
    explore_name(&epoch->shm->participants, "participants");
    for (unsigned i = 0; i < world.is.readers; ++i) {
        explore_name(&epoch->shm->readers[i].state, "reader %u", i);
        explore_name(&epoch->shm->readers[i].presence, "reader %u.presence", i);
    }
    for (unsigned i = 0; i < 2; ++i) {
        explore_name(&epoch->heads[i].filler, "chunk %u.filler", i);
        explore_name(&epoch->heads[i].taker, "chunk %u.taker", i);
        for (unsigned k = 0; k < world.is.chunk_tokens; ++k) {
            explore_name(&rnr_epoch_records(epoch, i)[k].state, "record %u.%u", i, k);
            explore_name(&rnr_epoch_records(epoch, i)[k].token, "token %u.%u", i, k);
        }
    }
}

static void begin(Settings settings)
{
    memset(&world, 0, sizeof world);
    world.is = settings;
    world.objects = explore_shared(OBJECTS * sizeof *world.objects);
    world.link = explore_shared(sizeof *world.link);
    explore_name(world.objects, "object");
    explore_name(world.link, "link");
    for (unsigned i = 0; i < OBJECTS; ++i) {
        const uint64_t whole = WHOLE + i;
        rnr_copy(&world.objects[i], &whole, sizeof whole);
    }
    for (unsigned i = 0; i < EXPLORE_PROCESSES_MAX; ++i) {
        world.uses[i] = world.calls[i] = NOTHING;
    }
    for (unsigned i = 0; i < world.is.participants; ++i) {
        explore_act_as(i);
        world.epochs[i] = open_epoch();
        if (i < world.is.readers) {
            EXPLORE_CHECK(rnr_epoch_reader_open(world.epochs[i], &world.opened[i]) ==
                          RENOIR_SUCCESS);
        }
    }
    name_words(world.epochs[0]);
}

// --- roles ---------------------------------------------------------------------------------------

static void read_with(RnrEpochReader *reader)
{
    const unsigned me = explore_self();

    for (unsigned i = 0; i < world.is.sections; ++i) {
        uint64_t word = 0;
        rnr_epoch_enter(reader);
        const uint64_t index = rnr_load_acquire_u64(world.link);
        world.uses[me] = (int)index;
        rnr_copy(&word, &world.objects[index], sizeof word);
        EXPLORE_CHECK(word == WHOLE + index);
        world.uses[me] = NOTHING;
        rnr_epoch_leave(reader);
    }
}

static void run_reader(unsigned index)
{
    read_with(world.opened[index]);
}

static void call_for(uint64_t token, void *user)
{
    const unsigned me = explore_self();
    const uint64_t poison = POISON;

    (void)user;
    (void)rnr_load_relaxed_u64(world.link); // so that one may die before it has done anything
    EXPLORE_CHECK(token < OBJECTS);
    EXPLORE_CHECK(world.fate[token] != LINKED);
    for (unsigned i = 0; i < EXPLORE_PROCESSES_MAX; ++i) {
        EXPLORE_CHECK(world.uses[i] != (int)token || explore_has_died(i));
        EXPLORE_CHECK(world.calls[i] != (int)token || explore_has_died(i));
    }
    unsigned repeats = 0;
    for (unsigned i = 0; i < EXPLORE_PROCESSES_MAX; ++i) {
        repeats += world.calls[i] == (int)token;
    }
    EXPLORE_CHECK(world.called[token] == repeats); // only those that died in the call
    ++world.called[token];
    world.calls[me] = (int)token;
    rnr_copy(&world.objects[token], &poison, sizeof poison);
}

// One whole call: what it called for is done only then, so a death before may repeat the last.
static size_t reclaim(RnrEpoch *epoch)
{
    size_t count = 0;
    EXPLORE_CHECK(rnr_epoch_try_reclaim(epoch, call_for, NULL, &count) == RENOIR_SUCCESS);
    world.calls[explore_self()] = NOTHING;
    ++world.reclaim_calls;
    return count;
}

static void retire(RnrEpoch *epoch, uint64_t token)
{
    world.fate[token] = RETIRING;
    EXPLORE_CHECK(rnr_epoch_retire(epoch, token) == RENOIR_SUCCESS);
    world.fate[token] = RETIRED;
    ++world.retired;
}

// In each case only one process writes the link.
static void replace_and_retire(RnrEpoch *epoch, uint64_t next)
{
    rnr_store_release_u64(world.link, next);
    retire(epoch, next - 1);
}

static void run_writer(unsigned index)
{
    for (unsigned i = 0; i < world.is.replacements; ++i) {
        replace_and_retire(world.epochs[index], i + 1);
        for (unsigned k = 0; k < world.is.reclaims; ++k) {
            (void)reclaim(world.epochs[index]);
        }
    }
}

static void run_retirer(unsigned index)
{
    for (unsigned i = 0; i < world.is.replacements; ++i) {
        replace_and_retire(world.epochs[index], i + 1);
    }
}

// Two of them meet at the chunks: what does not fit is retired after reclaiming.
static void run_owner(unsigned index)
{
    for (uint64_t token = index * 2; token < index * 2 + 2; ++token) {
        world.fate[token] = RETIRING;
        while (rnr_epoch_retire(world.epochs[index], token) != RENOIR_SUCCESS) {
            if (reclaim(world.epochs[index]) == 0) {
                explore_wait();
            }
        }
        world.fate[token] = RETIRED;
    }
}

static void run_reclaimer(unsigned index)
{
    for (unsigned k = 0; k < world.is.reclaims; ++k) {
        (void)reclaim(world.epochs[index]);
    }
}

// --- roles that wait for each other, so that few switches lead to rare states ------------------

static void until_retired(unsigned count)
{
    while (world.retired < count && explore_deaths() == 0) {
        explore_wait();
    }
}

static void until_reclaimed(unsigned calls)
{
    while (world.reclaim_calls < calls && explore_deaths() == 0) {
        explore_wait();
    }
}

static void look(void)
{
    const unsigned me = explore_self();
    uint64_t word = 0;
    const uint64_t index = rnr_load_acquire_u64(world.link);
    world.uses[me] = (int)index;
    rnr_copy(&word, &world.objects[index], sizeof word);
    EXPLORE_CHECK(word == WHOLE + index);
}

static void leave(RnrEpochReader *reader)
{
    world.uses[explore_self()] = NOTHING;
    rnr_epoch_leave(reader);
}

// Stands in 1 and in 2, so that the epoch comes to 3 while the token of 1 is pending.
static void run_keeper(unsigned index)
{
    RnrEpochReader *const reader = world.opened[index];
    rnr_epoch_enter(reader);
    world.is_inside = true;
    until_reclaimed(1);
    rnr_epoch_leave(reader);
    rnr_epoch_enter(reader);
    until_reclaimed(2);
    rnr_epoch_leave(reader);
}

static void run_late_reader(unsigned index)
{
    until_reclaimed(2);
    rnr_epoch_enter(world.opened[index]);
    look();
    leave(world.opened[index]);
}

static void run_kept_writer(unsigned index)
{
    while (!world.is_inside && explore_deaths() == 0) {
        explore_wait();
    }
    replace_and_retire(world.epochs[index], 1);
    for (unsigned k = 0; k < 3; ++k) {
        (void)reclaim(world.epochs[index]);
    }
}

// Retires when the epoch is 3, and may still take it for 1.
static void run_slow_retirer(unsigned index)
{
    until_reclaimed(2);
    replace_and_retire(world.epochs[index], 2);
}

static void run_slow_reclaimer(unsigned index)
{
    (void)reclaim(world.epochs[index]);
    retire(world.epochs[index], 3); // what no link ever led to
    (void)reclaim(world.epochs[index]);
    until_retired(3);
    (void)reclaim(world.epochs[index]);
}

// Reads when the first token was reclaimed, and stays until the next one was retired and the
// stopped reclaimer has gone on.
static void run_second_reader(unsigned index)
{
    until_reclaimed(1);
    rnr_epoch_enter(world.opened[index]);
    look();
    world.is_inside = true;
    until_reclaimed(2);
    leave(world.opened[index]);
}

static void run_second_writer(unsigned index)
{
    replace_and_retire(world.epochs[index], 1);
    (void)reclaim(world.epochs[index]);
    while (!world.is_inside && explore_deaths() == 0) {
        explore_wait();
    }
    replace_and_retire(world.epochs[index], 2);
}

static void run_second_reclaimer(unsigned index)
{
    until_retired(1);
    (void)reclaim(world.epochs[index]);
}

// Comes when one has died: gets its places, and goes on reclaiming and reading.
static void come_after(unsigned index)
{
    RnrEpoch *const epoch = open_epoch();
    RnrEpochReader *reader = NULL;

    (void)index;
    (void)reclaim(epoch);
    if (rnr_epoch_reader_open(epoch, &reader) == RENOIR_SUCCESS) {
        read_with(reader);
    }
    (void)reclaim(epoch);
    rnr_epoch_close(epoch);
}

// --- the end -------------------------------------------------------------------------------------

static void end(void)
{
    RnrEpoch *const epoch = open_epoch();
    RenoirEpochStats stats;

    (void)reclaim(epoch);
    for (unsigned i = 0; i < OBJECTS; ++i) {
        if (world.fate[i] == LINKED) {
            EXPLORE_CHECK(world.called[i] == 0);
        } else if (world.fate[i] == RETIRED) {
            EXPLORE_CHECK(world.called[i] >= 1);
        }
        EXPLORE_CHECK(world.called[i] <= 1 + explore_deaths());
    }
    rnr_epoch_stats(epoch, &stats);
    EXPLORE_CHECK(stats.pending_count == 0 && stats.active_reader_count == 0);
    EXPLORE_CHECK(rnr_epoch_check(epoch->shm, epoch->object.size_bytes, "epoch") == RENOIR_SUCCESS);
    rnr_epoch_close(epoch);
}

// --- cases ---------------------------------------------------------------------------------------

static void begin_pair(void)
{
    begin((Settings){.readers = 1,
                     .participants = 2,
                     .sections = 2,
                     .replacements = 2,
                     .reclaims = 1,
                     .chunk_tokens = 2});
}

static void begin_three(void)
{
    begin((Settings){.readers = 1,
                     .participants = 3,
                     .sections = 1,
                     .replacements = 2,
                     .reclaims = 2,
                     .chunk_tokens = 2});
}

static void begin_two_readers(void)
{
    begin((Settings){.readers = 2,
                     .participants = 3,
                     .sections = 1,
                     .replacements = 2,
                     .reclaims = 2,
                     .chunk_tokens = 2});
}

static void begin_reclaimers(void)
{
    begin((Settings){.readers = 1,
                     .participants = 4,
                     .sections = 1,
                     .replacements = 3,
                     .reclaims = 1,
                     .chunk_tokens = 2});
}

// The retirer has a chunk already: finding one would tell it what the others have done.
static void begin_slow_retirer(void)
{
    begin((Settings){.readers = 1, .participants = 3, .chunk_tokens = 2});
    explore_act_as(1);
    replace_and_retire(world.epochs[1], 1);
}

static void begin_used_anew(void)
{
    begin((Settings){.readers = 1, .participants = 3, .chunk_tokens = 1});
}

static void begin_owners(void)
{
    begin((Settings){.participants = 2, .sections = 1, .chunk_tokens = 1});
    rnr_store_relaxed_u64(world.link, 4); // which nobody retires
}

#define READER(index)                                                                              \
    {                                                                                              \
        .name = "reader", .run = run_reader, .argument = (index), .successor = come_after          \
    }
#define FENCING_READER(index)                                                                      \
    {                                                                                              \
        .name = "reader", .run = run_reader, .argument = (index), .successor = come_after,         \
        .is_unreachable = true                                                                     \
    }
#define WRITER(index)                                                                              \
    {                                                                                              \
        .name = "writer", .run = run_writer, .argument = (index), .successor = come_after          \
    }
#define RETIRER(index)                                                                             \
    {                                                                                              \
        .name = "retirer", .run = run_retirer, .argument = (index), .successor = come_after        \
    }
#define FENCING_RETIRER(index)                                                                     \
    {                                                                                              \
        .name = "retirer", .run = run_retirer, .argument = (index), .successor = come_after,       \
        .is_unreachable = true                                                                     \
    }
#define RECLAIMER(index)                                                                           \
    {                                                                                              \
        .name = "reclaimer", .run = run_reclaimer, .argument = (index), .successor = come_after    \
    }

#define ROLE(name_, run_, index)                                                                   \
    {                                                                                              \
        .name = name_, .run = run_, .argument = (index), .successor = come_after                   \
    }

static const ExploreCase cases[] = {
    {.name = "a reader, a writer",
     .begin = begin_pair,
     .end = end,
     .roles = {READER(0), WRITER(1)},
     .deaths = 1},
    {.name = "a reader that fences itself",
     .begin = begin_pair,
     .end = end,
     .roles = {FENCING_READER(0), WRITER(1)},
     .deaths = 1},
    {.name = "a reader, a retirer, a reclaimer",
     .begin = begin_three,
     .end = end,
     .roles = {READER(0), RETIRER(1), RECLAIMER(2)},
     .deaths = 1},
    {.name = "a retirer that fences itself",
     .begin = begin_three,
     .end = end,
     .roles = {READER(0), FENCING_RETIRER(1), RECLAIMER(2)},
     .deaths = 1},
    {.name = "two readers, a writer",
     .begin = begin_two_readers,
     .end = end,
     .roles = {READER(0), READER(1), WRITER(2)},
     .deaths = 1},
    {.name = "two reclaimers",
     .begin = begin_reclaimers,
     .end = end,
     .roles = {READER(0), RETIRER(1), RECLAIMER(2), RECLAIMER(3)},
     .deaths = 1},
    {.name = "two retirers",
     .begin = begin_owners,
     .end = end,
     .roles = {ROLE("owner", run_owner, 0), ROLE("owner", run_owner, 1)},
     .deaths = 1},
    {.name = "a reader that nobody follows",
     .begin = begin_pair,
     .end = end,
     .roles = {{.name = "reader", .run = run_reader}, WRITER(1)},
     .deaths = 1},
    {.name = "a token kept for two epochs",
     .begin = begin_two_readers,
     .end = end,
     .roles = {ROLE("keeper", run_keeper, 0), ROLE("late reader", run_late_reader, 1),
               ROLE("writer", run_kept_writer, 2)},
     .deaths = 1,
     .most = {1, 1, 1, 1}},
    {.name = "epochs pass a retirer that fences itself",
     .begin = begin_slow_retirer,
     .end = end,
     .roles = {ROLE("late reader", run_late_reader, 0),
               {.name = "retirer",
                .run = run_slow_retirer,
                .argument = 1,
                .successor = come_after,
                .is_unreachable = true},
               ROLE("reclaimer", run_slow_reclaimer, 2)},
     .deaths = 1,
     .most = {1, 1, 1, 1}},
    {.name = "a planned chunk is used anew",
     .begin = begin_used_anew,
     .end = end,
     .roles = {ROLE("reader", run_second_reader, 0), ROLE("writer", run_second_writer, 1),
               ROLE("reclaimer", run_second_reclaimer, 2)},
     .deaths = 1,
     .most = {1, 1, 1, 1}},
};

const ExploreSuite explore_suite = {
    .name = "epoch", .cases = cases, .case_count = sizeof cases / sizeof cases[0]};
