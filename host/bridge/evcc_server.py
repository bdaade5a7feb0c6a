"""Where evcc asks: one address over HTTP, whatever stands behind it."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from host.monitor.serving import Listener, Response

PATH = "/evcc"


class EvccServer(ABC):
    """Answers at PATH while it is entered; `_answer` is the subclass's."""

    def __init__(self, bind: str, port: int, allowed_hosts: Sequence[str]) -> None:
        self._listener = Listener(bind, port, {PATH: self._answer, "/": self._answer}, allowed_hosts)

    def __enter__(self) -> Self:
        if not self._listener.loopback:
            print(f"warning: {self.url} can be read by anybody who reaches this machine", file=sys.stderr)
        self._listener.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.stop()

    @property
    def url(self) -> str:
        """What evcc.yaml names."""
        return self._listener.url.rstrip("/") + PATH

    @abstractmethod
    def _answer(self, query: Mapping[str, str]) -> Response:
        """The response to a request for PATH."""
