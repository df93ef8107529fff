"""The sweep's report: one page that needs nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

from loadtest.quantities import rate_text
from loadtest.report.html import STYLE
from loadtest.report.plot import Axis, Curve, chart
from loadtest.sweep.probe import Probe

_CHARTS: tuple[tuple[str, Axis, Callable[[Probe], float | None]], ...] = (
    ("Load of the worker's core", Axis("%", 100, 100), lambda probe: probe.worker_load),
    ("Sound late, p99", Axis("ms", 1e3, 40), lambda probe: probe.figures.audio_delay_p99),
    ("Pictures late, p95", Axis("ms", 1e3, 40), lambda probe: probe.figures.video_delay_p95),
    ("Lost after repair", Axis("%", 100, 1), lambda probe: probe.figures.residual_loss),
    ("Frozen pictures", Axis("% of the time", 100, 0.5), lambda probe: probe.figures.frozen_share),
    ("Swarm's own load", Axis("% of a core", 100, 100), lambda probe: probe.figures.swarm_cpu),
)


def write_page(probes: Sequence[Probe], state: str, machine: str, path: Path) -> None:
    """Writes the page; curves are by the number of participants."""
    parts = [f"<h1>How many rooms a core carries</h1><p>{escape(state)}</p><p class=about>{escape(machine)}</p>"]
    for bitrate in sorted({probe.bitrate for probe in probes}):
        group = [probe for probe in probes if probe.bitrate == bitrate]
        most = max(probe.participants for probe in group)
        parts.append(f"<h2>{rate_text(bitrate)} of video each</h2><div class=charts>")
        for title, axis, value in _CHARTS:
            curves = {f"rooms of {size}": _curve(group, size, value) for size in sorted({one.size for one in group})}
            shown = {name: curve for name, curve in curves.items() if curve}
            parts.append(chart(title, axis, shown, float(most), across="participants"))
        parts.append(f"</div>{_table(group)}")
    body = "".join(parts)
    path.write_text(
        f'<!doctype html><html lang=en><meta charset="utf-8"><title>Sweep</title><style>{STYLE}</style>{body}</html>\n',
        encoding="utf-8",
    )


def _curve(probes: Sequence[Probe], size: int, value: Callable[[Probe], float | None]) -> Curve:
    found = [(float(probe.participants), value(probe)) for probe in probes if probe.size == size]
    return sorted((participants, one) for participants, one in found if one is not None)


def _table(probes: Sequence[Probe]) -> str:
    rows = []
    for probe in sorted(probes, key=lambda probe: (probe.size, probe.rooms)):
        result = "held" if probe.held else "; ".join(probe.missed)
        limit = " (the swarm was the limit)" if probe.swarm_was_limit else ""
        figures = probe.figures
        cells = (
            f"{probe.rooms} of {probe.size}", str(probe.participants), f"{probe.worker_load * 100:.0f} %",
            f"{figures.packets_up_per_second:,.0f}", f"{figures.packets_down_per_second:,.0f}", result + limit,
        )  # fmt: skip
        kind = "" if probe.held else ' class="missed"'
        rows.append(f"<tr{kind}>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>")
    heads = ("rooms", "participants", "worker", "packets/s up", "packets/s down", "thresholds")
    head = "".join(f"<th>{name}</th>" for name in heads)
    return f'<div class="scroll"><table><tr>{head}</tr>{"".join(rows)}</table></div>'
