// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RENOIR_CLI_TEXT_H
#define RENOIR_CLI_TEXT_H

// Text for people: quantities with units, names made harmless for a terminal, aligned tables.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { TEXT_QUANTITY_MAX = 32, TEXT_TABLE_COLUMNS_MAX = 8 };

// How many bytes the UTF-8 character at `text` has; 0 if it is none. `text` must not be at its end.
size_t text_utf8_length(const char *text);

// "1.50 MiB", "17 B". Returns `out`, which has TEXT_QUANTITY_MAX bytes; so below.
char *text_bytes(uint64_t bytes, char *out);
// "3.21 GB/s": powers of ten, as rates are usually given.
char *text_rate(double bytes_per_second, char *out);
// "320 ns", "1.2 ms", "3.4 s"
char *text_duration(uint64_t ns, char *out);
// "1:02:03" or "0:07"
char *text_clock(uint64_t seconds, char *out);
// The wall clock as "2026-01-31 12:00:00"; "-" for 0.
char *text_date(uint64_t unix_ns, char *out);

// Copies a name so that it cannot steer a terminal: control bytes and what is not UTF-8 become
// \xNN. Cut short where `size` is too small. Returns `out`.
char *text_safe(const char *name, char *out, size_t size);

// Wraps paragraphs (separated by newlines) at `width`, each line after `indent` blanks.
void text_wrap(FILE *out, const char *text, unsigned indent, unsigned width);

// A table of cells whose columns are as wide as their widest cell. Columns whose heading begins
// with '>' are aligned to the right.
typedef struct TextTable {
    const char *const *headings;
    size_t column_count;
    char **cells;
    size_t cell_count;
    size_t capacity;
    bool has_failed; // no memory: text_table_print says so
} TextTable;

void text_table_init(TextTable *table, const char *const *headings, size_t column_count);
// Adds the next cell of the current row.
void text_table_add(TextTable *table, const char *text);
// Prints and frees. False if memory ran out on the way.
bool text_table_print(TextTable *table, FILE *out);

#endif
