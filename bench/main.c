// SPDX-License-Identifier: MIT OR Apache-2.0
//
// renoir-bench: the command line. Exit status: 0 done, 1 a bar missed or a check failed, 2 wrong
// use, 6 not measurable here.
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/bars.h"
#include "harness/random.h"
#include "harness/rounds.h"
#include "suite.h"

enum { EXIT_DONE = 0, EXIT_SHORT = 1, EXIT_USAGE = 2, EXIT_NOT_MEASURABLE = 6 };
enum { COMMAND_SIZE = 1000, SAMPLE_MS_LEAST = 80, SAMPLE_MS_MOST = 200, WARM_UP_MS = 20 };

#define CLASS_WAIT_DEFAULT_S 600.0

static const BenchSuite suites[] = {
    {"limits", "what the machine itself can do: lines, copies, wake-ups, atomics",
     bench_limits_run},
    {"ring", "rings of all kinds between two processes, beside their peers", bench_ring_run},
    {"sync", "latest values, wake-ups, epochs, sleepers, beside bare ones", bench_sync_run},
    {"stream", "a file through the record ring, beside pipe, socket, bare copies",
     bench_stream_run},
    {"death", "kill -9 of one side until the other is told RENOIR_DISCONNECTED", bench_death_run},
};

enum { SUITE_COUNT = sizeof suites / sizeof suites[0] };

static const struct option long_options[] = {
    {"rounds", required_argument, NULL, 'r'},
    {"kills", required_argument, NULL, 'K'},
    {"seconds", required_argument, NULL, 's'},
    {"class", required_argument, NULL, 'c'},
    {"class-wait", required_argument, NULL, 'w'},
    {"seed", required_argument, NULL, 'S'},
    {"only", required_argument, NULL, 'o'},
    {"full", no_argument, NULL, 'f'},
    {"json", required_argument, NULL, 'j'},
    {"check", no_argument, NULL, 'k'},
    {"bars", required_argument, NULL, 'b'},
    {"plot", required_argument, NULL, 'p'},
    {"realtime", no_argument, NULL, 't'},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static void print_suites(FILE *out)
{
    for (size_t i = 0; i < SUITE_COUNT; i++) {
        fprintf(out, "  %-8s %s\n", suites[i].name, suites[i].summary);
    }
}

static void print_help(FILE *out)
{
    fprintf(out, "usage: renoir-bench [SUITE...] [OPTION...]\n\nSuites (none named: this list)\n");
    print_suites(out);
    fprintf(
        out,
        "  all      one after the other\n"
        "\nOptions\n"
        "  --rounds N        rounds of every figure (default 9, at least 7 for a claim)\n"
        "  --kills N         of the suite death: how often (default 1000)\n"
        "  --seconds S       length of one sample, 0.08 to 0.2 (default 0.1)\n"
        "  --class CLASS     smt, near (default), far or any: how the two CPUs must lie\n"
        "  --class-wait S    how long to wait for that class (default 600); then the class\n"
        "                    seen will do\n"
        "  --seed N          order of the samples (default: random, printed)\n"
        "  --only TEXT       figures whose name contains TEXT\n"
        "  --full            all sizes; without it those that the bars and most users ask for\n"
        "  --json FILE       all raw samples, with machine, build and command\n"
        "  --check           compare with the bars; exit 1: one falls short, 6: none does,\n"
        "                    but one could not be measured\n"
        "  --bars FILE       the bars (default: those of this source tree)\n"
        "  --plot DIR        write DIR/SUITE.svg (needs gnuplot)\n"
        "  --realtime        run the sides under SCHED_FIFO (needs privilege), so that other load\n"
        "                    does not take their CPUs\n"
        "  --quiet           no progress\n"
        "\nExamples\n"
        "  renoir-bench limits\n"
        "  renoir-bench ring --check --json ring.json\n"
        "  renoir-bench stream --rounds 15 --plot docs/bench\n");
}

static bool parse_number(const char *text, double least, double most, double *out_number)
{
    char *end = NULL;
    errno = 0;
    *out_number = strtod(text, &end);
    return errno == 0 && end != text && *end == '\0' && *out_number >= least && *out_number <= most;
}

static bool parse_class(const char *text, BenchOptions *options)
{
    if (strcmp(text, "any") == 0) {
        options->class_wait_s = 0.0;
        return true;
    }
    for (int i = BENCH_CLASS_SMT; i < BENCH_CLASS_COUNT; i++) {
        if (strcmp(text, bench_class_name((BenchClass)i)) == 0) {
            options->wanted = (BenchClass)i;
            return true;
        }
    }
    return false;
}

static bool parse_number_option(int option, const char *text, BenchOptions *options)
{
    double number = 0.0;
    switch (option) {
    case 'r':
        if (!parse_number(text, 1.0, 1e6, &number)) {
            return false;
        }
        options->rounds = (uint32_t)number;
        return true;
    case 'K':
        if (!parse_number(text, 1.0, 1e6, &number)) {
            return false;
        }
        options->kills = (uint32_t)number;
        return true;
    case 's':
        return parse_number(text, SAMPLE_MS_LEAST / 1e3, SAMPLE_MS_MOST / 1e3, &options->sample_s);
    case 'w':
        return parse_number(text, 0.0, 1e5, &options->class_wait_s);
    default: {
        char *end = NULL;
        options->seed = strtoull(text, &end, 0);
        return end != text && *end == '\0';
    }
    }
}

// One option; false: its value is not valid.
static bool parse_option(int option, BenchOptions *options)
{
    switch (option) {
    case 'c':
        return parse_class(optarg, options);
    case 'o':
        options->only = optarg;
        return true;
    case 'f':
        options->is_full = true;
        return true;
    case 'j':
        options->json = optarg;
        return true;
    case 'k':
        options->must_check = true;
        return true;
    case 'b':
        options->bars = optarg;
        return true;
    case 'p':
        options->plot = optarg;
        return true;
    case 't':
        options->is_realtime = true;
        return true;
    case 'q':
        options->is_quiet = true;
        return true;
    default:
        return parse_number_option(option, optarg, options);
    }
}

// Fills the options and moves the names of suites to the end of argv. An exit status, or -1: go on.
static int parse_command(int argc, char **argv, BenchOptions *options)
{
    int index = 0;
    for (int option = 0; (option = getopt_long(argc, argv, "h", long_options, &index)) != -1;) {
        if (option == 'h') {
            print_help(stdout);
            return EXIT_DONE;
        }
        if (option == '?') {
            fprintf(stderr, "renoir-bench --help tells the options\n");
            return EXIT_USAGE;
        }
        if (!parse_option(option, options)) {
            fprintf(stderr, "renoir-bench: --%s: '%s' is outside its range (see --help)\n",
                    long_options[index].name, optarg);
            return EXIT_USAGE;
        }
    }
    return -1;
}

static bool is_chosen(const BenchSuite *suite, char *const *names, int count)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(names[i], suite->name) == 0 || strcmp(names[i], "all") == 0) {
            return true;
        }
    }
    return false;
}

