// SPDX-License-Identifier: MIT OR Apache-2.0
// platform/linux/memfd.c: memory in no file system, and descriptors handed from process to process.

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fault.h"
#include "platform/file.h"
#include "platform/map.h"

#ifndef MFD_CLOEXEC
#define MFD_CLOEXEC 0x0001u
#define MFD_ALLOW_SEALING 0x0002u
#endif
#ifndef MFD_HUGETLB
#define MFD_HUGETLB 0x0004u
#endif
#ifndef F_ADD_SEALS
#define F_ADD_SEALS 1033
#define F_GET_SEALS 1034
#define F_SEAL_SEAL 0x0001
#define F_SEAL_SHRINK 0x0002
#define F_SEAL_GROW 0x0004
#endif

// What travels beside a descriptor: a socket that carries something else is noticed.
static const char DESCRIPTOR_MARK = 'R';

static int open_memfd(const char *name, unsigned flags)
{
    const int injected = RNR_FAULT_SYSTEM_CALL("memfd_create");
    if (injected != 0) {
        errno = injected;
        return -1;
    }
    return (int)syscall(SYS_memfd_create, name, flags);
}

static int make_memfd(const char *name, uint64_t size_bytes, unsigned flags)
{
    const int fd = open_memfd(name, flags | MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) {
        return -1;
    }
    // 0600, so that /proc/PID/fd opens it for this user alone
    if (ftruncate(fd, (off_t)size_bytes) == 0 && fchmod(fd, 0600) == 0) {
        return fd;
    }
    const int error = errno;
    (void)close(fd);
    errno = error;
    return -1;
}

RenoirErrorCode
rnr_memfd_create(const char *name, uint64_t size_bytes, bool *wants_huge, int *out_fd)
{
    char short_name[200];
    char title[300];
    (void)snprintf(short_name, sizeof short_name, "renoir:%.180s", name);
    (void)snprintf(title, sizeof title, "region '%.255s'", name);
    *out_fd = -1;
    if (!RNR_ENABLE_MEMFD) {
        return RNR_FAIL(RENOIR_UNSUPPORTED,
                        "cannot create region '%s' as a memfd: this library was built without them",
                        name);
    }
    if (*wants_huge && size_bytes % rnr_huge_page_size() == 0) {
        const int fd = make_memfd(short_name, size_bytes, MFD_HUGETLB);
        if (fd >= 0 && fallocate(fd, 0, 0, (off_t)size_bytes) == 0) {
            *out_fd = fd;
            return RENOIR_SUCCESS;
        }
        RNR_NOTE("region '%s' has ordinary pages: no %llu bytes of huge pages are free (raise "
                 "/proc/sys/vm/nr_hugepages)",
                 name, (unsigned long long)size_bytes);
        rnr_file_close(fd);
    }
    *wants_huge = false;
    const int fd = make_memfd(short_name, size_bytes, 0);
    if (fd < 0) {
        return RNR_FAIL_SYSTEM(rnr_error_from_errno(errno), errno,
                               "cannot create region '%s' as a memfd", name);
    }
    const RenoirErrorCode status = rnr_file_reserve(fd, size_bytes, title);
    if (status != RENOIR_SUCCESS) {
        (void)close(fd);
        return status;
    }
    *out_fd = fd;
    return RENOIR_SUCCESS;
}

RenoirErrorCode rnr_memfd_seal(int fd)
{
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        return RNR_FAIL_SYSTEM(rnr_error_from_errno(errno), errno, "cannot seal a memfd");
    }
    return RENOIR_SUCCESS;
}

bool rnr_memfd_is_sealed(int fd)
{
    const int seals = fcntl(fd, F_GET_SEALS);
    return seals >= 0 && (seals & F_SEAL_SHRINK) != 0;
}

RenoirErrorCode rnr_memfd_open_of(int64_t pid, int fd, bool is_writable, int *out_fd)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%lld/fd/%d", (long long)pid, fd);
    *out_fd = open(path, (is_writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (*out_fd >= 0) {
        return RENOIR_SUCCESS;
    }
    if (errno == ENOENT || errno == ENXIO) {
        return RENOIR_NOT_FOUND;
    }
    return RNR_FAIL_SYSTEM(rnr_error_from_errno(errno), errno, "cannot open '%s'", path);
}

// Room for one descriptor, aligned as a control message must be.
typedef union Control {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(int))];
} Control;

RenoirErrorCode rnr_descriptor_send(int socket, int fd)
{
    char mark = DESCRIPTOR_MARK;
    struct iovec data = {.iov_base = &mark, .iov_len = 1};
    Control control;
    struct msghdr message;
    memset(&control, 0, sizeof control);
    memset(&message, 0, sizeof message);
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control.room;
    message.msg_controllen = sizeof control.room;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    for (;;) {
        if (sendmsg(socket, &message, MSG_NOSIGNAL) == 1) {
            return RENOIR_SUCCESS;
        }
        if (errno != EINTR) {
            const RenoirErrorCode status = errno == EPIPE || errno == ECONNRESET
                                               ? RENOIR_DISCONNECTED
                                               : rnr_error_from_errno(errno);
            return RNR_FAIL_SYSTEM(status, errno, "cannot send a descriptor over socket %d",
                                   socket);
        }
    }
}

// The one descriptor in a message; -1 if there is none or it is something else.
static int descriptor_of(struct msghdr *message)
{
    int fd = -1;
    const struct cmsghdr *header = CMSG_FIRSTHDR(message);
    if (header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
        header->cmsg_len >= CMSG_LEN(sizeof fd)) {
        memcpy(&fd, CMSG_DATA(header), sizeof fd);
    }
    return fd;
}

RenoirErrorCode rnr_descriptor_receive(int socket, int *out_fd)
{
    char mark = 0;
    struct iovec data = {.iov_base = &mark, .iov_len = 1};
    Control control;
    struct msghdr message;
    ssize_t got;
    *out_fd = -1;
    do {
        memset(&control, 0, sizeof control);
        memset(&message, 0, sizeof message);
        message.msg_iov = &data;
        message.msg_iovlen = 1;
        message.msg_control = control.room;
        message.msg_controllen = sizeof control.room;
        got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return RNR_FAIL_SYSTEM(rnr_error_from_errno(errno), errno,
                               "cannot receive a descriptor over socket %d", socket);
    }
    if (got == 0) {
        return RNR_FAIL(RENOIR_DISCONNECTED,
                        "cannot receive a descriptor: the other side closed socket %d", socket);
    }
    const int fd = descriptor_of(&message);
    if (fd < 0 || mark != DESCRIPTOR_MARK) {
        rnr_file_close(fd);
        return RNR_FAIL(RENOIR_SERIALIZATION_ERROR,
                        "what came over socket %d is not a region's descriptor", socket);
    }
    *out_fd = fd;
    return RENOIR_SUCCESS;
}
