"""Render build/report.html from build/report.json and build/reference.npz."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from train.errors import TrainError
from train.report import charges, content, score

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent
REFERENCE = "reference.npz"


def write_report(folder: Path) -> Path:
    """Render the report of a build folder; returns the file written.

    Only report.json is required; without reference.npz the charts are left out. Raises TrainError naming the file.
    """
    source = folder / "report.json"
    try:
        report = json.loads(source.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise TrainError(f"{source}: not found; make it with: python -m codegen build") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise TrainError(f"{source}: cannot be read: {error}") from None
    if not isinstance(report, dict):
        raise TrainError(f"{source}: is not a JSON object; make it with: python -m codegen build")
    try:
        html = _render_household(report, folder) if _of_household(report) else _render_model(report, folder)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TrainError(f"{source}: {type(error).__name__}: {error}; make it with: python -m codegen build") from error
    return _write(folder / "report.html", html)


def _of_household(report: Mapping[str, Any]) -> bool:
    model = report.get("model")
    return isinstance(model, dict) and model.get("kind") == "household"


def _render_model(report: Mapping[str, Any], folder: Path) -> str:
    reference = folder / REFERENCE
    return render(report, charges.read_reference(reference) if reference.exists() else [])


def _render_household(report: Mapping[str, Any], folder: Path) -> str:
    from train.report import household
    from train.report.household_charges import read_household_reference

    reference, units = folder / REFERENCE, [str(unit) for unit in report["model"].get("units") or []]
    replayed = read_household_reference(reference, units) if reference.exists() else []
    return _environment().get_template("household.html.j2").render(household.page(report, replayed))


def _environment() -> Environment:
    """Templates of this folder, which share style and last sections."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def render(report: Mapping[str, Any], replayed: list[charges.Replayed]) -> str:
    """The whole page."""
    from markupsafe import Markup

    page = content.page(report)
    page["answers"] = [
        {"svg": Markup(charges.remaining_chart(charge)), **content.answer_caption(kind, charge)}  # noqa: S704
        for kind, charge in charges.typical_and_worst(replayed)
    ]
    page["multiples"] = [
        {"svg": Markup(charges.power_chart(charge)), **content.charge_caption(charge)}  # noqa: S704
        for charge in charges.typical_of_each_device(replayed)
    ]
    evaluation = report.get("evaluation") or {}
    scored = [*score.curve_charts(evaluation), *filter(None, [score.calibration_chart(evaluation)])]
    page["curves"] = [{**item, "svg": Markup(item["svg"])} for item in scored]  # noqa: S704
    page["worst"] = [{**item, "svg": Markup(item["svg"])} for item in score.worst_charts(evaluation)]  # noqa: S704
    page["strip"] = any(len(charge.device_kind) for charge in replayed)
    return _environment().get_template("report.html.j2").render(page)


def _write(path: Path, text: str) -> Path:
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
                stream.write(text)
            Path(temporary).chmod(0o644)
            Path(temporary).replace(path)
        finally:
            Path(temporary).unlink(missing_ok=True)
    except OSError as error:
        raise TrainError(f"{path}: cannot be written: {error.strerror}") from None
    return path
