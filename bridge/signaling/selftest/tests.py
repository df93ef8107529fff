"""The self-tests that run: each is a media session with nobody else in its room, which receives what it sends."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from bridge.errors import BridgeError
from bridge.sfu import (
    AudioLevel,
    ConnectionKind,
    ConnectionState,
    LegReport,
    QualityReport,
    Subscription,
    VideoState,
    ViewState,
    WantedEncodings,
)
from bridge.signaling.calls import JoinClaims, MediaPlane, MediaSession

_OVER = frozenset({ConnectionState.CLOSED, ConnectionState.FAILED})


@dataclass(frozen=True, slots=True)
class SelfTestSettings:
    """Bounds of self-tests."""

    max_tests: int = 20
    """At a time, of all visitors. 0: none."""
    max_per_identity: int = 2
    """At a time: one over UDP and one over TCP. One more, and the oldest ends."""
    duration: float = 60.0
    """Seconds until a self-test is ended."""
    max_body_bytes: int = 64 * 1024
    allowed_origins: tuple[str, ...] = ("*",)


class SelfTest:
    """One self-test: a session of media in a room that no token opens, and that nobody else is ever in."""

    def __init__(self, claims: JoinClaims, plane: MediaPlane, on_over: Callable[[SelfTest], None]) -> None:
        """Raises `BridgeError` (`media_overloaded`)."""
        self.id = secrets.token_urlsafe(12)
        self.owner = (claims.tenant, claims.identity)
        self._over = on_over
        self._producers: list[int] = []
        # Names of tenants begin with a letter or a digit: no room of a vendor's has such an id.
        self.media: MediaSession = plane.open_session(f"~selftest/{self.id}", self.id, self)

    async def publish(self, offer: str) -> str:
        """Answers an offer to send. Raises as `MediaSession.publish`, and `no_usable_media`."""
        result = await self.media.publish(offer)
        self._producers = [producer.producer_id for producer in (*result.kept, *result.new)]
        if not self._producers:
            raise BridgeError("no_usable_media", "The offer has no media that can be received here.")
        return result.answer

    async def echo(self, offer: str) -> str:
        """Answers an offer to receive: with what this very session sends. Raises as `MediaSession.watch`."""
        own = [Subscription(producer_id, "self", str(producer_id)) for producer_id in self._producers]
        return (await self.media.watch(offer, own)).answer

    # SessionListener

    def on_connection(self, kind: ConnectionKind, state: ConnectionState) -> None:
        """Ends the test with its connections."""
        if state in _OVER:
            self._over(self)

    def on_closed(self, reason: str) -> None:
        """The worker died."""
        self._over(self)

    def restarts_ice(self) -> bool:
        """The test is over before that would be of use."""
        return False

    def on_restart_wanted(self, kind: ConnectionKind) -> None:
        """Whether UDP works is what is tested; the client tests TCP by itself."""

    def on_producer(self, producer_id: int, live: bool) -> None:
        """The page sees for itself what comes back."""

    def on_consumer(self, producer_id: int, live: bool) -> None:
        """The page sees for itself what comes back."""

    def heeds_encodings(self) -> bool:
        """Nothing but its line is to bound what it sends: that is what is measured."""
        return True

    def on_encodings_wanted(self, producer_id: int, wanted: WantedEncodings) -> None:
        """All encodings are sent throughout: they are what is measured."""

    def on_video_state(self, producer_id: int, state: VideoState) -> None:
        """The page sees for itself what comes back."""

    def on_view(self, state: ViewState) -> None:
        """A self-test has one view."""

    def on_audio_levels(self, levels: Sequence[AudioLevel]) -> None:
        """Nobody is there to be told."""

    def on_active_speaker(self, producer_id: int | None) -> None:
        """Nobody is there to be told."""

    def on_quality(self, report: QualityReport) -> None:
        """The page measures by itself."""

    def on_legs(self, legs: Sequence[LegReport]) -> None:
        """Nobody receives anything else than what they send."""

    def on_negotiation_needed(self) -> None:
        """The client offers; the bridge does not."""


class SelfTests:
    """All self-tests, within their bounds."""

    def __init__(
        self,
        plane: MediaPlane,
        settings: SelfTestSettings,
        spawn: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        """`spawn` runs something in the background."""
        self._plane = plane
        self._settings = settings
        self._spawn = spawn
        self._running: dict[str, tuple[SelfTest, asyncio.TimerHandle]] = {}

    def __len__(self) -> int:
        return len(self._running)

    def start(self, claims: JoinClaims) -> SelfTest:
        """A new self-test. Raises `BridgeError`: `too_many_self_tests`, `media_overloaded`."""
        own = [test for test, _ in self._running.values() if test.owner == (claims.tenant, claims.identity)]
        if len(own) >= self._settings.max_per_identity:
            self.end(own[0])
        if len(self._running) >= self._settings.max_tests:
            raise BridgeError("too_many_self_tests", "As many self-tests run as may.", hint="Try again in a minute.")
        test = SelfTest(claims, self._plane, self.end)
        timer = asyncio.get_running_loop().call_later(self._settings.duration, self.end, test)
        self._running[test.id] = test, timer
        return test

    def find(self, test_id: str, claims: JoinClaims) -> SelfTest:
        """A self-test of one's own. Raises `BridgeError` (`not_found`), the same for another's."""
        test = self.get(test_id, claims)
        if test is None:
            raise BridgeError("not_found", "There is no such self-test, or not any more.")
        return test

    def get(self, test_id: str, claims: JoinClaims) -> SelfTest | None:
        """A self-test of one's own, if it runs."""
        test, _ = self._running.get(test_id, (None, None))
        return test if test is not None and test.owner == (claims.tenant, claims.identity) else None

    def end(self, test: SelfTest) -> None:
        """Ends a self-test. Idempotent."""
        found = self._running.pop(test.id, None)
        if found is not None:
            found[1].cancel()
            self._spawn(test.media.close())
