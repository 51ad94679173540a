// SPDX-License-Identifier: MIT OR Apache-2.0
//
// region create, list and remove. region_info.c shows one region.

#include "cli.h"
#include "region_json.h"

#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "text.h"

void region_json_facts(Json *json, const RenoirRegionInfo *info)
{
    json_string(json, "name", info->name);
    json_unsigned(json, "size_bytes", info->size_bytes);
    json_string(json, "backing", cli_backing_name(info->backing_type));
    json_boolean(json, "persistent", (info->flags & RENOIR_REGION_PERSISTENT) != 0);
    json_boolean(json, "huge_pages", (info->flags & RENOIR_REGION_HUGE_PAGES) != 0);
    json_unsigned(json, "object_count", info->object_count);
    json_unsigned(json, "created_unix_ns", info->created_ns);
}

static CliExit check_create(const Arguments *arguments)
{
    const int backings = cli_is_set(arguments, OPTION_FILE) + cli_is_set(arguments, OPTION_MEMFD) +
                         cli_is_set(arguments, OPTION_POSIX);
    if (!cli_is_set(arguments, OPTION_SIZE)) {
        return cli_fail(arguments, CLI_WRONG_USE, "a size is needed: --size 1MiB");
    }
    if (cli_number(arguments, OPTION_SIZE, 0) == 0) {
        return cli_fail(arguments, CLI_WRONG_USE, "--size 0: a region has at least one byte");
    }
    if (backings > 1) {
        return cli_fail(arguments, CLI_WRONG_USE, "--file, --memfd and --posix exclude each other");
    }
    if (cli_is_set(arguments, OPTION_MEMFD) && !cli_is_set(arguments, OPTION_HOLD)) {
        return cli_fail(arguments, CLI_WRONG_USE,
                        "a memfd region would be gone when this command ends (add --hold)");
    }
    if (cli_number(arguments, OPTION_SIZE, 0) > SIZE_MAX) {
        return cli_fail(arguments, CLI_WRONG_USE,
                        "--size %" PRIu64 " is more than this machine can map",
                        cli_number(arguments, OPTION_SIZE, 0));
    }
    return CLI_DONE;
}

// Others look for the file from their own folders: its path must not depend on ours.
static const char *absolute_path(const char *path, char *buffer, size_t size)
{
    if (path == NULL || path[0] == '/' || getcwd(buffer, size) == NULL) {
        return path;
    }
    const size_t used = strlen(buffer);
    const int added = snprintf(buffer + used, size - used, "/%s", path);
    return added > 0 && (size_t)added < size - used ? buffer : path;
}

static RenoirErrorCode
create(const Arguments *arguments, RenoirManagerHandle manager, RenoirRegionHandle *out_region)
{
    char path[PATH_MAX];
    RenoirRegionConfig config = renoir_region_config_default();
    RenoirRegionOptions options = renoir_region_options_default();
    config.name = arguments->name;
    config.size = (size_t)cli_number(arguments, OPTION_SIZE, 0);
    config.permissions = (uint32_t)cli_number(arguments, OPTION_MODE, 0);
    config.file_path = absolute_path(cli_text(arguments, OPTION_FILE), path, sizeof path);
    if (cli_is_set(arguments, OPTION_MEMFD)) {
        config.backing_type = RENOIR_BACKING_MEMFD;
    } else if (cli_is_set(arguments, OPTION_POSIX)) {
        config.backing_type = RENOIR_BACKING_POSIX_SHM;
    }
    // A memfd region can't outlive its last user; all others would vanish with this command.
    options.flags = RENOIR_REGION_EXCLUSIVE;
    options.flags |= cli_is_set(arguments, OPTION_MEMFD) ? 0 : (uint32_t)RENOIR_REGION_PERSISTENT;
    options.flags |= cli_is_set(arguments, OPTION_HUGETLB) ? (uint32_t)RENOIR_REGION_HUGE_PAGES : 0;
    return renoir_region_create_with(manager, &config, &options, out_region);
}

