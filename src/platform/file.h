// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_PLATFORM_FILE_H
#define RNR_PLATFORM_FILE_H

// Directories in which names are claimed, and files that get their name only when they are whole.
// Descriptors are close-on-exec. No symbolic link is followed, but in the directories of a path
// that the user gave.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "renoir/status.h"

/** Which file it is, whatever its name. */
typedef struct RnrFileId {
    uint64_t device, inode;
} RnrFileId;

/** A file, as the system has it. */
typedef struct RnrFileFacts {
    RnrFileId id;
    uint64_t size_bytes;
    uint64_t link_count;
    uint32_t owner;
    uint32_t mode;   // permission bits
    bool is_foreign; // owned by another user than this process's
    bool is_regular;
} RnrFileFacts;

bool rnr_file_is_same(const RnrFileId *a, const RnrFileId *b);

/**
 * Opens <root>/renoir, which is made with its folders, all at once, by whoever comes first: mode
 * 01777 by root, else 0700. Refused, with owner, mode and remedy: one that others could change.
 * NOT_FOUND: no such root. UNSUPPORTED: a file system whose locks or mappings cannot be relied on.
 */
RenoirErrorCode rnr_directory_open_root(const char *root, int *out_fd, RnrFileId *out_id);

/** A folder of <root>/renoir, on the same terms. `root_fd`: of rnr_directory_open_root. */
RenoirErrorCode rnr_directory_open_folder(int root_fd, const char *folder, int *out_fd);

/**
 * The path from "/" on: what is kept must hold when the program changes its directory, and in other
 * programs. INVALID_PARAMETER: longer than `size`.
 */
RenoirErrorCode rnr_path_make_absolute(const char *path, char *absolute, size_t size);

/** The directory of a path that the user gave; *out_name is the path's last part, inside it. */
RenoirErrorCode rnr_directory_open_parent(const char *path, int *out_fd, const char **out_name);

/** Where POSIX shared memory objects are: "/dev/shm" on Linux. */
const char *rnr_directory_posix_shm(void);

/** Calls `visit` for each name but "." and "..", until it returns false. */
RenoirErrorCode
rnr_directory_visit(int fd, bool (*visit)(const char *name, void *context), void *context);

/** Whether files in this directory must be readable by other users, so that they can ask its locks.
 */
bool rnr_directory_is_shared(int fd);

/** Closes any descriptor of this header; -1 is ignored. */
void rnr_file_close(int fd);

/** A file that has no name yet, or a temporary one that tells so. */
typedef struct RnrNewFile {
    int fd;
    char temporary_name[64]; // "" if it has none
} RnrNewFile;

/** Temporary names begin with this; escaped names never do. */
#define RNR_TEMPORARY_PREFIX ".new-"
/** A file with such a name has this byte locked, shared, while its maker lives. */
enum { RNR_TEMPORARY_LOCK_BYTE = 0 };

/** Makes an empty file in a directory, open for reading and writing, with exactly that mode. */
RenoirErrorCode rnr_file_create(int directory, uint32_t mode, RnrNewFile *out_file);
/** Gives it its name: the first wins, others get EXISTS (no record): look again. The descriptor
 * stays. */
RenoirErrorCode rnr_file_publish(int directory, RnrNewFile *file, const char *name);
/** Closes and forgets one that was not published. */
void rnr_file_discard(int directory, RnrNewFile *file);

/**
 * Opens a file in a directory. NOT_FOUND (no record) where there is none; PERMISSION_DENIED; a
 * link, a device or anything else that is no regular file is CORRUPTED.
 */
RenoirErrorCode rnr_file_open(int directory, const char *name, bool is_writable, int *out_fd);

RenoirErrorCode rnr_file_facts(int fd, RnrFileFacts *out_facts);
/** Which file a name stands for now. NOT_FOUND without a record. */
RenoirErrorCode rnr_file_identify(int directory, const char *name, RnrFileId *out_id);
/** Takes a name away; true if it was there and is gone. */
bool rnr_file_unlink(int directory, const char *name);

/** Gives the file its whole size and its space now. INSUFFICIENT_SPACE tells both numbers. */
RenoirErrorCode rnr_file_reserve(int fd, uint64_t size_bytes, const char *what);
/** Bytes free where this file or directory lies; 0 if unknown. Of a memfd: memory that is free. */
uint64_t rnr_file_free_bytes(int fd);

/** Reads exactly that many bytes; false if they are not there. */
bool rnr_file_read(int fd, uint64_t offset, void *buffer, size_t length);
/** Writes exactly that many bytes. */
bool rnr_file_write(int fd, uint64_t offset, const void *data, size_t length);

/** A description of its own for the same file. PERMISSION_DENIED: its mode does not allow it. */
RenoirErrorCode rnr_file_reopen(int fd, bool is_writable, int *out_fd);
/** A duplicate descriptor. */
RenoirErrorCode rnr_file_duplicate(int fd, int *out_fd);

/** Anonymous memory. wants_huge is set to false, with a note, where there are no such pages. */
RenoirErrorCode
rnr_memfd_create(const char *name, uint64_t size_bytes, bool *wants_huge, int *out_fd);
/** Seals it against changes of size. */
RenoirErrorCode rnr_memfd_seal(int fd);
/** Whether its size can never change. False for any other file. */
bool rnr_memfd_is_sealed(int fd);
/** Opens a descriptor of another process of this user. NOT_FOUND (no record) if it is gone. */
RenoirErrorCode rnr_memfd_open_of(int64_t pid, int fd, bool is_writable, int *out_fd);

/** Sends a descriptor with one byte over a Unix socket, and receives one. DISCONNECTED: closed. */
RenoirErrorCode rnr_descriptor_send(int socket, int fd);
RenoirErrorCode rnr_descriptor_receive(int socket, int *out_fd);

#endif
