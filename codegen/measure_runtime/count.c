/* Counts the executed instructions of every call over the rows, and the stack they touch. Says one number a row, then
 * the four of `totals`: codegen/measure.py reads them. */
#include "counter.h"
#include "measure_call.h"
#include "runtime.h"

typedef struct totals {
    uint32_t overhead;
    uint32_t stack_bytes;
    uint32_t overflowed;
    uint32_t n_rows;
} totals;

int main(int argc, char *argv[])
{
    static result answer;
    const rows_image *image = machine_rows(argc, argv);
    const row *rows = (const row *)(const void *)image->bytes;
    /* In free memory behind the rows: no call to anything else may touch the painted stack. */
    uint32_t *counts = (uint32_t *)(((uintptr_t)(rows + image->n_rows) + 3u) & ~(uintptr_t)3u);
    totals all = {.overhead = counter_overhead(), .n_rows = image->n_rows};

    measure_start();
    stack_paint(machine_stack_pointer());
    for (uint32_t i = 0; i < image->n_rows; i++) {
        measure_begin(&rows[i]);
        machine_restart();
        const uint32_t before = machine_count();
        measure_call(&rows[i], &answer);
        counts[i] = machine_between(before, machine_count()) - all.overhead;
        all.overflowed |= machine_overflowed() ? 1u : 0u;
    }
    all.stack_bytes = stack_used();
    output(counts, image->n_rows * sizeof *counts);
    output(&all, sizeof all);
    output_end();
    return 0;
}
