// SPDX-License-Identifier: MIT OR Apache-2.0

#include "machine.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

static bool read_line(const char *path, char *line, size_t size)
{
    line[0] = '\0';
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    const bool is_read = fgets(line, (int)size, file) != NULL;
    fclose(file);
    line[strcspn(line, "\n")] = '\0';
    return is_read;
}

static uint64_t read_number(const char *path)
{
    char line[64];
    return read_line(path, line, sizeof line) ? strtoull(line, NULL, 10) : 0;
}

// The chosen word of a line such as "always [never] advise".
static void read_choice(const char *path, char *choice, size_t size)
{
    char line[128];
    choice[0] = '\0';
    if (!read_line(path, line, sizeof line)) {
        return;
    }
    const char *begin = strchr(line, '[');
    if (begin != NULL) {
        snprintf(choice, size, "%.*s", (int)strcspn(begin + 1, "]"), begin + 1);
    }
}

static uint64_t limit_value(const struct rlimit *limit)
{
    return limit->rlim_cur == RLIM_INFINITY ? MACHINE_UNLIMITED : (uint64_t)limit->rlim_cur;
}

static void read_limits(MachineFacts *facts)
{
    struct rlimit limit;
    facts->lock_limit_bytes =
        getrlimit(RLIMIT_MEMLOCK, &limit) == 0 ? limit_value(&limit) : MACHINE_UNKNOWN;
    facts->open_files_limit =
        getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit_value(&limit) : MACHINE_UNKNOWN;
}

static void read_huge_pages(MachineFacts *facts)
{
    char line[128];
    FILE *file = fopen("/proc/meminfo", "re");
    if (file == NULL) {
        return;
    }
    while (fgets(line, sizeof line, file) != NULL) {
        uint64_t number = 0;
        if (sscanf(line, "Hugepagesize: %" SCNu64, &number) == 1) {
            facts->huge_page_bytes = number * 1024;
        } else if (sscanf(line, "HugePages_Total: %" SCNu64, &number) == 1) {
            facts->huge_pages_total = number;
        } else if (sscanf(line, "HugePages_Free: %" SCNu64, &number) == 1) {
            facts->huge_pages_free = number;
        } else if (sscanf(line, "MemTotal: %" SCNu64, &number) == 1) {
            facts->memory_bytes = number * 1024;
        }
    }
    fclose(file);
}

static uint32_t cpus_allowed(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    return sched_getaffinity(0, sizeof set, &set) == 0 ? (uint32_t)CPU_COUNT(&set) : 0;
}

void machine_facts(MachineFacts *facts)
{
    struct utsname names;
    memset(facts, 0, sizeof *facts);
    if (uname(&names) == 0) {
        snprintf(facts->kernel, sizeof facts->kernel, "%.24s %.64s", names.sysname, names.release);
        snprintf(facts->processor, sizeof facts->processor, "%.64s", names.machine);
    }
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    facts->cpus_online = online > 0 ? (uint32_t)online : 0;
    facts->cpus_allowed = cpus_allowed();
    facts->page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    facts->cache_line_bytes =
        read_number("/sys/devices/system/cpu/cpu0/cache/index0/coherency_line_size");
    read_line("/sys/devices/system/node/online", facts->numa_nodes, sizeof facts->numa_nodes);
    read_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", facts->governor,
              sizeof facts->governor);
    read_choice("/sys/kernel/mm/transparent_hugepage/shmem_enabled", facts->shared_huge_pages,
                sizeof facts->shared_huge_pages);
    read_limits(facts);
    read_huge_pages(facts);
}

typedef struct FileSystem {
    uint32_t magic;
    const char *name;
    bool is_refused;
} FileSystem;

static const FileSystem FILE_SYSTEMS[] = {
    {0x01021994, "tmpfs", false},     {0x858458f6, "ramfs", false}, {0x0000ef53, "ext4", false},
    {0x58465342, "xfs", false},       {0x9123683e, "btrfs", false}, {0x794c7630, "overlay", false},
    {0x958458f6, "hugetlbfs", false}, {0x2fc12fc1, "zfs", false},   {0xf2f52010, "f2fs", false},
    {0x00006969, "nfs", true},        {0x01021997, "9p", true},     {0x65735546, "fuse", true},
};

static void name_file_system(uint32_t magic, MachineRoot *root)
{
    snprintf(root->filesystem, sizeof root->filesystem, "0x%08" PRIx32, magic);
    for (size_t i = 0; i < sizeof FILE_SYSTEMS / sizeof FILE_SYSTEMS[0]; i++) {
        if (FILE_SYSTEMS[i].magic == magic) {
            snprintf(root->filesystem, sizeof root->filesystem, "%s", FILE_SYSTEMS[i].name);
            root->is_refused = FILE_SYSTEMS[i].is_refused;
        }
    }
}

void machine_root(const char *path, MachineRoot *root)
{
    struct stat facts;
    struct statfs system;
    struct statvfs space;
    char folder[MACHINE_PATH_MAX];
    memset(root, 0, sizeof *root);
    if (stat(path, &facts) != 0) {
        return;
    }
    root->is_there = true;
    root->is_directory = S_ISDIR(facts.st_mode);
    root->is_writable = access(path, W_OK | X_OK) == 0;
    root->mode = facts.st_mode & 07777;
    root->owner = facts.st_uid;
    if (statfs(path, &system) == 0) {
        name_file_system((uint32_t)system.f_type, root);
    }
    if (statvfs(path, &space) == 0) {
        root->total_bytes = (uint64_t)space.f_blocks * space.f_frsize;
        root->free_bytes = (uint64_t)space.f_bavail * space.f_frsize;
    }
    snprintf(folder, sizeof folder, "%s/renoir", path);
    if (lstat(folder, &facts) == 0) {
        root->has_folder = S_ISDIR(facts.st_mode);
        root->folder_mode = facts.st_mode & 07777;
        root->folder_owner = facts.st_uid;
    }
}
