// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Nodes: who is there, who died, and that nothing but the kernel's lock decides it.

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>

#include "layout/node_shm.h"
#include "unit/memory/region_fixture.h"

static RenoirNodeInfo self_of(RenoirManagerHandle manager)
{
    RenoirNodeInfo info;
    memset(&info, 0, sizeof info);
    REQUIRE_OK(renoir_node_self(manager, &info));
    return info;
}

static bool is_alive(uint64_t node_id)
{
    bool alive = false;
    CHECK_OK(renoir_node_is_alive(NULL, node_id, &alive));
    return alive;
}

static size_t count_nodes(void)
{
    size_t count = 0;
    CHECK_OK(renoir_node_list(NULL, NULL, 0, &count));
    return count;
}

// A node with a region if told so; says its id.
PEER(member)
{
    char line[64];
    if (peer_arg_count() > 0) {
        (void)fixture_region(peer_arg(0));
    }
    peer_say("%llu", (unsigned long long)self_of(NULL).node_id);
    while (peer_hear(line, sizeof line)) {
        if (strcmp(line, "closefrom") == 0) {
            for (int fd = 3; fd < 256; ++fd) {
                (void)close(fd);
            }
        } else if (strcmp(line, "fork") == 0) {
            const pid_t child = fork();
            if (child == 0) {
                (void)dup2(open("/dev/null", O_RDWR), STDOUT_FILENO);
                for (;;) {
                    pause();
                }
            }
            peer_say("%d", (int)child);
        }
        peer_say("done");
    }
}

static uint64_t id_of(TestPeer peer)
{
    char line[64];
    REQUIRE(peer_read_line(peer, line, sizeof line));
    return strtoull(line, NULL, 10);
}

static void tell(TestPeer peer, const char *what)
{
    peer_send_line(peer, "%s", what);
    REQUIRE(peer_expect(peer, "done"));
}

TEST(node, a_process_learns_what_it_is, "R-018 R-019 communication")
{
    RenoirManagerOptions options = renoir_manager_options_default();
    RenoirManagerHandle manager = NULL;
    options.node_name = "a camera";
    REQUIRE_OK(renoir_manager_create_with(&options, &manager));
    const RenoirNodeInfo info = self_of(manager);
    CHECK(info.node_id != 0);
    CHECK_EQ_I64(getpid(), info.pid);
    CHECK_STR("a camera", info.name);
    CHECK_EQ_U64(1, info.is_alive);
    CHECK_EQ_U64(0, info.object_count);
    CHECK(info.joined_ns > UINT64_C(1600000000000000000));
    CHECK(is_alive(info.node_id));
    CHECK(!is_alive(0));
    CHECK(!is_alive(12345));
    CHECK_OK(renoir_manager_destroy(manager));
}

TEST(node, there_is_one_for_a_process_and_a_root, "R-019 reliability")
{
    char path[600];
    RenoirManagerOptions options = renoir_manager_options_default();
    RenoirManagerHandle managers[3];
    snprintf(path, sizeof path, "%s/by another name", test_directory());
    REQUIRE(symlink(test_root(), path) == 0);
    managers[0] = renoir_manager_create();
    REQUIRE(managers[0] != NULL);
    options.root = path;
    REQUIRE_OK(renoir_manager_create_with(&options, &managers[1]));
    options.root = test_root_path(".");
    REQUIRE_OK(renoir_manager_create_with(&options, &managers[2]));

    CHECK_EQ_U64(1, fixture_count("nodes"));
    CHECK_EQ_U64(self_of(managers[0]).node_id, self_of(managers[1]).node_id);
    CHECK_EQ_U64(self_of(managers[0]).node_id, self_of(managers[2]).node_id);

    CHECK_OK(renoir_manager_destroy(managers[0]));
    CHECK_EQ_U64(1, fixture_count("nodes"));
    CHECK_OK(renoir_manager_destroy(managers[2]));
    CHECK_OK(renoir_manager_destroy(managers[1]));
    CHECK_EQ_U64(0, fixture_count("nodes"));
    unlink(path);
}

