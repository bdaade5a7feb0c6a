"""Errors of the codegen package.

CodegenError               one line for the user: what, where, what to do; exit code 2
├── ModelError             a model file or artifact that cannot be compiled
├── StyleError             a C style or name that does not exist or cannot be used
├── MismatchError          the integer reference strays from the trained model; exit code 1
├── CompilerError          a compiler or emulator that is missing or fails; exit code 6
├── DeadlineError          a program that takes too long; exit code 7
├── BudgetError            a budget of flash, RAM or instructions that nothing meets; exit code 8
└── StepError              a step of a build that failed; carries the step's own exit code
"""

from collections.abc import Sequence


class CodegenError(Exception):
    """Base of all errors a user can cause; the message is one line."""

    exit_code = 2


class ModelError(CodegenError):
    """A model file or artifact that cannot be compiled."""


class StyleError(CodegenError):
    """A C style or name that does not exist or cannot be used."""


class MismatchError(CodegenError):
    """The integer reference strays from the trained model by more than rounding explains."""

    exit_code = 1


class CompilerError(CodegenError):
    """A compiler or emulator that is missing or fails."""

    exit_code = 6


class DeadlineError(CodegenError):
    """A program that takes too long."""

    exit_code = 7


class BudgetError(CodegenError):
    """A budget of flash, RAM or instructions that nothing meets.

    over  what the nearest alternative exceeds: bound, its value, the limit; empty where nothing could be counted
    """

    exit_code = 8

    def __init__(self, message: str, over: Sequence[tuple[str, int, int]] = ()) -> None:
        super().__init__(message)
        self.over = tuple(over)


class StepError(CodegenError):
    """A step of a build that ended with an exit code of its own, which is passed on."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code
