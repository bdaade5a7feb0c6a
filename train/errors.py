"""Errors of the train package.

TrainError                 one line for the user: what, where, what to do; exit code 2
├── DatasetError           a dataset folder, recording or export that cannot be used
├── ArtifactError          an artifact folder that is damaged, incomplete or of another version
├── ConfigError            wattprint.toml or an argument out of range
└── BuildError             the C core could not be compiled for this machine; exit code 6
"""


class TrainError(Exception):
    """Base of all errors a user can cause; the message is one line."""

    exit_code = 2


class DatasetError(TrainError):
    """A dataset folder, recording or export that cannot be used, for `n_faults` reasons."""

    def __init__(self, message: str, n_faults: int = 1) -> None:
        super().__init__(message)
        self.n_faults = n_faults


class ArtifactError(TrainError):
    """An artifact folder that is damaged, incomplete or of another version."""


class ConfigError(TrainError):
    """wattprint.toml or an argument out of range."""


class BuildError(TrainError):
    """The C core could not be compiled for this machine."""

    exit_code = 6
