// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Which of the ways to go on an execution takes: all of them in turn, depth first, or random ones,
// or those of a list. Whoever asks offers only what the budget allows, so every list within it is
// tried exactly once.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"

typedef struct Choice {
    uint16_t pick;
    uint16_t count;
} Choice;

Search search;

static Choice choices[CHOICES_MAX];
static unsigned choice_count; // made in this execution
static unsigned given_count;  // of those, how many were given
static ExploreBudget granted; // at its beginning
static uint64_t random_state;
static unsigned switch_odds; // one in so many
static unsigned value_odds;
static unsigned death_odds;

static uint64_t random_next(void)
{
    // splitmix64: S. Vigna, public domain
    uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static unsigned random_below(unsigned limit)
{
    return (unsigned)(random_next() % limit);
}

void choice_begin_search(ExploreBudget limit)
{
    search = (Search){.limit = limit};
    given_count = 0;
}

void choice_begin_random(uint64_t seed, unsigned deaths)
{
    search = (Search){
        .limit = {UINT32_MAX, UINT32_MAX, deaths, UINT32_MAX}, .is_random = true, .seed = seed};
    random_state = seed;
    given_count = 0;
}

// The list is what choice_print wrote: the budget, which decides what is offered, and the picks, a
// repeated one as "pick*count".
void choice_begin_replay(const char *list)
{
    ExploreBudget *const limit = &search.limit;
    int begin = 0;

    search = (Search){.is_replay = true};
    (void)sscanf(list, "%u,%u,%u,%u:%n", &limit->preemptions, &limit->stale, &limit->deaths,
                 &limit->turns, &begin);
    given_count = 0;
    for (const char *text = list + begin; *text != '\0';) {
        char *end = NULL;
        const unsigned long pick = strtoul(text, &end, 10);
        unsigned long times = 1;
        if (end == text) {
            ++text;
            continue;
        }
        if (*end == '*') {
            times = strtoul(end + 1, &end, 10);
        }
        for (; times > 0 && given_count < CHOICES_MAX; --times) {
            choices[given_count++] = (Choice){.pick = (uint16_t)pick};
        }
        text = end;
    }
}

void choice_repeat(void)
{
    given_count = choice_count;
    for (unsigned i = 0; i < given_count; ++i) {
        choices[i].count = 0; // offers are as large as they were
    }
    search.is_replay = true;
    search.limit = granted;
}

void choice_begin_execution(void)
{
    // How wild an execution is differs from one to the next: rare switches find other things than
    // frequent ones.
    static const unsigned switches[] = {2, 4, 10, 30};
    static const unsigned values[] = {2, 5, 20, 1000};

    choice_count = 0;
    search.left = search.limit;
    if (search.is_random && !search.is_replay) {
        switch_odds = switches[random_below(4)];
        value_odds = values[random_below(4)];
        death_odds = 20 + random_below(200);
        if (random_below(2) == 0) {
            search.left.deaths = 0;
        }
    }
    granted = search.left;
}

bool choice_advance(void)
{
    while (choice_count > 0 &&
           choices[choice_count - 1].pick + 1u >= choices[choice_count - 1].count) {
        --choice_count;
    }
    if (choice_count == 0) {
        return false;
    }
    ++choices[choice_count - 1].pick;
    given_count = choice_count;
    return true;
}

static unsigned random_pick(ChoiceKind kind, unsigned count)
{
    switch (kind) {
    case CHOICE_SWITCH:
        // The last way may be a death, which is rare; process.c says which it is by its place.
        if (search.left.deaths > 0 && random_below(death_odds) == 0) {
            return count - 1;
        }
        return random_below(switch_odds) == 0 ? random_below(count) : 0;
    case CHOICE_NEXT:
        return random_below(count);
    default:
        return random_below(value_odds) == 0 ? random_below(count) : 0;
    }
}

unsigned choice_take(ChoiceKind kind, unsigned count)
{
    if (choice_count == CHOICES_MAX) {
        explore_fail("more than %d choices: an execution without an end", CHOICES_MAX);
    }
    Choice *const choice = &choices[choice_count];

    if (choice_count++ < given_count) {
        if ((choice->count != 0 && choice->count != count) || choice->pick >= count) {
            explore_fail("the same choices lead elsewhere: something is left from one execution to "
                         "the next, or the list is of another version");
        }
    } else {
        choice->pick =
            (uint16_t)(search.is_random && !search.is_replay ? random_pick(kind, count) : 0);
    }
    choice->count = (uint16_t)count;
    return choice->pick;
}

void choice_print(char *text, size_t size)
{
    unsigned last = choice_count;
    size_t used = (size_t)snprintf(text, size, "%u,%u,%u,%u:", granted.preemptions, granted.stale,
                                   granted.deaths, granted.turns);

    while (last > 0 && choices[last - 1].pick == 0) {
        --last;
    }
    for (unsigned i = 0; i < last && used < size;) {
        unsigned run = 1;
        while (i + run < last && choices[i + run].pick == choices[i].pick) {
            ++run;
        }
        const char *const gap = i == 0 ? "" : " ";
        const int length =
            run == 1 ? snprintf(text + used, size - used, "%s%u", gap, choices[i].pick)
                     : snprintf(text + used, size - used, "%s%u*%u", gap, choices[i].pick, run);
        used += (size_t)length;
        i += run;
    }
}
