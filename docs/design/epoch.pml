// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Epochs: readers enter and leave by one store each, retirers load and store, and all fences are
// the reclaimer's.
//
// Mirrors src/sync/epoch.c, "Why seq_cst"; its letters are used here:
//     [epoch.grace: seq_cst]     R2, C2 and A2, T1
//     [epoch.inside: release]    R1                 [epoch.inside: acquire]   C3
//     [epoch.advance: acquire]   R0, T2, A1         [epoch.advance: acq_rel]  A3
//     [epoch.ready: release]     T3                 [epoch.ready: acquire]    C1
//
// One link leads to a thing. The retirer puts the next one in its place, again and again, and
// retires the one before. A reader that found a thing in a section must have left before the thing
// is given back. Readers that died are left out: they read nothing any more.
//
// Checked, one line for each run; docs/design/README.md explains the words.
//     holds
//     holds   SECTIONS=2                        a second section
//     holds   FENCES                            where no barrier reaches anybody
//     broken  NO_BARRIER                        C2 and A2 left out
//     broken  FENCES NO_READER_FENCE            R2 left out
//     broken  FENCES NO_RETIRER_FENCE           T1 left out
//     broken  ONE_EPOCH                         given back one epoch later, not two
//     broken  LATE_EPOCH                        A1 after A2
//     broken  LATE_RECORDS                      C1 after C3

#ifndef READERS
#define READERS 1
#endif
#ifndef SECTIONS
#define SECTIONS 1              // of each reader
#endif
#ifndef THINGS
#define THINGS 1                // retired, one after the other
#endif
#define PASSES 2                // of one reclaimer; another makes one pass

#define RETIRER 0
#define RECLAIMER 1             // one for both: they never store, but by swaps
#define READER(r) (2 + (r))
#define PROCESSORS (2 + READERS)
#define LINK 0                  // the thing that a reader finds: 0 to THINGS
#define EPOCH 1
#define STATE(r) (2 + (r))      // 2 * epoch + 1: inside; 0: outside
#define READY(t) (2 + READERS + (t))    // the record's epoch; 0: not retired
#define PLACES (2 + READERS + THINGS)
#define DEPTH 3

#include "store_buffers.pml"

bool is_given_back[THINGS + 1];

proctype Retirer()
{
    byte thing;
    byte now;

    do
    :: thing < THINGS ->
        store(RETIRER, LINK, thing + 1);            // U
#if defined(FENCES) && !defined(NO_RETIRER_FENCE)
        fence(RETIRER);                             // T1, where no barrier reaches this process
#endif
        load(RETIRER, EPOCH, now);                  // T2
        store(RETIRER, READY(thing), now);          // T3
        atomic { now = 0; thing++ }
    :: else -> break
    od
}

proctype Reader(byte reader)
{
    byte me = READER(reader);
    byte sections;
    byte now;
    byte thing;

    do
    :: sections < SECTIONS ->
        load(me, EPOCH, now);                       // R0
        store(me, STATE(reader), 2 * now + 1);      // R1
#if defined(FENCES) && !defined(NO_READER_FENCE)
        fence(me);                                  // R2, where no barrier reaches this process
#endif
        load(me, LINK, thing);                      // R3
        // Once given back it stays so: this says that it was not at any time before.
        assert(!is_given_back[thing]);
        store(me, STATE(reader), 0);                // leave
        atomic { now = 0; thing = 0; sections++ }
    :: else -> break
    od
}

// A loop of one load is one step: the others would only see what lies between that is nobody's.
#if THINGS == 1
#define note_records() load(RECLAIMER, READY(0), seen[0])
#else
inline note_records()
{
    do
    :: i < THINGS -> load(RECLAIMER, READY(i), seen[i]); i++
    :: else -> break
    od;
    i = 0
}
#endif

#define NOBODY 255

inline find_oldest()
{
    oldest = NOBODY;
    do
    :: i < READERS ->
        atomic {
            load(RECLAIMER, STATE(i), state);       // C3
            if
            :: (state & 1) == 1 && state / 2 < oldest -> oldest = state / 2
            :: else
            fi;
            state = 0;
            i++
        }
    :: else -> break
    od;
    i = 0
}

#ifdef ONE_EPOCH
#define GRACE 1
#else
#define GRACE 2
#endif

proctype Reclaimer(byte passes)
{
    byte seen[THINGS];
    byte now;
    byte oldest;
    byte state;
    byte i;

    do
    :: passes > 0 ->
#ifndef LATE_RECORDS
        note_records();                             // C1
#endif
#ifndef LATE_EPOCH
        load(RECLAIMER, EPOCH, now);                // A1
#endif
#if defined(FENCES) || defined(NO_BARRIER)
        fence(RECLAIMER);
#else
        barrier();                                  // C2, A2
#endif
#ifdef LATE_EPOCH
        load(RECLAIMER, EPOCH, now);
#endif
        find_oldest();
#ifdef LATE_RECORDS
        note_records();
#endif
        atomic {
            if
            :: oldest >= now -> compare_and_swap(RECLAIMER, EPOCH, now, now + 1)    // A3
            :: else
            fi
        };
        atomic {
            do
            :: i < THINGS ->
                if
                :: seen[i] != 0 && (oldest == NOBODY || oldest >= seen[i] + GRACE) ->
                    is_given_back[i] = true         // C4
                :: else
                fi;
                seen[i] = 0;
                i++
            :: else -> break
            od;
            i = 0;
            now = 0;
            oldest = 0;
            passes--
        }
    :: else -> break
    od
}

init {
    byte i;
    atomic {
        memory[EPOCH] = 1;
        run StoreBuffer(RETIRER);
        run Retirer();
        run Reclaimer(PASSES);
        run Reclaimer(1);
        do
        :: i < READERS -> run StoreBuffer(READER(i)); run Reader(i); i++
        :: else -> break
        od;
        i = 0
    }
}
