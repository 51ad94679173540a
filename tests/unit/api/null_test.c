// SPDX-License-Identifier: MIT OR Apache-2.0
//
// NULL, closed and foreign handles: told apart and refused by every function.

#include <sys/socket.h>

#include "unit/memory/region_fixture.h"

// Something that is no handle, as large as one.
static union NoHandle {
    uint64_t words[4096];
} no_handle;

// Every function that takes a region, with a handle that is none.
static void refuse_region(RenoirRegionHandle region)
{
    const RenoirErrorCode expected = RENOIR_INVALID_PARAMETER;
    const char *name = "untouched";
    size_t size = 7;
    size_t count = 7;
    uint32_t backing = 7;
    uint64_t offset = 7;
    void *memory = &size;
    bool is_created = true;
    char report[64] = "untouched";
    RenoirRegionInfo info;
    RenoirRegionStats stats;
    memset(&info, 0xff, sizeof info);
    memset(&stats, 0xff, sizeof stats);
    CHECK_STATUS(expected, renoir_region_info(region, &name, &size, &backing));
    CHECK(name == NULL && size == 0 && backing == 0);
    CHECK_STATUS(expected, renoir_region_describe(region, &info));
    CHECK(info.size_bytes == 0 && info.name[0] == '\0');
    CHECK(renoir_region_path(region) == NULL);
    CHECK_STATUS(expected, renoir_region_get_ptr(region, &memory, &size));
    CHECK(memory == NULL);
    memory = &size;
    CHECK_STATUS(expected, renoir_region_block(region, "b", 8, 0, &memory, &is_created));
    CHECK(memory == NULL && !is_created);
    CHECK_STATUS(expected, renoir_region_offset(region, &size, &offset));
    CHECK_EQ_U64(0, offset);
    memory = &size;
    CHECK_STATUS(expected, renoir_region_pointer(region, 0, 1, &memory));
    CHECK(memory == NULL);
    CHECK_STATUS(expected, renoir_region_flush(region));
    CHECK_STATUS(expected, renoir_region_stats(region, &stats));
    CHECK_EQ_U64(0, stats.total_size);
    CHECK_STATUS(expected, renoir_region_objects(region, NULL, 0, &count));
    CHECK_EQ_U64(0, count);
    CHECK_STATUS(expected, renoir_region_remove_object(region, "b"));
    CHECK_STATUS(expected, renoir_region_verify(region, report, sizeof report));
    CHECK_STR_CONTAINS("not a region's handle", report);
    CHECK_STATUS(expected, renoir_region_verify(region, NULL, 0));
    CHECK_STATUS(expected, renoir_region_send(region, 0));
    CHECK_EQ_I64(-1, renoir_region_fd(region));
    CHECK_STR_CONTAINS("not a region's handle", renoir_last_error_message());
}

TEST(null, no_function_of_regions_takes_null_for_a_region, "T-086 ffi")
{
    refuse_region(NULL);
    renoir_region_close(NULL);
    CHECK_OK(renoir_region_destroy(NULL));
}

TEST(null, what_is_no_region_is_refused, "T-086 ffi")
{
    refuse_region((RenoirRegionHandle)(void *)&no_handle);
    CHECK_STATUS(RENOIR_INVALID_PARAMETER,
                 renoir_region_destroy((RenoirRegionHandle)(void *)&no_handle));
    renoir_region_close((RenoirRegionHandle)(void *)&no_handle); // does nothing
    RenoirManagerHandle manager = renoir_manager_create();
    REQUIRE(manager != NULL);
    refuse_region((RenoirRegionHandle)(void *)manager); // a handle, but of another kind
    CHECK_OK(renoir_manager_destroy(manager));
}

TEST(null, what_is_no_manager_is_refused, "T-086 ffi")
{
    RenoirManagerHandle wrong = (RenoirManagerHandle)(void *)&no_handle;
    RenoirRegionConfig config = renoir_region_config_default();
    RenoirRegionHandle region = (RenoirRegionHandle)(void *)&no_handle;
    RenoirNodeInfo info;
    RenoirReapReport report;
    size_t count = 7;
    bool is_alive = true;
    config.name = "r";
    config.size = 4096;
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_region_create(wrong, &config, &region));
    CHECK(region == NULL);
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_region_open(wrong, "r", NULL, &region));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_region_open_fd(wrong, 0, NULL, &region));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_region_remove(wrong, "r"));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_region_list(wrong, NULL, 0, &count));
    CHECK_EQ_U64(0, count);
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_node_self(wrong, &info));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_node_list(wrong, NULL, 0, &count));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_node_holds(wrong, 0, NULL, 0, &count));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_node_is_alive(wrong, 1, &is_alive));
    CHECK(!is_alive);
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_node_reap(wrong, &report));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_manager_destroy(wrong));
    CHECK_STR_CONTAINS("not a manager's handle", renoir_last_error_message());
    CHECK_OK(renoir_manager_destroy(NULL));
}

