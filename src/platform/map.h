// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_PLATFORM_MAP_H
#define RNR_PLATFORM_MAP_H

// Mappings of files, and what the system can do for them.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "renoir/detail/atomic.h"
#include "renoir/status.h"

/** Bytes of an ordinary page. */
size_t rnr_page_size(void);
/** Bytes of a huge page. */
size_t rnr_huge_page_size(void);

/**
 * Maps [0, length) of a file, shared. If the SIGBUS guard is installed, *out_lost becomes 1 when
 * the file was cut short and the mapping had to be replaced by zeros; out_lost must live until
 * rnr_unmap.
 */
RenoirErrorCode
rnr_map(int fd, uint64_t length, bool is_writable, RnrAtomicU32 *out_lost, void **out_base);
void rnr_unmap(void *base, uint64_t length);

/** Asks for huge pages behind a mapping. False, with a note, where the system gives none. */
bool rnr_map_use_huge_pages(void *base, uint64_t length);
/** Touches every page. False, with a note, if the system refused. */
bool rnr_map_prefault(void *base, uint64_t length, bool is_writable);
/** Locks it in RAM. PERMISSION_DENIED names the limit. */
RenoirErrorCode rnr_map_lock(void *base, uint64_t length);
/** Sets a NUMA policy (RENOIR_NUMA_*). False, with a note, if the system cannot. */
bool rnr_map_set_numa(void *base, uint64_t length, uint32_t policy, uint64_t nodes);
/** Writes it back and waits. */
RenoirErrorCode rnr_map_flush(void *base, uint64_t length);

#endif
