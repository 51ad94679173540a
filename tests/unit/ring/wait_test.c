// SPDX-License-Identifier: MIT OR Apache-2.0

#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "platform/park.h"
#include "unit/ring/fixture.h"

static RenoirSpsc open_end(RenoirRegionHandle region, uint32_t role, uint64_t spin_ns)
{
    RenoirRingOptions options = element_options(8, 4);
    RenoirSpsc ring;
    options.spin_ns = spin_ns;
    REQUIRE_OK(renoir_spsc_open(region, "r", &options, role, &ring));
    return ring;
}

TEST(ring_wait, a_ring_that_is_not_waitable_says_so, "R-072")
{
    RenoirRingOptions options = element_options(8, 4);
    RenoirSpsc ring;
    options.flags = 0;
    options = in_memory(RENOIR_RING_SPSC, options);
    REQUIRE_OK(renoir_spsc_open(NULL, NULL, &options, RENOIR_CONSUMER, &ring));
    CHECK_STATUS(RENOIR_UNSUPPORTED, renoir_ring_wait(&ring.end, RENOIR_NO_WAIT));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_ring_wait(NULL, RENOIR_NO_WAIT));
    renoir_ring_close(&ring.end);
    free(options.memory);
}

TEST(ring_wait, without_waiting_the_answer_is_that_of_try, "R-072 R-082 real_time")
{
    SpscPair pair;
    uint64_t value = 1;
    spsc_pair_open(&pair, 8, 2);
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, renoir_ring_wait(&pair.consumer.end, RENOIR_NO_WAIT));
    CHECK_STATUS(RENOIR_SUCCESS, renoir_ring_wait(&pair.producer.end, RENOIR_NO_WAIT));
    REQUIRE_OK(renoir_spsc_try_push(&pair.producer, &value, 8));
    REQUIRE_OK(renoir_spsc_try_push(&pair.producer, &value, 8));
    CHECK_STATUS(RENOIR_BUFFER_FULL, renoir_ring_wait(&pair.producer.end, RENOIR_NO_WAIT));
    CHECK_STATUS(RENOIR_SUCCESS, renoir_ring_wait(&pair.consumer.end, RENOIR_NO_WAIT));
    spsc_pair_close(&pair);
}

static void wait_for_nothing(uint64_t spin_ns, unsigned milliseconds)
{
    RenoirRegionHandle region = join_region();
    RenoirSpsc ring = open_end(region, RENOIR_CONSUMER, spin_ns);
    const uint64_t begin = test_now_ns();
    CHECK_STATUS(RENOIR_TIMEOUT, renoir_ring_wait(&ring.end, RENOIR_MILLISECONDS(milliseconds)));
    CHECK(test_now_ns() - begin >= RENOIR_MILLISECONDS(milliseconds));
    renoir_ring_close(&ring.end);
    renoir_region_close(region);
}

TEST(ring_wait, a_timeout_never_comes_early_however_the_end_waits, "R-072 T-012 real_time")
{
    wait_for_nothing(RENOIR_SPIN_NEVER, 1);
    wait_for_nothing(RENOIR_SPIN_NEVER, 83);
    wait_for_nothing(0, 31);
    wait_for_nothing(RENOIR_SPIN_ALWAYS, 23);
    wait_for_nothing(RENOIR_MILLISECONDS(10), 17);
}

static void ignore(int signal_number)
{
    (void)signal_number;
}

TEST(ring_wait, a_storm_of_signals_neither_shortens_nor_breaks_a_wait, "R-072 T-060 real_time")
{
    const struct sigaction action = {.sa_handler = ignore};
    const struct itimerval storm = {.it_interval = {0, 100}, .it_value = {0, 100}};
    const struct itimerval calm = {.it_value = {0, 0}};
    REQUIRE(sigaction(SIGALRM, &action, NULL) == 0);
    REQUIRE(setitimer(ITIMER_REAL, &storm, NULL) == 0);
    wait_for_nothing(RENOIR_SPIN_NEVER, 500);
    REQUIRE(setitimer(ITIMER_REAL, &calm, NULL) == 0);
}

