// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Survives the loss of pages behind a mapping. The kernel raises SIGBUS in the thread that touches
// such a page; the handler maps zeros over the rest of the mapping, marks it lost, and returns to
// the same instruction. Whoever works with the mapping looks at the mark.
//
// Who writes what
//     range.base     the thread that tracks or untracks; CLAIMED while the others are changed
//     range.length   the thread that claimed the entry
//     range.lost     the thread that claimed the entry
//     state          the thread that installs
//
// Edges
//     sigbus.track     track: store base, release  ──►  handler: load base, acquire
//                      carries length and lost
//     sigbus.recheck   track: store length and lost, release  ──►  handler: load them, acquire
//                      carries CLAIMED: who reads a new length with an old base sees that the base
//                      has changed when it looks again
//     sigbus.lost      handler: store *lost, release  ──►  users: load it, acquire
//                      carries nothing but the mark: it is there before the zeros are
//     sigbus.install   install: swap state, acq_rel  ──►  others: load state, acquire
//                      carries the earlier handler
//
// Progress
//     The handler looks at each entry once and calls mmap(2) at most once. It takes no lock.
//
// If a process dies
//     Nothing here is shared between processes. A child of fork() has a copy of all of it; one that
//     was made in the middle of an installation installs anew.
//
// Trust
//     The address is the kernel's.
//
// Proof
//     unit     tests/unit/platform/sigbus_test.c

#include "platform/sigbus.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fault.h"
#include "base/log.h"

// One for each region that a process may have open, and its nodes' files, several times over.
enum { RANGE_COUNT = 4096 };

// No page starts there.
#define CLAIMED UINT64_C(1)

// In `state`: 0, the PID of the process that is installing, or this.
#define INSTALLED UINT64_MAX

typedef struct Range {
    RnrAtomicU64 base; // 0: the entry is free
    RnrAtomicU64 length;
    RnrAtomicU64 lost; // RnrAtomicU32 *
} Range;

static Range ranges[RANGE_COUNT];
static RnrAtomicU64 state;
static struct sigaction earlier; // written before state says INSTALLED, never again

static uintptr_t page_size(void)
{
    return (uintptr_t)sysconf(_SC_PAGESIZE);
}

// Whether the entry covers the address; then where its mapping ends, and its mark.
static bool find_end(Range *range, uint64_t address, uint64_t *out_end, RnrAtomicU32 **out_lost)
{
    // [sigbus.track: acquire] Length and mark belong to this base.
    const uint64_t base = rnr_load_acquire_u64(&range->base);
    if (base <= CLAIMED || address < base) {
        return false;
    }
    // [sigbus.recheck: acquire] If they belong to another base, it shows below.
    const uint64_t length = rnr_load_acquire_u64(&range->length);
    const uint64_t lost = rnr_load_acquire_u64(&range->lost);
    // [hint: relaxed] Ordered by the two loads before it; a wrong value leaves the entry out.
    if (address - base >= length || rnr_load_relaxed_u64(&range->base) != base) {
        return false;
    }
    *out_end = base + length;
    *out_lost = (RnrAtomicU32 *)(uintptr_t)lost;
    return true;
}

