"""Traces of measured lines: CSV, and the form of Mahimahi. A user's own file is a guest: every fault names its line.

CSV has a row per measurement, comments behind `#`, and one of two shapes, told apart by the header:

- `time_s,bit/s` (or no header): each rate holds until the next row, the last as long as the one before it.
- `start_ms,duration_ms,kbps`: as published with the 3G traces of Riiser et al. (MMSys 2013).

Mahimahi's form has a number per line: the millisecond at which 1,500 bytes may go out; several may share one. The last
one is also the length of a round. See `man mm-link`.
"""

from __future__ import annotations

import itertools
import math
import statistics
from dataclasses import dataclass
from pathlib import Path

from loadtest.document import read_text
from loadtest.emulator.description import OpportunityTrace, RateTrace
from loadtest.errors import InputError, Place

_LARGEST_TRACE = 50_000_000
_ROWS_OF_A_RHYTHM = 10
"""A trace with fewer rows may have any distances; with more, a distance out of the rhythm is a hole."""


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    start: float
    length: float | None
    rate: float


def read_trace(path: Path, form: str | None = None, *, repeat: bool = True) -> RateTrace | OpportunityTrace:
    """Reads a trace; `form` is "csv" or "mahimahi", by default CSV if the file's name says so. Raises `InputError`."""
    text = read_text(path, "a trace (CSV or Mahimahi)", _LARGEST_TRACE)
    if (form or ("csv" if path.suffix == ".csv" else "mahimahi")) == "csv":
        return _rate_trace(_read_rows(text, str(path)), str(path), repeat)
    return _read_mahimahi(text, str(path))


def _read_rows(text: str, source: str) -> list[_Row]:
    rows: list[_Row] = []
    with_length = False
    header_may_come = True
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        cells = [cell.strip() for cell in line.split(",")]
        place = Place(source, number)
        if header_may_come and cells[0][:1].isalpha():
            with_length = _shape_of_header(cells, place)
            header_may_come = False
            continue
        header_may_come = False
        expected = "start_ms,duration_ms,kbps" if with_length else "time_s,bit/s"
        if len(cells) != (3 if with_length else 2):
            raise InputError(f"{line.strip()!r}: expected {expected}", place)
        values = [_number(cell, expected, place) for cell in cells]
        if with_length:
            rows.append(_Row(number, values[0] / 1000, values[1] / 1000, values[2] * 1000))
        else:
            rows.append(_Row(number, values[0], None, values[1]))
    if len(rows) < 2:
        raise InputError("a trace needs two rows or more", Place(source))
    return rows


def _shape_of_header(cells: list[str], place: Place) -> bool:
    """Whether the rows have a length of their own."""
    names = [cell.lower() for cell in cells]
    if names[:3] == ["start_ms", "duration_ms", "kbps"] and len(names) == 3:
        return True
    if len(names) == 2 and names[0] in ("time_s", "time", "seconds") and names[1] in ("bit/s", "bps", "rate"):
        return False
    raise InputError(f"header {','.join(cells)!r}: expected time_s,bit/s or start_ms,duration_ms,kbps", place)


def _number(cell: str, expected: str, place: Place) -> float:
    if cell.lower() in ("", "-", "nan", "na", "null"):
        raise InputError(
            f"a hole: a value is missing, expected {expected}", place, "write 0 if nothing got through in this time"
        )
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0:
        raise InputError(f"{cell!r}: expected a number from 0, as in {expected}", place)
    return value


def _rate_trace(rows: list[_Row], source: str, repeat: bool) -> RateTrace:
    for row, after in itertools.pairwise(rows):
        if after.start <= row.start:
            raise InputError(
                f"time {after.start:g} s does not follow {row.start:g} s: expected times that grow",
                Place(source, after.line),
            )
    steps = [after.start - row.start for row, after in itertools.pairwise(rows)]
    rhythm = _rhythm(steps)
    for row, after, step in zip(rows, rows[1:], steps, strict=False):
        usual = row.length if row.length is not None else rhythm
        if usual is not None and step > 2 * usual:
            raise InputError(
                f"a hole of {step - usual:.3g} s before this row: expected one at {row.start + usual:.6g} s",
                Place(source, after.line),
                "write a row with the rate that held there, 0 if nothing got through",
            )
    if not any(row.rate for row in rows):
        raise InputError("every rate is 0: expected a line that carries something", Place(source))
    begin, last = rows[0].start, rows[-1]
    duration = last.start + (last.length or steps[-1]) - begin
    return RateTrace(tuple((row.start - begin, row.rate) for row in rows), duration, repeat)


def _rhythm(steps: list[float]) -> float | None:
    """The distance at which the rows of an evenly sampled trace stand; None for a trace without rhythm."""
    if len(steps) < _ROWS_OF_A_RHYTHM:
        return None
    usual = statistics.median(steps)
    even = sum(abs(step - usual) <= 0.25 * usual for step in steps)
    return usual if even >= 0.8 * len(steps) else None


def _read_mahimahi(text: str, source: str) -> OpportunityTrace:
    times: list[float] = []
    for number, line in enumerate(text.splitlines(), start=1):
        word = line.strip()
        place = Place(source, number)
        if not word:
            continue
        if not (word.isascii() and word.isdigit()):
            raise InputError(
                f"{word[:40]!r}: expected a whole number of milliseconds",
                place,
                "a table of rates needs a name that ends in .csv, or form: csv" if "," in word else None,
            )
        time = int(word) / 1000
        if times and time < times[-1]:
            raise InputError(f"{word} ms comes before the line above: expected times that do not fall", place)
        times.append(time)
    if not times or times[-1] == 0:
        raise InputError("expected a line per 1,500 bytes, and the last one later than 0 ms", Place(source))
    return OpportunityTrace(tuple(times), times[-1])
