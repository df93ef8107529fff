"""What a leg hangs on: what it consumes of the room, and what it gives back as producers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from bridge.sfu.allocation.model import Layer
from bridge.sfu.legs import Leg, LegCodec
from bridge.sfu.sdp.codecs import H263, MediaCodec, h263_size, h264_profile
from bridge.sfu.sdp.description import Codec, parameter
from bridge.sfu.socket_transport import SocketTransport
from bridge.sfu.types import MediaKind

if TYPE_CHECKING:
    from bridge._core import Event
    from bridge.sfu.router import PublishedProducer, Router

DECODED = {"video": ("vp8", "vp9", "h264", "av1", *H263), "audio": ("opus", "g722", "pcma", "pcmu", "telephone-event")}
"""What legs take in, by kind."""
_SOCKET_BUFFER = 1 << 20


def leg_codec(codec: Codec) -> LegCodec:
    """A codec as legs know it."""
    made = LegCodec(codec.key, codec.payload_type, codec.clock_rate, codec.channels)
    if codec.key in H263:
        return replace(made, profile=h263_size(codec.parameters))
    if codec.key != "h264":
        return made
    mode = int(parameter(codec.parameters, "packetization-mode") or "0")
    return replace(made, packetization_mode=mode, profile=h264_profile(codec.parameters) or "")


def taken(published: PublishedProducer) -> list[Codec]:
    """Those of a producer's codecs that a leg takes in."""
    known = DECODED[published.producer.kind]
    return [each.codec for each in published.codecs if each.codec.key in known]


class LegTransport:
    """The leg is connected as soon as the transport has its socket."""

    def __init__(self, router: Router, leg: Leg, on_lost: Callable[[], None]) -> None:
        self._router = router
        self._leg = leg
        self._plain = SocketTransport(router, self._ready, on_lost, buffer=_SOCKET_BUFFER)
        self._producers: set[int] = set()
        self.choose_layer = self._plain.choose_layer
        self.end_consumer = self._plain.end_consumer

    def produce(self, producer_id: int, kind: MediaKind, codecs: Sequence[MediaCodec], *ssrcs: int) -> None:
        """What the leg sends under these SSRCs becomes a producer of the router, with an encoding of each."""
        self._producers.add(producer_id)
        self._router.worker.route(producer_id, self._on_producer)
        self._router.worker.core.create_producer(
            producer_id,
            {
                "transport_id": self._plain.transport_id,
                "kind": kind,
                "codecs": [
                    {
                        "payload_type": each.codec.payload_type,
                        "name": each.codec.name,
                        "clock_rate": each.codec.clock_rate,
                        "rtcp_feedback": list(each.codec.feedback),
                    }
                    for each in codecs
                ],
                "encodings": [{"ssrc": ssrc} for ssrc in ssrcs],
            },
        )

    def end_producer(self, producer_id: int) -> None:
        """Ends a producer before the leg ends."""
        self._producers.discard(producer_id)
        self._router.worker.unroute(producer_id)
        self._router.worker.core.close_producer(producer_id)

    def consume(self, published: PublishedProducer, ssrc: int) -> int:
        """Has a producer of the room sent to the leg under this SSRC; the consumer's id."""
        return self._plain.consume(published, ssrc, taken(published), f"leg {self._plain.transport_id}")

    def close(self) -> None:
        """Ends the leg, and what it hangs on."""
        self._leg.stop()
        for producer_id in self._producers:
            self._router.worker.unroute(producer_id)
        self._plain.close()

    def _ready(self) -> None:
        self._leg.connect(self._plain.socket)

    def _on_producer(self, event: Event) -> None:
        if event["type"] == "producer_layers":
            self._router.on_layers(event["producer_id"], [Layer.of(each) for each in event["layers"]])
