// SPDX-License-Identifier: MIT OR Apache-2.0
// node/peers.c: what this process remembers of the nodes it asked about.

#include "node/peers.h"

#include <string.h>

#include "layout/file_shm.h"
#include "platform/lock.h"

static bool is_still_its_file(const RnrPeer *peer)
{
    RnrFileFacts facts;
    return rnr_file_facts(peer->fd, &facts) == RENOIR_SUCCESS &&
           rnr_file_is_same(&facts.id, &peer->id);
}

bool rnr_peers_ask(RnrPeers *peers, uint64_t node_id, bool *out_is_alive)
{
    for (size_t i = 0; i < RNR_PEER_MAX; ++i) {
        RnrPeer *peer = &peers->peer[i];
        if (peer->node_id != node_id || node_id == 0) {
            continue;
        }
        if (!is_still_its_file(peer)) { // closed by somebody: not ours to close again
            memset(peer, 0, sizeof *peer);
            return false;
        }
        *out_is_alive = rnr_lock_is_held(peer->fd, RNR_LOCK_ALIVE);
        return true;
    }
    return false;
}

static void forget(RnrPeer *peer)
{
    if (peer->node_id != 0 && is_still_its_file(peer)) {
        rnr_file_close(peer->fd);
    }
    memset(peer, 0, sizeof *peer);
}

bool rnr_peers_meet(RnrPeers *peers, int folder, const char *name, uint64_t node_id)
{
    RnrFileFacts facts;
    int fd = -1;
    const RenoirErrorCode status = rnr_file_open(folder, name, false, &fd);
    if (status != RENOIR_SUCCESS) {
        return status != RENOIR_NOT_FOUND;
    }
    const bool is_alive = rnr_lock_is_held(fd, RNR_LOCK_ALIVE);
    if (!is_alive || rnr_file_facts(fd, &facts) != RENOIR_SUCCESS) {
        rnr_file_close(fd); // the dead do not come back: nothing to remember
        return is_alive;
    }
    RnrPeer *peer = &peers->peer[peers->next++ % RNR_PEER_MAX];
    forget(peer);
    peer->node_id = node_id;
    peer->fd = fd;
    peer->id = facts.id;
    return true;
}

void rnr_peers_forget(RnrPeers *peers)
{
    for (size_t i = 0; i < RNR_PEER_MAX; ++i) {
        forget(&peers->peer[i]);
    }
}
