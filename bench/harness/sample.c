// SPDX-License-Identifier: MIT OR Apache-2.0
#include "harness/sample.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, EXIT_WRONG = 1 };

static volatile sig_atomic_t was_interrupted;

static void note_interrupt(int number)
{
    (void)number;
    was_interrupted = 1;
}

bool bench_interrupted(void)
{
    return was_interrupted != 0;
}

// Without SA_RESTART: a wait for the sides ends too.
static void set_handlers(void (*handler)(int))
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

const char *bench_unit_name(BenchUnit unit)
{
    static const char *const names[] = {"M/s", "GB/s", "ns", "ns p50"};
    return names[unit];
}

bool bench_unit_lower_is_better(BenchUnit unit)
{
    return unit == BENCH_NS_EACH || unit == BENCH_NS_P50;
}

void bench_meet(BenchPair *pair)
{
    pair->meetings++;
    bench_add(&pair->control->arrived.value, 1);
    while (bench_load(&pair->control->arrived.value) < pair->meetings * pair->sides) {
    }
}

void bench_fail(BenchPair *pair, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(pair->control->failure, sizeof pair->control->failure, format, arguments);
    va_end(arguments);
    _exit(EXIT_WRONG);
}

BenchStopwatch bench_stopwatch(const BenchPair *pair)
{
    const BenchStopwatch watch = {.deadline = bench_ticks() + pair->warm_up_ticks};
    return watch;
}

BENCH_NOINLINE bool
bench_stopwatch_slow(BenchStopwatch *watch, BenchPair *pair, uint64_t count, uint64_t now)
{
    if (watch->warm == 0) {
        watch->warm = 1;
        watch->begin = now;
        watch->count_at_begin = count;
        watch->deadline = now + pair->sample_ticks;
        return false;
    }
    pair->control->operations = count - watch->count_at_begin;
    pair->control->elapsed_ticks = now - watch->begin;
    return true;
}

bool bench_pin(int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    return sched_setaffinity(0, sizeof set, &set) == 0;
}

// First use of a shared page costs a fault in each process: not in the timed part.
static void touch_pages(const BenchPair *pair)
{
    const volatile uint8_t *memory = pair->memory;
    for (size_t offset = 0; offset < pair->memory_size; offset += PAGE) {
        (void)memory[offset];
    }
    memory = (const volatile uint8_t *)pair->control;
    for (size_t offset = 0; offset < sizeof(BenchControl); offset += PAGE) {
        (void)memory[offset];
    }
}

// The sides spin with FIFO_SIDE. Parent and newborn sides have FIFO_START, which goes before it: a
// side that has not come to its own CPU yet would starve on one where its partner already spins.
enum { FIFO_SIDE = 1, FIFO_START = 2 };

static bool set_schedule(int policy, int priority)
{
    const struct sched_param parameters = {.sched_priority = priority};
    return sched_setscheduler(0, policy, &parameters) == 0;
}

static _Noreturn void run_side(BenchPair *pair, int cpu)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    set_handlers(SIG_DFL);
    alarm(BENCH_DEADLINE_SECONDS);
    if (!bench_pin(cpu)) {
        bench_fail(pair, "cannot pin to CPU %d: %s", cpu, strerror(errno));
    }
    if (pair->is_realtime && !set_schedule(SCHED_FIFO, FIFO_SIDE)) {
        bench_fail(pair, "SCHED_FIFO: %s", strerror(errno));
    }
    touch_pages(pair);
    if (pair->sides == 1) {
        pair->item->sides[BENCH_FIRST](pair);
        _exit(0);
    }
    const double before = bench_probe(pair);
    if (pair->item != NULL) {
        pair->item->sides[pair->side](pair);
    }
    const double after = pair->item != NULL ? bench_probe(pair) : before;
    if (pair->side == BENCH_FIRST) {
        pair->control->probe_before_ns = before;
        pair->control->probe_after_ns = after;
    }
    _exit(0);
}

static void kill_all_but(const pid_t *children, uint32_t count, pid_t ended)
{
    for (uint32_t i = 0; i < count; i++) {
        if (children[i] != ended) {
            kill(children[i], SIGKILL);
        }
    }
}

