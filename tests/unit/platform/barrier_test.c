// SPDX-License-Identifier: MIT OR Apache-2.0

#include "platform/barrier.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault.h"
#include "harness/test.h"
#include "renoir/detail/atomic.h"

// linux/membarrier.h: Linux 6.3; what this process is registered for, as a set of commands.
enum { GET_REGISTRATIONS = 1 << 9, REGISTER_GLOBAL_EXPEDITED = 1 << 2 };

static bool is_supported(void)
{
    return (syscall(SYS_membarrier, 0, 0, 0) & REGISTER_GLOBAL_EXPEDITED) != 0;
}

static long registrations(void)
{
    return syscall(SYS_membarrier, GET_REGISTRATIONS, 0, 0);
}

TEST(barrier, registering_twice_is_fine, "R-236 sync_pattern")
{
    CHECK(rnr_barrier_register() == is_supported());
    CHECK(rnr_barrier_register() == is_supported());
    CHECK(rnr_barrier_run() == is_supported());
}

TEST(barrier, the_kernel_knows_of_the_registration, "R-236 sync_pattern")
{
    if (registrations() < 0) {
        SKIP("this kernel does not tell what is registered");
    }

    CHECK_EQ_I64(0, registrations());
    CHECK(rnr_barrier_register());
    CHECK_EQ_I64(REGISTER_GLOBAL_EXPEDITED, registrations() & REGISTER_GLOBAL_EXPEDITED);
}

TEST(barrier, a_child_registers_for_itself, "R-236 R-018 sync_pattern")
{
    CHECK(rnr_barrier_register() == is_supported());

    const uint64_t calls = rnr_fault_hits("membarrier");
    const pid_t child = fork();
    if (child == 0) {
        const bool is_fine = rnr_barrier_register() == is_supported();
        _exit(is_fine && rnr_fault_hits("membarrier") == calls + 1 ? 0 : 1);
    }

    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_EXITED(status, 0);
    CHECK(rnr_barrier_register() == is_supported());
    CHECK(!is_supported() || rnr_fault_hits("membarrier") == calls);
}

TEST(barrier, where_the_system_refuses_the_answer_is_no, "R-236 T-082 sync_pattern")
{
    rnr_fault_arm_errno("membarrier", ENOSYS, 1);
    CHECK(!rnr_barrier_register());
    rnr_fault_arm_errno("membarrier", ENOSYS, 1);
    CHECK(!rnr_barrier_run());

    CHECK(rnr_barrier_register() == is_supported());
}

// --- two sides that each store, then load: at least one must see the other's store
// ----------------

typedef struct Words {
    RnrAtomicU32 round;
    uint8_t pad_round[124];
    RnrAtomicU32 light_store; // the side that does not fence
    uint8_t pad_light[124];
    RnrAtomicU32 heavy_store; // the side that calls rnr_barrier_run
    uint8_t pad_heavy[124];
    RnrAtomicU32 light_saw;
    RnrAtomicU32 light_done;
} Words;

static Words *map_page(const char *path)
{
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    REQUIRE(fd >= 0);
    REQUIRE(ftruncate(fd, sizeof(Words)) == 0);
    void *page = mmap(NULL, sizeof(Words), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    REQUIRE(page != MAP_FAILED);
    close(fd);
    return page;
}

static void await(const RnrAtomicU32 *word, uint32_t value)
{
    for (int i = 0; rnr_load_acquire_u32(word) != value; ++i) {
        if (i > 20000) {
            usleep(1);
        }
    }
}

PEER(light_side)
{
    Words *words = map_page(peer_arg(0));
    const uint32_t rounds = (uint32_t)peer_arg_u64(1);

    CHECK(rnr_barrier_register());
    peer_say("registered");
    for (uint32_t round = 1; round <= rounds; ++round) {
        await(&words->round, round);
        rnr_store_relaxed_u32(&words->light_store, round);
        __asm__ __volatile__("" ::: "memory"); // the compiler keeps the order, nothing else does
        rnr_store_relaxed_u32(&words->light_saw, rnr_load_relaxed_u32(&words->heavy_store));
        rnr_store_release_u32(&words->light_done, round);
    }
}

TEST_WITHIN(barrier, one_side_pays_for_both, "R-236 sync_pattern concurrent_stress", 300)
{
    if (!is_supported()) {
        SKIP("this kernel has no global expedited membarrier");
    }
    const uint32_t rounds = (uint32_t)test_scaled(1000000);
    const char *path = test_root_path("words");
    Words *words = map_page(path);
    char text[16];
    snprintf(text, sizeof text, "%u", rounds);
    const TestPeer peer = peer_start(light_side, path, text);
    CHECK(peer_expect(peer, "registered"));

    uint32_t both_missed = 0;
    for (uint32_t round = 1; round <= rounds; ++round) {
        rnr_store_release_u32(&words->round, round);
        for (uint32_t i = 0; i < round % 256; ++i) { // so that the two meet in some rounds
            __asm__ __volatile__("" ::: "memory");
        }
        rnr_store_relaxed_u32(&words->heavy_store, round);
        CHECK(rnr_barrier_run());
        const uint32_t saw = rnr_load_relaxed_u32(&words->light_store);
        await(&words->light_done, round);
        both_missed += saw != round && rnr_load_relaxed_u32(&words->light_saw) != round;
    }

    CHECK_EQ_U64(0, both_missed);
    CHECK_EXITED(peer, 0);
    munmap(words, sizeof(Words));
    unlink(path);
}
