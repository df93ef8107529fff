"""How much of six faces is left in one picture: each tile, decoded, and its source, scaled alike (SSIM of luma)."""

from __future__ import annotations

import statistics

import av

from bridge.transcode.compose import Compositor, LayoutSettings, Source, choose_rung
from bridge.transcode.messages import CodecSpec
from bridge.transcode.payload import DEPACKETISE
from bridge.transcode.video_codecs import decoder, encoder
from scripts.leg_benches.material import PARTIES, RATE, pictures
from tests.transcode.compose.test_compositor import reference
from tests.transcode.pictures import luma, ssim

HEAD = "| for the picture, kbit/s | size | sent, kbit/s | SSIM, mean | least |\n|---|---|---|---|---|"
BITRATES = (30_000, 45_000, 75_000, 100_000, 150_000, 220_000)


def faces(bitrate: int, seconds: float) -> str:
    """Six times carphone, each at another place of it, composed and encoded as for a line with so much for it."""
    rung, shown = choose_rung(bitrate), pictures(seconds)
    compositor = Compositor(LayoutSettings("grid", rung.width, rung.height))
    sources = [Source(str(n), f"Party {n}") for n in range(PARTIES)]
    made, taken, alike, size = encoder(CodecSpec("vp8", 101, 90_000), bitrate, rung.frame_rate), decoder("vp8"), [], 0
    for number in range(round(seconds * rung.frame_rate)):
        for party, source in enumerate(sources):
            source.arrive(shown[(number * RATE // rung.frame_rate + 40 * party) % len(shown)], number / rung.frame_rate)
        whole = compositor.compose(number / rung.frame_rate, sources)
        payloads = made.encode(whole, number * 90_000 // rung.frame_rate, keyframe=number == 0)
        size += sum(len(payload) for payload in payloads)
        pictures_back = taken.decode(av.Packet(DEPACKETISE["vp8"](payloads))) if payloads else []
        assert compositor.arrangement is not None
        # One a second: nothing is learned from more.
        if pictures_back and number % rung.frame_rate == rung.frame_rate - 1:
            for tile in compositor.arrangement.tiles:
                frame, place = sources[int(tile.id)].frame, tile.picture
                back = luma(pictures_back[0])[place.y : place.y + place.height, place.x : place.x + place.width]
                alike.append(ssim(back, reference(frame, place)))
    rate = size * 8 / seconds / 1000
    return (
        f"| {bitrate // 1000} | {rung.width}×{rung.height}, {rung.frame_rate} a second | {rate:.0f}"
        f" | {statistics.mean(alike):.3f} | {min(alike):.3f} |"
    )
