// SPDX-License-Identifier: MIT OR Apache-2.0

#include "cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "text.h"

enum { MESSAGE_MAX = 1024 };

static void tell(const Arguments *arguments, CliExit exit, const char *code, const char *message)
{
    char name[64] = "";
    char safe[MESSAGE_MAX];
    if (arguments->command != NULL) {
        cli_command_name(arguments->command, name, sizeof name);
    }
    fprintf(stderr, "renoir-cli%s%s: %s\n", name[0] != '\0' ? " " : "", name,
            text_safe(message, safe, sizeof safe));
    if (!cli_is_set(arguments, OPTION_JSON)) {
        return;
    }
    Json json;
    json_init(&json, stdout);
    json_object(&json, NULL);
    json_object(&json, "error");
    json_string(&json, "command", name);
    json_unsigned(&json, "exit_code", (uint64_t)exit);
    json_string(&json, "code", code);
    json_string(&json, "message", message);
    json_close(&json);
    json_close(&json);
}

CliExit cli_fail(const Arguments *arguments, CliExit exit, const char *format, ...)
{
    char message[MESSAGE_MAX];
    va_list list;
    va_start(list, format);
    vsnprintf(message, sizeof message, format, list);
    va_end(list);
    tell(arguments, exit, NULL, message);
    return exit;
}

CliExit cli_exit_of(RenoirErrorCode status)
{
    switch (status) {
    case RENOIR_SUCCESS:
        return CLI_DONE;
    case RENOIR_INVALID_PARAMETER:
        return CLI_WRONG_USE;
    case RENOIR_TIMEOUT:
        return CLI_TIMEOUT;
    case RENOIR_DISCONNECTED:
        return CLI_PEER_DIED;
    default:
        return CLI_FAILED;
    }
}

CliExit cli_fail_status(const Arguments *arguments, RenoirErrorCode status)
{
    const char *message = renoir_last_error_message();
    const CliExit exit = cli_exit_of(status);
    tell(arguments, exit, renoir_error_name(status),
         message[0] != '\0' ? message : renoir_error_string(status));
    return exit;
}

void cli_say(const Arguments *arguments, const char *format, ...)
{
    char message[MESSAGE_MAX];
    char safe[MESSAGE_MAX];
    va_list list;
    if (cli_is_set(arguments, OPTION_QUIET)) {
        return;
    }
    va_start(list, format);
    vsnprintf(message, sizeof message, format, list);
    va_end(list);
    fprintf(stderr, "renoir-cli: %s\n", text_safe(message, safe, sizeof safe));
}
