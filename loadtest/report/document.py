"""The report as a document: plain values for JSON. Its shape only grows; `SCHEMA` says which one it is."""

from __future__ import annotations

import json
import math
import platform
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from loadtest.figures.courses import courses, run_courses
from loadtest.figures.measuring import WHOLE, Figures, measure
from loadtest.running.recording import Recording
from loadtest.scenario.description import ParticipantPlan, Scenario, Threshold
from loadtest.scenario.metrics import METRICS
from loadtest.scenario.reading import EVERYONE, RUN

SCHEMA = "bridge-loadtest/1"
_DIGITS = 6

Document = dict[str, Any]


def run_document(recording: Recording) -> Document:
    """The document of one run.

    `state` is "passed", "missed" (a threshold), "failed" (the run itself), or "interrupted". Figures are by window and
    participant, in seconds, bit/s, bytes and shares of one; what could not be measured is null.
    """
    figures = measure(recording)
    thresholds = [
        found for threshold in recording.scenario.thresholds for found in _judge(threshold, recording, figures)
    ]
    if recording.error is not None:
        state = "failed"
    elif recording.interrupted:
        state = "interrupted"
    else:
        state = "passed" if all(threshold["held"] for threshold in thresholds) else "missed"
    document: Document = _rounded(
        {
            "scenario": _scenario(recording.scenario),
            "seed": recording.seed,
            "state": state,
            "error": recording.error,
            "began": datetime.fromtimestamp(recording.began, UTC).isoformat(timespec="seconds"),
            "seconds": max(0.0, recording.ended - recording.began),
            "thresholds": thresholds,
            "run": {
                "figures": figures.run,
                "courses": run_courses(recording) | recording.curves,
                "remarks": recording.remarks,
            },
            "participants": {
                plan.name: {
                    "figures": {
                        window: values[plan.name]
                        for window, values in figures.participants.items()
                        if plan.name in values
                    },
                    "courses": courses(recording, plan),
                    "notices": _notices(recording, plan),
                }
                for plan in recording.scenario.participants
            },
        }
    )
    return document


def report_document(runs: list[Document]) -> Document:
    """The document of a report: all its runs."""
    return {
        "schema": SCHEMA,
        "machine": {"python": platform.python_version(), "system": platform.system(), "kernel": platform.release()},
        "metrics": {metric.name: {"unit": metric.unit.value, "about": metric.about} for metric in METRICS.values()},
        "runs": runs,
    }


def write_json(document: Document, path: Path) -> None:
    """Writes a report's document."""
    path.write_text(json.dumps(document, ensure_ascii=False, allow_nan=False) + "\n", "utf-8")


def _judge(threshold: Threshold, recording: Recording, figures: Figures) -> list[dict[str, Any]]:
    """The findings of a threshold, one for each it is for."""
    window = threshold.window or WHOLE
    if threshold.subject == RUN:
        values = {RUN: figures.run.get(window, {})}
    else:
        names = [plan.name for plan in recording.scenario.participants]
        wanted = names if threshold.subject == EVERYONE else [threshold.subject]
        values = {name: figures.participants.get(window, {}).get(name, {}) for name in wanted}
        if threshold.subject == EVERYONE:
            # Who has no line has no queue, who is alone in the room sees nobody.
            values = {
                name: found for name, found in values.items() if found.get(threshold.metric) is not None
            } or values
    return [
        {
            "subject": name,
            "metric": threshold.metric,
            "window": window,
            "at_most": threshold.at_most,
            "bound": threshold.bound,
            "value": (value := found.get(threshold.metric)),
            "held": value is not None and (value <= threshold.bound if threshold.at_most else value >= threshold.bound),
        }
        for name, found in values.items()
    ]


def _scenario(scenario: Scenario) -> dict[str, Any]:
    return {
        "name": scenario.name,
        "file": scenario.file.name,
        "about": scenario.about,
        "duration": scenario.duration,
        "settle": scenario.settle,
        "variant": dict(scenario.variant),
        "windows": {window.name: [window.begin, window.end] for window in scenario.windows},
        "participants": {plan.name: _plan(plan) for plan in scenario.participants},
        "lobbies": None if scenario.lobbies is None else asdict(scenario.lobbies),
        "lines": {name: link.about for name, link in scenario.links.items()},
    }


def _plan(plan: ParticipantPlan) -> dict[str, Any]:
    return {
        "client": plan.client.value,
        "room": plan.room,
        "lines": list(plan.lines),
        "join": plan.join,
        "leave": plan.leave,
        "switches": [[switch.at, switch.source.value, switch.on] for switch in plan.switches],
    }


def _notices(recording: Recording, plan: ParticipantPlan) -> list[tuple[float, str, str]]:
    return [
        (notice.at - recording.began, notice.kind, notice.text)
        for sample in recording.samples.get(plan.name, ())
        for notice in sample.notices
    ]


def _rounded(value: Any) -> Any:
    match value:
        case bool() | int() | None | str():
            return value
        case float():
            return round(value, _DIGITS) if math.isfinite(value) else None
        case dict():
            return {key: _rounded(part) for key, part in value.items()}
        case list() | tuple():
            return [_rounded(part) for part in value]
    raise TypeError(f"no place in a report for {type(value)}")
