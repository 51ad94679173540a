// SPDX-License-Identifier: MIT OR Apache-2.0
//
// info: the library, the machine, the root.

#include "cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "machine.h"
#include "text.h"

// As renoir/region.h says.
#define REGION_BYTES_MAX (UINT64_C(1) << 48)

typedef struct Info {
    MachineFacts facts;
    MachineRoot root;
    MachineFeature features[MACHINE_FEATURES_MAX];
    size_t feature_count;
    RenoirErrorCode status; // of joining the root
    size_t node_count;
    size_t region_count;
    uint64_t region_bytes;
} Info;

static const char *build_kind(void)
{
#ifdef NDEBUG
    return "release";
#else
    return "debug";
#endif
}

static const char *compiler(void)
{
#ifdef __clang__
    return "clang " __clang_version__;
#else
    return "gcc " __VERSION__;
#endif
}

static const char *c_library(void)
{
#ifdef __GLIBC__
    return "glibc";
#else
    return "another libc";
#endif
}

// The root may be out of order: that is part of the answer.
static void look_below_root(const Arguments *arguments, Info *info)
{
    RenoirManagerHandle manager = NULL;
    RenoirNodeInfo *nodes = NULL;
    RenoirRegionInfo *regions = NULL;
    info->status = cli_join(arguments, &manager);
    if (info->status == RENOIR_SUCCESS) {
        info->status = cli_nodes(manager, &nodes, &info->node_count);
    }
    if (info->status == RENOIR_SUCCESS) {
        info->status = cli_regions(manager, &regions, &info->region_count);
    }
    for (size_t i = 0; i < info->region_count; i++) {
        info->region_bytes += regions[i].size_bytes;
    }
    free(nodes);
    free(regions);
    renoir_manager_destroy(manager);
}

static void put_limit(Json *json, const char *key, uint64_t limit)
{
    if (limit == MACHINE_UNLIMITED || limit == MACHINE_UNKNOWN) {
        json_null(json, key);
    } else {
        json_unsigned(json, key, limit);
    }
}

static void show_json_machine(Json *json, const Info *info)
{
    const MachineFacts *facts = &info->facts;
    json_object(json, "machine");
    json_string(json, "kernel", facts->kernel);
    json_string(json, "processor", facts->processor);
    json_unsigned(json, "cpus_online", facts->cpus_online);
    json_unsigned(json, "cpus_allowed", facts->cpus_allowed);
    json_unsigned(json, "page_bytes", facts->page_bytes);
    json_unsigned(json, "cache_line_bytes", facts->cache_line_bytes);
    json_string(json, "numa_nodes", facts->numa_nodes);
    json_string(json, "governor", facts->governor[0] != '\0' ? facts->governor : NULL);
    json_unsigned(json, "memory_bytes", facts->memory_bytes);
    json_unsigned(json, "huge_page_bytes", facts->huge_page_bytes);
    json_unsigned(json, "huge_pages_total", facts->huge_pages_total);
    json_unsigned(json, "huge_pages_free", facts->huge_pages_free);
    put_limit(json, "locked_memory_limit_bytes", facts->lock_limit_bytes);
    put_limit(json, "open_files_limit", facts->open_files_limit);
    json_close(json);
    json_array(json, "features");
    for (size_t i = 0; i < info->feature_count; i++) {
        const MachineFeature *feature = &info->features[i];
        json_object(json, NULL);
        json_string(json, "name", feature->name);
        json_boolean(json, "there", feature->is_there);
        json_boolean(json, "needed", feature->is_needed);
        json_string(json, "purpose", feature->purpose);
        json_string(json, "detail", feature->detail);
        json_close(json);
    }
    json_close(json);
}

static void show_json(const Arguments *arguments, const Info *info)
{
    Json json;
    json_init(&json, stdout);
    json_object(&json, NULL);
    json_string(&json, "version", renoir_version_string());
    json_object(&json, "build");
    json_string(&json, "kind", build_kind());
    json_string(&json, "compiler", compiler());
    json_string(&json, "c_library", c_library());
    json_unsigned(&json, "pointer_bits", sizeof(void *) * 8);
    json_close(&json);
    json_object(&json, "limits");
    json_unsigned(&json, "name_bytes", RENOIR_NAME_MAX);
    json_unsigned(&json, "object_name_bytes", RENOIR_OBJECT_NAME_MAX);
    json_unsigned(&json, "region_bytes", REGION_BYTES_MAX);
    json_close(&json);
    show_json_machine(&json, info);
    json_object(&json, "root");
    json_string(&json, "path", cli_root(arguments));
    json_boolean(&json, "usable", info->status == RENOIR_SUCCESS);
    json_string(&json, "error",
                info->status == RENOIR_SUCCESS ? NULL : renoir_last_error_message());
    json_string(&json, "filesystem", info->root.filesystem);
    json_unsigned(&json, "total_bytes", info->root.total_bytes);
    json_unsigned(&json, "free_bytes", info->root.free_bytes);
    json_unsigned(&json, "node_count", info->node_count);
    json_unsigned(&json, "region_count", info->region_count);
    json_unsigned(&json, "region_bytes", info->region_bytes);
    json_close(&json);
    json_close(&json);
}

