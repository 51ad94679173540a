// SPDX-License-Identifier: MIT OR Apache-2.0
#include "suites/renoir_region.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 512, OPEN_FOLDERS = 16 };

static char root[PATH_SIZE];
static uint32_t files_seen;

static void remove_at_exit(void)
{
    uint32_t left = 0;
    bench_root_remove(&left);
}

bool bench_root_make(void)
{
    static pid_t registered;
    const char *parent = getenv("RENOIR_SHM_PATH");
    snprintf(root, sizeof root, "%s/renoir-bench.XXXXXX", parent != NULL ? parent : "/dev/shm");
    if (mkdtemp(root) == NULL) {
        fprintf(stderr, "renoir-bench: cannot make '%s': %s\n", root, strerror(errno));
        root[0] = '\0';
        return false;
    }
    // The sides end by _exit, so only the parent comes here.
    if (registered != getpid()) {
        registered = getpid();
        atexit(remove_at_exit);
    }
    return true;
}

static int count_entry(const char *path, const struct stat *info, int type, struct FTW *place)
{
    (void)path;
    (void)info;
    (void)place;
    files_seen += type == FTW_DP || type == FTW_D ? 0 : 1;
    return 0;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *place)
{
    (void)info;
    (void)type;
    (void)place;
    return remove(path);
}

uint32_t bench_root_count_files(void)
{
    files_seen = 0;
    if (root[0] != '\0') {
        nftw(root, count_entry, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS);
    }
    return files_seen;
}

void bench_root_remove(uint32_t *out_left)
{
    *out_left = bench_root_count_files();
    if (root[0] != '\0') {
        nftw(root, remove_entry, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS);
        root[0] = '\0';
    }
}

static RenoirErrorCode join_root(RenoirManagerHandle *out_manager)
{
    RenoirManagerOptions options = renoir_manager_options_default();
    options.root = root;
    options.node_name = "renoir-bench";
    return renoir_manager_create_with(&options, out_manager);
}

bool bench_root_visit(void)
{
    RenoirManagerHandle manager = NULL;
    RenoirErrorCode status = join_root(&manager);
    if (status == RENOIR_SUCCESS) {
        status = renoir_manager_destroy(manager);
    }
    if (status != RENOIR_SUCCESS) {
        fprintf(stderr, "renoir-bench: %s\n", renoir_last_error_message());
    }
    return status == RENOIR_SUCCESS;
}

void bench_expect(BenchPair *pair, RenoirErrorCode status, const char *what)
{
    if (status != RENOIR_SUCCESS) {
        bench_fail(pair, "%s: %s: %s", what, renoir_error_name(status),
                   renoir_last_error_message());
    }
}

BenchRegion bench_region_open(BenchPair *pair, size_t size)
{
    return bench_region_open_for(pair, size, 0);
}

BenchRegion bench_region_open_for(BenchPair *pair, size_t size, uint32_t max_objects)
{
    BenchRegion self = {.manager = NULL};
    RenoirRegionConfig config = renoir_region_config_default();
    RenoirRegionOptions options = renoir_region_options_default();
    config.name = "bench";
    config.size = size;
    options.flags = RENOIR_REGION_PREFAULT;
    options.max_objects = max_objects;
    bench_expect(pair, join_root(&self.manager), "manager");
    bench_expect(pair, renoir_region_create_with(self.manager, &config, &options, &self.region),
                 "region");
    return self;
}

void bench_region_close(BenchRegion *self)
{
    renoir_region_close(self->region);
    (void)renoir_manager_destroy(self->manager);
}