// Opens the other end, and changes its bell and wakes its sleeper 1000 times a second for nothing.
PEER(nuisance)
{
    RenoirRegionHandle region = join_region();
    RenoirSpsc ring = open_end(region, RENOIR_PRODUCER, 0);
    RnrRingShm *const shm = shm_of(&ring.end);
    peer_say("ready");
    for (uint64_t i = 0; i < peer_arg_u64(0); ++i) {
        (void)rnr_fetch_add_seq_cst_u32(&shm->bells[1], 1);
        rnr_park_wake(&shm->bells[1], UINT32_MAX);
        if (i % 3 == 0) {
            (void)rnr_fetch_and_seq_cst_u32(&shm->sleepers, 0);
        }
        test_sleep_ms(1);
    }
    renoir_ring_close(&ring.end);
    renoir_region_close(region);
}

TEST(ring_wait, spurious_wakes_end_no_wait_early_and_cost_little, "R-072 T-012 sync_pattern")
{
    RenoirRegionHandle region = join_region();
    RenoirSpsc ring = open_end(region, RENOIR_CONSUMER, RENOIR_SPIN_NEVER);
    struct timespec used;
    const TestPeer peer = peer_start(nuisance, "400");
    REQUIRE(peer_expect(peer, "ready"));

    const uint64_t begin = test_now_ns();
    const RenoirErrorCode status = renoir_ring_wait(&ring.end, RENOIR_MILLISECONDS(400));
    const uint64_t took = test_now_ns() - begin;

    // The peer may have finished a little before: then it is gone, which is an answer as well.
    CHECK(status == RENOIR_TIMEOUT || status == RENOIR_DISCONNECTED);
    CHECK(status != RENOIR_TIMEOUT || took >= RENOIR_MILLISECONDS(400));
    CHECK(took >= RENOIR_MILLISECONDS(300));
    REQUIRE(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used) == 0);
    CHECK(used.tv_sec == 0 && (uint64_t)used.tv_nsec < took / 2);
    CHECK_EXITED(peer, 0);
    renoir_ring_close(&ring.end);
    renoir_region_close(region);
}

TEST(ring_wait, an_idle_waiter_sleeps_and_looks_a_few_times_a_second, "R-004 R-072 cpu_performance")
{
    RenoirRegionHandle region = join_region();
    RenoirSpsc ring = open_end(region, RENOIR_CONSUMER, RENOIR_SPIN_NEVER);
    struct rusage before;
    struct rusage after;
    REQUIRE(getrusage(RUSAGE_THREAD, &before) == 0);

    CHECK_STATUS(RENOIR_TIMEOUT, renoir_ring_wait(&ring.end, RENOIR_SECONDS(1)));

    // slices of 5, 10, 20, 40, then 50 ms: 23 of them; twice that for what the system does unasked
    REQUIRE(getrusage(RUSAGE_THREAD, &after) == 0);
    CHECK(after.ru_nvcsw - before.ru_nvcsw <= 46);
    renoir_ring_close(&ring.end);
    renoir_region_close(region);
}

// Does, when told, what its argument says.
PEER(other_end)
{
    char line[32];
    RenoirRegionHandle region = join_region();
    const uint32_t role = (uint32_t)peer_arg_u64(0);
    RenoirSpsc ring = open_end(region, role, 0);
    uint64_t value = 42;
    peer_say("ready");
    while (peer_hear(line, sizeof line) && strcmp(line, "close") != 0) {
        test_sleep_ms(10);
        if (strcmp(line, "push") == 0) {
            REQUIRE_OK(renoir_spsc_try_push(&ring, &value, 8));
        } else if (strcmp(line, "pop") == 0) {
            REQUIRE_OK(renoir_spsc_try_pop(&ring, &value, 8));
        }
    }
    renoir_ring_close(&ring.end);
    renoir_region_close(region);
}

