// SPDX-License-Identifier: MIT OR Apache-2.0

#include "cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "json.h"
#include "text.h"

static void list_json(const RenoirNodeInfo *infos, size_t count, uint64_t own_id)
{
    Json json;
    json_init(&json, stdout);
    json_object(&json, NULL);
    json_array(&json, "nodes");
    for (size_t i = 0; i < count; i++) {
        char id[32];
        snprintf(id, sizeof id, "%016" PRIx64, infos[i].node_id);
        json_object(&json, NULL);
        json_string(&json, "node", id);
        json_string(&json, "name", infos[i].name);
        json_signed(&json, "pid", infos[i].pid);
        json_boolean(&json, "alive", infos[i].is_alive != 0);
        json_boolean(&json, "self", infos[i].node_id == own_id);
        json_unsigned(&json, "joined_ns", infos[i].joined_ns);
        json_unsigned(&json, "object_count", infos[i].object_count);
        json_close(&json);
    }
    json_close(&json);
    json_close(&json);
}

static bool list_text(const RenoirNodeInfo *infos, size_t count, uint64_t own_id)
{
    static const char *const headings[] = {"NODE", ">PID", "STATE", ">SINCE", ">OBJECTS", "NAME"};
    const uint64_t now_ns = renoir_now_ns();
    TextTable table;
    text_table_init(&table, headings, sizeof headings / sizeof headings[0]);
    for (size_t i = 0; i < count; i++) {
        char safe[4 * RENOIR_NAME_MAX + 1];
        char text[TEXT_QUANTITY_MAX];
        snprintf(text, sizeof text, "%016" PRIx64, infos[i].node_id);
        text_table_add(&table, text);
        snprintf(text, sizeof text, "%" PRId64, infos[i].pid);
        text_table_add(&table, text);
        text_table_add(&table, infos[i].is_alive == 0       ? "dead"
                               : infos[i].node_id == own_id ? "this"
                                                            : "alive");
        const uint64_t age_ns = now_ns > infos[i].joined_ns ? now_ns - infos[i].joined_ns : 0;
        text_table_add(&table, text_clock(age_ns / UINT64_C(1000000000), text));
        snprintf(text, sizeof text, "%" PRIu32, infos[i].object_count);
        text_table_add(&table, text);
        text_table_add(&table, text_safe(infos[i].name, safe, sizeof safe));
    }
    return text_table_print(&table, stdout);
}

CliExit cli_run_node_list(const Arguments *arguments)
{
    RenoirManagerHandle manager = NULL;
    RenoirNodeInfo *infos = NULL;
    RenoirNodeInfo self = {.node_id = 0};
    size_t count = 0;
    CliExit exit = CLI_DONE;
    RenoirErrorCode status = cli_join(arguments, &manager);
    if (status == RENOIR_SUCCESS) {
        status = renoir_node_self(manager, &self);
    }
    if (status == RENOIR_SUCCESS) {
        status = cli_nodes(manager, &infos, &count);
    }
    if (status != RENOIR_SUCCESS) {
        exit = cli_fail_status(arguments, status);
    } else if (cli_is_set(arguments, OPTION_JSON)) {
        list_json(infos, count, self.node_id);
    } else if (!list_text(infos, count, self.node_id)) {
        exit = cli_fail(arguments, CLI_FAILED, "out of memory");
    }
    free(infos);
    renoir_manager_destroy(manager);
    return exit;
}
