"""WHIP and WHEP, by HTTP over a real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from bridge.sfu import ConnectionKind, ConnectionState
from bridge.signaling import body
from bridge.signaling.calls import CallSettings
from bridge.signaling.whip import WhipSettings
from bridge.signaling.whip.settings import WhipIceServer
from tests.signaling.house import House, open_house
from tests.support.patience import PATIENCE

SDP = "application/sdp"
FRAGMENT = "application/trickle-ice-sdpfrag"


@asynccontextmanager
async def open_doors(**options: Any) -> AsyncIterator[tuple[House, httpx.AsyncClient]]:
    async with open_house(**options) as house, httpx.AsyncClient(base_url=house.url, timeout=PATIENCE) as http:
        yield house, http


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def post(
    http: httpx.AsyncClient, path: str, token: str, offer: str = "0 audio\n1 video", **headers: str
) -> httpx.Response:
    return await http.post(path, headers={"Content-Type": SDP, **bearer(token), **headers}, content=offer)


def assert_problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["access-control-allow-origin"] == "*"
    problem: dict[str, Any] = response.json()
    assert (problem["status"], problem["code"]) == (status, code)
    return problem


async def test_an_offer_makes_a_resource_and_sources_in_the_room() -> None:
    settings = WhipSettings(ice_servers=(WhipIceServer("turn:turn.example", 'us"er', "secret"),))
    async with open_doors(whip=settings) as (house, http):
        ola = await house.joined("ola")
        made = await post(http, "/whip/room", "room camera-cart")
        assert made.status_code == 201
        assert made.headers["content-type"].startswith(SDP)
        assert made.headers["location"].startswith("/whip/room/")
        assert made.headers["etag"].startswith('"')
        assert made.headers["accept-patch"] == FRAGMENT
        link = (
            '<turn:turn.example>; rel="ice-server"; username="us\\"er"; credential="secret"; credential-type="password"'
        )
        assert made.headers["link"] == link
        exposed = made.headers["access-control-expose-headers"]
        assert all(name in exposed for name in ("Location", "ETag", "Link"))
        assert made.text == "0 audio\n1 video"
        added = [(await ola.expect("source_added"))["source"]["source"] for _ in range(2)]
        assert added == ["microphone", "camera"]


async def test_deleting_the_resource_leaves_the_room() -> None:
    async with open_doors() as (house, http):
        ola = await house.joined("ola")
        location = (await post(http, "/whip/room", "room cart")).headers["location"]
        assert_problem(await http.delete(location), 401, "unauthorized")
        assert_problem(await http.delete(location, headers=bearer("room someone-else")), 403, "not_granted")
        gone = await http.delete(location, headers=bearer("room cart"))
        assert gone.status_code == 200
        assert (await ola.expect("participant_left"))["reason"] == "left"
        assert_problem(await http.delete(location, headers=bearer("room cart")), 404, "session_not_found")
        assert len(house.calls) == 1


async def test_the_token_that_made_a_resource_ends_it_even_when_expired() -> None:
    async with open_doors() as (house, http):
        location = (await post(http, "/whip/room", "room cart")).headers["location"]

        async def refuse(token: str, *, room: str | None = None) -> Any:
            raise AssertionError("the token is known already")

        house.calls.verifier.verify = refuse  # type: ignore[method-assign]
        assert (await http.delete(location, headers=bearer("room cart"))).status_code == 200


async def test_a_patch_trickles_or_restarts() -> None:
    async with open_doors() as (_, http):
        made = await post(http, "/whip/room", "room cart")
        location, etag = made.headers["location"], made.headers["etag"]

        async def patch(fragment: str, **headers: str) -> httpx.Response:
            return await http.patch(
                location, headers={"Content-Type": FRAGMENT, **bearer("room cart"), **headers}, content=fragment
            )

        assert_problem(await patch("a=candidate:1"), 428, "etag_missing")
        assert_problem(await patch("a=candidate:1", **{"If-Match": '"other"'}), 412, "etag_mismatch")
        assert (await patch("a=candidate:1", **{"If-Match": etag})).status_code == 204
        restarted = await patch("a=ice-ufrag:x", **{"If-Match": "*"})
        assert restarted.status_code == 200
        assert restarted.headers["content-type"].startswith(FRAGMENT)
        assert restarted.headers["etag"] != etag
        assert restarted.text == "a=ice-ufrag:new\r\n"
        assert_problem(await patch("a=candidate:1", **{"If-Match": etag}), 412, "etag_mismatch")
        assert (await patch("a=ice-ufrag:x", **{"If-Match": '"*"'})).status_code == 200
        for anything in ("*", '"*"'):
            assert_problem(await patch("a=candidate:1", **{"If-Match": anything}), 400, "sdp_invalid")
        broken = assert_problem(await patch("garbage", **{"If-Match": "*"}), 400, "sdp_invalid")
        assert broken["field"] == "line 1"
        wrong = await http.patch(location, headers={"Content-Type": SDP, **bearer("room cart")}, content="")
        assert_problem(wrong, 415, "unsupported_media_type")
        assert wrong.headers["accept-patch"] == FRAGMENT


async def test_candidates_with_the_ice_password_need_no_token() -> None:
    """As MediaMTX's pages send them."""
    async with open_doors() as (_, http):
        location = (await post(http, "/whip/room", "room cart")).headers["location"]

        async def patch(fragment: str, at: str = location, kind: str = FRAGMENT) -> httpx.Response:
            return await http.patch(at, headers={"Content-Type": kind, "If-Match": "*"}, content=fragment)

        trickled = "a=ice-ufrag:x\r\na=ice-pwd:mine\r\na=candidate:1"
        assert (await patch(trickled)).status_code == 204
        for fragment in ("a=candidate:1", "a=ice-ufrag:x\r\na=ice-pwd:guessed\r\na=candidate:1", "garbage"):
            assert_problem(await patch(fragment), 401, "unauthorized")
        assert_problem(await patch(trickled, kind=SDP), 401, "unauthorized")
        assert_problem(await patch(trickled, at="/whip/room/another"), 401, "unauthorized")


