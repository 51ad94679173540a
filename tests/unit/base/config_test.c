// SPDX-License-Identifier: MIT OR Apache-2.0

#include "base/config.h"

#include <string.h>

#include "harness/test.h"

// Today's struct, the one of the first release, and one of a release to come.
typedef struct Options {
    uint32_t struct_size;
    uint32_t flags;
    uint64_t added;
} Options;

typedef struct OldOptions {
    uint32_t struct_size;
    uint32_t flags;
} OldOptions;

typedef struct NewOptions {
    Options known;
    uint64_t unknown;
} NewOptions;

static RenoirErrorCode import(Options *ours, const void *theirs)
{
    memset(ours, 0xff, sizeof *ours);
    return rnr_config_import(ours, sizeof *ours, sizeof(OldOptions), theirs, "Options");
}

TEST(config, no_options_are_the_defaults, "R-006 ffi")
{
    Options ours;

    CHECK_OK(import(&ours, NULL));

    CHECK_EQ_U64(0, ours.flags);
    CHECK_EQ_U64(0, ours.added);
}

TEST(config, options_of_today_are_taken_as_they_are, "R-006 T-081 ffi")
{
    Options ours;
    const Options theirs = {.struct_size = sizeof theirs, .flags = 3, .added = 5};

    CHECK_OK(import(&ours, &theirs));

    CHECK_EQ_U64(3, ours.flags);
    CHECK_EQ_U64(5, ours.added);
}

TEST(config, what_an_older_caller_does_not_know_is_zero, "R-006 ffi")
{
    Options ours;
    const OldOptions theirs = {.struct_size = sizeof theirs, .flags = 3};

    CHECK_OK(import(&ours, &theirs));

    CHECK_EQ_U64(3, ours.flags);
    CHECK_EQ_U64(0, ours.added);
    CHECK_EQ_U64(sizeof ours, ours.struct_size);
}

TEST(config, a_newer_caller_that_sets_nothing_new_is_served, "R-006 ffi")
{
    Options ours;
    const NewOptions theirs = {.known = {.struct_size = sizeof theirs, .added = 5}};

    CHECK_OK(import(&ours, &theirs));

    CHECK_EQ_U64(5, ours.added);
}

TEST(config, a_newer_caller_that_sets_something_new_is_refused, "R-006 T-081 ffi")
{
    Options ours;
    const NewOptions theirs = {.known = {.struct_size = sizeof theirs}, .unknown = 1};

    CHECK_STATUS(RENOIR_UNSUPPORTED, import(&ours, &theirs));

    CHECK_STR_CONTAINS("Options", renoir_last_error_message());
}

TEST(config, a_size_that_no_release_had_is_refused, "R-006 ffi")
{
    Options ours;
    Options theirs = {.struct_size = 0};

    CHECK_STATUS(RENOIR_INVALID_PARAMETER, import(&ours, &theirs));
    CHECK_STR_CONTAINS("struct_size is 0", renoir_last_error_message());
    theirs.struct_size = sizeof(OldOptions) - 1;
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, import(&ours, &theirs));
    theirs.struct_size = UINT32_MAX;
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, import(&ours, &theirs));
}

TEST(config, unknown_flags_are_refused_and_named, "T-081 ffi")
{
    CHECK_OK(rnr_config_check_flags(3, 7, "Options"));

    CHECK_STATUS(RENOIR_UNSUPPORTED, rnr_config_check_flags(0x13, 7, "Options"));
    CHECK_STR_CONTAINS("0x10", renoir_last_error_message());
}
