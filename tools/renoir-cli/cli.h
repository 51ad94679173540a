// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RENOIR_CLI_H
#define RENOIR_CLI_H

// What all commands share: exit codes, the table of commands and options, parsed arguments, and
// how failures are told.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <renoir.h>

// One table for all commands. 5 is there so that no command of today takes the number that schema
// comparison answers with.
typedef enum CliExit {
    CLI_DONE = 0,
    CLI_FAILED = 1,
    CLI_WRONG_USE = 2,
    CLI_TIMEOUT = 3,
    CLI_PEER_DIED = 4,
    CLI_BREAKING_SCHEMA = 5,
    CLI_NOT_MEASURABLE = 6
} CliExit;

typedef enum OptionId {
    OPTION_END = 0, // ends a command's list
    OPTION_HELP,
    OPTION_JSON,
    OPTION_ROOT,
    OPTION_VERSION,
    OPTION_NAME,
    OPTION_SIZE,
    OPTION_FILE,
    OPTION_MEMFD,
    OPTION_POSIX,
    OPTION_HUGETLB,
    OPTION_MODE,
    OPTION_HOLD,
    OPTION_CAPACITY,
    OPTION_OPERATIONS,
    OPTION_THREADS,
    OPTION_DRY_RUN,
    OPTION_TIMEOUT,
    OPTION_RECORD_SIZE,
    OPTION_RING_SIZE,
    OPTION_PROGRESS,
    OPTION_QUIET,
    OPTION_MAN,
    OPTION_COMPLETION,
    OPTION_COUNT
} OptionId;

typedef enum OptionKind {
    KIND_FLAG,
    KIND_TEXT,
    KIND_SIZE,     // bytes: 4096, 64KiB, 1MiB
    KIND_COUNT,    // a positive number
    KIND_DURATION, // nanoseconds: 5s, 500ms
    KIND_MODE      // octal
} OptionKind;

typedef struct OptionSpec {
    OptionId id;
    char letter; // 0: none
    OptionKind kind;
    const char *name;
    const char *value; // what the value is called; NULL for a flag
    const char *help;
} OptionSpec;

typedef struct Example {
    const char *command;
    const char *comment;
} Example;

enum { COMMAND_OPTIONS_MAX = 10, COMMAND_EXAMPLES_MAX = 5 };

// COMMAND_NAMED: the first word is NAME, which --name may give instead.
// COMMAND_PASSES_ON: all that follows belongs to another program.
enum { COMMAND_NAMED = 1 << 0, COMMAND_PASSES_ON = 1 << 1 };

typedef struct Arguments Arguments;

typedef struct CommandSpec {
    const char *noun;
    const char *verb;      // NULL: the noun is the whole command
    const char *arguments; // as help shows them
    unsigned min_words;    // NAME not counted where COMMAND_NAMED
    unsigned max_words;
    unsigned flags;
    const char *summary;     // one line
    const char *description; // paragraphs
    OptionId options[COMMAND_OPTIONS_MAX];
    Example examples[COMMAND_EXAMPLES_MAX];
    CliExit (*run)(const Arguments *arguments);
} CommandSpec;

typedef struct OptionValue {
    bool is_set;
    const char *text;
    uint64_t number;
} OptionValue;

struct Arguments {
    const CommandSpec *command;
    OptionValue options[OPTION_COUNT];
    const char *name; // COMMAND_NAMED; NULL if none was given
    char **words;     // what is left beside options and NAME
    unsigned word_count;
};

// commands.c: the table
extern const CommandSpec CLI_COMMANDS[];
extern const size_t CLI_COMMAND_COUNT;
extern const OptionSpec CLI_OPTIONS[];
extern const size_t CLI_OPTION_COUNT;
const OptionSpec *cli_option(OptionId id);
// Options every command takes come first; returns OPTION_END past the last.
OptionId cli_command_option(const CommandSpec *command, size_t index);

// options.c
// Finds the command that the words begin with, and says how many of them name it.
const CommandSpec *cli_find_command(char **words, unsigned count, unsigned *out_used);
// argv[0] is the last word of the command's name. Tells what is wrong and answers CLI_WRONG_USE.
CliExit cli_parse(const CommandSpec *command, int argc, char **argv, Arguments *arguments);
// Options before the command; *out_next is the index of the first word.
CliExit cli_parse_leading(int argc, char **argv, Arguments *arguments, int *out_next);
CliExit cli_unknown_command(char **words, unsigned count);
const char *cli_nearest(const char *word, const char *const *candidates, size_t count);
bool cli_parse_size(const char *text, uint64_t *out_bytes);
bool cli_parse_duration(const char *text, uint64_t *out_ns);

// help.c
void cli_print_usage(FILE *out, const CommandSpec *command); // NULL: all commands
CliExit cli_run_help(const Arguments *arguments);

// fail.c: failures go to stderr for people and, with --json, to stdout as an object.
CliExit cli_fail(const Arguments *arguments, CliExit exit, const char *format, ...)
    RENOIR_PRINTF(3, 4);
// The library's own message, and the exit code that its status stands for.
CliExit cli_fail_status(const Arguments *arguments, RenoirErrorCode status);
CliExit cli_exit_of(RenoirErrorCode status);
// A remark on stderr, which --quiet silences.
void cli_say(const Arguments *arguments, const char *format, ...) RENOIR_PRINTF(2, 3);

// context.c
bool cli_is_set(const Arguments *arguments, OptionId id);
uint64_t cli_number(const Arguments *arguments, OptionId id, uint64_t otherwise);
const char *cli_text(const Arguments *arguments, OptionId id);
// The full name of a command: "region create".
void cli_command_name(const CommandSpec *command, char *name, size_t size);
// Where objects live: --root, else RENOIR_SHM_PATH, else /dev/shm.
const char *cli_root(const Arguments *arguments);
RenoirErrorCode cli_join(const Arguments *arguments, RenoirManagerHandle *out_manager);
// Snapshots in memory of our own: free() them. NULL with *out_count 0 where there is nothing.
RenoirErrorCode
cli_nodes(RenoirManagerHandle manager, RenoirNodeInfo **out_infos, size_t *out_count);
RenoirErrorCode
cli_regions(RenoirManagerHandle manager, RenoirRegionInfo **out_infos, size_t *out_count);
const char *cli_backing_name(uint32_t backing_type);

// The commands.
CliExit cli_run_region_create(const Arguments *arguments);
CliExit cli_run_region_list(const Arguments *arguments);
CliExit cli_run_region_info(const Arguments *arguments);
CliExit cli_run_region_remove(const Arguments *arguments);
CliExit cli_run_node_list(const Arguments *arguments);
CliExit cli_run_ringbuf(const Arguments *arguments);
CliExit cli_run_info(const Arguments *arguments);
CliExit cli_run_clean(const Arguments *arguments);
CliExit cli_run_doctor(const Arguments *arguments);
CliExit cli_run_send(const Arguments *arguments);
CliExit cli_run_recv(const Arguments *arguments);
CliExit cli_run_bench(const Arguments *arguments);

#endif
