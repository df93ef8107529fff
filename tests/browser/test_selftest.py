"""The self-test in a real Chromium on three lines at once: a good one, a bad one, and one without UDP."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from loadtest.ports import free_port
from tests.browser.browsers import Browser, Driver, Page
from tests.browser.test_page import link
from tests.support.bridge import Bridge
from tests.support.media import BLUE, GREEN, RED, Identity

# Three browsers at once on lines in real time.
pytestmark = [pytest.mark.alone, pytest.mark.asyncio(loop_scope="module")]
ROOT = Path(__file__).parents[2]
ROW = "document.querySelector('.self-test .test-row:last-of-type')"
BAD_LINE = "rate=200k,delay=180ms,loss=10%,queue=300ms"
REWIRE = """(() => {
    const original = RTCPeerConnection.prototype.setRemoteDescription;
    RTCPeerConnection.prototype.setRemoteDescription = function ({ type, sdp }) {
        const moved = sdp.replace(/(a=candidate:\\S+ 1 (udp|tcp) \\d+ \\S+) \\d+/gi, (line, head, protocol) =>
            `${head} ${(PORTS)[protocol.toLowerCase()]}`);
        return original.call(this, { type, sdp: moved });
    };
})()"""


@dataclass(frozen=True)
class Seen:
    level: str
    text: str
    facts: dict[str, str]

    @property
    def loss_up(self) -> float:
        """In per cent."""
        return float(self.facts["Tap opp / ned"].split("%")[0].replace(",", "."))


@contextlib.asynccontextmanager
async def bad_line(bridge: Bridge) -> AsyncIterator[int]:
    """The port of a bad line to the bridge's media, UDP and TCP."""
    host = bridge.media_address.rsplit(":", 1)[0]
    port = free_port(host)
    options = ["--listen", f"{host}:{port}", "--to", bridge.media_address, "--down", BAD_LINE, "--up", BAD_LINE]
    command = [sys.executable, "-m", "loadtest", "emulate", *options]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stderr=asyncio.subprocess.PIPE)
    try:
        assert process.stderr is not None
        assert b"listening" in await process.stderr.readline()
        yield port
    finally:
        process.terminate()
        await process.communicate()


async def begin(browser: Browser, bridge: Bridge, room: str, who: Identity, *, udp: int, tcp: int) -> Page:
    """A patient's page that tests its line; media goes to these ports in place of the bridge's."""
    page = await browser.open(link(bridge, room, who, "pasient"), who)
    await page.wait("document.querySelector('.preview video')?.videoWidth > 0")
    await page.evaluate(f"void {REWIRE.replace('PORTS', f'{{udp: {udp}, tcp: {tcp}}}')}")
    await page.press("Test utstyr og linje")
    return page


async def read(page: Page, shot: Path) -> Seen:
    """What stands there when the test is over."""
    await page.wait(f"['good', 'fair', 'poor', 'none'].includes({ROW}?.dataset.state)")
    await page.evaluate(f"{ROW}.scrollIntoView()")
    await page.screenshot(shot)
    found: Any = await page.evaluate(
        f"""(() => {{
            const row = {ROW};
            const facts = [...row.querySelectorAll('dt')].map((dt) => [dt.textContent, dt.nextSibling.textContent]);
            const spoken = [...row.querySelectorAll('.test-status, li')].map((node) => node.textContent).join(' ');
            return {{ level: row.dataset.state, text: spoken, facts: Object.fromEntries(facts) }};
        }})()"""
    )
    return Seen(**found)


async def test_it_says_what_each_line_is_worth_and_what_to_do(
    bridge: Bridge, room: str, driver: Driver, tmp_path: Path
) -> None:
    chromium = await driver.launch("chromium")
    media, host = bridge.media_port, bridge.media_address.rsplit(":", 1)[0]
    async with bad_line(bridge) as worse:
        lines = {"good": (media, media), "bad": (worse, worse), "without-udp": (free_port(host), media)}
        # Three people: of one the bridge ends the oldest test.
        pages = {
            name: await begin(chromium, bridge, f"{room}-{name}", who, udp=udp, tcp=tcp)
            for who, (name, (udp, tcp)) in zip((GREEN, RED, BLUE), lines.items(), strict=True)
        }
        good, bad, without_udp = await asyncio.gather(
            *(read(page, tmp_path / f"{name}.png") for name, page in pages.items())
        )
    # A busy machine makes any line less than good; but it does not lose what goes over this one.
    assert good.level != "none", good
    assert good.loss_up < 0.5 * bad.loss_up, (good, bad)
    assert good.facts["Veier gjennom nettet"] == "UDP, TCP"
    assert bad.level == "poor", bad
    assert "Linjen er svak." in bad.text
    assert "Gå nærmere ruteren" in bad.text
    assert "Spar data" in bad.text
    assert without_udp.facts["Veier gjennom nettet"] == "TCP"
    assert "Nettet stopper den raske veien (UDP)" in without_udp.text
