// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The kernel features that Renoir uses, each tried here and now: a kernel may have been built
// without one, and a container may forbid it.

#include "machine.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "text.h"

// Numbers of the kernel's interface, the same on all processors, for C libraries whose headers are
// older than the calls.
#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif
enum {
    KERNEL_FUTEX_WAKE = 1,
    KERNEL_MEMBARRIER_QUERY = 0,
    KERNEL_MEMBARRIER_GLOBAL_EXPEDITED = 1 << 1
};

// otherwise: why it is not there; NULL: as errno says.
static bool set_detail(MachineFeature *feature, bool is_there, const char *otherwise)
{
    const char *reason = otherwise != NULL ? otherwise : strerror(errno);
    feature->is_there = is_there;
    snprintf(feature->detail, sizeof feature->detail, "%s", is_there ? "" : reason);
    return is_there;
}

static void try_locks(MachineFeature *feature, const char *root)
{
    (void)root;
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
    const int fd = memfd_create("renoir-cli", MFD_CLOEXEC);
    set_detail(feature, fd >= 0 && fcntl(fd, F_OFD_SETLK, &lock) == 0, NULL);
    close(fd);
}

// A new file without a name below the root; -1 where that can't be.
static int unnamed_file(const char *root)
{
    return open(root, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

static void try_unnamed_file(MachineFeature *feature, const char *root)
{
    const int fd = unnamed_file(root);
    set_detail(feature, fd >= 0, NULL);
    close(fd);
}

static void try_reserved_space(MachineFeature *feature, const char *root)
{
    const int fd = unnamed_file(root);
    set_detail(feature, fd >= 0 && fallocate(fd, 0, 0, 4096) == 0, NULL);
    close(fd);
}

static void try_memfd(MachineFeature *feature, const char *root)
{
    (void)root;
    const int fd = memfd_create("renoir-cli", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    set_detail(feature, fd >= 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) == 0, NULL);
    close(fd);
}

static void try_futex(MachineFeature *feature, const char *root)
{
    (void)root;
    uint32_t word = 0;
    set_detail(feature, syscall(SYS_futex, &word, KERNEL_FUTEX_WAKE, 1, NULL, NULL, 0) == 0, NULL);
}

static void try_futex_waitv(MachineFeature *feature, const char *root)
{
    (void)root;
    // No words to wait for: the call refuses that if it is there.
    const long result = syscall(SYS_futex_waitv, NULL, 0, 0, NULL, 0);
    set_detail(feature, result < 0 && errno == EINVAL, "needs Linux 5.16");
}

static void try_membarrier(MachineFeature *feature, const char *root)
{
    (void)root;
    const long commands = syscall(SYS_membarrier, KERNEL_MEMBARRIER_QUERY, 0, 0);
    set_detail(feature, commands > 0 && (commands & KERNEL_MEMBARRIER_GLOBAL_EXPEDITED) != 0,
               commands < 0 ? NULL : "needs Linux 4.16");
}

static void try_memory_lock(MachineFeature *feature, const char *root)
{
    (void)root;
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *memory = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    set_detail(feature, memory != MAP_FAILED && mlock(memory, page) == 0, NULL);
    if (memory != MAP_FAILED) {
        munmap(memory, page);
    }
}

static void try_numa(MachineFeature *feature, const char *root)
{
    (void)root;
    MachineFacts facts;
    int mode = 0;
    machine_facts(&facts);
    if (set_detail(feature, syscall(SYS_get_mempolicy, &mode, NULL, 0, NULL, 0) == 0, NULL)) {
        snprintf(feature->detail, sizeof feature->detail, "nodes %.64s", facts.numa_nodes);
    }
}

static void try_huge_pages(MachineFeature *feature, const char *root)
{
    (void)root;
    MachineFacts facts;
    char size[TEXT_QUANTITY_MAX];
    machine_facts(&facts);
    feature->is_there = facts.huge_pages_free > 0;
    snprintf(feature->detail, sizeof feature->detail, "%" PRIu64 " of %" PRIu64 " pages of %s free",
             facts.huge_pages_free, facts.huge_pages_total,
             text_bytes(facts.huge_page_bytes, size));
}

static void try_affinity(MachineFeature *feature, const char *root)
{
    (void)root;
    cpu_set_t set;
    CPU_ZERO(&set);
    const bool is_there =
        sched_getaffinity(0, sizeof set, &set) == 0 && sched_setaffinity(0, sizeof set, &set) == 0;
    if (set_detail(feature, is_there, NULL)) {
        snprintf(feature->detail, sizeof feature->detail, "%d allowed", CPU_COUNT(&set));
    }
}

// Tried and undone at once: limits and rights can't be read off anywhere.
static void try_realtime(MachineFeature *feature, const char *root)
{
    (void)root;
    struct sched_param before;
    struct sched_param wanted;
    memset(&before, 0, sizeof before);
    memset(&wanted, 0, sizeof wanted);
    // By system call: one C library only pretends that it can't be done.
    const long policy = syscall(SYS_sched_getscheduler, 0);
    syscall(SYS_sched_getparam, 0, &before);
    wanted.sched_priority = 1;
    if (set_detail(feature, syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &wanted) == 0, NULL)) {
        syscall(SYS_sched_setscheduler, 0, policy, &before);
    }
}

typedef struct Probe {
    const char *name;
    const char *purpose;
    bool is_needed;
    void (*attempt)(MachineFeature *feature, const char *root);
} Probe;

static const Probe PROBES[] = {
    {"file locks (OFD)", "who is alive, who holds what", true, try_locks},
    {"futex", "sleeping and waking", true, try_futex},
    {"unnamed files (O_TMPFILE)", "files appear whole or not at all", false, try_unnamed_file},
    {"reserved space (fallocate)", "a full root is an error at creation", false,
     try_reserved_space},
    {"membarrier", "publishing without a fence", false, try_membarrier},
    {"memfd with seals", "regions in no file system", false, try_memfd},
    {"futex_waitv", "waiting for several words", false, try_futex_waitv},
    {"huge pages", "large regions", false, try_huge_pages},
    {"memory locking", "regions that are never swapped out", false, try_memory_lock},
    {"NUMA policies", "regions near a processor", false, try_numa},
    {"CPU affinity", "threads on chosen processors", false, try_affinity},
    {"real-time scheduling", "threads before all others", false, try_realtime},
};

size_t machine_features(const char *root, MachineFeature *features)
{
    const size_t count = sizeof PROBES / sizeof PROBES[0];
    for (size_t i = 0; i < count; i++) {
        memset(&features[i], 0, sizeof features[i]);
        features[i].name = PROBES[i].name;
        features[i].purpose = PROBES[i].purpose;
        features[i].is_needed = PROBES[i].is_needed;
        PROBES[i].attempt(&features[i], root);
    }
    return count;
}
