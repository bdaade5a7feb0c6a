"""What training leaves for an artifact, whatever the kind of model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from train.answer_rules import EstimateRules, Prototypes
from train.models.crossfit import UnseenAnswers


@dataclass(frozen=True, slots=True)
class Learnt:
    """Model files, the manifest's entries about them, and their answers to units they have not seen."""

    kind: str  # of the manifest
    files: Mapping[str, bytes]
    device_model: Mapping[str, Any] | None
    remaining_model: Mapping[str, Any]
    unseen: UnseenAnswers
    estimate: EstimateRules  # before its intervals are calibrated
    training: Mapping[str, Any]  # its settings
    sizes: Mapping[str, int]  # for the user: what it is made of
    versions: tuple[str, ...]  # packages it depends on
    notes: tuple[str, ...] = ()
    prototypes: Prototypes | None = None
    entries: Mapping[str, Any] = field(default_factory=dict)  # the manifest's besides
