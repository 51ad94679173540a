// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_BASE_TEXT_H
#define RNR_BASE_TEXT_H

// Names and other short texts, ours and foreign.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RNR_TEXT_FILE_MAX = 200,  // the longest file name that rnr_text_escape makes
    RNR_TEXT_PREFIX_MAX = 150 // of it, what is left of a name that is hashed
};

// Whether `name` has 1 to `max` bytes of UTF-8 without control characters. If not, *out_reason
// (which may be NULL) says what is wrong, in a few words.
bool rnr_text_is_name(const char *name, size_t max, const char **out_reason);

// The file name for a name: '/' is "%2F", '%' is "%25", a leading '.' is "%2E". A longer one than
// RNR_TEXT_FILE_MAX is cut, and ends in "%~" and a hash of the whole name: two names may share it,
// so the true name is in the file. False: it does not fit `size` bytes.
bool rnr_text_escape(const char *name, char *file, size_t size);

// Copies as much as fits with the final NUL, never a part of a UTF-8 sequence. False: it was cut.
bool rnr_text_copy(char *to, size_t size, const char *from);

// Replaces control characters, and bytes that are not UTF-8, by '?', so that foreign text can be
// printed. In place; the length stays.
void rnr_text_clean(char *text);

// The largest length up to `length` that does not end inside a UTF-8 sequence of `text`.
size_t rnr_text_whole_length(const char *text, size_t length);

// FNV-1a, 64 bits: for tables, not against people who look for collisions.
uint64_t rnr_text_hash64(const void *bytes, size_t length);

#endif
