/* The ESP32's core under QEMU: rows are laid at a fixed address, output leaves through the simulator call. */
#include "runtime.h"

#define ROWS ((const rows_image *)0x20000000u)
#define CALL_WRITE 4u
#define STDOUT 1u

uint32_t simulator_call(uint32_t number, uint32_t a, uint32_t b, uint32_t c);

const rows_image *machine_rows(int argc, char *argv[])
{
    (void)argc;
    (void)argv;
    return ROWS;
}

void machine_write(const void *bytes, size_t n)
{
    (void)simulator_call(CALL_WRITE, STDOUT, (uint32_t)(uintptr_t)bytes, n);
}
