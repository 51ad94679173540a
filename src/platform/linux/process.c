// SPDX-License-Identifier: MIT OR Apache-2.0
// platform/linux/process.c: this process.

#include "platform/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"

int64_t rnr_process_id(void)
{
    return (int64_t)getpid();
}

void rnr_process_name(char *name, size_t size)
{
    char path[4096];
    const ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length <= 0) {
        (void)snprintf(name, size, "process");
        return;
    }
    path[length] = '\0';
    const char *slash = strrchr(path, '/');
    (void)snprintf(name, size, "%s", slash == NULL ? path : slash + 1);
}

RenoirErrorCode rnr_process_random(void *bytes, size_t length)
{
    unsigned char *target = bytes;
    for (size_t done = 0; done < length;) {
        const long got = syscall(SYS_getrandom, target + done, length - done, 0u);
        if (got < 0 && errno != EINTR) {
            return RNR_FAIL_SYSTEM(RENOIR_PLATFORM_ERROR, errno, "cannot get random bytes");
        }
        done += got > 0 ? (size_t)got : 0;
    }
    return RENOIR_SUCCESS;
}
