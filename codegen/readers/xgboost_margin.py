"""From the base score of a model file, in the objective's own unit, to the margin that trees are added to."""

from __future__ import annotations

import struct

from codegen.readers.logf import logf

# ObjFunction::ProbToMargin of each objective (xgboost v3.2.0, src/objective/*.cu).
_LOGIT = ("binary:logistic", "reg:logistic")
_LOG = ("count:poisson", "reg:gamma", "reg:tweedie", "survival:cox", "survival:aft")
_IDENTITY = (
    "reg:squarederror",
    "reg:squaredlogerror",
    "reg:pseudohubererror",
    "reg:absoluteerror",
    "reg:quantileerror",
    "binary:hinge",
    "binary:logitraw",
    "multi:softmax",
    "multi:softprob",
    "rank:pairwise",
    "rank:ndcg",
    "rank:map",
)


def base_margins(base_score: object, objective: str, n_outputs: int) -> tuple[float, ...]:
    """Float32 margins [n_outputs] of a saved base_score: "5E-1" or, since XGBoost 3.1, "[a,b,c]".

    Raises ValueError for an objective whose transformation is not known and for scores outside its domain.
    """
    if objective not in _LOGIT + _LOG + _IDENTITY:
        raise ValueError(f"objective {objective!r} is not known; known: {', '.join(_LOGIT + _LOG + _IDENTITY)}")
    text = str(base_score).strip()
    parts = text[1:-1].split(",") if text.startswith("[") and text.endswith("]") else [text]
    try:
        scores = [_float32(float(part)) for part in parts]
    except (ValueError, OverflowError):
        raise ValueError(f"base_score {text!r} is not a number or a list of them") from None
    if len(scores) not in (1, n_outputs):
        raise ValueError(f"base_score has {len(scores)} values for {n_outputs} outputs")
    margins = tuple(_margin(score, objective) for score in scores)
    return margins * n_outputs if len(margins) == 1 else margins


def _margin(score: float, objective: str) -> float:
    if objective in _LOGIT:
        if not 0.0 < score < 1.0:
            raise ValueError(f"base_score {score} is no probability between 0 and 1, which {objective} needs")
        odds = _float32(_float32(1.0 / score) - 1.0)
        if not odds > 0.0:
            raise ValueError(f"base_score {score} is too close to 1")
        return -logf(odds)
    if objective in _LOG:
        if not score >= 2.0**-126:
            raise ValueError(f"base_score {score} is not positive, which {objective} needs")
        return logf(score)
    return score


def _float32(value: float) -> float:
    return float(struct.unpack("<f", struct.pack("<f", value))[0])
