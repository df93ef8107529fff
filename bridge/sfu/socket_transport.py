"""A `PlainTransport` of a router with a socket of this host at its other end: what legs and recordings hang on."""

from __future__ import annotations

import contextlib
import secrets
import socket
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from bridge.sfu import ice
from bridge.sfu.allocation.model import Layer
from bridge.sfu.allocation.publishing import Received
from bridge.sfu.sdp.description import Codec
from bridge.sfu.sdp.extensions import VIDEO_ORIENTATION

if TYPE_CHECKING:
    from bridge._core import ConsumerAllocation, Event, HeaderExtension
    from bridge.sfu.router import PublishedProducer, Router

ORIENTATION = 1
"""Id of the video orientation extension (3GPP TS 26.114) on such a transport."""
FEEDBACK = ("nack", "nack pli", "ccm fir")
"""What is negotiated of pictures; sounds have the first."""
MAX_HEIGHT = 720
"""Of several layers the highest up to this is taken in."""
_LOOPBACK = "127.0.0.1"


def new_ssrc() -> int:
    """One by chance, never 0."""
    return secrets.randbelow(0xFFFFFFFF) + 1


class SocketTransport:
    """Made in the core at once; its socket is connected a moment later."""

    def __init__(
        self, router: Router, on_ready: Callable[[], None], on_lost: Callable[[], None], *, buffer: int
    ) -> None:
        """`on_ready`: the socket is connected; `on_lost`: the transport, or its worker, is gone. `buffer`: bytes."""
        self._router = router
        self._on_ready = on_ready
        self._on_lost = on_lost
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
        self.socket.bind((_LOOPBACK, 0))
        self.transport_id = router.new_id()
        router.worker.route(self.transport_id, self._on_event)
        extensions: list[HeaderExtension] = [{"uri": VIDEO_ORIENTATION, "id": ORIENTATION}]
        router.worker.core.create_plain_transport(
            self.transport_id,
            {
                "router_id": router.router_id,
                "listen_ip": _LOOPBACK,
                "remote": "{}:{}".format(*self.socket.getsockname()),
                "receive_extensions": extensions,
                "send_extensions": extensions,
            },
        )

    def consume(
        self, published: PublishedProducer, ssrc: int, taken: Sequence[Codec], cname: str, *, paused: bool = False
    ) -> int:
        """Has a producer of the room sent to the socket under this SSRC, in these of its codecs; the consumer's id."""
        consumer_id = self._router.new_id()
        self._router.worker.core.create_consumer(
            consumer_id,
            {
                "transport_id": self.transport_id,
                "producer_id": published.producer.producer_id,
                "ssrc": ssrc,
                "cname": self._router.cname(cname),
                "payload_types": [
                    {"producer_payload_type": each.payload_type, "payload_type": each.payload_type} for each in taken
                ],
                "rtcp_feedback": list(FEEDBACK if published.producer.kind == "video" else FEEDBACK[:1]),
                "paused": paused,
            },
        )
        return consumer_id

    def choose_layer(self, consumer_id: int, spatial: int) -> None:
        """Which encoding of a video is sent, with all its frames."""
        allocation: ConsumerAllocation = {"spatial": spatial, "temporal": 7, "priority": 0, "still_interval_ms": None}
        self._router.worker.core.allocate_consumer(consumer_id, allocation)

    def end_consumer(self, consumer_id: int) -> None:
        """Nothing more of a producer is sent."""
        with contextlib.suppress(RuntimeError):
            # A worker that has died takes no command, and has forgotten everything anyway.
            self._router.worker.core.close_consumer(consumer_id)

    def close(self) -> None:
        """The core ends producers and consumers with it."""
        self.socket.close()
        self._router.worker.unroute(self.transport_id)
        with contextlib.suppress(RuntimeError):
            self._router.worker.core.close_transport(self.transport_id)

    def _on_event(self, event: Event) -> None:
        match event["type"]:
            case "plain_transport_ready":
                address, port = ice.parse_address(event["local"])
                self.socket.connect((str(address), port))
                self._on_ready()
            case "transport_closed" | "command_failed":
                self._on_lost()


def layer_up_to(layers: Sequence[Layer], height: int) -> Layer | None:
    """The largest layer of no more lines than this, or the smallest there is; None where none is known."""
    fitting = [layer for layer in layers if layer.height <= height]
    if fitting:
        return max(fitting, key=lambda layer: (layer.height, layer.spatial))
    return min(layers, key=lambda layer: layer.height, default=None)


def received(layer: Layer, height: int, room: int | None = None) -> Received:
    """What a receiver that takes in up to so many lines gets: more is of use while twice as many would still fit."""
    return Received(layer.spatial, room, complete=layer.height * 2 > height)
