"""MODEL.json FOLDER: m2cgen's own export, with the base score it cannot read handed to it, and margins for answers.

Its reading of XGBoost 3 stops at settings that are None now (num_parallel_tree, base_score): a stand-in answers them.
Everything else is its own: the printed decimals it compares with, doubles, one function.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import xgboost as xgb
from m2cgen import ast
from m2cgen.assemblers.boosting import XGBoostTreeModelAssembler
from m2cgen.interpreters import CInterpreter


class StandIn:
    """What m2cgen asks a scikit-learn model of XGBoost for."""

    def __init__(self, booster: Any, n_classes: int) -> None:
        self.booster = booster
        self.n_classes_ = n_classes

    def get_params(self) -> dict[str, Any]:
        """The settings it looks at."""
        return {"num_parallel_tree": 1, "base_score": 0.0}

    def get_booster(self) -> Any:
        """The forest."""
        return self.booster


class XGBClassifier(StandIn):
    """It tells the kinds by the name of the class."""


class XGBRegressor(StandIn):
    """Likewise."""


class Margins(XGBoostTreeModelAssembler):  # type: ignore[misc]
    """Its assembler, without the softmax at the end."""

    base: tuple[float, ...] = ()

    def _multi_class_convert_output(self, exprs: list[Any]) -> Any:
        return ast.VectorVal([self._add(base, expr) for base, expr in zip(self.base, exprs, strict=True)])

    def _single_convert_output(self, expr: Any) -> Any:
        return self._add(self.base[0], expr)

    def _add(self, base: float, expr: Any) -> Any:
        return ast.BinNumExpr(ast.NumVal(base), expr, ast.BinNumOpType.ADD)


def export(path: Path, folder: Path) -> None:
    """Write m2cgen's C and the face that is measured."""
    booster = xgb.Booster(model_file=path)
    learner = json.loads(booster.save_config())["learner"]["learner_model_param"]
    n_outputs = max(int(learner["num_class"]), 1)
    kind = XGBClassifier if n_outputs > 1 else XGBRegressor
    assembler = Margins(kind(booster, n_outputs))
    assembler.base = tuple(json.loads(learner["base_score"]))
    code = CInterpreter(indent=4, function_name="score").interpret(assembler.assemble())
    several = n_outputs > 1
    call = "score((double *)x, out);" if several else "out[0] = score((double *)x);"
    declared = "void score(double *input, double *output);" if several else "double score(double *input);"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "score.c").write_text(code, encoding="ascii")
    (folder / "clf.h").write_text(
        f"#define CLF_N_FEATURES {booster.num_features()}\n#define CLF_N_OUTPUTS {n_outputs}\n"
        "typedef double clf_feature;\ntypedef double clf_output;\n"
        "void clf_predict(const clf_feature x[CLF_N_FEATURES], clf_output out[CLF_N_OUTPUTS]);\n",
        encoding="ascii",
    )
    (folder / "clf.c").write_text(
        f'#include "clf.h"\n{declared}\n'
        f"void clf_predict(const clf_feature x[CLF_N_FEATURES], clf_output out[CLF_N_OUTPUTS])\n{{\n    {call}\n}}\n",
        encoding="ascii",
    )


if __name__ == "__main__":
    sys.setrecursionlimit(20_000)  # a sum of 200 trees is 200 additions deep
    export(Path(sys.argv[1]), Path(sys.argv[2]))
