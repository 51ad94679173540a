// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RENOIR_EXPORT_H
#define RENOIR_EXPORT_H

/**
 * @file
 * How public functions are declared, the version of these headers, and what this build supports.
 */

/** The version of these headers; renoir_version_string() tells that of the library that runs. */
#define RENOIR_VERSION_MAJOR 0
#define RENOIR_VERSION_MINOR 1
#define RENOIR_VERSION_PATCH 0

/** This is the C interface. */
#define RENOIR_C_API_ENABLED 1
#if defined(__linux__)
/** The target is Linux. */
#define RENOIR_LINUX 1
#if !defined(RENOIR_WITHOUT_MEMFD) /* set by CMake and pkg-config where the library has none */
/** Regions without a file, shared by descriptor, are there (RENOIR_BACKING_MEMFD). */
#define RENOIR_MEMFD_SUPPORT 1
#endif
#endif

#if defined(__GNUC__)
#define RENOIR_API __attribute__((visibility("default")))
#define RENOIR_NODISCARD __attribute__((warn_unused_result))
#define RENOIR_PRINTF(format_index, first_index)                                                   \
    __attribute__((format(printf, format_index, first_index)))
#else
#error "Renoir needs the __atomic built-ins and attributes of gcc or clang"
#endif

/**
 * Functions that are compiled into the caller. The library exports each once more under the same
 * name, for bindings: src/api/inline_exports.c defines this macro away.
 */
#ifndef RENOIR_INLINE
#define RENOIR_INLINE static inline
#endif

#endif
