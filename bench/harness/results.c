// SPDX-License-Identifier: MIT OR Apache-2.0
#include "harness/results.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool bench_results_add(BenchResults *self, const BenchSample *sample)
{
    if (self->count == self->capacity) {
        const size_t capacity = self->capacity == 0 ? 256 : self->capacity * 2;
        BenchSample *samples = realloc(self->samples, capacity * sizeof *samples);
        if (samples == NULL) {
            fprintf(stderr, "renoir-bench: no memory for %zu samples\n", capacity);
            return false;
        }
        self->samples = samples;
        self->capacity = capacity;
    }
    self->samples[self->count++] = *sample;
    return true;
}

void bench_results_fini(BenchResults *self)
{
    free(self->samples);
    free(self->cases);
    self->cases = NULL;
    self->samples = NULL;
    self->count = 0;
    self->capacity = 0;
}

static int compare_doubles(const void *left, const void *right)
{
    const double a = *(const double *)left;
    const double b = *(const double *)right;
    return (a > b) - (a < b);
}

double bench_median(double *values, size_t count)
{
    if (count == 0) {
        return 0.0;
    }
    qsort(values, count, sizeof values[0], compare_doubles);
    return count % 2 == 1 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2.0;
}

bool bench_class_fits(BenchClass seen, BenchClass asked)
{
    return seen == asked || seen == BENCH_CLASS_ONE;
}

// The middle of one member of the samples that fit; `member` is its offset in BenchSample.
static double
median_of(const BenchResults *self, const BenchCase *item, BenchClass class_asked, size_t member)
{
    double *values = calloc(self->count + 1, sizeof *values);
    size_t count = 0;
    if (values == NULL) {
        return 0.0;
    }
    for (size_t i = 0; i < self->count; i++) {
        const BenchSample *sample = &self->samples[i];
        if (sample->item == item && !sample->is_dropped &&
            bench_class_fits(sample->class_seen, class_asked)) {
            memcpy(&values[count++], (const uint8_t *)sample + member, sizeof values[0]);
        }
    }
    const double median = bench_median(values, count);
    free(values);
    return median;
}

BenchSummary
bench_results_summarize(const BenchResults *self, const BenchCase *item, BenchClass class_asked)
{
    BenchSummary summary = {.item = item};

    for (size_t i = 0; i < self->count; i++) {
        const BenchSample *sample = &self->samples[i];
        if (sample->item != item || sample->is_dropped ||
            !bench_class_fits(sample->class_seen, class_asked)) {
            continue;
        }
        if (summary.count == 0 || sample->value < summary.smallest) {
            summary.smallest = sample->value;
        }
        if (summary.count == 0 || sample->value > summary.largest) {
            summary.largest = sample->value;
        }
        if (sample->max_ns > summary.max_ns) {
            summary.max_ns = sample->max_ns;
        }
        summary.has_latency = sample->has_latency;
        summary.count++;
    }
    summary.median = median_of(self, item, class_asked, offsetof(BenchSample, value));
    summary.p50_ns = median_of(self, item, class_asked, offsetof(BenchSample, p50_ns));
    summary.p90_ns = median_of(self, item, class_asked, offsetof(BenchSample, p90_ns));
    summary.p99_ns = median_of(self, item, class_asked, offsetof(BenchSample, p99_ns));
    summary.p999_ns = median_of(self, item, class_asked, offsetof(BenchSample, p999_ns));
    summary.share = median_of(self, item, class_asked, offsetof(BenchSample, share));
    return summary;
}

static const BenchSample *
find_sample(const BenchResults *self, const BenchCase *item, uint32_t round, BenchClass class_asked)
{
    for (size_t i = 0; i < self->count; i++) {
        const BenchSample *sample = &self->samples[i];
        if (sample->item == item && sample->round == round && !sample->is_dropped &&
            bench_class_fits(sample->class_seen, class_asked)) {
            return sample;
        }
    }
    return NULL;
}

static uint32_t last_round(const BenchResults *self)
{
    return self->count == 0 ? 0 : self->samples[self->count - 1].round;
}

static bool
is_whole_round(const BenchResults *self, const char *figure, uint32_t round, BenchClass class_asked)
{
    bool has_any = false;
    for (size_t i = 0; i < self->count; i++) {
        const BenchSample *sample = &self->samples[i];
        if (strcmp(sample->item->figure, figure) != 0) {
            continue;
        }
        if (find_sample(self, sample->item, round, class_asked) == NULL) {
            return false;
        }
        has_any = true;
    }
    return has_any;
}

uint32_t
bench_results_complete_rounds(const BenchResults *self, const char *figure, BenchClass class_asked)
{
    uint32_t complete = 0;
    for (uint32_t round = 1; round <= last_round(self); round++) {
        if (is_whole_round(self, figure, round, class_asked)) {
            complete++;
        }
    }
    return complete;
}

BenchClass bench_results_class(const BenchResults *self, const char *figure)
{
    BenchClass best = self->wanted;
    uint32_t most = bench_results_complete_rounds(self, figure, self->wanted);
    if (most >= self->rounds) {
        return best;
    }
    for (int i = BENCH_CLASS_SMT; i < BENCH_CLASS_COUNT; i++) {
        const uint32_t complete = bench_results_complete_rounds(self, figure, (BenchClass)i);
        if (complete > most) {
            most = complete;
            best = (BenchClass)i;
        }
    }
    return best;
}

const BenchCase *
bench_results_case(const BenchResults *self, const char *figure, const char *contender)
{
    for (size_t i = 0; i < self->count; i++) {
        const BenchCase *item = self->samples[i].item;
        if (strcmp(item->figure, figure) == 0 && strcmp(item->contender, contender) == 0) {
            return item;
        }
    }
    return NULL;
}

// The best reference of one round; 0: none has a sample there.
static double best_reference(const BenchResults *self,
                             const BenchCase *const *references,
                             size_t reference_count,
                             uint32_t round,
                             BenchClass class_asked)
{
    double best = 0.0;
    for (size_t i = 0; i < reference_count; i++) {
        const BenchSample *sample =
            references[i] == NULL ? NULL : find_sample(self, references[i], round, class_asked);
        if (sample == NULL) {
            continue;
        }
        const bool is_better = bench_unit_lower_is_better(references[i]->unit)
                                   ? sample->value < best
                                   : sample->value > best;
        if (best <= 0.0 || is_better) {
            best = sample->value;
        }
    }
    return best;
}

double bench_results_ratio(const BenchResults *self,
                           const char *figure,
                           const char *subject,
                           const char *const *references,
                           size_t reference_count,
                           BenchClass class_asked,
                           uint32_t *out_rounds)
{
    const BenchCase *cases[BENCH_REFERENCES_MAX] = {NULL};
    const BenchCase *item = bench_results_case(self, figure, subject);
    const uint32_t rounds = last_round(self);
    double *ratios = calloc((size_t)rounds + 1, sizeof *ratios);
    size_t count = 0;

    for (size_t i = 0; i < reference_count && i < BENCH_REFERENCES_MAX; i++) {
        cases[i] = bench_results_case(self, figure, references[i]);
    }
    for (uint32_t round = 1; ratios != NULL && item != NULL && round <= rounds; round++) {
        const BenchSample *sample = find_sample(self, item, round, class_asked);
        const double best = best_reference(self, cases, reference_count, round, class_asked);
        if (sample != NULL && best > 0.0) {
            ratios[count++] = sample->value / best;
        }
    }
    const double median = ratios == NULL ? 0.0 : bench_median(ratios, count);
    free(ratios);
    *out_rounds = (uint32_t)count;
    return median;
}
