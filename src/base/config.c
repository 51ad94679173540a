// SPDX-License-Identifier: MIT OR Apache-2.0

#include "base/config.h"

#include <stdbool.h>
#include <string.h>

#include "base/error.h"

// No options struct will ever be that large; a wild struct_size must not make us read far.
enum { STRUCT_SIZE_MAX = 4096 };

static bool is_zero(const unsigned char *bytes, size_t length)
{
    for (size_t i = 0; i < length; ++i) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    return true;
}

RenoirErrorCode rnr_config_import(
    void *ours, size_t our_size, size_t oldest_size, const void *theirs, const char *what)
{
    const uint32_t our_struct_size = (uint32_t)our_size;
    uint32_t their_size = 0;

    memset(ours, 0, our_size);
    if (theirs != NULL) {
        memcpy(&their_size, theirs, sizeof their_size);
        if (their_size < oldest_size || their_size > STRUCT_SIZE_MAX) {
            return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                            "cannot use %s: struct_size is %u, at least %zu expected (start from "
                            "its default function)",
                            what, their_size, oldest_size);
        }
        const size_t common = their_size < our_size ? their_size : our_size;
        if (!is_zero((const unsigned char *)theirs + common, their_size - common)) {
            return RNR_FAIL(
                RENOIR_UNSUPPORTED,
                "cannot use %s: an option beyond its first %zu bytes is set, which this "
                "library does not know (use a newer library)",
                what, our_size);
        }
        memcpy(ours, theirs, common);
    }
    memcpy(ours, &our_struct_size, sizeof our_struct_size);
    return RENOIR_SUCCESS;
}

RenoirErrorCode rnr_config_check_flags(uint32_t flags, uint32_t known, const char *what)
{
    if ((flags & ~known) != 0) {
        return RNR_FAIL(RENOIR_UNSUPPORTED,
                        "cannot use %s: flags 0x%x are not known, of 0x%x (use a newer library)",
                        what, flags & ~known, flags);
    }
    return RENOIR_SUCCESS;
}
