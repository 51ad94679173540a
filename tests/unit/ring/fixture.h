// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef RENOIR_TESTS_UNIT_RING_FIXTURE_H
#define RENOIR_TESTS_UNIT_RING_FIXTURE_H

// What the tests of rings share: memory, a region by name, options, patterns in bytes.

#include <stdlib.h>
#include <string.h>

#include "harness/test.h"
#include "renoir.h"
#include "renoir/detail/ring_shm.h"

static inline RenoirRingOptions element_options(uint32_t element_size, uint64_t capacity)
{
    RenoirRingOptions options = renoir_ring_options_default();
    options.flags = RENOIR_RING_WAITABLE;
    options.element_size = element_size;
    options.capacity = capacity;
    return options;
}

static inline RenoirRingOptions record_options(uint64_t capacity, uint32_t max_record)
{
    RenoirRingOptions options = renoir_ring_options_default();
    options.flags = RENOIR_RING_WAITABLE;
    options.capacity = capacity;
    options.max_record = max_record;
    return options;
}

// Gives the options zeroed memory of exactly the ring's size, so that an address sanitizer sees a
// byte beyond it. free(options.memory) in the end.
static inline RenoirRingOptions in_memory(uint32_t kind, RenoirRingOptions options)
{
    void *memory = NULL;
    options.memory_size = renoir_ring_size(kind, &options);
    REQUIRE(options.memory_size > 0);
    REQUIRE(posix_memalign(&memory, 128, options.memory_size) == 0);
    memset(memory, 0, options.memory_size);
    options.memory = memory;
    return options;
}

// The region "rings" of this test's root, made by whoever comes first.
static inline RenoirRegionHandle join_region(void)
{
    RenoirRegionConfig config = renoir_region_config_default();
    RenoirRegionHandle region = NULL;
    config.name = "rings";
    config.size = 8 << 20;
    REQUIRE_OK(renoir_region_create(NULL, &config, &region));
    return region;
}

// After a death: takes back what the dead process left, as the next start of any does.
static inline void leave_region_and_reap(RenoirRegionHandle region)
{
    renoir_region_close(region);
    CHECK_OK(renoir_node_reap(NULL, NULL));
}

typedef struct SpscPair {
    RenoirSpsc producer;
    RenoirSpsc consumer;
    RenoirRingOptions options;
} SpscPair;

static inline void spsc_pair_open(SpscPair *pair, uint32_t element_size, uint64_t capacity)
{
    pair->options = in_memory(RENOIR_RING_SPSC, element_options(element_size, capacity));
    REQUIRE_OK(renoir_spsc_open(NULL, NULL, &pair->options, RENOIR_PRODUCER, &pair->producer));
    REQUIRE_OK(renoir_spsc_open(NULL, NULL, &pair->options, RENOIR_CONSUMER, &pair->consumer));
}

static inline void spsc_pair_close(SpscPair *pair)
{
    renoir_ring_close(&pair->producer.end);
    renoir_ring_close(&pair->consumer.end);
    free(pair->options.memory);
}

typedef struct RecordPair {
    RenoirRecordRing producer;
    RenoirRecordRing consumer;
    RenoirRingOptions options;
} RecordPair;

static inline void record_pair_open(RecordPair *pair, uint64_t capacity, uint32_t max_record)
{
    pair->options = in_memory(RENOIR_RING_RECORD, record_options(capacity, max_record));
    REQUIRE_OK(
        renoir_record_ring_open(NULL, NULL, &pair->options, RENOIR_PRODUCER, &pair->producer));
    REQUIRE_OK(
        renoir_record_ring_open(NULL, NULL, &pair->options, RENOIR_CONSUMER, &pair->consumer));
}

static inline void record_pair_close(RecordPair *pair)
{
    renoir_ring_close(&pair->producer.end);
    renoir_ring_close(&pair->consumer.end);
    free(pair->options.memory);
}

static inline RnrRingShm *shm_of(const RenoirRingEnd *end)
{
    return (RnrRingShm *)end->shared;
}

// Bytes that tell record `number` from every other, and each of them from its neighbours.
static inline uint8_t pattern_byte(uint64_t number, size_t index)
{
    const uint64_t mixed = (number * 0x9e3779b97f4a7c15u) ^ ((uint64_t)index * 0xbf58476d1ce4e5b9u);
    return (uint8_t)(mixed >> 56);
}

static inline void pattern_fill(uint8_t *bytes, size_t length, uint64_t number)
{
    for (size_t i = 0; i < length; ++i) {
        bytes[i] = pattern_byte(number, i);
    }
}

static inline bool pattern_holds(const uint8_t *bytes, size_t length, uint64_t number)
{
    for (size_t i = 0; i < length; ++i) {
        if (bytes[i] != pattern_byte(number, i)) {
            return false;
        }
    }
    return true;
}

#endif
