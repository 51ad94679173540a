// SPDX-License-Identifier: MIT OR Apache-2.0
// node/node.c
//
// Membership. A node is a file below <root>/renoir/nodes/ whose byte RNR_LOCK_ALIVE is locked for
// as long as its process's address space lives.
//
// Picture
//
//     nodes/00f3a2…    description 1   ALIVE locked, one page mapped, descriptor closed
//                      description 2   the node's data, mapped
//
// Who writes what
//     the file   its node: everything before it has a name, object_count ever after
//     the name   its node, once; whoever finds it dead takes it away
//
// Invariants
//     I1  a node's file has its name only while, or after, its byte is locked. So a named file
//     whose
//         byte is free belongs to the dead.
//     I2  ids are 64 random bits and claimed by linking: never two nodes of one id, none used again
//     I3  one node per process and root, however many managers and under whatever path
//
// Edges
//     none: the kernel's locks order everything
//
// Progress
//     Nothing waits for another process.
//
// If a process dies
//     before its file has a name   the file goes with its last descriptor; a temporary name is
//                                  removed by whoever sweeps
//     after                        the byte is free: whoever looks knows
//
// Trust
//     Names and PIDs are what a node says of itself: copied, cut and cleaned. Files are read, not
//     mapped, so nobody's truncation can hurt who looks.

#include "node/node.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "layout/node_shm.h"
#include "node/peers.h"
#include "node/registry.h"
#include "platform/clock.h"
#include "platform/file.h"
#include "platform/lock.h"
#include "platform/map.h"
#include "platform/process.h"

struct RnrNode {
    RnrNode *next;
    uint64_t references; // guarded by nodes_mutex
    uint64_t generation; // of forks
    uint64_t id;
    RnrFileId root_id;
    RnrLock alive;
    RnrNodeShm *shm;
    RnrAtomicU32 is_lost;
    RnrPeers peers;
    char file_name[24];
    char root[]; // as it was given
};

static pthread_mutex_t nodes_mutex = PTHREAD_MUTEX_INITIALIZER;
static RnrNode *nodes; // guarded by nodes_mutex

enum { NODE_MODE_PRIVATE = 0600, NODE_MODE_SHARED = 0644, ID_ATTEMPTS = 8 };

// A child must not inherit the mutex in the hands of a thread that it does not have.
static void lock_nodes(void)
{
    (void)pthread_mutex_lock(&nodes_mutex);
}

static void unlock_nodes(void)
{
    (void)pthread_mutex_unlock(&nodes_mutex);
}

static void watch_forks(void)
{
    // The locks' handler first: handlers run in reverse order before a fork, and joining takes this
    // mutex before that of the locks.
    (void)rnr_fork_generation();
    (void)pthread_atfork(lock_nodes, unlock_nodes, unlock_nodes);
}

static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

void rnr_node_watch_forks(void)
{
    (void)pthread_once(&fork_once, watch_forks);
}

static void file_name_of(uint64_t id, char *name, size_t size)
{
    (void)snprintf(name, size, "%016llx", (unsigned long long)id);
}

static RenoirErrorCode fill_file(RnrNode *node, RnrNodeShm *shm, const char *name)
{
    const RenoirErrorCode status =
        rnr_registry_make_header(&shm->header, RNR_FILE_NODE, sizeof *shm, node->id);
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    shm->node_id = node->id;
    shm->pid = rnr_process_id();
    shm->joined_ns = shm->header.created_ns;
    if (name != NULL) {
        (void)rnr_text_copy(shm->name, sizeof shm->name, name);
    } else {
        rnr_process_name(shm->name, sizeof shm->name);
    }
    return RENOIR_SUCCESS;
}

// A whole file without a name: its data mapped through `file`, its byte locked through another
// description.
static RenoirErrorCode prepare_file(RnrNode *node, RnrNewFile *file, const char *name)
{
    void *base = NULL;
    const RnrLockByte alive[] = {{.byte = RNR_LOCK_ALIVE, .is_exclusive = true},
                                 {.byte = RNR_LOCK_USE, .is_exclusive = false}};
    RenoirErrorCode status = rnr_file_reserve(file->fd, sizeof(RnrNodeShm), "a node");
    if (status == RENOIR_SUCCESS) {
        status = rnr_map(file->fd, sizeof(RnrNodeShm), true, &node->is_lost, &base);
    }
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    node->shm = base;
    status = fill_file(node, node->shm, name);
    if (status == RENOIR_SUCCESS) {
        status = rnr_lock_take(file->fd, alive, 2, &node->alive);
    }
    return status;
}

