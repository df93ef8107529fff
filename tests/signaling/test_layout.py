"""What clients say of their pages, and what they are told of their lines."""

from __future__ import annotations

from bridge.sfu import VideoState
from tests.signaling.house import open_house

MICROPHONE = ("0", "audio", "microphone")
CAMERA = ("1", "video", "camera")


async def test_tiles_say_how_large_a_picture_is_of_use() -> None:
    async with open_house() as house:
        ola, kari = await house.joined("ola"), await house.joined("kari")
        microphone, camera = [each["id"] for each in (await ola.publish(MICROPHONE, CAMERA))["sources"]]
        await kari.answer(await kari.expect("subscribe_offer"))
        tiles = [{"source_id": camera, "height": 360}, {"source_id": "999", "height": 10}]
        assert (await kari.request("layout", tiles=tiles))["type"] == "done"
        wanted = {each.track: each for each in house.media_of(kari).wanted}
        assert (wanted[camera].max_height, wanted[camera].paused) == (360, False)
        assert (wanted[microphone].max_height, wanted[microphone].rank) == (None, 0)
        await kari.request("layout", tiles=[{"source_id": camera, "height": 0}])
        assert [each.paused for each in house.media_of(kari).wanted] == [False, True]
        await kari.request("layout", tiles=[], save_data=True, pinned=[ola.joined["participant_id"]])
        wanted = {each.track: each for each in house.media_of(kari).wanted}
        assert (wanted[camera].max_height, wanted[camera].paused, wanted[camera].rank) == (180, False, 4)


async def test_whom_a_host_pins_for_all_goes_first_where_nobody_chose_otherwise() -> None:
    async with open_house() as house:
        doctor, kari, tolk = await house.joined("doctor"), await house.joined("kari"), await house.joined("tolk")
        await tolk.publish(CAMERA)
        await kari.answer(await kari.expect("subscribe_offer"))
        assert (await doctor.request("pin_for_all", participant_id=tolk.joined["participant_id"]))["type"] == "done"
        assert (await kari.expect("room_changed"))["room"]["pinned"] == tolk.joined["participant_id"]
        await kari.request("layout", tiles=[])
        assert [each.rank for each in house.media_of(kari).wanted] == [4]
        await kari.request("layout", tiles=[], pinned=[])
        assert [each.rank for each in house.media_of(kari).wanted] == [0], "each decides for themselves"
        await kari.request("layout", tiles=[])
        await doctor.request("pin_for_all", participant_id=None)
        assert (await kari.expect("room_changed"))["room"]["pinned"] is None
        await kari.request("ping")
        assert [each.rank for each in house.media_of(kari).wanted] == [0]
        guest = await house.client()
        await guest.join("room guest subscribe guest")
        assert (await guest.request("pin_for_all", participant_id=None))["code"] == "not_granted"


async def test_a_source_has_one_tile() -> None:
    async with open_house() as house:
        kari = await house.joined("kari")
        refused = await kari.request("layout", tiles=[{"source_id": "1", "height": 1}, {"source_id": "1", "height": 2}])
        assert (refused["code"], refused["field"]) == ("bad_message", "tiles[1].source_id")


async def test_what_the_line_makes_of_a_video_is_told_when_it_changes() -> None:
    async with open_house() as house:
        ola, kari = await house.joined("ola"), await house.joined("kari")
        camera = (await ola.publish(CAMERA))["sources"][0]["id"]
        await kari.answer(await kari.expect("subscribe_offer"))
        (producer,) = house.media_of(kari).wanted
        listener = house.media_of(kari).listener
        for state in (VideoState.VIDEO, VideoState.STILLS, VideoState.STILLS, VideoState.PAUSED, VideoState.VIDEO):
            listener.on_video_state(producer.producer_id, state)
        told = [await kari.expect("video_state") for _ in range(3)]
        assert [(each["source_id"], each["state"]) for each in told] == [
            (camera, "stills"),
            (camera, "paused"),
            (camera, "full"),
        ]


async def test_interpreters_are_heard_however_many_are_louder() -> None:
    async with open_house() as house:
        ola = await house.joined("ola")
        await ola.publish(MICROPHONE)
        tolk = await house.client()
        await tolk.join("room tolk publish_microphone,subscribe tolk")
        await tolk.publish(MICROPHONE)
        (producer,) = house.media_of(tolk).producers.values()
        await ola.expect("subscribe_offer")
        assert list(house.plane.always.values()) == [[producer.producer_id]]
