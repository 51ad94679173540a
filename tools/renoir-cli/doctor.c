// SPDX-License-Identifier: MIT OR Apache-2.0
//
// doctor: what is wrong with the machine or with what lies below the root, and what helps.

#include "cli.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "machine.h"
#include "text.h"

enum { FINDINGS_MAX = 64, FACT_MAX = 640, REPORT_MAX = 512 };

// Below these, a warning. The first is what Docker gives /dev/shm unasked.
#define ROOT_BYTES_SMALL (UINT64_C(64) << 20)
#define LOCK_BYTES_SMALL (UINT64_C(64) << 20)

typedef enum Verdict {
    VERDICT_GOOD,
    VERDICT_WARNING, // it works, but slower or not for all
    VERDICT_BAD      // something does not work
} Verdict;

typedef struct Finding {
    Verdict verdict;
    const char *check;
    char fact[FACT_MAX];
    char remedy[FACT_MAX];
} Finding;

typedef struct Doctor {
    const Arguments *arguments;
    const char *root;
    MachineFacts facts;
    MachineRoot root_facts;
    Finding findings[FINDINGS_MAX];
    size_t count;
    size_t counts[3]; // per verdict
} Doctor;

static Finding *add(Doctor *doctor, Verdict verdict, const char *check, const char *format, ...)
    RENOIR_PRINTF(4, 5);

// The finding, so that the caller can add a remedy. The last one is overwritten when there are more
// than fit; the counts stay true.
static Finding *add(Doctor *doctor, Verdict verdict, const char *check, const char *format, ...)
{
    const size_t at = doctor->count < FINDINGS_MAX ? doctor->count++ : FINDINGS_MAX - 1;
    Finding *finding = &doctor->findings[at];
    va_list list;
    memset(finding, 0, sizeof *finding);
    finding->verdict = verdict;
    finding->check = check;
    va_start(list, format);
    vsnprintf(finding->fact, sizeof finding->fact, format, list);
    va_end(list);
    doctor->counts[verdict]++;
    return finding;
}

static void advise(Finding *finding, const char *remedy)
{
    snprintf(finding->remedy, sizeof finding->remedy, "%s", remedy);
}

static void check_root_folder(Doctor *doctor)
{
    const MachineRoot *root = &doctor->root_facts;
    if (!root->is_there || !root->is_directory) {
        Finding *finding = add(doctor, VERDICT_BAD, "root", "%s is %s", doctor->root,
                               root->is_there ? "no directory" : "not there");
        advise(finding, "mount a tmpfs there, or set RENOIR_SHM_PATH to a directory that exists");
        return;
    }
    if (root->is_refused) {
        Finding *finding =
            add(doctor, VERDICT_BAD, "root", "%s lies on %s", doctor->root, root->filesystem);
        advise(finding, "set RENOIR_SHM_PATH to a directory on tmpfs or on a local disk");
        return;
    }
    if (!root->is_writable && !root->has_folder) {
        Finding *finding = add(doctor, VERDICT_BAD, "root",
                               "%s may not be written by user %ld (owner %" PRIu64 ", mode %04o)",
                               doctor->root, (long)geteuid(), root->owner, root->mode);
        advise(finding, "chmod 1777 it as its owner, or set RENOIR_SHM_PATH to one of your own");
        return;
    }
    add(doctor, VERDICT_GOOD, "root", "%s: %s, owner %" PRIu64 ", mode %04o", doctor->root,
        root->filesystem, root->owner, root->mode);
    if (strcmp(root->filesystem, "tmpfs") != 0 && strcmp(root->filesystem, "ramfs") != 0) {
        Finding *finding =
            add(doctor, VERDICT_WARNING, "root in memory",
                "%s lies on %s: pages are written back to a disk", doctor->root, root->filesystem);
        advise(finding, "use a tmpfs such as /dev/shm");
    }
}

