"""Everyone in one picture: what clients ask for, what roles say, and what is said of the roster."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.room import MediaKind, Participant, Source, SourceName
from bridge.sfu import ComposedLayout, Party, SubscribeOffer, View, ViewState
from bridge.signaling.calls.parties import parties
from bridge.signaling.calls.source_table import CarriedSource, SourceTable
from tests.signaling.house import open_house
from tests.signaling.test_whip import assert_problem, open_doors, post

MICROPHONE = ("0", "audio", "microphone")
CAMERA = ("1", "video", "camera")


async def test_a_client_says_how_it_wants_the_pictures_and_takes_it_back() -> None:
    async with open_house() as house:
        kari = await house.joined("kari")
        media = house.media_of(kari)
        assert media.view is View.SEPARATE
        for asked, got in (("composed", View.COMPOSED), ("auto", View.AUTO), ("separate", View.SEPARATE)):
            await kari.request("layout", tiles=[], view=asked)
            assert media.view is got
        await kari.request("layout", tiles=[], view="composed")
        await kari.request("layout", tiles=[])
        assert media.view is View.SEPARATE


async def test_a_client_says_how_it_shows_one_picture_of_everybody() -> None:
    async with open_house() as house:
        kari = await house.joined("kari")
        media = house.media_of(kari)
        shown = {"layout": "speaker", "shape": "upright", "hidden": True}
        await kari.request("layout", tiles=[], view="composed", composed=shown)
        assert (media.layout, media.hidden) == (ComposedLayout("speaker", "upright"), True)
        await kari.request("layout", tiles=[], view="composed")
        assert (media.layout, media.hidden) == (ComposedLayout(), False)
        await kari.socket.send('{"type": "layout", "id": 99, "tiles": [], "composed": {"layout": "round"}}')
        refused = await kari.expect("error")
        assert (refused["code"], refused["field"], refused["reply_to"]) == ("bad_message", "composed.layout", 99)
        assert "round" in refused["message"]


async def test_the_composed_track_is_nobodys_own_and_what_one_gets_is_told() -> None:
    async with open_house() as house:
        ola, kari = await house.joined("ola"), await house.joined("kari")
        await ola.publish(CAMERA)
        await kari.answer(await kari.expect("subscribe_offer"))
        media = house.media_of(kari)
        (camera,) = media.wanted

        async def offer(*, ice_restart: bool = False) -> SubscribeOffer:
            return SubscribeOffer("offer", 9, {"0": camera.producer_id}, "1")

        media.subscribe_offer = offer  # type: ignore[method-assign]
        media.listener.on_view(ViewState(True, "thin_line"))
        media.listener.on_negotiation_needed()
        told = await kari.expect("view")
        assert (told["view"], told["reason"]) == ("composed", "thin_line")
        separate, composed = (await kari.expect("subscribe_offer"))["tracks"]
        assert (separate["mid"], separate["source"]) == ("0", "camera")
        assert composed == {
            "mid": "1",
            "participant_id": None,
            "source_id": None,
            "source": "composed",
            "kind": "video",
        }


async def test_the_media_plane_is_told_who_is_there_and_who_is_muted() -> None:
    async with open_house() as house:
        ola, _ = await house.joined("ola"), await house.joined("kari")
        microphone, camera = (await ola.publish(MICROPHONE, CAMERA))["sources"]
        await ola.request("ping")
        (room,) = house.plane.parties.values()
        # Kari sends nothing: she has no place in the picture.
        (party,) = room
        assert (party.name, party.muted, party.interpreter) == ("Name of ola", False, False)
        assert (party.camera is not None, len(party.sounds)) == (True, 1)
        await ola.request("update_source", source_id=microphone["id"], muted=True)
        await ola.request("update_source", source_id=camera["id"], muted=True)
        await ola.request("ping")
        ((party,),) = house.plane.parties.values()
        assert (party.muted, party.camera, party.sounds) == (True, None, ())


def test_interpreters_screens_and_companions_are_said() -> None:
    table = SourceTable()
    sources = []
    kinds = [
        (SourceName.CAMERA, MediaKind.VIDEO),
        (SourceName.SCREEN, MediaKind.VIDEO),
        (SourceName.SCREEN, MediaKind.AUDIO),
    ]
    for number, (name, kind) in enumerate(kinds):
        sources.append(Source(number, "s", name, kind, False))
        table.add(CarriedSource(number, 100 + number, "p", "room"))
    participant = Participant(
        "p", "room", "i", "Åse", "dovetolk", frozenset(), "", True, 1, tuple(sources), companions=("Bjørn",)
    )
    party = Party("p", "Åse, Bjørn", interpreter=True, muted=True, camera=100, screens=(101,), sounds=(102,))
    assert parties([participant], table, None) == [party]
    doctor = replace(participant, role="fastlege")
    assert parties([doctor], table, None) == [replace(party, interpreter=False)]
    assert parties([doctor], table, "p") == [party], "whom a host pins has to be seen as interpreters are"


@pytest.mark.parametrize(
    ("query", "view"), [("?view=composed", View.COMPOSED), ("?view=separate", View.SEPARATE), ("", View.SEPARATE)]
)
async def test_whep_clients_say_it_in_the_query(query: str, view: View) -> None:
    async with open_doors() as (house, http):
        await (await house.joined("ola")).publish(CAMERA)
        assert (await post(http, f"/whep/room{query}", "room kari")).status_code == 201
        assert house.plane.newest.view is view


async def test_whep_clients_choose_a_layout_in_the_query_and_one_that_there_is_not_is_refused() -> None:
    async with open_doors() as (house, http):
        await (await house.joined("ola")).publish(CAMERA)
        query = "?view=composed&layout=speaker&shape=upright"
        assert (await post(http, f"/whep/room{query}", "room kari")).status_code == 201
        assert house.plane.newest.layout == ComposedLayout("speaker", "upright")
        for wrong, field in (("layout=round", "layout"), ("shape=round", "shape")):
            answer = await post(http, f"/whep/room?view=composed&{wrong}", "room liv")
            assert assert_problem(answer, 400, "bad_layout")["field"] == field


async def test_a_view_that_there_is_not_is_refused_by_whep() -> None:
    async with open_doors() as (_, http):
        assert_problem(await post(http, "/whep/room?view=round", "room kari"), 400, "bad_view")
