// SPDX-License-Identifier: MIT OR Apache-2.0
//
// clean: says what dead processes left, and has the library remove it.
//
// Joining a root already removes what the dead left there. To be able to say what that is, or only
// to say it, everything unused is pinned while this process joins and looks.

#include "cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "machine.h"
#include "text.h"

typedef struct Leftovers {
    RenoirManagerHandle manager;
    RenoirNodeInfo *nodes;
    size_t node_count;
    RenoirRegionInfo *regions;
    size_t region_count;
    RenoirReapReport report;
} Leftovers;

static size_t keep_dead_nodes(RenoirNodeInfo *infos, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (infos[i].is_alive == 0) {
            infos[kept++] = infos[i];
        }
    }
    return kept;
}

static size_t keep_unused_regions(RenoirRegionInfo *infos, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (infos[i].process_count == 0 && (infos[i].flags & RENOIR_REGION_PERSISTENT) == 0) {
            infos[kept++] = infos[i];
        }
    }
    return kept;
}

static RenoirErrorCode look(const Arguments *arguments, Leftovers *leftovers)
{
    char folder[MACHINE_PATH_MAX];
    snprintf(folder, sizeof folder, "%s/renoir", cli_root(arguments));
    MachinePins *pins = machine_pin(folder);
    if (pins == NULL) {
        return RENOIR_OUT_OF_MEMORY;
    }
    RenoirErrorCode status = cli_join(arguments, &leftovers->manager);
    if (status == RENOIR_SUCCESS) {
        status = cli_nodes(leftovers->manager, &leftovers->nodes, &leftovers->node_count);
    }
    if (status == RENOIR_SUCCESS) {
        status = cli_regions(leftovers->manager, &leftovers->regions, &leftovers->region_count);
    }
    machine_unpin(pins);
    leftovers->node_count = keep_dead_nodes(leftovers->nodes, leftovers->node_count);
    leftovers->region_count = keep_unused_regions(leftovers->regions, leftovers->region_count);
    return status;
}

static void show_json(const Arguments *arguments, const Leftovers *leftovers)
{
    Json json;
    json_init(&json, stdout);
    json_object(&json, NULL);
    json_boolean(&json, "dry_run", cli_is_set(arguments, OPTION_DRY_RUN));
    json_string(&json, "root", cli_root(arguments));
    json_array(&json, "nodes");
    for (size_t i = 0; i < leftovers->node_count; i++) {
        char id[32];
        snprintf(id, sizeof id, "%016" PRIx64, leftovers->nodes[i].node_id);
        json_object(&json, NULL);
        json_string(&json, "node", id);
        json_string(&json, "name", leftovers->nodes[i].name);
        json_signed(&json, "pid", leftovers->nodes[i].pid);
        json_close(&json);
    }
    json_close(&json);
    json_array(&json, "regions");
    for (size_t i = 0; i < leftovers->region_count; i++) {
        json_object(&json, NULL);
        json_string(&json, "name", leftovers->regions[i].name);
        json_unsigned(&json, "size_bytes", leftovers->regions[i].size_bytes);
        json_close(&json);
    }
    json_close(&json);
    json_object(&json, "removed");
    json_unsigned(&json, "node_count", leftovers->report.node_count);
    json_unsigned(&json, "object_count", leftovers->report.object_count);
    json_unsigned(&json, "hold_count", leftovers->report.hold_count);
    json_unsigned(&json, "bytes", leftovers->report.bytes);
    json_close(&json);
    json_close(&json);
}

static void show_text(const Arguments *arguments, const Leftovers *leftovers)
{
    const bool is_dry = cli_is_set(arguments, OPTION_DRY_RUN);
    const char *verb = is_dry ? "would remove" : "removed";
    char safe[4 * RENOIR_NAME_MAX + 1];
    char text[TEXT_QUANTITY_MAX];
    for (size_t i = 0; i < leftovers->node_count; i++) {
        printf("%s node    %s (was pid %" PRId64 ")\n", verb,
               text_safe(leftovers->nodes[i].name, safe, sizeof safe), leftovers->nodes[i].pid);
    }
    for (size_t i = 0; i < leftovers->region_count; i++) {
        printf("%s region  %s (%s)\n", verb,
               text_safe(leftovers->regions[i].name, safe, sizeof safe),
               text_bytes(leftovers->regions[i].size_bytes, text));
    }
    const RenoirReapReport *report = &leftovers->report;
    if (is_dry && leftovers->node_count + leftovers->region_count == 0) {
        printf("nothing to remove below %s\n", cli_root(arguments));
    } else if (!is_dry && report->node_count + report->object_count + report->hold_count == 0) {
        printf("nothing was left to remove below %s\n", cli_root(arguments));
    } else if (!is_dry) {
        printf("in all: %" PRIu64 " nodes, %" PRIu64 " objects, %s given back\n",
               report->node_count, report->object_count, text_bytes(report->bytes, text));
    }
}

CliExit cli_run_clean(const Arguments *arguments)
{
    Leftovers leftovers;
    CliExit exit = CLI_DONE;
    memset(&leftovers, 0, sizeof leftovers);
    RenoirErrorCode status = look(arguments, &leftovers);
    if (status == RENOIR_SUCCESS && !cli_is_set(arguments, OPTION_DRY_RUN)) {
        status = renoir_node_reap(leftovers.manager, &leftovers.report);
    }
    if (status != RENOIR_SUCCESS) {
        exit = cli_fail_status(arguments, status);
    } else if (cli_is_set(arguments, OPTION_JSON)) {
        show_json(arguments, &leftovers);
    } else {
        show_text(arguments, &leftovers);
    }
    free(leftovers.nodes);
    free(leftovers.regions);
    renoir_manager_destroy(leftovers.manager);
    return exit;
}
