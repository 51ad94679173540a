// SPDX-License-Identifier: MIT OR Apache-2.0
// sync/post.c
//
// Mailboxes of wait sets: their names, sending to them, and what the dead leave.
//
// Picture            ringer ─► address in the object ─► <root>/renoir/bells/<number> ─► wait set
//
// Who writes what
//     the name      its node, once; the node itself or whoever finds it dead takes it away
//     the address   the end's owner; whoever finds nobody behind it writes 0
//
// Invariants
//     I1  a mailbox's name tells its node, whose file is there before and goes after it. So one
//         whose node is dead or unknown is nobody's.
//
// Edges
//     post.forget   whoever finds the owner gone: swap to 0  ──►  the same, by another
//                   carries nothing
//
// Progress
//     Sending never waits. An address in memory below no root takes this process's mutex.
//
// If a process dies
//     owner             the name stays until its node is taken back; who sends finds nobody
//     before sending    the sleeper looks again when its slice is over
//
// Trust
//     An address is a hint: a wrong one wakes somebody who looks and sleeps on. Only a socket is
//     ever sent to, and no link is followed.
//
// Proof
//     unit  tests/unit/sync/waitset_test.c     crash  tests/crash/waitset_test.c

#include "sync/post.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/environment.h"
#include "base/error.h"
#include "base/memory.h"
#include "platform/file.h"
#include "platform/lock.h"

enum { NUMBER_SHIFT = 12, NUMBER_MAX = 4095, NODE_SHIFT = 24, NAME_DIGITS = 13 };

enum { PATH_SIZE = 4096 };

static const char FOLDER[] = "bells";

static pthread_mutex_t posts_mutex = PTHREAD_MUTEX_INITIALIZER;
static RnrPost *posts; // guarded by posts_mutex
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

// A child must not inherit the mutex in the hands of a thread that it does not have.
static void lock_posts(void)
{
    (void)pthread_mutex_lock(&posts_mutex);
}

static void unlock_posts(void)
{
    (void)pthread_mutex_unlock(&posts_mutex);
}

static void watch_forks(void)
{
    (void)pthread_atfork(lock_posts, unlock_posts, unlock_posts);
}

// Not by snprintf, which is not safe in a signal handler.
static void name_of(uint64_t address, char name[NAME_DIGITS + 1])
{
    uint64_t rest = address >> NUMBER_SHIFT;
    for (int i = NAME_DIGITS - 1; i >= 0; --i) {
        name[i] = "0123456789abcdef"[rest & 15];
        rest >>= 4;
    }
    name[NAME_DIGITS] = '\0';
}

// --- one's own -----------------------------------------------------------------------------------

static RenoirErrorCode claim(RnrPost *post, int folder)
{
    const uint64_t of_node = rnr_node_id(post->node) >> NODE_SHIFT << NODE_SHIFT;
    for (uint64_t number = 1; number <= NUMBER_MAX; ++number) {
        char name[NAME_DIGITS + 1];
        post->address = of_node | (number << NUMBER_SHIFT);
        name_of(post->address, name);
        const RenoirErrorCode status = rnr_mailbox_open(folder, name, &post->fd);
        if (status != RENOIR_EXISTS) {
            return status;
        }
    }
    return RNR_FAIL(RENOIR_LIMIT_REACHED,
                    "cannot make a wait set: this process has %d (close one, or use one for more)",
                    NUMBER_MAX);
}

RenoirErrorCode rnr_post_open(RnrNode *node, RnrPost **out_post)
{
    int folder = -1;
    *out_post = NULL;
    (void)pthread_once(&fork_once, watch_forks);
    RnrPost *post = rnr_new(RnrPost);
    if (post == NULL) {
        return RNR_FAIL(RENOIR_OUT_OF_MEMORY, "cannot make a wait set: no memory for its mailbox");
    }
    post->node = node;
    post->generation = rnr_fork_generation();
    post->capacity = rnr_mailbox_capacity();
    RenoirErrorCode status = rnr_node_open_folder(node, FOLDER, &folder);
    if (status == RENOIR_SUCCESS) {
        status = claim(post, folder);
    }
    rnr_file_close(folder);
    if (status != RENOIR_SUCCESS) {
        rnr_free(post);
        return status;
    }
    (void)rnr_node_retain(node);
    lock_posts();
    post->next = posts;
    posts = post;
    unlock_posts();
    *out_post = post;
    return RENOIR_SUCCESS;
}

void rnr_post_leave(const RnrPost *post)
{
    int folder = -1;
    char name[NAME_DIGITS + 1];
    if (post->generation != rnr_fork_generation() ||
        rnr_node_open_folder(post->node, FOLDER, &folder) != RENOIR_SUCCESS) {
        return;
    }
    name_of(post->address, name);
    (void)rnr_file_unlink(folder, name);
    rnr_file_close(folder);
}

void rnr_post_close(RnrPost *post)
{
    lock_posts();
    for (RnrPost **link = &posts; *link != NULL; link = &(*link)->next) {
        if (*link == post) {
            *link = post->next;
            break;
        }
    }
    unlock_posts();
    rnr_post_leave(post);
    rnr_file_close(post->fd);
    rnr_node_release(post->node);
    rnr_free(post);
}

// --- sending -------------------------------------------------------------------------------------

