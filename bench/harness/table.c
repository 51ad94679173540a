// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The table on stdout: one block per figure, the subject first, and beside each other contender
// how many times its figure the subject reached (rates) or took (times).
#include <stdio.h>
#include <string.h>

#include "harness/results.h"

// The first of the figure's subjects, in the order of the suite's table.
static const BenchCase *subject_of(const BenchResults *self, const char *figure)
{
    const BenchCase *subject = NULL;
    for (size_t i = 0; i < self->count; i++) {
        const BenchCase *item = self->samples[i].item;
        if (strcmp(item->figure, figure) == 0 && item->role == BENCH_SUBJECT &&
            (subject == NULL || item < subject)) {
            subject = item;
        }
    }
    return subject;
}

static void print_summary(const BenchResults *self, const BenchCase *item, BenchClass class_asked)
{
    const BenchSummary summary = bench_results_summarize(self, item, class_asked);
    const BenchCase *subject = subject_of(self, item->figure);
    char ratio[32] = "";

    if (subject != NULL && subject != item) {
        uint32_t rounds = 0;
        const double value = bench_results_ratio(self, item->figure, subject->contender,
                                                 &item->contender, 1, class_asked, &rounds);
        if (rounds > 0) {
            snprintf(ratio, sizeof ratio, "%.2f", value);
        }
    }
    printf("  %-26s %-8s %-7s %11.4g %11.4g %11.4g %3u  %7s", item->contender,
           item->role == BENCH_SUBJECT ? "subject" : (item->role == BENCH_PEER ? "peer" : "limit"),
           bench_unit_name(item->unit), summary.median, summary.smallest, summary.largest,
           summary.count, ratio);
    if (summary.has_latency) {
        printf("   p50 %.0f  p90 %.0f  p99 %.0f  p99.9 %.0f  max %.0f ns", summary.p50_ns,
               summary.p90_ns, summary.p99_ns, summary.p999_ns, summary.max_ns);
    }
    if (item->share != NULL) {
        printf("   %s %.3g %%", item->share, summary.share * 100.0);
    }
    printf("\n");
}

static void print_other_classes(const BenchResults *self, const char *figure, BenchClass reported)
{
    for (int i = BENCH_CLASS_SMT; i < BENCH_CLASS_COUNT; i++) {
        const uint32_t rounds = bench_results_complete_rounds(self, figure, (BenchClass)i);
        if ((BenchClass)i != reported && rounds > 0) {
            printf("  (also %u whole rounds in class %s, in the JSON)\n", rounds,
                   bench_class_name((BenchClass)i));
        }
    }
}

static const BenchCase *
next_by_address(const BenchResults *self, const char *figure, const BenchCase *after)
{
    const BenchCase *next = NULL;
    for (size_t i = 0; i < self->count; i++) {
        const BenchCase *item = self->samples[i].item;
        if (strcmp(item->figure, figure) == 0 && (after == NULL || item > after) &&
            (next == NULL || item < next)) {
            next = item;
        }
    }
    return next;
}

static void print_figure(const BenchResults *self, const char *figure)
{
    const BenchClass class_asked = bench_results_class(self, figure);
    const BenchCase *item = next_by_address(self, figure, NULL);
    bool is_one = true;
    for (const BenchCase *i = item; i != NULL; i = next_by_address(self, figure, i)) {
        is_one = is_one && i->sides[BENCH_SECOND] == NULL;
    }
    const uint32_t rounds = bench_results_complete_rounds(self, figure, class_asked);
    printf("\n%s (class %s, %u whole rounds)\n", figure,
           is_one ? "one" : bench_class_name(class_asked), rounds);
    for (; item != NULL; item = next_by_address(self, figure, item)) {
        print_summary(self, item, class_asked);
    }
    if (!is_one) {
        print_other_classes(self, figure, class_asked);
    }
}

// In the order of the suite's table, which is that of the cases' addresses.
static const char *next_figure(const BenchResults *self, const BenchCase **position)
{
    const BenchCase *next = NULL;
    for (size_t i = 0; i < self->count; i++) {
        const BenchCase *item = self->samples[i].item;
        if ((*position == NULL || item > *position) && (next == NULL || item < next) &&
            (*position == NULL || strcmp(item->figure, (*position)->figure) != 0)) {
            next = item;
        }
    }
    *position = next;
    return next == NULL ? NULL : next->figure;
}

void bench_results_print(const BenchResults *self)
{
    const BenchCase *position = NULL;
    size_t dropped = 0;

    for (size_t i = 0; i < self->count; i++) {
        dropped += self->samples[i].is_dropped ? 1 : 0;
    }
    printf("\n== %s ==\n%s\n", self->suite, self->conditions);
    printf("  %-26s %-8s %-7s %11s %11s %11s %3s  %7s\n", "contender", "role", "unit", "median",
           "min", "max", "n", "ratio");
    for (const char *figure = next_figure(self, &position); figure != NULL;
         figure = next_figure(self, &position)) {
        print_figure(self, figure);
    }
    printf("\n  ratio: subject / contender, median over rounds of one class. %zu samples, %zu "
           "dropped\n  because the probes before and after disagreed.\n",
           self->count, dropped);
}
