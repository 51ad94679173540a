// SPDX-License-Identifier: MIT OR Apache-2.0

#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/sync/waitset_fixture.h"

// --- what is ready -------------------------------------------------------------------------------

TEST(waitset, what_is_ready_is_reported_until_it_is_taken, "R-124 T-012 sync_pattern")
{
    Pair pair = open_pair();
    RenoirWaitEvent events[EVENTS];
    size_t count = 99;
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, look(pair.set, events, &count));
    CHECK_EQ_U64(0, count);
    REQUIRE_OK(renoir_notifier_notify(pair.notifier));
    for (int i = 0; i < 3; ++i) {
        CHECK_OK(renoir_waitset_wait(pair.set, i == 2 ? RENOIR_WAIT_FOREVER : RENOIR_NO_WAIT,
                                     events, EVENTS, &count));
        CHECK_EQ_U64(1, count);
        CHECK(events[0].user == pair.notifier && events[0].name == NULL);
        CHECK_EQ_U64(RENOIR_WAIT_READY, events[0].events);
    }
    take_all(pair.notifier);
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, look(pair.set, events, &count));
    close_pair(&pair);
}

typedef struct Later {
    RenoirNotifierHandle notifier;
    RenoirWaitsetHandle set;
    unsigned milliseconds;
} Later;

static void *notify_later(void *argument)
{
    const Later *const later = argument;
    test_sleep_ms(later->milliseconds);
    if (later->notifier != NULL) {
        (void)renoir_notifier_notify(later->notifier);
    } else {
        (void)renoir_waitset_wake(later->set);
    }
    return NULL;
}

TEST(waitset, a_sleeper_is_woken, "R-124 T-061 sync_pattern tsan")
{
    Pair pair = open_pair();
    RenoirWaitEvent events[EVENTS];
    size_t count = 0;
    for (unsigned i = 0; i < 20; ++i) {
        Later later = {.notifier = pair.notifier, .milliseconds = i % 4};
        pthread_t thread;
        REQUIRE(pthread_create(&thread, NULL, notify_later, &later) == 0);
        CHECK_OK(renoir_waitset_wait(pair.set, RENOIR_WAIT_FOREVER, events, EVENTS, &count));
        CHECK_EQ_U64(1, count);
        take_all(pair.notifier);
        REQUIRE(pthread_join(thread, NULL) == 0);
    }
    close_pair(&pair);
}

TEST(waitset, a_wait_ends_with_its_time, "R-124 T-012 real_time")
{
    Pair pair = open_pair();
    RenoirWaitEvent events[EVENTS];
    size_t count = 99;
    const uint64_t begin = test_now_ns();
    CHECK_STATUS(RENOIR_TIMEOUT,
                 renoir_waitset_wait(pair.set, RENOIR_MILLISECONDS(35), events, EVENTS, &count));
    CHECK(test_now_ns() - begin >= RENOIR_MILLISECONDS(35));
    CHECK_EQ_U64(0, count);
    close_pair(&pair);
}

static void do_nothing(int number)
{
    (void)number;
}

TEST(waitset, signals_and_stray_numbers_end_no_wait_early, "R-124 T-012 T-060 real_time")
{
    struct sigaction action = {.sa_handler = do_nothing};
    struct itimerval timer = {.it_value = {.tv_usec = 500}, .it_interval = {.tv_usec = 500}};
    Pair pair = open_pair();
    RenoirWaitEvent events[EVENTS];
    size_t count = 0;
    REQUIRE(sigaction(SIGALRM, &action, NULL) == 0);
    for (uint32_t i = 0; i < 3 * RNR_POST_HINTS; i += 97) { // most of no member of the set
        (void)rnr_post_send(pair.set->posts[0]->node, pair.set->posts[0]->address | (i & 4095));
    }
    REQUIRE(setitimer(ITIMER_REAL, &timer, NULL) == 0);
    const uint64_t begin = test_now_ns();
    CHECK_STATUS(RENOIR_TIMEOUT,
                 renoir_waitset_wait(pair.set, RENOIR_MILLISECONDS(60), events, EVENTS, &count));
    CHECK(test_now_ns() - begin >= RENOIR_MILLISECONDS(60));
    memset(&timer, 0, sizeof timer);
    REQUIRE(setitimer(ITIMER_REAL, &timer, NULL) == 0);
    close_pair(&pair);
}

