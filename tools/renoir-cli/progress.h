// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RENOIR_CLI_PROGRESS_H
#define RENOIR_CLI_PROGRESS_H

// One line on standard error that says how far a stream is, at which rate, and how long it still
// takes. On a terminal the line changes in place; elsewhere, and only if asked for, a new line is
// written each second.

#include <stdbool.h>
#include <stdint.h>

#include "cli.h"

#define PROGRESS_TOTAL_UNKNOWN UINT64_MAX

typedef struct Progress {
    bool is_on;
    bool is_terminal;
    bool is_shown; // there is an unfinished line on the terminal
    uint64_t total_bytes;
    uint64_t started_ns;
    uint64_t due_ns; // when to show again
} Progress;

void progress_init(Progress *progress, const Arguments *arguments);
// The stream begins now.
void progress_start(Progress *progress, uint64_t total_bytes);
// Cheap unless it is time to show.
void progress_update(Progress *progress, uint64_t bytes);
// "waiting for a receiver": nothing moves yet.
void progress_waiting(Progress *progress, const char *what);
// Shows the end, and ends the line.
void progress_finish(Progress *progress, uint64_t bytes);

#endif
