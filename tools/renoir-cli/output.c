// SPDX-License-Identifier: MIT OR Apache-2.0

#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// Whatever a link leads to is replaced, and not the link.
static bool resolve(const char *path, char *resolved)
{
    char *real = realpath(path, NULL);
    const int length = snprintf(resolved, OUTPUT_PATH_MAX, "%s", real != NULL ? real : path);
    free(real);
    if (length >= OUTPUT_PATH_MAX) {
        errno = ENAMETOOLONG;
        return false;
    }
    return true;
}

static bool open_part(Output *output, const struct stat *existing)
{
    // No O_TRUNC before it is known to be a file of its own, and no link is followed here: somebody
    // else may have put one there.
    snprintf(output->part, sizeof output->part, "%s.part", output->path);
    output->fd = open(output->part, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (output->fd < 0) {
        return false;
    }
    struct stat facts;
    if (fstat(output->fd, &facts) != 0 || !S_ISREG(facts.st_mode) || facts.st_nlink != 1) {
        close(output->fd);
        errno = EEXIST;
        return false;
    }
    if (ftruncate(output->fd, 0) != 0) {
        close(output->fd);
        return false;
    }
    // A file that is replaced keeps its mode, as far as the system lets us.
    if (existing != NULL && fchmod(output->fd, existing->st_mode & 0777) != 0) {
        errno = 0;
    }
    output->is_partial = true;
    return true;
}

bool output_open(Output *output, const char *path)
{
    struct stat facts;
    memset(output, 0, sizeof *output);
    if (path == NULL || strcmp(path, "-") == 0) {
        output->fd = STDOUT_FILENO;
        return true;
    }
    if (!resolve(path, output->path)) {
        return false;
    }
    const bool is_there = stat(output->path, &facts) == 0;
    if (!is_there || S_ISREG(facts.st_mode)) {
        return open_part(output, is_there ? &facts : NULL);
    }
    output->fd = open(output->path, O_WRONLY | O_CLOEXEC);
    return output->fd >= 0;
}

bool output_write(Output *output, const void *data, size_t length)
{
    const char *bytes = data;
    while (length > 0) {
        const ssize_t written = write(output->fd, bytes, length);
        if (written < 0 && errno != EINTR) {
            return false;
        }
        if (written > 0) {
            bytes += written;
            length -= (size_t)written;
        }
    }
    return true;
}

bool output_commit(Output *output)
{
    if (output->fd == STDOUT_FILENO) {
        return true;
    }
    const bool is_closed = close(output->fd) == 0;
    output->fd = -1;
    return is_closed && (!output->is_partial || rename(output->part, output->path) == 0);
}

void output_abandon(Output *output)
{
    if (output->fd >= 0 && output->fd != STDOUT_FILENO) {
        close(output->fd);
    }
    output->fd = -1;
}
