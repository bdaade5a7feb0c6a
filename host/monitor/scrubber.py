"""Where in a recorded run a viewer is: stepping, jumping and playing it back. No clock, no terminal."""

from __future__ import annotations

from host.monitor.recording import Recording

SPEEDS = (1, 5, 20, 60, 300, 1200)
STEP_S = 10.0
JUMP_S = 300.0
KEYS_HELP = "←→ 10 s   , . one sample   PgUp PgDn 5 min   Home End   space play   + − speed   q quit"


class Scrubber:
    """A position in a recording. `advance` moves it while it plays."""

    def __init__(self, recording: Recording) -> None:
        self.position = len(recording) - 1
        self.playing = False
        self._speed = SPEEDS.index(60)
        self._recording = recording
        self._at_s = recording.times[-1]

    @property
    def speed(self) -> int:
        """Seconds of the run in one second of playback."""
        return SPEEDS[self._speed]

    def key(self, key: str) -> None:
        """Do what a key says; keys without a meaning do nothing."""
        match key:
            case "left" | "right":
                self.seek(self._at_s + (STEP_S if key == "right" else -STEP_S))
            case "page up" | "page down":
                self.seek(self._at_s + (JUMP_S if key == "page down" else -JUMP_S))
            case "," | ".":
                self._step(1 if key == "." else -1)
            case "home":
                self.seek(self._recording.times[0])
            case "end":
                self.seek(self._recording.times[-1])
            case " ":
                self._play()
            case "+" | "up":
                self._speed = min(self._speed + 1, len(SPEEDS) - 1)
            case "-" | "down":
                self._speed = max(self._speed - 1, 0)

    def seek(self, at_s: float) -> None:
        """Go to a time of the run."""
        times = self._recording.times
        self._at_s = min(max(at_s, times[0]), times[-1])
        self.position = self._recording.position(self._at_s)

    def advance(self, seconds: float) -> None:
        """So much time has passed for the viewer."""
        if self.playing:
            self.seek(self._at_s + seconds * self.speed)
            self.playing = self._at_s < self._recording.times[-1]

    def _play(self) -> None:
        self.playing = not self.playing
        if self.playing and self._at_s >= self._recording.times[-1]:
            self.seek(self._recording.times[0])

    def _step(self, by: int) -> None:
        self.position = min(max(self.position + by, 0), len(self._recording) - 1)
        self._at_s = self._recording.times[self.position]
