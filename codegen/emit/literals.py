"""The one writer of numbers in C."""

from __future__ import annotations

from collections.abc import Iterable

from codegen.ir.forest import Number, is_float32

INT32_MIN = -(1 << 31)


def float32_literal(value: Number) -> str:
    """Shortest decimal that reads back as the same float32, with suffix f; raises ValueError for any other value."""
    import numpy as np

    if not is_float32(value):
        raise ValueError(f"{value} is not a finite float32")
    return str(np.float32(value)) + "f"


def int32_literal(value: Number) -> str:
    """A decimal of type int32_t; INT32_MIN has no literal of its own in C."""
    if not isinstance(value, int) or not INT32_MIN <= value < -INT32_MIN:
        raise ValueError(f"{value} is not an int32")
    return "INT32_MIN" if value == INT32_MIN else str(value)


def string_literal(text: str) -> str:
    """A string literal: what is not printable ASCII as octal bytes of UTF-8."""
    parts = []
    for byte in text.encode():
        plain = 32 <= byte < 127 and chr(byte) not in '"\\?'
        parts.append(chr(byte) if plain else f"\\{byte:03o}")
    return f'"{"".join(parts)}"'


def comment_text(text: str) -> str:
    """Text that cannot end the comment it stands in, nor leave its line."""
    printable = "".join(character if " " <= character <= "~" else "?" for character in text)
    return printable.replace("*/", "* /").replace("/*", "/ *").replace("\\", "/")


def wrapped(values: Iterable[int], width: int = 96) -> str:
    """Whole numbers as the lines of an initialiser, indented by four."""
    import textwrap

    return textwrap.fill(", ".join(map(int32_literal, values)), width, initial_indent="    ", subsequent_indent="    ")
