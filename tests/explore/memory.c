// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Shared memory as the C11 memory model allows it to be seen.
//
// Each word has the short history of what was stored to it, in its modification order: messages,
// each with a stamp. A process has a view: for each word, the oldest message that it may still
// read. A load takes any message from there on, and the view moves up to it, so that no process
// sees a word going back. What a release store had in its view goes with its message, and an
// acquire load of that message takes it over. This is the operational release and acquire model of
// J. Kang, C. Hur, O. Lahav, V. Vafeiadis, D. Dreyer, "A promising semantics for relaxed-memory
// concurrency" (POPL 2017), without promises, with the fences as in RC11 (O. Lahav and others, PLDI
// 2017).
//
//     load, relaxed     any message from the view on; its view waits in `pending`
//     load, acquire     the same, and its view is joined into this one
//     store, relaxed    carries what was in view at the last release fence
//     store, release    carries this view
//     update (RMW)      reads a message that it can directly follow, mostly the newest, and carries
//     on
//                       what that one carried: a release sequence
//     fence, acquire    now := now + pending
//     fence, release    released := now
//     fence, seq_cst    both, and joins one view that all such fences share, in both directions
//     barrier           a seq_cst fence in this process, then in each that is registered, in this
//     one
//                       again; each a step of its own
//     seq_cst update    as acq_rel: it reads the newest anyhow, and C11 gives it no power over
//     loads
//                       and stores of another order around it (x86 would)
//     compiler fence    nothing
//
// What the words of `protocols` ask for follows from it. A store that is not ordered may be delayed
// past later ones: the others go on reading the older message for as long as nothing that they have
// read carries the newer one, whichever other stores of the same process they already see. That is
// all that a store buffer, drained in any order, can show; and a store may also take its place
// before newer stores of others to the word, as one that has waited in a buffer does
// (CHOICE_PLACE). A load that is not ordered may be early: it returns an older message. Nothing
// depends on how long a delay lasts: when all processes wait for something, each sees the newest of
// everything.
//
// One thing is not covered by values: a load that takes effect after a later store of its process
// (nobody promises anything here). So payload is checked for data races as well: two accesses to a
// word of it, one of them a store, must be ordered by what C11 calls happens-before, for which
// views carry a clock per process. A consumer that gives a cell back with too weak an order is
// found by that, at the producer's next store into the cell. Where readers race by design, and look
// at a stamp afterwards, the case says so (payload_may_race); there the values are taken as from a
// relaxed load.
//
// Payload is taken apart into words of 8 bytes, each a location of its own.

#include <string.h>

#include "engine.h"
#include "renoir/detail/atomic.h"

enum { STAMP_STEP = 16, STAMP_MAX = 32000, NOT_HERE = 0 };

typedef struct Message {
    uint64_t value;
    Stamp stamp;
    uint8_t writer;
    bool is_update; // directly follows the message before
    View view;
} Message;

typedef struct Location {
    uintptr_t address;
    uint8_t size;
    uint8_t count;
    Stamp in_order;             // the last that was stored seq_cst
    uint8_t order[HISTORY_MAX]; // of messages, oldest first
    Message messages[HISTORY_MAX];
    // The last step of each process that did so.
    uint16_t plain_loads[EXPLORE_PROCESSES_MAX];
    uint16_t plain_stores[EXPLORE_PROCESSES_MAX];
    uint16_t atomic_loads[EXPLORE_PROCESSES_MAX];
    uint16_t atomic_stores[EXPLORE_PROCESSES_MAX];
} Location;

static _Alignas(4096) unsigned char arena[ARENA_BYTES];
static size_t arena_used;
static Location locations[LOCATIONS_MAX];
static unsigned location_count;
static uint8_t index_of[ARENA_BYTES / 4]; // location + 1
static View fences;                       // what all seq_cst fences have seen

// --- the arena -----------------------------------------------------------------------------------

bool memory_is_shared(const void *address)
{
    return (uintptr_t)address - (uintptr_t)arena < ARENA_BYTES;
}

void *memory_take(size_t size)
{
    void *const taken = arena + arena_used;

    arena_used += (size + 127) & ~(size_t)127;
    if (arena_used > ARENA_BYTES) {
        explore_fail("more than %d bytes of shared memory", ARENA_BYTES);
    }
    return taken;
}

