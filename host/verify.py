"""Verification: every answer of a board against the independent reference, field by field."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from host.errors import SilentBoardError
from host.field_error import FieldError, charge_error, field_error
from host.messages import Hello, Prediction
from host.reference import Charge
from host.session import Counters, Session


@dataclass(frozen=True, slots=True)
class Divergence:
    """The first answer that is not the reference's."""

    session: str
    sample: int
    t_ms: int
    voltage_mv: int
    current_ma: int
    features: dict[str, int]  # after this sample, as the reference has them
    expected: dict[str, int]
    got: dict[str, int]
    reproduce: str

    @property
    def differing(self) -> list[str]:
        """Names of the fields that differ."""
        return [name for name, value in self.expected.items() if self.got[name] != value]


@dataclass(frozen=True, slots=True)
class ChargeResult:
    """What came of one charge."""

    session: str
    device: str
    unit: str
    samples: int
    mismatches: int
    seconds: float
    error: FieldError


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a verification."""

    samples: int
    mismatches: int
    first_divergence: Divergence | None
    charges: tuple[ChargeResult, ...]
    link: Counters
    error: FieldError
    hello: Hello
    board_counters: dict[str, int]
    stream_seconds: float
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether there was something to compare and all of it was equal."""
        return self.samples > 0 and self.mismatches == 0

    @property
    def samples_per_s(self) -> float:
        """New samples answered a second, while streaming."""
        return self.samples / self.stream_seconds

    @property
    def bytes_per_s(self) -> float:
        """Bytes both ways a second, while streaming."""
        return (self.link.bytes_sent + self.link.bytes_received) / self.stream_seconds

    def to_json(self) -> dict[str, Any]:
        """The documented object of `host verify --json`."""
        charges = []
        for charge in self.charges:
            entry = asdict(charge)
            entry.update(entry.pop("error"))
            charges.append(entry)
        link = asdict(self.link)
        link.update(bytes_per_s=round(self.bytes_per_s), samples_per_s=round(self.samples_per_s))
        return {
            "verdict": "PASS" if self.passed else "FAIL",
            "samples": self.samples,
            "mismatches": self.mismatches,
            "first_divergence": None if self.first_divergence is None else asdict(self.first_divergence),
            "charges": charges,
            "link": link,
            "error": asdict(self.error),
            "board": {
                "model_hash": self.hello.model_hash,
                "protocol": self.hello.protocol,
                "firmware_version": self.hello.version,
                "devices": self.hello.n_devices,
                **self.board_counters,
            },
            "seconds": round(self.seconds, 3),
        }


class Verifier:
    """Replays charges through a session and keeps the score."""

    def __init__(
        self, session: Session, hello: Hello, device_names: Sequence[str], feature_names: Sequence[str], reproduce: str
    ) -> None:
        self._session = session
        self._hello = hello
        self._device_names = device_names
        self._feature_names = feature_names
        self._reproduce = reproduce
        self._first: Divergence | None = None
        self._mismatches = 0

    def run(self, charges: Sequence[Charge], on_samples: Callable[[int], None], started: float) -> Report:
        """Verify every charge; on_samples is told of answers as they come. `started` is a time.monotonic()."""
        before = time.monotonic()
        results = tuple(self._charge(charge, on_samples) for charge in charges)
        stream_seconds = max(time.monotonic() - before, 1e-6)
        return Report(
            samples=sum(result.samples for result in results),
            mismatches=sum(result.mismatches for result in results),
            first_divergence=self._first,
            charges=results,
            link=self._session.counters,
            error=field_error([result.error for result in results]),
            hello=self._hello,
            board_counters=self._session.statistics(),
            stream_seconds=stream_seconds,
            seconds=time.monotonic() - started,
        )

    def _charge(self, charge: Charge, on_samples: Callable[[int], None]) -> ChargeResult:
        answers: list[Prediction] = []
        wrong: set[int] = set()  # a charge replayed after a restart answers the same indexes again

        def compare(index: int, answer: Prediction) -> None:
            if answer != charge.expected[index]:
                wrong.add(index)
                if self._first is None:
                    self._first = self._divergence(charge, index, answer)
            if index == len(answers):
                answers.append(answer)
                on_samples(1)

        before = time.monotonic()
        self._session.replay(charge.samples, compare)
        if len(answers) != len(charge.samples):  # replay promises it; no verdict rests on that alone
            raise SilentBoardError(f"{charge.session}: {len(answers)} answers to {len(charge.samples)} samples")
        return ChargeResult(
            session=charge.session,
            device=charge.device,
            unit=charge.unit,
            samples=len(answers),
            mismatches=len(wrong),
            seconds=round(time.monotonic() - before, 3),
            error=charge_error(charge, answers, self._device_names),
        )

    def _divergence(self, charge: Charge, index: int, answer: Prediction) -> Divergence:
        features = charge.features[index].tolist()
        return Divergence(
            session=charge.session,
            sample=index,
            **charge.samples[index]._asdict(),
            features=dict(zip(self._feature_names, features, strict=True)),
            expected=asdict(charge.expected[index]),
            got=asdict(answer),
            reproduce=f"{self._reproduce} --session {charge.session}",
        )