static void check_objects_folder(Doctor *doctor)
{
    const MachineRoot *root = &doctor->root_facts;
    if (!root->has_folder) {
        return;
    }
    const bool is_of_root = root->folder_owner == 0;
    const bool is_ours = root->folder_owner == geteuid();
    const bool is_open = (root->folder_mode & 0022) != 0;
    const bool is_sticky = (root->folder_mode & 01000) != 0;
    const bool is_fine = is_of_root ? (!is_open || is_sticky) : (is_ours && !is_open);
    Finding *finding = add(doctor, is_fine ? VERDICT_GOOD : VERDICT_BAD, "objects folder",
                           "%s/renoir: owner %" PRIu64 ", mode %04o", doctor->root,
                           root->folder_owner, root->folder_mode);
    if (!is_fine) {
        advise(finding,
               "others could change what is in it: have root make it with mode 1777, or set "
               "RENOIR_SHM_PATH to a directory of your own");
    }
}

static void check_space(Doctor *doctor)
{
    const MachineRoot *root = &doctor->root_facts;
    char total[TEXT_QUANTITY_MAX];
    char unused[TEXT_QUANTITY_MAX];
    if (!root->is_directory) {
        return;
    }
    const bool is_small = root->free_bytes < ROOT_BYTES_SMALL;
    const bool is_full = root->free_bytes < 4 * doctor->facts.page_bytes;
    Finding *finding =
        add(doctor, is_full ? VERDICT_BAD : (is_small ? VERDICT_WARNING : VERDICT_GOOD), "space",
            "%s free of %s in %s", text_bytes(root->free_bytes, unused),
            text_bytes(root->total_bytes, total), doctor->root);
    if (is_small) {
        advise(finding,
               "mount -o remount,size=1G the root's file system, docker run --shm-size=1g, or "
               "renoir-cli region list and remove what is not needed");
    }
}

static void check_features(Doctor *doctor)
{
    MachineFeature features[MACHINE_FEATURES_MAX];
    const size_t count = machine_features(doctor->root, features);
    for (size_t i = 0; i < count; i++) {
        const MachineFeature *feature = &features[i];
        if (strcmp(feature->name, "membarrier") == 0) {
            Finding *finding =
                add(doctor, feature->is_there ? VERDICT_GOOD : VERDICT_WARNING, "membarrier", "%s",
                    feature->is_there ? "there" : feature->detail);
            if (!feature->is_there) {
                advise(finding,
                       "each publication pays a fence instead; a kernel from 4.16 on, and a "
                       "seccomp profile that lets membarrier through, avoid that");
            }
        } else if (feature->is_needed && !feature->is_there) {
            Finding *finding = add(doctor, VERDICT_BAD, feature->name, "%s", feature->detail);
            advise(finding, "Renoir needs it: use a kernel and a container profile that allow it");
        }
    }
}

static void check_memory_lock(Doctor *doctor)
{
    const uint64_t limit = doctor->facts.lock_limit_bytes;
    char text[TEXT_QUANTITY_MAX];
    if (limit == MACHINE_UNLIMITED || limit == MACHINE_UNKNOWN || geteuid() == 0) {
        add(doctor, VERDICT_GOOD, "locked memory", "no limit for this user");
        return;
    }
    const bool is_small = limit < LOCK_BYTES_SMALL;
    Finding *finding = add(doctor, is_small ? VERDICT_WARNING : VERDICT_GOOD, "locked memory",
                           "at most %s", text_bytes(limit, text));
    if (is_small) {
        advise(finding,
               "for regions with RENOIR_REGION_LOCKED: ulimit -l, memlock in "
               "/etc/security/limits.conf, LimitMEMLOCK= of a service, docker run --ulimit "
               "memlock=-1");
    }
}

