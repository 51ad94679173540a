// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Each system call fails in turn, at each of its uses, with each of its errors: the cause keeps its
// own code, and nothing is left behind.

#include <sys/resource.h>

#include "unit/memory/region_fixture.h"

typedef struct Failure {
    const char *call;
    int error;
    RenoirErrorCode code;
} Failure;

static const Failure FAILURES[] = {{"open_unnamed", EMFILE, RENOIR_LIMIT_REACHED},
                                   {"open_unnamed", EACCES, RENOIR_PERMISSION_DENIED},
                                   {"open_unnamed", EROFS, RENOIR_PERMISSION_DENIED},
                                   {"open_unnamed", ENOSPC, RENOIR_INSUFFICIENT_SPACE},
                                   {"open_unnamed", EIO, RENOIR_IO_ERROR},
                                   {"fallocate", ENOSPC, RENOIR_INSUFFICIENT_SPACE},
                                   {"fallocate", EIO, RENOIR_IO_ERROR},
                                   {"link", EACCES, RENOIR_PERMISSION_DENIED},
                                   {"link", ENOSPC, RENOIR_INSUFFICIENT_SPACE},
                                   {"link", EIO, RENOIR_IO_ERROR},
                                   {"fcntl", ENOLCK, RENOIR_PLATFORM_ERROR},
                                   {"fcntl", EINVAL, RENOIR_PLATFORM_ERROR},
                                   {"mmap", ENOMEM, RENOIR_OUT_OF_MEMORY},
                                   {"mmap", EACCES, RENOIR_PERMISSION_DENIED},
                                   {"mmap", ENFILE, RENOIR_LIMIT_REACHED},
                                   {"memfd_create", EMFILE, RENOIR_LIMIT_REACHED},
                                   {"memfd_create", ENOMEM, RENOIR_OUT_OF_MEMORY},
                                   {"allocate", ENOMEM, RENOIR_OUT_OF_MEMORY}};

enum { FAILURE_COUNT = sizeof FAILURES / sizeof FAILURES[0], USES = 12 };

typedef struct Holdings {
    unsigned descriptors, mappings, regions, nodes;
    uint64_t allocated;
} Holdings;

static Holdings holdings(void)
{
    RenoirMemoryStats stats;
    REQUIRE_OK(renoir_memory_stats(&stats));
    return (Holdings){.descriptors = test_count_descriptors(),
                      .mappings = test_count_mappings(),
                      .regions = fixture_count("regions"),
                      .nodes = fixture_count("nodes"),
                      .allocated = stats.allocated_bytes};
}

static void check_unchanged(const Holdings *before)
{
    const Holdings now = holdings();
    CHECK_EQ_U64(before->descriptors, now.descriptors);
    CHECK_EQ_U64(before->mappings, now.mappings);
    CHECK_EQ_U64(before->regions, now.regions);
    CHECK_EQ_U64(before->nodes, now.nodes);
    CHECK_EQ_U64(before->allocated, now.allocated);
}

// Runs an action that undoes itself when it succeeds, with each failure at each use of its call.
// Answers for how many failures the action failed.
static unsigned try_all(RenoirErrorCode (*action)(void))
{
    unsigned failed = 0;
    CHECK_OK(action()); // once without a failure: what is made on first use is there
    const Holdings before = holdings();
    for (unsigned i = 0; i < FAILURE_COUNT; ++i) {
        bool has_failed = false;
        for (uint64_t use = 1; use <= USES; ++use) {
            rnr_fault_disarm_all();
            rnr_fault_arm_errno(FAILURES[i].call, FAILURES[i].error, use);
            const RenoirErrorCode status = action();
            if (status != RENOIR_SUCCESS && status != FAILURES[i].code) {
                FAIL("%s fails with errno %d at use %d: %s: %s", FAILURES[i].call,
                     FAILURES[i].error, (int)use, renoir_error_name(status),
                     renoir_last_error_message());
            }
            has_failed = has_failed || status != RENOIR_SUCCESS;
            rnr_fault_disarm_all();
            check_unchanged(&before);
        }
        failed += has_failed;
    }
    CHECK_OK(action());
    return failed;
}

static RenoirErrorCode make_with(uint32_t backing, const char *path)
{
    RenoirRegionConfig config = renoir_region_config_default();
    RenoirRegionHandle region = NULL;
    char name[64];
    snprintf(name, sizeof name, "failing %d", (int)getpid());
    config.name = name;
    config.size = FIXTURE_SIZE;
    config.backing_type = backing;
    config.file_path = path;
    const RenoirErrorCode status = renoir_region_create(NULL, &config, &region);
    CHECK((status == RENOIR_SUCCESS) == (region != NULL));
    if (status != RENOIR_SUCCESS) {
        CHECK(renoir_last_error_message()[0] != '\0');
        return status;
    }
    rnr_fault_disarm_all();
    return renoir_region_destroy(region);
}

static RenoirErrorCode make_file(void)
{
    return make_with(RENOIR_BACKING_FILE, NULL);
}

