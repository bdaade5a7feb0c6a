"""`make bench`: the project's figures, each group side by side in one run, to build/bench.json.

    python tools/bench.py [fleet] [forest] [network] [kinds] [score] [own] [firmware] [link]     (default: all)

Bytes and executed instructions are the machine's own and repeatable. Rates and times are of this machine, today: they
are printed, never tested. Exit code: 0, or that of the command that failed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ARTIFACT = ROOT / "artifacts" / "default"
WORK = ROOT / "build" / "bench"
TARGETS = ("rv32imc", "host")
BAUD = 115_200
DAMAGED_LINES = 1_000_000
KINDS_UNITS = 40  # of each device, two charges each: five trainings, a quarter of an hour of one core
THREE_HOURS_S = 3 * 3600


class BenchError(Exception):
    """A command failed; carries its exit code."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def run(*arguments: object) -> str:
    """Standard output of a command of this project."""
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "failed without a word").splitlines()[-1]
        raise BenchError(f"{' '.join(command[1:4])}: {said}", done.returncode)
    return done.stdout


def run_json(*arguments: object) -> dict[str, Any]:
    """The JSON object a command prints."""
    result: dict[str, Any] = json.loads(run(*arguments))
    return result


def fleet_folder() -> Path:
    """A simulated fleet none of whose units any committed model has seen; made once a run."""
    folder = WORK / "fleet"
    if not folder.exists():
        run("-m", "train", "simulate", folder, "--seed", 1000, "--units", 12, "--charges", 1, "--format", "parquet")
    return folder


def reference_file() -> Path:
    """The reference's answers to one charge of each device."""
    path = WORK / "reference.npz"
    if not path.exists():
        run(
            "-m", "codegen", "reference", "--artifact", ARTIFACT, "--data", fleet_folder(),
            "--charges", 17, "--split", "all", "--out", path,
        )  # fmt: skip
    return path


def bench_fleet() -> list[dict[str, Any]]:
    """Charges simulated, and samples turned into features, a second of one core."""
    folder = WORK / "rate"
    simulated = run_json(
        "-m", "train", "simulate", folder, "--force", "--seed", 3, "--units", 30, "--charges", 4, "--json"
    )
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom train.features import extract\n"
        "from train.features.rows import horizons\nfrom train.sessions.dataset import read_dataset\n"
        "charges = list(read_dataset(Path(sys.argv[1])).charges)\nextract(charges[0], horizons(charges[0]))\n"
        "start = time.process_time()\nn = 0\n"
        "for charge in charges:\n    n += len(charge.t_ms); extract(charge, horizons(charge))\n"
        "print(n / (time.process_time() - start))"
    )
    samples_per_s = float(run("-c", code, fleet_folder()))
    simulate = {key: simulated[key] for key in ("charges", "samples", "charges_per_cpu_second")}
    return [{"what": "simulate", **simulate}, {"what": "features", "samples_per_cpu_second": round(samples_per_s)}]


def bench_forest() -> list[dict[str, Any]]:
    """Our styles and other generators on the same forests, in a process that prints its own tables and progress."""
    out = WORK / "forest.json"
    command = [sys.executable, "-m", "forest_bench", "--work", str(WORK / "forest"), "--out", str(out)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT / "tools"), str(ROOT)))}
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, env=environment, check=False)
    if done.returncode:
        raise BenchError("forest_bench failed", done.returncode)
    rows: list[dict[str, Any]] = json.loads(out.read_text(encoding="utf-8"))
    return rows


def bench_network() -> list[dict[str, Any]]:
    """Networks in C beside TensorFlow Lite Micro, in a process that prints its own table."""
    if not any((Path(os.environ.get("WATTPRINT_BENCH", "nowhere")) / "networks").glob("*.tflite")):
        note = "left out: WATTPRINT_BENCH names no folder with networks/NAME.tflite"
        print(f"bench-network: {note}")
        return [{"what": note}]
    out = WORK / "network.json"
    command = [sys.executable, "-m", "network_bench", "--work", str(WORK / "network"), "--out", str(out)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT / "tools"), str(ROOT)))}
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, env=environment, check=False)
    if done.returncode:
        raise BenchError("network_bench failed", done.returncode)
    rows: list[dict[str, Any]] = json.loads(out.read_text(encoding="utf-8"))
    return rows


