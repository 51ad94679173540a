// SPDX-License-Identifier: MIT OR Apache-2.0
//
// What a user of the installed library builds: it makes a region, fills it, and removes it.

#include <renoir.h>
#include <stdio.h>

int main(void)
{
    RenoirRegionHandle region = NULL;
    RenoirRegionConfig config = renoir_region_config_default();
    config.name = "consumer";
    config.size = 65536;
    config.create = true;

    if (renoir_region_create(NULL, &config, &region) != RENOIR_SUCCESS) {
        fprintf(stderr, "%s\n", renoir_last_error_message());
        return 1;
    }
    size_t size = 0;
    if (renoir_region_info(region, NULL, &size, NULL) != RENOIR_SUCCESS ||
        renoir_region_destroy(region) != RENOIR_SUCCESS) {
        fprintf(stderr, "%s\n", renoir_last_error_message());
        return 1;
    }
    printf("renoir %s, region of %zu bytes\n", renoir_version_string(), size);
    return size >= 65536 ? 0 : 1;
}
