// SPDX-License-Identifier: MIT OR Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "harness/json.h"

typedef struct Reader {
    const char *begin;
    const char *at;
    char *message;
    size_t message_size;
} Reader;

static bool refuse(const Reader *self, const char *expected)
{
    uint32_t line = 1;
    for (const char *c = self->begin; c < self->at; c++) {
        line += *c == '\n' ? 1 : 0;
    }
    snprintf(self->message, self->message_size, "line %u: %s expected", line, expected);
    return false;
}

static char next_token(Reader *self)
{
    self->at += strspn(self->at, " \t\r\n");
    return *self->at;
}

static bool take(Reader *self, char token, const char *expected)
{
    if (next_token(self) != token) {
        return refuse(self, expected);
    }
    self->at++;
    return true;
}

static bool read_string(Reader *self, char *out_text)
{
    size_t length = 0;
    if (!take(self, '"', "a string")) {
        return false;
    }
    while (*self->at != '"') {
        if (*self->at == '\0' || *self->at == '\n' || length + 1 >= BENCH_JSON_TEXT) {
            return refuse(self, "the end of a string (at most 119 bytes)");
        }
        if (*self->at == '\\') {
            self->at++;
            if (*self->at != '"' && *self->at != '\\' && *self->at != '/') {
                return refuse(self, "one of the escapes \\\" \\\\ \\/");
            }
        }
        out_text[length++] = *self->at++;
    }
    out_text[length] = '\0';
    self->at++;
    return true;
}

static bool read_strings(Reader *self, BenchJsonValue *value)
{
    value->kind = BENCH_JSON_STRINGS;
    self->at++;
    if (next_token(self) == ']') {
        self->at++;
        return true;
    }
    for (;;) {
        if (value->text_count == BENCH_REFERENCES_MAX) {
            return refuse(self, "an array of at most 8 strings");
        }
        if (!read_string(self, value->texts[value->text_count++])) {
            return false;
        }
        if (next_token(self) == ']') {
            self->at++;
            return true;
        }
        if (!take(self, ',', "',' or ']'")) {
            return false;
        }
    }
}

static bool read_number(Reader *self, BenchJsonValue *value)
{
    char *end = NULL;
    value->kind = BENCH_JSON_NUMBER;
    value->number = strtod(self->at, &end);
    if (end == self->at) {
        return refuse(self, "a string, a number or an array of strings");
    }
    self->at = end;
    return true;
}

static bool read_value(Reader *self, BenchJsonValue *value)
{
    const char token = next_token(self);
    if (token == '"') {
        value->kind = BENCH_JSON_STRING;
        value->text_count = 1;
        return read_string(self, value->texts[0]);
    }
    return token == '[' ? read_strings(self, value) : read_number(self, value);
}

static bool read_object(Reader *self, size_t object, BenchJsonMember member, void *user)
{
    if (!take(self, '{', "'{'")) {
        return false;
    }
    for (;;) {
        BenchJsonValue value;
        memset(&value, 0, sizeof value);
        if (!read_string(self, value.key) || !take(self, ':', "':'") || !read_value(self, &value)) {
            return false;
        }
        if (!member(user, object, &value)) {
            return refuse(self, "a known member with a value of its kind");
        }
        if (next_token(self) == '}') {
            self->at++;
            return true;
        }
        if (!take(self, ',', "',' or '}'")) {
            return false;
        }
    }
}

bool bench_json_read(
    const char *text, BenchJsonMember member, void *user, char *message, size_t message_size)
{
    Reader self = {.begin = text, .at = text, .message = message, .message_size = message_size};

    if (!take(&self, '[', "'['")) {
        return false;
    }
    for (size_t object = 0;; object++) {
        if (!read_object(&self, object, member, user)) {
            return false;
        }
        if (next_token(&self) == ']') {
            self.at++;
            return next_token(&self) == '\0' || refuse(&self, "the end of the file");
        }
        if (!take(&self, ',', "',' or ']'")) {
            return false;
        }
    }
}