static void describe_end(BenchPair *pair, bool is_first, int status)
{
    if (WIFSIGNALED(status) && pair->control->failure[0] == '\0') {
        snprintf(pair->control->failure, sizeof pair->control->failure,
                 "the %s side was ended by signal %d%s", is_first ? "first" : "second",
                 WTERMSIG(status), WTERMSIG(status) == SIGALRM ? " (no end in sight)" : "");
    }
}

// The processes of one sample; a wrong or dead one ends the other.
static bool wait_for_sides(BenchPair *pair, const pid_t *children, uint32_t count)
{
    bool is_good = true;
    for (uint32_t left = count; left > 0;) {
        int status = 0;
        const pid_t ended = wait(&status);
        if (ended < 0 && errno != EINTR) {
            return false;
        }
        if (ended > 0) {
            left--;
        }
        if (ended > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
            continue;
        }
        if (ended > 0 && is_good) {
            describe_end(pair, ended == children[0], status);
        }
        if (is_good) {
            kill_all_but(children, count, ended);
        }
        is_good = false;
    }
    return is_good;
}

static bool fork_sides(const BenchRunner *self, BenchPair *pair, pid_t *children)
{
    fflush(NULL);
    for (uint32_t side = 0; side < pair->sides; side++) {
        children[side] = fork();
        if (children[side] < 0) {
            fprintf(stderr, "renoir-bench: cannot fork: %s\n", strerror(errno));
            if (side == 1) {
                kill(children[0], SIGKILL);
                waitpid(children[0], NULL, 0);
            }
            return false;
        }
        if (children[side] == 0) {
            pair->side = side;
            run_side(pair, self->cpus[side]);
        }
    }
    return true;
}

static bool run_sides(const BenchRunner *self, BenchPair *pair)
{
    pid_t children[2] = {0, 0};
    if (self->is_realtime && !set_schedule(SCHED_FIFO, FIFO_START)) {
        snprintf(pair->control->failure, sizeof pair->control->failure,
                 "SCHED_FIFO: %s (run as root, or without --realtime)", strerror(errno));
        return false;
    }
    const bool is_good =
        fork_sides(self, pair, children) && wait_for_sides(pair, children, pair->sides);
    if (self->is_realtime) {
        (void)set_schedule(SCHED_OTHER, 0);
    }
    return is_good;
}

void bench_sample_from_control(const BenchControl *control, BenchSample *sample)
{
    const double tick = bench_ns_per_tick();
    const double elapsed_ns = (double)control->elapsed_ticks * tick;
    const BenchHistogram *latency = &control->latency;

    sample->operations = control->operations;
    sample->elapsed_s = elapsed_ns / 1e9;
    sample->probe_before_ns = control->probe_before_ns;
    sample->probe_after_ns = control->probe_after_ns;
    sample->has_latency = control->has_latency != 0 && latency->count > 0;
    if (sample->has_latency) {
        sample->p50_ns = bench_histogram_quantile(latency, 0.50) * tick;
        sample->p90_ns = bench_histogram_quantile(latency, 0.90) * tick;
        sample->p99_ns = bench_histogram_quantile(latency, 0.99) * tick;
        sample->p999_ns = bench_histogram_quantile(latency, 0.999) * tick;
        sample->max_ns = (double)latency->largest * tick;
    }
    if (sample->item == NULL) {
        return;
    }
    if (control->tries > 0) {
        sample->share = (double)control->misses / (double)control->tries;
    }
    const double operations = (double)control->operations;
    switch (sample->item->unit) {
    case BENCH_MILLION_PER_S:
        sample->value = operations / elapsed_ns * 1e3;
        break;
    case BENCH_GB_PER_S:
        sample->value = operations * (double)sample->item->bytes / elapsed_ns;
        break;
    case BENCH_NS_EACH:
        sample->value = elapsed_ns / operations;
        break;
    case BENCH_NS_P50:
        sample->value = sample->p50_ns;
        break;
    }
}

static void classify(BenchSample *sample, uint32_t sides)
{
    if (sides == 1) {
        sample->class_seen = BENCH_CLASS_ONE;
        return;
    }
    sample->class_seen = bench_class_of_round_trip(sample->probe_before_ns);
    sample->is_dropped = sample->class_seen != bench_class_of_round_trip(sample->probe_after_ns);
}

