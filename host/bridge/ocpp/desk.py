"""One board and the charge it answers, in a thread of its own: a slow or missing board holds no message up."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from host.bridge.ocpp.answerer import Answerer, Goal, VehicleAnswer, VehicleSample
from host.errors import HostError

RETRY_S = 5.0
"""So long is waited before a lost board is looked for again."""
JOIN_S = 5.0


@dataclass(eq=False, slots=True)
class Feed:
    """A charge's samples as they come: appended by one thread, read by another."""

    goal: Goal = field(default_factory=Goal)
    samples: list[VehicleSample] = field(default_factory=list)


class Desk:
    """Answers the latest sample of the feed it is given; a board that was lost gets the charge from its beginning.

    All functions are called by its thread: `on_answer` is told how many samples the answer has seen, `on_lost` that a
    feed's answers have ended until there is another.
    """

    def __init__(
        self,
        name: str,
        connect: Callable[[], Answerer],
        on_answer: Callable[[Feed, int, VehicleAnswer], None],
        on_lost: Callable[[Feed], None],
        on_note: Callable[[str], None],
        *,
        retry_s: float = RETRY_S,
    ) -> None:
        self.name = name
        self._connect, self._on_answer, self._on_lost, self._on_note = connect, on_answer, on_lost, on_note
        self._retry_s = retry_s
        self._answerer: Answerer | None = None
        self._feed: Feed | None = None
        self._model_hash = ""
        self._wake, self._closing = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"answers of {name}", daemon=True)

    @property
    def model_hash(self) -> str:
        """Of the board that was there last."""
        return self._model_hash

    def open(self) -> None:
        """Connect for the first time, and answer from now on; raises HostError where there is no board."""
        self._answerer = self._connect()
        self._model_hash = self._answerer.model_hash
        self._thread.start()

    def serve(self, feed: Feed | None) -> None:
        """Answer this charge from now on; None for none."""
        self._feed = feed
        self._wake.set()

    def poke(self) -> None:
        """There are new samples."""
        self._wake.set()

    def close(self) -> None:
        """Let go of the board."""
        self._closing.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(JOIN_S)
        self._drop()

    def _run(self) -> None:
        begun: Feed | None = None
        goal, n = Goal(), 0
        while not self._closing.is_set():
            self._wake.wait()
            self._wake.clear()
            feed = self._feed
            try:
                if self._answerer is None:
                    begun = None
                    self._come_back()
                if feed is None or self._answerer is None:
                    continue
                if feed is not begun or feed.goal != goal:
                    begun, goal, n = None, feed.goal, 0
                    self._answerer.begin(goal)
                    begun = feed
                n = self._catch_up(self._answerer, feed, n)
            except HostError as error:
                self._on_note(f"{error}; messages go on, answers wait for the board")
                if feed is not None:
                    self._on_lost(feed)
                self._drop()
                self._wait()

    def _catch_up(self, answerer: Answerer, feed: Feed, n: int) -> int:
        while n < len(feed.samples) and feed is self._feed and not self._closing.is_set():
            answer = answerer.answer(feed.samples[n])
            n += 1
            if n == len(feed.samples) and feed is self._feed:
                self._on_answer(feed, n, answer)
        return n

    def _come_back(self) -> None:
        while self._answerer is None and not self._closing.is_set():
            try:
                self._answerer = self._connect()
            except HostError:
                self._closing.wait(self._retry_s)
            else:
                self._model_hash = self._answerer.model_hash
                self._on_note(f"{self.name}: the board answers again")

    def _wait(self) -> None:
        self._closing.wait(self._retry_s)
        self._wake.set()

    def _drop(self) -> None:
        answerer, self._answerer = self._answerer, None
        if answerer is not None:
            with suppress(HostError):
                answerer.close()


class Desks:
    """All boards: each answers one charge at a time; charges beyond that wait their turn, in the order they began."""

    def __init__(self, desks: list[Desk]) -> None:
        self._desks = desks
        self._serving: dict[int, Feed] = {}
        self._waiting: list[Feed] = []

    def begin(self, feed: Feed) -> bool:
        """Have a charge answered; False where all boards have one already."""
        self._waiting.append(feed)
        self._deal()
        return feed not in self._waiting

    def grown(self, feed: Feed) -> None:
        """A charge has new samples, or is asked something else."""
        for index, served in self._serving.items():
            if served is feed:
                self._desks[index].poke()

    def end(self, feed: Feed) -> None:
        """A charge is over: its board is free for the next."""
        self._waiting = [other for other in self._waiting if other is not feed]
        for index in [index for index, served in self._serving.items() if served is feed]:
            del self._serving[index]
            self._desks[index].serve(None)
        self._deal()

    def desk_of(self, feed: Feed) -> Desk | None:
        """Who answers it; None while it waits."""
        return next((self._desks[index] for index, served in self._serving.items() if served is feed), None)

    def _deal(self) -> None:
        for index, desk in enumerate(self._desks):
            if self._waiting and index not in self._serving:
                self._serving[index] = self._waiting.pop(0)
                desk.serve(self._serving[index])
