// SPDX-License-Identifier: MIT OR Apache-2.0
//
// A strict reader of JSON that keeps nothing: it says whether a text is one value.

#include "program.h"

#include <ctype.h>
#include <string.h>

static const char *skip_value(const char *at, unsigned depth);

static const char *skip_blanks(const char *at)
{
    return at + strspn(at, " \t\r\n");
}

static const char *skip_escape(const char *at)
{
    if (*at == 'u') {
        for (unsigned i = 1; i <= 4; i++) {
            if (!isxdigit((unsigned char)at[i])) {
                return NULL;
            }
        }
        return at + 5;
    }
    return *at != '\0' && strchr("\"\\/bfnrt", *at) != NULL ? at + 1 : NULL;
}

static const char *skip_string(const char *at)
{
    if (*at++ != '"') {
        return NULL;
    }
    while (at != NULL && *at != '"') {
        if ((unsigned char)*at < 0x20) {
            return NULL;
        }
        at = *at == '\\' ? skip_escape(at + 1) : at + 1;
    }
    return at != NULL ? at + 1 : NULL;
}

static const char *skip_digits(const char *at)
{
    const char *begin = at;
    while (isdigit((unsigned char)*at)) {
        at++;
    }
    return at != begin ? at : NULL;
}

static const char *skip_number(const char *at)
{
    at += *at == '-' ? 1 : 0;
    at = *at == '0' ? at + 1 : skip_digits(at);
    if (at != NULL && *at == '.') {
        at = skip_digits(at + 1);
    }
    if (at != NULL && (*at == 'e' || *at == 'E')) {
        at++;
        at += *at == '+' || *at == '-' ? 1 : 0;
        at = skip_digits(at);
    }
    return at;
}

static const char *skip_member(const char *at, bool has_key, unsigned depth)
{
    at = skip_blanks(at);
    if (has_key) {
        at = skip_string(at);
        at = at != NULL ? skip_blanks(at) : NULL;
        if (at == NULL || *at++ != ':') {
            return NULL;
        }
        at = skip_blanks(at);
    }
    at = skip_value(at, depth);
    return at != NULL ? skip_blanks(at) : NULL;
}

static const char *skip_nested(const char *at, char closer, unsigned depth)
{
    at = skip_blanks(at + 1);
    if (*at == closer) {
        return at + 1;
    }
    for (;;) {
        at = skip_member(at, closer == '}', depth);
        if (at == NULL || (*at != ',' && *at != closer)) {
            return NULL;
        }
        if (*at == closer) {
            return at + 1;
        }
        at++;
    }
}

static const char *skip_word(const char *at, const char *word)
{
    return strncmp(at, word, strlen(word)) == 0 ? at + strlen(word) : NULL;
}

static const char *skip_value(const char *at, unsigned depth)
{
    if (depth > 32) {
        return NULL;
    }
    switch (*at) {
    case '{':
        return skip_nested(at, '}', depth + 1);
    case '[':
        return skip_nested(at, ']', depth + 1);
    case '"':
        return skip_string(at);
    case 't':
        return skip_word(at, "true");
    case 'f':
        return skip_word(at, "false");
    case 'n':
        return skip_word(at, "null");
    default:
        return skip_number(at);
    }
}

bool is_json(const char *text)
{
    const char *end = skip_value(skip_blanks(text), 0);
    return end != NULL && *skip_blanks(end) == '\0';
}
