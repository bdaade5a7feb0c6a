"""Damage on the line, on purpose: lines lost, bits flipped, bytes cut out, garbage put in, the board started anew."""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from host.errors import DamagedLineError, HostError
from host.framing import LineSplitter
from host.messages import parse_from_board
from host.transport import Link

RESET = "reset"
DEFAULT_RATE = 0.01
DEFAULT_RESETS = 3
CUT_MAX = 40
"""Most bytes lost or put in at once: a USB buffer that overran, a boot log in between."""

_LOGS = (b"I (1234) wifi: up\n", b"\0", b"$", b"\n", b"*", b",")
_REMEMBERED = 64


def drop(_: bytes, __: random.Random) -> bytes:
    """The line is lost."""
    return b""


def flip(line: bytes, source: random.Random) -> bytes:
    """One to three bits are another way round."""
    changed = bytearray(line)
    for _ in range(source.randint(1, 3)):
        changed[source.randrange(len(changed))] ^= 1 << source.randrange(8)
    return bytes(changed)


def cut(line: bytes, source: random.Random) -> bytes:
    """Bytes are lost, perhaps the end of the line among them."""
    at = source.randrange(len(line))
    return line[:at] + line[at + source.randint(1, CUT_MAX) :]


def garbage(line: bytes, source: random.Random) -> bytes:
    """Bytes that belong to no message, or another program's log."""
    at = source.randrange(len(line) + 1)
    extra = source.choice(_LOGS) if source.random() < 0.5 else source.randbytes(source.randint(1, CUT_MAX))
    return line[:at] + extra + line[at:]


KINDS: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "drop": drop,
    "flip": flip,
    "cut": cut,
    "garbage": garbage,
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do to a line: the share of lines hit by each kind, and how often the board starts anew in a charge."""

    rates: dict[str, float]
    resets: int
    seed: int

    @property
    def rate(self) -> float:
        """The share of lines that are hit at all."""
        return sum(self.rates.values())


def parse_plan(text: str, rate: float, seed: int) -> Plan:
    """`drop,flip=0.02,reset=3`: kinds without a share of their own divide `rate`; raises HostError naming the kind."""
    rates: dict[str, float] = {}
    shared, resets = [], 0
    for word in text.split(","):
        kind, equals, value = word.strip().partition("=")
        if kind != RESET and kind not in KINDS:
            raise HostError(f"--inject {word.strip()!r}: is none of {', '.join((*KINDS, RESET))}")
        try:
            if kind == RESET:
                resets = int(value) if equals else DEFAULT_RESETS
            elif equals:
                rates[kind] = float(value)
            else:
                shared.append(kind)
        except ValueError:
            raise HostError(f"--inject {word.strip()!r}: {value!r} is not a number") from None
    rates.update((kind, rate / len(shared)) for kind in shared)
    plan = Plan(rates, resets, seed)
    if min((*rates.values(), resets)) < 0 or plan.rate > 0.5:
        raise HostError(f"--inject {text}: shares of lines must lie from 0 to 0.5 together, resets from 0")
    return plan


@dataclass(slots=True)
class Damage:
    """What was done, and what got through."""

    lines: int = 0  # both ways
    hit: Counter[str] = field(default_factory=Counter)  # lines changed, by kind
    resets: int = 0
    accepted: int = 0  # damaged lines that the host would take for messages the board never sent

    @property
    def damaged(self) -> int:
        """Lines changed by any kind."""
        return sum(self.hit.values())


class DamagingLink:
    """A Link around a Link: damages lines both ways by a plan, and starts the board anew at the moments given.

    `resets_at` counts lines sent since the start of the damage; `reset` starts the board anew.
    """

    def __init__(self, link: Link, plan: Plan, resets_at: list[int], reset: Callable[[], object]) -> None:
        self.damage = Damage()
        self._link = link
        self._random = random.Random(plan.seed)  # noqa: S311 (to be repeated, not to be secret)
        self._kinds = list(plan.rates)
        self._weights = list(plan.rates.values())
        self._rate = plan.rate
        self._resets_at = deque(sorted(resets_at))
        self._reset = reset
        self._n_sent = 0
        self._rest = b""
        self._splitter = LineSplitter()
        self._said: deque[bytes] = deque(maxlen=_REMEMBERED)

    def send(self, data: bytes) -> None:
        """Send what is left of it."""
        lines = data.splitlines(keepends=True)
        self._n_sent += len(lines)
        if self._resets_at and self._n_sent > self._resets_at[0]:
            self._resets_at.popleft()
            self._reset()
            self._rest = b""
            self.damage.resets += 1
        if left := b"".join(map(self._hit, lines)):
            self._link.send(left)

    def receive(self, timeout_s: float) -> bytes:
        """What is left of whole lines that have arrived."""
        *lines, self._rest = (self._rest + self._link.receive(timeout_s)).split(b"\n")
        self._said.extend(lines)
        left = b"".join(self._hit(line + b"\n") for line in lines)
        self.damage.accepted += sum(map(self._is_false, self._splitter.push(left)))
        return left

    def now(self) -> float:
        """Monotonic seconds."""
        return self._link.now()

    def _hit(self, line: bytes) -> bytes:
        self.damage.lines += 1
        if self._random.random() >= self._rate:
            return line
        kind = self._random.choices(self._kinds, self._weights)[0]
        left = KINDS[kind](line, self._random)
        self.damage.hit[kind] += left != line
        return left

    def _is_false(self, line: bytes) -> bool:
        """Whether a line is a message that the board has not sent lately."""
        if line in self._said:
            return False
        try:
            parse_from_board(line)
        except DamagedLineError:
            return False
        return True
