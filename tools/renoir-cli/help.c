// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Help on a terminal, the manual page, and bash completion, all from the table.

#include "cli.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

enum { TEXT_WIDTH = 88, OPTION_COLUMN = 26 };

static const char *const EXIT_TEXTS[] = {
    "done",
    "failed; the message says why",
    "wrong use: unknown option, bad value, impossible name",
    "the time given with --timeout has passed",
    "the process on the other side is gone",
    "schemas differ in a breaking way",
    "cannot be measured here",
};

static const char *arguments_of(const CommandSpec *command)
{
    return command->arguments != NULL ? command->arguments : "";
}

static void print_option(FILE *out, const OptionSpec *option)
{
    char form[64];
    char letter[8] = "    ";
    if (option->letter != '\0') {
        snprintf(letter, sizeof letter, "-%c, ", option->letter);
    }
    snprintf(form, sizeof form, "%s--%s%s%s", letter, option->name,
             option->value != NULL ? " " : "", option->value != NULL ? option->value : "");
    fprintf(out, "  %-*s %s\n", OPTION_COLUMN, form, option->help);
}

static void print_options(FILE *out, const CommandSpec *command)
{
    fputs("\nOptions:\n", out);
    for (size_t i = 0; cli_command_option(command, i) != OPTION_END; i++) {
        print_option(out, cli_option(cli_command_option(command, i)));
    }
}

static void print_command(FILE *out, const CommandSpec *command)
{
    char name[64];
    cli_command_name(command, name, sizeof name);
    const char *words = arguments_of(command);
    const bool passes_on = (command->flags & COMMAND_PASSES_ON) != 0;
    fprintf(out, "Usage: renoir-cli %s %s%s%s\n\n", name, words, *words != '\0' ? " " : "",
            passes_on ? "" : "[OPTION...]");
    text_wrap(out, command->summary, 0, TEXT_WIDTH);
    fputc('\n', out);
    text_wrap(out, command->description, 0, TEXT_WIDTH);
    if (!passes_on) {
        print_options(out, command);
    }
    fputs("\nExamples:\n", out);
    for (size_t i = 0; i < COMMAND_EXAMPLES_MAX && command->examples[i].command != NULL; i++) {
        const Example *example = &command->examples[i];
        fprintf(out, "  %s", example->command);
        fprintf(out, example->comment[0] != '\0' ? "   # %s\n" : "%s\n", example->comment);
    }
}

static void print_all(FILE *out)
{
    fputs("Usage: renoir-cli COMMAND [ARGUMENT...] [OPTION...]\n\n"
          "Shared memory messaging between processes: tools for what lives below a root.\n\n"
          "Commands:\n",
          out);
    for (size_t i = 0; i < CLI_COMMAND_COUNT; i++) {
        char name[64];
        cli_command_name(&CLI_COMMANDS[i], name, sizeof name);
        fprintf(out, "  %-16s %s\n", name, CLI_COMMANDS[i].summary);
    }
    print_options(out, NULL);
    fputs("\nExit status:\n", out);
    for (size_t i = 0; i < sizeof EXIT_TEXTS / sizeof EXIT_TEXTS[0]; i++) {
        fprintf(out, "  %zu  %s\n", i, EXIT_TEXTS[i]);
    }
    fputs("\nExamples:\n"
          "  renoir-cli recv backup copy.img &   # either side may start first\n"
          "  renoir-cli send backup disk.img\n"
          "  renoir-cli help send                # all about one command\n",
          out);
}

void cli_print_usage(FILE *out, const CommandSpec *command)
{
    if (command == NULL) {
        print_all(out);
    } else {
        print_command(out, command);
    }
}

// roff reads backslashes, and a dot or quote at the start of a line, as commands.
static void put_roff(FILE *out, const char *text)
{
    bool is_line_start = true;
    for (; *text != '\0'; text++) {
        if (is_line_start && (*text == '.' || *text == '\'')) {
            fputs("\\&", out);
        }
        if (*text == '\\') {
            fputs("\\e", out);
        } else if (*text == '-') {
            fputs("\\-", out);
        } else if (*text == '\n' && text[1] == '\n') {
            fputs("\n.P\n", out);
            text++;
        } else {
            fputc(*text, out);
        }
        is_line_start = *text == '\n';
    }
}

