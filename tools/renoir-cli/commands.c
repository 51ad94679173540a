// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The one table of commands and options. Parsing, help, the man page, shell completion and
// suggestions are made from it.

#include "cli.h"

const OptionSpec CLI_OPTIONS[] = {
    {OPTION_HELP, 'h', KIND_FLAG, "help", NULL, "Show this help."},
    {OPTION_JSON, 0, KIND_FLAG, "json", NULL, "Answer with one JSON object."},
    {OPTION_ROOT, 0, KIND_TEXT, "root", "PATH",
     "Where shared objects live (default: $RENOIR_SHM_PATH, else /dev/shm)."},
    {OPTION_VERSION, 'V', KIND_FLAG, "version", NULL, "Show the version."},
    {OPTION_NAME, 'n', KIND_TEXT, "name", "NAME", "The name, instead of as the first word."},
    {OPTION_SIZE, 's', KIND_SIZE, "size", "SIZE", "Usable bytes: 4096, 64KiB, 1MiB, 2GiB."},
    {OPTION_FILE, 'f', KIND_TEXT, "file", "PATH", "Keep the bytes in this file."},
    {OPTION_MEMFD, 0, KIND_FLAG, "memfd", NULL, "In no file system; lives while --hold waits."},
    {OPTION_POSIX, 0, KIND_FLAG, "posix", NULL, "As a POSIX shared memory object."},
    {OPTION_HUGETLB, 0, KIND_FLAG, "hugetlb", NULL, "Huge pages, where there are some to give."},
    {OPTION_MODE, 0, KIND_MODE, "mode", "MODE", "Permissions, octal (default 0600)."},
    {OPTION_HOLD, 0, KIND_FLAG, "hold", NULL, "Keep it open until interrupted."},
    {OPTION_CAPACITY, 'c', KIND_COUNT, "capacity", "N",
     "Elements that the ring holds, a power of two (default 1024)."},
    {OPTION_OPERATIONS, 'o', KIND_COUNT, "operations", "N",
     "How many to push, and to pop (default 10000)."},
    {OPTION_THREADS, 0, KIND_FLAG, "threads", NULL, "Two threads instead of two processes."},
    {OPTION_DRY_RUN, 0, KIND_FLAG, "dry-run", NULL, "Only say what would be removed."},
    {OPTION_TIMEOUT, 't', KIND_DURATION, "timeout", "TIME",
     "Give up when the other side lets nothing move for so long: 5s, 500ms (default: never)."},
    {OPTION_RECORD_SIZE, 0, KIND_SIZE, "record-size", "SIZE",
     "The most bytes that go in one record (default 64KiB)."},
    {OPTION_RING_SIZE, 0, KIND_SIZE, "ring-size", "SIZE",
     "The ring between both sides, a power of two (default 1MiB)."},
    {OPTION_PROGRESS, 0, KIND_FLAG, "progress", NULL,
     "Show progress also when standard error is no terminal."},
    {OPTION_QUIET, 'q', KIND_FLAG, "quiet", NULL, "No progress, no remarks."},
    {OPTION_MAN, 0, KIND_FLAG, "man", NULL, "Write the manual page (roff)."},
    {OPTION_COMPLETION, 0, KIND_TEXT, "completion", "SHELL",
     "Write the completion script for a shell: bash."},
};
const size_t CLI_OPTION_COUNT = sizeof CLI_OPTIONS / sizeof CLI_OPTIONS[0];

