/* Counts executed instructions of every call over the rows of rows.bin. */
#include "measure_call.h"
#include "runtime.h"

extern const row rows[];
extern const row rows_end[];

int main(void)
{
    static result output;
    const uint32_t overhead = measure_overhead();
    uint64_t sum = 0;
    uint32_t highest = 0;
    uint32_t n = 0;

    stack_paint(stack_pointer());
    for (const row *r = rows; r < rows_end; r++) {
        measure_begin(r);
        const uint32_t before = instructions_now();
        measure_call(r, &output);
        const uint32_t spent = instructions_now() - before - overhead;
        sum += spent;
        highest = spent > highest ? spent : highest;
        n++;
    }
    report("stack", stack_used());
    report("overhead", overhead);
    report("sum", sum);
    report("max", highest);
    report("rows", n);
    return 0;
}
