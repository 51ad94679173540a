// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Private memory, which goes with the execution, and the error record, which only traces show.

#include "base/error.h"
#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine.h"
#include "fake/fake.h"

enum { PRIVATE_BYTES = 256 * 1024 };

static _Alignas(128) unsigned char memory[PRIVATE_BYTES];
static size_t used;

void fake_begin(void)
{
    memset(memory, 0, used);
    used = 0;
    fake_objects_begin();
}

void *rnr_allocate_aligned(size_t size, size_t alignment)
{
    const size_t begin = (used + alignment - 1) & ~(alignment - 1);

    if (size > PRIVATE_BYTES || begin + size > PRIVATE_BYTES) {
        explore_fail("more than %d bytes of private memory", PRIVATE_BYTES);
    }
    used = begin + size;
    return memory + begin;
}

void *rnr_allocate(size_t size)
{
    return rnr_allocate_aligned(size, 16);
}

void rnr_free(void *block)
{
    (void)block;
}

static RenoirErrorCode fail(RenoirErrorCode status, const char *format, va_list arguments)
{
    if (trace_is_on) {
        char text[256];
        vsnprintf(text, sizeof text, format, arguments);
        trace_line("status %d: %s", (int)status, text);
    }
    return status;
}

RenoirErrorCode
rnr_error_set(RenoirErrorCode status, const char *file, int line, const char *format, ...)
{
    va_list arguments;
    (void)file;
    (void)line;
    va_start(arguments, format);
    (void)fail(status, format, arguments);
    va_end(arguments);
    return status;
}

RenoirErrorCode rnr_error_set_system(
    RenoirErrorCode status, int error, const char *file, int line, const char *format, ...)
{
    va_list arguments;
    (void)error;
    (void)file;
    (void)line;
    va_start(arguments, format);
    (void)fail(status, format, arguments);
    va_end(arguments);
    return status;
}

void rnr_error_note(const char *file, int line, const char *format, ...)
{
    (void)file;
    (void)line;
    (void)format;
}

void rnr_error_clear(void)
{
}
