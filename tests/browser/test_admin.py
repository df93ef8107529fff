"""An operator's way through `/admin` in Chromium, beside a call that runs: look, drain, and take calls again."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest

from tests.browser.browsers import Driver, Page
from tests.support.bridge import Bridge
from tests.support.media import GREEN, RED

pytestmark = pytest.mark.asyncio(loop_scope="module")

SHOTS = Path("test-results/admin")
AXE = (Path(__file__).parent / "node_modules/axe-core/axe.min.js").read_text()
VIOLATIONS = """(async () => {
  const found = await axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'] })
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
})()"""
WINDOWS = {"desktop": (1280, 900), "phone": (390, 844)}


async def look(page: Page, name: str) -> None:
    """Keeps pictures of the page, on a desk and on a phone, light and dark, and holds them against WCAG 2.1 AA."""
    await page.evaluate(f"(() => {{ {AXE} }})()")
    for window, (width, height) in WINDOWS.items():
        for dark in (False, True):
            await page.emulate(width=width, height=height, dark=dark)
            await page.screenshot(SHOTS / f"{name}-{window}-{'dark' if dark else 'light'}.png", whole=True)
            # Each size and each theme once: axe-core takes its time.
            if dark is (window == "phone"):
                assert await page.evaluate(VIOLATIONS) == [], (name, window, dark)
            wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
            assert not await page.evaluate(wide), (name, window)
    await page.emulate(width=1280, height=900)


FAILING = """(method, path, status, code) => {
  const fetched = window.fetch
  window.looks = 0
  window.mend = () => { window.fetch = fetched }
  window.fetch = async (url, options) => {
    if (String(url).includes('/admin/overview')) window.looks += 1
    if (options?.method !== method || !String(url).includes(path)) return fetched(url, options)
    return new Response(JSON.stringify({ code }), { status, headers: { 'Content-Type': 'application/problem+json' } })
  }
}"""
"""Has the bridge refuse one thing, until `mend`, and counts the page's looks."""


def says(text: str) -> str:
    return f"document.body.textContent.includes({json.dumps(text)})"


@pytest.fixture(autouse=True)
def shots() -> None:
    SHOTS.mkdir(parents=True, exist_ok=True)


async def test_an_operator_sees_a_call_drains_and_takes_calls_again(bridge: Bridge, driver: Driver, room: str) -> None:
    browser = await driver.launch("chromium")
    link = re.search(r"/admin#(\S+)", bridge.log.read_text())
    assert link is not None

    async def joins(identity: str, where: str) -> Page:
        page = await browser.open(
            f"{bridge.url}/join#{bridge.token(where, identity)}", RED if identity == "a" else GREEN
        )
        await page.press("Bli med")
        return page

    callers = await asyncio.gather(joins("a", room), joins("b", room))
    await callers[0].expect(GREEN)
    page = await browser.open(f"{bridge.url}/admin#nonsense", RED)
    await page.press("Logg inn")
    await page.wait(says("Nøkkelen gjelder ikke"))
    await look(page, "sign-in")
    await page.evaluate(f"document.querySelector('#key').value = {json.dumps(link[1])}")
    assert await page.evaluate("location.href") == f"{bridge.url}/admin"
    await page.press("Logg inn")
    row = f"[...document.querySelectorAll('tbody tr')].find((row) => row.textContent.includes({json.dumps(room)}))"
    await page.wait(f"{row}?.children[2].textContent === '2' && {row}.children[4].textContent === '2'")
    # Two samples, so that there is a line to see.
    await page.wait("/L/.test(document.querySelector('.chart-line').getAttribute('d'))")
    await look(page, "running")

    await page.press("Tøm noden")
    await page.wait("document.querySelector('dialog').open")
    assert await page.evaluate(VIOLATIONS) == []
    await page.evaluate(f"({FAILING})('POST', '/admin/drain', 503, 'audit_unavailable')")
    await page.evaluate("document.querySelector('dialog .primary').click()")
    await page.wait(says("Broen får ikke skrevet i revisjonsloggen"))
    await page.evaluate("window.looks = 0")
    # Two looks: the answer to the first has been shown by then, and takes the words away no more.
    await page.wait("window.looks >= 2")
    assert await page.evaluate(f"{says('Broen får ikke skrevet')} && !document.querySelector('.state.draining')")
    await page.evaluate("window.mend()")
    await page.press("Tøm noden")
    assert not await page.evaluate(says("Broen får ikke skrevet"))
    await page.evaluate("document.querySelector('dialog .primary').click()")
    await page.wait("document.querySelector('.state.draining')")
    refused = await joins("c", f"{room}-new")
    await refused.wait(says("Ingen nye samtaler akkurat nå"))
    belongs = await joins("d", room)
    await belongs.wait("document.querySelector('.tile')")
    await page.wait(f"{row}?.children[2].textContent === '3'")
    await look(page, "draining")
    await belongs.close()

    await page.press("Ta imot samtaler igjen")
    await page.wait("document.querySelector('.state.taking')")
    await refused.press("Prøv igjen")
    await refused.press("Bli med")
    await page.wait(says(f"{room}-new"))
    await page.evaluate(f"document.querySelector('#find').value = {json.dumps(room + '-new')}")
    await page.wait("document.querySelectorAll('[aria-label=Rom] tbody tr').length === 1")
    await page.evaluate(f"({FAILING})('DELETE', '/admin/session', 500, 'internal_error')")
    await page.press("Logg ut")
    await page.wait(says("Du er fortsatt logget inn"))
    await page.evaluate("window.mend()")
    await page.press("Logg ut")
    await page.wait("document.querySelector('#key')")
    assert await page.evaluate("document.querySelector('#key').value") == "", "nor what the link held"
    noticed = await page.noticed()
    assert noticed["errors"] == []
    assert [url for url in noticed["requests"] if not url.startswith(bridge.url)] == []
    assert not any(link[1] in url for url in noticed["requests"])
    await callers[0].expect(GREEN)
