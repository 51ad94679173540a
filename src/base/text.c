// SPDX-License-Identifier: MIT OR Apache-2.0

#include "base/text.h"

#include <string.h>

// Bytes of the UTF-8 sequence at `text`, of which `left` bytes may be read; 0 if it is none.
// Overlong forms, surrogates and numbers above U+10FFFF are none (RFC 3629).
static size_t sequence_length(const unsigned char *text, size_t left)
{
    const unsigned char first = text[0];
    size_t length = 0;
    unsigned char low = 0x80;
    unsigned char high = 0xbf;

    if (first < 0x80) {
        return 1;
    }
    if (first >= 0xc2 && first <= 0xdf) {
        length = 2;
    } else if (first >= 0xe0 && first <= 0xef) {
        length = 3;
        low = first == 0xe0 ? 0xa0 : low;
        high = first == 0xed ? 0x9f : high;
    } else if (first >= 0xf0 && first <= 0xf4) {
        length = 4;
        low = first == 0xf0 ? 0x90 : low;
        high = first == 0xf4 ? 0x8f : high;
    }
    if (length == 0 || length > left || text[1] < low || text[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < length; ++i) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return length;
}

// U+0000 to U+001F, U+007F, and U+0080 to U+009F: a terminal obeys all of them.
static bool is_control(const unsigned char *sequence, size_t length)
{
    if (length == 1) {
        return sequence[0] < 0x20 || sequence[0] == 0x7f;
    }
    return length == 2 && sequence[0] == 0xc2 && sequence[1] < 0xa0;
}

static const char *find_fault(const char *name, size_t max)
{
    if (name == NULL) {
        return "it is NULL";
    }
    const size_t length = strnlen(name, max + 1);
    if (length == 0) {
        return "it is empty";
    }
    if (length > max) {
        return "it is too long";
    }

    const unsigned char *text = (const unsigned char *)name;
    for (size_t at = 0; at < length;) {
        const size_t step = sequence_length(text + at, length - at);
        if (step == 0) {
            return "it is not UTF-8";
        }
        if (is_control(text + at, step)) {
            return "it has a control character";
        }
        at += step;
    }
    return NULL;
}

bool rnr_text_is_name(const char *name, size_t max, const char **out_reason)
{
    const char *fault = find_fault(name, max);

    if (out_reason != NULL) {
        *out_reason = fault;
    }
    return fault == NULL;
}

size_t rnr_text_whole_length(const char *text, size_t length)
{
    const unsigned char *bytes = (const unsigned char *)text;
    size_t start = length;

    // A sequence has at most three bytes after its first.
    while (start > 0 && length - start < 3 && (bytes[start - 1] & 0xc0) == 0x80) {
        --start;
    }
    if (start == 0 || bytes[start - 1] < 0xc0) {
        return length;
    }
    const unsigned char first = bytes[start - 1];
    const size_t needed = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    return length - (start - 1) < needed ? start - 1 : length;
}

bool rnr_text_copy(char *to, size_t size, const char *from)
{
    if (size == 0) {
        return false;
    }

    const size_t length = strlen(from);
    const size_t kept = length < size ? length : rnr_text_whole_length(from, size - 1);
    memcpy(to, from, kept);
    to[kept] = '\0';
    return kept == length;
}

void rnr_text_clean(char *text)
{
    unsigned char *bytes = (unsigned char *)text;
    const size_t length = strlen(text);

    for (size_t at = 0; at < length;) {
        const size_t step = sequence_length(bytes + at, length - at);
        if (step == 0) {
            bytes[at] = '?';
        } else if (is_control(bytes + at, step)) {
            memset(bytes + at, '?', step);
        }
        at += step == 0 ? 1 : step;
    }
}

uint64_t rnr_text_hash64(const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < length; ++i) {
        hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

// FNV-1a with 128 bits (G. Fowler, L. C. Noll, K.-P. Vo, D. Eastlake: "The FNV Non-Cryptographic
// Hash Algorithm"). The prime is 2^88 + 0x13b, so a product is a sum of two simple ones.
static void hash128(const char *text, uint64_t out_hash[2])
{
    uint64_t high = UINT64_C(0x6c62272e07bb0142);
    uint64_t low = UINT64_C(0x62b821756295c58d);

    for (; *text != '\0'; ++text) {
        low ^= (unsigned char)*text;
        const uint64_t low_half = (low & UINT32_MAX) * 0x13b;
        const uint64_t high_half = (low >> 32) * 0x13b + (low_half >> 32);
        high = high * 0x13b + (high_half >> 32) + (low << 24);
        low = (high_half << 32) | (low_half & UINT32_MAX);
    }
    out_hash[0] = high;
    out_hash[1] = low;
}

static void write_hex(char *to, uint64_t number)
{
    for (int i = 15; i >= 0; --i) {
        to[i] = "0123456789abcdef"[number & 15];
        number >>= 4;
    }
}

// The escaped form of the sequence at `at`, of `length` bytes; returns how long it is.
static size_t escape_one(const char *at, size_t length, bool is_first, char out_text[4])
{
    const char c = *at;

    if (length != 1 || !(c == '/' || c == '%' || (c == '.' && is_first))) {
        memcpy(out_text, at, length);
        return length;
    }
    memcpy(out_text, c == '/' ? "%2F" : c == '%' ? "%25" : "%2E", 3);
    return 3;
}

bool rnr_text_escape(const char *name, char *file, size_t size)
{
    char text[RNR_TEXT_FILE_MAX + 1];
    const size_t name_length = strlen(name);
    size_t length = 0;
    size_t prefix = 0; // the part that stays where the whole is too long
    bool is_whole = true;

    for (size_t at = 0; at < name_length && is_whole;) {
        char piece[4];
        const size_t found = sequence_length((const unsigned char *)name + at, name_length - at);
        const size_t step = found == 0 ? 1 : found;
        const size_t added = escape_one(name + at, step, at == 0, piece);
        is_whole = length + added <= RNR_TEXT_FILE_MAX;
        if (is_whole) {
            memcpy(text + length, piece, added);
            length += added;
            prefix = length <= RNR_TEXT_PREFIX_MAX ? length : prefix;
        }
        at += step;
    }
    if (!is_whole) {
        uint64_t hash[2];
        hash128(name, hash);
        memcpy(text + prefix, "%~", 2);
        write_hex(text + prefix + 2, hash[0]);
        write_hex(text + prefix + 18, hash[1]);
        length = prefix + 34;
    }
    if (length >= size) {
        return false;
    }
    memcpy(file, text, length);
    file[length] = '\0';
    return true;
}
