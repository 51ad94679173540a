// SPDX-License-Identifier: MIT OR Apache-2.0

#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ring/ring.h"
#include "unit/ring/fixture.h"

TEST(ring_open, options_outside_their_range_are_refused_with_the_number, "R-071 T-026 T-014")
{
    static const uint64_t capacities[] = {
        0, 1, 3, 1000, UINT64_C(1) << 32, UINT64_C(1) << 40, UINT64_MAX};
    RenoirSpsc ring;
    for (size_t i = 0; i < sizeof capacities / sizeof capacities[0]; ++i) {
        char number[32];
        RenoirRingOptions options = element_options(8, capacities[i]);
        options.memory = &ring;
        CHECK_STATUS(RENOIR_INVALID_PARAMETER,
                     renoir_spsc_open(NULL, NULL, &options, RENOIR_PRODUCER, &ring));
        snprintf(number, sizeof number, "capacity is %llu", (unsigned long long)capacities[i]);
        CHECK_STR_CONTAINS(number, renoir_last_error_message());
        CHECK_EQ_U64(0, renoir_ring_size(RENOIR_RING_SPSC, &options));
    }
    RenoirRingOptions options = element_options(0, 16);
    CHECK_EQ_U64(0, renoir_ring_size(RENOIR_RING_SPSC, &options));
    options.element_size = (1u << 20) + 1;
    CHECK_EQ_U64(0, renoir_ring_size(RENOIR_RING_SPSC, &options));
    CHECK_STR_CONTAINS("1048577", renoir_last_error_message());
    options = element_options(8, 16);
    CHECK_EQ_U64(0, renoir_ring_size(77, &options));
    CHECK_EQ_U64(0, renoir_ring_size(RENOIR_RING_SPSC, NULL));
    options = record_options(32, 0);
    CHECK_EQ_U64(0, renoir_ring_size(RENOIR_RING_RECORD, &options));
}

TEST(ring_open, unknown_flags_and_reserved_fields_are_unsupported, "R-071 T-026 ffi")
{
    RenoirSpsc ring;
    RenoirRingOptions options = in_memory(RENOIR_RING_SPSC, element_options(8, 16));
    options.flags |= 1u << 30;
    CHECK_STATUS(RENOIR_UNSUPPORTED,
                 renoir_spsc_open(NULL, NULL, &options, RENOIR_PRODUCER, &ring));
    options.flags = 0;
    options.lane_shares = renoir_priority_shares(20, 50, 30);
    CHECK_STATUS(RENOIR_UNSUPPORTED,
                 renoir_spsc_open(NULL, NULL, &options, RENOIR_PRODUCER, &ring));
    options.lane_shares = 0;
    options.struct_size = 0;
    CHECK_STATUS(RENOIR_INVALID_PARAMETER,
                 renoir_spsc_open(NULL, NULL, &options, RENOIR_PRODUCER, &ring));
    free(options.memory);
}

TEST(ring_open, memory_must_be_there_aligned_and_large_enough, "R-003 R-071 T-026 ffi")
{
    RenoirSpsc ring;
    RenoirRingOptions options = in_memory(RENOIR_RING_SPSC, element_options(8, 16));
    RenoirRingOptions wrong = options;

    wrong.memory = NULL;
    CHECK_STATUS(RENOIR_INVALID_PARAMETER,
                 renoir_spsc_open(NULL, NULL, &wrong, RENOIR_PRODUCER, &ring));
    wrong = options;
    wrong.memory = (uint8_t *)options.memory + 64;
    CHECK_STATUS(RENOIR_ALIGNMENT_ERROR,
                 renoir_spsc_open(NULL, NULL, &wrong, RENOIR_PRODUCER, &ring));
    wrong = options;
    wrong.memory_size -= 1;
    CHECK_STATUS(RENOIR_INSUFFICIENT_SPACE,
                 renoir_spsc_open(NULL, NULL, &wrong, RENOIR_PRODUCER, &ring));
    CHECK_STR_CONTAINS("896 bytes needed, 895 given", renoir_last_error_message());
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_spsc_open(NULL, NULL, &options, 3, &ring));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER,
                 renoir_spsc_open(NULL, NULL, &options, RENOIR_PRODUCER, NULL));
    CHECK(ring.end.internal == NULL);
    free(options.memory);
}

