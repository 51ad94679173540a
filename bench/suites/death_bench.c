// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The death suite: a writer and a reader stream records; one of them is killed with SIGKILL at a
// random moment, and the time is taken until the other is told RENOIR_DISCONNECTED. A reader that
// survives must first have got everything that the writer had committed; what the dead left must
// be gone after the next start.
//
//     parent   fork both · wait until they stream · wait a random time · stamp, kill
//     survivor streams · is told · stamp · checks what it got · leaves in good order
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness/random.h"
#include "suite.h"
#include "suites/renoir_region.h"

enum {
    CAPACITY = 65536,
    RECORD_MOST = 4096,
    REGION_SIZE = 1 << 20,
    LIFE_MOST_NS = 5 * 1000 * 1000, // streaming before the kill
    DEADLINE_SECONDS = 10,
    STREAMING_LEAST = 100 // records before anyone is killed
};

// Of BenchControl: `note` counts the records committed, `arrived` those received; `ping` is the
// moment of the kill, `pong` that of the answer.

static size_t length_of(uint64_t number)
{
    return 8 + (size_t)(bench_mix(number) % (RECORD_MOST - 8));
}

static RenoirRecordRing open_end(BenchPair *pair, const BenchRegion *region, uint32_t role)
{
    RenoirRecordRing ring;
    RenoirRingOptions options = renoir_ring_options_default();
    options.capacity = CAPACITY;
    options.max_record = RECORD_MOST;
    options.flags = RENOIR_RING_WAITABLE;
    bench_expect(pair, renoir_record_ring_open(region->region, "bytes", &options, role, &ring),
                 "ring");
    return ring;
}

// After FULL or EMPTY. true: the other side is gone.
static bool is_told(BenchPair *pair, RenoirRecordRing *ring, RenoirErrorCode status)
{
    if (status != RENOIR_BUFFER_FULL && status != RENOIR_BUFFER_EMPTY) {
        bench_expect(pair, status, "record ring");
    }
    const RenoirErrorCode answer = renoir_ring_wait(&ring->end, RENOIR_WAIT_FOREVER);
    if (answer == RENOIR_DISCONNECTED) {
        bench_store(&pair->control->pong.value, bench_ticks());
        return true;
    }
    bench_expect(pair, answer, "wait");
    return false;
}

static void run_writer(BenchPair *pair, RenoirRecordRing *ring)
{
    for (uint64_t number = 0;; number++) {
        const size_t length = length_of(number);
        void *room = NULL;
        for (;;) {
            const RenoirErrorCode status = renoir_record_ring_reserve(ring, length, &room);
            if (status == RENOIR_SUCCESS) {
                break;
            }
            if (is_told(pair, ring, status)) {
                return;
            }
        }
        memset(room, (int)(number & 0xff), length);
        memcpy(room, &number, sizeof number);
        renoir_record_ring_commit(ring, length, (uint32_t)number);
        bench_store(&pair->control->note.value, number + 1);
    }
}

static void check_record(BenchPair *pair, const uint8_t *data, size_t length, uint64_t number)
{
    uint64_t carried = 0;
    memcpy(&carried, data, sizeof carried);
    if (length != length_of(number) || carried != number ||
        (length > 8 && data[length - 1] != (uint8_t)number)) {
        bench_fail(pair, "record %llu is %zu bytes and says %llu", (unsigned long long)number,
                   length, (unsigned long long)carried);
    }
}

// All that was committed is here. The writer died between commit and count at most once.
static void check_all_came(BenchPair *pair, uint64_t received)
{
    const uint64_t counted = bench_load(&pair->control->note.value);
    if (received != counted && received != counted + 1) {
        bench_fail(pair, "%llu records came of %llu that were committed",
                   (unsigned long long)received, (unsigned long long)counted);
    }
}

static void run_reader(BenchPair *pair, RenoirRecordRing *ring)
{
    for (uint64_t number = 0;; number++) {
        const void *data = NULL;
        size_t length = 0;
        uint32_t tag = 0;
        for (;;) {
            const RenoirErrorCode status = renoir_record_ring_peek(ring, &data, &length, &tag);
            if (status == RENOIR_SUCCESS) {
                break;
            }
            if (is_told(pair, ring, status)) {
                check_all_came(pair, number);
                return;
            }
        }
        check_record(pair, data, length, number);
        renoir_record_ring_consume(ring);
        bench_store(&pair->control->arrived.value, number + 1);
    }
}

static _Noreturn void run_side(BenchPair *pair, int cpu)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    alarm(DEADLINE_SECONDS);
    (void)bench_pin(cpu);
    BenchRegion region = bench_region_open(pair, REGION_SIZE);
    const bool is_writer = pair->side == BENCH_FIRST;
    RenoirRecordRing ring = open_end(pair, &region, is_writer ? RENOIR_PRODUCER : RENOIR_CONSUMER);
    if (is_writer) {
        run_writer(pair, &ring);
    } else {
        run_reader(pair, &ring);
    }
    renoir_ring_close(&ring.end);
    bench_region_close(&region);
    _exit(0);
}

static void nap_ns(long ns)
{
    const struct timespec nap = {.tv_nsec = ns};
    nanosleep(&nap, NULL);
}

static bool is_gone(pid_t child)
{
    siginfo_t info = {.si_pid = 0};
    return waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != 0;
}

