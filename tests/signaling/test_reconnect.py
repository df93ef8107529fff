"""Lost signalling, lost media, reloads: who stays, who goes, and what the others hear of it."""

from __future__ import annotations

import itertools
from typing import Any

from bridge.room import RoomLimits
from bridge.sfu import ConnectionKind, ConnectionState, WantedEncodings
from bridge.signaling.calls import CallSettings
from tests.signaling.house import House, open_house
from tests.signaling.signal_client import SignalClient

MICROPHONE = ("0", "audio", "microphone")


async def resumed(house: House, lost: SignalClient) -> SignalClient:
    """A new connection that takes up a session."""
    client = await house.client()
    session = lost.joined["session"]
    client.joined = await client.request("resume", session_id=session["id"], secret=session["secret"])
    assert client.joined["type"] == "joined", client.joined
    return client


async def test_a_lost_connection_is_resumed_with_all_that_was_there() -> None:
    async with open_house() as house:
        ola, kari = await house.joined("ola"), await house.joined("kari")
        published = await kari.publish(MICROPHONE)
        await kari.vanish()
        away = await ola.expect("participant_updated")
        assert away["participant"]["state"] == "reconnecting"
        again = await resumed(house, kari)
        assert again.joined["resumed"] is True
        assert again.joined["participant_id"] == kari.joined["participant_id"]
        assert again.joined["own_sources"] == published["sources"]
        assert [other["id"] for other in again.joined["participants"]] == [ola.joined["participant_id"]]
        back = await ola.expect("participant_updated")
        assert back["participant"]["state"] == "connected"
        assert len(house.plane.sessions) == 2
        assert ("resumed",) in house.observer.counted


async def test_an_unanswered_offer_is_made_anew() -> None:
    async with open_house() as house:
        ola, kari = await house.joined("ola"), await house.joined("kari")
        await ola.publish(MICROPHONE)
        first = await kari.expect("subscribe_offer")
        await kari.vanish()
        await ola.expect("participant_updated")
        again = await resumed(house, kari)
        second = await again.expect("subscribe_offer")
        assert second["negotiation"] > first["negotiation"]
        assert (await again.answer(second))["type"] == "done"


async def test_what_happens_meanwhile_is_offered_afterwards() -> None:
    async with open_house() as house:
        ola, kari = await house.joined("ola"), await house.joined("kari")
        await kari.vanish()
        await ola.expect("participant_updated")
        await ola.publish(MICROPHONE)
        again = await resumed(house, kari)
        (other,) = again.joined["participants"]
        assert len(other["sources"]) == 1
        offer = await again.expect("subscribe_offer")
        assert len(offer["tracks"]) == 1


async def test_a_resume_takes_over_from_a_connection_that_only_seems_alive() -> None:
    async with open_house() as house:
        ola, kari = await house.joined("ola"), await house.joined("kari")
        again = await resumed(house, kari)
        assert await kari.closed() == (4409, "resumed")
        # The older connection's end must not count as a loss of the session.
        assert (await again.request("ping"))["type"] == "pong"
        (other,) = (await resumed(house, ola)).joined["participants"]
        assert other["state"] == "connected"


async def test_a_wrong_secret_resumes_nothing() -> None:
    async with open_house() as house:
        kari = await house.joined("kari")
        thief = await house.client()
        reply = await thief.request("resume", session_id=kari.joined["session"]["id"], secret="guess")
        assert reply["code"] == "session_not_found"
        assert (await kari.request("ping"))["type"] == "pong"


async def test_when_the_grace_is_over_everyone_is_told() -> None:
    async with open_house(limits=RoomLimits(grace=0.05)) as house:
        ola, kari = await house.joined("ola"), await house.joined("kari")
        media = house.media_of(kari)
        await kari.vanish()
        left = await ola.expect("participant_left")
        assert (left["participant_id"], left["reason"]) == (kari.joined["participant_id"], "timed_out")
        assert media.closed
        late = await house.client()
        session = kari.joined["session"]
        reply = await late.request("resume", session_id=session["id"], secret=session["secret"])
        assert reply["code"] == "session_not_found"


async def test_a_reload_replaces_its_older_self() -> None:
    async with open_house() as house:
        ola, kari = await house.joined("ola"), await house.joined("kari")
        await kari.publish(MICROPHONE)
        media = house.media_of(kari)
        newer = await house.joined("kari")
        closing = await kari.expect("closing")
        assert (closing["code"], closing["retry"]) == ("replaced", False)
        assert await kari.closed() == (4409, "replaced")
        left = await ola.expect("participant_left")
        assert (left["participant_id"], left["reason"]) == (kari.joined["participant_id"], "replaced")
        assert (await ola.expect("participant_joined"))["participant"]["id"] == newer.joined["participant_id"]
        assert [other["id"] for other in newer.joined["participants"]] == [ola.joined["participant_id"]]
        assert media.closed
        assert len(house.calls.table) == 0


async def test_lost_media_without_signalling_ends_before_the_grace_does() -> None:
    async with open_house(calls=CallSettings(media_grace=0.01)) as house:
        ola, kari = await house.joined("ola"), await house.joined("kari")
        media = house.media_of(kari)
        media.connect(ConnectionKind.PUBLISH)
        await kari.vanish()
        await ola.expect("participant_updated")
        media.connect(ConnectionKind.PUBLISH, ConnectionState.DISCONNECTED)
        left = await ola.expect("participant_left")
        assert (left["participant_id"], left["reason"]) == (kari.joined["participant_id"], "media_lost")


