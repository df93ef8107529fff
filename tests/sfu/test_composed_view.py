"""One composed picture in place of many: by choice, by the line, and what happens where there is none to be had."""

from __future__ import annotations

import pytest

from bridge.errors import BridgeError
from bridge.sfu import ComposedLayout, MediaSession, Party, Producer, View, composed_view, line_look
from bridge.sfu.allocation import hysteresis, view
from bridge.sfu.legs import ComposeSpec, MixSpec, PictureScene, SoundScene
from tests.sfu.conftest import Bridge
from tests.sfu.fake_legs import FakeLegs
from tests.sfu.support import Recorder
from tests.sfu.test_subscribe import negotiate, published, wanted
from tests.support.bridge import eventually


@pytest.fixture
def legs(bridge: Bridge) -> FakeLegs:
    made = FakeLegs()
    bridge.sfu._legs = made
    return made


async def room(bridge: Bridge, people: int) -> list[tuple[Producer, ...]]:
    """So many people who each publish a microphone and a camera."""
    return [await published(bridge, session=f"person-{number}") for number in range(people)]


def show(session: MediaSession, people: list[tuple[Producer, ...]]) -> None:
    session.show_parties(
        [
            Party(f"p{number}", f"Åse {number}", camera=video.producer_id, sounds=(audio.producer_id,))
            for number, (audio, video) in enumerate(people)
        ]
    )


async def joined(
    bridge: Bridge, people: list[tuple[Producer, ...]], view: View, name: str = "bo"
) -> tuple[MediaSession, Recorder]:
    session, recorder = bridge.open(name)
    show(session, people)
    session.set_subscriptions(wanted(*(producer for each in people for producer in each)), view)
    await recorder.wait_for("negotiation")
    return session, recorder


async def test_the_composed_picture_comes_before_the_others_go(bridge: Bridge, legs: FakeLegs) -> None:
    people = await room(bridge, 2)
    session, recorder = await joined(bridge, people, View.SEPARATE)
    first, _ = await negotiate(session)
    assert (first.composed, len(first.producers)) == (None, 4)
    session.set_subscriptions(wanted(*(producer for each in people for producer in each)), View.COMPOSED)
    await recorder.wait_for("view", True, "asked")
    both = await session.subscribe_offer()
    # All that was there is still there, and consumed.
    assert (both.composed is not None, len(both.producers)) == (True, 4)
    assert bridge.core.called("close_consumer") == []
    (leg,) = legs.running
    assert isinstance(leg.spec, ComposeSpec)
    assert isinstance(leg.scene, PictureScene)
    assert [(each.id, each.ssrc is not None) for each in leg.scene.sources] == [("p0", True), ("p1", True)]
    assert "Åse" not in repr(leg.scene)
    await negotiate(session)
    assert len(bridge.core.called("close_consumer")) == 2
    last, _ = await negotiate(session)
    assert sorted(last.producers.values()) == sorted(audio.producer_id for audio, _ in people)
    assert last.composed == both.composed


async def test_receivers_share_it_and_a_thin_line_gets_an_encoding_of_its_own(bridge: Bridge, legs: FakeLegs) -> None:
    people = await room(bridge, 2)
    sessions = [(await joined(bridge, people, View.COMPOSED, name))[0] for name in ("bo", "cato")]
    for session in sessions:
        await negotiate(session)
    (leg,) = legs.running
    thin, good = (transport for transport, _ in bridge.core.called("create_webrtc_transport")[-2:])
    for bitrate in (400_000, 550_000, 700_000, 900_000):
        bridge.estimate(good, bitrate)
        bridge.estimate(thin, bitrate)
    bridge.estimate(good, 1_200_000)
    await eventually(lambda: leg.bitrate > 600_000)
    # While they are much alike the thinnest decides.
    assert leg.thin == 0
    made = len(bridge.core.called("create_consumer"))
    bridge.estimate(thin, 300_000)
    await eventually(lambda: 0 < leg.thin < 250_000)
    assert leg.bitrate > 600_000
    assert encodings(bridge, thin)[-1] == 1
    # Who has the better line is sent what it was sent before.
    assert set(encodings(bridge, good)) == {0}
    assert len(bridge.core.called("create_consumer")) == made
    await sessions[1].close()
    assert (leg.bitrate < 250_000, leg.thin) == (True, 0)
    await eventually(lambda: encodings(bridge, thin)[-1] == 0)
    await sessions[0].close()
    assert legs.running == []


