"""A picture that a line does not carry as it is sent is made thinner by a leg, and comes as it is sent when it does."""

from __future__ import annotations

import pytest

from bridge.sfu import MediaSession, Subscription, View, subscribe_connection
from bridge.sfu.allocation import hysteresis, ranks
from bridge.sfu.legs import LegSpec
from tests.sfu.conftest import Bridge
from tests.sfu.fake_legs import FakeLegs
from tests.sfu.support import Recorder
from tests.sfu.test_subscribe import negotiate, published, wanted
from tests.support.bridge import eventually


@pytest.fixture
def legs(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> FakeLegs:
    monkeypatch.setattr(subscribe_connection, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(hysteresis, "THIN_SECONDS", 0.05)
    monkeypatch.setattr(hysteresis, "MIN_HOLD", 0.05)
    bridge.sfu._legs = made = FakeLegs()
    return made


class Watched:
    """Somebody who sends one size of 1 Mbit/s, and bo, who receives it."""

    def __init__(self, bridge: Bridge, session: MediaSession, recorder: Recorder, source: int) -> None:
        self.bridge, self.session, self.recorder, self.source = bridge, session, recorder, source
        (self.transport, _) = bridge.core.called("create_webrtc_transport")[-1]

    @classmethod
    async def begin(cls, bridge: Bridge) -> Watched:
        audio, video = await published(bridge)
        session, recorder = bridge.open("bo")
        session.set_subscriptions(wanted(audio, video), View.SEPARATE)
        await recorder.wait_for("negotiation")
        await negotiate(session)
        watched = cls(bridge, session, recorder, video.producer_id)
        watched.sends(video.producer_id)
        return watched

    def subscribe(self, *more: Subscription, screen: bool) -> None:
        rank = ranks.SCREEN if screen else 0
        self.session.set_subscriptions([Subscription(self.source, "anna", "video", rank=rank), *more], View.SEPARATE)

    def sends(self, source: int) -> None:
        layer = {"spatial": 0, "temporal": 0, "bitrate": 1_000_000, "width": 1280, "height": 720, "frame_rate": 25.0}
        self.bridge.core.emit(type="producer_layers", producer_id=source, layers=[layer])

    def carries(self, bitrate: int) -> None:
        self.bridge.estimate(self.transport, bitrate)

    def consumed(self) -> list[int]:
        """What bo's consumers forward, one after the other."""
        made = self.bridge.core.called("create_consumer")
        return [params["producer_id"] for _, params in made if params["transport_id"] == self.transport]


async def test_a_leg_makes_it_thinner_and_the_line_that_is_good_again_ends_it(bridge: Bridge, legs: FakeLegs) -> None:
    watched = await Watched.begin(bridge)
    first, _ = await negotiate(watched.session)
    watched.carries(300_000)
    await watched.recorder.wait_for("negotiation")
    (leg,) = legs.running
    assert isinstance(leg.spec, LegSpec)
    # In the codec that the receiver is known to have, and no more than there is room for.
    assert (leg.spec.target.name, leg.bitrate) == ("vp8", 225_000)
    (report,) = bridge.sfu.legs("room")
    assert (report.reason, report.receivers) == ("thin_line", 1)
    offer, _ = await negotiate(watched.session)
    # It is the same source for the client.
    assert sorted(offer.producers.values()) == sorted(first.producers.values())
    assert watched.consumed()[-1] != watched.source
    await negotiate(watched.session)

    watched.carries(2_000_000)
    await watched.recorder.wait_for("negotiation")
    assert legs.running == []
    await negotiate(watched.session)
    assert watched.consumed()[-1] == watched.source
    assert bridge.sfu.legs("room") == []


async def test_where_there_is_no_leg_it_stands_still_as_it_did(bridge: Bridge, legs: FakeLegs) -> None:
    legs.budget = 0
    watched = await Watched.begin(bridge)
    closed = len(bridge.core.called("close_consumer"))
    watched.carries(300_000)
    await eventually(lambda: legs.refused > 0)
    assert len(bridge.core.called("close_consumer")) == closed
    assert (await watched.session.subscribe_offer()).producers.keys() == {"0", "1"}
    assert legs.refused == 1, "it is not asked for again at each look"


async def test_a_leg_that_is_given_up_leaves_it_as_it_is_sent(bridge: Bridge, legs: FakeLegs) -> None:
    watched = await Watched.begin(bridge)
    watched.carries(300_000)
    await watched.recorder.wait_for("negotiation")
    await negotiate(watched.session)
    await negotiate(watched.session)
    legs.running[0].listener.on_leg_ended("leg_failed")
    await watched.recorder.wait_for("negotiation")
    _, result = await negotiate(watched.session)
    assert result.unsupported == ()
    assert watched.consumed()[-1] == watched.source


async def test_a_screen_stands_still_and_sharp(bridge: Bridge, legs: FakeLegs) -> None:
    """Its text is to be read. The camera beside it moves."""
    watched = await Watched.begin(bridge)
    _, camera = await published(bridge, session="anna's other")
    watched.subscribe(Subscription(camera.producer_id, "anna", "camera"), screen=True)
    await watched.recorder.wait_for("negotiation")
    await negotiate(watched.session)
    watched.sends(camera.producer_id)
    watched.carries(300_000)
    await watched.recorder.wait_for("negotiation")
    await negotiate(watched.session)
    await negotiate(watched.session)
    ((taken,),) = [report.inputs for report in bridge.sfu.legs("room")]
    assert taken.producer_id == camera.producer_id
    assert watched.consumed().count(watched.source) == 1