TEST(ring_open, each_term_that_differs_is_named, "R-071 T-014 communication")
{
    RenoirRegionHandle region = join_region();
    RenoirSpsc producer;
    RenoirSpsc consumer;
    RenoirRecordRing record;
    RenoirRingOptions options = element_options(8, 1024);
    REQUIRE_OK(renoir_spsc_open(region, "r", &options, RENOIR_PRODUCER, &producer));

    options = element_options(8, 2048);
    CHECK_STATUS(RENOIR_EXISTS,
                 renoir_spsc_open(region, "r", &options, RENOIR_CONSUMER, &consumer));
    CHECK_STR_CONTAINS("capacity 1024, asked for 2048", renoir_last_error_message());
    options = element_options(16, 1024);
    CHECK_STATUS(RENOIR_EXISTS,
                 renoir_spsc_open(region, "r", &options, RENOIR_CONSUMER, &consumer));
    CHECK_STR_CONTAINS("element_size 8, asked for 16", renoir_last_error_message());
    options = element_options(8, 1024);
    options.flags = 0;
    CHECK_STATUS(RENOIR_EXISTS,
                 renoir_spsc_open(region, "r", &options, RENOIR_CONSUMER, &consumer));
    CHECK_STR_CONTAINS("flags", renoir_last_error_message());
    options = record_options(1024, 0);
    CHECK_STATUS(RENOIR_EXISTS,
                 renoir_record_ring_open(region, "r", &options, RENOIR_CONSUMER, &record));

    renoir_ring_close(&producer.end);
    renoir_region_close(region);
}

PEER(second_of_a_role)
{
    RenoirRegionHandle region = join_region();
    RenoirRingOptions options = element_options(8, 16);
    RenoirSpsc ring;
    CHECK_STATUS(RENOIR_LIMIT_REACHED,
                 renoir_spsc_open(region, "r", &options, (uint32_t)peer_arg_u64(0), &ring));
    CHECK_STR_CONTAINS(peer_arg(1), renoir_last_error_message());
    renoir_region_close(region);
}

TEST(ring_open, a_role_has_one_owner_and_the_refusal_names_it, "R-071 T-022 communication")
{
    RenoirRegionHandle region = join_region();
    RenoirRingOptions options = element_options(8, 16);
    RenoirSpsc producer;
    RenoirSpsc consumer;
    char pid[32];
    REQUIRE_OK(renoir_spsc_open(region, "r", &options, RENOIR_PRODUCER, &producer));
    REQUIRE_OK(renoir_spsc_open(region, "r", &options, RENOIR_CONSUMER, &consumer));
    snprintf(pid, sizeof pid, "pid %ld", (long)getpid());

    CHECK_EXITED(peer_run(second_of_a_role, "1", pid), 0);
    CHECK_EXITED(peer_run(second_of_a_role, "2", pid), 0);
    RenoirSpsc again;
    CHECK_STATUS(RENOIR_LIMIT_REACHED,
                 renoir_spsc_open(region, "r", &options, RENOIR_PRODUCER, &again));

    renoir_ring_close(&producer.end);
    CHECK_OK(renoir_spsc_open(region, "r", &options, RENOIR_PRODUCER, &producer));
    renoir_ring_close(&producer.end);
    renoir_ring_close(&consumer.end);
    renoir_region_close(region);
}

TEST(ring_open, in_memory_a_role_has_one_owner_too, "R-071 T-022")
{
    SpscPair pair;
    RenoirSpsc again;
    spsc_pair_open(&pair, 8, 16);
    CHECK_STATUS(RENOIR_LIMIT_REACHED,
                 renoir_spsc_open(NULL, NULL, &pair.options, RENOIR_PRODUCER, &again));
    CHECK_STR_CONTAINS("producer", renoir_last_error_message());
    renoir_ring_close(&pair.producer.end);
    CHECK_OK(renoir_spsc_open(NULL, NULL, &pair.options, RENOIR_PRODUCER, &pair.producer));
    spsc_pair_close(&pair);
}

