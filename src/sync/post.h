// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_SYNC_POST_H
#define RNR_SYNC_POST_H

// Where a wait set is told that one of its members was rung: a mailbox below the root that any
// process of it can send to, and whose descriptor can be polled with others.
//
// An object that can be waited for keeps, beside a sleeper's place, a word for the sleeper's
// address. Whoever rings the bell then also sends to the address, if there is one. That is the cold
// path: it is taken only when the sleeper had announced itself.
//
//     address      63 ......... 24   23 .... 12   11 .... 0
//                  of the node's id  number       which member, a hint
//     mailbox      <root>/renoir/bells/<the upper 52 bits, 13 hexadecimal digits>
//
// The node in the name tells whoever cleans up whether its owner lives.

#include <stdint.h>

#include "node/node.h"
#include "platform/mailbox.h"
#include "renoir/detail/atomic.h"
#include "renoir/status.h"

// Members are told apart up to this many; beyond, several share a hint.
#define RNR_POST_HINTS 4096u

// A mailbox of this process.
typedef struct RnrPost {
    struct RnrPost *next; // all open ones of this process
    RnrNode *node;
    uint64_t generation; // of forks
    uint64_t address;    // with a hint of 0; never 0
    uint32_t capacity;   // more numbers than that may have been lost
    int fd;
} RnrPost;

// Opens one under the node's root. LIMIT_REACHED: this process has 4095.
RenoirErrorCode rnr_post_open(RnrNode *node, RnrPost **out_post);
// Takes its name away and closes it.
void rnr_post_close(RnrPost *post);
// Takes its name away only: at the process's normal end.
void rnr_post_leave(const RnrPost *post);

// The address of member `index`.
static inline uint64_t rnr_post_address(const RnrPost *post, uint32_t index)
{
    return post->address | (index % RNR_POST_HINTS);
}

// Sends to an address under a node's root. NULL: one of an object in memory, which lies below no
// root; it is found if this process, or the one it was forked from, has the mailbox, or if that
// lies below the default root. Safe in a signal handler if the node is given.
RnrDelivery rnr_post_send(const RnrNode *node, uint64_t address);

// Sends to the address in a word of shared memory, if there is one, and forgets it there when its
// owner is gone. Whoever lost its address so, while it lives, writes it again when it next looks.
void rnr_post_tell(const RnrNode *node, RnrAtomicU64 *word);

// Removes the mailboxes of dead nodes.
RenoirErrorCode rnr_post_reap(RnrNode *node, RenoirReapReport *report);

#endif
