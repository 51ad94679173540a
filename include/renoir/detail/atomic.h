// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RENOIR_DETAIL_ATOMIC_H
#define RENOIR_DETAIL_ATOMIC_H

// Cells that several processes touch; valid as C11 and as C++17, and the only file with atomics in
// it. The memory order is part of the function's name, so a search for "relaxed" finds every place
// that claims to need no ordering. There is no default order, and nothing else may name `value`:
// cells are plain structs, used through the compiler's __atomic built-ins, because the inline ring
// calls must compile as C++ too (no _Atomic there).
//
// A cell must be lock-free: where it is not, the compiler falls back to a table of locks that is
// private to each process, and two processes would not exclude each other at all. (libatomic may
// also write in order to load, which faults on a read-only mapping.)
//
// In a build with RENOIR_EXPLORE every access is a call of the explorer instead, in which it may
// switch threads, answer with an older value, or let this thread die (tests/explore/): so each
// function below goes through RNR_ATOMIC_*, and none names a built-in itself.
// RNR_FAULT_POINT("name") names a place where a test may let the process die.

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
#define RNR_STATIC_ASSERT(condition, text) static_assert(condition, text)
#define RNR_ALIGNED(bytes) alignas(bytes)
extern "C" {
#else
#define RNR_STATIC_ASSERT(condition, text) _Static_assert(condition, text)
#define RNR_ALIGNED(bytes) _Alignas(bytes)
#endif

#ifdef RENOIR_EXPLORE
enum { RNR_EXPLORE_ADD, RNR_EXPLORE_SUB, RNR_EXPLORE_OR, RNR_EXPLORE_AND, RNR_EXPLORE_EXCHANGE };
uint64_t rnr_explore_load(const void *cell, size_t size, int order);
void rnr_explore_store(void *cell, size_t size, uint64_t value, int order);
uint64_t rnr_explore_update(void *cell, size_t size, int operation, uint64_t operand, int order);
int rnr_explore_swap(
    void *cell, size_t size, void *expected, uint64_t desired, int order, int order_if_not);
void rnr_explore_fence(int order);
void rnr_explore_relax(void);
void rnr_explore_copy(void *to, const void *from, size_t length);

#define RNR_ATOMIC_LOAD(cell, order) rnr_explore_load(&(cell)->value, sizeof(cell)->value, order)
#define RNR_ATOMIC_STORE(cell, operand, order)                                                     \
    rnr_explore_store(&(cell)->value, sizeof(cell)->value, operand, order)
#define RNR_ATOMIC_UPDATE(cell, operation, operand, order)                                         \
    rnr_explore_update(&(cell)->value, sizeof(cell)->value, operation, operand, order)
#define RNR_ATOMIC_ADD(cell, operand, order)                                                       \
    RNR_ATOMIC_UPDATE(cell, RNR_EXPLORE_ADD, operand, order)
#define RNR_ATOMIC_SUB(cell, operand, order)                                                       \
    RNR_ATOMIC_UPDATE(cell, RNR_EXPLORE_SUB, operand, order)
#define RNR_ATOMIC_OR(cell, operand, order) RNR_ATOMIC_UPDATE(cell, RNR_EXPLORE_OR, operand, order)
#define RNR_ATOMIC_AND(cell, operand, order)                                                       \
    RNR_ATOMIC_UPDATE(cell, RNR_EXPLORE_AND, operand, order)
#define RNR_ATOMIC_EXCHANGE(cell, operand, order)                                                  \
    RNR_ATOMIC_UPDATE(cell, RNR_EXPLORE_EXCHANGE, operand, order)
#define RNR_ATOMIC_SWAP(cell, expected, desired, order, order_if_not)                              \
    rnr_explore_swap(&(cell)->value, sizeof(cell)->value, expected, desired, order, order_if_not)
#define RNR_ATOMIC_FENCE(order) rnr_explore_fence(order)
#define RNR_ATOMIC_COMPILER_FENCE() ((void)0)
#else
#define RNR_ATOMIC_LOAD(cell, order) __atomic_load_n(&(cell)->value, order)
#define RNR_ATOMIC_STORE(cell, operand, order) __atomic_store_n(&(cell)->value, operand, order)
#define RNR_ATOMIC_ADD(cell, operand, order) __atomic_fetch_add(&(cell)->value, operand, order)
#define RNR_ATOMIC_SUB(cell, operand, order) __atomic_fetch_sub(&(cell)->value, operand, order)
#define RNR_ATOMIC_OR(cell, operand, order) __atomic_fetch_or(&(cell)->value, operand, order)
#define RNR_ATOMIC_AND(cell, operand, order) __atomic_fetch_and(&(cell)->value, operand, order)
#define RNR_ATOMIC_EXCHANGE(cell, operand, order)                                                  \
    __atomic_exchange_n(&(cell)->value, operand, order)
#define RNR_ATOMIC_SWAP(cell, expected, desired, order, order_if_not)                              \
    __atomic_compare_exchange_n(&(cell)->value, expected, desired, 0, order, order_if_not)
#define RNR_ATOMIC_FENCE(order) __atomic_thread_fence(order)
#define RNR_ATOMIC_COMPILER_FENCE() __atomic_signal_fence(__ATOMIC_SEQ_CST)
#endif

#ifdef RENOIR_TESTING
void rnr_fault_hit(const char *name);
#define RNR_FAULT_POINT(name) rnr_fault_hit(name)
#else
#define RNR_FAULT_POINT(name) ((void)0)
#endif

#if defined(__SANITIZE_THREAD__)
#define RNR_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RNR_TSAN 1
#endif
#endif
#ifndef RNR_TSAN
#define RNR_TSAN 0
#endif

#define RNR_LIKELY(condition) __builtin_expect(!!(condition), 1)
#define RNR_UNLIKELY(condition) __builtin_expect(!!(condition), 0)

typedef struct RnrAtomicU32 {
    uint32_t value;
} RnrAtomicU32;

typedef struct RnrAtomicU64 {
    RNR_ALIGNED(8) uint64_t value;
} RnrAtomicU64;

#if __GCC_ATOMIC_INT_LOCK_FREE != 2 || __GCC_ATOMIC_LLONG_LOCK_FREE != 2
#error "32-bit and 64-bit cells must always be lock-free"
#endif
RNR_STATIC_ASSERT(sizeof(RnrAtomicU32) == 4, "a cell is exactly its value");
RNR_STATIC_ASSERT(sizeof(RnrAtomicU64) == 8, "a cell is exactly its value");

static inline uint32_t rnr_load_relaxed_u32(const RnrAtomicU32 *cell)
{
    return (uint32_t)RNR_ATOMIC_LOAD(cell, __ATOMIC_RELAXED);
}

static inline uint32_t rnr_load_acquire_u32(const RnrAtomicU32 *cell)
{
    return (uint32_t)RNR_ATOMIC_LOAD(cell, __ATOMIC_ACQUIRE);
}

static inline uint32_t rnr_load_seq_cst_u32(const RnrAtomicU32 *cell)
{
    return (uint32_t)RNR_ATOMIC_LOAD(cell, __ATOMIC_SEQ_CST);
}

static inline void rnr_store_relaxed_u32(RnrAtomicU32 *cell, uint32_t value)
{
    RNR_ATOMIC_STORE(cell, value, __ATOMIC_RELAXED);
}

static inline void rnr_store_release_u32(RnrAtomicU32 *cell, uint32_t value)
{
    RNR_ATOMIC_STORE(cell, value, __ATOMIC_RELEASE);
}

static inline uint32_t rnr_fetch_add_relaxed_u32(RnrAtomicU32 *cell, uint32_t amount)
{
    return (uint32_t)RNR_ATOMIC_ADD(cell, amount, __ATOMIC_RELAXED);
}

static inline uint32_t rnr_fetch_or_relaxed_u32(RnrAtomicU32 *cell, uint32_t bits)
{
    return (uint32_t)RNR_ATOMIC_OR(cell, bits, __ATOMIC_RELAXED);
}

static inline uint32_t rnr_fetch_or_seq_cst_u32(RnrAtomicU32 *cell, uint32_t bits)
{
    return (uint32_t)RNR_ATOMIC_OR(cell, bits, __ATOMIC_SEQ_CST);
}

static inline uint32_t rnr_fetch_and_seq_cst_u32(RnrAtomicU32 *cell, uint32_t bits)
{
    return (uint32_t)RNR_ATOMIC_AND(cell, bits, __ATOMIC_SEQ_CST);
}

static inline uint32_t rnr_fetch_add_seq_cst_u32(RnrAtomicU32 *cell, uint32_t amount)
{
    return (uint32_t)RNR_ATOMIC_ADD(cell, amount, __ATOMIC_SEQ_CST);
}

static inline uint64_t rnr_load_relaxed_u64(const RnrAtomicU64 *cell)
{
    return RNR_ATOMIC_LOAD(cell, __ATOMIC_RELAXED);
}

static inline uint64_t rnr_load_acquire_u64(const RnrAtomicU64 *cell)
{
    return RNR_ATOMIC_LOAD(cell, __ATOMIC_ACQUIRE);
}

static inline uint64_t rnr_load_seq_cst_u64(const RnrAtomicU64 *cell)
{
    return RNR_ATOMIC_LOAD(cell, __ATOMIC_SEQ_CST);
}

static inline void rnr_store_relaxed_u64(RnrAtomicU64 *cell, uint64_t value)
{
    RNR_ATOMIC_STORE(cell, value, __ATOMIC_RELAXED);
}

static inline void rnr_store_release_u64(RnrAtomicU64 *cell, uint64_t value)
{
    RNR_ATOMIC_STORE(cell, value, __ATOMIC_RELEASE);
}

static inline uint64_t rnr_fetch_add_relaxed_u64(RnrAtomicU64 *cell, uint64_t amount)
{
    return RNR_ATOMIC_ADD(cell, amount, __ATOMIC_RELAXED);
}

static inline uint64_t rnr_fetch_add_acq_rel_u64(RnrAtomicU64 *cell, uint64_t amount)
{
    return RNR_ATOMIC_ADD(cell, amount, __ATOMIC_ACQ_REL);
}

static inline uint64_t rnr_fetch_add_seq_cst_u64(RnrAtomicU64 *cell, uint64_t amount)
{
    return RNR_ATOMIC_ADD(cell, amount, __ATOMIC_SEQ_CST);
}

static inline uint64_t rnr_fetch_or_seq_cst_u64(RnrAtomicU64 *cell, uint64_t bits)
{
    return RNR_ATOMIC_OR(cell, bits, __ATOMIC_SEQ_CST);
}

static inline uint64_t rnr_fetch_and_seq_cst_u64(RnrAtomicU64 *cell, uint64_t bits)
{
    return RNR_ATOMIC_AND(cell, bits, __ATOMIC_SEQ_CST);
}

static inline uint64_t rnr_fetch_sub_relaxed_u64(RnrAtomicU64 *cell, uint64_t amount)
{
    return RNR_ATOMIC_SUB(cell, amount, __ATOMIC_RELAXED);
}

// Swaps if the cell still holds *expected, which is updated otherwise. Strong: fails only then.
static inline int rnr_cas_acq_rel_u64(RnrAtomicU64 *cell, uint64_t *expected, uint64_t desired)
{
    return RNR_ATOMIC_SWAP(cell, expected, desired, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

// Stores on both sides of it are seen in this order by whoever also has one between its loads.
static inline void rnr_fence_seq_cst(void)
{
#if RNR_TSAN
    // The thread sanitizer does not know fences; an exchange on a cell of its own orders as well.
    static RnrAtomicU32 order;
    (void)RNR_ATOMIC_EXCHANGE(&order, 1u, __ATOMIC_SEQ_CST);
#else
    RNR_ATOMIC_FENCE(__ATOMIC_SEQ_CST);
#endif
}

// What was loaded before it, payload too, is not older than what is loaded after it.
static inline void rnr_fence_acquire(void)
{
#if RNR_TSAN
    rnr_fence_seq_cst();
#else
    RNR_ATOMIC_FENCE(__ATOMIC_ACQUIRE);
#endif
}

// What is stored after it, payload too, is seen no earlier than what was stored before it.
static inline void rnr_fence_release(void)
{
#if RNR_TSAN
    rnr_fence_seq_cst();
#else
    RNR_ATOMIC_FENCE(__ATOMIC_RELEASE);
#endif
}

// Keeps the compiler from moving accesses across it. The processor may still: for the side of an
// asymmetric barrier that does not pay.
static inline void rnr_fence_compiler(void)
{
    RNR_ATOMIC_COMPILER_FENCE();
}

// Tells the processor that this loop waits for another one.
static inline void rnr_relax(void)
{
#if defined(RENOIR_EXPLORE)
    rnr_explore_relax();
#elif defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
    __asm__ __volatile__("yield" ::: "memory");
#else
    __asm__ __volatile__("" ::: "memory");
#endif
}

// Fetches a line that will be written soon, without waiting. Changes nothing.
static inline void rnr_prefetch_write(const void *address)
{
#if defined(__x86_64__) || defined(__i386__)
    // What the compiler makes of __builtin_prefetch without -mprfchw fetches the line for reading.
    __asm__ __volatile__("prefetchw %0" : : "m"(*(const char *)address));
#else
    __builtin_prefetch(address, 1, 3);
#endif
}

// Payload bytes. They are ordered by the control words around them; a reader that may be overtaken
// checks its stamp afterwards, so the thread sanitizer must not look at them.
//
// rnr_copy_fresh is for small structs that the caller has just filled in, field by field. A load
// that is wider than the store it reads from has to wait until that store, and all before it, have
// reached the cache, which costs tens of nanoseconds while lines come from another core. So it
// reads by words, which `volatile` keeps the compiler from joining, and writes by pairs of them:
// stores that wait for their line fill the processor's queue.
//
// rnr_copy_fresh_down is the same from the end to the beginning, so that the first line is written
// last.
#if defined(RENOIR_EXPLORE)
static inline void rnr_copy(void *to, const void *from, size_t length)
{
    rnr_explore_copy(to, from, length);
}

static inline void rnr_copy_fresh(void *to, const void *from, size_t length)
{
    rnr_explore_copy(to, from, length);
}

static inline void rnr_copy_fresh_down(void *to, const void *from, size_t length)
{
    rnr_explore_copy(to, from, length);
}
#elif RNR_TSAN
__attribute__((no_sanitize("thread"), noinline, unused)) static void
rnr_copy(void *to, const void *from, size_t length)
{
    volatile unsigned char *target = (volatile unsigned char *)to;
    const volatile unsigned char *source = (const volatile unsigned char *)from;
    for (size_t i = 0; i < length; ++i) {
        target[i] = source[i];
    }
}

static inline void rnr_copy_fresh(void *to, const void *from, size_t length)
{
    rnr_copy(to, from, length);
}

static inline void rnr_copy_fresh_down(void *to, const void *from, size_t length)
{
    rnr_copy(to, from, length);
}
#else
static inline void rnr_copy(void *to, const void *from, size_t length)
{
    memcpy(to, from, length);
}

typedef uint64_t RnrWord __attribute__((aligned(1), may_alias));
typedef uint64_t RnrWordPair __attribute__((vector_size(16), aligned(1), may_alias));

static inline void rnr_copy_fresh(void *to, const void *from, size_t length)
{
    unsigned char *const target = (unsigned char *)to;
    const unsigned char *const source = (const unsigned char *)from;
    size_t done = 0;

    if (length > 128 || length % sizeof(RnrWord) != 0) {
        memcpy(to, from, length);
        return;
    }
    for (; done + sizeof(RnrWordPair) <= length; done += sizeof(RnrWordPair)) {
        const volatile RnrWord *const words =
            (const volatile RnrWord *)(const void *)(source + done);
        const RnrWordPair pair = {words[0], words[1]};
        *(RnrWordPair *)(void *)(target + done) = pair;
    }
    if (done < length) {
        *(RnrWord *)(void *)(target + done) =
            *(const volatile RnrWord *)(const void *)(source + done);
    }
}

// Folds to a few instructions where the length is a constant.
__attribute__((always_inline)) static inline void
rnr_copy_fresh_down(void *to, const void *from, size_t length)
{
    unsigned char *const target = (unsigned char *)to;
    const unsigned char *const source = (const unsigned char *)from;
    size_t left = length;

    if (length > 128 || length % sizeof(RnrWord) != 0) {
        memcpy(to, from, length);
        return;
    }
    while (left >= sizeof(RnrWordPair)) {
        left -= sizeof(RnrWordPair);
        const volatile RnrWord *const words =
            (const volatile RnrWord *)(const void *)(source + left);
        const RnrWordPair pair = {words[0], words[1]};
        *(RnrWordPair *)(void *)(target + left) = pair;
        rnr_fence_compiler(); // in this order
    }
    if (left > 0) {
        *(RnrWord *)(void *)target = *(const volatile RnrWord *)(const void *)source;
    }
}
#endif

#ifdef __cplusplus
}
#endif

#endif
