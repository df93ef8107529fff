"""What a publisher is asked for in all that hears nothing of our signalling: the ceilings of its videos, by REMB.

REMB bounds all that a connection sends, so what the sound takes is put on top. How the rest is divided is the encoder's
affair. With several encodings of one video each that anybody receives has the ceiling to itself: encoders that divide
evenly give it just that, and libwebrtc, which fills the smallest encoding first, leaves the largest of them what the
others do not take. The ceiling alone for all of them would starve those whose lines carry the larger ones; the
encodings that nobody receives get nothing by it, and are the first that libwebrtc leaves out.
"""

from __future__ import annotations

from collections.abc import Iterable

from bridge.sfu.allocation.allocator import OVERHEAD
from bridge.sfu.types import WantedEncodings

SOUND = 60_000
"""What libwebrtc sets aside for Opus with the headers of frames of 20 ms, whatever is said, in bit/s.

So the sound is never made smaller by a bound: the smallest picture comes on top.
"""


def bound(videos: Iterable[WantedEncodings], sounds: int) -> int | None:
    """What the connection is to carry at most, in bit/s with headers; None for no bound.

    A video without a ceiling may take anything. `sounds`: how many the publisher counts among what it is bounded to.
    """
    total = 0
    for wanted in videos:
        if wanted.max_bitrate is None:
            return None
        total += wanted.max_bitrate * max(1, sum(wanted.active))
    return round(total * OVERHEAD) + sounds * SOUND if total > 0 else None
