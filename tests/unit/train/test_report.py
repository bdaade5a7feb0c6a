"""The report: complete from a whole build, tolerant of gaps, one file that needs nothing else."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from train.cli import main
from train.errors import TrainError
from train.evaluate.metrics import HORIZON_KEYS
from train.report import svg
from train.report.build import write_report
from train.report.charges import read_reference, typical_and_worst, typical_of_each_device

VOID = {"meta", "br", "line", "circle", "rect"}


def by_horizon(value: float) -> dict[str, float]:
    return dict.fromkeys(HORIZON_KEYS, value)


def report_json() -> dict[str, Any]:
    quality = {
        "protocol": "4 charges of 2 units",
        "accuracy": by_horizon(0.75),
        "mae_minutes": by_horizon(7.25),
        "baseline_mae_minutes": by_horizon(11.5),
        "coverage": by_horizon(0.8),
    }
    per_device = {"phone": {"charges": 3, "units": 1, "accuracy": {"60s": 1.0}, "mae_minutes": {}}}
    confusion = {"at": "60s", "devices": ["lamp <b>", "phone"], "charges": [[1, 0], [1, 2]]}
    return {
        "title": "my charger",
        "model": {"hash": "0123456789abcdef", "kind": "forest", "classes": ["lamp <b>", "phone"], "features": ["x_ma"]},
        "data": {"charges": 20, "units": 6, "source": "fleet"},
        "split": {"train": 3, "calibration": 1, "held_out": 2},
        "quality": quality,
        "evaluation": {"quality": quality, "per_device": per_device, "confusion": confusion, "notes": ["a note"]},
        "cost": {
            "rv32imc": {"flash_bytes": 32768, "ram_bytes": 300, "stack_bytes": 724, "instructions_per_sample": None}
        },
        "verify": {"samples": 12345, "mismatches": 0, "verdict": "PASS"},
        "provenance": {"commit": "abc", "versions": {"xgboost": "3.2.0"}},
    }


def write_reference(path: Path) -> None:
    """Two charges of a phone, 3 and 1 min off, and a censored one of a lamp."""
    lengths = [100, 60, 50]
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    t_ms = np.concatenate([np.arange(n) * 60_000 for n in lengths]).astype(np.uint32)
    truth = np.concatenate([np.arange(99, -1, -1) * 60, np.arange(59, -1, -1) * 60, np.full(50, -1)]).astype(np.int32)
    median = truth + np.repeat([180, 60, 500], lengths).astype(np.int32)
    np.savez(
        path,
        model_hash=np.array("0123456789abcdef"),
        device_names=np.array(["lamp", "phone"]),
        sessions=np.array(["far", "near", "cut"]),
        session_devices=np.array(["phone", "phone", "lamp"]),
        session_units=np.array(["a", "b", "a"]),
        offsets=offsets,
        t_ms=t_ms,
        voltage_mv=np.full(210, 5000, np.int32),
        current_ma=np.full(210, 1000, np.int32),
        true_remaining_s=truth,
        baseline_remaining_s=truth + 600,
        device=np.ones(210, np.uint8),
        flags=np.zeros(210, np.uint8),
        remaining_s=np.stack([median - 60, median, median + 60], axis=1).clip(0),
    )


class Checker(HTMLParser):
    """Collects text and attributes; fails on tags that do not match."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        assert not any(name.startswith("on") for name, _ in attrs)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def checked(path: Path) -> str:
    """The visible text of a report that is well-formed and reaches for nothing outside itself."""
    html = path.read_text(encoding="utf-8")
    parser = Checker()
    parser.feed(html)
    assert (parser.open, parser.links) == ([], [])
    assert "<script" not in html
    assert not re.search(r"url\(|@import", html)
    assert len(html) < 1_000_000
    return re.sub(r"[ \n]+", " ", " ".join(parser.text))


@pytest.fixture
def build(tmp_path: Path) -> Path:
    (tmp_path / "report.json").write_text(json.dumps(report_json()))
    write_reference(tmp_path / "reference.npz")
    return tmp_path


