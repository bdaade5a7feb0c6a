#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"

static uint64_t n_bytes;

static void print_count(void)
{
    (void)fprintf(stderr, "fuzzed %" PRIu64 " bytes\n", n_bytes);
}

void fuzz_count(size_t n)
{
    static bool counting;
    if (!counting) {
        counting = atexit(print_count) == 0;
    }
    n_bytes += n;
}
