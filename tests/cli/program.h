// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RENOIR_TESTS_CLI_PROGRAM_H
#define RENOIR_TESTS_CLI_PROGRAM_H

// Runs renoir-cli as users do: as a program of its own, with the test's root in its environment.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { PROGRAM_OUTPUT_MAX = 1 << 17, PROGRAM_RUNNING_MAX = 8 };

// A running renoir-cli. Its output goes to files in test_directory().
typedef struct Program {
    pid_t pid;
    unsigned number;
    int input; // the writing end of its standard input; -1: closed, or a file
} Program;

// What one left behind.
typedef struct Ended {
    int code;   // exit status; -1 if a signal ended it
    int signal; // 0 if none did
    char out[PROGRAM_OUTPUT_MAX];
    char err[PROGRAM_OUTPUT_MAX];
} Ended;

// input: a file for standard input; NULL for /dev/null; "|" for a pipe (Program.input).
// output: a file for standard output; NULL for one that Ended.out shows.
Program program_start(const char *input, const char *output, const char *const arguments[]);
// Waits, and reads what it said. The result is static: it lasts until the next call.
const Ended *program_wait(Program *program);
const Ended *program_kill(Program *program, int signal_number);
bool program_is_running(const Program *program);
void program_close_input(Program *program);

#define START(input, output, ...)                                                                  \
    program_start(input, output, (const char *const[]){__VA_ARGS__, NULL})
// Starts one and waits for it: RUN("region", "list").
#define RUN(...) RUN_WITH(NULL, NULL, __VA_ARGS__)
#define RUN_WITH(input, output, ...)                                                               \
    program_run(input, output, (const char *const[]){__VA_ARGS__, NULL})
const Ended *program_run(const char *input, const char *output, const char *const arguments[]);

// From now on the test runs another program, or a copy of renoir-cli.
void program_use(const char *path);
void program_copy(const char *path);

// "<test_directory()>/<name>"; lives as long as the test, which may use 16 names.
const char *scratch(const char *name);
// A file with `length` bytes that a seed determines.
void write_file(const char *path, uint64_t seed, size_t length);
void write_text(const char *path, const char *text);
bool files_are_equal(const char *left, const char *right);
// Whether `part` is what `whole` begins with.
bool file_begins_with(const char *whole, const char *part);
size_t file_size(const char *path); // SIZE_MAX if there is none
// Regular files below <root>/renoir, the dead's nodes among them.
unsigned files_below_root(void);
// Waits until the program has read what was written to its input; false after 20 s.
bool await_input_read(const Program *program);
// Waits until a file has at least so many bytes; false after 20 s.
bool await_file_size(const char *path, size_t least);

// json_check.c: whether the text is one JSON value and nothing else.
bool is_json(const char *text);

#endif
