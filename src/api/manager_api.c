// SPDX-License-Identifier: MIT OR Apache-2.0
// api/manager_api.c: managers and nodes at the border.

#include <pthread.h>
#include <string.h>

#include "api/handles.h"
#include "base/config.h"
#include "base/environment.h"
#include "base/text.h"
#include "layout/region_shm.h"
#include "memory/region_view.h"
#include "platform/file.h"
#include "reap/reap.h"
#include "renoir/manager.h"
#include "renoir/node.h"

// Once, because any thread may come first.
static void choose_sweep(void)
{
    rnr_manager_set_sweep(rnr_reap_quietly);
}

static pthread_once_t sweep_once = PTHREAD_ONCE_INIT;

RenoirErrorCode rnr_api_manager(RenoirManagerHandle handle, RnrManager **out_manager)
{
    (void)pthread_once(&sweep_once, choose_sweep);
    return rnr_manager_of(handle, out_manager);
}

static RenoirErrorCode check_node_name(const char *name)
{
    const char *reason = NULL;
    if (name != NULL && !rnr_text_is_name(name, RENOIR_NAME_MAX, &reason)) {
        return RNR_FAIL(RENOIR_INVALID_PARAMETER, "RenoirManagerOptions.node_name is refused: %s",
                        reason);
    }
    return RENOIR_SUCCESS;
}

enum { ROOT_SIZE = 2048 };

RenoirErrorCode renoir_manager_create_with(const RenoirManagerOptions *options,
                                           RenoirManagerHandle *out_manager)
{
    RenoirManagerOptions ours;
    RNR_REQUIRE(out_manager);
    *out_manager = NULL;
    RenoirErrorCode status =
        rnr_config_import(&ours, sizeof ours, sizeof ours, options, "RenoirManagerOptions");
    if (status == RENOIR_SUCCESS) {
        status = rnr_config_check_flags(ours.flags, 0, "RenoirManagerOptions.flags");
    }
    if (status == RENOIR_SUCCESS) {
        status = check_node_name(ours.node_name);
    }
    if (status == RENOIR_SUCCESS && ours.root == NULL) {
        status = rnr_environment_shm_path(&ours.root);
    }
    if (status != RENOIR_SUCCESS) {
        return status;
    }
    (void)pthread_once(&sweep_once, choose_sweep);
    char root[ROOT_SIZE];
    status = rnr_path_make_absolute(ours.root, root, sizeof root);
    return status == RENOIR_SUCCESS ? rnr_manager_create(root, ours.node_name, out_manager)
                                    : status;
}

RenoirManagerHandle renoir_manager_create(void)
{
    RenoirManagerHandle manager = NULL;
    return renoir_manager_create_with(NULL, &manager) == RENOIR_SUCCESS ? manager : NULL;
}

RenoirErrorCode renoir_manager_destroy(RenoirManagerHandle manager)
{
    return manager == NULL ? RENOIR_SUCCESS : rnr_manager_destroy(manager);
}

RenoirErrorCode renoir_node_self(RenoirManagerHandle manager, RenoirNodeInfo *out_info)
{
    RnrManager *ours = NULL;
    RNR_REQUIRE(out_info);
    memset(out_info, 0, sizeof *out_info);
    const RenoirErrorCode status = rnr_api_manager(manager, &ours);
    return status != RENOIR_SUCCESS ? status : rnr_node_read_self(rnr_manager_node(ours), out_info);
}

typedef struct NodeList {
    RenoirNodeInfo *infos;
    size_t capacity, count;
} NodeList;

static bool add_node(const RenoirNodeInfo *info, void *context)
{
    NodeList *list = context;
    if (list->count < list->capacity) {
        list->infos[list->count] = *info;
    }
    list->count += 1;
    return true;
}

RenoirErrorCode renoir_node_list(RenoirManagerHandle manager,
                                 RenoirNodeInfo *infos,
                                 size_t capacity,
                                 size_t *out_count)
{
    RnrManager *ours = NULL;
    NodeList list = {.infos = infos, .capacity = infos == NULL ? 0 : capacity};
    RNR_REQUIRE(out_count);
    *out_count = 0;
    RenoirErrorCode status = rnr_api_manager(manager, &ours);
    if (status == RENOIR_SUCCESS) {
        status = rnr_node_visit(rnr_manager_node(ours), add_node, &list);
    }
    *out_count = status == RENOIR_SUCCESS ? list.count : 0;
    return status;
}

typedef struct HoldList {
    RenoirHoldInfo *infos;
    size_t capacity, count;
    uint64_t node_id; // 0: every node
    const RenoirRegionInfo *region;
} HoldList;

static void add_hold(uint64_t node_id, uint64_t since_ns, void *context)
{
    HoldList *list = context;
    if (list->node_id != 0 && list->node_id != node_id) {
        return;
    }
    if (list->count < list->capacity) {
        RenoirHoldInfo *info = &list->infos[list->count];
        memset(info, 0, sizeof *info);
        info->node_id = node_id;
        info->since_ns = since_ns;
        info->size_bytes = list->region->size_bytes;
        (void)rnr_text_copy(info->object, sizeof info->object, list->region->name);
    }
    list->count += 1;
}

static bool add_holds(const RnrSite *site, int fd, const RenoirRegionInfo *info, void *context)
{
    HoldList *list = context;
    (void)site;
    list->region = info;
    rnr_region_visit_users(fd, add_hold, list);
    return true;
}

RenoirErrorCode renoir_node_holds(RenoirManagerHandle manager,
                                  uint64_t node_id,
                                  RenoirHoldInfo *infos,
                                  size_t capacity,
                                  size_t *out_count)
{
    RnrManager *ours = NULL;
    HoldList list = {.infos = infos, .capacity = infos == NULL ? 0 : capacity, .node_id = node_id};
    RNR_REQUIRE(out_count);
    *out_count = 0;
    RenoirErrorCode status = rnr_api_manager(manager, &ours);
    if (status == RENOIR_SUCCESS) {
        status = rnr_region_visit(rnr_manager_node(ours), add_holds, &list);
    }
    *out_count = status == RENOIR_SUCCESS ? list.count : 0;
    return status;
}

RenoirErrorCode renoir_node_is_alive(RenoirManagerHandle manager, uint64_t node_id, bool *out_alive)
{
    RnrManager *ours = NULL;
    RNR_REQUIRE(out_alive);
    *out_alive = false;
    const RenoirErrorCode status = rnr_api_manager(manager, &ours);
    if (status == RENOIR_SUCCESS) {
        *out_alive = node_id != 0 && rnr_node_is_alive(rnr_manager_node(ours), node_id);
    }
    return status;
}

RenoirErrorCode renoir_node_reap(RenoirManagerHandle manager, RenoirReapReport *out_report)
{
    RnrManager *ours = NULL;
    RenoirReapReport report;
    memset(&report, 0, sizeof report);
    RenoirErrorCode status = rnr_api_manager(manager, &ours);
    if (status == RENOIR_SUCCESS) {
        status = rnr_reap(rnr_manager_node(ours), &report);
    }
    if (out_report != NULL) {
        *out_report = report;
    }
    return status;
}
