// SPDX-License-Identifier: MIT OR Apache-2.0

#include "machine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH_MAX = 8 };

struct MachinePins {
    int *descriptors;
    size_t count;
    size_t capacity;
};

static bool keep(MachinePins *pins, int descriptor)
{
    if (pins->count == pins->capacity) {
        const size_t capacity = pins->capacity == 0 ? 64 : pins->capacity * 2;
        int *grown = realloc(pins->descriptors, capacity * sizeof *grown);
        if (grown == NULL) {
            return false;
        }
        pins->descriptors = grown;
        pins->capacity = capacity;
    }
    pins->descriptors[pins->count++] = descriptor;
    return true;
}

// The file is kept open as long as it is pinned. One that somebody uses refuses the lock, and needs
// none.
static void pin_file(MachinePins *pins, int folder, const char *name)
{
    struct flock all = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0};
    const int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0 && (fcntl(fd, F_OFD_SETLK, &all) != 0 || !keep(pins, fd))) {
        close(fd);
    }
}

// Takes the descriptor over.
static void pin_folder(MachinePins *pins, int fd, unsigned depth)
{
    DIR *folder = fdopendir(fd);
    if (folder == NULL) {
        close(fd);
        return;
    }
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        struct stat facts;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            fstatat(fd, entry->d_name, &facts, AT_SYMLINK_NOFOLLOW) != 0) {
            continue;
        }
        if (S_ISREG(facts.st_mode)) {
            pin_file(pins, fd, entry->d_name);
        } else if (S_ISDIR(facts.st_mode) && depth < DEPTH_MAX) {
            const int inner =
                openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            if (inner >= 0) {
                pin_folder(pins, inner, depth + 1);
            }
        }
    }
    closedir(folder);
}

// One descriptor per file: as many as this process may have.
static void raise_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

MachinePins *machine_pin(const char *folder)
{
    MachinePins *pins = calloc(1, sizeof *pins);
    if (pins == NULL) {
        return NULL;
    }
    raise_limit();
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0) {
        pin_folder(pins, fd, 0);
    }
    return pins;
}

void machine_unpin(MachinePins *pins)
{
    if (pins == NULL) {
        return;
    }
    for (size_t i = 0; i < pins->count; i++) {
        close(pins->descriptors[i]);
    }
    free(pins->descriptors);
    free(pins);
}