async def test_media_that_comes_back_keeps_a_participant() -> None:
    async with open_house(calls=CallSettings(media_grace=1000.0)) as house:
        ola, kari = await house.joined("ola"), await house.joined("kari")
        media = house.media_of(kari)
        await kari.vanish()
        await ola.expect("participant_updated")
        media.connect(ConnectionKind.PUBLISH, ConnectionState.DISCONNECTED)
        media.connect(ConnectionKind.PUBLISH, ConnectionState.CONNECTED)
        again = await resumed(house, kari)
        assert again.joined["resumed"] is True


async def test_silent_media_with_live_signalling_is_mended_and_not_ended() -> None:
    async with open_house(calls=CallSettings(media_grace=0.0)) as house:
        kari = await house.joined("kari")
        house.media_of(kari).connect(ConnectionKind.PUBLISH, ConnectionState.DISCONNECTED)
        assert (await kari.expect("ice_restart_requested"))["connection"] == "publish"
        assert (await kari.request("ping"))["type"] == "pong"


async def test_a_restart_that_a_path_needs_is_asked_for_on_either_connection_also_after_a_resume() -> None:
    async with open_house() as house:
        ola, kari = await house.joined("ola"), await house.joined("kari")
        await ola.publish(MICROPHONE)
        await kari.answer(await kari.expect("subscribe_offer"))
        media = house.media_of(kari)
        media.connect(ConnectionKind.PUBLISH, ConnectionState.CONNECTING)
        media.listener.on_restart_wanted(ConnectionKind.PUBLISH)
        assert (await kari.expect("ice_restart_requested"))["connection"] == "publish"
        media.listener.on_restart_wanted(ConnectionKind.SUBSCRIBE)
        await kari.answer(await kari.expect("subscribe_offer"))
        assert media.ice_restarts == 1
        await kari.vanish()
        await ola.expect("participant_updated")
        media.listener.on_restart_wanted(ConnectionKind.PUBLISH)
        again = await resumed(house, kari)
        await again.expect("ice_restart_requested")


async def test_silent_media_is_mended_after_a_resume() -> None:
    async with open_house() as house:
        ola, kari = await house.joined("ola"), await house.joined("kari")
        media = house.media_of(kari)
        await kari.vanish()
        await ola.expect("participant_updated")
        media.connect(ConnectionKind.PUBLISH, ConnectionState.DISCONNECTED)
        again = await resumed(house, kari)
        await again.expect("ice_restart_requested")


async def test_who_closed_everything_in_good_order_has_left() -> None:
    async with open_house() as house:
        ola, kari = await house.joined("ola"), await house.joined("kari")
        house.media_of(kari).connect(ConnectionKind.PUBLISH, ConnectionState.CLOSED)
        await kari.vanish()
        left = await ola.expect("participant_left")
        assert (left["participant_id"], left["reason"]) == (kari.joined["participant_id"], "left")


async def test_a_publisher_is_told_which_encodings_are_wanted_and_again_after_a_resume() -> None:
    async with open_house() as house:
        ola = await house.joined("ola")
        (own,) = (await ola.publish(("0", "video", "camera")))["sources"]
        (producer,) = house.media_of(ola).producers.values()
        listener = house.media_of(ola).listener
        listener.on_encodings_wanted(producer.producer_id, WantedEncodings((True, False), (True, False), 200_000))
        listener.on_encodings_wanted(999, WantedEncodings((True,), (False,), None))
        expected = [
            {"rid": "q", "active": True, "spare": True},
            {"rid": "f", "active": False, "spare": False},
        ]
        told = await ola.expect("encodings")
        assert (told["source_id"], told["encodings"], told["max_bitrate"]) == (own["id"], expected, 200_000)
        await ola.vanish()
        again = await resumed(house, ola)
        assert (await again.expect("encodings"))["encodings"] == expected


class Renewal:
    """Numbers the tokens that it makes."""

    def __init__(self, interval: float) -> None:
        self.interval = interval
        self._numbers = itertools.count(1)

    def renew(self, claims: Any) -> str | None:
        return f"{claims.room} {claims.identity} {next(self._numbers)}"


async def test_whoever_comes_in_waits_or_comes_back_gets_a_fresh_token() -> None:
    async with open_house(renewal=Renewal(600.0)) as house:
        kari, ola = await house.joined("kari"), await house.patient("ola")
        assert (kari.joined["token"], ola.joined["token"]) == ("room kari 1", "room ola 2")
        assert "lobby" in ola.joined
        await kari.vanish()
        assert (await resumed(house, kari)).joined["token"] == "room kari 3"


async def test_the_next_one_comes_as_time_goes_by() -> None:
    async with open_house(renewal=Renewal(0.01)) as house:
        kari = await house.joined("kari")
        tokens = [kari.joined["token"], *[(await kari.expect("token_renewed"))["token"] for _ in range(2)]]
        assert tokens == ["room kari 1", "room kari 2", "room kari 3"]


async def test_without_one_to_give_nothing_is_said_of_it() -> None:
    async with open_house() as house:
        assert "token" not in (await house.joined("kari")).joined
