"""Numbers of any width, one after the other, in words of 32 bits; each has its lowest bit first."""

from __future__ import annotations


class Bits:
    """A growing string of bits."""

    def __init__(self) -> None:
        self._words = [0]
        self.n = 0

    def put(self, value: int, width: int) -> None:
        """Append an unsigned number; raises ValueError if it does not fit."""
        if value < 0 or value >> width:
            raise ValueError(f"{value} does not fit {width} bits")
        offset = self.n % 32
        self._words[-1] |= value << offset
        self.n += width
        while len(self._words) <= self.n // 32:
            self._words.append(self._words[-1] >> 32)
            self._words[-2] &= 0xFFFFFFFF

    def words(self) -> list[int]:
        """All bits, and enough words behind them that two can be read wherever a number begins."""
        return [*self._words, 0]
