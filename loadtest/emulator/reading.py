"""Descriptions of links out of files and options: `docs/loadtest.md` lists the keys.

A file has `down`, `up`, and `both` for what the two share. Short forms that fit on a command line ("3%", "20s+5s") are
accepted in files too.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from loadtest.document import Node, from_option, read_document
from loadtest.emulator.description import (
    Capacity,
    ConstantTraffic,
    CrossTraffic,
    Direction,
    Distribution,
    FourStateLoss,
    GilbertElliottLoss,
    IndependentLoss,
    Jitter,
    LinkDescription,
    Loss,
    Outage,
    Queue,
    Reordering,
    Steps,
    TcpTraffic,
)
from loadtest.emulator.traces import read_trace
from loadtest.errors import InputError, nearest
from loadtest.quantities import DURATION, RATE, SIZE, parse_duration, parse_rate, parse_share, parse_size

T = TypeVar("T")
Parse = Callable[[str], Any]
_FILE_KEYS = ("about", "both", "down", "up")
LEAST_RATE = 1000.0
"""Bit/s: less is a line that nobody means, but 300 where 300k was meant."""


def read_link(file: Path | None = None, *, down: str | None = None, up: str | None = None) -> LinkDescription:
    """A link from a file, from options, or from a file of which options change some keys. Raises `InputError`."""
    directions: dict[str, dict[str, Node]] = {"down": {}, "up": {}}
    about = "" if file is None else _merge(directions, read_document(file), _FILE_KEYS)
    for name, option in (("down", down), ("up", up)):
        if option is not None:
            _override(directions[name], from_option(f"--{name}", option))
    return LinkDescription(_read_direction(directions["down"]), _read_direction(directions["up"]), about)


def read_link_node(node: Node, presets: Path) -> LinkDescription:
    """A link as it stands within another document. Raises `InputError`.

    Text is a file, or the name of one in `presets`; a mapping is what such a file holds, and may take one as its `from`
    and change some of its keys.
    """
    directions: dict[str, dict[str, Node]] = {"down": {}, "up": {}}
    about = ""
    if isinstance(node.value, str):
        about = _merge(directions, read_document(_preset(node, presets)), _FILE_KEYS)
    else:
        fields = node.fields((*_FILE_KEYS, "from"))
        if "from" in fields:
            about = _merge(directions, read_document(_preset(fields["from"], presets)), _FILE_KEYS)
        about = _merge(directions, node, (*_FILE_KEYS, "from")) or about
    return LinkDescription(_read_direction(directions["down"]), _read_direction(directions["up"]), about)


def _preset(node: Node, presets: Path) -> Path:
    name = node.read(str)
    if name.endswith((".yaml", ".yml", ".toml")):
        return node.path()
    known = sorted(path.stem for path in presets.glob("*.yaml"))
    if name not in known:
        raise node.wrong(
            f"a file that ends in .yaml, or the name of one in {presets}",
            nearest(name, known) if known else "there is none",
        )
    return presets / f"{name}.yaml"


def _merge(directions: dict[str, dict[str, Node]], document: Node, known: tuple[str, ...]) -> str:
    """Lets a document's keys override those that are there; returns what it is about."""
    fields = document.fields(known)
    for name, merged in directions.items():
        for part in ("both", name):
            if part in fields:
                _override(merged, fields[part])
    return fields["about"].read(str) if "about" in fields else ""


def _override(merged: dict[str, Node], node: Node) -> None:
    for name, value in node.fields((*_DIRECTION, "trace")).items():
        # A line has a rate or a trace: the one that is given last.
        merged.pop({"rate": "trace", "trace": "rate"}.get(name, ""), None)
        merged[name] = value
    if isinstance(node.value, dict) and {"rate", "trace"} <= node.value.keys():
        raise InputError("a line has a rate or a trace: expected one of both", node.value["trace"].place)


def _read_direction(fields: Mapping[str, Node]) -> Direction:
    values = {_DIRECTION[name][0]: _DIRECTION[name][1](node) for name, node in fields.items() if name != "trace"}
    if "trace" in fields:
        values["capacity"] = _read_trace(fields["trace"])
    return Direction(**values)


def _read_rate(node: Node) -> Capacity:
    if isinstance(node.value, dict):
        steps = [(_at(node, time), value.read(parse_rate), value) for time, value in node.value.items()]
    else:
        parts = node.read(str).split("/")
        steps = [_read_step(node, part) for part in parts]
    for (time, _, _), (after, _, value) in itertools.pairwise(steps):
        if after <= time:
            raise value.wrong("times that grow")
    if not steps or steps[0][0] != 0:
        raise node.wrong("a first step at 0s")
    if not any(rate for _, rate, _ in steps):
        raise node.wrong("a line that carries something")
    if any(0 < rate < LEAST_RATE for _, rate, _ in steps):
        raise node.wrong('1 kbit/s at least, such as "300k" (a bare number is bit/s)')
    return Steps(tuple((time, rate) for time, rate, _ in steps))


