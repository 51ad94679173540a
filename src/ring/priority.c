// SPDX-License-Identifier: MIT OR Apache-2.0
//
// What is particular to the priority ring, beside its inline calls: three record rings in one.
//
// Picture, Why, who and what if: include/renoir/detail/ring_priority.h
//
// Edges
//     ring.publish, ring.reuse   include/renoir/detail/ring_common.h

#include "ring/priority.h"

#include <string.h>

#include "base/error.h"
#include "renoir/detail/atomic.h"
#include "renoir/detail/ring_shm.h"
#include "ring/index.h"
#include "ring/kind.h"
#include "ring/refuse.h"

#define CAPACITY_MIN UINT64_C(512)
#define CAPACITY_MAX (UINT64_C(1) << 40)
#define LANE_MIN UINT64_C(64) // a record ring's

enum { LANES = RNR_PRIORITY_LANES, END_COUNT = 2, FIRST_CONSUMER = 1 };

// --- shape ---------------------------------------------------------------------------------------

static uint32_t share_of(uint32_t shares, unsigned lane)
{
    return shares >> (8 * lane) & 0xff;
}

void rnr_priority_split(uint64_t capacity, uint32_t shares, uint64_t out_lanes[RNR_PRIORITY_LANES])
{
    out_lanes[RENOIR_PRIORITY_CRITICAL] =
        (capacity * share_of(shares, RENOIR_PRIORITY_CRITICAL) + 99) / 100;
    out_lanes[RENOIR_PRIORITY_HIGH] =
        (capacity * share_of(shares, RENOIR_PRIORITY_HIGH) + 99) / 100;
    out_lanes[RENOIR_PRIORITY_LOW] =
        capacity - out_lanes[RENOIR_PRIORITY_CRITICAL] - out_lanes[RENOIR_PRIORITY_HIGH];
}

static uint64_t round_up_to_power(uint64_t bytes)
{
    uint64_t power = 1;
    while (power < bytes) {
        power *= 2;
    }
    return power;
}

static void lane_capacities(uint64_t capacity, uint32_t shares, uint64_t out_lanes[LANES])
{
    rnr_priority_split(capacity, shares, out_lanes);
    for (unsigned i = 0; i < LANES; ++i) {
        out_lanes[i] = round_up_to_power(out_lanes[i]);
        out_lanes[i] = out_lanes[i] < LANE_MIN ? LANE_MIN : out_lanes[i];
    }
}

// 0: the default. INVALID_PARAMETER: they do not add up to 100, or one is below 1.
static RenoirErrorCode check_shares(uint32_t shares, uint32_t *out_shares)
{
    const uint32_t all = shares == 0 ? renoir_priority_shares(20, 50, 30) : shares;
    const uint32_t critical = share_of(all, RENOIR_PRIORITY_CRITICAL);
    const uint32_t high = share_of(all, RENOIR_PRIORITY_HIGH);
    const uint32_t low = share_of(all, RENOIR_PRIORITY_LOW);

    if (all >> 24 != 0 || critical == 0 || high == 0 || low == 0 || critical + high + low != 100) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER,
                        "priority ring: lane_shares are %u, %u and %u per cent (use at least 1 for "
                        "each, and 100 in all)",
                        critical, high, low);
    }
    *out_shares = all;
    return RENOIR_SUCCESS;
}

// The shape of each lane, and how far its header lies behind the outer cells_offset.
typedef struct Lanes {
    RnrRingTerms terms[LANES];
    uint64_t offset[LANES];
    uint64_t bytes;
} Lanes;

static RenoirErrorCode lanes_of(const RnrRingTerms *of, Lanes *out_lanes)
{
    uint64_t capacities[LANES];

    out_lanes->bytes = 0;
    lane_capacities(of->capacity, of->lane_shares, capacities);
    for (unsigned i = 0; i < LANES; ++i) {
        const RenoirRingOptions options = {.capacity = capacities[i], .max_record = of->max_record};
        const RenoirErrorCode status =
            rnr_ring_terms(RENOIR_RING_RECORD, &options, &out_lanes->terms[i]);
        if (status != RENOIR_SUCCESS) {
            return status;
        }
        out_lanes->offset[i] = out_lanes->bytes;
        out_lanes->bytes += (out_lanes->terms[i].total_bytes + RNR_CACHE_PAIR - 1) &
                            ~(uint64_t)(RNR_CACHE_PAIR - 1);
    }
    return RENOIR_SUCCESS;
}

