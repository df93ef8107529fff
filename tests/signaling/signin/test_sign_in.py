"""From a link to a call: a whole bridge, with ID-porten and HelseID side by side."""

from __future__ import annotations

import json
import logging
import time

import httpx
import jwt
import pytest
import websockets

from bridge.auth import development_secret, mint
from tests.auth.oidc.counterpart import Person, person
from tests.signaling.signin.house import Browser, House
from tests.support.patience import PATIENCE

pytestmark = pytest.mark.asyncio(loop_scope="module")

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


async def test_a_host_gets_a_link_for_who_has_to_sign_in(house: House) -> None:
    secret = development_secret(house.vendor.data, create=False)
    doctor = mint(
        secret, issuer="dev", audience="bridge", room="inviting", identity="d", role="fastlege",
        issued_at=time.time(), ttl=60,
    )  # fmt: skip
    async with websockets.connect(f"{house.base.replace('http', 'ws')}/v1/signal") as door:
        await door.send(json.dumps({"type": "join", "id": 1, "token": doctor}))
        assert json.loads(await door.recv())["type"] == "joined"
        await door.send(json.dumps({"type": "create_invitation", "id": 2, "role": "pasient"}))
        while (made := json.loads(await door.recv())).get("reply_to") != 2:
            pass
    assert (made["type"], made["level"]) == ("invitation", "high")


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
    offered = ["id-porten"] if role == "pasient" else ["id-porten", "helseid"]
    assert [each["id"] for each in state["providers"]] == offered

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
    figures = (await browser.get("/metrics")).text
    assert f'bridge_sign_ins_total{{outcome="high",provider="{provider}"}}' in figures
    assert 'bridge_tokens_given_total{door="signin",level="high"}' in figures
    assert KARI not in figures
    for number in (KARI, LINE, "431001110", code, answer["token"]):
        assert number not in caplog.text
        assert number not in json.dumps(claims)


async def test_a_level_too_low_is_told_and_stepped_up(house: House, somebody: Person) -> None:
    browser = house.browser()
    await browser.open(await house.vendor.invite(role="pasient", person=KARI))
    assert await sign_in(browser, somebody, "id-porten", "kari", LOWER["id-porten"]) == (
        "/signin?problem=signin_level_too_low"
    )
    assert (await browser.look())["signed_in"] is None
    # The provider still knows her, and is asked to ask again.
    assert await sign_in(browser, somebody, "id-porten", "kari", HIGH["id-porten"]) == "/signin"
    assert (await browser.post("/signin/join")).status_code == 200


async def test_someone_else_does_not_get_in_by_a_persons_link(house: House, somebody: Person) -> None:
    browser = house.browser()
    await browser.open(await house.vendor.invite(role="pasient", person=KARI))
    await sign_in(browser, somebody, "id-porten", "ola", HIGH["id-porten"])
    assert (await browser.look())["invitation"]["missing"] == "invitation_not_yours"
    refusal = await browser.post("/signin/join")
    assert (refusal.status_code, refusal.json()["code"]) == (403, "invitation_not_yours")


async def test_an_answer_counts_only_in_the_browser_that_asked(house: House, somebody: Person) -> None:
    victim, thief = house.browser(), house.browser()
    await thief.open(await house.vendor.invite(role="pasient"))
    start = await thief.get("/signin/id-porten/start")
    callback = await somebody.back_from(start.headers["location"], "kari", HIGH["id-porten"])
    # Login CSRF: the thief's own answer, put under somebody else's mouse.
    await victim.open(await house.vendor.invite(role="pasient"))
    assert (await victim.get(callback)).headers["location"] == "/signin?problem=signin_unknown_state"
    assert (await house.browser().get(callback)).headers["location"] == "/signin?problem=signin_unknown_state"
    # At another provider's address (mix-up), the answer is not taken either, and its state is spent.
    assert (await thief.get(callback.replace("/id-porten/", "/helseid/"))).headers["location"].endswith("unknown_state")
    assert (await thief.get(callback)).headers["location"].endswith("unknown_state")


async def test_an_answer_counts_once(house: House, somebody: Person) -> None:
    browser = house.browser()
    await browser.open(await house.vendor.invite(role="pasient"))
    start = await browser.get("/signin/id-porten/start")
    callback = await somebody.back_from(start.headers["location"], "kari", HIGH["id-porten"])
    before = browser.cookie
    assert (await browser.get(callback)).headers["location"] == "/signin"
    # A cookie that was there before the sign-in may have been planted (session fixation).
    assert browser.cookie != before
    planted = Browser(house.base, cookie=before)
    assert (await planted.look())["signed_in"] is None
    assert (await browser.get(callback)).headers["location"] == "/signin?problem=signin_unknown_state"


