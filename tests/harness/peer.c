// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Peers: other programs, made by fork and exec of this executable.

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/internal.h"

typedef struct Peer {
    uint32_t serial; // of the TestPeer that means this slot; 0 while never used
    bool running;
    pid_t pid;
    int status;
    int to;
    int from;
    char name[64];
} Peer;

enum { ARGUMENT_MAX = 15 };

static Peer peers[TEST_PEER_MAX];
static uint32_t last_serial;
static int own_argument_count;
static char **own_arguments;
static TestPeerBody *bodies;

void test_register_peer(TestPeerBody *peer)
{
    peer->next = bodies;
    bodies = peer;
}

// A mistake in a test, not in what it tests.
static noreturn void misuse(const char *what, const char *name)
{
    (void)test_counter_add(&test_board->failures, 1);
    test_note("%s: peer %s: %s (%s)", test_current, name, what, strerror(errno));
    test_leave(EXIT_FAILED);
}

static Peer *find(TestPeer handle)
{
    Peer *peer = &peers[handle.slot % TEST_PEER_MAX];
    if (handle.serial == 0 || peer->serial != handle.serial) {
        misuse("no such peer (its slot serves another one by now)", "?");
    }
    return peer;
}

static Peer *take_slot(const char *name)
{
    for (uint32_t i = 0; i < TEST_PEER_MAX; ++i) {
        // Oldest first, so that the status of an ended peer stays readable for long.
        Peer *peer = &peers[(last_serial + i) % TEST_PEER_MAX];
        if (!peer->running) {
            peer->serial = ++last_serial;
            snprintf(peer->name, sizeof peer->name, "%s", name);
            return peer;
        }
    }
    misuse("too many peers at once", name);
}

static void become_peer(const char *name, const char *const arguments[], int hear, int say)
{
    const char *argv[ARGUMENT_MAX + 4] = {"peer", "--peer", name};
    for (int i = 0; i < ARGUMENT_MAX && arguments[i] != NULL; ++i) {
        argv[3 + i] = arguments[i];
    }
    // dup2 also clears close-on-exec, but does nothing when both are the same.
    if (dup2(hear, STDIN_FILENO) < 0 || dup2(say, STDOUT_FILENO) < 0) {
        _exit(EXIT_PEER_CHECK);
    }
    test_exec("/proc/self/exe", argv);
    _exit(EXIT_PEER_CHECK);
}

TestPeer test_peer_start(const char *name, const char *const arguments[])
{
    int to[2];
    int from[2];
    if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0) {
        misuse("no pipe", name);
    }
    Peer *peer = take_slot(name);
    const pid_t pid = fork();
    if (pid < 0) {
        misuse("cannot fork", name);
    }
    if (pid == 0) {
        become_peer(name, arguments, to[0], from[1]);
    }
    close(to[0]);
    close(from[1]);
    peer->running = true;
    peer->pid = pid;
    peer->to = to[1];
    peer->from = from[0];
    return (TestPeer){.slot = (uint32_t)(peer - peers), .serial = peer->serial};
}

int peer_wait(TestPeer handle)
{
    Peer *peer = find(handle);
    if (!peer->running) {
        return peer->status;
    }
    close(peer->to); // a peer that still listens hears the end
    while (waitpid(peer->pid, &peer->status, 0) < 0) {
        if (errno != EINTR) {
            misuse("cannot wait for it", peer->name);
        }
    }
    close(peer->from);
    peer->running = false;
    return peer->status;
}

void peer_signal(TestPeer handle, int signal_number)
{
    const Peer *peer = find(handle);
    if (peer->running && kill(peer->pid, signal_number) != 0) {
        misuse("cannot signal it", peer->name);
    }
}

int peer_kill(TestPeer handle, int signal_number)
{
    peer_signal(handle, signal_number);
    return signal_number == SIGKILL ? peer_wait(handle) : 0;
}

