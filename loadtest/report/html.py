"""The report as one page that needs nothing else: no script, no font, no picture from anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from loadtest.report.compare import Difference
from loadtest.report.document import Document
from loadtest.report.plot import Axis, chart
from loadtest.report.words import threshold_text, value_text
from loadtest.scenario.metrics import METRICS

_CHARTS: dict[str, tuple[str, Axis]] = {
    "rate_down": ("Towards the participant", Axis("kbit/s", 1e-3)),
    "rate_up": ("From the participant", Axis("kbit/s", 1e-3)),
    "queue": ("Wait before the line (95 % of the packets)", Axis("ms", 1e3, 100)),
    "line_loss": ("Lost on the line or before it", Axis("packets/s", 1, 5)),
    "residual_loss": ("Not repaired", Axis("packets", 1, 5)),
    "height": ("Height of the pictures", Axis("lines", 1, 360)),
    "fps": ("New pictures", Axis("per second", 1, 30)),
    "gaps": ("Over half a second without a new picture", Axis("1 = standing", 1, 1)),
    "delay": ("From camera to screen", Axis("ms", 1e3, 200)),
    "concealed": ("Sound that was made up", Axis("%", 100, 5)),
    "door_to_picture": ("From being let in to the doctor's picture", Axis("ms", 1e3, 100)),
    "machine_busy": ("This machine", Axis("% of all processors", 100, 100)),
    "bridge_cpu": ("Bridge, processor", Axis("% of a core", 100, 10)),
    "bridge_memory": ("Bridge, memory", Axis("MB", 1e-6, 100)),
}
_BUSY = 0.9
"""Share of the processors above which a reader is warned."""
_STATES = {
    "passed": "passed",
    "missed": "missed a threshold",
    "failed": "failed",
    "interrupted": "interrupted: this is what there was until then",
}
STYLE = """
:root { color-scheme: light; font: 15px/1.45 system-ui, sans-serif; color: #1f2937; background: #fff; }
body { max-width: 1520px; margin: 0 auto; padding: 24px; }
h1 { font-size: 1.6rem; margin: 0 0 4px; } h2 { font-size: 1.25rem; margin: 40px 0 8px; border-top: 2px solid #1f2937;
padding-top: 12px; } h3 { font-size: 1.05rem; margin: 24px 0 8px; }
p { margin: 4px 0; } .about { color: #4b5563; }
.state { display: inline-block; padding: 1px 10px; border-radius: 4px; font-weight: 600; color: #fff;
background: #b91c1c; }
.state.passed { background: #15803d; } .state.interrupted { background: #a16207; }
table { border-collapse: collapse; margin: 8px 0; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 3px 12px 3px 0; border-bottom: 1px solid #e5e7eb; vertical-align: top; }
td.number, th.number { text-align: right; } tr.missed td { background: #fef2f2; } .scroll { overflow-x: auto; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(480px, 1fr)); gap: 8px 24px; }
.chart { margin: 0; } figcaption { font-weight: 600; } .legend { font-weight: 400; margin-left: 8px; }
.legend span { margin-right: 12px; white-space: nowrap; } .legend i { display: inline-block; width: 14px; height: 3px;
margin-right: 4px; vertical-align: middle; } svg { width: 100%; height: auto; display: block; }
svg text { font-size: 11px; fill: #4b5563; } polyline { fill: none; stroke-width: 1.6; stroke-linejoin: round; }
.grid { stroke: #e5e7eb; } .band { fill: #f3f4f6; } details { margin: 8px 0; } summary { cursor: pointer; }
"""


def write_html(report: Document, path: Path, differences: Sequence[Difference] = ()) -> None:
    """Writes the page."""
    runs = report["runs"]
    title = ", ".join(dict.fromkeys(run["scenario"]["name"] for run in runs)) or "no run"
    body = [f"<h1>{escape(title[:200])}</h1>", _overview(runs)]
    if differences:
        body.append(_differences(differences))
    body += [_run(run) for run in runs]
    path.write_text(
        "<!doctype html><html lang=en><meta charset=utf-8>"
        '<meta name=viewport content="width=device-width,initial-scale=1">'
        f"<title>{escape(title[:200])}</title><style>{STYLE}</style><body>{''.join(body)}</body></html>\n",
        "utf-8",
    )


def _overview(runs: list[Document]) -> str:
    rows = [
        [
            escape(run["scenario"]["name"]),
            str(run["seed"]),
            _state(run),
            f"{sum(t['held'] for t in run['thresholds'])} of {len(run['thresholds'])}",
            escape(run["began"]),
            f"{run['seconds']:.0f} s",
        ]
        for run in runs
    ]
    return _table(["scenario", "seed", "result", "thresholds held", "began", "length"], rows)


def _run(run: Document) -> str:
    scenario = run["scenario"]
    parts = [
        f"<h2>{escape(scenario['name'])}, seed {run['seed']} {_state(run)}</h2>",
        f'<p class="about">{escape(scenario["about"])}</p>',
    ]
    if run["error"]:
        parts.append(f"<p><strong>{escape(run['error'])}</strong></p>")
    busy = run["run"]["figures"].get("whole", {}).get("machine_busy")
    if busy is not None and busy > _BUSY:
        parts.append(
            f"<p><strong>This machine was busy ({busy * 100:.0f} % of its processors): pictures and delays may be "
            "worse than the bridge and the lines made them.</strong></p>"
        )
    if run["thresholds"]:
        rows = [
            [
                escape(threshold_text(threshold)),
                escape(value_text(threshold["metric"], threshold["value"])),
                "held" if threshold["held"] else "<strong>missed</strong>",
            ]
            for threshold in run["thresholds"]
        ]
        missed = [not threshold["held"] for threshold in run["thresholds"]]
        parts.append("<h3>Thresholds</h3>" + _table(["what must hold", "what was", ""], rows, missed))
    parts.append("<h3>Figures</h3>" + _figures(run))
    # Reports of earlier versions have none.
    parts += [f"<p>{escape(remark)}</p>" for remark in run["run"].get("remarks", ())]
    bands = [(begin, end, name) for name, (begin, end) in scenario["windows"].items()]
    for name, participant in run["participants"].items():
        lines = ", ".join(scenario["lines"].get(line) or line for line in scenario["participants"][name]["lines"])
        parts.append(f"<h3>{escape(name)}</h3>")
        parts.append(f'<p class="about">{escape(lines or "A line without limits.")}</p>')
        parts.append(_charts(participant["courses"], scenario["duration"], bands))
        parts.append(_notices(participant["notices"]))
    if run["run"]["courses"]:
        parts.append("<h3>The bridge</h3>" + _charts(run["run"]["courses"], scenario["duration"], bands))
    return "".join(parts)


def _state(run: Document) -> str:
    return f'<span class="state {run["state"]}">{_STATES[run["state"]]}</span>'


def _figures(run: Document) -> str:
    """A table for each window: metrics down, participants across."""
    parts = []
    names = list(run["participants"])
    for window, values in run["run"]["figures"].items():
        columns = {name: run["participants"][name]["figures"].get(window, {}) for name in names}
        columns["run"] = values
        rows = [
            [f'<span title="{escape(metric.about)}">{metric.name}</span>']
            + ["" if column.get(metric.name) is None else escape(value_text(metric.name, column[metric.name]))
               for column in columns.values()]
            for metric in METRICS.values()
            if any(column.get(metric.name) is not None for column in columns.values())
        ]  # fmt: skip
        table = _table(["", *(escape(name) for name in columns)], rows, numbers=True)
        opened = " open" if window == "whole" else ""
        parts.append(f"<details{opened}><summary>{escape(window)}</summary>{table}</details>")
    return "".join(parts)


def _charts(courses: dict[str, Any], duration: float, bands: Sequence[tuple[float, float, str]]) -> str:
    charts = [
        chart(title, axis, courses[name], duration, bands) for name, (title, axis) in _CHARTS.items() if name in courses
    ]
    return f'<div class="charts">{"".join(charts)}</div>'


def _notices(notices: list[Any]) -> str:
    if not notices:
        return ""
    rows = [[f"{at:.2f} s", escape(kind), escape(text)] for at, kind, text in notices[:500]]
    return f"<details><summary>What happened ({len(notices)})</summary>{_table(['', '', ''], rows)}</details>"


def _differences(differences: Sequence[Difference]) -> str:
    rows = [
        [
            escape(difference.run),
            escape(difference.subject),
            escape(difference.window),
            difference.metric,
            escape(value_text(difference.metric, difference.before)),
            escape(value_text(difference.metric, difference.after)),
        ]
        for difference in differences
    ]
    heads = ["scenario", "who", "window", "metric", "before", "now"]
    return "<h2>What differs from the earlier report</h2>" + _table(heads, rows)


def _table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], missed: Sequence[bool] = (), *, numbers: bool = False
) -> str:
    kind = ' class="number"' if numbers else ""
    head = "".join(f"<th{kind if index else ''}>{cell}</th>" for index, cell in enumerate(heads))
    lines = []
    for index, row in enumerate(rows):
        cells = "".join(f"<td{kind if column else ''}>{cell}</td>" for column, cell in enumerate(row))
        lines.append(f"<tr{' class=missed' if missed and missed[index] else ''}>{cells}</tr>")
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'
