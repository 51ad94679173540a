// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_PLATFORM_MAILBOX_H
#define RNR_PLATFORM_MAILBOX_H

// A descriptor with a name in a directory, to which any process that finds the name can send small
// numbers. For wakes of sleepers that sleep on several things: who sends never waits, and gets no
// signal.
//
//     Linux    a datagram socket; the kernel's table of them tells a dead one from a live one

#include <stdbool.h>
#include <stdint.h>

#include "renoir/status.h"

/** What became of a number that was sent. */
typedef enum RnrDelivery {
    RNR_DELIVERED,
    RNR_MAILBOX_FULL, // it has numbers that it has not read: it wakes anyway
    RNR_MAILBOX_GONE, // nobody has it open any more
    RNR_UNDELIVERED   // this process could not send: no descriptor free, no right to
} RnrDelivery;

/** Opens one under a name in a directory, for this user's processes. EXISTS (no record): the name
 * is taken. */
RenoirErrorCode rnr_mailbox_open(int directory, const char *name, int *out_fd);

/** How many numbers one holds at least, before others are lost. */
uint32_t rnr_mailbox_capacity(void);

/** Takes one number out; false if there is none. Never waits. */
bool rnr_mailbox_receive(int fd, uint32_t *out_number);

/**
 * Sends a number to the mailbox of that path, whose last part may not be a link. Safe in a signal
 * handler; errno stays as it is.
 */
RnrDelivery rnr_mailbox_send(const char *path, uint32_t number);

#endif
