"""The README's pictures, from real runs: `make pictures`, or `python -m tools.pictures --out DIR`.

A simulated charge is played to the native firmware's sensor and watched; the monitor's screen and page are drawn from
that run, and the report of a verification of the same firmware is photographed.
"""

from __future__ import annotations

import argparse
import json
import re
import signal
import subprocess
import sys
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from host.monitor.history import History
from host.monitor.names import known_models
from host.monitor.run_file import read_run
from host.monitor.screen import Size, screen
from host.monitor.snapshot import Snapshot
from host.monitor.tracker import Tracker
from host.monitor.web import Page
from tests.browser import Browser, find_browser

ROOT = Path(__file__).resolve().parent.parent
OUT = Path("docs/pictures")
WORK = Path("build/pictures")
DEVICE = "iphone_13"
SEED = 20_261  # far from those a fleet is trained with
N_VERIFIED = 17  # one of each device
THROUGH = 0.55
"""The moment shown: so far through the charge's samples."""
TERMINAL = Size(84, 24)
PAGE = (1200, 698)  # down to the plots
MAX_BYTES = 150_000


def main() -> int:
    """Draw all pictures; says where they are and how large."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=OUT, metavar="DIR", help="(default: %(default)s)")
    parser.add_argument("--work", type=Path, default=WORK, metavar="DIR", help="scratch (default: %(default)s)")
    args = parser.parse_args()
    program = find_browser()
    if program is None:
        print("no Chromium: on Debian, apt-get install chromium-headless-shell", file=sys.stderr)
        return 3
    args.out.mkdir(parents=True, exist_ok=True)
    args.work.mkdir(parents=True, exist_ok=True)
    data = args.work / "charges"
    run("tools/pio.py", "run", "-e", "native")
    module("train", "simulate", data, "--seed", SEED, "--units", 1, "--charges", 1, "--format", "csv", "--force")
    snapshot, history = watched(next(data.glob(f"{DEVICE}_*.csv")), args.work / "run.jsonl")
    draw_terminal(snapshot, history, args.out / "monitor-terminal.svg")
    report = args.work / "verify"
    chosen = ("--data", data, "--split", "all", "--charges", N_VERIFIED)
    module("host", "verify", "--port", "sim", *chosen, "--report", report)
    with Browser(program) as browser:
        photograph_page(browser, snapshot, history, args.out / "monitor-page.png")
        width, height = PAGE
        browser.open((report / "report.html").resolve().as_uri(), width=width, height=height)
        browser.screenshot(args.out / "verify-report.png")
    return told(sorted(args.out.iterdir()))


def module(name: str, *arguments: object) -> None:
    """Run a command of the project; ends the program when it fails."""
    run("-m", name, *arguments)


def run(*arguments: object) -> None:
    """Run Python with these arguments; ends the program when that fails."""
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command[1:])}: {done.stderr or done.stdout}")


def watched(charge: Path, path: Path) -> tuple[Snapshot, History]:
    """What the monitor showed well into a charge on the virtual board, when it knew the device."""
    path.unlink(missing_ok=True)
    command = [sys.executable, "-m", "host", "monitor", "--port", "sim", "--play", str(charge), "--speed", "0"]
    command += ["--json", "--save", str(path)]
    with subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None  # noqa: S101 (it was asked for)
        for line in process.stdout:
            if (json.loads(line)["charge"] or {}).get("ended"):
                break
        process.send_signal(signal.SIGTERM)
    kept = read_run(path)
    wanted = THROUGH * sum(entry.line.startswith(b"$L,") for entry in kept.entries)
    tracker = Tracker(known_models(None), kept.source)
    for entry in kept.entries:
        tracker.take(entry)
        snapshot = tracker.snapshot(entry.at_s)
        answer = snapshot.trusted
        if answer is not None and answer.sequence >= wanted and answer.sequence == sequence(snapshot):
            assert tracker.history is not None  # noqa: S101 (there is an answer)
            return snapshot, tracker.history
    sys.exit(f"{path}: the device is not known late in this charge; is firmware/lib/model of artifacts/default?")


def sequence(snapshot: Snapshot) -> int | None:
    """Of the latest sample."""
    return None if snapshot.reading is None else snapshot.reading.sequence


def draw_terminal(snapshot: Snapshot, history: History, path: Path) -> None:
    """The screen as SVG, in whatever fixed font the reader has."""
    width, height = TERMINAL
    with Path("/dev/null").open("w") as nowhere:
        console = Console(width=width, height=height, record=True, force_terminal=True, file=nowhere)
        console.print(screen(snapshot, history, TERMINAL, Text("q quit", "dim")))
    plain = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    svg = console.export_svg(title="python -m host monitor --port sim", code_format=plain, unique_id="monitor")
    path.write_text(re.sub(r"[ \t]+\n", "\n", svg), encoding="utf-8")


def photograph_page(browser: Browser, snapshot: Snapshot, history: History, path: Path) -> None:
    """The page at that moment."""
    with Page("127.0.0.1", 0, [], None) as page:
        page.show(snapshot, history)
        width, height = PAGE
        browser.open(page.url, width=width, height=height)
        browser.wait_for("page.now !== null && page.data.elapsed_ms.length > 0")
        browser.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        browser.screenshot(path)


def told(paths: list[Path]) -> int:
    """Name each picture; 1 when one is too large to be committed."""
    for path in paths:
        n_bytes = path.stat().st_size
        print(f"{path}  {n_bytes / 1000:.0f} kB{'' if n_bytes <= MAX_BYTES else ', too large'}")
    return int(any(path.stat().st_size > MAX_BYTES for path in paths))


if __name__ == "__main__":
    sys.exit(main())