TEST(node, two_roots_have_two, "R-019 reliability")
{
    RenoirManagerOptions options = renoir_manager_options_default();
    RenoirManagerHandle manager = NULL;
    char root[600];
    snprintf(root, sizeof root, "%s/second", test_directory());
    REQUIRE(mkdir(root, 0700) == 0);
    options.root = root;
    REQUIRE_OK(renoir_manager_create_with(&options, &manager));
    const uint64_t there = self_of(manager).node_id;
    const uint64_t here = self_of(NULL).node_id;
    CHECK(there != here);
    CHECK(!is_alive(there)); // not under this root
    CHECK_OK(renoir_manager_destroy(manager));
}

TEST(node, ids_are_never_used_again, "R-019 T-046 reliability")
{
    enum { COUNT = 50 };
    uint64_t ids[COUNT];
    for (int i = 0; i < COUNT; ++i) {
        RenoirManagerHandle manager = renoir_manager_create();
        REQUIRE(manager != NULL);
        ids[i] = self_of(manager).node_id;
        CHECK_OK(renoir_manager_destroy(manager));
        for (int j = 0; j < i; ++j) {
            CHECK(ids[i] != ids[j]);
        }
    }
}

TEST(node, a_list_shows_the_living_and_the_dead, "R-036 T-046 communication")
{
    RenoirNodeInfo infos[4];
    size_t count = 0;
    const uint64_t own = self_of(NULL).node_id;
    const TestPeer living = peer_start(member, "r");
    const TestPeer dying = peer_start(member);
    const uint64_t living_id = id_of(living);
    const uint64_t dying_id = id_of(dying);
    CHECK_KILLED(peer_kill(dying, SIGKILL));

    CHECK_OK(renoir_node_list(NULL, infos, 4, &count));

    REQUIRE_EQ_U64(3, count);
    for (size_t i = 0; i < count; ++i) {
        CHECK_EQ_U64(infos[i].node_id != dying_id, infos[i].is_alive);
        CHECK_EQ_U64(infos[i].node_id == living_id ? 1 : 0, infos[i].object_count);
        CHECK(infos[i].node_id == own || infos[i].node_id == living_id ||
              infos[i].node_id == dying_id);
        CHECK_STR("test_node_node", infos[i].name);
    }
    memset(infos, 0xff, sizeof infos);
    CHECK_OK(renoir_node_list(NULL, infos, 1, &count));
    CHECK(count == 3 && infos[1].pid == -1);
    CHECK(!is_alive(dying_id) && is_alive(living_id));
    CHECK_EQ_U64(1, fixture_reap().node_count);
    CHECK_EQ_U64(2, count_nodes());
    CHECK(!is_alive(dying_id));
    CHECK_EXITED(living, 0);
}

TEST(node, one_that_closed_all_its_descriptors_is_alive, "T-046 reliability")
{
    const TestPeer peer = peer_start(member, "r");
    const uint64_t id = id_of(peer);
    tell(peer, "closefrom");
    CHECK(is_alive(id));
    const RenoirReapReport report = fixture_reap();
    CHECK_EQ_U64(0, report.node_count + report.object_count);
    CHECK_OK(fixture_try_open("r"));
    CHECK_EXITED(peer, 0);
    CHECK(!is_alive(id));
    CHECK_EQ_U64(0, fixture_count("regions"));
}

TEST(node, one_whose_child_still_runs_is_dead, "R-018 T-046 reliability")
{
    if (test_is_emulated()) {
        SKIP("the emulator ignores MADV_DONTFORK: a child keeps the lock");
    }
    char line[64];
    const TestPeer peer = peer_start(member, "r");
    const uint64_t id = id_of(peer);
    peer_send_line(peer, "fork");
    REQUIRE(peer_read_line(peer, line, sizeof line));
    const pid_t child = (pid_t)atoi(line);
    CHECK(is_alive(id));

    CHECK_KILLED(peer_kill(peer, SIGKILL));

    CHECK(kill(child, 0) == 0);
    CHECK(!is_alive(id));
    const RenoirReapReport report = fixture_reap();
    CHECK_EQ_U64(1, report.node_count);
    CHECK_EQ_U64(1, report.object_count);
    CHECK_STATUS(RENOIR_REGION_NOT_FOUND, fixture_try_open("r"));
    kill(child, SIGKILL);
    while (kill(child, 0) == 0) { // until the runner has collected it
        test_sleep_ms(1);
    }
}

