// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The descriptor of a wait set, in poll loops of others.

#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "unit/sync/waitset_fixture.h"

// --- its descriptor ------------------------------------------------------------------------------

static bool is_readable(int fd, int milliseconds)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};
    return poll(&one, 1, milliseconds) == 1;
}

// Calls until the descriptor is no longer readable with nothing ready.
static void settle(RenoirWaitsetHandle set, int fd)
{
    RenoirWaitEvent events[EVENTS];
    size_t count = 0;
    while (is_readable(fd, 0)) {
        CHECK_STATUS(RENOIR_BUFFER_EMPTY, look(set, events, &count));
    }
}

TEST(waitset_fd, its_descriptor_is_readable_while_something_is_ready, "R-102 R-121 R-124 T-013")
{
    Pair pair = open_pair();
    RenoirWaitEvent events[EVENTS];
    size_t count = 0;
    int fd = -1;
    pair.set->next_close_ns = UINT64_MAX; // no close looks: they would make up for what is missing
    REQUIRE_OK(renoir_notifier_notify(pair.notifier));
    CHECK_OK(renoir_waitset_fd(pair.set, &fd));
    CHECK(is_readable(fd, 10000)); // ready before it was asked for
    CHECK_OK(look(pair.set, events, &count));
    CHECK(is_readable(fd, 10000)); // not taken
    CHECK_OK(look(pair.set, events, &count));
    CHECK(is_readable(fd, 10000));
    take_all(pair.notifier);
    settle(pair.set, fd);
    for (int i = 0; i < 100; ++i) {
        REQUIRE_OK(renoir_notifier_notify(pair.notifier));
        CHECK(is_readable(fd, 10000));
        CHECK_OK(look(pair.set, events, &count));
        take_all(pair.notifier);
        settle(pair.set, fd);
    }
    CHECK_OK(renoir_waitset_wake(pair.set));
    CHECK(is_readable(fd, 10000));
    CHECK_OK(look(pair.set, events, &count));
    CHECK_EQ_U64(0, count);
    settle(pair.set, fd);
    REQUIRE_OK(renoir_waitset_add_timer(pair.set, RENOIR_MILLISECONDS(300), NULL));
    settle(pair.set, fd);
    count = 0;
    while (count == 0) {
        CHECK(is_readable(fd, 10000));
        (void)look(pair.set, events, &count);
    }
    close_pair(&pair);
}

TEST(waitset_fd,
     a_member_added_after_the_descriptor_was_asked_for_shows,
     "R-124 T-013 sync_pattern")
{
    RenoirRegionHandle region = join_region();
    RenoirWaitsetHandle set = make_set();
    RenoirNotifierHandle notifier = open_notifier(region, "n");
    RenoirWaitEvent events[EVENTS];
    size_t count = 0;
    int fd = -1;
    REQUIRE_OK(renoir_waitset_fd(set, &fd));
    settle(set, fd);
    CHECK(!is_readable(fd, 0)); // no members, no slices
    REQUIRE_OK(renoir_notifier_notify(notifier));
    add(set, notifier, notifier);
    set->next_close_ns = UINT64_MAX;
    CHECK(is_readable(fd, 10000));
    CHECK_OK(look(set, events, &count));
    CHECK_EQ_U64(1, count);
    renoir_notifier_close(notifier);
    renoir_waitset_close(set);
    renoir_region_close(region);
}

TEST(waitset_fd, an_idle_poll_loop_sleeps, "R-102 R-124 T-013 real_time")
{
    enum { SECONDS = 1 };
    Pair pair = open_pair();
    unsigned rounds = 0;
    int fd = -1;
    struct epoll_event event = {.events = EPOLLIN};
    const int loop = epoll_create1(EPOLL_CLOEXEC);
    REQUIRE_OK(renoir_waitset_fd(pair.set, &fd));
    REQUIRE(loop >= 0 && epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event) == 0);
    const uint64_t end = test_now_ns() + RENOIR_SECONDS(SECONDS);
    while (test_now_ns() < end) {
        RenoirWaitEvent events[EVENTS];
        size_t count = 0;
        if (epoll_wait(loop, &event, 1, 100) == 1) {
            CHECK_STATUS(RENOIR_BUFFER_EMPTY, look(pair.set, events, &count));
            rounds += 1;
        }
    }
    CHECK(rounds < 20 * SECONDS + 20); // those of the first, short slices, then four a second
    REQUIRE(close(loop) == 0);
    close_pair(&pair);
}

PEER(notifying)
{
    RenoirRegionHandle region = join_region();
    RenoirNotifierHandle notifier = open_notifier(region, "n");
    char line[16];
    while (peer_hear(line, sizeof line)) {
        REQUIRE_OK(renoir_notifier_notify(notifier));
        peer_say("done");
    }
    renoir_notifier_close(notifier);
    renoir_region_close(region);
}

TEST(waitset_fd, another_process_makes_the_descriptor_readable, "R-124 T-013 communication")
{
    Pair pair = open_pair();
    RenoirWaitEvent events[EVENTS];
    size_t count = 0;
    int fd = -1;
    const TestPeer peer = peer_start(notifying);
    REQUIRE_OK(renoir_waitset_fd(pair.set, &fd));
    for (int i = 0; i < 50; ++i) {
        settle(pair.set, fd);
        REQUIRE(peer_send_line(peer, "go"));
        REQUIRE(peer_expect(peer, "done"));
        CHECK_OK(look(pair.set, events, &count)); // it was told before the other one went on
        CHECK(is_readable(fd, 10000));
        take_all(pair.notifier);
    }
    peer_signal(peer, SIGKILL);
    CHECK_KILLED(peer);
    close_pair(&pair);
    CHECK_OK(renoir_node_reap(NULL, NULL));
}
