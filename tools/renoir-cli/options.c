// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Parses command lines from the table in commands.c, and answers what it does not know with the
// nearest thing that it does.

#include "cli.h"

#include <ctype.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LONG_BASE = 256, // getopt's number of an option is this + its id: no letter is that large
    WORD_MAX = 63    // longer words are not compared: nobody misspells that much
};

// Edits (insert, delete, replace, swap neighbours) that lead from one word to the other.
static unsigned edit_distance(const char *from, const char *to)
{
    const size_t from_length = strlen(from);
    const size_t to_length = strlen(to);
    unsigned rows[3][WORD_MAX + 2];
    if (from_length > WORD_MAX || to_length > WORD_MAX) {
        return WORD_MAX;
    }
    for (size_t j = 0; j <= to_length; j++) {
        rows[0][j] = (unsigned)j;
    }
    for (size_t i = 1; i <= from_length; i++) {
        unsigned *row = rows[i % 3];
        const unsigned *above = rows[(i + 2) % 3];
        const unsigned *before = rows[(i + 1) % 3];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= to_length; j++) {
            const unsigned replaced = above[j - 1] + (from[i - 1] == to[j - 1] ? 0 : 1);
            const unsigned moved = (above[j] < row[j - 1] ? above[j] : row[j - 1]) + 1;
            row[j] = replaced < moved ? replaced : moved;
            if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1] &&
                before[j - 2] + 1 < row[j]) {
                row[j] = before[j - 2] + 1;
            }
        }
    }
    return rows[from_length % 3][to_length];
}

const char *cli_nearest(const char *word, const char *const *candidates, size_t count)
{
    const char *nearest = NULL;
    unsigned least = (unsigned)strlen(word) / 3 + 2;
    for (size_t i = 0; i < count; i++) {
        const unsigned distance = edit_distance(word, candidates[i]);
        if (distance < least) {
            least = distance;
            nearest = candidates[i];
        }
    }
    return nearest;
}

static bool equals_ignoring_case(const char *left, const char *right)
{
    while (*left != '\0' && tolower((unsigned char)*left) == tolower((unsigned char)*right)) {
        left++;
        right++;
    }
    return *left == *right;
}

// Digits, and where they end. False without digits or where the number does not fit.
static bool parse_digits(const char *text, uint64_t *out_number, const char **out_end)
{
    uint64_t number = 0;
    const char *at = text;
    for (; isdigit((unsigned char)*at); at++) {
        const uint64_t digit = (uint64_t)(*at - '0');
        if (number > (UINT64_MAX - digit) / 10) {
            return false;
        }
        number = number * 10 + digit;
    }
    *out_number = number;
    *out_end = at;
    return at != text;
}

typedef struct Unit {
    const char *name;
    uint64_t factor;
} Unit;

static bool
parse_quantity(const char *text, const Unit *units, size_t unit_count, uint64_t *out_value)
{
    uint64_t number = 0;
    const char *unit = NULL;
    if (!parse_digits(text, &number, &unit)) {
        return false;
    }
    for (size_t i = 0; i < unit_count; i++) {
        if (equals_ignoring_case(unit, units[i].name)) {
            *out_value = number * units[i].factor;
            return number <= UINT64_MAX / units[i].factor;
        }
    }
    return false;
}

bool cli_parse_size(const char *text, uint64_t *out_bytes)
{
    static const Unit units[] = {
        {"", 1},
        {"b", 1},
        {"k", UINT64_C(1) << 10},
        {"kib", UINT64_C(1) << 10},
        {"m", UINT64_C(1) << 20},
        {"mib", UINT64_C(1) << 20},
        {"g", UINT64_C(1) << 30},
        {"gib", UINT64_C(1) << 30},
        {"t", UINT64_C(1) << 40},
        {"tib", UINT64_C(1) << 40},
        {"kb", 1000},
        {"mb", 1000000},
        {"gb", UINT64_C(1000000000)},
        {"tb", UINT64_C(1000000000000)},
    };
    return parse_quantity(text, units, sizeof units / sizeof units[0], out_bytes);
}

bool cli_parse_duration(const char *text, uint64_t *out_ns)
{
    static const Unit units[] = {
        {"", UINT64_C(1000000000)},
        {"s", UINT64_C(1000000000)},
        {"ms", 1000000},
        {"us", 1000},
        {"ns", 1},
        {"m", UINT64_C(60000000000)},
        {"min", UINT64_C(60000000000)},
        {"h", UINT64_C(3600000000000)},
    };
    return parse_quantity(text, units, sizeof units / sizeof units[0], out_ns);
}

static bool parse_mode(const char *text, uint64_t *out_mode)
{
    char *end = NULL;
    const unsigned long mode = strtoul(text, &end, 8);
    *out_mode = mode;
    return isdigit((unsigned char)*text) && *end == '\0' && mode > 0 && mode <= 0777;
}

static bool parse_count(const char *text, uint64_t *out_count)
{
    const char *end = NULL;
    return parse_digits(text, out_count, &end) && *end == '\0' && *out_count > 0;
}