TEST(node, a_stopped_one_is_alive_and_nothing_is_taken_from_it, "T-046 reliability")
{
    const TestPeer peer = peer_start(member, "r");
    const uint64_t id = id_of(peer);
    peer_signal(peer, SIGSTOP);
    test_sleep_ms(300); // longer than any patience of the library

    const RenoirReapReport report = fixture_reap();

    CHECK_EQ_U64(0, report.node_count + report.object_count + report.hold_count);
    CHECK(is_alive(id));
    CHECK_OK(fixture_try_open("r"));
    peer_signal(peer, SIGCONT);
    CHECK_EXITED(peer, 0);
}

TEST(node, a_vanished_file_is_no_death_for_who_met_it_before, "T-046 reliability")
{
    const TestPeer peer = peer_start(member);
    const uint64_t id = id_of(peer);
    CHECK(is_alive(id)); // met
    REQUIRE(unlink(test_root_path("renoir/nodes/%016llx", (unsigned long long)id)) == 0);
    CHECK(is_alive(id));
    CHECK_KILLED(peer_kill(peer, SIGKILL));
    CHECK(!is_alive(id));
}

TEST(node, a_root_removed_and_made_anew_is_noticed, "T-046 reliability")
{
    RenoirNodeInfo info;
    char moved[600];
    size_t count = 0;
    RenoirRegionHandle region = fixture_region("r");
    snprintf(moved, sizeof moved, "%s/moved", test_directory());
    REQUIRE(rename(test_root_path("renoir"), moved) == 0);

    CHECK_STATUS(RENOIR_INVALID_STATE, renoir_node_self(NULL, &info));
    CHECK_STR_CONTAINS("removed and made anew", renoir_last_error_message());
    CHECK_STATUS(RENOIR_INVALID_STATE, renoir_region_list(NULL, NULL, 0, &count));
    fixture_bytes(region)[0] = 'x'; // what is open goes on

    rmdir(test_root_path("renoir/nodes"));
    rmdir(test_root_path("renoir/regions"));
    rmdir(test_root_path("renoir/bells"));
    rmdir(test_root_path("renoir"));
    REQUIRE(rename(moved, test_root_path("renoir")) == 0);
    CHECK_OK(renoir_node_self(NULL, &info));
    renoir_region_close(region);
}

TEST(node, a_reader_that_locks_a_node_file_does_not_keep_it_alive, "T-046 security_edge")
{
    const TestPeer peer = peer_start(member);
    const uint64_t id = id_of(peer);
    const int fd =
        open(test_root_path("renoir/nodes/%016llx", (unsigned long long)id), O_RDWR | O_CLOEXEC);
    REQUIRE(fd >= 0);
    CHECK(is_alive(id));
    CHECK_KILLED(peer_kill(peer, SIGKILL));
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    REQUIRE(fcntl(fd, F_OFD_SETLK, &lock) == 0); // every byte of it

    CHECK(!is_alive(id));

    close(fd);
    CHECK_EQ_U64(1, fixture_reap().node_count);
}

PEER(first_of_its_namespace)
{
    if (unshare(CLONE_NEWPID) != 0) {
        peer_say("no namespace");
        return;
    }
    const pid_t child = fork();
    if (child == 0) {
        (void)fixture_region("r");
        const RenoirNodeInfo info = self_of(NULL);
        peer_say("%llu %lld", (unsigned long long)info.node_id, (long long)info.pid);
        peer_pause();
        _exit(9); // without leaving
    }
    int status = 0;
    (void)waitpid(child, &status, 0);
    CHECK_EXITED(status, 9);
    _exit(0); // the leak sanitizer cannot start its helper in here
}

