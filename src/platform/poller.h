// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_PLATFORM_POLLER_H
#define RNR_PLATFORM_POLLER_H

// One sleep for mailboxes, an alarm and a call from any thread, behind one descriptor that others
// can put into their own poll loop.
//
//     Linux    an epoll set with an eventfd and a timerfd in it

#include <stdbool.h>
#include <stdint.h>

#include "renoir/status.h"

typedef struct RnrPoller {
    int fd; // readable while one of the others is
    int call_fd;
    int alarm_fd;
} RnrPoller;

/** What a sleep found readable. */
enum { RNR_POLL_CALL = 1 << 0, RNR_POLL_ALARM = 1 << 1, RNR_POLL_MAILBOX = 1 << 2 };

RenoirErrorCode rnr_poller_open(RnrPoller *out_poller);
void rnr_poller_close(RnrPoller *poller);

/** Adds a mailbox. It leaves when its descriptor is closed. */
RenoirErrorCode rnr_poller_watch(const RnrPoller *poller, int mailbox);

/** Makes it readable until rnr_poller_take_calls. Safe in a signal handler; errno stays as it is.
 */
void rnr_poller_call(const RnrPoller *poller);
void rnr_poller_take_calls(const RnrPoller *poller);

/** Makes it readable from that moment on (on the clock of rnr_clock_now_ns), until set again;
 * UINT64_MAX: never. */
RenoirErrorCode rnr_poller_set_alarm(const RnrPoller *poller, uint64_t deadline_ns);

/**
 * What is readable, RNR_POLL_*. `waits`: sleeps while nothing is; a signal ends that early, with
 * nothing. PLATFORM_ERROR: somebody closed one of the descriptors.
 */
RenoirErrorCode rnr_poller_wait(const RnrPoller *poller, bool waits, uint32_t *out_ready);

#endif
