"""From a link to a call: a whole bridge, with ID-porten and HelseID side by side."""

from __future__ import annotations

import json
import logging

import jwt
import pytest
import websockets

from tests.auth.oidc.counterpart import Person
from tests.signaling.signin.house import Browser, House

pytestmark = pytest.mark.xdist_group("openid")

KARI = "17812099901"
LINE = "11905299903"
HIGH = {"id-porten": "idporten-loa-high", "helseid": "4"}
LOWER = {"id-porten": "idporten-loa-substantial", "helseid": "3"}


async def sign_in(browser: Browser, somebody: Person, provider: str, who: str, level: str) -> str:
    """Signs in; returns where the bridge sends the browser afterwards."""
    start = await browser.get(f"/signin/{provider}/start")
    assert start.status_code == 303, start.text
    callback = await somebody.back_from(start.headers["location"], who, level)
    back = await browser.get(callback)
    assert back.status_code == 303
    await browser.look()
    return back.headers["location"]


async def joined(house: House, token: str) -> bool:
    async with websockets.connect(f"{house.base.replace('http', 'ws')}/v1/signal") as door:
        await door.send(json.dumps({"type": "join", "id": 1, "token": token}))
        return bool(json.loads(await door.recv())["type"] == "joined")


@pytest.mark.parametrize(
    ("provider", "role", "who", "invitation"),
    [
        ("id-porten", "pasient", "kari", {"person": KARI, "name": "Kari"}),
        ("helseid", "fastlege", "line", {"hpr_number": "431001110"}),
    ],
)
async def test_who_is_invited_signs_in_and_joins(
    house: House, somebody: Person, provider: str, role: str, who: str, invitation: dict[str, str],
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    code = await house.vendor.invite(role=role, **invitation)
    browser = house.browser()
    state = await browser.open(code)
    assert (state["invitation"]["level"], state["invitation"]["missing"]) == ("high", "signin_required")
    assert {each["id"] for each in state["providers"]} == {"id-porten", "helseid"}

    assert await sign_in(browser, somebody, provider, who, HIGH[provider]) == "/signin"
    state = await browser.look()
    assert state["signed_in"]["level"] == "high"
    assert state["invitation"]["missing"] is None

    answer = (await browser.post("/signin/join")).json()
    claims = jwt.decode(answer["token"], options={"verify_signature": False})
    assert (claims["room"], claims["role"], claims["level"]) == ("time-1", role, "high")
    assert claims.get("name") == ("Kari" if provider == "id-porten" else "Line Danser")
    assert answer["location"].startswith("/join#")
    assert await joined(house, answer["token"])
    for number in (KARI, LINE, "431001110", code, answer["token"]):
        assert number not in caplog.text
        assert number not in json.dumps(claims)
