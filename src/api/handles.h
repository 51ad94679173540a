// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_API_HANDLES_H
#define RNR_API_HANDLES_H

// What every function at the border does with its arguments.

#include "base/error.h"
#include "node/manager.h"

// The manager a caller means. NULL: the default one, made on first use.
RenoirErrorCode rnr_api_manager(RenoirManagerHandle handle, RnrManager **out_manager);

// Refuses NULL where the caller must give somewhere to write to.
#define RNR_REQUIRE(pointer)                                                                       \
    do {                                                                                           \
        if ((pointer) == NULL) {                                                                   \
            return RNR_FAIL(RENOIR_INVALID_PARAMETER, "%s: %s is NULL", __func__, #pointer);       \
        }                                                                                          \
    } while (0)

#endif