static bool has_figures(const BenchSample *sample, uint64_t tries)
{
    if (sample->item == NULL) {
        return true;
    }
    if (sample->item->share != NULL && tries > 0) {
        return true; // nothing but misses is an answer too
    }
    return sample->item->unit == BENCH_NS_P50 ? sample->has_latency : sample->operations > 0;
}

static bool run_pair(BenchRunner *self, BenchPair *pair, BenchSample *sample)
{
    const char *figure = pair->item == NULL ? "probe" : pair->item->figure;
    const char *contender = pair->item == NULL ? "" : pair->item->contender;

    memset(self->control, 0, sizeof *self->control);
    if (bench_interrupted()) {
        return false;
    }
    if (!run_sides(self, pair)) {
        fprintf(stderr, "renoir-bench: %s %s failed: %s\n", figure, contender,
                self->control->failure[0] != '\0' ? self->control->failure
                : bench_interrupted()             ? "interrupted"
                                                  : "a side ended early");
        return false;
    }
    bench_sample_from_control(self->control, sample);
    if (!has_figures(sample, self->control->tries)) {
        fprintf(stderr, "renoir-bench: %s %s failed: nothing was counted\n", figure, contender);
        return false;
    }
    classify(sample, pair->sides);
    return true;
}

bool bench_sample_run(BenchRunner *self, const BenchCase *item, BenchSample *out_sample)
{
    BenchPair pair = {.control = self->control,
                      .memory_size = item->memory_size,
                      .item = item,
                      .warm_up_ticks = bench_ticks_of_ns(self->warm_up_ns),
                      .sample_ticks = bench_ticks_of_ns(self->sample_ns),
                      .sides = item->sides[BENCH_SECOND] == NULL ? 1 : 2,
                      .is_realtime = self->is_realtime};
    memset(out_sample, 0, sizeof *out_sample);
    out_sample->item = item;

    if (item->memory_size > 0) {
        pair.memory = mmap(NULL, item->memory_size, PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        if (pair.memory == MAP_FAILED) {
            fprintf(stderr, "renoir-bench: %s: %s\n", item->figure, strerror(errno));
            return false;
        }
    }
    if (item->prepare != NULL) {
        item->prepare(pair.memory, item);
    }
    const bool is_good = run_pair(self, &pair, out_sample);
    if (item->memory_size > 0) {
        munmap(pair.memory, item->memory_size);
    }
    return is_good;
}

BenchClass bench_runner_probe(BenchRunner *self, double *out_round_trip_ns)
{
    BenchPair pair = {.control = self->control, .sides = 2, .is_realtime = self->is_realtime};
    BenchSample sample = {.item = NULL};

    *out_round_trip_ns = 0.0;
    if (self->cpu_count < 2 || !run_pair(self, &pair, &sample)) {
        return BENCH_CLASS_ONE;
    }
    *out_round_trip_ns = sample.probe_before_ns;
    return bench_class_of_round_trip(sample.probe_before_ns);
}

// The first allowed CPU, and the first other one of the wanted class; else the first other one.
static void choose_cpus(BenchRunner *self, const cpu_set_t *allowed, BenchClass wanted)
{
    int first_other = -1;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET((size_t)cpu, allowed)) {
            continue;
        }
        if (self->cpu_count == 0) {
            self->cpus[0] = cpu;
            self->cpu_count = 1;
            continue;
        }
        double round_trip_ns = 0.0;
        self->cpu_count = 2;
        self->cpus[1] = cpu;
        if (bench_runner_probe(self, &round_trip_ns) == wanted) {
            return;
        }
        first_other = first_other < 0 ? cpu : first_other;
    }
    self->cpus[1] = first_other;
}

bool bench_runner_init(BenchRunner *self, BenchClass wanted)
{
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    self->control = mmap(NULL, sizeof(BenchControl), PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (self->control == MAP_FAILED || sched_getaffinity(0, sizeof allowed, &allowed) != 0) {
        fprintf(stderr, "renoir-bench: cannot start: %s\n", strerror(errno));
        return false;
    }
    self->cpu_count = 0;
    set_handlers(note_interrupt);
    choose_cpus(self, &allowed, wanted);
    return true;
}

void bench_runner_fini(BenchRunner *self)
{
    munmap(self->control, sizeof(BenchControl));
}
