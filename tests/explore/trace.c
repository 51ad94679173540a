// SPDX-License-Identifier: MIT OR Apache-2.0
//
// What happened in an execution, line by line, when one is run again to be shown.

#include <stdarg.h>
#include <stdio.h>

#include "engine.h"

bool trace_is_on;

void trace_line(const char *format, ...)
{
    va_list arguments;

    if (engine.running >= 0) {
        const Process *const process = &engine.processes[engine.running];
        printf("  %4u  %d %-12s ", engine.steps, engine.running,
               engine.tried->roles[process->role].name);
    } else {
        printf("        ");
    }
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
}
