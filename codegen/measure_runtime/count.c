/* Counts executed instructions of every call over the rows, and the stack they touch. */
#include "counter.h"
#include "measure_call.h"
#include "runtime.h"

int main(int argc, char *argv[])
{
    static result answer;
    const rows_image *image = machine_rows(argc, argv);
    const row *rows = (const row *)(const void *)image->bytes;
    const uint32_t overhead = counter_overhead();
    uint64_t sum = 0;
    uint32_t highest = 0;
    bool overflowed = false;

    stack_paint(machine_stack_pointer());
    measure_start();
    for (uint32_t i = 0; i < image->n_rows; i++) {
        measure_begin(&rows[i]);
        machine_restart();
        const uint32_t before = machine_count();
        measure_call(&rows[i], &answer);
        const uint32_t spent = machine_between(before, machine_count()) - overhead;
        sum += spent;
        highest = spent > highest ? spent : highest;
        overflowed = overflowed || machine_overflowed();
    }
    report("stack", stack_used());
    report("overhead", overhead);
    report("overflowed", overflowed ? 1u : 0u);
    report("sum", sum);
    report("max", highest);
    report("rows", image->n_rows);
    output_end();
    return 0;
}