TEST(node, another_pid_namespace_makes_no_difference, "T-046 reliability")
{
    char line[64];
    unsigned long long id = 0;
    long long pid = 0;
    const TestPeer peer = peer_start(first_of_its_namespace);
    REQUIRE(peer_read_line(peer, line, sizeof line));
    if (strcmp(line, "no namespace") == 0) {
        peer_wait(peer);
        SKIP("this user may not make PID namespaces");
    }
    REQUIRE(sscanf(line, "%llu %lld", &id, &pid) == 2);
    CHECK_EQ_I64(1, pid); // which is somebody else here, and alive

    CHECK(is_alive(id));
    CHECK_EQ_U64(0, fixture_reap().node_count);
    CHECK_OK(fixture_try_open("r"));

    peer_send_line(peer, "end");
    CHECK_EXITED(peer, 0);
    CHECK(!is_alive(id));
    CHECK_EQ_U64(1, fixture_reap().node_count);
}

TEST(node, a_pid_that_is_used_again_revives_nobody, "T-046 reliability")
{
    (void)self_of(NULL);
    const TestPeer peer = peer_start(member, "r");
    const uint64_t id = id_of(peer);
    CHECK_KILLED(peer_kill(peer, SIGKILL));
    // as if this process had got its number
    const int fd =
        open(test_root_path("renoir/nodes/%016llx", (unsigned long long)id), O_RDWR | O_CLOEXEC);
    REQUIRE(fd >= 0);
    const int64_t pid = getpid();
    REQUIRE(pwrite(fd, &pid, sizeof pid, offsetof(RnrNodeShm, pid)) == sizeof pid);
    close(fd);

    CHECK(!is_alive(id));
    CHECK_EQ_U64(1, fixture_reap().node_count);
}

TEST(node, what_it_holds_is_told, "R-036 communication")
{
    RenoirHoldInfo holds[8];
    size_t count = 0;
    RenoirRegionHandle region = fixture_region("shared");
    const TestPeer peer = peer_start(member, "shared");
    const uint64_t id = id_of(peer);

    CHECK_OK(renoir_node_holds(NULL, id, holds, 8, &count));

    REQUIRE_EQ_U64(1, count);
    CHECK_EQ_U64(id, holds[0].node_id);
    CHECK_STR("shared", holds[0].object);
    CHECK_EQ_U64(FIXTURE_SIZE, holds[0].size_bytes);
    CHECK(holds[0].since_ns > UINT64_C(1600000000000000000));
    CHECK_OK(renoir_node_holds(NULL, 0, NULL, 0, &count));
    CHECK_EQ_U64(2, count);
    CHECK_OK(renoir_node_holds(NULL, 77, holds, 8, &count));
    CHECK_EQ_U64(0, count);
    CHECK_KILLED(peer_kill(peer, SIGKILL));
    CHECK_OK(renoir_node_holds(NULL, id, holds, 8, &count));
    CHECK_EQ_U64(0, count);
    renoir_region_close(region);
    (void)fixture_reap();
}

TEST(node, reaping_twice_takes_back_once, "R-037 T-046 reliability")
{
    const TestPeer peer = peer_start(member, "r");
    (void)self_of(NULL);
    (void)id_of(peer);
    CHECK_KILLED(peer_kill(peer, SIGKILL));
    const RenoirReapReport first = fixture_reap();
    CHECK_EQ_U64(1, first.node_count);
    CHECK_EQ_U64(1, first.object_count);
    CHECK(first.bytes > FIXTURE_SIZE);
    const RenoirReapReport second = fixture_reap();
    CHECK_EQ_U64(0, second.node_count + second.object_count + second.bytes);
    CHECK_OK(renoir_node_reap(NULL, NULL));
}

TEST(node, joining_a_root_takes_back_what_the_dead_left, "R-037 T-046 reliability")
{
    const TestPeer peer = peer_start(member, "r");
    (void)id_of(peer);
    CHECK_KILLED(peer_kill(peer, SIGKILL));
    CHECK_EQ_U64(1, fixture_count("nodes"));
    CHECK_EQ_U64(1, fixture_count("regions"));
    RenoirManagerHandle manager = renoir_manager_create();
    REQUIRE(manager != NULL);
    CHECK_EQ_U64(1, fixture_count("nodes"));
    CHECK_EQ_U64(0, fixture_count("regions"));
    CHECK_OK(renoir_manager_destroy(manager));
    CHECK_EQ_U64(0, fixture_count("nodes"));
}