// NULL: the value is fine. Else what it should have looked like.
static const char *convert(const OptionSpec *option, const char *text, uint64_t *out_number)
{
    switch (option->kind) {
    case KIND_SIZE:
        return cli_parse_size(text, out_number) ? NULL : "a size such as 4096, 64KiB or 1MiB";
    case KIND_DURATION:
        return cli_parse_duration(text, out_number) ? NULL : "a time such as 5s, 500ms or 2m";
    case KIND_COUNT:
        return parse_count(text, out_number) ? NULL : "a number from 1 on";
    case KIND_MODE:
        return parse_mode(text, out_number) ? NULL : "an octal mode such as 0600 or 0644";
    case KIND_TEXT:
        return *text != '\0' ? NULL : "not empty";
    case KIND_FLAG:
        break;
    }
    return NULL;
}

static CliExit take_option(Arguments *arguments, const OptionSpec *option, const char *text)
{
    OptionValue *value = &arguments->options[option->id];
    value->is_set = true;
    value->text = text;
    if (option->kind == KIND_FLAG) {
        return CLI_DONE;
    }
    const char *expected = convert(option, text, &value->number);
    if (expected == NULL) {
        return CLI_DONE;
    }
    return cli_fail(arguments, CLI_WRONG_USE, "--%s takes %s, and was given '%s'", option->name,
                    expected, text);
}

// What getopt_long wants to know about the options of one command.
typedef struct GetoptTables {
    struct option longs[COMMAND_OPTIONS_MAX + 8];
    char shorts[4 * COMMAND_OPTIONS_MAX];
    const char *names[COMMAND_OPTIONS_MAX + 8];
    size_t count;
} GetoptTables;

static void build_tables(const CommandSpec *command, const char *prefix, GetoptTables *tables)
{
    size_t used = strlen(prefix);
    memset(tables, 0, sizeof *tables);
    memcpy(tables->shorts, prefix, used);
    for (;; tables->count++) {
        const OptionId id = cli_command_option(command, tables->count);
        if (id == OPTION_END) {
            return;
        }
        const OptionSpec *option = cli_option(id);
        struct option *entry = &tables->longs[tables->count];
        entry->name = option->name;
        entry->has_arg = option->kind == KIND_FLAG ? no_argument : required_argument;
        entry->val = LONG_BASE + (int)id;
        tables->names[tables->count] = option->name;
        if (option->letter != '\0') {
            tables->shorts[used++] = option->letter;
            if (option->kind != KIND_FLAG) {
                tables->shorts[used++] = ':';
            }
        }
    }
}

static const OptionSpec *option_of(int number)
{
    if (number >= LONG_BASE) {
        return cli_option((OptionId)(number - LONG_BASE));
    }
    for (size_t i = 0; i < CLI_OPTION_COUNT; i++) {
        if (CLI_OPTIONS[i].letter != '\0' && CLI_OPTIONS[i].letter == number) {
            return &CLI_OPTIONS[i];
        }
    }
    return NULL;
}

// getopt_long met something that it does not know: a letter, a long name, or `--flag=value`.
static CliExit
refuse_option(const Arguments *arguments, const GetoptTables *tables, const char *word, int number)
{
    if (number >= LONG_BASE) {
        const OptionSpec *option = option_of(number);
        return cli_fail(arguments, CLI_WRONG_USE, "--%s takes no value", option->name);
    }
    if (number != 0) {
        return cli_fail(arguments, CLI_WRONG_USE, "unknown option -%c (see --help)", number);
    }
    char name[WORD_MAX + 1];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(word + 2, "="), word + 2);
    size_t matches = 0;
    for (size_t i = 0; i < tables->count; i++) {
        matches += strncmp(tables->names[i], name, strlen(name)) == 0 ? 1 : 0;
    }
    if (matches > 1) {
        return cli_fail(arguments, CLI_WRONG_USE, "--%s may mean several options", name);
    }
    const char *nearest = cli_nearest(name, tables->names, tables->count);
    if (nearest != NULL) {
        return cli_fail(arguments, CLI_WRONG_USE, "unknown option --%s: did you mean --%s?", name,
                        nearest);
    }
    return cli_fail(arguments, CLI_WRONG_USE, "unknown option --%s (see --help)", name);
}

static CliExit refuse_missing(const Arguments *arguments, int number)
{
    const OptionSpec *option = option_of(number);
    return cli_fail(arguments, CLI_WRONG_USE, "--%s needs a value: %s", option->name,
                    option->value);
}

static CliExit
take_options(const GetoptTables *tables, int argc, char **argv, Arguments *arguments, int *out_next)
{
    optind = 0; // starts afresh, with glibc and with musl
    opterr = 0;
    for (;;) {
        const int number = getopt_long(argc, argv, tables->shorts, tables->longs, NULL);
        if (number == -1) {
            *out_next = optind;
            return CLI_DONE;
        }
        CliExit exit = CLI_DONE;
        if (number == '?') {
            exit = refuse_option(arguments, tables, argv[optind - 1], optopt);
        } else if (number == ':') {
            exit = refuse_missing(arguments, optopt);
        } else {
            exit = take_option(arguments, option_of(number), optarg);
        }
        if (exit != CLI_DONE) {
            return exit;
        }
    }
}

