// SPDX-License-Identifier: MIT OR Apache-2.0
// platform/linux/lock.c
//
// Byte locks for life on open file descriptions (F_OFD_SETLK), and guards for a moment.
//
// Who writes what
//     nothing shared: the locks are the kernel's
//
// Invariants
//     I1  the only references to a life lock's description are its descriptor, between open and
//         close under fork_mutex, and its mapping, which no child inherits. So the kernel drops the
//         lock when this address space goes, and not later.
//     I2  no fork happens while fork_mutex is held, so no child inherits a descriptor of I1
//
// Edges
//     none
//
// Progress
//     Taking waits for nothing; a guard waits at most as long as it was told.
//
// If a process dies
//     anywhere    the kernel closes what was open and drops the locks
//
// Trust
//     Whoever may read a file can hold a read lock on any byte of it, so a question counts write
//     locks only. An error is "alive": death must be proven.

#include "platform/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fault.h"
#include "platform/clock.h"

#ifndef F_OFD_SETLK
#define F_OFD_GETLK 36
#define F_OFD_SETLK 37
#endif

static pthread_mutex_t fork_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;
static RnrAtomicU64 fork_generation;

static void before_fork(void)
{
    (void)pthread_mutex_lock(&fork_mutex);
}

static void after_fork_in_parent(void)
{
    (void)pthread_mutex_unlock(&fork_mutex);
}

static void after_fork_in_child(void)
{
    // [own: relaxed] A child begins with one thread.
    (void)rnr_fetch_add_relaxed_u64(&fork_generation, 1);
    (void)pthread_mutex_unlock(&fork_mutex);
}

