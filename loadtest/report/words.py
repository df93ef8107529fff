"""Figures in words, for people."""

from __future__ import annotations

from typing import Any

from loadtest.quantities import rate_text
from loadtest.scenario.metrics import METRICS, Unit


def value_text(metric: str, value: float | None) -> str:
    """A figure with its unit."""
    if value is None:
        return "not measured"
    match METRICS[metric].unit:
        case Unit.SECONDS:
            return f"{value * 1000:.3g} ms" if abs(value) < 1 else f"{value:.2f} s"
        case Unit.SHARE:
            return f"{value * 100:.2f} %"
        case Unit.RATE:
            return rate_text(value)
        case Unit.BYTES:
            return f"{value / 1e6:.0f} MB"
        case Unit.NUMBER:
            return f"{value:.4g}"


def threshold_text(threshold: dict[str, Any]) -> str:
    """A threshold as one would write it."""
    window = "" if threshold["window"] == "whole" else f"@{threshold['window']}"
    sign = "≤" if threshold["at_most"] else "≥"
    bound = value_text(threshold["metric"], threshold["bound"])
    return f"{threshold['subject']}{window} {threshold['metric']} {sign} {bound}"
