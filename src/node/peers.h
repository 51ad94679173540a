// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_NODE_PEERS_H
#define RNR_NODE_PEERS_H

// The nodes that somebody asked about: one descriptor each, opened at the first meeting, because a
// file that vanishes later (rm -r, a clean-up at logout) is no death. The caller serialises.

#include <stdbool.h>
#include <stdint.h>

#include "platform/file.h"

enum { RNR_PEER_MAX = 64 }; // what the table keeps open; the oldest makes room

typedef struct RnrPeer {
    uint64_t node_id; // 0: free
    int fd;
    RnrFileId id; // of the inode: the descriptor may have been closed, and its number used again
} RnrPeer;

typedef struct RnrPeers {
    RnrPeer peer[RNR_PEER_MAX];
    uint32_t next; // to be replaced
} RnrPeers;

// False: not met yet, or its descriptor was lost.
bool rnr_peers_ask(RnrPeers *peers, uint64_t node_id, bool *out_is_alive);
// Opens its file in the folder, remembers it, and tells whether it lives.
bool rnr_peers_meet(RnrPeers *peers, int folder, const char *name, uint64_t node_id);
void rnr_peers_forget(RnrPeers *peers);

#endif
