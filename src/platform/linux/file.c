// SPDX-License-Identifier: MIT OR Apache-2.0
// platform/linux/file.c: files that get their name when they are whole, and their space when they
// are made.

#include "platform/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fault.h"
#include "platform/process.h"

#ifndef F_OFD_SETLK
#define F_OFD_SETLK 37
#endif

// fallocate(2) holds the inode's lock while it works; pieces keep others' waits short.
static const uint64_t RESERVE_PIECE_BYTES = UINT64_C(64) << 20;

bool rnr_file_is_same(const RnrFileId *a, const RnrFileId *b)
{
    return a->device == b->device && a->inode == b->inode;
}

void rnr_file_close(int fd)
{
    if (fd >= 0) {
        (void)close(fd);
    }
}

// Shared, on the file's own description: until it has its name, and no longer than its maker lives.
static void lock_temporary(int fd, short type)
{
    struct flock lock;
    memset(&lock, 0, sizeof lock);
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    lock.l_start = RNR_TEMPORARY_LOCK_BYTE;
    lock.l_len = 1;
    (void)fcntl(fd, F_OFD_SETLK, &lock);
}

static RenoirErrorCode create_temporary(int directory, RnrNewFile *file)
{
    uint64_t number = 0;
    const RenoirErrorCode status = rnr_process_random(&number, sizeof number);
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    (void)snprintf(file->temporary_name, sizeof file->temporary_name, "%s%016llx",
                   RNR_TEMPORARY_PREFIX, (unsigned long long)number);
    file->fd = openat(directory, file->temporary_name,
                      O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file->fd < 0) {
        file->temporary_name[0] = '\0';
        return RNR_FAIL_SYSTEM(rnr_error_from_errno(errno), errno, "cannot make a file");
    }
    lock_temporary(file->fd, F_RDLCK);
    RNR_FAULT_POINT("file.created");
    return RENOIR_SUCCESS;
}