def test_a_whole_report(build: Path) -> None:
    assert write_report(build) == build / "report.html"
    text = checked(build / "report.html")
    for words in (
        "my charger",
        "20 charges of 6 units (fleet); units: 3 to train on, 1 to calibrate on, 2 held out",
        "PASS: 12\u202f345 samples verified, 0 mismatches",
        "75.0 %",
        "7.2 min",
        "the baseline 11.5",
        "a note",
        "32\u202f768 B",
        "50.0 %",  # of 64 KB
        "1\u202f024 B",
        "lamp <b>",
        "A typical charge: phone",
        "The worst of those replayed: phone",
        "far: 3.0 min off on average, the baseline 10.0",
        "0123456789abcdef",
        "xgboost 3.2.0",
    ):
        assert words in text, words
    assert [path.name for path in build.iterdir() if path.name.startswith(".")] == []


def verification() -> dict[str, Any]:
    """What `host verify --json` says of two charges of two units."""
    charge = {"device": "phone", "samples": 1500, "mismatches": 0, "seconds": 0.25, "accuracy": {}}
    return {
        "verdict": "PASS",
        "samples": 3000,
        "mismatches": 0,
        "first_divergence": None,
        "charges": [
            {**charge, "session": "lunch", "unit": "a", "mae_minutes": {"5s": 9, "overall": 4.24}}
            | {"baseline_mae_minutes": {"overall": 8.5}},
            {**charge, "session": "night", "unit": "b", "mae_minutes": {}, "baseline_mae_minutes": {}},
        ],
        "link": {"bytes_sent": 90000, "bytes_received": 120000, "sent": 3000, "resent": 0, "damaged": 0}
        | {"refusals": 0, "silences": 0, "resets": 0, "errors": 0, "samples_per_s": 11083},
        "error": {"mae_minutes": {"overall": 4.2}, "baseline_mae_minutes": {"overall": 8.5}, "accuracy": {}},
        "board": {"model_hash": "0123456789abcdef", "protocol": 1, "firmware_version": "0.1.0", "answer_max_us": 2970},
        "seconds": 2.538,
    }


def shown(build: Path, **values: Any) -> str:
    """The page of report_json() with other values."""
    (build / "report.json").write_text(json.dumps({**report_json(), **values}))
    return checked(write_report(build))


def test_a_verification_is_summed_up(build: Path) -> None:
    text = shown(build, verify=verification())
    for words in (
        "Yes: each of 3\u202f000 answers over the serial line equals the reference, bit for bit.",
        "2 charges of 2 units in 2.5 s",
        "model 0123456789abcdef, firmware 0.1.0, protocol 1; slowest answer 2\u202f970 µs",
        "90\u202f000 bytes out, 120\u202f000 back; nothing damaged, nothing sent again",
        "4.2 min off on average, the baseline 8.5",
        "Charge by charge",
        "lunch phone / a 1\u202f500 0 4.2 8.5",
        "night phone / b 1\u202f500 0 – –",
    ):
        assert words in text, words
    assert "{" not in text.partition("Is the board equal")[2]


def test_the_stages_of_a_verification(build: Path) -> None:
    checks = [
        {"group": "board", "title": "the board answers as the reference", "verdict": "PASS", "text": "all of 3 000"},
        {"group": "codegen", "title": "C as the reference", "verdict": "PASS", "text": "all answers"},
        {"group": "platform", "title": "the board as C", "verdict": "SKIPPED", "text": "no C compiler"},
        {"group": "repeatable", "title": "the same again", "verdict": "FAIL", "text": "7 of 20 differ"},
    ]
    text = shown(build, verify=verification() | {"verdict": "FAIL", "checks": checks})
    assert "Each answer equals the reference, but not all is well. Failed: the same again." in text
    for words in ("C on this machine PASS: all answers", "board against that C SKIPPED: no C compiler"):
        assert words in text, words
    assert "the same again FAIL: 7 of 20 differ" in text
    assert "all of 3 000" not in text  # said in the sentence above the rows


