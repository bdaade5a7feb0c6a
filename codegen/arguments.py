"""What the commands' arguments have in common. A command module holds arguments and imports its work when it runs."""

from __future__ import annotations

import argparse
from collections.abc import Callable

Subparsers = argparse._SubParsersAction  # what `add_subparsers` returns; it has no public name


def command(
    sub: Subparsers[argparse.ArgumentParser],
    name: str,
    run: Callable[[argparse.Namespace], int],
    summary: str,
    example: str,
) -> argparse.ArgumentParser:
    """Add a command; `run` takes its arguments and returns the exit code, `example` stands at the end of its help."""
    parser = sub.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(func=run)
    return parser


def at_least_one(text: str) -> int:
    """A budget: a whole number above zero; 8k is 8 · 1024."""
    factor = 1024 if text[-1:] in "kK" and len(text) > 1 else 1
    value = factor * int(text[:-1] if factor > 1 else text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not at least 1")
    return value