RenoirErrorCode rnr_file_create(int directory, uint32_t mode, RnrNewFile *out_file)
{
    memset(out_file, 0, sizeof *out_file);
    const int injected = RNR_FAULT_SYSTEM_CALL("open_unnamed");
    out_file->fd =
        injected != 0 ? -1 : openat(directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    const int error = injected != 0 ? injected : errno;
    if (out_file->fd < 0) {
        if (error != EOPNOTSUPP && error != EISDIR && error != ENOENT && error != EINVAL) {
            return RNR_FAIL_SYSTEM(rnr_error_from_errno(error), error, "cannot make a file");
        }
        const RenoirErrorCode status = create_temporary(directory, out_file);
        if (status != RENOIR_SUCCESS) {
            return status;
        }
    }
    if (fchmod(out_file->fd, (mode_t)mode) != 0) { // not cut by the process's umask
        const int chmod_error = errno;
        rnr_file_discard(directory, out_file);
        return RNR_FAIL_SYSTEM(RENOIR_PLATFORM_ERROR, chmod_error, "cannot set mode %04o", mode);
    }
    return RENOIR_SUCCESS;
}

RenoirErrorCode rnr_file_publish(int directory, RnrNewFile *file, const char *name)
{
    char path[64];
    int result;
    const bool is_temporary = file->temporary_name[0] != '\0';
    RNR_FAULT_POINT("file.publish");
    const int injected = RNR_FAULT_SYSTEM_CALL("link");
    if (injected != 0) {
        errno = injected;
        result = -1;
    } else if (is_temporary) {
        result = linkat(directory, file->temporary_name, directory, name, 0);
    } else {
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", file->fd);
        result = linkat(AT_FDCWD, path, directory, name, AT_SYMLINK_FOLLOW);
    }
    const int error = errno;
    RNR_FAULT_POINT("file.published");
    if (is_temporary) {
        (void)unlinkat(directory, file->temporary_name, 0);
        file->temporary_name[0] = '\0';
        lock_temporary(file->fd, F_UNLCK);
    }
    if (result == 0) {
        return RENOIR_SUCCESS;
    }
    if (error == EEXIST || (is_temporary && error == ENOENT)) {
        return RENOIR_EXISTS; // or swept in the moment before it was locked: make it anew
    }
    return RNR_FAIL_SYSTEM(rnr_error_from_errno(error), error, "cannot give a file the name '%s'",
                           name);
}

void rnr_file_discard(int directory, RnrNewFile *file)
{
    if (file->temporary_name[0] != '\0') {
        (void)unlinkat(directory, file->temporary_name, 0);
        file->temporary_name[0] = '\0';
    }
    rnr_file_close(file->fd);
    file->fd = -1;
}

static RenoirErrorCode open_failed(int error, const char *name)
{
    if (error == ENOENT) {
        return RENOIR_NOT_FOUND;
    }
    if (error == ELOOP || error == ENXIO || error == EISDIR || error == ENODEV) {
        return RNR_FAIL(RENOIR_CORRUPTED,
                        "'%s' is a symbolic link or not a regular file (remove it)", name);
    }
    return RNR_FAIL_SYSTEM(rnr_error_from_errno(error), error, "cannot open '%s'", name);
}

RenoirErrorCode rnr_file_open(int directory, const char *name, bool is_writable, int *out_fd)
{
    struct stat facts;
    *out_fd = -1;
    // O_NONBLOCK: opening a FIFO that somebody put there must not wait for its other end
    const int flags = O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    const int fd = openat(directory, name, flags | (is_writable ? O_RDWR : O_RDONLY));
    if (fd < 0) {
        return open_failed(errno, name);
    }
    if (fstat(fd, &facts) != 0 || !S_ISREG(facts.st_mode)) {
        (void)close(fd);
        return open_failed(ENODEV, name);
    }
    *out_fd = fd;
    return RENOIR_SUCCESS;
}

RenoirErrorCode rnr_file_facts(int fd, RnrFileFacts *out_facts)
{
    struct stat facts;
    memset(out_facts, 0, sizeof *out_facts);
    if (fstat(fd, &facts) != 0) {
        return RNR_FAIL_SYSTEM(RENOIR_PLATFORM_ERROR, errno, "cannot look at a file");
    }
    out_facts->id.device = facts.st_dev;
    out_facts->id.inode = facts.st_ino;
    out_facts->size_bytes = (uint64_t)facts.st_size;
    out_facts->link_count = facts.st_nlink;
    out_facts->owner = facts.st_uid;
    out_facts->mode = facts.st_mode & 07777u;
    out_facts->is_foreign = facts.st_uid != geteuid();
    out_facts->is_regular = S_ISREG(facts.st_mode);
    return RENOIR_SUCCESS;
}

RenoirErrorCode rnr_file_identify(int directory, const char *name, RnrFileId *out_id)
{
    struct stat facts;
    if (fstatat(directory, name, &facts, AT_SYMLINK_NOFOLLOW) != 0) {
        return errno == ENOENT ? RENOIR_NOT_FOUND : open_failed(errno, name);
    }
    out_id->device = facts.st_dev;
    out_id->inode = facts.st_ino;
    return RENOIR_SUCCESS;
}

bool rnr_file_unlink(int directory, const char *name)
{
    RNR_FAULT_POINT("file.unlink");
    return unlinkat(directory, name, 0) == 0;
}

// Without swapping out what others use: MemAvailable and SwapFree of /proc/meminfo.
static uint64_t available_memory(void)
{
    char line[128];
    uint64_t kibibytes = 0;
    FILE *file = fopen("/proc/meminfo", "re");
    if (file == NULL) {
        return UINT64_MAX; // not known: the system will say
    }
    while (fgets(line, sizeof line, file) != NULL) {
        unsigned long long number = 0;
        if (sscanf(line, "MemAvailable: %llu", &number) == 1 ||
            sscanf(line, "SwapFree: %llu", &number) == 1) {
            kibibytes += number;
        }
    }
    (void)fclose(file);
    return kibibytes == 0 ? UINT64_MAX : kibibytes * 1024;
}

uint64_t rnr_file_free_bytes(int fd)
{
    struct statfs facts;
    if (fstatfs(fd, &facts) != 0) {
        return 0;
    }
    if (facts.f_blocks == 0) { // no limit of its own: a memfd, or a tmpfs of size 0
        return available_memory();
    }
    return (uint64_t)facts.f_bavail * (uint64_t)facts.f_bsize;
}

static RenoirErrorCode reserve_failed(int fd, int error, uint64_t size_bytes, const char *what)
{
    if (error == ENOSPC || error == EDQUOT || error == EFBIG || error == ENOMEM) {
        const int ignored = ftruncate(fd, 0); // so that what was allocated of it counts as free
        (void)ignored;
        return RNR_FAIL(RENOIR_INSUFFICIENT_SPACE,
                        "cannot create %s: %llu bytes needed, %llu free in its file system (raise "
                        "its size, such as with --shm-size, or set RENOIR_SHM_PATH)",
                        what, (unsigned long long)size_bytes,
                        (unsigned long long)rnr_file_free_bytes(fd));
    }
    return RNR_FAIL_SYSTEM(rnr_error_from_errno(error), error, "cannot create %s of %llu bytes",
                           what, (unsigned long long)size_bytes);
}

static int allocate_piece(int fd, uint64_t offset, uint64_t length)
{
    const int injected = RNR_FAULT_SYSTEM_CALL("fallocate");
    if (injected != 0) {
        return injected;
    }
    while (fallocate(fd, 0, (off_t)offset, (off_t)length) != 0) {
        if (errno != EINTR) {
            return errno;
        }
    }
    return 0;
}

// File systems without fallocate: zeros written now take their space now.
static int write_piece(int fd, uint64_t offset, uint64_t length)
{
    static const unsigned char zeros[65536];
    for (uint64_t done = 0; done < length;) {
        const uint64_t left = length - done;
        const size_t piece = left < sizeof zeros ? (size_t)left : sizeof zeros;
        if (!rnr_file_write(fd, offset + done, zeros, piece)) {
            return errno;
        }
        done += piece;
    }
    return 0;
}

RenoirErrorCode rnr_file_reserve(int fd, uint64_t size_bytes, const char *what)
{
    // Asked first, so that a hopeless wish does not fill the file system, or this machine's memory,
    // for a moment.
    struct statfs facts;
    if (fstatfs(fd, &facts) == 0 && size_bytes > rnr_file_free_bytes(fd)) {
        return reserve_failed(fd, ENOSPC, size_bytes, what);
    }
    for (uint64_t done = 0; done < size_bytes;) {
        const uint64_t left = size_bytes - done;
        const uint64_t piece = left < RESERVE_PIECE_BYTES ? left : RESERVE_PIECE_BYTES;
        int error = allocate_piece(fd, done, piece);
        if (error == EOPNOTSUPP || error == ENOSYS) {
            error = write_piece(fd, done, piece);
        }
        if (error != 0) {
            return reserve_failed(fd, error, size_bytes, what);
        }
        done += piece;
    }
    return RENOIR_SUCCESS;
}

bool rnr_file_read(int fd, uint64_t offset, void *buffer, size_t length)
{
    unsigned char *bytes = buffer;
    for (size_t done = 0; done < length;) {
        const ssize_t got = pread(fd, bytes + done, length - done, (off_t)(offset + done));
        if (got == 0 || (got < 0 && errno != EINTR)) {
            return false;
        }
        done += got > 0 ? (size_t)got : 0;
    }
    return true;
}

bool rnr_file_write(int fd, uint64_t offset, const void *data, size_t length)
{
    const unsigned char *bytes = data;
    for (size_t done = 0; done < length;) {
        const ssize_t put = pwrite(fd, bytes + done, length - done, (off_t)(offset + done));
        if (put < 0 && errno != EINTR) {
            return false;
        }
        done += put > 0 ? (size_t)put : 0;
    }
    return true;
}

RenoirErrorCode rnr_file_reopen(int fd, bool is_writable, int *out_fd)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    *out_fd = open(path, (is_writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (*out_fd < 0) {
        return RNR_FAIL_SYSTEM(rnr_error_from_errno(errno), errno, "cannot open %s (mount /proc)",
                               path);
    }
    return RENOIR_SUCCESS;
}

RenoirErrorCode rnr_file_duplicate(int fd, int *out_fd)
{
    *out_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (*out_fd < 0) {
        return RNR_FAIL_SYSTEM(errno == EBADF ? RENOIR_INVALID_PARAMETER
                                              : rnr_error_from_errno(errno),
                               errno, "cannot use descriptor %d", fd);
    }
    return RENOIR_SUCCESS;
}