enum { MANY = 40 };

TEST(waitset, all_members_get_their_turn, "R-124 sync_pattern")
{
    RenoirRegionHandle region = join_region();
    RenoirWaitsetHandle set = make_set();
    RenoirNotifierHandle notifiers[MANY];
    unsigned reported[MANY] = {0};
    for (size_t i = 0; i < MANY; ++i) {
        char name[16];
        snprintf(name, sizeof name, "n%zu", i);
        notifiers[i] = open_notifier(region, name);
        add(set, notifiers[i], &reported[i]);
        REQUIRE_OK(renoir_notifier_notify(notifiers[i]));
    }
    for (int round = 0; round < 5 * MANY / 4; ++round) { // each stays ready
        RenoirWaitEvent events[4];
        size_t count = 0;
        CHECK_OK(renoir_waitset_wait(set, RENOIR_WAIT_FOREVER, events, 4, &count));
        CHECK_EQ_U64(4, count);
        for (size_t k = 0; k < count; ++k) {
            *(unsigned *)events[k].user += 1;
        }
    }
    for (size_t i = 0; i < MANY; ++i) {
        CHECK_EQ_U64(5, reported[i]);
        renoir_notifier_close(notifiers[i]);
    }
    renoir_waitset_close(set);
    renoir_region_close(region);
}

TEST(waitset, more_wakes_than_its_mailbox_holds_are_all_found, "R-124 T-061 sync_pattern")
{
    RenoirRegionHandle region = join_region();
    RenoirWaitsetHandle set = make_set();
    RenoirNotifierHandle notifiers[MANY];
    RenoirWaitEvent events[MANY];
    size_t count = 0;
    for (size_t i = 0; i < MANY; ++i) {
        char name[16];
        snprintf(name, sizeof name, "n%zu", i);
        notifiers[i] = open_notifier(region, name);
        add(set, notifiers[i], notifiers[i]);
    }
    for (int round = 0; round < 3; ++round) {
        CHECK_STATUS(RENOIR_TIMEOUT,
                     renoir_waitset_wait(set, 1, events, MANY, &count)); // announces
        CHECK_EQ_U64(MANY, set->announced_count);
        for (size_t i = 0; i < MANY; ++i) {
            REQUIRE_OK(renoir_notifier_notify(notifiers[i]));
        }
        CHECK_OK(renoir_waitset_wait(set, RENOIR_NO_WAIT, events, MANY, &count));
        CHECK_EQ_U64(MANY, count);
        for (size_t i = 0; i < MANY; ++i) {
            take_all(notifiers[i]);
        }
    }
    for (size_t i = 0; i < MANY; ++i) {
        renoir_notifier_close(notifiers[i]);
    }
    renoir_waitset_close(set);
    renoir_region_close(region);
}

TEST(waitset, the_interval_of_a_batch_wakes_the_set, "R-123 R-124 real_time")
{
    RenoirRegionHandle region = join_region();
    RenoirNotifierOptions options = renoir_notifier_options_default();
    RenoirNotifierHandle notifier = NULL;
    RenoirWaitsetHandle set = make_set();
    RenoirWaitEvent events[EVENTS];
    size_t count = 0;
    uint64_t notified = 0;
    options.every_count = 1000;
    options.every_ns = RENOIR_MILLISECONDS(60);
    REQUIRE_OK(renoir_notifier_open(region, "b", &options, &notifier));
    add(set, notifier, notifier);
    for (int round = 0; round < 3; ++round) {
        Later later = {.notifier = notifier, .milliseconds = 10};
        pthread_t thread;
        const uint64_t begin = test_now_ns();
        REQUIRE(pthread_create(&thread, NULL, notify_later, &later) == 0);
        CHECK_OK(renoir_waitset_wait(set, RENOIR_WAIT_FOREVER, events, EVENTS, &count));
        CHECK(test_now_ns() - begin >= RENOIR_MILLISECONDS(70) - 256);
        CHECK_EQ_U64(1, count);
        CHECK_OK(renoir_notifier_wait(notifier, RENOIR_NO_WAIT, &notified));
        CHECK_EQ_U64(1, notified);
        REQUIRE(pthread_join(thread, NULL) == 0);
    }
    renoir_waitset_close(set);
    renoir_notifier_close(notifier);
    renoir_region_close(region);
}