def _read_step(node: Node, part: str) -> tuple[float, float, Node]:
    """Reads "2M" (from the start) or "40s:300k"."""
    time, colon, rate = part.rpartition(":")
    return (_at(node, time) if colon else 0.0), dataclasses.replace(node, value=rate).read(parse_rate), node


def _at(node: Node, time: str) -> float:
    return dataclasses.replace(node, value=time).read(parse_duration)


def _read_trace(node: Node) -> Capacity:
    if isinstance(node.value, str):
        return read_trace(node.path())
    fields = node.fields(("file", "form", "repeat"))
    if "file" not in fields:
        raise node.wrong("a file: the trace's name")
    form = fields["form"].read(_one_of({"csv": "csv", "mahimahi": "mahimahi"})) if "form" in fields else None
    repeat = fields["repeat"].read(_SWITCH) if "repeat" in fields else True
    return read_trace(fields["file"].path(), form, repeat=repeat)


def _read_loss(node: Node) -> Loss:
    if isinstance(node.value, str):
        return node.read(_short_loss)
    kinds = _LOSS_MODELS
    if not isinstance(node.value, dict) or "model" not in node.value:
        raise node.wrong(f'a share such as "3%", or a mapping with model: {" or ".join(kinds)}')
    cls, keys = node.value["model"].read(_one_of(kinds))
    values = _read_values(node, {"model": str, **keys})
    del values["model"]
    try:
        loss: Loss = cls(**values)
    except TypeError:
        raise node.wrong(f"{', '.join(keys)}") from None
    except ValueError as error:
        raise node.wrong(str(error)) from None
    _check_chain(node, loss)
    return loss


def _short_loss(text: str) -> Loss:
    """Reads "3%", or "3%x4": the same in bursts of four on average."""
    share, times, burst = text.partition("x")
    try:
        return gilbert(parse_share(share), float(burst)) if times else IndependentLoss(parse_share(share))
    except ValueError:
        raise ValueError('a share such as "3%", or "3%x4" for bursts of 4 packets on average') from None


def gilbert(share: float, burst: float) -> GilbertElliottLoss:
    """The simple Gilbert model that loses `share` of all packets in bursts of `burst` on average."""
    if burst < 1 or share >= 1 or share / (1 - share) / burst > 1:
        raise ValueError("bursts of one packet or more, and less than everything lost")
    r = 1 / burst
    return GilbertElliottLoss(p=share / (1 - share) * r, r=r)


