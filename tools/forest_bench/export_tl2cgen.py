"""MODEL.json FOLDER 0|1: tl2cgen's C, with or without its quantised thresholds. Runs in .venv/rivals."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import tl2cgen
import treelite

FACE = """\
#include <string.h>
#include "clf.h"
#include "header.h"

void clf_predict(const clf_feature x[CLF_N_FEATURES], clf_output out[CLF_N_OUTPUTS])
{
    union Entry data[CLF_N_FEATURES];
    for (int i = 0; i < CLF_N_FEATURES; i++) {
        unsigned int bits;
        memcpy(&bits, &x[i], sizeof bits);
        if (bits << 1 > 0xff000000u) {
            data[i].missing = -1;
        } else {
            data[i].fvalue = x[i];
        }
    }
    for (int i = 0; i < CLF_N_OUTPUTS; i++) {
        out[i] = 0.0f;
    }
    predict(data, 1, out);
}
"""


def export(path: Path, folder: Path, quantize: int) -> None:
    """Write tl2cgen's C and the face that is measured."""
    model = treelite.frontend.load_xgboost_model(path)
    tl2cgen.generate_c_code(model, folder, {"quantize": quantize}, verbose=False)
    found = re.search(r"#define MAX_N_CLASS (\d+)", (folder / "header.h").read_text(encoding="ascii"))
    n_outputs = int(found[1]) if found else 1
    (folder / "clf.h").write_text(
        f"#define CLF_N_FEATURES {model.num_feature}\n#define CLF_N_OUTPUTS {n_outputs}\n"
        "typedef float clf_feature;\ntypedef float clf_output;\n"
        "void clf_predict(const clf_feature x[CLF_N_FEATURES], clf_output out[CLF_N_OUTPUTS]);\n",
        encoding="ascii",
    )
    (folder / "clf.c").write_text(FACE, encoding="ascii")


if __name__ == "__main__":
    export(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
