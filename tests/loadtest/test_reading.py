"""Links as people write them, and what they are told when they write them wrongly."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadtest.emulator.description import (
    ConstantTraffic,
    Direction,
    Distribution,
    FourStateLoss,
    GilbertElliottLoss,
    IndependentLoss,
    Jitter,
    LinkDescription,
    OpportunityTrace,
    Outage,
    Queue,
    RateTrace,
    Reordering,
    Steps,
    TcpTraffic,
)
from loadtest.emulator.loss import mean_loss
from loadtest.emulator.reading import read_link
from loadtest.errors import InputError

PRESETS = sorted((Path(__file__).parents[2] / "configs/scenarios/links").glob("*.yaml"))

EVERYTHING = """\
about: all there is
both:
  delay: 40ms
down:
  rate: {0s: 2M, 40s: 300k}
  jitter: {spread: 5ms, distribution: uniform, reorder: true}
  loss: {model: four-state, p13: 1%, p31: 50%, p32: 10%, p23: 30%, p14: 0.5%}
  reorder: {share: 1%, by: 30ms}
  duplicate: 0.1%
  queue: {limit: 64kB, discipline: codel, target: 15ms, interval: 150ms}
  outages:
    - {at: 20s, for: 5s}
    - {at: 1m, for: 500ms, every: 10s, drop: true}
  cross:
    - {kind: cbr, rate: 500k, size: 1000B, start: 5s, stop: 1m}
    - {kind: tcp, count: 10, rtt: 80ms, transfer: 30kB-50kB, idle: 10s}
up:
  rate: 300k
  loss: {model: gilbert-elliott, p: 1%, r: 30%, bad: 80%, good: 0.1%}
  queue: 300ms
"""

ALL_OF_IT = LinkDescription(
    about="all there is",
    down=Direction(
        capacity=Steps(((0.0, 2e6), (40.0, 300e3))),
        delay=0.04,
        jitter=Jitter(0.005, Distribution.UNIFORM, reorder=True),
        loss=FourStateLoss(p13=0.01, p31=0.5, p32=0.1, p23=0.3, p14=0.005),
        reordering=Reordering(0.01, 0.03),
        duplicates=0.001,
        queue=Queue(None, 64_000, True, 0.015, 0.15),
        outages=(Outage(20.0, 5.0), Outage(60.0, 0.5, 10.0, True)),
        cross_traffic=(
            ConstantTraffic(500e3, 1000, 5.0, 60.0),
            TcpTraffic(10, 0.08, transfer=(30_000, 50_000), idle=10.0),
        ),
    ),
    up=Direction(
        capacity=Steps(((0.0, 300e3),)),
        delay=0.04,
        loss=GilbertElliottLoss(0.01, 0.3, 0.8, 0.001),
        queue=Queue(0.3),
    ),
)


def written(folder: Path, text: str, name: str = "link.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def complaint(folder: Path, text: str, name: str = "link.yaml") -> str:
    """What is said of a file, without its folder."""
    with pytest.raises(InputError) as caught:
        read_link(written(folder, text, name))
    return str(caught.value).replace(f"{folder}/", "")


def test_a_file_may_say_everything(tmp_path: Path) -> None:
    assert read_link(written(tmp_path, EVERYTHING)) == ALL_OF_IT


def test_toml_says_the_same(tmp_path: Path) -> None:
    text = """
