// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Coroutines. On the two processors that explorations are run on, a few instructions: what a called
// function must keep, and the stack; elsewhere swapcontext(3), whose system calls take most of the
// time then.

#include <string.h>

#include "engine.h"

#if defined(__x86_64__)

__asm__(".text\n"
        ".globl explore_switch\n"
        ".type explore_switch, @function\n"
        "explore_switch:\n"
        "    pushq %rbp\n"
        "    pushq %rbx\n"
        "    pushq %r12\n"
        "    pushq %r13\n"
        "    pushq %r14\n"
        "    pushq %r15\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    popq %r15\n"
        "    popq %r14\n"
        "    popq %r13\n"
        "    popq %r12\n"
        "    popq %rbx\n"
        "    popq %rbp\n"
        "    ret\n"
        ".size explore_switch, . - explore_switch\n");

enum {
    FRAME_WORDS = 8,
    ENTRY_WORD = 6
}; // six registers, where to return to, and one for alignment

#elif defined(__aarch64__)

__asm__(".text\n"
        ".globl explore_switch\n"
        ".type explore_switch, %function\n"
        "explore_switch:\n"
        "    stp x29, x30, [sp, -160]!\n"
        "    stp x19, x20, [sp, 16]\n"
        "    stp x21, x22, [sp, 32]\n"
        "    stp x23, x24, [sp, 48]\n"
        "    stp x25, x26, [sp, 64]\n"
        "    stp x27, x28, [sp, 80]\n"
        "    stp d8, d9, [sp, 96]\n"
        "    stp d10, d11, [sp, 112]\n"
        "    stp d12, d13, [sp, 128]\n"
        "    stp d14, d15, [sp, 144]\n"
        "    mov x9, sp\n"
        "    str x9, [x0]\n"
        "    mov sp, x1\n"
        "    ldp x19, x20, [sp, 16]\n"
        "    ldp x21, x22, [sp, 32]\n"
        "    ldp x23, x24, [sp, 48]\n"
        "    ldp x25, x26, [sp, 64]\n"
        "    ldp x27, x28, [sp, 80]\n"
        "    ldp d8, d9, [sp, 96]\n"
        "    ldp d10, d11, [sp, 112]\n"
        "    ldp d12, d13, [sp, 128]\n"
        "    ldp d14, d15, [sp, 144]\n"
        "    ldp x29, x30, [sp], 160\n"
        "    ret\n"
        ".size explore_switch, . - explore_switch\n");

enum { FRAME_WORDS = 20, ENTRY_WORD = 1 };

#else

#include <ucontext.h>

static ucontext_t contexts[EXPLORE_PROCESSES_MAX + 1];
static unsigned next_context;

// A place is a context; those of the processes are used again from one execution to the next.
static ucontext_t *take_context(void)
{
    ucontext_t *const context = &contexts[next_context];
    next_context = (next_context + 1) % (EXPLORE_PROCESSES_MAX + 1);
    return context;
}

void explore_switch(void **from, void *to)
{
    ucontext_t here;
    *from = &here;
    (void)swapcontext(&here, (ucontext_t *)to);
}

void *explore_start(void *stack, size_t size, void (*run)(void))
{
    ucontext_t *const context = take_context();
    (void)getcontext(context);
    context->uc_stack.ss_sp = stack;
    context->uc_stack.ss_size = size;
    context->uc_link = NULL;
    makecontext(context, run, 0);
    return context;
}

#endif

#if defined(__x86_64__) || defined(__aarch64__)
void *explore_start(void *stack, size_t size, void (*run)(void))
{
    uintptr_t *const top = (uintptr_t *)(((uintptr_t)stack + size) & ~(uintptr_t)63);
    uintptr_t *const frame = top - FRAME_WORDS;

    memset(frame, 0, FRAME_WORDS * sizeof frame[0]);
    frame[ENTRY_WORD] = (uintptr_t)run;
    return frame;
}
#endif
