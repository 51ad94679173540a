// SPDX-License-Identifier: MIT OR Apache-2.0

#include "text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

size_t text_utf8_length(const char *text)
{
    const unsigned char *bytes = (const unsigned char *)text;
    size_t length = 0;
    if (bytes[0] < 0x80) {
        return 1;
    }
    if (bytes[0] >= 0xc2 && bytes[0] <= 0xdf) {
        length = 2;
    } else if ((bytes[0] & 0xf0) == 0xe0) {
        length = 3;
    } else if (bytes[0] >= 0xf0 && bytes[0] <= 0xf4) {
        length = 4;
    }
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    // Longer forms than needed, surrogates, and what lies beyond U+10FFFF are not UTF-8.
    const bool is_overlong =
        (bytes[0] == 0xe0 && bytes[1] < 0xa0) || (bytes[0] == 0xf0 && bytes[1] < 0x90);
    const bool is_surrogate = bytes[0] == 0xed && bytes[1] >= 0xa0;
    const bool is_beyond = bytes[0] == 0xf4 && bytes[1] >= 0x90;
    return is_overlong || is_surrogate || is_beyond ? 0 : length;
}

char *text_bytes(uint64_t bytes, char *out)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    size_t unit = 0;
    double value = (double)bytes;
    while (value >= 1024.0 && unit + 1 < sizeof units / sizeof units[0]) {
        value /= 1024.0;
        unit++;
    }
    if (unit == 0) {
        snprintf(out, TEXT_QUANTITY_MAX, "%" PRIu64 " B", bytes);
    } else {
        snprintf(out, TEXT_QUANTITY_MAX, "%.*f %s", value < 100.0 ? 2 : 1, value, units[unit]);
    }
    return out;
}

char *text_rate(double bytes_per_second, char *out)
{
    static const char *const units[] = {"B/s", "kB/s", "MB/s", "GB/s", "TB/s"};
    size_t unit = 0;
    while (bytes_per_second >= 1000.0 && unit + 1 < sizeof units / sizeof units[0]) {
        bytes_per_second /= 1000.0;
        unit++;
    }
    snprintf(out, TEXT_QUANTITY_MAX, "%.2f %s", bytes_per_second, units[unit]);
    return out;
}

char *text_duration(uint64_t ns, char *out)
{
    if (ns < UINT64_C(1000)) {
        snprintf(out, TEXT_QUANTITY_MAX, "%" PRIu64 " ns", ns);
    } else if (ns < UINT64_C(1000000)) {
        snprintf(out, TEXT_QUANTITY_MAX, "%.2f us", (double)ns / 1e3);
    } else if (ns < UINT64_C(1000000000)) {
        snprintf(out, TEXT_QUANTITY_MAX, "%.2f ms", (double)ns / 1e6);
    } else {
        snprintf(out, TEXT_QUANTITY_MAX, "%.2f s", (double)ns / 1e9);
    }
    return out;
}

char *text_clock(uint64_t seconds, char *out)
{
    const uint64_t hours = seconds / 3600;
    const unsigned minutes = (unsigned)(seconds / 60 % 60);
    const unsigned rest = (unsigned)(seconds % 60);
    if (hours > 0) {
        snprintf(out, TEXT_QUANTITY_MAX, "%" PRIu64 ":%02u:%02u", hours, minutes, rest);
    } else {
        snprintf(out, TEXT_QUANTITY_MAX, "%u:%02u", minutes, rest);
    }
    return out;
}

char *text_date(uint64_t unix_ns, char *out)
{
    const time_t seconds = (time_t)(unix_ns / UINT64_C(1000000000));
    struct tm parts;
    if (unix_ns == 0 || localtime_r(&seconds, &parts) == NULL ||
        strftime(out, TEXT_QUANTITY_MAX, "%Y-%m-%d %H:%M:%S", &parts) == 0) {
        snprintf(out, TEXT_QUANTITY_MAX, "-");
    }
    return out;
}

