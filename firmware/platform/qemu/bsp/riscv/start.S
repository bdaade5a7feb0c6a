/* Start of a bare RISC-V program on QEMU's virt machine, and its end: main's return value is QEMU's exit code. */
#define SIFIVE_TEST 0x100000
#define PASSED 0x5555
#define FAILED 0x3333
#define FPU_INITIAL 0x2000 /* mstatus.FS: floating-point instructions do not trap */
#define TRAPPED 99 /* exit code of an exception nobody expected */

    .section .init, "ax"
    .globl _start
_start:
    la   sp, __stack_top
    .option push
    .option norelax /* relaxing this one would compute gp from gp */
    la   gp, __global_pointer$
    .option pop
    la   t0, trapped
    csrw mtvec, t0
#ifdef __riscv_flen
    li   t0, FPU_INITIAL
    csrs mstatus, t0
#endif
    la   t0, __bss_start
    la   t1, __bss_end
1:  bgeu t0, t1, 2f
    sw   zero, 0(t0)
    addi t0, t0, 4
    j    1b
2:  li   a0, 0
    li   a1, 0
    call main

    .globl _exit
_exit: /* a0 is the exit code */
    li   t0, SIFIVE_TEST
    li   t1, PASSED
    beqz a0, 3f
    slli a0, a0, 16
    li   t1, FAILED
    or   t1, t1, a0
3:  sw   t1, 0(t0)
4:  j    4b

    .align 2
trapped:
    li   a0, TRAPPED
    j    _exit
