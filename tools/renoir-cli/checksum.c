// SPDX-License-Identifier: MIT OR Apache-2.0

#include "checksum.h"

#include <string.h>

static const uint64_t PRIME_1 = UINT64_C(0x9e3779b185ebca87);
static const uint64_t PRIME_2 = UINT64_C(0xc2b2ae3d27d4eb4f);
static const uint64_t PRIME_3 = UINT64_C(0x165667b19e3779f9);
static const uint64_t PRIME_4 = UINT64_C(0x85ebca77c2b2ae63);
static const uint64_t PRIME_5 = UINT64_C(0x27d4eb2f165667c5);

static uint64_t rotate(uint64_t value, unsigned bits)
{
    return (value << bits) | (value >> (64 - bits));
}

// The algorithm reads little-endian words on every machine.
static uint64_t read_u64(const uint8_t *bytes)
{
    uint64_t value;
    memcpy(&value, bytes, sizeof value);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    return value;
}

static uint64_t read_u32(const uint8_t *bytes)
{
    return (uint64_t)bytes[0] | (uint64_t)bytes[1] << 8 | (uint64_t)bytes[2] << 16 |
           (uint64_t)bytes[3] << 24;
}

static uint64_t mix(uint64_t lane, uint64_t word)
{
    return rotate(lane + word * PRIME_2, 31) * PRIME_1;
}

static uint64_t merge(uint64_t value, uint64_t lane)
{
    return (value ^ mix(0, lane)) * PRIME_1 + PRIME_4;
}

// Whole stripes only; returns how many bytes they were.
static size_t add_stripes(Checksum *sum, const uint8_t *data, size_t length)
{
    uint64_t lanes[4];
    size_t at = 0;
    memcpy(lanes, sum->lanes, sizeof lanes);
    for (; length - at >= CHECKSUM_STRIPE; at += CHECKSUM_STRIPE) {
        lanes[0] = mix(lanes[0], read_u64(data + at));
        lanes[1] = mix(lanes[1], read_u64(data + at + 8));
        lanes[2] = mix(lanes[2], read_u64(data + at + 16));
        lanes[3] = mix(lanes[3], read_u64(data + at + 24));
    }
    memcpy(sum->lanes, lanes, sizeof lanes);
    return at;
}

void checksum_init(Checksum *sum)
{
    memset(sum, 0, sizeof *sum);
    sum->lanes[0] = PRIME_1 + PRIME_2;
    sum->lanes[1] = PRIME_2;
    sum->lanes[3] = 0 - PRIME_1;
}

void checksum_add(Checksum *sum, const void *data, size_t length)
{
    const uint8_t *bytes = data;
    sum->length += length;
    if (sum->pending_length > 0) {
        const size_t room = CHECKSUM_STRIPE - sum->pending_length;
        const size_t taken = length < room ? length : room;
        memcpy(sum->pending + sum->pending_length, bytes, taken);
        sum->pending_length += taken;
        bytes += taken;
        length -= taken;
        if (sum->pending_length < CHECKSUM_STRIPE) {
            return;
        }
        add_stripes(sum, sum->pending, CHECKSUM_STRIPE);
        sum->pending_length = 0;
    }
    const size_t done = add_stripes(sum, bytes, length);
    if (length > done) {
        memcpy(sum->pending, bytes + done, length - done);
        sum->pending_length = length - done;
    }
}

static uint64_t add_rest(uint64_t value, const uint8_t *bytes, size_t length)
{
    for (; length >= 8; bytes += 8, length -= 8) {
        value = rotate(value ^ mix(0, read_u64(bytes)), 27) * PRIME_1 + PRIME_4;
    }
    if (length >= 4) {
        value = rotate(value ^ read_u32(bytes) * PRIME_1, 23) * PRIME_2 + PRIME_3;
        bytes += 4;
        length -= 4;
    }
    for (; length > 0; bytes++, length--) {
        value = rotate(value ^ *bytes * PRIME_5, 11) * PRIME_1;
    }
    return value;
}

uint64_t checksum_value(const Checksum *sum)
{
    uint64_t value = PRIME_5;
    if (sum->length >= CHECKSUM_STRIPE) {
        value = rotate(sum->lanes[0], 1) + rotate(sum->lanes[1], 7) + rotate(sum->lanes[2], 12) +
                rotate(sum->lanes[3], 18);
        for (size_t i = 0; i < 4; i++) {
            value = merge(value, sum->lanes[i]);
        }
    }
    value = add_rest(value + sum->length, sum->pending, sum->pending_length);
    value = (value ^ value >> 33) * PRIME_2;
    value = (value ^ value >> 29) * PRIME_3;
    return value ^ value >> 32;
}