static void check_huge_pages(Doctor *doctor)
{
    const MachineFacts *facts = &doctor->facts;
    char size[TEXT_QUANTITY_MAX];
    const bool has_pool = facts->huge_pages_free > 0;
    const bool has_shared = facts->shared_huge_pages[0] != '\0' &&
                            strcmp(facts->shared_huge_pages, "never") != 0 &&
                            strcmp(facts->shared_huge_pages, "deny") != 0;
    Finding *finding = add(
        doctor, has_pool || has_shared ? VERDICT_GOOD : VERDICT_WARNING, "huge pages",
        "%" PRIu64 " of %" PRIu64 " reserved pages of %s free; for shared "
        "memory: %s",
        facts->huge_pages_free, facts->huge_pages_total, text_bytes(facts->huge_page_bytes, size),
        facts->shared_huge_pages[0] != '\0' ? facts->shared_huge_pages : "unknown");
    if (!has_pool && !has_shared) {
        advise(finding, "for regions with --hugetlb: sysctl vm.nr_hugepages=64, or echo advise > "
                        "/sys/kernel/mm/transparent_hugepage/shmem_enabled");
    }
}

static void check_processors(Doctor *doctor)
{
    const MachineFacts *facts = &doctor->facts;
    if (facts->cpus_allowed == 1) {
        Finding *finding =
            add(doctor, VERDICT_WARNING, "processors", "this process may use one only");
        advise(finding, "with one processor nobody spins and each hand-over is a context switch");
    } else {
        add(doctor, VERDICT_GOOD, "processors", "%" PRIu32 " for this process",
            facts->cpus_allowed);
    }
    if (facts->governor[0] == '\0') {
        add(doctor, VERDICT_GOOD, "governor", "none here to set");
        return;
    }
    const bool is_fast = strcmp(facts->governor, "performance") == 0;
    Finding *finding =
        add(doctor, is_fast ? VERDICT_GOOD : VERDICT_WARNING, "governor", "%s", facts->governor);
    if (!is_fast) {
        advise(finding, "cpupower frequency-set -g performance");
    }
}

static void check_region(Doctor *doctor, RenoirManagerHandle manager, const char *name)
{
    RenoirRegionHandle region = NULL;
    RenoirRegionOptions options = renoir_region_options_default();
    char report[REPORT_MAX];
    char safe[4 * RENOIR_NAME_MAX + 1];
    options.flags = RENOIR_REGION_READ_ONLY;
    text_safe(name, safe, sizeof safe);
    RenoirErrorCode status = renoir_region_open(manager, name, &options, &region);
    if (status == RENOIR_REGION_NOT_FOUND) {
        return; // it went in the meantime
    }
    if (status != RENOIR_SUCCESS) {
        const bool is_foreign = status == RENOIR_PERMISSION_DENIED;
        Finding *finding = add(doctor, is_foreign ? VERDICT_WARNING : VERDICT_BAD, "region",
                               "%.200s", renoir_last_error_message());
        if (!is_foreign) {
            advise(finding, "renoir-cli region remove, once nobody needs what is in it");
        }
        return;
    }
    report[0] = '\0';
    status = renoir_region_verify(region, report, sizeof report);
    renoir_region_close(region);
    if (status != RENOIR_SUCCESS) {
        Finding *finding = add(doctor, VERDICT_BAD, "region", "'%.200s': %.300s", safe, report);
        advise(finding, "renoir-cli region remove, once nobody needs what is in it");
    }
}

// The name of a file as the name of its region: %XX stands for one byte.
static void unescape(const char *file, char *name, size_t size)
{
    size_t used = 0;
    while (*file != '\0' && used + 1 < size) {
        unsigned byte = 0;
        if (file[0] == '%' && sscanf(file + 1, "%2x", &byte) == 1 && byte != 0) {
            name[used++] = (char)byte;
            file += 3;
        } else {
            name[used++] = *file;
            file++;
        }
    }
    name[used] = '\0';
}

static bool is_listed(const char *name, const RenoirRegionInfo *regions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(regions[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

// Files below the root that the list of regions leaves out, because they are no whole ones. Very
// long names are stored as a digest ("%~"), from which no name can be made.
static size_t check_unlisted(Doctor *doctor,
                             RenoirManagerHandle manager,
                             const RenoirRegionInfo *regions,
                             size_t region_count)
{
    char path[MACHINE_PATH_MAX];
    char name[RENOIR_NAME_MAX + 1];
    size_t count = 0;
    snprintf(path, sizeof path, "%s/renoir/regions", doctor->root);
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return 0;
    }
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        unescape(entry->d_name, name, sizeof name);
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            strstr(entry->d_name, "%~") == NULL && !is_listed(name, regions, region_count)) {
            check_region(doctor, manager, name);
            count++;
        }
    }
    closedir(folder);
    return count;
}

