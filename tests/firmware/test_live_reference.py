"""Simulated charges through the live board with the committed model: its answers are the reference's, to the bit."""

from __future__ import annotations

import subprocess
import sys
import zlib
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tests.firmware.conftest import ROOT, run_pio
from tests.firmware.test_live import play, samples_of, write_recording
from tests.oracle.features import oracle_features

pytestmark = [pytest.mark.firmware, pytest.mark.xdist_group("firmware")]

ARTIFACT = ROOT / "artifacts" / "default"
DEVICES = ("earbud_case", "iphone_8")
FAULT = "no-answer@600+20"


def run_module(*arguments: str | Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def by_charge(said: list[str]) -> list[list[str]]:
    """What was said from each plug on."""
    starts = [k for k, each in enumerate(said) if each.startswith("E,1,")]
    return [said[first:after] for first, after in zip(starts, [*starts[1:], None], strict=True)]


@pytest.fixture(scope="module")
def live_charges(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    """What the native board with the committed model says while its sensor plays two charges, with a fault in each."""
    folder = tmp_path_factory.mktemp("live")
    if not (ROOT / "firmware" / "lib" / "model" / "model.c").is_file():
        pytest.skip("firmware/lib/model holds no model: python -m codegen build")
    done = run_pio("run", "-e", "native", build_dir=folder / "pio", WATTPRINT_MODEL_DIR="")
    assert done.returncode == 0, done.stdout + done.stderr
    data = folder / "simulated"
    options = ("--seed", "9", "--units", "1", "--charges", "1", "--devices", ",".join(DEVICES), "--format", "csv")
    run_module("train", "simulate", data, *options)
    files = [next(data.glob(f"{device}_*.csv")) for device in DEVICES]
    program = folder / "pio" / "native" / "program"
    return by_charge(play(program, "--sensor", *files, "--speed", "0", "--fault", FAULT, last="E,2,2"))


@pytest.fixture(scope="module")
def reference(live_charges: list[list[str]], tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    """`codegen reference` of a dataset made of the samples that the board sent."""
    data = tmp_path_factory.mktemp("sent")
    rows = ["session,device,unit,charger,ended"]
    for k, (device, said) in enumerate(zip(DEVICES, live_charges, strict=True)):
        write_recording(data / f"charge{k}.csv", [(t, mv, ma) for _, t, mv, ma in samples_of(said)])
        rows.append(f"charge{k},{device},one,bench,unknown")
    (data / "sessions.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    out = data.with_suffix(".npz")
    run_module("codegen", "reference", "--artifact", ARTIFACT, "--data", data, "--split", "all", "--out", out)
    with np.load(out) as file:
        return dict(file)


def test_every_answer_and_state_is_the_reference_s(
    live_charges: list[list[str]], reference: dict[str, np.ndarray]
) -> None:
    assert reference["sessions"].tolist() == ["charge0", "charge1"]
    for k, said in enumerate(live_charges):
        part = slice(*reference["offsets"][k : k + 2])
        answers = [each.split(",")[1:] for each in said if each[0] == "P"]
        got = np.array([[int(field, 16) for field in fields] for fields in answers])
        assert len(got) == len(reference["t_ms"][part]) > 3000
        assert got[:, 0].tolist() == list(range(len(got)))
        assert (got[:, 1] == reference["device"][part]).all()
        assert (got[:, 2] == reference["confidence_permille"][part]).all()
        assert (got[:, 3:6] == reference["remaining_s"][part]).all()
        assert (got[:, 6] == reference["flags"][part]).all()
        assert (got[:, 7] == reference["state_crc"][part]).all()
        assert len(np.unique(got[:, 7])) == len(got)


def test_every_state_is_the_oracle_s(live_charges: list[list[str]]) -> None:
    for said in live_charges:
        columns = zip(*samples_of(said), strict=True)
        _, *measured = map(list, columns)
        _, states, _ = oracle_features(*measured)
        crcs = [int(each.rsplit(",", 1)[1], 16) for each in said if each[0] == "P"]
        assert crcs == [zlib.crc32(state) for state in states]


def test_the_fault_and_the_end_are_where_they_belong(live_charges: list[list[str]]) -> None:
    for k, said in enumerate(live_charges):
        assert [each for each in said if each[0] == "E"] == [f"E,1,{k + 1}", "E,3,1", "E,4,0", f"E,2,{k + 1}"]
        t_s = [sample[1] // 1000 for sample in samples_of(said)]
        assert [pair for pair in pairwise(t_s) if pair[1] != pair[0] + 1] == [(599, 620)]
        last = [each for each in said if each[0] == "P"][-1]
        assert int(last.split(",")[7], 16) >> 1 & 3 == 3  # full was said before the end
