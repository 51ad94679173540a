// SPDX-License-Identifier: MIT OR Apache-2.0
#include "harness/machine.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "harness/clock.h"
#include "harness/commit.h"

// The first line of a file of the kernel's; "not told" where there is none.
static void read_line(const char *path, char *out_text)
{
    FILE *file = fopen(path, "r");
    snprintf(out_text, BENCH_TEXT, "not told");
    if (file == NULL) {
        return;
    }
    if (fgets(out_text, BENCH_TEXT, file) != NULL) {
        out_text[strcspn(out_text, "\n")] = '\0';
    }
    if (out_text[0] == '\0') {
        snprintf(out_text, BENCH_TEXT, "none");
    }
    fclose(file);
}

static void read_processor(char *out_text)
{
    char line[BENCH_TEXT];
    FILE *file = fopen("/proc/cpuinfo", "r");
    snprintf(out_text, BENCH_TEXT, "not told");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        const char *colon = strchr(line, ':');
        if (colon != NULL && strncmp(line, "model name", strlen("model name")) == 0) {
            snprintf(out_text, BENCH_TEXT, "%s", colon + 2);
            out_text[strcspn(out_text, "\n")] = '\0';
            break;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
}

static void read_caches(char *out_text)
{
    size_t used = 0;
    out_text[0] = '\0';
    for (int i = 0; i < 8; i++) {
        char path[BENCH_TEXT];
        char level[BENCH_TEXT];
        char type[BENCH_TEXT];
        char size[BENCH_TEXT];
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/level", i);
        read_line(path, level);
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/type", i);
        read_line(path, type);
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/size", i);
        read_line(path, size);
        if (strcmp(size, "not told") == 0 || strcmp(type, "Instruction") == 0) {
            continue;
        }
        const int wrote = snprintf(out_text + used, BENCH_TEXT - used, "%sL%.1s %.16s",
                                   used > 0 ? ", " : "", level, size);
        used += wrote > 0 && (size_t)wrote < BENCH_TEXT - used ? (size_t)wrote : 0;
    }
    if (used == 0) {
        snprintf(out_text, BENCH_TEXT, "not told");
    }
}

void bench_machine_describe(BenchMachine *out_machine)
{
    struct utsname system;
    struct tm calendar;
    const time_t now = time(NULL);

    memset(out_machine, 0, sizeof *out_machine);
    read_processor(out_machine->processor);
    read_caches(out_machine->caches);
    read_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", out_machine->governor);
    read_line("/sys/devices/system/cpu/isolated", out_machine->isolated);
    read_line("/sys/kernel/mm/transparent_hugepage/shmem_enabled", out_machine->shared_huge_pages);
    if (uname(&system) == 0) {
        snprintf(out_machine->kernel, sizeof out_machine->kernel, "%.40s %.60s %.40s",
                 system.sysname, system.release, system.machine);
    }
    snprintf(out_machine->compiler, sizeof out_machine->compiler, "%s", BENCH_COMPILER);
    snprintf(out_machine->flags, sizeof out_machine->flags, "%s", BENCH_FLAGS);
    snprintf(out_machine->commit, sizeof out_machine->commit, "%s", BENCH_COMMIT);
    if (gmtime_r(&now, &calendar) != NULL) {
        strftime(out_machine->date, sizeof out_machine->date, "%Y-%m-%dT%H:%M:%SZ", &calendar);
    }
    out_machine->page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    out_machine->memory_bytes = (uint64_t)sysconf(_SC_PHYS_PAGES) * out_machine->page_bytes;
    out_machine->cpu_count = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
}

void bench_machine_print(const BenchMachine *machine)
{
    printf("machine   %s, %u CPUs, %s, %.1f GB\n", machine->processor, machine->cpu_count,
           machine->caches, (double)machine->memory_bytes / 1e9);
    printf("system    %s; pages of %llu bytes, huge for shared memory: %s; governor: %s; isolated "
           "CPUs: %s\n",
           machine->kernel, (unsigned long long)machine->page_bytes, machine->shared_huge_pages,
           machine->governor, machine->isolated);
    printf("build     %s; %s; commit %s\n", machine->compiler, machine->flags, machine->commit);
    printf("clock     %s, two reads in a row %.1f ns apart\n", BENCH_CLOCK_NAME,
           bench_clock_step_ns());
}