TEST(null, outputs_that_are_needed_may_not_be_null, "T-086 ffi")
{
    const RenoirErrorCode expected = RENOIR_INVALID_PARAMETER;
    RenoirRegionConfig config = renoir_region_config_default();
    RenoirRegionHandle region = fixture_region("r");
    RenoirRegionHandle other = region;
    void *memory = NULL;
    config.size = 4096;
    CHECK_STATUS(expected, renoir_region_create(NULL, &config, &other)); // no name
    CHECK(other == NULL);
    config.name = "x";
    CHECK_STATUS(expected, renoir_region_create(NULL, &config, NULL));
    CHECK_STATUS(expected, renoir_region_create(NULL, NULL, &other));
    CHECK_STATUS(expected, renoir_region_create_with(NULL, NULL, NULL, NULL));
    CHECK_STATUS(expected, renoir_region_open(NULL, NULL, NULL, &other));
    CHECK_STATUS(expected, renoir_region_open(NULL, "r", NULL, NULL));
    CHECK_STATUS(expected, renoir_region_open_fd(NULL, 0, NULL, NULL));
    CHECK_STATUS(expected, renoir_region_receive(NULL, 0, NULL, NULL));
    CHECK_STATUS(expected, renoir_region_remove(NULL, NULL));
    CHECK_STATUS(expected, renoir_region_describe(region, NULL));
    CHECK_STATUS(expected, renoir_region_block(region, NULL, 8, 0, &memory, NULL));
    CHECK_STATUS(expected, renoir_region_block(region, "b", 8, 0, NULL, NULL));
    CHECK_STATUS(expected, renoir_region_offset(region, fixture_bytes(region), NULL));
    CHECK_STATUS(expected, renoir_region_pointer(region, 0, 1, NULL));
    CHECK_STATUS(expected, renoir_region_stats(region, NULL));
    CHECK_STATUS(expected, renoir_region_objects(region, NULL, 0, NULL));
    CHECK_STATUS(expected, renoir_region_remove_object(region, NULL));
    CHECK_STATUS(expected, renoir_region_list(NULL, NULL, 0, NULL));
    CHECK_STATUS(expected, renoir_node_self(NULL, NULL));
    CHECK_STATUS(expected, renoir_node_list(NULL, NULL, 0, NULL));
    CHECK_STATUS(expected, renoir_node_holds(NULL, 0, NULL, 0, NULL));
    CHECK_STATUS(expected, renoir_node_is_alive(NULL, 1, NULL));
    CHECK_STATUS(expected, renoir_manager_create_with(NULL, NULL));
    CHECK_STATUS(expected, renoir_memory_stats(NULL));
    CHECK_STR_CONTAINS("NULL", renoir_last_error_message());
    CHECK_OK(renoir_node_reap(NULL, NULL)); // these may be
    CHECK_OK(renoir_region_get_ptr(region, NULL, NULL));
    CHECK_OK(renoir_region_info(region, NULL, NULL, NULL));
    CHECK_OK(renoir_region_verify(region, NULL, 0));
    renoir_set_log(0, NULL, NULL);
    CHECK_EQ_U64(1, fixture_count("regions"));
    renoir_region_close(region);
}

TEST(null, lists_may_be_null_with_any_capacity, "T-088 ffi")
{
    size_t count = 0;
    RenoirRegionHandle region = fixture_region("r");
    void *memory = NULL;
    CHECK_OK(renoir_region_block(region, "b", 8, 0, &memory, NULL));
    CHECK_OK(renoir_region_list(NULL, NULL, 100, &count));
    CHECK_EQ_U64(1, count);
    CHECK_OK(renoir_region_objects(region, NULL, 100, &count));
    CHECK_EQ_U64(1, count);
    CHECK_OK(renoir_node_list(NULL, NULL, 100, &count));
    CHECK_EQ_U64(1, count);
    CHECK_OK(renoir_node_holds(NULL, 0, NULL, 100, &count));
    CHECK_EQ_U64(1, count);
    renoir_region_close(region);
}

TEST(null, a_report_is_cut_to_the_room_it_has, "T-079 T-088 ffi")
{
    char report[8];
    memset(report, 'x', sizeof report);
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_region_verify(NULL, report, 5));
    CHECK_STR("this", report);
    CHECK(report[5] == 'x');
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_region_verify(NULL, report, 1));
    CHECK(report[0] == '\0' && report[1] == 'h');
    report[0] = 'y';
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_region_verify(NULL, report, 0));
    CHECK(report[0] == 'y');
}

TEST(null, manager_options_are_checked, "R-019 T-081 ffi")
{
    char name[400];
    RenoirManagerOptions options = renoir_manager_options_default();
    RenoirManagerHandle manager = NULL;
    options.flags = 1;
    CHECK_STATUS(RENOIR_UNSUPPORTED, renoir_manager_create_with(&options, &manager));
    options = renoir_manager_options_default();
    options.struct_size = 0;
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_manager_create_with(&options, &manager));
    options = renoir_manager_options_default();
    options.root = "/no/such/root";
    CHECK_STATUS(RENOIR_NOT_FOUND, renoir_manager_create_with(&options, &manager));
    CHECK_STR_CONTAINS("/no/such/root", renoir_last_error_message());
    options = renoir_manager_options_default();
    memset(name, 'n', sizeof name);
    name[256] = '\0';
    options.node_name = name;
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_manager_create_with(&options, &manager));
    options.node_name = "";
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_manager_create_with(&options, &manager));
    options.node_name = "a\n";
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_manager_create_with(&options, &manager));
    CHECK(manager == NULL);
    name[255] = '\0';
    options.node_name = name;
    CHECK_OK(renoir_manager_create_with(&options, &manager));
    RenoirNodeInfo info;
    CHECK_OK(renoir_node_self(manager, &info));
    CHECK_STR(name, info.name);
    CHECK_OK(renoir_manager_destroy(manager));
    REQUIRE(setenv("RENOIR_SHM_PATH", "/no/such/root", 1) == 0);
    CHECK(renoir_manager_create() == NULL);
    CHECK_STATUS(RENOIR_NOT_FOUND, renoir_node_self(NULL, &info));
    REQUIRE(setenv("RENOIR_SHM_PATH", test_root(), 1) == 0);
}
