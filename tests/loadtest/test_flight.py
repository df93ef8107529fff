"""Flight records: written here by a hand of our own, read by both readers, replayed, and made into lines."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import pytest
import yaml

from loadtest.cli import main
from loadtest.emulator.reading import read_link
from loadtest.errors import InputError, Place
from loadtest.flight import read_records
from loadtest.flight.line import as_yaml, observe
from loadtest.flight.record import parse
from loadtest.participants.samples import Sample
from loadtest.running.estimates import downstream_estimates, with_estimates

START = 50.0
"""Seconds: the worker is older than the call."""


def _number(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _signed(value: int) -> bytes:
    return _number(value << 1 if value >= 0 else (-value << 1) - 1)


class Writer:
    """Writes entries as docs/flight-record.md says."""

    def __init__(self) -> None:
        self.data = bytearray()
        self._last = round(START * 10_000)

    def entry(self, at: float, kind: int, *rest: bytes) -> None:
        ticks = round(at * 10_000)
        self.data += _number((ticks - self._last) << 3 | kind) + b"".join(rest)
        self._last = ticks

    def record(self) -> bytes:
        second = struct.pack("<6I8H", 51_000, 300_000, 250_000, 400_000, 30_000, 0, 30, 1, 2, 150, 40, 0xFFFF, 7, 0)
        head = struct.pack("<8sHHQQII", b"BRFLIGHT", 1, 40, 1_700_000_000_000, 90_000, 1, 1)
        return head + second + struct.pack("<QQI", round(START * 10_000), 0, len(self.data)) + bytes(self.data)


def line_record(capacity: float, *, seconds: int = 20, send: float = 350_000, lose: int = 0) -> bytes:
    """Packets of 1,000 bytes at `send` bit/s over a line of `capacity` bit/s, 30 ms each way; each `lose`th is lost."""
    writer = Writer()
    writer.entry(START, 5, _number(300_000), _number(1_000_000))
    free, waiting, feedbacks = START, list[tuple[int, float | None]](), 0
    told = START
    for number in range(int(seconds * send / 8_000)):
        at = START + number * 8_000 / send
        free = max(free, at) + 1_028 * 8 / capacity
        lost = lose and number % lose == lose - 1
        waiting.append((number, None if lost else free + 0.03))
        if at >= told + 0.1:
            # All up to the last that has arrived.
            last = max((n for n, (_, time) in enumerate(waiting) if time is not None and time <= at), default=-1)
            if last >= 0:
                _feedback(writer, at, feedbacks, waiting[: last + 1])
                waiting = waiting[last + 1 :]
                feedbacks += 1
            told = at
        writer.entry(at, 0, _number(1_000))
    writer.entry(START + seconds, 6, _number(300_000), _number(1), _number(61), _number(0), _number(0))
    writer.entry(START + seconds, 7, _number(9), _number(2), _number(3))
    return writer.record()


def _feedback(writer: Writer, at: float, count: int, packets: list[tuple[int, float | None]]) -> None:
    base = packets[0][0]
    arrivals, last, following = b"", 0, base
    for number, time in packets:
        if time is not None:
            ticks = round(time * 4_000)
            arrivals += _number(number - following) + _signed(ticks - last)
            last, following = ticks, number + 1
    received = sum(time is not None for _, time in packets)
    head = (base & 0xFFFF, len(packets), count & 0xFF, received)
    writer.entry(at, 2, *map(_number, head), arrivals)


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "report.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("s1-subscribe.flight", line_record(300_000, seconds=10, send=300_000, lose=50))
        archive.writestr("readme.txt", "no record")
    return path


def test_a_record_is_read(report: Path) -> None:
    (record,) = read_records(report)
    assert (record.name, record.unix_time, record.taken) == ("s1-subscribe.flight", 1_700_000_000.0, 90.0)
    assert (record.seconds[0].loss, record.seconds[0].round_trip, record.seconds[0].queue_delay) == (0.015, 0.04, None)
    assert len(record.packets) == 375
    assert record.packets[0].arrival == pytest.approx(START + 0.03 + 1_028 * 8 / 300_000, abs=3e-4)
    assert record.packets[49].arrival is None
    assert record.packets[49].told
    assert record.demands == [(START, 300_000, 1_000_000)]
    assert (record.estimates[0].bitrate, record.estimates[0].round_trip) == (300_000, 0.06)
    assert record.layers[0].layers == (1, 2)


def test_the_estimator_is_run_over_it(report: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", str(report)]) == 0
    last = capsys.readouterr().out.splitlines()[-1].split()
    sent, queue = int(last[1]), int(last[4])
    assert sent == pytest.approx(300, abs=80), "in a tenth of a second, by whole packets"
    assert 200 < queue < 300, "ms, of 308 kbit/s on a line of 300"
    assert main(["replay", str(report), "--max", "100k", "--json", str(report.with_suffix(".json"))]) == 0
    assert int(capsys.readouterr().out.splitlines()[-1].split()[3]) <= 100


def test_its_line_becomes_a_link_that_the_emulator_takes(report: Path, tmp_path: Path) -> None:
    output = tmp_path / "line.yaml"
    assert main(["scenario-from", str(report), "--output", str(output)]) == 0
    link = yaml.safe_load(output.read_text())
    assert link["down"]["delay"] == "20ms", "half of the shortest round trip"
    assert float(link["down"]["loss"].removesuffix("%")) == pytest.approx(2, abs=0.1)
    rates = [int(rate.removesuffix("k")) for rate in link["down"]["rate"].values()]
    assert rates[-1] == pytest.approx(295, rel=0.06)
    read_link(output)


def test_a_line_that_was_never_full_is_at_least_what_was_believed() -> None:
    record = parse("x", line_record(5_000_000, send=200_000), Place("x"))
    line = observe(record)
    assert (len(line.outages), line.loss) == (0, 0.0)
    assert line.queue < 0.01
    assert all(rate >= 200_000 for _, rate in line.rates)
    assert "outages" not in as_yaml(line, "x")


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"GIF89a", "no flight record"), (line_record(300_000)[:500], "damaged"), (b"", "no flight record")],
)
def test_what_is_no_record_is_told(
    content: bytes, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.flight"
    path.write_bytes(content)
    for command in ("replay", "scenario-from"):
        assert main([command, str(path)]) == 2
        error = capsys.readouterr().err
        assert "bad.flight" in error
        assert len(error.splitlines()) == 1
    with pytest.raises(InputError, match=message):
        read_records(path)


def test_a_missing_file_and_a_wrong_rate_are_told(
    tmp_path: Path, report: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", str(tmp_path / "none")]) == 2
    assert "No such file" in capsys.readouterr().err
    assert main(["replay", str(report), "--max", "much"]) == 2
    assert "--max" in capsys.readouterr().err


def test_samples_take_the_estimates_that_held_at_their_time(tmp_path: Path) -> None:
    writer = Writer()
    writer.entry(START, 5, _number(300_000), _number(1_000_000))
    archive = tmp_path / "report.zip"
    with zipfile.ZipFile(archive, "w") as records:
        for connection in ("publish", "subscribe"):
            records.writestr(f"abc-{connection}.flight", writer.record())
    told = downstream_estimates(archive, {"anna": "abc", "bo": "def"})
    assert told == {"anna": [(1_700_000_051.0, 300_000)]}
    samples = with_estimates([Sample(1_700_000_050.0), Sample(1_700_000_052.0)], told["anna"])
    assert [sample.downstream_estimate for sample in samples] == [None, 300_000]