static void wait_as_consumer(uint64_t spin_ns)
{
    RenoirRegionHandle region = join_region();
    RenoirSpsc ring = open_end(region, RENOIR_CONSUMER, spin_ns);
    const TestPeer peer = peer_start(other_end, "1");
    uint64_t value = 0;
    REQUIRE(peer_expect(peer, "ready"));
    for (int i = 0; i < 3; ++i) {
        peer_send_line(peer, "push");
        CHECK_OK(renoir_ring_wait(&ring.end, RENOIR_WAIT_FOREVER));
        CHECK_OK(renoir_spsc_try_pop(&ring, &value, 8));
        CHECK_EQ_U64(42, value);
    }
    peer_send_line(peer, "push");
    CHECK_OK(renoir_ring_wait(&ring.end, RENOIR_WAIT_FOREVER));
    peer_send_line(peer, "close");
    CHECK_EXITED(peer, 0);
    CHECK_OK(renoir_ring_wait(&ring.end, RENOIR_WAIT_FOREVER)); // what is left comes first
    CHECK_OK(renoir_spsc_try_pop(&ring, &value, 8));
    CHECK_STATUS(RENOIR_DISCONNECTED, renoir_ring_wait(&ring.end, RENOIR_WAIT_FOREVER));
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, renoir_ring_wait(&ring.end, RENOIR_NO_WAIT));
    renoir_ring_close(&ring.end);
    renoir_region_close(region);
}

TEST(ring_wait,
     a_consumer_wakes_for_an_element_and_learns_that_the_producer_left,
     "R-072 T-001 communication real_time")
{
    wait_as_consumer(RENOIR_SPIN_NEVER);
}

TEST(ring_wait, so_does_one_that_never_sleeps, "R-072 communication")
{
    wait_as_consumer(RENOIR_SPIN_ALWAYS);
}

TEST(ring_wait,
     a_producer_wakes_for_room_and_learns_that_the_consumer_left,
     "R-072 R-082 communication real_time")
{
    RenoirRegionHandle region = join_region();
    RenoirSpsc ring = open_end(region, RENOIR_PRODUCER, RENOIR_SPIN_NEVER);
    const TestPeer peer = peer_start(other_end, "2");
    const uint64_t value = 1;
    REQUIRE(peer_expect(peer, "ready"));
    while (renoir_spsc_try_push(&ring, &value, 8) == RENOIR_SUCCESS) {
    }
    peer_send_line(peer, "pop");
    CHECK_OK(renoir_ring_wait(&ring.end, RENOIR_WAIT_FOREVER));
    CHECK_OK(renoir_spsc_try_push(&ring, &value, 8));
    peer_send_line(peer, "close");
    CHECK_STATUS(RENOIR_DISCONNECTED, renoir_ring_wait(&ring.end, RENOIR_WAIT_FOREVER));
    CHECK_STR_CONTAINS("consumer is gone", renoir_last_error_message());
    CHECK_EXITED(peer, 0);
    renoir_ring_close(&ring.end);
    renoir_region_close(region);
}

PEER(late_producer)
{
    RenoirRegionHandle region = join_region();
    test_sleep_ms(50);
    RenoirSpsc ring = open_end(region, RENOIR_PRODUCER, 0);
    const uint64_t value = 5;
    REQUIRE_OK(renoir_spsc_try_push(&ring, &value, 8));
    renoir_ring_close(&ring.end);
    renoir_region_close(region);
}

TEST(ring_wait, an_end_that_has_not_come_yet_is_waited_for, "R-072 communication")
{
    RenoirRegionHandle region = join_region();
    RenoirSpsc ring = open_end(region, RENOIR_CONSUMER, 0);
    uint64_t value = 0;
    const TestPeer peer = peer_start(late_producer);
    CHECK_OK(renoir_ring_wait(&ring.end, RENOIR_WAIT_FOREVER));
    CHECK_OK(renoir_spsc_try_pop(&ring, &value, 8));
    CHECK_EQ_U64(5, value);
    CHECK_EXITED(peer, 0);
    renoir_ring_close(&ring.end);
    renoir_region_close(region);
}

