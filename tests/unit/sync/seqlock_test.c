// SPDX-License-Identifier: MIT OR Apache-2.0
//
// A plain struct behind a seqlock, and a shared counter.

#include <pthread.h>
#include <signal.h>

#include "unit/sync/state_fixture.h"

enum { VALUE_BYTES = 100 };

typedef struct Cell {
    RenoirSeqlock lock;
    unsigned char value[VALUE_BYTES];
    RenoirSequence sequence;
    RenoirSequence taken[64]; // by processes of a test
} Cell;

// In the region "states", zeroed by whoever comes first.
static Cell *join_cell(RenoirRegionHandle region)
{
    void *memory = NULL;
    REQUIRE_OK(renoir_region_block(region, "cell", sizeof(Cell), 0, &memory, NULL));
    return memory;
}

TEST(seqlock, what_was_stored_is_loaded, "R-115 R-126")
{
    Cell cell;
    unsigned char bytes[VALUE_BYTES];
    memset(&cell, 0, sizeof cell);
    memset(bytes, 0xee, sizeof bytes);
    CHECK_OK(renoir_seqlock_load(&cell.lock, bytes, cell.value, VALUE_BYTES));
    CHECK(bytes[0] == 0 && bytes[VALUE_BYTES - 1] == 0); // never stored: zeros
    for (uint64_t i = 1; i < 100; ++i) {
        const size_t size = (size_t)i;
        unsigned char value[VALUE_BYTES];
        value_fill(value, size, i);
        renoir_seqlock_store(&cell.lock, cell.value, value, size);
        CHECK_OK(renoir_seqlock_load(&cell.lock, bytes, cell.value, size));
        CHECK(value_holds(bytes, size, i));
        CHECK_EQ_U64(2 * i, cell.lock.sequence);
    }
    CHECK_OK(renoir_seqlock_load(&cell.lock, bytes, cell.value, 0));
}

TEST(seqlock, null_is_refused, "T-086 ffi")
{
    Cell cell;
    unsigned char bytes[8] = {0};
    memset(&cell, 0, sizeof cell);
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_seqlock_load(NULL, bytes, cell.value, 8));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_seqlock_load(&cell.lock, NULL, cell.value, 8));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_seqlock_load(&cell.lock, bytes, NULL, 8));
    CHECK_STR_CONTAINS("cannot load from seqlock", renoir_last_error_message());
    renoir_seqlock_store(NULL, cell.value, bytes, 8);
    renoir_seqlock_store(&cell.lock, NULL, bytes, 8);
    renoir_seqlock_store(&cell.lock, cell.value, NULL, 8);
    CHECK_EQ_U64(0, cell.lock.sequence);
    CHECK_EQ_U64(0, renoir_sequence_next(NULL));
}

// Stores 1, 2, 3 …, and dies at the point named in the store of the number given.
PEER(dying_storer)
{
    RenoirRegionHandle region = join_states();
    Cell *const cell = join_cell(region);
    rnr_fault_arm(peer_arg(0), RNR_FAULT_KILL, peer_arg_u64(1));
    for (uint64_t i = 1;; ++i) {
        unsigned char value[VALUE_BYTES];
        value_fill(value, VALUE_BYTES, i);
        renoir_seqlock_store(&cell->lock, cell->value, value, VALUE_BYTES);
    }
}

static void a_storer_dies(const char *point)
{
    RenoirRegionHandle region = join_states();
    Cell *const cell = join_cell(region);
    unsigned char bytes[VALUE_BYTES];
    CHECK_KILLED(peer_run(dying_storer, point, "5"));

    memset(bytes, 0xee, sizeof bytes);
    CHECK_STATUS(RENOIR_CONCURRENCY_ERROR,
                 renoir_seqlock_load(&cell->lock, bytes, cell->value, VALUE_BYTES));
    CHECK_STR_CONTAINS("no whole value in 1000 tries", renoir_last_error_message());
    CHECK_STR_CONTAINS("is inside, or died there", renoir_last_error_message());
    CHECK(bytes[0] == 0 && bytes[VALUE_BYTES - 1] == 0); // nothing torn comes out

    for (uint64_t i = 70; i < 73; ++i) { // the next writer makes it whole again
        value_fill(bytes, VALUE_BYTES, i);
        renoir_seqlock_store(&cell->lock, cell->value, bytes, VALUE_BYTES);
        memset(bytes, 0, sizeof bytes);
        CHECK_OK(renoir_seqlock_load(&cell->lock, bytes, cell->value, VALUE_BYTES));
        CHECK(value_holds(bytes, VALUE_BYTES, i));
    }
    leave_states_and_reap(region);
}

TEST(seqlock, a_writer_that_died_before_the_bytes_leaves_no_value_until_the_next, "T-058 T-059")
{
    a_storer_dies("seqlock.store.odd");
}

TEST(seqlock, a_writer_that_died_after_the_bytes_leaves_no_value_until_the_next, "T-058 T-059")
{
    a_storer_dies("seqlock.store.copied");
}

PEER(steady_storer)
{
    RenoirRegionHandle region = join_states();
    Cell *const cell = join_cell(region);
    peer_say("ready");
    for (uint64_t i = 1; i <= peer_arg_u64(0); ++i) {
        unsigned char value[VALUE_BYTES];
        value_fill(value, VALUE_BYTES, i);
        renoir_seqlock_store(&cell->lock, cell->value, value, VALUE_BYTES);
        for (int k = 0; k < 100; ++k) { // what a writer does between: else nobody gets a word in
            rnr_relax();
        }
    }
    renoir_region_close(region);
}