void memory_forget(void)
{
    for (unsigned i = 0; i < location_count; ++i) {
        index_of[(locations[i].address - (uintptr_t)arena) / 4] = NOT_HERE;
    }
    location_count = 0;
    memset(&fences, 0, sizeof fences);
}

void memory_begin(void)
{
    memory_forget();
    memset(arena, 0, arena_used);
    arena_used = 0;
}

static uint64_t raw_load(const void *cell, size_t size)
{
    uint64_t value = 0;

    if (size == 4) {
        uint32_t half;
        memcpy(&half, cell, 4);
        return half;
    }
    memcpy(&value, cell, 8);
    return value;
}

static void raw_store(void *cell, size_t size, uint64_t value)
{
    if (size == 4) {
        const uint32_t half = (uint32_t)value;
        memcpy(cell, &half, 4);
    } else {
        memcpy(cell, &value, 8);
    }
}

// Private cells, and all before and after the exploration, are plain memory.
static bool is_private(const void *cell)
{
    return engine.running < 0 || !memory_is_shared(cell);
}

// --- views ---------------------------------------------------------------------------------------

static void join_values(View *into, const View *from)
{
    const unsigned count = (location_count + 15) & ~15u;

    for (unsigned i = 0; i < count; ++i) {
        into->at[i] = into->at[i] > from->at[i] ? into->at[i] : from->at[i];
    }
}

void memory_join(View *into, const View *from)
{
    join_values(into, from);
    for (unsigned i = 0; i < EXPLORE_PROCESSES_MAX; ++i) {
        into->clock[i] = into->clock[i] > from->clock[i] ? into->clock[i] : from->clock[i];
    }
}

static Process *self(void)
{
    return &engine.processes[engine.running];
}

void memory_see(unsigned process, const View *view)
{
    Knowledge *const knows = &engine.processes[process].knows;
    memory_join(&knows->now, view);
    memory_join(&knows->pending, view);
}

void memory_see_newest(unsigned process)
{
    Knowledge *const knows = &engine.processes[process].knows;

    for (unsigned i = 0; i < location_count; ++i) {
        const Location *const location = &locations[i];
        knows->now.at[i] = location->messages[location->order[location->count - 1]].stamp;
    }
    join_values(&knows->pending, &knows->now);
}

// --- locations -----------------------------------------------------------------------------------

static void add_location(uintptr_t address, size_t size, unsigned index)
{
    Location *const location = &locations[index];
    Message *const first = &location->messages[0];

    // The views of processes and fences are zero here: they begin so, and nobody wrote to it yet.
    memset(location, 0, offsetof(Location, messages));
    memset(location->plain_loads, 0, sizeof *location - offsetof(Location, plain_loads));
    memset(first, 0, sizeof *first);
    location->address = address;
    location->size = (uint8_t)size;
    location->count = 1;
    first->value = raw_load((const void *)address, size);
}

static Location *location_of(const void *cell, size_t size)
{
    const uintptr_t address = (uintptr_t)cell;
    uint8_t *const index = &index_of[(address - (uintptr_t)arena) / 4];

    if (*index == NOT_HERE) {
        if (location_count == LOCATIONS_MAX) {
            explore_fail("more than %d shared words (make the case smaller)", LOCATIONS_MAX);
        }
        if (address % size != 0) {
            explore_fail("%s is accessed across words", memory_name(cell));
        }
        add_location(address, size, location_count);
        *index = (uint8_t)++location_count;
    }
    Location *const location = &locations[*index - 1];
    if (location->size != size) {
        explore_fail("%s is accessed with %d bytes and with %zu", memory_name(cell), location->size,
                     size);
    }
    return location;
}

static unsigned number_of(const Location *location)
{
    return (unsigned)(location - locations);
}

static Message *message_at(Location *location, unsigned place)
{
    return &location->messages[location->order[place]];
}

static Message *newest_of(Location *location)
{
    return message_at(location, location->count - 1u);
}

// --- what happened before ------------------------------------------------------------------------

static void check_order(const Location *location, const uint16_t *steps, const char *what)
{
    const Process *const me = self();

    for (unsigned i = 0; i < engine.process_count; ++i) {
        if (i != (unsigned)engine.running && steps[i] > me->knows.now.clock[i]) {
            explore_fail(
                "data race at %s: nothing orders this access of process %d after the %s of "
                "process %u",
                memory_name((const void *)location->address), engine.running, what, i);
        }
    }
}

