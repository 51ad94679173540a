// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Holds: how a publisher learns which cells nobody reads any more, with one fence per batch.
// docs/design/README.md has the switches.
//
// Checked, one line for each run; docs/design/README.md explains the words.
//     holds
//     holds   K=2                               two retired at once
//     holds   RELIABLE=1                        a reliable reader alone
//     holds   READERS=2 READS=1 LAST=4          two best-effort readers
//     holds   READERS=2 RELIABLE=1 READS=1 LAST=4   one of each
//     broken  NO_RETIRE_FENCE                   R3 left out
//     broken  NO_HOLD_FENCE                     H2 left out
//     broken  NO_TAIL_CHECK                     H3 looks at the stamp alone
//     broken  NO_STAMP_CHECK                    H3 looks at the tail alone
//     broken  NO_INVALIDATION                   the stamp is not 0 while its slot is written
//     broken  RELIABLE=1 CURSOR_FIRST           a reliable reader's cursor before its hold
//     broken  RELIABLE=1 HOLDS_FIRST            R4's holds before R1's cursors
//
//     publisher, when it needs room              best-effort reader, for each cell
//     R1  limit = smallest reliable cursor       H1  hold := sequence
//     R2  tail  := tail + K, at most limit       H2  full fence
//     R3  full fence                             H3  tail <= sequence, and the slot's stamp as
//     R4  scan the cursors, then the holds           expected after its cell number; else withdraw
//     R5  the cells below that nobody holds      H4  read the cell
//         are free, the others wait              H5  hold := 0
//
// A cell is lost to its reader only if R4 misses H1 and H3 misses R2. R3 and H2 are two full
// fences: if R3 comes first, H3 sees the tail and the reader withdraws; if H2 does, R4 sees the
// hold.
//
// A reliable reader, which the publisher never overtakes, needs neither H2 nor H3. It stores its
// hold, then its cursor; the publisher reads the cursors, then the holds: so it sees the hold on
// whatever it sees passed.
//
// A slot carries a stamp, 0 while it is written, and the number of a cell. A cell carries the
// sequence that it was filled for, in the place of a message: who has checked must find his own,
// whenever he looks.

#ifndef READERS
#define READERS 1
#endif
#ifndef RELIABLE
#define RELIABLE 0              // that many of the readers, the first ones
#endif
#ifndef LAST
#define LAST 5                  // sequences 1 to LAST
#endif
#ifndef READS
#define READS 2                 // tries of each best-effort reader
#endif
#ifndef K
#define K 1                     // retired at once
#endif
#define CAPACITY 2
#define SLOTS (CAPACITY + K)
#define CELLS (CAPACITY + READERS)

#define PUBLISHER 0
#define PROCESSORS (1 + READERS)
#define TAIL 0                  // the first sequence that may be read
#define HEAD 1                  // the first that may not yet
#define HOLD(r) (2 + (r))       // 0: nothing
#define CURSOR(r) (2 + READERS + (r))
#define STAMP(s) (2 + 2 * READERS + (s) % SLOTS)
#define CELL(s) (2 + 2 * READERS + SLOTS + (s) % SLOTS)
#define DATA(c) (2 + 2 * READERS + 2 * SLOTS + (c))
#define PLACES (2 + 2 * READERS + 2 * SLOTS + CELLS)
#define DEPTH 6                 // a whole publish, and one more

#include "store_buffers.pml"

#define NONE 255

// --- the publisher ------------------------------------------------------------------------------

inline lower_limit_to_cursors()
{
    r = 0;
    do
    :: r < RELIABLE ->
        load(PUBLISHER, CURSOR(r), word);
        if
        :: word < limit -> limit = word
        :: else
        fi;
        r++
    :: else -> break
    od;
    atomic { r = 0; word = 0 }
}

inline scan_holds()
{
    r = 0;
    do
    :: r < READERS -> load(PUBLISHER, HOLD(r), held[r]); r++
    :: else -> break
    od;
    r = 0
}

inline give_cells_back()
{
    atomic {
        s = 1;
        do
        :: s < limit ->
            r = 0;
            do
            :: r < READERS && held[r] != s -> r++
            :: else -> break
            od;
            if
            :: r == READERS && cell_of[s] != NONE ->
                is_taken[cell_of[s]] = false;
                cell_of[s] = NONE
            :: else
            fi;
            s++
        :: else -> break
        od;
        r = 0;
        do
        :: r < READERS -> held[r] = 0; r++
        :: else -> break
        od;
        s = 0;
        r = 0;
        limit = 0
    }
}

