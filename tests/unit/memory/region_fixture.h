// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RENOIR_TESTS_REGION_FIXTURE_H
#define RENOIR_TESTS_REGION_FIXTURE_H

// What the tests of regions, nodes and managers have in common.

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault.h"
#include "harness/test.h"
#include "renoir.h"

enum { FIXTURE_SIZE = 65536 };

// A region below the root by name; REGION_* flags.
static inline RenoirErrorCode
fixture_make(const char *name, size_t size, uint32_t flags, RenoirRegionHandle *out_region)
{
    RenoirRegionConfig config = renoir_region_config_default();
    RenoirRegionOptions options = renoir_region_options_default();
    config.name = name;
    config.size = size;
    options.flags = flags;
    return renoir_region_create_with(NULL, &config, &options, out_region);
}

// Others may be at work on a busy machine: asks again where the library gave up waiting for them.
static inline RenoirRegionHandle fixture_region(const char *name)
{
    RenoirRegionHandle region = NULL;
    RenoirErrorCode status;
    do {
        status = fixture_make(name, FIXTURE_SIZE, 0, &region);
    } while (status == RENOIR_CONCURRENCY_ERROR);
    REQUIRE_OK(status);
    return region;
}

static inline RenoirRegionHandle fixture_open(const char *name)
{
    RenoirRegionHandle region = NULL;
    RenoirErrorCode status;
    do {
        status = renoir_region_open(NULL, name, NULL, &region);
    } while (status == RENOIR_CONCURRENCY_ERROR);
    REQUIRE_OK(status);
    return region;
}

static inline void *
fixture_block(RenoirRegionHandle region, const char *name, size_t size, bool *out_created)
{
    void *memory = NULL;
    RenoirErrorCode status;
    do {
        status = renoir_region_block(region, name, size, 0, &memory, out_created);
    } while (status == RENOIR_CONCURRENCY_ERROR);
    REQUIRE_OK(status);
    return memory;
}

static inline unsigned char *fixture_bytes(RenoirRegionHandle region)
{
    void *bytes = NULL;
    REQUIRE_OK(renoir_region_get_ptr(region, &bytes, NULL));
    return bytes;
}

static inline RenoirErrorCode fixture_try_open(const char *name)
{
    RenoirRegionHandle region = NULL;
    const RenoirErrorCode status = renoir_region_open(NULL, name, NULL, &region);
    renoir_region_close(region);
    return status;
}

// Stopped by a signal, or by a fault point that it armed.
static inline void fixture_await_stop(TestPeer peer)
{
    siginfo_t info;
    memset(&info, 0, sizeof info);
    int result;
    do {
        result = waitid(P_PID, (id_t)peer_pid(peer), &info, WSTOPPED | WEXITED | WNOWAIT);
    } while (result != 0 && errno == EINTR);
    REQUIRE(result == 0);
    REQUIRE(info.si_code == CLD_STOPPED);
    (void)waitid(P_PID, (id_t)peer_pid(peer), &info, WSTOPPED);
}

// "kill" or "stop" at the nth hit of a point, in this process; "" arms nothing.
static inline void fixture_arm(const char *point, const char *action, uint64_t nth)
{
    if (point[0] != '\0') {
        rnr_fault_arm(point, strcmp(action, "kill") == 0 ? RNR_FAULT_KILL : RNR_FAULT_STOP, nth);
    }
}

static inline unsigned fixture_count(const char *folder)
{
    return test_count_entries(test_root_path("renoir/%s", folder));
}

// What dead processes of this test left.
static inline RenoirReapReport fixture_reap(void)
{
    RenoirReapReport report;
    memset(&report, 0, sizeof report);
    CHECK_OK(renoir_node_reap(NULL, &report));
    return report;
}

static inline bool fixture_is_root(void)
{
    return geteuid() == 0;
}

#endif
