// SPDX-License-Identifier: MIT OR Apache-2.0

#include "renoir/library.h"

#include <stddef.h>

#include "base/environment.h"
#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "platform/clock.h"
#include "platform/sigbus.h"

#define TEXT_OF(number) #number
#define VERSION_TEXT(major, minor, patch) TEXT_OF(major) "." TEXT_OF(minor) "." TEXT_OF(patch)

RenoirErrorCode renoir_init(void)
{
    return rnr_environment_check();
}

uint32_t renoir_version_major(void)
{
    return RENOIR_VERSION_MAJOR;
}

uint32_t renoir_version_minor(void)
{
    return RENOIR_VERSION_MINOR;
}

uint32_t renoir_version_patch(void)
{
    return RENOIR_VERSION_PATCH;
}

const char *renoir_version_string(void)
{
    return VERSION_TEXT(RENOIR_VERSION_MAJOR, RENOIR_VERSION_MINOR, RENOIR_VERSION_PATCH);
}

uint64_t renoir_now_ns(void)
{
    return rnr_clock_now_ns();
}

RenoirErrorCode renoir_sigbus_guard_install(void)
{
    return rnr_sigbus_install();
}

void renoir_set_log(uint32_t max_level, RenoirLogFunction log, void *user)
{
    rnr_log_set(max_level, log, user);
}

RenoirErrorCode renoir_memory_stats(RenoirMemoryStats *out_stats)
{
    if (out_stats == NULL) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                        "cannot read memory statistics: out_stats is NULL");
    }
    rnr_memory_read_stats(out_stats);
    return RENOIR_SUCCESS;
}
