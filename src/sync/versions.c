// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The newest whole value, from one writer who never waits to any number of readers.
//
// Picture            latest 34; the writer builds 35
//
//     place       0     1     2     3     4   …   15
//              ┌─────┬─────┬─────┬─────┬─────┬───┬─────┐
//     stamp    │ 32  │ 33  │ 34  │  0  │ 20  │ … │ 31  │
//              ├─────┼─────┼─────┼─────┼─────┼───┼─────┤
//     data     │ …   │ …   │ …   │ ??  │ …   │ … │ …   │
//              └─────┴─────┴─────┴─────┴─────┴───┴─────┘
//                             ▲     ▲     ▲
//                         readers  writer  the next one
//
//     A reader copies the newest version, which is overwritten last: the writer has to write 15
//     more before it comes by again.
//
// Who writes what
//     everything but the geometry   the writer, who has the role (sync/state.c)
//     geometry                      creator, before the state is published; all keep a copy
//
// Invariants
//     I1  the place of the version `latest` has the stamp `latest`, from before `latest` names it
//         until 15 newer ones have been named
//     I2  a place's stamp is 0, or a number of that place, at most latest + 1
//     I3  who finds a version's stamp after an acquire fence that follows its reads has read bytes
//         of that version alone
//     I4  latest only grows; 2^63 is never reached
//
// Edges
//     state.made       creator: store magic, release  ──►  who attaches: load magic, acquire
//                      carries the geometry
//     state.publish    writer: store latest, release  ──►  reader: load latest, acquire
//                      carries stamp, length and data of that version
//     state.stamp      writer: store stamp, release  ──►  reader: load stamp, acquire
//                      carries the same for whoever did not come by `latest` (validate, verify)
//     state.overtake   writer: store stamp 0, release  ──►  reader: load stamp, acquire
//                      carries the newer `latest`: a reader that misses its version and then finds
//                      the same `latest` again knows that I1 is broken
//     state.reuse      writer: fence after stamp 0  ──►  reader: fence before the second look at it
//                      who copied one byte of a newer version does not find the old stamp again
//                      (I3)
//
// Progress
//     The writer is wait-free. A reader takes at most RNR_VERSIONS_TRIES looks, and needs a second
//     one only if 15 versions were written during its copy.
//
// If a process dies
//     writer after stamp 0       readers take `latest`, which lies elsewhere; the next writer
//     builds writer in the data         the same version again, in the same place writer after the
//     stamp     as above: nobody was told of that version, its number is used again writer after
//     latest        it is published reader                     it wrote nothing
//
// Trust
//     latest picks one of 16 places, whatever it is; the length is compared with max_size before it
//     is used. A writer that does not keep the rules can make a call fail, not go outside.
//
// Proof
//     unit  tests/unit/sync/state_test.c      crash  tests/crash/state_test.c
//     explorer  tests/explore                 torture  tests/torture/state_torture.c

#include "sync/versions.h"

#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "renoir/detail/atomic.h"

// In this file alone: the writer was faster.
static const RenoirErrorCode LOOK_AGAIN = RENOIR_OVERRUN;

static RnrVersionShm *place_of(const RnrVersions *versions, uint64_t number)
{
    const size_t index = (size_t)(number & (RNR_STATE_VERSIONS - 1));
    return (RnrVersionShm *)(void *)(versions->cells + index * (size_t)versions->stride);
}

static unsigned char *data_of(const RnrVersions *versions, RnrVersionShm *place)
{
    return (unsigned char *)place + (size_t)versions->data_offset;
}

// --- geometry ------------------------------------------------------------------------------------

RenoirErrorCode rnr_versions_shape(const char *name, uint64_t max_size, RnrVersionsShape *out_shape)
{
    if (max_size == 0 || max_size > RNR_VERSIONS_SIZE_MAX) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                        "state '%s': max_size is %" PRIu64 " (use 1 to %" PRIu64 " bytes)", name,
                        max_size, RNR_VERSIONS_SIZE_MAX);
    }
    const bool is_small = max_size + RNR_STATE_DATA_OFFSET_SMALL <= RNR_CACHE_PAIR;
    const uint64_t data_offset = is_small ? RNR_STATE_DATA_OFFSET_SMALL : RNR_STATE_DATA_OFFSET;
    const uint64_t pair = RNR_CACHE_PAIR;
    const uint64_t stride = (data_offset + max_size + pair - 1) / pair * pair;
    const uint64_t total = sizeof(RnrStateShm) + RNR_STATE_VERSIONS * stride;

    if (total > SIZE_MAX) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                        "state '%s': %" PRIu64 " bytes needed, this process can address %zu", name,
                        total, SIZE_MAX);
    }
    *out_shape = (RnrVersionsShape){
        .max_size = max_size, .stride = stride, .data_offset = data_offset, .total_bytes = total};
    return RENOIR_SUCCESS;
}