void peer_wait_stopped(TestPeer handle)
{
    const Peer *peer = find(handle);
    siginfo_t info;
    if (waitid(P_PID, (id_t)peer->pid, &info, WSTOPPED) != 0) {
        misuse("cannot wait until it stops", peer->name);
    }
}

bool peer_is_running(TestPeer handle)
{
    const Peer *peer = find(handle);
    siginfo_t info = {0};
    return peer->running &&
           waitid(P_PID, (id_t)peer->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == 0;
}

pid_t peer_pid(TestPeer handle)
{
    return find(handle)->pid;
}

// --- lines ---------------------------------------------------------------------------------------

static bool write_line(int descriptor, const char *format, va_list arguments)
{
    char line[4096];
    const int length = vsnprintf(line, sizeof line - 1, format, arguments);
    if (length < 0 || (size_t)length >= sizeof line - 1) {
        errno = EMSGSIZE;
        return false;
    }
    line[length] = '\n';
    size_t done = 0;
    while (done < (size_t)length + 1) {
        const ssize_t n = write(descriptor, line + done, (size_t)length + 1 - done);
        if (n < 0 && errno != EINTR) {
            return false;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    return true;
}

// Byte by byte: what follows the line stays in the pipe for the next reader.
static bool read_line(int descriptor, char *line, size_t size)
{
    size_t length = 0;
    while (length + 1 < size) {
        const ssize_t n = read(descriptor, line + length, 1);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            line[0] = '\0';
            return false;
        }
        if (line[length] == '\n') {
            line[length] = '\0';
            return true;
        }
        ++length;
    }
    line[length] = '\0';
    return true;
}

bool peer_send_line(TestPeer handle, const char *format, ...)
{
    const Peer *peer = find(handle);
    va_list arguments;
    va_start(arguments, format);
    const bool ok = peer->running && write_line(peer->to, format, arguments);
    va_end(arguments);
    return ok;
}

bool peer_read_line(TestPeer handle, char *line, size_t size)
{
    const Peer *peer = find(handle);
    return peer->running && read_line(peer->from, line, size);
}

bool peer_expect(TestPeer handle, const char *line)
{
    char got[4096];
    const Peer *peer = find(handle);
    const bool heard = peer_read_line(handle, got, sizeof got);
    const bool ok = heard && strcmp(got, line) == 0;
    (void)test_counter_add(&test_board->checks, 1);
    if (!ok) {
        (void)test_counter_add(&test_board->failures, 1);
        test_note("%s: peer %s says \"%s\"%s, expected \"%s\"", test_current, peer->name, got,
                  heard ? "" : " (it has ended)", line);
    }
    return ok;
}

// --- the peer itself -----------------------------------------------------------------------------

int test_peer_main(const char *name, int argument_count, char **arguments)
{
    own_argument_count = argument_count;
    own_arguments = arguments;
    for (const TestPeerBody *body = bodies; body != NULL; body = body->next) {
        if (strcmp(body->name, name) == 0) {
            test_current = body->name;
            test_is_peer = true;
            const uint64_t before = test_counter(&test_board->failures);
            body->body();
            return test_counter(&test_board->failures) == before ? EXIT_PASSED : EXIT_PEER_CHECK;
        }
    }
    test_note("there is no PEER(%s)", name);
    (void)test_counter_add(&test_board->failures, 1);
    return EXIT_PEER_CHECK;
}

const char *peer_arg(unsigned index)
{
    return index < peer_arg_count() ? own_arguments[index] : "";
}

uint64_t peer_arg_u64(unsigned index)
{
    return strtoull(peer_arg(index), NULL, 0);
}

unsigned peer_arg_count(void)
{
    return (unsigned)own_argument_count;
}

bool peer_say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const bool ok = write_line(STDOUT_FILENO, format, arguments);
    va_end(arguments);
    return ok;
}

bool peer_hear(char *line, size_t size)
{
    return read_line(STDIN_FILENO, line, size);
}

void peer_pause(void)
{
    char line[4096];
    (void)peer_hear(line, sizeof line);
}
