// SPDX-License-Identifier: MIT OR Apache-2.0

#include "harness/test.h"
#include "platform/clock.h"
#include "renoir/library.h"
#include "sync/bell.h"
#include "sync/spin.h"

typedef struct Words {
    RnrAtomicU32 sleepers;
    RnrAtomicU32 word;
} Words;

static RnrBell bell_of(Words *words)
{
    return (RnrBell){.sleepers = &words->sleepers, .word = &words->word, .bit = 2};
}

TEST(bell, ringing_does_nothing_while_nobody_has_announced_itself, "R-072 sync_pattern")
{
    Words words = {{0}, {0}};
    const RnrBell bell = bell_of(&words);
    rnr_bell_ring(&bell);
    CHECK_EQ_U64(0, words.word.value);
}

TEST(bell, ringing_clears_the_bit_then_changes_the_word, "R-072 T-061 sync_pattern")
{
    Words words = {{1}, {7}}; // bit 0 is somebody else's
    const RnrBell bell = bell_of(&words);
    RnrNap nap = {0};
    rnr_bell_arm(&bell, &nap);
    CHECK_EQ_U64(3, words.sleepers.value);
    CHECK_EQ_U64(7, nap.value);
    rnr_bell_ring(&bell);
    CHECK_EQ_U64(1, words.sleepers.value);
    CHECK_EQ_U64(8, words.word.value);
    rnr_bell_ring(&bell);
    CHECK_EQ_U64(8, words.word.value);
}

TEST(bell, a_sleeper_that_was_rung_before_it_sleeps_does_not_sleep, "R-072 T-060 T-061")
{
    Words words = {{0}, {0}};
    const RnrBell bell = bell_of(&words);
    RnrNap nap = {0};
    rnr_bell_arm(&bell, &nap);
    rnr_bell_ring(&bell);
    for (int i = 0; i < 1000; ++i) { // each would be a slice of 5 ms and more
        CHECK_STATUS(RENOIR_SUCCESS, rnr_bell_sleep(&bell, &nap, true, UINT64_MAX));
    }
    rnr_bell_disarm(&bell, &nap);
    CHECK_EQ_U64(0, words.sleepers.value);
}

TEST(bell, an_armed_sleeper_arms_again_only_after_it_was_rung, "R-072 sync_pattern")
{
    Words words = {{0}, {0}};
    const RnrBell bell = bell_of(&words);
    RnrNap nap = {0};
    rnr_bell_arm(&bell, &nap);
    rnr_bell_arm(&bell, &nap);
    CHECK_EQ_U64(2, words.sleepers.value);
    rnr_bell_ring(&bell);
    CHECK_EQ_U64(0, words.sleepers.value);
    rnr_bell_arm(&bell, &nap);
    CHECK_EQ_U64(2, words.sleepers.value);
    CHECK_EQ_U64(1, nap.value);
    rnr_bell_disarm(&bell, &nap);
    CHECK_EQ_U64(0, words.sleepers.value);
}

TEST(bell, slices_grow_from_five_to_fifty_milliseconds, "R-072 real_time")
{
    Words words = {{0}, {0}};
    const RnrBell bell = bell_of(&words);
    RnrNap nap = {.is_covered = true};
    uint64_t shortest = RNR_BELL_FIRST_SLICE_NS;
    for (int i = 0; i < 5; ++i) {
        const uint64_t begin = rnr_clock_now_ns();
        (void)rnr_bell_sleep(&bell, &nap, false, UINT64_MAX);
        CHECK(rnr_clock_now_ns() - begin >= shortest);
        shortest = shortest * 2 > RNR_BELL_LAST_SLICE_NS ? RNR_BELL_LAST_SLICE_NS : shortest * 2;
        CHECK_EQ_U64(shortest, nap.slice_ns);
    }
}

TEST(bell, a_sleep_ends_with_the_deadline, "R-072 T-012 real_time")
{
    Words words = {{0}, {0}};
    const RnrBell bell = bell_of(&words);
    RnrNap nap = {.is_covered = true, .slice_ns = RENOIR_SECONDS(1000)};
    const uint64_t begin = rnr_clock_now_ns();
    CHECK_STATUS(RENOIR_TIMEOUT,
                 rnr_bell_sleep(&bell, &nap, false, begin + RENOIR_MILLISECONDS(3)));
    CHECK(rnr_clock_now_ns() >= begin + RENOIR_MILLISECONDS(3));
}