async def test_no_more_than_candidates_is_read_from_who_has_no_token() -> None:
    async with open_doors(whip=WhipSettings(max_candidates_bytes=1000)) as (_, http):
        location = (await post(http, "/whip/room", "room cart")).headers["location"]
        candidates = "a=ice-pwd:mine\r\na=candidate:1\r\n"
        headers = {"Content-Type": FRAGMENT, "If-Match": "*"}

        async def in_chunks() -> AsyncIterator[bytes]:
            for _ in range(20):
                yield candidates.ljust(100).encode()

        assert (await http.patch(location, headers=headers, content=candidates.ljust(1000))).status_code == 204
        for much in (candidates.ljust(1001), in_chunks()):
            assert_problem(await http.patch(location, headers=headers, content=much), 401, "unauthorized")
        restart = "a=ice-ufrag:x\r\n".ljust(1001)
        known = await http.patch(location, headers=headers | bearer("room cart"), content=restart)
        assert known.status_code == 200, "who has the token may send what an offer may have"


@pytest.mark.parametrize("token", [None, "nonsense", "room expired", "elsewhere cart", "room stranger"])
async def test_the_token_is_checked_before_the_body_is_read(token: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The body that is spoken of never comes: whoever waited for it would not answer."""
    monkeypatch.setattr(body, "BODY_TIMEOUT", None)
    async with open_doors() as (house, http):
        location = (await post(http, "/whip/room", "room cart")).headers["location"]
        wrong = {None: 401, "nonsense": 401, "room expired": 401, "elsewhere cart": 403, "room stranger": 403}[token]
        asked = [("PATCH", location, FRAGMENT, wrong)]
        if token != "room stranger":
            asked += [("POST", path, SDP, wrong) for path in ("/whip/room", "/whep/room")]
        for method, path, kind, status in asked:
            reader, writer = await asyncio.open_connection("127.0.0.1", house.server.port)
            head = [f"{method} {path} HTTP/1.1", "Host: x", f"Content-Type: {kind}", "Content-Length: 100000"]
            head += [] if token is None else [f"Authorization: Bearer {token}"]
            writer.write("\r\n".join([*head, "", ""]).encode())
            async with asyncio.timeout(PATIENCE):
                assert (await reader.readuntil(b"\r\n")).startswith(f"HTTP/1.1 {status} ".encode()), method
            writer.close()
            await writer.wait_closed()


async def test_a_byte_order_mark_before_an_offer_is_passed_over() -> None:
    async with open_doors() as (_, http):
        made = await post(http, "/whip/room", "room cart", offer="\ufeff0 audio\n1 video")
        assert (made.status_code, made.text) == (201, "0 audio\n1 video")
        headers = {"Content-Type": FRAGMENT, "If-Match": "*", **bearer("room cart")}
        restarted = await http.patch(made.headers["location"], headers=headers, content="\ufeffa=ice-ufrag:x")
        assert restarted.status_code == 200
        watched = await post(http, "/whep/room", "room player", offer="\ufeff0 audio")
        assert watched.status_code == 201


async def test_a_whep_player_may_patch_without_if_match() -> None:
    """As the library whip-whep 1.2 does."""
    async with open_doors() as (house, http):
        ola = await house.joined("ola")
        await ola.publish(("0", "audio", "microphone"))
        made = await post(http, "/whep/room", "room cart")
        headers = {"Content-Type": FRAGMENT, **bearer("room cart")}
        location = made.headers["location"]
        assert (await http.patch(location, headers=headers, content="a=candidate:1")).status_code == 204
        wrong = await http.patch(location, headers={**headers, "If-Match": '"other"'}, content="a=candidate:1")
        assert_problem(wrong, 412, "etag_mismatch")


@pytest.mark.parametrize(
    ("token", "headers", "offer", "status", "code"),
    [
        ("nonsense", {}, "0 audio", 401, "token_malformed"),
        ("room cart expired", {}, "0 audio", 401, "token_expired"),
        ("other cart", {}, "0 audio", 403, "token_wrong_room"),
        ("room cart subscribe", {}, "0 audio", 403, "not_granted"),
        ("room cart", {"Content-Type": "application/json"}, "0 audio", 415, "unsupported_media_type"),
        ("room cart", {"Content-Encoding": "gzip"}, "0 audio", 415, "unsupported_media_type"),
        ("room cart", {"Accept": "text/html"}, "0 audio", 406, "not_acceptable"),
        ("room cart", {"Accept": "application/sdp;q=0"}, "0 audio", 406, "not_acceptable"),
        ("room cart", {}, "garbage", 400, "sdp_invalid"),
        ("room cart", {}, "0 smell", 422, "no_usable_media"),
        ("room cart", {}, "x" * (256 * 1024 + 1), 413, "body_too_large"),
    ],
)
async def test_a_refused_offer_leaves_nothing_behind(
    token: str, headers: dict[str, str], offer: str, status: int, code: str
) -> None:
    async with open_doors() as (house, http):
        refused = await post(http, "/whip/room", token, offer, **headers)
        problem = assert_problem(refused, status, code)
        assert token not in refused.text
        if status == 401:
            assert refused.headers["www-authenticate"].startswith('Bearer realm="bridge"')
        if code == "sdp_invalid":
            assert problem["field"] == "line 1"
        if status == 415:
            assert refused.headers["accept-post"] == SDP
        assert len(house.calls) == 0
        assert all(media.closed for media in house.plane.sessions.values())
        assert ("refused", "whip", code) in house.observer.counted


@pytest.mark.parametrize("accepts", [("",), ("text/html", "application/sdp"), ("text/html;q=0.9", "*/*;q=0.1")])
async def test_what_is_accepted_may_be_said_in_several_headers(accepts: tuple[str, ...]) -> None:
    async with open_doors() as (_, http):
        headers = [("Content-Type", SDP), *bearer("room cart").items(), *(("Accept", value) for value in accepts)]
        made = await http.post("/whip/room", headers=headers, content="0 audio")
        assert made.status_code == 201, made.text
        tags = [("If-Match", '"another"'), ("If-Match", made.headers["etag"])]
        headers = [("Content-Type", FRAGMENT), *bearer("room cart").items(), *tags]
        assert (await http.patch(made.headers["location"], headers=headers, content="")).status_code == 204


async def test_no_token_is_told_apart_from_a_bad_one() -> None:
    async with open_doors() as (_, http):
        for headers in ({}, {"Authorization": "Basic abc"}, {"Authorization": "Bearer"}):
            refused = await http.post("/whip/room", headers={"Content-Type": SDP, **headers}, content="0 audio")
            assert_problem(refused, 401, "unauthorized")
            assert refused.headers["www-authenticate"] == 'Bearer realm="bridge"'
        in_query = await http.post(
            "/whip/room?access_token=room+cart", headers={"Content-Type": SDP}, content="0 audio"
        )
        assert "URL" in assert_problem(in_query, 401, "unauthorized")["hint"]


async def test_a_full_bridge_says_when_to_come_back() -> None:
    async with open_doors(whip=WhipSettings(max_joins_per_second=1e-9, join_burst=2)) as (house, http):
        for stranger in ("x", "room expired", "other cart"):
            assert (await post(http, "/whip/room", stranger)).status_code in (401, 403)
        house.plane.full = True
        full = await post(http, "/whip/room", "room cart")
        assert_problem(full, 503, "media_overloaded")
        assert full.headers["retry-after"] == "2"
        house.plane.full = False
        assert (await post(http, "/whip/room", "room cart")).status_code == 201
        fast = await post(http, "/whip/room", "room cart")
        assert_problem(fast, 429, "rate_limited")
        assert fast.headers["retry-after"] == "2"


async def test_our_own_fault_is_an_incident() -> None:
    async with open_doors() as (house, http):
        problem = assert_problem(await post(http, "/whip/room", "room cart", "explode"), 500, "internal_error")
        assert "incident" in problem["detail"]
        assert "secret" not in str(problem)
        assert len(house.calls) == 0


async def test_options_tell_what_is_accepted_where() -> None:
    async with open_doors() as (_, http):
        endpoint = await http.options("/whip/room", headers={"Origin": "https://vendor.example"})
        assert endpoint.status_code == 204
        assert endpoint.headers["accept-post"] == SDP
        assert endpoint.headers["allow"] == "POST, OPTIONS"
        assert endpoint.headers["access-control-allow-methods"] == "POST, OPTIONS"
        # Whatever watches a vendor's page puts a header of its own on each request; the star leaves Authorization out.
        allowed = endpoint.headers["access-control-allow-headers"].split(", ")
        assert {"Authorization", "If-Match", "*"} <= set(allowed)
        resource = await http.options("/whep/room/anything")
        assert resource.headers["access-control-allow-methods"] == "PATCH, DELETE, OPTIONS"
        for method, path, allow in (
            ("GET", "/whip/room", "POST, OPTIONS"),
            ("PUT", "/whep/room/x", "PATCH, DELETE, OPTIONS"),
        ):
            refused = await http.request(method, path)
            assert_problem(refused, 405, "method_not_allowed")
            assert refused.headers["allow"] == allow


async def test_only_the_allowed_origins_get_cors_headers() -> None:
    async with open_doors(whip=WhipSettings(allowed_origins=("https://vendor.example",))) as (_, http):
        friend = await http.options("/whip/room", headers={"Origin": "https://vendor.example"})
        assert friend.headers["access-control-allow-origin"] == "https://vendor.example"
        assert friend.headers["vary"] == "Origin"
        stranger = await http.options("/whip/room", headers={"Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in stranger.headers


async def test_whep_takes_the_others_in_order_of_joining_or_the_one_named() -> None:
    async with open_doors() as (house, http):
        assert_problem(await post(http, "/whep/room", "room viewer"), 409, "nothing_to_watch")
        first, second = await house.joined("first"), await house.joined("second")
        later = (await second.publish(("0", "audio", "microphone")))["sources"][0]["id"]
        earlier = (await first.publish(("0", "audio", "microphone"), ("1", "video", "camera")))["sources"]
        seen = await post(http, "/whep/room", "room viewer")
        assert seen.status_code == 201
        first_id, second_id = first.joined["participant_id"], second.joined["participant_id"]
        expected = [f"{first_id}:{own['id']}" for own in earlier] + [f"{second_id}:{later}"]
        assert seen.text.split() == expected
        named = await post(http, f"/whep/room?participant={second_id}", "room viewer-2")
        assert named.text.split() == [f"{second_id}:{later}"]
        unknown = await post(http, "/whep/room?participant=nobody", "room viewer-3")
        assert_problem(unknown, 404, "participant_not_found")
        assert_problem(await post(http, "/whep/room", "room viewer-4 publish_camera"), 403, "not_granted")


async def test_one_identity_may_publish_by_whip_and_watch_by_whep() -> None:
    async with open_doors() as (house, http):
        ola = await house.joined("ola")
        await ola.publish(("0", "audio", "microphone"))
        assert (await post(http, "/whip/room", "room cart")).status_code == 201
        seen = await post(http, "/whep/room", "room cart")
        assert len(seen.text.split()) == 1
        assert len(house.rooms.participants("clinic/room")) == 2
        again = await post(http, "/whip/room", "room cart")
        assert again.status_code == 201
        assert len(house.calls) == 3


async def test_who_never_connects_is_removed() -> None:
    async with open_doors(calls=CallSettings(connect_timeout=0.01)) as (house, http):
        ola = await house.joined("ola")
        await post(http, "/whip/room", "room cart")
        assert (await ola.expect("participant_left"))["reason"] == "media_lost"


async def test_silent_media_shows_as_reconnecting_and_then_ends() -> None:
    async with open_doors(calls=CallSettings(media_grace=1000.0)) as (house, http):
        ola = await house.joined("ola")
        await post(http, "/whip/room", "room cart")
        media = house.plane.newest
        media.connect(ConnectionKind.PUBLISH)
        media.connect(ConnectionKind.PUBLISH, ConnectionState.DISCONNECTED)
        assert (await ola.expect("participant_updated"))["participant"]["state"] == "reconnecting"
        media.connect(ConnectionKind.PUBLISH)
        assert (await ola.expect("participant_updated"))["participant"]["state"] == "connected"
        media.connect(ConnectionKind.PUBLISH, ConnectionState.CLOSED)
        assert (await ola.expect("participant_left"))["reason"] == "left"
        assert ("first_media", "whip") in house.observer.counted
        assert media.closed


async def test_who_stays_silent_is_removed() -> None:
    async with open_doors(calls=CallSettings(media_grace=0.01)) as (house, http):
        ola = await house.joined("ola")
        location = (await post(http, "/whip/room", "room cart")).headers["location"]
        house.plane.newest.connect(ConnectionKind.PUBLISH)
        house.plane.newest.connect(ConnectionKind.PUBLISH, ConnectionState.DISCONNECTED)
        assert (await ola.expect("participant_left"))["reason"] == "media_lost"
        assert_problem(await http.delete(location, headers=bearer("room cart")), 404, "session_not_found")


async def test_only_who_hears_of_encodings_is_taken_to_heed_what_is_said_of_them() -> None:
    async with open_doors() as (house, http):
        ola = await house.joined("ola")
        assert house.media_of(ola).listener.heeds_encodings()
        await post(http, "/whip/room", "room camera-cart")
        assert not house.plane.newest.listener.heeds_encodings()
