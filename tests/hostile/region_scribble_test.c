// SPDX-License-Identifier: MIT OR Apache-2.0
//
// A process that writes random bytes over all of a region's header and directory, while others call
// every function. They get answers: never a crash, a hang, or a pointer outside the region.

#include <sys/mman.h>

#include "layout/region_shm.h"
#include "unit/memory/region_fixture.h"

// Values that make arithmetic overflow, offsets point outside, and loops long.
static uint64_t nasty(void)
{
    static const uint64_t values[] = {0,
                                      1,
                                      127,
                                      128,
                                      4096,
                                      65536,
                                      UINT32_MAX,
                                      UINT64_MAX,
                                      UINT64_MAX - 127,
                                      UINT64_MAX / 2,
                                      (uint64_t)1 << 48,
                                      0x0a1b5b31ffff};
    const uint64_t choice = test_random_below(sizeof values / sizeof values[0] + 4);
    return choice < sizeof values / sizeof values[0] ? values[choice] : test_random_u64();
}

// area: 0 the header, 1 places, 2 entries, 3 everything below the usable bytes
PEER(scribbler)
{
    RenoirRegionHandle region = fixture_open("r");
    const uint64_t area = peer_arg_u64(0);
    const size_t data_offset = 12288 + 256 * sizeof(RnrEntryShm);
    unsigned char *base = fixture_bytes(region) - data_offset;
    static const size_t begins[] = {0, RNR_REGION_PLACES_OFFSET, RNR_REGION_ENTRIES_OFFSET, 0};
    const size_t ends[] = {4096, RNR_REGION_ENTRIES_OFFSET, data_offset, data_offset};
    peer_say("scribbling");
    for (;;) {
        // mostly the entries in use, at the front
        const size_t span = ends[area] - begins[area];
        const size_t reach = test_random_below(4) == 0 || span < 1024 ? span : 1024;
        const size_t at = begins[area] + (size_t)test_random_below(reach / 8) * 8;
        const uint64_t value = nasty();
        memcpy(base + at, &value, sizeof value);
    }
}

static bool is_inside(RenoirRegionHandle region, const void *memory, size_t size)
{
    const unsigned char *data = fixture_bytes(region);
    const unsigned char *bytes = memory;
    return bytes >= data && bytes + size <= data + FIXTURE_SIZE;
}

static void use_blocks(RenoirRegionHandle region)
{
    char name[16];
    void *memory = NULL;
    const size_t size = 64 + (size_t)test_random_below(500);
    snprintf(name, sizeof name, "b%d", (int)test_random_below(5));
    if (renoir_region_block(region, name, size, 0, &memory, NULL) == RENOIR_SUCCESS) {
        CHECK(is_inside(region, memory, size));
        memset(memory, 'v', size);
    } else {
        CHECK(memory == NULL);
    }
    (void)renoir_region_remove_object(region, name);
}

static void use_rest(RenoirRegionHandle region)
{
    static RenoirObjectInfo objects[300];
    RenoirRegionInfo infos[4];
    RenoirHoldInfo holds[4];
    RenoirRegionStats stats;
    char report[256];
    size_t count = 0;
    size_t size = 0;
    void *memory = NULL;
    if (renoir_region_objects(region, objects, 300, &count) == RENOIR_SUCCESS) {
        CHECK(count <= 256);
        for (size_t i = 0; i < count; ++i) {
            CHECK(objects[i].offset + objects[i].size_bytes <= FIXTURE_SIZE);
            CHECK(memchr(objects[i].name, 0, sizeof objects[i].name) != NULL);
        }
    }
    if (renoir_region_stats(region, &stats) == RENOIR_SUCCESS) {
        CHECK_EQ_U64(FIXTURE_SIZE, stats.total_size);
        CHECK(stats.used_size <= FIXTURE_SIZE && stats.free_size <= FIXTURE_SIZE);
        CHECK(stats.fragmentation_ratio >= 0.0 && stats.fragmentation_ratio <= 1.0);
    }
    (void)renoir_region_verify(region, report, sizeof report);
    CHECK(memchr(report, 0, sizeof report) != NULL);
    (void)renoir_region_describe(region, &infos[0]);
    CHECK(memchr(infos[0].name, 0, sizeof infos[0].name) != NULL);
    (void)renoir_region_list(NULL, infos, 4, &count);
    (void)renoir_node_holds(NULL, 0, holds, 4, &count);
    CHECK_OK(renoir_region_get_ptr(region, &memory, &size));
    CHECK_EQ_U64(FIXTURE_SIZE, size);
    (void)renoir_region_flush(region);
}