def bench_kinds() -> list[dict[str, Any]]:
    """Forest and networks trained on one fleet: quality on its held-out units beside cost on rv32imc."""
    if find_spec("tensorflow") is None:
        note = "left out: networks need TensorFlow: make network"
        print(f"bench-kinds: {note}")
        return [{"what": note}]
    folder = WORK / "kinds"
    run("-m", "train", "simulate", folder / "fleet", "--units", KINDS_UNITS, "--charges", 2, "--format", "parquet")
    found = run_json("-m", "codegen", "compare", "--data", folder / "fleet", "--out", folder / "compare", "--json")
    rows = [
        {
            "what": item["name"],
            "target": found["target"],
            **{f"right_{at}": item["quality"]["accuracy"].get(at) for at in ("10s", "60s")},
            **{f"minutes_{at}": item["quality"]["mae_minutes"].get(at) for at in ("60s", "1800s", "overall")},
            "covered": item["quality"]["coverage"].get("overall"),
            **{key: item[key] for key in ("style", "flash_bytes", "ram_and_stack_bytes", "instructions_max", "over")},
        }
        for item in found["candidates"]
    ]
    return [{key: round(value, 3) if isinstance(value, float) else value for key, value in row.items()} for row in rows]


def _cost(cost: dict[str, Any]) -> dict[str, Any]:
    counted = cost["instructions"] or {"mean": None, "max": None}
    return {
        "target": cost["target"],
        "flash_bytes": cost["flash_bytes"],
        "ram_bytes": cost["ram_bytes"],
        "stack_bytes": cost["stack_bytes"],
        "instructions_mean": counted["mean"],
        "instructions_max": counted["max"],
    }


def bench_score() -> list[dict[str, Any]]:
    """Quality beside baselines, bounds and goals, in a process that prints its own tables and progress."""
    out = ROOT / "build" / "score.json"
    command = [sys.executable, "-m", "score_bench", "--out", str(out)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT / "tools"), str(ROOT)))}
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, env=environment, check=False)
    if done.returncode:
        raise BenchError("score_bench failed", done.returncode)
    rows: list[dict[str, Any]] = json.loads(out.read_text(encoding="utf-8"))["goals"]
    return rows


def bench_own() -> list[dict[str, Any]]:
    """Few charges of one's own device, the same of recorded cells, and the study's three phones, beside baselines."""
    rows: list[dict[str, Any]] = []
    parts: list[list[str]] = [["--study"], ["--charges", "5"]]
    if recordings := os.environ.get("WATTPRINT_RECORDINGS"):
        cells = WORK / "own_cells"
        run("-m", "train", "import", "nasa", Path(recordings) / "nasa_liion", cells)
        parts.append([str(cells), "--bounds"])
    for number, options in enumerate(parts):
        out = WORK / f"own{number}.json"
        print(run("tools/own_device.py", *options, "--out", out), end="", flush=True)
        rows += json.loads(out.read_text(encoding="utf-8"))
    return rows


def bench_firmware() -> list[dict[str, Any]]:
    """The whole firmware on every board: bytes, deepest stack, instructions an answer, and whether each is right."""
    from board_figures import FiguresError, board_rows

    try:
        return board_rows(reference_file(), WORK)
    except FiguresError as error:
        raise BenchError(str(error), error.exit_code) from None


def bench_link() -> list[dict[str, Any]]:
    """The line: verification as fast as a pseudo-terminal goes, and a charge of 3 h at a paced 115 200 baud."""
    run("tools/pio.py", "run", "-e", "native")
    result = run_json(
        "-m", "host", "verify", "--port", "sim", "--artifact", ARTIFACT, "--reference", reference_file(), "--json"
    )
    link, samples = result["link"], result["samples"]
    return [
        {
            "what": "verify, unpaced",
            "verdict": result["verdict"],
            "samples": samples,
            "mismatches": result["mismatches"],
            "samples_per_s": link["samples_per_s"],
            "bytes_per_sample": round(link["bytes_sent"] / samples, 1),
            "bytes_per_answer": round(link["bytes_received"] / samples, 1),
        },
        _three_hours_paced(),
        *_damaged(),
    ]