// False: the address lies in no tracked mapping, or the system has no memory for zeros.
static bool replace_by_zeros(uintptr_t address)
{
    uint64_t end = 0;
    RnrAtomicU32 *lost = NULL;
    size_t i = 0;

    while (i < RANGE_COUNT && !find_end(&ranges[i], address, &end, &lost)) {
        ++i;
    }
    if (i == RANGE_COUNT) {
        return false;
    }

    const uintptr_t from = address & ~(page_size() - 1);
    // Marked first: another thread that reads a zero after this one must find the mark.
    // [sigbus.lost: release] Before the zeros are there to be read.
    rnr_store_release_u32(lost, 1);
    void *zeros = mmap((void *)from, (size_t)(end - from), PROT_READ | PROT_WRITE,
                       MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return zeros != MAP_FAILED;
}

// As if we were not there.
static void pass_on(int signal_number, siginfo_t *info, void *context)
{
    const bool is_fault = info->si_code > 0; // else somebody sent it: kill(), sigqueue()

    if ((earlier.sa_flags & SA_SIGINFO) != 0) {
        earlier.sa_sigaction(signal_number, info, context);
    } else if (earlier.sa_handler == SIG_IGN && !is_fault) {
        return;
    } else if (earlier.sa_handler != SIG_DFL && earlier.sa_handler != SIG_IGN) {
        earlier.sa_handler(signal_number);
    } else {
        // The instruction faults again, and the process ends as it would have; a signal that
        // somebody sent does not come again by itself.
        const struct sigaction ending = {.sa_handler = SIG_DFL};
        (void)sigaction(signal_number, &ending, NULL);
        if (!is_fault) {
            (void)raise(signal_number);
        }
    }
}

static void handle(int signal_number, siginfo_t *info, void *context)
{
    const int saved_errno = errno;

    if (info->si_code != BUS_ADRERR || !replace_by_zeros((uintptr_t)info->si_addr)) {
        pass_on(signal_number, info, context);
    }
    errno = saved_errno;
}

static bool install(void)
{
    const int injected = RNR_FAULT_SYSTEM_CALL("sigaction");
    struct sigaction ours = {.sa_sigaction = handle};

    errno = injected;
    if (injected != 0 || sigaction(SIGBUS, NULL, &earlier) != 0) {
        return false;
    }
    // What the earlier handler asked for holds while it runs inside ours.
    ours.sa_mask = earlier.sa_mask;
    ours.sa_flags = (earlier.sa_flags & (SA_NODEFER | SA_RESTART)) | SA_SIGINFO | SA_ONSTACK;
    return sigaction(SIGBUS, &ours, NULL) == 0;
}

bool rnr_sigbus_is_installed(void)
{
    // [sigbus.install: acquire] The handler is in place.
    return rnr_load_acquire_u64(&state) == INSTALLED;
}

RenoirErrorCode rnr_sigbus_install(void)
{
    const uint64_t self = (uint64_t)getpid();
    uint64_t seen = 0;

    // [sigbus.install: acq_rel] One thread installs; a claim left by fork() is another process's.
    while (!rnr_cas_acq_rel_u64(&state, &seen, self)) {
        if (seen == INSTALLED) {
            return RENOIR_SUCCESS;
        }
        if (seen == self) { // another thread is at it: two system calls
            (void)usleep(100);
            seen = 0;
        }
    }

    const bool is_done = install();
    const int error = errno;
    // [sigbus.install: release] The earlier handler is known.
    rnr_store_release_u64(&state, is_done ? INSTALLED : 0);
    if (!is_done) {
        return RNR_FAIL_SYSTEM(RENOIR_PLATFORM_ERROR, error, "cannot install the SIGBUS handler");
    }
    return RENOIR_SUCCESS;
}

void rnr_sigbus_track(void *base, size_t length, RnrAtomicU32 *lost)
{
    const uint64_t start = (uint64_t)(uintptr_t)base;
    const uint64_t whole = ((uint64_t)length + page_size() - 1) & ~(uint64_t)(page_size() - 1);

    for (size_t i = 0; i < RANGE_COUNT; ++i) {
        Range *range = &ranges[i];
        // [hint: relaxed] The swap looks again.
        uint64_t found = rnr_load_relaxed_u64(&range->base);
        // [sigbus.track: acq_rel] From here on the entry is this thread's.
        if (found != 0 || !rnr_cas_acq_rel_u64(&range->base, &found, CLAIMED)) {
            continue;
        }
        // [sigbus.recheck: release] Who sees one of them sees CLAIMED.
        rnr_store_release_u64(&range->length, whole);
        rnr_store_release_u64(&range->lost, (uint64_t)(uintptr_t)lost);
        // [sigbus.track: release] Length and mark are there.
        rnr_store_release_u64(&range->base, start);
        return;
    }
    rnr_log(RENOIR_LOG_WARNING,
            "a mapping of %zu bytes is not guarded against SIGBUS: %d are already (close some "
            "regions)",
            length, RANGE_COUNT);
}

void rnr_sigbus_untrack(void *base)
{
    for (size_t i = 0; i < RANGE_COUNT; ++i) {
        // [hint: relaxed] This thread, or one that handed the mapping over to it, stored it.
        if (rnr_load_relaxed_u64(&ranges[i].base) == (uint64_t)(uintptr_t)base) {
            // [sigbus.track: release] The entry may be claimed again.
            rnr_store_release_u64(&ranges[i].base, 0);
            return;
        }
    }
}
