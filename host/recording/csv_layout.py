"""How the columns of a meter's CSV become t_ms, mV and mA, row by row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from host.errors import HostError

FACTORS: Mapping[str, Mapping[str, float]] = {
    "t": {"us": 0.001, "ms": 1.0, "s": 1000.0, "min": 60_000.0, "h": 3_600_000.0},
    "voltage": {"uV": 0.001, "mV": 1.0, "V": 1000.0},
    "current": {"uA": 0.001, "mA": 1.0, "A": 1000.0},
}
DATASET_COLUMNS = {"t": "t_ms", "voltage": "voltage_mv", "current": "current_ma"}


@dataclass(frozen=True, slots=True)
class Layout:
    """Column names and factors to ms, mV and mA, in that order; `from_first`: time counts from the first row."""

    names: tuple[str, str, str] = ("t_ms", "voltage_mv", "current_ma")
    factors: tuple[float, float, float] = (1.0, 1.0, 1.0)
    separator: str = ","
    decimal_comma: bool = False
    from_first: bool = False

    def positions(self, header: str) -> tuple[int, int, int] | None:
        """Where the columns are; None when the line is no header but a row. Raises HostError for a column not there."""
        fields = [field.strip().strip('"') for field in header.split(self.separator)]
        missing = [name for name in self.names if name not in fields]
        if not missing:
            return fields.index(self.names[0]), fields.index(self.names[1]), fields.index(self.names[2])
        if len(fields) == 3 and all(self._is_number(field) for field in fields) and not self.from_first:
            return None
        raise HostError(
            f"no column {missing[0]!r} in the header {header[:80]!r}; "
            "name its columns with --columns t=…,voltage=…,current=…"
        )

    def row(self, line: str, positions: tuple[int, int, int]) -> tuple[float, int, int]:
        """Time in ms, mV and mA of a row; raises ValueError."""
        fields = line.split(self.separator)
        if len(fields) <= max(positions):
            raise ValueError(f"has {len(fields)} fields")
        t_ms, voltage_mv, current_ma = (
            self._number(fields[position]) * factor for position, factor in zip(positions, self.factors, strict=True)
        )
        return t_ms, round(voltage_mv), round(current_ma)

    def _number(self, text: str) -> float:
        text = text.strip().strip('"')
        try:
            value = float(text.replace(",", ".") if self.decimal_comma else text)
        except ValueError:
            raise ValueError(f"{text!r} is no number") from None
        if not -1e15 < value < 1e15:
            raise ValueError(f"{text} is no measurement")
        return value

    def _is_number(self, text: str) -> bool:
        try:
            self._number(text)
        except ValueError:
            return False
        return True


def parse_layout(columns: str | None, separator: str, *, decimal_comma: bool, negative: bool) -> Layout:
    """The layout that the options name; raises HostError. Without columns it is that of the dataset."""
    sign = -1.0 if negative else 1.0
    separator = "\t" if separator == "tab" else separator
    if len(separator) != 1 or (decimal_comma and separator == ","):
        raise HostError(f"--separator {separator!r}: give one character, and not the decimal comma; or tab")
    if columns is None:
        return Layout(factors=(1.0, 1.0, sign), separator=separator, decimal_comma=decimal_comma)
    found: dict[str, tuple[str, float]] = {}
    for entry in columns.split(","):
        key, equals, value = entry.partition("=")
        name, _, unit = value.partition(":")
        units = FACTORS.get(key.strip())
        if units is None or not equals or not name:
            raise HostError(f"--columns {entry!r}: write t=NAME:UNIT, voltage=NAME:UNIT or current=NAME:UNIT")
        unit = unit or {"t": "s", "voltage": "V", "current": "A"}[key.strip()]
        if unit not in units:
            raise HostError(f"--columns {entry!r}: unit {unit!r} is none of {', '.join(units)}")
        found[key.strip()] = (name.strip(), units[unit])
    missing = [key for key in DATASET_COLUMNS if key not in found]
    if missing:
        raise HostError(f"--columns: {missing[0]} is missing; write t=…,voltage=…,current=…")
    (t, t_factor), (voltage, v_factor), (current, i_factor) = (found[key] for key in DATASET_COLUMNS)
    factors = (t_factor, v_factor, i_factor * sign)
    return Layout((t, voltage, current), factors, separator, decimal_comma, from_first=True)