PEER(writer_of_ten)
{
    RenoirRegionHandle region = join_region();
    RenoirRingOptions options = element_options(8, 16);
    RenoirSpsc ring;
    REQUIRE_OK(renoir_spsc_open(region, "r", &options, RENOIR_PRODUCER, &ring));
    for (uint64_t i = 0; i < 10; ++i) {
        REQUIRE_OK(renoir_spsc_try_push(&ring, &i, sizeof i));
    }
    renoir_ring_close(&ring.end);
    renoir_region_close(region);
}

TEST(ring_open, another_process_finds_the_ring_by_name_and_reads_it, "R-071 T-001 communication")
{
    RenoirRegionHandle region = join_region();
    RenoirRingOptions options = element_options(8, 16);
    RenoirSpsc ring;
    CHECK_EXITED(peer_run(writer_of_ten), 0);

    REQUIRE_OK(renoir_spsc_open(region, "r", &options, RENOIR_CONSUMER, &ring));
    for (uint64_t i = 0; i < 10; ++i) {
        uint64_t value = 99;
        REQUIRE_OK(renoir_spsc_try_pop(&ring, &value, sizeof value));
        CHECK_EQ_U64(i, value);
    }
    CHECK_STATUS(RENOIR_DISCONNECTED, renoir_ring_wait(&ring.end, RENOIR_WAIT_FOREVER));
    CHECK_STR_CONTAINS("ring 'r': its producer is gone", renoir_last_error_message());
    renoir_ring_close(&ring.end);
    renoir_region_close(region);
}

TEST(ring_open, two_rings_in_one_region_do_not_touch_each_other, "R-071 T-035")
{
    RenoirRegionHandle region = join_region();
    RenoirRingOptions options = element_options(8, 16);
    RenoirRingOptions longer = record_options(4096, 0);
    RenoirSpsc a;
    RenoirRecordRing b;
    uint8_t bytes[1024];
    REQUIRE_OK(renoir_spsc_open(region, "a", &options, RENOIR_PRODUCER, &a));
    REQUIRE_OK(renoir_record_ring_open(region, "b", &longer, RENOIR_PRODUCER, &b));
    const uint8_t *const a_begin = a.end.shared;
    const uint8_t *const b_begin = b.end.shared;
    const size_t a_size = renoir_ring_size(RENOIR_RING_SPSC, &options);
    const size_t b_size = renoir_ring_size(RENOIR_RING_RECORD, &longer);
    CHECK(a_begin + a_size <= b_begin || b_begin + b_size <= a_begin);
    memset(bytes, 0x5a, sizeof bytes);
    for (int i = 0; i < 16; ++i) {
        REQUIRE_OK(renoir_spsc_try_push(&a, bytes, 8));
    }
    while (renoir_record_ring_try_push(&b, bytes, sizeof bytes, 0) == RENOIR_SUCCESS) {
    }
    CHECK_EQ_U64(16, renoir_ring_count(&a.end));
    CHECK_OK(rnr_ring_check(a.end.shared, a_size, "a"));
    CHECK_OK(rnr_ring_check(b.end.shared, b_size, "b"));
    renoir_ring_close(&a.end);
    renoir_ring_close(&b.end);
    renoir_region_close(region);
}

TEST(ring_open, an_end_keeps_the_region_mapped_after_its_handle_is_closed, "R-071 T-040")
{
    RenoirRegionHandle region = join_region();
    RenoirRingOptions options = element_options(8, 16);
    RenoirSpsc producer;
    RenoirSpsc consumer;
    uint64_t value = 7;
    REQUIRE_OK(renoir_spsc_open(region, "r", &options, RENOIR_PRODUCER, &producer));
    REQUIRE_OK(renoir_spsc_open(region, "r", &options, RENOIR_CONSUMER, &consumer));
    renoir_region_close(region);

    CHECK_OK(renoir_spsc_try_push(&producer, &value, 8));
    value = 0;
    CHECK_OK(renoir_ring_wait(&consumer.end, RENOIR_NO_WAIT));
    CHECK_OK(renoir_spsc_try_pop(&consumer, &value, 8));
    CHECK_EQ_U64(7, value);
    renoir_ring_close(&producer.end);
    renoir_ring_close(&consumer.end);
}

