"""Fields of a model file, checked: what is not of its type is told in one line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SAVE = "save one with Booster.save_model('model.json')"
DAMAGED = "the file is damaged, save it again"


def object_of(parent: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """An object within an object; raises KeyError when it is missing, ValueError when it is something else."""
    value = parent[key]
    if not isinstance(value, Mapping):
        raise ValueError(f"{key} is not an object; {DAMAGED}")
    return value


def count_of(parent: Mapping[str, Any], key: str, limit: int) -> int:
    """A number from 0 to limit, which XGBoost writes as text; raises KeyError or ValueError."""
    value = parent[key]
    if not isinstance(value, str | int) or isinstance(value, bool) or len(str(value)) > 20:
        raise ValueError(f"{key} is not a number; {DAMAGED}")
    try:
        count = int(value)
    except ValueError:
        raise ValueError(f"{key} {value!r} is not a number; {DAMAGED}") from None
    if not 0 <= count <= limit:
        raise ValueError(f"{key} {count} is not within 0..{limit}")
    return count


def text_of(parent: Mapping[str, Any], key: str) -> str:
    """A text; raises KeyError or ValueError."""
    value = parent[key]
    if not isinstance(value, str):
        raise ValueError(f"{key} is not a text; {DAMAGED}")
    return value


def integers_of(parent: Mapping[str, Any], key: str, where: str) -> NDArray[np.int64]:
    """A list of integers; raises KeyError or ValueError."""
    array = _array(parent[key], f"{where}: {key}", "iub", "integers")
    return array.astype("int64")


def floats_of(parent: Mapping[str, Any], key: str, where: str) -> NDArray[np.float32]:
    """A list of numbers as float32, infinite where that cannot hold them; raises KeyError or ValueError."""
    import numpy as np

    array = _array(parent[key], f"{where}: {key}", "fiu", "numbers")
    with np.errstate(over="ignore"):
        return array.astype(np.float32)


def _array(values: Any, where: str, kinds: str, words: str) -> NDArray[Any]:
    import numpy as np

    try:
        array = np.asarray(values)
    except (ValueError, OverflowError):  # rows of different lengths
        array = np.empty((0, 0))
    if array.ndim != 1 or (array.size and array.dtype.kind not in kinds):
        raise ValueError(f"{where} are not {words}; {DAMAGED}")
    return array
