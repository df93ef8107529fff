"""What the emulator reports of lines, over a time."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from loadtest.figures.presence import Span

LONG_WAIT = 0.1
"""Seconds of queueing above which a line has not settled."""


@dataclass
class LineFigures:
    """One direction of a line over a time."""

    capacity_bits: float = 0.0
    delivered_bits: float = 0.0
    """With cross traffic."""
    queueing: dict[float, int] = field(default_factory=dict)
    """Packets by how long they waited, in seconds, to a tenth."""
    queue_drops: int = 0

    @property
    def used(self) -> float | None:
        """Share of what it could have carried."""
        return self.delivered_bits / self.capacity_bits if self.capacity_bits else None


def pairs(reports: Sequence[dict[str, Any]], span: Span) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each two reports after one another of which the later lies within the time."""
    for before, after in itertools.pairwise(reports):
        if span.begin < after["at"] <= span.end:
            yield before, after


def line_figures(reports: Sequence[dict[str, Any]], line: str, direction: str, span: Span) -> LineFigures:
    """The figures of a line."""
    figures = LineFigures()
    for before, after in pairs(reports, span):
        old, new = before["lines"][line][direction], after["lines"][line][direction]
        figures.capacity_bits += new["capacity_bits"]
        for counter in ("delivered_bytes", "cross_bytes"):
            figures.delivered_bits += 8 * (new[counter] - old[counter])
        figures.queue_drops += new["lost"].get("queue", 0) - old["lost"].get("queue", 0)
        for edge, count in new["queueing"].items():
            figures.queueing[float(edge)] = figures.queueing.get(float(edge), 0) + count
    return figures


def quantile(histogram: dict[float, int], share: float) -> float | None:
    """The wait that `share` of the packets do not exceed; None without packets."""
    rank = share * sum(histogram.values())
    seen = 0
    for edge in sorted(histogram):
        seen += histogram[edge]
        if seen >= rank:
            return edge
    return None


def settled(reports: Sequence[dict[str, Any]], line: str, direction: str, span: Span) -> float:
    """Seconds from the begin of a time until no packet waits long any more."""
    last = span.begin
    for _, after in pairs(reports, span):
        waits = {float(edge): count for edge, count in after["lines"][line][direction]["queueing"].items()}
        if max(waits, default=0.0) > LONG_WAIT:
            last = after["at"]
    return last - span.begin


def path_rates(
    reports: Sequence[dict[str, Any]], path: str, direction: str, span: Span, what: str = "delivered_bytes"
) -> list[tuple[float, float]]:
    """(time, bit/s) of one participant's traffic, from report to report, with headers."""
    return [
        (
            after["at"],
            8 * (after["paths"][path][direction][what] - before["paths"][path][direction][what])
            / (after["at"] - before["at"]),
        )
        for before, after in pairs(reports, span)
    ]  # fmt: skip


def busiest_second(rates: Sequence[tuple[float, float]]) -> float | None:
    """bit/s in the busiest second of rates that stand for a fifth of a second each."""
    if not rates:
        return None
    values = [rate for _, rate in rates]
    return max(sum(values[start : start + 5]) / min(5, len(values)) for start in range(max(1, len(values) - 4)))
