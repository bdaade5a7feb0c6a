"""Go-back-N with a credit in bytes (docs/wire.md, "Sequence"): which sample line may be sent now.

Pure bookkeeping: no clock, no port. A line is in flight until its answer or refusal comes, or a silence shows that
nothing more will. The line keeps order, so a response also settles every line sent before the one it names.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence


class Window:
    """The sample lines of one charge, numbered from 0, on their way to the board.

    `base` is the first one without an answer, `credit` what the board announced, in bytes. At least one line may
    always be in flight, however small the credit.
    """

    def __init__(self, lines: Sequence[bytes], credit: int) -> None:
        self.base = 0
        self.n_resent = 0
        self._lines = lines
        self._credit = credit
        self._next = 0
        self._sent_once = 0
        self._in_flight: deque[tuple[int, int]] = deque()  # (sequence, bytes), oldest first
        self._in_flight_bytes = 0
        self._unanswered: deque[int] = deque()  # bytes of the lines base … next − 1
        self._unanswered_bytes = 0
        self._going_back = False
        self._one_only = False

    @property
    def done(self) -> bool:
        """Whether every sample has its answer."""
        return self.base == len(self._lines)

    @property
    def sent_once(self) -> int:
        """How many different samples have been sent."""
        return self._sent_once

    @property
    def idle(self) -> bool:
        """Whether every sample sent has its answer."""
        return self.base == self._next

    def take(self, released: int) -> list[bytes]:
        """The lines to send now, within the credit, of the first `released` samples."""
        lines: list[bytes] = []
        while self._next < released:
            line = self._lines[self._next]
            # Both bounds: what the board has not read yet must fit its buffer, and what it has read but the host not
            # heard must still be in its memory of latest answers.
            waiting = max(self._in_flight_bytes, self._unanswered_bytes)
            if waiting and (self._one_only or waiting + len(line) > self._credit):
                break
            self._in_flight.append((self._next, len(line)))
            self._in_flight_bytes += len(line)
            self._unanswered.append(len(line))
            self._unanswered_bytes += len(line)
            self.n_resent += self._next < self._sent_once
            self._next += 1
            self._sent_once = max(self._sent_once, self._next)
            lines.append(line)
        return lines

    def answered(self, sequence: int) -> bool:
        """Note an answer; True when it is the one that was waited for. A later one means that one was lost."""
        if sequence != self.base:
            self._settle(sequence)
            if self.base < sequence < self._sent_once:
                self._go_back()
            return False
        self.base += 1
        self._settle(sequence)
        self._going_back = self._one_only = False
        if self._unanswered:
            self._unanswered_bytes -= self._unanswered.popleft()
        self._next = max(self._next, self.base)
        return True

    def refused(self, sequence: int, expected: int) -> bool:
        """Note a refused gap; False when the board expects a sample it cannot: it has started anew."""
        self._settle(sequence)
        if not self.base <= expected <= self._sent_once:
            return False
        self._go_back()
        return True

    def silent(self) -> None:
        """Note that nothing came for too long: whatever was in flight is lost; send the first one again, alone."""
        self._in_flight.clear()
        self._in_flight_bytes = 0
        self._restart_at_base()
        self._one_only = True

    def _go_back(self) -> None:
        # The other lines in flight are about to be refused too, once is enough. Should the line sent again be lost as
        # well, the silence brings it back.
        if not self._going_back:
            self._restart_at_base()

    def _restart_at_base(self) -> None:
        self._next = self.base
        self._unanswered.clear()
        self._unanswered_bytes = 0
        self._going_back = True

    def _settle(self, sequence: int) -> None:
        if any(sequence == number for number, _ in self._in_flight):
            while self._pop() != sequence:
                pass
        # Older numbers at the head: a copy sent again overtook their damaged first copy.
        while self._in_flight and self._in_flight[0][0] < self.base:
            self._pop()

    def _pop(self) -> int:
        sequence, n_bytes = self._in_flight.popleft()
        self._in_flight_bytes -= n_bytes
        return sequence