static void check_regions(Doctor *doctor)
{
    RenoirManagerHandle manager = NULL;
    RenoirRegionInfo *regions = NULL;
    size_t count = 0;
    RenoirErrorCode status = cli_join(doctor->arguments, &manager);
    if (status == RENOIR_SUCCESS) {
        status = cli_regions(manager, &regions, &count);
    }
    if (status != RENOIR_SUCCESS) {
        add(doctor, VERDICT_BAD, "joining the root", "%.600s", renoir_last_error_message());
    } else {
        const size_t bad_before = doctor->counts[VERDICT_BAD];
        for (size_t i = 0; i < count; i++) {
            check_region(doctor, manager, regions[i].name);
        }
        const size_t unlisted = check_unlisted(doctor, manager, regions, count);
        if (doctor->counts[VERDICT_BAD] == bad_before) {
            add(doctor, VERDICT_GOOD, "regions", "%zu checked, all sound", count + unlisted);
        }
    }
    free(regions);
    renoir_manager_destroy(manager);
}

static const char *verdict_name(Verdict verdict)
{
    static const char *const names[] = {"ok", "warning", "failed"};
    return names[verdict];
}

static void show_json(const Doctor *doctor)
{
    Json json;
    json_init(&json, stdout);
    json_object(&json, NULL);
    json_boolean(&json, "healthy", doctor->counts[VERDICT_BAD] == 0);
    json_unsigned(&json, "warning_count", doctor->counts[VERDICT_WARNING]);
    json_unsigned(&json, "failed_count", doctor->counts[VERDICT_BAD]);
    json_array(&json, "findings");
    for (size_t i = 0; i < doctor->count; i++) {
        const Finding *finding = &doctor->findings[i];
        json_object(&json, NULL);
        json_string(&json, "verdict", verdict_name(finding->verdict));
        json_string(&json, "check", finding->check);
        json_string(&json, "fact", finding->fact);
        json_string(&json, "remedy", finding->remedy[0] != '\0' ? finding->remedy : NULL);
        json_close(&json);
    }
    json_close(&json);
    json_close(&json);
}

static void show_text(const Doctor *doctor)
{
    for (size_t i = 0; i < doctor->count; i++) {
        const Finding *finding = &doctor->findings[i];
        char safe[FACT_MAX];
        printf("%-8s %-16s %s\n", verdict_name(finding->verdict), finding->check,
               text_safe(finding->fact, safe, sizeof safe));
        if (finding->remedy[0] != '\0') {
            printf("%-8s %-16s -> %s\n", "", "", finding->remedy);
        }
    }
    printf("in all: %zu ok, %zu to improve, %zu failed\n", doctor->counts[VERDICT_GOOD],
           doctor->counts[VERDICT_WARNING], doctor->counts[VERDICT_BAD]);
}

CliExit cli_run_doctor(const Arguments *arguments)
{
    static Doctor doctor;
    doctor.arguments = arguments;
    doctor.root = cli_root(arguments);
    machine_facts(&doctor.facts);
    machine_root(doctor.root, &doctor.root_facts);
    check_root_folder(&doctor);
    check_objects_folder(&doctor);
    check_space(&doctor);
    check_features(&doctor);
    check_memory_lock(&doctor);
    check_huge_pages(&doctor);
    check_processors(&doctor);
    check_regions(&doctor);
    if (cli_is_set(arguments, OPTION_JSON)) {
        show_json(&doctor);
    } else {
        show_text(&doctor);
    }
    return doctor.counts[VERDICT_BAD] == 0 ? CLI_DONE : CLI_FAILED;
}
