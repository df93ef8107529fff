"""How things went over time: the curves of a report. Times are seconds from the begin of the call."""

from __future__ import annotations

import itertools
import statistics
from typing import Any

from loadtest.figures.counting import by_stream, increments
from loadtest.figures.lines import pairs, path_rates, quantile
from loadtest.figures.measuring import pictures_of
from loadtest.figures.pictures import Pictures
from loadtest.figures.presence import Span, present
from loadtest.running.recording import Recording
from loadtest.scenario.description import ParticipantPlan

Curve = list[tuple[float, float]]
Courses = dict[str, dict[str, Curve]]
"""By chart, then by curve: points of time and value."""


def courses(recording: Recording, plan: ParticipantPlan) -> Courses:
    """The curves of a participant: see `_CHARTS` of `loadtest.report.html` for their units."""
    span = present(recording, plan.name)
    if span is None:
        return {}
    found: Courses = {"rate_down": {}, "rate_up": {}, "queue": {}}
    _lines(recording, plan, span, found)
    _estimates(recording, plan, found)
    # Native clients decode nothing.
    pictures = pictures_of(recording, plan, span) if plan.client.is_browser else {}
    found["height"] = {_title(key): _heights(seen) for key, seen in pictures.items()}
    found["fps"] = {_title(key): _frame_rates(seen, span) for key, seen in pictures.items()}
    found["delay"] = {_title(key): _delays(seen, span) for key, seen in pictures.items()}
    found["gaps"] = {_title(key): _gaps(seen) for key, seen in pictures.items()}
    _streams(recording, plan, span, found)
    return {
        chart: {
            name: [(round(at - recording.began, 3), value) for at, value in curve]
            for name, curve in curves.items()
            if curve
        }
        for chart, curves in found.items()
        if any(curves.values())
    }


def _title(key: tuple[str, str]) -> str:
    peer, source = key
    return peer if source == "camera" else f"{peer}’s {source}"


def _lines(recording: Recording, plan: ParticipantPlan, span: Span, found: Courses) -> None:
    reports = recording.reports
    if not plan.lines or not reports:
        return
    path = next(path for path in reports[0]["paths"] if path.endswith(f"-{plan.name}"))
    for direction in ("down", "up"):
        capacity: Curve = []
        waits: Curve = []
        drops: Curve = []
        for before, after in pairs(reports, span):
            seconds = after["at"] - before["at"]
            lines = [after["lines"][name][direction] for name in plan.lines]
            old = [before["lines"][name][direction] for name in plan.lines]
            capacity.append((after["at"], min(line["capacity_bits"] for line in lines) / seconds))
            worst = [quantile({float(e): c for e, c in line["queueing"].items()}, 0.95) or 0.0 for line in lines]
            waits.append((after["at"], max(worst)))
            lost = sum(
                sum(new["lost"].values()) - sum(was["lost"].values()) for new, was in zip(lines, old, strict=True)
            )
            drops.append((after["at"], lost / seconds))
        found[f"rate_{direction}"]["capacity"] = capacity
        got = _smooth(path_rates(reports, path, direction, span))
        found[f"rate_{direction}"]["received" if direction == "down" else "sent"] = got
        found["queue"][direction] = waits
        found.setdefault("line_loss", {})[direction] = _smooth(drops)


def _smooth(curve: Curve, width: int = 5) -> Curve:
    """The mean of each point and the four before it: a second."""
    return [
        (at, statistics.fmean(value for _, value in curve[max(0, index - width + 1) : index + 1]))
        for index, (at, _) in enumerate(curve)
    ]


def _estimates(recording: Recording, plan: ParticipantPlan, found: Courses) -> None:
    samples = recording.samples[plan.name]
    found["rate_down"]["estimate"] = [
        (sample.at, sample.downstream_estimate) for sample in samples if sample.downstream_estimate is not None
    ]
    found["rate_up"]["estimate"] = [
        (sample.at, sample.upstream_estimate) for sample in samples if sample.upstream_estimate is not None
    ]


def _heights(seen: Pictures) -> Curve:
    """Only where it changes, and at the ends."""
    curve: Curve = []
    last = (0.0, 0.0)
    for frame in seen.seen:
        here = (frame.at, float(frame.height))
        if not curve or here[1] != curve[-1][1]:
            if curve:
                curve.append((here[0], last[1]))
            curve.append(here)
        last = here
    if curve:
        curve.append(last)
    return curve


def _seconds(span: Span) -> list[Span]:
    return [Span(span.begin + n, span.begin + n + 1) for n in range(int(span.length))]


def _frame_rates(seen: Pictures, span: Span) -> Curve:
    return [(second.end, float(len(seen.during(second)))) for second in _seconds(span)]


def _delays(seen: Pictures, span: Span) -> Curve:
    curve = []
    for second in _seconds(span):
        delays = [frame.at - frame.sent for frame in seen.during(second) if frame.sent is not None]
        if delays:
            curve.append((second.end, statistics.median(delays)))
    return curve


def _gaps(seen: Pictures) -> Curve:
    """1 from the begin of each gap to its end, 0 between."""
    curve: Curve = []
    for begin, end in seen.gap_spans():
        curve += [(begin, 0.0), (begin, 1.0), (end, 1.0), (end, 0.0)]
    return curve


def _streams(recording: Recording, plan: ParticipantPlan, span: Span, found: Courses) -> None:
    concealed: dict[str, Curve] = {}
    lost: dict[float, list[float]] = {}
    media: dict[float, float] = {}
    for key, parts in by_stream(increments(recording.samples[plan.name], span)).items():
        for part in parts:
            if key.direction != "in":
                continue
            lost.setdefault(part.end, []).append(part["lost"])
            if part.end > part.begin:
                media[part.end] = media.get(part.end, 0.0) + 8 * part["bytes"] / (part.end - part.begin)
            if key.kind == "audio" and part["samples"] > 0:
                share = max(0.0, part["concealed_samples"] / part["samples"])
                concealed.setdefault(key.peer or "?", []).append((part.end, share))
    found["concealed"] = concealed
    found["residual_loss"] = {"packets": [(at, max(0.0, sum(parts))) for at, parts in sorted(lost.items())]}
    if not plan.lines:
        found["rate_down"]["received"] = sorted(media.items())


def run_courses(recording: Recording) -> dict[str, Any]:
    """The curves of the run itself."""
    bridge: Curve = []
    machine: Curve = []
    for before, after in itertools.pairwise(recording.loads):
        at, seconds = round(after.at - recording.began, 3), after.at - before.at
        machine.append((at, (after.machine_seconds - before.machine_seconds) / seconds))
        if before.cpu_seconds is not None and after.cpu_seconds is not None:
            bridge.append((at, (after.cpu_seconds - before.cpu_seconds) / seconds))
    memory = [
        (round(load.at - recording.began, 3), float(load.memory)) for load in recording.loads if load.memory is not None
    ]
    found = {
        "machine_busy": {"machine": machine},
        "bridge_cpu": {"bridge": bridge},
        "bridge_memory": {"bridge": memory},
    }
    return {chart: curves for chart, curves in found.items() if any(curves.values())}
