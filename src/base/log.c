// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Where the log goes. A listener is a record that never changes once it is published and is never
// freed, so that a thread that is about to call it needs no lock, and a child of fork() finds it
// whole. One that is set again is found again: the list grows with the number of different ones.
//
// Edges
//     log.listener   rnr_log_set: store current, release  ──►  rnr_log: load current, acquire
//                    carries the record
//     log.list       rnr_log_set: swap listeners, acq_rel  ──►  rnr_log_set: load, acquire
//                    carries the records and their links

#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/environment.h"
#include "base/text.h"
#include "renoir/detail/atomic.h"

enum { LINE_SIZE = 1024 };

typedef struct Listener {
    uint32_t max_level;
    RenoirLogFunction log;
    void *user;
    struct Listener *next;
} Listener;

static RnrAtomicU64 current;   // Listener *; 0: the environment decides
static RnrAtomicU64 listeners; // Listener *, the newest

// Level of the environment + 1; 0: not read yet. Any thread, always the same value.
static RnrAtomicU32 environment_level;

static const char *level_name(uint32_t level)
{
    switch (level) {
    case RENOIR_LOG_ERROR:
        return "error";
    case RENOIR_LOG_WARNING:
        return "warning";
    case RENOIR_LOG_INFO:
        return "info";
    default:
        return "debug";
    }
}

static const Listener *current_listener(void)
{
    // [log.listener: acquire] The record behind the pointer is whole.
    return (const Listener *)(uintptr_t)rnr_load_acquire_u64(&current);
}

static uint32_t level_of_environment(void)
{
    // [hint: relaxed] Two threads that both find 0 both read the environment.
    uint32_t known = rnr_load_relaxed_u32(&environment_level);
    if (known == 0) {
        known = rnr_environment_log_level_or_silence() + 1;
        // [hint: relaxed] Each would store the same number.
        rnr_store_relaxed_u32(&environment_level, known);
    }
    return known - 1;
}

bool rnr_log_is_on(uint32_t level)
{
    const Listener *listener = current_listener();

    return level <= (listener != NULL ? listener->max_level : level_of_environment());
}

// One write, so that lines of several threads and processes do not mix.
static void write_to_stderr(uint32_t level, const char *line)
{
    char text[LINE_SIZE + 64];
    const int length = snprintf(text, sizeof text, "renoir[%ld] %s: %s\n", (long)getpid(),
                                level_name(level), line);

    if (length > 0) {
        // Nobody is left to tell when stderr is closed.
        const ssize_t written = write(STDERR_FILENO, text, (size_t)length);
        (void)written;
    }
}

void rnr_log(uint32_t level, const char *format, ...)
{
    const int saved_errno = errno;
    const Listener *listener = current_listener();

    if (level <= (listener != NULL ? listener->max_level : level_of_environment())) {
        char line[LINE_SIZE];
        va_list arguments;
        va_start(arguments, format);
        const int length = vsnprintf(line, sizeof line, format, arguments);
        va_end(arguments);

        if (length >= (int)sizeof line) {
            line[rnr_text_whole_length(line, sizeof line - 1)] = '\0';
        }
        if (length >= 0) {
            rnr_text_clean(line);
            if (listener != NULL) {
                listener->log(level, line, listener->user);
            } else {
                write_to_stderr(level, line);
            }
        }
    }
    errno = saved_errno;
}

static Listener *find_listener(uint64_t head, uint32_t max_level, RenoirLogFunction log, void *user)
{
    for (Listener *one = (Listener *)(uintptr_t)head; one != NULL; one = one->next) {
        if (one->max_level == max_level && one->log == log && one->user == user) {
            return one;
        }
    }
    return NULL;
}

// Not counted as memory of the library: it stays for good.
static Listener *make_listener(uint32_t max_level, RenoirLogFunction log, void *user)
{
    // [log.list: acquire] The records in the list are whole.
    uint64_t head = rnr_load_acquire_u64(&listeners);
    Listener *listener = find_listener(head, max_level, log, user);
    if (listener != NULL) {
        return listener;
    }

    listener = malloc(sizeof *listener);
    if (listener == NULL) {
        return NULL;
    }
    *listener = (Listener){.max_level = max_level, .log = log, .user = user};
    do {
        listener->next = (Listener *)(uintptr_t)head;
        // [log.list: acq_rel] Whoever finds the record finds it whole, and those behind it.
    } while (!rnr_cas_acq_rel_u64(&listeners, &head, (uint64_t)(uintptr_t)listener));
    return listener;
}

void rnr_log_set(uint32_t max_level, RenoirLogFunction log, void *user)
{
    const Listener *listener = NULL;

    if (log != NULL) {
        listener = make_listener(max_level, log, user);
        if (listener == NULL) {
            return; // no memory: the log stays where it was
        }
    }
    // [log.listener: release] Whoever loads the pointer sees the record.
    rnr_store_release_u64(&current, (uint64_t)(uintptr_t)listener);
}