static RnrDelivery send_below(const char *root, uint64_t address)
{
    static const char between[] = "/renoir/bells/";
    char path[PATH_SIZE];
    const size_t length = strlen(root);
    if (length + sizeof between + NAME_DIGITS > sizeof path) {
        return RNR_UNDELIVERED;
    }
    memcpy(path, root, length);
    memcpy(path + length, between, sizeof between - 1);
    name_of(address, path + length + sizeof between - 1);
    return rnr_mailbox_send(path, (uint32_t)(address % RNR_POST_HINTS));
}

// Where the default root is, if that is where it lies.
static RnrDelivery send_below_default(uint64_t address)
{
    const char *root = NULL;
    if (rnr_environment_shm_path(&root) != RENOIR_SUCCESS) {
        return RNR_UNDELIVERED;
    }
    const RnrDelivery delivery = send_below(root, address);
    return delivery == RNR_MAILBOX_GONE ? RNR_UNDELIVERED : delivery; // it may be elsewhere
}

// Not below any root: this process's own, those of the process that it was forked from, or below
// the default root.
static RnrDelivery send_to_known(uint64_t address)
{
    RnrDelivery delivery = RNR_UNDELIVERED;
    bool is_known = false;
    (void)pthread_once(&fork_once, watch_forks);
    lock_posts();
    for (const RnrPost *post = posts; post != NULL; post = post->next) {
        if (post->address >> NUMBER_SHIFT == address >> NUMBER_SHIFT) {
            delivery = send_below(rnr_node_root(post->node), address);
            is_known = true;
            break;
        }
    }
    unlock_posts();
    return is_known ? delivery : send_below_default(address);
}

RnrDelivery rnr_post_send(const RnrNode *node, uint64_t address)
{
    return node != NULL ? send_below(rnr_node_root(node), address) : send_to_known(address);
}

void rnr_post_tell(const RnrNode *node, RnrAtomicU64 *word)
{
    // [hint: relaxed] Written before its owner announced itself, which the caller has seen. A wrong
    // one costs somebody a needless look.
    uint64_t address = rnr_load_relaxed_u64(word);

    if (address != 0 && rnr_post_send(node, address) == RNR_MAILBOX_GONE) {
        // [post.forget: acq_rel] Unless somebody else is there now.
        (void)rnr_cas_acq_rel_u64(word, &address, 0);
    }
}

// --- what the dead left --------------------------------------------------------------------------

// Names are collected first and nodes asked for afterwards: whoever made a mailbox in between lives
// and has joined before.
typedef struct Sweep {
    uint64_t *numbers; // of mailboxes: the upper 52 bits of their addresses; 0: its node lives
    size_t count;
    size_t capacity;
} Sweep;

static bool read_name(const char *name, uint64_t *out_number)
{
    char *end = NULL;
    if (strlen(name) != NAME_DIGITS || strspn(name, "0123456789abcdef") != (size_t)NAME_DIGITS) {
        return false;
    }
    *out_number = strtoull(name, &end, 16);
    return *out_number != 0;
}

static bool collect(const char *name, void *context)
{
    Sweep *sweep = context;
    uint64_t number = 0;
    if (!read_name(name, &number)) {
        return true;
    }
    if (sweep->count == sweep->capacity) {
        const size_t capacity = sweep->capacity == 0 ? 64 : 2 * sweep->capacity;
        uint64_t *numbers = rnr_allocate(capacity * sizeof *numbers);
        if (numbers == NULL) {
            return false; // the rest is the next one's
        }
        if (sweep->count != 0) {
            memcpy(numbers, sweep->numbers, sweep->count * sizeof *numbers);
        }
        rnr_free(sweep->numbers);
        sweep->numbers = numbers;
        sweep->capacity = capacity;
    }
    sweep->numbers[sweep->count++] = number;
    return true;
}

static bool spare_living(const RenoirNodeInfo *info, void *context)
{
    const Sweep *sweep = context;
    for (size_t i = 0; info->is_alive != 0 && i < sweep->count; ++i) {
        if (sweep->numbers[i] >> (NODE_SHIFT - NUMBER_SHIFT) == info->node_id >> NODE_SHIFT) {
            sweep->numbers[i] = 0;
        }
    }
    return true;
}

static void remove_left(const Sweep *sweep, int folder, RenoirReapReport *report)
{
    for (size_t i = 0; i < sweep->count; ++i) {
        char name[NAME_DIGITS + 1];
        if (sweep->numbers[i] == 0) {
            continue;
        }
        name_of(sweep->numbers[i] << NUMBER_SHIFT, name);
        RNR_FAULT_POINT("post.reap");
        report->object_count += rnr_file_unlink(folder, name) ? 1 : 0;
    }
}

RenoirErrorCode rnr_post_reap(RnrNode *node, RenoirReapReport *report)
{
    Sweep sweep = {.numbers = NULL};
    int folder = -1;
    RenoirErrorCode status = rnr_node_open_folder(node, FOLDER, &folder);
    if (status == RENOIR_SUCCESS) {
        status = rnr_directory_visit(folder, collect, &sweep);
    }
    if (status == RENOIR_SUCCESS && sweep.count != 0) {
        status = rnr_node_visit(node, spare_living, &sweep);
        if (status == RENOIR_SUCCESS) {
            remove_left(&sweep, folder, report);
        }
    }
    rnr_file_close(folder);
    rnr_free(sweep.numbers);
    return status;
}
