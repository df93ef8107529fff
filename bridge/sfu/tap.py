"""A tap: producers of a room as plain RTP on a socket of this host, for whoever records them.

Each producer has a consumer on one transport, told apart by their SSRCs. What a recording cannot hold comes by way of
a leg that makes VP8 or Opus of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from bridge.errors import BridgeError
from bridge.sfu.allocation.sharing import MAIN, MAX_BITRATE
from bridge.sfu.derived import DerivedProducer
from bridge.sfu.leg_transport import leg_codec
from bridge.sfu.legs import LegCodec
from bridge.sfu.sdp.codecs import MediaCodec
from bridge.sfu.socket_transport import MAX_HEIGHT, ORIENTATION, SocketTransport, layer_up_to, new_ssrc, received
from bridge.sfu.types import AudioLevel, LegReport, MediaKind

if TYPE_CHECKING:
    from bridge.sfu.router import Router

TAKEN = {"video": ("vp8", "vp9", "av1"), "audio": ("opus",)}
"""What goes into WebM as it comes."""
_SOCKET_BUFFER = 4 << 20
"""Bytes asked for: it holds what comes while a disk takes its time."""


@dataclass(frozen=True)
class TappedTrack:
    """A producer as it comes out of a tap."""

    producer_id: int
    """As it was asked for."""
    ssrc: int
    kind: MediaKind
    codecs: tuple[LegCodec, ...]
    """The payload type tells which."""
    orientation_extension: int | None
    """Id of the video orientation extension."""


class TapListener(Protocol):
    """Who is told what becomes of a tap. Called on the event loop; must not block and not raise."""

    def on_tap_ready(self) -> None:
        """Its socket is connected: packets come from now on."""

    def on_tap_ended(self, producer_id: int) -> None:
        """A producer ended, or the leg that it comes by; the track has ended with it."""

    def on_tap_lost(self) -> None:
        """The transport, or the worker that carried it, is gone, and the tap with it."""


@dataclass
class _Tapped:
    track: TappedTrack
    consumer_id: int
    consumed_id: int
    """The producer that is consumed for it: itself, or one derived of it."""
    derived: DerivedProducer | None
    spatial: int | None = None


class Tap:
    """Made by `Sfu.open_tap`. A member of its router: the room's media lives on for as long as it is open."""

    def __init__(
        self, session_id: str, router: Router, listener: TapListener, on_closed: Callable[[Tap], None]
    ) -> None:
        self.session_id = session_id
        self.room_id = router.room_id
        self._router = router
        self._listener = listener
        self._on_closed = on_closed
        self._tapped: dict[int, _Tapped] = {}
        self._paused = False
        self._closed = False
        self._plain = SocketTransport(router, listener.on_tap_ready, self._lost, buffer=_SOCKET_BUFFER)
        self.socket = self._plain.socket
        """Connected to the transport once the listener is told so. It stays the tap's."""
        router.transport_made()

    def add(self, producer_id: int) -> TappedTrack:
        """Takes in a producer of the room; a picture begins with a keyframe, which is asked for.

        Raises `BridgeError`: `unknown_producer`, `unsupported_codec`, `legs_exhausted`.
        """
        published = self._router.producers.get(producer_id)
        if self._closed or published is None:
            raise BridgeError("unknown_producer", "the room has no such producer", field="producer")
        if producer_id in self._tapped:
            return self._tapped[producer_id].track
        kind = published.producer.kind
        derived = None
        consumed_id = producer_id
        if _sent(published.codecs) not in TAKEN[kind]:
            derived = self._router.derived.derive_for(
                producer_id, lambda made: 0 if _sent(made) in TAKEN[kind] else None
            )
            if derived is None:
                raise BridgeError("unsupported_codec", "nothing that can be recorded is sent, and no leg makes it")
            consumed_id = derived.acquire(self, MAX_BITRATE)
        consumed = self._router.producers[consumed_id]
        taken = [each.codec for each in consumed.codecs if each.codec.key in TAKEN[kind]]
        orientation = ORIENTATION if kind == "video" else None
        track = TappedTrack(producer_id, new_ssrc(), kind, tuple(map(leg_codec, taken)), orientation)
        cname = f"tap {published.owner}"
        consumer_id = self._plain.consume(consumed, track.ssrc, taken, cname, paused=self._paused)
        self._tapped[producer_id] = _Tapped(track, consumer_id, consumed_id, derived)
        self.layers_changed(consumed_id)
        return track

    def on_encoding(self, producer_id: int, encoding: int, bitrate: int) -> None:
        """Told by what a leg makes. No line bounds a tap, so that it has the main encoding."""

    def remove(self, producer_id: int) -> None:
        """Takes it out again; ignored for one that is not in."""
        tapped = self._tapped.pop(producer_id, None)
        if tapped is None:
            return
        self._plain.end_consumer(tapped.consumer_id)
        self._let_go(tapped)

    def pause(self, paused: bool) -> None:
        """Stops or resumes everything at once; pictures go on with a keyframe."""
        if paused is not self._paused and not self._closed:
            self._paused = paused
            for tapped in self._tapped.values():
                self._router.worker.core.pause_consumer(tapped.consumer_id, paused)

    def close(self) -> None:
        """Ends it. Idempotent; its listener hears nothing more."""
        if self._closed:
            return
        self._closed = True
        tapped, self._tapped = self._tapped, {}
        self._plain.close()
        for each in tapped.values():
            self._let_go(each)
        self._on_closed(self)

    # As a member of the router

    def producers_ended(self, producer_ids: Sequence[int]) -> None:
        """Told by the router: producers of the room ended, and with them their consumers."""
        for producer_id, tapped in tuple(self._tapped.items()):
            if producer_id in producer_ids or tapped.consumed_id in producer_ids:
                del self._tapped[producer_id]
                self._let_go(tapped)
                self._listener.on_tap_ended(producer_id)

    def layers_changed(self, producer_id: int) -> None:
        """Told by the router: the layers of a producer changed. The highest that a leg would take is taken."""
        tapped = next((each for each in self._tapped.values() if each.consumed_id == producer_id), None)
        if tapped is None:
            return
        layers = self._router.layers.get(producer_id, ())
        if tapped.derived is not None:
            # The thin encoding may be as large, and is remembered when it is made no more.
            layers = tuple(layer for layer in layers if layer.spatial == MAIN)
        layer = layer_up_to(layers, MAX_HEIGHT)
        if layer is not None and layer.spatial != tapped.spatial:
            tapped.spatial = layer.spatial
            self._plain.choose_layer(tapped.consumer_id, layer.spatial)
            self._router.receives(tapped.track, producer_id, received(layer, MAX_HEIGHT))

    def audio_levels(self, levels: Sequence[AudioLevel]) -> None:
        """Told by the router: of no interest here."""

    def active_speaker(self, producer_id: int | None) -> None:
        """Told by the router: of no interest here."""

    def legs_changed(self, legs: Sequence[LegReport]) -> None:
        """Told by the router: of no interest here."""

    def lost(self, reason: str) -> None:
        """Told by the router: the worker died."""
        self._lost()

    def _let_go(self, tapped: _Tapped) -> None:
        self._router.receives_no_more(tapped.track, tapped.consumed_id)
        if tapped.derived is not None:
            tapped.derived.release(self)

    def _lost(self) -> None:
        self.close()
        self._listener.on_tap_lost()


def _sent(codecs: Sequence[MediaCodec]) -> str:
    """The codec that is sent, in small letters."""
    return next((each.codec.key for each in codecs if each.codec.key != "red"), codecs[0].codec.key)
