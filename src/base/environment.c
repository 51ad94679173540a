// SPDX-License-Identifier: MIT OR Apache-2.0

#include "base/environment.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/error.h"
#include "renoir/detail/atomic.h"
#include "renoir/library.h"

enum { DEFAULT_ALIGN = 64 };

static RnrAtomicU32 cached_align; // 0: not read yet. Any thread, always the same value.

RenoirErrorCode rnr_environment_shm_path(const char **out_path)
{
    const char *value = getenv("RENOIR_SHM_PATH");

    *out_path = value != NULL ? value : "/dev/shm";
    if (**out_path != '/') {
        *out_path = NULL;
        return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                        "environment variable RENOIR_SHM_PATH: '%s' is not an absolute path (unset "
                        "it for /dev/shm)",
                        value);
    }
    return RENOIR_SUCCESS;
}

// Digits only: strtoul alone would take " +64" and "-1".
static bool parse_align(const char *text, unsigned long page_size, uint32_t *out_align)
{
    char *end = NULL;

    if (*text < '0' || *text > '9') {
        return false;
    }
    errno = 0;
    const unsigned long value = strtoul(text, &end, 10);
    if (errno != 0 || *end != '\0' || value > page_size || !rnr_is_power_of_two(value)) {
        return false;
    }
    *out_align = (uint32_t)value;
    return true;
}

static RenoirErrorCode read_align(uint32_t *out_align)
{
    const char *value = getenv("RENOIR_DEFAULT_ALIGN");
    const unsigned long page_size = (unsigned long)sysconf(_SC_PAGESIZE);

    *out_align = DEFAULT_ALIGN;
    if (value != NULL && !parse_align(value, page_size, out_align)) {
        return RNR_FAIL(
            RENOIR_INVALID_PARAMETER,
            "environment variable RENOIR_DEFAULT_ALIGN: '%s' is not a power of two from "
            "1 to %lu (unset it for %d)",
            value, page_size, DEFAULT_ALIGN);
    }
    return RENOIR_SUCCESS;
}

RenoirErrorCode rnr_environment_default_align(uint32_t *out_align)
{
    // [hint: relaxed] Two threads that both find 0 both read the environment.
    *out_align = rnr_load_relaxed_u32(&cached_align);
    if (*out_align != 0) {
        return RENOIR_SUCCESS;
    }

    const RenoirErrorCode status = read_align(out_align);
    if (status == RENOIR_SUCCESS) {
        // [hint: relaxed] Each would store the same number.
        rnr_store_relaxed_u32(&cached_align, *out_align);
    }
    return status;
}

// The words of env_logger, from which RUST_LOG comes, are known as well.
static bool parse_level(const char *text, size_t length, uint32_t *out_level)
{
    static const struct {
        const char *word;
        uint32_t level;
    } words[] = {{"off", 0},
                 {"error", RENOIR_LOG_ERROR},
                 {"warning", RENOIR_LOG_WARNING},
                 {"warn", RENOIR_LOG_WARNING},
                 {"info", RENOIR_LOG_INFO},
                 {"debug", RENOIR_LOG_DEBUG},
                 {"trace", RENOIR_LOG_DEBUG}};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; ++i) {
        if (strlen(words[i].word) == length && memcmp(words[i].word, text, length) == 0) {
            *out_level = words[i].level;
            return true;
        }
    }
    return false;
}

// "info" or "info,renoir=debug,other=trace": ours wins over the general one, and other programs'
// are not our business. False: a general word or one of ours that is no level.
static bool parse_levels(const char *text, uint32_t *out_level)
{
    static const char ours[] = "renoir=";
    bool is_ours_seen = false;
    bool is_good = true;

    for (const char *at = text; at != NULL;) {
        const char *comma = strchr(at, ',');
        const size_t length = comma != NULL ? (size_t)(comma - at) : strlen(at);
        uint32_t level = 0;
        if (strncmp(at, ours, sizeof ours - 1) == 0) {
            const size_t skip = sizeof ours - 1;
            if (parse_level(at + skip, length - skip, &level)) {
                is_ours_seen = true;
                *out_level = level;
            } else {
                is_good = false;
            }
        } else if (memchr(at, '=', length) == NULL) {
            if (!parse_level(at, length, &level)) {
                is_good = false;
            } else if (!is_ours_seen) {
                *out_level = level;
            }
        }
        at = comma != NULL ? comma + 1 : NULL;
    }
    return is_good;
}

// NULL: good. Else the variable that has a bad value.
static const char *find_bad_level(uint32_t *out_level)
{
    const char *value = getenv("RENOIR_LOG");

    *out_level = 0;
    if (value == NULL) {
        return NULL;
    }
    if (*value != '\0') {
        if (parse_levels(value, out_level)) {
            return NULL;
        }
        *out_level = 0;
        return value;
    }
    // What RUST_LOG says beyond a level, such as module paths, is not for us to refuse.
    value = getenv("RUST_LOG");
    if (value != NULL) {
        (void)parse_levels(value, out_level);
    }
    return NULL;
}

RenoirErrorCode rnr_environment_log_level(uint32_t *out_level)
{
    const char *bad = find_bad_level(out_level);

    if (bad != NULL) {
        return RNR_FAIL(
            RENOIR_INVALID_PARAMETER,
            "environment variable RENOIR_LOG: '%s' is not a level (error, warning, info "
            "or debug)",
            bad);
    }
    return RENOIR_SUCCESS;
}

uint32_t rnr_environment_log_level_or_silence(void)
{
    uint32_t level = 0;

    (void)find_bad_level(&level);
    return level;
}

RenoirErrorCode rnr_environment_check(void)
{
    const char *path = NULL;
    uint32_t number = 0;

    RenoirErrorCode status = rnr_environment_shm_path(&path);
    if (status == RENOIR_SUCCESS) {
        status = read_align(&number);
    }
    if (status == RENOIR_SUCCESS) {
        status = rnr_environment_log_level(&number);
    }
    return status;
}
