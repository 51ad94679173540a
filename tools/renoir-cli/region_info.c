// SPDX-License-Identifier: MIT OR Apache-2.0
//
// region info: one region, its objects, who holds it, and whether its invariants hold.

#include "cli.h"
#include "region_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

enum { REPORT_MAX = 1024, OBJECTS_MAX = 65536 };

typedef struct RegionView {
    RenoirManagerHandle manager;
    RenoirRegionHandle region;
    RenoirRegionInfo info;
    RenoirRegionStats stats;
    RenoirObjectInfo *objects;
    size_t object_count;
    RenoirHoldInfo *holds; // of all nodes on all regions: filtered when shown
    size_t hold_count;
    RenoirNodeInfo *nodes;
    size_t node_count;
    uint64_t own_node;
    bool is_sound;
    char report[REPORT_MAX];
} RegionView;

static RenoirErrorCode take_objects(RegionView *view)
{
    size_t count = 0;
    RenoirErrorCode status = renoir_region_objects(view->region, NULL, 0, &count);
    if (status != RENOIR_SUCCESS || count == 0 || count > OBJECTS_MAX) {
        return status;
    }
    view->objects = calloc(count, sizeof *view->objects);
    if (view->objects == NULL) {
        return RENOIR_OUT_OF_MEMORY;
    }
    size_t now_count = 0;
    status = renoir_region_objects(view->region, view->objects, count, &now_count);
    view->object_count = now_count < count ? now_count : count;
    return status;
}

static RenoirErrorCode take_holds(RegionView *view)
{
    size_t count = 0;
    RenoirErrorCode status = renoir_node_holds(view->manager, 0, NULL, 0, &count);
    if (status != RENOIR_SUCCESS || count == 0) {
        return status;
    }
    view->holds = calloc(count, sizeof *view->holds);
    if (view->holds == NULL) {
        return RENOIR_OUT_OF_MEMORY;
    }
    size_t now_count = 0;
    status = renoir_node_holds(view->manager, 0, view->holds, count, &now_count);
    view->hold_count = now_count < count ? now_count : count;
    return status;
}

static RenoirErrorCode look(const Arguments *arguments, RegionView *view)
{
    RenoirNodeInfo self;
    RenoirRegionOptions options = renoir_region_options_default();
    options.flags = RENOIR_REGION_READ_ONLY;
    RenoirErrorCode status = cli_join(arguments, &view->manager);
    if (status == RENOIR_SUCCESS) {
        status = renoir_region_open(view->manager, arguments->name, &options, &view->region);
    }
    if (status == RENOIR_SUCCESS) {
        status = renoir_region_describe(view->region, &view->info);
    }
    if (status == RENOIR_SUCCESS) {
        status = renoir_region_stats(view->region, &view->stats);
    }
    if (status == RENOIR_SUCCESS) {
        status = take_objects(view);
    }
    if (status == RENOIR_SUCCESS) {
        status = take_holds(view);
    }
    if (status == RENOIR_SUCCESS) {
        status = cli_nodes(view->manager, &view->nodes, &view->node_count);
    }
    if (status == RENOIR_SUCCESS) {
        status = renoir_node_self(view->manager, &self);
        view->own_node = self.node_id;
    }
    if (status == RENOIR_SUCCESS) {
        view->is_sound =
            renoir_region_verify(view->region, view->report, sizeof view->report) == RENOIR_SUCCESS;
    }
    return status;
}

static const RenoirNodeInfo *node_of(const RegionView *view, uint64_t node_id)
{
    for (size_t i = 0; i < view->node_count; i++) {
        if (view->nodes[i].node_id == node_id) {
            return &view->nodes[i];
        }
    }
    return NULL;
}

// Other processes' holds on this region; ours ends with this command.
static bool is_shown(const RegionView *view, const RenoirHoldInfo *hold)
{
    return hold->node_id != view->own_node && strcmp(hold->object, view->info.name) == 0;
}