async def test_a_link_lets_one_browser_in_and_that_one_again(house: House) -> None:
    code = await house.vendor.invite(role="tolk", name="Tolk", level="none")
    first, second = house.browser(), house.browser()
    await first.open(code)
    await second.open(code)
    assert (await first.post("/signin/join")).json()["level"] == "none"
    refusal = await second.post("/signin/join")
    assert (refusal.status_code, refusal.json()["code"]) == (410, "invitation_used")
    again = await first.post("/signin/join")
    assert again.status_code == 200
    assert await joined(house, again.json()["token"])


async def test_a_guest_answers_a_question_and_has_five_attempts(house: House) -> None:
    invitation = {"role": "parorende", "question": "birth_date", "answer": "1990-12-17"}
    browser = house.browser()
    assert (await browser.open(await house.vendor.invite(**invitation)))["invitation"]["question"] == "birth_date"
    assert (await browser.post("/signin/join")).json()["code"] == "invitation_unanswered"
    assert (await browser.post("/signin/answer", answer="1990-12-18")).json()["hint"] == "Attempts left: 4."
    assert (await browser.post("/signin/answer", answer=" 1990-12-17 ")).status_code == 200
    assert (await browser.post("/signin/join")).status_code == 200

    code = await house.vendor.invite(**invitation)
    guesser = house.browser()
    await guesser.open(code)
    for _ in range(4):
        assert (await guesser.post("/signin/answer", answer="1990-01-01")).json()["code"] == "invitation_wrong_answer"
    assert (await guesser.post("/signin/answer", answer="1990-01-01")).json()["code"] == "invitation_void"
    assert (await guesser.post("/signin/answer", answer="1990-12-17")).json()["code"] == "invitation_not_found"
    assert (await house.browser().post("/signin/invitation", code=code)).json()["code"] == "invitation_not_found"


async def test_signing_out_ends_the_session_here_and_leads_to_the_provider(house: House, somebody: Person) -> None:
    browser = house.browser()
    await browser.open(await house.vendor.invite(role="pasient"))
    await sign_in(browser, somebody, "id-porten", "kari", HIGH["id-porten"])
    cookie = browser.cookie
    answer = await browser.post("/signin/signout")
    assert "/session/end?" in answer.json()["location"]
    assert "id_token" not in answer.json()["location"]
    assert browser.cookie is None
    assert (await Browser(house.base, cookie=cookie).look())["signed_in"] is None


async def test_a_provider_signs_people_out(house: House, somebody: Person) -> None:
    browser = house.browser()
    await browser.open(await house.vendor.invite(role="pasient"))
    await sign_in(browser, somebody, "id-porten", "kari", HIGH["id-porten"])
    party = house.application._signin.providers["id-porten"]
    assert browser.cookie is not None
    session = house.application._signin.sessions.find(browser.cookie)
    assert session is not None
    assert session.signed_in is not None
    sid = session.signed_in.sid
    stranger = house.browser()
    logout = "/signin/id-porten/logout"
    assert (await stranger.get(f"{logout}?iss=https://else.example&sid={sid}")).status_code == 400
    await stranger.get(f"{logout}?iss={party.provider.issuer}&sid=another")
    assert (await browser.look())["signed_in"] is not None
    frame = await stranger.get(f"{logout}?iss={party.provider.issuer}&sid={sid}")
    assert frame.status_code == 200
    assert f"frame-ancestors {party.provider.issuer}" in frame.headers["content-security-policy"]
    assert (await browser.look())["csrf"] is None


async def test_other_sites_change_nothing(house: House) -> None:
    code = await house.vendor.invite(role="tolk")
    browser = house.browser()
    await browser.open(code)
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"X-CSRF-Token": "guessed"},
        {"Content-Type": "text/plain"},
    ):
        forged = Browser(house.base, browser.cookie, browser.csrf, headers)
        for path in ("/signin/join", "/signin/answer", "/signin/signout"):
            refusal = await forged.post(path, answer="x")
            assert (refusal.status_code, refusal.json()["code"]) == (403, "csrf_failed"), (headers, path)
    assert (await browser.post("/signin/join")).status_code == 200


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"role": "pasient", "level": "low"}, "level_below_minimum", "level"),
        ({"role": "nobody"}, "invalid_invitation", "role"),
        ({"role": "tolk", "person": KARI}, "invalid_invitation", "level"),
        ({"role": "tolk", "lifetime": 10**9}, "invalid_request", "lifetime"),
        ({"role": "tolk", "opens_in": 700}, "invalid_invitation", "opens_in"),
        ({"role": "tolk", "question": "birth_date", "answer": "17.12.1990"}, "invalid_invitation", "answer"),
        ({"role": "tolk", "answer": "1990-12-17"}, "invalid_invitation", "answer"),
        ({"role": "tolk", "person": "12"}, "invalid_request", "person"),
        ({"role": "tolk", "lifetime": "long"}, "invalid_request", "lifetime"),
        ({"role": "tolk", "more": 1}, "invalid_request", "more"),
        ({"role": "tolk", "name": "Kari\u202e"}, "invalid_invitation", "name"),
        ({"role": "tolk", "identity": "a\nb"}, "invalid_invitation", "identity"),
        ({"role": "tolk", "room": "../x"}, "invalid_request", "room"),
    ],
)
async def test_an_invitation_that_cannot_be_meant_is_refused(
    house: House, body: dict[str, object], code: str, field: str
) -> None:
    response = await house.vendor.ask(**{"room": "time-1", "lifetime": 600, **body})
    assert response.status_code in (400, 404)
    assert (response.json()["code"], response.json()["field"]) == (code, field)
    assert KARI not in response.text


