// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RNR_SYNC_STATE_H
#define RNR_SYNC_STATE_H

// A state in a region: finding and making it, its one writer, waiting for a newer version. What a
// version is: sync/versions.h.

#include <stdbool.h>
#include <stdint.h>

#include "memory/object.h"
#include "memory/region.h"
#include "renoir/state.h"
#include "renoir/status.h"
#include "sync/audience.h"
#include "sync/bell.h"
#include "sync/versions.h"
#include "sync/waitable.h"

typedef struct RenoirState RnrState;

struct RenoirState {
    uint64_t magic; // RNR_STATE_HANDLE while the handle is open
    uint64_t fork_generation;
    RnrVersions versions;
    RnrObject object;
    bool is_writer;
    bool is_reserved;  // the writer's: the place of version `next` is being built
    bool is_fencing;   // the writer's: no barrier reaches this process
    bool is_read_only; // the region is: this reader cannot announce itself
    uint64_t next;     // the writer's: number of the version after the latest
    uint64_t spin_ns;  // of waits, resolved
    RnrRole role;      // the writer's
    RnrWaitable waitable;
    RnrAtomicU32 is_watched; // it was asked for its waitable: reads are remembered in `seen`
    RnrAtomicU64 seen;       // the newest version that was read since; whoever reads
    RnrNap nap;              // as a member of a wait set: by that set
    RnrSeat seat;            // the same
};

#define RNR_STATE_HANDLE UINT64_C(0x6574617473) // "state", first letter first

// As the writer; finds or makes it. Statuses of renoir_state_create().
RenoirErrorCode
rnr_state_create(RnrRegion *region, const char *name, uint64_t max_size, RnrState **out_state);
// As a reader. Statuses of renoir_state_open().
RenoirErrorCode rnr_state_open(RnrRegion *region, const char *name, RnrState **out_state);
void rnr_state_close(RnrState *state);

// NULL, closed, or from before a fork: INVALID_PARAMETER, INVALID_STATE.
RenoirErrorCode rnr_state_check_handle(const RnrState *state);

// Statuses of renoir_state_*; the handle has been checked.
RenoirErrorCode rnr_state_write(RnrState *state, const void *data, uint64_t length);
RenoirErrorCode rnr_state_reserve(RnrState *state, void **out_data);
RenoirErrorCode rnr_state_commit(RnrState *state, uint64_t length);
RenoirErrorCode
rnr_state_read(RnrState *state, void *buffer, uint64_t size, RnrVersion *out_version);
RenoirErrorCode rnr_state_peek(RnrState *state, RnrVersion *out_version);
RenoirErrorCode rnr_state_validate(const RnrState *state, uint64_t version);

// --- waiting -------------------------------------------------------------------------------------

RenoirErrorCode rnr_state_wait(const RnrState *state, uint64_t known_version, uint64_t timeout_ns);

// Whether there is a version newer than known_version. One load.
bool rnr_state_has_newer(const RnrState *state, uint64_t known_version);
// What readers sleep on. They share its bit.
RnrBell rnr_state_bell(const RnrState *state);
// Whether the writer fences itself: a sleeper that cannot run the barrier is seen all the same.
bool rnr_state_writer_fences(const RnrState *state);
// Whether a writer came and is gone: one system call. What it wrote before is seen by a look after
// this.
bool rnr_state_writer_is_gone(const RnrState *state);

// The wait sets among those who sleep.
RnrAudience rnr_state_audience(const RnrState *state);

// As a member of a wait set: ready while there is a version newer than the last one read.
void rnr_state_init_waitable(RnrState *state);
RnrWaitable *rnr_state_waitable(RnrState *state);

// Geometry, I1 and I2 of a state in a region, beside live users. CORRUPTED, VERSION_MISMATCH.
RenoirErrorCode rnr_state_check(const void *memory, uint64_t size_bytes, const char *name);

#endif