PEER(reaper)
{
    RenoirReapReport report;
    (void)self_of(NULL);
    peer_say("ready");
    peer_pause();
    CHECK_OK(renoir_node_reap(NULL, &report));
    peer_say("%llu %llu", (unsigned long long)report.node_count,
             (unsigned long long)report.object_count);
    peer_pause();
}

TEST(node, eight_reapers_at_once_take_back_everything_once, "R-037 T-046 concurrent_stress")
{
    enum { DEAD = 12 };
    TestPeer dead[DEAD];
    TestPeer reapers[8];
    (void)self_of(NULL); // so that nobody who joins finds dead ones
    for (int i = 0; i < 8; ++i) {
        reapers[i] = peer_start(reaper);
        REQUIRE(peer_expect(reapers[i], "ready"));
    }
    for (int i = 0; i < DEAD; ++i) {
        char name[16];
        snprintf(name, sizeof name, "r%d", i);
        dead[i] = peer_start(member, name);
        (void)id_of(dead[i]);
    }
    for (int i = 0; i < DEAD; ++i) {
        CHECK_KILLED(peer_kill(dead[i], SIGKILL));
    }
    for (int i = 0; i < 8; ++i) {
        peer_send_line(reapers[i], "go");
    }
    for (int i = 0; i < 8; ++i) {
        char line[64];
        REQUIRE(peer_read_line(reapers[i], line, sizeof line));
    }
    (void)fixture_reap(); // what one reaper held while another looked
    CHECK_EQ_U64(0, fixture_count("regions"));
    CHECK_EQ_U64(9, fixture_count("nodes"));
    for (int i = 0; i < 8; ++i) {
        CHECK_EXITED(reapers[i], 0);
    }
}

TEST(node, files_that_are_no_nodes_are_left_out, "T-050 security_edge")
{
    (void)self_of(NULL);
    int fd = open(test_root_path("renoir/nodes/garbage"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    REQUIRE(fd >= 0 && write(fd, "garbage", 7) == 7);
    close(fd);
    fd = open(test_root_path("renoir/nodes/empty"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    REQUIRE(fd >= 0);
    close(fd);
    REQUIRE(symlink("/etc/passwd", test_root_path("renoir/nodes/link")) == 0);
    REQUIRE(mkfifo(test_root_path("renoir/nodes/fifo"), 0600) == 0);
    REQUIRE(mkdir(test_root_path("renoir/nodes/folder"), 0700) == 0);
    CHECK_EQ_U64(1, count_nodes());
    (void)fixture_reap();
    CHECK_EQ_U64(1, count_nodes());
    unlink(test_root_path("renoir/nodes/link"));
    unlink(test_root_path("renoir/nodes/fifo"));
    unlink(test_root_path("renoir/nodes/garbage"));
    unlink(test_root_path("renoir/nodes/empty"));
    rmdir(test_root_path("renoir/nodes/folder"));
}

static pthread_barrier_t all_ready;

static void *first_use(void *result)
{
    RenoirNodeInfo info;
    pthread_barrier_wait(&all_ready);
    *(uint64_t *)result = renoir_node_self(NULL, &info) == RENOIR_SUCCESS ? info.node_id : 0;
    return NULL;
}

TEST(node, the_first_use_from_64_threads_joins_once, "R-008 T-049 T-078 concurrent_stress tsan")
{
    enum { THREADS = 64 };
    pthread_t threads[THREADS];
    uint64_t ids[THREADS];
    pthread_barrier_init(&all_ready, NULL, THREADS);
    for (int i = 0; i < THREADS; ++i) {
        REQUIRE(pthread_create(&threads[i], NULL, first_use, &ids[i]) == 0);
    }
    for (int i = 0; i < THREADS; ++i) {
        pthread_join(threads[i], NULL);
    }
    for (int i = 0; i < THREADS; ++i) {
        CHECK(ids[i] != 0 && ids[i] == ids[0]);
    }
    CHECK_EQ_U64(1, fixture_count("nodes"));
    pthread_barrier_destroy(&all_ready);
}