const CommandSpec CLI_COMMANDS[] = {
    {
        .noun = "send",
        .arguments = "NAME [FILE]",
        .max_words = 1,
        .flags = COMMAND_NAMED,
        .summary = "Stream a file or standard input to a receiver, through shared memory.",
        .description =
            "Streams bytes of any kind and length to `renoir-cli recv NAME`, which may start "
            "before or after. Bytes are read straight into the ring and written straight out of "
            "it.\n"
            "\n"
            "Without FILE, or with -, standard input is sent. If no receiver is there yet, the "
            "ring fills and send waits; a stream that fits into the ring is left there for the "
            "receiver, and send is done. With a receiver, send is done when all has been taken. "
            "Streams sent one after the other are received one after the other.\n"
            "\n"
            "If the receiver dies, send ends with status 4 and says how many bytes had been "
            "taken.",
        .options = {OPTION_NAME, OPTION_TIMEOUT, OPTION_RECORD_SIZE, OPTION_RING_SIZE,
                    OPTION_PROGRESS, OPTION_QUIET},
        .examples = {{"renoir-cli send backup disk.img", "send a file"},
                     {"tar c /srv | renoir-cli send backup", "send a pipeline's output"},
                     {"renoir-cli send backup disk.img --timeout 10s --json", "for a script"}},
        .run = cli_run_send,
    },
    {
        .noun = "recv",
        .arguments = "NAME [FILE]",
        .max_words = 1,
        .flags = COMMAND_NAMED,
        .summary = "Receive a stream into a file or to standard output.",
        .description =
            "Receives what `renoir-cli send NAME` sends; either may start first.\n"
            "\n"
            "With FILE the bytes go to FILE.part, which becomes FILE once the end record has "
            "come and length and checksum agree: a truncated copy never bears the final name. "
            "Otherwise FILE.part stays, and its length is said. Without FILE, or with -, they go "
            "to standard output; there the exit status alone tells whether all has come.\n"
            "\n"
            "If the sender dies, recv ends with status 4 and says how many bytes had arrived "
            "whole.",
        .options = {OPTION_NAME, OPTION_TIMEOUT, OPTION_RING_SIZE, OPTION_PROGRESS, OPTION_QUIET},
        .examples = {{"renoir-cli recv backup copy.img", "receive into a file"},
                     {"renoir-cli recv backup | tar x", "receive into a pipeline"},
                     {"renoir-cli recv backup copy.img --timeout 10s --json", "for a script"}},
        .run = cli_run_recv,
    },
    {
        .noun = "region",
        .verb = "create",
        .arguments = "NAME --size SIZE",
        .flags = COMMAND_NAMED,
        .summary = "Make a region that stays when this command ends.",
        .description =
            "Makes a named region of shared memory and reserves its space. It is persistent: it "
            "stays until `region remove`. If a region of that name is there already, that is a "
            "failure, and it is left alone.\n"
            "\n"
            "A memfd region lies in no file system and lives only while somebody has it open: "
            "with --memfd the command needs --hold, waits until it is interrupted, and shows the "
            "path in /proc by which others can open it.",
        .options = {OPTION_NAME, OPTION_SIZE, OPTION_FILE, OPTION_MEMFD, OPTION_POSIX,
                    OPTION_HUGETLB, OPTION_MODE, OPTION_HOLD},
        .examples = {{"renoir-cli region create prices --size 1MiB", "one mebibyte below the root"},
                     {"renoir-cli region create --name test_region --size 1048576",
                      "the same form"},
                     {"renoir-cli region create log -s 64MiB -f /var/tmp/log.region --mode 0640",
                      "in a file"},
                     {"renoir-cli region create scratch -s 1MiB --memfd --hold", "until Ctrl-C"}},
        .run = cli_run_region_create,
    },
    {
        .noun = "region",
        .verb = "list",
        .summary = "List the regions below the root.",
        .description = "Name, size, backing, live users, used and free bytes, and whether the "
                       "region is kept when its last user has gone.",
        .options = {OPTION_END},
        .examples = {{"renoir-cli region list", ""}, {"renoir-cli region list --json", ""}},
        .run = cli_run_region_list,
    },
    {
        .noun = "region",
        .verb = "info",
        .arguments = "NAME",
        .flags = COMMAND_NAMED,
        .summary = "Show one region: its state, its objects, who holds it.",
        .description = "Opens the region for reading only and checks its invariants on the way.",
        .options = {OPTION_NAME},
        .examples = {{"renoir-cli region info prices", ""}},
        .run = cli_run_region_info,
    },
    {
        .noun = "region",
        .verb = "remove",
        .arguments = "NAME",
        .flags = COMMAND_NAMED,
        .summary = "Take a region's name away.",
        .description = "Processes that have it open keep the memory until they close it; nobody "
                       "finds it by that name any more.",
        .options = {OPTION_NAME},
        .examples = {{"renoir-cli region remove prices", ""}},
        .run = cli_run_region_remove,
    },
    {
        .noun = "node",
        .verb = "list",
        .summary = "List the processes that take part under the root.",
        .description = "A node is one process under one root. It is alive exactly as long as the "
                       "kernel holds its lock; no time-out decides it. PIDs are those of the "
                       "node's own namespace.",
        .options = {OPTION_END},
        .examples = {{"renoir-cli node list", ""}},
        .run = cli_run_node_list,
    },
    {
        .noun = "ringbuf",
        .summary = "Try a ring: push and pop in two processes, each value checked.",
        .description =
            "Makes a single-producer single-consumer ring of 8-byte elements in a region and "
            "times it: pushes alone into an empty ring, pops alone out of a full one, and both at "
            "once. Every value that arrives is checked. For figures to compare, see "
            "`renoir-cli bench`.",
        .options = {OPTION_CAPACITY, OPTION_OPERATIONS, OPTION_THREADS},
        .examples = {{"renoir-cli ringbuf --capacity 4096 --operations 100000", ""},
                     {"renoir-cli ringbuf --threads", "both ends in one process"}},
        .run = cli_run_ringbuf,
    },
    {
        .noun = "info",
        .summary = "Show the version, what the kernel offers, and what is below the root.",
        .description =
            "Version and compiler; each kernel feature that Renoir uses and whether it is there; "
            "processors and page sizes; the root, its space, its nodes and regions; limits.",
        .options = {OPTION_END},
        .examples = {{"renoir-cli info", ""}, {"renoir-cli info --json", ""}},
        .run = cli_run_info,
    },
    {
        .noun = "clean",
        .summary = "Remove what dead processes left below the root.",
        .description = "Says what it removes. What a living process uses is never touched, "
                       "however long that process has been silent, and persistent regions stay.",
        .options = {OPTION_DRY_RUN},
        .examples = {{"renoir-cli clean --dry-run", "only say what would go"},
                     {"renoir-cli clean", ""}},
        .run = cli_run_clean,
    },
    {
        .noun = "doctor",
        .summary = "Check the machine and every region; each finding with its remedy.",
        .description =
            "The root's size and permissions, the limit on locked memory, huge pages, membarrier, "
            "the processors' governor, then the invariants of each region. Status 1 if something "
            "does not work; what merely costs speed is a warning.",
        .options = {OPTION_END},
        .examples = {{"renoir-cli doctor", ""}},
        .run = cli_run_doctor,
    },
    {
        .noun = "bench",
        .arguments = "[ARGUMENT...]",
        .flags = COMMAND_PASSES_ON,
        .summary = "Run renoir-bench with these arguments.",
        .description = "Runs the renoir-bench beside this program, else the one in PATH. "
                       "Everything after `bench` is for it; status 6 if there is none.",
        .options = {OPTION_END},
        .examples = {{"renoir-cli bench", "list the suites"}, {"renoir-cli bench stream", ""}},
        .run = cli_run_bench,
    },
    {
        .noun = "help",
        .arguments = "[COMMAND]",
        .max_words = 2,
        .summary = "Show help, the manual page, or a completion script.",
        .description = "Without a command: the list of commands.",
        .options = {OPTION_MAN, OPTION_COMPLETION},
        .examples = {{"renoir-cli help send", ""},
                     {"renoir-cli help --man > renoir-cli.1", ""},
                     {"renoir-cli help --completion bash > renoir-cli.bash", ""}},
        .run = cli_run_help,
    },
};
const size_t CLI_COMMAND_COUNT = sizeof CLI_COMMANDS / sizeof CLI_COMMANDS[0];

const OptionSpec *cli_option(OptionId id)
{
    for (size_t i = 0; i < CLI_OPTION_COUNT; i++) {
        if (CLI_OPTIONS[i].id == id) {
            return &CLI_OPTIONS[i];
        }
    }
    return NULL;
}

OptionId cli_command_option(const CommandSpec *command, size_t index)
{
    static const OptionId common[] = {OPTION_JSON, OPTION_ROOT, OPTION_HELP};
    const size_t common_count = sizeof common / sizeof common[0];
    if (command == NULL) {
        return index < common_count ? common[index]
                                    : (index == common_count ? OPTION_VERSION : OPTION_END);
    }
    size_t own_count = 0;
    while (own_count < COMMAND_OPTIONS_MAX && command->options[own_count] != OPTION_END) {
        own_count++;
    }
    if (index < own_count) {
        return command->options[index];
    }
    return index - own_count < common_count ? common[index - own_count] : OPTION_END;
}
