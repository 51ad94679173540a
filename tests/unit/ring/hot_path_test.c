// SPDX-License-Identifier: MIT OR Apache-2.0
//
// What the hot path does not do: enter the kernel, or allocate. In strict seccomp mode the kernel
// kills a process at any system call but read, write and exit.

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fixture.h"

// SECCOMP_MODE_STRICT of <linux/seccomp.h>, which musl does not bring along.
enum { STRICT_MODE = 1 };

enum { LAPS = 100000, BATCH = 32 };

// From here on this process may compute, write and end.
static void forbid_system_calls(void)
{
    REQUIRE(prctl(PR_SET_SECCOMP, STRICT_MODE, 0, 0, 0) == 0);
}

// Without the process's destructors: they enter the kernel.
static noreturn void end_at_once(uint64_t count)
{
    const bool said = peer_say("%llu", (unsigned long long)count);
    for (;;) {
        (void)syscall(SYS_exit, said ? 0 : 1);
    }
}

PEER(elements_without_system_calls)
{
    RenoirRegionHandle region = join_region();
    RenoirRingOptions options = element_options(8, 64);
    RenoirSpsc producer;
    RenoirSpsc consumer;
    uint64_t batch[BATCH] = {0};
    uint64_t count = 0;
    options.flags |= (uint32_t)peer_arg_u64(0);
    REQUIRE_OK(renoir_spsc_open(region, "hot", &options, RENOIR_PRODUCER, &producer));
    REQUIRE_OK(renoir_spsc_open(region, "hot", &options, RENOIR_CONSUMER, &consumer));

    forbid_system_calls();
    for (uint64_t lap = 0; lap < LAPS; ++lap) {
        size_t moved = 0;
        uint64_t out = 0;
        const bool one = renoir_spsc_try_push(&producer, &lap, 8) == RENOIR_SUCCESS &&
                         renoir_spsc_try_pop(&consumer, &out, 8) == RENOIR_SUCCESS && out == lap;
        const bool many =
            renoir_spsc_push_n(&producer, batch, 8, BATCH, &moved) == RENOIR_SUCCESS &&
            renoir_spsc_pop_n(&consumer, batch, 8, BATCH, &moved) == RENOIR_SUCCESS;
        const bool empty = renoir_spsc_try_pop(&consumer, &out, 8) == RENOIR_BUFFER_EMPTY;
        count += one && many && empty && moved == BATCH;
    }
    end_at_once(count);
}

PEER(news_without_system_calls)
{
    RenoirRegionHandle region = join_region();
    const RenoirRingOptions options = element_options(8, 16);
    RenoirBroadcast producer;
    RenoirBroadcast consumer;
    uint64_t batch[BATCH] = {0};
    uint64_t count = 0;
    REQUIRE_OK(renoir_broadcast_open(region, "hot", &options, RENOIR_PRODUCER, &producer));
    REQUIRE_OK(renoir_broadcast_open(region, "hot", &options, RENOIR_CONSUMER, &consumer));

    forbid_system_calls();
    for (uint64_t lap = 0; lap < LAPS; ++lap) {
        size_t moved = 0;
        uint64_t out = 0;
        uint64_t lost = 0;
        renoir_broadcast_push(&producer, &lap, 8);
        const bool one =
            renoir_broadcast_try_pop(&consumer, &out, 8, NULL) == RENOIR_SUCCESS && out == lap;
        renoir_broadcast_push_n(&producer, batch, 8, BATCH);
        const bool many = renoir_broadcast_pop_n(&consumer, batch, 8, BATCH, &moved, &lost) ==
                              RENOIR_SUCCESS && // overtaken each time
                          renoir_broadcast_read_latest(&consumer, &out, 8, NULL) == RENOIR_SUCCESS;
        const bool empty =
            renoir_broadcast_try_pop(&consumer, &out, 8, NULL) == RENOIR_BUFFER_EMPTY;
        count += one && many && empty && moved + lost == BATCH;
    }
    end_at_once(count);
}