def encodings(bridge: Bridge, transport: int) -> list[int]:
    """Which encodings were chosen for what a transport is sent of a composed picture, one after the other."""
    composed = bridge.core.called("create_producer")[-1][0]
    (consumer,) = [
        number
        for number, params in bridge.core.called("create_consumer")
        if (params["transport_id"], params["producer_id"]) == (transport, composed)
    ]
    return [told["spatial"] for number, told in bridge.core.called("allocate_consumer") if number == consumer]


async def test_while_nobody_shows_it_nothing_is_taken_in_and_nothing_made(bridge: Bridge, legs: FakeLegs) -> None:
    people = await room(bridge, 2)
    subscriptions = wanted(*(producer for each in people for producer in each))
    sessions = [(await joined(bridge, people, View.COMPOSED, name))[0] for name in ("bo", "cato")]
    for session in sessions:
        await negotiate(session)
        await negotiate(session)
    (leg,) = legs.running
    sessions[0].set_subscriptions(subscriptions, View.COMPOSED, hidden=True)
    assert leg.bitrate > 0
    assert len(bridge.core.called("pause_consumer")) == 1
    sessions[1].set_subscriptions(subscriptions, View.COMPOSED, hidden=True)
    assert leg.bitrate == 0
    (report,) = bridge.sfu.legs("room")
    assert (report.inputs, report.receivers) == ((), 2)
    sessions[1].set_subscriptions(subscriptions, View.COMPOSED)
    assert leg.bitrate > 0
    assert isinstance(leg.scene, PictureScene)
    assert all(each.ssrc is not None for each in leg.scene.sources)
    assert bridge.core.called("pause_consumer")[-1][1] is False
    for session in sessions:
        await session.close()
    assert legs.running == []


async def test_a_picture_that_is_not_shown_is_no_reason_to_probe_the_line(bridge: Bridge, legs: FakeLegs) -> None:
    people = await room(bridge, 2)
    session, _ = await joined(bridge, people, View.COMPOSED)
    await negotiate(session)
    await negotiate(session)
    (transport, _) = bridge.core.called("create_webrtc_transport")[-1]
    bridge.estimate(transport, 400_000)
    bridge.estimate(transport, 300_000)
    await eventually(
        lambda: bool(demands := bridge.core.called("set_transport_demand")) and demands[-1][1]["desired"] > 1e6
    )
    subscriptions = wanted(*(producer for each in people for producer in each))
    session.set_subscriptions(subscriptions, View.COMPOSED, hidden=True)
    # What sound takes is all.
    assert bridge.core.called("set_transport_demand")[-1] == (transport, {"allocated": 90_000, "desired": 90_000})


async def test_a_layout_of_ones_own_is_made_anew_only_where_others_have_it_as_it_is(
    bridge: Bridge, legs: FakeLegs
) -> None:
    people = await room(bridge, 2)
    subscriptions = wanted(*(producer for each in people for producer in each))
    bo, _ = await joined(bridge, people, View.COMPOSED, "bo")
    await negotiate(bo)
    await negotiate(bo)
    (leg,) = legs.running
    upright = ComposedLayout("speaker", "upright")
    bo.set_subscriptions(subscriptions, View.COMPOSED, upright)
    # It is alone: the same stream goes on in another shape.
    assert legs.running == [leg]
    assert isinstance(leg.scene, PictureScene)
    assert leg.scene.layout == upright
    cato, _ = await joined(bridge, people, View.COMPOSED, "cato")
    await negotiate(cato)
    await negotiate(cato)
    shapes = [each.scene.layout.shape for each in legs.running if isinstance(each.scene, PictureScene)]
    assert shapes == ["upright", "wide"]
    bo.set_subscriptions(subscriptions, View.COMPOSED)
    # Until it flows there is what was there before.
    closed = len(bridge.core.called("close_consumer"))
    offer, _ = await negotiate(bo)
    assert offer.composed is not None
    assert len(offer.producers) == 2
    assert len(bridge.core.called("close_consumer")) == closed + 1
    # Now both have the same, and share it.
    assert len(legs.running) == 1
    bo.set_subscriptions(subscriptions, View.COMPOSED, upright)
    assert len(legs.running) == 2
    # Back again before it ever flowed.
    bo.set_subscriptions(subscriptions, View.COMPOSED)
    assert len(legs.running) == 1
    assert (await negotiate(bo))[0].composed == offer.composed
    await bo.close()
    await cato.close()
    assert legs.running == []


