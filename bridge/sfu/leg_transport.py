"""The `PlainTransport` that a leg hangs on: what it consumes of the room, and what it gives back as producers."""

from __future__ import annotations

import contextlib
import secrets
import socket
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from bridge.sfu import ice
from bridge.sfu.allocation.model import Layer
from bridge.sfu.legs import Leg, LegCodec
from bridge.sfu.sdp.codecs import MediaCodec
from bridge.sfu.sdp.description import Codec, parameter
from bridge.sfu.types import MediaKind

if TYPE_CHECKING:
    from bridge._core import Event, HeaderExtension
    from bridge.sfu.router import PublishedProducer, Router

ORIENTATION = 1
"""Id of the video orientation extension (3GPP TS 26.114) between the core and legs."""
FEEDBACK = ("nack", "nack pli", "ccm fir")
DECODED = {"video": ("vp8", "vp9", "h264", "av1"), "audio": ("opus", "g722", "pcma", "pcmu", "telephone-event")}
"""What legs take in, by kind."""
MAX_HEIGHT = 720
"""Of several layers the highest up to this is taken in."""
_LOOPBACK = "127.0.0.1"
_ORIENTATION_URI = "urn:3gpp:video-orientation"
_SOCKET_BUFFER = 1 << 20


def new_ssrc() -> int:
    """One by chance, never 0."""
    return secrets.randbelow(0xFFFFFFFF) + 1


def leg_codec(codec: Codec) -> LegCodec:
    """A codec as legs know it."""
    mode = int(parameter(codec.parameters, "packetization-mode") or "0") if codec.key == "h264" else 1
    return LegCodec(codec.key, codec.payload_type, codec.clock_rate, codec.channels, mode)


def taken(published: PublishedProducer) -> list[Codec]:
    """Those of a producer's codecs that a leg takes in."""
    known = DECODED[published.producer.kind]
    return [each.codec for each in published.codecs if each.codec.key in known]


class LegTransport:
    """Made in the core at once; the leg is connected as soon as the transport has its socket."""

    def __init__(self, router: Router, leg: Leg, on_lost: Callable[[], None]) -> None:
        self._router = router
        self._leg = leg
        self._on_lost = on_lost
        self._media = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._media.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SOCKET_BUFFER)
        self._media.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BUFFER)
        self._media.bind((_LOOPBACK, 0))
        self._transport_id = router.new_id()
        self._producers: set[int] = set()
        self._consumers: set[int] = set()
        router.worker.route(self._transport_id, self._on_event)
        extensions: list[HeaderExtension] = [{"uri": _ORIENTATION_URI, "id": ORIENTATION}]
        router.worker.core.create_plain_transport(
            self._transport_id,
            {
                "router_id": router.router_id,
                "listen_ip": _LOOPBACK,
                "remote": "{}:{}".format(*self._media.getsockname()),
                "receive_extensions": extensions,
                "send_extensions": extensions,
            },
        )

    def produce(self, producer_id: int, kind: MediaKind, codecs: Sequence[MediaCodec], ssrc: int) -> None:
        """What the leg sends under this SSRC becomes a producer of the router."""
        self._producers.add(producer_id)
        self._router.worker.route(producer_id, self._on_producer)
        self._router.worker.core.create_producer(
            producer_id,
            {
                "transport_id": self._transport_id,
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
                "encodings": [{"ssrc": ssrc}],
            },
        )

    def end_producer(self, producer_id: int) -> None:
        """Ends a producer before the leg ends."""
        self._producers.discard(producer_id)
        self._router.worker.unroute(producer_id)
        self._router.worker.core.close_producer(producer_id)

    def consume(self, published: PublishedProducer, ssrc: int) -> int:
        """Has a producer of the room sent to the leg under this SSRC; the consumer's id."""
        consumer_id = self._router.new_id()
        self._consumers.add(consumer_id)
        self._router.worker.core.create_consumer(
            consumer_id,
            {
                "transport_id": self._transport_id,
                "producer_id": published.producer.producer_id,
                "ssrc": ssrc,
                "cname": self._router.cname(f"leg {self._transport_id}"),
                "payload_types": [
                    {"producer_payload_type": each.payload_type, "payload_type": each.payload_type}
                    for each in taken(published)
                ],
                "rtcp_feedback": list(FEEDBACK) if published.producer.kind == "video" else ["nack"],
            },
        )
        return consumer_id

    def choose_layer(self, consumer_id: int, spatial: int) -> None:
        """Which encoding of a video the leg gets, with all its frames."""
        allocation = {"spatial": spatial, "temporal": 7, "still_interval_ms": None}
        self._router.worker.core.allocate_consumer(consumer_id, allocation)  # type: ignore[arg-type]

    def end_consumer(self, consumer_id: int, *, ended: bool) -> None:
        """Nothing more of a producer is sent to the leg; `ended`: since the producer itself has ended."""
        self._consumers.discard(consumer_id)
        if not ended:
            self._router.worker.core.close_consumer(consumer_id)

    def close(self) -> None:
        """Ends the leg, and what it hangs on. The core ends producers and consumers with the transport."""
        self._leg.stop()
        self._media.close()
        worker = self._router.worker
        for identifier in (self._transport_id, *self._producers):
            worker.unroute(identifier)
        with contextlib.suppress(RuntimeError):
            # A worker that has died takes no command, and has forgotten everything anyway.
            worker.core.close_transport(self._transport_id)

    def _on_event(self, event: Event) -> None:
        match event["type"]:
            case "plain_transport_ready":
                address, port = ice.parse_address(event["local"])
                self._media.connect((str(address), port))
                self._leg.connect(self._media)
            case "transport_closed" | "command_failed":
                self._on_lost()

    def _on_producer(self, event: Event) -> None:
        if event["type"] == "producer_layers":
            self._router.on_layers(event["producer_id"], [Layer.of(each) for each in event["layers"]])


def layer_up_to(layers: Sequence[Layer], height: int) -> Layer | None:
    """The largest layer of no more lines than this, or the smallest there is; None where none is known."""
    fitting = [layer for layer in layers if layer.height <= height]
    if fitting:
        return max(fitting, key=lambda layer: (layer.height, layer.spatial))
    return min(layers, key=lambda layer: layer.height, default=None)
