// SPDX-License-Identifier: MIT OR Apache-2.0

#include "progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "text.h"

enum { BAR_MAX = 40, LINE_MAX_COLUMNS = 160, COLUMNS_UNKNOWN = 80 };

// Often enough to look alive, seldom enough to cost nothing.
#define TERMINAL_INTERVAL_NS RENOIR_MILLISECONDS(100)
#define LOG_INTERVAL_NS RENOIR_SECONDS(1)

static unsigned terminal_columns(void)
{
    struct winsize size;
    memset(&size, 0, sizeof size);
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) {
        return COLUMNS_UNKNOWN;
    }
    return size.ws_col < LINE_MAX_COLUMNS ? size.ws_col : LINE_MAX_COLUMNS;
}

void progress_init(Progress *progress, const Arguments *arguments)
{
    memset(progress, 0, sizeof *progress);
    progress->total_bytes = PROGRESS_TOTAL_UNKNOWN;
    progress->is_terminal = isatty(STDERR_FILENO) == 1;
    progress->is_on = cli_is_set(arguments, OPTION_PROGRESS) ||
                      (progress->is_terminal && !cli_is_set(arguments, OPTION_QUIET) &&
                       !cli_is_set(arguments, OPTION_JSON));
    progress->started_ns = renoir_now_ns();
}

void progress_start(Progress *progress, uint64_t total_bytes)
{
    progress->total_bytes = total_bytes;
    progress->started_ns = renoir_now_ns();
    progress->due_ns = progress->started_ns;
}

static void put_line(Progress *progress, const char *line)
{
    if (progress->is_terminal) {
        fprintf(stderr, "\r\033[K%.*s", (int)terminal_columns() - 1, line);
        progress->is_shown = true;
    } else {
        fprintf(stderr, "%s\n", line);
    }
    fflush(stderr);
}

static void put_bar(char *bar, unsigned width, double part)
{
    const unsigned filled = (unsigned)(part * width);
    for (unsigned i = 0; i < width; i++) {
        bar[i] = i < filled ? '#' : '.';
    }
    bar[width] = '\0';
}

static void show(Progress *progress, uint64_t bytes, uint64_t now_ns)
{
    char line[LINE_MAX_COLUMNS + 64];
    char done[TEXT_QUANTITY_MAX];
    char total[TEXT_QUANTITY_MAX];
    char rate[TEXT_QUANTITY_MAX];
    char left[TEXT_QUANTITY_MAX];
    char bar[BAR_MAX + 1];
    const double seconds = (double)(now_ns - progress->started_ns) / 1e9;
    const double speed = seconds > 0 ? (double)bytes / seconds : 0;
    text_bytes(bytes, done);
    text_rate(speed, rate);
    if (progress->total_bytes == PROGRESS_TOTAL_UNKNOWN) {
        snprintf(line, sizeof line, "%s  %s  %s", done, rate, text_clock((uint64_t)seconds, left));
        put_line(progress, line);
        return;
    }
    const uint64_t rest = progress->total_bytes > bytes ? progress->total_bytes - bytes : 0;
    const double part = progress->total_bytes > 0
                            ? (double)(progress->total_bytes - rest) / (double)progress->total_bytes
                            : 1.0;
    const unsigned columns = progress->is_terminal ? terminal_columns() : COLUMNS_UNKNOWN;
    put_bar(bar, columns > 90 ? BAR_MAX : BAR_MAX / 2, part);
    text_clock(speed > 0 ? (uint64_t)((double)rest / speed + 0.5) : 0, left);
    snprintf(line, sizeof line, "[%s] %3.0f %%  %s of %s  %s  %s left", bar, part * 100.0, done,
             text_bytes(progress->total_bytes, total), rate, left);
    put_line(progress, line);
}

void progress_update(Progress *progress, uint64_t bytes)
{
    if (!progress->is_on) {
        return;
    }
    const uint64_t now_ns = renoir_now_ns();
    if (now_ns < progress->due_ns) {
        return;
    }
    progress->due_ns = now_ns + (progress->is_terminal ? TERMINAL_INTERVAL_NS : LOG_INTERVAL_NS);
    show(progress, bytes, now_ns);
}

void progress_waiting(Progress *progress, const char *what)
{
    if (progress->is_on && progress->is_terminal) {
        put_line(progress, what);
    }
}

void progress_finish(Progress *progress, uint64_t bytes)
{
    if (!progress->is_on) {
        return;
    }
    show(progress, bytes, renoir_now_ns());
    if (progress->is_shown) {
        fputc('\n', stderr);
        progress->is_shown = false;
    }
}