def _burst(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError("a mean number of packets such as 4 or 2.5") from None


def _check_chain(node: Node, loss: Loss) -> None:
    if isinstance(loss, GilbertElliottLoss) and loss.p > 0 and loss.r == 0:
        raise node.wrong("r above 0%: a way out of the bad state")
    if isinstance(loss, FourStateLoss):
        if loss.p13 + loss.p14 > 1 or loss.p31 + loss.p32 > 1:
            raise node.wrong("p13 + p14 and p31 + p32 of at most 100%")
        if loss.p13 > 0 and (loss.p31 == 0 or (loss.p32 > 0 and loss.p23 == 0)):
            raise node.wrong("p31 above 0%, and p23 too if p32 is: a way out of the burst")


def _read_jitter(node: Node) -> Jitter:
    if isinstance(node.value, str):
        return Jitter(node.read(parse_duration))
    distributions = {distribution.value: distribution for distribution in Distribution}
    return Jitter(
        **_read_values(node, {"spread": parse_duration, "distribution": _one_of(distributions), "reorder": _SWITCH})
    )


def _read_reordering(node: Node) -> Reordering:
    if isinstance(node.value, str):
        return Reordering(node.read(parse_share))
    return Reordering(**_read_values(node, {"share": parse_share, "by": parse_duration}))


def _read_queue(node: Node) -> Queue:
    if isinstance(node.value, str):
        return Queue(**node.read(_queue_limit))
    disciplines = {"drop-tail": False, "codel": True}
    keys = {
        "limit": _queue_limit,
        "discipline": _one_of(disciplines),
        "target": parse_duration,
        "interval": parse_duration,
    }
    values = _read_values(node, keys)
    limit = values.pop("limit", {})
    if "discipline" in values:
        values["codel"] = values.pop("discipline")
    if not values.get("codel") and ("target" in values or "interval" in values):
        raise node.wrong("discipline: codel where there is a target or an interval")
    if values.get("interval", 1) == 0:
        raise node.wrong("an interval above 0ms")
    return Queue(**limit, **values)


def _queue_limit(text: str) -> dict[str, Any]:
    try:
        return {"seconds": None, "bytes": parse_size(text)}
    except ValueError:
        pass
    try:
        return {"seconds": parse_duration(text)}
    except ValueError:
        raise ValueError(f"{DURATION}, or {SIZE}") from None


def _read_outages(node: Node) -> tuple[Outage, ...]:
    if isinstance(node.value, str):
        return tuple(_checked(node, outage) for outage in node.read(_short_outages))
    keys = {"at": parse_duration, "for": parse_duration, "every": parse_duration, "drop": _SWITCH}
    outages = []
    for item in node.items():
        values = _read_values(item, keys)
        if not {"at", "for"} <= values.keys():
            raise item.wrong("at and for: when it begins and how long it is")
        values["length"] = values.pop("for")
        outages.append(_checked(item, Outage(**values)))
    return tuple(outages)


def _checked(node: Node, outage: Outage) -> Outage:
    if outage.every is not None and outage.every <= outage.length:
        raise node.wrong("an outage shorter than the time after which it comes again")
    return outage


def _short_outages(text: str) -> list[Outage]:
    """Reads "20s+5s/60s+1s": five seconds from 20 s, one from 60 s."""
    try:
        pairs = [part.split("+") for part in text.split("/")]
        return [Outage(parse_duration(at), parse_duration(length)) for at, length in pairs]
    except ValueError:
        raise ValueError('outages such as "20s+5s", or "20s+5s/60s+1s"') from None


def _read_cross(node: Node) -> tuple[CrossTraffic, ...]:
    if isinstance(node.value, str):
        return tuple(node.read(_short_cross))
    traffic: list[CrossTraffic] = []
    for item in node.items():
        if isinstance(item.value, str):
            traffic += item.read(_short_cross)
            continue
        if not isinstance(item.value, dict) or "kind" not in item.value:
            raise item.wrong("a mapping with kind: cbr or tcp")
        cls, keys, needed = item.value["kind"].read(_one_of(_CROSS_TRAFFIC))
        values = _read_values(item, {"kind": str, **keys})
        if not needed <= values.keys():
            raise item.wrong(f"{', '.join(needed)} besides the kind")
        del values["kind"]
        traffic.append(cls(**values))
    return tuple(traffic)


def _short_cross(text: str) -> list[CrossTraffic]:
    """Reads "cbr:500k/tcp:3": a constant stream of 500 kbit/s, and three TCP-like flows."""
    traffic: list[CrossTraffic] = []
    for part in text.split("/"):
        kind, _, value = part.partition(":")
        if kind == "cbr":
            traffic.append(ConstantTraffic(_positive(parse_rate, RATE)(value)))
        elif kind == "tcp":
            traffic.append(TcpTraffic(_flows(value or "1")))
        else:
            raise ValueError('"cbr:RATE" or "tcp:COUNT", with / between several')
    return traffic


def _read_values(node: Node, keys: Mapping[str, Parse]) -> dict[str, Any]:
    return {name: value.read(keys[name]) for name, value in node.fields(tuple(keys)).items()}


def _one_of(options: Mapping[str, T]) -> Callable[[str], T]:
    def parse(text: str) -> T:
        if text not in options:
            raise ValueError("one of " + ", ".join(options))
        return options[text]

    return parse


def _positive(parse: Callable[[str], T], expected: str) -> Callable[[str], T]:
    def check(text: str) -> T:
        value = parse(text)
        if not value:
            raise ValueError(f"{expected}, above 0")
        return value

    return check


def _flows(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 100:
        raise ValueError("a number of flows from 1 to 100")
    return int(text)


def _transfer(text: str) -> tuple[int, int]:
    """Reads "30kB-50kB", or one size."""
    least, _, most = text.partition("-")
    sizes = parse_size(least), parse_size(most or least)
    if not 0 < sizes[0] <= sizes[1]:
        raise ValueError('a size or two that grow, such as "30kB-50kB"')
    return sizes


_SWITCH = _one_of({"true": True, "false": False})
_TIMES: dict[str, Parse] = {"start": parse_duration, "stop": parse_duration}
_PACKET = _positive(parse_size, SIZE)

_LOSS_MODELS: dict[str, tuple[Callable[..., Loss], dict[str, Parse]]] = {
    "independent": (IndependentLoss, {"share": parse_share}),
    "gilbert": (gilbert, {"share": parse_share, "burst": _burst}),
    "gilbert-elliott": (GilbertElliottLoss, dict.fromkeys(("p", "r", "bad", "good"), parse_share)),
    "four-state": (FourStateLoss, dict.fromkeys(("p13", "p31", "p32", "p23", "p14"), parse_share)),
}

_CROSS_TRAFFIC: dict[str, tuple[Callable[..., CrossTraffic], dict[str, Parse], set[str]]] = {
    "cbr": (ConstantTraffic, {"rate": _positive(parse_rate, RATE), "size": _PACKET, **_TIMES}, {"rate"}),
    "tcp": (
        TcpTraffic,
        {
            "count": _flows,
            "rtt": _positive(parse_duration, DURATION),
            "size": _PACKET,
            "transfer": _transfer,
            "idle": _positive(parse_duration, DURATION),
            **_TIMES,
        },
        set(),
    ),
}

_DIRECTION: dict[str, tuple[str, Callable[[Node], Any]]] = {
    "rate": ("capacity", _read_rate),
    "delay": ("delay", lambda node: node.read(parse_duration)),
    "jitter": ("jitter", _read_jitter),
    "loss": ("loss", _read_loss),
    "reorder": ("reordering", _read_reordering),
    "duplicate": ("duplicates", lambda node: node.read(parse_share)),
    "queue": ("queue", _read_queue),
    "outages": ("outages", _read_outages),
    "cross": ("cross_traffic", _read_cross),
}
