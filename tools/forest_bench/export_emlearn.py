"""ROWS.npz FOLDER TREES DEPTH: a random forest of scikit-learn's as emlearn's table. Runs in .venv/rivals.

Features are scaled to int16, which is what emlearn compares. Prints the forest's splits.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import emlearn
import numpy as np
from sklearn.ensemble import RandomForestClassifier

FACE = """\
#include "clf.h"
#include "em_clf.h"

void clf_predict(const clf_feature x[CLF_N_FEATURES], clf_output out[CLF_N_OUTPUTS])
{
    out[0] = em_clf_predict(x, CLF_N_FEATURES);
}
"""


def export(rows: Path, folder: Path, n_trees: int, depth: int) -> int:
    """Write emlearn's C, the face that is measured and scaled rows; returns the number of splits."""
    with np.load(rows, allow_pickle=False) as file:
        x, label = file["x"], file["label"]
    low, high = x.min(axis=0), x.max(axis=0)
    scaled = np.round((x - low) / np.maximum(high - low, 1e-9) * 60_000 - 30_000).astype(np.int16)
    forest = RandomForestClassifier(n_trees, max_depth=depth, random_state=1, n_jobs=1).fit(scaled, label)
    folder.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        converted = emlearn.convert(forest, method="loadable", dtype="int16_t")
        converted.save(file=str(folder / "em_clf.h"), name="em_clf")
    for header in Path(emlearn.includedir).glob("eml_*.h"):
        (folder / header.name).write_bytes(header.read_bytes())
    (folder / "clf.h").write_text(
        f"#include <stdint.h>\n#define CLF_N_FEATURES {x.shape[1]}\n#define CLF_N_OUTPUTS 1\n"
        "typedef int16_t clf_feature;\ntypedef int32_t clf_output;\n"
        "void clf_predict(const clf_feature x[CLF_N_FEATURES], clf_output out[CLF_N_OUTPUTS]);\n",
        encoding="ascii",
    )
    (folder / "clf.c").write_text(FACE, encoding="ascii")
    np.savez(rows.with_suffix(".rows.npz"), x=scaled)
    return sum(int((tree.tree_.feature >= 0).sum()) for tree in forest.estimators_)


if __name__ == "__main__":
    print(export(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
