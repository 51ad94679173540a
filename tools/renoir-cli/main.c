// SPDX-License-Identifier: MIT OR Apache-2.0

#include "cli.h"

#include <stdio.h>
#include <string.h>

// What was printed must have arrived: a full disk behind `> file` is a failure too.
static CliExit finish_output(CliExit exit)
{
    const bool is_written = fflush(stdout) == 0 && ferror(stdout) == 0;
    if (is_written || exit != CLI_DONE) {
        return exit;
    }
    perror("renoir-cli: cannot write the output");
    return CLI_FAILED;
}

static CliExit run(Arguments *arguments, int argc, char **argv, int first)
{
    unsigned used = 0;
    const CommandSpec *command = cli_find_command(argv + first, (unsigned)(argc - first), &used);
    if (command == NULL) {
        return cli_unknown_command(argv + first, (unsigned)(argc - first));
    }
    const int last_of_name = first + (int)used - 1;
    const CliExit exit = cli_parse(command, argc - last_of_name, argv + last_of_name, arguments);
    if (exit != CLI_DONE) {
        return exit;
    }
    if (cli_is_set(arguments, OPTION_HELP)) {
        cli_print_usage(stdout, command);
        return CLI_DONE;
    }
    return command->run(arguments);
}

int main(int argc, char **argv)
{
    Arguments arguments;
    int first = 0;
    memset(&arguments, 0, sizeof arguments);
    CliExit exit = cli_parse_leading(argc, argv, &arguments, &first);
    if (exit != CLI_DONE) {
        return (int)exit;
    }
    if (cli_is_set(&arguments, OPTION_VERSION)) {
        printf("renoir-cli %s\n", renoir_version_string());
        return (int)finish_output(CLI_DONE);
    }
    if (first == argc) {
        const bool is_asked = cli_is_set(&arguments, OPTION_HELP);
        cli_print_usage(is_asked ? stdout : stderr, NULL);
        return (int)finish_output(is_asked ? CLI_DONE : CLI_WRONG_USE);
    }
    // Somebody may cut a file short while it is mapped here. That is an error, not a crash.
    const RenoirErrorCode status = renoir_sigbus_guard_install();
    if (status != RENOIR_SUCCESS) {
        return (int)cli_fail_status(&arguments, status);
    }
    exit = run(&arguments, argc, argv, first);
    return (int)finish_output(exit);
}
