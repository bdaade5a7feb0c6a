/* Start of a bare program with Xtensa's windowed calls, and its end: main's return value is QEMU's exit code, told
 * through the simulator call. No ROM has run before: windows, vectors, coprocessor and .bss are set up here. */
#define WINDOWED_USER_MODE 0x00040020 /* PS: WOE, UM; interrupts not masked, none enabled */
#define FPU 1                         /* coprocessor 0 */
#define SYS_EXIT 1
#define TRAPPED 99 /* exit code of a program that gives up */
#define SIMCALL .byte 0x00, 0x51, 0x00 /* an instruction of the simulator, which this assembler does not know */

    .section .literal._start, "a", @progbits
    .balign 4
.Lvectors: .long _vectors
.Lstack:   .long __stack_top
.Lstatus:  .long WINDOWED_USER_MODE
.Lbss:     .long __bss_start
.Lbss_end: .long __bss_end
.Lmain:    .long main

    .section .text._start, "ax", @progbits
    .balign 4
    .global _start
_start:
    movi a0, 0
    wsr  a0, windowbase
    rsync
    movi a0, 1
    wsr  a0, windowstart
    rsync
    movi a0, 0 /* the end of the chain of frames */
    wsr  a0, intenable
    l32r a2, .Lvectors
    wsr  a2, vecbase
    l32r a1, .Lstack
    l32r a2, .Lstatus
    wsr  a2, ps
    rsync
    movi a2, FPU
    wsr  a2, cpenable
    rsync
    l32r a2, .Lbss
    l32r a3, .Lbss_end
    bgeu a2, a3, 2f
1:  s32i a0, a2, 0
    addi a2, a2, 4
    bltu a2, a3, 1b
2:  movi a10, 0
    movi a11, 0
    l32r a4, .Lmain
    callx8 a4
    mov  a3, a10
    movi a2, SYS_EXIT
    SIMCALL
3:  j    3b

/* The compiler's __builtin_trap, and whatever it takes for unreachable. */
    .section .text.abort, "ax", @progbits
    .balign 4
    .global abort
    .type abort, @function
abort:
    entry a1, 32
    movi a2, SYS_EXIT
    movi a3, TRAPPED
    SIMCALL
4:  j    4b

/* uint32_t simulator_call(uint32_t number, uint32_t a, uint32_t b, uint32_t c): QEMU's -semihosting on Xtensa. */
    .section .text.simulator_call, "ax", @progbits
    .balign 4
    .global simulator_call
    .type simulator_call, @function
simulator_call:
    entry a1, 32
    SIMCALL
    retw

    .section .note.GNU-stack, "", @progbits