TEST(bell, ringing_says_whether_somebody_was_announced, "R-072 sync_pattern")
{
    Words words = {{0}, {0}};
    const RnrBell bell = bell_of(&words);
    RnrNap nap = {0};
    CHECK(!rnr_bell_ring(&bell));
    rnr_bell_arm(&bell, &nap);
    CHECK(rnr_bell_ring(&bell));
    CHECK(!rnr_bell_ring(&bell));
}

// --- several sleepers behind one bit -------------------------------------------------------------

static RnrBell shared_bell_of(Words *words)
{
    RnrBell bell = bell_of(words);
    bell.is_shared = true;
    return bell;
}

TEST(bell, who_leaves_does_not_take_back_what_others_announced, "R-072 T-061 sync_pattern")
{
    Words words = {{0}, {0}};
    const RnrBell bell = shared_bell_of(&words);
    RnrNap first = {0};
    RnrNap second = {0};
    rnr_bell_arm(&bell, &first);
    rnr_bell_arm(&bell, &second);
    rnr_bell_disarm(&bell, &first);
    CHECK(!rnr_bell_is_armed(&bell, &first));
    CHECK(rnr_bell_is_armed(&bell, &second));
    CHECK_EQ_U64(2, words.sleepers.value);
}

TEST(bell, a_bit_that_another_set_is_no_announcement_of_ones_own, "R-072 T-061 sync_pattern")
{
    Words words = {{0}, {0}};
    const RnrBell bell = shared_bell_of(&words);
    RnrNap first = {0};
    RnrNap second = {0};
    rnr_bell_arm(&bell, &first);
    rnr_bell_ring(&bell);
    rnr_bell_arm(&bell, &second); // the bit is set again
    CHECK_EQ_U64(2, words.sleepers.value);
    CHECK(!rnr_bell_is_armed(&bell, &first));
    rnr_bell_arm(&bell, &first);
    CHECK_EQ_U64(1, first.value);
    CHECK(rnr_bell_is_armed(&bell, &first));
}

TEST(bell, a_ring_that_is_not_finished_leaves_the_announcement, "R-072 T-061 sync_pattern")
{
    Words words = {{0}, {0}};
    const RnrBell bell = shared_bell_of(&words);
    RnrNap first = {0};
    RnrNap second = {0};
    rnr_bell_arm(&bell, &first);
    words.sleepers.value = 0; // a ringer has cleared the bit, and changes the word later
    CHECK(!rnr_bell_is_armed(&bell, &first));
    rnr_bell_arm(&bell, &second);
    CHECK(rnr_bell_is_armed(&bell, &first)); // that ringer wakes it from this value
    CHECK_EQ_U64(0, first.value);
}

TEST(bell, a_sleeper_that_nobody_in_particular_serves_sleeps_longer, "R-072 real_time")
{
    Words words = {{0}, {0}};
    const RnrBell bell = bell_of(&words);
    RnrNap nap = {.is_covered = true,
                  .slice_ns = RENOIR_MILLISECONDS(1),
                  .longest_ns = RENOIR_MILLISECONDS(3)};
    (void)rnr_bell_sleep(&bell, &nap, false, UINT64_MAX);
    CHECK_EQ_U64(RENOIR_MILLISECONDS(2), nap.slice_ns);
    (void)rnr_bell_sleep(&bell, &nap, false, UINT64_MAX);
    CHECK_EQ_U64(RENOIR_MILLISECONDS(3), nap.slice_ns);
}

TEST(spin, the_caller_sets_how_long_it_looks_before_it_sleeps, "R-072 sync_pattern")
{
    CHECK_EQ_U64(0, rnr_spin_resolve(RENOIR_SPIN_NEVER));
    CHECK_EQ_U64(12345, rnr_spin_resolve(12345));
    CHECK_EQ_U64(RENOIR_SPIN_ALWAYS, rnr_spin_resolve(RENOIR_SPIN_ALWAYS));
    const uint64_t by_default = rnr_spin_resolve(0);
    CHECK(by_default == 0 || by_default == RNR_SPIN_DEFAULT_NS);
    CHECK(rnr_spin_again(rnr_clock_now_ns() + RENOIR_SECONDS(100)));
    CHECK(!rnr_spin_again(rnr_clock_now_ns()));
}
