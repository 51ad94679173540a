// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Starting another program of this build. What was built for another processor runs under an
// emulator, and a kernel that was not told which (binfmt_misc) has to be given the emulator's own
// command: RENOIR_TEST_EMULATOR, its words separated by blanks.

#include <stdlib.h>
#include <unistd.h>

#include "harness/internal.h"

enum { WORD_MAX = 8, ARGUMENT_MAX = 64 };

bool test_is_emulated(void)
{
    const char *command = getenv("RENOIR_TEST_EMULATOR");
    return command != NULL && command[0] != '\0';
}

// Cuts `command` into words; how many there are.
static size_t cut(char *command, const char *words[WORD_MAX])
{
    size_t count = 0;
    char *position = NULL;
    for (char *word = strtok_r(command, " ", &position); word != NULL && count < WORD_MAX;
         word = strtok_r(NULL, " ", &position)) {
        words[count++] = word;
    }
    return count;
}

void test_exec(const char *path, const char *const arguments[])
{
    char command[TEST_PATH_MAX];
    char self[TEST_PATH_MAX] = "";
    const char *argv[WORD_MAX + ARGUMENT_MAX + 1] = {NULL};
    size_t count = 0;

    if (test_is_emulated()) {
        // The emulator's own /proc/self/exe is the emulator; what it shows its guest is the guest.
        if (strcmp(path, "/proc/self/exe") == 0 && readlink(path, self, sizeof self - 1) > 0) {
            path = self;
        }
        snprintf(command, sizeof command, "%s", getenv("RENOIR_TEST_EMULATOR"));
        count = cut(command, argv);
        argv[count++] = path;
        ++arguments; // its name: an emulator gives its guest the path
    }
    for (size_t i = 0; i < ARGUMENT_MAX && arguments[i] != NULL; ++i) {
        argv[count++] = arguments[i];
    }
    union {
        const char *const *in;
        char *const *out;
    } cast = {.in = argv}; // execv promises not to write, but its type does not say so
    (void)execv(test_is_emulated() ? argv[0] : path, cast.out);
}
