/* The outputs of every row, one after the other, as the bytes codegen reads. */
#include "measure_call.h"
#include "runtime.h"

int main(int argc, char *argv[])
{
    static result answer;
    static shown bytes;
    const rows_image *image = machine_rows(argc, argv);
    if (image == NULL) {
        return 3;
    }
    const row *rows = (const row *)(const void *)image->bytes;
    measure_start();
    for (uint32_t i = 0; i < image->n_rows; i++) {
        measure_begin(&rows[i]);
        measure_call(&rows[i], &answer);
        measure_show(&answer, &bytes);
        output(&bytes, sizeof bytes);
    }
    output_end();
    return 0;
}
