// SPDX-License-Identifier: MIT OR Apache-2.0
//
// bench: hands over to renoir-bench, where there is one.

#include "cli.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool folder_of_self(char *folder, size_t size)
{
    const ssize_t length = readlink("/proc/self/exe", folder, size - 1);
    if (length <= 0) {
        return false;
    }
    folder[length] = '\0';
    char *slash = strrchr(folder, '/');
    if (slash == NULL) {
        return false;
    }
    *slash = '\0';
    return true;
}

CliExit cli_run_bench(const Arguments *arguments)
{
    char folder[PATH_MAX];
    char path[PATH_MAX + 64];
    char **argv = calloc(arguments->word_count + 2, sizeof *argv);
    if (argv == NULL) {
        return cli_fail(arguments, CLI_FAILED, "out of memory");
    }
    argv[0] = path;
    for (unsigned i = 0; i < arguments->word_count; i++) {
        argv[i + 1] = arguments->words[i];
    }
    if (cli_text(arguments, OPTION_ROOT) != NULL) {
        setenv("RENOIR_SHM_PATH", cli_text(arguments, OPTION_ROOT), 1);
    }
    fflush(stdout);
    if (folder_of_self(folder, sizeof folder)) {
        snprintf(path, sizeof path, "%s/renoir-bench", folder);
        execv(path, argv);
    }
    snprintf(path, sizeof path, "renoir-bench");
    execvp(path, argv);
    const int error = errno;
    free(argv);
    return cli_fail(arguments, CLI_NOT_MEASURABLE,
                    "cannot run renoir-bench: %s (build it with -DBUILD_BENCHMARKS=ON, or put it "
                    "in PATH)",
                    strerror(error));
}