inline retire()
{
#ifdef HOLDS_FIRST
    scan_holds();
#endif
    limit = head;
    lower_limit_to_cursors();                       // R1
    tail = (tail + K <= limit -> tail + K : (tail <= limit -> limit : tail));
    store(PUBLISHER, TAIL, tail);                   // R2
#ifndef NO_RETIRE_FENCE
    fence(PUBLISHER);                               // R3
#endif
    limit = tail;
    lower_limit_to_cursors();                       // R4
#ifndef HOLDS_FIRST
    scan_holds();
#endif
    give_cells_back()                               // R5
}

inline take_cell()
{
    atomic {
        c = 0;
        do
        :: c < CELLS && is_taken[c] -> c++
        :: else -> break
        od;
        if
        :: c < CELLS -> is_taken[c] = true; cell_of[head] = c
        :: else
        fi
    }
}

proctype Publisher()
{
    byte cell_of[LAST + 1] = NONE;                  // of the sequences whose cells aren't free
    bool is_taken[CELLS];
    byte tail = 1;
    byte head = 1;
    byte limit;
    byte held[READERS];
    byte r;
    byte s;
    byte c;
    byte word;

    do
    :: head > LAST -> break
    :: else ->
        do
        :: head - tail < CAPACITY -> break
        :: else -> retire()
        od;
        take_cell();
        assert(c < CELLS);                          // no reader keeps more than one
        store(PUBLISHER, DATA(c), head);
#ifndef NO_INVALIDATION
        store(PUBLISHER, STAMP(head), 0);
#endif
        store(PUBLISHER, CELL(head), c);
        store(PUBLISHER, STAMP(head), head);
        atomic { c = 0; head++ };
        store(PUBLISHER, HEAD, head)
    od
}

// --- the readers --------------------------------------------------------------------------------

inline read_cell(p)
{
    load(p, DATA(cell), word);
    assert(word == mine);
    load(p, DATA(cell), word);
    assert(word == mine)
}

// Takes any sequence between the tail and the head that it sees.
proctype BestEffort(byte reader)
{
    byte me = 1 + reader;
    byte tries;
    byte mine;
    byte head;
    byte word;
    byte cell;
    byte stamp;

    do
    :: tries == READS -> break
    :: else ->
        tries++;
        load(me, TAIL, mine);
        load(me, HEAD, head);
        do
        :: mine + 1 < head -> mine++
        :: break
        od;
        if
        :: mine < head ->
            store(me, HOLD(reader), mine);          // H1
#ifndef NO_HOLD_FENCE
            fence(me);                              // H2
#endif
            load(me, TAIL, word);                   // H3
#ifdef NO_TAIL_CHECK
            word = 0;
#endif
            load(me, CELL(mine), cell);
            load(me, STAMP(mine), stamp);
#ifdef NO_STAMP_CHECK
            stamp = mine;
#endif
            if
            :: word <= mine && stamp == mine ->
                read_cell(me)                       // H4
            :: else                                 // withdrawn
            fi;
            store(me, HOLD(reader), 0)              // H5
        :: else
        fi;
        atomic { mine = 0; head = 0; word = 0; cell = 0; stamp = 0 }
    od
}

// Takes each sequence, in order.
proctype Reliable(byte reader)
{
    byte me = 1 + reader;
    byte mine = 1;
    byte word;
    byte cell;

    do
    :: mine > LAST -> break
    :: else ->
        word = 0;
        do
        :: word > mine -> break
        :: else -> memory[HEAD] > mine; load(me, HEAD, word)
        od;
#ifdef CURSOR_FIRST
        load(me, CELL(mine), cell);
        store(me, CURSOR(reader), mine + 1);
        store(me, HOLD(reader), mine);
#else
        store(me, HOLD(reader), mine);
        load(me, CELL(mine), cell);
        store(me, CURSOR(reader), mine + 1);
#endif
        read_cell(me);
        store(me, HOLD(reader), 0);
        atomic { word = 0; cell = 0; mine++ }
    od
}

init {
    byte i;
    atomic {
        memory[TAIL] = 1;
        memory[HEAD] = 1;
        do
        :: i < PROCESSORS -> run StoreBuffer(i); i++
        :: else -> break
        od;
        run Publisher();
        i = 0;
        do
        :: i < RELIABLE -> memory[CURSOR(i)] = 1; run Reliable(i); i++
        :: else -> break
        od;
        do
        :: i < READERS -> run BestEffort(i); i++
        :: else -> break
        od;
        i = 0
    }
}
