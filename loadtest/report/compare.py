"""What differs between two reports: the median over the seeds of each scenario, metric by metric."""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass
from pathlib import Path

from loadtest.document import read_text
from loadtest.errors import InputError, Place
from loadtest.report.document import SCHEMA, Document
from loadtest.scenario.metrics import METRICS, Unit

_NOTEWORTHY = 0.05
"""Differences below this share of the larger value are left out."""
_SMALLEST = {Unit.SECONDS: 0.005, Unit.SHARE: 0.002, Unit.RATE: 1000.0, Unit.BYTES: 1e6, Unit.NUMBER: 0.05}
"""And those below this in absolute terms."""
_LARGEST_REPORT = 500_000_000

_Key = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Difference:
    """A metric that is not what it was."""

    run: str
    subject: str
    window: str
    metric: str
    before: float | None
    after: float | None


def read_report(path: Path) -> Document:
    """An earlier report. Raises `InputError`."""
    expected = "a report that bridge-loadtest wrote (JSON)"
    place = Place(str(path))
    try:
        document = json.loads(read_text(path, expected, _LARGEST_REPORT))
    except json.JSONDecodeError as error:
        raise InputError(f"this is not JSON: expected {expected}", Place(str(path), error.lineno)) from None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise InputError(f"expected {expected} with schema {SCHEMA}", place)
    return document


def compare(before: Document, after: Document) -> list[Difference]:
    """The differences worth a look, of scenarios that both have."""
    old, new = _medians(before), _medians(after)
    runs = {key[0] for key in old} & {key[0] for key in new}
    found = []
    for key in sorted({*old, *new}):
        if key[0] not in runs or key[3] not in METRICS:
            continue
        one, other = old.get(key), new.get(key)
        if _differs(key[3], one, other):
            found.append(Difference(*key, one, other))
    return found


def _differs(metric: str, one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is not other
    apart = abs(one - other)
    return apart > _SMALLEST[METRICS[metric].unit] and apart > _NOTEWORTHY * max(abs(one), abs(other))


def _medians(report: Document) -> dict[_Key, float]:
    values: dict[_Key, list[float]] = {}
    for run in report["runs"]:
        subjects = {name: participant["figures"] for name, participant in run["participants"].items()}
        subjects["run"] = run["run"]["figures"]
        for subject, windows in subjects.items():
            for window, figures in windows.items():
                for metric, value in figures.items():
                    if value is not None:
                        values.setdefault((run["scenario"]["name"], subject, window, metric), []).append(value)
    return {key: statistics.median(found) for key, found in values.items()}
