"""Operators sign in at OpenID providers: a whole bridge beside two of them, which nobody here wrote."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import pytest_asyncio

from bridge.app import Application
from bridge.audit import AuditReader
from bridge.audit.verify import export
from bridge.auth.oidc import SignedIn
from bridge.auth.operator_keys import OperatorKeys
from bridge.auth.operators import Operator, OperatorProvider
from bridge.configuration import SettingsError
from bridge.settings import load_settings
from bridge.storage import SqlitePlace
from bridge.storage.choice import NODE_FILE
from loadtest.ports import free_port
from tests.auth.oidc.counterpart import Counterpart, Person, person, running_provider
from tests.signaling.admin.house import Browser, House
from tests.signaling.admin.test_admin import refused
from tests.support.bridge import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

HIGH, LOWER = "idporten-loa-high", "idporten-loa-substantial"
SETTINGS = """
[http]
listen = "127.0.0.1:{port}"
trusted_proxies = ["127.0.0.1"]
[media]
listen = ["127.0.0.1:0"]
[data]
directory = "data"
[signin]
public_url = "http://127.0.0.1:{port}"
[admin]
enabled = true
"""
OIDC = """
[[admin.providers]]
id = "work"
kind = "oidc"
title = "Work account"
issuer = "{issuer}"
client_id = "bridge"
key_file = "work.pem"
key_id = "bridge-1"
levels = {{ idporten-loa-high = "high", idporten-loa-substantial = "substantial" }}
[[admin.providers.operators]]
claim = "groups"
values = ["bridge-look"]
[[admin.providers.operators]]
claim = "groups"
values = ["bridge-drift", "bridge-owners"]
rights = ["drain"]
"""
HELSEID = """
[[admin.providers]]
id = "helseid"
kind = "helseid"
title = "HelseID"
issuer = "{issuer}"
client_id = "bridge"
key_file = "helseid.pem"
key_id = "bridge-1"
[[admin.providers.operators]]
claim = "helseid://claims/hpr/hpr_number"
values = ["431001110"]
"""


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def work(port: int) -> Iterator[Counterpart]:
    base = f"http://127.0.0.1:{port}/admin"
    with running_provider("oidc", f"{base}/signin/work/callback", post_logout_redirect_uris=[base]) as counterpart:
        yield counterpart


@pytest.fixture(scope="module")
def helseid(port: int) -> Iterator[Counterpart]:
    with running_provider("helseid", f"http://127.0.0.1:{port}/admin/signin/helseid/callback") as counterpart:
        yield counterpart


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(
    tmp_path_factory: pytest.TempPathFactory, port: int, work: Counterpart, helseid: Counterpart
) -> AsyncIterator[House]:
    folder = tmp_path_factory.mktemp("operators")
    for name, each in (("work", work), ("helseid", helseid)):
        (folder / f"{name}.pem").write_bytes(each.key.key.as_pem(private=True))
    text = SETTINGS.format(port=port) + OIDC.format(issuer=work.issuer) + HELSEID.format(issuer=helseid.issuer)
    (folder / "bridge.toml").write_text(text)
    settings = load_settings(folder / "bridge.toml", environment={})
    application = Application(settings, development=True)
    await application.start()
    yield House(application, OperatorKeys(settings.data.directory))
    await application.close()


@pytest_asyncio.fixture(loop_scope="module")
async def somebody() -> AsyncIterator[Person]:
    async with person() as each:
        yield each


async def sign_in(browser: Browser, somebody: Person, who: str, level: str, provider: str = "work") -> str:
    """Signs in; where the bridge sends the browser afterwards."""
    start = await browser.ask("GET", f"/admin/signin/{provider}")
    assert start.status_code == 303, start.text
    callback = await somebody.back_from(start.headers["location"], who, level)
    back = await browser.ask("GET", callback)
    assert back.status_code == 303, back.text
    return str(back.headers["location"])


async def known(browser: Browser) -> dict[str, object]:
    told: dict[str, object] = (await browser.ask("GET", "/admin/session")).json()
    browser.csrf = str(told["csrf"])
    return told


def entries(house: House) -> list[dict[str, object]]:
    reader = AuditReader(SqlitePlace(house.application._settings.data.directory / NODE_FILE))
    try:
        return [line for line in map(json.loads, export(reader)) if str(line.get("kind", "")).startswith("operator_")]
    finally:
        reader.close()


async def test_an_operator_signs_in_with_the_rights_that_a_claim_gives_and_signs_out_everywhere(
    house: House, somebody: Person, work: Counterpart
) -> None:
    browser = house.browser()
    offered = (await browser.ask("GET", "/admin/providers")).json()
    assert offered == {"providers": [{"id": "work", "title": "Work account"}, {"id": "helseid", "title": "HelseID"}]}
    assert await sign_in(browser, somebody, "kari", HIGH) == "/admin"
    assert browser.pending is None
    told = await known(browser)
    assert (told["provider"], told["key"], told["rights"]) == ("work", None, ["drain"])
    await browser.look()
    guess = Browser(house.base, browser.cookie, csrf="another")
    await refused(await guess.ask("POST", "/admin/drain", draining=True), 403, "csrf_failed")
    assert (await browser.ask("POST", "/admin/drain", draining=False)).status_code == 200
    cookie = browser.cookie
    out = await browser.ask("DELETE", "/admin/session")
    assert out.status_code == 200
    assert out.json()["location"].startswith(work.issuer)
    assert parse_qs(urlsplit(out.json()["location"]).query)["post_logout_redirect_uri"] == [f"{house.base}/admin"]
    assert browser.cookie is None
    browser.cookie = cookie
    await refused(await browser.ask("GET", "/admin/overview"), 403, "operator_signin_required")
    signed = [each for each in entries(house) if each["kind"] == "operator_signed_in"][-1]
    assert signed["details"] == {"provider": "work", "level": "high"}
    assert re.fullmatch("operator:work:[A-Za-z0-9_-]{43}", str(signed["actor"]))
    # A pseudonym may hold any four letters by chance.
    without = [{**each, "actor": str(each["actor"]).replace(str(signed["actor"]), "")} for each in entries(house)]
    assert "kari" not in json.dumps(without).lower()


async def test_a_right_that_no_claim_gives_is_missing(house: House, somebody: Person) -> None:
    browser = house.browser()
    assert await sign_in(browser, somebody, "line", HIGH) == "/admin"
    assert (await known(browser))["rights"] == []
    await browser.look()
    await refused(await browser.ask("POST", "/admin/drain", draining=True), 403, "right_missing")


async def test_providers_stand_side_by_side_and_keys_go_on_to_work(house: House, somebody: Person) -> None:
    browser = house.browser()
    assert await sign_in(browser, somebody, "line", "4", "helseid") == "/admin"
    assert (await known(browser))["label"] == "Line Danser"
    assert (await (await house.signed_in()).look())["nodes"]


async def test_who_has_no_such_claim_stays_outside(house: House, somebody: Person) -> None:
    browser = house.browser()
    assert await sign_in(browser, somebody, "ola", HIGH) == "/admin?problem=operator_not_allowed"
    assert browser.cookie is None
    await refused(await browser.ask("GET", "/admin/session"), 403, "operator_signin_required")
    noted = {"provider": "work", "code": "operator_not_allowed"}
    await eventually(lambda: noted in [each["details"] for each in entries(house)])
    # The provider is asked to ask anew: without, it would say the same for as long as it knows her.
    again = await browser.ask("GET", "/admin/signin/work")
    assert parse_qs(urlsplit(again.headers["location"]).query)["prompt"] == ["login"]


async def test_a_level_too_low_is_stepped_up(house: House, somebody: Person) -> None:
    browser = house.browser()
    assert await sign_in(browser, somebody, "kari", LOWER) == "/admin?problem=signin_level_too_low"
    assert browser.cookie is None
    assert await sign_in(browser, somebody, "kari", HIGH) == "/admin"
    other = house.browser()
    assert await sign_in(other, somebody, "line", "3", "helseid") == "/admin?problem=signin_level_too_low"


async def test_a_session_ends_with_the_providers_own(
    house: House, somebody: Person, work: Counterpart, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[SignedIn] = []
    asked = OperatorProvider.operator

    def overhears(provider: OperatorProvider, who: SignedIn) -> Operator:
        seen.append(who)
        return asked(provider, who)

    monkeypatch.setattr(OperatorProvider, "operator", overhears)
    browser, frame = house.browser(), house.browser()
    await sign_in(browser, somebody, "kari", HIGH)
    await browser.look()
    logout = f"/admin/signin/work/logout?sid={seen[0].sid}&iss="
    assert (await frame.ask("GET", f"{logout}https://evil.example")).status_code == 400
    await browser.look()
    shown = await frame.ask("GET", logout + quote(work.issuer))
    assert shown.status_code == 200
    assert f"frame-ancestors {work.issuer}" in shown.headers["content-security-policy"]
    await refused(await browser.ask("GET", "/admin/overview"), 403, "operator_signin_required")


async def test_an_answer_that_belongs_to_no_sign_in_here_is_refused(house: House, somebody: Person) -> None:
    browser, stranger = house.browser(), house.browser()
    start = await browser.ask("GET", "/admin/signin/work")
    callback = await somebody.back_from(start.headers["location"], "kari", HIGH)
    unknown = "/admin?problem=signin_unknown_state"
    assert (await stranger.ask("GET", callback)).headers["location"] == unknown
    mixed_up = callback.replace("/work/", "/helseid/")
    assert (await browser.ask("GET", mixed_up)).headers["location"] == unknown
    assert (await browser.ask("GET", callback)).headers["location"] == unknown, "it was used up"
    assert await sign_in(browser, somebody, "kari", HIGH) == "/admin"
    cancelled = await browser.ask("GET", "/admin/signin/work")
    state = parse_qs(urlsplit(cancelled.headers["location"]).query)["state"][0]
    back = await browser.ask("GET", f"/admin/signin/work/callback?state={state}&error=access_denied&iss=nobody")
    assert back.headers["location"] == "/admin?problem=signin_issuer_mismatch"
    nowhere = await browser.ask("GET", "/admin/signin/nowhere")
    assert nowhere.headers["location"] == "/admin?problem=signin_unknown_provider"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (("public_url =", "# public_url ="), "signin.public_url"),
        (('id = "helseid"', 'id = "work"'), "admin.providers[1].id"),
        (('values = ["bridge-look"]', "values = []"), "admin.providers[0].operators[0].values"),
        (('rights = ["drain"]', 'rights = ["everything"]'), "admin.providers[0].operators[1].rights"),
        (('idporten-loa-high = "high"', 'idporten-loa-high = "low"'), "admin.providers[0].level"),
        (("levels = {", "scopes = []  # {"), "admin.providers[0].levels"),
        (('title = "HelseID"', 'title = "HelseID"\nlevels = { a = "high" }'), "admin.providers[1].levels"),
        (('key_file = "helseid.pem"', 'secret_env = "SECRET"'), "admin.providers[1].key_file"),
        (('[[admin.providers.operators]]\nclaim = "helseid', '[[admin.nothing]]\nclaim = "helseid'), "admin.nothing"),
        ((HELSEID[HELSEID.index("[[admin.providers.operators") :], ""), "admin.providers[1].operators"),
        (('claim = "groups"\n', ""), "admin.providers[0].operators[0].claim"),
    ],
)
async def test_settings_that_do_not_hold_together_are_refused_at_start(
    tmp_path: Path, change: tuple[str, str], field: str
) -> None:
    issuer = "https://op.example"
    text = SETTINGS.format(port=1) + OIDC.format(issuer=issuer) + HELSEID.format(issuer=issuer)
    assert change[0] in text
    (tmp_path / "bridge.toml").write_text(text.replace(*change, 1))
    with pytest.raises(SettingsError) as refusal:
        load_settings(tmp_path / "bridge.toml", environment={})
    assert str(refusal.value.field).startswith(field)
