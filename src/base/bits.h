// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_BASE_BITS_H
#define RNR_BASE_BITS_H

// Arithmetic on sizes that a caller or another process chose: nothing wraps unnoticed.

#include <stdbool.h>
#include <stdint.h>

static inline bool rnr_is_power_of_two(uint64_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

// The exponent of a power of two.
static inline uint32_t rnr_log2(uint64_t power)
{
    uint32_t exponent = 0;
    while ((UINT64_C(1) << exponent) < power) {
        ++exponent;
    }
    return exponent;
}

// Rounded up to a multiple of a power of two; false when that does not fit.
static inline bool rnr_round_up(uint64_t value, uint64_t multiple, uint64_t *out_value)
{
    if (value > UINT64_MAX - (multiple - 1)) {
        return false;
    }
    *out_value = (value + multiple - 1) & ~(multiple - 1);
    return true;
}

static inline bool rnr_add(uint64_t a, uint64_t b, uint64_t *out_sum)
{
    return !__builtin_add_overflow(a, b, out_sum);
}

static inline bool rnr_multiply(uint64_t a, uint64_t b, uint64_t *out_product)
{
    return !__builtin_mul_overflow(a, b, out_product);
}

// Whether [offset, offset + length) lies within [0, size).
static inline bool rnr_range_is_within(uint64_t offset, uint64_t length, uint64_t size)
{
    return offset <= size && length <= size - offset;
}

#endif