static void show_json(const RegionView *view)
{
    Json json;
    json_init(&json, stdout);
    json_object(&json, NULL);
    region_json_facts(&json, &view->info);
    json_string(&json, "path", renoir_region_path(view->region));
    json_unsigned(&json, "used_bytes", view->stats.used_size);
    json_unsigned(&json, "free_bytes", view->stats.free_size);
    json_double(&json, "fragmentation", view->stats.fragmentation_ratio);
    json_boolean(&json, "sound", view->is_sound);
    json_string(&json, "damage", view->is_sound ? NULL : view->report);
    json_array(&json, "objects");
    for (size_t i = 0; i < view->object_count; i++) {
        json_object(&json, NULL);
        json_string(&json, "name", view->objects[i].name);
        json_string(&json, "kind", view->objects[i].kind);
        json_unsigned(&json, "offset", view->objects[i].offset);
        json_unsigned(&json, "size_bytes", view->objects[i].size_bytes);
        json_close(&json);
    }
    json_close(&json);
    json_array(&json, "users");
    for (size_t i = 0; i < view->hold_count; i++) {
        const RenoirNodeInfo *node = node_of(view, view->holds[i].node_id);
        if (is_shown(view, &view->holds[i])) {
            char id[32];
            snprintf(id, sizeof id, "%016" PRIx64, view->holds[i].node_id);
            json_object(&json, NULL);
            json_string(&json, "node", id);
            json_string(&json, "name", node != NULL ? node->name : NULL);
            json_signed(&json, "pid", node != NULL ? node->pid : 0);
            json_close(&json);
        }
    }
    json_close(&json);
    json_close(&json);
}

static void show_objects(const RegionView *view)
{
    static const char *const headings[] = {"  OBJECT", "KIND", ">OFFSET", ">SIZE"};
    TextTable table;
    text_table_init(&table, headings, sizeof headings / sizeof headings[0]);
    for (size_t i = 0; i < view->object_count; i++) {
        char safe[4 * RENOIR_OBJECT_NAME_MAX + 3] = "  ";
        char text[TEXT_QUANTITY_MAX];
        text_safe(view->objects[i].name, safe + 2, sizeof safe - 2);
        text_table_add(&table, safe);
        text_table_add(&table, view->objects[i].kind);
        snprintf(text, sizeof text, "%" PRIu64, view->objects[i].offset);
        text_table_add(&table, text);
        text_table_add(&table, text_bytes(view->objects[i].size_bytes, text));
    }
    text_table_print(&table, stdout);
}

static void show_text(const RegionView *view)
{
    char text[TEXT_QUANTITY_MAX];
    char safe[4 * RENOIR_NAME_MAX + 1];
    const uint32_t flags = view->info.flags;
    printf("region     %s\n", text_safe(view->info.name, safe, sizeof safe));
    printf("backing    %s  %s\n", cli_backing_name(view->info.backing_type),
           renoir_region_path(view->region));
    printf("size       %s (%" PRIu64 " bytes)\n", text_bytes(view->info.size_bytes, text),
           view->info.size_bytes);
    printf("used       %s\n", text_bytes(view->stats.used_size, text));
    printf("free       %s\n", text_bytes(view->stats.free_size, text));
    printf("created    %s\n", text_date(view->info.created_ns, text));
    printf("kept       %s\n",
           (flags & RENOIR_REGION_PERSISTENT) != 0 ? "until removed" : "while it has users");
    printf("sound      %s\n", view->is_sound ? "yes" : text_safe(view->report, safe, sizeof safe));
    printf("objects    %zu\n", view->object_count);
    if (view->object_count > 0) {
        show_objects(view);
    }
    size_t user_count = 0;
    for (size_t i = 0; i < view->hold_count; i++) {
        user_count += is_shown(view, &view->holds[i]) ? 1 : 0;
    }
    printf("users      %zu\n", user_count);
    for (size_t i = 0; i < view->hold_count; i++) {
        const RenoirNodeInfo *node = node_of(view, view->holds[i].node_id);
        if (is_shown(view, &view->holds[i]) && node != NULL) {
            printf("  %s  pid %" PRId64 "\n", text_safe(node->name, safe, sizeof safe), node->pid);
        }
    }
}

CliExit cli_run_region_info(const Arguments *arguments)
{
    static RegionView view;
    CliExit exit = CLI_DONE;
    const RenoirErrorCode status = look(arguments, &view);
    if (status != RENOIR_SUCCESS) {
        exit = cli_fail_status(arguments, status);
    } else {
        if (cli_is_set(arguments, OPTION_JSON)) {
            show_json(&view);
        } else {
            show_text(&view);
        }
        exit = view.is_sound ? CLI_DONE : CLI_FAILED;
    }
    free(view.objects);
    free(view.holds);
    free(view.nodes);
    renoir_region_close(view.region);
    renoir_manager_destroy(view.manager);
    return exit;
}