PEER(records_without_system_calls)
{
    RenoirRegionHandle region = join_region();
    const RenoirRingOptions options = record_options(65536, 4096);
    RenoirRecordRing producer;
    RenoirRecordRing consumer;
    uint64_t count = 0;
    REQUIRE_OK(renoir_record_ring_open(region, "hot", &options, RENOIR_PRODUCER, &producer));
    REQUIRE_OK(renoir_record_ring_open(region, "hot", &options, RENOIR_CONSUMER, &consumer));

    forbid_system_calls();
    for (uint32_t lap = 0; lap < LAPS; ++lap) {
        void *room = NULL;
        const void *data = NULL;
        size_t length = 0;
        uint32_t tag = 0;
        const size_t wanted = lap % 4096 + 1;
        if (renoir_record_ring_reserve(&producer, wanted, &room) != RENOIR_SUCCESS) {
            break;
        }
        memset(room, (int)(lap & 0xff), wanted);
        renoir_record_ring_commit(&producer, wanted, lap);
        if (renoir_record_ring_peek(&consumer, &data, &length, &tag) != RENOIR_SUCCESS) {
            break;
        }
        count += length == wanted && tag == lap && *(const uint8_t *)data == (lap & 0xff);
        renoir_record_ring_consume(&consumer);
    }
    end_at_once(count);
}

static void check_runs_whole(TestPeer peer)
{
    char line[64];
    CHECK(peer_read_line(peer, line, sizeof line));
    CHECK_EQ_U64(LAPS, strtoull(line, NULL, 10));
    CHECK_EXITED(peer, 0);
    CHECK_OK(renoir_node_reap(NULL, NULL));
}

TEST(hot_path, elements_move_without_a_system_call, "R-002 R-073 communication")
{
    if (test_is_emulated()) {
        SKIP("the emulator has no seccomp");
    }
#if defined(__SANITIZE_ADDRESS__) || RNR_TSAN
    SKIP("the sanitizer's runtime enters the kernel");
#endif
    check_runs_whole(peer_start(elements_without_system_calls, "0"));
    check_runs_whole(peer_start(elements_without_system_calls, "8")); // RENOIR_RING_STAMPED
    check_runs_whole(peer_start(news_without_system_calls));
}

TEST(hot_path, records_move_without_a_system_call, "R-002 R-074 R-078 communication")
{
    if (test_is_emulated()) {
        SKIP("the emulator has no seccomp");
    }
#if defined(__SANITIZE_ADDRESS__) || RNR_TSAN
    SKIP("the sanitizer's runtime enters the kernel");
#endif
    check_runs_whole(peer_start(records_without_system_calls));
}

TEST(hot_path, moving_data_allocates_nothing, "R-002")
{
    RenoirRegionHandle region = join_region();
    const RenoirRingOptions options = element_options(64, 256);
    RenoirSpsc producer;
    RenoirSpsc consumer;
    RenoirMemoryStats before;
    RenoirMemoryStats after;
    uint8_t element[64] = {0};
    REQUIRE_OK(renoir_spsc_open(region, "hot", &options, RENOIR_PRODUCER, &producer));
    REQUIRE_OK(renoir_spsc_open(region, "hot", &options, RENOIR_CONSUMER, &consumer));
    REQUIRE_OK(renoir_memory_stats(&before));

    for (uint64_t lap = 0; lap < LAPS; ++lap) {
        REQUIRE_OK(renoir_spsc_try_push(&producer, element, sizeof element));
        REQUIRE_OK(renoir_spsc_try_pop(&consumer, element, sizeof element));
    }

    REQUIRE_OK(renoir_memory_stats(&after));
    CHECK_EQ_U64(before.allocation_count, after.allocation_count);
    renoir_ring_close(&producer.end);
    renoir_ring_close(&consumer.end);
    renoir_region_close(region);
}
