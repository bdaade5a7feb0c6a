"""Device names for the hash a board reports, from artifact folders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SEARCHED = ("artifacts/*", "build/artifact")
"""Where artifacts are looked for when none is named."""


@dataclass(frozen=True, slots=True)
class Model:
    """What an artifact calls itself and its devices, or cars."""

    name: str
    devices: tuple[str, ...]


Models = Mapping[str, Model]
"""By model hash, 16 hexadecimal digits."""


def known_models(named: Path | None) -> Models:
    """The artifact named, else every sound one that SEARCHED finds; raises HostError when a named one is not sound."""
    from host.errors import HostError
    from train.artifact import ArtifactError, load_artifact
    from train.artifact_household import is_household, load_household

    models: dict[str, Model] = {}
    paths = [named] if named is not None else [path for pattern in SEARCHED for path in sorted(Path().glob(pattern))]
    for path in paths:
        try:
            if is_household(path):
                household = load_household(path)
                models[household.model_hash] = Model(path.name, household.cars)
                continue
            artifact = load_artifact(path)
        except ArtifactError as error:
            if named is not None:
                raise HostError(f"--artifact {error}") from None
            continue
        models[artifact.model_hash] = Model(artifact.name, artifact.devices)
    return models
