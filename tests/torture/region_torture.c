// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Processes that make, open and remove regions of the same names at once, and some that die.

#include "unit/memory/region_fixture.h"

enum { NAMES = 3, MILLISECONDS = 10000 };

// The first page of a region is either untouched or its creator's pattern.
static void check_whole(RenoirRegionHandle region)
{
    size_t size = 0;
    const char *name = NULL;
    void *memory = NULL;
    CHECK_OK(renoir_region_info(region, &name, &size, NULL));
    CHECK_EQ_U64(FIXTURE_SIZE, size);
    CHECK(name[0] == 'n');
    CHECK_OK(renoir_region_verify(region, NULL, 0));
    const RenoirErrorCode status = renoir_region_block(region, "b", 256, 0, &memory, NULL);
    CHECK(status == RENOIR_SUCCESS || status == RENOIR_CONCURRENCY_ERROR);
    if (status == RENOIR_SUCCESS) {
        const unsigned char first = *(volatile unsigned char *)memory;
        CHECK(first == 0 || first == 'w');
        *(volatile unsigned char *)memory = 'w';
    }
}

static bool is_expected(RenoirErrorCode status)
{
    // CONCURRENCY_ERROR is for names that change all the time, or a stopped remover
    return status == RENOIR_SUCCESS || status == RENOIR_REGION_NOT_FOUND ||
           status == RENOIR_CONCURRENCY_ERROR;
}

static void one_step(uint64_t what, const char *name)
{
    RenoirRegionHandle region = NULL;
    RenoirErrorCode status;
    if (what < 4) {
        status =
            fixture_make(name, FIXTURE_SIZE, what == 0 ? RENOIR_REGION_PERSISTENT : 0, &region);
    } else if (what < 7) {
        status = renoir_region_open(NULL, name, NULL, &region);
    } else {
        status = renoir_region_remove(NULL, name);
        CHECK(is_expected(status) || status == RENOIR_PERMISSION_DENIED);
        return;
    }
    if (!is_expected(status)) {
        FAIL("%s: %s", renoir_error_name(status), renoir_last_error_message());
    }
    if (status != RENOIR_SUCCESS) {
        return;
    }
    check_whole(region);
    if (what == 3) {
        const RenoirErrorCode removal = renoir_region_destroy(region);
        CHECK(removal == RENOIR_SUCCESS || removal == RENOIR_PERMISSION_DENIED);
    } else {
        renoir_region_close(region);
    }
}

PEER(busy)
{
    const uint64_t deadline = test_now_ns() + peer_arg_u64(0) * UINT64_C(1000000);
    uint64_t steps = 0;
    while (test_now_ns() < deadline) {
        char name[16];
        snprintf(name, sizeof name, "n%d", (int)test_random_below(NAMES));
        one_step(test_random_below(9), name);
        steps += 1;
    }
    CHECK(steps > 0);
}

static void clean_up(void)
{
    for (int i = 0; i < NAMES; ++i) {
        char name[16];
        snprintf(name, sizeof name, "n%d", i);
        (void)renoir_region_remove(NULL, name);
    }
    (void)fixture_reap();
    CHECK_EQ_U64(0, fixture_count("regions"));
    CHECK_EQ_U64(1, fixture_count("nodes"));
}

TEST_WITHIN(region_torture,
            two_processes_on_the_same_names_never_see_a_half_made_region,
            "T-033 T-051 R-025 R-035 concurrent_stress",
            120)
{
    char milliseconds[32];
    TestPeer peers[2];
    snprintf(milliseconds, sizeof milliseconds, "%d", MILLISECONDS);
    for (int i = 0; i < 2; ++i) {
        peers[i] = peer_start(busy, milliseconds);
    }
    for (int i = 0; i < 2; ++i) {
        CHECK_EXITED(peers[i], 0);
    }
    clean_up();
}

TEST_WITHIN(region_torture,
            neither_do_others_while_some_of_them_are_killed,
            "T-033 T-046 T-051 R-036 reliability concurrent_stress",
            120)
{
    enum { PEERS = 4 };
    TestPeer peers[PEERS];
    const uint64_t kills = test_scaled(10000);
    for (int i = 0; i < PEERS; ++i) {
        peers[i] = peer_start(busy, "600000");
    }
    for (uint64_t i = 0; i < kills; ++i) {
        const uint64_t which = test_random_below(PEERS);
        usleep((useconds_t)test_random_below(10000));
        if (test_random_below(4) == 0) { // stopped for a moment: nothing is taken from it
            peer_signal(peers[which], SIGSTOP);
            usleep((useconds_t)test_random_below(5000));
            peer_signal(peers[which], SIGCONT);
        } else {
            CHECK_KILLED(peer_kill(peers[which], SIGKILL));
            peers[which] = peer_start(busy, "600000");
        }
    }
    for (int i = 0; i < PEERS; ++i) {
        CHECK_KILLED(peer_kill(peers[i], SIGKILL));
    }
    clean_up();
}