TEST(ring_open,
     calls_in_a_forked_child_are_refused_and_closing_leaves_shared_state_alone,
     "R-071 reliability ffi")
{
    RenoirRegionHandle region = join_region();
    RenoirRingOptions options = element_options(8, 16);
    RenoirRingStats stats;
    RenoirSpsc ring;
    int status = 0;
    REQUIRE_OK(renoir_spsc_open(region, "r", &options, RENOIR_PRODUCER, &ring));

    const pid_t child = fork();
    if (child == 0) {
        int wrong = 0;
        wrong += renoir_ring_wait(&ring.end, RENOIR_NO_WAIT) != RENOIR_INVALID_STATE;
        wrong += renoir_ring_stats(&ring.end, &stats) != RENOIR_INVALID_STATE;
        renoir_ring_close(&ring.end);
        _exit(wrong);
    }
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK_EQ_I64(0, status);

    const uint64_t value = 1;
    CHECK_OK(renoir_spsc_try_push(&ring, &value, 8));
    CHECK_EQ_U64(RNR_RING_CAME,
                 rnr_load_relaxed_u64(&rnr_ring_end_shm(shm_of(&ring.end), 0)->presence) &
                     RNR_RING_PRESENCE_MASK);
    RenoirSpsc again;
    CHECK_STATUS(RENOIR_LIMIT_REACHED,
                 renoir_spsc_open(region, "r", &options, RENOIR_PRODUCER, &again));
    renoir_ring_close(&ring.end);
    renoir_region_close(region);
}

// Every field of the header, one after the other, set to extremes.
TEST(ring_open, a_damaged_header_is_an_answer_and_never_a_crash, "T-023 T-068 security_edge")
{
    static const uint64_t wild[] = {0, 1, 7, 0x7fffffff, 0xffffffff, UINT64_C(1) << 63, UINT64_MAX};
    RenoirRingOptions options = in_memory(RENOIR_RING_RECORD, record_options(1024, 0));
    RenoirRecordRing ring;
    uint8_t *const bytes = options.memory;
    uint8_t good[64];
    REQUIRE_OK(renoir_record_ring_open(NULL, NULL, &options, RENOIR_PRODUCER, &ring));
    renoir_ring_close(&ring.end);
    memcpy(good, bytes, sizeof good);

    for (size_t offset = 8; offset < 56; offset += 4) {
        for (size_t i = 0; i < sizeof wild / sizeof wild[0]; ++i) {
            memcpy(bytes, good, sizeof good);
            memcpy(bytes + offset, &wild[i], 4);
            if (memcmp(bytes, good, sizeof good) == 0) {
                continue;
            }
            const RenoirErrorCode status =
                renoir_record_ring_open(NULL, NULL, &options, RENOIR_CONSUMER, &ring);
            CHECK(status == RENOIR_CORRUPTED || status == RENOIR_VERSION_MISMATCH ||
                  status == RENOIR_EXISTS);
            CHECK(rnr_ring_check(bytes, options.memory_size, "x") != RENOIR_SUCCESS ||
                  status == RENOIR_EXISTS);
        }
    }
    memcpy(bytes, good, sizeof good);
    memset(bytes, 0xee, 8);
    CHECK_STATUS(RENOIR_CORRUPTED,
                 renoir_record_ring_open(NULL, NULL, &options, RENOIR_CONSUMER, &ring));
    memcpy(bytes, good, sizeof good);
    rnr_store_release_u64(&((RnrRingShm *)options.memory)->tail, 2000);
    CHECK_STATUS(RENOIR_CORRUPTED,
                 renoir_record_ring_open(NULL, NULL, &options, RENOIR_CONSUMER, &ring));
    CHECK_STATUS(RENOIR_CORRUPTED, rnr_ring_check(options.memory, options.memory_size, "x"));
    free(options.memory);
}