TEST(ring_wait, a_stopped_process_is_alive_and_a_killed_one_is_gone, "R-072 reliability")
{
    RenoirRegionHandle region = join_region();
    RenoirSpsc ring = open_end(region, RENOIR_CONSUMER, RENOIR_SPIN_NEVER);
    const TestPeer peer = peer_start(other_end, "1");
    REQUIRE(peer_expect(peer, "ready"));
    peer_signal(peer, SIGSTOP);
    CHECK_STATUS(RENOIR_TIMEOUT, renoir_ring_wait(&ring.end, RENOIR_MILLISECONDS(150)));
    CHECK_KILLED(peer_kill(peer, SIGKILL));
    CHECK_STATUS(RENOIR_DISCONNECTED, renoir_ring_wait(&ring.end, RENOIR_WAIT_FOREVER));
    renoir_ring_close(&ring.end);
    leave_region_and_reap(region);
}

TEST(ring_wait, a_producer_of_records_waits_for_the_room_it_was_refused, "R-078 R-072 T-002")
{
    RecordPair pair;
    uint8_t bytes[40] = {0};
    size_t length = 0;
    record_pair_open(&pair, 128, 64);
    for (int i = 0; i < 5; ++i) {
        REQUIRE_OK(renoir_record_ring_try_push(&pair.producer, bytes, 16, 0)); // 24 of 128 bytes
    }
    CHECK_STATUS(RENOIR_SUCCESS, renoir_ring_wait(&pair.producer.end, RENOIR_NO_WAIT)); // 8 left
    CHECK_STATUS(RENOIR_BUFFER_FULL, renoir_record_ring_try_push(&pair.producer, bytes, 40, 0));
    CHECK_STATUS(RENOIR_BUFFER_FULL, renoir_ring_wait(&pair.producer.end, RENOIR_NO_WAIT));
    REQUIRE_OK(renoir_record_ring_try_pop(&pair.consumer, bytes, 40, &length, NULL));
    CHECK_STATUS(RENOIR_BUFFER_FULL, renoir_ring_wait(&pair.producer.end, RENOIR_NO_WAIT));
    REQUIRE_OK(renoir_record_ring_try_pop(&pair.consumer, bytes, 40, &length, NULL));
    CHECK_STATUS(RENOIR_SUCCESS, renoir_ring_wait(&pair.producer.end, RENOIR_NO_WAIT));
    CHECK_OK(renoir_record_ring_try_push(&pair.producer, bytes, 40, 0));
    record_pair_close(&pair);
}

TEST(ring_wait, an_end_that_fences_itself_wakes_its_sleeper_too, "R-072 sync_pattern")
{
    RenoirRegionHandle region = join_region();
    RenoirSpsc consumer = open_end(region, RENOIR_CONSUMER, RENOIR_SPIN_NEVER);
    RenoirSpsc producer = open_end(region, RENOIR_PRODUCER, RENOIR_SPIN_NEVER);
    RnrRingShm *const shm = shm_of(&producer.end);
    uint64_t value = 3;
    producer.end.flags |= RNR_RING_FENCES;
    rnr_store_release_u64(&rnr_ring_end_shm(shm, 0)->presence,
                          RNR_RING_CAME | RNR_RING_FENCES_ITSELF);
    (void)rnr_fetch_or_seq_cst_u32(&shm->sleepers, RNR_RING_CONSUMER_SLEEPS);
    const uint32_t before = rnr_load_acquire_u32(&shm->bells[1]);

    REQUIRE_OK(renoir_spsc_try_push(&producer, &value, 8));

    CHECK_EQ_U64(before + 1, rnr_load_acquire_u32(&shm->bells[1]));
    CHECK_EQ_U64(0, rnr_load_acquire_u32(&shm->sleepers));
    REQUIRE_OK(renoir_spsc_try_push(&producer, &value, 8)); // nobody sleeps: no second ring
    CHECK_EQ_U64(before + 1, rnr_load_acquire_u32(&shm->bells[1]));
    renoir_ring_close(&producer.end);
    renoir_ring_close(&consumer.end);
    renoir_region_close(region);
}
