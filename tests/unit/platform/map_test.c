// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Mappings, and options that degrade with a reason.

#include "platform/map.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fault.h"
#include "base/memory.h"
#include "harness/test.h"
#include "renoir/library.h"
#include "renoir/region.h"

enum { LENGTH = 65536 };

static int make_file(void)
{
    const int fd = open(test_directory(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    REQUIRE(fd >= 0);
    REQUIRE(ftruncate(fd, LENGTH) == 0);
    return fd;
}

static uint64_t mapped_bytes(void)
{
    RenoirMemoryStats stats;
    REQUIRE_OK(renoir_memory_stats(&stats));
    return stats.mapped_bytes;
}

TEST(map, a_mapping_is_shared_and_counted, "R-042 reliability")
{
    RnrAtomicU32 lost = {0};
    void *first = NULL;
    void *second = NULL;
    const int fd = make_file();
    const uint64_t before = mapped_bytes();
    REQUIRE_OK(rnr_map(fd, LENGTH, true, &lost, &first));
    REQUIRE_OK(rnr_map(fd, LENGTH, false, &lost, &second));
    CHECK_EQ_U64(before + 2 * LENGTH, mapped_bytes());

    memset(first, 'm', LENGTH);

    CHECK_BYTES(first, second, LENGTH);
    rnr_unmap(first, LENGTH);
    rnr_unmap(second, LENGTH);
    rnr_unmap(NULL, LENGTH);
    CHECK_EQ_U64(before, mapped_bytes());
    close(fd);
}

TEST(map, errors_of_mapping_have_their_codes_and_leak_nothing, "T-082 reliability")
{
    static const struct {
        int error;
        RenoirErrorCode code;
    } expected[] = {{ENOMEM, RENOIR_OUT_OF_MEMORY},
                    {EACCES, RENOIR_PERMISSION_DENIED},
                    {EPERM, RENOIR_PERMISSION_DENIED},
                    {ENFILE, RENOIR_LIMIT_REACHED},
                    {EINVAL, RENOIR_PLATFORM_ERROR}};
    RnrAtomicU32 lost = {0};
    void *base = &lost;
    const int fd = make_file();
    const uint64_t before = mapped_bytes();
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; ++i) {
        rnr_fault_arm_errno("mmap", expected[i].error, 1);
        CHECK_STATUS(expected[i].code, rnr_map(fd, LENGTH, true, &lost, &base));
        CHECK(base == NULL);
        CHECK_STR_CONTAINS("cannot map 65536 bytes", renoir_last_error_message());
    }
    CHECK_STATUS(RENOIR_PLATFORM_ERROR, rnr_map(-1, LENGTH, true, &lost, &base));
    CHECK_EQ_U64(before, mapped_bytes());
    close(fd);
}

TEST(map, memory_is_locked_up_to_the_limit_and_not_beyond, "R-039 real_time")
{
    RnrAtomicU32 lost = {0};
    void *base = NULL;
    const int fd = make_file();
    REQUIRE_OK(rnr_map(fd, LENGTH, true, &lost, &base));
    rnr_fault_arm_errno("mlock", EPERM, 1);
    CHECK_STATUS(RENOIR_PERMISSION_DENIED, rnr_map_lock(base, LENGTH));
    CHECK_STR_CONTAINS("cannot lock 65536 bytes in memory: the limit is",
                       renoir_last_error_message());

    const RenoirErrorCode status = rnr_map_lock(base, LENGTH);
    CHECK(status == RENOIR_SUCCESS || status == RENOIR_PERMISSION_DENIED);
    rnr_unmap(base, LENGTH);
    close(fd);
}

TEST(map, prefault_brings_every_page_in, "R-039 real_time")
{
    if (test_is_emulated()) {
        SKIP("the emulator ignores MADV_POPULATE_WRITE");
    }
    unsigned char resident[LENGTH / 4096];
    RnrAtomicU32 lost = {0};
    void *base = NULL;
    const int fd = make_file();
    REQUIRE_OK(rnr_map(fd, LENGTH, true, &lost, &base));
    CHECK(rnr_map_prefault(base, LENGTH, true));
    memset(resident, 0, sizeof resident);
    REQUIRE(mincore(base, LENGTH, resident) == 0);
    for (size_t i = 0; i < LENGTH / rnr_page_size(); ++i) {
        CHECK((resident[i] & 1) != 0);
    }
    rnr_unmap(base, LENGTH);
    close(fd);
}

TEST(map, numa_policies_degrade_with_a_reason, "R-040 reliability")
{
    RnrAtomicU32 lost = {0};
    void *base = NULL;
    const int fd = make_file();
    REQUIRE_OK(rnr_map(fd, LENGTH, true, &lost, &base));
    rnr_error_clear();
    rnr_fault_arm_errno("mbind", EPERM, 1);
    CHECK(!rnr_map_set_numa(base, LENGTH, RENOIR_NUMA_BIND, 1));
    CHECK_STR_CONTAINS("NUMA policy 2", renoir_last_error_message());
    rnr_error_clear();
    CHECK(!rnr_map_set_numa(base, LENGTH, RENOIR_NUMA_BIND, UINT64_C(1) << 63));
    CHECK_STR_CONTAINS("0x8000000000000000", renoir_last_error_message());
    rnr_unmap(base, LENGTH);
    close(fd);
}

TEST(map, huge_pages_are_in_force_or_a_reason_is_given, "R-030 reliability")
{
    RnrAtomicU32 lost = {0};
    void *base = NULL;
    const int fd = make_file();
    REQUIRE_OK(rnr_map(fd, LENGTH, true, &lost, &base));
    rnr_error_clear();
    const bool is_huge = rnr_map_use_huge_pages(base, LENGTH);
    CHECK(is_huge == (renoir_last_error_message()[0] == '\0'));
    rnr_unmap(base, LENGTH);
    close(fd);
}

TEST(map, a_flush_of_what_is_not_mapped_is_an_error, "R-033 reliability")
{
    if (test_is_emulated() && sizeof(void *) == 4) {
        SKIP("the emulator keeps all of its guest's 4 GiB mapped");
    }
    RnrAtomicU32 lost = {0};
    void *base = NULL;
    const int fd = make_file();
    REQUIRE_OK(rnr_map(fd, LENGTH, true, &lost, &base));
    CHECK_OK(rnr_map_flush(base, LENGTH));
    rnr_unmap(base, LENGTH);
    CHECK_STATUS(RENOIR_IO_ERROR, rnr_map_flush(base, LENGTH));
    close(fd);
}
