"""How a message's fields stand in its line: the one spelling of each number, and its range (docs/wire.md)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any, NamedTuple

from host.errors import DamagedLineError
from host.framing import frame, unframe


class Number(NamedTuple):
    """A field."""

    low: int
    high: int
    pattern: bytes  # of its one spelling
    spelling: str = "X"

    @property
    def bounded(self) -> bool:
        """Whether its spelling alone keeps it in its range."""
        return self.low == 0 and (self.high + 1).bit_count() == 1 and self.high.bit_length() % 4 == 0


def unsigned(n_bits: int) -> Number:
    """From 0 on, as many bits."""
    return Number(0, (1 << n_bits) - 1, b"0|[1-9A-F][0-9A-F]{0,%d}" % (n_bits // 4 - 1))


def within(low: int, high: int) -> Number:
    """From low to high, negative ones with a sign."""
    n_digits = max(len(f"{abs(low):X}"), len(f"{abs(high):X}"))
    return Number(low, high, b"0|%s[1-9A-F][0-9A-F]{0,%d}" % (b"-?" if low < 0 else b"", n_digits - 1))


U8, U16, U32 = map(unsigned, (8, 16, 32))
I32 = within(-(1 << 31), (1 << 31) - 1)
HEX8 = Number(0, (1 << 32) - 1, b"[0-9A-F]{8}", "08X")


class Layout(NamedTuple):
    """A message's line: its type and its fields, in order."""

    letter: str
    fields: tuple[Number, ...]


class Reader(NamedTuple):
    """What takes the lines of one letter."""

    kind: type[Any]
    body: re.Pattern[bytes]  # a group a field
    fields: tuple[Number, ...]
    to_bound: tuple[int, ...]  # the fields whose spelling alone does not keep them in their range


def readers(layouts: Mapping[type[Any], Layout], kinds: Iterable[type[Any]]) -> Mapping[bytes, Reader]:
    """Readers of these kinds by their letters."""
    found = {}
    for kind in kinds:
        letter, numbers = layouts[kind].letter.encode("ascii"), layouts[kind].fields
        body = re.compile(letter + b"".join(b",(%s)" % number.pattern for number in numbers))
        to_bound = tuple(k for k, number in enumerate(numbers) if not number.bounded)
        found[letter] = Reader(kind, body, numbers, to_bound)
    return found


class Writer(NamedTuple):
    """What writes the lines of one kind."""

    letter: str
    names: tuple[str, ...]  # of the dataclass's fields
    fields: tuple[Number, ...]

    def line(self, message: object) -> bytes:
        """The line, LF included; raises ValueError when a field is out of its range."""
        texts = [_write(getattr(message, name), number) for name, number in zip(self.names, self.fields, strict=True)]
        return frame(self.letter, texts)


def writers(layouts: Mapping[type[Any], Layout]) -> Mapping[type[Any], Writer]:
    """Writers of all kinds."""
    return {
        kind: Writer(layout.letter, tuple(field.name for field in fields(kind)), layout.fields)
        for kind, layout in layouts.items()
    }


def parse(line: bytes, known: Mapping[bytes, Reader]) -> Any:
    """The message in a line without LF; raises DamagedLineError."""
    body = unframe(line)
    reader = known.get(body[:1])
    if reader is None:
        raise DamagedLineError(f"type {body[:1]!r} is not known")
    match = reader.body.fullmatch(body)
    if match is None:
        raise DamagedLineError(f"{body!r}: wrong number of fields, or one that is not a canonical number in its range")
    values = [int(text, 16) for text in match.groups()]
    for k in reader.to_bound:
        if not reader.fields[k].low <= values[k] <= reader.fields[k].high:
            raise DamagedLineError(f"{body!r}: a number out of range")
    return reader.kind(*values)


def _write(value: int, number: Number) -> str:
    if not number.low <= value <= number.high:
        raise ValueError(f"{value} does not lie in {number.low} … {number.high}")
    return format(value, number.spelling)
