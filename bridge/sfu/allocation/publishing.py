"""Which of a producer's encodings its publisher is asked for, and which of them it may leave out on a thin line."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from bridge.sfu.allocation.ceiling import AMPLE_BITS_PER_PIXEL, LEAST_BITS_PER_PIXEL, least
from bridge.sfu.allocation.model import Layer

SURE = 1.2
"""So many times what the next larger encoding takes at least has a receiver's line to carry, for that to be needed."""
NEARLY = 0.9
"""Part of the ceiling that its line has to carry: the ceiling follows the best of the lines with some delay."""
PIXELS_OF_NEXT = 4
"""So many times as many has the next encoding, while it was not seen: twice the width and twice the height."""


@dataclass(frozen=True, slots=True)
class Received:
    """What a receiver gets of a video."""

    spatial: int | None
    """Which encoding; None for nothing, since its line is too weak."""
    room: int | None = None
    """What its line would carry of it, in bit/s; None while that is unknown."""
    complete: bool = False
    """Whether a larger picture would be of no use: the receiver shows it in this size."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Encodings by their index."""

    active: frozenset[int]
    """What is received, and one above for whoever can take more soon."""
    needed: frozenset[int]
    """Those of them without which somebody would get less than the line carries; all where that is not sure."""


def ask(received: Collection[Received], layers: Sequence[Layer], count: int, ceiling: int | None) -> Asked:
    """What to ask for, of a producer with `count` encodings of which `layers` are known.

    What nobody receives at all is sent in its least, so that whoever wants it sees it at once. None is sent that makes
    no good picture of the ceiling (bit/s for each; None for no bound).
    """
    best = max((each.spatial for each in received if each.spatial is not None), default=-1)
    if best < 0:
        return Asked(frozenset({0}), frozenset({0}))
    known = {layer.spatial: least(layer) for layer in layers}
    wants_more = any(each.spatial == best and not each.complete for each in received)
    above = wants_more and (ceiling is None or ceiling >= known.get(best + 1, 0))
    active = frozenset(range(min(best + 2 if above else best + 1, count)))
    needed = frozenset(_needed(each, layers, ceiling, active) for each in received if each.spatial is not None)
    return Asked(active, needed)


def next_pixels(layers: Sequence[Layer], count: int) -> int:
    """Of the encoding after the largest that was seen yet; 0 where there is none, or no size is known."""
    top = max(layers, key=lambda layer: layer.spatial, default=None)
    return 0 if top is None or top.spatial + 1 >= count else top.width * top.height * PIXELS_OF_NEXT


def _needed(receiver: Received, layers: Sequence[Layer], ceiling: int | None, active: frozenset[int]) -> int:
    """The encoding that a receiver is to get: the next larger one, where that is sure to suit it better."""
    assert receiver.spatial is not None  # noqa: S101 - the caller leaves those out
    larger = receiver.spatial + 1
    pixels = _pixels(layers, larger)
    if receiver.room is None or receiver.complete or larger not in active or pixels == 0:
        return receiver.spatial
    # An encoding takes up to its ceiling; without one, up to what is ample.
    most = pixels * AMPLE_BITS_PER_PIXEL if ceiling is None else ceiling * NEARLY
    fits = receiver.room >= max(most, pixels * LEAST_BITS_PER_PIXEL * SURE)
    return larger if fits else receiver.spatial


def _pixels(layers: Sequence[Layer], spatial: int) -> int:
    """Of an encoding, as known or as guessed from the next smaller one; 0 where neither is known."""
    sizes = {layer.spatial: layer.width * layer.height for layer in layers}
    return sizes.get(spatial) or sizes.get(spatial - 1, 0) * PIXELS_OF_NEXT