static RenoirErrorCode terms(const RenoirRingOptions *options, RnrRingTerms *out_terms)
{
    uint64_t capacities[LANES];
    RenoirErrorCode status = rnr_ring_check_capacity(RENOIR_RING_PRIORITY, options->capacity,
                                                     CAPACITY_MIN, CAPACITY_MAX);

    if (status == RENOIR_SUCCESS) {
        status = check_shares(options->lane_shares, &out_terms->lane_shares);
    }
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    lane_capacities(options->capacity, out_terms->lane_shares, capacities);
    uint64_t smallest = capacities[0];
    for (unsigned i = 1; i < LANES; ++i) {
        smallest = capacities[i] < smallest ? capacities[i] : smallest;
    }
    status =
        rnr_record_max(RENOIR_RING_PRIORITY, smallest, options->max_record, &out_terms->max_record);
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    out_terms->stride = sizeof(RnrRecordShm);
    out_terms->end_count = END_COUNT;
    out_terms->first_consumer = FIRST_CONSUMER;
    Lanes lanes; // a process that cannot address one of them learns it here
    return lanes_of(out_terms, &lanes);
}

static uint64_t cells_bytes(const RnrRingTerms *of)
{
    Lanes lanes;
    (void)lanes_of(of, &lanes); // has passed in terms()
    return lanes.bytes;
}

static RnrRingShm *
lane_shm(const RnrRingShm *shm, const RnrRingTerms *of, const Lanes *lanes, unsigned i)
{
    return (RnrRingShm *)((uintptr_t)shm + (uintptr_t)(of->cells_offset + lanes->offset[i]));
}

static void format(RnrRingShm *shm, const RnrRingTerms *of)
{
    Lanes lanes;

    if (lanes_of(of, &lanes) != RENOIR_SUCCESS) {
        return;
    }
    for (unsigned i = 0; i < LANES; ++i) {
        rnr_ring_format(lane_shm(shm, of, &lanes, i), &lanes.terms[i]);
        RNR_FAULT_POINT("priority.format.lane");
    }
}

// Whether the lanes are as the outer ring says.
static RenoirErrorCode
check_lanes(const RnrRingShm *shm, const RnrRingTerms *of, const char *name, Lanes *out_lanes)
{
    RenoirErrorCode status = lanes_of(of, out_lanes);

    for (unsigned i = 0; i < LANES && status == RENOIR_SUCCESS; ++i) {
        const RnrRingTerms *const expected = &out_lanes->terms[i];
        RnrRingTerms found;
        status = rnr_ring_read_terms(lane_shm(shm, of, out_lanes, i), expected->total_bytes, name,
                                     &found);
        if (status == RENOIR_SUCCESS &&
            (found.kind != expected->kind || found.flags != expected->flags ||
             found.total_bytes != expected->total_bytes || found.capacity != expected->capacity ||
             found.max_record != expected->max_record)) {
            status =
                rnr_ring_corrupted(name, "lane's capacity", found.capacity, expected->capacity);
        }
    }
    return status;
}

// --- coming --------------------------------------------------------------------------------------

// Before anybody counts with the end; its lanes are opened afterwards.
static RenoirErrorCode begin(const RnrRing *ring, RenoirRingEnd *end)
{
    Lanes lanes;
    (void)end;
    return check_lanes(ring->shm, &ring->terms, rnr_ring_name(ring), &lanes);
}

static void
fill_lane(const RenoirRingEnd *end, const RnrRingTerms *of, RnrRingShm *shm, RenoirRingEnd *lane)
{
    const uint64_t patience = of->total_bytes / RNR_RING_BYTES_PER_PATIENCE;

    memset(lane, 0, sizeof *lane);
    lane->shared = shm;
    lane->cells = (uint8_t *)shm + of->cells_offset;
    lane->mask = of->capacity - 1;
    lane->shift = (uint32_t)__builtin_ctzll(of->capacity);
    lane->stride = of->stride;
    lane->role = end->role;
    lane->index = end->index;
    lane->flags = end->flags & RNR_RING_FENCES; // and not WAITABLE: who sleeps, the outer ring says
    lane->kind = RENOIR_RING_RECORD;
    lane->max_record = of->max_record;
    lane->patience = patience < RNR_RING_PATIENCE_MAX ? (uint32_t)patience : RNR_RING_PATIENCE_MAX;
    lane->internal = end->internal;
}

