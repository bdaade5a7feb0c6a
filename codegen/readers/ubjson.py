"""A strict reader of the UBJSON that XGBoost writes (draft 12: typed and counted containers, big-endian).

Every count is checked against the bytes that are left before anything is made of it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

# marker: (struct code, NumPy dtype of a typed array)
_NUMBERS = {
    b"i": (">b", ">i1"),
    b"U": (">B", ">u1"),
    b"I": (">h", ">i2"),
    b"l": (">i", ">i4"),
    b"L": (">q", ">i8"),
    b"d": (">f", ">f4"),
    b"D": (">d", ">f8"),
}
_INTEGERS = (b"i", b"U", b"I", b"l", b"L")
_NESTING_MAX = 64


def loads(data: bytes) -> Any:
    """Decode one value that fills `data`; typed arrays come as NumPy arrays. Raises ValueError with the offset."""
    reader = _Reader(data)
    value = reader.value(reader.marker(), 0)
    if reader.at != len(data):
        raise ValueError(f"byte {reader.at}: {len(data) - reader.at} bytes too many")
    return value


@dataclass(slots=True)
class _Reader:
    data: bytes
    at: int = 0

    def take(self, n_bytes: int) -> bytes:
        if n_bytes > len(self.data) - self.at:
            raise ValueError(f"byte {self.at}: ends in the middle of a value")
        self.at += n_bytes
        return self.data[self.at - n_bytes : self.at]

    def marker(self) -> bytes:
        marker = self.take(1)
        while marker == b"N":  # no-op
            marker = self.take(1)
        return marker

    def number(self, marker: bytes) -> int | float:
        code = _NUMBERS[marker][0]
        value: int | float = struct.unpack(code, self.take(struct.calcsize(code)))[0]
        return value

    def count(self) -> int:
        marker = self.marker()
        if marker not in _INTEGERS:
            raise ValueError(f"byte {self.at - 1}: a count cannot begin with {marker!r}")
        value = int(self.number(marker))
        if not 0 <= value <= len(self.data) - self.at:
            raise ValueError(f"byte {self.at}: a count of {value} with {len(self.data) - self.at} bytes left")
        return value

    def text(self) -> str:
        return self.take(self.count()).decode("utf-8")

    def value(self, marker: bytes, nesting: int) -> Any:
        if nesting > _NESTING_MAX:
            raise ValueError(f"byte {self.at}: nested deeper than {_NESTING_MAX}")
        if marker in _NUMBERS:
            return self.number(marker)
        if marker == b"S":
            return self.text()
        if marker in (b"T", b"F"):
            return marker == b"T"
        if marker == b"Z":
            return None
        if marker == b"[":
            return self.array(nesting)
        if marker == b"{":
            return self.object(nesting)
        raise ValueError(f"byte {self.at - 1}: unknown marker {marker!r}")

    def array(self, nesting: int) -> Any:
        marker = self.marker()
        if marker == b"$":
            return self.typed_array()
        if marker == b"#":
            return [self.value(self.marker(), nesting + 1) for _ in range(self.count())]
        items = []
        while marker != b"]":
            items.append(self.value(marker, nesting + 1))
            marker = self.marker()
        return items

    def typed_array(self) -> Any:
        kind = self.take(1)
        if kind not in _NUMBERS or self.take(1) != b"#":
            raise ValueError(f"byte {self.at}: a typed array needs a number type and a count")
        dtype = np.dtype(_NUMBERS[kind][1])
        return np.frombuffer(self.take(self.count() * dtype.itemsize), dtype=dtype)

    def object(self, nesting: int) -> dict[str, Any]:
        items: dict[str, Any] = {}
        marker = self.marker()
        if marker == b"#":
            raise ValueError(f"byte {self.at}: counted objects are not written by XGBoost")
        while marker != b"}":
            self.at -= 1
            key = self.text()
            if key in items:
                raise ValueError(f"byte {self.at}: key {key!r} twice")
            items[key] = self.value(self.marker(), nesting + 1)
            marker = self.marker()
        return items
