"""Emitted networks as one program: each row, output and arena lies in memory of its own, where sanitizers watch it."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.oracle.network_sequences import Rows
from tests.parity.batch import SANITIZED
from tests.parity.compiled import WARNINGS

MAIN = """#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
{includes}
static int run(
    const char *name, size_t row, size_t result, size_t arena_bytes, void (*reset)(void *),
    void (*invoke)(const int8_t *, int8_t *, void *))
{{
    char path[64];
    (void)snprintf(path, sizeof path, "%s.rows", name);
    FILE *rows = fopen(path, "rb");
    (void)snprintf(path, sizeof path, "%s.out", name);
    FILE *outputs = fopen(path, "wb");
    uint8_t *arena = malloc(arena_bytes);
    if (rows == NULL || outputs == NULL || arena == NULL) {{
        return 1;
    }}
    memset(arena, 0x5a, arena_bytes);
    for (int flag = fgetc(rows); flag != EOF; flag = fgetc(rows)) {{
        int8_t *x = malloc(row);
        int8_t *out = malloc(result);
        if (x == NULL || out == NULL || fread(x, 1, row, rows) != row) {{
            return 1;
        }}
        memset(out, 0x77, result);
        if (flag) {{
            reset(arena);
        }}
        invoke(x, out, arena);
        if (fwrite(out, 1, result, outputs) != result) {{
            return 1;
        }}
        free(x);
        free(out);
    }}
    free(arena);
    return fclose(rows) + fclose(outputs);
}}
int main(void)
{{
    return {runs};
}}
"""
RUN = 'run("{name}", {NAME}_INPUT_BYTES, {NAME}_OUTPUT_BYTES, {NAME}_ARENA_BYTES, {name}_reset, {name}_invoke)'


def run_networks(
    folder: Path,
    rows: Mapping[str, Rows],
    resets: Mapping[str, NDArray[np.bool_]],
    compiler: str,
    *flags: str,
    warnings: Sequence[str] = WARNINGS,
) -> dict[str, Rows]:
    """Outputs [n, output bytes] of each network; `folder` holds the C of every name in `rows`."""
    for name, x in rows.items():
        flagged = np.concatenate([resets[name].astype(np.int8)[:, None], x], axis=1)
        (folder / f"{name}.rows").write_bytes(flagged.tobytes())
    runs = " + ".join(RUN.format(name=name, NAME=name.upper()) for name in rows)
    includes = "".join(f'#include "{name}.h"\n' for name in rows)
    (folder / "main.c").write_text(MAIN.format(includes=includes, runs=runs))
    program = folder / f"networks_{compiler}"
    command = [compiler, *warnings, *SANITIZED[compiler], *(flags or ("-O1",)), "-I", str(folder)]
    sources = map(str, sorted(folder.glob("*.c")))
    done = subprocess.run([*command, *sources, "-o", str(program)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    done = subprocess.run([str(program)], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {
        name: np.frombuffer((folder / f"{name}.out").read_bytes(), np.int8).reshape(len(rows[name]), -1)
        for name in rows
    }
