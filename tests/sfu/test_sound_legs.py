"""What the legs that make sound are told of those who receive it."""

from __future__ import annotations

import re

from bridge.sfu.legs import LegSpec, MixSpec
from bridge.sfu.types import View
from tests.sfu.conftest import Bridge
from tests.sfu.fake_legs import FakeLegs
from tests.sfu.receiver import answer
from tests.sfu.support import fixture
from tests.sfu.test_subscribe import published, wanted
from tests.support.bridge import eventually


def telephone(name: str = "chrome_recvonly", payload_type: int = 8) -> str:
    """An offer of somebody who takes one codec of sound alone, G.711 if nothing is said, and no pictures."""
    sound, _, _ = fixture(name).partition("m=video")
    sound = re.sub(r"(m=audio \S+ \S+).*\r\n", f"\\1 {payload_type}\r\n", sound)
    sound = re.sub(r"a=group:BUNDLE.*\r\n", "a=group:BUNDLE 0\r\n", sound)
    return re.sub(rf"a=(?:rtpmap|fmtp|rtcp-fb):(?!{payload_type} ).*\r\n", "", sound)


async def test_a_leg_that_makes_sound_hears_what_is_lost_of_it(bridge: Bridge) -> None:
    made = FakeLegs()
    bridge.sfu._legs = made
    audio, _ = await published(bridge)
    watcher, _ = bridge.open("watcher")
    await watcher.watch(telephone(), wanted(audio))
    (leg,) = made.running
    assert isinstance(leg.spec, LegSpec)
    assert leg.spec.target.name == "pcma"
    (transport, _) = bridge.core.called("create_webrtc_transport")[-1]
    bridge.estimate(transport, 300_000, lost=0.3)
    await eventually(lambda: leg.loss == 20)


def resting(offer: str) -> str:
    """The same of somebody who prefers that silence is not sent."""
    return offer.replace("useinbandfec=1", "useinbandfec=1;usedtx=1")


async def test_silence_is_left_out_where_all_receivers_prefer_that(bridge: Bridge) -> None:
    made = FakeLegs()
    bridge.sfu._legs = made
    caller, _ = bridge.open("caller")
    (audio,) = (await caller.publish(telephone("chrome_publish"))).producers
    offer = telephone(payload_type=111)
    prefers, _ = bridge.open("prefers")
    await prefers.watch(resting(offer), wanted(audio))
    (leg,) = made.running
    assert isinstance(leg.spec, LegSpec)
    assert (leg.spec.target.name, leg.dtx) == ("opus", True)
    other, _ = bridge.open("other")
    await other.watch(offer, wanted(audio))
    assert not leg.dtx
    await other.close()
    assert made.running == [leg]
    assert leg.dtx


async def test_a_mix_leaves_silence_out_where_all_who_hear_one_prefer_that(bridge: Bridge) -> None:
    made = FakeLegs()
    bridge.sfu._legs = made
    await published(bridge)
    offer = fixture("chrome_recvonly")
    watchers = [bridge.open(name)[0] for name in ("prefers", "other")]
    for watcher, said in zip(watchers, (resting(offer), offer), strict=True):
        await watcher.watch(said, (), view=View.COMPOSED)
    (leg,) = (each for each in made.running if isinstance(each.spec, MixSpec))
    assert not leg.dtx
    await watchers[1].close()
    assert leg.dtx


async def test_a_client_that_is_offered_says_so_in_its_answer(bridge: Bridge) -> None:
    made = FakeLegs()
    bridge.sfu._legs = made
    caller, _ = bridge.open("caller")
    (audio,) = (await caller.publish(telephone("chrome_publish"))).producers
    session, recorder = bridge.open("bo")
    session.set_subscriptions(wanted(audio))
    await recorder.wait_for("negotiation")
    # It lacks G.711, and takes what is offered next.
    offer = await session.subscribe_offer()
    await session.subscribe_answer(answer(offer.sdp), offer.revision)
    offer = await session.subscribe_offer()
    said = re.sub(r"(a=rtpmap:(\d+) opus.*\r\n)", r"\1a=fmtp:\2 usedtx=1\r\n", answer(offer.sdp))
    await session.subscribe_answer(said, offer.revision)
    (leg,) = made.running
    assert leg.dtx
