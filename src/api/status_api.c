// SPDX-License-Identifier: MIT OR Apache-2.0

#include "renoir/status.h"

#include <stddef.h>

#include "base/error.h"

const char *renoir_error_string(RenoirErrorCode code)
{
    return rnr_error_text(code);
}

const char *renoir_error_name(RenoirErrorCode code)
{
    return rnr_error_name(code);
}

const char *renoir_last_error_message(void)
{
    return rnr_error_message();
}

void renoir_last_error(RenoirErrorInfo *out_info)
{
    if (out_info != NULL) {
        rnr_error_read(out_info);
    }
}
