/* Start of a bare program on QEMU's mps2-an386 (Cortex-M4 with FPU), and its end: main's return value is QEMU's exit
 * code, told through semihosting. Armv7-M Architecture Reference Manual (DDI 0403); semihosting for AArch32, 2.0. */
#define CPACR 0xE000ED88
#define FPU_FULL_ACCESS (0xF << 20) /* coprocessors 10 and 11 */
#define SYS_EXIT_EXTENDED 0x20
#define APPLICATION_EXIT 0x20026
#define TRAPPED 99 /* exit code of an exception nobody expected */

    .syntax unified
    .cpu cortex-m4
    .thumb

    .section .vectors, "a"
    .globl _vectors
_vectors:
    .word __stack_top
    .word _start
    .rept 14 /* faults and system exceptions */
    .word trapped
    .endr
    .rept 32 /* interrupts: none is ever taken, PRIMASK is set */
    .word trapped
    .endr

    .section .text._start, "ax"
    .globl _start
    .thumb_func
_start:
    cpsid i
    ldr   r0, =CPACR
    ldr   r1, [r0]
    orr   r1, r1, #FPU_FULL_ACCESS
    str   r1, [r0]
    dsb
    isb
    ldr   r0, =__data_load
    ldr   r1, =__data_start
    ldr   r2, =__data_end
1:  cmp   r1, r2
    bhs   2f
    ldr   r3, [r0], #4
    str   r3, [r1], #4
    b     1b
2:  ldr   r1, =__bss_start
    ldr   r2, =__bss_end
    movs  r3, #0
3:  cmp   r1, r2
    bhs   4f
    str   r3, [r1], #4
    b     3b
4:  movs  r0, #0
    movs  r1, #0
    bl    main

    .globl _exit
    .thumb_func
_exit: /* r0 is the exit code */
    sub   sp, sp, #8
    ldr   r1, =APPLICATION_EXIT
    strd  r1, r0, [sp]
    mov   r1, sp
    movs  r0, #SYS_EXIT_EXTENDED
    bkpt  0xAB
5:  b     5b
    .ltorg

    .thumb_func
trapped:
    movs  r0, #TRAPPED
    b     _exit
    .section .note.GNU-stack, "", %progbits
