"""report.html, report.json, junit.xml and the terminal: what a verification leaves behind."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from host.cli import main
from host.report.html import _short
from host.report.svg import Frame, nice_ticks, spread_over
from tests.unit.host.conftest import WRONG_AT_17, Bench

VOID = {"meta", "line", "rect", "polyline", "polygon", "br"}


class Page(HTMLParser):
    """Checks that elements are closed in order and nothing is fetched; collects the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.fetched: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.fetched += [f"{tag} {name}={value}" for name, value in attrs if name in ("src", "href", "srcset")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def reported(bench: Bench, folder: Path, behaviour: str = "", code: int = 0, *extra: str) -> Path:
    arguments = [*bench.arguments(bench.program(behaviour), skip="host-c"), "--report", str(folder), *extra]
    assert main(arguments) == code
    assert sorted(path.name for path in folder.iterdir()) == ["junit.xml", "report.html", "report.json"]
    return folder


def test_the_page_is_whole_small_and_self_contained(bench: Bench, tmp_path: Path) -> None:
    text = (reported(bench, tmp_path / "r", "", 0, "--inject", "flip", "--soak", "400") / "report.html").read_text()
    page = Page(text)
    assert page.fetched == []
    assert "@import" not in text
    assert "url(" not in text
    assert len(text) < 150_000
    for words in (
        "PASS",
        "195 samples of 3 charges (3 units of 3 devices)",
        "the board answers as the reference",
        "a bad line changes no answer",
        "Field error",
        "instructions an answer",
        "Where it comes from",
        bench.artifact.hash,
    ):
        assert words in page.text, words
    assert "nan" not in re.findall(r"[a-z]+", " ".join(re.findall(r'points="[^"]*"', text)))


def test_the_page_of_a_failure_says_where(bench: Bench, tmp_path: Path) -> None:
    folder = reported(bench, tmp_path / "r", WRONG_AT_17, 1)
    page, document = (folder / "report.html").read_text(), json.loads((folder / "report.json").read_text())
    text, first = Page(page).text, document["first_divergence"]
    assert "FAIL" in text
    assert "The board left the reference: charge s0, sample 17" in text
    assert first["reproduce"] in text
    assert f"t {first['t_ms']} ms, {first['voltage_mv']} mV" in text
    row = re.search(r'<tr class="off"><td>remaining 50 s</td><td>(\d+)</td><td>(\d+)</td>', page)
    assert row is not None
    assert (int(row[1]), int(row[2])) == (first["expected"]["remaining_50_s"], first["got"]["remaining_50_s"])
    assert page.count('<tr class="off">') == 1 + 3  # the field, and the three charges


def test_names_are_escaped(bench: Bench, tmp_path: Path) -> None:
    with np.load(bench.reference) as file:
        data = dict(file)
    data["sessions"] = np.array(["<b>&\"'", "s1", "s2"])
    data["session_units"] = np.array(["<u>", "b", "c"])
    np.savez(bench.reference, **data)
    folder = reported(bench, tmp_path / "r")
    page = (folder / "report.html").read_text()
    assert "<b>&" not in page
    assert "<u>" not in page
    Page(page)
    ET.parse(folder / "junit.xml")  # noqa: S314 (our own)


def test_junit_counts_what_it_holds(bench: Bench, tmp_path: Path) -> None:
    root = ET.parse(reported(bench, tmp_path / "r", WRONG_AT_17, 1) / "junit.xml").getroot()  # noqa: S314 (our own)
    assert root.tag == "testsuites"
    checks, charges = root.findall("testsuite")
    for element in (root, checks, charges):
        for name, tag in (("tests", "testcase"), ("failures", "failure"), ("skipped", "skipped")):
            assert int(element.attrib[name]) == len(list(element.iter(tag)))
    failed = [case.attrib["name"] for case in root.iter("testcase") if case.find("failure") is not None]
    assert failed == ["the board answers as the reference", "s0", "s1", "s2"]
    evidence = checks.findtext("testcase/failure") or ""
    assert "remaining_50_s: expected" in evidence
    assert "reproduce: " in evidence
    skipped = [case.attrib["name"] for case in checks if case.find("skipped") is not None]
    assert skipped == ["C on this machine answers as the reference", "the board answers as that C"]
    assert [case.attrib["name"] for case in charges] == ["s0", "s1", "s2"]


def test_the_json_of_the_folder_is_the_printed_one(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = reported(bench, tmp_path / "r", "", 0, "--json")
    assert json.loads(capsys.readouterr().out) == json.loads((folder / "report.json").read_text())


def test_a_folder_that_cannot_be_written(bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    for option, words in (("--report", "cannot be written"), ("--out", "cannot be written")):
        # A board that cannot be started shows that nothing was tried before.
        place = str(tmp_path / "file" / "r")
        assert main([*bench.arguments(Path("/bin/true")), option, place]) == 2
        assert f"{option} {place}: {words}" in capsys.readouterr().err
    assert main([*bench.arguments(Path("/bin/true")), "--out", str(tmp_path)]) == 2
    assert "is a folder" in capsys.readouterr().err


def test_the_command_of_this_run_is_kept(bench: Bench, tmp_path: Path) -> None:
    folder = reported(bench, tmp_path / "r", "", 0, "--inject", "flip=0.02", "--seed", "7", "--soak", "400samples")
    command = json.loads((folder / "report.json").read_text())["provenance"]["command"]
    for option in (
        "--inject flip=0.02",
        "--soak 400samples",
        "--inject-rate 0.01",
        "--seed 7",
        f"--reference {bench.reference}",
    ):
        assert f" {option} " in f"{command} "


def test_the_terminal_says_every_verdict(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(bench.arguments(skip="host-c")) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "PASS  195 samples of 3 charges, 0 mismatches"
    verdicts = [line.split()[0] for line in lines if re.match(r"(PASS|FAIL|SKIPPED) +[a-zC]", line)]
    assert verdicts == ["PASS", "SKIPPED", "SKIPPED", "PASS", "PASS", "PASS", "PASS"]
    assert any(line.startswith("answer   p50 1 200, p99 1 200, at most 1 200 instructions") for line in lines)
    assert "\x1b" not in "".join(lines)


@pytest.mark.parametrize(
    ("says", "shown"),
    [
        ("cc (Debian 12.2.0-14+deb12u1) 12.2.0", "cc 12.2.0"),
        ("Apple clang version 15.0.0 (clang-1500.3.9.4)", "clang 15.0.0"),
        ("", ""),
    ],
)
def test_a_compiler_in_short(says: str, shown: str) -> None:
    assert _short(says) == shown


def test_round_numbers_on_an_axis() -> None:
    assert nice_ticks(0, 100) == [0, 20, 40, 60, 80, 100]
    assert nice_ticks(0, 7, 4) == pytest.approx([0, 2, 4, 6])
    assert nice_ticks(-0.5, 0.5, 5) == pytest.approx([-0.4, -0.2, 0, 0.2, 0.4])
    assert nice_ticks(3, 3)  # a flat line has an axis too


def test_a_frame_maps_its_corners() -> None:
    frame = Frame(x1=10, y1=4, width=100, height=50, left=10, right=5, top=2, bottom=8)
    assert (frame.x(0), frame.x(10)) == (10, 95)
    assert (frame.y(0), frame.y(4)) == (42, 2)


@pytest.mark.parametrize("n", [1, 2, 399, 400, 401, 100_000])
def test_a_line_keeps_its_ends(n: int) -> None:
    chosen = spread_over(n)
    assert (chosen[0], chosen[-1]) == (0, n - 1)
    assert len(set(chosen)) == len(chosen) == min(n, 400)
    assert chosen == sorted(chosen)
