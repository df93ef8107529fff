"""A picture that a line does not carry as it is sent is made thinner by a leg, and comes as it is sent when it does."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import pytest

from bridge.sfu import MediaSession, Subscription, View, derived, line_look
from bridge.sfu.allocation import hysteresis, ranks
from bridge.sfu.allocation.model import Source
from bridge.sfu.allocation.thin_line import ThinLine
from bridge.sfu.legs import LegSpec
from tests.sfu.conftest import Bridge
from tests.sfu.fake_legs import FakeLegs
from tests.sfu.support import Recorder, fixture
from tests.sfu.test_subscribe import negotiate, published, wanted
from tests.support.bridge import eventually

DOORS = ("offered by the bridge", "offered by the client")
"""Subscribe connections, and WHEP."""


@pytest.fixture
def legs(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> FakeLegs:
    monkeypatch.setattr(line_look, "LOOK_SECONDS", 0.01)
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
    async def begin(cls, bridge: Bridge, door: str = DOORS[0], rank: int = 0) -> Watched:
        audio, video = await published(bridge)
        session, recorder = bridge.open("bo")
        if door == DOORS[0]:
            session.set_subscriptions(wanted(audio, video), View.SEPARATE)
            await recorder.wait_for("negotiation")
            await negotiate(session)
        else:
            sources = [Subscription(video.producer_id, "anna", "video", rank=rank), *wanted(audio)]
            await session.watch(fixture("chrome_recvonly"), sources)
        watched = cls(bridge, session, recorder, video.producer_id)
        watched.sends(video.producer_id)
        recorder.forget()
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
        """What bo's consumers were made for, one after the other."""
        made = self.bridge.core.called("create_consumer")
        return [params["producer_id"] for _, params in made if params["transport_id"] == self.transport]

    @property
    def handovers(self) -> list[Any]:
        return self.bridge.core.called("hand_over_consumer")

    async def handed_over(self, count: int) -> tuple[int, int]:
        """The last of so many handovers: consumer, and what it sends then."""
        await eventually(lambda: len(self.handovers) == count)
        consumer, handover = self.handovers[-1]
        return consumer, handover["producer_id"]

    def arrives(self, consumer: int, producer: int) -> None:
        self.bridge.core.emit(type="consumer_handed_over", consumer_id=consumer, producer_id=producer)

    def fails(self, consumer: int) -> None:
        self.bridge.core.emit(type="command_failed", command="hand_over_consumer", id=consumer, message="no")


@pytest.mark.parametrize("door", DOORS)
async def test_a_leg_makes_it_thinner_within_its_stream_and_ends_when_the_line_is_good_again(
    bridge: Bridge, legs: FakeLegs, door: str
) -> None:
    watched = await Watched.begin(bridge, door)
    watched.carries(300_000)
    consumer, made = await watched.handed_over(1)
    (leg,) = legs.running
    assert isinstance(leg.spec, LegSpec)
    # In the codec that the receiver has agreed on, and no more than there is room for.
    assert (leg.spec.target.name, leg.bitrate) == ("vp8", 225_000)
    (report,) = bridge.sfu.legs("room")
    assert (report.reason, report.receivers) == ("thin_line", 1)
    assert [each.producer_id for each in report.inputs] == [watched.source]
    # The numbers of the receiver are those that it has agreed on.
    params = dict(bridge.core.called("create_consumer"))[consumer]
    vp8 = params["payload_types"][0]
    (mapping,) = watched.handovers[0][1]["payload_types"]
    assert mapping == {**vp8, "producer_payload_type": leg.spec.target.payload_type}
    assert params["producer_id"] == watched.source != made
    # It is what is allocated from now on.
    assert bridge.core.calls.index(("hand_over_consumer", *watched.handovers[0])) < max(
        index for index, call in enumerate(bridge.core.calls) if call[:2] == ("allocate_consumer", consumer)
    )
    watched.arrives(consumer, made)

    watched.carries(2_000_000)
    assert await watched.handed_over(2) == (consumer, watched.source)
    assert watched.handovers[1][1]["payload_types"] == params["payload_types"]
    assert legs.running == [leg], "it is sent until the next keyframe of its source"
    watched.arrives(consumer, watched.source)
    await eventually(lambda: legs.running == [])
    assert bridge.sfu.legs("room") == []
    assert watched.consumed().count(watched.source) == 1
    assert ("negotiation",) not in watched.recorder.events
    await watched.session.close()


@pytest.mark.parametrize("door", DOORS)
async def test_where_there_is_no_leg_it_stands_still_as_it_did(bridge: Bridge, legs: FakeLegs, door: str) -> None:
    legs.budget = 0
    watched = await Watched.begin(bridge, door)
    closed = len(bridge.core.called("close_consumer"))
    watched.carries(300_000)
    await eventually(lambda: legs.refused > 0)
    assert len(bridge.core.called("close_consumer")) == closed
    assert watched.handovers == []
    watched.carries(290_000)
    assert legs.refused == 1, "it is not asked for again at each look"


@pytest.mark.parametrize("door", DOORS)
async def test_a_leg_that_is_given_up_leaves_it_as_it_is_sent(bridge: Bridge, legs: FakeLegs, door: str) -> None:
    watched = await Watched.begin(bridge, door)
    watched.carries(300_000)
    consumer, _ = await watched.handed_over(1)
    (leg,) = legs.running
    leg.listener.on_leg_ended("leg_failed")
    assert await watched.handed_over(2) == (consumer, watched.source)
    # Before the core ends what the leg hung on, and with it what is sent of it.
    names = [call[0] for call in bridge.core.calls]
    assert names.index("close_transport") > max(i for i, name in enumerate(names) if name == "hand_over_consumer")
    watched.arrives(consumer, watched.source)
    assert legs.running == []
    assert ("negotiation",) not in watched.recorder.events