static void forget_file(RnrNode *node)
{
    rnr_lock_release(&node->alive);
    rnr_unmap(node->shm, sizeof *node->shm);
    node->shm = NULL;
}

static RenoirErrorCode claim_id(RnrNode *node, int folder, const char *name)
{
    RnrNewFile file;
    const uint32_t mode = rnr_directory_is_shared(folder) ? NODE_MODE_SHARED : NODE_MODE_PRIVATE;
    RenoirErrorCode status = rnr_process_random(&node->id, sizeof node->id);
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    node->id |= 1; // 0 names no node
    file_name_of(node->id, node->file_name, sizeof node->file_name);
    status = rnr_file_create(folder, mode, &file);
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    status = prepare_file(node, &file, name);
    if (status == RENOIR_SUCCESS) {
        status = rnr_file_publish(folder, &file, node->file_name);
    }
    rnr_file_discard(folder, &file);
    if (status != RENOIR_SUCCESS) {
        forget_file(node);
    }
    return status;
}

static RenoirErrorCode publish_node(RnrNode *node, int root_fd, const char *name)
{
    int folder = -1;
    RenoirErrorCode status = rnr_directory_open_folder(root_fd, "nodes", &folder);
    for (int attempt = 0; status == RENOIR_SUCCESS && attempt < ID_ATTEMPTS; ++attempt) {
        status = claim_id(node, folder, name);
        if (status != RENOIR_EXISTS) {
            break;
        }
        status = RENOIR_SUCCESS;
    }
    rnr_file_close(folder);
    return status;
}

static RnrNode *find_joined(const RnrFileId *root_id)
{
    for (RnrNode *node = nodes; node != NULL; node = node->next) {
        if (rnr_file_is_same(&node->root_id, root_id) &&
            node->generation == rnr_fork_generation()) {
            return node;
        }
    }
    return NULL;
}

static RenoirErrorCode
join_anew(const char *root, int root_fd, const RnrFileId *root_id, const char *name, RnrNode **out)
{
    const size_t root_size = strlen(root) + 1;
    RnrNode *node = rnr_allocate(sizeof *node + root_size);
    if (node == NULL) {
        return RNR_FAIL(RENOIR_OUT_OF_MEMORY, "cannot join root '%s': no memory", root);
    }
    memcpy(node->root, root, root_size);
    node->root_id = *root_id;
    node->references = 1;
    node->generation = rnr_fork_generation();
    const RenoirErrorCode status = publish_node(node, root_fd, name);
    if (status != RENOIR_SUCCESS) {
        rnr_free(node);
        return status;
    }
    node->next = nodes;
    nodes = node;
    *out = node;
    return RENOIR_SUCCESS;
}

static bool note_dead(const RenoirNodeInfo *info, void *context)
{
    if (info->is_alive == 0) {
        *(bool *)context = true;
    }
    return true;
}

RenoirErrorCode
rnr_node_join(const char *root, const char *name, RnrNode **out_node, bool *out_has_dead)
{
    int root_fd = -1;
    RnrFileId root_id = {0, 0};
    *out_node = NULL;
    *out_has_dead = false;
    rnr_node_watch_forks();
    RenoirErrorCode status = rnr_directory_open_root(root, &root_fd, &root_id);
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    lock_nodes();
    RnrNode *node = find_joined(&root_id);
    const bool is_new = node == NULL;
    if (!is_new) {
        node->references += 1;
    } else {
        status = join_anew(root, root_fd, &root_id, name, &node);
    }
    unlock_nodes();
    rnr_file_close(root_fd);
    if (status == RENOIR_SUCCESS && is_new) {
        (void)rnr_node_visit(node, note_dead, out_has_dead);
    }
    *out_node = node;
    return status;
}

RnrNode *rnr_node_retain(RnrNode *node)
{
    lock_nodes();
    node->references += 1;
    unlock_nodes();
    return node;
}