static void use_allocators(RenoirRegionHandle region)
{
    RenoirAllocatorOptions options = renoir_allocator_options_default();
    RenoirAllocatorHandle allocator = NULL;
    options.kind = test_random_below(2) == 0 ? RENOIR_ALLOCATOR_BUMP : RENOIR_ALLOCATOR_BLOCK;
    options.name = test_random_below(2) == 0 ? "a" : NULL;
    options.capacity_bytes = 4096;
    options.block_size = 64;
    if (renoir_allocator_create_with(region, &options, &allocator) == RENOIR_SUCCESS) {
        void *memory = NULL;
        if (renoir_allocator_allocate(allocator, 32, 8, &memory) == RENOIR_SUCCESS) {
            CHECK(is_inside(region, memory, 32));
        }
        renoir_allocator_close(allocator);
    }
}

static void suffer(const char *area)
{
    RenoirRegionHandle region = fixture_region("r");
    const TestPeer peer = peer_start(scribbler, area);
    REQUIRE(peer_expect(peer, "scribbling"));
    const uint64_t deadline = test_now_ns() + test_scaled(60000) * UINT64_C(1000000);
    while (test_now_ns() < deadline) {
        RenoirRegionHandle again = NULL;
        use_blocks(region);
        use_rest(region);
        use_allocators(region);
        if (renoir_region_open(NULL, "r", NULL, &again) == RENOIR_SUCCESS) {
            size_t size = 0;
            void *memory = NULL;
            if (renoir_region_get_ptr(again, &memory, &size) == RENOIR_SUCCESS && size != 0) {
                ((volatile unsigned char *)memory)[size - 1] = 1;
            }
            (void)renoir_region_verify(again, NULL, 0);
        }
        renoir_region_close(again);
        (void)renoir_node_reap(NULL, NULL);
    }
    CHECK_KILLED(peer_kill(peer, SIGKILL));
    renoir_region_close(region);
    (void)renoir_node_reap(NULL, NULL);
    (void)unlink(test_root_path("renoir/regions/r")); // it may say of itself that it is kept
    (void)renoir_node_reap(NULL, NULL);
}

TEST(scribble, over_the_header, "T-039 T-050 security_edge")
{
    suffer("0");
}

TEST(scribble, over_the_places, "T-039 T-050 security_edge")
{
    suffer("1");
}

TEST(scribble, over_the_directory, "T-039 T-035 security_edge")
{
    suffer("2");
}

TEST(scribble, over_all_that_is_not_the_users, "T-039 T-050 security_edge")
{
    suffer("3");
}

TEST(scribble, entries_that_lie_are_reported, "T-039 R-038 security_edge")
{
    RenoirRegionHandle region = fixture_region("r");
    void *memory = NULL;
    char report[256];
    RenoirRegionStats stats;
    REQUIRE_OK(renoir_region_block(region, "one", 1000, 0, &memory, NULL));
    REQUIRE_OK(renoir_region_block(region, "two", 1000, 0, &memory, NULL));
    const size_t data_offset = 12288 + 256 * sizeof(RnrEntryShm);
    RnrEntryShm *entries =
        (RnrEntryShm *)(void *)(fixture_bytes(region) - data_offset + RNR_REGION_ENTRIES_OFFSET);
    const RnrEntryShm good = entries[1];

    rnr_store_relaxed_u64(&entries[1].offset, rnr_load_relaxed_u64(&entries[0].offset) + 128);
    CHECK_STATUS(RENOIR_CORRUPTED, renoir_region_verify(region, report, sizeof report));
    CHECK_STR_CONTAINS("'one' and 'two' overlap", report);

    static const uint64_t offsets[] = {0, 4096, UINT64_MAX - 127, (uint64_t)1 << 40, 12288 + 1};
    for (size_t i = 0; i < 5; ++i) {
        rnr_store_relaxed_u64(&entries[1].offset, offsets[i]);
        CHECK_STATUS(RENOIR_CORRUPTED, renoir_region_verify(region, report, sizeof report));
        CHECK_STR_CONTAINS("entry 1", report);
        CHECK_STATUS(RENOIR_CORRUPTED, renoir_region_stats(region, &stats));
        CHECK_STATUS(RENOIR_CORRUPTED, renoir_region_block(region, "new", 8, 0, &memory, NULL));
        CHECK_STATUS(RENOIR_CORRUPTED, renoir_region_remove_object(region, "two"));
    }
    entries[1] = good;
    static const uint64_t sizes[] = {0, UINT64_MAX, FIXTURE_SIZE + 1, (uint64_t)1 << 63};
    for (size_t i = 0; i < 4; ++i) {
        rnr_store_relaxed_u64(&entries[1].size, sizes[i]);
        CHECK_STATUS(RENOIR_CORRUPTED, renoir_region_verify(region, report, sizeof report));
    }
    entries[1] = good;
    CHECK_OK(renoir_region_verify(region, report, sizeof report));
    CHECK_STR("", report);
    renoir_region_close(region);
}
