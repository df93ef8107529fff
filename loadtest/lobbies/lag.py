"""How late the bridge's event loop was, as its metrics tell it."""

from __future__ import annotations

from collections.abc import Mapping

import httpx
from prometheus_client.parser import text_string_to_metric_families

from loadtest.errors import InputError, Place

_METRIC = "bridge_event_loop_lag_seconds"
_TIMEOUT = 10.0

Buckets = dict[float, float]
"""Observations up to a bound in seconds, by that bound; the last one is infinite."""


async def read_lag(url: str) -> Buckets:
    """The histogram as it stands. Raises `InputError` where the bridge does not tell."""
    try:
        async with httpx.AsyncClient(timeout=_TIMEOUT, trust_env=False) as client:
            answer = await client.get(f"{url}/metrics")
    except httpx.HTTPError as error:
        raise InputError(f"{url}/metrics: {error!r}", Place("--bridge")) from None
    if not answer.is_success:
        raise InputError(f"{url}/metrics answered {answer.status_code}: expected to be among metrics.allowed")
    buckets = {
        float(sample.labels["le"]): sample.value
        for family in text_string_to_metric_families(answer.text)
        if family.name == _METRIC
        for sample in family.samples
        if sample.name == f"{_METRIC}_bucket"
    }
    if not buckets:
        raise InputError(f"{url}/metrics: expected {_METRIC}")
    return buckets


def quantile(before: Mapping[float, float], after: Mapping[float, float], share: float) -> float | None:
    """The value below which this share lies of what was observed between two readings, in seconds.

    Within a bucket it is interpolated, as Prometheus's histogram_quantile does; None where nothing was observed. Beyond
    the last bound it is that bound.
    """
    bounds = sorted(after)
    counts = [after[bound] - before.get(bound, 0.0) for bound in bounds]
    rank, below, lower = share * counts[-1], 0.0, 0.0
    if counts[-1] <= 0:
        return None
    for bound, count in zip(bounds, counts, strict=True):
        if count >= rank:
            if bound == float("inf"):
                return lower
            return lower + (bound - lower) * (rank - below) / (count - below) if count > below else bound
        below, lower = count, bound
    return lower
