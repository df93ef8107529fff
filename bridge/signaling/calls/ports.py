"""What calls need from others, as protocols: `bridge.auth`, `bridge.sfu` and `bridge.observability` fit them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from bridge.room import Session
from bridge.sfu import (
    ComposedLayout,
    ConnectionKind,
    Party,
    PublishResult,
    SessionListener,
    SubscribeOffer,
    SubscribeResult,
    Subscription,
    View,
    WatchResult,
)


class Door(StrEnum):
    """Which way a client came in."""

    WEBSOCKET = "websocket"
    WHIP = "whip"
    WHEP = "whep"


class JoinClaims(Protocol):
    """What a verified join token says."""

    @property
    def tenant(self) -> str:
        """The vendor whose key signed it."""

    @property
    def room(self) -> str:
        """The room, within the tenant."""

    @property
    def identity(self) -> str:
        """Who it is."""

    @property
    def name(self) -> str:
        """What to call them."""

    @property
    def role(self) -> str:
        """What they are here for."""

    @property
    def grants(self) -> frozenset[str]:
        """What they may do."""

    @property
    def enters(self) -> str:
        """Where they find themselves: "direct" or "lobby"."""

    @property
    def level(self) -> str:
        """How surely they are known; empty if that was not told."""

    @property
    def may_host(self) -> bool:
        """Whether a host may hand its office over to them."""

    @property
    def consents(self) -> bool:
        """Whether a recording waits for their consent."""

    @property
    def consent_by_vendor(self) -> bool:
        """Whether the vendor's system asks them for consent, and hands their answers in."""

    @property
    def video_consent(self) -> bool:
        """Whether the room is to take cameras only after their owners' consent."""

    @property
    def view(self) -> str | None:
        """How they get the pictures of the others unless their client says so; None for each on its own."""

    @property
    def starts_in(self) -> float | None:
        """Seconds until the appointment begins; None if no time was told."""

    @property
    def ends_in(self) -> float | None:
        """Seconds until it ends; None if no time was told."""

    @property
    def token_id(self) -> str:
        """The token's own id."""

    @property
    def lifetime(self) -> float:
        """Seconds that the token may still be used for."""


class TokenRenewal(Protocol):
    """Gives those in a call fresh tokens, since theirs live minutes."""

    @property
    def interval(self) -> float:
        """Seconds after which another one is due."""

    def renew(self, claims: Any) -> str | None:
        """One that says what `claims` of the same bridge's verifier say; None once they are over for good."""


class TokenVerifier(Protocol):
    """Says what a token says, if it is genuine and of now."""

    async def verify(self, token: str, *, room: str | None = None) -> JoinClaims:
        """Raises `BridgeError`; `room`, if given, must be the token's."""


@dataclass(frozen=True, slots=True)
class Invited:
    """A link for somebody who is to come into a call."""

    id: str
    code: str = field(repr=False)
    """The secret of the link."""
    role: str
    level: str
    """The sign-in that it takes; "none" for a guest."""
    seconds: float
    """How long it can be used."""


class Inviter(Protocol):
    """Makes links for those in a call. Raises `BridgeError`."""

    async def invite(
        self, tenant: str, room: str, *, role: str, name: str, minutes: int, host: str, identity: str
    ) -> Invited:
        """One for one person, who has to be let in. `host` is a participant's id, `identity` whose that is."""

    async def revoke(self, tenant: str, room: str, invitation_id: str, *, host: str, identity: str) -> None:
        """Takes one back."""


