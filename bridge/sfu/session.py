"""The media of one participant: a publish and a subscribe connection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bridge.sfu.types import (
    ConnectionKind,
    PublishResult,
    SubscribeOffer,
    SubscribeResult,
    Subscription,
    WatchResult,
)


class MediaSession:
    """The media of one participant. Made by `Sfu.open_session`.

    Every method raises `BridgeError` and leaves what was negotiated before as it was: `sdp_invalid` (the field names
    the line), `session_closed`, and those listed at each method.
    """

    room_id: str
    session_id: str

    async def publish(self, offer: str) -> PublishResult:
        """Answers an offer of the publish connection.

        Call it again for re-offers, also with new ICE credentials (ICE restart); a re-offer with another DTLS
        fingerprint or another order of MIDs raises `sdp_invalid`.
        """
        raise NotImplementedError("publishing is not built yet")

    def pause_producer(self, producer_id: int, paused: bool) -> None:
        """Stops or resumes forwarding a producer of this session to anyone. Raises `unknown_producer`."""
        raise NotImplementedError("publishing is not built yet")

    def close_producer(self, producer_id: int) -> None:
        """Ends a producer of this session without a re-offer. Raises `unknown_producer`."""
        raise NotImplementedError("publishing is not built yet")

    def set_subscriptions(self, wanted: Sequence[Subscription]) -> None:
        """Says the whole set of producers to receive over a subscribe connection offered by the bridge.

        Producers no longer wanted stop at once; `paused` takes effect at once; new ones start with the answer to the
        offer that `SessionListener.on_negotiation_needed` asks for. Unknown producers are left out and reported by the
        next `subscribe_answer`. Raises `too_many_subscriptions`.
        """
        raise NotImplementedError("subscribing is not built yet")

    async def subscribe_offer(self, *, ice_restart: bool = False) -> SubscribeOffer:
        """An offer for all that is wanted now. It supersedes one that is still unanswered.

        Raises `nothing_to_offer` while nothing was ever wanted: there is no m-line to offer then.
        """
        raise NotImplementedError("subscribing is not built yet")

    async def subscribe_answer(self, answer: str, revision: int) -> SubscribeResult:
        """Takes the client's answer to the offer of this revision. Raises `stale_answer` if it was superseded."""
        raise NotImplementedError("subscribing is not built yet")

    async def watch(self, offer: str, producers: Sequence[Subscription]) -> WatchResult:
        """Answers a recvonly offer (WHEP): places the producers, in this order, on the m-lines offered.

        A session either watches or has a bridge-offered subscribe connection. Call it again for re-offers.
        """
        raise NotImplementedError("watching is not built yet")

    async def restart_ice(self, kind: ConnectionKind, fragment: str) -> str | None:
        """Takes the body of a WHIP/WHEP PATCH (`application/trickle-ice-sdpfrag`, RFC 8840).

        Returns the fragment to answer with if it was an ICE restart (its credentials are new), None if it only told
        candidates, which a lite agent has no use for. Raises `no_connection` if there is none of this kind.
        """
        raise NotImplementedError("ICE restart is not built yet")

    def request_keyframe(self, producer_id: int) -> None:
        """Asks the publisher of a producer for a keyframe (throttled by the core)."""
        raise NotImplementedError("publishing is not built yet")

    async def stats(self) -> dict[str, Any]:
        """Statistics: `{"publish": TransportStats | None, "subscribe": TransportStats | None}` as in `_core.pyi`."""
        raise NotImplementedError("statistics are not built yet")

    async def close(self) -> None:
        """Ends both connections, their producers and consumers. Idempotent; the listener hears nothing more."""
        raise NotImplementedError("sessions are not built yet")