async def test_where_no_leg_is_left_for_another_layout_the_shared_picture_stays(
    bridge: Bridge, legs: FakeLegs, monkeypatch: pytest.MonkeyPatch
) -> None:
    legs.budget = 1
    monkeypatch.setattr(line_look, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(composed_view, "RETRY_SECONDS", 0.1)
    people = await room(bridge, 2)
    subscriptions = wanted(*(producer for each in people for producer in each))
    sessions = [await joined(bridge, people, View.COMPOSED, name) for name in ("bo", "cato")]
    for session, _ in sessions:
        await negotiate(session)
        await negotiate(session)
    (bo, recorder), (cato, _) = sessions
    told, closed = recorder.events.count(("view", True, "asked")), len(bridge.core.called("close_consumer"))
    upright = ComposedLayout("speaker", "upright")
    for _ in range(3):
        bo.set_subscriptions(subscriptions, View.COMPOSED, upright)
        bo.set_subscriptions(subscriptions, View.COMPOSED)
    assert legs.refused == 1
    bo.set_subscriptions(subscriptions, View.COMPOSED, upright)
    assert len(bridge.core.called("close_consumer")) == closed
    assert [each for each in recorder.events if each[0] == "view"] == [("view", True, "asked")] * told
    # It is asked for again; alone it has what it wants without.
    await eventually(lambda: legs.refused > 1)
    await cato.close()
    (leg,) = legs.running
    await eventually(lambda: isinstance(leg.scene, PictureScene) and leg.scene.layout == upright)


async def test_another_layout_is_no_reason_to_ask_for_a_leg_again(bridge: Bridge, legs: FakeLegs) -> None:
    legs.budget = 0
    people = await room(bridge, 2)
    session, recorder = await joined(bridge, people, View.COMPOSED)
    assert ("view", False, "legs_exhausted") in recorder.events
    subscriptions = wanted(*(producer for each in people for producer in each))
    for layout in (ComposedLayout("speaker"), ComposedLayout("grid")):
        session.set_subscriptions(subscriptions, View.COMPOSED, layout)
    assert legs.refused == 1


async def test_a_layout_whose_leg_is_given_up_leaves_the_picture_before_it(bridge: Bridge, legs: FakeLegs) -> None:
    people = await room(bridge, 2)
    subscriptions = wanted(*(producer for each in people for producer in each))
    (bo, recorder), _ = sessions = [await joined(bridge, people, View.COMPOSED, name) for name in ("bo", "cato")]
    for session, _ in sessions:
        await negotiate(session)
        await negotiate(session)
    offer = await bo.subscribe_offer()
    bo.set_subscriptions(subscriptions, View.COMPOSED, ComposedLayout("speaker"))
    other = await bo.subscribe_offer()
    assert other.composed not in (None, offer.composed)
    legs.running[1].listener.on_leg_ended("leg_failed")
    assert len(legs.running) == 1
    assert (await bo.subscribe_offer()).composed == offer.composed
    assert ("view", False, "leg_failed") not in recorder.events


async def test_the_others_come_back_before_the_composed_picture_goes(bridge: Bridge, legs: FakeLegs) -> None:
    people = await room(bridge, 2)
    session, recorder = await joined(bridge, people, View.COMPOSED)
    await negotiate(session)
    await negotiate(session)
    subscriptions = wanted(*(producer for each in people for producer in each))
    session.set_subscriptions(subscriptions, View.SEPARATE)
    await recorder.wait_for("view", False, "asked")
    assert len(legs.running) == 1
    offer, _ = await negotiate(session)
    assert len(offer.producers) == 4
    assert legs.running == []
    assert (await session.subscribe_offer()).composed is None


async def test_who_refuses_vp8_gets_it_in_h264(bridge: Bridge, legs: FakeLegs) -> None:
    people = await room(bridge, 2)
    session, _ = await joined(bridge, people, View.COMPOSED)
    await negotiate(session, codecs=("opus", "H264", "rtx"))
    (leg,) = [leg for leg in legs.running if isinstance(leg.spec, ComposeSpec)]
    assert leg.spec.target.name == "h264"  # type: ignore[union-attr]


async def test_where_the_budget_is_spent_all_is_forwarded(bridge: Bridge, legs: FakeLegs) -> None:
    legs.budget = 0
    people = await room(bridge, 2)
    session, recorder = await joined(bridge, people, View.COMPOSED)
    assert ("view", False, "legs_exhausted") in recorder.events
    offer, _ = await negotiate(session)
    assert (offer.composed, len(offer.producers)) == (None, 4)


async def test_a_leg_that_is_given_up_leaves_the_others(bridge: Bridge, legs: FakeLegs) -> None:
    people = await room(bridge, 2)
    session, recorder = await joined(bridge, people, View.COMPOSED)
    await negotiate(session)
    await negotiate(session)
    (leg,) = legs.running
    leg.listener.on_leg_ended("leg_failed")
    await recorder.wait_for("view", False, "leg_failed")
    offer, _ = await negotiate(session)
    assert (offer.composed, len(offer.producers)) == (None, 4)
    assert legs.running == []


async def test_the_line_chooses_for_who_leaves_it_to_the_bridge(
    bridge: Bridge, legs: FakeLegs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_look, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(hysteresis, "THIN_SECONDS", 0.05)
    monkeypatch.setattr(hysteresis, "MIN_HOLD", 0.05)
    people = await room(bridge, 5)
    session, recorder = await joined(bridge, people, View.AUTO)
    await negotiate(session)
    (transport, _) = bridge.core.called("create_webrtc_transport")[-1]
    bridge.estimate(transport, 300_000)
    await recorder.wait_for("view", True, "thin_line")
    await negotiate(session)
    await negotiate(session)
    bridge.estimate(transport, 5_000_000)
    await recorder.wait_for("view", False, "good_line")
    await negotiate(session)
    assert legs.running == []


async def test_where_a_line_was_seen_to_carry_far_too_little_it_is_composed_at_once_for_all_of_the_line(
    bridge: Bridge, legs: FakeLegs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_look, "LOOK_SECONDS", 0.01)
    # By the clock it would never be time.
    monkeypatch.setattr(hysteresis, "THIN_SECONDS", 1e6)
    monkeypatch.setattr(view, "FIRST_SECONDS", 0.02)
    people = await room(bridge, 5)
    session, recorder = await joined(bridge, people, View.AUTO)
    await negotiate(session)
    (transport, _) = bridge.core.called("create_webrtc_transport")[-1]
    bridge.estimate(transport, 280_000, limit_seen=True)
    await recorder.wait_for("view", True, "thin_line")
    (leg,) = legs.running
    # Not a fifth of it: the others go when it comes.
    assert leg.bitrate > 100_000


async def test_a_room_is_opened_as_one_picture_and_one_sound(bridge: Bridge, legs: FakeLegs) -> None:
    people = await room(bridge, 2)
    show(bridge.open("bo")[0], people)
    ended: list[bool] = []
    made = bridge.sfu.open_composition("room", lambda: ended.append(True))
    assert (made.video.producer.codecs, made.audio.producer.codecs) == (("VP8",), ("opus",))
    assert {type(leg.spec) for leg in legs.running} == {ComposeSpec, MixSpec}
    (mixing,) = [leg for leg in legs.running if isinstance(leg.spec, MixSpec)]
    assert isinstance(mixing.scene, SoundScene)
    assert [len(voice.sounds) for voice in mixing.scene.voices] == [1, 1]
    assert {(report.kind, report.reason) for report in bridge.sfu.legs("room")} == {
        ("video", "composed"),
        ("audio", "mixed"),
    }
    made.close()
    made.close()
    assert (legs.running, ended) == ([], [])
    again = bridge.sfu.open_composition("room", lambda: ended.append(True))
    legs.running[0].listener.on_leg_ended("leg_failed")
    assert (legs.running, ended) == ([], [True])
    again.close()
    legs.budget = 1
    with pytest.raises(BridgeError) as refused:
        bridge.sfu.open_composition("room", lambda: None)
    assert (refused.value.code, legs.running) == ("legs_exhausted", [])
    with pytest.raises(BridgeError) as refused:
        bridge.sfu.open_composition("elsewhere", lambda: None)
    assert refused.value.code == "room_not_found"


async def test_the_leg_that_mixes_is_told_of_those_only_who_can_be_heard(bridge: Bridge, legs: FakeLegs) -> None:
    people = await room(bridge, 2)
    session, _ = bridge.open("bo")
    heard = [Party(f"p{number}", "", sounds=(audio.producer_id,)) for number, (audio, _) in enumerate(people)]
    silent = [Party(f"silent-{number}", "") for number in range(200)]
    session.show_parties([*silent[:100], heard[0], *silent[100:], heard[1]])
    bridge.sfu.open_composition("room", lambda: None)
    (mixing,) = [leg for leg in legs.running if isinstance(leg.spec, MixSpec)]
    assert isinstance(mixing.scene, SoundScene)
    assert [voice.id for voice in mixing.scene.voices] == ["p0", "p1"]


async def test_who_leaves_is_no_longer_in_the_picture(bridge: Bridge, legs: FakeLegs) -> None:
    people = await room(bridge, 3)
    session, _ = await joined(bridge, people, View.COMPOSED)
    await negotiate(session)
    (leg,) = legs.running
    gone = next(each for each in bridge.sfu.sessions() if each.session_id == "person-1")
    await gone.close()
    show(session, [people[0], people[2]])
    assert isinstance(leg.scene, PictureScene)
    assert len(leg.scene.sources) == 2
    assert len({each.ssrc for each in leg.scene.sources}) == 2
