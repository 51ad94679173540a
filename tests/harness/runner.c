// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Supervisor and main program of every test executable.
//
//     <exe>                  runs all tests, one after the other
//     <exe> --run NAME       runs one
//     <exe> --list           names and labels
//     <exe> --ctest          the same for CTest
//     <exe> --peer NAME ...  what peer_start runs

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness/internal.h"

Board *test_board;
const char *test_current = "?";
bool test_is_peer;

static TestCase *tests;
static TestCase **tests_end = &tests;
static char directory[TEST_PATH_MAX];
static char root[TEST_PATH_MAX + 16];

// The library's own end of a test process, where it has one: leaves the process-wide manager, which
// is never left otherwise.
__attribute__((weak)) void rnr_testing_shutdown(void);

// The leak sanitizer's, where the executable is built with it.
__attribute__((weak)) void __lsan_disable(void);

void test_register(TestCase *test)
{
    *tests_end = test;
    tests_end = &test->next;
}

// --- small services ------------------------------------------------------------------------------

// One write per line, so that lines of several processes do not mix.
void test_note(const char *format, ...)
{
    char text[4096];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text - 1, format, arguments);
    va_end(arguments);
    if (length < 0) {
        return;
    }
    length = length < (int)sizeof text - 1 ? length : (int)sizeof text - 2;
    text[length] = '\n';
    if (write(STDERR_FILENO, text, (size_t)length + 1) < 0) {
        return; // nobody listens any more
    }
}

uint64_t test_counter_add(uint64_t *counter, uint64_t n)
{
    return __atomic_add_fetch(counter, n, __ATOMIC_RELAXED);
}

