"""What the legs that make sound are told of those who receive it."""

from __future__ import annotations

import re

from bridge.sfu.legs import LegSpec
from tests.sfu.conftest import Bridge
from tests.sfu.fake_legs import FakeLegs
from tests.sfu.support import fixture
from tests.sfu.test_subscribe import published, wanted
from tests.support.bridge import eventually


def telephone() -> str:
    """An offer of somebody who takes G.711 alone, and no pictures."""
    sound, _, _ = fixture("chrome_recvonly").partition("m=video")
    sound = re.sub(r"(m=audio \S+ \S+).*\r\n", "\\1 8\r\n", sound)
    sound = re.sub(r"a=group:BUNDLE.*\r\n", "a=group:BUNDLE 0\r\n", sound)
    return re.sub(r"a=(?:rtpmap|fmtp|rtcp-fb):(?!8 ).*\r\n", "", sound)


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
    bridge.core.emit(
        type="estimate",
        transport_id=transport,
        bitrate=300_000,
        source="transport_feedback",
        fraction_lost=0.3,
        proven=True,
        round_trip_time=0.1,
        queue_delay=0.0,
    )
    await eventually(lambda: leg.loss == 20)
