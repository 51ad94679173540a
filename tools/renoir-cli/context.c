// SPDX-License-Identifier: MIT OR Apache-2.0
//
// What most commands begin with: reading their options, joining the root, taking snapshots of it.

#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool cli_is_set(const Arguments *arguments, OptionId id)
{
    return arguments->options[id].is_set;
}

uint64_t cli_number(const Arguments *arguments, OptionId id, uint64_t otherwise)
{
    return arguments->options[id].is_set ? arguments->options[id].number : otherwise;
}

const char *cli_text(const Arguments *arguments, OptionId id)
{
    return arguments->options[id].is_set ? arguments->options[id].text : NULL;
}

void cli_command_name(const CommandSpec *command, char *name, size_t size)
{
    snprintf(name, size, "%s%s%s", command->noun, command->verb != NULL ? " " : "",
             command->verb != NULL ? command->verb : "");
}

const char *cli_root(const Arguments *arguments)
{
    const char *root = cli_text(arguments, OPTION_ROOT);
    if (root == NULL) {
        root = getenv("RENOIR_SHM_PATH");
    }
    return root != NULL && root[0] != '\0' ? root : "/dev/shm";
}

RenoirErrorCode cli_join(const Arguments *arguments, RenoirManagerHandle *out_manager)
{
    char name[RENOIR_NAME_MAX + 1];
    char command[64];
    RenoirManagerOptions options = renoir_manager_options_default();
    cli_command_name(arguments->command, command, sizeof command);
    snprintf(name, sizeof name, "renoir-cli %s", command);
    options.root = cli_text(arguments, OPTION_ROOT);
    options.node_name = name;
    return renoir_manager_create_with(&options, out_manager);
}

typedef RenoirErrorCode
ListFunction(RenoirManagerHandle manager, void *infos, size_t capacity, size_t *out_count);

static RenoirErrorCode
list_nodes(RenoirManagerHandle manager, void *infos, size_t capacity, size_t *out_count)
{
    return renoir_node_list(manager, infos, capacity, out_count);
}

static RenoirErrorCode
list_regions(RenoirManagerHandle manager, void *infos, size_t capacity, size_t *out_count)
{
    return renoir_region_list(manager, infos, capacity, out_count);
}

// What came or went between two looks is none of our concern, but a list that grew must not be cut
// short: look again with more room. NULL unless it succeeds; free() it.
static void *list_all(RenoirManagerHandle manager,
                      ListFunction *list,
                      size_t info_size,
                      size_t *out_count,
                      RenoirErrorCode *out_status)
{
    size_t capacity = 16;
    *out_count = 0;
    for (;;) {
        void *infos = calloc(capacity, info_size);
        size_t count = 0;
        if (infos == NULL) {
            *out_status = RENOIR_OUT_OF_MEMORY;
            return NULL;
        }
        *out_status = list(manager, infos, capacity, &count);
        if (*out_status == RENOIR_SUCCESS && count <= capacity) {
            *out_count = count;
            return infos;
        }
        free(infos);
        if (*out_status != RENOIR_SUCCESS) {
            return NULL;
        }
        capacity = count + 16;
    }
}

RenoirErrorCode
cli_nodes(RenoirManagerHandle manager, RenoirNodeInfo **out_infos, size_t *out_count)
{
    RenoirErrorCode status;
    *out_infos = list_all(manager, list_nodes, sizeof **out_infos, out_count, &status);
    return status;
}

RenoirErrorCode
cli_regions(RenoirManagerHandle manager, RenoirRegionInfo **out_infos, size_t *out_count)
{
    RenoirErrorCode status;
    *out_infos = list_all(manager, list_regions, sizeof **out_infos, out_count, &status);
    return status;
}

const char *cli_backing_name(uint32_t backing_type)
{
    switch (backing_type) {
    case RENOIR_BACKING_FILE:
        return "file";
    case RENOIR_BACKING_MEMFD:
        return "memfd";
    case RENOIR_BACKING_POSIX_SHM:
        return "posix";
    default:
        return "unknown";
    }
}