static void count_access(Location *location, AccessKind kind, bool is_store)
{
    Process *const me = self();
    const unsigned i = (unsigned)engine.running;
    const uint16_t step = ++me->knows.now.clock[i];

    if (!engine.tried->payload_may_race) {
        check_order(location, location->plain_stores, "store");
        if (is_store) {
            check_order(location, location->plain_loads, "load");
        }
        if (kind == ACCESS_PLAIN) {
            check_order(location, location->atomic_stores, "store");
        }
        if (kind == ACCESS_PLAIN && is_store) {
            check_order(location, location->atomic_loads, "load");
        }
    }
    if (kind == ACCESS_PLAIN) {
        (is_store ? location->plain_stores : location->plain_loads)[i] = step;
    } else {
        (is_store ? location->atomic_stores : location->atomic_loads)[i] = step;
    }
}

// --- loads ---------------------------------------------------------------------------------------

static bool is_acquire(int order)
{
    return order != __ATOMIC_RELAXED && order != __ATOMIC_RELEASE;
}

static bool is_release(int order)
{
    return order == __ATOMIC_RELEASE || order == __ATOMIC_ACQ_REL || order == __ATOMIC_SEQ_CST;
}

// The oldest place that this process may read.
static unsigned oldest_for(const Knowledge *knows, Location *location)
{
    const Stamp seen = knows->now.at[number_of(location)];
    unsigned place = location->count - 1u;

    while (place > 0 && message_at(location, place - 1)->stamp >= seen) {
        --place;
    }
    return place;
}

// Where the message lies that this process goes on reading; the newest if it does not any more.
static unsigned place_of_lag(const Knowledge *knows, Location *location, unsigned oldest)
{
    const unsigned newest = location->count - 1u;
    const unsigned number = number_of(location);

    if (knows->lag_left[number] == 0) {
        return newest;
    }
    for (unsigned place = oldest; place < newest; ++place) {
        if (message_at(location, place)->stamp + 1 == knows->lag[number]) {
            return place;
        }
    }
    return newest;
}

// One that has begun to read an older message goes on doing so until something carries a newer one,
// it chooses the newest, which costs nothing, or it has read it LAG_MAX times: delays are finite.
static unsigned choose_place(Knowledge *knows, Location *location)
{
    const unsigned newest = location->count - 1u;
    const unsigned oldest = oldest_for(knows, location);
    Stamp *const lag = &knows->lag[number_of(location)];

    if (oldest == newest) {
        *lag = 0;
        return newest;
    }
    if (*lag != 0) {
        const unsigned place = place_of_lag(knows, location, oldest);
        if (place < newest && choice_take(CHOICE_VALUE, 2) == 0) {
            --knows->lag_left[number_of(location)];
            return place;
        }
        *lag = 0;
        return newest;
    }
    if (search.left.stale == 0) {
        return newest;
    }
    const unsigned back = choice_take(CHOICE_VALUE, newest - oldest + 1);
    if (back > 0) {
        --search.left.stale;
        ++engine.stale_loads;
        *lag = (Stamp)(message_at(location, newest - back)->stamp + 1);
        knows->lag_left[number_of(location)] = LAG_MAX;
    }
    return newest - back;
}

static void learn(Knowledge *knows, const Location *location, const Message *message, int order)
{
    const unsigned number = number_of(location);

    if (knows->now.at[number] < message->stamp) {
        knows->now.at[number] = message->stamp;
    }
    if (knows->pending.at[number] < message->stamp) {
        knows->pending.at[number] = message->stamp;
    }
    memory_join(&knows->pending, &message->view);
    if (is_acquire(order)) {
        memory_join(&knows->now, &message->view);
    }
}

static void see_in_order(Knowledge *knows, const Location *location, int order)
{
    const unsigned number = number_of(location);

    if (order == __ATOMIC_SEQ_CST && knows->now.at[number] < location->in_order) {
        knows->now.at[number] = location->in_order;
    }
}

static const char *order_name(int order)
{
    switch (order) {
    case __ATOMIC_RELAXED:
        return "relaxed";
    case __ATOMIC_ACQUIRE:
        return "acquire";
    case __ATOMIC_RELEASE:
        return "release";
    case __ATOMIC_ACQ_REL:
        return "acq_rel";
    default:
        return "seq_cst";
    }
}

static const char *how(AccessKind kind, int order)
{
    return kind == ACCESS_PLAIN ? "payload" : order_name(order);
}

