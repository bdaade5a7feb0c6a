/* Two programs: with CALL 1 what is measured is linked in, with CALL 0 it is not; the difference is its size. */
#include "measure_call.h"

/* The caller's own memory, in both programs. */
row input;
result output;

int main(void)
{
    __asm__ volatile("" : : "r"(&input), "r"(&output) : "memory");
#if CALL
    measure_start();
    measure_begin(&input);
    measure_call(&input, &output);
#endif
    return 0;
}