// Only the options that every command takes may stand before the command.
CliExit cli_parse_leading(int argc, char **argv, Arguments *arguments, int *out_next)
{
    GetoptTables tables;
    build_tables(NULL, "+:", &tables);
    return take_options(&tables, argc, argv, arguments, out_next);
}

static CliExit take_words(Arguments *arguments, char **words, unsigned count)
{
    const CommandSpec *command = arguments->command;
    if ((command->flags & COMMAND_NAMED) != 0) {
        arguments->name = cli_text(arguments, OPTION_NAME);
        if (arguments->name == NULL && count > 0) {
            arguments->name = words[0];
            words++;
            count--;
        }
        if (arguments->name == NULL) {
            return cli_fail(arguments, CLI_WRONG_USE, "a name is needed: %s", command->arguments);
        }
    }
    if (count > command->max_words) {
        return cli_fail(arguments, CLI_WRONG_USE, "'%s' is one word too many (see --help)",
                        words[command->max_words]);
    }
    if (count < command->min_words) {
        return cli_fail(arguments, CLI_WRONG_USE, "something is missing: %s", command->arguments);
    }
    arguments->words = words;
    arguments->word_count = count;
    return CLI_DONE;
}

CliExit cli_parse(const CommandSpec *command, int argc, char **argv, Arguments *arguments)
{
    arguments->command = command;
    if ((command->flags & COMMAND_PASSES_ON) != 0) {
        arguments->words = argv + 1;
        arguments->word_count = (unsigned)argc - 1;
        const bool wants_help =
            argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
        arguments->options[OPTION_HELP].is_set |= wants_help;
        return CLI_DONE;
    }
    GetoptTables tables;
    int next = 0;
    build_tables(command, ":", &tables);
    const CliExit exit = take_options(&tables, argc, argv, arguments, &next);
    if (exit != CLI_DONE || arguments->options[OPTION_HELP].is_set) {
        return exit;
    }
    return take_words(arguments, argv + next, (unsigned)(argc - next));
}

const CommandSpec *cli_find_command(char **words, unsigned count, unsigned *out_used)
{
    for (size_t i = 0; i < CLI_COMMAND_COUNT; i++) {
        const CommandSpec *command = &CLI_COMMANDS[i];
        if (count == 0 || strcmp(command->noun, words[0]) != 0) {
            continue;
        }
        *out_used = command->verb == NULL ? 1 : 2;
        if (command->verb == NULL || (count > 1 && strcmp(command->verb, words[1]) == 0)) {
            return command;
        }
    }
    *out_used = 0;
    return NULL;
}

// The noun is right: what verbs are there?
static CliExit refuse_verb(const Arguments *arguments, const char *noun, const char *verb)
{
    const char *verbs[16];
    char all[128] = "";
    size_t count = 0;
    for (size_t i = 0; i < CLI_COMMAND_COUNT && count < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(CLI_COMMANDS[i].noun, noun) == 0) {
            verbs[count++] = CLI_COMMANDS[i].verb;
            const size_t used = strlen(all);
            snprintf(all + used, sizeof all - used, "%s%s", used > 0 ? ", " : "", verbs[count - 1]);
        }
    }
    if (verb == NULL) {
        return cli_fail(arguments, CLI_WRONG_USE, "'%s' needs a verb: %s", noun, all);
    }
    const char *nearest = cli_nearest(verb, verbs, count);
    if (nearest != NULL) {
        return cli_fail(arguments, CLI_WRONG_USE, "unknown command '%s %s': did you mean '%s %s'?",
                        noun, verb, noun, nearest);
    }
    return cli_fail(arguments, CLI_WRONG_USE, "unknown command '%s %s': there are %s", noun, verb,
                    all);
}

CliExit cli_unknown_command(char **words, unsigned count)
{
    static const Arguments nothing;
    const char *nouns[32];
    size_t noun_count = 0;
    for (size_t i = 0; i < CLI_COMMAND_COUNT && noun_count < sizeof nouns / sizeof nouns[0]; i++) {
        if (strcmp(CLI_COMMANDS[i].noun, words[0]) == 0) {
            return refuse_verb(&nothing, words[0], count > 1 ? words[1] : NULL);
        }
        nouns[noun_count++] = CLI_COMMANDS[i].noun;
    }
    const char *nearest = cli_nearest(words[0], nouns, noun_count);
    if (nearest != NULL) {
        return cli_fail(&nothing, CLI_WRONG_USE, "unknown command '%s': did you mean '%s'?",
                        words[0], nearest);
    }
    return cli_fail(&nothing, CLI_WRONG_USE, "unknown command '%s' (renoir-cli help lists them)",
                    words[0]);
}