char *text_safe(const char *name, char *out, size_t size)
{
    size_t used = 0;
    while (*name != '\0') {
        const size_t length = text_utf8_length(name);
        const unsigned char byte = (unsigned char)*name;
        const bool is_plain = length > 1 || (length == 1 && byte >= 0x20 && byte != 0x7f);
        const size_t needed = is_plain ? length : 4;
        if (used + needed >= size) {
            break;
        }
        if (is_plain) {
            memcpy(out + used, name, length);
        } else {
            snprintf(out + used, size - used, "\\x%02x", byte);
        }
        name += is_plain ? length : 1;
        used += needed;
    }
    out[used] = '\0';
    return out;
}

void text_wrap(FILE *out, const char *text, unsigned indent, unsigned width)
{
    unsigned column = 0;
    while (*text != '\0') {
        if (*text == '\n') {
            fputc('\n', out);
            column = 0;
            text++;
            continue;
        }
        const size_t length = strcspn(text, " \n");
        if (column > 0 && column + 1 + length > width) {
            fputc('\n', out);
            column = 0;
        }
        if (length > 0) {
            fprintf(out, "%*s%.*s", column == 0 ? (int)indent : 1, "", (int)length, text);
            column += (unsigned)length + (column == 0 ? indent : 1);
        }
        text += length;
        text += *text == ' ' ? 1 : 0;
    }
    fputc('\n', out);
}

void text_table_init(TextTable *table, const char *const *headings, size_t column_count)
{
    memset(table, 0, sizeof *table);
    table->headings = headings;
    table->column_count = column_count;
}

void text_table_add(TextTable *table, const char *text)
{
    if (table->cell_count == table->capacity) {
        const size_t capacity = table->capacity == 0 ? 64 : table->capacity * 2;
        char **cells = realloc(table->cells, capacity * sizeof *cells);
        if (cells == NULL) {
            table->has_failed = true;
            return;
        }
        table->cells = cells;
        table->capacity = capacity;
    }
    char *copy = strdup(text);
    if (copy == NULL) {
        table->has_failed = true;
        return;
    }
    table->cells[table->cell_count] = copy;
    table->cell_count++;
}

// How many columns of a terminal the text takes, for text without combining or wide characters.
static size_t display_width(const char *text)
{
    size_t width = 0;
    for (; *text != '\0'; text++) {
        width += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return width;
}

static void print_cell(FILE *out, const char *text, size_t width, bool is_right, bool is_last)
{
    const size_t shown = display_width(text);
    const int fill = shown < width ? (int)(width - shown) : 0;
    if (is_right) {
        fprintf(out, "%*s%s", fill, "", text);
    } else {
        fprintf(out, "%s%*s", text, is_last ? 0 : fill, "");
    }
    fputs(is_last ? "\n" : "  ", out);
}

bool text_table_print(TextTable *table, FILE *out)
{
    size_t widths[TEXT_TABLE_COLUMNS_MAX] = {0};
    const size_t columns = table->column_count;
    for (size_t i = 0; i < columns; i++) {
        widths[i] = display_width(table->headings[i]) - (table->headings[i][0] == '>');
    }
    for (size_t i = 0; i < table->cell_count; i++) {
        const size_t width = display_width(table->cells[i]);
        widths[i % columns] = width > widths[i % columns] ? width : widths[i % columns];
    }
    for (size_t i = 0; i < columns; i++) {
        const bool is_right = table->headings[i][0] == '>';
        print_cell(out, table->headings[i] + is_right, widths[i], is_right, i + 1 == columns);
    }
    for (size_t i = 0; i < table->cell_count; i++) {
        const size_t column = i % columns;
        const bool is_right = table->headings[column][0] == '>';
        print_cell(out, table->cells[i], widths[column], is_right, column + 1 == columns);
        free(table->cells[i]);
    }
    free(table->cells);
    const bool has_succeeded = !table->has_failed;
    memset(table, 0, sizeof *table);
    return has_succeeded;
}