static void watch_forks(void)
{
    (void)pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

uint64_t rnr_fork_generation(void)
{
    (void)pthread_once(&fork_once, watch_forks);
    // [own: relaxed] Changes only in a child's first moment, before it has a second thread.
    return rnr_load_relaxed_u64(&fork_generation);
}

const RnrAtomicU64 *rnr_fork_generation_cell(void)
{
    (void)pthread_once(&fork_once, watch_forks);
    return &fork_generation;
}

static struct flock byte_lock(short type, uint64_t byte)
{
    struct flock lock;
    memset(&lock, 0, sizeof lock);
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    lock.l_start = (off_t)byte;
    lock.l_len = 1;
    return lock;
}

// A description of its own for the file behind fd; -1 and errno.
static int reopen(int fd, bool is_writable)
{
    char path[32];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return open(path, (is_writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
}

static RenoirErrorCode reopen_failed(int error)
{
    if (error == ENOENT) {
        return RNR_FAIL_SYSTEM(RENOIR_PLATFORM_ERROR, error,
                               "cannot open a lock: /proc/self/fd is not there (mount /proc)");
    }
    return RNR_FAIL_SYSTEM(rnr_error_from_errno(error), error, "cannot open a lock");
}

static RenoirErrorCode set_lock(int fd, short type, uint64_t byte)
{
    struct flock lock = byte_lock(type, byte);
    const int injected = RNR_FAULT_SYSTEM_CALL("fcntl");
    if (injected == 0 && fcntl(fd, F_OFD_SETLK, &lock) == 0) {
        return RENOIR_SUCCESS;
    }
    const int error = injected != 0 ? injected : errno;
    if (error == EAGAIN || error == EACCES) {
        return RENOIR_CONCURRENCY_ERROR;
    }
    if (error == EBADF) {
        return RNR_FAIL(RENOIR_PERMISSION_DENIED,
                        "cannot lock a byte: the file is read-only to us");
    }
    return RNR_FAIL_SYSTEM(rnr_error_from_errno(error), error, "cannot lock a byte");
}

static RenoirErrorCode set_locks(int fd, const RnrLockByte *bytes, size_t count)
{
    for (size_t i = 0; i < count; ++i) {
        const short type = bytes[i].is_exclusive ? F_WRLCK : F_RDLCK;
        const RenoirErrorCode status = set_lock(fd, type, bytes[i].byte);
        if (status != RENOIR_SUCCESS) {
            return status;
        }
    }
    return RENOIR_SUCCESS;
}

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

// The mapping keeps the description, and with it the locks, until this address space goes.
static RenoirErrorCode keep_for_life(int fd, RnrLock *out_lock)
{
    void *page = mmap(NULL, page_size(), PROT_READ, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED) {
        return RNR_FAIL_SYSTEM(rnr_error_from_errno(errno), errno, "cannot map a lock");
    }
    if (madvise(page, page_size(), MADV_DONTFORK) != 0) {
        const int error = errno;
        (void)munmap(page, page_size());
        return RNR_FAIL_SYSTEM(RENOIR_PLATFORM_ERROR, error, "cannot keep a lock from children");
    }
    out_lock->page = page;
    out_lock->generation = rnr_fork_generation();
    return RENOIR_SUCCESS;
}

RenoirErrorCode
rnr_lock_take_guarded(int fd, const RnrLockByte *bytes, size_t count, RnrLock *out_lock)
{
    bool is_writable = false;
    for (size_t i = 0; i < count; ++i) {
        is_writable = is_writable || bytes[i].is_exclusive;
    }
    out_lock->page = NULL;
    const int own = reopen(fd, is_writable);
    if (own < 0) {
        return reopen_failed(errno);
    }
    RenoirErrorCode status = set_locks(own, bytes, count);
    if (status == RENOIR_SUCCESS) {
        status = keep_for_life(own, out_lock);
    }
    (void)close(own);
    return status;
}

RenoirErrorCode rnr_lock_take(int fd, const RnrLockByte *bytes, size_t count, RnrLock *out_lock)
{
    (void)rnr_fork_generation();
    (void)pthread_mutex_lock(&fork_mutex);
    const RenoirErrorCode status = rnr_lock_take_guarded(fd, bytes, count, out_lock);
    (void)pthread_mutex_unlock(&fork_mutex);
    return status;
}

void rnr_lock_release(RnrLock *lock)
{
    // In a child the page was never mapped, and something else may lie there by now.
    if (lock->page != NULL && lock->generation == rnr_fork_generation()) {
        (void)munmap(lock->page, page_size());
    }
    lock->page = NULL;
}

bool rnr_lock_is_held(int fd, uint64_t byte)
{
    struct flock lock = byte_lock(F_RDLCK, byte);
    if (fcntl(fd, F_OFD_GETLK, &lock) != 0) {
        return true;
    }
    return lock.l_type == F_WRLCK;
}

// On success fork_mutex stays locked until the guard ends (I2).
static RenoirErrorCode try_guard(int fd, uint64_t byte, RnrGuard *out_guard)
{
    (void)pthread_mutex_lock(&fork_mutex);
    const int own = reopen(fd, true);
    const RenoirErrorCode status = own < 0 ? reopen_failed(errno) : set_lock(own, F_WRLCK, byte);
    if (status == RENOIR_SUCCESS) {
        out_guard->fd = own;
        return RENOIR_SUCCESS;
    }
    if (own >= 0) {
        (void)close(own);
    }
    (void)pthread_mutex_unlock(&fork_mutex);
    return status;
}

RenoirErrorCode rnr_guard_begin(int fd, uint64_t byte, uint64_t wait_ns, RnrGuard *out_guard)
{
    const uint64_t deadline = rnr_clock_deadline(rnr_clock_now_ns(), wait_ns);
    uint64_t nap_ns = 20000;
    out_guard->fd = -1;
    (void)rnr_fork_generation();
    for (;;) {
        const RenoirErrorCode status = try_guard(fd, byte, out_guard);
        if (status != RENOIR_CONCURRENCY_ERROR || rnr_clock_now_ns() >= deadline) {
            return status;
        }
        rnr_clock_sleep_ns(nap_ns);
        nap_ns = nap_ns < 1000000 ? nap_ns * 2 : nap_ns;
    }
}

void rnr_guard_end(RnrGuard *guard)
{
    if (guard->fd >= 0) {
        (void)close(guard->fd);
        guard->fd = -1;
        (void)pthread_mutex_unlock(&fork_mutex);
    }
}