RenoirErrorCode rnr_priority_open_lanes(const RenoirRingEnd *end,
                                        RenoirRecordRing lanes[RNR_PRIORITY_LANES])
{
    const RnrRing *const ring = rnr_ring_of(end);
    Lanes shapes;
    RenoirErrorCode status = lanes_of(&ring->terms, &shapes);

    for (unsigned i = 0; i < LANES && status == RENOIR_SUCCESS; ++i) {
        fill_lane(end, &shapes.terms[i], lane_shm(ring->shm, &ring->terms, &shapes, i),
                  &lanes[i].end);
        status = rnr_index_begin(ring, &lanes[i].end);
    }
    if (status != RENOIR_SUCCESS) {
        memset(lanes, 0, LANES * sizeof lanes[0]);
    }
    return status;
}

// --- waiting -------------------------------------------------------------------------------------

// Room in a lane, or what waits in it, by its shared indices: one of them is this end's own.
static RenoirErrorCode
read_lane(const RenoirRingEnd *end, const RnrRingShm *lane, uint64_t capacity, uint64_t *out_live)
{
    // [ring.reuse: acquire] The next call looks again itself; this only says that it will succeed.
    const uint64_t head = rnr_load_acquire_u64(&lane->head);
    // [ring.publish: acquire] As above.
    const uint64_t tail = rnr_load_acquire_u64(&lane->tail);

    *out_live = tail - head;
    if (*out_live > capacity) {
        return rnr_ring_bad_position(end, end->role == RENOIR_PRODUCER ? head : tail);
    }
    return RENOIR_SUCCESS;
}

static RenoirErrorCode look(const RenoirRingEnd *end)
{
    const RnrRing *const ring = rnr_ring_of(end);
    const bool is_producer = end->role == RENOIR_PRODUCER;
    const uint64_t wanted = end->wanted != 0 ? end->wanted : sizeof(RnrRecordShm);
    Lanes lanes;
    RenoirErrorCode status = lanes_of(&ring->terms, &lanes);

    for (unsigned i = 0; i < LANES && status == RENOIR_SUCCESS; ++i) {
        uint64_t live;
        const uint64_t capacity = lanes.terms[i].capacity;
        if (is_producer && end->wanted != 0 && end->claimed != i) {
            continue; // another lane's room is of no use
        }
        status = read_lane(end, lane_shm(ring->shm, &ring->terms, &lanes, i), capacity, &live);
        if (status == RENOIR_SUCCESS && (is_producer ? capacity - live >= wanted : live != 0)) {
            return RENOIR_SUCCESS;
        }
    }
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    return is_producer ? RENOIR_BUFFER_FULL : RENOIR_BUFFER_EMPTY;
}

// --- counts and checks ---------------------------------------------------------------------------

static void stats(const RnrRing *ring, const RenoirRingEnd *end, RenoirRingStats *out_stats)
{
    Lanes lanes;
    (void)end;

    out_stats->capacity = 0;
    if (lanes_of(&ring->terms, &lanes) != RENOIR_SUCCESS) {
        return;
    }
    for (unsigned i = 0; i < LANES; ++i) {
        RenoirRingStats lane = {0};
        rnr_index_stats(lane_shm(ring->shm, &ring->terms, &lanes, i), lanes.terms[i].capacity,
                        &lane);
        out_stats->capacity += lane.capacity;
        out_stats->size += lane.size;
        out_stats->writes += lane.writes;
        out_stats->reads += lane.reads;
    }
}

static RenoirErrorCode check(const RnrRingShm *shm, const RnrRingTerms *of, const char *name)
{
    Lanes lanes;
    RenoirErrorCode status = check_lanes(shm, of, name, &lanes);

    for (unsigned i = 0; i < LANES && status == RENOIR_SUCCESS; ++i) {
        status = rnr_index_check(lane_shm(shm, of, &lanes, i), &lanes.terms[i], name);
    }
    return status;
}

const RnrRingKind rnr_ring_kind_priority = {.name = "priority",
                                            .flags = RENOIR_RING_WAITABLE | RENOIR_RING_FAIR,
                                            .terms = terms,
                                            .cells_bytes = cells_bytes,
                                            .format = format,
                                            .begin = begin,
                                            .look = look,
                                            .stats = stats,
                                            .check = check};
