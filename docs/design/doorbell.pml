// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The doorbell: announce, barrier, look again, park. docs/design/README.md has the switches.
//
// Mirrors
//     [ring.sleep: seq_cst]  W1 to W4, S1 to S4    include/renoir/detail/ring_common.h
//     [bell.rung: release]   rnr_bell_ring          src/sync/bell.c
//     [bell.rung: acquire]   rnr_bell_is_armed and rnr_bell_announce, the two halves of rnr_bell_arm
//     sleep_until_ready, check_the_rest             src/ring/wait.c
//
// Checked, one line for each run; docs/design/README.md explains the words.
//     holds
//     holds   RINGERS=2                         two ringers, one bit
//     holds   SLEEPERS=2                        two sleepers, one bit and one bell
//     holds   RINGER_FENCES                     a ringer that no barrier reaches has W2
//     holds   DEATH SLICES                      a ringer dies anywhere
//     holds   DEATH SLICES SLEEPERS=2           the same with two sleepers
//     holds   NO_BARRIER SLICES                 a wake-up is late by one slice, not lost
//     stuck   NO_BARRIER                        S2 left out
//     stuck   RINGER_FENCES NO_RINGER_FENCE     W2 left out
//     stuck   RINGER_FENCES NO_SLEEPER_FENCE    S1 is no full fence
//     stuck   NO_LOOK_AGAIN                     S3 before S1
//     stuck   LATE_VALUE                        S4 parks on a value read after S3
//     stuck   BUMP_FIRST                        the word changes before the bit is cleared
//     stuck   WAKE_FIRST                        the wake comes before the word changes
//     stuck   SLEEPERS=2 BIT_ALONE              armed while the bit is set, whatever the word
//     stuck   SLEEPERS=2 DISARM_SHARED          who goes clears a bit that another relies on
//     stuck   DEATH                             a dead ringer wakes nobody: so there are slices
//     broken  DEATH SLICES NO_LAST_LOOK         no look after the ringer's death: DISCONNECTED
//                                               before all that it committed was read
//
// RINGERS ringers publish ITEMS items each, every one by an index of its own. SLEEPERS sleepers
// want to see them all and sleep on one bell. Without SLICES a sleep ends by a wake alone (and once
// for no reason, as the system call may), so that a lost wake-up is a sleeper that sleeps for ever:
// an invalid end state.

#ifndef RINGERS
#define RINGERS 1
#endif
#ifndef SLEEPERS
#define SLEEPERS 1
#endif
#ifndef ITEMS
#define ITEMS 2
#endif
#ifndef SPURIOUS
#define SPURIOUS 1
#endif

#define PROCESSORS (RINGERS + SLEEPERS)
#define BITS 0                  // the word `sleepers`
#define BELL 1                  // the futex word
#define INDEX(r) (2 + (r))      // the condition: what ringer r has published
#define PLACES (2 + RINGERS)
#define DEPTH 3                 // a ringer stores ITEMS times and drains at each wake-up

#define BIT 1

#include "store_buffers.pml"

bool asleep[SLEEPERS];          // in the kernel's queue of the futex
bool gone[RINGERS];             // its role's lock is free: it ended, or died

// --- the kernel ---------------------------------------------------------------------------------

// Compares and sleeps in one step, against any wake. Its queue's lock fences.
inline park(p, s, expected)
{
    atomic {
        fence(p);
        asleep[s] = (memory[BELL] == expected)
    };
    if
    :: !asleep[s]
    :: naps_cut < SPURIOUS -> d_step { asleep[s] = false; naps_cut++ }
#ifdef SLICES
    // The slice is over: not before everything else has come to rest, the worst moment of all.
    :: timeout -> asleep[s] = false
#endif
    fi
}

inline wake(p)
{
    d_step {
        drain_all(p);
        each_ = 0;
        do
        :: each_ < SLEEPERS -> asleep[each_] = false; each_++
        :: else -> break
        od;
        each_ = 0
    }
}

// --- rnr_bell_ring ------------------------------------------------------------------------------

#ifdef DEATH
#define MAY_DIE if :: goto dead :: true fi
#else
#define MAY_DIE skip
#endif

