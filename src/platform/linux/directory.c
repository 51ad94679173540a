// SPDX-License-Identifier: MIT OR Apache-2.0
// platform/linux/directory.c: the root, its folders, and what is in them.

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "platform/file.h"
#include "platform/process.h"

enum { MODE_SHARED = 01777, MODE_PRIVATE = 0700, MODE_OTHERS_WRITE = 0022 };

static const char *const FOLDERS[] = {"nodes", "regions", "bells"};

enum { FOLDER_COUNT = sizeof FOLDERS / sizeof FOLDERS[0] };

// File systems on which byte locks or shared mappings cannot be relied on (statfs(2) numbers).
static const struct {
    uint64_t magic;
    const char *name;
} REFUSED[] = {{0x6969, "NFS"}, {0x01021997, "9p"}, {0x65735546, "FUSE"}, {0xff534d42, "CIFS"}};

static RenoirErrorCode check_file_system(int fd, const char *root)
{
    struct statfs facts;
    if (fstatfs(fd, &facts) != 0) {
        return RNR_FAIL_SYSTEM(RENOIR_PLATFORM_ERROR, errno, "cannot use root '%s'", root);
    }
    for (size_t i = 0; i < sizeof REFUSED / sizeof REFUSED[0]; ++i) {
        if (((uint64_t)facts.f_type & UINT32_MAX) == REFUSED[i].magic) {
            return RNR_FAIL(RENOIR_UNSUPPORTED,
                            "cannot use root '%s': it lies on %s, whose locks do not tell who is "
                            "alive (set RENOIR_SHM_PATH to a directory on tmpfs or a local disk)",
                            root, REFUSED[i].name);
        }
    }
    return RENOIR_SUCCESS;
}

// A directory that only root or this user can change the entries of others in.
static RenoirErrorCode check_owner(int fd, const char *path)
{
    struct stat facts;
    if (fstat(fd, &facts) != 0) {
        return RNR_FAIL_SYSTEM(RENOIR_PLATFORM_ERROR, errno, "cannot use '%s'", path);
    }
    const bool others_write = (facts.st_mode & MODE_OTHERS_WRITE) != 0;
    const bool is_roots = facts.st_uid == 0 && (!others_write || (facts.st_mode & S_ISVTX) != 0);
    const bool is_ours = facts.st_uid == geteuid() && (!others_write || is_roots);
    if (is_roots || is_ours) {
        return RENOIR_SUCCESS;
    }
    return RNR_FAIL(RENOIR_PERMISSION_DENIED,
                    "cannot use '%s': owned by user %u with mode %04o, so others could change what "
                    "is in it (use another root: set RENOIR_SHM_PATH)",
                    path, (unsigned)facts.st_uid, (unsigned)facts.st_mode & 07777u);
}

static RenoirErrorCode open_directory_failed(int error, const char *path)
{
    if (error == ENOENT) {
        return RNR_FAIL(RENOIR_NOT_FOUND, "cannot use '%s': there is no such directory", path);
    }
    if (error == ENOTDIR || error == ELOOP) {
        return RNR_FAIL(RENOIR_PERMISSION_DENIED,
                        "cannot use '%s': it is not a directory, or it is a symbolic link (use "
                        "another root: set RENOIR_SHM_PATH)",
                        path);
    }
    return RNR_FAIL_SYSTEM(rnr_error_from_errno(error), error, "cannot use '%s'", path);
}

static void remove_folders(int root_fd, const char *name)
{
    const int fd = openat(root_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0) {
        for (size_t i = 0; i < FOLDER_COUNT; ++i) {
            (void)unlinkat(fd, FOLDERS[i], AT_REMOVEDIR);
        }
        (void)close(fd);
    }
    (void)unlinkat(root_fd, name, AT_REMOVEDIR);
}