static RenoirErrorCode make_memfd(void)
{
    return make_with(RENOIR_BACKING_MEMFD, NULL);
}

static RenoirErrorCode make_posix(void)
{
    return make_with(RENOIR_BACKING_POSIX_SHM, NULL);
}

static RenoirErrorCode make_at_path(void)
{
    char path[600];
    snprintf(path, sizeof path, "%s/at a path", test_directory());
    return make_with(RENOIR_BACKING_FILE, path);
}

TEST(failing_call, making_a_file_region, "T-082 reliability")
{
    CHECK(try_all(make_file) >= 13);
}

TEST(failing_call, making_a_memfd_region, "T-082 reliability")
{
    TEST_NEEDS_MEMFD();
    CHECK(try_all(make_memfd) >= 13);
}

TEST(failing_call, making_a_posix_region, "T-082 reliability")
{
    CHECK(try_all(make_posix) >= 13);
}

TEST(failing_call, making_a_region_at_a_path, "T-082 reliability")
{
    CHECK(try_all(make_at_path) >= 13);
    CHECK_EQ_U64(2, test_count_entries(test_directory()));
}

static RenoirErrorCode open_one(void)
{
    return fixture_try_open("there");
}

TEST(failing_call, opening_a_region, "T-082 reliability")
{
    RenoirRegionHandle region = fixture_region("there");
    CHECK(try_all(open_one) >= 4);
    renoir_region_close(region);
}

static RenoirRegionHandle with_blocks;

static RenoirErrorCode make_block(void)
{
    void *memory = NULL;
    const RenoirErrorCode status = renoir_region_block(with_blocks, "b", 100, 0, &memory, NULL);
    CHECK((status == RENOIR_SUCCESS) == (memory != NULL));
    rnr_fault_disarm_all();
    if (status == RENOIR_SUCCESS) {
        CHECK_OK(renoir_region_remove_object(with_blocks, "b"));
    }
    size_t count = 0;
    CHECK_OK(renoir_region_objects(with_blocks, NULL, 0, &count));
    CHECK_EQ_U64(0, count);
    return status;
}

TEST(failing_call, making_a_block, "T-082 reliability")
{
    with_blocks = fixture_region("r");
    CHECK(try_all(make_block) >= 3);
    renoir_region_close(with_blocks);
}

static RenoirErrorCode join_another_root(void)
{
    RenoirManagerOptions options = renoir_manager_options_default();
    RenoirManagerHandle manager = NULL;
    char root[600];
    snprintf(root, sizeof root, "%s/second", test_directory());
    (void)mkdir(root, 0700);
    options.root = root;
    const RenoirErrorCode status = renoir_manager_create_with(&options, &manager);
    CHECK((status == RENOIR_SUCCESS) == (manager != NULL));
    rnr_fault_disarm_all();
    snprintf(root, sizeof root, "%s/second/renoir/nodes", test_directory());
    CHECK_EQ_U64(status == RENOIR_SUCCESS ? 1 : 0, test_count_entries(root));
    CHECK_OK(renoir_manager_destroy(manager));
    CHECK_EQ_U64(0, test_count_entries(root));
    return status;
}

TEST(failing_call, joining_a_root, "T-082 reliability")
{
    CHECK(try_all(join_another_root) >= 13);
}

static RenoirErrorCode list_and_reap(void)
{
    size_t count = 0;
    RenoirErrorCode status = renoir_region_list(NULL, NULL, 0, &count);
    if (status == RENOIR_SUCCESS) {
        status = renoir_node_list(NULL, NULL, 0, &count);
    }
    return status == RENOIR_SUCCESS ? renoir_node_reap(NULL, NULL) : status;
}

TEST(failing_call, listing_and_reaping_take_nothing_from_the_living, "T-046 T-082 reliability")
{
    RenoirRegionHandle region = fixture_region("there");
    (void)try_all(list_and_reap);
    CHECK_OK(fixture_try_open("there"));
    renoir_region_close(region);
}

// The last descriptor is taken, again and again.
TEST(failing_call, no_descriptor_left_is_a_limit, "T-082 reliability")
{
    enum { TAKEN = 64 };
    static int taken[TAKEN];
    int count = 0;
    RenoirRegionHandle region = NULL;
    const struct rlimit limit = {TAKEN, TAKEN};
    CHECK_OK(make_file());
    REQUIRE(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    while (count < TAKEN && (taken[count] = dup(2)) >= 0) {
        count += 1;
    }
    for (int left = 0; left < 8 && region == NULL; ++left) {
        const RenoirErrorCode status = fixture_make("r", FIXTURE_SIZE, 0, &region);
        CHECK(status == RENOIR_LIMIT_REACHED || status == RENOIR_SUCCESS);
        close(taken[--count]);
    }
    CHECK(region != NULL);
    renoir_region_close(region);
    while (count > 0) {
        close(taken[--count]);
    }
    CHECK_EQ_U64(0, fixture_count("regions"));
}
