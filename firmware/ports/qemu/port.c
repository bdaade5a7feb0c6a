/* The board as QEMU's virt machine (RISC-V): the line is its first serial port, a 16550.
 *
 *     qemu-system-riscv32 -M virt -bios none -display none -monitor none -serial stdio -kernel firmware.elf
 *
 * Registers: QEMU hw/riscv/virt.c for the addresses; 16550 data sheet; RISC-V PLIC specification 1.0.
 */
#include "port.h"

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

#define CLINT_TIME ((volatile uint32_t *)0x0200BFF8u) /* low word, high word */
#define CLINT_TICKS_PER_US 10u

#define MIE_EXTERNAL (1u << 11)

static void qemu_write(void *context, const uint8_t *bytes, size_t n)
{
    (void)context;
    for (size_t i = 0; i < n; i++) {
        while ((UART[UART_STATUS] & UART_STATUS_CAN_SEND) == 0) { /* until the byte before has left */
        }
        UART[UART_DATA] = bytes[i];
    }
}

static uint32_t qemu_clock_us(void *context)
{
    (void)context;
    const uint32_t high = CLINT_TIME[1];
    uint32_t low = CLINT_TIME[0];
    const uint32_t high_after = CLINT_TIME[1];
    if (high_after != high) { /* the low word has just wrapped, and will not again for 429 s */
        low = CLINT_TIME[0];
    }
    return (uint32_t)(((uint64_t)high_after << 32 | low) / CLINT_TICKS_PER_US);
}

/* A received byte makes an interrupt pending. None is ever taken (mstatus.MIE stays 0): it only ends the wait.
 * The UART's FIFO stays off: QEMU hands over a byte when the one before has been read, so none is lost, while switching
 * the FIFO on would drop what a host has sent before this start. */
static void wake_on_receive(void)
{
    UART[UART_INTERRUPTS] = UART_INTERRUPT_RECEIVED;
    PLIC_PRIORITY[UART_IRQ] = 1;
    PLIC_ENABLE[0] = 1u << UART_IRQ;
    PLIC_THRESHOLD[0] = 0;
    __asm__ volatile("csrs mie, %0" : : "r"(MIE_EXTERNAL));
}

/* Sleeps until a byte has arrived; returns at once when one is there. */
static void wait_for_byte(void)
{
    while ((UART[UART_STATUS] & UART_STATUS_RECEIVED) == 0) { /* one turn an interrupt */
        __asm__ volatile("wfi");
        const uint32_t claimed = PLIC_CLAIM[0];
        PLIC_CLAIM[0] = claimed;
    }
}

int port_init(wp_port *port, int argc, char *argv[])
{
    (void)argc;
    (void)argv;
    *port = (wp_port){.context = NULL, .write = qemu_write, .clock_us = qemu_clock_us, .boot = WP_BOOT_POWER};
    wake_on_receive();
    return 0;
}

size_t port_receive(uint8_t *bytes, size_t size)
{
    size_t n = 0;
    wait_for_byte();
    while (n < size && (UART[UART_STATUS] & UART_STATUS_RECEIVED) != 0) {
        bytes[n] = UART[UART_DATA];
        n++;
    }
    return n;
}
