// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The bench itself: that it finds what is wrong, and that its arithmetic is right.
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/bars.h"
#include "harness/test.h"

// White box: the bare ring's own put and take, and the bare versions' write, spoilt below.
#include "peers/bare_ring.c"
#include "peers/bare_versions.c"

enum { SAMPLE_MS = 20, LOST = 5000 };

static void start_or_skip(BenchRunner *runner)
{
    bench_clock_calibrate();
    runner->warm_up_ns = (uint64_t)1000000;
    runner->sample_ns = (uint64_t)SAMPLE_MS * 1000000;
    REQUIRE(bench_runner_init(runner, BENCH_CLASS_NEAR));
    if (runner->cpu_count < 2) {
        bench_runner_fini(runner);
        SKIP("needs two CPUs");
    }
}

BENCH_INLINE size_t put_and_lose_one(void *end, const void *element, size_t size, size_t count)
{
    uint64_t number = 0;
    memcpy(&number, element, sizeof number);
    return number == LOST ? count : put(end, element, size, count);
}

static void produce_and_lose_one(BenchPair *pair)
{
    BareEnds ends;
    find_ends(pair, &ends);
    bench_ring_produce(pair, &ends.there, put_and_lose_one);
}

// One word in the middle is not what was sent: a torn copy.
BENCH_INLINE size_t put_and_tear_one(void *end, const void *element, size_t size, size_t count)
{
    uint64_t torn[512];
    memcpy(torn, element, size);
    torn[size / 16] += torn[0] == LOST ? 1 : 0;
    return put(end, torn, size, count);
}

static void produce_and_tear_one(BenchPair *pair)
{
    BareEnds ends;
    find_ends(pair, &ends);
    bench_ring_produce_single(pair, &ends.there, 256, put_and_tear_one);
}

static void die(BenchPair *pair)
{
    bench_meet(pair);
    raise(SIGKILL);
}

static void meet_twice(BenchPair *pair)
{
    bench_meet(pair);
    bench_meet(pair);
}

static BenchCase ring_case(BenchSide first, BenchSide second, uint64_t bytes)
{
    const BenchCase item = {.figure = "figure",
                            .contender = "ring",
                            .unit = BENCH_MILLION_PER_S,
                            .sides = {first, second},
                            .bytes = bytes,
                            .parameter = 1,
                            .memory_size = 2 * ring_size(bytes)};
    return item;
}

TEST(bench, a_stream_that_loses_nothing_is_counted, "bench serial")
{
    BenchRunner runner = {.control = NULL};
    BenchSample sample;
    start_or_skip(&runner);
    const BenchCase item = ring_case(bare_produce, bare_consume, 8);

    const bool is_good = bench_sample_run(&runner, &item, &sample);

    CHECK(is_good);
    CHECK(sample.operations > 0);
    CHECK(sample.value > 0.0);
    CHECK(sample.probe_before_ns > 0.0);
    bench_runner_fini(&runner);
}

TEST(bench, a_lost_element_ends_the_sample_as_failed, "bench serial")
{
    BenchRunner runner = {.control = NULL};
    BenchSample sample;
    start_or_skip(&runner);
    const BenchCase item = ring_case(produce_and_lose_one, bare_consume, 8);

    const bool is_good = bench_sample_run(&runner, &item, &sample);

    CHECK(!is_good);
    CHECK_STR_CONTAINS("element 5000", runner.control->failure);
    bench_runner_fini(&runner);
}

TEST(bench, a_torn_element_ends_the_sample_as_failed, "bench serial")
{
    BenchRunner runner = {.control = NULL};
    BenchSample sample;
    start_or_skip(&runner);
    const BenchCase item = ring_case(produce_and_tear_one, bare_consume, 256);

    const bool is_good = bench_sample_run(&runner, &item, &sample);

    CHECK(!is_good);
    CHECK_STR_CONTAINS("element 5000 is torn at word 16", runner.control->failure);
    bench_runner_fini(&runner);
}

BENCH_INLINE void write_torn(void *end, uint64_t number, size_t size)
{
    write_one(end, number, size);
    version_of(end, number, size)[2] += 1; // the second word of the value
}

static void write_all_torn(BenchPair *pair)
{
    bench_state_write_item(pair, pair->memory, write_torn);
}

static BenchCase versions_case(BenchSide writer)
{
    const BenchCase item = {.figure = "figure",
                            .contender = "versions",
                            .unit = BENCH_MILLION_PER_S,
                            .sides = {writer, bare_versions_read},
                            .bytes = 4096,
                            .memory_size = BENCH_VERSIONS_MEMORY(4096),
                            .share = "retried"};
    return item;
}