// The name first: a file without a live lock would count as a death.
static void take_name_away(RnrNode *node)
{
    int folder = -1;
    if (rnr_node_open_folder(node, "nodes", &folder) == RENOIR_SUCCESS) {
        (void)rnr_file_unlink(folder, node->file_name);
        rnr_file_close(folder);
    }
}

static void unlist(RnrNode *node)
{
    for (RnrNode **link = &nodes; *link != NULL; link = &(*link)->next) {
        if (*link == node) {
            *link = node->next;
            return;
        }
    }
}

void rnr_node_release(RnrNode *node)
{
    lock_nodes();
    node->references -= 1;
    const bool is_last = node->references == 0;
    if (is_last) {
        unlist(node);
    }
    unlock_nodes();
    if (!is_last) {
        return;
    }
    if (node->generation == rnr_fork_generation()) {
        take_name_away(node);
    }
    forget_file(node);
    rnr_peers_forget(&node->peers);
    rnr_free(node);
}

uint64_t rnr_node_id(const RnrNode *node)
{
    return node->id;
}

const char *rnr_node_root(const RnrNode *node)
{
    return node->root;
}

RenoirErrorCode rnr_node_check(const RnrNode *node)
{
    if (node->generation != rnr_fork_generation()) {
        return RNR_FAIL(RENOIR_INVALID_STATE, "this handle was made before a fork, by the parent "
                                              "process (make a new one in the child)");
    }
    return RENOIR_SUCCESS;
}

void rnr_node_count_objects(RnrNode *node, int change)
{
    if (node->generation == rnr_fork_generation()) {
        // [own: relaxed] Only this node's threads count; others read it for people.
        (void)rnr_fetch_add_relaxed_u32(&node->shm->object_count, (uint32_t)change);
    }
}

RenoirErrorCode rnr_node_open_folder(const RnrNode *node, const char *folder, int *out_fd)
{
    int root_fd = -1;
    RnrFileId id = {0, 0};
    *out_fd = -1;
    RenoirErrorCode status = rnr_directory_open_root(node->root, &root_fd, &id);
    if (status == RENOIR_SUCCESS && !rnr_file_is_same(&id, &node->root_id)) {
        status = RNR_FAIL(RENOIR_INVALID_STATE,
                          "'%s/renoir' was removed and made anew by somebody (start this program "
                          "again)",
                          node->root);
    }
    if (status == RENOIR_SUCCESS) {
        status = rnr_directory_open_folder(root_fd, folder, out_fd);
    }
    rnr_file_close(root_fd);
    return status;
}

// False: not a node's file.
static bool read_info(int fd, RenoirNodeInfo *out_info)
{
    RnrNodeShm shm;
    memset(out_info, 0, sizeof *out_info);
    if (!rnr_file_read(fd, 0, &shm, sizeof shm) || shm.header.magic != RNR_FILE_MAGIC ||
        shm.header.kind != RNR_FILE_NODE) {
        return false;
    }
    shm.name[sizeof shm.name - 1] = '\0';
    out_info->node_id = shm.node_id;
    out_info->pid = shm.pid;
    out_info->joined_ns = shm.joined_ns;
    // [hint: relaxed] a private copy; for people
    out_info->object_count = rnr_load_relaxed_u32(&shm.object_count);
    (void)rnr_text_copy(out_info->name, sizeof out_info->name, shm.name);
    rnr_text_clean(out_info->name);
    out_info->is_alive = rnr_lock_is_held(fd, RNR_LOCK_ALIVE) ? 1 : 0;
    return true;
}

typedef struct NodeWalk {
    int folder;
    bool (*visit)(const RenoirNodeInfo *info, void *context);
    void *context;
} NodeWalk;

static bool visit_file(const char *name, void *context)
{
    const NodeWalk *walk = context;
    RenoirNodeInfo info;
    int fd = -1;
    if (name[0] == '.' || rnr_file_open(walk->folder, name, false, &fd) != RENOIR_SUCCESS) {
        return true;
    }
    const bool is_node = read_info(fd, &info);
    rnr_file_close(fd);
    return !is_node || walk->visit(&info, walk->context);
}

RenoirErrorCode rnr_node_visit(const RnrNode *node,
                               bool (*visit)(const RenoirNodeInfo *info, void *context),
                               void *context)
{
    NodeWalk walk = {.folder = -1, .visit = visit, .context = context};
    RenoirErrorCode status = rnr_node_open_folder(node, "nodes", &walk.folder);
    if (status == RENOIR_SUCCESS) {
        status = rnr_directory_visit(walk.folder, visit_file, &walk);
    }
    rnr_file_close(walk.folder);
    return status;
}

