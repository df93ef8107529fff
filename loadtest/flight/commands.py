"""`bridge-loadtest replay` and `bridge-loadtest scenario-from`."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

from loadtest.errors import InputError, Place, nearest
from loadtest.flight.line import as_yaml, observe
from loadtest.flight.record import parse, read_files, read_records
from loadtest.quantities import parse_rate

if TYPE_CHECKING:
    from bridge._core import ReplayConfig, ReplayPoint


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds both to the command line."""
    replaying = commands.add_parser("replay", help="run the estimator over a flight record, with other settings")
    replaying.add_argument("file", type=Path, metavar="FILE", help="what `bridge rooms report` wrote")
    for name, help_ in (("start", "to begin with"), ("min", "never below"), ("max", "never above")):
        replaying.add_argument(f"--{name}", metavar="RATE", help=f"the estimate {help_}, e.g. 300k")
    replaying.add_argument("--json", type=Path, metavar="FILE", help="write every tenth of a second")
    replaying.set_defaults(run=_replay)
    making = commands.add_parser("scenario-from", help="make the line of a flight record into a link for the emulator")
    making.add_argument("file", type=Path, metavar="FILE", help="what `bridge rooms report` wrote")
    making.add_argument("--record", metavar="NAME", help="which of the records in the file")
    making.add_argument("--output", type=Path, metavar="FILE", help="where to write it (default: standard output)")
    making.set_defaults(run=_scenario_from)


def _replay(options: argparse.Namespace) -> int:
    # Late: the emulator runs without the extension.
    from bridge._core import replay_estimator

    config: ReplayConfig = {
        "start_bitrate": _rate(options.start, "--start"),
        "min_bitrate": _rate(options.min, "--min"),
        "max_bitrate": _rate(options.max, "--max"),
    }
    results: dict[str, list[ReplayPoint]] = {}
    for name, data in read_files(options.file):
        try:
            points = results[name] = replay_estimator(data, config)
        except ValueError as error:
            raise InputError(f"{name}: {error}", Place(str(options.file))) from error
        if points:
            began = parse(name, data, Place(str(options.file))).unix_time
            _show(name, points, began)
        else:
            print(f"{name}: nothing was sent")
    if options.json is not None:
        _write(options.json, json.dumps(results))
    return 0


def _show(name: str, points: list[ReplayPoint], began: float) -> None:
    print(f"{name}\n{'time':>10}{'sent':>10}{'recorded':>10}{'replayed':>10}{'queue':>9}{'lost':>7}   (kbit/s, ms)")
    for point in points[::10]:
        clock = time.strftime("%H:%M:%S", time.localtime(began + point["time"]))
        rates = "".join(f"{rate / 1e3:>10.0f}" for rate in (point["sent"], point["recorded"], point["replayed"]))
        queue = "" if point["queue_delay"] is None else f"{point['queue_delay'] * 1e3:.0f}"
        print(f"{clock:>10}{rates}{queue:>9}{point['fraction_lost']:>7.1%}")


def _scenario_from(options: argparse.Namespace) -> int:
    records = [record for record in read_records(options.file) if record.packets]
    if options.record is not None:
        known = [record.name for record in records]
        if options.record not in known:
            message = f"{options.record!r}: there is no such record that sent something"
            raise InputError(message, Place("--record"), nearest(options.record, known) if known else None)
        records = [record for record in records if record.name == options.record]
    if len(records) != 1:
        names = ", ".join(record.name for record in records) or "none"
        hint = "name one with --record" if records else None
        raise InputError(f"one record that sent something is wanted; there is: {names}", Place(str(options.file)), hint)
    text = as_yaml(observe(records[0]), records[0].name)
    if options.output is None:
        print(text, end="")
    else:
        _write(options.output, text)
    return 0


def _rate(text: str | None, option: str) -> int | None:
    if text is None:
        return None
    try:
        return int(parse_rate(text))
    except ValueError as error:
        raise InputError(f"{text!r} is not {error}", Place(option)) from error


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text)
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", Place(str(path))) from error