about = "all there is"
[both]
delay = "40ms"
[down]
rate = {0s = "2M", 40s = "300k"}
jitter = {spread = "5ms", distribution = "uniform", reorder = true}
loss = {model = "four-state", p13 = "1%", p31 = "50%", p32 = "10%", p23 = "30%", p14 = "0.5%"}
reorder = {share = "1%", by = "30ms"}
duplicate = "0.1%"
queue = {limit = "64kB", discipline = "codel", target = "15ms", interval = "150ms"}
[[down.outages]]
at = "20s"
for = "5s"
[[down.outages]]
at = "1m"
for = "500ms"
every = "10s"
drop = true
[[down.cross]]
kind = "cbr"
rate = 500000
size = "1000B"
start = "5s"
stop = "1m"
[[down.cross]]
kind = "tcp"
count = 10
rtt = "80ms"
transfer = "30kB-50kB"
idle = "10s"
[up]
rate = "300k"
loss = {model = "gilbert-elliott", p = "1%", r = "30%", bad = "80%", good = "0.1%"}
queue = "300ms"
"""
    assert read_link(written(tmp_path, text, "link.toml")) == ALL_OF_IT


def test_options_say_it_in_one_line() -> None:
    link = read_link(
        down="rate=2M/40s:300k,delay=40ms,loss=3%,queue=64kB,outages=20s+5s/60s+1s,cross=cbr:500k/tcp:2",
        up="jitter.spread=10ms,jitter.reorder=true,loss=3%x4,duplicate=1%,reorder=2%",
    )
    assert link.down == Direction(
        capacity=Steps(((0.0, 2e6), (40.0, 300e3))),
        delay=0.04,
        loss=IndependentLoss(0.03),
        queue=Queue(None, 64_000),
        outages=(Outage(20.0, 5.0), Outage(60.0, 1.0)),
        cross_traffic=(ConstantTraffic(500e3), TcpTraffic(2)),
    )
    assert link.up.jitter == Jitter(0.01, reorder=True)
    assert isinstance(link.up.loss, GilbertElliottLoss)
    assert mean_loss(link.up.loss) == pytest.approx(0.03)
    assert 1 / link.up.loss.r == pytest.approx(4)


def test_options_change_keys_of_a_file(tmp_path: Path) -> None:
    written(tmp_path, "time_s,bit/s\n0,1000\n1,2000\n", "trace.csv")
    file = written(tmp_path, "both: {delay: 40ms, trace: trace.csv}\n")
    link = read_link(file, down="rate=300k")
    assert link.down == Direction(capacity=Steps(((0.0, 300e3),)), delay=0.04)
    assert link.up == Direction(capacity=RateTrace(((0.0, 1000.0), (1.0, 2000.0)), 2.0), delay=0.04)


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)
def test_the_links_that_come_with_the_product_can_be_read(path: Path) -> None:
    assert read_link(path).about


def test_there_are_links_that_come_with_the_product() -> None:
    assert len(PRESETS) >= 8


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("down:\n  rate: 300k\n  dealy: 40ms\n", "link.yaml:3: there is no 'down.dealy' here (did you mean 'delay'?)"),
        ("dwon: {}\n", "link.yaml:1: there is no 'dwon' here (did you mean 'down'?)"),
        ("down:\n  rate: 300 kilo\n", "link.yaml:2: down.rate = '300 kilo': expected a rate such as \"300k\""),
        ("down:\n  delay: 40\n", "link.yaml:2: down.delay = '40': expected a duration such as \"40ms\""),
        ("down:\n  loss: 3\n", "link.yaml:2: down.loss = '3': expected a share such as \"3%\""),
        ("down:\n  loss: 0.5%x0.5\n", "link.yaml:2: down.loss = '0.5%x0.5': expected a share"),
        ("down:\n  delay: [1ms]\n", "link.yaml:2: down.delay = a list: expected a duration"),
        ("down: 3\n", "link.yaml:1: down = '3': expected a mapping of rate, "),
        ("down:\n  loss:\n    model: gilber\n", "link.yaml:3: down.loss.model = 'gilber': expected one of independent"),
        ("down:\n  loss: {model: gilbert-elliott, p: 1%}\n", "link.yaml:2: down.loss = a mapping: expected p, r"),
        ("down:\n  loss: {model: gilbert, share: 50%, burst: 0}\n", "expected bursts of one packet or more"),
        ("down:\n  loss: {model: gilbert-elliott, p: 1%, r: 0%}\n", "expected r above 0%"),
        ("down:\n  loss: {model: four-state, p13: 60%, p14: 50%}\n", "expected p13 + p14"),
        ("down:\n  rate: {1s: 300k}\n", "link.yaml:2: down.rate = a mapping: expected a first step at 0s"),
        ("down:\n  rate:\n    0s: 300k\n    9s: 1M\n    5s: 2M\n", "link.yaml:5: down.rate.5s = '2M': expected times"),
        ("down:\n  rate: 0\n", "expected a line that carries something"),
        ("down:\n  rate: 300\n", "down.rate = '300': expected 1 kbit/s at least"),
        ("down:\n  rate: 2M/40s:300\n", "expected 1 kbit/s at least"),
        ("down:\n  queue: full\n", "link.yaml:2: down.queue = 'full': expected a duration such as \"40ms\""),
        ("down:\n  queue: {target: 5ms}\n", "expected discipline: codel"),
        ("down:\n  outages: [{at: 3s}]\n", "link.yaml:2: down.outages[0] = a mapping: expected at and for"),
        (
            "down:\n  outages:\n    - at: 3s\n      for: 5s\n      evry: 9s\n",
            "link.yaml:5: there is no 'down.outages[0]",
        ),
        ("down:\n  cross: [{kind: cbr}]\n", "expected rate besides the kind"),
        ("down:\n  cross: udp\n", 'expected "cbr:RATE" or "tcp:COUNT"'),
        ("down:\n  trace: nowhere.csv\n", "nowhere.csv: there is no such file: expected a trace"),
        ("down:\n  rate: 1M\n  trace: a.csv\n", "link.yaml:3: a line has a rate or a trace"),
        ("down:\n  rate: 1M\n  rate: 2M\n", "link.yaml:3: down.rate is given twice"),
        ("down: {rate: 1M\nup: 3\n", "link.yaml:2: this is not YAML"),
        ("a: &a [*a]\n", "without end through aliases"),
        ("", "link.yaml: the file is empty"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    assert said in complaint(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[down]\nrate = "300k"\n\nlos = "3%"\n', "link.toml:4: there is no 'down.los' here (did you mean 'loss'?)"),
        ("[down]\nrate = 300k\n", "link.toml:2: this is not TOML"),
        ('[[down.outages]]\nat = "3s"\nfor = "5"\n', "link.toml:3: down.outages[0].for = '5': expected a duration"),
    ],
)
def test_toml_has_lines_too(tmp_path: Path, text: str, said: str) -> None:
    assert said in complaint(tmp_path, text, "link.toml")


def test_a_missing_file_is_told_with_the_nearest_there_is(tmp_path: Path) -> None:
    written(tmp_path, "down: {}\n", "300kbit-clean.yaml")
    with pytest.raises(InputError, match="did you mean '300kbit-clean"):
        read_link(tmp_path / "300kbit-claen.yaml")


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("rate", "--down: 'rate': expected KEY=VALUE"),
        ("rat=3k", "--down: there is no 'rat' here (did you mean 'rate'?)"),
        ("loss=3%,loss=4%", "--down: loss is given twice"),
        ("loss=3%,loss.p=1%", "--down: loss is given as a value and in parts"),
    ],
)
def test_options_that_are_wrong_are_named(option: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        read_link(down=option)
    assert said in str(caught.value)


def trace_of(folder: Path, text: str, name: str = "trace.csv") -> RateTrace | OpportunityTrace:
    written(folder, text, name)
    capacity = read_link(written(folder, f"down: {{trace: {name}}}\n")).down.capacity
    assert not isinstance(capacity, Steps)
    return capacity


def trace_complaint(folder: Path, text: str, name: str = "trace.csv") -> str:
    with pytest.raises(InputError) as caught:
        trace_of(folder, text, name)
    return str(caught.value).replace(f"{folder}/", "")


def test_a_trace_begins_at_its_first_row_and_its_last_lasts_as_long_as_the_one_before(tmp_path: Path) -> None:
    trace = trace_of(tmp_path, "# a bus\n10,1000\n11,2000\n\n13,0\n")
    assert trace == RateTrace(((0.0, 1000.0), (1.0, 2000.0), (3.0, 0.0)), 5.0)


def test_a_trace_that_a_spreadsheet_wrote_is_read(tmp_path: Path) -> None:
    trace = trace_of(tmp_path, "\ufefftime_s,bit/s\r\n0,1000\r\n1,2000\r\n")
    assert trace == RateTrace(((0.0, 1000.0), (1.0, 2000.0)), 2.0)


def test_the_published_form_of_3g_traces_is_read(tmp_path: Path) -> None:
    trace = trace_of(tmp_path, "# source\nstart_ms,duration_ms,kbps\n906,1010,953\n1916,1020,0\n")
    assert isinstance(trace, RateTrace)
    assert [time for time, _ in trace.rates] == pytest.approx([0.0, 1.01])
    assert [rate for _, rate in trace.rates] == pytest.approx([953e3, 0.0])
    assert trace.duration == pytest.approx(2.03)


def test_the_form_of_mahimahi_is_read(tmp_path: Path) -> None:
    assert trace_of(tmp_path, "1\n1\n5\n12\n", "att.up") == OpportunityTrace((0.001, 0.001, 0.005, 0.012), 0.012)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0,1000\n1,\n2,1000\n", "trace.csv:2: a hole: a value is missing, expected time_s,bit/s (write 0"),
        ("0,1000\n1,nan\n", "trace.csv:2: a hole"),
        ("0,1000\n2,5\n1,5\n", "trace.csv:3: time 1 s does not follow 2 s"),
        ("0,1000\n1,fast\n", "trace.csv:2: 'fast': expected a number from 0"),
        ("0,1000\n1,-5\n", "trace.csv:2: '-5': expected a number from 0"),
        ("0,1000\n1,5,6\n", "trace.csv:2: '1,5,6': expected time_s,bit/s"),
        ("when,how much\n0,1\n", "trace.csv:1: header 'when,how much': expected time_s,bit/s or start_ms"),
        ("0,1000\n", "trace.csv: a trace needs two rows or more"),
        ("0,0\n1,0\n", "trace.csv: every rate is 0"),
        (
            "".join(f"{i},1000\n" for i in [*range(20), *range(28, 40)]),
            "trace.csv:21: a hole of 8 s before this row: expected one at 20 s",
        ),
        (
            "start_ms,duration_ms,kbps\n0,1000,300\n1000,1000,300\n5000,1000,300\n",
            "trace.csv:4: a hole of 3 s before this row: expected one at 2 s",
        ),
    ],
)
def test_a_trace_with_holes_is_refused_with_the_line(tmp_path: Path, text: str, said: str) -> None:
    assert said in trace_complaint(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1\n5\n3\n", "att.up:3: 3 ms comes before the line above"),
        ("1\n\n2.5\n", "att.up:3: '2.5': expected a whole number of milliseconds"),
        ("0,1000\n", "att.up:1: '0,1000': expected a whole number of milliseconds (a table of rates"),
        ("0\n", "att.up: expected a line per 1,500 bytes"),
    ],
)
def test_a_trace_of_opportunities_is_checked_too(tmp_path: Path, text: str, said: str) -> None:
    assert said in trace_complaint(tmp_path, text, "att.up")
