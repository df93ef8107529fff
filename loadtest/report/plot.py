"""Line charts as SVG, without anybody's library: a report must open anywhere, in years to come, without a network."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

Curve = Sequence[Sequence[float]]

WIDTH, HEIGHT = 720, 180
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 12, 10, 24
_MOST_POINTS = 1500
"""Of a curve; denser ones lose points, never their extremes."""
COLOURS = ("#1f5fa8", "#c2410c", "#15803d", "#7c3aed", "#0e7490", "#a16207", "#be185d", "#4b5563")
"""Told apart also by most of those who see few colours, and each curve is named in the legend."""
_RESERVED = {"capacity": "#9ca3af", "estimate": "#c2410c"}


@dataclass(frozen=True, slots=True)
class Axis:
    """What a chart's values are."""

    unit: str
    factor: float = 1.0
    """By which values are multiplied to be in the unit."""
    least: float = 0.0
    """The top of the axis lies at this at least, in the unit."""


def chart(
    title: str,
    axis: Axis,
    curves: Mapping[str, Curve],
    duration: float,
    bands: Sequence[tuple[float, float, str]] = (),
    *,
    across: str = "s",
) -> str:
    """An SVG element with its legend; `bands` (from, to, name) are shaded behind the curves.

    `across` is the unit of the curves' first values, of which `duration` is the last that is shown.
    """
    values = [value * axis.factor for name, curve in curves.items() for _, value in curve if name != "capacity"]
    capacity = [value * axis.factor for _, value in curves.get("capacity", ())]
    top = max(values, default=0.0)
    if capacity:
        # A perfect line's capacity would flatten what is of interest.
        top = max(top, min(max(capacity), 1.6 * top if top else max(capacity)))
    step, top = _steps(max(top * 1.05, axis.least, 1e-9))
    scale = (WIDTH - _LEFT - _RIGHT) / max(duration, 1e-9)
    down = (HEIGHT - _TOP - _BOTTOM) / top

    def x(time: float) -> float:
        return _LEFT + min(max(time, 0.0), duration) * scale

    def y(value: float) -> float:
        return HEIGHT - _BOTTOM - min(max(value * axis.factor, 0.0), top) * down

    parts = []
    for begin, end, name in bands:
        wide = max(0.5, x(end) - x(begin))
        place = f'x="{x(begin):.1f}" y="{_TOP}" width="{wide:.1f}" height="{HEIGHT - _TOP - _BOTTOM}"'
        parts.append(f'<rect class="band" {place}><title>{escape(name)}</title></rect>')
    parts += _grid(step, top, duration, across, x, down)
    colours = _colours(curves)
    for name, curve in curves.items():
        points = " ".join(f"{x(time):.1f},{y(value):.1f}" for time, value in _thinned(curve))
        shape = ' stroke-width="2.5"' if name == "capacity" else ""
        parts.append(
            f'<polyline points="{points}" stroke="{colours[name]}"{shape}><title>{escape(name)}</title></polyline>'
        )
    legend = "".join(f'<span><i style="background:{colours[name]}"></i>{escape(name)}</span>' for name in curves)
    label = escape(f"{title}: {', '.join(curves)}")
    return (
        f'<figure class="chart"><figcaption>{escape(title)}, {escape(axis.unit)} <span class="legend">{legend}</span>'
        f'</figcaption><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">'
        f"{''.join(parts)}</svg></figure>"
    )


def _colours(curves: Mapping[str, Curve]) -> dict[str, str]:
    free = [colour for colour in COLOURS if colour not in _RESERVED.values()]
    plain = [name for name in curves if name not in _RESERVED]
    return {name: _RESERVED.get(name) or free[plain.index(name) % len(free)] for name in curves}


def _grid(step: float, top: float, duration: float, across: str, x: Callable[[float], float], down: float) -> list[str]:
    parts = []
    for n in range(round(top / step) + 1):
        height = HEIGHT - _BOTTOM - n * step * down
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{height:.1f}" y2="{height:.1f}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{height + 4:.1f}" text-anchor="end">{n * step:g}</text>')
    every, _ = _steps(duration, 8)
    for n in range(math.floor(duration / every) + 1):
        # A unit of several letters would be cut off at the left.
        anchor = "middle" if n or len(across) == 1 else "start"
        text = f"{n * every:g} {across}" if n == 0 else f"{n * every:g}"
        parts.append(f'<text x="{x(n * every):.1f}" y="{HEIGHT - 6}" text-anchor="{anchor}">{text}</text>')
    return parts


def _steps(top: float, most: int = 5) -> tuple[float, float]:
    """The distance of round numbers of which at most so many reach `top`, and the first of them that is above it."""
    scale = 10 ** math.floor(math.log10(top / most)) if top > 0 else 1.0
    step = next(scale * factor for factor in (1, 2, 5, 10) if top / (scale * factor) <= most)
    return step, step * math.ceil(top / step - 1e-9)


def _thinned(curve: Curve) -> Curve:
    """Of each bunch of points the lowest and the highest."""
    if len(curve) <= _MOST_POINTS:
        return curve
    size = math.ceil(2 * len(curve) / _MOST_POINTS)
    kept: list[Sequence[float]] = []
    for start in range(0, len(curve), size):
        bunch = curve[start : start + size]
        ends = min(bunch, key=lambda point: point[1]), max(bunch, key=lambda point: point[1])
        kept += sorted(ends, key=lambda point: point[0])
    return kept
