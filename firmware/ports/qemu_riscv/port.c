/* The board as QEMU's virt machine (RISC-V): the line is its first serial port, a 16550.
 *
 *     qemu-system-riscv32 -M virt -bios none -display none -monitor none -serial stdio -kernel firmware.elf
 *
 * Registers: QEMU hw/riscv/virt.c for the addresses; 16550 data sheet; RISC-V PLIC specification 1.0.
 */
#include "port.h"
#include "stack.h"

#define UART ((volatile uint8_t *)0x10000000u)
#define UART_IRQ 10u
enum { UART_DATA = 0, UART_INTERRUPTS = 1, UART_STATUS = 5 };
#define UART_INTERRUPT_RECEIVED 0x01u
#define UART_STATUS_RECEIVED 0x01u
#define UART_STATUS_CAN_SEND 0x20u

#define PLIC_PRIORITY ((volatile uint32_t *)0x0C000000u)
#define PLIC_ENABLE ((volatile uint32_t *)0x0C002000u) /* hart 0, machine mode */
#define PLIC_THRESHOLD ((volatile uint32_t *)0x0C200000u)
#define PLIC_CLAIM ((volatile uint32_t *)0x0C200004u)

#define CLINT_TIME ((volatile uint32_t *)0x0200BFF8u)  /* low word, high word */
#define CLINT_ALARM ((volatile uint32_t *)0x02004000u) /* the time of an interrupt, likewise */
#define CLINT_TICKS_PER_US 10u
#define ALARM_MAX_TICKS 1000000000u /* 100 s: at the end of time QEMU's -icount would spin */

#define MIE_TIMER (1u << 7)
#define MIE_EXTERNAL (1u << 11)

void port_write(const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        while ((UART[UART_STATUS] & UART_STATUS_CAN_SEND) == 0) { /* until the byte before has left */
        }
        UART[UART_DATA] = bytes[i];
    }
}

static uint64_t clock_ticks(void)
{
    const uint32_t high = CLINT_TIME[1];
    uint32_t low = CLINT_TIME[0];
    const uint32_t high_after = CLINT_TIME[1];
    if (high_after != high) { /* the low word has just wrapped, and will not again for 429 s */
        low = CLINT_TIME[0];
    }
    return (uint64_t)high_after << 32 | low;
}

uint32_t port_clock_us(void)
{
    return (uint32_t)(clock_ticks() / CLINT_TICKS_PER_US);
}

const uint32_t port_ticks_per_s = 0;

/* Executed instructions: exact with -icount shift=0, without it no number means anything. */
uint32_t port_ticks(void)
{
    uint32_t count;
    __asm__ volatile("csrr %0, 0xB02" : "=r"(count)); /* minstret; its name needs an extension that gcc 12 lacks */
    return count;
}

uint32_t port_stack_bytes(void)
{
    return stack_deepest();
}

/* A received byte makes an interrupt pending, and so does the alarm. None is ever taken (mstatus.MIE stays 0): it only
 * ends the wait.
 * The UART's FIFO stays off: QEMU hands over a byte when the one before has been read, so none is lost, while switching
 * the FIFO on would drop what a host has sent before this start. */
static void wake_on_receive(void)
{
    UART[UART_INTERRUPTS] = UART_INTERRUPT_RECEIVED;
    PLIC_PRIORITY[UART_IRQ] = 1;
    PLIC_ENABLE[0] = 1u << UART_IRQ;
    PLIC_THRESHOLD[0] = 0;
    __asm__ volatile("csrs mie, %0" : : "r"(MIE_EXTERNAL | MIE_TIMER));
}

/* The high word last: it may be early, never stuck. */
static void set_alarm(uint64_t at)
{
    CLINT_ALARM[1] = UINT32_MAX;
    CLINT_ALARM[0] = (uint32_t)at;
    CLINT_ALARM[1] = (uint32_t)(at >> 32);
}

/* Sleeps until a byte has arrived or the time has come; returns at once when either is so. */
static void wait_until(uint64_t end)
{
    uint64_t now = clock_ticks();
    while ((UART[UART_STATUS] & UART_STATUS_RECEIVED) == 0 && now < end) { /* one turn an interrupt, or 100 s */
        set_alarm(end - now < ALARM_MAX_TICKS ? end : now + ALARM_MAX_TICKS);
        __asm__ volatile("wfi");
        const uint32_t claimed = PLIC_CLAIM[0];
        PLIC_CLAIM[0] = claimed;
        now = clock_ticks();
    }
}

int port_init(int argc, char *argv[])
{
    (void)argc;
    (void)argv;
    stack_paint();
    wake_on_receive();
    return 0;
}

bool port_read(uint32_t wait_us, uint8_t *bytes, size_t size, size_t *n)
{
    const uint64_t limit = (uint64_t)wait_us * CLINT_TICKS_PER_US;
    size_t received = 0;
    wait_until(wait_us == WP_WAIT_FOR_EVER ? UINT64_MAX : clock_ticks() + limit);
    while (received < size && (UART[UART_STATUS] & UART_STATUS_RECEIVED) != 0) {
        bytes[received] = UART[UART_DATA];
        received++;
    }
    *n = received;
    return true; /* this line never ends */
}