// --- timers --------------------------------------------------------------------------------------

TEST(waitset, a_timer_fires_each_interval_without_drift, "R-124 real_time")
{
    enum { TICKS = 20 };
    RenoirWaitsetHandle set = make_set();
    RenoirWaitEvent events[EVENTS];
    uint64_t ticks = 0;
    const uint64_t interval = RENOIR_MILLISECONDS(7);
    const uint64_t begin = test_now_ns();
    REQUIRE_OK(renoir_waitset_add_timer(set, interval, &ticks));
    const uint64_t began = test_now_ns();
    uint64_t last = begin;
    while (ticks < TICKS) {
        size_t count = 0;
        CHECK_OK(renoir_waitset_wait(set, RENOIR_WAIT_FOREVER, events, EVENTS, &count));
        const uint64_t now = test_now_ns();
        REQUIRE_EQ_U64(1, count);
        CHECK(events[0].user == &ticks && events[0].events == RENOIR_WAIT_READY);
        // one event for each multiple of the interval that was crossed since, and not before it
        CHECK((now - begin) / interval > (last - began) / interval || last == begin);
        ticks += 1;
        CHECK(now - begin >= ticks * interval);
        last = now;
        test_sleep_ms((unsigned)(ticks % 3)); // must not add up
    }
    // its moments lie on the grid that it was given at first
    const uint64_t next = set->timers[0].next_ns;
    CHECK((next - begin) % interval <= began - begin);
    renoir_waitset_close(set);
}

TEST(waitset, intervals_missed_are_one_event, "R-124 real_time")
{
    RenoirWaitsetHandle set = make_set();
    RenoirWaitEvent events[EVENTS];
    size_t count = 0;
    REQUIRE_OK(renoir_waitset_add_timer(set, RENOIR_MILLISECONDS(50), set));
    test_sleep_ms(175);
    CHECK_OK(look(set, events, &count));
    CHECK_EQ_U64(1, count);
    CHECK(set->timers[0].next_ns > test_now_ns() - RENOIR_MILLISECONDS(50));
    renoir_waitset_close(set);
}

TEST(waitset, timers_and_members_take_turns_where_there_is_room_for_one, "R-124 real_time")
{
    Pair pair = open_pair();
    unsigned timer_events = 0;
    unsigned member_events = 0;
    REQUIRE_OK(renoir_waitset_add_timer(pair.set, 1, &timer_events)); // always due
    REQUIRE_OK(renoir_notifier_notify(pair.notifier));
    for (int i = 0; i < 100; ++i) {
        RenoirWaitEvent event;
        size_t count = 0;
        CHECK_OK(renoir_waitset_wait(pair.set, RENOIR_WAIT_FOREVER, &event, 1, &count));
        CHECK_EQ_U64(1, count);
        *(event.user == &timer_events ? &timer_events : &member_events) += 1;
    }
    CHECK(timer_events >= 40 && member_events >= 40);
    close_pair(&pair);
}

TEST(waitset, timers_go_by_their_user_pointer, "R-124 sync_pattern")
{
    RenoirWaitsetHandle set = make_set();
    RenoirWaitEvent events[EVENTS];
    size_t count = 0;
    int first = 0;
    int second = 0;
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_waitset_add_timer(set, 0, &first));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_waitset_add_timer(set, UINT64_MAX, &first));
    for (int i = 0; i < 20; ++i) {
        REQUIRE_OK(renoir_waitset_add_timer(set, 1, i % 2 == 0 ? &first : &second));
    }
    CHECK_OK(renoir_waitset_remove(set, &first));
    CHECK_OK(look(set, events, &count));
    CHECK_EQ_U64(10, count);
    for (size_t i = 0; i < count; ++i) {
        CHECK(events[i].user == &second);
    }
    CHECK_OK(renoir_waitset_remove(set, &second));
    CHECK_OK(renoir_waitset_remove(set, &second)); // there are none
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, look(set, events, &count));
    renoir_waitset_close(set);
}

// --- waking --------------------------------------------------------------------------------------

