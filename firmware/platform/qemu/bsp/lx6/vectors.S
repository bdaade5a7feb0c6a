/* Exception vectors of an Xtensa core with register windows, at the ESP32's offsets from VECBASE.
 * Xtensa Instruction Set Architecture Reference Manual, 4.7.1.4 (windows), 4.4.1 (exceptions).
 *
 * A window that is needed for a call spills the registers of the frame that holds it: four below the stack pointer of
 * the frame it called, those beyond into that frame's caller's own area. Underflow reads them back on return. */
#define LEVEL1_INTERRUPT 4 /* EXCCAUSE */
#define SYS_EXIT 1
#define SIMCALL .byte 0x00, 0x51, 0x00 /* an instruction of the simulator, which this assembler does not know */
#define TRAPPED 99 /* exit code of an exception nobody expected */

    .section .vectors, "ax", @progbits
    .balign 1024
    .global _vectors
_vectors:

overflow4: /* registers a0-a3 of the frame called by call4; a5 is the next frame's stack pointer */
    s32e a0, a5, -16
    s32e a1, a5, -12
    s32e a2, a5, -8
    s32e a3, a5, -4
    rfwo

    .org _vectors + 0x40
underflow4:
    l32e a0, a5, -16
    l32e a1, a5, -12
    l32e a2, a5, -8
    l32e a3, a5, -4
    rfwu

    .org _vectors + 0x80
overflow8: /* a0-a7; a9 is the next frame's stack pointer, a0 becomes the caller's */
    s32e a0, a9, -16
    l32e a0, a1, -12
    s32e a1, a9, -12
    s32e a2, a9, -8
    s32e a3, a9, -4
    s32e a4, a0, -32
    s32e a5, a0, -28
    s32e a6, a0, -24
    s32e a7, a0, -20
    rfwo

    .org _vectors + 0xC0
underflow8:
    l32e a0, a9, -16
    l32e a1, a9, -12
    l32e a2, a9, -8
    l32e a7, a1, -12
    l32e a3, a9, -4
    l32e a4, a7, -32
    l32e a5, a7, -28
    l32e a6, a7, -24
    l32e a7, a7, -20
    rfwu

    .org _vectors + 0x100
overflow12: /* a0-a11 */
    s32e a0, a13, -16
    l32e a0, a1, -12
    s32e a1, a13, -12
    s32e a2, a13, -8
    s32e a3, a13, -4
    s32e a4, a0, -48
    s32e a5, a0, -44
    s32e a6, a0, -40
    s32e a7, a0, -36
    s32e a8, a0, -32
    s32e a9, a0, -28
    s32e a10, a0, -24
    s32e a11, a0, -20
    rfwo

    .org _vectors + 0x140
underflow12:
    l32e a0, a13, -16
    l32e a1, a13, -12
    l32e a2, a13, -8
    l32e a11, a1, -12
    l32e a3, a13, -4
    l32e a4, a11, -48
    l32e a5, a11, -44
    l32e a6, a11, -40
    l32e a7, a11, -36
    l32e a8, a11, -32
    l32e a9, a11, -28
    l32e a10, a11, -24
    l32e a11, a11, -20
    rfwu

    .org _vectors + 0x180
    .rept 6 /* interrupts of levels 2 to 7: none is enabled */
    .balign 64
    j    trapped
    .endr

    .org _vectors + 0x300
kernel: /* an exception within an exception's handler, or before user mode */
    j    trapped

    .org _vectors + 0x340
user: /* A level 1 interrupt only ends a wait (waiti): it is switched off, and whoever waited looks what it was. */
    wsr  a2, excsave1
    rsr  a2, exccause
    beqi a2, LEVEL1_INTERRUPT, 1f
    j    trapped
1:  movi a2, 0
    wsr  a2, intenable
    rsr  a2, excsave1
    rfe

    .org _vectors + 0x3C0
double:
    j    trapped

    .org _vectors + 0x400
trapped:
    movi a2, SYS_EXIT
    movi a3, TRAPPED
    SIMCALL
    j    trapped

    .section .note.GNU-stack, "", @progbits
