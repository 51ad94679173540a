// SPDX-License-Identifier: MIT OR Apache-2.0

#include "json.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "text.h"

static void put_text(Json *json, const char *text);

// A comma, a line break and the key, whichever are due before the next value.
static void begin_value(Json *json, const char *key)
{
    if (json->depth > 0) {
        fputs(json->has_members[json->depth - 1] ? ",\n" : "\n", json->out);
        json->has_members[json->depth - 1] = true;
        fprintf(json->out, "%*s", (int)json->depth * 2, "");
    }
    if (key != NULL) {
        put_text(json, key);
        fputs(": ", json->out);
    }
}

static void put_escaped(Json *json, unsigned char byte)
{
    switch (byte) {
    case '"':
        fputs("\\\"", json->out);
        break;
    case '\\':
        fputs("\\\\", json->out);
        break;
    case '\n':
        fputs("\\n", json->out);
        break;
    case '\t':
        fputs("\\t", json->out);
        break;
    default:
        if (byte < 0x20 || byte == 0x7f) {
            fprintf(json->out, "\\u%04x", byte);
        } else {
            fputc(byte, json->out);
        }
        break;
    }
}

static void put_text(Json *json, const char *text)
{
    fputc('"', json->out);
    while (*text != '\0') {
        const size_t length = text_utf8_length(text);
        if (length == 0) {
            fputs("\\ufffd", json->out);
            text++;
        } else if (length == 1) {
            put_escaped(json, (unsigned char)*text);
            text++;
        } else {
            fwrite(text, 1, length, json->out);
            text += length;
        }
    }
    fputc('"', json->out);
}

static void open_nested(Json *json, const char *key, char opener, char closer)
{
    begin_value(json, key);
    fputc(opener, json->out);
    json->closers[json->depth] = closer;
    json->has_members[json->depth] = false;
    json->depth++;
}

void json_init(Json *json, FILE *out)
{
    memset(json, 0, sizeof *json);
    json->out = out;
}

void json_object(Json *json, const char *key)
{
    open_nested(json, key, '{', '}');
}

void json_array(Json *json, const char *key)
{
    open_nested(json, key, '[', ']');
}

void json_close(Json *json)
{
    json->depth--;
    if (json->has_members[json->depth]) {
        fprintf(json->out, "\n%*s", (int)json->depth * 2, "");
    }
    fputc(json->closers[json->depth], json->out);
    if (json->depth == 0) {
        fputc('\n', json->out);
    }
}

void json_string(Json *json, const char *key, const char *text)
{
    if (text == NULL) {
        json_null(json, key);
        return;
    }
    begin_value(json, key);
    put_text(json, text);
}

void json_unsigned(Json *json, const char *key, uint64_t number)
{
    begin_value(json, key);
    fprintf(json->out, "%" PRIu64, number);
}

void json_signed(Json *json, const char *key, int64_t number)
{
    begin_value(json, key);
    fprintf(json->out, "%" PRId64, number);
}

void json_double(Json *json, const char *key, double number)
{
    // JSON has no infinity and no NaN.
    if (!isfinite(number)) {
        json_null(json, key);
        return;
    }
    begin_value(json, key);
    fprintf(json->out, "%.9g", number);
}

void json_boolean(Json *json, const char *key, bool value)
{
    begin_value(json, key);
    fputs(value ? "true" : "false", json->out);
}

void json_null(Json *json, const char *key)
{
    begin_value(json, key);
    fputs("null", json->out);
}
