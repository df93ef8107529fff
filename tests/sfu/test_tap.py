"""A tap: which of what there is of a picture is recorded."""

from __future__ import annotations

from bridge.sfu.allocation.sharing import MAIN, THIN
from tests.sfu.conftest import Bridge
from tests.sfu.fake_legs import FakeLegs
from tests.sfu.test_subscribe import published
from tests.support.bridge import eventually


class Listener:
    """Nobody is told anything."""

    def on_tap_ready(self) -> None: ...

    def on_tap_ended(self, producer_id: int) -> None: ...

    def on_tap_lost(self) -> None: ...


def layer(spatial: int, height: int = 360) -> dict[str, object]:
    return {
        "spatial": spatial,
        "temporal": 0,
        "bitrate": 0,
        "width": height * 16 // 9,
        "height": height,
        "frame_rate": 25.0,
    }


async def test_of_what_a_leg_makes_the_thin_encoding_is_not_recorded(bridge: Bridge) -> None:
    bridge.sfu._legs = FakeLegs()
    (video,) = [each for each in await published(bridge, "ffmpeg_publish") if each.kind == "video"]
    assert video.codecs == ("H264",)
    tap = bridge.sfu.open_tap("room", "tap", Listener())
    tap.add(video.producer_id)
    made, params = bridge.core.called("create_producer")[-1]
    assert len(params["encodings"]) == 2
    # A thin one as large as the main one comes, then only that, then a smaller main one.
    for layers in ([layer(MAIN), layer(THIN)], [layer(THIN, 720)], [layer(MAIN, 180), layer(THIN)]):
        bridge.core.emit(type="producer_layers", producer_id=made, layers=layers)
    router = bridge.sfu._routers["room"]
    await eventually(lambda: {each.height for each in router.layers.get(made, ())} == {180, 360})
    assert [told["spatial"] for _, told in bridge.core.called("allocate_consumer")] == [MAIN]
    tap.close()