void rnr_versions_format(RnrStateShm *shm, const RnrVersionsShape *shape)
{
    shm->layout_version = RNR_STATE_LAYOUT_VERSION;
    shm->version_count = RNR_STATE_VERSIONS;
    shm->max_size = shape->max_size;
    shm->stride = shape->stride;
    shm->data_offset = shape->data_offset;
    shm->versions_offset = sizeof *shm;
    shm->total_bytes = shape->total_bytes;
    RNR_FAULT_POINT("state.format.magic");
    // [state.made: release] Whoever sees the magic also sees the geometry.
    rnr_store_release_u64(&shm->magic, RNR_STATE_MAGIC);
}

static RenoirErrorCode
bad_header(const char *name, const char *what, uint64_t found, uint64_t expected)
{
    return RNR_FAIL(RENOIR_CORRUPTED,
                    "state '%s': its header's %s is %" PRIu64 ", not %" PRIu64
                    " (another process has overwritten it: remove the state)",
                    name, what, found, expected);
}

// A private copy of the geometry against what this version makes of its max_size.
static RenoirErrorCode check_geometry(const RnrStateShm *copy,
                                      uint64_t size_bytes,
                                      const char *name,
                                      RnrVersionsShape *out_shape)
{
    if (copy->layout_version != RNR_STATE_LAYOUT_VERSION) {
        return RNR_FAIL(RENOIR_VERSION_MISMATCH,
                        "state '%s': layout version %" PRIu32 " is there, this library has %u"
                        " (use the same version of Renoir on both sides)",
                        name, copy->layout_version, RNR_STATE_LAYOUT_VERSION);
    }
    if (copy->version_count != RNR_STATE_VERSIONS) {
        return bad_header(name, "version_count", copy->version_count, RNR_STATE_VERSIONS);
    }
    if (rnr_versions_shape(name, copy->max_size, out_shape) != RENOIR_SUCCESS) {
        return bad_header(name, "max_size", copy->max_size, RNR_VERSIONS_SIZE_MAX);
    }
    if (copy->stride != out_shape->stride) {
        return bad_header(name, "stride", copy->stride, out_shape->stride);
    }
    if (copy->data_offset != out_shape->data_offset) {
        return bad_header(name, "data_offset", copy->data_offset, out_shape->data_offset);
    }
    if (copy->versions_offset != sizeof *copy) {
        return bad_header(name, "versions_offset", copy->versions_offset, sizeof *copy);
    }
    if (copy->total_bytes != out_shape->total_bytes || out_shape->total_bytes > size_bytes) {
        return bad_header(name, "total_bytes", copy->total_bytes,
                          out_shape->total_bytes > size_bytes ? size_bytes
                                                              : out_shape->total_bytes);
    }
    return RENOIR_SUCCESS;
}

RenoirErrorCode rnr_versions_attach(RnrStateShm *shm,
                                    uint64_t size_bytes,
                                    const char *name,
                                    RnrVersions *out_versions)
{
    if (size_bytes < sizeof *shm) {
        return bad_header(name, "room in bytes", size_bytes, sizeof *shm);
    }
    // [state.made: acquire] The geometry was written before.
    const uint64_t magic = rnr_load_acquire_u64(&shm->magic);
    if (magic != RNR_STATE_MAGIC) {
        return bad_header(name, "magic", magic, RNR_STATE_MAGIC);
    }
    RnrStateShm copy;
    RnrVersionsShape shape = {0};
    const size_t begin = offsetof(RnrStateShm, layout_version);
    memcpy((uint8_t *)&copy + begin, (const uint8_t *)shm + begin,
           offsetof(RnrStateShm, pad_geometry) - begin);
    const RenoirErrorCode status = check_geometry(&copy, size_bytes, name, &shape);
    if (status == RENOIR_SUCCESS) {
        *out_versions = (RnrVersions){.shm = shm,
                                      .cells = (unsigned char *)shm + sizeof *shm,
                                      .max_size = shape.max_size,
                                      .stride = shape.stride,
                                      .data_offset = shape.data_offset,
                                      .name = name};
    }
    return status;
}

// --- the writer ----------------------------------------------------------------------------------

