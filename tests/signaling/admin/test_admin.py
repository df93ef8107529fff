"""The operators' door: who gets in, what they see, and draining; by HTTP, at a whole bridge."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from bridge.app import Application
from bridge.audit import AuditReader
from bridge.audit.verify import export
from bridge.room import DEFAULT_ROLES, JoinRequest, RoomError
from bridge.signaling.admin.attempts import BURST
from bridge.storage import SqlitePlace
from bridge.storage.choice import NODE_FILE
from tests.signaling.admin.house import ALL, Browser, House, client, settings_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


def join(house: House, room: str, identity: str, role: str = "fastlege") -> str:
    rule = DEFAULT_ROLES[role]
    request = JoinRequest("dev", room, identity, f"Name of {identity}", role, rule.grants, enters=rule.enters)
    return house.application._rooms.join(request).id


async def refused(response: httpx.Response, status: int, code: str) -> None:
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.headers["cache-control"] == "no-store"


async def test_the_page_stands_in_no_frame_and_runs_no_inline_script(house: House) -> None:
    page = await house.browser().ask("GET", "/admin")
    assert page.status_code == 200
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]
    assert not re.search(r"<script(?![^>]*src=)|\son\w+=|style=|https?://", page.text)


async def test_an_operator_signs_in_looks_and_signs_out(house: House) -> None:
    browser = house.browser()
    await refused(await browser.ask("GET", "/admin/overview"), 403, "operator_signin_required")
    key, text = house.keys.create("Night shift")
    told = (await browser.sign_in(text)).json()
    assert (told["key"], told["label"], told["rights"]) == (key.id, "Night shift", [])
    assert (await browser.ask("GET", "/admin/session")).json() == told
    shown = await browser.look()
    [node] = shown["nodes"]
    assert node["checks"] == {
        "workers": True,
        "accepting": True,
        "all_workers": True,
        "not_draining": True,
        "audit_writable": True,
    }
    assert [worker["index"] for worker in shown["workers"]] == [0]
    cookie = browser.cookie
    assert (await browser.ask("DELETE", "/admin/session")).status_code == 204
    assert browser.cookie is None
    browser.cookie = cookie
    await refused(await browser.ask("GET", "/admin/session"), 403, "operator_signin_required")


@pytest.mark.parametrize("key", ["", "x", "bro_000000000000_" + "a" * 43, "brk_000000000000_" + "a" * 43])
async def test_no_other_key_lets_in(house: House, key: str) -> None:
    browser = house.browser()
    await refused(await browser.sign_in(key), 403, "operator_key_refused")
    assert browser.cookie is None


async def test_a_vendors_key_is_no_operators_key(house: House) -> None:
    from bridge.auth.api_keys import ApiKeys

    _, text = ApiKeys(house.application._settings.data.directory).create("dev", "vendor")
    await refused(await house.browser().sign_in(text), 403, "operator_key_refused")
    _, own = house.keys.create("operator")
    async with client(house.base) as http:
        answer = await http.get("/v1/rooms", headers={"Authorization": f"Bearer {own}"})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"key": 1}', b"{", b"[" * 1000, b"\xff", b'{"key": "\\ud800"}', b'{"key": "' + b"x" * 2000]
)
async def test_what_is_no_key_is_a_clear_error(house: House, body: bytes) -> None:
    async with client(house.base) as http:
        answer = await http.post("/admin/session", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 403, 413)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_whoever_tries_too_often_waits_even_with_a_good_key_and_keeps_nobody_else_out(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.signaling.admin.attempts.PER_SECOND", 0.0)
    browser, key = house.browser(), house.keys.create("hasty")[1]
    for _ in range(BURST):
        await refused(await browser.sign_in("x"), 403, "operator_key_refused")
    answer = await browser.sign_in(key)
    await refused(answer, 429, "rate_limited")
    assert answer.headers["retry-after"]
    assert (await house.browser().sign_in(key)).status_code == 200


async def test_damaged_keys_are_an_incident_that_tells_nothing(house: House) -> None:
    key = house.keys.create("lost")[1]
    path = house.application._settings.data.directory / "operator-keys.json"
    kept = path.read_bytes()
    path.write_bytes(b"damaged")
    try:
        answer = await house.browser().sign_in(key)
    finally:
        path.write_bytes(kept)
    await refused(answer, 500, "internal_error")
    assert "operator-keys" not in answer.text


async def test_a_revoked_key_ends_its_sessions(house: House) -> None:
    browser = house.browser()
    key, text = house.keys.create("gone")
    await browser.sign_in(text)
    await browser.look()
    house.keys.revoke(key.id)
    await refused(await browser.ask("GET", "/admin/overview"), 403, "operator_signin_required")
    await refused(await browser.sign_in(text), 403, "operator_key_refused")


async def test_other_sites_change_nothing(house: House) -> None:
    browser = await house.signed_in("drain")
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Content-Type": "text/plain"},
    ):
        stranger = Browser(house.base, browser.cookie, browser.csrf, headers)
        await refused(await stranger.ask("POST", "/admin/drain", draining=True), 403, "csrf_failed")
        await refused(await stranger.ask("DELETE", "/admin/session"), 403, "csrf_failed")
        await refused(await stranger.ask("POST", "/admin/session", key="x"), 403, "csrf_failed")
    for csrf in (None, "", "another"):
        guess = Browser(house.base, browser.cookie, csrf)
        await refused(await guess.ask("POST", "/admin/drain", draining=True), 403, "csrf_failed")
    assert (await browser.look())["nodes"][0]["draining"] is False
    assert (await browser.ask("POST", "/admin/drain", draining=False)).status_code == 200, "its own page may"


async def test_who_may_only_look_may_not_drain(house: House) -> None:
    browser = await house.signed_in()
    await refused(await browser.ask("POST", "/admin/drain", draining=True), 403, "right_missing")
    await refused(
        await (await house.signed_in("drain")).ask("POST", "/admin/drain", draining="yes"), 400, "bad_request"
    )


async def test_rooms_are_ids_and_counts_and_no_answer_holds_a_name(house: House) -> None:
    browser = await house.signed_in()
    sessions = [join(house, "time-1", "dr-secret"), join(house, "time-1", "kari-secret", "pasient")]
    try:
        shown = await browser.look()
        [row] = shown["rooms"]["shown"]
        counted = {"room": "dev/time-1", "participants": 1, "waiting": 1, "connected": 1, "sources": 0, "legs": 0}
        assert row.items() >= counted.items()
        assert (row["queue"], row["recording"]) == (False, "off")
        assert row["opened_at"] <= shown["now"]
        assert shown["nodes"][0].items() >= {"rooms": 1, "participants": 1, "waiting": 1}.items()
        assert (await browser.look("?find=time-2"))["rooms"] == {"found": 0, "shown": []}
        assert (await browser.look("?find=time-1"))["rooms"]["found"] == 1
        assert {"room_opened"} <= {event["kind"] for event in shown["events"]["new"]}
    finally:
        for each in sessions:
            house.application._rooms.leave(each)
    after = await browser.look()
    for text in (json.dumps(shown), json.dumps(after), house.application._metrics.render()[0].decode()):
        assert "secret" not in text
        assert "Name of" not in text


async def test_the_page_is_told_only_what_it_lacks(house: House) -> None:
    browser = await house.signed_in()
    first = await browser.look()
    again = await browser.look(f"?revision={first['events']['revision']}&sampled=1e12")
    assert again["events"] == {"revision": first["events"]["revision"], "new": []}
    assert again["load"] == []
    for query in ("revision=x", "revision=-1", "sampled=nan", "sampled=inf"):
        await refused(await browser.ask("GET", f"/admin/overview?{query}"), 400, "bad_request")


async def test_draining_is_done_shown_written_down_and_undone(house: House) -> None:
    browser = await house.signed_in("drain")
    doctor = join(house, "running", "doctor")
    assert (await browser.ask("POST", "/admin/drain", draining=True)).json() == {"draining": True}
    try:
        with pytest.raises(RoomError, match="no new calls"):
            join(house, "fresh", "another")
        interpreter = join(house, "running", "interpreter")
        async with client(house.base) as http:
            ready = await http.get("/readyz")
            assert (await http.get("/healthz")).status_code == 200
            assert "bridge_draining 1.0" in (await http.get("/metrics")).text
        assert (ready.status_code, ready.json()["checks"]["not_draining"]) == (503, False)
        assert (await browser.look())["nodes"][0]["draining"] is True
    finally:
        assert (await browser.ask("POST", "/admin/drain", draining=False)).json() == {"draining": False}
    # What holds already leaves no second trace.
    await browser.ask("POST", "/admin/drain", draining=False)
    for session in (doctor, interpreter, join(house, "fresh", "another")):
        house.application._rooms.leave(session)
    async with client(house.base) as http:
        assert (await http.get("/readyz")).status_code == 200
    entries = [
        json.loads(line)
        for line in export(AuditReader(SqlitePlace(house.application._settings.data.directory / NODE_FILE)))
    ]
    acts = [(each["kind"], each["actor"]) for each in entries if each.get("kind", "").startswith("draining")]
    key = (await browser.ask("GET", "/admin/session")).json()["key"]
    assert acts == [("draining_started", f"operator:{key}"), ("draining_ended", f"operator:{key}")]
    assert ("operator_signed_in", f"operator:{key}") in [(each.get("kind"), each.get("actor")) for each in entries]


async def test_it_is_for_the_operators_networks_only(house: House, tmp_path: Path) -> None:
    settings = settings_of(tmp_path / "data", replace(ALL, allowed=("192.0.2.0/24",)))
    other = Application(settings, development=True)
    await other.start()
    try:
        browser = Browser(f"http://127.0.0.1:{other.http_port}")
        for path in ("/admin", "/admin/session", "/admin/overview"):
            await refused(await browser.ask("GET", path), 403, "not_granted")
    finally:
        await other.close()


async def test_it_is_not_there_unless_the_settings_say_so(house: House, tmp_path: Path) -> None:
    application = Application(settings_of(tmp_path / "data", replace(ALL, enabled=False)), development=True)
    assert not [route for route in application._routes() if "/admin" in getattr(route, "path", "")]
