// SPDX-License-Identifier: MIT OR Apache-2.0
//
// One SVG per suite: a panel per figure, a bar per contender (median, with the lowest and highest
// sample), drawn by gnuplot.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "suite.h"

enum { COLUMNS = 2, PANEL_WIDTH = 560, PANEL_HEIGHT = 210, TITLE_HEIGHT = 70, PATH_SIZE = 600 };

static const BenchCase *case_after(const BenchResults *results, const BenchCase *after)
{
    const BenchCase *next = NULL;
    for (size_t i = 0; i < results->count; i++) {
        const BenchCase *item = results->samples[i].item;
        if ((after == NULL || item > after) && (next == NULL || item < next)) {
            next = item;
        }
    }
    return next;
}

static uint32_t count_figures(const BenchResults *results)
{
    const char *last = "";
    uint32_t count = 0;
    for (const BenchCase *item = case_after(results, NULL); item != NULL;
         item = case_after(results, item)) {
        count += strcmp(item->figure, last) != 0 ? 1 : 0;
        last = item->figure;
    }
    return count;
}

// Underscores are subscripts to nobody: names are drawn as they are.
static void write_panel(FILE *plot, const BenchResults *results, const BenchCase *first)
{
    const BenchClass class_asked = bench_results_class(results, first->figure);
    int bars = 0;

    fprintf(plot, "$data << EOD\n");
    for (const BenchCase *item = first; item != NULL && strcmp(item->figure, first->figure) == 0;
         item = case_after(results, item)) {
        const BenchSummary summary = bench_results_summarize(results, item, class_asked);
        fprintf(plot, "%d \"%s\" %.6g %.6g %.6g %d\n", bars++, item->contender, summary.median,
                summary.smallest, summary.largest, (int)item->role + 1);
    }
    fprintf(plot,
            "EOD\nset title \"%s (%s, class %s)\" noenhanced\n"
            "set yrange [%d.6:-0.6]\nset xrange [0:*]\n"
            "plot $data using ($3*0.5):1:($3*0.5):(0.35):6:ytic(2) with boxxyerror "
            "linecolor variable notitle, "
            "$data using 3:1:4:5 with xerrorbars pointtype 0 linecolor rgb '#333333' notitle, "
            "$data using 3:1:(sprintf(' %%.4g', $3)) with labels left offset 0.6,0 "
            "font ',9' notitle\n",
            first->figure, bench_unit_name(first->unit), bench_class_name(class_asked), bars - 1);
}

static void
write_plot(FILE *plot, const BenchResults *results, const char *path, const char *machine)
{
    const uint32_t figures = count_figures(results);
    const uint32_t rows = (figures + COLUMNS - 1) / COLUMNS;
    const char *last = "";

    fprintf(plot,
            "set terminal svg size %u,%u font 'sans,11' background '#ffffff'\n"
            "set output '%s'\n"
            "set linetype 1 lc rgb '#2f6db3'\nset linetype 2 lc rgb '#d08a3c'\n"
            "set linetype 3 lc rgb '#b0b0b0'\n"
            "set style fill solid 0.85 noborder\n"
            "set multiplot layout %u,%u title \"renoir-bench %s: %s\\nmedian, lowest and highest "
            "sample; blue: Renoir, orange: peer, grey: limit\" noenhanced\n"
            "set grid x lc rgb '#dddddd'\n"
            "set lmargin 24\nset rmargin 8\nset ytics noenhanced scale 0\n",
            COLUMNS * PANEL_WIDTH, rows * PANEL_HEIGHT + TITLE_HEIGHT, path, rows, COLUMNS,
            results->suite, machine);
    for (const BenchCase *item = case_after(results, NULL); item != NULL;
         item = case_after(results, item)) {
        if (strcmp(item->figure, last) != 0) {
            write_panel(plot, results, item);
            last = item->figure;
        }
    }
    fprintf(plot, "unset multiplot\n");
}

bool bench_plot(const BenchResults *results, const char *folder, const char *machine)
{
    char path[PATH_SIZE];
    const int length = snprintf(path, sizeof path, "%s/%s.svg", folder, results->suite);
    if (length < 0 || (size_t)length >= sizeof path || strchr(path, '\'') != NULL) {
        fprintf(stderr, "renoir-bench: '%s' cannot be a folder for plots\n", folder);
        return false;
    }
    // Without gnuplot the shell ends at once: an error to report, not a signal to die of.
    signal(SIGPIPE, SIG_IGN);
    FILE *plot = popen("gnuplot", "w");
    if (plot == NULL) {
        fprintf(stderr, "renoir-bench: cannot start gnuplot: %s\n", strerror(errno));
        return false;
    }
    write_plot(plot, results, path, machine);
    const int status = pclose(plot);
    signal(SIGPIPE, SIG_DFL);
    if (status != 0) {
        fprintf(stderr, "renoir-bench: gnuplot failed; no plot in '%s' (is it installed?)\n", path);
        return false;
    }
    printf("plot      %s\n", path);
    return true;
}
