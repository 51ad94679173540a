// SPDX-License-Identifier: MIT OR Apache-2.0

#include "base/fault.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "harness/test.h"

PEER(hits_a_point_three_times)
{
    for (int i = 1; i <= 3; ++i) {
        RNR_FAULT_POINT("test.point");
        peer_say("%d", i);
    }
}

TEST(fault, a_point_that_nobody_armed_does_nothing_but_count, "reliability")
{
    RNR_FAULT_POINT("test.point");
    RNR_FAULT_POINT("test.point");

    CHECK_EQ_U64(2, rnr_fault_hits("test.point"));
    CHECK_EQ_U64(0, rnr_fault_hits("test.other"));
    CHECK_EQ_I64(0, RNR_FAULT_SYSTEM_CALL("test.call"));
}

TEST(fault, the_variable_kills_at_the_hit_it_names, "reliability")
{
    char line[16];
    setenv("RENOIR_FAULT", "test.point:kill:2", 1);

    const TestPeer peer = peer_start(hits_a_point_three_times);

    CHECK(peer_expect(peer, "1"));
    CHECK(!peer_read_line(peer, line, sizeof line));
    CHECK_KILLED(peer);
}

TEST(fault, a_stopped_process_goes_on_when_it_is_continued, "reliability")
{
    setenv("RENOIR_FAULT", "other.point:kill:1,test.point:stop:2", 1);
    const TestPeer peer = peer_start(hits_a_point_three_times);
    int status = 0;

    CHECK(peer_expect(peer, "1"));
    CHECK(waitpid(peer_pid(peer), &status, WUNTRACED) == peer_pid(peer));
    CHECK(WIFSTOPPED(status));
    peer_signal(peer, SIGCONT);

    CHECK(peer_expect(peer, "2"));
    CHECK(peer_expect(peer, "3"));
    CHECK_EXITED(peer, 0);
}

TEST(fault, a_system_call_fails_once_at_the_nth_time, "T-082")
{
    rnr_fault_arm_errno("test.call", ENOSPC, 2);

    CHECK_EQ_I64(0, RNR_FAULT_SYSTEM_CALL("test.call"));
    CHECK_EQ_I64(ENOSPC, RNR_FAULT_SYSTEM_CALL("test.call"));
    CHECK_EQ_I64(0, RNR_FAULT_SYSTEM_CALL("test.call"));
    CHECK_EQ_U64(3, rnr_fault_hits("test.call"));
}

TEST(fault, hits_are_counted_from_the_arming_on, "T-082")
{
    CHECK_EQ_I64(0, RNR_FAULT_SYSTEM_CALL("test.call"));
    rnr_fault_arm_errno("test.call", EIO, 1);
    CHECK_EQ_I64(EIO, RNR_FAULT_SYSTEM_CALL("test.call"));

    rnr_fault_arm_errno("test.call", EIO, 1);
    rnr_fault_disarm_all();
    CHECK_EQ_I64(0, RNR_FAULT_SYSTEM_CALL("test.call"));
}

static void *hit_often(void *unused)
{
    (void)unused;
    for (int i = 0; i < 1000; ++i) {
        RNR_FAULT_POINT("test.threads");
    }
    return NULL;
}

TEST(fault, hits_of_many_threads_are_all_counted, "T-049 tsan")
{
    enum { THREADS = 4 };
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; ++i) {
        REQUIRE(pthread_create(&threads[i], NULL, hit_often, NULL) == 0);
    }
    for (int i = 0; i < THREADS; ++i) {
        REQUIRE(pthread_join(threads[i], NULL) == 0);
    }

    CHECK_EQ_U64(THREADS * 1000, rnr_fault_hits("test.threads"));
}