uint64_t memory_load(const void *cell, size_t size, int order, AccessKind kind)
{
    if (is_private(cell)) {
        return raw_load(cell, size);
    }
    Location *const location = location_of(cell, size);
    Knowledge *const knows = &self()->knows;

    see_in_order(knows, location, order);
    const unsigned place = kind == ACCESS_PLAIN && !engine.tried->payload_may_race
                               ? location->count - 1u
                               : choose_place(knows, location);
    const Message *const message = message_at(location, place);
    TRACE("load   %-10s %-24s -> 0x%llx%s", how(kind, order), memory_name(cell),
          (unsigned long long)message->value,
          place + 1u < location->count ? "   (a newer one is there)" : "");
    count_access(location, kind, false);
    learn(knows, location, message, order);
    return message->value;
}

// --- stores --------------------------------------------------------------------------------------

// Makes room for a message directly after the one at `place`, whose stamp is given.
static Message *insert(Location *location, unsigned place, Stamp stamp)
{
    unsigned free_slot = location->count;

    if (location->count == HISTORY_MAX) { // the oldest one can't be read any more
        free_slot = location->order[0];
        memmove(&location->order[0], &location->order[1], HISTORY_MAX - 1);
        --location->count;
        --place;
    }
    memmove(&location->order[place + 2], &location->order[place + 1],
            (size_t)(location->count - place) - 1);
    location->order[place + 1] = (uint8_t)free_slot;
    ++location->count;
    Message *const message = &location->messages[free_slot];
    message->stamp = stamp;
    message->writer = (uint8_t)engine.running;
    return message;
}

// The stamp for a message directly after the one at `place`; 0: there is no room.
static Stamp stamp_after(Location *location, unsigned place)
{
    const Stamp before = message_at(location, place)->stamp;

    if (place + 1u == location->count) {
        if (before > STAMP_MAX - STAMP_STEP) {
            explore_fail("%s was stored to too often (make the case smaller)",
                         memory_name((const void *)location->address));
        }
        return (Stamp)(before + STAMP_STEP);
    }
    if (message_at(location, place + 1)->is_update) {
        return 0;
    }
    const Stamp after = message_at(location, place + 1)->stamp;
    return after - before < 2 ? 0 : (Stamp)(before + (after - before) / 2);
}

// A store may take effect before newer ones of others, as far as this process has not seen them.
static unsigned choose_predecessor(const Knowledge *knows, Location *location)
{
    const unsigned newest = location->count - 1u;
    const unsigned oldest = oldest_for(knows, location);
    unsigned places[HISTORY_MAX] = {newest};
    unsigned count = 1;

    if (search.left.stale == 0 || oldest == newest) {
        return newest;
    }
    for (unsigned place = newest; place-- > oldest;) {
        if (stamp_after(location, place) != 0) {
            places[count++] = place;
        }
    }
    const unsigned choice = count == 1 ? 0 : choice_take(CHOICE_PLACE, count);
    if (choice > 0) {
        --search.left.stale;
        ++engine.stale_loads;
    }
    return places[choice];
}

static void put(Location *location, unsigned place, uint64_t value, int order, bool is_update)
{
    Process *const me = self();
    const unsigned number = number_of(location);
    const Stamp stamp = stamp_after(location, place);
    const bool is_newest = place + 1u == location->count;
    const uint64_t before = newest_of(location)->value;
    View carried = is_release(order) ? me->knows.now : me->knows.released;

    if (is_update) {
        memory_join(&carried, &message_at(location, place)->view);
    }
    Message *const message = insert(location, place, stamp);
    message->value = value;
    message->is_update = is_update;
    message->view = carried;
    message->view.at[number] = stamp;
    if (order == __ATOMIC_SEQ_CST && location->in_order < stamp) {
        location->in_order = stamp;
    }
    me->knows.now.at[number] = stamp;
    me->knows.pending.at[number] = stamp;
    me->knows.lag[number] = 0;
    if (is_newest) {
        raw_store((void *)location->address, location->size, value);
        if (value != before) {
            process_changed();
        }
    }
}

void memory_store(void *cell, size_t size, uint64_t value, int order, AccessKind kind)
{
    if (is_private(cell)) {
        raw_store(cell, size, value);
        return;
    }
    Location *const location = location_of(cell, size);
    const unsigned place = choose_predecessor(&self()->knows, location);

    TRACE("store  %-10s %-24s <- 0x%llx%s", how(kind, order), memory_name(cell),
          (unsigned long long)value, place + 1u < location->count ? "   (before a newer one)" : "");
    count_access(location, kind, true);
    put(location, place, value, order, false);
}

