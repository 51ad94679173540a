// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RENOIR_COMPAT_H
#define RENOIR_COMPAT_H

#include "renoir/region.h"
#include "renoir/status.h"

/**
 * @file
 * Older forms of published calls, as macros and inline functions over today's. Opt-in: renoir.h
 * does not include it.
 *
 *     renoir_region_create(&config, &region)            in the default manager's root
 *     renoir_region_create(manager, &config, &region)   as ever
 *
 * Lifetime, threads, fork, trust: as for the calls that stand behind them.
 */

/** Does nothing: no string of Renoir's is ever yours to free. */
RENOIR_INLINE void renoir_free_string(const char *text)
{
    (void)text;
}

#ifdef __cplusplus

/** renoir_region_create() in the default manager's root. */
inline RenoirErrorCode renoir_region_create(const RenoirRegionConfig *config,
                                            RenoirRegionHandle *out_region)
{
    return renoir_region_create(nullptr, config, out_region);
}

#else

/** What renoir_region_create(config, out_region) stands for. */
RENOIR_INLINE RenoirErrorCode renoir_compat_region_create_2(const RenoirRegionConfig *config,
                                                            RenoirRegionHandle *out_region)
{
    return renoir_region_create(NULL, config, out_region);
}

/** What renoir_region_create(manager, config, out_region) stands for. */
RENOIR_INLINE RenoirErrorCode renoir_compat_region_create_3(RenoirManagerHandle manager,
                                                            const RenoirRegionConfig *config,
                                                            RenoirRegionHandle *out_region)
{
    return renoir_region_create(manager, config, out_region);
}

/** The fourth of its arguments: how a call is chosen by the number of its own. */
#define RENOIR_COMPAT_FOURTH(first, second, third, fourth, ...) fourth

/** With two or three arguments. */
#define renoir_region_create(...)                                                                  \
    RENOIR_COMPAT_FOURTH(__VA_ARGS__, renoir_compat_region_create_3,                               \
                         renoir_compat_region_create_2, unused)                                    \
    (__VA_ARGS__)

#endif

#endif
