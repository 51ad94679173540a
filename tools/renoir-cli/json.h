// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RENOIR_CLI_JSON_H
#define RENOIR_CLI_JSON_H

// Writes one JSON value, member by member, with indentation. `key` is NULL for the outermost value
// and for elements of arrays.

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { JSON_DEPTH_MAX = 8 };

typedef struct Json {
    FILE *out;
    unsigned depth;
    char closers[JSON_DEPTH_MAX];
    bool has_members[JSON_DEPTH_MAX];
} Json;

void json_init(Json *json, FILE *out);
void json_object(Json *json, const char *key);
void json_array(Json *json, const char *key);
// Closes the innermost object or array; the outermost one ends the line.
void json_close(Json *json);
// Bytes that are not UTF-8 become U+FFFD; NULL becomes null.
void json_string(Json *json, const char *key, const char *text);
void json_unsigned(Json *json, const char *key, uint64_t number);
void json_signed(Json *json, const char *key, int64_t number);
void json_double(Json *json, const char *key, double number);
void json_boolean(Json *json, const char *key, bool value);
void json_null(Json *json, const char *key);

#endif