RenoirErrorCode rnr_node_find(const RnrNode *node, uint64_t node_id, RenoirNodeInfo *out_info)
{
    char name[24];
    int folder = -1;
    int fd = -1;
    memset(out_info, 0, sizeof *out_info);
    file_name_of(node_id, name, sizeof name);
    RenoirErrorCode status = rnr_node_open_folder(node, "nodes", &folder);
    if (status == RENOIR_SUCCESS) {
        status = rnr_file_open(folder, name, false, &fd);
    }
    if (status == RENOIR_SUCCESS && !read_info(fd, out_info)) {
        status = RENOIR_NOT_FOUND;
    }
    rnr_file_close(fd);
    rnr_file_close(folder);
    return status;
}

RenoirErrorCode rnr_node_read_self(const RnrNode *node, RenoirNodeInfo *out_info)
{
    const RenoirErrorCode status = rnr_node_find(node, node->id, out_info);
    if (status == RENOIR_NOT_FOUND) {
        return RNR_FAIL(RENOIR_NOT_FOUND, "this process's node %s was removed by somebody",
                        node->file_name);
    }
    return status;
}

void rnr_node_describe(const RnrNode *node, uint64_t node_id, char *text, size_t size)
{
    RenoirNodeInfo info;
    if (node_id != 0 && rnr_node_find(node, node_id, &info) == RENOIR_SUCCESS) {
        (void)snprintf(text, size, "node %016llx (pid %lld, '%s')", (unsigned long long)node_id,
                       (long long)info.pid, info.name);
    } else {
        (void)snprintf(text, size, "node %016llx", (unsigned long long)node_id);
    }
}

typedef struct Sweep {
    int folder;
    RenoirReapReport *report;
} Sweep;

static bool sweep_file(const char *name, void *context)
{
    const Sweep *sweep = context;
    RnrFileFacts facts;
    int fd = -1;
    if (rnr_file_open(sweep->folder, name, false, &fd) != RENOIR_SUCCESS) {
        return true;
    }
    const bool is_unfinished =
        strncmp(name, RNR_TEMPORARY_PREFIX, strlen(RNR_TEMPORARY_PREFIX)) == 0;
    const bool is_known = rnr_file_facts(fd, &facts) == RENOIR_SUCCESS;
    if (is_known && !rnr_lock_is_held(fd, RNR_LOCK_ALIVE) &&
        rnr_registry_remove_unused(sweep->folder, name, fd, NULL) == RNR_REMOVED) {
        sweep->report->node_count += is_unfinished ? 0 : 1;
        sweep->report->object_count += is_unfinished ? 1 : 0;
        sweep->report->bytes += facts.size_bytes;
    }
    rnr_file_close(fd);
    return true;
}

RenoirErrorCode rnr_node_remove_dead(const RnrNode *node, RenoirReapReport *report)
{
    Sweep sweep = {.folder = -1, .report = report};
    RenoirErrorCode status = rnr_node_open_folder(node, "nodes", &sweep.folder);
    if (status == RENOIR_SUCCESS) {
        status = rnr_directory_visit(sweep.folder, sweep_file, &sweep);
    }
    rnr_file_close(sweep.folder);
    return status;
}

bool rnr_node_is_alive(RnrNode *node, uint64_t node_id)
{
    bool is_alive = false;
    int folder = -1;
    char name[24];
    lock_nodes();
    const bool is_known = rnr_peers_ask(&node->peers, node_id, &is_alive);
    unlock_nodes();
    if (is_known) {
        return is_alive;
    }
    file_name_of(node_id, name, sizeof name);
    if (rnr_node_open_folder(node, "nodes", &folder) != RENOIR_SUCCESS) {
        return true; // not known to be dead
    }
    lock_nodes();
    is_alive = rnr_peers_meet(&node->peers, folder, name, node_id);
    unlock_nodes();
    rnr_file_close(folder);
    return is_alive;
}

void rnr_node_leave_all(void)
{
    for (RnrNode *node = nodes; node != NULL; node = node->next) {
        if (node->generation == rnr_fork_generation()) {
            take_name_away(node);
        }
    }
}