// Which value it is; 0 before the first.
static uint64_t number_of(const unsigned char *bytes)
{
    uint64_t word = 0;
    memcpy(&word, bytes, sizeof word);
    // the inverse of value_fill's factor
    return word == 0 ? 0 : word * UINT64_C(0xf1de83e19937733d) - 1;
}

TEST_WITHIN(seqlock,
            no_torn_value_comes_out_beside_a_writer_in_another_process,
            "R-115 T-053 T-059 concurrent_stress",
            300)
{
    char count[32];
    RenoirRegionHandle region = join_states();
    Cell *const cell = join_cell(region);
    const uint64_t total = test_scaled(5000000);
    uint64_t last = 0;
    uint64_t loads = 0;
    snprintf(count, sizeof count, "%llu", (unsigned long long)total);
    const TestPeer peer = peer_start(steady_storer, count);
    REQUIRE(peer_expect(peer, "ready"));
    while (last < total) {
        unsigned char bytes[VALUE_BYTES];
        const RenoirErrorCode status =
            renoir_seqlock_load(&cell->lock, bytes, cell->value, VALUE_BYTES);
        if (status == RENOIR_CONCURRENCY_ERROR) {
            continue; // it was taken off its processor inside
        }
        REQUIRE_STATUS(RENOIR_SUCCESS, status);
        const uint64_t number = number_of(bytes);
        REQUIRE(number >= last && number <= total);
        REQUIRE(number == 0 || value_holds(bytes, VALUE_BYTES, number));
        last = number;
        ++loads;
    }
    CHECK(loads > 0);
    CHECK_EXITED(peer, 0);
    renoir_region_close(region);
}

static Cell threaded;

static void *store_many(void *argument)
{
    for (uint64_t i = 1; i <= test_scaled(1000000); ++i) {
        unsigned char value[VALUE_BYTES];
        value_fill(value, VALUE_BYTES, i);
        renoir_seqlock_store(&threaded.lock, threaded.value, value, VALUE_BYTES);
        for (int k = 0; k < 50; ++k) {
            rnr_relax();
        }
    }
    return argument;
}

TEST(seqlock, threads_race_for_nothing, "R-115 T-029 T-053 concurrent_stress tsan")
{
    pthread_t thread;
    const uint64_t total = test_scaled(1000000);
    uint64_t last = 0;
    REQUIRE(pthread_create(&thread, NULL, store_many, NULL) == 0);
    while (last < total) {
        unsigned char bytes[VALUE_BYTES];
        if (renoir_seqlock_load(&threaded.lock, bytes, threaded.value, VALUE_BYTES) !=
            RENOIR_SUCCESS) {
            continue;
        }
        const uint64_t number = number_of(bytes);
        REQUIRE(number >= last && (number == 0 || value_holds(bytes, VALUE_BYTES, number)));
        last = number;
    }
    REQUIRE(pthread_join(thread, NULL) == 0);
    CHECK_EQ_U64(2 * total, threaded.lock.sequence);
}

// --- the counter ---------------------------------------------------------------------------------

enum { TAKERS = 4 };

PEER(taker)
{
    RenoirRegionHandle region = join_states();
    Cell *const cell = join_cell(region);
    const uint64_t total = peer_arg_u64(0);
    RenoirSequence *const taken = &cell->taken[peer_arg_u64(1) * 8];
    uint64_t last = 0;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < total; ++i) {
        const uint64_t number = renoir_sequence_next(&cell->sequence);
        REQUIRE(number > last);
        last = number;
        sum += number;
    }
    taken[0].next = sum;
    taken[1].next = last;
    renoir_region_close(region);
}

TEST(sequence, each_number_is_given_once_over_all_processes, "R-117 R-118 concurrent_stress")
{
    RenoirRegionHandle region = join_states();
    Cell *const cell = join_cell(region);
    const uint64_t each = test_scaled(10000000);
    char count[32];
    TestPeer peers[TAKERS];
    uint64_t sum = 0;
    uint64_t last = 0;
    snprintf(count, sizeof count, "%llu", (unsigned long long)each);
    for (unsigned i = 0; i < TAKERS; ++i) {
        char index[8];
        snprintf(index, sizeof index, "%u", i);
        peers[i] = peer_start(taker, count, index);
    }
    for (unsigned i = 0; i < TAKERS; ++i) {
        CHECK_EXITED(peers[i], 0);
        sum += cell->taken[8 * i].next;
        last = cell->taken[8 * i + 1].next > last ? cell->taken[8 * i + 1].next : last;
    }
    const uint64_t total = TAKERS * each; // 1 + 2 + … + total, if none was given twice or lost
    CHECK_EQ_U64(total * (total + 1) / 2, sum);
    CHECK_EQ_U64(total, last);
    CHECK_EQ_U64(total + 1, renoir_sequence_next(&cell->sequence));
    renoir_region_close(region);
}

TEST(sequence, numbers_begin_with_one, "R-117")
{
    RenoirSequence sequence = {0};
    CHECK_EQ_U64(1, renoir_sequence_next(&sequence));
    CHECK_EQ_U64(2, renoir_sequence_next(&sequence));
    sequence.next = UINT64_C(0xffffffff);
    CHECK_EQ_U64(UINT64_C(0x100000000), renoir_sequence_next(&sequence));
}
