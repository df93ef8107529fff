"""`loadtest swarm`: rooms of participants in one process, and what they saw."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

from loadtest.errors import InputError, Place, need_folder
from loadtest.measure import rounded
from loadtest.quantities import parse_rate, rate_text
from loadtest.swarm import native, target
from loadtest.swarm.media import CODECS
from loadtest.swarm.outcome import Figures, Outcome
from loadtest.swarm.rooms import DOORS, HTTP, WEBSOCKET, Rooms

PASSED, FAILED = 0, 2
_SETTLE = 3.0
"""Seconds after the last join that do not count for the figures."""


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command to those of `loadtest`."""
    parser = commands.add_parser("swarm", help="fill rooms with participants that replay encoded media")
    parser.add_argument("--rooms", type=int, default=10, help="(default: %(default)s)")
    parser.add_argument("--size", type=int, default=3, help="participants of a room (default: %(default)s)")
    parser.add_argument("--bitrate", default="500k", help="of each one's video (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=30.0, help="from the first join (default: %(default)s)")
    parser.add_argument("--codec", choices=list(CODECS), default="vp8", help="(default: %(default)s)")
    parser.add_argument("--door", choices=DOORS, default=WEBSOCKET, help="http is WHIP and WHEP (default: %(default)s)")
    parser.add_argument("--adaptive", action="store_true", help="follow the bridge's feedback, up to the bitrate")
    parser.add_argument(
        "--simulcast", action="store_true", help="send three encodings, up to 1,200 kbit/s in all sizes"
    )
    parser.add_argument("--threads", type=int, default=1, help="of the swarm (default: %(default)s)")
    parser.add_argument("--joins", type=float, default=50.0, help="per second (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")
    parser.add_argument("--lines", type=Path, metavar="FILE", help="keep each participant's figures of every second")
    target.add_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Plays it and prints the figures. 0 when everybody could join, 2 otherwise. Raises `InputError`."""
    need_folder(options.json, "--json")
    need_folder(options.lines, "--lines")
    try:
        bitrate = round(parse_rate(options.bitrate))
    except ValueError as error:
        raise InputError(f"{options.bitrate!r}: expected {error}", Place("--bitrate")) from None
    rooms = Rooms(
        rooms=options.rooms,
        size=options.size,
        bitrate=bitrate,
        seconds=options.seconds,
        codec=options.codec,
        # Others speak our WebSocket protocol hardly ever.
        door=HTTP if options.target else options.door,
        adaptive=options.adaptive,
        simulcast=options.simulcast,
        threads=options.threads,
        joins_per_second=options.joins,
        name=f"swarm-{time.time_ns() // 1_000_000}",
    )
    rooms.check()
    outcome = Outcome(rooms.size)
    lines: list[native.Line] = []

    def on_line(line: native.Line) -> None:
        outcome.note(line)
        if options.lines is not None:
            lines.append(line)
        if line["type"] == "thread" and sys.stderr.isatty():
            print(
                f"\r{line['at']:.0f} s of {rooms.seconds:g} s, {outcome.connected} connected ", end="", file=sys.stderr
            )

    interrupted = False
    with target.opened(options) as bridge:
        plan = rooms.plan(bridge)
        before = bridge.process.cpu_seconds() if bridge.process else 0.0
        try:
            native.play(plan, on_line)
        except KeyboardInterrupt:
            interrupted = True
        finally:
            if options.lines is not None:
                options.lines.write_text("".join(json.dumps(line) + "\n" for line in lines))
        bridge_cpu = (bridge.process.cpu_seconds() - before) / rooms.seconds if bridge.process else None
    figures = outcome.figures(rooms.join_seconds + _SETTLE)
    print(table(rooms, figures, bridge_cpu))
    if options.json is not None:
        document = {"rooms": asdict(rooms), "interrupted": interrupted, "figures": rounded(asdict(figures))}
        options.json.write_text(json.dumps(document, indent=2) + "\n")
    if interrupted:
        raise KeyboardInterrupt
    return FAILED if figures.failures or figures.connected < figures.participants else PASSED


def table(rooms: Rooms, figures: Figures, bridge_cpu: float | None) -> str:
    """The figures for people."""

    def millis(*values: float | None) -> str:
        return " / ".join("–" if value is None else f"{value * 1e3:.3g}" for value in values) + " ms"

    rows = [
        ("rooms", f"{rooms.rooms} of {rooms.size}, {rate_text(rooms.bitrate)} of {rooms.codec} each"),
        ("connected", f"{figures.connected} of {figures.participants}"),
        ("streams that never came", str(figures.silent_streams)),
        ("media stands, p50 / p95", millis(figures.join_p50, figures.join_p95)),
        ("first picture, p50 / p95", millis(figures.first_frame_p50, figures.first_frame_p95)),
        ("packets/s up, down", f"{figures.packets_up_per_second:,.0f}, {figures.packets_down_per_second:,.0f}"),
        ("each, up and down", f"{rate_text(figures.bitrate_up)}, {rate_text(figures.bitrate_down)}"),
        ("lost after repair", f"{figures.residual_loss * 100:.3f} %"),
        ("sound late, p50 / p95 / p99",
         millis(figures.audio_delay_p50, figures.audio_delay_p95, figures.audio_delay_p99)),
        ("pictures late, p50 / p95 / p99",
         millis(figures.video_delay_p50, figures.video_delay_p95, figures.video_delay_p99)),
        ("frames/s of a picture", f"{figures.frames_per_second:.1f}"),
        ("freezes", f"{figures.freezes}, {figures.frozen_share * 100:.2f} % of the time,"
                    f" the longest {figures.longest_freeze:.2f} s"),
        ("gaps in sound", str(figures.audio_gaps)),
        ("swarm: CPU, late at most", f"{figures.swarm_cpu * 100:.0f} % of a core, {millis(figures.late)}"),
    ]  # fmt: skip
    if bridge_cpu is not None:
        rows.append(("bridge: CPU", f"{bridge_cpu * 100:.0f} % of a core"))
    text = "\n".join(f"{name:32} {value}" for name, value in rows)
    shown = figures.failures[:10]
    return "\n".join([text, *shown, *([f"… {len(figures.failures) - 10} more"] if len(figures.failures) > 10 else [])])
