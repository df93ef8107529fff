"""What the bridge estimated for a participant's line, from its flight records: to ask would take part of that line."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from loadtest.flight import FlightRecord, read_records
from loadtest.participants.samples import Sample

_RECEIVES = "subscribe"


def downstream_estimates(archive: Path, sessions: Mapping[str, str]) -> dict[str, list[tuple[float, int]]]:
    """Times (seconds since the epoch) and estimates (bit/s) by participant, whose sessions these are.

    Of an archive as `bridge rooms report` writes it. Raises `InputError`.
    """
    names = {f"{session}-{_RECEIVES}.flight": name for name, session in sessions.items()}
    return {names[record.name]: _estimates(record) for record in read_records(archive) if record.name in names}


def with_estimates(samples: Sequence[Sample], estimates: Sequence[tuple[float, int]]) -> list[Sample]:
    """The samples with the estimate that held at each."""
    times = [at for at, _ in estimates]

    def held(at: float) -> float | None:
        index = bisect_right(times, at)
        return estimates[index - 1][1] if index else None

    return [replace(sample, downstream_estimate=held(sample.at)) for sample in samples]


def _estimates(record: FlightRecord) -> list[tuple[float, int]]:
    # Changes are kept for a part of the time only, and one of each second for all of it.
    told = [(second.at, second.estimate) for second in record.seconds]
    told += [(estimate.at, estimate.bitrate) for estimate in record.estimates]
    return sorted((record.unix_time + at, bitrate) for at, bitrate in told)
