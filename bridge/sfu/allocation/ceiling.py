"""How much of a video its publisher need send at most: no more than the best line to any receiver takes.

A receiver can be sent one encoding or another and nothing between them. Where all lines are thin, as in a call of two,
the publisher's encoder can do better than that: told of the room on the best of them, it fills that with the largest
picture that looks well in it. Nobody loses by it, since nobody could have received more.
"""

from __future__ import annotations

from collections.abc import Iterable

from bridge.sfu.allocation.model import Layer

LEAST_BITS_PER_PIXEL = 0.5
"""Bit/s per pixel of a picture below which a smaller one looks better: 640×360 at 115 kbit/s."""
AMPLE_BITS_PER_PIXEL = 3.3
"""Bit/s per pixel of the largest picture from which on a line is no bound: half as much again as encoders use."""
AMPLE_BITRATE = 1.2
"""The same as so many times what its publisher was seen to send: Chromium's own bound is 7 a pixel of 360 lines."""
AMPLE_UNKNOWN = 4_000_000
"""The same while no size is known, in bit/s."""
FALL = 0.93
"""A ceiling is lowered at once, when it is to be lower than this part of what was told."""
RISE = 1.04
"""It is raised when it may be higher by this, …"""
RISE_SECONDS = 1.0
"""… for so long, …"""
LEAP = 1.5
"""… or at once if by this much: the line is another one now."""
SMALLEST = 30_000
"""Less is never asked for, in bit/s: encoders make no picture of it."""


def least(layer: Layer) -> int:
    """What the encoding of a layer is to have at least, in bit/s; 0 while its size is unknown."""
    return round(layer.width * layer.height * LEAST_BITS_PER_PIXEL)


def wanted(rooms: Iterable[int | None], pixels: int, bitrate: int = 0) -> int | None:
    """The ceiling that the rooms of a producer's receivers make, in bit/s of RTP payload; None for none.

    `pixels` is the size of the largest encoding that there was or may come next, `bitrate` what one took at most; 0
    while unknown. None among the rooms stands for a line of which nothing is known: it bounds nobody.
    """
    best = 0
    for room in rooms:
        if room is None:
            return None
        best = max(best, room)
    ample = max(round(pixels * AMPLE_BITS_PER_PIXEL) or AMPLE_UNKNOWN, round(bitrate * AMPLE_BITRATE))
    return None if best == 0 or best >= ample else max(best, SMALLEST)


class Ceiling:
    """What the publisher of one producer was told, kept from changing with every breath of an estimate."""

    def __init__(self) -> None:
        self.told: int | None = None
        """Bit/s of RTP payload for each encoding at most; None for no bound."""
        self._higher_since: float | None = None

    def update(self, now: float, ceiling: int | None) -> bool:
        """Takes in what the ceiling should be; whether the publisher is to be told `told` anew."""
        told = self.told
        if ceiling == told:
            self._higher_since = None
            return False
        if ceiling is not None and (told is None or ceiling < told * FALL):
            return self._tell(ceiling)
        if told is None or (ceiling is not None and ceiling < told * RISE):
            self._higher_since = None
            return False
        if self._higher_since is None:
            self._higher_since = now
        if now - self._higher_since >= RISE_SECONDS or (ceiling is not None and ceiling >= told * LEAP):
            return self._tell(ceiling)
        return False

    def _tell(self, ceiling: int | None) -> bool:
        self.told, self._higher_since = ceiling, None
        return True
