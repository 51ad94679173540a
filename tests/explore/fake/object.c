// SPDX-License-Identifier: MIT OR Apache-2.0
//
// A region, its objects by name, and their roles.
//
// A role is a lock of the kernel: taking, releasing, dropping at death and asking are one step
// each, and who takes a role, or finds it free, sees all that its last holder did, for the kernel's
// lock orders the two.

#include "memory/object.h"

#include <string.h>

#include "engine.h"
#include "fake/fake.h"
#include "memory/region.h"

enum { OBJECTS_MAX = 4, ROLES_MAX = RNR_ROLE_INDEX_MAX + 1, NOBODY = 0 };
enum { AS_HOLDER, AS_HELPER };

typedef struct Role {
    unsigned holder;  // process + 1
    unsigned helpers; // a bit per process that keeps others from taking it
    View left;        // what its holders and helpers had seen when they released it
} Role;

typedef struct Object {
    RnrObject found;
    Role roles[ROLES_MAX];
} Object;

struct RenoirRegion {
    int unused;
};

static struct RenoirRegion the_region;
static Object objects[OBJECTS_MAX];
static unsigned object_count;

void fake_objects_begin(void)
{
    for (unsigned i = 0; i < object_count; ++i) {
        memset(&objects[i], 0, sizeof objects[i]);
    }
    object_count = 0;
}

// --- the region ----------------------------------------------------------------------------------

struct RenoirRegion *explore_region(void)
{
    return &the_region;
}

RnrRegion *rnr_region_retain(RnrRegion *region)
{
    return region;
}

void rnr_region_release(RnrRegion *region)
{
    (void)region;
}

const char *rnr_region_name(const RnrRegion *region)
{
    (void)region;
    return "explored";
}

struct RnrNode *rnr_region_node(const RnrRegion *region)
{
    (void)region;
    return NULL;
}

uint64_t rnr_region_node_id(const RnrRegion *region)
{
    (void)region;
    return explore_self() + UINT64_C(1);
}

void rnr_region_describe_node(const RnrRegion *region, uint64_t node_id, char *text, size_t size)
{
    (void)region;
    (void)node_id;
    if (size > 0) {
        text[0] = '\0';
    }
}

bool rnr_region_is_read_only(const RnrRegion *region)
{
    (void)region;
    return false;
}

RenoirErrorCode rnr_region_check(const RnrRegion *region)
{
    (void)region;
    return RENOIR_SUCCESS;
}

bool rnr_region_is_lost(const RnrRegion *region)
{
    (void)region;
    return false;
}

bool rnr_region_is_whole(const RnrRegion *region)
{
    (void)region;
    return true;
}

// --- objects -------------------------------------------------------------------------------------

static Object *find(const char *name)
{
    for (unsigned i = 0; i < object_count; ++i) {
        if (strcmp(objects[i].found.name, name) == 0) {
            return &objects[i];
        }
    }
    return NULL;
}

static Object *make(RnrRegion *region, const RnrObjectSpec *spec)
{
    Object *const object = &objects[object_count];

    if (object_count == OBJECTS_MAX || engine.running >= 0) {
        explore_fail("object '%s' would be made while exploring", spec->name);
    }
    ++object_count;
    object->found.region = region;
    object->found.size_bytes = spec->size_bytes;
    object->found.memory = memory_take(spec->size_bytes);
    object->found.number = object_count;
    strncpy(object->found.name, spec->name, sizeof object->found.name - 1);
    return object;
}

RenoirErrorCode rnr_object_open(RnrRegion *region, const RnrObjectSpec *spec, RnrObject *out_object)
{
    Object *object = find(spec->name);

    if (object != NULL) {
        *out_object = object->found;
        return spec->match == NULL
                   ? RENOIR_SUCCESS
                   : spec->match(object->found.memory, object->found.size_bytes, spec->terms);
    }
    if (spec->find_only) {
        return RENOIR_NOT_FOUND;
    }
    object = make(region, spec);
    *out_object = object->found;
    out_object->is_created = true;
    return spec->format == NULL
               ? RENOIR_SUCCESS
               : spec->format(object->found.memory, object->found.size_bytes, spec->terms);
}

void rnr_object_close(RnrObject *object)
{
    memset(object, 0, sizeof *object);
}

RenoirErrorCode rnr_object_destroy(RnrObject *object)
{
    rnr_object_close(object);
    return RENOIR_SUCCESS;
}

// --- roles ---------------------------------------------------------------------------------------

static Role *role_of(const RnrObject *object, uint32_t index)
{
    return &find(object->name)->roles[index];
}

static Object *find_of(const Role *role)
{
    return &objects[((uintptr_t)role - (uintptr_t)objects) / sizeof objects[0]];
}

static bool is_held(const Role *role)
{
    return role->holder != NOBODY && !explore_has_died(role->holder - 1);
}

// A helper's lock goes with it, like any.
static bool is_held_off(const Role *role)
{
    for (unsigned i = 0; i < engine.process_count; ++i) {
        if ((role->helpers >> i & 1) != 0 && !explore_has_died(i)) {
            return true;
        }
    }
    return false;
}

static void see_the_last(const Role *role)
{
    if (engine.running < 0) {
        return;
    }
    memory_see((unsigned)engine.running, &role->left);
    for (unsigned i = 0; i < engine.process_count; ++i) {
        if (role->holder == i + 1 || ((role->helpers >> i & 1) != 0 && explore_has_died(i))) {
            memory_see((unsigned)engine.running, &engine.processes[i].knows.now);
        }
    }
}

RenoirErrorCode rnr_role_take(const RnrObject *object, uint32_t index, RnrRole *out_role)
{
    process_point("role");
    Role *const role = role_of(object, index);

    if (is_held(role) || is_held_off(role)) {
        TRACE("role %u is taken", index);
        return RENOIR_LIMIT_REACHED;
    }
    TRACE("takes role %u", index);
    see_the_last(role);
    role->holder = explore_self() + 1;
    out_role->lock = (RnrLock){.page = role, .generation = AS_HOLDER};
    process_changed();
    return RENOIR_SUCCESS;
}

RenoirErrorCode rnr_role_hold_off(const RnrObject *object, uint32_t index, RnrRole *out_hold)
{
    process_point("role");
    Role *const role = role_of(object, index);

    if (is_held(role)) {
        TRACE("role %u is alive", index);
        return RENOIR_CONCURRENCY_ERROR;
    }
    TRACE("holds role %u off", index);
    see_the_last(role);
    role->helpers |= 1u << explore_self();
    out_hold->lock = (RnrLock){.page = role, .generation = AS_HELPER};
    return RENOIR_SUCCESS;
}

void rnr_role_release(RnrRole *held)
{
    Role *const role = (Role *)held->lock.page;

    if (role == NULL) {
        return;
    }
    process_point("role");
    TRACE("releases role %u", (unsigned)(role - find_of(role)->roles));
    if (engine.running >= 0) {
        memory_join(&role->left, &engine.processes[engine.running].knows.now);
    }
    if (held->lock.generation == AS_HOLDER) {
        role->holder = NOBODY;
    } else {
        role->helpers &= ~(1u << explore_self());
    }
    memset(held, 0, sizeof *held);
    process_changed();
}

bool rnr_role_is_alive(const RnrObject *object, uint32_t index)
{
    process_point("role");
    Role *const role = role_of(object, index);
    const bool is_alive = is_held(role);

    TRACE("role %u is %s", index, is_alive ? "alive" : "free");
    if (!is_alive) {
        see_the_last(role);
    }
    return is_alive;
}
