"""The developers' page of a development bridge walks through the protocol with an echo."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.browser.browsers import Driver
from tests.support.bridge import Bridge
from tests.support.media import RED

BRIGHTEST = """(() => {
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d");
  context.drawImage(document.querySelector("#echo"), 0, 0, canvas.width, canvas.height);
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  return data.reduce((most, value, index) => (index % 4 === 3 ? most : Math.max(most, value)), 0);
})()"""
"""Of the echo's picture, from 0 to 255."""

WATCH = """(() => {
  window.running = { timers: new Set(), contexts: [] };
  const [start, stop] = [window.setInterval, window.clearInterval];
  window.setInterval = (...how) => { const timer = start(...how); running.timers.add(timer); return timer; };
  window.clearInterval = (timer) => { running.timers.delete(timer); stop(timer); };
  window.AudioContext = class extends AudioContext {
    constructor(...how) { super(...how); running.contexts.push(this); }
  };
})()"""
"""Takes down what the page has running."""
LEFT = "[running.timers.size, ...running.contexts.map(({ state }) => state)]"

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_every_step_is_done_and_what_is_said_is_shown(bridge: Bridge, driver: Driver, tmp_path: Path) -> None:
    browser = await driver.launch("chromium")
    token = bridge.token("sandbox", "developer")
    page = await browser.open(f"{bridge.url}/sandbox#{token}", RED)
    await page.evaluate(WATCH)
    await page.press("Run all steps")
    done = "document.querySelectorAll('[data-state=done]').length === 7"
    await page.wait(f"{done} || !document.querySelector('#trouble').hidden")
    assert await page.evaluate("document.querySelector('#trouble').textContent") == ""
    said = await page.evaluate(
        "[...document.querySelectorAll('#log summary > :last-child')].map((each) => each.textContent)"
    )
    kinds = [line.split()[0] for line in said]
    for kind in (
        "join",
        "joined",
        "publish",
        "published",
        "subscribe_offer",
        "subscribe_answer",
        "stats",
        "resume",
        "leave",
    ):
        assert kind in kinds
    assert await page.evaluate(LEFT) == [0, "closed"]
    assert await page.evaluate("document.querySelector('#echo').videoWidth > 2")
    assert await page.evaluate(BRIGHTEST) > 200, "the white digits stay in sight when all is over"
    assert await page.evaluate(f"!document.body.textContent.includes({json.dumps(token[:40])})")
    noticed = await page.noticed()
    assert noticed["errors"] == []
    assert [line for line in noticed["console"] if line.startswith("error")] == []
    assert [url for url in noticed["requests"] if not url.startswith(bridge.url)] == []
    await page.screenshot(Path(os.environ.get("SANDBOX_PICTURES", tmp_path)) / "sandbox.png", whole=True)