// false: a side ended before they streamed.
static bool await_stream(const BenchControl *control, const pid_t children[2])
{
    while (bench_load(&control->arrived.value) < STREAMING_LEAST) {
        if (is_gone(children[0]) || is_gone(children[1])) {
            return false;
        }
        nap_ns(100 * 1000);
    }
    return true;
}

static bool fork_both(BenchRunner *runner, BenchPair *pair, pid_t children[2])
{
    fflush(NULL);
    for (uint32_t side = 0; side < 2; side++) {
        children[side] = fork();
        if (children[side] < 0) {
            fprintf(stderr, "renoir-bench: cannot fork: %s\n", strerror(errno));
            return false;
        }
        if (children[side] == 0) {
            pair->side = side;
            run_side(pair, runner->cpus[runner->cpu_count > 1 ? side : 0]);
        }
    }
    return true;
}

static bool report(const BenchControl *control, uint32_t kill_number, const char *otherwise)
{
    fprintf(stderr, "renoir-bench: kill %u: %s\n", kill_number,
            control->failure[0] != '\0' ? control->failure : otherwise);
    return false;
}

// One kill. Adds the time to the histogram.
static bool kill_once(
    BenchRunner *runner, uint32_t victim, uint32_t number, uint64_t *random, BenchHistogram *times)
{
    BenchPair pair = {.control = runner->control, .sides = 2};
    BenchControl *control = runner->control;
    pid_t children[2] = {0, 0};
    int status = 0;

    memset(control, 0, sizeof *control);
    if (bench_interrupted() || !fork_both(runner, &pair, children)) {
        return false;
    }
    if (await_stream(control, children)) {
        nap_ns((long)bench_random_below(random, LIFE_MOST_NS));
    }
    const uint64_t killed_at = bench_ticks();
    kill(children[victim], SIGKILL);
    waitpid(children[victim], &status, 0);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
        kill(children[1 - victim], SIGKILL);
        waitpid(children[1 - victim], NULL, 0);
        return report(control, number, "the victim ended before it was killed");
    }
    waitpid(children[1 - victim], &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        return report(control, number, "the survivor was not told");
    }
    const uint64_t told_at = control->pong.value;
    bench_histogram_record(times, told_at > killed_at ? told_at - killed_at : 0);
    return true;
}

// The next start, in a process of its own, takes back what the last dead left.
static bool start_once(void)
{
    int status = 0;
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        _exit(bench_root_visit() ? 0 : 1);
    }
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

static bool run_victim(BenchRunner *runner,
                       const BenchOptions *options,
                       const BenchCase *item,
                       BenchResults *results)
{
    BenchHistogram *times = calloc(1, sizeof *times);
    BenchSample sample = {.item = item, .round = 1, .class_seen = BENCH_CLASS_ONE};
    uint64_t random = options->seed ^ item->parameter;
    const uint64_t begin = bench_ticks();
    bool is_good = times != NULL;

    for (uint32_t i = 1; is_good && i <= results->rounds; i++) {
        is_good = kill_once(runner, (uint32_t)item->parameter, i, &random, times);
    }
    is_good = is_good && start_once();
    if (is_good) {
        memset(runner->control, 0, sizeof *runner->control);
        runner->control->operations = results->rounds;
        runner->control->elapsed_ticks = bench_ticks() - begin;
        runner->control->has_latency = 1;
        runner->control->latency = *times;
        bench_sample_from_control(runner->control, &sample);
        is_good = bench_results_add(results, &sample);
    }
    free(times);
    return is_good;
}

static const BenchCase cases[] = {
    {.figure = "writer_killed",
     .contender = "renoir_record_ring",
     .role = BENCH_SUBJECT,
     .unit = BENCH_NS_P50,
     .parameter = BENCH_FIRST},
    {.figure = "reader_killed",
     .contender = "renoir_record_ring",
     .role = BENCH_SUBJECT,
     .unit = BENCH_NS_P50,
     .parameter = BENCH_SECOND},
};

BenchOutcome
bench_death_run(BenchRunner *runner, const BenchOptions *options, BenchResults *results)
{
    static char conditions[600];
    uint32_t left = 0;
    bool is_good = bench_root_make();

    results->rounds = options->kills;
    for (size_t i = 0; is_good && i < sizeof cases / sizeof cases[0]; i++) {
        if (options->only == NULL || strstr(cases[i].figure, options->only) != NULL) {
            is_good = run_victim(runner, options, &cases[i], results);
        }
    }
    bench_root_remove(&left);
    snprintf(
        conditions, sizeof conditions,
        "%u kills each. A writer and a reader stream records of 8 to %d bytes through a\n"
        "WAITABLE record ring of %d KiB; one is killed with SIGKILL up to %d ms later. Time from\n"
        "just before the kill until renoir_ring_wait answers RENOIR_DISCONNECTED. The\n"
        "surviving reader had everything that was committed; after the next start %u files\n"
        "were left. One sample per figure: its percentiles are over all kills.",
        results->rounds, RECORD_MOST, CAPACITY / 1024, LIFE_MOST_NS / 1000000, left);
    results->conditions = conditions;
    if (is_good && left > 0) {
        fprintf(stderr, "renoir-bench: %u files were left behind by the dead\n", left);
        is_good = false;
    }
    if (!is_good) {
        return BENCH_FAILED;
    }
    return results->count == 0 ? BENCH_NOT_MEASURABLE : BENCH_MEASURED;
}
