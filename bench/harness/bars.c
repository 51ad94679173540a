// SPDX-License-Identifier: MIT OR Apache-2.0
#include "harness/bars.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 1 << 20 };

// In the order of BenchStatistic: as it is written, and as it is shown.
static const char *const statistics[] = {"value", "p99", "share"};
static const char *const statistics_shown[] = {"", " p99", " share of misses"};

static bool set_text(char *out_text, const BenchJsonValue *value)
{
    if (value->kind != BENCH_JSON_STRING) {
        return false;
    }
    memcpy(out_text, value->texts[0], BENCH_JSON_TEXT);
    return true;
}

static bool set_references(BenchBar *bar, const BenchJsonValue *value)
{
    if (value->kind == BENCH_JSON_NUMBER) {
        return false;
    }
    memcpy(bar->references, value->texts, sizeof bar->references);
    bar->reference_count = value->text_count;
    return true;
}

static bool set_op(BenchBar *bar, const BenchJsonValue *value)
{
    const char *op = value->texts[0];
    bar->is_at_least = strcmp(op, ">=") == 0;
    bar->has_op = true;
    return value->kind == BENCH_JSON_STRING && (bar->is_at_least || strcmp(op, "<=") == 0);
}

static bool set_statistic(BenchBar *bar, const BenchJsonValue *value)
{
    for (size_t i = 0; i < sizeof statistics / sizeof statistics[0]; i++) {
        if (value->kind == BENCH_JSON_STRING && strcmp(value->texts[0], statistics[i]) == 0) {
            bar->statistic = (BenchStatistic)i;
            return true;
        }
    }
    return false;
}

static bool set_ratio(BenchBar *bar, const BenchJsonValue *value)
{
    bar->ratio = value->number;
    return value->kind == BENCH_JSON_NUMBER && value->number > 0.0;
}

static bool take_member(void *user, size_t object, const BenchJsonValue *value)
{
    BenchBars *bars = user;
    if (object >= BENCH_BARS_MAX) {
        return false;
    }
    BenchBar *bar = &bars->bars[object];
    bars->count = object + 1;

    if (strcmp(value->key, "suite") == 0) {
        return set_text(bar->suite, value);
    }
    if (strcmp(value->key, "figure") == 0) {
        return set_text(bar->figure, value);
    }
    if (strcmp(value->key, "subject") == 0) {
        return set_text(bar->subject, value);
    }
    if (strcmp(value->key, "reference") == 0) {
        return set_references(bar, value);
    }
    if (strcmp(value->key, "op") == 0) {
        return set_op(bar, value);
    }
    if (strcmp(value->key, "statistic") == 0) {
        return set_statistic(bar, value);
    }
    return strcmp(value->key, "ratio") == 0 && set_ratio(bar, value);
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = file == NULL ? NULL : calloc(1, FILE_MAX + 1);
    if (text == NULL) {
        fprintf(stderr, "renoir-bench: cannot read '%s': %s\n", path, strerror(errno));
    } else {
        text[fread(text, 1, FILE_MAX, file)] = '\0';
    }
    if (file != NULL) {
        fclose(file);
    }
    return text;
}

bool bench_bars_load(const char *path, BenchBars *out_bars)
{
    char message[160];
    char *text = read_file(path);
    bool is_good = text != NULL;

    memset(out_bars, 0, sizeof *out_bars);
    if (is_good && !bench_json_read(text, take_member, out_bars, message, sizeof message)) {
        fprintf(stderr, "renoir-bench: '%s', %s\n", path, message);
        is_good = false;
    }
    free(text);
    for (size_t i = 0; is_good && i < out_bars->count; i++) {
        const BenchBar *bar = &out_bars->bars[i];
        if (bar->suite[0] == '\0' || bar->figure[0] == '\0' || bar->subject[0] == '\0' ||
            bar->ratio <= 0.0 || !bar->has_op) {
            fprintf(stderr, "renoir-bench: '%s': row %zu lacks a member\n", path, i + 1);
            is_good = false;
        }
    }
    return is_good;
}

// What was reached: a ratio, or the statistic itself. *out_rounds 0: not measured.
static double
reached_of(const BenchBar *bar, const BenchResults *results, BenchClass seen, uint32_t *out_rounds)
{
    const char *references[BENCH_REFERENCES_MAX] = {NULL};
    const BenchCase *item = bench_results_case(results, bar->figure, bar->subject);
    *out_rounds = 0;
    if (item == NULL) {
        return 0.0;
    }
    if (bar->reference_count == 0) {
        const BenchSummary summary = bench_results_summarize(results, item, seen);
        *out_rounds = summary.count;
        const double values[] = {summary.median, summary.p99_ns, summary.share};
        return values[bar->statistic];
    }
    for (size_t i = 0; i < bar->reference_count; i++) {
        references[i] = bar->references[i];
    }
    return bench_results_ratio(results, bar->figure, bar->subject, references, bar->reference_count,
                               seen, out_rounds);
}

static void describe(const BenchBar *bar, char *text, size_t size)
{
    size_t used = (size_t)snprintf(text, size, "%s: %s%s %s %g", bar->figure, bar->subject,
                                   statistics_shown[bar->statistic],
                                   bar->is_at_least ? ">=" : "<=", bar->ratio);
    for (size_t i = 0; i < bar->reference_count && used < size; i++) {
        used += (size_t)snprintf(text + used, size - used, "%s%s",
                                 i > 0                      ? ", "
                                 : bar->reference_count > 1 ? " x best of "
                                                            : " x ",
                                 bar->references[i]);
    }
    if (bar->reference_count == 0 && bar->statistic != BENCH_STATISTIC_SHARE && used < size) {
        snprintf(text + used, size - used, " ns");
    }
}

static void name_absent(const BenchBar *bar, const BenchResults *results)
{
    for (size_t i = 0; i < bar->reference_count; i++) {
        if (bench_results_case(results, bar->figure, bar->references[i]) == NULL) {
            printf("          (without %s: no sample of it)\n", bar->references[i]);
        }
    }
}

static void check_bar(const BenchBar *bar, const BenchResults *results, BenchVerdict *verdict)
{
    char text[BENCH_JSON_TEXT * 4];
    uint32_t rounds = 0;
    BenchClass seen = bench_results_class(results, bar->figure);
    const double reached = reached_of(bar, results, seen, &rounds);

    const BenchCase *item = bench_results_case(results, bar->figure, bar->subject);
    if (item != NULL && item->sides[BENCH_SECOND] == NULL) {
        seen = BENCH_CLASS_ONE;
    }
    describe(bar, text, sizeof text);
    if (rounds == 0) {
        printf("  NOT MEASURED  %s\n", text);
        verdict->unmeasured++;
    } else if (bar->is_at_least ? reached >= bar->ratio : reached <= bar->ratio) {
        printf("  ok    %-62s reached %.4g  (class %s, %u rounds)\n", text, reached,
               bench_class_name(seen), rounds);
        verdict->reached++;
    } else {
        printf("  SHORT %-62s reached %.4g  (class %s, %u rounds)\n", text, reached,
               bench_class_name(seen), rounds);
        verdict->missed++;
    }
    name_absent(bar, results);
}

void bench_bars_check(const BenchBars *bars, const BenchResults *results, BenchVerdict *verdict)
{
    printf("\n-- bars of %s --\n", results->suite);
    for (size_t i = 0; i < bars->count; i++) {
        if (strcmp(bars->bars[i].suite, results->suite) == 0) {
            check_bar(&bars->bars[i], results, verdict);
        }
    }
}