uint64_t test_counter(const uint64_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

void test_leave(int code)
{
    fflush(NULL);
    _exit(code);
}

const char *test_root(void)
{
    return root;
}

const char *test_directory(void)
{
    return directory;
}

const char *test_root_path(const char *format, ...)
{
    static char paths[8][TEST_PATH_MAX * 2];
    static unsigned turn;
    char *path = paths[turn++ % 8];
    const int length = snprintf(path, sizeof paths[0], "%s/", root);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(path + length, sizeof paths[0] - (size_t)length, format, arguments);
    va_end(arguments);
    return path;
}

uint64_t test_scaled(uint64_t n)
{
    const char *scale = getenv("RENOIR_TEST_SCALE");
    if (scale != NULL && strcmp(scale, "full") == 0) {
        return n;
    }
    const uint64_t percent = scale == NULL ? 1 : strtoull(scale, NULL, 10);
    const uint64_t scaled = n / 100 * percent + n % 100 * percent / 100;
    return scaled > 0 ? scaled : 1;
}

// splitmix64: each call takes the next state, whichever process makes it.
uint64_t test_random_u64(void)
{
    __atomic_store_n(&test_board->seed_used, 1, __ATOMIC_RELAXED);
    uint64_t z = test_counter_add(&test_board->seed, UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint64_t test_random_below(uint64_t bound)
{
    return bound == 0 ? 0 : test_random_u64() % bound;
}

uint64_t test_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

void test_sleep_ms(unsigned milliseconds)
{
    struct timespec left = {.tv_sec = (time_t)(milliseconds / 1000),
                            .tv_nsec = (long)(milliseconds % 1000) * 1000000L};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

void test_allow_leftovers(void)
{
    test_board->allow_leftovers = 1;
}

void test_allow_open(void)
{
    test_board->allow_open = 1;
}

void test_allow_heap_leaks(void)
{
    if (__lsan_disable != NULL) {
        __lsan_disable();
    }
}

static uint64_t number_from_environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text == NULL || text[0] == '\0' ? otherwise : strtoull(text, NULL, 0);
}

// --- the directory of a test ---------------------------------------------------------------------

static noreturn void give_up(const char *what)
{
    test_note("%s: %s: %s: %s", test_current, what, directory, strerror(errno));
    exit(EXIT_FAILED);
}

void test_board_open(const char *where, bool create)
{
    char path[TEST_PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/board", where);
    const int descriptor = open(path, O_RDWR | O_CLOEXEC | (create ? O_CREAT | O_EXCL : 0), 0600);
    if (descriptor < 0 || (create && ftruncate(descriptor, sizeof(Board)) != 0)) {
        give_up("cannot make the runner's board");
    }
    void *memory = mmap(NULL, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    close(descriptor);
    if (memory == MAP_FAILED) {
        give_up("cannot map the runner's board");
    }
    test_board = memory;
}

static void name_root(void)
{
    snprintf(root, sizeof root, "%s/root", directory);
}

static void make_directory(void)
{
    const char *base = getenv("RENOIR_TEST_TMP");
    snprintf(directory, sizeof directory, "%s/renoir-test-XXXXXX",
             base == NULL || base[0] == '\0' ? "/dev/shm" : base);
    if (mkdtemp(directory) == NULL) {
        give_up("cannot make a directory (set RENOIR_TEST_TMP to a writable one on tmpfs)");
    }
    name_root();
    if (mkdir(root, 0700) != 0) {
        give_up("cannot make the root");
    }
    test_board_open(directory, true);
    test_board->seed = number_from_environment("RENOIR_TEST_SEED", test_now_ns());
    setenv("RENOIR_SHM_PATH", root, 1);
    setenv("RENOIR_TEST_DIRECTORY", directory, 1);
}

static void drop_directory(void)
{
    munmap(test_board, sizeof(Board));
    test_board = NULL;
    test_remove_tree(directory);
}

// --- the test process ----------------------------------------------------------------------------

bool test_leaves_default_manager(void)
{
    return rnr_testing_shutdown != NULL;
}

static void shut_library_down(void)
{
    if (rnr_testing_shutdown != NULL) {
        rnr_testing_shutdown();
    }
}

static noreturn void run_body(const TestCase *test)
{
    TestHoldings *before = test_holdings_take();
    test->body();
    shut_library_down();
    test_holdings_compare(before);
    // Not _exit: the sanitizers look for leaks at exit.
    exit(test_counter(&test_board->failures) == 0 ? EXIT_PASSED : EXIT_FAILED);
}

// Blocked signals are inherited, so the test gets its own mask back.
static pid_t start(const TestCase *test, const sigset_t *watched)
{
    fflush(NULL);
    const pid_t pid = fork();
    if (pid < 0) {
        give_up("cannot fork");
    }
    if (pid == 0) {
        setpgid(0, 0);
        sigprocmask(SIG_UNBLOCK, watched, NULL);
        run_body(test);
    }
    setpgid(pid, pid);
    return pid;
}

// --- the supervisor ------------------------------------------------------------------------------

// Sleeps for a watched signal until the deadline; 0 when the time is over.
static int next_signal(const sigset_t *watched, uint64_t deadline_ns)
{
    for (;;) {
        const uint64_t now = test_now_ns();
        if (now >= deadline_ns) {
            return 0;
        }
        const uint64_t left = deadline_ns - now;
        const struct timespec wait = {.tv_sec = (time_t)(left / UINT64_C(1000000000)),
                                      .tv_nsec = (long)(left % UINT64_C(1000000000))};
        const int number = sigtimedwait(watched, NULL, &wait);
        if (number > 0) {
            return number;
        }
    }
}

// The status of the test process; false if it had to be stopped. Orphans that ended are collected
// on the way.
static bool watch(const TestCase *test, pid_t pid, const sigset_t *watched, int *out_status)
{
    const uint64_t seconds = test->seconds * number_from_environment("RENOIR_TEST_PATIENCE", 1);
    const uint64_t deadline_ns = test_now_ns() + seconds * UINT64_C(1000000000);
    for (;;) {
        for (pid_t ended = 1; ended > 0;) {
            ended = waitpid(-1, out_status, WNOHANG);
            if (ended == pid) {
                return true;
            }
        }
        const int number = next_signal(watched, deadline_ns);
        if (number == 0) {
            test_note("%s: still running after %llu s", test_current, (unsigned long long)seconds);
            test_stuck_report(pid);
            return false;
        }
        if (number != SIGCHLD) {
            test_note("%s: ended by signal %d", test_current, number);
            return false;
        }
    }
}

// True if processes of the test outlived it.
static bool somebody_left(void)
{
    siginfo_t info = {0};
    while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG) == 0) {
        if (info.si_pid == 0) {
            return true;
        }
    }
    return false;
}

static int judge(bool ended, int status)
{
    if (!ended) {
        return EXIT_FAILED;
    }
    if (WIFSIGNALED(status)) {
        int line = 0;
        const char *file = test_last_site(&line);
        test_note("%s: killed by signal %d (%s); last check: %s:%d", test_current, WTERMSIG(status),
                  strsignal(WTERMSIG(status)), file, line);
        return EXIT_FAILED;
    }
    if (WEXITSTATUS(status) == EXIT_SKIPPED && test_counter(&test_board->failures) == 0) {
        return EXIT_SKIPPED;
    }
    if (WEXITSTATUS(status) == EXIT_PASSED && test_counter(&test_board->checks) == 0) {
        test_note("%s: reached no check", test_current);
        return EXIT_FAILED;
    }
    if (!test_board->allow_leftovers) {
        test_leftovers_report(root);
    }
    if (WEXITSTATUS(status) != EXIT_PASSED && test_counter(&test_board->failures) == 0) {
        test_note("%s: exited with %d", test_current, WEXITSTATUS(status));
    }
    return WEXITSTATUS(status) == EXIT_PASSED && test_counter(&test_board->failures) == 0
               ? EXIT_PASSED
               : EXIT_FAILED;
}

static const char *full_name(const TestCase *test)
{
    static char name[512];
    snprintf(name, sizeof name, "%s.%s", test->suite, test->name);
    return name;
}

static int run_test(const TestCase *test)
{
    test_current = full_name(test);
    make_directory();
    const uint64_t seed = test_board->seed;

    sigset_t watched;
    sigemptyset(&watched);
    sigaddset(&watched, SIGCHLD);
    sigaddset(&watched, SIGINT);
    sigaddset(&watched, SIGTERM);
    sigprocmask(SIG_BLOCK, &watched, NULL);
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);

    const pid_t pid = start(test, &watched);
    int status = 0;
    const bool ended = watch(test, pid, &watched, &status);
    if (ended && somebody_left()) {
        (void)test_counter_add(&test_board->failures, 1);
        test_note("%s: leaves behind a running process", test_current);
    }
    test_kill_all(pid);
    const int result = judge(ended, status);
    if (result == EXIT_FAILED && test_board->seed_used) {
        test_note("%s: repeat with RENOIR_TEST_SEED=%llu", test_current, (unsigned long long)seed);
    }
    drop_directory();
    return result;
}

// --- command line --------------------------------------------------------------------------------

static int run_named(const char *name)
{
    for (const TestCase *test = tests; test != NULL; test = test->next) {
        if (strcmp(full_name(test), name) == 0) {
            return run_test(test);
        }
    }
    fprintf(stderr, "there is no test %s\n", name);
    return EXIT_USAGE;
}

static int run_all(void)
{
    static const char *const words[] = {"passed", "FAILED"};
    unsigned failed = 0;
    unsigned skipped = 0;
    unsigned passed = 0;
    for (const TestCase *test = tests; test != NULL; test = test->next) {
        const uint64_t begin = test_now_ns();
        const int result = run_test(test);
        const double seconds = (double)(test_now_ns() - begin) / 1e9;
        printf("%-7s %6.2f s  %s\n", result == EXIT_SKIPPED ? "skipped" : words[result != 0],
               seconds, full_name(test));
        passed += result == EXIT_PASSED;
        skipped += result == EXIT_SKIPPED;
        failed += result != EXIT_PASSED && result != EXIT_SKIPPED;
    }
    printf("%u passed, %u skipped, %u failed\n", passed, skipped, failed);
    return failed == 0 ? EXIT_PASSED : EXIT_FAILED;
}

static bool has_label(const TestCase *test, const char *label)
{
    const size_t length = strlen(label);
    const char *at = test->labels;
    while ((at = strstr(at, label)) != NULL) {
        const bool starts = at == test->labels || at[-1] == ' ';
        if (starts && (at[length] == ' ' || at[length] == '\0')) {
            return true;
        }
        at += length;
    }
    return false;
}

// The suite is a label too, so that `ctest -L` finds it.
static void print_labels(const TestCase *test)
{
    char labels[512];
    snprintf(labels, sizeof labels, "%s %s", test->suite, test->labels);
    const char *separator = "";
    char *position = NULL;
    for (char *label = strtok_r(labels, " ", &position); label != NULL;
         label = strtok_r(NULL, " ", &position)) {
        printf("%s%s", separator, label);
        separator = ";";
    }
}

// CTest's own limit is far away: the watchdog comes first, can say more, and knows about patience.
enum { CTEST_LIMIT_FACTOR = 10 };

// Programs that a test starts run under the same emulator (exec.c).
static void print_emulator(char **command)
{
    if (command[1] != NULL) {
        printf(" ENVIRONMENT \"RENOIR_TEST_EMULATOR=");
        for (; command[1] != NULL; ++command) {
            printf("%s%s", command[0], command[2] != NULL ? " " : "\"");
        }
    }
}

// `command` runs this executable: itself, or an emulator and it.
static int print_ctest(char **command)
{
    for (const TestCase *test = tests; test != NULL; test = test->next) {
        printf("add_test(\"%s\"", full_name(test));
        for (char **word = command; *word != NULL; ++word) {
            printf(" \"%s\"", *word);
        }
        printf(" --run \"%s\")\n", full_name(test));
        printf("set_tests_properties(\"%s\" PROPERTIES SKIP_RETURN_CODE %d TIMEOUT %u%s",
               full_name(test), EXIT_SKIPPED, test->seconds * CTEST_LIMIT_FACTOR,
               has_label(test, "serial") ? " RUN_SERIAL TRUE" : "");
        print_emulator(command);
        printf(" LABELS \"");
        print_labels(test);
        printf("\")\n");
    }
    return EXIT_PASSED;
}

static int print_list(void)
{
    for (const TestCase *test = tests; test != NULL; test = test->next) {
        printf("%s  [%s]\n", full_name(test), test->labels);
    }
    return EXIT_PASSED;
}

static int run_peer(int argc, char **argv)
{
    const char *where = getenv("RENOIR_TEST_DIRECTORY");
    if (where == NULL) {
        fprintf(stderr, "a peer runs within a test only\n");
        return EXIT_USAGE;
    }
    snprintf(directory, sizeof directory, "%s", where);
    name_root();
    test_board_open(directory, false);
    const int code = test_peer_main(argv[2], argc - 3, argv + 3);
    shut_library_down();
    return code;
}

int main(int argc, char **argv)
{
    if (argc >= 3 && strcmp(argv[1], "--peer") == 0) {
        return run_peer(argc, argv);
    }
    if (argc == 3 && strcmp(argv[1], "--run") == 0) {
        return run_named(argv[2]);
    }
    if (argc >= 3 && strcmp(argv[1], "--ctest") == 0) {
        return print_ctest(argv + 2);
    }
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        return print_list();
    }
    if (argc == 1) {
        return run_all();
    }
    fprintf(stderr, "usage: %s [--list | --run NAME | --ctest COMMAND...]\n", argv[0]);
    return EXIT_USAGE;
}
