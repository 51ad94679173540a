// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Where the library's shared accesses arrive (renoir/detail/atomic.h with RENOIR_EXPLORE). Cells of
// a process's own memory are plain memory here (memory.c): its threads are not explored.

#include <string.h>

#include "engine.h"
#include "renoir/detail/atomic.h"

static void point_at(const void *cell, const char *what)
{
    if (memory_is_shared(cell)) {
        process_point(what);
    }
}

uint64_t rnr_explore_load(const void *cell, size_t size, int order)
{
    point_at(cell, "load");
    return memory_load(cell, size, order, ACCESS_ATOMIC);
}

void rnr_explore_store(void *cell, size_t size, uint64_t value, int order)
{
    point_at(cell, "store");
    memory_store(cell, size, value, order, ACCESS_ATOMIC);
}

uint64_t rnr_explore_update(void *cell, size_t size, int operation, uint64_t operand, int order)
{
    point_at(cell, "update");
    return memory_update(cell, size, operation, operand, order);
}

int rnr_explore_swap(
    void *cell, size_t size, void *expected, uint64_t desired, int order, int order_if_not)
{
    uint64_t value = 0;

    point_at(cell, "swap");
    if (size == 4) {
        uint32_t half;
        memcpy(&half, expected, 4);
        value = half;
    } else {
        memcpy(&value, expected, 8);
    }
    const bool is_done = memory_swap(cell, size, &value, desired, order, order_if_not);
    if (!is_done && size == 4) {
        const uint32_t half = (uint32_t)value;
        memcpy(expected, &half, 4);
    } else if (!is_done) {
        memcpy(expected, &value, 8);
    }
    return is_done;
}

void rnr_explore_fence(int order)
{
    if (engine.running < 0) {
        return;
    }
    process_point("fence");
    TRACE("fence  %s", order == __ATOMIC_ACQUIRE   ? "acquire"
                       : order == __ATOMIC_RELEASE ? "release"
                                                   : "seq_cst");
    memory_fence((unsigned)engine.running, order);
}

void rnr_explore_relax(void)
{
    process_relax();
}

// --- payload -------------------------------------------------------------------------------------
//
// Another process may come between the words of a copy in two places: before the first, and in the
// middle. More of them would show nothing else: a payload is torn if it has two parts.

static void point_in_copy(size_t word, size_t words)
{
    if (word == 0 || word == words / 2) {
        process_point("copy");
    }
}

static void load_range(unsigned char *to, const unsigned char *from, size_t length)
{
    const uintptr_t first = (uintptr_t)from & ~(uintptr_t)7;
    const size_t words = ((uintptr_t)from + length + 7 - first) / 8;

    for (size_t i = 0; i < words; ++i) {
        const unsigned char *const word = (const unsigned char *)first + i * 8;
        const unsigned char *const begin = word < from ? from : word;
        const unsigned char *const end = word + 8 < from + length ? word + 8 : from + length;
        point_in_copy(i, words);
        const uint64_t value = memory_load(word, 8, __ATOMIC_RELAXED, ACCESS_PLAIN);
        memcpy(to + (begin - from), (const unsigned char *)&value + (begin - word),
               (size_t)(end - begin));
    }
}

static void store_range(unsigned char *to, const unsigned char *from, size_t length)
{
    const uintptr_t first = (uintptr_t)to & ~(uintptr_t)7;
    const size_t words = ((uintptr_t)to + length + 7 - first) / 8;

    for (size_t i = 0; i < words; ++i) {
        unsigned char *const word = (unsigned char *)first + i * 8;
        unsigned char *const begin = word < to ? to : word;
        unsigned char *const end = word + 8 < to + length ? word + 8 : to + length;
        uint64_t value;
        point_in_copy(i, words);
        memcpy(&value, word, 8); // the bytes beside the range stay as they are
        memcpy((unsigned char *)&value + (begin - word), from + (begin - to),
               (size_t)(end - begin));
        memory_store(word, 8, value, __ATOMIC_RELAXED, ACCESS_PLAIN);
    }
}

void rnr_explore_copy(void *to, const void *from, size_t length)
{
    if (engine.running < 0) {
        memcpy(to, from, length);
    } else if (memory_is_shared(from)) {
        unsigned char bytes[4096];
        if (length > sizeof bytes) {
            explore_fail("a copy of %zu bytes (make the case smaller)", length);
        }
        load_range(bytes, (const unsigned char *)from, length);
        rnr_explore_copy(to, bytes, length);
    } else if (memory_is_shared(to)) {
        store_range((unsigned char *)to, (const unsigned char *)from, length);
    } else {
        memcpy(to, from, length);
    }
}
