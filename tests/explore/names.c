// SPDX-License-Identifier: MIT OR Apache-2.0
//
// What traces call shared words. Only kept while a trace is printed.

#include <stdarg.h>
#include <stdio.h>

#include "engine.h"

enum { NAMES_MAX = 512, NAME_BYTES = 32, LATEST = 4 };

typedef struct Name {
    const volatile void *address;
    char text[NAME_BYTES];
} Name;

static Name names[NAMES_MAX];
static unsigned name_count;

void explore_name(const volatile void *address, const char *format, ...)
{
    va_list arguments;

    if (!trace_is_on || name_count == NAMES_MAX) {
        return;
    }
    Name *const name = &names[name_count++];
    name->address = address;
    va_start(arguments, format);
    vsnprintf(name->text, sizeof name->text, format, arguments);
    va_end(arguments);
}

// A word without a name of its own is called by the nearest one below it.
const char *memory_name(const void *address)
{
    static char texts[LATEST][NAME_BYTES + 24]; // so that a line may hold several
    static unsigned next;
    const Name *best = NULL;

    for (unsigned i = 0; i < name_count; ++i) {
        if ((uintptr_t)names[i].address <= (uintptr_t)address &&
            (best == NULL || (uintptr_t)names[i].address >= (uintptr_t)best->address)) {
            best = &names[i];
        }
    }
    char *const text = texts[next++ % LATEST];
    if (best == NULL) {
        snprintf(text, sizeof texts[0], "%p", address);
    } else if (best->address == address) {
        snprintf(text, sizeof texts[0], "%s", best->text);
    } else {
        snprintf(text, sizeof texts[0], "%s+%zu", best->text,
                 (size_t)((uintptr_t)address - (uintptr_t)best->address));
    }
    return text;
}
