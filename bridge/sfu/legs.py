"""What `sfu` needs of legs: processes that transcode a producer for a receiver, or make one picture or sound of many.

Whoever runs them is handed in by the composition root; without a runner there are no legs.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from bridge.errors import BridgeError
from bridge.sfu.types import AUTO_LAYOUT, ComposedLayout, MediaKind


@dataclass(frozen=True)
class LegCodec:
    """A codec as it is numbered between the core and a leg."""

    name: str
    """In small letters."""
    payload_type: int
    clock_rate: int
    channels: int = 1
    packetization_mode: int = 1
    """Of H.264 (RFC 6184, section 6.2)."""
    profile: str = ""
    """Of H.264, such as "constrained-baseline" or "high"; of H.263 the largest size: "qcif", "cif" or "4cif"."""


@dataclass(frozen=True)
class LegSpec:
    """What a leg is to do."""

    kind: MediaKind
    source: tuple[LegCodec, ...]
    target: LegCodec
    ssrc: int
    """SSRC of what it sends."""
    orientation_extension: int | None = None
    """Id of the video orientation extension on its transport."""
    target_events: LegCodec | None = None
    thin_ssrc: int | None = None
    """SSRC of a second encoding of a picture, for thin lines; None where none is ever made."""


@dataclass(frozen=True)
class ComposeSpec:
    """A leg that makes one picture of many; `PictureScene` says of which."""

    target: LegCodec
    ssrc: int
    thin_ssrc: int
    """SSRC of a second encoding, for thin lines."""
    orientation_extension: int | None = None


@dataclass(frozen=True)
class MixSpec:
    """A leg that mixes sounds; `SoundScene` says which, and for whom."""


AnyLegSpec: TypeAlias = LegSpec | ComposeSpec | MixSpec


@dataclass(frozen=True)
class SceneSource:
    """Somebody's camera or screen in a composed picture."""

    id: str
    name: str = field(repr=False)
    ssrc: int | None
    """Of its stream on the leg's transport; None while none comes."""
    codecs: tuple[LegCodec, ...] = ()
    screen: bool = False
    pinned: bool = False
    speaking: bool = False
    muted: bool = False


@dataclass(frozen=True)
class PictureScene:
    """Who stands in a composed picture, in order."""

    sources: tuple[SceneSource, ...]
    layout: ComposedLayout = AUTO_LAYOUT


@dataclass(frozen=True)
class SceneSound:
    """A stream of sound on a leg's transport."""

    ssrc: int
    codecs: tuple[LegCodec, ...]


@dataclass(frozen=True)
class SceneVoice:
    """All that is heard of one participant."""

    id: str
    sounds: tuple[SceneSound, ...]


@dataclass(frozen=True)
class SceneOutput:
    """A mix that is made."""

    ssrc: int
    codec: LegCodec
    without: str | None
    """The participant whose own voice is left out; None for nobody's."""


@dataclass(frozen=True)
class SoundScene:
    """What is mixed, and for whom."""

    voices: tuple[SceneVoice, ...]
    outputs: tuple[SceneOutput, ...]


Scene: TypeAlias = PictureScene | SoundScene


class LegListener(Protocol):
    """Who is told what becomes of a leg."""

    def on_leg_ended(self, code: str) -> None:
        """It ended for good by itself: `leg_failed`, or what it cannot do, such as `codec_unavailable`."""


class Leg(Protocol):
    """A leg that has its place in the budget."""

    @property
    def restarts(self) -> int:
        """How often its process ended and was started again."""

    @property
    def stats(self) -> Mapping[str, float]:
        """What it last told of itself."""

    def connect(self, media: socket.socket) -> None:
        """Starts it on a UDP socket that is connected to its transport, and stays the caller's, open until `stop`."""

    def set_bitrate(self, bitrate: int, thin: int = 0) -> None:
        """What it may send from now on, in bit/s, and what of a second encoding for thin lines; 0 for none."""

    def set_loss(self, percent: int) -> None:
        """What its receivers lose of the sound that it makes."""

    def set_dtx(self, dtx: bool) -> None:
        """Whether all its receivers prefer that silence is not sent; a thin line has none sent without that."""

    def set_scene(self, scene: Scene) -> None:
        """What a leg of many inputs makes its picture or its mixes of, from now on."""

    def stop(self) -> None:
        """Ends it and frees its place. Idempotent; its listener hears nothing more."""


class LegRunner(Protocol):
    """Who runs legs."""

    @property
    def enabled(self) -> bool:
        """Whether there are legs at all. Without, a codec that a receiver lacks is `unsupported_codec`."""

    def reserve(self, spec: AnyLegSpec, bitrate: int, listener: LegListener) -> Leg:
        """A place for a leg. Raises `BridgeError` (`legs_exhausted`) when the budget is spent."""


class NoLegs:
    """A runner without any."""

    enabled = False

    def reserve(self, spec: AnyLegSpec, bitrate: int, listener: LegListener) -> Leg:
        """Refuses."""
        raise BridgeError("legs_exhausted", "this bridge transcodes nothing", hint="see [legs] in the configuration")
