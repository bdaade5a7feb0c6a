"""`python -m host monitor`."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from host.arguments import DEFAULT_ARTIFACT, Subparsers, add_play, add_port, command
from host.errors import HostError

if TYPE_CHECKING:
    from host.monitor.recording import Recording
    from host.monitor.watch import View
    from host.monitor.web import Page

EXAMPLE = """\
python -m host monitor --port /dev/ttyUSB0                      the screen; q ends it
python -m host monitor --port /dev/ttyUSB0 --web                and a page for the second screen
python -m host monitor --port /dev/ttyUSB0 --save run.jsonl     keep the run …
python -m host monitor run.jsonl --web                          … and go through it again
python -m host monitor my_charges --session monday              a recorded charge, and what the model says to it
python -m host monitor --port sim --play fleet/*.csv --speed 60 with no board at all"""
DEFAULT_HTTP_PORT = 8765


def add_command(sub: Subparsers[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = command(sub, "monitor", _run, "watch a live charge, or go through a recorded one", EXAMPLE)
    parser.add_argument(
        "recorded",
        nargs="?",
        type=Path,
        metavar="RECORDED",
        help="instead of a board: a run of --save, a sample file, or a dataset folder",
    )
    add_port(parser, required=False)
    add_play(parser)
    parser.add_argument("--session", metavar="NAME", help="which charge of a dataset folder")
    add_artifact(parser)
    parser.add_argument(
        "--save", type=Path, metavar="RUN.jsonl", help="keep what happens on the line, to be shown again"
    )
    parser.add_argument("--json", action="store_true", help="no screen: one JSON object a sample (docs/host.md)")
    parser.add_argument(
        "--tee", metavar="teleplot[:HOST[:PORT]]", help="also send each sample to Teleplot (default: 127.0.0.1:47269)"
    )
    parser.add_argument("--web", action="store_true", help="also show it as a page, for browsers on this machine")
    add_http(parser, DEFAULT_HTTP_PORT)


def add_artifact(parser: argparse.ArgumentParser) -> None:
    """Add `--artifact`, for the names of devices."""
    parser.add_argument(
        "--artifact",
        type=Path,
        metavar="DIR",
        help="what the board's firmware was generated from, for the names of devices "
        "(default: whichever of artifacts/* and build/artifact has the board's hash)",
    )


def add_http(parser: argparse.ArgumentParser, default_port: int) -> None:
    """Add where to listen for HTTP."""
    parser.add_argument(
        "--bind",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="listen there (default: %(default)s, this machine alone; anybody who reaches another address can read)",
    )
    parser.add_argument(
        "--http-port", type=_port, default=default_port, metavar="N", help="(default: %(default)s; 0 takes a free one)"
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a name this machine is asked for by, besides localhost, its own name and plain addresses",
    )


def _port(text: str) -> int:
    value = int(text)
    if not 0 <= value < 65_536:
        raise argparse.ArgumentTypeError(f"{text} is no port")
    return value


def _run(args: argparse.Namespace) -> int:
    if (args.recorded is None) == (args.port is None):
        raise HostError("name either a board (--port) or something recorded; for instance: host monitor --port sim")
    if args.recorded is None:
        _live(args)
        return 0
    for option in ("save", "tee", "play"):
        if getattr(args, option):
            raise HostError(f"--{option}: is for a board (--port), not for a recorded run")
    _recorded(args)
    return 0


def _live(args: argparse.Namespace) -> None:
    from host.board import link_of
    from host.monitor.live import Clock, live_batches
    from host.monitor.names import known_models
    from host.monitor.run_file import RunWriter
    from host.monitor.tracker import Tracker
    from host.monitor.watch import watch

    clock = Clock()
    tracker = Tracker(known_models(args.artifact), args.port)
    if args.session:
        raise HostError("--session: is for a dataset folder, not for a board")
    with ExitStack() as stack:
        of_each = _tee(args.tee, stack)
        saved = None if args.save is None else stack.enter_context(RunWriter(args.save, args.port))
        page = _page(args, stack, None)
        of_latest: list[View] = [] if page is None else [page]
        if args.json or not sys.stdout.isatty():
            of_each.append(_lines(args.json))
        else:
            from host.monitor.terminal import terminal_screen

            of_latest.append(stack.enter_context(terminal_screen(_hint(page))))
        watch(
            live_batches(lambda: link_of(args), args.port, tracker, clock),
            tracker,
            clock,
            of_each=of_each,
            of_latest=of_latest,
            on_batch=(lambda _: None) if saved is None else saved.add,
        )


def _recorded(args: argparse.Namespace) -> None:
    recording = _load(args)
    with ExitStack() as stack:
        page = _page(args, stack, recording)
        if args.json or not sys.stdout.isatty():
            _print(recording, _lines(args.json))
            if page is not None:
                page.wait()
        else:
            from host.monitor.terminal import scrub

            scrub(recording, "" if page is None else _hint(page))


def _print(recording: Recording, lines: View) -> None:
    from host.monitor.watch import Quit

    with suppress(Quit):
        for position in range(len(recording)):
            lines.show(recording.at(position), None)


def _load(args: argparse.Namespace) -> Recording:
    from host.monitor.charges import charge_run, must_hold_charges
    from host.monitor.names import known_models
    from host.monitor.recording import Recording
    from host.monitor.run_file import is_run, read_run
    from train.artifact import ArtifactError, load_artifact

    if not args.recorded.exists():
        raise HostError(f"{args.recorded}: not found; name a run of --save, a sample file, or a dataset folder")
    if is_run(args.recorded):
        return Recording(read_run(args.recorded), known_models(args.artifact))
    must_hold_charges(args.recorded)
    path = args.artifact or DEFAULT_ARTIFACT
    try:
        run = charge_run(args.recorded, args.session, load_artifact(path))
    except ArtifactError as error:
        raise HostError(str(error)) from None
    return Recording(run, known_models(path))


def _tee(text: str | None, stack: ExitStack) -> list[View]:
    if text is None:
        return []
    from host.monitor.teleplot import Teleplot, tee_address

    teleplot = Teleplot(*tee_address(text))
    stack.callback(teleplot.close)
    return [teleplot]


def _lines(as_json: bool) -> View:
    from host.monitor.lines import JsonLines, Lines
    from host.monitor.watch import Quit
    from host.output import reader_left

    def write(line: str) -> None:
        print(line, flush=True)
        if reader_left():
            raise Quit

    return JsonLines(write) if as_json else Lines(write)


def _page(args: argparse.Namespace, stack: ExitStack, recording: Recording | None) -> Page | None:
    if not args.web:
        return None
    from host.monitor.web import Page

    page = stack.enter_context(Page(args.bind, args.http_port, args.allow_host, recording))
    print(f"the page: {page.url}", file=sys.stderr)
    return page


def _hint(page: Page | None) -> str:
    return "q quit" + ("" if page is None else f"   page: {page.url}")