TEST(waitset, a_wake_ends_one_wait_without_events, "R-124 sync_pattern tsan")
{
    Pair pair = open_pair();
    Later later = {.set = pair.set, .milliseconds = 10};
    RenoirWaitEvent events[EVENTS];
    pthread_t thread;
    size_t count = 99;
    REQUIRE(pthread_create(&thread, NULL, notify_later, &later) == 0);
    CHECK_OK(renoir_waitset_wait(pair.set, RENOIR_WAIT_FOREVER, events, EVENTS, &count));
    CHECK_EQ_U64(0, count);
    REQUIRE(pthread_join(thread, NULL) == 0);
    CHECK_OK(renoir_waitset_wake(pair.set)); // before the wait
    CHECK_OK(renoir_waitset_wake(pair.set));
    CHECK_OK(renoir_waitset_wait(pair.set, RENOIR_WAIT_FOREVER, events, EVENTS, &count));
    CHECK_EQ_U64(0, count);
    CHECK_STATUS(RENOIR_TIMEOUT,
                 renoir_waitset_wait(pair.set, RENOIR_MILLISECONDS(5), events, EVENTS, &count));
    CHECK_OK(renoir_waitset_wake(pair.set));
    CHECK_OK(look(pair.set, events, &count));
    close_pair(&pair);
}

static RenoirWaitsetHandle in_handler;

static void wake_in_handler(int number)
{
    (void)number;
    (void)renoir_waitset_wake(in_handler);
}

TEST(waitset, a_signal_handler_may_wake_it, "R-124 reliability")
{
    struct sigaction action = {.sa_handler = wake_in_handler};
    struct itimerval timer = {.it_value = {.tv_usec = 20000}};
    Pair pair = open_pair();
    RenoirWaitEvent events[EVENTS];
    size_t count = 99;
    in_handler = pair.set;
    REQUIRE(sigaction(SIGALRM, &action, NULL) == 0);
    REQUIRE(setitimer(ITIMER_REAL, &timer, NULL) == 0);
    CHECK_OK(renoir_waitset_wait(pair.set, RENOIR_WAIT_FOREVER, events, EVENTS, &count));
    CHECK_EQ_U64(0, count);
    close_pair(&pair);
}

static RenoirNotifierHandle notified_in_handler;

static void notify_in_handler(int number)
{
    (void)number;
    (void)renoir_notifier_notify(notified_in_handler);
}

TEST(waitset, a_signal_handler_may_notify_the_set_that_its_thread_sleeps_in, "R-121 R-124")
{
    struct sigaction action = {.sa_handler = notify_in_handler};
    struct itimerval timer = {.it_value = {.tv_usec = 20000}};
    Pair pair = open_pair();
    RenoirWaitEvent events[EVENTS];
    size_t count = 0;
    notified_in_handler = pair.notifier;
    REQUIRE(sigaction(SIGALRM, &action, NULL) == 0);
    REQUIRE(setitimer(ITIMER_REAL, &timer, NULL) == 0);
    CHECK_OK(renoir_waitset_wait(pair.set, RENOIR_WAIT_FOREVER, events, EVENTS, &count));
    CHECK_EQ_U64(1, count);
    close_pair(&pair);
}

// --- names ---------------------------------------------------------------------------------------

TEST(waitset, a_group_tells_events_by_name, "R-122 sync_pattern")
{
    RenoirRegionHandle region = join_region();
    RenoirWaitsetHandle set = make_set();
    RenoirNotifierHandle left = open_notifier(region, "left");
    RenoirNotifierHandle right = open_notifier(region, "right");
    RenoirWaitEvent events[EVENTS];
    size_t count = 0;
    char name[300];
    REQUIRE_OK(renoir_waitset_add_named(set, "the left", renoir_notifier_waitable(left), NULL));
    REQUIRE_OK(renoir_waitset_add_named(set, "the right", renoir_notifier_waitable(right), NULL));
    REQUIRE_OK(renoir_notifier_notify(right));
    CHECK_OK(renoir_waitset_wait(set, RENOIR_WAIT_FOREVER, events, EVENTS, &count));
    CHECK_EQ_U64(1, count);
    CHECK_STR("the right", events[0].name);

    RenoirNotifierHandle other = open_notifier(region, "left");
    RenoirWaitableHandle waitable = renoir_notifier_waitable(other);
    CHECK_STATUS(RENOIR_EXISTS, renoir_waitset_add_named(set, "the left", waitable, NULL));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_waitset_add_named(set, NULL, waitable, NULL));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_waitset_add_named(set, "", waitable, NULL));
    memset(name, 'x', sizeof name);
    name[256] = '\0';
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_waitset_add_named(set, name, waitable, NULL));
    name[255] = '\0';
    CHECK_OK(renoir_waitset_add_named(set, name, waitable, NULL));

    CHECK_STATUS(RENOIR_NOT_FOUND, renoir_waitset_remove_named(set, "nobody"));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_waitset_remove_named(set, NULL));
    CHECK_OK(renoir_waitset_remove_named(set, "the right"));
    CHECK_STATUS(RENOIR_NOT_FOUND, renoir_waitset_remove_named(set, "the right"));
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, look(set, events, &count));
    CHECK_OK(renoir_waitset_add_named(set, "the right", renoir_notifier_waitable(right), NULL));
    CHECK_OK(look(set, events, &count));
    renoir_notifier_close(other);
    renoir_notifier_close(left);
    renoir_notifier_close(right);
    renoir_waitset_close(set);
    renoir_region_close(region);
}

