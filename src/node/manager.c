// SPDX-License-Identifier: MIT OR Apache-2.0
// node/manager.c: managers, the default one, and the process's normal end.

#include "node/manager.h"

#include <pthread.h>
#include <string.h>

#include "base/environment.h"
#include "base/error.h"
#include "base/memory.h"
#include "platform/lock.h"

static const uint64_t MANAGER_MAGIC =
    UINT64_C(0x726567616e616d72); // "rmanager", first letter first

struct RenoirManager {
    uint64_t magic;
    uint64_t generation;
    RnrNode *node;
    RnrManager *next; // all managers of this process; guarded by managers_mutex
    pthread_mutex_t mutex;
    RnrChild *children; // guarded by mutex
};

static pthread_mutex_t managers_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER; // of the default; before managers_mutex
static RnrManager *managers;
static RnrManager *default_manager;
static RnrManagerSweep sweep_dead;

static void before_fork(void)
{
    (void)pthread_mutex_lock(&making);
    (void)pthread_mutex_lock(&managers_mutex);
}

static void after_fork(void)
{
    (void)pthread_mutex_unlock(&managers_mutex);
    (void)pthread_mutex_unlock(&making);
}

static void lock_managers(void)
{
    (void)pthread_mutex_lock(&managers_mutex);
}

static void unlock_managers(void)
{
    (void)pthread_mutex_unlock(&managers_mutex);
}

static void watch_forks(void)
{
    // Handlers run in reverse order before a fork: in the order in which joining takes the mutexes.
    rnr_node_watch_forks();
    (void)pthread_atfork(before_fork, after_fork, after_fork);
}

static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

void rnr_manager_set_sweep(RnrManagerSweep sweep)
{
    sweep_dead = sweep;
}

RenoirErrorCode
rnr_manager_create(const char *root, const char *node_name, RnrManager **out_manager)
{
    bool has_dead = false;
    *out_manager = NULL;
    (void)pthread_once(&fork_once, watch_forks);
    RnrManager *manager = rnr_new(RnrManager);
    if (manager == NULL) {
        return RNR_FAIL(RENOIR_OUT_OF_MEMORY, "cannot create a manager: no memory");
    }
    const RenoirErrorCode status = rnr_node_join(root, node_name, &manager->node, &has_dead);
    if (status != RENOIR_SUCCESS) {
        rnr_free(manager);
        return status;
    }
    manager->magic = MANAGER_MAGIC;
    manager->generation = rnr_fork_generation();
    (void)pthread_mutex_init(&manager->mutex, NULL);
    lock_managers();
    manager->next = managers;
    managers = manager;
    unlock_managers();
    if (has_dead && sweep_dead != NULL) {
        sweep_dead(manager->node);
    }
    *out_manager = manager;
    return RENOIR_SUCCESS;
}

static void unlist(const RnrManager *manager)
{
    lock_managers();
    for (RnrManager **link = &managers; *link != NULL; link = &(*link)->next) {
        if (*link == manager) {
            *link = manager->next;
            break;
        }
    }
    unlock_managers();
}

static RnrChild *first_child(RnrManager *manager)
{
    (void)pthread_mutex_lock(&manager->mutex);
    RnrChild *child = manager->children;
    (void)pthread_mutex_unlock(&manager->mutex);
    return child;
}

static RenoirErrorCode check(const RnrManager *manager)
{
    if (manager->magic != MANAGER_MAGIC) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                        "this is not a manager's handle, or it was destroyed");
    }
    return rnr_node_check(manager->node);
}

RenoirErrorCode rnr_manager_destroy(RnrManager *manager)
{
    if (manager->magic != MANAGER_MAGIC) {
        return check(manager);
    }
    if (manager->generation != rnr_fork_generation()) {
        // another thread of the parent may have held the mutex when it forked
        (void)pthread_mutex_init(&manager->mutex, NULL);
    }
    for (RnrChild *child = first_child(manager); child != NULL; child = first_child(manager)) {
        child->close(child);
    }
    unlist(manager);
    rnr_node_release(manager->node);
    (void)pthread_mutex_destroy(&manager->mutex);
    manager->magic = 0;
    rnr_free(manager);
    return RENOIR_SUCCESS;
}

static RenoirErrorCode make_default(RnrManager **out_manager)
{
    const char *root = NULL;
    RenoirErrorCode status = rnr_environment_shm_path(&root);
    if (status == RENOIR_SUCCESS) {
        status = rnr_manager_create(root, NULL, out_manager);
    }
    return status;
}

static RenoirErrorCode find_default(RnrManager **out_manager)
{
    // Held while the default is made, so that 64 threads that come first make one.
    RenoirErrorCode status = RENOIR_SUCCESS;
    (void)pthread_once(&fork_once, watch_forks);
    (void)pthread_mutex_lock(&making);
    if (default_manager == NULL || default_manager->generation != rnr_fork_generation()) {
        RnrManager *made = NULL;
        status = make_default(&made);
        default_manager = made;
    }
    *out_manager = default_manager;
    (void)pthread_mutex_unlock(&making);
    return status;
}

RenoirErrorCode rnr_manager_of(RenoirManagerHandle handle, RnrManager **out_manager)
{
    if (handle == NULL) {
        return find_default(out_manager);
    }
    *out_manager = handle;
    return check(handle);
}

RnrNode *rnr_manager_node(const RnrManager *manager)
{
    return manager->node;
}

void rnr_manager_adopt(RnrManager *manager, RnrChild *child)
{
    (void)pthread_mutex_lock(&manager->mutex);
    child->previous = NULL;
    child->next = manager->children;
    if (child->next != NULL) {
        child->next->previous = child;
    }
    manager->children = child;
    (void)pthread_mutex_unlock(&manager->mutex);
}

void rnr_manager_drop(RnrManager *manager, RnrChild *child)
{
    (void)pthread_mutex_lock(&manager->mutex);
    if (child->previous != NULL) {
        child->previous->next = child->next;
    } else if (manager->children == child) {
        manager->children = child->next;
    }
    if (child->next != NULL) {
        child->next->previous = child->previous;
    }
    child->next = NULL;
    child->previous = NULL;
    (void)pthread_mutex_unlock(&manager->mutex);
}

// Other threads may still run, and use what is mapped: names go, memory stays.
__attribute__((destructor)) static void leave_at_exit(void)
{
    for (RnrManager *manager = managers; manager != NULL; manager = manager->next) {
        if (manager->generation != rnr_fork_generation()) {
            continue;
        }
        for (RnrChild *child = manager->children; child != NULL; child = child->next) {
            child->leave(child);
        }
    }
    rnr_node_leave_all();
}
