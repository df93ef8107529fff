"""A person's way from a link to the preview, in Chromium: sign-in at a real provider, or a guest's answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.auth.oidc.counterpart import Counterpart, running_provider
from tests.browser.browsers import Browser, Page
from tests.browser.conftest import make_bridge
from tests.signaling.signin.house import Vendor
from tests.support.bridge import Bridge
from tests.support.media import RED
from tests.support.namespace import Network

pytestmark = pytest.mark.asyncio(loop_scope="module")

SHOTS = Path("test-results/sign-in")
AXE = (Path(__file__).parent / "node_modules/axe-core/axe.min.js").read_text()
VIOLATIONS = """(async () => {
  const found = await axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] })
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
})()"""


@pytest.fixture(scope="module")
def made(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Bridge:
    """A bridge that has not been started."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    return make_bridge(tmp_path_factory.mktemp("bridge"), network.ipv4)


@pytest.fixture(scope="module")
def id_porten(made: Bridge) -> Iterator[Counterpart]:
    """The provider that it is registered at."""
    uris = [f"{made.url}/signin/id-porten/callback", f"{made.url}/admin/signin/work/callback"]
    with running_provider(
        "id-porten", uris[0], redirect_uris=uris, post_logout_redirect_uris=[f"{made.url}/admin"]
    ) as counterpart:
        yield counterpart


@pytest.fixture(scope="module")
def bridge(made: Bridge, id_porten: Counterpart) -> Iterator[Bridge]:
    """The bridge, with sign-in."""
    folder = made.data.parent
    (folder / "bridge.toml").write_text(
        f"""
        [signin]
        public_url = "{made.url}"
        {id_porten.settings("signin.providers", "id-porten", "ID-porten", folder)}
        {id_porten.settings("admin.providers", "work", "arbeidskonto", folder)}
        [[admin.providers.operators]]
        claim = "groups"
        values = ["bridge-drift"]
        rights = ["drain"]
        """
    )
    made.extra = ("--config", str(folder / "bridge.toml"))
    try:
        made.start()
        yield made
    finally:
        made.stop()


async def look(page: Page, name: str) -> None:
    """Keeps a picture of the page, and holds it against WCAG 2.1 AA."""
    await page.evaluate(f"(() => {{ {AXE} }})()")
    await page.screenshot(SHOTS / f"{name}.png")
    assert await page.evaluate(VIOLATIONS) == []


async def invite(bridge: Bridge, **body: object) -> str:
    vendor = Vendor(bridge.url, bridge.data)
    return f"{bridge.url}/signin#{await vendor.invite(**body)}"


async def follow(page: Page, text: str) -> None:
    """Clicks a link."""
    link = f"[...document.links].find((link) => link.textContent === {json.dumps(text)})"
    await page.wait(link)
    await page.evaluate(f"setTimeout(() => {link}.click())")


async def choose(page: Page, person: str, level: str) -> None:
    """Fills in the provider's page."""
    await page.wait("document.querySelector('select[name=person]')")
    await page.evaluate(
        f"""(() => {{
          document.querySelector('[name=person]').value = {json.dumps(person)}
          document.querySelector('[name=level]').value = {json.dumps(level)}
          setTimeout(() => document.querySelector('form button').click())
        }})()"""
    )


async def test_a_patient_signs_in_steps_up_and_gets_to_the_preview(bridge: Bridge, chromium: Browser) -> None:
    page = await chromium.open(await invite(bridge, role="pasient", person="17812099901", name="Kari"), RED)
    await page.wait("document.querySelector('.signin-actions a')")
    assert await page.evaluate("location.hash") == ""
    await look(page, "choose")
    await follow(page, "Logg inn med ID-porten")
    await choose(page, "kari", "idporten-loa-substantial")
    await page.wait("document.querySelector('.signin-problem')")
    await look(page, "level-too-low")
    await follow(page, "Logg inn på nytt med ID-porten")
    await choose(page, "kari", "idporten-loa-high")
    await page.wait("document.querySelector('.preview video')?.videoWidth > 0")
    assert await page.evaluate("document.querySelector('.greeting').textContent.includes('Kari')")


async def test_a_guest_answers_and_gets_to_the_preview(bridge: Bridge, chromium: Browser) -> None:
    link = await invite(bridge, role="parorende", name="Ola", question="birth_date", answer="1990-12-17")
    page = await chromium.open(link, RED)
    await page.wait("document.querySelector('#answer')")
    await look(page, "question")
    for date, sign in (("1990-12-18", ".signin-problem"), ("1990-12-17", ".signin-lead")):
        await page.evaluate(f"document.querySelector('#answer').value = '{date}'")
        await page.press("Fortsett")
        await page.wait(f"document.querySelector('{sign}')")
        await look(page, f"answered-{date}")
    await page.press("Fortsett")
    await page.wait("document.querySelector('.preview video')?.videoWidth > 0")


async def test_a_link_that_is_void_says_so(bridge: Bridge, chromium: Browser) -> None:
    page = await chromium.open(f"{bridge.url}/signin#nonsense", RED)
    await page.wait("document.querySelector('.signin-problem')")
    await look(page, "void")


async def test_an_operator_signs_in_at_a_provider_and_out_of_it(bridge: Bridge, chromium: Browser) -> None:
    page = await chromium.open(f"{bridge.url}/admin", RED)
    await follow(page, "Logg inn med arbeidskonto")
    await choose(page, "ola", "idporten-loa-high")
    await page.wait("document.querySelector('.trouble')?.textContent.includes('ikke adgang')")
    assert await page.evaluate("location.search") == ""
    await look(page, "operator-not-allowed")
    await follow(page, "Logg inn med arbeidskonto")
    # The provider leads out of Ola's account first.
    await choose(page, "kari", "idporten-loa-high")
    await page.wait("document.querySelector('.chart-line')")
    assert await page.evaluate(
        "[...document.querySelectorAll('button')].some((each) => each.textContent === 'Tøm noden')"
    )
    await page.press("Logg ut")
    await page.wait("document.querySelector('button[name=logout]')")
    await page.evaluate("setTimeout(() => document.querySelector('button[name=logout]').click())")
    await page.wait("document.querySelector('#key')")
    await page.evaluate("location.reload()")
    await page.wait("document.querySelector('#key')")