async def test_a_leg_that_is_wanted_again_before_it_has_gone_stays(bridge: Bridge, legs: FakeLegs) -> None:
    watched = await Watched.begin(bridge, DOORS[1])
    watched.carries(300_000)
    consumer, made = await watched.handed_over(1)
    watched.arrives(consumer, made)
    watched.carries(2_000_000)
    await watched.handed_over(2)
    (leg,) = legs.running
    watched.carries(250_000)
    assert await watched.handed_over(3) == (consumer, made)
    # Of the handover that was called off, too late to be stopped.
    watched.arrives(consumer, watched.source)
    watched.arrives(consumer, made)
    watched.carries(200_000)
    await eventually(lambda: leg.bitrate < 200_000)
    assert legs.running == [leg]
    await watched.session.close()
    assert legs.running == []


async def test_a_source_that_ends_takes_its_leg_along(bridge: Bridge, legs: FakeLegs) -> None:
    watched = await Watched.begin(bridge, DOORS[1])
    watched.carries(300_000)
    await watched.handed_over(1)
    anna = bridge.sfu._routers["room"].members["anna"]
    assert isinstance(anna, MediaSession)
    await anna.close()
    assert legs.running == []
    assert bridge.sfu.legs("room") == []
    await watched.session.close()


@pytest.mark.parametrize("door", DOORS)
async def test_a_handover_that_the_core_refuses_is_taken_back(bridge: Bridge, legs: FakeLegs, door: str) -> None:
    watched = await Watched.begin(bridge, door)
    watched.carries(300_000)
    consumer, _ = await watched.handed_over(1)
    watched.fails(consumer)
    assert await watched.handed_over(2) == (consumer, watched.source)
    watched.arrives(consumer, watched.source)
    await eventually(lambda: legs.running == [])


async def test_a_consumer_that_is_gone_with_its_leg_is_offered_anew(bridge: Bridge, legs: FakeLegs) -> None:
    watched = await Watched.begin(bridge)
    watched.carries(300_000)
    consumer, _ = await watched.handed_over(1)
    watched.fails(consumer)
    await watched.handed_over(2)
    watched.fails(consumer)
    await watched.recorder.wait_for("negotiation")
    await negotiate(watched.session)
    await negotiate(watched.session)
    assert watched.consumed().count(watched.source) == 2
    assert legs.running == []


async def test_another_codec_takes_a_negotiation(
    bridge: Bridge, legs: FakeLegs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where legs do not make what is sent."""
    monkeypatch.setitem(derived.OFFERED, "video", derived.OFFERED["video"][1:])
    takes = ("opus", "VP8", "H264", "rtx")
    watched = await Watched.begin(bridge)
    watched.carries(300_000)
    await watched.recorder.wait_for("negotiation")
    (leg,) = legs.running
    assert isinstance(leg.spec, LegSpec)
    assert leg.spec.target.name == "h264"
    await negotiate(watched.session, codecs=takes)
    assert watched.consumed()[-1] != watched.source
    watched.carries(2_000_000)
    await watched.recorder.wait_for("negotiation")
    assert legs.running == []
    await negotiate(watched.session, codecs=takes)
    assert watched.consumed()[-1] == watched.source
    assert watched.handovers == []


async def test_whoever_cannot_be_offered_another_codec_gets_none(
    bridge: Bridge, legs: FakeLegs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(derived.OFFERED, "video", derived.OFFERED["video"][1:])
    watched = await Watched.begin(bridge, DOORS[1])
    router = bridge.sfu._routers["room"]
    asked: list[int] = []
    thinner = router.derived.thinner

    def counted(source: int, lacking: Collection[str]) -> derived.DerivedProducer | None:
        asked.append(source)
        return thinner(source, lacking)

    monkeypatch.setattr(router.derived, "thinner", counted)
    watched.carries(300_000)
    await eventually(lambda: asked == [watched.source])
    assert legs.legs == []
    assert watched.handovers == []


async def test_a_screen_stands_still_and_sharp(bridge: Bridge, legs: FakeLegs) -> None:
    """Its text is to be read. The camera beside it moves."""
    watched = await Watched.begin(bridge)
    _, camera = await published(bridge, session="anna's other")
    watched.subscribe(Subscription(camera.producer_id, "anna", "camera"), screen=True)
    await watched.recorder.wait_for("negotiation")
    await negotiate(watched.session)
    watched.sends(camera.producer_id)
    watched.carries(300_000)
    await watched.handed_over(1)
    ((taken,),) = [report.inputs for report in bridge.sfu.legs("room")]
    assert taken.producer_id == camera.producer_id


async def test_what_is_watched_of_a_screen_stands_still_and_sharp(
    bridge: Bridge, legs: FakeLegs, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[bool] = []
    update = ThinLine.update

    def looks(self: ThinLine, now: float, budget: int | None, videos: Sequence[Source], **those: Any) -> frozenset[int]:
        looked.append(bool(videos))
        return update(self, now, budget, videos, **those)

    monkeypatch.setattr(ThinLine, "update", looks)
    watched = await Watched.begin(bridge, DOORS[1], rank=ranks.SCREEN)
    watched.carries(300_000)
    await eventually(lambda: len(looked) > 2)
    assert not any(looked)
    assert legs.legs == []
