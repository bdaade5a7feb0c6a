/* runtime.h: what the measuring programs (size.c, count.c, run.c) share. semihosting.c, lx6.c or host.c moves rows in
 * and outputs out; a folder beside this file holds a machine's own machine.h and link.ld. */
#ifndef MEASURE_RUNTIME_H
#define MEASURE_RUNTIME_H

#include <stddef.h>
#include <stdint.h>

/* The rows as codegen lays them into the machine's memory, or into a file for a hosted one. */
typedef struct rows_image {
    uint32_t n_rows;
    uint32_t unused[3]; /* rows begin on a multiple of 16 bytes */
    uint8_t bytes[];
} rows_image;

/* Rows in, outputs out.
 *
 *   machine_rows   the rows; arguments are main's. NULL: they cannot be read.
 *   machine_write  n bytes to whoever started this program */
const rows_image *machine_rows(int argc, char *argv[]);
void machine_write(const void *bytes, size_t n);

/* Writes through a buffer, so that few calls reach the machine; output_end sends what is left. */
void output(const void *bytes, size_t n);
void output_end(void);

#endif
