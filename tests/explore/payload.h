// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef EXPLORE_PAYLOAD_H
#define EXPLORE_PAYLOAD_H

// Elements that say who made them: every word carries the producer, the element's number and the
// word's own place, so that a torn or stale one shows.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "explore.h"

enum { PAYLOAD_WORDS = 2 };

typedef struct Payload {
    uint64_t words[PAYLOAD_WORDS];
} Payload;

static inline uint64_t payload_word(unsigned producer, uint64_t number, size_t place)
{
    return (uint64_t)0xa5 << 56 | (uint64_t)producer << 32 | number << 8 | place;
}

static inline void payload_fill(uint64_t *words, size_t count, unsigned producer, uint64_t number)
{
    for (size_t i = 0; i < count; ++i) {
        words[i] = payload_word(producer, number, i);
    }
}

static inline Payload payload_make(unsigned producer, uint64_t number)
{
    Payload payload;
    payload_fill(payload.words, PAYLOAD_WORDS, producer, number);
    return payload;
}

static inline unsigned payload_producer(const uint64_t *words)
{
    return (unsigned)(words[0] >> 32) & 0xff;
}

static inline uint64_t payload_number(const uint64_t *words)
{
    return (words[0] >> 8) & 0xffffff;
}

// Whether all words belong to one element.
static inline bool payload_is_whole(const uint64_t *words, size_t count)
{
    for (size_t i = 0; i < count; ++i) {
        if (words[i] != payload_word(payload_producer(words), payload_number(words), i)) {
            return false;
        }
    }
    return true;
}

#endif