// Where others find it: a memfd has a name only in this process's folder of /proc.
static const char *path_of(RenoirRegionHandle region, uint32_t backing, char *path, size_t size)
{
    if (backing != RENOIR_BACKING_MEMFD) {
        const char *known = renoir_region_path(region);
        return known != NULL ? known : "";
    }
    snprintf(path, size, "/proc/%ld/fd/%d", (long)getpid(), renoir_region_fd(region));
    return path;
}

static void print_created(const Arguments *arguments, RenoirRegionHandle region)
{
    RenoirRegionInfo info;
    char path[64];
    char size[TEXT_QUANTITY_MAX];
    char safe[4 * RENOIR_NAME_MAX + 1];
    if (renoir_region_describe(region, &info) != RENOIR_SUCCESS) {
        return;
    }
    const char *where = path_of(region, info.backing_type, path, sizeof path);
    if (cli_is_set(arguments, OPTION_JSON)) {
        Json json;
        json_init(&json, stdout);
        json_object(&json, NULL);
        region_json_facts(&json, &info);
        json_string(&json, "path", where);
        json_close(&json);
    } else {
        printf("created '%s': %s (%" PRIu64 " bytes), %s, %s\n",
               text_safe(info.name, safe, sizeof safe), text_bytes(info.size_bytes, size),
               info.size_bytes, cli_backing_name(info.backing_type), where);
    }
    if (cli_is_set(arguments, OPTION_HUGETLB) && (info.flags & RENOIR_REGION_HUGE_PAGES) == 0) {
        const char *reason = renoir_last_error_message();
        cli_say(arguments, "ordinary pages, no huge ones: %s",
                reason[0] != '\0' ? reason : "the system gave none");
    }
}

static void hold(const Arguments *arguments)
{
    sigset_t ends;
    int number = 0;
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    fflush(stdout);
    cli_say(arguments, "holding '%s' open until interrupted", arguments->name);
    sigwait(&ends, &number);
}

CliExit cli_run_region_create(const Arguments *arguments)
{
    RenoirManagerHandle manager = NULL;
    RenoirRegionHandle region = NULL;
    const CliExit exit = check_create(arguments);
    if (exit != CLI_DONE) {
        return exit;
    }
    RenoirErrorCode status = cli_join(arguments, &manager);
    if (status == RENOIR_SUCCESS) {
        status = create(arguments, manager, &region);
    }
    if (status != RENOIR_SUCCESS) {
        const CliExit failure = cli_fail_status(arguments, status);
        renoir_manager_destroy(manager);
        return failure;
    }
    print_created(arguments, region);
    if (cli_is_set(arguments, OPTION_HOLD)) {
        hold(arguments);
    }
    renoir_region_close(region);
    renoir_manager_destroy(manager);
    return CLI_DONE;
}

// False where the region can't be opened: it is going, damaged, or not ours to read.
static bool stats_of(RenoirManagerHandle manager, const char *name, RenoirRegionStats *out_stats)
{
    RenoirRegionHandle region = NULL;
    RenoirRegionOptions options = renoir_region_options_default();
    options.flags = RENOIR_REGION_READ_ONLY;
    if (renoir_region_open(manager, name, &options, &region) != RENOIR_SUCCESS) {
        return false;
    }
    const RenoirErrorCode status = renoir_region_stats(region, out_stats);
    renoir_region_close(region);
    return status == RENOIR_SUCCESS;
}