// --- coming and going ----------------------------------------------------------------------------

TEST(waitset, a_waitable_is_in_one_set_at_most, "R-124 security_edge")
{
    Pair pair = open_pair();
    RenoirWaitsetHandle other = make_set();
    RenoirWaitableHandle waitable = renoir_notifier_waitable(pair.notifier);
    CHECK_STATUS(RENOIR_EXISTS, renoir_waitset_add(pair.set, waitable, NULL));
    CHECK_STATUS(RENOIR_EXISTS, renoir_waitset_add(other, waitable, NULL));
    CHECK_OK(renoir_waitset_remove(pair.set, pair.notifier));
    CHECK_OK(renoir_waitset_add(other, waitable, NULL));
    renoir_waitset_close(other); // lets it go
    CHECK_OK(renoir_waitset_add(pair.set, waitable, NULL));
    close_pair(&pair);
}

TEST(waitset, a_closed_object_leaves_its_set, "R-124 reliability")
{
    Pair pair = open_pair();
    RenoirWaitEvent events[EVENTS];
    size_t count = 0;
    REQUIRE_OK(renoir_notifier_notify(pair.notifier));
    CHECK_OK(look(pair.set, events, &count));
    renoir_notifier_close(pair.notifier);
    CHECK_EQ_U64(0, pair.set->member_count);
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, look(pair.set, events, &count));
    pair.notifier = NULL;
    close_pair(&pair);
}

TEST(waitset, places_are_used_again, "R-124 reliability")
{
    RenoirRegionHandle region = join_region();
    RenoirWaitsetHandle set = make_set();
    RenoirNotifierHandle notifiers[MANY];
    for (size_t i = 0; i < MANY; ++i) {
        char name[16];
        snprintf(name, sizeof name, "n%zu", i);
        notifiers[i] = open_notifier(region, name);
    }
    for (int round = 0; round < 200; ++round) {
        const size_t which = (size_t)test_random_below(MANY);
        RenoirWaitableHandle waitable = renoir_notifier_waitable(notifiers[which]);
        if (renoir_waitset_add(set, waitable, notifiers[which]) == RENOIR_EXISTS) {
            CHECK_OK(renoir_waitset_remove(set, notifiers[which]));
        }
        RenoirWaitEvent events[MANY];
        size_t count = 0;
        CHECK_STATUS(RENOIR_TIMEOUT, renoir_waitset_wait(set, 1, events, MANY, &count));
        CHECK_EQ_U64(set->member_count, set->announced_count);
        CHECK_EQ_U64(0, set->queue_length);
    }
    CHECK(set->member_end <= MANY);
    for (size_t i = 0; i < MANY; ++i) {
        renoir_notifier_close(notifiers[i]);
    }
    CHECK_EQ_U64(0, set->member_count);
    CHECK_EQ_U64(0, set->member_end);
    CHECK_EQ_U64(0, set->announced_count);
    renoir_waitset_close(set);
    renoir_region_close(region);
}

typedef struct Churn {
    RenoirRegionHandle region;
    RenoirWaitsetHandle set;
} Churn;

static void *come_and_go(void *argument)
{
    const Churn *const churn = argument;
    for (int i = 0; i < 300; ++i) {
        RenoirNotifierHandle notifier = NULL;
        if (renoir_notifier_open(churn->region, "churn", NULL, &notifier) != RENOIR_SUCCESS) {
            break;
        }
        (void)renoir_waitset_add(churn->set, renoir_notifier_waitable(notifier), notifier);
        (void)renoir_notifier_notify(notifier);
        if (i % 3 == 0) {
            (void)renoir_waitset_remove(churn->set, notifier);
        }
        renoir_notifier_close(notifier);
    }
    (void)renoir_waitset_wake(churn->set);
    return NULL;
}