TEST(bench, whole_values_are_counted, "bench serial")
{
    BenchRunner runner = {.control = NULL};
    BenchSample sample;
    start_or_skip(&runner);
    const BenchCase item = versions_case(bare_versions_write);

    const bool is_good = bench_sample_run(&runner, &item, &sample);

    CHECK(is_good);
    CHECK(sample.operations > 0);
    CHECK(sample.share < 1.0);
    bench_runner_fini(&runner);
}

TEST(bench, a_torn_value_ends_the_sample_as_failed, "bench serial")
{
    BenchRunner runner = {.control = NULL};
    BenchSample sample;
    start_or_skip(&runner);
    const BenchCase item = versions_case(write_all_torn);

    const bool is_good = bench_sample_run(&runner, &item, &sample);

    CHECK(!is_good);
    CHECK_STR_CONTAINS("torn at word 1", runner.control->failure);
    bench_runner_fini(&runner);
}

static void count_half_as_missed(BenchPair *pair)
{
    pair->control->tries = 200;
    pair->control->misses = 100;
}

TEST(bench, what_was_missed_is_told_as_a_share, "bench serial")
{
    BenchRunner runner = {.control = NULL};
    BenchSample sample;
    start_or_skip(&runner);
    BenchCase item = ring_case(count_half_as_missed, NULL, 8);
    item.share = "lost";

    const bool is_good = bench_sample_run(&runner, &item, &sample);

    CHECK(is_good);
    CHECK(sample.share > 0.49 && sample.share < 0.51);
    bench_runner_fini(&runner);
}

TEST(bench, a_side_that_dies_ends_the_sample_as_failed, "bench serial")
{
    BenchRunner runner = {.control = NULL};
    BenchSample sample;
    start_or_skip(&runner);
    const BenchCase item = ring_case(die, meet_twice, 8);

    const bool is_good = bench_sample_run(&runner, &item, &sample);

    CHECK(!is_good);
    CHECK_STR_CONTAINS("signal 9", runner.control->failure);
    bench_runner_fini(&runner);
}

TEST(bench, the_histogram_knows_quantiles_to_one_percent, "bench")
{
    BenchHistogram *histogram = calloc(1, sizeof *histogram);
    REQUIRE(histogram != NULL);
    for (uint64_t value = 1; value <= 1000000; value++) {
        bench_histogram_record(histogram, value);
    }

    const double shares[] = {0.5, 0.9, 0.99, 0.999};
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
        const double exact = shares[i] * 1e6;
        const double told = bench_histogram_quantile(histogram, shares[i]);
        CHECK(told > exact * 0.99 && told < exact * 1.01);
    }
    CHECK_EQ_U64(1000000, histogram->largest);
    free(histogram);
}

static void add_sample(
    BenchResults *results, const BenchCase *item, uint32_t round, BenchClass seen, double value)
{
    const BenchSample sample = {
        .item = item, .round = round, .class_seen = seen, .value = value, .share = 0.05};
    REQUIRE(bench_results_add(results, &sample));
}

static const BenchCase compared[] = {
    {.figure = "figure", .contender = "subject", .unit = BENCH_MILLION_PER_S},
    {.figure = "figure", .contender = "peer", .unit = BENCH_MILLION_PER_S},
    {.figure = "figure", .contender = "other", .unit = BENCH_MILLION_PER_S},
};

// Rounds 1 to 3 in class near: 2, 3 and 4 times the best peer. Round 4 in class far: 100 times.
// Round 5: subject near, peers far, which cannot be compared.
static BenchResults three_rounds(void)
{
    BenchResults results = {.suite = "suite", .wanted = BENCH_CLASS_NEAR, .rounds = 3};
    for (uint32_t round = 1; round <= 4; round++) {
        const BenchClass seen = round < 4 ? BENCH_CLASS_NEAR : BENCH_CLASS_FAR;
        add_sample(&results, &compared[0], round, seen, round < 4 ? 10.0 * (round + 1) : 1000.0);
        add_sample(&results, &compared[1], round, seen, 10.0);
        add_sample(&results, &compared[2], round, seen, 5.0);
    }
    add_sample(&results, &compared[0], 5, BENCH_CLASS_NEAR, 1e6);
    add_sample(&results, &compared[1], 5, BENCH_CLASS_FAR, 1.0);
    add_sample(&results, &compared[2], 5, BENCH_CLASS_FAR, 1.0);
    return results;
}

TEST(bench, ratios_are_formed_within_one_round_and_one_class, "bench")
{
    const char *const peers[] = {"peer", "other"};
    BenchResults results = three_rounds();
    uint32_t rounds = 0;

    const double ratio =
        bench_results_ratio(&results, "figure", "subject", peers, 2, BENCH_CLASS_NEAR, &rounds);

    CHECK_EQ_U64(3, rounds);
    CHECK(ratio > 2.99 && ratio < 3.01);
    CHECK_EQ_U64(3, bench_results_complete_rounds(&results, "figure", BENCH_CLASS_NEAR));
    CHECK(bench_results_class(&results, "figure") == BENCH_CLASS_NEAR);
    bench_results_fini(&results);
}