static bool are_known(char *const *names, int count)
{
    for (int i = 0; i < count; i++) {
        bool is_known = strcmp(names[i], "all") == 0;
        for (size_t suite = 0; suite < SUITE_COUNT; suite++) {
            is_known = is_known || strcmp(names[i], suites[suite].name) == 0;
        }
        if (!is_known) {
            fprintf(stderr, "renoir-bench: no suite is called '%s'; there are\n", names[i]);
            print_suites(stderr);
            return false;
        }
    }
    return true;
}

BenchOutcome bench_cases_run(BenchRunner *runner,
                             const BenchOptions *options,
                             const BenchCase *cases,
                             size_t case_count,
                             BenchResults *results)
{
    const BenchSchedule schedule = {.rounds = results->rounds,
                                    .class_wait_s = options->class_wait_s,
                                    .is_quiet = options->is_quiet || isatty(STDERR_FILENO) == 0};
    BenchCase *chosen = calloc(case_count + 1, sizeof *chosen);
    size_t count = 0;

    if (chosen == NULL) {
        return BENCH_FAILED;
    }
    for (size_t i = 0; i < case_count; i++) {
        if (options->only == NULL || strstr(cases[i].figure, options->only) != NULL) {
            chosen[count++] = cases[i];
        }
    }
    const bool is_good = bench_rounds_run(runner, chosen, count, &schedule, results);
    results->cases = chosen;
    if (!is_good) {
        return BENCH_FAILED;
    }
    return results->count == 0 ? BENCH_NOT_MEASURABLE : BENCH_MEASURED;
}

typedef struct Session {
    const BenchOptions *options;
    BenchRunner runner;
    BenchMachine machine;
    BenchJsonFile json;
    BenchBars bars;
    BenchVerdict verdict;
    bool has_failed;
    bool has_measured;
    bool has_plot_failed;
} Session;

