/* The board as QEMU's kc705 with the ESP32's instruction set (Xtensa LX6): the line is its serial port, a 16550.
 *
 *     qemu-system-xtensa -M kc705 -cpu de233_fpu -m 1100M -display none -monitor none -serial stdio -semihosting \
 *         -device loader,file=firmware.elf,cpu-num=0
 *
 * Registers: QEMU hw/xtensa/xtfpga.c for the address; 16550 data sheet; Xtensa Instruction Set Architecture Reference
 * Manual, 4.4 (interrupts, waiti) and 4.4.6 (CCOUNT, CCOMPARE). Interrupt numbers are those of QEMU's core de233_fpu.
 */
#include "port.h"
#include "stack.h"

#define UART ((volatile uint32_t *)0xFD050020u) /* one register a word */
enum { UART_DATA = 0, UART_INTERRUPTS = 1, UART_STATUS = 5 };
#define UART_INTERRUPT_RECEIVED 0x01u
#define UART_STATUS_RECEIVED 0x01u
#define UART_STATUS_CAN_SEND 0x20u

#define INTERRUPT_RECEIVED (1u << 0)
#define INTERRUPT_ALARM (1u << 6) /* CCOUNT has reached CCOMPARE0 */

#define TICKS_PER_US 40u
#define ALARM_MAX_TICKS 0x40000000u /* 27 s: CCOUNT wraps after 107, and the clock below has to see it */

static uint32_t ticks_now(void)
{
    uint32_t ticks;
    __asm__ volatile("rsr %0, ccount" : "=r"(ticks) : : "memory");
    return ticks;
}

/* CCOUNT as 64 bits, provided that somebody asks at least every 107 s: the wait below does. */
static uint64_t clock_ticks(void)
{
    static uint64_t latest;
    latest += (uint32_t)(ticks_now() - (uint32_t)latest);
    return latest;
}

void port_write(const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        while ((UART[UART_STATUS] & UART_STATUS_CAN_SEND) == 0) { /* until the byte before has left */
        }
        UART[UART_DATA] = bytes[i];
    }
}

uint32_t port_clock_us(void)
{
    return (uint32_t)(clock_ticks() / TICKS_PER_US);
}

const uint32_t port_ticks_per_s = TICKS_PER_US * 1000000u;

uint32_t port_ticks(void)
{
    return ticks_now();
}

uint32_t port_stack_bytes(void)
{
    return stack_deepest();
}

static bool has_received(void)
{
    return (UART[UART_STATUS] & UART_STATUS_RECEIVED) != 0;
}

/* Interrupts are taken at waiti and nowhere else: the level is raised before a look at their causes, waiti lowers it and
 * sleeps in one. The handler (vectors.S) only switches them off again. */
static void sleep_until(uint64_t end)
{
    const uint64_t now = clock_ticks();
    const uint32_t ticks = end - now < ALARM_MAX_TICKS ? (uint32_t)(end - now) : ALARM_MAX_TICKS;
    uint32_t level;
    __asm__ volatile("rsil %0, 1" : "=r"(level) : : "memory");
    __asm__ volatile("wsr %0, ccompare0" : : "r"((uint32_t)now + ticks));
    __asm__ volatile("wsr %0, intenable\n\trsync" : : "r"(INTERRUPT_RECEIVED | INTERRUPT_ALARM));
    if (!has_received() && clock_ticks() < now + ticks) {
        __asm__ volatile("waiti 0" : : : "memory");
    }
    __asm__ volatile("wsr %0, intenable\n\trsync" : : "r"(0));
    __asm__ volatile("wsr %0, ps\n\trsync" : : "r"(level) : "memory");
}

int port_init(int argc, char *argv[])
{
    (void)argc;
    (void)argv;
    stack_paint();
    /* The FIFO stays off: QEMU hands over a byte when the one before has been read, so none is lost. */
    UART[UART_INTERRUPTS] = UART_INTERRUPT_RECEIVED;
    return 0;
}

bool port_read(uint32_t wait_us, uint8_t *bytes, size_t size, size_t *n)
{
    const uint64_t end =
        wait_us == WP_WAIT_FOR_EVER ? UINT64_MAX : clock_ticks() + (uint64_t)wait_us * TICKS_PER_US;
    size_t received = 0;
    while (!has_received() && clock_ticks() < end) { /* one turn an interrupt, or 27 s */
        sleep_until(end);
    }
    while (received < size && has_received()) {
        bytes[received] = (uint8_t)UART[UART_DATA];
        received++;
    }
    *n = received;
    return true; /* this line never ends */
}