def test_trouble_on_the_line_is_said(build: Path) -> None:
    verify = verification()
    verify["link"] |= {"resent": 4, "damaged": 2, "resets": 1}
    text = shown(build, verify=verify)
    assert "120\u202f000 back; 4 sent again, 2 damaged, 1 restarts of the board" in text
    assert "nothing damaged" not in text


def test_the_first_divergence_is_shown(build: Path) -> None:
    first = {"session": "night", "sample": 17, "reproduce": "python -m host verify --session night"}
    first |= {"expected": {"device": 1, "remaining_50_s": 600}, "got": {"device": 1, "remaining_50_s": 601}}
    verify = verification() | {"verdict": "FAIL", "mismatches": 9, "first_divergence": first}
    text = shown(build, verify=verify)
    assert "No: 9 of 3\u202f000 answers differ" in text
    assert "first divergence charge night, sample 17 remaining 50 s expected 600, got 601 reproduce python -m" in text


def test_settings_are_rows(build: Path) -> None:
    settings = {
        "fleet": {"seed": 1},
        "forest": {"seed": 2, "device": {"rounds": 12, "eta": 0.5}},
        "budget": {"x": None},
    }
    text = shown(build, provenance={"commit": "abc+", "settings": settings, "flags": {"emit": "m2cgen"}})
    assert "commit abc, with changes not committed flags emit m2cgen" in text
    assert "Settings fleet seed 1 forest seed 2 forest.device rounds 12, eta 0.5" in text
    assert "budget" not in text
    assert "1 feature x_ma" in text


def test_an_evaluation_is_drawn(build: Path) -> None:
    """Curves with a band where the interval is known, a disc a bin, the worst charges, and groups as rows."""
    figures = {"mean": [0.5, 0.75, None], "low": [0.25, 0.5, None], "high": [0.75, 1.0, None]}
    minutes = {key: [value and 40 * value for value in values] for key, values in figures.items()}
    course: dict[str, Any] = {
        "session": "s7",
        "unit": "phone/a",
        "ended": "limit",
        "answered": "lamp <b>",
        "slices": ["below 10 °C"],
    }
    course |= {"mae_minutes": 31.4, "baseline_mae_minutes": 20.0, "elapsed_s": [0, 60], "baseline_s": [9, 9]}
    course |= {"true_remaining_s": [60, 0], "remaining_s": [[1, 2, 3]] * 2, "right": [False, True]}
    evaluation = report_json()["evaluation"] | {
        "curves": {"elapsed_s": [1, 60, 10800], "accuracy": figures, "mae_minutes": minutes, "coverage": {}},
        "calibration": {"at": "60s", "bins": [{"confidence": 0.5, "right": 0.25, "charges": 4}]},
        "worst_charges": [{**course, "unknown": [True, False]}],
        "by_ending": {"limit": {"charges": 3, **{key: {"overall": 0.5} for key in ("accuracy", "coverage")}}
                      | {"mae_minutes": {}, "baseline_mae_minutes": {"overall": 7}}},
        "by_share_done": {"0.25-0.5": {"accuracy": 0.75}},
        "intervals": {"accuracy": {"60s": [0.625, 0.875]}},
    }  # fmt: skip
    text = shown(build, evaluation=evaluation)
    for words in (
        "phone, taken for lamp <b> s7: 31.4 min off on average, the baseline 20.0; ended: limit; below 10 °C",
        "ended: limit 3 50.0 – 7.0 50.0",
        "25–50 % done 75.0",
        "95 % interval – – – 62.5–87.5",
        "Minutes to full: mean error",
    ):
        assert words in text, words
    assert "Truth within 10–90 % 80 % is right" not in text  # nothing to draw
    html = (build / "report.html").read_text(encoding="utf-8")
    right = html[html.index("Device right over the time gone by") :].partition("</svg>")[0]
    low, high = 10 + 170 * (1 - 0.25), 10 + 170 * (1 - 0.75)
    assert f"46.0,{high:.1f}" in right
    assert f"46.0,{low:.1f}" in right
    assert html.count('class="bin"') == 1


def test_gaps_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text("{}")
    text = checked(write_report(tmp_path))
    assert "How good" not in text
    assert "PASS" not in text


