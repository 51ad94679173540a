// SPDX-License-Identifier: MIT OR Apache-2.0
// platform/linux/map.c: mappings of shared files.

#include "platform/map.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fault.h"
#include "base/memory.h"
#include "platform/sigbus.h"
#include "renoir/region.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

// mbind(2), without libnuma
enum { POLICY_BIND = 2, POLICY_INTERLEAVE = 3, POLICY_LOCAL = 4 };

size_t rnr_page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

size_t rnr_huge_page_size(void)
{
    return (size_t)2 << 20;
}

RenoirErrorCode
rnr_map(int fd, uint64_t length, bool is_writable, RnrAtomicU32 *out_lost, void **out_base)
{
    const int injected = RNR_FAULT_SYSTEM_CALL("mmap");
    *out_base = NULL;
    if (length > SIZE_MAX) {
        return RNR_FAIL(RENOIR_UNSUPPORTED, "cannot map %llu bytes: more than this processor has",
                        (unsigned long long)length);
    }
    void *base = MAP_FAILED;
    errno = injected;
    if (injected == 0) {
        base = mmap(NULL, (size_t)length, PROT_READ | (is_writable ? PROT_WRITE : 0), MAP_SHARED,
                    fd, 0);
    }
    if (base == MAP_FAILED) {
        return RNR_FAIL_SYSTEM(rnr_error_from_errno(errno), errno, "cannot map %llu bytes",
                               (unsigned long long)length);
    }
    rnr_sigbus_track(base, (size_t)length, out_lost);
    rnr_memory_count_mapped((size_t)length);
    *out_base = base;
    return RENOIR_SUCCESS;
}

void rnr_unmap(void *base, uint64_t length)
{
    if (base != NULL) {
        rnr_sigbus_untrack(base);
        (void)munmap(base, (size_t)length);
        rnr_memory_count_unmapped((size_t)length);
    }
}

// The word in brackets in a file such as "always [never] advise"; "" if it cannot be read.
static void chosen_setting(const char *path, char *text, size_t size)
{
    char line[256] = "";
    FILE *file = fopen(path, "re");
    text[0] = '\0';
    if (file == NULL) {
        return;
    }
    if (fgets(line, sizeof line, file) != NULL) {
        const char *begin = strchr(line, '[');
        const char *end = begin == NULL ? NULL : strchr(begin, ']');
        if (end != NULL) {
            (void)snprintf(text, size, "%.*s", (int)(end - begin - 1), begin + 1);
        }
    }
    (void)fclose(file);
}

bool rnr_map_use_huge_pages(void *base, uint64_t length)
{
    static const char PATH[] = "/sys/kernel/mm/transparent_hugepage/shmem_enabled";
    char setting[32];
    chosen_setting(PATH, setting, sizeof setting);
    const bool is_allowed = strcmp(setting, "advise") == 0 || strcmp(setting, "always") == 0 ||
                            strcmp(setting, "within_size") == 0 || strcmp(setting, "force") == 0;
    if (is_allowed && madvise(base, (size_t)length, MADV_HUGEPAGE) == 0) {
        return true;
    }
    RNR_NOTE("ordinary pages: %s is '%s' (write 'advise' to it for huge pages)", PATH,
             setting[0] == '\0' ? "not there" : setting);
    return false;
}

bool rnr_map_prefault(void *base, uint64_t length, bool is_writable)
{
    if (madvise(base, (size_t)length, is_writable ? MADV_POPULATE_WRITE : MADV_POPULATE_READ) ==
        0) {
        return true;
    }
    if (errno != EINVAL) {
        RNR_NOTE("pages are not touched in advance: %s",
                 renoir_error_string(rnr_error_from_errno(errno)));
        return false;
    }
    // Linux before 5.14: one load brings a page in
    for (uint64_t offset = 0; offset < length; offset += rnr_page_size()) {
        (void)*(const volatile unsigned char *)((unsigned char *)base + offset);
    }
    return true;
}

RenoirErrorCode rnr_map_lock(void *base, uint64_t length)
{
    struct rlimit limit = {0, 0};
    const int injected = RNR_FAULT_SYSTEM_CALL("mlock");
    if (injected == 0 && mlock(base, (size_t)length) == 0) {
        return RENOIR_SUCCESS;
    }
    (void)getrlimit(RLIMIT_MEMLOCK, &limit);
    return RNR_FAIL(RENOIR_PERMISSION_DENIED,
                    "cannot lock %llu bytes in memory: the limit is %llu bytes (raise it: ulimit "
                    "-l, or give CAP_IPC_LOCK)",
                    (unsigned long long)length, (unsigned long long)limit.rlim_cur);
}

bool rnr_map_set_numa(void *base, uint64_t length, uint32_t policy, uint64_t nodes)
{
    static const int SYSTEM_POLICY[] = {[RENOIR_NUMA_LOCAL] = POLICY_LOCAL,
                                        [RENOIR_NUMA_BIND] = POLICY_BIND,
                                        [RENOIR_NUMA_INTERLEAVE] = POLICY_INTERLEAVE};
    unsigned long mask[2] = {(unsigned long)nodes, 0};
    if (sizeof mask[0] < sizeof nodes) {
        mask[1] = (unsigned long)(nodes >> 32);
    }
    const bool has_nodes = policy != RENOIR_NUMA_LOCAL;
    const int injected = RNR_FAULT_SYSTEM_CALL("mbind");
    errno = injected;
    if (injected == 0 && syscall(SYS_mbind, base, (unsigned long)length, SYSTEM_POLICY[policy],
                                 has_nodes ? mask : NULL, has_nodes ? 65ul : 0ul, 0u) == 0) {
        return true;
    }
    RNR_NOTE("NUMA policy %u on nodes 0x%llx is not in force: %s", policy,
             (unsigned long long)nodes, errno == EINVAL ? "there is no such node" : "refused");
    return false;
}

RenoirErrorCode rnr_map_flush(void *base, uint64_t length)
{
    if (msync(base, (size_t)length, MS_SYNC) != 0) {
        return RNR_FAIL_SYSTEM(RENOIR_IO_ERROR, errno, "cannot write %llu bytes back",
                               (unsigned long long)length);
    }
    return RENOIR_SUCCESS;
}
