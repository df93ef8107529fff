"""The figures of a recording: for each participant and for the run, over the whole call and over each window."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from loadtest.figures.counting import Increment, by_stream, increments, total
from loadtest.figures.e_model import sound_mos
from loadtest.figures.lines import busiest_second, line_figures, path_rates, quantile, settled
from loadtest.figures.pictures import Pictures
from loadtest.figures.presence import Span, others, present, shown
from loadtest.participants.participant import Source
from loadtest.participants.samples import FrameSeen, StreamKey
from loadtest.running.recording import Recording
from loadtest.scenario.description import ParticipantPlan
from loadtest.scenario.reading import STEADY

WHOLE = "whole"
"""The name of the whole call among the windows."""
_PACKET_SECONDS = 0.02
"""Of sound in a packet, which the sender collects before it can send."""

Values = dict[str, float | None]


@dataclass
class Figures:
    """By window, and then by participant: the values of metrics. None: there was nothing to measure."""

    participants: dict[str, dict[str, Values]] = field(default_factory=dict)
    run: dict[str, Values] = field(default_factory=dict)


def spans(recording: Recording) -> dict[str, Span]:
    """The windows of a recording, as far as it got."""
    begin, end = recording.began, recording.ended
    scenario = recording.scenario
    windows = {WHOLE: Span(begin, end)}
    if scenario.lobbies is None:
        windows[STEADY] = Span(begin + scenario.settle, end)
    windows |= {window.name: Span(begin + window.begin, begin + window.end) for window in scenario.windows}
    return {name: span for name, span in windows.items() if span.within(windows[WHOLE]).length > 0}


def measure(recording: Recording) -> Figures:
    """Everything that a recording has to say in figures."""
    figures = Figures()
    for window, span in spans(recording).items():
        figures.participants[window] = {
            plan.name: _participant(recording, plan, span.within(whole))
            for plan in recording.scenario.participants
            if (whole := present(recording, plan.name)) is not None and span.within(whole).length > 0
        }
        figures.run[window] = _run(recording, span)
    if WHOLE in figures.run:
        figures.run[WHOLE] |= recording.measured
    return figures


def pictures_of(recording: Recording, plan: ParticipantPlan, span: Span) -> dict[tuple[str, str], Pictures]:
    """What a participant saw of everyone else, by sender and source."""
    frames: dict[tuple[str, str], list[FrameSeen]] = {}
    for sample in recording.samples[plan.name]:
        for frame in sample.frames:
            frames.setdefault((frame.peer, frame.source), []).append(frame)
    found = {}
    for other in others(recording, plan):
        for source in (Source.CAMERA, Source.SCREEN):
            due = [part.within(span) for part in shown(recording, other, source)]
            if due := [part for part in due if part.length > 0]:
                found[other.name, source.value] = Pictures(frames.get((other.name, source.value), []), due)
    return found


def _participant(recording: Recording, plan: ParticipantPlan, span: Span) -> Values:
    samples = recording.samples[plan.name]
    streams = by_stream(increments(samples, span))
    values: Values = {}
    values |= _entering(recording, plan, span)
    if plan.client.is_browser:
        values |= _pictures(list(pictures_of(recording, plan, span).values()))
    values |= _sound(recording, plan, span, streams)
    values |= _media(streams, span)
    values |= _lines(recording, plan, span)
    within = [sample for sample in samples if span.begin <= sample.at <= span.end]
    values["upstream_estimate"] = _median([s.upstream_estimate for s in within if s.upstream_estimate is not None])
    values["downstream_estimate"] = _median(
        [s.downstream_estimate for s in within if s.downstream_estimate is not None]
    )
    values["reconnects"] = sum(
        notice.kind == "connection" and notice.text in ("disconnected", "failed")
        for sample in samples
        for notice in sample.notices
        if span.begin <= notice.at <= span.end
    )
    return values


def _entering(recording: Recording, plan: ParticipantPlan, span: Span) -> Values:
    asked = recording.joined[plan.name]
    if asked < span.begin:
        return {}
    notices = [notice for sample in recording.samples[plan.name] for notice in sample.notices]
    asked = next((notice.at for notice in notices if notice.kind == "join"), asked)
    joined = next((notice.at - asked for notice in notices if notice.kind == "joined"), None)
    connected = next(
        (notice.at - asked for notice in notices if notice.kind == "connection" and notice.text == "connected"), None
    )
    if not plan.client.is_browser:
        first_picture = next((notice.at - asked for notice in notices if notice.kind == "first_picture"), None)
        return {"join_time": joined, "connect_time": connected, "first_picture": first_picture}
    early = [
        pictures
        for (name, _), pictures in pictures_of(recording, plan, span).items()
        if recording.joined.get(name, recording.ended) <= asked + 0.5
    ]
    first = [pictures.first() for pictures in early]
    return {
        "join_time": joined,
        "connect_time": connected,
        "first_picture": _worst_time(first, span),
    }


def _worst_time(times: Sequence[float | None], span: Span) -> float | None:
    """The longest; what never came took the whole time at least."""
    return max((span.length if time is None else time for time in times), default=None)


def _pictures(seen: list[Pictures]) -> Values:
    if not seen:
        return {}
    gaps = [pictures.gaps() for pictures in seen]
    rates = [len(pictures.seen) / pictures.seconds for pictures in seen]
    heights = [pictures.height() or 0.0 for pictures in seen]
    delays = sorted(delay for pictures in seen for delay in pictures.delays())
    sums = [sum(lengths) for lengths in gaps]
    whole = Span(0.0, max(pictures.seconds for pictures in seen))
    return {
        "delay_p50": _percentile(delays, 0.5),
        "delay_p95": _percentile(delays, 0.95),
        "fps": min(rates),
        "fps_best": max(rates),
        "height": min(heights),
        "height_best": max(heights),
        "gap_seconds": max(sums),
        "gap_seconds_best": min(sums),
        "gap_share": max(total / pictures.seconds for total, pictures in zip(sums, seen, strict=True)),
        "gap_longest": max((max(lengths, default=0.0) for lengths in gaps), default=0.0),
        "layer_switches": sum(pictures.switches() for pictures in seen),
        "fresh_picture": _worst_time([pictures.fresh() for pictures in seen], whole),
        "size_back": _worst_time([pictures.size_back() for pictures in seen], whole),
    }


def _sound(
    recording: Recording, plan: ParticipantPlan, span: Span, streams: Mapping[StreamKey, list[Increment]]
) -> Values:
    heard = {key: parts for key, parts in streams.items() if key.direction == "in" and key.kind == "audio"}
    heard = {key: parts for key, parts in heard.items() if total(parts, "samples") > 0}
    if not heard:
        return {}
    shares, scores, backs = [], [], []
    for key, parts in heard.items():
        share = max(0.0, total(parts, "concealed_samples") / total(parts, "samples"))
        emitted = total(parts, "jitter_buffer_emitted")
        buffered = total(parts, "jitter_buffer_seconds") / emitted if emitted else 0.0
        ways = [_round_trip(recording, name, span) / 2 for name in (plan.name, key.peer)]
        shares.append(share)
        scores.append(sound_mos(share, sum(ways) + buffered + _PACKET_SECONDS))
        made_up = [part.end for part in parts if part["samples"] and part["concealed_samples"] > 0.05 * part["samples"]]
        backs.append(max(0.0, max(made_up, default=span.begin) - span.begin))
    return {
        "concealed": max(shares),
        "sound_gaps": sum(total(parts, "concealments") for parts in heard.values()),
        "sound_mos": min(scores),
        "sound_back": max(backs),
    }


def _round_trip(recording: Recording, name: str, span: Span) -> float:
    trips = [
        sample.round_trip
        for sample in recording.samples.get(name, ())
        if sample.round_trip is not None and span.begin <= sample.at <= span.end
    ]
    return statistics.median(trips) if trips else 0.0


def _media(streams: Mapping[StreamKey, list[Increment]], span: Span) -> Values:
    incoming = [part for key, parts in streams.items() if key.direction == "in" for part in parts]
    outgoing = [part for key, parts in streams.items() if key.direction == "out" for part in parts]
    video = [parts for key, parts in streams.items() if key.direction == "in" and key.kind == "video"]
    received, lost = total(incoming, "packets"), total(incoming, "lost")
    return {
        "received": 8 * total(incoming, "bytes") / span.length,
        "sent": 8 * total(outgoing, "bytes") / span.length,
        "residual_loss": max(0.0, lost) / (received + lost) if received + lost > 0 else None,
        "freezes": sum(total(parts, "freezes") for parts in video) if video else None,
        "freeze_share": max((total(parts, "freeze_seconds") / span.length for parts in video), default=None),
    }


def _lines(recording: Recording, plan: ParticipantPlan, span: Span) -> Values:
    if not plan.lines or not recording.reports:
        return {}
    values: Values = {}
    for direction in ("down", "up"):
        lines = [line_figures(recording.reports, name, direction, span) for name in plan.lines]
        narrowest = min(lines, key=lambda line: line.capacity_bits)
        values[f"{direction}_used"] = narrowest.used
        for share, name in ((0.5, "p50"), (0.95, "p95")):
            waits = [quantile(line.queueing, share) for line in lines]
            values[f"queue_{direction}_{name}"] = max((wait for wait in waits if wait is not None), default=None)
        values[f"queue_drops_{direction}"] = sum(line.queue_drops for line in lines)
    values["queue_settled"] = max(settled(recording.reports, name, "down", span) for name in plan.lines)
    path = next(path for path in recording.reports[0]["paths"] if path.endswith(f"-{plan.name}"))
    values["burst_down"] = busiest_second(path_rates(recording.reports, path, "down", span, "offered_bytes"))
    return values


def _run(recording: Recording, span: Span) -> Values:
    loads = [load for load in recording.loads if span.begin - 0.5 <= load.at <= span.end + 0.5]
    values: Values = {}
    if len(loads) >= 2:
        first, last = loads[0], loads[-1]
        seconds = last.at - first.at
        values["machine_busy"] = (last.machine_seconds - first.machine_seconds) / seconds
        if first.cpu_seconds is not None and last.cpu_seconds is not None:
            values["bridge_cpu"] = (last.cpu_seconds - first.cpu_seconds) / seconds
            values["bridge_memory"] = max(load.memory or 0 for load in loads)
    values["emulator_late"] = max(
        (
            line["late"]["p99_ms"] / 1000
            for report in recording.reports
            if span.begin < report["at"] <= span.end
            for line in report["lines"].values()
        ),
        default=None,
    )
    values["fairness"] = min(_fairness(recording, span), default=None)
    return values


def _fairness(recording: Recording, span: Span) -> list[float]:
    """Jain's index for each line that several use, of what each of them received."""
    indices = []
    for name in recording.scenario.links:
        users = [plan.name for plan in recording.scenario.participants if name in plan.lines]
        if len(users) < 2 or not recording.reports:
            continue
        rates = []
        for user in users:
            path = next(path for path in recording.reports[0]["paths"] if path.endswith(f"-{user}"))
            along = path_rates(recording.reports, path, "down", span)
            rates.append(statistics.fmean(rate for _, rate in along) if along else 0.0)
        if squares := sum(rate * rate for rate in rates):
            indices.append(sum(rates) ** 2 / (len(rates) * squares))
    return indices


def _median(values: Sequence[float]) -> float | None:
    return statistics.median(values) if values else None


def _percentile(ordered: Sequence[float], share: float) -> float | None:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None
