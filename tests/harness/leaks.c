// SPDX-License-Identifier: MIT OR Apache-2.0
//
// What a test leaves behind: descriptors, shared mappings, threads, children, files.

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/internal.h"
#include "renoir/detail/atomic.h"

// The thread sanitizer starts a thread of its own with the first of ours.
#if RNR_TSAN
enum { RUNTIME_THREADS = 1 };
#else
enum { RUNTIME_THREADS = 0 };
#endif

enum { DESCRIPTOR_MAX = 1024, MAPPING_MAX = 512 };

typedef struct Mapping {
    char name[TEST_PATH_MAX];
    unsigned long inode;
    unsigned count;
} Mapping;

struct TestHoldings {
    bool descriptors[DESCRIPTOR_MAX];
    unsigned mapping_count;
    Mapping mappings[MAPPING_MAX];
    unsigned thread_count;
};

static void leaked(const char *what, const char *which)
{
    (void)test_counter_add(&test_board->failures, 1);
    test_note("%s: leaves behind %s: %s", test_current, what, which);
}

static unsigned take_descriptors(bool descriptors[DESCRIPTOR_MAX])
{
    unsigned count = 0;
    DIR *directory = opendir("/proc/self/fd");
    if (directory == NULL) {
        return 0;
    }
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        const int number = atoi(entry->d_name);
        if (entry->d_name[0] == '.' || number == dirfd(directory)) {
            continue;
        }
        ++count;
        if (descriptors != NULL && number < DESCRIPTOR_MAX) {
            descriptors[number] = true;
        }
    }
    closedir(directory);
    return count;
}

static void add_mapping(TestHoldings *holdings, unsigned long inode, const char *name)
{
    for (unsigned i = 0; i < holdings->mapping_count; ++i) {
        if (holdings->mappings[i].inode == inode && strcmp(holdings->mappings[i].name, name) == 0) {
            ++holdings->mappings[i].count;
            return;
        }
    }
    if (holdings->mapping_count < MAPPING_MAX) {
        Mapping *mapping = &holdings->mappings[holdings->mapping_count++];
        snprintf(mapping->name, sizeof mapping->name, "%s", name);
        mapping->inode = inode;
        mapping->count = 1;
    }
}

// Shared mappings only: private ones belong to libc and the loader. The kernel lists by address, a
// page at a time; where other threads map meanwhile it may list one twice.
static void take_mappings(TestHoldings *holdings)
{
    FILE *file = fopen("/proc/self/maps", "re");
    if (file == NULL) {
        return;
    }
    char line[TEST_PATH_MAX + 128];
    unsigned long long listed = 0; // up to this address
    while (fgets(line, sizeof line, file) != NULL) {
        unsigned long long begin;
        unsigned long long end;
        char permissions[5];
        unsigned long inode;
        int name_at = 0;
        line[strcspn(line, "\n")] = '\0';
        if (sscanf(line, "%llx-%llx %4s %*s %*s %lu %n", &begin, &end, permissions, &inode,
                   &name_at) != 4 ||
            begin < listed) {
            continue;
        }
        listed = end;
        if (name_at > 0 && permissions[3] == 's') {
            add_mapping(holdings, inode, line + name_at);
        }
    }
    fclose(file);
}

unsigned test_count_descriptors(void)
{
    return take_descriptors(NULL);
}

unsigned test_count_mappings(void)
{
    TestHoldings *holdings = calloc(1, sizeof *holdings);
    if (holdings == NULL) {
        return 0;
    }
    take_mappings(holdings);
    unsigned count = 0;
    const size_t root_length = strlen(test_root());
    for (unsigned i = 0; i < holdings->mapping_count; ++i) {
        if (strncmp(holdings->mappings[i].name, test_root(), root_length) == 0) {
            count += holdings->mappings[i].count;
        }
    }
    free(holdings);
    return count;
}

TestHoldings *test_holdings_take(void)
{
    TestHoldings *holdings = calloc(1, sizeof *holdings);
    if (holdings == NULL) {
        test_note("%s: no memory for the runner", test_current);
        test_leave(EXIT_FAILED);
    }
    (void)take_descriptors(holdings->descriptors);
    take_mappings(holdings);
    holdings->thread_count = test_count_entries("/proc/self/task");
    return holdings;
}