static void list_json(RenoirManagerHandle manager, const RenoirRegionInfo *infos, size_t count)
{
    Json json;
    json_init(&json, stdout);
    json_object(&json, NULL);
    json_array(&json, "regions");
    for (size_t i = 0; i < count; i++) {
        RenoirRegionStats stats;
        json_object(&json, NULL);
        region_json_facts(&json, &infos[i]);
        json_unsigned(&json, "process_count", infos[i].process_count);
        if (stats_of(manager, infos[i].name, &stats)) {
            json_unsigned(&json, "used_bytes", stats.used_size);
            json_unsigned(&json, "free_bytes", stats.free_size);
        } else {
            json_null(&json, "used_bytes");
            json_null(&json, "free_bytes");
        }
        json_close(&json);
    }
    json_close(&json);
    json_close(&json);
}

static void add_quantities(TextTable *table, RenoirManagerHandle manager, const char *name)
{
    RenoirRegionStats stats;
    char text[TEXT_QUANTITY_MAX];
    if (!stats_of(manager, name, &stats)) {
        text_table_add(table, "?");
        text_table_add(table, "?");
        return;
    }
    text_table_add(table, text_bytes(stats.used_size, text));
    text_table_add(table, text_bytes(stats.free_size, text));
}

static bool list_text(RenoirManagerHandle manager, const RenoirRegionInfo *infos, size_t count)
{
    static const char *const headings[] = {"NAME",  ">SIZE", "BACKING", ">USERS",
                                           ">USED", ">FREE", "KEPT",    "CREATED"};
    TextTable table;
    text_table_init(&table, headings, sizeof headings / sizeof headings[0]);
    for (size_t i = 0; i < count; i++) {
        char safe[4 * RENOIR_NAME_MAX + 1];
        char text[TEXT_QUANTITY_MAX];
        text_table_add(&table, text_safe(infos[i].name, safe, sizeof safe));
        text_table_add(&table, text_bytes(infos[i].size_bytes, text));
        text_table_add(&table, cli_backing_name(infos[i].backing_type));
        snprintf(text, sizeof text, "%" PRIu32, infos[i].process_count);
        text_table_add(&table, text);
        add_quantities(&table, manager, infos[i].name);
        text_table_add(&table, (infos[i].flags & RENOIR_REGION_PERSISTENT) != 0 ? "yes" : "no");
        text_table_add(&table, text_date(infos[i].created_ns, text));
    }
    return text_table_print(&table, stdout);
}

CliExit cli_run_region_list(const Arguments *arguments)
{
    RenoirManagerHandle manager = NULL;
    RenoirRegionInfo *infos = NULL;
    size_t count = 0;
    CliExit exit = CLI_DONE;
    RenoirErrorCode status = cli_join(arguments, &manager);
    if (status == RENOIR_SUCCESS) {
        status = cli_regions(manager, &infos, &count);
    }
    if (status != RENOIR_SUCCESS) {
        exit = cli_fail_status(arguments, status);
    } else if (cli_is_set(arguments, OPTION_JSON)) {
        list_json(manager, infos, count);
    } else if (count == 0) {
        printf("no regions below %s\n", cli_root(arguments));
    } else if (!list_text(manager, infos, count)) {
        exit = cli_fail(arguments, CLI_FAILED, "out of memory");
    }
    free(infos);
    renoir_manager_destroy(manager);
    return exit;
}

CliExit cli_run_region_remove(const Arguments *arguments)
{
    RenoirManagerHandle manager = NULL;
    CliExit exit = CLI_DONE;
    RenoirErrorCode status = cli_join(arguments, &manager);
    if (status == RENOIR_SUCCESS) {
        status = renoir_region_remove(manager, arguments->name);
    }
    if (status != RENOIR_SUCCESS) {
        exit = cli_fail_status(arguments, status);
    } else if (cli_is_set(arguments, OPTION_JSON)) {
        Json json;
        json_init(&json, stdout);
        json_object(&json, NULL);
        json_string(&json, "removed", arguments->name);
        json_close(&json);
    } else {
        char safe[4 * RENOIR_NAME_MAX + 1];
        printf("removed '%s'\n", text_safe(arguments->name, safe, sizeof safe));
    }
    renoir_manager_destroy(manager);
    return exit;
}
