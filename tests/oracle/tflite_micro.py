"""TensorFlow Lite Micro itself, from its wheel: the independent side of every test of networks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ARENA_BYTES = 1 << 20


class Interpreter:
    """A model in TensorFlow Lite Micro; rows are all its inputs side by side, as the C has them."""

    def __init__(self, model: bytes, arena_bytes: int = ARENA_BYTES) -> None:
        import tflite
        from tflite_micro import runtime

        self._runtime = runtime.Interpreter.from_bytes(model, arena_size=arena_bytes + 20 * len(model))
        graph = tflite.Model.GetRootAs(model, 0).Subgraphs(0)
        details = (self._runtime.get_input_details(index) for index in range(graph.InputsLength()))
        self._inputs = [tuple(int(n) for n in detail["shape"]) for detail in details]
        self._n_outputs = graph.OutputsLength()

    def reset(self) -> None:
        """Forget what variables hold."""
        self._runtime.reset()

    def invoke(self, rows: NDArray[np.int8]) -> NDArray[np.int8]:
        """Outputs [n, output bytes] of rows [n, input bytes], one after the other."""
        outputs = []
        for row in rows:
            start = 0
            for index, shape in enumerate(self._inputs):
                size = int(np.prod(shape))
                self._runtime.set_input(np.ascontiguousarray(row[start : start + size].reshape(shape)), index)
                start += size
            self._runtime.invoke()
            parts = [np.asarray(self._runtime.get_output(index)).ravel() for index in range(self._n_outputs)]
            outputs.append(np.concatenate(parts))
        return np.stack(outputs).astype(np.int8)