// --- updates -------------------------------------------------------------------------------------

// An update reads a message that it can directly follow: the newest, or one whose successor is a
// plain store that this process has not seen.
static unsigned choose_updated(Knowledge *knows, Location *location)
{
    const unsigned place = choose_predecessor(knows, location);
    knows->lag[number_of(location)] = 0;
    return place;
}

static uint64_t result_of(int operation, uint64_t value, uint64_t operand)
{
    switch (operation) {
    case RNR_EXPLORE_ADD:
        return value + operand;
    case RNR_EXPLORE_SUB:
        return value - operand;
    case RNR_EXPLORE_OR:
        return value | operand;
    case RNR_EXPLORE_AND:
        return value & operand;
    default:
        return operand;
    }
}

static uint64_t cut(uint64_t value, size_t size)
{
    return size == 4 ? (uint32_t)value : value;
}

uint64_t memory_update(void *cell, size_t size, int operation, uint64_t operand, int order)
{
    if (is_private(cell)) {
        const uint64_t raw = raw_load(cell, size);
        raw_store(cell, size, result_of(operation, raw, operand));
        return raw;
    }
    Location *const location = location_of(cell, size);
    Knowledge *const knows = &self()->knows;

    see_in_order(knows, location, order);
    const unsigned place = choose_updated(knows, location);
    const Message *const message = message_at(location, place);
    const uint64_t before = message->value;
    const uint64_t after = cut(result_of(operation, before, operand), size);

    TRACE("update %-10s %-24s 0x%llx -> 0x%llx", order_name(order), memory_name(cell),
          (unsigned long long)before, (unsigned long long)after);
    count_access(location, ACCESS_ATOMIC, true);
    learn(knows, location, message, order);
    put(location, place, after, order, true);
    return before;
}

// A swap that fails is a load.
static bool fail_swap(Location *location, uint64_t *expected, int order, unsigned place)
{
    const Message *const message = message_at(location, place);

    TRACE("swap   %-10s %-24s is 0x%llx, not 0x%llx", order_name(order),
          memory_name((const void *)location->address), (unsigned long long)message->value,
          (unsigned long long)*expected);
    count_access(location, ACCESS_ATOMIC, false);
    learn(&self()->knows, location, message, order);
    *expected = message->value;
    return false;
}

bool memory_swap(
    void *cell, size_t size, uint64_t *expected, uint64_t desired, int order, int order_if_not)
{
    if (is_private(cell)) {
        const uint64_t raw = raw_load(cell, size);
        if (raw != *expected) {
            *expected = raw;
            return false;
        }
        raw_store(cell, size, desired);
        return true;
    }
    Location *const location = location_of(cell, size);
    Knowledge *const knows = &self()->knows;
    unsigned place = choose_place(knows, location);
    const Message *message = message_at(location, place);

    if (message->value != *expected) {
        return fail_swap(location, expected, order_if_not, place);
    }
    if (place + 1u < location->count && stamp_after(location, place) == 0) {
        // Another update follows it directly: this one comes after that.
        place = location->count - 1u;
        message = message_at(location, place);
        if (message->value != *expected) {
            return fail_swap(location, expected, order_if_not, place);
        }
    }
    TRACE("swap   %-10s %-24s 0x%llx -> 0x%llx", order_name(order), memory_name(cell),
          (unsigned long long)*expected, (unsigned long long)cut(desired, size));
    count_access(location, ACCESS_ATOMIC, true);
    learn(knows, location, message, order);
    put(location, place, cut(desired, size), order, true);
    return true;
}

// --- fences --------------------------------------------------------------------------------------

void memory_fence(unsigned process, int order)
{
    if (engine.running < 0) {
        return;
    }
    Knowledge *const knows = &engine.processes[process].knows;

    if (is_acquire(order)) {
        memory_join(&knows->now, &knows->pending);
    }
    if (order == __ATOMIC_SEQ_CST) {
        join_values(&knows->now, &fences);
        join_values(&knows->pending, &knows->now);
        fences = knows->now;
    }
    if (is_release(order)) {
        knows->released = knows->now;
    }
}

uint32_t memory_peek_u32(const void *cell)
{
    Location *const location = location_of(cell, 4);
    Knowledge *const knows = &self()->knows;

    learn(knows, location, newest_of(location), __ATOMIC_RELAXED);
    return (uint32_t)newest_of(location)->value;
}