TEST(waitset, members_come_and_go_while_another_thread_waits, "R-124 T-049 concurrent_stress tsan")
{
    Pair pair = open_pair();
    Churn churn = {.region = pair.region, .set = pair.set};
    RenoirWaitEvent events[EVENTS];
    pthread_t thread;
    size_t count = 1;
    REQUIRE(pthread_create(&thread, NULL, come_and_go, &churn) == 0);
    while (count != 0) {
        CHECK_OK(renoir_waitset_wait(pair.set, RENOIR_WAIT_FOREVER, events, EVENTS, &count));
    }
    REQUIRE(pthread_join(thread, NULL) == 0);
    CHECK_EQ_U64(1, pair.set->member_count);
    close_pair(&pair);
}

static void *wait_beside(void *argument)
{
    RenoirWaitEvent events[EVENTS];
    size_t count = 0;
    static RenoirErrorCode status;
    status = renoir_waitset_wait((RenoirWaitsetHandle)argument, RENOIR_WAIT_FOREVER, events, EVENTS,
                                 &count);
    return &status;
}

TEST(waitset, one_thread_at_a_time_waits, "R-124 security_edge tsan")
{
    Pair pair = open_pair();
    RenoirWaitEvent events[EVENTS];
    pthread_t thread;
    void *result = NULL;
    size_t count = 0;
    REQUIRE(pthread_create(&thread, NULL, wait_beside, pair.set) == 0);
    RenoirErrorCode status = RENOIR_BUFFER_EMPTY;
    while (status == RENOIR_BUFFER_EMPTY) { // until it has begun
        status = look(pair.set, events, &count);
    }
    CHECK_STATUS(RENOIR_INVALID_STATE, status);
    CHECK_OK(renoir_waitset_wake(pair.set));
    REQUIRE(pthread_join(thread, &result) == 0);
    CHECK_OK(*(RenoirErrorCode *)result);
    close_pair(&pair);
}

TEST(waitset, closing_in_any_order_leaves_nothing, "R-124 T-019 reliability")
{
    for (int order = 0; order < 3; ++order) {
        Pair pair = open_pair();
        RenoirWaitEvent events[EVENTS];
        size_t count = 0;
        CHECK_STATUS(RENOIR_TIMEOUT, renoir_waitset_wait(pair.set, 1, events, EVENTS, &count));
        CHECK_EQ_U64(1, test_count_entries(test_root_path("renoir/bells")));
        if (order == 0) {
            renoir_region_close(pair.region);
            renoir_waitset_close(pair.set);
            renoir_notifier_close(pair.notifier);
        } else if (order == 1) {
            renoir_notifier_close(pair.notifier);
            renoir_region_close(pair.region);
            renoir_waitset_close(pair.set);
        } else {
            close_pair(&pair);
        }
        CHECK_EQ_U64(0, test_count_entries(test_root_path("renoir/bells")));
    }
}

TEST(waitset, a_manager_closes_its_sets, "R-124 reliability")
{
    RenoirRegionHandle region = join_region();
    RenoirNotifierHandle notifier = open_notifier(region, "n");
    RenoirManagerHandle manager = renoir_manager_create();
    RenoirWaitsetHandle set = NULL;
    REQUIRE(manager != NULL);
    REQUIRE_OK(renoir_waitset_create(manager, &set));
    add(set, notifier, NULL);
    CHECK_OK(renoir_manager_destroy(manager));
    CHECK_EQ_U64(0, test_count_entries(test_root_path("renoir/bells")));
    CHECK_OK(renoir_notifier_notify(notifier));
    renoir_notifier_close(notifier);
    renoir_region_close(region);
}

