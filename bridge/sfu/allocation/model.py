"""What an allocation is made of, and what it says. Bitrates are in bit/s of RTP payload, as the core measures them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge._core import LayerState


class VideoState(StrEnum):
    """What becomes of one video on its way to one receiver."""

    VIDEO = "video"
    """Everything that is of use to the receiver."""
    REDUCED = "reduced"
    """A smaller picture, or fewer frames, than would be of use."""
    STILLS = "stills"
    """A picture now and then."""
    PAUSED = "paused_weak_line"
    """Nothing: the line does not carry it."""


@dataclass(frozen=True)
class Layer:
    """A layer of a producer that can be sent, with all that it needs."""

    spatial: int
    temporal: int
    bitrate: int
    """0 while nothing was measured."""
    width: int = 0
    """0 while unknown."""
    height: int = 0
    frame_rate: float = 0.0

    @classmethod
    def of(cls, state: LayerState) -> Layer:
        """As the core tells it."""
        size = (state["width"], state["height"])
        return cls(state["spatial"], state["temporal"], state["bitrate"], *size, state["frame_rate"])


@dataclass(frozen=True)
class Source:
    """A video that the receiver wants, in its order of preference within its rank."""

    producer_id: int
    layers: tuple[Layer, ...]
    """Empty while none is known."""
    rank: int = 0
    """Higher goes first: the active speaker before others, screens before speakers, pinned ones before all."""
    heeds: bool = True
    """Whether its publisher can be told what to send. Who cannot will not follow a thin line."""
    bounded: bool = False
    """Whether its publisher was asked to send less than it might: what its layers take is not what they could."""
    leads: bool = False
    """Whether what its publisher was asked for is what this very line takes: then its encoder fits in by itself."""
    max_height: int | None = None
    """Height of the receiver's tile in device pixels; more is of no use. None: whatever there is."""
    unbounded_bitrate: int = 0
    """What it took at most before its publisher was bounded, in bit/s; 0 where it is not."""
    next_pixels: int = 0
    """Size of a larger picture than any of these that its publisher may send yet; 0 for none."""
    sharp: bool = False
    """Whether size goes before frame rate: a screen, whose text is to be read."""


@dataclass(frozen=True)
class Choice:
    """What one video is sent as."""

    state: VideoState
    layer: Layer | None
    """None while nothing is sent, and while no layer is known."""
    bitrate: int
    """What it is expected to cost."""
    room: int
    """What the line would carry of it, as RTP payload: more is of no use to this receiver now."""
    still_seconds: float | None = None
    """How far still pictures are to be apart; None for a video that moves."""


@dataclass(frozen=True)
class Allocation:
    """What a line is spent on."""

    choices: Mapping[int, Choice]
    """By producer id."""
    allocated: int
    """Sound included."""
    desired: int
    """What would be spent if the line allowed it."""

    @property
    def is_whole(self) -> bool:
        """Whether everything is sent that is of use, and nothing could come on top of it."""
        whole = all(choice.state is VideoState.VIDEO and choice.layer is not None for choice in self.choices.values())
        return whole and self.allocated >= self.desired
