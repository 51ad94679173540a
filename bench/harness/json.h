// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The result file (all raw samples), and a reader for the bars: an array of flat objects whose
// values are strings, numbers or arrays of strings.
#ifndef BENCH_JSON_H
#define BENCH_JSON_H

#include <stdio.h>

#include "harness/machine.h"
#include "harness/results.h"

typedef struct BenchJsonFile {
    FILE *file;
    uint32_t suite_count;
} BenchJsonFile;

// false: the file cannot be made (a message is on stderr).
bool bench_json_begin(BenchJsonFile *self,
                      const char *path,
                      const BenchMachine *machine,
                      const char *command);
void bench_json_suite(BenchJsonFile *self, const BenchResults *results);
// false: something could not be written.
bool bench_json_end(BenchJsonFile *self);

enum { BENCH_JSON_TEXT = 120 };

typedef struct BenchJsonValue {
    char key[BENCH_JSON_TEXT];
    enum { BENCH_JSON_STRING, BENCH_JSON_NUMBER, BENCH_JSON_STRINGS } kind;
    double number;
    char texts[BENCH_REFERENCES_MAX][BENCH_JSON_TEXT];
    size_t text_count;
} BenchJsonValue;

// Called for each member of each object, `object` counting from 0. false: stop, it is not valid.
typedef bool (*BenchJsonMember)(void *user, size_t object, const BenchJsonValue *value);

// false: not such a file; the message with the line is in `message`.
bool bench_json_read(
    const char *text, BenchJsonMember member, void *user, char *message, size_t message_size);

#endif
