"""Errors of the host package.

HostError                    one line for the user: what, where, what to do; exit code 2
├── DamagedLineError         a received line that is not a message; counted and dropped, never shown alone
├── PortError                no board there, or somebody else holds the port; exit code 3
├── ModelMismatchError       the board runs another model or another protocol; exit code 4
├── LinkBudgetError          the line cannot carry what the charge sends; exit code 5
├── FirmwareBuildError       the native firmware could not be built; exit code 6
├── SilentBoardError         no progress within the bounded number of attempts; exit code 7
└── CommandError             a command started on the way failed; carries its exit code
"""


class HostError(Exception):
    """Base of all errors a user can cause; the message is one line."""

    exit_code = 2


class DamagedLineError(HostError):
    """A received line that is not a message."""


class PortError(HostError):
    """No board there, or somebody else holds the port."""

    exit_code = 3


class ModelMismatchError(HostError):
    """The board runs another model or another protocol."""

    exit_code = 4


class LinkBudgetError(HostError):
    """The line cannot carry what the charge sends."""

    exit_code = 5


class FirmwareBuildError(HostError):
    """The native firmware could not be built."""

    exit_code = 6


class SilentBoardError(HostError):
    """No progress within the bounded number of attempts."""

    exit_code = 7


class CommandError(HostError):
    """A command started on the way failed; carries its exit code."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code
