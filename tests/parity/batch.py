"""Many emitted models in one program: each row and each output lies in memory of its own, where sanitizers watch it."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.parity.compiled import WARNINGS

# Debian's clang comes without the sanitizers' libraries: it can only trap.
SANITIZED = {
    "gcc": ("-fsanitize=address,undefined", "-fno-sanitize-recover=all"),
    "clang": ("-fsanitize=undefined", "-fsanitize-trap=undefined"),
}

MAIN = """#include <stdio.h>
#include <stdlib.h>
#include <string.h>
{includes}
static int run(const char *name, size_t row, size_t result, void (*predict)(const void *, void *))
{{
    char path[64];
    (void)snprintf(path, sizeof path, "%s.rows", name);
    FILE *rows = fopen(path, "rb");
    (void)snprintf(path, sizeof path, "%s.out", name);
    FILE *outputs = fopen(path, "wb");
    for (;;) {{
        void *x = malloc(row);
        void *out = malloc(result);
        if (rows == NULL || outputs == NULL || x == NULL || out == NULL) {{
            return 1;
        }}
        memset(out, 0x77, result);
        const size_t n = fread(x, 1, row, rows);
        if (n == row) {{
            predict(x, out);
            n_written(fwrite(out, 1, result, outputs));
        }}
        free(x);
        free(out);
        if (n != row) {{
            break;
        }}
    }}
    return fclose(rows) + fclose(outputs);
}}
{calls}
int main(void)
{{
    return {runs};
}}
"""
CALL = """
static void call_{name}(const void *x, void *out)
{{
    {name}_predict(x, out);
}}
"""


def run_batch(
    folder: Path, rows: Mapping[str, NDArray[Any]], n_outputs: Mapping[str, int], compiler: str, *flags: str
) -> dict[str, NDArray[np.uint32]]:
    """The bits of each model's outputs [n, outputs]; `folder` holds the C of every name in `rows`."""
    for name, x in rows.items():
        (folder / f"{name}.rows").write_bytes(np.ascontiguousarray(x).tobytes())
    main = MAIN.replace("n_written(fwrite(out, 1, result, outputs));", "(void)fwrite(out, 1, result, outputs);")
    runs = (f'run("{name}", sizeof(row_{name}), sizeof(out_{name}), call_{name})' for name in rows)
    types = "".join(
        f"typedef {name}_feature row_{name}[{name.upper()}_N_FEATURES];\n"
        f"typedef {name}_output out_{name}[{name.upper()}_N_OUTPUTS];\n"
        for name in rows
    )
    text = main.format(
        includes="".join(f'#include "{name}.h"\n' for name in rows),
        calls=types + "".join(CALL.format(name=name) for name in rows),
        runs="\n        + ".join(runs),
    )
    (folder / "main.c").write_text(text)
    program = folder / f"batch_{compiler}"
    command = [compiler, *WARNINGS, *SANITIZED[compiler], *(flags or ("-O1",)), "-I", str(folder)]
    done = subprocess.run(
        [*command, *map(str, sorted(folder.glob("*.c"))), "-o", str(program)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    done = subprocess.run([str(program)], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {
        name: np.frombuffer((folder / f"{name}.out").read_bytes(), np.uint32).reshape(len(rows[name]), n_outputs[name])
        for name in rows
    }
