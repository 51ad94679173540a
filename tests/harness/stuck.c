// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The watchdog's work: say where each process of a test stood, then end them all.

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/internal.h"

typedef struct ProcessState {
    pid_t pid;
    pid_t parent;
    pid_t group;
    char state;
    char command[64];
} ProcessState;

static bool read_state(const char *pid_text, ProcessState *process)
{
    char path[64];
    char line[512];
    snprintf(path, sizeof path, "/proc/%.16s/stat", pid_text);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    const bool got = fgets(line, sizeof line, file) != NULL;
    fclose(file);
    const char *open_mark = strchr(line, '(');
    const char *close_mark = strrchr(line, ')'); // a command may contain ')'
    if (!got || open_mark == NULL || close_mark == NULL) {
        return false;
    }
    snprintf(process->command, sizeof process->command, "%.*s", (int)(close_mark - open_mark - 1),
             open_mark + 1);
    process->pid = atoi(pid_text);
    return sscanf(close_mark + 1, " %c %d %d", &process->state, &process->parent,
                  &process->group) == 3;
}

static void show_file(pid_t pid, const char *name)
{
    char path[64];
    char line[256];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return;
    }
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        test_note("        %-8s %s", name, line);
    }
    fclose(file);
}

typedef void VisitProcess(const ProcessState *process, pid_t group);

static void each_process(pid_t group, VisitProcess *visit)
{
    DIR *directory = opendir("/proc");
    if (directory == NULL) {
        return;
    }
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        ProcessState process;
        if (isdigit((unsigned char)entry->d_name[0]) && read_state(entry->d_name, &process)) {
            visit(&process, group);
        }
    }
    closedir(directory);
}

static bool is_ours(const ProcessState *process, pid_t group)
{
    return process->group == group || process->parent == getpid();
}

static void show(const ProcessState *process, pid_t group)
{
    if (!is_ours(process, group)) {
        return;
    }
    test_note("    process %d (%s), state %c", (int)process->pid, process->command, process->state);
    show_file(process->pid, "wchan");
    show_file(process->pid, "syscall");
    show_file(process->pid, "stack");
}

static void end(const ProcessState *process, pid_t group)
{
    if (is_ours(process, group) && process->pid != getpid()) {
        kill(process->pid, SIGKILL);
    }
}

void test_stuck_report(pid_t group)
{
    int line = 0;
    const char *file = test_last_site(&line);
    test_note("    last check: %s:%d", file, line);
    each_process(group, show);
}

// Orphans become children of the supervisor (a subreaper), so this loop ends when nobody is left.
void test_kill_all(pid_t group)
{
    (void)kill(-group, SIGKILL);
    for (;;) {
        const pid_t pid = waitpid(-1, NULL, WNOHANG);
        if (pid < 0 && errno != EINTR) {
            return;
        }
        if (pid == 0) {
            each_process(group, end);
            test_sleep_ms(2);
        }
    }
}
