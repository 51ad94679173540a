// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RENOIR_CLI_MACHINE_H
#define RENOIR_CLI_MACHINE_H

// What this machine offers: asked of the kernel each time, never assumed. machine_linux.c has the
// answers for Linux.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MACHINE_TEXT_MAX = 96, MACHINE_PATH_MAX = 4096, MACHINE_FEATURES_MAX = 16 };

// Limits: no limit, and values that could not be read.
#define MACHINE_UNLIMITED UINT64_MAX
#define MACHINE_UNKNOWN (UINT64_MAX - 1)

typedef struct MachineFeature {
    const char *name;
    const char *purpose; // what Renoir uses it for
    bool is_there;
    bool is_needed; // nothing works without it
    char detail[MACHINE_TEXT_MAX];
} MachineFeature;

typedef struct MachineFacts {
    char kernel[MACHINE_TEXT_MAX];    // "Linux 6.1.0"
    char processor[MACHINE_TEXT_MAX]; // "x86_64"
    uint32_t cpus_online;
    uint32_t cpus_allowed; // of this process
    uint64_t page_bytes;
    uint64_t cache_line_bytes;
    char numa_nodes[MACHINE_TEXT_MAX]; // "0", "0-1"; "" unknown
    char governor[MACHINE_TEXT_MAX];   // "" where frequency is not ours to see
    uint64_t memory_bytes;
    uint64_t lock_limit_bytes;
    uint64_t open_files_limit;
    uint64_t huge_page_bytes; // the default size; 0: none
    uint64_t huge_pages_total;
    uint64_t huge_pages_free;
    char shared_huge_pages[MACHINE_TEXT_MAX]; // transparent ones of shared memory: "never", …
} MachineFacts;

typedef struct MachineRoot {
    bool is_there;
    bool is_directory;
    bool is_writable;
    bool is_refused; // a file system on which the library does not work
    char filesystem[MACHINE_TEXT_MAX];
    uint32_t mode;
    uint64_t owner;
    uint64_t total_bytes;
    uint64_t free_bytes;
    bool has_folder; // <root>/renoir
    uint32_t folder_mode;
    uint64_t folder_owner;
} MachineRoot;

void machine_facts(MachineFacts *facts);
void machine_root(const char *path, MachineRoot *root);
// At most MACHINE_FEATURES_MAX; returns how many.
size_t machine_features(const char *root, MachineFeature *features);

// Keeps the files below a folder that nobody uses as they are, by a shared lock on all of each:
// nobody can get the exclusive lock that removing them takes. Returns a handle; NULL on failure.
typedef struct MachinePins MachinePins;
MachinePins *machine_pin(const char *folder);
void machine_unpin(MachinePins *pins);

#endif