def _damaged() -> Iterator[dict[str, Any]]:
    """A charge over a line that damages 1 % of the lines, with three resets; then nothing but damaged lines."""
    command: list[str | Path] = [
        "-m", "host", "verify", "--port", "sim", "--artifact", ARTIFACT, "--reference", reference_file(), "--json",
        "--skip", "host-c,determinism,timing", "--inject", "drop,flip,cut,garbage,reset=3",
    ]  # fmt: skip
    found = run_json(*command)["inject"]
    yield {
        "what": "1 % damaged, 3 resets",
        "samples": found["samples"],
        "mismatches": found["wrong"],
        "seconds": found["seconds"],
        "damaged_lines": sum(found["damage"]["hit"].values()),
        "accepted": found["damage"]["accepted"],
    }
    storm = run_json(*command, "--charges", 1, "--lines", DAMAGED_LINES)["storm"]
    yield {
        "what": "damaged lines alone",
        "samples": storm["answers"],
        "mismatches": storm["mismatches"],
        "seconds": storm["seconds"],
        "damaged_lines": storm["to_board"] + storm["from_board"],
        "accepted": storm["to_board_accepted"] + storm["from_board_accepted"],
    }


def _three_hours_paced() -> dict[str, Any]:
    """Every sample of 3 h at 1 Hz and every answer, no byte faster than 115 200 baud lets it through, each way."""
    folder, charge = WORK / "power_bank", WORK / "three_hours.csv"
    run(
        "-m", "train", "simulate", folder, "--seed", 77, "--units", 4, "--charges", 1,
        "--devices", "powerbank_9v_20ah", "--format", "csv",
    )  # fmt: skip
    longest = max(folder.glob("*_c*.csv"), key=lambda path: path.stat().st_size)
    rows = longest.read_text(encoding="ascii").splitlines(keepends=True)[: THREE_HOURS_S + 2]
    if len(rows) < THREE_HOURS_S + 2:
        raise BenchError(f"{longest.name} has only {len(rows) - 1} samples: choose a slower device", 1)
    charge.write_text("".join(rows), encoding="ascii")
    said = run("-m", "host", "stream", charge, "--port", "sim", "--pace", BAUD, "--summary", "--json")
    summary = json.loads(said)["summary"]
    byte_s = 10 / BAUD
    return {
        "what": f"3 h at {BAUD} baud",
        "samples": summary["samples"],
        "seconds": summary["seconds"],
        "samples_per_s": summary["answers_per_s"],
        "bytes_per_sample": round(summary["bytes_sent"] / summary["samples"], 1),
        "bytes_per_answer": round(summary["bytes_received"] / summary["samples"], 1),
        "line_busy_to_board_s": round(summary["bytes_sent"] * byte_s, 1),
        "line_busy_from_board_s": round(summary["bytes_received"] * byte_s, 1),
    }


GROUPS: dict[str, Callable[[], list[dict[str, Any]]]] = {
    "fleet": bench_fleet,
    "forest": bench_forest,
    "network": bench_network,
    "kinds": bench_kinds,
    "score": bench_score,
    "own": bench_own,
    "firmware": bench_firmware,
    "link": bench_link,
}


def show(group: str, rows: Sequence[dict[str, Any]]) -> None:
    """Print a group as a table."""
    from rich.console import Console
    from rich.table import Table

    columns = list(dict.fromkeys(key for row in rows for key in row))
    table = Table(title=f"bench-{group}", title_justify="left", show_edge=False)
    for column in columns:
        table.add_column(column.replace("_", " "), justify="left" if column in ("what", "target") else "right")
    for row in rows:
        table.add_row(*("" if row.get(column) is None else str(row[column]) for column in columns))
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def main(groups: Sequence[str]) -> int:
    """Run the groups and write build/bench.json; figures of groups that were not run are kept."""
    if unknown := [group for group in groups if group not in GROUPS]:
        print(f"bench: no group {unknown[0]}; there are {', '.join(GROUPS)}", file=sys.stderr)
        return 2
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    path = ROOT / "build" / "bench.json"
    results: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for group in groups or GROUPS:
        started = time.monotonic()
        try:
            results[group] = GROUPS[group]()
        except BenchError as error:
            print(f"bench-{group}: {error}", file=sys.stderr)
            return error.exit_code
        if group not in ("forest", "network", "score", "own"):  # they have shown their own
            show(group, results[group])
        print(f"{time.monotonic() - started:.0f} s\n")
        path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(f"bench  {len(groups or GROUPS)} groups  (figures: {path.relative_to(ROOT)})")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
