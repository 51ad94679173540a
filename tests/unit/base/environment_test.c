// SPDX-License-Identifier: MIT OR Apache-2.0

#include "base/environment.h"

#include <stdlib.h>

#include "harness/test.h"
#include "renoir/library.h"

TEST(environment, the_root_is_what_the_variable_says, "R-213")
{
    const char *path = NULL;

    setenv("RENOIR_SHM_PATH", "/some/where", 1);
    CHECK_OK(rnr_environment_shm_path(&path));
    CHECK_STR("/some/where", path);

    unsetenv("RENOIR_SHM_PATH");
    CHECK_OK(rnr_environment_shm_path(&path));
    CHECK_STR("/dev/shm", path);
}

TEST(environment, a_root_that_is_no_absolute_path_is_refused_by_name, "R-213 security_edge")
{
    const char *path = "unchanged";

    setenv("RENOIR_SHM_PATH", "some/where", 1);
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, rnr_environment_shm_path(&path));
    CHECK(path == NULL);
    CHECK_STR_CONTAINS("RENOIR_SHM_PATH: 'some/where'", renoir_last_error_message());
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_init());

    setenv("RENOIR_SHM_PATH", "", 1);
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_init());
}

TEST(environment, the_default_alignment_is_64, "R-049 R-213")
{
    uint32_t align = 0;
    unsetenv("RENOIR_DEFAULT_ALIGN");

    CHECK_OK(rnr_environment_default_align(&align));

    CHECK_EQ_U64(64, align);
}

TEST(environment, the_default_alignment_is_what_the_variable_says, "R-049 R-213")
{
    uint32_t align = 0;
    setenv("RENOIR_DEFAULT_ALIGN", "256", 1);

    CHECK_OK(rnr_environment_default_align(&align));
    CHECK_EQ_U64(256, align);

    setenv("RENOIR_DEFAULT_ALIGN", "512", 1); // read once
    CHECK_OK(rnr_environment_default_align(&align));
    CHECK_EQ_U64(256, align);
}

TEST(environment, an_alignment_that_cannot_be_is_refused_by_name, "R-049 R-213 T-044")
{
    static const char *const values[] = {"",    "0",     "3",  "-64",  "+64",
                                         " 64", "64 ",   "6x", "0x40", "99999999999999999999",
                                         "64k", "131072"};
    uint32_t align = 0;

    for (size_t i = 0; i < sizeof values / sizeof values[0]; ++i) {
        setenv("RENOIR_DEFAULT_ALIGN", values[i], 1);
        CHECK_STATUS(RENOIR_INVALID_PARAMETER, rnr_environment_default_align(&align));
        CHECK_STR_CONTAINS("RENOIR_DEFAULT_ALIGN", renoir_last_error_message());
        CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_init());
    }
}

TEST(environment, initialising_twice_is_fine, "R-008 T-078")
{
    for (int i = 0; i < 100; ++i) {
        CHECK_OK(renoir_init());
    }
}