async def test_only_a_vendors_server_makes_invitations(house: House) -> None:
    person = mint(
        development_secret(house.vendor.data, create=False), issuer="dev", audience="bridge", room="time-1",
        identity="kari", role="pasient", issued_at=time.time(), ttl=60,
    )  # fmt: skip
    now = int(time.time())
    for token, field in (
        (person, "typ"),
        (house.vendor.token(aud="bridge"), "aud"),
        (house.vendor.token(exp=now - 60, iat=now - 120), "exp"),
        (house.vendor.token(iat=now + 120, exp=now + 180), "iat"),
        (house.vendor.token(exp=now + 3600), "exp"),
        (house.vendor.token(iss="urn:bridge:signin:dev"), None),
    ):
        async with httpx.AsyncClient(timeout=PATIENCE) as client:
            headers = {"Authorization": f"Bearer {token}"}
            response = await client.post(f"{house.base}/v1/invitations", json={}, headers=headers)
        assert (response.status_code, response.json().get("field")) == (401, field)


async def test_an_invitation_is_taken_back(house: House) -> None:
    answer = (await house.vendor.ask(room="time-1", role="tolk", lifetime=600)).json()
    headers = {"Authorization": f"Bearer {house.vendor.token()}"}
    async with httpx.AsyncClient(base_url=house.base, headers=headers) as client:
        assert (await client.delete(f"/v1/invitations/{answer['id']}")).status_code == 204
        assert (await client.delete(f"/v1/invitations/{answer['id']}")).status_code == 404
    code = answer["link"].partition("#")[2]
    assert (await house.browser().post("/signin/invitation", code=code)).status_code == 404


async def test_nobody_gets_in_before_the_room_opens(house: House) -> None:
    browser = house.browser()
    await browser.open(await house.vendor.invite(role="tolk", lifetime=3600, opens_in=1800))
    refusal = await browser.post("/signin/join")
    assert (refusal.status_code, refusal.json()["hint"]) == (403, "It opens in 30 minutes.")


async def test_unknown_providers_and_wild_answers_are_refused(house: House) -> None:
    browser = house.browser()
    assert (await browser.get("/signin/nobody/start")).status_code == 404
    for query in ("", "?state=x&code=y", "?error=access_denied", "?state=%ff%00", f"?state={'x' * 5000}"):
        answer = await browser.get(f"/signin/helseid/callback{query}")
        assert answer.headers["location"] == "/signin?problem=signin_unknown_state"


async def test_the_doctor_sees_at_what_level_the_patient_signed_in(house: House) -> None:
    tokens = {}
    for provider, role, who in (("helseid", "fastlege", "line"), ("id-porten", "pasient", "kari")):
        browser = house.browser()
        await browser.open(await house.vendor.invite(room="time-9", role=role))
        async with person() as each:
            await sign_in(browser, each, provider, who, HIGH[provider])
        tokens[role] = (await browser.post("/signin/join")).json()["token"]
    url = f"{house.base.replace('http', 'ws')}/v1/signal"
    async with websockets.connect(url) as doctor, websockets.connect(url) as patient:
        await doctor.send(json.dumps({"type": "join", "id": 1, "token": tokens["fastlege"]}))
        assert json.loads(await doctor.recv())["type"] == "joined"
        await patient.send(json.dumps({"type": "join", "id": 1, "token": tokens["pasient"]}))
        while (notice := json.loads(await doctor.recv()))["type"] != "waiting_joined":
            pass
        assert (notice["participant"]["role"], notice["participant"]["level"]) == ("pasient", "high")
        # Who is removed does not come back by a token that the same sign-in gives anew.
        await doctor.send(json.dumps({"type": "remove", "id": 2, "participant_id": notice["participant"]["id"]}))
        while json.loads(await doctor.recv())["type"] != "waiting_left":
            pass
        assert not await joined(house, (await browser.post("/signin/join")).json()["token"])
