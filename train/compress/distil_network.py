"""Distillation: a narrow network learns the uncompressed forest's probabilities, out of fold, with the devices."""

from __future__ import annotations

from typing import Any

import numpy as np

from train.compress.network_task import CompressedNetwork, NetworkTask
from train.compress.surrogate import build, deployed, learn

TEACHER_SHARE = 0.5  # of the target; the rest is the truth


def compress(task: NetworkTask, *, units: int, hidden: int) -> CompressedNetwork:
    """Train a narrow network on the teacher's answers."""
    return deployed(taught(task, units, hidden), task)


def taught(task: NetworkTask, units: int, hidden: int) -> Any:
    """The student."""
    logits, _ = task.teacher()
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    target = TEACHER_SHARE * shifted / shifted.sum(axis=1, keepdims=True)
    target[np.arange(len(target)), task.lessons.device] += 1 - TEACHER_SHARE
    model = build(task, units, hidden)
    return learn(model, task.lessons, task.epochs, seed=task.seed, device=target.astype(np.float32))