static void put_roff_option(FILE *out, const OptionSpec *option)
{
    fputs(".TP\n", out);
    if (option->letter != '\0') {
        fprintf(out, "\\fB\\-%c\\fR, ", option->letter);
    }
    fputs("\\fB\\-\\-", out);
    put_roff(out, option->name);
    fprintf(out, "\\fR%s", option->value != NULL ? " " : "");
    if (option->value != NULL) {
        fprintf(out, "\\fI%s\\fR", option->value);
    }
    fputc('\n', out);
    put_roff(out, option->help);
    fputc('\n', out);
}

static void put_roff_command(FILE *out, const CommandSpec *command)
{
    char name[64];
    cli_command_name(command, name, sizeof name);
    fprintf(out, ".SS \"%s %s\"\n", name, arguments_of(command));
    put_roff(out, command->summary);
    fputs("\n.P\n", out);
    put_roff(out, command->description);
    fputc('\n', out);
    for (size_t i = 0; i < COMMAND_OPTIONS_MAX && command->options[i] != OPTION_END; i++) {
        put_roff_option(out, cli_option(command->options[i]));
    }
    fputs(".P\n.nf\n", out);
    for (size_t i = 0; i < COMMAND_EXAMPLES_MAX && command->examples[i].command != NULL; i++) {
        fputs("    ", out);
        put_roff(out, command->examples[i].command);
        fputc('\n', out);
    }
    fputs(".fi\n", out);
}

static void print_man(FILE *out)
{
    fprintf(out,
            ".TH RENOIR\\-CLI 1 \"\" \"Renoir %s\" \"User Commands\"\n"
            ".SH NAME\nrenoir\\-cli \\- tools for messaging through shared memory\n"
            ".SH SYNOPSIS\n.B renoir\\-cli\n\\fICOMMAND\\fR [\\fIARGUMENT\\fR...] "
            "[\\fIOPTION\\fR...]\n"
            ".SH DESCRIPTION\nRenoir moves data between processes of one machine through shared "
            "memory, without a daemon. Every shared object is a file below one root.\n"
            ".SH COMMANDS\n",
            renoir_version_string());
    for (size_t i = 0; i < CLI_COMMAND_COUNT; i++) {
        put_roff_command(out, &CLI_COMMANDS[i]);
    }
    fputs(".SH OPTIONS OF EVERY COMMAND\n", out);
    for (size_t i = 0; cli_command_option(NULL, i) != OPTION_END; i++) {
        put_roff_option(out, cli_option(cli_command_option(NULL, i)));
    }
    fputs(".SH EXIT STATUS\n", out);
    for (size_t i = 0; i < sizeof EXIT_TEXTS / sizeof EXIT_TEXTS[0]; i++) {
        fprintf(out, ".TP\n.B %zu\n", i);
        put_roff(out, EXIT_TEXTS[i]);
        fputc('\n', out);
    }
    fputs(".SH ENVIRONMENT\n.TP\n.B RENOIR_SHM_PATH\nThe root; \\-\\-root goes before it. "
          "Default: /dev/shm.\n.TP\n.B RENOIR_LOG\nerror, warning, info or debug: the library's "
          "log on standard error.\n.SH FILES\n.TP\n.I <root>/renoir/\n"
          "Nodes and regions, one file each.\n",
          out);
}

// The words of one command's options, long and short, as bash wants them: separated by blanks.
static void print_completion_options(FILE *out, const CommandSpec *command)
{
    for (size_t i = 0; cli_command_option(command, i) != OPTION_END; i++) {
        const OptionSpec *option = cli_option(cli_command_option(command, i));
        fprintf(out, "%s--%s", i > 0 ? " " : "", option->name);
    }
}