static bool make_folders(int root_fd, const char *name, mode_t mode)
{
    // fchmodat, because a umask may take even our own rights from what mkdirat makes
    if (mkdirat(root_fd, name, MODE_PRIVATE) != 0 ||
        fchmodat(root_fd, name, MODE_PRIVATE, 0) != 0) {
        return false;
    }
    const int fd = openat(root_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    bool is_made = fd >= 0;
    for (size_t i = 0; is_made && i < FOLDER_COUNT; ++i) {
        is_made =
            mkdirat(fd, FOLDERS[i], MODE_PRIVATE) == 0 && fchmodat(fd, FOLDERS[i], mode, 0) == 0;
    }
    is_made = is_made && fchmod(fd, mode) == 0;
    if (fd >= 0) {
        const int error = errno;
        (void)close(fd);
        errno = error;
    }
    return is_made;
}

// Others see the whole tree of folders or none of it: it is renamed into place.
static RenoirErrorCode make_renoir_directory(int root_fd, const char *root)
{
    const mode_t mode = geteuid() == 0 ? MODE_SHARED : MODE_PRIVATE;
    uint64_t number = 0;
    char name[40];
    const RenoirErrorCode status = rnr_process_random(&number, sizeof number);
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    (void)snprintf(name, sizeof name, ".renoir-%016llx", (unsigned long long)number);
    if (make_folders(root_fd, name, mode) &&
        syscall(SYS_renameat2, root_fd, name, root_fd, "renoir", 1u /* no replacing */) == 0) {
        return RENOIR_SUCCESS;
    }
    const int error = errno;
    remove_folders(root_fd, name);
    if (error == EEXIST) {
        return RENOIR_SUCCESS;
    }
    return RNR_FAIL_SYSTEM(rnr_error_from_errno(error), error, "cannot make '%s/renoir'", root);
}

static RenoirErrorCode open_renoir(int root_fd, const char *root, int *out_fd)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(root_fd, "renoir", flags);
    if (fd < 0 && errno == ENOENT) {
        const RenoirErrorCode status = make_renoir_directory(root_fd, root);
        if (status != RENOIR_SUCCESS) {
            return status;
        }
        fd = openat(root_fd, "renoir", flags);
    }
    char path[512];
    (void)snprintf(path, sizeof path, "%s/renoir", root);
    if (fd < 0) {
        return open_directory_failed(errno, path);
    }
    const RenoirErrorCode status = check_owner(fd, path);
    if (status != RENOIR_SUCCESS) {
        (void)close(fd);
        return status;
    }
    *out_fd = fd;
    return RENOIR_SUCCESS;
}

RenoirErrorCode rnr_directory_open_root(const char *root, int *out_fd, RnrFileId *out_id)
{
    *out_fd = -1;
    const int root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root_fd < 0) {
        return open_directory_failed(errno, root);
    }
    RenoirErrorCode status = check_file_system(root_fd, root);
    if (status == RENOIR_SUCCESS) {
        status = open_renoir(root_fd, root, out_fd);
    }
    (void)close(root_fd);
    struct stat facts;
    if (status == RENOIR_SUCCESS && fstat(*out_fd, &facts) == 0) {
        out_id->device = facts.st_dev;
        out_id->inode = facts.st_ino;
    }
    return status;
}

RenoirErrorCode rnr_directory_open_folder(int root_fd, const char *folder, int *out_fd)
{
    *out_fd = -1;
    const int fd = openat(root_fd, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return open_directory_failed(errno, folder);
    }
    const RenoirErrorCode status = check_owner(fd, folder);
    if (status != RENOIR_SUCCESS) {
        (void)close(fd);
        return status;
    }
    *out_fd = fd;
    return RENOIR_SUCCESS;
}

RenoirErrorCode rnr_path_make_absolute(const char *path, char *absolute, size_t size)
{
    char current[4096] = "";
    if (path[0] != '/' && getcwd(current, sizeof current) == NULL) {
        return RNR_FAIL_SYSTEM(RENOIR_PLATFORM_ERROR, errno, "cannot use relative path '%s'", path);
    }
    const char *separator = path[0] == '/' ? "" : "/";
    const int length = snprintf(absolute, size, "%s%s%s", current, separator, path);
    if (length < 0 || (size_t)length >= size) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER, "path of %d bytes is longer than %zu", length,
                        size - 1);
    }
    return RENOIR_SUCCESS;
}

RenoirErrorCode rnr_directory_open_parent(const char *path, int *out_fd, const char **out_name)
{
    char parent[4096];
    const char *slash = strrchr(path, '/');
    *out_fd = -1;
    *out_name = slash == NULL ? path : slash + 1;
    if ((*out_name)[0] == '\0' || strcmp(*out_name, ".") == 0 || strcmp(*out_name, "..") == 0) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                        "path '%s' names a directory (add the name of a file)", path);
    }
    const size_t length = slash == NULL ? 0 : (size_t)(slash - path);
    if (length >= sizeof parent) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER, "path is longer than %zu bytes", sizeof parent);
    }
    memcpy(parent, path, length);
    parent[length] = '\0';
    const char *directory = slash == NULL ? "." : length == 0 ? "/" : parent;
    *out_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *out_fd < 0 ? open_directory_failed(errno, directory) : RENOIR_SUCCESS;
}

const char *rnr_directory_posix_shm(void)
{
    return "/dev/shm";
}

RenoirErrorCode
rnr_directory_visit(int fd, bool (*visit)(const char *name, void *context), void *context)
{
    // a description of its own, so that two visits do not share a position
    const int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = own < 0 ? NULL : fdopendir(own);
    if (directory == NULL) {
        const int error = errno;
        if (own >= 0) {
            (void)close(own);
        }
        return RNR_FAIL_SYSTEM(rnr_error_from_errno(error), error, "cannot list a directory");
    }
    for (const struct dirent *entry = readdir(directory); entry != NULL;
         entry = readdir(directory)) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        if (!visit(entry->d_name, context)) {
            break;
        }
    }
    (void)closedir(directory);
    return RENOIR_SUCCESS;
}

bool rnr_directory_is_shared(int fd)
{
    struct stat facts;
    return fstat(fd, &facts) == 0 && (facts.st_mode & MODE_OTHERS_WRITE) != 0;
}
