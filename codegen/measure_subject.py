"""What is measured: a folder of generated C, how it is called, and what its rows and outputs are made of."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codegen import __version__
from codegen.errors import CodegenError

_LIBRARIES = Path(__file__).resolve().parent.parent / "firmware" / "lib"
_CORE, _VEHICLE = _LIBRARIES / "core", _LIBRARIES / "vehicle"

_NETWORK_CALLS = ("wp_network_predict", "wp_network_crc", "wp_net_reset", "wp_net_invoke")
SAMPLE_FIELDS = ("begins", "t_ms", "voltage_mv", "current_ma")
ANSWER_FIELDS = (
    *("device", "confidence_permille", "remaining_s[0]", "remaining_s[1]", "remaining_s[2]"),
    *("flags", "state_crc"),
)
VEHICLE_SAMPLE_FIELDS = ("begins", "t_ms", "vehicle_samples")
N_VEHICLE_VALUES = 9
VEHICLE_ANSWER_FIELDS = (
    *("household.car", "household.possible", "household.flags", "household.phase", "household.stage"),
    *("household.confidence_permille", "household.done_s[0]", "household.done_s[1]", "household.done_s[2]"),
    *("household.target_s[0]", "household.target_s[1]", "household.target_s[2]", "household.energy_to_go_wh"),
    "state_crc",
)
DTYPES = {"double": "<f8", "float": "<f4", "int32_t": "<i4", "int16_t": "<i2", "int8_t": "i1", "uint8_t": "u1"}
"""NumPy's name of each C type a generated header may use for a feature or an output."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Sources and the C that calls them; a row is `row_width` values of `row_dtype`, an output likewise."""

    sources: tuple[Path, ...]
    includes: tuple[Path, ...]
    entry: str
    indirect: tuple[str, ...]  # what a call through a pointer may reach; empty: anything
    values: dict[str, Any]  # for codegen/templates/measure_call.h.j2
    row_dtype: str
    row_width: int
    output_dtype: str
    output_width: int

    @property
    def kind(self) -> str:
        """`forest`, `network`, `artifact` or `household`."""
        return str(self.values["kind"])


def read_subject(folder: Path, name: str | None = None) -> Subject:
    """The one model of a folder, or of several the one called `name`; an artifact's folder comes with the core.

    Raises CodegenError when there is none, or no telling which.
    """
    sources = tuple(sorted(folder.glob("*.c")))
    if not sources:
        raise CodegenError(f"{folder}: holds no .c file; make some with: python -m codegen compile")
    if name is None and folder / "model.c" in sources:
        is_household = '#include "wp/household.h"' in (folder / "model.h").read_text(encoding="ascii")
        return _household(folder, sources) if is_household else _artifact(folder, sources)
    headers = {path.stem: path.read_text(encoding="ascii") for path in sorted(folder.glob("*.h"))}
    models = [stem for stem, text in headers.items() if re.search(rf"\bvoid {stem}_(predict|invoke)\(", text)]
    if name is not None and name not in models:
        raise CodegenError(f"{folder}: holds no model {name}; there are: {' '.join(models) or 'none'}")
    if not models:
        raise CodegenError(f"{folder}: no header is one of codegen compile's")
    if name is None and len(models) > 1:
        raise CodegenError(f"{folder}: holds the models {' '.join(models)}; name the one to measure")
    chosen = name or models[0]
    return _model(folder, sources, chosen, headers[chosen])


def _artifact(folder: Path, sources: tuple[Path, ...]) -> Subject:
    core = tuple(sorted((_CORE / "src").glob("*.c")))
    return Subject(
        sources=sources + core,
        includes=(folder, _CORE / "include"),
        entry="wp_charge_update",
        indirect=_NETWORK_CALLS if folder / "network.c" in sources else ("wp_device_predict", "wp_remaining_predict"),
        values={"kind": "artifact", "answer_fields": ANSWER_FIELDS},
        row_dtype="<i4",
        row_width=len(SAMPLE_FIELDS),
        output_dtype="<i8",
        output_width=len(ANSWER_FIELDS),
    )


def _household(folder: Path, sources: tuple[Path, ...]) -> Subject:
    library = tuple(sorted((_VEHICLE / "src").glob("*.c")))
    return Subject(
        sources=(*sources, *library, _CORE / "src" / "crc32.c"),
        includes=(folder, _CORE / "include", _VEHICLE / "include"),
        entry="wp_vehicle_charge_update",
        # It has no pointers to functions. An address that clang keeps in a register for later calls looks like one; it
        # counts as called where it is loaded, so a leaf stands for it.
        indirect=("wp_crc32",),
        values={"kind": "household", "answer_fields": VEHICLE_ANSWER_FIELDS},
        row_dtype="<i4",
        row_width=2 + N_VEHICLE_VALUES,
        output_dtype="<i8",
        output_width=len(VEHICLE_ANSWER_FIELDS),
    )


def _model(folder: Path, sources: tuple[Path, ...], name: str, header: str) -> Subject:
    if f"codegen {__version__}, style tflm;" in header:
        raise CodegenError(
            f"{folder}: style tflm needs TensorFlow Lite Micro, which ESP-IDF fetches; measure style aot or aot-fast"
        )

    def number(macro: str) -> int:
        found = re.search(rf"#define {name.upper()}_{macro} \(?(\d+)", header)
        if found is None:
            raise CodegenError(f"{folder}/{name}.h: does not define {name.upper()}_{macro}")
        return int(found[1])

    def dtype(what: str) -> str:
        found = re.search(rf"typedef (\w+) {name}_{what};", header)
        if found is None or found[1] not in DTYPES:
            raise CodegenError(f"{folder}/{name}.h: no type {name}_{what} that can be measured")
        return DTYPES[found[1]]

    forest = f"{name}_predict(" in header
    values = {"kind": "forest" if forest else "network", "name": name, "NAME": name.upper()}
    return Subject(
        sources=sources,
        includes=(folder,),
        entry=f"{name}_{'predict' if forest else 'invoke'}",
        indirect=(),
        values=values,
        row_dtype=dtype("feature") if forest else "i1",
        row_width=number("N_FEATURES" if forest else "INPUT_BYTES"),
        output_dtype=dtype("output") if forest else "i1",
        output_width=number("N_OUTPUTS" if forest else "OUTPUT_BYTES"),
    )
