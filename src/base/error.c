// SPDX-License-Identifier: MIT OR Apache-2.0

#include "base/error.h"

#include <errno.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"

enum { MESSAGE_SIZE = 512 };

typedef struct Record {
    RenoirErrorCode code;
    uint32_t line;
    const char *file;
    char message[MESSAGE_SIZE];
} Record;

static _Thread_local Record record = {.file = ""};

// Appends what fits, never a part of a UTF-8 sequence.
static void append(char *text, const char *more)
{
    const size_t length = strlen(text);

    (void)rnr_text_copy(text + length, MESSAGE_SIZE - length, more);
}

// The text of an errno value, in English whatever the locale: messages are compared and searched.
// Both glibc and musl have this locale ready without allocating, and take it back the same way.
static void append_system(char *text, int error)
{
    char number[32];
    locale_t english = newlocale(LC_ALL_MASK, "C", (locale_t)0);

    if (english != (locale_t)0) {
        append(text, ": ");
        append(text, strerror_l(error, english));
        freelocale(english);
    }
    (void)snprintf(number, sizeof number, " [errno %d]", error);
    append(text, number);
}

// The build names files from the repository's root.
static const char *below_source_folder(const char *file)
{
    return strncmp(file, "src/", 4) == 0 ? file + 4 : file;
}

// Builds the text apart from the record, because an argument may point into the record.
static void format_message(char *text, const char *format, va_list arguments)
{
    const int length = vsnprintf(text, MESSAGE_SIZE, format, arguments);

    if (length < 0) {
        text[0] = '\0';
    } else if (length >= MESSAGE_SIZE) {
        text[rnr_text_whole_length(text, MESSAGE_SIZE - 1)] = '\0';
    }
}

static void keep(RenoirErrorCode status, const char *file, int line, char *text)
{
    rnr_text_clean(text); // it may quote what somebody else wrote
    record.code = status;
    record.file = below_source_folder(file);
    record.line = (uint32_t)line;
    memcpy(record.message, text, MESSAGE_SIZE);
}

RenoirErrorCode
rnr_error_set(RenoirErrorCode status, const char *file, int line, const char *format, ...)
{
    const int saved_errno = errno;
    char text[MESSAGE_SIZE] = "";
    va_list arguments;

    va_start(arguments, format);
    format_message(text, format, arguments);
    va_end(arguments);
    keep(status, file, line, text);
    rnr_log(RENOIR_LOG_DEBUG, "%s: %s (%s:%d)", rnr_error_name(status), text,
            below_source_folder(file), line);
    errno = saved_errno;
    return status;
}

RenoirErrorCode rnr_error_set_system(
    RenoirErrorCode status, int error, const char *file, int line, const char *format, ...)
{
    const int saved_errno = errno;
    char text[MESSAGE_SIZE] = "";
    va_list arguments;

    va_start(arguments, format);
    format_message(text, format, arguments);
    va_end(arguments);
    append_system(text, error);
    keep(status, file, line, text);
    rnr_log(RENOIR_LOG_DEBUG, "%s: %s (%s:%d)", rnr_error_name(status), text,
            below_source_folder(file), line);
    errno = saved_errno;
    return status;
}

void rnr_error_note(const char *file, int line, const char *format, ...)
{
    const int saved_errno = errno;
    char text[MESSAGE_SIZE] = "";
    va_list arguments;

    va_start(arguments, format);
    format_message(text, format, arguments);
    va_end(arguments);
    keep(RENOIR_SUCCESS, file, line, text);
    rnr_log(RENOIR_LOG_WARNING, "%s", text);
    errno = saved_errno;
}

void rnr_error_clear(void)
{
    record.code = RENOIR_SUCCESS;
    record.line = 0;
    record.file = "";
    record.message[0] = '\0';
}

void rnr_error_read(RenoirErrorInfo *out_info)
{
    out_info->code = record.code;
    out_info->message = record.message;
    out_info->source_file = record.file;
    out_info->source_line = record.line;
}

const char *rnr_error_message(void)
{
    return record.message;
}

/* clang-format off */
const char *rnr_error_text(RenoirErrorCode status)
{
    switch ((int)status) {
#define RENOIR_STATUS_TEXT(name, value, text) case value: return text;
    RENOIR_STATUS_TABLE(RENOIR_STATUS_TEXT)
#undef RENOIR_STATUS_TEXT
    default:
        return "unknown error";
    }
}

const char *rnr_error_name(RenoirErrorCode status)
{
    switch ((int)status) {
#define RENOIR_STATUS_NAME(name, value, text) case value: return "RENOIR_" #name;
    RENOIR_STATUS_TABLE(RENOIR_STATUS_NAME)
#undef RENOIR_STATUS_NAME
    default:
        return "RENOIR_UNKNOWN_ERROR";
    }
}
/* clang-format on */

RenoirErrorCode rnr_error_from_errno(int error)
{
    switch (error) {
    case ENOMEM:
        return RENOIR_OUT_OF_MEMORY;
    case ENOSPC:
    case EDQUOT:
        return RENOIR_INSUFFICIENT_SPACE;
    case EACCES:
    case EPERM:
    case EROFS:
        return RENOIR_PERMISSION_DENIED;
    case ENOENT:
        return RENOIR_NOT_FOUND;
    case EEXIST:
        return RENOIR_EXISTS;
    case EMFILE:
    case ENFILE:
        return RENOIR_LIMIT_REACHED;
    case ENOSYS:
        return RENOIR_UNSUPPORTED;
    case EIO:
        return RENOIR_IO_ERROR;
    default:
        return RENOIR_PLATFORM_ERROR;
    }
}