static RenoirErrorCode bad_stamp(const RnrVersions *versions, uint64_t number, uint64_t stamp)
{
    return RNR_FAIL(RENOIR_CORRUPTED,
                    "state '%s': its latest version is said to be %" PRIu64
                    ", whose place has the stamp %" PRIu64
                    " (I1: another process has overwritten it: remove the state)",
                    versions->name, number, stamp);
}

RenoirErrorCode rnr_versions_take_over(const RnrVersions *versions, uint64_t *out_number)
{
    // [state.publish: acquire] What the last writer named. It is gone: this does not change.
    const uint64_t latest = rnr_load_acquire_u64(&versions->shm->latest);
    // [state.stamp: acquire] As above.
    const uint64_t stamp = rnr_load_acquire_u64(&place_of(versions, latest)->stamp);

    if (latest >= RNR_VERSIONS_NUMBER_MAX || (latest != 0 && stamp != latest)) {
        return bad_stamp(versions, latest, stamp);
    }
    *out_number = latest + 1;
    return RENOIR_SUCCESS;
}

void *rnr_versions_reserve(const RnrVersions *versions, uint64_t number)
{
    RnrVersionShm *const place = place_of(versions, number);

    // [state.overtake: release] Whoever misses this place's version sees a newer latest.
    rnr_store_release_u64(&place->stamp, 0);
    // [state.reuse: release] No byte is new for whoever finds the old stamp afterwards.
    rnr_fence_release();
    RNR_FAULT_POINT("state.reserve.invalid");
    return data_of(versions, place);
}

void rnr_versions_commit(const RnrVersions *versions, uint64_t number, uint64_t length)
{
    RnrVersionShm *const place = place_of(versions, number);

    // [own: relaxed] The stamp carries it.
    rnr_store_relaxed_u64(&place->length, length);
    RNR_FAULT_POINT("state.commit.data");
    // [state.stamp: release] The version is whole.
    rnr_store_release_u64(&place->stamp, number);
    RNR_FAULT_POINT("state.commit.stamp");
    // [state.publish: release] Readers take it from here on.
    rnr_store_release_u64(&versions->shm->latest, number);
    RNR_FAULT_POINT("state.commit.latest");
}

// --- readers -------------------------------------------------------------------------------------

uint64_t rnr_versions_latest(const RnrVersions *versions)
{
    // [state.publish: acquire] A read after this finds that version, or a newer one.
    return rnr_load_acquire_u64(&versions->shm->latest);
}

bool rnr_versions_is_whole(const RnrVersions *versions, uint64_t number)
{
    // [state.reuse: acquire] Bytes of a newer version make the look below find another stamp.
    rnr_fence_acquire();
    // [hint: relaxed] Ordered by the fence; another stamp costs another try.
    return rnr_load_relaxed_u64(&place_of(versions, number)->stamp) == number;
}

static RenoirErrorCode bad_length(const RnrVersions *versions, const RnrVersion *version)
{
    return RNR_FAIL(RENOIR_CORRUPTED,
                    "state '%s': version %" PRIu64 " is said to have %" PRIu64
                    " bytes, max_size is %" PRIu64 " (its writer is damaged: remove the state)",
                    versions->name, version->number, version->length, versions->max_size);
}

static RenoirErrorCode too_slow(const RnrVersions *versions, const RnrVersion *version)
{
    return RNR_FAIL(
        RENOIR_CONCURRENCY_ERROR,
        "state '%s': the writer overtook each of %d tries to read it: the last one "
        "took version %" PRIu64 ", the writer is at %" PRIu64 " (read again, or write less often)",
        versions->name, RNR_VERSIONS_TRIES, version->number, rnr_versions_latest(versions));
}

// One look at the newest. *missed: the version that the last look missed.
static RenoirErrorCode find(const RnrVersions *versions, uint64_t *missed, RnrVersion *out_version)
{
    const uint64_t number = rnr_versions_latest(versions);
    RnrVersionShm *const place = place_of(versions, number);

    out_version->number = number;
    out_version->data = data_of(versions, place);
    if (RNR_UNLIKELY(number == 0)) {
        return RENOIR_BUFFER_EMPTY;
    }
    // [state.stamp: acquire] [state.overtake: acquire] This version's, or latest has gone on.
    const uint64_t stamp = rnr_load_acquire_u64(&place->stamp);
    if (RNR_UNLIKELY(stamp != number)) {
        if (*missed == number) {
            return bad_stamp(versions, number, stamp);
        }
        *missed = number;
        return LOOK_AGAIN;
    }
    // [hint: relaxed] Belongs to the version only if its stamp is still there in the end.
    out_version->length = rnr_load_relaxed_u64(&place->length);
    if (RNR_UNLIKELY(out_version->length > versions->max_size)) {
        return rnr_versions_is_whole(versions, number) ? bad_length(versions, out_version)
                                                       : LOOK_AGAIN;
    }
    return RENOIR_SUCCESS;
}