static const char *limit_text(uint64_t limit, bool is_bytes, char *text)
{
    if (limit == MACHINE_UNLIMITED) {
        return "unlimited";
    }
    if (limit == MACHINE_UNKNOWN) {
        return "unknown";
    }
    if (is_bytes) {
        return text_bytes(limit, text);
    }
    snprintf(text, TEXT_QUANTITY_MAX, "%" PRIu64, limit);
    return text;
}

static void show_features(const Info *info)
{
    printf("\nkernel features\n");
    for (size_t i = 0; i < info->feature_count; i++) {
        const MachineFeature *feature = &info->features[i];
        printf("  %-4s %-27s %s%s%s%s\n",
               feature->is_there ? "yes" : (feature->is_needed ? "NO!" : "no"), feature->name,
               feature->purpose, feature->detail[0] != '\0' ? " (" : "", feature->detail,
               feature->detail[0] != '\0' ? ")" : "");
    }
}

static void show_machine(const Info *info)
{
    const MachineFacts *facts = &info->facts;
    char text[TEXT_QUANTITY_MAX];
    printf("\nmachine\n");
    printf("  kernel           %s\n", facts->kernel);
    printf("  processors       %" PRIu32 " %s, %" PRIu32 " for this process\n", facts->cpus_online,
           facts->processor, facts->cpus_allowed);
    printf("  governor         %s\n",
           facts->governor[0] != '\0' ? facts->governor : "not to be seen here");
    printf("  NUMA nodes       %s\n", facts->numa_nodes[0] != '\0' ? facts->numa_nodes : "unknown");
    printf("  memory           %s\n", text_bytes(facts->memory_bytes, text));
    printf("  page             %s\n", text_bytes(facts->page_bytes, text));
    printf("  cache line       %s\n",
           facts->cache_line_bytes > 0 ? text_bytes(facts->cache_line_bytes, text) : "unknown");
    printf("  locked memory    at most %s\n", limit_text(facts->lock_limit_bytes, true, text));
    printf("  open files       at most %s\n", limit_text(facts->open_files_limit, false, text));
}

static void show_limits(void)
{
    char text[TEXT_QUANTITY_MAX];
    printf("\nlimits\n");
    printf("  names            %d bytes, of objects in a region %d\n", RENOIR_NAME_MAX,
           RENOIR_OBJECT_NAME_MAX);
    printf("  regions          %s each\n", text_bytes(REGION_BYTES_MAX, text));
}

static void show_root(const Arguments *arguments, const Info *info)
{
    char total[TEXT_QUANTITY_MAX];
    char unused[TEXT_QUANTITY_MAX];
    char bytes[TEXT_QUANTITY_MAX];
    printf("\nroot\n");
    printf("  path             %s\n", cli_root(arguments));
    printf("  file system      %s, %s free of %s\n",
           info->root.is_there ? info->root.filesystem : "none",
           text_bytes(info->root.free_bytes, unused), text_bytes(info->root.total_bytes, total));
    if (info->status != RENOIR_SUCCESS) {
        printf("  not usable       %s\n", renoir_last_error_message());
        return;
    }
    printf("  nodes            %zu, this command included\n", info->node_count);
    printf("  regions          %zu, %s in all\n", info->region_count,
           text_bytes(info->region_bytes, bytes));
}

CliExit cli_run_info(const Arguments *arguments)
{
    static Info info;
    machine_facts(&info.facts);
    machine_root(cli_root(arguments), &info.root);
    info.feature_count = machine_features(cli_root(arguments), info.features);
    look_below_root(arguments, &info);
    if (cli_is_set(arguments, OPTION_JSON)) {
        show_json(arguments, &info);
    } else {
        printf("Renoir %s  (%s, %s, %zu bits, %s)\n", renoir_version_string(), build_kind(),
               compiler(), sizeof(void *) * 8, c_library());
        show_features(&info);
        show_machine(&info);
        show_limits();
        show_root(arguments, &info);
    }
    return info.status == RENOIR_SUCCESS ? CLI_DONE : CLI_FAILED;
}
