"""Five short scenarios, as a user runs them, with real browsers on emulated lines; their report in a real browser.

What is asserted is what the lines make, by the thresholds of the scenarios: not how fast this machine is. Lines and
browsers run in real time, so these tests run alone: beside others, three browsers measure the others.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from loadtest.report.words import threshold_text, value_text
from tests.browser.browsers import Page, running_driver

ROOT = Path(__file__).parents[2]
SCENARIOS = ("300kbit-3pct-short", "drop-and-recover-short", "one-bad-leg-short", "one-size-short", "firefox-short")
NAMESPACES = Path("/run/netns")

pytestmark = [
    pytest.mark.alone,
    # The first test waits for five scenarios in real time.
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        os.geteuid() != 0 or not Path("/dev/net/tun").exists(), reason="lines need root and TUN devices"
    ),
]


@dataclass(frozen=True)
class Played:
    """A run of the command that has ended."""

    folder: Path
    code: int
    said: str
    left_behind: list[str]
    """Namespaces of the run that are still there."""

    @property
    def report(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.folder / "report.json").read_text())
        return document


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    folder = tmp_path_factory.mktemp("scenarios")
    files = [str(ROOT / "configs" / "scenarios" / f"{name}.yaml") for name in SCENARIOS]
    command = [sys.executable, "-m", "loadtest", "run", *files, "--out", str(folder)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        said, _ = process.communicate(timeout=400)
    except BaseException:
        # Asked to, it ends its browsers and takes its networks away.
        process.send_signal(signal.SIGINT)
        process.wait(30)
        raise
    left = [path.name for path in NAMESPACES.glob(f"lt{process.pid}-*")]
    return Played(folder, process.returncode, said, left)


def test_every_threshold_of_the_short_scenarios_holds(played: Played) -> None:
    assert [run["scenario"]["name"] for run in played.report["runs"]] == list(SCENARIOS)
    missed = [
        f"{run['scenario']['name']}: {threshold_text(threshold)}, it was {threshold['value']}"
        for run in played.report["runs"]
        for threshold in run["thresholds"]
        if not threshold["held"]
    ]
    assert not missed, played.said
    assert [run["state"] for run in played.report["runs"]] == ["passed"] * len(SCENARIOS), played.said
    assert played.code == 0
    assert played.left_behind == []


def test_what_was_received_fits_the_line(played: Played) -> None:
    """Nobody gets more than the emulated line carries: the figures are of that line and not of the machine's."""
    patient = played.report["runs"][0]["participants"]["patient"]["figures"]["steady"]
    assert 0 < patient["received"] < 300_000
    assert 0 < patient["down_used"] <= 1.001


def test_ci_gets_a_suite_for_each_run(played: Played) -> None:
    suites = ElementTree.parse(played.folder / "junit.xml").getroot()
    assert [suite.get("name") for suite in suites] == [f"{name} seed=1" for name in SCENARIOS]


async def test_the_report_opens_in_a_browser_and_shows_what_the_document_says(played: Played) -> None:
    async with running_driver() as driver:
        browser = await driver.launch("chromium")
        page = await browser.open_plain((played.folder / "report.html").as_uri())
        noticed = await page.noticed()
        assert noticed["errors"] == []
        assert noticed["console"] == []
        assert noticed["requests"] == [(played.folder / "report.html").as_uri()]
        for index, run in enumerate(played.report["runs"]):
            await expect_figures(page, index, run)
            await expect_plots(page, index, run)
        await page.screenshot(played.folder / "report.png", whole=True)
        assert (played.folder / "report.png").stat().st_size > 50_000


_SECTION = """
(() => {{
  const begin = document.querySelectorAll("h2")[{index}];
  const found = [];
  for (let at = begin.nextElementSibling; at && at.tagName !== "H2"; at = at.nextElementSibling) found.push(at);
  const all = (what) => found.flatMap((part) => [...part.querySelectorAll(what)]);
  {body}
}})()
"""


async def expect_figures(page: Page, index: int, run: dict[str, Any]) -> None:
    """The tables have every figure of the document."""
    body = """
      const text = (cell) => cell.textContent.trim();
      const rows = (table) => [...table.querySelectorAll("tr")].map((row) => [...row.children].map(text));
      const details = found.filter((part) => part.tagName === "DETAILS");
      return details.map((part) => [text(part.querySelector("summary")), rows(part)]);
    """
    shown = {
        window: rows
        for window, rows in await page.evaluate(_SECTION.format(index=index, body=body))
        if window in run["run"]["figures"]
    }
    assert shown.keys() == run["run"]["figures"].keys()
    for window, rows in shown.items():
        columns = {name: part["figures"].get(window, {}) for name, part in run["participants"].items()}
        columns["run"] = run["run"]["figures"][window]
        assert rows[0][1:] == list(columns)
        cells = {
            (name, row[0]): cell for row in rows[1:] for name, cell in zip(rows[0][1:], row[1:], strict=True) if cell
        }
        assert cells == {
            (name, metric): value_text(metric, value)
            for name, figures in columns.items()
            for metric, value in figures.items()
            if value is not None
        }


async def expect_plots(page: Page, index: int, run: dict[str, Any]) -> None:
    """Each course of the document is a curve that can be seen, and its height is what its axis says."""
    body = """
      return all("svg").map((svg) => ({
        wide: svg.getBoundingClientRect().width,
        curves: [...svg.querySelectorAll("polyline")].map((curve) => [
          curve.querySelector("title").textContent,
          [...curve.points].map(({ x, y }) => [x, y]),
        ]),
        axis: [...svg.querySelectorAll("text[text-anchor=end]")].map((label) => [
          Number(label.textContent), Number(label.getAttribute("y")) - 4,
        ]),
      }));
    """
    charts = await page.evaluate(_SECTION.format(index=index, body=body))
    courses = [part["courses"] for part in run["participants"].values()] + [run["run"]["courses"]]
    assert len(charts) == sum(len(part) for part in courses)
    assert all(chart["wide"] > 300 for chart in charts)
    assert all(points for chart in charts for _, points in chart["curves"])
    received = [part["rate_down"]["received"] for part in courses if "rate_down" in part]
    drawn = [(points, chart["axis"]) for chart in charts for name, points in chart["curves"] if name == "received"]
    assert len(drawn) == len(received)
    for curve, (points, axis) in zip(received, drawn, strict=True):
        (low, bottom), (high, top) = axis[0], axis[-1]
        tallest = low + (bottom - min(y for _, y in points)) / (bottom - top) * (high - low)
        assert tallest == pytest.approx(max(value for _, value in curve) / 1000, abs=high * 0.01)
