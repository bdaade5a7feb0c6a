"""Mistakes that tools/prove.py plants to see that a proof can fail."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from proof.eva import Alarm, Program

SMALL_MODEL = Path("test") / "fixtures" / "model"
HOUSEHOLD = Path("proof") / "household"


@dataclass(frozen=True, slots=True)
class Planted:
    """A mistake: a pattern in a file of a library ("": in any file of the model), and what takes its place."""

    name: str
    file: str
    pattern: str
    replacement: str
    alarm: str  # a pattern in what Eva says of it
    library: str = "core"

    def explains(self, alarm: Alarm) -> bool:
        """Whether an alarm is about this mistake."""
        return re.search(self.alarm, f"{alarm.place} {alarm.words}") is not None


PLANTED = (
    Planted(
        "overflow: power without 64 bits",
        "features_private.h",
        r"\(int64_t\)voltage_mv \* current_ma",
        "voltage_mv * current_ma",
        r"features_private\.h:\d+ signed overflow",
    ),
    Planted(
        "index: a window one too long",
        "live.c",
        r"n_window >= WP_PLUG_WINDOW\)",
        "n_window > WP_PLUG_WINDOW)",
        r"live\.c:\d+ .*(out of bounds|valid)",
    ),
    Planted(
        "table: a model's entry beyond the features",
        "",
        r"((?:FEATURES|lists)\[\d+\] = \{\s*\{?)\d+",
        r"\g<1>200",
        r"/model/\w+\.[ch]:\d+ .*(out of bounds|invalid pointer)",
    ),
    Planted(
        "missing: a state of charge not told, taken for a number",
        "household_left.c",
        r"wp_household_pct\(state->soc_pct\) \* 1000",
        "state->soc_pct * 1000",
        r"household_left\.c:\d+ signed overflow",
        library="vehicle",
    ),
    Planted(
        "table: an entry of a household's that is not checked",
        "household_check.c",
        r"BETWEEN\(car->ceiling_ma, 1000, ",
        "BETWEEN(car->ceiling_ma, 0, ",
        r"household_left\.c:\d+ division by zero",
        library="vehicle",
    ),
)


def plant(mistake: Planted, firmware: Path, model: Path, work: Path) -> Program:
    """A copy of the firmware with a mistake; one in the core gets the small model of the tests, for speed; one in
    lib/vehicle the household of any tables.

    Raises ValueError if the mistake's place is not there: then it has to be planted elsewhere.
    """
    copy = work / "firmware"
    for name in ("lib", "src", "proof", "ports", SMALL_MODEL.as_posix()):
        shutil.copytree(firmware / name, copy / name)
    vehicles = mistake.library == "vehicle"
    used = copy / (HOUSEHOLD if vehicles else SMALL_MODEL)
    folder = copy / "lib" / mistake.library / "src"
    if not mistake.file:
        used = folder = Path(shutil.copytree(model, work / "model"))
    for path in sorted(folder.glob(mistake.file or "*.c")):
        text, n_changes = re.subn(mistake.pattern, mistake.replacement, path.read_text(encoding="utf-8"), count=1)
        if n_changes:
            path.write_text(text, encoding="utf-8")
            return Program(copy, used, all_parts=True, vehicles=vehicles)
    raise ValueError(f"planted mistake {mistake.name!r}: its place is not in {folder}")