TEST(waitset, a_member_below_another_root_is_told_there, "R-124 reliability")
{
    char root[600];
    RenoirManagerOptions options = renoir_manager_options_default();
    RenoirManagerHandle manager = NULL;
    RenoirRegionConfig config = renoir_region_config_default();
    RenoirRegionHandle region = NULL;
    RenoirWaitsetHandle set = make_set();
    RenoirWaitEvent events[EVENTS];
    size_t count = 0;
    snprintf(root, sizeof root, "%s/other", test_directory());
    REQUIRE(mkdir(root, 0700) == 0);
    options.root = root;
    REQUIRE_OK(renoir_manager_create_with(&options, &manager));
    config.name = "there";
    config.size = 1 << 20;
    REQUIRE_OK(renoir_region_create(manager, &config, &region));
    RenoirNotifierHandle notifier = open_notifier(region, "n");
    add(set, notifier, notifier);
    CHECK_EQ_U64(2, set->post_count);
    CHECK_STATUS(RENOIR_TIMEOUT, renoir_waitset_wait(set, 1, events, EVENTS, &count));
    CHECK_OK(renoir_notifier_notify(notifier));
    CHECK_OK(look(set, events, &count)); // without a slice: it was told
    CHECK_EQ_U64(1, count);
    renoir_waitset_close(set);
    renoir_notifier_close(notifier);
    CHECK_OK(renoir_manager_destroy(manager));
}

TEST(waitset, a_handle_does_not_survive_fork, "R-124 reliability")
{
    Pair pair = open_pair();
    RenoirWaitEvent events[EVENTS];
    size_t count = 0;
    CHECK_STATUS(RENOIR_TIMEOUT, renoir_waitset_wait(pair.set, 1, events, EVENTS, &count));
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        int fd = -1;
        const bool ok = look(pair.set, events, &count) == RENOIR_INVALID_STATE &&
                        renoir_waitset_wake(pair.set) == RENOIR_INVALID_STATE &&
                        renoir_waitset_fd(pair.set, &fd) == RENOIR_INVALID_STATE &&
                        renoir_waitset_add_timer(pair.set, 1, NULL) == RENOIR_INVALID_STATE &&
                        renoir_waitset_remove(pair.set, NULL) == RENOIR_INVALID_STATE &&
                        renoir_waitset_remove_named(pair.set, "x") == RENOIR_INVALID_STATE &&
                        renoir_waitset_add(pair.set, NULL, NULL) == RENOIR_INVALID_STATE;
        renoir_notifier_close(pair.notifier);
        renoir_waitset_close(pair.set);
        _exit(ok ? 0 : 1);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK_OK(renoir_notifier_notify(pair.notifier)); // still announced, still named
    CHECK_OK(look(pair.set, events, &count));
    CHECK_EQ_U64(1, count);
    close_pair(&pair);
}

TEST(waitset, wrong_arguments_are_refused, "R-124 T-086 security_edge")
{
    Pair pair = open_pair();
    uint64_t none[32] = {0};
    RenoirWaitsetHandle wrong = (RenoirWaitsetHandle)(void *)none;
    RenoirWaitEvent events[EVENTS];
    size_t count = 99;
    int fd = 99;
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_waitset_create(NULL, NULL));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, look(NULL, events, &count));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, look(wrong, events, &count));
    CHECK_EQ_U64(0, count);
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, look(pair.set, NULL, &count));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, look(pair.set, events, NULL));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_waitset_wait(pair.set, 0, events, 0, &count));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_waitset_add(pair.set, NULL, NULL));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER,
                 renoir_waitset_add(pair.set, (RenoirWaitableHandle)(void *)none, NULL));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_waitset_wake(wrong));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_waitset_remove(NULL, NULL));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_waitset_fd(NULL, &fd));
    CHECK_EQ_I64(-1, fd);
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_waitset_fd(pair.set, NULL));
    renoir_waitset_close(NULL);
    renoir_waitset_close(wrong);
    close_pair(&pair);
}

TEST(waitset, a_set_whose_descriptor_was_closed_says_so, "R-124 T-082 reliability")
{
    Pair pair = open_pair();
    RenoirWaitEvent events[EVENTS];
    size_t count = 0;
    const int spare = dup(pair.set->poller.fd);
    REQUIRE(spare >= 0 && close(pair.set->poller.fd) == 0);
    CHECK_STATUS(RENOIR_PLATFORM_ERROR,
                 renoir_waitset_wait(pair.set, RENOIR_WAIT_FOREVER, events, EVENTS, &count));
    CHECK_STR_CONTAINS("descriptor", renoir_last_error_message());
    REQUIRE(dup2(spare, pair.set->poller.fd) == pair.set->poller.fd && close(spare) == 0);
    close_pair(&pair);
}