TEST(ring_open, a_layout_of_another_version_is_a_mismatch_with_both_numbers, "R-005 R-071 R-036")
{
    RenoirRingOptions options = in_memory(RENOIR_RING_SPSC, element_options(8, 16));
    RenoirSpsc ring;
    REQUIRE_OK(renoir_spsc_open(NULL, NULL, &options, RENOIR_PRODUCER, &ring));
    renoir_ring_close(&ring.end);
    ((RnrRingShm *)options.memory)->layout_version = 3;
    CHECK_STATUS(RENOIR_VERSION_MISMATCH,
                 renoir_spsc_open(NULL, NULL, &options, RENOIR_PRODUCER, &ring));
    CHECK_STR_CONTAINS("layout version 3 is there, this library has 2",
                       renoir_last_error_message());
    free(options.memory);
}

TEST(ring_open,
     a_program_built_with_other_headers_is_refused_and_its_end_left_alone,
     "R-006 T-087 ffi")
{
    RenoirRingOptions options = in_memory(RENOIR_RING_SPSC, element_options(8, 16));
    const RenoirDetailRingEntry entry = {
        .abi = RENOIR_DETAIL_RING_END_ABI + 1, .kind = RENOIR_RING_SPSC, .role = RENOIR_PRODUCER};
    RenoirRingEnd end;
    memset(&end, 0x5a, sizeof end);
    CHECK_STATUS(RENOIR_VERSION_MISMATCH,
                 renoir_detail_ring_open(NULL, NULL, &options, &entry, &end));
    CHECK_STR_CONTAINS("build the program again", renoir_last_error_message());
    CHECK_EQ_U64(0x5a, *(unsigned char *)&end);
    free(options.memory);
}

TEST(ring_open, memory_that_somebody_stopped_making_is_not_waited_for_for_ever, "T-033 reliability")
{
    RenoirRingOptions options = in_memory(RENOIR_RING_SPSC, element_options(8, 16));
    RenoirSpsc ring;
    rnr_store_release_u64(&((RnrRingShm *)options.memory)->magic, RNR_RING_IS_MADE);
    CHECK_STATUS(RENOIR_CONCURRENCY_ERROR,
                 renoir_spsc_open(NULL, NULL, &options, RENOIR_PRODUCER, &ring));
    free(options.memory);
}

typedef struct Racer {
    pthread_t thread;
    const RenoirRingOptions *options;
    RenoirSpsc ring;
    RenoirErrorCode status;
} Racer;

static void *race_for_the_role(void *argument)
{
    Racer *const racer = argument;
    racer->status = renoir_spsc_open(NULL, NULL, racer->options, RENOIR_PRODUCER, &racer->ring);
    return NULL;
}

TEST(ring_open,
     threads_that_race_to_make_one_ring_in_memory_get_one_producer,
     "R-071 T-022 T-033 concurrent_stress tsan")
{
    const uint64_t rounds = test_scaled(5000);
    for (uint64_t round = 0; round < rounds; ++round) {
        RenoirRingOptions options = in_memory(RENOIR_RING_SPSC, element_options(8, 16));
        Racer racers[4];
        unsigned winners = 0;
        for (unsigned i = 0; i < 4; ++i) {
            racers[i].options = &options;
            REQUIRE(pthread_create(&racers[i].thread, NULL, race_for_the_role, &racers[i]) == 0);
        }
        for (unsigned i = 0; i < 4; ++i) {
            REQUIRE(pthread_join(racers[i].thread, NULL) == 0);
            CHECK(racers[i].status == RENOIR_SUCCESS || racers[i].status == RENOIR_LIMIT_REACHED);
            winners += racers[i].status == RENOIR_SUCCESS ? 1 : 0;
        }
        CHECK_EQ_U64(1, winners);
        for (unsigned i = 0; i < 4; ++i) {
            renoir_ring_close(&racers[i].ring.end);
        }
        free(options.memory);
    }
}
