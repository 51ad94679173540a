// SPDX-License-Identifier: MIT OR Apache-2.0
// platform/linux/poller.c: sleeping on descriptors, by epoll, eventfd and timerfd.

#include "platform/poller.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fault.h"

enum { EVENT_MAX = 8 };

static RenoirErrorCode watch(const RnrPoller *poller, int fd, uint32_t what)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.u32 = what}};
    if (epoll_ctl(poller->fd, EPOLL_CTL_ADD, fd, &event) == 0) {
        return RENOIR_SUCCESS;
    }
    return RNR_FAIL_SYSTEM(rnr_error_from_errno(errno), errno, "cannot watch a descriptor");
}

static void close_one(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
}

void rnr_poller_close(RnrPoller *poller)
{
    close_one(&poller->alarm_fd);
    close_one(&poller->call_fd);
    close_one(&poller->fd);
}

static int make(const char *fault, int fd)
{
    const int injected = RNR_FAULT_SYSTEM_CALL(fault);
    (void)fault;
    if (injected != 0 && fd >= 0) {
        (void)close(fd);
        errno = injected;
        return -1;
    }
    return fd;
}

RenoirErrorCode rnr_poller_open(RnrPoller *out_poller)
{
    *out_poller = (RnrPoller){.fd = -1, .call_fd = -1, .alarm_fd = -1};
    out_poller->fd = make("epoll_create", epoll_create1(EPOLL_CLOEXEC));
    if (out_poller->fd >= 0) {
        out_poller->call_fd = make("eventfd", eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    }
    if (out_poller->call_fd >= 0) {
        out_poller->alarm_fd =
            make("timerfd", timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    }
    RenoirErrorCode status = RENOIR_SUCCESS;
    if (out_poller->alarm_fd < 0) {
        status = RNR_FAIL_SYSTEM(rnr_error_from_errno(errno), errno, "cannot make a wait set");
    }
    if (status == RENOIR_SUCCESS) {
        status = watch(out_poller, out_poller->call_fd, RNR_POLL_CALL);
    }
    if (status == RENOIR_SUCCESS) {
        status = watch(out_poller, out_poller->alarm_fd, RNR_POLL_ALARM);
    }
    if (status != RENOIR_SUCCESS) {
        rnr_poller_close(out_poller);
    }
    return status;
}

RenoirErrorCode rnr_poller_watch(const RnrPoller *poller, int mailbox)
{
    return watch(poller, mailbox, RNR_POLL_MAILBOX);
}

void rnr_poller_call(const RnrPoller *poller)
{
    const int error = errno;
    const uint64_t one = 1;
    // fails only where so many calls wait already that it is readable
    ssize_t written;
    do {
        written = write(poller->call_fd, &one, sizeof one);
    } while (written < 0 && errno == EINTR);
    errno = error;
}

void rnr_poller_take_calls(const RnrPoller *poller)
{
    uint64_t calls = 0;
    ssize_t length;
    do {
        length = read(poller->call_fd, &calls, sizeof calls);
    } while (length < 0 && errno == EINTR);
}

RenoirErrorCode rnr_poller_set_alarm(const RnrPoller *poller, uint64_t deadline_ns)
{
    struct itimerspec alarm;
    memset(&alarm, 0, sizeof alarm);
    if (deadline_ns != UINT64_MAX) {
        const uint64_t moment_ns = deadline_ns == 0 ? 1 : deadline_ns; // 0 would mean never
        const uint64_t seconds = moment_ns / 1000000000;
        // time_t may have 32 bits
        alarm.it_value.tv_sec = (time_t)(seconds > INT32_MAX ? INT32_MAX : seconds);
        alarm.it_value.tv_nsec = (long)(moment_ns % 1000000000);
    }
    if (timerfd_settime(poller->alarm_fd, TFD_TIMER_ABSTIME, &alarm, NULL) == 0) {
        return RENOIR_SUCCESS;
    }
    return RNR_FAIL_SYSTEM(
        RENOIR_PLATFORM_ERROR, errno,
        "cannot wait: the wait set's timer is gone (leave its descriptors open)");
}

RenoirErrorCode rnr_poller_wait(const RnrPoller *poller, bool waits, uint32_t *out_ready)
{
    struct epoll_event events[EVENT_MAX];
    *out_ready = 0;
    const int count = epoll_wait(poller->fd, events, EVENT_MAX, waits ? -1 : 0);
    if (count < 0 && errno != EINTR) {
        return RNR_FAIL_SYSTEM(RENOIR_PLATFORM_ERROR, errno,
                               "cannot wait: the wait set's descriptor is gone (leave its "
                               "descriptors open)");
    }
    for (int i = 0; i < count; ++i) {
        *out_ready |= events[i].data.u32;
    }
    return RENOIR_SUCCESS;
}
