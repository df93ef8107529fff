"""Scenarios out of files: `docs/loadtest.md` lists the keys."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from loadtest.document import Node, read_document
from loadtest.emulator.description import LinkDescription
from loadtest.emulator.reading import read_link_node
from loadtest.errors import InputError, nearest
from loadtest.participants.participant import Source
from loadtest.quantities import DURATION, parse_duration
from loadtest.scenario.description import (
    Camera,
    Client,
    Microphone,
    ParticipantPlan,
    Scenario,
    Switch,
    Threshold,
    Window,
)
from loadtest.scenario.lobby_reading import read_lobbies
from loadtest.scenario.metrics import METRICS

T = TypeVar("T")

_KEYS = ("about", "duration", "settle", "seed", "grid", "lines", "participants", "lobbies", "windows", "thresholds")
_PARTICIPANT = (
    "name", "count", "client", "role", "room", "line", "join", "leave", "camera", "microphone", "screen", "muted",
    "codec", "simulcast", "every",
)  # fmt: skip
_MOST_BROWSERS = 16
"""A time code has four bits for whose picture it is."""
_MOST_PARTICIPANTS = 500
_MOST_VARIANTS = 1000
EVERYONE, RUN = "everyone", "run"
STEADY = "steady"


def read_scenarios(file: Path) -> list[Scenario]:
    """The scenarios of a file: one, or one for every combination of its grid. Raises `InputError`."""
    document = read_document(file)
    fields = document.fields(_KEYS)
    grid = _read_grid(fields["grid"]) if "grid" in fields else {}
    variants = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    if len(variants) > _MOST_VARIANTS:
        raise fields["grid"].wrong(f"at most {_MOST_VARIANTS} combinations, not {len(variants)}")
    return [_read_variant(_substitute(document, variant), file, variant) for variant in variants]


def _read_grid(node: Node) -> dict[str, list[str]]:
    if not isinstance(node.value, dict):
        raise node.wrong("a mapping of names to lists of values")
    grid = {}
    for name, values in node.value.items():
        if not re.fullmatch(r"[a-z_]+", name):
            raise values.wrong("a name of small letters for what varies")
        grid[name] = [value.read(str) for value in values.items()]
        if not grid[name]:
            raise values.wrong("a value or more")
    return grid


def _substitute(node: Node, variant: Mapping[str, str]) -> Node:
    """The document with each "$name" of the grid replaced by its value."""
    match node.value:
        case str(text):
            return replace(node, value=re.sub(r"\$([a-z_]+)", lambda found: _value(node, found[1], variant), text))
        case list(entries):
            return replace(node, value=[_substitute(entry, variant) for entry in entries])
        case fields:
            return replace(node, value={name: _substitute(value, variant) for name, value in fields.items()})


def _value(node: Node, name: str, variant: Mapping[str, str]) -> str:
    if name not in variant:
        raise InputError(f"there is no ${name} in the grid", node.place, nearest(name, variant) if variant else None)
    return variant[name]


def _read_variant(document: Node, file: Path, variant: Mapping[str, str]) -> Scenario:
    fields = document.fields(_KEYS)
    if "duration" not in fields:
        raise InputError("expected duration: every scenario has it", document.place)
    duration = fields["duration"].read(_positive)
    if "lobbies" in fields:
        return _read_lobby_scenario(document, fields, duration, file, variant)
    if "participants" not in fields:
        raise InputError("expected participants, or lobbies: every scenario has one of them", document.place)
    links = _read_lines(fields["lines"], file.parent / "links") if "lines" in fields else {}
    participants = _read_participants(fields["participants"], links, duration)
    settle = fields["settle"].read(parse_duration) if "settle" in fields else min(5.0, duration / 4)
    if settle >= duration:
        raise fields["settle"].wrong("a time before the end")
    windows = _read_windows(fields["windows"], duration) if "windows" in fields else ()
    names = [participant.name for participant in participants]
    known = [STEADY, *(window.name for window in windows)]
    return Scenario(
        name=_title(file, variant),
        file=file,
        participants=participants,
        duration=duration,
        links=links,
        about=fields["about"].read(str) if "about" in fields else "",
        seed=fields["seed"].read(_whole) if "seed" in fields else 1,
        settle=settle,
        windows=windows,
        thresholds=_read_thresholds(fields["thresholds"], names, known) if "thresholds" in fields else (),
        variant=variant,
    )


def _read_lobby_scenario(
    document: Node, fields: Mapping[str, Node], duration: float, file: Path, variant: Mapping[str, str]
) -> Scenario:
    for other in ("participants", "lines", "windows", "settle"):
        if other in fields:
            raise fields[other].wrong("nothing: a scenario with lobbies has none")
    thresholds = _read_thresholds(fields["thresholds"], [], []) if "thresholds" in fields else ()
    if any(threshold.subject != RUN for threshold in thresholds):
        raise fields["thresholds"].wrong(f"{RUN} only: a scenario with lobbies has no participants")
    return Scenario(
        name=_title(file, variant),
        file=file,
        participants=(),
        duration=duration,
        about=fields["about"].read(str) if "about" in fields else "",
        seed=fields["seed"].read(_whole) if "seed" in fields else 1,
        settle=0.0,
        thresholds=thresholds,
        lobbies=read_lobbies(fields["lobbies"], duration),
        variant=variant,
    )


def _title(file: Path, variant: Mapping[str, str]) -> str:
    return " ".join([file.stem, *(f"{name}={value}" for name, value in variant.items())])


def _read_lines(node: Node, presets: Path) -> dict[str, LinkDescription]:
    if not isinstance(node.value, dict):
        raise node.wrong("a mapping of names to links")
    return {name: read_link_node(value, presets) for name, value in node.value.items()}


def _read_participants(
    node: Node, links: Mapping[str, LinkDescription], duration: float
) -> tuple[ParticipantPlan, ...]:
    plans: list[ParticipantPlan] = []
    for item in node.items():
        plans += _read_participant(item, links, duration)
        if len(plans) > _MOST_PARTICIPANTS:
            raise item.wrong(f"at most {_MOST_PARTICIPANTS} participants")
    if sum(plan.client.is_browser for plan in plans) > _MOST_BROWSERS:
        raise node.wrong(f"at most {_MOST_BROWSERS} browsers; native clients are as many as you like")
    for plan in plans:
        if sum(other.name == plan.name for other in plans) > 1:
            raise node.wrong(f"names that differ: {plan.name!r} is given twice")
    if not plans:
        raise node.wrong("a participant or more")
    return tuple(plans)


def _read_participant(node: Node, links: Mapping[str, LinkDescription], duration: float) -> list[ParticipantPlan]:
    fields = node.fields(_PARTICIPANT)
    if "name" not in fields:
        raise node.wrong("a name")
    lines = _read_line_names(fields["line"], links) if "line" in fields else ()
    join = fields["join"].read(parse_duration) if "join" in fields else 0.0
    leave = fields["leave"].read(parse_duration) if "leave" in fields else None
    if join >= duration:
        raise fields["join"].wrong("a time before the end")
    if leave is not None and leave <= join:
        raise fields["leave"].wrong("a time after it joined")
    plan = ParticipantPlan(
        name=fields["name"].read(_name),
        client=fields["client"].read(_CLIENT) if "client" in fields else Client.CHROMIUM,
        role=fields["role"].read(str) if "role" in fields else "fastlege",
        room=fields["room"].read(_name) if "room" in fields else "call",
        lines=lines,
        join=join,
        leave=leave,
        camera=_read_camera(fields["camera"]) if "camera" in fields else Camera(),
        microphone=_read_microphone(fields["microphone"]) if "microphone" in fields else Microphone(),
        switches=_read_switches(fields),
        codec=fields["codec"].read(_CODEC) if "codec" in fields else None,
        simulcast=fields["simulcast"].read(_SWITCH) if "simulcast" in fields else True,
    )
    _check_client(plan, fields)
    if "count" not in fields:
        return [plan]
    count = fields["count"].read(_whole)
    if count < 1:
        raise fields["count"].wrong("a number from 1")
    every = fields["every"].read(parse_duration) if "every" in fields else 0.0
    return [replace(plan, name=f"{plan.name}-{n + 1}", join=plan.join + n * every) for n in range(count)]


def _check_client(plan: ParticipantPlan, fields: Mapping[str, Node]) -> None:
    """Raises `InputError` for what a client cannot do."""
    if plan.client is Client.FIREFOX:
        played = (plan.camera or Camera()).clip, (plan.microphone or Microphone()).clip
        for name, clip, of_its_own in zip(
            ("camera", "microphone"), played, (Camera().clip, Microphone().clip), strict=True
        ):
            if name in fields and clip != of_its_own:
                raise fields[name].wrong("no clip: Firefox plays none")
    if plan.client.is_browser:
        for name in ("codec", "simulcast"):
            if name in fields and not (name == "codec" and plan.client is Client.CHROMIUM):
                raise fields[name].wrong(f"none: it is for clients that are not {plan.client.value}")
        return
    for name in ("screen", "muted"):
        if name in fields:
            raise fields[name].wrong(f"none: a client that is {plan.client.value} turns nothing on or off")
    for name, on in (("camera", plan.camera), ("microphone", plan.microphone)):
        if name in fields and on is not None:
            raise fields[name].wrong(f"off, or nothing: a client that is {plan.client.value} brings its own clips")


def _read_line_names(node: Node, links: Mapping[str, LinkDescription]) -> tuple[str, ...]:
    items = node.items() if isinstance(node.value, list) else [node]
    for item in items:
        if item.read(str) not in links:
            raise (
                item.wrong("a name of `lines`")
                if not links
                else InputError(
                    f"{item.key} = {item.value!r}: there is no such line", item.place, nearest(item.read(str), links)
                )
            )
    return tuple(item.read(str) for item in items)


def _read_camera(node: Node) -> Camera | None:
    if node.value in ("off", "false"):
        return None
    fields = node.fields(("size", "fps", "clip"))
    width, height = fields["size"].read(_size) if "size" in fields else (640, 360)
    fps = fields["fps"].read(_frames) if "fps" in fields else 30.0
    return Camera(
        width, height, fps, _read_clip(fields["clip"], ("drawn", "talking-head")) if "clip" in fields else "drawn"
    )


def _read_microphone(node: Node) -> Microphone | None:
    if node.value in ("off", "false"):
        return None
    fields = node.fields(("clip",))
    return Microphone(_read_clip(fields["clip"], ("speech", "beeps")) if "clip" in fields else "speech")


def _read_clip(node: Node, words: tuple[str, ...]) -> str:
    word = node.read(str)
    if word in words:
        return word
    path = node.path()
    if not path.is_file():
        raise node.wrong(f"{', '.join(words)}, or a file", nearest(word, words))
    return str(path)


def _read_switches(fields: Mapping[str, Node]) -> tuple[Switch, ...]:
    """Reads `screen` (when it is shown) and `muted` (when a source is off): lists of "10s-20s"."""
    switches: list[Switch] = []
    if "screen" in fields:
        for begin, end in _read_spans(fields["screen"]):
            switches += [Switch(begin, Source.SCREEN, True), Switch(end, Source.SCREEN, False)]
    if "muted" in fields:
        for name, spans in fields["muted"].fields(("camera", "microphone")).items():
            for begin, end in _read_spans(spans):
                switches += [Switch(begin, Source(name), False), Switch(end, Source(name), True)]
    return tuple(sorted(switches, key=lambda switch: switch.at))


def _read_spans(node: Node) -> list[tuple[float, float]]:
    items = node.items() if isinstance(node.value, list) else [node]
    return [item.read(_span) for item in items]


def _read_windows(node: Node, duration: float) -> tuple[Window, ...]:
    if not isinstance(node.value, dict):
        raise node.wrong('a mapping of names to times such as "40s-60s"')
    windows = []
    for name, value in node.value.items():
        begin, end = value.read(_span)
        if end > duration:
            raise value.wrong("an end within the duration")
        windows.append(Window(name, begin, end))
    return tuple(windows)


def _read_thresholds(node: Node, names: list[str], windows: list[str]) -> tuple[Threshold, ...]:
    if not isinstance(node.value, dict):
        raise node.wrong(f"a mapping of {EVERYONE}, {RUN} or participants to metrics")
    thresholds = []
    for whom, conditions in node.value.items():
        subject, _, window = whom.partition("@")
        if subject not in (EVERYONE, RUN, *names):
            raise InputError(
                f"there is no participant {subject!r}", conditions.place, nearest(subject, (EVERYONE, RUN, *names))
            )
        if window and window not in windows:
            raise InputError(f"there is no window {window!r}", conditions.place, nearest(window, windows))
        for name, condition in conditions.fields(METRICS).items():
            at_most, bound = condition.read(_condition(name))
            thresholds.append(Threshold(subject, name, at_most, bound, window or None))
    return tuple(thresholds)


def _condition(name: str) -> Callable[[str], tuple[bool, float]]:
    def parse(text: str) -> tuple[bool, float]:
        found = re.fullmatch(r"\s*(<=|≤|>=|≥)\s*(.+?)\s*", text)
        if found is None:
            raise ValueError('a bound such as "<= 1%" or ">= 15"')
        try:
            return found[1] in ("<=", "≤"), METRICS[name].parse(found[2])
        except ValueError as error:
            raise ValueError(f"<= or >= and {error}") from None

    return parse


def _one_of(options: Mapping[str, T]) -> Callable[[str], T]:
    def parse(text: str) -> T:
        if text not in options:
            raise ValueError("one of " + ", ".join(options))
        return options[text]

    return parse


_CLIENT = _one_of({client.value: client for client in Client})
_SWITCH = _one_of({"true": True, "false": False})
_CODEC = _one_of({name: name for name in ("vp8", "h264")})


def _whole(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise ValueError("a whole number")
    return int(text)


def _name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,32}", text) or text in (EVERYONE, RUN):
        raise ValueError(f"1 to 32 letters, digits, dashes and underscores, and not {EVERYONE} or {RUN}")
    return text


def _positive(text: str) -> float:
    value = parse_duration(text)
    if value <= 0:
        raise ValueError(f"{DURATION}, above 0")
    return value


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{2,4})x(\d{2,4})", text)
    if found is None:
        raise ValueError('a size such as "640x360"')
    return int(found[1]), int(found[2])


def _frames(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 1 <= value <= 60:
        raise ValueError("frames a second, from 1 to 60")
    return value


def _span(text: str) -> tuple[float, float]:
    begin, dash, end = text.partition("-")
    try:
        span = parse_duration(begin.strip()), parse_duration(end.strip())
    except ValueError:
        span = 0.0, 0.0
    if not dash or span[1] <= span[0]:
        raise ValueError('a time from and to, such as "10s-20s"')
    return span
