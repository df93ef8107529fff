"""The self-test: one's own media and nobody else's, without a trace in the room, for a bounded number and time."""

from __future__ import annotations

import httpx

from bridge.signaling.selftest import SelfTestSettings
from tests.signaling.house import House, open_house
from tests.support.bridge import eventually
from tests.support.patience import PATIENCE

OFFER = "0 audio\n1 video"


async def post(house: House, path: str, token: str, offer: str = OFFER) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/sdp"}
    async with httpx.AsyncClient(base_url=house.url, timeout=PATIENCE) as http:
        return await http.post(path, content=offer, headers=headers)


async def begin(house: House, token: str) -> httpx.Response:
    return await post(house, "/v1/selftest", token)


async def test_it_gets_its_own_media_back_and_touches_no_room() -> None:
    async with open_house() as house:
        doctor = await house.joined("doctor")
        await doctor.publish(("0", "audio", "microphone"))
        begun = await begin(house, "room kari patient")
        assert begun.status_code == 201
        echo = await post(house, begun.headers["location"], "room kari patient")
        assert (echo.status_code, echo.headers["content-type"]) == (200, "application/sdp")
        own = house.plane.sessions[begun.headers["location"].rsplit("/", 1)[1]]
        watched = {subscription.producer_id for subscription in own.wanted}
        assert watched == {producer.producer_id for producer in own.producers.values()}
        assert own.room_id.startswith("~selftest/")
        assert house.rooms.room_ids() == ["clinic/room"]
        assert len(house.rooms.participants("clinic/room")) == 1
        async with httpx.AsyncClient(base_url=house.url, timeout=PATIENCE) as http:
            headers = {"Authorization": "Bearer room kari patient"}
            assert "estimate" in (await http.get(begun.headers["location"], headers=headers)).json()
            assert (await http.delete(begun.headers["location"], headers=headers)).status_code == 204
            assert (await http.get(begun.headers["location"], headers=headers)).status_code == 404
        assert own.closed


async def test_it_takes_a_good_token_and_is_ones_own() -> None:
    async with open_house() as house:
        assert (await begin(house, "expired x")).json()["code"] == "token_expired"
        assert (await post(house, "/v1/selftest", "room kari", "garbage")).json()["code"] == "sdp_invalid"
        assert len(house.self_tests.tests) == 0
        begun = await begin(house, "room kari patient")
        stranger = await post(house, begun.headers["location"], "room ola patient")
        assert (stranger.status_code, stranger.json()["code"]) == (404, "not_found")


async def test_their_number_is_bounded_and_a_newer_one_takes_the_place_of_ones_oldest() -> None:
    async with open_house(self_tests=SelfTestSettings(max_tests=3)) as house:
        places = [(await begin(house, "room kari")).headers["location"] for _ in range(3)]
        assert len(house.self_tests.tests) == 2
        assert (await post(house, places[0], "room kari")).status_code == 404
        assert (await post(house, places[2], "room kari")).status_code == 200
        assert (await begin(house, "room ola")).status_code == 201
        full = await begin(house, "room per")
        assert (full.status_code, full.json()["code"]) == (503, "too_many_self_tests")


async def test_its_time_is_bounded() -> None:
    async with open_house(self_tests=SelfTestSettings(duration=0.05)) as house:
        await begin(house, "room kari")
        await eventually(lambda: len(house.self_tests.tests) == 0)