proctype Ringer(byte me)
{
    byte item;
    byte seen;

    do
    :: item < ITEMS ->
        item++;
        store(me, INDEX(me), item);                 // W1
        MAY_DIE;
#if defined(RINGER_FENCES) && !defined(NO_RINGER_FENCE)
        fence(me);                                  // W2, where no barrier reaches this process
#endif
        load(me, BITS, seen);                       // W3
        if
        :: (seen & BIT) != 0 ->                     // W4
#if defined(BUMP_FIRST)
            fetch_add(me, BELL, 1, seen);
            fetch_clear(me, BITS, BIT, seen);
            wake(me)
#elif defined(WAKE_FIRST)
            fetch_clear(me, BITS, BIT, seen);
            wake(me);
            fetch_add(me, BELL, 1, seen)
#else
            fetch_clear(me, BITS, BIT, seen);
            if
            :: (seen & BIT) != 0 ->
                MAY_DIE;                            // bell.ring.cleared
                fetch_add(me, BELL, 1, seen);
                MAY_DIE;                            // bell.ring.changed
                wake(me)
            :: else                                 // another ringer has the bit, and rings
            fi
#endif
        :: else
        fi;
        seen = 0
    :: else -> break
    od;
dead:
    // The kernel drops the lock when no instruction of the process can run any more; its stores
    // are in memory then.
    atomic { buffers[me].length == 0 -> gone[me] = true; item = 0; seen = 0 }
}

// --- rnr_bell_arm, sleep_until_ready --------------------------------------------------------------

// Has anything come that was not seen? Each ringer's index is read by a step of its own.
inline look(p)
{
    found = false;
    from = 0;
    do
    :: from < RINGERS ->
        load(p, INDEX(from), index);
        if
        :: index != got[from] -> got[from] = index; found = true
        :: else
        fi;
        from++
    :: else -> break
    od;
    atomic { from = 0; index = 0 }
}

#if RINGERS == 1
#define HAS_ALL (got[0] == ITEMS)
#define ALL_GONE (gone[0])
#define HAS_COMMITTED (got[0] == memory[INDEX(0)])
#else
#define HAS_ALL (got[0] == ITEMS && got[1] == ITEMS)
#define ALL_GONE (gone[0] && gone[1])
#define HAS_COMMITTED (got[0] == memory[INDEX(0)] && got[1] == memory[INDEX(1)])
#endif

// One bit for several sleepers: it stays where others may rely on it.
#if SLEEPERS > 1 && !defined(DISARM_SHARED)
#define disarm(p) is_armed = false
#else
#define disarm(p) fetch_clear(p, BITS, BIT, before); is_armed = false
#endif

// The word is as it was when I announced myself, and the bit is set, whoever set it.
#ifdef BIT_ALONE
#define STILL_ARMED ((before & BIT) != 0)
#else
#define STILL_ARMED ((before & BIT) != 0 && value == armed_at)
#endif

inline arm(p)
{
    load(p, BELL, value);
    before = 0;
    if
    :: is_armed -> load(p, BITS, before)
    :: else
    fi;
    if
    :: is_armed && STILL_ARMED
    :: else ->
#ifdef NO_SLEEPER_FENCE
        load(p, BITS, before);
        store(p, BITS, before | BIT);
#else
        fetch_or(p, BITS, BIT, before);             // S1
#endif
#if !defined(RINGER_FENCES) && !defined(NO_BARRIER)
        barrier();                                  // S2
#endif
        d_step { is_armed = true; armed_at = value }
    fi;
    before = 0
}

proctype Sleeper(byte s)
{
    byte me = RINGERS + s;
    byte got[RINGERS];
    byte value;
    byte armed_at;
    byte before;
    byte index;
    byte from;
    byte naps_cut;
    bool is_armed;
    bool found;
    bool was_gone;

    do
    :: HAS_ALL -> break
    :: else ->
#ifdef NO_LOOK_AGAIN
        look(me);
#endif
        arm(me);
#ifndef NO_LOOK_AGAIN
        look(me);                                   // S3
#endif
        if
        :: found ->
            // What came is used; the next wait finds the bell armed, or not.
            if
            :: disarm(me)
            :: true
            fi
        :: else ->
            was_gone = ALL_GONE;
            if
            :: was_gone ->
#ifndef NO_LAST_LOOK
                look(me);
#endif
                if
                :: found
                :: else -> assert(HAS_COMMITTED); break
                fi
            :: else ->
#ifdef LATE_VALUE
                load(me, BELL, value);
#endif
                park(me, s, value)                  // S4
            fi
        fi
    od;
    atomic {
        from = 0;
        do
        :: from < RINGERS -> got[from] = 0; from++
        :: else -> break
        od;
        value = 0; armed_at = 0; before = 0; index = 0; from = 0; naps_cut = 0;
        is_armed = false; found = false; was_gone = false
    }
}

init {
    byte i;
    atomic {
        do
        :: i < PROCESSORS -> run StoreBuffer(i); i++
        :: else -> break
        od;
        i = 0;
        do
        :: i < RINGERS -> run Ringer(i); i++
        :: else -> break
        od;
        i = 0;
        do
        :: i < SLEEPERS -> run Sleeper(i); i++
        :: else -> break
        od;
        i = 0
    }
}
