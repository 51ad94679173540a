// SPDX-License-Identifier: MIT OR Apache-2.0
// platform/linux/mailbox.c: datagram sockets with names. Both sides name the socket through
// /proc/self/fd: a socket's address has room for 107 bytes, a root may have a longer path; and the
// sender can look at what it opened before it sends there.

#include "platform/mailbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fault.h"

enum { MAILBOX_MODE = 0600 };

static const char DESCRIPTORS[] = "/proc/self/fd/";

static int make_socket(void)
{
    const int injected = RNR_FAULT_SYSTEM_CALL("socket");
    if (injected != 0) {
        errno = injected;
        return -1;
    }
    return socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

RenoirErrorCode rnr_mailbox_open(int directory, const char *name, int *out_fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    *out_fd = -1;
    const int length = snprintf(address.sun_path, sizeof address.sun_path, "%s%d/%s", DESCRIPTORS,
                                directory, name);
    if (length < 0 || (size_t)length >= sizeof address.sun_path) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER, "mailbox name of %d bytes is too long", length);
    }
    const int fd = make_socket();
    // before it has a name, so that it never has one with other rights
    if (fd >= 0 && fchmod(fd, MAILBOX_MODE) == 0 &&
        bind(fd, (const struct sockaddr *)&address, sizeof address) == 0) {
        *out_fd = fd;
        return RENOIR_SUCCESS;
    }
    const int error = errno;
    if (fd >= 0) {
        (void)close(fd);
    }
    if (error == EADDRINUSE) {
        return RENOIR_EXISTS;
    }
    return RNR_FAIL_SYSTEM(rnr_error_from_errno(error), error, "cannot make a mailbox");
}

uint32_t rnr_mailbox_capacity(void)
{
    char text[16] = "";
    const int fd = open("/proc/sys/net/unix/max_dgram_qlen", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 1;
    }
    const ssize_t length = read(fd, text, sizeof text - 1);
    (void)close(fd);
    const long capacity = length > 0 ? strtol(text, NULL, 10) : 0;
    // one more than the setting goes in
    return capacity >= INT32_MAX ? INT32_MAX : capacity < 1 ? 1 : (uint32_t)capacity;
}

bool rnr_mailbox_receive(int fd, uint32_t *out_number)
{
    uint32_t number = 0;
    ssize_t length;
    do {
        length = recv(fd, &number, sizeof number, MSG_DONTWAIT);
    } while (length < 0 && errno == EINTR);
    // whoever may write to it may send anything; one of another length still is a wake
    *out_number = length == (ssize_t)sizeof number ? number : UINT32_MAX;
    return length >= 0;
}

// snprintf is not safe in a signal handler.
static void name_descriptor(char *path, int fd)
{
    char digits[12];
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + fd % 10);
        fd /= 10;
    } while (fd != 0);
    memcpy(path, DESCRIPTORS, sizeof DESCRIPTORS - 1);
    path += sizeof DESCRIPTORS - 1;
    while (count > 0) {
        *path++ = digits[--count];
    }
    *path = '\0';
}

static RnrDelivery send_to(int target, uint32_t number)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int fd = make_socket();
    if (fd < 0) {
        return RNR_UNDELIVERED;
    }
    name_descriptor(address.sun_path, target);
    const ssize_t sent = sendto(fd, &number, sizeof number, MSG_DONTWAIT | MSG_NOSIGNAL,
                                (const struct sockaddr *)&address, sizeof address);
    const int error = sent < 0 ? errno : 0;
    (void)close(fd);
    switch (error) {
    case 0:
        return RNR_DELIVERED;
    case EAGAIN:
        return RNR_MAILBOX_FULL;
    case ECONNREFUSED:
        return RNR_MAILBOX_GONE;
    default:
        return RNR_UNDELIVERED;
    }
}

RnrDelivery rnr_mailbox_send(const char *path, uint32_t number)
{
    struct stat facts;
    RnrDelivery delivery = RNR_UNDELIVERED;
    const int error = errno;
    const int target = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (target < 0) {
        delivery = errno == ENOENT ? RNR_MAILBOX_GONE : RNR_UNDELIVERED;
    } else {
        if (fstat(target, &facts) == 0 && S_ISSOCK(facts.st_mode)) {
            delivery = send_to(target, number);
        }
        (void)close(target);
    }
    errno = error;
    return delivery;
}
