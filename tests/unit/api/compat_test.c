// SPDX-License-Identifier: MIT OR Apache-2.0
// The published older forms, called as programs of that time call them.

#include "renoir/compat.h"

#include "harness/test.h"
#include "renoir.h"

TEST(compat, a_region_is_created_with_two_or_with_three_arguments, "R-023 R-024 T-117 ffi")
{
    RenoirRegionConfig config = renoir_region_config_default();
    RenoirManagerHandle manager = renoir_manager_create();
    RenoirRegionHandle by_two = NULL;
    RenoirRegionHandle by_three = NULL;
    RenoirRegionInfo info;
    config.name = "sensors";
    config.size = 4096;

    CHECK_OK(renoir_region_create(&config, &by_two));
    CHECK_OK(renoir_region_create(manager, &config, &by_three));

    CHECK_OK(renoir_region_describe(by_three, &info));
    CHECK_STR("sensors", info.name);
    CHECK_EQ_U64(1, info.process_count); // the same region, open twice in one process
    renoir_region_close(by_two);
    renoir_region_close(by_three);
    CHECK_OK(renoir_manager_destroy(manager));
}

TEST(compat, freeing_a_string_of_the_library_does_nothing, "R-011 T-079 ffi")
{
    const char *version = renoir_version_string();

    renoir_free_string(version);

    CHECK_STR("0.1.0", version);
}