static void run_suite(Session *session, const BenchSuite *suite)
{
    const BenchOptions *options = session->options;
    BenchResults results = {.suite = suite->name,
                            .conditions = "",
                            .wanted = options->wanted,
                            .seed = options->seed,
                            .rounds = options->rounds > 0 ? options->rounds : BENCH_ROUNDS_DEFAULT};

    const BenchOutcome outcome = suite->run(&session->runner, options, &results);
    if (outcome == BENCH_FAILED) {
        session->has_failed = true;
    }
    if (outcome == BENCH_NOT_MEASURABLE) {
        printf("\n== %s ==\nnot measurable here: %u CPU, or nothing chosen\n", suite->name,
               session->runner.cpu_count);
    }
    if (outcome == BENCH_MEASURED) {
        session->has_measured = true;
        bench_results_print(&results);
        if (options->plot != NULL &&
            !bench_plot(&results, options->plot, session->machine.processor)) {
            session->has_plot_failed = true;
        }
    }
    if (options->must_check && outcome != BENCH_FAILED) {
        bench_bars_check(&session->bars, &results, &session->verdict);
    }
    if (options->json != NULL) {
        bench_json_suite(&session->json, &results);
    }
    bench_results_fini(&results);
}

static int exit_status(const Session *session, bool is_json_good)
{
    const BenchVerdict *verdict = &session->verdict;
    if (session->options->must_check) {
        printf("\nbars: %u reached, %u short, %u not measured\n", verdict->reached, verdict->missed,
               verdict->unmeasured);
    }
    if (session->has_failed || session->has_plot_failed || verdict->missed > 0 || !is_json_good) {
        return EXIT_SHORT;
    }
    if (!session->has_measured || verdict->unmeasured > 0) {
        return EXIT_NOT_MEASURABLE;
    }
    return EXIT_DONE;
}

static void join_command(int argc, char **argv, char *out_text)
{
    size_t used = 0;
    out_text[0] = '\0';
    for (int i = 0; i < argc && used + 1 < COMMAND_SIZE; i++) {
        const char *word = i == 0 ? "renoir-bench" : argv[i];
        const int wrote =
            snprintf(out_text + used, COMMAND_SIZE - used, "%s%s", i > 0 ? " " : "", word);
        used += wrote > 0 ? (size_t)wrote : 0;
    }
}

static int run_session(Session *session, const char *command, char *const *names, int count)
{
    const BenchOptions *options = session->options;
    bench_machine_describe(&session->machine);
    bench_machine_print(&session->machine);
    printf("run       %s; seed %#llx; samples of %.0f ms, each after %d ms of warm-up\n", command,
           (unsigned long long)options->seed, options->sample_s * 1e3, WARM_UP_MS);
    if (options->rounds > 0 && options->rounds < BENCH_ROUNDS_LEAST) {
        printf("          (fewer than %d rounds: a look, not a claim)\n", BENCH_ROUNDS_LEAST);
    }
    if (options->json != NULL &&
        !bench_json_begin(&session->json, options->json, &session->machine, command)) {
        return EXIT_SHORT;
    }
    for (size_t i = 0; i < SUITE_COUNT; i++) {
        if (is_chosen(&suites[i], names, count)) {
            run_suite(session, &suites[i]);
        }
    }
    const bool is_json_good = options->json == NULL || bench_json_end(&session->json);
    return exit_status(session, is_json_good);
}

int main(int argc, char **argv)
{
    static Session session;
    char command[COMMAND_SIZE];
    BenchOptions options = {.sample_s = 0.1,
                            .kills = BENCH_KILLS_DEFAULT,
                            .wanted = BENCH_CLASS_NEAR,
                            .class_wait_s = CLASS_WAIT_DEFAULT_S,
                            .seed = bench_mix(bench_now_ns()),
                            .bars = BENCH_BARS};

    join_command(argc, argv, command);
    const int early = parse_command(argc, argv, &options);
    if (early >= 0) {
        return early;
    }
    if (optind == argc) {
        print_help(stdout);
        return EXIT_DONE;
    }
    if (!are_known(argv + optind, argc - optind)) {
        return EXIT_USAGE;
    }
    session.options = &options;
    if (options.must_check && !bench_bars_load(options.bars, &session.bars)) {
        return EXIT_USAGE;
    }
    bench_clock_calibrate();
    session.runner.warm_up_ns = (uint64_t)WARM_UP_MS * 1000000u;
    session.runner.sample_ns = (uint64_t)(options.sample_s * 1e9);
    session.runner.is_realtime = options.is_realtime;
    if (!bench_runner_init(&session.runner, options.wanted)) {
        return EXIT_SHORT;
    }
    const int status = run_session(&session, command, argv + optind, argc - optind);
    bench_runner_fini(&session.runner);
    return status;
}