static void print_nouns(FILE *out)
{
    const char *previous = "";
    for (size_t i = 0; i < CLI_COMMAND_COUNT; i++) {
        if (strcmp(previous, CLI_COMMANDS[i].noun) != 0) {
            fprintf(out, "%s%s", i > 0 ? " " : "", CLI_COMMANDS[i].noun);
        }
        previous = CLI_COMMANDS[i].noun;
    }
}

// Commands of one noun stand together in the table.
static void print_verb_cases(FILE *out)
{
    for (size_t i = 0; i < CLI_COMMAND_COUNT; i++) {
        const CommandSpec *command = &CLI_COMMANDS[i];
        if (command->verb == NULL || (i > 0 && strcmp(command[-1].noun, command->noun) == 0)) {
            continue;
        }
        fprintf(out, "        %s) words='", command->noun);
        for (size_t j = i; j < CLI_COMMAND_COUNT; j++) {
            if (strcmp(CLI_COMMANDS[j].noun, command->noun) == 0) {
                fprintf(out, "%s%s", j > i ? " " : "", CLI_COMMANDS[j].verb);
            }
        }
        fputs("' ;;\n", out);
    }
}

static void print_option_cases(FILE *out)
{
    for (size_t i = 0; i < CLI_COMMAND_COUNT; i++) {
        char name[64];
        cli_command_name(&CLI_COMMANDS[i], name, sizeof name);
        fprintf(out,
                CLI_COMMANDS[i].verb == NULL ? "        '%s '*) words='" : "        '%s') words='",
                name);
        print_completion_options(out, &CLI_COMMANDS[i]);
        fputs("' ;;\n", out);
    }
}

static void print_bash(FILE *out)
{
    fputs("# bash completion for renoir-cli\n"
          "_renoir_cli()\n{\n"
          "    local current=${COMP_WORDS[COMP_CWORD]} words=''\n"
          "    local noun=${COMP_WORDS[1]-} verb=${COMP_WORDS[2]-}\n"
          "    COMPREPLY=()\n"
          "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n        words='",
          out);
    print_nouns(out);
    fputs("'\n    elif [[ $current == -* ]]; then\n        case \"$noun $verb\" in\n", out);
    print_option_cases(out);
    fputs("        esac\n    elif [ \"$COMP_CWORD\" -eq 2 ]; then\n        case \"$noun\" in\n",
          out);
    print_verb_cases(out);
    fputs("        help) words='", out);
    print_nouns(out);
    fputs("' ;;\n        esac\n    fi\n"
          "    if [ -n \"$words\" ]; then\n"
          "        mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
          "    else\n"
          "        mapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n"
          "    fi\n}\n"
          "complete -o filenames -F _renoir_cli renoir-cli\n",
          out);
}

static CliExit help_for(const Arguments *arguments)
{
    unsigned used = 0;
    const CommandSpec *command = cli_find_command(arguments->words, arguments->word_count, &used);
    if (command != NULL && used == arguments->word_count) {
        cli_print_usage(stdout, command);
        return CLI_DONE;
    }
    // `help region`: all verbs of that noun.
    bool is_found = false;
    for (size_t i = 0; i < CLI_COMMAND_COUNT && arguments->word_count == 1; i++) {
        if (strcmp(CLI_COMMANDS[i].noun, arguments->words[0]) == 0) {
            printf(is_found ? "\n" : "");
            cli_print_usage(stdout, &CLI_COMMANDS[i]);
            is_found = true;
        }
    }
    return is_found ? CLI_DONE : cli_unknown_command(arguments->words, arguments->word_count);
}

CliExit cli_run_help(const Arguments *arguments)
{
    const char *shell = cli_text(arguments, OPTION_COMPLETION);
    if (cli_is_set(arguments, OPTION_MAN)) {
        print_man(stdout);
        return CLI_DONE;
    }
    if (shell != NULL && strcmp(shell, "bash") != 0) {
        return cli_fail(arguments, CLI_WRONG_USE, "no completion for '%s': there is one for bash",
                        shell);
    }
    if (shell != NULL) {
        print_bash(stdout);
        return CLI_DONE;
    }
    if (arguments->word_count == 0) {
        cli_print_usage(stdout, NULL);
        return CLI_DONE;
    }
    return help_for(arguments);
}
