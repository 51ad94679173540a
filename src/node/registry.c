// SPDX-License-Identifier: MIT OR Apache-2.0
// node/registry.c
//
// Names of files below a root, and how they are taken away while others open, make and remove them.
//
// Who writes what
//     names      whoever publishes a whole file; whoever removes one, holding RNR_LOCK_REMOVE of
//                the file that the name stands for
//
// Invariants
//     I1  a name stands for a whole file: it is linked when it is finished
//     I2  only a holder of a file's RNR_LOCK_REMOVE unlinks its name, after seeing that the name
//         still stands for that file. So between the look and the unlink the name cannot come to
//         stand for another file, and no remover ever unlinks a file that it did not mean.
//     I3  a file that is removed for being unused has its use byte locked exclusively meanwhile.
//     Who
//         opens it either has the use byte before (it is in use) or sees link count 0 and starts
//         again.
//
// Edges
//     none: the order is the file system's
//
// Progress
//     Removing waits RNR_REGISTRY_PATIENCE_NS at most for another remover.
//
// If a process dies
//     before unlink   the kernel drops the locks; the next one removes it
//     after           nothing to do
//
// Trust
//     Whoever may write a file may hold its locks for ever: then its name stays, which harms
//     nobody.

#include "node/registry.h"

#include <string.h>

#include "base/error.h"
#include "base/fault.h"
#include "platform/clock.h"
#include "platform/file.h"
#include "platform/lock.h"
#include "platform/process.h"

// Makers hold the use byte of a file from its temporary name on.
_Static_assert((int)RNR_TEMPORARY_LOCK_BYTE == (int)RNR_LOCK_USE, "the byte that sweepers ask");

RenoirErrorCode rnr_registry_make_header(RnrFileHeaderShm *header,
                                         RnrFileKind kind,
                                         uint64_t total_length,
                                         uint64_t node_id)
{
    memset(header, 0, sizeof *header);
    header->magic = RNR_FILE_MAGIC;
    header->layout_version = RNR_LAYOUT_VERSION;
    header->kind = (uint32_t)kind;
    header->byte_order = RNR_LAYOUT_BYTE_ORDER;
    header->fingerprint = RNR_FILE_FINGERPRINT;
    header->total_length = total_length;
    header->created_ns = rnr_clock_wall_ns();
    header->creator_node = node_id;
    return rnr_process_random(&header->file_id, sizeof header->file_id);
}

RenoirErrorCode rnr_registry_check_header(const RnrFileHeaderShm *header,
                                          uint32_t kind,
                                          uint64_t file_bytes,
                                          const char *what)
{
    if (header->magic != RNR_FILE_MAGIC && __builtin_bswap64(header->magic) != RNR_FILE_MAGIC) {
        return RNR_FAIL(RENOIR_CORRUPTED,
                        "cannot use %s: its file does not begin as Renoir's do (remove it, or use "
                        "another name)",
                        what);
    }
    if (header->byte_order != RNR_LAYOUT_BYTE_ORDER) {
        return RNR_FAIL(RENOIR_VERSION_MISMATCH,
                        "cannot use %s: it was made by a processor of the other byte order", what);
    }
    if (header->layout_version != RNR_LAYOUT_VERSION) {
        return RNR_FAIL(RENOIR_VERSION_MISMATCH,
                        "cannot use %s: it has layout version %u, this library %u (use the same "
                        "version of Renoir in all programs)",
                        what, header->layout_version, (unsigned)RNR_LAYOUT_VERSION);
    }
    if (header->fingerprint != RNR_FILE_FINGERPRINT) {
        return RNR_FAIL(
            RENOIR_VERSION_MISMATCH,
            "cannot use %s: its layout constants are 0x%08x, this library's 0x%08x (use "
            "the same build of Renoir in all programs)",
            what, header->fingerprint, RNR_FILE_FINGERPRINT);
    }
    if ((kind != 0 && header->kind != kind) || header->total_length > file_bytes) {
        return RNR_FAIL(RENOIR_CORRUPTED,
                        "cannot use %s: kind %u and %llu bytes by its header, %llu bytes there "
                        "(remove it)",
                        what, header->kind, (unsigned long long)header->total_length,
                        (unsigned long long)file_bytes);
    }
    return RENOIR_SUCCESS;
}

static bool name_stands_for(int directory, const char *name, int fd)
{
    RnrFileFacts facts;
    RnrFileId named = {0, 0};
    return rnr_file_facts(fd, &facts) == RENOIR_SUCCESS && facts.link_count != 0 &&
           rnr_file_identify(directory, name, &named) == RENOIR_SUCCESS &&
           rnr_file_is_same(&named, &facts.id);
}

static RnrRemoval refused(RenoirErrorCode status)
{
    return status == RENOIR_CONCURRENCY_ERROR ? RNR_IN_USE : RNR_NOT_OURS;
}

// With the file's RNR_LOCK_REMOVE held (I2).
static RnrRemoval take_name_away(int directory, const char *name, int fd)
{
    RNR_FAULT_POINT("registry.remove");
    const bool is_gone = !name_stands_for(directory, name, fd) || rnr_file_unlink(directory, name);
    return is_gone ? RNR_REMOVED : RNR_NOT_OURS;
}

RnrRemoval rnr_registry_remove(int directory, const char *name, int fd)
{
    const RnrLockByte remover = {.byte = RNR_LOCK_REMOVE, .is_exclusive = true};
    const uint64_t deadline = rnr_clock_deadline(rnr_clock_now_ns(), RNR_REGISTRY_PATIENCE_NS);
    RnrLock lock = {NULL, 0};
    RenoirErrorCode status = rnr_lock_take(fd, &remover, 1, &lock);
    while (status == RENOIR_CONCURRENCY_ERROR && rnr_clock_now_ns() < deadline) {
        rnr_clock_sleep_ns(100000);
        status = rnr_lock_take(fd, &remover, 1, &lock);
    }
    if (status != RENOIR_SUCCESS) {
        return refused(status);
    }
    const RnrRemoval removal = take_name_away(directory, name, fd);
    rnr_lock_release(&lock);
    return removal;
}

RnrRemoval
rnr_registry_remove_unused(int directory, const char *name, int fd, bool (*may_go)(int fd))
{
    // The use byte first: who finds the file in use holds nothing, not even for a moment, that
    // would keep its last user from removing it.
    const RnrLockByte alone[] = {{.byte = RNR_LOCK_USE, .is_exclusive = true},
                                 {.byte = RNR_LOCK_REMOVE, .is_exclusive = true}};
    RnrLock lock = {NULL, 0};
    const RenoirErrorCode status = rnr_lock_take(fd, alone, 2, &lock);
    if (status != RENOIR_SUCCESS) {
        return refused(status);
    }
    const RnrRemoval removal =
        may_go == NULL || may_go(fd) ? take_name_away(directory, name, fd) : RNR_IN_USE;
    rnr_lock_release(&lock);
    return removal;
}
