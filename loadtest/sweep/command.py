"""`loadtest sweep`: raises the number of rooms until a threshold breaks."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from loadtest.errors import InputError, Place
from loadtest.measure import rounded
from loadtest.priority import go_before_others
from loadtest.quantities import parse_rate, parse_share, rate_text
from loadtest.swarm import media
from loadtest.swarm.outcome import Figures
from loadtest.sweep import sizing
from loadtest.sweep.page import write_page
from loadtest.sweep.probe import Pace, Probe, Thresholds, probe
from loadtest.sweep.search import search

PASSED, MISSED, FAILED = 0, 1, 2
SCHEMA = "bridge-sweep/1"
_SOUND = 84_000.0
"""Bit/s of a voice with its headers, as the swarm sends it."""


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command to those of `loadtest`."""
    parser = commands.add_parser("sweep", help="find how many rooms a core carries until thresholds break")
    parser.add_argument("--sizes", default="2,3,6", help="participants of a room (default: %(default)s)")
    parser.add_argument("--bitrates", default="300k,1M", help="of each one's video (default: %(default)s)")
    parser.add_argument("--first", type=int, default=16, help="rooms to begin with (default: %(default)s)")
    parser.add_argument("--most", type=int, default=1024, help="rooms to end with (default: %(default)s)")
    parser.add_argument("--tolerance", type=float, default=0.1, help="how near to the limit, as a share (default: 0.1)")
    parser.add_argument("--settle", type=float, default=30.0, help="seconds after the last join (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=10.0, help="that are measured (default: %(default)s)")
    parser.add_argument("--frozen", default="0.5%", metavar="SHARE", help="of the time at most (default: %(default)s)")
    parser.add_argument("--joins", type=float, default=50.0, help="per second (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="of the swarm (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("sweep-report"), metavar="DIR", help="(default: %(default)s)")
    parser.add_argument("--resume", type=Path, metavar="JSON", help="take over the probes of an earlier sweep.json")
    parser.add_argument("--sizing", type=Path, metavar="FILE", help="write the operators' table here (Markdown)")
    parser.set_defaults(run=run)


@dataclass
class _Sweep:
    """What was found so far."""

    probes: list[Probe] = field(default_factory=list)
    carried: dict[tuple[int, int], sizing.Carried] = field(default_factory=dict)
    """By size and bitrate, where the search came to its end."""


def run(options: argparse.Namespace) -> int:
    """0 if rooms of every size and bitrate were carried, 1 if none of one were. Raises `InputError`.

    Raises `KeyboardInterrupt` when it is ended early; the report is then of what there was until then.
    """
    sizes = [_number(text, "--sizes", 2) for text in options.sizes.split(",")]
    bitrates = [_bitrate(text) for text in options.bitrates.split(",")]
    for name in ("first", "most", "threads"):
        _number(str(getattr(options, name)), f"--{name}", 1)
    if not 0 <= options.tolerance <= 1:
        raise InputError(f"{options.tolerance}: expected a share from 0 to 1", Place("--tolerance"))
    try:
        thresholds = Thresholds(frozen=parse_share(options.frozen))
    except ValueError as error:
        raise InputError(f"{options.frozen!r}: expected {error}", Place("--frozen")) from None
    options.out.mkdir(parents=True, exist_ok=True)
    found = _Sweep(_earlier(options.resume) if options.resume is not None else [])
    go_before_others(os.getpid())
    media.speech()
    state = "interrupted: this is what there was until then"
    try:
        for bitrate in bitrates:
            media.pictures("vp8", bitrate)
            for size in sizes:
                found.carried[size, bitrate] = _most(size, bitrate, options, thresholds, found.probes)
        state = "complete"
    finally:
        if found.probes:
            _write(found, state, thresholds, options)
    return PASSED if all(one.rooms for one in found.carried.values()) else MISSED


def _most(
    size: int, bitrate: int, options: argparse.Namespace, thresholds: Thresholds, probes: list[Probe]
) -> sizing.Carried:
    pace = Pace(options.settle, options.seconds, options.joins, options.threads)
    tried = {one.rooms: one for one in probes if (one.size, one.bitrate) == (size, bitrate)}

    def holds(rooms: int) -> bool:
        if rooms in tried:
            return tried[rooms].held
        one = tried[rooms] = probe(rooms, size, bitrate, pace, thresholds)
        probes.append(one)
        print(_said(one), flush=True)
        return one.held

    found = search(holds, options.first, options.most, options.tolerance)
    limit = _limit(tried[found.broke]) if found.broke is not None else "nothing"
    if not found.held:
        return sizing.Carried(0, 0.0, 0.0, limit)
    best = tried[found.held]
    return sizing.Carried(found.held, best.worker_load, best.figures.frozen_share, limit)


def _limit(broke: Probe) -> str:
    missed = "; ".join(broke.missed)
    return f"the swarm, not the bridge: {missed}" if broke.swarm_was_limit else missed


def _earlier(path: Path) -> list[Probe]:
    try:
        document = json.loads(path.read_text())
        if document["schema"] != SCHEMA:
            raise InputError(f"{document['schema']!r}: expected {SCHEMA!r}", Place(str(path)))
        probes = [{name: value for name, value in one.items() if name != "held"} for one in document["probes"]]
        return [Probe(**{**one, "figures": Figures(**one["figures"])}) for one in probes]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"no report of a sweep ({error})", Place(str(path))) from None


def _said(one: Probe) -> str:
    result = "held" if one.held else "; ".join(one.missed)
    limit = " (the swarm was the limit)" if one.swarm_was_limit else ""
    head = f"{one.rooms} rooms of {one.size} at {rate_text(one.bitrate)}"
    return f"{head}: worker {one.worker_load * 100:.0f} %, swarm {one.figures.swarm_cpu * 100:.0f} %: {result}{limit}"


def _write(found: _Sweep, state: str, thresholds: Thresholds, options: argparse.Namespace) -> None:
    machine = f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()} {platform.release()};"
    when = f"{machine} bridge and swarm on the same machine, {datetime.now(UTC):%Y-%m-%d}."
    memory = _memory_per_participant(found.probes)
    needs = [
        one
        for bitrate in sorted({bitrate for _, bitrate in found.carried})
        for demand in sizing.DEMANDS
        if (one := sizing.need(demand, bitrate, found.carried, memory, _SOUND)) is not None
    ]
    document = {
        "schema": SCHEMA,
        "state": state,
        "machine": when,
        "thresholds": asdict(thresholds),
        "carried": [{"size": size, "bitrate": rate, **asdict(one)} for (size, rate), one in found.carried.items()],
        "memory_per_participant": memory,
        "needs": [asdict(one) for one in needs],
        "probes": [rounded({**asdict(one), "held": one.held}) for one in found.probes],
    }
    (options.out / "sweep.json").write_text(json.dumps(document, indent=2) + "\n")
    write_page(found.probes, state, when, options.out / "sweep.html")
    if options.sizing is not None:
        options.sizing.parent.mkdir(parents=True, exist_ok=True)
        command = _command(options)
        text = sizing.markdown(found.carried, needs, memory, thresholds, command, f"Measured on {when}")
        options.sizing.write_text(text)
    print(f"report: {options.out / 'sweep.html'}")


def _command(options: argparse.Namespace) -> str:
    """What measures the same again."""
    names = ("sizes", "bitrates", "first", "most", "tolerance", "settle", "seconds", "frozen", "joins", "threads")
    words = ["bridge-loadtest", "sweep"]
    for name in names:
        words += [f"--{name}", str(getattr(options, name))]
    return shlex.join(words)


def _memory_per_participant(probes: list[Probe]) -> float:
    """Bytes: the slope between the smallest and the largest probe, or 0 where there is only one size."""
    ordered = sorted(probes, key=lambda one: one.participants)
    few, many = ordered[0], ordered[-1]
    if many.participants == few.participants:
        return 0.0
    return max(0.0, (many.memory - few.memory) / (many.participants - few.participants))


def _number(text: str, option: str, least: int) -> int:
    if not text.strip().isdecimal() or int(text) < least:
        raise InputError(f"{text!r}: expected a number from {least}", Place(option))
    return int(text)


def _bitrate(text: str) -> int:
    try:
        return round(parse_rate(text.strip()))
    except ValueError as error:
        raise InputError(f"{text!r}: expected {error}", Place("--bitrates")) from None