class MediaSession(Protocol):
    """The media of one participant; see `bridge.sfu.MediaSession`, which this is the used part of."""

    async def publish(self, offer: str) -> PublishResult:
        """Answers an offer of the publish connection."""

    def pause_producer(self, producer_id: int, paused: bool) -> None:
        """Stops or resumes forwarding a producer."""

    def close_producer(self, producer_id: int) -> None:
        """Ends a producer."""

    def set_subscriptions(
        self, wanted: Sequence[Subscription], view: View, layout: ComposedLayout, *, hidden: bool
    ) -> None:
        """Says all that is to be received over the subscribe connection, and whether and how pictures come composed."""

    def show_parties(self, parties: Sequence[Party]) -> None:
        """Says who is in the room, for whoever receives it composed or mixed."""

    def hear_always(self, producer_ids: Sequence[int]) -> None:
        """Says whose sound everyone in the room receives, however many are louder."""

    async def subscribe_offer(self, *, ice_restart: bool = False) -> SubscribeOffer:
        """An offer of the subscribe connection."""

    async def subscribe_answer(self, answer: str, revision: int) -> SubscribeResult:
        """Takes the answer to it."""

    async def watch(
        self,
        offer: str,
        producers: Sequence[Subscription],
        *,
        view: View = View.SEPARATE,
        layout: ComposedLayout = ...,
        without: str | None = None,
    ) -> WatchResult:
        """Answers a client's offer to receive, composed and mixed without somebody's voice where `view` says so."""

    def trickles(self, kind: ConnectionKind, fragment: str) -> bool:
        """Whether a trickle-ice-sdpfrag tells candidates, with the ICE credentials that the peer has."""

    async def restart_ice(self, kind: ConnectionKind, fragment: str, *, demanded: bool) -> str | None:
        """Takes a trickle-ice-sdpfrag; the answer if it restarted ICE, which it has to do if that is `demanded`."""

    async def stats(self) -> Mapping[str, Any]:
        """`{"publish": TransportStats | None, "subscribe": TransportStats | None}`."""

    async def close(self) -> None:
        """Ends it all."""


class MediaPlane(Protocol):
    """Where media sessions come from; see `bridge.sfu.Sfu`."""

    def open_session(self, room_id: str, session_id: str, listener: SessionListener) -> MediaSession:
        """Raises `BridgeError` when there is no place."""


class Recorder(Protocol):
    """Records rooms. Told on the event loop; must not block and not raise."""

    def start(self, room_id: str) -> None:
        """Everyone has consented: records from now on, or goes on."""

    def pause(self, room_id: str) -> None:
        """Somebody is about to enter who has not consented yet: records nothing until `start` or `stop`."""

    def stop(self, room_id: str) -> None:
        """It is over, perhaps since somebody took their consent back."""


class Keeper(Protocol):
    """Keeps what outlives the bridge."""

    async def settled(self) -> None:
        """Returns when what was decided so far is on disk, or is known to be missing there; never raises."""


class CallObserver(Protocol):
    """Counts what happens to calls. Must not block and not raise; is told no names and no tokens."""

    def on_joined(self, door: Door) -> None:
        """A client is in a room."""

    def on_refused(self, door: Door, code: str) -> None:
        """A request was refused, or a client turned away, with this error code."""

    def on_first_media(self, door: Door, seconds: float) -> None:
        """A call's first connection stands, so long after it was joined."""

    def on_resumed(self) -> None:
        """A client took its session up again."""

    def on_ended(self, door: Door, reason: str) -> None:
        """A call ended."""


class SessionObserver(Protocol):
    """Keeps records of sessions. Must not block and not raise."""

    def on_opened(self, session: Session, claims: JoinClaims, door: str) -> None:
        """A client has joined, or waits in the lobby. The room tells when its session ends."""

    def on_stalled(self, session_id: str, *, to_bridge: bool) -> None:
        """Media stopped without anyone asking for it: from the client to the bridge, or from the bridge to it."""

    def on_video_reduced(self, session_id: str, source_id: int, reduced: bool) -> None:
        """The client's line is too weak for more than still pictures of a video, or no longer is."""


class SilentSessionObserver:
    """Keeps nothing."""

    def on_opened(self, session: Session, claims: JoinClaims, door: str) -> None:
        """Nothing."""

    def on_stalled(self, session_id: str, *, to_bridge: bool) -> None:
        """Nothing."""

    def on_video_reduced(self, session_id: str, source_id: int, reduced: bool) -> None:
        """Nothing."""


class SilentObserver:
    """Counts nothing."""

    def on_joined(self, door: Door) -> None:
        """Nothing."""

    def on_refused(self, door: Door, code: str) -> None:
        """Nothing."""

    def on_first_media(self, door: Door, seconds: float) -> None:
        """Nothing."""

    def on_resumed(self) -> None:
        """Nothing."""

    def on_ended(self, door: Door, reason: str) -> None:
        """Nothing."""
