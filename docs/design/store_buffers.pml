// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Memory with a store buffer per processor, for the models beside this file.
//
//     processor ── store ──► buffer, first in first out ── drain, at any time ──► memory
//               ◄─ load ──── the newest own store there, else memory
//
// That is the memory of x86 (P. Sewell and others, "x86-TSO", CACM 53, 2010), and the part of it
// that these protocols fight: a store that others see only after the loads that follow it. Loads
// out of order and stores out of order, which other processors have, are not here: the edges of
// release and acquire answer for those.
//
// Who includes this defines PROCESSORS, PLACES (words of memory) and DEPTH (stores in a buffer; a
// store waits while the buffer is full).

typedef Buffer {
    byte length;
    byte place[DEPTH];
    byte value[DEPTH];
};

Buffer buffers[PROCESSORS];
byte memory[PLACES];

// Scratch of the steps below; 0 between them, and so no part of a state.
hidden byte k_ = 0;

// The oldest store of a processor reaches memory. Only in a d_step, and only if there is one.
inline drain_one(p)
{
    memory[buffers[p].place[0]] = buffers[p].value[0];
    buffers[p].length--;
    k_ = 0;
    do
    :: k_ < buffers[p].length ->
        buffers[p].place[k_] = buffers[p].place[k_ + 1];
        buffers[p].value[k_] = buffers[p].value[k_ + 1];
        k_++
    :: else -> break
    od;
    buffers[p].place[k_] = 0;
    buffers[p].value[k_] = 0;
    k_ = 0
}

inline drain_all(p)
{
    do
    :: buffers[p].length > 0 -> drain_one(p)
    :: else -> break
    od
}

inline store(p, where, what)
{
    d_step {
        buffers[p].length < DEPTH ->
        buffers[p].place[buffers[p].length] = where;
        buffers[p].value[buffers[p].length] = what;
        buffers[p].length++
    }
}

// Only in a d_step.
inline look_up(p, where, out)
{
    out = memory[where];
    k_ = 0;
    do
    :: k_ < buffers[p].length ->
        if
        :: buffers[p].place[k_] == where -> out = buffers[p].value[k_]
        :: else
        fi;
        k_++
    :: else -> break
    od;
    k_ = 0
}

inline load(p, where, out)
{
    d_step {
        look_up(p, where, out)
    }
}

inline fence(p)
{
    d_step {
        drain_all(p);
        k_ = 0
    }
}

// Read-modify-writes are full fences too, as on x86.
inline fetch_or(p, where, bits, before)
{
    d_step {
        drain_all(p);
        before = memory[where];
        memory[where] = memory[where] | bits
    }
}

inline fetch_clear(p, where, bits, before)
{
    d_step {
        drain_all(p);
        before = memory[where];
        memory[where] = memory[where] & ~(bits)
    }
}

inline fetch_add(p, where, more, before)
{
    d_step {
        drain_all(p);
        before = memory[where];
        memory[where] = memory[where] + more
    }
}

inline compare_and_swap(p, where, expected, wanted)
{
    d_step {
        drain_all(p);
        if
        :: memory[where] == expected -> memory[where] = wanted
        :: else
        fi
    }
}

// membarrier(2): a full fence at this moment in the program order of every processor.
hidden byte each_ = 0;

inline barrier()
{
    d_step {
        each_ = 0;
        do
        :: each_ < PROCESSORS -> drain_all(each_); each_++
        :: else -> break
        od;
        each_ = 0
    }
}

// Drains on, whatever its processor does, and after the death of the process there.
proctype StoreBuffer(byte p)
{
end:
    do
    :: d_step { buffers[p].length > 0 -> drain_one(p) }
    od
}