static RenoirErrorCode
no_room(const RnrVersions *versions, const RnrVersion *version, uint64_t size)
{
    return RNR_FAIL(RENOIR_INSUFFICIENT_SPACE,
                    "state '%s': version %" PRIu64 " has %" PRIu64 " bytes, the buffer %" PRIu64
                    " (call again with more)",
                    versions->name, version->number, version->length, size);
}

RenoirErrorCode
rnr_versions_read(const RnrVersions *versions, void *buffer, uint64_t size, RnrVersion *out_version)
{
    RenoirErrorCode status = LOOK_AGAIN;
    uint64_t missed = 0;
    uint64_t dirty = 0; // bytes of the buffer that may be torn

    for (uint32_t i = 0; status == LOOK_AGAIN && i < RNR_VERSIONS_TRIES; ++i) {
        status = find(versions, &missed, out_version);
        if (RNR_UNLIKELY(status != RENOIR_SUCCESS)) {
            continue;
        }
        const uint64_t length = out_version->length;
        if (RNR_LIKELY(length <= size && length != 0)) {
            rnr_copy(buffer, out_version->data, (size_t)length);
        }
        if (RNR_LIKELY(rnr_versions_is_whole(versions, out_version->number))) {
            if (RNR_LIKELY(length <= size)) {
                return RENOIR_SUCCESS;
            }
            status = no_room(versions, out_version, size);
        } else {
            dirty = length <= size && length > dirty ? length : dirty;
            status = LOOK_AGAIN;
        }
    }
    if (dirty != 0) {
        memset(buffer, 0, (size_t)dirty);
    }
    return status == LOOK_AGAIN ? too_slow(versions, out_version) : status;
}

RenoirErrorCode rnr_versions_peek(const RnrVersions *versions, RnrVersion *out_version)
{
    RenoirErrorCode status = LOOK_AGAIN;
    uint64_t missed = 0;

    for (uint32_t i = 0; status == LOOK_AGAIN && i < RNR_VERSIONS_TRIES; ++i) {
        status = find(versions, &missed, out_version);
        // The length must be the version's own: it says how far the caller may look.
        if (status == RENOIR_SUCCESS && !rnr_versions_is_whole(versions, out_version->number)) {
            status = LOOK_AGAIN;
        }
    }
    return status == LOOK_AGAIN ? too_slow(versions, out_version) : status;
}

// --- verifying -----------------------------------------------------------------------------------

static RenoirErrorCode check_place(const RnrVersions *versions, uint64_t index)
{
    const RnrVersionShm *const place = place_of(versions, index);
    // [state.stamp: acquire] The latest below is not older than what this writer had named then.
    const uint64_t stamp = rnr_load_acquire_u64(&place->stamp);
    const uint64_t latest = rnr_versions_latest(versions);

    if (stamp != 0 && ((stamp - index) % RNR_STATE_VERSIONS != 0 || stamp > latest + 1)) {
        return RNR_FAIL(RENOIR_CORRUPTED,
                        "state '%s': place %" PRIu64 " has the stamp %" PRIu64
                        ", the latest version is %" PRIu64
                        " (I2: another process has overwritten it: remove the state)",
                        versions->name, index, stamp, latest);
    }
    // [hint: relaxed] Compared only if the stamp is still there.
    const RnrVersion version = {.number = stamp, .length = rnr_load_relaxed_u64(&place->length)};
    if (stamp != 0 && version.length > versions->max_size &&
        rnr_versions_is_whole(versions, stamp)) {
        return bad_length(versions, &version);
    }
    return RENOIR_SUCCESS;
}

RenoirErrorCode rnr_versions_check(const RnrVersions *versions)
{
    RenoirErrorCode status = RENOIR_SUCCESS;
    RnrVersion version;

    for (uint64_t i = 0; status == RENOIR_SUCCESS && i < RNR_STATE_VERSIONS; ++i) {
        status = check_place(versions, i);
    }
    if (status == RENOIR_SUCCESS) {
        status = rnr_versions_peek(versions, &version);
    }
    if (status == RENOIR_SUCCESS && version.number >= RNR_VERSIONS_NUMBER_MAX) {
        status = bad_stamp(versions, version.number, version.number);
    }
    return status == RENOIR_CORRUPTED ? status : RENOIR_SUCCESS;
}
