// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RENOIR_CLI_OUTPUT_H
#define RENOIR_CLI_OUTPUT_H

// Where received bytes go. A regular file is written as FILE.part and gets its name only when it is
// whole; what else is there under that name (a device, a pipe) and standard output are written
// directly.

#include <stdbool.h>
#include <stddef.h>

enum { OUTPUT_PATH_MAX = 4096 };

typedef struct Output {
    int fd;
    bool is_partial;            // written under `part`, to be renamed to `path`
    char path[OUTPUT_PATH_MAX]; // links followed
    char part[OUTPUT_PATH_MAX + 8];
} Output;

// path: NULL or "-" for standard output. On failure errno says why, and false is returned; so
// below.
bool output_open(Output *output, const char *path);
bool output_write(Output *output, const void *data, size_t length);
// All has come: gives the file its name.
bool output_commit(Output *output);
// Not whole: keeps what has come, under the name of the part.
void output_abandon(Output *output);

#endif