static BenchVerdict check_with(const char *bars_text)
{
    static BenchBars bars;
    char path[512];
    BenchVerdict verdict = {.reached = 0};
    BenchResults results = three_rounds();

    snprintf(path, sizeof path, "%s/bars.json", test_directory());
    FILE *file = fopen(path, "w");
    REQUIRE(file != NULL);
    fputs(bars_text, file);
    fclose(file);
    REQUIRE(bench_bars_load(path, &bars));
    bench_bars_check(&bars, &results, &verdict);
    bench_results_fini(&results);
    return verdict;
}

TEST(bench, bars_tell_reached_from_short_from_not_measured, "bench")
{
    const BenchVerdict verdict = check_with(
        "[{\"suite\": \"suite\", \"figure\": \"figure\", \"subject\": \"subject\",\n"
        "  \"reference\": [\"peer\", \"other\"], \"op\": \">=\", \"ratio\": 2.9},\n"
        " {\"suite\": \"suite\", \"figure\": \"figure\", \"subject\": \"subject\",\n"
        "  \"reference\": [\"peer\"], \"op\": \">=\", \"ratio\": 3.1},\n"
        " {\"suite\": \"suite\", \"figure\": \"figure\", \"subject\": \"subject\",\n"
        "  \"reference\": [\"absent\"], \"op\": \">=\", \"ratio\": 1},\n"
        " {\"suite\": \"suite\", \"figure\": \"figure\", \"subject\": \"subject\",\n"
        "  \"reference\": [], \"statistic\": \"share\", \"op\": \"<=\", \"ratio\": 0.1},\n"
        " {\"suite\": \"suite\", \"figure\": \"figure\", \"subject\": \"subject\",\n"
        "  \"reference\": [], \"statistic\": \"share\", \"op\": \"<=\", \"ratio\": 0.01},\n"
        " {\"suite\": \"another\", \"figure\": \"figure\", \"subject\": \"subject\",\n"
        "  \"reference\": [\"peer\"], \"op\": \">=\", \"ratio\": 9}]\n");

    CHECK_EQ_U64(2, verdict.reached);
    CHECK_EQ_U64(2, verdict.missed);
    CHECK_EQ_U64(1, verdict.unmeasured);
}

static bool take_any(void *user, size_t object, const BenchJsonValue *value)
{
    (void)user;
    (void)object;
    (void)value;
    return true;
}

TEST(bench, malformed_bars_are_refused_with_their_line, "bench")
{
    const char *const texts[] = {"",
                                 "{}",
                                 "[{\n\"a\" 1}]",
                                 "[{\n\"a\": \"b}]",
                                 "[{\n\"a\": [\"b\", 2]}]",
                                 "[{\n\"a\": nothing}]",
                                 "[{\n\"a\": 1}",
                                 "[{\n\"a\": 1}] more"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char message[160] = "";
        CHECK(!bench_json_read(texts[i], take_any, NULL, message, sizeof message));
        CHECK_STR_CONTAINS(strchr(texts[i], '\n') != NULL ? "line 2" : "line 1", message);
    }
}

// The program's exit status.
static int run_bench(const char *arguments)
{
    char command[1024];
    snprintf(command, sizeof command, "%s %s >/dev/null 2>&1", BENCH_PROGRAM, arguments);
    const int status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(bench, exit_status_tells_wrong_use_from_done, "bench")
{
    CHECK_EQ_I64(0, run_bench(""));
    CHECK_EQ_I64(0, run_bench("--help"));
    CHECK_EQ_I64(2, run_bench("rign"));
    CHECK_EQ_I64(2, run_bench("ring --seconds 9"));
    CHECK_EQ_I64(2, run_bench("ring --class nearby"));
    CHECK_EQ_I64(2, run_bench("ring --check --bars /dev/null"));
    CHECK_EQ_I64(0, run_bench("limits --only single --rounds 1 --quiet"));
}

TEST(bench, one_cpu_is_not_measurable_where_two_are_needed, "bench")
{
    cpu_set_t set;
    REQUIRE(sched_getaffinity(0, sizeof set, &set) == 0);
    for (size_t cpu = 0, kept = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, &set) && kept++ > 0) {
            CPU_CLR(cpu, &set);
        }
    }
    REQUIRE(sched_setaffinity(0, sizeof set, &set) == 0);

    CHECK_EQ_I64(6, run_bench("ring --check"));
    CHECK_EQ_I64(0, run_bench("sync --only alone --rounds 1 --quiet"));
    CHECK_EQ_I64(6, run_bench("stream"));
}

TEST(bench, the_survivor_of_a_kill_is_told_and_nothing_is_left, "bench serial")
{
    CHECK_EQ_I64(0, run_bench("death --kills 20 --quiet"));
}
