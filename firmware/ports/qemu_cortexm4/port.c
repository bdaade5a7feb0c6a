/* The board as QEMU's mps2-an386 (Cortex-M4 with FPU): the line is its first serial port, a CMSDK UART.
 *
 *     qemu-system-arm -M mps2-an386 -display none -monitor none -serial stdio -kernel firmware.elf
 *
 * Registers: Arm Cortex-M System Design Kit, TRM (DDI 0479), 4; MPS2 application note 386 for addresses and interrupts;
 * Armv7-M Architecture Reference Manual, B3.4 (NVIC).
 */
#include "port.h"
#include "stack.h"

#define UART ((volatile uint32_t *)0x40004000u)
enum { UART_DATA = 0, UART_STATE = 1, UART_CONTROL = 2, UART_INTERRUPTS = 3, UART_DIVIDER = 4 };
#define UART_STATE_SEND_FULL 0x1u
#define UART_STATE_RECEIVED 0x2u
#define UART_CONTROL_ON 0xBu /* send, receive, an interrupt for what was received */
#define UART_INTERRUPT_RECEIVED 0x2u
#define UART_DIVIDER_115200 217u /* 25 MHz / 115200 */

/* Timer 0 is the alarm, timer 1 runs for ever: both count down, 25 MHz. */
#define ALARM ((volatile uint32_t *)0x40000000u)
#define TICKS ((volatile uint32_t *)0x40001000u)
enum { TIMER_CONTROL = 0, TIMER_VALUE = 1, TIMER_RELOAD = 2, TIMER_INTERRUPT = 3 };
#define TIMER_ON 0x1u
#define TIMER_ON_WITH_INTERRUPT 0x9u
#define TICKS_PER_US 25u
#define ALARM_MAX_US 100000000u /* 32 bits hold 171 s */

/* The board's own counter, set to microseconds. */
#define FPGAIO_COUNTER (*(volatile uint32_t *)0x40028018u)
#define FPGAIO_PRESCALE (*(volatile uint32_t *)0x4002801Cu)

#define NVIC_ENABLE (*(volatile uint32_t *)0xE000E100u)
#define NVIC_CLEAR_PENDING (*(volatile uint32_t *)0xE000E280u)
#define IRQ_RECEIVED (1u << 0)
#define IRQ_ALARM (1u << 8)

void port_write(const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        while ((UART[UART_STATE] & UART_STATE_SEND_FULL) != 0) { /* until the byte before has left */
        }
        UART[UART_DATA] = bytes[i];
    }
}

uint32_t port_clock_us(void)
{
    return FPGAIO_COUNTER;
}

const uint32_t port_ticks_per_s = TICKS_PER_US * 1000000u;

uint32_t port_ticks(void)
{
    return UINT32_MAX - TICKS[TIMER_VALUE];
}

uint32_t port_stack_bytes(void)
{
    return stack_deepest();
}

/* A received byte makes an interrupt pending, and so does the alarm. None is ever taken (PRIMASK stays 1): it only ends
 * the wait. */
static void wake_on_receive(void)
{
    UART[UART_DIVIDER] = UART_DIVIDER_115200;
    UART[UART_CONTROL] = UART_CONTROL_ON;
    NVIC_ENABLE = IRQ_RECEIVED | IRQ_ALARM;
}

static void start_clocks(void)
{
    FPGAIO_PRESCALE = TICKS_PER_US - 1u;
    TICKS[TIMER_RELOAD] = UINT32_MAX;
    TICKS[TIMER_VALUE] = UINT32_MAX;
    TICKS[TIMER_CONTROL] = TIMER_ON;
}

static void set_alarm(uint32_t in_us)
{
    ALARM[TIMER_CONTROL] = 0;
    ALARM[TIMER_VALUE] = (in_us < ALARM_MAX_US ? in_us + 1u : ALARM_MAX_US) * TICKS_PER_US;
    ALARM[TIMER_CONTROL] = TIMER_ON_WITH_INTERRUPT;
}

/* What made an interrupt pending is forgotten before a look at its cause, so that none is lost. */
static void forget_interrupts(void)
{
    UART[UART_INTERRUPTS] = UART_INTERRUPT_RECEIVED;
    ALARM[TIMER_INTERRUPT] = 1;
    NVIC_CLEAR_PENDING = IRQ_RECEIVED | IRQ_ALARM;
}

/* Sleeps until a byte has arrived or the time has come; returns at once when either is so. */
static void wait_for_byte(uint32_t wait_us)
{
    const uint32_t begin_us = FPGAIO_COUNTER;
    for (;;) { /* one turn an interrupt */
        forget_interrupts();
        const uint32_t passed_us = FPGAIO_COUNTER - begin_us;
        if ((UART[UART_STATE] & UART_STATE_RECEIVED) != 0 || (wait_us != WP_WAIT_FOR_EVER && passed_us >= wait_us)) {
            break;
        }
        if (wait_us != WP_WAIT_FOR_EVER) {
            set_alarm(wait_us - passed_us);
        }
        __asm__ volatile("wfi" : : : "memory");
    }
    ALARM[TIMER_CONTROL] = 0;
}

int port_init(int argc, char *argv[])
{
    (void)argc;
    (void)argv;
    stack_paint();
    start_clocks();
    wake_on_receive();
    return 0;
}

bool port_read(uint32_t wait_us, uint8_t *bytes, size_t size, size_t *n)
{
    size_t received = 0;
    wait_for_byte(wait_us);
    while (received < size && (UART[UART_STATE] & UART_STATE_RECEIVED) != 0) {
        bytes[received] = (uint8_t)UART[UART_DATA];
        received++;
    }
    *n = received;
    return true; /* this line never ends */
}