@pytest.mark.parametrize("key", sorted(report_json()))
def test_each_key_is_optional(build: Path, key: str) -> None:
    report = report_json()
    del report[key]
    (build / "report.json").write_text(json.dumps(report))
    checked(write_report(build))


def test_a_mismatch_is_a_failure(build: Path) -> None:
    report = report_json()
    report["verify"]["mismatches"] = 3
    (build / "report.json").write_text(json.dumps(report))
    text = checked(write_report(build))
    assert "FAIL: 12\u202f345 samples verified, 3 mismatches" in text
    assert "No: 3 of 12\u202f345 answers differ" in text


def test_charges_shown_are_typical_and_worst(build: Path) -> None:
    replayed = read_reference(build / "reference.npz")
    assert [(kind, charge.session) for kind, charge in typical_and_worst(replayed)] == [
        ("typical", "near"),
        ("worst", "far"),
    ]
    assert [charge.device for charge in typical_of_each_device(replayed)] == ["lamp", "phone"]
    assert replayed[1].error_min == pytest.approx(1.0)


def test_refusals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(tmp_path)]) == 2
    assert "report.json: not found" in capsys.readouterr().err
    (tmp_path / "report.json").write_text("[]")
    with pytest.raises(TrainError, match="not a JSON object"):
        write_report(tmp_path)
    (tmp_path / "report.json").write_text('{"model": {"kind": "household"}}')
    with pytest.raises(TrainError, match="make it with"):
        write_report(tmp_path)
    (tmp_path / "report.json").write_text("{}")
    (tmp_path / "reference.npz").write_bytes(b"PK")
    with pytest.raises(TrainError, match="not a reference file"):
        write_report(tmp_path)
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize(("maximum", "expected"), [(20, [0, 5, 10, 15, 20]), (9.9, [0, 2, 4, 6, 8]), (0, [0])])
def test_round_ticks(maximum: float, expected: list[float]) -> None:
    assert svg.nice_ticks(maximum, 5) == expected


@pytest.mark.parametrize(("maximum", "step"), [(95, 30), (3, 1), (600, 180), (20_000, 5760)])
def test_minute_ticks(maximum: float, step: float) -> None:
    ticks = svg.minute_ticks(maximum, 4)
    assert ticks[1] == step
    assert ticks[-1] <= maximum


def test_a_line_breaks_where_nothing_is_known() -> None:
    frame = svg.Frame(0, 0, 10, 10, 4, 1)
    text = svg.line(frame, np.arange(5.0), np.array([0, 1, np.nan, 1, 1]), "truth")
    assert re.findall(r'points="([^"]*)"', text) == ["0.0,10.0 2.5,0.0", "7.5,0.0 10.0,0.0"]


def test_what_other_styles_would_cost(tmp_path: Path) -> None:
    """The largest fills its bar; counts that could not be taken leave a gap."""
    row = {"model": "device", "target": "rv32imc", "leaf_bits": 12, "ram_bytes": 0, "stack_bytes": 64}
    styles = [
        {
            **row,
            "style": style,
            "chosen": style == "balanced",
            "flash_bytes": flash,
            "instructions": {"mean": None, "max": worst},
            "whole": {"flash_bytes": flash + 9000, "instructions_max": worst},
        }
        for style, flash, worst in (("m2cgen", 20_000, 2_500), ("balanced", 5_000, 10_000), ("<b>", 1_000, None))
    ]
    budgets = [{"what": "flash bytes", "target": "rv32imc", "limit": 27_648, "value": 14_000}]
    (tmp_path / "report.json").write_text(json.dumps({**report_json(), "styles": styles, "budgets": budgets}))
    text = checked(write_report(tmp_path))
    assert "balanced ✓" in text
    assert "m2cgen ✓" not in text
    assert "<b>" in text  # as text
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    table = html[html.index('class="styles"') :]
    assert re.findall(r'style="width:([\d.]+)%', table)[:6] == ["100.0", "25.0", "25.0", "100.0", "5.0", "0.0"]
    assert "flash bytes ≤ 27" in text
    assert "14\u00a0000" in text or "14\u202f000" in text or "14 000" in text