// The process-wide manager (NULL) is never left before the process ends: its node stays mapped, and
// what it knows of other nodes stays open, unless the library has rnr_testing_shutdown.
static bool is_node_of_default_manager(const char *path)
{
    const size_t length = strlen(test_root());
    if (test_leaves_default_manager() || strncmp(path, test_root(), length) != 0) {
        return false;
    }
    const char *below = path + length;
    return below[0] == '\0' || strcmp(below, "/renoir") == 0 ||
           strncmp(below, "/renoir/nodes", strlen("/renoir/nodes")) == 0;
}

static void compare_descriptors(const TestHoldings *before, const TestHoldings *after)
{
    for (int i = 0; i < DESCRIPTOR_MAX; ++i) {
        if (after->descriptors[i] && !before->descriptors[i]) {
            char path[64];
            char target[TEST_PATH_MAX];
            snprintf(path, sizeof path, "/proc/self/fd/%d", i);
            const ssize_t length = readlink(path, target, sizeof target - 1);
            target[length > 0 ? length : 0] = '\0';
            if (!is_node_of_default_manager(target)) {
                leaked("an open descriptor", target);
            }
        }
    }
}

static unsigned count_of(const TestHoldings *holdings, const Mapping *wanted)
{
    for (unsigned i = 0; i < holdings->mapping_count; ++i) {
        const Mapping *mapping = &holdings->mappings[i];
        if (mapping->inode == wanted->inode && strcmp(mapping->name, wanted->name) == 0) {
            return mapping->count;
        }
    }
    return 0;
}

static void compare_mappings(const TestHoldings *before, const TestHoldings *after)
{
    for (unsigned i = 0; i < after->mapping_count; ++i) {
        if (after->mappings[i].count > count_of(before, &after->mappings[i]) &&
            !is_node_of_default_manager(after->mappings[i].name)) {
            leaked("a shared mapping", after->mappings[i].name);
        }
    }
}

// A thread that was joined may still be on its way out of the kernel.
static void compare_threads(const TestHoldings *before)
{
    const unsigned expected = before->thread_count + RUNTIME_THREADS;
    unsigned count = test_count_entries("/proc/self/task");
    for (int i = 0; i < 100 && count > expected; ++i) {
        test_sleep_ms(10);
        count = test_count_entries("/proc/self/task");
    }
    if (count > expected) {
        char text[64];
        snprintf(text, sizeof text, "%u more than at its start", count - expected);
        leaked("threads", text);
    }
}

static void check_children(void)
{
    siginfo_t info = {0};
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0) {
        leaked("a child", info.si_pid == 0 ? "it is still running" : "nobody waited for it");
    }
}

void test_holdings_compare(TestHoldings *before)
{
    check_children();
    compare_threads(before);
    if (!test_board->allow_open) {
        TestHoldings *after = test_holdings_take();
        compare_descriptors(before, after);
        compare_mappings(before, after);
        free(after);
    }
    free(before);
}

unsigned test_count_entries(const char *path)
{
    unsigned count = 0;
    DIR *directory = opendir(path);
    if (directory == NULL) {
        return 0;
    }
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            ++count;
        }
    }
    closedir(directory);
    return count;
}

// --- files ---------------------------------------------------------------------------------------

typedef void Visit(const char *path, bool is_directory);

static void walk(const char *path, Visit *visit)
{
    DIR *directory = opendir(path);
    if (directory == NULL) {
        return;
    }
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        char inner[TEST_PATH_MAX * 2];
        struct stat info;
        snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            lstat(inner, &info) != 0) {
            continue;
        }
        if (S_ISDIR(info.st_mode)) {
            walk(inner, visit);
        }
        visit(inner, S_ISDIR(info.st_mode));
    }
    closedir(directory);
}

static void report_file(const char *path, bool is_directory)
{
    if (!is_directory) {
        leaked("a file below its root", path);
    }
}

static void remove_one(const char *path, bool is_directory)
{
    (void)(is_directory ? rmdir(path) : unlink(path));
}

// A test may have taken its own rights away from a folder.
static void make_usable(const char *path, bool is_directory)
{
    if (is_directory) {
        (void)chmod(path, 0700);
    }
}

void test_leftovers_report(const char *root)
{
    walk(root, report_file);
}

void test_remove_tree(const char *path)
{
    (void)chmod(path, 0700);
    walk(path, make_usable);
    walk(path, remove_one);
    (void)rmdir(path);
}
